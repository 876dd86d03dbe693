/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What a file of certificates or of lists of revoked ones holds.  Everything
 * in it is used, or is told of: those who check a file and those who use it
 * read it here.
 */

#ifndef BUNDLE_H
#define BUNDLE_H

#include <stddef.h>

#include <openssl/x509.h>

#include "names.h"

struct pem_block;

enum bundle_kind {
	BUNDLE_CHAIN,
	BUNDLE_CA,
	BUNDLE_CRL
};

struct bundle {
	enum bundle_kind	 bu_kind;
	STACK_OF(X509)		*bu_certs;	/* of a chain or a CA file */
	STACK_OF(X509_CRL)	*bu_lists;	/* of the other kind */
	unsigned int		*bu_lines;	/* where each of them begins */
	unsigned int		 bu_n;
	unsigned int		 bu_bad;
	/* May be NULL.  Bad: the file is refused; line 0: it is about all. */
	void			(*bu_say)(void *, int, unsigned int,
				    const char *);
	void			*bu_arg;
};

/* 0, or -1 for a file that is refused; to be freed in either case. */
int		 bundle_read(struct bundle *, enum bundle_kind, const void *,
		    size_t);
void		 bundle_free(struct bundle *);
/* Is this what such a file is to hold? */
int		 bundle_label(enum bundle_kind, const char *);
/* The certificate in a block, or NULL. */
X509		*bundle_x509(const struct pem_block *);
void		 bundle_bad(struct bundle *, unsigned int, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
void		 bundle_note(struct bundle *, unsigned int, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));


#endif /* BUNDLE_H */
