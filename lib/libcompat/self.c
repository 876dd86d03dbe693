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
#else
#include <sys/sysctl.h>
#endif
#ifdef __FreeBSD__
#include <sys/procctl.h>
#include <sys/wait.h>
#endif

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
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

	/* Root looks on already, with ktrace(1) or truss(1). */
	if (procctl(P_PID, 0, PROC_TRACE_CTL, &how) == -1 && errno != EBUSY)
		return (-1);
	return (0);
#else
	return (0);
#endif
}

void
compat_nowx(void)
{
#if defined(__FreeBSD__)
	int	 how = PROC_WX_MAPPINGS_DISALLOW_EXEC;

	(void)procctl(P_PID, 0, PROC_WXMAP_CTL, &how);
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

unsigned long long
compat_files_max(void)
{
#if defined(__linux__)
	return (ULLONG_MAX);
#else
	int	 mib[2] = { CTL_KERN, KERN_MAXFILES }, n;
	size_t	 len = sizeof(n);

	if (sysctl(mib, 2, &n, &len, NULL, 0) == -1 || n <= 0)
		return (ULLONG_MAX);
	return ((unsigned long long)n);
#endif
}

int
compat_backlog_max(void)
{
	int	 n = 0;
#if defined(__linux__)
	FILE	*fp;

	if ((fp = fopen("/proc/sys/net/core/somaxconn", "re")) != NULL) {
		if (fscanf(fp, "%d", &n) != 1)
			n = 0;
		(void)fclose(fp);
	}
#elif defined(__FreeBSD__)
	size_t	 len = sizeof(n);

	if (sysctlbyname("kern.ipc.soacceptqueue", &n, &len, NULL, 0) == -1)
		n = 0;
#else
	int	 mib[2] = { CTL_KERN, KERN_SOMAXCONN };
	size_t	 len = sizeof(n);

	if (sysctl(mib, 2, &n, &len, NULL, 0) == -1)
		n = 0;
#endif
	return (n <= 0 ? INT_MAX : n);
}

int
compat_restore_limit(int resource, const struct rlimit *saved)
{
	struct rlimit	 now, rl = *saved;

	if (setrlimit(resource, &rl) == 0)
		return (0);
	if (errno != EPERM || getrlimit(resource, &now) == -1)
		return (-1);
	rl.rlim_max = now.rlim_max;
	if (rl.rlim_cur > rl.rlim_max)
		rl.rlim_cur = rl.rlim_max;
	return (setrlimit(resource, &rl));
}

const char *
compat_limit_hint(int resource)
{
	if (resource == COMPAT_LIMIT_FILES)
		return ("kern.maxfiles in sysctl");
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
