/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define BUILT	"/sbin/securetcpd/securetcpd"

/*
 * The installed parent runs helpers from LIBEXECDIR and nowhere else; one
 * that was started as .../sbin/securetcpd/securetcpd lies in a build tree
 * and takes those built beside it.
 */
void
paths_libexec(const char *argv0)
{
	char	 path[PATH_MAX];
	size_t	 len;

	(void)strlcpy(env->sd_libexec, LIBEXECDIR, sizeof(env->sd_libexec));
	if (strchr(argv0, '/') == NULL || realpath(argv0, path) == NULL)
		return;
	len = strlen(path);
	if (len < strlen(BUILT) ||
	    strcmp(path + len - strlen(BUILT), BUILT) != 0)
		return;
	path[len - strlen(BUILT)] = '\0';
	if (strlcat(path, "/libexec", sizeof(path)) >= sizeof(path))
		return;
	(void)strlcpy(env->sd_libexec, path, sizeof(env->sd_libexec));
	env->sd_built = 1;
}

static int
is_empty(int fd)
{
	struct dirent	*de;
	DIR		*d;
	int		 empty = 1;

	if ((fd = dup(fd)) == -1)
		return (-1);
	if ((d = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return (-1);
	}
	while (empty && (de = readdir(d)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0)
			empty = 0;
	(void)closedir(d);
	return (empty);
}

/*
 * Opens the directory helpers are locked into: root's, nobody else's to
 * write; the default one is made if need be and has to be empty.
 */
int
paths_chroot(struct conf *cf)
{
	struct stat	 st;
	int		 fd;

	if (!cf->cf_chroot_set && mkdir(cf->cf_chroot, 0755) == -1 &&
	    errno != EEXIST) {
		warn("chroot \"%s\"", cf->cf_chroot);
		return (-1);
	}
	fd = open(cf->cf_chroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		warn("chroot \"%s\"", cf->cf_chroot);
		goto fail;
	}
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		warnx("chroot \"%s\" must be root's and writable by nobody "
		    "else", cf->cf_chroot);
		goto fail;
	}
	if (!cf->cf_chroot_set && is_empty(fd) != 1) {
		warnx("chroot \"%s\" is not empty", cf->cf_chroot);
		goto fail;
	}
	return (fd);
 fail:
	if (fd != -1)
		(void)close(fd);
	return (-1);
}

/*
 * The configuration's file, to be read again: in the background the daemon is
 * in another directory.
 */
void
paths_file(const char *file)
{
	char	 dir[PATH_MAX];
	int	 n;

	if (file[0] == '/') {
		n = snprintf(env->sd_file, sizeof(env->sd_file), "%s", file);
	} else {
		if (getcwd(dir, sizeof(dir)) == NULL)
			err(1, "the directory that \"%s\" is in", file);
		n = snprintf(env->sd_file, sizeof(env->sd_file), "%s/%s", dir,
		    file);
	}
	if (n < 0 || (size_t)n >= sizeof(env->sd_file))
		errx(1, "\"%s\": too long for a path", file);
}
