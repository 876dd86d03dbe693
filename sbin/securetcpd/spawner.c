/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
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
#include "sandbox.h"
#include "securetcpd.h"

#define SPAWNER_NOFILE	64

static void	 spawner_message(struct child *, struct imsg *);
static void	 spawner_gone(struct helper *, const char *);

static int
load_file(struct child *c, enum wire_type type, int file,
    const void *payload, size_t len)
{
	int	 fd;

	if ((fd = child_file(file)) == -1)
		return (-1);
	return (child_send(c, type, fd, payload, len));
}

static uint8_t
server_flags(const struct server *sv)
{
	static const struct wire_established	 none;
	char					 reason[WIRE_REASON];
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
	    !rules_allow(sv, &none, reason, sizeof(reason)))
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
	    load_file(c, WIRE_CA, sv->sv_ca.pa_fd, NULL, 0) == -1)
		return (-1);
	if (sv->sv_crl.pa_fd == -1)
		return (0);
	return (load_file(c, WIRE_CRL, sv->sv_crl.pa_fd, NULL, 0));
}

static int
load_certificate(struct child *c, const struct certificate *ce)
{
	struct wire_chain	 wc;

	memset(&wc, 0, sizeof(wc));
	wc.wc_index = ce->ce_index;
	memcpy(wc.wc_id, ce->ce_id, sizeof(wc.wc_id));
	if (load_file(c, WIRE_CHAIN, ce->ce_chainfd, &wc, sizeof(wc)) == -1)
		return (-1);
	if (ce->ce_ocsp.pa_fd == -1)
		return (0);
	return (load_file(c, WIRE_STAPLE, ce->ce_ocsp.pa_fd, NULL, 0));
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
spawner_load(struct spawner *sp)
{
	struct server	*sv = sp->sp_service->se_conf;
	struct child	*c = &sp->sp_helper->h_child;
	struct shown	*sh;
	struct route	*rt;

	if (helper_begin(sp->sp_helper, env->sd_uid, env->sd_gid,
	    SPAWNER_NOFILE + PROCS_DESCRIPTORS * (sv->sv_max +
	    sv->sv_prefork)) == -1 || load_server(c, sv) == -1)
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
spawner_start(struct service *se)
{
	struct spawner	*sp;

	if (se->se_next != NULL)
		return;
	if ((sp = calloc(1, sizeof(*sp))) == NULL)
		goto fail;
	sp->sp_service = se;
	sp->sp_helper = helper_exec("securetcp-session", "spawner",
	    se->se_conf->sv_name, WIRE_SPAWNER, sp);
	if (sp->sp_helper == NULL) {
		free(sp);
		goto fail;
	}
	sp->sp_helper->h_gone = spawner_gone;
	sp->sp_helper->h_child.c_message = spawner_message;
	TAILQ_INSERT_TAIL(&se->se_spawners, sp, sp_entry);
	se->se_next = sp;
	if (spawner_load(sp) == -1)
		helper_abandon(sp->sp_helper);
	return;
 fail:
	if (!env->sd_started) {
		daemon_fail("spawner of server \"%s\" (securetcp-session in "
		    "%s): %s", se->se_conf->sv_name, env->sd_libexec,
		    strerror(errno));
		return;
	}
	log_warning("spawner of server \"%s\" cannot be started: %s",
	    se->se_conf->sv_name, strerror(errno));
	se->se_failures++;
	helper_later(&se->se_retry, se->se_failures);
}

static void
spawner_free(struct spawner *sp)
{
	struct service	*se = sp->sp_service;

	TAILQ_REMOVE(&se->se_spawners, sp, sp_entry);
	if (se->se_spawner == sp)
		se->se_spawner = NULL;
	if (se->se_next == sp)
		se->se_next = NULL;
	free(sp);
}

/* Closing its pipe makes it leave; until its last session it can kill. */
static void
spawner_finish(struct spawner *sp)
{
	if (!sp->sp_retired || sp->sp_sessions > 0)
		return;
	if (sp->sp_helper != NULL)
		helper_close(sp->sp_helper);
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
 * It forks no more.  Its idle sessions go at once, or each when another one
 * is ready in its place.
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
	 * One that broke the rules has paid for that, and whoever sends a
	 * SIGKILL is on this host: the kernel, when memory is short.
	 */
	if (!s->s_ordered && s->s_signal != SIGKILL)
		offence_crash(s, death);
	service_crashed(se);
	if (sp->sp_crashed)
		return;
	sp->sp_crashed = 1;
	spawner_replace(sp, 1);
	if (!env->sd_stopping)
		spawner_start(se);
}

static void
spawner_set_ready(struct spawner *sp, const char *sandbox)
{
	struct service	*se = sp->sp_service;
	struct spawner	*old = se->se_spawner;

	helper_ready(sp->sp_helper, sandbox);
	se->se_next = NULL;
	se->se_spawner = sp;
	if (old != NULL)
		spawner_replace(old, 0);
	started_check();
	pool_fill(se);
}

/*
 * The session it speaks of.  One that was asked for is in the table until
 * its spawner has said that it is gone: first FORKED, then EXITED, or else
 * UNFORKED, each once.
 */
static struct session *
spawner_session(struct spawner *sp, uint64_t id, int forked)
{
	struct session	*s;

	if ((s = session_find(id)) != NULL && s->s_spawner == sp &&
	    s->s_forked == forked && !s->s_exited)
		return (s);
	sp->sp_helper->h_child.c_gone(&sp->sp_helper->h_child,
	    s == NULL || s->s_spawner != sp ?
	    "violation: speaks of a session that is not its own" :
	    "violation: speaks of a session out of turn");
	return (NULL);
}

static void
spawner_message(struct child *c, struct imsg *imsg)
{
	struct helper		*h = c->c_owner;
	struct spawner		*sp = h->h_owner;
	struct session		*s;
	struct wire_ready	 wr;
	struct wire_forked	 wfk;
	struct wire_unforked	 wf;
	struct wire_exited	 we;

	if (sp == NULL)
		return;
	switch (imsg_get_type(imsg)) {
	case WIRE_READY:
		if (wire_parse(imsg, &wr, sizeof(wr)) == -1)
			break;
		spawner_set_ready(sp, wr.wr_sandbox);
		return;
	case WIRE_FORKED:
		if (wire_parse(imsg, &wfk, sizeof(wfk)) == -1)
			break;
		if ((s = spawner_session(sp, wfk.wfk_session, 0)) != NULL) {
			helper_answered(h);
			s->s_pid = (pid_t)wfk.wfk_pid;
			session_forked(s);
		}
		return;
	case WIRE_UNFORKED:
		if (wire_parse(imsg, &wf, sizeof(wf)) == -1)
			break;
		if ((s = spawner_session(sp, wf.wf_session, 0)) != NULL) {
			helper_answered(h);
			if (s->s_ordered)
				helper_answered(h);
			session_unforked(s, wf.wf_errno);
		}
		return;
	case WIRE_EXITED:
		if (wire_parse(imsg, &we, sizeof(we)) == -1)
			break;
		if ((s = spawner_session(sp, we.we_session, 1)) != NULL) {
			if (s->s_ordered)
				helper_answered(h);
			session_exited(s, we.we_signal, we.we_code);
		}
		return;
	case WIRE_FATAL:
		helper_explain(h, imsg);
		return;
	}
	c->c_gone(c, "violation: malformed message");
}

/* Those that die before they were of any use are replaced ever more slowly. */
static void
spawner_gone(struct helper *h, const char *why)
{
	struct spawner	*sp = h->h_owner;
	struct service	*se = sp->sp_service;
	int		 used = sp->sp_used > 0, retired = sp->sp_retired;

	sp->sp_helper = NULL;
	session_orphan(sp, h->h_pid);
	spawner_free(sp);
	if (!env->sd_started) {
		daemon_fail("spawner of server \"%s\" terminated: %s",
		    se->se_conf->sv_name, why);
		return;
	}
	if (env->sd_stopping)
		return;
	log_warning("spawner of server \"%s\" terminated: %s%s",
	    se->se_conf->sv_name, why, retired ? "" : "; it is replaced");
	if (retired)
		return;
	if (!used)
		se->se_failures++;
	helper_later(&se->se_retry, se->se_failures);
}

int
spawner_fork(struct spawner *sp, uint64_t id, int fd)
{
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = id;
	if (child_send(&sp->sp_helper->h_child, WIRE_FORK, fd, &wx,
	    sizeof(wx)) == -1)
		return (-1);
	sp->sp_sessions++;
	helper_asked(sp->sp_helper);
	return (0);
}

/*
 * One of its sessions got a connection.  A fresh address space now and then:
 * the next one is loaded early.  Idle sessions that are never used do not
 * count, or a large pool would use up a short lifetime by itself.
 */
void
spawner_used(struct spawner *sp)
{
	if (sp == NULL)
		return;
	sp->sp_service->se_failures = 0;
	if (++sp->sp_used >= env->sd_conf->cf_lifetime && !sp->sp_retired &&
	    !evtimer_pending(&sp->sp_service->se_retry, NULL))
		spawner_start(sp->sp_service);
}

void
spawner_kill(struct spawner *sp, uint64_t id)
{
	struct wire_id	 wx;

	if (sp == NULL || sp->sp_helper == NULL ||
	    sp->sp_helper->h_child.c_fd == -1)
		return;
	memset(&wx, 0, sizeof(wx));
	wx.wx_session = id;
	if (child_send(&sp->sp_helper->h_child, WIRE_KILL, -1, &wx,
	    sizeof(wx)) == -1)
		sp->sp_helper->h_child.c_gone(&sp->sp_helper->h_child,
		    "does not take its orders");
	else
		helper_asked(sp->sp_helper);
}

void
spawner_stop(struct service *se)
{
	struct spawner	*sp, *next;

	(void)evtimer_del(&se->se_retry);
	TAILQ_FOREACH_SAFE(sp, &se->se_spawners, sp_entry, next) {
		if (sp->sp_helper != NULL)
			helper_close(sp->sp_helper);
		spawner_free(sp);
	}
}
