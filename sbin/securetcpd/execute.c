/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The programs of "execute" statements at work, one for a session.  The
 * launcher has them; here is what goes to and comes from each, and how it is
 * made to end when its connection has.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "sandbox.h"
#include "securetcpd.h"

#define GRACE_SECONDS	1		/* to leave of its own, then TERM ... */
#define TERM_SECONDS	2		/* ... then KILL ... */
#define KILL_SECONDS	5		/* ... then it is not waited for */

RB_HEAD(executions, execution);
static struct executions executions = RB_INITIALIZER(&executions);

static int	 execution_cmp(struct execution *, struct execution *);
static void	 execution_timer(int, short, void *);
static void	 execution_quiet(struct errlog *);

RB_PROTOTYPE(executions, execution, ex_node, execution_cmp);
RB_GENERATE(executions, execution, ex_node, execution_cmp)

static int
execution_cmp(struct execution *a, struct execution *b)
{
	if (a->ex_id == b->ex_id)
		return (0);
	return (a->ex_id < b->ex_id ? -1 : 1);
}

static struct execution *
execution_find(uint64_t id)
{
	struct execution	 key;

	key.ex_id = id;
	return (RB_FIND(executions, &executions, &key));
}

static void
execution_set_timer(struct execution *ex, unsigned int seconds)
{
	struct timeval	 tv = { 0, 0 };

	tv.tv_sec = seconds;
	(void)evtimer_add(&ex->ex_timer, &tv);
}

static void
execution_free(struct execution *ex)
{
	(void)RB_REMOVE(executions, &executions, ex);
	(void)evtimer_del(&ex->ex_timer);
	hold_release(&ex->ex_hold);
	errlog_close(&ex->ex_errlog);
	free(ex);
}

/* Forgotten when nothing is left to be told of it, or by it. */
static void
execution_release(struct execution *ex)
{
	if (ex->ex_session == NULL && ex->ex_ended &&
	    ex->ex_errlog.el_fd == -1)
		execution_free(ex);
}

static void
execution_quiet(struct errlog *el)
{
	execution_release((struct execution *)(void *)((char *)el -
	    offsetof(struct execution, ex_errlog)));
}

/* The program's ends block, as it expects; ours do not. */
static int
execution_pipes(int conn[2], int err[2])
{
	int	 error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) == -1)
		return (-1);
	if (pipe2(err, O_CLOEXEC) == -1)
		goto fail;
	if (fcntl(conn[0], F_SETFL, O_NONBLOCK) != -1 &&
	    fcntl(err[0], F_SETFL, O_NONBLOCK) != -1 &&
	    sandbox_rights(conn[0], SANDBOX_USE_SOCKET) != -1)
		return (0);
	error = errno;
	(void)close(err[0]);
	(void)close(err[1]);
	errno = error;
 fail:
	error = errno;
	(void)close(conn[0]);
	(void)close(conn[1]);
	errno = error;
	return (-1);
}

static void
execution_failed(struct session *s, int error)
{
	char	 reason[WIRE_REASON];

	(void)snprintf(reason, sizeof(reason), "execute %s: %s",
	    s->s_service->se_conf->sv_program->pr_argv[0], strerror(error));
	conn_refuse(s, securetcp_error_errno(error), reason);
}

/* Its session is established. */
void
execute_start(struct session *s)
{
	static struct wire_run	 wrn;
	struct execution	*ex;
	int			 conn[2], err[2];

	if (!launcher_ready()) {
		conn_refuse(s, ptError, "no launcher is ready");
		return;
	}
	if (environment_make(&wrn, s->s_id, &s->s_local, &s->s_peer,
	    s->s_facts) == -1) {
		session_gone(&s->s_child, "violation: ESTABLISHED with more "
		    "than a certificate can say");
		return;
	}
	if ((ex = calloc(1, sizeof(*ex))) == NULL ||
	    execution_pipes(conn, err) == -1) {
		execution_failed(s, errno);
		free(ex);
		return;
	}
	wrn.wrn_session = s->s_id;
	wrn.wrn_index = s->s_service->se_conf->sv_program->pr_index;
	ex->ex_id = s->s_id;
	ex->ex_session = s;
	hold_init(&ex->ex_hold);
	evtimer_set(&ex->ex_timer, execution_timer, ex);
	errlog_init(&ex->ex_errlog, err[0], s, execution_quiet);
	(void)RB_INSERT(executions, &executions, ex);
	s->s_execution = ex;
	/* A launcher that does not take it goes, which ends this as well. */
	launcher_run(&wrn, conn[1], err[1]);
	conn_accept(s, conn[0]);
}

/* The session lets go of it, told or not how it ended. */
void
execute_release(struct session *s)
{
	struct execution	*ex = s->s_execution;

	if (ex == NULL)
		return;
	s->s_execution = NULL;
	ex->ex_session = NULL;
	execution_release(ex);
}

static void
execution_term(struct execution *ex)
{
	ex->ex_stage = EXECUTION_TERM;
	launcher_signal(WIRE_TERM, ex->ex_id);
	execution_set_timer(ex, TERM_SECONDS);
}

/*
 * The connection is over.  Returns true when the program is not, which has a
 * moment to see it if nothing has gone wrong.
 */
int
execute_finish(struct session *s, int hard)
{
	struct execution	*ex = s->s_execution;

	if (ex == NULL || ex->ex_ended)
		return (0);
	if (hard) {
		/* What it got is a part, and no end of it may tell otherwise. */
		ex->ex_hold = s->s_inner;
		hold_init(&s->s_inner);
		execution_term(ex);
	}
	else {
		ex->ex_stage = EXECUTION_GRACE;
		execution_set_timer(ex, GRACE_SECONDS);
	}
	return (1);
}

/* No more patience. */
void
execute_hurry(struct session *s)
{
	if (s->s_execution->ex_stage == EXECUTION_GRACE)
		execution_term(s->s_execution);
}

static void
execution_timer(int fd, short what, void *arg)
{
	struct execution	*ex = arg;

	(void)fd;
	(void)what;
	switch (ex->ex_stage) {
	case EXECUTION_RUNNING:
		break;
	case EXECUTION_GRACE:
		execution_term(ex);
		break;
	case EXECUTION_TERM:
		ex->ex_stage = EXECUTION_KILL;
		launcher_signal(WIRE_KILL, ex->ex_id);
		execution_set_timer(ex, KILL_SECONDS);
		break;
	case EXECUTION_KILL:
		log_server(ex->ex_session->s_service, "a program was killed "
		    "and does not end: not waited for");
		errlog_exited(&ex->ex_errlog);
		conn_closed(ex->ex_session);
		break;
	}
}

/* Nothing more will be heard of it from the launcher. */
static void
execution_end(struct execution *ex)
{
	struct session	*s = ex->ex_session;

	(void)evtimer_del(&ex->ex_timer);
	hold_release(&ex->ex_hold);
	/*
	 * What it said last comes before its end, as far as that can be; it
	 * is still held here meanwhile.
	 */
	errlog_exited(&ex->ex_errlog);
	ex->ex_ended = 1;
	if (s == NULL)
		execution_release(ex);
	else if (s->s_phase == PHASE_ENDING)
		conn_closed(s);
}

/* -1: there is no program of that session, or it has ended before. */
int
execute_exited(const struct wire_exited *we)
{
	struct execution	*ex;

	if ((ex = execution_find(we->we_session)) == NULL || ex->ex_ended)
		return (-1);
	ex->ex_told = 1;
	ex->ex_signal = we->we_signal;
	ex->ex_code = we->we_code;
	execution_end(ex);
	return (0);
}

int
execute_unforked(uint64_t id, int error)
{
	struct execution	*ex;
	struct session		*s;
	char			 reason[WIRE_REASON];

	if ((ex = execution_find(id)) == NULL || ex->ex_ended)
		return (-1);
	s = ex->ex_session;
	if (s == NULL || s->s_phase == PHASE_ENDING) {
		execution_end(ex);
		return (0);
	}
	(void)snprintf(reason, sizeof(reason), "execute %s: it cannot be "
	    "forked: %s", s->s_service->se_conf->sv_program->pr_argv[0],
	    strerror(error));
	/* That lets go of it; its pipe's end comes. */
	ex->ex_ended = 1;
	conn_fail(s, securetcp_error_errno(error), reason);
	return (0);
}

/*
 * The launcher has gone, and with it all knowledge of them: how many?  Where
 * the system does not kill them with it, the end of their connections is
 * what tells them.
 */
unsigned int
execute_lost(void)
{
	struct execution	*ex, *next;
	struct session		*s;
	unsigned int		 n = 0;

	RB_FOREACH_SAFE(ex, executions, &executions, next) {
		if (ex->ex_ended)
			continue;
		n++;
		s = ex->ex_session;
		execution_end(ex);
		if (s != NULL && session_live(s))
			conn_stop(s, "the launcher terminated");
	}
	return (n);
}

void
execute_stop(void)
{
	struct execution	*ex;

	while ((ex = RB_MIN(executions, &executions)) != NULL)
		execution_free(ex);
}
