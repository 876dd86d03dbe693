/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A flood of lone ClientHellos, as fast as they are disposed of: so many
 * connections of each source, each of which sends what is in a file and no
 * more; one that ends is followed by another.
 *
 *	lone PORT FILE COUNT SOURCE ...
 *
 * goes on until it is killed.  Addresses are of IPv4, the port is one of
 * 127.0.0.1.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONE_MAX	512

static struct sockaddr_in	 lone_to;
static char			 lone_hello[4096];
static size_t			 lone_len;

static void
lone_address(const char *host, int port, struct sockaddr_in *sin)
{
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		errx(1, "%s: not an IPv4 address", host);
}

static void
lone_read(const char *path)
{
	ssize_t	 n;
	int	 fd;

	if ((fd = open(path, O_RDONLY)) == -1 ||
	    (n = read(fd, lone_hello, sizeof(lone_hello))) <= 0)
		err(1, "%s", path);
	lone_len = (size_t)n;
	(void)close(fd);
}

/* Loopback connects at once, or when the backlog has room. */
static int
lone_open(const struct sockaddr_in *from)
{
	int	 fd;

	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (bind(fd, (const struct sockaddr *)from, sizeof(*from)) == -1)
		err(1, "bind");
	if (connect(fd, (struct sockaddr *)&lone_to, sizeof(lone_to)) == -1)
		err(1, "connect");
	/* It may have been turned away: that is seen when it is read. */
	(void)send(fd, lone_hello, lone_len, 0);
	return (fd);
}

int
main(int argc, char *argv[])
{
	static struct sockaddr_in	 from[LONE_MAX];
	static struct pollfd		 pfd[LONE_MAX];
	char				 buf[4096];
	int				 count, i, n;

	if (argc < 5 || (count = atoi(argv[3])) < 1 ||
	    (n = count * (argc - 4)) > LONE_MAX)
		errx(2, "usage: lone port file count source ...");
	(void)signal(SIGPIPE, SIG_IGN);
	lone_address("127.0.0.1", atoi(argv[1]), &lone_to);
	lone_read(argv[2]);
	for (i = 0; i < n; i++) {
		lone_address(argv[4 + i % (argc - 4)], 0, &from[i]);
		pfd[i].fd = lone_open(&from[i]);
		pfd[i].events = POLLIN;
	}
	for (;;) {
		if (poll(pfd, (nfds_t)n, -1) == -1 && errno != EINTR)
			err(1, "poll");
		for (i = 0; i < n; i++) {
			if (pfd[i].revents == 0 ||
			    recv(pfd[i].fd, buf, sizeof(buf), 0) > 0)
				continue;
			(void)close(pfd[i].fd);
			pfd[i].fd = lone_open(&from[i]);
		}
	}
}
