/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* getaddrinfo(3) in the place of the C library's, for one name. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>

#include <atf-c.h>

#include "lookup.h"

#define LOOKUP_MAX	4

/* The linker's names for them. */
int		 __wrap_getaddrinfo(const char *, const char *,
		    const struct addrinfo *, struct addrinfo **);
void		 __wrap_freeaddrinfo(struct addrinfo *);
int		 __real_getaddrinfo(const char *, const char *,
		    const struct addrinfo *, struct addrinfo **);
void		 __real_freeaddrinfo(struct addrinfo *);

int				 lookup_error;
int				 lookup_errno;

static struct addrinfo		 list[LOOKUP_MAX];
static struct sockaddr_in	 list4[LOOKUP_MAX];
static struct sockaddr_in6	 list6[LOOKUP_MAX];
static size_t			 nlist;

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
	size_t	 i;

	if (host == NULL || strcmp(host, LOOKUP_NAME) != 0 ||
	    (hints->ai_flags & AI_NUMERICHOST) != 0)
		return (__real_getaddrinfo(host, service, hints, res));
	if (lookup_error != 0) {
		errno = lookup_errno;
		return (lookup_error);
	}
	for (i = 0; i + 1 < nlist; i++)
		list[i].ai_next = &list[i + 1];
	*res = nlist == 0 ? NULL : list;
	return (0);
}

void
__wrap_freeaddrinfo(struct addrinfo *ai)
{
	if (ai == NULL || (ai >= list && ai < list + LOOKUP_MAX))
		return;
	__real_freeaddrinfo(ai);
}

void
lookup_clear(void)
{
	nlist = 0;
	lookup_error = lookup_errno = 0;
}

void
lookup_add(const char *address, uint16_t port)
{
	struct addrinfo	*ai = &list[nlist];

	ATF_REQUIRE(nlist < LOOKUP_MAX);
	memset(ai, 0, sizeof(*ai));
	ai->ai_socktype = SOCK_STREAM;
	if (inet_pton(AF_INET, address, &list4[nlist].sin_addr) == 1) {
		list4[nlist].sin_family = ai->ai_family = AF_INET;
		list4[nlist].sin_port = htons(port);
		ai->ai_addr = (struct sockaddr *)&list4[nlist];
		ai->ai_addrlen = sizeof(list4[0]);
	} else {
		ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, address,
		    &list6[nlist].sin6_addr));
		list6[nlist].sin6_family = ai->ai_family = AF_INET6;
		list6[nlist].sin6_port = htons(port);
		ai->ai_addr = (struct sockaddr *)&list6[nlist];
		ai->ai_addrlen = sizeof(list6[0]);
	}
	nlist++;
}
