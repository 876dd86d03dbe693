/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What FreeBSD's headers have and the host's have not; included by force. */

#ifndef CONFINE_CAPSICUM_H
#define CONFINE_CAPSICUM_H

#include <errno.h>

#include "confine.h"

#define ENOTCAPABLE	CONFINE_ENOTCAPABLE
#define ECAPMODE	CONFINE_ECAPMODE

int	 setlogin(const char *);
int	 timingsafe_bcmp(const void *, const void *, __SIZE_TYPE__);

#endif /* CONFINE_CAPSICUM_H */
