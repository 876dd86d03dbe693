/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONFINE_SYS_EVENT_H
#define CONFINE_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

#define EVFILT_PROCDESC	(-8)
#define EV_ADD		1
#define NOTE_EXIT	0x80000000U

struct kevent {
	uintptr_t	 ident;
	short		 filter;
	unsigned short	 flags;
	unsigned int	 fflags;
	int64_t		 data;
	void		*udata;
};

#define EV_SET(k, i, f, fl, ff, d, u) do {				\
	(k)->ident = (uintptr_t)(i);					\
	(k)->filter = (f);						\
	(k)->flags = (fl);						\
	(k)->fflags = (ff);						\
	(k)->data = (d);						\
	(k)->udata = (u);						\
} while (0)

int	 kqueue(void);
int	 kevent(int, const struct kevent *, int, struct kevent *, int,
	    const struct timespec *);

#endif /* CONFINE_SYS_EVENT_H */
