/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The shipped spawner.c, which looks for orders whenever it waits. */

#include <stdint.h>

#include "rogue.h"
#include "session.h"

#define timer_poll	rogue_poll
#include "../../libexec/securetcp-session/spawner.c"
