/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * One connection, from the fork to the end: idle, connecting, waiting for
 * the parent's verdict, and then the relay.
 */

#include <sys/types.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "procs.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

static void	 session_start(struct session *, const struct server *,
		    uint64_t, int);
static void	 session_idle(struct session *);
static void	 session_adopt(struct session *);
static void	 session_handshake(struct session *);
static void	 session_failed(struct session *);
static int	 session_denied(const struct session *);
static void	 session_established(struct session *);
static void	 session_wait(struct session *);
static void	 session_close(struct session *, int, const char *);
static int	 session_poll(struct session *, int64_t);
static int	 session_resets(const struct session *, int);

static struct imsgbuf	 session_imsgbuf;

/* In the forked child, with its end of its pipe. */
void
session_run(const struct server *sv, uint64_t id, int fd)
{
	static struct session	 session;
	struct session		*s = &session;

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
session_start(struct session *s, const struct server *sv, uint64_t id, int fd)
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
	sign_session(s);
}

static void
session_idle(struct session *s)
{
	while (s->s_adopted == -1) {
		pipe_wait(s);
		/* It never had a connection: nothing is to be reported. */
		if (s->s_adopted == -1 && (s->s_close || s->s_refused))
			_exit(HELPER_OK);
	}
}

static void
session_adopt(struct session *s)
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
session_handshake(struct session *s)
{
	char	 reason[WIRE_REASON];

	while (!s->s_connected && !s->s_closed) {
		/* Orders may have come together with ADOPT. */
		if (s->s_refused || s->s_close)
			session_ordered(s);
		if (session_poll(s, s->s_deadline) == 0 &&
		    s->s_deadline != 0 && timer_now() >= s->s_deadline)
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
session_failed(struct session *s)
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
session_denied(const struct session *s)
{
	return (s->s_server->sv_wire.wv_flags & WIRE_SERVER_NONE &&
	    s->s_error == ptAuthentication &&
	    s->s_identity == IDENTITY_NONE &&
	    securetcp_peer_hash(s->s_tcp)[0] == '\0');
}

static void
session_established(struct session *s)
{
	struct wire_established	 wh;
	const char		*why;

	if ((why = front_check(s)) != NULL)
		session_close(s, ptProtocol, why);
	facts_fill(s, &wh);
	if (wire_send(s->s_pipe, WIRE_ESTABLISHED, -1, &wh, sizeof(wh)) == -1)
		helper_fatal(s->s_pipe, "session: ESTABLISHED: %s",
		    strerror(errno));
	helper_flush(s->s_pipe);
}

/* Nothing is read from the peer while the parent decides. */
static void
session_wait(struct session *s)
{
	while (s->s_mode == 0) {
		if (s->s_refused || s->s_close)
			session_ordered(s);
		pipe_wait(s);
	}
}

/* REFUSE or CLOSE before the relay began. */
void
session_ordered(struct session *s)
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
session_close(struct session *s, int error, const char *reason)
{
	int64_t	 deadline;

	deadline = timer_after(s->s_server->sv_wire.wv_close);
	if (securetcp_close(s->s_tcp) == ptOk) {
		while (!s->s_closed) {
			if (session_poll(s, deadline) == 0 && deadline != 0 &&
			    timer_now() >= deadline)
				break;
		}
	}
	session_done(s, error, reason);
}

/* Waits for the pipe and the object; the number of them that were ready. */
static int
session_poll(struct session *s, int64_t deadline)
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
session_resets(const struct session *s, int error)
{
	const struct wire_server	*wv = &s->s_server->sv_wire;

	return (s->s_partial && (error != ptOk ||
	    wv->wv_flags & WIRE_SERVER_CLIENT ||
	    (wv->wv_flags & WIRE_SERVER_RESET &&
	    securetcp_truncated(s->s_tcp))));
}

/* The last word; descriptors are closed first, so that DONE means it. */
void
session_done(struct session *s, int error, const char *reason)
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

void
session_title(const struct session *s, const char *state)
{
	setproctitle("%llu %s %s", (unsigned long long)s->s_id,
	    s->s_server->sv_wire.wv_name, state);
}
