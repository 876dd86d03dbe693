/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connects a session to one of its backends, a client block's to one of its
 * targets, without ever waiting: by turns, the next one when one fails, one
 * that failed a while ago last.  The timer is the session's and bounds all
 * the tries together.
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

#define BACKEND_RETRY	50000		/* microseconds: its queue is full */
#define BACKEND_DOWN	10		/* seconds that a failed one is left */

static void	 backend_next(struct session *);
static void	 backend_try(int, short, void *);

static const char *
backend_kind(const struct session *s)
{
	return (s->s_service->se_conf->sv_client ? "target" : "backend");
}

const char *
backend_name(const struct session *s)
{
	return (s->s_target == NULL ? "" : s->s_target->ba_name);
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

static time_t
backend_now(void)
{
	struct timespec	 now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec);
}

static int
backend_alone(const struct session *s)
{
	return (TAILQ_NEXT(TAILQ_FIRST(s->s_backends), ba_entry) == NULL);
}

/* The log hears of it when it fails first, and when it works again. */
static void
backend_mark(struct session *s, int error)
{
	struct backend	*ba = s->s_target;
	char		 text[2 * WIRE_REASON];

	if (error == 0) {
		if (ba->ba_failures > 0 && !backend_alone(s)) {
			(void)snprintf(text, sizeof(text), "%s %s works again",
			    backend_kind(s), ba->ba_name);
			log_server(s->s_service, text);
		}
		ba->ba_failures = 0;
		ba->ba_down = 0;
		return;
	}
	ba->ba_down = backend_now() + BACKEND_DOWN;
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
	time_t		 now = backend_now();

	TAILQ_FOREACH(ba, s->s_backends, ba_entry) {
		if (s->s_tried & (uint64_t)1 << ba->ba_number)
			continue;
		if (ba->ba_down == 0 || ba->ba_down <= now) {
			best = ba;
			break;
		}
		if (best == NULL)
			best = ba;
	}
	if (best == NULL)
		return (NULL);
	s->s_tried |= (uint64_t)1 << best->ba_number;
	TAILQ_REMOVE(s->s_backends, best, ba_entry);
	TAILQ_INSERT_TAIL(s->s_backends, best, ba_entry);
	return (best);
}

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

void
backend_cancel(struct session *s)
{
	backend_close(s);
	free(s->s_header);
	s->s_header = NULL;
	free(s->s_failed);
	s->s_failed = NULL;
}

/* Every one that was tried, and why it was of no use. */
static void
backend_note(struct session *s, int error)
{
	char	*text;

	if (asprintf(&text, "%s%s%s %s: %s",
	    s->s_failed == NULL ? "" : s->s_failed,
	    s->s_failed == NULL ? "" : "; ", backend_kind(s),
	    s->s_target->ba_name, strerror(error)) == -1)
		return;
	free(s->s_failed);
	s->s_failed = text;
}

static void
backend_failed(struct session *s, int error)
{
	backend_close(s);
	backend_mark(s, error);
	backend_note(s, error);
	s->s_backend_error = error;
	backend_next(s);
}

/* None is left: the last error is the connection's. */
static void
backend_exhausted(struct session *s)
{
	char	 reason[WIRE_REASON];
	int	 number = securetcp_error_errno(s->s_backend_error);

	(void)strlcpy(reason, s->s_failed == NULL ? strerror(ENOMEM) :
	    s->s_failed, sizeof(reason));
	if (s->s_phase == PHASE_TARGET)
		session_fail(s, number, reason);
	else
		session_refuse(s, number, reason);
}

static void
backend_connected(struct session *s)
{
	int	 fd = s->s_backend;

	if (sandbox_rights(fd, SANDBOX_USE_SOCKET) == -1) {
		backend_failed(s, errno);
		return;
	}
	backend_mark(s, 0);
	s->s_backend = -1;
	env->sd_fds--;
	if (s->s_phase == PHASE_TARGET)
		session_target(s, fd);
	else
		session_accept(s, fd);
}

/* A fresh connection has room for the header, but who knows. */
static void
backend_header(int fd, short what, void *arg)
{
	struct session	*s = arg;
	ssize_t		 n;

	(void)what;
	n = send(fd, s->s_header + s->s_headeroff, s->s_headerlen -
	    s->s_headeroff, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		backend_failed(s, errno);
		return;
	}
	if (n > 0)
		s->s_headeroff += (size_t)n;
	if (s->s_headeroff == s->s_headerlen) {
		backend_connected(s);
		return;
	}
	event_set(&s->s_backend_ev, fd, EV_WRITE, backend_header, s);
	(void)event_add(&s->s_backend_ev, NULL);
}

static void
backend_arrived(struct session *s)
{
	if (s->s_target->ba_proxy == CONF_PROXY_NONE) {
		backend_connected(s);
		return;
	}
	if (header_make(s) == -1) {
		backend_failed(s, errno);
		return;
	}
	backend_header(s->s_backend, EV_WRITE, s);
}

static void
backend_writable(int fd, short what, void *arg)
{
	struct session	*s = arg;
	socklen_t	 len;
	int		 error = 0;

	if (what & EV_TIMEOUT) {
		backend_failed(s, ETIMEDOUT);
		return;
	}
	len = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		backend_failed(s, error);
		return;
	}
	backend_arrived(s);
}

/* Where there are others, a silent one has its share of the time only. */
static const struct timeval *
backend_share(const struct session *s, struct timeval *tv)
{
	const struct backend	*ba;
	unsigned int		 ms, n = 0;

	TAILQ_FOREACH(ba, s->s_backends, ba_entry)
		n++;
	if (n < 2)
		return (NULL);
	ms = s->s_service->se_conf->sv_backend_timeout * 1000 / n;
	tv->tv_sec = ms / 1000;
	tv->tv_usec = ms % 1000 * 1000;
	return (tv);
}

static void
backend_try(int unused, short what, void *arg)
{
	struct timeval	 tv = { 0, BACKEND_RETRY };
	struct session	*s = arg;
	struct backend	*ba = s->s_target;

	(void)unused;
	(void)what;
	if (connect(s->s_backend, (struct sockaddr *)&ba->ba_ss,
	    ba->ba_len) == 0) {
		backend_arrived(s);
		return;
	}
	switch (errno) {
	case EINPROGRESS:
	case EINTR:
		event_set(&s->s_backend_ev, s->s_backend, EV_WRITE,
		    backend_writable, s);
		(void)event_add(&s->s_backend_ev, backend_share(s, &tv));
		return;
	case EAGAIN:
		/* A unix socket whose queue is full: until the timer. */
		if (!backend_alone(s))
			break;
		evtimer_set(&s->s_backend_ev, backend_try, s);
		(void)evtimer_add(&s->s_backend_ev, &tv);
		return;
	}
	backend_failed(s, errno);
}

static void
backend_next(struct session *s)
{
	int	 family;

	if ((s->s_target = backend_choose(s)) == NULL) {
		backend_exhausted(s);
		return;
	}
	family = s->s_target->ba_ss.ss_family;
	s->s_backend = socket(family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (s->s_backend == -1) {
		backend_failed(s, errno);
		return;
	}
	env->sd_fds++;
	socket_options(s->s_backend, family);
	evtimer_set(&s->s_backend_ev, backend_try, s);
	backend_try(-1, 0, s);
}

/* The list stays the configuration's. */
void
backend_connect(struct session *s, struct backends *backends)
{
	s->s_backends = backends;
	s->s_tried = 0;
	backend_next(s);
}
