/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The operations that sandbox_seccomp_test tries inside the sandboxes; each
 * returns 0 when it worked.
 */

#ifndef PROBE_H
#define PROBE_H

struct probe {
	const char	*pr_name;
	int		(*pr_run)(void);
};

/* What a probe finds open; the test holds the far ends. */
extern int	 probe_pipe, probe_tcp, probe_file;
/* A process that waits to be killed. */
extern int	 probe_stopped;

int	 op_read(void);
int	 op_recvmsg(void);
int	 op_peek(void);
int	 op_write(void);
int	 op_writev(void);
int	 op_send(void);
int	 op_shutdown(void);
int	 op_poll(void);
int	 op_ppoll(void);
int	 op_so_error(void);
int	 op_nodelay(void);
int	 op_names(void);
int	 op_fionread(void);
int	 op_fcntl(void);
int	 op_close(void);
int	 op_memory(void);
int	 op_clock(void);
int	 op_random(void);
int	 op_title(void);
int	 op_fork(void);
int	 op_kill(void);
int	 op_kill_child(void);
int	 op_kill_stranger(void);
int	 op_limits(void);
int	 op_dup2(void);
int	 op_close_range(void);
int	 op_pread(void);
int	 op_send_descriptor(void);
int	 op_sendmmsg(void);
int	 op_clone_vm(void);
int	 op_clone_newuser(void);
int	 op_clone3(void);
int	 op_clone3_errno(void);
int	 op_vfork(void);
int	 op_kill_term(void);
int	 op_tgkill(void);
int	 op_wait(void);
int	 op_exec(void);
int	 op_execveat(void);
int	 op_open(void);
int	 op_open_write(void);
int	 op_open_create(void);
int	 op_open_truncate(void);
int	 op_openat(void);
int	 op_stat(void);
int	 op_fstat(void);
int	 op_unlink(void);
int	 op_socket(void);
int	 op_socketpair(void);
int	 op_socket_raw(void);
int	 op_socket_packet(void);
int	 op_socket_netlink(void);
int	 op_socket_vsock(void);
int	 op_datagram(void);
int	 op_resolve(void);
int	 op_connect(void);
int	 op_bind(void);
int	 op_listen(void);
int	 op_accept(void);
int	 op_sendto_address(void);
int	 op_keepalive(void);
int	 op_sndbuf(void);
int	 op_recverr(void);
int	 op_attach_filter(void);
int	 op_tiocsti(void);
int	 op_dupfd(void);
int	 op_dupfd_cloexec(void);
int	 op_setown(void);
int	 op_ptrace(void);
int	 op_vm_readv(void);
int	 op_vm_writev(void);
int	 op_pidfd_open(void);
int	 op_mmap_exec(void);
int	 op_mmap_file_exec(void);
int	 op_mmap_shared_exec(void);
int	 op_mmap_write_exec(void);
int	 op_mprotect_exec(void);
int	 op_memfd(void);
int	 op_io_uring(void);
int	 op_bpf(void);
int	 op_userfaultfd(void);
int	 op_perf(void);
int	 op_keyctl(void);
int	 op_unshare(void);
int	 op_setns(void);
int	 op_chroot(void);
int	 op_mount(void);
int	 op_setuid(void);
int	 op_prctl(void);
int	 op_prctl_mm(void);
int	 op_prlimit_other(void);
int	 op_filter(void);
int	 op_seccomp(void);
int	 op_x32(void);

#endif /* PROBE_H */
