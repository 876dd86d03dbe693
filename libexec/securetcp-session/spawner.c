/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Forks, kills and reaps sessions, by the numbers the parent gives them. */

#include <sys/types.h>
#include <sys/tree.h>
#include <sys/wait.h>

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
#include "session.h"
#include "wire.h"

#define SPAWNER_QUEUE	256	/* messages unsent: take no more orders */
#define SPAWNER_BATCH	32	/* normal exits reported together, or after */
#define SPAWNER_DELAY	200	/* so many milliseconds */
#define SPAWNER_GRACE	500	/* for children when the parent has gone */

struct child {
	RB_ENTRY(child)		 ch_byid;
	RB_ENTRY(child)		 ch_bypid;
	uint64_t		 ch_id;
	pid_t			 ch_pid;
	int			 ch_handle;
};

RB_HEAD(idtree, child);
RB_HEAD(pidtree, child);

struct spawner {
	struct imsgbuf		*sp_pipe;
	const struct server	*sp_server;
	int			 sp_procfd;
	struct idtree		 sp_byid;
	struct pidtree		 sp_bypid;
	struct wire_exited	 sp_exited[SPAWNER_BATCH];
	size_t			 sp_nexited;
	int64_t			 sp_deadline;	/* of the batch */
};

static int	 child_idcmp(struct child *, struct child *);
static int	 child_pidcmp(struct child *, struct child *);

static int	 spawner_full(struct spawner *);
static void	 spawner_turn(struct spawner *);
static void	 spawner_pipe(struct spawner *, int);
static void	 spawner_orders(struct spawner *);
static void	 spawner_message(struct spawner *, struct imsg *);
static void	 spawner_leave(struct spawner *);
static void	 spawner_fork(struct spawner *, struct imsg *);
static void	 spawner_forked(struct spawner *, struct child *);
static void	 spawner_unforked(struct spawner *, uint64_t, int);
static void	 spawner_kill(struct spawner *, struct imsg *);
static void	 spawner_reap(struct spawner *);
static void	 spawner_exited(struct spawner *, struct child *, int);
static void	 spawner_report(struct spawner *);
static void	 spawner_send(struct spawner *, enum wire_type, const void *,
		    size_t);

RB_PROTOTYPE(idtree, child, ch_byid, child_idcmp)
RB_PROTOTYPE(pidtree, child, ch_bypid, child_pidcmp)
RB_GENERATE(idtree, child, ch_byid, child_idcmp)
RB_GENERATE(pidtree, child, ch_bypid, child_pidcmp)

static int
child_idcmp(struct child *a, struct child *b)
{
	return (a->ch_id < b->ch_id ? -1 : a->ch_id > b->ch_id);
}

static int
child_pidcmp(struct child *a, struct child *b)
{
	return (a->ch_pid < b->ch_pid ? -1 : a->ch_pid > b->ch_pid);
}

void
spawner_run(struct imsgbuf *pipe, const struct server *sv, int procfd)
{
	static struct spawner	 spawner;
	struct spawner		*sp = &spawner;

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
 * The parent has gone, and every session's pipe has ended with it.  One that
 * does not leave by itself would stay for ever: it is killed.
 */
__attribute__((__noreturn__))
static void
spawner_leave(struct spawner *sp)
{
	struct child	*ch;
	struct pollfd	 pfd;
	int64_t		 deadline = timer_after(SPAWNER_GRACE);

	while (!RB_EMPTY(&sp->sp_byid) && timer_now() < deadline) {
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
spawner_full(struct spawner *sp)
{
	return (imsgbuf_queuelen(sp->sp_pipe) >= SPAWNER_QUEUE);
}

static void
spawner_turn(struct spawner *sp)
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
	if (sp->sp_deadline != 0 && timer_now() >= sp->sp_deadline)
		spawner_report(sp);
	if (imsgbuf_queuelen(sp->sp_pipe) > 0 &&
	    imsgbuf_write(sp->sp_pipe) == -1)
		spawner_leave(sp);
}

static void
spawner_pipe(struct spawner *sp, int revents)
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
spawner_orders(struct spawner *sp)
{
	struct imsg	 imsg;
	ssize_t		 n;

	while (!spawner_full(sp)) {
		if ((n = imsgbuf_get(sp->sp_pipe, &imsg)) == -1)
			helper_fatal(sp->sp_pipe, "spawner: malformed "
			    "message: %s", strerror(errno));
		if (n == 0)
			return;
		spawner_message(sp, &imsg);
		imsg_free(&imsg);
	}
}

static void
spawner_message(struct spawner *sp, struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_FORK:
		spawner_fork(sp, imsg);
		break;
	case WIRE_KILL:
		spawner_kill(sp, imsg);
		break;
	default:
		helper_fatal(sp->sp_pipe, "spawner: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
}

static void
spawner_fork(struct spawner *sp, struct imsg *imsg)
{
	struct wire_id	 wx;
	struct child	*ch;
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
spawner_forked(struct spawner *sp, struct child *ch)
{
	struct wire_forked	 wfk;

	/* A pid is unique until it is reaped, and then it leaves the tree. */
	(void)RB_INSERT(pidtree, &sp->sp_bypid, ch);
	memset(&wfk, 0, sizeof(wfk));
	wfk.wfk_session = ch->ch_id;
	wfk.wfk_pid = (uint32_t)ch->ch_pid;
	spawner_send(sp, WIRE_FORKED, &wfk, sizeof(wfk));
}

static void
spawner_unforked(struct spawner *sp, uint64_t id, int error)
{
	struct wire_unforked	 wf;

	memset(&wf, 0, sizeof(wf));
	wf.wf_session = id;
	wf.wf_errno = (uint32_t)error;
	spawner_send(sp, WIRE_UNFORKED, &wf, sizeof(wf));
}

/* One that is not known has gone already: its EXITED is under way. */
static void
spawner_kill(struct spawner *sp, struct imsg *imsg)
{
	struct wire_id	 wx;
	struct child	 key, *ch;

	helper_parse(sp->sp_pipe, imsg, &wx, sizeof(wx));
	key.ch_id = wx.wx_session;
	if ((ch = RB_FIND(idtree, &sp->sp_byid, &key)) == NULL)
		return;
	if (procs_kill(ch->ch_pid, ch->ch_handle) == -1 && errno != ESRCH)
		helper_fatal(sp->sp_pipe, "spawner: kill of session %llu: %s",
		    (unsigned long long)wx.wx_session, strerror(errno));
}

static void
spawner_reap(struct spawner *sp)
{
	struct child	 key, *ch;
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
spawner_exited(struct spawner *sp, struct child *ch, int status)
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
spawner_report(struct spawner *sp)
{
	size_t	 i;

	for (i = 0; i < sp->sp_nexited; i++)
		spawner_send(sp, WIRE_EXITED, &sp->sp_exited[i],
		    sizeof(sp->sp_exited[i]));
	sp->sp_nexited = 0;
	sp->sp_deadline = 0;
}

/* Queues: what is queued in one turn leaves in one write. */
static void
spawner_send(struct spawner *sp, enum wire_type type, const void *payload,
    size_t size)
{
	if (wire_send(sp->sp_pipe, type, -1, payload, size) == -1)
		helper_fatal(sp->sp_pipe, "spawner: %s: %s", wire_name(type),
		    strerror(errno));
}
