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
struct program {
	char		*pr_path;
	char		**pr_argv;
	uid_t		 pr_uid;
	gid_t		 pr_gid;
	gid_t		 pr_groups[WIRE_GROUPS];
	int		 pr_ngroups;
};

/* launcher.c */
__attribute__((__noreturn__))
void		 launcher_run(struct imsgbuf *, int);

/* limits.c: low for the launcher, as they were for what it runs */
int		 limits_init(unsigned int);
int		 limits_restore(void);

/* program.c */
void		 programs_read(struct imsgbuf *);
const struct program
		*program_find(uint32_t);

/*
 * run.c: forks and executes; what it returns is what procs_fork() does, and
 * of both descriptors the caller keeps its copies.
 */
int		 run_init(void);
pid_t		 run_program(const struct program *, char **, int, int,
		    int *);

/*
 * strings.c: strings that each end with their NUL, as a vector that ends
 * with NULL; it points into the data.  NULL with errno, EINVAL for data that
 * does not end with NUL.
 */
char		**strings_split(uint8_t *, size_t);

#endif /* LAUNCHER_H */
