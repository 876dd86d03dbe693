/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The exact events of the rows of SECURETCP.md that a server can meet once it
 * is connected.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"

#define CONNECTING	"S(connecting)"
#define UP		"S(connecting) S(connected)"
#define DOWN		" S(closing) S(closed)"

/* Both versions of the protocol, with half-close off and on. */
#define EACH(version, half)						\
	for (half = 0; half < 2; half++)				\
		for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; \
		    version++)

ATF_TC(end_unread);
ATF_TC_HEAD(end_unread, tc)
{
	atf_tc_set_md_var(tc, "descr", "the peer ends its direction with "
	    "data unread: closing, the data stays readable, the read that "
	    "gives the end gives closed");
}
ATF_TC_BODY(end_unread, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 buf[16];
	size_t		 got;
	int		 version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 0);
		fixture_connect(&f, version);
		peer_write(&f, "hello", 5);
		peer_notify(&f);
		fixture_expect(&f, UP " S(closing)");
		ATF_CHECK_EQ(1, f.f_receives);
		ATF_CHECK_EQ(5, securetcp_receive_count(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1,
		    &got));
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 2, &got));
		ATF_CHECK_EQ(2, got);
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf + 2,
		    sizeof(buf) - 2, &got));
		ATF_CHECK_EQ(3, got);
		ATF_CHECK_EQ(0, memcmp(buf, "hello", 5));
		ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf,
		    sizeof(buf), &got));
		ATF_CHECK_EQ(0, got);
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		ATF_CHECK_STREQ("", f.f_reason);
		ATF_CHECK(!securetcp_truncated(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_receive(f.f_tcp, buf,
		    sizeof(buf), &got));
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(end_read);
ATF_TC_HEAD(end_read, tc)
{
	atf_tc_set_md_var(tc, "descr", "the peer ends its direction with "
	    "nothing unread: closing, closed, and it hears our end");
}
ATF_TC_BODY(end_read, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 buf[16];
	int		 version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 0);
		fixture_connect(&f, version);
		peer_write(&f, "hello", 5);
		ATF_CHECK_EQ(5, object_read(&f, buf, 5));
		object_write(&f, "answer", 6);
		peer_notify(&f);
		fixture_expect(&f, UP);
		/* Not armed: its end is the kernel's until we read. */
		ATF_CHECK_EQ(0, object_read(&f, buf, 1));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		ATF_CHECK_EQ(6, peer_read(&f, buf, sizeof(buf)));
		ATF_CHECK(SSL_get_shutdown(f.f_ssl) & SSL_RECEIVED_SHUTDOWN);
		fixture_close(&f);
		key_free(&k);

		fixture_p256(&f, &k, "secure", 0);
		fixture_connect(&f, version);
		peer_notify(&f);
		fixture_expect(&f, UP DOWN);
		ATF_CHECK_EQ(0, f.f_receives);
		ATF_CHECK_EQ(0, peer_read(&f, buf, sizeof(buf)));
		ATF_CHECK(SSL_get_shutdown(f.f_ssl) & SSL_RECEIVED_SHUTDOWN);
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(end_half);
ATF_TC_HEAD(end_half, tc)
{
	atf_tc_set_md_var(tc, "descr", "the peer ends its direction with "
	    "half-close on: closing, data readable, sending legal, closed "
	    "after shutdown or close of ours, whichever end comes first");
}
ATF_TC_BODY(end_half, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 buf[16];
	size_t		 got;
	int		 how, version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		for (how = 0; how < 2; how++) {
			fixture_p256(&f, &k, "secure", 1);
			fixture_connect(&f, version);
			peer_write(&f, "hello", 5);
			peer_notify(&f);
			fixture_expect(&f, UP " S(closing)");
			ATF_CHECK_EQ(5, object_read(&f, buf, sizeof(buf)));
			ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
			object_write(&f, "answer", 6);
			ATF_CHECK_EQ(6, peer_read(&f, buf, 6));
			ATF_CHECK_EQ(ptOk, how == 0 ?
			    securetcp_shutdown(f.f_tcp) :
			    securetcp_close(f.f_tcp));
			ATF_CHECK_STREQ(UP DOWN, f.f_events);
			ATF_CHECK_EQ(0, peer_read(&f, buf, 1));
			ATF_CHECK(SSL_get_shutdown(f.f_ssl) &
			    SSL_RECEIVED_SHUTDOWN);
			fixture_close(&f);
			key_free(&k);
		}
		/* With nothing unread Receive says that there is the end. */
		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		peer_notify(&f);
		fixture_expect(&f, UP " S(closing)");
		ATF_CHECK_EQ(1, f.f_receives);
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1, &got));
		ATF_CHECK_EQ(0, got);
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1, &got));
		ATF_CHECK_EQ(0, got);
		ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
		ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);

		/* Our end first; then the peer's data and its end. */
		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_shutdown(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1,
		    &got));
		ATF_CHECK_STREQ(UP, f.f_events);
		ATF_CHECK_EQ(0, peer_read(&f, buf, 1));
		ATF_CHECK(SSL_get_shutdown(f.f_ssl) & SSL_RECEIVED_SHUTDOWN);
		peer_write(&f, "late", 4);
		ATF_CHECK_EQ(4, object_read(&f, buf, 4));
		ATF_CHECK_STREQ(UP, f.f_events);
		peer_notify(&f);
		ATF_CHECK_EQ(0, object_read(&f, buf, 1));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(reset);
ATF_TC_HEAD(reset, tc)
{
	atf_tc_set_md_var(tc, "descr", "the peer resets after connected: "
	    "ptConnectionReset, closing, closed, whatever is waited for");
}
ATF_TC_BODY(reset, tc)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct key		 k;
	char			 buf[8];
	size_t			 got;
	int			 error, half, version;

	EACH(version, half) {
		fixture_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_reset(&f);
		fixture_expect(&f, UP " E(ptConnectionReset)" DOWN);
		fixture_reason(&f, "reset");
		fixture_close(&f);

		/* Met by a call: events and the number. */
		fixture_open(&f, (sc = fixture_config(&k, 0, NULL)));
		securetcp_config_free(sc);
		fixture_connect(&f, version);
		peer_write(&f, "hello", 5);
		ATF_CHECK_EQ(5, object_read(&f, buf, 5));
		peer_reset(&f);
		fixture_hangup(securetcp_socket(f.f_tcp));
		/* Where "hello" came by dispatch one is in vain. */
		do {
			error = securetcp_receive(f.f_tcp, buf, sizeof(buf),
			    &got);
		} while (error == SECURETCP_AGAIN);
		ATF_CHECK_EQ(ptConnectionReset, error);
		ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(reset_unarmed);
ATF_TC_HEAD(reset_unarmed, tc)
{
	atf_tc_set_md_var(tc, "descr", "a reset is noticed also while nothing "
	    "is read or written, after what came before it was read");
}
ATF_TC_BODY(reset_unarmed, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 buf[64];
	size_t		 got;

	fixture_p256(&f, &k, "secure", 1);
	fixture_connect(&f, TLS1_3_VERSION);
	peer_write(&f, "one", 3);
	while (f.f_receives == 0)
		fixture_turn(&f, 0);
	/* "one" is in the object, "two" in the kernel; nobody reads. */
	peer_write(&f, "two", 3);
	peer_reset(&f);
	fixture_turn(&f, 0);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(1, f.f_receives);
	ATF_CHECK_EQ(6, object_read(&f, buf, 6));
	ATF_CHECK_EQ(0, memcmp(buf, "onetwo", 6));
	ATF_CHECK_EQ(ptConnectionReset, securetcp_receive(f.f_tcp, buf, 64,
	    &got));
	ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
	fixture_close(&f);
	key_free(&k);

	/* Nothing unread at all: at once. */
	fixture_p256(&f, &k, "secure", 1);
	fixture_connect(&f, TLS1_3_VERSION);
	peer_write(&f, "one", 3);
	while (f.f_receives == 0)
		fixture_turn(&f, 0);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 64, &got));
	peer_reset(&f);
	fixture_expect(&f, UP " E(ptConnectionReset)" DOWN);
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(reset_late);
ATF_TC_HEAD(reset_late, tc)
{
	atf_tc_set_md_var(tc, "descr", "a reset after all our data was "
	    "delivered and our end was sent is an end; one that takes data "
	    "from the peer is not");
}
ATF_TC_BODY(reset_late, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 buf[64];
	static char	 big[1 << 20];
	size_t		 sent;

	fixture_p256(&f, &k, "secure", 1);
	fixture_connect(&f, TLS1_3_VERSION);
	object_write(&f, "answer", 6);
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_EQ(6, peer_read(&f, buf, sizeof(buf)));
	peer_reset(&f);
	fixture_expect(&f, UP DOWN);
	fixture_reason(&f, "truncated");
	ATF_CHECK(securetcp_truncated(f.f_tcp));
	fixture_close(&f);
	key_free(&k);

	/* The peer ended in good order, but does not take our answer. */
	fixture_p256(&f, &k, "secure", 1);
	fixture_connect(&f, TLS1_3_VERSION);
	peer_notify(&f);
	fixture_expect(&f, UP " S(closing)");
	do {
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, big, sizeof(big),
		    &sent));
	} while (sent == sizeof(big));
	peer_reset(&f);
	fixture_expect(&f, UP " S(closing) E(ptConnectionReset) S(closed)");
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(upload_then_gone);
ATF_TC_HEAD(upload_then_gone, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that sends everything and "
	    "leaves without reading: all it sent is read, though what we "
	    "write meets a reset");
}
ATF_TC_BODY(upload_then_gone, tc)
{
	static char	 buf[40000], in[50000];
	struct fixture	 f;
	struct key	 k;
	struct pollfd	 pfd;
	size_t		 got, have = 0, sent;
	int		 error, version;

	if (!fixture_resets())
		atf_tc_skip("what dies with data unread is not reset here");
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		memset(buf, 'x', sizeof(buf));
		peer_write(&f, buf, sizeof(buf));
		peer_notify(&f);
		/* Unread answer: its close is a reset. */
		object_write(&f, "greeting", 8);
		pfd.fd = f.f_peer;
		pfd.events = POLLIN;
		ATF_REQUIRE_EQ(1, poll(&pfd, 1, FIXTURE_PATIENCE));
		peer_close(&f);
		fixture_hangup(securetcp_socket(f.f_tcp));
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, "more", 4,
		    &sent));
		for (have = 0;;) {
			error = securetcp_receive(f.f_tcp, in + have,
			    sizeof(in) - have, &got);
			if (error != ptOk || got == 0)
				break;
			have += got;
		}
		ATF_CHECK_EQ(sizeof(buf), have);
		ATF_CHECK_EQ(0, memcmp(buf, in, have));
		fixture_expect(&f, UP " E(ptConnectionReset)" DOWN);
		fixture_close(&f);
		key_free(&k);
	}
}

/*
 * Is who sent told of the reset, and who reads afterwards finds an end?  The
 * BSDs tell the reader.
 */
static int
resets_once(void)
{
	const struct linger	 linger = { 1, 0 };
	char			 c;
	ssize_t			 n;
	int			 fds[2];

	fixture_pair(fds);
	ATF_REQUIRE_EQ(0, setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger)));
	ATF_REQUIRE_EQ(0, close(fds[0]));
	fixture_hangup(fds[1]);
	ATF_REQUIRE_EQ(-1, send(fds[1], "x", 1, MSG_NOSIGNAL));
	n = read(fds[1], &c, 1);
	(void)close(fds[1]);
	return (n == 0);
}

ATF_TC(reset_sending);
ATF_TC_HEAD(reset_sending, tc)
{
	atf_tc_set_md_var(tc, "descr", "a reset that meets what waits to be "
	    "sent is not said to be a missing close_notify");
}
ATF_TC_BODY(reset_sending, tc)
{
	static char	 big[300000];
	struct fixture	 f;
	struct key	 k;
	size_t		 sent;
	int		 error, once = resets_once(), version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 1);
		fixture_connect(&f, version);
		peer_write(&f, "last", 4);
		fixture_readable(securetcp_socket(f.f_tcp));
		do {
			ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, big,
			    sizeof(big), &sent));
		} while (sent == sizeof(big));
		peer_reset(&f);
		fixture_hangup(securetcp_socket(f.f_tcp));
		fixture_turn(&f, 0);
		if (once) {
			fixture_expect(&f, UP " S(closing)");
			fixture_reason(&f, "reset before everything was sent");
		}
		ATF_CHECK_EQ(4, object_read(&f, big, 4));
		do {
			error = securetcp_receive(f.f_tcp, big, sizeof(big),
			    &sent);
		} while (error == SECURETCP_AGAIN);
		ATF_CHECK_EQ(once ? ptOk : ptConnectionReset, error);
		ATF_CHECK_EQ(0, sent);
		fixture_expect(&f, once ?
		    UP " S(closing) E(ptConnectionReset) S(closed)" :
		    UP " E(ptConnectionReset) S(closing) S(closed)");
		fixture_reason(&f, "reset");
		fixture_close(&f);
		key_free(&k);
	}
}

/* A client of LibreSSL keeps this one to itself in TLS 1.3. */
#ifdef LIBRESSL_VERSION_NUMBER
#define ALERTS(version)	((version) == TLS1_2_VERSION)
#else
#define ALERTS(version)	((version) != 0)
#endif

ATF_TC(no_tickets);
ATF_TC_HEAD(no_tickets, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client that sends, says its end and "
	    "closes without reading is no reset: nothing was sent to it "
	    "that it did not ask for");
}
ATF_TC_BODY(no_tickets, tc)
{
	struct fixture	 f;
	struct key	 k;
	struct pollfd	 pfd;
	char		 buf[8];
	int		 version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_p256(&f, &k, "secure", 0);
		fixture_connect(&f, version);
		pfd.fd = f.f_peer;
		pfd.events = POLLIN;
		ATF_CHECK_EQ(0, poll(&pfd, 1, 0));
		peer_write(&f, "hello", 5);
		peer_close(&f);
		ATF_CHECK_EQ(5, object_read(&f, buf, sizeof(buf)));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(alert_after);
ATF_TC_HEAD(alert_after, tc)
{
	atf_tc_set_md_var(tc, "descr", "the peer's fatal alert, or broken "
	    "TLS, after connected: ptProtocol, closing, closed");
}
ATF_TC_BODY(alert_after, tc)
{
	static const uint8_t	 junk[] = { 23, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6,
	    7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	    24, 25, 26, 27, 28, 29, 30, 31, 32 };
	struct fixture		 f;
	struct key		 k;
	char			 buf[32];
	int			 half, version;

	EACH(version, half) {
		/* Junk from us makes the client send a bad_record_mac. */
		fixture_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		ATF_REQUIRE_EQ((ssize_t)sizeof(junk), send(securetcp_socket(
		    f.f_tcp), junk, sizeof(junk), 0));
		(void)peer_read(&f, buf, sizeof(buf));
		if (ALERTS(version)) {
			fixture_expect(&f, UP " E(ptProtocol)" DOWN);
			fixture_reason(&f, "peer's alert: bad record mac");
		}
		fixture_close(&f);
		key_free(&k);

		fixture_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_raw(&f, junk, sizeof(junk));
		fixture_expect(&f, UP " E(ptProtocol)" DOWN);
		fixture_reason(&f, "malformed or unexpected TLS");
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(truncated);
ATF_TC_HEAD(truncated, tc)
{
	atf_tc_set_md_var(tc, "descr", "no close_notify at the end of data: "
	    "no error, but the reason of the closing says truncated");
}
ATF_TC_BODY(truncated, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 buf[8];
	int		 half, version;

	EACH(version, half) {
		fixture_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_write(&f, "hello", 5);
		ATF_REQUIRE_EQ(0, shutdown(f.f_peer, SHUT_WR));
		fixture_expect(&f, UP " S(closing)");
		fixture_reason(&f, "truncated");
		ATF_CHECK_EQ(5, object_read(&f, buf, sizeof(buf)));
		ATF_CHECK(securetcp_truncated(f.f_tcp));
		if (half)
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);

		/* In the middle of a record. */
		fixture_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_raw(&f, "\x17\x03\x03\x00\x40half", 9);
		ATF_REQUIRE_EQ(0, shutdown(f.f_peer, SHUT_WR));
		fixture_expect(&f, half ? UP " S(closing)" : UP DOWN);
		fixture_reason(&f, "truncated");
		ATF_CHECK(securetcp_truncated(f.f_tcp));
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(close);
ATF_TC_HEAD(close, tc)
{
	atf_tc_set_md_var(tc, "descr", "Close: closing, flush, closed when "
	    "connected; otherwise ptNotConnected and nothing changes");
}
ATF_TC_BODY(close, tc)
{
	static char	 big[300000], in[300000];
	struct fixture	 f;
	struct key	 k;
	size_t		 got, sent;
	int		 half, version;

	EACH(version, half) {
		fixture_p256(&f, &k, "secure", half);
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
		fixture_assign(&f);
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_shutdown(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1,
		    &sent));
		ATF_CHECK_EQ(ptNotConnected, securetcp_receive(f.f_tcp, in, 1,
		    &got));
		ATF_CHECK_STREQ(CONNECTING, f.f_events);
		fixture_client(&f, version, version);
		fixture_handshake(&f);
		ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
		ATF_CHECK_EQ(0, peer_read(&f, in, 1));
		ATF_CHECK(SSL_get_shutdown(f.f_ssl) & SSL_RECEIVED_SHUTDOWN);
		peer_close(&f);

		/* With a flush that has to wait for the peer. */
		ATF_REQUIRE_EQ(ptOk, securetcp_set_send_limit(f.f_tcp,
		    sizeof(big)));
		fixture_connect(&f, version);
		memset(big, 'q', sizeof(big));
		sent = sizeof(big);
		for (got = 0; sent == sizeof(big); got += sent)
			ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, big,
			    sizeof(big), &sent));
		ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_receive(f.f_tcp, in, 1,
		    &sent));
		while ((sent = peer_read(&f, in, sizeof(in))) != 0)
			got -= sent;
		ATF_CHECK_EQ(0, got);
		ATF_CHECK(SSL_get_shutdown(f.f_ssl) & SSL_RECEIVED_SHUTDOWN);
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(abort);
ATF_TC_HEAD(abort, tc)
{
	atf_tc_set_md_var(tc, "descr", "Abort in every state: ptAbort, "
	    "closing unless there, closed on return; when closed no event");
}
ATF_TC_BODY(abort, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 c;

	fixture_p256(&f, &k, "secure", 1);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ("", f.f_events);

	fixture_assign(&f);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ(CONNECTING " E(ptAbort)" DOWN, f.f_events);
	ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	peer_close(&f);

	fixture_connect(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ(UP " E(ptAbort)" DOWN, f.f_events);
	/* Hard: no close_notify. */
	ATF_CHECK_EQ(0, peer_read(&f, &c, 1));
	ATF_CHECK((SSL_get_shutdown(f.f_ssl) & SSL_RECEIVED_SHUTDOWN) == 0);
	peer_close(&f);

	fixture_connect(&f, TLS1_3_VERSION);
	peer_notify(&f);
	fixture_expect(&f, UP " S(closing)");
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ(UP " S(closing) E(ptAbort) S(closed)", f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ(UP " S(closing) E(ptAbort) S(closed)", f.f_events);
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(free);
ATF_TC_HEAD(free, tc)
{
	atf_tc_set_md_var(tc, "descr", "free in every state: no event, the "
	    "socket is closed");
}
ATF_TC_BODY(free, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 before[512];
	int		 state;

	for (state = 0; state < 4; state++) {
		fixture_p256(&f, &k, "secure", 1);
		if (state == SECURETCP_CONNECTING)
			fixture_assign(&f);
		else if (state != SECURETCP_CLOSED)
			fixture_connect(&f, TLS1_3_VERSION);
		if (state == SECURETCP_CLOSING) {
			peer_notify(&f);
			fixture_expect(&f, UP " S(closing)");
		}
		ATF_REQUIRE_EQ((enum securetcp_state)state,
		    securetcp_state(f.f_tcp));
		(void)strlcpy(before, f.f_events, sizeof(before));
		securetcp_free(f.f_tcp);
		f.f_gone = 1;
		ATF_CHECK_STREQ(before, f.f_events);
		if (state != SECURETCP_CLOSED)
			fixture_turn(&f, POLLIN);
		fixture_close(&f);
		key_free(&k);
	}
	securetcp_free(NULL);
}

ATF_TC(wrong_state);
ATF_TC_HEAD(wrong_state, tc)
{
	atf_tc_set_md_var(tc, "descr", "a method in the wrong state or with a "
	    "bad parameter returns its error, and nothing changes");
}
ATF_TC_BODY(wrong_state, tc)
{
	struct fixture	 f;
	struct key	 k;
	char		 c;
	size_t		 n;
	int		 fds[2];

	fixture_p256(&f, &k, "secure", 0);
	ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1, &n));
	ATF_CHECK_EQ(ptNotConnected, securetcp_receive(f.f_tcp, &c, 1, &n));
	ATF_CHECK_EQ(ptNotConnected, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_set_socket(f.f_tcp, -1));
	ATF_CHECK_STREQ("", f.f_events);
	fixture_connect(&f, TLS1_3_VERSION);
	fixture_pair(fds);
	ATF_CHECK_EQ(ptConnected, securetcp_set_socket(f.f_tcp, fds[0]));
	ATF_REQUIRE_EQ(0, close(fds[0]));	/* still ours */
	ATF_REQUIRE_EQ(0, close(fds[1]));
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_receive(f.f_tcp, &c, 1, &n));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_receive(f.f_tcp, NULL, 1,
	    &n));
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_receive(f.f_tcp, &c, 0, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_receive(f.f_tcp, &c, 1,
	    NULL));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_send(f.f_tcp, NULL, 1, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_send(f.f_tcp, &c, 1, NULL));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_set_send_limit(f.f_tcp, 0));
	ATF_CHECK_STREQ(UP, f.f_events);
	fixture_close(&f);
	key_free(&k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, end_unread);
	ATF_TP_ADD_TC(tp, end_read);
	ATF_TP_ADD_TC(tp, end_half);
	ATF_TP_ADD_TC(tp, reset);
	ATF_TP_ADD_TC(tp, reset_unarmed);
	ATF_TP_ADD_TC(tp, reset_late);
	ATF_TP_ADD_TC(tp, upload_then_gone);
	ATF_TP_ADD_TC(tp, reset_sending);
	ATF_TP_ADD_TC(tp, no_tickets);
	ATF_TP_ADD_TC(tp, alert_after);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, abort);
	ATF_TP_ADD_TC(tp, free);
	ATF_TP_ADD_TC(tp, wrong_state);
	return (atf_no_error());
}
