/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the checks of certificates, lists and responses share. */

#ifndef CHECK_X509_H
#define CHECK_X509_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/x509.h>

#include <time.h>

#define CHECK_CHAIN_SIZE	(1024 * 1024)

/* -1: there is none, or it cannot be read. */
time_t		 check_time(const ASN1_TIME *);
/* For PEM_read_bio_*(): nobody is asked for a password. */
int		 check_no_password(char *, int, int, void *);
/* 1 with a certificate, 0 at the end, -1 for one that cannot be parsed. */
int		 check_next_x509(BIO *, X509 **);
/* check_names.c: of the leaf, for conf_check_names(). */
struct certificate;
void		 check_learn_names(struct certificate *, X509 *);

#endif /* CHECK_X509_H */
