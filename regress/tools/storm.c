/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Many clients at once, each of which behaves in one of the named ways, good
 * or bad, and comes from an address of its own: 127.1.0.0 and the number of
 * the connection.  The manifest says which behaved how, so that a log can
 * be judged; the seed that was used is printed, and -s uses it again.
 *
 *	storm [-c parallel] [-i first] [-o manifest] [-s seed] [-t seconds]
 *	    ADDRESS:PORT[,...] name:count ...
 *	storm -l			lists the names
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "storm.h"

#define PARALLEL_MAX	512
#define TARGETS_MAX	8

static struct sockaddr_in	 targets[TARGETS_MAX];
static unsigned int		 ntargets;
static const struct kind	**plan;
static unsigned int		 nplan, first;
static uint64_t			 seed;
static int64_t			 patience = 60000;
static FILE			*manifest;
static struct conn		*conns[PARALLEL_MAX];
static unsigned int		 nconns, parallel = 32;
static struct bytes		 recorded;

__attribute__((__noreturn__))
static void
usage(void)
{
	fprintf(stderr, "usage: storm [-c parallel] [-i first] [-o manifest] "
	    "[-s seed] [-t seconds]\n\taddress:port[,...] name:count ...\n"
	    "       storm -l\n");
	exit(2);
}

void
storm_fail(const struct conn *c, const char *what)
{
	if (c == NULL)
		errx(1, "seed %" PRIu64 ": %s", seed, what);
	errx(1, "seed %" PRIu64 ": connection %u, %s, step %u: %s%s%s", seed,
	    c->c_index, c->c_kind->k_name, c->c_op, what,
	    c->c_why == NULL ? "" : ": ", c->c_why == NULL ? "" : c->c_why);
}

int64_t
storm_now(void)
{
	struct timespec	 ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* What a client once sent from its first byte to its last. */
int
storm_replay(const uint8_t **data, size_t *len)
{
	*data = recorded.b_data;
	*len = recorded.b_len;
	return (recorded.b_len == 0 ? -1 : 0);
}

static const struct kind *
find_kind(const char *name)
{
	const struct kind	*k;

	for (k = kinds_before; k->k_name != NULL; k++)
		if (strcmp(k->k_name, name) == 0)
			return (k);
	for (k = kinds_after; k->k_name != NULL; k++)
		if (strcmp(k->k_name, name) == 0)
			return (k);
	errx(2, "%s: no such behaviour", name);
}

static void
list(void)
{
	const struct kind	*k;

	for (k = kinds_before; k->k_name != NULL; k++)
		printf("%s\n", k->k_name);
	for (k = kinds_after; k->k_name != NULL; k++)
		printf("%s\n", k->k_name);
}

static void
parse_targets(char *text)
{
	struct sockaddr_in	*sin;
	char			*one, *port;

	while ((one = strsep(&text, ",")) != NULL) {
		if (ntargets == TARGETS_MAX ||
		    (port = strchr(one, ':')) == NULL)
			usage();
		*port++ = '\0';
		sin = &targets[ntargets++];
		sin->sin_family = AF_INET;
		sin->sin_port = htons((uint16_t)atoi(port));
		if (inet_pton(AF_INET, one, &sin->sin_addr) != 1)
			usage();
	}
}

static void
parse_plan(char *text)
{
	const struct kind	*k;
	char			*colon;
	unsigned int		 n;

	if ((colon = strchr(text, ':')) == NULL)
		usage();
	*colon++ = '\0';
	k = find_kind(text);
	n = (unsigned int)strtoul(colon, NULL, 10);
	plan = realloc(plan, (nplan + n) * sizeof(plan[0]));
	if (plan == NULL)
		err(1, "realloc");
	while (n-- > 0)
		plan[nplan++] = k;
}

static void
shuffle(void)
{
	const struct kind	*k;
	struct rng		 r;
	unsigned int		 i, j;

	rng_seed(&r, seed, UINT64_MAX);
	for (i = nplan; i > 1; i--) {
		j = rng_below(&r, i);
		k = plan[i - 1];
		plan[i - 1] = plan[j];
		plan[j] = k;
	}
}

static void
dial(struct conn *c)
{
	struct sockaddr_in	 from;
	const struct sockaddr_in *to = &targets[c->c_index % ntargets];
	char			 name[INET_ADDRSTRLEN];
	int			 on = 1;

	memset(&from, 0, sizeof(from));
	from.sin_family = AF_INET;
	from.sin_addr.s_addr = htonl(0x7f010000 + c->c_index);
	if ((c->c_fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    fcntl(c->c_fd, F_SETFL, O_NONBLOCK) == -1 ||
	    setsockopt(c->c_fd, IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)) == -1)
		err(1, "socket");
	if (bind(c->c_fd, (struct sockaddr *)&from, sizeof(from)) == -1)
		err(1, "bind");
	(void)inet_ntop(AF_INET, &from.sin_addr, name, sizeof(name));
	if (manifest != NULL)
		fprintf(manifest, "%s\t%s\n", name, c->c_kind->k_name);
	if (connect(c->c_fd, (const struct sockaddr *)to,
	    sizeof(*to)) == -1 && errno != EINPROGRESS)
		err(1, "connect");
	c->c_connecting = 1;
}

static struct conn *
begin(const struct kind *k, unsigned int index)
{
	struct conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(1, "calloc");
	c->c_kind = k;
	c->c_index = index;
	c->c_deadline = storm_now() + patience;
	rng_seed(&c->c_rng, seed, index);
	k->k_make(c);
	dial(c);
	conns[nconns++] = c;
	return (c);
}

static void
turn(void)
{
	static struct pollfd	 pfds[PARALLEL_MAX];
	struct conn		*c;
	int64_t			 now, wait = 1000;
	unsigned int		 i;

	now = storm_now();
	for (i = 0; i < nconns; i++) {
		c = conns[i];
		pfds[i].events = conn_events(c);
		pfds[i].fd = pfds[i].events == 0 ? -1 : c->c_fd;
		pfds[i].revents = 0;
		if (c->c_until != 0 && c->c_until - now < wait)
			wait = c->c_until > now ? c->c_until - now : 0;
	}
	if (poll(pfds, nconns, (int)wait) == -1)
		err(1, "poll");
	now = storm_now();
	for (i = nconns; i-- > 0;) {
		c = conns[i];
		if (now > c->c_deadline)
			storm_fail(c, "not over in time");
		if (pfds[i].revents == 0 &&
		    (c->c_until == 0 || c->c_until > now))
			continue;
		if (!conn_step(c, pfds[i].revents != 0))
			continue;
		conn_free(c);
		free(c);
		conns[i] = conns[--nconns];
		pfds[i] = pfds[nconns];
	}
}

/* One good connection whose bytes others send again, changed. */
static void
record(void)
{
	struct conn	*c;

	c = begin(find_kind("record"), first + nplan);
	c->c_record = &recorded;
	while (nconns > 0)
		turn();
}

static void
run(void)
{
	unsigned int	 done = 0;
	int64_t		 start = storm_now();

	printf("storm: seed %" PRIu64 ", %u connections\n", seed, nplan);
	(void)fflush(stdout);
	shuffle();
	record();
	while (done < nplan || nconns > 0) {
		while (nconns < parallel && done < nplan) {
			(void)begin(plan[done], first + done);
			done++;
		}
		turn();
	}
	if (manifest != NULL && fclose(manifest) == EOF)
		err(1, "manifest");
	printf("storm: done in %" PRId64 " ms\n", storm_now() - start);
}

int
main(int argc, char *argv[])
{
	struct timeval	 tv;
	int		 ch;

	(void)gettimeofday(&tv, NULL);
	seed = (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
	while ((ch = getopt(argc, argv, "c:i:lo:s:t:")) != -1) {
		switch (ch) {
		case 'c':
			parallel = (unsigned int)atoi(optarg);
			break;
		case 'i':
			first = (unsigned int)atoi(optarg);
			break;
		case 'l':
			list();
			return (0);
		case 'o':
			if ((manifest = fopen(optarg, "w")) == NULL)
				err(1, "%s", optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 't':
			patience = atoi(optarg) * 1000;
			break;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 2 || parallel == 0 || parallel > PARALLEL_MAX)
		usage();
	parse_targets(argv[0]);
	for (argv++; *argv != NULL; argv++)
		parse_plan(*argv);
	if (first + nplan >= 0xfeffff)
		errx(2, "too many connections for 127/8");
	(void)signal(SIGPIPE, SIG_IGN);
	conn_init();
	run();
	return (0);
}
