/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <string.h>

#include "match.h"
#include "match_local.h"

/* A distinguished name's value may have each of its bytes escaped. */
#define RUN_PATTERN	(2 * MATCH_PATTERN)

static int	 run_piece(const char **, const char *, char *, size_t *);
static int	 run_find(const char **, size_t *, const char *, size_t);

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

int
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
int
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
