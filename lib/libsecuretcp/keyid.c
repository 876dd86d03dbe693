/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The identity of a key: SHA-256 over its public half. */

#include <sys/types.h>

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "object.h"
#include "securetcp.h"

/* There is nobody to ask; libcrypto's own would read the terminal. */
int
keyid_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return (-1);
}

/* The first certificate of a PEM chain; NULL when there is none. */
X509 *
keyid_leaf(const void *pem, size_t len)
{
	X509	*x509;
	BIO	*bio;

	if (len > INT_MAX || (bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return (NULL);
	x509 = PEM_read_bio_X509(bio, NULL, keyid_password, NULL);
	(void)BIO_free(bio);
	ERR_clear_error();
	return (x509);
}

EVP_PKEY *
keyid_private(const void *pem, size_t len)
{
	EVP_PKEY	*pkey;
	BIO		*bio;

	if (len > INT_MAX || (bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return (NULL);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, keyid_password, NULL);
	(void)BIO_free(bio);
	ERR_clear_error();
	return (pkey);
}

/* i2d_PublicKey() is RSAPublicKey for RSA and the bare point for EC. */
int
keyid_pkey(EVP_PKEY *pkey, uint8_t id[SECURETCP_KEYID],
    enum securetcp_keytype *type)
{
	unsigned char	*der = NULL;
	unsigned int	 idlen = 0;
	int		 len, ok;

	switch (EVP_PKEY_id(pkey)) {
	case EVP_PKEY_RSA:
		*type = SECURETCP_RSA;
		break;
	case EVP_PKEY_EC:
		*type = SECURETCP_ECDSA;
		break;
	default:
		return (ptNoCertificate);
	}
	if ((len = i2d_PublicKey(pkey, &der)) <= 0) {
		ERR_clear_error();
		return (ptNoCertificate);
	}
	ok = EVP_Digest(der, (size_t)len, id, &idlen, EVP_sha256(), NULL);
	OPENSSL_free(der);
	ERR_clear_error();
	return (ok == 1 && idlen == SECURETCP_KEYID ? ptOk : ptNoCertificate);
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
	if ((error = config_library()) != ptOk)
		return (error);
	if ((x509 = keyid_leaf(pem, len)) == NULL)
		return (ptNoCertificate);
	error = ptNoCertificate;
	if ((pkey = X509_get_pubkey(x509)) != NULL)
		error = keyid_pkey(pkey, id, type);
	EVP_PKEY_free(pkey);
	X509_free(x509);
	ERR_clear_error();
	return (error);
}
