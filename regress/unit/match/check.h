/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Tables of patterns and what they match, and the time it takes. */

#ifndef CHECK_H
#define CHECK_H

#include <sys/types.h>

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct row {
	const char	*r_pattern;
	const char	*r_text;
	int		 r_match;
};

struct okrow {
	const char	*o_pattern;
	int		 o_ok;
};

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* In memory of just their size, so that one byte too far is seen. */
static inline int
check_exact(int (*match)(const char *, const char *), const char *pattern,
    const char *text)
{
	char	*p, *t;
	int	 result;

	ATF_REQUIRE((p = strdup(pattern)) != NULL);
	ATF_REQUIRE((t = strdup(text)) != NULL);
	result = match(p, t);
	free(p);
	free(t);
	return (result);
}

static inline void
check_rows(int (*match)(const char *, const char *), const struct row *rows,
    size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		ATF_CHECK_EQ_MSG(rows[i].r_match, check_exact(match,
		    rows[i].r_pattern, rows[i].r_text),
		    "\"%s\" and \"%s\": not %d", rows[i].r_pattern,
		    rows[i].r_text, rows[i].r_match);
}

static inline void
check_okrows(int (*ok)(const char *), const struct okrow *rows, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		ATF_CHECK_EQ_MSG(rows[i].o_ok, ok(rows[i].o_pattern),
		    "\"%s\": not %d", rows[i].o_pattern, rows[i].o_ok);
}

/* A string of n times c, to be freed. */
static inline char *
check_fill(size_t n, const char *c)
{
	size_t	 i, len = strlen(c);
	char	*s;

	ATF_REQUIRE((s = malloc(n * len + 1)) != NULL);
	for (i = 0; i < n; i++)
		memcpy(s + i * len, c, len);
	s[n * len] = '\0';
	return (s);
}

/* Processor time in seconds: that of others does not count. */
static inline double
check_seconds(void)
{
	struct timespec	 ts;

	ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

#endif /* CHECK_H */
