/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * OpenSSL frees much of what it has read of a private key as it is.  Here every
 * block has its length before it, and is cleared when it is freed.  LibreSSL
 * takes no other functions.  LibreSSL clears by itself, but for the end of the
 * text of a PEM block, which it decodes in place: OpenBSD's malloc(3) is told
 * to overwrite all of what is freed.
 */

#include <sys/types.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"

#if defined(__OpenBSD__) || defined(LIBRESSL_VERSION_NUMBER)

/* Read before the first allocation; nobody else has this name. */
extern const char *const malloc_options;
const char *const malloc_options = "J";

int
compat_crypto_wipe(void)
{
	return (0);
}

#else

/* Alignment as malloc(3) has it. */
union header {
	size_t		 h_size;
	long double	 h_align;
	void		*h_pointer;
};

static void	*wipe_malloc(size_t, const char *, int);
static void	*wipe_realloc(void *, size_t, const char *, int);
static void	 wipe_free(void *, const char *, int);

static void *
wipe_malloc(size_t size, const char *file, int line)
{
	union header	*h;

	(void)file;
	(void)line;
	if (size == 0 || size > SIZE_MAX - sizeof(*h))
		return (NULL);
	if ((h = malloc(sizeof(*h) + size)) == NULL)
		return (NULL);
	h->h_size = size;
	return (h + 1);
}

/* Never in place: what is given up could not be cleared. */
static void *
wipe_realloc(void *p, size_t size, const char *file, int line)
{
	union header	*h = p;
	void		*new;

	if (p != NULL && size == 0) {
		wipe_free(p, file, line);
		return (NULL);
	}
	if ((new = wipe_malloc(size, file, line)) == NULL || p == NULL)
		return (new);
	h--;
	memcpy(new, p, h->h_size < size ? h->h_size : size);
	wipe_free(p, file, line);
	return (new);
}

static void
wipe_free(void *p, const char *file, int line)
{
	union header	*h = p;

	(void)file;
	(void)line;
	if (p == NULL)
		return;
	h--;
	freezero(h, sizeof(*h) + h->h_size);
}

int
compat_crypto_wipe(void)
{
	if (CRYPTO_set_mem_functions(wipe_malloc, wipe_realloc,
	    wipe_free) == 1)
		return (0);
	errno = EALREADY;
	return (-1);
}

#endif
