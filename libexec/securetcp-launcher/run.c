/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* From a launcher to a program: what it inherits, and what it does not. */

#include <sys/types.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "launcher.h"
#include "procs.h"
#include "sandbox.h"

#define RUN_FAILED	127	/* as a shell says it */

static void	 run_caught(int);
static int	 run_signals(void);
static int	 run_descriptors(int, int);
__attribute__((__noreturn__))
static void	 run_child(const struct program *, char **, int, int);
__attribute__((__noreturn__))
static void	 run_fail(const struct program *, const char *);

static void
run_caught(int sig)
{
	(void)sig;
}

/*
 * Caught rather than ignored, so that one that is sent to a child before it
 * has become the program waits for it.
 */
int
run_init(void)
{
	struct sigaction	 sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = run_caught;
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	return (sigaction(SIGTERM, &sa, NULL));
}

pid_t
run_program(const struct program *pr, char **environment, int fd, int errfd,
    int *handle)
{
	sigset_t	 all, old;
	pid_t		 pid;
	int		 error;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) == -1)
		return (-1);
	if ((pid = procs_fork(handle, PROCS_FOLLOW)) == 0)
		run_child(pr, environment, fd, errfd);
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
	sigemptyset(&sa.sa_mask);
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sigemptyset(&none);
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
run_child(const struct program *pr, char **environment, int fd, int errfd)
{
	/* A group of its own, which ends with it. */
	(void)setsid();
	compat_nologin();
	procs_child();
	if (run_descriptors(fd, errfd) == -1)
		_exit(RUN_FAILED);
	if (limits_restore() == -1)
		run_fail(pr, "limits");
	if (geteuid() == 0 && privdrop_user(pr->pr_uid, pr->pr_gid,
	    pr->pr_groups, pr->pr_ngroups) == -1)
		run_fail(pr, "change of user");
	/* After that, which makes Linux forget it. */
	(void)compat_follow();
	if (run_signals() == -1)
		run_fail(pr, "signals");
	(void)execve(pr->pr_path, pr->pr_argv, environment);
	run_fail(pr, NULL);
}

/* Its standard error is what the parent logs. */
static void
run_fail(const struct program *pr, const char *what)
{
	int	 error = errno;

	dprintf(STDERR_FILENO, "%s cannot be run: %s%s%s\n", pr->pr_path,
	    what == NULL ? "" : what, what == NULL ? "" : ": ",
	    strerror(error));
	_exit(RUN_FAILED);
}
