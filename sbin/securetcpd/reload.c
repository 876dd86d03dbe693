/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Reading the configuration again, in two phases.  A generation is made of it
 * and tried: its files are checked, its helpers loaded, its addresses bound.
 * Then it takes the place of the one that is used; if anything fails before,
 * it is dropped and nothing has changed.
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

static struct generation	*trial;
static unsigned int		 reloads;	/* begun so far */
static int			 checked;	/* its helpers are started */
static unsigned int		 errors;	/* before it was read */
static int			 failed;	/* and why: */
static char			 failure[2 * WIRE_REASON];
static int			 wanted;	/* when this one is over */
static char			 wanted_by[64];

/* A finding, for the log and for those who wait. */
void
reload_say(int warning, const char *text)
{
	log_warning("%s", text);
	control_message(reloads, warning, text);
}

/* The number of the one that is to come: it may wait for another. */
unsigned int
reload_start(const char *by)
{
	(void)strlcpy(wanted_by, by, sizeof(wanted_by));
	wanted = 1;
	return (reloads + 1);
}

/* The first reason is the cause. */
void
reload_failed(const char *why)
{
	if (!failed)
		(void)strlcpy(failure, why, sizeof(failure));
	failed = 1;
}

static void
reload_refused(const char *why)
{
	log_warning("reload refused, nothing has changed: %s", why);
	control_reloaded(reloads, why);
}

/* What only a restart changes stays as it is. */
static void
reload_keep(const struct conf_place *place, const char *what, char *value,
    const char *used, size_t size)
{
	if (strcmp(value, used) == 0)
		return;
	conf_warning(place, "%s \"%s\" takes a restart: \"%s\" stays", what,
	    value, used);
	(void)strlcpy(value, used, size);
}

static void
reload_stays(struct conf *cf)
{
	const struct conf	*old = env->sd_conf;

	reload_keep(&cf->cf_user_at, "user", cf->cf_user, old->cf_user,
	    sizeof(cf->cf_user));
	reload_keep(&cf->cf_signer_user_at, "signer user", cf->cf_signer_user,
	    old->cf_signer_user, sizeof(cf->cf_signer_user));
	reload_keep(&cf->cf_chroot_at, "chroot", cf->cf_chroot,
	    old->cf_chroot, sizeof(cf->cf_chroot));
	reload_keep(&cf->cf_pidfile_at, "pidfile", cf->cf_pidfile,
	    old->cf_pidfile, sizeof(cf->cf_pidfile));
	if (cf->cf_facility != old->cf_facility) {
		conf_warning(&cf->cf_place, "another log facility takes a "
		    "restart");
		cf->cf_facility = old->cf_facility;
	}
	if (!doors_same(cf))
		conf_warning(&cf->cf_place, "other control sockets take a "
		    "restart");
}

/* All is known of its files: what serves with them is loaded. */
static void
reload_checked(void)
{
	struct edition	*ed;

	conf_report();
	if (conf_errors() != errors) {
		reload_failed("");
		return;
	}
	if (limits_raise(trial->gn_conf) == -1) {
		reload_failed("it needs more than the limits allow");
		return;
	}
	limits_show();
	if (services_prepare(trial) == -1)
		return;
	checked = 1;
	signers_start(trial, trial->gn_conf->cf_signers);
	launcher_start(trial);
	TAILQ_FOREACH(ed, &trial->gn_editions, ed_entry)
		spawner_start(ed);
}

static void
reload_begin(void)
{
	struct conf	*cf;

	wanted = 0;
	checked = 0;
	failed = 0;
	reloads++;
	log_info("reload by %s", wanted_by);
	errors = conf_errors();
	conf_output(reload_say);
	if ((cf = conf_parse(env->sd_file)) == NULL) {
		conf_report();
		reload_refused("the configuration cannot be read");
		return;
	}
	reload_stays(cf);
	if ((trial = generation_new(cf)) == NULL) {
		conf_report();
		conf_free(cf);
		reload_refused(strerror(ENOMEM));
		return;
	}
	trial->gn_files = limits_open(cf);
	env->sd_fds += trial->gn_files;
	checker_start(trial, reload_checked);
}

static void
reload_abort(void)
{
	struct generation	*gn = trial;
	unsigned int		 n = conf_errors() - errors;

	trial = NULL;
	failed = 0;
	checker_stop();
	listeners_drop(gn);
	services_forget(gn);
	gn->gn_stage = GENERATION_LEFT;
	conf_report();
	/* What was told in the grammar's form says it better. */
	if (n != 0)
		(void)snprintf(failure, sizeof(failure), "the configuration "
		    "has %u error%s", n, n == 1 ? "" : "s");
	reload_refused(failure);
}

/* What the configuration says of no block in particular. */
void
reload_settings(struct conf *cf)
{
	penalty_exempt(&cf->cf_exempt, &cf->cf_trusted);
	penalty_settings(cf->cf_penalties_off, cf->cf_block_after,
	    cf->cf_block_most);
}

static void
reload_commit(void)
{
	struct generation	*gn = trial, *old = env->sd_generation;
	char			 why[256];

	if (listeners_bind(gn, why, sizeof(why)) == -1) {
		reload_failed(why);
		reload_abort();
		return;
	}
	trial = NULL;
	generation_use(gn);
	reload_settings(gn->gn_conf);
	if (gn->gn_conf->cf_log != old->gn_conf->cf_log &&
	    env->sd_verbose == 0)
		log_set(gn->gn_conf->cf_log);
	services_switch(gn);
	generation_leave(old);
	updates_show(gn->gn_conf);
	updates_watch(gn->gn_conf);
	log_info("reloaded: generation %u is used", gn->gn_number);
	control_reloaded(reloads, NULL);
}

/* After every wake-up: what was tried may be ready, or of no use. */
void
reload_look(void)
{
	if (!env->sd_started || env->sd_stopping || env->sd_draining)
		return;
	if (trial == NULL && wanted)
		reload_begin();
	if (trial == NULL)
		return;
	if (failed)
		reload_abort();
	else if (checked && generation_ready(trial))
		reload_commit();
}

/* Those that are asked for come to nothing. */
void
reload_cancel(const char *why)
{
	if (trial != NULL) {
		reload_failed(why);
		reload_abort();
	}
	if (!wanted)
		return;
	wanted = 0;
	reloads++;
	reload_refused(why);
}
