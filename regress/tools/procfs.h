/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Processes as Linux's /proc has them; proc_need() skips the test elsewhere. */

#ifndef PROCFS_H
#define PROCFS_H

#include <sys/types.h>

#include <atf-c.h>
#include <stddef.h>

void		 proc_need(void);
void		 proc_read(pid_t, const char *, char *, size_t);
ssize_t		 proc_try(pid_t, const char *, char *, size_t);
long		 proc_cpu(pid_t);
long		 proc_status(pid_t, const char *);
size_t		 proc_fds(pid_t, int *, char (*)[64], size_t);

#endif /* PROCFS_H */
