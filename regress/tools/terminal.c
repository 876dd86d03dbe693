/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * terminal FILE command ...: runs it with a terminal of its own as standard
 * error, which nobody reads until FILE is there; what comes out of it then
 * goes to standard output.  Its exit code is the command's.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t	 child;

static void
forward(int sig)
{
	(void)kill(child, sig);
}

static void
run(int master, char *argv[])
{
	int	 fd;

	if ((fd = open(ptsname(master), O_RDWR | O_NOCTTY)) == -1 ||
	    dup2(fd, STDERR_FILENO) == -1)
		err(2, "terminal");
	(void)close(fd);
	(void)close(master);
	(void)execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

int
main(int argc, char *argv[])
{
	char	 buf[4096];
	ssize_t	 n;
	int	 master, status;

	if (argc < 3)
		errx(2, "usage: terminal file command ...");
	if ((master = posix_openpt(O_RDWR | O_NOCTTY)) == -1 ||
	    grantpt(master) == -1 || unlockpt(master) == -1)
		err(2, "posix_openpt");
	if ((child = fork()) == -1)
		err(2, "fork");
	if (child == 0)
		run(master, argv + 2);
	if (signal(SIGTERM, forward) == SIG_ERR)
		err(2, "signal");
	while (access(argv[1], F_OK) == -1)
		(void)poll(NULL, 0, 20);
	/* After the last of them has closed it: an end, or EIO. */
	while ((n = read(master, buf, sizeof(buf))) > 0 ||
	    (n == -1 && errno == EINTR)) {
		if (n > 0 && write(STDOUT_FILENO, buf, (size_t)n) == -1)
			err(2, "write");
	}
	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			err(2, "waitpid");
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
