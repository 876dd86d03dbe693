/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * FreeBSD's calls.  Process descriptors are Linux's pidfds, a kqueue of them
 * is an epoll; a child stays a zombie until its descriptor would be closed.
 */

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "include/sys/capsicum.h"
#include "include/sys/event.h"
#include "include/sys/procctl.h"
#include "include/sys/procdesc.h"

/* What is watched for its exit, and what kevent(2) has returned of it. */
struct watched {
	struct watched	*w_next;
	int		 w_fd;
	int		 w_daemon;
	int		 w_told;
	void		*w_udata;
	pid_t		 w_pid;
};

static struct watched	*watched;
static int		 pdforked;	/* this process was made so */

cap_rights_t *
confine_rights(cap_rights_t *rights, ...)
{
	unsigned long long	 right;
	va_list			 ap;

	rights->cr_bits = 0;
	va_start(ap, rights);
	while ((right = va_arg(ap, unsigned long long)) != 0)
		rights->cr_bits |= right;
	va_end(ap);
	return (rights);
}

int
cap_enter(void)
{
	return ((int)syscall(CONFINE_CAP_ENTER));
}

int
cap_getmode(unsigned int *mode)
{
	long	 n = syscall(CONFINE_CAP_GETMODE);

	if (n == -1)
		return (-1);
	*mode = (unsigned int)n;
	return (0);
}

int
cap_rights_limit(int fd, const cap_rights_t *rights)
{
	return ((int)syscall(CONFINE_CAP_RIGHTS, fd, rights->cr_bits));
}

int
cap_fcntls_limit(int fd, uint32_t bits)
{
	return ((int)syscall(CONFINE_CAP_FCNTLS, fd, (unsigned long)bits));
}

int
cap_ioctls_limit(int fd, const cap_ioctl_t *commands, size_t n)
{
	return ((int)syscall(CONFINE_CAP_IOCTLS, fd, commands, n));
}

int
procctl(idtype_t type, id_t id, int command, void *data)
{
	int	 value = 0;

	(void)type;
	(void)id;
	if (data != NULL)
		memcpy(&value, data, sizeof(value));
	if (syscall(CONFINE_PROCCTL, command, value) == -1)
		return (-1);
	switch (command) {
	case PROC_REAP_ACQUIRE:
		return (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	case PROC_PDEATHSIG_CTL:
		/* The real one does nothing for such a child. */
		return (pdforked ? 0 : prctl(PR_SET_PDEATHSIG, value, 0, 0,
		    0));
	case PROC_REAP_STATUS:
		memset(data, 0, sizeof(struct procctl_reaper_status));
		return (0);
	}
	return (0);
}

/* What the parent of before knew is not the child's. */
static void
watched_forget(void)
{
	struct watched	*w;

	while ((w = watched) != NULL) {
		watched = w->w_next;
		free(w);
	}
}

static struct watched **
watched_find(int fd)
{
	struct watched	**w;

	for (w = &watched; *w != NULL && (*w)->w_fd != fd; w = &(*w)->w_next)
		continue;
	return (w);
}

pid_t
pdfork(int *fd, int flags)
{
	struct watched	*w;
	pid_t		 pid;

	if (syscall(CONFINE_PDFORK) == -1 ||
	    (w = calloc(1, sizeof(*w))) == NULL)
		return (-1);
	if ((pid = fork()) == 0) {
		free(w);
		watched_forget();
		pdforked = 1;
		/* Of a child without PD_DAEMON the descriptor is its life. */
		if (!(flags & PD_DAEMON))
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		return (0);
	}
	if (pid == -1 ||
	    (w->w_fd = (int)syscall(SYS_pidfd_open, pid, 0)) == -1) {
		free(w);
		return (-1);
	}
	w->w_pid = pid;
	w->w_daemon = flags & PD_DAEMON;
	w->w_next = watched;
	watched = w;
	*fd = w->w_fd;
	return (pid);
}

int
pdkill(int fd, int sig)
{
	return ((int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0));
}

/* Process descriptors end their children, and let their zombies go. */
int
close(int fd)
{
	struct watched	**at = watched_find(fd), *w = *at;

	if (w != NULL) {
		*at = w->w_next;
		if (!w->w_daemon && !w->w_told)
			(void)pdkill(fd, SIGKILL);
		if (w->w_told)
			(void)waitid(P_PID, (id_t)w->w_pid, NULL,
			    WEXITED | WNOHANG);
		free(w);
	}
	return ((int)syscall(SYS_close, fd));
}

int
kqueue(void)
{
	return (epoll_create1(0));
}

static int
kevent_add(int kq, const struct kevent *kev)
{
	struct epoll_event	 ev;
	struct watched		*w = *watched_find((int)kev->ident);

	if (kev->filter != EVFILT_PROCDESC || w == NULL) {
		errno = EINVAL;
		return (-1);
	}
	w->w_udata = kev->udata;
	memset(&ev, 0, sizeof(ev));
	ev.events = EPOLLIN;
	ev.data.fd = w->w_fd;
	return (epoll_ctl(kq, EPOLL_CTL_ADD, w->w_fd, &ev));
}

/* One at a time, which is all that is asked for. */
int
kevent(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, int nevents, const struct timespec *timeout)
{
	struct epoll_event	 ev;
	struct watched		*w;
	siginfo_t		 si;
	int			 n;

	if (nchanges > 0 && kevent_add(kq, changes) == -1)
		return (-1);
	if (nevents == 0)
		return (0);
	n = epoll_wait(kq, &ev, 1, timeout == NULL ? -1 :
	    (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000));
	if (n <= 0)
		return (n);
	w = *watched_find(ev.data.fd);
	memset(&si, 0, sizeof(si));
	if (w == NULL || waitid(P_PID, (id_t)w->w_pid, &si, WEXITED |
	    WNOWAIT) == -1 || epoll_ctl(kq, EPOLL_CTL_DEL, w->w_fd, NULL) ==
	    -1)
		return (-1);
	w->w_told = 1;
	EV_SET(events, w->w_fd, EVFILT_PROCDESC, 0, NOTE_EXIT,
	    si.si_code == CLD_EXITED ? si.si_status << 8 : si.si_status,
	    w->w_udata);
	return (1);
}
