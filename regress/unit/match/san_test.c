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

#define NAMES	"dns:a.example.org\ndns:*.example.net\nip:192.0.2.1\n" \
		"ip:2001:db8::1\nemail:Bob@Example.org\n" \
		"uri:spiffe://example.org/ns/a"

static const struct row rows[] = {
	{ "dns:a.example.org", NAMES, 1 },
	{ "dns:A.Example.Org", NAMES, 1 },
	{ "dns:*.example.org", NAMES, 1 },
	{ "dns:*.example.net", NAMES, 1 },
	{ "dns:a.example.net", NAMES, 0 },
	{ "dns:b.example.org", NAMES, 0 },
	{ "dns:*", NAMES, 0 },
	{ "ip:192.0.2.1", NAMES, 1 },
	{ "ip:2001:db8::1", NAMES, 1 },
	{ "email:Bob@example.ORG", NAMES, 1 },
	{ "email:bob@example.org", NAMES, 0 },
	{ "uri:spiffe://example.org/*", NAMES, 1 },
	{ "uri:spiffe://example.org/ns/a", NAMES, 1 },
	{ "uri:spiffe://example.com/*", NAMES, 0 },

	/* kinds do not mix, and a name is a whole line */
	{ "dns:a.example.org", "", 0 },
	{ "dns:a.example.org", "uri:a.example.org", 0 },
	{ "uri:*", "dns:a.example.org", 0 },
	{ "dns:a.example.org", "a.example.org", 0 },
	{ "dns:a.example.org", "DNS:a.example.org", 0 },
	{ "dns:a.example.org", " dns:a.example.org", 0 },
	{ "dns:a.example.org", "uri:dns:a.example.org", 0 },
	{ "dns:a.example.org", "dns:x\ndns:a.example.org\n", 1 },
	{ "dns:a.example.org", "\n\ndns:a.example.org", 1 },
	{ "dns:a.example.org", "dns:a.example.org\ndns:x", 1 },
	{ "dns:a.example.org", "dns:a.example.orgx\n", 0 },
	{ "dns:a.example.org", "dns:a.example\n.org", 0 },
	{ "dns:a.example.org", "dns:a.example.org.", 1 },
	{ "dns:a.example.org", "dns:", 0 },
	{ "dns:*", "dns:", 0 },
	{ "dns:*", "dns:\n", 0 },
	{ "uri:*", "uri:", 0 },
	{ "uri:*", "uri:\nx", 0 },
	{ "uri:*b", "uri:a\nb", 0 },
	{ "uri:a*", "uri:x\nuri:ab", 1 },
	{ "dns:*.example.org", "dns:a.b.example.org", 0 },
	{ "dns:*.example.org", "dns:.example.org", 0 },
	{ "dns:*.example.org", "dns:a b.example.org", 0 },

	/* addresses are numbers */
	{ "ip:2001:db8:0:0:0:0:0:1", NAMES, 1 },
	{ "ip:2001:DB8::0001", NAMES, 1 },
	{ "ip:192.0.2.10", NAMES, 0 },
	{ "ip:192.0.2.1", "ip:192.0.2.10", 0 },
	{ "ip:192.0.2.0/24", NAMES, 1 },
	{ "ip:192.0.3.0/24", NAMES, 0 },
	{ "ip:10.0.0.0/8", "ip:10.255.255.255", 1 },
	{ "ip:10.0.0.0/8", "ip:11.0.0.0", 0 },
	{ "ip:10.0.0.0/8", "ip:9.255.255.255", 0 },
	{ "ip:10.1.2.3/8", "ip:10.4.5.6", 1 },
	{ "ip:172.16.0.0/12", "ip:172.31.255.255", 1 },
	{ "ip:172.16.0.0/12", "ip:172.32.0.0", 0 },
	{ "ip:172.16.0.0/12", "ip:172.15.255.255", 0 },
	{ "ip:192.0.2.128/25", "ip:192.0.2.127", 0 },
	{ "ip:192.0.2.128/25", "ip:192.0.2.129", 1 },
	{ "ip:192.0.2.2/31", "ip:192.0.2.3", 1 },
	{ "ip:192.0.2.2/31", "ip:192.0.2.4", 0 },
	{ "ip:192.0.2.2/32", "ip:192.0.2.2", 1 },
	{ "ip:192.0.2.2/32", "ip:192.0.2.3", 0 },
	{ "ip:0.0.0.0/0", "ip:255.255.255.255", 1 },
	{ "ip:0.0.0.0/0", "ip:::1", 0 },
	{ "ip:::/0", "ip:2001:db8::1", 1 },
	{ "ip:::/0", "ip:192.0.2.1", 0 },
	{ "ip:2001:db8::/32", "ip:2001:db8:ffff::1", 1 },
	{ "ip:2001:db8::/32", "ip:2001:db9::", 0 },
	{ "ip:2001:db8::/33", "ip:2001:db8:8000::", 0 },
	{ "ip:::1/128", "ip:::1", 1 },
	{ "ip:::1/128", "ip:::2", 0 },
	{ "ip:::ffff:192.0.2.1", "ip:192.0.2.1", 1 },
	{ "ip:192.0.2.1", "ip:::ffff:192.0.2.1", 1 },
	{ "ip:192.0.2.0/24", "ip:::ffff:192.0.2.1", 1 },
	{ "ip:::ffff:192.0.2.0/120", "ip:192.0.2.1", 1 },
	{ "ip:::ffff:192.0.2.0/120", "ip:192.0.3.1", 0 },
	{ "ip:::/0", "ip:192.0.2.1", 0 },
	{ "ip:10.0.0.0/8", "ip:10.0.0.0/8", 0 },
	{ "ip:10.0.0.1", "ip:10.0.0.1 ", 0 },
	{ "ip:10.0.0.1", "ip:10.0.0.1x", 0 },
	{ "ip:10.0.0.1", "ip:", 0 },
	{ "ip:0.0.0.0/0", "ip:1", 0 },
	{ "ip:::/0", "ip:"
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0", 0 },

	/* the domain is the part behind the last @ */
	{ "email:*@example.org", NAMES, 1 },
	{ "email:B*@*", NAMES, 1 },
	{ "email:b*@*", NAMES, 0 },
	{ "email:*@*.example.org", "email:a@b.c.example.org", 1 },
	{ "email:*@*.example.org", "email:a@example.org", 0 },
	{ "email:*@EXAMPLE.org", "email:a@example.ORG", 1 },
	{ "email:*@example.org", "email:\"a@example.org\"@evil.org", 0 },
	{ "email:a@*", "email:a@b@evil.org", 0 },
	{ "email:*@evil.org", "email:a@b@evil.org", 1 },
	{ "email:a@*", "email:a@", 0 },
	{ "email:*@a", "email:@a", 0 },
	{ "email:*@*", "email:a", 0 },
	{ "email:*@*", "email:@", 0 },
	{ "email:\\*@a", "email:*@a", 1 },
	{ "email:\\*@a", "email:b@a", 0 },
	{ "email:a\\\\@a", "email:a\\@a", 1 },
	{ "email:A@a\\*", "email:A@A*", 1 },
	{ "email:A@a\\*", "email:A@Ab", 0 },

	{ "uri:SPIFFE://x", "uri:spiffe://x", 1 },
	{ "uri:spiffe://x/*", "uri:Spiffe://X/a", 1 },
	{ "uri:spiffe://x/A", "uri:spiffe://x/a", 0 },
	{ "uri:spiffe://*.example.org/a", "uri:SPIFFE://b.EXAMPLE.org/a", 1 },
	{ "uri:urn:A", "uri:urn:a", 0 },
	{ "uri:a\\*b", "uri:a*b", 1 },
	{ "uri:a\\*b", "uri:axb", 0 },
	{ "uri:*://*/c", "uri:a://b/c", 1 },

	/* patterns that are none */
	{ "a.example.org", NAMES, 0 },
	{ "*", NAMES, 0 },
	{ "", NAMES, 0 },
	{ "", "", 0 },
	{ "dns:", "dns:", 0 },
	{ "uri:", "uri:", 0 },
	{ "DNS:a.example.org", NAMES, 0 },
	{ "dns:a.example.org\nx", NAMES, 0 },
	{ "rid:1.2.3", "rid:1.2.3", 0 },
	{ "ip:192.0.2.1/33", NAMES, 0 },
	{ "email:*", NAMES, 0 },
};

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	check_rows(match_san, rows, NITEMS(rows));
}

static const struct okrow okrows[] = {
	{ "dns:a", 1 },
	{ "dns:*.example.org", 1 },
	{ "dns:a.", 0 },
	{ "dns:a b", 0 },
	{ "dns:", 0 },
	{ "ip:192.0.2.1", 1 },
	{ "ip:192.0.2.0/24", 1 },
	{ "ip:192.0.2.0/0", 1 },
	{ "ip:192.0.2.0/32", 1 },
	{ "ip:192.0.2.0/33", 0 },
	{ "ip:192.0.2.0/024", 0 },
	{ "ip:192.0.2.0/", 0 },
	{ "ip:192.0.2.0/-1", 0 },
	{ "ip:192.0.2.0/+1", 0 },
	{ "ip:192.0.2.0/ 1", 0 },
	{ "ip:192.0.2.0/1x", 0 },
	{ "ip:192.0.2.0/1/2", 0 },
	{ "ip:192.0.2.0/4294967304", 0 },
	{ "ip:192.0.2", 0 },
	{ "ip:192.0.2.256", 0 },
	{ "ip:192.0.2.*", 0 },
	{ "ip:::", 1 },
	{ "ip:::/128", 1 },
	{ "ip:::/129", 0 },
	{ "ip:fe80::1%lo0", 0 },
	{ "ip:[::1]", 0 },
	{ "ip:ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128", 1 },
	{ "ip:", 0 },
	{ "ip:/8", 0 },
	{ "email:a@b", 1 },
	{ "email:*@*", 1 },
	{ "email:a", 0 },
	{ "email:a@", 0 },
	{ "email:@b", 0 },
	{ "email:a b@c", 1 },
	{ "email:a\n@b", 0 },
	{ "uri:*", 1 },
	{ "uri:", 0 },
	{ "uri:a\nb", 0 },
	{ "", 0 },
	{ "dns", 0 },
	{ "x:y", 0 },
	{ ":", 0 },
};

ATF_TC_WITHOUT_HEAD(syntax);
ATF_TC_BODY(syntax, tc)
{
	check_okrows(match_san_ok, okrows, NITEMS(okrows));
}

ATF_TC_WITHOUT_HEAD(judged);
ATF_TC_BODY(judged, tc)
{
	static const char	*const good[] = {
		"", "dns:a.example.org", "dns:*.example.org\nip:192.0.2.1",
		"email:a@example.org\nuri:x", "dns:a.example.org.",
		"ip:2001:db8::1", "uri:", "dns:a_b.example.org"
	};
	static const char	*const bad[] = {
		"dns:a b.example.org", "dns:", "dns:a..b", "dns:a!b",
		"ip:192.0.2", "ip:192.0.2.0/24", "email:nobody", "email:@x",
		"other:x", "x", "dns:a.example.org\nip:x"
	};
	size_t	 i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ATF_CHECK_EQ_MSG(1, match_san_names_ok(good[i]), "%s",
		    good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(0, match_san_names_ok(bad[i]), "%s",
		    bad[i]);
}

ATF_TC_WITHOUT_HEAD(bounds);
ATF_TC_BODY(bounds, tc)
{
	char	*s;

	s = check_fill(4 + MATCH_PATTERN, "a");
	memcpy(s, "uri:", 4);
	ATF_CHECK_EQ(1, match_san_ok(s));
	ATF_CHECK_EQ(1, match_san(s, s));
	free(s);
	s = check_fill(5 + MATCH_PATTERN, "a");
	memcpy(s, "uri:", 4);
	ATF_CHECK_EQ(0, match_san_ok(s));
	ATF_CHECK_EQ(0, match_san(s, s));
	/* Longer than any that is compared: said so, and no match. */
	ATF_CHECK_EQ(0, match_san("uri:*", s));
	ATF_CHECK_EQ(0, match_san_names_ok(s));
	free(s);
	s = check_fill(8 + 255, "a");
	memcpy(s, "email:a@", 8);
	ATF_CHECK_EQ(1, match_san_ok(s));
	ATF_CHECK_EQ(1, match_san(s, s));
	s[8 + 254] = '\\';
	ATF_CHECK_EQ(1, match_san_ok(s));
	ATF_CHECK_EQ(1, match_san(s, s));
	free(s);
	s = check_fill(9 + 255, "a");
	memcpy(s, "email:a@", 8);
	ATF_CHECK_EQ(0, match_san_ok(s));
	ATF_CHECK_EQ(0, match_san("email:*@*", s));
	free(s);
}

/* No address is longer than the longest, whatever it is made of. */
ATF_TC_WITHOUT_HEAD(long_addresses);
ATF_TC_BODY(long_addresses, tc)
{
	char	*s;
	size_t	 len;

	for (len = 1; len < 100; len++) {
		s = check_fill(len + 3, "1");
		memcpy(s, "ip:", 3);
		ATF_CHECK_EQ(0, match_san_ok(s));
		ATF_CHECK_EQ(0, match_san("ip:0.0.0.0/0", s));
		free(s);
	}
	ATF_CHECK_EQ(1, match_san("ip:::/0",
	    "ip:ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"));
}

ATF_TC_WITHOUT_HEAD(time_many);
ATF_TC_BODY(time_many, tc)
{
	char	*names;
	double	 seconds;
	int	 i;

	names = check_fill(100000, "uri:aaaaaaaaaaaaa\n");
	seconds = check_seconds();
	for (i = 0; i < 4; i++)
		ATF_REQUIRE_EQ(0, match_san("uri:*a*a*a*a*b", names));
	seconds = check_seconds() - seconds;
	ATF_CHECK_MSG(seconds < 5, "%.3f s", seconds);
	free(names);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, syntax);
	ATF_TP_ADD_TC(tp, judged);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, long_addresses);
	ATF_TP_ADD_TC(tp, time_many);
	return (atf_no_error());
}
