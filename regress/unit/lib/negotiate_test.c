/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The exact events of the rows of SECURETCP.md that a server can meet before
 * it is connected.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
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

static void	 negotiation(const void *, size_t, const char *);
static void	 hello(uint8_t, uint8_t, const char *);

/* Both versions of the protocol, with half-close off and on. */
#define EACH(version, half)						\
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

	EACH(version, half) {
		fixture_p256(&f, &k, "secure", half);
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

	fixture_p256(&f, &k, "secure", 1);
	fixture_assign(&f);
	peer_raw(&f, bytes, len);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	ATF_CHECK_STREQ("Security protocol negotiation failed.",
	    f.f_description);
	fixture_reason(&f, why);
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
	static const uint8_t	 postgresql[] = { 0, 0, 0, 8, 4, 0xd2, 0x16,
	    0x2f };
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
	negotiation(postgresql, sizeof(postgresql), "PostgreSQL (SSLRequest)");
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

	fixture_p256(&f, &k, "tlsv1.3", 0);
	fixture_assign(&f);
	fixture_client(&f, TLS1_2_VERSION, TLS1_2_VERSION);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_reason(&f, "no common protocol version");
	fixture_close(&f);
	key_free(&k);

	fixture_p256(&f, &k, "tlsv1.2", 0);
	fixture_assign(&f);
	fixture_client(&f, TLS1_3_VERSION, TLS1_3_VERSION);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_reason(&f, "no common protocol version");
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
		fixture_reason(&f, "no common cipher suite");
		fixture_close(&f);
	}
	key_free(&k);
}

ATF_TC(no_group);
ATF_TC_HEAD(no_group, tc)
{
	atf_tc_set_md_var(tc, "descr", "no group in common: ptProtocol, and "
	    "the peer is not said to be malformed");
}
ATF_TC_BODY(no_group, tc)
{
	struct fixture	 f;
	struct key	 k;

	fixture_p256(&f, &k, "secure", 0);
	fixture_assign(&f);
	fixture_client(&f, TLS1_3_VERSION, TLS1_3_VERSION);
	if (SSL_set1_groups_list(f.f_ssl, "X448") != 1)
		atf_tc_skip("this library's clients know no group that its "
		    "servers do not");
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	fixture_reason(&f, "nothing acceptable in what the peer offers");
	fixture_close(&f);
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
	fixture_reason(&f, "no certificate is set");
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
	fixture_reason(&f, "no signer");
	ATF_REQUIRE_EQ(0, close(fds[1]));

	key_signer();
	key_serve(&k);
	fixture_connect(&f, TLS1_3_VERSION);
	securetcp_config_free(sc);
	fixture_close(&f);
	key_free(&k);
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

	fixture_p256(&f, &k, "secure", 1);
	fixture_assign(&f);
	peer_close(&f);
	fixture_expect(&f, CONNECTING DOWN);
	ATF_CHECK(securetcp_silent(f.f_tcp));
	fixture_reason(&f, "without sending anything");

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

	fixture_p256(&f, &k, "secure", 1);
	fixture_assign(&f);
	peer_raw(&f, "\x16\x03", 2);
	peer_close(&f);
	fixture_expect(&f, CONNECTING " E(ptConnectionAborted)" DOWN);
	ATF_CHECK(!securetcp_silent(f.f_tcp));
	fixture_reason(&f, "middle of the handshake: end of file");

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_assign(&f);
		fixture_client(&f, version, version);
		ATF_REQUIRE(SSL_connect(f.f_ssl) == -1);
		fixture_turn(&f, 0);
		peer_reset(&f);
		fixture_expect(&f, CONNECTING " E(ptConnectionAborted)" DOWN);
		fixture_reason(&f, "middle of the handshake");
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

	fixture_p256(&f, &k, "secure", 1);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_assign(&f);
		fixture_client(&f, version, version);
		/* It trusts nobody, and says so. */
		SSL_set_verify(f.f_ssl, SSL_VERIFY_PEER, NULL);
		fixture_handshake(&f);
		fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
		fixture_reason(&f, "peer's alert: unknown ca");
		peer_close(&f);
	}
	/* The first thing that it says. */
	fixture_assign(&f);
	peer_raw(&f, "\x15\x03\x03\x00\x02\x02\x28", 7);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
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
	ATF_TP_ADD_TC(tp, no_group);
	ATF_TP_ADD_TC(tp, no_certificate);
	ATF_TP_ADD_TC(tp, silent);
	ATF_TP_ADD_TC(tp, vanished);
	ATF_TP_ADD_TC(tp, alert_handshake);
	return (atf_no_error());
}
