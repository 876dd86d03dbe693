/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Files that the configuration names: opened, bounded, read. */

#include <sys/types.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}

char *
conf_check_read(const char *what, const char *path, int fd,
    const struct conf_place *place, size_t max, size_t *len)
{
	char	*buf;
	ssize_t	 n;

	if ((buf = malloc(max + 1)) == NULL)
		err(1, "malloc");
	for (*len = 0; *len < max; *len += (size_t)n) {
		n = pread(fd, buf + *len, max - *len, (off_t)*len);
		if (n == -1) {
			conf_error(place, "%s \"%s\": %s", what, path,
			    strerror(errno));
			free(buf);
			return NULL;
		}
		if (n == 0)
			break;
	}
	buf[*len] = '\0';
	/* Of what this process must not know, the next best is to forget. */
	if (memmem(buf, *len, "PRIVATE KEY-----", 16) != NULL) {
		conf_error(place, "%s \"%s\" holds a private key, which "
		    "belongs in a file of its own", what, path);
		freezero(buf, max + 1);
		return NULL;
	}
	return buf;
}

/*
 * Helpers that start later are to read what was checked, and not what has
 * become of the file by then.
 */
void
conf_check_keep(const char *what, const char *path, int *fd,
    const struct conf_place *place, const char *buf, size_t len)
{
	int	 copy;

	if ((copy = compat_snapshot(buf, len)) == -1) {
		conf_error(place, "%s \"%s\": no copy can be kept: %s", what,
		    path, strerror(errno));
		return;
	}
	close(*fd);
	*fd = copy;
}

const char *
conf_check_date(time_t when, char *buf, size_t size)
{
	struct tm	*tm;

	if ((tm = gmtime(&when)) == NULL ||
	    strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", tm) == 0)
		strlcpy(buf, "an impossible date", size);
	return buf;
}
