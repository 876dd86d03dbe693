/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The PEM files of who signs; a file that is none ends the program. */

#ifndef ISSUER_H
#define ISSUER_H

#include <openssl/evp.h>
#include <openssl/x509.h>

X509		*issuer_certificate(const char *);
EVP_PKEY	*issuer_key(const char *);

#endif /* ISSUER_H */
