/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Fill and search, and how a read waits, by events or by itself. */

#include <sys/types.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "securetcp.h"

static int	 gather_read(struct securetcp *, const struct gather *,
		    size_t *);
static size_t	 gather_have(struct securetcp *, const struct gather *);
static size_t	 gather_find(struct securetcp *, const uint8_t *, size_t,
		    size_t);
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

/*
 * Where a token ends among the first bytes that wait, 0 when it does not.
 * What was looked through for it before is not looked through again: a peer
 * may send byte by byte.
 */
static size_t
gather_find(struct securetcp *s, const uint8_t *token, size_t len, size_t max)
{
	const uint8_t	*p = s->st_in + s->st_inoff;
	size_t		 i = 0, n = s->st_inlen < max ? s->st_inlen : max;

	if (s->st_token == NULL || s->st_tokenlen != len ||
	    memcmp(s->st_token, token, len) != 0)
		s->st_scanned = 0;
	if (s->st_scanned >= len)
		i = s->st_scanned - len + 1;
	for (; i + len <= n; i++) {
		if (p[i] == token[0] && memcmp(p + i, token, len) == 0)
			return (i + len);
	}
	s->st_scanned = n;
	return (0);
}

/* How many of the bytes that wait are what is wanted; 0: not yet. */
static size_t
gather_have(struct securetcp *s, const struct gather *ga)
{
	if (s->st_inlen == 0)
		return (0);
	if (ga->ga_kind == GATHER_FILL)
		return (s->st_inlen >= ga->ga_size ? ga->ga_size : 0);
	return (gather_find(s, ga->ga_token, ga->ga_tokenlen, ga->ga_size));
}

/* Is an armed Receive due?  There is something. */
int
stcp_gather_ready(struct securetcp *s)
{
	if (s->st_want == 0 || s->st_inlen >= s->st_want)
		return (1);
	return (s->st_token != NULL && gather_find(s, s->st_token,
	    s->st_tokenlen, s->st_want) != 0);
}

void
stcp_gather_disarm(struct securetcp *s)
{
	s->st_armed = 0;
	s->st_want = s->st_scanned = 0;
	stcp_memory_wipe(s->st_token, s->st_tokenlen);
	s->st_token = NULL;
	s->st_tokenlen = 0;
}

static int
gather_arm(struct securetcp *s, const struct gather *ga)
{
	uint8_t	*token = NULL;
	size_t	 scanned = s->st_scanned;

	if (ga->ga_kind == GATHER_SEARCH) {
		if ((token = malloc(ga->ga_tokenlen)) == NULL)
			return (ptNoBufferSpace);
		memcpy(token, ga->ga_token, ga->ga_tokenlen);
	}
	stcp_gather_disarm(s);
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
	stcp_gather_disarm(s);
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
	stcp_gather_disarm(s);
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
	    stcp_block_flush(s, &bl) == ptTimeout)
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

/*
 * Bytes that the program has read from a socket before it assigns it: the
 * TLS library gets them as if they had been read just now.  And who watches
 * what comes after them, until the handshake is over.
 */

int
securetcp_preload(struct securetcp *s, const void *buf, size_t len)
{
	uint8_t	*copy = NULL;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	if (buf == NULL && len != 0)
		return (ptInvalidParam2);
	if (len > SECURETCP_PRELOAD)
		return (ptInvalidParam3);
	if (len != 0) {
		if ((copy = malloc(len)) == NULL)
			return (ptNoBufferSpace);
		memcpy(copy, buf, len);
	}
	stcp_preload_drop(s);
	s->st_ahead = copy;
	s->st_aheadlen = len;
	return (ptOk);
}

int
securetcp_watch(struct securetcp *s, int (*watch)(const void *, size_t,
    void *), void *arg)
{
	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	s->st_watch = watch;
	s->st_watcharg = arg;
	return (ptOk);
}

/*
 * A connection begins: what was read counts as received, whether it comes to
 * be looked at or not.  From a socket that is yet to connect nothing was.
 */
void
stcp_preload_begin(struct securetcp *s)
{
	if (s->st_phase != OBJECT_HANDSHAKE)
		stcp_preload_drop(s);
	else if (s->st_aheadlen != 0)
		stcp_io_note(s, s->st_ahead, s->st_aheadlen);
}

/* As much as fits of what is left; 0 when nothing is. */
size_t
stcp_preload_take(struct securetcp *s, void *buf, size_t len)
{
	size_t	 left = s->st_aheadlen - s->st_aheadoff;

	if (left == 0)
		return (0);
	if (len > left)
		len = left;
	memcpy(buf, s->st_ahead + s->st_aheadoff, len);
	s->st_aheadoff += len;
	if (len == left)
		stcp_preload_drop(s);
	return (len);
}

/* The handshake would read, and need not wait for the socket. */
int
stcp_preload_due(const struct securetcp *s)
{
	return (s->st_phase == OBJECT_HANDSHAKE && s->st_readwant == POLLIN &&
	    s->st_aheadlen != 0);
}

void
stcp_preload_drop(struct securetcp *s)
{
	stcp_memory_wipe(s->st_ahead, s->st_aheadlen);
	s->st_ahead = NULL;
	s->st_aheadoff = s->st_aheadlen = 0;
}
