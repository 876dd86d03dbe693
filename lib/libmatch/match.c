/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Patterns of the configuration: values, then server names, then names of
 * certificates, then distinguished names.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "compat.h"
#include "match.h"

/* A distinguished name's value may have each of its bytes escaped. */
#define RUN_PATTERN	(2 * MATCH_PATTERN)
/* A byte more than fits shows that the name is too long. */
#define DNSNAME_SCAN	(MATCH_DNSNAME + 2)
#define EMAIL_DOMAIN	255	/* bytes that can be compared */

/* For texts that may hold a NUL; a pattern is as in match_value(). */
static int	 match_run(const char *, size_t, const char *, size_t);
static int	 match_run_ok(const char *, size_t);
static int	 run_piece(const char **, const char *, char *, size_t *);
static int	 run_find(const char **, size_t *, const char *, size_t);

static int	 match_labels(const char *, size_t, const char *, size_t);
static int	 match_labels_ok(const char *, size_t);
static int	 label_legal(char);
static size_t	 label_length(const char *, const char *);

struct prefix {
	int		 pr_family;
	unsigned int	 pr_bits;
	uint8_t		 pr_addr[16];
};

struct email {
	size_t		 em_local;	/* length of what is before the @ */
	size_t		 em_domain;
	char		 em_lower[EMAIL_DOMAIN];
};

static int	 ip_match(const char *, size_t, const char *, size_t);
static int	 ip_ok(const char *, size_t);
static int	 ip_parse(const char *, size_t, int, struct prefix *);
static int	 ip_name_ok(const char *, size_t);
static void	 ip_unmap(struct prefix *);
static int	 dns_name_ok(const char *, size_t);
static int	 email_name_ok(const char *, size_t);
static int	 uri_match(const char *, size_t, const char *, size_t);
static int	 uri_name_ok(const char *, size_t);
static size_t	 uri_fold(char *, const char *, size_t);
static int	 email_match(const char *, size_t, const char *, size_t);
static int	 email_ok(const char *, size_t);
static int	 email_parse(const char *, size_t, struct email *);

static const struct san_kind {
	const char	*sk_prefix;
	int		(*sk_match)(const char *, size_t, const char *, size_t);
	int		(*sk_ok)(const char *, size_t);
	int		(*sk_name_ok)(const char *, size_t);
} san_kinds[] = {
	{ "dns:",	match_labels,	match_labels_ok, dns_name_ok },
	{ "ip:",	ip_match,	ip_ok,		ip_name_ok },
	{ "email:",	email_match,	email_ok,	email_name_ok },
	{ "uri:",	uri_match,	match_run_ok,	uri_name_ok },
};

#define NSANKINDS	nitems(san_kinds)

static const struct san_kind	*san_kind(const char *, size_t *);

struct attr {
	const char	*at_type;
	size_t		 at_typelen;
	int		 at_der;	/* was #hex: the bytes of an encoding */
	size_t		 at_len;
	char		 at_value[2 * MATCH_PATTERN];
};

/* Under either name, so that its number means the same. */
#define NAMES(oid, name, alias)	{ name, oid }, { alias, oid },
static const struct attr_name {
	const char	*an_name;
	const char	*an_oid;
} attr_names[] = {
	MATCH_TYPES(NAMES)
};

#define NATTRNAMES	nitems(attr_names)

static int	 subject_wellformed(const char *);
static int	 subject_has(const char *, const struct attr *);
static int	 attr_next(const char **, struct attr *, int);
static int	 attr_type(const char **, struct attr *);
static size_t	 type_word(const char *);
static size_t	 type_oid(const char *);
static int	 attr_value(const char **, struct attr *, int);
static int	 attr_der(const char **, struct attr *);
static int	 attr_end(char);
static size_t	 attr_escape(const char *, char *);
static void	 attr_put(struct attr *, char, int);
static int	 attr_hex(const char *, char *);
static int	 attr_digit(char);
static void	 attr_oid(struct attr *);
static int	 attr_sametype(const struct attr *, const struct attr *);

int
match_value(const char *pattern, const char *value)
{
	size_t	 len;

	if ((len = strnlen(pattern, MATCH_PATTERN + 1)) > MATCH_PATTERN)
		return (0);
	return (match_run(pattern, len, value, strlen(value)));
}

int
match_value_ok(const char *pattern)
{
	return (match_run_ok(pattern, strnlen(pattern, MATCH_PATTERN + 1)));
}

static int
match_run_ok(const char *pattern, size_t len)
{
	size_t	 i;

	if (len == 0 || len > MATCH_PATTERN)
		return (0);
	for (i = 0; i < len; i++) {
		if ((unsigned char)pattern[i] < ' ' || pattern[i] == 0x7f)
			return (0);
	}
	return (1);
}

/*
 * The first piece has to be the value's beginning and the last one its end.
 * For those between, the first place found is as good as any later one.
 */
static int
match_run(const char *pattern, size_t patlen, const char *value, size_t len)
{
	const char	*end = pattern + patlen;
	char		 piece[RUN_PATTERN];
	size_t		 n;

	if (patlen > sizeof(piece))
		return (0);
	if (!run_piece(&pattern, end, piece, &n))
		return (n == len && memcmp(value, piece, n) == 0);
	if (n > len || memcmp(value, piece, n) != 0)
		return (0);
	value += n;
	len -= n;
	while (run_piece(&pattern, end, piece, &n)) {
		if (!run_find(&value, &len, piece, n))
			return (0);
	}
	return (n <= len && memcmp(value + len - n, piece, n) == 0);
}

/* Takes the literal up to a star, and that; 0 when there was no star. */
static int
run_piece(const char **pattern, const char *end, char *piece, size_t *len)
{
	const char	*p;
	size_t		 n = 0;

	for (p = *pattern; p < end && *p != '*'; p++) {
		if (*p == '\\' && end - p > 1 && (p[1] == '*' || p[1] == '\\'))
			p++;
		piece[n++] = *p;
	}
	*len = n;
	if (p == end) {
		*pattern = end;
		return (0);
	}
	*pattern = p + 1;
	return (1);
}

/* Goes on in the value behind the piece. */
static int
run_find(const char **value, size_t *len, const char *piece, size_t n)
{
	const char	*found;

	if (n == 0)
		return (1);
	if ((found = memmem(*value, *len, piece, n)) == NULL)
		return (0);
	found += n;
	*len -= (size_t)(found - *value);
	*value = found;
	return (1);
}

int
match_dnsname(const char *pattern, const char *name)
{
	return (match_labels(pattern, strnlen(pattern, DNSNAME_SCAN), name,
	    strnlen(name, DNSNAME_SCAN)));
}

int
match_dnsname_ok(const char *pattern)
{
	return (match_labels_ok(pattern, strnlen(pattern, DNSNAME_SCAN)));
}

int
match_servername_ok(const char *name)
{
	struct in_addr	 addr;

	return (match_dnsname_ok(name) && strchr(name, '*') == NULL &&
	    inet_pton(AF_INET, name, &addr) != 1);
}

static int
match_labels_ok(const char *name, size_t len)
{
	size_t	 i;
	char	 before = '.';

	if (len == 0 || len > MATCH_DNSNAME)
		return (0);
	for (i = 0; i < len; i++) {
		if (name[i] == '.' ? before == '.' : !label_legal(name[i]))
			return (0);
		before = name[i];
	}
	return (before != '.');
}

/* Not isalnum(3), which asks the locale. */
static int
label_legal(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*');
}

void
match_lower(char *to, const char *from, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		to[i] = from[i];
		if (from[i] >= 'A' && from[i] <= 'Z')
			to[i] = from[i] - 'A' + 'a';
	}
}

/* A legal pattern has no backslash, so its labels match as values do. */
static int
match_labels(const char *pattern, size_t patlen, const char *name, size_t len)
{
	char		 pats[MATCH_DNSNAME], names[MATCH_DNSNAME];
	const char	*p = pats, *n = names, *pend, *nend;
	size_t		 plen, nlen;

	if (len != 0 && name[len - 1] == '.')
		len--;
	if (!match_labels_ok(pattern, patlen) || !match_labels_ok(name, len))
		return (0);
	match_lower(pats, pattern, patlen);
	match_lower(names, name, len);
	pend = pats + patlen;
	nend = names + len;
	for (;;) {
		plen = label_length(p, pend);
		nlen = label_length(n, nend);
		if (!match_run(p, plen, n, nlen))
			return (0);
		p += plen;
		n += nlen;
		if (p == pend || n == nend)
			return (p == pend && n == nend);
		p++;
		n++;
	}
}

static size_t
label_length(const char *label, const char *end)
{
	const char	*dot;

	if ((dot = memchr(label, '.', (size_t)(end - label))) == NULL)
		dot = end;
	return ((size_t)(dot - label));
}

int
match_san_ok(const char *pattern)
{
	const struct san_kind	*sk;
	size_t			 len;

	return ((sk = san_kind(pattern, &len)) != NULL &&
	    sk->sk_ok(pattern + len, strlen(pattern + len)));
}

int
match_san(const char *pattern, const char *names)
{
	const struct san_kind	*sk;
	size_t			 len, n, patlen;

	if (!match_san_ok(pattern) || (sk = san_kind(pattern, &len)) == NULL)
		return (0);
	pattern += len;
	patlen = strlen(pattern);
	for (;;) {
		n = strcspn(names, "\n");
		if (n > len && strncmp(names, sk->sk_prefix, len) == 0 &&
		    sk->sk_match(pattern, patlen, names + len, n - len))
			return (1);
		if (names[n] == '\0')
			return (0);
		names += n + 1;
	}
}

int
match_san_names_ok(const char *names)
{
	const struct san_kind	*sk;
	size_t			 len, n;

	while (*names != '\0') {
		n = strcspn(names, "\n");
		if ((sk = san_kind(names, &len)) == NULL || n < len ||
		    !sk->sk_name_ok(names + len, n - len))
			return (0);
		names += n;
		if (*names == '\n')
			names++;
	}
	return (1);
}

static const struct san_kind *
san_kind(const char *name, size_t *len)
{
	size_t	 i;

	for (i = 0; i < NSANKINDS; i++) {
		*len = strlen(san_kinds[i].sk_prefix);
		if (strncmp(name, san_kinds[i].sk_prefix, *len) == 0)
			return (&san_kinds[i]);
	}
	return (NULL);
}

/* "*" is a match for every name that can be one. */
static int
dns_name_ok(const char *name, size_t len)
{
	char	 buf[MATCH_DNSNAME + 2];
	size_t	 i;

	if (len >= sizeof(buf))
		return (0);
	for (i = 0; i < len; i++)
		buf[i] = name[i] == '*' ? 'x' : name[i];
	if (len > 0 && buf[len - 1] == '.')
		len--;
	return (match_labels_ok(buf, len));
}

static int
ip_name_ok(const char *name, size_t len)
{
	struct prefix	 pr;

	return (ip_parse(name, len, 0, &pr) == 0);
}

static int
email_name_ok(const char *name, size_t len)
{
	struct email	 em;

	return (email_parse(name, len, &em) == 0);
}

static int
uri_name_ok(const char *name, size_t len)
{
	(void)name;
	return (len <= MATCH_PATTERN);
}

/* Scheme and host in lower case: their case does not count. */
static size_t
uri_fold(char *buf, const char *text, size_t len)
{
	size_t	 host = 0, i;

	for (i = 0; i + 2 < len; i++) {
		if (memcmp(text + i, "://", 3) == 0) {
			host = i + 3;
			break;
		}
	}
	while (host > 0 && host < len && strchr("/?#", text[host]) == NULL)
		host++;
	match_lower(buf, text, host);
	memcpy(buf + host, text + host, len - host);
	return (len);
}

static int
uri_match(const char *pattern, size_t patlen, const char *name, size_t len)
{
	char	 pat[MATCH_PATTERN], text[MATCH_PATTERN];

	if (patlen > sizeof(pat) || len > sizeof(text))
		return (0);
	return (match_run(pat, uri_fold(pat, pattern, patlen), text,
	    uri_fold(text, name, len)));
}

static int
ip_ok(const char *pattern, size_t len)
{
	struct prefix	 pr;

	return (ip_parse(pattern, len, 1, &pr) == 0);
}

static int
ip_match(const char *pattern, size_t patlen, const char *name, size_t len)
{
	struct prefix	 want, have;

	return (ip_parse(pattern, patlen, 1, &want) == 0 &&
	    ip_parse(name, len, 0, &have) == 0 &&
	    want.pr_family == have.pr_family &&
	    match_prefix(want.pr_addr, have.pr_addr, want.pr_bits));
}

/* An address, with "/bits" behind it where that is allowed. */
static int
ip_parse(const char *text, size_t len, int masked, struct prefix *pr)
{
	char	 buf[INET6_ADDRSTRLEN + sizeof("/128")], *slash = NULL;

	if (len >= sizeof(buf))
		return (-1);
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (masked && (slash = strchr(buf, '/')) != NULL)
		*slash++ = '\0';
	pr->pr_family = match_address(buf, pr->pr_addr, &pr->pr_bits);
	if (pr->pr_family == -1)
		return (-1);
	if (slash != NULL && match_bits(slash, &pr->pr_bits) == -1)
		return (-1);
	ip_unmap(pr);
	return (0);
}

static void
ip_unmap(struct prefix *pr)
{
	if (pr->pr_family != AF_INET6 || pr->pr_bits < MATCH_MAPPED ||
	    !match_mapped(pr->pr_addr))
		return;
	memmove(pr->pr_addr, pr->pr_addr + MATCH_MAPPED / 8, 4);
	pr->pr_family = AF_INET;
	pr->pr_bits -= MATCH_MAPPED;
}

int
match_mapped(const uint8_t *addr)
{
	static const uint8_t	 mapped[MATCH_MAPPED / 8] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
	};

	return (memcmp(addr, mapped, sizeof(mapped)) == 0);
}

int
match_address(const char *text, uint8_t *addr, unsigned int *bits)
{
	if (inet_pton(AF_INET, text, addr) == 1) {
		*bits = 32;
		return (AF_INET);
	}
	if (inet_pton(AF_INET6, text, addr) == 1) {
		*bits = 128;
		return (AF_INET6);
	}
	return (-1);
}

int
match_bits(const char *text, unsigned int *bits)
{
	size_t		 len = strspn(text, "0123456789");
	unsigned int	 n = 0;

	if (len == 0 || len > 3 || text[len] != '\0' ||
	    (len > 1 && *text == '0'))
		return (-1);
	while (*text != '\0')
		n = n * 10 + (unsigned int)(*text++ - '0');
	if (n > *bits)
		return (-1);
	*bits = n;
	return (0);
}

int
match_prefix(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int	 whole = bits / 8, rest = bits % 8;

	return (memcmp(a, b, whole) == 0 && (rest == 0 ||
	    (a[whole] ^ b[whole]) >> (8 - rest) == 0));
}

static int
email_ok(const char *pattern, size_t len)
{
	struct email	 em;

	return (match_run_ok(pattern, len) &&
	    email_parse(pattern, len, &em) == 0);
}

/* The local part is its host's own matter: its case counts. */
static int
email_match(const char *pattern, size_t patlen, const char *name, size_t len)
{
	struct email	 want, have;

	return (email_parse(pattern, patlen, &want) == 0 &&
	    email_parse(name, len, &have) == 0 &&
	    match_run(pattern, want.em_local, name, have.em_local) &&
	    match_run(want.em_lower, want.em_domain, have.em_lower,
	    have.em_domain));
}

/* At the last @: a quoted local part may hold others. */
static int
email_parse(const char *text, size_t len, struct email *em)
{
	size_t	 at = len;

	while (at != 0 && text[at - 1] != '@')
		at--;
	if (at < 2 || at == len || len - at > sizeof(em->em_lower))
		return (-1);
	em->em_local = at - 1;
	em->em_domain = len - at;
	match_lower(em->em_lower, text + at, em->em_domain);
	return (0);
}

/*
 * Distinguished names in text form.  The same reader takes patterns and
 * subjects apart.  Characters that RFC 4514 wants escaped must be, so that no
 * text can be read in two ways.
 */

int
match_subject_ok(const char *pattern)
{
	return (subject_wellformed(pattern));
}

/* A type that is neither known nor a number is that of no certificate. */
int
match_subject_known(const char *pattern)
{
	struct attr	 at;

	if (!subject_wellformed(pattern))
		return (0);
	while (pattern != NULL) {
		if (attr_next(&pattern, &at, 1) == -1 ||
		    type_oid(at.at_type) < at.at_typelen)
			return (0);
	}
	return (1);
}

int
match_subject(const char *pattern, const char *subject)
{
	struct attr	 want;

	if (!subject_wellformed(pattern) || !subject_wellformed(subject))
		return (0);
	while (pattern != NULL) {
		if (attr_next(&pattern, &want, 1) == -1 ||
		    !subject_has(subject, &want))
			return (0);
	}
	return (1);
}

int
match_subject_value(const char *subject, const char *type, char *buf,
    size_t size)
{
	struct attr	 at, want;
	int		 found = -1;

	if (!subject_wellformed(subject))
		return (-1);
	memset(&want, 0, sizeof(want));
	want.at_type = type;
	want.at_typelen = strlen(type);
	attr_oid(&want);
	while (subject != NULL) {
		if (attr_next(&subject, &at, 0) == -1)
			return (-1);
		if (at.at_der || !attr_sametype(&at, &want))
			continue;
		found = -1;
		if (at.at_len >= size ||
		    memchr(at.at_value, '\0', at.at_len) != NULL)
			continue;
		memcpy(buf, at.at_value, at.at_len);
		buf[at.at_len] = '\0';
		found = 0;
	}
	return (found);
}

static int
subject_wellformed(const char *text)
{
	struct attr	 at;
	size_t		 n = 0;

	if (strnlen(text, MATCH_PATTERN + 1) > MATCH_PATTERN)
		return (0);
	while (text != NULL) {
		if (n++ == MATCH_ATTRIBUTES || attr_next(&text, &at, 1) == -1)
			return (0);
	}
	return (1);
}

static int
subject_has(const char *subject, const struct attr *want)
{
	struct attr	 at;

	while (subject != NULL) {
		if (attr_next(&subject, &at, 0) == -1)
			return (0);
		if (at.at_der != want->at_der || !attr_sametype(&at, want))
			continue;
		if (want->at_der && at.at_len == want->at_len &&
		    memcmp(at.at_value, want->at_value, at.at_len) == 0)
			return (1);
		if (!want->at_der && match_run(want->at_value, want->at_len,
		    at.at_value, at.at_len))
			return (1);
	}
	return (0);
}

/*
 * Takes one attribute of a text that is known to be bounded; the text
 * becomes NULL after the last.  A pattern's value comes as match_run() wants
 * it, a subject's as it is.
 */
static int
attr_next(const char **text, struct attr *at, int pattern)
{
	const char	*p = *text;

	while (*p == ' ')
		p++;
	if (attr_type(&p, at) == -1)
		return (-1);
	at->at_len = 0;
	at->at_der = *p == '#';
	if ((at->at_der ? attr_der(&p, at) : attr_value(&p, at, pattern)) == -1)
		return (-1);
	*text = *p == '\0' ? NULL : p + 1;
	return (0);
}

static int
attr_type(const char **text, struct attr *at)
{
	at->at_type = *text;
	at->at_typelen = type_word(*text);
	if (at->at_typelen == 0)
		at->at_typelen = type_oid(*text);
	if (at->at_typelen == 0 || (*text)[at->at_typelen] != '=')
		return (-1);
	*text += at->at_typelen + 1;
	attr_oid(at);
	return (0);
}

#define LETTER(c)	(((c) >= 'a' && (c) <= 'z') || \
			((c) >= 'A' && (c) <= 'Z'))
#define DIGIT(c)	((c) >= '0' && (c) <= '9')

static size_t
type_word(const char *s)
{
	size_t	 n;

	if (!LETTER(*s))
		return (0);
	for (n = 1; LETTER(s[n]) || DIGIT(s[n]) || s[n] == '-'; n++)
		;
	return (n);
}

/* Two numbers or more, none with a leading zero. */
static size_t
type_oid(const char *s)
{
	size_t	 n = 0, numbers = 0, start;

	for (;;) {
		start = n;
		while (DIGIT(s[n]))
			n++;
		if (n == start || (s[start] == '0' && n - start > 1))
			return (0);
		numbers++;
		if (s[n] != '.')
			return (numbers > 1 ? n : 0);
		n++;
	}
}

static int
attr_value(const char **text, struct attr *at, int pattern)
{
	const char	*p = *text;
	size_t		 n;
	char		 c;

	if (*p == ' ')
		return (-1);
	while (!attr_end(*p)) {
		if (*p == '\\') {
			if ((n = attr_escape(p, &c)) == 0)
				return (-1);
			attr_put(at, c, pattern);
			p += n;
			continue;
		}
		if ((unsigned char)*p < ' ' || *p == 0x7f ||
		    strchr("\"<>;", *p) != NULL ||
		    (*p == ' ' && attr_end(p[1])))
			return (-1);
		attr_put(at, *p++, 0);
	}
	*text = p;
	return (0);
}

static int
attr_der(const char **text, struct attr *at)
{
	const char	*p;
	char		 c;

	for (p = *text + 1; !attr_end(*p); p += 2) {
		if (!attr_hex(p, &c))
			return (-1);
		attr_put(at, c, 0);
	}
	*text = p;
	return (at->at_len == 0 ? -1 : 0);
}

static int
attr_end(char c)
{
	return (c == '\0' || c == ',' || c == '+');
}

/* The length of the escape at p, 0 when it is none. */
static size_t
attr_escape(const char *p, char *c)
{
	if (p[1] == '\0')
		return (0);
	if (strchr("\\,+\"<>;=#* ", p[1]) != NULL) {
		*c = p[1];
		return (2);
	}
	return (attr_hex(p + 1, c) ? 3 : 0);
}

/* Never over the end: a text of MATCH_PATTERN gives two bytes for each. */
static void
attr_put(struct attr *at, char c, int literal)
{
	if (literal && (c == '*' || c == '\\'))
		at->at_value[at->at_len++] = '\\';
	at->at_value[at->at_len++] = c;
}

static int
attr_hex(const char *p, char *c)
{
	int	 high, low;

	if ((high = attr_digit(p[0])) == -1 || (low = attr_digit(p[1])) == -1)
		return (0);
	*c = (char)(high << 4 | low);
	return (1);
}

static int
attr_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

static void
attr_oid(struct attr *at)
{
	size_t	 i;

	for (i = 0; i < NATTRNAMES; i++) {
		if (strlen(attr_names[i].an_name) == at->at_typelen &&
		    strncasecmp(attr_names[i].an_name, at->at_type,
		    at->at_typelen) == 0) {
			at->at_type = attr_names[i].an_oid;
			at->at_typelen = strlen(at->at_type);
			return;
		}
	}
}

static int
attr_sametype(const struct attr *a, const struct attr *b)
{
	return (a->at_typelen == b->at_typelen &&
	    strncasecmp(a->at_type, b->at_type, a->at_typelen) == 0);
}
