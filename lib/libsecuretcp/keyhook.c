/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Private keys outside the process: which one a certificate needs, and default
 * RSA and EC methods that ask the hook where a key's private part is missing.
 * The methods are deprecated in OpenSSL 3, but nothing else works there and in
 * LibreSSL; they are used in this file only.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include <sys/types.h>

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "bundle.h"
#include "object.h"
#include "securetcp.h"

#define KEYHOOK_RSAMAX	2048	/* bytes: a modulus of 16384 bits */
#define KEYHOOK_ECMAX	256	/* more than a DER signature of P-521 */

typedef int	 keyhook_fn(const struct securetcp_signing *, void *);

static X509	*keyhook_leaf(const void *, size_t);
static int	 keyhook_install(void);
static int	 keyhook_ask(struct securetcp_signing *, unsigned char *, int);
static int	 keyhook_rsa(int, const unsigned char *, unsigned char *, RSA *,
		    int);
static int	 keyhook_pad(unsigned char *, int, const unsigned char *, int,
		    int);
static int	 keyhook_der(const unsigned char *, int, unsigned char *,
		    size_t, EC_KEY *);
static int	 keyhook_ec(int, const unsigned char *, int, unsigned char *,
		    unsigned int *, const BIGNUM *, const BIGNUM *, EC_KEY *);
static ECDSA_SIG *keyhook_ecsig(const unsigned char *, int, const BIGNUM *,
		    const BIGNUM *, EC_KEY *);

static keyhook_fn	*keyhook_call;
static void		*keyhook_arg;
static unsigned int	 keyhook_failed;

static int		 keyhook_installed;
static int		(*keyhook_rsa_orig)(int, const unsigned char *,
			    unsigned char *, RSA *, int);
static int		(*keyhook_ec_orig)(int, const unsigned char *, int,
			    unsigned char *, unsigned int *, const BIGNUM *,
			    const BIGNUM *, EC_KEY *);
static ECDSA_SIG	*(*keyhook_ecsig_orig)(const unsigned char *, int,
			    const BIGNUM *, const BIGNUM *, EC_KEY *);

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
	if ((error = stcp_library_start()) != ptOk)
		return (error);
	if ((x509 = keyhook_leaf(pem, len)) == NULL)
		return (ptNoCertificate);
	error = ptNoCertificate;
	if ((pkey = X509_get_pubkey(x509)) != NULL)
		error = stcp_keyid_pkey(pkey, id, type);
	EVP_PKEY_free(pkey);
	X509_free(x509);
	ERR_clear_error();
	return (error);
}

/* The first certificate of a PEM chain; NULL when there is none. */
static X509 *
keyhook_leaf(const void *pem, size_t len)
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
securetcp_set_signer(keyhook_fn *call, void *arg)
{
	int	 error;

	if (call == NULL)
		return (ptInvalidParam1);
	if ((error = stcp_library_start()) != ptOk)
		return (error);
	if (!keyhook_installed && keyhook_install() == -1)
		return (ptNoSecurity);
	keyhook_call = call;
	keyhook_arg = arg;
	return (ptOk);
}

int
stcp_keyhook_ready(void)
{
	return (keyhook_call != NULL);
}

/* Counts, so that a handshake can tell whether it failed for this. */
unsigned int
stcp_keyhook_failures(void)
{
	return (keyhook_failed);
}

/* Puts another hook in its place for a while; -1 when none is installed. */
int
stcp_keyhook_swap(keyhook_fn *call, void *arg, keyhook_fn **oldcall,
    void **oldarg)
{
	if (!keyhook_installed)
		return (-1);
	*oldcall = keyhook_call;
	*oldarg = keyhook_arg;
	keyhook_call = call;
	keyhook_arg = arg;
	return (0);
}

/* Once: a second installation would free the methods in use. */
static int
keyhook_install(void)
{
	RSA_METHOD	*rsa = NULL;
	EC_KEY_METHOD	*ec = NULL;
	int		(*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);

	rsa = RSA_meth_dup(RSA_get_default_method());
	ec = EC_KEY_METHOD_new(EC_KEY_get_default_method());
	if (rsa == NULL || ec == NULL)
		goto fail;
	keyhook_rsa_orig = RSA_meth_get_priv_enc(rsa);
	EC_KEY_METHOD_get_sign(ec, &keyhook_ec_orig, &setup,
	    &keyhook_ecsig_orig);
	if (keyhook_rsa_orig == NULL || keyhook_ec_orig == NULL ||
	    keyhook_ecsig_orig == NULL)
		goto fail;
	if (RSA_meth_set1_name(rsa, "securetcp") != 1 ||
	    RSA_meth_set_priv_enc(rsa, keyhook_rsa) != 1)
		goto fail;
	EC_KEY_METHOD_set_sign(ec, keyhook_ec, setup, keyhook_ecsig);
	RSA_set_default_method(rsa);
	EC_KEY_set_default_method(ec);
	keyhook_installed = 1;
	return (0);
 fail:
	RSA_meth_free(rsa);
	EC_KEY_METHOD_free(ec);
	return (-1);
}

/* The identity from the encoded public key, then the hook itself. */
static int
keyhook_ask(struct securetcp_signing *ss, unsigned char *public, int len)
{
	unsigned int	 idlen = 0;
	int		 ok, n = -1;

	if (public == NULL || len <= 0)
		return (-1);
	ok = EVP_Digest(public, (size_t)len, ss->ss_id, &idlen, EVP_sha256(),
	    NULL);
	OPENSSL_free(public);
	if (ok == 1 && idlen == SECURETCP_KEYID)
		n = keyhook_call(ss, keyhook_arg);
	if (n <= 0 || (size_t)n > ss->ss_outsize)
		return (-1);
	return (n);
}

static int
keyhook_rsa(int inlen, const unsigned char *in, unsigned char *out, RSA *rsa,
    int padding)
{
	struct securetcp_signing ss;
	unsigned char		 block[KEYHOOK_RSAMAX], sig[KEYHOOK_RSAMAX];
	unsigned char		*public = NULL;
	const BIGNUM		*d;
	int			 len, n = -1, size;

	RSA_get0_key(rsa, NULL, NULL, &d);
	if (d != NULL || keyhook_call == NULL)
		return (keyhook_rsa_orig(inlen, in, out, rsa, padding));

	size = RSA_size(rsa);
	if (keyhook_pad(block, size, in, inlen, padding) == -1) {
		keyhook_failed++;
		return (-1);
	}
	memset(&ss, 0, sizeof(ss));
	ss.ss_type = SECURETCP_RSA;
	ss.ss_in = block;
	ss.ss_inlen = (size_t)size;
	ss.ss_out = sig;
	ss.ss_outsize = (size_t)size;
	if ((len = i2d_RSAPublicKey(rsa, &public)) > 0)
		n = keyhook_ask(&ss, public, len);
	if (n != size) {
		keyhook_failed++;
		return (-1);
	}
	memcpy(out, sig, (size_t)size);
	return (size);
}

/* PKCS#1 v1.5 reaches a method unpadded where PSS does not. */
static int
keyhook_pad(unsigned char *block, int size, const unsigned char *in, int inlen,
    int padding)
{
	if (size <= 0 || size > KEYHOOK_RSAMAX || inlen < 0)
		return (-1);
	switch (padding) {
	case RSA_NO_PADDING:
		if (inlen != size)
			return (-1);
		memcpy(block, in, (size_t)size);
		return (0);
	case RSA_PKCS1_PADDING:
		return (RSA_padding_add_PKCS1_type_1(block, size, in,
		    inlen) == 1 ? 0 : -1);
	default:
		return (-1);
	}
}

static int
keyhook_der(const unsigned char *in, int inlen, unsigned char *sig,
    size_t size, EC_KEY *key)
{
	struct securetcp_signing ss;
	unsigned char		*public = NULL;
	int			 len, n = -1;

	memset(&ss, 0, sizeof(ss));
	ss.ss_type = SECURETCP_ECDSA;
	ss.ss_in = in;
	ss.ss_inlen = (size_t)inlen;
	ss.ss_out = sig;
	ss.ss_outsize = size;
	if (inlen > 0 && (len = i2o_ECPublicKey(key, &public)) > 0)
		n = keyhook_ask(&ss, public, len);
	/* The caller's room is what ECDSA_size() says, not ours. */
	if (n == -1 || n > ECDSA_size(key)) {
		keyhook_failed++;
		return (-1);
	}
	return (n);
}

static int
keyhook_ec(int type, const unsigned char *in, int inlen, unsigned char *out,
    unsigned int *outlen, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	unsigned char	 sig[KEYHOOK_ECMAX];
	int		 n;

	if (EC_KEY_get0_private_key(key) != NULL || keyhook_call == NULL)
		return (keyhook_ec_orig(type, in, inlen, out, outlen, kinv, r,
		    key));
	if ((n = keyhook_der(in, inlen, sig, sizeof(sig), key)) == -1)
		return (0);
	memcpy(out, sig, (size_t)n);
	*outlen = (unsigned int)n;
	return (1);
}

static ECDSA_SIG *
keyhook_ecsig(const unsigned char *in, int inlen, const BIGNUM *kinv,
    const BIGNUM *r, EC_KEY *key)
{
	unsigned char		 sig[KEYHOOK_ECMAX];
	const unsigned char	*p = sig;
	ECDSA_SIG		*decoded;
	int			 n;

	if (EC_KEY_get0_private_key(key) != NULL || keyhook_call == NULL)
		return (keyhook_ecsig_orig(in, inlen, kinv, r, key));
	if ((n = keyhook_der(in, inlen, sig, sizeof(sig), key)) == -1)
		return (NULL);
	if ((decoded = d2i_ECDSA_SIG(NULL, &p, n)) == NULL)
		keyhook_failed++;
	return (decoded);
}
