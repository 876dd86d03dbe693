/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The programs of "execute" statements, one for a session, from their start
 * to their end; the launcher, which runs them, and is there when some server
 * has such a statement; and what they say on their standard error.
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

#include "compat.h"
#include "procs.h"
#include "sandbox.h"
#include "securetcpd.h"

#define LAUNCHER_NOFILE	64

#define GRACE_SECONDS	1		/* to leave of its own, then TERM ... */
#define TERM_SECONDS	2		/* ... then KILL ... */
#define KILL_SECONDS	5		/* ... then it is not waited for */

#define ERRLOG_RATE	64		/* lines a second */
#define ERRLOG_LEFT	65536		/* bytes left by one that ended ... */
#define ERRLOG_SECONDS	10		/* ... and no longer than that */

static int		 execution_cmp(struct execution *, struct execution *);
static void		 execution_timer(int, short, void *);
static void		 execution_quiet(struct errlog *);
static void		 errlog_read(struct errlog *);
static void		 errlog_watch(struct errlog *);
static void		 errlog_close(struct errlog *);
static void		 launcher_run(struct generation *,
			    const struct wire_run *, int, int);
static void		 launcher_signal(enum wire_type,
			    const struct execution *);
static int		 launcher_load(struct proc *);
static const char	*launcher_message(struct proc *, struct imsg *);
static int		 launcher_lost(struct proc *, const char *);

static const struct proc_kind launcher_kind = {
	.pk_name = "launcher",
	.pk_program = "securetcp-launcher",
	.pk_role = WIRE_LAUNCHER,
	.pk_loading = SANDBOX_LAUNCHER,
	.pk_running = SANDBOX_LAUNCHER,
	.pk_shortage = COMPAT_SHORTAGE_USUAL,
	.pk_flags = WIRE_START_ROOT,
	.pk_executes = 1,
	.pk_patience = SILENT_SECONDS,
	.pk_load = launcher_load,
	.pk_message = launcher_message,
	.pk_lost = launcher_lost
};

RB_HEAD(executions, execution);
static struct executions executions = RB_INITIALIZER(&executions);
RB_PROTOTYPE(executions, execution, ex_node, execution_cmp);
RB_GENERATE(executions, execution, ex_node, execution_cmp)

/*
 * The standard error of a program goes into the log line by line.  A program
 * cannot fill the log: a line that is too long is cut into pieces, and after so
 * many in a second the rest waits in the pipe, and in the end the program with
 * it.
 */

/* Logs so many bytes and forgets so many. */
static void
errlog_put(struct errlog *el, size_t len, size_t taken)
{
	struct timeval	 tv = { 1, 0 };

	log_stderr(el, el->el_buf, len);
	el->el_len -= taken;
	memmove(el->el_buf, el->el_buf + taken, el->el_len);
	if (el->el_lines++ == 0)
		(void)evtimer_add(&el->el_timer, &tv);
}

/* True when more can be read, false when this second has had enough. */
static int
errlog_lines(struct errlog *el)
{
	const char	*newline;
	size_t		 len;

	while (el->el_lines < ERRLOG_RATE) {
		newline = memchr(el->el_buf, '\n', el->el_len);
		if (newline != NULL) {
			len = (size_t)(newline - el->el_buf);
			errlog_put(el, len, len + 1);
		} else if (el->el_len == sizeof(el->el_buf))
			errlog_put(el, ERRLOG_LINE, ERRLOG_LINE);
		else
			return (1);
	}
	return (0);
}

/* The last line may lack its newline. */
static void
errlog_end(struct errlog *el)
{
	if (el->el_len > 0)
		errlog_put(el, el->el_len, el->el_len);
	errlog_close(el);
	el->el_gone(el);
}

static void
errlog_read(struct errlog *el)
{
	size_t	 room;
	ssize_t	 n;

	while (errlog_lines(el)) {
		room = sizeof(el->el_buf) - el->el_len;
		if (el->el_ended && room > el->el_left)
			room = el->el_left;
		n = room == 0 ? 0 : read(el->el_fd, el->el_buf + el->el_len,
		    room);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN && !el->el_ended) {
			errlog_watch(el);
			return;
		}
		if (n <= 0) {
			errlog_end(el);
			return;
		}
		el->el_len += (size_t)n;
		if (el->el_ended)
			el->el_left -= (size_t)n;
	}
	/* errlog_second() goes on. */
	el->el_paused = 1;
}

static void
errlog_watch(struct errlog *el)
{
	if (!event_pending(&el->el_ev, EV_READ, NULL))
		(void)event_add(&el->el_ev, NULL);
}

static void
errlog_readable(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	errlog_read(arg);
}

static void
errlog_second(int fd, short what, void *arg)
{
	struct errlog	*el = arg;

	(void)fd;
	(void)what;
	el->el_lines = 0;
	if (!el->el_paused)
		return;
	/* The pipe costs a descriptor that no connection is counted for. */
	if (el->el_ended && ++el->el_seconds > ERRLOG_SECONDS) {
		log_stderr_cut(el);
		errlog_close(el);
		el->el_gone(el);
		return;
	}
	el->el_paused = 0;
	errlog_read(el);
}

/* The descriptor is non-blocking, and taken over. */
static void
errlog_init(struct errlog *el, int fd, const struct session *s,
    void (*gone)(struct errlog *))
{
	memset(el, 0, sizeof(*el));
	el->el_fd = fd;
	env->sd_fds++;
	el->el_session = s->s_id;
	(void)strlcpy(el->el_server, s->s_conf->sv_name,
	    sizeof(el->el_server));
	(void)strlcpy(el->el_from, s->s_from, sizeof(el->el_from));
	el->el_gone = gone;
	event_set(&el->el_ev, fd, EV_READ, errlog_readable, el);
	evtimer_set(&el->el_timer, errlog_second, el);
	errlog_watch(el);
}

/*
 * The program has ended: what is in the pipe is all there will be, whoever
 * may have got hold of its other end.
 */
static void
errlog_exited(struct errlog *el)
{
	if (el->el_fd == -1 || el->el_ended)
		return;
	el->el_ended = 1;
	el->el_left = ERRLOG_LEFT;
	(void)event_del(&el->el_ev);
	if (!el->el_paused)
		errlog_read(el);
}

static void
errlog_close(struct errlog *el)
{
	(void)evtimer_del(&el->el_timer);
	if (el->el_fd == -1)
		return;
	(void)event_del(&el->el_ev);
	(void)close(el->el_fd);
	el->el_fd = -1;
	env->sd_fds--;
}

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
	    ex->ex_errlog.el_fd == -1) {
		generation_release(ex->ex_generation);
		execution_free(ex);
	}
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
	    s->s_conf->sv_program->pr_argv[0], strerror(error));
	conn_refuse(s, securetcp_error_errno(error), reason);
}

/* Its session is established. */
void
execute_start(struct session *s)
{
	static struct wire_run	 wrn;
	struct execution	*ex;
	int			 conn[2], err[2];

	if (!launcher_ready(s->s_generation)) {
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
	wrn.wrn_index = s->s_conf->sv_program->pr_index;
	ex->ex_id = s->s_id;
	ex->ex_session = s;
	ex->ex_generation = generation_hold(s->s_generation);
	hold_init(&ex->ex_hold);
	evtimer_set(&ex->ex_timer, execution_timer, ex);
	errlog_init(&ex->ex_errlog, err[0], s, execution_quiet);
	(void)RB_INSERT(executions, &executions, ex);
	s->s_execution = ex;
	/* A launcher that does not take it goes, which ends this as well. */
	launcher_run(s->s_generation, &wrn, conn[1], err[1]);
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
	launcher_signal(WIRE_TERM, ex);
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
		/* The program has only a part: it must not see a clean end. */
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
		launcher_signal(WIRE_KILL, ex);
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
	 * The last lines are logged before the program's end, as far as that
	 * can be; the connection is still held here meanwhile.
	 */
	errlog_exited(&ex->ex_errlog);
	ex->ex_ended = 1;
	if (s == NULL)
		execution_release(ex);
	else if (s->s_phase == PHASE_ENDING)
		conn_closed(s);
}

/* Finds a program that the launcher may speak of: one that it runs. */
static struct execution *
execution_of(const struct proc *p, uint64_t id)
{
	struct execution	*ex;

	if ((ex = execution_find(id)) == NULL || ex->ex_ended ||
	    ex->ex_generation != p->p_owner)
		return (NULL);
	return (ex);
}

static int
execute_exited(const struct proc *p, const struct wire_exited *we)
{
	struct execution	*ex;

	if ((ex = execution_of(p, we->we_session)) == NULL)
		return (-1);
	ex->ex_told = 1;
	ex->ex_signal = we->we_signal;
	ex->ex_code = we->we_code;
	execution_end(ex);
	return (0);
}

static int
execute_unforked(const struct proc *p, uint64_t id, int error)
{
	struct execution	*ex;
	struct session		*s;
	char			 reason[WIRE_REASON];

	if ((ex = execution_of(p, id)) == NULL)
		return (-1);
	s = ex->ex_session;
	if (s == NULL || s->s_phase == PHASE_ENDING) {
		execution_end(ex);
		return (0);
	}
	(void)snprintf(reason, sizeof(reason), "execute %s: it cannot be "
	    "forked: %s", s->s_conf->sv_program->pr_argv[0],
	    strerror(error));
	/* The failure releases the session; the end of its pipe comes. */
	ex->ex_ended = 1;
	conn_fail(s, securetcp_error_errno(error), reason);
	return (0);
}

/*
 * The launcher has gone, and with it all knowledge of them: how many?  Where
 * the system does not kill them with it, the end of their connections is
 * what tells them.
 */
static unsigned int
execute_lost(const struct generation *gn)
{
	struct execution	*ex, *next;
	struct session		*s;
	unsigned int		 n = 0;

	RB_FOREACH_SAFE(ex, executions, &executions, next) {
		if (ex->ex_ended || ex->ex_generation != gn)
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

static int
launcher_needed(const struct conf *cf)
{
	const struct server	*sv;

	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry)
		if (sv->sv_program != NULL)
			return (1);
	return (0);
}

static unsigned int
launcher_nofile(const struct conf *cf)
{
	const struct server	*sv;
	unsigned int		 n = LAUNCHER_NOFILE;

	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry)
		if (sv->sv_program != NULL)
			n += PROCS_DESCRIPTORS * sv->sv_max;
	return (n < env->sd_nofile ? n : env->sd_nofile);
}

static int
launcher_program(struct child *c, const struct program *pr)
{
	static struct wire_program	 wp;
	uint32_t			 gid;
	size_t				 len;
	unsigned int			 i, shift;

	memset(&wp, 0, sizeof(wp));
	wp.wp_index = pr->pr_index;
	wp.wp_uid = pr->pr_uid;
	wp.wp_gid = pr->pr_gid;
	for (i = 0; i < pr->pr_ngroups; i++) {
		gid = pr->pr_groups[i];
		for (shift = 32; shift > 0; shift -= 8)
			wp.wp_groups[wp.wp_groups_len++] =
			    (uint8_t)(gid >> (shift - 8));
	}
	(void)strlcpy(wp.wp_path, pr->pr_argv[0], sizeof(wp.wp_path));
	for (i = 0; i < pr->pr_argc; i++) {
		len = strlen(pr->pr_argv[i]) + 1;
		if (len > sizeof(wp.wp_arguments) - wp.wp_arguments_len) {
			errno = E2BIG;
			return (-1);
		}
		memcpy(wp.wp_arguments + wp.wp_arguments_len, pr->pr_argv[i],
		    len);
		wp.wp_arguments_len += len;
	}
	return (child_send(c, WIRE_PROGRAM, -1, &wp, sizeof(wp)));
}

static int
launcher_load(struct proc *p)
{
	const struct generation	*gn = p->p_owner;
	struct server		*sv;

	if (proc_begin(p, getuid(), getgid(), launcher_nofile(gn->gn_conf)) ==
	    -1)
		return (-1);
	TAILQ_FOREACH(sv, &gn->gn_conf->cf_servers, sv_entry)
		if (sv->sv_program != NULL &&
		    launcher_program(&p->p_child, sv->sv_program) == -1)
			return (-1);
	return (child_send(&p->p_child, WIRE_PROGRAM_END, -1, NULL, 0));
}

void
launcher_start(struct generation *gn)
{
	if (!launcher_needed(gn->gn_conf))
		return;
	gn->gn_launches = 1;
	proc_post(&gn->gn_launcher, &launcher_kind, gn, "", "launcher");
	gn->gn_launcher.po_generation = gn;
	(void)proc_start(&gn->gn_launcher, gn);
}

int
launcher_ready(const struct generation *gn)
{
	return (!gn->gn_launches || proc_usable(gn->gn_launcher.po_proc));
}

static const char *
launcher_message(struct proc *p, struct imsg *imsg)
{
	static const char	 unknown[] =
	    "speaks of a program that does not run";
	struct wire_unforked	 wf;
	struct wire_exited	 we;

	switch (imsg_get_type(imsg)) {
	case WIRE_TAKEN:
		if (wire_parse(imsg, NULL, 0) == -1)
			break;
		if (p->p_owed == 0)
			return ("an answer to what it was not asked");
		proc_answered(p);
		return (NULL);
	case WIRE_UNFORKED:
		if (wire_parse(imsg, &wf, sizeof(wf)) == -1)
			break;
		return (execute_unforked(p, wf.wf_session,
		    (int)wf.wf_errno) == -1 ? unknown : NULL);
	case WIRE_EXITED:
		if (wire_parse(imsg, &we, sizeof(we)) == -1)
			break;
		return (execute_exited(p, &we) == -1 ? unknown : NULL);
	}
	return ("malformed message");
}

static int
launcher_lost(struct proc *p, const char *reason)
{
	unsigned int	 lost;

	lost = execute_lost(p->p_owner);
	if (generation_tried(p->p_owner) || env->sd_stopping)
		return (0);
	log_warning("%s; it is replaced; %u program%s lost", reason, lost,
	    lost == 1 ? "" : "s");
	return (1);
}

/* Takes both descriptors. */
static void
launcher_run(struct generation *gn, const struct wire_run *wrn, int fd,
    int errfd)
{
	struct proc	*p = gn->gn_launcher.po_proc;
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = wrn->wrn_session;
	proc_used(p);
	if (child_send(&p->p_child, WIRE_STDERR, errfd, &wx,
	    sizeof(wx)) != -1) {
		if (child_send(&p->p_child, WIRE_RUN, fd, wrn,
		    sizeof(*wrn)) != -1) {
			proc_asked(p);
			return;
		}
	} else
		(void)close(fd);
	/* Messages sent cannot be taken back. */
	proc_kill(p, "does not take its orders");
}

static void
launcher_signal(enum wire_type type, const struct execution *ex)
{
	proc_order(ex->ex_generation->gn_launcher.po_proc, type, ex->ex_id);
}

void
launcher_stop(struct generation *gn)
{
	if (gn->gn_launches)
		proc_stop(&gn->gn_launcher);
}
