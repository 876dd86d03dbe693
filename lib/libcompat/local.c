/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Whether a file is local: a call that asks another host, or a process, for a
 * name waits for as long as these do not answer, and no flag prevents that.
 */

#include <sys/types.h>
#ifdef __linux__
#include <sys/vfs.h>
#else
#include <sys/param.h>
#include <sys/mount.h>
#endif
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"

#define LOCAL_LINKS	16		/* within each other */

#ifdef __linux__
/* By the numbers that statfs(2) gives; some are in no header. */
static const struct {
	uint32_t	 ft_number;
	const char	*ft_name;
} types[] = {
	{ 0x00000187, "autofs" },
	{ 0x0000517b, "smb" },
	{ 0x0000564c, "ncp" },
	{ 0x00006969, "nfs" },
	{ 0x00c36400, "ceph" },
	{ 0x01021997, "9p" },
	{ 0x01161970, "gfs2" },
	{ 0x013111a8, "ibrix" },
	{ 0x0bd00bd0, "lustre" },
	{ 0x19830326, "beegfs" },
	{ 0x20030528, "orangefs" },
	{ 0x47504653, "gpfs" },
	{ 0x5346414f, "afs" },
	{ 0x61636673, "acfs" },
	{ 0x65735546, "fuse" },			/* virtiofs as well */
	{ 0x6b414653, "afs" },
	{ 0x73757245, "coda" },
	{ 0x7461636f, "ocfs2" },
	{ 0x786f4256, "vboxsf" },
	{ 0x7c7c6673, "prl_fs" },
	{ 0xaad7aaea, "panfs" },
	{ 0xbacbacbc, "vmhgfs" },
	{ 0xbeefdead, "snfs" },
	{ 0xfe534d42, "smb" },
	{ 0xff534d42, "cifs" }
};

static int
type_local(const struct statfs *fs, char *type, size_t size)
{
	size_t	 i;

	for (i = 0; i < nitems(types); i++)
		if (types[i].ft_number == (uint32_t)fs->f_type) {
			(void)strlcpy(type, types[i].ft_name, size);
			return (0);
		}
	return (1);
}
#else
/*
 * A process may answer for one that is local in their sense, and FreeBSD's
 * devfs, for which nobody does, is not.
 */
static int
type_local(const struct statfs *fs, char *type, size_t size)
{
	(void)strlcpy(type, fs->f_fstypename, size);
	if (strcmp(type, "devfs") == 0)
		return (1);
	return ((fs->f_flags & MNT_LOCAL) && strncmp(type, "fuse", 4) != 0);
}
#endif

/* Without the root directory's file system nothing goes on anyway. */
static int
root_same(const struct stat *st)
{
	struct stat	 root;

	return (stat("/", &root) == 0 && root.st_dev == st->st_dev);
}

static int
place_local(const char *path, char *type, size_t size)
{
	struct statfs	 fs;
	struct stat	 st;

	if (statfs(path, &fs) == -1 || stat(path, &st) == -1)
		return (-1);
	return (type_local(&fs, type, size) || root_same(&st));
}

/* A link's target, seen from the directory that it is in. */
static int
link_target(const char *path, char *target, size_t size)
{
	const char	*slash = strrchr(path, '/');
	char		 text[PATH_MAX];
	ssize_t		 n;
	int		 dir = 0;

	if ((n = readlink(path, text, sizeof(text) - 1)) == -1)
		return (-1);
	text[n] = '\0';
	if (text[0] != '/' && slash != NULL)
		dir = (int)(slash - path) + 1;
	n = snprintf(target, size, "%.*s%s", dir, path, text);
	return (n < 0 || (size_t)n >= size ? -1 : 0);
}

/* All that a look-up of the path comes by. */
static int
walk(const char *path, unsigned int links, char *type, size_t size)
{
	char	 at[PATH_MAX], target[PATH_MAX];
	size_t	 len = 0;
	int	 local;

	do {
		len += strspn(path + len, "/");
		len += strcspn(path + len, "/");
		if (len >= sizeof(at)) {
			errno = ENAMETOOLONG;
			return (-1);
		}
		memcpy(at, path, len);
		at[len] = '\0';
		if (link_target(at, target, sizeof(target)) == -1)
			local = place_local(at, type, size);
		else if (links > 0)
			local = walk(target, links - 1, type, size);
		else {
			errno = ELOOP;
			local = -1;
		}
		if (local != 1)
			return (local);
	} while (path[len] != '\0');
	return (1);
}

int
compat_path_local(const char *path, char *type, size_t size)
{
	/* A file to come will be in the last directory that there is. */
	return (walk(path, LOCAL_LINKS, type, size) != 0);
}

int
compat_fd_local(int fd, char *type, size_t size)
{
	struct statfs	 fs;
	struct stat	 st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    fstatfs(fd, &fs) == -1)
		return (1);
	return (type_local(&fs, type, size) || root_same(&st));
}
