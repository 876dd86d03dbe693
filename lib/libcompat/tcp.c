/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the systems tell of a TCP connection, each in its own way. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#ifdef __linux__
#include <linux/tcp.h>
#else
#include <netinet/tcp.h>
#endif

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compat.h"

int
compat_moved(int fd, uint64_t *taken, uint64_t *given)
{
	struct tcp_info	 ti;
	socklen_t	 len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1)
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
