/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What OpenBSD's headers have and the host's have not; included by force. */

#ifndef CONFINE_PLEDGE_H
#define CONFINE_PLEDGE_H

#include <stddef.h>

int	 pledge(const char *, const char *);
int	 unveil(const char *, const char *);
int	 sendsyslog(const char *, size_t, int);
int	 setlogin(const char *);
int	 timingsafe_bcmp(const void *, const void *, size_t);
int	 getdtablecount(void);

#endif /* CONFINE_PLEDGE_H */
