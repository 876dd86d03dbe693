/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Bytes that the program has read from a socket before it assigns it: the
 * TLS library gets them as if they had been read just now.  And who watches
 * what comes after them, until the handshake is over.
 */

#include <sys/types.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "securetcp.h"

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
	preload_drop(s);
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
preload_begin(struct securetcp *s)
{
	if (s->st_phase != OBJECT_HANDSHAKE)
		preload_drop(s);
	else if (s->st_aheadlen != 0)
		io_note(s, s->st_ahead, s->st_aheadlen);
}

/* As much as fits of what is left; 0 when nothing is. */
size_t
preload_take(struct securetcp *s, void *buf, size_t len)
{
	size_t	 left = s->st_aheadlen - s->st_aheadoff;

	if (left == 0)
		return (0);
	if (len > left)
		len = left;
	memcpy(buf, s->st_ahead + s->st_aheadoff, len);
	s->st_aheadoff += len;
	if (len == left)
		preload_drop(s);
	return (len);
}

/* The handshake would read, and need not wait for the socket. */
int
preload_due(const struct securetcp *s)
{
	return (s->st_phase == OBJECT_HANDSHAKE && s->st_readwant == POLLIN &&
	    s->st_aheadlen != 0);
}

void
preload_drop(struct securetcp *s)
{
	memory_wipe(s->st_ahead, s->st_aheadlen);
	s->st_ahead = NULL;
	s->st_aheadoff = s->st_aheadlen = 0;
}
