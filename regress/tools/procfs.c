/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the system knows about a process, as Linux's /proc tells it. */

#include <sys/types.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"

void
proc_need(void)
{
	if (access("/proc/self/status", R_OK) == -1)
		atf_tc_skip("needs /proc as Linux has it");
}

/* A file of /proc/PID as a string, cut to the size; -1: it is gone. */
ssize_t
proc_try(pid_t pid, const char *name, char *buf, size_t size)
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

void
proc_read(pid_t pid, const char *name, char *buf, size_t size)
{
	ATF_REQUIRE_MSG(proc_try(pid, name, buf, size) != -1, "/proc/%d/%s: %s",
	    (int)pid, name, strerror(errno));
}

/* A number of /proc/PID/status, in its unit (kB). */
long
proc_status(pid_t pid, const char *name)
{
	FILE	*fp;
	char	 path[64], line[256];
	long	 value = -1;
	size_t	 len = strlen(name);

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if ((fp = fopen(path, "r")) == NULL)
		return (-1);
	while (value == -1 && fgets(line, sizeof(line), fp) != NULL) {
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	}
	(void)fclose(fp);
	return (value);
}

/* Clock ticks it has used, by itself and in the kernel. */
long
proc_cpu(pid_t pid)
{
	char		 line[512], *p;
	unsigned long	 user, sys;

	proc_read(pid, "stat", line, sizeof(line));
	/* The name may hold anything: the fields are counted behind it. */
	ATF_REQUIRE((p = strrchr(line, ')')) != NULL);
	ATF_REQUIRE_EQ(2, sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u "
	    "%*u %*u %*u %lu %lu", &user, &sys));
	return ((long)(user + sys));
}

/* The descriptors that are open, and what each of them is. */
size_t
proc_fds(pid_t pid, int *fds, char (*links)[64], size_t max)
{
	struct dirent	*entry;
	DIR		*dir;
	char		 path[400];
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
		n = readlink(path, links[i], sizeof(links[i]) - 1);
		ATF_REQUIRE(n > 0);
		links[i][n] = '\0';
		fds[i++] = atoi(entry->d_name);
	}
	(void)closedir(dir);
	return (i);
}
