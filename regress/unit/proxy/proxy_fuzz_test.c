/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "exact.h"
#include "proxyout.h"

#define ROUNDS		800000
#define TRIPS		200000
#define ROOM		1024

static uint64_t	 seed = 0x70726f7879;

/* The same numbers in every run (xorshift). */
static uint32_t
number(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 16) % below);
}

static size_t
change(char *buf, size_t len)
{
	size_t	 at = number((uint32_t)len + 1);

	switch (number(5)) {
	case 0:
		if (at < len)
			buf[at] ^= (char)(1 << number(8));
		return (len);
	case 1:
		if (at < len)
			buf[at] = (char)number(256);
		return (len);
	case 2:
		return (at);
	case 3:
		if (len == ROOM)
			return (len);
		memmove(buf + at + 1, buf + at, len - at);
		buf[at] = (char)number(256);
		return (len + 1);
	}
	if (at == len)
		return (len);
	memmove(buf + at, buf + at + 1, len - at - 1);
	return (len - 1);
}

/* A decision stands, whatever follows: what part says, all says. */
static void
check_parts(const char *buf, size_t len)
{
	enum proxyin_result	 all, part;
	struct proxyin		 px, py;

	part = parse(buf, number((uint32_t)len + 1), &px);
	all = parse(buf, len, &py);
	if (part == PROXYIN_MORE)
		return;
	ATF_REQUIRE_EQ(part, all);
	if (all == PROXYIN_BAD)
		return;
	ATF_REQUIRE_EQ(px.px_used, py.px_used);
	ATF_REQUIRE_EQ(px.px_family, py.px_family);
	ATF_REQUIRE(memcmp(px.px_src, py.px_src, sizeof(px.px_src)) == 0);
}

ATF_TC(fuzz);
ATF_TC_HEAD(fuzz, tc)
{
	atf_tc_set_md_var(tc, "descr", "Good headers with bytes changed, lost "
	    "and added: whole answers that stand, nothing read beyond");
	atf_tc_set_md_var(tc, "timeout", "120");
}
ATF_TC_BODY(fuzz, tc)
{
	const struct good	*g;
	char			 buf[ROOM];
	size_t			 i, len, n;

	for (i = 0; i < ROUNDS; i++) {
		g = &goods[number((uint32_t)ngoods)];
		memcpy(buf, g->g_bytes, g->g_len);
		len = g->g_len;
		for (n = number(8); n > 0; n--)
			len = change(buf, len);
		check_parts(buf, len);
	}
}

ATF_TC(tlvs);
ATF_TC_HEAD(tlvs, tc)
{
	atf_tc_set_md_var(tc, "descr", "Version 2 with anything after its "
	    "addresses, checksums and short TLVs often");
	atf_tc_set_md_var(tc, "timeout", "120");
}
ATF_TC_BODY(tlvs, tc)
{
	char	 buf[ROOM];
	size_t	 i, j, len, n;

	memcpy(buf, SIG "\x21\x11\0\0" A4, 28);
	for (i = 0; i < ROUNDS / 4; i++) {
		n = number(64);
		for (j = 0; j < n; j++)
			buf[28 + j] = (char)(number(4) == 0 ? number(256) :
			    number(6));
		len = 12 + n;
		buf[12] = 0x20 + (char)number(2);
		buf[14] = (char)(len >> 8);
		buf[15] = (char)len;
		check_parts(buf, 16 + len);
	}
}

/* An address of either family, IPv4 mapped into IPv6 now and then. */
static void
any_end(struct sockaddr_storage *ss)
{
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in	*in = (struct sockaddr_in *)ss;
	uint8_t			*p;
	size_t			 i;

	memset(ss, 0, sizeof(*ss));
	if (number(2) == 0) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)number(65536));
		in->sin_addr.s_addr = number(UINT32_MAX);
		return;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)number(65536));
	p = in6->sin6_addr.s6_addr;
	for (i = 0; i < 16; i++)
		p[i] = (uint8_t)(number(2) == 0 ? 0 : number(256));
	if (number(4) == 0) {
		memset(p, 0, 10);
		memset(p + 10, 0xff, 2);
	}
}

/* The same address as 16 bytes, whatever its family. */
static uint16_t
flat_sockaddr(const struct sockaddr_storage *ss, uint8_t *flat)
{
	const struct sockaddr_in6	*in6;
	const struct sockaddr_in	*in;

	if (ss->ss_family == AF_INET6) {
		in6 = (const struct sockaddr_in6 *)ss;
		memcpy(flat, &in6->sin6_addr, 16);
		return (ntohs(in6->sin6_port));
	}
	in = (const struct sockaddr_in *)ss;
	memset(flat, 0, 10);
	memset(flat + 10, 0xff, 2);
	memcpy(flat + 12, &in->sin_addr, 4);
	return (ntohs(in->sin_port));
}

static void
flat_proxy(int family, const uint8_t *addr, uint8_t *flat)
{
	if (family == AF_INET6) {
		memcpy(flat, addr, 16);
		return;
	}
	memset(flat, 0, 10);
	memset(flat + 10, 0xff, 2);
	memcpy(flat + 12, addr, 4);
}

static void
check_end(const struct sockaddr_storage *ss, int family, const uint8_t *addr,
    uint16_t port)
{
	uint8_t	 is[16], want[16];

	ATF_REQUIRE_EQ(flat_sockaddr(ss, want), port);
	flat_proxy(family, addr, is);
	ATF_REQUIRE(memcmp(is, want, sizeof(is)) == 0);
}

static void
check_trip(const struct proxyout *po, const uint8_t *buf, size_t len)
{
	const struct sockaddr_storage	*dst, *src;
	struct proxyin			 px;

	dst = (const struct sockaddr_storage *)(const void *)po->po_dst;
	src = (const struct sockaddr_storage *)(const void *)po->po_src;
	ATF_REQUIRE(len > 0);
	ATF_REQUIRE_EQ_MSG(parse(buf, len, &px), PROXYIN_DONE, "%s", px.px_why);
	ATF_REQUIRE_EQ(px.px_used, len);
	if (src->ss_family == AF_INET && dst->ss_family == AF_INET)
		ATF_REQUIRE_EQ(px.px_family, AF_INET);
	check_end(src, px.px_family, px.px_src, px.px_srcport);
	check_end(dst, px.px_family, px.px_dst, px.px_dstport);
}

ATF_TC(trip);
ATF_TC_HEAD(trip, tc)
{
	atf_tc_set_md_var(tc, "descr", "What proxyout_v1() and proxyout_v2() "
	    "write proxyin_parse() reads: any addresses, also of two families");
	atf_tc_set_md_var(tc, "timeout", "120");
}
ATF_TC_BODY(trip, tc)
{
	struct proxyout		 po;
	struct sockaddr_storage	 dst, src;
	uint8_t			 buf[PROXYOUT_MAX];
	size_t			 i;

	memset(&po, 0, sizeof(po));
	po.po_src = (struct sockaddr *)&src;
	po.po_dst = (struct sockaddr *)&dst;
	for (i = 0; i < TRIPS; i++) {
		any_end(&src);
		any_end(&dst);
		po.po_tls = (int)number(2);
		po.po_alpn = number(2) == 0 ? NULL : "h2";
		po.po_servername = number(2) == 0 ? "" : "www.example.org";
		po.po_version = number(2) == 0 ? NULL : "TLSv1.3";
		po.po_cn = number(2) == 0 ? NULL : "alice";
		po.po_verified = (int)number(2);
		check_trip(&po, buf, proxyout_v1(&po, buf, sizeof(buf)));
		check_trip(&po, buf, proxyout_v2(&po, buf, sizeof(buf)));
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, fuzz);
	ATF_TP_ADD_TC(tp, tlvs);
	ATF_TP_ADD_TC(tp, trip);
	return (atf_no_error());
}
