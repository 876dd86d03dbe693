/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* gcc's stddef.h wants it of a FreeBSD; what is in it glibc has elsewhere. */
