/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connections that never rest, for the tests: each sends random blocks and
 * holds what comes back against what it sent, until it is told to stop.
 *
 *	load [-b source] [-c rounds] [-n connections] [-p pause] [-s bytes]
 *	    [-t seconds] [-r file] -u file 127.0.0.1:port
 *
 * The file of -r is made when every connection has had its first block back;
 * the run ends when the file of -u is there.  With -c, a connection begins
 * anew after so many rounds.  A connection that ends early is "lost", one
 * byte that differs is "wrong"; exit 0 when nothing was either.
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

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

#include <openssl/ssl.h>

#define BLOCK_MAX	16384

struct tally {
	volatile int		 t_stop;
	volatile unsigned int	 t_begun;
	volatile unsigned int	 t_conns;
	volatile unsigned int	 t_lost;
	volatile unsigned int	 t_wrong;
	volatile unsigned long	 t_rounds;
};

static struct tally		*tally;
static struct sockaddr_in	 to, from;
static unsigned int		 churn, pausems = 20, seconds = 120;
static size_t			 size = 4096;
static SSL_CTX			*ctx;

__attribute__((__noreturn__))
static void
usage(void)
{
	fprintf(stderr, "usage: load [-b source] [-c rounds] "
	    "[-n connections] [-p milliseconds]\n"
	    "\t[-s bytes] [-t seconds] [-r file] -u file 127.0.0.1:port\n");
	exit(2);
}

static uint32_t
next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return (*seed);
}

static SSL *
begin(void)
{
	SSL	*ssl;
	int	 fd, on = 1;

	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (from.sin_family != 0 && bind(fd, (struct sockaddr *)&from,
	    sizeof(from)) == -1)
		err(1, "bind");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
		(void)close(fd);
		return (NULL);
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((ssl = SSL_new(ctx)) == NULL || SSL_set_fd(ssl, fd) != 1)
		errx(1, "SSL_new");
	if (SSL_connect(ssl) == 1)
		return (ssl);
	SSL_free(ssl);
	(void)close(fd);
	return (NULL);
}

static void
end(SSL *ssl)
{
	(void)close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

/* One block there and back: 1, 0 when the connection is lost. */
static int
once(SSL *ssl, uint32_t *seed)
{
	static uint8_t	 out[BLOCK_MAX], in[BLOCK_MAX];
	size_t		 i;
	int		 n;

	for (i = 0; i < size; i++)
		out[i] = (uint8_t)(next(seed) >> 11);
	if (SSL_write(ssl, out, (int)size) != (int)size)
		return (0);
	for (i = 0; i < size; i += (size_t)n)
		if ((n = SSL_read(ssl, in + i, (int)(size - i))) <= 0)
			return (0);
	if (memcmp(in, out, size) != 0) {
		(void)__sync_fetch_and_add(&tally->t_wrong, 1);
		return (0);
	}
	(void)__sync_fetch_and_add(&tally->t_rounds, 1);
	return (1);
}

/* Says goodbye, and has to hear it. */
static int
goodbye(SSL *ssl)
{
	char	 c;

	return (SSL_shutdown(ssl) >= 0 && SSL_read(ssl, &c, 1) <= 0 &&
	    SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN);
}

/* One connection from its begin to its end: 1 when all of it was well. */
static int
serve(uint32_t *seed, int *begun)
{
	unsigned int	 i;
	SSL		*ssl;
	int		 well;

	(void)__sync_fetch_and_add(&tally->t_conns, 1);
	if ((ssl = begin()) == NULL)
		return (0);
	for (i = 0, well = 1; well && !tally->t_stop &&
	    (churn == 0 || i < churn); i++) {
		well = once(ssl, seed);
		if (well && !*begun) {
			*begun = 1;
			(void)__sync_fetch_and_add(&tally->t_begun, 1);
		}
		if (well && pausems > 0)
			(void)poll(NULL, 0, (int)pausems);
	}
	if (well)
		well = goodbye(ssl);
	end(ssl);
	return (well);
}

__attribute__((__noreturn__))
static void
connection(uint32_t seed)
{
	int	 begun = 0;

	(void)alarm(seconds);
	do {
		if (serve(&seed, &begun))
			continue;
		(void)__sync_fetch_and_add(&tally->t_lost, 1);
		if (churn == 0)
			break;
		(void)poll(NULL, 0, 20);
	} while (!tally->t_stop);
	_exit(0);
}

static void
parse(const char *text, struct sockaddr_in *sin)
{
	const char	*colon = strrchr(text, ':');
	char		 host[64];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		usage();
	memset(host, 0, sizeof(host));
	memcpy(host, text, (size_t)(colon - text));
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		usage();
}

static void
touch(const char *path)
{
	int	 fd;

	if ((fd = open(path, O_WRONLY | O_CREAT, 0644)) == -1)
		err(1, "%s", path);
	(void)close(fd);
}

int
main(int argc, char *argv[])
{
	const char	*ready = NULL, *until = NULL;
	unsigned int	 i, n = 8, running;
	uint32_t	 seed = 0x5eedf00d;
	int		 ch, status;

	while ((ch = getopt(argc, argv, "b:c:n:p:r:s:t:u:")) != -1) {
		switch (ch) {
		case 'b':
			parse(optarg, &from);
			break;
		case 'c':
			churn = (unsigned int)atoi(optarg);
			break;
		case 'n':
			n = (unsigned int)atoi(optarg);
			break;
		case 'p':
			pausems = (unsigned int)atoi(optarg);
			break;
		case 'r':
			ready = optarg;
			break;
		case 's':
			size = (size_t)atoi(optarg);
			break;
		case 't':
			seconds = (unsigned int)atoi(optarg);
			break;
		case 'u':
			until = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || until == NULL || size == 0 ||
	    size > BLOCK_MAX)
		usage();
	parse(argv[optind], &to);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(seconds + 5);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON, -1, 0);
	if (tally == MAP_FAILED ||
	    (ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		err(1, "start");
	for (i = 0; i < n; i++) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			connection(seed + i * 2654435761U);
		}
	}
	for (running = n; running > 0;) {
		if (ready != NULL && tally->t_begun == n) {
			touch(ready);
			ready = NULL;
		}
		if (!tally->t_stop && access(until, F_OK) == 0)
			tally->t_stop = 1;
		while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			if (status != 0)
				(void)__sync_fetch_and_add(&tally->t_lost, 1);
		}
		(void)poll(NULL, 0, 10);
	}
	printf("seed %u connections %u lost %u wrong %u rounds %lu\n", seed,
	    tally->t_conns, tally->t_lost, tally->t_wrong, tally->t_rounds);
	return (tally->t_lost > 0 || tally->t_wrong > 0);
}
