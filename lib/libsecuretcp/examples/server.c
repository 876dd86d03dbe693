/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * server cert key: adopts the connections accepted on a port of its own,
 * which it prints, and sends back what each of them sends.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <securetcp.h>

#define CLIENTS	64

static void
on_error(struct securetcp *tcp, int error, const char *text, void *arg)
{
	(void)arg;
	warnx("%s: %s (%d) %s", securetcp_remote_address(tcp), text, error,
	    securetcp_reason(tcp));
}

/* The next is read when the last was sent: the queue takes all of it. */
static void
echo(struct securetcp *tcp)
{
	char	 buf[16384];
	size_t	 n;

	while (securetcp_send_count(tcp) == 0 &&
	    securetcp_receive(tcp, buf, sizeof(buf), &n) == ptOk) {
		if (n == 0)
			securetcp_close(tcp);
		else
			securetcp_send(tcp, buf, n, &n);
	}
}

static int
listener(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	socklen_t		 len = sizeof(sin);
	int			 fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, len) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	dprintf(STDOUT_FILENO, "%u\n", (unsigned int)ntohs(sin.sin_port));
	return (fd);
}

int
main(int argc, char *argv[])
{
	struct securetcp_handlers	 handlers = { .st_error = on_error };
	struct securetcp_config		*sc;
	struct securetcp		*tcp[CLIENTS];
	static struct pollfd		 pfd[CLIENTS + 1];
	int				 fd, i, room, timeout, wait;

	if (argc != 3)
		errx(2, "usage: server cert key");
	if ((sc = securetcp_config_new()) == NULL)
		err(1, "securetcp_config_new");
	if (securetcp_config_add_certificate_file(sc, argv[1], argv[2]) !=
	    ptOk || securetcp_config_prepare(sc) != ptOk)
		errx(1, "%s", securetcp_config_error(sc));
	for (i = 0; i < CLIENTS; i++) {
		if ((tcp[i] = securetcp_new(sc, &handlers, NULL)) == NULL)
			err(1, "securetcp_new");
		/* Bytes that came before a client's end are answered. */
		securetcp_set_half_close(tcp[i], 1);
	}
	for (fd = listener();;) {
		for (i = 0, room = wait = -1; i < CLIENTS; i++) {
			pfd[i].fd = -1;
			securetcp_pollfds(tcp[i], &pfd[i], 1, &timeout);
			if (timeout != -1)
				wait = timeout;
			if (securetcp_state(tcp[i]) == SECURETCP_CLOSED)
				room = i;
		}
		pfd[CLIENTS].fd = room == -1 ? -1 : fd;
		pfd[CLIENTS].events = POLLIN;
		if (poll(pfd, CLIENTS + 1, wait) == -1)
			err(1, "poll");
		for (i = 0; i < CLIENTS; i++) {
			securetcp_dispatch(tcp[i], &pfd[i], 1);
			echo(tcp[i]);
		}
		if (pfd[CLIENTS].revents != 0)
			securetcp_set_socket(tcp[room], accept(fd, NULL, NULL));
	}
}
