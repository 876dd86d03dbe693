/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "network.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

static const char	 no_address[] = "it is no numeric address";
static const char	 no_interface[] = "there is no such interface";
static const char	 no_link[] =
    "only a link-local address has an interface";
static const char	 no_prefix4[] =
    "the prefix length is a number from 0 to 32";
static const char	 no_prefix6[] =
    "the prefix length is a number from 0 to 128";

static const struct {
	const char	*r_text;
	const char	*r_why;
} refused[] = {
	{ "", no_address },
	{ "/24", no_address },
	{ "localhost", no_address },
	{ "www.example.com/24", no_address },
	{ "10.0.0/24", no_address },
	{ "10.0.0.0.0", no_address },
	{ "10.0.0.256", no_address },
	{ " 10.0.0.1", no_address },
	{ "10.0.0.1 ", no_address },
	{ "0x0a.0.0.1", no_address },
	{ "2001:db8:::/32", no_address },
	{ "[2001:db8::]/32", no_address },
	{ "localhost%1", no_address },
	{ "fe80::1%", no_interface },
	{ "fe80::1%nonesuch", no_interface },
	{ "fe80::1%-1", no_interface },
	{ "fe80::1%99999999", no_interface },
	{ "fe80::1%averylongnameofaninterface", no_interface },
	{ "2001:db8::%1/64", no_link },
	{ "10.0.0.1%1", no_link },
	{ "fec0::1%1", no_link },
	{ "fe80::/64%1", no_prefix6 },
	{ "fe80::%1/9", "a network of one interface is within fe80::/10" },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64", no_address },
	{ "10.0.0.0/", no_prefix4 },
	{ "10.0.0.0/33", no_prefix4 },
	{ "10.0.0.0/4294967304", no_prefix4 },
	{ "10.0.0.0/-8", no_prefix4 },
	{ "10.0.0.0/+8", no_prefix4 },
	{ "10.0.0.0/ 8", no_prefix4 },
	{ "10.0.0.0/8 ", no_prefix4 },
	{ "10.0.0.0/08", no_prefix4 },
	{ "10.0.0.0/255.0.0.0", no_prefix4 },
	{ "10.0.0.0/8/8", no_prefix4 },
	{ "2001:db8::/129", no_prefix6 },
	{ "2001:db8::/x", no_prefix6 },
	{ "10.0.0.1/24",
	    "bits of the host are set: the network is 10.0.0.0/24" },
	{ "192.0.2.255/31",
	    "bits of the host are set: the network is 192.0.2.254/31" },
	{ "10.0.0.0/0",
	    "bits of the host are set: the network is 0.0.0.0/0" },
	{ "2001:db8::1/32",
	    "bits of the host are set: the network is 2001:db8::/32" },
	{ "2001:db8::ff/125",
	    "bits of the host are set: the network is 2001:db8::f8/125" },
	{ "::ffff:10.0.0.0/104",
	    "it is a network of IPv4, to be written as 10.0.0.0/8" },
	{ "::ffff:192.0.2.1",
	    "it is a network of IPv4, to be written as 192.0.2.1/32" },
	{ "::ffff:0:0/96",
	    "it is a network of IPv4, to be written as 0.0.0.0/0" }
};

static const struct {
	const char	*w_network;
	const char	*w_within;
	const char	*w_without;
} within[] = {
	{ "192.0.2.1", "192.0.2.1", "192.0.2.2" },
	{ "192.0.2.1/32", "192.0.2.1", "192.0.2.0" },
	{ "10.0.0.0/24", "10.0.0.0", "10.0.1.0" },
	{ "10.0.0.0/24", "10.0.0.255", "9.255.255.255" },
	{ "10.0.0.0/25", "10.0.0.127", "10.0.0.128" },
	{ "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
	{ "192.0.2.254/31", "192.0.2.255", "192.0.2.253" },
	{ "128.0.0.0/1", "255.255.255.255", "127.255.255.255" },
	{ "0.0.0.0/0", "203.0.113.1", "2001:db8::1" },
	{ "0.0.0.0/0", "0.0.0.0", "::" },
	{ "10.0.0.0/24", "::ffff:10.0.0.7", "::10.0.0.7" },
	{ "2001:db8::1", "2001:db8::1", "2001:db8::" },
	{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::" },
	{ "2001:db8::/64", "2001:db8::ffff:0:0:1", "2001:db8:0:1::" },
	{ "2001:db8::f8/125", "2001:db8::ff", "2001:db8::100" },
	{ "2001:db8::f8/125", "2001:db8::f8", "2001:db8::f7" },
	{ "8000::/1", "ffff::", "7fff::" },
	{ "::/0", "2001:db8::1", "192.0.2.1" },
	{ "::/0", "::", "::ffff:192.0.2.1" },
	{ "2001:db8::/32", "2001:db8::", "32.1.13.184" }
};

static void
address(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_in	*sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1)
		ss->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1)
		ss->ss_family = AF_INET6;
	else
		atf_tc_fail("\"%s\" is no address", text);
}

static int
contains(const struct network *nw, const char *text)
{
	struct sockaddr_storage	 ss;

	address(text, &ss);
	return (network_contains(nw, (struct sockaddr *)&ss));
}

ATF_TC(wrong);
ATF_TC_HEAD(wrong, tc)
{
	atf_tc_set_md_var(tc, "descr", "what is no network is refused, each "
	    "with its reason; of one with host bits the right one is named");
}
ATF_TC_BODY(wrong, tc)
{
	struct network	 nw;
	const char	*why;
	size_t		 i;

	for (i = 0; i < NITEMS(refused); i++) {
		why = network_parse(refused[i].r_text, &nw);
		if (why == NULL)
			atf_tc_fail_nonfatal("\"%s\" is accepted",
			    refused[i].r_text);
		else
			ATF_CHECK_STREQ(refused[i].r_why, why);
	}
}

ATF_TC(members);
ATF_TC_HEAD(members, tc)
{
	atf_tc_set_md_var(tc, "descr", "a network contains its first and its "
	    "last address and not those beside them; the families are apart, "
	    "and a mapped address is one of IPv4");
}
ATF_TC_BODY(members, tc)
{
	struct network	 nw;
	const char	*why;
	size_t		 i;

	for (i = 0; i < NITEMS(within); i++) {
		why = network_parse(within[i].w_network, &nw);
		if (why != NULL)
			atf_tc_fail("\"%s\": %s", within[i].w_network, why);
		if (!contains(&nw, within[i].w_within))
			atf_tc_fail_nonfatal("%s is not in %s",
			    within[i].w_within, within[i].w_network);
		if (contains(&nw, within[i].w_without))
			atf_tc_fail_nonfatal("%s is in %s",
			    within[i].w_without, within[i].w_network);
	}
}

/* An interface by the number 1 is in every system. */
ATF_TC(zones);
ATF_TC_HEAD(zones, tc)
{
	atf_tc_set_md_var(tc, "descr", "with an interface a network has the "
	    "addresses of that one only, without it those of all");
}
ATF_TC_BODY(zones, tc)
{
	struct network		 all, nw[3];
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	char			 name[IF_NAMESIZE], text[128];
	const char		*why;
	size_t			 i;

	ATF_REQUIRE(if_indextoname(1, name) != NULL);
	ATF_REQUIRE(network_parse("fe80::/64", &all) == NULL);
	ATF_REQUIRE(network_parse("fe80::1%1", &nw[0]) == NULL);
	snprintf(text, sizeof(text), "fe80::%%%s/64", name);
	ATF_REQUIRE(network_parse(text, &nw[1]) == NULL);
	snprintf(text, sizeof(text), "fe80::%%%s/10", name);
	ATF_REQUIRE(network_parse(text, &nw[2]) == NULL);
	address("fe80::1", &ss);
	for (i = 0; i < NITEMS(nw); i++) {
		sin6->sin6_scope_id = 1;
		ATF_CHECK(network_contains(&nw[i], (struct sockaddr *)&ss));
		ATF_CHECK(network_contains(&all, (struct sockaddr *)&ss));
		sin6->sin6_scope_id = 2;
		ATF_CHECK(!network_contains(&nw[i], (struct sockaddr *)&ss));
		ATF_CHECK(network_contains(&all, (struct sockaddr *)&ss));
	}
	snprintf(text, sizeof(text), "fe80::1%%%s/64", name);
	why = network_parse(text, &nw[0]);
	ATF_REQUIRE(why != NULL);
	snprintf(text, sizeof(text), "bits of the host are set: the network "
	    "is fe80::%%%s/64", name);
	ATF_CHECK_STREQ(text, why);
}

ATF_TC(lists);
ATF_TC_HEAD(lists, tc)
{
	atf_tc_set_md_var(tc, "descr", "a list contains what any of its "
	    "networks does, an empty one and none contain nothing, and "
	    "nothing contains an address of another kind");
}
ATF_TC_BODY(lists, tc)
{
	struct networks		 list = TAILQ_HEAD_INITIALIZER(list);
	struct network		 nw[2];
	struct sockaddr_storage	 ss;
	struct sockaddr		*sa = (struct sockaddr *)&ss;

	address("2001:db8::5", &ss);
	ATF_CHECK(!networks_contain(NULL, sa));
	ATF_CHECK(!networks_contain(&list, sa));
	ATF_REQUIRE(network_parse("10.0.0.0/8", &nw[0]) == NULL);
	ATF_REQUIRE(network_parse("2001:db8::/32", &nw[1]) == NULL);
	TAILQ_INSERT_TAIL(&list, &nw[0], nw_entry);
	ATF_CHECK(!networks_contain(&list, sa));
	TAILQ_INSERT_TAIL(&list, &nw[1], nw_entry);
	ATF_CHECK(networks_contain(&list, sa));
	address("10.1.2.3", &ss);
	ATF_CHECK(networks_contain(&list, sa));
	address("11.1.2.3", &ss);
	ATF_CHECK(!networks_contain(&list, sa));
	ATF_REQUIRE(network_parse("0.0.0.0/0", &nw[0]) == NULL);
	ATF_REQUIRE(network_parse("::/0", &nw[1]) == NULL);
	ATF_CHECK(networks_contain(&list, sa));
	ss.ss_family = AF_UNIX;
	ATF_CHECK(!networks_contain(&list, sa));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, wrong);
	ATF_TP_ADD_TC(tp, members);
	ATF_TP_ADD_TC(tp, zones);
	ATF_TP_ADD_TC(tp, lists);
	return (atf_no_error());
}
