/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "match.h"

static const struct row rows[] = {
	{ "", "", 1 },
	{ "", "a", 0 },
	{ "a", "", 0 },
	{ "a", "a", 1 },
	{ "a", "A", 0 },
	{ "a", "aa", 0 },
	{ "aa", "a", 0 },
	{ "*", "", 1 },
	{ "*", "anything, with = and .", 1 },
	{ "**", "", 1 },
	{ "***", "x", 1 },
	{ "a*", "a", 1 },
	{ "a*", "ab", 1 },
	{ "a*", "ba", 0 },
	{ "*a", "a", 1 },
	{ "*a", "ba", 1 },
	{ "*a", "ab", 0 },
	{ "a*b", "ab", 1 },
	{ "a*b", "axxb", 1 },
	{ "a*b", "abx", 0 },
	{ "a*a", "a", 0 },
	{ "a*a", "aa", 1 },
	{ "aba*aba", "ababa", 0 },
	{ "aba*aba", "abaaba", 1 },
	{ "*ab*ab*", "ab", 0 },
	{ "*ab*ab*", "aab", 0 },
	{ "*ab*ab*", "abab", 1 },
	{ "*ab*bc*", "abc", 0 },
	{ "*ab*bc*", "abbc", 1 },
	{ "*aab", "aaab", 1 },
	{ "*b*aab", "baaab", 1 },
	{ "*b*aab", "aaab", 0 },
	{ "a*bc*d", "abcbcd", 1 },
	{ "a*bc*cd", "abcd", 0 },
	{ "*.ops.example.org", "a.ops.example.org", 1 },
	{ "*.ops.example.org", ".ops.example.org", 1 },
	{ "*.ops.example.org", "a.b.ops.example.org", 1 },
	{ "*.ops.example.org", "a.ops.example.org.evil", 0 },
	{ "a?c", "abc", 0 },
	{ "a?c", "a?c", 1 },
	{ "[a]", "a", 0 },
	{ "[a]", "[a]", 1 },
	{ ".", "x", 0 },
	{ "\\*", "*", 1 },
	{ "\\*", "x", 0 },
	{ "\\*", "\\*", 0 },
	{ "\\\\", "\\", 1 },
	{ "\\\\", "\\\\", 0 },
	{ "\\\\*", "\\", 1 },
	{ "\\\\*", "\\*", 1 },
	{ "\\\\*", "\\x", 1 },
	{ "\\\\*", "x", 0 },
	{ "\\\\\\*", "\\*", 1 },
	{ "\\\\\\*", "\\x", 0 },
	{ "*\\**", "a*b", 1 },
	{ "*\\**", "ab", 0 },
	{ "\\a", "\\a", 1 },
	{ "\\a", "a", 0 },
	{ "a\\", "a\\", 1 },
	{ "a\\", "a", 0 },
	{ "*\\", "b\\", 1 },
	{ "\303\244*", "\303\244\303\266", 1 },
	{ "\303*", "\304", 0 },
};

ATF_TC_WITHOUT_HEAD(values);
ATF_TC_BODY(values, tc)
{
	check_rows(match_value, rows, NITEMS(rows));
}

static const struct okrow okrows[] = {
	{ "", 0 },
	{ "*", 1 },
	{ "a b", 1 },
	{ "\\", 1 },
	{ "\303\244", 1 },
	{ "\377", 1 },
	{ "a\tb", 0 },
	{ "a\nb", 0 },
	{ "\001", 0 },
	{ "\037", 0 },
	{ "\177", 0 },
	{ "~", 1 },
};

ATF_TC_WITHOUT_HEAD(syntax);
ATF_TC_BODY(syntax, tc)
{
	check_okrows(match_value_ok, okrows, NITEMS(okrows));
}

/* One byte over the bound is neither legal nor ever a match. */
ATF_TC_WITHOUT_HEAD(bounds);
ATF_TC_BODY(bounds, tc)
{
	char	*at, *over;

	at = check_fill(MATCH_PATTERN, "a");
	over = check_fill(MATCH_PATTERN + 1, "a");
	ATF_CHECK_EQ(1, match_value_ok(at));
	ATF_CHECK_EQ(0, match_value_ok(over));
	ATF_CHECK_EQ(1, match_value(at, at));
	ATF_CHECK_EQ(0, match_value(over, over));
	ATF_CHECK_EQ(0, match_value(at, over));
	ATF_CHECK_EQ(1, match_value("a*a", over));
	free(at);
	free(over);
}

#define LONG		(1024 * 1024)

static void
linear(const char *what, const char *pattern, const char *value, int match)
{
	double	 seconds;

	ATF_REQUIRE(match_value_ok(pattern));
	seconds = check_seconds();
	ATF_CHECK_EQ_MSG(match, match_value(pattern, value), "%s", what);
	seconds = check_seconds() - seconds;
	ATF_CHECK_MSG(seconds < 1, "%s: %.3f seconds", what, seconds);
}

/* As many steps as pattern times value would be thousands of millions. */
ATF_TC(time_long);
ATF_TC_HEAD(time_long, tc)
{
	atf_tc_set_md_var(tc, "descr", "the hardest patterns against a value "
	    "of 1 MiB take less than a second each");
}
ATF_TC_BODY(time_long, tc)
{
	char	*stars, *stara, *run, *run250, *value;

	value = check_fill(LONG, "a");
	stars = check_fill(MATCH_PATTERN, "*");
	linear("stars", stars, value, 1);
	memcpy(stars + MATCH_PATTERN - 1, "b", 1);
	linear("stars and another end", stars, value, 0);
	stara = check_fill(MATCH_PATTERN / 2, "*a");
	linear("*a*a...", stara, value, 1);
	memcpy(stara + MATCH_PATTERN - 1, "b", 1);
	linear("*a*a...*b", stara, value, 0);
	memcpy(stara + MATCH_PATTERN - 3, "b*", 2);
	linear("*a*a...*b*b", stara, value, 0);
	run = check_fill(MATCH_PATTERN, "a");
	run[0] = run[MATCH_PATTERN - 1] = '*';
	run[MATCH_PATTERN - 2] = 'b';
	linear("*aa...ab*", run, value, 0);
	run[MATCH_PATTERN - 2] = 'a';
	run[1] = 'b';
	linear("*baa...a*", run, value, 0);
	run[1] = 'a';
	run[MATCH_PATTERN / 2] = 'b';
	linear("*a...b...a*", run, value, 0);
	run250 = check_fill(250, "a");
	run250[0] = run250[249] = '*';
	run250[1] = 'b';
	linear("*baa*, short", run250, value, 0);
	free(stars);
	free(stara);
	free(run);
	free(run250);
	free(value);
}

/* Values that repeat what the pattern's pieces nearly are. */
ATF_TC_WITHOUT_HEAD(time_pieces);
ATF_TC_BODY(time_pieces, tc)
{
	char	*pattern, *value;

	pattern = check_fill(MATCH_PATTERN / 4, "*aab");
	value = check_fill(LONG / 4, "aaac");
	linear("none of the pieces", pattern, value, 0);
	memcpy(value + 3, "b", 1);
	linear("one of the pieces", pattern, value, 0);
	free(value);
	value = check_fill(LONG / 4, "caab");
	linear("all of the pieces", pattern, value, 1);
	value[LONG - 1] = 'c';
	linear("all but the end", pattern, value, 0);
	free(pattern);
	free(value);
}

/* What a connection can cost: patterns and values of 4096 bytes. */
ATF_TC_WITHOUT_HEAD(time_many);
ATF_TC_BODY(time_many, tc)
{
	char	*pattern, *value;
	double	 seconds;
	int	 i;

	pattern = check_fill(MATCH_PATTERN / 2, "*a");
	pattern[MATCH_PATTERN - 1] = 'b';
	value = check_fill(4096, "a");
	seconds = check_seconds();
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE_EQ(0, match_value(pattern, value));
	seconds = check_seconds() - seconds;
	ATF_CHECK_MSG(seconds < 2, "%.3f ms each", seconds);
	free(pattern);
	free(value);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, values);
	ATF_TP_ADD_TC(tp, syntax);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, time_long);
	ATF_TP_ADD_TC(tp, time_pieces);
	ATF_TP_ADD_TC(tp, time_many);
	return (atf_no_error());
}
