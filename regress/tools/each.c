/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Runs a command for each connection to a unix socket, which is its standard
 * input and output: what inetd(8) does, without its configuration.
 *
 *	each path command [argument ...]
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
listening(const char *path)
{
	struct sockaddr_un	 un;
	int			 s;

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(un.sun_path))
		errx(1, "%s: too long for a unix socket", path);
	strcpy(un.sun_path, path);
	if ((s = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (bind(s, (struct sockaddr *)&un, sizeof(un)) == -1 ||
	    listen(s, 16) == -1)
		err(1, "%s", path);
	return (s);
}

int
main(int argc, char *argv[])
{
	int	 c, s;

	if (argc < 3) {
		fprintf(stderr, "usage: each path command [argument ...]\n");
		return (2);
	}
	s = listening(argv[1]);
	/* Nobody waits for the children. */
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		if ((c = accept(s, NULL, NULL)) == -1) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			err(1, "accept");
		}
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			signal(SIGCHLD, SIG_DFL);
			if (dup2(c, 0) == -1 || dup2(c, 1) == -1)
				err(1, "dup2");
			close(c);
			close(s);
			execvp(argv[2], argv + 2);
			err(127, "%s", argv[2]);
		default:
			close(c);
		}
	}
}
