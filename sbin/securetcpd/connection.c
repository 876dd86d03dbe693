/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connections and their sessions, from adoption to closed.  A session adopts a
 * connection at its first byte in a server block, and in a client block when
 * the target has answered; a PROXY header may name another peer.  phase.c says
 * which messages are legal when; their contents are judged here.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "match.h"
#include "securetcpd.h"

/*
 * Sessions may not set options: what a connection needs is set here, on either
 * side.  A peer that has reset already makes these fail; its session will
 * notice.
 */
void
conn_options(int fd, int family, unsigned int keepalive)
{
	int	 on = 1;

	if (family == AF_UNIX)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* TLS and a relay know bytes in their order and nothing beside it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	compat_keepalive(fd, keepalive);
}

/* Gives the session the socket on which TLS is spoken. */
static void
conn_send(struct session *s, int fd, uint8_t flags, const char *name)
{
	struct wire_adopt	 wad;
	int			 number;

	memset(&wad, 0, sizeof(wad));
	wad.wad_flags = flags;
	(void)strlcpy(wad.wad_servername, name, sizeof(wad.wad_servername));
	if (hold_take(&s->s_outer, fd) == -1) {
		number = securetcp_error_errno(errno);
		(void)close(fd);
		conn_fail(s, number, "no descriptor is left");
		return;
	}
	if (child_send(&s->s_child, WIRE_ADOPT, fd, &wad, sizeof(wad)) == -1)
		session_gone(&s->s_child, NULL);
}

/* Notes whose accepted socket the session is to have. */
static void
conn_meet(struct session *s, int fd, const struct sockaddr_storage *ss,
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
conn_adopt(struct session *s, struct visitor *v)
{
	conn_meet(s, v->v_fd, &v->v_peer, v->v_source);
	s->s_proxy = v->v_proxy;
	s->s_since = v->v_since;
	pending_pass(&v->v_place, s);
	(void)session_enter(s, v->v_proxy ? PHASE_HEADER : PHASE_HANDSHAKE,
	    NULL);
	spawner_used(s->s_spawner);
	clock_after(&s->s_timer, v->v_left);
	conn_send(s, v->v_fd, v->v_proxy ? WIRE_ADOPT_PROXY : 0, "");
}

/* In a client block, at once: the server may be the first to speak. */
void
conn_adopt_plain(struct session *s, int fd,
    const struct sockaddr_storage *ss, struct source *so)
{
	struct server	*sv = s->s_conf;

	conn_meet(s, fd, ss, so);
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
 * Has a client block's client reset its connection?  A client that has ended
 * its direction waits for an answer, and its bytes are not looked at: the relay
 * notices a client that left otherwise.
 */
static int
conn_reset(const struct session *s, char *reason, size_t size)
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
conn_target(struct session *s, int fd)
{
	struct server	*sv = s->s_conf;
	char		 host[WIRE_HOST], reason[128];
	int		 number;

	if ((number = conn_reset(s, reason, sizeof(reason))) != ptOk) {
		(void)close(fd);
		conn_fail(s, number, reason);
		return;
	}
	if (session_enter(s, PHASE_HANDSHAKE, NULL) == -1) {
		(void)close(fd);
		return;
	}
	session_set_timer(s, sv->sv_handshake);
	conn_send(s, fd, 0, target_host(s, host, sizeof(host)));
}

/* Go ahead: the client's side, of which nothing was read so far. */
static void
conn_plain(struct session *s)
{
	char	 reason[128];
	int	 fd = s->s_plain, number;

	if ((number = conn_reset(s, reason, sizeof(reason))) != ptOk) {
		conn_refuse(s, number, reason);
		return;
	}
	s->s_plain = -1;
	env->sd_fds--;
	conn_accept(s, fd);
}

/*
 * The PROXY header has been read.  Whom it names is the peer from now on,
 * for the log, the limits and the rules; family 0 names nobody.
 */
static void
conn_address(struct session *s, const struct wire_address *wdr)
{
	struct server		*sv = s->s_conf;
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
		conn_fail(s, ptOperationRefused, reason);
		return;
	}
	so = source_take(s->s_service, (struct sockaddr *)&src,
	    sv->sv_per_source);
	if (so == NULL) {
		(void)snprintf(reason, sizeof(reason),
		    "connections per source %u", sv->sv_per_source);
		conn_fail(s, ptOperationRefused, reason);
		return;
	}
	proxy = s->s_source;
	pending_move(s, so);
	source_close(proxy);
	source_release(proxy);
}

/* The key that a signature is asked for, if it is one of the server's. */
static const struct certificate *
conn_certificate(const struct server *sv, const struct wire_asksign *wq)
{
	const struct certificate	*ce;
	const struct shown		*sh;

	TAILQ_FOREACH(sh, &sv->sv_certificates, sh_entry) {
		ce = sh->sh_certificate;
		if (wq->wq_type == ce->ce_type &&
		    timingsafe_bcmp(wq->wq_id, ce->ce_id, WIRE_KEYID) == 0)
			return (ce);
	}
	return (NULL);
}

static void
conn_asksign(struct session *s, const struct wire_asksign *wq)
{
	const struct certificate	*ce;

	if ((ce = conn_certificate(s->s_conf, wq)) == NULL) {
		session_gone(&s->s_child, "violation: a signature was asked "
		    "for with a key that is not its server's");
		return;
	}
	if (request_add(s, ce, wq) == -1)
		conn_fail(s, ptNoBufferSpace, strerror(errno));
	else
		signers_serve();
}

void
conn_signed(struct session *s, const uint8_t *data, size_t len)
{
	struct wire_signature	 wl;

	memset(&wl, 0, sizeof(wl));
	wl.wl_len = len;
	memcpy(wl.wl_data, data, len);
	offence_signed(s);
	if (child_send(&s->s_child, WIRE_SIGNATURE, -1, &wl,
	    sizeof(wl)) == -1)
		session_gone(&s->s_child, NULL);
}

/*
 * A server name goes into logs, headers and environments: in a client block it
 * has to be the one that was to be found, elsewhere a host's.
 */
static int
conn_name_ok(const struct session *s, const char *name)
{
	char	 host[WIRE_HOST];

	if (*name == '\0')
		return (1);
	if (s->s_conf->sv_client)
		return (s->s_target != NULL && strcmp(name, target_host(s,
		    host, sizeof(host))) == 0);
	return (match_servername_ok(name));
}

/* A session must not change what it has said of its peer. */
static int
conn_learn(struct session *s, const struct wire_established *wh)
{
	struct wire_established	*facts = s->s_facts;

	if (!conn_name_ok(s, wh->wh_servername)) {
		session_gone(&s->s_child, "violation: a server name that is "
		    "none");
		return (-1);
	}
	if (facts == NULL) {
		if ((s->s_facts = malloc(sizeof(*wh))) == NULL) {
			conn_fail(s, ptNoBufferSpace, strerror(errno));
			return (-1);
		}
	} else if (facts->wh_peer != wh->wh_peer ||
	    strcmp(facts->wh_subject, wh->wh_subject) != 0 ||
	    strcmp(facts->wh_issuer, wh->wh_issuer) != 0 ||
	    strcmp(facts->wh_hash, wh->wh_hash) != 0 ||
	    strcmp(facts->wh_san, wh->wh_san) != 0 ||
	    facts->wh_notbefore != wh->wh_notbefore ||
	    facts->wh_notafter != wh->wh_notafter) {
		session_gone(&s->s_child, "violation: ESTABLISHED with "
		    "another peer than IDENTITY");
		return (-1);
	}
	*s->s_facts = *wh;
	return (0);
}

/* In the middle of the handshake: may the peer come in? */
static void
conn_identity(struct session *s, const struct wire_established *wh)
{
	struct server	*sv = s->s_conf;
	struct verdict	 vd;
	int		 allowed;

	if (TAILQ_EMPTY(&sv->sv_rules)) {
		session_gone(&s->s_child, "violation: IDENTITY where there "
		    "are no rules");
		return;
	}
	if (conn_learn(s, wh) == -1)
		return;
	allowed = rules_allow(sv, wh, &vd);
	log_judged(s, allowed, &vd);
	if (!allowed)
		conn_refuse(s, ptAuthentication, vd.vd_reason);
	else if (child_send(&s->s_child, WIRE_ALLOWED, -1, NULL, 0) == -1)
		session_gone(&s->s_child, NULL);
}

/* The backends of the rule that the session says has matched. */
static struct route *
conn_route(const struct session *s, unsigned int n)
{
	struct route	*rt;

	TAILQ_FOREACH(rt, &s->s_conf->sv_routes, rt_entry)
		if (--n == 0)
			return (rt);
	return (NULL);
}

static void
conn_forward(struct session *s)
{
	struct server	*sv = s->s_conf;
	struct route	*rt;

	if (s->s_facts->wh_match != 0) {
		rt = conn_route(s, s->s_facts->wh_match);
		if (rt == NULL || rt->rt_refuse) {
			session_gone(&s->s_child, "violation: ESTABLISHED by "
			    "a rule that forwards nowhere");
			return;
		}
		session_set_timer(s, sv->sv_backend_timeout);
		backend_connect(s, &rt->rt_backends);
		return;
	}
	switch (sv->sv_mode) {
	case CONF_ECHO:
		conn_accept(s, -1);
		break;
	case CONF_CONNECT:
		conn_plain(s);
		break;
	case CONF_EXECUTE:
		execute_start(s);
		break;
	case CONF_FORWARD:
		session_set_timer(s, sv->sv_backend_timeout);
		backend_connect(s, &sv->sv_backends);
		break;
	}
}

static void
conn_established(struct session *s, const struct wire_established *wh)
{
	struct verdict	 vd;
	int		 allowed, judged = s->s_facts != NULL;

	if (conn_learn(s, wh) == -1)
		return;
	/* Also of a session that has not asked. */
	allowed = rules_allow(s->s_conf, wh, &vd);
	if (!judged && (wh->wh_peer || !TAILQ_EMPTY(&s->s_conf->sv_rules)))
		log_judged(s, allowed, &vd);
	if (!allowed) {
		conn_refuse(s, ptAuthentication, vd.vd_reason);
		return;
	}
	if (session_enter(s, PHASE_BACKEND, NULL) == -1)
		return;
	(void)evtimer_del(&s->s_timer);
	offence_amends(s);
	conn_forward(s);
}

/* Go ahead, with the backend's descriptor (-1: echo). */
void
conn_accept(struct session *s, int fd)
{
	struct wire_accept	 wa;
	int			 number;

	memset(&wa, 0, sizeof(wa));
	wa.wa_mode = fd == -1 ? WIRE_MODE_ECHO : s->s_execution != NULL ?
	    WIRE_MODE_PROGRAM : WIRE_MODE_BACKEND;
	(void)evtimer_del(&s->s_timer);
	if (fd != -1 && hold_take(&s->s_inner, fd) == -1) {
		number = securetcp_error_errno(errno);
		(void)close(fd);
		conn_refuse(s, number, "no descriptor is left");
		return;
	}
	if (child_send(&s->s_child, WIRE_ACCEPT, fd, &wa, sizeof(wa)) == -1) {
		session_gone(&s->s_child, NULL);
		return;
	}
	if (session_enter(s, PHASE_CONNECTED, NULL) == -1)
		return;
	hold_watch(s);
	free(s->s_facts);
	s->s_facts = NULL;
}

/* The session is to say goodbye to its peer, and answers with DONE. */
void
conn_refuse(struct session *s, int number, const char *reason)
{
	struct wire_refuse	 wo;

	memset(&wo, 0, sizeof(wo));
	wo.wo_error = number;
	(void)strlcpy(wo.wo_reason, reason, sizeof(wo.wo_reason));
	s->s_error = number;
	if ((s->s_reason = strdup(reason)) == NULL ||
	    child_send(&s->s_child, WIRE_REFUSE, -1, &wo, sizeof(wo)) == -1 ||
	    session_enter(s, PHASE_REFUSED, NULL) == -1) {
		conn_fail(s, number, reason);
		return;
	}
	session_set_timer(s, LEAVE_SECONDS);
}

/* The other side of a client block's connection, while it is held here. */
static void
conn_close_plain(struct session *s)
{
	if (s->s_plain == -1)
		return;
	(void)close(s->s_plain);
	s->s_plain = -1;
	env->sd_fds--;
}

/*
 * Releases what the parent holds of a connection.  A session that has said DONE
 * has closed its own descriptors; any other may still use them.
 */
static void
conn_release(struct session *s)
{
	if (!s->s_done) {
		hold_end(&s->s_outer);
		hold_reset(&s->s_inner, 0);
		return;
	}
	hold_release(&s->s_outer);
	if (s->s_partial)
		hold_reset(&s->s_inner, s->s_conf->sv_close);
	else
		hold_release(&s->s_inner);
}

/* The session has gone: all that was under way for the connection ends. */
void
conn_lost(struct session *s)
{
	request_drop(s);
	backend_cancel(s);
	conn_close_plain(s);
	conn_release(s);
}

/* The connection is over, and so is the program where one had its end. */
void
conn_closed(struct session *s)
{
	if (session_leave(s) == -1)
		return;
	execute_release(s);
	source_close(s->s_source);
	stop_check();
}

/* The session itself has found its peer's certificate wanting. */
static void
conn_distrusts(const struct session *s, const char *reason)
{
	struct verdict	 vd;

	if (s->s_facts != NULL || session_state(s) != SECURETCP_CONNECTING)
		return;
	memset(&vd, 0, sizeof(vd));
	(void)strlcpy(vd.vd_reason, reason, sizeof(vd.vd_reason));
	log_judged(s, 0, &vd);
}

/* Every connection ends here; the session may still have to leave. */
static void
conn_end(struct session *s, int number, const char *description,
    const char *reason, const char *closing)
{
	int	 over;

	if (number == ptAuthentication)
		conn_distrusts(s, reason);
	if (number != ptOk)
		log_error(s, number, description, reason);
	offence_end(s, number, reason);
	if (session_enter(s, PHASE_ENDING, closing) == -1)
		return;
	backend_cancel(s);
	conn_close_plain(s);
	request_drop(s);
	s->s_signer = NULL;
	free(s->s_facts);
	s->s_facts = NULL;
	free(s->s_reason);
	s->s_reason = NULL;
	over = !execute_finish(s, number != ptOk || s->s_partial);
	conn_release(s);
	child_close(&s->s_child);
	if (over)
		conn_closed(s);
	else
		session_await(s);
}

static const char *
conn_truncated(const struct session *s, const struct wire_done *wd,
    char *buf, size_t len)
{
	char	 text[CLOCK_TEXT];

	(void)strlcpy(buf, "truncated: ended without close_notify", len);
	if (wd->wd_flags & WIRE_DONE_GONE)
		(void)snprintf(buf, len, "truncated: ended without "
		    "close_notify, and took nothing for %s",
		    clock_seconds(s->s_conf->sv_close, text,
		    sizeof(text)));
	else if (s->s_partial && s->s_phase != PHASE_REFUSED)
		(void)strlcat(buf, ", passed on as a reset", len);
	return (buf);
}

static void
conn_done(struct session *s, const struct wire_done *wd)
{
	const char	*closing = NULL, *reason = wd->wd_reason;
	char		 text[WIRE_REASON];
	int		 number = wd->wd_error;

	if (number != ptOk && securetcp_error_name(number) == NULL) {
		session_gone(&s->s_child, "violation: DONE with an unknown "
		    "error number");
		return;
	}
	s->s_done = 1;
	s->s_distrust = (wd->wd_flags & WIRE_DONE_DISTRUST) != 0;
	s->s_in = wd->wd_in;
	s->s_out = wd->wd_out;
	if (s->s_phase == PHASE_REFUSED) {
		number = s->s_error;
		reason = s->s_reason;
	}
	s->s_partial = (wd->wd_flags & WIRE_DONE_RESET) != 0;
	/* A reset has an end like that as well, and is told as what it is. */
	if (wd->wd_flags & WIRE_DONE_TRUNCATED && number != ptConnectionReset)
		closing = conn_truncated(s, wd, text, sizeof(text));
	else if (number == ptOk)
		closing = reason;
	if (wd->wd_flags & WIRE_DONE_SILENT)
		log_debug("session %llu: nothing was sent: a health check?",
		    (unsigned long long)s->s_id);
	s->s_probe = wd->wd_flags & WIRE_DONE_SILENT &&
	    number == ptConnectionReset && !s->s_conf->sv_client;
	conn_end(s, number, NULL, reason, closing);
}

/* The session is at fault, or its process has died. */
void
conn_terminated(struct session *s, const char *reason)
{
	conn_end(s, ptError, "session terminated", reason, NULL);
}

/* Ends a connection at once, for a reason of the parent's. */
void
conn_fail(struct session *s, int number, const char *reason)
{
	if (session_live(s) && s->s_phase != PHASE_ENDING)
		conn_end(s, number, NULL, reason, NULL);
}

void
conn_make_room(struct session *s)
{
	char	 reason[128];

	pending_reason(s->s_service, reason, sizeof(reason));
	offence_evicted(s, reason);
	conn_fail(s, ptOperationRefused, reason);
}

/* Asks a connection to end, gracefully where it can. */
void
conn_stop(struct session *s, const char *by)
{
	/* From here on its end is reported as it comes. */
	if (s->s_phase == PHASE_CLOSING)
		return;
	if (s->s_phase != PHASE_CONNECTED) {
		conn_fail(s, ptAbort, by);
		return;
	}
	if (session_enter(s, PHASE_CLOSING, by) == -1)
		return;
	if (child_send(&s->s_child, WIRE_CLOSE, -1, NULL, 0) == -1) {
		conn_fail(s, ptAbort, by);
		return;
	}
	(void)hold_moved(&s->s_outer);
	(void)hold_moved(&s->s_inner);
	hold_watch(s);
}

/* The timer of a connection has run out. */
void
conn_overdue(struct session *s)
{
	struct server	*sv = s->s_conf;
	char		 reason[4 * WIRE_REASON], text[CLOCK_TEXT];

	switch (s->s_phase) {
	case PHASE_TARGET:
		target_overdue(s, reason, sizeof(reason));
		conn_fail(s, ptTimeout, reason);
		break;
	case PHASE_HEADER:
	case PHASE_HANDSHAKE:
		(void)snprintf(reason, sizeof(reason),
		    "handshake timer, %s%s", clock_seconds(sv->sv_handshake,
		    text, sizeof(text)), s->s_phase == PHASE_HEADER ?
		    ": no PROXY header has come" : "");
		conn_fail(s, ptTimeout, reason);
		break;
	case PHASE_BACKEND:
		target_overdue(s, reason, sizeof(reason));
		backend_cancel(s);
		conn_refuse(s, ptTimeout, reason);
		break;
	case PHASE_REFUSED:
		/* The session does not answer. */
		conn_fail(s, s->s_error, s->s_reason);
		break;
	case PHASE_CONNECTED:
	case PHASE_CLOSING:
		hold_look(s);
		break;
	default:
		break;
	}
}

/* Type, size and phase were checked: the content has to make sense as well. */
void
conn_message(struct child *c, struct imsg *imsg)
{
	struct session		*s = c->c_owner;
	struct wire_address	 wdr;
	struct wire_asksign	 wq;
	struct wire_established	 wh;
	struct wire_done	 wd;
	struct wire_text	 wt;
	uint32_t		 type = imsg_get_type(imsg);
	char			 text[64];

	switch (type) {
	case WIRE_ADDRESS:
		if (wire_parse(imsg, &wdr, sizeof(wdr)) == -1)
			break;
		conn_address(s, &wdr);
		return;
	case WIRE_ASKSIGN:
		if (wire_parse(imsg, &wq, sizeof(wq)) == -1)
			break;
		conn_asksign(s, &wq);
		return;
	case WIRE_IDENTITY:
		if (wire_parse(imsg, &wh, sizeof(wh)) == -1)
			break;
		conn_identity(s, &wh);
		return;
	case WIRE_ESTABLISHED:
		if (wire_parse(imsg, &wh, sizeof(wh)) == -1)
			break;
		conn_established(s, &wh);
		return;
	case WIRE_DONE:
		if (wire_parse(imsg, &wd, sizeof(wd)) == -1)
			break;
		conn_done(s, &wd);
		return;
	case WIRE_FATAL:
		if (wire_parse(imsg, &wt, sizeof(wt)) == -1)
			break;
		session_fatal(s, wt.wt_text);
		return;
	}
	(void)snprintf(text, sizeof(text), "violation: malformed %s",
	    wire_name(type));
	session_gone(c, text);
}
