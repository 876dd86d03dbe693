/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <string.h>

#include "securetcpd.h"

#define POOL_TELL	60		/* seconds between two lines of it */
#define POOL_SHRINK	10		/* seconds between looks */

/*
 * Idle sessions of a service: forked and sandboxed ahead of the connection
 * they will adopt.  The pool doubles when it runs dry and shrinks to what
 * was really used.
 */
static void
pool_shrink(int fd, short what, void *arg)
{
	struct timeval	 tv = { POOL_SHRINK, 0 };
	struct service	*se = arg;

	(void)fd;
	(void)what;
	if (se->se_target > se->se_conf->sv_prefork &&
	    se->se_low > se->se_target / 2) {
		se->se_target -= (se->se_target - se->se_conf->sv_prefork +
		    1) / 2;
		while (se->se_idles > se->se_target)
			session_dismiss(TAILQ_FIRST(&se->se_idle));
	}
	se->se_low = se->se_idles;
	(void)evtimer_add(&se->se_shrink, &tv);
}

/* fork(2) failed: no use in trying again at once. */
static void
pool_resume(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pool_fill(arg);
}

void
pool_hold(struct service *se)
{
	struct timeval	 tv = { 1, 0 };

	(void)evtimer_add(&se->se_hold, &tv);
}

/* The log hears of the first one, and then now and again how many. */
void
pool_unforked(struct service *se, int error)
{
	int64_t	 now = clock_now();

	pool_hold(se);
	se->se_short = now;
	se->se_unforked++;
	se->se_untold++;
	if (se->se_told != 0 && now - se->se_told < POOL_TELL * 1000)
		return;
	log_warning("server \"%s\": a session cannot be forked: %s (%u since "
	    "the last such line)", se->se_conf->sv_name, strerror(error),
	    se->se_untold);
	se->se_told = now;
	se->se_untold = 0;
}

void
pool_init(struct service *se)
{
	struct timeval	 tv = { POOL_SHRINK, 0 };

	se->se_target = se->se_conf->sv_prefork;
	evtimer_set(&se->se_hold, pool_resume, se);
	evtimer_set(&se->se_shrink, pool_shrink, se);
	(void)evtimer_add(&se->se_shrink, &tv);
}

/*
 * May one more be forked?  Whatever its sessions are at, a server has no
 * more processes of them than connections and the idle ones it must have:
 * that is what the limits were made for.
 */
static int
pool_room(const struct service *se)
{
	const struct spawner	*sp;
	unsigned int		 n = 0;

	TAILQ_FOREACH(sp, &se->se_spawners, sp_entry)
		n += sp->sp_sessions;
	return (n < se->se_conf->sv_max + se->se_conf->sv_prefork);
}

/* Not while one takes the place of another. */
static int
pool_simple(const struct service *se)
{
	const struct spawner	*sp = TAILQ_FIRST(&se->se_spawners);

	return (sp != NULL && TAILQ_NEXT(sp, sp_entry) == NULL);
}

/* One that the spawner before the present one has forked, or NULL. */
static struct session *
pool_old(const struct service *se)
{
	struct session	*s;

	if (pool_simple(se))
		return (NULL);
	TAILQ_FOREACH(s, &se->se_idle, s_entry)
		if (s->s_spawner != se->se_spawner)
			return (s);
	return (NULL);
}

/* Of the present spawner, and those to be. */
static unsigned int
pool_have(const struct service *se)
{
	const struct session	*s;
	unsigned int		 n = se->se_starting;

	if (pool_simple(se))
		return (se->se_idles + n);
	TAILQ_FOREACH(s, &se->se_idle, s_entry)
		if (s->s_spawner == se->se_spawner)
			n++;
	return (n);
}

/* Forks in batches, so that spawner and parent wake once for several. */
void
pool_fill(struct service *se)
{
	struct session	*old;
	unsigned int	 have;

	/* A server that crashes forks nothing more that could crash. */
	if (env->sd_stopping || se->se_paused || se->se_spawner == NULL ||
	    evtimer_pending(&se->se_hold, NULL))
		return;
	/* While it drains, only for those that were accepted before. */
	if (env->sd_draining && TAILQ_EMPTY(&se->se_ready))
		return;
	have = pool_have(se);
	if (have > se->se_target / 2 && have < se->se_target &&
	    se->se_target > 1 && se->se_idles > 0)
		return;
	/* Where it has just failed one is tried, not a batch. */
	if (se->se_unforked > 0 && se->se_starting > 0)
		return;
	while (have++ < se->se_target && pool_room(se)) {
		if (session_fork(se->se_spawner) == -1) {
			pool_hold(se);
			return;
		}
		if (se->se_unforked > 0)
			return;
	}
	if (!pool_room(se) && (old = pool_old(se)) != NULL)
		session_dismiss(old);
}

void
pool_forked(struct session *s)
{
	struct service	*se = s->s_service;
	struct session	*old = pool_old(se);

	/* It takes the place of one that is to go. */
	if (old != NULL)
		session_dismiss(old);
	se->se_unforked = 0;
	TAILQ_INSERT_TAIL(&se->se_idle, s, s_entry);
	se->se_idles++;
}

/* The next to adopt a connection; the last one leaves too few behind it. */
struct session *
pool_take(struct service *se)
{
	if (se->se_idles == 1) {
		if ((se->se_target *= 2) > POOL_MAX)
			se->se_target = POOL_MAX;
		if (se->se_target < se->se_conf->sv_prefork)
			se->se_target = se->se_conf->sv_prefork;
	}
	return (TAILQ_FIRST(&se->se_idle));
}

/* An idle session goes, to work or for good. */
void
pool_forget(struct session *s)
{
	struct service	*se = s->s_service;

	TAILQ_REMOVE(&se->se_idle, s, s_entry);
	if (--se->se_idles < se->se_low)
		se->se_low = se->se_idles;
}

void
pool_discard(struct spawner *sp)
{
	struct session	*s, *next;

	TAILQ_FOREACH_SAFE(s, &sp->sp_service->se_idle, s_entry, next)
		if (s->s_spawner == sp)
			session_dismiss(s);
}
