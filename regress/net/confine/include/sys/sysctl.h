/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONFINE_SYS_SYSCTL_H
#define CONFINE_SYS_SYSCTL_H

#include <stddef.h>

#define CTL_KERN		1
#define KERN_MAXFILES		7
#define KERN_PROC		14
#define KERN_SOMAXCONN		28
#define KERN_PROC_PID		1
#define KERN_PROC_NFDS		43

int	 sysctl(const int *, unsigned int, void *, size_t *, const void *,
	    size_t);
int	 sysctlbyname(const char *, void *, size_t *, const void *, size_t);

#endif /* CONFINE_SYS_SYSCTL_H */
