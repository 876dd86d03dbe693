/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A certificate and its chain: whether the key is one that can be served,
 * whether clients will follow the chain, and what its names are for.
 */

#include <sys/types.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <imsg.h>

#include "compat.h"
#include "config.h"
#include "helper.h"
#include "inspect.h"
#include "object.h"
#include "securetcp.h"

#define CHAIN_LENGTH	32		/* certificates */
#define RSA_LEAST	2048		/* bits */
#define RSA_MOST	8192
#define TLS_FEATURE	"1.3.6.1.5.5.7.1.24"
#define STATUS_REQUEST	5	/* the TLS extension, RFC 6066 */
#define EXPIRES_SOON	(14 * 24 * 60 * 60)

static int	 leaf_check(struct inspection *, X509 *);
static int	 curve_check(struct inspection *, const X509_ALGOR *);
static void	 leaf_facts(struct inspection *, X509 *);
static int	 staple_demanded(struct inspection *, X509 *);
static void	 leaf_keep(struct inspection *, const struct bundle *);
static void	 names_keep(struct inspection *, const struct bundle *);
static void	 links_check(struct inspection *, const struct bundle *);
static void	 last_check(struct inspection *, const struct bundle *, X509 *);
static int	 issuer_offered(X509 *);
static void	 dates_check(struct inspection *, unsigned int, X509 *);
static int	 name_cmp(const void *, const void *);
static void	 pair_check(struct inspection *, const struct inspected *,
		    const struct inspected *);

void
inspect_chain(struct inspection *in, const void *buf, size_t len)
{
	struct bundle	 bu;
	X509		*leaf;

	if (inspect_bundle(in, &bu, BUNDLE_CHAIN, buf, len) == 0) {
		leaf_keep(in, &bu);
		leaf = sk_X509_value(bu.bu_certs, 0);
		if (leaf_check(in, leaf) == 0) {
			leaf_facts(in, leaf);
			names_keep(in, &bu);
			links_check(in, &bu);
		}
	}
	bundle_free(&bu);
}

/* What the TLS library can sign for from outside, at a length it takes. */
static int
leaf_check(struct inspection *in, X509 *x)
{
	ASN1_OBJECT	*object;
	X509_ALGOR	*algorithm;
	EVP_PKEY	*key;
	const char	*name;
	int		 bits;

	if (X509_PUBKEY_get0_param(&object, NULL, NULL, &algorithm,
	    X509_get_X509_PUBKEY(x)) != 1 ||
	    (key = X509_get0_pubkey(x)) == NULL) {
		inspect_error(in, 0, ": the public key cannot be read");
		return (-1);
	}
	switch (OBJ_obj2nid(object)) {
	case NID_rsaEncryption:
		bits = EVP_PKEY_bits(key);
		if (bits >= RSA_LEAST && bits <= RSA_MOST)
			return (0);
		inspect_error(in, 0, ": RSA key of %d bits (%d to %d are "
		    "supported)", bits, RSA_LEAST, RSA_MOST);
		return (-1);
	case NID_X9_62_id_ecPublicKey:
		return (curve_check(in, algorithm));
	}
	name = OBJ_obj2nid(object) == NID_ED25519 ? "Ed25519" :
	    OBJ_nid2ln(OBJ_obj2nid(object));
	inspect_error(in, 0, ": unsupported key type %s: the TLS library "
	    "signs from outside with RSA and ECDSA only",
	    name == NULL ? "unknown" : name);
	return (-1);
}

static int
curve_check(struct inspection *in, const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT	*curve;
	const void		*param;
	const char		*name;
	int			 type;

	X509_ALGOR_get0(NULL, &type, &param, algorithm);
	if (type != V_ASN1_OBJECT) {
		inspect_error(in, 0, ": ECDSA key on a curve without a name");
		return (-1);
	}
	curve = param;
	switch (OBJ_obj2nid(curve)) {
	case NID_X9_62_prime256v1:
	case NID_secp384r1:
	case NID_secp521r1:
		return (0);
	}
	name = OBJ_nid2sn(OBJ_obj2nid(curve));
	inspect_error(in, 0, ": unsupported curve %s (P-256, P-384 and P-521 "
	    "are supported)", name == NULL ? "unknown" : name);
	return (-1);
}

/* What the parent pairs with the key, and when that ends. */
static void
leaf_facts(struct inspection *in, X509 *x)
{
	enum securetcp_keytype	 type;

	if (keyid_pkey(X509_get0_pubkey(x), in->in_answer.wck_id,
	    &type) != ptOk) {
		inspect_error(in, 0, ": the public key cannot be read");
		return;
	}
	in->in_answer.wck_type = type == SECURETCP_RSA ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA;
	in->in_answer.wck_since =
	    (uint64_t)inspect_time(X509_get0_notBefore(x));
	in->in_answer.wck_until =
	    (uint64_t)inspect_time(X509_get0_notAfter(x));
	if (!(in->in_asked.wqu_flags & WIRE_CHECK_STAPLED) &&
	    staple_demanded(in, x))
		inspect_warning(in, 0, ": the certificate demands an OCSP "
		    "response, and there is no \"ocsp\": clients may refuse "
		    "it");
}

/* A sequence of small numbers (RFC 7633), one of which stands for it. */
static int
staple_demanded(struct inspection *in, X509 *x)
{
	const unsigned char	*p;
	ASN1_OBJECT		*object;
	ASN1_OCTET_STRING	*data;
	int			 at, found = 0, i, len;

	if ((object = OBJ_txt2obj(TLS_FEATURE, 1)) == NULL)
		helper_fatal(in->in_pipe, "checker: out of memory");
	if ((at = X509_get_ext_by_OBJ(x, object, -1)) != -1) {
		data = X509_EXTENSION_get_data(X509_get_ext(x, at));
		p = ASN1_STRING_get0_data(data);
		len = ASN1_STRING_length(data);
		for (i = 2; i + 2 < len && p[i] == V_ASN1_INTEGER;
		    i += 2 + p[i + 1])
			found |= p[i + 1] == 1 && p[i + 2] == STATUS_REQUEST;
	}
	ASN1_OBJECT_free(object);
	return (found);
}

/* The first certificate, and its issuer if that is there, for a STAPLE. */
static void
leaf_keep(struct inspection *in, const struct bundle *bu)
{
	X509		*x;
	unsigned int	 i;

	in->in_leaf = sk_X509_value(bu->bu_certs, 0);
	(void)X509_up_ref(in->in_leaf);
	for (i = 0; in->in_issuer == NULL && i < bu->bu_n; i++) {
		x = sk_X509_value(bu->bu_certs, (int)i);
		if (X509_check_issued(x, in->in_leaf) != X509_V_OK)
			continue;
		(void)X509_up_ref(x);
		in->in_issuer = x;
	}
}

static int
name_cmp(const void *a, const void *b)
{
	const char	*const *x = a, *const *y = b;

	return (strcasecmp(*x, *y));
}

static void
names_keep(struct inspection *in, const struct bundle *bu)
{
	struct inspected	*id;
	X509			*leaf = sk_X509_value(bu->bu_certs, 0);

	if ((id = calloc(1, sizeof(*id))) == NULL ||
	    (id->id_chain = chain_new(bu->bu_certs, NULL, 0)) == NULL)
		helper_fatal(in->in_pipe, "checker: names of a certificate: "
		    "%s", strerror(ENOMEM));
	(void)strlcpy(id->id_name, in->in_asked.wqu_text, sizeof(id->id_name));
	qsort(id->id_chain->ch_names, id->id_chain->ch_nnames,
	    sizeof(*id->id_chain->ch_names), name_cmp);
	id->id_not_servers = X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER,
	    0) != 1;
	id->id_not_clients = X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT,
	    0) != 1;
	TAILQ_INSERT_TAIL(&in->in_chains, id, id_entry);
}

/* From the leaf on, each is to be issued by the next. */
static void
links_check(struct inspection *in, const struct bundle *bu)
{
	X509		*next, *x;
	unsigned int	 i;

	if (bu->bu_n > CHAIN_LENGTH) {
		inspect_error(in, 0, " holds more than %d certificates",
		    CHAIN_LENGTH);
		return;
	}
	for (i = 0; i < bu->bu_n; i++) {
		x = sk_X509_value(bu->bu_certs, (int)i);
		dates_check(in, i + 1, x);
		if (i + 1 == bu->bu_n) {
			last_check(in, bu, x);
			return;
		}
		next = sk_X509_value(bu->bu_certs, (int)i + 1);
		if (X509_check_issued(next, x) != X509_V_OK)
			inspect_warning(in, bu->bu_lines[i + 1],
			    ": certificate %u does not issue certificate %u",
			    i + 2, i + 1);
		else if (X509_verify(x, X509_get0_pubkey(next)) != 1)
			inspect_warning(in, bu->bu_lines[i + 1],
			    ": certificate %u has not signed certificate %u: "
			    "it only has its issuer's name", i + 2, i + 1);
	}
}

/*
 * Where the chain ends: at a root, or at what a root is known to have
 * issued.  Who says where the certificate of its issuer is to be had is not
 * issued by one that clients know.
 */
static void
last_check(struct inspection *in, const struct bundle *bu, X509 *x)
{
	unsigned int	 line = bu->bu_lines[bu->bu_n - 1];

	if (X509_NAME_entry_count(X509_get_issuer_name(x)) == 0)
		inspect_warning(in, line, ": the chain leads nowhere: "
		    "certificate %u names no issuer", bu->bu_n);
	else if (X509_check_issued(x, x) == X509_V_OK) {
		if (X509_verify(x, X509_get0_pubkey(x)) != 1)
			inspect_warning(in, line, ": the chain leads nowhere: "
			    "certificate %u names itself as its issuer and is "
			    "not signed by itself", bu->bu_n);
	} else if (bu->bu_n == 1 && issuer_offered(x))
		inspect_warning(in, 0, " holds only the certificate, which "
		    "says where to get that of its issuer: clients may lack "
		    "it");
}

/* Has it an address for the certificate of its issuer? */
static int
issuer_offered(X509 *x)
{
	AUTHORITY_INFO_ACCESS	*access;
	int			 found = 0, i;

	access = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
	for (i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++)
		found |= OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access,
		    i)->method) == NID_ad_ca_issuers;
	AUTHORITY_INFO_ACCESS_free(access);
	return (found);
}

/* The parent, which learns the leaf's, speaks of these by itself. */
static void
dates_check(struct inspection *in, unsigned int n, X509 *x)
{
	char	 date[INSPECT_DATE];
	time_t	 from, now = time(NULL), to;

	from = inspect_time(X509_get0_notBefore(x));
	to = inspect_time(X509_get0_notAfter(x));
	if (from == -1 || to == -1)
		inspect_error(in, 0, ": the dates of certificate %u cannot "
		    "be read", n);
	if (from == -1 || to == -1 || n == 1)
		return;
	if (from > now)
		inspect_warning(in, 0, ": certificate %u is not valid before "
		    "%s", n, inspect_date(from, date, sizeof(date)));
	if (to < now)
		inspect_warning(in, 0, ": certificate %u expired on %s", n,
		    inspect_date(to, date, sizeof(date)));
	else if (to - now < EXPIRES_SOON)
		inspect_warning(in, 0, ": certificate %u expires on %s", n,
		    inspect_date(to, date, sizeof(date)));
}

/*
 * The first name of the later one that the earlier one has, too.  Wildcards
 * may overlap: exact names come before them.
 */
static void
pair_check(struct inspection *in, const struct inspected *earlier,
    const struct inspected *later)
{
	const struct chain	*a = earlier->id_chain, *b = later->id_chain;
	size_t			 i;

	for (i = 0; i < b->ch_nnames; i++) {
		if (b->ch_names[i][0] == '*' ||
		    bsearch(&b->ch_names[i], a->ch_names, a->ch_nnames,
		    sizeof(*a->ch_names), name_cmp) == NULL)
			continue;
		inspect_warning(in, 0, " is for \"%s\" as is \"%s\": one of "
		    "them is never shown for that name", b->ch_names[i],
		    earlier->id_name);
		return;
	}
}

/*
 * A block shows this certificate: nobody may take it for what it is shown
 * as, and of two for the same name the TLS library only ever shows one.  Of
 * one that could not be read something was said already.
 */
void
inspect_shown(struct inspection *in)
{
	struct inspected	*earlier, *id;
	int			 client, unfit;

	TAILQ_FOREACH(id, &in->in_chains, id_entry)
		if (strcmp(id->id_name, in->in_asked.wqu_text) == 0)
			break;
	if (id == NULL)
		return;
	client = in->in_asked.wqu_flags & WIRE_CHECK_CLIENT;
	unfit = client ? id->id_not_clients : id->id_not_servers;
	if (unfit)
		inspect_warning(in, 0, " is not for %s by its purpose: it may "
		    "be refused", client ? "clients" : "servers");
	TAILQ_FOREACH(earlier, &in->in_shown, id_shown)
		pair_check(in, earlier, id);
	TAILQ_INSERT_TAIL(&in->in_shown, id, id_shown);
}
