/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What not every C library has: the library is linked into programs that
 * bring no other one along.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "object.h"

/* Frees what may have held secrets. */
void
memory_wipe(void *p, size_t len)
{
	if (p == NULL)
		return;
	OPENSSL_cleanse(p, len);
	free(p);
}

/* As much as fits; NULL counts as "". */
void
memory_copy(char *dst, size_t size, const char *src)
{
	size_t	 len = src == NULL ? 0 : strlen(src);

	if (len >= size)
		len = size - 1;
	if (len != 0)
		memcpy(dst, src, len);
	dst[len] = '\0';
}
