/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Certificates of an authority, good and bad, and its lists of revoked ones. */

#ifndef PKI_H
#define PKI_H

#include <sys/types.h>

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define PKI_PEM		16384

struct pki {
	EVP_PKEY	*p_pkey;
	X509		*p_x509;
	char		 p_cert[PKI_PEM];	/* with its chain, if any */
	size_t		 p_certlen;
	char		 p_private[PKI_PEM];
	size_t		 p_privatelen;
};

#define PKI_CA		0x01	/* may sign others */
#define PKI_EXPIRED	0x02
#define PKI_EARLY	0x04	/* not valid yet */
#define PKI_FORGED	0x08	/* signed by another key than it says */
#define PKI_CHAIN	0x10	/* the issuer's chain goes with it */
#define PKI_CLIENT	0x20	/* for clients only */
#define PKI_OLDER	0x40	/* a list made before the usual one */
#define PKI_RSA		0x80	/* its key, rather than ECDSA on P-256 */
#define PKI_P521	0x100
#define PKI_CHANGES	0x1000	/* a list of changes since the usual one */
#define PKI_REASONS	0x2000	/* a list for some reasons only */
#define PKI_POINT	0x4000	/* a list of one distribution point */
#define PKI_LATER	0x8000	/* a list with another certificate as well */

/* By an issuer, or by itself (NULL); alternative names or NULL. */
void		 pki_make(struct pki *, const struct pki *, const char *,
		    const char *, int);
void		 pki_free(struct pki *);
/* The issuer's list, with one certificate or none (NULL) in it; PEM. */
size_t		 pki_crl(const struct pki *, const struct pki *, int, char *,
		    size_t);
/* A server's context; with roots for its clients' certificates, or NULL. */
SSL_CTX		*pki_server(const struct pki *, const struct pki *);
SSL_CTX		*pki_client(const struct pki *);

#endif /* PKI_H */
