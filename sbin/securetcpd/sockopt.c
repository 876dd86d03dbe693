/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "compat.h"
#include "securetcpd.h"

/*
 * Sessions may not set options: what a connection needs is set here.  A
 * peer that has reset already makes these fail; its session will notice.
 */
void
socket_options(int fd, int family, unsigned int keepalive)
{
	int	 on = 1;

	if (family == AF_UNIX)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* TLS and a relay know bytes in their order and nothing beside it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	compat_keepalive(fd, keepalive);
}
