/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define IN(state)	(1U << (state))

struct wire_rule {
	enum wire_type	 wr_type;
	unsigned int	 wr_states;
	int		 wr_once;
};

static const struct wire_rule wire_signer[] = {
	{ WIRE_KEYINFO,		IN(WIRE_LOADING),			0 },
	{ WIRE_KEYBAD,		IN(WIRE_LOADING),			0 },
	{ WIRE_READY,		IN(WIRE_LOADING),			1 },
	{ WIRE_SIGNED,		IN(WIRE_RUNNING),			0 },
	{ WIRE_UNSIGNED,	IN(WIRE_RUNNING),			0 },
	{ WIRE_FATAL,		IN(WIRE_LOADING) | IN(WIRE_RUNNING),	1 },
};

static const struct wire_rule wire_spawner[] = {
	{ WIRE_READY,		IN(WIRE_LOADING),			1 },
	{ WIRE_FORKED,		IN(WIRE_RUNNING),			0 },
	{ WIRE_UNFORKED,	IN(WIRE_RUNNING),			0 },
	{ WIRE_EXITED,		IN(WIRE_RUNNING),			0 },
	{ WIRE_FATAL,		IN(WIRE_LOADING) | IN(WIRE_RUNNING),	1 },
};

static const struct wire_rule wire_launcher[] = {
	{ WIRE_READY,		IN(WIRE_LOADING),			1 },
	{ WIRE_TAKEN,		IN(WIRE_RUNNING),			0 },
	{ WIRE_UNFORKED,	IN(WIRE_RUNNING),			0 },
	{ WIRE_EXITED,		IN(WIRE_RUNNING),			0 },
	{ WIRE_FATAL,		IN(WIRE_LOADING) | IN(WIRE_RUNNING),	1 },
};

static const struct wire_rule wire_resolver[] = {
	{ WIRE_READY,		IN(WIRE_LOADING),			1 },
	{ WIRE_RESOLVED,	IN(WIRE_RUNNING),			0 },
	{ WIRE_FATAL,		IN(WIRE_LOADING) | IN(WIRE_RUNNING),	1 },
};

/*
 * DONE is said by whoever holds a socket: after a failed handshake, a
 * REFUSE, a CLOSE or the end of the relay.
 */
static const struct wire_rule wire_session[] = {
	{ WIRE_ADDRESS,		IN(WIRE_HEADER),			1 },
	{ WIRE_ASKSIGN,		IN(WIRE_CONNECTING),			1 },
	{ WIRE_IDENTITY,	IN(WIRE_CONNECTING),			1 },
	{ WIRE_ESTABLISHED,	IN(WIRE_CONNECTING),			1 },
	{ WIRE_DONE,		IN(WIRE_HEADER) | IN(WIRE_CONNECTING) |
				IN(WIRE_WAITING) | IN(WIRE_CONNECTED),	1 },
	{ WIRE_FATAL,		IN(WIRE_IDLE) | IN(WIRE_HEADER) |
				IN(WIRE_CONNECTING) | IN(WIRE_WAITING) |
				IN(WIRE_CONNECTED),			1 },
};

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

static const struct wire_rule *
wire_rule(enum wire_role role, uint32_t type)
{
	const struct wire_rule	*rules;
	size_t			 i, n;

	switch (role) {
	case WIRE_SIGNER:
		rules = wire_signer;
		n = NITEMS(wire_signer);
		break;
	case WIRE_SPAWNER:
		rules = wire_spawner;
		n = NITEMS(wire_spawner);
		break;
	case WIRE_LAUNCHER:
		rules = wire_launcher;
		n = NITEMS(wire_launcher);
		break;
	case WIRE_RESOLVER:
		rules = wire_resolver;
		n = NITEMS(wire_resolver);
		break;
	case WIRE_SESSION:
		rules = wire_session;
		n = NITEMS(wire_session);
		break;
	default:
		return (NULL);
	}
	for (i = 0; i < n; i++) {
		if (rules[i].wr_type == type)
			return (&rules[i]);
	}
	return (NULL);
}

const char *
wire_check(enum wire_role role, enum wire_state state, uint64_t *once,
    uint32_t type, size_t len)
{
	const struct wire_rule	*rule;
	size_t			 min, max;

	if ((rule = wire_rule(role, type)) == NULL ||
	    wire_bounds(type, &min, &max) == -1)
		return ("unknown message");
	/* Said before the state, which the first one may have ended. */
	if (rule->wr_once && *once & (uint64_t)1 << type)
		return ("a second time");
	if (!(rule->wr_states & IN(state)))
		return ("not in this state");
	if (len < min || len > max)
		return ("wrong size");
	if (rule->wr_once)
		*once |= (uint64_t)1 << type;
	return (NULL);
}
