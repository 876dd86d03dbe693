/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef PHASE_H
#define PHASE_H

#include <sys/types.h>

#include <stdint.h>

#include "securetcp.h"

/*
 * A connection is a visitor until a session adopts it, and a session is one
 * before it has a connection and after it.
 */
enum phase {
	PHASE_NONE,		/* just made */

	/* A connection without a session. */
	PHASE_SILENT,		/* no byte has come */
	PHASE_READY,		/* an idle session is awaited */

	/* A session without a connection. */
	PHASE_STARTING,		/* its spawner was told to fork it */
	PHASE_IDLE,

	/* A session with one. */
	PHASE_TARGET,		/* a client block's: the target is awaited */
	PHASE_HEADER,		/* adopted: a PROXY header is awaited */
	PHASE_HANDSHAKE,	/* adopted */
	PHASE_BACKEND,		/* established: the backend is awaited */
	PHASE_REFUSED,		/* the session was told to: DONE is awaited */
	PHASE_CONNECTED,
	PHASE_CLOSING,		/* the session was told to: DONE is awaited */
	PHASE_LOST,		/* the pipe ended early: how is awaited ... */
	PHASE_LOST_CONNECTED,	/* ... and it was connected by then ... */
	PHASE_LOST_CLOSING,	/* ... or closing */
	PHASE_ENDING,		/* over: its program's end is awaited */

	/* A session without one, again. */
	PHASE_LEAVING,		/* the process has to go */
	PHASE_GONE,		/* to be freed */

	PHASE_MAX
};

/* The one function that changes a phase: -1, and nothing has changed. */
int		 phase_set(enum phase *, enum phase);

const char	*phase_name(enum phase);
enum securetcp_state
		 phase_state(enum phase);
int		 phase_pending(enum phase);
enum phase	 phase_lost(enum phase);
/* NULL, or why a session may not say that now; see wire_legal(). */
const char	*phase_check(enum phase, uint64_t *, uint32_t, size_t);

#endif /* PHASE_H */
