/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

static pid_t	 pidfile_read(int);
static int	 pidfile_same(int, const char *);
static int	 pidfile_lock(const char *, pid_t *);

static pid_t
pidfile_read(int fd)
{
	char		 text[32], *end;
	ssize_t		 n;
	long long	 pid;

	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return (0);
	text[n] = '\0';
	pid = strtoll(text, &end, 10);
	if (end == text || (*end != '\n' && *end != '\0') || pid < 1 ||
	    pid > INT_MAX)
		return (0);
	return ((pid_t)pid);
}

/* Whether the path still names what was locked. */
static int
pidfile_same(int fd, const char *path)
{
	struct stat	 a, b;

	return (fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static int
pidfile_lock(const char *path, pid_t *running)
{
	int	 fd, saved;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK, 0600);
	if (fd == -1)
		return (-1);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		saved = errno;
		if (saved == EWOULDBLOCK) {
			*running = pidfile_read(fd);
			saved = EEXIST;
		}
		close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

int
pidfile_take(const char *path, pid_t *running)
{
	char	 text[32];
	int	 fd, len, saved;

	*running = 0;
	for (;;) {
		if ((fd = pidfile_lock(path, running)) == -1)
			return (-1);
		if (pidfile_same(fd, path))
			break;
		/* Removed by its last owner between open and lock. */
		close(fd);
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* The file may be there already, with the mode of another version. */
	if (fchmod(fd, 0600) == -1 || ftruncate(fd, 0) == -1 || pwrite(fd, text, (size_t)len, 0) != len) {
		saved = errno;
		close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

/* What is left of a failure is a pid that nobody holds the lock for. */
void
pidfile_drop(int fd, const char *path)
{
#ifdef __OpenBSD__
	(void)path;		/* pledged without cpath */
	ftruncate(fd, 0);
#else
	unlink(path);
#endif
	close(fd);
}
