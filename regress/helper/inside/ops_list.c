/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 *	ops_list session|spawner|signer
 *
 * "refused NAME" or "works NAME", a line for each, in the order of the
 * numbers that signer_probe has for them.
 */

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "ops.h"

int
main(int argc, char *argv[])
{
	const struct op	*op;
	unsigned int	 role;
	size_t		 i;

	if (argc != 2)
		errx(1, "usage: ops_list session|spawner|signer");
	if (strcmp(argv[1], "session") == 0)
		role = OPS_SESSION;
	else if (strcmp(argv[1], "spawner") == 0)
		role = OPS_SPAWNER;
	else if (strcmp(argv[1], "signer") == 0)
		role = OPS_SIGNER;
	else
		errx(1, "%s: no such role", argv[1]);
	for (i = 0; (op = ops_nth(role, i)) != NULL; i++)
		printf("%s %s\n", op->op_refused & role ? "refused" : "works",
		    op->op_name);
	return (fflush(stdout) == EOF);
}
