/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "signer.h"

#define NOT_A_BLOCK	"not the block of a handshake signature"

static const EVP_MD *(*const mds[])(void) = {
	EVP_sha256, EVP_sha384, EVP_sha512
};

#define NMDS		(sizeof(mds) / sizeof(mds[0]))

static size_t
pss(EVP_PKEY *pkey, const EVP_MD *md, uint8_t *block)
{
	return (block_padded(pkey, md, RSA_PKCS1_PSS_PADDING, EVP_MD_size(md),
	    block));
}

static size_t
pkcs1(EVP_PKEY *pkey, const EVP_MD *md, uint8_t *block)
{
	return (block_padded(pkey, md, RSA_PKCS1_PADDING, 0, block));
}

static void
refused(const char *what, const uint8_t *block, size_t len, unsigned int bits,
    const char *reason)
{
	const char	*got = shape_rsa(block, len, bits, 1);

	ATF_CHECK_MSG(got != NULL && strcmp(got, reason) == 0, "%s: %s", what,
	    got == NULL ? "accepted" : got);
}

ATF_TC(pss_all);
ATF_TC_HEAD(pss_all, tc)
{
	atf_tc_set_md_var(tc, "descr", "PSS blocks of the TLS library pass "
	    "for every digest, many times over, and for moduli of every "
	    "length modulo 8");
}
ATF_TC_BODY(pss_all, tc)
{
	uint8_t		 block[BLOCK_MAX];
	EVP_PKEY	*pkey;
	size_t		 i, len;
	int		 bits, n;

	for (bits = 1200; bits <= 1208; bits++) {
		pkey = block_rsa(bits);
		for (i = 0; i < NMDS; i++) {
			for (n = 0; n < 50; n++) {
				len = pss(pkey, mds[i](), block);
				ATF_REQUIRE_MSG(shape_rsa(block, len,
				    (unsigned int)bits, 0) == NULL,
				    "%d bits, digest %zu", bits, i);
			}
		}
		EVP_PKEY_free(pkey);
	}
}

ATF_TC(pkcs1_all);
ATF_TC_HEAD(pkcs1_all, tc)
{
	atf_tc_set_md_var(tc, "descr", "PKCS#1 v1.5 blocks pass for every "
	    "digest, and only where they are allowed");
}
ATF_TC_BODY(pkcs1_all, tc)
{
	uint8_t		 block[BLOCK_MAX];
	EVP_PKEY	*pkey = block_rsa(2048);
	size_t		 i, len;

	for (i = 0; i < NMDS; i++) {
		len = pkcs1(pkey, mds[i](), block);
		ATF_CHECK(shape_rsa(block, len, 2048, 1) == NULL);
		ATF_CHECK_STREQ(shape_rsa(block, len, 2048, 0),
		    "PKCS#1 v1.5 where TLS 1.2 is not enabled");
	}
	EVP_PKEY_free(pkey);
}

ATF_TC(pss_wrong);
ATF_TC_HEAD(pss_wrong, tc)
{
	atf_tc_set_md_var(tc, "descr", "PSS with a salt of another length, "
	    "with SHA-1 or SHA-224, and with any bit of the zeros, the 01 or "
	    "the trailer changed is refused");
}
ATF_TC_BODY(pss_wrong, tc)
{
	static const int	 salts[] = { 0, 1, 20, 31, 33, 48, 64, 222 };
	uint8_t			 block[BLOCK_MAX];
	EVP_PKEY		*pkey = block_rsa(2048);
	size_t			 i, len, zeros;
	int			 bit;

	for (i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
		len = block_padded(pkey, EVP_sha256(), RSA_PKCS1_PSS_PADDING,
		    salts[i], block);
		refused("salt", block, len, 2048, NOT_A_BLOCK);
	}
	len = pss(pkey, EVP_sha1(), block);
	refused("SHA-1", block, len, 2048, NOT_A_BLOCK);
	len = pss(pkey, EVP_sha224(), block);
	refused("SHA-224", block, len, 2048, NOT_A_BLOCK);

	len = pss(pkey, EVP_sha256(), block);
	ATF_REQUIRE_EQ(len, 256);
	zeros = len - 32 - 32 - 2;
	/* The mask is an exclusive or: a bit of it is a bit of the data. */
	for (i = 0; i <= zeros; i++) {
		for (bit = 0; bit < 8; bit++) {
			block[i] ^= (uint8_t)(1 << bit);
			refused("bit of the zeros or 01", block, len, 2048,
			    NOT_A_BLOCK);
			block[i] ^= (uint8_t)(1 << bit);
		}
	}
	/* The hash is the seed of the mask. */
	for (i = len - 33; i < len; i++) {
		for (bit = 0; bit < 8; bit++) {
			block[i] ^= (uint8_t)(1 << bit);
			refused("bit of the hash or the trailer", block, len,
			    2048, NOT_A_BLOCK);
			block[i] ^= (uint8_t)(1 << bit);
		}
	}
	ATF_CHECK(shape_rsa(block, len, 2048, 0) == NULL);
	EVP_PKEY_free(pkey);
}

ATF_TC(pkcs1_wrong);
ATF_TC_HEAD(pkcs1_wrong, tc)
{
	atf_tc_set_md_var(tc, "descr", "PKCS#1 v1.5 with SHA-1, MD5 and SHA-1 "
	    "together, or any bit outside the digest changed is refused");
}
ATF_TC_BODY(pkcs1_wrong, tc)
{
	uint8_t		 block[BLOCK_MAX];
	EVP_PKEY	*pkey = block_rsa(2048);
	size_t		 i, len;
	int		 bit;

	len = pkcs1(pkey, EVP_sha1(), block);
	refused("SHA-1", block, len, 2048, NOT_A_BLOCK);
	len = pkcs1(pkey, EVP_md5_sha1(), block);
	refused("MD5 and SHA-1", block, len, 2048, NOT_A_BLOCK);
	len = pkcs1(pkey, EVP_sha224(), block);
	refused("SHA-224", block, len, 2048, NOT_A_BLOCK);
	len = pkcs1(pkey, EVP_sha256(), block);
	for (i = 0; i < len - 32; i++) {
		for (bit = 0; bit < 8; bit++) {
			block[i] ^= (uint8_t)(1 << bit);
			refused("bit", block, len, 2048, NOT_A_BLOCK);
			block[i] ^= (uint8_t)(1 << bit);
		}
	}
	EVP_PKEY_free(pkey);
}

ATF_TC(garlic);
ATF_TC_HEAD(garlic, tc)
{
	atf_tc_set_md_var(tc, "descr", "PKCS#1 v1.5 with a short filling and "
	    "bytes of the asker's choice after the digest is refused");
}
ATF_TC_BODY(garlic, tc)
{
	uint8_t		 block[BLOCK_MAX], forged[256];
	EVP_PKEY	*pkey = block_rsa(2048);
	size_t		 len, tail = 1 + 19 + 32;

	len = pkcs1(pkey, EVP_sha256(), block);
	memset(forged, 0x5a, sizeof(forged));
	forged[0] = 0;
	forged[1] = 1;
	memset(forged + 2, 0xff, 8);
	memcpy(forged + 10, block + len - tail, tail);
	refused("short filling", forged, sizeof(forged), 2048, NOT_A_BLOCK);
	/* encryption's padding */
	block[1] = 2;
	refused("type 2", block, len, 2048, NOT_A_BLOCK);
	EVP_PKEY_free(pkey);
}

ATF_TC(length);
ATF_TC_HEAD(length, tc)
{
	atf_tc_set_md_var(tc, "descr", "A block shorter or longer than the "
	    "modulus is refused, as is a modulus out of bounds");
}
ATF_TC_BODY(length, tc)
{
	uint8_t		 block[BLOCK_MAX];
	EVP_PKEY	*pkey = block_rsa(2048);
	size_t		 len, n;

	memset(block, 0, sizeof(block));
	len = pss(pkey, EVP_sha256(), block);
	for (n = 0; n <= BLOCK_MAX; n++) {
		if (n == len)
			continue;
		refused("length", block, n, 2048,
		    "block and modulus differ in length");
	}
	refused("1016 bits", block, 127, 1016,
	    "block and modulus differ in length");
	refused("8200 bits", block, 1024, 8200,
	    "block and modulus differ in length");
	EVP_PKEY_free(pkey);
}

ATF_TC(chosen);
ATF_TC_HEAD(chosen, tc)
{
	atf_tc_set_md_var(tc, "descr", "What is of use to an attacker is "
	    "refused: zero, one, numbers at random, and those with only the "
	    "trailer right");
}
ATF_TC_BODY(chosen, tc)
{
	uint8_t	 block[256];
	int	 i;

	memset(block, 0, sizeof(block));
	refused("0", block, sizeof(block), 2048, NOT_A_BLOCK);
	block[255] = 1;
	refused("1", block, sizeof(block), 2048, NOT_A_BLOCK);
	for (i = 0; i < 20000; i++) {
		arc4random_buf(block, sizeof(block));
		block[0] &= 0x7f;
		block[255] = 0xbc;
		refused("trailer only", block, sizeof(block), 2048,
		    NOT_A_BLOCK);
	}
}

ATF_TC(few_zeros);
ATF_TC_HEAD(few_zeros, tc)
{
	atf_tc_set_md_var(tc, "descr", "PSS whose zeros chance could make, "
	    "SHA-512 in 1040 bits, is refused");
}
ATF_TC_BODY(few_zeros, tc)
{
	uint8_t		 block[BLOCK_MAX];
	EVP_PKEY	*pkey = block_rsa(1040);
	size_t		 len;

	len = pss(pkey, EVP_sha512(), block);
	refused("SHA-512", block, len, 1040, NOT_A_BLOCK);
	len = pss(pkey, EVP_sha384(), block);
	ATF_CHECK(shape_rsa(block, len, 1040, 0) == NULL);
	EVP_PKEY_free(pkey);
}

ATF_TC(ecdsa);
ATF_TC_HEAD(ecdsa, tc)
{
	atf_tc_set_md_var(tc, "descr", "ECDSA takes 32, 48 and 64 bytes and "
	    "no other length");
}
ATF_TC_BODY(ecdsa, tc)
{
	size_t	 n;

	for (n = 0; n <= 1024; n++) {
		if (n == 32 || n == 48 || n == 64)
			ATF_CHECK(shape_ecdsa(n) == NULL);
		else
			ATF_CHECK_MSG(shape_ecdsa(n) != NULL, "%zu", n);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, pss_all);
	ATF_TP_ADD_TC(tp, pkcs1_all);
	ATF_TP_ADD_TC(tp, pss_wrong);
	ATF_TP_ADD_TC(tp, pkcs1_wrong);
	ATF_TP_ADD_TC(tp, garlic);
	ATF_TP_ADD_TC(tp, length);
	ATF_TP_ADD_TC(tp, chosen);
	ATF_TP_ADD_TC(tp, few_zeros);
	ATF_TP_ADD_TC(tp, ecdsa);
	return (atf_no_error());
}
