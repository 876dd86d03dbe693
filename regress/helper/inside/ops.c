/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include "ops.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../unit/sandbox/probe.h"

/* Our own direction is what the answer comes by. */
static int
op_shutdown_read(void)
{
	return (shutdown(probe_tcp, SHUT_RD));
}

static int
op_close_null(void)
{
	return (close(STDIN_FILENO));
}

static const struct op ops[] = {
	/* Nobody's. */
	{ "open",		op_open,		0, OPS_ALL },
	{ "openat",		op_openat,		0, OPS_ALL },
	{ "stat",		op_stat,		0, OPS_ALL },
	{ "fstat",		op_fstat,		0, OPS_ALL },
	{ "unlink",		op_unlink,		0, OPS_ALL },
	{ "socket",		op_socket,		0, OPS_ALL },
	{ "socketpair",		op_socketpair,		0, OPS_ALL },
	{ "connect",		op_connect,		0, OPS_ALL },
	{ "bind",		op_bind,		0, OPS_ALL },
	{ "listen",		op_listen,		0, OPS_ALL },
	{ "accept",		op_accept,		0, OPS_ALL },
	{ "sendto_address",	op_sendto_address,	0, OPS_ALL },
	{ "sendmmsg",		op_sendmmsg,		0, OPS_ALL },
	{ "SO_KEEPALIVE",	op_keepalive,		0, OPS_ALL },
	{ "SO_SNDBUF",		op_sndbuf,		0, OPS_ALL },
	{ "TIOCSTI",		op_tiocsti,		0, OPS_ALL },
	{ "F_DUPFD",		op_dupfd,		0, OPS_ALL },
	{ "F_SETOWN",		op_setown,		0, OPS_ALL },
	{ "exec",		op_exec,		0, OPS_ALL },
	{ "execveat",		op_execveat,		0, OPS_ALL },
	{ "vfork",		op_vfork,		0, OPS_ALL },
	{ "clone_vm",		op_clone_vm,		0, OPS_ALL },
	{ "clone_newuser",	op_clone_newuser,	0, OPS_ALL },
	{ "kill_term",		op_kill_term,		0, OPS_ALL },
	{ "tgkill",		op_tgkill,		0, OPS_ALL },
	{ "ptrace",		op_ptrace,		0, OPS_ALL },
	{ "process_vm_readv",	op_vm_readv,		0, OPS_ALL },
	{ "process_vm_writev",	op_vm_writev,		0, OPS_ALL },
	{ "pidfd_open",		op_pidfd_open,		0, OPS_ALL },
	{ "mmap_exec",		op_mmap_exec,		0, OPS_ALL },
	{ "mprotect_exec",	op_mprotect_exec,	0, OPS_ALL },
	{ "memfd",		op_memfd,		0, OPS_ALL },
	{ "io_uring",		op_io_uring,		0, OPS_ALL },
	{ "bpf",		op_bpf,			0, OPS_ALL },
	{ "userfaultfd",	op_userfaultfd,		0, OPS_ALL },
	{ "perf",		op_perf,		0, OPS_ALL },
	{ "keyctl",		op_keyctl,		0, OPS_ALL },
	{ "unshare",		op_unshare,		0, OPS_ALL },
	{ "setns",		op_setns,		0, OPS_ALL },
	{ "chroot",		op_chroot,		0, OPS_ALL },
	{ "mount",		op_mount,		0, OPS_ALL },
	{ "setuid",		op_setuid,		0, OPS_ALL },
	{ "PR_SET_DUMPABLE",	op_prctl,		0, OPS_ALL },
	{ "PR_SET_MM",		op_prctl_mm,		0, OPS_ALL },
	{ "prlimit_other",	op_prlimit_other,	0, OPS_ALL },
	{ "x32",		op_x32,			0, OPS_ALL },

	/* A spawner's, or a loading signer's, and nobody else's. */
	{ "fork",	op_fork,	OPS_SPAWNER, OPS_SESSION | OPS_SIGNER },
	{ "kill",	op_kill,	0,	     OPS_SESSION | OPS_SIGNER },
	{ "wait",	op_wait,	OPS_SPAWNER, OPS_SESSION | OPS_SIGNER },
	{ "clone3",	op_clone3,	0,	     OPS_SESSION | OPS_SIGNER },
	{ "dup2",	op_dup2,	OPS_SPAWNER, OPS_SESSION | OPS_SIGNER },
	{ "limits",	op_limits,	OPS_SPAWNER, OPS_SESSION | OPS_SIGNER },
	{ "close_range", op_close_range, OPS_SPAWNER,		   OPS_SIGNER },
	{ "send_descriptor", op_send_descriptor, 0,	OPS_SESSION },
	{ "filter",	op_filter,	0,	     OPS_SESSION | OPS_SIGNER },
	{ "seccomp",	op_seccomp,	0,	     OPS_SESSION | OPS_SIGNER },
	{ "pread",	op_pread,	0, OPS_ALL },
	{ "kill_child",	op_kill_child,	OPS_SPAWNER, 0 },
	{ "clone3_ENOSYS", op_clone3_errno, OPS_SPAWNER, 0 },
	{ "kill_parent_EPERM", op_kill_stranger, OPS_SPAWNER, 0 },

	/* What a relay needs. */
	{ "read",	op_read,	OPS_SESSION, 0 },
	{ "recv_peek",	op_peek,	OPS_SESSION, OPS_SIGNER },
	{ "recvmsg",	op_recvmsg,	OPS_SESSION, 0 },
	{ "write",	op_write,	OPS_SESSION, 0 },
	{ "writev",	op_writev,	OPS_SESSION, 0 },
	{ "send",	op_send,	OPS_SESSION, 0 },
	{ "shutdown",	op_shutdown_read, OPS_SESSION, OPS_SIGNER },
	{ "poll",	op_poll,	OPS_SESSION, 0 },
	{ "ppoll",	op_ppoll,	OPS_SESSION, 0 },
	{ "SO_ERROR",	op_so_error,	OPS_SESSION, OPS_SIGNER },
	{ "TCP_NODELAY", op_nodelay,	OPS_SESSION, OPS_SIGNER },
	{ "names",	op_names,	OPS_SESSION, OPS_SIGNER },
	{ "FIONREAD",	op_fionread,	OPS_SESSION, OPS_SIGNER },
	{ "fcntl",	op_fcntl,	OPS_SESSION, 0 },
	{ "close",	op_close_null,	OPS_ALL, 0 },
	{ "memory",	op_memory,	OPS_ALL, 0 },
	{ "clock",	op_clock,	OPS_ALL, 0 },
	{ "random",	op_random,	OPS_ALL, 0 },
	{ "title",	op_title,	OPS_ALL, 0 },
};

#define NOPS	(sizeof(ops) / sizeof(ops[0]))

const struct op *
ops_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < NOPS; i++) {
		if (strcmp(ops[i].op_name, name) == 0)
			return (&ops[i]);
	}
	return (NULL);
}

const struct op *
ops_nth(unsigned int role, size_t n)
{
	size_t	 i;

	for (i = 0; i < NOPS; i++) {
		if (ops[i].op_refused & role && n-- == 0)
			return (&ops[i]);
	}
	for (i = 0; i < NOPS; i++) {
		if (ops[i].op_works & role && n-- == 0)
			return (&ops[i]);
	}
	return (NULL);
}

const char *
ops_run(const struct op *op)
{
	static char	 text[128];
	int		 result;

	errno = 0;
	if ((result = op->op_run()) == 0)
		return ("ok");
	snprintf(text, sizeof(text), "returned %d, %s", result,
	    strerror(errno));
	return (text);
}
