/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connections to a server block that have no session yet: TLS begins with
 * the client, and until its first byte there is nothing to do for one.  Each
 * is a descriptor, a place among the pending and the handshake timer.
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "sandbox.h"
#include "securetcpd.h"

enum sight {
	SIGHT_SILENT,
	SIGHT_BYTE,
	SIGHT_GONE		/* without a byte */
};

static void	 visitor_readable(int, short, void *);

/* Looks what has come, without reading a byte. */
static enum sight
visitor_look(int fd)
{
	struct pollfd	 pfd = { fd, POLLIN, 0 };
	int		 n = 0;

	if (poll(&pfd, 1, 0) != 1)
		return (SIGHT_SILENT);
	if (ioctl(fd, FIONREAD, &n) == 0 && n > 0)
		return (SIGHT_BYTE);
	return (SIGHT_GONE);
}

static int64_t
visitor_deadline(const struct visitor *v)
{
	return (v->v_since + v->v_service->se_conf->sv_handshake * 1000LL);
}

/* All of them have as long, so the first one is due first. */
static void
visitors_arm(struct service *se)
{
	struct visitor	*v = TAILQ_FIRST(&se->se_silent);

	if (v == NULL || evtimer_pending(&se->se_silence, NULL))
		return;
	clock_after(&se->se_silence, visitor_deadline(v) - clock_now());
}

/* Moves a visitor to its next phase, and so from list to list. */
static void
visitor_enter(struct visitor *v, enum phase next)
{
	struct service	*se = v->v_service;
	enum phase	 was = v->v_phase;

	if (phase_set(&v->v_phase, next) == -1) {
		log_fatal("bug: phase %s does not follow phase %s",
		    phase_name(next), phase_name(was));
		abort();
	}
	if (was == PHASE_SILENT) {
		v->v_source->so_silent--;
		TAILQ_REMOVE(&se->se_silent, v, v_entry);
		(void)event_del(&v->v_ev);
	} else if (was == PHASE_READY)
		TAILQ_REMOVE(&se->se_ready, v, v_entry);
	if (next == PHASE_SILENT) {
		v->v_source->so_silent++;
		TAILQ_INSERT_TAIL(&se->se_silent, v, v_entry);
		visitors_arm(se);
	} else if (next == PHASE_READY)
		TAILQ_INSERT_TAIL(&se->se_ready, v, v_entry);
}

/* From here on it waits for us: its timer stands still. */
static void
visitor_ready(struct visitor *v)
{
	visitor_enter(v, PHASE_READY);
	if ((v->v_left = visitor_deadline(v) - clock_now()) < 0)
		v->v_left = 0;
}

static void
visitor_leave(struct visitor *v)
{
	visitor_enter(v, PHASE_GONE);
	v->v_service->se_visitors--;
	env->sd_fds--;
}

static void
visitor_close(struct visitor *v)
{
	struct source	*so = v->v_source;

	visitor_leave(v);
	pending_remove(&v->v_place);
	(void)close(v->v_fd);
	free(v);
	source_close(so);
	source_release(so);
	stop_check();
}

static void
visitor_gone(struct visitor *v)
{
	log_visitor(v, "the peer left without sending anything");
	visitor_close(v);
}

/* The idle session, of which there is one, takes it over. */
static void
visitor_adopt(struct visitor *v)
{
	char	 from[80];

	/* Not before, as a socket that is not adopted needs none of it. */
	if (sandbox_rights(v->v_fd, SANDBOX_USE_SOCKET) == -1) {
		conf_address_name(&v->v_peer, from, sizeof(from));
		log_warning("rights of a connection from %s cannot be limited:"
		    " %s", from, strerror(errno));
		visitor_close(v);
		return;
	}
	visitor_leave(v);
	conn_adopt(pool_take(v->v_service), v);
	free(v);
}

/* As far as there are idle sessions; the others keep their turn. */
void
visitors_serve(struct service *se)
{
	struct visitor	*v;

	while ((v = TAILQ_FIRST(&se->se_ready)) != NULL && service_able(se))
		visitor_adopt(v);
}

/* The handshake timer of the oldest. */
static void
visitors_overdue(int fd, short what, void *arg)
{
	struct service	*se = arg;
	struct visitor	*v;

	(void)fd;
	(void)what;
	while ((v = TAILQ_FIRST(&se->se_silent)) != NULL &&
	    visitor_deadline(v) <= clock_now()) {
		switch (visitor_look(v->v_fd)) {
		case SIGHT_BYTE:
			visitor_ready(v);
			break;
		case SIGHT_GONE:
			visitor_gone(v);
			break;
		case SIGHT_SILENT:
			offence_silent(v);
			refused_add(se, REFUSE_SILENT, &v->v_peer, 0);
			visitor_close(v);
			break;
		}
	}
	visitors_arm(se);
	visitors_serve(se);
}

static void
visitor_readable(int fd, short what, void *arg)
{
	struct visitor	*v = arg;
	struct service	*se = v->v_service;

	(void)what;
	switch (visitor_look(fd)) {
	case SIGHT_BYTE:
		visitor_ready(v);
		visitors_serve(se);
		break;
	case SIGHT_GONE:
		visitor_gone(v);
		break;
	case SIGHT_SILENT:
		(void)event_add(&v->v_ev, NULL);
		break;
	}
}

void
visitors_init(struct service *se)
{
	TAILQ_INIT(&se->se_silent);
	TAILQ_INIT(&se->se_ready);
	evtimer_set(&se->se_silence, visitors_overdue, se);
}

/*
 * An accepted connection that no limit forbids; -1: there is no memory.  Often
 * its first byte is there already.
 */
int
visitor_add(struct listener *ln, int fd, const struct sockaddr_storage *ss,
    struct source *so)
{
	struct service	*se = ln->ln_service;
	struct visitor	*v;

	if ((v = malloc(sizeof(*v))) == NULL)
		return (-1);
	v->v_service = se;
	v->v_source = so;
	v->v_peer = *ss;
	v->v_fd = fd;
	v->v_proxy = ln->ln_proxy;
	v->v_phase = PHASE_NONE;
	v->v_since = clock_now();
	event_set(&v->v_ev, fd, EV_READ, visitor_readable, v);
	se->se_visitors++;
	env->sd_fds++;
	pending_add(&v->v_place, se, so);
	v->v_place.pl_visitor = v;
	switch (visitor_look(fd)) {
	case SIGHT_BYTE:
		visitor_ready(v);
		visitors_serve(se);
		break;
	case SIGHT_GONE:
		visitor_gone(v);
		break;
	case SIGHT_SILENT:
		visitor_enter(v, PHASE_SILENT);
		if (event_add(&v->v_ev, NULL) == 0)
			break;
		log_warning("a connection cannot be waited for: %s",
		    strerror(errno));
		visitor_close(v);
		break;
	}
	return (0);
}

/* Ends a visitor to make room for another one. */
void
visitor_make_room(struct visitor *v)
{
	offence_squatter(v);
	refused_add(v->v_service, REFUSE_PENDING, &v->v_peer, 0);
	visitor_close(v);
}

/* A reload may have changed the handshake timer. */
void
visitors_rearm(struct service *se)
{
	(void)evtimer_del(&se->se_silence);
	visitors_arm(se);
}

/* Not a word of TLS has been said to any of them. */
void
visitors_stop(struct service *se, const char *by)
{
	struct visitor	*v;

	while ((v = TAILQ_FIRST(&se->se_silent)) != NULL ||
	    (v = TAILQ_FIRST(&se->se_ready)) != NULL) {
		log_visitor(v, by);
		visitor_close(v);
	}
	(void)evtimer_del(&se->se_silence);
}
