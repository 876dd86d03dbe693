/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <string.h>

#include "compat.h"
#include "securetcpd.h"

/*
 * What sessions say.  Type, size, state and repetition were checked by
 * wire_check(); here it is the content that has to make sense.
 */
static const struct certificate *
message_certificate(const struct server *sv, const struct wire_asksign *wq)
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
message_asksign(struct session *s, struct imsg *imsg)
{
	const struct certificate	*ce;
	struct wire_asksign		 wq;

	if (wire_parse(imsg, &wq, sizeof(wq)) == -1) {
		session_gone(&s->s_child, "violation: malformed ASKSIGN");
		return;
	}
	ce = message_certificate(s->s_service->se_conf, &wq);
	if (ce == NULL) {
		session_gone(&s->s_child, "violation: a signature was asked "
		    "for with a key that is not its server's");
		return;
	}
	if (request_add(s, ce, &wq) == -1)
		session_fail(s, ptNoBufferSpace, strerror(errno));
	else
		signers_serve();
}

static void
message_address(struct session *s, struct imsg *imsg)
{
	struct wire_address	 wdr;

	if (wire_parse(imsg, &wdr, sizeof(wdr)) == -1) {
		session_gone(&s->s_child, "violation: malformed ADDRESS");
		return;
	}
	session_address(s, &wdr);
}

static void
message_identity(struct session *s, struct imsg *imsg)
{
	struct wire_established	 wh;

	if (wire_parse(imsg, &wh, sizeof(wh)) == -1) {
		session_gone(&s->s_child, "violation: malformed IDENTITY");
		return;
	}
	session_identity(s, &wh);
}

static void
message_established(struct session *s, struct imsg *imsg)
{
	struct wire_established	 wh;

	if (wire_parse(imsg, &wh, sizeof(wh)) == -1) {
		session_gone(&s->s_child, "violation: malformed ESTABLISHED");
		return;
	}
	session_established(s, &wh);
}

static void
message_done(struct session *s, struct imsg *imsg)
{
	struct wire_done	 wd;

	if (wire_parse(imsg, &wd, sizeof(wd)) == -1) {
		session_gone(&s->s_child, "violation: malformed DONE");
		return;
	}
	if (wd.wd_error != 0 && securetcp_error_name(wd.wd_error) == NULL) {
		session_gone(&s->s_child, "violation: DONE with an unknown "
		    "error number");
		return;
	}
	session_done(s, &wd);
}

/* It cannot go on, and says why: more than its exit code will. */
static void
message_fatal(struct session *s, struct imsg *imsg)
{
	struct wire_text	 wt;

	if (wire_parse(imsg, &wt, sizeof(wt)) == -1) {
		session_gone(&s->s_child, "violation: malformed FATAL");
		return;
	}
	session_fatal(s, wt.wt_text);
}

void
session_message(struct child *c, struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_ADDRESS:
		message_address(c->c_owner, imsg);
		break;
	case WIRE_ASKSIGN:
		message_asksign(c->c_owner, imsg);
		break;
	case WIRE_IDENTITY:
		message_identity(c->c_owner, imsg);
		break;
	case WIRE_ESTABLISHED:
		message_established(c->c_owner, imsg);
		break;
	case WIRE_DONE:
		message_done(c->c_owner, imsg);
		break;
	case WIRE_FATAL:
		message_fatal(c->c_owner, imsg);
		break;
	}
}
