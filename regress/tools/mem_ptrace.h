/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef MEM_PTRACE_H
#define MEM_PTRACE_H

struct mem;

/* mem_freebsd.c, mem_openbsd.c: what is mapped; -1 with errno. */
int	 mem_ranges(struct mem *);

#endif /* MEM_PTRACE_H */
