/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Generations: a configuration with the helpers that were loaded with it.  One
 * is used for connections to come; those before it live for as long as one of
 * their connections does, and their signers until the last handshake.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "securetcpd.h"

static void	 generation_overdue(int, short, void *);

/* NULL: no memory. */
struct generation *
generation_new(struct conf *cf)
{
	struct generation	*gn;

	if ((gn = calloc(1, sizeof(*gn))) == NULL)
		return (NULL);
	gn->gn_conf = cf;
	evtimer_set(&gn->gn_deadline, generation_overdue, gn);
	TAILQ_INIT(&gn->gn_editions);
	TAILQ_INIT(&gn->gn_listeners);
	TAILQ_INIT(&gn->gn_signers);
	TAILQ_INSERT_TAIL(&env->sd_generations, gn, gn_entry);
	return (gn);
}

struct generation *
generation_hold(struct generation *gn)
{
	gn->gn_uses++;
	return (gn);
}

/* The main loop sees whether that was the last use. */
void
generation_release(struct generation *gn)
{
	gn->gn_uses--;
}

int
generation_tried(const struct generation *gn)
{
	return (gn->gn_stage == GENERATION_TRIED);
}

/* Whatever connections to come have need of is there. */
int
generation_ready(const struct generation *gn)
{
	const struct edition	*ed;

	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
		if (ed->ed_spawner == NULL && (ed->ed_service->se_edition !=
		    ed || ed->ed_service->se_spawner == NULL))
			return (0);
	return (signers_all_ready(gn) && launcher_ready(gn));
}

/* It is of no use: nothing starts, or all goes on as before. */
void
generation_failed(struct generation *gn, const char *why)
{
	if (gn == env->sd_generation)
		daemon_fail("%s", why);
	else
		reload_failed(why);
}

/* From now on it is the one. */
void
generation_use(struct generation *gn)
{
	static unsigned int	 number;

	gn->gn_stage = GENERATION_USED;
	gn->gn_number = ++number;
	env->sd_generation = gn;
	env->sd_conf = gn->gn_conf;
}

/* Is this the edition that the visitors of its block are served by? */
static int
edition_last(const struct edition *ed)
{
	return (ed->ed_service != NULL && ed->ed_service->se_edition == ed);
}

static void
generation_overdue(int fd, short what, void *arg)
{
	struct generation	*gn = arg;
	struct edition		*ed;
	char			 by[96], text[CLOCK_TEXT];

	(void)fd;
	(void)what;
	(void)snprintf(by, sizeof(by), "drain deadline of generation %u, %s",
	    gn->gn_number, clock_seconds(gn->gn_drain, text, sizeof(text)));
	log_info("%s", by);
	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
		if (edition_last(ed))
			visitors_stop(ed->ed_service, by);
	sessions_dismiss(gn, by);
}

/* Another one is used instead. */
void
generation_leave(struct generation *gn)
{
	gn->gn_stage = GENERATION_LEFT;
	gn->gn_drain = env->sd_conf->cf_drain;
	if (gn->gn_drain > 0)
		clock_after(&gn->gn_deadline, gn->gn_drain * 1000LL);
}

/* May a connection of it still need a signature? */
static int
generation_signs(const struct generation *gn)
{
	const struct edition	*ed;

	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
		if (edition_last(ed) && ed->ed_service->se_visitors > 0)
			return (1);
	return (gn->gn_handshakes > 0 || signers_busy(gn));
}

static void
generation_names(struct conf *cf)
{
	struct backend	*ba;
	struct server	*sv;

	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry)
		TAILQ_FOREACH(ba, &sv->sv_backends, ba_entry)
			if (ba->ba_resolved != NULL)
				resolver_release(ba->ba_resolved);
}

static void
generation_free(struct generation *gn)
{
	struct edition	*ed;

	if (gn->gn_number != 0)
		log_info("generation %u is gone", gn->gn_number);
	(void)evtimer_del(&gn->gn_deadline);
	signers_stop(gn);
	launcher_stop(gn);
	while ((ed = TAILQ_FIRST(&gn->gn_editions)) != NULL) {
		TAILQ_REMOVE(&gn->gn_editions, ed, ed_entry);
		proc_stop(&ed->ed_post);
		free(ed);
	}
	generation_names(gn->gn_conf);
	env->sd_fds -= gn->gn_files;
	TAILQ_REMOVE(&env->sd_generations, gn, gn_entry);
	conf_free(gn->gn_conf);
	free(gn);
}

/* No helper will load a key or a chain of that generation any more. */
static void
generation_close(struct generation *gn)
{
	signers_stop(gn);
	conf_close(gn->gn_conf);
	env->sd_fds -= gn->gn_files;
	gn->gn_files = 0;
}

/* Those that are left, as far as nobody needs them. */
void
generations_collect(void)
{
	struct generation	*gn, *next;

	TAILQ_FOREACH_SAFE(gn, &env->sd_generations, gn_entry, next) {
		if (gn->gn_stage != GENERATION_LEFT)
			continue;
		if ((!TAILQ_EMPTY(&gn->gn_signers) || gn->gn_files > 0) &&
		    !generation_signs(gn))
			generation_close(gn);
		if (gn->gn_uses == 0)
			generation_free(gn);
	}
}

void
generations_stop(void)
{
	struct generation	*gn;

	TAILQ_FOREACH(gn, &env->sd_generations, gn_entry) {
		signers_stop(gn);
		launcher_stop(gn);
	}
	execute_stop();
}
