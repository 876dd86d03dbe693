/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The PROXY header that goes to a backend before anything else.  Addresses
 * are what the parent knows, the rest is what the session has said.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "proxyout.h"
#include "securetcpd.h"

/* For the backend that was chosen; -1 with errno. */
int
header_make(struct session *s)
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
