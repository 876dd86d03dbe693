/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Lists of revoked certificates. */

#ifndef LIST_H
#define LIST_H

#include <openssl/x509.h>

#include "names.h"

struct bundle;
struct verify;

enum list_kind {
	LIST_WHOLE,	/* of all that the issuer has revoked */
	LIST_SOME,	/* of some of its certificates, for all reasons */
	LIST_REASONS,	/* for some reasons */
	LIST_CHANGES	/* what has changed since another list */
};

enum list_kind	 list_kind(X509_CRL *);
/* What is wrong with those of a bundle is said; some are dropped. */
void		 list_settle(struct bundle *);
/* The first certificate on the path that is on a list; NULL: none is. */
X509		*list_revoked(const struct verify *, X509_REVOKED **);
/* So that the processes forked later share the memory of it. */
void		 list_sort(X509_CRL *);

#endif /* LIST_H */
