/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Linux: the calls of glibc's getaddrinfo(3).  The C library reads files, asks
 * name servers, sorts addresses by what the kernel says of routes and
 * interfaces, and loads modules by nsswitch.conf(5), some of which ask a daemon
 * of this host.  Nothing is written, served, run or signalled.
 */

#ifdef __linux__

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include <netinet/in.h>

#include <fcntl.h>
#include <stdint.h>

#include "compat.h"
#include "seccomp_local.h"

static const int seccomp_lookup[] = {
	SCMP_SYS(access),
	SCMP_SYS(bind),			/* netlink */
	SCMP_SYS(connect),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(fstatat64),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getpeername),
	SCMP_SYS(getppid),
	SCMP_SYS(getresgid),
	SCMP_SYS(getresuid),
	SCMP_SYS(getsockname),
	SCMP_SYS(getuid),
	SCMP_SYS(lseek),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(pread64),
	SCMP_SYS(pselect6),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(select),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(shutdown),
	SCMP_SYS(stat),
	SCMP_SYS(stat64),
	SCMP_SYS(statfs),
	SCMP_SYS(statx),
	SCMP_SYS(uname),
};

static int	 seccomp_files(scmp_filter_ctx);
static int	 seccomp_sockets(scmp_filter_ctx);
static int	 seccomp_options(scmp_filter_ctx);
static int	 seccomp_commands(scmp_filter_ctx);

/*
 * Files are opened to be read.  The code of a module is mapped from its file
 * and never writable: memory that was written to is not executed.
 */
static int
seccomp_files(scmp_filter_ctx ctx)
{
#ifdef SANDBOX_WIDEN
	/* Opening is everybody's then; valgrind makes the code it runs. */
	ALLOW(ctx, mmap, 0);
	ALLOW(ctx, mprotect, 0);
#else
	static const scmp_datum_t	 writes =
	    O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;

	ALLOW(ctx, open, 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
	ALLOW(ctx, openat, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
	ALLOW(ctx, mmap, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ALLOW(ctx, mmap, 2,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC),
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_PRIVATE,
	    MAP_PRIVATE));
	ALLOW(ctx, mmap2, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ALLOW(ctx, mmap2, 2,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC),
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_PRIVATE,
	    MAP_PRIVATE));
	ALLOW(ctx, mprotect, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#endif
	return (0);
}

static int
seccomp_sockets(scmp_filter_ctx ctx)
{
	static const scmp_datum_t	 type =
	    (uint32_t)~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	static const int		 domains[] = {
		AF_INET, AF_INET6, AF_UNIX
	};
	size_t				 i;

	for (i = 0; i < nitems(domains); i++) {
		ALLOW(ctx, socket, 2,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)domains[i]),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, type, SOCK_DGRAM));
		ALLOW(ctx, socket, 2,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)domains[i]),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, type, SOCK_STREAM));
	}
	ALLOW(ctx, socket, 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
	    SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
	return (0);
}

static int
seccomp_options(scmp_filter_ctx ctx)
{
	static const int	 generic[] = {
		SO_PASSCRED, SO_RCVBUF, SO_RCVTIMEO, SO_SNDBUF, SO_SNDTIMEO
	};
	static const int	 inet[] = { IP_MTU_DISCOVER, IP_RECVERR };
	static const int	 inet6[] = {
		IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_V6ONLY
	};
	size_t			 i;

	ALLOW(ctx, getsockopt, 1, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET));
	for (i = 0; i < nitems(generic); i++)
		ALLOW(ctx, setsockopt, 2, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
		    SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)generic[i]));
	for (i = 0; i < nitems(inet); i++)
		ALLOW(ctx, setsockopt, 2, SCMP_A1(SCMP_CMP_EQ, IPPROTO_IP),
		    SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)inet[i]));
	for (i = 0; i < nitems(inet6); i++)
		ALLOW(ctx, setsockopt, 2, SCMP_A1(SCMP_CMP_EQ, IPPROTO_IPV6),
		    SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)inet6[i]));
	return (0);
}

static int
seccomp_commands(scmp_filter_ctx ctx)
{
#ifdef SANDBOX_WIDEN
	ALLOW(ctx, fcntl, 0);
#else
	static const int	 commands[] = {
		F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
	};
	size_t			 i;

	for (i = 0; i < nitems(commands); i++) {
		ALLOW(ctx, fcntl, 1,
		    SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
		ALLOW(ctx, fcntl64, 1,
		    SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
	}
#endif
	ALLOW(ctx, ioctl, 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	ALLOW(ctx, prctl, 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	/* libcap at its start, which modules of systemd bring along */
	ALLOW(ctx, prctl, 1, SCMP_A0(SCMP_CMP_EQ, PR_CAPBSET_READ));
	return (0);
}

int
seccomp_resolver(scmp_filter_ctx ctx)
{
	int	 error;

	if ((error = sandbox_add(ctx, seccomp_lookup,
	    nitems(seccomp_lookup))) < 0 ||
	    (error = seccomp_files(ctx)) < 0 ||
	    (error = seccomp_sockets(ctx)) < 0 ||
	    (error = seccomp_options(ctx)) < 0)
		return (error);
	return (seccomp_commands(ctx));
}

#endif /* __linux__ */
