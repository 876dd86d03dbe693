/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The object: its states and events, its properties, its ends. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <netdb.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "config.h"
#include "object.h"
#include "securetcp.h"

static void	 object_drop(struct securetcp *);
static void	 object_close(struct securetcp *);

#define PROPERTY_NAME	255	/* characters of a host's name */

static void	 property_apply(const struct securetcp *, int);
static int	 property_option(struct securetcp *, int, int, int *, int);
static void	 property_address(const struct sockaddr *, char *, uint16_t *);

struct securetcp *
securetcp_new(struct securetcp_config *sc, const struct securetcp_handlers *st,
    void *arg)
{
	struct securetcp	*s;

	if (sc == NULL) {
		errno = EINVAL;
		return (NULL);
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	stcp_config_hold(sc);
	s->st_config = sc;
	if (st != NULL)
		s->st_handlers = *st;
	s->st_arg = arg;
	s->st_limit = s->st_inlimit = OBJECT_LIMIT;
	s->st_timeout = OBJECT_TIMEOUT;
	s->st_nodelay = 1;
	s->st_fd = -1;
	return (s);
}

void
securetcp_free(struct securetcp *s)
{
	if (s == NULL || s->st_freed)
		return;
	stcp_object_hold(s);
	s->st_freed = 1;
	/* For a call that blocks: its handler has ended the connection. */
	if (s->st_state != SECURETCP_CLOSED && s->st_outcome == ptOk)
		s->st_outcome = ptAbort;
	/* Inside the TLS library the connection must outlive the call. */
	if (!s->st_inside)
		object_drop(s);
	s->st_state = SECURETCP_CLOSED;
	stcp_object_release(s);
}

void
stcp_object_hold(struct securetcp *s)
{
	s->st_holds++;
}

/* The last one to leave takes a freed object away. */
void
stcp_object_release(struct securetcp *s)
{
	if (--s->st_holds != 0 || !s->st_freed)
		return;
	object_drop(s);
	stcp_peer_forget(s);
	free(s->st_askname);
	free(s->st_name);
	free(s->st_from);
	securetcp_config_free(s->st_config);
	stcp_memory_wipe(s, sizeof(*s));
}

/*
 * After an event: a handler may have freed the object, ended the connection,
 * or ended it and begun another.
 */
int
stcp_object_same(const struct securetcp *s, uint64_t serial)
{
	return (!s->st_freed && s->st_serial == serial &&
	    s->st_state != SECURETCP_CLOSED);
}

void
stcp_object_say(struct securetcp *s, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->st_reason, sizeof(s->st_reason), fmt, ap);
	va_end(ap);
}

/* True when the object is still what it was. */
int
stcp_object_become(struct securetcp *s, enum securetcp_state state)
{
	uint64_t	 serial = s->st_serial;

	s->st_state = state;
	if (s->st_handlers.st_state != NULL) {
		s->st_handling++;
		s->st_handlers.st_state(s, state, s->st_arg);
		s->st_handling--;
	}
	return (stcp_object_same(s, serial) && s->st_state == state);
}

/* The handshake is done, and the peer is whom it should be. */
void
stcp_object_connected(struct securetcp *s)
{
	stcp_memory_copy(s->st_version, sizeof(s->st_version),
	    tls_conn_version(s->st_tls));
	stcp_memory_copy(s->st_cipher, sizeof(s->st_cipher),
	    tls_conn_cipher(s->st_tls));
	stcp_memory_copy(s->st_servername, sizeof(s->st_servername),
	    tls_conn_servername(s->st_tls));
	stcp_memory_copy(s->st_alpn, sizeof(s->st_alpn),
	    tls_conn_alpn_selected(s->st_tls));
	s->st_readwant = POLLIN;
	s->st_writewant = POLLOUT;
	s->st_armed = 1;
	/* An alert of the handshake that could not go is no news any more. */
	s->st_writeerror = 0;
	s->st_broken = s->st_unsent = s->st_lost;
	(void)stcp_object_become(s, SECURETCP_CONNECTED);
}

void
stcp_object_disarm(struct securetcp *s)
{
	s->st_armed = 0;
	s->st_want = s->st_scanned = 0;
	stcp_memory_wipe(s->st_token, s->st_tokenlen);
	s->st_token = NULL;
	s->st_tokenlen = 0;
}

/* The other events, which have nothing to say. */
void
stcp_object_tell(struct securetcp *s, void (*event)(struct securetcp *, void *))
{
	if (event == NULL || s->st_blocking)
		return;
	s->st_handling++;
	event(s, s->st_arg);
	s->st_handling--;
}

/* Error, closing, closed; the reason has been said. */
void
stcp_object_fail(struct securetcp *s, int error)
{
	uint64_t	 serial = s->st_serial;

	s->st_broken = 1;
	s->st_outcome = error;
	if (s->st_handlers.st_error != NULL && !s->st_quiet) {
		s->st_handling++;
		s->st_handlers.st_error(s, error,
		    securetcp_error_description(error), s->st_arg);
		s->st_handling--;
	}
	if (stcp_object_same(s, serial))
		stcp_object_end(s);
}

/* Closing unless there, and closed: the resources are gone by then. */
void
stcp_object_end(struct securetcp *s)
{
	if (s->st_state != SECURETCP_CLOSING &&
	    !stcp_object_become(s, SECURETCP_CLOSING))
		return;
	object_drop(s);
	(void)stcp_object_become(s, SECURETCP_CLOSED);
}

/* May data be queued still? */
int
stcp_object_sendable(const struct securetcp *s)
{
	if (s->st_finishing || s->st_shutdown)
		return (0);
	return (s->st_state == SECURETCP_CONNECTED ||
	    (s->st_state == SECURETCP_CLOSING && s->st_half));
}

int
securetcp_set_half_close(struct securetcp *s, int half)
{
	if (s->st_state == SECURETCP_CLOSING)
		return (ptNotConnected);
	s->st_half = half != 0;
	return (ptOk);
}

int
securetcp_set_send_limit(struct securetcp *s, size_t limit)
{
	if (limit == 0 || limit > OBJECT_LIMITMAX)
		return (ptInvalidParam2);
	if (s->st_inside || s->st_blocking || s->st_outlen != 0)
		return (ptBlocked);
	stcp_memory_wipe(s->st_out, s->st_outsize);
	s->st_out = NULL;
	s->st_limit = limit;
	return (ptOk);
}

int
stcp_object_descriptor(const struct securetcp *s, int fd)
{
	int	 flags;

	if ((flags = fcntl(fd, F_GETFL)) == -1)
		return (-1);
	if ((flags & O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return (-1);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return (-1);
	property_apply(s, fd);
	return (0);
}

/* As it is when a connection begins. */
void
stcp_object_reset(struct securetcp *s)
{
	s->st_writewant = POLLOUT;
	s->st_outcome = s->st_connecterror = 0;
	s->st_dry = 0;
	stcp_object_disarm(s);
	s->st_end = OBJECT_OPEN;
	s->st_endnumber = 0;
	s->st_full = s->st_shutdown = s->st_shut = s->st_finishing = 0;
	s->st_notifyoff = s->st_notifylen = 0;
	s->st_broken = s->st_unsent = s->st_lost = 0;
	s->st_hangup = s->st_hard = 0;
	s->st_eof = s->st_readerror = s->st_writeerror = 0;
	s->st_unwanted = s->st_judged = s->st_refused = s->st_noalpn = 0;
	s->st_firstlen = 0;
	s->st_record = s->st_heard = s->st_alert = 0;
	s->st_distrust = 0;
	s->st_bytesin = s->st_bytesout = 0;
	s->st_reason[0] = s->st_version[0] = s->st_cipher[0] = '\0';
	s->st_servername[0] = s->st_alpn[0] = '\0';
	s->st_remote[0] = s->st_local[0] = '\0';
	s->st_remoteport = s->st_localport = 0;
	stcp_peer_forget(s);
}

/* Gives back all that a connection holds. */
static void
object_drop(struct securetcp *s)
{
	/* With its handshake on the stack it is freed when that returns. */
	if (s->st_tls != s->st_running)
		tls_free(s->st_tls);
	s->st_tls = NULL;
	stcp_preload_drop(s);
	object_close(s);
	stcp_object_disarm(s);
	stcp_memory_wipe(s->st_in, s->st_insize);
	stcp_memory_wipe(s->st_out, s->st_outsize);
	s->st_in = s->st_out = NULL;
	s->st_insize = 0;
	s->st_inoff = s->st_inlen = s->st_outoff = s->st_outlen = 0;
}

/*
 * Closing a socket that holds unread data resets the connection, which may
 * take our last words (an alert, the end of an answer) from the peer: what
 * is there is read away first, within bounds.
 */
static void
object_close(struct securetcp *s)
{
	uint8_t	 buf[4096];
	int	 i;

	if (s->st_fd == -1)
		return;
	for (i = 0; i < 16 && !s->st_hard; i++) {
		if (recv(s->st_fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0)
			break;
	}
	(void)close(s->st_fd);
	s->st_fd = -1;
}

int
securetcp_abort(struct securetcp *s)
{
	if (s->st_inside)
		return (ptBlocked);
	if (s->st_state == SECURETCP_CLOSED)
		return (ptOk);
	stcp_object_hold(s);
	s->st_hard = 1;
	s->st_quiet = 0;
	stcp_object_say(s, "aborted by the program");
	stcp_object_fail(s, ptAbort);
	stcp_object_release(s);
	return (ptOk);
}

enum securetcp_state
securetcp_state(const struct securetcp *s)
{
	return (s->st_state);
}

int
securetcp_socket(const struct securetcp *s)
{
	return (s->st_fd);
}

const char *
securetcp_reason(const struct securetcp *s)
{
	return (s->st_reason);
}

size_t
securetcp_receive_count(const struct securetcp *s)
{
	return (s->st_inlen);
}

size_t
securetcp_send_count(const struct securetcp *s)
{
	return (s->st_outlen);
}

uint64_t
securetcp_bytes_in(const struct securetcp *s)
{
	return (s->st_bytesin);
}

uint64_t
securetcp_bytes_out(const struct securetcp *s)
{
	return (s->st_bytesout);
}

int
securetcp_silent(const struct securetcp *s)
{
	return (s->st_firstlen == 0);
}

int
securetcp_distrusted(const struct securetcp *s)
{
	return (s->st_distrust);
}

int
securetcp_truncated(const struct securetcp *s)
{
	return (s->st_end == OBJECT_TRUNCATED);
}

const char *
securetcp_version(const struct securetcp *s)
{
	return (s->st_version);
}

const char *
securetcp_cipher(const struct securetcp *s)
{
	return (s->st_cipher);
}

const char *
securetcp_servername(const struct securetcp *s)
{
	return (s->st_servername);
}

const char *
securetcp_alpn(const struct securetcp *s)
{
	return (s->st_alpn);
}

/* Properties of the object and of its socket. */

int
securetcp_set_timeout(struct securetcp *s, int timeout)
{
	if (timeout < 0)
		return (ptInvalidProperty);
	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	s->st_timeout = timeout;
	return (ptOk);
}

int
securetcp_timeout(const struct securetcp *s)
{
	return (s->st_handling != 0 ? 0 : s->st_timeout);
}

int
securetcp_blocked(const struct securetcp *s)
{
	return (s->st_blocking);
}

int
securetcp_set_receive_limit(struct securetcp *s, size_t limit)
{
	if (limit < OBJECT_RECORD || limit > OBJECT_LIMITMAX)
		return (ptInvalidParam2);
	if (s->st_inside || s->st_blocking || s->st_inlen != 0 ||
	    s->st_want != 0)
		return (ptBlocked);
	s->st_inlimit = limit;
	return (ptOk);
}

static int
property_option(struct securetcp *s, int level, int name, int *kept, int on)
{
	int	 value = on != 0;

	if (s->st_fd != -1 && setsockopt(s->st_fd, level, name, &value,
	    sizeof(value)) == -1) {
		/* FreeBSD's word for an option of TCP on a unix socket. */
		if (errno == EOPNOTSUPP ||
		    (errno == EINVAL && level == IPPROTO_TCP))
			return (ptOptionNotSupported);
		return (securetcp_error_errno(errno));
	}
	*kept = value;
	return (ptOk);
}

int
securetcp_set_no_delay(struct securetcp *s, int on)
{
	return (property_option(s, IPPROTO_TCP, TCP_NODELAY, &s->st_nodelay,
	    on));
}

int
securetcp_no_delay(const struct securetcp *s)
{
	return (s->st_nodelay);
}

int
securetcp_set_keep_alive(struct securetcp *s, int on)
{
	return (property_option(s, SOL_SOCKET, SO_KEEPALIVE,
	    &s->st_keepalive, on));
}

int
securetcp_keep_alive(const struct securetcp *s)
{
	return (s->st_keepalive);
}

/*
 * A socket the parent has prepared for a sandboxed process needs nothing
 * more; what is not TCP has no delay to be switched off.
 */
static void
property_apply(const struct securetcp *s, int fd)
{
	int	 on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &s->st_nodelay,
	    sizeof(s->st_nodelay));
	if (s->st_keepalive)
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on,
		    sizeof(on));
}

int
securetcp_set_server_name(struct securetcp *s, const char *name)
{
	char	*copy = NULL;

	if (name != NULL && (*name == '\0' || strlen(name) > PROPERTY_NAME))
		return (ptInvalidProperty);
	if (name != NULL && (copy = strdup(name)) == NULL)
		return (ptNoBufferSpace);
	free(s->st_askname);
	s->st_askname = copy;
	return (ptOk);
}

int
securetcp_set_local(struct securetcp *s, const char *address, uint16_t port)
{
	struct addrinfo	 hints, *ai;
	struct sockaddr	*from;
	char		 service[8];

	if (address == NULL && port != 0)
		return (ptInvalidProperty);
	if (address == NULL) {
		free(s->st_from);
		s->st_from = NULL;
		return (ptOk);
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	(void)snprintf(service, sizeof(service), "%u", (unsigned int)port);
	if (getaddrinfo(address, service, &hints, &ai) != 0)
		return (ptInvalidProperty);
	if ((from = stcp_memory_dup(ai->ai_addr, ai->ai_addrlen)) != NULL) {
		free(s->st_from);
		s->st_from = from;
		s->st_fromlen = ai->ai_addrlen;
	}
	freeaddrinfo(ai);
	return (from == NULL ? ptNoBufferSpace : ptOk);
}

/* Both ends of the socket, while there are two. */
void
stcp_property_addresses(struct securetcp *s)
{
	union {
		struct sockaddr		 sa;
		struct sockaddr_storage	 ss;
	}		 u;
	socklen_t	 len = sizeof(u);

	memset(&u, 0, sizeof(u));
	if (getpeername(s->st_fd, &u.sa, &len) == 0)
		property_address(&u.sa, s->st_remote, &s->st_remoteport);
	memset(&u, 0, sizeof(u));
	len = sizeof(u);
	if (getsockname(s->st_fd, &u.sa, &len) == 0)
		property_address(&u.sa, s->st_local, &s->st_localport);
}

/* Not by getnameinfo(3), which asks for the names of interfaces. */
static void
property_address(const struct sockaddr *sa, char *text, uint16_t *port)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;
	size_t			 len;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		(void)inet_ntop(AF_INET, &sin.sin_addr, text, OBJECT_ADDRESS);
		*port = ntohs(sin.sin_port);
		break;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		(void)inet_ntop(AF_INET6, &sin6.sin6_addr, text,
		    OBJECT_ADDRESS);
		len = strlen(text);
		if (sin6.sin6_scope_id != 0)
			(void)snprintf(text + len, OBJECT_ADDRESS - len,
			    "%%%u", (unsigned int)sin6.sin6_scope_id);
		*port = ntohs(sin6.sin6_port);
		break;
	default:
		break;
	}
}

const char *
securetcp_remote_address(const struct securetcp *s)
{
	return (s->st_remote);
}

uint16_t
securetcp_remote_port(const struct securetcp *s)
{
	return (s->st_remoteport);
}

const char *
securetcp_local_address(const struct securetcp *s)
{
	return (s->st_local);
}

uint16_t
securetcp_local_port(const struct securetcp *s)
{
	return (s->st_localport);
}

/*
 * Bytes that the program has read from a socket before it assigns it: the
 * TLS library gets them as if they had been read just now.  And who watches
 * what comes after them, until the handshake is over.
 */

int
securetcp_preload(struct securetcp *s, const void *buf, size_t len)
{
	uint8_t	*copy = NULL;

	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	if (buf == NULL && len != 0)
		return (ptInvalidParam2);
	if (len > SECURETCP_PRELOAD)
		return (ptInvalidParam3);
	if (len != 0 && (copy = stcp_memory_dup(buf, len)) == NULL)
		return (ptNoBufferSpace);
	stcp_preload_drop(s);
	s->st_ahead = copy;
	s->st_aheadlen = len;
	return (ptOk);
}

int
securetcp_watch(struct securetcp *s, int (*watch)(const void *, size_t,
    void *), void *arg)
{
	if (s->st_inside || s->st_blocking)
		return (ptBlocked);
	if (s->st_state != SECURETCP_CLOSED)
		return (ptConnected);
	s->st_watch = watch;
	s->st_watcharg = arg;
	return (ptOk);
}

/* As much as fits of what is left; 0 when nothing is. */
size_t
stcp_preload_take(struct securetcp *s, void *buf, size_t len)
{
	size_t	 left = s->st_aheadlen - s->st_aheadoff;

	if (left == 0)
		return (0);
	if (len > left)
		len = left;
	memcpy(buf, s->st_ahead + s->st_aheadoff, len);
	s->st_aheadoff += len;
	if (len == left)
		stcp_preload_drop(s);
	return (len);
}

/* The handshake would read, and need not wait for the socket. */
int
stcp_preload_due(const struct securetcp *s)
{
	return (s->st_phase == OBJECT_HANDSHAKE && s->st_readwant == POLLIN &&
	    s->st_aheadlen != 0);
}

void
stcp_preload_drop(struct securetcp *s)
{
	stcp_memory_wipe(s->st_ahead, s->st_aheadlen);
	s->st_ahead = NULL;
	s->st_aheadoff = s->st_aheadlen = 0;
}
