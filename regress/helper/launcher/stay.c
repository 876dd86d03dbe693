/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Says its process id and stays until its input ends, without doing anything
 * to itself: a shell has handlers of its own, and OpenBSD's has a pledge.
 */

#include <sys/types.h>

#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	char	 c;

	printf("%ld\n", (long)getpid());
	if (fflush(stdout) == EOF)
		return (1);
	while (read(STDIN_FILENO, &c, 1) == 1)
		continue;
	return (0);
}
