/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* ClientHellos and records, byte by byte, as no library would make them. */

#include <sys/types.h>

#include <string.h>

#include "storm.h"

struct put {
	uint8_t	*p_buf;
	size_t	 p_len;
};

static void
put8(struct put *p, unsigned int v)
{
	p->p_buf[p->p_len++] = (uint8_t)v;
}

static void
put16(struct put *p, unsigned int v)
{
	put8(p, v >> 8);
	put8(p, v & 0xff);
}

static void
put_bytes(struct put *p, const void *data, size_t len)
{
	memcpy(p->p_buf + p->p_len, data, len);
	p->p_len += len;
}

static void
put_random(struct put *p, struct rng *r, size_t len)
{
	rng_fill(r, p->p_buf + p->p_len, len);
	p->p_len += len;
}

/* The 16 bit length of what came after it. */
static void
put_length(struct put *p, size_t at)
{
	size_t	 len = p->p_len - at - 2;

	p->p_buf[at] = (uint8_t)(len >> 8);
	p->p_buf[at + 1] = (uint8_t)len;
}

static size_t
put_extension(struct put *p, unsigned int type)
{
	put16(p, type);
	put16(p, 0);
	return (p->p_len - 2);
}

static void
put_extensions(struct put *p, struct rng *r, int version)
{
	static const uint8_t	 name[] = "storm.example";
	static const uint8_t	 groups[] = { 0, 6, 0, 29, 0, 23, 0, 24 };
	static const uint8_t	 sigs[] = { 0, 10, 4, 3, 5, 3, 8, 4, 4, 1,
				    2, 3 };
	static const uint8_t	 points[] = { 1, 0 };
	static const uint8_t	 versions[] = { 4, 3, 4, 3, 3 };
	size_t			 at;

	at = put_extension(p, 0);
	put16(p, (unsigned int)sizeof(name) - 1 + 3);
	put8(p, 0);
	put16(p, (unsigned int)sizeof(name) - 1);
	put_bytes(p, name, sizeof(name) - 1);
	put_length(p, at);
	at = put_extension(p, 10);
	put_bytes(p, groups, sizeof(groups));
	put_length(p, at);
	at = put_extension(p, 11);
	put_bytes(p, points, sizeof(points));
	put_length(p, at);
	at = put_extension(p, 13);
	put_bytes(p, sigs, sizeof(sigs));
	put_length(p, at);
	if (version < 0x0304)
		return;
	at = put_extension(p, 43);
	put_bytes(p, versions, sizeof(versions));
	put_length(p, at);
	at = put_extension(p, 51);
	put16(p, 36);
	put16(p, 29);
	put16(p, 32);
	put_random(p, r, 32);
	put_length(p, at);
}

/* Up to the extensions, whose length is at what it returns. */
static size_t
put_head(struct put *p, struct rng *r, int version)
{
	static const uint8_t	 ciphers[] = {
		0, 14, 0x13, 1, 0x13, 2, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x0a,
		0xc0, 0x14, 0, 0x2f
	};

	put8(p, 22);
	put16(p, version < 0x0301 ? 0x0300 : 0x0301);
	put16(p, 0);
	put8(p, 1);
	put8(p, 0);
	put16(p, 0);
	put16(p, version > 0x0303 ? 0x0303 : (unsigned int)version);
	put_random(p, r, 32);
	put8(p, 32);
	put_random(p, r, 32);
	put_bytes(p, ciphers, sizeof(ciphers));
	put8(p, 1);
	put8(p, 0);
	if (version < 0x0301)
		return (0);
	put16(p, 0);
	return (p->p_len - 2);
}

static void
put_tail(struct put *p, size_t extensions)
{
	if (extensions != 0)
		put_length(p, extensions);
	put_length(p, 7);
	put_length(p, 3);
}

/* One record with a ClientHello that a server can answer. */
size_t
hello_make(struct rng *r, int version, uint8_t *buf)
{
	struct put	 p = { buf, 0 };
	size_t		 at;

	at = put_head(&p, r, version);
	if (at != 0)
		put_extensions(&p, r, version);
	put_tail(&p, at);
	return (p.p_len);
}

/*
 * The handshake message alone, with extensions of chance that fill it up to
 * about size bytes; some say less or more than they hold.
 */
size_t
hello_big(struct rng *r, uint8_t *buf, size_t size)
{
	struct put	 p = { buf, 0 };
	size_t		 at, ext, len;

	at = put_head(&p, r, 0x0304);
	if (rng_below(r, 2))
		put_extensions(&p, r, 0x0304);
	while (p.p_len + 8 < size) {
		ext = put_extension(&p, rng_below(r, 3) == 0 ?
		    rng_below(r, 0x10000) : rng_below(r, 60));
		len = rng_below(r, (uint32_t)(size - p.p_len));
		put_random(&p, r, len);
		put_length(&p, ext);
		if (rng_below(r, 8) == 0)
			buf[ext + rng_below(r, 2)] = (uint8_t)rng_next(r);
	}
	put_length(&p, at);
	len = p.p_len - 9;
	buf[6] = (uint8_t)(len >> 16);
	buf[7] = (uint8_t)(len >> 8);
	buf[8] = (uint8_t)len;
	memmove(buf, buf + 5, p.p_len - 5);
	return (p.p_len - 5);
}

/* One record as it is asked for; the length is what it should be. */
size_t
record_make(uint8_t *buf, int type, int version, const void *data, size_t len)
{
	struct put	 p = { buf, 0 };

	put8(&p, (unsigned int)type);
	put16(&p, (unsigned int)version);
	put16(&p, (unsigned int)len);
	put_bytes(&p, data, len);
	return (p.p_len);
}
