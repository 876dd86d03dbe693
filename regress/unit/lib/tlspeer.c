/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A peer made of libtls alone, which behaves as openssl(1) does:
 *
 * tlspeer -c cert -k key [-C ca] [-p protocols]
 *	s_server -rev: it prints the port it got, takes one connection, sends
 *	each line back reversed, and ends at the line CLOSE; with a CA it
 *	wants a certificate.
 * tlspeer -P port -C ca [-c cert -k key] [-p protocols] [-s]
 *	s_client: sends the lines of standard input, prints what comes back,
 *	and ends at the line Q; -s says nothing at all.
 *
 * After its end it reads until the other one's.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "compat.h"

struct options {
	const char	*o_cert;
	const char	*o_key;
	const char	*o_ca;
	const char	*o_protocols;
	uint16_t	 o_port;
	int		 o_silent;
};

static struct tls_config *settings(const struct options *);
static void	 wait_for(int, ssize_t);
static ssize_t	 hear(struct tls *, int, char *, size_t);
static void	 say(struct tls *, int, const char *, size_t);
static void	 end(struct tls *, int);
static int	 line(struct tls *, int, char *, size_t);
static void	 serve(const struct options *);
static int	 dial(uint16_t);
static void	 ask(const struct options *);
static int	 forward(struct tls *, int);
static void	 usage(void) __attribute__((__noreturn__));

static struct tls_config *
settings(const struct options *o)
{
	struct tls_config	*tc;
	uint32_t		 protocols;

	if ((tc = tls_config_new()) == NULL)
		errx(1, "tls_config_new");
	if (o->o_protocols != NULL &&
	    (tls_config_parse_protocols(&protocols, o->o_protocols) != 0 ||
	    tls_config_set_protocols(tc, protocols) != 0))
		errx(1, "protocols %s", o->o_protocols);
	if ((o->o_cert != NULL && tls_config_set_keypair_file(tc, o->o_cert,
	    o->o_key) != 0) || (o->o_ca != NULL &&
	    tls_config_set_ca_file(tc, o->o_ca) != 0))
		errx(1, "%s", tls_config_error(tc));
	return (tc);
}

/* Until the call that returned this can go on. */
static void
wait_for(int fd, ssize_t want)
{
	struct pollfd	 pfd;

	pfd.fd = fd;
	pfd.events = want == TLS_WANT_POLLOUT ? POLLOUT : POLLIN;
	if (poll(&pfd, 1, -1) == -1)
		err(1, "poll");
}

static ssize_t
hear(struct tls *tls, int fd, char *buf, size_t size)
{
	ssize_t	 n;

	while ((n = tls_read(tls, buf, size)) == TLS_WANT_POLLIN ||
	    n == TLS_WANT_POLLOUT)
		wait_for(fd, n);
	return (n);
}

static void
say(struct tls *tls, int fd, const char *buf, size_t len)
{
	ssize_t	 n;

	while (len != 0) {
		n = tls_write(tls, buf, len);
		if (n == -1)
			errx(1, "tls_write: %s", tls_error(tls));
		if (n < 0)
			wait_for(fd, n);
		else {
			buf += n;
			len -= (size_t)n;
		}
	}
}

static void
end(struct tls *tls, int fd)
{
	char	 buf[4096];
	int	 n;

	while ((n = tls_close(tls)) == TLS_WANT_POLLIN ||
	    n == TLS_WANT_POLLOUT)
		wait_for(fd, n);
	(void)shutdown(fd, SHUT_WR);
	while (hear(tls, fd, buf, sizeof(buf)) > 0)
		continue;
	exit(0);
}

/* One line without its end; -1 at the end of all. */
static int
line(struct tls *tls, int fd, char *buf, size_t size)
{
	size_t	 n;

	for (n = 0; n < size && hear(tls, fd, buf + n, 1) == 1; n++) {
		if (buf[n] == '\n')
			return ((int)n);
	}
	return (-1);
}

static void
serve(const struct options *o)
{
	struct sockaddr_in	 sin;
	struct tls_config	*tc = settings(o);
	struct tls		*tls, *one;
	socklen_t		 len = sizeof(sin);
	char			 buf[4096], c;
	int			 fd, i, n, s;

	if (o->o_ca != NULL)
		tls_config_verify_client(tc);
	if ((tls = tls_server()) == NULL || tls_configure(tls, tc) != 0)
		errx(1, "%s", tls == NULL ? "tls_server" : tls_error(tls));
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("ACCEPT 127.0.0.1:%u\n", (unsigned int)ntohs(sin.sin_port));
	(void)fflush(stdout);
	if ((s = accept(fd, NULL, NULL)) == -1 ||
	    tls_accept_socket(tls, &one, s) != 0)
		errx(1, "accept");
	while ((n = line(one, s, buf, sizeof(buf))) >= 0) {
		if (n == 5 && strncmp(buf, "CLOSE", 5) == 0)
			break;
		for (i = 0; i < n / 2; i++) {
			c = buf[i];
			buf[i] = buf[n - 1 - i];
			buf[n - 1 - i] = c;
		}
		say(one, s, buf, (size_t)n + 1);
	}
	end(one, s);
}

static int
dial(uint16_t port)
{
	struct sockaddr_in	 sin;
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(port);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		err(1, "connect");
	return (fd);
}

/* Lines of standard input; false at Q or its end. */
static int
forward(struct tls *tls, int fd)
{
	static char	 buf[4096];
	static size_t	 have;
	char		*nl;
	size_t		 len;
	ssize_t		 n;

	n = read(STDIN_FILENO, buf + have, sizeof(buf) - have);
	if (n <= 0)
		return (0);
	have += (size_t)n;
	while ((nl = memchr(buf, '\n', have)) != NULL) {
		if (buf[0] == 'Q')
			return (0);
		len = (size_t)(nl - buf) + 1;
		say(tls, fd, buf, len);
		have -= len;
		memmove(buf, buf + len, have);
	}
	return (1);
}

static void
ask(const struct options *o)
{
	struct pollfd	 pfd[2];
	struct tls	*tls;
	char		 buf[4096];
	ssize_t		 n;
	int		 fd = dial(o->o_port);

	if (o->o_silent) {
		(void)pause();
		exit(0);
	}
	if ((tls = tls_client()) == NULL ||
	    tls_configure(tls, settings(o)) != 0 ||
	    tls_connect_socket(tls, fd, "localhost") != 0)
		errx(1, "%s", tls == NULL ? "tls_client" : tls_error(tls));
	while ((n = tls_handshake(tls)) == TLS_WANT_POLLIN ||
	    n == TLS_WANT_POLLOUT)
		wait_for(fd, n);
	if (n != 0)
		errx(1, "tls_handshake: %s", tls_error(tls));
	for (;;) {
		pfd[0].fd = STDIN_FILENO;
		pfd[1].fd = fd;
		pfd[0].events = pfd[1].events = POLLIN;
		if (poll(pfd, 2, -1) == -1)
			err(1, "poll");
		if (pfd[0].revents != 0 && !forward(tls, fd))
			break;
		if (pfd[1].revents == 0)
			continue;
		while ((n = tls_read(tls, buf, sizeof(buf))) > 0)
			(void)fwrite(buf, 1, (size_t)n, stdout);
		(void)fflush(stdout);
		if (n == 0 || n == -1)
			break;
	}
	end(tls, fd);
}

static void
usage(void)
{
	errx(2, "usage: tlspeer [-s] [-C ca] [-c cert -k key] [-P port] "
	    "[-p protocols]");
}

int
main(int argc, char *argv[])
{
	struct options	 o;
	int		 ch;

	memset(&o, 0, sizeof(o));
	while ((ch = getopt(argc, argv, "C:c:k:P:p:s")) != -1) {
		switch (ch) {
		case 'C':
			o.o_ca = optarg;
			break;
		case 'c':
			o.o_cert = optarg;
			break;
		case 'k':
			o.o_key = optarg;
			break;
		case 'P':
			o.o_port = (uint16_t)strtonum(optarg, 1, 65535, NULL);
			break;
		case 'p':
			o.o_protocols = optarg;
			break;
		case 's':
			o.o_silent = 1;
			break;
		default:
			usage();
		}
	}
	if (tls_init() != 0)
		errx(1, "tls_init");
	if (o.o_port != 0)
		ask(&o);
	if (o.o_cert == NULL || o.o_key == NULL)
		usage();
	serve(&o);
	return (1);
}
