/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Deadlines: milliseconds of the monotonic clock, 0 for none. */

#include <sys/types.h>

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "session.h"

int64_t
timer_now(void)
{
	struct timespec	 ts;

	/* Cannot fail: every system here has the clock. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

int64_t
timer_after(uint32_t ms)
{
	return (ms == 0 ? 0 : timer_now() + ms);
}

/* The timeout for poll(2): up to the deadline, and at most the given one. */
int
timer_poll(int64_t deadline, int timeout)
{
	int64_t	 left;

	if (deadline == 0)
		return (timeout);
	/* One more, as the clock was rounded down: no early wakeup. */
	left = deadline - timer_now() + 1;
	if (left < 0)
		left = 0;
	if (left > INT_MAX)
		left = INT_MAX;
	if (timeout >= 0 && timeout < left)
		return (timeout);
	return ((int)left);
}

/* "idle timer, 600 seconds", as the parent names its own. */
const char *
timer_reason(const char *name, uint32_t ms, char *buf, size_t size)
{
	uint32_t	 n = ms % 1000 == 0 ? ms / 1000 : ms;

	(void)snprintf(buf, size, "%s timer, %u %ssecond%s", name, n,
	    n == ms ? "milli" : "", n == 1 ? "" : "s");
	return (buf);
}
