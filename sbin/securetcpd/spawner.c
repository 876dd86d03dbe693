/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The spawners of a server block: what each is told, what it says, when
 * another one takes its place; and the idle sessions that they have forked.
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procs.h"
#include "securetcpd.h"

#define SPAWNER_NOFILE	64
#define POOL_TELL	60		/* seconds between two lines of it */
#define POOL_SHRINK	10		/* seconds between looks */

static void		 spawner_again(struct post *);
static int		 spawner_load(struct proc *);
static void		 spawner_ready(struct proc *);
static const char	*spawner_message(struct proc *, struct imsg *);
static int		 spawner_lost(struct proc *, const char *);

static const struct proc_kind spawner_kind = {
	.pk_name = "spawner",
	.pk_program = "securetcp-session",
	.pk_role = WIRE_SPAWNER,
	.pk_loading = SANDBOX_SPAWNER,
	.pk_running = SANDBOX_SPAWNER,
	.pk_shortage = COMPAT_SHORTAGE_FIRST,
	.pk_leads = 1,
	.pk_patience = SILENT_SECONDS,
	.pk_start = spawner_again,
	.pk_load = spawner_load,
	.pk_ready = spawner_ready,
	.pk_message = spawner_message,
	.pk_lost = spawner_lost
};

/*
 * Idle sessions of a service: forked and sandboxed ahead of the connection
 * they will adopt.  The pool doubles when it runs dry and shrinks to what
 * was really used.
 */
static void
pool_shrink(int fd, short what, void *arg)
{
	struct timeval	 tv = { POOL_SHRINK, 0 };
	struct service	*se = arg;

	(void)fd;
	(void)what;
	if (se->se_target > se->se_conf->sv_prefork &&
	    se->se_low > se->se_target / 2) {
		se->se_target -= (se->se_target - se->se_conf->sv_prefork +
		    1) / 2;
		while (se->se_idles > se->se_target)
			session_dismiss(TAILQ_FIRST(&se->se_idle));
	}
	se->se_low = se->se_idles;
	(void)evtimer_add(&se->se_shrink, &tv);
}

/* fork(2) failed: no use in trying again at once. */
static void
pool_resume(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pool_fill(arg);
}

/* None is forked for a second. */
void
pool_hold(struct service *se)
{
	struct timeval	 tv = { 1, 0 };

	(void)evtimer_add(&se->se_hold, &tv);
}

/* The log hears of the first one, and then now and again how many. */
void
pool_unforked(struct service *se, int error)
{
	int64_t	 now = clock_now();

	pool_hold(se);
	se->se_short = now;
	se->se_unforked++;
	se->se_untold++;
	if (se->se_told != 0 && now - se->se_told < POOL_TELL * 1000)
		return;
	log_warning("server \"%s\": a session cannot be forked: %s (%u since "
	    "the last such line)", se->se_conf->sv_name, strerror(error),
	    se->se_untold);
	se->se_told = now;
	se->se_untold = 0;
}

/*
 * May one more be forked?  In whatever state its sessions are, a server has no
 * more processes of them than connections and the idle ones it must have: that
 * is what the limits were made for.
 */
static int
pool_room(const struct service *se)
{
	const struct spawner	*sp;
	unsigned int		 n = 0;

	TAILQ_FOREACH(sp, &se->se_spawners, sp_entry)
		n += sp->sp_sessions;
	return (n < se->se_conf->sv_max + se->se_conf->sv_prefork);
}

/* Not while one takes the place of another. */
static int
pool_simple(const struct service *se)
{
	const struct spawner	*sp = TAILQ_FIRST(&se->se_spawners);

	return (sp != NULL && TAILQ_NEXT(sp, sp_entry) == NULL);
}

/* An idle session of an earlier spawner, or NULL. */
static struct session *
pool_old(const struct service *se)
{
	struct session	*s;

	if (pool_simple(se))
		return (NULL);
	TAILQ_FOREACH(s, &se->se_idle, s_entry)
		if (s->s_spawner != se->se_spawner)
			return (s);
	return (NULL);
}

/* Counts the sessions of the present spawner, and those being forked. */
static unsigned int
pool_have(const struct service *se)
{
	const struct session	*s;
	unsigned int		 n = se->se_starting;

	if (pool_simple(se))
		return (se->se_idles + n);
	TAILQ_FOREACH(s, &se->se_idle, s_entry)
		if (s->s_spawner == se->se_spawner)
			n++;
	return (n);
}

/* Forks in batches, so that spawner and parent wake once for several. */
void
pool_fill(struct service *se)
{
	struct session	*old;
	unsigned int	 have;

	/* A server that crashes forks nothing more that could crash. */
	if (env->sd_stopping || se->se_paused || se->se_spawner == NULL ||
	    evtimer_pending(&se->se_hold, NULL))
		return;
	/* While it drains, only for those that were accepted before. */
	if ((env->sd_draining || se->se_leaving) && TAILQ_EMPTY(&se->se_ready))
		return;
	have = pool_have(se);
	if (have > se->se_target / 2 && have < se->se_target &&
	    se->se_target > 1 && se->se_idles > 0)
		return;
	/* Where it has just failed one is tried, not a batch. */
	if (se->se_unforked > 0 && se->se_starting > 0)
		return;
	while (have++ < se->se_target && pool_room(se)) {
		if (session_fork(se->se_spawner) == -1) {
			pool_hold(se);
			return;
		}
		if (se->se_unforked > 0)
			return;
	}
	if (!pool_room(se) && (old = pool_old(se)) != NULL)
		session_dismiss(old);
}

void
pool_forked(struct session *s)
{
	struct service	*se = s->s_service;
	struct session	*old = pool_old(se);

	/* The new session takes the place of an old one. */
	if (old != NULL)
		session_dismiss(old);
	se->se_unforked = 0;
	TAILQ_INSERT_TAIL(&se->se_idle, s, s_entry);
	se->se_idles++;
}

/* The next to adopt a connection; the last one leaves too few behind it. */
struct session *
pool_take(struct service *se)
{
	if (se->se_idles == 1) {
		if ((se->se_target *= 2) > POOL_MAX)
			se->se_target = POOL_MAX;
		if (se->se_target < se->se_conf->sv_prefork)
			se->se_target = se->se_conf->sv_prefork;
	}
	return (TAILQ_FIRST(&se->se_idle));
}

/* An idle session goes, to work or for good. */
void
pool_forget(struct session *s)
{
	struct service	*se = s->s_service;

	TAILQ_REMOVE(&se->se_idle, s, s_entry);
	if (--se->se_idles < se->se_low)
		se->se_low = se->se_idles;
}

static void
pool_discard(struct spawner *sp)
{
	struct session	*s, *next;

	TAILQ_FOREACH_SAFE(s, &sp->sp_service->se_idle, s_entry, next)
		if (s->s_spawner == sp)
			session_dismiss(s);
}

static uint8_t
server_flags(const struct server *sv)
{
	static const struct wire_established	 none;
	struct verdict				 vd;
	uint8_t					 flags = 0;

	if (sv->sv_client)
		flags |= WIRE_SERVER_CLIENT;
	if (sv->sv_reset)
		flags |= WIRE_SERVER_RESET;
	if (sv->sv_alpn_optional)
		flags |= WIRE_SERVER_ALPN;
	if (!TAILQ_EMPTY(&sv->sv_rules))
		flags |= WIRE_SERVER_RULES;
	if (sv->sv_auth == WIRE_AUTH_OPTIONAL &&
	    !rules_allow(sv, &none, &vd))
		flags |= WIRE_SERVER_NONE;
	return (flags);
}

static int
load_server(struct child *c, const struct server *sv)
{
	struct wire_server	 wv;

	memset(&wv, 0, sizeof(wv));
	(void)strlcpy(wv.wv_name, sv->sv_name, sizeof(wv.wv_name));
	(void)strlcpy(wv.wv_protocol, sv->sv_protocol,
	    sizeof(wv.wv_protocol));
	(void)strlcpy(wv.wv_ciphers, sv->sv_ciphers, sizeof(wv.wv_ciphers));
	(void)strlcpy(wv.wv_curves, sv->sv_curves, sizeof(wv.wv_curves));
	(void)strlcpy(wv.wv_alpn, sv->sv_alpn, sizeof(wv.wv_alpn));
	wv.wv_auth = sv->sv_auth;
	wv.wv_flags = server_flags(sv);
	/* The timer is the parent's; the session's is behind it. */
	wv.wv_handshake = sv->sv_handshake * 1000 + 1000;
	wv.wv_idle = sv->sv_idle * 1000;
	wv.wv_close = sv->sv_close * 1000;
	if (child_send(c, WIRE_SERVER, -1, &wv, sizeof(wv)) == -1)
		return (-1);
	if (sv->sv_ca.pa_fd != -1 &&
	    child_send_file(c, WIRE_CA, sv->sv_ca.pa_fd, NULL, 0) == -1)
		return (-1);
	if (sv->sv_crl.pa_fd == -1)
		return (0);
	return (child_send_file(c, WIRE_CRL, sv->sv_crl.pa_fd, NULL, 0));
}

static int
load_certificate(struct child *c, const struct certificate *ce)
{
	struct wire_chain	 wc;

	memset(&wc, 0, sizeof(wc));
	wc.wc_index = ce->ce_index;
	memcpy(wc.wc_id, ce->ce_id, sizeof(wc.wc_id));
	if (child_send_file(c, WIRE_CHAIN, ce->ce_chainfd, &wc,
	    sizeof(wc)) == -1)
		return (-1);
	if (ce->ce_ocsp.pa_fd == -1)
		return (0);
	return (child_send_file(c, WIRE_STAPLE, ce->ce_ocsp.pa_fd, NULL, 0));
}

static int
load_match(struct child *c, const struct route *rt)
{
	struct wire_match	 wm;

	memset(&wm, 0, sizeof(wm));
	wm.wm_selector = rt->rt_selector;
	wm.wm_refuse = rt->rt_refuse;
	(void)strlcpy(wm.wm_pattern, rt->rt_pattern, sizeof(wm.wm_pattern));
	return (child_send(c, WIRE_MATCH, -1, &wm, sizeof(wm)));
}

static int
spawner_load(struct proc *p)
{
	struct spawner	*sp = p->p_owner;
	struct server	*sv = sp->sp_edition->ed_conf;
	struct child	*c = &p->p_child;
	struct shown	*sh;
	struct route	*rt;

	if (proc_begin(p, env->sd_uid, env->sd_gid, SPAWNER_NOFILE +
	    PROCS_DESCRIPTORS * (sv->sv_max + sv->sv_prefork)) == -1 ||
	    load_server(c, sv) == -1)
		return (-1);
	TAILQ_FOREACH(sh, &sv->sv_certificates, sh_entry)
		if (load_certificate(c, sh->sh_certificate) == -1)
			return (-1);
	TAILQ_FOREACH(rt, &sv->sv_routes, rt_entry)
		if (load_match(c, rt) == -1)
			return (-1);
	return (child_send(c, WIRE_SERVER_END, -1, NULL, 0));
}

/* Loads the one that will fork the sessions to come. */
void
spawner_start(struct edition *ed)
{
	const struct proc	*next = ed->ed_post.po_proc;
	struct service		*se = ed->ed_service;
	struct spawner		*sp;

	if (next != NULL && next->p_child.c_state == WIRE_LOADING)
		return;
	if ((sp = calloc(1, sizeof(*sp))) == NULL) {
		proc_failed(&ed->ed_post);
		return;
	}
	sp->sp_service = se;
	sp->sp_edition = ed;
	if ((sp->sp_proc = proc_start(&ed->ed_post, sp)) == NULL) {
		free(sp);
		return;
	}
	(void)generation_hold(ed->ed_generation);
	TAILQ_INSERT_TAIL(&se->se_spawners, sp, sp_entry);
}

static void
spawner_again(struct post *po)
{
	spawner_start(po->po_owner);
}

void
spawner_post(struct edition *ed)
{
	const char	*name = ed->ed_conf->sv_name;

	proc_post(&ed->ed_post, &spawner_kind, ed, name, "spawner of server "
	    "\"%s\"", name);
	ed->ed_post.po_generation = ed->ed_generation;
}

void
spawner_init(struct service *se)
{
	struct timeval	 tv = { POOL_SHRINK, 0 };

	TAILQ_INIT(&se->se_spawners);
	TAILQ_INIT(&se->se_idle);
	se->se_target = se->se_conf->sv_prefork;
	evtimer_set(&se->se_hold, pool_resume, se);
	evtimer_set(&se->se_shrink, pool_shrink, se);
	(void)evtimer_add(&se->se_shrink, &tv);
}

static void
spawner_free(struct spawner *sp)
{
	struct service	*se = sp->sp_service;

	TAILQ_REMOVE(&se->se_spawners, sp, sp_entry);
	if (se->se_spawner == sp)
		se->se_spawner = NULL;
	if (sp->sp_edition->ed_spawner == sp)
		sp->sp_edition->ed_spawner = NULL;
	generation_release(sp->sp_edition->ed_generation);
	free(sp);
}

/* Closing its pipe makes it leave; until its last session it can kill. */
static void
spawner_finish(struct spawner *sp)
{
	if (!sp->sp_retired || sp->sp_sessions > 0)
		return;
	proc_close(sp->sp_proc);
	spawner_free(sp);
}

/* A session's process is gone for good. */
void
spawner_release(struct spawner *sp)
{
	sp->sp_sessions--;
	spawner_finish(sp);
}

/*
 * The spawner forks no more.  Its idle sessions go at once, or each when
 * another one is ready in its place.
 */
static void
spawner_replace(struct spawner *sp, int at_once)
{
	/* Held meanwhile: an idle session may be its last. */
	sp->sp_sessions++;
	if (sp->sp_service->se_spawner == sp)
		sp->sp_service->se_spawner = NULL;
	sp->sp_retired = 1;
	if (at_once)
		pool_discard(sp);
	spawner_release(sp);
}

/* Nothing is forked any more as that edition has it. */
void
spawner_retire(struct edition *ed)
{
	struct spawner	*next, *sp;

	(void)evtimer_del(&ed->ed_post.po_retry);
	TAILQ_FOREACH_SAFE(sp, &ed->ed_service->se_spawners, sp_entry, next)
		if (sp->sp_edition == ed && !sp->sp_retired)
			spawner_replace(sp, 1);
}

/*
 * A session crashed: whoever made it crash may know its address space by
 * now, and its siblings share that.  Idle ones and the spawner are replaced
 * by fork and exec; live ones go on.
 */
void
spawner_crash(struct spawner *sp, struct session *s)
{
	struct service	*se = sp->sp_service;
	char		 death[WIRE_REASON], text[2 * WIRE_REASON];

	session_death(s, death, sizeof(death));
	(void)snprintf(text, sizeof(text), "a session crashed: %s%s", death,
	    sp->sp_crashed ? "" : ": its spawner and the idle sessions are "
	    "replaced");
	log_crash(s, text, s->s_source == NULL ? 0 :
	    source_crashed(s->s_source));
	/*
	 * A session that broke the rules was charged for that, and a SIGKILL
	 * comes from this host: from the kernel, when memory is short.
	 */
	if (!s->s_ordered && s->s_signal != SIGKILL)
		offence_crash(s, death);
	service_crashed(se);
	if (sp->sp_crashed)
		return;
	sp->sp_crashed = 1;
	if (!env->sd_stopping && sp->sp_edition == se->se_edition)
		spawner_start(sp->sp_edition);
	spawner_replace(sp, 1);
}

static void
spawner_ready(struct proc *p)
{
	struct spawner	*sp = p->p_owner, *old;
	struct service	*se = sp->sp_service;

	if (sp->sp_edition != se->se_edition) {
		sp->sp_edition->ed_spawner = sp;
		return;
	}
	old = se->se_spawner;
	se->se_spawner = sp;
	if (old != NULL)
		spawner_replace(old, 0);
	pool_fill(se);
}

/*
 * The session it speaks of.  A session that was asked for is in the table until
 * its spawner has said that it is gone: first FORKED, then EXITED, or else
 * UNFORKED, each once.
 */
static struct session *
spawner_session(struct proc *p, uint64_t id, int forked)
{
	struct spawner	*sp = p->p_owner;
	struct session	*s;

	if ((s = session_find(id)) != NULL && s->s_spawner == sp &&
	    s->s_forked == forked && !s->s_exited)
		return (s);
	proc_kill(p, s == NULL || s->s_spawner != sp ?
	    "violation: speaks of a session that is not its own" :
	    "violation: speaks of a session out of turn");
	return (NULL);
}

static const char *
spawner_message(struct proc *p, struct imsg *imsg)
{
	struct session		*s;
	struct wire_forked	 wfk;
	struct wire_unforked	 wf;
	struct wire_exited	 we;

	switch (imsg_get_type(imsg)) {
	case WIRE_FORKED:
		if (wire_parse(imsg, &wfk, sizeof(wfk)) == -1)
			break;
		if ((s = spawner_session(p, wfk.wfk_session, 0)) != NULL) {
			proc_answered(p);
			s->s_pid = (pid_t)wfk.wfk_pid;
			session_forked(s);
		}
		return (NULL);
	case WIRE_UNFORKED:
		if (wire_parse(imsg, &wf, sizeof(wf)) == -1)
			break;
		if ((s = spawner_session(p, wf.wf_session, 0)) != NULL) {
			proc_answered(p);
			if (s->s_ordered)
				proc_answered(p);
			session_unforked(s, wf.wf_errno);
		}
		return (NULL);
	case WIRE_EXITED:
		if (wire_parse(imsg, &we, sizeof(we)) == -1)
			break;
		if ((s = spawner_session(p, we.we_session, 1)) != NULL) {
			if (s->s_ordered)
				proc_answered(p);
			session_exited(s, we.we_signal, we.we_code);
		}
		return (NULL);
	}
	return ("malformed message");
}

static int
spawner_lost(struct proc *p, const char *reason)
{
	struct spawner	*sp = p->p_owner;
	int		 retired = sp->sp_retired, tried;

	tried = generation_tried(sp->sp_edition->ed_generation);
	session_orphan(sp, p->p_pid);
	spawner_free(sp);
	if (tried || env->sd_stopping)
		return (0);
	log_warning("%s%s", reason, retired ? "" : "; it is replaced");
	return (!retired);
}

int
spawner_fork(struct spawner *sp, uint64_t id, int fd)
{
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = id;
	if (child_send(&sp->sp_proc->p_child, WIRE_FORK, fd, &wx,
	    sizeof(wx)) == -1)
		return (-1);
	sp->sp_sessions++;
	proc_asked(sp->sp_proc);
	return (0);
}

/*
 * A session of the spawner got a connection.  For a fresh address space now and
 * then the next spawner is loaded early.  Idle sessions that are never used do
 * not count, or a large pool would use up a short lifetime by itself.
 */
void
spawner_used(struct spawner *sp)
{
	if (sp == NULL)
		return;
	proc_used(sp->sp_proc);
	if (++sp->sp_used >= env->sd_conf->cf_lifetime && !sp->sp_retired &&
	    !evtimer_pending(&sp->sp_edition->ed_post.po_retry, NULL))
		spawner_start(sp->sp_edition);
}

void
spawner_kill(struct spawner *sp, uint64_t id)
{
	if (sp != NULL)
		proc_order(sp->sp_proc, WIRE_KILL, id);
}

void
spawner_stop(struct service *se)
{
	struct spawner	*sp;

	while ((sp = TAILQ_FIRST(&se->se_spawners)) != NULL) {
		proc_close(sp->sp_proc);
		spawner_free(sp);
	}
	(void)evtimer_del(&se->se_shrink);
	(void)evtimer_del(&se->se_hold);
}
