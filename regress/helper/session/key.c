/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A key with its certificate, and what a signer does with it. */

#define OPENSSL_SUPPRESS_DEPRECATED

#include <sys/types.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "securetcp.h"

static EVP_PKEY		*key_pkey(enum key_kind);
static void		 key_certify(struct key *);

void
key_make(struct key *k, enum key_kind kind)
{
	enum securetcp_keytype	 type;

	memset(k, 0, sizeof(*k));
	k->k_pkey = key_pkey(kind);
	k->k_type = kind == KEY_RSA2048 ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA;
	key_certify(k);
	ATF_REQUIRE_EQ(0, securetcp_key_id(k->k_pem, k->k_pemlen, k->k_id,
	    &type));
}

static EVP_PKEY *
key_pkey(enum key_kind kind)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pkey = NULL;

	ctx = EVP_PKEY_CTX_new_id(kind == KEY_RSA2048 ? EVP_PKEY_RSA :
	    EVP_PKEY_EC, NULL);
	ATF_REQUIRE(ctx != NULL);
	ATF_REQUIRE_EQ(1, EVP_PKEY_keygen_init(ctx));
	if (kind == KEY_RSA2048)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0);
	else
		ATF_REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
		    kind == KEY_P256 ? NID_X9_62_prime256v1 :
		    NID_secp384r1) > 0);
	ATF_REQUIRE_EQ(1, EVP_PKEY_keygen(ctx, &pkey));
	EVP_PKEY_CTX_free(ctx);
	return (pkey);
}

static void
key_certify(struct key *k)
{
	const unsigned char	 cn[] = "session.test";
	X509			*x;
	X509_NAME		*name;
	BIO			*bio;
	char			*data;
	long			 len;

	ATF_REQUIRE((x = X509_new()) != NULL);
	ATF_REQUIRE_EQ(1, ASN1_INTEGER_set(X509_get_serialNumber(x), 1));
	ATF_REQUIRE(X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL);
	ATF_REQUIRE(X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL);
	ATF_REQUIRE_EQ(1, X509_set_pubkey(x, k->k_pkey));
	name = X509_get_subject_name(x);
	ATF_REQUIRE_EQ(1, X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    cn, -1, -1, 0));
	ATF_REQUIRE_EQ(1, X509_set_issuer_name(x, name));
	ATF_REQUIRE(X509_sign(x, k->k_pkey, EVP_sha256()) > 0);

	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE_EQ(1, PEM_write_bio_X509(bio, x));
	len = BIO_get_mem_data(bio, &data);
	ATF_REQUIRE(len > 0);
	ATF_REQUIRE((k->k_pem = malloc((size_t)len)) != NULL);
	memcpy(k->k_pem, data, (size_t)len);
	k->k_pemlen = (size_t)len;
	BIO_free(bio);
	X509_free(x);
}

void
key_sign(struct key *k, const struct wire_asksign *wq,
    struct wire_signature *wl)
{
	RSA		*rsa;
	EC_KEY		*ec;
	unsigned int	 siglen = 0;
	int		 n;

	ATF_REQUIRE_EQ(0, memcmp(wq->wq_id, k->k_id, sizeof(k->k_id)));
	ATF_REQUIRE_EQ(k->k_type, wq->wq_type);
	memset(wl, 0, sizeof(*wl));
	if (k->k_type == WIRE_KEYTYPE_RSA) {
		rsa = EVP_PKEY_get1_RSA(k->k_pkey);
		ATF_REQUIRE_EQ(RSA_size(rsa), wq->wq_len);
		n = RSA_private_encrypt(wq->wq_len, wq->wq_data, wl->wl_data,
		    rsa, RSA_NO_PADDING);
		ATF_REQUIRE(n > 0);
		RSA_free(rsa);
	} else {
		ec = EVP_PKEY_get1_EC_KEY(k->k_pkey);
		ATF_REQUIRE_EQ(1, ECDSA_sign(0, wq->wq_data, wq->wq_len,
		    wl->wl_data, &siglen, ec));
		n = (int)siglen;
		EC_KEY_free(ec);
	}
	wl->wl_len = (uint16_t)n;
}

void
key_free(struct key *k)
{
	EVP_PKEY_free(k->k_pkey);
	free(k->k_pem);
}
