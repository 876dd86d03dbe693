/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What objects share: the TLS configuration and the context made of it. */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tls.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "config.h"
#include "object.h"
#include "securetcp.h"

#define CONFIG_CIPHERS	1024
#define CONFIG_NAME	256

/* libretls takes whatever OpenSSL's default is for it. */
#define CONFIG_SECURE	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

static int	 config_check(struct securetcp_config *, const void *, size_t,
		    const void *, size_t, int *);
static int	 config_pair(struct securetcp_config *, X509 *, EVP_PKEY *,
		    const void *, size_t);
static int	 config_wildcard(X509 *);
static int	 config_commonname(X509 *);
static struct chain *config_chain(const void *, size_t, const void *, size_t);
static void	 config_chain_free(struct chain *);
static int	 config_authentication(struct securetcp_config *);
static int	 config_load(struct securetcp_config *);
static int	 config_load_further(struct securetcp_config *, int);
static int	 config_add(struct securetcp_config *, const struct chain *);

/* Once; no configuration file: it would be read in the sandbox. */
int
config_library(void)
{
	static int	 done;

	if (done)
		return (ptOk);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    tls_init() != 0 || tickets_library() != ptOk)
		return (ptNoSecurity);
	done = 1;
	return (ptOk);
}

void
config_say(struct securetcp_config *sc, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(sc->sc_error, sizeof(sc->sc_error), fmt, ap);
	va_end(ap);
}

struct securetcp_config *
securetcp_config_new(void)
{
	struct securetcp_config	*sc;

	if (config_library() != ptOk) {
		errno = ENOSYS;
		return (NULL);
	}
	if ((sc = calloc(1, sizeof(*sc))) == NULL)
		return (NULL);
	sc->sc_refs = 1;
	sc->sc_verifyname = 1;
	TAILQ_INIT(&sc->sc_chains);
	sc->sc_settings = tls_config_new();
	sc->sc_client = tls_config_new();
	if (sc->sc_settings == NULL || sc->sc_client == NULL) {
		securetcp_config_free(sc);
		errno = ENOMEM;
		return (NULL);
	}
	if (securetcp_config_set_ciphers(sc, "secure") != ptOk) {
		securetcp_config_free(sc);
		errno = ENOSYS;
		return (NULL);
	}
	return (sc);
}

void
config_hold(struct securetcp_config *sc)
{
	sc->sc_refs++;
}

void
securetcp_config_free(struct securetcp_config *sc)
{
	struct chain	*ch;

	if (sc == NULL || --sc->sc_refs != 0)
		return;
	while ((ch = TAILQ_FIRST(&sc->sc_chains)) != NULL) {
		TAILQ_REMOVE(&sc->sc_chains, ch, ch_entry);
		config_chain_free(ch);
	}
	tls_free(sc->sc_tls);
	tls_config_free(sc->sc_settings);
	tls_config_free(sc->sc_client);
	trust_free(sc);
	free(sc);
}

const char *
securetcp_config_error(const struct securetcp_config *sc)
{
	return (sc->sc_error);
}

/* Connections hang on the context: it is never made a second time. */
int
config_open(struct securetcp_config *sc)
{
	if (sc->sc_tls == NULL && !sc->sc_clientready)
		return (ptOk);
	config_say(sc, "the configuration is in use already");
	return (ptOperationRefused);
}

int
securetcp_config_set_protocol(struct securetcp_config *sc, const char *text)
{
	uint32_t	 protocols = 0;
	int		 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (text == NULL || tls_config_parse_protocols(&protocols, text) != 0 ||
	    protocols == 0) {
		config_say(sc, "protocol \"%s\" is not known",
		    text == NULL ? "" : text);
		return (ptInvalidParam2);
	}
	if (tls_config_set_protocols(sc->sc_settings, protocols) != 0 ||
	    tls_config_set_protocols(sc->sc_client, protocols) != 0) {
		config_say(sc, "protocol \"%s\": %s", text,
		    tls_config_error(sc->sc_settings));
		return (ptInvalidParam2);
	}
	return (ptOk);
}

/*
 * RSA key transport would need a decryption by the private key, which a
 * signer does not offer, and lacks forward secrecy: never.
 */
int
securetcp_config_set_ciphers(struct securetcp_config *sc, const char *text)
{
	char		 ciphers[CONFIG_CIPHERS];
	const char	*base = text;
	int		 error, len;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (text == NULL || *text == '\0') {
		config_say(sc, "no ciphers given");
		return (ptInvalidParam2);
	}
	if (strcasecmp(text, "default") == 0 || strcasecmp(text, "secure") == 0)
		base = CONFIG_SECURE;
	else if (strcasecmp(text, "compat") == 0)
		base = "HIGH";
	else if (strcasecmp(text, "legacy") == 0)
		base = "HIGH:MEDIUM";
	else if (strcasecmp(text, "all") == 0 ||
	    strcasecmp(text, "insecure") == 0)
		base = "ALL";
	len = snprintf(ciphers, sizeof(ciphers), "%s:!aNULL:!eNULL:!kRSA",
	    base);
	if (len < 0 || (size_t)len >= sizeof(ciphers)) {
		config_say(sc, "ciphers: more than %d characters",
		    CONFIG_CIPHERS - 32);
		return (ptInvalidParam2);
	}
	if (tls_config_set_ciphers(sc->sc_settings, ciphers) != 0 ||
	    tls_config_set_ciphers(sc->sc_client, ciphers) != 0) {
		config_say(sc, "ciphers \"%s\": none is known and usable",
		    text);
		return (ptInvalidParam2);
	}
	ERR_clear_error();
	return (ptOk);
}

int
securetcp_config_set_curves(struct securetcp_config *sc, const char *text)
{
	int	 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (text == NULL ||
	    tls_config_set_ecdhecurves(sc->sc_settings, text) != 0 ||
	    tls_config_set_ecdhecurves(sc->sc_client, text) != 0) {
		config_say(sc, "curves \"%s\": %s", text == NULL ? "" : text,
		    text == NULL ? "none given" :
		    tls_config_error(sc->sc_settings));
		return (ptInvalidParam2);
	}
	return (ptOk);
}

int
securetcp_config_set_alpn(struct securetcp_config *sc, const char *text)
{
	int	 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (text == NULL || tls_config_set_alpn(sc->sc_settings, text) != 0 ||
	    tls_config_set_alpn(sc->sc_client, text) != 0) {
		config_say(sc, "ALPN \"%s\": %s", text == NULL ? "" : text,
		    text == NULL ? "none given" :
		    tls_config_error(sc->sc_settings));
		return (ptInvalidParam2);
	}
	return (ptOk);
}

int
securetcp_config_set_client_authentication(struct securetcp_config *sc,
    enum securetcp_authentication auth)
{
	int	 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (auth != SECURETCP_AUTH_OFF && auth != SECURETCP_AUTH_OPTIONAL &&
	    auth != SECURETCP_AUTH_REQUIRED) {
		config_say(sc, "client authentication: %d is none of its "
		    "values", (int)auth);
		return (ptInvalidProperty);
	}
	sc->sc_auth = auth;
	return (ptOk);
}

int
securetcp_config_set_verify_name(struct securetcp_config *sc, int verify)
{
	int	 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	sc->sc_verifyname = verify != 0;
	return (ptOk);
}

int
securetcp_config_add_certificate(struct securetcp_config *sc, const void *pem,
    size_t len, const void *key, size_t keylen)
{
	struct chain	*ch, *first;
	int		 error, wildcard;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (pem == NULL || len == 0) {
		config_say(sc, "certificate: nothing given");
		return (ptInvalidParam2);
	}
	/* libtls knows only one kind in a context. */
	first = TAILQ_FIRST(&sc->sc_chains);
	if (first != NULL && (first->ch_key == NULL) != (key == NULL)) {
		config_say(sc, "certificate: keys inside and outside the "
		    "process cannot be mixed");
		return (ptInvalidParam4);
	}
	error = config_check(sc, pem, len, key, keylen, &wildcard);
	if (error != ptOk)
		return (error);
	if ((ch = config_chain(pem, len, key, keylen)) == NULL) {
		config_say(sc, "certificate: out of memory");
		return (ptNoBufferSpace);
	}
	ch->ch_wildcard = wildcard;
	TAILQ_INSERT_TAIL(&sc->sc_chains, ch, ch_entry);
	sc->sc_nchains++;
	return (ptOk);
}

static int
config_check(struct securetcp_config *sc, const void *pem, size_t len,
    const void *key, size_t keylen, int *wildcard)
{
	X509		*x509;
	EVP_PKEY	*pkey;
	int		 error;

	if ((x509 = keyid_leaf(pem, len)) == NULL) {
		config_say(sc, "certificate: no readable PEM certificate");
		return (ptNoCertificate);
	}
	pkey = X509_get_pubkey(x509);
	error = config_pair(sc, x509, pkey, key, keylen);
	*wildcard = config_wildcard(x509);
	EVP_PKEY_free(pkey);
	X509_free(x509);
	ERR_clear_error();
	return (error);
}

static int
config_pair(struct securetcp_config *sc, X509 *x509, EVP_PKEY *pkey,
    const void *key, size_t keylen)
{
	enum securetcp_keytype	 type;
	uint8_t			 id[SECURETCP_KEYID];
	EVP_PKEY		*private;
	int			 ok;

	if (pkey == NULL || keyid_pkey(pkey, id, &type) != ptOk) {
		config_say(sc, "certificate: its key is neither RSA nor "
		    "ECDSA");
		return (ptNoCertificate);
	}
	if (key == NULL)
		return (ptOk);
	if ((private = keyid_private(key, keylen)) == NULL) {
		config_say(sc, "certificate: no readable PEM key");
		return (ptNoCertificate);
	}
	ok = X509_check_private_key(x509, private);
	EVP_PKEY_free(private);
	if (ok == 1)
		return (ptOk);
	config_say(sc, "certificate: the key belongs to another one");
	return (ptNoCertificate);
}

/* By its alternative names; the common name counts only without any. */
static int
config_wildcard(X509 *x509)
{
	STACK_OF(GENERAL_NAME)	*names;
	GENERAL_NAME		*name;
	const unsigned char	*text;
	int			 dns = 0, i, wildcard = 0;

	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		dns = 1;
		text = ASN1_STRING_get0_data(name->d.dNSName);
		if (ASN1_STRING_length(name->d.dNSName) > 1 && text[0] == '*')
			wildcard = 1;
	}
	GENERAL_NAMES_free(names);
	return (dns ? wildcard : config_commonname(x509));
}

static int
config_commonname(X509 *x509)
{
	char	 name[CONFIG_NAME];

	return (X509_NAME_get_text_by_NID(X509_get_subject_name(x509),
	    NID_commonName, name, sizeof(name)) > 1 && name[0] == '*');
}

static struct chain *
config_chain(const void *pem, size_t len, const void *key, size_t keylen)
{
	struct chain	*ch;

	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return (NULL);
	ch->ch_len = len;
	ch->ch_keylen = keylen;
	ch->ch_pem = malloc(len);
	if (key != NULL)
		ch->ch_key = malloc(keylen);
	if (ch->ch_pem == NULL || (key != NULL && ch->ch_key == NULL)) {
		free(ch->ch_pem);
		free(ch->ch_key);
		free(ch);
		return (NULL);
	}
	memcpy(ch->ch_pem, pem, len);
	if (key != NULL)
		memcpy(ch->ch_key, key, keylen);
	return (ch);
}

static void
config_chain_free(struct chain *ch)
{
	free(ch->ch_pem);
	if (ch->ch_key != NULL)
		memory_wipe(ch->ch_key, ch->ch_keylen);
	free(ch);
}

int
securetcp_config_prepare(struct securetcp_config *sc)
{
	struct tls	*tls;
	int		 error;

	if (sc->sc_tls != NULL)
		return (ptOk);
	if (TAILQ_EMPTY(&sc->sc_chains)) {
		config_say(sc, "no certificate is set");
		return (ptNoCertificate);
	}
	if ((error = config_signer(sc)) != ptOk ||
	    (error = config_authentication(sc)) != ptOk ||
	    (error = config_load(sc)) != ptOk)
		return (error);
	if ((tls = tls_server()) == NULL) {
		config_say(sc, "TLS context: out of memory");
		return (ptNoSecurity);
	}
	if (tls_configure(tls, sc->sc_settings) != 0) {
		config_say(sc, "TLS context: %s", tls_error(tls));
		tls_free(tls);
		ERR_clear_error();
		return (ptNoCertificate);
	}
	/* The context has what it needs of them. */
	tls_config_clear_keys(sc->sc_settings);
	sc->sc_tls = tls;
	ERR_clear_error();
	return (ptOk);
}

int
config_signer(struct securetcp_config *sc)
{
	if (TAILQ_FIRST(&sc->sc_chains)->ch_key != NULL || keyhook_ready())
		return (ptOk);
	config_say(sc, "the certificate has no key, and no signer is set");
	return (ptNoCertificate);
}

/*
 * libtls only asks for the client's certificate: were it to judge as well, a
 * bad one would end the handshake before any event.
 */
static int
config_authentication(struct securetcp_config *sc)
{
	int	 error;

	if (sc->sc_auth == SECURETCP_AUTH_OFF)
		return (ptOk);
	/* The system's roots vouch for half of the world. */
	if (sc->sc_cas == NULL || sc->sc_system) {
		config_say(sc, "client authentication needs a CA");
		return (ptInvalidProperty);
	}
	if ((error = trust_store(sc)) != ptOk)
		return (error);
	if (sc->sc_auth == SECURETCP_AUTH_REQUIRED)
		tls_config_verify_client(sc->sc_settings);
	else
		tls_config_verify_client_optional(sc->sc_settings);
	tls_config_insecure_noverifycert(sc->sc_settings);
	return (ptOk);
}

/*
 * The default certificate is not among those libtls chooses from by name:
 * where there are several it is added once more.  libtls takes the first
 * that matches, so those with wildcards come last.
 */
static int
config_load(struct securetcp_config *sc)
{
	int	 error;

	if ((error = config_default(sc, sc->sc_settings)) != ptOk)
		return (error);
	if (sc->sc_nchains == 1)
		return (ptOk);
	if ((error = config_load_further(sc, 0)) != ptOk)
		return (error);
	return (config_load_further(sc, 1));
}

int
config_default(struct securetcp_config *sc, struct tls_config *settings)
{
	struct chain	*first = TAILQ_FIRST(&sc->sc_chains);
	int		 bad;

	if (first->ch_key == NULL) {
		tls_config_use_fake_private_key(settings);
		bad = tls_config_set_cert_mem(settings, first->ch_pem,
		    first->ch_len);
	} else
		bad = tls_config_set_keypair_mem(settings, first->ch_pem,
		    first->ch_len, first->ch_key, first->ch_keylen);
	if (!bad)
		return (ptOk);
	config_say(sc, "certificate: %s", tls_config_error(settings));
	return (ptNoCertificate);
}

static int
config_load_further(struct securetcp_config *sc, int wildcard)
{
	struct chain	*ch;
	int		 error;

	TAILQ_FOREACH(ch, &sc->sc_chains, ch_entry) {
		if (ch->ch_wildcard != wildcard)
			continue;
		if ((error = config_add(sc, ch)) != ptOk)
			return (error);
	}
	return (ptOk);
}

static int
config_add(struct securetcp_config *sc, const struct chain *ch)
{
	if (tls_config_add_keypair_mem(sc->sc_settings, ch->ch_pem, ch->ch_len,
	    ch->ch_key, ch->ch_keylen) == 0)
		return (ptOk);
	config_say(sc, "certificate: %s", tls_config_error(sc->sc_settings));
	return (ptNoCertificate);
}
