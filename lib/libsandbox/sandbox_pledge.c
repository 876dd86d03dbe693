/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include "sandbox.h"

#ifdef __OpenBSD__

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char	*sandbox_inforce = "none";

static const char *
sandbox_promises(enum sandbox_role role)
{
	switch (role) {
	case SANDBOX_PARENT:
		/* A reload looks users up and keeps copies of files. */
		return ("stdio rpath wpath cpath inet unix sendfd recvfd "
		    "proc exec getpw");
	case SANDBOX_SIGNER_LOADING:
	case SANDBOX_CHECKER:
		return ("stdio recvfd");
	case SANDBOX_SIGNER:
		return ("stdio");
	case SANDBOX_SPAWNER:
		return ("stdio recvfd proc");
	case SANDBOX_SESSION:
		return ("stdio recvfd");
	case SANDBOX_RELAY:
		return ("stdio");
	case SANDBOX_LAUNCHER:
		return ("stdio recvfd proc exec id");
	case SANDBOX_RESOLVER:
		return ("stdio dns");
	}
	return (NULL);
}

int
sandbox_enter(enum sandbox_role role)
{
	const char	*promises;

	if ((promises = sandbox_promises(role)) == NULL) {
		errno = EINVAL;
		return (-1);
	}
	/*
	 * Reads the time zone while it can be seen.  Helpers see no file from
	 * here on; the parent must, where its backends and keys are, and a
	 * resolver what its promise lets it open and nothing else.
	 */
	if (role == SANDBOX_SIGNER_LOADING || role == SANDBOX_SPAWNER ||
	    role == SANDBOX_CHECKER) {
		tzset();
		if (unveil("/", "") == -1 || unveil(NULL, NULL) == -1)
			return (-1);
	}
	if (pledge(promises, NULL) == -1)
		return (-1);
	sandbox_inforce = "pledge";
	return (0);
}

/* Rights do not go with descriptors here. */
int
sandbox_rights(int fd, enum sandbox_use use)
{
	(void)fd;
	(void)use;
	return (0);
}

/* pledge(2) needs no privilege. */
int
sandbox_prepare(enum sandbox_role role)
{
	(void)role;
	return (0);
}

const char *
sandbox_name(void)
{
	return (sandbox_inforce);
}

/*
 * TCP_INFO wants "inet".  A send buffer here takes more whenever it has room
 * for 2 kB, so that a session sees data move without asking.
 */
int
sandbox_taken(int fd, uint64_t *taken)
{
	(void)fd;
	(void)taken;
	errno = ENOTSUP;
	return (-1);
}

const char *
sandbox_death(int sig, enum sandbox_role role)
{
	static char	 text[128];

	/* abort(3) ends so, too. */
	if (sig != SIGABRT)
		return ("");
	(void)snprintf(text, sizeof(text), ": abort(3), or a system call "
	    "against its promises \"%s\"", sandbox_promises(role));
	return (text);
}

#endif /* __OpenBSD__ */
