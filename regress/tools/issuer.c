/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <err.h>
#include <stdio.h>

#include <openssl/pem.h>

#include "issuer.h"

static FILE *
issuer_open(const char *path)
{
	FILE	*f;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	return (f);
}

X509 *
issuer_certificate(const char *path)
{
	FILE	*f = issuer_open(path);
	X509	*x509;

	if ((x509 = PEM_read_X509(f, NULL, NULL, NULL)) == NULL)
		errx(1, "%s: no certificate", path);
	(void)fclose(f);
	return (x509);
}

EVP_PKEY *
issuer_key(const char *path)
{
	FILE		*f = issuer_open(path);
	EVP_PKEY	*key;

	if ((key = PEM_read_PrivateKey(f, NULL, NULL, NULL)) == NULL)
		errx(1, "%s: no key", path);
	(void)fclose(f);
	return (key);
}
