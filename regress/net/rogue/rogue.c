/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The shipped spawner.c, without a sandbox, which looks for orders whenever
 * it waits.  A checker is the shipped one, unless there is a plan for it.
 */

#include <sys/types.h>
#include <sys/mman.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <imsg.h>

#include "helper.h"
#include "procs.h"
#include "rogue.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

struct rogue_orders	*rogue_orders;
static char		 rogue_plan[ROGUE_LINE];
static int		 rogue_planned = -1;

/* 1 when there was an order, and it was this process that took it. */
int
rogue_obey(volatile int *set, const char *order)
{
	char	 line[ROGUE_LINE];

	if (!*set || !__sync_bool_compare_and_swap(set, 1, 2))
		return (0);
	(void)snprintf(line, sizeof(line), "%s", order);
	act_id = rogue_orders->ro_id;
	*set = 0;
	act(line, NULL);
	return (1);
}

/* For the spawner's poll(2): it comes by 50 times a second. */
static int
rogue_poll(int64_t deadline, int timeout)
{
	int	 ms;

	(void)rogue_obey(&rogue_orders->ro_spawner_set,
	    rogue_orders->ro_spawner);
	ms = timer_poll(deadline, timeout);
	return (ms == -1 || ms > 20 ? 20 : ms);
}

/* The plan is read while there are an environment and files. */
static void
rogue_start(struct imsgbuf *pipe, struct wire_start *start)
{
	rogue_orders = mmap(NULL, sizeof(*rogue_orders),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
	if (rogue_orders == MAP_FAILED)
		err(1, "mmap");
	rogue_planned = act_plan(rogue_plan, sizeof(rogue_plan));
	helper_start(pipe, start);
}

/* The plan is carried out where the honest one says READY. */
static const char *
rogue_name(void)
{
	if (rogue_planned == 0)
		act(rogue_plan, NULL);
	return ("rogue");
}

/* In place of the answer to the first question. */
__attribute__((__noreturn__))
static void
rogue_checker(struct imsgbuf *pipe, const struct wire_start *start)
{
	struct imsg	 imsg;

	if (rogue_planned == -1)
		inspect_run(pipe, start);
	helper_ready(pipe, "rogue");
	helper_next(pipe, &imsg);
	imsg_free(&imsg);
	act(rogue_plan, NULL);
	for (;;)
		helper_next(pipe, &imsg);
}

#define helper_start		rogue_start
#define helper_sandbox(pipe, start, role)	((void)(start), (void)(role))
#define inspect_run		rogue_checker
#define sandbox_name		rogue_name
#define timer_poll		rogue_poll
#include "../../../libexec/securetcp-session/spawner.c"
