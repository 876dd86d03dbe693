/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A name server on a loopback address, and a process whose only one it is:
 * what it answers follows from the first label of the name.
 */

#ifndef DNS_H
#define DNS_H

#include <sys/types.h>

#define DNS_ADDRESS	"127.77.0.53"

/* -1: the address or the port is not to be had.  Else it serves, as *pid. */
int		 dns_serve(pid_t *);
/*
 * From here on this process and its children have these files of /etc, and
 * nobody else; -1: that takes privileges.
 */
int		 dns_world(const char *, const char *, const char *);

#endif /* DNS_H */
