/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Names the TLS library that this tree is linked with, by which the log words
 * some reasons; openssl(1) may be of another one.
 */

#include <stdio.h>

#include <openssl/crypto.h>

int
main(void)
{
	puts(OpenSSL_version(OPENSSL_VERSION));
	return (0);
}
