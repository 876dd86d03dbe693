/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Files of certificates, or of lists of revoked ones.  Every block is used or
 * reported: the checker of a file and its users read it here.
 */

#ifndef BUNDLE_H
#define BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

/* A text in PEM form, block by block: pem.c, which needs no libcrypto. */
#define PEM_LABEL	64

struct pem {
	const char	*pm_at;
	const char	*pm_end;
	unsigned int	 pm_line;	/* of pm_at, from 1 */
};

struct pem_block {
	unsigned int	 pb_line;	/* where it begins */
	char		 pb_label[PEM_LABEL];	/* "CERTIFICATE" */
	const char	*pb_text;	/* all of it */
	size_t		 pb_len;
	const char	*pb_body;	/* what is between its boundaries */
	size_t		 pb_bodylen;
	const char	*pb_wrong;	/* NULL: it is well made */
};

/* The text stays the caller's, and has to outlive the walk. */
void		 stcp_pem_open(struct pem *, const void *, size_t);
/*
 * True with the next block, or what looks like the beginning or end of one
 * and is malformed; false at the end of the text.
 */
int		 stcp_pem_next(struct pem *, struct pem_block *);
/*
 * The bytes of a well made block, into as many as its body has.  -1: it is no
 * base64.
 */
int		 stcp_pem_decode(const struct pem_block *, uint8_t *, size_t *);
/* Names what a file without any block seems to be instead; "": unknown. */
const char	*stcp_pem_instead(const void *, size_t);

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
int		 stcp_bundle_read(struct bundle *, enum bundle_kind,
		    const void *, size_t);
void		 stcp_bundle_free(struct bundle *);
/* Is this what such a file is to hold? */
int		 stcp_bundle_label(enum bundle_kind, const char *);
/* The certificate in a block, or NULL. */
X509		*stcp_bundle_x509(const struct pem_block *);

/* Lists of revoked certificates. */
enum list_kind {
	LIST_WHOLE,	/* of all that the issuer has revoked */
	LIST_SOME,	/* of some of its certificates, for all reasons */
	LIST_REASONS,	/* for some reasons */
	LIST_CHANGES	/* what has changed since another list */
};

enum list_kind	 stcp_list_kind(X509_CRL *);
/* So that the processes forked later share the memory of it. */
void		 stcp_list_sort(X509_CRL *);

#endif /* BUNDLE_H */
