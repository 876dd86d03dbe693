/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 *	noseccomp COMMAND ...
 *
 * Runs the command as on a Linux kernel that was built without seccomp: what
 * asks for it or installs it fails there as it does here.
 */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <err.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define FAIL(e)		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (e))

/* The low half of the first argument; the test runs little-endian. */
#define LOAD(what)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
			    offsetof(struct seccomp_data, what))
#define IF_NOT(v, skip)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), 0, (skip))

static struct sock_filter	 filter[] = {
	LOAD(nr),
	IF_NOT(SYS_seccomp, 1),
	FAIL(ENOSYS),
	IF_NOT(SYS_prctl, 5),
	LOAD(args[0]),
	IF_NOT(PR_GET_SECCOMP, 1),
	FAIL(EINVAL),
	IF_NOT(PR_SET_SECCOMP, 1),
	FAIL(EINVAL),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
};

static void
forbid(void)
{
	struct sock_fprog	 prog;

	prog.len = sizeof(filter) / sizeof(filter[0]);
	prog.filter = filter;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		err(2, "PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		err(2, "PR_SET_SECCOMP");
}

int
main(int argc, char *argv[])
{
	if (argc < 2)
		errx(2, "usage: noseccomp command ...");
	forbid();
	(void)execvp(argv[1], argv + 1);
	err(2, "%s", argv[1]);
}
