/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef FDS_H
#define FDS_H

int	 fds_count(void);		/* open descriptors, every one */
int	 fds_same(int, int);		/* the same file */
void	 fds_pair(int [2]);		/* non-blocking unix stream */

#endif /* FDS_H */
