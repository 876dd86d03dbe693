/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Handlers that end the connection under a call that blocks. */

#include <sys/types.h>

#include <poll.h>
#include <string.h>

#include <atf-c.h>

#include "compat.h"
#include "act.h"
#include "fixture.h"
#include "lookup.h"
#include "served.h"

#define CONNECTING	SERVED_CONNECTING
#define UP		SERVED_UP
#define DOWN		SERVED_DOWN
#define RESET		" E(ptConnectionReset)"
#define LOST		" S(closing)" RESET " S(closed)"
#define QUIET		50	/* ms in which nothing moves any more */

/* The calls that block, on a connection that is up. */
enum call {
	CALL_RECEIVE,
	CALL_FILL,
	CALL_SEARCH,
	CALL_SEND,
	CALL_SHUTDOWN,
	CALL_CLOSE,
	CALL_COUNT
};

static const char *const	 calls[CALL_COUNT] = {
	"receive", "fill", "search", "send", "shutdown", "close"
};
static const char *const	 acts[ACT_COUNT] = {
	"close", "abort", "free"
};
static char			 big[SERVED_LOTS];

static int
call(struct securetcp *tcp, enum call which)
{
	char	 buf[16];
	size_t	 n;
	int	 error;

	switch (which) {
	case CALL_RECEIVE:
		return (securetcp_receive(tcp, buf, sizeof(buf), &n));
	case CALL_FILL:
		return (securetcp_fill(tcp, buf, 4, &n));
	case CALL_SEARCH:
		return (securetcp_search(tcp, buf, sizeof(buf), "x", 1, &n));
	case CALL_SEND:
		/* How much the kernels take is theirs to say. */
		do
			error = securetcp_send(tcp, big, sizeof(big), &n);
		while (error == ptOk);
		return (error);
	case CALL_SHUTDOWN:
		return (securetcp_shutdown(tcp));
	default:
		return (securetcp_close(tcp));
	}
}

/*
 * Until the kernels take no more, however they let their buffers grow; poll
 * says that they do not long before.
 */
static void
flood(struct fixture *f)
{
	struct pollfd	 pfd;
	size_t		 n;
	int		 timeout;

	do {
		do
			ATF_REQUIRE_EQ(ptOk, securetcp_send(f->f_tcp, big,
			    sizeof(big), &n));
		while (n != 0);
		n = securetcp_send_count(f->f_tcp);
		ATF_REQUIRE_EQ(1, securetcp_pollfds(f->f_tcp, &pfd, 1,
		    &timeout));
		pfd.events = POLLOUT;
		(void)poll(&pfd, 1, QUIET);
		pfd.revents = POLLOUT;
		(void)securetcp_dispatch(f->f_tcp, &pfd, 1);
	} while (securetcp_send_count(f->f_tcp) < n);
}

/* Shutdown and close have something to wait for only with a full queue. */
static void
prepare(struct fixture *f, enum call which, int timeout)
{
	if (which == CALL_SHUTDOWN || which == CALL_CLOSE) {
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, 0));
		flood(f);
	}
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, timeout));
}

/*
 * At each event in turn that the call brings about; natural and result are
 * what would come of it otherwise, the others what it returns when a handler
 * freed or aborted the object before it was closed: ptAbort, unless the call
 * had its result by then.
 */
static void
everywhere(enum call which, enum act how, void (*script)(SSL *, int),
    int timeout, const char *natural, int result, int freed, int aborted)
{
	struct fixture	 f;
	int		 error, expected, when;

	for (when = 1;; when++) {
		served_begin(&f);
		served_start(script);
		ATF_REQUIRE_EQ(ptOk, served_dial(&f));
		prepare(&f, which, timeout);
		act_at(&f, how, when);
		served_tell();
		error = call(f.f_tcp, which);
		expected = result;
		if (act_ends && how != ACT_CLOSE && act_state !=
		    SECURETCP_CLOSED)
			expected = how == ACT_FREE ? freed : aborted;
		/* Closing is told before there is anything to wait for. */
		if (which == CALL_CLOSE && when == 1 && how != ACT_CLOSE)
			expected = ptAbort;
		ATF_CHECK_EQ_MSG(expected, error, "%s, %s at %d: %d",
		    calls[which], acts[how], when, error);
		ATF_CHECK_STREQ_MSG(act_ends ? act_expected : natural,
		    f.f_events, "%s, %s at %d: %s", calls[which], acts[how],
		    when, f.f_events);
		if (!f.f_gone)
			ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		served_finish(&f);
		if (!act_done)
			break;
	}
	ATF_CHECK(when > 2);
}

static void
all(enum call which, void (*script)(SSL *, int), int timeout,
    const char *natural, int result, int freed, int aborted)
{
	int	 how;

	for (how = 0; how < ACT_COUNT; how++)
		everywhere(which, (enum act)how, script, timeout, natural,
		    result, freed, aborted);
}

CASE(receive, "close, abort and free from each handler under a receive that "
    "meets a reset, an end, or its timeout")
{
	all(CALL_RECEIVE, script_reset_told, 30000, UP RESET DOWN,
	    ptConnectionReset, ptConnectionReset, ptConnectionReset);
	all(CALL_RECEIVE, script_end_told, 30000, UP DOWN, ptOk, ptOk, ptOk);
	all(CALL_RECEIVE, script_nothing, 50, UP DOWN, ptTimeout,
	    ptTimeout, ptTimeout);
}

CASE(fill, "the same under a fill")
{
	all(CALL_FILL, script_reset_told, 30000, UP RESET DOWN,
	    ptConnectionReset, ptConnectionReset, ptConnectionReset);
	all(CALL_FILL, script_end_told, 30000, UP DOWN, ptOk, ptOk, ptOk);
	all(CALL_FILL, script_nothing, 50, UP DOWN, ptTimeout,
	    ptTimeout, ptTimeout);
}

CASE(search, "the same under a search")
{
	all(CALL_SEARCH, script_reset_told, 30000, UP RESET DOWN,
	    ptConnectionReset, ptConnectionReset, ptConnectionReset);
	all(CALL_SEARCH, script_end_told, 30000, UP DOWN, ptOk, ptOk, ptOk);
	all(CALL_SEARCH, script_nothing, 50, UP DOWN, ptTimeout,
	    ptTimeout, ptTimeout);
}

CASE(send, "the same under a send that meets a reset or its timeout")
{
	all(CALL_SEND, script_reset_told, 30000, UP RESET DOWN,
	    ptConnectionReset, ptConnectionReset, ptAbort);
	all(CALL_SEND, script_nothing, 50, UP DOWN, ptTimeout, ptTimeout,
	    ptTimeout);
}

CASE(shutdown, "the same under a shutdown that has a queue to send")
{
	all(CALL_SHUTDOWN, script_reset_told, 30000, UP RESET DOWN,
	    ptConnectionReset, ptConnectionReset, ptAbort);
	all(CALL_SHUTDOWN, script_nothing, 50, UP DOWN, ptTimeout, ptTimeout,
	    ptTimeout);
}

CASE(close, "the same under a close that has a queue to send")
{
	all(CALL_CLOSE, script_reset_told, 30000, UP LOST, ptConnectionReset,
	    ptConnectionReset, ptAbort);
	all(CALL_CLOSE, script_nothing, 50, UP DOWN, ptTimeout, ptAbort,
	    ptAbort);
}

static unsigned int	 seen;

static void
nosy_state(struct fixture *f, enum securetcp_state state)
{
	(void)state;
	seen++;
	served_blocked(f);
}

static void
nosy_error(struct fixture *f, int error)
{
	(void)error;
	seen++;
	served_blocked(f);
}

CASE(blocked, "from the handlers under each call that blocks every other "
    "call gets ptBlocked, and nothing changes")
{
	struct fixture	 f;
	int		 which;

	for (which = 0; which < CALL_COUNT; which++) {
		served_begin(&f);
		served_start(script_reset_told);
		ATF_REQUIRE_EQ(ptOk, served_dial(&f));
		prepare(&f, (enum call)which, 30000);
		f.f_on_state = nosy_state;
		f.f_on_error = nosy_error;
		seen = 0;
		served_tell();
		ATF_CHECK_EQ(ptConnectionReset, call(f.f_tcp,
		    (enum call)which));
		ATF_CHECK_STREQ(which == CALL_CLOSE ? UP LOST :
		    UP RESET DOWN, f.f_events);
		ATF_CHECK_EQ(3, seen);
		ATF_CHECK_EQ(0, securetcp_blocked(f.f_tcp));
		ATF_CHECK_EQ(30000, securetcp_timeout(f.f_tcp));
		served_finish(&f);
	}
}

/* Under a connect: the first events of a connection. */
static void
under_connect(enum act how, int when, int error, const char *events)
{
	struct fixture	 f;

	served_begin(&f);
	served_start(script_echo);
	act_at(&f, how, when);
	ATF_CHECK_EQ(error, served_dial(&f));
	ATF_CHECK(act_done);
	ATF_CHECK_STREQ(events, f.f_events);
	served_finish(&f);
}

CASE(connect, "close, abort and free from State and Authenticate under a "
    "connect that goes well: ptAbort when that ended it")
{
	under_connect(ACT_FREE, 1, ptAbort, CONNECTING);
	under_connect(ACT_FREE, 2, ptAbort, CONNECTING " A(11111)");
	under_connect(ACT_FREE, 3, ptAbort, UP);
	under_connect(ACT_ABORT, 1, ptAbort, CONNECTING " E(ptAbort)" DOWN);
	under_connect(ACT_ABORT, 2, ptAbort, CONNECTING " A(11111)"
	    " E(ptAbort)" DOWN);
	under_connect(ACT_ABORT, 3, ptAbort, UP " E(ptAbort)" DOWN);
	under_connect(ACT_CLOSE, 1, ptOk, UP);
	under_connect(ACT_CLOSE, 2, ptOk, UP);
	under_connect(ACT_CLOSE, 3, ptAbort, UP DOWN);
}

/* Connecting, the verdict on another's certificate, closing, closed. */
static void
under_refusal(enum act how, int when, int error, const char *events)
{
	struct fixture	 f;

	served_begin(&f);
	served_start(script_echo);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, "other"));
	act_at(&f, how, when);
	ATF_CHECK_EQ(error, served_dial(&f));
	ATF_CHECK(act_done);
	ATF_CHECK_STREQ(events, f.f_events);
	served_finish(&f);
}

CASE(refusal, "the same under a connect that fails: the failure's number "
    "where it was there before")
{
	under_refusal(ACT_FREE, 2, ptAbort, CONNECTING " A(11101)");
	under_refusal(ACT_FREE, 3, ptAuthentication, CONNECTING
	    " A(11101) S(closing)");
	under_refusal(ACT_FREE, 4, ptAuthentication, CONNECTING
	    " A(11101)" DOWN);
	under_refusal(ACT_ABORT, 2, ptAbort, CONNECTING " A(11101)"
	    " E(ptAbort)" DOWN);
	under_refusal(ACT_ABORT, 3, ptAbort, CONNECTING
	    " A(11101) S(closing) E(ptAbort) S(closed)");
	under_refusal(ACT_ABORT, 4, ptAuthentication, CONNECTING
	    " A(11101)" DOWN);
	under_refusal(ACT_CLOSE, 3, ptAuthentication, CONNECTING
	    " A(11101)" DOWN);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, receive);
	ATF_TP_ADD_TC(tp, fill);
	ATF_TP_ADD_TC(tp, search);
	ATF_TP_ADD_TC(tp, send);
	ATF_TP_ADD_TC(tp, shutdown);
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, blocked);
	ATF_TP_ADD_TC(tp, connect);
	ATF_TP_ADD_TC(tp, refusal);
	return (atf_no_error());
}
