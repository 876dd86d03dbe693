/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/sysctl.h>
#include <sys/user.h>

#include <stdlib.h>

#include "mem.h"
#include "mem_ptrace.h"

#define READ_WRITE	(KVME_PROT_READ | KVME_PROT_WRITE)

int
mem_ranges(struct mem *m)
{
	const struct kinfo_vmentry	*kve;
	char				*list;
	size_t				 at, len;
	int				 error = 0;
	int				 mib[4] = { CTL_KERN, KERN_PROC,
					    KERN_PROC_VMMAP, 0 };

	mib[3] = (int)m->m_pid;
	if (sysctl(mib, 4, NULL, &len, NULL, 0) == -1)
		return (-1);
	len += len / 3;
	if ((list = malloc(len)) == NULL)
		return (-1);
	if (sysctl(mib, 4, list, &len, NULL, 0) == -1) {
		free(list);
		return (-1);
	}
	for (at = 0; at < len && error == 0;
	    at += (size_t)kve->kve_structsize) {
		kve = (const struct kinfo_vmentry *)(const void *)(list + at);
		if (kve->kve_structsize <= 0)
			break;
		/* A guard has no pages, a device not those of the process. */
		if (kve->kve_type != KVME_TYPE_GUARD &&
		    kve->kve_type != KVME_TYPE_DEVICE)
			error = mem_add(m, (unsigned long)kve->kve_start,
			    (unsigned long)kve->kve_end,
			    (kve->kve_protection & READ_WRITE) == READ_WRITE);
	}
	free(list);
	return (error);
}
