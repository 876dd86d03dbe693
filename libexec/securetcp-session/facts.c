/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What a handshake has shown, for the parent to decide upon and to log. */

#include <sys/types.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "match.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

static void	 facts_servername(const struct session *, char *, size_t);
static int	 facts_names(struct securetcp *, char *, size_t);
static int	 facts_name(const char *, char *, size_t);
static void	 facts_peer(struct securetcp *, struct wire_established *);

/*
 * As the client has sent it, without a dot at its end; an address, or what
 * could be no host's name, has not been sent for anybody else.  A client
 * block's is what the parent has asked it to look for.
 */
static void
facts_servername(const struct session *s, char *buf, size_t size)
{
	const char	*name = securetcp_servername(s->s_tcp);
	size_t		 len = strlen(name);

	(void)strlcpy(buf, name, size);
	if (s->s_server->sv_wire.wv_flags & WIRE_SERVER_CLIENT)
		return;
	if (len > 0 && len < size && buf[len - 1] == '.')
		buf[len - 1] = '\0';
	if (!match_servername_ok(buf))
		buf[0] = '\0';
}

/* One a line, whole ones only: true when all of them are there. */
static int
facts_names(struct securetcp *tcp, char *buf, size_t size)
{
	static const char	*const kinds[] = {
		[SECURETCP_NAME_DNS] = "dns",
		[SECURETCP_NAME_ADDRESS] = "ip",
		[SECURETCP_NAME_URI] = "uri",
		[SECURETCP_NAME_EMAIL] = "email"
	};
	enum securetcp_name	 kind;
	const char		*name;
	size_t			 i, len = 0;
	int			 n;

	buf[0] = '\0';
	for (i = 0; (name = securetcp_peer_name(tcp, i, &kind)) != NULL; i++) {
		n = snprintf(buf + len, size - len, "%s%s:%s",
		    len == 0 ? "" : "\n", kinds[kind], name);
		if (n < 0 || (size_t)n >= size - len) {
			buf[len] = '\0';
			return (0);
		}
		len += (size_t)n;
	}
	return (securetcp_peer_names_complete(tcp));
}

/* Half a name is another name. */
static int
facts_name(const char *name, char *buf, size_t size)
{
	if (strlcpy(buf, name, size) < size)
		return (1);
	buf[0] = '\0';
	return (0);
}

static void
facts_peer(struct securetcp *tcp, struct wire_established *wh)
{
	wh->wh_peer = WIRE_PEER_GIVEN;
	if (!facts_name(securetcp_peer_subject(tcp), wh->wh_subject,
	    sizeof(wh->wh_subject)))
		wh->wh_peer |= WIRE_PEER_LONG;
	if (!facts_name(securetcp_peer_issuer(tcp), wh->wh_issuer,
	    sizeof(wh->wh_issuer)))
		wh->wh_peer |= WIRE_PEER_LONG;
	if (!facts_names(tcp, wh->wh_san, sizeof(wh->wh_san)))
		wh->wh_peer |= WIRE_PEER_NAMES;
	(void)strlcpy(wh->wh_hash, securetcp_peer_hash(tcp),
	    sizeof(wh->wh_hash));
	wh->wh_notbefore = (uint64_t)securetcp_peer_notbefore(tcp);
	wh->wh_notafter = (uint64_t)securetcp_peer_notafter(tcp);
}

void
facts_fill(const struct session *s, struct wire_established *wh)
{
	struct securetcp	*tcp = s->s_tcp;

	memset(wh, 0, sizeof(*wh));
	(void)strlcpy(wh->wh_version, securetcp_version(tcp),
	    sizeof(wh->wh_version));
	(void)strlcpy(wh->wh_cipher, securetcp_cipher(tcp),
	    sizeof(wh->wh_cipher));
	facts_servername(s, wh->wh_servername, sizeof(wh->wh_servername));
	(void)strlcpy(wh->wh_alpn, securetcp_alpn(tcp), sizeof(wh->wh_alpn));
	wh->wh_match = (uint16_t)s->s_front.fr_match;
	if (securetcp_peer_hash(tcp)[0] != '\0')
		facts_peer(tcp, wh);
}

/*
 * Whether the parent's rules allow the peer: asked for in the middle of the
 * handshake, so that a peer that is denied is told so.  False as well when
 * there is no answer in time, or an order to end.
 */
int
facts_allowed(struct session *s)
{
	struct wire_established	 wh;

	facts_fill(s, &wh);
	s->s_identity = IDENTITY_ASKED;
	if (wire_send(s->s_pipe, WIRE_IDENTITY, -1, &wh, sizeof(wh)) == -1)
		helper_fatal(s->s_pipe, "session: IDENTITY: %s",
		    strerror(errno));
	helper_flush(s->s_pipe);
	while (s->s_identity == IDENTITY_ASKED && !s->s_close && !s->s_refused)
		if (!pipe_await(s, s->s_deadline))
			break;
	return (s->s_identity == IDENTITY_ALLOWED);
}
