/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The spawner: as securetcp-session's main.c, without a sandbox.  A checker is
 * the shipped one, unless there is a plan for it.
 */

#include <sys/types.h>
#include <sys/mman.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <imsg.h>

#include "helper.h"
#include "inspect.h"
#include "procs.h"
#include "rogue.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

struct rogue_orders	*rogue_orders;

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
int
rogue_poll(int64_t deadline, int timeout)
{
	int	 ms;

	(void)rogue_obey(&rogue_orders->ro_spawner_set,
	    rogue_orders->ro_spawner);
	ms = timer_poll(deadline, timeout);
	return (ms == -1 || ms > 20 ? 20 : ms);
}

static void
rogue_ready(struct imsgbuf *pipe)
{
	struct wire_ready	 ready;

	memset(&ready, 0, sizeof(ready));
	(void)strlcpy(ready.wr_sandbox, "rogue", sizeof(ready.wr_sandbox));
	if (wire_send(pipe, WIRE_READY, -1, &ready, sizeof(ready)) == -1)
		helper_fatal(pipe, "READY");
	helper_flush(pipe);
}

/* In place of the answer to the first question. */
__attribute__((__noreturn__))
static void
rogue_checker(struct imsgbuf *pipe, const char *plan)
{
	struct imsg	 imsg;

	rogue_ready(pipe);
	helper_next(pipe, &imsg);
	imsg_free(&imsg);
	act(plan, NULL);
	for (;;)
		helper_next(pipe, &imsg);
}

int
main(void)
{
	static struct server	 server;
	static struct imsgbuf	 pipe;
	char			 plan[ROGUE_LINE];
	int			 planned, procfd;

	rogue_orders = mmap(NULL, sizeof(*rogue_orders),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
	if (rogue_orders == MAP_FAILED)
		err(1, "mmap");
	planned = act_plan(plan, sizeof(plan));
	helper_start(&pipe, &server.sv_start);
	if (server.sv_start.ws_flags & WIRE_START_CHECK) {
		if (planned == 0)
			rogue_checker(&pipe, plan);
		inspect_run(&pipe, &server.sv_start);
	}
	if (sign_init() != ptOk)
		helper_fatal(&pipe, "no signing hook");
	config_read(&pipe, &server);
	if (securetcp_warm() != ptOk)
		helper_fatal(&pipe, "cannot shake hands with itself");
	if ((procfd = procs_init()) == -1)
		helper_fatal(&pipe, "procs_init");
	helper_bound(&pipe, SESSION_MEMORY);
	if (planned == 0)
		act(plan, NULL);
	rogue_ready(&pipe);
	spawner_run(&pipe, &server, procfd);
}
