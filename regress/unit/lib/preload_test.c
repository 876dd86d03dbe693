/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Bytes that the program has read before it assigned the socket. */

#include <sys/types.h>
#include <sys/socket.h>

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"

#define CONNECTING	"S(connecting)"
#define UP		CONNECTING " S(connected)"
#define DOWN		" S(closing) S(closed)"
#define HTTP		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

static size_t	 hello(struct fixture *, int, int [2], uint8_t *, size_t);
static void	 assign(struct fixture *, int, const void *, size_t);
static void	 split(struct fixture *, int, size_t);
static void	 plain(struct fixture *, const char *, size_t, char *,
		    size_t);
static void	 trusting(struct fixture *, struct key *);

/* A client that has said its ClientHello, of which so much is read here. */
static size_t
hello(struct fixture *f, int version, int fds[2], uint8_t *buf, size_t want)
{
	ssize_t	 n = 0;

	fixture_pair(fds);
	f->f_peer = fds[1];
	fixture_client(f, version, version);
	ATF_REQUIRE_EQ(-1, SSL_do_handshake(f->f_ssl));
	if (want != 0)
		ATF_REQUIRE((n = recv(fds[0], buf, want, 0)) > 0);
	return ((size_t)n);
}

static void
assign(struct fixture *f, int fd, const void *buf, size_t len)
{
	f->f_events[0] = '\0';
	ATF_REQUIRE_EQ(ptOk, securetcp_preload(f->f_tcp, buf, len));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_socket(f->f_tcp, fd));
	ATF_CHECK_STREQ(CONNECTING, f->f_events);
	ATF_CHECK_EQ(len == 0, securetcp_silent(f->f_tcp));
}

/* A whole connection; the hello comes in two ways. */
static void
split(struct fixture *f, int version, size_t at)
{
	uint8_t	 buf[4096];
	char	 text[8];
	size_t	 n;
	int	 fds[2];

	n = hello(f, version, fds, buf, at);
	assign(f, fds[0], buf, n);
	fixture_handshake(f);
	ATF_REQUIRE_STREQ_MSG(UP, f->f_events, "split at %zu: %s: %s", at,
	    f->f_events, f->f_reason);
	peer_write(f, "hello", 5);
	ATF_CHECK_EQ(5, object_read(f, text, 5));
	ATF_CHECK_EQ(0, memcmp(text, "hello", 5));
	object_write(f, "there", 5);
	ATF_CHECK_EQ(5, peer_read(f, text, 5));
	ATF_CHECK_EQ(5, securetcp_bytes_in(f->f_tcp));
	ATF_CHECK_EQ(5, securetcp_bytes_out(f->f_tcp));
	ATF_CHECK(!securetcp_silent(f->f_tcp));
	/* Only who has read all is told of more. */
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_receive(f->f_tcp, text,
	    sizeof(text), &n));
	peer_notify(f);
	fixture_expect(f, UP DOWN);
	peer_close(f);
}

CASE(splits, "a ClientHello split between what was read before and the "
    "socket, at every byte: one object, connection after connection")
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		 buf[4096];
	size_t		 at, len;
	int		 fds[2], version;

	fixture_p256(&f, &k, "secure", 0);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		len = hello(&f, version, fds, buf, sizeof(buf));
		ATF_REQUIRE(len > 100 && len < sizeof(buf));
		ATF_REQUIRE_EQ(0, close(fds[0]));
		peer_close(&f);
		for (at = 0; at <= len; at++)
			split(&f, version, at);
	}
	fixture_close(&f);
	key_free(&k);
}

CASE(waiting, "what is there already is not waited for: dispatch is due at "
    "once, and only as long as there is any of it")
{
	struct fixture	 f;
	struct pollfd	 pfd;
	struct key	 k;
	uint8_t		 buf[4096];
	size_t		 len;
	int		 fds[2], timeout;

	fixture_p256(&f, &k, "secure", 0);
	len = hello(&f, TLS1_2_VERSION, fds, buf, sizeof(buf));
	assign(&f, fds[0], buf, len);
	ATF_CHECK_EQ(1, securetcp_pollfds(f.f_tcp, &pfd, 1, &timeout));
	ATF_CHECK_EQ(0, timeout);
	/* The answer goes without the socket having been polled. */
	ATF_CHECK_EQ(ptOk, securetcp_dispatch(f.f_tcp, NULL, 0));
	fixture_readable(f.f_peer);
	ATF_CHECK(recv(f.f_peer, buf, sizeof(buf), MSG_PEEK) > 0);
	ATF_CHECK_EQ(1, securetcp_pollfds(f.f_tcp, &pfd, 1, &timeout));
	ATF_CHECK_EQ(-1, timeout);
	ATF_CHECK_EQ(POLLIN, pfd.events);
	fixture_handshake(&f);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);

	/* A part of it: the rest is waited for. */
	len = hello(&f, TLS1_2_VERSION, fds, buf, sizeof(buf));
	assign(&f, fds[0], buf, len - 1);
	ATF_CHECK_EQ(ptOk, securetcp_dispatch(f.f_tcp, NULL, 0));
	ATF_CHECK_EQ(1, securetcp_pollfds(f.f_tcp, &pfd, 1, &timeout));
	ATF_CHECK_EQ(-1, timeout);
	ATF_CHECK_STREQ(CONNECTING, f.f_events);
	peer_raw(&f, buf + len - 1, 1);
	fixture_handshake(&f);
	ATF_CHECK_STREQ(UP, f.f_events);
	fixture_close(&f);
	key_free(&k);
}

/* So much of it was read before. */
static void
plain(struct fixture *f, const char *text, size_t at, char *reason,
    size_t size)
{
	int	 fds[2];

	fixture_pair(fds);
	f->f_peer = fds[1];
	peer_raw(f, text + at, strlen(text) - at);
	assign(f, fds[0], text, at);
	fixture_expect(f, CONNECTING " E(ptProtocol)" DOWN);
	ATF_CHECK_EQ(ptProtocol, f->f_error);
	ATF_CHECK(!securetcp_silent(f->f_tcp));
	(void)strlcpy(reason, f->f_reason, size);
	peer_close(f);
}

CASE(not_tls, "HTTP and what is known to nobody: the same error and reason "
    "however much of it was read before")
{
	static const char	*const texts[] = { HTTP, "\001\002\003\004"
				    "\005\006\007\010\011\012\013" };
	struct fixture		 f;
	struct key		 k;
	char			 have[256], want[256];
	size_t			 at, i;

	fixture_p256(&f, &k, "secure", 0);
	for (i = 0; i < 2; i++) {
		plain(&f, texts[i], 0, want, sizeof(want));
		ATF_CHECK(strstr(want, "not TLS: the peer sent ") == want);
		for (at = 1; at <= strlen(texts[i]); at++) {
			plain(&f, texts[i], at, have, sizeof(have));
			ATF_CHECK_STREQ_MSG(want, have, "at %zu: %s", at,
			    have);
		}
	}
	fixture_close(&f);
	key_free(&k);
}

CASE(leaves, "a peer that leaves: after nothing in either way it was "
    "silent, after what was read before it was not")
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		 buf[4096];
	size_t		 len;
	int		 fds[2];

	fixture_p256(&f, &k, "secure", 0);
	fixture_pair(fds);
	f.f_peer = fds[1];
	assign(&f, fds[0], NULL, 0);
	peer_close(&f);
	fixture_expect(&f, CONNECTING DOWN);
	ATF_CHECK(securetcp_silent(f.f_tcp));

	for (len = 1; len < 64; len++) {
		ATF_REQUIRE_EQ(len, hello(&f, TLS1_2_VERSION, fds, buf, len));
		while (recv(fds[0], buf + len, sizeof(buf) - len,
		    MSG_DONTWAIT) > 0)
			continue;
		peer_close(&f);
		assign(&f, fds[0], buf, len);
		fixture_expect(&f, CONNECTING " E(ptConnectionAborted)" DOWN);
		fixture_reason(&f, "in the middle of the handshake");
		ATF_CHECK(!securetcp_silent(f.f_tcp));
	}

	/* Nor was it when nobody has looked at it. */
	fixture_pair(fds);
	f.f_peer = fds[1];
	assign(&f, fds[0], "\026", 1);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ(CONNECTING " E(ptAbort)" DOWN, f.f_events);
	ATF_CHECK(!securetcp_silent(f.f_tcp));
	fixture_close(&f);
	key_free(&k);
}

static void
not_now(struct fixture *f, enum securetcp_state state)
{
	ATF_CHECK_EQ(state == SECURETCP_CLOSED ? ptOk : ptConnected,
	    securetcp_preload(f->f_tcp, "x", 1));
}

CASE(limits, "how much, what, and when: closed only, from the handler of "
    "that state too; a call that fails changes nothing")
{
	struct fixture	 f;
	struct key	 k;
	static char	 much[SECURETCP_PRELOAD + 1];
	char		 reason[256];
	int		 fds[2];

	ATF_CHECK_EQ(1048576, SECURETCP_PRELOAD);
	fixture_p256(&f, &k, "secure", 0);
	ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, HTTP, strlen(HTTP)));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_preload(f.f_tcp, NULL, 1));
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_preload(f.f_tcp, much,
	    sizeof(much)));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_set_socket(f.f_tcp, -1));
	/* The first ones are there still. */
	fixture_pair(fds);
	f.f_peer = fds[1];
	f.f_on_state = not_now;
	ATF_REQUIRE_EQ(ptOk, securetcp_set_socket(f.f_tcp, fds[0]));
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_reason(&f, "an HTTP request");
	f.f_on_state = NULL;
	peer_close(&f);

	/* What comes last replaces what was given before, all of it. */
	memset(much, 'x', sizeof(much));
	ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, much,
	    SECURETCP_PRELOAD));
	plain(&f, HTTP, strlen(HTTP), reason, sizeof(reason));
	ATF_CHECK(strstr(reason, "an HTTP request") != NULL);
	ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, HTTP, strlen(HTTP)));
	ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, NULL, 0));
	fixture_connect(&f, TLS1_2_VERSION);
	ATF_CHECK_EQ(ptConnected, securetcp_preload(f.f_tcp, "x", 1));
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);

	/* As many as there may be. */
	fixture_pair(fds);
	f.f_peer = fds[1];
	assign(&f, fds[0], much, SECURETCP_PRELOAD);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_close(&f);
	key_free(&k);
}

/* As a client it does not ask for the system's CA, which may be absent. */
static void
trusting(struct fixture *f, struct key *k)
{
	struct securetcp_config	*sc;

	key_make(k, KEY_P256, "test", NULL);
	sc = fixture_config(k, 0, "secure");
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, k->k_cert,
	    k->k_certlen));
	fixture_open(f, sc);
	securetcp_config_free(sc);
}

CASE(gone, "they are for one connection: however it ended, the next one "
    "knows nothing of them; one to an address does not either")
{
	struct fixture	 f;
	struct key	 k;
	int		 fds[2];

	trusting(&f, &k);
	fixture_pair(fds);
	f.f_peer = fds[1];
	assign(&f, fds[0], HTTP, strlen(HTTP));
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);
	fixture_connect(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);

	ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, HTTP, strlen(HTTP)));
	fixture_dial(&f);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK(securetcp_silent(f.f_tcp));
	peer_close(&f);
	fixture_connect(&f, TLS1_2_VERSION);

	/* Freed with them. */
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, HTTP, strlen(HTTP)));
	fixture_close(&f);
	key_free(&k);
}

static void
blocked(struct fixture *f, enum securetcp_state state)
{
	(void)state;
	ATF_CHECK_EQ(ptBlocked, securetcp_preload(f->f_tcp, "x", 1));
}

CASE(client, "a client on a descriptor, event-driven and blocking: a "
    "greeting that was read before is what the server has sent")
{
	struct fixture	 f;
	struct key	 k;
	int		 blocking, fds[2];

	trusting(&f, &k);
	for (blocking = 0; blocking < 2; blocking++) {
		fixture_pair(fds);
		f.f_peer = fds[1];
		f.f_events[0] = '\0';
		ATF_CHECK_EQ(ptOk, securetcp_preload(f.f_tcp, "220 mail\r\n",
		    10));
		ATF_CHECK_EQ(ptOk, securetcp_set_timeout(f.f_tcp,
		    blocking ? FIXTURE_PATIENCE : 0));
		if (blocking)
			f.f_on_state = blocked;
		ATF_CHECK_EQ(blocking ? ptProtocol : ptOk,
		    securetcp_connect_socket(f.f_tcp, fds[0], "mail"));
		if (blocking)
			ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
		else
			fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
		fixture_reason(&f, "an SMTP or FTP greeting");
		ATF_CHECK(!securetcp_silent(f.f_tcp));
		peer_close(&f);
	}
	fixture_close(&f);
	key_free(&k);
}

/* What was seen of a handshake, and how much of it is enough. */
static size_t	 seen, enough;

static int
look(const void *buf, size_t len, void *arg)
{
	uint8_t	*first = arg;

	if (seen == 0)
		*first = *(const uint8_t *)buf;
	seen += len;
	return (seen > enough);
}

CASE(watched, "who watches a handshake sees all of it, what was preloaded "
    "too, and nothing after it; and can end it before the TLS library answers")
{
	struct fixture	 f;
	struct key	 k;
	uint8_t		 buf[4096], first = 0;
	size_t		 n;
	int		 fds[2];

	fixture_p256(&f, &k, "secure", 0);
	seen = 0;
	enough = sizeof(buf) * 4;
	ATF_CHECK_EQ(ptOk, securetcp_watch(f.f_tcp, look, &first));
	fixture_connect(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(22, first);
	ATF_CHECK(seen > 100);
	n = seen;
	peer_write(&f, "hello", 5);
	ATF_REQUIRE_EQ(5, object_read(&f, buf, 5));
	ATF_CHECK_EQ(n, seen);
	ATF_CHECK_EQ(ptConnected, securetcp_watch(f.f_tcp, NULL, NULL));
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);

	seen = enough = 0;
	n = hello(&f, TLS1_3_VERSION, fds, buf, 3);
	ATF_REQUIRE_EQ(3, n);
	assign(&f, fds[0], buf, n);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_reason(&f, "is not wanted");
	ATF_CHECK_EQ(3, seen);
	/* What was said, if anything, is an alert. */
	ATF_CHECK(recv(fds[1], buf, sizeof(buf), 0) <= 7);
	peer_close(&f);

	/* One that does not look any more. */
	ATF_CHECK_EQ(ptOk, securetcp_watch(f.f_tcp, NULL, NULL));
	fixture_connect(&f, TLS1_3_VERSION);
	fixture_close(&f);
	key_free(&k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, splits);
	ATF_TP_ADD_TC(tp, waiting);
	ATF_TP_ADD_TC(tp, not_tls);
	ATF_TP_ADD_TC(tp, leaves);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, gone);
	ATF_TP_ADD_TC(tp, client);
	ATF_TP_ADD_TC(tp, watched);
	return (atf_no_error());
}
