/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A matcher too simple to be wrong, and numbers to feed it. */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "naive.h"

static uint64_t	 naive_state = 0x9e3779b97f4a7c15;

uint32_t
naive_random(uint32_t bound)
{
	naive_state ^= naive_state << 13;
	naive_state ^= naive_state >> 7;
	naive_state ^= naive_state << 17;
	return ((uint32_t)(naive_state >> 32) % bound);
}

/* Up to n characters of an alphabet. */
void
naive_text(char *text, size_t n, const char *alphabet)
{
	size_t	 i, len = naive_random((uint32_t)n + 1);

	for (i = 0; i < len; i++)
		text[i] = alphabet[naive_random((uint32_t)strlen(alphabet))];
	text[len] = '\0';
}

int
naive_match(const int *pat, size_t npat, const char *text, size_t len, int dns)
{
	size_t	 i;

	if (npat == 0)
		return (len == 0);
	if (*pat != NAIVE_STAR)
		return (len != 0 && *pat == (unsigned char)*text &&
		    naive_match(pat + 1, npat - 1, text + 1, len - 1, dns));
	for (i = 0; i <= len; i++) {
		if (naive_match(pat + 1, npat - 1, text + i, len - i, dns))
			return (1);
		if (i < len && dns && text[i] == '.')
			return (0);
	}
	return (0);
}

size_t
naive_pattern(const char *s, int *pat)
{
	size_t	 n = 0;

	while (*s != '\0') {
		if (strncmp(s, "\\*", 2) == 0 || strncmp(s, "\\\\", 2) == 0) {
			pat[n++] = s[1];
			s += 2;
		} else if (*s == '*') {
			pat[n++] = NAIVE_STAR;
			s++;
		} else
			pat[n++] = (unsigned char)*s++;
	}
	return (n);
}
