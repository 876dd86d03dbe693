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

static int	 config_signer(struct securetcp_config *);
static int	 config_default(struct securetcp_config *, struct tls_config *);
static int	 config_alpn(struct securetcp_config *, const char *);
static int	 config_chain(struct securetcp_config *, const void *, size_t,
		    const void *, size_t);
static int	 config_check(struct securetcp_config *, X509 *, const void *,
		    size_t);
static int	 config_pair(struct securetcp_config *, X509 *, EVP_PKEY *,
		    const void *, size_t);
static int	 config_authentication(struct securetcp_config *);
static int	 config_load(struct securetcp_config *);
static struct chain *config_next(const struct securetcp_config *);
static int	 config_add(struct securetcp_config *, const struct chain *);

static struct tls	*context_client(struct securetcp_config *);

/* Once; no configuration file: it would be read in the sandbox. */
int
stcp_config_library(void)
{
	static int	 done;

	if (done)
		return (ptOk);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    tls_init() != 0 || stcp_ssl_library() != ptOk)
		return (ptNoSecurity);
	done = 1;
	return (ptOk);
}

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

	if (stcp_config_library() != ptOk) {
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
	stcp_trust_free(sc);
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
	return (config_chain(sc, pem, len, key, keylen));
}

/* libtls gets the certificates that were found, not the text. */
static int
config_chain(struct securetcp_config *sc, const void *pem, size_t len,
    const void *key, size_t keylen)
{
	struct chain	*ch;
	struct bundle	 bu;
	int		 error;

	memset(&bu, 0, sizeof(bu));
	if (stcp_trust_read(sc, "certificate", &bu, BUNDLE_CHAIN, pem,
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
securetcp_config_prepare(struct securetcp_config *sc)
{
	struct tls	*tls;
	int		 error;

	if (sc->sc_tls != NULL)
		return (ptOk);
	if (TAILQ_EMPTY(&sc->sc_chains)) {
		stcp_config_say(sc, "no certificate is set");
		return (ptNoCertificate);
	}
	if ((error = config_signer(sc)) != ptOk ||
	    (error = config_authentication(sc)) != ptOk ||
	    (error = config_load(sc)) != ptOk)
		return (error);
	if ((tls = tls_server()) == NULL) {
		stcp_config_say(sc, "TLS context: out of memory");
		return (ptNoSecurity);
	}
	if ((error = stcp_ssl_configure(sc, tls)) != ptOk) {
		tls_free(tls);
		return (error);
	}
	/* The context has what it needs of them. */
	tls_config_clear_keys(sc->sc_settings);
	sc->sc_tls = tls;
	ERR_clear_error();
	return (ptOk);
}

static int
config_signer(struct securetcp_config *sc)
{
	if (TAILQ_FIRST(&sc->sc_chains)->ch_key != NULL || stcp_keyhook_ready())
		return (ptOk);
	stcp_config_say(sc, "the certificate has no key, and no signer is set");
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
		stcp_config_say(sc, "client authentication needs a CA");
		return (ptInvalidProperty);
	}
	if ((error = stcp_trust_store(sc)) != ptOk)
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
 * that matches, so those with wildcards come last, and among them those
 * whose exact names others would match by a wildcard come first.
 */
static int
config_load(struct securetcp_config *sc)
{
	const struct chain	*first = TAILQ_FIRST(&sc->sc_chains);
	struct chain		*ch;
	int			 error;

	if ((error = config_default(sc, sc->sc_settings)) != ptOk)
		return (error);
	if (first->ch_staple != NULL &&
	    tls_config_set_ocsp_staple_mem(sc->sc_settings, first->ch_staple,
	    first->ch_staplelen) != 0) {
		stcp_config_say(sc, "OCSP response: %s",
		    tls_config_error(sc->sc_settings));
		return (ptNoCertificate);
	}
	if (sc->sc_nchains == 1)
		return (ptOk);
	TAILQ_FOREACH(ch, &sc->sc_chains, ch_entry)
		ch->ch_added = 0;
	while ((ch = config_next(sc)) != NULL) {
		if ((error = config_add(sc, ch)) != ptOk)
			return (error);
		ch->ch_added = 1;
	}
	return (ptOk);
}

static int
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
	stcp_config_say(sc, "certificate: %s", tls_config_error(settings));
	return (ptNoCertificate);
}

/*
 * The one to be added next; NULL: all are.  Where two are before one another
 * no order is right.
 */
static struct chain *
config_next(const struct securetcp_config *sc)
{
	struct chain	*ch, *first = NULL, *other;

	TAILQ_FOREACH(ch, &sc->sc_chains, ch_entry) {
		if (ch->ch_added)
			continue;
		if (!ch->ch_wildcard)
			return (ch);
		if (first == NULL)
			first = ch;
	}
	TAILQ_FOREACH(ch, &sc->sc_chains, ch_entry) {
		if (ch->ch_added)
			continue;
		TAILQ_FOREACH(other, &sc->sc_chains, ch_entry) {
			if (other != ch && !other->ch_added &&
			    stcp_chain_shadows(ch, other))
				break;
		}
		if (other == NULL)
			return (ch);
	}
	return (first);
}

static int
config_add(struct securetcp_config *sc, const struct chain *ch)
{
	if (tls_config_add_keypair_ocsp_mem(sc->sc_settings, ch->ch_pem,
	    ch->ch_len, ch->ch_key, ch->ch_keylen, ch->ch_staple,
	    ch->ch_staplelen) == 0)
		return (ptOk);
	stcp_config_say(sc, "certificate: %s",
	    tls_config_error(sc->sc_settings));
	return (ptNoCertificate);
}

/* Connections made of a configuration: as a server, as a client. */

int
stcp_config_accept(struct securetcp_config *sc, struct tls **tls,
    tls_read_cb in, tls_write_cb out, struct securetcp *s)
{
	int	 error;

	*tls = NULL;
	if ((error = securetcp_config_prepare(sc)) != ptOk)
		return (error);
	return (stcp_ssl_accept(sc, tls, in, out, s));
}

/*
 * libtls does not judge: it would parse its roots for each connection, and
 * end the handshake before any event.
 */
int
securetcp_config_prepare_client(struct securetcp_config *sc)
{
	struct tls	*tls;
	int		 error;

	if (sc->sc_clientready)
		return (ptOk);
	if ((error = stcp_trust_store(sc)) != ptOk)
		return (error);
	if (!TAILQ_EMPTY(&sc->sc_chains) &&
	    ((error = config_signer(sc)) != ptOk ||
	    (error = config_default(sc, sc->sc_client)) != ptOk))
		return (error);
	tls_config_insecure_noverifycert(sc->sc_client);
	tls_config_insecure_noverifyname(sc->sc_client);
	if ((tls = context_client(sc)) == NULL)
		return (ptNoSecurity);
	tls_free(tls);
	sc->sc_clientready = 1;
	return (ptOk);
}

static struct tls *
context_client(struct securetcp_config *sc)
{
	struct tls	*tls;

	if ((tls = tls_client()) == NULL) {
		stcp_config_say(sc, "TLS context: out of memory");
		return (NULL);
	}
	if (tls_configure(tls, sc->sc_client) != 0) {
		stcp_config_say(sc, "TLS context: %s", tls_error(tls));
		tls_free(tls);
		tls = NULL;
	}
	ERR_clear_error();
	return (tls);
}

int
stcp_config_connect(struct securetcp_config *sc, struct tls **tls,
    tls_read_cb in, tls_write_cb out, struct securetcp *s, const char *name)
{
	int	 error;

	*tls = NULL;
	if ((error = securetcp_config_prepare_client(sc)) != ptOk)
		return (error);
	if ((*tls = context_client(sc)) == NULL)
		return (ptNoSecurity);
	error = stcp_ssl_connect(sc, *tls, in, out, s, name);
	if (error != ptOk) {
		tls_free(*tls);
		*tls = NULL;
	}
	return (error);
}

/* Whether a server asks its clients who they are. */
enum securetcp_authentication
stcp_config_asks(const struct securetcp_config *sc)
{
	return (sc->sc_auth);
}

int
stcp_config_names(const struct securetcp_config *sc)
{
	return (sc->sc_verifyname);
}

struct x509_store_st *
stcp_config_trust(const struct securetcp_config *sc, STACK_OF(X509_CRL) **crls)
{
	*crls = sc->sc_crls;
	return (sc->sc_store);
}
