/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The launcher, which is there when some server runs a program: started,
 * told what may be run, given its orders, replaced when it dies.
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "procs.h"
#include "securetcpd.h"

#define LAUNCHER_NOFILE		64

static struct helper	*launcher;	/* NULL between two of them */
static struct event	 launcher_retry;
static int		 launcher_wanted;
static int		 launcher_isready;
static int		 launcher_used;	/* has run something */
static unsigned int	 launcher_failures;	/* deaths before any use */

static int	 launcher_needed(void);
static unsigned int
		 launcher_nofile(void);
static int	 launcher_program(const struct program *);
static int	 launcher_load(void);
static void	 launcher_begin(void);
static void	 launcher_again(int, short, void *);
static void	 launcher_message(struct child *, struct imsg *);
static void	 launcher_gone(struct helper *, const char *);

static int
launcher_needed(void)
{
	struct server	*sv;

	TAILQ_FOREACH(sv, &env->sd_conf->cf_servers, sv_entry)
		if (sv->sv_program != NULL)
			return (1);
	return (0);
}

static unsigned int
launcher_nofile(void)
{
	struct server	*sv;
	unsigned int	 n = LAUNCHER_NOFILE;

	TAILQ_FOREACH(sv, &env->sd_conf->cf_servers, sv_entry)
		if (sv->sv_program != NULL)
			n += PROCS_DESCRIPTORS * sv->sv_max;
	return (n < env->sd_nofile ? n : env->sd_nofile);
}

static int
launcher_program(const struct program *pr)
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
	return (child_send(&launcher->h_child, WIRE_PROGRAM, -1, &wp,
	    sizeof(wp)));
}

static int
launcher_load(void)
{
	struct server	*sv;

	if (helper_begin(launcher, getuid(), getgid(),
	    launcher_nofile()) == -1)
		return (-1);
	TAILQ_FOREACH(sv, &env->sd_conf->cf_servers, sv_entry)
		if (sv->sv_program != NULL &&
		    launcher_program(sv->sv_program) == -1)
			return (-1);
	return (child_send(&launcher->h_child, WIRE_PROGRAM_END, -1, NULL,
	    0));
}

static void
launcher_begin(void)
{
	launcher = helper_exec("securetcp-launcher", "launcher", "",
	    WIRE_LAUNCHER, &launcher);
	if (launcher != NULL) {
		launcher->h_gone = launcher_gone;
		launcher->h_child.c_message = launcher_message;
		launcher_used = 0;
		if (launcher_load() == -1)
			helper_abandon(launcher);
		return;
	}
	if (!env->sd_started) {
		daemon_fail("launcher (securetcp-launcher in %s): %s",
		    env->sd_libexec, strerror(errno));
		return;
	}
	log_warning("launcher cannot be started: %s", strerror(errno));
	launcher_failures++;
	helper_later(&launcher_retry, launcher_failures);
}

static void
launcher_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	launcher_begin();
}

void
launcher_start(void)
{
	if (!launcher_needed())
		return;
	launcher_wanted = 1;
	evtimer_set(&launcher_retry, launcher_again, NULL);
	launcher_begin();
}

int
launcher_ready(void)
{
	if (!launcher_wanted)
		return (1);
	return (launcher_isready && launcher->h_child.c_fd != -1);
}

static void
launcher_message(struct child *c, struct imsg *imsg)
{
	struct helper		*h = c->c_owner;
	struct wire_ready	 wr;
	struct wire_unforked	 wf;
	struct wire_exited	 we;

	switch (imsg_get_type(imsg)) {
	case WIRE_READY:
		if (wire_parse(imsg, &wr, sizeof(wr)) == -1)
			break;
		helper_ready(h, wr.wr_sandbox);
		launcher_isready = 1;
		started_check();
			return;
	case WIRE_TAKEN:
		if (wire_parse(imsg, NULL, 0) == -1)
			break;
		if (h->h_owed == 0)
			c->c_gone(c, "violation: an answer to what it was "
			    "not asked");
		else
			helper_answered(h);
		return;
	case WIRE_UNFORKED:
		if (wire_parse(imsg, &wf, sizeof(wf)) == -1)
			break;
		if (execute_unforked(wf.wf_session, (int)wf.wf_errno) == -1)
			c->c_gone(c, "violation: speaks of a program that "
			    "does not run");
		return;
	case WIRE_EXITED:
		if (wire_parse(imsg, &we, sizeof(we)) == -1)
			break;
		if (execute_exited(&we) == -1)
			c->c_gone(c, "violation: speaks of a program that "
			    "does not run");
		return;
	case WIRE_FATAL:
		helper_explain(h, imsg);
		return;
	}
	c->c_gone(c, "violation: malformed message");
}

/* One that dies before it was of any use is replaced ever more slowly. */
static void
launcher_gone(struct helper *h, const char *why)
{
	unsigned int	 lost;

	(void)h;
	launcher = NULL;
	launcher_isready = 0;
	if (!env->sd_started) {
		daemon_fail("launcher terminated: %s", why);
		return;
	}
	lost = execute_lost();
	if (env->sd_stopping)
		return;
	log_warning("launcher terminated: %s; it is replaced; %u program%s "
	    "lost", why, lost, lost == 1 ? "" : "s");
	if (!launcher_used)
		launcher_failures++;
	helper_later(&launcher_retry, launcher_failures);
}

/* Takes both descriptors. */
void
launcher_run(const struct wire_run *wrn, int fd, int errfd)
{
	struct child	*c = &launcher->h_child;
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = wrn->wrn_session;
	launcher_used = 1;
	launcher_failures = 0;
	if (child_send(c, WIRE_STDERR, errfd, &wx, sizeof(wx)) != -1) {
		if (child_send(c, WIRE_RUN, fd, wrn, sizeof(*wrn)) != -1) {
			helper_asked(launcher);
			return;
		}
	} else
		(void)close(fd);
	/* What it has got cannot be taken back. */
	c->c_gone(c, "does not take its orders");
}

void
launcher_signal(enum wire_type type, uint64_t session)
{
	struct child	*c;
	struct wire_id	 wx;

	if (launcher == NULL || launcher->h_child.c_fd == -1)
		return;
	c = &launcher->h_child;
	memset(&wx, 0, sizeof(wx));
	wx.wx_session = session;
	if (child_send(c, type, -1, &wx, sizeof(wx)) == -1)
		c->c_gone(c, "does not take its orders");
	else
		helper_asked(launcher);
}

void
launcher_stop(void)
{
	if (!launcher_wanted)
		return;
	(void)evtimer_del(&launcher_retry);
	if (launcher != NULL)
		helper_close(launcher);
	launcher = NULL;
	launcher_isready = 0;
	execute_stop();
}
