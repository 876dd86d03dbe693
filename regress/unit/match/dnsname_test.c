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
	{ "www.example.org", "www.example.org", 1 },
	{ "www.example.org", "WWW.Example.ORG", 1 },
	{ "WWW.Example.ORG", "www.example.org", 1 },
	{ "www.example.org", "www.example.org.", 1 },
	{ "www.example.org", "www.example.org..", 0 },
	{ "www.example.org", "www.example.orgx", 0 },
	{ "www.example.org", "xwww.example.org", 0 },
	{ "www.example.org", "www-example.org", 0 },
	{ "www.example.org", "example.org", 0 },
	{ "example.org", "www.example.org", 0 },
	{ "www.example.org", "", 0 },
	{ "www.example.org", ".", 0 },
	{ "", "", 0 },
	{ ".", ".", 0 },
	{ "", "a", 0 },
	{ "*", "localhost", 1 },
	{ "*", "localhost.", 1 },
	{ "*", "example.org", 0 },
	{ "*", "", 0 },
	{ "*", ".", 0 },
	{ "*.example.org", "a.example.org", 1 },
	{ "*.example.org", "A.EXAMPLE.org.", 1 },
	{ "*.example.org", "a.b.example.org", 0 },
	{ "*.example.org", ".example.org", 0 },
	{ "*.example.org", "example.org", 0 },
	{ "*.example.org", "a.example.org.evil", 0 },
	{ "*.example.org", "aexample.org", 0 },
	{ "*.example.org", "*.example.org", 1 },
	{ "a*.example.org", "*.example.org", 0 },
	{ "a.example.org", "*.example.org", 0 },
	{ "*.*.example.org", "a.b.example.org", 1 },
	{ "*.*.example.org", "a.example.org", 0 },
	{ "*.*.example.org", "a..example.org", 0 },
	{ "**.example.org", "a.example.org", 1 },
	{ "**.example.org", "a.b.example.org", 0 },
	{ "www.*.org", "www.example.org", 1 },
	{ "www.*.org", "www..org", 0 },
	{ "www.*.org", "www.org", 0 },
	{ "www.example.*", "www.example.org", 1 },
	{ "www.example.*", "www.example.", 0 },
	{ "www.example.*", "www.example", 0 },
	{ "www.example.*", "www.example.co.uk", 0 },
	{ "w*.example.org", "www.example.org", 1 },
	{ "w*.example.org", "w.example.org", 1 },
	{ "w*.example.org", "a.example.org", 0 },
	{ "w*.example.org", "w.w.example.org", 0 },
	{ "*w.example.org", "www.example.org", 1 },
	{ "w*w.example.org", "ww.example.org", 1 },
	{ "w*w.example.org", "w.example.org", 0 },
	{ "a*b*c.example.org", "axbxbc.example.org", 1 },
	{ "a*b*c.example.org", "axb.xc.example.org", 0 },
	{ "_x-1.example.org", "_X-1.example.org", 1 },
	{ "*.example.org", "a b.example.org", 0 },
	{ "*.example.org", "a/b.example.org", 0 },
	{ "*.example.org", "a\\b.example.org", 0 },
	{ "*.example.org", "a@b.example.org", 0 },
	{ "*.example.org", "\303\244.example.org", 0 },
	{ "*.example.org", "a\n.example.org", 0 },
	{ "a b.example.org", "a b.example.org", 0 },
	{ "\\*.example.org", "*.example.org", 0 },
	{ "www.example.org.", "www.example.org", 0 },
	{ "www.example.org.", "www.example.org.", 0 },
	{ "192.0.2.1", "192.0.2.1", 1 },
	{ "@.example.org", "`.example.org", 0 },
	{ "[.example.org", "{.example.org", 0 },
};

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	check_rows(match_dnsname, rows, NITEMS(rows));
}

static const struct okrow okrows[] = {
	{ "www.example.org", 1 },
	{ "WWW.EXAMPLE.ORG", 1 },
	{ "*", 1 },
	{ "*.example.org", 1 },
	{ "a*b_-9.org", 1 },
	{ "az.AZ.09", 1 },
	{ "", 0 },
	{ ".", 0 },
	{ "..", 0 },
	{ ".example.org", 0 },
	{ "example.org.", 0 },
	{ "example..org", 0 },
	{ "a b", 0 },
	{ "a,b", 0 },
	{ "a/b", 0 },
	{ "a:b", 0 },
	{ "a@b", 0 },
	{ "a[b", 0 },
	{ "a`b", 0 },
	{ "a{b", 0 },
	{ "a\\*b", 0 },
	{ "a\nb", 0 },
	{ "\303\244.org", 0 },
};

ATF_TC_WITHOUT_HEAD(syntax);
ATF_TC_BODY(syntax, tc)
{
	check_okrows(match_dnsname_ok, okrows, NITEMS(okrows));
}

/* The name's dot at the end comes on top of its 253 bytes. */
ATF_TC_WITHOUT_HEAD(bounds);
ATF_TC_BODY(bounds, tc)
{
	char	*at, *over, *dot, *huge;

	at = check_fill(MATCH_DNSNAME, "a");
	over = check_fill(MATCH_DNSNAME + 1, "a");
	dot = check_fill(MATCH_DNSNAME + 1, "a");
	dot[MATCH_DNSNAME] = '.';
	huge = check_fill(1024 * 1024, "a");
	ATF_CHECK_EQ(1, match_dnsname_ok(at));
	ATF_CHECK_EQ(0, match_dnsname_ok(over));
	ATF_CHECK_EQ(0, match_dnsname_ok(dot));
	ATF_CHECK_EQ(0, match_dnsname_ok(huge));
	ATF_CHECK_EQ(1, match_dnsname(at, at));
	ATF_CHECK_EQ(1, match_dnsname(at, dot));
	ATF_CHECK_EQ(1, match_dnsname("*", dot));
	ATF_CHECK_EQ(0, match_dnsname("*", over));
	ATF_CHECK_EQ(0, match_dnsname(over, over));
	ATF_CHECK_EQ(0, match_dnsname("*", huge));
	huge[MATCH_DNSNAME + 1] = '.';
	ATF_CHECK_EQ(0, match_dnsname("*", huge));
	free(at);
	free(over);
	free(dot);
	free(huge);
}

ATF_TC_WITHOUT_HEAD(time_many);
ATF_TC_BODY(time_many, tc)
{
	char	*pattern, *name;
	double	 seconds;
	int	 i;

	pattern = check_fill(MATCH_DNSNAME, "*");
	for (i = 1; i < MATCH_DNSNAME - 1; i += 2)
		pattern[i] = 'a';
	pattern[MATCH_DNSNAME - 1] = 'b';
	name = check_fill(MATCH_DNSNAME, "a");
	seconds = check_seconds();
	for (i = 0; i < 10000; i++)
		ATF_REQUIRE_EQ(0, match_dnsname(pattern, name));
	seconds = check_seconds() - seconds;
	ATF_CHECK_MSG(seconds < 2, "%.3f s for 10000", seconds);
	free(pattern);
	free(name);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, syntax);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, time_many);
	return (atf_no_error());
}
