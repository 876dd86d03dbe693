/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What a program says on its standard error, line by line into the log.
 * Nobody is to fill the log with it: a line that is too long is cut into
 * pieces, and after so many in a second the rest waits in the pipe, and in
 * the end the program with it.
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define ERRLOG_RATE	64		/* lines a second */
#define ERRLOG_LEFT	65536		/* bytes left by one that ended ... */
#define ERRLOG_SECONDS	10		/* ... and no longer than that */

static void	 errlog_put(struct errlog *, size_t, size_t);
static int	 errlog_lines(struct errlog *);
static void	 errlog_end(struct errlog *);
static void	 errlog_read(struct errlog *);
static void	 errlog_readable(int, short, void *);
static void	 errlog_second(int, short, void *);
static void	 errlog_watch(struct errlog *);

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

/* What it said last may lack its newline. */
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
	/* It holds a descriptor for which no connection counts any more. */
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
void
errlog_init(struct errlog *el, int fd, const struct session *s,
    void (*gone)(struct errlog *))
{
	memset(el, 0, sizeof(*el));
	el->el_fd = fd;
	env->sd_fds++;
	el->el_session = s->s_id;
	(void)strlcpy(el->el_server, s->s_service->se_conf->sv_name,
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
void
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

void
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
