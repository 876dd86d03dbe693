/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Chance that comes again with the same seed, whatever the order in which
 * connections get their turn: each has a generator of its own.
 */

#include <sys/types.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

static uint64_t
rng_step(struct rng *r)
{
	uint64_t	 z;

	z = (r->r_state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

void
rng_seed(struct rng *r, uint64_t seed, uint64_t index)
{
	r->r_state = seed;
	r->r_state = rng_step(r) + index * UINT64_C(0xd1342543de82ef95);
	(void)rng_step(r);
}

uint32_t
rng_next(struct rng *r)
{
	return ((uint32_t)(rng_step(r) >> 32));
}

uint32_t
rng_below(struct rng *r, uint32_t n)
{
	return ((uint32_t)(((uint64_t)rng_next(r) * n) >> 32));
}

/* Both ends included. */
uint32_t
rng_between(struct rng *r, uint32_t low, uint32_t high)
{
	return (low + rng_below(r, high - low + 1));
}

void
rng_fill(struct rng *r, uint8_t *buf, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		buf[i] = (uint8_t)rng_next(r);
}

void
bytes_add(struct bytes *b, const void *data, size_t len)
{
	if (b->b_off != 0 && b->b_off == b->b_len)
		b->b_off = b->b_len = 0;
	if (b->b_len + len > b->b_size) {
		b->b_size = (b->b_len + len) * 2;
		if ((b->b_data = realloc(b->b_data, b->b_size)) == NULL)
			err(1, "realloc");
	}
	if (len != 0)
		memcpy(b->b_data + b->b_len, data, len);
	b->b_len += len;
}

void
bytes_eat(struct bytes *b, size_t len)
{
	b->b_off += len;
}

void
bytes_free(struct bytes *b)
{
	free(b->b_data);
	memset(b, 0, sizeof(*b));
}
