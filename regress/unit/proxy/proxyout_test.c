/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "proxyout.h"
#include "wire.h"

/* Addresses as the table writes them; "unix" is one, NULL none. */
static const struct line {
	const char	*l_src;
	const char	*l_dst;
	const char	*l_line;
} lines[] = {
	{ "192.0.2.1", "198.51.100.2",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n" },
	{ "0.0.0.0", "255.255.255.255",
	    "PROXY TCP4 0.0.0.0 255.255.255.255 50000 443\r\n" },
	{ "2001:db8::1", "2001:db8::2",
	    "PROXY TCP6 2001:db8::1 2001:db8::2 50000 443\r\n" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::",
	    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff :: "
	    "50000 443\r\n" },
	{ "192.0.2.1", "2001:db8::2",
	    "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 50000 443\r\n" },
	{ "2001:db8::1", "198.51.100.2",
	    "PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 50000 443\r\n" },
	{ "unix", "unix", "PROXY UNKNOWN\r\n" },
	{ "unix", "192.0.2.1", "PROXY UNKNOWN\r\n" },
	{ "192.0.2.1", "unix", "PROXY UNKNOWN\r\n" },
	{ NULL, "192.0.2.1", "PROXY UNKNOWN\r\n" },
	{ "2001:db8::1", NULL, "PROXY UNKNOWN\r\n" },
	{ NULL, NULL, "PROXY UNKNOWN\r\n" },
};

static const struct sockaddr *
end(struct sockaddr_storage *ss, const char *text, uint16_t port)
{
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in	*in = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (text == NULL)
		return (NULL);
	if (strcmp(text, "unix") == 0) {
		ss->ss_family = AF_UNIX;
	} else if (strchr(text, ':') != NULL) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		ATF_REQUIRE(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		ATF_REQUIRE(inet_pton(AF_INET, text, &in->sin_addr) == 1);
	}
	return ((struct sockaddr *)ss);
}

/* In a buffer of exactly that size; 0 leaves an answer of 0. */
static size_t
write_exact(int version, const struct proxyout *po, void *out, size_t size)
{
	uint8_t	*buf;
	size_t	 len;

	ATF_REQUIRE((buf = malloc(size == 0 ? 1 : size)) != NULL);
	len = version == 1 ? proxyout_v1(po, buf, size) :
	    proxyout_v2(po, buf, size);
	ATF_REQUIRE(len <= size);
	memcpy(out, buf, len);
	free(buf);
	return (len);
}

/* Only a buffer that holds the header gets it, and then the same. */
static void
check_sizes(int version, const struct proxyout *po, const void *want,
    size_t len)
{
	uint8_t	 out[PROXYOUT_MAX + 1];
	size_t	 size;

	for (size = 0; size < len; size++)
		ATF_REQUIRE_EQ_MSG(write_exact(version, po, out, size), 0,
		    "%zu", size);
	for (; size <= len + 1; size++) {
		ATF_REQUIRE_EQ(write_exact(version, po, out, size), len);
		ATF_REQUIRE(memcmp(out, want, len) == 0);
	}
}

ATF_TC(v1);
ATF_TC_HEAD(v1, tc)
{
	atf_tc_set_md_var(tc, "descr", "Version 1: every kind of address, "
	    "byte for byte, or nothing where it does not fit");
}
ATF_TC_BODY(v1, tc)
{
	struct proxyout		 po;
	struct sockaddr_storage	 dst, src;
	size_t			 i;

	memset(&po, 0, sizeof(po));
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		po.po_src = end(&src, lines[i].l_src, 50000);
		po.po_dst = end(&dst, lines[i].l_dst, 443);
		check_sizes(1, &po, lines[i].l_line,
		    strlen(lines[i].l_line));
	}
}

/* Written down from the specification, chapter 2.2. */
static const uint8_t	 golden[] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54,
	0x0a,				/* the signature */
	0x21,				/* version 2, PROXY */
	0x11,				/* TCP over IPv4 */
	0x00, 0x6d,			/* 109 bytes follow */
	192, 0, 2, 1,			/* source */
	198, 51, 100, 2,		/* destination */
	0xc3, 0x50,			/* 50000 */
	0x01, 0xbb,			/* 443 */
	0x01, 0x00, 0x08,		/* PP2_TYPE_ALPN, 8 bytes */
	'h', 't', 't', 'p', '/', '1', '.', '1',
	0x02, 0x00, 0x0f,		/* PP2_TYPE_AUTHORITY, 15 */
	'w', 'w', 'w', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.', 'o', 'r',
	'g',
	0x20, 0x00, 0x41,		/* PP2_TYPE_SSL, 65 */
	0x07,				/* SSL, CERT_CONN, CERT_SESS */
	0x00, 0x00, 0x00, 0x00,		/* verified */
	0x21, 0x00, 0x07,		/* PP2_SUBTYPE_SSL_VERSION, 7 */
	'T', 'L', 'S', 'v', '1', '.', '2',
	0x22, 0x00, 0x11,		/* PP2_SUBTYPE_SSL_CN, 17 */
	'a', 'l', 'i', 'c', 'e', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.',
	'o', 'r', 'g',
	0x23, 0x00, 0x1b,		/* PP2_SUBTYPE_SSL_CIPHER, 27 */
	'E', 'C', 'D', 'H', 'E', '-', 'R', 'S', 'A', '-', 'A', 'E', 'S', '1',
	'2', '8', '-', 'G', 'C', 'M', '-', 'S', 'H', 'A', '2', '5', '6',
};

ATF_TC(v2);
ATF_TC_HEAD(v2, tc)
{
	atf_tc_set_md_var(tc, "descr", "Version 2 with all it can say, byte "
	    "for byte as the specification has it");
}
ATF_TC_BODY(v2, tc)
{
	struct proxyin		 px;
	struct proxyout		 po;
	struct sockaddr_storage	 dst, src;

	memset(&po, 0, sizeof(po));
	po.po_src = end(&src, "192.0.2.1", 50000);
	po.po_dst = end(&dst, "198.51.100.2", 443);
	po.po_alpn = "http/1.1";
	po.po_servername = "www.example.org";
	po.po_version = "TLSv1.2";
	po.po_cipher = "ECDHE-RSA-AES128-GCM-SHA256";
	po.po_cn = "alice.example.org";
	po.po_verified = 1;
	po.po_tls = 1;
	check_sizes(2, &po, golden, sizeof(golden));
	ATF_CHECK_EQ(parse(golden, sizeof(golden), &px), PROXYIN_DONE);
	ATF_CHECK_EQ(px.px_used, sizeof(golden));
}

#define BARE	SIG "\x20\0\0"

ATF_TC(ends);
ATF_TC_HEAD(ends, tc)
{
	atf_tc_set_md_var(tc, "descr", "Version 2: every kind of address, "
	    "byte for byte");
}
ATF_TC_BODY(ends, tc)
{
	static const char	 v6[] = SIG "\x21\x21\0\x24" A6;
	static const char	 unspec[] = BARE "\0";
	static const char	 mixed[] = SIG "\x21\x21\0\x24"
	    "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"
	    "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\2" "\303\120" "\001\273";
	struct proxyout		 po;
	struct sockaddr_storage	 dst, src;
	size_t			 i;

	memset(&po, 0, sizeof(po));
	po.po_src = end(&src, "2001:db8::1", 50000);
	po.po_dst = end(&dst, "2001:db8::2", 443);
	check_sizes(2, &po, v6, sizeof(v6) - 1);
	po.po_src = end(&src, "192.0.2.1", 50000);
	check_sizes(2, &po, mixed, sizeof(mixed) - 1);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strstr(lines[i].l_line, "UNKNOWN") == NULL)
			continue;
		po.po_src = end(&src, lines[i].l_src, 50000);
		po.po_dst = end(&dst, lines[i].l_dst, 443);
		check_sizes(2, &po, unspec, sizeof(unspec) - 1);
	}
}

/* What the header says about the client's certificate and TLS. */
static const struct said {
	int		 s_tls;
	int		 s_verified;
	const char	*s_cn;
	const char	*s_tlvs;
	size_t		 s_len;
} saids[] = {
	{ 0, 0, NULL, "", 0 },
	{ 0, 1, "al", "", 0 },
	{ 1, 0, NULL, "\x20\0\5" "\1" "\0\0\0\1", 8 },
	{ 1, 0, "", "\x20\0\5" "\1" "\0\0\0\1", 8 },
	{ 1, 1, NULL, "\x20\0\5" "\7" "\0\0\0\0", 8 },
	{ 1, 1, "al", "\x20\0\x0a" "\7" "\0\0\0\0" "\x22\0\2al", 13 },
	{ 1, 0, "al", "\x20\0\x0a" "\7" "\0\0\0\1" "\x22\0\2al", 13 },
};

ATF_TC(ssl);
ATF_TC_HEAD(ssl, tc)
{
	atf_tc_set_md_var(tc, "descr", "The TLV about TLS: only with TLS, "
	    "with a certificate only where there was one, verified only where "
	    "it was; unknown addresses do not hinder it");
}
ATF_TC_BODY(ssl, tc)
{
	struct proxyout	 po;
	uint8_t		 want[64];
	size_t		 i;

	memset(&po, 0, sizeof(po));
	po.po_alpn = "";
	for (i = 0; i < sizeof(saids) / sizeof(saids[0]); i++) {
		po.po_tls = saids[i].s_tls;
		po.po_verified = saids[i].s_verified;
		po.po_cn = saids[i].s_cn;
		memcpy(want, BARE, sizeof(BARE) - 1);
		want[15] = (uint8_t)saids[i].s_len;
		memcpy(want + 16, saids[i].s_tlvs, saids[i].s_len);
		check_sizes(2, &po, want, 16 + saids[i].s_len);
	}
}

static char *
long_text(size_t len)
{
	char	*text;

	ATF_REQUIRE((text = malloc(len + 1)) != NULL);
	memset(text, 'x', len);
	text[len] = '\0';
	return (text);
}

ATF_TC(longest);
ATF_TC_HEAD(longest, tc)
{
	atf_tc_set_md_var(tc, "descr", "The longest of what a session may "
	    "report fits into PROXYOUT_MAX, and proxyin_parse() takes it");
}
ATF_TC_BODY(longest, tc)
{
	struct wire_established	 wh;
	struct proxyin		 px;
	struct proxyout		 po;
	struct sockaddr_storage	 dst, src;
	uint8_t			 out[PROXYOUT_MAX];
	size_t			 len;

	memset(&po, 0, sizeof(po));
	po.po_src = end(&src, "2001:db8::1", 50000);
	po.po_dst = end(&dst, "2001:db8::2", 443);
	po.po_alpn = long_text(sizeof(wh.wh_alpn) - 1);
	po.po_servername = long_text(sizeof(wh.wh_servername) - 1);
	po.po_version = long_text(sizeof(wh.wh_version) - 1);
	po.po_cipher = long_text(sizeof(wh.wh_cipher) - 1);
	po.po_cn = long_text(WIRE_SUBJECT - 1);
	po.po_tls = 1;
	len = write_exact(2, &po, out, sizeof(out));
	ATF_REQUIRE(len > 0);
	ATF_REQUIRE_EQ_MSG(parse(out, len, &px), PROXYIN_DONE, "%s", px.px_why);
	ATF_CHECK_EQ(px.px_used, len);
}

ATF_TC(toolong);
ATF_TC_HEAD(toolong, tc)
{
	atf_tc_set_md_var(tc, "descr", "What 16 bits cannot count is not "
	    "written, however large the buffer");
}
ATF_TC_BODY(toolong, tc)
{
	struct proxyout	 po;
	uint8_t		*out;
	size_t		 size = 200000;

	ATF_REQUIRE((out = malloc(size)) != NULL);
	memset(&po, 0, sizeof(po));
	po.po_alpn = long_text(UINT16_MAX + 1);
	ATF_CHECK_EQ(write_exact(2, &po, out, size), 0);
	po.po_alpn = long_text(UINT16_MAX - 2);	/* the sum is too long */
	ATF_CHECK_EQ(write_exact(2, &po, out, size), 0);
	po.po_alpn = long_text(UINT16_MAX - 3);
	ATF_CHECK_EQ(write_exact(2, &po, out, size),
	    16 + UINT16_MAX);
	po.po_alpn = NULL;
	po.po_tls = 1;
	po.po_cn = long_text(UINT16_MAX - 3);	/* the TLV around it is */
	ATF_CHECK_EQ(write_exact(2, &po, out, size), 0);
	free(out);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, v1);
	ATF_TP_ADD_TC(tp, v2);
	ATF_TP_ADD_TC(tp, ends);
	ATF_TP_ADD_TC(tp, ssl);
	ATF_TP_ADD_TC(tp, longest);
	ATF_TP_ADD_TC(tp, toolong);
	return (atf_no_error());
}
