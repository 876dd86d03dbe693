/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The behaviours that get, or try to get, to a TLS connection. */

#include <sys/types.h>

#include <string.h>

#include <openssl/ssl.h>

#include "storm.h"

#define FLOOD		3000	/* records of the floods */
#define HANDSHAKE_BYTES	420	/* about what a client's handshake takes */
#define IMPATIENCE	1500	/* ms for a handshake that may be stuck */

static int
any_version(struct conn *c)
{
	return (rng_below(&c->c_rng, 2) ? TLS1_2_VERSION : TLS1_3_VERSION);
}

static struct op *
handshake(struct conn *c, int version)
{
	struct op	*o = conn_add(c, OP_HANDSHAKE);

	o->o_arg = version;
	return (o);
}

static struct op *
echo(struct conn *c, size_t len)
{
	struct op	*o = conn_add(c, OP_ECHO);

	o->o_len = len;
	return (o);
}

static void
fin(struct conn *c)
{
	(void)conn_add(c, OP_FIN);
	(void)conn_add(c, OP_END);
}

static void
bye(struct conn *c)
{
	(void)conn_add(c, OP_BYE);
	fin(c);
}

static void
call(struct conn *c, void (*f)(struct conn *, struct op *))
{
	conn_add(c, OP_CALL)->o_call = f;
}

static size_t
some(struct conn *c)
{
	return (rng_between(&c->c_rng, 1, 3000));
}

static void
make_echo_small(struct conn *c)
{
	(void)handshake(c, any_version(c));
	(void)echo(c, rng_between(&c->c_rng, 1, 200));
	bye(c);
}

static void
make_echo_large(struct conn *c)
{
	(void)handshake(c, any_version(c));
	(void)echo(c, 65536);
	bye(c);
}

static void
make_half_close(struct conn *c)
{
	(void)handshake(c, any_version(c));
	echo(c, rng_between(&c->c_rng, 1, 40000))->o_arg = 1;
	fin(c);
}

static void
make_tls12(struct conn *c)
{
	(void)handshake(c, TLS1_2_VERSION);
	(void)echo(c, 10);
	bye(c);
}

static void
make_tls13_bye(struct conn *c)
{
	(void)handshake(c, TLS1_3_VERSION);
	bye(c);
}

/* Each byte a segment of its own, from the first of the handshake. */
static void
make_slow(struct conn *c)
{
	c->c_slow = 1;
	make_echo_small(c);
}

static void
make_fragments(struct conn *c)
{
	c->c_fragment = rng_between(&c->c_rng, 1, 40);
	make_echo_small(c);
}

/* Is recorded, for the replays: no data, and an end of its own. */
static void
make_record(struct conn *c)
{
	(void)handshake(c, TLS1_2_VERSION);
	bye(c);
}

static void
make_truncated(struct conn *c)
{
	(void)handshake(c, any_version(c));
	(void)echo(c, some(c));
	fin(c);
}

static void
make_reset(struct conn *c)
{
	(void)handshake(c, any_version(c));
	(void)echo(c, some(c));
	(void)conn_add(c, OP_RESET);
}

static void
make_finished_fin(struct conn *c)
{
	(void)handshake(c, any_version(c));
	fin(c);
}

static void
make_finished_reset(struct conn *c)
{
	(void)handshake(c, any_version(c));
	(void)conn_add(c, OP_RESET);
}

static void
make_data_reset(struct conn *c)
{
	(void)handshake(c, any_version(c));
	conn_add(c, OP_WRITE)->o_len = rng_between(&c->c_rng, 1, 30000);
	(void)conn_add(c, OP_RESET);
}

static void
make_never_reads(struct conn *c)
{
	struct op	*o;

	(void)handshake(c, any_version(c));
	(void)conn_add(c, OP_DEAF);
	o = conn_add(c, OP_WRITE);
	o->o_len = 4 * 1024 * 1024;
	o->o_arg = 300;
	(void)conn_add(c, OP_CLOSE);
}

/* One bit of a live handshake; perhaps the other side waits in vain. */
static void
make_handshake_flipped(struct conn *c)
{
	c->c_flip = 1 + rng_below(&c->c_rng, HANDSHAKE_BYTES);
	c->c_mask = (uint8_t)(1 << rng_below(&c->c_rng, 8));
	handshake(c, any_version(c))->o_len = IMPATIENCE;
	(void)conn_add(c, OP_BYE);
	fin(c);
}

static void
sealed(struct conn *c, int type, const void *data, size_t len)
{
	uint8_t	 record[SEALED_MAX];

	bytes_add(&c->c_out, record, seal_record(&c->c_seal, type, data, len,
	    record));
}

static void
call_flip(struct conn *c, struct op *o)
{
	uint8_t	 data[1000], record[SEALED_MAX];
	size_t	 len;

	(void)o;
	seal_init(c);
	len = rng_between(&c->c_rng, 1, sizeof(data));
	rng_fill(&c->c_rng, data, len);
	len = seal_record(&c->c_seal, 23, data, len, record);
	record[rng_below(&c->c_rng, (uint32_t)len)] ^=
	    (uint8_t)(1 << rng_below(&c->c_rng, 8));
	bytes_add(&c->c_out, record, len);
}

static void
make_data_flipped(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_flip);
	fin(c);
}

/* Well sealed, and anything may be in it. */
static void
call_sealed(struct conn *c, struct op *o)
{
	uint8_t		 data[RECORD_MAX];
	size_t		 len;
	unsigned int	 n;
	int		 type;

	(void)o;
	seal_init(c);
	for (n = rng_between(&c->c_rng, 1, 8); n > 0; n--) {
		type = (int)(rng_below(&c->c_rng, 6) == 0 ?
		    rng_below(&c->c_rng, 256) : rng_between(&c->c_rng, 20, 24));
		len = rng_below(&c->c_rng, rng_below(&c->c_rng, 10) == 0 ?
		    RECORD_MAX : 300);
		rng_fill(&c->c_rng, data, len);
		if (type == 22 && len > 4 && rng_below(&c->c_rng, 2)) {
			data[0] = (uint8_t)rng_below(&c->c_rng, 26);
			data[1] = 0;
			data[2] = (uint8_t)((len - 4) >> 8);
			data[3] = (uint8_t)(len - 4);
		}
		sealed(c, type, data, len);
	}
}

static void
make_sealed(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_sealed);
	fin(c);
}

/* Good records, and among them what was never sealed. */
static void
call_injected(struct conn *c, struct op *o)
{
	uint8_t		 data[500], record[505];
	size_t		 len;
	unsigned int	 n;

	(void)o;
	seal_init(c);
	for (n = rng_between(&c->c_rng, 0, 4); n > 0; n--) {
		len = rng_between(&c->c_rng, 1, sizeof(data));
		sealed(c, 23, data, len);
	}
	len = rng_between(&c->c_rng, 0, sizeof(data));
	rng_fill(&c->c_rng, data, len);
	if (rng_below(&c->c_rng, 2)) {
		len = record_make(record, (int)rng_between(&c->c_rng, 20, 24),
		    0x0303, data, len);
		bytes_add(&c->c_out, record, len);
	} else
		bytes_add(&c->c_out, data, len);
	sealed(c, 23, "more", 4);
}

static void
make_injected(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_injected);
	fin(c);
}

static void
call_twice(struct conn *c, struct op *o)
{
	struct seal	 again;

	(void)o;
	seal_init(c);
	again = c->c_seal;
	sealed(c, 23, "once", 4);
	c->c_seal = again;
	sealed(c, 23, "once", 4);
}

static void
make_twice(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_twice);
	(void)conn_add(c, OP_END);
}

static void
flood(struct conn *c, int type, const void *data, size_t len)
{
	int	 i;

	seal_init(c);
	for (i = 0; i < FLOOD; i++)
		sealed(c, type, data, len);
}

static void
call_empty(struct conn *c, struct op *o)
{
	(void)o;
	flood(c, 23, "", 0);
}

static void
make_sealed_empty(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_empty);
	fin(c);
}

static void
call_warnings(struct conn *c, struct op *o)
{
	(void)o;
	flood(c, 21, "\1\x5a", 2);
}

static void
make_sealed_warnings(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_warnings);
	fin(c);
}

static void
call_fatal(struct conn *c, struct op *o)
{
	uint8_t	 data[2];

	(void)o;
	seal_init(c);
	data[0] = 2;
	/* Not close_notify, and not user_canceled: they are no errors. */
	data[1] = (uint8_t)rng_between(&c->c_rng, 1, 89);
	sealed(c, 21, data, 2);
}

static void
make_sealed_fatal(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_fatal);
	(void)conn_add(c, OP_END);
}

static void
call_keyupdates(struct conn *c, struct op *o)
{
	int	 i;

	(void)o;
	seal_init(c);
	for (i = 0; i < FLOOD; i++) {
		sealed(c, 22, "\x18\0\0\1\1", 5);
		seal_update(&c->c_seal);
	}
	sealed(c, 23, "still there", 11);
}

static void
make_keyupdates(struct conn *c)
{
	(void)handshake(c, TLS1_3_VERSION);
	call(c, call_keyupdates);
	fin(c);
}

static void
call_hellos(struct conn *c, struct op *o)
{
	uint8_t	 hello[HELLO_MAX];
	size_t	 len;
	int	 i, version;

	(void)o;
	seal_init(c);
	version = c->c_seal.se_version;
	for (i = 0; i < 50; i++) {
		len = hello_make(&c->c_rng, version, hello);
		sealed(c, 22, hello + 5, len - 5);
	}
}

/* Renegotiation, or in TLS 1.3 what never was one. */
static void
make_renegotiate(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_hellos);
	fin(c);
}

static void
call_ccs(struct conn *c, struct op *o)
{
	int	 i;

	(void)o;
	for (i = 0; i < FLOOD; i++)
		bytes_add(&c->c_out, "\x14\3\3\0\1\1", 6);
}

static void
make_connected_ccs(struct conn *c)
{
	(void)handshake(c, any_version(c));
	call(c, call_ccs);
	fin(c);
}

const struct kind	 kinds_after[] = {
	{ "echo-small", make_echo_small, 1 },
	{ "echo-64k", make_echo_large, 1 },
	{ "half-close", make_half_close, 1 },
	{ "tls1.2", make_tls12, 1 },
	{ "tls1.3-bye", make_tls13_bye, 1 },
	{ "slow", make_slow, 1 },
	{ "fragments", make_fragments, 1 },
	{ "record", make_record, 1 },
	{ "truncated", make_truncated, 1 },
	{ "reset", make_reset, 1 },
	{ "finished-fin", make_finished_fin, 1 },
	{ "finished-reset", make_finished_reset, 1 },
	{ "data-reset", make_data_reset, 1 },
	{ "never-reads", make_never_reads, 1 },
	{ "handshake-flipped", make_handshake_flipped, 0 },
	{ "data-flipped", make_data_flipped, 0 },
	{ "sealed", make_sealed, 0 },
	{ "injected", make_injected, 0 },
	{ "sealed-twice", make_twice, 0 },
	{ "sealed-empty", make_sealed_empty, 0 },
	{ "sealed-warnings", make_sealed_warnings, 0 },
	{ "sealed-fatal", make_sealed_fatal, 0 },
	{ "keyupdates", make_keyupdates, 0 },
	{ "renegotiate", make_renegotiate, 0 },
	{ "connected-ccs", make_connected_ccs, 0 },
	{ NULL, NULL, 0 }
};
