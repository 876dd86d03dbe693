/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A list of revoked certificates, in PEM, on standard output, with dates of
 * choice, which not every openssl(1) lets one choose:
 *
 *	crl issuer.crt issuer.key last next [serial ...]
 *
 * last and next are of the form 20200101000000Z, a serial is hexadecimal.
 */

#include <sys/types.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "issuer.h"

static ASN1_TIME *
parse_time(const char *text)
{
	ASN1_TIME	*t;

	if (strlen(text) != 15)
		errx(1, "%s: not of the form 20200101000000Z", text);
	/* A year before 2050 has two digits in a list. */
	if (strncmp(text, "2050", 4) < 0)
		text += 2;
	if ((t = ASN1_TIME_new()) == NULL || ASN1_TIME_set_string(t, text) != 1)
		errx(1, "%s: no time", text);
	return (t);
}

static void
revoke(X509_CRL *crl, const char *serial, ASN1_TIME *when)
{
	ASN1_INTEGER	*number;
	BIGNUM		*bn = NULL;
	X509_REVOKED	*revoked;

	if (BN_hex2bn(&bn, serial) == 0 ||
	    (number = BN_to_ASN1_INTEGER(bn, NULL)) == NULL ||
	    (revoked = X509_REVOKED_new()) == NULL ||
	    X509_REVOKED_set_serialNumber(revoked, number) != 1 ||
	    X509_REVOKED_set_revocationDate(revoked, when) != 1 ||
	    X509_CRL_add0_revoked(crl, revoked) != 1)
		errx(1, "%s: cannot be revoked", serial);
	ASN1_INTEGER_free(number);
	BN_free(bn);
}

int
main(int argc, char *argv[])
{
	ASN1_TIME	*last, *next;
	EVP_PKEY	*key;
	X509		*issuer;
	X509_CRL	*crl;
	int		 i;

	if (argc < 5)
		errx(2, "usage: crl issuer.crt issuer.key last next "
		    "[serial ...]");
	issuer = issuer_certificate(argv[1]);
	key = issuer_key(argv[2]);
	last = parse_time(argv[3]);
	next = parse_time(argv[4]);
	if ((crl = X509_CRL_new()) == NULL ||
	    X509_CRL_set_version(crl, 1) != 1 ||
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) != 1 ||
	    X509_CRL_set1_lastUpdate(crl, last) != 1 ||
	    X509_CRL_set1_nextUpdate(crl, next) != 1)
		errx(1, "cannot make a list");
	for (i = 5; i < argc; i++)
		revoke(crl, argv[i], last);
	if (X509_CRL_sort(crl) != 1 ||
	    X509_CRL_sign(crl, key, EVP_sha256()) == 0 ||
	    PEM_write_X509_CRL(stdout, crl) != 1 || fflush(stdout) == EOF)
		errx(1, "cannot write a list");
	return (0);
}
