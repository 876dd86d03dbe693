/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A session asks for the signature of an encoded digest.  The digest itself is
 * the session's word, but the encoding can be checked, and it tells a handshake
 * signature from everything else an RSA operation is good for (decryption,
 * blinding, forging by multiplication).
 */

#include <sys/types.h>

#include <openssl/evp.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compat.h"
#include "signer.h"
#include "wire.h"

#define SHAPE_DIGEST	64	/* the longest */
#define SHAPE_PREFIX	19	/* DigestInfo before the digest */
/*
 * PSS leaves so few zeros in a short modulus with a long digest that chance
 * could make them; TLS has no use for such pairs.
 */
#define SHAPE_ZEROS	16
#define SHAPE_FILL	8	/* bytes FF that PKCS#1 asks for */

struct shape_digest {
	const EVP_MD	*(*sd_md)(void);
	size_t		 sd_len;
	uint8_t		 sd_prefix[SHAPE_PREFIX];
};

static const struct shape_digest shape_digests[] = {
	{ EVP_sha256, 32, { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,
	    0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
	    0x04, 0x20 } },
	{ EVP_sha384, 48, { 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,
	    0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
	    0x04, 0x30 } },
	{ EVP_sha512, 64, { 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,
	    0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00,
	    0x04, 0x40 } },
};

#define NDIGESTS	nitems(shape_digests)

static int	 shape_unmask(const struct shape_digest *, const uint8_t *,
		    uint8_t *, size_t);
static int	 shape_pss(const struct shape_digest *, const uint8_t *, size_t,
		    unsigned int);
static int	 shape_pkcs1(const struct shape_digest *, const uint8_t *,
		    size_t);

/* Takes MGF1 of the seed off the data, in place. */
static int
shape_unmask(const struct shape_digest *digest, const uint8_t *seed,
    uint8_t *data, size_t len)
{
	uint8_t		 in[SHAPE_DIGEST + 4], mask[EVP_MAX_MD_SIZE];
	uint32_t	 counter;
	size_t		 i, n, off;

	memcpy(in, seed, digest->sd_len);
	for (counter = 0, off = 0; off < len; counter++, off += n) {
		in[digest->sd_len] = (uint8_t)(counter >> 24);
		in[digest->sd_len + 1] = (uint8_t)(counter >> 16);
		in[digest->sd_len + 2] = (uint8_t)(counter >> 8);
		in[digest->sd_len + 3] = (uint8_t)counter;
		if (EVP_Digest(in, digest->sd_len + 4, mask, NULL,
		    digest->sd_md(), NULL) != 1)
			return (-1);
		n = len - off < digest->sd_len ? len - off : digest->sd_len;
		for (i = 0; i < n; i++)
			data[off + i] ^= mask[i];
	}
	return (0);
}

/*
 * EMSA-PSS as in RFC 8017, 9.1, with a salt as long as the digest: masked
 * data block, hash, BC.  The encoding has one bit less than the modulus, so
 * that a modulus of 8n + 1 bits puts a zero byte before it.
 */
static int
shape_pss(const struct shape_digest *digest, const uint8_t *block, size_t len,
    unsigned int bits)
{
	uint8_t	 db[SIGNER_RSAMAX / 8];
	size_t	 dblen, i, zeros;
	uint8_t	 unused;

	if ((bits - 1) % 8 == 0) {
		if (block[0] != 0)
			return (0);
		block++;
		len--;
	}
	if (len < 2 * digest->sd_len + 2 + SHAPE_ZEROS || len > sizeof(db) ||
	    block[len - 1] != 0xbc)
		return (0);
	unused = (uint8_t)~(0xff >> (8 * len - (bits - 1)));
	if (block[0] & unused)
		return (0);
	dblen = len - digest->sd_len - 1;
	zeros = dblen - digest->sd_len - 1;
	memcpy(db, block, dblen);
	if (shape_unmask(digest, block + dblen, db, dblen) == -1)
		return (0);
	db[0] &= (uint8_t)~unused;
	for (i = 0; i < zeros; i++) {
		if (db[i] != 0)
			return (0);
	}
	return (db[zeros] == 0x01);
}

/* EMSA-PKCS1-v1_5, RFC 8017, 9.2: 00 01 FF... 00 DigestInfo digest. */
static int
shape_pkcs1(const struct shape_digest *digest, const uint8_t *block,
    size_t len)
{
	size_t	 fill, i, tail = SHAPE_PREFIX + digest->sd_len;

	if (len < 3 + SHAPE_FILL + tail)
		return (0);
	fill = len - tail - 3;
	if (block[0] != 0x00 || block[1] != 0x01 || block[2 + fill] != 0x00)
		return (0);
	for (i = 0; i < fill; i++) {
		if (block[2 + i] != 0xff)
			return (0);
	}
	return (memcmp(block + 3 + fill, digest->sd_prefix,
	    SHAPE_PREFIX) == 0);
}

const char *
shape_rsa(const uint8_t *block, size_t len, unsigned int bits, int pkcs1)
{
	size_t	 i;

	if (bits < SIGNER_RSAMIN || bits > SIGNER_RSAMAX ||
	    len != (bits + 7) / 8)
		return ("block and modulus differ in length");
	for (i = 0; i < NDIGESTS; i++) {
		if (shape_pss(&shape_digests[i], block, len, bits))
			return (NULL);
	}
	for (i = 0; i < NDIGESTS; i++) {
		if (!shape_pkcs1(&shape_digests[i], block, len))
			continue;
		return (pkcs1 ? NULL :
		    "PKCS#1 v1.5 where TLS 1.2 is not enabled");
	}
	return ("not the block of a handshake signature");
}

const char *
shape_ecdsa(size_t len)
{
	size_t	 i;

	for (i = 0; i < NDIGESTS; i++) {
		if (len == shape_digests[i].sd_len)
			return (NULL);
	}
	return ("not as long as a SHA-256, SHA-384 or SHA-512 digest");
}
