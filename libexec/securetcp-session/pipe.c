/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A session's end of its pipe: what the parent ordered is noted here. */

#include <sys/types.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "session.h"
#include "wire.h"

static void	 pipe_message(struct session *, struct imsg *);
static void	 pipe_adopt(struct session *, struct imsg *);
static void	 pipe_accept(struct session *, struct imsg *);
static void	 pipe_signature(struct session *, struct imsg *);
static void	 pipe_allowed(struct session *, struct imsg *);
static void	 pipe_nosignature(struct session *, struct imsg *);

/* Takes what has come; to be called when poll(2) says there is something. */
void
pipe_read(struct session *s)
{
	struct imsg	 imsg;
	ssize_t		 n;

	switch (imsgbuf_read(s->s_pipe)) {
	case 0:
		_exit(HELPER_PIPE);
	case -1:
		if (errno == ECONNRESET)
			_exit(HELPER_PIPE);
		helper_fatal(s->s_pipe, "session: reading the pipe: %s",
		    strerror(errno));
	}
	for (;;) {
		if ((n = imsgbuf_get(s->s_pipe, &imsg)) == -1)
			helper_fatal(s->s_pipe, "session: malformed message: "
			    "%s", strerror(errno));
		if (n == 0)
			return;
		pipe_message(s, &imsg);
		imsg_free(&imsg);
	}
}

/* Blocks until something has come, and takes it. */
void
pipe_wait(struct session *s)
{
	(void)pipe_await(s, 0);
}

/* The same up to a deadline: false when that is over. */
int
pipe_await(struct session *s, int64_t deadline)
{
	return (pipe_poll(s, -1, deadline) != 0);
}

/*
 * And with a socket, unless that is -1: PIPE_READABLE when it has something,
 * if only its end.
 */
int
pipe_poll(struct session *s, int fd, int64_t deadline)
{
	struct pollfd	 pfd[2];

	pfd[0].fd = WIRE_FD;
	pfd[1].fd = fd;
	pfd[0].events = pfd[1].events = POLLIN;
	pfd[0].revents = pfd[1].revents = 0;
	switch (poll(pfd, fd == -1 ? 1 : 2, timer_poll(deadline, -1))) {
	case -1:
		if (errno == EINTR)
			return (1);
		helper_fatal(s->s_pipe, "session: poll: %s", strerror(errno));
	case 0:
		return (0);
	default:
		if (pfd[0].revents != 0)
			pipe_read(s);
		return (pfd[1].revents != 0 ? PIPE_READABLE : 1);
	}
}

static void
pipe_message(struct session *s, struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_ADOPT:
		pipe_adopt(s, imsg);
		break;
	case WIRE_SIGNATURE:
		pipe_signature(s, imsg);
		break;
	case WIRE_NOSIGNATURE:
		pipe_nosignature(s, imsg);
		break;
	case WIRE_ALLOWED:
		pipe_allowed(s, imsg);
		break;
	case WIRE_ACCEPT:
		pipe_accept(s, imsg);
		break;
	case WIRE_REFUSE:
		helper_parse(s->s_pipe, imsg, &s->s_refuse,
		    sizeof(s->s_refuse));
		s->s_refused = 1;
		break;
	case WIRE_CLOSE:
		s->s_close = 1;
		break;
	default:
		helper_fatal(s->s_pipe, "session: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
}

static void
pipe_adopt(struct session *s, struct imsg *imsg)
{
	if (s->s_tcp != NULL || s->s_adopted != -1)
		helper_fatal(s->s_pipe, "session: a second ADOPT");
	if ((s->s_adopted = wire_fd(imsg)) == -1)
		helper_fatal(s->s_pipe, "session: ADOPT came without a socket");
	helper_parse(s->s_pipe, imsg, &s->s_adopt, sizeof(s->s_adopt));
}

static void
pipe_accept(struct session *s, struct imsg *imsg)
{
	struct wire_accept	 wa;

	if (s->s_mode != 0 || !s->s_connected)
		helper_fatal(s->s_pipe, "session: unexpected ACCEPT");
	s->s_backend = wire_fd(imsg);
	helper_parse(s->s_pipe, imsg, &wa, sizeof(wa));
	switch (wa.wa_mode) {
	case WIRE_MODE_BACKEND:
	case WIRE_MODE_PROGRAM:
		if (s->s_backend == -1)
			helper_fatal(s->s_pipe, "session: ACCEPT came without "
			    "a backend's descriptor");
		break;
	case WIRE_MODE_ECHO:
		if (s->s_backend != -1)
			helper_fatal(s->s_pipe, "session: ACCEPT for echo came "
			    "with a descriptor");
		break;
	default:
		helper_fatal(s->s_pipe, "session: ACCEPT with mode %u",
		    wa.wa_mode);
	}
	s->s_mode = wa.wa_mode;
}

static void
pipe_signature(struct session *s, struct imsg *imsg)
{
	/* Too late for the deadline: the handshake has failed already. */
	if (s->s_sign == SIGN_FAILED)
		return;
	if (s->s_sign != SIGN_ASKED)
		helper_fatal(s->s_pipe, "session: unexpected SIGNATURE");
	helper_parse(s->s_pipe, imsg, &s->s_signature, sizeof(s->s_signature));
	s->s_sign = SIGN_GIVEN;
}

static void
pipe_nosignature(struct session *s, struct imsg *imsg)
{
	struct wire_text	 wt;

	if (s->s_sign == SIGN_FAILED)
		return;
	if (s->s_sign != SIGN_ASKED)
		helper_fatal(s->s_pipe, "session: unexpected NOSIGNATURE");
	helper_parse(s->s_pipe, imsg, &wt, sizeof(wt));
	(void)strlcpy(s->s_signreason, wt.wt_text, sizeof(s->s_signreason));
	s->s_sign = SIGN_FAILED;
}

static void
pipe_allowed(struct session *s, struct imsg *imsg)
{
	if (s->s_identity != IDENTITY_ASKED)
		helper_fatal(s->s_pipe, "session: unexpected ALLOWED");
	helper_parse(s->s_pipe, imsg, NULL, 0);
	s->s_identity = IDENTITY_ALLOWED;
}
