/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The parent's side of a helper, with a deadline on every wait. */

#ifndef SHIPPED_PARENT_H
#define SHIPPED_PARENT_H

#include <sys/types.h>
#include <sys/queue.h>

#include <atf-c.h>
#include <imsg.h>
#include <stddef.h>
#include <stdint.h>

#define PARENT_UID	32001	/* what a helper is told to become */
#define PARENT_GID	32002

struct wire_start;

struct parent {
	struct imsgbuf	 p_pipe;
	int		 p_fd;
	pid_t		 p_pid;
};

/* The name of the program: the test has it. */
extern const char	 parent_helper[];

/*
 * Runs the shipped binary in a directory of its own, with its pipe as
 * descriptor 3; says nothing yet.
 */
void		 parent_spawn(struct parent *, const atf_tc_t *);
/* And says START, to root with another user. */
void		 parent_start(struct parent *, const atf_tc_t *,
		    struct wire_start *);
void		 parent_send(struct parent *, uint32_t, int, const void *,
		    size_t);
/* Bytes that need not be a message of that type. */
void		 parent_send_raw(struct parent *, uint32_t, const uint8_t *,
		    size_t);
/* Demands a message of this type next. */
void		 parent_expect(struct parent *, uint32_t, void *, size_t);
/* Demands FATAL with this in its text, and exit code 2 after it. */
void		 parent_fatal(struct parent *, const char *);
/* The same where its sandbox may not let in the descriptor of a message. */
void		 parent_barred(struct parent *, const char *);
/* Ends the pipe and demands exit code 3. */
void		 parent_end(struct parent *);
/* Waits for its end; the wait status. */
int		 parent_wait(struct parent *);
/*
 * That the system has it as root's START told it to be: with this title, this
 * limit on files, the descriptors 0 to 3 and so many sockets, nothing else.
 */
void		 parent_check(const struct parent *, const char *,
		    unsigned long long, int);

#endif /* SHIPPED_PARENT_H */
