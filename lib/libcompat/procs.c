/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Children by fork(2), kill(2) and waitpid(2): see procs_pd.c for FreeBSD. */

#ifndef __FreeBSD__

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "procs.h"

static int	 procs_pipe[2] = { -1, -1 };

static pid_t	 procs_wait(int *, int);
static int	 procs_next(pid_t *, int *, int);
static void	 procs_sigchld(int);
static int	 procs_drain(void);

/* A full pipe says as much as one byte more would. */
static void
procs_sigchld(int sig)
{
	int	 saved = errno;

	(void)sig;
	if (write(procs_pipe[1], "", 1) == -1)
		errno = saved;
}

int
procs_init(void)
{
	struct sigaction	 sa;

	if (pipe2(procs_pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = procs_sigchld;
	sa.sa_flags = SA_RESTART | SA_NOCLDSTOP;
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGCHLD, &sa, NULL) == -1)
		return (-1);
	return (procs_pipe[0]);
}

pid_t
procs_fork(int *handle, int flags)
{
	(void)flags;
	*handle = -1;
	return (fork());
}

void
procs_child(void)
{
	struct sigaction	 sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGCHLD, &sa, NULL);
	close(procs_pipe[0]);
	close(procs_pipe[1]);
	procs_pipe[0] = procs_pipe[1] = -1;
}

int
procs_kill(pid_t pid, int handle)
{
	(void)handle;
	if (pid <= 0) {
		errno = EINVAL;
		return (-1);
	}
	return (kill(pid, SIGKILL));
}

static int
procs_drain(void)
{
	char	 buf[256];
	ssize_t	 n;
	int	 drained = 0;

	while ((n = read(procs_pipe[0], buf, sizeof(buf))) > 0)
		drained = 1;
	return (drained);
}

/*
 * As waitpid(2) for any child.  While it is a zombie its number is its own,
 * and that of its process group: only then can that be killed.
 */
static pid_t
procs_wait(int *status, int group)
{
	siginfo_t	 si;

	if (!group)
		return (waitpid(-1, status, WNOHANG));
	memset(&si, 0, sizeof(si));
	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1)
		return (-1);
	if (si.si_pid <= 0)
		return (0);
	(void)kill(-si.si_pid, SIGKILL);
	return (waitpid(si.si_pid, status, WNOHANG));
}

/*
 * The pipe is emptied only when nobody is left to reap, and then asked for
 * once more: who dies in between is found, who dies later writes again.
 */
static int
procs_next(pid_t *pid, int *status, int group)
{
	pid_t	 dead;

	do {
		dead = procs_wait(status, group);
		if (dead > 0) {
			*pid = dead;
			return (1);
		}
		if (dead == -1 && errno != ECHILD && errno != EINTR)
			return (-1);
	} while ((dead == -1 && errno == EINTR) || procs_drain());
	return (0);
}

int
procs_reap(pid_t *pid, int *status)
{
	return (procs_next(pid, status, 0));
}

int
procs_reap_group(pid_t *pid, int *status)
{
	return (procs_next(pid, status, 1));
}

#endif /* !__FreeBSD__ */
