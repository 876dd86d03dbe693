/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Children by process descriptor, which is what capability mode leaves.  A
 * child made with PD_DAEMON outlives the descriptor, so the death of this
 * process is not its own; any other child is killed when the last descriptor
 * is closed.
 */

#ifdef __FreeBSD__

#include <sys/types.h>
#include <sys/event.h>
#include <sys/procdesc.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "procs.h"

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
		close(*handle);
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
	/* It is a zombie, and its number its own, until this is closed. */
	if (group)
		(void)kill(-*pid, SIGKILL);
	close((int)kev.ident);
	return (1);
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

#endif /* __FreeBSD__ */
