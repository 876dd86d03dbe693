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

#include <limits.h>
#include <tls.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "config.h"
#include "object.h"
#include "securetcp.h"

static STACK_OF(X509)	*trust_parse_ca(const void *, size_t);
static STACK_OF(X509_CRL) *trust_parse_crl(const void *, size_t);
static int		 trust_end(BIO *, int);
static int		 trust_default(struct securetcp_config *);
static int		 trust_complete(X509_CRL *);
static int		 trust_same_key(X509_CRL *, X509_CRL *);
static int		 trust_superseded(STACK_OF(X509_CRL) *, X509_CRL *);
static X509_STORE	*trust_build(struct securetcp_config *);

/* True when all of it was read, and there was something. */
static int
trust_end(BIO *bio, int n)
{
	unsigned long	 error = ERR_peek_last_error();

	(void)BIO_free(bio);
	ERR_clear_error();
	return (n > 0 && ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
}

static STACK_OF(X509) *
trust_parse_ca(const void *pem, size_t len)
{
	STACK_OF(X509)	*cas;
	X509		*x509;
	BIO		*bio;
	int		 n = 0;

	if (len > INT_MAX || (bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return (NULL);
	cas = sk_X509_new_null();
	while (cas != NULL && (x509 = PEM_read_bio_X509(bio, NULL,
	    keyid_password, NULL)) != NULL) {
		if (sk_X509_push(cas, x509) == 0) {
			X509_free(x509);
			break;
		}
		n++;
	}
	if (!trust_end(bio, n)) {
		sk_X509_pop_free(cas, X509_free);
		return (NULL);
	}
	return (cas);
}

static STACK_OF(X509_CRL) *
trust_parse_crl(const void *pem, size_t len)
{
	STACK_OF(X509_CRL)	*crls;
	X509_CRL		*crl;
	BIO			*bio;
	int			 n = 0;

	if (len > INT_MAX || (bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return (NULL);
	crls = sk_X509_CRL_new_null();
	while (crls != NULL && (crl = PEM_read_bio_X509_CRL(bio, NULL,
	    keyid_password, NULL)) != NULL) {
		if (sk_X509_CRL_push(crls, crl) == 0) {
			X509_CRL_free(crl);
			break;
		}
		n++;
	}
	if (!trust_end(bio, n)) {
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
		return (NULL);
	}
	return (crls);
}

int
securetcp_config_set_ca(struct securetcp_config *sc, const void *pem,
    size_t len)
{
	STACK_OF(X509)	*cas = NULL;
	int		 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (pem != NULL)
		cas = trust_parse_ca(pem, len);
	if (cas == NULL) {
		config_say(sc, "CA: no readable PEM certificates");
		return (ptInvalidParam2);
	}
	sk_X509_pop_free(sc->sc_cas, X509_free);
	sc->sc_cas = cas;
	return (ptOk);
}

int
securetcp_config_set_crl(struct securetcp_config *sc, const void *pem,
    size_t len)
{
	STACK_OF(X509_CRL)	*crls = NULL;
	int			 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (pem != NULL)
		crls = trust_parse_crl(pem, len);
	if (crls == NULL) {
		config_say(sc, "CRL: no readable PEM lists");
		return (ptInvalidParam2);
	}
	sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
	sc->sc_crls = crls;
	return (ptOk);
}

/* The system's roots. */
static int
trust_default(struct securetcp_config *sc)
{
	const char	*path = tls_default_ca_cert_file();
	void		*buf;
	size_t		 len;
	int		 error;

	error = file_read(sc, "the system's CA", path, &buf, &len);
	if (error != ptOk)
		return (error);
	sc->sc_cas = trust_parse_ca(buf, len);
	memory_wipe(buf, len);
	if (sc->sc_cas != NULL) {
		sc->sc_system = 1;
		return (ptOk);
	}
	config_say(sc, "the system's CA %s: no readable PEM certificates",
	    path);
	return (ptFile);
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

/* Speaks of all the certificates of its issuer, and by itself. */
static int
trust_complete(X509_CRL *crl)
{
	return (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) == -1 &&
	    X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point,
	    -1) == -1);
}

/* As far as they name the issuer's key. */
static int
trust_same_key(X509_CRL *a, X509_CRL *b)
{
	X509_EXTENSION	*x, *y;
	int		 i, j;

	i = X509_CRL_get_ext_by_NID(a, NID_authority_key_identifier, -1);
	j = X509_CRL_get_ext_by_NID(b, NID_authority_key_identifier, -1);
	if (i == -1 || j == -1)
		return (i == j);
	x = X509_CRL_get_ext(a, i);
	y = X509_CRL_get_ext(b, j);
	return (ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(x),
	    X509_EXTENSION_get_data(y)) == 0);
}

/*
 * True when the same issuer has made a newer list that is in force: LibreSSL
 * would take whichever comes first.
 */
static int
trust_superseded(STACK_OF(X509_CRL) *crls, X509_CRL *crl)
{
	const ASN1_TIME	*made = X509_CRL_get0_lastUpdate(crl), *then;
	X509_CRL	*newer;
	int		 day, i, second;

	if (!trust_complete(crl))
		return (0);
	for (i = 0; i < sk_X509_CRL_num(crls); i++) {
		newer = sk_X509_CRL_value(crls, i);
		then = X509_CRL_get0_lastUpdate(newer);
		if (newer != crl && trust_complete(newer) &&
		    X509_NAME_cmp(X509_CRL_get_issuer(newer),
		    X509_CRL_get_issuer(crl)) == 0 &&
		    trust_same_key(newer, crl) &&
		    X509_cmp_current_time(then) < 0 &&
		    ASN1_TIME_diff(&day, &second, made, then) == 1 &&
		    (day > 0 || second > 0))
			return (1);
	}
	return (0);
}

static X509_STORE *
trust_build(struct securetcp_config *sc)
{
	X509_STORE	*store;
	X509_CRL	*crl;
	int		 i, ok = 1;

	if ((store = X509_STORE_new()) == NULL)
		return (NULL);
	/* Both libraries take one that is there already for a success. */
	for (i = 0; ok && i < sk_X509_num(sc->sc_cas); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(sc->sc_cas, i));
	if (sc->sc_crls != NULL) {
		for (i = 0; ok && i < sk_X509_CRL_num(sc->sc_crls); i++) {
			crl = sk_X509_CRL_value(sc->sc_crls, i);
			if (!trust_superseded(sc->sc_crls, crl))
				ok = X509_STORE_add_crl(store, crl);
		}
	}
	if (!ok) {
		X509_STORE_free(store);
		return (NULL);
	}
	return (store);
}

void
trust_free(struct securetcp_config *sc)
{
	X509_STORE_free(sc->sc_store);
	sk_X509_pop_free(sc->sc_cas, X509_free);
	sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
}
