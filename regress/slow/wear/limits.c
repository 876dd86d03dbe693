/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Preloaded on Linux under valgrind, which refuses a lower hard limit of
 * descriptors, for it has its own above it: the soft limit alone is set.
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <dlfcn.h>

int
setrlimit(__rlimit_resource_t resource, const struct rlimit *rl)
{
	int		(*next)(__rlimit_resource_t, const struct rlimit *);
	struct rlimit	 now;

	*(void **)&next = dlsym(RTLD_NEXT, "setrlimit");
	if (resource != RLIMIT_NOFILE || getrlimit(resource, &now) == -1)
		return (next(resource, rl));
	now.rlim_cur = rl->rlim_cur;
	return (next(resource, &now));
}
