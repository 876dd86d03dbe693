/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The signer holds private keys, answers nobody but the parent, and signs
 * only what has the shape of a TLS handshake signature.  All functions that
 * return a string return NULL, or a constant or static reason in words.
 */

#ifndef SIGNER_H
#define SIGNER_H

#include <stddef.h>
#include <stdint.h>

struct wire_keyinfo;
struct wire_sign;
struct wire_signed;

#define SIGNER_FILEMAX	65536	/* bytes of a key file */
#define SIGNER_MEMORY	128	/* MB, for keys and work */
#define SIGNER_KEYMAX	65536	/* index of a key, not included */
#define SIGNER_RSAMIN	1024	/* bits */
#define SIGNER_RSAMAX	8192

/* keys.c */
int		 keys_known(uint32_t);
const char	*keys_load(int, struct wire_keyinfo *);
const char	*keys_sign(const struct wire_sign *, struct wire_signed *);
void		 keys_free(void);

/*
 * shape.c: a block to be signed with RSA without further padding, by a key
 * whose modulus has so many bits; PKCS#1 v1.5 only when allowed.
 */
const char	*shape_rsa(const uint8_t *, size_t, unsigned int, int);
const char	*shape_ecdsa(size_t);

#endif /* SIGNER_H */
