/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef NAIVE_H
#define NAIVE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define NAIVE_STAR	(-1)

/* The same numbers in every run. */
uint32_t	 naive_random(uint32_t);
void		 naive_text(char *, size_t, const char *);

/* By trying everything: a pattern is bytes and stars, which skip no dot. */
int		 naive_match(const int *, size_t, const char *, size_t, int);
size_t		 naive_pattern(const char *, int *);

#endif /* NAIVE_H */
