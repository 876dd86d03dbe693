/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A client that is asked for another ClientHello has to say the same name as
 * before: with it the TLS library chooses the certificate, and the one that
 * the rules judged was the first.  So what comes in the clear is watched, and
 * another name ends the handshake before the library has heard of it.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include <imsg.h>

#include "hello.h"
#include "session.h"
#include "wire.h"

#define RECORD_HEAD		5
#define RECORD_HANDSHAKE	22
#define MESSAGE_CLIENTHELLO	1

static size_t	 again_head(struct again *, const uint8_t *, size_t);
static size_t	 again_body(struct again *, const uint8_t *, size_t);
static const char *again_judge(struct again *, const struct hello *);

/* NULL as long as all is well, for what came next; else what is not. */
const char *
again_watch(struct again *ag, const struct hello *first, const uint8_t *buf,
    size_t len)
{
	const char	*why;
	size_t		 n;

	while (len > 0 && !ag->ag_over) {
		n = ag->ag_headlen < RECORD_HEAD ? again_head(ag, buf, len) :
		    again_body(ag, buf, len);
		buf += n;
		len -= n;
		if (ag->ag_over || ag->ag_headlen < RECORD_HEAD ||
		    ag->ag_left > 0)
			continue;
		ag->ag_headlen = 0;
		if ((why = again_judge(ag, first)) != NULL)
			return (why);
	}
	return (NULL);
}

/* How many bytes of the header of a record there are. */
static size_t
again_head(struct again *ag, const uint8_t *buf, size_t len)
{
	size_t	 n = RECORD_HEAD - ag->ag_headlen;

	if (n > len)
		n = len;
	memcpy(ag->ag_head + ag->ag_headlen, buf, n);
	ag->ag_headlen += n;
	if (ag->ag_headlen < RECORD_HEAD)
		return (n);
	if (ag->ag_len == 0)
		memset(&ag->ag_hello, 0, sizeof(ag->ag_hello));
	ag->ag_left = (size_t)ag->ag_head[3] << 8 | ag->ag_head[4];
	/* What comes before a hello, or instead of it, is not kept. */
	ag->ag_kept = ag->ag_len > 0 || ag->ag_head[0] == RECORD_HANDSHAKE;
	if (ag->ag_kept && ag->ag_len + RECORD_HEAD <= sizeof(ag->ag_buf)) {
		memcpy(ag->ag_buf + ag->ag_len, ag->ag_head, RECORD_HEAD);
		ag->ag_len += RECORD_HEAD;
	}
	return (n);
}

/* And of its body; another message than a hello is the last to look at. */
static size_t
again_body(struct again *ag, const uint8_t *buf, size_t len)
{
	size_t	 n = ag->ag_left < len ? ag->ag_left : len, room;

	ag->ag_left -= n;
	if (!ag->ag_kept)
		return (n);
	if (ag->ag_len == RECORD_HEAD && buf[0] != MESSAGE_CLIENTHELLO) {
		ag->ag_over = 1;
		return (n);
	}
	/* What does not fit is more than the parser will take. */
	room = sizeof(ag->ag_buf) - ag->ag_len;
	memcpy(ag->ag_buf + ag->ag_len, buf, n < room ? n : room);
	ag->ag_len += n < room ? n : room;
	return (n);
}

/* A record has ended. */
static const char *
again_judge(struct again *ag, const struct hello *first)
{
	struct hello	*h = &ag->ag_hello;

	if (!ag->ag_kept)
		return (NULL);
	switch (hello_parse(ag->ag_buf, ag->ag_len, h)) {
	case HELLO_MORE:
		return (ag->ag_len == sizeof(ag->ag_buf) ?
		    "another ClientHello too large" : NULL);
	case HELLO_BAD:
		return ("another ClientHello that is malformed");
	case HELLO_DONE:
		break;
	}
	ag->ag_len = 0;
	if (!h->he_sni)
		return (NULL);
	if (!first->he_sni)
		return (AGAIN_LATE);
	return (strcmp(h->he_name, first->he_name) == 0 ? NULL :
	    AGAIN_CHANGED);
}
