/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <errno.h>
#include <imsg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "helper.h"
#include "resolver.h"
#include "sandbox.h"
#include "wire.h"

static void	 resolver_sandbox(struct imsgbuf *, const struct wire_start *);
static void	 resolver_answer(struct imsgbuf *, struct imsg *);

static void
resolver_sandbox(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	int	 sandboxed = 1;

	/* While it waits for a name server it does not see its pipe end. */
	if (compat_follow() == -1)
		helper_fatal(imsgbuf, "parent's death: %s", strerror(errno));
	if (setenv("RES_OPTIONS", RESOLVER_OPTIONS, 0) == -1)
		helper_fatal(imsgbuf, "environment: %s", strerror(errno));
	if (lookup_init() == -1) {
		if (errno != ENOSYS || !(start->ws_flags &
		    WIRE_START_OPTIONAL))
			helper_fatal(imsgbuf, "names cannot be looked up in "
			    "a sandbox: %s", strerror(errno));
		sandboxed = 0;
	}
	if (privdrop_limits(start->ws_nofile, 1) == -1)
		helper_fatal(imsgbuf, "limits: %s", strerror(errno));
	helper_bound(imsgbuf, RESOLVER_MEMORY);
	if (sandboxed)
		helper_sandbox(imsgbuf, start, SANDBOX_RESOLVER);
}

static void
resolver_answer(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct wire_resolve	 question;
	struct wire_resolved	 answer;

	helper_parse(imsgbuf, imsg, &question, sizeof(question));
	resolve(&question, &answer);
	if (wire_send(imsgbuf, WIRE_RESOLVED, -1, &answer,
	    sizeof(answer)) == -1)
		helper_fatal(imsgbuf, "RESOLVED: %s", strerror(errno));
	/* Before the next question, which may take long. */
	helper_flush(imsgbuf);
}

int
main(void)
{
	struct imsgbuf		 imsgbuf;
	struct wire_start	 start;
	struct imsg		 imsg;

	helper_start(&imsgbuf, &start);
	resolver_sandbox(&imsgbuf, &start);
	helper_ready(&imsgbuf, sandbox_name());
	for (;;) {
		helper_next(&imsgbuf, &imsg);
		if (imsg_get_type(&imsg) != WIRE_RESOLVE)
			helper_fatal(&imsgbuf, "%s while resolving",
			    wire_name(imsg_get_type(&imsg)));
		resolver_answer(&imsgbuf, &imsg);
		imsg_free(&imsg);
	}
}
