/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct imsg;
struct imsgbuf;

/* What may be run, and as whom. */
struct runnable {
	char		*rn_path;
	char		**rn_argv;
	uid_t		 rn_uid;
	gid_t		 rn_gid;
	gid_t		 rn_groups[WIRE_GROUPS];
	int		 rn_ngroups;
};

/* programs.c */
void		 programs_read(struct imsgbuf *);
const struct runnable
		*program_find(uint32_t);
/*
 * Strings that each end with their NUL, as a vector that ends with NULL; it
 * points into the data.  NULL with errno, EINVAL for data that does not end
 * with NUL.
 */
char		**strings_split(uint8_t *, size_t);

#endif /* LAUNCHER_H */
