/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* One connection: takes its steps until it would have to wait. */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "storm.h"

#define CHUNK	16384

enum result {
	STEP_DONE,
	STEP_WAIT,
	STEP_AGAIN,
	STEP_OVER	/* the other side ended it */
};

static SSL_CTX	*contexts[2];
static uint8_t	 pattern[65536 + 256];

static int
hex(int c)
{
	return (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void
keylog(const SSL *ssl, const char *line)
{
	static const char	 label[] = "CLIENT_TRAFFIC_SECRET_0 ";
	struct conn		*c = SSL_get_app_data(ssl);
	const char		*p;
	size_t			 i;

	if (strncmp(line, label, sizeof(label) - 1) != 0 ||
	    (p = strrchr(line, ' ')) == NULL || strlen(++p) != 64)
		return;
	for (i = 0; i < 32; i++)
		c->c_traffic[i] = (uint8_t)(hex(p[2 * i]) << 4 |
		    hex(p[2 * i + 1]));
}

static SSL_CTX *
context(int version)
{
	SSL_CTX	*ctx;

	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, version) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:"
	    "ECDHE-RSA-AES128-GCM-SHA256") != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1)
		errx(1, "SSL_CTX");
	SSL_CTX_set_keylog_callback(ctx, keylog);
	return (ctx);
}

void
conn_init(void)
{
	struct rng	 r;

	contexts[0] = context(TLS1_2_VERSION);
	contexts[1] = context(TLS1_3_VERSION);
	rng_seed(&r, 1, 1);
	rng_fill(&r, pattern, sizeof(pattern));
}

struct op *
conn_add(struct conn *c, enum opcode code)
{
	struct op	*o;

	if (c->c_nops == OPS_MAX)
		storm_fail(c, "too many steps");
	o = &c->c_ops[c->c_nops++];
	memset(o, 0, sizeof(*o));
	o->o_code = code;
	return (o);
}

void
conn_raw(struct conn *c, const void *data, size_t len)
{
	struct op	*o = conn_add(c, OP_RAW);

	if ((o->o_data = malloc(len + 1)) == NULL)
		err(1, "malloc");
	memcpy(o->o_data, data, len);
	o->o_len = len;
}

void
conn_free(struct conn *c)
{
	unsigned int	 i;

	for (i = 0; i < c->c_nops; i++)
		free(c->c_ops[i].o_data);
	if (c->c_fd != -1)
		(void)close(c->c_fd);
	SSL_free(c->c_ssl);
	bytes_free(&c->c_out);
	bytes_free(&c->c_reframe);
}

/* Records of the handshake before it is encrypted, in smaller ones. */
static void
reframe(struct conn *c)
{
	struct bytes	*b = &c->c_reframe;
	const uint8_t	*p;
	uint8_t		 head[5];
	size_t		 len, n, off;

	while (b->b_len - b->b_off >= 5) {
		p = b->b_data + b->b_off;
		len = (size_t)(p[3] << 8 | p[4]);
		if (b->b_len - b->b_off < 5 + len)
			return;
		if (p[0] != 22)
			c->c_keyed = 1;
		memcpy(head, p, 5);
		for (off = 0; off < len; off += n) {
			n = c->c_keyed || len - off < c->c_fragment ?
			    len - off : c->c_fragment;
			head[3] = (uint8_t)(n >> 8);
			head[4] = (uint8_t)n;
			bytes_add(&c->c_out, head, 5);
			bytes_add(&c->c_out, p + 5 + off, n);
		}
		bytes_eat(b, 5 + len);
	}
}

/* What the TLS library wants sent, on its way to the socket. */
static void
collect(struct conn *c)
{
	uint8_t	 buf[CHUNK];
	int	 n;

	if (c->c_ssl == NULL)
		return;
	while ((n = BIO_read(SSL_get_wbio(c->c_ssl), buf, sizeof(buf))) > 0) {
		if (c->c_flip > c->c_sent &&
		    c->c_flip <= c->c_sent + (size_t)n)
			buf[c->c_flip - 1 - c->c_sent] ^= c->c_mask;
		c->c_sent += (size_t)n;
		if (c->c_record != NULL)
			bytes_add(c->c_record, buf, (size_t)n);
		if (c->c_fragment != 0) {
			bytes_add(&c->c_reframe, buf, (size_t)n);
			reframe(c);
		} else
			bytes_add(&c->c_out, buf, (size_t)n);
	}
}

/* 0 when all is out, 1 when it waits, -1 when nobody takes it. */
static int
push(struct conn *c)
{
	struct bytes	*b = &c->c_out;
	ssize_t		 n;

	while (b->b_off < b->b_len) {
		n = send(c->c_fd, b->b_data + b->b_off,
		    c->c_slow ? 1 : b->b_len - b->b_off, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN)
			return (1);
		if (n == -1) {
			c->c_why = strerror(errno);
			return (-1);
		}
		bytes_eat(b, (size_t)n);
		if (c->c_slow)
			return (b->b_off < b->b_len);
	}
	return (0);
}

static int
feeds(enum opcode code)
{
	return (code == OP_HANDSHAKE || code == OP_ECHO || code == OP_WRITE ||
	    code == OP_BYE);
}

static void
pull(struct conn *c)
{
	uint8_t	 buf[CHUNK];
	ssize_t	 n;

	while (!c->c_ended && !c->c_deaf) {
		n = recv(c->c_fd, buf, sizeof(buf), 0);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			c->c_ended = 1;
			c->c_why = n == 0 ? "end of file" : strerror(errno);
			return;
		}
		c->c_received += (size_t)n;
		if (c->c_ssl != NULL && feeds(c->c_ops[c->c_op].o_code))
			(void)BIO_write(SSL_get_rbio(c->c_ssl), buf, (int)n);
	}
}

static enum result
step_out(struct conn *c)
{
	switch (push(c)) {
	case 0:
		return (STEP_DONE);
	case 1:
		return (STEP_WAIT);
	}
	return (STEP_OVER);
}

static enum result
step_drip(struct conn *c, struct op *o)
{
	enum result	 r;

	for (;;) {
		if ((r = step_out(c)) != STEP_DONE)
			return (r);
		if (c->c_ended)
			return (STEP_OVER);
		if (storm_now() < c->c_until)
			return (STEP_WAIT);
		if (c->c_written == o->o_len)
			return (STEP_DONE);
		bytes_add(&c->c_out, o->o_data + c->c_written++, 1);
		c->c_until = storm_now() + o->o_arg;
	}
}

static void
tls_new(struct conn *c, int version)
{
	c->c_ssl = SSL_new(contexts[version == TLS1_3_VERSION]);
	if (c->c_ssl == NULL)
		errx(1, "SSL_new");
	SSL_set_bio(c->c_ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_app_data(c->c_ssl, c);
	SSL_set_connect_state(c->c_ssl);
}

/* The TLS library waits (STEP_WAIT) or has given up (STEP_OVER). */
static enum result
tls_result(struct conn *c, int n)
{
	int	 e = SSL_get_error(c->c_ssl, n);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return (c->c_ended ? STEP_OVER : STEP_WAIT);
	c->c_why = "TLS";
	if (ERR_peek_error() != 0)
		c->c_why = ERR_reason_error_string(ERR_peek_error());
	return (STEP_OVER);
}

static enum result
step_handshake(struct conn *c, struct op *o)
{
	enum result	 r = STEP_DONE;
	int		 n;

	if (c->c_ssl == NULL)
		tls_new(c, o->o_arg);
	ERR_clear_error();
	if ((n = SSL_do_handshake(c->c_ssl)) != 1)
		r = tls_result(c, n);
	collect(c);
	if (push(c) == -1)
		return (STEP_OVER);
	if (r == STEP_DONE && c->c_out.b_off < c->c_out.b_len)
		return (STEP_WAIT);
	if (r != STEP_WAIT || o->o_len == 0)
		return (r);
	if (c->c_until == 0)
		c->c_until = storm_now() + (int64_t)o->o_len;
	if (storm_now() < c->c_until)
		return (STEP_WAIT);
	/* The last steps are the end. */
	c->c_op = c->c_nops - 3;
	return (STEP_DONE);
}

static enum result
echo_write(struct conn *c, struct op *o)
{
	size_t	 want;
	int	 n;

	while (c->c_written < o->o_len) {
		collect(c);
		switch (push(c)) {
		case 1:
			return (STEP_WAIT);
		case -1:
			return (STEP_OVER);
		}
		want = o->o_len - c->c_written;
		if (want > CHUNK)
			want = CHUNK;
		n = SSL_write(c->c_ssl, pattern + c->c_written % 65536 +
		    (c->c_index & 127), (int)want);
		if (n <= 0)
			return (tls_result(c, n));
		c->c_written += (size_t)n;
	}
	collect(c);
	return (push(c) == -1 ? STEP_OVER : STEP_DONE);
}

static enum result
echo_read(struct conn *c, struct op *o)
{
	uint8_t	 buf[CHUNK];
	size_t	 i;
	int	 n;

	while (o->o_code == OP_WRITE || c->c_read < o->o_len) {
		n = SSL_read(c->c_ssl, buf, sizeof(buf));
		if (n <= 0)
			return (tls_result(c, n));
		for (i = 0; i < (size_t)n; i++, c->c_read++)
			if (buf[i] != pattern[c->c_read % 65536 +
			    (c->c_index & 127)])
				storm_fail(c, "another echo than was sent");
	}
	return (STEP_DONE);
}

static enum result
step_pause(struct conn *c, struct op *o)
{
	if (c->c_until == 0)
		c->c_until = storm_now() + o->o_arg;
	return (storm_now() < c->c_until ? STEP_WAIT : STEP_DONE);
}

static enum result
step_echo(struct conn *c, struct op *o)
{
	enum result	 w, r;

	ERR_clear_error();
	w = echo_write(c, o);
	if (w == STEP_OVER)
		return (w);
	if (o->o_code == OP_WRITE && c->c_deaf)
		r = STEP_WAIT;
	else
		r = echo_read(c, o);
	if (r == STEP_OVER)
		return (r);
	if (o->o_code == OP_WRITE) {
		if (o->o_arg != 0 && w == STEP_WAIT)
			w = step_pause(c, o);
		return (w);
	}
	if (w == STEP_DONE && o->o_arg != 0 && c->c_bye == 0) {
		(void)SSL_shutdown(c->c_ssl);
		c->c_bye = 1;
		return (STEP_AGAIN);
	}
	return (c->c_out.b_off < c->c_out.b_len ? STEP_WAIT : r);
}

static enum result
step_end(struct conn *c, struct op *o)
{
	struct linger	 l = { 1, 0 };

	switch (o->o_code) {
	case OP_FIN:
		(void)shutdown(c->c_fd, SHUT_WR);
		return (STEP_DONE);
	case OP_RESET:
		if (setsockopt(c->c_fd, SOL_SOCKET, SO_LINGER, &l,
		    sizeof(l)) == -1)
			err(1, "SO_LINGER");
		break;
	default:
		break;
	}
	(void)close(c->c_fd);
	c->c_fd = -1;
	return (STEP_DONE);
}

static enum result
step(struct conn *c, struct op *o)
{
	switch (o->o_code) {
	case OP_CALL:
		if (c->c_written == 0) {
			o->o_call(c, o);
			c->c_written = 1;
		}
		return (step_out(c));
	case OP_RAW:
		if (c->c_written == 0) {
			bytes_add(&c->c_out, o->o_data, o->o_len);
			c->c_written = o->o_len + 1;
		}
		return (step_out(c));
	case OP_DRIP:
		return (step_drip(c, o));
	case OP_HANDSHAKE:
		return (step_handshake(c, o));
	case OP_ECHO:
	case OP_WRITE:
		return (step_echo(c, o));
	case OP_AWAIT:
		if (c->c_received >= o->o_len)
			return (STEP_DONE);
		return (c->c_ended ? STEP_OVER : STEP_WAIT);
	case OP_PAUSE:
		return (step_pause(c, o));
	case OP_DEAF:
		c->c_deaf = 1;
		return (STEP_DONE);
	case OP_BYE:
		if (c->c_bye == 0)
			(void)SSL_shutdown(c->c_ssl);
		c->c_bye = 1;
		collect(c);
		return (step_out(c));
	case OP_END:
		return (c->c_ended ? STEP_DONE : STEP_WAIT);
	case OP_FIN:
	case OP_RESET:
	case OP_CLOSE:
		return (step_end(c, o));
	}
	return (STEP_OVER);
}

static int
connected(struct conn *c)
{
	socklen_t	 len = sizeof(int);
	int		 error;

	if (getsockopt(c->c_fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		err(1, "SO_ERROR");
	if (error != 0) {
		c->c_why = strerror(error);
		storm_fail(c, "connect");
	}
	c->c_connecting = 0;
	return (1);
}

/*
 * What the other side ended before the last step may well do so, to one
 * that misbehaves: what it had to say about it is in its log.
 */
static int
over(struct conn *c)
{
	if (c->c_kind->k_good)
		storm_fail(c, "ended by the other side");
	/* An alert of ours may wait; then the end. */
	collect(c);
	(void)push(c);
	return (1);
}

/* 1 when it has come to its end. */
int
conn_step(struct conn *c, int ready)
{
	if (c->c_connecting) {
		if (!ready)
			return (0);
		(void)connected(c);
	}
	while (c->c_op < c->c_nops) {
		if (c->c_fd != -1)
			pull(c);
		switch (step(c, &c->c_ops[c->c_op])) {
		case STEP_WAIT:
			return (0);
		case STEP_AGAIN:
			continue;
		case STEP_OVER:
			return (over(c));
		case STEP_DONE:
			break;
		}
		c->c_op++;
		c->c_written = c->c_read = 0;
		c->c_until = 0;
	}
	return (1);
}

short
conn_events(const struct conn *c)
{
	short	 events = 0;

	if (c->c_connecting)
		return (POLLOUT);
	if (!c->c_deaf && !c->c_ended)
		events |= POLLIN;
	if (c->c_out.b_off < c->c_out.b_len)
		events |= POLLOUT;
	return (events);
}
