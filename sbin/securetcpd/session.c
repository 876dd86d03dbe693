/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "match.h"
#include "sandbox.h"
#include "securetcpd.h"

#define DIED_SECONDS	1		/* a spawner's time to say how */

/*
 * The connection table.  A session is made by session_fork(), adopts at
 * most one socket, ends in session_end() exactly once if it did, and is
 * collected when its process is gone.  The phases in between are phase.c's.
 */
static const char *session_check(struct child *, uint32_t, size_t);
static int	 session_cmp(struct session *, struct session *);
static void	 session_kill(struct session *);
static void	 session_timer(int, short, void *);

RB_HEAD(table, session);
static struct table	 table = RB_INITIALIZER(&table);
RB_PROTOTYPE(table, session, s_node, session_cmp);
RB_GENERATE(table, session, s_node, session_cmp)

static struct sessions	 collect = TAILQ_HEAD_INITIALIZER(collect);
static uint64_t		 last_id;

static int
session_cmp(struct session *a, struct session *b)
{
	if (a->s_id == b->s_id)
		return (0);
	return (a->s_id < b->s_id ? -1 : 1);
}

struct session *
session_find(uint64_t id)
{
	struct session	 key;

	key.s_id = id;
	return (RB_FIND(table, &table, &key));
}

/* Has there ever been one of that number? */
int
session_known(uint64_t id)
{
	return (id > 0 && id <= last_id);
}

static const char *
session_check(struct child *c, uint32_t type, size_t len)
{
	struct session	*s = c->c_owner;

	return (phase_check(s->s_phase, &c->c_once, type, len));
}

/*
 * Moves a session to its next phase: gives up what belongs to the last one,
 * and logs the State where that changes, with the reason for closing.  -1: the
 * table has no such transition.  A bug in the parent got there, and no other
 * session is to suffer from it.
 */
int
session_enter(struct session *s, enum phase next, const char *why)
{
	enum phase	 was = s->s_phase;

	if (phase_set(&s->s_phase, next) == -1) {
		log_warning("server \"%s\": session %llu: bug: phase %s does "
		    "not follow phase %s: session killed",
		    s->s_service->se_conf->sv_name,
		    (unsigned long long)s->s_id, phase_name(next),
		    phase_name(was));
		session_kill(s);
		return (-1);
	}
	if (was == PHASE_STARTING)
		s->s_service->se_starting--;
	else if (was == PHASE_IDLE)
		pool_forget(s);
	else if (phase_pending(was) && !phase_pending(next))
		pending_remove(&s->s_place);
	if (next == PHASE_STARTING)
		s->s_service->se_starting++;
	else if (next == PHASE_IDLE)
		pool_forked(s);
	if (phase_state(next) != phase_state(was))
		log_state(s, why);
	return (0);
}

void
session_set_timer(struct session *s, unsigned int seconds)
{
	clock_after(&s->s_timer, seconds * 1000LL);
}

int
session_fork(struct spawner *sp)
{
	struct session	*s;
	int		 sv[2];

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (-1);
	if (child_pair(sv) == -1) {
		free(s);
		return (-1);
	}
	s->s_id = ++last_id;
	s->s_service = sp->sp_service;
	s->s_spawner = sp;
	s->s_backend = s->s_plain = -1;
	hold_init(&s->s_outer);
	hold_init(&s->s_inner);
	evtimer_set(&s->s_timer, session_timer, s);
	child_init(&s->s_child, sv[0], WIRE_SESSION, WIRE_RUNNING, s);
	s->s_child.c_check = session_check;
	s->s_child.c_message = session_message;
	s->s_child.c_gone = session_gone;
	if (spawner_fork(sp, s->s_id, sv[1]) == -1) {
		child_close(&s->s_child);
		free(s);
		return (-1);
	}
	(void)RB_INSERT(table, &table, s);
	return (session_enter(s, PHASE_STARTING, NULL));
}

/* Its process is gone and nobody points at it: freed by the main loop. */
static void
session_collect(struct session *s)
{
	if (session_enter(s, PHASE_GONE, NULL) == -1)
		return;
	(void)evtimer_del(&s->s_timer);
	TAILQ_INSERT_TAIL(&collect, s, s_entry);
}

/* Its process is gone, or there is no way to it. */
static int
session_over(const struct session *s)
{
	return (s->s_exited || (s->s_spawner == NULL && s->s_kin == NULL));
}

/* The pipe has ended: the process has LEAVE_SECONDS to follow. */
static void
session_await(struct session *s)
{
	if (!session_over(s))
		session_set_timer(s, LEAVE_SECONDS);
	else if (s->s_phase == PHASE_LEAVING)
		session_collect(s);
	else
		(void)evtimer_del(&s->s_timer);
}

/* Closed, or never used. */
static int
session_leave(struct session *s)
{
	if (session_enter(s, PHASE_LEAVING, NULL) == -1)
		return (-1);
	child_close(&s->s_child);
	session_await(s);
	return (0);
}

void
session_forked(struct session *s)
{
	s->s_forked = 1;
	if (s->s_phase != PHASE_STARTING)
		return;
	if (s->s_spawner->sp_retired) {
		session_dismiss(s);
		return;
	}
	(void)evtimer_del(&s->s_timer);
	(void)session_enter(s, PHASE_IDLE, NULL);
}

/* The end of its pipe may have come before. */
void
session_unforked(struct session *s, int error)
{
	s->s_exited = 1;
	pool_unforked(s->s_service, error);
	if (s->s_phase == PHASE_STARTING)
		session_dismiss(s);
	else if (s->s_phase == PHASE_LEAVING)
		session_await(s);
}

/* An idle one is not needed any more. */
void
session_dismiss(struct session *s)
{
	if (s->s_phase == PHASE_STARTING || s->s_phase == PHASE_IDLE)
		(void)session_leave(s);
}

/* The other side of a client block's connection, while it is held here. */
static void
session_close_plain(struct session *s)
{
	if (s->s_plain == -1)
		return;
	(void)close(s->s_plain);
	s->s_plain = -1;
	env->sd_fds--;
}

/*
 * The one place where an adopted socket's story ends; where a program has
 * the other side, that is when it has ended as well.
 */
void
session_closed(struct session *s)
{
	if (session_leave(s) == -1)
		return;
	execute_release(s);
	source_close(s->s_source);
	stop_check();
}

/*
 * What the parent holds of the connections.  A session that has said DONE
 * has closed its own descriptors; of any other nobody knows what it does.
 */
static void
session_release(struct session *s)
{
	if (!s->s_done) {
		hold_end(&s->s_outer);
		hold_reset(&s->s_inner, 0);
		return;
	}
	hold_release(&s->s_outer);
	if (s->s_partial)
		hold_reset(&s->s_inner, s->s_service->se_conf->sv_close);
	else
		hold_release(&s->s_inner);
}

/* The one way there. */
static void
session_end(struct session *s, int number, const char *description,
    const char *reason, const char *closing)
{
	int	 over;

	if (number != ptOk)
		log_error(s, number, description, reason);
	offence_end(s, number, reason);
	if (session_enter(s, PHASE_ENDING, closing) == -1)
		return;
	backend_cancel(s);
	session_close_plain(s);
	request_drop(s);
	s->s_signer = NULL;
	free(s->s_facts);
	s->s_facts = NULL;
	free(s->s_reason);
	s->s_reason = NULL;
	over = !execute_finish(s, number != ptOk || s->s_partial);
	session_release(s);
	child_close(&s->s_child);
	if (over)
		session_closed(s);
	else
		session_await(s);
}

enum securetcp_state
session_state(const struct session *s)
{
	return (phase_state(s->s_phase));
}

int
session_live(const struct session *s)
{
	return (session_state(s) != SECURETCP_CLOSED);
}

/* Ends it now, for a reason of the parent's; the process has to follow. */
void
session_fail(struct session *s, int number, const char *reason)
{
	if (session_live(s) && s->s_phase != PHASE_ENDING)
		session_end(s, number, NULL, reason, NULL);
}

void
session_make_room(struct session *s)
{
	char	 reason[128];

	pending_reason(s->s_service, reason, sizeof(reason));
	offence_evicted(s, reason);
	session_fail(s, ptOperationRefused, reason);
}

/* Ends it gracefully: the session says goodbye and answers with DONE. */
void
session_refuse(struct session *s, int number, const char *reason)
{
	struct wire_refuse	 wo;

	memset(&wo, 0, sizeof(wo));
	wo.wo_error = number;
	(void)strlcpy(wo.wo_reason, reason, sizeof(wo.wo_reason));
	s->s_error = number;
	if ((s->s_reason = strdup(reason)) == NULL ||
	    child_send(&s->s_child, WIRE_REFUSE, -1, &wo, sizeof(wo)) == -1 ||
	    session_enter(s, PHASE_REFUSED, NULL) == -1) {
		session_fail(s, number, reason);
		return;
	}
	session_set_timer(s, LEAVE_SECONDS);
}

void
session_signed(struct session *s, const uint8_t *data, size_t len)
{
	struct wire_signature	 wl;

	memset(&wl, 0, sizeof(wl));
	wl.wl_len = len;
	memcpy(wl.wl_data, data, len);
	offence_signed(s);
	if (child_send(&s->s_child, WIRE_SIGNATURE, -1, &wl,
	    sizeof(wl)) == -1)
		session_gone(&s->s_child, NULL);
}

/* The backends of the rule that the session says has matched. */
static struct route *
session_route(const struct session *s, unsigned int n)
{
	struct route	*rt;

	TAILQ_FOREACH(rt, &s->s_service->se_conf->sv_routes, rt_entry)
		if (--n == 0)
			return (rt);
	return (NULL);
}

static void
session_forward(struct session *s)
{
	struct server	*sv = s->s_service->se_conf;
	struct route	*rt;

	if (s->s_facts->wh_match != 0) {
		rt = session_route(s, s->s_facts->wh_match);
		if (rt == NULL || rt->rt_refuse) {
			session_gone(&s->s_child, "violation: ESTABLISHED by "
			    "a rule that forwards nowhere");
			return;
		}
		session_set_timer(s, sv->sv_backend_timeout);
		backend_connect(s, &rt->rt_backends);
		return;
	}
	switch (sv->sv_mode) {
	case CONF_ECHO:
		session_accept(s, -1);
		break;
	case CONF_CONNECT:
		session_plain(s);
		break;
	case CONF_EXECUTE:
		execute_start(s);
		break;
	case CONF_FORWARD:
		session_set_timer(s, sv->sv_backend_timeout);
		backend_connect(s, &sv->sv_backends);
		break;
	}
}

/*
 * It goes into logs, headers and environments: a client block's is the one
 * to look for, another's is a host's.
 */
static int
session_name_ok(const struct session *s, const char *name)
{
	char	 host[WIRE_HOST];

	if (*name == '\0')
		return (1);
	if (s->s_service->se_conf->sv_client)
		return (s->s_target != NULL && strcmp(name, target_host(s,
		    host, sizeof(host))) == 0);
	return (match_servername_ok(name));
}

/* What it says of its peer must not change on the way. */
static int
session_learn(struct session *s, const struct wire_established *wh)
{
	struct wire_established	*facts = s->s_facts;

	if (!session_name_ok(s, wh->wh_servername)) {
		session_gone(&s->s_child, "violation: a server name that is "
		    "none");
		return (-1);
	}
	if (facts == NULL) {
		if ((s->s_facts = malloc(sizeof(*wh))) == NULL) {
			session_fail(s, ptNoBufferSpace, strerror(errno));
			return (-1);
		}
	} else if (facts->wh_peer != wh->wh_peer ||
	    strcmp(facts->wh_subject, wh->wh_subject) != 0 ||
	    strcmp(facts->wh_issuer, wh->wh_issuer) != 0 ||
	    strcmp(facts->wh_hash, wh->wh_hash) != 0 ||
	    strcmp(facts->wh_san, wh->wh_san) != 0 ||
	    facts->wh_notbefore != wh->wh_notbefore ||
	    facts->wh_notafter != wh->wh_notafter) {
		session_gone(&s->s_child, "violation: ESTABLISHED with "
		    "another peer than IDENTITY");
		return (-1);
	}
	*s->s_facts = *wh;
	return (0);
}

/* In the middle of the handshake: may the peer come in? */
void
session_identity(struct session *s, const struct wire_established *wh)
{
	struct server	*sv = s->s_service->se_conf;
	char		 reason[WIRE_REASON];

	if (TAILQ_EMPTY(&sv->sv_rules)) {
		session_gone(&s->s_child, "violation: IDENTITY where there "
		    "are no rules");
		return;
	}
	if (session_learn(s, wh) == -1)
		return;
	if (!rules_allow(sv, wh, reason, sizeof(reason)))
		session_refuse(s, ptAuthentication, reason);
	else if (child_send(&s->s_child, WIRE_ALLOWED, -1, NULL, 0) == -1)
		session_gone(&s->s_child, NULL);
}

void
session_established(struct session *s, const struct wire_established *wh)
{
	char	 reason[WIRE_REASON];

	if (session_learn(s, wh) == -1)
		return;
	/* Also of a session that has not asked. */
	if (!rules_allow(s->s_service->se_conf, wh, reason, sizeof(reason))) {
		session_refuse(s, ptAuthentication, reason);
		return;
	}
	if (session_enter(s, PHASE_BACKEND, NULL) == -1)
		return;
	(void)evtimer_del(&s->s_timer);
	offence_amends(s);
	session_forward(s);
}

/* Go ahead, with the backend's descriptor (-1: echo). */
void
session_accept(struct session *s, int fd)
{
	struct wire_accept	 wa;
	int			 number;

	memset(&wa, 0, sizeof(wa));
	wa.wa_mode = fd == -1 ? WIRE_MODE_ECHO : s->s_execution != NULL ?
	    WIRE_MODE_PROGRAM : WIRE_MODE_BACKEND;
	(void)evtimer_del(&s->s_timer);
	if (fd != -1 && hold_take(&s->s_inner, fd) == -1) {
		number = securetcp_error_errno(errno);
		(void)close(fd);
		session_refuse(s, number, "no descriptor is left");
		return;
	}
	if (child_send(&s->s_child, WIRE_ACCEPT, fd, &wa, sizeof(wa)) == -1) {
		session_gone(&s->s_child, NULL);
		return;
	}
	if (session_enter(s, PHASE_CONNECTED, NULL) == -1)
		return;
	hold_watch(s);
	free(s->s_facts);
	s->s_facts = NULL;
}

static const char *
session_truncated(const struct session *s, const struct wire_done *wd,
    char *buf, size_t len)
{
	char	 text[CLOCK_TEXT];

	(void)strlcpy(buf, "truncated: ended without close_notify", len);
	if (wd->wd_flags & WIRE_DONE_GONE)
		(void)snprintf(buf, len, "truncated: ended without "
		    "close_notify, and took nothing for %s",
		    clock_seconds(s->s_service->se_conf->sv_close, text,
		    sizeof(text)));
	else if (s->s_partial && s->s_phase != PHASE_REFUSED)
		(void)strlcat(buf, ", passed on as a reset", len);
	return (buf);
}

void
session_done(struct session *s, const struct wire_done *wd)
{
	const char	*closing = NULL, *reason = wd->wd_reason;
	char		 text[WIRE_REASON];
	int		 number = wd->wd_error;

	s->s_done = 1;
	s->s_distrust = (wd->wd_flags & WIRE_DONE_DISTRUST) != 0;
	s->s_in = wd->wd_in;
	s->s_out = wd->wd_out;
	if (s->s_phase == PHASE_REFUSED) {
		number = s->s_error;
		reason = s->s_reason;
	}
	s->s_partial = (wd->wd_flags & WIRE_DONE_RESET) != 0;
	/* A reset has an end like that as well, and is told as what it is. */
	if (wd->wd_flags & WIRE_DONE_TRUNCATED && number != ptConnectionReset)
		closing = session_truncated(s, wd, text, sizeof(text));
	else if (number == ptOk)
		closing = reason;
	if (wd->wd_flags & WIRE_DONE_SILENT)
		log_debug("session %llu: nothing was sent: a health check?",
		    (unsigned long long)s->s_id);
	s->s_probe = wd->wd_flags & WIRE_DONE_SILENT &&
	    number == ptConnectionReset && !s->s_service->se_conf->sv_client;
	session_end(s, number, NULL, reason, closing);
}

/* How a process ended that a signal has killed. */
void
session_death(const struct session *s, char *buf, size_t len)
{
	(void)snprintf(buf, len, "killed by signal %u (%s)%s", s->s_signal,
	    strsignal((int)s->s_signal), sandbox_death((int)s->s_signal,
	    session_state(s) == SECURETCP_CONNECTED ? SANDBOX_RELAY :
	    SANDBOX_SESSION));
}

/* The process ended before its connection did. */
static void
session_died(struct session *s)
{
	char	 reason[WIRE_REASON];

	if (!s->s_exited)
		(void)strlcpy(reason, s->s_spawner == NULL ?
		    "how is not known" : "its pipe ended and it did not "
		    "leave", sizeof(reason));
	else if (s->s_signal != 0)
		session_death(s, reason, sizeof(reason));
	else
		(void)snprintf(reason, sizeof(reason), "exit code %u",
		    s->s_code);
	session_end(s, ptError, "session terminated", reason, NULL);
}

void
session_fatal(struct session *s, const char *text)
{
	if (session_live(s)) {
		session_end(s, ptError, "session terminated", text, NULL);
		return;
	}
	log_warning("server \"%s\": idle session %llu: %s",
	    s->s_service->se_conf->sv_name, (unsigned long long)s->s_id,
	    text);
	pool_hold(s->s_service);
	session_dismiss(s);
}

/* What it dies of from here on is our doing. */
static void
session_kill(struct session *s)
{
	if (s->s_ordered || s->s_exited)
		return;
	s->s_ordered = 1;
	orphan_end(s);
	spawner_kill(s->s_spawner, s->s_id);
}

/* The pipe ended (NULL), or the session broke the rules. */
void
session_gone(struct child *c, const char *violation)
{
	struct session	*s = c->c_owner;
	enum phase	 lost;

	if (violation != NULL && session_live(s)) {
		session_kill(s);
		offence_crash(s, violation);
		session_end(s, ptError, "session terminated", violation,
		    NULL);
		return;
	}
	if (violation != NULL) {
		log_warning("server \"%s\": idle session %llu: %s",
		    s->s_service->se_conf->sv_name,
		    (unsigned long long)s->s_id, violation);
		session_kill(s);
	}
	if (s->s_phase == PHASE_STARTING || s->s_phase == PHASE_IDLE) {
		/* The next may do the same: no race is to come of it. */
		s->s_deserted = violation == NULL;
		pool_hold(s->s_service);
		session_dismiss(s);
		return;
	}
	if ((lost = phase_lost(s->s_phase)) == PHASE_NONE ||
	    session_enter(s, lost, NULL) == -1)
		return;
	request_drop(s);
	backend_cancel(s);
	session_close_plain(s);
	session_release(s);
	child_close(c);
	if (s->s_exited || s->s_spawner == NULL)
		session_died(s);
	else
		session_set_timer(s, DIED_SECONDS);
}

/* Its spawner has reaped it. */
void
session_exited(struct session *s, uint32_t signal, uint32_t code)
{
	s->s_exited = 1;
	s->s_signal = signal;
	s->s_code = code;
	if (signal != 0 && (!s->s_ordered || signal != SIGKILL))
		spawner_crash(s->s_spawner, s);
	else if (s->s_deserted)
		log_warning("server \"%s\": idle session %llu left: exit "
		    "code %u", s->s_service->se_conf->sv_name,
		    (unsigned long long)s->s_id, code);
	else if (code != 0 && !session_live(s))
		log_debug("session %llu: exit code %u",
		    (unsigned long long)s->s_id, code);
	switch (s->s_phase) {
	case PHASE_LOST:
	case PHASE_LOST_CONNECTED:
	case PHASE_LOST_CLOSING:
		session_died(s);
		break;
	case PHASE_ENDING:
	case PHASE_LEAVING:
		session_await(s);
		break;
	default:
		/* There may be a last word in the pipe: its end comes. */
		session_set_timer(s, DIED_SECONDS);
		break;
	}
}

/* Its spawner died: nobody will tell how its sessions ended. */
void
session_orphan(struct spawner *sp, pid_t pid)
{
	struct session	*s;

	RB_FOREACH(s, table, &table) {
		if (s->s_spawner != sp)
			continue;
		s->s_spawner = NULL;
		if (!s->s_exited && s->s_phase != PHASE_GONE)
			orphan_take(s, pid);
		switch (s->s_phase) {
		case PHASE_STARTING:
		case PHASE_IDLE:
			session_dismiss(s);
			break;
		case PHASE_LOST:
		case PHASE_LOST_CONNECTED:
		case PHASE_LOST_CLOSING:
			session_died(s);
			break;
		case PHASE_ENDING:
		case PHASE_LEAVING:
			/* One that was to be killed was not, perhaps. */
			session_await(s);
			break;
		default:
			break;
		}
	}
}

void
sessions_signer_lost(struct signer *sg, const char *reason)
{
	struct session	*s;

	RB_FOREACH(s, table, &table)
		if (s->s_signer == sg)
			session_fail(s, ptError, reason);
}

/* Its connection has ended, or it is not needed, and it does not leave. */
static void
session_lingers(struct session *s)
{
	if (s->s_kin == NULL) {
		log_warning("server \"%s\": session %llu did not leave: killed",
		    s->s_service->se_conf->sv_name,
		    (unsigned long long)s->s_id);
		session_kill(s);
		return;
	}
	orphan_end(s);
	if (s->s_phase == PHASE_LEAVING)
		session_collect(s);
}

static void
session_timer(int fd, short what, void *arg)
{
	struct session	*s = arg;
	struct server	*sv = s->s_service->se_conf;
	char		 reason[4 * WIRE_REASON], text[CLOCK_TEXT];

	(void)fd;
	(void)what;
	/* Dead, and its pipe does not end: somebody else holds its end. */
	if (s->s_exited) {
		if (session_live(s))
			session_died(s);
		else
			session_dismiss(s);
		return;
	}
	switch (s->s_phase) {
	case PHASE_TARGET:
		target_overdue(s, reason, sizeof(reason));
		session_fail(s, ptTimeout, reason);
		break;
	case PHASE_HEADER:
	case PHASE_HANDSHAKE:
		(void)snprintf(reason, sizeof(reason),
		    "handshake timer, %s%s", clock_seconds(sv->sv_handshake,
		    text, sizeof(text)), s->s_phase == PHASE_HEADER ?
		    ": no PROXY header has come" : "");
		session_fail(s, ptTimeout, reason);
		break;
	case PHASE_REFUSED:
		/* It does not go by itself. */
		session_fail(s, s->s_error, s->s_reason);
		break;
	case PHASE_BACKEND:
		target_overdue(s, reason, sizeof(reason));
		backend_cancel(s);
		session_refuse(s, ptTimeout, reason);
		break;
	case PHASE_CONNECTED:
	case PHASE_CLOSING:
		hold_look(s);
		break;
	case PHASE_LOST:
	case PHASE_LOST_CONNECTED:
	case PHASE_LOST_CLOSING:
		session_kill(s);
		session_died(s);
		break;
	case PHASE_ENDING:
	case PHASE_LEAVING:
		session_lingers(s);
		break;
	default:
		break;
	}
}

/* A connection that is not over ends: gracefully where it can. */
void
session_stop(struct session *s, const char *by)
{
	/* What ends it from here on is told as it comes. */
	if (s->s_phase == PHASE_CLOSING)
		return;
	if (s->s_phase != PHASE_CONNECTED) {
		session_fail(s, ptAbort, by);
		return;
	}
	if (session_enter(s, PHASE_CLOSING, by) == -1)
		return;
	if (child_send(&s->s_child, WIRE_CLOSE, -1, NULL, 0) == -1) {
		session_fail(s, ptAbort, by);
		return;
	}
	(void)hold_moved(&s->s_outer);
	(void)hold_moved(&s->s_inner);
	hold_watch(s);
}

/* Everything ends: gracefully, or now. */
void
sessions_stop(const char *by, int hard)
{
	struct session	*s;

	RB_FOREACH(s, table, &table) {
		if (!session_live(s))
			session_dismiss(s);
		else if (s->s_phase == PHASE_ENDING) {
			if (hard)
				execute_hurry(s);
		} else if (hard)
			session_fail(s, ptAbort, by);
		else
			session_stop(s, by);
	}
}

void
sessions_collect(void)
{
	struct session	*s;

	while ((s = TAILQ_FIRST(&collect)) != NULL) {
		TAILQ_REMOVE(&collect, s, s_entry);
		(void)RB_REMOVE(table, &table, s);
		if (s->s_spawner != NULL)
			spawner_release(s->s_spawner);
		orphan_release(s);
		if (s->s_source != NULL)
			source_release(s->s_source);
		free(s);
	}
}
