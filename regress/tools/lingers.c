/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A program that ends its side of the connection and stays, which no shell
 * can do: closing a descriptor is no end as long as another has the socket.
 *
 *	lingers		ends with 5 on SIGTERM, and says that it was told
 *	lingers deaf	ignores it
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void
told(int sig)
{
	static const char	 word[] = "told";

	(void)sig;
	(void)!write(2, word, sizeof(word) - 1);
	_exit(5);
}

int
main(int argc, char *argv[])
{
	static const char	 word[] = "ready\n";
	int			 deaf;

	deaf = argc == 2 && strcmp(argv[1], "deaf") == 0;
	if (signal(SIGTERM, deaf ? SIG_IGN : told) == SIG_ERR)
		err(1, "signal");
	if (write(1, word, sizeof(word) - 1) != sizeof(word) - 1)
		err(1, "write");
	if (shutdown(1, SHUT_WR) == -1)
		err(1, "shutdown");
	for (;;)
		pause();
}
