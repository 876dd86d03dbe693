/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/sysctl.h>

#include <errno.h>
#include <string.h>

#include "mem.h"
#include "mem_ptrace.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))
#define READ_WRITE	(KVE_PROT_READ | KVE_PROT_WRITE)

/* A part of the list at a time: the first entry says where it goes on. */
int
mem_ranges(struct mem *m)
{
	static struct kinfo_vmentry	 kve[256];
	unsigned long			 next = 0;
	size_t				 i, len, n;
	int				 mib[3] = { CTL_KERN, KERN_PROC_VMMAP,
					    0 };

	mib[2] = (int)m->m_pid;
	for (;;) {
		memset(kve, 0, sizeof(kve));
		kve[0].kve_start = next;
		len = sizeof(kve);
		if (sysctl(mib, NITEMS(mib), kve, &len, NULL, 0) == -1 &&
		    errno != ENOMEM)
			return (-1);
		n = len / sizeof(kve[0]);
		for (i = 0; i < n; i++) {
			if (kve[i].kve_end <= kve[i].kve_start ||
			    kve[i].kve_etype & KVE_ET_HOLE)
				continue;
			if (mem_add(m, kve[i].kve_start, kve[i].kve_end,
			    (kve[i].kve_protection & READ_WRITE) ==
			    READ_WRITE) == -1)
				return (-1);
		}
		if (n == 0 || kve[n - 1].kve_end <= next)
			return (0);
		next = kve[n - 1].kve_end;
	}
}
