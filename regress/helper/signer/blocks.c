/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "blocks.h"

static EVP_PKEY	*generate(int, int, int);

static EVP_PKEY *
generate(int type, int bits, int nid)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pkey = NULL;

	ATF_REQUIRE((ctx = EVP_PKEY_CTX_new_id(type, NULL)) != NULL);
	ATF_REQUIRE(EVP_PKEY_keygen_init(ctx) == 1);
	if (bits != 0)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) == 1);
	if (nid != 0)
		ATF_REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
		    nid) == 1);
	ATF_REQUIRE(EVP_PKEY_keygen(ctx, &pkey) == 1);
	EVP_PKEY_CTX_free(ctx);
	return (pkey);
}

EVP_PKEY *
block_rsa(int bits)
{
	return (generate(EVP_PKEY_RSA, bits, 0));
}

EVP_PKEY *
block_ec(int nid)
{
	return (generate(EVP_PKEY_EC, 0, nid));
}

size_t
block_digest(const EVP_MD *md, uint8_t *digest)
{
	unsigned int	 len;

	ATF_REQUIRE(EVP_Digest("handshake", 9, digest, &len, md, NULL) == 1);
	return (len);
}

static EVP_PKEY_CTX *
context(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *), const EVP_MD *md,
    int padding, int salt)
{
	EVP_PKEY_CTX	*ctx;

	ATF_REQUIRE((ctx = EVP_PKEY_CTX_new(pkey, NULL)) != NULL);
	ATF_REQUIRE(init(ctx) == 1);
	if (padding != 0)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1);
	if (md != NULL)
		ATF_REQUIRE(EVP_PKEY_CTX_set_signature_md(ctx, md) == 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1);
	return (ctx);
}

size_t
block_raw_public(EVP_PKEY *pkey, const uint8_t *in, size_t inlen, uint8_t *out)
{
	EVP_PKEY_CTX	*ctx;
	size_t		 len = BLOCK_MAX;

	ctx = context(pkey, EVP_PKEY_encrypt_init, NULL, RSA_NO_PADDING, 0);
	ATF_REQUIRE(EVP_PKEY_encrypt(ctx, out, &len, in, inlen) == 1);
	EVP_PKEY_CTX_free(ctx);
	return (len);
}

size_t
block_padded(EVP_PKEY *pkey, const EVP_MD *md, int padding, int salt,
    uint8_t *block)
{
	EVP_PKEY_CTX	*ctx;
	uint8_t		 digest[EVP_MAX_MD_SIZE], sig[BLOCK_MAX];
	size_t		 len = sizeof(sig), n;

	n = block_digest(md, digest);
	ctx = context(pkey, EVP_PKEY_sign_init, md, padding, salt);
	ATF_REQUIRE(EVP_PKEY_sign(ctx, sig, &len, digest, n) == 1);
	EVP_PKEY_CTX_free(ctx);
	return (block_raw_public(pkey, sig, len, block));
}

int
block_verify(EVP_PKEY *pkey, const EVP_MD *md, int padding,
    const uint8_t *sig, size_t len)
{
	EVP_PKEY_CTX	*ctx;
	uint8_t		 digest[EVP_MAX_MD_SIZE];
	size_t		 n;
	int		 ok;

	n = block_digest(md, digest);
	ctx = context(pkey, EVP_PKEY_verify_init, md, padding, (int)n);
	ok = EVP_PKEY_verify(ctx, sig, len, digest, n);
	EVP_PKEY_CTX_free(ctx);
	return (ok == 1);
}
