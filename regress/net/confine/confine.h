/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The stand-in for the kernels of OpenBSD and FreeBSD.  The calls of theirs
 * that Linux lacks are system calls by these numbers, of which Linux knows
 * none (ENOSYS); the program confine(8) here, which traces the process,
 * answers them.
 */

#ifndef CONFINE_H
#define CONFINE_H

#include <stdint.h>

enum confine_call {
	CONFINE_HELLO = 6000,	/* 0 for a process that is confined */
	CONFINE_PLEDGE,		/* promises, execpromises */
	CONFINE_UNVEIL,		/* path, permissions */
	CONFINE_SENDSYSLOG,
	CONFINE_SETLOGIN,
	CONFINE_CAP_ENTER,
	CONFINE_CAP_GETMODE,	/* where to */
	CONFINE_CAP_RIGHTS,	/* descriptor, rights */
	CONFINE_CAP_FCNTLS,	/* descriptor, bits */
	CONFINE_CAP_IOCTLS,	/* descriptor, commands, how many */
	CONFINE_PROCCTL,	/* command, value */
	CONFINE_SYSCTL,		/* two numbers of a name; the value */
	CONFINE_PDFORK		/* a fork(2) follows */
};

/* errno of FreeBSD, by numbers that Linux does not use. */
#define CONFINE_ENOTCAPABLE	193
#define CONFINE_ECAPMODE	194

/* attach.c: have this process and its descendants confined. */
void	 confine_attach(const char *system, const char *log);

#endif /* CONFINE_H */
