/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Errors, for the library and the daemon's processes.  Not installed: the
 * policy, what the parent does about an error, is the daemon's; it stands here
 * so that one table says all there is to a number.
 */

#ifndef ERRORS_H
#define ERRORS_H

/* The least "log" setting under which an error is told. */
enum securetcp_level {
	SECURETCP_LEVEL_VERBOSE = 0,
	SECURETCP_LEVEL_STATE,
	SECURETCP_LEVEL_ERRORS
};

struct securetcp_policy {
	unsigned int		 penalty;	/* weight against its source */
	enum securetcp_level	 level;
};

/* The number for what getaddrinfo(3) returned, with errno as it left it. */
int		 securetcp_error_lookup(int);
/* NULL for an unknown number. */
const struct securetcp_policy
		*securetcp_error_policy(int);

#endif /* ERRORS_H */
