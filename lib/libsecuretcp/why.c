/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Why a chain of certificates is not accepted: which certificate or list,
 * of whom, since when.  The words are the same with both TLS libraries,
 * whose numbers for what is found are not.
 */

#include <sys/types.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "list.h"
#include "object.h"
#include "verify.h"

#define WHY_NAME	100	/* bytes of one: two have to fit */
#define WHY_DATE	96	/* more than any numbers take */
#define WHY_DEPTH	16	/* certificates on the way to a root */

static void	 why_certificate(struct verify *, enum object_refusal, X509 *,
		    const char *);
static void	 why_date(const ASN1_TIME *, char *, size_t);
static void	 why_dated(struct verify *, enum object_refusal, X509 *,
		    const char *, const ASN1_TIME *);
static void	 why_untrusted(struct verify *);
static int	 why_link(struct verify *, X509 *, X509 *);
static void	 why_issuer(struct verify *, X509 *, const char *,
		    const char *);
static int	 why_outdated(X509_CRL *, char [WHY_DATE], char [WHY_DATE]);
static void	 why_list(struct verify *, X509_NAME *, const char *);

/* The first has its say. */
void
why_say(struct verify *ve, enum object_refusal refusal, const char *fmt, ...)
{
	va_list	 ap;

	if (*ve->ve_why != '\0')
		return;
	ve->ve_refusal = refusal;
	va_start(ap, fmt);
	(void)vsnprintf(ve->ve_why, ve->ve_size, fmt, ap);
	va_end(ap);
}

void
why_failed(struct verify *ve, X509_STORE_CTX *ctx)
{
	X509	*at = X509_STORE_CTX_get_current_cert(ctx);
	int	 error = X509_STORE_CTX_get_error(ctx);

	if (at == NULL)
		at = ve->ve_leaf;
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		why_untrusted(ve);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		why_dated(ve, REFUSAL_DATE, at, "not valid before",
		    X509_get0_notBefore(at));
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		why_dated(ve, REFUSAL_DATE, at, "expired on",
		    X509_get0_notAfter(at));
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		why_certificate(ve, REFUSAL_PURPOSE, at, ve->ve_client ?
		    "its purpose is not that of a server" :
		    "its purpose is not that of a client");
		break;
	case X509_V_ERR_CERT_REVOKED:
		why_revoked(ve, at, NULL);
		break;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		why_unlisted(ve, X509_get_issuer_name(at));
		break;
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
		why_list(ve, X509_get_issuer_name(at), "cannot be used");
		break;
	default:
		why_certificate(ve, REFUSAL_BAD, at,
		    X509_verify_cert_error_string(error));
		break;
	}
}

static void
why_certificate(struct verify *ve, enum object_refusal refusal, X509 *x509,
    const char *what)
{
	char	 name[WHY_NAME];

	name_brief(X509_get_subject_name(x509), name, sizeof(name));
	why_say(ve, refusal, "certificate %s: %s", name, what);
}

/* Not by strftime(3), which reads the time zone of the system. */
static void
why_date(const ASN1_TIME *when, char *buf, size_t size)
{
	struct tm	 tm;

	if (when == NULL || ASN1_TIME_to_tm(when, &tm) != 1) {
		(void)snprintf(buf, size, "an unreadable date");
		return;
	}
	(void)snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d UTC",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

static void
why_dated(struct verify *ve, enum object_refusal refusal, X509 *x509,
    const char *what, const ASN1_TIME *when)
{
	char	 date[WHY_DATE], text[2 * WHY_DATE];

	why_date(when, date, sizeof(date));
	(void)snprintf(text, sizeof(text), "%s %s", what, date);
	why_certificate(ve, refusal, x509, text);
}

/*
 * The libraries say that in different ways: the chain is walked up here, to
 * the first certificate that leads nowhere.
 */
static void
why_untrusted(struct verify *ve)
{
	X509	*issuer, *x509 = ve->ve_leaf;
	int	 i, more = 1;

	(void)X509_up_ref(x509);
	for (i = 0; i < WHY_DEPTH && more; i++) {
		issuer = verify_issuer(ve, x509);
		more = why_link(ve, x509, issuer);
		X509_free(x509);
		x509 = issuer;
	}
	X509_free(x509);
	why_certificate(ve, REFUSAL_CA, ve->ve_leaf,
	    "the chain to its root is too long");
}

/* True when the walk goes on from there. */
static int
why_link(struct verify *ve, X509 *x509, X509 *issuer)
{
	EVP_PKEY	*pkey;
	int		 ok;

	if (issuer == NULL) {
		why_issuer(ve, x509, "issued by", "which is not trusted");
		return (0);
	}
	pkey = X509_get_pubkey(issuer);
	ok = pkey != NULL && X509_verify(x509, pkey) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (!ok) {
		why_issuer(ve, x509, "its signature is not by", NULL);
		return (0);
	}
	if (issuer != x509)
		return (1);
	why_certificate(ve, REFUSAL_CA, x509,
	    "signed by itself and not trusted");
	return (0);
}

static void
why_issuer(struct verify *ve, X509 *x509, const char *what, const char *more)
{
	char	 issuer[WHY_NAME], name[WHY_NAME];

	name_brief(X509_get_subject_name(x509), name, sizeof(name));
	name_brief(X509_get_issuer_name(x509), issuer, sizeof(issuer));
	why_say(ve, REFUSAL_CA, "certificate %s: %s %s%s%s", name, what,
	    issuer, more == NULL ? "" : ", ", more == NULL ? "" : more);
}

void
why_revoked(struct verify *ve, X509 *x509, const X509_REVOKED *entry)
{
	if (entry == NULL)
		why_certificate(ve, REFUSAL_REVOKED, x509, "revoked");
	else
		why_dated(ve, REFUSAL_REVOKED, x509, "revoked on",
		    X509_REVOKED_get0_revocationDate(entry));
}

/*
 * There is no list of this issuer that is valid today and about that
 * certificate; when there was one, or will be, that is said.
 */
void
why_unlisted(struct verify *ve, X509_NAME *issuer)
{
	X509_CRL	*crl;
	char		 text[2 * WHY_DATE] = "", past[WHY_DATE] = "";
	char		 future[WHY_DATE] = "";
	int		 i, others = 0;

	for (i = 0; i < sk_X509_CRL_num(ve->ve_crls); i++) {
		crl = sk_X509_CRL_value(ve->ve_crls, i);
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) == 0)
			others += !why_outdated(crl, past, future);
	}
	if (*past != '\0')
		(void)snprintf(text, sizeof(text), "expired on %s", past);
	else if (*future != '\0')
		(void)snprintf(text, sizeof(text), "is not valid before %s",
		    future);
	else if (others != 0)
		(void)snprintf(text, sizeof(text), "does not cover this "
		    "certificate");
	why_list(ve, issuer, text);
}

/*
 * Keeps the last date that has passed, and the first one to come; as text
 * they have the order of time.  False: the list is valid today, or is not
 * about all for which a certificate is revoked.
 */
static int
why_outdated(X509_CRL *crl, char past[WHY_DATE], char future[WHY_DATE])
{
	const ASN1_TIME	*from = X509_CRL_get0_lastUpdate(crl);
	const ASN1_TIME	*to = X509_CRL_get0_nextUpdate(crl);
	char		 date[WHY_DATE];

	if (list_kind(crl) > LIST_SOME)
		return (0);
	if (X509_cmp_current_time(from) > 0) {
		why_date(from, date, sizeof(date));
		if (*future == '\0' || strcmp(date, future) < 0)
			memcpy(future, date, sizeof(date));
		return (1);
	}
	if (to == NULL || X509_cmp_current_time(to) > 0)
		return (0);
	why_date(to, date, sizeof(date));
	if (strcmp(date, past) > 0)
		memcpy(past, date, sizeof(date));
	return (1);
}

static void
why_list(struct verify *ve, X509_NAME *issuer, const char *what)
{
	char	 name[WHY_NAME];

	name_brief(issuer, name, sizeof(name));
	if (*what == '\0')
		why_say(ve, REFUSAL_BAD, "no list of revoked certificates of "
		    "%s is known", name);
	else
		why_say(ve, REFUSAL_BAD, "the list of revoked certificates of "
		    "%s %s", name, what);
}
