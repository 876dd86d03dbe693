/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* For the BSDs: ptrace(2) reads; mem_ranges() is the system's own. */

#include <sys/types.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "mem_ptrace.h"

int
mem_open(struct mem *m, pid_t pid)
{
	int	 error, status;

	memset(m, 0, sizeof(*m));
	m->m_pid = pid;
	if (ptrace(PT_ATTACH, pid, NULL, 0) == -1)
		return (-1);
	if (waitpid(pid, &status, 0) == -1)
		return (-1);
	if (!WIFSTOPPED(status)) {
		errno = ESRCH;
		return (-1);
	}
	if (mem_ranges(m) == -1) {
		error = errno;
		mem_close(m);
		errno = error;
		return (-1);
	}
	return (0);
}

ssize_t
mem_read(const struct mem *m, void *buf, size_t len, unsigned long from)
{
	struct ptrace_io_desc	 io;

	io.piod_op = PIOD_READ_D;
	io.piod_offs = (void *)(uintptr_t)from;
	io.piod_addr = buf;
	io.piod_len = len;
	if (ptrace(PT_IO, m->m_pid, (caddr_t)&io, 0) == -1)
		return (-1);
	return ((ssize_t)io.piod_len);
}

void
mem_close(struct mem *m)
{
	/* On from where it was stopped, without a signal. */
	(void)ptrace(PT_DETACH, m->m_pid, (caddr_t)1, 0);
	free(m->m_ranges);
	m->m_ranges = NULL;
	m->m_nranges = 0;
}
