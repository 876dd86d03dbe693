/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "wire.h"

#define FIRST_ROLE	WIRE_SIGNER
#define LAST_ROLE	WIRE_SESSION
#define FIRST_STATE	WIRE_LOADING
#define LAST_STATE	WIRE_RUNNING

/*
 * The whole of what a helper may say, written down apart from the tables
 * under test.  What a session may say is phase_test's.
 */
static const struct legal {
	enum wire_role	 l_role;
	enum wire_state	 l_state;
	enum wire_type	 l_type;
	int		 l_once;
} legals[] = {
	{ WIRE_SIGNER, WIRE_LOADING, WIRE_KEYINFO, 0 },
	{ WIRE_SIGNER, WIRE_LOADING, WIRE_KEYBAD, 0 },
	{ WIRE_SIGNER, WIRE_LOADING, WIRE_READY, 1 },
	{ WIRE_SIGNER, WIRE_LOADING, WIRE_FATAL, 1 },
	{ WIRE_SIGNER, WIRE_RUNNING, WIRE_SIGNED, 0 },
	{ WIRE_SIGNER, WIRE_RUNNING, WIRE_UNSIGNED, 0 },
	{ WIRE_SIGNER, WIRE_RUNNING, WIRE_FATAL, 1 },
	{ WIRE_SPAWNER, WIRE_LOADING, WIRE_READY, 1 },
	{ WIRE_SPAWNER, WIRE_LOADING, WIRE_FATAL, 1 },
	{ WIRE_SPAWNER, WIRE_RUNNING, WIRE_FORKED, 0 },
	{ WIRE_SPAWNER, WIRE_RUNNING, WIRE_UNFORKED, 0 },
	{ WIRE_SPAWNER, WIRE_RUNNING, WIRE_EXITED, 0 },
	{ WIRE_SPAWNER, WIRE_RUNNING, WIRE_FATAL, 1 },
	{ WIRE_LAUNCHER, WIRE_LOADING, WIRE_READY, 1 },
	{ WIRE_LAUNCHER, WIRE_LOADING, WIRE_FATAL, 1 },
	{ WIRE_LAUNCHER, WIRE_RUNNING, WIRE_TAKEN, 0 },
	{ WIRE_LAUNCHER, WIRE_RUNNING, WIRE_UNFORKED, 0 },
	{ WIRE_LAUNCHER, WIRE_RUNNING, WIRE_EXITED, 0 },
	{ WIRE_LAUNCHER, WIRE_RUNNING, WIRE_FATAL, 1 },
	{ WIRE_RESOLVER, WIRE_LOADING, WIRE_READY, 1 },
	{ WIRE_RESOLVER, WIRE_LOADING, WIRE_FATAL, 1 },
	{ WIRE_RESOLVER, WIRE_RUNNING, WIRE_RESOLVED, 0 },
	{ WIRE_RESOLVER, WIRE_RUNNING, WIRE_FATAL, 1 },
	{ WIRE_CHECKER, WIRE_LOADING, WIRE_READY, 1 },
	{ WIRE_CHECKER, WIRE_LOADING, WIRE_FATAL, 1 },
	{ WIRE_CHECKER, WIRE_RUNNING, WIRE_FINDING, 0 },
	{ WIRE_CHECKER, WIRE_RUNNING, WIRE_CHECKED, 0 },
	{ WIRE_CHECKER, WIRE_RUNNING, WIRE_FATAL, 1 },
};

#define NLEGALS		(sizeof(legals) / sizeof(legals[0]))

static const struct legal *
legal(enum wire_role role, enum wire_state state, uint32_t type)
{
	size_t	 i;

	for (i = 0; i < NLEGALS; i++) {
		if (legals[i].l_role == role && legals[i].l_type == type &&
		    (state == (enum wire_state)-1 ||
		    legals[i].l_state == state))
			return (&legals[i]);
	}
	return (NULL);
}

ATF_TC(every);
ATF_TC_HEAD(every, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every role in every state with every "
	    "type: legal exactly where it is written down, else with its "
	    "reason");
}
ATF_TC_BODY(every, tc)
{
	const char	*reason;
	size_t		 max, min;
	uint64_t	 once;
	uint32_t	 type;
	int		 role, state;

	for (role = FIRST_ROLE; role <= LAST_ROLE; role++)
	for (state = FIRST_STATE; state <= LAST_STATE; state++)
	for (type = 0; type <= WIRE_TYPE_MAX; type++) {
		if (wire_bounds(type, &min, &max) == -1)
			min = max = 1;
		once = 0;
		reason = wire_check((enum wire_role)role,
		    (enum wire_state)state, &once, type, min);
		if (legal((enum wire_role)role, (enum wire_state)state, type)
		    != NULL) {
			ATF_CHECK_MSG(reason == NULL, "%d %d %s: %s", role,
			    state, wire_name(type), reason);
			continue;
		}
		ATF_REQUIRE_MSG(reason != NULL, "%d %d %s", role, state,
		    wire_name(type));
		ATF_CHECK_STREQ(reason, legal((enum wire_role)role,
		    (enum wire_state)-1, type) == NULL ? "unknown message" :
		    "not in this state");
		ATF_CHECK_EQ_MSG(once, 0, "%d %d %s", role, state,
		    wire_name(type));
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

	for (i = 0; i < NLEGALS; i++) {
		l = &legals[i];
		ATF_REQUIRE(wire_bounds(l->l_type, &min, &max) == 0);
		for (len = 0; len <= max + 2; len++) {
			once = 0;
			reason = wire_check(l->l_role, l->l_state, &once,
			    l->l_type, len);
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
		ATF_CHECK(wire_check(l->l_role, l->l_state, &once, l->l_type,
		    SIZE_MAX) != NULL);
	}
}

ATF_TC(once);
ATF_TC_HEAD(once, tc)
{
	atf_tc_set_md_var(tc, "descr", "What may come once is refused the "
	    "second time, also in a later state; the rest may come again");
}
ATF_TC_BODY(once, tc)
{
	const struct legal	*l;
	const char		*reason;
	size_t			 i, max, min;
	uint64_t		 seen;

	for (i = 0; i < NLEGALS; i++) {
		l = &legals[i];
		seen = 0;
		ATF_REQUIRE(wire_bounds(l->l_type, &min, &max) == 0);
		ATF_REQUIRE(wire_check(l->l_role, l->l_state, &seen,
		    l->l_type, max) == NULL);
		reason = wire_check(l->l_role, l->l_state, &seen, l->l_type,
		    max);
		if (!l->l_once) {
			ATF_CHECK(reason == NULL);
			continue;
		}
		ATF_REQUIRE_MSG(reason != NULL, "%s", wire_name(l->l_type));
		ATF_CHECK_STREQ(reason, "a second time");
	}
	seen = 0;
	ATF_REQUIRE(wire_bounds(WIRE_READY, &min, &max) == 0);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_LOADING, &seen, WIRE_READY,
	    max) == NULL);
	ATF_CHECK_STREQ(wire_check(WIRE_SIGNER, WIRE_RUNNING, &seen,
	    WIRE_READY, max), "a second time");
}

ATF_TC(life);
ATF_TC_HEAD(life, tc)
{
	atf_tc_set_md_var(tc, "descr", "The messages of a whole helper pass "
	    "with one set of what came already");
}
ATF_TC_BODY(life, tc)
{
	size_t		 info, max, ready, sign;
	uint64_t	 seen = 0;

	ATF_REQUIRE(wire_bounds(WIRE_KEYINFO, &info, &max) == 0);
	ATF_REQUIRE(wire_bounds(WIRE_READY, &ready, &max) == 0);
	ATF_REQUIRE(wire_bounds(WIRE_SIGNED, &sign, &max) == 0);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_LOADING, &seen,
	    WIRE_KEYINFO, info) == NULL);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_LOADING, &seen,
	    WIRE_KEYINFO, info) == NULL);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_LOADING, &seen,
	    WIRE_READY, ready) == NULL);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_RUNNING, &seen,
	    WIRE_KEYINFO, info) != NULL);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_RUNNING, &seen,
	    WIRE_SIGNED, sign) == NULL);
	ATF_CHECK(wire_check(WIRE_SIGNER, WIRE_RUNNING, &seen,
	    WIRE_READY, ready) != NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every);
	ATF_TP_ADD_TC(tp, sizes);
	ATF_TP_ADD_TC(tp, once);
	ATF_TP_ADD_TC(tp, life);
	return (atf_no_error());
}
