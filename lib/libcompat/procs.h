/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The children of a process that forks many: fork, kill, reap, inside a
 * sandbox.  On FreeBSD a child is known by its process descriptor (the
 * handle), because capability mode refuses kill(2) even for one's own child;
 * elsewhere by its pid, and the handle is -1.
 *
 * The use:
 *
 *	fd = procs_init();			before the sandbox
 *	poll(fd for POLLIN, ...)
 *	pid = procs_fork(&handle, 0);		remember both
 *		child: procs_child(); ...	parent: table[pid] = ...
 *	when fd is readable:
 *		while ((n = procs_reap(&pid, &status)) == 1)
 *			look pid up, forget it and its handle
 *
 * A pid stays the child's until procs_reap() has returned it, so killing a
 * child that was not yet reaped never hits another process.
 *
 * System calls needed after the sandbox, besides fork and _exit: Linux and
 * OpenBSD: read, write, wait4, kill, rt_sigreturn (sigreturn), and in the
 * child rt_sigaction (sigaction) and close; FreeBSD: pdfork, pdkill, kevent,
 * close.
 */

#ifndef PROCS_H
#define PROCS_H

#include <sys/types.h>

/*
 * Once in a process, before its first fork: a descriptor that becomes
 * readable when there is something to reap; -1 with errno.
 */
int		 procs_init(void);

/*
 * As fork(2).  In the parent *handle is what procs_kill() wants; it is owned
 * here and closed by procs_reap().  A child outlives its parent, unless it
 * looks at its own pipe, or calls compat_follow() and was made with
 * PROCS_FOLLOW.
 */
#define PROCS_FOLLOW	1

/* Descriptors of the parent that each child costs. */
#ifdef __FreeBSD__
#define PROCS_DESCRIPTORS	1
#else
#define PROCS_DESCRIPTORS	0
#endif

pid_t		 procs_fork(int *, int);

/*
 * In the child, first: SIGCHLD back to its default, and everything closed
 * that belongs to the parent's book-keeping except the process descriptors
 * of its brothers, which closefrom(2) takes.
 */
void		 procs_child(void);

/* SIGKILL for a child that procs_reap() has not returned; 0 or -1. */
int		 procs_kill(pid_t, int);

/*
 * Reaps a dead child: 1 with its pid and its status as from waitpid(2), 0 if
 * there is none now, -1 with errno.  Never blocks.
 */
int		 procs_reap(pid_t *, int *);
/*
 * The same, for children that lead a process group: what is left of it is
 * killed.  Not in a sandbox.
 */
int		 procs_reap_group(pid_t *, int *);

#endif /* PROCS_H */
