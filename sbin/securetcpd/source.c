/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "securetcpd.h"

static int	 source_cmp(struct source *, struct source *);

RB_HEAD(sources, source);
static struct sources	 sources = RB_INITIALIZER(&sources);
RB_PROTOTYPE(sources, source, so_node, source_cmp);
RB_GENERATE(sources, source, so_node, source_cmp)

static TAILQ_HEAD(, source)	 crashed = TAILQ_HEAD_INITIALIZER(crashed);
static unsigned int		 ncrashed;

static int
source_cmp(struct source *a, struct source *b)
{
	if (a->so_service != b->so_service)
		return (a->so_service < b->so_service ? -1 : 1);
	if (a->so_family != b->so_family)
		return (a->so_family < b->so_family ? -1 : 1);
	if (a->so_scope != b->so_scope)
		return (a->so_scope < b->so_scope ? -1 : 1);
	return (memcmp(a->so_addr, b->so_addr, sizeof(a->so_addr)));
}

static void
source_key(struct source *so, struct service *se, const struct sockaddr *sa)
{
	struct network	 nw;

	memset(so, 0, sizeof(*so));
	so->so_service = se;
	(void)network_source(sa, &nw);
	so->so_family = nw.nw_family;
	so->so_scope = nw.nw_scope;
	memcpy(so->so_addr, nw.nw_addr, sizeof(so->so_addr));
}

static void
source_free(struct source *so)
{
	if (so->so_held > 0 || so->so_crashes > 0)
		return;
	(void)RB_REMOVE(sources, &sources, so);
	free(so);
}

/*
 * Counts a connection.  NULL: it has as many as it may (or there is no memory).
 */
struct source *
source_take(struct service *se, const struct sockaddr *sa, unsigned int max)
{
	struct source	 key, *so;

	source_key(&key, se, sa);
	if ((so = RB_FIND(sources, &sources, &key)) == NULL) {
		if ((so = malloc(sizeof(*so))) == NULL)
			return (NULL);
		*so = key;
		TAILQ_INIT(&so->so_requests);
		TAILQ_INIT(&so->so_pending);
		(void)RB_INSERT(sources, &sources, so);
	}
	if (so->so_count >= max)
		return (NULL);
	so->so_count++;
	so->so_held++;
	se->se_live++;
	env->sd_live++;
	return (so);
}

/* A connection has ended; its process may still be there, and crash. */
void
source_close(struct source *so)
{
	so->so_count--;
	so->so_service->se_live--;
	env->sd_live--;
}

void
source_release(struct source *so)
{
	so->so_held--;
	source_free(so);
}

/* The crashes in a block that is no more. */
void
sources_forget(struct service *se)
{
	struct source	*next, *so;

	TAILQ_FOREACH_SAFE(so, &crashed, so_entry, next) {
		if (so->so_service != se)
			continue;
		TAILQ_REMOVE(&crashed, so, so_entry);
		ncrashed--;
		so->so_crashes = 0;
		source_free(so);
	}
}

/* Forgets old crashes, and the oldest beyond SOURCE_MAX. */
static void
source_expire(time_t now)
{
	struct source	*so;

	while ((so = TAILQ_FIRST(&crashed)) != NULL && (ncrashed > SOURCE_MAX ||
	    now - so->so_crashed > SOURCE_SECONDS)) {
		TAILQ_REMOVE(&crashed, so, so_entry);
		ncrashed--;
		so->so_crashes = 0;
		source_free(so);
	}
}

/* A session of it has crashed; how many of those are remembered. */
unsigned int
source_crashed(struct source *so)
{
	time_t	 now = (time_t)(clock_now() / 1000);

	source_expire(now);
	if (so->so_crashes > 0)
		TAILQ_REMOVE(&crashed, so, so_entry);
	else
		ncrashed++;
	so->so_crashes++;
	so->so_crashed = now;
	TAILQ_INSERT_TAIL(&crashed, so, so_entry);
	source_expire(now);
	return (so->so_crashes);
}
