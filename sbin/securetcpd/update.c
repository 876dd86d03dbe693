/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Files that have to be renewed in time: lists of revoked certificates and OCSP
 * responses.  Their dates are shown at start, and one that expires while we run
 * is warned about, once.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <time.h>

#include "securetcpd.h"

/* However long it takes: the clock may be set meanwhile. */
#define UPDATE_LOOK	3600

struct update {
	const char		*up_block;	/* "server", "certificate" */
	const char		*up_name;
	const char		*up_what;	/* "crl", "ocsp" */
	const char		*up_expired;	/* what that means */
	struct conf_path	*up_path;
};

static time_t	 update_each(struct conf *, void (*)(const struct update *,
		    time_t *));
static void	 update_show(const struct update *, time_t *);
static void	 update_check(const struct update *, time_t *);
static void	 update_look(int, short, void *);

static struct event	 timer;
static int		 watching;

static time_t
update_each(struct conf *cf, void (*each)(const struct update *, time_t *))
{
	struct certificate	*ce;
	struct server		*sv;
	struct update		 up;
	time_t			 next = 0;

	up.up_block = "certificate";
	up.up_what = "ocsp";
	up.up_expired = "the OCSP response has expired: clients may refuse "
	    "the certificate";
	TAILQ_FOREACH(ce, &cf->cf_certificates, ce_entry) {
		up.up_name = ce->ce_name;
		up.up_path = &ce->ce_ocsp;
		if (ce->ce_ocsp.pa_path != NULL)
			each(&up, &next);
	}
	up.up_block = "server";
	up.up_what = "crl";
	up.up_expired = "a list of revoked certificates has expired: clients "
	    "whose certificates it is for are refused";
	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry) {
		up.up_name = sv->sv_name;
		up.up_path = &sv->sv_crl;
		if (sv->sv_crl.pa_path != NULL)
			each(&up, &next);
	}
	return (next);
}

static void
update_show(const struct update *up, time_t *next)
{
	(void)next;
	log_update(up->up_block, up->up_name, up->up_what, up->up_path, NULL);
}

/* Lowers *next to the seconds until there is one to be warned of. */
static void
update_check(const struct update *up, time_t *next)
{
	struct conf_path	*pa = up->up_path;
	time_t			 left, now = time(NULL);

	if (pa->pa_next == -1 || pa->pa_expired)
		return;
	if (pa->pa_next <= now) {
		pa->pa_expired = 1;
		log_update(up->up_block, up->up_name, up->up_what, pa,
		    up->up_expired);
		return;
	}
	left = pa->pa_next - now;
	if (left > UPDATE_LOOK)
		left = UPDATE_LOOK;
	if (*next == 0 || left < *next)
		*next = left;
}

static void
update_look(int fd, short what, void *arg)
{
	struct timeval	 tv = { 0, 0 };

	(void)fd;
	(void)what;
	if ((tv.tv_sec = update_each(arg, update_check)) != 0)
		(void)evtimer_add(&timer, &tv);
}

void
updates_show(struct conf *cf)
{
	(void)update_each(cf, update_show);
}

/* Watches the files of this configuration, and no longer of another. */
void
updates_watch(struct conf *cf)
{
	if (watching)
		(void)evtimer_del(&timer);
	watching = 1;
	evtimer_set(&timer, update_look, cf);
	update_look(-1, 0, cf);
}
