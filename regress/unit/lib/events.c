/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * events cert key [protocol]: a server for the shell tests, made of the
 * library alone.  It prints its port, then echoes on one connection after
 * the other, upper case made of lower case; for each it writes the events on
 * a line and the reason on the next to standard error.  Ends with its
 * standard input.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <ctype.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcp.h"

static void	 on_state(struct securetcp *, enum securetcp_state, void *);
static void	 on_error(struct securetcp *, int, const char *, void *);
static void	 on_receive(struct securetcp *, void *);
static char	*load(const char *, size_t *);
static int	 await(int);
static void	 serve(struct securetcp *);

static const struct securetcp_handlers	 handlers = {
	on_state, on_error, on_receive, NULL
};

static void
on_state(struct securetcp *tcp, enum securetcp_state state, void *arg)
{
	(void)arg;
	(void)fprintf(stderr, "%sS(%s)", state == SECURETCP_CONNECTING ? "" :
	    " ", securetcp_state_name(state));
	if (state == SECURETCP_CONNECTED)
		(void)fprintf(stderr, "[%s %s]", securetcp_version(tcp),
		    securetcp_servername(tcp));
	if (state == SECURETCP_CLOSED)
		(void)fprintf(stderr, "\nreason: %s\n", securetcp_reason(tcp));
}

static void
on_error(struct securetcp *tcp, int error, const char *text, void *arg)
{
	(void)tcp;
	(void)text;
	(void)arg;
	(void)fprintf(stderr, " E(%s)", securetcp_error_name(error));
}

/* A shell test sends little: what is not taken is a failure. */
static void
on_receive(struct securetcp *tcp, void *arg)
{
	char	 buf[4096];
	size_t	 got, i, sent;

	(void)arg;
	while (securetcp_receive(tcp, buf, sizeof(buf), &got) == ptOk) {
		if (got == 0) {
			(void)securetcp_close(tcp);
			return;
		}
		for (i = 0; i < got; i++)
			buf[i] = (char)toupper((unsigned char)buf[i]);
		if (securetcp_send(tcp, buf, got, &sent) != ptOk)
			return;
		if (sent != got)
			errx(1, "the send queue is full");
	}
}

static char *
load(const char *path, size_t *len)
{
	FILE	*fp;
	char	*buf;

	if ((buf = malloc(65536)) == NULL || (fp = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	*len = fread(buf, 1, 65536, fp);
	if (ferror(fp) || *len == 0)
		errx(1, "%s: unreadable", path);
	(void)fclose(fp);
	return (buf);
}

/* Until there is a connection, or standard input has ended. */
static int
await(int fd)
{
	struct pollfd	 pfd[2];
	char		 c;

	for (;;) {
		pfd[0].fd = fd;
		pfd[1].fd = STDIN_FILENO;
		pfd[0].events = pfd[1].events = POLLIN;
		if (poll(pfd, 2, -1) == -1)
			err(1, "poll");
		if (pfd[1].revents != 0 && read(STDIN_FILENO, &c, 1) <= 0)
			return (-1);
		if (pfd[0].revents != 0)
			return (accept(fd, NULL, NULL));
	}
}

static void
serve(struct securetcp *tcp)
{
	struct pollfd	 pfd;
	size_t		 n;
	int		 timeout;

	while (securetcp_state(tcp) != SECURETCP_CLOSED) {
		n = securetcp_pollfds(tcp, &pfd, 1, &timeout);
		if (poll(&pfd, (nfds_t)n, timeout) == -1)
			err(1, "poll");
		(void)securetcp_dispatch(tcp, &pfd, n);
	}
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in	 sin;
	struct securetcp_config	*sc;
	struct securetcp	*tcp;
	char			*cert, *key;
	size_t			 certlen, keylen;
	socklen_t		 len = sizeof(sin);
	int			 fd, s;

	if (argc < 3 || argc > 4)
		errx(1, "usage: events cert key [protocol]");
	cert = load(argv[1], &certlen);
	key = load(argv[2], &keylen);
	if ((sc = securetcp_config_new()) == NULL)
		err(1, "securetcp_config_new");
	if (securetcp_config_set_protocol(sc, argc == 4 ? argv[3] :
	    "secure") != ptOk || securetcp_config_add_certificate(sc, cert,
	    certlen, key, keylen) != ptOk)
		errx(1, "%s", securetcp_config_error(sc));
	if ((tcp = securetcp_new(sc, &handlers, NULL)) == NULL)
		err(1, "securetcp_new");
	if (securetcp_set_half_close(tcp, 1) != ptOk)
		errx(1, "half-close");
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("%d\n", ntohs(sin.sin_port));
	(void)fclose(stdout);
	while ((s = await(fd)) != -1) {
		if (securetcp_set_socket(tcp, s) != ptOk)
			errx(1, "%s", securetcp_reason(tcp));
		serve(tcp);
	}
	securetcp_free(tcp);
	securetcp_config_free(sc);
	free(cert);
	freezero(key, keylen);
	(void)close(fd);
	return (0);
}
