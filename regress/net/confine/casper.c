/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * libcasper(3) and cap_dns(3): a child, made before capability mode and not
 * in it, looks names up.  Its end of the channel ends it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WITH_CASPER
#include <libcasper.h>

#include <casper/cap_dns.h>

#include "calls.h"

#define CASPER_ADDRESSES	16

struct cap_channel {
	int		 cc_fd;
};

struct question {
	char		 q_host[256];
	struct addrinfo	 q_hints;
};

struct address {
	int			 a_family, a_socktype, a_protocol;
	socklen_t		 a_len;
	struct sockaddr_storage	 a_sockaddr;
};

struct answer {
	int		 an_error;
	int		 an_count;
	struct address	 an_addresses[CASPER_ADDRESSES];
};

static void
casper_look(struct question *q, struct answer *an)
{
	struct addrinfo	*ai, *list;
	struct address	*a;

	memset(an, 0, sizeof(*an));
	q->q_hints.ai_next = NULL;
	q->q_hints.ai_addr = NULL;
	q->q_hints.ai_canonname = NULL;
	an->an_error = getaddrinfo(q->q_host, NULL, &q->q_hints, &list);
	if (an->an_error != 0)
		return;
	for (ai = list; ai != NULL && an->an_count < CASPER_ADDRESSES;
	    ai = ai->ai_next) {
		a = &an->an_addresses[an->an_count++];
		a->a_family = ai->ai_family;
		a->a_socktype = ai->ai_socktype;
		a->a_protocol = ai->ai_protocol;
		a->a_len = ai->ai_addrlen;
		memcpy(&a->a_sockaddr, ai->ai_addr, ai->ai_addrlen);
	}
	freeaddrinfo(list);
}

__attribute__((__noreturn__))
static void
casper_serve(int fd)
{
	static struct question	 q;
	static struct answer	 an;

	while (recv(fd, &q, sizeof(q), MSG_WAITALL) == sizeof(q)) {
		q.q_host[sizeof(q.q_host) - 1] = '\0';
		casper_look(&q, &an);
		if (send(fd, &an, sizeof(an), MSG_NOSIGNAL) != sizeof(an))
			break;
	}
	_exit(0);
}

cap_channel_t *
cap_init(void)
{
	cap_channel_t	*channel;
	int		 sv[2];

	if ((channel = calloc(1, sizeof(*channel))) == NULL)
		return (NULL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1) {
		free(channel);
		return (NULL);
	}
	switch (fork()) {
	case -1:
		(void)close(sv[0]);
		(void)close(sv[1]);
		free(channel);
		return (NULL);
	case 0:
		/* Not the resolver's pipe, whose end somebody waits for. */
		(void)dup2(sv[1], 3);
		closefrom(4);
		casper_serve(3);
	}
	(void)close(sv[1]);
	channel->cc_fd = sv[0];
	return (channel);
}

cap_channel_t *
cap_service_open(const cap_channel_t *casper, const char *name)
{
	cap_channel_t	*channel;

	if (strcmp(name, "system.dns") != 0) {
		errno = ENOENT;
		return (NULL);
	}
	if ((channel = calloc(1, sizeof(*channel))) == NULL)
		return (NULL);
	if ((channel->cc_fd = dup(casper->cc_fd)) == -1) {
		free(channel);
		return (NULL);
	}
	return (channel);
}

void
cap_close(cap_channel_t *channel)
{
	(void)close(channel->cc_fd);
	free(channel);
}

int
cap_dns_type_limit(cap_channel_t *channel, const char *const *types,
    size_t n)
{
	(void)channel;
	(void)types;
	(void)n;
	return (0);
}

/* In one piece with its address, as the C library's freeaddrinfo() has it. */
static struct addrinfo *
casper_addrinfo(const struct address *a)
{
	struct addrinfo	*ai;

	if ((ai = calloc(1, sizeof(*ai) + sizeof(a->a_sockaddr))) == NULL)
		return (NULL);
	ai->ai_family = a->a_family;
	ai->ai_socktype = a->a_socktype;
	ai->ai_protocol = a->a_protocol;
	ai->ai_addrlen = a->a_len;
	ai->ai_addr = (struct sockaddr *)(void *)(ai + 1);
	memcpy(ai->ai_addr, &a->a_sockaddr, a->a_len);
	return (ai);
}

int
cap_getaddrinfo(cap_channel_t *channel, const char *host,
    const char *service, const struct addrinfo *hints,
    struct addrinfo **result)
{
	static struct question	 q;
	static struct answer	 an;
	struct addrinfo		**tail = result;
	int			 i;

	(void)service;
	memset(&q, 0, sizeof(q));
	if (strlen(host) >= sizeof(q.q_host))
		return (EAI_NONAME);
	memcpy(q.q_host, host, strlen(host));
	q.q_hints = *hints;
	if (send(channel->cc_fd, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q) ||
	    recv(channel->cc_fd, &an, sizeof(an), MSG_WAITALL) != sizeof(an))
		return (EAI_FAIL);
	*result = NULL;
	for (i = 0; an.an_error == 0 && i < an.an_count; i++) {
		if ((*tail = casper_addrinfo(&an.an_addresses[i])) == NULL)
			return (EAI_MEMORY);
		tail = &(*tail)->ai_next;
	}
	return (an.an_error);
}
