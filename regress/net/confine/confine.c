/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * usage: confine pledge|capsicum [pid log]
 *
 * Prints the table of a system, a line for each rule (probe.c reads it).  Or
 * traces a process that asks for it (attach.c), and all its descendants, and
 * answers their system calls as the kernel of OpenBSD or FreeBSD would, by
 * the tables of pledge.c and capsicum.c.  Descriptor 3 is written to when
 * it has begun.
 */

#include <sys/types.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "kernel.h"

#define OPTIONS	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |	\
	PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |	\
	PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)
#define SIGSYSCALL	(SIGTRAP | 0x80)

/* One of the two systems. */
struct kernel {
	const char	*k_name;
	int		(*k_entry)(struct process *);
	void		(*k_exit)(struct process *, long);
	void		(*k_exec)(struct process *);
	void		(*k_print)(void);
};

static const struct kernel	 kernels[] = {
	{ "pledge",	pledge_entry,	pledge_exit,	pledge_exec,
	    pledge_print },
	{ "capsicum",	capsicum_entry,	capsicum_exit,	capsicum_exec,
	    capsicum_print }
};
static const struct kernel	*kernel;

static void
confine_begin(pid_t pid)
{
	struct process	*p;

	if (ptrace(PTRACE_SEIZE, pid, NULL, (long)OPTIONS) == -1)
		err(1, "seize");
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == -1)
		err(1, "interrupt");
	p = process_new(pid);
	p->pr_known = 1;
	process_name(p);
}

/* The one that asked has come to its first stop: it may go on. */
static void
confine_begun(void)
{
	static int	 begun;

	if (begun)
		return;
	begun = 1;
	if (write(3, "", 1) == -1)
		err(1, "whoever asked");
	(void)close(3);
}

static void
confine_entry(struct process *p, const struct ptrace_syscall_info *info)
{
	size_t	 i;

	p->pr_call.c_nr = (long)info->entry.nr;
	for (i = 0; i < 6; i++)
		p->pr_call.c_args[i] = info->entry.args[i];
	p->pr_skip = 0;
	if (p->pr_call.c_nr == CONFINE_HELLO) {
		p->pr_result = 0;
		p->pr_skip = 1;
	} else if (kernel->k_entry(p) == VERDICT_ANSWER)
		p->pr_skip = 1;
	if (p->pr_skip)
		(void)trace_skip(p->pr_pid);
}

static void
confine_syscall(struct process *p)
{
	struct ptrace_syscall_info	 info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pr_pid, sizeof(info),
	    &info) > 0) {
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			confine_entry(p, &info);
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->pr_skip) {
			(void)trace_result(p->pr_pid, p->pr_result);
			p->pr_skip = 0;
		} else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			kernel->k_exit(p, (long)info.exit.rval);
	}
	(void)trace_next(p->pr_pid, 0);
}

/* It may have come to its first stop before its parent has told of it. */
static void
confine_forked(const struct process *parent)
{
	struct process	*p;
	unsigned long	 pid;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pr_pid, NULL, &pid) == -1)
		return;
	if ((p = process_find((pid_t)pid)) == NULL)
		p = process_new((pid_t)pid);
	process_inherit(p, parent);
	if (p->pr_stopped)
		(void)trace_next(p->pr_pid, 0);
	p->pr_stopped = 0;
}

/* Stopped by a signal it stays so, and is heard of when it goes on. */
static int
confine_stays(int sig)
{
	return (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
	    sig == SIGTTOU);
}

static void
confine_event(struct process *p, int event, int sig)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		confine_forked(p);
		break;
	case PTRACE_EVENT_EXEC:
		process_name(p);
		kernel->k_exec(p);
		break;
	case PTRACE_EVENT_STOP:
		if (!confine_stays(sig))
			break;
		(void)ptrace(PTRACE_LISTEN, p->pr_pid, NULL, NULL);
		return;
	}
	(void)trace_next(p->pr_pid, 0);
}

static void
confine_stop(pid_t pid, int status)
{
	struct process	*p;

	if ((p = process_find(pid)) == NULL)
		p = process_new(pid);
	if (!p->pr_known) {
		p->pr_stopped = 1;
		return;
	}
	confine_begun();
	if (status >> 16 != 0)
		confine_event(p, status >> 16, WSTOPSIG(status));
	else if (WSTOPSIG(status) == SIGSYSCALL)
		confine_syscall(p);
	else
		(void)trace_next(pid, WSTOPSIG(status));
}

static void
confine_run(void)
{
	struct process	*p;
	pid_t		 pid;
	int		 status;

	while (process_any()) {
		if ((pid = waitpid(-1, &status, __WALL)) == -1) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (WIFSTOPPED(status))
			confine_stop(pid, status);
		else if ((p = process_find(pid)) != NULL)
			process_free(p);
	}
}

int
main(int argc, char *argv[])
{
	size_t	 i;

	if (argc != 2 && argc != 4)
		errx(2, "usage: confine pledge|capsicum [pid log]");
	for (i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (strcmp(kernels[i].k_name, argv[1]) == 0)
			kernel = &kernels[i];
	if (kernel == NULL)
		errx(2, "%s: no such system", argv[1]);
	if (argc == 2) {
		kernel->k_print();
		return (0);
	}
	log_open(argv[1], argv[3]);
	confine_begin((pid_t)strtol(argv[2], NULL, 10));
	confine_run();
	return (0);
}
