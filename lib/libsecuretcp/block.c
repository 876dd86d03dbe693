/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Calls that block: they wait for the socket by themselves. */

#include <sys/types.h>

#include <errno.h>
#include <poll.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "object.h"
#include "securetcp.h"

/* Handlers run event-driven, whatever called them. */
int
block_wanted(const struct securetcp *s)
{
	return (s->st_timeout > 0 && s->st_handling == 0);
}

int64_t
block_now(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
block_enter(struct securetcp *s, struct block *bl, const char *what)
{
	bl->bl_what = what;
	bl->bl_serial = s->st_serial;
	bl->bl_deadline = block_now() + s->st_timeout;
	s->st_blocking = 1;
}

void
block_leave(struct securetcp *s)
{
	s->st_blocking = s->st_quiet = 0;
}

/* What a call returns under which the connection went away. */
int
block_gone(const struct securetcp *s)
{
	return (s->st_outcome != ptOk ? s->st_outcome : ptAbort);
}

/* Closing unless there, closed; the caller is told by the number alone. */
int
block_expire(struct securetcp *s, const struct block *bl)
{
	object_say(s, "%s took longer than %d ms", bl->bl_what,
	    s->st_timeout);
	s->st_hard = 1;
	s->st_outcome = ptTimeout;
	object_end(s);
	return (ptTimeout);
}

/*
 * Until one of the events; what is queued is sent meanwhile.  Without any:
 * until some of the queue went.
 */
int
block_wait(struct securetcp *s, struct block *bl, short events)
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
		left = bl->bl_deadline - block_now();
		if (left <= 0)
			return (block_expire(s, bl));
		n = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n == -1 && errno != EINTR) {
			object_say(s, "poll: %s", strerror(errno));
			object_fail(s, securetcp_error_errno(errno));
			return (block_gone(s));
		}
		if (n <= 0)
			continue;
		revents = pfd.revents;
		if (writes != 0) {
			io_flush(s);
			if (!object_same(s, bl->bl_serial))
				return (block_gone(s));
		}
		if (events == 0 || (revents & ~writes) != 0 ||
		    (revents & events) != 0)
			return (ptOk);
	}
}

/* Until nothing waits to be sent any more. */
int
block_flush(struct securetcp *s, struct block *bl)
{
	int	 error = ptOk;

	while (error == ptOk && object_same(s, bl->bl_serial) &&
	    poll_writing(s))
		error = block_wait(s, bl, 0);
	/* Whatever a handler did when the time was over. */
	return (error == ptTimeout ? ptTimeout : s->st_outcome);
}
