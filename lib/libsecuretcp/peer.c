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
#include <tls.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
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
};

static int	 peer_facts(struct peer *, struct tls *);
static char	*peer_text(const char *);
static int	 peer_names(struct peer *);
static int	 peer_name(struct peer *, const GENERAL_NAME *);
static char	*peer_string(const ASN1_STRING *);
static char	*peer_address(const ASN1_OCTET_STRING *);

int
peer_learn(struct securetcp *s)
{
	peer_forget(s);
	if ((s->st_peer = calloc(1, sizeof(*s->st_peer))) == NULL)
		return (-1);
	if (peer_facts(s->st_peer, s->st_tls) == 0 &&
	    peer_names(s->st_peer) == 0)
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

static char *
peer_text(const char *text)
{
	return (strdup(text == NULL ? "" : text));
}

static int
peer_facts(struct peer *pe, struct tls *tls)
{
	const uint8_t	*pem;
	size_t		 len = 0;

	pe->pe_subject = peer_text(tls_peer_cert_subject(tls));
	pe->pe_issuer = peer_text(tls_peer_cert_issuer(tls));
	pe->pe_hash = peer_text(tls_peer_cert_hash(tls));
	pe->pe_notbefore = tls_peer_cert_notbefore(tls);
	pe->pe_notafter = tls_peer_cert_notafter(tls);
	if (pe->pe_subject == NULL || pe->pe_issuer == NULL ||
	    pe->pe_hash == NULL ||
	    (pem = tls_peer_cert_chain_pem(tls, &len)) == NULL ||
	    (pe->pe_chain = malloc(len + 1)) == NULL)
		return (-1);
	/* LibreSSL counts a NUL at the end, libretls does not. */
	while (len != 0 && pem[len - 1] == '\0')
		len--;
	memcpy(pe->pe_chain, pem, len);
	pe->pe_chain[len] = '\0';
	pe->pe_chainlen = len;
	return (0);
}

/* libtls tells whether a name is there, but not which are. */
static int
peer_names(struct peer *pe)
{
	STACK_OF(GENERAL_NAME)	*names;
	X509			*x509;
	int			 bad = 0, i, n;

	if ((x509 = keyid_leaf(pe->pe_chain, pe->pe_chainlen)) == NULL)
		return (0);
	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	X509_free(x509);
	ERR_clear_error();
	n = sk_GENERAL_NAME_num(names);
	if (n > PEER_NAMES)
		n = PEER_NAMES;
	if (n > 0 && (pe->pe_names = calloc((size_t)n,
	    sizeof(*pe->pe_names))) == NULL)
		bad = 1;
	for (i = 0; i < n && !bad; i++)
		bad = peer_name(pe, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return (bad ? -1 : 0);
}

/* Other kinds, and those that cannot be shown, are left out. */
static int
peer_name(struct peer *pe, const GENERAL_NAME *gn)
{
	struct name	*na = &pe->pe_names[pe->pe_nnames];

	switch (gn->type) {
	case GEN_DNS:
		na->na_kind = SECURETCP_NAME_DNS;
		na->na_text = peer_string(gn->d.dNSName);
		break;
	case GEN_IPADD:
		na->na_kind = SECURETCP_NAME_ADDRESS;
		na->na_text = peer_address(gn->d.iPAddress);
		break;
	case GEN_URI:
		na->na_kind = SECURETCP_NAME_URI;
		na->na_text = peer_string(gn->d.uniformResourceIdentifier);
		break;
	case GEN_EMAIL:
		na->na_kind = SECURETCP_NAME_EMAIL;
		na->na_text = peer_string(gn->d.rfc822Name);
		break;
	default:
		return (0);
	}
	if (na->na_text == NULL)
		return (1);
	if (*na->na_text == '\0') {
		free(na->na_text);
		na->na_text = NULL;
	} else
		pe->pe_nnames++;
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

const uint8_t *
peer_pem(const struct securetcp *s, size_t *len)
{
	*len = s->st_peer->pe_chainlen;
	return (s->st_peer->pe_chain);
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
