/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * One certificate block: its files are opened and stay open for the signers
 * and spawners to read.  Of a key file not a byte is read here.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
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
#define EXPIRES_SOON	(14 * 24 * 60 * 60)

static void	 key_open(struct certificate *, struct stat *);
static void	 chain_check(struct certificate *, const char *, size_t);
static int	 leaf_check(struct certificate *, X509 *);
static void	 dates_check(struct certificate *, unsigned int, X509 *);

static void
key_open(struct certificate *ce, struct stat *st)
{
	const struct conf_place	*at = &ce->ce_key_at;
	int			 fd;

	if ((fd = conf_check_open("key", ce->ce_key, KEY_SIZE, at, st)) == -1)
		return;
	if (st->st_uid != 0 && st->st_uid != getuid())
		conf_error(at, "key \"%s\" belongs to user id %u, neither "
		    "root nor who runs this", ce->ce_key,
		    (unsigned int)st->st_uid);
	else if (st->st_mode & (S_IRGRP | S_IROTH))
		conf_error(at, "key \"%s\" is readable by group or others "
		    "(mode %04o)", ce->ce_key,
		    (unsigned int)(st->st_mode & 07777));
	else if (st->st_mode & (S_IRWXG | S_IRWXO))
		conf_error(at, "key \"%s\" is open to group or others (mode "
		    "%04o)", ce->ce_key,
		    (unsigned int)(st->st_mode & 07777));
	else {
		ce->ce_keyfd = fd;
		return;
	}
	close(fd);
}

static void
chain_check(struct certificate *ce, const char *buf, size_t len)
{
	const struct conf_place	*at = &ce->ce_chain_at;
	BIO			*bio;
	X509			*x, *previous = NULL;
	unsigned int		 n = 0;
	int			 more;

	if ((bio = BIO_new_mem_buf(buf, (int)len)) == NULL)
		err(1, "BIO_new_mem_buf");
	while ((more = check_next_x509(bio, &x)) == 1) {
		if (++n > CHAIN_LENGTH) {
			X509_free(x);
			conf_error(at, "chain \"%s\" holds more than %d "
			    "certificates", ce->ce_chain, CHAIN_LENGTH);
			break;
		}
		if (previous == NULL && leaf_check(ce, x) == -1) {
			X509_free(x);
			break;
		}
		if (previous != NULL &&
		    X509_check_issued(x, previous) != X509_V_OK)
			conf_warning(at, "chain \"%s\": certificate %u does "
			    "not issue certificate %u", ce->ce_chain, n,
			    n - 1);
		if (previous == NULL)
			check_learn_names(ce, x);
		dates_check(ce, n, x);
		X509_free(previous);
		previous = x;
	}
	if (more == -1)
		conf_error(at, "chain \"%s\": certificate %u cannot be "
		    "parsed", ce->ce_chain, n + 1);
	else if (n == 0)
		conf_error(at, "chain \"%s\" holds no certificate",
		    ce->ce_chain);
	X509_free(previous);
	BIO_free(bio);
	ERR_clear_error();
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
