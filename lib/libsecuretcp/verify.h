/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A verification on the way, for the files that judge and that tell. */

#ifndef VERIFY_H
#define VERIFY_H

#include <stddef.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "object.h"

struct verify {
	X509_STORE		*ve_store;
	STACK_OF(X509_CRL)	*ve_crls;	/* NULL: none are asked for */
	X509			*ve_leaf;
	STACK_OF(X509)		*ve_chain;	/* all of it, leaf first */
	STACK_OF(X509)		*ve_path;	/* to its root, if any */
	int			 ve_client;	/* so the peer is a server */
	char			*ve_why;
	size_t			 ve_size;
	enum object_refusal	 ve_refusal;	/* of the first failure */
};

/* verify.c: the verdicts but that of the name. */
void		 verify_chain(struct verify *, struct securetcp_verdicts *);
X509		*verify_issuer(struct verify *, X509 *);

/* why.c: what the first failure was, in words. */
void		 why_say(struct verify *, enum object_refusal, const char *,
		    ...) __attribute__((__format__(printf, 3, 4)));
void		 why_failed(struct verify *, X509_STORE_CTX *);
void		 why_revoked(struct verify *, X509 *, const X509_REVOKED *);
void		 why_unlisted(struct verify *, X509_NAME *);

#endif /* VERIFY_H */
