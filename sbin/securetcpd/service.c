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

#include "penalty.h"
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
	se->se_addresses = service_addresses(sv);
	TAILQ_INIT(&se->se_listeners);
	RB_INIT(&se->se_crowd);
	evtimer_set(&se->se_resume, service_resume, se);
	spawner_init(se);
	refused_init(se);
	tally_init(se);
	visitors_init(se);
	TAILQ_INSERT_TAIL(&env->sd_services, se, se_entry);
	return (se);
}

/* What a client block connects to, by name: to be known when it is needed. */
static int
service_names(struct server *sv)
{
	struct backend	*ba;

	TAILQ_FOREACH(ba, &sv->sv_backends, ba_entry) {
		if (ba->ba_host[0] == '\0')
			continue;
		ba->ba_resolved = resolver_name(ba->ba_host);
		if (ba->ba_resolved == NULL) {
			daemon_fail("client \"%s\": %s: %s", sv->sv_name,
			    ba->ba_host, strerror(errno));
			return (-1);
		}
	}
	return (0);
}

void
services_start(struct conf *cf)
{
	struct server	*sv;
	struct service	*se;

	penalty_exempt(&cf->cf_exempt, &cf->cf_trusted);
	penalty_settings(cf->cf_penalties_off, cf->cf_block_after,
	    cf->cf_block_most);
	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry) {
		if ((se = service_new(sv)) == NULL) {
			daemon_fail("server \"%s\": %s", sv->sv_name,
			    strerror(errno));
			return;
		}
		if (service_names(sv) == -1 || listeners_bind(se) == -1)
			return;
		spawner_start(se);
	}
}

int
services_ready(void)
{
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		if (se->se_spawner == NULL)
			return (0);
	return (launcher_ready());
}

/* May a connection be given to a session now? */
int
service_able(const struct service *se)
{
	return (env->sd_started && !env->sd_stopping && !se->se_paused &&
	    se->se_idles > 0 && signers_ready() &&
	    (se->se_conf->sv_program == NULL || launcher_ready()));
}

/* May one be accepted, as far as the service is concerned? */
int
service_open(const struct service *se)
{
	return (!env->sd_draining && service_able(se));
}

/*
 * After every wake-up: whatever has changed, those who wait for a session,
 * the pool and the listeners follow.
 */
void
services_fill(void)
{
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry) {
		visitors_serve(se);
		pool_fill(se);
		listeners_poll(se);
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

	while ((se = TAILQ_FIRST(&env->sd_services)) != NULL) {
		(void)evtimer_del(&se->se_resume);
		listeners_close(se);
		refused_stop(se);
		tally_free(se);
		spawner_stop(se);
		TAILQ_REMOVE(&env->sd_services, se, se_entry);
		free(se);
	}
}
