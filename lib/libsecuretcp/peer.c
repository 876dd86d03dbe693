/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the peer's certificate says. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "object.h"
#include "securetcp.h"

#define PEER_NAMES	256	/* that are kept */

struct name {
	enum securetcp_name	 na_kind;
	char			*na_text;
};

struct peer {
	char		*pe_subject;
	char		*pe_issuer;
	char		*pe_hash;
	time_t		 pe_notbefore;
	time_t		 pe_notafter;
	uint8_t		*pe_chain;	/* with a NUL behind it */
	size_t		 pe_chainlen;
	struct name	*pe_names;
	size_t		 pe_nnames;
	int		 pe_incomplete;	/* there are more */
};

static int	 peer_leaf(struct peer *, X509 *);
static char	*peer_hash(X509 *);
static time_t	 peer_time(const ASN1_TIME *);
static int	 peer_chain(struct peer *, STACK_OF(X509) *);
static int	 peer_names(struct peer *, X509 *);
static int	 peer_name(struct peer *, const GENERAL_NAME *);
static int	 peer_keep(struct peer *, enum securetcp_name, char *);
static char	*peer_string(const ASN1_STRING *);
static char	*peer_address(const ASN1_OCTET_STRING *);

int
peer_learn(struct securetcp *s, STACK_OF(X509) *chain)
{
	peer_forget(s);
	if ((s->st_peer = calloc(1, sizeof(*s->st_peer))) == NULL)
		return (-1);
	if (peer_leaf(s->st_peer, sk_X509_value(chain, 0)) == 0 &&
	    peer_chain(s->st_peer, chain) == 0)
		return (0);
	peer_forget(s);
	return (-1);
}

void
peer_forget(struct securetcp *s)
{
	struct peer	*pe = s->st_peer;
	size_t		 i;

	if (pe == NULL)
		return;
	for (i = 0; i < pe->pe_nnames; i++)
		free(pe->pe_names[i].na_text);
	free(pe->pe_names);
	free(pe->pe_subject);
	free(pe->pe_issuer);
	free(pe->pe_hash);
	free(pe->pe_chain);
	free(pe);
	s->st_peer = NULL;
}

static int
peer_leaf(struct peer *pe, X509 *leaf)
{
	int	 error;

	pe->pe_subject = name_text(X509_get_subject_name(leaf));
	pe->pe_issuer = name_text(X509_get_issuer_name(leaf));
	pe->pe_hash = peer_hash(leaf);
	pe->pe_notbefore = peer_time(X509_get0_notBefore(leaf));
	pe->pe_notafter = peer_time(X509_get0_notAfter(leaf));
	error = peer_names(pe, leaf);
	ERR_clear_error();
	return (pe->pe_subject == NULL || pe->pe_issuer == NULL ||
	    pe->pe_hash == NULL ? -1 : error);
}

/* As tls_peer_cert_hash(3) writes it. */
static char *
peer_hash(X509 *leaf)
{
	static const char	 prefix[] = "SHA256:", digits[] =
				    "0123456789abcdef";
	unsigned char		 md[EVP_MAX_MD_SIZE];
	unsigned int		 i, len = 0;
	char			*p, *text;

	if (X509_digest(leaf, EVP_sha256(), md, &len) != 1 ||
	    (text = malloc(sizeof(prefix) + 2 * len)) == NULL)
		return (NULL);
	memcpy(text, prefix, sizeof(prefix));
	p = text + sizeof(prefix) - 1;
	for (i = 0; i < len; i++) {
		*p++ = digits[md[i] >> 4];
		*p++ = digits[md[i] & 0xf];
	}
	*p = '\0';
	return (text);
}

/* Seconds of the epoch; -1 for what is no date. */
static time_t
peer_time(const ASN1_TIME *when)
{
	ASN1_TIME	*epoch;
	time_t		 t = -1;
	int		 days, seconds;

	if ((epoch = ASN1_TIME_set(NULL, 0)) != NULL &&
	    ASN1_TIME_diff(&days, &seconds, epoch, when) == 1)
		t = (time_t)days * 86400 + seconds;
	ASN1_TIME_free(epoch);
	return (t);
}

/* In PEM. */
static int
peer_chain(struct peer *pe, STACK_OF(X509) *chain)
{
	BIO	*bio;
	char	*pem;
	long	 len;
	int	 i, ok = 1;

	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return (-1);
	for (i = 0; ok && i < sk_X509_num(chain); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(chain, i)) == 1;
	if (ok && (len = BIO_get_mem_data(bio, &pem)) > 0 &&
	    (pe->pe_chain = malloc((size_t)len + 1)) != NULL) {
		memcpy(pe->pe_chain, pem, (size_t)len);
		pe->pe_chain[len] = '\0';
		pe->pe_chainlen = (size_t)len;
	}
	(void)BIO_free(bio);
	ERR_clear_error();
	return (pe->pe_chain == NULL ? -1 : 0);
}

/* The alternative names. */
static int
peer_names(struct peer *pe, X509 *leaf)
{
	STACK_OF(GENERAL_NAME)	*names;
	int			 critical, error = 0, i;

	names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
	if (names == NULL) {
		/* More than one extension, or one that cannot be read. */
		pe->pe_incomplete = critical != -1;
		return (0);
	}
	pe->pe_names = calloc(PEER_NAMES, sizeof(*pe->pe_names));
	if (pe->pe_names == NULL)
		error = -1;
	for (i = 0; i < sk_GENERAL_NAME_num(names) && error == 0; i++)
		error = peer_name(pe, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return (error);
}

/* Other kinds are left out. */
static int
peer_name(struct peer *pe, const GENERAL_NAME *gn)
{
	switch (gn->type) {
	case GEN_DNS:
		return (peer_keep(pe, SECURETCP_NAME_DNS,
		    peer_string(gn->d.dNSName)));
	case GEN_IPADD:
		return (peer_keep(pe, SECURETCP_NAME_ADDRESS,
		    peer_address(gn->d.iPAddress)));
	case GEN_URI:
		return (peer_keep(pe, SECURETCP_NAME_URI,
		    peer_string(gn->d.uniformResourceIdentifier)));
	case GEN_EMAIL:
		return (peer_keep(pe, SECURETCP_NAME_EMAIL,
		    peer_string(gn->d.rfc822Name)));
	default:
		return (0);
	}
}

/* What cannot be shown is left out, and what there is no room for. */
static int
peer_keep(struct peer *pe, enum securetcp_name kind, char *text)
{
	struct name	*na;

	if (text == NULL)
		return (-1);
	if (*text == '\0' || pe->pe_nnames == PEER_NAMES) {
		pe->pe_incomplete = 1;
		free(text);
		return (0);
	}
	na = &pe->pe_names[pe->pe_nnames++];
	na->na_kind = kind;
	na->na_text = text;
	return (0);
}

/* "" for what has control characters, or what is no ASCII, in it. */
static char *
peer_string(const ASN1_STRING *as)
{
	const unsigned char	*p = ASN1_STRING_get0_data(as);
	char			*text;
	int			 i, len = ASN1_STRING_length(as);

	for (i = 0; i < len; i++) {
		if (p[i] <= ' ' || p[i] > '~')
			return (strdup(""));
	}
	if (len < 0 || (text = malloc((size_t)len + 1)) == NULL)
		return (NULL);
	memcpy(text, p, (size_t)len);
	text[len] = '\0';
	return (text);
}

static char *
peer_address(const ASN1_OCTET_STRING *as)
{
	char	 text[INET6_ADDRSTRLEN] = "";
	int	 len = ASN1_STRING_length(as);

	if (len == 4)
		(void)inet_ntop(AF_INET, ASN1_STRING_get0_data(as), text,
		    sizeof(text));
	else if (len == 16)
		(void)inet_ntop(AF_INET6, ASN1_STRING_get0_data(as), text,
		    sizeof(text));
	return (strdup(text));
}

const char *
securetcp_peer_subject(const struct securetcp *s)
{
	return (s->st_peer == NULL ? "" : s->st_peer->pe_subject);
}

const char *
securetcp_peer_issuer(const struct securetcp *s)
{
	return (s->st_peer == NULL ? "" : s->st_peer->pe_issuer);
}

const char *
securetcp_peer_hash(const struct securetcp *s)
{
	return (s->st_peer == NULL ? "" : s->st_peer->pe_hash);
}

time_t
securetcp_peer_notbefore(const struct securetcp *s)
{
	return (s->st_peer == NULL ? 0 : s->st_peer->pe_notbefore);
}

time_t
securetcp_peer_notafter(const struct securetcp *s)
{
	return (s->st_peer == NULL ? 0 : s->st_peer->pe_notafter);
}

const char *
securetcp_peer_chain(const struct securetcp *s, size_t *len)
{
	if (len != NULL)
		*len = s->st_peer == NULL ? 0 : s->st_peer->pe_chainlen;
	return (s->st_peer == NULL ? NULL :
	    (const char *)s->st_peer->pe_chain);
}

const char *
securetcp_peer_name(const struct securetcp *s, size_t i,
    enum securetcp_name *kind)
{
	if (s->st_peer == NULL || i >= s->st_peer->pe_nnames)
		return (NULL);
	if (kind != NULL)
		*kind = s->st_peer->pe_names[i].na_kind;
	return (s->st_peer->pe_names[i].na_text);
}

int
securetcp_peer_names_complete(const struct securetcp *s)
{
	return (s->st_peer == NULL || !s->st_peer->pe_incomplete);
}
