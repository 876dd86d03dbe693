/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <string.h>

#include <atf-c.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki.h"

#define DAY	86400

static EVP_PKEY	*pki_key(int);
static void	 pki_extension(X509 *, X509 *, int, const char *);
static size_t	 pki_take(BIO *, char *, size_t);
static void	 pki_use(SSL_CTX *, const struct pki *);

static EVP_PKEY *
pki_key(int flags)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pkey = NULL;

	ATF_REQUIRE((ctx = EVP_PKEY_CTX_new_id(flags & PKI_RSA ?
	    EVP_PKEY_RSA : EVP_PKEY_EC, NULL)) != NULL);
	ATF_REQUIRE_EQ(1, EVP_PKEY_keygen_init(ctx));
	if (flags & PKI_RSA)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0);
	else {
		ATF_REQUIRE_EQ(1, EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
		    flags & PKI_P521 ? NID_secp521r1 : NID_X9_62_prime256v1));
		ATF_REQUIRE_EQ(1, EVP_PKEY_CTX_set_ec_param_enc(ctx,
		    OPENSSL_EC_NAMED_CURVE));
	}
	ATF_REQUIRE_EQ(1, EVP_PKEY_keygen(ctx, &pkey));
	EVP_PKEY_CTX_free(ctx);
	return (pkey);
}

static void
pki_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX	 ctx;
	X509_EXTENSION	*ext;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ATF_REQUIRE_MSG(ext != NULL, "extension %s", value);
	ATF_REQUIRE_EQ(1, X509_add_ext(x509, ext, -1));
	X509_EXTENSION_free(ext);
}

static size_t
pki_take(BIO *bio, char *buf, size_t size)
{
	int	 n;

	n = BIO_read(bio, buf, (int)size - 1);
	ATF_REQUIRE(n > 0 && n < (int)size - 1);
	buf[n] = '\0';
	return ((size_t)n);
}

void
pki_make(struct pki *p, const struct pki *issuer, const char *cn,
    const char *san, int flags)
{
	static long	 serial = 100;
	X509		*x509;
	X509_NAME	*name;
	EVP_PKEY	*signer, *forger = NULL;
	BIO		*bio;

	memset(p, 0, sizeof(*p));
	p->p_pkey = pki_key(flags);
	ATF_REQUIRE((x509 = X509_new()) != NULL);
	p->p_x509 = x509;
	ATF_REQUIRE_EQ(1, X509_set_version(x509, 2));
	ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x509), flags & PKI_EARLY ? DAY :
	    -3 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x509), flags & PKI_EXPIRED ? -DAY :
	    3 * DAY);
	ATF_REQUIRE_EQ(1, X509_set_pubkey(x509, p->p_pkey));
	name = X509_get_subject_name(x509);
	ATF_REQUIRE_EQ(1, X509_NAME_add_entry_by_NID(name, NID_commonName,
	    MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0));
	ATF_REQUIRE_EQ(1, X509_set_issuer_name(x509, issuer == NULL ? name :
	    X509_get_subject_name(issuer->p_x509)));
	pki_extension(x509, issuer == NULL ? x509 : issuer->p_x509,
	    NID_basic_constraints, flags & PKI_CA ? "critical,CA:TRUE" :
	    "CA:FALSE");
	if (flags & PKI_CA)
		pki_extension(x509, x509, NID_key_usage,
		    "critical,keyCertSign,cRLSign");
	if (flags & PKI_CLIENT)
		pki_extension(x509, x509, NID_ext_key_usage, "clientAuth");
	if (san != NULL)
		pki_extension(x509, x509, NID_subject_alt_name, san);
	signer = issuer == NULL ? p->p_pkey : issuer->p_pkey;
	if (flags & PKI_FORGED)
		signer = forger = pki_key(0);
	ATF_REQUIRE(X509_sign(x509, signer, EVP_sha256()) != 0);
	EVP_PKEY_free(forger);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE_EQ(1, PEM_write_bio_X509(bio, x509));
	if (flags & PKI_CHAIN)
		ATF_REQUIRE(BIO_write(bio, issuer->p_cert,
		    (int)issuer->p_certlen) > 0);
	p->p_certlen = pki_take(bio, p->p_cert, sizeof(p->p_cert));
	ATF_REQUIRE_EQ(1, PEM_write_bio_PrivateKey(bio, p->p_pkey, NULL, NULL,
	    0, NULL, NULL));
	p->p_privatelen = pki_take(bio, p->p_private, sizeof(p->p_private));
	(void)BIO_free(bio);
}

void
pki_free(struct pki *p)
{
	EVP_PKEY_free(p->p_pkey);
	X509_free(p->p_x509);
	memset(p, 0, sizeof(*p));
}

/* The number of the usual one is 5. */
static void
pki_crl_kind(X509_CRL *crl, int flags)
{
	static const unsigned char	 named[] = "\x30\x10\xa0\x0e\xa0\x0c\x86"
					    "\x0ahttp://x/y";
	const unsigned char		*p = named;
	ISSUING_DIST_POINT		*point;
	ASN1_INTEGER			*number;

	ATF_REQUIRE((number = ASN1_INTEGER_new()) != NULL);
	ATF_REQUIRE_EQ(1, ASN1_INTEGER_set(number, 5));
	if (flags & PKI_CHANGES)
		ATF_REQUIRE_EQ(1, X509_CRL_add1_ext_i2d(crl, NID_delta_crl,
		    number, 1, 0));
	ATF_REQUIRE_EQ(1, ASN1_INTEGER_set(number, flags & PKI_CHANGES ? 6 :
	    5));
	ATF_REQUIRE_EQ(1, X509_CRL_add1_ext_i2d(crl, NID_crl_number, number,
	    0, 0));
	ASN1_INTEGER_free(number);
	if (!(flags & (PKI_REASONS | PKI_POINT)))
		return;
	if (flags & PKI_POINT)
		point = d2i_ISSUING_DIST_POINT(NULL, &p, sizeof(named) - 1);
	else
		point = ISSUING_DIST_POINT_new();
	ATF_REQUIRE(point != NULL);
	if (flags & PKI_REASONS) {
		point->onlysomereasons = ASN1_BIT_STRING_new();
		ATF_REQUIRE(point->onlysomereasons != NULL);
		ATF_REQUIRE_EQ(1, ASN1_BIT_STRING_set_bit(
		    point->onlysomereasons, 1, 1));
	}
	ATF_REQUIRE_EQ(1, X509_CRL_add1_ext_i2d(crl,
	    NID_issuing_distribution_point, point, 1, 0));
	ISSUING_DIST_POINT_free(point);
}

static void
pki_revoke(X509_CRL *crl, ASN1_INTEGER *serial)
{
	X509_REVOKED	*entry;
	ASN1_TIME	*when;

	ATF_REQUIRE((entry = X509_REVOKED_new()) != NULL);
	ATF_REQUIRE_EQ(1, X509_REVOKED_set_serialNumber(entry, serial));
	ATF_REQUIRE((when = X509_gmtime_adj(NULL, -2 * DAY)) != NULL);
	ATF_REQUIRE_EQ(1, X509_REVOKED_set_revocationDate(entry, when));
	ASN1_TIME_free(when);
	ATF_REQUIRE_EQ(1, X509_CRL_add0_revoked(crl, entry));
}

size_t
pki_crl(const struct pki *issuer, const struct pki *revoked, int flags,
    char *buf, size_t size)
{
	X509_CRL	*crl;
	ASN1_TIME	*when;
	BIO		*bio;
	size_t		 len;

	ATF_REQUIRE((crl = X509_CRL_new()) != NULL);
	ATF_REQUIRE_EQ(1, X509_CRL_set_version(crl, 1));
	ATF_REQUIRE_EQ(1, X509_CRL_set_issuer_name(crl,
	    X509_get_subject_name(issuer->p_x509)));
	ATF_REQUIRE((when = ASN1_TIME_new()) != NULL);
	ATF_REQUIRE(X509_gmtime_adj(when, flags & PKI_OLDER ? -9 * DAY :
	    -3 * DAY) != NULL);
	ATF_REQUIRE_EQ(1, X509_CRL_set1_lastUpdate(crl, when));
	ATF_REQUIRE(X509_gmtime_adj(when, flags & PKI_EXPIRED ? -DAY :
	    DAY) != NULL);
	ATF_REQUIRE_EQ(1, X509_CRL_set1_nextUpdate(crl, when));
	if (revoked != NULL)
		pki_revoke(crl, X509_get_serialNumber(revoked->p_x509));
	if (flags & PKI_LATER)
		pki_revoke(crl, X509_get_serialNumber(issuer->p_x509));
	ASN1_TIME_free(when);
	pki_crl_kind(crl, flags);
	ATF_REQUIRE(X509_CRL_sort(crl));
	ATF_REQUIRE(X509_CRL_sign(crl, issuer->p_pkey, EVP_sha256()) != 0);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE_EQ(1, PEM_write_bio_X509_CRL(bio, crl));
	len = pki_take(bio, buf, size);
	(void)BIO_free(bio);
	X509_CRL_free(crl);
	return (len);
}

static void
pki_use(SSL_CTX *ctx, const struct pki *p)
{
	X509	*x509;
	BIO	*bio;
	int	 first = 1;

	bio = BIO_new_mem_buf(p->p_cert, (int)p->p_certlen);
	ATF_REQUIRE(bio != NULL);
	while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (first)
			ATF_REQUIRE_EQ(1, SSL_CTX_use_certificate(ctx, x509));
		else
			ATF_REQUIRE_EQ(1, SSL_CTX_add1_chain_cert(ctx, x509));
		X509_free(x509);
		first = 0;
	}
	(void)BIO_free(bio);
	ATF_REQUIRE_EQ(1, SSL_CTX_use_PrivateKey(ctx, p->p_pkey));
}

SSL_CTX *
pki_server(const struct pki *p, const struct pki *ca)
{
	SSL_CTX	*ctx;

	ATF_REQUIRE((ctx = SSL_CTX_new(TLS_server_method())) != NULL);
	pki_use(ctx, p);
	if (ca != NULL) {
		ATF_REQUIRE_EQ(1, X509_STORE_add_cert(
		    SSL_CTX_get_cert_store(ctx), ca->p_x509));
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
		    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return (ctx);
}

/* It looks at nothing; NULL: without a certificate. */
SSL_CTX *
pki_client(const struct pki *p)
{
	SSL_CTX	*ctx;

	ATF_REQUIRE((ctx = SSL_CTX_new(TLS_client_method())) != NULL);
	if (p != NULL)
		pki_use(ctx, p);
	return (ctx);
}
