/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Lists of revoked certificates.  The TLS libraries look into one list of an
 * issuer, and pass over lists of changes and of some reasons without a word.
 * Here a certificate is revoked when any list of its issuer says so, and
 * what cannot be used is refused or told of when it is read.
 */

#include <sys/types.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "list.h"
#include "object.h"
#include "verify.h"

#define LIST_NAME	128

static void	 list_fit(struct bundle *, unsigned int);
static const char *list_point(const ISSUING_DIST_POINT *);
static const ASN1_OBJECT *list_critical(X509_CRL *);
static int	 list_is_delta(X509_CRL *);
static int	 list_same(X509_CRL *, X509_CRL *, int);
static int	 list_issuer(X509_CRL *, X509_CRL *);
static int	 list_newer(X509_CRL *, X509_CRL *);
static int	 list_replaces(X509_CRL *, X509_CRL *);
static void	 list_drop(struct bundle *, unsigned int);
static X509_CRL	*list_whole(const struct bundle *, X509_CRL *);
static void	 list_alone(struct bundle *, unsigned int, X509_CRL *);
static void	 list_base(struct bundle *, unsigned int, X509_CRL *,
		    X509_CRL *);
static int	 list_hit(X509_CRL *, X509 *, X509 *,
		    X509_REVOKED **);

static X509_CRL *
list_at(const struct bundle *bu, unsigned int i)
{
	return (sk_X509_CRL_value(bu->bu_lists, (int)i));
}

static const char *
list_name(X509_CRL *crl, char name[LIST_NAME])
{
	name_brief(X509_CRL_get_issuer(crl), name, LIST_NAME);
	return (name);
}

/* Each by itself, those that have newer ones, then each among the others. */
void
list_settle(struct bundle *bu)
{
	X509_CRL	*crl, *whole;
	unsigned int	 i;

	for (i = 0; i < bu->bu_n; i++)
		list_fit(bu, i);
	for (i = bu->bu_n; bu->bu_bad == 0 && i-- > 0;)
		list_drop(bu, i);
	for (i = 0; bu->bu_bad == 0 && i < bu->bu_n; i++) {
		crl = list_at(bu, i);
		if (list_kind(crl) == LIST_WHOLE)
			continue;
		if ((whole = list_whole(bu, crl)) == NULL)
			list_alone(bu, bu->bu_lines[i], crl);
		else if (list_is_delta(crl))
			list_base(bu, bu->bu_lines[i], crl, whole);
	}
}

static int
list_is_delta(X509_CRL *crl)
{
	return (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) != -1);
}

enum list_kind
list_kind(X509_CRL *crl)
{
	ISSUING_DIST_POINT	*point;
	enum list_kind		 kind = LIST_SOME;

	if (list_is_delta(crl))
		return (LIST_CHANGES);
	if (X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point,
	    -1) == -1)
		return (LIST_WHOLE);
	point = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point,
	    NULL, NULL);
	if (point == NULL || point->onlysomereasons != NULL)
		kind = LIST_REASONS;
	ISSUING_DIST_POINT_free(point);
	return (kind);
}

/* What nothing here could make use of. */
static void
list_fit(struct bundle *bu, unsigned int i)
{
	ISSUING_DIST_POINT	*point;
	const ASN1_OBJECT	*object;
	X509_CRL		*crl = list_at(bu, i);
	const char		*wrong = NULL;
	char			 name[LIST_NAME], oid[64];

	(void)list_name(crl, name);
	if ((object = list_critical(crl)) != NULL) {
		(void)OBJ_obj2txt(oid, sizeof(oid), object, 0);
		bundle_bad(bu, bu->bu_lines[i], "the list of %s has a "
		    "critical extension that is not supported: %s", name, oid);
		return;
	}
	if (X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point,
	    -1) == -1)
		return;
	point = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point,
	    NULL, NULL);
	if ((wrong = list_point(point)) != NULL)
		bundle_bad(bu, bu->bu_lines[i], "the list of %s %s", name,
		    wrong);
	ISSUING_DIST_POINT_free(point);
}

static const char *
list_point(const ISSUING_DIST_POINT *point)
{
	if (point == NULL)
		return ("has a distribution point that cannot be parsed");
	if (point->indirectCRL > 0)
		return ("is about certificates of other issuers, too, which "
		    "is not supported");
	if (point->onlyattr > 0)
		return ("is about attribute certificates, which are not "
		    "supported");
	if (point->onlyuser > 0 && point->onlyCA > 0)
		return ("is neither about authorities nor about others");
	return (NULL);
}

/* One that changes what the list means, and that is not known here. */
static const ASN1_OBJECT *
list_critical(X509_CRL *crl)
{
	ASN1_OBJECT	*object;
	X509_EXTENSION	*extension;
	int		 i;

	for (i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		extension = X509_CRL_get_ext(crl, i);
		object = X509_EXTENSION_get_object(extension);
		if (!X509_EXTENSION_get_critical(extension))
			continue;
		switch (OBJ_obj2nid(object)) {
		case NID_authority_key_identifier:
		case NID_delta_crl:
		case NID_issuing_distribution_point:
			break;
		default:
			return (object);
		}
	}
	return (NULL);
}

/* Does either have this extension, and both the same? */
static int
list_same(X509_CRL *a, X509_CRL *b, int nid)
{
	int	 i = X509_CRL_get_ext_by_NID(a, nid, -1);
	int	 j = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (i == -1 || j == -1)
		return (i == j);
	return (ASN1_OCTET_STRING_cmp(
	    X509_EXTENSION_get_data(X509_CRL_get_ext(a, i)),
	    X509_EXTENSION_get_data(X509_CRL_get_ext(b, j))) == 0);
}

/* The same one, as far as lists name the issuer's key. */
static int
list_issuer(X509_CRL *a, X509_CRL *b)
{
	return (X509_NAME_cmp(X509_CRL_get_issuer(a),
	    X509_CRL_get_issuer(b)) == 0 &&
	    list_same(a, b, NID_authority_key_identifier));
}

/* Made later, and not to come into force yet. */
static int
list_newer(X509_CRL *newer, X509_CRL *crl)
{
	const ASN1_TIME	*then = X509_CRL_get0_lastUpdate(newer);
	int		 day, second;

	return (X509_cmp_current_time(then) < 0 &&
	    ASN1_TIME_diff(&day, &second, X509_CRL_get0_lastUpdate(crl),
	    then) == 1 && (day > 0 || second > 0));
}

/* Says all that the other one says, as it is by now. */
static int
list_replaces(X509_CRL *newer, X509_CRL *crl)
{
	if (newer == crl || !list_issuer(newer, crl) ||
	    !list_newer(newer, crl))
		return (0);
	return (list_kind(newer) == LIST_WHOLE ||
	    (!list_is_delta(newer) && !list_is_delta(crl) &&
	    list_same(newer, crl, NID_issuing_distribution_point)));
}

static void
list_drop(struct bundle *bu, unsigned int i)
{
	X509_CRL	*crl = list_at(bu, i);
	unsigned int	 j;
	char		 name[LIST_NAME];

	for (j = 0; j < bu->bu_n; j++) {
		if (list_replaces(list_at(bu, j), crl))
			break;
	}
	if (j == bu->bu_n)
		return;
	bundle_note(bu, bu->bu_lines[i], "the list of %s is not used: the one "
	    "in line %u is newer", list_name(crl, name), bu->bu_lines[j]);
	X509_CRL_free(sk_X509_CRL_delete(bu->bu_lists, (int)i));
	for (bu->bu_n--; i < bu->bu_n; i++)
		bu->bu_lines[i] = bu->bu_lines[i + 1];
}

/* A list of the same issuer that is about all of its certificates. */
static X509_CRL *
list_whole(const struct bundle *bu, X509_CRL *crl)
{
	X509_CRL	*whole;
	unsigned int	 i;

	for (i = 0; i < bu->bu_n; i++) {
		whole = list_at(bu, i);
		if (list_kind(whole) == LIST_WHOLE && list_issuer(whole, crl))
			return (whole);
	}
	return (NULL);
}

/* Who is refused for want of the rest. */
static void
list_alone(struct bundle *bu, unsigned int line, X509_CRL *crl)
{
	static const char	 all[] = "all certificates of this issuer "
				    "are refused";
	char			 name[LIST_NAME];

	(void)list_name(crl, name);
	switch (list_kind(crl)) {
	case LIST_CHANGES:
		bundle_note(bu, line, "the list of %s says what has changed "
		    "since another one, which is missing: %s", name, all);
		break;
	case LIST_REASONS:
		bundle_note(bu, line, "the list of %s is about some reasons "
		    "only, and a complete one is missing: %s", name, all);
		break;
	default:
		bundle_note(bu, line, "the list of %s is about some of its "
		    "certificates only: the others are refused", name);
		break;
	}
}

/* What has happened between the two is on neither of them. */
static void
list_base(struct bundle *bu, unsigned int line, X509_CRL *delta,
    X509_CRL *whole)
{
	ASN1_INTEGER	*base, *number;
	char		 name[LIST_NAME];

	base = X509_CRL_get_ext_d2i(delta, NID_delta_crl, NULL, NULL);
	number = X509_CRL_get_ext_d2i(whole, NID_crl_number, NULL, NULL);
	if (base == NULL || number == NULL ||
	    ASN1_INTEGER_cmp(number, base) < 0)
		bundle_bad(bu, line, "the list of %s says what has changed "
		    "since another one, and the complete list is older than "
		    "that", list_name(delta, name));
	ASN1_INTEGER_free(base);
	ASN1_INTEGER_free(number);
}

/* 0: this list does not revoke that certificate. */
static int
list_hit(X509_CRL *crl, X509 *x509, X509 *issuer,
    X509_REVOKED **entry)
{
	EVP_PKEY	*pkey;
	int		 ok;

	if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
	    X509_get_issuer_name(x509)) != 0 ||
	    X509_CRL_get0_by_cert(crl, entry, x509) != 1 ||
	    X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)) >= 0)
		return (0);
	if ((pkey = X509_get_pubkey(issuer)) == NULL)
		return (0);
	ok = X509_CRL_verify(crl, pkey) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return (ok);
}

X509 *
list_revoked(const struct verify *ve, X509_REVOKED **entry)
{
	X509	*issuer, *x509;
	int	 i, j, n = sk_X509_num(ve->ve_path);

	for (i = 0; i < n; i++) {
		x509 = sk_X509_value(ve->ve_path, i);
		issuer = sk_X509_value(ve->ve_path, i + 1 < n ? i + 1 : i);
		for (j = 0; j < sk_X509_CRL_num(ve->ve_crls); j++) {
			if (list_hit(sk_X509_CRL_value(ve->ve_crls, j),
			    x509, issuer, entry))
				return (x509);
		}
	}
	return (NULL);
}

/* Libraries sort a list when they first look into it. */
void
list_sort(X509_CRL *crl)
{
	ASN1_INTEGER	*serial;
	X509_REVOKED	*entry;

	if ((serial = ASN1_INTEGER_new()) != NULL)
		(void)X509_CRL_get0_by_serial(crl, &entry, serial);
	ASN1_INTEGER_free(serial);
}
