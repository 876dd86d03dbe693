/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The file with the daemon's pid, the file of a socket, the bytes of a file,
 * and bytes as a file without a name.
 */

#include <sys/types.h>
#include <sys/file.h>
#if defined(__linux__) || defined(__FreeBSD__)
#include <sys/mman.h>
#endif
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define SOCKFILE_BACKLOG	16

static pid_t	 pidfile_read(int);
static int	 pidfile_same(int, const char *);
static int	 pidfile_lock(const char *, pid_t *);
static int	 sockfile_clear(const struct sockaddr_un *);
static int	 sockfile_make(int, const struct sockaddr_un *, mode_t, gid_t);

static pid_t
pidfile_read(int fd)
{
	char		 text[32], *end;
	ssize_t		 n;
	long long	 pid;

	n = compat_fill(fd, text, 0, sizeof(text) - 1);
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
		(void)close(fd);
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
		(void)close(fd);
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* The file may be there already, with the mode of another version. */
	if (fchmod(fd, 0600) == -1 || ftruncate(fd, 0) == -1 ||
	    pwrite(fd, text, (size_t)len, 0) != len) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

/* A failure leaves a pid for which nobody holds the lock. */
void
pidfile_drop(int fd, const char *path)
{
	(void)unlink(path);
	(void)close(fd);
}

/* The socket that whoever asks connects to. */

int
sockfile_address(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlcpy(sun->sun_path, path, sizeof(sun->sun_path)) <
	    sizeof(sun->sun_path))
		return (0);
	errno = ENAMETOOLONG;
	return (-1);
}

/* Removes the socket of a process that is gone; another file is left alone. */
static int
sockfile_clear(const struct sockaddr_un *sun)
{
	struct stat	 st;
	int		 error, fd;

	if (lstat(sun->sun_path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return (-1);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	error = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == -1 ?
	    errno : 0;
	(void)close(fd);
	/* A full queue is somebody's, too. */
	if (error == 0 || error == EAGAIN || error == EINPROGRESS) {
		errno = EADDRINUSE;
		return (-1);
	}
	if (error == ECONNREFUSED)
		return (unlink(sun->sun_path) == -1 && errno != ENOENT ?
		    -1 : 0);
	errno = error;
	return (error == ENOENT ? 0 : -1);
}

/* Only the owner can connect until the socket has its mode. */
static int
sockfile_make(int fd, const struct sockaddr_un *sun, mode_t mode, gid_t gid)
{
	mode_t	 old;
	int	 rv;

	old = umask(0177);
	rv = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	(void)umask(old);
	if (rv == -1)
		return (-1);
	if ((gid != (gid_t)-1 && chown(sun->sun_path, (uid_t)-1, gid) == -1) ||
	    chmod(sun->sun_path, mode) == -1 ||
	    listen(fd, SOCKFILE_BACKLOG) == -1) {
		rv = errno;
		(void)unlink(sun->sun_path);
		errno = rv;
		return (-1);
	}
	return (0);
}

int
sockfile_take(const char *path, mode_t mode, gid_t gid)
{
	struct sockaddr_un	 sun;
	int			 fd, saved;

	if (sockfile_address(&sun, path) == -1 || sockfile_clear(&sun) == -1)
		return (-1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	if (sockfile_make(fd, &sun, mode, gid) == -1) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

void
sockfile_drop(int fd, const char *path)
{
	(void)unlink(path);
	(void)close(fd);
}

ssize_t
compat_fill(int fd, void *buf, size_t have, size_t size)
{
	ssize_t	 n;

	while (have < size) {
		n = pread(fd, (uint8_t *)buf + have, size - have, (off_t)have);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (-1);
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return ((ssize_t)have);
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
