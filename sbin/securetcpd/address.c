/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "securetcpd.h"

/* 192.0.2.1:5555, [2001:db8::1]:5555, or a path. */
void
address_print(const struct sockaddr *sa, socklen_t len, char *buf, size_t size)
{
	char	 host[64], port[16];

	if (sa->sa_family == AF_UNIX) {
		(void)strlcpy(buf, ((const struct sockaddr_un *)sa)->sun_path,
		    size);
		return;
	}
	if (getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		(void)strlcpy(buf, "unknown", size);
		return;
	}
	(void)snprintf(buf, size, sa->sa_family == AF_INET6 ? "[%s]:%s" :
	    "%s:%s", host, port);
}

/*
 * Sessions may not set options: what a connection needs is set here.  A
 * peer that has reset already makes these fail; its session will notice.
 */
void
address_options(int fd, int family)
{
	int	 on = 1;

	if (family == AF_UNIX)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}
