/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The daemon's programs are confined before main(): the first of them has
 * its tracer made, the others are descendants of it.
 */

#include "confine.h"

__attribute__((__constructor__))
static void
attach_program(void)
{
	confine_attach(SYSTEM, "confine.log");
}
