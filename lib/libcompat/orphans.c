/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Children that this process has not made: compat_reaper() inherited them
 * from processes that died.  They are not reaped meanwhile, so that their
 * numbers stay theirs.
 */

#include <sys/types.h>
#ifdef __FreeBSD__
#include <sys/procctl.h>
#include <sys/sysctl.h>
#include <sys/user.h>
#include <sys/wait.h>
#endif

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#if defined(__linux__)

/* The real user id of a process; -1 when it cannot be told. */
static long
orphan_user(long pid)
{
	char	 path[64], line[256];
	FILE	*fp;
	long	 uid = -1;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	if ((fp = fopen(path, "re")) == NULL)
		return (-1);
	while (uid == -1 && fgets(line, sizeof(line), fp) != NULL)
		if (strncmp(line, "Uid:", 4) == 0)
			uid = strtol(line + 4, NULL, 10);
	(void)fclose(fp);
	return (uid);
}

void
compat_end_orphans(uid_t uid)
{
	char	 path[64];
	FILE	*fp;
	long	 pid;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
	    (long)getpid());
	if ((fp = fopen(path, "re")) == NULL)
		return;
	while (fscanf(fp, "%ld", &pid) == 1)
		if (orphan_user(pid) == (long)uid)
			(void)kill((pid_t)pid, SIGKILL);
	(void)fclose(fp);
}

#elif defined(__FreeBSD__)

static int
orphan_of(pid_t pid, uid_t uid)
{
	struct kinfo_proc	 kp;
	size_t			 len = sizeof(kp);
	int			 mib[4] = { CTL_KERN, KERN_PROC, KERN_PROC_PID,
				    pid };

	return (sysctl(mib, 4, &kp, &len, NULL, 0) == 0 &&
	    len == sizeof(kp) && kp.ki_ruid == uid);
}

void
compat_end_orphans(uid_t uid)
{
	struct procctl_reaper_status	 rs;
	struct procctl_reaper_pids	 rp;
	unsigned int			 i;

	if (procctl(P_PID, 0, PROC_REAP_STATUS, &rs) == -1 ||
	    rs.rs_descendants == 0)
		return;
	memset(&rp, 0, sizeof(rp));
	rp.rp_count = rs.rs_descendants;
	rp.rp_pids = calloc(rp.rp_count, sizeof(*rp.rp_pids));
	if (rp.rp_pids != NULL &&
	    procctl(P_PID, 0, PROC_REAP_GETPIDS, &rp) == 0) {
		for (i = 0; i < rp.rp_count; i++)
			if (rp.rp_pids[i].pi_flags & REAPER_PIDINFO_VALID &&
			    rp.rp_pids[i].pi_flags & REAPER_PIDINFO_CHILD &&
			    orphan_of(rp.rp_pids[i].pi_pid, uid))
				(void)kill(rp.rp_pids[i].pi_pid, SIGKILL);
	}
	free(rp.rp_pids);
}

#else

/* They have become children of init(8). */
void
compat_end_orphans(uid_t uid)
{
	(void)uid;
}

#endif
