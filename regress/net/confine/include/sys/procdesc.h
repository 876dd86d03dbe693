/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONFINE_SYS_PROCDESC_H
#define CONFINE_SYS_PROCDESC_H

#include <sys/types.h>

#define PD_DAEMON	1
#define PD_CLOEXEC	2

pid_t	 pdfork(int *, int);
int	 pdkill(int, int);

#endif /* CONFINE_SYS_PROCDESC_H */
