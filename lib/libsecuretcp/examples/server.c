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
#include <string.h>
#include <unistd.h>

#include <securetcp.h>

#define CLIENTS	64

struct client {
	struct securetcp	*cl_tcp;
	char			 cl_buf[16384];
	size_t			 cl_len;
};

static struct client	 clients[CLIENTS];

static void
on_error(struct securetcp *tcp, int error, const char *description, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s port %u: %s (%d) %s\n",
	    securetcp_remote_address(tcp),
	    (unsigned int)securetcp_remote_port(tcp), description, error,
	    securetcp_reason(tcp));
}

/* What the send queue did not take waits here for the Send event. */
static void
on_data(struct securetcp *tcp, void *arg)
{
	struct client	*cl = arg;
	size_t		 sent;

	for (;;) {
		if (cl->cl_len == 0 && securetcp_receive(tcp, cl->cl_buf,
		    sizeof(cl->cl_buf), &cl->cl_len) != ptOk)
			return;
		if (cl->cl_len == 0) {
			securetcp_close(tcp);
			return;
		}
		if (securetcp_send(tcp, cl->cl_buf, cl->cl_len, &sent) != ptOk)
			return;
		cl->cl_len -= sent;
		memmove(cl->cl_buf, cl->cl_buf + sent, cl->cl_len);
		if (cl->cl_len != 0)
			return;
	}
}

static int
listener(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("%u\n", (unsigned int)ntohs(sin.sin_port));
	fflush(stdout);
	return (fd);
}

int
main(int argc, char *argv[])
{
	static const struct securetcp_handlers	 handlers = {
		NULL, on_error, on_data, on_data, NULL
	};
	struct securetcp_config	*sc;
	struct client		*cl;
	struct pollfd		 pfd[CLIENTS + 1];
	size_t			 n[CLIENTS], i;
	int			 fd, s, timeout, wait;

	if (argc != 3)
		errx(2, "usage: server cert key");
	if ((sc = securetcp_config_new()) == NULL)
		err(1, "securetcp_config_new");
	if (securetcp_config_add_certificate_file(sc, argv[1], argv[2]) !=
	    ptOk || securetcp_config_prepare(sc) != ptOk)
		errx(1, "%s", securetcp_config_error(sc));
	for (i = 0; i < CLIENTS; i++) {
		cl = &clients[i];
		if ((cl->cl_tcp = securetcp_new(sc, &handlers, cl)) == NULL)
			err(1, "securetcp_new");
		/* What a client sends before its end is answered still. */
		securetcp_set_half_close(cl->cl_tcp, 1);
	}
	fd = listener();
	for (;;) {
		pfd[CLIENTS].fd = wait = -1;
		for (i = 0; i < CLIENTS; i++) {
			pfd[i].fd = -1;
			n[i] = securetcp_pollfds(clients[i].cl_tcp, &pfd[i],
			    1, &timeout);
			if (timeout != -1)
				wait = timeout;
			/* There is room for one more. */
			if (securetcp_state(clients[i].cl_tcp) ==
			    SECURETCP_CLOSED)
				pfd[CLIENTS].fd = fd;
		}
		pfd[CLIENTS].events = POLLIN;
		pfd[CLIENTS].revents = 0;
		if (poll(pfd, CLIENTS + 1, wait) == -1)
			err(1, "poll");
		for (i = 0; i < CLIENTS; i++)
			securetcp_dispatch(clients[i].cl_tcp, &pfd[i], n[i]);
		if (pfd[CLIENTS].revents == 0 ||
		    (s = accept(fd, NULL, NULL)) == -1)
			continue;
		cl = clients;
		while (securetcp_state(cl->cl_tcp) != SECURETCP_CLOSED)
			cl++;
		cl->cl_len = 0;
		securetcp_set_socket(cl->cl_tcp, s);
	}
}
