/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Limits, as both systems have them: setrlimit(2) cuts what is more than the
 * system has, soft and hard, and says nothing.  CONFINE_NOFILE and
 * CONFINE_NPROC in the environment are what the system has.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "confine.h"
#include "kernel.h"
#include "include/sys/sysctl.h"

#define NOFILE	100000
#define NPROC	10000
#define BACKLOG	128

static rlim_t
limit_system(const char *name, rlim_t otherwise)
{
	const char	*value;

	if ((value = getenv(name)) == NULL)
		return (otherwise);
	return ((rlim_t)strtoul(value, NULL, 10));
}

/* A number of the system: this many or -1. */
static long
limit_sysctl(const struct process *p)
{
	if (p->pr_call.c_args[0] != CTL_KERN)
		return (-ENOENT);
	switch (p->pr_call.c_args[1]) {
	case KERN_MAXFILES:
		return ((long)limit_system("CONFINE_NOFILE", NOFILE));
	case KERN_SOMAXCONN:
		return (BACKLOG);
	}
	return (-ENOENT);
}

/*
 * poll(2) of the BSDs does not mind a limit below the descriptors it is
 * given, Linux's does: one below those that are open is kept here.
 */
static int
limit_set(struct process *p)
{
	struct rlimit	 rl;
	rlim_t		 most;
	int		 resource = (int)p->pr_call.c_args[1];

	if (resource == RLIMIT_NOFILE)
		most = limit_system("CONFINE_NOFILE", NOFILE);
	else if (resource == RLIMIT_NPROC)
		most = limit_system("CONFINE_NPROC", NPROC);
	else
		return (VERDICT_ALLOW);
	if (trace_read(p->pr_pid, p->pr_call.c_args[2], &rl, sizeof(rl)) ==
	    -1)
		return (VERDICT_ALLOW);
	p->pr_result = 0;
	if (resource == RLIMIT_NOFILE)
		p->pr_full = rl.rlim_cur <= STDERR_FILENO + 1;
	if (resource == RLIMIT_NOFILE && p->pr_full)
		return (VERDICT_ANSWER);
	if (rl.rlim_cur <= most && rl.rlim_max <= most)
		return (VERDICT_ALLOW);
	if (rl.rlim_cur > most)
		rl.rlim_cur = most;
	if (rl.rlim_max > most)
		rl.rlim_max = most;
	if (prlimit(p->pr_pid, (enum __rlimit_resource)resource, &rl, NULL) ==
	    -1)
		p->pr_result = -errno;
	return (VERDICT_ANSWER);
}

int
limit_entry(struct process *p)
{
	if (p->pr_call.c_nr == CONFINE_SYSCTL) {
		p->pr_result = limit_sysctl(p);
		return (VERDICT_ANSWER);
	}
	if (p->pr_call.c_nr != SYS_prlimit64 || p->pr_call.c_args[2] == 0)
		return (VERDICT_ALLOW);
	return (limit_set(p));
}
