/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The memory of another process.  Each system has a file of its own for
 * this: mem_linux.c opens files of /proc; the BSDs list mappings with
 * sysctl(2), and mem_ptrace.c reads what is in them while the process is
 * stopped.
 */

#ifndef MEM_H
#define MEM_H

#include <sys/types.h>

#include <stddef.h>

struct mem_range {
	unsigned long	 mr_from;
	unsigned long	 mr_to;
	int		 mr_data;	/* it can be read and written */
};

struct mem {
	pid_t			 m_pid;
	int			 m_fd;
	size_t			 m_nranges;
	struct mem_range	*m_ranges;
};

/* -1: with ENOENT or ESRCH in errno it is gone, else it is refused. */
int	 mem_open(struct mem *, pid_t);
/* As pread(2) does. */
ssize_t	 mem_read(const struct mem *, void *, size_t, unsigned long);
void	 mem_close(struct mem *);

/* For these files: another range at the end; -1: no memory. */
int	 mem_add(struct mem *, unsigned long, unsigned long, int);

#endif /* MEM_H */
