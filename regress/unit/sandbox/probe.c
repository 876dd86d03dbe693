/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include "probe.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int	 probe_pipe, probe_tcp, probe_file;
int	 probe_stopped;

int
op_read(void)
{
	char	 buf[8];

	return (read(probe_tcp, buf, sizeof(buf)) != 3);
}

int
op_recvmsg(void)
{
	struct msghdr	 msg;
	struct iovec	 iov;
	char		 buf[8];

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = buf;
	iov.iov_len = sizeof(buf);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	return (recvmsg(probe_pipe, &msg, 0) != 3);
}

int
op_peek(void)
{
	char	 buf[8];

	return (recv(probe_tcp, buf, sizeof(buf), MSG_PEEK) != 3);
}

int
op_write(void)
{
	return (write(probe_tcp, "x", 1) != 1);
}

int
op_writev(void)
{
	struct iovec	 iov;
	char		 c = 'x';

	iov.iov_base = &c;
	iov.iov_len = 1;
	return (writev(probe_pipe, &iov, 1) != 1);
}

int
op_send(void)
{
	return (send(probe_pipe, "x", 1, MSG_NOSIGNAL) != 1);
}

int
op_shutdown(void)
{
	return (shutdown(probe_tcp, SHUT_WR));
}

int
op_poll(void)
{
	struct pollfd	 pfd = { .fd = probe_tcp, .events = POLLIN };

	return (poll(&pfd, 1, 1000) != 1);
}

int
op_ppoll(void)
{
	struct pollfd	 pfd = { .fd = probe_tcp, .events = POLLIN };
	struct timespec	 ts = { 1, 0 };

	return (ppoll(&pfd, 1, &ts, NULL) != 1);
}

int
op_so_error(void)
{
	socklen_t	 len = sizeof(int);
	int		 error;

	return (getsockopt(probe_tcp, SOL_SOCKET, SO_ERROR, &error, &len));
}

int
op_nodelay(void)
{
	int	 on = 1;

	return (setsockopt(probe_tcp, IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)));
}

int
op_names(void)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);

	if (getpeername(probe_tcp, (struct sockaddr *)&ss, &len) == -1)
		return (-1);
	len = sizeof(ss);
	return (getsockname(probe_tcp, (struct sockaddr *)&ss, &len));
}

int
op_fionread(void)
{
	int	 n;

	return (ioctl(probe_tcp, FIONREAD, &n) == -1 || n != 3);
}

int
op_fcntl(void)
{
	int	 flags;

	if ((flags = fcntl(probe_tcp, F_GETFL)) == -1 ||
	    fcntl(probe_tcp, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    (flags = fcntl(probe_tcp, F_GETFD)) == -1)
		return (-1);
	return (fcntl(probe_tcp, F_SETFD, flags | FD_CLOEXEC));
}

int
op_close(void)
{
	return (close(probe_tcp));
}

int
op_memory(void)
{
	char	*small, *big;

	if ((small = malloc(100)) == NULL ||
	    (big = malloc(8 * 1024 * 1024)) == NULL)
		return (-1);
	memset(big, 1, 8 * 1024 * 1024);
	if ((big = realloc(big, 16 * 1024 * 1024)) == NULL)
		return (-1);
	free(big);
	free(small);
	return (0);
}

int
op_clock(void)
{
	struct timespec	 ts;
	struct timeval	 tv;

	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) == -1 ||
	    syscall(SYS_gettimeofday, &tv, NULL) == -1)
		return (-1);
	return (time(NULL) == -1);
}

int
op_random(void)
{
	char	 buf[16];

	arc4random_buf(buf, sizeof(buf));
	return (getentropy(buf, sizeof(buf)));
}

int
op_title(void)
{
	setproctitle("%s", "17 www connected");
	return (prctl(PR_SET_NAME, "probe", 0, 0, 0));
}

int
op_fork(void)
{
	int	 status;
	pid_t	 pid;

	if ((pid = fork()) == -1)
		return (-1);
	if (pid == 0)
		_exit(3);
	return (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3);
}

int
op_kill(void)
{
	return (kill(probe_stopped, SIGKILL));
}

/* What procs_kill() does to a session that does not leave. */
int
op_kill_child(void)
{
	int	 status;
	pid_t	 pid;

	if ((pid = fork()) == -1)
		return (-1);
	if (pid == 0) {
		for (;;)
			poll(NULL, 0, -1);
	}
	return (kill(pid, SIGKILL) == -1 || waitpid(pid, &status, 0) != pid ||
	    !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL);
}

int
op_kill_stranger(void)
{
	return (kill(probe_stopped, SIGKILL) != -1 || errno != EPERM);
}

int
op_limits(void)
{
	struct rlimit	 rl = { 0, 0 };

	return (setrlimit(RLIMIT_NPROC, &rl));
}

int
op_dup2(void)
{
	return (dup2(probe_pipe, 20) != 20);
}

int
op_close_range(void)
{
	return ((int)syscall(SYS_close_range, 20, ~0U, 0));
}

int
op_pread(void)
{
	char	 buf[8];

	return (pread(probe_file, buf, sizeof(buf), 0) != 3);
}

int
op_send_descriptor(void)
{
	union {
		struct cmsghdr	 hdr;
		unsigned char	 buf[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct cmsghdr	*cmsg;
	struct msghdr	 msg;
	struct iovec	 iov;
	char		 c = 'x';

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = &c;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(cmsg), &probe_tcp, sizeof(int));
	return (sendmsg(probe_pipe, &msg, 0) != 1);
}

int
op_sendmmsg(void)
{
	return ((int)syscall(SYS_sendmmsg, probe_pipe, NULL, 0, 0));
}

int
op_clone_vm(void)
{
	return ((int)syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0,
	    0, 0, 0) == -1);
}

int
op_clone_newuser(void)
{
	return ((int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0,
	    0) == -1);
}

int
op_clone3(void)
{
	return ((int)syscall(SYS_clone3, NULL, 0) == -1);
}

int
op_clone3_errno(void)
{
	return (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS);
}

int
op_vfork(void)
{
	return ((int)syscall(SYS_vfork) == -1);
}

int
op_kill_term(void)
{
	return (kill(probe_stopped, SIGTERM));
}

int
op_tgkill(void)
{
	return ((int)syscall(SYS_tgkill, probe_stopped, probe_stopped,
	    SIGKILL));
}

int
op_wait(void)
{
	return (waitpid(-1, NULL, WNOHANG) == -1 && errno != ECHILD);
}

int
op_exec(void)
{
	return (execl("/bin/true", "true", (char *)NULL));
}

int
op_execveat(void)
{
	return ((int)syscall(SYS_execveat, probe_file, "", NULL, NULL,
	    0x1000 /* AT_EMPTY_PATH */));
}

int
op_open(void)
{
	return (open("/etc/passwd", O_RDONLY) == -1);
}

int
op_open_write(void)
{
	return (open("/dev/null", O_WRONLY) == -1);
}

int
op_open_create(void)
{
	return (openat(AT_FDCWD, "made", O_RDONLY | O_CREAT, 0600) == -1);
}

int
op_open_truncate(void)
{
	return (open("/dev/null", O_RDONLY | O_TRUNC) == -1);
}

int
op_openat(void)
{
	return (openat(AT_FDCWD, "/etc/passwd", O_RDONLY) == -1);
}

int
op_stat(void)
{
	struct stat	 sb;

	return (stat("/", &sb));
}

int
op_fstat(void)
{
	struct stat	 sb;

	return (fstat(probe_file, &sb));
}

int
op_unlink(void)
{
	return (unlink("nothing"));
}

int
op_tiocsti(void)
{
	char	 c = 'x';

	return (ioctl(0, TIOCSTI, &c) == -1);
}

int
op_dupfd(void)
{
	return (fcntl(probe_tcp, F_DUPFD, 20) == -1);
}

int
op_dupfd_cloexec(void)
{
	return (fcntl(probe_tcp, F_DUPFD_CLOEXEC, 20) == -1);
}

int
op_setown(void)
{
	return (fcntl(probe_tcp, F_SETOWN, probe_stopped));
}

int
op_ptrace(void)
{
	return ((int)ptrace(PTRACE_ATTACH, probe_stopped, NULL, NULL));
}

int
op_vm_readv(void)
{
	struct iovec	 iov;
	char		 c;

	iov.iov_base = &c;
	iov.iov_len = 1;
	return (process_vm_readv(probe_stopped, &iov, 1, &iov, 1, 0) != 1);
}

int
op_vm_writev(void)
{
	struct iovec	 iov;
	char		 c = 0;

	iov.iov_base = &c;
	iov.iov_len = 1;
	return (process_vm_writev(probe_stopped, &iov, 1, &iov, 1, 0) != 1);
}

int
op_pidfd_open(void)
{
	return ((int)syscall(SYS_pidfd_open, probe_stopped, 0) == -1);
}

int
op_mmap_exec(void)
{
	return (mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANON, -1, 0) == MAP_FAILED);
}

static int
map_program(int prot, int flags)
{
	int	 fd;

	if ((fd = open("/proc/self/exe", O_RDONLY)) == -1)
		return (-1);
	return (mmap(NULL, 4096, prot, flags, fd, 0) == MAP_FAILED);
}

/* As the dynamic linker does. */
int
op_mmap_file_exec(void)
{
	return (map_program(PROT_READ | PROT_EXEC, MAP_PRIVATE));
}

int
op_mmap_shared_exec(void)
{
	return (map_program(PROT_READ | PROT_EXEC, MAP_SHARED));
}

int
op_mmap_write_exec(void)
{
	return (map_program(PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE));
}

int
op_mprotect_exec(void)
{
	void	*p;

	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON,
	    -1, 0);
	if (p == MAP_FAILED)
		return (0);
	return (mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

int
op_memfd(void)
{
	return ((int)syscall(SYS_memfd_create, "x", 0) == -1);
}

int
op_io_uring(void)
{
	return ((int)syscall(SYS_io_uring_setup, 1, NULL) == -1);
}

int
op_bpf(void)
{
	return ((int)syscall(SYS_bpf, 0, NULL, 0) == -1);
}

int
op_userfaultfd(void)
{
	return ((int)syscall(SYS_userfaultfd, 0) == -1);
}

int
op_perf(void)
{
	return ((int)syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) == -1);
}

int
op_keyctl(void)
{
	return ((int)syscall(SYS_keyctl, 0, 0, 0, 0, 0) == -1);
}

int
op_unshare(void)
{
	return (unshare(CLONE_NEWUSER));
}

int
op_setns(void)
{
	return (setns(probe_file, 0));
}

int
op_chroot(void)
{
	return (chroot("."));
}

int
op_mount(void)
{
	return ((int)syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

int
op_setuid(void)
{
	return (setuid(0));
}

int
op_prctl(void)
{
	return (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

int
op_prctl_mm(void)
{
	return (prctl(PR_SET_MM, 0, 0, 0, 0));
}

int
op_prlimit_other(void)
{
	return ((int)syscall(SYS_prlimit64, probe_stopped, RLIMIT_NOFILE, NULL,
	    NULL));
}

int
op_filter(void)
{
	struct sock_filter	 allow[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	};
	struct sock_fprog	 prog = { 1, allow };

	return (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0));
}

int
op_seccomp(void)
{
	return ((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
}

int
op_x32(void)
{
	return ((int)syscall(0x40000000 + 39 /* getpid of x32 */) == -1);
}
