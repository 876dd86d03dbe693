/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Files of certificates and of lists of revoked ones: see bundle.h. */

#include <sys/types.h>

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "object.h"

#define BUNDLE_TEXT	512
#define BUNDLE_NAME	128
#define LIST_NAME	128

static const char	*bundle_what[] = { "certificate", "certificate",
			    "list of revoked certificates" };

static void	 bundle_note(struct bundle *, unsigned int, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
static void	 bundle_bad(struct bundle *, unsigned int, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
static void	 bundle_tell(struct bundle *, int, unsigned int, const char *,
		    va_list);
static void	 bundle_block(struct bundle *, const struct pem_block *);
static void	 bundle_other(struct bundle *, const struct pem_block *);
static void	 bundle_take(struct bundle *, const struct pem_block *);
static uint8_t	*bundle_der(const struct pem_block *, long *);
static int	 bundle_keep_cert(struct bundle *, const struct pem_block *);
static int	 bundle_keep_list(struct bundle *, const struct pem_block *);
static int	 bundle_room(struct bundle *, unsigned int);
static void	 bundle_roots(struct bundle *);
static int	 bundle_issued(const struct bundle *, X509 *);

static void	 list_settle(struct bundle *);
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

static void
bundle_tell(struct bundle *bu, int bad, unsigned int line, const char *fmt,
    va_list ap)
{
	char	 text[BUNDLE_TEXT];

	bu->bu_bad += bad != 0;
	if (bu->bu_say == NULL)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	bu->bu_say(bu->bu_arg, bad, line, text);
}

static void
bundle_bad(struct bundle *bu, unsigned int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	bundle_tell(bu, 1, line, fmt, ap);
	va_end(ap);
}

static void
bundle_note(struct bundle *bu, unsigned int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	bundle_tell(bu, 0, line, fmt, ap);
	va_end(ap);
}

int
stcp_bundle_read(struct bundle *bu, enum bundle_kind kind, const void *text,
    size_t len)
{
	struct pem_block	 pb;
	struct pem		 pm;

	bu->bu_kind = kind;
	bu->bu_certs = sk_X509_new_null();
	bu->bu_lists = sk_X509_CRL_new_null();
	if (bu->bu_certs == NULL || bu->bu_lists == NULL) {
		bundle_bad(bu, 0, "cannot be kept: out of memory");
		return (-1);
	}
	stcp_pem_open(&pm, text, len);
	while (stcp_pem_next(&pm, &pb))
		bundle_block(bu, &pb);
	if (bu->bu_n == 0 && bu->bu_bad == 0)
		bundle_bad(bu, 0, "holds no %s%s", bundle_what[kind],
		    stcp_pem_instead(text, len));
	if (bu->bu_bad == 0 && kind == BUNDLE_CA)
		bundle_roots(bu);
	if (bu->bu_bad == 0 && kind == BUNDLE_CRL)
		list_settle(bu);
	ERR_clear_error();
	return (bu->bu_bad == 0 ? 0 : -1);
}

void
stcp_bundle_free(struct bundle *bu)
{
	sk_X509_pop_free(bu->bu_certs, X509_free);
	sk_X509_CRL_pop_free(bu->bu_lists, X509_CRL_free);
	free(bu->bu_lines);
}

static void
bundle_block(struct bundle *bu, const struct pem_block *pb)
{
	if (pb->pb_wrong != NULL && pb->pb_label[0] == '\0')
		bundle_bad(bu, pb->pb_line, "the boundary of a block %s",
		    pb->pb_wrong);
	else if (pb->pb_wrong != NULL)
		bundle_bad(bu, pb->pb_line, "%s %s", pb->pb_label,
		    pb->pb_wrong);
	else if (stcp_bundle_label(bu->bu_kind, pb->pb_label))
		bundle_take(bu, pb);
	else
		bundle_other(bu, pb);
}

/* The second name of a certificate is an old one. */
int
stcp_bundle_label(enum bundle_kind kind, const char *label)
{
	if (kind == BUNDLE_CRL)
		return (strcmp(label, "X509 CRL") == 0);
	return (strcmp(label, "CERTIFICATE") == 0 ||
	    strcmp(label, "X509 CERTIFICATE") == 0);
}

/*
 * Refuses a block that was meant to count, and notes one that has no meaning
 * here.
 */
static void
bundle_other(struct bundle *bu, const struct pem_block *pb)
{
	const char	*label = pb->pb_label;

	if (bu->bu_kind != BUNDLE_CRL &&
	    strcmp(label, "TRUSTED CERTIFICATE") == 0)
		bundle_bad(bu, pb->pb_line, "%s is not supported; \"openssl "
		    "x509\" makes a CERTIFICATE of it", label);
	else if (strcmp(label, "PKCS7") == 0 || strcmp(label, "CMS") == 0)
		bundle_bad(bu, pb->pb_line, "%s is not supported; \"openssl "
		    "pkcs7 -print_certs\" shows what is in it", label);
	else if (bu->bu_kind == BUNDLE_CA && strcmp(label, "X509 CRL") == 0)
		bundle_bad(bu, pb->pb_line, "%s does not count here, but in "
		    "a file of its own", label);
	else
		bundle_note(bu, pb->pb_line, "%s is not used", label);
}

static void
bundle_take(struct bundle *bu, const struct pem_block *pb)
{
	int	 kept;

	if (bu->bu_kind == BUNDLE_CRL)
		kept = bundle_keep_list(bu, pb);
	else
		kept = bundle_keep_cert(bu, pb);
	if (kept && !bundle_room(bu, pb->pb_line))
		bundle_bad(bu, 0, "cannot be kept: out of memory");
	if (kept)
		return;
	/* A root that is missing lets in nobody who should not be. */
	if (bu->bu_kind == BUNDLE_CA)
		bundle_note(bu, pb->pb_line, "%s cannot be parsed, and is not "
		    "used", pb->pb_label);
	else
		bundle_bad(bu, pb->pb_line, "%s cannot be parsed",
		    pb->pb_label);
}

/* To be freed by OPENSSL_free(); NULL: it cannot be read. */
static uint8_t *
bundle_der(const struct pem_block *pb, long *len)
{
	uint8_t	*der;
	size_t	 n;

	if (pb->pb_bodylen > INT_MAX ||
	    (der = OPENSSL_malloc(pb->pb_bodylen + 1)) == NULL)
		return (NULL);
	if (stcp_pem_decode(pb, der, &n) == 0) {
		*len = (long)n;
		return (der);
	}
	OPENSSL_free(der);
	return (NULL);
}

X509 *
stcp_bundle_x509(const struct pem_block *pb)
{
	const unsigned char	*p;
	uint8_t			*der;
	X509			*x509;
	long			 len;

	if ((der = bundle_der(pb, &len)) == NULL)
		return (NULL);
	p = der;
	x509 = d2i_X509(NULL, &p, len);
	if (x509 != NULL && p != der + len) {
		X509_free(x509);
		x509 = NULL;
	}
	OPENSSL_free(der);
	return (x509);
}

static int
bundle_keep_cert(struct bundle *bu, const struct pem_block *pb)
{
	X509	*x509;

	if ((x509 = stcp_bundle_x509(pb)) == NULL)
		return (0);
	if (sk_X509_push(bu->bu_certs, x509) > 0)
		return (1);
	X509_free(x509);
	return (0);
}

static int
bundle_keep_list(struct bundle *bu, const struct pem_block *pb)
{
	const unsigned char	*p;
	uint8_t			*der;
	X509_CRL		*crl;
	long			 len;
	int			 ok;

	if ((der = bundle_der(pb, &len)) == NULL)
		return (0);
	p = der;
	crl = d2i_X509_CRL(NULL, &p, len);
	ok = crl != NULL && p == der + len &&
	    sk_X509_CRL_push(bu->bu_lists, crl) > 0;
	if (!ok)
		X509_CRL_free(crl);
	OPENSSL_free(der);
	return (ok);
}

/* For the line of one more. */
static int
bundle_room(struct bundle *bu, unsigned int line)
{
	unsigned int	*grown;

	grown = realloc(bu->bu_lines, (bu->bu_n + 1) * sizeof(*grown));
	if (grown == NULL)
		return (0);
	bu->bu_lines = grown;
	bu->bu_lines[bu->bu_n++] = line;
	return (1);
}

/* Does one of them issue this one? */
static int
bundle_issued(const struct bundle *bu, X509 *x509)
{
	int	 i;

	for (i = 0; i < sk_X509_num(bu->bu_certs); i++) {
		if (X509_check_issued(sk_X509_value(bu->bu_certs, i),
		    x509) == X509_V_OK)
			return (1);
	}
	return (0);
}

/*
 * A chain is trusted that ends at a certificate signed by itself, but not at
 * one of an authority in between, nor at a client's own.
 */
static void
bundle_roots(struct bundle *bu)
{
	char		 issuer[BUNDLE_NAME], name[BUNDLE_NAME];
	X509		*x509;
	unsigned int	 i;
	int		 roots = 0;

	for (i = 0; i < bu->bu_n; i++) {
		x509 = sk_X509_value(bu->bu_certs, (int)i);
		if (X509_check_issued(x509, x509) == X509_V_OK) {
			roots++;
			continue;
		}
		stcp_name_brief(X509_get_subject_name(x509), name,
		    sizeof(name));
		stcp_name_brief(X509_get_issuer_name(x509), issuer,
		    sizeof(issuer));
		if (X509_check_ca(x509) == 0)
			bundle_note(bu, bu->bu_lines[i], "%s is neither an "
			    "authority nor signed by itself: it is not used",
			    name);
		else if (!bundle_issued(bu, x509))
			bundle_note(bu, bu->bu_lines[i], "%s is issued by %s, "
			    "which is not in the file: nobody is trusted "
			    "whose certificate it has issued", name, issuer);
	}
	if (roots == 0)
		bundle_bad(bu, 0, "holds no root, which is a certificate "
		    "signed by itself: nobody could be trusted");
}

/*
 * Lists of revoked certificates.  The TLS libraries look into one list of an
 * issuer, and pass over lists of changes and of some reasons without a word.
 * Here a certificate is revoked when any list of its issuer says so, and
 * what cannot be used is refused or told of when it is read.
 */

static X509_CRL *
list_at(const struct bundle *bu, unsigned int i)
{
	return (sk_X509_CRL_value(bu->bu_lists, (int)i));
}

static const char *
list_name(X509_CRL *crl, char name[LIST_NAME])
{
	stcp_name_brief(X509_CRL_get_issuer(crl), name, LIST_NAME);
	return (name);
}

/* Each by itself, those that have newer ones, then each among the others. */
static void
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
		if (stcp_list_kind(crl) == LIST_WHOLE)
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
stcp_list_kind(X509_CRL *crl)
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

/* Refuses a list that nothing here can use. */
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

/*
 * Finds a critical extension that is not known here, and so may change what the
 * list means.
 */
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
	return (stcp_list_kind(newer) == LIST_WHOLE ||
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
		if (stcp_list_kind(whole) == LIST_WHOLE &&
		    list_issuer(whole, crl))
			return (whole);
	}
	return (NULL);
}

/* Tells which certificates are refused for want of the rest of the list. */
static void
list_alone(struct bundle *bu, unsigned int line, X509_CRL *crl)
{
	static const char	 all[] = "all certificates of this issuer "
				    "are refused";
	char			 name[LIST_NAME];

	(void)list_name(crl, name);
	switch (stcp_list_kind(crl)) {
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

/* Revocations between the two lists are on neither of them. */
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

/* Libraries sort a list when they first look into it. */
void
stcp_list_sort(X509_CRL *crl)
{
	ASN1_INTEGER	*serial;
	X509_REVOKED	*entry;

	if ((serial = ASN1_INTEGER_new()) != NULL)
		(void)X509_CRL_get0_by_serial(crl, &entry, serial);
	ASN1_INTEGER_free(serial);
}
