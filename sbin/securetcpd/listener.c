/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "sandbox.h"
#include "securetcpd.h"

#define ACCEPT_BATCH	16		/* connections for one wake-up */
#define ACCEPT_PAUSE	1		/* seconds, when descriptors are out */
#define LISTEN_AGAIN	5		/* seconds until an address is tried */

static void	 listener_accept(int, short, void *);
static void	 listener_retry(int, short, void *);

static struct event	 pause_timer;
static int		 paused;	/* no listener is polled */


static int
listener_bind(struct listener *ln)
{
	const struct listen	*li = ln->ln_conf;
	const struct sockaddr	*sa = (const struct sockaddr *)&li->li_ss;
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	int			 on = 1;

	ln->ln_fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (ln->ln_fd == -1)
		return (-1);
	env->sd_fds++;
	if (setsockopt(ln->ln_fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == -1)
		return (-1);
	if (sa->sa_family == AF_INET6 && setsockopt(ln->ln_fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return (-1);
	/* BSD systems set urgent data aside as it arrives: before accept. */
	if (setsockopt(ln->ln_fd, SOL_SOCKET, SO_OOBINLINE, &on,
	    sizeof(on)) == -1)
		return (-1);
	if (bind(ln->ln_fd, sa, li->li_len) == -1 ||
	    listen(ln->ln_fd, li->li_backlog) == -1 ||
	    getsockname(ln->ln_fd, (struct sockaddr *)&ss, &len) == -1)
		return (-1);
	conf_address_name(&ss, ln->ln_name, sizeof(ln->ln_name));
	return (0);
}

/*
 * The kernel cuts a backlog, and listen(2) does not say so.  The daemon asks at
 * the start, as its promises allow no such question later.
 */
static void
backlog_check(const struct listener *ln)
{
	static int		 most;
	const struct listen	*li = ln->ln_conf;

	if (most == 0)
		most = compat_backlog_max();
	if (li->li_backlog_said && li->li_backlog > most)
		log_warning("listen on %s: backlog %d is more than the %d that "
		    "the system allows (%s)", ln->ln_name, li->li_backlog,
		    most, COMPAT_BACKLOG_HINT);
}

static void
listener_close(struct listener *ln)
{
	if (ln->ln_fd == -1)
		return;
	(void)close(ln->ln_fd);
	ln->ln_fd = -1;
	env->sd_fds--;
}

/* Takes a listener that another daemon has bound, and that still accepts. */
static int
listener_inherit(struct listener *ln, int fd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);

	ln->ln_fd = fd;
	env->sd_fds++;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return (-1);
	conf_address_name(&ss, ln->ln_name, sizeof(ln->ln_name));
	event_set(&ln->ln_ev, fd, EV_READ | EV_PERSIST, listener_accept, ln);
	return (0);
}

/* 0: it listens; -1 with errno, and it is closed. */
static int
listener_open(struct listener *ln)
{
	int	 error;

	if (listener_bind(ln) == -1) {
		error = errno;
		listener_close(ln);
		errno = error;
		return (-1);
	}
	event_set(&ln->ln_ev, ln->ln_fd, EV_READ | EV_PERSIST,
	    listener_accept, ln);
	return (0);
}

/*
 * An interface may come up after us, or get its address then.  The log hears
 * of it when the reason changes.
 */
static void
listener_later(struct listener *ln, int error)
{
	struct timeval	 tv = { LISTEN_AGAIN, 0 };
	char		 text[256];

	if (error != ln->ln_error) {
		(void)snprintf(text, sizeof(text), "listen on %s: %s; tried "
		    "again every %d seconds", ln->ln_name, strerror(error),
		    LISTEN_AGAIN);
		log_server(ln->ln_service, text);
	}
	ln->ln_error = error;
	(void)evtimer_add(&ln->ln_retry, &tv);
}

static void
listener_retry(int fd, short what, void *arg)
{
	struct listener	*ln = arg;

	(void)fd;
	(void)what;
	if (listener_open(ln) == -1) {
		listener_later(ln, errno);
		return;
	}
	if (env->sd_started)
		log_listen(ln);
}

static struct listener *
listener_new(struct edition *ed, const struct listen *li)
{
	struct listener	*ln;

	if ((ln = calloc(1, sizeof(*ln))) == NULL)
		return (NULL);
	ln->ln_service = ed->ed_service;
	ln->ln_conf = li;
	ln->ln_fd = -1;
	ln->ln_proxy = li->li_proxy;
	evtimer_set(&ln->ln_retry, listener_retry, ln);
	conf_address_name(&li->li_ss, ln->ln_name, sizeof(ln->ln_name));
	TAILQ_INSERT_TAIL(&ed->ed_generation->gn_listeners, ln, ln_entry);
	return (ln);
}

static in_port_t
listen_port(const struct listen *li)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	if (li->li_ss.ss_family == AF_INET6) {
		memcpy(&sin6, &li->li_ss, sizeof(sin6));
		return (sin6.sin6_port);
	}
	memcpy(&sin, &li->li_ss, sizeof(sin));
	return (sin.sin_port);
}

/*
 * The one that listens as was said there, and that no other continues.  A port
 * that the kernel chose is the block's.
 */
static struct listener *
listener_find(const struct edition *ed, const struct listen *li)
{
	struct listener	*ln;
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		TAILQ_FOREACH(ln, &se->se_listeners, ln_entry)
			if (ln->ln_fd != -1 && !ln->ln_kept &&
			    (se == ed->ed_service || listen_port(li) != 0) &&
			    ln->ln_conf->li_len == li->li_len &&
			    memcmp(&ln->ln_conf->li_ss, &li->li_ss,
			    li->li_len) == 0)
				return (ln);
	return (NULL);
}

/* Binds a listener, or lets it take the socket over when it is used. */
static int
listener_bound(const struct edition *ed, struct listener *ln)
{
	const struct listen	*li = ln->ln_conf;
	int			 fd;

	if ((fd = upgrade_listener(ed, li)) != -1)
		return (listener_inherit(ln, fd));
	if ((ln->ln_before = listener_find(ed, li)) != NULL) {
		ln->ln_before->ln_kept = 1;
		return (0);
	}
	if (listener_open(ln) == 0)
		return (0);
	if (errno != EADDRNOTAVAIL || li->li_required)
		return (-1);
	ln->ln_error = errno;
	return (0);
}

/*
 * Names our listener that is in the way: the same port of all addresses, or of
 * one.
 */
static const char *
listener_rival(const struct listen *li)
{
	const struct listener	*ln;
	const struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		TAILQ_FOREACH(ln, &se->se_listeners, ln_entry)
			if (ln->ln_fd != -1 && !ln->ln_kept &&
			    listen_port(ln->ln_conf) == listen_port(li))
				return (ln->ln_name);
	return (NULL);
}

static void
listener_reason(const struct edition *ed, const struct listen *li,
    char *why, size_t size)
{
	const char	*rival = NULL;
	int		 error = errno;
	char		 name[128];

	if (error == EADDRINUSE)
		rival = listener_rival(li);
	conf_address_name(&li->li_ss, name, sizeof(name));
	(void)snprintf(why, size, "%s \"%s\": listen on %s: %s%s%s%s",
	    ed->ed_conf->sv_client ? "client" : "server",
	    ed->ed_conf->sv_name, name, strerror(error), rival == NULL ? "" :
	    "; it is in use as ", rival == NULL ? "" : rival, rival == NULL ?
	    "" : " until a restart");
}

/* -1 with the reason: nobody listens where nobody did. */
int
listeners_bind(struct generation *gn, char *why, size_t size)
{
	struct edition	*ed;
	struct listener	*ln;
	struct listen	*li;

	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
		TAILQ_FOREACH(li, &ed->ed_conf->sv_listens, li_entry) {
			if ((ln = listener_new(ed, li)) != NULL &&
			    listener_bound(ed, ln) == 0)
				continue;
			listener_reason(ed, li, why, size);
			return (-1);
		}
	return (0);
}

/* Sets the length of a queue; connections that wait there stay. */
static void
listener_queue(const struct listener *ln)
{
	if (listen(ln->ln_fd, ln->ln_conf->li_backlog) == -1)
		log_warning("listen on %s: backlog %d: %s", ln->ln_name,
		    ln->ln_conf->li_backlog, strerror(errno));
}

/* Sockets that another daemon has passed have the queue of that so far. */
void
listeners_queue(void)
{
	struct listener	*ln;
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		TAILQ_FOREACH(ln, &se->se_listeners, ln_entry)
			if (ln->ln_fd != -1)
				listener_queue(ln);
}

/* The socket stays, and whoever waits in its queue. */
static void
listener_take_over(struct listener *ln)
{
	struct listener	*old = ln->ln_before;

	if (old->ln_polled)
		(void)event_del(&old->ln_ev);
	old->ln_polled = 0;
	ln->ln_fd = old->ln_fd;
	old->ln_fd = -1;
	(void)strlcpy(ln->ln_name, old->ln_name, sizeof(ln->ln_name));
	event_set(&ln->ln_ev, ln->ln_fd, EV_READ | EV_PERSIST,
	    listener_accept, ln);
	if (ln->ln_conf->li_backlog != old->ln_conf->li_backlog)
		listener_queue(ln);
}

/* New listeners accept from now on; those of before are closed. */
void
listeners_switch(struct generation *gn)
{
	struct listener	*ln;
	struct service	*se;
	int		 error, moved;

	TAILQ_FOREACH(ln, &gn->gn_listeners, ln_entry) {
		moved = ln->ln_before == NULL ||
		    ln->ln_before->ln_service != ln->ln_service;
		if (ln->ln_before != NULL)
			listener_take_over(ln);
		if (env->sd_started && moved && ln->ln_fd != -1)
			log_listen(ln);
	}
	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		listeners_close(se);
	while ((ln = TAILQ_FIRST(&gn->gn_listeners)) != NULL) {
		TAILQ_REMOVE(&gn->gn_listeners, ln, ln_entry);
		TAILQ_INSERT_TAIL(&ln->ln_service->se_listeners, ln, ln_entry);
		ln->ln_before = NULL;
		if (ln->ln_fd == -1) {
			error = ln->ln_error;
			ln->ln_error = 0;
			listener_later(ln, error);
		}
		backlog_check(ln);
	}
}

/* The generation is not used after all: the listeners of before go on. */
void
listeners_drop(struct generation *gn)
{
	struct listener	*ln;

	while ((ln = TAILQ_FIRST(&gn->gn_listeners)) != NULL) {
		TAILQ_REMOVE(&gn->gn_listeners, ln, ln_entry);
		if (ln->ln_before != NULL)
			ln->ln_before->ln_kept = 0;
		listener_close(ln);
		free(ln);
	}
}

/* Accepts only what can be adopted; otherwise the kernel queues. */
static int
listeners_able(const struct service *se)
{
	return (!paused && service_open(se));
}

/*
 * Decided here alone, after every wake-up: whatever happens in one need not
 * say that it matters to the listeners.
 */
void
listeners_poll(struct service *se)
{
	struct listener	*ln;
	int		 want = listeners_able(se);

	TAILQ_FOREACH(ln, &se->se_listeners, ln_entry) {
		if (ln->ln_fd == -1 || ln->ln_polled == want)
			continue;
		if (want)
			(void)event_add(&ln->ln_ev, NULL);
		else
			(void)event_del(&ln->ln_ev);
		ln->ln_polled = want;
	}
}

void
listeners_close(struct service *se)
{
	struct listener	*ln;

	while ((ln = TAILQ_FIRST(&se->se_listeners)) != NULL) {
		TAILQ_REMOVE(&se->se_listeners, ln, ln_entry);
		if (ln->ln_polled)
			(void)event_del(&ln->ln_ev);
		(void)evtimer_del(&ln->ln_retry);
		listener_close(ln);
		free(ln);
	}
}

/*
 * Connections that never get a session: the log hears of each reason once a
 * second, with a count.
 */

/* The number of the error; its reason is in the buffer. */
static int
refused_reason(const struct refused *rf, char *buf, size_t len)
{
	const struct server	*sv = rf->rf_service->se_conf;
	char			 text[CLOCK_TEXT];

	switch (rf->rf_why) {
	case REFUSE_PENALTY:
		offence_reason(rf->rf_left, buf, len);
		break;
	case REFUSE_TOTAL:
		(void)snprintf(buf, len, "connections max %u", sv->sv_max);
		break;
	case REFUSE_PROXY:
		(void)strlcpy(buf, "a PROXY header is taken from trusted "
		    "proxies only", len);
		return (ptProtocol);
	case REFUSE_PENDING:
		pending_reason(rf->rf_service, buf, len);
		break;
	case REFUSE_SILENT:
		(void)snprintf(buf, len, "handshake timer, %s: nothing was "
		    "sent", clock_seconds(sv->sv_handshake, text,
		    sizeof(text)));
		return (ptTimeout);
	default:
		(void)snprintf(buf, len, "connections per source %u",
		    sv->sv_per_source);
		break;
	}
	return (ptOperationRefused);
}

static void
refused_log(struct refused *rf)
{
	struct timeval	 tv = { 1, 0 };
	char		 reason[128];
	int		 number;

	number = refused_reason(rf, reason, sizeof(reason));
	log_refused(rf->rf_service, rf->rf_from, number, reason,
	    rf->rf_count);
	rf->rf_count = 0;
	(void)evtimer_add(&rf->rf_timer, &tv);
}

static void
refused_later(int fd, short what, void *arg)
{
	struct refused	*rf = arg;

	(void)fd;
	(void)what;
	if (rf->rf_count > 0)
		refused_log(rf);
}

void
refused_init(struct service *se)
{
	struct refused	*rf;
	int		 i;

	for (i = 0; i < REFUSE_MAX; i++) {
		rf = &se->se_refused[i];
		rf->rf_service = se;
		rf->rf_why = i;
		evtimer_set(&rf->rf_timer, refused_later, rf);
	}
}

/* Counts a refusal; a penalty lasts for so many seconds more. */
void
refused_add(struct service *se, enum refusal why,
    const struct sockaddr_storage *ss, unsigned int left)
{
	struct refused	*rf = &se->se_refused[why];

	rf->rf_count++;
	rf->rf_left = left;
	conf_address_name(ss, rf->rf_from, sizeof(rf->rf_from));
	if (!evtimer_pending(&rf->rf_timer, NULL))
		refused_log(rf);
}

/* Refusals that were not logged yet are logged now. */
void
refused_stop(struct service *se)
{
	struct refused	*rf;
	int		 i;

	for (i = 0; i < REFUSE_MAX; i++) {
		rf = &se->se_refused[i];
		if (rf->rf_count > 0)
			refused_log(rf);
		(void)evtimer_del(&rf->rf_timer);
	}
}

static void
listeners_unpause(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	paused = 0;
}

static void
listeners_pause(const char *why)
{
	struct timeval	 tv = { ACCEPT_PAUSE, 0 };

	if (paused)
		return;
	paused = 1;
	log_warning("accepting pauses for a second: %s", why);
	evtimer_set(&pause_timer, listeners_unpause, NULL);
	(void)evtimer_add(&pause_timer, &tv);
}

static int
listener_trusts(const struct sockaddr *sa)
{
	return (network_loopback(sa) ||
	    networks_contain(&env->sd_conf->cf_trusted, sa));
}

/* The limits: NULL, and why it has to go, or its source. */
static struct source *
listener_admit(struct listener *ln, const struct sockaddr *sa,
    enum refusal *why, unsigned int *left)
{
	struct service	*se = ln->ln_service;
	struct source	*so;

	if (ln->ln_proxy && !listener_trusts(sa))
		*why = REFUSE_PROXY;
	/* The client behind a proxy is not known yet. */
	else if (!ln->ln_proxy && offence_blocked(0, sa, left))
		*why = REFUSE_PENALTY;
	else if (se->se_live >= se->se_conf->sv_max)
		*why = REFUSE_TOTAL;
	/* A proxy is one source with the connections of many. */
	else if ((so = source_take(se, sa, ln->ln_proxy ? UINT_MAX :
	    se->se_conf->sv_per_source)) == NULL)
		*why = REFUSE_SOURCE;
	else
		return (so);
	return (NULL);
}

/* -1 with errno, and nothing has become of it. */
static int
listener_welcome(struct listener *ln, int fd,
    const struct sockaddr_storage *ss, struct source *so)
{
	struct service	*se = ln->ln_service;
	struct server	*sv = se->se_conf;

	conn_options(fd, ss->ss_family, sv->sv_keepalive);
	if (!sv->sv_client)
		return (visitor_add(ln, fd, ss, so));
	if (sandbox_rights(fd, SANDBOX_USE_SOCKET) == -1)
		return (-1);
	conn_adopt_plain(pool_take(se), fd, ss, so);
	return (0);
}

static void
listener_take(struct listener *ln, int fd, const struct sockaddr_storage *ss)
{
	struct service	*se = ln->ln_service;
	struct source	*so;
	enum refusal	 why;
	unsigned int	 left = 0;

	so = listener_admit(ln, (const struct sockaddr *)ss, &why, &left);
	if (so == NULL) {
		(void)close(fd);
		refused_add(se, why, ss, left);
		return;
	}
	if (listener_welcome(ln, fd, ss, so) == -1) {
		log_warning("listen on %s: a connection is closed: %s",
		    ln->ln_name, strerror(errno));
		(void)close(fd);
		source_close(so);
		source_release(so);
		return;
	}
	while (se->se_pendings > se->se_conf->sv_pending)
		pending_make_room(se);
}

static void
listener_accept(int lfd, short what, void *arg)
{
	struct listener		*ln = arg;
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 fd, i;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH && listeners_able(ln->ln_service); i++) {
		if (!limits_room()) {
			listeners_pause("descriptors are kept in reserve for "
			    "connections under way");
			return;
		}
		len = sizeof(ss);
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			listener_take(ln, fd, &ss);
			continue;
		}
		switch (errno) {
		case EAGAIN:
		case EINTR:
		case ECONNABORTED:
			return;
		}
		listeners_pause(strerror(errno));
		return;
	}
}
