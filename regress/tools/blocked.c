/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * blocked command ...: runs it with every signal blocked and SIGCHLD and
 * SIGTERM ignored, as a careless starter leaves them.
 */

#include <err.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	sigset_t	 all;

	if (argc < 2)
		errx(2, "usage: blocked command ...");
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) == -1 ||
	    signal(SIGCHLD, SIG_IGN) == SIG_ERR ||
	    signal(SIGTERM, SIG_IGN) == SIG_ERR)
		err(2, "signals");
	(void)execvp(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
