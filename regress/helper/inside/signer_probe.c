/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The shipped signer, whose objects this is linked with, but that instead of
 * a signature with the key of number N the probe of that number runs.  When
 * it survives, what came of it is the reason why there is no signature.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "../../unit/sandbox/probe.h"
#include "helper.h"
#include "ops.h"
#include "wire.h"

void		 __wrap_helper_serve(struct imsgbuf *, uint32_t,
		    void (*)(struct imsgbuf *, struct imsg *));

static void
run(uint32_t nth, char *text, size_t size)
{
	const struct op	*op;

	if ((op = ops_nth(OPS_SIGNER, nth)) == NULL) {
		(void)snprintf(text, size, "probe: no such number");
		return;
	}
	probe_tcp = probe_pipe = WIRE_FD;
	probe_file = STDIN_FILENO;
	probe_stopped = 1;
	(void)snprintf(text, size, "probe %s: %s", op->op_name, ops_run(op));
}

void
__wrap_helper_serve(struct imsgbuf *imsgbuf, uint32_t type,
    void (*honest)(struct imsgbuf *, struct imsg *))
{
	struct imsg		 imsg;
	struct wire_sign	 sign;
	struct wire_unsigned	 refusal;

	(void)type;
	(void)honest;
	for (;;) {
		helper_next(imsgbuf, &imsg);
		helper_parse(imsgbuf, &imsg, &sign, sizeof(sign));
		imsg_free(&imsg);
		memset(&refusal, 0, sizeof(refusal));
		refusal.wu_request = sign.wg_request;
		run(sign.wg_index, refusal.wu_reason,
		    sizeof(refusal.wu_reason));
		helper_say(imsgbuf, WIRE_UNSIGNED, &refusal, sizeof(refusal));
	}
}
