/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The parent's side of a resolver, with a deadline on every wait. */

#ifndef PARENT_H
#define PARENT_H

#include <sys/types.h>
#include <sys/queue.h>

#include <atf-c.h>
#include <imsg.h>
#include <stddef.h>
#include <stdint.h>

#define PARENT_UID	32001	/* what a resolver is told to become */
#define PARENT_GID	32002

struct wire_ready;

struct parent {
	struct imsgbuf	 p_pipe;
	int		 p_fd;
	pid_t		 p_pid;
};

const char	*parent_binary(const atf_tc_t *);
/* Runs the shipped binary with its pipe as descriptor 3; says nothing yet. */
void		 parent_spawn(struct parent *, const atf_tc_t *);
/* As the daemon's parent does: with another user for root; waits for READY. */
void		 parent_start(struct parent *, const atf_tc_t *,
		    struct wire_ready *);
void		 parent_send(struct parent *, uint32_t, int, const void *,
		    size_t);
/* Demands a message of this type next. */
void		 parent_expect(struct parent *, uint32_t, void *, size_t);
/* Demands FATAL with this in its text, and exit code 2. */
void		 parent_fatal(struct parent *, const char *);
/* Demands that it ends of itself, and returns its status. */
int		 parent_wait(struct parent *);
/* The pipe's end, and exit code 3. */
void		 parent_end(struct parent *);

#endif /* PARENT_H */
