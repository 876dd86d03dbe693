/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Networks by number: an address and how many bits of it count. */

#include <sys/types.h>
#include <sys/socket.h>

#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "network.h"

#define NETWORK_LINK	10		/* bits of fe80:: */

static unsigned int
network_bits(const struct network *nw)
{
	return (nw->nw_family == AF_INET ? 32 : 128);
}

/* Clears the bits after the prefix; true if there were any. */
static int
network_mask(struct network *nw)
{
	uint8_t		 bit;
	unsigned int	 i;
	int		 found = 0;

	for (i = nw->nw_prefix; i < network_bits(nw); i++) {
		bit = 0x80 >> (i % 8);
		if ((nw->nw_addr[i / 8] & bit) == 0)
			continue;
		nw->nw_addr[i / 8] &= (uint8_t)~bit;
		found = 1;
	}
	return (found);
}

/* The text of a network, for messages. */
static const char *
network_text(const struct network *nw)
{
	static char	 text[INET6_ADDRSTRLEN + IF_NAMESIZE + sizeof("%/128")];
	char		 addr[INET6_ADDRSTRLEN], zone[IF_NAMESIZE];

	if (inet_ntop(nw->nw_family, nw->nw_addr, addr, sizeof(addr)) == NULL)
		return ("?");
	if (if_indextoname(nw->nw_scope, zone) == NULL)
		zone[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s%s%s/%u", addr, zone[0] == '\0' ?
	    "" : "%", zone, nw->nw_prefix);
	return (text);
}

/* The interface behind a link-local address, by its name or number. */
static const char *
network_zone(const char *zone, struct network *nw)
{
	const char	*invalid;
	char		 name[IF_NAMESIZE];

	if (nw->nw_family != AF_INET6 || nw->nw_addr[0] != 0xfe ||
	    (nw->nw_addr[1] & 0xc0) != 0x80)
		return ("only a link-local address has an interface");
	if ((nw->nw_scope = if_nametoindex(zone)) != 0)
		return (NULL);
	nw->nw_scope = (uint32_t)strtonum(zone, 1, UINT_MAX, &invalid);
	if (invalid != NULL || if_indextoname(nw->nw_scope, name) == NULL)
		return ("there is no such interface");
	return (NULL);
}

static const char *
network_unmapped(const struct network *nw)
{
	static char	 why[128];
	struct network	 v4;

	memset(&v4, 0, sizeof(v4));
	v4.nw_family = AF_INET;
	memcpy(v4.nw_addr, nw->nw_addr + MATCH_MAPPED / 8, 4);
	v4.nw_prefix = nw->nw_prefix - MATCH_MAPPED;
	(void)snprintf(why, sizeof(why), "it is a network of IPv4, to be "
	    "written as %s", network_text(&v4));
	return (why);
}

const char *
network_parse(const char *text, struct network *nw)
{
	static char	 why[128];
	const char	*slash = strchr(text, '/'), *why_zone;
	char		 addr[INET6_ADDRSTRLEN + IF_NAMESIZE], *zone;
	size_t		 len;
	int		 family;

	memset(nw, 0, sizeof(*nw));
	len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	if (len >= sizeof(addr))
		return ("it is no numeric address");
	memcpy(addr, text, len);
	addr[len] = '\0';
	if ((zone = strchr(addr, '%')) != NULL)
		*zone++ = '\0';
	family = match_address(addr, nw->nw_addr, &nw->nw_prefix);
	if (family == -1)
		return ("it is no numeric address");
	nw->nw_family = (sa_family_t)family;
	if (zone != NULL && (why_zone = network_zone(zone, nw)) != NULL)
		return (why_zone);
	if (slash != NULL && match_bits(slash + 1, &nw->nw_prefix) == -1) {
		(void)snprintf(why, sizeof(why), "the prefix length is a "
		    "number from 0 to %u", network_bits(nw));
		return (why);
	}
	if (zone != NULL && nw->nw_prefix < NETWORK_LINK)
		return ("a network of one interface is within fe80::/10");
	if (network_mask(nw)) {
		(void)snprintf(why, sizeof(why), "bits of the host are set: "
		    "the network is %s", network_text(nw));
		return (why);
	}
	/* Addresses are compared as IPv4 if they can be: so is this one. */
	if (nw->nw_family == AF_INET6 && nw->nw_prefix >= MATCH_MAPPED &&
	    match_mapped(nw->nw_addr))
		return (network_unmapped(nw));
	return (NULL);
}

int
network_contains(const struct network *nw, const struct sockaddr *sa)
{
	const struct sockaddr_in6	*sin6;
	const uint8_t			*addr;
	sa_family_t			 family = sa->sa_family;

	if (family == AF_INET)
		addr = (const uint8_t *)
		    &((const struct sockaddr_in *)sa)->sin_addr;
	else if (family == AF_INET6) {
		sin6 = (const struct sockaddr_in6 *)sa;
		if (nw->nw_scope != 0 && nw->nw_scope != sin6->sin6_scope_id)
			return (0);
		addr = sin6->sin6_addr.s6_addr;
	} else
		return (0);
	if (family == AF_INET6 && match_mapped(addr)) {
		addr += MATCH_MAPPED / 8;
		family = AF_INET;
	}
	return (family == nw->nw_family &&
	    match_prefix(addr, nw->nw_addr, nw->nw_prefix));
}

int
networks_contain(const struct networks *list, const struct sockaddr *sa)
{
	const struct network	*nw;

	if (list == NULL)
		return (0);
	TAILQ_FOREACH(nw, list, nw_entry)
		if (network_contains(nw, sa))
			return (1);
	return (0);
}

int
network_source(const struct sockaddr *sa, struct network *nw)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(nw, 0, sizeof(*nw));
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		nw->nw_family = AF_INET;
		nw->nw_prefix = 32;
		memcpy(nw->nw_addr, &sin.sin_addr, 4);
		return (0);
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		if (match_mapped(sin6.sin6_addr.s6_addr)) {
			nw->nw_family = AF_INET;
			nw->nw_prefix = 32;
			memcpy(nw->nw_addr, sin6.sin6_addr.s6_addr + 12, 4);
			return (0);
		}
		nw->nw_family = AF_INET6;
		if (IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr)) {
			nw->nw_prefix = 128;
			nw->nw_scope = sin6.sin6_scope_id;
			memcpy(nw->nw_addr, sin6.sin6_addr.s6_addr, 16);
			return (0);
		}
		nw->nw_prefix = 64;
		memcpy(nw->nw_addr, sin6.sin6_addr.s6_addr, 8);
		return (0);
	default:
		return (-1);
	}
}

int
network_sockaddr(struct sockaddr_storage *ss, uint8_t family,
    const uint8_t *addr, in_port_t port)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(ss, 0, sizeof(*ss));
	switch (family) {
	case 4:
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		sin.sin_port = htons(port);
		memcpy(&sin.sin_addr, addr, sizeof(sin.sin_addr));
		memcpy(ss, &sin, sizeof(sin));
		break;
	case 6:
		memset(&sin6, 0, sizeof(sin6));
		sin6.sin6_family = AF_INET6;
		sin6.sin6_port = htons(port);
		memcpy(&sin6.sin6_addr, addr, sizeof(sin6.sin6_addr));
		memcpy(ss, &sin6, sizeof(sin6));
		break;
	default:
		return (-1);
	}
	return (0);
}

int
network_loopback(const struct sockaddr *sa)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		return (ntohl(sin.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET);
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		return (IN6_IS_ADDR_LOOPBACK(&sin6.sin6_addr));
	default:
		return (0);
	}
}
