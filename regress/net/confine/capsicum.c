/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * FreeBSD's capsicum(4).  The table says of each call whether capability
 * mode has it (ECAPMODE if not), and which rights of rights(4) it takes of a
 * descriptor that was limited (ENOTCAPABLE without), in that mode or out of
 * it.  A process that was told to trap gets SIGTRAP for either, in the mode.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "kernel.h"
#include "include/capsicum.h"
#include "include/sys/capsicum.h"
#include "include/sys/procctl.h"

#define PASSED_MAX	64
#define NONE		(-1)
#define RESTARTBLOCK	516	/* of the kernel, which does not show it */

enum mode {
	YES,		/* capability mode has the call */
	NO,		/* it has not */
	AT		/* it has, relative to a descriptor */
};

/* The first row of a call whose condition holds is the rule. */
struct rule {
	long		 r_nr;
	const char	*r_call;	/* by its name on FreeBSD */
	enum mode	 r_mode;
	int		 r_fd;		/* which argument; NONE */
	uint64_t	 r_rights;
	int		(*r_when)(const struct process *);
	const char	*r_condition;
};

static int	 when_self(const struct process *);
static int	 when_flags(const struct process *);
static int	 when_anonymous(const struct process *);

static const struct rule	 rules[] = {
	/* By descriptor, as capabilities.conf and rights(4) have them. */
	{ SYS_read, "read", YES, 0, CAP_READ, NULL, "" },
	{ SYS_readv, "readv", YES, 0, CAP_READ, NULL, "" },
	{ SYS_recvfrom, "recvfrom", YES, 0, CAP_READ, NULL, "" },
	{ SYS_recvmsg, "recvmsg", YES, 0, CAP_READ, NULL, "" },
	{ SYS_pread64, "pread", YES, 0, CAP_PREAD, NULL, "" },
	{ SYS_preadv, "preadv", YES, 0, CAP_PREAD, NULL, "" },
	{ SYS_write, "write", YES, 0, CAP_WRITE, NULL, "" },
	{ SYS_writev, "writev", YES, 0, CAP_WRITE, NULL, "" },
	{ SYS_sendmsg, "sendmsg", YES, 0, CAP_WRITE, NULL, "" },
	{ SYS_sendto, "sendto", NO, 0, CAP_WRITE | CAP_CONNECT,
	    when_addressed, "to an address" },
	{ SYS_sendto, "sendto", YES, 0, CAP_WRITE, NULL, "" },
	{ SYS_pwrite64, "pwrite", YES, 0, CAP_PWRITE, NULL, "" },
	{ SYS_pwritev, "pwritev", YES, 0, CAP_PWRITE, NULL, "" },
	{ SYS_lseek, "lseek", YES, 0, CAP_SEEK, NULL, "" },
	{ SYS_fstat, "fstat", YES, 0, CAP_FSTAT, NULL, "" },
	{ SYS_fsync, "fsync", YES, 0, CAP_FSYNC, NULL, "" },
	{ SYS_ftruncate, "ftruncate", YES, 0, CAP_FTRUNCATE, NULL, "" },
	{ SYS_flock, "flock", YES, 0, CAP_FLOCK, NULL, "" },
	{ SYS_fchmod, "fchmod", YES, 0, CAP_FCHMOD, NULL, "" },
	{ SYS_fchown, "fchown", YES, 0, CAP_FCHOWN, NULL, "" },
	{ SYS_fcntl, "fcntl", YES, 0, CAP_FCNTL, when_flags,
	    "F_GETFL, F_SETFL, F_GETOWN, F_SETOWN" },
	{ SYS_fcntl, "fcntl", YES, 0, CAP_FLOCK, when_lock,
	    "F_GETLK, F_SETLK" },
	{ SYS_fcntl, "fcntl", YES, NONE, 0, NULL, "" },
	{ SYS_ioctl, "ioctl", YES, 0, CAP_IOCTL, NULL, "" },
	{ SYS_getdents64, "getdirentries", YES, 0, CAP_READ, NULL, "" },
	{ SYS_mmap, "mmap", YES, NONE, 0, when_anonymous, "MAP_ANON" },
	{ SYS_mmap, "mmap", YES, 4, CAP_MMAP, NULL, "" },
	{ SYS_getsockname, "getsockname", YES, 0, CAP_GETSOCKNAME, NULL, "" },
	{ SYS_getpeername, "getpeername", YES, 0, CAP_GETPEERNAME, NULL, "" },
	{ SYS_getsockopt, "getsockopt", YES, 0, CAP_GETSOCKOPT, NULL, "" },
	{ SYS_setsockopt, "setsockopt", YES, 0, CAP_SETSOCKOPT, NULL, "" },
	{ SYS_shutdown, "shutdown", YES, 0, CAP_SHUTDOWN, NULL, "" },
	{ SYS_listen, "listen", YES, 0, CAP_LISTEN, NULL, "" },
	{ SYS_accept, "accept", YES, 0, CAP_ACCEPT, NULL, "" },
	{ SYS_accept4, "accept4", YES, 0, CAP_ACCEPT, NULL, "" },
	{ SYS_bind, "bind", NO, 0, CAP_BIND, NULL, "" },
	{ SYS_connect, "connect", NO, 0, CAP_CONNECT, NULL, "" },
	{ SYS_fchdir, "fchdir", NO, 0, CAP_FCHDIR, NULL, "" },
	{ SYS_epoll_ctl, "kevent", YES, 2, CAP_EVENT, NULL, "" },
	{ SYS_pidfd_send_signal, "pdkill", YES, 0, CAP_PDKILL, NULL, "" },

	/* Relative to a directory; with AT_FDCWD not in the mode. */
	{ SYS_openat, "openat", AT, 0, CAP_LOOKUP, NULL, "" },
	{ SYS_newfstatat, "fstat", YES, 0, CAP_FSTAT, when_descriptor,
	    "by descriptor" },
	{ SYS_newfstatat, "fstatat", AT, 0, CAP_LOOKUP | CAP_FSTAT, NULL,
	    "" },
	{ SYS_statx, "fstat", YES, 0, CAP_FSTAT, when_descriptor,
	    "by descriptor" },
	{ SYS_statx, "fstatat", AT, 0, CAP_LOOKUP | CAP_FSTAT, NULL, "" },
	{ SYS_faccessat, "faccessat", AT, 0, CAP_LOOKUP | CAP_FSTAT, NULL,
	    "" },
	{ SYS_faccessat2, "faccessat", AT, 0, CAP_LOOKUP | CAP_FSTAT, NULL,
	    "" },
	{ SYS_readlinkat, "readlinkat", AT, 0, CAP_LOOKUP | CAP_READ, NULL,
	    "" },
	{ SYS_unlinkat, "unlinkat", AT, 0, CAP_LOOKUP, NULL, "" },
	{ SYS_mkdirat, "mkdirat", AT, 0, CAP_LOOKUP, NULL, "" },

	/* Global names, and what acts on others. */
	{ SYS_execve, "execve", NO, NONE, 0, NULL, "" },
	{ SYS_chroot, "chroot", NO, NONE, 0, NULL, "" },
	{ SYS_chdir, "chdir", NO, NONE, 0, NULL, "" },
	{ SYS_getcwd, "__getcwd", NO, NONE, 0, NULL, "" },
	{ SYS_truncate, "truncate", NO, NONE, 0, NULL, "" },
	{ SYS_setgroups, "setgroups", NO, NONE, 0, NULL, "" },
	{ SYS_setpgid, "setpgid", NO, NONE, 0, NULL, "" },
	{ SYS_kill, "kill", YES, NONE, 0, when_self, "oneself" },
	{ SYS_kill, "kill", NO, NONE, 0, NULL, "another" },
	{ SYS_ptrace, "ptrace", NO, NONE, 0, NULL, "" },
	{ SYS_mount, "mount", NO, NONE, 0, NULL, "" },
	{ CONFINE_PROCCTL, "procctl", NO, NONE, 0, NULL, "" },
	{ CONFINE_SETLOGIN, "setlogin", NO, NONE, 0, NULL, "" },

	/* What is the process's own. */
	{ CONFINE_CAP_ENTER, "cap_enter", YES, NONE, 0, NULL, "" },
	{ CONFINE_CAP_GETMODE, "cap_getmode", YES, NONE, 0, NULL, "" },
	{ CONFINE_CAP_RIGHTS, "cap_rights_limit", YES, NONE, 0, NULL, "" },
	{ CONFINE_CAP_FCNTLS, "cap_fcntls_limit", YES, NONE, 0, NULL, "" },
	{ CONFINE_CAP_IOCTLS, "cap_ioctls_limit", YES, NONE, 0, NULL, "" },
	{ CONFINE_SYSCTL, "__sysctl", YES, NONE, 0, NULL, "" },
	{ CONFINE_PDFORK, "pdfork", YES, NONE, 0, NULL, "" },
	{ SYS_exit, "_exit", YES, NONE, 0, NULL, "" },
	{ SYS_exit_group, "_exit", YES, NONE, 0, NULL, "" },
	{ SYS_restart_syscall, "(the interrupted one)", YES, NONE, 0, NULL,
	    "" },
	{ SYS_close, "close", YES, NONE, 0, NULL, "" },
	{ SYS_close_range, "closefrom", YES, NONE, 0, NULL, "" },
	{ SYS_dup, "dup", YES, NONE, 0, NULL, "" },
	{ SYS_dup3, "dup2", YES, NONE, 0, NULL, "" },
	{ SYS_socket, "socket", YES, NONE, 0, NULL, "" },
	{ SYS_socketpair, "socketpair", YES, NONE, 0, NULL, "" },
	{ SYS_pipe2, "pipe2", YES, NONE, 0, NULL, "" },
	{ SYS_ppoll, "ppoll", YES, NONE, 0, NULL, "" },
	{ SYS_pselect6, "pselect", YES, NONE, 0, NULL, "" },
	{ SYS_clone, "fork", YES, NONE, 0, NULL, "" },
	{ SYS_clone3, "fork", YES, NONE, 0, NULL, "" },
	{ SYS_pidfd_open, "pdfork", YES, NONE, 0, NULL, "" },
	{ SYS_epoll_create1, "kqueue", YES, NONE, 0, NULL, "" },
	{ SYS_epoll_pwait, "kevent", YES, NONE, 0, NULL, "" },
	{ SYS_eventfd2, "kevent", YES, NONE, 0, NULL, "EVFILT_USER" },
	{ SYS_timerfd_create, "kevent", YES, NONE, 0, NULL, "EVFILT_TIMER" },
	{ SYS_timerfd_settime, "kevent", YES, NONE, 0, NULL,
	    "EVFILT_TIMER" },
	{ SYS_wait4, "wait4", YES, NONE, 0, NULL, "" },
	{ SYS_waitid, "wait6", YES, NONE, 0, NULL, "" },
	{ SYS_prlimit64, "setrlimit", YES, NONE, 0, NULL, "" },
	{ SYS_umask, "umask", YES, NONE, 0, NULL, "" },
	{ SYS_setsid, "setsid", YES, NONE, 0, NULL, "" },
	{ SYS_setuid, "setuid", YES, NONE, 0, NULL, "" },
	{ SYS_setreuid, "setreuid", YES, NONE, 0, NULL, "" },
	{ SYS_setresuid, "setresuid", YES, NONE, 0, NULL, "" },
	{ SYS_setgid, "setgid", YES, NONE, 0, NULL, "" },
	{ SYS_setregid, "setregid", YES, NONE, 0, NULL, "" },
	{ SYS_setresgid, "setresgid", YES, NONE, 0, NULL, "" },
	{ SYS_getpriority, "getpriority", YES, NONE, 0, NULL, "" },
	{ SYS_setpriority, "setpriority", YES, NONE, 0, NULL, "" },
	{ SYS_setitimer, "setitimer", YES, NONE, 0, NULL, "" },
	{ SYS_getitimer, "getitimer", YES, NONE, 0, NULL, "" },
	{ SYS_clock_gettime, "clock_gettime", YES, NONE, 0, NULL, "" },
	{ SYS_clock_getres, "clock_getres", YES, NONE, 0, NULL, "" },
	{ SYS_gettimeofday, "gettimeofday", YES, NONE, 0, NULL, "" },
	{ SYS_nanosleep, "nanosleep", YES, NONE, 0, NULL, "" },
	{ SYS_clock_nanosleep, "clock_nanosleep", YES, NONE, 0, NULL, "" },
	{ SYS_getrandom, "getrandom", YES, NONE, 0, NULL, "" },
	{ SYS_getpid, "getpid", YES, NONE, 0, NULL, "" },
	{ SYS_getppid, "getppid", YES, NONE, 0, NULL, "" },
	{ SYS_gettid, "thr_self", YES, NONE, 0, NULL, "" },
	{ SYS_getpgid, "getpgid", YES, NONE, 0, NULL, "" },
	{ SYS_getsid, "getsid", YES, NONE, 0, NULL, "" },
	{ SYS_getuid, "getuid", YES, NONE, 0, NULL, "" },
	{ SYS_geteuid, "geteuid", YES, NONE, 0, NULL, "" },
	{ SYS_getgid, "getgid", YES, NONE, 0, NULL, "" },
	{ SYS_getegid, "getegid", YES, NONE, 0, NULL, "" },
	{ SYS_getgroups, "getgroups", YES, NONE, 0, NULL, "" },
	{ SYS_getresuid, "getresuid", YES, NONE, 0, NULL, "" },
	{ SYS_getresgid, "getresgid", YES, NONE, 0, NULL, "" },
	{ SYS_getrusage, "getrusage", YES, NONE, 0, NULL, "" },
	{ SYS_rt_sigaction, "sigaction", YES, NONE, 0, NULL, "" },
	{ SYS_rt_sigprocmask, "sigprocmask", YES, NONE, 0, NULL, "" },
	{ SYS_rt_sigpending, "sigpending", YES, NONE, 0, NULL, "" },
	{ SYS_rt_sigsuspend, "sigsuspend", YES, NONE, 0, NULL, "" },
	{ SYS_rt_sigreturn, "sigreturn", YES, NONE, 0, NULL, "" },
	{ SYS_sigaltstack, "sigaltstack", YES, NONE, 0, NULL, "" },
	{ SYS_tgkill, "thr_kill", YES, NONE, 0, NULL, "" },
	{ SYS_madvise, "madvise", YES, NONE, 0, NULL, "" },
	{ SYS_mprotect, "mprotect", YES, NONE, 0, NULL, "" },
	{ SYS_munmap, "munmap", YES, NONE, 0, NULL, "" },
	{ SYS_sched_yield, "sched_yield", YES, NONE, 0, NULL, "" },

	/* Linux's C library makes calls for which FreeBSD's has no need. */
	{ SYS_brk, "brk", YES, NONE, 0, NULL, "" },
	{ SYS_mremap, "mremap", YES, NONE, 0, NULL, "" },
	{ SYS_futex, "futex", YES, NONE, 0, NULL, "" },
	{ SYS_rseq, "rseq", YES, NONE, 0, NULL, "" },
	{ SYS_set_robust_list, "set_robust_list", YES, NONE, 0, NULL, "" },
	{ SYS_set_tid_address, "set_tid_address", YES, NONE, 0, NULL, "" },
	{ SYS_prctl, "prctl", YES, NONE, 0, NULL, "" },
	{ SYS_uname, "uname", YES, NONE, 0, NULL, "" },
	{ SYS_sysinfo, "sysinfo", YES, NONE, 0, NULL, "" },
	{ SYS_sched_getaffinity, "sched_getaffinity", YES, NONE, 0, NULL,
	    "" },
#if defined(__x86_64__)
	{ SYS_arch_prctl, "arch_prctl", YES, NONE, 0, NULL, "" },
	{ SYS_dup2, "dup2", YES, NONE, 0, NULL, "" },
	{ SYS_pipe, "pipe", YES, NONE, 0, NULL, "" },
	{ SYS_poll, "poll", YES, NONE, 0, NULL, "" },
	{ SYS_select, "select", YES, NONE, 0, NULL, "" },
	{ SYS_getpgrp, "getpgrp", YES, NONE, 0, NULL, "" },
	{ SYS_epoll_wait, "kevent", YES, NONE, 0, NULL, "" },
	{ SYS_time, "gettimeofday", YES, NONE, 0, NULL, "" },
	{ SYS_fork, "fork", YES, NONE, 0, NULL, "" },
	{ SYS_access, "access", NO, NONE, 0, NULL, "" },
	{ SYS_stat, "stat", NO, NONE, 0, NULL, "" },
	{ SYS_lstat, "lstat", NO, NONE, 0, NULL, "" },
	{ SYS_open, "open", NO, NONE, 0, NULL, "" },
	{ SYS_readlink, "readlink", NO, NONE, 0, NULL, "" },
	{ SYS_unlink, "unlink", NO, NONE, 0, NULL, "" },
	{ SYS_mkdir, "mkdir", NO, NONE, 0, NULL, "" },
#endif
	{ 0, NULL, NO, NONE, 0, NULL, NULL }
};

/* Names of rights for the log, where a rule has one or two. */
static const struct {
	uint64_t	 n_right;
	const char	*n_name;
}	 names[] = {
	{ CAP_READ, "CAP_READ" }, { CAP_WRITE, "CAP_WRITE" },
	{ CAP_SEEK, "CAP_SEEK" }, { CAP_FSTAT, "CAP_FSTAT" },
	{ CAP_FCNTL, "CAP_FCNTL" }, { CAP_IOCTL, "CAP_IOCTL" },
	{ CAP_EVENT, "CAP_EVENT" }, { CAP_ACCEPT, "CAP_ACCEPT" },
	{ CAP_BIND, "CAP_BIND" }, { CAP_CONNECT, "CAP_CONNECT" },
	{ CAP_LISTEN, "CAP_LISTEN" }, { CAP_SHUTDOWN, "CAP_SHUTDOWN" },
	{ CAP_GETPEERNAME, "CAP_GETPEERNAME" },
	{ CAP_GETSOCKNAME, "CAP_GETSOCKNAME" },
	{ CAP_GETSOCKOPT, "CAP_GETSOCKOPT" },
	{ CAP_SETSOCKOPT, "CAP_SETSOCKOPT" },
	{ CAP_FTRUNCATE, "CAP_FTRUNCATE" }, { CAP_FSYNC, "CAP_FSYNC" },
	{ CAP_FLOCK, "CAP_FLOCK" }, { CAP_FCHMOD, "CAP_FCHMOD" },
	{ CAP_FCHOWN, "CAP_FCHOWN" }, { CAP_FCHDIR, "CAP_FCHDIR" },
	{ CAP_LOOKUP, "CAP_LOOKUP" }, { CAP_MMAP, "CAP_MMAP" },
	{ CAP_PDKILL, "CAP_PDKILL" }
};

/* Descriptors under way: their rights are the receiver's. */
struct travelling {
	TAILQ_ENTRY(travelling)	 t_entry;
	dev_t			 t_dev;
	ino_t			 t_ino;
	int			 t_limited;
	struct right		 t_right;
};

static TAILQ_HEAD(travellers, travelling)	 travelling =
				    TAILQ_HEAD_INITIALIZER(travelling);

static int
when_self(const struct process *p)
{
	return ((pid_t)p->pr_call.c_args[0] == p->pr_pid);
}

static int
when_flags(const struct process *p)
{
	switch (p->pr_call.c_args[1]) {
	case F_GETFL:
	case F_SETFL:
	case F_GETOWN:
	case F_SETOWN:
		return (1);
	}
	return (0);
}

static int
when_anonymous(const struct process *p)
{
	return ((int)p->pr_call.c_args[4] == -1);
}

static struct right *
right_find(const struct process *p, int fd)
{
	size_t	 i;

	for (i = 0; i < p->pr_nrights; i++)
		if (p->pr_rights[i].r_fd == fd)
			return (&p->pr_rights[i]);
	return (NULL);
}

static void
right_drop(struct process *p, int fd)
{
	struct right	*r;

	if ((r = right_find(p, fd)) != NULL)
		*r = p->pr_rights[--p->pr_nrights];
}

/* As given, or with all rights, limits to come. */
static struct right *
right_set(struct process *p, int fd, const struct right *as)
{
	struct right	*grown, *r;

	right_drop(p, fd);
	grown = realloc(p->pr_rights, (p->pr_nrights + 1) * sizeof(*grown));
	if (grown == NULL)
		err(1, NULL);
	p->pr_rights = grown;
	r = &grown[p->pr_nrights++];
	memset(r, 0, sizeof(*r));
	if (as != NULL)
		*r = *as;
	else {
		r->r_bits = UINT64_MAX;
		r->r_fcntls = UINT32_MAX;
	}
	r->r_fd = fd;
	return (r);
}

/* dup(2) and its like: the same rights. */
static void
right_copy(struct process *p, int fd, int from)
{
	struct right	*r, copy;

	if (fd == from)
		return;
	if ((r = right_find(p, from)) == NULL)
		right_drop(p, fd);
	else {
		copy = *r;
		(void)right_set(p, fd, &copy);
	}
}

static const char *
right_name(uint64_t missing)
{
	size_t	 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].n_right & missing)
			return (names[i].n_name);
	return ("a right");
}

/* The error is the answer; with the trap, in the mode, it is the end. */
static int
refuse(struct process *p, int error, const char *call, const char *condition,
    const char *why)
{
	process_violation(p, p->pr_capmode && p->pr_trapcap ? SIGTRAP : 0,
	    "%s%s%s: %s, %s", call, condition[0] == '\0' ? "" : ", ",
	    condition, error == ECAPMODE ? "ECAPMODE" : "ENOTCAPABLE", why);
	p->pr_result = -error;
	return (-1);
}

static int
limited_fcntl(const struct process *p, const struct right *r)
{
	return (p->pr_call.c_nr == SYS_fcntl && when_flags(p) &&
	    !(r->r_fcntls & 1U << p->pr_call.c_args[1]));
}

static int
limited_ioctl(const struct process *p, const struct right *r)
{
	unsigned int	 i;

	if (p->pr_call.c_nr != SYS_ioctl || !r->r_ioctled)
		return (0);
	for (i = 0; i < r->r_nioctls; i++)
		if (r->r_ioctls[i] == p->pr_call.c_args[1])
			return (0);
	return (1);
}

static int
check_rights(struct process *p, const struct rule *rule)
{
	const struct right	*r;
	uint64_t		 missing;

	if (rule->r_fd == NONE || (r = right_find(p,
	    (int)p->pr_call.c_args[rule->r_fd])) == NULL)
		return (0);
	if ((missing = rule->r_rights & ~r->r_bits) != 0)
		return (refuse(p, ENOTCAPABLE, rule->r_call,
		    rule->r_condition, right_name(missing)));
	if (limited_fcntl(p, r))
		return (refuse(p, ENOTCAPABLE, rule->r_call,
		    rule->r_condition, "cap_fcntls_limit"));
	if (limited_ioctl(p, r))
		return (refuse(p, ENOTCAPABLE, rule->r_call,
		    rule->r_condition, "cap_ioctls_limit"));
	return (0);
}

static int
check_mode(struct process *p, const struct rule *rule)
{
	if (!p->pr_capmode || rule->r_mode == YES)
		return (0);
	if (rule->r_mode == AT && (int)p->pr_call.c_args[0] != AT_FDCWD)
		return (0);
	return (refuse(p, ECAPMODE, rule->r_call, rule->r_condition,
	    "not in capability mode"));
}

/* Out, or in again. */
static void
poll_mask(const struct process *p)
{
	struct pollfd	 pfd;
	uint64_t	 at = p->pr_polled, bits;

	for (bits = p->pr_masked; bits != 0; bits >>= 1, at += sizeof(pfd)) {
		if (!(bits & 1) ||
		    trace_read(p->pr_pid, at, &pfd, sizeof(pfd)) == -1)
			continue;
		pfd.fd = ~pfd.fd;
		(void)trace_write(p->pr_pid, at, &pfd, sizeof(pfd));
	}
}

/*
 * poll(2) says POLLNVAL of a descriptor that may not be watched, and does not
 * wake for the hang-up of one of which no event is wanted, unless it has come
 * already: such a one is taken out while the call lasts.
 */
static int
poll_entry(struct process *p)
{
	struct pollfd		 pfd;
	const struct right	*r;
	uint64_t		 at = p->pr_call.c_args[0], i;
	long			 refused = 0;

	p->pr_polled = at;
	for (i = 0; i < p->pr_call.c_args[1]; i++, at += sizeof(pfd)) {
		if (trace_read(p->pr_pid, at, &pfd, sizeof(pfd)) == -1)
			return (0);
		r = right_find(p, pfd.fd);
		pfd.revents = 0;
		if (pfd.fd >= 0 && r != NULL && !(r->r_bits & CAP_EVENT)) {
			pfd.revents = POLLNVAL;
			refused++;
			(void)refuse(p, ENOTCAPABLE, "poll", "",
			    "CAP_EVENT");
		} else if (pfd.fd >= 0 && pfd.events == 0 && i < 64 &&
		    !trace_hung_up(p->pr_pid, pfd.fd))
			p->pr_masked |= 1ULL << i;
		if (refused > 0)
			(void)trace_write(p->pr_pid, at, &pfd, sizeof(pfd));
	}
	p->pr_result = refused;
	if (refused > 0)
		return (-1);
	poll_mask(p);
	return (0);
}

/* One that a signal has interrupted may go on by restart_syscall(2). */
static void
poll_exit(struct process *p, long result)
{
	poll_mask(p);
	if (result != -RESTARTBLOCK)
		p->pr_masked = 0;
}

static int
is_poll(long nr)
{
#if defined(__x86_64__)
	if (nr == SYS_poll)
		return (1);
#endif
	return (nr == SYS_ppoll);
}

static long
call_rights(struct process *p)
{
	mode_t		 mode;
	dev_t		 dev;
	ino_t		 ino;
	struct right	*r;
	int		 fd = (int)p->pr_call.c_args[0];
	uint64_t	 bits = p->pr_call.c_args[1];

	if (trace_identity(p->pr_pid, fd, &mode, &dev, &ino) == -1)
		return (-EBADF);
	if ((r = right_find(p, fd)) == NULL)
		r = right_set(p, fd, NULL);
	if ((bits & ~r->r_bits) != 0)
		return (-ENOTCAPABLE);
	r->r_bits = bits;
	/* Without the right nothing of it is left. */
	if (!(bits & CAP_FCNTL))
		r->r_fcntls = 0;
	if (!(bits & CAP_IOCTL)) {
		r->r_ioctled = 1;
		r->r_nioctls = 0;
	}
	return (0);
}

static long
call_fcntls(struct process *p)
{
	struct right	*r;
	int		 fd = (int)p->pr_call.c_args[0];
	uint32_t	 bits = (uint32_t)p->pr_call.c_args[1];

	if ((r = right_find(p, fd)) == NULL)
		r = right_set(p, fd, NULL);
	if ((bits & ~r->r_fcntls) != 0)
		return (-ENOTCAPABLE);
	r->r_fcntls = bits;
	return (0);
}

static long
call_ioctls(struct process *p)
{
	struct right	*r;
	unsigned long	 commands[8];
	unsigned int	 i, j, n = (unsigned int)p->pr_call.c_args[2];
	int		 fd = (int)p->pr_call.c_args[0];

	if (n > sizeof(commands) / sizeof(commands[0]))
		return (-EINVAL);
	if (trace_read(p->pr_pid, p->pr_call.c_args[1], commands,
	    n * sizeof(commands[0])) == -1)
		return (-EFAULT);
	if ((r = right_find(p, fd)) == NULL)
		r = right_set(p, fd, NULL);
	for (i = 0; r->r_ioctled && i < n; i++) {
		for (j = 0; j < r->r_nioctls; j++)
			if (r->r_ioctls[j] == commands[i])
				break;
		if (j == r->r_nioctls)
			return (-ENOTCAPABLE);
	}
	r->r_ioctled = 1;
	r->r_nioctls = n;
	memcpy(r->r_ioctls, commands, n * sizeof(commands[0]));
	return (0);
}

/* EMFILE for one more than there may be. */
static int
check_full(struct process *p)
{
	static const long	 makers[] = {
		SYS_accept, SYS_accept4, SYS_dup, SYS_epoll_create1,
		SYS_openat, SYS_pipe2, SYS_socket, SYS_socketpair
	};
	size_t			 i;

	for (i = 0; p->pr_full && i < sizeof(makers) / sizeof(makers[0]);
	    i++) {
		if (makers[i] != p->pr_call.c_nr)
			continue;
		p->pr_result = -EMFILE;
		return (-1);
	}
	return (0);
}

static long
call_procctl(struct process *p)
{
	if (p->pr_call.c_args[0] == PROC_TRAPCAP_CTL)
		p->pr_trapcap = p->pr_call.c_args[1] ==
		    PROC_TRAPCAP_CTL_ENABLE;
	return (0);
}

/* FreeBSD's own calls, after the table has allowed them. */
static int
own_call(struct process *p)
{
	switch (p->pr_call.c_nr) {
	case CONFINE_CAP_ENTER:
		p->pr_capmode = 1;
		p->pr_result = 0;
		break;
	case CONFINE_CAP_GETMODE:
		p->pr_result = p->pr_capmode;
		break;
	case CONFINE_CAP_RIGHTS:
		p->pr_result = call_rights(p);
		break;
	case CONFINE_CAP_FCNTLS:
		p->pr_result = call_fcntls(p);
		break;
	case CONFINE_CAP_IOCTLS:
		p->pr_result = call_ioctls(p);
		break;
	case CONFINE_PROCCTL:
		p->pr_result = call_procctl(p);
		break;
	case CONFINE_PDFORK:
	case CONFINE_SETLOGIN:
		p->pr_result = 0;
		break;
	default:
		return (limit_entry(p));
	}
	return (VERDICT_ANSWER);
}

static void
travel_begin(const struct process *p)
{
	struct travelling	*t;
	const struct right	*r;
	mode_t			 mode;
	int			 fds[PASSED_MAX], i, n;

	n = trace_passed(p->pr_pid, p->pr_call.c_args[1], fds, PASSED_MAX);
	for (i = 0; i < n; i++) {
		if ((t = calloc(1, sizeof(*t))) == NULL)
			err(1, NULL);
		if (trace_identity(p->pr_pid, fds[i], &mode, &t->t_dev,
		    &t->t_ino) == -1) {
			free(t);
			continue;
		}
		if ((r = right_find(p, fds[i])) != NULL) {
			t->t_limited = 1;
			t->t_right = *r;
		}
		TAILQ_INSERT_TAIL(&travelling, t, t_entry);
	}
}

/* They have not gone. */
static void
travel_undo(const struct process *p)
{
	struct travelling	*t;
	mode_t			 mode;
	dev_t			 dev;
	ino_t			 ino;
	int			 fds[PASSED_MAX], i, n;

	n = trace_passed(p->pr_pid, p->pr_call.c_args[1], fds, PASSED_MAX);
	for (i = 0; i < n; i++) {
		if (trace_identity(p->pr_pid, fds[i], &mode, &dev, &ino) ==
		    -1)
			continue;
		TAILQ_FOREACH_REVERSE(t, &travelling, travellers, t_entry)
			if (t->t_dev == dev && t->t_ino == ino)
				break;
		if (t == NULL)
			continue;
		TAILQ_REMOVE(&travelling, t, t_entry);
		free(t);
	}
}

static void
travel_end(struct process *p)
{
	struct travelling	*t;
	mode_t			 mode;
	dev_t			 dev;
	ino_t			 ino;
	int			 fds[PASSED_MAX], i, n;

	n = trace_passed(p->pr_pid, p->pr_call.c_args[1], fds, PASSED_MAX);
	for (i = 0; i < n; i++) {
		right_drop(p, fds[i]);
		if (trace_identity(p->pr_pid, fds[i], &mode, &dev, &ino) ==
		    -1)
			continue;
		TAILQ_FOREACH(t, &travelling, t_entry)
			if (t->t_dev == dev && t->t_ino == ino)
				break;
		if (t == NULL)
			continue;
		if (t->t_limited)
			(void)right_set(p, fds[i], &t->t_right);
		TAILQ_REMOVE(&travelling, t, t_entry);
		free(t);
	}
}

int
capsicum_entry(struct process *p)
{
	const struct rule	*rule;

	if (p->pr_call.c_nr != SYS_restart_syscall)
		p->pr_masked = 0;
	for (rule = rules; rule->r_call != NULL; rule++)
		if (rule->r_nr == p->pr_call.c_nr &&
		    (rule->r_when == NULL || rule->r_when(p)))
			break;
	if (rule->r_call == NULL) {
		if (!p->pr_capmode)
			return (VERDICT_ALLOW);
		process_violation(p, p->pr_trapcap ? SIGTRAP : 0,
		    "system call %ld, which is not in the table",
		    p->pr_call.c_nr);
		p->pr_result = -ECAPMODE;
		return (VERDICT_ANSWER);
	}
	if (check_mode(p, rule) == -1 || check_rights(p, rule) == -1 ||
	    check_full(p) == -1 ||
	    (is_poll(p->pr_call.c_nr) && poll_entry(p) == -1))
		return (VERDICT_ANSWER);
	if (p->pr_call.c_nr == SYS_sendmsg)
		travel_begin(p);
	else if (p->pr_call.c_nr == SYS_restart_syscall)
		poll_mask(p);
	return (own_call(p));
}

/* What has become of descriptors. */
void
capsicum_exit(struct process *p, long result)
{
	const uint64_t	*args = p->pr_call.c_args;
	size_t		 i;

	if (is_poll(p->pr_call.c_nr) ||
	    p->pr_call.c_nr == SYS_restart_syscall)
		poll_exit(p, result);
	if (result < 0) {
		if (p->pr_call.c_nr == SYS_sendmsg)
			travel_undo(p);
		return;
	}
	switch (p->pr_call.c_nr) {
	case SYS_close:
		right_drop(p, (int)args[0]);
		break;
	case SYS_close_range:
		for (i = p->pr_nrights; i-- > 0;)
			if ((unsigned int)p->pr_rights[i].r_fd >= args[0] &&
			    (unsigned int)p->pr_rights[i].r_fd <= args[1])
				right_drop(p, p->pr_rights[i].r_fd);
		break;
	case SYS_fcntl:
		if (args[1] != F_DUPFD && args[1] != F_DUPFD_CLOEXEC)
			break;
		/* FALLTHROUGH */
	case SYS_dup:
	case SYS_dup3:
#if defined(__x86_64__)
	case SYS_dup2:
#endif
		right_copy(p, (int)result, (int)args[0]);
		break;
	case SYS_recvmsg:
		travel_end(p);
		break;
	}
}

/* Rights stay with the descriptors that do; capability mode has no exec. */
void
capsicum_exec(struct process *p)
{
	mode_t	 mode;
	dev_t	 dev;
	ino_t	 ino;
	size_t	 i;

	for (i = p->pr_nrights; i-- > 0;)
		if (trace_identity(p->pr_pid, p->pr_rights[i].r_fd, &mode,
		    &dev, &ino) == -1)
			right_drop(p, p->pr_rights[i].r_fd);
}

/* number, call, condition, mode, which argument, rights */
void
capsicum_print(void)
{
	static const char *const	 modes[] = { "yes", "no", "at" };
	const struct rule		*r;

	for (r = rules; r->r_call != NULL; r++)
		printf("%ld\t%s\t%s\t%s %d %llu\n", r->r_nr, r->r_call,
		    r->r_condition, modes[r->r_mode], r->r_fd,
		    (unsigned long long)r->r_rights);
}
