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

#include <stddef.h>
#include <stdint.h>

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
 * 0, 1 and 2 /dev/null and closes everything from 4 up; reads START, sets
 * the process up as it says (title, limits, chroot, user; not the sandbox
 * and not the limit that forbids fork) and fills in *start.  The signals by
 * which people stop daemons are ignored: the parent decides.
 */
void		 helper_start(struct imsgbuf *, struct wire_start *);
/*
 * Waits for the next message, writing what is queued meanwhile; exits when
 * the pipe has ended.
 */
void		 helper_next(struct imsgbuf *, struct imsg *);
/* wire_parse(), or helper_fatal(): the parent speaks another protocol. */
void		 helper_parse(struct imsgbuf *, struct imsg *, void *, size_t);
/*
 * Hands the messages that come, which are of this type, to the function: for
 * good.  Another one is the parent's mistake: helper_fatal().
 */
__attribute__((__noreturn__))
void		 helper_serve(struct imsgbuf *, uint32_t,
		    void (*)(struct imsgbuf *, struct imsg *));
/* Queues a message, or helper_fatal(). */
void		 helper_send(struct imsgbuf *, uint32_t, const void *, size_t);
/* The same, and writes all that is queued before anything else is done. */
void		 helper_say(struct imsgbuf *, uint32_t, const void *, size_t);
/* Writes everything queued, polling; exits when the pipe has ended. */
void		 helper_flush(struct imsgbuf *);
/* compat_bound_memory(), before the sandbox, or helper_fatal(). */
void		 helper_bound(struct imsgbuf *, unsigned int);
/*
 * sandbox_enter() as START allows, or helper_fatal(); the last argument is
 * an enum sandbox_role.
 */
void		 helper_sandbox(struct imsgbuf *, const struct wire_start *,
		    int);
/* Says READY, with the name of the sandbox in force, at once. */
void		 helper_ready(struct imsgbuf *, const char *);
/* Says FATAL with this text, waits at most two seconds for it to go, exits. */
__attribute__((__noreturn__, __format__(printf, 2, 3)))
void		 helper_fatal(struct imsgbuf *, const char *, ...);

#endif /* HELPER_H */
