/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the SecureTcp object reports: noted here, acted upon by the loops. */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "compat.h"
#include "securetcp.h"
#include "session.h"

static void	 events_state(struct securetcp *, enum securetcp_state, void *);
static void	 events_error(struct securetcp *, int, const char *, void *);
static void	 events_receive(struct securetcp *, void *);
static void	 events_send(struct securetcp *, void *);
static void	 events_authenticate(struct securetcp *,
		    struct securetcp_verdicts *, void *);

const struct securetcp_handlers	 events_handlers = {
	events_state,
	events_error,
	events_receive,
	events_send,
	events_authenticate
};

static void
events_state(struct securetcp *tcp, enum securetcp_state state, void *arg)
{
	struct session	*s = arg;

	switch (state) {
	case SECURETCP_CONNECTING:
		session_title(s, "connecting");
		break;
	case SECURETCP_CONNECTED:
		s->s_connected = 1;
		session_title(s, "connected");
		break;
	case SECURETCP_CLOSING:
		session_title(s, "closing");
		break;
	case SECURETCP_CLOSED:
		s->s_closed = 1;
		if (s->s_reason[0] == '\0')
			(void)strlcpy(s->s_reason, securetcp_reason(tcp),
			    sizeof(s->s_reason));
		break;
	}
}

static void
events_error(struct securetcp *tcp, int error, const char *description,
    void *arg)
{
	struct session	*s = arg;
	const char	*reason;

	reason = securetcp_reason(tcp);
	if (reason[0] == '\0')
		reason = description;
	s->s_error = error;
	s->s_unsent = securetcp_send_count(tcp);
	(void)strlcpy(s->s_reason, reason, sizeof(s->s_reason));
}

static void
events_receive(struct securetcp *tcp, void *arg)
{
	struct session	*s = arg;

	(void)tcp;
	s->s_readable = 1;
}

static void
events_send(struct securetcp *tcp, void *arg)
{
	struct session	*s = arg;

	(void)tcp;
	s->s_sendable = 1;
}

/* Rules are for valid certificates only. */
static void
events_authenticate(struct securetcp *tcp, struct securetcp_verdicts *sv,
    void *arg)
{
	struct session	*s = arg;

	(void)tcp;
	if (sv->sv_valid && s->s_server->sv_wire.wv_flags & WIRE_SERVER_RULES)
		sv->sv_valid = facts_allowed(s);
}
