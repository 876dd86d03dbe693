/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A spawner, and by fork(2) the sessions of one server block.  It holds what
 * they all need and nothing secret: settings, certificate chains, a TLS
 * context.  It never reads a byte from the network.  Or a checker, which
 * reads such files before a configuration is used, and tells of them.
 */

#include <sys/types.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "inspect.h"
#include "procs.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

int
main(int argc, char *argv[])
{
	static struct server	 server;
	static struct imsgbuf	 pipe;
	int			 procfd;

	(void)argv;
	if (argc != 1)
		errx(HELPER_USAGE, "takes no arguments: it is run by "
		    "securetcpd(8)");
	helper_start(&pipe, &server.sv_start);
	if (server.sv_start.ws_flags & WIRE_START_CHECK)
		inspect_run(&pipe, &server.sv_start);
	if (sign_init() != ptOk)
		helper_fatal(&pipe, "spawner: TLS library: no place for the "
		    "signing hook");
	config_read(&pipe, &server);
	if (securetcp_warm() != ptOk)
		helper_fatal(&pipe, "server %s: TLS library: it cannot shake "
		    "hands with itself", server.sv_wire.wv_name);
	if ((procfd = procs_init()) == -1)
		helper_fatal(&pipe, "server %s: reaping of sessions: %s",
		    server.sv_wire.wv_name, strerror(errno));
	helper_bound(&pipe, server.sv_memory);
	helper_sandbox(&pipe, &server.sv_start, SANDBOX_SPAWNER);
	helper_ready(&pipe, sandbox_name());
	spawner_run(&pipe, &server, procfd);
}
