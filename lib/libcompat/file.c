/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The file with the daemon's pid, and bytes as a file without a name. */

#include <sys/types.h>
#include <sys/file.h>
#if defined(__linux__) || defined(__FreeBSD__)
#include <sys/mman.h>
#endif
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
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
	if (fchmod(fd, 0600) == -1 || ftruncate(fd, 0) == -1 ||
	    pwrite(fd, text, (size_t)len, 0) != len) {
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
	unlink(path);
	close(fd);
}

/* Bytes as a file that has no name and that nobody can write to. */

static int
snapshot_write(int fd, const void *data, size_t len)
{
	const uint8_t	*p = data;
	ssize_t		 n;

	while (len > 0) {
		if ((n = write(fd, p, len)) == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (-1);
		p += n;
		len -= (size_t)n;
	}
	return (0);
}

/* Closes one or two of them, and keeps errno. */
static int
snapshot_fail(int fd, int other)
{
	int	 error = errno;

	(void)close(fd);
	if (other != -1)
		(void)close(other);
	errno = error;
	return (-1);
}

#if defined(__linux__) || defined(__FreeBSD__)
static int
snapshot_memory(const void *data, size_t len)
{
	int	 fd;

	fd = memfd_create("securetcpd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return (-1);
	if (snapshot_write(fd, data, len) == -1 || fcntl(fd, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == -1)
		return (snapshot_fail(fd, -1));
	return (fd);
}
#else
static int
snapshot_memory(const void *data, size_t len)
{
	(void)data;
	(void)len;
	errno = ENOSYS;
	return (-1);
}
#endif

/* Opened twice, as what can be written to is not to be passed on. */
static int
snapshot_file(const void *data, size_t len)
{
	char	 name[] = "/tmp/securetcpd.XXXXXXXXXX";
	int	 fd, out;

	if ((out = mkstemp(name)) == -1)
		return (-1);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (unlink(name) == -1 || fd == -1 ||
	    snapshot_write(out, data, len) == -1)
		return (snapshot_fail(out, fd));
	(void)close(out);
	return (fd);
}

int
compat_snapshot(const void *data, size_t len)
{
	int	 fd;

	if ((fd = snapshot_memory(data, len)) == -1)
		fd = snapshot_file(data, len);
	return (fd);
}
