/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The relay between the peer, through the SecureTcp object, and the backend.
 * Each direction has one buffer and goes its own way to its own end; when
 * its destination does not take the data, its source is not read.  With
 * echo there is one direction, from the peer back to it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define RELAY_BUFFER	65536
#define RELAY_TURN	(4 * RELAY_BUFFER)	/* bytes until the others */
#define RELAY_LOOK	1000	/* milliseconds from look to look, at most */

struct flow {
	size_t			 f_off;
	size_t			 f_len;
	int			 f_end;		/* nothing more will come */
	int			 f_done;	/* the destination knows */
	uint8_t			 f_buf[RELAY_BUFFER];
};

struct relay {
	struct session_self		*r_session;
	struct securetcp	*r_tcp;
	int			 r_fd;		/* backend, -1 for echo */
	int			 r_program;	/* which is a program */
	struct flow		 r_up;		/* to the backend */
	struct flow		 r_down;	/* to the peer */
	int			 r_readable;	/* the backend's descriptor */
	int			 r_writable;
	int			 r_broken;	/* backend takes no more */
	int			 r_truncate;	/* its data ended in an error */
	int			 r_cut;		/* the peer's did, or as good */
	int			 r_half;	/* our end of TCP was given */
	int			 r_closing;	/* by order: Close was called */
	int			 r_error;	/* the backend's, for DONE */
	char			 r_reason[WIRE_REASON];
	uint64_t		 r_moved;	/* bytes, to and from backend */
	uint64_t		 r_dropped;	/* of those: nobody wanted them */
	uint64_t		 r_seen;	/* what moved, at r_active */
	int64_t			 r_active;	/* when a byte last moved */
	uint64_t		 r_taken;	/* by the kernels' word ... */
	int64_t			 r_looked;	/* ... at this time */
	int			 r_finishing;	/* the close timer runs ... */
	int			 r_gone;	/* ... for a peer with no end */
	int			 r_told;	/* the kernel tells what it took */
};

static void	 relay_up(struct relay *);
static void	 relay_down(struct relay *);
static void	 relay_fill_peer(struct relay *, struct flow *);
static void	 relay_fill_backend(struct relay *);
static void	 relay_write(struct relay *);
static void	 relay_broken(struct relay *, int);
static int	 relay_exited(const struct relay *);
static void	 relay_gone(struct relay *);
static int	 relay_cut(const struct relay *, int);
static int	 relay_ended(const struct relay *);
static int	 relay_bare(const struct relay *);
static void	 relay_finish(struct relay *);
static void	 relay_order(struct relay *);
static void	 relay_check(struct relay *);
static void	 relay_done(struct relay *);
static int	 relay_reset_late(const struct relay *);
static int	 relay_over(const struct relay *);
static void	 relay_timers(struct relay *);
static int	 relay_busy(const struct relay *);
static uint64_t	 relay_seen(const struct relay *);
static uint64_t	 relay_taken(const struct relay *);
static int64_t	 relay_look(const struct relay *);
static void	 relay_clock(struct relay *, int64_t);
static uint32_t	 relay_timer(const struct relay *);
static int64_t	 relay_deadline(const struct relay *);
static void	 relay_wait(struct relay *);
static void	 relay_pollfd(const struct relay *, struct pollfd *);

/* In the data segment: untouched pages of it cost nothing. */
static struct relay	 relay;

void
relay_run(struct session_self *s)
{
	struct relay	*r = &relay;

	r->r_session = s;
	r->r_tcp = s->s_tcp;
	r->r_fd = s->s_backend;
	r->r_program = s->s_mode == WIRE_MODE_PROGRAM;
	/* Echo has no way up: what would end it has happened. */
	if (r->r_fd == -1)
		r->r_up.f_end = r->r_up.f_done = 1;
	r->r_readable = r->r_writable = 1;
	s->s_readable = s->s_sendable = 1;
	s->s_partial = r->r_fd != -1;
	r->r_active = compat_now();
	r->r_told = sandbox_taken(securetcp_socket(r->r_tcp),
	    &r->r_taken) == 0;
	for (;;) {
		relay_up(r);
		relay_down(r);
		relay_finish(r);
		relay_order(r);
		relay_check(r);
		relay_timers(r);
		relay_wait(r);
	}
}

static void
relay_up(struct relay *r)
{
	struct flow	*f = &r->r_up;
	uint64_t	 turn;

	if (r->r_fd == -1)
		return;
	turn = r->r_moved + RELAY_TURN;
	while (r->r_moved < turn) {
		if (f->f_len == 0 && !r->r_session->s_refused &&
		    !r->r_session->s_close)
			relay_fill_peer(r, f);
		if (f->f_len == 0)
			break;
		if (r->r_broken) {
			/* The bytes are dropped: the peer may still finish. */
			r->r_moved += f->f_len;
			r->r_dropped += f->f_len;
			f->f_len = 0;
			continue;
		}
		if (!r->r_writable)
			break;
		relay_write(r);
	}
	if (f->f_end && f->f_len == 0 && !f->f_done) {
		/* A backend must not take a part for the whole, either. */
		if (!r->r_cut) {
			/* ENOTCONN: it has gone, as reading tells. */
			(void)shutdown(r->r_fd, SHUT_WR);
			r->r_session->s_partial = 0;
		}
		f->f_done = 1;
	}
}

static void
relay_down(struct relay *r)
{
	struct session_self	*s = r->r_session;
	struct flow	*f = &r->r_down;
	size_t		 sent, turn;

	for (turn = 0; turn < RELAY_TURN; turn += sent) {
		if (f->f_len == 0 && !s->s_refused && !s->s_close) {
			if (r->r_fd == -1)
				relay_fill_peer(r, f);
			else
				relay_fill_backend(r);
		}
		if (f->f_len == 0 || !s->s_sendable || s->s_closed)
			break;
		if (securetcp_send(r->r_tcp, f->f_buf + f->f_off, f->f_len,
		    &sent) != ptOk)
			break;
		f->f_off += sent;
		f->f_len -= sent;
		if (f->f_len != 0)
			s->s_sendable = 0;
	}
	if (f->f_end && f->f_len == 0 && !f->f_done) {
		/* A peer must not take a part for the whole. */
		if (!r->r_truncate)
			(void)securetcp_shutdown(r->r_tcp);
		f->f_done = 1;
	}
}

/* As many records as there are and fit, so that they leave in one write. */
static void
relay_fill_peer(struct relay *r, struct flow *f)
{
	struct session_self	*s = r->r_session;
	size_t		 got;
	int		 error;

	f->f_off = 0;
	while (f->f_len < sizeof(f->f_buf) && s->s_readable && !f->f_end &&
	    !s->s_closed) {
		error = securetcp_receive(r->r_tcp, f->f_buf + f->f_len,
		    sizeof(f->f_buf) - f->f_len, &got);
		if (error == SECURETCP_AGAIN)
			s->s_readable = 0;
		else if (error != ptOk || got == 0) {
			/*
			 * A backend that only echoes has not come to an end of
			 * its own.
			 */
			if (error != ptOk && r->r_fd == -1)
				r->r_truncate = 1;
			r->r_cut = r->r_fd != -1 && relay_cut(r, error);
			f->f_end = 1;
		} else
			f->f_len += got;
	}
}

/* Its data ended so: is that no end for the backend? */
static int
relay_cut(const struct relay *r, int error)
{
	return (error != ptOk || (securetcp_truncated(r->r_tcp) &&
	    r->r_session->s_server->sv_wire.wv_flags & WIRE_SERVER_RESET));
}

static void
relay_fill_backend(struct relay *r)
{
	struct flow	*f = &r->r_down;
	ssize_t		 n;

	if (!r->r_readable || f->f_end)
		return;
	f->f_off = 0;
	n = read(r->r_fd, f->f_buf, sizeof(f->f_buf));
	if (n == 0 || (n == -1 && errno == ECONNRESET && r->r_program)) {
		f->f_end = 1;
		if (n == -1 || relay_exited(r))
			relay_gone(r);
	} else if (n > 0) {
		f->f_len = (size_t)n;
		r->r_moved += (uint64_t)n;
		/* A short one has emptied it: poll says when there is more. */
		if (f->f_len < sizeof(f->f_buf))
			r->r_readable = 0;
	} else if (errno == EAGAIN || errno == EINTR)
		r->r_readable = 0;
	else {
		relay_broken(r, errno);
		r->r_truncate = 1;
		f->f_end = 1;
	}
}

static void
relay_write(struct relay *r)
{
	struct flow	*f = &r->r_up;
	ssize_t		 n;

	n = write(r->r_fd, f->f_buf + f->f_off, f->f_len);
	if (n >= 0) {
		f->f_off += (size_t)n;
		f->f_len -= (size_t)n;
		r->r_moved += (uint64_t)n;
		if (f->f_len != 0)
			r->r_writable = 0;
	} else if (errno == EAGAIN || errno == EINTR)
		r->r_writable = 0;
	else
		relay_broken(r, errno);
}

/* The first failure is the cause; others follow from it. */
static void
relay_broken(struct relay *r, int error)
{
	if (r->r_program && (error == EPIPE || error == ECONNRESET)) {
		relay_gone(r);
		return;
	}
	r->r_broken = 1;
	r->r_up.f_done = 1;
	r->r_session->s_partial = 0;
	if (r->r_error != 0)
		return;
	r->r_error = securetcp_error_errno(error);
	(void)snprintf(r->r_reason, sizeof(r->r_reason), "%s: %s",
	    r->r_session->s_server->sv_wire.wv_flags & WIRE_SERVER_CLIENT ?
	    "client" : "backend", strerror(error));
}

/* Has a program ended, or only its direction to us? */
static int
relay_exited(const struct relay *r)
{
	struct pollfd	 pfd;

	pfd.fd = r->r_fd;
	pfd.events = 0;
	pfd.revents = 0;
	return (r->r_program && poll(&pfd, 1, 0) == 1 &&
	    pfd.revents & (POLLHUP | POLLERR));
}

/* A program need not have read everything when it ends. */
static void
relay_gone(struct relay *r)
{
	r->r_broken = 1;
	r->r_up.f_done = 1;
	r->r_session->s_partial = 0;
}

/* True when no source gives anything more that is wanted. */
static int
relay_ended(const struct relay *r)
{
	const struct session_self	*s = r->r_session;

	if (s->s_close || s->s_refused || s->s_closed || r->r_cut)
		return (1);
	return (r->r_down.f_end && (r->r_up.f_end || r->r_broken));
}

/* Has the peer, or who cut it off, ended TCP and nothing else? */
static int
relay_bare(const struct relay *r)
{
	return (r->r_fd != -1 && r->r_up.f_end &&
	    securetcp_truncated(r->r_tcp));
}

/*
 * Once nothing more can come, what is under way has time as long as it
 * moves.
 */
static void
relay_finish(struct relay *r)
{
	struct session_self	*s = r->r_session;
	int		 ended, gone;

	gone = !(ended = relay_ended(r)) && relay_bare(r);
	if ((ended || gone) && (!r->r_finishing || r->r_gone != gone)) {
		r->r_finishing = 1;
		r->r_gone = gone;
		r->r_active = compat_now();
		r->r_seen = relay_seen(r);
		r->r_looked = 0;
	}
	/*
	 * The backend failed and the peer has got what there was: its TCP end,
	 * without close_notify, says that it is not all.  The socket is not
	 * closed yet, because closing would discard what is on its way when the
	 * peer is still sending.
	 */
	if (r->r_truncate && r->r_down.f_done && !r->r_half && !s->s_closed &&
	    securetcp_send_count(r->r_tcp) == 0) {
		(void)shutdown(securetcp_socket(r->r_tcp), SHUT_WR);
		r->r_half = 1;
	}
}

/* CLOSE: what was taken from one side is still given to the other. */
static void
relay_order(struct relay *r)
{
	struct session_self	*s = r->r_session;

	if (r->r_closing || !(s->s_close || s->s_refused))
		return;
	if (r->r_down.f_len != 0)
		return;
	r->r_closing = 1;
	if (!s->s_closed)
		(void)securetcp_close(r->r_tcp);
}

static void
relay_check(struct relay *r)
{
	struct session_self	*s = r->r_session;

	/* The backend is to see a reset once it has what came before. */
	if (r->r_cut && !s->s_closed && r->r_up.f_len == 0)
		relay_done(r);
	/* The peer has ended as well, of its own: that is all it will be. */
	if (r->r_half && r->r_up.f_end)
		relay_done(r);
	if (!s->s_closed)
		return;
	if (s->s_error != ptOk && !relay_reset_late(r))
		relay_done(r);
	/* An end that follows ours closes the object before it is read. */
	if (s->s_error == ptOk && !s->s_close && !s->s_refused && !r->r_cut &&
	    !relay_cut(r, ptOk))
		s->s_partial = 0;
	/* Bytes that the peer sent before its end still go to the backend. */
	if (r->r_up.f_len == 0 || r->r_broken)
		relay_done(r);
}

/*
 * A peer that closes without reading the session tickets resets what is a
 * good end: both had said everything.
 */
static int
relay_reset_late(const struct relay *r)
{
	const struct session_self	*s = r->r_session;

	return (s->s_error == ptConnectionReset && r->r_down.f_done &&
	    !r->r_truncate && s->s_unsent == 0);
}

/* The program has ended and the peer has all of it: who waits for more? */
static int
relay_over(const struct relay *r)
{
	return (r->r_program && r->r_broken && r->r_down.f_done &&
	    securetcp_send_count(r->r_tcp) == 0);
}

static void
relay_done(struct relay *r)
{
	struct session_self	*s = r->r_session;

	if (r->r_error != ptOk)
		session_done(s, r->r_error, r->r_reason);
	if (s->s_refused)
		session_done(s, (int)s->s_refuse.wo_error,
		    s->s_refuse.wo_reason);
	if (s->s_error != ptOk && !relay_reset_late(r))
		session_done(s, s->s_error, s->s_reason);
	session_done(s, ptOk, s->s_close ? "closed on request" : s->s_reason);
}

/*
 * Once it finishes, what nobody takes is no movement; for a peer that may be
 * gone nothing is but what it takes.
 */
static uint64_t
relay_seen(const struct relay *r)
{
	uint64_t	 seen;

	if (r->r_gone)
		return (r->r_told ? 0 : securetcp_bytes_out(r->r_tcp) -
		    securetcp_send_count(r->r_tcp));
	seen = r->r_moved - r->r_dropped + securetcp_bytes_out(r->r_tcp) -
	    securetcp_send_count(r->r_tcp);
	return (r->r_finishing ? seen : seen + securetcp_bytes_in(r->r_tcp));
}

/*
 * Written bytes may lie in the kernel for long: a slow reader takes them from
 * there, and poll(2) does not tell before a third of them has gone.
 */
static uint64_t
relay_taken(const struct relay *r)
{
	uint64_t	 n, taken = 0;

	if (sandbox_taken(securetcp_socket(r->r_tcp), &n) == 0)
		taken += n;
	if (r->r_fd != -1 && !r->r_gone && sandbox_taken(r->r_fd, &n) == 0)
		taken += n;
	return (taken);
}

/* The one that runs: how long nothing may move; 0: for ever. */
static uint32_t
relay_timer(const struct relay *r)
{
	const struct wire_server	*wv = &r->r_session->s_server->sv_wire;

	return (r->r_finishing ? wv->wv_close : wv->wv_idle);
}

/* When to look again whether that moves. */
static int64_t
relay_look(const struct relay *r)
{
	uint32_t	 timer = relay_timer(r);

	if (r->r_finishing)
		return (r->r_looked + (timer / 4 < RELAY_LOOK ? timer / 4 :
		    RELAY_LOOK));
	return (r->r_active + (r->r_looked < r->r_active ? timer / 2 : timer));
}

/* Sets r_active. */
static void
relay_clock(struct relay *r, int64_t now)
{
	uint64_t	 seen, taken;

	if ((seen = relay_seen(r)) != r->r_seen) {
		r->r_seen = seen;
		r->r_active = now;
	}
	if (relay_timer(r) == 0 || now < relay_look(r))
		return;
	taken = relay_taken(r);
	/* Bytes that moved before r_active are no news. */
	if (taken != r->r_taken && r->r_looked >= r->r_active)
		r->r_active = now;
	r->r_taken = taken;
	r->r_looked = now;
}

static void
relay_timers(struct relay *r)
{
	struct session_self		*s = r->r_session;
	const struct wire_server *wv = &s->s_server->sv_wire;
	char			 reason[WIRE_REASON];
	int64_t			 now;

	now = compat_now();
	relay_clock(r, now);
	if (relay_timer(r) == 0 || now - r->r_active < relay_timer(r))
		return;
	if (!r->r_finishing)
		session_done(s, ptTimeout, timer_reason("idle", wv->wv_idle,
		    reason, sizeof(reason)));
	if (r->r_gone) {
		s->s_gone = 1;
		relay_done(r);
	}
	/* The peer took so long, not the flush. */
	if (r->r_error != ptOk || relay_over(r))
		relay_done(r);
	s->s_late = 1;
	session_done(s, ptTimeout, timer_reason("close", wv->wv_close, reason,
	    sizeof(reason)));
}

/* True when a turn was used up and there is more to do at once. */
static int
relay_busy(const struct relay *r)
{
	const struct session_self	*s = r->r_session;
	int			 ordered = s->s_close || s->s_refused;
	int			 peer;

	if (s->s_closed)
		peer = 0;
	else
		peer = s->s_readable && !ordered;
	if (r->r_fd == -1)
		return (s->s_sendable && !s->s_closed &&
		    (r->r_down.f_len != 0 || (peer && !r->r_down.f_end)));
	if ((r->r_writable || r->r_broken) &&
	    (r->r_up.f_len != 0 || (peer && !r->r_up.f_end)))
		return (1);
	return (s->s_sendable && !s->s_closed && (r->r_down.f_len != 0 ||
	    (r->r_readable && !r->r_down.f_end && !ordered)));
}

static int64_t
relay_deadline(const struct relay *r)
{
	int64_t		 deadline, look;

	if (relay_timer(r) == 0)
		return (0);
	deadline = r->r_active + relay_timer(r);
	look = relay_look(r);
	return (look < deadline ? look : deadline);
}

static void
relay_wait(struct relay *r)
{
	struct session_self	*s = r->r_session;
	struct pollfd	 pfd[2 + SESSION_POLLFDS];
	size_t		 nfds;
	int		 n, timeout;

	pfd[0].fd = WIRE_FD;
	pfd[0].events = POLLIN;
	relay_pollfd(r, &pfd[1]);
	nfds = securetcp_pollfds(r->r_tcp, pfd + 2, SESSION_POLLFDS, &timeout);
	if (relay_busy(r))
		timeout = 0;
	pfd[0].revents = pfd[1].revents = 0;
	n = compat_poll(pfd, (unsigned int)(nfds + 2),
	    timer_poll(relay_deadline(r), timeout));
	if (n == -1) {
		if (errno != EINTR)
			helper_fatal(s->s_pipe, "session: poll: %s",
			    strerror(errno));
		return;
	}
	if (pfd[0].revents != 0)
		pipe_read(s);
	if (pfd[1].revents & (POLLIN | POLLHUP | POLLERR))
		r->r_readable = 1;
	if (pfd[1].revents & (POLLOUT | POLLHUP | POLLERR))
		r->r_writable = 1;
	if (r->r_program && r->r_down.f_end &&
	    pfd[1].revents & (POLLHUP | POLLERR))
		relay_gone(r);
	(void)securetcp_dispatch(r->r_tcp, pfd + 2, nfds);
}

/* Asks only for what the relay waits for. */
static void
relay_pollfd(const struct relay *r, struct pollfd *pfd)
{
	const struct session_self	*s = r->r_session;

	pfd->events = 0;
	if (r->r_fd != -1 && !r->r_readable && r->r_down.f_len == 0 &&
	    !r->r_down.f_end && !s->s_close && !s->s_refused)
		pfd->events |= POLLIN;
	if (r->r_fd != -1 && !r->r_writable && r->r_up.f_len != 0 &&
	    !r->r_broken)
		pfd->events |= POLLOUT;
	pfd->fd = pfd->events == 0 ? -1 : r->r_fd;
	/* The program has sent all: poll(2) reports its hang-up unasked. */
	if (r->r_program && r->r_down.f_end && !r->r_broken)
		pfd->fd = r->r_fd;
}
