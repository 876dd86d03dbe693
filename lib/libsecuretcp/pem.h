/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A text in PEM form, block by block; needs no libcrypto. */

#ifndef PEM_H
#define PEM_H

#include <stddef.h>
#include <stdint.h>

#include "names.h"

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
void		 pem_open(struct pem *, const void *, size_t);
/*
 * True with the next block, or what looks like the beginning or end of one
 * and is malformed; false at the end of the text.
 */
int		 pem_next(struct pem *, struct pem_block *);
/*
 * The bytes of a well made block, into as many as its body has.  -1: it is no
 * base64.
 */
int		 pem_decode(const struct pem_block *, uint8_t *, size_t *);
/* What a file without any block seems to be instead; "": no idea. */
const char	*pem_instead(const void *, size_t);

#endif /* PEM_H */
