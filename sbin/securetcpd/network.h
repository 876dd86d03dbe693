/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef NETWORK_H
#define NETWORK_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <stdint.h>

struct network {
	TAILQ_ENTRY(network)	 nw_entry;
	sa_family_t		 nw_family;	/* AF_INET or AF_INET6 */
	uint8_t			 nw_addr[16];
	unsigned int		 nw_prefix;	/* bits */
	uint32_t		 nw_scope;	/* of a link: its interface, or 0 */
};
TAILQ_HEAD(networks, network);

/*
 * "192.0.2.0/24", "2001:db8::/32" or "fe80::%em0/64", or one address: NULL, or
 * what is wrong with it (until the next call).  Link-local ones without an
 * interface are those of any.
 */
const char	*network_parse(const char *, struct network *);
/* An IPv4 address is one in an IPv6 address that was mapped, too. */
int		 network_contains(const struct network *,
		    const struct sockaddr *);
/*
 * The source that an address stands for: itself, or the /64 of an IPv6 one,
 * since who has one of these has them all; those of a link are of neighbours,
 * and each counts alone.  -1: it is no such address.
 */
int		 network_source(const struct sockaddr *, struct network *);
/* Makes an address of family 4 or 6, as the wire has it; -1: another. */
int		 network_sockaddr(struct sockaddr_storage *, uint8_t,
		    const uint8_t *, in_port_t);
/* An address of this machine: its user is here. */
int		 network_loopback(const struct sockaddr *);
/* Whether a network of the list contains it; NULL is an empty list. */
int		 networks_contain(const struct networks *,
		    const struct sockaddr *);

#endif /* NETWORK_H */
