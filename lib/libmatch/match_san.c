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
static int	 email_match(const char *, size_t, const char *, size_t);
static int	 email_ok(const char *, size_t);
static int	 email_parse(const char *, size_t, struct email *);

static const struct san_kind {
	const char	*sk_prefix;
	int		(*sk_match)(const char *, size_t, const char *, size_t);
	int		(*sk_ok)(const char *, size_t);
} san_kinds[] = {
	{ "dns:",	match_labels,	match_labels_ok },
	{ "ip:",	ip_match,	ip_ok },
	{ "email:",	email_match,	email_ok },
	{ "uri:",	match_run,	match_run_ok },
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
	return (slash == NULL ? 0 : ip_bits(slash, &pr->pr_bits));
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
