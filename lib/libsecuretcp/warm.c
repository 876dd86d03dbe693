/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Handshakes with oneself under a throw-away key, through memory, in which
 * each side judges the other's certificate: so that the TLS library has
 * fetched and loaded what it does lazily while it may still open files, and
 * once for all the processes that are forked later.
 */

#include <sys/types.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "object.h"
#include "securetcp.h"

#define WARM_PIPE	32768	/* more than any flight of a handshake */
#define WARM_ROUNDS	32
#define WARM_PEM	8192
#define WARM_NAME	"warm"

/* A direction: bytes written at one end are read at the other. */
struct warm_pipe {
	size_t	 wp_off;
	size_t	 wp_len;
	uint8_t	 wp_buf[WARM_PIPE];
};

struct warm_end {
	struct securetcp	 we_object;	/* as far as it is needed */
	struct tls		*we_tls;
	struct warm_pipe	*we_in;
	struct warm_pipe	*we_out;
	int			 we_done;
};

struct warm {
	EVP_PKEY		*wa_key;
	char			 wa_cert[WARM_PEM];
	size_t			 wa_certlen;
	char			 wa_private[WARM_PEM];
	size_t			 wa_privatelen;
	char			 wa_crl[WARM_PEM];
	size_t			 wa_crllen;
	struct warm_pipe	 wa_up;
	struct warm_pipe	 wa_down;
	struct warm_end		 wa_client;
	struct warm_end		 wa_server;
};

static int	 warm_credentials(struct warm *);
static EVP_PKEY	*warm_generate(void);
static X509	*warm_certificate(EVP_PKEY *);
static int	 warm_pem(struct warm *, X509 *);
static int	 warm_list(struct warm *, X509 *);
static X509_CRL	*warm_crl(X509 *, EVP_PKEY *);
static size_t	 warm_take(BIO *, char *, size_t);
static int	 warm_sign(const struct securetcp_signing *, void *);
static int	 warm_remote(struct warm *);
static int	 warm_version(struct warm *, const char *, int);
static struct securetcp_config *warm_config(const struct warm *, const char *,
		    int);
static int	 warm_shake(struct warm *, struct securetcp_config *);
static void	 warm_object(struct warm_end *, struct securetcp_config *,
		    int);
static int	 warm_good(const struct warm_end *);
static int	 warm_step(struct warm_end *);
static int	 warm_talk(struct warm_end *, struct warm_end *);
static ssize_t	 warm_hear(struct tls *, char *, size_t);
static ssize_t	 warm_read(struct tls *, void *, size_t, void *);
static ssize_t	 warm_write(struct tls *, const void *, size_t, void *);

int
securetcp_warm(void)
{
	struct warm	*wa;
	int		 error;

	if ((error = stcp_library_start()) != ptOk)
		return (error);
	if ((wa = calloc(1, sizeof(*wa))) == NULL)
		return (ptNoBufferSpace);
	error = ptNoSecurity;
	if (warm_credentials(wa) == 0 &&
	    warm_version(wa, "tlsv1.2", 0) == 0 &&
	    warm_version(wa, "tlsv1.3", 0) == 0 &&
	    warm_remote(wa) == 0)
		error = ptOk;
	EVP_PKEY_free(wa->wa_key);
	stcp_memory_wipe(wa, sizeof(*wa));
	ERR_clear_error();
	return (error);
}

static int
warm_credentials(struct warm *wa)
{
	X509	*x509;
	int	 ok = -1;

	if ((wa->wa_key = warm_generate()) == NULL)
		return (-1);
	if ((x509 = warm_certificate(wa->wa_key)) != NULL &&
	    warm_pem(wa, x509) == 0)
		ok = warm_list(wa, x509);
	X509_free(x509);
	return (ok);
}

static EVP_PKEY *
warm_generate(void)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pkey = NULL;

	if ((ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL)) == NULL)
		return (NULL);
	if (EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
	    NID_X9_62_prime256v1) != 1 ||
	    EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE) != 1 ||
	    EVP_PKEY_keygen(ctx, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return (pkey);
}

static X509 *
warm_certificate(EVP_PKEY *pkey)
{
	static const unsigned char	 cn[] = WARM_NAME;
	X509				*x509;
	X509_NAME			*name;

	if ((x509 = X509_new()) == NULL)
		return (NULL);
	name = X509_get_subject_name(x509);
	if (X509_set_version(x509, 2) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(x509), -3600) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(x509), 86400) == NULL ||
	    X509_set_pubkey(x509, pkey) != 1 ||
	    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
	    cn, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(x509, name) != 1 ||
	    X509_sign(x509, pkey, EVP_sha256()) == 0) {
		X509_free(x509);
		return (NULL);
	}
	return (x509);
}

static int
warm_pem(struct warm *wa, X509 *x509)
{
	BIO	*bio;

	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return (-1);
	if (PEM_write_bio_X509(bio, x509) == 1)
		wa->wa_certlen = warm_take(bio, wa->wa_cert,
		    sizeof(wa->wa_cert));
	if (PEM_write_bio_PrivateKey(bio, wa->wa_key, NULL, NULL, 0, NULL,
	    NULL) == 1)
		wa->wa_privatelen = warm_take(bio, wa->wa_private,
		    sizeof(wa->wa_private));
	(void)BIO_free(bio);
	return (wa->wa_certlen == 0 || wa->wa_privatelen == 0 ? -1 : 0);
}

static int
warm_list(struct warm *wa, X509 *x509)
{
	X509_CRL	*crl;
	BIO		*bio;

	if ((crl = warm_crl(x509, wa->wa_key)) == NULL)
		return (-1);
	if ((bio = BIO_new(BIO_s_mem())) != NULL &&
	    PEM_write_bio_X509_CRL(bio, crl) == 1)
		wa->wa_crllen = warm_take(bio, wa->wa_crl,
		    sizeof(wa->wa_crl));
	(void)BIO_free(bio);
	X509_CRL_free(crl);
	return (wa->wa_crllen == 0 ? -1 : 0);
}

/* A list of nothing, of the same days. */
static X509_CRL *
warm_crl(X509 *x509, EVP_PKEY *pkey)
{
	X509_CRL	*crl;

	if ((crl = X509_CRL_new()) == NULL)
		return (NULL);
	if (X509_CRL_set_version(crl, 1) != 1 ||
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(x509)) != 1 ||
	    X509_CRL_set1_lastUpdate(crl, X509_get0_notBefore(x509)) != 1 ||
	    X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(x509)) != 1 ||
	    X509_CRL_sign(crl, pkey, EVP_sha256()) == 0) {
		X509_CRL_free(crl);
		return (NULL);
	}
	return (crl);
}

static size_t
warm_take(BIO *bio, char *buf, size_t size)
{
	int	 n;

	n = BIO_read(bio, buf, (int)size);
	return (n <= 0 || (size_t)n == size ? 0 : (size_t)n);
}

/* In the place of the program's own hook, while a warm-up lasts. */
static int
warm_sign(const struct securetcp_signing *ss, void *arg)
{
	struct warm	*wa = arg;
	EVP_PKEY_CTX	*ctx;
	size_t		 len = ss->ss_outsize;
	int		 n = -1;

	if ((ctx = EVP_PKEY_CTX_new(wa->wa_key, NULL)) == NULL)
		return (-1);
	if (EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_sign(ctx, ss->ss_out, &len, ss->ss_in,
	    ss->ss_inlen) == 1 && len <= INT_MAX)
		n = (int)len;
	EVP_PKEY_CTX_free(ctx);
	return (n);
}

/* Where keys live elsewhere, the way of their signatures too. */
static int
warm_remote(struct warm *wa)
{
	int	(*call)(const struct securetcp_signing *, void *);
	int	(*unused)(const struct securetcp_signing *, void *);
	void	*arg, *unusedarg;
	int	 ok = -1;

	if (stcp_keyhook_swap(warm_sign, wa, &call, &arg) == -1)
		return (0);
	if (warm_version(wa, "tlsv1.2", 1) == 0 &&
	    warm_version(wa, "tlsv1.3", 1) == 0)
		ok = 0;
	(void)stcp_keyhook_swap(call, arg, &unused, &unusedarg);
	return (ok);
}

static int
warm_version(struct warm *wa, const char *protocol, int remote)
{
	struct securetcp_config	*sc;
	int			 ok = -1;

	if ((sc = warm_config(wa, protocol, remote)) != NULL)
		ok = warm_shake(wa, sc);
	securetcp_config_free(sc);
	return (ok);
}

/* For either side: the certificate vouches for itself. */
static struct securetcp_config *
warm_config(const struct warm *wa, const char *protocol, int remote)
{
	struct securetcp_config	*sc;

	if ((sc = securetcp_config_new()) == NULL)
		return (NULL);
	if (securetcp_config_set_protocol(sc, protocol) == ptOk &&
	    securetcp_config_set_ca(sc, wa->wa_cert, wa->wa_certlen) == ptOk &&
	    securetcp_config_set_crl(sc, wa->wa_crl, wa->wa_crllen) == ptOk &&
	    securetcp_config_set_client_authentication(sc,
	    SECURETCP_AUTH_REQUIRED) == ptOk &&
	    securetcp_config_add_certificate(sc, wa->wa_cert, wa->wa_certlen,
	    remote ? NULL : wa->wa_private, remote ? 0 :
	    wa->wa_privatelen) == ptOk)
		return (sc);
	securetcp_config_free(sc);
	return (NULL);
}

static int
warm_shake(struct warm *wa, struct securetcp_config *sc)
{
	struct warm_end	*a = &wa->wa_client, *b = &wa->wa_server;
	int		 i, ok = -1;

	memset(&wa->wa_up, 0, sizeof(wa->wa_up));
	memset(&wa->wa_down, 0, sizeof(wa->wa_down));
	warm_object(a, sc, 1);
	warm_object(b, sc, 0);
	a->we_in = b->we_out = &wa->wa_down;
	a->we_out = b->we_in = &wa->wa_up;
	if (stcp_context_connect(sc, &a->we_tls, warm_read, warm_write,
	    &a->we_object, WARM_NAME) == ptOk &&
	    stcp_context_accept(sc, &b->we_tls, warm_read, warm_write,
	    &b->we_object) == ptOk) {
		for (i = 0; i < WARM_ROUNDS && !(a->we_done && b->we_done);
		    i++) {
			if (warm_step(a) == -1 || warm_step(b) == -1)
				break;
		}
		if (warm_good(a) && warm_good(b) && warm_talk(a, b) == 0 &&
		    warm_talk(b, a) == 0)
			ok = 0;
	}
	tls_free(a->we_tls);
	tls_free(b->we_tls);
	stcp_peer_forget(&a->we_object);
	stcp_peer_forget(&b->we_object);
	return (ok);
}

/* The members that stcp_authenticate() looks at. */
static void
warm_object(struct warm_end *we, struct securetcp_config *sc, int client)
{
	static char	 name[] = WARM_NAME;

	memset(we, 0, sizeof(*we));
	we->we_object.st_config = sc;
	we->we_object.st_state = SECURETCP_CONNECTING;
	we->we_object.st_phase = OBJECT_HANDSHAKE;
	we->we_object.st_client = client;
	we->we_object.st_name = name;
	we->we_object.st_arg = we;
}

static int
warm_good(const struct warm_end *we)
{
	return (we->we_done && we->we_object.st_judged &&
	    we->we_object.st_verdict == 1);
}

static int
warm_step(struct warm_end *we)
{
	int	 n;

	if (we->we_done)
		return (0);
	n = tls_handshake(we->we_tls);
	if (n == 0)
		we->we_done = 1;
	return (n == -1 ? -1 : 0);
}

/* A record and an end, in one direction. */
static int
warm_talk(struct warm_end *from, struct warm_end *to)
{
	static const char	 text[] = "warm";
	char			 buf[sizeof(text)];

	if (tls_write(from->we_tls, text, sizeof(text)) != sizeof(text) ||
	    warm_hear(to->we_tls, buf, sizeof(buf)) != sizeof(text) ||
	    memcmp(buf, text, sizeof(text)) != 0 ||
	    tls_close(from->we_tls) != 0)
		return (-1);
	return (warm_hear(to->we_tls, buf, sizeof(buf)) == 0 ? 0 : -1);
}

/* A record without data, such as a ticket, ends a read with WANT. */
static ssize_t
warm_hear(struct tls *tls, char *buf, size_t size)
{
	ssize_t	 n = TLS_WANT_POLLIN;
	int	 i;

	for (i = 0; i < WARM_ROUNDS && n == TLS_WANT_POLLIN; i++)
		n = tls_read(tls, buf, size);
	return (n);
}

static ssize_t
warm_read(struct tls *tls, void *buf, size_t len, void *arg)
{
	struct warm_end		*we = ((struct securetcp *)arg)->st_arg;
	struct warm_pipe	*wp = we->we_in;

	(void)tls;
	if (wp->wp_len == 0)
		return (TLS_WANT_POLLIN);
	if (len > wp->wp_len)
		len = wp->wp_len;
	memcpy(buf, wp->wp_buf + wp->wp_off, len);
	wp->wp_off += len;
	wp->wp_len -= len;
	if (wp->wp_len == 0)
		wp->wp_off = 0;
	return ((ssize_t)len);
}

static ssize_t
warm_write(struct tls *tls, const void *buf, size_t len, void *arg)
{
	struct warm_end		*we = ((struct securetcp *)arg)->st_arg;
	struct warm_pipe	*wp = we->we_out;
	size_t			 end = wp->wp_off + wp->wp_len;

	(void)tls;
	/* Bounded, and more than enough: a full pipe is a failure. */
	if (len > sizeof(wp->wp_buf) - end)
		return (-1);
	memcpy(wp->wp_buf + end, buf, len);
	wp->wp_len += len;
	return ((ssize_t)len);
}
