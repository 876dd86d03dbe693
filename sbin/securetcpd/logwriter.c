/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define WRITER_MAX	(256 * 1024)	/* bytes that may wait */
#define WRITER_RETRY	20000		/* microseconds */
#define WRITER_REOPEN	1000		/* milliseconds */

/*
 * Lines go to stderr or syslogd without ever waiting for either.  Lines that
 * cannot be written wait, also where writing fails; what does not fit then is
 * counted, and the count is logged when there is room again.
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
static int			 failed;	/* errno of the last write ... */
static int			 lost;		/* ... when lines were dropped */
static int			 to_stderr = 1, facility = LOG_DAEMON;
static int			 fd = -1;
static int64_t			 opened = -WRITER_REOPEN;
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

/*
 * Returns the bytes written, 0 to try again, -1 if the line is lost.  Room on
 * a terminal, or in a pipe that others write to, may be gone when it is used.
 * The descriptor is shared with the process that started the daemon, so that
 * it is non-blocking only as long as this takes.
 */
static ssize_t
put_stderr(const struct line *l)
{
	ssize_t	 n;
	int	 flags;

	if ((flags = fcntl(STDERR_FILENO, F_GETFL)) != -1)
		(void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	n = write(STDERR_FILENO, l->l_text + offset, l->l_len - offset);
	failed = n == -1 && errno != EAGAIN && errno != EINTR ? errno : 0;
	if (flags != -1)
		(void)fcntl(STDERR_FILENO, F_SETFL, flags);
	return (n == -1 ? 0 : n);
}

static ssize_t
put_syslog(const struct line *l)
{
	int64_t	 now = clock_now();
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
	failed = 0;
	if (syslog_send(fd, l->l_priority | facility, "securetcpd",
	    text) == 0)
		return (l->l_len);
	if (errno == EAGAIN || errno == ENOBUFS)
		return (0);
	failed = errno;
	if (failed == EMSGSIZE)
		return (-1);
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

/* The reason why the last line was lost, if it is known. */
static void
report_dropped(void)
{
	char	 text[160];

	if (dropped == 0 || waiting > WRITER_MAX / 2)
		return;
	(void)snprintf(text, sizeof(text),
	    "warning=\"log lines dropped: %s\" count=%u", lost == 0 ?
	    "nobody read the log" : strerror(lost), dropped);
	if (enqueue(LOG_WARNING, text) == 0)
		dropped = lost = 0;
}

static void
writer_lost(void)
{
	dropped++;
	if (failed != 0)
		lost = failed;
}

static void
writer_drain(int unused, short what, void *arg)
{
	struct timeval	 tv;
	struct line	*l;
	ssize_t		 n;

	(void)unused;
	(void)what;
	(void)arg;
	report_dropped();
	while ((l = TAILQ_FIRST(&lines)) != NULL) {
		n = to_stderr ? put_stderr(l) : put_syslog(l);
		if (n == 0) {
			tv.tv_sec = failed == 0 ? 0 : 1;
			tv.tv_usec = failed == 0 ? WRITER_RETRY : 0;
			if (events)
				(void)evtimer_add(&timer, &tv);
			return;
		}
		if (n == -1)
			writer_lost();
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

	if (!log_wanted(priority))
		return;
	if (enqueue(priority, text) == -1)
		writer_lost();
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
