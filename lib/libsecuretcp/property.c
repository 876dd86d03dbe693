/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Properties of the object and of its socket. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "securetcp.h"

#define PROPERTY_NAME	255	/* characters of a host's name */

static int	 property_option(struct securetcp *, int, int, int *, int);
static void	 property_address(const struct sockaddr *, char *, uint16_t *);

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
void
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
	if ((from = malloc(ai->ai_addrlen)) != NULL) {
		memcpy(from, ai->ai_addr, ai->ai_addrlen);
		free(s->st_from);
		s->st_from = from;
		s->st_fromlen = ai->ai_addrlen;
	}
	freeaddrinfo(ai);
	return (from == NULL ? ptNoBufferSpace : ptOk);
}

/* Both ends of the socket, while there are two. */
void
property_addresses(struct securetcp *s)
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
