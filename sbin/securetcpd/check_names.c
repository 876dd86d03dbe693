/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The servers' names that certificates are for: of two for the same name
 * the TLS library only ever shows one.
 */

#include <sys/types.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check_x509.h"
#include "conf.h"

static int	 name_cmp(const void *, const void *);
static void	 name_add(struct certificate *, const unsigned char *, int);
static void	 name_common(struct certificate *, X509 *);
static void	 pair_check(const struct shown *, const struct shown *);

static int
name_cmp(const void *a, const void *b)
{
	const char	*const *x = a, *const *y = b;

	return strcasecmp(*x, *y);
}

/* Wildcards may overlap: exact names come before them. */
static void
name_add(struct certificate *ce, const unsigned char *text, int len)
{
	char	*name;

	if (len <= 0 || text[0] == '*' || memchr(text, '\0', len) != NULL)
		return;
	if ((name = strndup((const char *)text, len)) == NULL ||
	    (ce->ce_names = reallocarray(ce->ce_names, ce->ce_nnames + 1,
	    sizeof(*ce->ce_names))) == NULL)
		err(1, "malloc");
	ce->ce_names[ce->ce_nnames++] = name;
}

static void
name_common(struct certificate *ce, X509 *leaf)
{
	X509_NAME	*subject = X509_get_subject_name(leaf);
	unsigned char	*text = NULL;
	int		 at, len;

	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0)
		return;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(subject, at)));
	name_add(ce, text, len);
	OPENSSL_free(text);
}

/* The common name counts only where there is no other. */
void
check_learn_names(struct certificate *ce, X509 *leaf)
{
	STACK_OF(GENERAL_NAME)	*names;
	const GENERAL_NAME	*name;
	int			 hosts = 0, i;

	names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		hosts |= name->type == GEN_DNS || name->type == GEN_IPADD;
		if (name->type == GEN_DNS)
			name_add(ce, ASN1_STRING_get0_data(name->d.dNSName),
			    ASN1_STRING_length(name->d.dNSName));
	}
	if (!hosts)
		name_common(ce, leaf);
	if (ce->ce_nnames > 1)
		qsort(ce->ce_names, ce->ce_nnames, sizeof(*ce->ce_names),
		    name_cmp);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

/* Says the first name of the later one that the earlier one has, too. */
static void
pair_check(const struct shown *earlier, const struct shown *later)
{
	const struct certificate	*a = earlier->sh_certificate;
	const struct certificate	*b = later->sh_certificate;
	size_t				 i;

	if (a == NULL || b == NULL || a->ce_nnames == 0)
		return;
	for (i = 0; i < b->ce_nnames; i++) {
		if (bsearch(&b->ce_names[i], a->ce_names, a->ce_nnames,
		    sizeof(*a->ce_names), name_cmp) == NULL)
			continue;
		conf_warning(&later->sh_place, "certificate \"%s\" is for "
		    "\"%s\" as is \"%s\": one of them is never shown for that "
		    "name", b->ce_name, b->ce_names[i], a->ce_name);
		return;
	}
}

void
conf_check_names(const struct server *sv)
{
	const struct shown	*earlier, *later;

	TAILQ_FOREACH(later, &sv->sv_certificates, sh_entry) {
		TAILQ_FOREACH(earlier, &sv->sv_certificates, sh_entry) {
			if (earlier == later)
				break;
			pair_check(earlier, later);
		}
	}
}
