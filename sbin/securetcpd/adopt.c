/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * How a connection comes to its session: at its first byte in a server block,
 * when the target has answered in a client block, and under another address
 * when a PROXY header names one.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "securetcpd.h"

static void	 adopt_send(struct session *, int, uint8_t, const char *);

/* From here on it is the session's socket, and TLS is spoken on it. */
static void
adopt_send(struct session *s, int fd, uint8_t flags, const char *name)
{
	struct wire_adopt	 wad;
	int			 number;

	memset(&wad, 0, sizeof(wad));
	wad.wad_flags = flags;
	(void)strlcpy(wad.wad_servername, name, sizeof(wad.wad_servername));
	if (hold_take(&s->s_outer, fd) == -1) {
		number = securetcp_error_errno(errno);
		(void)close(fd);
		session_fail(s, number, "no descriptor is left");
		return;
	}
	if (child_send(&s->s_child, WIRE_ADOPT, fd, &wad, sizeof(wad)) == -1)
		session_gone(&s->s_child, NULL);
}

/* An accepted socket is to be this session's: whose it is. */
static void
adopt_meet(struct session *s, int fd, const struct sockaddr_storage *ss,
    struct source *so)
{
	socklen_t	 len = sizeof(s->s_local);

	s->s_peer = *ss;
	s->s_source = so;
	conf_address_name(ss, s->s_from, sizeof(s->s_from));
	if (s->s_service->se_addresses && getsockname(fd,
	    (struct sockaddr *)&s->s_local, &len) == -1)
		memset(&s->s_local, 0, sizeof(s->s_local));
}

/* In a server block, where a visitor has sent its first byte. */
void
session_adopt(struct session *s, struct visitor *v)
{
	adopt_meet(s, v->v_fd, &v->v_peer, v->v_source);
	s->s_proxy = v->v_proxy;
	s->s_since = v->v_since;
	pending_pass(&v->v_place, s);
	(void)session_enter(s, v->v_proxy ? PHASE_HEADER : PHASE_HANDSHAKE,
	    NULL);
	spawner_used(s->s_spawner);
	clock_after(&s->s_timer, v->v_left);
	adopt_send(s, v->v_fd, v->v_proxy ? WIRE_ADOPT_PROXY : 0, "");
}

/* In a client block, at once: the server may be the first to speak. */
void
session_adopt_plain(struct session *s, int fd,
    const struct sockaddr_storage *ss, struct source *so)
{
	struct server	*sv = s->s_service->se_conf;

	adopt_meet(s, fd, ss, so);
	s->s_plain = fd;
	env->sd_fds++;
	s->s_since = clock_now();
	pending_add(&s->s_place, s->s_service, so);
	s->s_place.pl_session = s;
	(void)session_enter(s, PHASE_TARGET, NULL);
	spawner_used(s->s_spawner);
	session_set_timer(s, sv->sv_backend_timeout);
	backend_connect(s, &sv->sv_backends);
}

/*
 * Has a client block's client reset its connection?  One that has ended its
 * direction waits for an answer, and what it sent is not looked at: that a
 * client has left otherwise is seen when the relay begins.
 */
static int
adopt_reset(const struct session *s, char *reason, size_t size)
{
	socklen_t	 len;
	int		 error = 0;

	len = sizeof(error);
	if (getsockopt(s->s_plain, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error == 0)
		return (ptOk);
	(void)snprintf(reason, size, "client: %s", strerror(error));
	return (securetcp_error_errno(error));
}

/* The target of a client block has answered. */
void
session_target(struct session *s, int fd)
{
	struct server	*sv = s->s_service->se_conf;
	char		 host[WIRE_HOST], reason[128];
	int		 number;

	if ((number = adopt_reset(s, reason, sizeof(reason))) != ptOk) {
		(void)close(fd);
		session_fail(s, number, reason);
		return;
	}
	if (session_enter(s, PHASE_HANDSHAKE, NULL) == -1) {
		(void)close(fd);
		return;
	}
	session_set_timer(s, sv->sv_handshake);
	adopt_send(s, fd, 0, target_host(s, host, sizeof(host)));
}

/* Go ahead: the client's side, of which nothing was read so far. */
void
session_plain(struct session *s)
{
	char	 reason[128];
	int	 fd = s->s_plain, number;

	if ((number = adopt_reset(s, reason, sizeof(reason))) != ptOk) {
		session_refuse(s, number, reason);
		return;
	}
	s->s_plain = -1;
	env->sd_fds--;
	session_accept(s, fd);
}

/*
 * The PROXY header has been read.  Whom it names is the peer from now on,
 * for the log, the limits and the rules; family 0 names nobody.
 */
void
session_address(struct session *s, const struct wire_address *wdr)
{
	struct server		*sv = s->s_service->se_conf;
	struct sockaddr_storage	 dst, src;
	struct source		*proxy, *so;
	unsigned int		 left;
	char			 reason[64];

	if (session_enter(s, PHASE_HANDSHAKE, NULL) == -1)
		return;
	if (wdr->wdr_family == 0)
		return;
	if (network_sockaddr(&src, wdr->wdr_family, wdr->wdr_src,
	    wdr->wdr_srcport) == -1 || network_sockaddr(&dst, wdr->wdr_family,
	    wdr->wdr_dst, wdr->wdr_dstport) == -1) {
		session_gone(&s->s_child, "violation: ADDRESS of an unknown "
		    "family");
		return;
	}
	s->s_proxy = 0;
	s->s_peer = src;
	s->s_local = dst;
	(void)strlcpy(s->s_via, s->s_from, sizeof(s->s_via));
	conf_address_name(&src, s->s_from, sizeof(s->s_from));
	if (offence_blocked(offence_realm(s), (struct sockaddr *)&src,
	    &left)) {
		offence_reason(left, reason, sizeof(reason));
		session_fail(s, ptOperationRefused, reason);
		return;
	}
	so = source_take(s->s_service, (struct sockaddr *)&src,
	    sv->sv_per_source);
	if (so == NULL) {
		(void)snprintf(reason, sizeof(reason),
		    "connections per source %u", sv->sv_per_source);
		session_fail(s, ptOperationRefused, reason);
		return;
	}
	proxy = s->s_source;
	pending_move(s, so);
	source_close(proxy);
	source_release(proxy);
}
