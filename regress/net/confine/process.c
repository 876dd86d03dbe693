/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The processes that are confined, and the log of what they must not do. */

#include <sys/types.h>

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"

static LIST_HEAD(, process)	 processes = LIST_HEAD_INITIALIZER(processes);
static int			 logfd = -1;
static const char		*logsystem;

struct process *
process_find(pid_t pid)
{
	struct process	*p;

	LIST_FOREACH(p, &processes, pr_entry)
		if (p->pr_pid == pid)
			break;
	return (p);
}

struct process *
process_new(pid_t pid)
{
	struct process	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		err(1, NULL);
	p->pr_pid = pid;
	LIST_INSERT_HEAD(&processes, p, pr_entry);
	return (p);
}

/* fork(2): everything; the number and what it is about stay its own. */
void
process_inherit(struct process *p, const struct process *from)
{
	LIST_ENTRY(process)	 entry;
	pid_t			 pid = p->pr_pid;
	int			 stopped = p->pr_stopped;

	memcpy(&entry, &p->pr_entry, sizeof(entry));
	memcpy(p, from, sizeof(*p));
	memcpy(&p->pr_entry, &entry, sizeof(entry));
	p->pr_pid = pid;
	p->pr_known = 1;
	p->pr_stopped = stopped;
	p->pr_skip = 0;
	p->pr_rights = NULL;
	if (from->pr_nrights == 0)
		return;
	p->pr_rights = calloc(from->pr_nrights, sizeof(*p->pr_rights));
	if (p->pr_rights == NULL)
		err(1, NULL);
	memcpy(p->pr_rights, from->pr_rights, from->pr_nrights *
	    sizeof(*p->pr_rights));
}

void
process_free(struct process *p)
{
	LIST_REMOVE(p, pr_entry);
	free(p->pr_rights);
	free(p);
}

int
process_any(void)
{
	return (!LIST_EMPTY(&processes));
}

/* What it is called: by the program, not by the title. */
void
process_name(struct process *p)
{
	char	 path[64], target[256], *name;
	ssize_t	 n;

	(void)snprintf(path, sizeof(path), "/proc/%ld/exe", (long)p->pr_pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	name = strrchr(target, '/');
	(void)snprintf(p->pr_name, sizeof(p->pr_name), "%.31s",
	    name == NULL ? "?" : name + 1);
}

static void
log_line(const char *line)
{
	if (write(logfd, line, strlen(line)) == -1)
		err(1, "log");
}

void
log_open(const char *system, const char *path)
{
	char	 line[128];

	logfd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (logfd == -1)
		err(1, "%s", path);
	logsystem = system;
	(void)snprintf(line, sizeof(line), "%s: confining\n", system);
	log_line(line);
}

/* A line of the log, and the signal that ends the process, if any. */
void
process_violation(struct process *p, int sig, const char *fmt, ...)
{
	char	 what[512], line[640];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof(line), "%s: violation: %s[%ld]: %s%s\n",
	    logsystem, p->pr_name, (long)p->pr_pid, what,
	    sig == SIGABRT ? ": SIGABRT" : sig == SIGTRAP ? ": SIGTRAP" : "");
	log_line(line);
	if (sig != 0)
		(void)syscall(SYS_tgkill, p->pr_pid, p->pr_pid, sig);
}
