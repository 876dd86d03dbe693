/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* connect(2) of our objects: it fails when it is told to. */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stddef.h>

#include "wrap.h"

/* The linker's names for it. */
int		 __wrap_connect(int, const struct sockaddr *, socklen_t);
int		 __real_connect(int, const struct sockaddr *, socklen_t);

int		 wrap_connect_errno;
unsigned int	 wrap_connects;

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	wrap_connects++;
	if (wrap_connect_errno != 0) {
		errno = wrap_connect_errno;
		return (-1);
	}
	return (__real_connect(fd, sa, len));
}
