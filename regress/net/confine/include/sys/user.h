/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONFINE_SYS_USER_H
#define CONFINE_SYS_USER_H

#include_next <sys/user.h>
#include <sys/types.h>

struct kinfo_proc {
	uid_t		 ki_ruid;
};

#endif /* CONFINE_SYS_USER_H */
