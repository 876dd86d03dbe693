/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"

#define BYTES(s)	(s), sizeof(s) - 1
#define MISSING		"addresses and two ports"
#define CAME		" came where a PROXY header was expected"
#define N16		"1111111111111111"
#define LINE106		"PROXY UNKNOWN " X16 X16 X16 X16 X16 "xxxxxxxxxxxx"

struct wrong {
	const char	*w_bytes;
	size_t		 w_len;
	const char	*w_why;
};

static void
check_address(const struct good *g, const uint8_t *addr, const char *want)
{
	uint8_t	 raw[16];

	memset(raw, 0, sizeof(raw));
	if (want != NULL)
		ATF_REQUIRE(inet_pton(g->g_family, want, raw) == 1);
	ATF_CHECK_MSG(memcmp(addr, raw, sizeof(raw)) == 0, "%s: not %s",
	    g->g_name, want == NULL ? "empty" : want);
}

static void
check_good(const struct good *g, const struct proxyin *px)
{
	ATF_CHECK_EQ_MSG(px->px_used, g->g_len, "%s: %zu", g->g_name,
	    px->px_used);
	ATF_REQUIRE_EQ_MSG(px->px_family, g->g_family, "%s: %d", g->g_name,
	    px->px_family);
	check_address(g, px->px_src, g->g_src);
	check_address(g, px->px_dst, g->g_dst);
	ATF_CHECK_EQ_MSG(px->px_srcport, g->g_srcport, "%s: %u", g->g_name,
	    px->px_srcport);
	ATF_CHECK_EQ_MSG(px->px_dstport, g->g_dstport, "%s: %u", g->g_name,
	    px->px_dstport);
}

ATF_TC(good);
ATF_TC_HEAD(good, tc)
{
	atf_tc_set_md_var(tc, "descr", "Good headers of every kind: their "
	    "addresses and exactly their length, alone and before TLS");
}
ATF_TC_BODY(good, tc)
{
	struct proxyin	 px;
	char		 more[512];
	size_t		 i;

	for (i = 0; i < ngoods; i++) {
		ATF_REQUIRE_EQ_MSG(parse(goods[i].g_bytes, goods[i].g_len,
		    &px), PROXYIN_DONE, "%s: %s", goods[i].g_name, px.px_why);
		check_good(&goods[i], &px);
		memset(more, 0x16, sizeof(more));
		memcpy(more, goods[i].g_bytes, goods[i].g_len);
		ATF_REQUIRE_EQ_MSG(parse(more, sizeof(more), &px), PROXYIN_DONE,
		    "%s: %s", goods[i].g_name, px.px_why);
		check_good(&goods[i], &px);
	}
}

ATF_TC(truncated);
ATF_TC_HEAD(truncated, tc)
{
	atf_tc_set_md_var(tc, "descr", "A header cut short at any byte wants "
	    "more, and never more than belongs to it");
}
ATF_TC_BODY(truncated, tc)
{
	const struct good	*g;
	struct proxyin		 px;
	size_t			 i, len;

	for (i = 0; i < ngoods; i++) {
		g = &goods[i];
		for (len = 0; len < g->g_len; len++) {
			ATF_REQUIRE_EQ_MSG(parse(g->g_bytes, len, &px),
			    PROXYIN_MORE, "%s at %zu: %s", g->g_name, len,
			    px.px_why);
			ATF_REQUIRE_MSG(len + px.px_more <= g->g_len,
			    "%s at %zu: %zu more", g->g_name, len, px.px_more);
		}
	}
}

ATF_TC(drip);
ATF_TC_HEAD(drip, tc)
{
	atf_tc_set_md_var(tc, "descr", "The greatest header of all, a byte at "
	    "a time; version 2 says at once how much it wants");
}
ATF_TC_BODY(drip, tc)
{
	static const char	 start[] = SIG "\x21\x11\x10\0" A4;
	struct proxyin		 px;
	uint8_t			*buf;
	size_t			 len;

	ATF_REQUIRE((buf = calloc(1, PROXYIN_MAX)) != NULL);
	memcpy(buf, start, sizeof(start) - 1);
	buf[28] = 4;	/* no operation */
	buf[29] = (PROXYIN_BLOCK - 15) >> 8;
	buf[30] = (PROXYIN_BLOCK - 15) & 0xff;
	for (len = 0; len < PROXYIN_MAX; len++) {
		ATF_REQUIRE(proxyin_parse(buf, len, &px) == PROXYIN_MORE);
		if (len >= 16)
			ATF_REQUIRE_EQ(px.px_more, PROXYIN_MAX - len);
	}
	ATF_REQUIRE_EQ_MSG(parse(buf, len, &px), PROXYIN_DONE, "%s", px.px_why);
	ATF_CHECK_EQ(px.px_used, PROXYIN_MAX);
	ATF_CHECK_EQ(px.px_srcport, 50000);
	free(buf);
}

static const struct wrong	 wrongs1[] = {
	{ BYTES("PROXY TCP5"), "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" },
	{ BYTES("PROXY  "), "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" },
	{ BYTES("PROXY t"), "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" },
	{ BYTES("PROXY TCP4\r"), "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" },
	{ BYTES("PROXY TCP4\t"), "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" },
	{ BYTES("PROXY UD"), "PROXY v1: neither TCP4, TCP6 nor UNKNOWN" },
	{ BYTES("PROXY UNKNOWNX"),
	    "PROXY v1: neither a space nor CRLF after UNKNOWN" },
	{ BYTES("PROXY UNKNOWN\n"),
	    "PROXY v1: neither a space nor CRLF after UNKNOWN" },
	{ BYTES("PROXY UNKNOWN\r "),
	    "PROXY v1: neither a space nor CRLF after UNKNOWN" },
	{ BYTES(LINE106 "x"), "PROXY v1: no CRLF in its first 107 bytes" },
	{ BYTES(LINE106 "\r"), "PROXY v1: no CRLF in its first 107 bytes" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n"),
	    "PROXY v1: a byte 0a among addresses and ports" },
	{ BYTES("PROXY TCP4 192.0.2.1\t"),
	    "PROXY v1: a byte 09 among addresses and ports" },
	{ BYTES("PROXY TCP4 192.0.2.1\0"),
	    "PROXY v1: a byte 00 among addresses and ports" },
	{ BYTES("PROXY TCP4 g"),
	    "PROXY v1: a byte 67 among addresses and ports" },
	{ BYTES("PROXY TCP4 -"),
	    "PROXY v1: a byte 2d among addresses and ports" },
	{ BYTES("PROXY TCP6 fe80::1%"),
	    "PROXY v1: a byte 25 among addresses and ports" },
	{ BYTES("PROXY TCP4 \377"),
	    "PROXY v1: a byte ff among addresses and ports" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r"),
	    "PROXY v1: CR without LF" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r "),
	    "PROXY v1: CR without LF" },
	{ BYTES("PROXY TCP4 192.0.2.1 " N16 N16 N16 N16 N16 "111111"),
	    "PROXY v1: no CRLF in its first 107 bytes" },
	{ BYTES("PROXY TCP4 \r\n"), "PROXY v1: 1 fields instead of two "
	    MISSING },
	{ BYTES("PROXY TCP4 192.0.2.1\r\n"), "PROXY v1: 1 fields instead of "
	    "two " MISSING },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2\r\n"), "PROXY v1: 2 fields "
	    "instead of two " MISSING },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"), "PROXY v1: 3 "
	    "fields instead of two " MISSING },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"), "PROXY v1: "
	    "more than two " MISSING },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"), "PROXY v1: "
	    "more than two " MISSING },
	{ BYTES("PROXY TCP4  192.0.2.1 198.51.100.2 1\r\n"),
	    "PROXY v1: \"\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2  1\r\n"),
	    "PROXY v1: \"\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192.0.2\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.0.2.1.5 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192.0.2.1.5\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192.0.2.256\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192.0.2.01\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 0192.0.2.1 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"0192.0.2.1\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.00.2.1 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192.00.2.1\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192..2.1 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192..2.1\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 3221225985 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"3221225985\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.0.2.a 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"192.0.2.a\" is not an IPv4 address" },
	{ BYTES("PROXY TCP4 192.0.2.1 2001:db8::2 1 2\r\n"),
	    "PROXY v1: \"2001:db8::2\" is not an IPv4 address" },
	{ BYTES("PROXY TCP6 2001:db8::1 198.51.100.2 1 2\r\n"),
	    "PROXY v1: \"198.51.100.2\" is not an IPv6 address" },
	{ BYTES("PROXY TCP6 2001:db8::1::2 ::1 1 2\r\n"),
	    "PROXY v1: \"2001:db8::1::2\" is not an IPv6 address" },
	{ BYTES("PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n"),
	    "PROXY v1: \"1:2:3:4:5:6:7\" is not an IPv6 address" },
	{ BYTES("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n"),
	    "PROXY v1: \"1:2:3:4:5:6:7:8:9\" is not an IPv6 address" },
	{ BYTES("PROXY TCP6 ::12345 ::1 1 2\r\n"),
	    "PROXY v1: \"::12345\" is not an IPv6 address" },
	{ BYTES("PROXY TCP6 ::ffff:192.0.02.1 ::1 1 2\r\n"),
	    "PROXY v1: \"::ffff:192.0.02.1\" is not an IPv6 address" },
	{ BYTES("PROXY TCP6 ::ffff:01.0.2.1 ::1 1 2\r\n"),
	    "PROXY v1: \"::ffff:01.0.2.1\" is not an IPv6 address" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n"),
	    "PROXY v1: \"65536\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 99999\r\n"),
	    "PROXY v1: \"99999\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 4294967297\r\n"),
	    "PROXY v1: \"4294967297\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"),
	    "PROXY v1: \"01\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 00\r\n"),
	    "PROXY v1: \"00\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1a 2\r\n"),
	    "PROXY v1: \"1a\" is not a port" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 : 2\r\n"),
	    "PROXY v1: \":\" is not a port" },
};

static const struct wrong	 wrongs2[] = {
	{ BYTES(SIG "\x11"), "PROXY v2: version 1 in place of 2" },
	{ BYTES(SIG "\x31"), "PROXY v2: version 3 in place of 2" },
	{ BYTES(SIG "\x22"), "PROXY v2: unknown command 2" },
	{ BYTES(SIG "\x2f"), "PROXY v2: unknown command 15" },
	{ BYTES(SIG "\x21\x12"), "PROXY v2: datagrams, on a stream" },
	{ BYTES(SIG "\x21\x22"), "PROXY v2: datagrams, on a stream" },
	{ BYTES(SIG "\x21\x32"), "PROXY v2: datagrams, on a stream" },
	{ BYTES(SIG "\x21\x02"), "PROXY v2: datagrams, on a stream" },
	{ BYTES(SIG "\x21\x10"), "PROXY v2: transport 0 is not a stream" },
	{ BYTES(SIG "\x21\x23"), "PROXY v2: transport 3 is not a stream" },
	{ BYTES(SIG "\x21\x3f"), "PROXY v2: transport 15 is not a stream" },
	{ BYTES(SIG "\x21\x41"), "PROXY v2: unknown address family 4" },
	{ BYTES(SIG "\x21\xf1"), "PROXY v2: unknown address family 15" },
	{ BYTES(SIG "\x21\x11\x10\x01"),
	    "PROXY v2: 4097 bytes are more than 4096" },
	{ BYTES(SIG "\x20\0\xff\xff"),
	    "PROXY v2: 65535 bytes are more than 4096" },
	{ BYTES(SIG "\x21\x11\0\0"),
	    "PROXY v2: 0 bytes are too few for its addresses" },
	{ BYTES(SIG "\x21\x11\0\x0b"),
	    "PROXY v2: 11 bytes are too few for its addresses" },
	{ BYTES(SIG "\x21\x21\0\x23"),
	    "PROXY v2: 35 bytes are too few for its addresses" },
	{ BYTES(SIG "\x21\x31\0\xd7"),
	    "PROXY v2: 215 bytes are too few for its addresses" },
	{ BYTES(SIG "\x21\x11\0\x0d" A4 "\4"),
	    "PROXY v2: bytes left over after the last TLV" },
	{ BYTES(SIG "\x21\x11\0\x0e" A4 "\4\0"),
	    "PROXY v2: bytes left over after the last TLV" },
	{ BYTES(SIG "\x21\0\0\1x"),
	    "PROXY v2: bytes left over after the last TLV" },
	{ BYTES(SIG "\x21\x11\0\x0f" A4 "\4\0\1"),
	    "PROXY v2: a TLV reaches beyond the header" },
	{ BYTES(SIG "\x21\x11\0\x12" A4 "\4\0\0\4\377\377"),
	    "PROXY v2: a TLV reaches beyond the header" },
	{ BYTES(SIG "\x21\x11\0\x13" A4 "\3\0\4\xb1\x07\xf4\xa8"),
	    "PROXY v2: wrong checksum" },
	{ BYTES(SIG "\x21\x11\0\x13" A4 "\3\0\4\0\0\0\0"),
	    "PROXY v2: wrong checksum" },
	{ BYTES(SIG "\x20\0\0\7" "\3\0\4\xa9\xb8\x7e\x8e"),
	    "PROXY v2: wrong checksum" },
	{ BYTES(SIG "\x21\x11\0\x12" A4 "\3\0\3\xa8\xf4\x07"),
	    "PROXY v2: a checksum that is not 4 bytes long" },
	{ BYTES(SIG "\x21\x11\0\x1a" A4 "\3\0\4\xa8\xf4\x07\xb1"
	    "\3\0\4\xa8\xf4\x07\xb1"), "PROXY v2: a second checksum" },
};

static const struct wrong	 others[] = {
	{ BYTES("\x16"), "a TLS handshake" },
	{ BYTES("\x16\x03\x01\x02\0\1"), "a TLS handshake" },
	{ BYTES("\x15\x03\x03"), "a TLS record" },
	{ BYTES("\x17"), "a TLS record" },
	{ BYTES("GET / HTTP/1.1\r\n"), "an HTTP request" },
	{ BYTES("POST / HTTP/1.1\r\n"), "an HTTP request" },
	{ BYTES("PUT "), "an HTTP request" },
	{ BYTES("PRI * HTTP/2.0\r\n"), "an HTTP request" },
	{ BYTES("GET"), "\"GET\"" },
	{ BYTES("SSH-2.0-OpenSSH_10.0\r\n"), "\"SSH-2.0-OpenSSH_\"" },
	{ BYTES("proxy TCP4 "), "\"proxy TCP4 \"" },
	{ BYTES("PROXY\t"), "\"PROXY\"" },
	{ BYTES("PX"), "\"PX\"" },
	{ BYTES(" PROXY"), "\" PROXY\"" },
	{ BYTES("\0"), "a byte 00" },
	{ BYTES("\x80\x2e\x01\x03"), "bytes 80 2e 01 03" },
	{ BYTES("\r\r\n"), "a byte 0d" },
	{ BYTES("\r\n\r\n\0\r\nQUIT\r"), "bytes 0d 0a 0d 0a" },
	{ BYTES("\377\377\377\377\377"), "bytes ff ff ff ff" },
};

/* Each ends with the byte that decides. */
static void
check_wrong(const struct wrong *w)
{
	struct proxyin	 px;
	char		*longer;
	size_t		 len;

	for (len = 0; len < w->w_len; len++)
		ATF_REQUIRE_EQ_MSG(parse(w->w_bytes, len, &px), PROXYIN_MORE,
		    "%.*s at %zu: %s", (int)w->w_len, w->w_bytes, len,
		    px.px_why);
	ATF_REQUIRE_EQ_MSG(parse(w->w_bytes, len, &px), PROXYIN_BAD, "%.*s",
	    (int)w->w_len, w->w_bytes);
	ATF_CHECK_STREQ(w->w_why, px.px_why);

	ATF_REQUIRE((longer = calloc(1, len + PROXYIN_MAX)) != NULL);
	memcpy(longer, w->w_bytes, len);
	ATF_REQUIRE_EQ(parse(longer, len + PROXYIN_MAX, &px), PROXYIN_BAD);
	ATF_CHECK_STREQ(w->w_why, px.px_why);
	free(longer);
}

ATF_TC(bad1);
ATF_TC_HEAD(bad1, tc)
{
	atf_tc_set_md_var(tc, "descr", "Version 1: what does not match "
	    "exactly is refused at the byte that decides it, with its reason, "
	    "whatever follows");
}
ATF_TC_BODY(bad1, tc)
{
	size_t	 i;

	for (i = 0; i < sizeof(wrongs1) / sizeof(wrongs1[0]); i++)
		check_wrong(&wrongs1[i]);
}

ATF_TC(bad2);
ATF_TC_HEAD(bad2, tc)
{
	atf_tc_set_md_var(tc, "descr", "Version 2: likewise");
}
ATF_TC_BODY(bad2, tc)
{
	size_t	 i;

	for (i = 0; i < sizeof(wrongs2) / sizeof(wrongs2[0]); i++)
		check_wrong(&wrongs2[i]);
}

ATF_TC(other);
ATF_TC_HEAD(other, tc)
{
	atf_tc_set_md_var(tc, "descr", "What is no PROXY header at all is "
	    "called by its name; only P and CR may begin one");
}
ATF_TC_BODY(other, tc)
{
	struct proxyin	 px;
	char		 why[128];
	size_t		 i;
	int		 c;
	uint8_t		 byte;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ATF_REQUIRE_EQ_MSG(parse(others[i].w_bytes, others[i].w_len,
		    &px), PROXYIN_BAD, "%s", others[i].w_why);
		snprintf(why, sizeof(why), "no PROXY header: %s" CAME,
		    others[i].w_why);
		ATF_CHECK_STREQ(why, px.px_why);
	}
	for (c = 0; c <= 0xff; c++) {
		byte = (uint8_t)c;
		ATF_CHECK_EQ_MSG(parse(&byte, 1, &px), byte == 'P' ||
		    byte == '\r' ? PROXYIN_MORE : PROXYIN_BAD, "%02x", byte);
	}
}

ATF_TC(mutated);
ATF_TC_HEAD(mutated, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every good header with every one byte "
	    "changed to every value: whole answers, nothing read beyond");
}
ATF_TC_BODY(mutated, tc)
{
	const struct good	*g;
	struct proxyin		 px;
	char			 buf[512];
	size_t			 at, i;
	int			 c;

	for (i = 0; i < ngoods; i++) {
		g = &goods[i];
		ATF_REQUIRE(g->g_len <= sizeof(buf));
		for (at = 0; at < g->g_len; at++) {
			memcpy(buf, g->g_bytes, g->g_len);
			for (c = 0; c <= 0xff; c++) {
				buf[at] = (char)c;
				(void)parse(buf, g->g_len, &px);
			}
		}
	}
}

ATF_TC(checksum);
ATF_TC_HEAD(checksum, tc)
{
	atf_tc_set_md_var(tc, "descr", "A header with a checksum and any one "
	    "byte changed is never taken, but where the change takes the "
	    "checksum away");
}
ATF_TC_BODY(checksum, tc)
{
	static const char	 good[] = SIG "\x21\x11\0\x13" A4
				    "\3\0\4\xa8\xf4\x07\xb1";
	enum proxyin_result	 r;
	struct proxyin		 px;
	char			 buf[sizeof(good) - 1];
	size_t			 at;
	int			 c;

	for (at = 0; at < sizeof(buf); at++) {
		memcpy(buf, good, sizeof(buf));
		for (c = 0; c <= 0xff; c++) {
			if (c == (good[at] & 0xff))
				continue;
			buf[at] = (char)c;
			r = parse(buf, sizeof(buf), &px);
			if (at == 28 || (at == 15 && c == 12))
				ATF_CHECK_EQ_MSG(r, PROXYIN_DONE,
				    "%zu to %02x: %s", at, c, px.px_why);
			else
				ATF_CHECK_MSG(r != PROXYIN_DONE,
				    "%zu to %02x", at, c);
		}
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, drip);
	ATF_TP_ADD_TC(tp, bad1);
	ATF_TP_ADD_TC(tp, bad2);
	ATF_TP_ADD_TC(tp, other);
	ATF_TP_ADD_TC(tp, mutated);
	ATF_TP_ADD_TC(tp, checksum);
	return (atf_no_error());
}
