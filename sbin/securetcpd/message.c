/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <string.h>

#include "compat.h"
#include "securetcpd.h"

/*
 * What sessions say.  Type, size, state and repetition were checked by
 * wire_check(); here it is the content that has to make sense.
 */
static void
message_asksign(struct session *s, struct imsg *imsg)
{
	struct certificate	*ce = s->s_service->se_conf->sv_certificate;
	struct wire_asksign	 wq;

	if (wire_parse(imsg, &wq, sizeof(wq)) == -1) {
		session_gone(&s->s_child, "violation: malformed ASKSIGN");
		return;
	}
	if (wq.wq_type != ce->ce_type ||
	    timingsafe_bcmp(wq.wq_id, ce->ce_id, WIRE_KEYID) != 0) {
		session_gone(&s->s_child, "violation: a signature was asked "
		    "for with a key that is not its server's");
		return;
	}
	if (signer_ask(s, &wq) == -1)
		session_fail(s, ptError, "no signer is ready");
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
	case WIRE_ASKSIGN:
		message_asksign(c->c_owner, imsg);
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
