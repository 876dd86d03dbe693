/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <time.h>

#include "securetcpd.h"

/* Milliseconds of the clock that never goes back; every system has it. */
int64_t
clock_now(void)
{
	struct timespec	 now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* "1 second", "2 seconds" */
const char *
clock_seconds(unsigned int n, char *buf, size_t len)
{
	(void)snprintf(buf, len, "%u second%s", n, n == 1 ? "" : "s");
	return (buf);
}
