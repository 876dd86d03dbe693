/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The ClientHello, RFC 8446 section 4.1.2 and RFC 6066 section 3.  Parts other
 * than the server name are only stepped over: the TLS library judges them.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdint.h>
#include <string.h>

#include "match.h"
#include "session.h"

#define RECORD_HEAD		5
#define RECORD_FIRST		20	/* the types there are */
#define RECORD_LAST		24
#define RECORD_HANDSHAKE	22
#define RECORD_MAJOR		3
#define RECORD_MAX		16384
#define MESSAGE_CLIENTHELLO	1
#define HELLO_RANDOM		32
#define HELLO_SESSIONID		32	/* at most */
#define EXT_SERVERNAME		0
#define NAME_HOST		0

/* The unread rest of a part of the message. */
struct part {
	const uint8_t	*pa_p;
	size_t		 pa_len;
};

static enum hello_result hello_bad(struct hello *, const char *);
static enum hello_result hello_scan(const uint8_t *, size_t, struct hello *);
static enum hello_result hello_record(const uint8_t *, size_t, int, size_t *,
		    struct hello *);
static void	 hello_join(const uint8_t *, uint8_t *, size_t);
static int	 part_number(struct part *, size_t, size_t *);
static int	 part_bytes(struct part *, size_t, struct part *);
static int	 part_vector(struct part *, size_t, struct part *);
static const char *hello_message(struct part, struct hello *);
static const char *hello_extensions(struct part, struct hello *);
static const char *hello_servername(struct part, struct hello *);
static size_t	 again_head(struct again *, const uint8_t *, size_t);
static size_t	 again_body(struct again *, const uint8_t *, size_t);
static const char *again_judge(struct again *, const struct hello *);

enum hello_result
hello_parse(const uint8_t *buf, size_t len, struct hello *h)
{
	enum hello_result	 result;
	static uint8_t		 message[HELLO_HEAD + HELLO_BODY];
	struct part		 body;
	const char		*why;

	if ((result = hello_scan(buf, len, h)) != HELLO_DONE)
		return (result);
	hello_join(buf, message, h->he_need);
	body.pa_p = message + HELLO_HEAD;
	body.pa_len = h->he_need - HELLO_HEAD;
	h->he_sni = h->he_odd = 0;
	if ((why = hello_message(body, h)) != NULL)
		return (hello_bad(h, why));
	return (HELLO_DONE);
}

static enum hello_result
hello_bad(struct hello *h, const char *why)
{
	memset(h, 0, sizeof(*h));
	h->he_why = why;
	return (HELLO_BAD);
}

/*
 * Looks at the headers alone, and at those of whole records once, so that a
 * peer that sends byte by byte costs little.  HELLO_DONE: a message of
 * he_need bytes, its header included, is in the records.
 */
static enum hello_result
hello_scan(const uint8_t *buf, size_t len, struct hello *h)
{
	enum hello_result	 result;
	uint8_t			*head = h->he_head;
	size_t			 i, n, off;

	while (h->he_need == 0 || h->he_got < h->he_need) {
		off = h->he_off;
		result = hello_record(buf + off, len - off, off == 0, &n, h);
		if (result != HELLO_DONE)
			return (result);
		off += RECORD_HEAD;
		for (i = h->he_got; i < HELLO_HEAD && i - h->he_got < n &&
		    i - h->he_got < len - off; i++)
			head[i] = buf[off + i - h->he_got];
		if (i != 0 && head[0] != MESSAGE_CLIENTHELLO)
			return (hello_bad(h, "not a ClientHello"));
		if (h->he_need == 0 && i == HELLO_HEAD)
			h->he_need = HELLO_HEAD + ((size_t)head[1] << 16 |
			    (size_t)head[2] << 8 | head[3]);
		if (h->he_need > HELLO_HEAD + HELLO_BODY)
			return (hello_bad(h, "ClientHello too large"));
		if (h->he_need != 0 && h->he_got + n > h->he_need)
			return (hello_bad(h, "something after the ClientHello "
			    "in its record"));
		if (n > len - off)
			return (HELLO_MORE);
		h->he_off = off + n;
		h->he_got += n;
	}
	return (HELLO_DONE);
}

/*
 * HELLO_DONE: the header is complete, and *n bytes belong to it.  Another
 * TLS record in front is not left to the TLS library: it may step over an
 * alert and go on to a hello that was not looked at.
 */
static enum hello_result
hello_record(const uint8_t *p, size_t len, int first, size_t *n,
    struct hello *h)
{
	if (len > 0 && p[0] != RECORD_HANDSHAKE) {
		if (first && (p[0] < RECORD_FIRST || p[0] > RECORD_LAST))
			return (hello_bad(h, HELLO_NOTTLS));
		return (hello_bad(h, "not a handshake record"));
	}
	if (len > 1 && p[1] != RECORD_MAJOR)
		return (hello_bad(h, first ? HELLO_NOTTLS :
		    "record of an unknown version"));
	if (len < RECORD_HEAD)
		return (HELLO_MORE);
	*n = (size_t)p[3] << 8 | p[4];
	if (*n == 0)
		return (hello_bad(h, "empty record"));
	if (*n > RECORD_MAX)
		return (hello_bad(h, "record too large"));
	return (HELLO_DONE);
}

/* The first n bytes of what the records hold, which the scan has counted. */
static void
hello_join(const uint8_t *buf, uint8_t *message, size_t n)
{
	size_t	 got, len;

	for (got = 0; got < n; got += len) {
		len = (size_t)buf[3] << 8 | buf[4];
		memcpy(message + got, buf + RECORD_HEAD, len);
		buf += RECORD_HEAD + len;
	}
}

static int
part_number(struct part *pa, size_t bytes, size_t *n)
{
	if (pa->pa_len < bytes)
		return (-1);
	pa->pa_len -= bytes;
	for (*n = 0; bytes != 0; bytes--)
		*n = *n << 8 | *pa->pa_p++;
	return (0);
}

static int
part_bytes(struct part *pa, size_t n, struct part *bytes)
{
	if (pa->pa_len < n)
		return (-1);
	bytes->pa_p = pa->pa_p;
	bytes->pa_len = n;
	pa->pa_p += n;
	pa->pa_len -= n;
	return (0);
}

/* A length of so many bytes, and what it counts. */
static int
part_vector(struct part *pa, size_t bytes, struct part *vector)
{
	size_t	 n;

	if (part_number(pa, bytes, &n) == -1)
		return (-1);
	return (part_bytes(pa, n, vector));
}

static const char *
hello_message(struct part body, struct hello *h)
{
	struct part	 part;
	size_t		 version;

	if (part_number(&body, 2, &version) == -1 ||
	    part_bytes(&body, HELLO_RANDOM, &part) == -1)
		return ("ClientHello too short");
	if (part_vector(&body, 1, &part) == -1 ||
	    part.pa_len > HELLO_SESSIONID)
		return ("malformed session id");
	if (part_vector(&body, 2, &part) == -1 || part.pa_len == 0 ||
	    part.pa_len % 2 != 0)
		return ("malformed cipher suites");
	if (part_vector(&body, 1, &part) == -1 || part.pa_len == 0)
		return ("malformed compression methods");
	if (body.pa_len == 0)
		return (NULL);		/* older clients have no extensions */
	if (part_vector(&body, 2, &part) == -1)
		return ("malformed extensions");
	if (body.pa_len != 0)
		return ("something after the extensions");
	return (hello_extensions(part, h));
}

static const char *
hello_extensions(struct part exts, struct hello *h)
{
	struct part	 data;
	const char	*why;
	size_t		 type;
	int		 seen = 0;

	while (exts.pa_len != 0) {
		if (part_number(&exts, 2, &type) == -1 ||
		    part_vector(&exts, 2, &data) == -1)
			return ("malformed extension");
		if (type != EXT_SERVERNAME)
			continue;
		if (seen++)
			return ("second server name extension");
		if ((why = hello_servername(data, h)) != NULL)
			return (why);
	}
	return (NULL);
}

/*
 * No other type of name was ever defined, and the TLS libraries take none:
 * a list is one host name.
 */
static const char *
hello_servername(struct part data, struct hello *h)
{
	struct part	 list, name;
	size_t		 type;

	if (part_vector(&data, 2, &list) == -1 || data.pa_len != 0)
		return ("malformed server name extension");
	if (list.pa_len == 0)
		return ("empty list of server names");
	if (part_number(&list, 1, &type) == -1 || type != NAME_HOST)
		return ("server name of an unknown type");
	if (part_vector(&list, 2, &name) == -1)
		return ("malformed server name");
	if (list.pa_len != 0)
		return ("more than one server name");
	return (hello_name((const char *)name.pa_p, name.pa_len, h));
}

/*
 * An address is no server name, and nothing is none either: as if none had been
 * sent.  The TLS libraries may still take other texts that are no names.
 */
const char *
hello_name(const char *name, size_t n, struct hello *h)
{
	struct in_addr	 addr;
	struct in6_addr	 addr6;

	if (n >= sizeof(h->he_name))
		return ("server name too long");
	memset(h->he_name, 0, sizeof(h->he_name));
	match_lower(h->he_name, name, n);
	if (strlen(h->he_name) != n)
		return ("NUL in the server name");
	if (n > 1 && h->he_name[n - 1] == '.')
		h->he_name[--n] = '\0';
	if (n == 0 || inet_pton(AF_INET, h->he_name, &addr) == 1 ||
	    inet_pton(AF_INET6, h->he_name, &addr6) == 1) {
		memset(h->he_name, 0, sizeof(h->he_name));
		return (NULL);
	}
	h->he_sni = 1;
	h->he_odd = !match_servername_ok(h->he_name);
	return (NULL);
}

/*
 * A client that is asked for another ClientHello has to say the same name as
 * before: with it the TLS library chooses the certificate, and the one that
 * the rules judged was the first.  So what comes in the clear is watched, and
 * another name ends the handshake before the library has heard of it.
 */

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
	/* Records before a hello, or instead of it, are not kept. */
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
	/* Bytes that do not fit are more than the parser will take. */
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
