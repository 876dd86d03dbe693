/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * OpenBSD's pledge(2) and unveil(2).  The table says of each call which
 * promise it takes; whoever has not made it is killed by SIGABRT.
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "kernel.h"

#define PASSED_MAX	64

static const char *const	 words[] = {
	"stdio", "rpath", "wpath", "cpath", "dpath", "tmppath", "inet",
	"mcast", "fattr", "chown", "flock", "unix", "dns", "getpw", "sendfd",
	"recvfd", "tape", "tty", "proc", "exec", "prot_exec", "settime", "ps",
	"vminfo", "id", "pf", "route", "wroute", "audio", "video", "bpf",
	"unveil", "error", NULL
};

/*
 * The first row of a call whose condition holds is the rule.  A rule's words
 * are promises of which any will do; "" takes none, NULL is never allowed.
 */
struct rule {
	long		 r_nr;
	const char	*r_call;	/* by its name on OpenBSD */
	const char	*r_promises;
	int		(*r_when)(const struct process *);
	const char	*r_condition;
};

static int	 when_readonly_zone(const struct process *);
static int	 when_null(const struct process *);
static int	 when_names(const struct process *);
static int	 when_root(const struct process *);
static int	 when_created(const struct process *);
static int	 when_written(const struct process *);
static int	 when_zone(const struct process *);
static int	 when_directory(const struct process *);
static int	 when_passed(const struct process *);
static int	 when_local(const struct process *);
static int	 when_internet(const struct process *);
static int	 when_netlink(const struct process *);
static int	 when_to_local(const struct process *);
static int	 when_to_cache(const struct process *);
static int	 when_common(const struct process *);
static int	 when_nodelay(const struct process *);
static int	 when_socket(const struct process *);
static int	 when_self(const struct process *);
static int	 when_plain_ioctl(const struct process *);
static int	 when_thread(const struct process *);
static int	 when_executable(const struct process *);
static int	 when_set(const struct process *);

static const struct rule	 rules[] = {
	/* _exit(2) is all that is left without any promise. */
	{ SYS_exit, "_exit", "", NULL, "" },
	{ SYS_exit_group, "_exit", "", NULL, "" },
	{ SYS_restart_syscall, "(the interrupted one)", "", NULL, "" },

	/* "stdio" of pledge(2), in its order. */
	{ SYS_clock_getres, "clock_getres", "stdio", NULL, "" },
	{ SYS_clock_gettime, "clock_gettime", "stdio", NULL, "" },
	{ SYS_close, "close", "stdio", NULL, "" },
	{ SYS_close_range, "closefrom", "stdio", NULL, "" },
	{ SYS_dup, "dup", "stdio", NULL, "" },
	{ SYS_dup3, "dup3", "stdio", NULL, "" },
	{ SYS_fchdir, "fchdir", "stdio", NULL, "" },
	{ SYS_fcntl, "fcntl", "flock", when_lock, "F_GETLK, F_SETLK" },
	{ SYS_fcntl, "fcntl", "stdio", NULL, "" },
	{ SYS_fstat, "fstat", "stdio", NULL, "" },
	{ SYS_fsync, "fsync", "stdio", NULL, "" },
	{ SYS_ftruncate, "ftruncate", "stdio", NULL, "" },
	{ SYS_getegid, "getegid", "stdio", NULL, "" },
	{ SYS_getrandom, "getentropy", "stdio", NULL, "" },
	{ SYS_geteuid, "geteuid", "stdio", NULL, "" },
	{ SYS_getgid, "getgid", "stdio", NULL, "" },
	{ SYS_getgroups, "getgroups", "stdio", NULL, "" },
	{ SYS_getitimer, "getitimer", "stdio", NULL, "" },
	{ SYS_getpgid, "getpgid", "stdio", NULL, "" },
	{ SYS_getpid, "getpid", "stdio", NULL, "" },
	{ SYS_getppid, "getppid", "stdio", NULL, "" },
	{ SYS_getresgid, "getresgid", "stdio", NULL, "" },
	{ SYS_getresuid, "getresuid", "stdio", NULL, "" },
	{ SYS_prlimit64, "setrlimit", "proc id", when_set, "a limit" },
	{ SYS_prlimit64, "getrlimit", "stdio", NULL, "" },
	{ SYS_getsid, "getsid", "stdio", NULL, "" },
	{ SYS_gettid, "getthrid", "stdio", NULL, "" },
	{ SYS_gettimeofday, "gettimeofday", "stdio", NULL, "" },
	{ SYS_getuid, "getuid", "stdio", NULL, "" },
	{ SYS_epoll_create1, "kqueue", "stdio", NULL, "" },
	{ SYS_epoll_ctl, "kevent", "stdio", NULL, "" },
	{ SYS_epoll_pwait, "kevent", "stdio", NULL, "" },
	{ SYS_timerfd_create, "kevent", "stdio", NULL, "EVFILT_TIMER" },
	{ SYS_timerfd_settime, "kevent", "stdio", NULL, "EVFILT_TIMER" },
	{ SYS_eventfd2, "kevent", "stdio", NULL, "EVFILT_USER" },
	{ SYS_lseek, "lseek", "stdio", NULL, "" },
	{ SYS_madvise, "madvise", "stdio", NULL, "" },
	{ SYS_mmap, "mmap", "prot_exec", when_executable, "PROT_EXEC" },
	{ SYS_mmap, "mmap", "stdio", NULL, "" },
	{ SYS_mprotect, "mprotect", "prot_exec", when_executable,
	    "PROT_EXEC" },
	{ SYS_mprotect, "mprotect", "stdio", NULL, "" },
	{ SYS_munmap, "munmap", "stdio", NULL, "" },
	{ SYS_nanosleep, "nanosleep", "stdio", NULL, "" },
	{ SYS_clock_nanosleep, "nanosleep", "stdio", NULL, "" },
	{ SYS_pipe2, "pipe2", "stdio", NULL, "" },
	{ SYS_ppoll, "ppoll", "stdio", NULL, "" },
	{ SYS_pread64, "pread", "stdio", NULL, "" },
	{ SYS_preadv, "preadv", "stdio", NULL, "" },
	{ SYS_pwrite64, "pwrite", "stdio", NULL, "" },
	{ SYS_pwritev, "pwritev", "stdio", NULL, "" },
	{ SYS_read, "read", "stdio", NULL, "" },
	{ SYS_readv, "readv", "stdio", NULL, "" },
	{ SYS_recvfrom, "recvfrom", "stdio", NULL, "" },
	{ SYS_recvmsg, "recvmsg", "stdio", NULL, "" },
	{ SYS_pselect6, "pselect", "stdio", NULL, "" },
	{ SYS_sendmsg, "sendmsg", NULL, when_directory,
	    "a directory's descriptor" },
	{ SYS_sendmsg, "sendmsg", "sendfd", when_passed, "a descriptor" },
	{ SYS_sendmsg, "sendmsg", "stdio", NULL, "" },
	{ SYS_sendmmsg, "sendmmsg", "dns inet unix", NULL, "" },
	{ CONFINE_SENDSYSLOG, "sendsyslog", "stdio", NULL, "" },
	{ SYS_sendto, "sendto", "inet unix dns", when_addressed,
	    "to an address" },
	{ SYS_sendto, "sendto", "stdio", NULL, "" },
	{ SYS_setitimer, "setitimer", "stdio", NULL, "" },
	{ SYS_shutdown, "shutdown", "stdio", NULL, "" },
	{ SYS_rt_sigaction, "sigaction", "stdio", NULL, "" },
	{ SYS_rt_sigprocmask, "sigprocmask", "stdio", NULL, "" },
	{ SYS_rt_sigpending, "sigpending", "stdio", NULL, "" },
	{ SYS_rt_sigsuspend, "sigsuspend", "stdio", NULL, "" },
	{ SYS_rt_sigreturn, "sigreturn", "stdio", NULL, "" },
	{ SYS_sigaltstack, "sigaltstack", "stdio", NULL, "" },
	{ SYS_socketpair, "socketpair", "stdio", NULL, "" },
	{ SYS_umask, "umask", "stdio", NULL, "" },
	{ SYS_wait4, "wait4", "stdio", NULL, "" },
	{ SYS_waitid, "waitid", "stdio", NULL, "" },
	{ SYS_write, "write", "stdio", NULL, "" },
	{ SYS_writev, "writev", "stdio", NULL, "" },
	{ SYS_sched_yield, "sched_yield", "stdio", NULL, "" },
	{ SYS_getrusage, "getrusage", "stdio", NULL, "" },
	{ SYS_ioctl, "ioctl", "stdio", when_plain_ioctl,
	    "FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, isatty(3)" },
	{ SYS_ioctl, "ioctl", "tty", NULL, "" },
	/* Seen on 7.8: these do not take "inet" or "unix". */
	{ SYS_getpeername, "getpeername", "stdio", NULL, "" },
	{ SYS_getsockname, "getsockname", "stdio", NULL, "" },
	{ SYS_getsockopt, "getsockopt", "stdio", when_common, "SO_ERROR" },
	{ SYS_setsockopt, "setsockopt", "stdio", when_nodelay,
	    "TCP_NODELAY" },

	/* "inet", "unix" and "dns". */
	{ SYS_getsockopt, "getsockopt", "inet unix", NULL, "" },
	{ SYS_setsockopt, "setsockopt", "inet unix", when_socket,
	    "SOL_SOCKET" },
	{ SYS_setsockopt, "setsockopt", "inet dns", NULL, "" },
	/* "dns" for the name service's cache of Linux. */
	{ SYS_socket, "socket", "unix dns", when_local, "AF_UNIX" },
	{ SYS_socket, "socket", "inet dns", when_internet,
	    "AF_INET, AF_INET6" },
	{ SYS_socket, "socket", "route dns", when_netlink, "AF_ROUTE" },
	{ SYS_connect, "connect", "dns unix", when_to_cache,
	    "the name service's cache of Linux" },
	{ SYS_connect, "connect", "unix", when_to_local, "AF_UNIX" },
	{ SYS_connect, "connect", "inet dns", NULL, "AF_INET, AF_INET6" },
	{ SYS_bind, "bind", "unix", when_to_local, "AF_UNIX" },
	{ SYS_bind, "bind", "inet dns", NULL, "AF_INET, AF_INET6" },
	{ SYS_listen, "listen", "inet unix", NULL, "" },
	{ SYS_accept, "accept", "inet unix", NULL, "" },
	{ SYS_accept4, "accept4", "inet unix", NULL, "" },

	/* Files: without a promise those that the C library looks at. */
	{ SYS_openat, "open", "stdio", when_null, "/dev/null" },
	{ SYS_openat, "open", "stdio", when_readonly_zone, "a time zone" },
	{ SYS_openat, "open", "dns rpath", when_names,
	    "of the name service" },
	{ SYS_openat, "open", "cpath", when_created, "O_CREAT" },
	{ SYS_openat, "open", "wpath", when_written, "to write" },
	{ SYS_openat, "open", "rpath", NULL, "to read" },
	{ SYS_newfstatat, "fstat", "stdio", when_descriptor, "" },
	{ SYS_newfstatat, "stat", "stdio", when_zone, "a time zone" },
	{ SYS_newfstatat, "stat", "dns rpath", when_names,
	    "of the name service" },
	{ SYS_newfstatat, "stat", "dns rpath", when_root,
	    "of the root, by which Linux's knows a chroot" },
	{ SYS_newfstatat, "stat", "rpath", NULL, "any" },
	{ SYS_statx, "fstat", "stdio", when_descriptor, "" },
	{ SYS_statx, "stat", "rpath", NULL, "any" },
	{ SYS_statfs, "statfs", "rpath", NULL, "" },
	{ SYS_faccessat, "access", "stdio", when_zone, "a time zone" },
	{ SYS_faccessat, "access", "rpath", NULL, "" },
	{ SYS_faccessat2, "access", "rpath", NULL, "" },
	{ SYS_readlinkat, "readlink", "rpath", NULL, "" },
	{ SYS_getdents64, "getdents", "rpath", NULL, "" },
	{ SYS_getcwd, "getcwd", "rpath wpath", NULL, "" },
	{ SYS_chdir, "chdir", "rpath", NULL, "" },
	{ SYS_truncate, "truncate", "wpath", NULL, "" },
	{ SYS_unlinkat, "unlink", "cpath", NULL, "" },
	{ SYS_mkdirat, "mkdir", "cpath", NULL, "" },
	{ SYS_renameat, "rename", "cpath", NULL, "" },
	{ SYS_renameat2, "rename", "cpath", NULL, "" },
	{ SYS_linkat, "link", "cpath", NULL, "" },
	{ SYS_symlinkat, "symlink", "cpath", NULL, "" },
	{ SYS_mknodat, "mknod", "dpath", NULL, "" },
	{ SYS_fchmod, "fchmod", "fattr", NULL, "" },
	{ SYS_fchmodat, "chmod", "fattr", NULL, "" },
	{ SYS_utimensat, "utimensat", "fattr", NULL, "" },
	{ SYS_fchown, "fchown", "chown fattr", NULL, "" },
	{ SYS_fchownat, "chown", "chown fattr", NULL, "" },
	{ SYS_flock, "flock", "flock", NULL, "" },

	/* "proc", "exec" and "id". */
	{ SYS_clone, "(a thread)", "stdio", when_thread, "of the same" },
	{ SYS_clone, "fork", "proc", NULL, "" },
	{ SYS_clone3, "(a thread)", "stdio", when_thread, "of the same" },
	{ SYS_clone3, "fork", "proc", NULL, "" },
	{ SYS_kill, "kill", "stdio", when_self, "oneself" },
	{ SYS_kill, "kill", "proc", NULL, "another" },
	{ SYS_tgkill, "thrkill", "stdio", NULL, "" },
	{ SYS_getpriority, "getpriority", "proc id", NULL, "" },
	{ SYS_setpriority, "setpriority", "proc id", NULL, "" },
	{ SYS_setpgid, "setpgid", "proc", NULL, "" },
	{ SYS_setsid, "setsid", "proc", NULL, "" },
	{ SYS_execve, "execve", "exec", NULL, "" },
	{ SYS_setuid, "setuid", "id", NULL, "" },
	{ SYS_setreuid, "setreuid", "id", NULL, "" },
	{ SYS_setresuid, "setresuid", "id", NULL, "" },
	{ SYS_setgid, "setgid", "id", NULL, "" },
	{ SYS_setregid, "setregid", "id", NULL, "" },
	{ SYS_setresgid, "setresgid", "id", NULL, "" },
	{ SYS_setgroups, "setgroups", "id", NULL, "" },
	{ CONFINE_SETLOGIN, "setlogin", "id", NULL, "" },
	{ CONFINE_UNVEIL, "unveil", "unveil", NULL, "" },
	/* The maximum of files is not among what may be asked for. */
	{ CONFINE_SYSCTL, "sysctl", NULL, NULL, "kern.maxfiles" },

	/* Never again after pledge(2). */
	{ SYS_chroot, "chroot", NULL, NULL, "" },
	{ SYS_ptrace, "ptrace", NULL, NULL, "" },
	{ SYS_mount, "mount", NULL, NULL, "" },
	{ SYS_acct, "acct", NULL, NULL, "" },
	{ SYS_sync, "sync", NULL, NULL, "" },

	/* Linux's C library makes calls for which OpenBSD's has no need. */
	{ SYS_brk, "brk", "stdio", NULL, "" },
	{ SYS_mremap, "mremap", "stdio", NULL, "" },
	{ SYS_futex, "futex", "stdio", NULL, "" },
	{ SYS_rseq, "rseq", "stdio", NULL, "" },
	{ SYS_set_robust_list, "set_robust_list", "stdio", NULL, "" },
	{ SYS_set_tid_address, "set_tid_address", "stdio", NULL, "" },
	{ SYS_prctl, "prctl", "stdio", NULL, "" },
	{ SYS_uname, "uname", "stdio", NULL, "" },
	{ SYS_sysinfo, "sysinfo", "stdio", NULL, "" },
	{ SYS_sched_getaffinity, "sched_getaffinity", "stdio", NULL, "" },
#if defined(__x86_64__)
	{ SYS_arch_prctl, "arch_prctl", "stdio", NULL, "" },
	{ SYS_dup2, "dup2", "stdio", NULL, "" },
	{ SYS_pipe, "pipe", "stdio", NULL, "" },
	{ SYS_poll, "poll", "stdio", NULL, "" },
	{ SYS_select, "select", "stdio", NULL, "" },
	{ SYS_getpgrp, "getpgrp", "stdio", NULL, "" },
	{ SYS_epoll_wait, "kevent", "stdio", NULL, "" },
	{ SYS_time, "gettimeofday", "stdio", NULL, "" },
	{ SYS_fork, "fork", "proc", NULL, "" },
	{ SYS_vfork, "vfork", "proc", NULL, "" },
	{ SYS_access, "access", "rpath", NULL, "" },
	{ SYS_stat, "stat", "rpath", NULL, "" },
	{ SYS_lstat, "lstat", "rpath", NULL, "" },
	{ SYS_readlink, "readlink", "rpath", NULL, "" },
	{ SYS_unlink, "unlink", "cpath", NULL, "" },
	{ SYS_mkdir, "mkdir", "cpath", NULL, "" },
	{ SYS_rmdir, "rmdir", "cpath", NULL, "" },
	{ SYS_rename, "rename", "cpath", NULL, "" },
	{ SYS_chmod, "chmod", "fattr", NULL, "" },
	{ SYS_chown, "chown", "chown fattr", NULL, "" },
#endif
	{ 0, NULL, NULL, NULL, NULL }
};

/* What comes with a message is known when it has come. */
static const struct rule	 received[] = {
	{ SYS_recvmsg, "recvmsg", NULL, when_directory,
	    "a directory's descriptor" },
	{ SYS_recvmsg, "recvmsg", "recvfd", when_passed, "a descriptor" },
	{ SYS_recvmsg, "recvmsg", "stdio", NULL, "" },
	{ 0, NULL, NULL, NULL, NULL }
};

/* The calls that look a path up: which argument it is, after a directory. */
static const struct {
	long		 l_nr;
	int		 l_path;
}	 lookups[] = {
	{ SYS_openat, 1 }, { SYS_newfstatat, 1 }, { SYS_statx, 1 },
	{ SYS_faccessat, 1 }, { SYS_faccessat2, 1 }, { SYS_readlinkat, 1 },
	{ SYS_unlinkat, 1 }, { SYS_mkdirat, 1 }, { SYS_fchmodat, 1 },
	{ SYS_fchownat, 1 }, { SYS_chdir, 0 }, { SYS_execve, 0 },
	{ SYS_truncate, 0 }, { SYS_statfs, 0 },
#if defined(__x86_64__)
	{ SYS_access, 0 }, { SYS_stat, 0 }, { SYS_lstat, 0 },
	{ SYS_readlink, 0 }, { SYS_unlink, 0 }, { SYS_mkdir, 0 },
	{ SYS_rmdir, 0 }, { SYS_chmod, 0 }, { SYS_chown, 0 },
#endif
};

static int
call_path(const struct process *p, char *path, size_t len)
{
	size_t	 i;

	for (i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++)
		if (lookups[i].l_nr == p->pr_call.c_nr)
			return (trace_string(p->pr_pid,
			    p->pr_call.c_args[lookups[i].l_path], path, len));
	return (-1);
}

static int
is_path(const struct process *p, const char *const *names)
{
	char	 path[PATH_MAX];
	size_t	 i, n;

	if (call_path(p, path, sizeof(path)) == -1)
		return (0);
	for (i = 0; names[i] != NULL; i++) {
		n = strlen(names[i]);
		/* A name that ends in a slash is what lies below it. */
		if (names[i][n - 1] == '/' ? strncmp(path, names[i], n) == 0 :
		    strcmp(path, names[i]) == 0)
			return (1);
	}
	return (0);
}

static int
when_zone(const struct process *p)
{
	static const char *const	 names[] = {
		"/etc/localtime", "/usr/share/zoneinfo/", NULL
	};

	return (is_path(p, names));
}

static int
when_readonly_zone(const struct process *p)
{
	return ((p->pr_call.c_args[2] & O_ACCMODE) == O_RDONLY &&
	    when_zone(p));
}

static int
when_null(const struct process *p)
{
	static const char *const	 names[] = { "/dev/null", NULL };

	return (is_path(p, names));
}

/* resolv.conf(5) and what Linux's C library reads besides. */
static int
when_names(const struct process *p)
{
	static const char *const	 names[] = {
		"/etc/resolv.conf", "/etc/hosts", "/etc/services",
		"/etc/protocols", "/etc/nsswitch.conf", "/etc/gai.conf",
		"/etc/host.conf", NULL
	};

	if (p->pr_call.c_nr == SYS_openat &&
	    (p->pr_call.c_args[2] & O_ACCMODE) != O_RDONLY)
		return (0);
	return (is_path(p, names));
}

static int
when_root(const struct process *p)
{
	char	 path[PATH_MAX];

	return (call_path(p, path, sizeof(path)) == 0 &&
	    strcmp(path, "/") == 0);
}

static int
when_created(const struct process *p)
{
	return ((p->pr_call.c_args[2] & O_CREAT) != 0);
}

static int
when_written(const struct process *p)
{
	return ((p->pr_call.c_args[2] & (O_ACCMODE | O_TRUNC)) != O_RDONLY);
}

static int
when_directory(const struct process *p)
{
	mode_t	 mode;
	dev_t	 dev;
	ino_t	 ino;
	int	 fds[PASSED_MAX], i, n;

	n = trace_passed(p->pr_pid, p->pr_call.c_args[1], fds, PASSED_MAX);
	for (i = 0; i < n; i++)
		if (trace_identity(p->pr_pid, fds[i], &mode, &dev,
		    &ino) == 0 && S_ISDIR(mode))
			return (1);
	return (0);
}

static int
when_passed(const struct process *p)
{
	int	 fds[PASSED_MAX];

	return (trace_passed(p->pr_pid, p->pr_call.c_args[1], fds,
	    PASSED_MAX) > 0);
}

static int
when_local(const struct process *p)
{
	return (p->pr_call.c_args[0] == AF_UNIX);
}

static int
when_internet(const struct process *p)
{
	return (p->pr_call.c_args[0] == AF_INET ||
	    p->pr_call.c_args[0] == AF_INET6);
}

static int
when_netlink(const struct process *p)
{
	return (p->pr_call.c_args[0] == AF_NETLINK);
}

static int
when_to_local(const struct process *p)
{
	sa_family_t	 family;

	return (trace_read(p->pr_pid, p->pr_call.c_args[1], &family,
	    sizeof(family)) == 0 && family == AF_UNIX);
}

static int
when_to_cache(const struct process *p)
{
	static const char	 cache[] = "/var/run/nscd/socket";
	char			 path[sizeof(cache)];

	return (when_to_local(p) && trace_read(p->pr_pid,
	    p->pr_call.c_args[1] + offsetof(struct sockaddr_un, sun_path),
	    path, sizeof(path)) == 0 && memcmp(path, cache,
	    sizeof(cache)) == 0);
}

static int
when_socket(const struct process *p)
{
	return (p->pr_call.c_args[1] == SOL_SOCKET);
}

static int
when_common(const struct process *p)
{
	return (when_socket(p) && p->pr_call.c_args[2] == SO_ERROR);
}

static int
when_nodelay(const struct process *p)
{
	return (p->pr_call.c_args[1] == IPPROTO_TCP &&
	    p->pr_call.c_args[2] == TCP_NODELAY);
}

static int
when_self(const struct process *p)
{
	pid_t	 pid = (pid_t)p->pr_call.c_args[0];

	return (pid == 0 || pid == p->pr_pid);
}

static int
when_plain_ioctl(const struct process *p)
{
	switch (p->pr_call.c_args[1]) {
	case FIONREAD:
	case FIONBIO:
	case FIOCLEX:
	case FIONCLEX:
	case TCGETS:
		return (1);
	}
	return (0);
}

static int
when_thread(const struct process *p)
{
	uint64_t	 flags = p->pr_call.c_args[0];

	if (p->pr_call.c_nr == SYS_clone3 && trace_read(p->pr_pid,
	    p->pr_call.c_args[0], &flags, sizeof(flags)) == -1)
		return (0);
	return ((flags & CLONE_THREAD) != 0);
}

static int
when_executable(const struct process *p)
{
	return ((p->pr_call.c_args[2] & PROT_EXEC) != 0);
}

static int
when_set(const struct process *p)
{
	return (p->pr_call.c_args[2] != 0);
}

/* The bits of words; -1 for one that is none. */
static int
promises_parse(const char *text, uint64_t *bits)
{
	size_t	 i, n;

	*bits = 0;
	while (*(text += strspn(text, " ")) != '\0') {
		n = strcspn(text, " ");
		for (i = 0; words[i] != NULL; i++)
			if (strlen(words[i]) == n &&
			    strncmp(words[i], text, n) == 0)
				break;
		if (words[i] == NULL)
			return (-1);
		*bits |= 1ULL << i;
		text += n;
	}
	return (0);
}

static int
rule_kept(const struct rule *r, const struct process *p)
{
	uint64_t	 bits;

	if (r->r_promises == NULL ||
	    promises_parse(r->r_promises, &bits) == -1)
		return (0);
	return (bits == 0 || (bits & p->pr_promises) != 0);
}

static const struct rule *
rule_find(const struct rule *r, const struct process *p)
{
	for (; r->r_call != NULL; r++)
		if (r->r_nr == p->pr_call.c_nr &&
		    (r->r_when == NULL || r->r_when(p)))
			return (r);
	return (NULL);
}

static int
pledge_check(struct process *p, const struct rule *table)
{
	const struct rule	*r;
	char			 path[PATH_MAX] = "";

	if (!p->pr_pledged)
		return (0);
	if ((r = rule_find(table, p)) == NULL)
		process_violation(p, SIGABRT, "system call %ld, which is not "
		    "in the table", p->pr_call.c_nr);
	else if (!rule_kept(r, p)) {
		(void)call_path(p, path, sizeof(path));
		process_violation(p, SIGABRT, "%s%s%s%s%s: %s%s%s", r->r_call,
		    r->r_condition[0] == '\0' ? "" : ", ", r->r_condition,
		    path[0] == '\0' ? "" : " ", path,
		    r->r_promises == NULL ? "never" : "promise \"",
		    r->r_promises == NULL ? "" : r->r_promises,
		    r->r_promises == NULL ? "" : "\"");
	} else
		return (0);
	p->pr_result = -EPERM;
	return (-1);
}

/* Only ever less: EPERM otherwise. */
static long
pledge_set(struct process *p, uint64_t address, int *pledged, uint64_t *bits)
{
	char		 text[512];
	uint64_t	 wanted;

	if (address == 0)
		return (0);
	if (trace_string(p->pr_pid, address, text, sizeof(text)) == -1)
		return (-EFAULT);
	if (promises_parse(text, &wanted) == -1)
		return (-EINVAL);
	if (*pledged && (wanted & ~*bits) != 0)
		return (-EPERM);
	*pledged = 1;
	*bits = wanted;
	return (0);
}

static long
pledge_call(struct process *p)
{
	long	 error;

	error = pledge_set(p, p->pr_call.c_args[1], &p->pr_execpledged,
	    &p->pr_execpromises);
	if (error == 0)
		error = pledge_set(p, p->pr_call.c_args[0], &p->pr_pledged,
		    &p->pr_promises);
	return (error);
}

/* Paths are compared as they are written, without links. */
static long
unveil_call(struct process *p)
{
	struct unveiled	*u;

	if (p->pr_locked)
		return (-EPERM);
	if (p->pr_call.c_args[0] == 0 && p->pr_call.c_args[1] == 0) {
		p->pr_locked = 1;
		return (0);
	}
	if (p->pr_nunveiled == 4)
		return (-E2BIG);
	u = &p->pr_unveiled[p->pr_nunveiled];
	if (trace_string(p->pr_pid, p->pr_call.c_args[0], u->u_path,
	    sizeof(u->u_path)) == -1 || trace_string(p->pr_pid,
	    p->pr_call.c_args[1], u->u_permissions,
	    sizeof(u->u_permissions)) == -1)
		return (-EFAULT);
	if (strspn(u->u_permissions, "rwxc") != strlen(u->u_permissions))
		return (-EINVAL);
	p->pr_nunveiled++;
	return (0);
}

static int
unveil_below(const struct unveiled *u, const char *path)
{
	size_t	 n = strlen(u->u_path);

	return (strncmp(u->u_path, path, n) == 0 && (u->u_path[n - 1] == '/' ||
	    path[n] == '/' || path[n] == '\0'));
}

static void
unveil_absolute(const struct process *p, char *path, size_t len)
{
	char	 name[64], cwd[PATH_MAX], rest[PATH_MAX];
	ssize_t	 n;

	if (path[0] == '/')
		return;
	(void)snprintf(name, sizeof(name), "/proc/%ld/cwd", (long)p->pr_pid);
	n = readlink(name, cwd, sizeof(cwd) - 1);
	cwd[n < 0 ? 0 : n] = '\0';
	memcpy(rest, path, len);
	if (strlen(cwd) + strlen(rest) + 2 > len)
		return;
	memcpy(path, cwd, strlen(cwd));
	path[strlen(cwd)] = '/';
	memcpy(path + strlen(cwd) + 1, rest, strlen(rest) + 1);
}

/* ENOENT for what no unveil(2) covers, EACCES for what one does not allow. */
static int
unveil_check(struct process *p)
{
	const struct unveiled	*u = NULL;
	char			 path[PATH_MAX];
	int			 i;

	if (p->pr_nunveiled == 0 || call_path(p, path, sizeof(path)) == -1 ||
	    path[0] == '\0' || when_zone(p) || when_null(p))
		return (0);
	if (when_names(p) && p->pr_pledged)
		return (0);
	unveil_absolute(p, path, sizeof(path));
	for (i = 0; i < p->pr_nunveiled; i++)
		if (unveil_below(&p->pr_unveiled[i], path) && (u == NULL ||
		    strlen(u->u_path) <= strlen(p->pr_unveiled[i].u_path)))
			u = &p->pr_unveiled[i];
	if (u == NULL || u->u_permissions[0] == '\0')
		p->pr_result = -ENOENT;
	else if (p->pr_call.c_nr == SYS_openat && when_written(p) &&
	    strchr(u->u_permissions, 'w') == NULL)
		p->pr_result = -EACCES;
	else
		return (0);
	return (-1);
}

int
pledge_entry(struct process *p)
{
	if (p->pr_call.c_nr == CONFINE_PLEDGE) {
		p->pr_result = pledge_call(p);
		return (VERDICT_ANSWER);
	}
	if (pledge_check(p, rules) == -1 || unveil_check(p) == -1)
		return (VERDICT_ANSWER);
	switch (p->pr_call.c_nr) {
	case CONFINE_UNVEIL:
		p->pr_result = unveil_call(p);
		return (VERDICT_ANSWER);
	case CONFINE_SENDSYSLOG:
	case CONFINE_SETLOGIN:
		p->pr_result = 0;
		return (VERDICT_ANSWER);
	}
	return (limit_entry(p));
}

void
pledge_exit(struct process *p, long result)
{
	if (p->pr_call.c_nr == SYS_recvmsg && result >= 0)
		(void)pledge_check(p, received);
}

/* Promises and unveiled paths end with the program that made them. */
void
pledge_exec(struct process *p)
{
	p->pr_pledged = p->pr_execpledged;
	p->pr_promises = p->pr_execpromises;
	p->pr_nunveiled = p->pr_locked = 0;
}

/* number, call, condition, promises ("-": never) */
void
pledge_print(void)
{
	const struct rule	*r;

	for (r = rules; r->r_call != NULL; r++)
		printf("%ld\t%s\t%s\t%s\n", r->r_nr, r->r_call, r->r_condition,
		    r->r_promises == NULL ? "-" : r->r_promises);
}
