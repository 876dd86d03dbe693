/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "errors.h"
#include "securetcpd.h"

/* The lines of the log, and which of them are written. */
static enum conf_log	 level = CONF_LOG_STATE, chosen = CONF_LOG_STATE;
static int		 watched;

void
log_init(enum conf_log lv, int use_stderr, int facility)
{
	log_set(lv);
	writer_init(use_stderr, facility);
}

enum conf_log
log_level(void)
{
	return (chosen);
}

void
log_set(enum conf_log lv)
{
	chosen = lv;
	level = watched && lv < CONF_LOG_STATE ? CONF_LOG_STATE : lv;
}

/* A monitoring client gets the events, written or not. */
void
log_watched(int on)
{
	watched = on;
	log_set(chosen);
}

/* Is a line of that priority to be written? */
int
log_wanted(int priority)
{
	switch (priority) {
	case LOG_DEBUG:
		return (chosen >= CONF_LOG_VERBOSE);
	case LOG_INFO:
		return (chosen >= CONF_LOG_STATE);
	case LOG_NOTICE:
	case LOG_WARNING:
		return (chosen >= CONF_LOG_ERRORS);
	default:
		return (1);
	}
}

void
log_close(void)
{
	writer_close();
}

static void
put_message(int priority, const char *key, const char *fmt, va_list ap)
{
	struct logline	 l;
	char		 text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	line_start(&l);
	line_add(&l, key, text);
	writer_put(priority, l.ll_buf);
}

/* A monitoring client gets the event, written or not. */
static void
put_event(const struct service *se, const struct session *s,
    enum event_kind kind, int priority, const char *text)
{
	control_event(se, s, kind, text);
	writer_put(priority, text);
}

void
log_warning(const char *fmt, ...)
{
	va_list	 ap;

	if (level < CONF_LOG_ERRORS)
		return;
	va_start(ap, fmt);
	put_message(LOG_WARNING, "warning", fmt, ap);
	va_end(ap);
}

/* Logged even with "log off": the daemon is about to end. */
void
log_fatal(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	put_message(LOG_CRIT, "fatal", fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	 ap;

	if (level < CONF_LOG_STATE)
		return;
	va_start(ap, fmt);
	put_message(LOG_INFO, "msg", fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list	 ap;

	if (level < CONF_LOG_VERBOSE)
		return;
	va_start(ap, fmt);
	put_message(LOG_DEBUG, "msg", fmt, ap);
	va_end(ap);
}

void
log_server(const struct service *se, const char *text)
{
	struct logline	 l;

	if (level < CONF_LOG_ERRORS)
		return;
	line_start(&l);
	line_add(&l, "server", se->se_conf->sv_name);
	line_add(&l, "warning", text);
	writer_put(LOG_WARNING, l.ll_buf);
}

static void
line_date(struct logline *l, const char *key, time_t when)
{
	struct tm	*tm;
	char		 date[64];

	if ((tm = gmtime(&when)) != NULL && strftime(date, sizeof(date),
	    "%Y-%m-%dT%H:%M:%SZ", tm) != 0)
		line_add(l, key, date);
}

/*
 * A file that its authority replaces now and then, and its dates; with a
 * warning or without.  For -n it goes to standard output.
 */
void
log_update(const char *block, const char *name, const char *what,
    const struct conf_path *pa, const char *warning)
{
	struct logline	 l;

	if (level < (warning == NULL ? CONF_LOG_STATE : CONF_LOG_ERRORS) &&
	    !env->sd_check)
		return;
	line_start(&l);
	line_add(&l, block, name);
	if (warning != NULL)
		line_add(&l, "warning", warning);
	line_add(&l, what, pa->pa_path);
	if (pa->pa_since > 0)
		line_date(&l, "thisupdate", pa->pa_since);
	if (pa->pa_next == -1)
		line_add(&l, "nextupdate", "none");
	else
		line_date(&l, "nextupdate", pa->pa_next);
	if (env->sd_check)
		printf("%s\n", l.ll_buf);
	else
		writer_put(warning == NULL ? LOG_INFO : LOG_WARNING, l.ll_buf);
}

/* An idle session has no address, and its crash no source to count for. */
void
log_crash(const struct session *s, const char *text, unsigned int crashes)
{
	struct logline	 l;

	s->s_service->se_tally.ta_crashes++;
	if (level < CONF_LOG_ERRORS)
		return;
	line_start(&l);
	line_add(&l, "server", s->s_conf->sv_name);
	line_add(&l, "warning", text);
	line_addf(&l, "session", "%llu", (unsigned long long)s->s_id);
	if (s->s_source != NULL) {
		line_add(&l, "from", s->s_from);
		line_addf(&l, "crashes", "%u", crashes);
	}
	writer_put(LOG_WARNING, l.ll_buf);
}

void
log_penalty(const struct service *se, const char *from, const char *text)
{
	struct logline	 l;

	if (level < CONF_LOG_ERRORS)
		return;
	line_start(&l);
	line_add(&l, "server", se->se_conf->sv_name);
	line_add(&l, "from", from);
	line_add(&l, "warning", text);
	writer_put(LOG_WARNING, l.ll_buf);
}

void
log_listen(const struct listener *ln)
{
	struct logline	 l;

	if (level < CONF_LOG_STATE)
		return;
	line_start(&l);
	line_add(&l, "server", ln->ln_service->se_conf->sv_name);
	line_add(&l, "listen", ln->ln_name);
	writer_put(LOG_INFO, l.ll_buf);
}

void
log_process(const char *kind, const char *name, pid_t pid,
    const char *sandbox)
{
	struct logline	 l;

	if (level < CONF_LOG_STATE)
		return;
	line_start(&l);
	line_add(&l, "process", kind);
	if (*name != '\0')
		line_add(&l, "name", name);
	line_addf(&l, "pid", "%ld", (long)pid);
	line_add(&l, "sandbox", sandbox);
	writer_put(LOG_INFO, l.ll_buf);
}

static void
line_session(struct logline *l, const struct session *s)
{
	line_start(l);
	line_add(l, "server", s->s_conf->sv_name);
	line_addf(l, "session", "%llu", (unsigned long long)s->s_id);
	line_add(l, "from", s->s_from);
}

/* Dots stand for a subject that no message has room for. */
static void
line_subject(struct logline *l, const struct wire_established *f)
{
	line_add(l, "subject", f->wh_subject[0] == '\0' &&
	    f->wh_peer & WIRE_PEER_LONG ? "..." : f->wh_subject);
}

/* The facts learnt before the session was connected. */
static void
line_connected(struct logline *l, const struct session *s)
{
	const struct wire_established	*f = s->s_facts;
	struct server			*sv = s->s_conf;
	char				 name[TARGET_NAME];

	line_add(l, "version", f->wh_version);
	line_add(l, "cipher", f->wh_cipher);
	if (f->wh_servername[0] != '\0')
		line_add(l, "servername", f->wh_servername);
	if (f->wh_alpn[0] != '\0')
		line_add(l, "alpn", f->wh_alpn);
	if (s->s_target != NULL)
		line_add(l, "backend", target_name(s, name, sizeof(name)));
	else if (sv->sv_program != NULL)
		line_add(l, "backend", sv->sv_program->pr_argv[0]);
	else
		line_add(l, "backend", "echo");
	if (f->wh_peer)
		line_subject(l, f);
	if (s->s_via[0] != '\0')
		line_add(l, "via", s->s_via);
}

static void
line_error(struct logline *l, int number, const char *description,
    const char *reason)
{
	const char	*name = securetcp_error_name(number);

	line_add(l, "error", name == NULL ? "ptError" : name);
	line_addf(l, "number", "%d", number);
	if (description == NULL)
		description = securetcp_error_description(number);
	line_add(l, "description", description == NULL ? "" : description);
	if (reason != NULL && *reason != '\0')
		line_add(l, "reason", reason);
}

/* Before connected no other line names the target. */
static int
target_told(const struct session *s)
{
	return (!s->s_conf->sv_client || s->s_target == NULL ||
	    s->s_phase == PHASE_TARGET ||
	    session_state(s) != SECURETCP_CONNECTING);
}

void
log_error(const struct session *s, int number, const char *description,
    const char *reason)
{
	const struct securetcp_policy	*po = securetcp_error_policy(number);
	struct logline			 l;
	char				 name[TARGET_NAME];
	int				 quiet;

	quiet = s->s_probe || (po != NULL &&
	    po->level == SECURETCP_LEVEL_VERBOSE);
	if (!quiet)
		tally_error(s->s_service, number, reason, 1);
	if (level < CONF_LOG_ERRORS || (level < CONF_LOG_VERBOSE && quiet))
		return;
	line_session(&l, s);
	line_error(&l, number, description, reason);
	/* A reason that is a rule's number does not tell whom it denied. */
	if (number == ptAuthentication && s->s_facts != NULL &&
	    s->s_facts->wh_peer)
		line_subject(&l, s->s_facts);
	if (!target_told(s))
		line_add(&l, "backend", target_name(s, name, sizeof(name)));
	if (s->s_via[0] != '\0')
		line_add(&l, "via", s->s_via);
	put_event(s->s_service, s, EVENT_ERROR, LOG_NOTICE, l.ll_buf);
}

static void
line_errlog(struct logline *l, const struct errlog *el)
{
	line_start(l);
	line_add(l, "server", el->el_server);
	line_addf(l, "session", "%llu", (unsigned long long)el->el_session);
	line_add(l, "from", el->el_from);
}

void
log_stderr(const struct errlog *el, const char *text, size_t len)
{
	struct logline	 l;

	if (level < CONF_LOG_ERRORS)
		return;
	line_errlog(&l, el);
	line_add_bytes(&l, "stderr", text, len);
	writer_put(LOG_NOTICE, l.ll_buf);
}

void
log_stderr_cut(const struct errlog *el)
{
	struct logline	 l;

	if (level < CONF_LOG_ERRORS)
		return;
	line_errlog(&l, el);
	line_add(&l, "warning", "the rest of what its program has left on its "
	    "standard error is not logged");
	writer_put(LOG_WARNING, l.ll_buf);
}

void
log_refused(struct service *se, const char *from, int number,
    const char *reason, unsigned int count)
{
	struct logline	 l;

	tally_refused(se, number, reason, count);
	if (level < CONF_LOG_ERRORS)
		return;
	line_start(&l);
	line_add(&l, "server", se->se_conf->sv_name);
	line_add(&l, "from", from);
	line_error(&l, number, NULL, reason);
	line_addf(&l, "count", "%u", count);
	put_event(se, NULL, EVENT_ERROR, LOG_NOTICE, l.ll_buf);
}

/* A connection that has ended without a session, by nobody's fault. */
void
log_visitor(const struct visitor *v, const char *text)
{
	struct logline	 l;
	char		 from[80];

	if (level < CONF_LOG_VERBOSE)
		return;
	conf_address_name(&v->v_peer, from, sizeof(from));
	line_start(&l);
	line_add(&l, "server", v->v_service->se_conf->sv_name);
	line_add(&l, "from", from);
	line_add(&l, "msg", text);
	writer_put(LOG_DEBUG, l.ll_buf);
}

/* The end of a program, if it is known. */
static void
line_program(struct logline *l, const struct execution *ex)
{
	if (ex == NULL || !ex->ex_told)
		return;
	if (ex->ex_signal != 0)
		line_addf(l, "signal", "%u", ex->ex_signal);
	else
		line_addf(l, "exit", "%u", ex->ex_code);
}

static void
line_closed(struct logline *l, const struct session *s)
{
	int64_t	 spent = clock_now() - s->s_since;

	line_addf(l, "in", "%llu", (unsigned long long)s->s_in);
	line_addf(l, "out", "%llu", (unsigned long long)s->s_out);
	line_addf(l, "seconds", "%lld.%d", (long long)(spent / 1000),
	    (int)(spent % 1000 / 100));
	line_program(l, s->s_execution);
}

/* Whether the peer's certificate, or that it has none, is good enough. */
void
log_judged(const struct session *s, int allowed, const struct verdict *vd)
{
	const struct wire_established	*f = s->s_facts;
	struct logline			 l;

	if (level < CONF_LOG_VERBOSE && !watched)
		return;
	line_session(&l, s);
	line_add(&l, "authenticate", allowed ? "allowed" : "denied");
	if (vd->vd_rule != 0) {
		line_addf(&l, "rule", "%u", vd->vd_rule);
		line_addf(&l, "line", "%d", vd->vd_line);
	}
	if (f != NULL && f->wh_peer) {
		line_subject(&l, f);
		if (f->wh_issuer[0] != '\0')
			line_add(&l, "issuer", f->wh_issuer);
		line_add(&l, "hash", f->wh_hash);
	}
	if (vd->vd_reason[0] != '\0')
		line_add(&l, "reason", vd->vd_reason);
	if (s->s_via[0] != '\0')
		line_add(&l, "via", s->s_via);
	put_event(s->s_service, s, EVENT_AUTHENTICATE, LOG_DEBUG, l.ll_buf);
}

/* The State event that a connection had last, made again. */
void
log_present(const struct session *s, struct logline *l)
{
	line_session(l, s);
	line_add(l, "state", securetcp_state_name(session_state(s)));
	if (s->s_told != NULL)
		l->ll_len = strlcat(l->ll_buf, s->s_told, sizeof(l->ll_buf));
}

/* A State event; one that is closing may have a reason. */
void
log_state(struct session *s, const char *reason)
{
	enum securetcp_state	 state = session_state(s);
	struct logline		 l;
	size_t			 facts;

	tally_state(s, state);
	if (level < CONF_LOG_STATE && state != SECURETCP_CONNECTED)
		return;
	line_session(&l, s);
	line_add(&l, "state", securetcp_state_name(state));
	facts = l.ll_len;
	if (state == SECURETCP_CONNECTED) {
		line_connected(&l, s);
		tally_told(s, l.ll_buf + facts);
	}
	if (level < CONF_LOG_STATE)
		return;
	if (state == SECURETCP_CLOSED)
		line_closed(&l, s);
	if (reason != NULL && *reason != '\0')
		line_add(&l, "reason", reason);
	put_event(s->s_service, s, EVENT_STATE, LOG_INFO, l.ll_buf);
}
