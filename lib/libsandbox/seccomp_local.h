/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Functions that add to a filter: they return 0, or the negative errno that
 * libseccomp gave.
 */

#ifndef SECCOMP_LOCAL_H
#define SECCOMP_LOCAL_H

#include <seccomp.h>
#include <stddef.h>

/* ALLOW(ctx, ioctl, 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD)) */
#define ALLOW(ctx, name, ...)						\
	do {								\
		int	 allow_error = seccomp_rule_add((ctx),		\
			    SCMP_ACT_ALLOW, SCMP_SYS(name), __VA_ARGS__); \
									\
		if (allow_error < 0)					\
			return (allow_error);				\
	} while (0)

/* sandbox_seccomp.c: these calls, whatever their arguments */
int		 sandbox_add(scmp_filter_ctx, const int *, size_t);

/* sandbox_seccomp_resolver.c: what a resolver does beyond every helper */
int		 seccomp_resolver(scmp_filter_ctx);

#endif /* SECCOMP_LOCAL_H */
