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
	{ "CN=a", "CN=a", 1 },
	{ "CN=a", "CN=A", 0 },
	{ "cn=a", "CN=a", 1 },
	{ "CN=a", "cN=a", 1 },
	{ "CN=a", "O=a", 0 },
	{ "CN=a", "C=N=a", 0 },
	{ "CN=a", "", 0 },
	{ "", "CN=a", 0 },
	{ "", "", 0 },
	{ "CN=*", "CN=", 1 },
	{ "CN=", "CN=", 1 },
	{ "CN=", "CN=a", 0 },
	{ "O=Example,CN=*.ops.example.org",
	    "C=US,O=Example,OU=Ops,CN=a.ops.example.org", 1 },
	{ "O=Example,CN=*.ops.example.org",
	    "CN=a.ops.example.org,O=Example", 1 },
	{ "O=Example,CN=*.ops.example.org", "CN=a.ops.example.org", 0 },
	{ "O=Example,CN=*.ops.example.org", "O=Example", 0 },
	{ "O=Example,CN=*.ops.example.org",
	    "O=Other,CN=a.ops.example.org", 0 },
	{ "O=Example, CN=a", "O=Example,CN=a", 1 },
	{ "O=Example,CN=a", "CN=a, O=Example", 1 },

	/* a star stays inside its attribute */
	{ "CN=a*", "CN=a,O=b", 1 },
	{ "CN=a*b", "CN=a,O=b", 0 },
	{ "CN=*Example*", "CN=a,O=Example", 0 },
	{ "CN=a*,O=b", "CN=ax,O=b", 1 },
	{ "CN=*", "O=b", 0 },

	/* several of one type: any may match, and one may match for two */
	{ "OU=a", "OU=b,OU=a", 1 },
	{ "OU=a,OU=b", "OU=b,OU=a", 1 },
	{ "OU=a,OU=c", "OU=b,OU=a", 0 },
	{ "OU=a*,OU=*b", "OU=ab", 1 },
	{ "OU=a,OU=a", "OU=a", 1 },

	/* several in one RDN */
	{ "CN=a,UID=1", "O=x,CN=a+UID=1", 1 },
	{ "CN=a+UID=1", "UID=1,CN=a", 1 },
	{ "CN=a+UID=1", "CN=a\\+UID=1", 0 },
	{ "CN=a\\+UID=1", "CN=a\\+UID=1", 1 },
	{ "CN=a\\+UID=1", "CN=a+UID=1", 0 },

	/* what is escaped separates nothing and stands for nothing */
	{ "O=Example", "CN=x\\,O=Example", 0 },
	{ "O=Example", "CN=x\\2CO=Example", 0 },
	{ "O=Example", "CN=x\\2cO=Example", 0 },
	{ "CN=x\\,O=Example", "CN=x\\2CO=Example", 1 },
	{ "CN=x\\2cO\\3dExample", "CN=x\\,O=Example", 1 },
	{ "CN=x,O=Example", "CN=x\\,O=Example", 0 },
	{ "CN=x*", "CN=x\\,O=Example", 1 },
	{ "CN=\\*", "CN=*", 1 },
	{ "CN=\\*", "CN=\\*", 1 },
	{ "CN=\\*", "CN=\\2a", 1 },
	{ "CN=\\*", "CN=a", 0 },
	{ "CN=\\2A", "CN=*", 1 },
	{ "CN=\\2A", "CN=a", 0 },
	{ "CN=a", "CN=*", 0 },
	{ "CN=*.example.org", "CN=*.example.org", 1 },
	{ "CN=\\\\*", "CN=\\\\x", 1 },
	{ "CN=\\\\*", "CN=x", 0 },
	{ "CN=\\\\\\*", "CN=\\\\*", 1 },
	{ "CN=\\\\\\*", "CN=\\\\x", 0 },
	{ "CN=\\5c\\2a", "CN=\\\\*", 1 },
	{ "CN=\\5c\\2a", "CN=*", 0 },
	{ "CN=\\5c\\2a", "CN=\\\\x", 0 },
	{ "CN=\\5c*", "CN=\\\\x", 1 },
	{ "CN=\\\\2a", "CN=*", 0 },
	{ "CN=\\\\2a", "CN=\\\\2a", 1 },
	{ "CN=a\\=b", "CN=a=b", 1 },
	{ "CN=a=b", "CN=a=b", 1 },
	{ "CN=\\\"a\\\"\\<\\>\\;", "CN=\\22a\\22\\3c\\3e\\3b", 1 },
	{ "CN=\\ a\\ ", "CN=\\20a\\20", 1 },
	{ "CN=a", "CN=\\ a", 0 },
	{ "CN=a b", "CN=a b", 1 },
	{ "CN=\\#a", "CN=\\23a", 1 },
	{ "CN=a#b", "CN=a\\#b", 1 },
	{ "CN=\\61", "CN=a", 1 },
	{ "CN=\\303\\244", "CN=\\303\\244", 1 },
	{ "CN=\303\244", "CN=\\C3\\A4", 1 },
	{ "CN=\\c3*", "CN=\303\244", 1 },

	/* a NUL ends nothing */
	{ "CN=good", "CN=good\\00", 0 },
	{ "CN=good", "CN=good\\00.evil", 0 },
	{ "CN=good\\00", "CN=good\\00", 1 },
	{ "CN=good\\00", "CN=good", 0 },
	{ "CN=good\\00a", "CN=good\\00b", 0 },
	{ "CN=*.good", "CN=evil\\00.good", 1 },
	{ "CN=good", "CN=good\\0A", 0 },
	{ "CN=a\\0ab", "CN=a\\0Ab", 1 },
	{ "CN=*\\00*", "CN=ab", 0 },
	{ "CN=*\\00*", "CN=a\\00b", 1 },

	/* types: by name, by long name, by number */
	{ "2.5.4.3=a", "CN=a", 1 },
	{ "CN=a", "2.5.4.3=a", 1 },
	{ "commonName=a", "2.5.4.3=a", 1 },
	{ "COMMONNAME=a", "cn=a", 1 },
	{ "2.5.4.3=a", "2.5.4.3=a", 1 },
	{ "2.5.4.3=a", "2.5.4.33=a", 0 },
	{ "2.5.4.33=a", "2.5.4.3=a", 0 },
	{ "1.2.3.4=a", "1.2.3.4=a", 1 },
	{ "emailAddress=a@b", "1.2.840.113549.1.9.1=a@b", 1 },
	{ "EMAILADDRESS=a@b", "emailAddress=a@b", 1 },
	{ "DC=org,DC=example", "DC=www,DC=example,DC=org", 1 },
	{ "domainComponent=org", "DC=org", 1 },
	{ "serialNumber=1", "SERIALNUMBER=1", 1 },
	{ "serialNumber=1", "SN=1", 0 },
	{ "SN=x", "surname=x", 1 },
	{ "C=US,ST=a,L=b", "L=b,ST=a,C=US", 1 },
	{ "UID=*", "0.9.2342.19200300.100.1.1=7", 1 },
	{ "x-1=a", "X-1=a", 1 },
	{ "x-1=a", "x-2=a", 0 },
	{ "C=a", "CN=a", 0 },
	{ "CN=a", "C=a", 0 },

	/* encodings are a kind of their own */
	{ "1.2.3=#0c0141", "1.2.3=#0C0141", 1 },
	{ "1.2.3=#0c0141", "1.2.3=#0C0142", 0 },
	{ "1.2.3=#0c0141", "1.2.3=#0C014141", 0 },
	{ "1.2.3=\\#0c0141", "1.2.3=#0c0141", 0 },
	{ "1.2.3=#0c0141", "1.2.3=\\#0c0141", 0 },
	{ "1.2.3=#0c0141", "1.2.3=\\0c\\01A", 0 },
	{ "1.2.3=\\0c\\01A", "1.2.3=#0c0141", 0 },
	{ "1.2.3=*", "1.2.3=#0c0141", 0 },
	{ "CN=a", "1.2.3=#0c0141,CN=a", 1 },

	/* nothing matches a subject with a malformed part, wherever */
	{ "CN=a", "CN=a,", 0 },
	{ "CN=a", ",CN=a", 0 },
	{ "CN=a", "CN=a,,O=b", 0 },
	{ "CN=a", "CN=a,O", 0 },
	{ "CN=a", "CN=a,=b", 0 },
	{ "CN=a", "CN=a,O=b\\", 0 },
	{ "CN=a", "CN=a,O=b\\x", 0 },
	{ "CN=a", "CN=a,O=b\\0", 0 },
	{ "CN=a", "CN=a,O=b\\0g", 0 },
	{ "CN=a", "CN=a,O=\"b\"", 0 },
	{ "CN=a", "CN=a,O=b;C=US", 0 },
	{ "CN=a", "CN=a,O=<b>", 0 },
	{ "CN=a", "CN=a,O= b", 0 },
	{ "CN=a", "CN=a,O=b ", 0 },
	{ "CN=a", "CN=a ,O=b", 0 },
	{ "CN=a", "CN=a,O=b\nc", 0 },
	{ "CN=a", "CN=a,O=b\177", 0 },
	{ "CN=a", "CN=a,O=#", 0 },
	{ "CN=a", "CN=a,O=#1", 0 },
	{ "CN=a", "CN=a,O=#1g", 0 },
	{ "CN=a", "CN=a,O=#0c ", 0 },
	{ "CN=a", "CN=a,1=b", 0 },
	{ "CN=a", "CN=a,1.=b", 0 },
	{ "CN=a", "CN=a,.1=b", 0 },
	{ "CN=a", "CN=a,1.02=b", 0 },
	{ "CN=a", "CN=a,1..2=b", 0 },
	{ "CN=a", "CN=a,1x=b", 0 },
	{ "CN=a", "CN=a,O =b", 0 },
	{ "CN=a", "CN=a,O_=b", 0 },
	{ "CN=a", "CN=a,-O=b", 0 },
	{ "CN=a", "CN=a,\\4f=b", 0 },
	{ "CN=a", "/C=US/CN=a", 0 },
	{ "CN=*", "CN=a;O=b", 0 },
};

ATF_TC_WITHOUT_HEAD(subjects);
ATF_TC_BODY(subjects, tc)
{
	check_rows(match_subject, rows, NITEMS(rows));
}

static const struct okrow okrows[] = {
	{ "CN=a", 1 },
	{ "O=Example,CN=*.ops.example.org", 1 },
	{ "O=Example, CN=a", 1 },
	{ "O=Example + CN=a", 0 },
	{ "O=Example+CN=a", 1 },
	{ " CN=a", 1 },
	{ "CN=", 1 },
	{ "CN=,O=", 1 },
	{ "1.2.3=a", 1 },
	{ "0.1=a", 1 },
	{ "CN=\303\244", 1 },
	{ "CN=\\00", 1 },
	{ "CN=#0c0141", 1 },
	{ "", 0 },
	{ " ", 0 },
	{ "CN", 0 },
	{ "=", 0 },
	{ "=a", 0 },
	{ ",", 0 },
	{ "CN=a,", 0 },
	{ "CN=a, ", 0 },
	{ "CN=a+", 0 },
	{ "*=a", 0 },
	{ "C*=a", 0 },
	{ "CN=a\\", 0 },
	{ "CN=\\q", 0 },
	{ "CN=\\4", 0 },
	{ "CN=\\4,O=a", 0 },
	{ "CN=#4*", 0 },
	{ "CN=#*", 0 },
	{ "CN=a\tb", 0 },
	{ "CN=\"a\"", 0 },
	{ "CN=a;b", 0 },
	{ "CN= a", 0 },
	{ "CN=a ", 0 },
	{ "CN= ", 0 },
	{ "CN=\\ ", 1 },
	{ "CN:a", 0 },
	{ "1=a", 0 },
	{ "01.2=a", 0 },
	{ "1.2", 0 },
	{ "1.2.=a", 0 },
};

ATF_TC_WITHOUT_HEAD(syntax);
ATF_TC_BODY(syntax, tc)
{
	check_okrows(match_subject_ok, okrows, NITEMS(okrows));
}

/* Every beginning of a text of its own size: not a byte more is read. */
ATF_TC_WITHOUT_HEAD(truncated);
ATF_TC_BODY(truncated, tc)
{
	static const char	 text[] = "O=Ex\\,a\\2Cm,1.2.3=#0c01+CN=\\*b";
	char			*s;
	size_t			 len;

	for (len = 0; len < sizeof(text); len++) {
		ATF_REQUIRE((s = malloc(len + 1)) != NULL);
		memcpy(s, text, len);
		s[len] = '\0';
		ATF_CHECK_EQ_MSG(match_subject_ok(s), match_subject(s, s),
		    "%s", s);
		(void)match_subject(text, s);
		(void)match_subject(s, text);
		free(s);
	}
	ATF_CHECK_EQ(1, match_subject(text, text));
}

ATF_TC_WITHOUT_HEAD(bounds);
ATF_TC_BODY(bounds, tc)
{
	char	*s;

	s = check_fill(MATCH_ATTRIBUTES, "CN=a,");
	ATF_CHECK_EQ(0, match_subject_ok(s));
	s[strlen(s) - 1] = '\0';
	ATF_CHECK_EQ(1, match_subject_ok(s));
	ATF_CHECK_EQ(1, match_subject(s, s));
	free(s);
	s = check_fill(MATCH_ATTRIBUTES + 1, "CN=a,");
	s[strlen(s) - 1] = '\0';
	ATF_CHECK_EQ(0, match_subject_ok(s));
	ATF_CHECK_EQ(0, match_subject("CN=a", s));
	ATF_CHECK_EQ(0, match_subject(s, "CN=a"));
	free(s);
	s = check_fill(MATCH_PATTERN, "a");
	memcpy(s, "CN=", 3);
	ATF_CHECK_EQ(1, match_subject_ok(s));
	ATF_CHECK_EQ(1, match_subject(s, s));
	ATF_CHECK_EQ(1, match_subject("CN=*", s));
	free(s);
	s = check_fill(MATCH_PATTERN + 1, "a");
	memcpy(s, "CN=", 3);
	ATF_CHECK_EQ(0, match_subject_ok(s));
	ATF_CHECK_EQ(0, match_subject("CN=*", s));
	free(s);
}

/* All of a pattern as long as it may be is stars or escapes. */
ATF_TC_WITHOUT_HEAD(longest);
ATF_TC_BODY(longest, tc)
{
	char	*pattern, *subject;

	pattern = check_fill(MATCH_PATTERN, "*");
	memcpy(pattern, "CN=", 3);
	subject = check_fill(MATCH_PATTERN, "b");
	memcpy(subject, "CN=", 3);
	ATF_CHECK_EQ(1, match_subject(pattern, subject));
	free(pattern);
	free(subject);
	pattern = check_fill((MATCH_PATTERN - 4) / 2, "\\*");
	subject = malloc(MATCH_PATTERN + 1);
	ATF_REQUIRE(subject != NULL);
	strcpy(subject, "CNX=");
	strcat(subject, pattern);
	ATF_CHECK_EQ(1, match_subject_ok(subject));
	ATF_CHECK_EQ(1, match_subject(subject, subject));
	free(pattern);
	free(subject);
}

/* The dearest there is: every attribute looked at for every other. */
ATF_TC_WITHOUT_HEAD(time_many);
ATF_TC_BODY(time_many, tc)
{
	char	*pattern, *subject;
	double	 seconds;
	int	 i;

	pattern = check_fill(MATCH_ATTRIBUTES, "emailAddress=*a*a*a*a*a*b,");
	pattern[strlen(pattern) - 1] = '\0';
	subject = check_fill(MATCH_ATTRIBUTES, "emailAddress="
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab,");
	subject[strlen(subject) - 1] = '\0';
	ATF_REQUIRE_EQ(1, match_subject(pattern, subject));
	pattern[0] = 'E';
	for (i = 0; subject[i] != '\0'; i++) {
		if (subject[i] == 'b')
			subject[i] = 'c';
	}
	memcpy(subject + strlen(subject) - 1, "b", 1);
	seconds = check_seconds();
	for (i = 0; i < 50; i++)
		ATF_REQUIRE_EQ(1, match_subject(pattern, subject));
	seconds = check_seconds() - seconds;
	ATF_CHECK_MSG(seconds < 5, "%.3f s for 50", seconds);
	free(pattern);
	free(subject);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, subjects);
	ATF_TP_ADD_TC(tp, syntax);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, longest);
	ATF_TP_ADD_TC(tp, time_many);
	return (atf_no_error());
}
