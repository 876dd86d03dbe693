/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Waiting: what to poll for, and what to do with what poll(2) said. */

#include <sys/types.h>

#include <poll.h>

#include "compat.h"
#include "object.h"
#include "securetcp.h"

static short	 poll_events(const struct securetcp *);
static int	 poll_reading(const struct securetcp *);
static int	 poll_due(const struct securetcp *);
static void	 poll_connecting(struct securetcp *, short);
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
	/* The peer has hung up and nothing is wanted: poll would not wait. */
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
	if (stcp_io_writing(s))
		events |= s->st_writewant;
	if (poll_reading(s))
		events |= s->st_readwant;
	return (events);
}

/* Bytes that nobody asked for stay in the kernel: that is back-pressure. */
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
		stcp_connect_handshake(s);
}

static void
poll_data(struct securetcp *s, short revents)
{
	uint64_t	 serial = s->st_serial;
	short		 hangup = revents & (POLLHUP | POLLERR);

	if (stcp_io_writing(s) && (revents & (s->st_writewant | hangup))) {
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
 * The peer is gone while nothing was wanted of it.  Its earlier bytes can still
 * be read, as far as the object's own buffer goes at once and the rest when it
 * is asked for.
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
