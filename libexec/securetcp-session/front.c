/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The bytes before TLS on an accepted socket: a PROXY header where one is
 * expected, and the ClientHello where its server name decides.  The bytes of
 * the latter are passed on to the SecureTcp object.  A name that is refused
 * costs neither a certificate nor a signature.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "match.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define FRONT_BUFFER	(PROXYIN_MAX > HELLO_MAX ? PROXYIN_MAX : HELLO_MAX)

/* Alerts of TLS, fatal ones. */
#define ALERT_PARAMETER	47
#define ALERT_DECODE	50
#define ALERT_NAME	112

static uint8_t	 front_buf[FRONT_BUFFER];
static size_t	 front_len;
static struct again front_again;

static size_t	 front_more(struct session_self *, size_t);
__attribute__((__noreturn__))
static void	 front_broken(struct session_self *);
static void	 front_wait(struct session_self *);
static void	 front_late(struct session_self *);
static void	 front_proxy(struct session_self *);
static void	 front_address(struct session_self *, const struct proxyin *);
static void	 front_hello(struct session_self *);
static void	 front_select(struct session_self *);
static int	 front_matches(const struct session_self *,
		    const struct wire_match *);
static void	 front_refuse(struct session_self *);
static void	 front_alert(struct session_self *, uint8_t);
static int	 front_watch(const void *, size_t, void *);

void
front_read(struct session_self *s)
{
	if (s->s_adopt.wad_flags & WIRE_ADOPT_PROXY)
		front_proxy(s);
	if (s->s_server->sv_nmatches > 0)
		front_hello(s);
	if (s->s_front.fr_looked)
		(void)securetcp_watch(s->s_tcp, front_watch, s);
	if (securetcp_preload(s->s_tcp, front_buf, front_len) != ptOk)
		session_done(s, ptNoBufferSpace, "out of memory");
}

/* Until the socket can be read; orders and the timer are heard meanwhile. */
static void
front_wait(struct session_self *s)
{
	struct pollfd	 pfd[2];
	int		 n;

	for (;;) {
		pfd[0].fd = WIRE_FD;
		pfd[1].fd = s->s_adopted;
		pfd[0].events = pfd[1].events = POLLIN;
		pfd[0].revents = pfd[1].revents = 0;
		n = poll(pfd, 2, timer_poll(s->s_deadline, -1));
		if (n == -1 && errno != EINTR)
			helper_fatal(s->s_pipe, "session: poll: %s",
			    strerror(errno));
		if (n > 0 && pfd[0].revents != 0)
			pipe_read(s);
		if (s->s_refused || s->s_close)
			session_ordered(s);
		if (n > 0 && pfd[1].revents != 0)
			return;
		if (s->s_deadline != 0 && compat_now() >= s->s_deadline)
			front_late(s);
	}
}

/* The parent has the same timer, and the same words for it. */
static void
front_late(struct session_self *s)
{
	char	 reason[WIRE_REASON];

	(void)timer_reason("handshake", s->s_server->sv_wire.wv_handshake,
	    reason, sizeof(reason));
	if (s->s_front.fr_header)
		(void)strlcat(reason, ": no PROXY header has come",
		    sizeof(reason));
	session_done(s, ptTimeout, reason);
}

/*
 * At most so many bytes more: how many, 0 at the end of what will come, with
 * an errno where the peer has not just ended.
 */
static size_t
front_more(struct session_self *s, size_t max)
{
	ssize_t	 n;

	s->s_front.fr_errno = 0;
	if (max > sizeof(front_buf) - front_len)
		max = sizeof(front_buf) - front_len;
	for (;;) {
		n = recv(s->s_adopted, front_buf + front_len, max, 0);
		if (n >= 0) {
			front_len += (size_t)n;
			s->s_front.fr_heard |= n > 0;
			return ((size_t)n);
		}
		if (errno != EAGAIN && errno != EINTR)
			break;
		front_wait(s);
	}
	s->s_front.fr_errno = errno;
	return (0);
}

/* The object could not tell why any more: a socket says that once. */
static void
front_broken(struct session_self *s)
{
	char	 reason[WIRE_REASON];

	if (front_len == 0)
		session_done(s, ptOk, "the peer left without sending "
		    "anything");
	(void)snprintf(reason, sizeof(reason), "the peer left in the middle "
	    "of the handshake: %s", strerror(s->s_front.fr_errno));
	session_done(s, ptConnectionAborted, reason);
}

static void
front_proxy(struct session_self *s)
{
	struct proxyin	 px;

	s->s_front.fr_header = 1;
	for (;;) {
		switch (proxyin_parse(front_buf, front_len, &px)) {
		case PROXYIN_DONE:
			front_address(s, &px);
			s->s_front.fr_header = 0;
			front_len = 0;
			return;
		case PROXYIN_BAD:
			session_done(s, ptProtocol, px.px_why);
		case PROXYIN_MORE:
			break;
		}
		if (front_more(s, px.px_more) > 0)
			continue;
		if (front_len == 0)
			session_done(s, ptOk, "the peer left without sending "
			    "anything");
		session_done(s, ptConnectionAborted, "the proxy left in the "
		    "middle of the PROXY header");
	}
}

static void
front_address(struct session_self *s, const struct proxyin *px)
{
	struct wire_address	 wdr;

	memset(&wdr, 0, sizeof(wdr));
	switch (px->px_family) {
	case AF_INET:
		wdr.wdr_family = 4;
		break;
	case AF_INET6:
		wdr.wdr_family = 6;
		break;
	}
	if (wdr.wdr_family != 0) {
		memcpy(wdr.wdr_src, px->px_src, sizeof(wdr.wdr_src));
		memcpy(wdr.wdr_dst, px->px_dst, sizeof(wdr.wdr_dst));
		wdr.wdr_srcport = px->px_srcport;
		wdr.wdr_dstport = px->px_dstport;
	}
	helper_say(s->s_pipe, WIRE_ADDRESS, &wdr, sizeof(wdr));
}

/* The object sees and names what is no TLS, or ends too soon. */
static void
front_hello(struct session_self *s)
{
	struct front	*fr = &s->s_front;
	char		 reason[WIRE_REASON];

	for (;;) {
		switch (hello_parse(front_buf, front_len, &fr->fr_hello)) {
		case HELLO_DONE:
			front_select(s);
			return;
		case HELLO_BAD:
			if (strcmp(fr->fr_hello.he_why, HELLO_NOTTLS) == 0) {
				fr->fr_nottls = 1;
				return;
			}
			(void)snprintf(reason, sizeof(reason),
			    "ClientHello: %s", fr->fr_hello.he_why);
			front_alert(s, ALERT_DECODE);
			session_done(s, ptProtocol, reason);
		case HELLO_MORE:
			break;
		}
		if (front_more(s, sizeof(front_buf)) > 0)
			continue;
		if (fr->fr_errno != 0)
			front_broken(s);
		fr->fr_nottls = 1;
		return;
	}
}

static int
front_matches(const struct session_self *s, const struct wire_match *wm)
{
	const struct hello	*he = &s->s_front.fr_hello;

	switch (wm->wm_selector) {
	case WIRE_MATCH_NAME:
		return (he->he_sni && !he->he_odd &&
		    match_dnsname(wm->wm_pattern, he->he_name));
	case WIRE_MATCH_UNKNOWN:
		return (he->he_sni && (he->he_odd || !securetcp_config_covers(
		    s->s_server->sv_config, he->he_name)));
	case WIRE_MATCH_ABSENT:
		return (!he->he_sni);
	}
	return (0);
}

static void
front_select(struct session_self *s)
{
	const struct session_server	*sv = s->s_server;
	struct front		*fr = &s->s_front;
	unsigned int		 i;

	fr->fr_looked = 1;
	for (i = 0; i < sv->sv_nmatches; i++) {
		if (!front_matches(s, &sv->sv_matches[i]))
			continue;
		fr->fr_match = i + 1;
		if (sv->sv_matches[i].wm_refuse)
			front_refuse(s);
		return;
	}
}

static void
front_refuse(struct session_self *s)
{
	const struct front	*fr = &s->s_front;
	char			 reason[2 * WIRE_REASON];

	/* The name comes last: it is what may be cut off. */
	(void)snprintf(reason, sizeof(reason), "match rule %u refuses %s%s",
	    fr->fr_match, fr->fr_hello.he_sni ? "server name " :
	    "clients without a server name", fr->fr_hello.he_name);
	front_alert(s, ALERT_NAME);
	session_done(s, ptOperationRefused, reason);
}

/* In the clear, as no keys exist yet; whether it arrives is of no matter. */
static void
front_alert(struct session_self *s, uint8_t alert)
{
	uint8_t	 record[] = { 21, 3, 3, 0, 2, 2, 0 };

	record[6] = alert;
	(void)send(s->s_adopted, record, sizeof(record), MSG_NOSIGNAL);
	(void)shutdown(s->s_adopted, SHUT_WR);
}

/* The first hello and what comes after it, before TLS gets to see it. */
static int
front_watch(const void *buf, size_t len, void *arg)
{
	struct session_self	*s = arg;
	struct front	*fr = &s->s_front;

	if (fr->fr_again != NULL)
		return (-1);
	fr->fr_again = again_watch(&front_again, &fr->fr_hello, buf, len);
	if (fr->fr_again == NULL)
		return (0);
	front_alert(s, ALERT_PARAMETER);
	return (-1);
}

/* A client may say another hello when it is asked for one once more. */
const char *
front_check(const struct session_self *s)
{
	const struct front	*fr = &s->s_front;
	const char		*name = securetcp_servername(s->s_tcp);
	struct hello		 he;

	if (fr->fr_nottls)
		return ("a handshake without a ClientHello that could be "
		    "looked at");
	if (!fr->fr_looked)
		return (NULL);
	memset(&he, 0, sizeof(he));
	if (hello_name(name, strlen(name), &he) == NULL &&
	    strcmp(he.he_name, fr->fr_hello.he_name) == 0)
		return (NULL);
	return (fr->fr_hello.he_sni ? AGAIN_CHANGED : AGAIN_LATE);
}
