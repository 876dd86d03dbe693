/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox.h"
#include "securetcpd.h"

#define BACKEND_RETRY	50000		/* microseconds: its queue is full */

/*
 * Connects a session to its service's backend without ever waiting.  The
 * backend timer is the session's, running since it was established.
 */
static void	 backend_try(int, short, void *);

static void
backend_failed(struct session *s, int error)
{
	struct backend	*ba = &s->s_service->se_conf->sv_backend;
	char		 reason[2 * WIRE_REASON];

	(void)snprintf(reason, sizeof(reason), "backend %s: %s", ba->ba_name,
	    strerror(error));
	backend_cancel(s);
	session_refuse(s, securetcp_error_errno(error), reason);
}

static void
backend_connected(struct session *s)
{
	int	 fd = s->s_backend;

	if (sandbox_rights(fd, SANDBOX_USE_SOCKET) == -1) {
		backend_failed(s, errno);
		return;
	}
	s->s_backend = -1;
	env->sd_fds--;
	session_accept(s, fd);
}

static void
backend_writable(int fd, short what, void *arg)
{
	struct session	*s = arg;
	socklen_t	 len;
	int		 error = 0;

	(void)what;
	len = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		backend_failed(s, error);
		return;
	}
	backend_connected(s);
}

static void
backend_try(int unused, short what, void *arg)
{
	struct timeval	 tv = { 0, BACKEND_RETRY };
	struct session	*s = arg;
	struct backend	*ba = &s->s_service->se_conf->sv_backend;

	(void)unused;
	(void)what;
	if (connect(s->s_backend, (struct sockaddr *)&ba->ba_ss,
	    ba->ba_len) == 0) {
		backend_connected(s);
		return;
	}
	switch (errno) {
	case EINPROGRESS:
	case EINTR:
		event_set(&s->s_backend_ev, s->s_backend, EV_WRITE,
		    backend_writable, s);
		(void)event_add(&s->s_backend_ev, NULL);
		return;
	case EAGAIN:
		/* A unix socket whose queue is full: until the timer. */
		evtimer_set(&s->s_backend_ev, backend_try, s);
		(void)evtimer_add(&s->s_backend_ev, &tv);
		return;
	}
	backend_failed(s, errno);
}

void
backend_connect(struct session *s)
{
	struct backend	*ba = &s->s_service->se_conf->sv_backend;
	int		 family = ba->ba_ss.ss_family;

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

void
backend_cancel(struct session *s)
{
	if (s->s_backend == -1)
		return;
	(void)event_del(&s->s_backend_ev);
	(void)close(s->s_backend);
	s->s_backend = -1;
	env->sd_fds--;
}
