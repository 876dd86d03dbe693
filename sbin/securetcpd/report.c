/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The records of plain figures that securetcpctl(8) shows; its own table says
 * how each figure is called and printed.  A report is made a record at a time,
 * and anything may happen between two of them, so that it remembers numbers and
 * never what they belong to.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "penalty.h"
#include "sandbox.h"
#include "securetcpd.h"

struct report_kind {
	const char	*rk_name;	/* the word of the command */
	const char	*rk_record;	/* that of each record */
	/* Takes further words: NULL, or why they are refused. */
	const char	*(*rk_only)(struct report *, int, char **);
	/* Adds the next one's figures, or returns 0 if there is none. */
	int		 (*rk_next)(struct report *, struct logline *);
};

static const char
		*only_session(struct report *, int, char **);
static const char
		*only_sessions(struct report *, int, char **);
static int	 next_backend(struct report *, struct logline *);
static int	 next_certificate(struct report *, struct logline *);
static int	 next_error(struct report *, struct logline *);
static int	 next_penalty(struct report *, struct logline *);
static int	 next_process(struct report *, struct logline *);
static int	 next_server(struct report *, struct logline *);
static int	 next_session(struct report *, struct logline *);
static int	 next_summary(struct report *, struct logline *);

static const struct report_kind	 kinds[] = {
	{ "backends",	"backend",	NULL,		next_backend },
	{ "certificates", "certificate", NULL,		next_certificate },
	{ "errors",	"error",	NULL,		next_error },
	{ "penalties",	"penalty",	NULL,		next_penalty },
	{ "processes",	"process",	NULL,		next_process },
	{ "servers",	"server",	NULL,		next_server },
	{ "session",	"session",	only_session,	next_session },
	{ "sessions",	"session",	only_sessions,	next_session },
	{ "summary",	"summary",	NULL,		next_summary },
};

const char *const	 report_levels[REPORT_LEVELS] = {
	[CONF_LOG_OFF] = "off",
	[CONF_LOG_ERRORS] = "errors",
	[CONF_LOG_STATE] = "state",
	[CONF_LOG_VERBOSE] = "verbose"
};

/* Problems, in the administrator's words. */
struct problems {
	unsigned int	 pr_count;
	char		 pr_first[256];
};

static void
add_number(struct logline *l, const char *key, uint64_t n)
{
	line_addf(l, key, "%llu", (unsigned long long)n);
}

/* The first block after that number, or NULL. */
static struct service *
find_service(uint64_t number)
{
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		if (se->se_number > number)
			return (se);
	return (NULL);
}

/* Its list was told to the end: the next block's is told from the beginning. */
static void
pass_service(struct report *rp, const struct service *se)
{
	rp->rp_last = se->se_number;
	rp->rp_part = 0;
}

static unsigned int
minute_of(struct service *se)
{
	struct count	*ct;
	unsigned int	 n = 0;

	TAILQ_FOREACH(ct, &se->se_tally.ta_counts, ct_entry)
		n += count_minute(ct);
	return (n);
}

static const char *
state_of(const struct service *se)
{
	const struct listener	*ln;

	if (env->sd_stopping)
		return ("stopping");
	if (env->sd_draining || se->se_leaving)
		return ("draining");
	if (se->se_paused)
		return ("paused");
	if (!env->sd_started || se->se_spawner == NULL)
		return ("starting");
	TAILQ_FOREACH(ln, &se->se_listeners, ln_entry)
		if (ln->ln_fd == -1)
			return ("unbound");
	return (se->se_live >= se->se_conf->sv_max ? "full" : "open");
}

static void
tell_listens(const struct service *se, struct logline *l)
{
	const struct listener	*ln;
	char			 text[512] = "";

	TAILQ_FOREACH(ln, &se->se_listeners, ln_entry) {
		if (text[0] != '\0')
			(void)strlcat(text, ",", sizeof(text));
		(void)strlcat(text, ln->ln_name, sizeof(text));
	}
	if (text[0] != '\0')
		line_add(l, "listen", text);
}

static const char *
mode_of(const struct server *sv)
{
	switch (sv->sv_mode) {
	case CONF_ECHO:
		return ("echo");
	case CONF_EXECUTE:
		return ("execute");
	case CONF_CONNECT:
		return ("connect");
	default:
		return ("forward");
	}
}

static int
next_server(struct report *rp, struct logline *l)
{
	const struct tally	*ta;
	struct service		*se;

	if ((se = find_service(rp->rp_last)) == NULL)
		return (0);
	rp->rp_last = se->se_number;
	ta = &se->se_tally;
	line_add(l, "server", se->se_conf->sv_name);
	line_add(l, "mode", mode_of(se->se_conf));
	line_add(l, "state", state_of(se));
	add_number(l, "connections", se->se_live);
	add_number(l, "limit", se->se_conf->sv_max);
	add_number(l, "pending", se->se_pendings);
	add_number(l, "generation",
	    se->se_edition->ed_generation->gn_number);
	add_number(l, "idle", se->se_idles);
	add_number(l, "accepted", ta->ta_accepted);
	add_number(l, "connected", ta->ta_connected);
	add_number(l, "closed", ta->ta_closed);
	add_number(l, "refused", ta->ta_refused);
	add_number(l, "errors", ta->ta_errors);
	add_number(l, "minute", minute_of(se));
	add_number(l, "crashes", ta->ta_crashes);
	add_number(l, "in", ta->ta_in);
	add_number(l, "out", ta->ta_out);
	tell_listens(se, l);
	return (1);
}

/*
 * Backends: those of a block, then those of its rules, in their order; the
 * lists themselves turn as connections are made.
 */

static const struct backend *
nth_backend(const struct backends *list, unsigned int number)
{
	const struct backend	*ba;

	TAILQ_FOREACH(ba, list, ba_entry)
		if (ba->ba_number == number)
			return (ba);
	return (NULL);
}

/* The n-th of a block, from 0. */
static const struct backend *
find_backend(const struct server *sv, uint64_t n)
{
	const struct backend	*ba;
	const struct backends	*list = &sv->sv_backends;
	const struct route	*rt = NULL;
	unsigned int		 number;

	do {
		for (number = 0; (ba = nth_backend(list, number)) != NULL;
		    number++)
			if (n-- == 0)
				return (ba);
		rt = rt == NULL ? TAILQ_FIRST(&sv->sv_routes) :
		    TAILQ_NEXT(rt, rt_entry);
		if (rt != NULL)
			list = &rt->rt_backends;
	} while (rt != NULL);
	return (NULL);
}

__attribute__((__format__(printf, 2, 3)))
static void
problem(struct problems *pr, const char *fmt, ...)
{
	va_list	 ap;

	if (pr->pr_count++ > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(pr->pr_first, sizeof(pr->pr_first), fmt, ap);
	va_end(ap);
}

static void
summary_services(struct logline *l, struct problems *pr)
{
	struct service	*se;
	struct tally	 sum;
	unsigned int	 idle = 0, limit = 0, minute = 0, open = 0, n = 0;
	const char	*state;

	memset(&sum, 0, sizeof(sum));
	TAILQ_FOREACH(se, &env->sd_services, se_entry) {
		state = state_of(se);
		n += !se->se_leaving;
		/* A server that a reload has taken away is no problem. */
		if (strcmp(state, "open") == 0)
			open++;
		else if (!se->se_leaving)
			problem(pr, "server \"%s\" is %s",
			    se->se_conf->sv_name, state);
		idle += se->se_idles;
		limit += se->se_leaving ? 0 : se->se_conf->sv_max;
		minute += minute_of(se);
		sum.ta_accepted += se->se_tally.ta_accepted;
		sum.ta_refused += se->se_tally.ta_refused;
		sum.ta_errors += se->se_tally.ta_errors;
		sum.ta_crashes += se->se_tally.ta_crashes;
		sum.ta_in += se->se_tally.ta_in;
		sum.ta_out += se->se_tally.ta_out;
	}
	add_number(l, "servers", n);
	add_number(l, "open", open);
	add_number(l, "connections", env->sd_live);
	add_number(l, "limit", limit);
	add_number(l, "accepted", sum.ta_accepted);
	add_number(l, "refused", sum.ta_refused);
	add_number(l, "errors", sum.ta_errors);
	add_number(l, "minute", minute);
	add_number(l, "in", sum.ta_in);
	add_number(l, "out", sum.ta_out);
	add_number(l, "idle", idle);
	add_number(l, "crashes", sum.ta_crashes);
	if (sum.ta_crashes > 0)
		problem(pr, "%llu sessions have crashed since the start",
		    (unsigned long long)sum.ta_crashes);
}

static void
summary_certificates(struct logline *l, struct problems *pr)
{
	struct certificate	*ce, *first = NULL;
	time_t			 left, now = time(NULL);
	unsigned int		 n = 0;

	TAILQ_FOREACH(ce, &env->sd_conf->cf_certificates, ce_entry) {
		n++;
		if (first == NULL || ce->ce_notafter < first->ce_notafter)
			first = ce;
	}
	add_number(l, "certificates", n);
	if (first == NULL)
		return;
	left = first->ce_notafter - now;
	line_addf(l, "expires", "%lld", (long long)left);
	line_add(l, "certificate", first->ce_name);
	if (left <= 0)
		problem(pr, "certificate \"%s\" has expired", first->ce_name);
	else if (left < CERTIFICATE_SOON)
		problem(pr, "certificate \"%s\" expires in %lld days",
		    first->ce_name, (long long)(left / 86400));
}

static void
summary_backends(struct logline *l, struct problems *pr)
{
	const struct backend	*ba;
	const struct service	*se;
	unsigned int		 down = 0, i, n = 0;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		for (i = 0; (ba = find_backend(se->se_conf, i)) != NULL; i++) {
			n++;
			if (ba->ba_failures == 0)
				continue;
			down++;
			problem(pr, "backend %s of \"%s\" is down: %s",
			    ba->ba_name, se->se_conf->sv_name,
			    ba->ba_reason == NULL ? "" : ba->ba_reason);
		}
	add_number(l, "backends", n);
	add_number(l, "down", down);
}

static void
summary_signers(struct logline *l, struct problems *pr)
{
	unsigned int	 n = env->sd_conf->cf_signers;
	unsigned int	 ready = signers_ready(env->sd_generation);

	add_number(l, "signers", n);
	add_number(l, "ready", ready);
	if (ready == 0)
		problem(pr, "no signer is ready, no connection is accepted");
	else if (ready < n)
		problem(pr, "%u of %u signers are ready", ready, n);
}

/* The one that is used, and those that only have connections left. */
static void
summary_generations(struct logline *l)
{
	const struct generation	*gn;
	unsigned int		 n = 0;

	TAILQ_FOREACH(gn, &env->sd_generations, gn_entry)
		if (gn->gn_stage == GENERATION_LEFT && gn->gn_number != 0)
			n++;
	add_number(l, "generation", env->sd_generation->gn_number);
	add_number(l, "older", n);
}

static int
next_summary(struct report *rp, struct logline *l)
{
	struct problems	 pr = { 0, "" };

	if (rp->rp_last++ > 0)
		return (0);
	line_add(l, "state", env->sd_stopping ? "stopping" :
	    env->sd_draining ? "draining" : env->sd_started ? "running" :
	    "starting");
	add_number(l, "pid", (uint64_t)getpid());
	add_number(l, "uptime", (uint64_t)(clock_now() - env->sd_since) /
	    1000);
	line_add(l, "log", report_levels[log_level()]);
	summary_generations(l);
	summary_services(l, &pr);
	summary_backends(l, &pr);
	summary_certificates(l, &pr);
	summary_signers(l, &pr);
	add_number(l, "penalties", penalty_count());
	add_number(l, "blocked", penalty_active(clock_now()));
	add_number(l, "descriptors", env->sd_fds);
	add_number(l, "descriptorlimit", env->sd_nofile);
	add_number(l, "problems", pr.pr_count);
	if (pr.pr_count > 0)
		line_add(l, "problem", pr.pr_first);
	return (1);
}

static void
tell_backend(const struct service *se, const struct backend *ba,
    struct logline *l)
{
	int64_t	 now = clock_now(), since = ba->ba_since;

	line_add(l, "server", se->se_conf->sv_name);
	line_add(l, "backend", ba->ba_name);
	line_add(l, "state", ba->ba_failures > 0 ? "down" : "up");
	add_number(l, "since", (uint64_t)(now - (since == 0 ? env->sd_since :
	    since)) / 1000);
	add_number(l, "connections", ba->ba_live);
	add_number(l, "forwarded", ba->ba_total);
	add_number(l, "failures", ba->ba_failures);
	if (ba->ba_failures == 0)
		return;
	add_number(l, "retry", ba->ba_down > now ?
	    (uint64_t)(ba->ba_down - now + 999) / 1000 : 0);
	line_add(l, "reason", ba->ba_reason == NULL ? "" : ba->ba_reason);
}

static int
next_backend(struct report *rp, struct logline *l)
{
	const struct backend	*ba;
	const struct service	*se;

	while ((se = find_service(rp->rp_last)) != NULL) {
		ba = find_backend(se->se_conf, rp->rp_part++);
		if (ba != NULL) {
			tell_backend(se, ba, l);
			return (1);
		}
		pass_service(rp, se);
	}
	return (0);
}

/*
 * Sessions that have a connection.
 */

/* The address as the log has it, before the port. */
static const char *
only_from(struct report *rp, const char *text)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;

	if (conf_address(text, &ss, &len) != NULL)
		return ("that is no numeric address");
	conf_address_name(&ss, rp->rp_from, sizeof(rp->rp_from));
	*strrchr(rp->rp_from, ':') = '\0';
	return (NULL);
}

static const char *
only_state(struct report *rp, const char *text)
{
	static const enum securetcp_state	 states[] = {
		SECURETCP_CONNECTING, SECURETCP_CONNECTED, SECURETCP_CLOSING
	};
	size_t					 i;

	for (i = 0; i < nitems(states); i++)
		if (strcmp(text, securetcp_state_name(states[i])) == 0) {
			rp->rp_state = states[i];
			return (NULL);
		}
	return ("there is no such state");
}

/* "server NAME", "from ADDRESS" and "state STATE", in any order. */
static const char *
only_sessions(struct report *rp, int argc, char **argv)
{
	const char	*why = NULL;
	int		 i;

	for (i = 0; why == NULL && i < argc; i += 2) {
		if (i + 1 == argc)
			return (REPORT_UNKNOWN);
		if (strcmp(argv[i], "server") == 0) {
			rp->rp_server = report_server(argv[i + 1]);
			why = rp->rp_server == 0 ? REPORT_NOSERVER : NULL;
		} else if (strcmp(argv[i], "from") == 0)
			why = only_from(rp, argv[i + 1]);
		else if (strcmp(argv[i], "state") == 0)
			why = only_state(rp, argv[i + 1]);
		else
			why = REPORT_UNKNOWN;
	}
	return (why);
}

static const char *
only_session(struct report *rp, int argc, char **argv)
{
	const struct session	*s;
	const char		*why;
	long long		 id;

	if (argc != 1)
		return (REPORT_UNKNOWN);
	id = strtonum(argv[0], 1, INT64_MAX, &why);
	if (why != NULL || (s = session_find((uint64_t)id)) == NULL ||
	    !session_live(s))
		return ("no connection has that number");
	rp->rp_session = (uint64_t)id;
	rp->rp_last = rp->rp_session - 1;
	return (NULL);
}

/* Facts learnt when it was connected are kept as the log has them. */
static void
tell_session(const struct session *s, struct logline *l)
{
	uint64_t	 in, out;

	add_number(l, "session", s->s_id);
	line_add(l, "server", s->s_conf->sv_name);
	line_add(l, "state", securetcp_state_name(session_state(s)));
	line_add(l, "from", s->s_from);
	add_number(l, "age", (uint64_t)(clock_now() - s->s_since) / 1000);
	if (s->s_pid > 0)
		add_number(l, "pid", (uint64_t)s->s_pid);
	if (s->s_outer.ho_fd != -1 && compat_bytes(s->s_outer.ho_fd, &in,
	    &out) == 0) {
		add_number(l, "received", in);
		add_number(l, "sent", out);
	}
	if (s->s_told == NULL) {
		if (s->s_via[0] != '\0')
			line_add(l, "via", s->s_via);
		return;
	}
	l->ll_len = strlcat(l->ll_buf, s->s_told, sizeof(l->ll_buf));
}

static int
only_wanted(const struct report *rp, const struct session *s)
{
	size_t	 len = strlen(rp->rp_from);

	if (!session_live(s) || (rp->rp_server != 0 &&
	    s->s_service->se_number != rp->rp_server))
		return (0);
	if (rp->rp_state != 0 && session_state(s) != rp->rp_state)
		return (0);
	return (len == 0 || (strncmp(s->s_from, rp->rp_from, len) == 0 &&
	    s->s_from[len] == ':'));
}

static int
next_session(struct report *rp, struct logline *l)
{
	const struct session	*s;

	while ((s = session_after(rp->rp_last)) != NULL) {
		rp->rp_last = s->s_id;
		if (rp->rp_session != 0 && s->s_id != rp->rp_session)
			return (0);
		if (!only_wanted(rp, s))
			continue;
		tell_session(s, l);
		return (1);
	}
	return (0);
}

/*
 * Errors, by block.
 */

static struct count *
find_error(struct service *se, uint64_t n)
{
	struct count	*ct;

	TAILQ_FOREACH(ct, &se->se_tally.ta_counts, ct_entry)
		if (n-- == 0)
			return (ct);
	return (NULL);
}

static void
tell_error(const struct service *se, struct count *ct, struct logline *l)
{
	const char	*name = securetcp_error_name(ct->ct_number);

	line_add(l, "server", se->se_conf->sv_name);
	add_number(l, "number", (uint64_t)ct->ct_number);
	line_add(l, "error", name == NULL ? "ptError" : name);
	add_number(l, "count", ct->ct_total);
	add_number(l, "minute", count_minute(ct));
	line_add(l, "reason", ct->ct_reason);
}

static int
next_error(struct report *rp, struct logline *l)
{
	struct count	*ct;
	struct service	*se;

	while ((se = find_service(rp->rp_last)) != NULL) {
		if ((ct = find_error(se, rp->rp_part++)) != NULL) {
			tell_error(se, ct, l);
			return (1);
		}
		pass_service(rp, se);
	}
	return (0);
}

/*
 * Processes: the parent, its helpers, and the sessions.
 */

enum stage { STAGE_PARENT, STAGE_HELPERS, STAGE_SESSIONS };

static void
tell_process(struct logline *l, const char *role, const char *name, pid_t pid,
    const char *sandbox, const struct generation *gn)
{
	line_add(l, "process", role);
	if (*name != '\0')
		line_add(l, "name", name);
	if (pid > 0)
		add_number(l, "pid", (uint64_t)pid);
	/* A generation that is tried has no number yet. */
	if (gn != NULL && gn->gn_number != 0)
		add_number(l, "generation", gn->gn_number);
	/* Nothing is known of one that is being loaded. */
	if (*sandbox != '\0')
		line_add(l, "sandbox", sandbox);
}

static int
tell_helper(struct report *rp, struct logline *l)
{
	const struct proc	*p;

	if ((p = proc_after((pid_t)rp->rp_last)) == NULL)
		return (0);
	rp->rp_last = (uint64_t)p->p_pid;
	tell_process(l, p->p_kind->pk_name, p->p_post == NULL ? "" :
	    p->p_post->po_title, p->p_pid, p->p_sandbox,
	    p->p_post == NULL ? NULL : p->p_post->po_generation);
	line_add(l, "state", p->p_child.c_fd == -1 ? "leaving" :
	    p->p_child.c_state == WIRE_LOADING ? "loading" : "ready");
	return (1);
}

/* A session has the sandbox that its spawner had, and gives more up. */
static int
tell_child(struct report *rp, struct logline *l)
{
	const struct session	*s;
	char			 name[32];

	if ((s = session_after(rp->rp_last)) == NULL)
		return (0);
	rp->rp_last = s->s_id;
	(void)snprintf(name, sizeof(name), "%llu",
	    (unsigned long long)s->s_id);
	tell_process(l, "session", name, s->s_pid, s->s_spawner == NULL ||
	    s->s_spawner->sp_proc == NULL ? "" :
	    s->s_spawner->sp_proc->p_sandbox, s->s_generation);
	line_add(l, "state", session_live(s) ?
	    securetcp_state_name(session_state(s)) : s->s_phase == PHASE_IDLE ?
	    "idle" : s->s_phase == PHASE_STARTING ? "loading" : "leaving");
	line_add(l, "server", s->s_conf->sv_name);
	return (1);
}

static int
next_process(struct report *rp, struct logline *l)
{
	switch (rp->rp_part) {
	case STAGE_PARENT:
		rp->rp_part = STAGE_HELPERS;
		tell_process(l, "parent", "", getpid(), sandbox_name(), NULL);
		line_add(l, "state", env->sd_started ? "ready" : "loading");
		return (1);
	case STAGE_HELPERS:
		if (tell_helper(rp, l))
			return (1);
		rp->rp_part = STAGE_SESSIONS;
		rp->rp_last = 0;
		/* FALLTHROUGH */
	default:
		return (tell_child(rp, l));
	}
}

static const char *
realm_of(unsigned int realm)
{
	const struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		if (se->se_number == realm)
			return (se->se_conf->sv_name);
	return ("");
}

/* Penalties that have run down are not shown. */
static int
next_penalty(struct report *rp, struct logline *l)
{
	struct penalty_info	*pi = &rp->rp_penalty;
	const char		*name;

	do {
		if (!penalty_next(pi, clock_now()))
			return (0);
	} while (pi->pi_left == 0);
	line_add(l, "source", pi->pi_text);
	line_add(l, "state", pi->pi_blocked ? "blocked" : "counted");
	add_number(l, "left", pi->pi_left);
	add_number(l, "factor", pi->pi_factor);
	add_number(l, "offences", pi->pi_offences);
	add_number(l, "blocks", pi->pi_blocks);
	if (pi->pi_realm != 0)
		line_add(l, "server", realm_of(pi->pi_realm));
	if ((name = securetcp_error_name(pi->pi_number)) != NULL &&
	    pi->pi_number != ptOk)
		line_add(l, "error", name);
	return (1);
}

/*
 * Files that expire: the chains of certificate blocks, their staples, and the
 * revocation lists of server blocks.
 */

static void
tell_certificate(struct logline *l, const char *kind, const char *name,
    const char *file, time_t until)
{
	time_t	 left = until - time(NULL);

	line_add(l, "kind", kind);
	line_add(l, "name", name);
	if (until == -1) {
		line_add(l, "state", "endless");
	} else {
		line_addf(l, "expires", "%lld", (long long)left);
		line_add(l, "state", left <= 0 ? "expired" :
		    strcmp(kind, "chain") == 0 && left < CERTIFICATE_SOON ?
		    "soon" : "good");
	}
	line_add(l, "file", file);
}

static int
next_certificate(struct report *rp, struct logline *l)
{
	const struct certificate	*ce;
	const struct server		*sv;
	uint64_t			 n = rp->rp_last++;

	TAILQ_FOREACH(ce, &env->sd_conf->cf_certificates, ce_entry) {
		if (n-- == 0) {
			tell_certificate(l, "chain", ce->ce_name,
			    ce->ce_chain, ce->ce_notafter);
			return (1);
		}
		if (ce->ce_ocsp.pa_path != NULL && n-- == 0) {
			tell_certificate(l, "staple", ce->ce_name,
			    ce->ce_ocsp.pa_path, ce->ce_ocsp.pa_next);
			return (1);
		}
	}
	TAILQ_FOREACH(sv, &env->sd_conf->cf_servers, sv_entry)
		if (sv->sv_crl.pa_path != NULL && n-- == 0) {
			tell_certificate(l, "crl", sv->sv_name,
			    sv->sv_crl.pa_path, sv->sv_crl.pa_next);
			return (1);
		}
	return (0);
}

unsigned int
report_server(const char *name)
{
	const struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		if (!se->se_leaving && strcmp(se->se_conf->sv_name, name) == 0)
			return (se->se_number);
	return (0);
}

const char *
report_begin(struct report *rp, int argc, char **argv)
{
	const struct report_kind	*rk = NULL;
	const char			*why = NULL;
	size_t				 i;

	for (i = 0; argc > 0 && i < nitems(kinds); i++)
		if (strcmp(argv[0], kinds[i].rk_name) == 0)
			rk = &kinds[i];
	memset(rp, 0, sizeof(*rp));
	if (rk == NULL || (argc > 1 && rk->rk_only == NULL))
		return (REPORT_UNKNOWN);
	if (rk->rk_only != NULL)
		why = rk->rk_only(rp, argc - 1, argv + 1);
	if (why == NULL)
		rp->rp_kind = rk;
	return (why);
}

int
report_next(struct report *rp, struct logline *l)
{
	record_start(l, rp->rp_kind->rk_record);
	return (rp->rp_kind->rk_next(rp, l));
}
