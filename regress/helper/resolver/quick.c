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

static int		 quick_add(struct event *, const struct timeval *);

/* What waits for a process to be ready, or gone, goes by the clock. */
#undef evtimer_add
#define evtimer_add	quick_add
#include "../../../sbin/securetcpd/proc.c"

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

/* What resolver.c has made of proc.c's. */
static void
quick_asked(struct proc *p)
{
	questions++;
	proc_asked(p);
}

static void
quick_post(struct post *po, const struct proc_kind *pk, void *owner,
    const char *title, const char *name)
{
	static struct proc_kind	 quick;

	quick = *pk;
	quick.pk_patience /= QUICK_FACTOR;
	proc_post(po, &quick, owner, title, "%s", name);
}

unsigned int
quick_questions(void)
{
	return (questions);
}

#define proc_asked	quick_asked
#define proc_post	quick_post
#include "../../../sbin/securetcpd/resolver.c"
