/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The descriptor table: emptied from one number up, or counted. */

#include <sys/types.h>
#ifdef __FreeBSD__
#include <sys/sysctl.h>
#endif
#ifdef __linux__
#include <sys/resource.h>

#include <dirent.h>
#endif

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "compat.h"

#ifdef __linux__
void
compat_closefrom(int lowest)
{
	struct rlimit	 rl;
	rlim_t		 top;
	int		 fd, saved = errno;

	if (close_range((unsigned int)lowest, UINT_MAX, 0) == 0) {
		errno = saved;
		return;
	}
	/* A kernel before 5.9, or a filter without the call. */
	top = getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_max > INT_MAX ? 1 << 20 : rl.rlim_max;
	for (fd = lowest; (rlim_t)fd < top; fd++)
		close(fd);
	errno = saved;
}

/* -1 with errno where /proc is not there. */
int
getdtablecount(void)
{
	struct dirent	*entry;
	DIR		*dir;
	int		 n = 0;

	if ((dir = opendir("/proc/self/fd")) == NULL)
		return (-1);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			n++;
	closedir(dir);
	return (n - 1);		/* the directory itself */
}
#endif

#ifdef __FreeBSD__
int
getdtablecount(void)
{
	size_t	 len;
	int	 mib[4], n = 0;

	mib[0] = CTL_KERN;
	mib[1] = KERN_PROC;
	mib[2] = KERN_PROC_NFDS;
	mib[3] = 0;
	len = sizeof(n);
	if (sysctl(mib, 4, &n, &len, NULL, 0) == -1)
		return (-1);
	return (n);
}
#endif
