/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

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

#include <sys/types.h>
#include <sys/wait.h>
#ifdef __FreeBSD__
#include <sys/procctl.h>
#endif

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

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
	 * Nobody else can lead a group of that number.  OpenBSD knows the
	 * group of a dead process no more, but that of the others.
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
