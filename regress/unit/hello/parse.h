/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef PARSE_H
#define PARSE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "build.h"
#include "session.h"

/*
 * hello_parse() on a copy of just that size, and what holds of any answer
 * required of this one.
 */
enum hello_result parse(const uint8_t *, size_t, struct hello *);

/* These fail the test unless the answer is that; a name of NULL is none. */
void		 parse_is_more(const uint8_t *, size_t, const char *);
void		 parse_is_done(const struct bytes *, const char *,
		    const char *);
void		 parse_is_bad(const struct bytes *, const char *,
		    const char *);
/* A name that is taken, and is none. */
void		 parse_is_odd(const struct bytes *, const char *,
		    const char *);
/* The same for each of its beginnings: more, up to the last byte. */
void		 parse_drip(const struct bytes *, const char *, const char *);

#endif /* PARSE_H */
