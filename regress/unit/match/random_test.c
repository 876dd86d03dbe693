/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Random patterns and texts, against the simplest matcher there is. */

#include <sys/types.h>

#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "match.h"
#include "naive.h"

#define ROUNDS		100000
#define SHORT		10	/* longer ones need hours of the naive */

ATF_TC_WITHOUT_HEAD(values);
ATF_TC_BODY(values, tc)
{
	char	 pattern[SHORT + 1], value[2 * SHORT + 1];
	int	 pat[SHORT], want;
	size_t	 i, matches = 0, n;

	for (i = 0; i < ROUNDS; i++) {
		naive_text(pattern, SHORT, i % 2 ? "ab**" : "a*\\");
		naive_text(value, 2 * SHORT, i % 2 ? "ab" : "a*\\");
		n = naive_pattern(pattern, pat);
		want = naive_match(pat, n, value, strlen(value), 0);
		ATF_REQUIRE_EQ_MSG(want, check_exact(match_value, pattern,
		    value), "\"%s\" and \"%s\": not %d", pattern, value, want);
		matches += (size_t)want;
	}
	/* Both answers were tried. */
	ATF_CHECK(matches > ROUNDS / 20 && matches < ROUNDS - ROUNDS / 20);
}

static int
naive_legal(const char *name)
{
	return (*name != '\0' && *name != '.' && strstr(name, "..") == NULL &&
	    name[strlen(name) - 1] != '.');
}

ATF_TC_WITHOUT_HEAD(dnsnames);
ATF_TC_BODY(dnsnames, tc)
{
	char	 pattern[SHORT + 1], name[SHORT + 1], cut[SHORT + 1];
	int	 pat[SHORT], want;
	size_t	 i, matches = 0, n;

	for (i = 0; i < 4 * ROUNDS; i++) {
		naive_text(pattern, SHORT, "ab.**");
		naive_text(name, SHORT, i % 2 ? "ab." : "aaaa*.");
		strcpy(cut, name);
		if (*cut != '\0' && cut[strlen(cut) - 1] == '.')
			cut[strlen(cut) - 1] = '\0';
		n = naive_pattern(pattern, pat);
		want = naive_legal(pattern) && naive_legal(cut) &&
		    naive_match(pat, n, cut, strlen(cut), 1);
		ATF_REQUIRE_EQ(naive_legal(pattern),
		    match_dnsname_ok(pattern));
		ATF_REQUIRE_EQ_MSG(want, check_exact(match_dnsname, pattern,
		    name), "\"%s\" and \"%s\": not %d", pattern, name, want);
		matches += (size_t)want;
	}
	ATF_CHECK(matches > ROUNDS / 20);
}

/* A distinguished name before it is written down. */
struct dn {
	size_t		 dn_n;
	struct {
		const char	*v_type;
		size_t		 v_n;
		int		 v_value[4];	/* bytes and stars */
	}		 dn_values[3];
};

static const char	*types[] = { "CN", "cn", "O", "2.5.4.3", "1.2.3" };
static const int	 kinds[] = { 0, 0, 1, 0, 2 };	/* equal types */

static void
dn_make(struct dn *dn, int pattern)
{
	static const char	 bytes[] = "aab,+\\*\" =#\0";
	size_t			 i, j;

	dn->dn_n = 1 + naive_random(3);
	for (i = 0; i < dn->dn_n; i++) {
		dn->dn_values[i].v_type = types[naive_random(NITEMS(types))];
		dn->dn_values[i].v_n = naive_random(pattern ? 4 : 5);
		for (j = 0; j < dn->dn_values[i].v_n; j++)
			dn->dn_values[i].v_value[j] =
			    pattern && naive_random(3) == 0 ? NAIVE_STAR :
			    bytes[naive_random(sizeof(bytes) - 1)];
	}
}

/* Escaped where it has to be, and now and then where it does not. */
static void
dn_byte(char *text, size_t size, int c, int pattern)
{
	int	 special = c == '\0' || strchr(",+\\\" #", c) != NULL ||
		    (pattern && c == '*');

	if (c == NAIVE_STAR)
		strlcpy(text, "*", size);
	else if (c == '\0' || naive_random(6) == 0)
		snprintf(text, size, naive_random(2) ? "\\%02x" : "\\%02X", c);
	else if (special || (c == '=' && naive_random(2)))
		snprintf(text, size, "\\%c", c);
	else
		snprintf(text, size, "%c", c);
}

static void
dn_write(const struct dn *dn, char *text, size_t size, int pattern)
{
	size_t	 i, j, len;

	*text = '\0';
	for (i = 0; i < dn->dn_n; i++) {
		if (i != 0)
			strlcat(text, naive_random(2) ? "," : "+", size);
		strlcat(text, dn->dn_values[i].v_type, size);
		strlcat(text, "=", size);
		for (j = 0; j < dn->dn_values[i].v_n; j++) {
			len = strlen(text);
			dn_byte(text + len, size - len,
			    dn->dn_values[i].v_value[j], pattern);
		}
	}
}

static int
dn_kind(const char *type)
{
	size_t	 i;

	for (i = 0; types[i] != type; i++)
		;
	return (kinds[i]);
}

static int
dn_has(const struct dn *dn, const int *want, size_t n, int kind)
{
	char	 bytes[4];
	size_t	 i, j;

	for (i = 0; i < dn->dn_n; i++) {
		for (j = 0; j < dn->dn_values[i].v_n; j++)
			bytes[j] = (char)dn->dn_values[i].v_value[j];
		if (dn_kind(dn->dn_values[i].v_type) == kind &&
		    naive_match(want, n, bytes, dn->dn_values[i].v_n, 0))
			return (1);
	}
	return (0);
}

static int
dn_match(const struct dn *pattern, const struct dn *subject)
{
	size_t	 i;

	for (i = 0; i < pattern->dn_n; i++) {
		if (!dn_has(subject, pattern->dn_values[i].v_value,
		    pattern->dn_values[i].v_n,
		    dn_kind(pattern->dn_values[i].v_type)))
			return (0);
	}
	return (1);
}

ATF_TC_WITHOUT_HEAD(subjects);
ATF_TC_BODY(subjects, tc)
{
	struct dn	 pattern, subject;
	char		 ptext[256], stext[256];
	int		 want;
	size_t		 i, matches = 0;

	for (i = 0; i < ROUNDS; i++) {
		dn_make(&pattern, 1);
		dn_make(&subject, 0);
		dn_write(&pattern, ptext, sizeof(ptext), 1);
		dn_write(&subject, stext, sizeof(stext), 0);
		want = dn_match(&pattern, &subject);
		ATF_REQUIRE_EQ_MSG(want, check_exact(match_subject, ptext,
		    stext), "%s and %s: not %d", ptext, stext, want);
		matches += (size_t)want;

		/* Read as a pattern it is well formed, too. */
		ATF_REQUIRE(match_subject_ok(ptext));
		ATF_REQUIRE(match_subject_ok(stext));
	}
	ATF_CHECK(matches > ROUNDS / 20 && matches < ROUNDS - ROUNDS / 20);
}

/* No answer is wrong here: that none of it goes wrong is the test. */
ATF_TC_WITHOUT_HEAD(rubbish);
ATF_TC_BODY(rubbish, tc)
{
	static const char	 alphabet[] = "CNO=,+\\0aF#*. 12;\"";
	static const char	 names[] = "dnsipemailuri:::@@..//*1209a\n";
	char			 a[33], b[33];
	size_t			 i, wellformed = 0;

	for (i = 0; i < ROUNDS; i++) {
		naive_text(a, sizeof(a) - 1, alphabet);
		naive_text(b, sizeof(b) - 1, alphabet);
		if (i % 2)
			memcpy(a, "CN=", 3);
		wellformed += (size_t)match_subject_ok(a);
		if (!match_subject_ok(a) || !match_subject_ok(b))
			ATF_REQUIRE_EQ(0, check_exact(match_subject, a, b));
		else
			(void)check_exact(match_subject, a, b);
		naive_text(a, sizeof(a) - 1, names);
		naive_text(b, sizeof(b) - 1, names);
		memcpy(a, i % 3 == 0 ? "ip:1" : i % 3 == 1 ? "uri:" : "dns:",
		    4);
		memcpy(b, a, 4);
		if (!match_san_ok(a))
			ATF_REQUIRE_EQ(0, check_exact(match_san, a, b));
		else
			(void)check_exact(match_san, a, b);
	}
	ATF_CHECK(wellformed > ROUNDS / 100);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, values);
	ATF_TP_ADD_TC(tp, dnsnames);
	ATF_TP_ADD_TC(tp, subjects);
	ATF_TP_ADD_TC(tp, rubbish);
	return (atf_no_error());
}
