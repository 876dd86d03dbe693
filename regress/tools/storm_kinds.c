/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The behaviours that end before there is a TLS connection. */

#include <sys/types.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define FLOOD	5000		/* records of the floods */

static void
fin(struct conn *c)
{
	(void)conn_add(c, OP_FIN);
	(void)conn_add(c, OP_END);
}

static void
make_connect_leave(struct conn *c)
{
	(void)conn_add(c, OP_CLOSE);
}

static void
make_connect_fin(struct conn *c)
{
	fin(c);
}

static void
make_connect_reset(struct conn *c)
{
	(void)conn_add(c, OP_RESET);
}

static void
make_silent(struct conn *c)
{
	(void)conn_add(c, OP_END);
}

/*
 * At least the five bytes that are looked at.  What looks like the head of a
 * record of version 3, or of SSL 2, a server may wait for the rest of.
 */
static void
garbage(struct conn *c, int tls)
{
	uint8_t	 buf[4096];
	size_t	 len;

	len = rng_between(&c->c_rng, 5, rng_below(&c->c_rng, 2) ? 100 :
	    sizeof(buf));
	do {
		rng_fill(&c->c_rng, buf, len);
	} while (!tls && (buf[1] == 3 || (buf[0] & 0x80) != 0));
	conn_raw(c, buf, len);
}

static void
make_garbage_fin(struct conn *c)
{
	garbage(c, 1);
	fin(c);
}

/* The server has to end it. */
static void
make_garbage(struct conn *c)
{
	garbage(c, 0);
	(void)conn_add(c, OP_END);
}

static void
make_http(struct conn *c)
{
	static const char *const methods[] = {
		"GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH",
		"TRACE"
	};
	char	 text[512];
	int	 n;

	n = snprintf(text, sizeof(text), "%s /%08x HTTP/1.%u\r\n"
	    "Host: h%u.example\r\nContent-Length: %u\r\n\r\n",
	    methods[rng_below(&c->c_rng, 8)], rng_next(&c->c_rng),
	    rng_below(&c->c_rng, 2), rng_next(&c->c_rng),
	    rng_next(&c->c_rng));
	conn_raw(c, text, (size_t)n);
	(void)conn_add(c, OP_END);
}

static void
make_text(struct conn *c)
{
	static const char *const starts[] = {
		"SSH-2.0-OpenSSH_", "EHLO h", "HELO h", "PRI * HTTP/2.0\r\n",
		"PROXY TCP4 192.0.2.", "CONNECT h:", "USER anonymous",
		"\r\n\r\n\r\n\x51UIT\n", "\"\\\x1b[31m"
	};
	char	 text[512];
	int	 n;

	n = snprintf(text, sizeof(text), "%s%u\r\n",
	    starts[rng_below(&c->c_rng, 9)], rng_next(&c->c_rng));
	conn_raw(c, text, (size_t)n);
	(void)conn_add(c, OP_END);
}

static void
make_ssl2(struct conn *c)
{
	static const uint8_t	 head[] = {
		0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16, 7, 0, 0xc0, 5, 0,
		0x80, 3, 0, 0x80, 1, 0, 0x80, 6, 0, 0x40, 4, 0, 0x80, 2, 0,
		0x80
	};
	uint8_t	 buf[48];

	memcpy(buf, head, sizeof(head));
	rng_fill(&c->c_rng, buf + sizeof(head), 16);
	conn_raw(c, buf, sizeof(buf));
	fin(c);
}

static void
old_hello(struct conn *c, int version)
{
	uint8_t	 buf[HELLO_MAX];

	conn_raw(c, buf, hello_make(&c->c_rng, version, buf));
	(void)conn_add(c, OP_END);
}

static void make_ssl3(struct conn *c) { old_hello(c, 0x0300); }
static void make_tls10(struct conn *c) { old_hello(c, 0x0301); }
static void make_tls11(struct conn *c) { old_hello(c, 0x0302); }

static int
any_version(struct conn *c)
{
	return (rng_below(&c->c_rng, 2) ? 0x0303 : 0x0304);
}

static size_t
cut_anywhere(struct conn *c, uint8_t *buf)
{
	size_t	 len;

	len = hello_make(&c->c_rng, any_version(c), buf);
	return (rng_between(&c->c_rng, 1, (uint32_t)len - 1));
}

static void
make_hello_cut_fin(struct conn *c)
{
	uint8_t	 buf[HELLO_MAX];
	size_t	 len = cut_anywhere(c, buf);

	conn_raw(c, buf, len);
	fin(c);
}

static void
make_hello_cut_reset(struct conn *c)
{
	uint8_t	 buf[HELLO_MAX];
	size_t	 len = cut_anywhere(c, buf);

	conn_raw(c, buf, len);
	(void)conn_add(c, OP_RESET);
}

/* Each place in its turn, and from the first again. */
static void
every_byte(struct conn *c, unsigned int *turn, int version)
{
	uint8_t	 buf[HELLO_MAX];
	size_t	 len;

	len = hello_make(&c->c_rng, version, buf);
	conn_raw(c, buf, 1 + (*turn)++ % (len - 1));
}

static void
make_every12_fin(struct conn *c)
{
	static unsigned int	 turn;

	every_byte(c, &turn, 0x0303);
	fin(c);
}

static void
make_every12_reset(struct conn *c)
{
	static unsigned int	 turn;

	every_byte(c, &turn, 0x0303);
	(void)conn_add(c, OP_RESET);
}

static void
make_every13_fin(struct conn *c)
{
	static unsigned int	 turn;

	every_byte(c, &turn, 0x0304);
	fin(c);
}

static void
make_every13_reset(struct conn *c)
{
	static unsigned int	 turn;

	every_byte(c, &turn, 0x0304);
	(void)conn_add(c, OP_RESET);
}

static void
make_hello_mutated(struct conn *c)
{
	uint8_t		 buf[HELLO_MAX];
	size_t		 at, len;
	unsigned int	 n;

	len = hello_make(&c->c_rng, any_version(c), buf);
	for (n = rng_between(&c->c_rng, 1, 8); n > 0; n--) {
		at = rng_below(&c->c_rng, (uint32_t)len);
		if (rng_below(&c->c_rng, 2))
			buf[at] ^= (uint8_t)(1 << rng_below(&c->c_rng, 8));
		else
			buf[at] = (uint8_t)rng_next(&c->c_rng);
	}
	conn_raw(c, buf, len);
	fin(c);
}

/* A handshake message in records of at most so many bytes. */
static void
raw_records(struct conn *c, const uint8_t *data, size_t len, size_t most)
{
	struct bytes	 b = { NULL, 0, 0, 0 };
	uint8_t		 record[RECORD_MAX + 5];
	size_t		 n, off;

	for (off = 0; off < len; off += n) {
		n = len - off < most ? len - off : most;
		bytes_add(&b, record, record_make(record, 22, 0x0301,
		    data + off, n));
	}
	conn_raw(c, b.b_data, b.b_len);
	bytes_free(&b);
}

static void
make_hello_extensions(struct conn *c)
{
	static uint8_t	 buf[65536 + HELLO_MAX];
	size_t		 len;

	len = hello_big(&c->c_rng, buf, rng_below(&c->c_rng, 4) == 0 ?
	    60000 : rng_between(&c->c_rng, 300, 4000));
	raw_records(c, buf, len, RECORD_MAX);
	fin(c);
}

static void
make_hello_one_byte(struct conn *c)
{
	uint8_t	 buf[HELLO_MAX];
	size_t	 len;

	len = hello_make(&c->c_rng, any_version(c), buf);
	raw_records(c, buf + 5, len - 5, 1);
	conn_add(c, OP_AWAIT)->o_len = 1;
	fin(c);
}

/* Any record after any other, lengths that may lie. */
static void
make_records(struct conn *c)
{
	struct bytes	 b = { NULL, 0, 0, 0 };
	uint8_t		 data[600], record[605];
	size_t		 len, n;
	int		 type, version;

	for (n = rng_between(&c->c_rng, 1, 30); n > 0; n--) {
		type = (int)(rng_below(&c->c_rng, 8) == 0 ?
		    rng_below(&c->c_rng, 256) : rng_between(&c->c_rng, 20, 24));
		version = (int)(rng_below(&c->c_rng, 8) == 0 ?
		    rng_below(&c->c_rng, 0x10000) :
		    rng_between(&c->c_rng, 0x0300, 0x0304));
		len = rng_below(&c->c_rng, 4) == 0 ? 0 :
		    rng_below(&c->c_rng, sizeof(data));
		rng_fill(&c->c_rng, data, len);
		len = record_make(record, type, version, data, len);
		if (rng_below(&c->c_rng, 8) == 0)
			record[3] = record[4] = 0xff;
		if (b.b_len == 0 && len < 6)
			n++;
		bytes_add(&b, record, len);
	}
	conn_raw(c, b.b_data, b.b_len);
	bytes_free(&b);
	fin(c);
}

static void
flood(struct conn *c, int type, const void *data, size_t len)
{
	struct bytes	 b = { NULL, 0, 0, 0 };
	uint8_t		 record[64];
	size_t		 i, n;

	n = record_make(record, type, 0x0303, data, len);
	for (i = 0; i < FLOOD; i++)
		bytes_add(&b, record, n);
	conn_raw(c, b.b_data, b.b_len);
	bytes_free(&b);
	fin(c);
}

static void make_flood_empty(struct conn *c) { flood(c, 22, "", 0); }
static void make_flood_ccs(struct conn *c) { flood(c, 20, "\1", 1); }
static void make_flood_warning(struct conn *c) { flood(c, 21, "\1\x5a", 2); }

static void
make_record_ffff(struct conn *c)
{
	static uint8_t	 buf[5 + 65535];

	rng_fill(&c->c_rng, buf, sizeof(buf));
	memcpy(buf, "\x16\x03\x01\xff\xff", 5);
	conn_raw(c, buf, sizeof(buf));
	(void)conn_add(c, OP_END);
}

/* A message of 16 MB is announced; nobody should make room for it. */
static void
make_message_huge(struct conn *c)
{
	uint8_t	 data[512], record[517];

	rng_fill(&c->c_rng, data, sizeof(data));
	memcpy(data, "\1\xff\xff\xff", 4);
	conn_raw(c, record, record_make(record, 22, 0x0301, data,
	    sizeof(data)));
	fin(c);
}

static void
make_alert(struct conn *c)
{
	uint8_t	 data[2], record[7];

	data[0] = 2;
	data[1] = (uint8_t)rng_next(&c->c_rng);
	conn_raw(c, record, record_make(record, 21, 0x0301, data, 2));
	fin(c);
}

static void
make_hello_silent(struct conn *c)
{
	uint8_t	 buf[HELLO_MAX];
	size_t	 len = cut_anywhere(c, buf);

	conn_raw(c, buf, len);
	(void)conn_add(c, OP_END);
}

/* It gets as far as it can before the timer. */
static void
make_hello_drip(struct conn *c)
{
	uint8_t		 buf[HELLO_MAX];
	struct op	*o;
	size_t		 len;

	len = hello_make(&c->c_rng, any_version(c), buf);
	conn_raw(c, buf, len);
	o = &c->c_ops[c->c_nops - 1];
	o->o_code = OP_DRIP;
	o->o_arg = 200;
	(void)conn_add(c, OP_END);
}

static void
hello_answered(struct conn *c)
{
	uint8_t	 buf[HELLO_MAX];
	size_t	 len;

	len = hello_make(&c->c_rng, any_version(c), buf);
	conn_raw(c, buf, len);
	conn_add(c, OP_AWAIT)->o_len = 1;
}

static void
make_answer_silent(struct conn *c)
{
	hello_answered(c);
	(void)conn_add(c, OP_END);
}

static void
make_answer_fin(struct conn *c)
{
	hello_answered(c);
	fin(c);
}

static void
make_answer_reset(struct conn *c)
{
	hello_answered(c);
	(void)conn_add(c, OP_RESET);
}

/* What a client once sent, to a server that has other keys by now. */
static void
replay(struct conn *c, unsigned int flips)
{
	const uint8_t	*data;
	uint8_t		*buf;
	size_t		 len;

	if (storm_replay(&data, &len) == -1)
		storm_fail(c, "nothing was recorded");
	if ((buf = malloc(len)) == NULL)
		err(1, "malloc");
	memcpy(buf, data, len);
	for (; flips > 0; flips--)
		buf[rng_below(&c->c_rng, (uint32_t)len)] ^=
		    (uint8_t)(1 << rng_below(&c->c_rng, 8));
	conn_raw(c, buf, len);
	free(buf);
	fin(c);
}

static void
make_replay(struct conn *c)
{
	replay(c, 0);
}

static void
make_replay_flipped(struct conn *c)
{
	replay(c, rng_between(&c->c_rng, 1, 4));
}

const struct kind	 kinds_before[] = {
	{ "connect-leave", make_connect_leave, 1 },
	{ "connect-fin", make_connect_fin, 1 },
	{ "connect-reset", make_connect_reset, 1 },
	{ "silent", make_silent, 1 },
	{ "garbage", make_garbage, 0 },
	{ "garbage-fin", make_garbage_fin, 0 },
	{ "http", make_http, 0 },
	{ "text", make_text, 0 },
	{ "ssl2", make_ssl2, 0 },
	{ "ssl3", make_ssl3, 0 },
	{ "tls1.0", make_tls10, 0 },
	{ "tls1.1", make_tls11, 0 },
	{ "hello-cut-fin", make_hello_cut_fin, 0 },
	{ "hello-cut-reset", make_hello_cut_reset, 0 },
	{ "every-byte-1.2-fin", make_every12_fin, 0 },
	{ "every-byte-1.2-reset", make_every12_reset, 0 },
	{ "every-byte-1.3-fin", make_every13_fin, 0 },
	{ "every-byte-1.3-reset", make_every13_reset, 0 },
	{ "hello-mutated", make_hello_mutated, 0 },
	{ "hello-extensions", make_hello_extensions, 0 },
	{ "hello-one-byte", make_hello_one_byte, 0 },
	{ "hello-silent", make_hello_silent, 0 },
	{ "hello-drip", make_hello_drip, 0 },
	{ "answer-silent", make_answer_silent, 0 },
	{ "answer-fin", make_answer_fin, 0 },
	{ "answer-reset", make_answer_reset, 0 },
	{ "records", make_records, 0 },
	{ "record-ffff", make_record_ffff, 0 },
	{ "message-huge", make_message_huge, 0 },
	{ "flood-empty", make_flood_empty, 0 },
	{ "flood-ccs", make_flood_ccs, 0 },
	{ "flood-warning", make_flood_warning, 0 },
	{ "alert", make_alert, 0 },
	{ "replay", make_replay, 0 },
	{ "replay-flipped", make_replay_flipped, 0 },
	{ NULL, NULL, 0 }
};
