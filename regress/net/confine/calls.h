/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>

void	 closefrom(int);
void	 compat_closefrom(int);
int	 timingsafe_bcmp(const void *, const void *, size_t);
int	 setlogin(const char *);

#endif /* CALLS_H */
