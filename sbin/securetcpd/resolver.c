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
 * The host names of the configuration.  A process looks them up, one after the
 * other in the order in which it was asked, for as long as it takes; the parent
 * goes on with what it knew before.
 */
struct resolver {
	struct post		 rs_post;
	uint32_t		 rs_request;	/* the last one's number */
	struct resolveds	 rs_names;
	struct resolveds	 rs_asked;	/* oldest question first */
};

static struct resolver	 resolver = {
	.rs_names = TAILQ_HEAD_INITIALIZER(resolver.rs_names),
	.rs_asked = TAILQ_HEAD_INITIALIZER(resolver.rs_asked)
};

static int		 resolver_load(struct proc *);
static void		 resolver_isready(struct proc *);
static const char	*resolver_message(struct proc *, struct imsg *);
static int		 resolver_lost(struct proc *, const char *);

static const struct proc_kind resolver_kind = {
	.pk_name = "resolver",
	.pk_program = "securetcp-resolver",
	.pk_role = WIRE_RESOLVER,
	.pk_loading = SANDBOX_RESOLVER,
	.pk_running = SANDBOX_RESOLVER,
	.pk_shortage = COMPAT_SHORTAGE_USUAL,
	.pk_flags = WIRE_START_FILES,
	.pk_patience = RESOLVER_PATIENCE,
	.pk_load = resolver_load,
	.pk_ready = resolver_isready,
	.pk_message = resolver_message,
	.pk_lost = resolver_lost
};

static void
resolver_after(struct event *ev, unsigned int seconds)
{
	struct timeval	 tv = { 0, 0 };

	tv.tv_sec = seconds;
	(void)evtimer_add(ev, &tv);
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
name_ask(struct proc *p, struct resolved *rn)
{
	struct wire_resolve	 wre;

	memset(&wre, 0, sizeof(wre));
	if (++resolver.rs_request == 0)
		resolver.rs_request = 1;
	wre.wre_request = resolver.rs_request;
	(void)strlcpy(wre.wre_host, rn->rn_host, sizeof(wre.wre_host));
	if (child_send(&p->p_child, WIRE_RESOLVE, -1, &wre,
	    sizeof(wre)) == -1) {
		proc_kill(p, "does not read");
		return;
	}
	proc_asked(p);
	rn->rn_due = 0;
	rn->rn_request = wre.wre_request;
	TAILQ_INSERT_TAIL(&resolver.rs_asked, rn, rn_asked);
}

/* Asks about every name whose time has come. */
static void
names_ask(void)
{
	struct proc	*p = resolver.rs_post.po_proc;
	struct resolved	*rn;

	TAILQ_FOREACH(rn, &resolver.rs_names, rn_entry) {
		if (!proc_usable(p))
			return;
		if (rn->rn_due && rn->rn_request == 0)
			name_ask(p, rn);
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

/* Waiting sessions have gone, or are told nothing any more. */
static void
name_free(struct resolved *rn)
{
	struct waiter	*wt;

	if (rn->rn_request != 0)
		name_asked_no_more(rn);
	while ((wt = TAILQ_FIRST(&rn->rn_waiters)) != NULL)
		resolver_cancel(wt);
	(void)evtimer_del(&rn->rn_timer);
	TAILQ_REMOVE(&resolver.rs_names, rn, rn_entry);
	free(rn);
}

/*
 * A name that no backend has is forgotten once its answer is there, and the
 * resolver leaves with the last.
 */
static void
name_used(struct resolved *rn)
{
	if (rn->rn_uses > 0 || rn->rn_request != 0)
		return;
	name_free(rn);
	if (TAILQ_EMPTY(&resolver.rs_names))
		proc_stop(&resolver.rs_post);
}

static int
resolver_load(struct proc *p)
{
	return (proc_begin(p, env->sd_uid, env->sd_gid, RESOLVER_NOFILE));
}

static void
resolver_isready(struct proc *p)
{
	(void)p;
	names_ask();
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

static const char *
resolver_answer(struct proc *p, struct imsg *imsg)
{
	struct wire_resolved	 wrd;
	struct resolved		*rn;

	if (wire_parse(imsg, &wrd, sizeof(wrd)) == -1 ||
	    !answer_valid(&wrd))
		return ("malformed RESOLVED");
	rn = TAILQ_FIRST(&resolver.rs_asked);
	if (rn == NULL || rn->rn_request != wrd.wrd_request)
		return ("an answer to what it was not asked");
	name_asked_no_more(rn);
	proc_used(p);
	proc_answered(p);
	if (wrd.wrd_error != 0)
		name_failed(rn, (int)wrd.wrd_error, wrd.wrd_reason);
	else
		name_learnt(rn, &wrd);
	name_used(rn);
	return (NULL);
}

static const char *
resolver_message(struct proc *p, struct imsg *imsg)
{
	if (imsg_get_type(imsg) == WIRE_RESOLVED)
		return (resolver_answer(p, imsg));
	return ("malformed message");
}

static void
names_used(void)
{
	struct resolved	*next, *rn;

	TAILQ_FOREACH_SAFE(rn, &resolver.rs_names, rn_entry, next)
		name_used(rn);
}

/*
 * The name that it was at has failed, and waits as others do that have; what
 * was behind that is asked of the next resolver.
 */
static int
resolver_lost(struct proc *p, const char *reason)
{
	struct resolved	*first, *rn;

	(void)p;
	if (!env->sd_started)
		return (0);
	log_warning("%s; it is replaced", reason);
	if ((first = TAILQ_FIRST(&resolver.rs_asked)) == NULL)
		return (1);
	name_asked_no_more(first);
	while ((rn = TAILQ_FIRST(&resolver.rs_asked)) != NULL) {
		name_asked_no_more(rn);
		rn->rn_due = 1;
	}
	name_failed(first, ptTryAgain, reason);
	names_used();
	return (!TAILQ_EMPTY(&resolver.rs_names));
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
 * A name that will be needed, until resolver_release(): it is looked up at
 * once, and again for as long as it is needed.  The first one starts a
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
	if ((rn = name_find(host)) != NULL) {
		rn->rn_uses++;
		return (rn);
	}
	if ((rn = calloc(1, sizeof(*rn))) == NULL)
		return (NULL);
	(void)strlcpy(rn->rn_host, host, sizeof(rn->rn_host));
	rn->rn_uses = 1;
	TAILQ_INIT(&rn->rn_waiters);
	evtimer_set(&rn->rn_timer, name_due, rn);
	rn->rn_due = 1;
	if (TAILQ_EMPTY(&resolver.rs_names)) {
		proc_post(&resolver.rs_post, &resolver_kind, NULL, "names",
		    "resolver");
		(void)proc_start(&resolver.rs_post, NULL);
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

/* The result of the last question: 0, or its error and the words for it. */
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
	return (TAILQ_EMPTY(&resolver.rs_names) ||
	    proc_usable(resolver.rs_post.po_proc));
}

/* A backend no longer has that name. */
void
resolver_release(struct resolved *rn)
{
	rn->rn_uses--;
	name_used(rn);
}

void
resolver_stop(void)
{
	struct resolved	*rn;

	if (TAILQ_EMPTY(&resolver.rs_names))
		return;
	proc_stop(&resolver.rs_post);
	while ((rn = TAILQ_FIRST(&resolver.rs_names)) != NULL)
		name_free(rn);
}
