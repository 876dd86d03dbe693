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

#include <stdio.h>
#include <unistd.h>

#include "../sandbox/probe.h"
#include "ops.h"
#include "signer.h"
#include "wire.h"

const char	*__wrap_keys_sign(const struct wire_sign *,
		    struct wire_signed *);

const char *
__wrap_keys_sign(const struct wire_sign *sign, struct wire_signed *answer)
{
	static char	 text[WIRE_REASON];
	const struct op	*op;

	(void)answer;
	if ((op = ops_nth(OPS_SIGNER, sign->wg_index)) == NULL)
		return ("probe: no such number");
	probe_tcp = probe_pipe = WIRE_FD;
	probe_file = STDIN_FILENO;
	probe_stopped = 1;
	snprintf(text, sizeof(text), "probe %s: %s", op->op_name, ops_run(op));
	return (text);
}
