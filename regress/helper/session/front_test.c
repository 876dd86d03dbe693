/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What a session does before TLS: server names, and a PROXY header. */

#include <sys/types.h>
#include <sys/socket.h>

#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "ends.h"
#include "fake.h"
#include "securetcp.h"

#define NAME_ALERT	112
#define PARAMETER_ALERT	47	/* illegal parameter */
#define DECODE_ALERT	50

static const uint8_t	 half_hello[] = { 22, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3 };
static const uint8_t	 proxy_header[] =
    "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n";

static struct pki	 root, www;
static struct key	 key;
static struct fake	 fk;

static void	 begin(const atf_tc_t *, const struct wire_server *);
static void	 rules(const atf_tc_t *);
static void	 finish(void);
static void	 ask_for(struct end *, const char *);
static void	 hello_as(struct end *, const char *, uint8_t);
static void	 greet_as(const char *, int, unsigned int, const char *);
static void	 greet(const char *, int, unsigned int);
static void	 turned_away(const char *, const char *);
static void	 retry(const char *, const char *, int, const char *);

/* A block without its rules and its end. */
static void
begin(const atf_tc_t *tc, const struct wire_server *wv)
{
	struct wire_server	 usual;

	fake_defaults(&usual);
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&www, &root, "www",
	    "DNS:www.example.org,DNS:*.wild.example.org", 0);
	end_key(&key, &www);
	block_begin(&fk, tc, &key, wv == NULL ? &usual : wv);
	block_chain(&fk);
}

static void
rules(const atf_tc_t *tc)
{
	begin(tc, NULL);
	block_match(&fk, WIRE_MATCH_NAME, 0, "www.example.org");
	block_match(&fk, WIRE_MATCH_NAME, 1, "*.old.example.org");
	block_match(&fk, WIRE_MATCH_NAME, 0, "*.example.org");
	block_match(&fk, WIRE_MATCH_NAME, 1, "www.example.org");
	block_match(&fk, WIRE_MATCH_UNKNOWN, 1, "");
	block_match(&fk, WIRE_MATCH_ABSENT, 1, "");
	block_end(&fk);
}

static void
finish(void)
{
	fake_stop(&fk);
	key_free(&key);
	pki_free(&www);
	pki_free(&root);
}

/* What the client asks for from now on; NULL: nothing. */
static void
ask_for(struct end *e, const char *name)
{
	char	 copy[256], *p = NULL;

	/* The macro casts away what is const. */
	if (name != NULL) {
		(void)strlcpy(copy, name, sizeof(copy));
		p = copy;
	}
	ATF_REQUIRE_EQ(1, SSL_set_tlsext_host_name(e->e_ssl, p));
}

static void
hello_as(struct end *e, const char *name, uint8_t flags)
{
	end_open(e, &fk, flags, NULL);
	end_tls(e, pki_client(NULL), 0);
	ask_for(e, name);
}

/* Who is let in, by the rule of that number, and what is said of the name. */
static void
greet_as(const char *name, int version, unsigned int match, const char *said)
{
	struct fake_session	*fs;
	struct end		 e;

	hello_as(&e, name, 0);
	ATF_REQUIRE_EQ(1, SSL_set_max_proto_version(e.e_ssl, version));
	end_shake(&e);
	fs = e.e_session;
	ATF_REQUIRE_MSG(fs->fs_established, "%s: %s", name == NULL ? "none" :
	    name, fs->fs_result.wd_reason);
	ATF_CHECK_EQ_MSG(match, fs->fs_info.wh_match, "%s: rule %u", name,
	    fs->fs_info.wh_match);
	ATF_CHECK_STREQ(said, fs->fs_info.wh_servername);
	fake_accept(fs, -1);
	end_send(&e, "hello", 5);
	end_expect(&e, "hello");
	end_close(&e);
}

static void
greet(const char *name, int version, unsigned int match)
{
	greet_as(name, version, match, name == NULL ? "" : name);
}

/* Who is not, and has cost nothing. */
static void
turned_away(const char *name, const char *reason)
{
	struct end	 e;

	hello_as(&e, name, 0);
	end_shake(&e);
	ATF_CHECK(e.e_failed);
	ATF_CHECK_EQ(NAME_ALERT, e.e_alert);
	ATF_CHECK_EQ(0, e.e_session->fs_asked);
	end_refused(&e, ptOperationRefused, reason);
	end_close(&e);
}

CASE(first_match, "the first rule that fits the name is the one in "
    "ESTABLISHED, whatever the case of its letters")
{
	rules(tc);
	greet("www.example.org", TLS1_2_VERSION, 1);
	greet("www.example.org", TLS1_3_VERSION, 1);
	greet("WWW.Example.Org", TLS1_3_VERSION, 1);
	greet("api.example.org", TLS1_2_VERSION, 3);
	greet("api.example.org", TLS1_3_VERSION, 3);
	finish();
}

CASE(no_match, "a name that no rule fits is 0 in ESTABLISHED, as is any "
    "where there are no rules")
{
	begin(tc, NULL);
	block_match(&fk, WIRE_MATCH_NAME, 1, "api.example.org");
	block_end(&fk);
	greet("www.example.org", TLS1_3_VERSION, 0);
	greet("other.test", TLS1_3_VERSION, 0);
	greet(NULL, TLS1_3_VERSION, 0);
	finish();
	begin(tc, NULL);
	block_end(&fk);
	greet("www.example.org", TLS1_3_VERSION, 0);
	greet(NULL, TLS1_2_VERSION, 0);
	finish();
}

CASE(odd, "what OpenSSL takes for a name and is none gets in with rules as "
    "without: unknown, where it is no address, and not said to anybody")
{
	static const char	*const names[] = {
		"() { :;}; echo pwn", "*.example.org", "www.example.org:443",
		"[::1]", "a..example.org", "b\303\274cher.example", "a\nb",
		"a b", "."
	};
	size_t			 i;
	unsigned int		 looked;

#ifdef LIBRESSL_VERSION_NUMBER
	atf_tc_skip("LibreSSL takes no such name");
#endif
	for (looked = 0; looked < 2; looked++) {
		begin(tc, NULL);
		if (looked) {
			block_match(&fk, WIRE_MATCH_NAME, 1, "*.example.org");
			block_match(&fk, WIRE_MATCH_UNKNOWN, 0, "");
			block_match(&fk, WIRE_MATCH_ABSENT, 0, "");
		}
		block_end(&fk);
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			greet_as(names[i], i % 2 ? TLS1_2_VERSION :
			    TLS1_3_VERSION, looked * 2, "");
		greet_as("192.0.2.1", TLS1_3_VERSION, looked * 3, "");
		greet_as("192.0.2.1.", TLS1_2_VERSION, looked * 3, "");
		greet_as("Other.Test.", TLS1_3_VERSION, looked * 2,
		    "Other.Test");
		finish();
	}
}

CASE(refused, "a name that is refused, an unknown one and none are answered "
    "with the alert unrecognized_name, and no signature is asked for")
{
	rules(tc);
	turned_away("a.old.example.org", "match rule 2 refuses server name "
	    "a.old.example.org");
	turned_away("other.test", "match rule 5 refuses server name "
	    "other.test");
	turned_away(NULL, "match rule 6 refuses clients without a server "
	    "name");
	finish();
}

CASE(wildcard_known, "a name that a wildcard of the certificate covers is "
    "not unknown")
{
	begin(tc, NULL);
	block_match(&fk, WIRE_MATCH_UNKNOWN, 1, "");
	block_end(&fk);
	greet("a.wild.example.org", TLS1_3_VERSION, 0);
	turned_away("a.b.wild.example.org", "match rule 1 refuses server name "
	    "a.b.wild.example.org");
	finish();
}

CASE(long_name, "of a name that does not fit into the reason the end is "
    "left out, not the rule")
{
	char	 name[254], reason[WIRE_REASON * 2];
	size_t	 i;

	for (i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 50 == 49 ? '.' : 'x';
	name[sizeof(name) - 1] = '\0';
	rules(tc);
	(void)snprintf(reason, sizeof(reason), "match rule 5 refuses server "
	    "name %s", name);
	reason[WIRE_REASON - 1] = '\0';
	turned_away(name, reason);
	finish();
}

CASE(drip, "a ClientHello that comes byte by byte is waited for")
{
	struct end	 e;

	rules(tc);
	hello_as(&e, "www.example.org", 0);
	e.e_chunk = 1;
	end_shake(&e);
	ATF_REQUIRE(e.e_session->fs_established);
	ATF_CHECK_EQ(1, e.e_session->fs_info.wh_match);
	fake_accept(e.e_session, -1);
	end_send(&e, "hello", 5);
	end_expect(&e, "hello");
	end_close(&e);
	finish();
}

CASE(large_hello, "a large ClientHello is looked at whole; one that says that "
    "it is larger than any is refused with decode_error")
{
	static const uint8_t	 larger[] = {
		22, 3, 1, 0x40, 0, 1, 2, 1, 0x45
	};
	static uint8_t		 protocols[60000];
	struct end		 e;
	uint8_t			 answer[64];
	size_t			 i;

	memset(protocols, 'p', sizeof(protocols));
	for (i = 0; i < sizeof(protocols); i += 100)
		protocols[i] = 99;
	rules(tc);
	/* Newer libraries add a key share of more than a kilobyte. */
	for (i = 13000; i <= sizeof(protocols); i *= 2) {
		hello_as(&e, "www.example.org", 0);
		ATF_REQUIRE_EQ(0, SSL_set_alpn_protos(e.e_ssl, protocols,
		    (unsigned int)i));
		end_shake(&e);
#ifdef LIBRESSL_VERSION_NUMBER
		/* It may find that too much, but not before it has it. */
		if (i > 13000) {
			end_close(&e);
			continue;
		}
#endif
		ATF_REQUIRE_MSG(e.e_session->fs_established, "%zu: %s", i,
		    e.e_session->fs_result.wd_reason);
		ATF_CHECK_EQ(1, e.e_session->fs_info.wh_match);
		end_close(&e);
	}

	end_open(&e, &fk, 0, NULL);
	backend_write(&fk, e.e_fd, larger, sizeof(larger));
	ATF_REQUIRE_EQ(7, end_drain(&e, answer, sizeof(answer)));
	ATF_CHECK_EQ(DECODE_ALERT, answer[6]);
	end_refused(&e, ptProtocol, "ClientHello: ClientHello too large");
	end_close(&e);
	finish();
}

CASE(malformed, "a malformed ClientHello is answered with decode_error and "
    "ptProtocol")
{
	static const uint8_t	 hello[] = {
		22, 3, 1, 0, 6, 1, 0, 0, 2, 0xff, 0xff
	};
	struct end		 e;
	uint8_t			 answer[64];

	rules(tc);
	end_open(&e, &fk, 0, NULL);
	backend_write(&fk, e.e_fd, hello, sizeof(hello));
	ATF_REQUIRE_EQ(7, end_drain(&e, answer, sizeof(answer)));
	ATF_CHECK_EQ(21, answer[0]);
	ATF_CHECK_EQ(DECODE_ALERT, answer[6]);
	FAKE_WAIT(&fk, e.e_session->fs_done);
	ATF_CHECK_EQ(ptProtocol, e.e_session->fs_result.wd_error);
	ATF_CHECK_EQ(0, strncmp("ClientHello: ",
	    e.e_session->fs_result.wd_reason, 13));
	end_close(&e);
	finish();
}

CASE(not_tls, "what is no TLS at all is named as everywhere")
{
	struct end	 e;
	const char	 get[] = "GET / HTTP/1.0\r\n\r\n";

	rules(tc);
	end_open(&e, &fk, 0, NULL);
	backend_write(&fk, e.e_fd, get, strlen(get));
	end_refused(&e, ptProtocol, "not TLS: the peer sent an HTTP request");
	end_close(&e);
	finish();
}

CASE(leaves, "who leaves before a byte is no error, who leaves or resets "
    "after some is ptConnectionAborted, and the reason tells these apart")
{
	struct linger	 hard = { 1, 0 };
	struct end	 e;
	int		 with_byte;

	rules(tc);
	for (with_byte = 0; with_byte < 2; with_byte++) {
		end_open(&e, &fk, 0, NULL);
		if (with_byte)
			backend_write(&fk, e.e_fd, half_hello,
			    sizeof(half_hello));
		(void)close(e.e_fd);
		e.e_fd = -1;
		if (with_byte)
			end_refused(&e, ptConnectionAborted, "the peer left "
			    "in the middle of the handshake: end of file");
		else
			end_refused(&e, ptOk, "the peer left without sending "
			    "anything");
		ATF_CHECK_EQ(with_byte ? 0 : WIRE_DONE_SILENT,
		    e.e_session->fs_result.wd_flags);
		end_open(&e, &fk, 0, NULL);
		if (with_byte) {
			backend_write(&fk, e.e_fd, half_hello,
			    sizeof(half_hello));
			fake_turn(&fk, NULL, 0, 50);
		}
		ATF_REQUIRE_EQ(0, setsockopt(e.e_fd, SOL_SOCKET, SO_LINGER,
		    &hard, sizeof(hard)));
		(void)close(e.e_fd);
		e.e_fd = -1;
		if (with_byte)
			end_refused(&e, ptConnectionAborted, "the peer left "
			    "in the middle of the handshake: Connection reset "
			    "by peer");
		else
			end_refused(&e, ptOk, "the peer left without sending "
			    "anything");
		ATF_CHECK_EQ(with_byte ? 0 : WIRE_DONE_SILENT,
		    e.e_session->fs_result.wd_flags);
	}
	finish();
}

CASE(timer, "the handshake timer ends the wait for a ClientHello")
{
	struct wire_server	 wv;
	struct end		 e;
	int			 i;

	fake_defaults(&wv);
	wv.wv_handshake = 1000;
	begin(tc, &wv);
	block_match(&fk, WIRE_MATCH_ABSENT, 1, "");
	block_end(&fk);
	for (i = 0; i < 2; i++) {
		end_open(&e, &fk, 0, NULL);
		if (i == 1)
			backend_write(&fk, e.e_fd, half_hello,
			    sizeof(half_hello));
		end_refused(&e, ptTimeout, "handshake timer, 1 second");
		end_close(&e);
	}
	finish();
}

CASE(orders, "CLOSE, REFUSE and the end of the pipe are heard while a "
    "ClientHello is awaited")
{
	struct end	 e;

	rules(tc);
	end_open(&e, &fk, 0, NULL);
	backend_write(&fk, e.e_fd, half_hello, sizeof(half_hello));
	fake_turn(&fk, NULL, 0, 50);
	fake_close(e.e_session);
	end_refused(&e, ptAbort, "closed on request");
	end_close(&e);

	end_open(&e, &fk, 0, NULL);
	backend_write(&fk, e.e_fd, half_hello, sizeof(half_hello));
	fake_turn(&fk, NULL, 0, 50);
	fake_refuse(e.e_session, ptTimeout, "handshake timer, 10 seconds");
	end_refused(&e, ptTimeout, "handshake timer, 10 seconds");
	end_close(&e);

	end_open(&e, &fk, 0, NULL);
	backend_write(&fk, e.e_fd, half_hello, sizeof(half_hello));
	fake_turn(&fk, NULL, 0, 50);
	fake_hangup(e.e_session);
	FAKE_WAIT(&fk, e.e_session->fs_exited);
	ATF_CHECK_EQ(0, e.e_session->fs_exit.we_signal);
	end_close(&e);
	finish();
}

CASE(proxied, "a PROXY header and the ClientHello are told apart in one "
    "packet and byte by byte; ADDRESS comes first")
{
	static const uint8_t	 source[] = { 192, 0, 2, 7 };
	struct fake_session	*fs;
	struct end		 e;
	size_t			 chunk;

	rules(tc);
	for (chunk = 0; chunk < 2; chunk++) {
		hello_as(&e, "api.example.org", WIRE_ADOPT_PROXY);
		e.e_chunk = chunk;
		e.e_prefix = proxy_header;
		e.e_prefixlen = sizeof(proxy_header) - 1;
		end_shake(&e);
		fs = e.e_session;
		ATF_REQUIRE_MSG(fs->fs_established, "%s",
		    fs->fs_result.wd_reason);
		ATF_CHECK(fs->fs_addressed);
		ATF_CHECK_EQ(4, fs->fs_address.wdr_family);
		ATF_CHECK_EQ(0, memcmp(source, fs->fs_address.wdr_src, 4));
		ATF_CHECK_EQ(56324, fs->fs_address.wdr_srcport);
		ATF_CHECK_EQ(3, fs->fs_info.wh_match);
		fake_accept(fs, -1);
		end_send(&e, "hello", 5);
		end_expect(&e, "hello");
		end_close(&e);
	}
	/* And where no names are looked at. */
	finish();
	begin(tc, NULL);
	block_end(&fk);
	hello_as(&e, "api.example.org", WIRE_ADOPT_PROXY);
	e.e_prefix = proxy_header;
	e.e_prefixlen = sizeof(proxy_header) - 1;
	end_shake(&e);
	ATF_CHECK(e.e_session->fs_addressed);
	ATF_CHECK(e.e_session->fs_established);
	end_close(&e);
	finish();
}

/* What the client says when it is asked once more. */
static const char	*second_name;

static void
second_flight(struct end *e)
{
	e->e_flight = NULL;
	ask_for(e, second_name);
}

/* NULL for a reason: that is all right. */
static void
retry(const char *first, const char *second, int alert, const char *reason)
{
	struct end	 e;

	hello_as(&e, first, 0);
	/* A share for the first only, which the server does not know. */
	ATF_REQUIRE_EQ(1, SSL_set1_groups_list(e.e_ssl, "X25519:P-384"));
	second_name = second;
	e.e_flight = second_flight;
	end_shake(&e);
	ATF_REQUIRE(e.e_flight == NULL);
	if (reason == NULL)
		ATF_CHECK_MSG(e.e_session->fs_established, "%s",
		    e.e_session->fs_result.wd_reason);
	else {
		/* It has cost neither a certificate nor a signature. */
		ATF_CHECK_EQ(0, e.e_session->fs_asked);
		ATF_CHECK(SSL_get_peer_certificate(e.e_ssl) == NULL);
		ATF_CHECK_EQ(alert, e.e_alert);
		end_refused(&e, ptProtocol, reason);
	}
	end_close(&e);
}

CASE(retried, "a client that is asked for another ClientHello must not "
    "change the server name in it: that costs nothing")
{
	static const struct {
		const char	*first;
		const char	*second;
		int		 alert;
		const char	*reason;
	} rows[] = {
		{ "www.example.org", "www.example.org", 0, NULL },
		{ "www.example.org", "secret.example.org", PARAMETER_ALERT,
		    "the server name changed after the first ClientHello" },
		{ NULL, "secret.example.org", PARAMETER_ALERT,
		    "the server name came after the first ClientHello" },
		{ NULL, NULL, 0, NULL },
#ifdef LIBRESSL_VERSION_NUMBER
		/* These two it refuses itself. */
		{ "www.example.org", "WWW.example.org", NAME_ALERT,
		    "malformed or unexpected TLS from the peer: "
		    "tlsv1 unrecognized name" },
		{ "www.example.org", NULL, PARAMETER_ALERT,
		    "malformed or unexpected TLS from the peer: "
		    "sslv3 alert illegal parameter" }
#else
		/* OpenSSL goes on with the first, which was looked at. */
		{ "www.example.org", "WWW.example.org", 0, NULL },
		{ "www.example.org", NULL, 0, NULL }
#endif
	};
	struct wire_server	 wv;
	size_t			 i;

	fake_defaults(&wv);
	(void)strlcpy(wv.wv_protocol, "tlsv1.3", sizeof(wv.wv_protocol));
	(void)strlcpy(wv.wv_curves, "P-384", sizeof(wv.wv_curves));
	begin(tc, &wv);
	block_match(&fk, WIRE_MATCH_NAME, 0, "www.example.org");
	block_match(&fk, WIRE_MATCH_NAME, 1, "secret.example.org");
	block_end(&fk);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		retry(rows[i].first, rows[i].second, rows[i].alert,
		    rows[i].reason);
	finish();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, first_match);
	ATF_TP_ADD_TC(tp, no_match);
	ATF_TP_ADD_TC(tp, odd);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, wildcard_known);
	ATF_TP_ADD_TC(tp, long_name);
	ATF_TP_ADD_TC(tp, drip);
	ATF_TP_ADD_TC(tp, large_hello);
	ATF_TP_ADD_TC(tp, malformed);
	ATF_TP_ADD_TC(tp, not_tls);
	ATF_TP_ADD_TC(tp, leaves);
	ATF_TP_ADD_TC(tp, timer);
	ATF_TP_ADD_TC(tp, orders);
	ATF_TP_ADD_TC(tp, proxied);
	ATF_TP_ADD_TC(tp, retried);
	return (atf_no_error());
}
