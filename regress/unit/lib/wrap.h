/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef WRAP_H
#define WRAP_H

/* What connect(2) fails with; 0: it does not. */
extern int		 wrap_connect_errno;
extern unsigned int	 wrap_connects;

#endif /* WRAP_H */
