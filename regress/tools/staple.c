/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * An OCSP response, in DER, on standard output:
 *
 *	staple leaf.crt issuer.crt issuer.key hash status from to
 *
 * hash is the one that names the certificate ("sha1"), status is good,
 * revoked or unknown; from and to are seconds from now, a to of "-" is none.
 * openssl(1) makes none that has expired already.
 */

#include <sys/types.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "issuer.h"

static int	 parse_status(const char *);
static ASN1_TIME *parse_time(const char *);

static int
parse_status(const char *word)
{
	if (strcmp(word, "good") == 0)
		return (V_OCSP_CERTSTATUS_GOOD);
	if (strcmp(word, "revoked") == 0)
		return (V_OCSP_CERTSTATUS_REVOKED);
	if (strcmp(word, "unknown") == 0)
		return (V_OCSP_CERTSTATUS_UNKNOWN);
	errx(1, "%s: no status", word);
}

static ASN1_TIME *
parse_time(const char *seconds)
{
	if (strcmp(seconds, "-") == 0)
		return (NULL);
	return (X509_gmtime_adj(NULL, atol(seconds)));
}

int
main(int argc, char *argv[])
{
	const EVP_MD	*md;
	ASN1_TIME	*from, *now, *to;
	OCSP_BASICRESP	*basic;
	OCSP_CERTID	*id;
	OCSP_RESPONSE	*response;
	EVP_PKEY	*key;
	X509		*issuer, *leaf;
	unsigned char	*der = NULL;
	int		 len, status;

	if (argc != 8)
		errx(2, "usage: staple leaf.crt issuer.crt issuer.key hash "
		    "status from to");
	leaf = issuer_certificate(argv[1]);
	issuer = issuer_certificate(argv[2]);
	key = issuer_key(argv[3]);
	if ((md = EVP_get_digestbyname(argv[4])) == NULL)
		errx(1, "%s: no hash", argv[4]);
	status = parse_status(argv[5]);
	from = parse_time(argv[6]);
	to = parse_time(argv[7]);
	now = X509_gmtime_adj(NULL, 0);
	if ((id = OCSP_cert_to_id(md, leaf, issuer)) == NULL ||
	    (basic = OCSP_BASICRESP_new()) == NULL ||
	    OCSP_basic_add1_status(basic, id, status,
	    OCSP_REVOKED_STATUS_KEYCOMPROMISE, now, from, to) == NULL ||
	    OCSP_basic_sign(basic, issuer, key, EVP_sha256(), NULL, 0) != 1 ||
	    (response = OCSP_response_create(
	    OCSP_RESPONSE_STATUS_SUCCESSFUL, basic)) == NULL ||
	    (len = i2d_OCSP_RESPONSE(response, &der)) <= 0)
		errx(1, "cannot make a response");
	if (fwrite(der, (size_t)len, 1, stdout) != 1 || fflush(stdout) == EOF)
		err(1, "standard output");
	return (0);
}
