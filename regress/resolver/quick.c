/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/time.h>

#include <event.h>
#include <stddef.h>

#include "quick.h"
#include "securetcpd.h"

#define QUICK_MAX	61

static unsigned int	 counts[QUICK_MAX], questions;

static int
quick_add(struct event *ev, const struct timeval *tv)
{
	struct timeval	 less;
	long		 us;

	if (tv->tv_sec < QUICK_MAX)
		counts[tv->tv_sec]++;
	us = (long)tv->tv_sec * (1000000 / QUICK_FACTOR);
	less.tv_sec = us / 1000000;
	less.tv_usec = us % 1000000;
	return (event_add(ev, &less));
}

unsigned int
quick_count(long seconds)
{
	return (counts[seconds]);
}

/* As the helpers' own does it, in less time. */
static void
quick_later(struct event *ev, unsigned int failures)
{
	struct timeval	 tv = { 0, 0 };

	tv.tv_sec = failures > 30 ? 30 : failures;
	(void)quick_add(ev, &tv);
}

static void
quick_patient(struct helper *h, unsigned int seconds)
{
	helper_patient(h, seconds / QUICK_FACTOR);
}

static void
quick_asked(struct helper *h)
{
	questions++;
	helper_asked(h);
}

unsigned int
quick_questions(void)
{
	return (questions);
}

#define helper_later	quick_later
#define helper_asked	quick_asked
#define helper_patient	quick_patient
#undef evtimer_add
#define evtimer_add	quick_add
#include "../../sbin/securetcpd/resolver.c"
