/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Handlers that close, abort or free their own object, at one event. */

#ifndef ACT_H
#define ACT_H

#include "fixture.h"

enum act {
	ACT_CLOSE,
	ACT_ABORT,
	ACT_FREE,
	ACT_COUNT
};

/*
 * From now on the object's events are counted, from 1, and at this one that
 * is done.  A receive handler reads what there is.
 */
void		 act_at(struct fixture *, enum act, int);
/* How many there were. */
extern int	 act_events;
/* It was done, in this state. */
extern int	 act_done;
extern enum securetcp_state	 act_state;
/*
 * All that may have been written down, if what was done ends the connection
 * at once; a close in a state that does not allow it changes nothing.
 */
extern char	 act_expected[512];
extern int	 act_ends;

#endif /* ACT_H */
