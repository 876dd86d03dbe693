/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A name that is looked up to what the test says. */

#ifndef LOOKUP_H
#define LOOKUP_H

#include <sys/types.h>

#include <stdint.h>

#define LOOKUP_NAME	"www.example.org"

/* What getaddrinfo(3) returns for it, and errno with that; 0: a list. */
extern int	 lookup_error;
extern int	 lookup_errno;

void		 lookup_clear(void);
/* One more at the end of the list; at most four. */
void		 lookup_add(const char *, uint16_t);

#endif /* LOOKUP_H */
