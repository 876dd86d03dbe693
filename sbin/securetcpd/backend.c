/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connects a session to one of its backends, a client block's to one of its
 * targets, without ever waiting: by turns, the next one when one fails, one
 * that failed a short while ago last.  The timer is the session's and bounds
 * all the tries together.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"
#include "securetcpd.h"

#define BACKEND_AGAIN	50000		/* microseconds: its queue is full */
#define BACKEND_DOWN	10		/* seconds that a failed one is left */
#define BACKEND_MORE	24		/* bytes for "; and 63 more" */

static void	 backend_again(int, short, void *);
static void	 backend_header(int, short, void *);
static void	 backend_next(struct session *);

static const char *
backend_kind(const struct session *s)
{
	return (s->s_service->se_conf->sv_client ? "target" : "backend");
}

/* The name that its certificate has to have. */
const char *
backend_host(const struct backend *ba, char *buf, size_t size)
{
	if (ba->ba_host[0] != '\0')
		return (ba->ba_host);
	if (getnameinfo((const struct sockaddr *)&ba->ba_ss, ba->ba_len, buf,
	    size, NULL, 0, NI_NUMERICHOST) != 0)
		buf[0] = '\0';
	return (buf);
}

static int64_t
backend_now(void)
{
	struct timespec	 now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static int
backend_alone(const struct session *s)
{
	return (TAILQ_NEXT(TAILQ_FIRST(s->s_backends), ba_entry) == NULL);
}

static uint64_t
backend_bit(const struct backend *ba)
{
	return ((uint64_t)1 << ba->ba_number);
}

/*
 * Which of them work.  The log hears of one when it fails first and when it
 * works again; where there is but one, each connection has its own error.
 */

static void
backend_up(const struct session *s)
{
	struct backend	*ba = s->s_target;
	char		 text[2 * WIRE_REASON];

	if (ba->ba_failures > 0 && !backend_alone(s)) {
		(void)snprintf(text, sizeof(text), "%s %s works again",
		    backend_kind(s), ba->ba_name);
		log_server(s->s_service, text);
	}
	ba->ba_failures = 0;
	ba->ba_down = 0;
}

static void
backend_down(const struct session *s, int error)
{
	struct backend	*ba = s->s_target;
	char		 text[2 * WIRE_REASON];

	ba->ba_down = backend_now() + BACKEND_DOWN * 1000;
	if (ba->ba_failures++ > 0 || backend_alone(s))
		return;
	(void)snprintf(text, sizeof(text), "%s %s: %s: left out for %d "
	    "seconds at a time", backend_kind(s), ba->ba_name,
	    strerror(error), BACKEND_DOWN);
	log_server(s->s_service, text);
}

/* By turns: the one that is taken goes to the end of the list. */
static struct backend *
backend_choose(struct session *s)
{
	struct backend	*ba, *best = NULL;
	int64_t		 now = backend_now();

	TAILQ_FOREACH(ba, s->s_backends, ba_entry) {
		if (s->s_tried & backend_bit(ba))
			continue;
		if (ba->ba_down <= now) {
			best = ba;
			break;
		}
		if (best == NULL)
			best = ba;
	}
	if (best == NULL)
		return (NULL);
	s->s_tried |= backend_bit(best);
	/* One is enough to find out whether it works again. */
	if (best->ba_failures > 0)
		best->ba_down = now + BACKEND_DOWN * 1000;
	TAILQ_REMOVE(s->s_backends, best, ba_entry);
	TAILQ_INSERT_TAIL(s->s_backends, best, ba_entry);
	return (best);
}

/*
 * What went wrong, to be told when none is left.
 */

static void
backend_note(struct session *s, int error)
{
	if (s->s_failed == NULL)
		s->s_failed = calloc(CONF_BACKENDS_MAX, sizeof(*s->s_failed));
	if (s->s_failed != NULL)
		s->s_failed[s->s_target->ba_number] = error;
}

/* Appends one; -1 when it does not fit. */
static int
backend_tell(const struct session *s, const struct backend *ba, char *buf,
    size_t size)
{
	size_t	 len = strlen(buf);
	int	 n;

	n = snprintf(buf + len, size - len, "%s%s %s: %s",
	    len == 0 ? "" : "; ", backend_kind(s), ba->ba_name,
	    strerror(s->s_failed[ba->ba_number]));
	if (n > 0 && (size_t)n < size - len)
		return (0);
	buf[len] = '\0';
	return (-1);
}

/* Every one that was tried, in their order, and why it was of no use. */
static void
backend_reason(const struct session *s, char *buf, size_t size)
{
	const struct backend	*ba, *list[CONF_BACKENDS_MAX];
	unsigned int		 i, left = 0;

	buf[0] = '\0';
	if (s->s_failed == NULL) {
		(void)strlcpy(buf, strerror(ENOMEM), size);
		return;
	}
	memset(list, 0, sizeof(list));
	TAILQ_FOREACH(ba, s->s_backends, ba_entry)
		list[ba->ba_number] = ba;
	for (i = 0; i < CONF_BACKENDS_MAX; i++) {
		if (list[i] == NULL || s->s_failed[i] == 0)
			continue;
		if (left > 0 || backend_tell(s, list[i], buf,
		    size - BACKEND_MORE) == -1)
			left++;
	}
	if (left > 0)
		(void)snprintf(buf + strlen(buf), BACKEND_MORE, "; and %u "
		    "more", left);
}

/* The connection's error is that of the last one. */
static void
backend_exhausted(struct session *s)
{
	char	 reason[4 * WIRE_REASON];
	int	 number = securetcp_error_errno(s->s_backend_error);

	backend_reason(s, reason, sizeof(reason));
	if (s->s_phase == PHASE_TARGET)
		session_fail(s, number, reason);
	else
		session_refuse(s, number, reason);
}

/* The session's timer has run out: what was it waiting for? */
void
backend_overdue(struct session *s, char *buf, size_t size)
{
	const struct server	*sv = s->s_service->se_conf;
	size_t			 len;

	(void)snprintf(buf, size, "%s timer, %u second%s",
	    s->s_phase == PHASE_TARGET ? "connect" : "backend",
	    sv->sv_backend_timeout, sv->sv_backend_timeout == 1 ? "" : "s");
	len = strlen(buf);
	if (s->s_target == NULL && s->s_failed == NULL)
		return;
	(void)strlcat(buf, ": ", size);
	len += 2;
	if (s->s_target != NULL) {
		backend_down(s, ETIMEDOUT);
		if (s->s_failed == NULL) {
			(void)snprintf(buf + len, size - len, "%s %s",
			    backend_kind(s), s->s_target->ba_name);
			return;
		}
		backend_note(s, ETIMEDOUT);
	}
	backend_reason(s, buf + len, size - len);
}

/*
 * The tries.  Each returns -1 when this one is of no use, and what went wrong
 * has been noted: it is the next one's turn.
 */

static void
backend_close(struct session *s)
{
	if (s->s_backend == -1)
		return;
	(void)event_del(&s->s_backend_ev);
	(void)close(s->s_backend);
	s->s_backend = -1;
	env->sd_fds--;
}

static void
backend_forget(struct session *s)
{
	free(s->s_header);
	s->s_header = NULL;
	free(s->s_failed);
	s->s_failed = NULL;
}

void
backend_cancel(struct session *s)
{
	if (s->s_backends == NULL)
		return;
	(void)event_del(&s->s_backend_ev);
	backend_close(s);
	backend_forget(s);
}

static int
backend_useless(struct session *s, int error)
{
	backend_close(s);
	backend_note(s, error);
	s->s_backend_error = error;
	return (-1);
}

/* The same, and it is to blame. */
static int
backend_failed(struct session *s, int error)
{
	backend_down(s, error);
	return (backend_useless(s, error));
}

/* Where there are others, a silent one has its share of the time only. */
static const struct timeval *
backend_share(const struct session *s, struct timeval *tv)
{
	const struct backend	*ba;
	int64_t			 ms, n = 1;

	TAILQ_FOREACH(ba, s->s_backends, ba_entry)
		if ((s->s_tried & backend_bit(ba)) == 0)
			n++;
	if (n == 1)
		return (NULL);
	if ((ms = (s->s_backend_until - backend_now()) / n) < 1)
		ms = 1;
	tv->tv_sec = ms / 1000;
	tv->tv_usec = ms % 1000 * 1000;
	return (tv);
}

static void
backend_wait(struct session *s, void (*done)(int, short, void *))
{
	struct timeval	 tv;

	event_set(&s->s_backend_ev, s->s_backend, EV_WRITE, done, s);
	(void)event_add(&s->s_backend_ev, backend_share(s, &tv));
}

static int
backend_connected(struct session *s)
{
	int	 fd = s->s_backend;

	if (sandbox_rights(fd, SANDBOX_USE_SOCKET) == -1)
		return (backend_useless(s, errno));
	backend_up(s);
	backend_forget(s);
	s->s_backend = -1;
	env->sd_fds--;
	if (s->s_phase == PHASE_TARGET)
		session_target(s, fd);
	else
		session_accept(s, fd);
	return (0);
}

/* A fresh connection has room for the header, but who knows. */
static int
backend_write(struct session *s)
{
	ssize_t	 n;

	n = send(s->s_backend, s->s_header + s->s_headeroff, s->s_headerlen -
	    s->s_headeroff, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		return (backend_failed(s, errno));
	if (n > 0)
		s->s_headeroff += (size_t)n;
	if (s->s_headeroff == s->s_headerlen)
		return (backend_connected(s));
	backend_wait(s, backend_header);
	return (0);
}

static void
backend_header(int fd, short what, void *arg)
{
	struct session	*s = arg;

	(void)fd;
	if ((what & EV_TIMEOUT ? backend_failed(s, ETIMEDOUT) :
	    backend_write(s)) == -1)
		backend_next(s);
}

static int
backend_arrived(struct session *s)
{
	if (s->s_target->ba_proxy == CONF_PROXY_NONE)
		return (backend_connected(s));
	if (header_make(s) == -1)
		return (backend_useless(s, errno));
	return (backend_write(s));
}

static int
backend_answered(struct session *s)
{
	socklen_t	 len;
	int		 error = 0;

	len = sizeof(error);
	if (getsockopt(s->s_backend, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	return (error == 0 ? backend_arrived(s) : backend_failed(s, error));
}

static void
backend_writable(int fd, short what, void *arg)
{
	struct session	*s = arg;

	(void)fd;
	if ((what & EV_TIMEOUT ? backend_failed(s, ETIMEDOUT) :
	    backend_answered(s)) == -1)
		backend_next(s);
}

static int
backend_try(struct session *s)
{
	struct backend	*ba = s->s_target;
	int		 family = ba->ba_ss.ss_family;

	s->s_backend = socket(family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (s->s_backend == -1)
		return (backend_useless(s, errno));
	env->sd_fds++;
	socket_options(s->s_backend, family);
	if (connect(s->s_backend, (struct sockaddr *)&ba->ba_ss,
	    ba->ba_len) == 0)
		return (backend_arrived(s));
	switch (errno) {
	case EINPROGRESS:
	case EINTR:
		backend_wait(s, backend_writable);
		return (0);
	case EAGAIN:
		/* A unix socket whose queue is full: it is only busy. */
		s->s_busy |= backend_bit(ba);
		return (backend_useless(s, errno));
	}
	return (backend_failed(s, errno));
}

/* Until one takes it; busy ones are asked again until the timer. */
static void
backend_next(struct session *s)
{
	struct timeval	 tv = { 0, BACKEND_AGAIN };

	while ((s->s_target = backend_choose(s)) != NULL)
		if (backend_try(s) == 0)
			return;
	if (s->s_busy == 0) {
		backend_exhausted(s);
		return;
	}
	s->s_tried &= ~s->s_busy;
	s->s_busy = 0;
	evtimer_set(&s->s_backend_ev, backend_again, s);
	(void)evtimer_add(&s->s_backend_ev, &tv);
}

static void
backend_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	backend_next(arg);
}

/* The list stays the configuration's. */
void
backend_connect(struct session *s, struct backends *backends)
{
	s->s_backends = backends;
	s->s_tried = s->s_busy = 0;
	s->s_backend_until = backend_now() +
	    (int64_t)s->s_service->se_conf->sv_backend_timeout * 1000;
	evtimer_set(&s->s_backend_ev, backend_again, s);
	backend_next(s);
}
