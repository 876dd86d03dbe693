/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The launcher: runs the programs of "execute" statements, one for each
 * connection, with the connection as their 0 and 1.  The launcher keeps root,
 * because each of them has a user of its own; it never reads from a descriptor
 * that it passes on, and keeps none.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/tree.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <imsg.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "helper.h"
#include "procs.h"
#include "sandbox.h"
#include "wire.h"

#define PROGRAMS_MAX	4096
#define LAUNCHER_QUEUE	256	/* messages unsent: take no more orders */
#define LAUNCHER_GRACE	1000	/* milliseconds, when the parent has gone */
#define RUN_FAILED	127	/* as a shell says it */

/* A program that may be run, and its user. */
struct runnable {
	char		*rn_path;
	char		**rn_argv;
	uid_t		 rn_uid;
	gid_t		 rn_gid;
	gid_t		 rn_groups[WIRE_GROUPS];
	int		 rn_ngroups;
};

/* A running program, which leads the process group of its number. */
struct running {
	RB_ENTRY(running)	 ru_bysession;
	RB_ENTRY(running)	 ru_bypid;
	uint64_t		 ru_session;
	pid_t			 ru_pid;
	int			 ru_handle;
};

RB_HEAD(sessiontree, running);
RB_HEAD(pidtree, running);

/*
 * The soft limits only: an ordinary user could not give back to a program
 * what was taken from a hard one.
 */
struct limit {
	int		 l_resource;
	rlim_t		 l_own;
	struct rlimit	 l_saved;
};

static struct limit	 limits[] = {
	{ RLIMIT_NOFILE,	0,	{ 0, 0 } },
	{ RLIMIT_CORE,		0,	{ 0, 0 } },
	{ RLIMIT_FSIZE,		0,	{ 0, 0 } },
};

#define NLIMITS	nitems(limits)

static struct runnable		*programs;	/* by the parent's numbers */
static uint32_t			 nprograms;
static struct sessiontree	 bysession = RB_INITIALIZER(&bysession);
static struct pidtree		 bypid = RB_INITIALIZER(&bypid);
static struct imsgbuf		*parent;
static int			 reapfd;
static int			 nexterr = -1;	/* of the program to come ... */
static uint64_t			 errsession;	/* ... for this session */

static const char	*runnable_wrong(const struct wire_program *);
static void	 runnable_groups(struct runnable *,
		    const struct wire_program *);
static void	 runnable_read(struct imsgbuf *, struct imsg *);
static void	 runnable_read_all(struct imsgbuf *);
static void	 runnable_add(struct imsgbuf *, const struct wire_program *);
static const struct runnable
		*runnable_find(uint32_t);
static char	**strings_split(uint8_t *, size_t);

static int	 running_sessioncmp(struct running *, struct running *);
static int	 running_pidcmp(struct running *, struct running *);

static void	 running_signal(struct running *, int);

__attribute__((__noreturn__))
static void	 launcher_loop(struct imsgbuf *, int);
static int	 launcher_full(void);
static void	 launcher_turn(void);
static void	 launcher_pipe(int);
static void	 launcher_orders(void);
static void	 launcher_obey(struct imsg *);
__attribute__((__noreturn__))
static void	 launcher_leave(void);
static void	 launcher_kill_all(void);
static void	 launcher_stderr(struct imsg *);
static void	 launcher_order(struct imsg *);
static void	 launcher_execute(struct wire_run *, int);
static void	 launcher_unforked(uint64_t, int);
static void	 launcher_kill(struct imsg *, int);
static void	 launcher_reap(void);
static void	 launcher_exited(struct running *, int);

RB_PROTOTYPE(sessiontree, running, ru_bysession, running_sessioncmp)
RB_PROTOTYPE(pidtree, running, ru_bypid, running_pidcmp)
RB_GENERATE(sessiontree, running, ru_bysession, running_sessioncmp)
RB_GENERATE(pidtree, running, ru_bypid, running_pidcmp)

static int	 run_init(void);
static void	 run_caught(int);
/*
 * Forks and executes; what it returns is what procs_fork() does, and of both
 * descriptors the caller keeps its copies.
 */
static pid_t	 run_program(const struct runnable *, char **, int, int,
		    int *);
static int	 run_signals(void);
static int	 run_descriptors(int, int);
__attribute__((__noreturn__))
static void	 run_child(const struct runnable *, char **, int, int);
__attribute__((__noreturn__))
static void	 run_fail(const struct runnable *, const char *);

/* Low for the launcher, as they were for what it runs. */
static int	 limit_lower(unsigned int);
static int	 limit_restore(void);

int
main(int argc, char *argv[])
{
	static struct imsgbuf	 pipe;
	struct wire_start	 start;
	int			 procfd;

	(void)argv;
	if (argc != 1)
		errx(HELPER_USAGE, "takes no arguments: it is run by "
		    "securetcpd(8)");
	helper_start(&pipe, &start);
	if (limit_lower(start.ws_nofile) == -1)
		helper_fatal(&pipe, "launcher: limits, %u descriptors: %s",
		    start.ws_nofile, strerror(errno));
	runnable_read_all(&pipe);
	if (run_init() == -1)
		helper_fatal(&pipe, "launcher: signals: %s", strerror(errno));
	if ((procfd = procs_init()) == -1)
		helper_fatal(&pipe, "launcher: reaping of programs: %s",
		    strerror(errno));
	helper_sandbox(&pipe, &start, SANDBOX_LAUNCHER);
	helper_ready(&pipe, sandbox_name());
	launcher_loop(&pipe, procfd);
}

/* The programs that may be run, by the numbers the parent gave them. */

/* NULL, or what is wrong with it. */
static const char *
runnable_wrong(const struct wire_program *wp)
{
	if (wp->wp_index != nprograms || nprograms == PROGRAMS_MAX)
		return ("out of order");
	if (wp->wp_path[0] != '/')
		return ("its path is not absolute");
	if (wp->wp_groups_len % sizeof(uint32_t) != 0)
		return ("half a group");
	if (geteuid() != 0 && wp->wp_uid != getuid())
		return ("another user: only root can become that");
	return (NULL);
}

static void
runnable_groups(struct runnable *rn, const struct wire_program *wp)
{
	const uint8_t	*p = wp->wp_groups;
	size_t		 left;

	for (left = wp->wp_groups_len; left > 0; left -= 4, p += 4)
		rn->rn_groups[rn->rn_ngroups++] = (gid_t)p[0] << 24 |
		    (gid_t)p[1] << 16 | (gid_t)p[2] << 8 | (gid_t)p[3];
}

static void
runnable_add(struct imsgbuf *pipe, const struct wire_program *wp)
{
	struct runnable	*rn;
	uint8_t		*arguments;

	rn = reallocarray(programs, nprograms + 1, sizeof(*rn));
	if (rn == NULL)
		goto fail;
	programs = rn;
	rn += nprograms;
	memset(rn, 0, sizeof(*rn));
	if ((rn->rn_path = strdup(wp->wp_path)) == NULL ||
	    (arguments = malloc(sizeof(wp->wp_arguments))) == NULL)
		goto fail;
	memcpy(arguments, wp->wp_arguments, wp->wp_arguments_len);
	rn->rn_argv = strings_split(arguments, wp->wp_arguments_len);
	if (rn->rn_argv == NULL)
		goto fail;
	if (rn->rn_argv[0] == NULL)
		helper_fatal(pipe, "launcher: program %s without the name by "
		    "which it is run", wp->wp_path);
	rn->rn_uid = (uid_t)wp->wp_uid;
	rn->rn_gid = (gid_t)wp->wp_gid;
	runnable_groups(rn, wp);
	nprograms++;
	return;

fail:
	helper_fatal(pipe, "launcher: program %s: %s", wp->wp_path,
	    strerror(errno));
}

static void
runnable_read(struct imsgbuf *pipe, struct imsg *imsg)
{
	struct wire_program	 wp;
	const char		*wrong;

	helper_parse(pipe, imsg, &wp, sizeof(wp));
	if ((wrong = runnable_wrong(&wp)) != NULL)
		helper_fatal(pipe, "launcher: program %u, %s, as user %u: %s",
		    wp.wp_index, wp.wp_path, wp.wp_uid, wrong);
	runnable_add(pipe, &wp);
}

static void
runnable_read_all(struct imsgbuf *pipe)
{
	struct imsg	 imsg;
	uint32_t	 type;

	for (;;) {
		helper_next(pipe, &imsg);
		type = imsg_get_type(&imsg);
		if (type == WIRE_PROGRAM_END)
			break;
		if (type != WIRE_PROGRAM)
			helper_fatal(pipe, "launcher: %s before PROGRAM_END",
			    wire_name(type));
		runnable_read(pipe, &imsg);
		imsg_free(&imsg);
	}
	helper_parse(pipe, &imsg, NULL, 0);
	imsg_free(&imsg);
}

static const struct runnable *
runnable_find(uint32_t index)
{
	return (index < nprograms ? &programs[index] : NULL);
}

/*
 * Strings that each end with their NUL, as a vector that ends with NULL; it
 * points into the data.  NULL with errno, EINVAL for data that does not end
 * with NUL.
 */
static char **
strings_split(uint8_t *data, size_t len)
{
	char	**strings;
	size_t	  i, n = 0;

	if (len > 0 && data[len - 1] != '\0') {
		errno = EINVAL;
		return (NULL);
	}
	for (i = 0; i < len; i++)
		n += data[i] == '\0';
	if ((strings = calloc(n + 1, sizeof(*strings))) == NULL)
		return (NULL);
	for (i = 0, n = 0; i < len; n++) {
		strings[n] = (char *)data + i;
		i += strlen(strings[n]) + 1;
	}
	return (strings);
}

/* Runs, signals and reaps programs, as the parent orders by session. */

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

static void
launcher_loop(struct imsgbuf *pipe, int fd)
{
	parent = pipe;
	reapfd = fd;
	/* No program outlives the launcher, however that ends. */
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
	int64_t		 end = compat_now() + LAUNCHER_GRACE, left;

	RB_FOREACH(ru, sessiontree, &bysession)
		running_signal(ru, SIGTERM);
	while (!RB_EMPTY(&bysession) && (left = end - compat_now()) > 0) {
		pfd.fd = reapfd;
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

	/* Orders may have come with PROGRAM_END, or been left when full. */
	launcher_orders();
	pfd[0].fd = WIRE_FD;
	pfd[0].events = launcher_full() ? 0 : POLLIN;
	if (imsgbuf_queuelen(parent) > 0)
		pfd[0].events |= POLLOUT;
	pfd[1].fd = reapfd;
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
		launcher_obey(&imsg);
		imsg_free(&imsg);
	}
}

static void
launcher_obey(struct imsg *imsg)
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
		launcher_kill(imsg, SIGTERM);
		break;
	case WIRE_KILL:
		launcher_kill(imsg, SIGKILL);
		break;
	default:
		helper_fatal(parent, "launcher: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
	/*
	 * Sent whether or not the program started: a launcher that hangs sends
	 * no TAKEN.
	 */
	helper_send(parent, WIRE_TAKEN, NULL, 0);
}

static void
launcher_stderr(struct imsg *imsg)
{
	struct wire_id	 wx;
	int		 fd;

	fd = wire_fd(imsg);
	helper_parse(parent, imsg, &wx, sizeof(wx));
	if (nexterr != -1)
		helper_fatal(parent, "launcher: session %llu: STDERR without "
		    "a RUN behind it", (unsigned long long)errsession);
	if (fd == -1)
		helper_fatal(parent, "launcher: session %llu: STDERR came "
		    "without a descriptor", (unsigned long long)wx.wx_session);
	nexterr = fd;
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
	if (nexterr == -1 || errsession != wrn.wrn_session)
		helper_fatal(parent, "launcher: session %llu: RUN without "
		    "STDERR before it", (unsigned long long)wrn.wrn_session);
	launcher_execute(&wrn, fd);
	/* The program's now, or nobody's. */
	(void)close(fd);
	(void)close(nexterr);
	nexterr = -1;
}

static void
launcher_execute(struct wire_run *wrn, int fd)
{
	const struct runnable	 *rn;
	struct running		 *ru = NULL;
	char			**environment;
	int			  error;

	if ((rn = runnable_find(wrn->wrn_index)) == NULL)
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
	ru->ru_pid = run_program(rn, environment, fd, nexterr, &ru->ru_handle);
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
	helper_send(parent, WIRE_UNFORKED, &wf, sizeof(wf));
}

/* An unknown program has gone already: its EXITED is under way. */
static void
launcher_kill(struct imsg *imsg, int sig)
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
	helper_send(parent, WIRE_EXITED, &we, sizeof(we));
}

/* From a launcher to a program: what it inherits, and what it does not. */

static void
run_caught(int sig)
{
	(void)sig;
}

/*
 * Caught rather than ignored, so that one that is sent to a child before it
 * has become the program waits for it.
 */
static int
run_init(void)
{
	struct sigaction	 sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = run_caught;
	sa.sa_flags = SA_RESTART;
	(void)sigemptyset(&sa.sa_mask);
	return (sigaction(SIGTERM, &sa, NULL));
}

static pid_t
run_program(const struct runnable *rn, char **environment, int fd, int errfd,
    int *handle)
{
	sigset_t	 all, old;
	pid_t		 pid;
	int		 error;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) == -1)
		return (-1);
	if ((pid = procs_fork(handle, PROCS_FOLLOW)) == 0)
		run_child(rn, environment, fd, errfd);
	error = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return (pid);
}

/* All as they are in a new process; some cannot be set, and need not. */
static int
run_signals(void)
{
	struct sigaction	 sa;
	sigset_t		 none;
	int			 sig;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	(void)sigemptyset(&sa.sa_mask);
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	(void)sigemptyset(&none);
	return (sigprocmask(SIG_SETMASK, &none, NULL));
}

/* Both are above 3, where the launcher's own end. */
static int
run_descriptors(int fd, int errfd)
{
	if (dup2(fd, STDIN_FILENO) == -1 || dup2(fd, STDOUT_FILENO) == -1 ||
	    dup2(errfd, STDERR_FILENO) == -1)
		return (-1);
	closefrom(STDERR_FILENO + 1);
	return (0);
}

static void
run_child(const struct runnable *rn, char **environment, int fd, int errfd)
{
	/* A group of its own, which ends with it. */
	(void)setsid();
	compat_nologin();
	procs_child();
	if (run_descriptors(fd, errfd) == -1)
		_exit(RUN_FAILED);
	if (limit_restore() == -1)
		run_fail(rn, "limits");
	if (geteuid() == 0 && privdrop_user(rn->rn_uid, rn->rn_gid,
	    rn->rn_groups, rn->rn_ngroups) == -1)
		run_fail(rn, "change of user");
	/* After that, which makes Linux forget it. */
	(void)compat_follow();
	if (run_signals() == -1)
		run_fail(rn, "signals");
	(void)execve(rn->rn_path, rn->rn_argv, environment);
	run_fail(rn, NULL);
}

/* Its standard error is what the parent logs. */
static void
run_fail(const struct runnable *rn, const char *what)
{
	int	 error = errno;

	dprintf(STDERR_FILENO, "%s cannot be run: %s%s%s\n", rn->rn_path,
	    what == NULL ? "" : what, what == NULL ? "" : ": ",
	    strerror(error));
	_exit(RUN_FAILED);
}

/* Notes what was, for programs, and sets what is the launcher's own. */
static int
limit_lower(unsigned int nofile)
{
	struct rlimit	 rl;
	size_t		 i;

	limits[0].l_own = nofile;
	for (i = 0; i < NLIMITS; i++) {
		if (getrlimit(limits[i].l_resource, &rl) == -1)
			return (-1);
		limits[i].l_saved = rl;
		rl.rlim_cur = limits[i].l_own;
		/* As root it may have more, where it needs a lot. */
		if (rl.rlim_max != RLIM_INFINITY && rl.rlim_cur > rl.rlim_max)
			rl.rlim_max = rl.rlim_cur;
		if (setrlimit(limits[i].l_resource, &rl) == -1)
			return (-1);
	}
	return (0);
}

static int
limit_restore(void)
{
	size_t	 i;

	for (i = 0; i < NLIMITS; i++) {
		if (compat_restore_limit(limits[i].l_resource,
		    &limits[i].l_saved) == -1)
			return (-1);
	}
	return (0);
}
