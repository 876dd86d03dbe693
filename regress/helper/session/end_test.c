/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Timers, CLOSE, and the end of the pipe in every state. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"
#include "helper.h"
#include "proc.h"
#include "securetcp.h"

#define CHUNK	16384

static void	 setup(const atf_tc_t *, struct fake *, struct key *);
static void	 setup_timers(const atf_tc_t *, struct fake *, struct key *,
		    uint32_t, uint32_t);
static void	 teardown(struct fake *, struct key *);
static void	 expect_done(struct fake *, struct fake_session *, uint32_t,
		    const char *);
static void	 expect_gone(struct fake *, struct fake_session *);
static void	 fill(struct fake *, int);
static void	 fill_client(struct client *);
static void	 until_asked(struct client *);
static size_t	 read_slowly(struct client *, size_t);
static void	 slow_reader(struct fake *, struct client *, int);
static void	 expect_asleep(struct fake *, struct fake_session *);

static void
setup(const atf_tc_t *tc, struct fake *fk, struct key *k)
{
	key_make(k, KEY_P256);
	fake_start(fk, tc, k, NULL);
}

static void
setup_timers(const atf_tc_t *tc, struct fake *fk, struct key *k,
    uint32_t idle, uint32_t closing)
{
	struct wire_server	 wv;

	key_make(k, KEY_P256);
	fake_defaults(&wv);
	wv.wv_idle = idle;
	wv.wv_close = closing;
	fake_start(fk, tc, k, &wv);
}

static void
teardown(struct fake *fk, struct key *k)
{
	fake_stop(fk);
	key_free(k);
}

static void
expect_done(struct fake *fk, struct fake_session *fs, uint32_t error,
    const char *reason)
{
	FAKE_WAIT(fk, fs->fs_done);
	ATF_CHECK_EQ(error, fs->fs_result.wd_error);
	ATF_CHECK_STREQ(reason, fs->fs_result.wd_reason);
	FAKE_WAIT(fk, fs->fs_exited);
	ATF_CHECK_EQ(0, fs->fs_exit.we_signal);
	ATF_CHECK_EQ(HELPER_OK, fs->fs_exit.we_code);
}

/* The pipe's end: gone within a second, and not by a signal. */
static void
expect_gone(struct fake *fk, struct fake_session *fs)
{
	int64_t	 start = fake_now();

	fake_hangup(fs);
	FAKE_WAIT(fk, fs->fs_exited);
	ATF_CHECK(fake_now() - start < 1000);
	ATF_CHECK_EQ(0, fs->fs_exit.we_signal);
	ATF_CHECK_EQ(HELPER_PIPE, fs->fs_exit.we_code);
}

/* Until nothing more is taken for half a second. */
static void
fill(struct fake *fk, int fd)
{
	static char	 buf[CHUNK];
	struct pollfd	 pfd;
	int64_t		 last = fake_now();

	while (fake_now() - last < 500) {
		if (backend_write_try(fd, buf, sizeof(buf)) > 0) {
			last = fake_now();
			continue;
		}
		pfd.fd = fd;
		pfd.events = POLLOUT;
		fake_turn(fk, &pfd, 1, 50);
	}
}

static void
fill_client(struct client *c)
{
	static char	 buf[CHUNK];
	struct pollfd	 pfd;
	int64_t		 last = fake_now();

	while (fake_now() - last < 500) {
		if (client_write_try(c, buf, sizeof(buf)) > 0) {
			last = fake_now();
			continue;
		}
		pfd.fd = c->c_fd;
		pfd.events = POLLOUT;
		fake_turn(c->c_fake, &pfd, 1, 50);
	}
}

static void
until_asked(struct client *c)
{
	int64_t	 end = fake_now() + FAKE_PATIENCE;

	while (!c->c_session->fs_asked) {
		ATF_REQUIRE(fake_now() < end);
		client_handshake_step(c);
		fake_turn(c->c_fake, NULL, 0, 10);
	}
}

/* For half a second: next to no time on the processor. */
static void
expect_asleep(struct fake *fk, struct fake_session *fs)
{
	struct proc_info	 before, after;
	int64_t			 end;
	pid_t			 pid;

	FAKE_WAIT(fk, (pid = fake_process(fk, fs, NULL)) != 0);
	ATF_REQUIRE_EQ(0, proc_get(pid, &before));
	end = fake_now() + 500;
	while (fake_now() < end)
		fake_turn(fk, NULL, 0, 50);
	ATF_REQUIRE_EQ(0, proc_get(pid, &after));
	if (after.pr_cpu - before.pr_cpu > 100)
		atf_tc_fail_nonfatal("%ld milliseconds in half a second",
		    after.pr_cpu - before.pr_cpu);
	ATF_CHECK_EQ(0, fs->fs_done);
}

ATF_TC(asleep);
ATF_TC_HEAD(asleep, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session that has to wait does so "
	    "without turning: for anything; for a client that does not read, "
	    "also after its backend closed; for a backend that does not read, "
	    "also after its client ended; for the rest of a half-closed "
	    "connection");
}
ATF_TC_BODY(asleep, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	proc_need();
	setup(tc, &fk, &k);

	client_connect(&c, &fk, &backend);
	expect_asleep(&fk, c.c_session);
	ATF_REQUIRE_EQ(0, shutdown(backend, SHUT_WR));
	ATF_CHECK(client_end(&c));
	expect_asleep(&fk, c.c_session);
	client_close(&c);
	(void)close(backend);

	client_connect(&c, &fk, &backend);
	client_shut(&c);
	ATF_CHECK(backend_end(&fk, backend));
	expect_asleep(&fk, c.c_session);
	fill(&fk, backend);
	expect_asleep(&fk, c.c_session);
	(void)close(backend);
	expect_asleep(&fk, c.c_session);
	client_close(&c);

	client_connect(&c, &fk, &backend);
	fill_client(&c);
	expect_asleep(&fk, c.c_session);
	ATF_REQUIRE_EQ(0, shutdown(c.c_fd, SHUT_WR));
	expect_asleep(&fk, c.c_session);
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(idle_timer);
ATF_TC_HEAD(idle_timer, tc)
{
	atf_tc_set_md_var(tc, "descr", "no byte either way for the idle time "
	    "ends the session with ptTimeout, which names the timer; not "
	    "sooner");
}
ATF_TC_BODY(idle_timer, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 start;
	int		 backend;

	setup_timers(tc, &fk, &k, 1000, 5000);
	client_connect(&c, &fk, &backend);
	client_write(&c, "x", 1);
	backend_expect(&fk, backend, "x");
	start = fake_now();
	expect_done(&fk, c.c_session, ptTimeout, "idle timer, 1 second");
	ATF_CHECK(fake_now() - start >= 900);
	ATF_CHECK(backend_end(&fk, backend));
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(idle_timer_restarts);
ATF_TC_HEAD(idle_timer_restarts, tc)
{
	atf_tc_set_md_var(tc, "descr", "a byte in either direction restarts "
	    "the idle timer");
}
ATF_TC_BODY(idle_timer_restarts, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 next;
	int		 backend, i;

	setup_timers(tc, &fk, &k, 1500, 5000);
	client_connect(&c, &fk, &backend);
	for (i = 0; i < 6; i++) {
		next = fake_now() + 500;
		while (fake_now() < next)
			fake_turn(&fk, NULL, 0, 50);
		ATF_REQUIRE_EQ(0, c.c_session->fs_done);
		if (i % 2 == 0) {
			client_write(&c, "x", 1);
			backend_expect(&fk, backend, "x");
		} else {
			backend_write(&fk, backend, "y", 1);
			client_expect(&c, "y");
		}
	}
	expect_done(&fk, c.c_session, ptTimeout,
	    "idle timer, 1500 milliseconds");
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(idle_timer_blocked);
ATF_TC_HEAD(idle_timer_blocked, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client that never reads under a "
	    "flood is idle as well");
}
ATF_TC_BODY(idle_timer_blocked, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup_timers(tc, &fk, &k, 2000, 5000);
	client_connect(&c, &fk, &backend);
	fill(&fk, backend);
	expect_done(&fk, c.c_session, ptTimeout, "idle timer, 2 seconds");
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(half_closed_idle);
ATF_TC_HEAD(half_closed_idle, tc)
{
	atf_tc_set_md_var(tc, "descr", "a direction that ended does not stop "
	    "the idle timer of the other, nor does it start the close timer");
}
ATF_TC_BODY(half_closed_idle, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup_timers(tc, &fk, &k, 2000, 300);
	client_connect(&c, &fk, &backend);
	ATF_REQUIRE_EQ(0, shutdown(backend, SHUT_WR));
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, ptTimeout, "idle timer, 2 seconds");
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(close_timer);
ATF_TC_HEAD(close_timer, tc)
{
	atf_tc_set_md_var(tc, "descr", "CLOSE with a client that does not "
	    "take the rest ends by the close timer, with ptTimeout");
}
ATF_TC_BODY(close_timer, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 start;
	int		 backend;

	setup_timers(tc, &fk, &k, 60000, 1000);
	client_connect(&c, &fk, &backend);
	fill(&fk, backend);
	start = fake_now();
	fake_close(c.c_session);
	expect_done(&fk, c.c_session, ptTimeout, "close timer, 1 second");
	ATF_CHECK(c.c_session->fs_result.wd_flags & WIRE_DONE_LATE);
	ATF_CHECK(fake_now() - start >= 900);
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(close_timer_ends);
ATF_TC_HEAD(close_timer_ends, tc)
{
	atf_tc_set_md_var(tc, "descr", "when both sides have ended and the "
	    "client does not take the rest, the close timer decides");
}
ATF_TC_BODY(close_timer_ends, tc)
{
	static char	 buf[60000];
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 start;
	int		 fd[2], backend[2];

	setup_timers(tc, &fk, &k, 60000, 1000);
	socket_pair_sized(fd, 4096);
	client_open_pair(&c, &fk, "secure", fd);
	client_handshake(&c);
	socket_pair(backend);
	fake_accept(c.c_session, backend[0]);
	client_shut(&c);
	ATF_CHECK(backend_end(&fk, backend[1]));
	/* More than the sockets hold, and less than the session. */
	backend_write(&fk, backend[1], buf, sizeof(buf));
	(void)close(backend[1]);
	start = fake_now();
	expect_done(&fk, c.c_session, ptTimeout, "close timer, 1 second");
	ATF_CHECK(c.c_session->fs_result.wd_flags & WIRE_DONE_LATE);
	ATF_CHECK(fake_now() - start >= 900);
	ATF_CHECK(fake_now() - start < 5000);
	client_close(&c);
	teardown(&fk, &k);
}

/* A little every 200 milliseconds, to the end or so much: what there was. */
static size_t
read_slowly(struct client *c, size_t want)
{
	static char	 buf[CHUNK];
	struct pollfd	 pfd;
	size_t		 got = 0;
	ssize_t		 n;
	int64_t		 last = fake_now();

	/* Until nothing has come for long: who cuts it off is seen there. */
	while (got < want && fake_now() - last < 3000) {
		(void)poll(NULL, 0, 200);
		fake_turn(c->c_fake, NULL, 0, 0);
		pfd.fd = c->c_fd;
		pfd.events = POLLIN;
		if (poll(&pfd, 1, 0) == 1)
			last = fake_now();
		n = tls_read(c->c_tls, buf, sizeof(buf) / 4);
		if (n == 0 || n == -1)
			break;
		if (n > 0)
			got += (size_t)n;
	}
	return (got);
}

/* More than the kernel and the session hold together for a client. */
#define SLOW	200000

static void
slow_reader(struct fake *fk, struct client *c, int order)
{
	static char	 buf[SLOW];
	int		 fd[2], backend[2], size = 16384, all = SLOW;

	socket_pair_sized(fd, 4096);
	ATF_REQUIRE_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)));
	client_open_pair(c, fk, "secure", fd);
	client_handshake(c);
	socket_pair(backend);
	/* The backend has written all of it before anybody reads. */
	ATF_REQUIRE_EQ(0, setsockopt(backend[1], SOL_SOCKET, SO_SNDBUF, &all,
	    sizeof(all)));
	fake_accept(c->c_session, backend[0]);
	if (!order) {
		client_shut(c);
		ATF_CHECK(backend_end(fk, backend[1]));
	}
	if (order) {
		fill(fk, backend[1]);
		fake_close(c->c_session);
	} else
		backend_write(fk, backend[1], buf, sizeof(buf));
	(void)close(backend[1]);
}

ATF_TC(close_slow);
ATF_TC_HEAD(close_slow, tc)
{
	atf_tc_set_md_var(tc, "descr", "when both sides have ended, a client "
	    "that reads slowly, and for much longer than the close timer, "
	    "gets everything: it measures standstill");
	atf_tc_set_md_var(tc, "timeout", "100");
}
ATF_TC_BODY(close_slow, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	setup_timers(tc, &fk, &k, 60000, 2000);
	slow_reader(&fk, &c, 0);
	ATF_CHECK_EQ(SLOW, read_slowly(&c, SIZE_MAX));
	expect_done(&fk, c.c_session, 0, "");
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(close_slow_order);
ATF_TC_HEAD(close_slow_order, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same for what was under way when "
	    "CLOSE came");
	atf_tc_set_md_var(tc, "timeout", "100");
}
ATF_TC_BODY(close_slow_order, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	size_t		 got;

	setup_timers(tc, &fk, &k, 60000, 2000);
	slow_reader(&fk, &c, 1);
	got = read_slowly(&c, SIZE_MAX);
	if (got < 100000)
		atf_tc_fail_nonfatal("%zu bytes came", got);
	expect_done(&fk, c.c_session, 0, "closed on request");
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(idle_slow);
ATF_TC_HEAD(idle_slow, tc)
{
	atf_tc_set_md_var(tc, "descr", "a connection of which all was written "
	    "is not idle while its client takes it from the kernel");
	atf_tc_set_md_var(tc, "timeout", "100");
}
ATF_TC_BODY(idle_slow, tc)
{
	static char	 buf[80000];
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 fd[2], backend[2], size = 262144;

	if (strcmp(proc_sandbox, "pledge") == 0)
		atf_tc_skip("a session cannot see into the kernel here");
	setup_timers(tc, &fk, &k, 2000, 1000);
	socket_pair_sized(fd, 4096);
	ATF_REQUIRE_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)));
	client_open_pair(&c, &fk, "secure", fd);
	client_handshake(&c);
	socket_pair(backend);
	fake_accept(c.c_session, backend[0]);
	backend_write(&fk, backend[1], buf, sizeof(buf));
	ATF_CHECK_EQ(sizeof(buf), read_slowly(&c, sizeof(buf)));
	ATF_CHECK(!c.c_session->fs_done);
	expect_done(&fk, c.c_session, ptTimeout, "idle timer, 2 seconds");
	(void)close(backend[1]);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(close_order);
ATF_TC_HEAD(close_order, tc)
{
	atf_tc_set_md_var(tc, "descr", "CLOSE ends both sides: the client gets "
	    "close_notify after what was under way, the backend an end, and "
	    "there is no error");
}
ATF_TC_BODY(close_order, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	client_write(&c, "up", 2);
	backend_expect(&fk, backend, "up");
	backend_write(&fk, backend, "down", 4);
	client_expect(&c, "down");
	fake_close(c.c_session);
	ATF_CHECK(client_end(&c));
	client_shut(&c);
	ATF_CHECK(backend_end(&fk, backend));
	expect_done(&fk, c.c_session, 0, "closed on request");
	ATF_CHECK_EQ(0, c.c_session->fs_result.wd_flags);
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(close_echo);
ATF_TC_HEAD(close_echo, tc)
{
	atf_tc_set_md_var(tc, "descr", "CLOSE ends an echo session");
}
ATF_TC_BODY(close_echo, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, NULL);
	client_write(&c, "hello", 5);
	client_expect(&c, "hello");
	fake_close(c.c_session);
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, 0, "closed on request");
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(close_waiting);
ATF_TC_HEAD(close_waiting, tc)
{
	atf_tc_set_md_var(tc, "descr", "CLOSE before the verdict ends with "
	    "close_notify");
}
ATF_TC_BODY(close_waiting, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	setup(tc, &fk, &k);
	client_open(&c, &fk, "secure");
	client_handshake(&c);
	fake_close(c.c_session);
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, 0, "closed on request");
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(pipe_idle);
ATF_TC_HEAD(pipe_idle, tc)
{
	atf_tc_set_md_var(tc, "descr", "an idle session leaves within a second "
	    "of its pipe's end");
}
ATF_TC_BODY(pipe_idle, tc)
{
	struct fake	 fk;
	struct key	 k;

	setup(tc, &fk, &k);
	expect_gone(&fk, fake_fork(&fk));
	teardown(&fk, &k);
}

ATF_TC(pipe_connecting);
ATF_TC_HEAD(pipe_connecting, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session whose peer is silent leaves "
	    "within a second of its pipe's end, and takes the socket along");
}
ATF_TC_BODY(pipe_connecting, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	int			 fd[2];

	proc_need();
	setup(tc, &fk, &k);
	fs = fake_fork(&fk);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	FAKE_WAIT(&fk, fake_process(&fk, fs, "connecting") != 0);
	expect_gone(&fk, fs);
	ATF_CHECK(backend_end(&fk, fd[0]));
	(void)close(fd[0]);
	teardown(&fk, &k);
}

ATF_TC(pipe_signing);
ATF_TC_HEAD(pipe_signing, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session that waits for a signature "
	    "leaves within a second of its pipe's end");
}
ATF_TC_BODY(pipe_signing, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	setup(tc, &fk, &k);
	fk.fk_sign = FAKE_HOLD;
	client_open(&c, &fk, "secure");
	until_asked(&c);
	expect_gone(&fk, c.c_session);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(pipe_waiting);
ATF_TC_HEAD(pipe_waiting, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session that waits for its verdict "
	    "leaves within a second of its pipe's end");
}
ATF_TC_BODY(pipe_waiting, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	setup(tc, &fk, &k);
	client_open(&c, &fk, "secure");
	client_handshake(&c);
	expect_gone(&fk, c.c_session);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(pipe_relay);
ATF_TC_HEAD(pipe_relay, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session that relays leaves within a "
	    "second of its pipe's end");
}
ATF_TC_BODY(pipe_relay, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	client_write(&c, "x", 1);
	backend_expect(&fk, backend, "x");
	expect_gone(&fk, c.c_session);
	ATF_CHECK(backend_end(&fk, backend));
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(pipe_blocked);
ATF_TC_HEAD(pipe_blocked, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session whose client takes nothing "
	    "leaves within a second of its pipe's end, also while it flushes");
}
ATF_TC_BODY(pipe_blocked, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend, i;

	setup_timers(tc, &fk, &k, 60000, 30000);
	for (i = 0; i < 2; i++) {
		client_connect(&c, &fk, &backend);
		fill(&fk, backend);
		if (i == 1) {
			fake_close(c.c_session);
			FAKE_WAIT(&fk,
			    imsgbuf_queuelen(&c.c_session->fs_pipe) == 0);
		}
		expect_gone(&fk, c.c_session);
		(void)close(backend);
		client_close(&c);
	}
	teardown(&fk, &k);
}

ATF_TC(spawner_gone);
ATF_TC_HEAD(spawner_gone, tc)
{
	atf_tc_set_md_var(tc, "descr", "the end of the spawner's pipe ends the "
	    "spawner within a second, and a session that stays with it");
}
ATF_TC_BODY(spawner_gone, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 start;
	int		 status;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, NULL);
	client_write(&c, "before", 6);
	client_expect(&c, "before");
	start = fake_now();
	(void)shutdown(fk.fk_fd, SHUT_RDWR);
	ATF_REQUIRE_EQ(fk.fk_pid, waitpid(fk.fk_pid, &status, 0));
	ATF_CHECK(fake_now() - start < 1000);
	ATF_CHECK(WIFEXITED(status));
	ATF_CHECK_EQ(HELPER_PIPE, WEXITSTATUS(status));
	fk.fk_ended = 1;
	/* Its own pipe never ended: only the spawner can have ended it. */
	FAKE_WAIT(&fk, c.c_session->fs_ended);
	ATF_CHECK_EQ(0, c.c_session->fs_done);
	client_close(&c);
	fake_hangup(c.c_session);
	imsgbuf_clear(&fk.fk_pipe);
	(void)close(fk.fk_fd);
	key_free(&k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, asleep);
	ATF_TP_ADD_TC(tp, idle_timer);
	ATF_TP_ADD_TC(tp, idle_timer_restarts);
	ATF_TP_ADD_TC(tp, idle_timer_blocked);
	ATF_TP_ADD_TC(tp, half_closed_idle);
	ATF_TP_ADD_TC(tp, close_timer);
	ATF_TP_ADD_TC(tp, close_timer_ends);
	ATF_TP_ADD_TC(tp, close_slow);
	ATF_TP_ADD_TC(tp, close_slow_order);
	ATF_TP_ADD_TC(tp, idle_slow);
	ATF_TP_ADD_TC(tp, close_order);
	ATF_TP_ADD_TC(tp, close_echo);
	ATF_TP_ADD_TC(tp, close_waiting);
	ATF_TP_ADD_TC(tp, pipe_idle);
	ATF_TP_ADD_TC(tp, pipe_connecting);
	ATF_TP_ADD_TC(tp, pipe_signing);
	ATF_TP_ADD_TC(tp, pipe_waiting);
	ATF_TP_ADD_TC(tp, pipe_relay);
	ATF_TP_ADD_TC(tp, pipe_blocked);
	ATF_TP_ADD_TC(tp, spawner_gone);
	return (atf_no_error());
}
