/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What is tried inside the sandboxes of the shipped processes, by name. */

#ifndef OPS_H
#define OPS_H

#include <stddef.h>

#define OPS_SESSION	0x01	/* in place of the handshake, and relaying */
#define OPS_SPAWNER	0x02
#define OPS_SIGNER	0x04
#define OPS_ALL		(OPS_SESSION | OPS_SPAWNER | OPS_SIGNER)

struct op {
	const char	*op_name;
	int		(*op_run)(void);	/* 0: it worked */
	unsigned int	 op_works;		/* for these */
	unsigned int	 op_refused;		/* ends these */
};

const struct op	*ops_find(const char *);
/* One after the other: first those that are refused, then those that work. */
const struct op	*ops_nth(unsigned int, size_t);
/* "ok", or what it was instead. */
const char	*ops_run(const struct op *);

#endif /* OPS_H */
