/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A process and its system: limits, memory, dumps, sessions. */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#else
#include <sys/sysctl.h>
#endif
#ifdef __FreeBSD__
#include <sys/capsicum.h>
#include <sys/procctl.h>
#include <sys/wait.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"

int64_t
compat_now(void)
{
	struct timespec	 ts;

	/* Cannot fail: every system here has the clock. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

const char *
compat_date(time_t when, char *buf, size_t size)
{
	struct tm	*tm;

	if ((tm = gmtime(&when)) == NULL ||
	    strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", tm) == 0)
		(void)strlcpy(buf, "an impossible date", size);
	return (buf);
}

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

int
compat_confine(int terminal)
{
#if defined(__OpenBSD__)
	return (pledge(terminal ? "stdio tty" : "stdio", NULL));
#elif defined(__FreeBSD__)
	(void)terminal;
	return (cap_enter() == -1 && errno != ENOSYS ? -1 : 0);
#else
	(void)terminal;
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

/*
 * Whom the kernel ends first when there is no memory left.  Linux has a
 * number for each process, which fork(2) and execve(2) hand on; FreeBSD
 * protects a process, by what procctl(2) says of it and of no descendant;
 * OpenBSD has no such thing.
 */

#if defined(__linux__)

#define SHORTAGE_FILE	"/proc/self/oom_score_adj"
#define SHORTAGE_FIRST	1000
#define SHORTAGE_LAST	(-900)	/* -1000 would be never */

static int	 shortage_was;		/* as whoever started us has it */
static int	 shortage_known;

static int
shortage_read(int *score)
{
	FILE	*fp;
	int	 n;

	if ((fp = fopen(SHORTAGE_FILE, "re")) == NULL)
		return (-1);
	n = fscanf(fp, "%d", score);
	(void)fclose(fp);
	if (n == 1)
		return (0);
	errno = EINVAL;
	return (-1);
}

/* In one write, as the kernel wants it; also between fork and exec. */
static int
shortage_write(int score)
{
	char	 text[16];
	int	 error, fd, len;

	len = snprintf(text, sizeof(text), "%d", score);
	if ((fd = open(SHORTAGE_FILE, O_WRONLY | O_CLOEXEC)) == -1)
		return (-1);
	error = write(fd, text, (size_t)len) == len ? 0 : errno;
	(void)close(fd);
	errno = error;
	return (error == 0 ? 0 : -1);
}

int
compat_shortage(enum compat_shortage which)
{
	if (!shortage_known) {
		if (shortage_read(&shortage_was) == -1)
			return (-1);
		shortage_known = 1;
	}
	switch (which) {
	case COMPAT_SHORTAGE_FIRST:
		return (shortage_write(SHORTAGE_FIRST));
	case COMPAT_SHORTAGE_USUAL:
		return (shortage_write(shortage_was));
	case COMPAT_SHORTAGE_LAST:
		/* An administrator's own word is kept. */
		return (shortage_write(shortage_was != 0 ? shortage_was :
		    SHORTAGE_LAST));
	}
	errno = EINVAL;
	return (-1);
}

#elif defined(__FreeBSD__)

int
compat_shortage(enum compat_shortage which)
{
	int	 how = PPROT_SET;

	if (which != COMPAT_SHORTAGE_LAST)
		return (0);
	return (procctl(P_PID, getpid(), PROC_SPROTECT, &how));
}

#else

int
compat_shortage(enum compat_shortage which)
{
	(void)which;
	return (0);
}

#endif

/*
 * How much memory a process may map.  Its present size is not asked for, which
 * each system does in its own way and with a file system that a chroot hides,
 * but tried out: the least limit under which one more page can be had.
 */

#define BOUND_UNIT	((uint64_t)1 << 20)
#define BOUND_MOST	((uint64_t)1 << 27)	/* units: 47 bits of address */

#ifndef SANDBOX_WIDEN
static int
bound_page(void)
{
	size_t	 size = (size_t)sysconf(_SC_PAGESIZE);
	void	*page;

	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0);
	if (page == MAP_FAILED)
		return (0);
	(void)munmap(page, size);
	return (1);
}

/* The units that the limit counts, rounded up; the limit is as before. */
static int
bound_now(int resource, const struct rlimit *before, uint64_t *now)
{
	struct rlimit	 rl = *before;
	uint64_t	 low = 0, high = BOUND_MOST, middle;

	if (rl.rlim_max != RLIM_INFINITY &&
	    (uint64_t)rl.rlim_max / BOUND_UNIT < high)
		high = (uint64_t)rl.rlim_max / BOUND_UNIT;
	while (low < high) {
		middle = low + (high - low) / 2;
		rl.rlim_cur = (rlim_t)(middle * BOUND_UNIT);
		if (setrlimit(resource, &rl) == -1)
			return (-1);
		if (bound_page())
			high = middle;
		else
			low = middle + 1;
	}
	*now = high;
	return (setrlimit(resource, before));
}

/* A lower limit set before stays; a limit that the system cut is refused. */
static int
bound_set(int resource, unsigned int more)
{
	struct rlimit	 before, rl;
	uint64_t	 most;

	if (getrlimit(resource, &before) == -1 ||
	    bound_now(resource, &before, &most) == -1)
		return (-1);
	most = (most + more) * BOUND_UNIT;
	if (before.rlim_max != RLIM_INFINITY &&
	    (uint64_t)before.rlim_max < most)
		most = (uint64_t)before.rlim_max;
	rl.rlim_cur = rl.rlim_max = (rlim_t)most;
	if (setrlimit(resource, &rl) == -1 ||
	    getrlimit(resource, &rl) == -1)
		return (-1);
	if (rl.rlim_cur != (rlim_t)most || rl.rlim_max != (rlim_t)most) {
		errno = ERANGE;
		return (-1);
	}
	return (0);
}
#endif /* !SANDBOX_WIDEN */

int
compat_bound_memory(unsigned int more)
{
#ifdef SANDBOX_WIDEN
	/* A sanitizer and valgrind have memory of their own. */
	(void)more;
	return (0);
#else
#ifdef RLIMIT_AS
	/* OpenBSD has none: its other one counts mmap(2). */
	if (bound_set(RLIMIT_AS, more) == -1)
		return (-1);
#endif
	return (bound_set(RLIMIT_DATA, more));
#endif
}
