/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The start that every program of libexec has in common: it is run by the
 * parent with its pipe as descriptor 3, is told who to be, and says so on
 * the pipe when it cannot go on.
 */

#ifndef HELPER_H
#define HELPER_H

struct imsg;
struct imsgbuf;
struct wire_start;

/* Exit codes of helpers and sessions. */
#define HELPER_OK		0
#define HELPER_USAGE		1	/* not started by securetcpd */
#define HELPER_FATAL		2	/* said why with FATAL */
#define HELPER_PIPE		3	/* the parent went away */

/*
 * Refuses to run without descriptor 3 (a message on stderr, exit 1); makes
 * 0, 1 and 2 /dev/null where closed; reads START, sets the process up as it
 * says (limits, chroot, user; not the sandbox) and fills in *start.
 */
void		 helper_start(struct imsgbuf *, struct wire_start *);
/* Waits for the next message, blocking; exits when the pipe has ended. */
void		 helper_next(struct imsgbuf *, struct imsg *);
/* Writes everything queued, polling; exits when the pipe has ended. */
void		 helper_flush(struct imsgbuf *);
/* sandbox_enter() as START allows, or helper_fatal(). */
void		 helper_sandbox(struct imsgbuf *, const struct wire_start *,
		    int);
__attribute__((__noreturn__, __format__(printf, 2, 3)))
void		 helper_fatal(struct imsgbuf *, const char *, ...);

#endif /* HELPER_H */
