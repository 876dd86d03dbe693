/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* In every confined program: the process asks to be traced by confine. */

#include <sys/types.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "confine.h"

/*
 * The tracer is a grandchild, so that it is nobody's child who waits for
 * any; it keeps descriptor 3 until it traces.
 */
__attribute__((__noreturn__))
static void
attach_tracer(const char *system, const char *log, int fd)
{
	char	 pid[16];
	int	 null;

	(void)snprintf(pid, sizeof(pid), "%ld", (long)getppid());
	switch (fork()) {
	case -1:
		_exit(1);
	case 0:
		break;
	default:
		_exit(0);
	}
	(void)setsid();
	if (dup2(fd, 3) == -1 || (null = open("/dev/null", O_RDWR)) == -1)
		_exit(1);
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	(void)dup2(null, 2);
	(void)syscall(SYS_close_range, 4, ~0U, 0);
	(void)execl(CONFINE, "confine", system, pid, log, (char *)NULL);
	_exit(1);
}

void
confine_attach(const char *system, const char *log)
{
	pid_t	 pid;
	char	 c;
	ssize_t	 n;
	int	 fds[2], status;

	if (syscall(CONFINE_HELLO) == 0)
		return;
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (pipe(fds) == -1 || (pid = fork()) == -1)
		err(126, "confine");
	if (pid == 0)
		attach_tracer(system, log, fds[1]);
	(void)close(fds[1]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	do {
		n = read(fds[0], &c, 1);
	} while (n == -1 && errno == EINTR);
	(void)close(fds[0]);
	if (n != 1 || syscall(CONFINE_HELLO) != 0)
		errx(126, "confine: cannot be traced");
}
