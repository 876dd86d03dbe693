/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <string.h>

#include "compat.h"
#include "check_x509.h"

time_t
check_time(const ASN1_TIME *t)
{
	struct tm	 tm;

	memset(&tm, 0, sizeof(tm));
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	return timegm(&tm);
}

int
check_no_password(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

int
check_next_x509(BIO *bio, X509 **x)
{
	unsigned long	 e;

	ERR_clear_error();
	*x = PEM_read_bio_X509(bio, NULL, check_no_password, NULL);
	if (*x != NULL)
		return 1;
	e = ERR_peek_last_error();
	ERR_clear_error();
	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE ? 0 : -1;
}
