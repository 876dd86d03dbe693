/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * How a connection begins, up to connected: a socket that is there is adopted,
 * or a client connects, to one address by events, to a name by itself; then
 * the handshake.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include <openssl/err.h>

#include "errors.h"
#include "object.h"
#include "securetcp.h"

#define CONNECT_ADDRESSES	8	/* of a name that are tried */
#define CONNECT_HEADSTART	250	/* ms */

/* The addresses of a name, and those that are tried at present. */
struct race {
	struct addrinfo	*ra_order[CONNECT_ADDRESSES];
	size_t		 ra_count;
	size_t		 ra_next;
	struct pollfd	 ra_tries[CONNECT_ADDRESSES];
	size_t		 ra_ntries;
	int64_t		 ra_headstart;	/* of the last one, until then */
	int		 ra_errno;	/* why the last one failed */
};

static int	 connect_begin(struct securetcp *, int, int,
		    enum object_phase);
static void	 connect_preload(struct securetcp *);
static void	 connect_refused(struct securetcp *, int);
static int	 connect_name(struct securetcp *, const char *);
static int	 connect_lookup(const char *, uint16_t, int,
		    struct addrinfo **);
static int	 connect_open(const struct securetcp *,
		    const struct addrinfo *, int *);
static int	 connect_event(struct securetcp *, const struct addrinfo *);
static int	 connect_blocking(struct securetcp *, const char *, uint16_t);
static int	 connect_block(struct securetcp *, struct block *);
static int	 connect_failed(struct securetcp *, int);
static int	 connect_resolve(struct securetcp *, struct block *,
		    const char *, uint16_t);
static void	 connect_order(struct race *, struct addrinfo *);
static int	 connect_race(struct securetcp *, struct block *,
		    struct race *);
static void	 connect_start(struct securetcp *, struct race *);
static int	 connect_turn(struct race *, int64_t, int *);
static void	 connect_scratch(struct race *, size_t);

int
securetcp_set_socket(struct securetcp *s, int fd)
{
	int	 error;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	if (stcp_object_descriptor(s, fd) == -1)
		return (ptInvalidParam2);
	s->st_timeout = 0;
	stcp_object_hold(s);
	error = connect_begin(s, fd, 0, OBJECT_HANDSHAKE);
	stcp_object_release(s);
	return (error);
}

/* The server's name, where it is asked for, is in st_name. */
static int
connect_begin(struct securetcp *s, int fd, int client,
    enum object_phase phase)
{
	uint64_t	 serial;
	int		 error;

	stcp_object_reset(s);
	serial = ++s->st_serial;
	s->st_fd = fd;
	s->st_client = client;
	s->st_phase = phase;
	/* A client speaks first. */
	s->st_readwant = client ? POLLOUT : POLLIN;
	connect_preload(s);
	if (phase == OBJECT_HANDSHAKE)
		stcp_property_addresses(s);
	if (!stcp_object_become(s, SECURETCP_CONNECTING))
		return (s->st_freed || s->st_serial == serial ? ptAbort : ptOk);
	if (client)
		error = stcp_context_connect(s->st_config, &s->st_tls,
		    stcp_io_read, stcp_io_write, s, s->st_name);
	else
		error = stcp_context_accept(s->st_config, &s->st_tls,
		    stcp_io_read, stcp_io_write, s);
	if (error == ptOk)
		return (ptOk);
	/* The caller is told by the return value, not by an event. */
	stcp_object_say(s, "%s", securetcp_config_error(s->st_config));
	stcp_object_end(s);
	return (error);
}

/*
 * A connection begins: what was read counts as received, whether it comes to
 * be looked at or not.  From a socket that is yet to connect nothing was.
 */
static void
connect_preload(struct securetcp *s)
{
	if (s->st_phase != OBJECT_HANDSHAKE)
		stcp_preload_drop(s);
	else if (s->st_aheadlen != 0)
		stcp_io_note(s, s->st_ahead, s->st_aheadlen);
}

void
stcp_connect_handshake(struct securetcp *s)
{
	struct tls	*outer = s->st_running, *tls = s->st_tls;
	unsigned int	 failures = stcp_keyhook_failures();
	int		 n;

	s->st_running = tls;
	s->st_inside = 1;
	n = tls_handshake(tls);
	s->st_running = outer;
	/* Authenticate's handler has ended it, and perhaps begun another. */
	if (s->st_tls != tls) {
		tls_free(tls);
		ERR_clear_error();
		return;
	}
	s->st_inside = 0;
	if (s->st_freed)
		return;
	switch (n) {
	case 0:
		stcp_authenticate_end(s);
		break;
	case TLS_WANT_POLLIN:
		s->st_readwant = POLLIN;
		break;
	case TLS_WANT_POLLOUT:
		s->st_readwant = POLLOUT;
		break;
	default:
		connect_refused(s, failures != stcp_keyhook_failures());
		break;
	}
}

/*
 * A client that says nothing to a server may only have looked whether it is
 * there.
 */
static void
connect_refused(struct securetcp *s, int hook)
{
	int	 error;

	error = s->st_refused;
	if (error == ptOk)
		error = stcp_classify_handshake(s, hook);
	ERR_clear_error();
	if (error != ptOk)
		stcp_object_fail(s, error);
	else if (s->st_client)
		stcp_object_fail(s, ptConnectionAborted);
	else
		stcp_object_end(s);
}

/* The server's name for this connection: what was set, else what is given. */
static int
connect_name(struct securetcp *s, const char *given)
{
	char	*copy = NULL;

	if (s->st_askname != NULL)
		given = s->st_askname;
	if (given != NULL && (copy = strdup(given)) == NULL)
		return (ptNoBufferSpace);
	free(s->st_name);
	s->st_name = copy;
	return (ptOk);
}

static int
connect_lookup(const char *host, uint16_t port, int flags,
    struct addrinfo **list)
{
	struct addrinfo	 hints;
	char		 service[8];

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICSERV | flags;
	(void)snprintf(service, sizeof(service), "%u", (unsigned int)port);
	*list = NULL;
	return (getaddrinfo(host, service, &hints, list));
}

/* Begins to connect: a descriptor, or -1; *error is what there is to tell. */
static int
connect_open(const struct securetcp *s, const struct addrinfo *ai, int *error)
{
	int	 fd;

	*error = 0;
	if ((fd = socket(ai->ai_family, SOCK_STREAM, 0)) == -1 ||
	    stcp_object_descriptor(s, fd) == -1) {
		*error = errno;
		if (fd != -1)
			(void)close(fd);
		return (-1);
	}
	if (s->st_from != NULL && bind(fd, s->st_from, s->st_fromlen) == -1)
		*error = errno;
	else if (connect(fd, ai->ai_addr, ai->ai_addrlen) == -1 &&
	    errno != EINPROGRESS && errno != EINTR)
		*error = errno;
	return (fd);
}

int
securetcp_connect(struct securetcp *s, const char *host, uint16_t port)
{
	struct addrinfo	*ai;
	int		 error;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	if (host == NULL || *host == '\0')
		return (ptInvalidParam2);
	if (port == 0)
		return (ptInvalidParam3);
	if (stcp_block_wanted(s))
		return (connect_blocking(s, host, port));
	if (connect_lookup(host, port, AI_NUMERICHOST, &ai) != 0)
		return (ptInvalidParam2);
	if ((error = connect_name(s, host)) == ptOk) {
		stcp_object_hold(s);
		error = connect_event(s, ai);
		stcp_object_release(s);
	}
	freeaddrinfo(ai);
	return (error);
}

/*
 * Dispatch reports an immediate failure, as it does a later one: the events of
 * a connection do not begin before the call that makes it has returned.
 */
static int
connect_event(struct securetcp *s, const struct addrinfo *ai)
{
	uint64_t	 serial;
	int		 error, failed, fd;

	if ((fd = connect_open(s, ai, &failed)) == -1) {
		stcp_object_say(s, "socket: %s", strerror(failed));
		return (securetcp_error_errno(failed));
	}
	serial = s->st_serial + 1;
	error = connect_begin(s, fd, 1, OBJECT_TCP);
	if (error == ptOk && stcp_object_same(s, serial))
		s->st_connecterror = failed;
	return (error);
}

/* TCP is done, one way or the other. */
void
stcp_connect_arrived(struct securetcp *s)
{
	socklen_t	 len = sizeof(int);
	int		 error = s->st_connecterror;

	if (error == 0 && getsockopt(s->st_fd, SOL_SOCKET, SO_ERROR, &error,
	    &len) == -1)
		error = errno;
	if (error != 0) {
		s->st_connecterror = 0;
		stcp_object_say(s, "connect: %s", strerror(error));
		stcp_object_fail(s, securetcp_error_errno(error));
		return;
	}
	stcp_property_addresses(s);
	s->st_phase = OBJECT_HANDSHAKE;
	stcp_connect_handshake(s);
}

int
securetcp_connect_socket(struct securetcp *s, int fd, const char *name)
{
	struct block	 bl;
	int		 error;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	if (name != NULL && *name == '\0')
		return (ptInvalidParam3);
	if (stcp_object_descriptor(s, fd) == -1)
		return (ptInvalidParam2);
	if ((error = connect_name(s, name)) != ptOk)
		return (error);
	stcp_object_hold(s);
	if (stcp_block_wanted(s)) {
		stcp_block_enter(s, &bl, "connect");
		s->st_quiet = 1;
		error = connect_begin(s, fd, 1, OBJECT_HANDSHAKE);
		bl.bl_serial = s->st_serial;
		if (error == ptOk)
			error = connect_block(s, &bl);
		stcp_block_leave(s);
	} else
		error = connect_begin(s, fd, 1, OBJECT_HANDSHAKE);
	stcp_object_release(s);
	return (error);
}

static int
connect_blocking(struct securetcp *s, const char *host, uint16_t port)
{
	struct block	 bl;
	int		 error;

	if ((error = connect_name(s, host)) != ptOk)
		return (error);
	stcp_object_hold(s);
	stcp_block_enter(s, &bl, "connect");
	s->st_quiet = 1;
	error = connect_begin(s, -1, 1, OBJECT_TCP);
	bl.bl_serial = s->st_serial;
	if (error == ptOk)
		error = connect_resolve(s, &bl, host, port);
	if (error == ptOk) {
		stcp_property_addresses(s);
		s->st_phase = OBJECT_HANDSHAKE;
		error = connect_block(s, &bl);
	}
	stcp_block_leave(s);
	stcp_object_release(s);
	return (error);
}

/* The handshake and what follows, up to connected or its failure. */
static int
connect_block(struct securetcp *s, struct block *bl)
{
	bl->bl_what = "the handshake";
	for (;;) {
		stcp_connect_handshake(s);
		if (!stcp_object_same(s, bl->bl_serial))
			return (stcp_block_gone(s));
		if (s->st_state != SECURETCP_CONNECTING)
			return (ptOk);
		if (stcp_block_wait(s, bl, s->st_readwant) != ptOk)
			return (stcp_block_gone(s));
	}
}

/* Before there is a socket; the reason has been said. */
static int
connect_failed(struct securetcp *s, int error)
{
	s->st_outcome = error;
	stcp_object_end(s);
	return (error);
}

static int
connect_resolve(struct securetcp *s, struct block *bl, const char *host,
    uint16_t port)
{
	struct addrinfo	*list;
	struct race	 ra;
	int		 error, fd, number;

	if ((error = connect_lookup(host, port, 0, &list)) != 0) {
		/* From errno perhaps, which does not last. */
		number = securetcp_error_lookup(error);
		stcp_object_say(s, "%s: %s", host, error == EAI_SYSTEM ?
		    strerror(errno) : gai_strerror(error));
		return (connect_failed(s, number));
	}
	memset(&ra, 0, sizeof(ra));
	connect_order(&ra, list);
	fd = connect_race(s, bl, &ra);
	while (ra.ra_ntries != 0)
		connect_scratch(&ra, 0);
	freeaddrinfo(list);
	if (fd != -1) {
		s->st_fd = fd;
		return (ptOk);
	}
	if (ra.ra_count == 0) {
		stcp_object_say(s, "%s: has no address", host);
		return (connect_failed(s, ptNoData));
	}
	if (ra.ra_errno == 0)
		return (stcp_block_expire(s, bl));
	stcp_object_say(s, "connect to %s port %u: %s", host,
	    (unsigned int)port, strerror(ra.ra_errno));
	return (connect_failed(s, securetcp_error_errno(ra.ra_errno)));
}

/* By turns of the families, each in the order they came. */
static void
connect_order(struct race *ra, struct addrinfo *list)
{
	struct addrinfo	*ai[2];
	int		 family, turn;

	for (ai[0] = list; ai[0] != NULL; ai[0] = ai[0]->ai_next) {
		if (ai[0]->ai_family == AF_INET ||
		    ai[0]->ai_family == AF_INET6)
			break;
	}
	if (ai[0] == NULL)
		return;
	family = ai[0]->ai_family;
	ai[1] = ai[0];
	for (turn = 0; ra->ra_count < CONNECT_ADDRESSES; turn = !turn) {
		while (ai[turn] != NULL && ((ai[turn]->ai_family == family) ==
		    turn || (ai[turn]->ai_family != AF_INET &&
		    ai[turn]->ai_family != AF_INET6)))
			ai[turn] = ai[turn]->ai_next;
		if (ai[turn] != NULL) {
			ra->ra_order[ra->ra_count++] = ai[turn];
			ai[turn] = ai[turn]->ai_next;
		}
		if (ai[0] == NULL && ai[1] == NULL)
			break;
	}
}

/*
 * The first that connects.  The next one starts when the last has failed, or
 * has had its head start.  -1: ra_errno says why, 0 that the time is over.
 */
static int
connect_race(struct securetcp *s, struct block *bl, struct race *ra)
{
	int64_t	 now;
	int	 fd = -1;

	while (fd == -1) {
		if ((now = stcp_block_now()) >= bl->bl_deadline) {
			ra->ra_errno = 0;
			break;
		}
		if (ra->ra_next < ra->ra_count && (ra->ra_ntries == 0 ||
		    now >= ra->ra_headstart)) {
			connect_start(s, ra);
			continue;
		}
		if (ra->ra_ntries == 0)
			break;
		if (ra->ra_next < ra->ra_count &&
		    ra->ra_headstart < bl->bl_deadline)
			now = ra->ra_headstart - now;
		else
			now = bl->bl_deadline - now;
		if (connect_turn(ra, now, &fd) == -1)
			break;
	}
	return (fd);
}

static void
connect_start(struct securetcp *s, struct race *ra)
{
	int	 error, fd;

	fd = connect_open(s, ra->ra_order[ra->ra_next++], &error);
	if (error != 0) {
		ra->ra_errno = error;
		if (fd != -1)
			(void)close(fd);
		return;
	}
	ra->ra_tries[ra->ra_ntries].fd = fd;
	ra->ra_tries[ra->ra_ntries].events = POLLOUT;
	ra->ra_ntries++;
	ra->ra_headstart = stcp_block_now() + CONNECT_HEADSTART;
}

static int
connect_turn(struct race *ra, int64_t wait, int *winner)
{
	socklen_t	 len;
	size_t		 i;
	int		 error, n;

	n = poll(ra->ra_tries, (nfds_t)ra->ra_ntries,
	    wait > 60000 ? 60000 : (int)wait);
	if (n == -1 && errno != EINTR) {
		ra->ra_errno = errno;
		return (-1);
	}
	if (n <= 0)
		return (0);
	for (i = ra->ra_ntries; i-- > 0;) {
		if (ra->ra_tries[i].revents == 0)
			continue;
		len = sizeof(error);
		if (getsockopt(ra->ra_tries[i].fd, SOL_SOCKET, SO_ERROR,
		    &error, &len) == -1)
			error = errno;
		if (error == 0) {
			*winner = ra->ra_tries[i].fd;
			ra->ra_tries[i] = ra->ra_tries[--ra->ra_ntries];
			return (0);
		}
		ra->ra_errno = error;
		connect_scratch(ra, i);
		/*
		 * The next attempt does not wait for the head start of one that
		 * has failed.
		 */
		ra->ra_headstart = 0;
	}
	return (0);
}

static void
connect_scratch(struct race *ra, size_t i)
{
	(void)close(ra->ra_tries[i].fd);
	ra->ra_tries[i] = ra->ra_tries[--ra->ra_ntries];
}
