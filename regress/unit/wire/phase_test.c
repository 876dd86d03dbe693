/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "phase.h"
#include "wire.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * All that phase.c's table says, written down apart from it.
 */
static const struct step {
	enum phase	 s_from;
	enum phase	 s_to;
} steps[] = {
	{ PHASE_NONE, PHASE_SILENT },
	{ PHASE_NONE, PHASE_READY },
	{ PHASE_NONE, PHASE_GONE },
	{ PHASE_NONE, PHASE_STARTING },
	{ PHASE_SILENT, PHASE_READY },
	{ PHASE_SILENT, PHASE_GONE },
	{ PHASE_READY, PHASE_GONE },
	{ PHASE_STARTING, PHASE_IDLE },
	{ PHASE_STARTING, PHASE_LEAVING },
	{ PHASE_IDLE, PHASE_TARGET },
	{ PHASE_IDLE, PHASE_HEADER },
	{ PHASE_IDLE, PHASE_HANDSHAKE },
	{ PHASE_IDLE, PHASE_LEAVING },
	{ PHASE_TARGET, PHASE_HANDSHAKE },
	{ PHASE_TARGET, PHASE_LOST },
	{ PHASE_TARGET, PHASE_ENDING },
	{ PHASE_HEADER, PHASE_HANDSHAKE },
	{ PHASE_HEADER, PHASE_LOST },
	{ PHASE_HEADER, PHASE_ENDING },
	{ PHASE_HANDSHAKE, PHASE_BACKEND },
	{ PHASE_HANDSHAKE, PHASE_REFUSED },
	{ PHASE_HANDSHAKE, PHASE_LOST },
	{ PHASE_HANDSHAKE, PHASE_ENDING },
	{ PHASE_BACKEND, PHASE_REFUSED },
	{ PHASE_BACKEND, PHASE_CONNECTED },
	{ PHASE_BACKEND, PHASE_LOST },
	{ PHASE_BACKEND, PHASE_ENDING },
	{ PHASE_REFUSED, PHASE_LOST },
	{ PHASE_REFUSED, PHASE_ENDING },
	{ PHASE_CONNECTED, PHASE_CLOSING },
	{ PHASE_CONNECTED, PHASE_LOST_CONNECTED },
	{ PHASE_CONNECTED, PHASE_ENDING },
	{ PHASE_CLOSING, PHASE_LOST_CLOSING },
	{ PHASE_CLOSING, PHASE_ENDING },
	{ PHASE_LOST, PHASE_ENDING },
	{ PHASE_LOST_CONNECTED, PHASE_ENDING },
	{ PHASE_LOST_CLOSING, PHASE_ENDING },
	{ PHASE_ENDING, PHASE_LEAVING },
	{ PHASE_LEAVING, PHASE_GONE },
};

/* What each phase stands for. */
static const struct stand {
	enum phase		 s_phase;
	enum securetcp_state	 s_state;
	int			 s_pending;
	enum phase		 s_lost;
} stands[] = {
	{ PHASE_NONE, SECURETCP_CLOSED, 0, PHASE_NONE },
	{ PHASE_SILENT, SECURETCP_CLOSED, 1, PHASE_NONE },
	{ PHASE_READY, SECURETCP_CLOSED, 1, PHASE_NONE },
	{ PHASE_STARTING, SECURETCP_CLOSED, 0, PHASE_NONE },
	{ PHASE_IDLE, SECURETCP_CLOSED, 0, PHASE_NONE },
	{ PHASE_TARGET, SECURETCP_CONNECTING, 1, PHASE_LOST },
	{ PHASE_HEADER, SECURETCP_CONNECTING, 1, PHASE_LOST },
	{ PHASE_HANDSHAKE, SECURETCP_CONNECTING, 1, PHASE_LOST },
	{ PHASE_BACKEND, SECURETCP_CONNECTING, 0, PHASE_LOST },
	{ PHASE_REFUSED, SECURETCP_CONNECTING, 0, PHASE_LOST },
	{ PHASE_CONNECTED, SECURETCP_CONNECTED, 0, PHASE_LOST_CONNECTED },
	{ PHASE_CLOSING, SECURETCP_CLOSING, 0, PHASE_LOST_CLOSING },
	{ PHASE_LOST, SECURETCP_CONNECTING, 0, PHASE_NONE },
	{ PHASE_LOST_CONNECTED, SECURETCP_CONNECTED, 0, PHASE_NONE },
	{ PHASE_LOST_CLOSING, SECURETCP_CLOSING, 0, PHASE_NONE },
	{ PHASE_ENDING, SECURETCP_CLOSING, 0, PHASE_NONE },
	{ PHASE_LEAVING, SECURETCP_CLOSED, 0, PHASE_NONE },
	{ PHASE_GONE, SECURETCP_CLOSED, 0, PHASE_NONE },
};

/* What a session may say, each once in its life. */
static const struct legal {
	enum phase	 l_phase;
	enum wire_type	 l_type;
} legals[] = {
	{ PHASE_STARTING, WIRE_FATAL },
	{ PHASE_IDLE, WIRE_FATAL },
	{ PHASE_TARGET, WIRE_FATAL },
	{ PHASE_HEADER, WIRE_ADDRESS },
	{ PHASE_HEADER, WIRE_DONE },
	{ PHASE_HEADER, WIRE_FATAL },
	{ PHASE_HANDSHAKE, WIRE_ASKSIGN },
	{ PHASE_HANDSHAKE, WIRE_IDENTITY },
	{ PHASE_HANDSHAKE, WIRE_ESTABLISHED },
	{ PHASE_HANDSHAKE, WIRE_DONE },
	{ PHASE_HANDSHAKE, WIRE_FATAL },
	{ PHASE_BACKEND, WIRE_DONE },
	{ PHASE_BACKEND, WIRE_FATAL },
	{ PHASE_REFUSED, WIRE_DONE },
	{ PHASE_REFUSED, WIRE_FATAL },
	{ PHASE_CONNECTED, WIRE_DONE },
	{ PHASE_CONNECTED, WIRE_FATAL },
	{ PHASE_CLOSING, WIRE_DONE },
	{ PHASE_CLOSING, WIRE_FATAL },
};

/* "session to parent" in wire.h, and FATAL. */
static const enum wire_type said[] = {
	WIRE_ADDRESS, WIRE_ASKSIGN, WIRE_IDENTITY, WIRE_ESTABLISHED,
	WIRE_DONE, WIRE_FATAL
};

static int
leads(int from, int to)
{
	enum phase	 phase = (enum phase)from;
	int		 ok = phase_set(&phase, (enum phase)to) == 0;

	ATF_CHECK_EQ_MSG((int)phase, ok ? to : from, "%s to %s",
	    phase_name((enum phase)from), phase_name((enum phase)to));
	return (ok);
}

static int
listed(int from, int to)
{
	size_t	 i;

	for (i = 0; i < NITEMS(steps); i++)
		if ((int)steps[i].s_from == from && (int)steps[i].s_to == to)
			return (1);
	return (0);
}

static int
is_legal(int phase, uint32_t type)
{
	size_t	 i;

	for (i = 0; i < NITEMS(legals); i++)
		if ((phase == -1 || (int)legals[i].l_phase == phase) &&
		    legals[i].l_type == type)
			return (1);
	return (0);
}

ATF_TC(transitions);
ATF_TC_HEAD(transitions, tc)
{
	atf_tc_set_md_var(tc, "descr", "From every phase to every other: "
	    "possible exactly where it is written down, else the phase stays");
}
ATF_TC_BODY(transitions, tc)
{
	int	 from, to;

	for (from = 0; from < PHASE_MAX; from++)
		for (to = 0; to < PHASE_MAX; to++)
			ATF_CHECK_EQ_MSG(leads(from, to), listed(from, to),
			    "%s to %s", phase_name((enum phase)from),
			    phase_name((enum phase)to));
}

ATF_TC(states);
ATF_TC_HEAD(states, tc)
{
	atf_tc_set_md_var(tc, "descr", "Each phase has a name, its State, its "
	    "place among the pending or none, and what follows when the pipe "
	    "ends");
}
ATF_TC_BODY(states, tc)
{
	const struct stand	*s;
	size_t			 i;

	ATF_REQUIRE_EQ(NITEMS(stands), PHASE_MAX);
	for (i = 0; i < NITEMS(stands); i++) {
		s = &stands[i];
		ATF_REQUIRE_EQ(i, (size_t)s->s_phase);
		ATF_REQUIRE(phase_name(s->s_phase) != NULL);
		ATF_CHECK_EQ_MSG(phase_state(s->s_phase), s->s_state, "%s",
		    phase_name(s->s_phase));
		ATF_CHECK_EQ_MSG(phase_pending(s->s_phase), s->s_pending,
		    "%s", phase_name(s->s_phase));
		ATF_CHECK_EQ_MSG(phase_lost(s->s_phase), s->s_lost, "%s",
		    phase_name(s->s_phase));
	}
}

/* May a connection go from one State to another? */
static int
state_leads(enum securetcp_state from, enum securetcp_state to)
{
	if (from == to)
		return (1);
	switch (from) {
	case SECURETCP_CLOSED:
		return (to == SECURETCP_CONNECTING);
	case SECURETCP_CONNECTING:
		return (to == SECURETCP_CONNECTED || to == SECURETCP_CLOSING);
	case SECURETCP_CONNECTED:
		return (to == SECURETCP_CLOSING);
	default:
		return (to == SECURETCP_CLOSED);
	}
}

ATF_TC(order);
ATF_TC_HEAD(order, tc)
{
	atf_tc_set_md_var(tc, "descr", "Whatever way a connection takes: "
	    "connecting, perhaps connected, closing and closed, each once");
}
ATF_TC_BODY(order, tc)
{
	int	 from, to;

	for (from = 0; from < PHASE_MAX; from++)
		for (to = 0; to < PHASE_MAX; to++)
			if (leads(from, to))
				ATF_CHECK_MSG(state_leads(
				    phase_state((enum phase)from),
				    phase_state((enum phase)to)),
				    "%s to %s", phase_name((enum phase)from),
				    phase_name((enum phase)to));
	/* One connection for each session. */
	for (from = PHASE_LEAVING; from < PHASE_MAX; from++)
		for (to = 0; to < PHASE_MAX; to++)
			if (leads(from, to))
				ATF_CHECK_EQ(to, PHASE_GONE);
}

ATF_TC(ways);
ATF_TC_HEAD(ways, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every phase is come to, none is come "
	    "to twice, and each has a way to the end");
}
ATF_TC_BODY(ways, tc)
{
	int	 end[PHASE_MAX], from, n, reached[PHASE_MAX], to;

	memset(end, 0, sizeof(end));
	memset(reached, 0, sizeof(reached));
	reached[PHASE_NONE] = end[PHASE_GONE] = 1;
	for (n = 0; n < PHASE_MAX; n++)
		for (from = 0; from < PHASE_MAX; from++)
			for (to = 0; to < PHASE_MAX; to++) {
				if (!leads(from, to))
					continue;
				reached[to] |= reached[from];
				end[from] |= end[to];
				/* Down the table: none comes twice. */
				if (to != PHASE_GONE)
					ATF_CHECK_MSG(from < to, "%s to %s",
					    phase_name((enum phase)from),
					    phase_name((enum phase)to));
			}
	for (n = 0; n < PHASE_MAX; n++) {
		ATF_CHECK_MSG(reached[n], "%s", phase_name((enum phase)n));
		ATF_CHECK_MSG(end[n], "%s", phase_name((enum phase)n));
	}
}

ATF_TC(messages);
ATF_TC_HEAD(messages, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every type of message in every phase: "
	    "legal exactly where it is written down, else with its reason, "
	    "and what a session may say is legal somewhere");
}
ATF_TC_BODY(messages, tc)
{
	const char	*reason;
	size_t		 i, max, min;
	uint64_t	 once;
	uint32_t	 type;
	int		 phase;

	for (i = 0; i < NITEMS(said); i++)
		ATF_CHECK_MSG(is_legal(-1, said[i]), "%s",
		    wire_name(said[i]));
	for (phase = 0; phase < PHASE_MAX; phase++)
	for (type = 0; type <= WIRE_TYPE_MAX + 64; type++) {
		if (wire_bounds(type, &min, &max) == -1)
			min = max = 1;
		once = 0;
		reason = phase_check((enum phase)phase, &once, type, min);
		if (is_legal(phase, type)) {
			ATF_CHECK_MSG(reason == NULL, "%s %s: %s",
			    phase_name((enum phase)phase), wire_name(type),
			    reason);
			continue;
		}
		ATF_REQUIRE_MSG(reason != NULL, "%s %s",
		    phase_name((enum phase)phase), wire_name(type));
		ATF_CHECK_STREQ(reason, is_legal(-1, type) ?
		    "not in this state" : "unknown message");
		ATF_CHECK_EQ_MSG(once, 0, "%s %s",
		    phase_name((enum phase)phase), wire_name(type));
	}
}

ATF_TC(sizes);
ATF_TC_HEAD(sizes, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every legal message from its least to "
	    "its greatest size and not one byte beyond, and a wrong size does "
	    "not count as having come");
}
ATF_TC_BODY(sizes, tc)
{
	const struct legal	*l;
	const char		*reason;
	size_t			 i, len, max, min;
	uint64_t		 once;

	for (i = 0; i < NITEMS(legals); i++) {
		l = &legals[i];
		ATF_REQUIRE(wire_bounds(l->l_type, &min, &max) == 0);
		for (len = 0; len <= max + 2; len++) {
			once = 0;
			reason = phase_check(l->l_phase, &once, l->l_type,
			    len);
			if (len >= min && len <= max) {
				ATF_CHECK_MSG(reason == NULL, "%s %zu",
				    wire_name(l->l_type), len);
				continue;
			}
			ATF_REQUIRE_MSG(reason != NULL, "%s %zu",
			    wire_name(l->l_type), len);
			ATF_CHECK_STREQ(reason, "wrong size");
			ATF_CHECK_EQ(once, 0);
		}
		once = 0;
		ATF_CHECK(phase_check(l->l_phase, &once, l->l_type,
		    SIZE_MAX) != NULL);
	}
}

ATF_TC(once);
ATF_TC_HEAD(once, tc)
{
	atf_tc_set_md_var(tc, "descr", "Whatever a session says is refused "
	    "the second time, in whatever phase");
}
ATF_TC_BODY(once, tc)
{
	const char	*reason;
	size_t		 i, max, min;
	uint64_t	 seen;
	int		 phase;

	for (i = 0; i < NITEMS(legals); i++) {
		seen = 0;
		ATF_REQUIRE(wire_bounds(legals[i].l_type, &min, &max) == 0);
		ATF_REQUIRE(phase_check(legals[i].l_phase, &seen,
		    legals[i].l_type, max) == NULL);
		for (phase = 0; phase < PHASE_MAX; phase++) {
			reason = phase_check((enum phase)phase, &seen,
			    legals[i].l_type, max);
			ATF_REQUIRE_MSG(reason != NULL, "%s",
			    wire_name(legals[i].l_type));
			ATF_CHECK_STREQ(reason, "a second time");
		}
	}
}

/* One step and the message that is said after it (0: none). */
static const struct {
	enum phase	 phase;
	enum wire_type	 type;
} life[] = {
	{ PHASE_STARTING, 0 },
	{ PHASE_IDLE, 0 },
	{ PHASE_HEADER, WIRE_ADDRESS },
	{ PHASE_HANDSHAKE, WIRE_IDENTITY },
	{ PHASE_HANDSHAKE, WIRE_ASKSIGN },
	{ PHASE_HANDSHAKE, WIRE_ESTABLISHED },
	{ PHASE_BACKEND, 0 },
	{ PHASE_CONNECTED, 0 },
	{ PHASE_CLOSING, WIRE_DONE },
	{ PHASE_ENDING, 0 },
	{ PHASE_LEAVING, 0 },
	{ PHASE_GONE, 0 },
};

ATF_TC(whole);
ATF_TC_HEAD(whole, tc)
{
	atf_tc_set_md_var(tc, "descr", "A whole life of a session, with one "
	    "set of what came already, and nothing after DONE");
}
ATF_TC_BODY(whole, tc)
{
	enum phase	 phase = PHASE_NONE;
	size_t		 i, max, min;
	uint64_t	 seen = 0;

	for (i = 0; i < NITEMS(life); i++) {
		if (life[i].phase != phase)
			ATF_REQUIRE_EQ(0, phase_set(&phase, life[i].phase));
		if (life[i].type == 0)
			continue;
		ATF_REQUIRE(wire_bounds(life[i].type, &min, &max) == 0);
		ATF_CHECK_MSG(phase_check(phase, &seen, life[i].type, min) ==
		    NULL, "%s", wire_name(life[i].type));
	}
	for (i = 0; i < NITEMS(said); i++) {
		ATF_REQUIRE(wire_bounds(said[i], &min, &max) == 0);
		ATF_CHECK(phase_check(PHASE_ENDING, &seen, said[i], min) !=
		    NULL);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, transitions);
	ATF_TP_ADD_TC(tp, states);
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, ways);
	ATF_TP_ADD_TC(tp, messages);
	ATF_TP_ADD_TC(tp, sizes);
	ATF_TP_ADD_TC(tp, once);
	ATF_TP_ADD_TC(tp, whole);
	return (atf_no_error());
}
