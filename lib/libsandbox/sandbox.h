/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A common interface to pledge(2), capsicum(4) and seccomp(2), by which a
 * process gives up what it does not need.  Exactly one of sandbox_pledge.c,
 * sandbox_capsicum.c and sandbox_seccomp.c has a body on a given system.
 */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <sys/types.h>

#include <stdint.h>

enum sandbox_role {
	SANDBOX_PARENT,		/* pledge only; the other systems: nothing */
	SANDBOX_SIGNER_LOADING,	/* reads key files it was given */
	SANDBOX_SIGNER,		/* computes */
	SANDBOX_SPAWNER,	/* receives descriptors, forks, kills, reaps */
	SANDBOX_SESSION,	/* forked: waits for its socket, handshakes */
	SANDBOX_RELAY,		/* has all its descriptors */
	SANDBOX_LAUNCHER,	/* pledge only: programs would inherit it */
	SANDBOX_RESOLVER,	/* asks name servers, reads files of /etc */
	SANDBOX_CHECKER		/* reads files it was given */
};

/* The use of a descriptor, which decides its rights where it has any. */
enum sandbox_use {
	SANDBOX_USE_PIPE,	/* a helper's or session's pipe */
	SANDBOX_USE_SOCKET,	/* a client or backend connection */
	SANDBOX_USE_FILE	/* a chain or key file, to be read */
};

/*
 * All return 0, or -1 with errno.  sandbox_enter() sets ENOSYS, and only
 * that, where the kernel has no sandbox: the caller decides by what START
 * said.  Every other failure is final.
 */
int		 sandbox_enter(enum sandbox_role);
int		 sandbox_rights(int, enum sandbox_use);
/* Before the user changes: layers that need privilege, best effort. */
int		 sandbox_prepare(enum sandbox_role);
/* "seccomp+netns+landlock", "capsicum", "pledge"; "none" before enter. */
const char	*sandbox_name(void);
/*
 * A reason for the log if a process in this role died of the signal with which
 * the sandbox ends a process, "" for every other signal.  No system tells a
 * daemon's administrator of a violation otherwise.
 */
const char	*sandbox_death(int, enum sandbox_role);

/*
 * How far the other end of a TCP connection has acknowledged what was sent:
 * compat_moved(), where a session may ask; -1 elsewhere.
 */
int		 sandbox_taken(int, uint64_t *);

/*
 * privdrop.c: chroot to the working directory if the first argument is not
 * zero, then change user.  EINVAL: to root, or the directory is the root.
 */
int		 privdrop(int, uid_t, gid_t);
/* The same to these groups, without chroot; to root it is possible. */
int		 privdrop_user(uid_t, gid_t, const gid_t *, int);
/*
 * rlimits: no core, no file writing, no locked memory, this many descriptors,
 * no fork.  ERANGE: one is not what it was set to.
 */
int		 privdrop_limits(unsigned int, int);

#endif /* SANDBOX_H */
