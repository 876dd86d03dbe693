/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Keys, and the blocks a TLS library would have signed with them. */

#ifndef BLOCKS_H
#define BLOCKS_H

#include <openssl/evp.h>

#include <stddef.h>
#include <stdint.h>

#define BLOCK_MAX	1024

EVP_PKEY	*block_rsa(int);		/* a new key of so many bits */
EVP_PKEY	*block_ec(int);			/* on the curve of that NID */
/*
 * The block before the RSA operation: made by the TLS library itself, by
 * undoing one of its signatures with the public key.  The padding is an
 * RSA_*_PADDING, the salt is for PSS.
 */
size_t		 block_padded(EVP_PKEY *, const EVP_MD *, int, int,
		    uint8_t *);
/* The number itself: without padding, both ways. */
size_t		 block_raw_public(EVP_PKEY *, const uint8_t *, size_t,
		    uint8_t *);
/* Does this signature of the digest that block_padded() used verify? */
int		 block_verify(EVP_PKEY *, const EVP_MD *, int,
		    const uint8_t *, size_t);
/* The digest itself, for ECDSA. */
size_t		 block_digest(const EVP_MD *, uint8_t *);

#endif /* BLOCKS_H */
