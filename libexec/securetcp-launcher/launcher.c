/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Runs, signals and reaps programs, as the parent orders by session. */

#include <sys/types.h>
#include <sys/tree.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "launcher.h"
#include "procs.h"
#include "wire.h"

#define LAUNCHER_QUEUE	256	/* messages unsent: take no more orders */
#define LAUNCHER_GRACE	1000	/* milliseconds, when the parent has gone */

/* One program at work, which leads the process group of its number. */
struct running {
	RB_ENTRY(running)	 ru_bysession;
	RB_ENTRY(running)	 ru_bypid;
	uint64_t		 ru_session;
	pid_t			 ru_pid;
	int			 ru_handle;
};

RB_HEAD(sessiontree, running);
RB_HEAD(pidtree, running);

static struct sessiontree	 bysession = RB_INITIALIZER(&bysession);
static struct pidtree		 bypid = RB_INITIALIZER(&bypid);
static struct imsgbuf		*parent;
static int			 procfd;
static int			 errfd = -1;	/* of the program to come ... */
static uint64_t			 errsession;	/* ... for this session */

static int	 running_sessioncmp(struct running *, struct running *);
static int	 running_pidcmp(struct running *, struct running *);

static void	 running_signal(struct running *, int);

static int64_t	 launcher_now(void);
static int	 launcher_full(void);
static void	 launcher_turn(void);
static void	 launcher_pipe(int);
static void	 launcher_orders(void);
static void	 launcher_message(struct imsg *);
__attribute__((__noreturn__))
static void	 launcher_leave(void);
static void	 launcher_kill_all(void);
static void	 launcher_stderr(struct imsg *);
static void	 launcher_order(struct imsg *);
static void	 launcher_execute(struct wire_run *, int);
static void	 launcher_unforked(uint64_t, int);
static void	 launcher_signal(struct imsg *, int);
static void	 launcher_reap(void);
static void	 launcher_exited(struct running *, int);
static void	 launcher_send(enum wire_type, const void *, size_t);

RB_PROTOTYPE(sessiontree, running, ru_bysession, running_sessioncmp)
RB_PROTOTYPE(pidtree, running, ru_bypid, running_pidcmp)
RB_GENERATE(sessiontree, running, ru_bysession, running_sessioncmp)
RB_GENERATE(pidtree, running, ru_bypid, running_pidcmp)

static int
running_sessioncmp(struct running *a, struct running *b)
{
	return (a->ru_session < b->ru_session ? -1 :
	    a->ru_session > b->ru_session);
}

static int
running_pidcmp(struct running *a, struct running *b)
{
	return (a->ru_pid < b->ru_pid ? -1 : a->ru_pid > b->ru_pid);
}

static void
running_signal(struct running *ru, int sig)
{
	/* A child that does not yet lead its group is alone. */
	if (kill(-ru->ru_pid, sig) == -1 && errno == ESRCH)
		(void)kill(ru->ru_pid, sig);
}

static int64_t
launcher_now(void)
{
	struct timespec	 ts;

	/* Cannot fail: every system here has the clock. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
launcher_run(struct imsgbuf *pipe, int fd)
{
	parent = pipe;
	procfd = fd;
	/* Whatever makes the launcher leave, no program stays behind. */
	if (atexit(launcher_kill_all) != 0)
		helper_fatal(parent, "launcher: atexit: %s", strerror(errno));
	for (;;)
		launcher_turn();
}

static void
launcher_kill_all(void)
{
	struct running	*ru;

	RB_FOREACH(ru, sessiontree, &bysession)
		running_signal(ru, SIGKILL);
}

/* The parent has gone: programs have a moment to do the same. */
static void
launcher_leave(void)
{
	struct running	*ru;
	struct pollfd	 pfd;
	int64_t		 end = launcher_now() + LAUNCHER_GRACE, left;

	RB_FOREACH(ru, sessiontree, &bysession)
		running_signal(ru, SIGTERM);
	while (!RB_EMPTY(&bysession) && (left = end - launcher_now()) > 0) {
		pfd.fd = procfd;
		pfd.events = POLLIN;
		pfd.revents = 0;
		if (poll(&pfd, 1, (int)left) == -1 && errno != EINTR)
			break;
		launcher_reap();
	}
	exit(HELPER_PIPE);
}

/* A parent that does not take the answers gets no more work done. */
static int
launcher_full(void)
{
	return (imsgbuf_queuelen(parent) >= LAUNCHER_QUEUE);
}

static void
launcher_turn(void)
{
	struct pollfd	 pfd[2];

	/* They may have come with PROGRAM_END, or been left when full. */
	launcher_orders();
	pfd[0].fd = WIRE_FD;
	pfd[0].events = launcher_full() ? 0 : POLLIN;
	if (imsgbuf_queuelen(parent) > 0)
		pfd[0].events |= POLLOUT;
	pfd[1].fd = procfd;
	pfd[1].events = POLLIN;
	pfd[0].revents = pfd[1].revents = 0;
	if (compat_poll(pfd, 2, -1) == -1) {
		/* SIGCHLD is how some systems learn of a death. */
		if (errno == EINTR)
			return;
		helper_fatal(parent, "launcher: poll: %s", strerror(errno));
	}
	if (pfd[0].revents != 0)
		launcher_pipe(pfd[0].revents);
	if (pfd[1].revents != 0)
		launcher_reap();
	if (imsgbuf_queuelen(parent) > 0 && imsgbuf_write(parent) == -1)
		launcher_leave();
}

static void
launcher_pipe(int revents)
{
	if (revents & POLLOUT && imsgbuf_write(parent) == -1)
		launcher_leave();
	if (revents & POLLIN) {
		switch (imsgbuf_read(parent)) {
		case 0:
			launcher_leave();
		case -1:
			if (errno == ECONNRESET)
				launcher_leave();
			helper_fatal(parent, "launcher: reading the pipe: %s",
			    strerror(errno));
		}
	} else if (revents & (POLLHUP | POLLERR | POLLNVAL))
		launcher_leave();
}

static void
launcher_orders(void)
{
	struct imsg	 imsg;
	ssize_t		 n;

	while (!launcher_full()) {
		if ((n = imsgbuf_get(parent, &imsg)) == -1)
			helper_fatal(parent, "launcher: malformed message: "
			    "%s", strerror(errno));
		if (n == 0)
			return;
		launcher_message(&imsg);
		imsg_free(&imsg);
	}
}

static void
launcher_message(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_STDERR:
		/* Half of an order: RUN is the other. */
		launcher_stderr(imsg);
		return;
	case WIRE_RUN:
		launcher_order(imsg);
		break;
	case WIRE_TERM:
		launcher_signal(imsg, SIGTERM);
		break;
	case WIRE_KILL:
		launcher_signal(imsg, SIGKILL);
		break;
	default:
		helper_fatal(parent, "launcher: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
	/* Whatever came of it: a launcher that hangs says no more of that. */
	launcher_send(WIRE_TAKEN, NULL, 0);
}

static void
launcher_stderr(struct imsg *imsg)
{
	struct wire_id	 wx;
	int		 fd;

	fd = wire_fd(imsg);
	helper_parse(parent, imsg, &wx, sizeof(wx));
	if (errfd != -1)
		helper_fatal(parent, "launcher: session %llu: STDERR without "
		    "a RUN behind it", (unsigned long long)errsession);
	if (fd == -1)
		helper_fatal(parent, "launcher: session %llu: STDERR came "
		    "without a descriptor", (unsigned long long)wx.wx_session);
	errfd = fd;
	errsession = wx.wx_session;
}

static void
launcher_order(struct imsg *imsg)
{
	static struct wire_run	 wrn;
	int			 fd;

	fd = wire_fd(imsg);
	helper_parse(parent, imsg, &wrn, sizeof(wrn));
	if (fd == -1)
		helper_fatal(parent, "launcher: session %llu: RUN came "
		    "without its connection",
		    (unsigned long long)wrn.wrn_session);
	if (errfd == -1 || errsession != wrn.wrn_session)
		helper_fatal(parent, "launcher: session %llu: RUN without "
		    "STDERR before it", (unsigned long long)wrn.wrn_session);
	launcher_execute(&wrn, fd);
	/* The program's now, or nobody's. */
	(void)close(fd);
	(void)close(errfd);
	errfd = -1;
}

static void
launcher_execute(struct wire_run *wrn, int fd)
{
	const struct program	 *pr;
	struct running		 *ru = NULL;
	char			**environment;
	int			  error;

	if ((pr = program_find(wrn->wrn_index)) == NULL)
		helper_fatal(parent, "launcher: session %llu: there is no "
		    "program %u", (unsigned long long)wrn->wrn_session,
		    wrn->wrn_index);
	environment = strings_split(wrn->wrn_environment,
	    wrn->wrn_environment_len);
	if (environment == NULL && errno == EINVAL)
		helper_fatal(parent, "launcher: session %llu: malformed "
		    "environment", (unsigned long long)wrn->wrn_session);
	if (environment == NULL || (ru = calloc(1, sizeof(*ru))) == NULL)
		goto fail;
	ru->ru_session = wrn->wrn_session;
	if (RB_INSERT(sessiontree, &bysession, ru) != NULL)
		helper_fatal(parent, "launcher: session %llu has a program "
		    "already", (unsigned long long)wrn->wrn_session);
	ru->ru_pid = run_program(pr, environment, fd, errfd, &ru->ru_handle);
	if (ru->ru_pid == -1) {
		error = errno;
		(void)RB_REMOVE(sessiontree, &bysession, ru);
		errno = error;
		goto fail;
	}
	/* A pid is unique until it is reaped, and then it leaves the tree. */
	(void)RB_INSERT(pidtree, &bypid, ru);
	free(environment);
	return;

fail:
	error = errno;
	free(environment);
	free(ru);
	launcher_unforked(wrn->wrn_session, error);
}

static void
launcher_unforked(uint64_t session, int error)
{
	struct wire_unforked	 wf;

	memset(&wf, 0, sizeof(wf));
	wf.wf_session = session;
	wf.wf_errno = (uint32_t)error;
	launcher_send(WIRE_UNFORKED, &wf, sizeof(wf));
}

/* One that is not known has gone already: its EXITED is under way. */
static void
launcher_signal(struct imsg *imsg, int sig)
{
	struct wire_id	 wx;
	struct running	 key, *ru;

	helper_parse(parent, imsg, &wx, sizeof(wx));
	key.ru_session = wx.wx_session;
	if ((ru = RB_FIND(sessiontree, &bysession, &key)) != NULL)
		running_signal(ru, sig);
}

static void
launcher_reap(void)
{
	struct running	 key, *ru;
	int		 n, status;

	/* All of them: the descriptor says it once. */
	while ((n = procs_reap_group(&key.ru_pid, &status)) != 0) {
		if (n == -1)
			helper_fatal(parent, "launcher: reaping: %s",
			    strerror(errno));
		ru = RB_FIND(pidtree, &bypid, &key);
		if (ru == NULL)
			continue;
		(void)RB_REMOVE(pidtree, &bypid, ru);
		(void)RB_REMOVE(sessiontree, &bysession, ru);
		launcher_exited(ru, status);
		free(ru);
	}
}

static void
launcher_exited(struct running *ru, int status)
{
	struct wire_exited	 we;

	memset(&we, 0, sizeof(we));
	we.we_session = ru->ru_session;
	if (WIFSIGNALED(status))
		we.we_signal = (uint32_t)WTERMSIG(status);
	else
		we.we_code = (uint32_t)WEXITSTATUS(status);
	launcher_send(WIRE_EXITED, &we, sizeof(we));
}

/* Queues: what is queued in one turn leaves in one write. */
static void
launcher_send(enum wire_type type, const void *payload, size_t size)
{
	if (wire_send(parent, type, -1, payload, size) == -1)
		helper_fatal(parent, "launcher: %s: %s", wire_name(type),
		    strerror(errno));
}
