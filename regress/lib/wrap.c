/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * connect(2) in the place of the C library's: it fails when it is told to.
 * Its own header is not included, because that declares it in a way that
 * cannot be written down again.
 */

#include <sys/types.h>

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "wrap.h"

int		 connect(int, const void *, unsigned int);

int		 wrap_connect_errno;
unsigned int	 wrap_connects;

int
connect(int fd, const void *sa, unsigned int len)
{
	static int	(*real)(int, const void *, unsigned int);

	wrap_connects++;
	if (wrap_connect_errno != 0) {
		errno = wrap_connect_errno;
		return (-1);
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "connect");
	return (real(fd, sa, len));
}
