/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Authentication: the verdicts, the event, and what was decided. */

#include <sys/types.h>

#include <string.h>
#include <tls.h>

#include <openssl/err.h>

#include "object.h"
#include "securetcp.h"

static int	 authenticate_needed(struct securetcp *);
static void	 authenticate_judge(struct securetcp *,
		    struct securetcp_verdicts *, char *, size_t);
static void	 authenticate_name(struct securetcp *,
		    struct securetcp_verdicts *, char *, size_t);
static void	 authenticate_ask(struct securetcp *,
		    struct securetcp_verdicts *, const char *);
static void	 authenticate_done(struct securetcp *, int, const char *);

void
authenticate(struct securetcp *s)
{
	struct securetcp_verdicts	 sv;
	char				 why[OBJECT_REASON];

	if (!authenticate_needed(s)) {
		if (s->st_state == SECURETCP_CONNECTING)
			poll_connected(s);
		return;
	}
	if (peer_learn(s) == -1) {
		object_say(s, "out of memory for the peer's certificate");
		object_fail(s, ptNoBufferSpace);
		return;
	}
	memset(&sv, 0, sizeof(sv));
	why[0] = '\0';
	authenticate_judge(s, &sv, why, sizeof(why));
	authenticate_ask(s, &sv, why);
}

/* No: the state says whether that is well. */
static int
authenticate_needed(struct securetcp *s)
{
	enum securetcp_authentication	 auth = config_asks(s->st_config);

	if (!s->st_client && auth == SECURETCP_AUTH_OFF)
		return (0);
	if (tls_peer_cert_provided(s->st_tls))
		return (1);
	if (s->st_client || auth == SECURETCP_AUTH_REQUIRED) {
		object_say(s, "the %s has sent no certificate",
		    s->st_client ? "server" : "client");
		object_fail(s, ptAuthentication);
	}
	return (0);
}

static void
authenticate_judge(struct securetcp *s, struct securetcp_verdicts *sv,
    char *why, size_t size)
{
	struct stack_st_X509_CRL	*crls;
	struct x509_store_st		*store;
	const uint8_t			*pem;
	size_t				 len;

	store = config_trust(s->st_config, &crls);
	pem = peer_pem(s, &len);
	verify_chain(store, crls, pem, len, s->st_client, sv, why, size);
	authenticate_name(s, sv, why, size);
	sv->sv_valid = sv->sv_trusted && sv->sv_date && sv->sv_signature &&
	    sv->sv_name && sv->sv_notrevoked;
	sv->sv_reason = why;
	ERR_clear_error();
}

/* In the leaf alone. */
static void
authenticate_name(struct securetcp *s, struct securetcp_verdicts *sv,
    char *why, size_t size)
{
	char	 text[OBJECT_REASON];

	sv->sv_name = 1;
	if (!s->st_client || !config_names(s->st_config))
		return;
	if (s->st_name != NULL && tls_peer_cert_contains_name(s->st_tls,
	    s->st_name) == 1)
		return;
	sv->sv_name = 0;
	if (*why != '\0')
		return;
	if (s->st_name == NULL)
		memory_copy(text, sizeof(text), "no name of the server is "
		    "known to look for in its certificate");
	else {
		memory_copy(text, sizeof(text), "the server's certificate is "
		    "not for ");
		memory_copy(text + strlen(text), sizeof(text) - strlen(text),
		    s->st_name);
	}
	memory_copy(why, size, text);
}

static void
authenticate_ask(struct securetcp *s, struct securetcp_verdicts *sv,
    const char *why)
{
	uint64_t	 serial = s->st_serial;
	int		 valid;

	s->st_phase = OBJECT_JUDGING;
	s->st_verdict = SECURETCP_LATER;
	object_say(s, "%s", why);
	if (s->st_handlers.st_authenticate != NULL) {
		s->st_handling++;
		s->st_handlers.st_authenticate(s, sv, s->st_arg);
		s->st_handling--;
	}
	if (!object_same(s, serial) || s->st_state != SECURETCP_CONNECTING)
		return;
	valid = s->st_verdict == SECURETCP_LATER ? sv->sv_valid :
	    s->st_verdict;
	if (valid != SECURETCP_LATER)
		authenticate_done(s, valid, "refused by the program");
	else if (s->st_blocking)
		authenticate_done(s, 0, "no verdict was given in time");
	else
		s->st_phase = OBJECT_WAITING;
}

static void
authenticate_done(struct securetcp *s, int valid, const char *otherwise)
{
	if (valid) {
		s->st_reason[0] = '\0';
		poll_connected(s);
		return;
	}
	if (s->st_reason[0] == '\0')
		object_say(s, "the peer's certificate: %s", otherwise);
	object_fail(s, ptAuthentication);
}

int
securetcp_verdict(struct securetcp *s, int valid)
{
	if (s->st_state != SECURETCP_CONNECTING ||
	    (s->st_phase != OBJECT_JUDGING && s->st_phase != OBJECT_WAITING))
		return (ptNotConnected);
	valid = valid != 0;
	if (s->st_phase == OBJECT_JUDGING) {
		s->st_verdict = valid;
		return (ptOk);
	}
	object_hold(s);
	authenticate_done(s, valid, "refused by the program");
	object_release(s);
	return (ptOk);
}
