/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Standard input and output through TLS, each to its own end:
 *
 *	tlspipe [-C cafile] [-c chain -k key] [-v 1.2|1.3] address port
 *
 * What openssl(1) cannot do everywhere: an end of its input that leaves the
 * other direction open, and a certificate with those between it and a root.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

__attribute__((__noreturn__))
static void
usage(void)
{
	fprintf(stderr, "usage: tlspipe [-C cafile] [-c chain -k key] "
	    "[-v 1.2|1.3] address port\n");
	exit(2);
}

__attribute__((__noreturn__))
static void
fail(const char *what)
{
	const char	*why;
	unsigned long	 error = ERR_peek_error();

	why = ERR_reason_error_string(error);
	/* As openssl(1) says it. */
	if (ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET)
		errx(1, "%s: %s:SSL alert number %d", what, why,
		    ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET);
	errx(1, "%s: %s", what, why == NULL ? "failed" : why);
}

static int
connected(const char *host, const char *port)
{
	struct addrinfo	 hints, *res;
	int		 error, s;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST;
	if ((error = getaddrinfo(host, port, &hints, &res)) != 0)
		errx(1, "%s: %s", host, gai_strerror(error));
	s = socket(res->ai_family, res->ai_socktype, res->ai_protocol);
	if (s == -1 || connect(s, res->ai_addr, res->ai_addrlen) == -1)
		err(1, "%s port %s", host, port);
	freeaddrinfo(res);
	return (s);
}

static void
write_all(const char *data, size_t len)
{
	ssize_t	 n;

	while (len > 0) {
		if ((n = write(1, data, len)) == -1)
			err(1, "write");
		data += n;
		len -= (size_t)n;
	}
}

/* One read; 0 when the peer has come to its end. */
static int
receive(SSL *ssl)
{
	char	 buf[16384];
	int	 n;

	if ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
		write_all(buf, (size_t)n);
		return (1);
	}
	if (SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN)
		return (0);
	fail("read");
}

/* What there is on standard input; 0 when that has come to its end. */
static int
send_some(SSL *ssl)
{
	char	 buf[16384];
	ssize_t	 n;

	if ((n = read(0, buf, sizeof(buf))) == -1)
		err(1, "read");
	if (n == 0) {
		(void)SSL_shutdown(ssl);
		return (0);
	}
	if (SSL_write(ssl, buf, (int)n) <= 0)
		fail("write");
	return (1);
}

static void
relay(SSL *ssl, int s)
{
	struct pollfd	 pfd[2];

	memset(pfd, 0, sizeof(pfd));
	pfd[1].fd = s;
	pfd[0].events = pfd[1].events = POLLIN;
	for (;;) {
		while (SSL_pending(ssl) > 0)
			if (!receive(ssl))
				return;
		if (poll(pfd, 2, -1) == -1)
			err(1, "poll");
		if (pfd[1].revents != 0 && !receive(ssl))
			return;
		if (pfd[0].revents != 0 && !send_some(ssl))
			pfd[0].fd = -1;
	}
}

int
main(int argc, char *argv[])
{
	const char	*chain = NULL, *key = NULL;
	SSL_CTX		*ctx;
	SSL		*ssl;
	int		 ch, s, version = 0;

	signal(SIGPIPE, SIG_IGN);
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		fail("context");
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	while ((ch = getopt(argc, argv, "C:c:k:v:")) != -1)
		switch (ch) {
		case 'C':
			if (SSL_CTX_load_verify_locations(ctx, optarg,
			    NULL) != 1)
				fail(optarg);
			SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
			break;
		case 'c':
			chain = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'v':
			version = strcmp(optarg, "1.2") == 0 ?
			    TLS1_2_VERSION : TLS1_3_VERSION;
			break;
		default:
			usage();
		}
	argc -= optind;
	argv += optind;
	if (argc != 2 || (chain == NULL) != (key == NULL))
		usage();
	if (chain != NULL &&
	    (SSL_CTX_use_certificate_chain_file(ctx, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1))
		fail(chain);
	if (version != 0 &&
	    (SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, version) != 1))
		fail("version");
	s = connected(argv[0], argv[1]);
	if ((ssl = SSL_new(ctx)) == NULL || SSL_set_fd(ssl, s) != 1)
		fail("SSL");
	if (SSL_connect(ssl) != 1)
		fail("handshake");
	relay(ssl, s);
	(void)SSL_shutdown(ssl);
	return (0);
}
