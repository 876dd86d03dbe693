/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef LIBRARY_H
#define LIBRARY_H

#include "build.h"

/* What the TLS library at hand sends. */
struct library_kind {
	const char	*k_what;
	int		 k_min;		/* version, 0: the library's own */
	int		 k_max;
	const char	*k_name;
	int		 k_alpn;	/* so many protocols */
};

#define LIBRARY_KINDS	8

extern const struct library_kind library_kinds[LIBRARY_KINDS];

void		 library_hello(const struct library_kind *, struct bytes *);

/*
 * What it understands: 1 and the server name (at most 255 bytes and a NUL)
 * when it got as far as to ask for one, 0 when it did not; a hello without a
 * name gives an empty one.
 */
int		 library_name(const struct bytes *, char *);

#endif /* LIBRARY_H */
