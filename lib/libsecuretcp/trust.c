/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Whom a configuration trusts: roots and lists of revoked certificates, and
 * the store made of them, once, for all the objects.
 */

#include <sys/types.h>

#include <string.h>
#include <tls.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "config.h"
#include "list.h"
#include "object.h"
#include "securetcp.h"

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

/* The first thing that is wrong. */
static void
trust_say(void *arg, int bad, unsigned int line, const char *text)
{
	struct trust_say	*ts = arg;

	if (!bad || ts->ts_what == NULL)
		return;
	if (line == 0)
		config_say(ts->ts_config, "%s %s", ts->ts_what, text);
	else
		config_say(ts->ts_config, "%s, line %u: %s", ts->ts_what,
		    line, text);
	ts->ts_what = NULL;
}

int
trust_read(struct securetcp_config *sc, const char *what, struct bundle *bu,
    enum bundle_kind kind, const void *pem, size_t len)
{
	struct trust_say	 ts = { sc, what };

	bu->bu_say = trust_say;
	bu->bu_arg = &ts;
	return (bundle_read(bu, kind, pem == NULL ? "" : pem,
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
	if ((bad = trust_read(sc, what, &bu, BUNDLE_CA, pem, len)) == 0) {
		sk_X509_pop_free(sc->sc_cas, X509_free);
		sc->sc_cas = bu.bu_certs;
		bu.bu_certs = NULL;
	}
	bundle_free(&bu);
	return (bad);
}

int
securetcp_config_set_ca(struct securetcp_config *sc, const void *pem,
    size_t len)
{
	int	 error;

	if ((error = config_open(sc)) != ptOk)
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

	if ((error = config_open(sc)) != ptOk)
		return (error);
	memset(&bu, 0, sizeof(bu));
	if (trust_read(sc, "CRL", &bu, BUNDLE_CRL, pem, len) == 0) {
		sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
		sc->sc_crls = bu.bu_lists;
		bu.bu_lists = NULL;
	} else
		error = ptInvalidParam2;
	bundle_free(&bu);
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
	memory_wipe(buf, len);
	if (bad)
		return (ptFile);
	sc->sc_system = 1;
	return (ptOk);
}

int
trust_store(struct securetcp_config *sc)
{
	int	 error;

	if (sc->sc_store != NULL)
		return (ptOk);
	if (sc->sc_cas == NULL && (error = trust_default(sc)) != ptOk)
		return (error);
	sc->sc_store = trust_build(sc);
	ERR_clear_error();
	if (sc->sc_store == NULL) {
		config_say(sc, "CA: out of memory");
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
	enum list_kind	 kind = list_kind(crl);

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
		list_sort(sk_X509_CRL_value(sc->sc_crls, i));
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
trust_free(struct securetcp_config *sc)
{
	X509_STORE_free(sc->sc_store);
	sk_X509_pop_free(sc->sc_cas, X509_free);
	sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
}
