/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The other end of the plain side is a program's, on a socketpair. */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"
#include "securetcp.h"

#define CLOSE	500		/* milliseconds of the close timer */
#define LOTS	(1 << 20)

static char	 lots[LOTS];

static void	 run(const atf_tc_t *, struct fake *, struct key *,
		    struct client *, int *);
static void	 end(struct fake *, struct key *, struct client *, uint32_t);
static void	 flood(struct fake *, struct client *);

static void
run(const atf_tc_t *tc, struct fake *fk, struct key *k, struct client *c,
    int *program)
{
	struct wire_server	 wv;
	struct wire_accept	 wa;
	int			 fd[2];

	key_make(k, KEY_P256);
	fake_defaults(&wv);
	wv.wv_close = CLOSE;
	fake_start(fk, tc, k, &wv);
	client_open(c, fk, "secure");
	client_handshake(c);
	unix_pair(fd);
	memset(&wa, 0, sizeof(wa));
	wa.wa_mode = WIRE_MODE_PROGRAM;
	fake_order(c->c_session, WIRE_ACCEPT, fd[0], &wa, sizeof(wa));
	c->c_session->fs_phase = PHASE_CONNECTED;
	*program = fd[1];
}

static void
end(struct fake *fk, struct key *k, struct client *c, uint32_t error)
{
	FAKE_WAIT(fk, c->c_session->fs_done);
	ATF_CHECK_EQ_MSG(error, c->c_session->fs_result.wd_error,
	    "error %u: %s", c->c_session->fs_result.wd_error,
	    c->c_session->fs_result.wd_reason);
	FAKE_WAIT(fk, c->c_session->fs_exited);
	ATF_CHECK_EQ(0, c->c_session->fs_exit.we_signal);
	client_close(c);
	fake_stop(fk);
	key_free(k);
}

/* As much as is taken: the half of it, or until nothing was for a while. */
static void
flood(struct fake *fk, struct client *c)
{
	int64_t	 last = fake_now();
	size_t	 left = LOTS / 2;
	ssize_t	 n;

	while (left > 0 && fake_now() - last < CLOSE) {
		if ((n = client_write_try(c, lots, left)) > 0) {
			left -= (size_t)n;
			last = fake_now();
		} else
			fake_turn(fk, NULL, 0, 20);
	}
}

ATF_TC(unread);
ATF_TC_HEAD(unread, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program that exits without having "
	    "read all has ended well: the client gets all it wrote, and "
	    "close_notify");
}
ATF_TC_BODY(unread, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 program;

	run(tc, &fk, &k, &c, &program);
	client_write(&c, "question", 8);
	backend_expect(&fk, program, "quest");
	backend_write(&fk, program, "answer", 6);
	(void)close(program);
	client_expect(&c, "answer");
	ATF_CHECK(client_end(&c));
	ATF_CHECK(!client_truncated(&c));
	end(&fk, &k, &c, ptOk);
}

ATF_TC(client_stays);
ATF_TC_HEAD(client_stays, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client that stays after the program "
	    "has exited, silent or talking, is left after the close time, and "
	    "that is no error");
}
ATF_TC_BODY(client_stays, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 then;
	int		 program;

	run(tc, &fk, &k, &c, &program);
	backend_write(&fk, program, "bye", 3);
	(void)close(program);
	client_expect(&c, "bye");
	ATF_CHECK(client_end(&c));
	then = fake_now();
	client_write(&c, "hello?", 6);
	FAKE_WAIT(&fk, c.c_session->fs_done);
	ATF_CHECK(fake_now() - then < 20 * CLOSE);
	end(&fk, &k, &c, ptOk);
}

ATF_TC(program_stays);
ATF_TC_HEAD(program_stays, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program that ends its direction only "
	    "still gets what the client sends; its exit is noticed without a "
	    "byte, and ends the connection");
}
ATF_TC_BODY(program_stays, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 program;

	run(tc, &fk, &k, &c, &program);
	backend_write(&fk, program, "all", 3);
	ATF_REQUIRE_EQ(0, shutdown(program, SHUT_WR));
	client_expect(&c, "all");
	ATF_CHECK(client_end(&c));
	client_write(&c, "more", 4);
	backend_expect(&fk, program, "more");
	fake_turn(&fk, NULL, 0, 2 * CLOSE);
	ATF_CHECK_EQ(0, c.c_session->fs_done);
	(void)close(program);
	end(&fk, &k, &c, ptOk);
}

ATF_TC(client_ends);
ATF_TC_HEAD(client_ends, tc)
{
	atf_tc_set_md_var(tc, "descr", "the client's end is the program's end "
	    "of input, after which its answer still comes");
}
ATF_TC_BODY(client_ends, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 program;

	run(tc, &fk, &k, &c, &program);
	client_write(&c, "question", 8);
	client_shut(&c);
	backend_expect(&fk, program, "question");
	ATF_CHECK(backend_end(&fk, program));
	backend_write(&fk, program, "answer", 6);
	client_expect(&c, "answer");
	(void)close(program);
	ATF_CHECK(client_end(&c));
	end(&fk, &k, &c, ptOk);
}

ATF_TC(gone_while_sending);
ATF_TC_HEAD(gone_while_sending, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program that exits under a flood "
	    "from its client has ended well, and the flood is read to its end");
}
ATF_TC_BODY(gone_while_sending, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 program;

	run(tc, &fk, &k, &c, &program);
	flood(&fk, &c);
	backend_write(&fk, program, "enough", 6);
	(void)close(program);
	client_write(&c, lots, LOTS / 2);
	client_expect(&c, "enough");
	ATF_CHECK(client_end(&c));
	client_shut(&c);
	end(&fk, &k, &c, ptOk);
}

ATF_TC(rest_not_taken);
ATF_TC_HEAD(rest_not_taken, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client that does not take what an "
	    "exited program wrote is idle, and ends as such");
}
ATF_TC_BODY(rest_not_taken, tc)
{
	struct wire_accept	 wa;
	struct wire_server	 wv;
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	int64_t			 last;
	int			 fd[2], pair[2];

	/* Little room on the way, so that little fills it. */
	key_make(&k, KEY_P256);
	fake_defaults(&wv);
	wv.wv_close = CLOSE;
	wv.wv_idle = 4 * CLOSE;
	fake_start(&fk, tc, &k, &wv);
	socket_pair_sized(pair, 4096);
	client_open_pair(&c, &fk, "secure", pair);
	client_handshake(&c);
	unix_pair(fd);
	memset(&wa, 0, sizeof(wa));
	wa.wa_mode = WIRE_MODE_PROGRAM;
	fake_order(c.c_session, WIRE_ACCEPT, fd[0], &wa, sizeof(wa));
	c.c_session->fs_phase = PHASE_CONNECTED;
	for (last = fake_now(); fake_now() - last < 300;) {
		if (backend_write_try(fd[1], lots, sizeof(lots)) > 0)
			last = fake_now();
		fake_turn(&fk, NULL, 0, 20);
	}
	(void)close(fd[1]);
	end(&fk, &k, &c, ptTimeout);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, unread);
	ATF_TP_ADD_TC(tp, client_stays);
	ATF_TP_ADD_TC(tp, program_stays);
	ATF_TP_ADD_TC(tp, client_ends);
	ATF_TP_ADD_TC(tp, gone_while_sending);
	ATF_TP_ADD_TC(tp, rest_not_taken);
	return (atf_no_error());
}
