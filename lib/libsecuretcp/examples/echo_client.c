/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * echo_client address port name [ca]: a client of events.  Lines of standard
 * input go to the server of this name, what comes back to standard output.
 */

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <securetcp.h>

static int	 failed;

static void
on_state(struct securetcp *tcp, enum securetcp_state state, void *arg)
{
	(void)tcp;
	(void)arg;
	fprintf(stderr, "%s\n", securetcp_state_name(state));
}

static void
on_error(struct securetcp *tcp, int error, const char *description, void *arg)
{
	(void)arg;
	warnx("%s (%d): %s", description, error, securetcp_reason(tcp));
	failed = 1;
}

static void
on_receive(struct securetcp *tcp, void *arg)
{
	char	 buf[4096];
	size_t	 n;

	(void)arg;
	while (securetcp_receive(tcp, buf, sizeof(buf), &n) == ptOk && n != 0)
		fwrite(buf, 1, n, stdout);
	(void)fflush(stdout);
}

/* Standard input to the server; at its end that of our direction. */
static void
forward(struct securetcp *tcp, int *in)
{
	char	 buf[4096];
	size_t	 n;
	ssize_t	 len;

	if ((len = read(*in, buf, sizeof(buf))) > 0) {
		if (securetcp_send(tcp, buf, (size_t)len, &n) == ptOk &&
		    n != (size_t)len)
			warnx("the server does not read: input is lost");
		return;
	}
	*in = -1;
	securetcp_shutdown(tcp);
}

int
main(int argc, char *argv[])
{
	static const struct securetcp_handlers	 handlers = {
		on_state, on_error, on_receive, NULL, NULL
	};
	struct securetcp_config	*sc;
	struct securetcp	*tcp;
	struct pollfd		 pfd[2];
	size_t			 n;
	int			 in = STDIN_FILENO, timeout;

	if (argc < 4 || argc > 5)
		errx(2, "usage: echo_client address port name [ca]");
	if ((sc = securetcp_config_new()) == NULL)
		err(1, "securetcp_config_new");
	if (argc == 5 && securetcp_config_set_ca_file(sc, argv[4]) != ptOk)
		errx(1, "%s", securetcp_config_error(sc));
	if ((tcp = securetcp_new(sc, &handlers, NULL)) == NULL)
		err(1, "securetcp_new");
	securetcp_set_timeout(tcp, 0);
	securetcp_set_half_close(tcp, 1);
	securetcp_set_server_name(tcp, argv[3]);
	if (securetcp_connect(tcp, argv[1], (uint16_t)atoi(argv[2])) != ptOk)
		errx(1, "%s port %s: %s", argv[1], argv[2],
		    securetcp_reason(tcp));
	while (securetcp_state(tcp) != SECURETCP_CLOSED) {
		pfd[0].fd = securetcp_state(tcp) == SECURETCP_CONNECTING ?
		    -1 : in;
		pfd[0].events = POLLIN;
		pfd[0].revents = 0;
		n = securetcp_pollfds(tcp, pfd + 1, 1, &timeout);
		if (poll(pfd, (nfds_t)n + 1, timeout) == -1)
			err(1, "poll");
		securetcp_dispatch(tcp, pfd + 1, n);
		if (pfd[0].revents != 0)
			forward(tcp, &in);
	}
	securetcp_free(tcp);
	securetcp_config_free(sc);
	return (failed);
}
