/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "network.h"
#include "penalty.h"

#define T0		((int64_t)1000000)	/* when the tests begin */
#define SECONDS(n)	((int64_t)(n) * 1000)
#define FLOOD		1000000			/* addresses */
#define FLOOD_KBYTES	(12 * 1024)		/* memory they may take */

static const struct sockaddr *
source(const char *text)
{
	static struct sockaddr_storage	 ss;
	struct sockaddr_in		*sin = (struct sockaddr_in *)&ss;
	struct sockaddr_in6		*sin6 = (struct sockaddr_in6 *)&ss;

	memset(&ss, 0, sizeof(ss));
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	else
		atf_tc_fail("\"%s\" is no address", text);
	return ((struct sockaddr *)&ss);
}

static const struct sockaddr *
numbered(uint32_t n)
{
	static struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(n);
	return ((struct sockaddr *)&sin);
}

static unsigned int
add(const char *text, unsigned int seconds, int64_t now)
{
	return (penalty_add(0, source(text), seconds, now));
}

/* The seconds that it is blocked for; 0 if it is not. */
static unsigned int
blocked(const char *text, int64_t now)
{
	unsigned int	 left = 0;

	if (!penalty_blocked(0, source(text), now, &left)) {
		ATF_CHECK_EQ(0, left);
		return (0);
	}
	ATF_CHECK(left > 0);
	return (left);
}

/* What there is to show of it. */
static struct penalty_info
info(const char *text, int64_t now)
{
	struct penalty_info	 pi;

	memset(&pi, 0, sizeof(pi));
	while (penalty_next(&pi, now))
		if (strcmp(pi.pi_text, text) == 0)
			return (pi);
	atf_tc_fail("%s is not remembered", text);
}

static void
forget(int64_t now)
{
	struct penalty_info	 pi;

	memset(&pi, 0, sizeof(pi));
	ATF_CHECK(!penalty_next(&pi, now));
	ATF_CHECK_EQ(0, penalty_count());
}

ATF_TC(threshold);
ATF_TC_HEAD(threshold, tc)
{
	atf_tc_set_md_var(tc, "descr", "a source is blocked from 15 seconds "
	    "of penalty on, until the last of them has passed, and others "
	    "are not");
}
ATF_TC_BODY(threshold, tc)
{
	int	 i;

	ATF_CHECK_EQ(0, penalty_count());
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0));
	for (i = 0; i < 7; i++)
		ATF_CHECK_EQ(0, add("192.0.2.1", 2, T0));
	ATF_CHECK_EQ(1, penalty_count());
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0));
	ATF_CHECK_EQ(14, info("192.0.2.1", T0).pi_left);
	ATF_CHECK_EQ(15, add("192.0.2.1", 1, T0));
	ATF_CHECK_EQ(15, blocked("192.0.2.1", T0));
	ATF_CHECK_EQ(0, blocked("192.0.2.2", T0));
	ATF_CHECK_EQ(0, blocked("192.0.2.0", T0));
	ATF_CHECK_EQ(0, blocked("2001:db8::1", T0));
	/* Below the threshold it stays blocked; being asked changes nothing. */
	ATF_CHECK_EQ(15, blocked("192.0.2.1", T0 + 1));
	ATF_CHECK_EQ(14, blocked("192.0.2.1", T0 + SECONDS(1)));
	ATF_CHECK_EQ(1, blocked("192.0.2.1", T0 + SECONDS(15) - 1));
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0 + SECONDS(15)));
	/* Then it begins from nothing. */
	ATF_CHECK_EQ(0, add("192.0.2.1", 14, T0 + SECONDS(15)));
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0 + SECONDS(15)));
	ATF_CHECK_EQ(9, info("192.0.2.1", T0 + SECONDS(15)).pi_offences);
}

ATF_TC(passing);
ATF_TC_HEAD(passing, tc)
{
	atf_tc_set_md_var(tc, "descr", "what has passed of a penalty does not "
	    "count: one offence in a while never blocks, and an offence "
	    "without weight is none");
}
ATF_TC_BODY(passing, tc)
{
	int	 i;

	for (i = 0; i < 1000; i++)
		ATF_CHECK_EQ(0, add("192.0.2.1", 5, T0 + SECONDS(5 * i)));
	ATF_CHECK_EQ(0, add("192.0.2.1", 9, T0 + SECONDS(4995)));
	ATF_CHECK_EQ(15, add("192.0.2.1", 3, T0 + SECONDS(4997)));
	for (i = 0; i < 100; i++)
		ATF_CHECK_EQ(0, add("192.0.2.9", 0, T0 + SECONDS(4997)));
	ATF_CHECK_EQ(1, penalty_count());
}

ATF_TC(under_way);
ATF_TC_HEAD(under_way, tc)
{
	atf_tc_set_md_var(tc, "descr", "offences of a blocked source extend "
	    "its block, which does not begin anew by that");
}
ATF_TC_BODY(under_way, tc)
{
	ATF_CHECK_EQ(90, add("192.0.2.1", 90, T0));
	ATF_CHECK_EQ(0, add("192.0.2.1", 5, T0));
	ATF_CHECK_EQ(95, blocked("192.0.2.1", T0));
	/* Past the first end, and with little left. */
	ATF_CHECK_EQ(0, add("192.0.2.1", 20, T0 + SECONDS(94)));
	ATF_CHECK_EQ(1, blocked("192.0.2.1", T0 + SECONDS(114)));
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0 + SECONDS(115)));
	ATF_CHECK_EQ(1, info("192.0.2.1", T0).pi_blocks);
	ATF_CHECK_EQ(1, info("192.0.2.1", T0).pi_factor);
	ATF_CHECK_EQ(3, info("192.0.2.1", T0).pi_offences);
}

ATF_TC(cap);
ATF_TC_HEAD(cap, tc)
{
	atf_tc_set_md_var(tc, "descr", "no penalty is of more than 600 "
	    "seconds, whatever comes together");
}
ATF_TC_BODY(cap, tc)
{
	int	 i;

	for (i = 0; i < 100; i++)
		(void)add("192.0.2.1", 90, T0);
	ATF_CHECK_EQ(600, blocked("192.0.2.1", T0));
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0 + SECONDS(600)));
	ATF_CHECK_EQ(600, add("192.0.2.2", 4294967295U, T0));
	ATF_CHECK_EQ(600, blocked("192.0.2.2", T0));
	/* The cap moves on with the time. */
	ATF_CHECK_EQ(0, add("192.0.2.2", 90, T0 + SECONDS(50)));
	ATF_CHECK_EQ(600, blocked("192.0.2.2", T0 + SECONDS(50)));
}

ATF_TC(growth);
ATF_TC_HEAD(growth, tc)
{
	atf_tc_set_md_var(tc, "descr", "with every block within an hour of "
	    "the one before, weights and the shortest block double, up to "
	    "eight times");
}
ATF_TC_BODY(growth, tc)
{
	static const struct {
		int		 g_offences;
		unsigned int	 g_seconds;
		unsigned int	 g_factor;
	} steps[] = {
		{ 8, 16, 1 }, { 8, 30, 2 }, { 4, 60, 4 }, { 2, 120, 8 },
		{ 1, 120, 8 }, { 1, 120, 8 }
	};
	unsigned int	 seconds;
	int64_t		 now = T0;
	size_t		 i;
	int		 j;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		seconds = 0;
		for (j = 0; j < steps[i].g_offences; j++) {
			ATF_CHECK_EQ_MSG(0, seconds, "step %zu", i);
			seconds = add("192.0.2.1", 2, now);
		}
		ATF_CHECK_EQ_MSG(steps[i].g_seconds, seconds, "step %zu: %u",
		    i, seconds);
		ATF_CHECK_EQ(seconds, blocked("192.0.2.1", now));
		ATF_CHECK_EQ(steps[i].g_factor,
		    info("192.0.2.1", now).pi_factor);
		ATF_CHECK_EQ(i + 1, info("192.0.2.1", now).pi_blocks);
		now += SECONDS(seconds);
		ATF_CHECK_EQ(0, blocked("192.0.2.1", now));
	}
	/* Eight times as much, and never more than all. */
	ATF_CHECK_EQ(120, add("192.0.2.1", 5, now));
	ATF_CHECK_EQ(0, add("192.0.2.1", 5, now));
	ATF_CHECK_EQ(160, blocked("192.0.2.1", now));
	ATF_CHECK_EQ(0, add("192.0.2.1", 90, now));
	ATF_CHECK_EQ(600, blocked("192.0.2.1", now));
	/* Another source has weights of its own. */
	ATF_CHECK_EQ(0, add("192.0.2.2", 14, now));
}

/* Has it blocked four times: weights are eight times what they were. */
static int64_t
hardened(int64_t now)
{
	int	 i;

	for (i = 0; i < 4; i++) {
		(void)add("192.0.2.1", 15, now);
		now += SECONDS(blocked("192.0.2.1", now));
	}
	ATF_REQUIRE_EQ(8, info("192.0.2.1", now).pi_factor);
	return (now - SECONDS(120));
}

ATF_TC(decay);
ATF_TC_HEAD(decay, tc)
{
	atf_tc_set_md_var(tc, "descr", "every ten minutes without an offence "
	    "halve the weights, and after them an offence begins the ten "
	    "minutes anew");
}
ATF_TC_BODY(decay, tc)
{
	int64_t	 last;

	last = hardened(T0);
	ATF_CHECK_EQ(8, info("192.0.2.1", last + SECONDS(599)).pi_factor);
	ATF_CHECK_EQ(4, info("192.0.2.1", last + SECONDS(600)).pi_factor);
	ATF_CHECK_EQ(2, info("192.0.2.1", last + SECONDS(1200)).pi_factor);
	ATF_CHECK_EQ(1, info("192.0.2.1", last + SECONDS(1800)).pi_factor);
	ATF_CHECK_EQ(1, info("192.0.2.1", last + SECONDS(3000)).pi_factor);
	/* 19 minutes: half of it, and a minute later nothing more. */
	ATF_CHECK_EQ(0, add("192.0.2.1", 1, last + SECONDS(1140)));
	ATF_CHECK_EQ(4, info("192.0.2.1", last + SECONDS(1140)).pi_left);
	ATF_CHECK_EQ(4, info("192.0.2.1", last + SECONDS(1200)).pi_factor);
	ATF_CHECK_EQ(2, info("192.0.2.1", last + SECONDS(1740)).pi_factor);
	/* Once it has become 1, the weights are what they were at first. */
	ATF_CHECK_EQ(0, add("192.0.2.1", 14, last + SECONDS(2340)));
	ATF_CHECK_EQ(14, info("192.0.2.1", last + SECONDS(2340)).pi_left);
}

ATF_TC(hour);
ATF_TC_HEAD(hour, tc)
{
	atf_tc_set_md_var(tc, "descr", "a block within an hour of the end of "
	    "the last one is one of a series, a later one is not; then the "
	    "source is forgotten");
}
ATF_TC_BODY(hour, tc)
{
	int64_t	 end = T0 + SECONDS(15);

	ATF_CHECK_EQ(15, add("192.0.2.1", 15, T0));
	ATF_CHECK_EQ(30, add("192.0.2.1", 15, end + SECONDS(3600)));
	end += SECONDS(3630);
	/* A small offence keeps it in mind, but not its block. */
	ATF_CHECK_EQ(0, add("192.0.2.1", 1, end + SECONDS(3000)));
	ATF_CHECK_EQ(15, add("192.0.2.1", 15, end + SECONDS(3601)));
	ATF_CHECK_EQ(3, info("192.0.2.1", end + SECONDS(3601)).pi_blocks);
	ATF_CHECK_EQ(1, info("192.0.2.1", end + SECONDS(3601)).pi_factor);
	end += SECONDS(3616);
	ATF_CHECK_EQ(4, info("192.0.2.1", end + SECONDS(3600)).pi_offences);
	ATF_CHECK_EQ(1, penalty_count());
	forget(end + SECONDS(3600) + 1);
	ATF_CHECK_EQ(15, add("192.0.2.1", 15, end + SECONDS(3601)));
	ATF_CHECK_EQ(1, info("192.0.2.1", end + SECONDS(3601)).pi_blocks);
}

ATF_TC(groups);
ATF_TC_HEAD(groups, tc)
{
	atf_tc_set_md_var(tc, "descr", "an IPv6 /64 is one source, a mapped "
	    "IPv4 address is that of IPv4, and what is no address of either "
	    "is no source");
}
ATF_TC_BODY(groups, tc)
{
	struct sockaddr_storage	 ss;
	struct sockaddr		*sa = (struct sockaddr *)&ss;
	char			 text[64];
	unsigned int		 left;

	ATF_CHECK_EQ(0, add("2001:db8:1:2::1", 8, T0));
	ATF_CHECK_EQ(16, add("2001:db8:1:2:ffff:ffff:ffff:ffff", 8, T0));
	ATF_CHECK_EQ(16, blocked("2001:db8:1:2::", T0));
	ATF_CHECK_EQ(0, blocked("2001:db8:1:3::1", T0));
	ATF_CHECK_EQ(0, blocked("2001:db8:1:1:ffff:ffff:ffff:ffff", T0));
	ATF_CHECK_EQ(2, info("[2001:db8:1:2::]/64", T0).pi_offences);
	ATF_CHECK_EQ(1, penalty_count());

	ATF_CHECK_EQ(0, add("::ffff:192.0.2.1", 8, T0));
	ATF_CHECK_EQ(16, add("192.0.2.1", 8, T0));
	ATF_CHECK_EQ(16, blocked("::ffff:192.0.2.1", T0));
	ATF_CHECK_EQ(0, blocked("::ffff:192.0.2.2", T0));
	ATF_CHECK_EQ(16, info("192.0.2.1", T0).pi_left);
	ATF_CHECK_EQ(2, penalty_count());

	/* The same bytes in the other family are another source. */
	ATF_CHECK_EQ(0, add("32.1.13.184", 1, T0));
	ATF_CHECK_EQ(0, add("2001:db8::", 1, T0));
	ATF_CHECK_EQ(4, penalty_count());

	memset(&ss, 0, sizeof(ss));
	ss.ss_family = AF_UNIX;
	ATF_CHECK_EQ(0, penalty_add(0, sa, 90, T0));
	ATF_CHECK(!penalty_blocked(0, sa, T0, &left));
	ATF_CHECK_EQ(-1, penalty_text(sa, text, sizeof(text)));
	ATF_CHECK_EQ(0, penalty_clear(sa));
	ATF_CHECK_EQ(4, penalty_count());
}

ATF_TC(exempt);
ATF_TC_HEAD(exempt, tc)
{
	atf_tc_set_md_var(tc, "descr", "what is in one of the networks given "
	    "is never penalised nor blocked, not even for what it did before");
}
ATF_TC_BODY(exempt, tc)
{
	struct networks	 list = TAILQ_HEAD_INITIALIZER(list);
	struct network	 nw[2];

	ATF_REQUIRE(network_parse("192.0.2.0/31", &nw[0]) == NULL);
	ATF_REQUIRE(network_parse("2001:db8::/48", &nw[1]) == NULL);
	TAILQ_INSERT_TAIL(&list, &nw[0], nw_entry);
	TAILQ_INSERT_TAIL(&list, &nw[1], nw_entry);
	penalty_exempt(&list, NULL);
	ATF_CHECK_EQ(0, add("192.0.2.0", 90, T0));
	ATF_CHECK_EQ(0, add("192.0.2.1", 90, T0));
	ATF_CHECK_EQ(0, add("::ffff:192.0.2.1", 90, T0));
	ATF_CHECK_EQ(0, add("2001:db8::1", 90, T0));
	ATF_CHECK_EQ(0, penalty_count());
	ATF_CHECK_EQ(90, add("192.0.2.2", 90, T0));
	ATF_CHECK_EQ(90, add("2001:db8:1::1", 90, T0));

	/* It may have become one of them, and cease to be one. */
	ATF_REQUIRE(network_parse("192.0.2.0/24", &nw[0]) == NULL);
	TAILQ_INIT(&list);
	TAILQ_INSERT_TAIL(&list, &nw[0], nw_entry);
	ATF_CHECK_EQ(0, blocked("192.0.2.2", T0));
	ATF_CHECK_EQ(90, blocked("2001:db8:1::1", T0));
	penalty_exempt(NULL, NULL);
	ATF_CHECK_EQ(90, blocked("192.0.2.2", T0));
	ATF_CHECK_EQ(90, add("192.0.2.1", 90, T0));
}

ATF_TC(shown);
ATF_TC_HEAD(shown, tc)
{
	atf_tc_set_md_var(tc, "descr", "all that are remembered are shown "
	    "once, by address, though some come and go between two of them");
}
ATF_TC_BODY(shown, tc)
{
	static const char *const	 texts[] = {
	    "10.0.0.1", "192.0.2.1", "192.0.2.3", "[2001:db8::]/64",
	    "[2001:db8:1::]/64"
	};
	struct penalty_info	 pi;

	(void)add("2001:db8:1::7", 90, T0);
	(void)add("192.0.2.2", 2, T0);
	(void)add("10.0.0.1", 1, T0);
	(void)add("2001:db8::7", 5, T0);
	(void)add("192.0.2.1", 16, T0);
	memset(&pi, 0, sizeof(pi));
	ATF_REQUIRE(penalty_next(&pi, T0));
	ATF_CHECK_STREQ(texts[0], pi.pi_text);
	ATF_CHECK_EQ(1, pi.pi_left);
	ATF_CHECK(!pi.pi_blocked);
	ATF_CHECK_EQ(1, pi.pi_offences);
	/* Also the one that it stands at. */
	ATF_CHECK_EQ(1, penalty_clear(source("10.0.0.1")));
	ATF_REQUIRE(penalty_next(&pi, T0));
	ATF_CHECK_STREQ(texts[1], pi.pi_text);
	ATF_CHECK_EQ(16, pi.pi_left);
	ATF_CHECK(pi.pi_blocked);
	ATF_CHECK_EQ(1, pi.pi_blocks);
	ATF_CHECK_EQ(1, penalty_clear(source("192.0.2.2")));
	(void)add("192.0.2.3", 2, T0);
	(void)add("192.0.2.0", 2, T0);
	ATF_REQUIRE(penalty_next(&pi, T0));
	ATF_CHECK_STREQ(texts[2], pi.pi_text);
	ATF_REQUIRE(penalty_next(&pi, T0));
	ATF_CHECK_STREQ(texts[3], pi.pi_text);
	ATF_REQUIRE(penalty_next(&pi, T0 + SECONDS(30)));
	ATF_CHECK_STREQ(texts[4], pi.pi_text);
	ATF_CHECK_EQ(60, pi.pi_left);
	ATF_CHECK(!penalty_next(&pi, T0));
	/* One without a penalty any more is still remembered. */
	pi = info("192.0.2.1", T0 + SECONDS(16));
	ATF_CHECK_EQ(0, pi.pi_left);
	ATF_CHECK(!pi.pi_blocked);
}

ATF_TC(clear);
ATF_TC_HEAD(clear, tc)
{
	atf_tc_set_md_var(tc, "descr", "one source or all are forgotten, "
	    "with what they did before");
}
ATF_TC_BODY(clear, tc)
{
	int64_t	 now;

	now = hardened(T0);
	(void)add("192.0.2.2", 90, now);
	(void)add("2001:db8::1", 90, now);
	ATF_CHECK_EQ(0, penalty_clear(source("192.0.2.3")));
	ATF_CHECK_EQ(0, penalty_clear(source("2001:db8:1::1")));
	ATF_CHECK_EQ(1, penalty_clear(source("192.0.2.1")));
	ATF_CHECK_EQ(0, blocked("192.0.2.1", now));
	ATF_CHECK_EQ(90, blocked("192.0.2.2", now));
	ATF_CHECK_EQ(15, add("192.0.2.1", 15, now));
	ATF_CHECK_EQ(1, info("192.0.2.1", now).pi_factor);
	ATF_CHECK_EQ(1, penalty_clear(source("2001:db8::2")));
	ATF_CHECK_EQ(0, blocked("2001:db8::1", now));
	ATF_CHECK_EQ(2, penalty_clear(NULL));
	ATF_CHECK_EQ(0, penalty_count());
	ATF_CHECK_EQ(0, blocked("192.0.2.2", now));
	ATF_CHECK_EQ(0, penalty_clear(NULL));
}

/* Kibibytes of memory at its greatest. */
static long
memory(void)
{
	struct rusage	 ru;

	ATF_REQUIRE(getrusage(RUSAGE_SELF, &ru) == 0);
	return (ru.ru_maxrss);
}

ATF_TC(ease);
ATF_TC_HEAD(ease, tc)
{
	atf_tc_set_md_var(tc, "descr", "Seconds are taken off, but not from a "
	    "block, and never more than there are");
}
ATF_TC_BODY(ease, tc)
{
	unsigned int	 left;

	ATF_CHECK_EQ(0, add("192.0.2.1", 14, T0));
	penalty_ease(0, source("192.0.2.1"), 2, T0);
	ATF_CHECK_EQ(0, add("192.0.2.1", 2, T0));
	penalty_ease(0, source("192.0.2.1"), 100, T0);
	ATF_CHECK_EQ(0, add("192.0.2.1", 14, T0));
	ATF_CHECK_EQ(15, add("192.0.2.1", 1, T0));
	penalty_ease(0, source("192.0.2.1"), 10, T0);
	ATF_CHECK(penalty_blocked(0, source("192.0.2.1"), T0, &left));
	ATF_CHECK_EQ(15, left);
	penalty_ease(0, source("192.0.2.2"), 10, T0);
}

ATF_TC(neighbours);
ATF_TC_HEAD(neighbours, tc)
{
	atf_tc_set_md_var(tc, "descr", "Addresses of a link count one by one, "
	    "together with their interface");
}
ATF_TC_BODY(neighbours, tc)
{
	struct sockaddr_in6	 one, other;
	struct penalty_info	 pi;
	unsigned int		 left;

	memcpy(&one, source("fe80::1:2"), sizeof(one));
	one.sin6_scope_id = 77777;
	memcpy(&other, source("fe80::1:3"), sizeof(other));
	other.sin6_scope_id = 77777;
	ATF_CHECK_EQ(20, penalty_add(0, (struct sockaddr *)&one, 20, T0));
	ATF_CHECK(penalty_blocked(0, (struct sockaddr *)&one, T0, &left));
	ATF_CHECK(!penalty_blocked(0, (struct sockaddr *)&other, T0, &left));
	one.sin6_scope_id = 77778;
	ATF_CHECK(!penalty_blocked(0, (struct sockaddr *)&one, T0, &left));
	memset(&pi, 0, sizeof(pi));
	ATF_REQUIRE(penalty_next(&pi, T0));
	ATF_CHECK_STREQ("[fe80::1:2%77777]", pi.pi_text);
	ATF_CHECK(!penalty_next(&pi, T0));
	one.sin6_scope_id = 77777;
	ATF_CHECK_EQ(1, penalty_clear((struct sockaddr *)&one));
}

ATF_TC(settings);
ATF_TC_HEAD(settings, tc)
{
	atf_tc_set_md_var(tc, "descr", "From how many seconds on, how many at "
	    "most, and none at all");
}
ATF_TC_BODY(settings, tc)
{
	penalty_settings(0, 3, 10);
	ATF_CHECK_EQ(0, add("192.0.2.1", 2, T0));
	ATF_CHECK_EQ(3, add("192.0.2.1", 1, T0));
	ATF_CHECK_EQ(10, add("192.0.2.2", 90, T0));
	penalty_settings(1, 3, 10);
	ATF_CHECK_EQ(0, add("192.0.2.3", 90, T0));
}

ATF_TC(flood);
ATF_TC_HEAD(flood, tc)
{
	atf_tc_set_md_var(tc, "descr", "a million addresses take no more "
	    "memory than 65536 do and a few seconds, and a source with more "
	    "before it than they have stays blocked");
	atf_tc_set_md_var(tc, "timeout", "60");
}
ATF_TC_BODY(flood, tc)
{
	struct penalty_info	 pi;
	struct rusage		 begin, end;
	unsigned int		 left, most = 0, n;
	long			 before;
	uint32_t		 i, a = 1;

	before = memory();
	ATF_REQUIRE(getrusage(RUSAGE_SELF, &begin) == 0);
	ATF_CHECK_EQ(90, add("2001:db8::1", 90, T0));
	for (i = 0; i < FLOOD; i++) {
		/* Each once, in no order. */
		a = a * 1664525 + 1013904223;
		(void)penalty_add(0, numbered(a), 16, T0 + i / 1000);
		if (penalty_count() > most)
			most = penalty_count();
	}
	ATF_REQUIRE(getrusage(RUSAGE_SELF, &end) == 0);
	timersub(&end.ru_utime, &begin.ru_utime, &end.ru_utime);
	printf("%u sources, %ld KB, %ld.%06ld s\n", most, memory() - before,
	    (long)end.ru_utime.tv_sec, (long)end.ru_utime.tv_usec);
	ATF_CHECK_EQ(PENALTY_SOURCES, most);
	ATF_CHECK_EQ(PENALTY_SOURCES, penalty_count());
	ATF_CHECK(memory() - before < FLOOD_KBYTES);
	/* A walk of the table for each would take minutes anywhere. */
	ATF_CHECK(end.ru_utime.tv_sec < 40);
	ATF_CHECK(blocked("2001:db8::1", T0 + SECONDS(1)) == 89);
	/* The last one found room, and all are in the list. */
	ATF_CHECK(penalty_blocked(0, numbered(a), T0 + SECONDS(1), &left));
	memset(&pi, 0, sizeof(pi));
	for (n = 0; penalty_next(&pi, T0 + SECONDS(1)); n++)
		ATF_CHECK(pi.pi_left >= 1);
	ATF_CHECK_EQ(PENALTY_SOURCES, n);
	ATF_CHECK_EQ(PENALTY_SOURCES, penalty_clear(NULL));
}

ATF_TC(full);
ATF_TC_HEAD(full, tc)
{
	atf_tc_set_md_var(tc, "descr", "in a full table an offence takes the "
	    "place of what expires first, if it outlasts that, and is not "
	    "remembered otherwise");
}
ATF_TC_BODY(full, tc)
{
	uint32_t	 i;

	for (i = 0; i < PENALTY_SOURCES; i++)
		(void)penalty_add(0, numbered(0x0a000000 + i), 100, T0 + i);
	ATF_CHECK_EQ(100, blocked("10.0.0.0", T0));
	/* As long is not longer. */
	ATF_CHECK_EQ(0, add("192.0.2.1", 100, T0));
	ATF_CHECK_EQ(0, add("192.0.2.1", 90, T0));
	ATF_CHECK_EQ(0, blocked("192.0.2.1", T0));
	ATF_CHECK_EQ(100, blocked("10.0.0.0", T0));
	ATF_CHECK_EQ(100, add("192.0.2.1", 100, T0 + 1));
	ATF_CHECK_EQ(100, blocked("192.0.2.1", T0 + 1));
	ATF_CHECK_EQ(0, blocked("10.0.0.0", T0));
	ATF_CHECK_EQ(100, blocked("10.0.0.1", T0 + 1));
	ATF_CHECK_EQ(PENALTY_SOURCES, penalty_count());
	/* One that is in the table needs no room. */
	ATF_CHECK_EQ(0, add("10.0.0.2", 5, T0 + 2));
	ATF_CHECK_EQ(105, blocked("10.0.0.2", T0 + 2));
	ATF_CHECK_EQ(100, blocked("10.0.0.1", T0 + 1));
	/* Those whose penalty has passed go before those who have one. */
	ATF_CHECK_EQ(0, add("192.0.2.2", 1, T0 + SECONDS(100) + 1));
	ATF_CHECK_EQ(1, penalty_clear(source("192.0.2.2")));
	ATF_CHECK_EQ(0, penalty_clear(source("10.0.0.1")));
	ATF_CHECK_EQ(PENALTY_SOURCES - 1, penalty_clear(NULL));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, threshold);
	ATF_TP_ADD_TC(tp, passing);
	ATF_TP_ADD_TC(tp, under_way);
	ATF_TP_ADD_TC(tp, cap);
	ATF_TP_ADD_TC(tp, growth);
	ATF_TP_ADD_TC(tp, decay);
	ATF_TP_ADD_TC(tp, hour);
	ATF_TP_ADD_TC(tp, groups);
	ATF_TP_ADD_TC(tp, exempt);
	ATF_TP_ADD_TC(tp, shown);
	ATF_TP_ADD_TC(tp, clear);
	ATF_TP_ADD_TC(tp, ease);
	ATF_TP_ADD_TC(tp, neighbours);
	ATF_TP_ADD_TC(tp, settings);
	ATF_TP_ADD_TC(tp, flood);
	ATF_TP_ADD_TC(tp, full);
	return (atf_no_error());
}
