/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Distinguished names as text, "CN=host.example.org,O=Example": the same
 * from both TLS libraries, unambiguous, and UTF-8 without control
 * characters whatever is in the certificate.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "match.h"
#include "object.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

#define NAME_OID	256	/* digits and dots of one */

/* What is written, and how much it would be with room for all of it. */
struct text {
	char	*te_buf;
	size_t	 te_size;
	size_t	 te_used;
	size_t	 te_wanted;
};

struct type {
	const char	*ty_oid;
	const char	*ty_name;
};

/* By their numbers: the libraries know different ones by name. */
#define TYPE(oid, name, alias)	{ oid, name },
static const struct type	 name_types[] = {
	MATCH_TYPES(TYPE)
};

static void	 name_write(struct text *, const X509_NAME *);
static void	 name_type(struct text *, const X509_NAME_ENTRY *);
static const char *name_known(const char *);
static int	 name_oid(const uint8_t *, size_t, char *, size_t);
static void	 name_value(struct text *, const X509_NAME_ENTRY *);
static void	 name_bytes(struct text *, const uint8_t *, size_t);
static int	 name_special(const uint8_t *, size_t, size_t);
static size_t	 name_character(const uint8_t *, size_t);
static void	 name_hex(struct text *, uint8_t);
static void	 name_put(struct text *, const char *, size_t);

/* All of it, for the caller to free; NULL: out of memory. */
char *
name_text(const X509_NAME *name)
{
	struct text	 te;

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

/* What fits, with dots where something is missing. */
void
name_brief(const X509_NAME *name, char *buf, size_t size)
{
	static const char	 more[] = "...";
	struct text		 te;

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
name_write(struct text *te, const X509_NAME *name)
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
name_type(struct text *te, const X509_NAME_ENTRY *entry)
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

	for (i = 0; i < NITEMS(name_types); i++) {
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

/* What is no text, or is not what it says, stands there as it is. */
static void
name_value(struct text *te, const X509_NAME_ENTRY *entry)
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
name_bytes(struct text *te, const uint8_t *p, size_t len)
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
name_hex(struct text *te, uint8_t byte)
{
	char	 hex[4];

	(void)snprintf(hex, sizeof(hex), "\\%02X", (unsigned int)byte);
	name_put(te, hex, 3);
}

/* Whole or not at all; after the first that does not fit nothing does. */
static void
name_put(struct text *te, const char *s, size_t len)
{
	if (te->te_used == te->te_wanted && te->te_size > len &&
	    te->te_used < te->te_size - len) {
		memcpy(te->te_buf + te->te_used, s, len);
		te->te_used += len;
	}
	te->te_wanted += len;
}
