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
#include <sys/filio.h>
#endif
#include <sys/ioctl.h>
#ifdef __linux__
#include <sys/resource.h>
#endif
#include <sys/socket.h>
#ifdef __FreeBSD__
#include <sys/sysctl.h>
#endif

#include <netinet/in.h>
#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#else
#include <netinet/tcp.h>
#endif

#ifdef __linux__
#include <dirent.h>
#endif
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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
		(void)close(fd);
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
	(void)closedir(dir);
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

/* The state of a TCP connection, which each system tells in its own way. */

void
compat_keepalive(int fd, unsigned int seconds)
{
	int	 idle = (int)seconds, on = seconds != 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
	if (on)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle,
		    sizeof(idle));
#else
	(void)idle;
#endif
}

/* -1 with errno for what is no TCP connection. */
static int
tcp_info(int fd, struct tcp_info *ti, socklen_t *len)
{
	*len = sizeof(*ti);
	memset(ti, 0, sizeof(*ti));
	return (getsockopt(fd, IPPROTO_TCP, TCP_INFO, ti, len));
}

int
compat_unsent(int fd)
{
	struct tcp_info	 ti;
	socklen_t	 len;
	int		 n = 0;

	if (tcp_info(fd, &ti, &len) == -1)
		return (0);
#if defined(__OpenBSD__)
	n = ti.tcpi_so_snd_sb_cc != 0;
#elif defined(__FreeBSD__)
	(void)ioctl(fd, FIONWRITE, &n);
#else
	(void)ioctl(fd, SIOCOUTQ, &n);
#endif
	return (n > 0);
}

int
compat_moved(int fd, uint64_t *taken, uint64_t *given)
{
	struct tcp_info	 ti;
	socklen_t	 len;

	if (tcp_info(fd, &ti, &len) == -1)
		return (-1);
#ifdef __linux__
	/* A kernel before 4.1 does not count. */
	if (len < offsetof(struct tcp_info, tcpi_bytes_received) +
	    sizeof(ti.tcpi_bytes_received)) {
		errno = ENOTSUP;
		return (-1);
	}
	*taken = ti.tcpi_bytes_acked;
	*given = ti.tcpi_bytes_received;
#else
	*taken = ti.tcpi_snd_una;
	*given = ti.tcpi_rcv_nxt;
#endif
	return (0);
}

int
compat_bytes(int fd, uint64_t *in, uint64_t *out)
{
#ifdef __linux__
	return (compat_moved(fd, out, in));
#else
	(void)fd;
	(void)in;
	(void)out;
	errno = ENOTSUP;
	return (-1);
#endif
}
