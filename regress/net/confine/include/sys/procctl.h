/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONFINE_SYS_PROCCTL_H
#define CONFINE_SYS_PROCCTL_H

#include <sys/types.h>
#include <sys/wait.h>

#define PROC_SPROTECT			1
#define PPROT_SET			1
#define PROC_TRACE_CTL			7
#define PROC_TRACE_CTL_DISABLE		2
#define PROC_REAP_ACQUIRE		2
#define PROC_REAP_STATUS		4
#define PROC_REAP_GETPIDS		5
#define PROC_REAP_KILL			6
#define REAPER_KILL_SUBTREE		2
#define PROC_TRAPCAP_CTL		9
#define PROC_TRAPCAP_CTL_ENABLE		1
#define PROC_TRAPCAP_CTL_DISABLE	2
#define PROC_PDEATHSIG_CTL		11
#define PROC_WXMAP_CTL			21
#define PROC_WX_MAPPINGS_DISALLOW_EXEC	2

#define REAPER_PIDINFO_VALID	1
#define REAPER_PIDINFO_CHILD	2

struct procctl_reaper_status {
	unsigned int	 rs_descendants;
};

struct procctl_reaper_pidinfo {
	pid_t		 pi_pid;
	pid_t		 pi_subtree;
	unsigned int	 pi_flags;
};

struct procctl_reaper_pids {
	unsigned int			 rp_count;
	struct procctl_reaper_pidinfo	*rp_pids;
};

struct procctl_reaper_kill {
	int		 rk_sig;
	unsigned int	 rk_flags;
	pid_t		 rk_subtree;
};

int	 procctl(idtype_t, id_t, int, void *);

#endif /* CONFINE_SYS_PROCCTL_H */
