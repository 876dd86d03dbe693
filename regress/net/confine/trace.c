/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A traced process, looked at and changed from outside. */

#include <sys/types.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

#define PAGE	4096

/* To its next system call or event, with a signal. */
int
trace_next(pid_t pid, int sig)
{
	return ((int)ptrace(PTRACE_SYSCALL, pid, NULL, (long)sig));
}

#if defined(__x86_64__)
int
trace_skip(pid_t pid)
{
	return ((int)ptrace(PTRACE_POKEUSER, pid,
	    offsetof(struct user_regs_struct, orig_rax), -1L));
}

int
trace_result(pid_t pid, long result)
{
	return ((int)ptrace(PTRACE_POKEUSER, pid,
	    offsetof(struct user_regs_struct, rax), result));
}
#elif defined(__aarch64__)
int
trace_skip(pid_t pid)
{
	struct iovec	 iov;
	int		 nr = -1;

	iov.iov_base = &nr;
	iov.iov_len = sizeof(nr);
	return ((int)ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov));
}

int
trace_result(pid_t pid, long result)
{
	struct user_regs_struct	 regs;
	struct iovec		 iov;

	iov.iov_base = &regs;
	iov.iov_len = sizeof(regs);
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) == -1)
		return (-1);
	regs.regs[0] = (unsigned long long)result;
	return ((int)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov));
}
#else
#error "how a system call is skipped on this processor"
#endif

int
trace_read(pid_t pid, uint64_t address, void *buf, size_t len)
{
	struct iovec	 here, there;

	here.iov_base = buf;
	there.iov_base = (void *)(uintptr_t)address;
	here.iov_len = there.iov_len = len;
	return (process_vm_readv(pid, &here, 1, &there, 1, 0) ==
	    (ssize_t)len ? 0 : -1);
}

int
trace_write(pid_t pid, uint64_t address, const void *buf, size_t len)
{
	struct iovec	 here, there;
	char		 copy[256];

	if (len > sizeof(copy))
		return (-1);
	memcpy(copy, buf, len);
	here.iov_base = copy;
	there.iov_base = (void *)(uintptr_t)address;
	here.iov_len = there.iov_len = len;
	return (process_vm_writev(pid, &here, 1, &there, 1, 0) ==
	    (ssize_t)len ? 0 : -1);
}

/* Page by page: what is behind the string may not be mapped. */
int
trace_string(pid_t pid, uint64_t address, char *buf, size_t len)
{
	size_t	 done = 0, n;

	while (done < len) {
		n = PAGE - (address + done) % PAGE;
		if (n > len - done)
			n = len - done;
		if (trace_read(pid, address + done, buf + done, n) == -1)
			return (-1);
		if (memchr(buf + done, '\0', n) != NULL)
			return (0);
		done += n;
	}
	buf[len - 1] = '\0';
	return (0);
}

int
trace_identity(pid_t pid, int fd, mode_t *mode, dev_t *dev, ino_t *ino)
{
	struct stat	 st;
	char		 path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)pid, fd);
	if (stat(path, &st) == -1)
		return (-1);
	*mode = st.st_mode;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return (0);
}

int
trace_hung_up(pid_t pid, int fd)
{
	struct pollfd	 pfd;
	int		 pidfd, n = 0;

	if ((pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) == -1)
		return (0);
	pfd.fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	pfd.events = 0;
	if (pfd.fd != -1) {
		n = poll(&pfd, 1, 0);
		(void)close(pfd.fd);
	}
	(void)close(pidfd);
	return (n == 1);
}

int
trace_passed(pid_t pid, uint64_t address, int *fds, int max)
{
	static union {
		char		 u_data[PAGE];
		struct cmsghdr	 u_align;
	}		 control;
	struct msghdr	 msg;
	struct cmsghdr	*cmsg;
	size_t		 i, n;
	int		 found = 0;

	if (trace_read(pid, address, &msg, sizeof(msg)) == -1 ||
	    msg.msg_control == NULL ||
	    msg.msg_controllen < sizeof(struct cmsghdr) ||
	    msg.msg_controllen > sizeof(control) ||
	    trace_read(pid, (uintptr_t)msg.msg_control, &control,
	    msg.msg_controllen) == -1)
		return (0);
	msg.msg_control = &control;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS ||
		    cmsg->cmsg_len < CMSG_LEN(0))
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n && found < max; i++)
			memcpy(&fds[found++], CMSG_DATA(cmsg) +
			    i * sizeof(int), sizeof(int));
	}
	return (found);
}
