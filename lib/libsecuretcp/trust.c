/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Whom a configuration trusts: roots and lists of revoked certificates, and
 * the store made of them, once, for all the objects.  And what it is given by
 * the name of a file.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "config.h"
#include "object.h"
#include "securetcp.h"

static int	 trust_set_ca(struct securetcp_config *, const char *,
		    const void *, size_t);
static int	 trust_default(struct securetcp_config *);
static int	 trust_add(X509_STORE *, X509_CRL *);
static void	 trust_warm(struct securetcp_config *, X509_STORE *);
static X509_STORE	*trust_build(struct securetcp_config *);

#define FILE_MAX	(64 * 1024 * 1024)	/* bytes: a large CRL */

static int	 file_load(struct securetcp_config *, const char *,
		    const char *, void **, size_t *);
static int	 file_fetch(struct securetcp_config *, const char *,
		    const char *, int, void **, size_t *);
static int	 file_apply(struct securetcp_config *, const char *,
		    const char *, int (*)(struct securetcp_config *,
		    const void *, size_t));

/* In place of what there was, if all is well. */
static int
trust_set_ca(struct securetcp_config *sc, const char *what, const void *pem,
    size_t len)
{
	struct bundle	 bu;
	int		 bad;

	memset(&bu, 0, sizeof(bu));
	if ((bad = stcp_config_read(sc, what, &bu, BUNDLE_CA, pem, len)) == 0) {
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
	if (stcp_config_read(sc, "CRL", &bu, BUNDLE_CRL, pem, len) == 0) {
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

	error = file_load(sc, "the system's CA", path, &buf, &len);
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
 * Computes what the library would compute at the first use, in each process
 * anew.
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

/* Settings that a configuration takes from a file by its name. */

static int
file_load(struct securetcp_config *sc, const char *what, const char *path,
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
	if ((error = file_load(sc, what, path, &buf, &len)) != ptOk)
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
	error = file_load(sc, "certificate", certfile, &cert, &certlen);
	if (error != ptOk)
		return (error);
	if (keyfile != NULL)
		error = file_load(sc, "key", keyfile, &key, &keylen);
	if (error == ptOk)
		error = securetcp_config_add_certificate(sc, cert, certlen,
		    key, keylen);
	stcp_memory_wipe(cert, certlen);
	stcp_memory_wipe(key, keylen);
	return (error);
}
