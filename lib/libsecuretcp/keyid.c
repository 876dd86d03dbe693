/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The identity of a key: SHA-256 over its public half. */

#include <sys/types.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "bundle.h"
#include "object.h"
#include "securetcp.h"

static int	 keyid_password(char *, int, int, void *);
static int	 keyid_is_private(const char *);
static EVP_PKEY	*keyid_parse(const struct pem_block *, char *, size_t);
static void	 keyid_block(const struct pem_block *, struct pem_block *,
		    int *, char *, size_t);

/*
 * No user can be asked for a password; libcrypto's own function would read the
 * terminal.  The need for one is noted where there is a place for that.
 */
static int
keyid_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	if (arg != NULL)
		*(int *)arg = 1;
	return (-1);
}

/* The only private key in a text, or NULL, and why. */
EVP_PKEY *
stcp_keyid_private(const void *pem, size_t len, char *why, size_t size)
{
	struct pem_block	 first, pb;
	struct pem		 pm;
	int			 keys = 0;

	memset(&first, 0, sizeof(first));
	*why = '\0';
	stcp_pem_open(&pm, pem, len);
	while (*why == '\0' && stcp_pem_next(&pm, &pb))
		keyid_block(&pb, &first, &keys, why, size);
	if (*why != '\0')
		return (NULL);
	if (keys == 1)
		return (keyid_parse(&first, why, size));
	if (first.pb_label[0] == '\0')
		(void)snprintf(why, size, "has no private key in PEM form%s",
		    stcp_pem_instead(pem, len));
	else
		(void)snprintf(why, size, "has no private key, but this: %s",
		    first.pb_label);
	return (NULL);
}

/* The first one is that of the key, once there is one. */
static void
keyid_block(const struct pem_block *pb, struct pem_block *first, int *keys,
    char *why, size_t size)
{
	if (pb->pb_wrong != NULL)
		(void)snprintf(why, size, "is malformed: %s in line %u %s",
		    pb->pb_label[0] == '\0' ? "the boundary of a block" :
		    pb->pb_label, pb->pb_line, pb->pb_wrong);
	else if (!keyid_is_private(pb->pb_label)) {
		if (*keys == 0)
			*first = *pb;
	} else if ((*keys)++ == 0)
		*first = *pb;
	else
		(void)snprintf(why, size, "has more than one private key, in "
		    "line %u and line %u", first->pb_line, pb->pb_line);
}

static int
keyid_is_private(const char *label)
{
	static const char	 tail[] = "PRIVATE KEY";
	size_t			 len = strlen(label);

	return (len >= sizeof(tail) - 1 &&
	    strcmp(label + len - (sizeof(tail) - 1), tail) == 0);
}

static EVP_PKEY *
keyid_parse(const struct pem_block *pb, char *why, size_t size)
{
	EVP_PKEY	*pkey = NULL;
	BIO		*bio;
	int		 asked = 0;

	if (strcmp(pb->pb_label, "OPENSSH PRIVATE KEY") == 0) {
		(void)snprintf(why, size, "is in OpenSSH's own form; "
		    "\"ssh-keygen -p -m PEM\" changes it");
		return (NULL);
	}
	if (pb->pb_len <= INT_MAX &&
	    (bio = BIO_new_mem_buf(pb->pb_text, (int)pb->pb_len)) != NULL) {
		pkey = PEM_read_bio_PrivateKey(bio, NULL, keyid_password,
		    &asked);
		(void)BIO_free(bio);
	}
	ERR_clear_error();
	if (pkey == NULL && asked)
		(void)snprintf(why, size, "is encrypted");
	else if (pkey == NULL)
		(void)snprintf(why, size, "cannot be parsed: the %s in line "
		    "%u", pb->pb_label, pb->pb_line);
	return (pkey);
}

/* i2d_PublicKey() is RSAPublicKey for RSA and the bare point for EC. */
int
stcp_keyid_pkey(EVP_PKEY *pkey, uint8_t id[SECURETCP_KEYID],
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
