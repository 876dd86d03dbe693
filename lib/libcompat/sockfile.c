/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define SOCKFILE_BACKLOG	16

static int	 sockfile_clear(const struct sockaddr_un *);
static int	 sockfile_make(int, const struct sockaddr_un *, mode_t, gid_t);

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

/* Nobody but its owner can connect before the mode is what it is to be. */
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

/* A socket that stays refuses whoever connects, and the next one replaces it. */
void
sockfile_drop(int fd, const char *path)
{
	(void)unlink(path);
	(void)close(fd);
}
