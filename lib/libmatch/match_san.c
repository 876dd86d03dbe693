/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdint.h>
#include <string.h>

#include "match.h"
#include "match_local.h"

#define EMAIL_DOMAIN	255	/* bytes that can be compared */

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
static int	 ip_bits(const char *, unsigned int *);
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

#define NSANKINDS	(sizeof(san_kinds) / sizeof(san_kinds[0]))

static const struct san_kind	*san_kind(const char *, size_t *);

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
	size_t		 bytes;
	uint8_t		 mask;

	if (ip_parse(pattern, patlen, 1, &want) == -1 ||
	    ip_parse(name, len, 0, &have) == -1 ||
	    want.pr_family != have.pr_family)
		return (0);
	bytes = want.pr_bits / 8;
	if (memcmp(want.pr_addr, have.pr_addr, bytes) != 0)
		return (0);
	if (want.pr_bits % 8 == 0)
		return (1);
	mask = (uint8_t)(0xff << (8 - want.pr_bits % 8));
	return (((want.pr_addr[bytes] ^ have.pr_addr[bytes]) & mask) == 0);
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
	if (inet_pton(AF_INET, buf, pr->pr_addr) == 1) {
		pr->pr_family = AF_INET;
		pr->pr_bits = 32;
	} else if (inet_pton(AF_INET6, buf, pr->pr_addr) == 1) {
		pr->pr_family = AF_INET6;
		pr->pr_bits = 128;
	} else
		return (-1);
	if (slash != NULL && ip_bits(slash, &pr->pr_bits) == -1)
		return (-1);
	ip_unmap(pr);
	return (0);
}

static void
ip_unmap(struct prefix *pr)
{
	static const uint8_t	 mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
	};

	if (pr->pr_family != AF_INET6 || pr->pr_bits < 8 * sizeof(mapped) ||
	    memcmp(pr->pr_addr, mapped, sizeof(mapped)) != 0)
		return;
	memmove(pr->pr_addr, pr->pr_addr + sizeof(mapped), 4);
	pr->pr_family = AF_INET;
	pr->pr_bits -= 8 * sizeof(mapped);
}

/* A number up to *bits, which it replaces. */
static int
ip_bits(const char *text, unsigned int *bits)
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
