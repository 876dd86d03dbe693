/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The launcher: runs the programs of "execute" statements, one for each
 * connection, with the connection as their 0 and 1.  It keeps root, because
 * each of them has a user of its own; it never reads from a descriptor that
 * it passes on, and keeps none.
 */

#include <sys/types.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "launcher.h"
#include "procs.h"
#include "sandbox.h"
#include "wire.h"

int
main(int argc, char *argv[])
{
	static struct imsgbuf	 pipe;
	struct wire_start	 start;
	int			 procfd;

	(void)argv;
	if (argc != 1)
		errx(HELPER_USAGE, "takes no arguments: it is run by "
		    "securetcpd(8)");
	helper_start(&pipe, &start);
	if (limits_init(start.ws_nofile) == -1)
		helper_fatal(&pipe, "launcher: limits, %u descriptors: %s",
		    start.ws_nofile, strerror(errno));
	programs_read(&pipe);
	if (run_init() == -1)
		helper_fatal(&pipe, "launcher: signals: %s", strerror(errno));
	if ((procfd = procs_init()) == -1)
		helper_fatal(&pipe, "launcher: reaping of programs: %s",
		    strerror(errno));
	helper_sandbox(&pipe, &start, SANDBOX_LAUNCHER);
	helper_ready(&pipe, sandbox_name());
	launcher_run(&pipe, procfd);
}
