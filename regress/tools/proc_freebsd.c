/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What FreeBSD's sysctl(2) tells of a process. */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/procctl.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <sys/user.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

static void	*proc_list(int, int, size_t *);
static int	 proc_any(const sigset_t *);
static void	 proc_groups(struct proc_info *, const struct kinfo_proc *);
static void	 proc_fill(struct proc_info *, const struct kinfo_proc *);
static int	 proc_titled(pid_t, char *, size_t);
static void	 proc_file(struct proc_file *, const struct kinfo_file *);

const char *const	 proc_no_reaper;
const char *const	 proc_no_pdeath;
const int		 proc_takes_directory = 1;
const int		 proc_barred_signal;
const char *const	 proc_barred_words = "Too many open files";
const unsigned long long proc_least_nproc = 1;
const unsigned int	 proc_base_imsg;
const int		 proc_services = 1;
const char *const	 proc_sandbox = "capsicum";
const char *const	 proc_launcher_sandbox = "none";

/* Capability mode is entered without a right to another descriptor. */
unsigned long long
proc_nofile(int files)
{
	(void)files;
	return (0);
}

void
proc_need(void)
{
}

/* A table of the kernel's, for free(3); NULL: the process is gone. */
static void *
proc_list(int what, int arg, size_t *len)
{
	void	*list = NULL;
	int	 mib[4] = { CTL_KERN, KERN_PROC, 0, 0 };

	mib[2] = what;
	mib[3] = arg;
	for (;;) {
		if (sysctl(mib, NITEMS(mib), NULL, len, NULL, 0) == -1)
			break;
		/* It may grow before it is read. */
		*len += *len / 4 + 4096;
		free(list);
		ATF_REQUIRE((list = malloc(*len)) != NULL);
		if (sysctl(mib, NITEMS(mib), list, len, NULL, 0) == 0)
			return (list);
		if (errno != ENOMEM)
			break;
	}
	free(list);
	return (NULL);
}

/* Some signal, but those that are ignored where nobody asked for them. */
static int
proc_any(const sigset_t *set)
{
	int	 sig;

	for (sig = 1; sig < SIGTHR; sig++) {
		if (sig == SIGURG || sig == SIGCHLD || sig == SIGIO ||
		    sig == SIGWINCH || sig == SIGINFO)
			continue;
		if (sigismember(set, sig))
			return (1);
	}
	return (0);
}

/* FreeBSD 14 counts the effective group among them, 15 in front of them. */
static void
proc_groups(struct proc_info *pr, const struct kinfo_proc *kp)
{
	short	 i;
	size_t	 j;

	for (i = 0; i < kp->ki_ngroups; i++) {
		for (j = 0; j < pr->pr_ngroups; j++) {
			if (pr->pr_groups[j] == kp->ki_groups[i])
				break;
		}
		if (j == pr->pr_ngroups && j < PROC_GROUPS)
			pr->pr_groups[pr->pr_ngroups++] = kp->ki_groups[i];
	}
}

static void
proc_fill(struct proc_info *pr, const struct kinfo_proc *kp)
{
	memset(pr, 0, sizeof(*pr));
	pr->pr_ppid = kp->ki_ppid;
	pr->pr_pgid = kp->ki_pgid;
	pr->pr_sid = kp->ki_sid;
	pr->pr_uid[0] = kp->ki_ruid;
	pr->pr_uid[1] = kp->ki_uid;
	pr->pr_uid[2] = kp->ki_svuid;
	/* The first group is the effective one. */
	pr->pr_gid[0] = kp->ki_rgid;
	pr->pr_gid[1] = kp->ki_groups[0];
	pr->pr_gid[2] = kp->ki_svgid;
	proc_groups(pr, kp);
	pr->pr_blocked = proc_any(&kp->ki_sigmask);
	pr->pr_ignored = proc_any(&kp->ki_sigignore);
	pr->pr_sandboxed = (kp->ki_cr_flags & KI_CRF_CAPABILITY_MODE) != 0;
	pr->pr_cpu = (long)(kp->ki_runtime / 1000);
	pr->pr_rss = (long)kp->ki_rssize * getpagesize() / 1024;
	pr->pr_peak = MAX(kp->ki_rusage.ru_maxrss, pr->pr_rss);
	(void)snprintf(pr->pr_bounds, sizeof(pr->pr_bounds), "%s, jail %d",
	    pr->pr_sandboxed ? "capability mode" : "no capability mode",
	    kp->ki_jid);
}

static int
proc_titled(pid_t pid, char *title, size_t size)
{
	size_t	 len = size - 1;
	int	 mib[4] = { CTL_KERN, KERN_PROC, KERN_PROC_ARGS, 0 };

	mib[3] = (int)pid;
	memset(title, 0, size);
	return (sysctl(mib, NITEMS(mib), title, &len, NULL, 0));
}

int
proc_get(pid_t pid, struct proc_info *pr)
{
	struct kinfo_proc	*kp;
	size_t			 len;

	if ((kp = proc_list(KERN_PROC_PID, (int)pid, &len)) == NULL)
		return (-1);
	if (len < sizeof(*kp)) {
		free(kp);
		return (-1);
	}
	proc_fill(pr, kp);
	free(kp);
	return (proc_titled(pid, pr->pr_title, sizeof(pr->pr_title)));
}

pid_t
proc_child(pid_t parent, const char *title, int whole)
{
	struct kinfo_proc	*kp;
	char			 name[256];
	size_t			 i, len;
	pid_t			 found = 0;

	ATF_REQUIRE((kp = proc_list(KERN_PROC_PROC, 0, &len)) != NULL);
	for (i = 0; found == 0 && i < len / sizeof(*kp); i++) {
		if (kp[i].ki_ppid != parent ||
		    proc_titled(kp[i].ki_pid, name, sizeof(name)) == -1)
			continue;
		if (whole ? strcmp(name, title) == 0 :
		    strncmp(name, title, strlen(title)) == 0)
			found = kp[i].ki_pid;
	}
	free(kp);
	return (found);
}

static void
proc_file(struct proc_file *pf, const struct kinfo_file *kf)
{
	pf->pf_fd = kf->kf_fd;
	if (kf->kf_type == KF_TYPE_SOCKET) {
		pf->pf_kind = PROC_SOCKET;
		(void)snprintf(pf->pf_name, sizeof(pf->pf_name),
		    "socket %#llx", (unsigned long long)
		    kf->kf_un.kf_sock.kf_sock_pcb);
		return;
	}
	if (kf->kf_type == KF_TYPE_PROCDESC)
		pf->pf_kind = PROC_PROCESS;
	else
		pf->pf_kind = strcmp(kf->kf_path, "/dev/null") == 0 ?
		    PROC_NULL : PROC_OTHER;
	(void)snprintf(pf->pf_name, sizeof(pf->pf_name), "type %d %s",
	    kf->kf_type, kf->kf_path);
}

size_t
proc_files(pid_t pid, struct proc_file *files, size_t max)
{
	const struct kinfo_file	*kf;
	char			*list;
	size_t			 at, i = 0, len;

	ATF_REQUIRE((list = proc_list(KERN_PROC_FILEDESC, (int)pid,
	    &len)) != NULL);
	for (at = 0; at < len && i < max; at += (size_t)kf->kf_structsize) {
		kf = (const struct kinfo_file *)(const void *)(list + at);
		if (kf->kf_structsize <= 0)
			break;
		/* Those below 0 are directories and the program. */
		if (kf->kf_fd >= 0)
			proc_file(&files[i++], kf);
	}
	free(list);
	return (i);
}

int
proc_hidden(pid_t pid)
{
	int	 status;

	ATF_REQUIRE_EQ(0, procctl(P_PID, pid, PROC_TRACE_STATUS, &status));
	return (status == -1);
}

/* A jail may have one of its own. */
int
proc_network(pid_t pid)
{
	struct proc_info	 mine, its;

	ATF_REQUIRE_EQ(0, proc_get(getpid(), &mine));
	ATF_REQUIRE_EQ(0, proc_get(pid, &its));
	return (strcmp(strchr(mine.pr_bounds, ','),
	    strchr(its.pr_bounds, ',')) == 0);
}

int
proc_limit(pid_t pid, int resource, unsigned long long *soft)
{
	struct rlimit	 rl;
	size_t		 len = sizeof(rl);
	int		 mib[5] = { CTL_KERN, KERN_PROC, KERN_PROC_RLIMIT, 0,
			    0 };

	mib[3] = (int)pid;
	mib[4] = resource;
	ATF_REQUIRE_EQ(0, sysctl(mib, NITEMS(mib), &rl, &len, NULL, 0));
	*soft = (unsigned long long)rl.rlim_cur;
	return (0);
}

unsigned long long
proc_root(pid_t pid)
{
	const struct kinfo_file	*kf;
	unsigned long long	 inode = 0;
	char			*list;
	size_t			 at, len;

	ATF_REQUIRE((list = proc_list(KERN_PROC_FILEDESC, (int)pid,
	    &len)) != NULL);
	for (at = 0; at < len; at += (size_t)kf->kf_structsize) {
		kf = (const struct kinfo_file *)(const void *)(list + at);
		if (kf->kf_structsize <= 0)
			break;
		if (kf->kf_fd == KF_FD_TYPE_ROOT)
			inode = kf->kf_un.kf_file.kf_file_fileid;
	}
	free(list);
	return (inode);
}
