/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What both systems' C libraries have, for sources compiled as theirs and
 * for those compiled as Linux's alike.
 */

#include <sys/types.h>
#include <sys/syscall.h>

#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include "confine.h"
#include "calls.h"

void
closefrom(int lowest)
{
	(void)syscall(SYS_close_range, (unsigned int)lowest, UINT_MAX, 0);
}

void
compat_closefrom(int lowest)
{
	closefrom(lowest);
}

int
timingsafe_bcmp(const void *a, const void *b, size_t len)
{
	const volatile unsigned char	*p = a, *q = b;
	unsigned char			 differ = 0;

	while (len-- > 0)
		differ |= p[len] ^ q[len];
	return (differ != 0);
}

int
setlogin(const char *name)
{
	return ((int)syscall(CONFINE_SETLOGIN, name));
}
