/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Clients with certificates: what ESTABLISHED says, and when it is not said. */

#include <sys/types.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "ends.h"
#include "fake.h"
#include "securetcp.h"

static struct pki	 root, www;
static struct key	 key;
static struct fake	 fk;
static uint8_t		 flags;		/* of the block to come */
static uint32_t		 patience;	/* its handshake timer, or 0 */

static void	 begin(const atf_tc_t *, uint8_t, const char *, size_t);
static void	 finish(void);
static void	 show(struct end *, const struct pki *, int);
static void	 rejected(const struct pki *, const char *);
static void	 undated(char *);
static void	 named(const char *, unsigned int, size_t);
static void	 subject(struct pki *, const char *, size_t);
static void	 show_subject(struct end *, struct pki *);

static void
begin(const atf_tc_t *tc, uint8_t auth, const char *crl, size_t crllen)
{
	struct wire_server	 wv;

	fake_defaults(&wv);
	wv.wv_auth = auth;
	wv.wv_flags = flags;
	if (patience != 0)
		wv.wv_handshake = patience;
	(void)strlcpy(wv.wv_alpn, "h2", sizeof(wv.wv_alpn));
	if (www.p_pkey == NULL) {
		pki_make(&root, NULL, "Root", NULL, PKI_CA);
		pki_make(&www, &root, "www", "DNS:www.example.org", 0);
		end_key(&key, &www);
	}
	block_begin(&fk, tc, &key, &wv);
	block_file(&fk, WIRE_CA, root.p_cert, root.p_certlen);
	if (crl != NULL)
		block_file(&fk, WIRE_CRL, crl, crllen);
	block_chain(&fk);
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

/* A client with this certificate, or none, up to a verdict. */
static void
show(struct end *e, const struct pki *p, int version)
{
	static const uint8_t	 h2[] = { 2, 'h', '2' };

	end_open(e, &fk, 0, NULL);
	end_tls(e, pki_client(p), 0);
	ATF_REQUIRE_EQ(1, SSL_set_max_proto_version(e->e_ssl, version));
	ATF_REQUIRE_EQ(0, SSL_set_alpn_protos(e->e_ssl, h2, sizeof(h2)));
	end_shake(e);
}

/* Dates differ from run to run. */
static void
undated(char *text)
{
	char	*p;

	if ((p = strstr(text, " UTC")) != NULL && p - text > 19)
		memcpy(p - 19, "DATE", 5);
}

static void
rejected(const struct pki *p, const char *reason)
{
	struct end	 e;
	int		 version;

	EACH_VERSION(version) {
		show(&e, p, version);
		FAKE_WAIT(&fk, e.e_session->fs_done);
		undated(e.e_session->fs_result.wd_reason);
		end_refused(&e, ptAuthentication, reason);
		end_close(&e);
	}
}

CASE(everything, "of a valid certificate ESTABLISHED says subject, issuer, "
    "hash, dates and every name; and what was agreed on")
{
	struct wire_established	*wh;
	struct pki		 p;
	struct end		 e;
	int			 version;

	begin(tc, WIRE_AUTH_REQUIRED, NULL, 0);
	pki_make(&p, &root, "a client", "DNS:a.example.org,IP:192.0.2.7,"
	    "IP:2001:db8::1,email:a@example.org,URI:spiffe://example.org/a",
	    PKI_CLIENT);
	EACH_VERSION(version) {
		show(&e, &p, version);
		ATF_REQUIRE_MSG(e.e_session->fs_established, "%s",
		    e.e_session->fs_result.wd_reason);
		wh = &e.e_session->fs_info;
		ATF_CHECK_EQ(1, wh->wh_peer);
		ATF_CHECK_STREQ("CN=a client", wh->wh_subject);
		ATF_CHECK_STREQ("CN=Root", wh->wh_issuer);
		ATF_CHECK_STREQ("dns:a.example.org\nip:192.0.2.7\n"
		    "ip:2001:db8::1\nemail:a@example.org\n"
		    "uri:spiffe://example.org/a", wh->wh_san);
		ATF_CHECK_EQ(0, strncmp("SHA256:", wh->wh_hash, 7));
		ATF_CHECK_EQ(7 + 64, strlen(wh->wh_hash));
		ATF_CHECK_EQ(6 * 86400, wh->wh_notafter - wh->wh_notbefore);
		ATF_CHECK_STREQ(version == TLS1_2_VERSION ? "TLSv1.2" :
		    "TLSv1.3", wh->wh_version);
		ATF_CHECK(wh->wh_cipher[0] != '\0');
		ATF_CHECK_STREQ("h2", wh->wh_alpn);
		ATF_CHECK_STREQ("", wh->wh_servername);
		ATF_CHECK_EQ(0, wh->wh_match);
		end_close(&e);
	}
	pki_free(&p);
	finish();
}

CASE(without, "without a certificate nothing of one is said: established "
    "where that is optional, ptAuthentication where it is required")
{
	struct wire_established	*wh;
	struct end		 e;
	int			 version;

	begin(tc, WIRE_AUTH_OPTIONAL, NULL, 0);
	EACH_VERSION(version) {
		show(&e, NULL, version);
		ATF_REQUIRE(e.e_session->fs_established);
		wh = &e.e_session->fs_info;
		ATF_CHECK_EQ(0, wh->wh_peer);
		ATF_CHECK_STREQ("", wh->wh_subject);
		ATF_CHECK_STREQ("", wh->wh_issuer);
		ATF_CHECK_STREQ("", wh->wh_hash);
		ATF_CHECK_STREQ("", wh->wh_san);
		ATF_CHECK_EQ(0, wh->wh_notafter);
		end_close(&e);
	}
	fake_stop(&fk);
	begin(tc, WIRE_AUTH_REQUIRED, NULL, 0);
	rejected(NULL, "the client has sent no certificate");
	finish();
}

CASE(bad, "a bad certificate is never established, also where none is "
    "needed, and DONE says what is wrong with which")
{
	struct pki	 alien, ca, p, stranger;
	uint8_t		 auth;

	for (auth = WIRE_AUTH_OPTIONAL; auth <= WIRE_AUTH_REQUIRED; auth++) {
		begin(tc, auth, NULL, 0);
		pki_make(&stranger, NULL, "Stranger", NULL, PKI_CA);
		pki_make(&alien, &stranger, "alien", NULL, 0);
		rejected(&alien, "certificate CN=alien: issued by "
		    "CN=Stranger, which is not trusted");
		rejected(&stranger, "certificate CN=Stranger: signed by "
		    "itself and not trusted");
		pki_free(&alien);
		pki_free(&stranger);
		pki_make(&p, &root, "old", NULL, PKI_EXPIRED);
		rejected(&p, "certificate CN=old: expired on DATE");
		pki_free(&p);
		pki_make(&p, &root, "early", NULL, PKI_EARLY);
		rejected(&p, "certificate CN=early: not valid before DATE");
		pki_free(&p);
		pki_make(&p, &root, "forged", NULL, PKI_FORGED);
		rejected(&p, "certificate CN=forged: its signature is not by "
		    "CN=Root");
		pki_free(&p);
		/* Below an authority that is not one. */
		pki_make(&ca, &root, "leaf", NULL, 0);
		pki_make(&p, &ca, "below", NULL, PKI_CHAIN);
		rejected(&p, "certificate CN=leaf: invalid CA certificate");
		pki_free(&p);
		pki_free(&ca);
		fake_stop(&fk);
	}
}

CASE(intermediate, "a chain over an authority in between is followed, and "
    "refused where that has expired")
{
	struct pki	 ca, p;
	struct end	 e;
	int		 version;

	begin(tc, WIRE_AUTH_REQUIRED, NULL, 0);
	pki_make(&ca, &root, "Between", NULL, PKI_CA);
	pki_make(&p, &ca, "deep", NULL, PKI_CHAIN);
	EACH_VERSION(version) {
		show(&e, &p, version);
		ATF_REQUIRE(e.e_session->fs_established);
		ATF_CHECK_STREQ("CN=Between", e.e_session->fs_info.wh_issuer);
		end_close(&e);
	}
	pki_free(&p);
	pki_free(&ca);
	pki_make(&ca, &root, "Between", NULL, PKI_CA | PKI_EXPIRED);
	pki_make(&p, &ca, "deep", NULL, PKI_CHAIN);
	rejected(&p, "certificate CN=Between: expired on DATE");
	pki_free(&p);
	pki_free(&ca);
	finish();
}

CASE(revoked, "one that is on a list, or for whose issuer there is none that "
    "is valid, is never established")
{
	struct pki	 ca, deep, gone, good;
	struct end	 e;
	char		 crl[PKI_PEM];
	size_t		 len;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&www, &root, "www", "DNS:www.example.org", 0);
	end_key(&key, &www);
	pki_make(&good, &root, "good", NULL, 0);
	pki_make(&gone, &root, "gone", NULL, 0);
	pki_make(&ca, &root, "Between", NULL, PKI_CA);
	pki_make(&deep, &ca, "deep", NULL, PKI_CHAIN);
	len = pki_crl(&root, &gone, 0, crl, sizeof(crl));
	begin(tc, WIRE_AUTH_REQUIRED, crl, len);
	show(&e, &good, TLS1_3_VERSION);
	ATF_REQUIRE(e.e_session->fs_established);
	end_close(&e);
	rejected(&gone, "certificate CN=gone: revoked on DATE");
	rejected(&deep, "no list of revoked certificates of CN=Between is "
	    "known");
	fake_stop(&fk);
	len = pki_crl(&root, &gone, PKI_EXPIRED, crl, sizeof(crl));
	begin(tc, WIRE_AUTH_OPTIONAL, crl, len);
	rejected(&good, "the list of revoked certificates of CN=Root expired "
	    "on DATE");
	fake_stop(&fk);
}

/* What is said of one with these names. */
static void
named(const char *names, unsigned int peer, size_t len)
{
	struct wire_established	*wh;
	struct pki		 p;
	struct end		 e;

	pki_make(&p, &root, "named", names, 0);
	show(&e, &p, TLS1_3_VERSION);
	ATF_REQUIRE(e.e_session->fs_established);
	wh = &e.e_session->fs_info;
	ATF_CHECK_EQ_MSG(peer, wh->wh_peer, "%.40s: %#x", names, wh->wh_peer);
	ATF_CHECK_EQ_MSG(len, strlen(wh->wh_san), "%.40s: %zu", names,
	    strlen(wh->wh_san));
	end_close(&e);
	pki_free(&p);
}

CASE(too_much, "where there are more names than there is room for, or some "
    "that cannot be said, that is told, and no name is cut")
{
	char	 names[12000];
	size_t	 i, len = 0;

	begin(tc, WIRE_AUTH_OPTIONAL, NULL, 0);
	/* 240 of 17 bytes with the newline are less than 4096. */
	for (i = 0; i < 240; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
		    "%sDNS:n%03zu.example", i == 0 ? "" : ",", i);
	named(names, WIRE_PEER_GIVEN, 240 * 17 - 1);
	/* 195 of 21 are, 256 are not. */
	for (i = len = 0; i < 256; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
		    "%sDNS:n%03zu.example.org", i == 0 ? "" : ",", i);
	named(names, WIRE_PEER_GIVEN | WIRE_PEER_NAMES, 195 * 21 - 1);
	/* The library keeps 256. */
	for (i = len = 0; i < 257; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
		    "%sDNS:n%03zu", i == 0 ? "" : ",", i);
	named(names, WIRE_PEER_GIVEN | WIRE_PEER_NAMES, 256 * 9 - 1);
	named("DNS:a.example,URI:http://a/b c,IP:192.0.2.1", WIRE_PEER_GIVEN |
	    WIRE_PEER_NAMES, strlen("dns:a.example\nip:192.0.2.1"));
	named("DNS:a.example,RID:1.2.3", WIRE_PEER_GIVEN,
	    strlen("dns:a.example"));
	finish();
}

/* A subject of many parts, each with a value of that text. */
static void
subject(struct pki *p, const char *value, size_t n)
{
	X509_NAME	*name;
	size_t		 i;

	pki_make(p, &root, "first", NULL, 0);
	name = X509_get_subject_name(p->p_x509);
	for (i = 0; i < n; i++)
		ATF_REQUIRE_EQ(1, X509_NAME_add_entry_by_NID(name,
		    NID_organizationalUnitName, MBSTRING_UTF8,
		    (const unsigned char *)value, -1, -1, 0));
	ATF_REQUIRE(X509_sign(p->p_x509, root.p_pkey, EVP_sha256()) != 0);
}

/* pki_client() reads its PEM: this takes the certificate as it is now. */
static void
show_subject(struct end *e, struct pki *p)
{
	SSL_CTX	*ctx;

	end_open(e, &fk, 0, NULL);
	ctx = pki_client(NULL);
	ATF_REQUIRE_EQ(1, SSL_CTX_use_certificate(ctx, p->p_x509));
	ATF_REQUIRE_EQ(1, SSL_CTX_use_PrivateKey(ctx, p->p_pkey));
	end_tls(e, ctx, 0);
	end_shake(e);
}

CASE(subjects, "a subject arrives with its control characters escaped, and "
    "of one that is too long only that")
{
	struct pki	 p;
	struct end	 e;
	char		 long_value[65];

	begin(tc, WIRE_AUTH_OPTIONAL, NULL, 0);
	subject(&p, "a\nb,c=\"d\"\x1b", 1);
	show_subject(&e, &p);
	ATF_REQUIRE(e.e_session->fs_established);
	ATF_CHECK_STREQ("CN=first,OU=a\\0Ab\\,c\\=\\\"d\\\"\\1B",
	    e.e_session->fs_info.wh_subject);
	end_close(&e);
	pki_free(&p);
	memset(long_value, 'x', 64);
	long_value[64] = '\0';
	/* 8 + 14 * 68 are less than 1024, 8 + 15 * 68 more. */
	subject(&p, long_value, 14);
	show_subject(&e, &p);
	ATF_CHECK(e.e_session->fs_established);
	ATF_CHECK_EQ(8 + 14 * 68, strlen(e.e_session->fs_info.wh_subject));
	end_close(&e);
	pki_free(&p);
	subject(&p, long_value, 15);
	show_subject(&e, &p);
	ATF_REQUIRE(e.e_session->fs_established);
	ATF_CHECK_STREQ("", e.e_session->fs_info.wh_subject);
	ATF_CHECK_STREQ("CN=Root", e.e_session->fs_info.wh_issuer);
	ATF_CHECK_EQ(WIRE_PEER_GIVEN | WIRE_PEER_LONG,
	    e.e_session->fs_info.wh_peer);
	end_close(&e);
	pki_free(&p);
	finish();
}

/* As far as the handshake knows it by then. */
static void
check_identity(const struct fake_session *fs)
{
	const struct wire_established	*wi = &fs->fs_identity;
	const struct wire_established	*wh = &fs->fs_info;

	ATF_CHECK_STREQ("", wi->wh_version);
	ATF_CHECK_EQ(1, wi->wh_peer);
	ATF_CHECK_EQ(wh->wh_peer, wi->wh_peer);
	ATF_CHECK_STREQ(wh->wh_subject, wi->wh_subject);
	ATF_CHECK_STREQ(wh->wh_issuer, wi->wh_issuer);
	ATF_CHECK_STREQ(wh->wh_hash, wi->wh_hash);
	ATF_CHECK_STREQ(wh->wh_san, wi->wh_san);
	ATF_CHECK_EQ(wh->wh_notbefore, wi->wh_notbefore);
	ATF_CHECK_EQ(wh->wh_notafter, wi->wh_notafter);
}

/* Nobody is asked about a bad certificate, or where there are no rules. */
CASE(identity, "where there are rules IDENTITY is said inside the handshake, "
    "of valid certificates only, and ESTABLISHED agrees with it")
{
	struct pki	 p, old;
	struct end	 e;
	int		 version;

	for (flags = 0; flags <= WIRE_SERVER_RULES;
	    flags += WIRE_SERVER_RULES) {
		begin(tc, WIRE_AUTH_OPTIONAL, NULL, 0);
		pki_make(&p, &root, "a client", "DNS:a.example.org", 0);
		pki_make(&old, &root, "old", NULL, PKI_EXPIRED);
		EACH_VERSION(version) {
			show(&e, &p, version);
			ATF_REQUIRE(e.e_session->fs_established);
			ATF_CHECK_EQ(flags != 0, e.e_session->fs_identified);
			if (flags != 0)
				check_identity(e.e_session);
			end_close(&e);
			show(&e, NULL, version);
			ATF_CHECK(e.e_session->fs_established);
			ATF_CHECK_EQ(0, e.e_session->fs_identified);
			end_close(&e);
			show(&e, &old, version);
			FAKE_WAIT(&fk, e.e_session->fs_done);
			ATF_CHECK_EQ(0, e.e_session->fs_identified);
			ATF_CHECK_EQ(ptAuthentication,
			    e.e_session->fs_result.wd_error);
			end_close(&e);
		}
		pki_free(&old);
		pki_free(&p);
		fake_stop(&fk);
	}
	flags = 0;
}

CASE(denied, "a client that the rules deny gets an alert in the handshake, "
    "and DONE has the parent's words; one without a certificate as well")
{
	struct pki	 p;
	struct end	 e;
	int		 version;

	flags = WIRE_SERVER_RULES | WIRE_SERVER_NONE;
	begin(tc, WIRE_AUTH_OPTIONAL, NULL, 0);
	pki_make(&p, &root, "a client", NULL, 0);
	fk.fk_rules = FAKE_DENY;
	EACH_VERSION(version) {
		show(&e, &p, version);
		end_refused(&e, ptAuthentication, "denied by rule 1 (line 2)");
		ATF_CHECK_STREQ("CN=a client",
		    e.e_session->fs_identity.wh_subject);
		if (version == TLS1_2_VERSION)
			ATF_CHECK_EQ(46, e.e_alert);
		end_close(&e);
		show(&e, NULL, version);
		end_refused(&e, ptAuthentication, "denied by rule 1 (line 2)");
		ATF_CHECK_EQ(1, e.e_session->fs_identified);
		ATF_CHECK_EQ(0, e.e_session->fs_identity.wh_peer);
		end_close(&e);
	}
	pki_free(&p);
	finish();
	flags = 0;
}

CASE(undecided, "rules that are not answered in time, or by an order to end")
{
	struct pki	 p;
	struct end	 e;

	flags = WIRE_SERVER_RULES;
	patience = 1500;
	begin(tc, WIRE_AUTH_REQUIRED, NULL, 0);
	pki_make(&p, &root, "a client", NULL, 0);
	fk.fk_rules = FAKE_THINK;
	show(&e, &p, TLS1_3_VERSION);
	end_refused(&e, ptTimeout, "handshake timer, 1500 milliseconds");
	ATF_CHECK_EQ(1, e.e_session->fs_identified);
	end_close(&e);
	fk.fk_rules = FAKE_END;
	show(&e, &p, TLS1_3_VERSION);
	end_refused(&e, ptAbort, "closed on request");
	end_close(&e);
	pki_free(&p);
	finish();
	flags = 0;
	patience = 0;
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, everything);
	ATF_TP_ADD_TC(tp, without);
	ATF_TP_ADD_TC(tp, bad);
	ATF_TP_ADD_TC(tp, intermediate);
	ATF_TP_ADD_TC(tp, revoked);
	ATF_TP_ADD_TC(tp, too_much);
	ATF_TP_ADD_TC(tp, subjects);
	ATF_TP_ADD_TC(tp, identity);
	ATF_TP_ADD_TC(tp, denied);
	ATF_TP_ADD_TC(tp, undecided);
	return (atf_no_error());
}
