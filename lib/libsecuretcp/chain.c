/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A certificate with its chain: the servers' names it is for, and what its
 * authority says of it to the clients that ask.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tls.h>
#include <unistd.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "config.h"
#include "object.h"
#include "securetcp.h"

#define CHAIN_COMMONNAME	64	/* characters of one that counts */

static uint8_t	*chain_copy(const void *, size_t);
static int	 chain_write(struct chain *, STACK_OF(X509) *);
static int	 chain_names(struct chain *, X509 *);
static int	 chain_alternative(struct chain *, const GENERAL_NAME *);
static int	 chain_commonname(struct chain *, X509 *);
static int	 chain_name(struct chain *, const void *, int);
static int	 chain_has(const struct chain *, const char *);
static int	 chain_covers(const struct chain *, const char *);
static int	 chain_matches(const char *, const char *);
static const char *chain_response(const void *, size_t);
static X509	*chain_leaf(const void *, size_t);

struct trust_say {
	struct securetcp_config	*ts_config;
	const char		*ts_what;
};

static void	 trust_say(void *, int, unsigned int, const char *);
static int	 trust_set_ca(struct securetcp_config *, const char *,
		    const void *, size_t);
static int	 trust_default(struct securetcp_config *);
static int	 trust_add(X509_STORE *, X509_CRL *);
static void	 trust_warm(struct securetcp_config *, X509_STORE *);
static X509_STORE	*trust_build(struct securetcp_config *);

#define FILE_MAX	(64 * 1024 * 1024)	/* bytes: a large CRL */

static int	 file_read(struct securetcp_config *, const char *,
		    const char *, void **, size_t *);
static int	 file_fetch(struct securetcp_config *, const char *,
		    const char *, int, void **, size_t *);
static int	 file_apply(struct securetcp_config *, const char *,
		    const char *, int (*)(struct securetcp_config *,
		    const void *, size_t));

/* NULL: out of memory. */
struct chain *
stcp_chain_new(STACK_OF(X509) *certs, const void *key, size_t keylen)
{
	struct chain	*ch;
	size_t		 i;

	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return (NULL);
	if (key != NULL)
		ch->ch_key = chain_copy(key, keylen);
	ch->ch_keylen = keylen;
	if (chain_write(ch, certs) == -1 ||
	    (key != NULL && ch->ch_key == NULL) ||
	    chain_names(ch, sk_X509_value(certs, 0)) == -1) {
		stcp_chain_free(ch);
		return (NULL);
	}
	for (i = 0; i < ch->ch_nnames; i++)
		ch->ch_wildcard |= ch->ch_names[i][0] == '*';
	return (ch);
}

static int
chain_write(struct chain *ch, STACK_OF(X509) *certs)
{
	BIO	*bio;
	char	*text;
	long	 len;
	int	 i, ok = 1;

	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return (-1);
	for (i = 0; ok && i < sk_X509_num(certs); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(certs, i)) == 1;
	if (ok && (len = BIO_get_mem_data(bio, &text)) > 0) {
		ch->ch_pem = chain_copy(text, (size_t)len);
		ch->ch_len = (size_t)len;
	}
	(void)BIO_free(bio);
	return (ch->ch_pem == NULL ? -1 : 0);
}

static uint8_t *
chain_copy(const void *p, size_t len)
{
	uint8_t	*copy;

	if ((copy = malloc(len)) != NULL)
		memcpy(copy, p, len);
	return (copy);
}

void
stcp_chain_free(struct chain *ch)
{
	size_t	 i;

	for (i = 0; i < ch->ch_nnames; i++)
		free(ch->ch_names[i]);
	free(ch->ch_names);
	free(ch->ch_staple);
	free(ch->ch_pem);
	stcp_memory_wipe(ch->ch_key, ch->ch_keylen);
	free(ch);
}

/*
 * As libtls chooses: by the alternative names; the common name counts only
 * where there are none of hosts or addresses.
 */
static int
chain_names(struct chain *ch, X509 *leaf)
{
	STACK_OF(GENERAL_NAME)	*names;
	GENERAL_NAME		*name;
	int			 bad = 0, hosts = 0, i, n;

	names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	n = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	if ((ch->ch_names = calloc((size_t)n + 1,
	    sizeof(*ch->ch_names))) == NULL)
		bad = 1;
	for (i = 0; i < n && !bad; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS || name->type == GEN_IPADD)
			hosts = 1;
		if (name->type == GEN_DNS)
			bad = chain_alternative(ch, name) == -1;
	}
	GENERAL_NAMES_free(names);
	ch->ch_common = !hosts;
	if (!bad && !hosts)
		bad = chain_commonname(ch, leaf) == -1;
	ERR_clear_error();
	return (bad ? -1 : 0);
}

static int
chain_alternative(struct chain *ch, const GENERAL_NAME *name)
{
	const ASN1_STRING	*as = name->d.dNSName;

	if (ASN1_STRING_type(as) != V_ASN1_IA5STRING)
		return (0);
	return (chain_name(ch, ASN1_STRING_get0_data(as),
	    ASN1_STRING_length(as)));
}

static int
chain_commonname(struct chain *ch, X509 *leaf)
{
	X509_NAME	*subject = X509_get_subject_name(leaf);
	unsigned char	*text = NULL;
	int		 at, error = 0, len;

	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName,
	    at) >= 0)
		return (0);
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(subject, at)));
	if (len <= CHAIN_COMMONNAME)
		error = chain_name(ch, text, len);
	OPENSSL_free(text);
	return (error);
}

/* There is room for each.  One with a NUL in it is no name. */
static int
chain_name(struct chain *ch, const void *text, int len)
{
	char	*copy;

	if (len <= 0 || memchr(text, '\0', (size_t)len) != NULL)
		return (0);
	if ((copy = malloc((size_t)len + 1)) == NULL)
		return (-1);
	memcpy(copy, text, (size_t)len);
	copy[len] = '\0';
	ch->ch_names[ch->ch_nnames++] = copy;
	return (0);
}

/* Who asks for an address gets the default: that is no server's name. */
int
securetcp_config_covers(const struct securetcp_config *sc, const char *name)
{
	const struct chain	*ch;
	struct in6_addr		 address;

	if (name == NULL || *name == '\0' ||
	    inet_pton(AF_INET, name, &address) == 1 ||
	    inet_pton(AF_INET6, name, &address) == 1)
		return (0);
	TAILQ_FOREACH(ch, &sc->sc_chains, ch_entry) {
		if (chain_covers(ch, name))
			return (1);
	}
	return (0);
}

/* An address is no host: no wildcard covers it.  -1: out of memory. */
int
stcp_chain_is_for(X509 *leaf, const char *name)
{
	struct in6_addr	 address;
	struct chain	*ch;
	int		 found = -1;

	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return (-1);
	if (chain_names(ch, leaf) == 0) {
		if (inet_pton(AF_INET, name, &address) == 1 ||
		    inet_pton(AF_INET6, name, &address) == 1)
			found = X509_check_ip_asc(leaf, name, 0) == 1 ||
			    (ch->ch_common && chain_has(ch, name));
		else
			found = chain_covers(ch, name);
	}
	stcp_chain_free(ch);
	ERR_clear_error();
	return (found);
}

int
stcp_chain_shadows(const struct chain *ch, const struct chain *exact)
{
	size_t	 i;

	for (i = 0; i < exact->ch_nnames; i++) {
		if (exact->ch_names[i][0] != '*' &&
		    chain_covers(ch, exact->ch_names[i]) &&
		    !chain_has(ch, exact->ch_names[i]))
			return (1);
	}
	return (0);
}

static int
chain_has(const struct chain *ch, const char *name)
{
	size_t	 i;

	for (i = 0; i < ch->ch_nnames; i++) {
		if (strcasecmp(ch->ch_names[i], name) == 0)
			return (1);
	}
	return (0);
}

static int
chain_covers(const struct chain *ch, const char *name)
{
	size_t	 i;

	for (i = 0; i < ch->ch_nnames; i++) {
		if (chain_matches(ch->ch_names[i], name))
			return (1);
	}
	return (0);
}

/*
 * A wildcard stands for one label, and only in front of a domain of two or
 * more.
 */
static int
chain_matches(const char *pattern, const char *name)
{
	const char	*dot, *rest;

	if (strcasecmp(pattern, name) == 0)
		return (1);
	if (pattern[0] != '*' || pattern[1] != '.' || pattern[2] == '.')
		return (0);
	dot = strchr(pattern + 2, '.');
	if (dot == NULL || dot[1] == '\0' || dot[1] == '.')
		return (0);
	rest = strchr(name, '.');
	return (rest != NULL && rest != name &&
	    strcasecmp(pattern + 1, rest) == 0);
}

int
securetcp_config_set_staple(struct securetcp_config *sc, const void *der,
    size_t len)
{
	struct chain	*ch;
	const char	*wrong;
	uint8_t		*copy;
	int		 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if ((ch = TAILQ_LAST(&sc->sc_chains, chains)) == NULL) {
		stcp_config_say(sc, "OCSP response: there is no certificate "
		    "yet");
		return (ptNoCertificate);
	}
	if ((wrong = chain_response(der, len)) != NULL) {
		stcp_config_say(sc, "OCSP response: %s", wrong);
		return (ptInvalidParam2);
	}
	if ((copy = chain_copy(der, len)) == NULL) {
		stcp_config_say(sc, "OCSP response: out of memory");
		return (ptNoBufferSpace);
	}
	free(ch->ch_staple);
	ch->ch_staple = copy;
	ch->ch_staplelen = len;
	return (ptOk);
}

/* What is wrong with it; NULL: it is one, to the last byte. */
static const char *
chain_response(const void *der, size_t len)
{
	const unsigned char	*p = der;
	OCSP_RESPONSE		*response;
	int			 status;

	if (der == NULL || len == 0)
		return ("nothing given");
	if (len > SECURETCP_STAPLE)
		return ("it is too long");
	response = d2i_OCSP_RESPONSE(NULL, &p, (long)len);
	ERR_clear_error();
	if (response == NULL)
		return ("it cannot be read");
	status = OCSP_response_status(response);
	OCSP_RESPONSE_free(response);
	if (p != (const unsigned char *)der + len)
		return ("something follows it");
	if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return ("it says that there is no answer");
	return (NULL);
}

/* The first certificate of a PEM chain; NULL when there is none. */
static X509 *
chain_leaf(const void *pem, size_t len)
{
	struct pem_block	 pb;
	struct pem		 pm;
	X509			*x509 = NULL;

	stcp_pem_open(&pm, pem, len);
	while (stcp_pem_next(&pm, &pb) && pb.pb_wrong == NULL) {
		if (!stcp_bundle_label(BUNDLE_CHAIN, pb.pb_label))
			continue;
		x509 = stcp_bundle_x509(&pb);
		break;
	}
	ERR_clear_error();
	return (x509);
}

int
securetcp_key_id(const void *pem, size_t len, uint8_t id[SECURETCP_KEYID],
    enum securetcp_keytype *type)
{
	X509		*x509;
	EVP_PKEY	*pkey;
	int		 error = ptNoCertificate;

	if (pem == NULL)
		return (ptInvalidParam1);
	if (id == NULL || type == NULL)
		return (id == NULL ? ptInvalidParam3 : ptInvalidParam4);
	if ((error = stcp_config_library()) != ptOk)
		return (error);
	if ((x509 = chain_leaf(pem, len)) == NULL)
		return (ptNoCertificate);
	error = ptNoCertificate;
	if ((pkey = X509_get_pubkey(x509)) != NULL)
		error = stcp_keyid_pkey(pkey, id, type);
	EVP_PKEY_free(pkey);
	X509_free(x509);
	ERR_clear_error();
	return (error);
}

/*
 * Whom a configuration trusts: roots and lists of revoked certificates, and
 * the store made of them, once, for all the objects.
 */

/* The first thing that is wrong. */
static void
trust_say(void *arg, int bad, unsigned int line, const char *text)
{
	struct trust_say	*ts = arg;

	if (!bad || ts->ts_what == NULL)
		return;
	if (line == 0)
		stcp_config_say(ts->ts_config, "%s %s", ts->ts_what, text);
	else
		stcp_config_say(ts->ts_config, "%s, line %u: %s", ts->ts_what,
		    line, text);
	ts->ts_what = NULL;
}

int
stcp_trust_read(struct securetcp_config *sc, const char *what,
    struct bundle *bu, enum bundle_kind kind, const void *pem, size_t len)
{
	struct trust_say	 ts = { sc, what };

	bu->bu_say = trust_say;
	bu->bu_arg = &ts;
	return (stcp_bundle_read(bu, kind, pem == NULL ? "" : pem,
	    pem == NULL ? 0 : len));
}

/* In place of what there was, if all is well. */
static int
trust_set_ca(struct securetcp_config *sc, const char *what, const void *pem,
    size_t len)
{
	struct bundle	 bu;
	int		 bad;

	memset(&bu, 0, sizeof(bu));
	if ((bad = stcp_trust_read(sc, what, &bu, BUNDLE_CA, pem, len)) == 0) {
		sk_X509_pop_free(sc->sc_cas, X509_free);
		sc->sc_cas = bu.bu_certs;
		bu.bu_certs = NULL;
	}
	stcp_bundle_free(&bu);
	return (bad);
}

int
securetcp_config_set_ca(struct securetcp_config *sc, const void *pem,
    size_t len)
{
	int	 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	return (trust_set_ca(sc, "CA", pem, len) == 0 ? ptOk :
	    ptInvalidParam2);
}

int
securetcp_config_set_crl(struct securetcp_config *sc, const void *pem,
    size_t len)
{
	struct bundle	 bu;
	int		 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	memset(&bu, 0, sizeof(bu));
	if (stcp_trust_read(sc, "CRL", &bu, BUNDLE_CRL, pem, len) == 0) {
		sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
		sc->sc_crls = bu.bu_lists;
		bu.bu_lists = NULL;
	} else
		error = ptInvalidParam2;
	stcp_bundle_free(&bu);
	return (error);
}

/* The system's roots. */
static int
trust_default(struct securetcp_config *sc)
{
	const char	*path = tls_default_ca_cert_file();
	void		*buf;
	size_t		 len;
	int		 bad, error;

	error = file_read(sc, "the system's CA", path, &buf, &len);
	if (error != ptOk)
		return (error);
	bad = trust_set_ca(sc, path, buf, len);
	stcp_memory_wipe(buf, len);
	if (bad)
		return (ptFile);
	sc->sc_system = 1;
	return (ptOk);
}

int
stcp_trust_store(struct securetcp_config *sc)
{
	int	 error;

	if (sc->sc_store != NULL)
		return (ptOk);
	if (sc->sc_cas == NULL && (error = trust_default(sc)) != ptOk)
		return (error);
	sc->sc_store = trust_build(sc);
	ERR_clear_error();
	if (sc->sc_store == NULL) {
		stcp_config_say(sc, "CA: out of memory");
		return (ptNoBufferSpace);
	}
	return (ptOk);
}

/*
 * The libraries would take a list of changes, or of some reasons, for all
 * there is.
 */
static int
trust_add(X509_STORE *store, X509_CRL *crl)
{
	enum list_kind	 kind = stcp_list_kind(crl);

	if (kind == LIST_CHANGES || kind == LIST_REASONS)
		return (1);
	return (X509_STORE_add_crl(store, crl));
}

/*
 * What the library would work out at the first use, in each process for
 * itself.
 */
static void
trust_warm(struct securetcp_config *sc, X509_STORE *store)
{
	X509_STORE_CTX	*ctx;
	X509		*issuer, *x509 = NULL;
	int		 i;

	for (i = 0; i < sk_X509_num(sc->sc_cas); i++) {
		x509 = sk_X509_value(sc->sc_cas, i);
		(void)X509_check_purpose(x509, -1, 0);
		(void)X509_get0_pubkey(x509);
	}
	for (i = 0; i < sk_X509_CRL_num(sc->sc_crls); i++)
		stcp_list_sort(sk_X509_CRL_value(sc->sc_crls, i));
	if ((ctx = X509_STORE_CTX_new()) == NULL)
		return;
	if (x509 != NULL &&
	    X509_STORE_CTX_init(ctx, store, NULL, NULL) == 1 &&
	    X509_STORE_CTX_get1_issuer(&issuer, ctx, x509) == 1)
		X509_free(issuer);
	X509_STORE_CTX_free(ctx);
}

static X509_STORE *
trust_build(struct securetcp_config *sc)
{
	X509_STORE	*store;
	int		 i, ok = 1;

	if ((store = X509_STORE_new()) == NULL)
		return (NULL);
	/* Both libraries take one that is there already for a success. */
	for (i = 0; ok && i < sk_X509_num(sc->sc_cas); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(sc->sc_cas, i));
	for (i = 0; ok && i < sk_X509_CRL_num(sc->sc_crls); i++)
		ok = trust_add(store, sk_X509_CRL_value(sc->sc_crls, i));
	if (!ok) {
		X509_STORE_free(store);
		return (NULL);
	}
	trust_warm(sc, store);
	return (store);
}

void
stcp_trust_free(struct securetcp_config *sc)
{
	X509_STORE_free(sc->sc_store);
	sk_X509_pop_free(sc->sc_cas, X509_free);
	sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
}

/* What a configuration is given by the name of a file. */

static int
file_read(struct securetcp_config *sc, const char *what, const char *path,
    void **buf, size_t *len)
{
	int	 error, fd;

	/* A FIFO without a writer is not waited for. */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1) {
		stcp_config_say(sc, "%s %s: %s", what, path, strerror(errno));
		return (ptFile);
	}
	error = file_fetch(sc, what, path, fd, buf, len);
	(void)close(fd);
	return (error);
}

static int
file_fetch(struct securetcp_config *sc, const char *what, const char *path,
    int fd, void **buf, size_t *len)
{
	struct stat	 st;
	uint8_t		*p;
	size_t		 have = 0, size;
	ssize_t		 n = 1;

	if (fstat(fd, &st) == -1) {
		stcp_config_say(sc, "%s %s: %s", what, path, strerror(errno));
		return (ptFile);
	}
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX) {
		stcp_config_say(sc, "%s %s: not a file of 1 to %d bytes", what,
		    path, FILE_MAX);
		return (ptFile);
	}
	size = (size_t)st.st_size;
	if ((p = malloc(size)) == NULL) {
		stcp_config_say(sc, "%s %s: out of memory", what, path);
		return (ptNoBufferSpace);
	}
	while (have < size && n > 0) {
		if ((n = read(fd, p + have, size - have)) > 0)
			have += (size_t)n;
	}
	if (n == -1) {
		stcp_config_say(sc, "%s %s: %s", what, path, strerror(errno));
		stcp_memory_wipe(p, size);
		return (ptFile);
	}
	*buf = p;
	*len = have;
	return (ptOk);
}

static int
file_apply(struct securetcp_config *sc, const char *what, const char *path,
    int (*set)(struct securetcp_config *, const void *, size_t))
{
	void	*buf;
	size_t	 len;
	int	 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (path == NULL) {
		stcp_config_say(sc, "%s: no file given", what);
		return (ptInvalidParam2);
	}
	if ((error = file_read(sc, what, path, &buf, &len)) != ptOk)
		return (error);
	error = set(sc, buf, len);
	stcp_memory_wipe(buf, len);
	return (error);
}

int
securetcp_config_set_ca_file(struct securetcp_config *sc, const char *path)
{
	return (file_apply(sc, "CA", path, securetcp_config_set_ca));
}

int
securetcp_config_set_crl_file(struct securetcp_config *sc, const char *path)
{
	return (file_apply(sc, "CRL", path, securetcp_config_set_crl));
}

int
securetcp_config_add_certificate_file(struct securetcp_config *sc,
    const char *certfile, const char *keyfile)
{
	void	*cert, *key = NULL;
	size_t	 certlen, keylen = 0;
	int	 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (certfile == NULL) {
		stcp_config_say(sc, "certificate: no file given");
		return (ptInvalidParam2);
	}
	error = file_read(sc, "certificate", certfile, &cert, &certlen);
	if (error != ptOk)
		return (error);
	if (keyfile != NULL)
		error = file_read(sc, "key", keyfile, &key, &keylen);
	if (error == ptOk)
		error = securetcp_config_add_certificate(sc, cert, certlen,
		    key, keylen);
	stcp_memory_wipe(cert, certlen);
	stcp_memory_wipe(key, keylen);
	return (error);
}
