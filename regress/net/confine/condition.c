/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Conditions of calls that the tables of both systems have. */

#include <sys/types.h>

#include <fcntl.h>
#include <limits.h>

#include "kernel.h"

int
when_lock(const struct process *p)
{
	switch (p->pr_call.c_args[1]) {
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return (1);
	}
	return (0);
}

int
when_addressed(const struct process *p)
{
	return (p->pr_call.c_args[4] != 0);
}

/* fstat(2) is fstatat(2) with an empty path in Linux's C library. */
int
when_descriptor(const struct process *p)
{
	char	 path[PATH_MAX];

	return (trace_string(p->pr_pid, p->pr_call.c_args[1], path,
	    sizeof(path)) == 0 && path[0] == '\0');
}
