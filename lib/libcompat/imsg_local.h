/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef IMSG_LOCAL_H
#define IMSG_LOCAL_H

#define IMSG_FD_MARK	0x80000000U	/* in ih_len */

#endif /* IMSG_LOCAL_H */
