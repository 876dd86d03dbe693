/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The connection table: sessions and their processes.  A session is made by
 * session_fork(), has at most one connection (connection.c), and is collected
 * when its process is gone.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox.h"
#include "securetcpd.h"

#define DIED_SECONDS	1		/* a spawner's time to say how */

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

/* The next one by number. */
struct session *
session_after(uint64_t id)
{
	struct session	 key;

	key.s_id = id + 1;
	return (RB_NFIND(table, &table, &key));
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
		    s->s_conf->sv_name,
		    (unsigned long long)s->s_id, phase_name(next),
		    phase_name(was));
		session_kill(s);
		return (-1);
	}
	if (was == PHASE_STARTING)
		s->s_service->se_starting--;
	else if (was == PHASE_IDLE)
		pool_forget(s);
	else if (phase_pending(was) && !phase_pending(next)) {
		pending_remove(&s->s_place);
		s->s_generation->gn_handshakes--;
	}
	if (!phase_pending(was) && phase_pending(next))
		s->s_generation->gn_handshakes++;
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

static void
session_free(struct session *s)
{
	s->s_service->se_sessions--;
	generation_release(s->s_generation);
	free(s);
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
	s->s_service->se_sessions++;
	s->s_conf = sp->sp_edition->ed_conf;
	s->s_generation = generation_hold(sp->sp_edition->ed_generation);
	s->s_spawner = sp;
	s->s_backend = s->s_plain = -1;
	hold_init(&s->s_outer);
	hold_init(&s->s_inner);
	evtimer_set(&s->s_timer, session_timer, s);
	child_init(&s->s_child, sv[0], WIRE_SESSION, WIRE_RUNNING, s);
	s->s_child.c_check = session_check;
	s->s_child.c_message = conn_message;
	s->s_child.c_gone = session_gone;
	if (spawner_fork(sp, s->s_id, sv[1]) == -1) {
		child_close(&s->s_child);
		session_free(s);
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
void
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
int
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

/* Its pipe has ended without a word, before its connection did. */
static int
session_lost(const struct session *s)
{
	return (s->s_phase == PHASE_LOST ||
	    s->s_phase == PHASE_LOST_CONNECTED ||
	    s->s_phase == PHASE_LOST_CLOSING);
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
	conn_terminated(s, reason);
}

static void
session_warn(const struct session *s, const char *text)
{
	log_warning("server \"%s\": idle session %llu: %s",
	    s->s_conf->sv_name, (unsigned long long)s->s_id,
	    text);
}

/* The session cannot go on, and says why: more than its exit code will. */
void
session_fatal(struct session *s, const char *text)
{
	if (session_live(s)) {
		conn_terminated(s, text);
		return;
	}
	session_warn(s, text);
	pool_hold(s->s_service);
	session_dismiss(s);
}

/* From here on its death is the parent's doing. */
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
		conn_terminated(s, violation);
		return;
	}
	if (violation != NULL) {
		session_warn(s, violation);
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
	conn_lost(s);
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
		    "code %u", s->s_conf->sv_name,
		    (unsigned long long)s->s_id, code);
	else if (code != 0 && !session_live(s))
		log_debug("session %llu: exit code %u",
		    (unsigned long long)s->s_id, code);
	if (session_lost(s))
		session_died(s);
	else if (s->s_phase == PHASE_ENDING || s->s_phase == PHASE_LEAVING)
		session_await(s);
	else
		/* The pipe may hold a last word: its end comes. */
		session_set_timer(s, DIED_SECONDS);
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
		if (session_lost(s))
			session_died(s);
		else if (s->s_phase == PHASE_ENDING ||
		    s->s_phase == PHASE_LEAVING)
			/* A session that was to be killed may not have been. */
			session_await(s);
		else
			session_dismiss(s);
	}
}

void
sessions_signer_lost(struct signer *sg, const char *reason)
{
	struct session	*s;

	RB_FOREACH(s, table, &table)
		if (s->s_signer == sg)
			conn_fail(s, ptError, reason);
}

/* Its connection has ended, or it is not needed, and it does not leave. */
static void
session_lingers(struct session *s)
{
	if (s->s_kin == NULL) {
		log_warning("server \"%s\": session %llu did not leave: killed",
		    s->s_conf->sv_name,
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
	if (session_lost(s)) {
		session_kill(s);
		session_died(s);
	} else if (s->s_phase == PHASE_ENDING || s->s_phase == PHASE_LEAVING)
		session_lingers(s);
	else
		conn_overdue(s);
}

/* Its connections are counted for the backends that the block has now. */
void
sessions_recount(struct service *se)
{
	struct session	*s;

	RB_FOREACH(s, table, &table) {
		if (s->s_service != se || s->s_counted == NULL)
			continue;
		s->s_counted->ba_live--;
		s->s_counted = service_backend(se->se_conf,
		    s->s_counted->ba_name);
		if (s->s_counted != NULL)
			s->s_counted->ba_live++;
	}
}

/* Sessions of a generation have had their time. */
void
sessions_dismiss(struct generation *gn, const char *by)
{
	struct session	*s;

	RB_FOREACH(s, table, &table)
		if (s->s_generation == gn && session_live(s) &&
		    s->s_phase != PHASE_ENDING)
			conn_stop(s, by);
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
			conn_fail(s, ptAbort, by);
		else
			conn_stop(s, by);
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
		session_free(s);
	}
}
