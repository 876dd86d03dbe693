/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Bytes as a file that has no name and that nobody can write to. */

#include <sys/types.h>
#if defined(__linux__) || defined(__FreeBSD__)
#include <sys/mman.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "compat.h"

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
