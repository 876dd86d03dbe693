/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <errno.h>
#include <stddef.h>

#include "dns.h"

/* The BSDs show all processes the same files, and /etc is not ours. */
int
dns_world(const char *hosts, const char *nsswitch, const char *resolv)
{
	(void)hosts;
	(void)nsswitch;
	(void)resolv;
	errno = EOPNOTSUPP;
	return (-1);
}
