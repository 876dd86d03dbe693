/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef KERNEL_H
#define KERNEL_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

/* A system call at its entry, as Linux numbers it. */
struct call {
	long		 c_nr;
	uint64_t	 c_args[6];
};

/* The rights of a descriptor; one without an entry has them all. */
struct right {
	int		 r_fd;
	uint64_t	 r_bits;
	uint32_t	 r_fcntls;
	int		 r_ioctled;	/* only those below */
	unsigned int	 r_nioctls;
	unsigned long	 r_ioctls[8];
};

struct unveiled {
	char		 u_path[256];
	char		 u_permissions[8];
};

struct process {
	LIST_ENTRY(process)	 pr_entry;
	pid_t			 pr_pid;
	int			 pr_known;	/* whose child it is */
	int			 pr_stopped;	/* waits until it is known */
	char			 pr_name[32];
	struct call		 pr_call;
	int			 pr_skip;	/* answered here ... */
	long			 pr_result;	/* ... with this */
	int			 pr_full;	/* may make no descriptor */
	/* OpenBSD */
	int			 pr_pledged;
	uint64_t		 pr_promises;
	int			 pr_execpledged;
	uint64_t		 pr_execpromises;
	int			 pr_nunveiled;
	int			 pr_locked;
	struct unveiled		 pr_unveiled[4];
	/* FreeBSD */
	int			 pr_capmode;
	int			 pr_trapcap;
	uint64_t		 pr_polled;	/* where poll(2) looks ... */
	uint64_t		 pr_masked;	/* ... and at which not */
	size_t			 pr_nrights;
	struct right		*pr_rights;
};

/* What a rule says of a call. */
#define VERDICT_ALLOW	0
#define VERDICT_ANSWER	1	/* not done: pr_result is the answer */

/* trace.c: another process's registers, memory and descriptors. */
int		 trace_next(pid_t, int);
int		 trace_skip(pid_t);
int		 trace_result(pid_t, long);
int		 trace_read(pid_t, uint64_t, void *, size_t);
int		 trace_write(pid_t, uint64_t, const void *, size_t);
int		 trace_string(pid_t, uint64_t, char *, size_t);
/* Kind and identity of what a descriptor refers to; -1. */
int		 trace_identity(pid_t, int, mode_t *, dev_t *, ino_t *);
/* Whether the other end of a descriptor has gone already. */
int		 trace_hung_up(pid_t, int);
/* The descriptors in the control data of a msghdr; how many. */
int		 trace_passed(pid_t, uint64_t, int *, int);

/* condition.c */
int		 when_lock(const struct process *);
int		 when_addressed(const struct process *);
int		 when_descriptor(const struct process *);

/* process.c */
struct process	*process_find(pid_t);
struct process	*process_new(pid_t);
void		 process_inherit(struct process *, const struct process *);
void		 process_free(struct process *);
int		 process_any(void);
void		 process_name(struct process *);
void		 process_violation(struct process *, int, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
void		 log_open(const char *, const char *);

/* limit.c: setrlimit(2) and sysctl(3) */
int		 limit_entry(struct process *);

/* pledge.c */
int		 pledge_entry(struct process *);
void		 pledge_exit(struct process *, long);
void		 pledge_exec(struct process *);
void		 pledge_print(void);

/* capsicum.c */
int		 capsicum_entry(struct process *);
void		 capsicum_exit(struct process *, long);
void		 capsicum_exec(struct process *);
void		 capsicum_print(void);

#endif /* KERNEL_H */
