/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Children: by fork(2), kill(2) and waitpid(2), on FreeBSD by process
 * descriptor; and their descendants.
 */

#include <sys/types.h>
#ifdef __FreeBSD__
#include <sys/event.h>
#include <sys/procctl.h>
#include <sys/procdesc.h>
#endif
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "procs.h"

#ifndef __FreeBSD__

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
	(void)sigemptyset(&sa.sa_mask);
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
	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGCHLD, &sa, NULL);
	(void)close(procs_pipe[0]);
	(void)close(procs_pipe[1]);
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

#else

/*
 * Children by process descriptor, which is what capability mode leaves.  A
 * child made with PD_DAEMON outlives the descriptor, so the death of this
 * process is not its own; any other child is killed when the last descriptor
 * is closed.
 */

static int	 procs_kq = -1;

static int	 procs_next(pid_t *, int *, int);

int
procs_init(void)
{
	if ((procs_kq = kqueue()) == -1)
		return (-1);
	if (fcntl(procs_kq, F_SETFD, FD_CLOEXEC) == -1)
		return (-1);
	return (procs_kq);
}

/* A child that nobody would hear of again is not left running. */
pid_t
procs_fork(int *handle, int flags)
{
	struct kevent	 kev;
	pid_t		 pid;
	int		 saved;

	*handle = -1;
	pid = pdfork(handle, flags & PROCS_FOLLOW ? PD_CLOEXEC :
	    PD_CLOEXEC | PD_DAEMON);
	if (pid <= 0)
		return (pid);
	EV_SET(&kev, *handle, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0,
	    (void *)(intptr_t)pid);
	if (kevent(procs_kq, &kev, 1, NULL, 0, NULL) == -1) {
		saved = errno;
		pdkill(*handle, SIGKILL);
		(void)close(*handle);
		*handle = -1;
		errno = saved;
		return (-1);
	}
	return (pid);
}

/* The kqueue is not inherited, and its number may be another's by now. */
void
procs_child(void)
{
	procs_kq = -1;
}

int
procs_kill(pid_t pid, int handle)
{
	(void)pid;
	return (pdkill(handle, SIGKILL));
}

static int
procs_next(pid_t *pid, int *status, int group)
{
	static const struct timespec	 now = { 0, 0 };
	struct kevent			 kev;
	int				 n;

	do {
		n = kevent(procs_kq, NULL, 0, &kev, 1, &now);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (n);
	*pid = (pid_t)(intptr_t)kev.udata;
	*status = (int)kev.data;
	/* The child is a zombie that keeps its number until this is closed. */
	if (group)
		(void)kill(-*pid, SIGKILL);
	(void)close((int)kev.ident);
	return (1);
}

#endif /* __FreeBSD__ */

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

/*
 * The descendants of a child of ours, by the kernel's word.  On Linux and
 * OpenBSD they are its process group, which none of them can leave in its
 * sandbox; capability mode allows setsid(2), but FreeBSD tells a reaper of
 * which child each of its descendants is.
 *
 * All of it is about a child that has not been reaped: its number is its own,
 * and as nobody descends from a dead one any more, so is that of each process
 * which does.
 */

#ifdef __FreeBSD__

int
compat_lead(void)
{
	return (0);
}

static int
orphan_of(pid_t child, pid_t pid)
{
	struct procctl_reaper_status	 rs;
	struct procctl_reaper_pids	 rp;
	unsigned int			 i;
	int				 is = 0;

	if (procctl(P_PID, 0, PROC_REAP_STATUS, &rs) == -1 ||
	    rs.rs_descendants == 0)
		return (0);
	memset(&rp, 0, sizeof(rp));
	rp.rp_count = rs.rs_descendants;
	rp.rp_pids = calloc(rp.rp_count, sizeof(*rp.rp_pids));
	if (rp.rp_pids != NULL &&
	    procctl(P_PID, 0, PROC_REAP_GETPIDS, &rp) == 0) {
		for (i = 0; i < rp.rp_count && !is; i++)
			is = rp.rp_pids[i].pi_flags & REAPER_PIDINFO_VALID &&
			    rp.rp_pids[i].pi_pid == pid &&
			    rp.rp_pids[i].pi_subtree == child;
	}
	free(rp.rp_pids);
	return (is);
}

void
compat_kill_descendants(pid_t child)
{
	struct procctl_reaper_kill	 rk;

	memset(&rk, 0, sizeof(rk));
	rk.rk_sig = SIGKILL;
	rk.rk_flags = REAPER_KILL_SUBTREE;
	rk.rk_subtree = child;
	(void)procctl(P_PID, 0, PROC_REAP_KILL, &rk);
}

#else

int
compat_lead(void)
{
	return (setpgid(0, 0));
}

static int
orphan_of(pid_t child, pid_t pid)
{
	return (getpgid(pid) == child);
}

void
compat_kill_descendants(pid_t child)
{
	/*
	 * No other process can lead a group of that number.  OpenBSD no longer
	 * knows the group of a dead process, but that of its members.
	 */
	if (child > 1)
		(void)kill(-child, SIGKILL);
}

#endif

int
compat_kill_descendant(pid_t child, pid_t pid)
{
	if (child <= 1 || pid <= 1 || pid == child || !orphan_of(child, pid)) {
		errno = ESRCH;
		return (-1);
	}
	/* The descendant may have become our child, and be dead already. */
	if (waitpid(pid, NULL, WNOHANG) == pid) {
		errno = ESRCH;
		return (-1);
	}
	return (kill(pid, SIGKILL));
}
