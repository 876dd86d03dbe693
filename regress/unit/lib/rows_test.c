/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The rows of SECURETCP.md once a connection is up, the exact sequence of
 * events of each: the object as a client of openssl s_server and as a server
 * of openssl s_client, with libtls in their place, in TLS 1.2 and 1.3.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "act.h"
#include "fixture.h"
#include "partner.h"
#include "world.h"

#define CONNECTING	WORLD_CONNECTING
#define UP		WORLD_UP
#define DOWN		WORLD_DOWN
#define RESET		" E(ptConnectionReset)"

/* Says the same forwards and backwards. */
#define TEXT		"level\n"
#define TEXTLEN		6

static struct partner	 partner;

/* The peer sends TEXT; it ends its direction. */
static void
give(struct fixture *f, const struct world *w)
{
	if (w->w_server)
		partner_say(&partner, TEXT);
	else
		object_write(f, TEXT, TEXTLEN);
}

static void
end(struct fixture *f, const struct world *w)
{
	if (w->w_server)
		partner_say(&partner, "Q\n");
	else
		object_write(f, "CLOSE\n", 6);
}

/* Both sides have had all that the other one sent. */
static void
talk(struct fixture *f, const struct world *w)
{
	char	 buf[TEXTLEN];

	give(f, w);
	ATF_REQUIRE_EQ(TEXTLEN, object_read(f, buf, TEXTLEN));
	ATF_CHECK_EQ(0, memcmp(buf, TEXT, TEXTLEN));
}

/* More is asked for than will come: it waits, also for the end. */
static void
leave_unread(struct fixture *f, const struct world *w)
{
	char	 buf[100];
	size_t	 n;

	ATF_REQUIRE_EQ(SECURETCP_AGAIN, securetcp_fill(f->f_tcp, buf,
	    sizeof(buf), &n));
	give(f, w);
	while (securetcp_receive_count(f->f_tcp) < TEXTLEN)
		fixture_turn(f, 0);
	ATF_CHECK_EQ(0, f->f_receives);
}

/* Asks for more: what comes next is the end, now or by an event. */
static void
listen_on(struct fixture *f)
{
	char	 c;
	size_t	 n;

	(void)securetcp_receive(f->f_tcp, &c, 1, &n);
	ATF_CHECK_EQ(0, n);
}

ROW(end_unread, "the peer ends its direction, data unread: closing; the "
    "data stays readable; the read that gives the end gives closed")
{
	struct fixture	 f;
	struct world	 w;
	char		 buf[16];
	size_t		 n;

	partner_begin(tc);
	WORLD_EACH(w) {
		world_up(&f, &partner, &w);
		leave_unread(&f, &w);
		end(&f, &w);
		fixture_expect(&f, UP " S(closing)");
		ATF_CHECK_EQ(1, f.f_receives);
		ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1,
		    &n));
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 2, &n));
		ATF_CHECK_EQ(2, n);
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf + 2, 14,
		    &n));
		ATF_CHECK_EQ(TEXTLEN - 2, n);
		ATF_CHECK_EQ(0, memcmp(buf, TEXT, TEXTLEN));
		ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
		ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 16, &n));
		ATF_CHECK_EQ(0, n);
		fixture_expect(&f, UP DOWN);
		ATF_CHECK_STREQ("", f.f_reason);
		ATF_CHECK(!securetcp_truncated(f.f_tcp));
		world_down(&f, &partner);
	}
	partner_end();
}

ROW(end_read, "the peer ends its direction, nothing unread: closing, closed")
{
	struct fixture	 f;
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH(w) {
		world_up(&f, &partner, &w);
		talk(&f, &w);
		end(&f, &w);
		listen_on(&f);
		fixture_expect(&f, UP DOWN);
		ATF_CHECK_STREQ("", f.f_reason);
		ATF_CHECK(!securetcp_truncated(f.f_tcp));
		world_down(&f, &partner);
	}
	partner_end();
}

/* It would leave half a second after its end. */
static void
hold(struct fixture *f, enum securetcp_state state)
{
	(void)f;
	if (state == SECURETCP_CLOSING)
		partner_stop(&partner);
}

ROW(end_half, "the same with half-close on: closing; data readable, sending "
    "legal; closed after shutdown or close of our side")
{
	struct fixture	 f;
	struct world	 w;
	char		 buf[16];
	size_t		 n;
	int		 how;

	partner_begin(tc);
	for (how = 0; how < 2; how++) {
		WORLD_EACH(w) {
			world_up(&f, &partner, &w);
			ATF_REQUIRE_EQ(ptOk, securetcp_set_half_close(f.f_tcp,
			    1));
			leave_unread(&f, &w);
			f.f_on_state = hold;
			end(&f, &w);
			fixture_expect(&f, UP " S(closing)");
			ATF_CHECK_EQ(TEXTLEN, object_read(&f, buf, 16));
			object_write(&f, "answer\n", 7);
			ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1,
			    &n));
			ATF_CHECK_EQ(0, n);
			ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
			ATF_CHECK_EQ(ptOk, how == 0 ?
			    securetcp_shutdown(f.f_tcp) :
			    securetcp_close(f.f_tcp));
			fixture_expect(&f, UP DOWN);
			world_down(&f, &partner);
		}
	}
	partner_end();
}

ROW(half_ours, "our end first: no event, and not closed before the peer's "
    "end was read")
{
	struct fixture	 f;
	struct world	 w;
	size_t		 n;

	partner_begin(tc);
	WORLD_EACH(w) {
		world_up(&f, &partner, &w);
		ATF_REQUIRE_EQ(ptOk, securetcp_set_half_close(f.f_tcp, 1));
		talk(&f, &w);
		ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
		ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp, "x", 1,
		    &n));
		ATF_CHECK_STREQ(UP, f.f_events);
		listen_on(&f);
		fixture_expect(&f, UP DOWN);
		world_down(&f, &partner);
	}
	partner_end();
}

ROW(reset, "the peer resets: ptConnectionReset, closing, closed")
{
	struct fixture	 f;
	struct world	 w;

	if (!fixture_resets())
		atf_tc_skip("what dies with data unread is not reset here");
	partner_begin(tc);
	WORLD_EACH(w) {
		world_up(&f, &partner, &w);
		talk(&f, &w);
		partner_stop(&partner);
		object_write(&f, "unread\n", 7);
		partner_kill(&partner);
		fixture_expect(&f, UP RESET DOWN);
		fixture_reason(&f, strerror(ECONNRESET));
		world_down(&f, &partner);
	}
	partner_end();
}

/* LibreSSL says nothing of a record of TLS 1.3 that it cannot open. */
static int
mac_is_told(const struct world *w)
{
	return (w->w_version == TLS1_2_VERSION ||
	    !partner_libressl(w->w_kind));
}

ROW(alert, "the peer's fatal alert: ptProtocol, closing, closed; the reason "
    "names it")
{
	static const uint8_t	 large[] = { 23, 3, 3, 0x48, 1, 0 };
	static const uint8_t	 junk[] = { 23, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6,
	    7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	    24, 25, 26, 27, 28, 29, 30, 31, 32 };
	struct fixture		 f;
	struct world		 w;
	int			 told;

	partner_begin(tc);
	WORLD_EACH(w) {
		world_up(&f, &partner, &w);
		talk(&f, &w);
		listen_on(&f);
		told = mac_is_told(&w);
		ATF_REQUIRE(send(securetcp_socket(f.f_tcp), told ? junk :
		    large, told ? sizeof(junk) : sizeof(large), 0) > 0);
		fixture_expect(&f, UP " E(ptProtocol)" DOWN);
		ATF_CHECK_STREQ(told ? "peer's alert: bad record mac" :
		    "peer's alert: record overflow", f.f_reason);
		world_down(&f, &partner);
	}
	partner_end();
}

ROW(truncated, "no close_notify at the end of data: no error; the reason "
    "of the closing says so")
{
	struct fixture	 f;
	struct world	 w;
	char		 buf[16];

	partner_begin(tc);
	WORLD_EACH(w) {
		world_up(&f, &partner, &w);
		talk(&f, &w);
		partner_kill(&partner);
		listen_on(&f);
		fixture_expect(&f, UP DOWN);
		fixture_reason(&f, "truncated");
		ATF_CHECK(securetcp_truncated(f.f_tcp));
		world_down(&f, &partner);

		world_up(&f, &partner, &w);
		leave_unread(&f, &w);
		partner_kill(&partner);
		fixture_expect(&f, UP " S(closing)");
		fixture_reason(&f, "truncated");
		ATF_CHECK_EQ(TEXTLEN, object_read(&f, buf, 16));
		fixture_expect(&f, UP DOWN);
		ATF_CHECK(securetcp_truncated(f.f_tcp));
		world_down(&f, &partner);
	}
	partner_end();
}

/* From outside, in each of the states. */
static void
take_to(struct fixture *f, const struct world *w, enum securetcp_state state)
{
	if (state == SECURETCP_CLOSED)
		world_open(f, w);
	else if (state == SECURETCP_CONNECTING) {
		world_open(f, w);
		world_meet(f, &partner, w);
	} else
		world_up(f, &partner, w);
	if (state == SECURETCP_CLOSING) {
		leave_unread(f, w);
		end(f, w);
		fixture_expect(f, UP " S(closing)");
	}
	ATF_REQUIRE_EQ(state, securetcp_state(f->f_tcp));
}

static const char *const	 states[] = {
	"", CONNECTING, UP, UP " S(closing)"
};

#define EACH_STATE(state)						\
	for (state = SECURETCP_CLOSED; state <= SECURETCP_CLOSING; state++)

ROW(close, "close in each state: closing, closed when connected; otherwise "
    "ptNotConnected, and nothing changes")
{
	struct fixture	 f;
	struct world	 w;
	int		 state;

	partner_begin(tc);
	WORLD_EACH(w) {
		EACH_STATE(state) {
			take_to(&f, &w, (enum securetcp_state)state);
			if (state == SECURETCP_CONNECTED) {
				ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
				fixture_expect(&f, UP DOWN);
				ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
			} else {
				ATF_CHECK_EQ(ptNotConnected,
				    securetcp_close(f.f_tcp));
				ATF_CHECK_STREQ(states[state], f.f_events);
			}
			world_down(&f, &partner);
		}
	}
	partner_end();
}

ROW(abort, "abort in each state: ptAbort, closing unless there, closed on "
    "return; no event when closed")
{
	static const char *const	 after[] = {
		"", CONNECTING " E(ptAbort)" DOWN, UP " E(ptAbort)" DOWN,
		UP " S(closing) E(ptAbort) S(closed)"
	};
	struct fixture			 f;
	struct world			 w;
	int				 state;

	partner_begin(tc);
	WORLD_EACH(w) {
		EACH_STATE(state) {
			take_to(&f, &w, (enum securetcp_state)state);
			ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
			ATF_CHECK_STREQ(after[state], f.f_events);
			ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
			ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
			ATF_CHECK_STREQ(after[state], f.f_events);
			world_down(&f, &partner);
		}
	}
	partner_end();
}

ROW(free, "free in each state: no event, and the peer loses its connection")
{
	struct fixture	 f;
	struct world	 w;
	int		 state;

	partner_begin(tc);
	WORLD_EACH(w) {
		EACH_STATE(state) {
			take_to(&f, &w, (enum securetcp_state)state);
			securetcp_free(f.f_tcp);
			f.f_gone = 1;
			ATF_CHECK_STREQ(states[state], f.f_events);
			world_down(&f, &partner);
		}
	}
	partner_end();
}

ROW(wrong_state, "a method in the wrong state: ptNotConnected or "
    "ptConnected, and nothing changes")
{
	struct fixture	 f;
	struct world	 w;
	char		 buf[4];
	size_t		 n;
	int		 state;

	partner_begin(tc);
	WORLD_EACH(w) {
		EACH_STATE(state) {
			if (state == SECURETCP_CONNECTED)
				continue;
			take_to(&f, &w, (enum securetcp_state)state);
			ATF_CHECK_EQ(ptNotConnected, securetcp_send(f.f_tcp,
			    "x", 1, &n));
			ATF_CHECK_EQ(ptNotConnected,
			    securetcp_shutdown(f.f_tcp));
			ATF_CHECK_EQ(ptNotConnected, securetcp_verdict(
			    f.f_tcp, 1));
			if (state != SECURETCP_CLOSING) {
				ATF_CHECK_EQ(ptNotConnected,
				    securetcp_receive(f.f_tcp, buf, 1, &n));
				ATF_CHECK_EQ(ptNotConnected,
				    securetcp_fill(f.f_tcp, buf, 1, &n));
				ATF_CHECK_EQ(ptNotConnected,
				    securetcp_search(f.f_tcp, buf, 1, "x", 1,
				    &n));
			}
			if (state != SECURETCP_CLOSED) {
				ATF_CHECK_EQ(ptConnected,
				    securetcp_set_socket(f.f_tcp, 0));
				ATF_CHECK_EQ(ptConnected, securetcp_connect(
				    f.f_tcp, "127.0.0.1", 1));
				ATF_CHECK_EQ(ptConnected,
				    securetcp_connect_socket(f.f_tcp, 0,
				    NULL));
			}
			ATF_CHECK_STREQ(states[state], f.f_events);
			world_down(&f, &partner);
		}
	}
	partner_end();
}

static int
alive(const struct fixture *f)
{
	return (!f->f_gone && securetcp_state(f->f_tcp) != SECURETCP_CLOSED);
}

/* A word from the peer, then its end or its reset; as far as it comes. */
static void
play(struct fixture *f, const struct world *w, int reset)
{
	world_meet(f, &partner, w);
	while (alive(f) && securetcp_state(f->f_tcp) == SECURETCP_CONNECTING)
		fixture_turn(f, 0);
	if (!alive(f))
		return;
	give(f, w);
	while (alive(f) && securetcp_bytes_in(f->f_tcp) < TEXTLEN)
		fixture_turn(f, 0);
	if (!alive(f))
		return;
	if (reset) {
		partner_stop(&partner);
		object_write(f, "unread\n", 7);
		partner_kill(&partner);
	} else
		end(f, w);
	while (alive(f))
		fixture_turn(f, 0);
}

/* At each event in turn, and what came of it. */
static void
everywhere(const atf_tc_t *tc, enum act how)
{
	struct fixture	 f;
	struct world	 w;
	int		 reset, when;

	partner_begin(tc);
	WORLD_EACH(w) {
		for (reset = 0; reset <= fixture_resets(); reset++) {
			for (when = 1;; when++) {
				world_open(&f, &w);
				act_at(&f, how, when);
				play(&f, &w, reset);
				if (act_ends)
					fixture_expect(&f, act_expected);
				else
					fixture_expect(&f, reset ?
					    UP RESET DOWN : UP DOWN);
				world_down(&f, &partner);
				if (!act_done)
					break;
			}
			/*
			 * Connecting, Authenticate, connected, Receive,
			 * perhaps Error, closing, closed.
			 */
			ATF_CHECK_EQ(reset ? 8 : 7, when);
		}
	}
	partner_end();
}

ROW(handlers_close, "close from inside each handler")
{
	everywhere(tc, ACT_CLOSE);
}

ROW(handlers_abort, "abort from inside each handler")
{
	everywhere(tc, ACT_ABORT);
}

ROW(handlers_free, "free from inside each handler")
{
	everywhere(tc, ACT_FREE);
}

static char	 big[4 * 1024 * 1024];

static int
call(struct securetcp *tcp, int which)
{
	char	 buf[16];
	size_t	 n;
	int	 error;

	switch (which) {
	case 0:
		return (securetcp_receive(tcp, buf, 1, &n));
	case 1:
		return (securetcp_fill(tcp, buf, 16, &n));
	case 2:
		return (securetcp_search(tcp, buf, 16, "x", 1, &n));
	default:
		/* How much the kernels take is theirs to say. */
		do
			error = securetcp_send(tcp, big, sizeof(big), &n);
		while (error == ptOk);
		return (error);
	}
}

ROW(timeouts, "a call that blocks exceeds the timeout: closing, closed, "
    "ptTimeout, no Error; the object can be used again")
{
	struct fixture	 f;
	struct world	 w;
	int		 which;

	partner_begin(tc);
	WORLD_EACH(w) {
		for (which = 0; which < 4; which++) {
			world_up(&f, &partner, &w);
			talk(&f, &w);
			partner_stop(&partner);
			ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp,
			    30));
			ATF_CHECK_EQ(ptTimeout, call(f.f_tcp, which));
			fixture_expect(&f, UP DOWN);
			fixture_reason(&f, "took longer than 30 ms");
			ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
			partner_kill(&partner);
			ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp,
			    0));
			f.f_events[0] = '\0';
			world_meet(&f, &partner, &w);
			fixture_expect(&f, UP);
			world_down(&f, &partner);
		}
	}
	partner_end();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, end_unread);
	ATF_TP_ADD_TC(tp, end_read);
	ATF_TP_ADD_TC(tp, end_half);
	ATF_TP_ADD_TC(tp, half_ours);
	ATF_TP_ADD_TC(tp, reset);
	ATF_TP_ADD_TC(tp, alert);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, abort);
	ATF_TP_ADD_TC(tp, free);
	ATF_TP_ADD_TC(tp, wrong_state);
	ATF_TP_ADD_TC(tp, handlers_close);
	ATF_TP_ADD_TC(tp, handlers_abort);
	ATF_TP_ADD_TC(tp, handlers_free);
	ATF_TP_ADD_TC(tp, timeouts);
	return (atf_no_error());
}
