/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * One certificate block.  The key file stays open for the signers to read,
 * and not a byte of it is read here; of the others spawners get a copy.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check_x509.h"
#include "compat.h"
#include "conf.h"
#include "securetcp.h"

#define CHAIN_LENGTH	32		/* certificates */
#define KEY_SIZE	(64 * 1024)
#define RSA_LEAST	2048		/* bits */
#define RSA_MOST	8192
#define TLS_FEATURE	"1.3.6.1.5.5.7.1.24"
#define STATUS_REQUEST	5	/* the TLS extension, RFC 6066 */
#define EXPIRES_SOON	(14 * 24 * 60 * 60)

static void	 key_open(struct certificate *, struct stat *);
static void	 chain_check(struct certificate *, const char *, size_t);
static void	 links_check(struct certificate *, const struct bundle *);
static void	 last_check(struct certificate *, const struct bundle *,
		    X509 *);
static int	 issuer_offered(X509 *);
static void	 leaf_purposes(struct certificate *, X509 *);
static int	 staple_demanded(X509 *);
static int	 leaf_check(struct certificate *, X509 *);
static void	 dates_check(struct certificate *, unsigned int, X509 *);

/* A group that was named may read it, and nothing else. */
static int
key_shared(const struct certificate *ce, const struct stat *st)
{
	struct group	*gr;

	if (ce->ce_key_group == NULL ||
	    (st->st_mode & (S_IRWXG | S_IRWXO)) != S_IRGRP)
		return 0;
	if ((gr = getgrnam(ce->ce_key_group)) == NULL)
		conf_error(&ce->ce_key_at, "group \"%s\" does not exist",
		    ce->ce_key_group);
	else if (gr->gr_gid != st->st_gid)
		conf_error(&ce->ce_key_at, "key \"%s\" is readable by the "
		    "group with id %u, which is not \"%s\"", ce->ce_key,
		    (unsigned int)st->st_gid, ce->ce_key_group);
	return 1;
}

static void
key_open(struct certificate *ce, struct stat *st)
{
	const struct conf_place	*at = &ce->ce_key_at;
	unsigned int		 before = conf_errors();
	int			 fd;

	if ((fd = conf_check_open("key", ce->ce_key, KEY_SIZE, at, st)) == -1)
		return;
	if (st->st_uid != 0 && st->st_uid != getuid())
		conf_error(at, "key \"%s\" belongs to user id %u, neither "
		    "root nor who runs this", ce->ce_key,
		    (unsigned int)st->st_uid);
	else if (key_shared(ce, st))
		;	/* what is wrong with that was said */
	else if (st->st_mode & (S_IRGRP | S_IROTH))
		conf_error(at, "key \"%s\" is readable by group or others "
		    "(mode %04o)%s", ce->ce_key,
		    (unsigned int)(st->st_mode & 07777),
		    (st->st_mode & (S_IRWXG | S_IRWXO)) == S_IRGRP ? ": "
		    "only a \"group\" that is named after it may read it" :
		    "");
	else if (st->st_mode & (S_IRWXG | S_IRWXO))
		conf_error(at, "key \"%s\" is open to group or others (mode "
		    "%04o)", ce->ce_key,
		    (unsigned int)(st->st_mode & 07777));
	if (conf_errors() == before)
		ce->ce_keyfd = fd;
	else
		close(fd);
}

static void
chain_check(struct certificate *ce, const char *buf, size_t len)
{
	const struct conf_place	*at = &ce->ce_chain_at;
	struct bundle		 bu;
	X509			*leaf;

	if (check_bundle(&bu, BUNDLE_CHAIN, "chain", ce->ce_chain, at, buf,
	    len) == 0 && leaf_check(ce, leaf = sk_X509_value(bu.bu_certs,
	    0)) == 0) {
		check_learn_names(ce, leaf);
		leaf_purposes(ce, leaf);
		if (bu.bu_n > CHAIN_LENGTH)
			conf_error(at, "chain \"%s\" holds more than %d "
			    "certificates", ce->ce_chain, CHAIN_LENGTH);
		else
			links_check(ce, &bu);
	}
	bundle_free(&bu);
	ERR_clear_error();
}

/* From the leaf on, each is to be issued by the next. */
static void
links_check(struct certificate *ce, const struct bundle *bu)
{
	X509		*next, *x;
	unsigned int	 i;

	for (i = 0; i < bu->bu_n; i++) {
		x = sk_X509_value(bu->bu_certs, (int)i);
		dates_check(ce, i + 1, x);
		if (i + 1 == bu->bu_n) {
			last_check(ce, bu, x);
			return;
		}
		next = sk_X509_value(bu->bu_certs, (int)i + 1);
		if (X509_check_issued(next, x) != X509_V_OK)
			conf_warning(&ce->ce_chain_at, "chain \"%s\", line "
			    "%u: certificate %u does not issue certificate %u",
			    ce->ce_chain, bu->bu_lines[i + 1], i + 2, i + 1);
		else if (X509_verify(x, X509_get0_pubkey(next)) != 1)
			conf_warning(&ce->ce_chain_at, "chain \"%s\", line "
			    "%u: certificate %u has not signed certificate "
			    "%u: it only has its issuer's name", ce->ce_chain,
			    bu->bu_lines[i + 1], i + 2, i + 1);
	}
}

/*
 * Where the chain ends: at a root, or at what a root is known to have
 * issued.  Who says where the certificate of its issuer is to be had is not
 * issued by one that clients know.
 */
static void
last_check(struct certificate *ce, const struct bundle *bu, X509 *x)
{
	const struct conf_place	*at = &ce->ce_chain_at;
	unsigned int		 line = bu->bu_lines[bu->bu_n - 1];

	if (X509_NAME_entry_count(X509_get_issuer_name(x)) == 0)
		conf_warning(at, "chain \"%s\", line %u: the chain leads "
		    "nowhere: certificate %u names no issuer", ce->ce_chain,
		    line, bu->bu_n);
	else if (X509_check_issued(x, x) == X509_V_OK) {
		if (X509_verify(x, X509_get0_pubkey(x)) != 1)
			conf_warning(at, "chain \"%s\", line %u: the chain "
			    "leads nowhere: certificate %u names itself as "
			    "its issuer and is not signed by itself",
			    ce->ce_chain, line, bu->bu_n);
	} else if (bu->bu_n == 1 && issuer_offered(x))
		conf_warning(at, "chain \"%s\" holds only the certificate, "
		    "which says where to get that of its issuer: clients may "
		    "lack it", ce->ce_chain);
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
	return found;
}

/* For conf_check_server(), which knows what it is shown for. */
static void
leaf_purposes(struct certificate *ce, X509 *x)
{
	ce->ce_not_servers = X509_check_purpose(x, X509_PURPOSE_SSL_SERVER,
	    0) != 1;
	ce->ce_not_clients = X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT,
	    0) != 1;
	if (ce->ce_ocsp.pa_path == NULL && staple_demanded(x))
		conf_warning(&ce->ce_chain_at, "chain \"%s\": the "
		    "certificate demands an OCSP response, and there is no "
		    "\"ocsp\": clients may refuse it", ce->ce_chain);
}

/* A sequence of small numbers (RFC 7633), one of which stands for it. */
static int
staple_demanded(X509 *x)
{
	const unsigned char	*p;
	ASN1_OBJECT		*object;
	ASN1_OCTET_STRING	*data;
	int			 at, found = 0, i, len;

	if ((object = OBJ_txt2obj(TLS_FEATURE, 1)) == NULL)
		err(1, "OBJ_txt2obj");
	if ((at = X509_get_ext_by_OBJ(x, object, -1)) != -1) {
		data = X509_EXTENSION_get_data(X509_get_ext(x, at));
		p = ASN1_STRING_get0_data(data);
		len = ASN1_STRING_length(data);
		for (i = 2; i + 2 < len && p[i] == V_ASN1_INTEGER;
		    i += 2 + p[i + 1])
			found |= p[i + 1] == 1 && p[i + 2] == STATUS_REQUEST;
	}
	ASN1_OBJECT_free(object);
	return found;
}

/* What the TLS library can sign for from outside, at a length it takes. */
static int
leaf_check(struct certificate *ce, X509 *x)
{
	const struct conf_place	*at = &ce->ce_chain_at;
	const ASN1_OBJECT	*curve;
	const void		*param;
	ASN1_OBJECT		*object;
	X509_ALGOR		*algorithm;
	EVP_PKEY		*key;
	const char		*name;
	int			 bits, type;

	if (X509_PUBKEY_get0_param(&object, NULL, NULL, &algorithm,
	    X509_get_X509_PUBKEY(x)) != 1 ||
	    (key = X509_get0_pubkey(x)) == NULL) {
		conf_error(at, "chain \"%s\": the public key cannot be read",
		    ce->ce_chain);
		return -1;
	}
	switch (OBJ_obj2nid(object)) {
	case NID_rsaEncryption:
		bits = EVP_PKEY_bits(key);
		if (bits >= RSA_LEAST && bits <= RSA_MOST)
			return 0;
		conf_error(at, "chain \"%s\": RSA key of %d bits (%d to %d "
		    "are supported)", ce->ce_chain, bits, RSA_LEAST, RSA_MOST);
		return -1;
	case NID_X9_62_id_ecPublicKey:
		X509_ALGOR_get0(NULL, &type, &param, algorithm);
		curve = param;
		if (type != V_ASN1_OBJECT) {
			conf_error(at, "chain \"%s\": ECDSA key on a curve "
			    "without a name", ce->ce_chain);
			return -1;
		}
		switch (OBJ_obj2nid(curve)) {
		case NID_X9_62_prime256v1:
		case NID_secp384r1:
		case NID_secp521r1:
			return 0;
		}
		name = OBJ_nid2sn(OBJ_obj2nid(curve));
		conf_error(at, "chain \"%s\": unsupported curve %s (P-256, "
		    "P-384 and P-521 are supported)", ce->ce_chain,
		    name == NULL ? "unknown" : name);
		return -1;
	}
	name = OBJ_obj2nid(object) == NID_ED25519 ? "Ed25519" :
	    OBJ_nid2ln(OBJ_obj2nid(object));
	conf_error(at, "chain \"%s\": unsupported key type %s: the TLS "
	    "library signs from outside with RSA and ECDSA only",
	    ce->ce_chain, name == NULL ? "unknown" : name);
	return -1;
}

static void
date_warning(struct certificate *ce, unsigned int n, const char *what,
    time_t when)
{
	char	 date[64];

	(void)conf_check_date(when, date, sizeof(date));
	if (n == 1)
		conf_warning(&ce->ce_chain_at, "certificate \"%s\" %s %s",
		    ce->ce_name, what, date);
	else
		conf_warning(&ce->ce_chain_at, "chain \"%s\": certificate %u "
		    "%s %s", ce->ce_chain, n, what, date);
}

static void
dates_check(struct certificate *ce, unsigned int n, X509 *x)
{
	time_t	 from, to, now;

	from = check_time(X509_get0_notBefore(x));
	to = check_time(X509_get0_notAfter(x));
	if (from == -1 || to == -1) {
		conf_error(&ce->ce_chain_at, "chain \"%s\": the dates of "
		    "certificate %u cannot be read", ce->ce_chain, n);
		return;
	}
	if (n == 1) {
		ce->ce_notbefore = from;
		ce->ce_notafter = to;
	}
	now = time(NULL);
	if (from > now)
		date_warning(ce, n, "is not valid before", from);
	if (to < now)
		date_warning(ce, n, "expired on", to);
	else if (to - now < EXPIRES_SOON)
		date_warning(ce, n, "expires on", to);
}

static void
chain_open(struct certificate *ce, const struct stat *keyst)
{
	enum securetcp_keytype	 type;
	struct stat		 st;
	unsigned int		 before;
	char			*buf;
	size_t			 len;

	ce->ce_chainfd = conf_check_open("chain", ce->ce_chain,
	    CHECK_CHAIN_SIZE, &ce->ce_chain_at, &st);
	if (ce->ce_chainfd == -1)
		return;
	if (keyst != NULL && st.st_dev == keyst->st_dev &&
	    st.st_ino == keyst->st_ino) {
		conf_error(&ce->ce_chain_at, "chain \"%s\" and key \"%s\" "
		    "are the same file", ce->ce_chain, ce->ce_key);
		return;
	}
	if ((buf = conf_check_read("chain", ce->ce_chain, ce->ce_chainfd,
	    &ce->ce_chain_at, CHECK_CHAIN_SIZE, &len)) == NULL)
		return;
	before = conf_errors();
	conf_check_keep("chain", ce->ce_chain, &ce->ce_chainfd,
	    &ce->ce_chain_at, buf, len);
	chain_check(ce, buf, len);
	if (conf_errors() == before) {
		if (securetcp_key_id(buf, len, ce->ce_id, &type) != 0)
			conf_error(&ce->ce_chain_at, "chain \"%s\": the "
			    "public key cannot be read", ce->ce_chain);
		else
			ce->ce_type = type == SECURETCP_RSA ?
			    WIRE_KEYTYPE_RSA : WIRE_KEYTYPE_ECDSA;
	}
	free(buf);
}

void
conf_check_certificate(struct certificate *ce)
{
	struct stat	 st;
	int		 known;

	if (ce->ce_key != NULL)
		key_open(ce, &st);
	/* A key file that is refused must not be read as a chain either. */
	known = ce->ce_key != NULL && stat(ce->ce_key, &st) == 0;
	if (ce->ce_keyfd != -1)
		known = fstat(ce->ce_keyfd, &st) == 0;
	if (ce->ce_chain != NULL)
		chain_open(ce, known ? &st : NULL);
	if (ce->ce_ocsp.pa_path != NULL)
		conf_check_staple(ce);
}
