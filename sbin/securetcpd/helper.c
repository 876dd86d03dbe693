/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "sandbox.h"
#include "securetcpd.h"

#define HELPER_NOEXEC	127		/* as a shell has it */

static struct helpers	 helpers = TAILQ_HEAD_INITIALIZER(helpers);

static void	 helper_gone(struct child *, const char *);

/*
 * In the child: descriptor 3 and nothing else.  The environment is empty but
 * for room: where setproctitle(3) writes over it, a title needs some.
 */
__attribute__((__noreturn__))
static void
helper_run(const char *path, const char *program, enum wire_role role,
    int fd)
{
	char	 room[128], *argv[2], *envp[2] = { room, NULL };

	/* What most are locked into; it may be descriptor 3. */
	if (env->sd_chrootfd != -1 && fchdir(env->sd_chrootfd) == -1)
		_exit(HELPER_NOEXEC);
	if (fd == WIRE_FD) {
		if (fcntl(fd, F_SETFD, 0) == -1)
			_exit(HELPER_NOEXEC);
	} else if (dup2(fd, WIRE_FD) == -1)
		_exit(HELPER_NOEXEC);
	closefrom(WIRE_FD + 1);
	if (role == WIRE_SPAWNER && compat_lead() == -1)
		_exit(HELPER_NOEXEC);
	/* Best effort: the parent has logged why it cannot be, if so. */
	(void)compat_shortage(role == WIRE_SPAWNER ? COMPAT_SHORTAGE_FIRST :
	    role == WIRE_SIGNER ? COMPAT_SHORTAGE_LAST :
	    COMPAT_SHORTAGE_USUAL);
	/* Its programs are not to have our limits, nor a helper's. */
	if (role != WIRE_LAUNCHER)
		compat_nowx();
	else if (limits_original() == -1)
		_exit(HELPER_NOEXEC);
	if ((argv[0] = strdup(program)) == NULL)
		_exit(HELPER_NOEXEC);
	argv[1] = NULL;
	memset(room, '-', sizeof(room) - 1);
	room[sizeof(room) - 1] = '\0';
	memcpy(room, "TITLE=", 6);
	(void)execve(path, argv, envp);
	_exit(HELPER_NOEXEC);
}

/*
 * Still loading after START_SECONDS, or still there LEAVE_SECONDS after its
 * pipe ended: something is badly wrong with it.
 */
static void
helper_late(int fd, short what, void *arg)
{
	struct helper	*h = arg;

	(void)fd;
	(void)what;
	if (h->h_child.c_fd != -1) {
		/* Dead, but somebody else holds its end. */
		helper_gone(&h->h_child, h->h_ended ? NULL :
		    "not ready in time");
		return;
	}
	if (h->h_ended)
		return;
	if (h->h_fatal[0] == '\0')
		(void)strlcpy(h->h_fatal, "its pipe ended and it did not "
		    "leave", sizeof(h->h_fatal));
	(void)kill(h->h_pid, SIGKILL);
}

static void
helper_leave(struct helper *h)
{
	struct timeval	 tv = { LEAVE_SECONDS, 0 };

	(void)evtimer_add(&h->h_timer, &tv);
}

/*
 * Outstanding work, and not a word for so long: it hangs.  Time in which the
 * parent itself was away does not count.
 */
static void
helper_silent(int fd, short what, void *arg)
{
	struct helper	*h = arg;
	int64_t		 left, since = h->h_child.c_heard;

	(void)fd;
	(void)what;
	if (h->h_child.c_fd == -1)
		return;
	if (clock_late() > since)
		since = clock_late();
	left = since + (int64_t)h->h_patience * 1000 - clock_now();
	if (left <= 0) {
		helper_gone(&h->h_child, "does not answer");
		return;
	}
	clock_after(&h->h_silent, left);
}

/* For one whose work may itself be to wait. */
void
helper_patient(struct helper *h, unsigned int seconds)
{
	h->h_patience = seconds;
}

void
helper_asked(struct helper *h)
{
	if (h->h_owed++ > 0)
		return;
	h->h_child.c_heard = clock_now();
	clock_after(&h->h_silent, (int64_t)h->h_patience * 1000);
}

void
helper_answered(struct helper *h)
{
	if (--h->h_owed == 0)
		(void)evtimer_del(&h->h_silent);
}

/* Those that die before they were of any use are tried ever more slowly. */
void
helper_later(struct event *ev, unsigned int failures)
{
	struct timeval	 tv = { 0, 0 };

	tv.tv_sec = failures > HELPER_BACKOFF ? HELPER_BACKOFF : failures;
	(void)evtimer_add(ev, &tv);
}

struct helper *
helper_exec(const char *program, const char *kind, const char *title,
    enum wire_role role, void *owner)
{
	struct timeval	 tv = { START_SECONDS, 0 };
	struct helper	*h;
	char		 path[PATH_MAX];
	int		 sv[2], n;

	if (env->sd_built)
		n = snprintf(path, sizeof(path), "%s/%s/%s", env->sd_libexec,
		    program, program);
	else
		n = snprintf(path, sizeof(path), "%s/%s", env->sd_libexec,
		    program);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (NULL);
	}
	/* Later the child finds out: a program may be far, and we not wait. */
	if (!env->sd_started && access(path, X_OK) == -1)
		return (NULL);
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return (NULL);
	if (child_pair(sv) == -1) {
		n = errno;
		free(h);
		errno = n;
		return (NULL);
	}
	switch (h->h_pid = fork()) {
	case -1:
		n = errno;
		(void)close(sv[0]);
		(void)close(sv[1]);
		free(h);
		errno = n;
		return (NULL);
	case 0:
		helper_run(path, program, role, sv[1]);
	}
	(void)close(sv[1]);
	h->h_kind = kind;
	(void)strlcpy(h->h_title, title, sizeof(h->h_title));
	child_init(&h->h_child, sv[0], role, WIRE_LOADING, h);
	h->h_child.c_gone = helper_gone;
	h->h_owner = owner;
	h->h_patience = SILENT_SECONDS;
	evtimer_set(&h->h_timer, helper_late, h);
	evtimer_set(&h->h_silent, helper_silent, h);
	(void)evtimer_add(&h->h_timer, &tv);
	TAILQ_INSERT_TAIL(&helpers, h, h_entry);
	return (h);
}

static uint8_t
helper_flags(const struct helper *h)
{
	uint8_t	 flags = 0;

	if (env->sd_conf->cf_sandbox_optional)
		flags |= WIRE_START_OPTIONAL;
	if (h->h_child.c_role == WIRE_LAUNCHER)
		return (flags | WIRE_START_ROOT);
	if (h->h_child.c_role == WIRE_RESOLVER)
		flags |= WIRE_START_FILES;
	if (env->sd_drop)
		flags |= WIRE_START_DROP;
	return (flags);
}

/* Tells it who to be. */
int
helper_begin(struct helper *h, uid_t uid, gid_t gid, unsigned int nofile)
{
	struct wire_start	 ws;

	memset(&ws, 0, sizeof(ws));
	ws.ws_uid = uid;
	ws.ws_gid = gid;
	ws.ws_nofile = nofile;
	/* Where there is only one its name says it all. */
	if (h->h_title[0] != '\0')
		(void)snprintf(ws.ws_title, sizeof(ws.ws_title),
		    "securetcp-%s: %.*s", h->h_kind, WIRE_NAME - 24,
		    h->h_title);
	ws.ws_flags = helper_flags(h);
	return (child_send(&h->h_child, WIRE_START, -1, &ws, sizeof(ws)));
}

void
helper_ready(struct helper *h, const char *sandbox)
{
	(void)evtimer_del(&h->h_timer);
	(void)strlcpy(h->h_sandbox, sandbox, sizeof(h->h_sandbox));
	h->h_child.c_state = WIRE_RUNNING;
	log_process(h->h_kind, h->h_title, h->h_pid, h->h_sandbox);
	/* A launcher's would be its programs' too: that is no surprise. */
	if (strcmp(sandbox, "none") == 0 &&
	    h->h_child.c_role != WIRE_LAUNCHER)
		log_warning("%s %s runs WITHOUT a sandbox: this kernel has "
		    "none and the configuration says optional", h->h_kind,
		    h->h_title);
}

/*
 * Its pipe ended or it broke the rules.  Whoever owns it learns why after
 * the process is gone for certain, so that the message can say how.
 */
static void
helper_gone(struct child *c, const char *reason)
{
	struct helper	*h = c->c_owner;

	(void)evtimer_del(&h->h_timer);
	(void)evtimer_del(&h->h_silent);
	child_close(c);
	if (reason == NULL) {
		helper_leave(h);
		return;
	}
	/* Asked to go for several reasons at once: the first is the cause. */
	if (h->h_fatal[0] == '\0')
		(void)strlcpy(h->h_fatal, reason, sizeof(h->h_fatal));
	if (!h->h_ended)
		(void)kill(h->h_pid, SIGKILL);
}

/* It could not be told all it has to know. */
void
helper_abandon(struct helper *h)
{
	char	 text[WIRE_REASON];

	(void)snprintf(text, sizeof(text), "cannot be set up: %s",
	    strerror(errno));
	helper_gone(&h->h_child, text);
}

/* FATAL: its last word, and why it goes. */
void
helper_explain(struct helper *h, struct imsg *imsg)
{
	struct wire_text	 wt;

	if (wire_parse(imsg, &wt, sizeof(wt)) == -1)
		helper_gone(&h->h_child, "violation: malformed FATAL");
	else
		helper_gone(&h->h_child, wt.wt_text);
}

/* The owner lets go: the process leaves when its pipe ends. */
void
helper_close(struct helper *h)
{
	h->h_owner = NULL;
	(void)evtimer_del(&h->h_silent);
	child_close(&h->h_child);
	helper_leave(h);
}

/* Whose promises a helper has made by now. */
static enum sandbox_role
helper_sandboxed(const struct helper *h)
{
	switch (h->h_child.c_role) {
	case WIRE_SIGNER:
		return (h->h_child.c_state == WIRE_LOADING ?
		    SANDBOX_SIGNER_LOADING : SANDBOX_SIGNER);
	case WIRE_LAUNCHER:
		return (SANDBOX_LAUNCHER);
	case WIRE_RESOLVER:
		return (SANDBOX_RESOLVER);
	default:
		return (SANDBOX_SPAWNER);
	}
}

const char *
helper_death(const struct helper *h, char *buf, size_t len)
{
	if (h->h_fatal[0] != '\0')
		(void)strlcpy(buf, h->h_fatal, len);
	else if (h->h_signal != 0)
		(void)snprintf(buf, len, "killed by signal %d (%s)%s",
		    h->h_signal, strsignal(h->h_signal),
		    sandbox_death(h->h_signal, helper_sandboxed(h)));
	else if (h->h_code == HELPER_NOEXEC)
		(void)strlcpy(buf, "its program cannot be executed", len);
	else
		(void)snprintf(buf, len, "exit code %d", h->h_code);
	return (buf);
}

/*
 * A dead spawner's number is kept while it has sessions; else nothing of it
 * is left that could be one.
 */
void
helper_bury(pid_t pid, enum wire_role role)
{
	if (orphans_of(pid))
		return;
	if (role == WIRE_SPAWNER)
		compat_kill_descendants(pid);
	(void)waitpid(pid, NULL, WNOHANG);
	/* Others may have waited behind it. */
	helper_reap();
}

/* Forgets those that are dead and whose pipe has been read to its end. */
void
helper_collect(void)
{
	struct helper	*h, *next;
	char		 death[WIRE_REASON + 32];

	TAILQ_FOREACH_SAFE(h, &helpers, h_entry, next) {
		if (!h->h_ended || h->h_child.c_fd != -1)
			continue;
		TAILQ_REMOVE(&helpers, h, h_entry);
		(void)evtimer_del(&h->h_timer);
		(void)evtimer_del(&h->h_silent);
		if (h->h_owner != NULL)
			h->h_gone(h, helper_death(h, death, sizeof(death)));
		helper_bury(h->h_pid, h->h_child.c_role);
		free(h);
	}
}

/* Who is dead, and how; it is reaped when nobody needs its number any more. */
static pid_t
helper_dead(idtype_t type, pid_t pid, siginfo_t *si)
{
	memset(si, 0, sizeof(*si));
	if (waitid(type, (id_t)pid, si, WEXITED | WNOHANG | WNOWAIT) == -1)
		return (0);
	return (si->si_pid);
}

static int
helper_known(pid_t pid)
{
	struct helper	*h;

	TAILQ_FOREACH(h, &helpers, h_entry)
		if (h->h_pid == pid)
			return (1);
	return (orphans_of(pid));
}

void
helper_reap(void)
{
	struct helper	*h;
	siginfo_t	 si;
	pid_t		 pid;

	TAILQ_FOREACH(h, &helpers, h_entry) {
		if (h->h_ended || helper_dead(P_PID, h->h_pid, &si) == 0)
			continue;
		h->h_ended = 1;
		if (si.si_code == CLD_EXITED)
			h->h_code = si.si_status;
		else
			h->h_signal = si.si_status;
		helper_leave(h);
	}
	/* Orphans may come to us: they wait behind one that is kept. */
	while ((pid = helper_dead(P_ALL, 0, &si)) > 0 && !helper_known(pid))
		(void)waitpid(pid, NULL, WNOHANG);
}

int
helper_any(void)
{
	return (!TAILQ_EMPTY(&helpers));
}

void
helper_kill_all(void)
{
	struct helper	*h;

	TAILQ_FOREACH(h, &helpers, h_entry) {
		if (h->h_child.c_role == WIRE_SPAWNER)
			compat_kill_descendants(h->h_pid);
		(void)kill(h->h_pid, SIGKILL);
	}
}
