/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The TLS configuration that objects share, as the program sets it. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tls.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "bundle.h"
#include "config.h"
#include "object.h"
#include "securetcp.h"

#define CONFIG_CIPHERS	1024
#define CONFIG_WHY	256

/* libretls takes whatever OpenSSL's default is for it. */
#define CONFIG_SECURE	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

/* libtls' own and P-521, which a client's certificate may be on. */
#define CONFIG_CURVES	"X25519,P-256,P-384,P-521"

/* A file that is read, and its name for the first error in it. */
struct config_reading {
	struct securetcp_config	*cr_config;
	const char		*cr_what;
};

static void	 config_told(void *, int, unsigned int, const char *);
static int	 config_alpn(struct securetcp_config *, const char *);
static int	 config_add_chain(struct securetcp_config *, const void *,
		    size_t, const void *, size_t);
static int	 config_check(struct securetcp_config *, X509 *, const void *,
		    size_t);
static int	 config_pair(struct securetcp_config *, X509 *, EVP_PKEY *,
		    const void *, size_t);

void
stcp_config_say(struct securetcp_config *sc, const char *fmt, ...)
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

	if (stcp_library_start() != ptOk) {
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
	if (securetcp_config_set_ciphers(sc, "secure") != ptOk ||
	    securetcp_config_set_curves(sc, CONFIG_CURVES) != ptOk) {
		securetcp_config_free(sc);
		errno = ENOSYS;
		return (NULL);
	}
	return (sc);
}

void
stcp_config_hold(struct securetcp_config *sc)
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
		stcp_chain_free(ch);
	}
	tls_free(sc->sc_tls);
	tls_config_free(sc->sc_settings);
	tls_config_free(sc->sc_client);
	X509_STORE_free(sc->sc_store);
	sk_X509_pop_free(sc->sc_cas, X509_free);
	sk_X509_CRL_pop_free(sc->sc_crls, X509_CRL_free);
	free(sc->sc_alpn);
	free(sc);
}

const char *
securetcp_config_error(const struct securetcp_config *sc)
{
	return (sc->sc_error);
}

/* Connections hang on the context: it is never made a second time. */
int
stcp_config_open(struct securetcp_config *sc)
{
	if (sc->sc_tls == NULL && !sc->sc_clientready)
		return (ptOk);
	stcp_config_say(sc, "the configuration is in use already");
	return (ptOperationRefused);
}

/* The first thing that is wrong. */
static void
config_told(void *arg, int bad, unsigned int line, const char *text)
{
	struct config_reading	*cr = arg;

	if (!bad || cr->cr_what == NULL)
		return;
	if (line == 0)
		stcp_config_say(cr->cr_config, "%s %s", cr->cr_what, text);
	else
		stcp_config_say(cr->cr_config, "%s, line %u: %s", cr->cr_what,
		    line, text);
	cr->cr_what = NULL;
}

/* Says what is wrong with what it reads, by that name. */
int
stcp_config_read(struct securetcp_config *sc, const char *what,
    struct bundle *bu, enum bundle_kind kind, const void *pem, size_t len)
{
	struct config_reading	 cr = { sc, what };

	bu->bu_say = config_told;
	bu->bu_arg = &cr;
	return (stcp_bundle_read(bu, kind, pem == NULL ? "" : pem,
	    pem == NULL ? 0 : len));
}

int
securetcp_config_set_protocol(struct securetcp_config *sc, const char *text)
{
	uint32_t	 protocols = 0;
	int		 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (text == NULL || tls_config_parse_protocols(&protocols, text) != 0 ||
	    protocols == 0) {
		stcp_config_say(sc, "protocol \"%s\" is not known",
		    text == NULL ? "" : text);
		return (ptInvalidParam2);
	}
	if (tls_config_set_protocols(sc->sc_settings, protocols) != 0 ||
	    tls_config_set_protocols(sc->sc_client, protocols) != 0) {
		stcp_config_say(sc, "protocol \"%s\": %s", text,
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

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (text == NULL || *text == '\0') {
		stcp_config_say(sc, "no ciphers given");
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
		stcp_config_say(sc, "ciphers: more than %d characters",
		    CONFIG_CIPHERS - 32);
		return (ptInvalidParam2);
	}
	if (tls_config_set_ciphers(sc->sc_settings, ciphers) != 0 ||
	    tls_config_set_ciphers(sc->sc_client, ciphers) != 0) {
		stcp_config_say(sc, "ciphers \"%s\": none is known and usable",
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

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (text == NULL ||
	    tls_config_set_ecdhecurves(sc->sc_settings, text) != 0 ||
	    tls_config_set_ecdhecurves(sc->sc_client, text) != 0) {
		stcp_config_say(sc, "curves \"%s\": %s",
		    text == NULL ? "" : text,
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

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (text == NULL || tls_config_set_alpn(sc->sc_settings, text) != 0 ||
	    tls_config_set_alpn(sc->sc_client, text) != 0) {
		stcp_config_say(sc, "ALPN \"%s\": %s", text == NULL ? "" : text,
		    text == NULL ? "none given" :
		    tls_config_error(sc->sc_settings));
		return (ptInvalidParam2);
	}
	if (config_alpn(sc, text) == 0)
		return (ptOk);
	stcp_config_say(sc, "ALPN: out of memory");
	return (ptNoBufferSpace);
}

/* As the extension has it: libtls has checked that, and keeps its own. */
static int
config_alpn(struct securetcp_config *sc, const char *text)
{
	unsigned char	*alpn;
	size_t		 at = 0, len = strlen(text), n;

	if ((alpn = malloc(len + 1)) == NULL)
		return (-1);
	memcpy(alpn + 1, text, len);
	while (at < len) {
		n = strcspn(text + at, ",");
		alpn[at] = (unsigned char)n;
		at += n + 1;
	}
	free(sc->sc_alpn);
	sc->sc_alpn = alpn;
	sc->sc_alpnlen = (unsigned int)len + 1;
	return (0);
}

int
securetcp_config_set_alpn_optional(struct securetcp_config *sc, int optional)
{
	int	 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	sc->sc_alpnoptional = optional != 0;
	return (ptOk);
}

int
securetcp_config_set_client_authentication(struct securetcp_config *sc,
    enum securetcp_authentication auth)
{
	int	 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (auth != SECURETCP_AUTH_OFF && auth != SECURETCP_AUTH_OPTIONAL &&
	    auth != SECURETCP_AUTH_REQUIRED) {
		stcp_config_say(sc, "client authentication: %d is none of its "
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

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	sc->sc_verifyname = verify != 0;
	return (ptOk);
}

int
securetcp_config_add_certificate(struct securetcp_config *sc, const void *pem,
    size_t len, const void *key, size_t keylen)
{
	struct chain	*first;
	int		 error;

	if ((error = stcp_config_open(sc)) != ptOk)
		return (error);
	if (pem == NULL || len == 0) {
		stcp_config_say(sc, "certificate: nothing given");
		return (ptInvalidParam2);
	}
	/* libtls knows only one kind in a context. */
	first = TAILQ_FIRST(&sc->sc_chains);
	if (first != NULL && (first->ch_key == NULL) != (key == NULL)) {
		stcp_config_say(sc, "certificate: keys inside and outside the "
		    "process cannot be mixed");
		return (ptInvalidParam4);
	}
	return (config_add_chain(sc, pem, len, key, keylen));
}

/* libtls gets the certificates that were found, not the text. */
static int
config_add_chain(struct securetcp_config *sc, const void *pem, size_t len,
    const void *key, size_t keylen)
{
	struct chain	*ch;
	struct bundle	 bu;
	int		 error;

	memset(&bu, 0, sizeof(bu));
	if (stcp_config_read(sc, "certificate", &bu, BUNDLE_CHAIN, pem,
	    len) == -1) {
		stcp_bundle_free(&bu);
		return (ptNoCertificate);
	}
	error = config_check(sc, sk_X509_value(bu.bu_certs, 0), key, keylen);
	if (error == ptOk && (ch = stcp_chain_new(bu.bu_certs, key,
	    keylen)) == NULL) {
		stcp_config_say(sc, "certificate: out of memory");
		error = ptNoBufferSpace;
	}
	stcp_bundle_free(&bu);
	if (error != ptOk)
		return (error);
	TAILQ_INSERT_TAIL(&sc->sc_chains, ch, ch_entry);
	sc->sc_nchains++;
	return (ptOk);
}

static int
config_check(struct securetcp_config *sc, X509 *leaf, const void *key,
    size_t keylen)
{
	EVP_PKEY	*pkey;
	int		 error;

	pkey = X509_get_pubkey(leaf);
	error = config_pair(sc, leaf, pkey, key, keylen);
	EVP_PKEY_free(pkey);
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
	char			 why[CONFIG_WHY];
	int			 ok;

	if (pkey == NULL || stcp_keyid_pkey(pkey, id, &type) != ptOk) {
		stcp_config_say(sc, "certificate: its key is neither RSA nor "
		    "ECDSA");
		return (ptNoCertificate);
	}
	if (key == NULL)
		return (ptOk);
	private = stcp_keyid_private(key, keylen, why, sizeof(why));
	if (private == NULL) {
		stcp_config_say(sc, "certificate: its key %s", why);
		return (ptNoCertificate);
	}
	ok = X509_check_private_key(x509, private);
	EVP_PKEY_free(private);
	if (ok == 1)
		return (ptOk);
	stcp_config_say(sc, "certificate: the key belongs to another one");
	return (ptNoCertificate);
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
	if ((wrong = stcp_chain_response(der, len)) != NULL) {
		stcp_config_say(sc, "OCSP response: %s", wrong);
		return (ptInvalidParam2);
	}
	if ((copy = stcp_memory_dup(der, len)) == NULL) {
		stcp_config_say(sc, "OCSP response: out of memory");
		return (ptNoBufferSpace);
	}
	free(ch->ch_staple);
	ch->ch_staple = copy;
	ch->ch_staplelen = len;
	return (ptOk);
}

/*
 * A client that asks for an address gets the default: an address is no server's
 * name.
 */
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
		if (stcp_chain_covers(ch, name))
			return (1);
	}
	return (0);
}
