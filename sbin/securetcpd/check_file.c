/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Files that the configuration names: opened, bounded, copied. */

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conf.h"

/* Symbolic links are followed, as renewal tools use them. */
int
conf_check_open(const char *what, const char *path, off_t max,
    const struct conf_place *place, struct stat *st)
{
	int	 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, st) == -1)
		conf_error(place, "%s \"%s\": %s", what, path,
		    strerror(errno));
	else if (!S_ISREG(st->st_mode))
		conf_error(place, "%s \"%s\" is not a regular file", what,
		    path);
	else if (st->st_size == 0)
		conf_error(place, "%s \"%s\" is empty", what, path);
	else if (st->st_size > max)
		conf_error(place, "%s \"%s\" is larger than %lld bytes", what,
		    path, (long long)max);
	else
		return (fd);
	if (fd != -1)
		(void)close(fd);
	return (-1);
}

/* A private key must not be in this process: the file is refused. */
static int
file_private(const char *buf, size_t len)
{
	return (memmem(buf, len, "PRIVATE KEY-----", 16) != NULL);
}

/* Helpers read what was checked, and not what has become of the file. */
int
conf_check_copy(const char *what, const char *path, int fd, size_t max,
    const struct conf_place *place)
{
	char	*buf;
	size_t	 len;
	int	 copy = -1;

	if ((buf = conf_read(fd, max, &len)) == NULL)
		conf_error(place, "%s \"%s\": %s", what, path,
		    strerror(errno));
	else if (file_private(buf, len))
		conf_error(place, "%s \"%s\" holds a private key, which "
		    "belongs in a file of its own", what, path);
	else if ((copy = compat_snapshot(buf, len)) == -1)
		conf_error(place, "%s \"%s\": no copy can be kept: %s", what,
		    path, strerror(errno));
	(void)close(fd);
	if (buf != NULL)
		freezero(buf, max);
	return (copy);
}

void
conf_check_path(const char *what, struct conf_path *pa, size_t max)
{
	struct stat	 st;
	int		 fd;

	pa->pa_what = what;
	fd = conf_check_open(what, pa->pa_path, (off_t)max, &pa->pa_place,
	    &st);
	if (fd != -1)
		pa->pa_fd = conf_check_copy(what, pa->pa_path, fd,
		    (size_t)st.st_size, &pa->pa_place);
}
