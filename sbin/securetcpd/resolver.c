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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "securetcpd.h"

#define RESOLVER_NOFILE		64
#define RESOLVER_AGAIN		30	/* seconds, at most, after a failure */
#define RESOLVER_LEAST		1	/* second between two questions */
#define RESOLVER_PATIENCE	30	/* name servers may be dead, too */

/*
 * The host names of the configuration.  One process looks them up, one after
 * the other in the order in which it was asked, for as long as it takes; the
 * parent goes on with what it knew before.
 */
struct resolver {
	struct helper		*rs_helper;	/* NULL: none, or it died */
	int			 rs_ready;
	int			 rs_used;	/* it has answered */
	unsigned int		 rs_failures;	/* deaths before any use */
	uint32_t		 rs_request;	/* the last one's number */
	struct event		 rs_retry;	/* started again then */
	struct resolveds	 rs_names;
	struct resolveds	 rs_asked;	/* oldest question first */
};

static struct resolver	 resolver = {
	.rs_names = TAILQ_HEAD_INITIALIZER(resolver.rs_names),
	.rs_asked = TAILQ_HEAD_INITIALIZER(resolver.rs_asked)
};

static void	 resolver_exec(void);
static void	 resolver_message(struct child *, struct imsg *);
static void	 resolver_gone(struct helper *, const char *);

static void
resolver_after(struct event *ev, unsigned int seconds)
{
	struct timeval	 tv = { 0, 0 };

	tv.tv_sec = seconds;
	(void)evtimer_add(ev, &tv);
}

/* One whose pipe has ended is not dead yet, and of no use any more. */
static int
resolver_usable(void)
{
	return (resolver.rs_ready &&
	    resolver.rs_helper->h_child.c_fd != -1);
}

static void
resolver_kill(const char *why)
{
	struct child	*c = &resolver.rs_helper->h_child;

	c->c_gone(c, why);
}

/* Each is out of the list when it is called: it may be gone afterwards. */
static void
name_tell(struct resolved *rn)
{
	struct waiter	*wt;

	while ((wt = TAILQ_FIRST(&rn->rn_waiters)) != NULL) {
		resolver_cancel(wt);
		wt->wt_done(wt->wt_arg);
	}
}

static void
name_answered(struct resolved *rn, unsigned int seconds)
{
	rn->rn_answered = 1;
	rn->rn_told = clock_now();
	rn->rn_hurried = 0;
	resolver_after(&rn->rn_timer, seconds);
	name_tell(rn);
}

/* Addresses that were good are kept, and said once to be old. */
static void
name_failed(struct resolved *rn, int error, const char *reason)
{
	if (rn->rn_error == 0 && rn->rn_len > 0)
		log_warning("host \"%s\" cannot be resolved: %s; its "
		    "addresses of %lld seconds ago stay in use", rn->rn_host,
		    reason, (long long)(clock_now() - rn->rn_learnt) / 1000);
	else if (rn->rn_error == 0)
		log_warning("host \"%s\" cannot be resolved: %s", rn->rn_host,
		    reason);
	rn->rn_error = error;
	(void)strlcpy(rn->rn_reason, reason, sizeof(rn->rn_reason));
	name_answered(rn, env->sd_conf->cf_interval < RESOLVER_AGAIN ?
	    env->sd_conf->cf_interval : RESOLVER_AGAIN);
}

static void
name_learnt(struct resolved *rn, const struct wire_resolved *wrd)
{
	if (rn->rn_error != 0)
		log_warning("host \"%s\" is resolved now", rn->rn_host);
	rn->rn_error = 0;
	rn->rn_reason[0] = '\0';
	rn->rn_len = wrd->wrd_addresses_len;
	memcpy(rn->rn_addresses, wrd->wrd_addresses, rn->rn_len);
	rn->rn_learnt = clock_now();
	name_answered(rn, env->sd_conf->cf_interval);
}

static void
name_asked_no_more(struct resolved *rn)
{
	TAILQ_REMOVE(&resolver.rs_asked, rn, rn_asked);
	rn->rn_request = 0;
}

static void
name_ask(struct resolved *rn)
{
	struct wire_resolve	 wre;

	memset(&wre, 0, sizeof(wre));
	if (++resolver.rs_request == 0)
		resolver.rs_request = 1;
	wre.wre_request = resolver.rs_request;
	(void)strlcpy(wre.wre_host, rn->rn_host, sizeof(wre.wre_host));
	if (child_send(&resolver.rs_helper->h_child, WIRE_RESOLVE, -1, &wre,
	    sizeof(wre)) == -1) {
		resolver_kill("does not read");
		return;
	}
	helper_asked(resolver.rs_helper);
	rn->rn_due = 0;
	rn->rn_request = wre.wre_request;
	TAILQ_INSERT_TAIL(&resolver.rs_asked, rn, rn_asked);
}

/* Asks about every name whose time has come. */
static void
names_ask(void)
{
	struct resolved	*rn;

	TAILQ_FOREACH(rn, &resolver.rs_names, rn_entry) {
		if (!resolver_usable())
			return;
		if (rn->rn_due && rn->rn_request == 0)
			name_ask(rn);
	}
}

static void
name_due(int fd, short what, void *arg)
{
	struct resolved	*rn = arg;

	(void)fd;
	(void)what;
	rn->rn_due = 1;
	names_ask();
}

static void
resolver_retry(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	resolver_exec();
}

static void
resolver_exec(void)
{
	resolver.rs_ready = 0;
	resolver.rs_used = 0;
	resolver.rs_helper = helper_exec("securetcp-resolver", "resolver",
	    "names", WIRE_RESOLVER, &resolver);
	if (resolver.rs_helper == NULL) {
		if (!env->sd_started) {
			daemon_fail("resolver (securetcp-resolver in %s): %s",
			    env->sd_libexec, strerror(errno));
			return;
		}
		log_warning("resolver cannot be started: %s",
		    strerror(errno));
		resolver.rs_failures++;
		helper_later(&resolver.rs_retry, resolver.rs_failures);
		return;
	}
	resolver.rs_helper->h_gone = resolver_gone;
	resolver.rs_helper->h_child.c_message = resolver_message;
	helper_patient(resolver.rs_helper, RESOLVER_PATIENCE);
	if (helper_begin(resolver.rs_helper, env->sd_uid, env->sd_gid,
	    RESOLVER_NOFILE) == -1)
		helper_abandon(resolver.rs_helper);
}

static void
resolver_set_ready(struct imsg *imsg)
{
	struct wire_ready	 wr;

	if (wire_parse(imsg, &wr, sizeof(wr)) == -1) {
		resolver_kill("violation: malformed READY");
		return;
	}
	helper_ready(resolver.rs_helper, wr.wr_sandbox);
	resolver.rs_ready = 1;
	names_ask();
	started_check();
}

/* Either addresses, all of a known family and padded, or an error and why. */
static int
answer_valid(const struct wire_resolved *wrd)
{
	static const uint8_t	 zero[12];
	const uint8_t		*p, *end;

	if (wrd->wrd_error != 0)
		return (wrd->wrd_addresses_len == 0 &&
		    wrd->wrd_reason[0] != '\0' && wrd->wrd_error <= INT_MAX &&
		    securetcp_error_name((int)wrd->wrd_error) != NULL);
	if (wrd->wrd_addresses_len == 0 || wrd->wrd_reason[0] != '\0' ||
	    wrd->wrd_addresses_len % WIRE_ADDRESS_LEN != 0)
		return (0);
	end = wrd->wrd_addresses + wrd->wrd_addresses_len;
	for (p = wrd->wrd_addresses; p < end; p += WIRE_ADDRESS_LEN) {
		if (*p == 6)
			continue;
		if (*p != 4 || memcmp(p + 5, zero, sizeof(zero)) != 0)
			return (0);
	}
	return (1);
}

static void
resolver_answer(struct imsg *imsg)
{
	struct wire_resolved	 wrd;
	struct resolved		*rn;

	if (wire_parse(imsg, &wrd, sizeof(wrd)) == -1 ||
	    !answer_valid(&wrd)) {
		resolver_kill("violation: malformed RESOLVED");
		return;
	}
	rn = TAILQ_FIRST(&resolver.rs_asked);
	if (rn == NULL || rn->rn_request != wrd.wrd_request) {
		resolver_kill("violation: an answer to what it was not "
		    "asked");
		return;
	}
	name_asked_no_more(rn);
	resolver.rs_used = 1;
	resolver.rs_failures = 0;
	helper_answered(resolver.rs_helper);
	if (wrd.wrd_error != 0)
		name_failed(rn, (int)wrd.wrd_error, wrd.wrd_reason);
	else
		name_learnt(rn, &wrd);
}

static void
resolver_message(struct child *c, struct imsg *imsg)
{
	struct helper	*h = c->c_owner;

	if (h->h_owner == NULL)
		return;
	switch (imsg_get_type(imsg)) {
	case WIRE_READY:
		resolver_set_ready(imsg);
		return;
	case WIRE_RESOLVED:
		resolver_answer(imsg);
		return;
	case WIRE_FATAL:
		helper_explain(h, imsg);
		return;
	}
	c->c_gone(c, "violation: malformed message");
}

/*
 * The name that it was at has failed, and waits as others do that have; what
 * was behind that is asked of the next resolver.
 */
static void
resolver_gone(struct helper *h, const char *why)
{
	struct resolved	*first, *rn;
	char		 reason[WIRE_REASON];

	(void)h;
	resolver.rs_helper = NULL;
	resolver.rs_ready = 0;
	if (!env->sd_started) {
		daemon_fail("resolver terminated: %s", why);
		return;
	}
	log_warning("resolver terminated: %s; it is replaced", why);
	if (!resolver.rs_used)
		resolver.rs_failures++;
	helper_later(&resolver.rs_retry, resolver.rs_failures);
	if ((first = TAILQ_FIRST(&resolver.rs_asked)) == NULL)
		return;
	name_asked_no_more(first);
	while ((rn = TAILQ_FIRST(&resolver.rs_asked)) != NULL) {
		name_asked_no_more(rn);
		rn->rn_due = 1;
	}
	(void)snprintf(reason, sizeof(reason), "resolver terminated: %s",
	    why);
	name_failed(first, ptTryAgain, reason);
}

static struct resolved *
name_find(const char *host)
{
	struct resolved	*rn;

	TAILQ_FOREACH(rn, &resolver.rs_names, rn_entry)
		if (strcasecmp(rn->rn_host, host) == 0)
			return (rn);
	return (NULL);
}

/*
 * A name that will be needed, from the start on: it is looked up at once,
 * and again for as long as the daemon runs.  The first one starts a
 * resolver.  NULL with errno: no memory, or too long for a name.
 */
struct resolved *
resolver_name(const char *host)
{
	struct resolved	*rn;

	if (*host == '\0' || strlen(host) >= sizeof(rn->rn_host)) {
		errno = EINVAL;
		return (NULL);
	}
	if ((rn = name_find(host)) != NULL)
		return (rn);
	if ((rn = calloc(1, sizeof(*rn))) == NULL)
		return (NULL);
	(void)strlcpy(rn->rn_host, host, sizeof(rn->rn_host));
	TAILQ_INIT(&rn->rn_waiters);
	evtimer_set(&rn->rn_timer, name_due, rn);
	rn->rn_due = 1;
	if (TAILQ_EMPTY(&resolver.rs_names)) {
		evtimer_set(&resolver.rs_retry, resolver_retry, NULL);
		resolver_exec();
	}
	TAILQ_INSERT_TAIL(&resolver.rs_names, rn, rn_entry);
	names_ask();
	return (rn);
}

/*
 * 1: the function is called once when the first answer about the name is
 * there, unless resolver_cancel() comes before; 0: it is there already.
 */
int
resolver_wait(struct resolved *rn, struct waiter *wt, void (*done)(void *),
    void *arg)
{
	if (rn->rn_answered)
		return (0);
	wt->wt_name = rn;
	wt->wt_done = done;
	wt->wt_arg = arg;
	TAILQ_INSERT_TAIL(&rn->rn_waiters, wt, wt_entry);
	return (1);
}

/* For one that never waited, too, if it was made of zeros. */
void
resolver_cancel(struct waiter *wt)
{
	if (wt->wt_name == NULL)
		return;
	TAILQ_REMOVE(&wt->wt_name->rn_waiters, wt, wt_entry);
	wt->wt_name = NULL;
}

/*
 * An address of it was of no use: it may have another one by now.  However
 * many find that, it is asked about once a second.
 */
void
resolver_again(struct resolved *rn)
{
	struct timeval	 tv = { RESOLVER_LEAST, 0 };

	if (rn->rn_request != 0 || rn->rn_due)
		return;
	if (clock_now() - rn->rn_told >= RESOLVER_LEAST * 1000) {
		(void)evtimer_del(&rn->rn_timer);
		name_due(-1, 0, rn);
	} else if (!rn->rn_hurried)
		(void)evtimer_add(&rn->rn_timer, &tv);
	rn->rn_hurried = 1;
}

/*
 * How many there are, best first: not more than fit, 0 when none is known.
 * The port is in the host's byte order.
 */
size_t
resolver_addresses(const struct resolved *rn, struct sockaddr_storage *ss,
    size_t max, in_port_t port)
{
	const uint8_t	*a;
	size_t		 i, n = rn->rn_len / WIRE_ADDRESS_LEN;

	if (n > max)
		n = max;
	for (i = 0, a = rn->rn_addresses; i < n; i++, a += WIRE_ADDRESS_LEN)
		(void)network_sockaddr(&ss[i], a[0], a + 1, port);
	return (n);
}

/* What became of the last question: 0, or its error and the words for it. */
int
resolver_error(const struct resolved *rn, const char **reason)
{
	*reason = rn->rn_reason;
	return (rn->rn_error);
}

/* As the start is concerned: there is one, or there is no need of it. */
int
resolver_ready(void)
{
	return (TAILQ_EMPTY(&resolver.rs_names) || resolver.rs_ready);
}

/* Who waits has gone, or is told nothing any more. */
void
resolver_stop(void)
{
	struct resolved	*rn;
	struct waiter	*wt;

	if (TAILQ_EMPTY(&resolver.rs_names))
		return;
	(void)evtimer_del(&resolver.rs_retry);
	if (resolver.rs_helper != NULL)
		helper_close(resolver.rs_helper);
	resolver.rs_helper = NULL;
	resolver.rs_ready = 0;
	while ((rn = TAILQ_FIRST(&resolver.rs_names)) != NULL) {
		if (rn->rn_request != 0)
			name_asked_no_more(rn);
		while ((wt = TAILQ_FIRST(&rn->rn_waiters)) != NULL)
			resolver_cancel(wt);
		(void)evtimer_del(&rn->rn_timer);
		TAILQ_REMOVE(&resolver.rs_names, rn, rn_entry);
		free(rn);
	}
}
