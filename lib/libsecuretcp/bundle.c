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

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "list.h"
#include "object.h"
#include "pem.h"

#define BUNDLE_TEXT	512
#define BUNDLE_NAME	128

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

static const char	*bundle_what[] = { "certificate", "certificate",
			    "list of revoked certificates" };

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

void
bundle_bad(struct bundle *bu, unsigned int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	bundle_tell(bu, 1, line, fmt, ap);
	va_end(ap);
}

void
bundle_note(struct bundle *bu, unsigned int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	bundle_tell(bu, 0, line, fmt, ap);
	va_end(ap);
}

int
bundle_read(struct bundle *bu, enum bundle_kind kind, const void *text,
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
	pem_open(&pm, text, len);
	while (pem_next(&pm, &pb))
		bundle_block(bu, &pb);
	if (bu->bu_n == 0 && bu->bu_bad == 0)
		bundle_bad(bu, 0, "holds no %s%s", bundle_what[kind],
		    pem_instead(text, len));
	if (bu->bu_bad == 0 && kind == BUNDLE_CA)
		bundle_roots(bu);
	if (bu->bu_bad == 0 && kind == BUNDLE_CRL)
		list_settle(bu);
	ERR_clear_error();
	return (bu->bu_bad == 0 ? 0 : -1);
}

void
bundle_free(struct bundle *bu)
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
	else if (bundle_label(bu->bu_kind, pb->pb_label))
		bundle_take(bu, pb);
	else
		bundle_other(bu, pb);
}

/* The second name of a certificate is an old one. */
int
bundle_label(enum bundle_kind kind, const char *label)
{
	if (kind == BUNDLE_CRL)
		return (strcmp(label, "X509 CRL") == 0);
	return (strcmp(label, "CERTIFICATE") == 0 ||
	    strcmp(label, "X509 CERTIFICATE") == 0);
}

/* What was meant to count is refused, what has no meaning here is noted. */
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
	if (pem_decode(pb, der, &n) == 0) {
		*len = (long)n;
		return (der);
	}
	OPENSSL_free(der);
	return (NULL);
}

X509 *
bundle_x509(const struct pem_block *pb)
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

	if ((x509 = bundle_x509(pb)) == NULL)
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
 * A chain is trusted that ends at a certificate signed by itself.  One of an
 * authority in between is no such end, nor is a client's own.
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
		name_brief(X509_get_subject_name(x509), name, sizeof(name));
		name_brief(X509_get_issuer_name(x509), issuer, sizeof(issuer));
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
