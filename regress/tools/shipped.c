/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "shipped.h"
#include "wire.h"

const char *
shipped_path(const atf_tc_t *tc, const char *name)
{
	static char	 path[1024];

	(void)snprintf(path, sizeof(path), "%s/../../../libexec/%s/%s",
	    atf_tc_get_config_var(tc, "srcdir"), name, name);
	return (path);
}

void
shipped_chroot(void)
{
	if ((mkdir("chroot", 0755) == -1 && errno != EEXIST) ||
	    chdir("chroot") == -1)
		_exit(125);
}

pid_t
shipped_start(const atf_tc_t *tc, const char *name, struct imsgbuf *pipe,
    int *fd, void (*before)(void))
{
	const char	*path = shipped_path(tc, name);
	pid_t		 pid;
	int		 sv[2];

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (before != NULL)
			before();
		if (sv[0] != WIRE_FD)
			(void)close(sv[0]);
		if (sv[1] != WIRE_FD && dup2(sv[1], WIRE_FD) == -1)
			_exit(126);
		(void)execl(path, name, (char *)NULL);
		_exit(127);
	}
	(void)close(sv[1]);
	/* OpenBSD's imsg does not say MSG_NOSIGNAL. */
	(void)signal(SIGPIPE, SIG_IGN);
	*fd = sv[0];
	ATF_REQUIRE(fcntl(sv[0], F_SETFD, FD_CLOEXEC) != -1);
	ATF_REQUIRE(imsgbuf_init(pipe, sv[0]) == 0);
	imsgbuf_allow_fdpass(pipe);
	return (pid);
}

void
shipped_refuses(const atf_tc_t *tc, const char *name, int fd,
    const char *argument, const char *words)
{
	const char	*path = shipped_path(tc, name);
	char		 said[256], want[256];
	ssize_t		 n;
	size_t		 len = 0;
	pid_t		 pid;
	int		 p[2], status;

	ATF_REQUIRE(pipe(p) == 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (dup2(p[1], STDERR_FILENO) == -1)
			_exit(126);
		if (fd == -1)
			closefrom(WIRE_FD);
		else if (dup2(fd, WIRE_FD) == -1)
			_exit(126);
		(void)execl(path, name, argument, (char *)NULL);
		_exit(127);
	}
	(void)close(p[1]);
	while ((n = read(p[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	(void)close(p[0]);
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	(void)snprintf(want, sizeof(want), "%s: %s\n", name, words);
	ATF_CHECK_STREQ(want, said);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "status %#x", (unsigned int)status);
}
