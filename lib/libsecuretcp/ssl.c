/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The contexts and connections that libtls makes of a configuration, and the
 * SSL below them.  libtls keeps its SSL_CTX and SSL to itself, but the
 * TLS library shows each new one to whoever asked for room in it.  This file
 * alone takes them from there, while libtls is called by one of the functions
 * below, and sets what libtls has no word for:
 *
 * - The peer's certificate is judged in the middle of the handshake.  A peer
 *   that is refused gets an alert, and a client shows a server that it refuses
 *   neither its own certificate nor a signature.
 * - Nobody renegotiates: there is one signature for a connection.
 * - Signature algorithms that a signer cannot sign are not offered.
 * - A client that offers application protocols, but none of ours, is refused
 *   as RFC 7301 says, unless the configuration wants it to go on.
 * - LibreSSL's request for a client's certificate has no OCSP response in it.
 * - There are no session tickets.  OpenSSL sends two of them in every TLS 1.3
 *   handshake, for sessions that libtls will not resume.  A client that only
 *   sends never reads them, and when it closes, its kernel takes unread data
 *   for a reset and throws away what was still on its way to us.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <tls.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "compat.h"
#include "config.h"
#include "object.h"
#include "securetcp.h"

#define SSL_IS_CONTEXT		0
#define SSL_IS_CONNECTION	1

/* Exported by both libraries, declared by neither. */
void		 tls_config_use_fake_private_key(struct tls_config *);

static int	 context_signer(struct securetcp_config *);
static int	 context_authentication(struct securetcp_config *);
static int	 context_load(struct securetcp_config *);
static int	 context_default(struct securetcp_config *,
		    struct tls_config *);
static struct chain *context_next(const struct securetcp_config *);
static int	 context_add(struct securetcp_config *, const struct chain *);
static struct tls *context_client(struct securetcp_config *);

static int	 ssl_register(struct securetcp_config *);
static void	 ssl_made(void *, long);
static void	 ssl_begin(void);
static int	 ssl_end(struct securetcp_config *, const char *,
		    struct tls *, int);
static int	 ssl_configure(struct securetcp_config *, struct tls *);
static int	 ssl_accept(struct securetcp_config *, struct tls **,
		    tls_read_cb, tls_write_cb, struct securetcp *);
static int	 ssl_connect(struct securetcp_config *, struct tls *,
		    tls_read_cb, tls_write_cb, struct securetcp *,
		    const char *);
static int	 ssl_unfit(struct securetcp_config *);
static int	 ssl_contexts_set(struct securetcp_config *);
static void	 ssl_staples(void);
static int	 ssl_algorithms_context(SSL_CTX *);
static int	 ssl_algorithms(SSL *);
static int	 ssl_judge(X509_STORE_CTX *, void *);
static STACK_OF(X509) *ssl_chain(X509_STORE_CTX *);
static int	 ssl_alpn(SSL *, const unsigned char **, unsigned char *,
		    const unsigned char *, unsigned int, void *);

/* Objects that libtls has made since ssl_begin(). */
static int	 ssl_watching;
static SSL_CTX	**ssl_contexts;
static size_t	 ssl_ncontexts;
static SSL	*ssl_connection;
static int	 ssl_lost;		/* out of memory meanwhile */

static int	 ssl_index = -1;	/* where an SSL has its object */

/*
 * The TLS libraries turn an error of a verification into an alert; these are
 * errors for which both have the same.  Neither has one for access_denied:
 * a valid certificate that is refused gets certificate_unknown.
 */
static const int	 ssl_errors[] = {
	[REFUSAL_NONE] = X509_V_OK,
	[REFUSAL_CA] = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	[REFUSAL_DATE] = X509_V_ERR_CERT_HAS_EXPIRED,
	[REFUSAL_REVOKED] = X509_V_ERR_CERT_REVOKED,
	[REFUSAL_PURPOSE] = X509_V_ERR_INVALID_PURPOSE,
	[REFUSAL_BAD] = X509_V_ERR_CERT_REJECTED,
	[REFUSAL_DENIED] = X509_V_ERR_PERMITTED_VIOLATION,
	[REFUSAL_MEMORY] = X509_V_ERR_OUT_OF_MEM
};

/* The TLS libraries differ in what such a function returns. */
#ifdef LIBRESSL_VERSION_NUMBER

static int
ssl_new(void *parent, void *ptr, CRYPTO_EX_DATA *data, int i, long argl,
    void *argp)
{
	(void)ptr;
	(void)data;
	(void)i;
	(void)argp;
	ssl_made(parent, argl);
	return (1);
}

#else

static void
ssl_new(void *parent, void *ptr, CRYPTO_EX_DATA *data, int i, long argl,
    void *argp)
{
	(void)ptr;
	(void)data;
	(void)i;
	(void)argp;
	ssl_made(parent, argl);
}

#endif

/* Once: room for the object in each SSL, and to see each that is made. */
static int
ssl_register(struct securetcp_config *sc)
{
	if (ssl_index == -1 && SSL_CTX_get_ex_new_index(SSL_IS_CONTEXT, NULL,
	    ssl_new, NULL, NULL) != -1)
		ssl_index = SSL_get_ex_new_index(SSL_IS_CONNECTION, NULL,
		    ssl_new, NULL, NULL);
	if (ssl_index != -1)
		return (ptOk);
	stcp_config_say(sc, "TLS library: it has no room for an object");
	return (ptNoSecurity);
}

static void
ssl_made(void *parent, long what)
{
	SSL_CTX	**contexts;

	if (!ssl_watching)
		return;
	if (what == SSL_IS_CONNECTION) {
		ssl_connection = parent;
		return;
	}
	contexts = reallocarray(ssl_contexts, ssl_ncontexts + 1,
	    sizeof(*contexts));
	if (contexts == NULL) {
		ssl_lost = 1;
		return;
	}
	ssl_contexts = contexts;
	ssl_contexts[ssl_ncontexts++] = parent;
}

static void
ssl_begin(void)
{
	ssl_watching = 1;
	ssl_lost = 0;
	ssl_connection = NULL;
}

/* After libtls, which has succeeded or not: settings of what it made. */
static int
ssl_end(struct securetcp_config *sc, const char *what, struct tls *tls,
    int bad)
{
	int	 error = ptOk;

	ssl_watching = 0;
	if (bad) {
		stcp_config_say(sc, "TLS %s: %s", what, tls_error(tls));
		error = ptNoSecurity;
	} else if (ssl_lost || ssl_contexts_set(sc) == -1) {
		stcp_config_say(sc, "TLS %s: out of memory", what);
		error = ptNoBufferSpace;
	}
	free(ssl_contexts);
	ssl_contexts = NULL;
	ssl_ncontexts = 0;
	ERR_clear_error();
	return (error);
}

static int
ssl_contexts_set(struct securetcp_config *sc)
{
	size_t	 i;

	for (i = 0; i < ssl_ncontexts; i++) {
		SSL_CTX_set_cert_verify_callback(ssl_contexts[i], ssl_judge,
		    NULL);
		(void)SSL_CTX_set_options(ssl_contexts[i],
		    SSL_OP_NO_RENEGOTIATION);
		if (sc->sc_alpn != NULL)
			SSL_CTX_set_alpn_select_cb(ssl_contexts[i], ssl_alpn,
			    sc);
		if (ssl_algorithms_context(ssl_contexts[i]) != 1)
			return (-1);
	}
	return (0);
}

/* A server's context, and one more for each certificate chosen by name. */
static int
ssl_configure(struct securetcp_config *sc, struct tls *tls)
{
	int	 bad, error;

	ssl_begin();
	bad = tls_configure(tls, sc->sc_settings) != 0;
	if (!bad)
		ssl_staples();
	error = ssl_end(sc, "context", tls, bad);
	/* Only the certificates can be wrong in what libtls is given. */
	return (error == ptNoSecurity ? ptNoCertificate : error);
}

static int
ssl_unfit(struct securetcp_config *sc)
{
	stcp_config_say(sc, "TLS connection: it does not take its settings");
	return (ptNoSecurity);
}

static int
ssl_accept(struct securetcp_config *sc, struct tls **tls, tls_read_cb in,
    tls_write_cb out, struct securetcp *s)
{
	int	 error;

	ssl_begin();
	error = ssl_end(sc, "connection", sc->sc_tls, tls_accept_cbs(
	    sc->sc_tls, tls, in, out, s) != 0);
	if (error != ptOk)
		*tls = NULL;
	else if (ssl_connection == NULL ||
	    SSL_set_ex_data(ssl_connection, ssl_index, s) != 1 ||
	    SSL_set_num_tickets(ssl_connection, 0) != 1) {
		tls_free(*tls);
		*tls = NULL;
		error = ssl_unfit(sc);
	}
	return (error);
}

/*
 * A client's SSL_CTX is made for each connection, just before the SSL, which
 * has its copies of the settings by then.
 */
static int
ssl_connect(struct securetcp_config *sc, struct tls *tls, tls_read_cb in,
    tls_write_cb out, struct securetcp *s, const char *name)
{
	int	 error;

	ssl_begin();
	error = ssl_end(sc, "connection", tls, tls_connect_cbs(tls, in, out, s,
	    name) != 0);
	if (error != ptOk)
		return (error);
	if (ssl_connection == NULL ||
	    SSL_set_ex_data(ssl_connection, ssl_index, s) != 1 ||
	    ssl_algorithms(ssl_connection) != 1)
		return (ssl_unfit(sc));
	SSL_set_verify(ssl_connection, SSL_VERIFY_PEER, NULL);
	(void)SSL_set_options(ssl_connection, SSL_OP_NO_RENEGOTIATION);
	return (ptOk);
}

#ifdef LIBRESSL_VERSION_NUMBER

/*
 * Where TLS 1.3 has an empty status_request (RFC 8446, 4.4.2.1) LibreSSL puts
 * the response itself, at which clients that know better end the handshake.
 * libtls has one function for all of its servers' contexts.
 */
static int	(*ssl_staple)(SSL *, void *);

static int
ssl_status(SSL *ssl, void *arg)
{
	if (SSL_state(ssl) == SSL3_ST_SW_CERT_REQ_A)
		return (SSL_TLSEXT_ERR_NOACK);
	return (ssl_staple(ssl, arg));
}

/* Neither call can fail. */
static void
ssl_staples(void)
{
	int	(*was)(SSL *, void *) = NULL;
	size_t	 i;

	for (i = 0; i < ssl_ncontexts; i++) {
		(void)SSL_CTX_get_tlsext_status_cb(ssl_contexts[i], &was);
		if (was == NULL)
			continue;
		ssl_staple = was;
		(void)SSL_CTX_set_tlsext_status_cb(ssl_contexts[i],
		    ssl_status);
	}
}

#else

static void
ssl_staples(void)
{
}

#endif

/*
 * Signers sign digests of SHA-256, 384 and 512.  LibreSSL has no list to set,
 * and besides these nothing but SHA-1: with 112 bits of security it does not
 * offer that, but still takes it from a client that offers nothing else.
 */
#ifdef LIBRESSL_VERSION_NUMBER

#define SSL_LEVEL	2

static int
ssl_algorithms_context(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, SSL_LEVEL);
	return (1);
}

static int
ssl_algorithms(SSL *ssl)
{
	SSL_set_security_level(ssl, SSL_LEVEL);
	return (1);
}

#else

/* Not const, because OpenSSL's macro casts it. */
static char	 ssl_signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

static int
ssl_algorithms_context(SSL_CTX *ctx)
{
	return (SSL_CTX_set1_sigalgs_list(ctx, ssl_signatures) == 1);
}

static int
ssl_algorithms(SSL *ssl)
{
	return (SSL_set1_sigalgs_list(ssl, ssl_signatures) == 1);
}

#endif

/* In the place of the TLS library's own verification. */
static int
ssl_judge(X509_STORE_CTX *ctx, void *arg)
{
	enum object_refusal	 refusal = REFUSAL_DENIED;
	struct securetcp	*s;
	STACK_OF(X509)		*chain;
	SSL			*ssl;

	(void)arg;
	ssl = X509_STORE_CTX_get_ex_data(ctx,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	if (ssl != NULL && (s = SSL_get_ex_data(ssl, ssl_index)) != NULL) {
		chain = ssl_chain(ctx);
		refusal = stcp_authenticate(s, chain);
		sk_X509_free(chain);
	}
	X509_STORE_CTX_set_error(ctx, ssl_errors[refusal]);
	return (refusal == REFUSAL_NONE);
}

/* Leaf first; the certificates stay the library's.  NULL: out of memory. */
static STACK_OF(X509) *
ssl_chain(X509_STORE_CTX *ctx)
{
	STACK_OF(X509)	*chain, *others;
	X509		*leaf, *x509;
	int		 i, ok;

	if ((chain = sk_X509_new_null()) == NULL)
		return (NULL);
	leaf = X509_STORE_CTX_get0_cert(ctx);
	others = X509_STORE_CTX_get0_untrusted(ctx);
	ok = leaf != NULL && sk_X509_push(chain, leaf) != 0;
	for (i = 0; ok && others != NULL && i < sk_X509_num(others); i++) {
		x509 = sk_X509_value(others, i);
		if (x509 != leaf)
			ok = sk_X509_push(chain, x509) != 0;
	}
	if (ok)
		return (chain);
	sk_X509_free(chain);
	return (NULL);
}

/* The first of ours that the client offers as well. */
static int
ssl_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	struct securetcp_config	*sc = arg;
	struct securetcp	*s;
	unsigned char		*chosen = NULL;

	if (SSL_select_next_proto(&chosen, outlen, sc->sc_alpn,
	    sc->sc_alpnlen, in, inlen) == OPENSSL_NPN_NEGOTIATED) {
		*out = chosen;
		return (SSL_TLSEXT_ERR_OK);
	}
	if (sc->sc_alpnoptional)
		return (SSL_TLSEXT_ERR_NOACK);
	if ((s = SSL_get_ex_data(ssl, ssl_index)) != NULL)
		s->st_noalpn = 1;
	return (SSL_TLSEXT_ERR_ALERT_FATAL);
}

/* The contexts of libtls, and connections: as a server, as a client. */

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
	if ((error = context_signer(sc)) != ptOk ||
	    (error = context_authentication(sc)) != ptOk ||
	    (error = context_load(sc)) != ptOk ||
	    (error = ssl_register(sc)) != ptOk)
		return (error);
	if ((tls = tls_server()) == NULL) {
		stcp_config_say(sc, "TLS context: out of memory");
		return (ptNoSecurity);
	}
	if ((error = ssl_configure(sc, tls)) != ptOk) {
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
context_signer(struct securetcp_config *sc)
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
context_authentication(struct securetcp_config *sc)
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
context_load(struct securetcp_config *sc)
{
	const struct chain	*first = TAILQ_FIRST(&sc->sc_chains);
	struct chain		*ch;
	int			 error;

	if ((error = context_default(sc, sc->sc_settings)) != ptOk)
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
	while ((ch = context_next(sc)) != NULL) {
		if ((error = context_add(sc, ch)) != ptOk)
			return (error);
		ch->ch_added = 1;
	}
	return (ptOk);
}

static int
context_default(struct securetcp_config *sc, struct tls_config *settings)
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
context_next(const struct securetcp_config *sc)
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
context_add(struct securetcp_config *sc, const struct chain *ch)
{
	if (tls_config_add_keypair_ocsp_mem(sc->sc_settings, ch->ch_pem,
	    ch->ch_len, ch->ch_key, ch->ch_keylen, ch->ch_staple,
	    ch->ch_staplelen) == 0)
		return (ptOk);
	stcp_config_say(sc, "certificate: %s",
	    tls_config_error(sc->sc_settings));
	return (ptNoCertificate);
}

int
stcp_context_accept(struct securetcp_config *sc, struct tls **tls,
    tls_read_cb in, tls_write_cb out, struct securetcp *s)
{
	int	 error;

	*tls = NULL;
	if ((error = securetcp_config_prepare(sc)) != ptOk)
		return (error);
	return (ssl_accept(sc, tls, in, out, s));
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
	    ((error = context_signer(sc)) != ptOk ||
	    (error = context_default(sc, sc->sc_client)) != ptOk))
		return (error);
	if ((error = ssl_register(sc)) != ptOk)
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
stcp_context_connect(struct securetcp_config *sc, struct tls **tls,
    tls_read_cb in, tls_write_cb out, struct securetcp *s, const char *name)
{
	int	 error;

	*tls = NULL;
	if ((error = securetcp_config_prepare_client(sc)) != ptOk)
		return (error);
	if ((*tls = context_client(sc)) == NULL)
		return (ptNoSecurity);
	error = ssl_connect(sc, *tls, in, out, s, name);
	if (error != ptOk) {
		tls_free(*tls);
		*tls = NULL;
	}
	return (error);
}
