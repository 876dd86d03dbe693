/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define WRITER_MAX	(256 * 1024)	/* bytes that may wait */
#define WRITER_CHUNK	512		/* PIPE_BUF: never blocks after poll */
#define WRITER_RETRY	20000		/* microseconds */
#define WRITER_REOPEN	1		/* seconds */

/*
 * Lines go to stderr or syslogd without ever waiting for either: what does
 * not fit is counted and the count is logged when there is room again.
 */
struct line {
	TAILQ_ENTRY(line)	 l_entry;
	int			 l_priority;
	size_t			 l_len;
	char			 l_text[];
};
static TAILQ_HEAD(, line)	 lines = TAILQ_HEAD_INITIALIZER(lines);
static size_t			 waiting, offset;
static unsigned int		 dropped;
static int			 to_stderr = 1, facility = LOG_DAEMON;
static int			 fd = -1;
static time_t			 opened;
static struct event		 timer;
static int			 events;	/* the timer can be used */

static void	 writer_drain(int, short, void *);

void
writer_init(int use_stderr, int log_facility)
{
	to_stderr = use_stderr;
	facility = log_facility;
	evtimer_set(&timer, writer_drain, NULL);
	events = 1;
}

/* Returns what was written, 0 when it would block, -1 when it is lost. */
static ssize_t
put_stderr(const struct line *l)
{
	struct pollfd	 pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t		 len = l->l_len - offset;
	ssize_t		 n;

	if (poll(&pfd, 1, 0) == 0)
		return (0);
	if (len > WRITER_CHUNK)
		len = WRITER_CHUNK;
	n = write(STDERR_FILENO, l->l_text + offset, len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	return (n);
}

static ssize_t
put_syslog(const struct line *l)
{
	time_t	 now = time(NULL);
	char	 text[4096];

	if (fd == -1) {
		if (now - opened < WRITER_REOPEN)
			return (0);
		opened = now;
		if ((fd = syslog_open()) == -1)
			return (0);
	}
	(void)strlcpy(text, l->l_text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	if (syslog_send(fd, l->l_priority | facility, "securetcpd",
	    text) == 0)
		return (l->l_len);
	if (errno == EAGAIN || errno == ENOBUFS)
		return (0);
	/* syslogd was restarted, say: a fresh socket, a second later. */
	(void)close(fd);
	fd = -1;
	return (0);
}

static int
enqueue(int priority, const char *text)
{
	struct line	*l;
	size_t		 len = strlen(text);

	if (waiting + len + 1 > WRITER_MAX ||
	    (l = malloc(sizeof(*l) + len + 2)) == NULL)
		return (-1);
	l->l_priority = priority;
	l->l_len = len + 1;
	memcpy(l->l_text, text, len);
	memcpy(l->l_text + len, "\n", 2);
	TAILQ_INSERT_TAIL(&lines, l, l_entry);
	waiting += l->l_len;
	return (0);
}

static void
report_dropped(void)
{
	char	 text[80];

	if (dropped == 0 || waiting > WRITER_MAX / 2)
		return;
	(void)snprintf(text, sizeof(text),
	    "warning=\"log lines dropped: nobody read the log\" count=%u",
	    dropped);
	if (enqueue(LOG_WARNING, text) == 0)
		dropped = 0;
}

static void
writer_drain(int unused, short what, void *arg)
{
	struct timeval	 tv = { 0, WRITER_RETRY };
	struct line	*l;
	ssize_t		 n;

	(void)unused;
	(void)what;
	(void)arg;
	report_dropped();
	while ((l = TAILQ_FIRST(&lines)) != NULL) {
		n = to_stderr ? put_stderr(l) : put_syslog(l);
		if (n == 0) {
			if (events)
				(void)evtimer_add(&timer, &tv);
			return;
		}
		if (n > 0 && (offset += n) < l->l_len)
			continue;
		offset = 0;
		waiting -= l->l_len;
		TAILQ_REMOVE(&lines, l, l_entry);
		free(l);
		report_dropped();
	}
}

void
writer_put(int priority, const char *text)
{
	int	 idle = TAILQ_EMPTY(&lines);

	if (enqueue(priority, text) == -1)
		dropped++;
	/* With older lines waiting the timer is on its way already. */
	if (idle || !events)
		writer_drain(-1, 0, NULL);
}

/* The last words of the daemon get a second, not more. */
void
writer_close(void)
{
	int	 i;

	if (events)
		(void)evtimer_del(&timer);
	events = 0;
	for (i = 0; i < 50; i++) {
		writer_drain(-1, 0, NULL);
		if (TAILQ_EMPTY(&lines))
			return;
		(void)poll(NULL, 0, 20);
	}
}
