/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * fetch host port path [ca]: a client that blocks.  fetch asks a web server for
 * a page, shows the answer's first line on standard error and the page on
 * standard output.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <securetcp.h>

static void
check(struct securetcp *tcp, int error, const char *what)
{
	if (error != ptOk)
		errx(1, "%s: %s %s", what, securetcp_error_description(error),
		    securetcp_reason(tcp));
}

int
main(int argc, char *argv[])
{
	struct securetcp_config	*sc;
	struct securetcp	*tcp;
	char			 buf[16384];
	size_t			 n;
	int			 len;

	if (argc < 4 || argc > 5)
		errx(2, "usage: fetch host port path [ca]");
	if ((sc = securetcp_config_new()) == NULL)
		err(1, "securetcp_config_new");
	if (argc == 5 && securetcp_config_set_ca_file(sc, argv[4]) != ptOk)
		errx(1, "%s", securetcp_config_error(sc));
	if ((tcp = securetcp_new(sc, NULL, NULL)) == NULL)
		err(1, "securetcp_new");
	check(tcp, securetcp_set_timeout(tcp, 10000), "timeout");
	check(tcp, securetcp_connect(tcp, argv[1], (uint16_t)atoi(argv[2])),
	    argv[1]);

	len = snprintf(buf, sizeof(buf), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n",
	    argv[3], argv[1]);
	if (len < 0 || (size_t)len >= sizeof(buf))
		errx(1, "the path is too long");
	check(tcp, securetcp_send(tcp, buf, (size_t)len, &n), "send");

	check(tcp, securetcp_search(tcp, buf, sizeof(buf), "\r\n", 2, &n),
	    "answer");
	fwrite(buf, 1, n, stderr);
	check(tcp, securetcp_search(tcp, buf, sizeof(buf), "\r\n\r\n", 4, &n),
	    "header");
	if (n == 0)
		errx(1, "the answer has no end of its header");
	for (;;) {
		check(tcp, securetcp_receive(tcp, buf, sizeof(buf), &n),
		    "page");
		if (n == 0)
			break;
		fwrite(buf, 1, n, stdout);
	}
	if (securetcp_truncated(tcp))
		warnx("%s", securetcp_reason(tcp));
	securetcp_free(tcp);
	securetcp_config_free(sc);
	return (fflush(stdout) == 0 ? 0 : 1);
}
