/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <stddef.h>

#include "compat.h"
#include "launcher.h"

/*
 * The soft limits only: an ordinary user could not give back to a program
 * what was taken from a hard one.
 */
struct limit {
	int		 l_resource;
	rlim_t		 l_own;
	struct rlimit	 l_saved;
};

static struct limit	 limits[] = {
	{ RLIMIT_NOFILE,	0,	{ 0, 0 } },
	{ RLIMIT_CORE,		0,	{ 0, 0 } },
	{ RLIMIT_FSIZE,		0,	{ 0, 0 } },
};

#define NLIMITS	(sizeof(limits) / sizeof(limits[0]))

/* Notes what was, for programs, and sets what is the launcher's own. */
int
limits_init(unsigned int nofile)
{
	struct rlimit	 rl;
	size_t		 i;

	limits[0].l_own = nofile;
	for (i = 0; i < NLIMITS; i++) {
		if (getrlimit(limits[i].l_resource, &rl) == -1)
			return (-1);
		limits[i].l_saved = rl;
		rl.rlim_cur = limits[i].l_own;
		/* As root it may have more, where it needs a lot. */
		if (rl.rlim_max != RLIM_INFINITY && rl.rlim_cur > rl.rlim_max)
			rl.rlim_max = rl.rlim_cur;
		if (setrlimit(limits[i].l_resource, &rl) == -1)
			return (-1);
	}
	return (0);
}

int
limits_restore(void)
{
	size_t	 i;

	for (i = 0; i < NLIMITS; i++) {
		if (compat_restore_limit(limits[i].l_resource,
		    &limits[i].l_saved) == -1)
			return (-1);
	}
	return (0);
}
