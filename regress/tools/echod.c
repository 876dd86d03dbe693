/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A backend that gives back what it gets, to many at once, each to its end:
 *
 *	echod PATH	listens on a unix socket
 *	echod PORT	listens on a port of loopback
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM	16384

struct client {
	char	 c_buf[8192];
	size_t	 c_off;
	size_t	 c_len;
};

static struct pollfd	 pfds[ROOM];
static struct client	*clients[ROOM];
static nfds_t		 n = 1;

static int
listener(const char *where)
{
	struct sockaddr_un	 un;
	struct sockaddr_in	 in;
	struct sockaddr		*sa = (struct sockaddr *)&un;
	socklen_t		 len = sizeof(un);
	int			 fd, on = 1, port;

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	if (strlen(where) >= sizeof(un.sun_path))
		errx(1, "%s: too long", where);
	strcpy(un.sun_path, where);
	if ((port = atoi(where)) > 0) {
		memset(&in, 0, sizeof(in));
		in.sin_family = AF_INET;
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		in.sin_port = htons((uint16_t)port);
		sa = (struct sockaddr *)&in;
		len = sizeof(in);
	}
	if ((fd = socket(sa->sa_family, SOCK_STREAM, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, sa, len) == -1 || listen(fd, 1024) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		err(1, "%s", where);
	return (fd);
}

static void
greet(void)
{
	int	 fd, on = 1;

	if ((fd = accept(pfds[0].fd, NULL, NULL)) == -1)
		return;
	/* Not on a unix socket, which does not wait for more either. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (n == ROOM || fcntl(fd, F_SETFL, O_NONBLOCK) == -1 ||
	    (clients[n] = calloc(1, sizeof(*clients[n]))) == NULL)
		err(1, "no room for one more");
	pfds[n].fd = fd;
	pfds[n].revents = 0;
	pfds[n++].events = POLLIN;
}

/* 0 when it has come to its end. */
static int
serve(struct pollfd *p, struct client *c)
{
	ssize_t	 r;

	if (c->c_len == 0) {
		c->c_off = 0;
		r = read(p->fd, c->c_buf, sizeof(c->c_buf));
		if (r == 0 || (r == -1 && errno != EAGAIN))
			return (0);
		c->c_len = r == -1 ? 0 : (size_t)r;
	}
	if (c->c_len > 0) {
		r = write(p->fd, c->c_buf + c->c_off, c->c_len);
		if (r == -1 && errno != EAGAIN)
			return (0);
		if (r > 0) {
			c->c_off += (size_t)r;
			c->c_len -= (size_t)r;
		}
	}
	p->events = c->c_len > 0 ? POLLOUT : POLLIN;
	return (1);
}

int
main(int argc, char *argv[])
{
	nfds_t	 i;

	if (argc != 2) {
		fprintf(stderr, "usage: echod path | port\n");
		return (2);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	pfds[0].fd = listener(argv[1]);
	pfds[0].events = POLLIN;
	for (;;) {
		if (poll(pfds, n, -1) == -1)
			err(1, "poll");
		for (i = n; i-- > 1;) {
			if (pfds[i].revents == 0 || serve(&pfds[i],
			    clients[i]))
				continue;
			(void)close(pfds[i].fd);
			free(clients[i]);
			pfds[i] = pfds[--n];
			clients[i] = clients[n];
		}
		if (pfds[0].revents != 0)
			greet();
	}
}
