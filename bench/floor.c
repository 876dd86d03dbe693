/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The least that a process per connection costs, to hold securetcpd
 * against: accepts, forks, and the child does the handshake with the key at
 * hand, relays what comes to a backend and back, and exits.  No sandbox, no
 * parent that decides anything, no key kept away.  For the benchmark only.
 *
 *	floor chain.pem key.pem port backend-port
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define BUFFER	16384

static struct sockaddr_in
loopback(const char *port)
{
	struct sockaddr_in	 sin;
	const char		*error;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)strtonum(port, 1, 65535, &error));
	if (error != NULL)
		errx(1, "%s: %s", port, error);
	return (sin);
}

static SSL_CTX *
context(const char *chain, const char *key)
{
	SSL_CTX	*ctx;

	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		errx(1, "%s, %s: %s", chain, key,
		    ERR_reason_error_string(ERR_get_error()));
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	return (ctx);
}

static int
write_all(int fd, const char *buf, size_t len)
{
	ssize_t	 n;

	while (len > 0) {
		if ((n = write(fd, buf, len)) == -1)
			return (-1);
		buf += n;
		len -= (size_t)n;
	}
	return (0);
}

/* Blocking, a direction at a time: what is echoed never fills both. */
static void
relay(SSL *ssl, int client, int backend)
{
	struct pollfd	 pfd[2];
	char		 buf[BUFFER];
	ssize_t		 n;

	pfd[0].fd = client;
	pfd[1].fd = backend;
	pfd[0].events = pfd[1].events = POLLIN;
	for (;;) {
		if (poll(pfd, 2, -1) == -1)
			return;
		if (pfd[0].revents != 0) {
			do {
				n = SSL_read(ssl, buf, sizeof(buf));
				if (n <= 0 || write_all(backend, buf,
				    (size_t)n) == -1)
					return;
			} while (SSL_pending(ssl) > 0);
		}
		if (pfd[1].revents != 0) {
			n = read(backend, buf, sizeof(buf));
			if (n <= 0 || SSL_write(ssl, buf, (int)n) <= 0)
				return;
		}
	}
}

__attribute__((__noreturn__))
static void
session(SSL_CTX *ctx, int client, const struct sockaddr_in *to)
{
	SSL	*ssl;
	int	 backend, on = 1;

	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((ssl = SSL_new(ctx)) == NULL || SSL_set_fd(ssl, client) != 1 ||
	    SSL_accept(ssl) != 1)
		_exit(1);
	if ((backend = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    connect(backend, (const struct sockaddr *)to, sizeof(*to)) == -1)
		_exit(1);
	(void)setsockopt(backend, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	relay(ssl, client, backend);
	(void)SSL_shutdown(ssl);
	_exit(0);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in	 sin, to;
	SSL_CTX			*ctx;
	int			 client, fd, on = 1;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: floor chain key port backend\n");
		return (2);
	}
	ctx = context(argv[1], argv[2]);
	sin = loopback(argv[3]);
	to = loopback(argv[4]);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 || setsockopt(fd,
	    SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 1024) == -1)
		err(1, "port %s", argv[3]);
	for (;;) {
		if ((client = accept(fd, NULL, NULL)) == -1)
			continue;
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			(void)close(fd);
			session(ctx, client, &to);
		}
		(void)close(client);
	}
}
