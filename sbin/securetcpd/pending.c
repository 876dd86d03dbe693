/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Handshakes under way, by their sources: when there are too many the oldest
 * one of the source that has most makes room.
 */

#include <sys/types.h>
#include <sys/tree.h>

#include <event.h>
#include <imsg.h>

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
	an = TAILQ_FIRST(&a->so_pending)->s_begun;
	bn = TAILQ_FIRST(&b->so_pending)->s_begun;
	if (an == bn)
		return (0);
	return (an > bn ? -1 : 1);
}

static void
pending_insert(struct session *s)
{
	struct service	*se = s->s_service;
	struct source	*so = s->s_source;

	if (so->so_pendings > 0)
		(void)RB_REMOVE(crowd, &se->se_crowd, so);
	else
		se->se_crowders++;
	TAILQ_INSERT_TAIL(&so->so_pending, s, s_entry);
	so->so_pendings++;
	(void)RB_INSERT(crowd, &se->se_crowd, so);
}

void
pending_add(struct session *s)
{
	static uint64_t	 begun;

	s->s_begun = ++begun;
	s->s_service->se_pendings++;
	pending_insert(s);
}

static void
pending_take(struct session *s)
{
	struct service	*se = s->s_service;
	struct source	*so = s->s_source;

	(void)RB_REMOVE(crowd, &se->se_crowd, so);
	TAILQ_REMOVE(&so->so_pending, s, s_entry);
	if (--so->so_pendings > 0)
		(void)RB_INSERT(crowd, &se->se_crowd, so);
	else
		se->se_crowders--;
}

void
pending_remove(struct session *s)
{
	pending_take(s);
	s->s_service->se_pendings--;
}

/* A PROXY header has named another source, which is the session's now. */
void
pending_move(struct session *s, struct source *so)
{
	pending_take(s);
	s->s_source = so;
	pending_insert(s);
}

struct session *
pending_crowder(struct service *se)
{
	return (TAILQ_FIRST(&RB_MAX(crowd, &se->se_crowd)->so_pending));
}

/* Does its source hold more than its share? */
int
pending_greedy(const struct session *s)
{
	const struct service	*se = s->s_service;
	unsigned int		 few, max = se->se_conf->sv_pending, share;

	few = max / 2 < PENDING_FEW ? max / 2 : PENDING_FEW;
	share = max / se->se_crowders;
	return (s->s_source->so_pendings > (share > few ? share : few));
}
