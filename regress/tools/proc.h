/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What the system knows of another process.  Each system has a file of its
 * own for this: proc_linux.c asks /proc, its siblings sysctl(2).
 */

#ifndef PROC_H
#define PROC_H

#include <sys/types.h>

#include <atf-c.h>
#include <stddef.h>

#define PROC_GROUPS	16
#define PROC_FILES	512

struct proc_info {
	pid_t		 pr_ppid;
	pid_t		 pr_pgid;
	pid_t		 pr_sid;
	uid_t		 pr_uid[3];	/* real, effective, saved */
	gid_t		 pr_gid[3];
	size_t		 pr_ngroups;
	gid_t		 pr_groups[PROC_GROUPS];
	int		 pr_blocked;	/* some signal is */
	int		 pr_ignored;	/* some signal is */
	int		 pr_sandboxed;	/* it runs under what confines it */
	int		 pr_capable;	/* of more than its user id allows */
	long		 pr_cpu;	/* milliseconds it has used */
	long		 pr_rss;	/* kB */
	long		 pr_peak;	/* kB, the most it ever was */
	char		 pr_title[256];
	char		 pr_bounds[256]; /* all that confines it, in words */
};

enum proc_kind {
	PROC_NULL,			/* /dev/null */
	PROC_SOCKET,
	PROC_PROCESS,			/* a process descriptor of FreeBSD */
	PROC_OTHER
};

struct proc_file {
	int		 pf_fd;
	enum proc_kind	 pf_kind;
	char		 pf_name[64];	/* no other object has this name */
};

/* Words: what the system cannot do, for atf_tc_skip(); NULL: it can. */
extern const char *const proc_no_reaper;	/* adopting orphans */
extern const char *const proc_no_pdeath;	/* a signal at a parent's end */

/* imsg is the base system's, not libcompat's. */
extern const unsigned int proc_base_imsg;

/* May a sandboxed process receive a directory? */
extern const int proc_takes_directory;
/*
 * What a descriptor does to a sandboxed process that has no use for any: the
 * signal that kills it, or what it says; 0 and NULL: it comes in.
 */
extern const int proc_barred_signal;
extern const char *const proc_barred_words;
/* RLIMIT_NPROC when it was set to 0, RLIMIT_NOFILE when to so many. */
extern const unsigned long long proc_least_nproc;
unsigned long long proc_nofile(int);

/* How helpers name the sandbox of this system, and a launcher its own. */
extern const char *const proc_sandbox;
extern const char *const proc_launcher_sandbox;

/* Sockets of a resolver to processes of the system that ask for it. */
extern const int proc_services;

/* Skips the test where nothing is told. */
void		 proc_need(void);
/* -1: it is gone. */
int		 proc_get(pid_t, struct proc_info *);
/* A child with this title, or one that begins so; 0: none. */
pid_t		 proc_child(pid_t, const char *, int);
/* The descriptors that are open; skips the test where they are hidden. */
size_t		 proc_files(pid_t, struct proc_file *, size_t);
/* A soft limit; -1: this system does not tell those of others. */
int		 proc_limit(pid_t, int, unsigned long long *);
/* The inode of its root directory. */
unsigned long long proc_root(pid_t);
/* That others of its user may not look into it; -1: any of them may here. */
int		 proc_hidden(pid_t);
/* That it sees the network that we see. */
int		 proc_network(pid_t);

#endif /* PROC_H */
