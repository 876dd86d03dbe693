/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atf-c.h>
#include <fcntl.h>

#include "fds.h"

#define HIGHEST	4096

int
fds_count(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < HIGHEST; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return (n);
}

int
fds_same(int a, int b)
{
	struct stat	 sa, sb;

	ATF_REQUIRE_EQ(fstat(a, &sa), 0);
	ATF_REQUIRE_EQ(fstat(b, &sb), 0);
	return (sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino);
}

void
fds_pair(int sv[2])
{
	ATF_REQUIRE_EQ(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
}
