/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>

#include "compat.h"
#include "securetcpd.h"

#define CLOCK_BEAT	500		/* milliseconds between two looks ... */
#define CLOCK_AWAY	1500		/* ... and so many: it was not there */
#define CLOCK_GRAIN	10		/* milliseconds of a turn of the loop */

static struct event	 clock_beat;
static int		 clock_beats;
static int64_t		 clock_seen;	/* the last look */
static int64_t		 clock_back;	/* from being away; 0: it never was */

/* Milliseconds of the clock that never goes back. */
int64_t
clock_now(void)
{
	return (compat_now());
}

/* "1 second", "2 seconds" */
const char *
clock_seconds(unsigned int n, char *buf, size_t len)
{
	(void)snprintf(buf, len, "%u second%s", n, n == 1 ? "" : "s");
	return (buf);
}

/*
 * The event, so many milliseconds from now; at once when they have passed.
 * libevent counts from the beginning of its turn: rather late than early.
 */
void
clock_after(struct event *ev, int64_t ms)
{
	struct timeval	 tv = { 0, 0 };

	if (ms > 0) {
		ms += CLOCK_GRAIN;
		tv.tv_sec = (time_t)(ms / 1000);
		tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	}
	(void)evtimer_add(ev, &tv);
}

static void
clock_tick(int fd, short what, void *arg)
{
	struct timeval	 tv = { 0, CLOCK_BEAT * 1000 };

	(void)fd;
	(void)what;
	(void)arg;
	(void)evtimer_add(&clock_beat, &tv);
}

/*
 * When the daemon was away the last time, stopped or without a processor, or 0;
 * maybe it has just come back.  Others are not blamed for what they failed to
 * do meanwhile.
 */
int64_t
clock_late(void)
{
	int64_t	 now = clock_now();

	if (clock_seen != 0 && now - clock_seen >= CLOCK_AWAY)
		clock_back = now;
	return (clock_back);
}

/* To be called at every turn of the main loop, which the beat sees to. */
void
clock_look(void)
{
	(void)clock_late();
	clock_seen = clock_now();
}

void
clock_start(void)
{
	clock_beats = 1;
	clock_look();
	evtimer_set(&clock_beat, clock_tick, NULL);
	clock_tick(-1, 0, NULL);
}

void
clock_stop(void)
{
	if (clock_beats)
		(void)evtimer_del(&clock_beat);
}
