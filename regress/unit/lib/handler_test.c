/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Handlers that close, abort, free or assign anew, wherever they are. */

#include <sys/types.h>
#include <sys/socket.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"

#define UP	"S(connecting) S(connected)"
#define DOWN	" S(closing) S(closed)"

/* How far a connection is taken, and by what it then ends. */
enum story {
	STORY_CLOSE,		/* ours */
	STORY_END,		/* the peer's, after data */
	STORY_RESET,
	STORY_STRANGER,		/* not TLS */
	STORY_SILENT,
	STORY_COUNT
};

static void	 open_p256(struct fixture *);
static void	 play(struct fixture *, enum story);
static void	 act(struct fixture *);
static void	 on_state(struct fixture *, enum securetcp_state);
static void	 on_error(struct fixture *, int);
static void	 on_receive(struct fixture *);
static void	 on_send(struct fixture *);
static void	 everywhere(void (*)(struct fixture *), int);
static void	 do_free(struct fixture *);
static void	 do_abort(struct fixture *);
static void	 do_close(struct fixture *);

static struct key	 key;
static int		 when;		/* which event, counted from 1 */
static int		 now;
static void		(*what)(struct fixture *);

static void
open_p256(struct fixture *f)
{
	struct securetcp_config	*sc;

	/* The peer's own writes are plain ones. */
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	if (key.k_pkey == NULL)
		key_make(&key, KEY_P256, "test", NULL);
	sc = fixture_config(&key, 0, "secure");
	fixture_open(f, sc);
	securetcp_config_free(sc);
}

static void
act(struct fixture *f)
{
	if (++now == when)
		what(f);
}

static void
on_state(struct fixture *f, enum securetcp_state state)
{
	(void)state;
	act(f);
}

static void
on_error(struct fixture *f, int error)
{
	(void)error;
	act(f);
}

static void
on_receive(struct fixture *f)
{
	act(f);
}

static void
on_send(struct fixture *f)
{
	act(f);
}

/* Until the object is closed or gone; what it does not do, it does not. */
static void
play(struct fixture *f, enum story story)
{
	static const char	 big[200000];
	char			 buf[4096];
	size_t			 n, sent = 1;
	int			 fds[2];

	fixture_pair(fds);
	f->f_peer = fds[1];
	(void)securetcp_set_socket(f->f_tcp, fds[0]);
	if (story == STORY_SILENT || story == STORY_STRANGER) {
		if (story == STORY_STRANGER)
			peer_raw(f, "hello world\n", 12);
		else
			peer_close(f);
		while (!f->f_gone && securetcp_socket(f->f_tcp) != -1)
			fixture_turn(f, 0);
		return;
	}
	fixture_client(f, TLS1_3_VERSION, TLS1_3_VERSION);
	fixture_handshake(f);
	if (story == STORY_RESET)
		peer_reset(f);
	if (story == STORY_END) {
		(void)SSL_write(f->f_ssl, "data", 4);
		(void)SSL_shutdown(f->f_ssl);
	}
	while (story == STORY_CLOSE && !f->f_gone && sent != 0) {
		if (securetcp_send(f->f_tcp, big, sizeof(big), &sent) != ptOk)
			break;
	}
	if (story == STORY_CLOSE) {
		while (!f->f_gone && f->f_sends == 0 &&
		    SSL_read(f->f_ssl, buf, sizeof(buf)) > 0)
			fixture_turn(f, POLLIN);
		if (!f->f_gone)
			(void)securetcp_close(f->f_tcp);
		while (!f->f_gone && SSL_read(f->f_ssl, buf, sizeof(buf)) > 0)
			;
	}
	while (!f->f_gone && securetcp_socket(f->f_tcp) != -1) {
		n = f->f_receives;
		while (n != 0 && !f->f_gone && securetcp_receive(f->f_tcp,
		    buf, sizeof(buf), &n) == ptOk)
			;
		if (f->f_gone || securetcp_socket(f->f_tcp) == -1)
			break;
		while (f->f_ssl != NULL &&
		    SSL_read(f->f_ssl, buf, sizeof(buf)) > 0)
			;
		fixture_turn(f, f->f_ssl == NULL ? 0 : POLLIN);
	}
}

/* In each event of each story, the first to the last, the same is done. */
static void
everywhere(void (*action)(struct fixture *), int ends)
{
	struct fixture	 f;
	int		 story;

	what = action;
	for (story = 0; story < STORY_COUNT; story++) {
		for (when = 1;; when++) {
			now = 0;
			open_p256(&f);
			f.f_on_state = on_state;
			f.f_on_error = on_error;
			f.f_on_receive = on_receive;
			f.f_on_send = on_send;
			play(&f, story);
			if (ends)
				ATF_CHECK(now <= when);
			if (!f.f_gone)
				ATF_CHECK_EQ(SECURETCP_CLOSED,
				    securetcp_state(f.f_tcp));
			fixture_close(&f);
			if (now < when)
				break;
		}
		/* There was something to be done in. */
		ATF_CHECK(when > 3);
	}
	key_free(&key);
}

static void
do_free(struct fixture *f)
{
	securetcp_free(f->f_tcp);
	f->f_gone = 1;
}

static void
do_abort(struct fixture *f)
{
	ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
	ATF_CHECK_EQ(SECURETCP_CLOSED, securetcp_state(f->f_tcp));
	ATF_CHECK_EQ(-1, securetcp_socket(f->f_tcp));
}

static void
do_close(struct fixture *f)
{
	enum securetcp_state	 state = securetcp_state(f->f_tcp);

	ATF_CHECK_EQ(state == SECURETCP_CONNECTED ? ptOk : ptNotConnected,
	    securetcp_close(f->f_tcp));
}

ATF_TC(free);
ATF_TC_HEAD(free, tc)
{
	atf_tc_set_md_var(tc, "descr", "free from inside every handler of "
	    "every kind of connection: no event comes after it");
}
ATF_TC_BODY(free, tc)
{
	everywhere(do_free, 1);
}

ATF_TC(abort);
ATF_TC_HEAD(abort, tc)
{
	atf_tc_set_md_var(tc, "descr", "abort from inside every handler of "
	    "every kind of connection: closed on return");
}
ATF_TC_BODY(abort, tc)
{
	everywhere(do_abort, 0);
}

ATF_TC(close);
ATF_TC_HEAD(close, tc)
{
	atf_tc_set_md_var(tc, "descr", "close from inside every handler: ok "
	    "when connected, ptNotConnected otherwise, closed in the end");
}
ATF_TC_BODY(close, tc)
{
	everywhere(do_close, 0);
}

ATF_TC(orders);
ATF_TC_HEAD(orders, tc)
{
	atf_tc_set_md_var(tc, "descr", "the exact events when a handler "
	    "closes or aborts: each state once and in order");
}
ATF_TC_BODY(orders, tc)
{
	static const struct {
		void		(*action)(struct fixture *);
		enum story	  story;
		int		  when;
		const char	 *events;
	} orders[] = {
		{ do_abort, STORY_END, 1,
		    "S(connecting) E(ptAbort)" DOWN },
		{ do_abort, STORY_END, 2, UP " E(ptAbort)" DOWN },
		{ do_close, STORY_END, 2, UP DOWN },
		{ do_abort, STORY_STRANGER, 2,
		    "S(connecting) E(ptProtocol) E(ptAbort)" DOWN },
		{ do_close, STORY_STRANGER, 2,
		    "S(connecting) E(ptProtocol)" DOWN },
		{ do_abort, STORY_STRANGER, 3, "S(connecting) E(ptProtocol) "
		    "S(closing) E(ptAbort) S(closed)" },
		{ do_close, STORY_RESET, 3,
		    UP " E(ptConnectionReset)" DOWN },
		{ do_abort, STORY_RESET, 5,
		    UP " E(ptConnectionReset)" DOWN }
	};
	struct fixture	 f;
	size_t		 i;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		open_p256(&f);
		f.f_on_state = on_state;
		f.f_on_error = on_error;
		what = orders[i].action;
		when = orders[i].when;
		now = 0;
		play(&f, orders[i].story);
		ATF_CHECK_STREQ(orders[i].events, f.f_events);
		fixture_close(&f);
	}
	key_free(&key);
}

static void
again(struct fixture *f)
{
	int	 fds[2];

	peer_close(f);
	fixture_pair(fds);
	f->f_peer = fds[1];
	ATF_CHECK_EQ(ptOk, securetcp_set_socket(f->f_tcp, fds[0]));
}

ATF_TC(assign);
ATF_TC_HEAD(assign, tc)
{
	atf_tc_set_md_var(tc, "descr", "the next socket assigned from inside "
	    "State(closed): the object goes on with that");
}
ATF_TC_BODY(assign, tc)
{
	struct fixture	 f;
	char		 buf[4];

	open_p256(&f);
	f.f_on_state = on_state;
	what = again;
	when = 4;
	now = 0;
	fixture_connect(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	ATF_CHECK_STREQ(UP DOWN " S(connecting)", f.f_events);
	fixture_client(&f, TLS1_2_VERSION, TLS1_2_VERSION);
	fixture_handshake(&f);
	ATF_CHECK_STREQ(UP DOWN " " UP, f.f_events);
	peer_write(&f, "ping", 4);
	ATF_CHECK_EQ(4, object_read(&f, buf, 4));
	fixture_close(&f);
	key_free(&key);
}

static struct fixture	*hooked;

static int
hook(const struct securetcp_signing *ss, void *arg)
{
	size_t	 n;
	char	 c;

	(void)ss;
	(void)arg;
	if (when == 2) {
		do_free(hooked);
		return (-1);
	}
	ATF_CHECK_EQ(ptBlocked, securetcp_abort(hooked->f_tcp));
	ATF_CHECK_EQ(ptBlocked, securetcp_close(hooked->f_tcp));
	ATF_CHECK_EQ(ptBlocked, securetcp_shutdown(hooked->f_tcp));
	ATF_CHECK_EQ(ptBlocked, securetcp_set_socket(hooked->f_tcp, 0));
	ATF_CHECK_EQ(ptBlocked, securetcp_send(hooked->f_tcp, "x", 1, &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_receive(hooked->f_tcp, &c, 1, &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_dispatch(hooked->f_tcp, NULL, 0));
	return (-1);
}

ATF_TC(inside);
ATF_TC_HEAD(inside, tc)
{
	atf_tc_set_md_var(tc, "descr", "from inside the signing hook methods "
	    "return ptBlocked, and free is legal");
}
ATF_TC_BODY(inside, tc)
{
	struct securetcp_config	*sc;
	struct fixture		 f;

	key_make(&key, KEY_P256, "test", NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_signer(hook, NULL));
	for (when = 1; when <= 2; when++) {
		sc = fixture_config(&key, 1, NULL);
		fixture_open(&f, sc);
		securetcp_config_free(sc);
		hooked = &f;
		fixture_assign(&f);
		fixture_client(&f, TLS1_3_VERSION, TLS1_3_VERSION);
		fixture_handshake(&f);
		ATF_CHECK_STREQ(when == 1 ?
		    "S(connecting) E(ptNoCertificate)" DOWN : "S(connecting)",
		    f.f_events);
		fixture_close(&f);
	}
	key_free(&key);
}

ATF_TC(none);
ATF_TC_HEAD(none, tc)
{
	atf_tc_set_md_var(tc, "descr", "an object without any handler works");
}
ATF_TC_BODY(none, tc)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	char			 buf[4];
	int			 fds[2];

	key_make(&key, KEY_P256, "test", NULL);
	sc = fixture_config(&key, 0, NULL);
	memset(&f, 0, sizeof(f));
	ATF_CHECK(securetcp_new(NULL, NULL, NULL) == NULL);
	ATF_REQUIRE((f.f_tcp = securetcp_new(sc, NULL, NULL)) != NULL);
	securetcp_config_free(sc);
	fixture_pair(fds);
	f.f_peer = fds[1];
	ATF_REQUIRE_EQ(ptOk, securetcp_set_socket(f.f_tcp, fds[0]));
	fixture_client(&f, TLS1_3_VERSION, TLS1_3_VERSION);
	fixture_handshake(&f);
	ATF_CHECK_EQ(SECURETCP_CONNECTED, securetcp_state(f.f_tcp));
	peer_write(&f, "ping", 4);
	ATF_CHECK_EQ(4, object_read(&f, buf, 4));
	peer_notify(&f);
	peer_close(&f);
	ATF_CHECK_EQ(0, object_read(&f, buf, 4));
	ATF_CHECK_EQ(SECURETCP_CLOSED, securetcp_state(f.f_tcp));
	fixture_close(&f);
	key_free(&key);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, free);
	ATF_TP_ADD_TC(tp, abort);
	ATF_TP_ADD_TC(tp, close);
	ATF_TP_ADD_TC(tp, orders);
	ATF_TP_ADD_TC(tp, assign);
	ATF_TP_ADD_TC(tp, inside);
	ATF_TP_ADD_TC(tp, none);
	return (atf_no_error());
}
