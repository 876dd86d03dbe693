/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "securetcpd.h"

static unsigned int	 nservices;

static void
service_resume(int fd, short what, void *arg)
{
	struct service	*se = arg;

	(void)fd;
	(void)what;
	se->se_paused = 0;
	log_server(se, "accepting again");
}

/* Does anybody want to know what address a client has connected to? */
static int
service_addresses(const struct server *sv)
{
	const struct backend	*ba;
	const struct route	*rt;

	if (sv->sv_program != NULL)
		return (1);
	TAILQ_FOREACH(ba, &sv->sv_backends, ba_entry)
		if (ba->ba_proxy != CONF_PROXY_NONE)
			return (1);
	TAILQ_FOREACH(rt, &sv->sv_routes, rt_entry)
		TAILQ_FOREACH(ba, &rt->rt_backends, ba_entry)
			if (ba->ba_proxy != CONF_PROXY_NONE)
				return (1);
	return (0);
}

static struct service *
service_new(struct server *sv)
{
	struct service	*se;

	if ((se = calloc(1, sizeof(*se))) == NULL)
		return (NULL);
	se->se_conf = sv;
	se->se_number = ++nservices;
	TAILQ_INIT(&se->se_listeners);
	RB_INIT(&se->se_crowd);
	evtimer_set(&se->se_resume, service_resume, se);
	spawner_init(se);
	refused_init(se);
	tally_init(se);
	visitors_init(se);
	return (se);
}

/* Frees a service, and separates it from the blocks of all generations. */
static void
service_free(struct service *se)
{
	struct generation	*gn;
	struct edition		*ed;

	(void)evtimer_del(&se->se_resume);
	(void)evtimer_del(&se->se_silence);
	listeners_close(se);
	refused_stop(se);
	tally_free(se);
	spawner_stop(se);
	sources_forget(se);
	TAILQ_FOREACH(gn, &env->sd_generations, gn_entry)
		TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
			if (ed->ed_service == se)
				ed->ed_service = NULL;
	if (se->se_edition != NULL) {
		TAILQ_REMOVE(&env->sd_services, se, se_entry);
		generation_release(se->se_edition->ed_generation);
	}
	free(se);
}

/* The one that goes on with that block, maybe one that was to go, or NULL. */
static struct service *
service_find(const struct server *sv)
{
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		if (se->se_conf->sv_client == sv->sv_client &&
		    strcmp(se->se_conf->sv_name, sv->sv_name) == 0)
			return (se);
	return (NULL);
}

/* Names that a client block connects to: to be known when they are needed. */
static int
service_names(struct server *sv)
{
	struct backend	*ba;

	TAILQ_FOREACH(ba, &sv->sv_backends, ba_entry) {
		if (ba->ba_host[0] == '\0')
			continue;
		ba->ba_resolved = resolver_name(ba->ba_host);
		if (ba->ba_resolved == NULL)
			return (-1);
	}
	return (0);
}

static int
service_prepare(struct generation *gn, struct server *sv)
{
	struct edition	*ed;

	if ((ed = calloc(1, sizeof(*ed))) == NULL)
		return (-1);
	ed->ed_generation = gn;
	ed->ed_conf = sv;
	spawner_post(ed);
	TAILQ_INSERT_TAIL(&gn->gn_editions, ed, ed_entry);
	if ((ed->ed_service = service_find(sv)) == NULL &&
	    (ed->ed_service = service_new(sv)) == NULL)
		return (-1);
	return (service_names(sv));
}

/* Each block gets its service; -1 after generation_failed(). */
int
services_prepare(struct generation *gn)
{
	struct server	*sv;
	char		 text[WIRE_REASON];

	TAILQ_FOREACH(sv, &gn->gn_conf->cf_servers, sv_entry)
		if (service_prepare(gn, sv) == -1) {
			(void)snprintf(text, sizeof(text), "server \"%s\": "
			    "%s", sv->sv_name, strerror(errno));
			generation_failed(gn, text);
			return (-1);
		}
	return (0);
}

static struct backend *
backend_find(struct backends *list, const char *name)
{
	struct backend	*ba;

	TAILQ_FOREACH(ba, list, ba_entry)
		if (strcmp(ba->ba_name, name) == 0)
			return (ba);
	return (NULL);
}

/* The first of a block that is called so, or NULL. */
struct backend *
service_backend(struct server *sv, const char *name)
{
	struct backend	*ba;
	struct route	*rt;

	if ((ba = backend_find(&sv->sv_backends, name)) != NULL)
		return (ba);
	TAILQ_FOREACH(rt, &sv->sv_routes, rt_entry)
		if ((ba = backend_find(&rt->rt_backends, name)) != NULL)
			return (ba);
	return (NULL);
}

/* A backend keeps what is known of it. */
static void
backends_learn(struct backends *list, struct server *before)
{
	struct backend	*ba, *old;

	TAILQ_FOREACH(ba, list, ba_entry) {
		if ((old = service_backend(before, ba->ba_name)) == NULL)
			continue;
		ba->ba_down = old->ba_down;
		ba->ba_failures = old->ba_failures;
		ba->ba_since = old->ba_since;
		if (old->ba_reason != NULL)
			ba->ba_reason = strdup(old->ba_reason);
	}
}

/* A connection counts once, however many backends have that name now. */
static void
backends_count(const struct backends *before, struct server *sv)
{
	const struct backend	*old;
	struct backend		*ba;

	TAILQ_FOREACH(old, before, ba_entry)
		if ((ba = service_backend(sv, old->ba_name)) != NULL)
			ba->ba_total += old->ba_total;
}

/* The new edition keeps what the block has learnt, and whom it serves. */
static void
service_inherit(struct service *se, struct edition *old, struct edition *ed)
{
	struct route	*rt;

	backends_learn(&ed->ed_conf->sv_backends, old->ed_conf);
	TAILQ_FOREACH(rt, &ed->ed_conf->sv_routes, rt_entry)
		backends_learn(&rt->rt_backends, old->ed_conf);
	backends_count(&old->ed_conf->sv_backends, ed->ed_conf);
	TAILQ_FOREACH(rt, &old->ed_conf->sv_routes, rt_entry)
		backends_count(&rt->rt_backends, ed->ed_conf);
	sessions_recount(se);
	visitors_rearm(se);
	spawner_retire(old);
	if (se->se_target < se->se_conf->sv_prefork)
		se->se_target = se->se_conf->sv_prefork;
	generation_release(old->ed_generation);
}

/* Connections to come are made by this edition. */
static void
service_switch(struct edition *ed)
{
	struct service	*se = ed->ed_service;
	struct edition	*old = se->se_edition;

	(void)generation_hold(ed->ed_generation);
	se->se_leaving = 0;
	se->se_edition = ed;
	se->se_conf = ed->ed_conf;
	se->se_addresses = service_addresses(ed->ed_conf);
	if (old == NULL)
		TAILQ_INSERT_TAIL(&env->sd_services, se, se_entry);
	else
		service_inherit(se, old, ed);
	se->se_spawner = ed->ed_spawner;
	ed->ed_spawner = NULL;
}

/* Blocks that it does not have serve whom they have, and accept nobody. */
void
services_switch(struct generation *gn)
{
	struct edition	*ed;
	struct service	*se;

	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
		service_switch(ed);
	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		if (se->se_edition->ed_generation != gn)
			se->se_leaving = 1;
	listeners_switch(gn);
}

/* The generation was not used after all. */
void
services_forget(struct generation *gn)
{
	struct edition	*ed;

	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry) {
		if (ed->ed_service == NULL)
			continue;
		spawner_retire(ed);
		if (ed->ed_service->se_edition == NULL)
			service_free(ed->ed_service);
	}
}

/* The last of what it has may have gone. */
static void
service_left(struct service *se)
{
	if (se->se_visitors > 0)
		return;
	spawner_retire(se->se_edition);
	if (se->se_sessions == 0 && TAILQ_EMPTY(&se->se_spawners))
		service_free(se);
}

/* May a connection be given to a session now? */
int
service_able(const struct service *se)
{
	const struct generation	*gn = se->se_edition->ed_generation;

	return (env->sd_started && !env->sd_stopping && !se->se_paused &&
	    se->se_idles > 0 && signers_ready(gn) &&
	    (se->se_conf->sv_program == NULL || launcher_ready(gn)));
}

/*
 * A block that is full turns connections away, which takes no session: where a
 * reload has lowered the maximum there may be no idle one.
 */
static int
service_full(const struct service *se)
{
	return (env->sd_started && !env->sd_stopping && !se->se_paused &&
	    se->se_live >= se->se_conf->sv_max);
}

/* May one be accepted, as far as the service is concerned? */
int
service_open(const struct service *se)
{
	return (!env->sd_draining && !se->se_leaving && (service_able(se) ||
	    service_full(se)));
}

/*
 * After every wake-up: whatever has changed, those who wait for a session,
 * the pool and the listeners follow.
 */
void
services_fill(void)
{
	struct service	*next, *se;

	TAILQ_FOREACH_SAFE(se, &env->sd_services, se_entry, next) {
		visitors_serve(se);
		pool_fill(se);
		listeners_poll(se);
		if (se->se_leaving)
			service_left(se);
	}
}

/*
 * CRASH_MAX crashes in CRASH_WINDOW seconds: somebody is trying
 * addresses out.  The server fails closed for a while.
 */
void
service_crashed(struct service *se)
{
	struct timeval	 tv = { CRASH_PAUSE, 0 };
	time_t		 now = (time_t)(clock_now() / 1000), oldest;
	char		 text[128];

	se->se_crashes[se->se_crash] = now + 1;		/* 0 is: none */
	se->se_crash = (se->se_crash + 1) % CRASH_MAX;
	oldest = se->se_crashes[se->se_crash];
	if (se->se_paused || oldest == 0 ||
	    now + 1 - oldest > CRASH_WINDOW)
		return;
	se->se_paused = 1;
	(void)snprintf(text, sizeof(text), "%d crashes within %d seconds: "
	    "not accepting for %d seconds", CRASH_MAX, CRASH_WINDOW,
	    CRASH_PAUSE);
	log_server(se, text);
	(void)evtimer_add(&se->se_resume, &tv);
}

/* Connections without a session end. */
void
services_dismiss(const char *by)
{
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		visitors_stop(se, by);
}

void
services_stop(void)
{
	struct service	*se;

	while ((se = TAILQ_FIRST(&env->sd_services)) != NULL)
		service_free(se);
}
