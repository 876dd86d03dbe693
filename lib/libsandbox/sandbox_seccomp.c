/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Linux: a list of the system calls a process needs, everything else ends
 * it with SIGSYS.  There are two families, signer and spawner, each with one
 * filter that is built once; what a signer may do only while it loads, and a
 * spawner but not its sessions, is taken away by a second filter of a few
 * instructions, made beforehand, because every session pays for it.  The
 * resolver's is in sandbox_seccomp_resolver.c.
 *
 * Best effort beside it, in force where sandbox_name() says so: a network
 * namespace without interfaces and a landlock domain without a file.  The
 * resolver needs both, network and files.
 */

#include "sandbox.h"

#ifdef __linux__

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "compat.h"
#include "seccomp_local.h"

#define NARROW_MAX	32	/* instructions */

#ifdef SANDBOX_WIDEN
#define SANDBOX_WIDENED	"+widened"
/* valgrind knows the older interface only; processes have one thread. */
#define SANDBOX_KILL	SCMP_ACT_KILL_THREAD
#else
#define SANDBOX_WIDENED	""
#define SANDBOX_KILL	SCMP_ACT_KILL_PROCESS
#endif

/* Every helper and session makes these calls. */
static const int sandbox_common[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sysinfo),		/* qsort(3) of glibc */
	SCMP_SYS(time),
	SCMP_SYS(write),
	SCMP_SYS(writev),
#ifdef SANDBOX_WIDEN
	/* For sanitizers and the like, in tests only. */
	SCMP_SYS(access),
	SCMP_SYS(fstat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getppid),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getuid),
	SCMP_SYS(lseek),
	SCMP_SYS(newfstatat),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(stat),
	SCMP_SYS(tgkill),
	SCMP_SYS(uname),
#endif
};

static const int sandbox_signer[] = {
	SCMP_SYS(pread64),
};

static const int sandbox_spawner[] = {
	SCMP_SYS(close_range),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fork),
	SCMP_SYS(getpeername),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getsockname),
	SCMP_SYS(recvfrom),
	SCMP_SYS(setrlimit),
	SCMP_SYS(shutdown),
	SCMP_SYS(wait4),
};

/* Only a family's first process makes these. */
static const int sandbox_loading[] = {
	SCMP_SYS(pread64),
	SCMP_SYS(seccomp),
};

static const int sandbox_forking[] = {
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fork),
	SCMP_SYS(getrlimit),
	SCMP_SYS(kill),
	SCMP_SYS(prlimit64),
	SCMP_SYS(seccomp),
	SCMP_SYS(sendmsg),	/* no descriptor is passed on */
	SCMP_SYS(setrlimit),
	SCMP_SYS(wait4),
};

/*
 * The kernel's interface as of landlock ABI 6; what an older one does not
 * know is cut off by its size or masked.
 */
struct sandbox_landlock {
	uint64_t	 sl_fs;
	uint64_t	 sl_net;
	uint64_t	 sl_scoped;
};

static struct sock_filter	 sandbox_narrow[NARROW_MAX];
static struct sock_fprog	 sandbox_narrow_prog;
static int			 sandbox_filtered;	/* the first filter */
static int			 sandbox_netns;
static int			 sandbox_landlocked;

static int	 sandbox_landlock(void);
static int	 sandbox_add_arguments(scmp_filter_ctx);
static int	 sandbox_add_spawner(scmp_filter_ctx);
static int	 sandbox_build(scmp_filter_ctx, enum sandbox_role);
static int	 sandbox_prepare_second(enum sandbox_role);
static int	 sandbox_load(enum sandbox_role);
static int	 sandbox_prepare_narrow(const int *, size_t);
static int	 sandbox_take_away(void);

/* No file, no TCP port, no abstract socket, no signal to a stranger. */
static int
sandbox_landlock(void)
{
#ifdef __NR_landlock_create_ruleset
	struct sandbox_landlock	 deny;
	size_t			 size;
	long			 abi;
	int			 error, fd;

	abi = syscall(__NR_landlock_create_ruleset, NULL, 0,
	    1 /* LANDLOCK_CREATE_RULESET_VERSION */);
	if (abi < 1)
		return (0);
	/* 13 rights at first, then refer, truncate and ioctl of devices. */
	deny.sl_fs = ((uint64_t)1 << (abi >= 5 ? 16 : abi >= 3 ? 15 :
	    abi >= 2 ? 14 : 13)) - 1;
	deny.sl_net = 3;	/* bind, connect */
	deny.sl_scoped = 3;	/* abstract sockets, signals */
	size = abi >= 6 ? sizeof(deny) :
	    abi >= 4 ? offsetof(struct sandbox_landlock, sl_scoped) :
	    offsetof(struct sandbox_landlock, sl_net);
	fd = (int)syscall(__NR_landlock_create_ruleset, &deny, size, 0);
	if (fd == -1)
		return (0);
	error = (int)syscall(__NR_landlock_restrict_self, fd, 0);
	(void)close(fd);
	return (error == 0);
#else
	return (0);
#endif
}

int
sandbox_add(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	size_t	 i;
	int	 error;

	for (i = 0; i < n; i++) {
		error = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		if (error < 0)
			return (error);
	}
	return (0);
}

/* Calls that are harmless with some arguments only. */
static int
sandbox_add_arguments(scmp_filter_ctx ctx)
{
	static const int	 commands[] = {
		F_GETFD, F_SETFD, F_GETFL, F_SETFL
	};
	size_t			 i;

#ifdef SANDBOX_WIDEN
	/* valgrind makes the code it runs, and moves its own descriptors. */
	ALLOW(ctx, fcntl, 0);
	ALLOW(ctx, mmap, 0);
	ALLOW(ctx, mprotect, 0);
#else
	/* Memory is never executable; a mapping has no need of a file. */
	ALLOW(ctx, mmap, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ALLOW(ctx, mmap2, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ALLOW(ctx, mprotect, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#endif
	for (i = 0; i < nitems(commands); i++) {
		ALLOW(ctx, fcntl, 1,
		    SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
		ALLOW(ctx, fcntl64, 1,
		    SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
	}
	/* send(2): to the peer of a connection, never to an address */
	ALLOW(ctx, sendto, 1, SCMP_A4(SCMP_CMP_EQ, 0));
	ALLOW(ctx, prctl, 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	/* The second filter comes this way. */
	ALLOW(ctx, prctl, 2, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP),
	    SCMP_A1(SCMP_CMP_EQ, SECCOMP_MODE_FILTER));
	return (0);
}

static int
sandbox_add_spawner(scmp_filter_ctx ctx)
{
	int	 error;

	/* Nothing shared with the child, no namespace: fork(2). */
	ALLOW(ctx, clone, 1, SCMP_A0(SCMP_CMP_MASKED_EQ,
	    ~(scmp_datum_t)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID),
	    SIGCHLD));
	/* Its flags are out of sight: libc falls back to clone. */
	error = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
	    SCMP_SYS(clone3), 0);
	if (error < 0)
		return (error);
	ALLOW(ctx, kill, 1, SCMP_A1(SCMP_CMP_EQ, SIGKILL));
	ALLOW(ctx, prlimit64, 1, SCMP_A0(SCMP_CMP_EQ, 0));

	/* The sessions' own. */
	ALLOW(ctx, getsockopt, 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
	    SCMP_A2(SCMP_CMP_EQ, SO_ERROR));
	ALLOW(ctx, getsockopt, 2, SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP),
	    SCMP_A2(SCMP_CMP_EQ, TCP_INFO));
	ALLOW(ctx, setsockopt, 2, SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP),
	    SCMP_A2(SCMP_CMP_EQ, TCP_NODELAY));
	ALLOW(ctx, ioctl, 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	return (0);
}

static int
sandbox_build(scmp_filter_ctx ctx, enum sandbox_role role)
{
	int	 error;

	/* An error of the kernel as it was; a tree rather than a chain. */
	if ((error = seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1)) < 0 ||
	    (error = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SANDBOX_KILL)) < 0 ||
	    (error = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2)) < 0 ||
	    (error = sandbox_add(ctx, sandbox_common,
	    nitems(sandbox_common))) < 0)
		return (error);
	if (role == SANDBOX_RESOLVER)
		return (seccomp_resolver(ctx));
	if ((error = sandbox_add_arguments(ctx)) < 0)
		return (error);
	if (role == SANDBOX_SIGNER)
		return (sandbox_add(ctx, sandbox_signer,
		    nitems(sandbox_signer)));
	if ((error = sandbox_add(ctx, sandbox_spawner,
	    nitems(sandbox_spawner))) < 0)
		return (error);
	return (sandbox_add_spawner(ctx));
}

/*
 * The second filter: some calls end the process, and prctl(2) is for the
 * process title only.  The first one has seen to the architecture.
 */
static int
sandbox_prepare_narrow(const int *calls, size_t ncalls)
{
	struct sock_filter	*f = sandbox_narrow;
	size_t			 i, last, n = 0;

	if (ncalls + 6 > NARROW_MAX) {
		errno = E2BIG;
		return (-1);
	}
	last = ncalls + 5;
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	/* A call that this architecture lacks has a number none can make. */
	for (i = 0; i < ncalls; i++, n++)
		f[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    (uint32_t)calls[i], (uint8_t)(last - n - 1), 0);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	    (uint32_t)SCMP_SYS(prctl), 0, 2);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, args[0]));
#else
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, args[0]) + sizeof(uint32_t));
#endif
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	    PR_SET_NAME, 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_KILL_PROCESS);
	sandbox_narrow_prog.len = (unsigned short)n;
	sandbox_narrow_prog.filter = sandbox_narrow;
	return (0);
}

static int
sandbox_prepare_second(enum sandbox_role role)
{
	switch (role) {
	case SANDBOX_SIGNER:
		return (sandbox_prepare_narrow(sandbox_loading,
		    nitems(sandbox_loading)));
	case SANDBOX_SPAWNER:
		return (sandbox_prepare_narrow(sandbox_forking,
		    nitems(sandbox_forking)));
	default:
		return (0);
	}
}

/* The filter of a family: of signers, of spawners or of resolvers. */
static int
sandbox_load(enum sandbox_role role)
{
	scmp_filter_ctx	 ctx;
	int		 error;

	/* A kernel built without seccomp refuses even to be asked. */
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == -1) {
		errno = ENOSYS;
		return (-1);
	}
	if (sandbox_prepare_second(role) == -1)
		return (-1);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (-1);
	sandbox_landlocked = role != SANDBOX_RESOLVER && sandbox_landlock();
	if ((ctx = seccomp_init(SANDBOX_KILL)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	if ((error = sandbox_build(ctx, role)) == 0)
		error = seccomp_load(ctx);
	seccomp_release(ctx);
	if (error < 0) {
		/* ENOSYS is the caller's licence to run on without. */
		errno = error == -ENOSYS ? ENOTSUP : -error;
		return (-1);
	}
	sandbox_filtered = 1;
	return (0);
}

static int
sandbox_take_away(void)
{
	return (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
	    &sandbox_narrow_prog, 0, 0));
}

int
sandbox_enter(enum sandbox_role role)
{
	switch (role) {
	case SANDBOX_PARENT:
	case SANDBOX_RELAY:
		/* A session has nothing left to give up here. */
		return (0);
	case SANDBOX_LAUNCHER:
		/* A filter and no_new_privs would outlast its execve(2). */
		return (0);
	case SANDBOX_SIGNER_LOADING:
	case SANDBOX_CHECKER:
		return (sandbox_load(SANDBOX_SIGNER));
	case SANDBOX_SPAWNER:
	case SANDBOX_RESOLVER:
		return (sandbox_load(role));
	case SANDBOX_SIGNER:
		if (!sandbox_filtered && sandbox_load(SANDBOX_SIGNER) == -1)
			return (-1);
		return (sandbox_take_away());
	case SANDBOX_SESSION:
		if (!sandbox_filtered && sandbox_load(SANDBOX_SPAWNER) == -1)
			return (-1);
		return (sandbox_take_away());
	}
	errno = EINVAL;
	return (-1);
}

/* Rights do not go with descriptors here. */
int
sandbox_rights(int fd, enum sandbox_use use)
{
	(void)fd;
	(void)use;
	return (0);
}

int
sandbox_prepare(enum sandbox_role role)
{
	if (role == SANDBOX_PARENT || role == SANDBOX_LAUNCHER ||
	    role == SANDBOX_RESOLVER)
		return (0);
	/* Refused in many a container: sandbox_name() tells. */
	sandbox_netns = unshare(CLONE_NEWNET) == 0;
	return (0);
}

const char *
sandbox_name(void)
{
	static char	 name[64];

	if (!sandbox_filtered)
		return ("none");
	(void)snprintf(name, sizeof(name), "seccomp%s%s" SANDBOX_WIDENED,
	    sandbox_netns ? "+netns" : "",
	    sandbox_landlocked ? "+landlock" : "");
	return (name);
}

int
sandbox_taken(int fd, uint64_t *taken)
{
	uint64_t	 given;

	return (compat_moved(fd, taken, &given));
}

const char *
sandbox_death(int sig, enum sandbox_role role)
{
	(void)role;
	if (sig == SIGSYS)
		return (": the sandbox refused a system call");
	return ("");
}

#endif /* __linux__ */
