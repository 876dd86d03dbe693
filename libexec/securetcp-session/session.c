/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A connection, from the fork to the end: idle, connecting, waiting for the
 * parent's verdict, and then the relay.  The messages from the parent and the
 * events of the SecureTcp object are noted, and acted upon by the loops; the
 * requests to the parent are here as well.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "match.h"
#include "procs.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define PIPE_READABLE	2

static void	 session_start(struct session_self *,
		    const struct session_server *, uint64_t, int);
static void	 session_idle(struct session_self *);
static void	 session_adopt(struct session_self *);
static void	 session_handshake(struct session_self *);
static void	 session_failed(struct session_self *);
static int	 session_denied(const struct session_self *);
static void	 session_established(struct session_self *);
static void	 session_wait(struct session_self *);
static void	 session_close(struct session_self *, int, const char *);
static int	 session_poll(struct session_self *, int64_t);
static int	 session_resets(const struct session_self *, int);
static void	 session_title(const struct session_self *, const char *);
static void	 pipe_wait(struct session_self *);
static int	 pipe_await(struct session_self *, int64_t);
static int	 pipe_poll(struct session_self *, int, int64_t);
static void	 pipe_message(struct session_self *, struct imsg *);
static void	 pipe_adopt(struct session_self *, struct imsg *);
static void	 pipe_accept(struct session_self *, struct imsg *);
static void	 pipe_signature(struct session_self *, struct imsg *);
static void	 pipe_allowed(struct session_self *, struct imsg *);
static void	 pipe_nosignature(struct session_self *, struct imsg *);
static void	 events_state(struct securetcp *, enum securetcp_state, void *);
static void	 events_error(struct securetcp *, int, const char *, void *);
static void	 events_receive(struct securetcp *, void *);
static void	 events_send(struct securetcp *, void *);
static void	 events_authenticate(struct securetcp *,
		    struct securetcp_verdicts *, void *);
static int	 sign_hook(const struct securetcp_signing *, void *);
static void	 sign_ask(struct session_self *,
		    const struct securetcp_signing *);
static void	 sign_wait(struct session_self *);
static int	 sign_fail(struct session_self *, int, const char *);
static void	 facts_fill(const struct session_self *,
		    struct wire_established *);
static int	 facts_allowed(struct session_self *);
static void	 facts_servername(const struct session_self *, char *, size_t);
static int	 facts_names(struct securetcp *, char *, size_t);
static int	 facts_name(const char *, char *, size_t);
static void	 facts_peer(struct securetcp *, struct wire_established *);

static const struct securetcp_handlers	 events_handlers = {
	events_state,
	events_error,
	events_receive,
	events_send,
	events_authenticate
};

static struct imsgbuf	 session_imsgbuf;

/* The hook is installed once and for all; whom it serves, after the fork. */
static struct session_self	*sign_for;

/* In the forked child, with its end of its pipe. */
void
session_run(const struct session_server *sv, uint64_t id, int fd)
{
	static struct session_self	 session;
	struct session_self		*s = &session;

	session_start(s, sv, id, fd);
	session_idle(s);
	session_adopt(s);
	session_handshake(s);
	session_established(s);
	session_wait(s);
	helper_sandbox(s->s_pipe, &sv->sv_start, SANDBOX_RELAY);
	relay_run(s);
}

static void
session_start(struct session_self *s, const struct session_server *sv,
    uint64_t id, int fd)
{
	procs_child();
	/* Without its pipe there is nobody to tell what went wrong. */
	if (dup2(fd, WIRE_FD) == -1)
		_exit(HELPER_FATAL);
	closefrom(WIRE_FD + 1);

	s->s_server = sv;
	s->s_pipe = &session_imsgbuf;
	s->s_id = id;
	s->s_adopted = s->s_backend = -1;
	if (imsgbuf_init(s->s_pipe, WIRE_FD) == -1)
		_exit(HELPER_FATAL);
	imsgbuf_allow_fdpass(s->s_pipe);
	setprogname("securetcp-session");
	session_title(s, "idle");
	if (privdrop_limits(SESSION_NOFILE, 1) == -1)
		helper_fatal(s->s_pipe, "session: limits: %s",
		    strerror(errno));
	helper_sandbox(s->s_pipe, &sv->sv_start, SANDBOX_SESSION);
	sign_for = s;
}

static void
session_idle(struct session_self *s)
{
	while (s->s_adopted == -1) {
		pipe_wait(s);
		/* Without a connection there is nothing to report. */
		if (s->s_adopted == -1 && (s->s_close || s->s_refused))
			_exit(HELPER_OK);
	}
}

static void
session_adopt(struct session_self *s)
{
	const struct wire_server	*wv = &s->s_server->sv_wire;
	int				 error;

	s->s_deadline = timer_after(wv->wv_handshake);
	s->s_tcp = securetcp_new(s->s_server->sv_config, &events_handlers, s);
	if (s->s_tcp == NULL)
		session_done(s, ptNoBufferSpace, "out of memory");
	error = securetcp_set_half_close(s->s_tcp, 1);
	if (error == ptOk && wv->wv_flags & WIRE_SERVER_CLIENT) {
		error = securetcp_set_timeout(s->s_tcp, 0);
		s->s_assigned = 1;
		if (error == ptOk)
			error = securetcp_connect_socket(s->s_tcp,
			    s->s_adopted, s->s_adopt.wad_servername);
	} else if (error == ptOk) {
		front_read(s);
		s->s_assigned = 1;
		error = securetcp_set_socket(s->s_tcp, s->s_adopted);
	}
	if (error != ptOk)
		session_done(s, error, securetcp_reason(s->s_tcp));
}

static void
session_handshake(struct session_self *s)
{
	char	 reason[WIRE_REASON];

	while (!s->s_connected && !s->s_closed) {
		/* Orders may have come together with ADOPT. */
		if (s->s_refused || s->s_close)
			session_ordered(s);
		if (session_poll(s, s->s_deadline) == 0 &&
		    s->s_deadline != 0 && compat_now() >= s->s_deadline)
			session_done(s, ptTimeout, timer_reason("handshake",
			    s->s_server->sv_wire.wv_handshake, reason,
			    sizeof(reason)));
	}
	if (s->s_refused || s->s_close)
		session_ordered(s);
	if (s->s_closed)
		session_failed(s);
}

/*
 * The signer's reason says more than what the TLS library made of it, and so
 * do the rules.
 */
static void
session_failed(struct session_self *s)
{
	char	 reason[WIRE_REASON];

	if (s->s_front.fr_again != NULL)
		session_done(s, ptProtocol, s->s_front.fr_again);
	if (session_denied(s))
		(void)facts_allowed(s);
	if (s->s_refused || s->s_close)
		session_ordered(s);
	if (s->s_identity == IDENTITY_ASKED)
		session_done(s, ptTimeout, timer_reason("handshake",
		    s->s_server->sv_wire.wv_handshake, reason,
		    sizeof(reason)));
	if (s->s_sign != SIGN_FAILED)
		session_done(s, s->s_error, s->s_reason);
	if (s->s_signerror == 0)
		s->s_signerror = s->s_error != 0 ? s->s_error :
		    ptNoCertificate;
	session_done(s, s->s_signerror, s->s_signreason);
}

/* By a rule, for want of a certificate: which one it was is yet to be told. */
static int
session_denied(const struct session_self *s)
{
	return (s->s_server->sv_wire.wv_flags & WIRE_SERVER_NONE &&
	    s->s_error == ptAuthentication &&
	    s->s_identity == IDENTITY_NONE &&
	    securetcp_peer_hash(s->s_tcp)[0] == '\0');
}

static void
session_established(struct session_self *s)
{
	struct wire_established	 wh;
	const char		*why;

	if ((why = front_check(s)) != NULL)
		session_close(s, ptProtocol, why);
	facts_fill(s, &wh);
	helper_say(s->s_pipe, WIRE_ESTABLISHED, &wh, sizeof(wh));
}

/* Nothing is read from the peer while the parent decides. */
static void
session_wait(struct session_self *s)
{
	while (s->s_mode == 0) {
		if (s->s_refused || s->s_close)
			session_ordered(s);
		pipe_wait(s);
	}
}

/* REFUSE or CLOSE before the relay began. */
void
session_ordered(struct session_self *s)
{
	int		 error;
	const char	*reason;

	if (s->s_refused) {
		error = (int)s->s_refuse.wo_error;
		reason = s->s_refuse.wo_reason;
	} else {
		error = s->s_connected ? ptOk : ptAbort;
		reason = "closed on request";
	}
	if (s->s_connected && !s->s_closed)
		session_close(s, error, reason);
	session_done(s, error, reason);
}

/* Ends in DONE with what is given, however the peer takes the end. */
static void
session_close(struct session_self *s, int error, const char *reason)
{
	int64_t	 deadline;

	deadline = timer_after(s->s_server->sv_wire.wv_close);
	if (securetcp_close(s->s_tcp) == ptOk) {
		while (!s->s_closed) {
			if (session_poll(s, deadline) == 0 && deadline != 0 &&
			    compat_now() >= deadline)
				break;
		}
	}
	session_done(s, error, reason);
}

/* Waits for the pipe and the object; the number of them that were ready. */
static int
session_poll(struct session_self *s, int64_t deadline)
{
	struct pollfd	 pfd[1 + SESSION_POLLFDS];
	size_t		 nfds;
	int		 n, timeout;

	pfd[0].fd = WIRE_FD;
	pfd[0].events = POLLIN;
	pfd[0].revents = 0;
	nfds = securetcp_pollfds(s->s_tcp, pfd + 1, SESSION_POLLFDS, &timeout);
	n = poll(pfd, (nfds_t)(nfds + 1), timer_poll(deadline, timeout));
	if (n == -1) {
		if (errno != EINTR)
			helper_fatal(s->s_pipe, "session: poll: %s",
			    strerror(errno));
		return (0);
	}
	if (pfd[0].revents != 0)
		pipe_read(s);
	(void)securetcp_dispatch(s->s_tcp, pfd + 1, nfds);
	return (n);
}

/*
 * Is the backend to see a reset?  A client of ours believes in every end it
 * sees; a server's backend is told of failures, and of an end by order as
 * what it is.
 */
static int
session_resets(const struct session_self *s, int error)
{
	const struct wire_server	*wv = &s->s_server->sv_wire;

	return (s->s_partial && (error != ptOk ||
	    wv->wv_flags & WIRE_SERVER_CLIENT ||
	    (wv->wv_flags & WIRE_SERVER_RESET &&
	    securetcp_truncated(s->s_tcp))));
}

/* The last word; descriptors are closed first, so that DONE means it. */
void
session_done(struct session_self *s, int error, const char *reason)
{
	struct wire_done	 wd;

	memset(&wd, 0, sizeof(wd));
	wd.wd_error = (uint32_t)error;
	(void)strlcpy(wd.wd_reason, reason, sizeof(wd.wd_reason));
	if (s->s_tcp != NULL) {
		wd.wd_in = securetcp_bytes_in(s->s_tcp);
		wd.wd_out = securetcp_bytes_out(s->s_tcp);
		if (!s->s_front.fr_heard && securetcp_silent(s->s_tcp))
			wd.wd_flags |= WIRE_DONE_SILENT;
		/* A health check that wants to see the handshake. */
		if (error == ptConnectionReset && s->s_error == error &&
		    wd.wd_in == 0)
			wd.wd_flags |= WIRE_DONE_SILENT;
		if (securetcp_truncated(s->s_tcp))
			wd.wd_flags |= WIRE_DONE_TRUNCATED;
		if (securetcp_distrusted(s->s_tcp))
			wd.wd_flags |= WIRE_DONE_DISTRUST;
		if (s->s_late)
			wd.wd_flags |= WIRE_DONE_LATE;
		if (s->s_gone)
			wd.wd_flags |= WIRE_DONE_GONE;
		if (session_resets(s, error))
			wd.wd_flags |= WIRE_DONE_RESET;
		securetcp_free(s->s_tcp);
		s->s_tcp = NULL;
	}
	if (!s->s_assigned && s->s_adopted != -1)
		(void)close(s->s_adopted);
	if (s->s_backend != -1)
		(void)close(s->s_backend);
	if (wire_send(s->s_pipe, WIRE_DONE, -1, &wd, sizeof(wd)) == -1)
		_exit(HELPER_FATAL);
	helper_flush(s->s_pipe);
	_exit(HELPER_OK);
}

static void
session_title(const struct session_self *s, const char *state)
{
	setproctitle("%llu %s %s", (unsigned long long)s->s_id,
	    s->s_server->sv_wire.wv_name, state);
}

/* The pipe's end: what the parent ordered is noted here. */

/* Takes what has come; to be called when poll(2) says there is something. */
void
pipe_read(struct session_self *s)
{
	struct imsg	 imsg;
	ssize_t		 n;

	switch (imsgbuf_read(s->s_pipe)) {
	case 0:
		_exit(HELPER_PIPE);
	case -1:
		if (errno == ECONNRESET)
			_exit(HELPER_PIPE);
		helper_fatal(s->s_pipe, "session: reading the pipe: %s",
		    strerror(errno));
	}
	for (;;) {
		if ((n = imsgbuf_get(s->s_pipe, &imsg)) == -1)
			helper_fatal(s->s_pipe, "session: malformed message: "
			    "%s", strerror(errno));
		if (n == 0)
			return;
		pipe_message(s, &imsg);
		imsg_free(&imsg);
	}
}

/* Blocks until something has come, and takes it. */
static void
pipe_wait(struct session_self *s)
{
	(void)pipe_await(s, 0);
}

/* The same up to a deadline: false when that is over. */
static int
pipe_await(struct session_self *s, int64_t deadline)
{
	return (pipe_poll(s, -1, deadline) != 0);
}

/*
 * And with a socket, unless that is -1: PIPE_READABLE when it has something,
 * if only its end.
 */
static int
pipe_poll(struct session_self *s, int fd, int64_t deadline)
{
	struct pollfd	 pfd[2];

	pfd[0].fd = WIRE_FD;
	pfd[1].fd = fd;
	pfd[0].events = pfd[1].events = POLLIN;
	pfd[0].revents = pfd[1].revents = 0;
	switch (poll(pfd, fd == -1 ? 1 : 2, timer_poll(deadline, -1))) {
	case -1:
		if (errno == EINTR)
			return (1);
		helper_fatal(s->s_pipe, "session: poll: %s", strerror(errno));
	case 0:
		return (0);
	default:
		if (pfd[0].revents != 0)
			pipe_read(s);
		return (pfd[1].revents != 0 ? PIPE_READABLE : 1);
	}
}

static void
pipe_message(struct session_self *s, struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_ADOPT:
		pipe_adopt(s, imsg);
		break;
	case WIRE_SIGNATURE:
		pipe_signature(s, imsg);
		break;
	case WIRE_NOSIGNATURE:
		pipe_nosignature(s, imsg);
		break;
	case WIRE_ALLOWED:
		pipe_allowed(s, imsg);
		break;
	case WIRE_ACCEPT:
		pipe_accept(s, imsg);
		break;
	case WIRE_REFUSE:
		helper_parse(s->s_pipe, imsg, &s->s_refuse,
		    sizeof(s->s_refuse));
		s->s_refused = 1;
		break;
	case WIRE_CLOSE:
		s->s_close = 1;
		break;
	default:
		helper_fatal(s->s_pipe, "session: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
}

static void
pipe_adopt(struct session_self *s, struct imsg *imsg)
{
	if (s->s_tcp != NULL || s->s_adopted != -1)
		helper_fatal(s->s_pipe, "session: a second ADOPT");
	if ((s->s_adopted = wire_fd(imsg)) == -1)
		helper_fatal(s->s_pipe, "session: ADOPT came without a socket");
	helper_parse(s->s_pipe, imsg, &s->s_adopt, sizeof(s->s_adopt));
}

static void
pipe_accept(struct session_self *s, struct imsg *imsg)
{
	struct wire_accept	 wa;

	if (s->s_mode != 0 || !s->s_connected)
		helper_fatal(s->s_pipe, "session: unexpected ACCEPT");
	s->s_backend = wire_fd(imsg);
	helper_parse(s->s_pipe, imsg, &wa, sizeof(wa));
	switch (wa.wa_mode) {
	case WIRE_MODE_BACKEND:
	case WIRE_MODE_PROGRAM:
		if (s->s_backend == -1)
			helper_fatal(s->s_pipe, "session: ACCEPT came without "
			    "a backend's descriptor");
		break;
	case WIRE_MODE_ECHO:
		if (s->s_backend != -1)
			helper_fatal(s->s_pipe, "session: ACCEPT for echo came "
			    "with a descriptor");
		break;
	default:
		helper_fatal(s->s_pipe, "session: ACCEPT with mode %u",
		    wa.wa_mode);
	}
	s->s_mode = wa.wa_mode;
}

static void
pipe_signature(struct session_self *s, struct imsg *imsg)
{
	/* Too late for the deadline: the handshake has failed already. */
	if (s->s_sign == SIGN_FAILED)
		return;
	if (s->s_sign != SIGN_ASKED)
		helper_fatal(s->s_pipe, "session: unexpected SIGNATURE");
	helper_parse(s->s_pipe, imsg, &s->s_signature, sizeof(s->s_signature));
	s->s_sign = SIGN_GIVEN;
}

static void
pipe_nosignature(struct session_self *s, struct imsg *imsg)
{
	struct wire_text	 wt;

	if (s->s_sign == SIGN_FAILED)
		return;
	if (s->s_sign != SIGN_ASKED)
		helper_fatal(s->s_pipe, "session: unexpected NOSIGNATURE");
	helper_parse(s->s_pipe, imsg, &wt, sizeof(wt));
	(void)strlcpy(s->s_signreason, wt.wt_text, sizeof(s->s_signreason));
	s->s_sign = SIGN_FAILED;
}

static void
pipe_allowed(struct session_self *s, struct imsg *imsg)
{
	if (s->s_identity != IDENTITY_ASKED)
		helper_fatal(s->s_pipe, "session: unexpected ALLOWED");
	helper_parse(s->s_pipe, imsg, NULL, 0);
	s->s_identity = IDENTITY_ALLOWED;
}

/* Events of the SecureTcp object. */

static void
events_state(struct securetcp *tcp, enum securetcp_state state, void *arg)
{
	struct session_self	*s = arg;

	switch (state) {
	case SECURETCP_CONNECTING:
		session_title(s, "connecting");
		break;
	case SECURETCP_CONNECTED:
		s->s_connected = 1;
		session_title(s, "connected");
		break;
	case SECURETCP_CLOSING:
		session_title(s, "closing");
		break;
	case SECURETCP_CLOSED:
		s->s_closed = 1;
		if (s->s_reason[0] == '\0')
			(void)strlcpy(s->s_reason, securetcp_reason(tcp),
			    sizeof(s->s_reason));
		break;
	}
}

static void
events_error(struct securetcp *tcp, int error, const char *description,
    void *arg)
{
	struct session_self	*s = arg;
	const char	*reason;

	reason = securetcp_reason(tcp);
	if (reason[0] == '\0')
		reason = description;
	s->s_error = error;
	s->s_unsent = securetcp_send_count(tcp);
	(void)strlcpy(s->s_reason, reason, sizeof(s->s_reason));
}

static void
events_receive(struct securetcp *tcp, void *arg)
{
	struct session_self	*s = arg;

	(void)tcp;
	s->s_readable = 1;
}

static void
events_send(struct securetcp *tcp, void *arg)
{
	struct session_self	*s = arg;

	(void)tcp;
	s->s_sendable = 1;
}

/* Rules are for valid certificates only. */
static void
events_authenticate(struct securetcp *tcp, struct securetcp_verdicts *sv,
    void *arg)
{
	struct session_self	*s = arg;

	(void)tcp;
	if (sv->sv_valid && s->s_server->sv_wire.wv_flags & WIRE_SERVER_RULES)
		sv->sv_valid = facts_allowed(s);
}

/*
 * The one private-key operation of a handshake.  The TLS library asks for
 * it by a call that has to return the answer, so the session waits here:
 * it serves nobody else.
 */

int
sign_init(void)
{
	return (securetcp_set_signer(sign_hook, NULL));
}

static int
sign_hook(const struct securetcp_signing *ss, void *arg)
{
	struct session_self	*s = sign_for;

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
sign_ask(struct session_self *s, const struct securetcp_signing *ss)
{
	struct wire_asksign	 wq;

	memset(&wq, 0, sizeof(wq));
	memcpy(wq.wq_id, ss->ss_id, sizeof(wq.wq_id));
	wq.wq_type = ss->ss_type == SECURETCP_RSA ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA;
	wq.wq_len = (uint16_t)ss->ss_inlen;
	memcpy(wq.wq_data, ss->ss_in, ss->ss_inlen);
	s->s_sign = SIGN_ASKED;
	helper_say(s->s_pipe, WIRE_ASKSIGN, &wq, sizeof(wq));
}

/*
 * How the peer has gone, or NULL. The peer has nothing more to say before our
 * answer, so its end is no half of a goodbye.
 */
static const char *
sign_deserted(const struct session_self *s)
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
sign_wait(struct session_self *s)
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
sign_fail(struct session_self *s, int error, const char *reason)
{
	s->s_sign = SIGN_FAILED;
	s->s_signerror = error;
	(void)strlcpy(s->s_signreason, reason, sizeof(s->s_signreason));
	return (-1);
}

/* The facts of a handshake, for the parent to decide upon and to log. */

/*
 * As the client has sent it, without a dot at its end; an address, or what
 * could be no host's name, has not been sent for anybody else.  A client
 * block's is what the parent has asked it to look for.
 */
static void
facts_servername(const struct session_self *s, char *buf, size_t size)
{
	const char	*name = securetcp_servername(s->s_tcp);
	size_t		 len = strlen(name);

	(void)strlcpy(buf, name, size);
	if (s->s_server->sv_wire.wv_flags & WIRE_SERVER_CLIENT)
		return;
	if (len > 0 && len < size && buf[len - 1] == '.')
		buf[len - 1] = '\0';
	if (!match_servername_ok(buf))
		buf[0] = '\0';
}

/* Writes a name a line, whole ones only: true if all of them are there. */
static int
facts_names(struct securetcp *tcp, char *buf, size_t size)
{
	static const char	*const kinds[] = {
		[SECURETCP_NAME_DNS] = "dns",
		[SECURETCP_NAME_ADDRESS] = "ip",
		[SECURETCP_NAME_URI] = "uri",
		[SECURETCP_NAME_EMAIL] = "email"
	};
	enum securetcp_name	 kind;
	const char		*name;
	size_t			 i, len = 0;
	int			 n;

	buf[0] = '\0';
	for (i = 0; (name = securetcp_peer_name(tcp, i, &kind)) != NULL; i++) {
		n = snprintf(buf + len, size - len, "%s%s:%s",
		    len == 0 ? "" : "\n", kinds[kind], name);
		if (n < 0 || (size_t)n >= size - len) {
			buf[len] = '\0';
			return (0);
		}
		len += (size_t)n;
	}
	return (securetcp_peer_names_complete(tcp));
}

/* Half a name is another name. */
static int
facts_name(const char *name, char *buf, size_t size)
{
	if (strlcpy(buf, name, size) < size)
		return (1);
	buf[0] = '\0';
	return (0);
}

static void
facts_peer(struct securetcp *tcp, struct wire_established *wh)
{
	wh->wh_peer = WIRE_PEER_GIVEN;
	if (!facts_name(securetcp_peer_subject(tcp), wh->wh_subject,
	    sizeof(wh->wh_subject)))
		wh->wh_peer |= WIRE_PEER_LONG;
	if (!facts_name(securetcp_peer_issuer(tcp), wh->wh_issuer,
	    sizeof(wh->wh_issuer)))
		wh->wh_peer |= WIRE_PEER_LONG;
	if (!facts_names(tcp, wh->wh_san, sizeof(wh->wh_san)))
		wh->wh_peer |= WIRE_PEER_NAMES;
	(void)strlcpy(wh->wh_hash, securetcp_peer_hash(tcp),
	    sizeof(wh->wh_hash));
	wh->wh_notbefore = (uint64_t)securetcp_peer_notbefore(tcp);
	wh->wh_notafter = (uint64_t)securetcp_peer_notafter(tcp);
}

static void
facts_fill(const struct session_self *s, struct wire_established *wh)
{
	struct securetcp	*tcp = s->s_tcp;

	memset(wh, 0, sizeof(*wh));
	(void)strlcpy(wh->wh_version, securetcp_version(tcp),
	    sizeof(wh->wh_version));
	(void)strlcpy(wh->wh_cipher, securetcp_cipher(tcp),
	    sizeof(wh->wh_cipher));
	facts_servername(s, wh->wh_servername, sizeof(wh->wh_servername));
	(void)strlcpy(wh->wh_alpn, securetcp_alpn(tcp), sizeof(wh->wh_alpn));
	wh->wh_match = (uint16_t)s->s_front.fr_match;
	if (securetcp_peer_hash(tcp)[0] != '\0')
		facts_peer(tcp, wh);
}

/*
 * Whether the parent's rules allow the peer: asked for in the middle of the
 * handshake, so that a peer that is denied is told so.  False as well when
 * there is no answer in time, or an order to end.
 */
static int
facts_allowed(struct session_self *s)
{
	struct wire_established	 wh;

	facts_fill(s, &wh);
	s->s_identity = IDENTITY_ASKED;
	helper_say(s->s_pipe, WIRE_IDENTITY, &wh, sizeof(wh));
	while (s->s_identity == IDENTITY_ASKED && !s->s_close && !s->s_refused)
		if (!pipe_await(s, s->s_deadline))
			break;
	return (s->s_identity == IDENTITY_ALLOWED);
}

/* Deadlines: milliseconds of the monotonic clock, 0 for none. */

int64_t
timer_after(uint32_t ms)
{
	return (ms == 0 ? 0 : compat_now() + ms);
}

/* The timeout for poll(2): up to the deadline, and at most the given one. */
int
timer_poll(int64_t deadline, int timeout)
{
	int64_t	 left;

	if (deadline == 0)
		return (timeout);
	/* The clock was rounded down: a millisecond more, to not wake early. */
	left = deadline - compat_now() + 1;
	if (left < 0)
		left = 0;
	if (left > INT_MAX)
		left = INT_MAX;
	if (timeout >= 0 && timeout < left)
		return (timeout);
	return ((int)left);
}

/* "idle timer, 600 seconds", as the parent names its own. */
const char *
timer_reason(const char *name, uint32_t ms, char *buf, size_t size)
{
	uint32_t	 n = ms % 1000 == 0 ? ms / 1000 : ms;

	(void)snprintf(buf, size, "%s timer, %u %ssecond%s", name, n,
	    n == ms ? "milli" : "", n == 1 ? "" : "s");
	return (buf);
}
