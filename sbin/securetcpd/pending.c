/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Handshakes under way, and connections of which nothing has come yet, by
 * their sources: when there are too many the oldest one of the source that
 * has most makes room.
 */

#include <sys/types.h>
#include <sys/tree.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <string.h>

#include "securetcpd.h"

#define PENDING_FEW	8	/* with fewer a source is no crowd */

static int	 pending_cmp(struct source *, struct source *);

RB_PROTOTYPE(crowd, source, so_crowd, pending_cmp);
RB_GENERATE(crowd, source, so_crowd, pending_cmp)

/* The last one is next to make room; of equals, that with the oldest. */
static int
pending_cmp(struct source *a, struct source *b)
{
	uint64_t	 an, bn;

	if (a->so_pendings != b->so_pendings)
		return (a->so_pendings < b->so_pendings ? -1 : 1);
	an = TAILQ_FIRST(&a->so_pending)->pl_begun;
	bn = TAILQ_FIRST(&b->so_pending)->pl_begun;
	if (an == bn)
		return (0);
	return (an > bn ? -1 : 1);
}

static void
pending_insert(struct place *pl)
{
	struct service	*se = pl->pl_service;
	struct source	*so = pl->pl_source;

	if (so->so_pendings > 0)
		(void)RB_REMOVE(crowd, &se->se_crowd, so);
	else
		se->se_crowders++;
	TAILQ_INSERT_TAIL(&so->so_pending, pl, pl_entry);
	so->so_pendings++;
	(void)RB_INSERT(crowd, &se->se_crowd, so);
}

/* The caller names the source. */
void
pending_add(struct place *pl, struct service *se, struct source *so)
{
	static uint64_t	 begun;

	memset(pl, 0, sizeof(*pl));
	pl->pl_service = se;
	pl->pl_source = so;
	pl->pl_begun = ++begun;
	se->se_pendings++;
	pending_insert(pl);
}

/* A visitor's becomes that of the session that has adopted it. */
void
pending_pass(struct place *pl, struct session *s)
{
	s->s_place = *pl;
	s->s_place.pl_visitor = NULL;
	s->s_place.pl_session = s;
	TAILQ_INSERT_BEFORE(pl, &s->s_place, pl_entry);
	TAILQ_REMOVE(&pl->pl_source->so_pending, pl, pl_entry);
}

static void
pending_take(struct place *pl)
{
	struct service	*se = pl->pl_service;
	struct source	*so = pl->pl_source;

	(void)RB_REMOVE(crowd, &se->se_crowd, so);
	TAILQ_REMOVE(&so->so_pending, pl, pl_entry);
	if (--so->so_pendings > 0)
		(void)RB_INSERT(crowd, &se->se_crowd, so);
	else
		se->se_crowders--;
}

void
pending_remove(struct place *pl)
{
	pending_take(pl);
	pl->pl_service->se_pendings--;
}

/* A PROXY header has named another source, which is the session's now. */
void
pending_move(struct session *s, struct source *so)
{
	pending_take(&s->s_place);
	s->s_source = s->s_place.pl_source = so;
	pending_insert(&s->s_place);
}

void
pending_make_room(struct service *se)
{
	struct place	*pl;

	pl = TAILQ_FIRST(&RB_MAX(crowd, &se->se_crowd)->so_pending);
	if (pl->pl_session != NULL)
		conn_make_room(pl->pl_session);
	else
		visitor_make_room(pl->pl_visitor);
}

/* Why one makes room. */
void
pending_reason(const struct service *se, char *buf, size_t len)
{
	(void)snprintf(buf, len, "connections pending %u: the oldest "
	    "handshake of the source with most makes room",
	    se->se_conf->sv_pending);
}

/* Does its source hold more than its share? */
int
pending_greedy(const struct place *pl)
{
	const struct service	*se = pl->pl_service;
	unsigned int		 few, max = se->se_conf->sv_pending, share;

	few = max / 2 < PENDING_FEW ? max / 2 : PENDING_FEW;
	share = max / se->se_crowders;
	return (pl->pl_source->so_pendings > (share > few ? share : few));
}
