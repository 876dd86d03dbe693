/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A header of its own, as regress/helper/signer compiles shape.c alone. */

#ifndef SIGNER_H
#define SIGNER_H

#include <stddef.h>
#include <stdint.h>

#define SIGNER_RSAMIN	1024	/* bits */
#define SIGNER_RSAMAX	8192

/*
 * shape.c: a block to be signed with RSA without further padding, by a key
 * whose modulus has so many bits; PKCS#1 v1.5 only when allowed.
 */
const char	*shape_rsa(const uint8_t *, size_t, unsigned int, int);
const char	*shape_ecdsa(size_t);

#endif /* SIGNER_H */
