/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "phase.h"
#include "wire.h"

/*
 * The phases, from top to bottom as a connection takes them: which State
 * each stands for, whether it counts among the pending, what the session may
 * say in it (each message once in its life, of the size that wire_bounds()
 * gives) and which phases may follow.
 */
struct row {
	const char		*ro_name;
	enum securetcp_state	 ro_state;
	int			 ro_pending;
	uint64_t		 ro_says;
	uint32_t		 ro_next;
};

#define TO(phase)	((uint32_t)1 << PHASE_##phase)

/* A session that holds a socket says how it ended, or that it cannot go on. */
#define LAST		(WIRE_SAY(DONE) | WIRE_SAY(FATAL))

static const struct row	 rows[PHASE_MAX] = {
	[PHASE_NONE] = { "none", SECURETCP_CLOSED, 0,
	    0,
	    TO(SILENT) | TO(READY) | TO(GONE) | TO(STARTING) },

	[PHASE_SILENT] = { "silent", SECURETCP_CLOSED, 1,
	    0,
	    TO(READY) | TO(GONE) },
	/* A visitor is gone as well when a session has adopted it. */
	[PHASE_READY] = { "ready", SECURETCP_CLOSED, 1,
	    0,
	    TO(GONE) },

	[PHASE_STARTING] = { "starting", SECURETCP_CLOSED, 0,
	    WIRE_SAY(FATAL),
	    TO(IDLE) | TO(LEAVING) },
	[PHASE_IDLE] = { "idle", SECURETCP_CLOSED, 0,
	    WIRE_SAY(FATAL),
	    TO(TARGET) | TO(HEADER) | TO(HANDSHAKE) | TO(LEAVING) },

	[PHASE_TARGET] = { "target", SECURETCP_CONNECTING, 1,
	    WIRE_SAY(FATAL),
	    TO(HANDSHAKE) | TO(LOST) | TO(ENDING) },
	[PHASE_HEADER] = { "header", SECURETCP_CONNECTING, 1,
	    WIRE_SAY(ADDRESS) | LAST,
	    TO(HANDSHAKE) | TO(LOST) | TO(ENDING) },
	[PHASE_HANDSHAKE] = { "handshake", SECURETCP_CONNECTING, 1,
	    WIRE_SAY(ASKSIGN) | WIRE_SAY(IDENTITY) | WIRE_SAY(ESTABLISHED) |
	    LAST,
	    TO(BACKEND) | TO(REFUSED) | TO(LOST) | TO(ENDING) },
	[PHASE_BACKEND] = { "backend", SECURETCP_CONNECTING, 0,
	    LAST,
	    TO(REFUSED) | TO(CONNECTED) | TO(LOST) | TO(ENDING) },
	[PHASE_REFUSED] = { "refused", SECURETCP_CONNECTING, 0,
	    LAST,
	    TO(LOST) | TO(ENDING) },
	[PHASE_CONNECTED] = { "connected", SECURETCP_CONNECTED, 0,
	    LAST,
	    TO(CLOSING) | TO(LOST_CONNECTED) | TO(ENDING) },
	[PHASE_CLOSING] = { "closing", SECURETCP_CLOSING, 0,
	    LAST,
	    TO(LOST_CLOSING) | TO(ENDING) },

	[PHASE_LOST] = { "lost", SECURETCP_CONNECTING, 0,
	    0,
	    TO(ENDING) },
	[PHASE_LOST_CONNECTED] = { "lost", SECURETCP_CONNECTED, 0,
	    0,
	    TO(ENDING) },
	[PHASE_LOST_CLOSING] = { "lost", SECURETCP_CLOSING, 0,
	    0,
	    TO(ENDING) },

	[PHASE_ENDING] = { "ending", SECURETCP_CLOSING, 0,
	    0,
	    TO(LEAVING) },
	[PHASE_LEAVING] = { "leaving", SECURETCP_CLOSED, 0,
	    0,
	    TO(GONE) },
	[PHASE_GONE] = { "gone", SECURETCP_CLOSED, 0,
	    0,
	    0 },
};

static int
phase_leads(enum phase phase, enum phase next)
{
	return ((rows[phase].ro_next & (uint32_t)1 << next) != 0);
}

int
phase_set(enum phase *phase, enum phase next)
{
	if (!phase_leads(*phase, next))
		return (-1);
	*phase = next;
	return (0);
}

const char *
phase_name(enum phase phase)
{
	return (rows[phase].ro_name);
}

enum securetcp_state
phase_state(enum phase phase)
{
	return (rows[phase].ro_state);
}

int
phase_pending(enum phase phase)
{
	return (rows[phase].ro_pending);
}

/* The phase after the pipe ends without a word, or PHASE_NONE. */
enum phase
phase_lost(enum phase phase)
{
	if (phase_leads(phase, PHASE_LOST))
		return (PHASE_LOST);
	if (phase_leads(phase, PHASE_LOST_CONNECTED))
		return (PHASE_LOST_CONNECTED);
	if (phase_leads(phase, PHASE_LOST_CLOSING))
		return (PHASE_LOST_CLOSING);
	return (PHASE_NONE);
}

const char *
phase_check(enum phase phase, uint64_t *once, uint32_t type, size_t len)
{
	struct wire_says	 now = { 0, rows[phase].ro_says };
	uint64_t	 ever = 0;
	size_t		 i;

	for (i = 0; i < PHASE_MAX; i++)
		ever |= rows[i].ro_says;
	return (wire_legal(&now, ever, once, type, len));
}
