/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The programs of libexec: a post is filled by a process of its kind, and again
 * when that one dies, later each time if it was of no use.  The differences
 * between the kinds are in their rows (struct proc_kind), in checker.c,
 * program.c, resolver.c, signer.c and spawner.c.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "sandbox.h"
#include "securetcpd.h"

#define PROC_NOEXEC	127		/* as a shell has it */

static struct procs	 procs = TAILQ_HEAD_INITIALIZER(procs);

static void	 proc_gone(struct child *, const char *);

/* Helpers that die before they were of any use start ever more slowly. */
static void
proc_later(struct post *po)
{
	struct timeval	 tv = { 0, 0 };

	tv.tv_sec = po->po_failures > PROC_BACKOFF ? PROC_BACKOFF :
	    po->po_failures;
	(void)evtimer_add(&po->po_retry, &tv);
}

static void
proc_retry(int fd, short what, void *arg)
{
	struct post	*po = arg;

	(void)fd;
	(void)what;
	if (po->po_kind->pk_start != NULL)
		po->po_kind->pk_start(po);
	else
		(void)proc_start(po, po->po_owner);
}

/*
 * Sets a post up: of that kind, with a title if there may be several, and a
 * name in words.
 */
void
proc_post(struct post *po, const struct proc_kind *pk, void *owner,
    const char *title, const char *fmt, ...)
{
	va_list	 ap;

	memset(po, 0, sizeof(*po));
	po->po_kind = pk;
	po->po_owner = owner;
	(void)strlcpy(po->po_title, title, sizeof(po->po_title));
	va_start(ap, fmt);
	(void)vsnprintf(po->po_name, sizeof(po->po_name), fmt, ap);
	va_end(ap);
	evtimer_set(&po->po_retry, proc_retry, po);
}

/* Is it part of what is tried, so that it is not replaced? */
static int
proc_tried(const struct post *po)
{
	return (!env->sd_started || (po->po_generation != NULL &&
	    generation_tried(po->po_generation)));
}

/* And so it is of no use. */
static void
proc_useless(const struct post *po, const char *why)
{
	if (po->po_generation != NULL)
		generation_failed(po->po_generation, why);
	else
		daemon_fail("%s", why);
}

/* The post cannot be filled now; errno says why. */
void
proc_failed(struct post *po)
{
	const char	*why = strerror(errno);
	char		 text[PATH_MAX + 2 * WIRE_REASON];

	if (proc_tried(po)) {
		(void)snprintf(text, sizeof(text), "%s (%s in %s): %s",
		    po->po_name, po->po_kind->pk_program, env->sd_libexec,
		    why);
		proc_useless(po, text);
		return;
	}
	log_warning("%s cannot be started: %s", po->po_name, why);
	po->po_failures++;
	proc_later(po);
}

/*
 * In the child: descriptor 3 and nothing else.  The environment is empty but
 * for room: where setproctitle(3) writes over it, a title needs some.
 */
__attribute__((__noreturn__))
static void
proc_run(const struct proc_kind *pk, const char *path, int fd)
{
	char	 room[128], *argv[2], *envp[2] = { room, NULL };

	/*
	 * The directory that most helpers are locked into; it may be descriptor
	 * 3.
	 */
	if (env->sd_chrootfd != -1 && fchdir(env->sd_chrootfd) == -1)
		_exit(PROC_NOEXEC);
	if (fd == WIRE_FD) {
		if (fcntl(fd, F_SETFD, 0) == -1)
			_exit(PROC_NOEXEC);
	} else if (dup2(fd, WIRE_FD) == -1)
		_exit(PROC_NOEXEC);
	closefrom(WIRE_FD + 1);
	if (pk->pk_leads && compat_lead() == -1)
		_exit(PROC_NOEXEC);
	/* Best effort: the parent has logged why it cannot be, if so. */
	(void)compat_shortage(pk->pk_shortage);
	/* Its programs are not to have our limits, nor a helper's. */
	if (!pk->pk_executes)
		compat_nowx();
	else if (limits_original() == -1)
		_exit(PROC_NOEXEC);
	if ((argv[0] = strdup(pk->pk_program)) == NULL)
		_exit(PROC_NOEXEC);
	argv[1] = NULL;
	memset(room, '-', sizeof(room) - 1);
	room[sizeof(room) - 1] = '\0';
	memcpy(room, "TITLE=", 6);
	(void)execve(path, argv, envp);
	_exit(PROC_NOEXEC);
}

static void
proc_leave(struct proc *p)
{
	clock_after(&p->p_timer, LEAVE_SECONDS * 1000LL);
}

/*
 * Still loading after START_SECONDS, or still there LEAVE_SECONDS after its
 * pipe ended: something is badly wrong with it.
 */
static void
proc_late(int fd, short what, void *arg)
{
	struct proc	*p = arg;

	(void)fd;
	(void)what;
	if (p->p_child.c_fd != -1) {
		/* Dead, but somebody else holds its end. */
		proc_gone(&p->p_child, p->p_ended ? NULL :
		    "not ready in time");
		return;
	}
	if (p->p_ended)
		return;
	if (p->p_fatal[0] == '\0')
		(void)strlcpy(p->p_fatal, "its pipe ended and it did not "
		    "leave", sizeof(p->p_fatal));
	(void)kill(p->p_pid, SIGKILL);
}

/*
 * Outstanding work, and not a word for so long: it hangs.  Time in which the
 * parent itself was away does not count.
 */
static void
proc_silent(int fd, short what, void *arg)
{
	struct proc	*p = arg;
	int64_t		 left, since = p->p_child.c_heard;

	(void)fd;
	(void)what;
	if (p->p_child.c_fd == -1)
		return;
	if (clock_late() > since)
		since = clock_late();
	left = since + p->p_kind->pk_patience * 1000LL - clock_now();
	if (left <= 0) {
		proc_kill(p, "does not answer");
		return;
	}
	clock_after(&p->p_silent, left);
}

/* The helper owes one answer more. */
void
proc_asked(struct proc *p)
{
	if (p->p_owed++ > 0)
		return;
	p->p_child.c_heard = clock_now();
	clock_after(&p->p_silent, p->p_kind->pk_patience * 1000LL);
}

void
proc_answered(struct proc *p)
{
	if (--p->p_owed == 0)
		(void)evtimer_del(&p->p_silent);
}

/* If it dies now another one takes its place at once. */
void
proc_used(struct proc *p)
{
	p->p_used = 1;
	p->p_post->po_failures = 0;
}

/* Ready, and not dead as far as is known.  NULL: the post is empty. */
int
proc_usable(const struct proc *p)
{
	return (p != NULL && p->p_child.c_state == WIRE_RUNNING &&
	    p->p_child.c_fd != -1);
}

/* Fork and exec: its pid, and the parent's end of its pipe; -1 with errno. */
static pid_t
proc_exec(const struct proc_kind *pk, int *fd)
{
	pid_t	 pid;
	char	 path[PATH_MAX];
	int	 error, n, sv[2];

	if (env->sd_built)
		n = snprintf(path, sizeof(path), "%s/%s/%s", env->sd_libexec,
		    pk->pk_program, pk->pk_program);
	else
		n = snprintf(path, sizeof(path), "%s/%s", env->sd_libexec,
		    pk->pk_program);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	/* Later the child finds out: a program may be far, and we not wait. */
	if (!env->sd_started && access(path, X_OK) == -1)
		return (-1);
	if (child_pair(sv) == -1)
		return (-1);
	if ((pid = fork()) == 0)
		proc_run(pk, path, sv[1]);
	error = errno;
	(void)close(sv[1]);
	if (pid == -1)
		(void)close(sv[0]);
	errno = error;
	*fd = sv[0];
	return (pid);
}

/* FATAL: its last word, and why it goes. */
static void
proc_explain(struct proc *p, struct imsg *imsg)
{
	struct wire_text	 wt;

	if (wire_parse(imsg, &wt, sizeof(wt)) == -1)
		proc_kill(p, "violation: malformed FATAL");
	else
		proc_kill(p, wt.wt_text);
}

static const char *
proc_ready(struct proc *p, struct imsg *imsg)
{
	const struct proc_kind	*pk = p->p_kind;
	struct wire_ready	 wr;
	const char		*why;

	if (wire_parse(imsg, &wr, sizeof(wr)) == -1)
		return ("malformed READY");
	if (pk->pk_fit != NULL && (why = pk->pk_fit(p)) != NULL)
		return (why);
	/* Its owner knows already why it must not serve. */
	if (p->p_fatal[0] != '\0') {
		proc_kill(p, p->p_fatal);
		return (NULL);
	}
	(void)evtimer_del(&p->p_timer);
	p->p_child.c_state = WIRE_RUNNING;
	(void)strlcpy(p->p_sandbox, wr.wr_sandbox, sizeof(p->p_sandbox));
	log_process(pk->pk_name, p->p_post->po_title, p->p_pid,
	    wr.wr_sandbox);
	/* A launcher's would be its programs' too: that is no surprise. */
	if (strcmp(wr.wr_sandbox, "none") == 0 && !pk->pk_executes)
		log_warning("%s %s runs WITHOUT a sandbox: this kernel has "
		    "none and the configuration says optional", pk->pk_name,
		    p->p_post->po_title);
	if (pk->pk_ready != NULL)
		pk->pk_ready(p);
	started_check();
	return (NULL);
}

static void
proc_message(struct child *c, struct imsg *imsg)
{
	struct proc	*p = c->c_owner;
	const char	*why;
	char		 text[WIRE_REASON];

	switch (imsg_get_type(imsg)) {
	case WIRE_READY:
		why = proc_ready(p, imsg);
		break;
	case WIRE_FATAL:
		proc_explain(p, imsg);
		return;
	default:
		why = p->p_kind->pk_message(p, imsg);
		break;
	}
	if (why == NULL)
		return;
	(void)snprintf(text, sizeof(text), "violation: %s", why);
	proc_kill(p, text);
}

/*
 * Fills the post; the owner of the process may be another than the post's.
 * NULL: there will be another try, and the log has why.
 */
struct proc *
proc_start(struct post *po, void *owner)
{
	const struct proc_kind	*pk = po->po_kind;
	struct proc		*p;
	char			 text[WIRE_REASON];
	int			 error, fd;

	(void)evtimer_del(&po->po_retry);
	if ((p = calloc(1, sizeof(*p))) == NULL) {
		proc_failed(po);
		return (NULL);
	}
	if ((p->p_pid = proc_exec(pk, &fd)) == -1) {
		error = errno;
		free(p);
		errno = error;
		proc_failed(po);
		return (NULL);
	}
	p->p_kind = pk;
	p->p_post = po;
	p->p_owner = owner;
	child_init(&p->p_child, fd, pk->pk_role, WIRE_LOADING, p);
	p->p_child.c_gone = proc_gone;
	p->p_child.c_message = proc_message;
	evtimer_set(&p->p_timer, proc_late, p);
	evtimer_set(&p->p_silent, proc_silent, p);
	clock_after(&p->p_timer, START_SECONDS * 1000LL);
	TAILQ_INSERT_TAIL(&procs, p, p_entry);
	po->po_proc = p;
	if (pk->pk_load(p) == -1) {
		(void)snprintf(text, sizeof(text), "cannot be set up: %s",
		    strerror(errno));
		proc_kill(p, text);
	}
	return (p);
}

/* START, which tells it who to be. */
int
proc_begin(struct proc *p, uid_t uid, gid_t gid, unsigned int nofile)
{
	const struct proc_kind	*pk = p->p_kind;
	const struct generation	*gn = p->p_post->po_generation;
	const struct conf	*cf = gn == NULL ? env->sd_conf : gn->gn_conf;
	struct wire_start	 ws;

	memset(&ws, 0, sizeof(ws));
	ws.ws_uid = uid;
	ws.ws_gid = gid;
	ws.ws_nofile = nofile;
	/* Where there is only one its name says it all. */
	if (p->p_post->po_title[0] != '\0')
		(void)snprintf(ws.ws_title, sizeof(ws.ws_title),
		    "securetcp-%s: %.*s", pk->pk_name, WIRE_NAME - 24,
		    p->p_post->po_title);
	ws.ws_flags = pk->pk_flags;
	if (cf->cf_sandbox_optional)
		ws.ws_flags |= WIRE_START_OPTIONAL;
	if (env->sd_drop && !(pk->pk_flags & WIRE_START_ROOT))
		ws.ws_flags |= WIRE_START_DROP;
	return (child_send(&p->p_child, WIRE_START, -1, &ws, sizeof(ws)));
}

/*
 * Its pipe ended or it broke the rules.  Its owner learns why after the process
 * is gone for certain, so that the message can say how.
 */
static void
proc_gone(struct child *c, const char *reason)
{
	struct proc	*p = c->c_owner;

	(void)evtimer_del(&p->p_timer);
	(void)evtimer_del(&p->p_silent);
	child_close(c);
	if (reason == NULL) {
		proc_leave(p);
		return;
	}
	/* Asked to go for several reasons at once: the first is the cause. */
	if (p->p_fatal[0] == '\0')
		(void)strlcpy(p->p_fatal, reason, sizeof(p->p_fatal));
	if (!p->p_ended)
		(void)kill(p->p_pid, SIGKILL);
}

/* Ends a helper, for that reason. */
void
proc_kill(struct proc *p, const char *reason)
{
	proc_gone(&p->p_child, reason);
}

/* An order that concerns that session, which is to be answered. */
void
proc_order(struct proc *p, enum wire_type type, uint64_t session)
{
	struct wire_id	 wx;

	if (!proc_usable(p))
		return;
	memset(&wx, 0, sizeof(wx));
	wx.wx_session = session;
	if (child_send(&p->p_child, type, -1, &wx, sizeof(wx)) == -1)
		proc_kill(p, "does not take its orders");
	else
		proc_asked(p);
}

/* Its owner lets go: the process leaves when its pipe ends. */
void
proc_close(struct proc *p)
{
	if (p->p_post->po_proc == p)
		p->p_post->po_proc = NULL;
	p->p_post = NULL;
	(void)evtimer_del(&p->p_silent);
	child_close(&p->p_child);
	proc_leave(p);
}

/* The post is not filled any more. */
void
proc_stop(struct post *po)
{
	(void)evtimer_del(&po->po_retry);
	if (po->po_proc != NULL)
		proc_close(po->po_proc);
}

static const char *
proc_death(const struct proc *p, char *buf, size_t len)
{
	const struct proc_kind	*pk = p->p_kind;

	if (p->p_fatal[0] != '\0')
		(void)strlcpy(buf, p->p_fatal, len);
	else if (p->p_signal != 0)
		(void)snprintf(buf, len, "killed by signal %d (%s)%s",
		    p->p_signal, strsignal(p->p_signal),
		    sandbox_death(p->p_signal,
		    p->p_child.c_state == WIRE_LOADING ? pk->pk_loading :
		    pk->pk_running));
	else if (p->p_code == PROC_NOEXEC)
		(void)strlcpy(buf, "its program cannot be executed", len);
	else
		(void)snprintf(buf, len, "exit code %d", p->p_code);
	return (buf);
}

/* Its owner learns of it, and its post is filled again. */
static void
proc_lost(struct proc *p)
{
	struct post	*po = p->p_post;
	char		 death[WIRE_REASON + 32], reason[2 * WIRE_REASON];
	int		 again;

	if (po->po_proc == p)
		po->po_proc = NULL;
	(void)snprintf(reason, sizeof(reason), "%s terminated: %s",
	    po->po_name, proc_death(p, death, sizeof(death)));
	again = p->p_kind->pk_lost(p, reason);
	if (proc_tried(po))
		proc_useless(po, reason);
	else if (again) {
		if (!p->p_used)
			po->po_failures++;
		proc_later(po);
	}
}

/*
 * A dead process that led others keeps its number while any of them is
 * remembered; else nothing is left that could be one.
 */
void
proc_bury(pid_t pid, int led)
{
	if (orphans_of(pid))
		return;
	if (led)
		compat_kill_descendants(pid);
	(void)waitpid(pid, NULL, WNOHANG);
	/* Others may have waited behind it. */
	proc_reap();
}

/* Forgets those that are dead and whose pipe has been read to its end. */
void
proc_collect(void)
{
	struct proc	*p, *next;

	TAILQ_FOREACH_SAFE(p, &procs, p_entry, next) {
		if (!p->p_ended || p->p_child.c_fd != -1)
			continue;
		TAILQ_REMOVE(&procs, p, p_entry);
		(void)evtimer_del(&p->p_timer);
		(void)evtimer_del(&p->p_silent);
		if (p->p_post != NULL)
			proc_lost(p);
		proc_bury(p->p_pid, p->p_kind->pk_leads);
		free(p);
	}
}

/*
 * Tells which child is dead, and how; it is reaped when its number is no longer
 * needed.
 */
static pid_t
proc_dead(idtype_t type, pid_t pid, siginfo_t *si)
{
	memset(si, 0, sizeof(*si));
	if (waitid(type, (id_t)pid, si, WEXITED | WNOHANG | WNOWAIT) == -1)
		return (0);
	return (si->si_pid);
}

static int
proc_known(pid_t pid)
{
	struct proc	*p;

	TAILQ_FOREACH(p, &procs, p_entry)
		if (p->p_pid == pid)
			return (1);
	return (orphans_of(pid));
}

void
proc_reap(void)
{
	struct proc	*p;
	siginfo_t	 si;
	pid_t		 pid;

	TAILQ_FOREACH(p, &procs, p_entry) {
		if (p->p_ended || proc_dead(P_PID, p->p_pid, &si) == 0)
			continue;
		p->p_ended = 1;
		if (si.si_code == CLD_EXITED)
			p->p_code = si.si_status;
		else
			p->p_signal = si.si_status;
		proc_leave(p);
	}
	/* Orphans may come to us: they wait behind one that is kept. */
	while ((pid = proc_dead(P_ALL, 0, &si)) > 0 && !proc_known(pid))
		(void)waitpid(pid, NULL, WNOHANG);
}

/* The next one by its number, or NULL. */
struct proc *
proc_after(pid_t pid)
{
	struct proc	*next = NULL, *p;

	TAILQ_FOREACH(p, &procs, p_entry)
		if (p->p_pid > pid && (next == NULL || p->p_pid < next->p_pid))
			next = p;
	return (next);
}

int
proc_any(void)
{
	return (!TAILQ_EMPTY(&procs));
}

void
proc_kill_all(void)
{
	struct proc	*p;

	TAILQ_FOREACH(p, &procs, p_entry) {
		if (p->p_kind->pk_leads)
			compat_kill_descendants(p->p_pid);
		(void)kill(p->p_pid, SIGKILL);
	}
}
