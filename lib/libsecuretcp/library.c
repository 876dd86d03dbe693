/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The ground: the start of the TLS library, and what not every C library has,
 * as the archive is linked into programs that bring no other one along.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include <openssl/crypto.h>

#include "object.h"
#include "securetcp.h"

/* Once; no configuration file: it would be read in the sandbox. */
int
stcp_library_start(void)
{
	static int	 done;

	if (done)
		return (ptOk);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    tls_init() != 0)
		return (ptNoSecurity);
	done = 1;
	return (ptOk);
}

/* Frees what may have held secrets. */
void
stcp_memory_wipe(void *p, size_t len)
{
	if (p == NULL)
		return;
	OPENSSL_cleanse(p, len);
	free(p);
}

/* NULL: out of memory. */
void *
stcp_memory_dup(const void *p, size_t len)
{
	void	*copy;

	if ((copy = malloc(len)) != NULL)
		memcpy(copy, p, len);
	return (copy);
}

/* As much as fits; NULL counts as "". */
void
stcp_memory_copy(char *dst, size_t size, const char *src)
{
	size_t	 len = src == NULL ? 0 : strlen(src);

	if (len >= size)
		len = size - 1;
	if (len != 0)
		memcpy(dst, src, len);
	dst[len] = '\0';
}
