/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <stdlib.h>

#include "mem.h"

int
mem_add(struct mem *m, unsigned long from, unsigned long to, int data)
{
	struct mem_range	*new;

	new = realloc(m->m_ranges, (m->m_nranges + 1) * sizeof(*new));
	if (new == NULL)
		return (-1);
	m->m_ranges = new;
	m->m_ranges[m->m_nranges].mr_from = from;
	m->m_ranges[m->m_nranges].mr_to = to;
	m->m_ranges[m->m_nranges++].mr_data = data;
	return (0);
}
