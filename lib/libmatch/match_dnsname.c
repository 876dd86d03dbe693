/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <string.h>

#include "match.h"
#include "match_local.h"

static int	 label_legal(char);
static size_t	 label_length(const char *, const char *);

/* One byte more than fits is enough to see that it does not. */
#define DNSNAME_SCAN	(MATCH_DNSNAME + 2)

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

int
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
int
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
