/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The one private-key operation of a handshake.  The TLS library asks for
 * it by a call that has to return the answer, so the session waits here:
 * it serves nobody else.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

static int	 sign_hook(const struct securetcp_signing *, void *);
static void	 sign_ask(struct session *, const struct securetcp_signing *);
static void	 sign_wait(struct session *);
static int	 sign_fail(struct session *, int, const char *);

/* The hook is installed once and for all; whom it serves, after the fork. */
static struct session	*sign_for;

int
sign_init(void)
{
	return (securetcp_set_signer(sign_hook, NULL));
}

void
sign_session(struct session *s)
{
	sign_for = s;
}

static int
sign_hook(const struct securetcp_signing *ss, void *arg)
{
	struct session	*s = sign_for;

	(void)arg;
	/* No session: the spawner itself has no use for a signature. */
	if (s == NULL)
		return (-1);
	if (s->s_sign != SIGN_NONE)
		return (sign_fail(s, ptProtocol,
		    "a second signature was wanted"));
	if (ss->ss_inlen > WIRE_SIGNMAX)
		return (sign_fail(s, ptNoCertificate,
		    "key too large to be signed with"));
	sign_ask(s, ss);
	sign_wait(s);
	if (s->s_sign != SIGN_GIVEN)
		return (-1);
	if (s->s_signature.wl_len == 0 ||
	    s->s_signature.wl_len > ss->ss_outsize)
		return (sign_fail(s, ptNoCertificate,
		    "the signer's answer has an impossible length"));
	memcpy(ss->ss_out, s->s_signature.wl_data, s->s_signature.wl_len);
	return (s->s_signature.wl_len);
}

static void
sign_ask(struct session *s, const struct securetcp_signing *ss)
{
	struct wire_asksign	 wq;

	memset(&wq, 0, sizeof(wq));
	memcpy(wq.wq_id, ss->ss_id, sizeof(wq.wq_id));
	wq.wq_type = ss->ss_type == SECURETCP_RSA ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA;
	wq.wq_len = (uint16_t)ss->ss_inlen;
	memcpy(wq.wq_data, ss->ss_in, ss->ss_inlen);
	s->s_sign = SIGN_ASKED;
	if (wire_send(s->s_pipe, WIRE_ASKSIGN, -1, &wq, sizeof(wq)) == -1)
		helper_fatal(s->s_pipe, "session: ASKSIGN: %s",
		    strerror(errno));
	helper_flush(s->s_pipe);
}

/*
 * How the peer has gone, or NULL.  It has nothing more to say before our
 * answer, so that its end is no half of a goodbye.
 */
static const char *
sign_deserted(const struct session *s)
{
	char	 c;

	switch (recv(s->s_adopted, &c, 1, MSG_PEEK)) {
	case 0:
		return ("end of file");
	case -1:
		if (errno != EAGAIN && errno != EINTR)
			return (strerror(errno));
		break;
	}
	return (NULL);
}

/*
 * An order to end makes the signature useless, and so does a peer that has
 * left: they end the wait.
 */
static void
sign_wait(struct session *s)
{
	const char	*how;
	char		 reason[WIRE_REASON];
	int		 fd = s->s_adopted;

	while (s->s_sign == SIGN_ASKED && !s->s_close && !s->s_refused) {
		switch (pipe_poll(s, fd, s->s_deadline)) {
		case 0:
			(void)sign_fail(s, ptTimeout, timer_reason("handshake",
			    s->s_server->sv_wire.wv_handshake, reason,
			    sizeof(reason)));
			break;
		case PIPE_READABLE:
			if (s->s_sign == SIGN_ASKED &&
			    (how = sign_deserted(s)) != NULL) {
				(void)snprintf(reason, sizeof(reason),
				    "the peer left in the middle of the "
				    "handshake: %s", how);
				(void)sign_fail(s, ptConnectionAborted, reason);
			}
			/* Early data, or what is none: not looked at yet. */
			fd = -1;
			break;
		}
	}
	if (s->s_sign == SIGN_ASKED)
		(void)sign_fail(s, ptAbort, "");
}

static int
sign_fail(struct session *s, int error, const char *reason)
{
	s->s_sign = SIGN_FAILED;
	s->s_signerror = error;
	(void)strlcpy(s->s_signreason, reason, sizeof(s->s_signreason));
	return (-1);
}
