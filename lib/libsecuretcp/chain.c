/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A certificate with its chain: the servers' names it is for, and what its
 * authority says of it to the clients that ask.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "config.h"
#include "object.h"
#include "securetcp.h"

#define CHAIN_COMMONNAME	64	/* characters of one that counts */

static int	 chain_write(struct chain *, STACK_OF(X509) *);
static int	 chain_names(struct chain *, X509 *);
static int	 chain_alternative(struct chain *, const GENERAL_NAME *);
static int	 chain_commonname(struct chain *, X509 *);
static int	 chain_name(struct chain *, const void *, int);
static int	 chain_has(const struct chain *, const char *);
static int	 chain_matches(const char *, const char *);

/* NULL: out of memory. */
struct chain *
stcp_chain_new(STACK_OF(X509) *certs, const void *key, size_t keylen)
{
	struct chain	*ch;
	size_t		 i;

	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return (NULL);
	if (key != NULL)
		ch->ch_key = stcp_memory_dup(key, keylen);
	ch->ch_keylen = keylen;
	if (chain_write(ch, certs) == -1 ||
	    (key != NULL && ch->ch_key == NULL) ||
	    chain_names(ch, sk_X509_value(certs, 0)) == -1) {
		stcp_chain_free(ch);
		return (NULL);
	}
	for (i = 0; i < ch->ch_nnames; i++)
		ch->ch_wildcard |= ch->ch_names[i][0] == '*';
	return (ch);
}

static int
chain_write(struct chain *ch, STACK_OF(X509) *certs)
{
	BIO	*bio;
	char	*text;
	long	 len;
	int	 i, ok = 1;

	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return (-1);
	for (i = 0; ok && i < sk_X509_num(certs); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(certs, i)) == 1;
	if (ok && (len = BIO_get_mem_data(bio, &text)) > 0) {
		ch->ch_pem = stcp_memory_dup(text, (size_t)len);
		ch->ch_len = (size_t)len;
	}
	(void)BIO_free(bio);
	return (ch->ch_pem == NULL ? -1 : 0);
}

void
stcp_chain_free(struct chain *ch)
{
	size_t	 i;

	for (i = 0; i < ch->ch_nnames; i++)
		free(ch->ch_names[i]);
	free(ch->ch_names);
	free(ch->ch_staple);
	free(ch->ch_pem);
	stcp_memory_wipe(ch->ch_key, ch->ch_keylen);
	free(ch);
}

/*
 * As libtls chooses: by the alternative names; the common name counts only
 * where there are none of hosts or addresses.
 */
static int
chain_names(struct chain *ch, X509 *leaf)
{
	STACK_OF(GENERAL_NAME)	*names;
	GENERAL_NAME		*name;
	int			 bad = 0, hosts = 0, i, n;

	names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	n = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	if ((ch->ch_names = calloc((size_t)n + 1,
	    sizeof(*ch->ch_names))) == NULL)
		bad = 1;
	for (i = 0; i < n && !bad; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS || name->type == GEN_IPADD)
			hosts = 1;
		if (name->type == GEN_DNS)
			bad = chain_alternative(ch, name) == -1;
	}
	GENERAL_NAMES_free(names);
	ch->ch_common = !hosts;
	if (!bad && !hosts)
		bad = chain_commonname(ch, leaf) == -1;
	ERR_clear_error();
	return (bad ? -1 : 0);
}

static int
chain_alternative(struct chain *ch, const GENERAL_NAME *name)
{
	const ASN1_STRING	*as = name->d.dNSName;

	if (ASN1_STRING_type(as) != V_ASN1_IA5STRING)
		return (0);
	return (chain_name(ch, ASN1_STRING_get0_data(as),
	    ASN1_STRING_length(as)));
}

static int
chain_commonname(struct chain *ch, X509 *leaf)
{
	X509_NAME	*subject = X509_get_subject_name(leaf);
	unsigned char	*text = NULL;
	int		 at, error = 0, len;

	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName,
	    at) >= 0)
		return (0);
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(subject, at)));
	if (len <= CHAIN_COMMONNAME)
		error = chain_name(ch, text, len);
	OPENSSL_free(text);
	return (error);
}

/* The array has room for each name.  A text with a NUL in it is none. */
static int
chain_name(struct chain *ch, const void *text, int len)
{
	char	*copy;

	if (len <= 0 || memchr(text, '\0', (size_t)len) != NULL)
		return (0);
	if ((copy = malloc((size_t)len + 1)) == NULL)
		return (-1);
	memcpy(copy, text, (size_t)len);
	copy[len] = '\0';
	ch->ch_names[ch->ch_nnames++] = copy;
	return (0);
}

/* An address is no host: no wildcard covers it.  -1: out of memory. */
int
stcp_chain_is_for(X509 *leaf, const char *name)
{
	struct in6_addr	 address;
	struct chain	*ch;
	int		 found = -1;

	if ((ch = calloc(1, sizeof(*ch))) == NULL)
		return (-1);
	if (chain_names(ch, leaf) == 0) {
		if (inet_pton(AF_INET, name, &address) == 1 ||
		    inet_pton(AF_INET6, name, &address) == 1)
			found = X509_check_ip_asc(leaf, name, 0) == 1 ||
			    (ch->ch_common && chain_has(ch, name));
		else
			found = stcp_chain_covers(ch, name);
	}
	stcp_chain_free(ch);
	ERR_clear_error();
	return (found);
}

int
stcp_chain_shadows(const struct chain *ch, const struct chain *exact)
{
	size_t	 i;

	for (i = 0; i < exact->ch_nnames; i++) {
		if (exact->ch_names[i][0] != '*' &&
		    stcp_chain_covers(ch, exact->ch_names[i]) &&
		    !chain_has(ch, exact->ch_names[i]))
			return (1);
	}
	return (0);
}

static int
chain_has(const struct chain *ch, const char *name)
{
	size_t	 i;

	for (i = 0; i < ch->ch_nnames; i++) {
		if (strcasecmp(ch->ch_names[i], name) == 0)
			return (1);
	}
	return (0);
}

int
stcp_chain_covers(const struct chain *ch, const char *name)
{
	size_t	 i;

	for (i = 0; i < ch->ch_nnames; i++) {
		if (chain_matches(ch->ch_names[i], name))
			return (1);
	}
	return (0);
}

/*
 * A wildcard stands for one label, and only in front of a domain of two or
 * more.
 */
static int
chain_matches(const char *pattern, const char *name)
{
	const char	*dot, *rest;

	if (strcasecmp(pattern, name) == 0)
		return (1);
	if (pattern[0] != '*' || pattern[1] != '.' || pattern[2] == '.')
		return (0);
	dot = strchr(pattern + 2, '.');
	if (dot == NULL || dot[1] == '\0' || dot[1] == '.')
		return (0);
	rest = strchr(name, '.');
	return (rest != NULL && rest != name &&
	    strcasecmp(pattern + 1, rest) == 0);
}

/* Says why this is no OCSP response; NULL: it is one, to the last byte. */
const char *
stcp_chain_response(const void *der, size_t len)
{
	const unsigned char	*p = der;
	OCSP_RESPONSE		*response;
	int			 status;

	if (der == NULL || len == 0)
		return ("nothing given");
	if (len > SECURETCP_STAPLE)
		return ("it is too long");
	response = d2i_OCSP_RESPONSE(NULL, &p, (long)len);
	ERR_clear_error();
	if (response == NULL)
		return ("it cannot be read");
	status = OCSP_response_status(response);
	OCSP_RESPONSE_free(response);
	if (p != (const unsigned char *)der + len)
		return ("something follows it");
	if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return ("it says that there is no answer");
	return (NULL);
}
