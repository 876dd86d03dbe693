/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Authentication: the verdicts, the event, and what was decided.  It takes
 * place inside the handshake, so that a peer that is refused is told so; the
 * peer has not shown yet that it has the key of its certificate.
 */

#include <sys/types.h>

#include <string.h>

#include <openssl/err.h>

#include "object.h"
#include "securetcp.h"
#include "verify.h"

static int	 authenticate_judge(struct securetcp *, struct verify *,
		    struct securetcp_verdicts *);
static int	 authenticate_name(struct securetcp *, struct verify *,
		    struct securetcp_verdicts *);
static int	 authenticate_ask(struct securetcp *,
		    struct securetcp_verdicts *);
static void	 authenticate_refuse(struct securetcp *, const char *);

enum object_refusal
authenticate(struct securetcp *s, STACK_OF(X509) *chain)
{
	struct securetcp_verdicts	 sv;
	struct verify			 ve;
	char				 why[OBJECT_REASON] = "";

	/* Once; and not of a connection that a handler has ended. */
	if (s->st_phase != OBJECT_HANDSHAKE || s->st_judged)
		return (REFUSAL_DENIED);
	s->st_judged = 1;
	memset(&sv, 0, sizeof(sv));
	memset(&ve, 0, sizeof(ve));
	ve.ve_chain = chain;
	ve.ve_why = why;
	ve.ve_size = sizeof(why);
	if (chain == NULL || peer_learn(s, chain) == -1 ||
	    authenticate_judge(s, &ve, &sv) == -1) {
		peer_forget(s);
		object_say(s, "out of memory for the peer's certificate");
		s->st_refused = ptNoBufferSpace;
		return (REFUSAL_MEMORY);
	}
	if (authenticate_ask(s, &sv))
		return (REFUSAL_NONE);
	return (ve.ve_refusal == REFUSAL_NONE ? REFUSAL_DENIED :
	    ve.ve_refusal);
}

/* -1: out of memory. */
static int
authenticate_judge(struct securetcp *s, struct verify *ve,
    struct securetcp_verdicts *sv)
{
	ve->ve_store = config_trust(s->st_config, &ve->ve_crls);
	ve->ve_client = s->st_client;
	verify_chain(ve, sv);
	if (authenticate_name(s, ve, sv) == -1)
		return (-1);
	sv->sv_valid = sv->sv_trusted && sv->sv_date && sv->sv_signature &&
	    sv->sv_name && sv->sv_notrevoked;
	sv->sv_reason = ve->ve_why;
	ERR_clear_error();
	return (0);
}

/* In the leaf alone. */
static int
authenticate_name(struct securetcp *s, struct verify *ve,
    struct securetcp_verdicts *sv)
{
	sv->sv_name = 1;
	if (!s->st_client || !config_names(s->st_config))
		return (0);
	if (s->st_name == NULL) {
		sv->sv_name = 0;
		why_say(ve, REFUSAL_BAD, "no name of the server is known to "
		    "look for in its certificate");
		return (0);
	}
	sv->sv_name = chain_is_for(ve->ve_leaf, s->st_name);
	if (sv->sv_name == 0)
		why_say(ve, REFUSAL_BAD, "the server's certificate is not for "
		    "%s", s->st_name);
	return (sv->sv_name == -1 ? -1 : 0);
}

/*
 * True when the handshake goes on.  The handler may end the connection, and
 * begin another one: its calls are none from inside the TLS library.
 */
static int
authenticate_ask(struct securetcp *s, struct securetcp_verdicts *sv)
{
	uint64_t	 serial = s->st_serial;

	s->st_phase = OBJECT_JUDGING;
	s->st_verdict = SECURETCP_LATER;
	object_say(s, "%s", sv->sv_reason);
	if (s->st_handlers.st_authenticate != NULL) {
		s->st_inside = 0;
		s->st_handling++;
		s->st_handlers.st_authenticate(s, sv, s->st_arg);
		s->st_handling--;
		if (!object_same(s, serial) ||
		    s->st_state != SECURETCP_CONNECTING)
			return (0);
		s->st_inside = 1;
	}
	s->st_phase = OBJECT_HANDSHAKE;
	if (s->st_verdict == SECURETCP_LATER &&
	    sv->sv_valid != SECURETCP_LATER)
		s->st_verdict = sv->sv_valid != 0;
	if (s->st_verdict == SECURETCP_LATER && s->st_blocking) {
		authenticate_refuse(s, "no verdict was given in time");
		return (0);
	}
	if (s->st_verdict == 0)
		authenticate_refuse(s, "refused by the program");
	else if (s->st_verdict == 1)
		s->st_reason[0] = '\0';
	return (s->st_verdict != 0);
}

static void
authenticate_refuse(struct securetcp *s, const char *otherwise)
{
	s->st_refused = ptAuthentication;
	if (s->st_reason[0] == '\0')
		object_say(s, "the peer's certificate: %s", otherwise);
}

/* The handshake is done; a verdict may be awaited still. */
void
authenticate_end(struct securetcp *s)
{
	if (!s->st_judged && (s->st_client ||
	    config_asks(s->st_config) == SECURETCP_AUTH_REQUIRED)) {
		object_say(s, "the %s has sent no certificate",
		    s->st_client ? "server" : "client");
		object_fail(s, ptAuthentication);
	} else if (s->st_judged && s->st_verdict == SECURETCP_LATER)
		s->st_phase = OBJECT_WAITING;
	else
		poll_connected(s);
}

/*
 * From inside the handler, or later: then the handshake may not be done, and
 * a good verdict waits for its end.
 */
int
securetcp_verdict(struct securetcp *s, int valid)
{
	if (s->st_state != SECURETCP_CONNECTING || !s->st_judged ||
	    (s->st_phase != OBJECT_JUDGING &&
	    s->st_verdict != SECURETCP_LATER))
		return (ptNotConnected);
	if (s->st_inside)
		return (ptBlocked);
	s->st_verdict = valid != 0;
	if (s->st_phase == OBJECT_JUDGING)
		return (ptOk);
	object_hold(s);
	if (!valid) {
		authenticate_refuse(s, "refused by the program");
		object_fail(s, ptAuthentication);
	} else {
		s->st_reason[0] = '\0';
		if (s->st_phase == OBJECT_WAITING)
			poll_connected(s);
	}
	object_release(s);
	return (ptOk);
}
