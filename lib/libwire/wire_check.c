/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "compat.h"
#include "wire.h"

/* The messages that a helper may send while it loads, and once it runs. */
static const struct wire_says helpers[][2] = {
	[WIRE_SIGNER] = {
		[WIRE_LOADING] = {
			WIRE_SAY(KEYINFO) | WIRE_SAY(KEYBAD),
			WIRE_SAY(READY) | WIRE_SAY(FATAL)
		},
		[WIRE_RUNNING] = {
			WIRE_SAY(SIGNED) | WIRE_SAY(UNSIGNED),
			WIRE_SAY(FATAL)
		}
	},
	[WIRE_SPAWNER] = {
		[WIRE_LOADING] = {
			0,
			WIRE_SAY(READY) | WIRE_SAY(FATAL)
		},
		[WIRE_RUNNING] = {
			WIRE_SAY(FORKED) | WIRE_SAY(UNFORKED) |
			WIRE_SAY(EXITED),
			WIRE_SAY(FATAL)
		}
	},
	[WIRE_LAUNCHER] = {
		[WIRE_LOADING] = {
			0,
			WIRE_SAY(READY) | WIRE_SAY(FATAL)
		},
		[WIRE_RUNNING] = {
			WIRE_SAY(TAKEN) | WIRE_SAY(UNFORKED) |
			WIRE_SAY(EXITED),
			WIRE_SAY(FATAL)
		}
	},
	[WIRE_RESOLVER] = {
		[WIRE_LOADING] = {
			0,
			WIRE_SAY(READY) | WIRE_SAY(FATAL)
		},
		[WIRE_RUNNING] = {
			WIRE_SAY(RESOLVED),
			WIRE_SAY(FATAL)
		}
	},
	[WIRE_CHECKER] = {
		[WIRE_LOADING] = {
			0,
			WIRE_SAY(READY) | WIRE_SAY(FATAL)
		},
		[WIRE_RUNNING] = {
			WIRE_SAY(FINDING) | WIRE_SAY(CHECKED),
			WIRE_SAY(FATAL)
		}
	}
};

const char *
wire_legal(const struct wire_says *now, uint64_t ever, uint64_t *once,
    uint32_t type, size_t len)
{
	uint64_t	 bit;
	size_t		 min, max;

	if (wire_bounds(type, &min, &max) == -1)
		return ("unknown message");
	bit = (uint64_t)1 << type;
	if (!(ever & bit))
		return ("unknown message");
	/* Said before the state, which the first one may have ended. */
	if (*once & bit)
		return ("a second time");
	if (!((now->wsy_often | now->wsy_once) & bit))
		return ("not in this state");
	if (len < min || len > max)
		return ("wrong size");
	*once |= now->wsy_once & bit;
	return (NULL);
}

const char *
wire_check(enum wire_role role, enum wire_state state, uint64_t *once,
    uint32_t type, size_t len)
{
	static const struct wire_says	 nothing = { 0, 0 };
	const struct wire_says		*loading, *running;

	if (role >= nitems(helpers))
		return (wire_legal(&nothing, 0, once, type, len));
	loading = &helpers[role][WIRE_LOADING];
	running = &helpers[role][WIRE_RUNNING];
	return (wire_legal(state == WIRE_LOADING ? loading : running,
	    loading->wsy_often | loading->wsy_once | running->wsy_often |
	    running->wsy_once, once, type, len));
}
