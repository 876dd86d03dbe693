/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Calls that block, against a server in a process of its own. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "lookup.h"
#include "served.h"

#define CONNECTING	SERVED_CONNECTING
#define UP		SERVED_UP
#define DOWN		SERVED_DOWN
#define NAME		LOOKUP_NAME
#define SHORT		SERVED_SHORT

static void
late(const char *what, void (*script)(SSL *, int),
    int (*call)(struct securetcp *, size_t *))
{
	struct fixture	 f;
	int64_t		 start;
	char		 why[64];
	size_t		 n;
	int		 again;

	served_begin(&f);
	for (again = 0; again < 2; again++) {
		served_start(script);
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
		ATF_REQUIRE_EQ(ptOk, served_dial(&f));
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
		start = served_now();
		ATF_CHECK_EQ(ptTimeout, call(f.f_tcp, &n));
		ATF_CHECK(served_now() - start >= SHORT);
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		(void)snprintf(why, sizeof(why), "%s took longer than 200 ms",
		    what);
		ATF_CHECK_STREQ(why, f.f_reason);
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		served_stop();
	}
	served_finish(&f);
}

static char	 big[SERVED_LOTS];

static int
call_receive(struct securetcp *tcp, size_t *n)
{
	return (securetcp_receive(tcp, big, 1, n));
}

static int
call_fill(struct securetcp *tcp, size_t *n)
{
	return (securetcp_fill(tcp, big, 4, n));
}

static int
call_search(struct securetcp *tcp, size_t *n)
{
	return (securetcp_search(tcp, big, 100, "d", 1, n));
}

/* More than both kernels hold. */
static int
call_send(struct securetcp *tcp, size_t *n)
{
	int	 error;

	do
		error = securetcp_send(tcp, big, sizeof(big), n);
	while (error == ptOk);
	ATF_CHECK(*n < sizeof(big));
	return (error);
}

CASE(timeout_receive, "nothing to receive in time: ptTimeout, no Error; the "
    "object can be used again")
{
	late("receive", script_nothing, call_receive);
}

CASE(timeout_fill, "less than asked for in time: the same")
{
	late("fill", script_some, call_fill);
}

CASE(timeout_search, "no token in time: the same")
{
	late("search", script_some, call_search);
}

CASE(timeout_send, "a peer that takes nothing: the same")
{
	late("send", script_nothing, call_send);
}

CASE(send_all, "send takes all of it, however much, and shutdown lets the "
    "peer see the end")
{
	struct fixture	 f;
	uint64_t	 count;
	uint32_t	 sum = 0, theirs;
	size_t		 i, n;
	char		 buf[32];

	for (i = 0; i < sizeof(big); i++) {
		big[i] = (char)(i * 7 + i / 255);
		sum = sum * 31 + (unsigned char)big[i];
	}
	served_up(&f, script_count);
	ATF_CHECK_EQ(ptOk, securetcp_set_half_close(f.f_tcp, 1));
	ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, big, sizeof(big), &n));
	ATF_CHECK_EQ(sizeof(big), n);
	ATF_CHECK_EQ(0, securetcp_send_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 12, &n));
	ATF_REQUIRE_EQ(12, n);
	memcpy(&count, buf, sizeof(count));
	memcpy(&theirs, buf + sizeof(count), sizeof(theirs));
	ATF_CHECK_EQ(sizeof(big), count);
	ATF_CHECK_EQ(sum, theirs);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	ATF_CHECK_EQ(sizeof(big), securetcp_bytes_out(f.f_tcp));
	served_finish(&f);
}

CASE(lines, "search up to a token that records split, fill, and the end "
    "that comes before what was asked for")
{
	struct fixture	 f;
	char		 buf[64];
	size_t		 n;

	served_up(&f, script_lines);
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n", 2, &n));
	ATF_REQUIRE_EQ(7, n);
	ATF_CHECK_EQ(0, memcmp(buf, "first\r\n", 7));
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 3, &n));
	ATF_REQUIRE_EQ(3, n);
	ATF_CHECK_EQ(0, memcmp(buf, "sec", 3));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n", 2, &n));
	ATF_REQUIRE_EQ(6, n);
	ATF_CHECK_EQ(0, memcmp(buf, "ond\r\r\n", 6));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n", 2, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	ATF_CHECK_EQ(4, securetcp_receive_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 5, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, sizeof(buf), &n));
	ATF_REQUIRE_EQ(4, n);
	ATF_CHECK_EQ(0, memcmp(buf, "rest", 4));
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, sizeof(buf), &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	ATF_CHECK_EQ(ptNotConnected, securetcp_receive(f.f_tcp, buf, 1, &n));
	served_finish(&f);
}

CASE(ends, "the peer's end and its reset under a receive that waits")
{
	struct fixture	 f;
	char		 buf[4];
	size_t		 n;

	served_up(&f, script_end);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	served_finish(&f);

	served_up(&f, script_reset);
	ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, "x", 1, &n));
	ATF_CHECK_EQ(ptConnectionReset, securetcp_receive(f.f_tcp, buf, 1,
	    &n));
	ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
	served_finish(&f);
}

CASE(sigpipe, "a send to a peer that has gone: its number, and no signal")
{
	struct fixture	 f;
	size_t		 n;
	int		 error;

	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	served_up(&f, script_reset);
	do
		error = securetcp_send(f.f_tcp, big, sizeof(big), &n);
	while (error == ptOk);
	ATF_CHECK_EQ(ptConnectionReset, error);
	ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
	served_finish(&f);
}

static volatile sig_atomic_t	 alarms;

static void
on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

CASE(interrupted, "signals of the program do not end a call that waits")
{
	struct itimerval	 it;
	struct sigaction	 sa;
	struct fixture		 f;
	size_t			 n;

	served_up(&f, script_nothing);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_alarm;
	ATF_REQUIRE_EQ(0, sigaction(SIGALRM, &sa, NULL));
	memset(&it, 0, sizeof(it));
	it.it_interval.tv_usec = it.it_value.tv_usec = 20000;
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &it, NULL));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
	ATF_CHECK_EQ(ptTimeout, call_receive(f.f_tcp, &n));
	memset(&it, 0, sizeof(it));
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &it, NULL));
	ATF_CHECK(alarms > 1);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	served_finish(&f);
}

CASE(thousand, "a thousand connections that block, on one object")
{
	struct fixture	 f;
	char		 buf[4];
	size_t		 n;
	int		 i;

	served_begin(&f);
	served_start(script_echo);
	for (i = 0; i < 1000; i++) {
		ATF_REQUIRE_EQ(ptOk, served_dial(&f));
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, "ab", 2, &n));
		ATF_REQUIRE_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 2, &n));
		ATF_REQUIRE_EQ(2, n);
		ATF_REQUIRE_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_REQUIRE_STREQ(UP DOWN, f.f_events);
	}
	served_finish(&f);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, timeout_receive);
	ATF_TP_ADD_TC(tp, timeout_fill);
	ATF_TP_ADD_TC(tp, timeout_search);
	ATF_TP_ADD_TC(tp, timeout_send);
	ATF_TP_ADD_TC(tp, send_all);
	ATF_TP_ADD_TC(tp, lines);
	ATF_TP_ADD_TC(tp, ends);
	ATF_TP_ADD_TC(tp, sigpipe);
	ATF_TP_ADD_TC(tp, interrupted);
	ATF_TP_ADD_TC(tp, thousand);
	return (atf_no_error());
}
