/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Why a peer is refused, word for word: an administrator looks for them. */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <atf-c.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define CONNECTING	"S(connecting)"
#define REFUSED		" E(ptAuthentication) S(closing) S(closed)"
#define NAME		"www.example.org"
#define SAN		"DNS:www.example.org"

static struct pki	 root;

static void	 date(const ASN1_TIME *, char *, size_t);
static void	 listed(const char *, int, char *, size_t);
static void	 client(const struct pki *, const char *, const char *,
		    const char *);
static void	 server(const struct pki *, const char *, const char *,
		    const char *);
static void	 each(const char *, const char *, int, const char *,
		    const char *);

static void
date(const ASN1_TIME *when, char *buf, size_t size)
{
	struct tm	 tm;

	ATF_REQUIRE_EQ(1, ASN1_TIME_to_tm(when, &tm));
	ATF_REQUIRE(strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm) != 0);
}

/* When the first list of a PEM text ends, or revokes. */
static void
listed(const char *pem, int revocation, char *buf, size_t size)
{
	X509_CRL	*crl;
	BIO		*bio;

	ATF_REQUIRE((bio = BIO_new_mem_buf(pem, -1)) != NULL);
	crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	ATF_REQUIRE(crl != NULL);
	(void)BIO_free(bio);
	date(revocation ? X509_REVOKED_get0_revocationDate(
	    sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 0)) :
	    X509_CRL_get0_nextUpdate(crl), buf, size);
	X509_CRL_free(crl);
}

/* A server that is refused for this reason, and no other. */
static void
client(const struct pki *who, const char *crl, const char *verdicts,
    const char *why)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	char			 events[128];

	sc = fixture_trusting(root.p_cert, root.p_certlen, crl);
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NAME));
	fixture_dial(&f);
	fixture_server(&f, pki_server(who, NULL));
	fixture_handshake(&f);
	(void)snprintf(events, sizeof(events), CONNECTING " A(%s)" REFUSED,
	    verdicts);
	fixture_expect(&f, events);
	ATF_CHECK_STREQ(why, f.f_why);
	ATF_CHECK_STREQ(why, f.f_reason);
	fixture_close(&f);
}

/* The same of a client; without a certificate there are no verdicts. */
static void
server(const struct pki *who, const char *crl, const char *verdicts,
    const char *why)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct pki		 own;
	char			 events[128];

	pki_make(&own, &root, "own", SAN, 0);
	sc = fixture_trusting(root.p_cert, root.p_certlen, crl);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, own.p_cert,
	    own.p_certlen, own.p_private, own.p_privatelen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_client_authentication(sc,
	    SECURETCP_AUTH_REQUIRED));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	fixture_assign(&f);
	fixture_server(&f, pki_client(who));
	SSL_set_connect_state(f.f_ssl);
	fixture_handshake(&f);
	(void)snprintf(events, sizeof(events), verdicts == NULL ?
	    CONNECTING REFUSED : CONNECTING " A(%s)" REFUSED, verdicts);
	fixture_expect(&f, events);
	ATF_CHECK_STREQ(why, f.f_reason);
	fixture_close(&f);
	pki_free(&own);
}

/* A leaf of the root, as a server and as a client. */
static void
each(const char *cn, const char *crl, int flags, const char *verdicts,
    const char *fmt)
{
	struct pki	 leaf;
	char		 when[64], why[256];

	pki_make(&leaf, &root, cn, SAN, flags);
	date(flags & PKI_EARLY ? X509_get0_notBefore(leaf.p_x509) :
	    X509_get0_notAfter(leaf.p_x509), when, sizeof(when));
	(void)strlcpy(why, fmt, sizeof(why));
	(void)strlcat(why, flags & (PKI_EARLY | PKI_EXPIRED) ? when : "",
	    sizeof(why));
	client(&leaf, crl, verdicts, why);
	server(&leaf, crl, verdicts, why);
	pki_free(&leaf);
}

CASE(dates, "expired, not yet valid: since when and until when, of the leaf "
    "and of an authority on the way")
{
	struct pki	 leaf, middle;
	char		 when[64], why[256];

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	each("leaf", NULL, PKI_EXPIRED, "10111",
	    "certificate CN=leaf: expired on ");
	each("leaf", NULL, PKI_EARLY, "10111",
	    "certificate CN=leaf: not valid before ");
	pki_make(&middle, &root, "Middle", NULL, PKI_CA | PKI_EXPIRED);
	pki_make(&leaf, &middle, "leaf", SAN, PKI_CHAIN);
	date(X509_get0_notAfter(middle.p_x509), when, sizeof(when));
	(void)snprintf(why, sizeof(why),
	    "certificate CN=Middle: expired on %s", when);
	client(&leaf, NULL, "10111", why);
	server(&leaf, NULL, "10111", why);
	pki_free(&leaf);
	pki_free(&middle);
	pki_free(&root);
}

CASE(untrusted, "by whom it is not trusted: another root, one that is sent "
    "along, itself; an authority that is missing; a forger; no certificate")
{
	struct pki	 leaf, middle, other;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	server(NULL, NULL, NULL, "the client has sent no certificate");
	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	pki_make(&leaf, &other, "leaf", SAN, 0);
	client(&leaf, NULL, "01011", "certificate CN=leaf: issued by "
	    "CN=Other, which is not trusted");
	server(&leaf, NULL, "01011", "certificate CN=leaf: issued by "
	    "CN=Other, which is not trusted");
	pki_free(&leaf);
	pki_make(&leaf, &other, "leaf", SAN, PKI_CHAIN);
	client(&leaf, NULL, "01111", "certificate CN=Other: signed by itself "
	    "and not trusted");
	pki_free(&leaf);
	pki_make(&middle, &other, "Middle", NULL, PKI_CA);
	pki_make(&leaf, &middle, "leaf", SAN, PKI_CHAIN);
	client(&leaf, NULL, "01011", "certificate CN=Middle: issued by "
	    "CN=Other, which is not trusted");
	pki_free(&leaf);
	pki_free(&middle);
	pki_free(&other);
	/* Another one of the same name. */
	pki_make(&other, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &other, "leaf", SAN, PKI_CHAIN);
	client(&leaf, NULL, "01111", "certificate CN=Root: signed by itself "
	    "and not trusted");
	pki_free(&leaf);
	pki_free(&other);
	pki_make(&leaf, NULL, "leaf", SAN, 0);
	client(&leaf, NULL, "01111", "certificate CN=leaf: signed by itself "
	    "and not trusted");
	server(&leaf, NULL, "01111", "certificate CN=leaf: signed by itself "
	    "and not trusted");
	pki_free(&leaf);
	each("leaf", NULL, PKI_FORGED, "01011",
	    "certificate CN=leaf: its signature is not by CN=Root");
	pki_make(&leaf, &root, "leaf", SAN, PKI_CLIENT);
	client(&leaf, NULL, "01111", "certificate CN=leaf: its purpose is not "
	    "that of a server");
	pki_free(&leaf);
	pki_free(&root);
}

CASE(lists, "revoked, and since when; no list, one that has expired, one "
    "that is of another: in words, of the authority it is about")
{
	struct pki	 leaf, middle, other;
	char		 crl[2 * PKI_PEM], when[64], why[256];
	size_t		 len;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", SAN, 0);
	(void)pki_crl(&root, &leaf, 0, crl, sizeof(crl));
	listed(crl, 1, when, sizeof(when));
	(void)snprintf(why, sizeof(why), "certificate CN=leaf: revoked on %s",
	    when);
	client(&leaf, crl, "11110", why);
	server(&leaf, crl, "11110", why);
	pki_free(&leaf);

	(void)pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	listed(crl, 0, when, sizeof(when));
	(void)snprintf(why, sizeof(why), "the list of revoked certificates of "
	    "CN=Root expired on %s", when);
	each("leaf", crl, 0, "11110", why);

	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	(void)pki_crl(&other, NULL, 0, crl, sizeof(crl));
	each("leaf", crl, 0, "11110", "no list of revoked certificates of "
	    "CN=Root is known");
	pki_free(&other);

	/* An authority on the way needs one as well. */
	pki_make(&middle, &root, "Middle", NULL, PKI_CA);
	pki_make(&leaf, &middle, "leaf", SAN, PKI_CHAIN);
	(void)pki_crl(&root, NULL, 0, crl, sizeof(crl));
	client(&leaf, crl, "11110", "no list of revoked certificates of "
	    "CN=Middle is known");
	len = pki_crl(&root, NULL, 0, crl, sizeof(crl));
	(void)pki_crl(&middle, NULL, PKI_EXPIRED, crl + len,
	    sizeof(crl) - len);
	listed(crl + len, 0, when, sizeof(when));
	(void)snprintf(why, sizeof(why), "the list of revoked certificates of "
	    "CN=Middle expired on %s", when);
	client(&leaf, crl, "11110", why);
	server(&leaf, crl, "11110", why);
	len = pki_crl(&root, &middle, 0, crl, sizeof(crl));
	(void)pki_crl(&middle, NULL, 0, crl + len, sizeof(crl) - len);
	listed(crl, 1, when, sizeof(when));
	(void)snprintf(why, sizeof(why), "certificate CN=Middle: revoked on "
	    "%s", when);
	client(&leaf, crl, "11110", why);
	pki_free(&leaf);
	pki_free(&middle);
	pki_free(&root);
}

CASE(both, "a date that is wrong does not hide a list that is: each has its "
    "verdict, the first its words")
{
	struct pki	 other;
	char		 crl[PKI_PEM];

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	(void)pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	each("leaf", crl, PKI_EXPIRED, "10110",
	    "certificate CN=leaf: expired on ");
	(void)pki_crl(&root, NULL, 0, crl, sizeof(crl));
	each("leaf", crl, PKI_EXPIRED, "10111",
	    "certificate CN=leaf: expired on ");
	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	(void)pki_crl(&other, NULL, 0, crl, sizeof(crl));
	each("leaf", crl, PKI_EXPIRED, "10110",
	    "certificate CN=leaf: expired on ");
	pki_free(&other);
	pki_free(&root);
}

CASE(newest, "of several lists of one authority: a valid one is enough, and "
    "of expired ones the last counts")
{
	struct pki	 leaf;
	char		 crl[2 * PKI_PEM], when[64], why[256];
	struct fixture	 f;
	struct securetcp_config	*sc;
	size_t		 len;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	len = pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	(void)pki_crl(&root, NULL, 0, crl + len, sizeof(crl) - len);
	sc = fixture_trusting(root.p_cert, root.p_certlen, crl);
	pki_make(&leaf, &root, "leaf", SAN, 0);
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NAME));
	fixture_dial(&f);
	fixture_server(&f, pki_server(&leaf, NULL));
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11111) S(connected)");
	fixture_close(&f);
	len = pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	(void)pki_crl(&root, NULL, PKI_EXPIRED, crl + len, sizeof(crl) - len);
	listed(crl + len, 0, when, sizeof(when));
	(void)snprintf(why, sizeof(why), "the list of revoked certificates of "
	    "CN=Root expired on %s", when);
	client(&leaf, crl, "11110", why);
	pki_free(&leaf);
	pki_free(&root);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, dates);
	ATF_TP_ADD_TC(tp, untrusted);
	ATF_TP_ADD_TC(tp, lists);
	ATF_TP_ADD_TC(tp, both);
	ATF_TP_ADD_TC(tp, newest);
	return (atf_no_error());
}
