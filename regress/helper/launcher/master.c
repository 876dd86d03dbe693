/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"
#include "master.h"
#include "shipped.h"

static void	 master_prepare(void);
static struct run
		*master_find(struct master *, uint64_t);
static void	 master_message(struct master *, struct imsg *);
static char	*master_take(struct master *, int, int);
static void	 master_pair(int [2]);

int	 master_nofork;

int64_t
master_now(void)
{
	struct timespec	 ts;

	ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_MONOTONIC, &ts));
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Our end close-on-exec; theirs as a program gets it. */
static void
master_pair(int sv[2])
{
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ATF_REQUIRE(fcntl(sv[0], F_SETFD, FD_CLOEXEC) != -1);
	ATF_REQUIRE(fcntl(sv[0], F_SETFL, O_NONBLOCK) != -1);
}

/*
 * OpenBSD lets an ordinary shell have 128 descriptors, and no process of its
 * more than 1024: how many runs may have their two on the way at once.
 */
int
master_room(void)
{
	struct rlimit	 rl;

	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	return (rl.rlim_cur < MASTER_RUNS * 2 + 64 ?
	    ((int)rl.rlim_cur - 64) / 2 : MASTER_RUNS);
}

static void
master_prepare(void)
{
	struct rlimit	 rl;

	rl.rlim_cur = rl.rlim_max = 0;
	if (master_nofork && setrlimit(RLIMIT_NPROC, &rl) == -1)
		_exit(125);
}

/* The process, with nothing said to it yet. */
void
master_launch(struct master *m, const atf_tc_t *tc)
{
	memset(m, 0, sizeof(*m));
	m->m_pid = shipped_start(tc, "securetcp-launcher", &m->m_pipe,
	    &m->m_fd, master_prepare);
	ATF_REQUIRE(fcntl(m->m_fd, F_SETFL, O_NONBLOCK) != -1);
}

void
master_identify(struct master *m)
{
	struct wire_start	 ws;

	memset(&ws, 0, sizeof(ws));
	ws.ws_flags = WIRE_START_ROOT;
	ws.ws_uid = getuid();
	ws.ws_gid = getgid();
	ws.ws_nofile = 512;
	(void)strlcpy(ws.ws_title, "securetcp-launcher: test",
	    sizeof(ws.ws_title));
	master_send(m, WIRE_START, -1, &ws, sizeof(ws));
}

void
master_send(struct master *m, enum wire_type type, int fd,
    const void *payload, size_t size)
{
	ATF_REQUIRE_EQ(0, wire_send(&m->m_pipe, type, fd, payload, size));
	if (type == WIRE_RUN || type == WIRE_TERM || type == WIRE_KILL)
		m->m_orders++;
}

/* A program of the caller's own user, without groups. */
void
master_fill(struct wire_program *wp, const char *path, char *const *argv)
{
	size_t	 len;

	memset(wp, 0, sizeof(*wp));
	wp->wp_uid = getuid();
	wp->wp_gid = getgid();
	(void)strlcpy(wp->wp_path, path, sizeof(wp->wp_path));
	for (; *argv != NULL; argv++) {
		len = strlen(*argv) + 1;
		ATF_REQUIRE(wp->wp_arguments_len + len <=
		    sizeof(wp->wp_arguments));
		memcpy(wp->wp_arguments + wp->wp_arguments_len, *argv, len);
		wp->wp_arguments_len += len;
	}
}

uint32_t
master_program(struct master *m, const char *path, char *const *argv)
{
	struct wire_program	 wp;

	master_fill(&wp, path, argv);
	wp.wp_index = m->m_nprograms++;
	master_send(m, WIRE_PROGRAM, -1, &wp, sizeof(wp));
	return (wp.wp_index);
}

uint32_t
master_shell(struct master *m, const char *script)
{
	char	*argv[4], name[] = "sh", option[] = "-c", *text;
	uint32_t index;

	ATF_REQUIRE((text = strdup(script)) != NULL);
	argv[0] = name;
	argv[1] = option;
	argv[2] = text;
	argv[3] = NULL;
	index = master_program(m, "/bin/sh", argv);
	free(text);
	return (index);
}

void
master_loaded(struct master *m)
{
	master_send(m, WIRE_PROGRAM_END, -1, NULL, 0);
	MASTER_WAIT(m, m->m_ready || m->m_ended);
	if (!m->m_ready)
		atf_tc_fail("no launcher: %s", m->m_fatal);
}

/* A launcher that is ready, with one program: a script. */
void
master_start(struct master *m, const atf_tc_t *tc, const char *script)
{
	master_launch(m, tc);
	master_identify(m);
	(void)master_shell(m, script);
	master_loaded(m);
}

/* Ends the pipe: the launcher has to leave of its own. */
void
master_stop(struct master *m)
{
	int	 status;
	size_t	 i;

	imsgbuf_clear(&m->m_pipe);
	(void)close(m->m_fd);
	ATF_REQUIRE_EQ(m->m_pid, waitpid(m->m_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status));
	ATF_CHECK_EQ(3, WEXITSTATUS(status));
	for (i = 0; i < m->m_nruns; i++) {
		master_close(m->m_runs[i]);
		free(m->m_runs[i]);
	}
	m->m_nruns = 0;
}

/* The launcher's last words, and that they are its last. */
void
master_fatal(struct master *m, const char *text)
{
	int	 status;

	MASTER_WAIT(m, m->m_ended);
	if (strstr(m->m_fatal, text) == NULL)
		atf_tc_fail_nonfatal("\"%s\" is not in: %s", text,
		    m->m_fatal);
	ATF_REQUIRE_EQ(m->m_pid, waitpid(m->m_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status));
	ATF_CHECK_EQ(2, WEXITSTATUS(status));
	imsgbuf_clear(&m->m_pipe);
	(void)close(m->m_fd);
}

struct run *
master_run_with(struct master *m, uint32_t index, const void *environment,
    size_t len)
{
	static struct wire_run	 wrn;
	struct wire_id		 wx;
	struct run		*r;
	int			 err[2], sv[2];

	ATF_REQUIRE(m->m_nruns < MASTER_RUNS);
	ATF_REQUIRE((r = calloc(1, sizeof(*r))) != NULL);
	master_pair(sv);
	master_pair(err);
	r->r_session = 100 + m->m_nruns;
	r->r_fd = sv[0];
	r->r_errfd = err[0];
	m->m_runs[m->m_nruns++] = r;
	memset(&wx, 0, sizeof(wx));
	wx.wx_session = r->r_session;
	master_send(m, WIRE_STDERR, err[1], &wx, sizeof(wx));
	memset(&wrn, 0, sizeof(wrn));
	wrn.wrn_session = r->r_session;
	wrn.wrn_index = index;
	ATF_REQUIRE(len <= sizeof(wrn.wrn_environment));
	wrn.wrn_environment_len = (uint16_t)len;
	memcpy(wrn.wrn_environment, environment, len);
	master_send(m, WIRE_RUN, sv[1], &wrn, sizeof(wrn));
	return (r);
}

struct run *
master_run(struct master *m, uint32_t index)
{
	static const char	 path[] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";

	return (master_run_with(m, index, path, sizeof(path)));
}

void
master_order(struct master *m, enum wire_type type, const struct run *r)
{
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = r->r_session;
	master_send(m, type, -1, &wx, sizeof(wx));
}

void
master_turn(struct master *m, int timeout)
{
	struct pollfd	 pfd;
	struct imsg	 imsg;
	int		 n;

	pfd.fd = m->m_ended ? -1 : m->m_fd;
	pfd.events = POLLIN;
	/* Of one that was cleared nothing may be asked. */
	if (!m->m_ended && imsgbuf_queuelen(&m->m_pipe) > 0)
		pfd.events |= POLLOUT;
	pfd.revents = 0;
	if (poll(&pfd, 1, timeout) == -1) {
		ATF_REQUIRE_EQ(EINTR, errno);
		return;
	}
	/* It may be gone, having said why. */
	if (pfd.revents & POLLOUT)
		(void)imsgbuf_write(&m->m_pipe);
	if (!(pfd.revents & ~POLLOUT))
		return;
	if (imsgbuf_read(&m->m_pipe) != 1)
		m->m_ended = 1;
	while ((n = imsgbuf_get(&m->m_pipe, &imsg)) == 1) {
		master_message(m, &imsg);
		imsg_free(&imsg);
	}
	ATF_REQUIRE_EQ(0, n);
}

static struct run *
master_find(struct master *m, uint64_t session)
{
	size_t	 i;

	for (i = 0; i < m->m_nruns; i++) {
		if (m->m_runs[i]->r_session == session)
			return (m->m_runs[i]);
	}
	atf_tc_fail("session %llu was never asked for",
	    (unsigned long long)session);
}

static void
master_message(struct master *m, struct imsg *imsg)
{
	struct wire_ready	 wr;
	struct wire_text	 wt;
	struct wire_exited	 we;
	struct wire_unforked	 wf;
	struct run		*r;
	const char		*wrong;

	wrong = wire_check(WIRE_LAUNCHER, m->m_ready ? WIRE_RUNNING :
	    WIRE_LOADING, &m->m_once, imsg_get_type(imsg),
	    imsg_get_len(imsg));
	if (wrong != NULL)
		atf_tc_fail("launcher: %s: %s",
		    wire_name(imsg_get_type(imsg)), wrong);
	ATF_REQUIRE_EQ(-1, imsg_get_fd(imsg));
	switch (imsg_get_type(imsg)) {
	case WIRE_READY:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wr, sizeof(wr)));
		(void)strlcpy(m->m_sandbox, wr.wr_sandbox,
		    sizeof(m->m_sandbox));
		m->m_ready = 1;
		break;
	case WIRE_FATAL:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wt, sizeof(wt)));
		(void)strlcpy(m->m_fatal, wt.wt_text, sizeof(m->m_fatal));
		break;
	case WIRE_TAKEN:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, NULL, 0));
		ATF_REQUIRE(m->m_taken++ < m->m_orders);
		break;
	case WIRE_UNFORKED:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wf, sizeof(wf)));
		r = master_find(m, wf.wf_session);
		ATF_CHECK_EQ(0, r->r_exited);
		ATF_CHECK_EQ(0, r->r_unforked);
		r->r_unforked = wf.wf_errno;
		break;
	case WIRE_EXITED:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &we, sizeof(we)));
		r = master_find(m, we.we_session);
		ATF_CHECK_EQ(0, r->r_exited);
		ATF_CHECK_EQ(0, r->r_unforked);
		r->r_exited = 1;
		r->r_exit = we;
		break;
	default:
		atf_tc_fail("launcher: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
}

static char *
master_take(struct master *m, int fd, int line)
{
	int64_t	 end = master_now() + MASTER_PATIENCE;
	size_t	 len = 0, size = 1 << 20;
	ssize_t	 n;
	char	*text;

	ATF_REQUIRE((text = calloc(1, size)) != NULL);
	for (;;) {
		/* Byte by byte where what follows is somebody else's. */
		n = read(fd, text + len, line ? 1 : size - 1 - len);
		if (n == 0 || (n == -1 && errno == ECONNRESET))
			break;
		if (n == -1) {
			ATF_REQUIRE_EQ(EAGAIN, errno);
			if (master_now() > end)
				atf_tc_fail("neither more nor an end after: "
				    "%s", text);
			master_turn(m, 10);
			continue;
		}
		len += (size_t)n;
		ATF_REQUIRE(len < size - 1);
		if (line && text[len - 1] == '\n')
			break;
	}
	return (text);
}

char *
master_read(struct master *m, int fd)
{
	return (master_take(m, fd, 0));
}

char *
master_line(struct master *m, int fd)
{
	return (master_take(m, fd, 1));
}

void
master_exited(struct master *m, const struct run *r, unsigned int sig,
    unsigned int code)
{
	MASTER_WAIT(m, r->r_exited);
	ATF_CHECK_EQ_MSG(sig, r->r_exit.we_signal, "signal %u, not %u",
	    r->r_exit.we_signal, sig);
	ATF_CHECK_EQ_MSG(code, r->r_exit.we_code, "code %u, not %u",
	    r->r_exit.we_code, code);
}

void
master_close(struct run *r)
{
	if (r->r_fd != -1)
		(void)close(r->r_fd);
	if (r->r_errfd != -1)
		(void)close(r->r_errfd);
	r->r_fd = r->r_errfd = -1;
}
