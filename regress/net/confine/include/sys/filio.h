/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/ioctl.h>

#define FIONWRITE	TIOCOUTQ
