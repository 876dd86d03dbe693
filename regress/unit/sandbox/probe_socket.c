/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What a sandbox is to leave of the network. */

#include "probe.h"

#include <sys/socket.h>

#include <linux/filter.h>

#include <netinet/in.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>

int
op_socket(void)
{
	return (socket(AF_INET, SOCK_STREAM, 0) == -1);
}

int
op_socketpair(void)
{
	int	 sv[2];

	return (socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
}

int
op_socket_raw(void)
{
	return (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) == -1);
}

int
op_socket_packet(void)
{
	return (socket(AF_PACKET, SOCK_DGRAM, 0) == -1);
}

/* Of another protocol than routes: the kernel's events. */
int
op_socket_netlink(void)
{
	return (socket(AF_NETLINK, SOCK_RAW, 15 /* KOBJECT_UEVENT */) == -1);
}

int
op_socket_vsock(void)
{
	return (socket(40 /* AF_VSOCK */, SOCK_STREAM, 0) == -1);
}

/* What goes to a name server and comes back, here from the same socket. */
int
op_datagram(void)
{
	struct sockaddr_in	 sin;
	struct pollfd		 pfd;
	socklen_t		 len = sizeof(sin);
	char			 c = 'x';

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pfd.events = POLLIN;
	pfd.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pfd.fd == -1 ||
	    bind(pfd.fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockname(pfd.fd, (struct sockaddr *)&sin, &len) == -1 ||
	    connect(pfd.fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    send(pfd.fd, &c, 1, MSG_NOSIGNAL) != 1 ||
	    poll(&pfd, 1, 1000) != 1)
		return (-1);
	return (recvfrom(pfd.fd, &c, 1, 0, NULL, NULL) != 1);
}

int
op_resolve(void)
{
	struct addrinfo	 hints, *list;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo("localhost", NULL, &hints, &list) != 0)
		return (-1);
	freeaddrinfo(list);
	return (0);
}

int
op_connect(void)
{
	struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_UNSPEC;
	return (connect(probe_tcp, (struct sockaddr *)&sin, sizeof(sin)));
}

int
op_bind(void)
{
	struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	/* It is connected, and so bound. */
	return (bind(probe_tcp, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno != EINVAL);
}

int
op_listen(void)
{
	return (listen(probe_tcp, 1));
}

int
op_accept(void)
{
	return (accept(probe_tcp, NULL, NULL) == -1);
}

int
op_sendto_address(void)
{
	struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(9);
	return (sendto(probe_tcp, "x", 1, 0, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1);
}

int
op_keepalive(void)
{
	int	 on = 1;

	return (setsockopt(probe_tcp, SOL_SOCKET, SO_KEEPALIVE, &on,
	    sizeof(on)));
}

int
op_sndbuf(void)
{
	socklen_t	 len = sizeof(int);
	int		 n;

	return (getsockopt(probe_tcp, SOL_SOCKET, SO_SNDBUF, &n, &len));
}

int
op_recverr(void)
{
	int	 on = 1;

	return (setsockopt(probe_tcp, IPPROTO_IP, IP_RECVERR, &on,
	    sizeof(on)));
}

int
op_attach_filter(void)
{
	struct sock_filter	 allow[] = {
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff)
	};
	struct sock_fprog	 prog = { 1, allow };

	return (setsockopt(probe_tcp, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)));
}
