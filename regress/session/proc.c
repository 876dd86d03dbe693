/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the system knows about a process, as Linux's /proc tells it. */

#include <sys/types.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"

static int	 proc_title(pid_t, char *, size_t);

void
proc_need(void)
{
	if (access("/proc/self/status", R_OK) == -1)
		atf_tc_skip("needs /proc as Linux has it");
}

static int
proc_title(pid_t pid, char *line, size_t size)
{
	FILE	*fp;
	char	 path[64];
	size_t	 n;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if ((fp = fopen(path, "r")) == NULL)
		return (-1);
	n = fread(line, 1, size - 1, fp);
	(void)fclose(fp);
	line[n] = '\0';
	return (0);
}

/*
 * The session's process, 0 for none.  Whose child it is tells this test's
 * session 17 from that of another test.
 */
pid_t
proc_session(const struct fake *fk, const struct fake_session *fs,
    const char *state)
{
	struct dirent	*entry;
	DIR		*dir;
	char		 title[128], line[256];
	pid_t		 found = 0, pid;

	(void)snprintf(title, sizeof(title), "securetcp-session: %llu www%s%s",
	    (unsigned long long)fs->fs_id, state == NULL ? "" : " ",
	    state == NULL ? "" : state);
	ATF_REQUIRE((dir = opendir("/proc")) != NULL);
	while (found == 0 && (entry = readdir(dir)) != NULL) {
		if ((pid = (pid_t)atoi(entry->d_name)) <= 0 ||
		    proc_status(pid, "PPid") != (long)fk->fk_pid ||
		    proc_title(pid, line, sizeof(line)) == -1)
			continue;
		if (state == NULL ? strncmp(line, title, strlen(title)) == 0 :
		    strcmp(line, title) == 0)
			found = pid;
	}
	(void)closedir(dir);
	return (found);
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
	FILE		*fp;
	char		 path[64], line[512], *p;
	unsigned long	 user, sys;
	size_t		 n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	ATF_REQUIRE((fp = fopen(path, "r")) != NULL);
	n = fread(line, 1, sizeof(line) - 1, fp);
	(void)fclose(fp);
	line[n] = '\0';
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
