/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The exact events of every row of SECURETCP.md that a server can meet. */

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

static void	 reason(struct fixture *, const char *);
static void	 negotiation(const void *, size_t, const char *);
static void	 open_p256(struct fixture *, struct key *, const char *, int);

static void
reason(struct fixture *f, const char *part)
{
	ATF_CHECK_MSG(strstr(f->f_reason, part) != NULL,
	    "reason \"%s\" does not say \"%s\"", f->f_reason, part);
}

static void
open_p256(struct fixture *f, struct key *k, const char *protocol, int half)
{
	struct securetcp_config	*sc;

	key_make(k, KEY_P256, "test", NULL);
	sc = fixture_config(k, 0, protocol);
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_half_close(f->f_tcp, half));
}

/* Both versions of the protocol, with half-close off and on. */
#define EACH(f, k, version, half)					\
	for (half = 0; half < 2; half++)				\
		for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; \
		    version++)

ATF_TC(assign);
ATF_TC_HEAD(assign, tc)
{
	atf_tc_set_md_var(tc, "descr", "a socket is assigned and all is "
	    "well: connecting before the call returns, then connected");
}
ATF_TC_BODY(assign, tc)
{
	struct fixture	 f;
	struct key	 k;
	int		 half, version;

	EACH(&f, &k, version, half) {
		open_p256(&f, &k, "secure", half);
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		ATF_CHECK_EQ(SECURETCP_CLOSED, securetcp_state(f.f_tcp));
		fixture_assign(&f);
		ATF_CHECK(fcntl(securetcp_socket(f.f_tcp), F_GETFL) &
		    O_NONBLOCK);
		ATF_CHECK(fcntl(securetcp_socket(f.f_tcp), F_GETFD) &
		    FD_CLOEXEC);
		ATF_CHECK_STREQ("", securetcp_version(f.f_tcp));
		fixture_client(&f, version, version);
		ATF_REQUIRE(SSL_set_tlsext_host_name(f.f_ssl,
		    "www.example.org") == 1);
		fixture_handshake(&f);
		fixture_expect(&f, UP);
		ATF_CHECK_STREQ(version == TLS1_3_VERSION ? "TLSv1.3" :
		    "TLSv1.2", securetcp_version(f.f_tcp));
		ATF_CHECK_STREQ("www.example.org",
		    securetcp_servername(f.f_tcp));
		ATF_CHECK(securetcp_cipher(f.f_tcp)[0] != '\0');
		ATF_CHECK_STREQ("", securetcp_alpn(f.f_tcp));
		ATF_CHECK_STREQ("", f.f_reason);
		ATF_CHECK(!securetcp_silent(f.f_tcp));
		fixture_close(&f);
		key_free(&k);
	}
}

static void
negotiation(const void *bytes, size_t len, const char *why)
{
	struct fixture	 f;
	struct key	 k;

	open_p256(&f, &k, "secure", 1);
	fixture_assign(&f);
	peer_raw(&f, bytes, len);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	ATF_CHECK_STREQ("Security protocol negotiation failed.",
	    f.f_description);
	reason(&f, why);
	ATF_CHECK(!securetcp_silent(f.f_tcp));
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(not_tls);
ATF_TC_HEAD(not_tls, tc)
{
	atf_tc_set_md_var(tc, "descr", "not TLS at all: ptProtocol, and the "
	    "reason says what came instead");
}
ATF_TC_BODY(not_tls, tc)
{
	static const char	 http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char	 post[] = "POST /x HTTP/1.1\r\n\r\n";
	static const char	 connect[] = "CONNECT x:1 HTTP/1.1\r\n\r\n";
	static const char	 h2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static const char	 ssh[] = "SSH-2.0-OpenSSH_9.9\r\n";
	static const char	 smtp[] = "EHLO example.org\r\n";
	static const char	 proxy1[] = "PROXY TCP4 1.2.3.4 5.6.7.8 1 2"
	    "\r\n";
	static const char	 proxy2[] = "\r\n\r\n\0\r\nQUIT\n!\x11\0\0";
	static const char	 text[] = "hello world, here I am\r\n";
	static const uint8_t	 rdp[] = { 3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0,
	    0, 1, 0, 8, 0, 3, 0, 0, 0 };
	static const uint8_t	 noise[] = { 0xde, 0xad, 0xbe, 0xef, 0, 1, 2,
	    3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

	negotiation(http, sizeof(http) - 1, "an HTTP request");
	negotiation(post, sizeof(post) - 1, "an HTTP request");
	negotiation(connect, sizeof(connect) - 1, "an HTTP proxy request");
	negotiation(h2, sizeof(h2) - 1, "HTTP/2");
	negotiation(ssh, sizeof(ssh) - 1, "sent SSH");
	negotiation(smtp, sizeof(smtp) - 1, "sent SMTP");
	negotiation(proxy1, sizeof(proxy1) - 1, "a PROXY header");
	negotiation(proxy2, sizeof(proxy2) - 1, "a PROXY header");
	negotiation(text, sizeof(text) - 1, "plain text beginning with "
	    "68 65 6c 6c 6f");
	negotiation(rdp, sizeof(rdp), "RDP");
	negotiation(noise, sizeof(noise), "something beginning with "
	    "de ad be ef 00");
}

ATF_TC(malformed);
ATF_TC_HEAD(malformed, tc)
{
	atf_tc_set_md_var(tc, "descr", "a TLS record with nonsense inside: "
	    "ptProtocol, called malformed");
}
ATF_TC_BODY(malformed, tc)
{
	static const uint8_t	 nonsense[] = { 22, 3, 1, 0, 8, 9, 9, 9, 9, 9,
	    9, 9, 9 };

	negotiation(nonsense, sizeof(nonsense), "malformed or unexpected");
}

/* A ClientHello that ends in its version, then 32 bytes of random. */
static void
hello(uint8_t major, uint8_t minor, const char *why)
{
	uint8_t	 h[5 + 4 + 43];

	memset(h, 0, sizeof(h));
	h[0] = 22;
	h[1] = 3;
	h[2] = 1;
	h[4] = sizeof(h) - 5;
	h[5] = 1;
	h[8] = sizeof(h) - 9;
	h[9] = major;
	h[10] = minor;
	h[45] = 2;		/* one suite and one compression method */
	memcpy(h + 46, "\xc0\x2f\x01\x00", 4);
	/* no extensions: their length says so */
	negotiation(h, sizeof(h), why);
}

ATF_TC(old_versions);
ATF_TC_HEAD(old_versions, tc)
{
	atf_tc_set_md_var(tc, "descr", "no common protocol: ptProtocol, and "
	    "the reason names what the peer offers");
}
ATF_TC_BODY(old_versions, tc)
{
	struct fixture	 f;
	struct key	 k;

	hello(3, 0, "no common protocol version: the peer offers at most "
	    "SSL 3");
	hello(3, 1, "the peer offers at most TLS 1.0");
	hello(3, 2, "the peer offers at most TLS 1.1");

	open_p256(&f, &k, "tlsv1.3", 0);
	fixture_assign(&f);
	fixture_client(&f, TLS1_2_VERSION, TLS1_2_VERSION);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	reason(&f, "no common protocol version");
	fixture_close(&f);
	key_free(&k);

	open_p256(&f, &k, "tlsv1.2", 0);
	fixture_assign(&f);
	fixture_client(&f, TLS1_3_VERSION, TLS1_3_VERSION);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	reason(&f, "no common protocol version");
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(no_cipher);
ATF_TC_HEAD(no_cipher, tc)
{
	atf_tc_set_md_var(tc, "descr", "no common cipher suite, and never "
	    "one with RSA key transport: ptProtocol");
}
ATF_TC_BODY(no_cipher, tc)
{
	static const char	*const lists[] = { "secure", "compat", "all",
	    "AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384" };
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct key		 k;
	size_t			 i;

	key_make(&k, KEY_RSA2048, "test", NULL);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		sc = fixture_config(&k, 0, "secure");
		ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ciphers(sc,
		    lists[i]));
		fixture_open(&f, sc);
		securetcp_config_free(sc);
		fixture_assign(&f);
		fixture_client(&f, TLS1_2_VERSION, TLS1_2_VERSION);
		ATF_REQUIRE(SSL_set_cipher_list(f.f_ssl,
		    "AES256-GCM-SHA384:AES128-SHA") == 1);
		fixture_handshake(&f);
		ATF_CHECK_STREQ("", securetcp_cipher(f.f_tcp));
		fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
		reason(&f, "no common cipher suite");
		fixture_close(&f);
	}
	key_free(&k);
}

ATF_TC(no_certificate);
ATF_TC_HEAD(no_certificate, tc)
{
	atf_tc_set_md_var(tc, "descr", "no usable own certificate: the error "
	    "is returned, the states pass, no Error event, and the object "
	    "stays usable");
}
ATF_TC_BODY(no_certificate, tc)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct key		 k;
	char			 c;
	int			 fds[2];

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	fixture_open(&f, sc);
	fixture_pair(fds);
	ATF_CHECK_EQ(ptNoCertificate, securetcp_set_socket(f.f_tcp, fds[0]));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK_STREQ("There was an error in creating credentials.",
	    securetcp_error_description(ptNoCertificate));
	reason(&f, "no certificate is set");
	/* It was the object's, and is closed. */
	ATF_CHECK_EQ(-1, fcntl(fds[0], F_GETFD));
	ATF_REQUIRE_EQ(0, fcntl(fds[1], F_SETFL, 0));
	ATF_CHECK_EQ(0, read(fds[1], &c, 1));
	ATF_REQUIRE_EQ(0, close(fds[1]));

	/* A key elsewhere, and nobody to ask. */
	key_make(&k, KEY_P256, "test", NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, k.k_cert,
	    k.k_certlen, NULL, 0));
	fixture_pair(fds);
	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptNoCertificate, securetcp_set_socket(f.f_tcp, fds[0]));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	reason(&f, "no signer");
	ATF_REQUIRE_EQ(0, close(fds[1]));

	key_signer();
	key_serve(&k);
	fixture_connect(&f, TLS1_3_VERSION);
	securetcp_config_free(sc);
	fixture_close(&f);
	key_free(&k);
}

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
		open_p256(&f, &k, "secure", 0);
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
		open_p256(&f, &k, "secure", 0);
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

		open_p256(&f, &k, "secure", 0);
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
			open_p256(&f, &k, "secure", 1);
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
		open_p256(&f, &k, "secure", 1);
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
		open_p256(&f, &k, "secure", 1);
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
	int			 half, version;

	EACH(&f, &k, version, half) {
		open_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_reset(&f);
		fixture_expect(&f, UP " E(ptConnectionReset)" DOWN);
		reason(&f, "reset");
		fixture_close(&f);

		/* Met by a call: events and the number. */
		fixture_open(&f, (sc = fixture_config(&k, 0, NULL)));
		securetcp_config_free(sc);
		fixture_connect(&f, version);
		peer_write(&f, "hello", 5);
		ATF_CHECK_EQ(5, object_read(&f, buf, 5));
		peer_reset(&f);
		ATF_CHECK_EQ(ptConnectionReset, securetcp_receive(f.f_tcp,
		    buf, sizeof(buf), &got));
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

	open_p256(&f, &k, "secure", 1);
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
	open_p256(&f, &k, "secure", 1);
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

	open_p256(&f, &k, "secure", 1);
	fixture_connect(&f, TLS1_3_VERSION);
	object_write(&f, "answer", 6);
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_EQ(6, peer_read(&f, buf, sizeof(buf)));
	peer_reset(&f);
	fixture_expect(&f, UP DOWN);
	reason(&f, "truncated");
	ATF_CHECK(securetcp_truncated(f.f_tcp));
	fixture_close(&f);
	key_free(&k);

	/* The peer ended in good order, but does not take our answer. */
	open_p256(&f, &k, "secure", 1);
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

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		open_p256(&f, &k, "secure", 1);
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
		pfd.fd = securetcp_socket(f.f_tcp);
		pfd.events = 0;
		ATF_REQUIRE_EQ(1, poll(&pfd, 1, FIXTURE_PATIENCE));
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
		open_p256(&f, &k, "secure", 0);
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

	EACH(&f, &k, version, half) {
		/* Junk from us makes the client send a bad_record_mac. */
		open_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		ATF_REQUIRE_EQ((ssize_t)sizeof(junk), send(securetcp_socket(
		    f.f_tcp), junk, sizeof(junk), 0));
		(void)peer_read(&f, buf, sizeof(buf));
		if (ALERTS(version)) {
			fixture_expect(&f, UP " E(ptProtocol)" DOWN);
			reason(&f, "peer's alert: bad record mac");
		}
		fixture_close(&f);
		key_free(&k);

		open_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_raw(&f, junk, sizeof(junk));
		fixture_expect(&f, UP " E(ptProtocol)" DOWN);
		reason(&f, "malformed or unexpected TLS");
		fixture_close(&f);
		key_free(&k);
	}
}

ATF_TC(silent);
ATF_TC_HEAD(silent, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that vanishes without having "
	    "sent anything is no error");
}
ATF_TC_BODY(silent, tc)
{
	struct fixture	 f;
	struct key	 k;

	open_p256(&f, &k, "secure", 1);
	fixture_assign(&f);
	peer_close(&f);
	fixture_expect(&f, CONNECTING DOWN);
	ATF_CHECK(securetcp_silent(f.f_tcp));
	reason(&f, "without sending anything");

	fixture_assign(&f);
	peer_reset(&f);
	fixture_expect(&f, CONNECTING DOWN);
	ATF_CHECK(securetcp_silent(f.f_tcp));
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(vanished);
ATF_TC_HEAD(vanished, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that vanishes after a part of "
	    "the handshake: ptConnectionAborted");
}
ATF_TC_BODY(vanished, tc)
{
	struct fixture	 f;
	struct key	 k;
	int		 version;

	open_p256(&f, &k, "secure", 1);
	fixture_assign(&f);
	peer_raw(&f, "\x16\x03", 2);
	peer_close(&f);
	fixture_expect(&f, CONNECTING " E(ptConnectionAborted)" DOWN);
	ATF_CHECK(!securetcp_silent(f.f_tcp));
	reason(&f, "middle of the handshake: end of file");

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_assign(&f);
		fixture_client(&f, version, version);
		ATF_REQUIRE(SSL_connect(f.f_ssl) == -1);
		fixture_turn(&f, 0);
		peer_reset(&f);
		fixture_expect(&f, CONNECTING " E(ptConnectionAborted)" DOWN);
		reason(&f, "middle of the handshake");
	}
	fixture_close(&f);
	key_free(&k);
}

ATF_TC(alert_handshake);
ATF_TC_HEAD(alert_handshake, tc)
{
	atf_tc_set_md_var(tc, "descr", "the peer's alert in the handshake: "
	    "ptProtocol, and the reason names the alert in words");
}
ATF_TC_BODY(alert_handshake, tc)
{
	struct fixture	 f;
	struct key	 k;
	int		 version;

	open_p256(&f, &k, "secure", 1);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_assign(&f);
		fixture_client(&f, version, version);
		/* It trusts nobody, and says so. */
		SSL_set_verify(f.f_ssl, SSL_VERIFY_PEER, NULL);
		fixture_handshake(&f);
		fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
		reason(&f, "peer's alert: unknown ca");
		peer_close(&f);
	}
	/* The first thing that it says. */
	fixture_assign(&f);
	peer_raw(&f, "\x15\x03\x03\x00\x02\x02\x28", 7);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_close(&f);
	key_free(&k);
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

	EACH(&f, &k, version, half) {
		open_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_write(&f, "hello", 5);
		ATF_REQUIRE_EQ(0, shutdown(f.f_peer, SHUT_WR));
		fixture_expect(&f, UP " S(closing)");
		reason(&f, "truncated");
		ATF_CHECK_EQ(5, object_read(&f, buf, sizeof(buf)));
		ATF_CHECK(securetcp_truncated(f.f_tcp));
		if (half)
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		fixture_close(&f);
		key_free(&k);

		/* In the middle of a record. */
		open_p256(&f, &k, "secure", half);
		fixture_connect(&f, version);
		peer_raw(&f, "\x17\x03\x03\x00\x40half", 9);
		ATF_REQUIRE_EQ(0, shutdown(f.f_peer, SHUT_WR));
		fixture_expect(&f, half ? UP " S(closing)" : UP DOWN);
		reason(&f, "truncated");
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

	EACH(&f, &k, version, half) {
		open_p256(&f, &k, "secure", half);
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

	open_p256(&f, &k, "secure", 1);
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
		open_p256(&f, &k, "secure", 1);
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

	open_p256(&f, &k, "secure", 0);
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
	ATF_TP_ADD_TC(tp, assign);
	ATF_TP_ADD_TC(tp, not_tls);
	ATF_TP_ADD_TC(tp, malformed);
	ATF_TP_ADD_TC(tp, old_versions);
	ATF_TP_ADD_TC(tp, no_cipher);
	ATF_TP_ADD_TC(tp, no_certificate);
	ATF_TP_ADD_TC(tp, end_unread);
	ATF_TP_ADD_TC(tp, end_read);
	ATF_TP_ADD_TC(tp, end_half);
	ATF_TP_ADD_TC(tp, reset);
	ATF_TP_ADD_TC(tp, reset_unarmed);
	ATF_TP_ADD_TC(tp, reset_late);
	ATF_TP_ADD_TC(tp, upload_then_gone);
	ATF_TP_ADD_TC(tp, no_tickets);
	ATF_TP_ADD_TC(tp, alert_after);
	ATF_TP_ADD_TC(tp, silent);
	ATF_TP_ADD_TC(tp, vanished);
	ATF_TP_ADD_TC(tp, alert_handshake);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, abort);
	ATF_TP_ADD_TC(tp, free);
	ATF_TP_ADD_TC(tp, wrong_state);
	return (atf_no_error());
}
