/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What Linux's /proc tells of a process. */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "proc.h"

static ssize_t	 proc_read(pid_t, const char *, char *, size_t);
static const char *proc_field(const char *, const char *);
static int	 proc_bits(const char *, const char *);
static long	 proc_number(const char *, const char *);
static void	 proc_ids(struct proc_info *, const char *);
static int	 proc_stat(pid_t, struct proc_info *);
static void	 proc_netns(pid_t, char *, size_t);
static void	 proc_bounds(pid_t, struct proc_info *, const char *);

const char *const	 proc_no_reaper;
const char *const	 proc_no_pdeath;
const int		 proc_takes_directory = 1;
const int		 proc_barred_signal;
const char *const	 proc_barred_words;
const unsigned long long proc_least_nproc;
const unsigned int	 proc_base_imsg;
const int		 proc_services;
const char *const	 proc_sandbox = "seccomp";
const char *const	 proc_launcher_sandbox = "none";

unsigned long long
proc_nofile(int files)
{
	return ((unsigned long long)files);
}

void
proc_need(void)
{
	if (access("/proc/self/status", R_OK) == -1)
		atf_tc_skip("needs /proc, which is not mounted");
}

/* A file of /proc/PID as a string, cut to the size; -1: it is gone. */
static ssize_t
proc_read(pid_t pid, const char *name, char *buf, size_t size)
{
	char	 path[64];
	ssize_t	 n;
	int	 fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	if ((fd = open(path, O_RDONLY)) == -1)
		return (-1);
	n = read(fd, buf, size - 1);
	(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return (n);
}

/* What follows "name:" in the lines of /proc/PID/status. */
static const char *
proc_field(const char *status, const char *name)
{
	size_t	 len = strlen(name);

	for (; status != NULL; status = strchr(status, '\n')) {
		if (*status == '\n')
			status++;
		if (strncmp(status, name, len) == 0 && status[len] == ':')
			return (status + len + 1);
	}
	return ("");
}

/* A kernel thread and a zombie have no memory: -1. */
static long
proc_number(const char *status, const char *name)
{
	const char	*p = proc_field(status, name);

	return (*p == '\0' ? -1 : strtol(p, NULL, 10));
}

static int
proc_bits(const char *status, const char *name)
{
	return (strtoull(proc_field(status, name), NULL, 16) != 0);
}

static void
proc_ids(struct proc_info *pr, const char *status)
{
	const char	*p;
	char		*end;
	unsigned long	 gid;

	(void)sscanf(proc_field(status, "Uid"), "%u %u %u", &pr->pr_uid[0],
	    &pr->pr_uid[1], &pr->pr_uid[2]);
	(void)sscanf(proc_field(status, "Gid"), "%u %u %u", &pr->pr_gid[0],
	    &pr->pr_gid[1], &pr->pr_gid[2]);
	p = proc_field(status, "Groups");
	while (*p != '\n' && pr->pr_ngroups < PROC_GROUPS) {
		gid = strtoul(p, &end, 10);
		if (end == p)
			break;
		pr->pr_groups[pr->pr_ngroups++] = (gid_t)gid;
		p = end + strspn(end, " ");
	}
}

static int
proc_stat(pid_t pid, struct proc_info *pr)
{
	char		 line[512], *p;
	unsigned long	 user, sys;

	if (proc_read(pid, "stat", line, sizeof(line)) == -1)
		return (-1);
	/* The name may hold anything: the fields are counted behind it. */
	ATF_REQUIRE((p = strrchr(line, ')')) != NULL);
	ATF_REQUIRE_EQ(5, sscanf(p + 1, " %*c %d %d %d %*d %*d %*u %*u "
	    "%*u %*u %*u %lu %lu", &pr->pr_ppid, &pr->pr_pgid, &pr->pr_sid,
	    &user, &sys));
	pr->pr_cpu = (long)((user + sys) * 1000 /
	    (unsigned long)sysconf(_SC_CLK_TCK));
	return (0);
}

/* "" where we may not look. */
static void
proc_netns(pid_t pid, char *net, size_t size)
{
	char	 path[64];
	ssize_t	 n;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if ((n = readlink(path, net, size - 1)) == -1)
		n = 0;
	net[n] = '\0';
}

/* Its files in /proc are root's then. */
int
proc_hidden(pid_t pid)
{
	struct stat	 st;
	char		 path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	ATF_REQUIRE_EQ(0, stat(path, &st));
	return (st.st_uid == 0);
}

int
proc_network(pid_t pid)
{
	char	 mine[64], its[64];

	proc_netns(getpid(), mine, sizeof(mine));
	proc_netns(pid, its, sizeof(its));
	return (*mine != '\0' && strcmp(mine, its) == 0);
}

static void
proc_bounds(pid_t pid, struct proc_info *pr, const char *status)
{
	char	 net[64];

	proc_netns(pid, net, sizeof(net));
	(void)snprintf(pr->pr_bounds, sizeof(pr->pr_bounds),
	    "NoNewPrivs %ld, Seccomp %ld, %s",
	    proc_number(status, "NoNewPrivs"), proc_number(status, "Seccomp"),
	    net);
}

int
proc_get(pid_t pid, struct proc_info *pr)
{
	char	 status[4096];

	memset(pr, 0, sizeof(*pr));
	if (proc_stat(pid, pr) == -1 ||
	    proc_read(pid, "status", status, sizeof(status)) == -1 ||
	    proc_read(pid, "cmdline", pr->pr_title,
	    sizeof(pr->pr_title)) == -1)
		return (-1);
	proc_ids(pr, status);
	pr->pr_blocked = proc_bits(status, "SigBlk");
	pr->pr_ignored = proc_bits(status, "SigIgn");
	pr->pr_sandboxed = proc_number(status, "NoNewPrivs") == 1 &&
	    proc_number(status, "Seccomp") == 2;
	pr->pr_capable = proc_bits(status, "CapPrm");
	pr->pr_rss = proc_number(status, "VmRSS");
	pr->pr_peak = proc_number(status, "VmHWM");
	proc_bounds(pid, pr, status);
	return (0);
}

pid_t
proc_child(pid_t parent, const char *title, int whole)
{
	struct dirent	*entry;
	struct proc_info	 pr;
	DIR		*dir;
	pid_t		 found = 0, pid;

	ATF_REQUIRE((dir = opendir("/proc")) != NULL);
	while (found == 0 && (entry = readdir(dir)) != NULL) {
		if ((pid = (pid_t)atoi(entry->d_name)) <= 0 ||
		    proc_get(pid, &pr) == -1 || pr.pr_ppid != parent)
			continue;
		if (whole ? strcmp(pr.pr_title, title) == 0 :
		    strncmp(pr.pr_title, title, strlen(title)) == 0)
			found = pid;
	}
	(void)closedir(dir);
	return (found);
}

size_t
proc_files(pid_t pid, struct proc_file *files, size_t max)
{
	struct dirent	*entry;
	DIR		*dir;
	char		 path[400], *name;
	ssize_t		 n;
	size_t		 i = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if ((dir = opendir(path)) == NULL && errno == EACCES)
		atf_tc_skip("needs CAP_SYS_PTRACE, to look into other "
		    "processes");
	ATF_REQUIRE(dir != NULL);
	while (i < max && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid,
		    entry->d_name);
		name = files[i].pf_name;
		n = readlink(path, name, sizeof(files[i].pf_name) - 1);
		ATF_REQUIRE(n > 0);
		name[n] = '\0';
		files[i].pf_kind = strcmp(name, "/dev/null") == 0 ?
		    PROC_NULL : strncmp(name, "socket:", 7) == 0 ?
		    PROC_SOCKET : PROC_OTHER;
		files[i++].pf_fd = atoi(entry->d_name);
	}
	(void)closedir(dir);
	return (i);
}

int
proc_limit(pid_t pid, int resource, unsigned long long *soft)
{
	static const struct {
		int		 resource;
		const char	*name;
	}	 names[] = {
		{ RLIMIT_CORE, "Max core file size" },
		{ RLIMIT_FSIZE, "Max file size" },
		{ RLIMIT_NPROC, "Max processes" },
		{ RLIMIT_NOFILE, "Max open files" }
	};
	char	 limits[4096], *p;
	size_t	 i;

	ATF_REQUIRE(proc_read(pid, "limits", limits, sizeof(limits)) > 0);
	for (i = 0; names[i].resource != resource; i++)
		ATF_REQUIRE(i + 1 < sizeof(names) / sizeof(names[0]));
	ATF_REQUIRE((p = strstr(limits, names[i].name)) != NULL);
	ATF_REQUIRE_EQ_MSG(1, sscanf(p + strlen(names[i].name), "%llu",
	    soft), "%s", p);
	return (0);
}

unsigned long long
proc_root(pid_t pid)
{
	struct stat	 st;
	char		 path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	if (stat(path, &st) == -1 && errno == EACCES)
		atf_tc_skip("needs CAP_SYS_PTRACE, to look into other "
		    "processes");
	ATF_REQUIRE_EQ(0, stat(path, &st));
	return (st.st_ino);
}
