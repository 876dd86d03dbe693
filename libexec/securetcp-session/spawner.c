/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A spawner, and by fork(2) the sessions of one server block.  The spawner
 * holds what they all need and nothing secret: settings, certificate chains, a
 * TLS context.  The spawner never reads a byte from the network; it forks,
 * kills and reaps sessions, by the numbers the parent gives them.  Or a
 * checker, which reads such files before a configuration is used, and tells of
 * them.
 */

#include <sys/types.h>
#include <sys/tree.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "procs.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define SPAWNER_QUEUE	256	/* messages unsent: take no more orders */
#define SPAWNER_BATCH	32	/* normal exits reported together, or after */
#define SPAWNER_DELAY	200	/* so many milliseconds */
#define SPAWNER_GRACE	500	/* for children when the parent has gone */

struct session_child {
	RB_ENTRY(session_child)		 ch_byid;
	RB_ENTRY(session_child)		 ch_bypid;
	uint64_t		 ch_id;
	pid_t			 ch_pid;
	int			 ch_handle;
};

RB_HEAD(idtree, session_child);
RB_HEAD(pidtree, session_child);

struct session_spawner {
	struct imsgbuf		*sp_pipe;
	const struct session_server	*sp_server;
	int			 sp_procfd;
	struct idtree		 sp_byid;
	struct pidtree		 sp_bypid;
	struct wire_exited	 sp_exited[SPAWNER_BATCH];
	size_t			 sp_nexited;
	int64_t			 sp_deadline;	/* of the batch */
};

static int	 child_idcmp(struct session_child *, struct session_child *);
static int	 child_pidcmp(struct session_child *, struct session_child *);

__attribute__((__noreturn__))
static void	 spawner_run(struct imsgbuf *, const struct session_server *,
		    int);
static int	 spawner_full(struct session_spawner *);
static void	 spawner_turn(struct session_spawner *);
static void	 spawner_pipe(struct session_spawner *, int);
static void	 spawner_orders(struct session_spawner *);
static void	 spawner_obey(struct session_spawner *, struct imsg *);
static void	 spawner_leave(struct session_spawner *);
static void	 spawner_spawn(struct session_spawner *, struct imsg *);
static void	 spawner_forked(struct session_spawner *,
		    struct session_child *);
static void	 spawner_unforked(struct session_spawner *, uint64_t, int);
static void	 spawner_end(struct session_spawner *, struct imsg *);
static void	 spawner_reap(struct session_spawner *);
static void	 spawner_exited(struct session_spawner *,
		    struct session_child *, int);
static void	 spawner_report(struct session_spawner *);

RB_PROTOTYPE(idtree, session_child, ch_byid, child_idcmp)
RB_PROTOTYPE(pidtree, session_child, ch_bypid, child_pidcmp)
RB_GENERATE(idtree, session_child, ch_byid, child_idcmp)
RB_GENERATE(pidtree, session_child, ch_bypid, child_pidcmp)

int
main(int argc, char *argv[])
{
	static struct session_server	 server;
	static struct imsgbuf	 pipe;
	int			 procfd;

	(void)argv;
	if (argc != 1)
		errx(HELPER_USAGE, "takes no arguments: it is run by "
		    "securetcpd(8)");
	helper_start(&pipe, &server.sv_start);
	if (server.sv_start.ws_flags & WIRE_START_CHECK)
		inspect_run(&pipe, &server.sv_start);
	if (sign_init() != ptOk)
		helper_fatal(&pipe, "spawner: TLS library: no place for the "
		    "signing hook");
	settings_read(&pipe, &server);
	if (securetcp_warm() != ptOk)
		helper_fatal(&pipe, "server %s: TLS library: it cannot shake "
		    "hands with itself", server.sv_wire.wv_name);
	if ((procfd = procs_init()) == -1)
		helper_fatal(&pipe, "server %s: reaping of sessions: %s",
		    server.sv_wire.wv_name, strerror(errno));
	helper_bound(&pipe, server.sv_memory);
	helper_sandbox(&pipe, &server.sv_start, SANDBOX_SPAWNER);
	helper_ready(&pipe, sandbox_name());
	spawner_run(&pipe, &server, procfd);
}

static int
child_idcmp(struct session_child *a, struct session_child *b)
{
	return (a->ch_id < b->ch_id ? -1 : a->ch_id > b->ch_id);
}

static int
child_pidcmp(struct session_child *a, struct session_child *b)
{
	return (a->ch_pid < b->ch_pid ? -1 : a->ch_pid > b->ch_pid);
}

static void
spawner_run(struct imsgbuf *pipe, const struct session_server *sv, int procfd)
{
	static struct session_spawner	 spawner;
	struct session_spawner		*sp = &spawner;

	sp->sp_pipe = pipe;
	sp->sp_server = sv;
	sp->sp_procfd = procfd;
	RB_INIT(&sp->sp_byid);
	RB_INIT(&sp->sp_bypid);
	/* Orders may have come together with SERVER_END. */
	spawner_orders(sp);
	for (;;)
		spawner_turn(sp);
}

/*
 * The parent has gone, and every session's pipe has ended with it.  A session
 * that does not leave by itself would stay for ever: it is killed.
 */
__attribute__((__noreturn__))
static void
spawner_leave(struct session_spawner *sp)
{
	struct session_child	*ch;
	struct pollfd	 pfd;
	int64_t		 deadline = timer_after(SPAWNER_GRACE);

	while (!RB_EMPTY(&sp->sp_byid) && compat_now() < deadline) {
		pfd.fd = sp->sp_procfd;
		pfd.events = POLLIN;
		pfd.revents = 0;
		if (poll(&pfd, 1, timer_poll(deadline, -1)) == -1 &&
		    errno != EINTR)
			break;
		spawner_reap(sp);
	}
	RB_FOREACH(ch, idtree, &sp->sp_byid)
		(void)procs_kill(ch->ch_pid, ch->ch_handle);
	_exit(HELPER_PIPE);
}

/* A parent that does not take the answers gets no more work done. */
static int
spawner_full(struct session_spawner *sp)
{
	return (imsgbuf_queuelen(sp->sp_pipe) >= SPAWNER_QUEUE);
}

static void
spawner_turn(struct session_spawner *sp)
{
	struct pollfd	 pfd[2];

	pfd[0].fd = WIRE_FD;
	pfd[0].events = spawner_full(sp) ? 0 : POLLIN;
	if (imsgbuf_queuelen(sp->sp_pipe) > 0)
		pfd[0].events |= POLLOUT;
	pfd[1].fd = sp->sp_procfd;
	pfd[1].events = POLLIN;
	pfd[0].revents = pfd[1].revents = 0;
	if (compat_poll(pfd, 2, timer_poll(sp->sp_deadline, -1)) == -1) {
		/* SIGCHLD is how some systems learn of a death. */
		if (errno == EINTR)
			return;
		helper_fatal(sp->sp_pipe, "spawner: poll: %s",
		    strerror(errno));
	}
	if (pfd[0].revents != 0)
		spawner_pipe(sp, pfd[0].revents);
	if (pfd[1].revents != 0)
		spawner_reap(sp);
	if (sp->sp_deadline != 0 && compat_now() >= sp->sp_deadline)
		spawner_report(sp);
	if (imsgbuf_queuelen(sp->sp_pipe) > 0 &&
	    imsgbuf_write(sp->sp_pipe) == -1)
		spawner_leave(sp);
}

static void
spawner_pipe(struct session_spawner *sp, int revents)
{
	if (revents & POLLOUT && imsgbuf_write(sp->sp_pipe) == -1)
		spawner_leave(sp);
	if (revents & POLLIN) {
		switch (imsgbuf_read(sp->sp_pipe)) {
		case 0:
			spawner_leave(sp);
		case -1:
			if (errno == ECONNRESET)
				spawner_leave(sp);
			helper_fatal(sp->sp_pipe, "spawner: reading the "
			    "pipe: %s", strerror(errno));
		}
	} else if (revents & (POLLHUP | POLLERR | POLLNVAL))
		spawner_leave(sp);
	spawner_orders(sp);
}

static void
spawner_orders(struct session_spawner *sp)
{
	struct imsg	 imsg;
	ssize_t		 n;

	while (!spawner_full(sp)) {
		if ((n = imsgbuf_get(sp->sp_pipe, &imsg)) == -1)
			helper_fatal(sp->sp_pipe, "spawner: malformed "
			    "message: %s", strerror(errno));
		if (n == 0)
			return;
		spawner_obey(sp, &imsg);
		imsg_free(&imsg);
	}
}

static void
spawner_obey(struct session_spawner *sp, struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_FORK:
		spawner_spawn(sp, imsg);
		break;
	case WIRE_KILL:
		spawner_end(sp, imsg);
		break;
	default:
		helper_fatal(sp->sp_pipe, "spawner: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
}

static void
spawner_spawn(struct session_spawner *sp, struct imsg *imsg)
{
	struct wire_id	 wx;
	struct session_child	*ch;
	int		 error, fd;

	fd = wire_fd(imsg);
	helper_parse(sp->sp_pipe, imsg, &wx, sizeof(wx));
	if (fd == -1)
		helper_fatal(sp->sp_pipe, "spawner: FORK of session %llu came "
		    "without its pipe", (unsigned long long)wx.wx_session);
	if ((ch = calloc(1, sizeof(*ch))) == NULL) {
		(void)close(fd);
		spawner_unforked(sp, wx.wx_session, ENOMEM);
		return;
	}
	ch->ch_id = wx.wx_session;
	if (RB_INSERT(idtree, &sp->sp_byid, ch) != NULL)
		helper_fatal(sp->sp_pipe, "spawner: a second FORK of session "
		    "%llu", (unsigned long long)wx.wx_session);
	ch->ch_pid = procs_fork(&ch->ch_handle, 0);
	if (ch->ch_pid == 0)
		session_run(sp->sp_server, wx.wx_session, fd);
	error = errno;
	(void)close(fd);
	if (ch->ch_pid == -1) {
		RB_REMOVE(idtree, &sp->sp_byid, ch);
		free(ch);
		spawner_unforked(sp, wx.wx_session, error);
		return;
	}
	spawner_forked(sp, ch);
}

static void
spawner_forked(struct session_spawner *sp, struct session_child *ch)
{
	struct wire_forked	 wfk;

	/* A pid is unique until it is reaped, and then it leaves the tree. */
	(void)RB_INSERT(pidtree, &sp->sp_bypid, ch);
	memset(&wfk, 0, sizeof(wfk));
	wfk.wfk_session = ch->ch_id;
	wfk.wfk_pid = (uint32_t)ch->ch_pid;
	helper_send(sp->sp_pipe, WIRE_FORKED, &wfk, sizeof(wfk));
}

static void
spawner_unforked(struct session_spawner *sp, uint64_t id, int error)
{
	struct wire_unforked	 wf;

	memset(&wf, 0, sizeof(wf));
	wf.wf_session = id;
	wf.wf_errno = (uint32_t)error;
	helper_send(sp->sp_pipe, WIRE_UNFORKED, &wf, sizeof(wf));
}

/* An unknown session has gone already: its EXITED is under way. */
static void
spawner_end(struct session_spawner *sp, struct imsg *imsg)
{
	struct wire_id	 wx;
	struct session_child	 key, *ch;

	helper_parse(sp->sp_pipe, imsg, &wx, sizeof(wx));
	key.ch_id = wx.wx_session;
	if ((ch = RB_FIND(idtree, &sp->sp_byid, &key)) == NULL)
		return;
	if (procs_kill(ch->ch_pid, ch->ch_handle) == -1 && errno != ESRCH)
		helper_fatal(sp->sp_pipe, "spawner: kill of session %llu: %s",
		    (unsigned long long)wx.wx_session, strerror(errno));
}

static void
spawner_reap(struct session_spawner *sp)
{
	struct session_child	 key, *ch;
	int		 n, status;

	/* All of them: the descriptor says it once. */
	while ((n = procs_reap(&key.ch_pid, &status)) != 0) {
		if (n == -1)
			helper_fatal(sp->sp_pipe, "spawner: reaping: %s",
			    strerror(errno));
		ch = RB_FIND(pidtree, &sp->sp_bypid, &key);
		if (ch == NULL)
			continue;
		RB_REMOVE(pidtree, &sp->sp_bypid, ch);
		RB_REMOVE(idtree, &sp->sp_byid, ch);
		spawner_exited(sp, ch, status);
		free(ch);
	}
}

static void
spawner_exited(struct session_spawner *sp, struct session_child *ch,
    int status)
{
	struct wire_exited	*we;

	we = &sp->sp_exited[sp->sp_nexited++];
	memset(we, 0, sizeof(*we));
	we->we_session = ch->ch_id;
	if (WIFSIGNALED(status))
		we->we_signal = (uint32_t)WTERMSIG(status);
	else
		we->we_code = (uint32_t)WEXITSTATUS(status);
	if (we->we_signal != 0 || we->we_code != 0 ||
	    sp->sp_nexited == SPAWNER_BATCH)
		spawner_report(sp);
	else if (sp->sp_deadline == 0)
		sp->sp_deadline = timer_after(SPAWNER_DELAY);
}

static void
spawner_report(struct session_spawner *sp)
{
	size_t	 i;

	for (i = 0; i < sp->sp_nexited; i++)
		helper_send(sp->sp_pipe, WIRE_EXITED, &sp->sp_exited[i],
		    sizeof(sp->sp_exited[i]));
	sp->sp_nexited = 0;
	sp->sp_deadline = 0;
}
