/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include "sandbox.h"

static int	 privdrop_root(void);
static int	 privdrop_verify(uid_t, gid_t);
static int	 privdrop_limit(int, rlim_t);

/* A change that can be taken back is none. */
static int
privdrop_verify(uid_t uid, gid_t gid)
{
	uid_t	 ruid, euid, suid;
	gid_t	 rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) == -1 ||
	    getresgid(&rgid, &egid, &sgid) == -1)
		return (-1);
	if (ruid != uid || euid != uid || suid != uid ||
	    rgid != gid || egid != gid || sgid != gid ||
	    setuid(0) != -1 || seteuid(0) != -1 ||
	    (gid != 0 && (setgid(0) != -1 || setegid(0) != -1))) {
		errno = EPERM;
		return (-1);
	}
	return (0);
}

/* A root that is the present one locks nobody in. */
static int
privdrop_root(void)
{
	struct stat	 here, root;

	if (stat(".", &here) == -1 || stat("/", &root) == -1)
		return (-1);
	if (here.st_dev == root.st_dev && here.st_ino == root.st_ino) {
		errno = EINVAL;
		return (-1);
	}
	return (chroot(".") == -1 || chdir("/") == -1 ? -1 : 0);
}

int
privdrop(int lock, uid_t uid, gid_t gid)
{
	if (uid == 0) {
		errno = EINVAL;
		return (-1);
	}
	if (lock && privdrop_root() == -1)
		return (-1);
	return (privdrop_user(uid, gid, &gid, 1));
}

int
privdrop_user(uid_t uid, gid_t gid, const gid_t *groups, int ngroups)
{
	if (setgroups(ngroups, groups) == -1 ||
	    setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return (-1);
	return (uid == 0 ? 0 : privdrop_verify(uid, gid));
}

/* The BSDs cut a limit to what they have, and say nothing. */
static int
privdrop_limit(int resource, rlim_t n)
{
	struct rlimit	 rl;

	rl.rlim_cur = rl.rlim_max = n;
	if (setrlimit(resource, &rl) == -1 || getrlimit(resource, &rl) == -1)
		return (-1);
	/* FreeBSD has no limit of processes below 1. */
	if (rl.rlim_cur == n || (resource == RLIMIT_NPROC && rl.rlim_cur <= 1))
		return (0);
	errno = ERANGE;
	return (-1);
}

int
privdrop_limits(unsigned int nofile, int nofork)
{
	if (privdrop_limit(RLIMIT_CORE, 0) == -1 ||
	    privdrop_limit(RLIMIT_FSIZE, 0) == -1 ||
	    privdrop_limit(RLIMIT_MEMLOCK, 0) == -1)
		return (-1);
	if (nofile != 0 && privdrop_limit(RLIMIT_NOFILE, nofile) == -1)
		return (-1);
	if (nofork && privdrop_limit(RLIMIT_NPROC, 0) == -1)
		return (-1);
	return (0);
}
