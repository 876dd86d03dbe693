/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What libcasper(3) of FreeBSD says of the functions that are used here: to
 * compile with where that header is not at hand, and for nothing else.
 */

#ifndef WITH_CASPER
#error "libcasper(3) wants WITH_CASPER"
#endif

struct cap_channel;
typedef struct cap_channel cap_channel_t;

cap_channel_t	*cap_init(void);
void		 cap_close(cap_channel_t *);
cap_channel_t	*cap_service_open(const cap_channel_t *, const char *);
