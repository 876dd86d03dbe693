/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include "sandbox.h"

#ifdef __FreeBSD__

#include <sys/capsicum.h>
#include <sys/filio.h>
#include <sys/procctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <nl_types.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"

static const char	*sandbox_inforce = "none";

static int	 sandbox_cache(void);
static int	 sandbox_lock(void);
static int	 sandbox_complete(void);

/* The time zone and the error messages: libc reads them at their first use. */
static int
sandbox_cache(void)
{
	cap_rights_t	 rights;
	int		 fd;

	tzset();
	(void)catopen("libc", NL_CAT_LOCALE);

	/* 0, 1 and 2 are /dev/null. */
	cap_rights_init(&rights, CAP_READ, CAP_WRITE);
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (cap_rights_limit(fd, &rights) == -1 && errno != EBADF &&
		    errno != ENOSYS)
			return (-1);
	}
	return (0);
}

/*
 * A violation only returns an error here: the trap, which forked children
 * inherit, makes it the end of the process as on the other systems.  The trap
 * must be asked for before capability mode, and must not stay when there is
 * none.
 */
static int
sandbox_lock(void)
{
	int	 off = PROC_TRAPCAP_CTL_DISABLE, on = PROC_TRAPCAP_CTL_ENABLE;
	int	 saved_errno;

	if (procctl(P_PID, getpid(), PROC_TRAPCAP_CTL, &on) == -1)
		return (-1);
	if (cap_enter() == -1) {
		saved_errno = errno;
		(void)procctl(P_PID, getpid(), PROC_TRAPCAP_CTL, &off);
		errno = saved_errno;
		return (-1);
	}
	return (0);
}

/*
 * Capability mode lets a process make sockets, queues and shared memory, if
 * they lead nowhere: a process that has all its descriptors makes no more.
 */
static int
sandbox_complete(void)
{
	struct rlimit	 rl = { 0, 0 };

	return (setrlimit(RLIMIT_NOFILE, &rl));
}

/*
 * Capability mode has no degrees: what tells the roles apart are the rights
 * of their descriptors and the limits on processes and descriptors.
 */
int
sandbox_enter(enum sandbox_role role)
{
	unsigned int	 mode;

	if (role == SANDBOX_PARENT || role == SANDBOX_LAUNCHER)
		return (0);
	if (cap_getmode(&mode) == -1)
		return (-1);
	if (mode == 0 && (sandbox_cache() == -1 || sandbox_lock() == -1))
		return (-1);
	sandbox_inforce = "capsicum";
	if (role == SANDBOX_SIGNER || role == SANDBOX_RELAY)
		return (sandbox_complete());
	return (0);
}

int
sandbox_rights(int fd, enum sandbox_use use)
{
	static const cap_ioctl_t	 ioctls[] = { FIONREAD, FIONWRITE };
	cap_rights_t			 rights;

	switch (use) {
	case SANDBOX_USE_PIPE:
		cap_rights_init(&rights, CAP_READ, CAP_WRITE, CAP_EVENT,
		    CAP_FCNTL);
		break;
	case SANDBOX_USE_SOCKET:
		cap_rights_init(&rights, CAP_READ, CAP_WRITE, CAP_EVENT,
		    CAP_SHUTDOWN, CAP_GETPEERNAME, CAP_GETSOCKNAME,
		    CAP_GETSOCKOPT, CAP_SETSOCKOPT, CAP_FCNTL, CAP_IOCTL);
		break;
	case SANDBOX_USE_FILE:
		cap_rights_init(&rights, CAP_PREAD, CAP_READ, CAP_SEEK,
		    CAP_FSTAT);
		break;
	default:
		errno = EINVAL;
		return (-1);
	}
	/* A kernel without capsicum is sandbox_enter()'s to report. */
	if (cap_rights_limit(fd, &rights) == -1)
		return (errno == ENOSYS ? 0 : -1);
	if (use != SANDBOX_USE_FILE &&
	    cap_fcntls_limit(fd, CAP_FCNTL_GETFL | CAP_FCNTL_SETFL) == -1)
		return (-1);
	if (use == SANDBOX_USE_SOCKET && cap_ioctls_limit(fd, ioctls,
	    nitems(ioctls)) == -1)
		return (-1);
	return (0);
}

/* Capability mode needs no privilege. */
int
sandbox_prepare(enum sandbox_role role)
{
	(void)role;
	return (0);
}

const char *
sandbox_name(void)
{
	return (sandbox_inforce);
}

int
sandbox_taken(int fd, uint64_t *taken)
{
	uint64_t	 given;

	return (compat_moved(fd, taken, &given));
}

const char *
sandbox_death(int sig, enum sandbox_role role)
{
	(void)role;
	if (sig == SIGTRAP)
		return (": the sandbox refused a system call");
	return ("");
}

#endif /* __FreeBSD__ */
