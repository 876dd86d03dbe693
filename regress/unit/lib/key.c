/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Keys and self-signed certificates, and a signer for them. */

#include <sys/types.h>

#include <string.h>

#include <atf-c.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "fixture.h"

#define KEY_SERVED	8

static EVP_PKEY	*key_generate(enum key_kind);
static X509	*key_certificate(EVP_PKEY *, const char *, const char *,
		    const EVP_MD *);
static size_t	 key_take(BIO *, char *);
static int	 key_hook(const struct securetcp_signing *, void *);
static int	 key_sign(EVP_PKEY *, const struct securetcp_signing *);

unsigned int	 key_signatures;
int		 key_refuse;

static struct key	*key_served[KEY_SERVED];
static uint8_t		 key_ids[KEY_SERVED][SECURETCP_KEYID];
static unsigned int	 key_nserved;

static EVP_PKEY *
key_generate(enum key_kind kind)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pkey = NULL;
	int		 type;

	type = kind == KEY_ED25519 ? EVP_PKEY_ED25519 :
	    kind == KEY_RSA2048 || kind == KEY_RSA4096 ? EVP_PKEY_RSA :
	    EVP_PKEY_EC;
	ctx = EVP_PKEY_CTX_new_id(type, NULL);
	ATF_REQUIRE(ctx != NULL);
	ATF_REQUIRE_EQ(1, EVP_PKEY_keygen_init(ctx));
	if (type == EVP_PKEY_RSA)
		ATF_REQUIRE_EQ(1, EVP_PKEY_CTX_set_rsa_keygen_bits(ctx,
		    kind == KEY_RSA2048 ? 2048 : 4096));
	if (type == EVP_PKEY_EC) {
		ATF_REQUIRE_EQ(1, EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
		    kind == KEY_P256 ? NID_X9_62_prime256v1 :
		    NID_secp384r1));
		ATF_REQUIRE_EQ(1, EVP_PKEY_CTX_set_ec_param_enc(ctx,
		    OPENSSL_EC_NAMED_CURVE));
	}
	ATF_REQUIRE_EQ(1, EVP_PKEY_keygen(ctx, &pkey));
	EVP_PKEY_CTX_free(ctx);
	return (pkey);
}

static X509 *
key_certificate(EVP_PKEY *pkey, const char *cn, const char *san,
    const EVP_MD *md)
{
	X509		*x509;
	X509_NAME	*name;
	X509_EXTENSION	*ext;

	ATF_REQUIRE((x509 = X509_new()) != NULL);
	ATF_REQUIRE_EQ(1, X509_set_version(x509, 2));
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	ATF_REQUIRE_EQ(1, X509_set_pubkey(x509, pkey));
	name = X509_get_subject_name(x509);
	ATF_REQUIRE_EQ(1, X509_NAME_add_entry_by_NID(name, NID_commonName,
	    MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0));
	ATF_REQUIRE_EQ(1, X509_set_issuer_name(x509, name));
	if (san != NULL) {
		ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
		    san);
		ATF_REQUIRE(ext != NULL);
		ATF_REQUIRE_EQ(1, X509_add_ext(x509, ext, -1));
		X509_EXTENSION_free(ext);
	}
	ATF_REQUIRE(X509_sign(x509, pkey, md) != 0);
	return (x509);
}

static size_t
key_take(BIO *bio, char *buf)
{
	int	 n;

	n = BIO_read(bio, buf, KEY_PEM - 1);
	ATF_REQUIRE(n > 0 && n < KEY_PEM - 1);
	buf[n] = '\0';
	return ((size_t)n);
}

/* Alternative names in OpenSSL's notation, "DNS:a.example", or NULL. */
void
key_make(struct key *k, enum key_kind kind, const char *cn, const char *san)
{
	X509	*x509;
	BIO	*bio;

	memset(k, 0, sizeof(*k));
	k->k_pkey = key_generate(kind);
	x509 = key_certificate(k->k_pkey, cn, san,
	    kind == KEY_ED25519 ? NULL : EVP_sha256());
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE_EQ(1, PEM_write_bio_X509(bio, x509));
	k->k_certlen = key_take(bio, k->k_cert);
	ATF_REQUIRE_EQ(1, PEM_write_bio_PrivateKey(bio, k->k_pkey, NULL, NULL,
	    0, NULL, NULL));
	k->k_privatelen = key_take(bio, k->k_private);
	(void)BIO_free(bio);
	X509_free(x509);
}

void
key_free(struct key *k)
{
	EVP_PKEY_free(k->k_pkey);
	memset(k, 0, sizeof(*k));
}

void
key_signer(void)
{
	ATF_REQUIRE_EQ(ptOk, securetcp_set_signer(key_hook, key_served));
}

void
key_serve(struct key *k)
{
	enum securetcp_keytype	 type;

	ATF_REQUIRE(key_nserved < KEY_SERVED);
	ATF_REQUIRE_EQ(ptOk, securetcp_key_id(k->k_cert, k->k_certlen,
	    key_ids[key_nserved], &type));
	key_served[key_nserved++] = k;
}

/* Finds the key by its identity and checks what the contract promises. */
static int
key_hook(const struct securetcp_signing *ss, void *arg)
{
	unsigned int	 i;

	ATF_CHECK_EQ((void *)key_served, arg);
	if (key_refuse)
		return (-1);
	for (i = 0; i < key_nserved; i++) {
		if (memcmp(key_ids[i], ss->ss_id, sizeof(ss->ss_id)) == 0)
			return (key_sign(key_served[i]->k_pkey, ss));
	}
	atf_tc_fail_nonfatal("asked for a key that was never served");
	return (-1);
}

static int
key_sign(EVP_PKEY *pkey, const struct securetcp_signing *ss)
{
	EVP_PKEY_CTX	*ctx;
	size_t		 len = ss->ss_outsize;
	int		 rsa = EVP_PKEY_id(pkey) == EVP_PKEY_RSA;

	ATF_CHECK_EQ(rsa ? SECURETCP_RSA : SECURETCP_ECDSA, ss->ss_type);
	if (rsa) {
		ATF_CHECK_EQ((size_t)EVP_PKEY_size(pkey), ss->ss_inlen);
		ATF_CHECK(ss->ss_outsize >= ss->ss_inlen);
	} else
		ATF_CHECK(ss->ss_inlen == 32 || ss->ss_inlen == 48 ||
		    ss->ss_inlen == 64);
	ATF_REQUIRE((ctx = EVP_PKEY_CTX_new(pkey, NULL)) != NULL);
	ATF_REQUIRE_EQ(1, EVP_PKEY_sign_init(ctx));
	if (rsa)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_NO_PADDING) > 0);
	ATF_REQUIRE_EQ(1, EVP_PKEY_sign(ctx, ss->ss_out, &len, ss->ss_in,
	    ss->ss_inlen));
	EVP_PKEY_CTX_free(ctx);
	key_signatures++;
	return ((int)len);
}
