/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Handling of secrets, where the C library has none. */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "compat.h"

#ifdef __linux__
/* The time taken depends on the length alone. */
int
timingsafe_bcmp(const void *a, const void *b, size_t len)
{
	const volatile unsigned char	*p = a, *q = b;
	unsigned char			 differ = 0;
	size_t				 i;

	for (i = 0; i < len; i++)
		differ |= p[i] ^ q[i];
	return (differ != 0);
}
#endif

#ifdef __FreeBSD__
void
freezero(void *p, size_t len)
{
	if (p == NULL)
		return;
	explicit_bzero(p, len);
	free(p);
}
#endif
