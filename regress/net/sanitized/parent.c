/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The shipped main(), object and all, compiled anew. */

#include "../../../sbin/securetcpd/securetcpd.c"
