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

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "calls.h"
#include "include/sys/sysctl.h"

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

/* Numbers of the system are all that is asked for. */
int
sysctl(const int *mib, unsigned int n, void *old, size_t *oldlen,
    const void *new, size_t newlen)
{
	long	 number;
	int	 value;

	(void)n;
	(void)new;
	(void)newlen;
	if ((number = syscall(CONFINE_SYSCTL, mib[0], mib[1])) == -1)
		return (-1);
	if (*oldlen < sizeof(value)) {
		errno = ENOMEM;
		return (-1);
	}
	value = (int)number;
	memcpy(old, &value, sizeof(value));
	*oldlen = sizeof(value);
	return (0);
}

int
sysctlbyname(const char *name, void *old, size_t *oldlen, const void *new,
    size_t newlen)
{
	int	 mib[2] = { CTL_KERN, 0 };

	if (strcmp(name, "kern.ipc.soacceptqueue") == 0)
		mib[1] = KERN_SOMAXCONN;
	return (sysctl(mib, 2, old, oldlen, new, newlen));
}
