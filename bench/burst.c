/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The load of the benchmark, as a TLS client that takes no short cuts: every
 * handshake is a full one, every byte that comes back is compared, and any
 * failure is fatal.
 *
 *	burst shake [-c many] [-n number] [-v 1.2 | 1.3] 127.0.0.1:port
 *	burst bulk [-c many] [-m megabytes] 127.0.0.1:port
 *	burst hold [-n number] 127.0.0.1:port
 *	burst silent [-n number] 127.0.0.1:port
 *
 * shake: connect, handshake, echo of 64 bytes, end; so many under way at the
 *	same time.  Prints seconds and, in milliseconds, median and p99.
 * bulk: so many connections, over each of which so many megabytes go there
 *	and back.  Prints bytes and seconds.
 * hold: opens all of them, with an echo each, prints "held", and keeps them
 *	until its standard input ends.
 * silent: connects and leaves.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>

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
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define ECHO_BYTES	64
#define BULK_BYTES	16384
#define BULK_AHEAD	(16 * BULK_BYTES)	/* sent and not back yet */
#define PATIENCE	60000			/* milliseconds for anything */

enum phase {
	SHAKING,
	WRITING,
	READING,
	LEAVING,
	BULK,
	DONE
};

struct conn {
	SSL		*co_ssl;
	int		 co_fd;
	enum phase	 co_phase;
	short		 co_events;
	int64_t		 co_begun;	/* microseconds */
	size_t		 co_got;
	uint64_t	 co_sent;
	uint64_t	 co_back;
};

static struct sockaddr_in	 to;
static SSL_CTX			*ctx;
static unsigned char		 pattern[BULK_BYTES];
static uint64_t			 megabytes = 64;

__attribute__((__noreturn__))
static void
usage(void)
{
	(void)fprintf(stderr, "usage: burst shake | bulk | hold | silent "
	    "[-c many] [-m megabytes] [-n number] [-v 1.2 | 1.3] "
	    "address:port\n");
	exit(2);
}

static int64_t
now(void)
{
	struct timespec	 ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

static void
address(char *text)
{
	const char	*error;
	char		*port;

	if ((port = strchr(text, ':')) == NULL)
		usage();
	*port++ = '\0';
	to.sin_family = AF_INET;
	to.sin_port = htons((uint16_t)strtonum(port, 1, 65535, &error));
	if (error != NULL || inet_pton(AF_INET, text, &to.sin_addr) != 1)
		usage();
}

static void
context(const char *version)
{
	int	 v = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION :
		    TLS1_3_VERSION;

	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, v) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, v) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1)
		errx(1, "TLS %s: %s", version,
		    ERR_reason_error_string(ERR_get_error()));
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* Everything may wait; nothing may fail. */
static int
dial(void)
{
	int	 fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "connect");
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || setsockopt(fd,
	    IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "connection");
	return (fd);
}

static void
conn_open(struct conn *co)
{
	memset(co, 0, sizeof(*co));
	co->co_begun = now();
	co->co_fd = dial();
	if ((co->co_ssl = SSL_new(ctx)) == NULL ||
	    SSL_set_fd(co->co_ssl, co->co_fd) != 1)
		errx(1, "SSL_new: %s",
		    ERR_reason_error_string(ERR_get_error()));
	co->co_events = POLLOUT;
}

static void
conn_close(struct conn *co)
{
	SSL_free(co->co_ssl);
	(void)close(co->co_fd);
	co->co_ssl = NULL;
}

/* It is to be tried again when poll says so. */
static void
conn_wait(struct conn *co, int ret, const char *what)
{
	unsigned long	 code;

	switch (SSL_get_error(co->co_ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		co->co_events = POLLIN;
		return;
	case SSL_ERROR_WANT_WRITE:
		co->co_events = POLLOUT;
		return;
	}
	code = ERR_get_error();
	errx(1, "%s: %s", what, code != 0 ? ERR_reason_error_string(code) :
	    errno != 0 ? strerror(errno) : "the server has left");
}

static void
conn_shaken(struct conn *co, enum phase next)
{
	if (SSL_session_reused(co->co_ssl))
		errx(1, "a session was resumed");
	co->co_phase = next;
}

/* A step of one connection of shake and of hold; 0: it has to wait. */
static int
conn_step(struct conn *co)
{
	static const char *const	 names[] = {
		[SHAKING] = "handshake", [WRITING] = "write", [READING] = "read"
	};
	unsigned char			 buf[ECHO_BYTES];
	int				 n;

	switch (co->co_phase) {
	case SHAKING:
		if ((n = SSL_connect(co->co_ssl)) != 1)
			break;
		conn_shaken(co, WRITING);
		return (1);
	case WRITING:
		if ((n = SSL_write(co->co_ssl, pattern, ECHO_BYTES)) <= 0)
			break;
		if (n != ECHO_BYTES)
			errx(1, "write: %d bytes only", n);
		co->co_phase = READING;
		return (1);
	case READING:
		n = SSL_read(co->co_ssl, buf, (int)(ECHO_BYTES - co->co_got));
		if (n <= 0)
			break;
		if (memcmp(buf, pattern + co->co_got, (size_t)n) != 0)
			errx(1, "another byte came back");
		co->co_got += (size_t)n;
		if (co->co_got == ECHO_BYTES)
			co->co_phase = LEAVING;
		return (1);
	default:
		return (0);
	}
	conn_wait(co, n, names[co->co_phase]);
	return (0);
}

static int
bulk_write(struct conn *co)
{
	uint64_t	 most = megabytes << 20;
	size_t		 at = co->co_sent % BULK_BYTES;
	int		 n;

	if (co->co_sent == most || co->co_sent - co->co_back >= BULK_AHEAD)
		return (0);
	n = SSL_write(co->co_ssl, pattern + at, (int)(BULK_BYTES - at));
	if (n <= 0) {
		conn_wait(co, n, "write");
		return (0);
	}
	co->co_sent += (uint64_t)n;
	return (1);
}

static int
bulk_read(struct conn *co)
{
	static unsigned char	 buf[BULK_BYTES];
	size_t			 at = co->co_back % BULK_BYTES;
	int			 n;

	n = SSL_read(co->co_ssl, buf, (int)(BULK_BYTES - at));
	if (n <= 0) {
		conn_wait(co, n, "read");
		return (0);
	}
	if (memcmp(buf, pattern + at, (size_t)n) != 0)
		errx(1, "another byte came back");
	co->co_back += (uint64_t)n;
	return (1);
}

static void
bulk_step(struct conn *co)
{
	int	 did;

	do {
		did = bulk_write(co);
		did |= bulk_read(co);
		if (co->co_back == megabytes << 20) {
			co->co_phase = DONE;
			return;
		}
	} while (did);
	co->co_events = POLLIN;
	if (co->co_sent < megabytes << 20 &&
	    co->co_sent - co->co_back < BULK_AHEAD)
		co->co_events |= POLLOUT;
}

static void
await(struct pollfd *pfd, struct conn *all, unsigned int n)
{
	unsigned int	 i;

	for (i = 0; i < n; i++) {
		pfd[i].fd = all[i].co_ssl == NULL ? -1 : all[i].co_fd;
		pfd[i].events = all[i].co_events;
		pfd[i].revents = 0;
	}
	if (poll(pfd, n, PATIENCE) <= 0)
		errx(1, "nothing happened for %d seconds", PATIENCE / 1000);
}

static int
by_number(const void *a, const void *b)
{
	const int64_t	*x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

static void
shake(unsigned int many, unsigned int number)
{
	struct pollfd	*pfd;
	struct conn	*all, *co;
	int64_t		*took, begun = now();
	unsigned int	 opened, done = 0, i;

	if (many > number)
		many = number;
	all = calloc(many, sizeof(*all));
	pfd = calloc(many, sizeof(*pfd));
	took = calloc(number, sizeof(*took));
	if (all == NULL || pfd == NULL || took == NULL)
		err(1, "calloc");
	for (opened = 0; opened < many; opened++)
		conn_open(&all[opened]);
	while (done < number) {
		await(pfd, all, many);
		for (i = 0; i < many; i++) {
			co = &all[i];
			if (pfd[i].revents == 0)
				continue;
			while (conn_step(co))
				continue;
			if (co->co_phase != LEAVING)
				continue;
			took[done++] = now() - co->co_begun;
			(void)SSL_shutdown(co->co_ssl);
			conn_close(co);
			if (opened < number) {
				conn_open(co);
				opened++;
			}
		}
	}
	qsort(took, number, sizeof(*took), by_number);
	(void)printf("seconds %.3f p50 %.3f p99 %.3f\n",
	    (double)(now() - begun) / 1e6, (double)took[number / 2] / 1e3,
	    (double)took[number * 99ULL / 100] / 1e3);
	free(took);
	free(pfd);
	free(all);
}

static void
bulk(unsigned int many)
{
	struct pollfd	*pfd;
	struct conn	*all;
	int64_t		 begun;
	unsigned int	 i, left = many;

	all = calloc(many, sizeof(*all));
	pfd = calloc(many, sizeof(*pfd));
	if (all == NULL || pfd == NULL)
		err(1, "calloc");
	for (i = 0; i < many; i++) {
		conn_open(&all[i]);
		while (all[i].co_phase == SHAKING) {
			await(&pfd[i], &all[i], 1);
			(void)conn_step(&all[i]);
		}
		all[i].co_phase = BULK;
		all[i].co_events = POLLIN | POLLOUT;
	}
	begun = now();
	while (left > 0) {
		await(pfd, all, many);
		for (i = 0; i < many; i++) {
			if (pfd[i].revents == 0)
				continue;
			bulk_step(&all[i]);
			if (all[i].co_phase != DONE)
				continue;
			(void)SSL_shutdown(all[i].co_ssl);
			conn_close(&all[i]);
			left--;
		}
	}
	(void)printf("bytes %llu seconds %.3f\n",
	    (unsigned long long)many * (megabytes << 20),
	    (double)(now() - begun) / 1e6);
	free(pfd);
	free(all);
}

static void
hold(unsigned int number)
{
	struct pollfd	 pfd;
	struct conn	*all;
	unsigned int	 i;
	char		 c;

	if ((all = calloc(number, sizeof(*all))) == NULL)
		err(1, "calloc");
	for (i = 0; i < number; i++) {
		conn_open(&all[i]);
		while (all[i].co_phase != LEAVING) {
			await(&pfd, &all[i], 1);
			while (conn_step(&all[i]))
				continue;
		}
	}
	(void)printf("held\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	for (i = 0; i < number; i++) {
		if (SSL_shutdown(all[i].co_ssl) < 0)
			errx(1, "connection %u of %u was lost", i, number);
		conn_close(&all[i]);
	}
	free(all);
}

static void
silent(unsigned int number)
{
	int64_t		 begun = now();
	unsigned int	 i;

	for (i = 0; i < number; i++)
		(void)close(dial());
	(void)printf("seconds %.3f\n", (double)(now() - begun) / 1e6);
}

static unsigned int
figure(const char *text, unsigned int most)
{
	const char	*error;
	unsigned int	 n;

	n = (unsigned int)strtonum(text, 1, most, &error);
	if (error != NULL)
		errx(2, "%s: %s", text, error);
	return (n);
}

int
main(int argc, char *argv[])
{
	struct rlimit	 rl;
	const char	*mode, *version = "1.3";
	unsigned int	 many = 1, number = 1, i;
	int		 c;

	if (argc < 2)
		usage();
	mode = argv[1];
	optind = 2;
	while ((c = getopt(argc, argv, "c:m:n:v:")) != -1) {
		switch (c) {
		case 'c':
			many = figure(optarg, 10000);
			break;
		case 'm':
			megabytes = figure(optarg, 1 << 20);
			break;
		case 'n':
			number = figure(optarg, 1 << 20);
			break;
		case 'v':
			version = optarg;
			break;
		default:
			usage();
		}
	}
	if (argc != optind + 1 || (strcmp(version, "1.2") != 0 &&
	    strcmp(version, "1.3") != 0))
		usage();
	address(argv[optind]);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	context(version);
	for (i = 0; i < BULK_BYTES; i++)
		pattern[i] = (unsigned char)(i * 31 + i / 251);
	if (strcmp(mode, "shake") == 0)
		shake(many, number);
	else if (strcmp(mode, "bulk") == 0)
		bulk(many);
	else if (strcmp(mode, "hold") == 0)
		hold(number);
	else if (strcmp(mode, "silent") == 0)
		silent(number);
	else
		usage();
	SSL_CTX_free(ctx);
	return (0);
}
