/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Is a configuration for a server's name?  The TLS library is asked the same:
 * what it chooses, and what it says of a certificate.
 */

#include <sys/types.h>

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <atf-c.h>
#include <tls.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define UP		"S(connecting) S(connected)"
#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* What a client may ask for; each with each certificate below. */
static const char *const	 names[] = {
	"www.example.org", "WWW.Example.ORG", "www.example.org.", "example.org",
	"a.example.org", "A.EXAMPLE.org", "a.b.example.org", ".example.org",
	"a..example.org", "*.example.org", "org", "www.org", "localhost",
	"www.example.net", "only.example.com", "www.example.co",
	"xn--a.example", "a", "example", "a.example", "www", "*", "*.org",
	"_x.example.org", "www.example.orgx", "xwww.example.org",
	"b.example.org", "1.2.3.4.5",
	"common.example.org", "c.common.example.org", "d.example.net"
};

/* Common name and alternative names. */
static const char *const	 certificates[][2] = {
	{ "default.example.org", "DNS:default.example.org" },
	{ "www.example.org", NULL },
	{ "*.common.example.org", NULL },
	{ "common.example.org", "DNS:www.example.net,DNS:b.example.org" },
	{ "common.example.org", "IP:192.0.2.1" },
	{ "common.example.org", "email:a@example.org" },
	{ "localhost", "DNS:localhost,DNS:www" },
	{ "wild", "DNS:*.example.org" },
	{ "wild", "DNS:*.EXAMPLE.net,DNS:only.example.com" },
	{ "wild", "DNS:*.org,DNS:*,DNS:*.,DNS:*..org" },
	{ "wild", "DNS:*www.example.org,DNS:w*.example.org" },
	{ "wild", "DNS:*.example." },
	{ "xn--a.example", "URI:http://a.example/" },
	{ " ", NULL }
};

static struct pki	 made[NITEMS(certificates)];

static void	 general(GENERAL_NAMES *, const char *);
static void	 issue(struct pki *, const char *, const char *);
static void	 make(void);
static void	 discard(void);
static struct securetcp_config *with(size_t, size_t);
static struct tls *stranger(int);
static void	 one(size_t);
static size_t	 served(struct fixture *, const char *);

/* An alternative name as the library would not make it of a text. */
static void
general(GENERAL_NAMES *sans, const char *text)
{
	ASN1_OCTET_STRING	*value;
	GENERAL_NAME		*name;
	const char		*colon = strchr(text, ':');
	unsigned char		 address[4] = { 192, 0, 2, 1 };
	int			 type = GEN_DNS;

	ATF_REQUIRE(colon != NULL);
	ATF_REQUIRE((name = GENERAL_NAME_new()) != NULL);
	if (strncmp(text, "IP", 2) == 0) {
		type = GEN_IPADD;
		ATF_REQUIRE((value = ASN1_OCTET_STRING_new()) != NULL);
		ATF_REQUIRE_EQ(1, ASN1_STRING_set(value, address,
		    sizeof(address)));
	} else {
		if (strncmp(text, "URI", 3) == 0)
			type = GEN_URI;
		else if (strncmp(text, "email", 5) == 0)
			type = GEN_EMAIL;
		ATF_REQUIRE((value = ASN1_IA5STRING_new()) != NULL);
		ATF_REQUIRE_EQ(1, ASN1_STRING_set(value, colon + 1, -1));
	}
	GENERAL_NAME_set0_value(name, type, value);
	ATF_REQUIRE(sk_GENERAL_NAME_push(sans, name) > 0);
}

static void
issue(struct pki *p, const char *cn, const char *san)
{
	GENERAL_NAMES	*sans;
	BIO		*bio;
	char		 copy[256], *next, *text;
	int		 len;

	pki_make(p, NULL, cn, NULL, 0);
	if (san == NULL)
		return;
	ATF_REQUIRE((sans = sk_GENERAL_NAME_new_null()) != NULL);
	(void)strlcpy(copy, san, sizeof(copy));
	for (next = copy; (text = strsep(&next, ",")) != NULL;)
		general(sans, text);
	ATF_REQUIRE_EQ(1, X509_add1_ext_i2d(p->p_x509, NID_subject_alt_name,
	    sans, 0, 0));
	sk_GENERAL_NAME_pop_free(sans, GENERAL_NAME_free);
	ATF_REQUIRE(X509_sign(p->p_x509, p->p_pkey, EVP_sha256()) != 0);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE_EQ(1, PEM_write_bio_X509(bio, p->p_x509));
	ATF_REQUIRE((len = BIO_read(bio, p->p_cert, PKI_PEM)) > 0);
	p->p_certlen = (size_t)len;
	(void)BIO_free(bio);
}

static void
make(void)
{
	size_t	 i;

	for (i = 0; i < NITEMS(certificates); i++)
		issue(&made[i], certificates[i][0], certificates[i][1]);
}

static void
discard(void)
{
	size_t	 i;

	for (i = 0; i < NITEMS(certificates); i++)
		pki_free(&made[i]);
}

/* Of these certificates, from one up to another. */
static struct securetcp_config *
with(size_t from, size_t to)
{
	struct securetcp_config	*sc;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	for (; from < to; from++)
		ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_add_certificate(sc,
		    made[from].p_cert, made[from].p_certlen,
		    made[from].p_private, made[from].p_privatelen), "%s",
		    securetcp_config_error(sc));
	return (sc);
}

/* A client of libtls that takes every certificate. */
static struct tls *
stranger(int fd)
{
	struct tls_config	*config;
	struct tls		*tls;

	ATF_REQUIRE((config = tls_config_new()) != NULL);
	tls_config_insecure_noverifycert(config);
	tls_config_insecure_noverifyname(config);
	ATF_REQUIRE((tls = tls_client()) != NULL);
	ATF_REQUIRE_EQ(0, tls_configure(tls, config));
	ATF_REQUIRE_EQ(0, tls_connect_socket(tls, fd, NULL));
	tls_config_free(config);
	return (tls);
}

/* A configuration of one certificate, and libtls about the same one. */
static void
one(size_t at)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct tls		*tls;
	size_t			 i;
	int			 n;

	sc = with(at, at + 1);
	fixture_open(&f, sc);
	fixture_assign(&f);
	tls = stranger(f.f_peer);
	while ((n = tls_handshake(tls)) != 0) {
		ATF_REQUIRE_MSG(n != -1, "%s", tls_error(tls));
		fixture_turn(&f, n == TLS_WANT_POLLIN ? POLLIN : POLLOUT);
	}
	for (i = 0; i < NITEMS(names); i++)
		ATF_CHECK_EQ_MSG(tls_peer_cert_contains_name(tls, names[i]),
		    securetcp_config_covers(sc, names[i]),
		    "%s: certificate %zu", names[i], at);
	tls_free(tls);
	fixture_close(&f);
	securetcp_config_free(sc);
}

CASE(matching, "each of many names for each of many certificates: what "
    "libtls says of the certificate")
{
	size_t	 i;

	make();
	for (i = 0; i < NITEMS(certificates); i++)
		one(i);
	discard();
}

/*
 * Which of the certificates a client is shown that asks for a name; none of
 * them when it cannot: LibreSSL's does not ask for some.
 */
static size_t
served(struct fixture *f, const char *name)
{
	X509	*x509;
	char	 asked[256];
	size_t	 i;

	fixture_assign(f);
	fixture_client(f, TLS1_2_VERSION, TLS1_3_VERSION);
	(void)strlcpy(asked, name == NULL ? "" : name, sizeof(asked));
	if (name != NULL && SSL_set_tlsext_host_name(f->f_ssl, asked) != 1) {
		ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
		peer_close(f);
		return (NITEMS(made));
	}
	fixture_handshake(f);
	ATF_REQUIRE_STREQ_MSG(UP, f->f_events, "%s: %s: %s", name, f->f_events,
	    f->f_reason);
	ATF_REQUIRE((x509 = SSL_get_peer_certificate(f->f_ssl)) != NULL);
	for (i = 0; i < NITEMS(made); i++) {
		if (X509_cmp(x509, made[i].p_x509) == 0)
			break;
	}
	X509_free(x509);
	ATF_REQUIRE(i < NITEMS(made));
	ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
	peer_close(f);
	return (i);
}

CASE(choosing, "all the certificates in one configuration: a name that is "
    "covered gets one that is for it, any other the default")
{
	struct securetcp_config	*all, *single;
	struct fixture		 f;
	size_t			 at, i;
	int			 covered = 0;

	make();
	all = with(0, NITEMS(made));
	fixture_open(&f, all);
	for (i = 0; i < NITEMS(names); i++) {
		if ((at = served(&f, names[i])) == NITEMS(made))
			continue;
		single = with(at, at + 1);
		ATF_CHECK_EQ_MSG(securetcp_config_covers(all, names[i]),
		    securetcp_config_covers(single, names[i]),
		    "%s: got certificate %zu", names[i], at);
		if (securetcp_config_covers(all, names[i]))
			covered++;
		else
			ATF_CHECK_EQ_MSG(0, at, "%s: got certificate %zu",
			    names[i], at);
		securetcp_config_free(single);
	}
	/* The test would be of no use with names of one kind only. */
	ATF_CHECK(covered > 5 && covered < (int)NITEMS(names) - 5);
	ATF_CHECK_EQ(0, served(&f, "default.example.org"));
	ATF_CHECK_EQ(1, securetcp_config_covers(all, "default.example.org"));
	ATF_CHECK_EQ(0, served(&f, NULL));
	/* An exact one comes first, wherever it was added. */
	ATF_CHECK_EQ(1, served(&f, "www.example.org"));
	ATF_CHECK_EQ(3, served(&f, "b.example.org"));
	ATF_CHECK_EQ(7, served(&f, "c.example.org"));
	fixture_close(&f);
	securetcp_config_free(all);
	discard();
}

CASE(no_names, "what is no server's name is not covered: nothing, and "
    "addresses, even where the certificate is for them")
{
	struct securetcp_config	*sc;
	struct pki		 p;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_CHECK_EQ(0, securetcp_config_covers(sc, "www.example.org"));
	issue(&p, "192.0.2.1", "DNS:192.0.2.1,IP:192.0.2.1,DNS:::1");
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, p.p_cert,
	    p.p_certlen, p.p_private, p.p_privatelen));
	ATF_CHECK_EQ(0, securetcp_config_covers(sc, NULL));
	ATF_CHECK_EQ(0, securetcp_config_covers(sc, ""));
	ATF_CHECK_EQ(0, securetcp_config_covers(sc, "192.0.2.1"));
	ATF_CHECK_EQ(0, securetcp_config_covers(sc, "::1"));
	securetcp_config_free(sc);
	pki_free(&p);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, matching);
	ATF_TP_ADD_TC(tp, choosing);
	ATF_TP_ADD_TC(tp, no_names);
	return (atf_no_error());
}
