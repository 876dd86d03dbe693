/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Fill and search by events, and handlers that end a client's object. */

#include <sys/types.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "act.h"
#include "fixture.h"
#include "pki.h"

#define UP		"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"
#define NAME		"www.example.org"

static struct pki	 root, leaf;

static void	 begin(struct fixture *);
static void	 dial(struct fixture *);
static void	 up(struct fixture *);
static void	 finish(struct fixture *);
static void	 receives(struct fixture *, unsigned int);

static void
begin(struct fixture *f)
{
	struct securetcp_config	*sc;

	if (root.p_pkey == NULL) {
		pki_make(&root, NULL, "Root", NULL, PKI_CA);
		pki_make(&leaf, &root, "leaf", "DNS:" NAME, 0);
	}
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f->f_tcp, NAME));
}

static void
dial(struct fixture *f)
{
	fixture_dial(f);
	fixture_server(f, pki_server(&leaf, NULL));
}

static void
up(struct fixture *f)
{
	begin(f);
	dial(f);
	fixture_handshake(f);
	fixture_expect(f, UP);
}

static void
finish(struct fixture *f)
{
	fixture_close(f);
	pki_free(&leaf);
	pki_free(&root);
}

/* Until the peer's bytes are with the object, and Receive came so often. */
static void
receives(struct fixture *f, unsigned int n)
{
	while (f->f_receives < n)
		fixture_turn(f, 0);
	ATF_CHECK_EQ(n, f->f_receives);
}

CASE(fill, "fill: nothing until all is there, then Receive once, then all of "
    "it; what is more stays")
{
	struct fixture	 f;
	char		 buf[16];
	size_t		 n = 99;

	up(&f);
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_fill(f.f_tcp, buf, 6, &n));
	ATF_CHECK_EQ(0, n);
	peer_write(&f, "ab", 2);
	while (securetcp_receive_count(f.f_tcp) < 2)
		fixture_turn(&f, 0);
	ATF_CHECK_EQ(0, f.f_receives);
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_fill(f.f_tcp, buf, 6, &n));
	peer_write(&f, "cdefgh", 6);
	receives(&f, 1);
	ATF_CHECK_EQ(8, securetcp_receive_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 6, &n));
	ATF_REQUIRE_EQ(6, n);
	ATF_CHECK_EQ(0, memcmp(buf, "abcdef", 6));
	ATF_CHECK_EQ(2, securetcp_receive_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, sizeof(buf), &n));
	ATF_CHECK_EQ(2, n);
	ATF_CHECK_STREQ(UP, f.f_events);
	finish(&f);
}

CASE(fill_large, "fill of many records, as large as the limit and not more")
{
	static char	 out[100000], in[100000];
	struct fixture	 f;
	size_t		 i, n;
	int		 error;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 13 + i / 251);
	up(&f);
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_fill(f.f_tcp, in, 65537,
	    &n));
	ATF_CHECK_EQ(ptOk, securetcp_set_receive_limit(f.f_tcp, 100000));
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_fill(f.f_tcp, in, 100001,
	    &n));
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_fill(f.f_tcp, in, 100000,
	    &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_set_receive_limit(f.f_tcp, 16384));
	peer_write(&f, out, sizeof(out));
	while ((error = securetcp_fill(f.f_tcp, in, sizeof(in), &n)) ==
	    SECURETCP_AGAIN)
		fixture_turn(&f, 0);
	ATF_CHECK_EQ(ptOk, error);
	ATF_CHECK_EQ(sizeof(in), n);
	ATF_CHECK_EQ(0, memcmp(in, out, sizeof(in)));
	finish(&f);
}

CASE(search, "search: a token split over records, byte by byte; Receive "
    "once it is there; two of them at once")
{
	static const char	 line[] = "GET / HTTP/1.1\r\n\r\n";
	struct fixture		 f;
	char			 buf[64];
	size_t			 i, n;

	up(&f);
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_search(f.f_tcp, buf,
	    sizeof(buf), "\r\n\r\n", 4, &n));
	for (i = 0; i < sizeof(line) - 1; i++) {
		ATF_CHECK_EQ(0, f.f_receives);
		peer_write(&f, line + i, 1);
		while (securetcp_receive_count(f.f_tcp) <= i)
			fixture_turn(&f, 0);
	}
	ATF_CHECK_EQ(1, f.f_receives);
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n\r\n", 4, &n));
	ATF_REQUIRE_EQ(sizeof(line) - 1, n);
	ATF_CHECK_EQ(0, memcmp(buf, line, n));

	peer_write(&f, "one;two;thr", 11);
	while (securetcp_search(f.f_tcp, buf, sizeof(buf), ";", 1, &n) ==
	    SECURETCP_AGAIN)
		fixture_turn(&f, 0);
	ATF_REQUIRE_EQ(4, n);
	ATF_CHECK_EQ(0, memcmp(buf, "one;", 4));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf), ";",
	    1, &n));
	ATF_REQUIRE_EQ(4, n);
	ATF_CHECK_EQ(0, memcmp(buf, "two;", 4));
	/* Another token is looked for from the beginning. */
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_search(f.f_tcp, buf,
	    sizeof(buf), ";", 1, &n));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf), "h",
	    1, &n));
	ATF_REQUIRE_EQ(2, n);
	ATF_CHECK_EQ(0, memcmp(buf, "th", 2));
	finish(&f);
}

CASE(search_limit, "no token within the buffer, or the limit: "
    "ptNoBufferSpace, and the bytes stay")
{
	static char	 out[20000], in[20000];
	struct fixture	 f;
	size_t		 n;

	memset(out, 'x', sizeof(out));
	up(&f);
	peer_write(&f, "abcdefgh;", 9);
	while (securetcp_search(f.f_tcp, in, 8, ";", 1, &n) ==
	    SECURETCP_AGAIN)
		fixture_turn(&f, 0);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_search(f.f_tcp, in, 8, ";",
	    1, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_EQ(9, securetcp_receive_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, in, 9, ";", 1, &n));
	ATF_CHECK_EQ(9, n);
	/* An armed one wakes when it is known to be in vain. */
	ATF_CHECK_EQ(ptOk, securetcp_set_receive_limit(f.f_tcp, 16384));
	f.f_receives = 0;
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_search(f.f_tcp, in,
	    sizeof(in), ";", 1, &n));
	peer_write(&f, out, sizeof(out));
	receives(&f, 1);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_search(f.f_tcp, in,
	    sizeof(in), ";", 1, &n));
	ATF_CHECK_EQ(16384, securetcp_receive_count(f.f_tcp));
	ATF_CHECK_EQ(sizeof(out), object_read(&f, in, sizeof(out)));
	ATF_CHECK_STREQ(UP, f.f_events);
	finish(&f);
}

CASE(ends, "the end before a fill or search is satisfied: Receive, then 0 "
    "bytes; the rest can be received, then closed")
{
	struct fixture	 f;
	char		 buf[16];
	size_t		 n = 9;

	up(&f);
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_search(f.f_tcp, buf, 16, ";",
	    1, &n));
	peer_write(&f, "abc", 3);
	peer_notify(&f);
	receives(&f, 1);
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, 16, ";", 1, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 4, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 3, &n));
	ATF_REQUIRE_EQ(3, n);
	ATF_CHECK_EQ(0, memcmp(buf, "abc", 3));
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(0, n);
	fixture_expect(&f, UP DOWN);
	finish(&f);
}

CASE(parameters, "parameters that cannot be; the states that do not allow "
    "it: nothing changes")
{
	struct fixture	 f;
	char		 buf[4];
	size_t		 n;

	begin(&f);
	ATF_CHECK_EQ(ptNotConnected, securetcp_fill(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(ptNotConnected, securetcp_search(f.f_tcp, buf, 1, "x",
	    1, &n));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_fill(f.f_tcp, NULL, 1, &n));
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_fill(f.f_tcp, buf, 0, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_fill(f.f_tcp, buf, 1, NULL));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_search(f.f_tcp, NULL, 1, "x",
	    1, &n));
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_search(f.f_tcp, buf, 0, "x",
	    1, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_search(f.f_tcp, buf, 1, NULL,
	    1, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_search(f.f_tcp, buf, 1, "x",
	    0, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_search(f.f_tcp, buf, 1, "xy",
	    2, &n));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_search(f.f_tcp, buf, 1, "x",
	    1, NULL));
	ATF_CHECK_STREQ("", f.f_events);
	dial(&f);
	ATF_CHECK_EQ(ptNotConnected, securetcp_fill(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
	ATF_CHECK_EQ(ptNotConnected, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1, &n));
	ATF_CHECK_STREQ("S(connecting)", f.f_events);
	finish(&f);
}

/* Handlers that end a client. */

static int
alive(const struct fixture *f)
{
	return (!f->f_gone && securetcp_state(f->f_tcp) != SECURETCP_CLOSED);
}

/* Handshake, a word from the peer, then its end or its reset. */
static void
play(struct fixture *f, int reset)
{
	dial(f);
	fixture_handshake(f);
	if (!alive(f))
		return;
	peer_write(f, "hello", 5);
	while (alive(f) && securetcp_bytes_in(f->f_tcp) < 5)
		fixture_turn(f, 0);
	if (!alive(f))
		return;
	if (reset)
		peer_reset(f);
	else
		peer_notify(f);
	while (alive(f))
		fixture_turn(f, 0);
}

/* At each event in turn; what came after it must be what it brings about. */
static void
everywhere(enum act how)
{
	struct fixture	 f;
	int		 reset, when;

	for (reset = 0; reset < 2; reset++) {
		for (when = 1;; when++) {
			begin(&f);
			act_at(&f, how, when);
			/* The first event comes inside connect. */
			if (when == 1 && how != ACT_CLOSE) {
				uint16_t	 port;
				int		 fd;

				fd = fixture_listen("127.0.0.1", &port);
				ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(
				    f.f_tcp, 0));
				ATF_CHECK_EQ(ptAbort, securetcp_connect(
				    f.f_tcp, "127.0.0.1", port));
				(void)close(fd);
			} else
				play(&f, reset);
			if (act_ends)
				ATF_CHECK_STREQ(act_expected, f.f_events);
			else
				ATF_CHECK_STREQ(reset ? UP
				    " E(ptConnectionReset)" DOWN : UP DOWN,
				    f.f_events);
			fixture_close(&f);
			if (!act_done)
				break;
		}
		/* connecting, A, connected, Receive, [E,] closing, closed */
		ATF_CHECK_EQ(reset ? 8 : 7, when);
	}
	pki_free(&leaf);
	pki_free(&root);
}

CASE(handlers_close, "close from inside each handler of a client")
{
	everywhere(ACT_CLOSE);
}

CASE(handlers_abort, "abort from inside each handler of a client")
{
	everywhere(ACT_ABORT);
}

CASE(handlers_free, "free from inside each handler of a client")
{
	everywhere(ACT_FREE);
}

/* The queue is full; the peer reads until all has come, or the end. */
static void
sent(enum act how, const char *events)
{
	static char	 big[1024 * 1024];
	struct fixture	 f;
	size_t		 n, total = 0;

	begin(&f);
	dial(&f);
	fixture_handshake(&f);
	fixture_expect(&f, UP);
	do {
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, big,
		    sizeof(big), &n));
		total += n;
	} while (n != 0);
	act_at(&f, how, 1);
	while ((n = peer_read(&f, big, 4096)) != 0)
		total -= n;
	ATF_CHECK(act_done);
	ATF_CHECK_EQ(1, f.f_sends);
	ATF_CHECK_EQ(SECURETCP_CONNECTED, act_state);
	ATF_CHECK_STREQ(events, f.f_events);
	if (how == ACT_CLOSE)
		ATF_CHECK_EQ(0, total);
	fixture_close(&f);
}

CASE(handlers_send, "the same from inside Send: a close goes on to flush")
{
	sent(ACT_CLOSE, UP DOWN);
	sent(ACT_ABORT, UP " E(ptAbort)" DOWN);
	sent(ACT_FREE, UP);
	pki_free(&leaf);
	pki_free(&root);
}

/* From outside, in each of the states. */
static void
take_to(struct fixture *f, enum securetcp_state state)
{
	begin(f);
	if (state == SECURETCP_CLOSED)
		return;
	dial(f);
	if (state == SECURETCP_CONNECTING)
		return;
	fixture_handshake(f);
	fixture_expect(f, UP);
	if (state == SECURETCP_CONNECTED)
		return;
	peer_write(f, "unread", 6);
	peer_notify(f);
	fixture_expect(f, UP " S(closing)");
}

CASE(states, "close, abort and free in each of the four states")
{
	static const char *const	 aborted[] = {
		"",
		"S(connecting) E(ptAbort)" DOWN,
		UP " E(ptAbort)" DOWN,
		UP " S(closing) E(ptAbort) S(closed)"
	};
	struct fixture			 f;
	char				 before[512];
	int				 state;

	for (state = SECURETCP_CLOSED; state <= SECURETCP_CLOSING; state++) {
		take_to(&f, (enum securetcp_state)state);
		(void)strlcpy(before, f.f_events, sizeof(before));
		if (state == SECURETCP_CONNECTED) {
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
			ATF_CHECK_STREQ(UP DOWN, f.f_events);
		} else {
			ATF_CHECK_EQ(ptNotConnected,
			    securetcp_close(f.f_tcp));
			ATF_CHECK_STREQ(before, f.f_events);
		}
		fixture_close(&f);
		take_to(&f, (enum securetcp_state)state);
		ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
		ATF_CHECK_STREQ(aborted[state], f.f_events);
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		fixture_close(&f);
		take_to(&f, (enum securetcp_state)state);
		(void)strlcpy(before, f.f_events, sizeof(before));
		securetcp_free(f.f_tcp);
		f.f_gone = 1;
		ATF_CHECK_STREQ(before, f.f_events);
		fixture_close(&f);
	}
	pki_free(&leaf);
	pki_free(&root);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, fill);
	ATF_TP_ADD_TC(tp, fill_large);
	ATF_TP_ADD_TC(tp, search);
	ATF_TP_ADD_TC(tp, search_limit);
	ATF_TP_ADD_TC(tp, ends);
	ATF_TP_ADD_TC(tp, parameters);
	ATF_TP_ADD_TC(tp, handlers_close);
	ATF_TP_ADD_TC(tp, handlers_abort);
	ATF_TP_ADD_TC(tp, handlers_free);
	ATF_TP_ADD_TC(tp, handlers_send);
	ATF_TP_ADD_TC(tp, states);
	return (atf_no_error());
}
