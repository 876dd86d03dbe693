/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The descriptor table, emptied from one number up or counted; waiting for
 * descriptors.
 */

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
#include <poll.h>
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

static int
poll_eventless(const struct pollfd *pfd, unsigned int n)
{
	unsigned int	 i;

	for (i = 0; i < n; i++)
		if (pfd[i].fd >= 0 && pfd[i].events == 0)
			return (1);
	return (0);
}

int
compat_poll(struct pollfd *pfd, unsigned int n, int timeout)
{
	int	 found, slice;

	if (!poll_eventless(pfd, n))
		return (poll(pfd, n, timeout));
	do {
		slice = timeout < 0 || timeout > COMPAT_POLL_AGAIN ?
		    COMPAT_POLL_AGAIN : timeout;
		if ((found = poll(pfd, n, slice)) != 0)
			return (found);
		if (timeout > 0)
			timeout -= slice;
	} while (timeout != 0);
	return (0);
}
#endif
