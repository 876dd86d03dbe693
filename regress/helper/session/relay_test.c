/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"
#include "securetcp.h"
#include "stream.h"

#define BLOCKED_MS	1000	/* no progress for so long: it is blocked */
#define GROWTH_MAX	2048	/* kB that a session may grow under a flood */

static void	 setup(const atf_tc_t *, struct fake *, struct key *);
static void	 teardown(struct fake *, struct key *);
static void	 expect_done(struct fake *, struct fake_session *, uint32_t,
		    uint64_t, uint64_t);
static void	 reset(int);
static void	 flood_backend(struct fake *, int, struct stream *);
static void	 flood_client(struct client *, struct stream *);
static void	 feed(int, int);

static void
setup(const atf_tc_t *tc, struct fake *fk, struct key *k)
{
	key_make(k, KEY_P256);
	fake_start(fk, tc, k, NULL);
}

static void
teardown(struct fake *fk, struct key *k)
{
	fake_stop(fk);
	key_free(k);
}

static void
expect_done(struct fake *fk, struct fake_session *fs, uint32_t error,
    uint64_t in, uint64_t out)
{
	FAKE_WAIT(fk, fs->fs_done);
	if (fs->fs_result.wd_error != error)
		atf_tc_fail_nonfatal("error %u: %s", fs->fs_result.wd_error,
		    fs->fs_result.wd_reason);
	ATF_CHECK_EQ(in, fs->fs_result.wd_in);
	ATF_CHECK_EQ(out, fs->fs_result.wd_out);
	FAKE_WAIT(fk, fs->fs_exited);
	ATF_CHECK_EQ(0, fs->fs_exit.we_signal);
	ATF_CHECK_EQ(0, fs->fs_exit.we_code);
}

/* Closes with RST instead of FIN. */
static void
reset(int fd)
{
	struct linger	 l;

	l.l_onoff = 1;
	l.l_linger = 0;
	ATF_REQUIRE_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l,
	    sizeof(l)));
	(void)close(fd);
}

ATF_TC(echo);
ATF_TC_HEAD(echo, tc)
{
	atf_tc_set_md_var(tc, "descr", "echo gives back 8 MB as they came");
}
ATF_TC_BODY(echo, tc)
{
	static struct stream	 sent, got;
	static uint8_t		 back[STREAM_CHUNK];
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	int			 i;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, NULL);
	stream_start(&sent);
	stream_start(&got);
	for (i = 0; i < 512; i++) {
		stream_fill(&sent);
		client_write(&c, sent.st_buf, STREAM_CHUNK);
		(void)stream_sent(&sent, STREAM_CHUNK);
		client_read(&c, back, sizeof(back));
		stream_add(&got, back, sizeof(back));
	}
	stream_equal(&sent, &got);
	client_shut(&c);
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, 0, 512 * STREAM_CHUNK, 512 * STREAM_CHUNK);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(echo_unread);
ATF_TC_HEAD(echo_unread, tc)
{
	atf_tc_set_md_var(tc, "descr", "echo to a client that writes and "
	    "never reads stops taking, and gives everything back in the end");
}
ATF_TC_BODY(echo_unread, tc)
{
	static struct stream	 sent, got;
	static uint8_t		 buf[STREAM_CHUNK];
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	ssize_t			 n;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, NULL);
	stream_start(&sent);
	stream_start(&got);
	flood_client(&c, &sent);
	do {
		(void)stream_client(&sent, &c);
		n = client_read_try(&c, buf, sizeof(buf));
		stream_add(&got, buf, (size_t)n);
		if (n == 0)
			fake_turn(&fk, NULL, 0, 1);
	} while (sent.st_left > 0 || got.st_bytes < sent.st_bytes);
	client_shut(&c);
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, 0, sent.st_bytes, sent.st_bytes);
	stream_equal(&sent, &got);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(client_half_close);
ATF_TC_HEAD(client_half_close, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client that ends its direction "
	    "still gets the whole answer, and the backend sees the end");
}
ATF_TC_BODY(client_half_close, tc)
{
	static uint8_t	 buf[STREAM_CHUNK];
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend, i;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	client_write(&c, "question", 8);
	client_shut(&c);
	backend_expect(&fk, backend, "question");
	ATF_CHECK(backend_end(&fk, backend));
	for (i = 0; i < 64; i++) {
		memset(buf, i, sizeof(buf));
		backend_write(&fk, backend, buf, sizeof(buf));
		client_read(&c, buf, sizeof(buf));
		ATF_CHECK_EQ(i, buf[STREAM_CHUNK - 1]);
	}
	ATF_CHECK_EQ(0, c.c_session->fs_done);
	(void)close(backend);
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, 0, 8, 64 * STREAM_CHUNK);
	ATF_CHECK_EQ(0, c.c_session->fs_result.wd_flags);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(server_half_close);
ATF_TC_HEAD(server_half_close, tc)
{
	atf_tc_set_md_var(tc, "descr", "a backend that ends its direction "
	    "still gets the whole upload, and the client sees the end");
}
ATF_TC_BODY(server_half_close, tc)
{
	static uint8_t	 buf[STREAM_CHUNK];
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend, i;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	backend_write(&fk, backend, "greeting", 8);
	ATF_REQUIRE_EQ(0, shutdown(backend, SHUT_WR));
	client_expect(&c, "greeting");
	ATF_CHECK(client_end(&c));
	for (i = 0; i < 64; i++) {
		memset(buf, i, sizeof(buf));
		client_write(&c, buf, sizeof(buf));
		backend_read(&fk, backend, buf, sizeof(buf));
		ATF_CHECK_EQ(i, buf[STREAM_CHUNK - 1]);
	}
	ATF_CHECK_EQ(0, c.c_session->fs_done);
	client_shut(&c);
	ATF_CHECK(backend_end(&fk, backend));
	expect_done(&fk, c.c_session, 0, 64 * STREAM_CHUNK, 8);
	ATF_CHECK_EQ(0, c.c_session->fs_result.wd_flags);
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(both_at_once);
ATF_TC_HEAD(both_at_once, tc)
{
	atf_tc_set_md_var(tc, "descr", "data and end of both sides, sent at "
	    "the same time, all arrive");
}
ATF_TC_BODY(both_at_once, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	backend_write(&fk, backend, "from the backend", 16);
	ATF_REQUIRE_EQ(0, shutdown(backend, SHUT_WR));
	client_write(&c, "from the client", 15);
	client_shut(&c);
	client_expect(&c, "from the backend");
	ATF_CHECK(client_end(&c));
	backend_expect(&fk, backend, "from the client");
	ATF_CHECK(backend_end(&fk, backend));
	expect_done(&fk, c.c_session, 0, 15, 16);
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(one_byte);
ATF_TC_HEAD(one_byte, tc)
{
	atf_tc_set_md_var(tc, "descr", "one byte at a time, both ways");
}
ATF_TC_BODY(one_byte, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	uint8_t		 byte, got;
	int		 backend, i;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	for (i = 0; i < 1000; i++) {
		byte = (uint8_t)i;
		client_write(&c, &byte, 1);
		backend_read(&fk, backend, &got, 1);
		ATF_REQUIRE_EQ(byte, got);
		byte = (uint8_t)~i;
		backend_write(&fk, backend, &byte, 1);
		client_read(&c, &got, 1);
		ATF_REQUIRE_EQ(byte, got);
	}
	client_shut(&c);
	(void)close(backend);
	expect_done(&fk, c.c_session, 0, 1000, 1000);
	client_close(&c);
	teardown(&fk, &k);
}

/* Writes until nothing has been taken for a while. */
static void
flood_backend(struct fake *fk, int fd, struct stream *st)
{
	struct pollfd	 pfd;
	int64_t		 last = fake_now();

	while (fake_now() - last < BLOCKED_MS) {
		if (st->st_left == 0)
			stream_fill(st);
		if (stream_backend(st, fd) > 0) {
			last = fake_now();
			continue;
		}
		pfd.fd = fd;
		pfd.events = POLLOUT;
		fake_turn(fk, &pfd, 1, 50);
	}
}

static void
flood_client(struct client *c, struct stream *st)
{
	struct pollfd	 pfd;
	int64_t		 last = fake_now();

	while (fake_now() - last < BLOCKED_MS) {
		if (st->st_left == 0)
			stream_fill(st);
		if (stream_client(st, c) > 0) {
			last = fake_now();
			continue;
		}
		pfd.fd = c->c_fd;
		pfd.events = POLLOUT;
		fake_turn(c->c_fake, &pfd, 1, 50);
	}
}

ATF_TC(flood_down);
ATF_TC_HEAD(flood_down, tc)
{
	atf_tc_set_md_var(tc, "descr", "under a client that never reads the "
	    "flooding backend is blocked and the session does not grow; when "
	    "it reads at last, it gets every byte");
}
ATF_TC_BODY(flood_down, tc)
{
	static struct stream	 sent, got;
	static uint8_t		 buf[STREAM_CHUNK];
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	struct proc_info	 before, after;
	ssize_t			 n;
	pid_t			 pid;
	int			 backend;

	proc_need();
	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	FAKE_WAIT(&fk, (pid = fake_process(&fk, c.c_session, NULL)) != 0);
	ATF_REQUIRE_EQ(0, proc_get(pid, &before));
	stream_start(&sent);
	stream_start(&got);
	flood_backend(&fk, backend, &sent);
	ATF_REQUIRE_EQ(0, proc_get(pid, &after));
	ATF_CHECK(before.pr_rss > 0 && after.pr_peak > 0);
	if (after.pr_peak - before.pr_rss > GROWTH_MAX)
		atf_tc_fail_nonfatal("grew from %ld to %ld kB",
		    before.pr_rss, after.pr_peak);
	ATF_CHECK_EQ(0, c.c_session->fs_done);
	ATF_REQUIRE_EQ(0, shutdown(backend, SHUT_WR));
	while ((n = client_read_some(&c, buf, sizeof(buf))) > 0)
		stream_add(&got, buf, (size_t)n);
	ATF_CHECK_EQ(0, n);
	client_shut(&c);
	expect_done(&fk, c.c_session, 0, 0, sent.st_bytes);
	stream_equal(&sent, &got);
	(void)close(backend);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(flood_up);
ATF_TC_HEAD(flood_up, tc)
{
	atf_tc_set_md_var(tc, "descr", "under a backend that never reads the "
	    "flooding client is blocked and the session does not grow; the "
	    "other direction is not held up; when it reads at last, it gets "
	    "every byte");
}
ATF_TC_BODY(flood_up, tc)
{
	static struct stream	 sent, got;
	static uint8_t		 buf[STREAM_CHUNK];
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	struct proc_info	 before, after;
	ssize_t			 n;
	pid_t			 pid;
	int			 backend;

	proc_need();
	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	FAKE_WAIT(&fk, (pid = fake_process(&fk, c.c_session, NULL)) != 0);
	ATF_REQUIRE_EQ(0, proc_get(pid, &before));
	stream_start(&sent);
	stream_start(&got);
	flood_client(&c, &sent);
	ATF_REQUIRE_EQ(0, proc_get(pid, &after));
	ATF_CHECK(before.pr_rss > 0 && after.pr_peak > 0);
	if (after.pr_peak - before.pr_rss > GROWTH_MAX)
		atf_tc_fail_nonfatal("grew from %ld to %ld kB",
		    before.pr_rss, after.pr_peak);
	backend_write(&fk, backend, "not held up", 11);
	client_expect(&c, "not held up");
	do {
		(void)stream_client(&sent, &c);
		n = backend_read_try(backend, buf, sizeof(buf));
		stream_add(&got, buf, (size_t)n);
		if (n == 0)
			fake_turn(&fk, NULL, 0, 1);
	} while (sent.st_left > 0 || got.st_bytes < sent.st_bytes);
	client_shut(&c);
	ATF_CHECK(backend_end(&fk, backend));
	(void)close(backend);
	expect_done(&fk, c.c_session, 0, sent.st_bytes, 11);
	stream_equal(&sent, &got);
	client_close(&c);
	teardown(&fk, &k);
}

/* So much by a child; in the meantime the caller reads. */
static void
feed(int fd, int chunks)
{
	static struct stream	 st;
	struct pollfd		 pfd;
	pid_t			 pid;
	int			 i;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid != 0)
		return;
	stream_start(&st);
	for (i = 0; i < chunks; i++) {
		stream_fill(&st);
		while (st.st_left > 0) {
			if (stream_backend(&st, fd) > 0)
				continue;
			pfd.fd = fd;
			pfd.events = POLLOUT;
			(void)poll(&pfd, 1, -1);
		}
	}
	(void)shutdown(fd, SHUT_WR);
	_exit(0);
}

ATF_TC(large);
ATF_TC_HEAD(large, tc)
{
	atf_tc_set_md_var(tc, "descr", "100 MB from the backend arrive with "
	    "an equal digest");
}
ATF_TC_BODY(large, tc)
{
	static struct stream	 sent, got;
	static uint8_t		 buf[STREAM_CHUNK];
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	ssize_t			 n;
	int			 backend, chunks = 6400, i;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	feed(backend, chunks);
	stream_start(&sent);
	stream_start(&got);
	while ((n = client_read_some(&c, buf, sizeof(buf))) > 0)
		stream_add(&got, buf, (size_t)n);
	ATF_CHECK_EQ(0, n);
	for (i = 0; i < chunks; i++) {
		stream_fill(&sent);
		(void)stream_sent(&sent, STREAM_CHUNK);
	}
	client_shut(&c);
	ATF_CHECK(backend_end(&fk, backend));
	(void)close(backend);
	expect_done(&fk, c.c_session, 0, 0, (uint64_t)chunks * STREAM_CHUNK);
	stream_equal(&sent, &got);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(duplex);
ATF_TC_HEAD(duplex, tc)
{
	atf_tc_set_md_var(tc, "descr", "16 MB each way at the same time "
	    "through a unix socket arrive with equal digests");
}
ATF_TC_BODY(duplex, tc)
{
	static struct stream	 upsent, upgot, downsent, downgot;
	static uint8_t		 buf[STREAM_CHUNK];
	struct fake		 fk;
	struct client		 c;
	struct key		 k;
	uint64_t		 total = (uint64_t)1024 * STREAM_CHUNK;
	int64_t			 end = fake_now() + 60000;
	size_t			 moved;
	ssize_t			 n;
	int			 fd[2];

	setup(tc, &fk, &k);
	client_open(&c, &fk, "secure");
	client_handshake(&c);
	unix_pair(fd);
	fake_accept(c.c_session, fd[0]);
	stream_start(&upsent);
	stream_start(&upgot);
	stream_start(&downsent);
	stream_start(&downgot);
	while (upgot.st_bytes < total || downgot.st_bytes < total) {
		ATF_REQUIRE(fake_now() < end);
		if (upsent.st_left == 0 && upsent.st_bytes < total)
			stream_fill(&upsent);
		if (downsent.st_left == 0 && downsent.st_bytes < total)
			stream_fill(&downsent);
		moved = stream_client(&upsent, &c);
		moved += stream_backend(&downsent, fd[1]);
		n = client_read_try(&c, buf, sizeof(buf));
		stream_add(&downgot, buf, (size_t)n);
		moved += (size_t)n;
		n = backend_read_try(fd[1], buf, sizeof(buf));
		stream_add(&upgot, buf, (size_t)n);
		moved += (size_t)n;
		fake_turn(&fk, NULL, 0, moved == 0 ? 1 : 0);
	}
	client_shut(&c);
	(void)close(fd[1]);
	expect_done(&fk, c.c_session, 0, total, total);
	stream_equal(&upsent, &upgot);
	stream_equal(&downsent, &downgot);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(backend_reset);
ATF_TC_HEAD(backend_reset, tc)
{
	atf_tc_set_md_var(tc, "descr", "what the backend sent before its reset "
	    "is delivered, then the client sees an end without close_notify, "
	    "and DONE names the backend");
}
ATF_TC_BODY(backend_reset, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	backend_write(&fk, backend, "last words", 10);
	reset(backend);
	client_expect(&c, "last words");
	ATF_CHECK(!client_end(&c) || client_truncated(&c));
	client_close(&c);
	expect_done(&fk, c.c_session, ptConnectionReset, 0, 10);
	ATF_CHECK_STREQ("backend: Connection reset by peer",
	    c.c_session->fs_result.wd_reason);
	teardown(&fk, &k);
}

ATF_TC(backend_gone);
ATF_TC_HEAD(backend_gone, tc)
{
	atf_tc_set_md_var(tc, "descr", "a backend that answers and closes "
	    "during the upload: the answer is delivered whole, the rest of "
	    "the upload is thrown away, and DONE names the backend");
}
ATF_TC_BODY(backend_gone, tc)
{
	static uint8_t	 buf[STREAM_CHUNK];
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 end;
	int		 fd[2];

	setup(tc, &fk, &k);
	client_open(&c, &fk, "secure");
	client_handshake(&c);
	unix_pair(fd);
	fake_accept(c.c_session, fd[0]);
	backend_write(&fk, fd[1], "too large", 9);
	client_expect(&c, "too large");
	(void)close(fd[1]);
	ATF_CHECK(client_end(&c));
	memset(buf, 'u', sizeof(buf));
	end = fake_now() + 500;
	while (fake_now() < end && !c.c_session->fs_done) {
		(void)client_write_try(&c, buf, sizeof(buf));
		fake_turn(&fk, NULL, 0, 1);
	}
	client_close(&c);
	FAKE_WAIT(&fk, c.c_session->fs_done);
	ATF_CHECK_EQ(ptConnectionReset, c.c_session->fs_result.wd_error);
	ATF_CHECK_STREQ("backend: Broken pipe",
	    c.c_session->fs_result.wd_reason);
	ATF_CHECK_EQ(9, c.c_session->fs_result.wd_out);
	teardown(&fk, &k);
}

ATF_TC(client_reset);
ATF_TC_HEAD(client_reset, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client's reset is ptConnectionReset "
	    "and the backend sees an end");
}
ATF_TC_BODY(client_reset, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	client_write(&c, "x", 1);
	backend_expect(&fk, backend, "x");
	reset(c.c_fd);
	expect_done(&fk, c.c_session, ptConnectionReset, 1, 0);
	ATF_CHECK(c.c_session->fs_result.wd_reason[0] != '\0');
	ATF_CHECK(backend_end(&fk, backend));
	(void)close(backend);
	teardown(&fk, &k);
}

ATF_TC(late_reset);
ATF_TC_HEAD(late_reset, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client's reset after it has got "
	    "everything is an end and no error");
}
ATF_TC_BODY(late_reset, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	client_write(&c, "x", 1);
	backend_expect(&fk, backend, "x");
	backend_write(&fk, backend, "all", 3);
	(void)close(backend);
	client_expect(&c, "all");
	ATF_CHECK(client_end(&c));
	reset(c.c_fd);
	expect_done(&fk, c.c_session, 0, 1, 3);
	teardown(&fk, &k);
}

ATF_TC(truncated);
ATF_TC_HEAD(truncated, tc)
{
	atf_tc_set_md_var(tc, "descr", "an end without close_notify is passed "
	    "on as an end, the answer still arrives, and DONE says truncated "
	    "without an error");
}
ATF_TC_BODY(truncated, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int		 backend;

	setup(tc, &fk, &k);
	client_connect(&c, &fk, &backend);
	client_write(&c, "question", 8);
	ATF_REQUIRE_EQ(0, shutdown(c.c_fd, SHUT_WR));
	backend_expect(&fk, backend, "question");
	ATF_CHECK(backend_end(&fk, backend));
	backend_write(&fk, backend, "answer", 6);
	(void)close(backend);
	client_expect(&c, "answer");
	ATF_CHECK(client_end(&c));
	expect_done(&fk, c.c_session, 0, 8, 6);
	ATF_CHECK_EQ(WIRE_DONE_TRUNCATED, c.c_session->fs_result.wd_flags);
	client_close(&c);
	teardown(&fk, &k);
}

ATF_TC(many);
ATF_TC_HEAD(many, tc)
{
	atf_tc_set_md_var(tc, "descr", "40 sessions at the same time each get "
	    "their own bytes and nobody else's");
}
ATF_TC_BODY(many, tc)
{
	static struct client	 c[40];
	struct fake		 fk;
	struct key		 k;
	char			 text[32];
	int			 backend[40], i;

	setup(tc, &fk, &k);
	for (i = 0; i < 40; i++)
		client_connect(&c[i], &fk, &backend[i]);
	for (i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "to backend %d", i);
		client_write(&c[i], text, strlen(text));
		(void)snprintf(text, sizeof(text), "to client %d", i);
		backend_write(&fk, backend[i], text, strlen(text));
	}
	for (i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "to backend %d", i);
		backend_expect(&fk, backend[i], text);
		(void)snprintf(text, sizeof(text), "to client %d", i);
		client_expect(&c[i], text);
	}
	for (i = 0; i < 40; i++) {
		client_shut(&c[i]);
		(void)close(backend[i]);
	}
	for (i = 0; i < 40; i++) {
		FAKE_WAIT(&fk, c[i].c_session->fs_exited);
		ATF_CHECK_EQ(0, c[i].c_session->fs_result.wd_error);
		ATF_CHECK_EQ(0, c[i].c_session->fs_exit.we_code);
		client_close(&c[i]);
	}
	teardown(&fk, &k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, echo);
	ATF_TP_ADD_TC(tp, echo_unread);
	ATF_TP_ADD_TC(tp, client_half_close);
	ATF_TP_ADD_TC(tp, server_half_close);
	ATF_TP_ADD_TC(tp, both_at_once);
	ATF_TP_ADD_TC(tp, one_byte);
	ATF_TP_ADD_TC(tp, flood_down);
	ATF_TP_ADD_TC(tp, flood_up);
	ATF_TP_ADD_TC(tp, large);
	ATF_TP_ADD_TC(tp, duplex);
	ATF_TP_ADD_TC(tp, backend_reset);
	ATF_TP_ADD_TC(tp, backend_gone);
	ATF_TP_ADD_TC(tp, client_reset);
	ATF_TP_ADD_TC(tp, late_reset);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, many);
	return (atf_no_error());
}
