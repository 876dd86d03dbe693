/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

static int	 mem_maps(struct mem *, FILE *);

/* All but what the kernel shows in every process. */
static int
mem_maps(struct mem *m, FILE *maps)
{
	unsigned long	 from, to;
	char		 line[8192], perms[8];

	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) == 3 &&
		    strstr(line, "[v") == NULL && mem_add(m, from, to,
		    perms[0] == 'r' && perms[1] == 'w') == -1)
			return (-1);
	}
	return (0);
}

int
mem_open(struct mem *m, pid_t pid)
{
	char	 path[64];
	FILE	*maps;
	int	 error;

	memset(m, 0, sizeof(*m));
	m->m_pid = pid;
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	if ((m->m_fd = open(path, O_RDONLY)) == -1)
		return (-1);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if ((maps = fopen(path, "r")) == NULL || mem_maps(m, maps) == -1) {
		error = errno;
		if (maps != NULL)
			(void)fclose(maps);
		mem_close(m);
		errno = error;
		return (-1);
	}
	(void)fclose(maps);
	return (0);
}

ssize_t
mem_read(const struct mem *m, void *buf, size_t len, unsigned long from)
{
	return (pread(m->m_fd, buf, len, (off_t)from));
}

void
mem_close(struct mem *m)
{
	(void)close(m->m_fd);
	free(m->m_ranges);
	m->m_ranges = NULL;
	m->m_nranges = 0;
}
