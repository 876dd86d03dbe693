/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The calls that move data, receive, fill, search, send, shutdown and close:
 * how each waits, by events or by itself.
 */

#include <sys/types.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "object.h"
#include "securetcp.h"

/* The bytes that a call wants: any, a number of them, or up to a token. */
struct gather {
	enum {
		GATHER_ANY,
		GATHER_FILL,
		GATHER_SEARCH
	}			 ga_kind;
	uint8_t			*ga_buf;
	size_t			 ga_size;
	const uint8_t		*ga_token;
	size_t			 ga_tokenlen;
};

static int	 block_flush(struct securetcp *, struct block *);
static int	 block_send(struct securetcp *, const void *, size_t,
		    size_t *);
static int	 gather_read(struct securetcp *, const struct gather *,
		    size_t *);
static size_t	 gather_have(struct securetcp *, const struct gather *);
static int	 gather_take(struct securetcp *, const struct gather *, size_t,
		    size_t *);
static int	 gather_try(struct securetcp *, const struct gather *,
		    size_t *);
static int	 gather_once(struct securetcp *, const struct gather *,
		    size_t *);
static int	 gather_arm(struct securetcp *, const struct gather *);
static int	 gather_blocking(struct securetcp *, const struct gather *,
		    size_t *);
static int	 gather_legal(const struct securetcp *);

/* Handlers run event-driven, whatever called them. */
int
stcp_block_wanted(const struct securetcp *s)
{
	return (s->st_timeout > 0 && s->st_handling == 0);
}

/* A clock of its own: the library is installed without libcompat. */
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

/* The result of a call during which the connection went away. */
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
		writes = stcp_io_writing(s) ? s->st_writewant : 0;
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
static int
block_flush(struct securetcp *s, struct block *bl)
{
	int	 error = ptOk;

	while (error == ptOk && stcp_object_same(s, bl->bl_serial) &&
	    stcp_io_writing(s))
		error = stcp_block_wait(s, bl, 0);
	/* A handler may have done anything when the time was over. */
	return (error == ptTimeout ? ptTimeout : s->st_outcome);
}

/* How many of the bytes that wait are what is wanted; 0: not yet. */
static size_t
gather_have(struct securetcp *s, const struct gather *ga)
{
	if (s->st_inlen == 0)
		return (0);
	if (ga->ga_kind == GATHER_FILL)
		return (s->st_inlen >= ga->ga_size ? ga->ga_size : 0);
	return (stcp_io_find(s, ga->ga_token, ga->ga_tokenlen, ga->ga_size));
}

static int
gather_arm(struct securetcp *s, const struct gather *ga)
{
	uint8_t	*token = NULL;
	size_t	 scanned = s->st_scanned;

	if (ga->ga_kind == GATHER_SEARCH) {
		token = stcp_memory_dup(ga->ga_token, ga->ga_tokenlen);
		if (token == NULL)
			return (ptNoBufferSpace);
	}
	stcp_object_disarm(s);
	if (token != NULL) {
		s->st_token = token;
		s->st_tokenlen = ga->ga_tokenlen;
		s->st_scanned = scanned;
	}
	s->st_want = ga->ga_size;
	s->st_dry = 0;
	s->st_armed = 1;
	return (SECURETCP_AGAIN);
}

static int
gather_take(struct securetcp *s, const struct gather *ga, size_t n,
    size_t *got)
{
	memcpy(ga->ga_buf, s->st_in + s->st_inoff, n);
	s->st_inoff += n;
	s->st_inlen -= n;
	*got = n;
	stcp_object_disarm(s);
	/* The end was met on the way, behind bytes that are still unread. */
	if (s->st_inlen != 0)
		stcp_io_closing(s);
	return (ptOk);
}

static int
gather_try(struct securetcp *s, const struct gather *ga, size_t *got)
{
	size_t	 n, want = s->st_want;
	int	 bad;

	n = gather_have(s, ga);
	if (n == 0 && s->st_end == OBJECT_OPEN && !s->st_dry) {
		s->st_want = ga->ga_size;
		bad = stcp_io_fill(s);
		s->st_want = want;
		if (bad)
			return (ptNoBufferSpace);
		n = gather_have(s, ga);
	}
	if (n != 0)
		return (gather_take(s, ga, n, got));
	if (s->st_inlen >= ga->ga_size)
		return (ptNoBufferSpace);
	if (s->st_end == OBJECT_OPEN)
		return (gather_arm(s, ga));
	if (s->st_inlen == 0)
		return (stcp_io_end_received(s));
	stcp_object_disarm(s);
	stcp_io_closing(s);
	return (ptOk);
}

static int
gather_once(struct securetcp *s, const struct gather *ga, size_t *got)
{
	if (ga->ga_kind == GATHER_ANY)
		return (stcp_io_fetch(s, ga->ga_buf, ga->ga_size, got));
	return (gather_try(s, ga, got));
}

static int
gather_blocking(struct securetcp *s, const struct gather *ga, size_t *got)
{
	static const char *const	 what[] = {
		"receive", "fill", "search"
	};
	struct block			 bl;
	int				 error;

	stcp_block_enter(s, &bl, what[ga->ga_kind]);
	for (;;) {
		s->st_dry = 0;
		error = gather_once(s, ga, got);
		if (error != SECURETCP_AGAIN)
			break;
		error = stcp_block_wait(s, &bl, s->st_readwant);
		if (error != ptOk)
			break;
	}
	/* The peer's end brings ours about, which may have to wait. */
	if (stcp_object_same(s, bl.bl_serial) && s->st_finishing &&
	    block_flush(s, &bl) == ptTimeout)
		error = ptTimeout;
	stcp_block_leave(s);
	return (error);
}

static int
gather_read(struct securetcp *s, const struct gather *ga, size_t *got)
{
	int	 error;

	stcp_object_hold(s);
	error = stcp_block_wanted(s) ? gather_blocking(s, ga, got) :
	    gather_once(s, ga, got);
	stcp_object_release(s);
	return (error);
}

static int
gather_legal(const struct securetcp *s)
{
	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_finishing || (s->st_state != SECURETCP_CONNECTED &&
	    s->st_state != SECURETCP_CLOSING))
		return (ptNotConnected);
	return (ptOk);
}

int
securetcp_receive(struct securetcp *s, void *buf, size_t size, size_t *got)
{
	struct gather	 ga;
	int		 error;

	if (got == NULL)
		return (ptInvalidParam4);
	*got = 0;
	if (buf == NULL || size == 0)
		return (buf == NULL ? ptInvalidParam2 : ptInvalidParam3);
	if ((error = gather_legal(s)) != ptOk)
		return (error);
	memset(&ga, 0, sizeof(ga));
	ga.ga_kind = GATHER_ANY;
	ga.ga_buf = buf;
	ga.ga_size = size;
	return (gather_read(s, &ga, got));
}

int
securetcp_fill(struct securetcp *s, void *buf, size_t size, size_t *got)
{
	struct gather	 ga;
	int		 error;

	if (got == NULL)
		return (ptInvalidParam4);
	*got = 0;
	if (buf == NULL)
		return (ptInvalidParam2);
	if (size == 0 || size > s->st_inlimit)
		return (ptInvalidParam3);
	if ((error = gather_legal(s)) != ptOk)
		return (error);
	memset(&ga, 0, sizeof(ga));
	ga.ga_kind = GATHER_FILL;
	ga.ga_buf = buf;
	ga.ga_size = size;
	return (gather_read(s, &ga, got));
}

int
securetcp_search(struct securetcp *s, void *buf, size_t size,
    const void *token, size_t len, size_t *got)
{
	struct gather	 ga;
	int		 error;

	if (got == NULL)
		return (ptInvalidParam4);
	*got = 0;
	if (size > s->st_inlimit)
		size = s->st_inlimit;
	if (buf == NULL || size == 0)
		return (buf == NULL ? ptInvalidParam2 : ptInvalidParam3);
	if (token == NULL || len == 0 || len > size)
		return (ptInvalidParam4);
	if ((error = gather_legal(s)) != ptOk)
		return (error);
	memset(&ga, 0, sizeof(ga));
	ga.ga_kind = GATHER_SEARCH;
	ga.ga_buf = buf;
	ga.ga_size = size;
	ga.ga_token = token;
	ga.ga_tokenlen = len;
	return (gather_read(s, &ga, got));
}

int
securetcp_send(struct securetcp *s, const void *buf, size_t len, size_t *sent)
{
	int	 error;

	if (sent == NULL)
		return (ptInvalidParam4);
	*sent = 0;
	if (buf == NULL && len != 0)
		return (ptInvalidParam2);
	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (!stcp_object_sendable(s))
		return (ptNotConnected);
	if (len == 0)
		return (ptOk);
	stcp_object_hold(s);
	error = stcp_block_wanted(s) ? block_send(s, buf, len, sent) :
	    stcp_io_send(s, buf, len, sent);
	stcp_object_release(s);
	return (error);
}

/* Bytes queued before go first; then all of these. */
static int
block_send(struct securetcp *s, const void *buf, size_t len,
    size_t *sent)
{
	struct block	 bl;
	int		 error = ptOk;

	stcp_block_enter(s, &bl, "send");
	s->st_full = 0;
	if (s->st_broken)
		error = ptConnectionReset;
	while (error == ptOk && s->st_outlen != 0) {
		error = stcp_block_wait(s, &bl, 0);
		if (error == ptOk && s->st_broken)
			error = ptConnectionReset;
	}
	while (error == ptOk) {
		stcp_io_send_direct(s, buf, len, sent);
		if (s->st_broken) {
			s->st_unsent = *sent != len;
			stcp_io_broken(s);
			error = s->st_outcome != ptOk ? s->st_outcome :
			    ptConnectionReset;
		} else if (*sent == len)
			break;
		else
			error = stcp_block_wait(s, &bl, s->st_writewant);
	}
	stcp_block_leave(s);
	return (error);
}

int
securetcp_shutdown(struct securetcp *s)
{
	struct block	 bl;
	int		 error = ptOk;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (!stcp_object_sendable(s))
		return (ptNotConnected);
	stcp_object_hold(s);
	s->st_shutdown = 1;
	if (stcp_block_wanted(s)) {
		stcp_block_enter(s, &bl, "shutdown");
		stcp_io_flush(s);
		error = block_flush(s, &bl);
		stcp_block_leave(s);
	} else
		stcp_io_flush(s);
	stcp_object_release(s);
	return (error);
}

int
securetcp_close(struct securetcp *s)
{
	struct block	 bl;
	int		 error = ptOk;

	if (s->st_inside)
		return (ptBlocked);
	if (s->st_finishing || (s->st_state != SECURETCP_CONNECTED &&
	    (s->st_state != SECURETCP_CLOSING || !s->st_half)))
		return (ptNotConnected);
	stcp_object_hold(s);
	if (stcp_block_wanted(s) && !s->st_blocking) {
		stcp_block_enter(s, &bl, "close");
		stcp_io_finish(s);
		error = block_flush(s, &bl);
		stcp_block_leave(s);
	} else
		stcp_io_finish(s);
	stcp_object_release(s);
	return (error);
}
