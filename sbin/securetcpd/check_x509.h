/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the checks of certificates, lists and responses share. */

#ifndef CHECK_X509_H
#define CHECK_X509_H

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <time.h>

#include "bundle.h"

struct certificate;
struct conf_place;

#define CHECK_CHAIN_SIZE	(1024 * 1024)

/* -1: there is none, or it cannot be read. */
time_t		 check_time(const ASN1_TIME *);
/*
 * What a file holds, which is freed by bundle_free() in any case; what is
 * wrong with it is said.  -1: it is refused.
 */
int		 check_bundle(struct bundle *, enum bundle_kind, const char *,
		    const char *, const struct conf_place *, const void *,
		    size_t);
/* check_names.c: of the leaf, for conf_check_names(). */
void		 check_learn_names(struct certificate *, X509 *);

#endif /* CHECK_X509_H */
