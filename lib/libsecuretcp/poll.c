/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Waiting: what to poll for, and what to do with what poll(2) said. */

#include <sys/types.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <tls.h>

#include <openssl/err.h>

#include "compat.h"
#include "object.h"
#include "securetcp.h"

static int	 poll_writing(const struct securetcp *);
static short	 poll_events(const struct securetcp *);
static int	 poll_reading(const struct securetcp *);
static int	 poll_due(const struct securetcp *);
static void	 poll_connecting(struct securetcp *, short);
static void	 poll_failed(struct securetcp *, int);
static void	 poll_data(struct securetcp *, short);
static void	 poll_hangup(struct securetcp *);

size_t
securetcp_pollfds(struct securetcp *s, struct pollfd *pfd, size_t n,
    int *timeout)
{
	short	 events;

	*timeout = poll_due(s) ? 0 : -1;
	if (s->st_fd == -1 || n == 0)
		return (0);
	events = poll_events(s);
	/* It has hung up and nothing is wanted: poll would not wait. */
	if (events == 0 && (s->st_hangup || s->st_state ==
	    SECURETCP_CONNECTING))
		return (0);
	if (events == 0 && *timeout == -1)
		*timeout = COMPAT_POLL_AGAIN;
	pfd->fd = s->st_fd;
	pfd->events = events;
	pfd->revents = 0;
	return (1);
}

static short
poll_events(const struct securetcp *s)
{
	short	 events = 0;

	if (s->st_state == SECURETCP_CONNECTING) {
		if (s->st_phase == OBJECT_TCP)
			return (s->st_connecterror == 0 ? POLLOUT : 0);
		return (s->st_phase == OBJECT_HANDSHAKE ? s->st_readwant : 0);
	}
	if (poll_writing(s))
		events |= s->st_writewant;
	if (poll_reading(s))
		events |= s->st_readwant;
	return (events);
}

static int
poll_writing(const struct securetcp *s)
{
	if (s->st_broken)
		return (0);
	return (s->st_outlen != 0 ||
	    ((s->st_shutdown || s->st_finishing) && !s->st_shut));
}

/* What nobody asked for stays with the kernel: that is back-pressure. */
static int
poll_reading(const struct securetcp *s)
{
	return (s->st_armed && s->st_end == OBJECT_OPEN && !s->st_finishing);
}

/*
 * A failure that waited until what came before it was read, or for connect
 * to return; bytes that are here already.
 */
static int
poll_due(const struct securetcp *s)
{
	if (s->st_state == SECURETCP_CONNECTING)
		return (s->st_connecterror != 0 || stcp_preload_due(s));
	return (s->st_state != SECURETCP_CLOSED && !s->st_finishing &&
	    s->st_end == OBJECT_FAILED && s->st_inlen == 0);
}

int
securetcp_dispatch(struct securetcp *s, const struct pollfd *pfd, size_t n)
{
	size_t	 i;
	short	 revents = 0;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state == SECURETCP_CLOSED)
		return (ptOk);
	for (i = 0; i < n; i++) {
		if (pfd[i].fd == s->st_fd)
			revents |= pfd[i].revents;
	}
	stcp_object_hold(s);
	if (revents & POLLNVAL) {
		stcp_object_say(s, "the socket's descriptor was closed by "
		    "others");
		stcp_object_fail(s, ptError);
	} else if (s->st_state == SECURETCP_CONNECTING)
		poll_connecting(s, revents);
	else
		poll_data(s, revents);
	stcp_object_release(s);
	return (ptOk);
}

static void
poll_connecting(struct securetcp *s, short revents)
{
	if (s->st_phase == OBJECT_TCP) {
		if (revents != 0 || s->st_connecterror != 0)
			stcp_connect_arrived(s);
	} else if (s->st_phase == OBJECT_HANDSHAKE &&
	    (revents != 0 || stcp_preload_due(s)))
		stcp_poll_handshake(s);
}

void
stcp_poll_handshake(struct securetcp *s)
{
	struct tls	*outer = s->st_running, *tls = s->st_tls;
	unsigned int	 failures = stcp_keyhook_failures();
	int		 n;

	s->st_running = tls;
	s->st_inside = 1;
	n = tls_handshake(tls);
	s->st_running = outer;
	/* Authenticate's handler has ended it, and perhaps begun another. */
	if (s->st_tls != tls) {
		tls_free(tls);
		ERR_clear_error();
		return;
	}
	s->st_inside = 0;
	if (s->st_freed)
		return;
	switch (n) {
	case 0:
		stcp_authenticate_end(s);
		break;
	case TLS_WANT_POLLIN:
		s->st_readwant = POLLIN;
		break;
	case TLS_WANT_POLLOUT:
		s->st_readwant = POLLOUT;
		break;
	default:
		poll_failed(s, failures != stcp_keyhook_failures());
		break;
	}
}

/* Whoever says nothing to a server may have looked whether it is there. */
static void
poll_failed(struct securetcp *s, int hook)
{
	int	 error;

	error = s->st_refused;
	if (error == ptOk)
		error = stcp_classify_handshake(s, hook);
	ERR_clear_error();
	if (error != ptOk)
		stcp_object_fail(s, error);
	else if (s->st_client)
		stcp_object_fail(s, ptConnectionAborted);
	else
		stcp_object_end(s);
}

void
stcp_poll_connected(struct securetcp *s)
{
	stcp_memory_copy(s->st_version, sizeof(s->st_version),
	    tls_conn_version(s->st_tls));
	stcp_memory_copy(s->st_cipher, sizeof(s->st_cipher),
	    tls_conn_cipher(s->st_tls));
	stcp_memory_copy(s->st_servername, sizeof(s->st_servername),
	    tls_conn_servername(s->st_tls));
	stcp_memory_copy(s->st_alpn, sizeof(s->st_alpn),
	    tls_conn_alpn_selected(s->st_tls));
	s->st_readwant = POLLIN;
	s->st_writewant = POLLOUT;
	s->st_armed = 1;
	/* An alert of the handshake that could not go is no news any more. */
	s->st_writeerror = 0;
	s->st_broken = s->st_unsent = s->st_lost;
	(void)stcp_object_become(s, SECURETCP_CONNECTED);
}

static void
poll_data(struct securetcp *s, short revents)
{
	uint64_t	 serial = s->st_serial;
	short		 hangup = revents & (POLLHUP | POLLERR);

	if (poll_writing(s) && (revents & (s->st_writewant | hangup))) {
		stcp_io_flush(s);
		if (!stcp_object_same(s, serial))
			return;
		revents &= (short)~hangup;
	}
	if (poll_reading(s) && (revents & (s->st_readwant | hangup))) {
		if (stcp_io_fill(s) == -1) {
			stcp_object_say(s, "out of memory for reading");
			stcp_object_fail(s, ptNoBufferSpace);
		} else
			stcp_io_arrived(s);
		return;
	}
	if (poll_due(s))
		stcp_io_ended(s);
	else if ((revents & hangup) != 0)
		poll_hangup(s);
}

/*
 * The peer is gone while nothing was wanted of it.  What it said before can
 * be read still, as far as the object's own buffer goes at once and the rest
 * when it is asked for.
 */
static void
poll_hangup(struct securetcp *s)
{
	s->st_hangup = 1;
	if (s->st_end == OBJECT_OPEN && s->st_inlen == 0 &&
	    stcp_io_fill(s) == 0) {
		stcp_io_arrived(s);
		return;
	}
	if (s->st_end != OBJECT_OPEN && s->st_inlen == 0) {
		s->st_broken = 1;
		stcp_io_ended(s);
	}
}

/* Calls that block: they wait for the socket by themselves. */

/* Handlers run event-driven, whatever called them. */
int
stcp_block_wanted(const struct securetcp *s)
{
	return (s->st_timeout > 0 && s->st_handling == 0);
}

int64_t
stcp_block_now(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
stcp_block_enter(struct securetcp *s, struct block *bl, const char *what)
{
	bl->bl_what = what;
	bl->bl_serial = s->st_serial;
	bl->bl_deadline = stcp_block_now() + s->st_timeout;
	s->st_blocking = 1;
}

void
stcp_block_leave(struct securetcp *s)
{
	s->st_blocking = s->st_quiet = 0;
}

/* What a call returns under which the connection went away. */
int
stcp_block_gone(const struct securetcp *s)
{
	return (s->st_outcome != ptOk ? s->st_outcome : ptAbort);
}

/* Closing unless there, closed; the caller is told by the number alone. */
int
stcp_block_expire(struct securetcp *s, const struct block *bl)
{
	stcp_object_say(s, "%s took longer than %d ms", bl->bl_what,
	    s->st_timeout);
	s->st_hard = 1;
	s->st_outcome = ptTimeout;
	stcp_object_end(s);
	return (ptTimeout);
}

/*
 * Until one of the events; what is queued is sent meanwhile.  Without any:
 * until some of the queue went.
 */
int
stcp_block_wait(struct securetcp *s, struct block *bl, short events)
{
	struct pollfd	 pfd;
	int64_t		 left;
	short		 revents, writes;
	int		 n;

	for (;;) {
		writes = poll_writing(s) ? s->st_writewant : 0;
		pfd.fd = s->st_fd;
		pfd.events = events | writes;
		pfd.revents = 0;
		left = bl->bl_deadline - stcp_block_now();
		if (left <= 0)
			return (stcp_block_expire(s, bl));
		n = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n == -1 && errno != EINTR) {
			stcp_object_say(s, "poll: %s", strerror(errno));
			stcp_object_fail(s, securetcp_error_errno(errno));
			return (stcp_block_gone(s));
		}
		if (n <= 0)
			continue;
		revents = pfd.revents;
		if (writes != 0) {
			stcp_io_flush(s);
			if (!stcp_object_same(s, bl->bl_serial))
				return (stcp_block_gone(s));
		}
		if (events == 0 || (revents & ~writes) != 0 ||
		    (revents & events) != 0)
			return (ptOk);
	}
}

/* Until nothing waits to be sent any more. */
int
stcp_block_flush(struct securetcp *s, struct block *bl)
{
	int	 error = ptOk;

	while (error == ptOk && stcp_object_same(s, bl->bl_serial) &&
	    poll_writing(s))
		error = stcp_block_wait(s, bl, 0);
	/* Whatever a handler did when the time was over. */
	return (error == ptTimeout ? ptTimeout : s->st_outcome);
}
