/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The resolver asks the C library for the addresses of host names, one after
 * the other, so that the parent, which must not wait, need not.
 */

#ifndef RESOLVER_H
#define RESOLVER_H

#define RESOLVER_MEMORY	64	/* MB beyond what it has at the start */

struct wire_resolve;
struct wire_resolved;

/*
 * How long the C library asks each name server: not so long that the parent
 * takes a resolver that waits for one to be stuck.
 */
#define RESOLVER_OPTIONS	"timeout:2 attempts:2"

/* resolve.c: fills in the answer to a request, whatever it is. */
void		 resolve(const struct wire_resolve *, struct wire_resolved *);

#endif /* RESOLVER_H */
