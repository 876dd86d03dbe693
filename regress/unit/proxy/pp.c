/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The two ends of the PROXY protocol, for the tests against other software:
 *
 *	pp listen ADDRESS PROGRAM [ARGUMENT]...
 *		runs PROGRAM with a listening socket on a port of the kernel's
 *		choice as descriptor 3, its port in the environment as PORT
 *	pp talk ADDRESS PORT
 *		connects, says hello and prints both ends as read does
 *	pp send PATH 1|2 SOURCE PORT DESTINATION PORT
 *		connects to a unix socket, writes a header (SOURCE "-": of an
 *		unknown connection) and standard input, prints the answer
 *	pp read PATH
 *		listens on a unix socket; prints a line for each connection:
 *		what its header says and what came after it
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "proxyout.h"

static socklen_t
address(struct sockaddr_storage *ss, const char *host, const char *port)
{
	struct addrinfo	*ai, hints;
	socklen_t	 len;
	int		 error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	if ((error = getaddrinfo(host, port, &hints, &ai)) != 0)
		errx(1, "%s port %s: %s", host, port, gai_strerror(error));
	memcpy(ss, ai->ai_addr, ai->ai_addrlen);
	len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return (len);
}

static void
unix_address(struct sockaddr_un *un, const char *path)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(un->sun_path))
		errx(1, "%s: too long", path);
	strcpy(un->sun_path, path);
}

static void
write_all(int fd, const void *data, size_t len)
{
	const char	*p = data;
	ssize_t		 n;

	for (; len > 0; len -= (size_t)n, p += n) {
		if ((n = write(fd, p, len)) == -1)
			err(1, "write");
	}
}

static void
copy(int from, int to)
{
	char	 buf[4096];
	ssize_t	 n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		write_all(to, buf, (size_t)n);
	if (n == -1)
		err(1, "read");
}

static void
print_end(const struct sockaddr_storage *ss, socklen_t len)
{
	char	 host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		errx(1, "getnameinfo");
	printf("%s %s ", host, port);
}

static void
do_listen(int argc, char **argv)
{
	struct sockaddr_storage	 ss;
	char			 host[NI_MAXHOST], port[NI_MAXSERV];
	socklen_t		 len;
	int			 fd;

	if (argc < 3)
		errx(1, "listen ADDRESS PROGRAM [ARGUMENT]...");
	len = address(&ss, argv[1], "0");
	if ((fd = socket(ss.ss_family, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, 16) == -1 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(1, "%s", argv[1]);
	if (getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		errx(1, "getnameinfo");
	if (setenv("PORT", port, 1) == -1 || (fd != 3 && dup2(fd, 3) == -1))
		err(1, "%s", argv[1]);
	if (fd != 3)
		(void)close(fd);
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}

static void
do_talk(int argc, char **argv)
{
	struct sockaddr_storage	 peer, self;
	socklen_t		 len, selflen = sizeof(self);
	int			 fd;

	if (argc != 3)
		errx(1, "talk ADDRESS PORT");
	len = address(&peer, argv[1], argv[2]);
	if ((fd = socket(peer.ss_family, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&peer, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&self, &selflen) == -1)
		err(1, "%s port %s", argv[1], argv[2]);
	write_all(fd, "hello", 5);
	if (shutdown(fd, SHUT_WR) == -1)
		err(1, "shutdown");
	print_end(&self, selflen);
	print_end(&peer, len);
	printf("hello\n");
	if (fflush(stdout) == EOF)
		err(1, "stdout");
	copy(fd, STDOUT_FILENO);
}

static void
do_send(int argc, char **argv)
{
	struct proxyout		 po;
	struct sockaddr_storage	 dst, src;
	struct sockaddr_un	 un;
	uint8_t			 buf[PROXYOUT_MAX];
	size_t			 len;
	int			 fd;

	if (argc < 4 || (strcmp(argv[3], "-") != 0 && argc != 7))
		errx(1, "send PATH 1|2 SOURCE PORT DESTINATION PORT");
	memset(&po, 0, sizeof(po));
	if (strcmp(argv[3], "-") != 0) {
		address(&src, argv[3], argv[4]);
		address(&dst, argv[5], argv[6]);
		po.po_src = (struct sockaddr *)&src;
		po.po_dst = (struct sockaddr *)&dst;
	}
	po.po_alpn = "http/1.1";
	po.po_servername = "www.example.org";
	po.po_version = "TLSv1.3";
	po.po_cipher = "TLS_AES_256_GCM_SHA384";
	po.po_cn = "alice";
	po.po_verified = 1;
	po.po_tls = 1;
	len = argv[2][0] == '1' ? proxyout_v1(&po, buf, sizeof(buf)) :
	    proxyout_v2(&po, buf, sizeof(buf));
	if (len == 0)
		errx(1, "no header");

	unix_address(&un, argv[1]);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		err(1, "%s", argv[1]);
	write_all(fd, buf, len);
	copy(STDIN_FILENO, fd);
	copy(fd, STDOUT_FILENO);
}

/* Reads the header and not a byte more; 0 when the connection ended first. */
static int
read_header(int fd, struct proxyin *px)
{
	uint8_t	 buf[PROXYIN_MAX];
	size_t	 len = 0;
	ssize_t	 n;

	for (;;) {
		switch (proxyin_parse(buf, len, px)) {
		case PROXYIN_DONE:
			if (px->px_used != len)
				errx(1, "%zu bytes read, %zu used", len,
				    px->px_used);
			return (1);
		case PROXYIN_BAD:
			errx(1, "%s", px->px_why);
		case PROXYIN_MORE:
			break;
		}
		if (px->px_more > sizeof(buf) - len)
			errx(1, "%zu bytes more after %zu", px->px_more, len);
		if ((n = read(fd, buf + len, px->px_more)) == -1)
			err(1, "read");
		if (n == 0)
			return (0);
		len += (size_t)n;
	}
}

static void
print_header(const struct proxyin *px)
{
	char	 dst[INET6_ADDRSTRLEN], src[INET6_ADDRSTRLEN];

	if (px->px_family == AF_UNSPEC) {
		printf("unknown ");
		return;
	}
	if (inet_ntop(px->px_family, px->px_src, src, sizeof(src)) == NULL ||
	    inet_ntop(px->px_family, px->px_dst, dst, sizeof(dst)) == NULL)
		err(1, "inet_ntop");
	printf("%s %u %s %u ", src, (unsigned int)px->px_srcport, dst,
	    (unsigned int)px->px_dstport);
}

static void
do_read(int argc, char **argv)
{
	struct proxyin		 px;
	struct sockaddr_un	 un;
	int			 fd, s;

	if (argc != 2)
		errx(1, "read PATH");
	unix_address(&un, argv[1]);
	if ((s = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    bind(s, (struct sockaddr *)&un, sizeof(un)) == -1 ||
	    listen(s, 16) == -1)
		err(1, "%s", argv[1]);
	for (;;) {
		if ((fd = accept(s, NULL, NULL)) == -1)
			err(1, "accept");
		if (read_header(fd, &px)) {
			print_header(&px);
			if (fflush(stdout) == EOF)
				err(1, "stdout");
			copy(fd, STDOUT_FILENO);
			printf("\n");
		} else
			printf("no header\n");
		if (fflush(stdout) == EOF)
			err(1, "stdout");
		(void)close(fd);
	}
}

int
main(int argc, char **argv)
{
	argc--;
	argv++;
	if (argc == 0)
		errx(1, "listen, talk, send or read");
	if (strcmp(argv[0], "listen") == 0)
		do_listen(argc, argv);
	else if (strcmp(argv[0], "talk") == 0)
		do_talk(argc, argv);
	else if (strcmp(argv[0], "send") == 0)
		do_send(argc, argv);
	else if (strcmp(argv[0], "read") == 0)
		do_read(argc, argv);
	else
		errx(1, "%s: unknown", argv[0]);
	return (0);
}
