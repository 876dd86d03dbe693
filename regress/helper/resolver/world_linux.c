/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Files of /etc for this process alone, by a mount namespace. */

#include <sys/types.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"

static int
cover(const char *path, const char *text)
{
	char	 name[] = "world.XXXXXX";
	int	 fd;

	if ((fd = mkstemp(name)) == -1)
		return (-1);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fchmod(fd, 0644) == -1 || close(fd) == -1)
		return (-1);
	if (mount(name, path, NULL, MS_BIND, NULL) == -1)
		return (-1);
	return (unlink(name) == 0 || errno == EBUSY ? 0 : -1);
}

int
dns_world(const char *hosts, const char *nsswitch, const char *resolv)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return (-1);
	if (cover("/etc/hosts", hosts) == -1 ||
	    cover("/etc/nsswitch.conf", nsswitch) == -1)
		return (-1);
	return (cover("/etc/resolv.conf", resolv));
}
