/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The contents of the peer's certificate. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "match.h"
#include "object.h"
#include "securetcp.h"

#define PEER_NAMES	256	/* that are kept */

struct altname {
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
	struct altname	*pe_names;
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

#define NAME_OID	256	/* digits and dots of one */

/* A text being written, and its length with room for all of it. */
struct name_out {
	char	*te_buf;
	size_t	 te_size;
	size_t	 te_used;
	size_t	 te_wanted;
};

struct name_attribute {
	const char	*ty_oid;
	const char	*ty_name;
};

/* By their numbers: the libraries know different ones by name. */
#define TYPE(oid, name, alias)	{ oid, name },
static const struct name_attribute	 name_types[] = {
	MATCH_TYPES(TYPE)
};

static void	 name_write(struct name_out *, const X509_NAME *);
static void	 name_type(struct name_out *, const X509_NAME_ENTRY *);
static const char *name_known(const char *);
static int	 name_oid(const uint8_t *, size_t, char *, size_t);
static void	 name_value(struct name_out *, const X509_NAME_ENTRY *);
static void	 name_bytes(struct name_out *, const uint8_t *, size_t);
static int	 name_special(const uint8_t *, size_t, size_t);
static size_t	 name_character(const uint8_t *, size_t);
static void	 name_hex(struct name_out *, uint8_t);
static void	 name_put(struct name_out *, const char *, size_t);

int
stcp_peer_learn(struct securetcp *s, STACK_OF(X509) *chain)
{
	stcp_peer_forget(s);
	if ((s->st_peer = calloc(1, sizeof(*s->st_peer))) == NULL)
		return (-1);
	if (peer_leaf(s->st_peer, sk_X509_value(chain, 0)) == 0 &&
	    peer_chain(s->st_peer, chain) == 0)
		return (0);
	stcp_peer_forget(s);
	return (-1);
}

void
stcp_peer_forget(struct securetcp *s)
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

	pe->pe_subject = stcp_name_text(X509_get_subject_name(leaf));
	pe->pe_issuer = stcp_name_text(X509_get_issuer_name(leaf));
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

/* A name that cannot be shown, or that has no room, is left out. */
static int
peer_keep(struct peer *pe, enum securetcp_name kind, char *text)
{
	struct altname	*na;

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

/*
 * Distinguished names as text, "CN=host.example.org,O=Example": the same
 * from both TLS libraries, unambiguous, and UTF-8 without control
 * characters whatever is in the certificate.
 */

/* All of it, for the caller to free; NULL: out of memory. */
char *
stcp_name_text(const X509_NAME *name)
{
	struct name_out	 te;

	memset(&te, 0, sizeof(te));
	name_write(&te, name);
	te.te_size = te.te_wanted + 1;
	if ((te.te_buf = malloc(te.te_size)) == NULL)
		return (NULL);
	te.te_wanted = 0;
	name_write(&te, name);
	te.te_buf[te.te_used] = '\0';
	return (te.te_buf);
}

/* The part of a name that fits, with dots where something is missing. */
void
stcp_name_brief(const X509_NAME *name, char *buf, size_t size)
{
	static const char	 more[] = "...";
	struct name_out		 te;

	memset(&te, 0, sizeof(te));
	te.te_buf = buf;
	te.te_size = size - (sizeof(more) - 1);
	name_write(&te, name);
	if (te.te_wanted == te.te_used)
		buf[te.te_used] = '\0';
	else
		memcpy(buf + te.te_used, more, sizeof(more));
}

static void
name_write(struct name_out *te, const X509_NAME *name)
{
	X509_NAME_ENTRY	*entry;
	int		 i, set = -1;

	for (i = 0; i < X509_NAME_entry_count(name); i++) {
		entry = X509_NAME_get_entry(name, i);
		if (i != 0)
			name_put(te, X509_NAME_ENTRY_set(entry) == set ? "+" :
			    ",", 1);
		set = X509_NAME_ENTRY_set(entry);
		name_type(te, entry);
		name_put(te, "=", 1);
		name_value(te, entry);
	}
}

static void
name_type(struct name_out *te, const X509_NAME_ENTRY *entry)
{
	const ASN1_OBJECT	*obj = X509_NAME_ENTRY_get_object(entry);
	const uint8_t		*der = OBJ_get0_data(obj);
	const char		*text;
	char			 hex[3], oid[NAME_OID];
	size_t			 i, len = OBJ_length(obj);

	if (name_oid(der, len, oid, sizeof(oid)) == 0) {
		text = name_known(oid);
		name_put(te, text, strlen(text));
		return;
	}
	/* A word all the same, as RFC 4514 wants it of a type. */
	name_put(te, "OID", 3);
	for (i = 0; i < len; i++) {
		(void)snprintf(hex, sizeof(hex), "%02X", (unsigned int)der[i]);
		name_put(te, hex, 2);
	}
}

static const char *
name_known(const char *oid)
{
	size_t	 i;

	for (i = 0; i < nitems(name_types); i++) {
		if (strcmp(name_types[i].ty_oid, oid) == 0)
			return (name_types[i].ty_name);
	}
	return (oid);
}

/*
 * The libraries differ where a number is a large one; -1 where it is larger
 * than any that is of use, or the bytes are those of no number.
 */
static int
name_oid(const uint8_t *der, size_t len, char *buf, size_t size)
{
	uint64_t	 arc = 0;
	size_t		 i, used = 0;
	int		 first, n;

	for (i = 0; i < len; i++) {
		if (arc > UINT64_MAX >> 7)
			return (-1);
		arc = arc << 7 | (der[i] & 0x7fU);
		if ((der[i] & 0x80) != 0)
			continue;
		if (used == 0) {
			first = arc < 40 ? 0 : arc < 80 ? 1 : 2;
			n = snprintf(buf, size, "%d.%llu", first,
			    (unsigned long long)arc - 40 * (unsigned int)first);
		} else
			n = snprintf(buf + used, size - used, ".%llu",
			    (unsigned long long)arc);
		if (n < 0 || (size_t)n >= size - used)
			return (-1);
		used += (size_t)n;
		arc = 0;
	}
	return (used == 0 || (der[len - 1] & 0x80) != 0 ? -1 : 0);
}

/* A value that is no text, or not of its declared type, is shown as it is. */
static void
name_value(struct name_out *te, const X509_NAME_ENTRY *entry)
{
	const ASN1_STRING	*as = X509_NAME_ENTRY_get_data(entry);
	unsigned char		*utf8 = NULL;
	int			 len;

	len = ASN1_STRING_to_UTF8(&utf8, as);
	if (len >= 0) {
		name_bytes(te, utf8, (size_t)len);
		OPENSSL_free(utf8);
		return;
	}
	ERR_clear_error();
	if ((len = ASN1_STRING_length(as)) > 0)
		name_bytes(te, ASN1_STRING_get0_data(as), (size_t)len);
}

static void
name_bytes(struct name_out *te, const uint8_t *p, size_t len)
{
	char	 escaped[2] = { '\\', '\0' };
	size_t	 i, n;

	for (i = 0; i < len; i += n) {
		n = name_character(p + i, len - i);
		if (n == 0) {
			name_hex(te, p[i]);
			n = 1;
		} else if (name_special(p, i, len)) {
			escaped[1] = (char)p[i];
			name_put(te, escaped, sizeof(escaped));
		} else
			name_put(te, (const char *)p + i, n);
	}
}

static int
name_special(const uint8_t *p, size_t at, size_t len)
{
	switch (p[at]) {
	case ',':
	case '+':
	case '"':
	case '\\':
	case '<':
	case '>':
	case ';':
	case '=':
		return (1);
	case '#':
		return (at == 0);
	case ' ':
		return (at == 0 || at == len - 1);
	default:
		return (0);
	}
}

/*
 * Bytes of the character that begins here; 0 for a byte that has to be shown
 * by its number: not of valid UTF-8, or of a control character.
 */
static size_t
name_character(const uint8_t *p, size_t len)
{
	uint32_t	 c;
	size_t		 i, n;

	if (p[0] < 0x80)
		return (p[0] >= ' ' && p[0] != 0x7f);
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (0);
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return (0);
	c = p[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < 0xa0 || (n == 3 && c < 0x800) || (n == 4 && c < 0x10000) ||
	    (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return (0);
	return (n);
}

static void
name_hex(struct name_out *te, uint8_t byte)
{
	char	 hex[4];

	(void)snprintf(hex, sizeof(hex), "\\%02X", (unsigned int)byte);
	name_put(te, hex, 3);
}

/* Whole or not at all; after the first that does not fit nothing does. */
static void
name_put(struct name_out *te, const char *s, size_t len)
{
	if (te->te_used == te->te_wanted && te->te_size > len &&
	    te->te_used < te->te_size - len) {
		memcpy(te->te_buf + te->te_used, s, len);
		te->te_used += len;
	}
	te->te_wanted += len;
}
