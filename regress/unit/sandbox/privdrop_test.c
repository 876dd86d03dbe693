/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox.h"

#define UID	32001
#define GID	32002

/* Runs the function in a child; its exit code says what does not hold. */
static void
in_child(int (*function)(void))
{
	int	 status;
	pid_t	 pid;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(function());
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_CHECK_MSG(WIFEXITED(status), "killed by signal %d",
	    WTERMSIG(status));
	ATF_CHECK_MSG(!WIFEXITED(status) || WEXITSTATUS(status) == 0,
	    "it fails at step %d", WEXITSTATUS(status));
}

static int
drops(void)
{
	struct stat	 root, before;
	gid_t		 groups[8];

	if (chdir("empty") == -1 || stat(".", &before) == -1)
		return (1);
	if (privdrop(1, UID, GID) == -1)
		return (2);
	if (stat("/", &root) == -1 || root.st_ino != before.st_ino ||
	    root.st_dev != before.st_dev)
		return (3);
	if (getuid() != UID || geteuid() != UID || getgid() != GID ||
	    getegid() != GID)
		return (4);
	if (getgroups(8, groups) != 1 || groups[0] != GID)
		return (5);
	if (setuid(0) != -1 || setgid(0) != -1 || chroot("/") != -1)
		return (6);
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != ENOENT)
		return (7);
	return (0);
}

ATF_TC(drop);
ATF_TC_HEAD(drop, tc)
{
	atf_tc_set_md_var(tc, "descr", "privdrop() leaves user, groups and "
	    "file system behind for good");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(drop, tc)
{
	ATF_REQUIRE(mkdir("empty", 0755) == 0);
	in_child(drops);
}

static int
not_to_root(void)
{
	return (privdrop(0, 0, 0) == -1 && errno == EINVAL ? 0 : 1);
}

static int
not_from_root(void)
{
	return (chdir("/") == 0 && privdrop(1, UID, GID) == -1 &&
	    errno == EINVAL && getuid() == 0 ? 0 : 1);
}

ATF_TC(root);
ATF_TC_HEAD(root, tc)
{
	atf_tc_set_md_var(tc, "descr", "privdrop() to root, and with the root "
	    "as the directory to be locked into, is refused");
}
ATF_TC_BODY(root, tc)
{
	in_child(not_to_root);
	in_child(not_from_root);
}

static int
as_user(void)
{
	gid_t	 given[] = { GID, 5, 7 }, groups[8];

	if (privdrop_user(UID, GID, given, 3) == -1)
		return (1);
	if (getuid() != UID || geteuid() != UID || getgid() != GID ||
	    getegid() != GID)
		return (2);
	if (getgroups(8, groups) != 3 || groups[0] + groups[1] + groups[2] !=
	    GID + 5 + 7)
		return (3);
	return (setuid(0) == -1 && setgid(0) == -1 ? 0 : 4);
}

static int
as_root(void)
{
	gid_t	 groups[8];

	if (privdrop_user(0, 0, NULL, 0) == -1)
		return (1);
	return (getuid() == 0 && getgroups(8, groups) == 0 ? 0 : 2);
}

ATF_TC(user);
ATF_TC_HEAD(user, tc)
{
	atf_tc_set_md_var(tc, "descr", "privdrop_user() sets user and groups "
	    "for good, and root can stay root without groups");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(user, tc)
{
	in_child(as_user);
	in_child(as_root);
}

static int
unprivileged(void)
{
	if (setgid(GID) == -1 || setuid(UID) == -1)
		return (1);
	return (privdrop(0, UID + 1, GID) == -1 && errno == EPERM ? 0 : 2);
}

ATF_TC(refused);
ATF_TC_HEAD(refused, tc)
{
	atf_tc_set_md_var(tc, "descr", "A change that is not permitted is an "
	    "error, not a silence");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(refused, tc)
{
	in_child(unprivileged);
}

static int
limited(void)
{
	struct rlimit	 rl;
	int		 fd, last = -1;

	if (privdrop_limits(16, 1) == -1)
		return (1);
	if (getrlimit(RLIMIT_CORE, &rl) == -1 || rl.rlim_max != 0)
		return (2);
	if (getrlimit(RLIMIT_FSIZE, &rl) == -1 || rl.rlim_max != 0)
		return (3);
	if (getrlimit(RLIMIT_MEMLOCK, &rl) == -1 || rl.rlim_max != 0)
		return (9);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_max != 16 ||
	    rl.rlim_cur != 16)
		return (4);
	/* FreeBSD makes 1 of 0, and it counts the process itself. */
	if (getrlimit(RLIMIT_NPROC, &rl) == -1 || rl.rlim_max > 1)
		return (5);
	while ((fd = dup(STDIN_FILENO)) != -1)
		last = fd;
	if (last != 15 || errno != EMFILE)
		return (6);
	if (geteuid() == 0 && (setgid(GID) == -1 || setuid(UID) == -1))
		return (7);
	return (fork() == -1 && errno == EAGAIN ? 0 : 8);
}

ATF_TC(limits);
ATF_TC_HEAD(limits, tc)
{
	atf_tc_set_md_var(tc, "descr", "privdrop_limits() allows no core, no "
	    "file, no locked memory, so many descriptors and no fork");
}
ATF_TC_BODY(limits, tc)
{
	in_child(limited);
}

static int
forking(void)
{
	struct rlimit	 before, after;

	if (getrlimit(RLIMIT_NPROC, &before) == -1 ||
	    privdrop_limits(32, 0) == -1 ||
	    getrlimit(RLIMIT_NPROC, &after) == -1)
		return (1);
	return (before.rlim_max != after.rlim_max);
}

ATF_TC(limits_fork);
ATF_TC_HEAD(limits_fork, tc)
{
	atf_tc_set_md_var(tc, "descr", "privdrop_limits() without the last "
	    "one leaves the number of processes as it is");
}
ATF_TC_BODY(limits_fork, tc)
{
	in_child(forking);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, drop);
	ATF_TP_ADD_TC(tp, root);
	ATF_TP_ADD_TC(tp, user);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, limits_fork);
	return (atf_no_error());
}
