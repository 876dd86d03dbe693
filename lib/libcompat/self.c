/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What a process asks the system about itself. */

#include <sys/types.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __FreeBSD__
#include <sys/procctl.h>
#include <sys/wait.h>
#endif

#include <signal.h>
#include <unistd.h>

#include "compat.h"

int
compat_reaper(void)
{
#if defined(__linux__)
	return (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
#elif defined(__FreeBSD__)
	return (procctl(P_PID, 0, PROC_REAP_ACQUIRE, NULL));
#else
	return (0);
#endif
}

int
compat_nodump(void)
{
#if defined(__linux__)
	return (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
#elif defined(__FreeBSD__)
	int	 how = PROC_TRACE_CTL_DISABLE;

	return (procctl(P_PID, 0, PROC_TRACE_CTL, &how));
#else
	return (0);
#endif
}

int
compat_follow(void)
{
#if defined(__linux__)
	return (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
#elif defined(__FreeBSD__)
	int	 sig = SIGKILL;

	return (procctl(P_PID, 0, PROC_PDEATHSIG_CTL, &sig));
#else
	return (0);
#endif
}

void
compat_nologin(void)
{
#if defined(__OpenBSD__) || defined(__FreeBSD__)
	(void)setlogin("");
#endif
}

const char *
compat_limit_hint(int resource)
{
#if defined(__linux__)
	switch (resource) {
	case RLIMIT_NOFILE:
		return ("fs.nr_open and fs.file-max in sysctl, LimitNOFILE "
		    "in the unit file or ulimit -n");
	case RLIMIT_NPROC:
		return ("kernel.pid_max in sysctl, LimitNPROC and TasksMax "
		    "in the unit file or ulimit -u");
	}
	return ("the limits of the unit file or ulimit");
#elif defined(__FreeBSD__)
	switch (resource) {
	case RLIMIT_NOFILE:
		return ("kern.maxfilesperproc and kern.maxfiles in sysctl, "
		    "openfiles of login class daemon");
	case RLIMIT_NPROC:
		return ("kern.maxprocperuid in sysctl and kern.maxproc in "
		    "loader.conf, maxproc of login class daemon");
	}
	return ("login class daemon in login.conf");
#else
	switch (resource) {
	case RLIMIT_NOFILE:
		return ("kern.maxfiles in sysctl, openfiles-max of login "
		    "class daemon or securetcpd in login.conf");
	case RLIMIT_NPROC:
		return ("kern.maxproc in sysctl, maxproc-max of login class "
		    "daemon or securetcpd in login.conf");
	}
	return ("login class daemon or securetcpd in login.conf");
#endif
}
