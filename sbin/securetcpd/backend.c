/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connects a session to one of its backends, a client block's to one of its
 * targets, without ever waiting.  The timer is the session's and bounds all
 * the tries together.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "match.h"
#include "proxyout.h"
#include "sandbox.h"
#include "securetcpd.h"

#define BACKEND_AGAIN	50000		/* microseconds: its queue is full */

static void	 backend_again(int, short, void *);
static void	 backend_header(int, short, void *);
static void	 backend_next(struct session *);

/* None is left: the error is that of the last one. */
static void
backend_exhausted(struct session *s)
{
	char	 reason[4 * WIRE_REASON];

	target_reason(s, reason, sizeof(reason));
	if (s->s_phase == PHASE_TARGET)
		conn_fail(s, s->s_backend_error, reason);
	else
		conn_refuse(s, s->s_backend_error, reason);
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
	target_forget(s);
}

void
backend_cancel(struct session *s)
{
	if (s->s_backends == NULL)
		return;
	(void)event_del(&s->s_backend_ev);
	resolver_cancel(&s->s_waiter);
	backend_close(s);
	backend_forget(s);
}

static int
backend_useless(struct session *s, int error)
{
	backend_close(s);
	target_useless(s, securetcp_error_errno(error), strerror(error));
	return (-1);
}

/* The same, and it is to blame. */
static int
backend_failed(struct session *s, int error)
{
	backend_close(s);
	target_failed(s, securetcp_error_errno(error), strerror(error));
	return (-1);
}

static void
backend_wait(struct session *s, void (*done)(int, short, void *))
{
	struct timeval	 tv;

	event_set(&s->s_backend_ev, s->s_backend, EV_WRITE, done, s);
	(void)event_add(&s->s_backend_ev, target_share(s, &tv));
}

static int
backend_connected(struct session *s)
{
	int	 fd = s->s_backend;

	if (sandbox_rights(fd, SANDBOX_USE_SOCKET) == -1)
		return (backend_useless(s, errno));
	target_up(s);
	backend_forget(s);
	s->s_backend = -1;
	env->sd_fds--;
	if (s->s_phase == PHASE_TARGET)
		conn_target(s, fd);
	else
		conn_accept(s, fd);
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

/*
 * The PROXY header goes to a backend before anything else.  Addresses are what
 * the parent knows, the rest is what the session has said.  -1 with errno.
 */
static int
backend_make_header(struct session *s)
{
	const struct wire_established	*wh = s->s_facts;
	struct proxyout			 po;
	uint8_t				 buf[PROXYOUT_MAX];
	char				 cn[WIRE_SUBJECT] = "";
	size_t				 len;

	memset(&po, 0, sizeof(po));
	po.po_src = (struct sockaddr *)&s->s_peer;
	po.po_dst = (struct sockaddr *)&s->s_local;
	po.po_alpn = wh->wh_alpn;
	po.po_servername = wh->wh_servername;
	po.po_version = wh->wh_version;
	po.po_cipher = wh->wh_cipher;
	po.po_tls = 1;
	if (wh->wh_peer) {
		po.po_verified = 1;
		if (match_subject_value(wh->wh_subject, "CN", cn,
		    sizeof(cn)) == 0)
			po.po_cn = cn;
	}
	if (s->s_target->ba_proxy == CONF_PROXY_V1)
		len = proxyout_v1(&po, buf, sizeof(buf));
	else
		len = proxyout_v2(&po, buf, sizeof(buf));
	if (len == 0) {
		errno = EMSGSIZE;
		return (-1);
	}
	free(s->s_header);
	if ((s->s_header = malloc(len)) == NULL)
		return (-1);
	memcpy(s->s_header, buf, len);
	s->s_headerlen = len;
	s->s_headeroff = 0;
	return (0);
}

static int
backend_arrived(struct session *s)
{
	if (s->s_target->ba_proxy == CONF_PROXY_NONE)
		return (backend_connected(s));
	if (backend_make_header(s) == -1)
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

static socklen_t
backend_len(const struct session *s)
{
	switch (s->s_to.ss_family) {
	case AF_INET:
		return (sizeof(struct sockaddr_in));
	case AF_INET6:
		return (sizeof(struct sockaddr_in6));
	default:
		return (s->s_target->ba_len);
	}
}

static int
backend_try(struct session *s)
{
	int	 family = s->s_to.ss_family;

	s->s_backend = socket(family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (s->s_backend == -1)
		return (backend_useless(s, errno));
	env->sd_fds++;
	conn_options(s->s_backend, family,
	    s->s_conf->sv_keepalive);
	if (connect(s->s_backend, (struct sockaddr *)&s->s_to,
	    backend_len(s)) == 0)
		return (backend_arrived(s));
	switch (errno) {
	case EINPROGRESS:
	case EINTR:
		backend_wait(s, backend_writable);
		return (0);
	case EAGAIN:
		/* A unix socket whose queue is full: it is only busy. */
		target_busy(s);
		return (backend_useless(s, EAGAIN));
	}
	return (backend_failed(s, errno));
}

/* The name is resolved, or that has failed. */
static void
backend_resolved(void *arg)
{
	struct session	*s = arg;

	(void)event_del(&s->s_backend_ev);
	backend_next(s);
}

/* The look-up takes longer than its share of the time. */
static void
backend_unresolved(int fd, short what, void *arg)
{
	struct session	*s = arg;

	(void)fd;
	(void)what;
	resolver_cancel(&s->s_waiter);
	target_failed(s, ptTimeout, TARGET_UNRESOLVED);
	backend_next(s);
}

static void
backend_resolve(struct session *s)
{
	const struct timeval	*share;
	struct timeval		 tv;

	(void)resolver_wait(s->s_target->ba_resolved, &s->s_waiter,
	    backend_resolved, s);
	evtimer_set(&s->s_backend_ev, backend_unresolved, s);
	if ((share = target_share(s, &tv)) != NULL)
		(void)evtimer_add(&s->s_backend_ev, share);
}

/* All were asked; busy ones are asked again until the timer. */
static void
backend_none(struct session *s)
{
	struct timeval	 tv = { 0, BACKEND_AGAIN };

	if (!target_again(s)) {
		backend_exhausted(s);
		return;
	}
	evtimer_set(&s->s_backend_ev, backend_again, s);
	(void)evtimer_add(&s->s_backend_ev, &tv);
}

/* Until one takes it. */
static void
backend_next(struct session *s)
{
	for (;;) {
		switch (target_next(s)) {
		case TARGET_TRY:
			if (backend_try(s) == 0)
				return;
			break;
		case TARGET_WAIT:
			backend_resolve(s);
			return;
		case TARGET_NONE:
			backend_none(s);
			return;
		}
	}
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
	target_begin(s, backends);
	evtimer_set(&s->s_backend_ev, backend_again, s);
	backend_next(s);
}
