/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * How much memory a process may map.  What it has is not asked for in a way
 * of each system's own, and with a file system that a chroot hides, but tried
 * out: the least limit under which one more page can be had.
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "compat.h"

#define BOUND_UNIT	((uint64_t)1 << 20)
#define BOUND_MOST	((uint64_t)1 << 27)	/* units: 47 bits of address */

#ifndef SANDBOX_WIDEN
static int
bound_page(void)
{
	size_t	 size = (size_t)sysconf(_SC_PAGESIZE);
	void	*page;

	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0);
	if (page == MAP_FAILED)
		return (0);
	(void)munmap(page, size);
	return (1);
}

/* The units that the limit counts, rounded up; the limit is as before. */
static int
bound_now(int resource, const struct rlimit *before, uint64_t *now)
{
	struct rlimit	 rl = *before;
	uint64_t	 low = 0, high = BOUND_MOST, middle;

	if (rl.rlim_max != RLIM_INFINITY &&
	    (uint64_t)rl.rlim_max / BOUND_UNIT < high)
		high = (uint64_t)rl.rlim_max / BOUND_UNIT;
	while (low < high) {
		middle = low + (high - low) / 2;
		rl.rlim_cur = (rlim_t)(middle * BOUND_UNIT);
		if (setrlimit(resource, &rl) == -1)
			return (-1);
		if (bound_page())
			high = middle;
		else
			low = middle + 1;
	}
	*now = high;
	return (setrlimit(resource, before));
}

/* Whoever has set a lower one is obeyed; one that is cut is no bound. */
static int
bound_set(int resource, unsigned int more)
{
	struct rlimit	 before, rl;
	uint64_t	 most;

	if (getrlimit(resource, &before) == -1 ||
	    bound_now(resource, &before, &most) == -1)
		return (-1);
	most = (most + more) * BOUND_UNIT;
	if (before.rlim_max != RLIM_INFINITY &&
	    (uint64_t)before.rlim_max < most)
		most = (uint64_t)before.rlim_max;
	rl.rlim_cur = rl.rlim_max = (rlim_t)most;
	if (setrlimit(resource, &rl) == -1 ||
	    getrlimit(resource, &rl) == -1)
		return (-1);
	if (rl.rlim_cur != (rlim_t)most || rl.rlim_max != (rlim_t)most) {
		errno = ERANGE;
		return (-1);
	}
	return (0);
}
#endif /* !SANDBOX_WIDEN */

int
compat_bound_memory(unsigned int more)
{
#ifdef SANDBOX_WIDEN
	/* A sanitizer and valgrind have memory of their own. */
	(void)more;
	return (0);
#else
#ifdef RLIMIT_AS
	/* OpenBSD has none: its other one counts mmap(2). */
	if (bound_set(RLIMIT_AS, more) == -1)
		return (-1);
#endif
	return (bound_set(RLIMIT_DATA, more));
#endif
}
