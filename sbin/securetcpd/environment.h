/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>

#include "wire.h"

/*
 * Fills in the environment of the RUN: 0, or -1 when there is no room for
 * it, which what an honest session can say always has.  The addresses are
 * the local one and the peer's, and are left out where their family is not
 * IP's; so is every variable that has no value.
 */
int		 environment_make(struct wire_run *, uint64_t,
		    const struct sockaddr_storage *,
		    const struct sockaddr_storage *,
		    const struct wire_established *);

#endif /* ENVIRONMENT_H */
