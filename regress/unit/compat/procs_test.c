/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "procs.h"

#define CHILDREN	100

static void	 wait_dead(int);

/* Waits until the descriptor of procs_init() says that somebody died. */
static void
wait_dead(int fd)
{
	struct pollfd	 pfd;
	int		 n;

	pfd.fd = fd;
	pfd.events = POLLIN;
	do {
		n = poll(&pfd, 1, 30000);
	} while (n == -1 && errno == EINTR);
	ATF_REQUIRE_EQ(n, 1);
}

ATF_TC(exit_status);
ATF_TC_HEAD(exit_status, tc)
{
	atf_tc_set_md_var(tc, "descr", "the exit code of a child and the "
	    "signal it died of come back with its pid, once");
}
ATF_TC_BODY(exit_status, tc)
{
	pid_t	 dead, pid;
	int	 fd, handle, status;

	ATF_REQUIRE((fd = procs_init()) != -1);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 0);
	ATF_REQUIRE((pid = procs_fork(&handle, 0)) != -1);
	if (pid == 0) {
		procs_child();
		_exit(42);
	}
	wait_dead(fd);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 1);
	ATF_REQUIRE_EQ(dead, pid);
	ATF_REQUIRE(WIFEXITED(status));
	ATF_REQUIRE_EQ(WEXITSTATUS(status), 42);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 0);

	ATF_REQUIRE((pid = procs_fork(&handle, 0)) != -1);
	if (pid == 0) {
		procs_child();
		raise(SIGTERM);
		_exit(0);
	}
	wait_dead(fd);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 1);
	ATF_REQUIRE_EQ(dead, pid);
	ATF_REQUIRE(WIFSIGNALED(status));
	ATF_REQUIRE_EQ(WTERMSIG(status), SIGTERM);
}

ATF_TC(killed);
ATF_TC_HEAD(killed, tc)
{
	atf_tc_set_md_var(tc, "descr", "procs_kill() ends the child it names, "
	    "though it ignores what it can, and leaves its brother alone; "
	    "a pid of 0 or less is refused");
}
ATF_TC_BODY(killed, tc)
{
	pid_t	 dead, pid[2];
	int	 fd, handle[2], i, p[2], status;
	char	 byte;

	ATF_REQUIRE((fd = procs_init()) != -1);
	ATF_REQUIRE_EQ(pipe(p), 0);
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE((pid[i] = procs_fork(&handle[i], 0)) != -1);
		if (pid[i] == 0) {
			procs_child();
			signal(SIGTERM, SIG_IGN);
			signal(SIGINT, SIG_IGN);
			close(p[1]);
			if (read(p[0], &byte, 1) == -1)
				_exit(2);
			_exit(3);
		}
	}
	close(p[0]);
	ATF_REQUIRE_EQ(procs_kill(0, -1), -1);
	ATF_REQUIRE_EQ(procs_kill(-1, -1), -1);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 0);
	ATF_REQUIRE_EQ(procs_kill(pid[0], handle[0]), 0);
	wait_dead(fd);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 1);
	ATF_REQUIRE_EQ(dead, pid[0]);
	ATF_REQUIRE(WIFSIGNALED(status));
	ATF_REQUIRE_EQ(WTERMSIG(status), SIGKILL);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 0);
	close(p[1]);
	wait_dead(fd);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 1);
	ATF_REQUIRE_EQ(dead, pid[1]);
	ATF_REQUIRE_EQ(WEXITSTATUS(status), 3);
}

ATF_TC(group);
ATF_TC_HEAD(group, tc)
{
	atf_tc_set_md_var(tc, "descr", "procs_reap_group() kills what a dead "
	    "child left in its process group, and returns the child alone");
}
ATF_TC_BODY(group, tc)
{
	pid_t	 dead, pid;
	int	 fd, handle, p[2], status;
	char	 byte;

	ATF_REQUIRE((fd = procs_init()) != -1);
	ATF_REQUIRE_EQ(procs_reap_group(&dead, &status), 0);
	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE((pid = procs_fork(&handle, 0)) != -1);
	if (pid == 0) {
		procs_child();
		(void)setsid();
		/* The grandchild holds the pipe until somebody kills it. */
		if (fork() == 0) {
			signal(SIGHUP, SIG_IGN);
			close(p[0]);
			for (;;)
				pause();
		}
		_exit(3);
	}
	close(p[1]);
	wait_dead(fd);
	ATF_REQUIRE_EQ(procs_reap_group(&dead, &status), 1);
	ATF_REQUIRE_EQ(dead, pid);
	ATF_REQUIRE(WIFEXITED(status));
	ATF_REQUIRE_EQ(WEXITSTATUS(status), 3);
	ATF_REQUIRE_EQ(procs_reap_group(&dead, &status), 0);
	ATF_REQUIRE_EQ(read(p[0], &byte, 1), 0);
}

ATF_TC(many);
ATF_TC_HEAD(many, tc)
{
	atf_tc_set_md_var(tc, "descr", "of a hundred children that die at "
	    "once everyone is returned exactly once, and no descriptor is "
	    "left over");
}
ATF_TC_BODY(many, tc)
{
	pid_t	 dead, pid[CHILDREN];
	int	 before, code, fd, handle, i, left, n, p[2], status;
	char	 byte;

	ATF_REQUIRE((fd = procs_init()) != -1);
	ATF_REQUIRE_EQ(pipe(p), 0);
	before = fds_count();
	for (i = 0; i < CHILDREN; i++) {
		ATF_REQUIRE((pid[i] = procs_fork(&handle, 0)) != -1);
		if (pid[i] == 0) {
			procs_child();
			close(p[1]);
			_exit(read(p[0], &byte, 1) == 0 ? i % 100 : 255);
		}
	}
	close(p[1]);
	for (left = CHILDREN; left > 0;) {
		wait_dead(fd);
		while ((n = procs_reap(&dead, &status)) == 1) {
			for (i = 0; i < CHILDREN && pid[i] != dead; i++)
				;
			ATF_REQUIRE(i < CHILDREN);
			code = WEXITSTATUS(status);
			ATF_REQUIRE(WIFEXITED(status));
			ATF_REQUIRE_EQ(code, i % 100);
			pid[i] = -1;
			left--;
		}
		ATF_REQUIRE_EQ(n, 0);
	}
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 0);
	ATF_REQUIRE_EQ(fds_count(), before - 1);
}

ATF_TC(child_side);
ATF_TC_HEAD(child_side, tc)
{
	atf_tc_set_md_var(tc, "descr", "after procs_child() the child has the "
	    "default SIGCHLD and a descriptor table as if there had been no "
	    "procs_init(), and its own deaths do not wake the parent");
}
ATF_TC_BODY(child_side, tc)
{
	struct sigaction	 sa;
	struct pollfd		 pfd;
	pid_t			 dead, pid;
	int			 before, fd, handle, status;

	before = fds_count();
	ATF_REQUIRE((fd = procs_init()) != -1);
	ATF_REQUIRE((pid = procs_fork(&handle, 0)) != -1);
	if (pid == 0) {
		procs_child();
		if (sigaction(SIGCHLD, NULL, &sa) == -1 ||
		    sa.sa_handler != SIG_DFL)
			_exit(1);
		if (fds_count() != before)
			_exit(2);
		if ((pid = fork()) == 0)
			_exit(0);
		if (pid == -1 || waitpid(pid, &status, 0) != pid)
			_exit(3);
		pfd.fd = fd;
		_exit(10);
	}
	wait_dead(fd);
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 1);
	ATF_REQUIRE_EQ(dead, pid);
	ATF_REQUIRE(WIFEXITED(status));
	ATF_REQUIRE_EQ(WEXITSTATUS(status), 10);
	pfd.fd = fd;
	pfd.events = POLLIN;
	ATF_REQUIRE_EQ(procs_reap(&dead, &status), 0);
	ATF_REQUIRE_EQ(poll(&pfd, 1, 0), 0);
}

ATF_TC(closed_on_exec);
ATF_TC_HEAD(closed_on_exec, tc)
{
	atf_tc_set_md_var(tc, "descr", "what procs_init() opens does not "
	    "survive exec");
}
ATF_TC_BODY(closed_on_exec, tc)
{
	int	 fd, flags, opened = 0;
	char	 before[256];

	for (fd = 0; fd < (int)sizeof(before); fd++)
		before[fd] = fcntl(fd, F_GETFD) != -1;
	ATF_REQUIRE(procs_init() != -1);
	for (fd = 0; fd < (int)sizeof(before); fd++) {
		flags = fcntl(fd, F_GETFD);
		if (before[fd] || flags == -1)
			continue;
		ATF_REQUIRE(flags & FD_CLOEXEC);
		opened++;
	}
	ATF_REQUIRE(opened > 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, exit_status);
	ATF_TP_ADD_TC(tp, killed);
	ATF_TP_ADD_TC(tp, group);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, child_side);
	ATF_TP_ADD_TC(tp, closed_on_exec);
	return (atf_no_error());
}
