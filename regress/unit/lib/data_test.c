/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Data both ways: amounts, bounds, back-pressure, what TLS does meanwhile. */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"

#define UP	"S(connecting) S(connected)"
#define DOWN	" S(closing) S(closed)"
#define BULK	(8 * 1024 * 1024 + 4711)

static void	 fill_pattern(uint8_t *, size_t);
static size_t	 flood(struct fixture *, const uint8_t *, size_t);
static long	 descriptors(void);

/* No two places alike, so that nothing can be lost or swapped unseen. */
static void
fill_pattern(uint8_t *buf, size_t len)
{
	uint32_t	 x = 2463534242U;
	size_t		 i;

	for (i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		buf[i] = (uint8_t)(x >> 11);
	}
}

/* Sends until nothing more is taken; how much was. */
static size_t
flood(struct fixture *f, const uint8_t *buf, size_t len)
{
	size_t	 sent, total = 0;

	do {
		ATF_REQUIRE(total < len);
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f->f_tcp, buf + total,
		    len - total, &sent));
		total += sent;
	} while (sent != 0);
	return (total);
}

ATF_TC(upload);
ATF_TC_HEAD(upload, tc)
{
	atf_tc_set_md_var(tc, "descr", "8 MB from the peer arrive whole, in "
	    "reads of all sizes, and are counted");
}
ATF_TC_BODY(upload, tc)
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		*in, *out;
	size_t		 got, have, part, want;
	int		 error, n, version;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 0);
		fixture_connect(&f, version);
		memset(in, 0, BULK);
		want = 1;
		have = part = 0;
		while (have < BULK) {
			ERR_clear_error();
			n = part == BULK ? 0 : SSL_write(f.f_ssl, out + part,
			    BULK - part > 65536 ? 65536 : (int)(BULK - part));
			if (n > 0)
				part += (size_t)n;
			error = securetcp_receive(f.f_tcp, in + have,
			    want > BULK - have ? BULK - have : want, &got);
			if (error == SECURETCP_AGAIN) {
				fixture_turn(&f, 0);
				continue;
			}
			ATF_REQUIRE_EQ(ptOk, error);
			ATF_REQUIRE(got > 0 && got <= want);
			have += got;
			want = want * 7 % 40009 + 1;
		}
		ATF_CHECK_EQ(0, memcmp(in, out, BULK));
		ATF_CHECK_EQ(BULK, securetcp_bytes_in(f.f_tcp));
		ATF_CHECK_EQ(0, securetcp_bytes_out(f.f_tcp));
		fixture_close(&f);
		key_free(&k);
	}
	free(in);
	free(out);
}

ATF_TC(download);
ATF_TC_HEAD(download, tc)
{
	atf_tc_set_md_var(tc, "descr", "8 MB to the peer arrive whole through "
	    "queues of all sizes, and are counted");
}
ATF_TC_BODY(download, tc)
{
	static const size_t	 limits[] = { 1, 100, 16384, 16385, 65536,
	    1000000 };
	struct fixture		 f;
	struct key		 k;
	uint8_t			*in, *out;
	size_t			 bulk, have, i, part, sent;
	int			 n;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		bulk = limits[i] < 16384 ? 20000 : BULK;
		fixture_p256(&f, &k, "secure", 0);
		ATF_REQUIRE_EQ(ptOk, securetcp_set_send_limit(f.f_tcp,
		    limits[i]));
		fixture_connect(&f, i % 2 == 0 ? TLS1_2_VERSION :
		    TLS1_3_VERSION);
		memset(in, 0, BULK);
		have = part = 0;
		while (have < bulk) {
			ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp,
			    out + part, bulk - part, &sent));
			part += sent;
			ATF_REQUIRE(securetcp_send_count(f.f_tcp) <=
			    limits[i]);
			ERR_clear_error();
			while ((n = SSL_read(f.f_ssl, in + have,
			    (int)(BULK - have))) > 0)
				have += (size_t)n;
			if (have < bulk)
				fixture_turn(&f, POLLIN);
		}
		ATF_CHECK_EQ(bulk, have);
		ATF_CHECK_EQ(0, memcmp(in, out, bulk));
		ATF_CHECK_EQ(bulk, securetcp_bytes_out(f.f_tcp));
		ATF_CHECK_EQ(0, securetcp_send_count(f.f_tcp));
		fixture_close(&f);
		key_free(&k);
	}
	free(in);
	free(out);
}

ATF_TC(one_byte);
ATF_TC_HEAD(one_byte, tc)
{
	atf_tc_set_md_var(tc, "descr", "one byte at a time, both ways, and a "
	    "peer whose handshake comes a byte at a time");
}
ATF_TC_BODY(one_byte, tc)
{
	struct fixture	 f;
	struct key	 k;
	BIO		*in, *out;
	uint8_t		 buf[4096], c, d, pattern[2000];
	size_t		 got, i;
	ssize_t		 r;
	int		 n, version;

	fill_pattern(pattern, sizeof(pattern));
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 0);
		fixture_assign(&f);
		fixture_client(&f, version, version);
		/* The client talks to memory; we carry it over. */
		ATF_REQUIRE((in = BIO_new(BIO_s_mem())) != NULL);
		ATF_REQUIRE((out = BIO_new(BIO_s_mem())) != NULL);
		BIO_set_mem_eof_return(in, -1);
		SSL_set_bio(f.f_ssl, in, out);
		while ((n = SSL_connect(f.f_ssl)) != 1 || BIO_pending(out)) {
			ATF_REQUIRE(n == 1 || SSL_get_error(f.f_ssl, n) ==
			    SSL_ERROR_WANT_READ);
			while (BIO_read(out, &c, 1) == 1) {
				peer_raw(&f, &c, 1);
				fixture_turn(&f, 0);
			}
			if (n == 1)
				break;
			fixture_turn(&f, POLLIN);
			while ((r = read(f.f_peer, buf, sizeof(buf))) > 0)
				ATF_REQUIRE_EQ(r, BIO_write(in, buf, (int)r));
		}
		while (securetcp_state(f.f_tcp) == SECURETCP_CONNECTING)
			fixture_turn(&f, 0);
		ATF_CHECK_STREQ(UP, f.f_events);
		ATF_REQUIRE_EQ(1, SSL_set_fd(f.f_ssl, f.f_peer));
		for (i = 0; i < sizeof(pattern); i++) {
			c = pattern[i];
			peer_write(&f, &c, 1);
			d = (uint8_t)~c;
			ATF_REQUIRE_EQ(1, object_read(&f, &d, 1));
			ATF_REQUIRE_EQ(c, d);
			object_write(&f, &d, 1);
			c = (uint8_t)~d;
			ATF_REQUIRE_EQ(1, peer_read(&f, &c, 1));
			ATF_REQUIRE_EQ(c, d);
		}
		/* One record, fetched by single bytes. */
		peer_write(&f, pattern, sizeof(pattern));
		for (i = 0; i < sizeof(pattern); i++) {
			ATF_REQUIRE_EQ(1, object_read(&f, &d, 1));
			ATF_REQUIRE_EQ(pattern[i], d);
		}
		ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_receive(f.f_tcp, &d,
		    1, &got));
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(pressure);
ATF_TC_HEAD(pressure, tc)
{
	atf_tc_set_md_var(tc, "descr", "while receive is not called nothing "
	    "more than one buffer is read, and the peer is held back");
}
ATF_TC_BODY(pressure, tc)
{
	struct fixture	 f;
	struct key	 k;
	struct pollfd	 pfd;
	uint8_t		*in, *out;
	size_t		 have, part = 0;
	int		 n, timeout;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	fixture_p256(&f, &k, "secure", 0);
	fixture_connect(&f, TLS1_3_VERSION);
	while (f.f_receives == 0 || (n = SSL_write(f.f_ssl, out + part,
	    16384)) > 0) {
		if (f.f_receives == 0) {
			ATF_REQUIRE(SSL_write(f.f_ssl, out, 16384) == 16384);
			part = 16384;
			fixture_turn(&f, 0);
			continue;
		}
		part += (size_t)n;
		ATF_REQUIRE(part + 16384 < BULK);
	}
	ATF_CHECK_EQ(SSL_ERROR_WANT_WRITE, SSL_get_error(f.f_ssl, n));
	ATF_CHECK_EQ(1, f.f_receives);
	ATF_CHECK_EQ(16384, securetcp_receive_count(f.f_tcp));
	ATF_REQUIRE_EQ(1, securetcp_pollfds(f.f_tcp, &pfd, 1, &timeout));
	ATF_CHECK_EQ(0, pfd.events);
	ATF_CHECK_EQ(COMPAT_POLL_AGAIN, timeout);
	/* The record the client holds back is part of the data. */
	have = object_read(&f, in, part);
	ATF_CHECK_EQ(part, have);
	peer_write(&f, out + part, 16384);
	ATF_CHECK_EQ(16384, object_read(&f, in + part, 16384));
	ATF_CHECK_EQ(0, memcmp(in, out, part + 16384));
	fixture_close(&f);
	key_free(&k);
	free(in);
	free(out);
}

ATF_TC(bounded);
ATF_TC_HEAD(bounded, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that does not read: the queue "
	    "stops at its limit, Send comes once it fell to half");
}
ATF_TC_BODY(bounded, tc)
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		*in, *out;
	size_t		 have, sent, total;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	fixture_p256(&f, &k, "secure", 0);
	fixture_connect(&f, TLS1_2_VERSION);
	total = flood(&f, out, BULK);
	ATF_CHECK_EQ(65536, securetcp_send_count(f.f_tcp));
	ATF_CHECK_EQ(total, securetcp_bytes_out(f.f_tcp) + 65536);
	ATF_CHECK_EQ(ptBlocked, securetcp_set_send_limit(f.f_tcp, 100));
	ATF_CHECK_EQ(0, f.f_sends);
	for (have = 0; f.f_sends == 0; have += 4096) {
		ATF_REQUIRE(have + 4096 <= total);
		ATF_REQUIRE_EQ(4096, peer_read(&f, in + have, 4096));
		if (securetcp_send_count(f.f_tcp) > 32768)
			ATF_CHECK_EQ(0, f.f_sends);
	}
	ATF_CHECK(securetcp_send_count(f.f_tcp) <= 32768);
	ATF_CHECK_EQ(1, f.f_sends);
	/* All taken: no Send for that. */
	ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, out + total, 5, &sent));
	ATF_CHECK_EQ(5, sent);
	total += 5;
	ATF_CHECK_EQ(total - have, peer_read(&f, in + have, total - have));
	ATF_CHECK_EQ(0, memcmp(in, out, total));
	ATF_CHECK_EQ(1, f.f_sends);
	ATF_CHECK_EQ(0, securetcp_send_count(f.f_tcp));
	fixture_close(&f);
	key_free(&k);
	free(in);
	free(out);
}

ATF_TC(around);
ATF_TC_HEAD(around, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that reads by fits and starts "
	    "gets all of it, wherever in the queue it begins");
}
ATF_TC_BODY(around, tc)
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		*in, *out;
	size_t		 have, sent, total;
	int		 i, size = 16384;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	fixture_p256(&f, &k, "secure", 0);
	fixture_connect(&f, TLS1_3_VERSION);
	/* Little at a time, so that the queue falls by little. */
	ATF_REQUIRE_EQ(0, setsockopt(securetcp_socket(f.f_tcp), SOL_SOCKET,
	    SO_SNDBUF, &size, sizeof(size)));
	ATF_REQUIRE_EQ(0, setsockopt(f.f_peer, SOL_SOCKET, SO_RCVBUF, &size,
	    sizeof(size)));
	for (i = 0; i < 20; i++) {
		total = flood(&f, out, BULK);
		/* More than the queue holds, so that it ends elsewhere. */
		for (have = 0; securetcp_send_count(f.f_tcp) > 40000;
		    have += 4096)
			ATF_REQUIRE_EQ(4096, peer_read(&f, in + have, 4096));
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, out + total,
		    17011, &sent));
		ATF_REQUIRE_EQ(17011, sent);
		total += sent;
		ATF_REQUIRE_EQ(total - have, peer_read(&f, in + have,
		    total - have));
		ATF_CHECK_EQ(0, memcmp(in, out, total));
		ATF_CHECK_EQ(0, securetcp_send_count(f.f_tcp));
	}
	ATF_CHECK_STREQ(UP, f.f_events);
	fixture_close(&f);
	key_free(&k);
	free(in);
	free(out);
}

ATF_TC(half_answer);
ATF_TC_HEAD(half_answer, tc)
{
	atf_tc_set_md_var(tc, "descr", "half-close both ways: a peer that "
	    "ended gets the whole answer, one that we ended to is read whole");
}
ATF_TC_BODY(half_answer, tc)
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		*in, *out;
	size_t		 got, have, part;
	int		 error, n, version;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		peer_notify(&f);
		ATF_REQUIRE_EQ(0, shutdown(f.f_peer, SHUT_WR));
		fixture_expect(&f, UP " S(closing)");
		for (have = part = 0; have < BULK; have += got) {
			if (part < BULK) {
				ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp,
				    out + part, BULK - part, &got));
				part += got;
			}
			got = peer_read(&f, in + have, part - have > 16384 ?
			    16384 : part - have);
			ATF_REQUIRE(got != 0);
		}
		ATF_CHECK_EQ(0, memcmp(in, out, BULK));
		ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
		fixture_expect(&f, UP DOWN);
		ATF_CHECK_EQ(0, peer_read(&f, in, 1));
		fixture_close(&f);
		key_free(&k);

		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
		memset(in, 0, BULK);
		have = part = 0;
		while (have < BULK) {
			ERR_clear_error();
			n = part == BULK ? 0 : SSL_write(f.f_ssl, out + part,
			    BULK - part > 16384 ? 16384 : (int)(BULK - part));
			if (n > 0)
				part += (size_t)n;
			error = securetcp_receive(f.f_tcp, in + have,
			    BULK - have, &got);
			have += got;
			if (error == SECURETCP_AGAIN)
				fixture_turn(&f, 0);
		}
		ATF_CHECK_EQ(0, memcmp(in, out, BULK));
		peer_notify(&f);
		ATF_CHECK_EQ(0, object_read(&f, in, 1));
		fixture_expect(&f, UP DOWN);
		fixture_close(&f);
		key_free(&k);
	}
	free(in);
	free(out);
}

/* How many there are, by asking for the next. */
static long
descriptors(void)
{
	int	 fd, i;
	long	 n = 0;

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	for (i = 0; i < 256; i++) {
		if (i != fd && fcntl(i, F_GETFD) != -1)
			n++;
	}
	ATF_REQUIRE_EQ(0, close(fd));
	return (n);
}

ATF_TC(reuse);
ATF_TC_HEAD(reuse, tc)
{
	atf_tc_set_md_var(tc, "descr", "1000 connections, one after the "
	    "other, with one object: nothing left over from any");
	atf_tc_set_md_var(tc, "timeout", "600");
}
ATF_TC_BODY(reuse, tc)
{
	struct fixture	 f;
	struct key	 k;
	long		 before = 0;
	char		 buf[8];
	int		 i, version;

	fixture_p256(&f, &k, "secure", 0);
	for (i = 0; i < 1000; i++) {
		version = i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
		fixture_connect(&f, version);
		ATF_CHECK_EQ(0, securetcp_bytes_in(f.f_tcp));
		peer_write(&f, "ping", 4);
		ATF_REQUIRE_EQ(4, object_read(&f, buf, 4));
		object_write(&f, "pong!", 5);
		ATF_REQUIRE_EQ(5, peer_read(&f, buf, 5));
		switch (i % 4) {
		case 0:
			peer_notify(&f);
			ATF_REQUIRE_EQ(0, object_read(&f, buf, 1));
			break;
		case 1:
			ATF_REQUIRE_EQ(ptOk, securetcp_close(f.f_tcp));
			break;
		case 2:
			ATF_REQUIRE_EQ(ptOk, securetcp_abort(f.f_tcp));
			break;
		case 3:
			peer_close(&f);
			ATF_REQUIRE_EQ(0, object_read(&f, buf, 1));
			break;
		}
		ATF_REQUIRE_EQ(SECURETCP_CLOSED, securetcp_state(f.f_tcp));
		peer_close(&f);
		if (i == 0)
			before = descriptors();
	}
	ATF_CHECK_EQ(before, descriptors());
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(sigpipe);
ATF_TC_HEAD(sigpipe, tc)
{
	atf_tc_set_md_var(tc, "descr", "SIGPIPE is never raised, with its "
	    "default action in place");
}
ATF_TC_BODY(sigpipe, tc)
{
	static const uint8_t	 big[100000];
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct key		 k;
	size_t			 sent;
	int			 i, version;

	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		peer_reset(&f);
		fixture_hangup(securetcp_socket(f.f_tcp));
		for (i = 0; i < 10; i++)
			(void)securetcp_send(f.f_tcp, big, sizeof(big),
			    &sent);
		ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
		fixture_close(&f);

		/* Our own direction is shut, so the first write fails. */
		fixture_open(&f, (sc = fixture_config(&k, 0, NULL)));
		securetcp_config_free(sc);
		fixture_connect(&f, version);
		ATF_REQUIRE_EQ(0, shutdown(securetcp_socket(f.f_tcp),
		    SHUT_WR));
		ATF_CHECK_EQ(ptConnectionReset, securetcp_send(f.f_tcp, big,
		    sizeof(big), &sent));
		ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(renegotiation);
ATF_TC_HEAD(renegotiation, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client that wants to renegotiate "
	    "is refused: nothing is negotiated anew");
}
ATF_TC_BODY(renegotiation, tc)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct key		 k;
	char			 buf[8];

	key_signer();
	key_make(&k, KEY_P256, "test", NULL);
	key_serve(&k);
	fixture_open(&f, (sc = fixture_config(&k, 1, NULL)));
	securetcp_config_free(sc);
	fixture_connect(&f, TLS1_2_VERSION);
	ATF_CHECK_EQ(1, key_signatures);
	ATF_REQUIRE_EQ(1, SSL_renegotiate(f.f_ssl));
	(void)SSL_do_handshake(f.f_ssl);
	(void)peer_read(&f, buf, 1);
	ATF_CHECK_EQ(1, key_signatures);
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(key_update);
ATF_TC_HEAD(key_update, tc)
{
	atf_tc_set_md_var(tc, "descr", "key updates of TLS 1.3 in the middle "
	    "of data, answered also while our own writing is stuck");
}
ATF_TC_BODY(key_update, tc)
{
#ifdef SSL_KEY_UPDATE_REQUESTED
	struct fixture	 f;
	struct key	 k;
	uint8_t		*in, *out;
	size_t		 fetched, got, have, total;
	char		 buf[8];
	int		 error, i;

	ATF_REQUIRE((in = malloc(BULK)) != NULL);
	ATF_REQUIRE((out = malloc(BULK)) != NULL);
	fill_pattern(out, BULK);
	fixture_p256(&f, &k, "secure", 0);
	fixture_connect(&f, TLS1_3_VERSION);
	for (i = 0; i < 10; i++) {
		ATF_REQUIRE_EQ(1, SSL_key_update(f.f_ssl,
		    SSL_KEY_UPDATE_REQUESTED));
		peer_write(&f, "ping", 4);
		ATF_REQUIRE_EQ(4, object_read(&f, buf, 4));
		ATF_CHECK_EQ(0, memcmp(buf, "ping", 4));
		object_write(&f, "pong", 4);
		ATF_REQUIRE_EQ(4, peer_read(&f, buf, 4));
		ATF_CHECK_EQ(0, memcmp(buf, "pong", 4));
	}
	total = flood(&f, out, BULK);
	ATF_REQUIRE_EQ(1, SSL_key_update(f.f_ssl, SSL_KEY_UPDATE_REQUESTED));
	peer_write(&f, "stuck", 5);
	error = securetcp_receive(f.f_tcp, buf, 5, &fetched);
	ATF_REQUIRE(error == ptOk || error == SECURETCP_AGAIN);
	for (have = 0; have < total; have += got) {
		got = peer_read(&f, in + have, total - have > 10000 ? 10000 :
		    total - have);
		ATF_REQUIRE(got != 0);
	}
	ATF_CHECK_EQ(0, memcmp(in, out, total));
	fetched += object_read(&f, buf + fetched, 5 - fetched);
	ATF_REQUIRE_EQ(5, fetched);
	ATF_CHECK_EQ(0, memcmp(buf, "stuck", 5));
	ATF_CHECK_STREQ(UP, f.f_events);
	fixture_close(&f);
	key_free(&k);
	free(in);
	free(out);
#else
	atf_tc_skip("this library's clients cannot ask for it");
#endif
}

ATF_TC(idle);
ATF_TC_HEAD(idle, tc)
{
	atf_tc_set_md_var(tc, "descr", "a hangup that nothing can be done "
	    "about yet does not keep poll awake");
}
static int
poll_again(struct pollfd *pfd, int timeout)
{
	int	 i, n = 0;

	if (timeout == -1)
		return (poll(pfd, 1, FIXTURE_PATIENCE));
	for (i = 0; i < FIXTURE_PATIENCE && n == 0; i += timeout)
		n = poll(pfd, 1, timeout);
	return (n);
}

ATF_TC_BODY(idle, tc)
{
	struct fixture	 f;
	struct key	 k;
	struct pollfd	 pfd;
	uint8_t		 buf[64];
	size_t		 got;
	int		 i, timeout;

	fixture_p256(&f, &k, "secure", 1);
	fixture_connect(&f, TLS1_3_VERSION);
	peer_write(&f, "unread", 6);
	while (f.f_receives == 0)
		fixture_turn(&f, 0);
	peer_reset(&f);
	for (i = 0; i < 10; i++) {
		if (securetcp_pollfds(f.f_tcp, &pfd, 1, &timeout) == 0)
			break;
		/* Where poll(2) misses hang-ups it has to be asked again. */
		ATF_CHECK_EQ(COMPAT_POLL_AGAIN, timeout);
		ATF_REQUIRE_EQ(1, poll_again(&pfd, timeout));
		ATF_CHECK_EQ(ptOk, securetcp_dispatch(f.f_tcp, &pfd, 1));
	}
	ATF_CHECK(i < 2);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(6, object_read(&f, buf, 6));
	ATF_CHECK_EQ(0, memcmp(buf, "unread", 6));
	(void)securetcp_receive(f.f_tcp, buf, 1, &got);
	fixture_expect(&f, UP " E(ptConnectionReset)" DOWN);
	fixture_close(&f);
	key_free(&k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, upload);
	ATF_TP_ADD_TC(tp, download);
	ATF_TP_ADD_TC(tp, one_byte);
	ATF_TP_ADD_TC(tp, pressure);
	ATF_TP_ADD_TC(tp, bounded);
	ATF_TP_ADD_TC(tp, around);
	ATF_TP_ADD_TC(tp, half_answer);
	ATF_TP_ADD_TC(tp, reuse);
	ATF_TP_ADD_TC(tp, sigpipe);
	ATF_TP_ADD_TC(tp, renegotiation);
	ATF_TP_ADD_TC(tp, key_update);
	ATF_TP_ADD_TC(tp, idle);
	return (atf_no_error());
}
