/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the systems tell of a TCP connection, each in its own way. */

#include <sys/types.h>
#ifdef __FreeBSD__
#include <sys/filio.h>
#endif
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netinet/in.h>
#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#else
#include <netinet/tcp.h>
#endif

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compat.h"

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
