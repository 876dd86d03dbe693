/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What OpenBSD's sysctl(2) tells of a process. */

#include <sys/types.h>
#include <sys/signal.h>
#include <sys/socket.h>
#include <sys/file.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/sysctl.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"

/* Those that are ignored where nobody asked for them. */
#define PROC_IGNORED	(sigmask(SIGURG) | sigmask(SIGCHLD) |		\
			    sigmask(SIGIO) | sigmask(SIGWINCH) |	\
			    sigmask(SIGINFO) | sigmask(SIGTHR))

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

static void	*proc_list(int, int, int, size_t, size_t *);
static long	 proc_milliseconds(uint32_t, uint32_t);
static void	 proc_fill(struct proc_info *, const struct kinfo_proc *);
static int	 proc_titled(pid_t, char *, size_t);
static void	 proc_file(struct proc_file *, const struct kinfo_file *,
		    uint32_t);

const char *const	 proc_no_reaper =
    "OpenBSD has no reaper but init: orphans are never ours";
const char *const	 proc_no_pdeath =
    "OpenBSD has no signal for the death of a parent";
const int		 proc_takes_directory;
const int		 proc_barred_signal = SIGABRT;
const char *const	 proc_barred_words;
const unsigned long long proc_least_nproc;
const unsigned int	 proc_base_imsg = 1;
const int		 proc_services;
const char *const	 proc_sandbox = "pledge";
const char *const	 proc_launcher_sandbox = "pledge";

unsigned long long
proc_nofile(int files)
{
	return ((unsigned long long)files);
}

void
proc_need(void)
{
}

/*
 * A table of the kernel's, for free(3), and how many entries it has; NULL:
 * the process is gone.
 */
static void *
proc_list(int top, int what, int arg, size_t size, size_t *n)
{
	void	*list = NULL;
	size_t	 len = 0;
	int	 mib[6] = { CTL_KERN, 0, 0, 0, 0, 0 };

	mib[1] = top;
	mib[2] = what;
	mib[3] = arg;
	mib[4] = (int)size;
	for (;;) {
		mib[5] = 0;
		if (sysctl(mib, NITEMS(mib), NULL, &len, NULL, 0) == -1)
			break;
		/* It may grow before it is read. */
		mib[5] = (int)(len / size + 32);
		len = (size_t)mib[5] * size;
		free(list);
		ATF_REQUIRE((list = malloc(len)) != NULL);
		if (sysctl(mib, NITEMS(mib), list, &len, NULL, 0) == 0) {
			*n = len / size;
			return (list);
		}
		if (errno != ENOMEM)
			break;
	}
	free(list);
	return (NULL);
}

static long
proc_milliseconds(uint32_t seconds, uint32_t micro)
{
	return ((long)seconds * 1000 + (long)micro / 1000);
}

static void
proc_fill(struct proc_info *pr, const struct kinfo_proc *kp)
{
	long	 page = getpagesize() / 1024;
	size_t	 i;

	memset(pr, 0, sizeof(*pr));
	pr->pr_ppid = kp->p_ppid;
	pr->pr_pgid = kp->p__pgid;
	pr->pr_sid = kp->p_sid;
	pr->pr_uid[0] = kp->p_ruid;
	pr->pr_uid[1] = kp->p_uid;
	pr->pr_uid[2] = kp->p_svuid;
	pr->pr_gid[0] = kp->p_rgid;
	pr->pr_gid[1] = kp->p_gid;
	pr->pr_gid[2] = kp->p_svgid;
	pr->pr_ngroups = (size_t)kp->p_ngroups;
	for (i = 0; i < pr->pr_ngroups && i < PROC_GROUPS; i++)
		pr->pr_groups[i] = kp->p_groups[i];
	pr->pr_blocked = kp->p_sigmask != 0;
	pr->pr_ignored = (kp->p_sigignore & ~PROC_IGNORED) != 0;
	pr->pr_sandboxed = (kp->p_psflags & PS_PLEDGE) != 0;
	pr->pr_cpu = proc_milliseconds(kp->p_uutime_sec, kp->p_uutime_usec) +
	    proc_milliseconds(kp->p_ustime_sec, kp->p_ustime_usec);
	pr->pr_rss = (long)kp->p_vm_rssize * page;
	/* That one is looked at with the clock only. */
	pr->pr_peak = (long)kp->p_uru_maxrss;
	if (pr->pr_peak < pr->pr_rss)
		pr->pr_peak = pr->pr_rss;
	(void)snprintf(pr->pr_bounds, sizeof(pr->pr_bounds),
	    "%s %#llx, %s%s", pr->pr_sandboxed ? "pledge" : "no pledge",
	    (unsigned long long)kp->p_pledge,
	    kp->p_eflag & EPROC_UNVEIL ? "unveil" : "no unveil",
	    kp->p_psflags & PS_CHROOT ? ", chroot" : "");
}

static int
proc_titled(pid_t pid, char *title, size_t size)
{
	/* A list of pointers comes first, and ends with NULL. */
	char	*argv[4096 / sizeof(char *)];
	size_t	 len = sizeof(argv);
	int	 mib[4] = { CTL_KERN, KERN_PROC_ARGS, 0, KERN_PROC_ARGV };

	mib[2] = (int)pid;
	if (sysctl(mib, NITEMS(mib), argv, &len, NULL, 0) == -1)
		return (-1);
	(void)strlcpy(title, argv[0] == NULL ? "" : argv[0], size);
	return (0);
}

int
proc_get(pid_t pid, struct proc_info *pr)
{
	struct kinfo_proc	*kp;
	size_t			 n;

	kp = proc_list(KERN_PROC, KERN_PROC_PID, (int)pid, sizeof(*kp),
	    &n);
	if (kp == NULL || n == 0) {
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
	size_t			 i, n;
	pid_t			 found = 0;

	kp = proc_list(KERN_PROC, KERN_PROC_ALL, 0, sizeof(*kp), &n);
	ATF_REQUIRE(kp != NULL);
	for (i = 0; found == 0 && i < n; i++) {
		if (kp[i].p_ppid != parent ||
		    proc_titled(kp[i].p_pid, name, sizeof(name)) == -1)
			continue;
		if (whole ? strcmp(name, title) == 0 :
		    strncmp(name, title, strlen(title)) == 0)
			found = kp[i].p_pid;
	}
	free(kp);
	return (found);
}

static void
proc_file(struct proc_file *pf, const struct kinfo_file *kf, uint32_t null)
{
	pf->pf_fd = kf->fd_fd;
	if (kf->f_type == DTYPE_SOCKET)
		pf->pf_kind = PROC_SOCKET;
	else if (kf->f_type == DTYPE_VNODE && S_ISCHR(kf->va_mode) &&
	    kf->va_rdev == null)
		pf->pf_kind = PROC_NULL;
	else
		pf->pf_kind = PROC_OTHER;
	(void)snprintf(pf->pf_name, sizeof(pf->pf_name), "type %u %#llx",
	    kf->f_type, (unsigned long long)kf->f_data);
}

size_t
proc_files(pid_t pid, struct proc_file *files, size_t max)
{
	struct kinfo_file	*kf;
	struct stat		 st;
	size_t			 i, n, used = 0;

	ATF_REQUIRE_EQ(0, stat("/dev/null", &st));
	kf = proc_list(KERN_FILE, KERN_FILE_BYPID, (int)pid, sizeof(*kf), &n);
	ATF_REQUIRE(kf != NULL);
	for (i = 0; i < n && used < max; i++) {
		/* Those below 0 are directories and the program. */
		if (kf[i].fd_fd >= 0)
			proc_file(&files[used++], &kf[i],
			    (uint32_t)st.st_rdev);
	}
	free(kf);
	return (used);
}

/* Nobody but root looks into a process that is not his child. */
int
proc_hidden(pid_t pid)
{
	(void)pid;
	return (-1);
}

/* A process has no other here than its routing table. */
int
proc_network(pid_t pid)
{
	struct kinfo_proc	*kp;
	size_t			 n;
	int			 same;

	kp = proc_list(KERN_PROC, KERN_PROC_PID, (int)pid, sizeof(*kp), &n);
	ATF_REQUIRE(kp != NULL && n > 0);
	same = kp->p_rtableid == (uint32_t)getrtable();
	free(kp);
	return (same);
}

int
proc_limit(pid_t pid, int resource, unsigned long long *soft)
{
	(void)pid;
	(void)resource;
	(void)soft;
	return (-1);
}

unsigned long long
proc_root(pid_t pid)
{
	struct kinfo_file	*kf;
	struct stat		 st;
	unsigned long long	 inode;
	size_t			 i, n;

	/* Without chroot(2) there is no such entry. */
	ATF_REQUIRE_EQ(0, stat("/", &st));
	inode = st.st_ino;
	kf = proc_list(KERN_FILE, KERN_FILE_BYPID, (int)pid, sizeof(*kf), &n);
	ATF_REQUIRE(kf != NULL);
	for (i = 0; i < n; i++) {
		if (kf[i].fd_fd == KERN_FILE_RDIR)
			inode = kf[i].va_fileid;
	}
	free(kf);
	return (inode);
}
