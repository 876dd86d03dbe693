/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Offences of a source: an IPv4 address, the /64 of an IPv6 one, or an address
 * of a link together with its interface.  Time is in milliseconds of a clock
 * that never goes back.
 *
 * A realm tells who named the address: 0 for the kernel, another number for a
 * server behind a proxy.  An address that a proxy names has no penalty
 * elsewhere.
 */

#ifndef PENALTY_H
#define PENALTY_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>

#define PENALTY_MIN	15		/* seconds, from which it is blocked */
#define PENALTY_MAX	600		/* seconds, and no more: the defaults */
#define PENALTY_SOURCES	65536		/* remembered, at most */
#define PENALTY_MEMORY	3600		/* seconds, beyond the penalty */
#define PENALTY_DECAY	600		/* seconds of good conduct */
#define PENALTY_DOUBLES	3		/* weights are doubled so often */

struct networks;

struct penalty_info {
	unsigned int		 pi_realm;
	struct sockaddr_storage	 pi_ss;		/* of a /64: its first */
	char			 pi_text[64];	/* "192.0.2.1", "[::]/64" */
	unsigned int		 pi_left;	/* seconds */
	int			 pi_blocked;
	unsigned int		 pi_factor;	/* of its weights */
	unsigned int		 pi_offences;
	unsigned int		 pi_blocks;
	int			 pi_number;	/* penalty_blame(), or 0 */
};

/* Sources that never have a penalty; both lists stay the caller's. */
void		 penalty_exempt(const struct networks *,
		    const struct networks *);
/* Whether there are none, from how many seconds on, and how many at most. */
void		 penalty_settings(int, unsigned int, unsigned int);
/* So many seconds less for a source that is not blocked. */
void		 penalty_ease(unsigned int, const struct sockaddr *,
		    unsigned int, int64_t);
/* An offence of so many seconds: those of the block that it begins, or 0. */
unsigned int	 penalty_add(unsigned int, const struct sockaddr *,
		    unsigned int, int64_t);
/* May it not connect, and for how many seconds more? */
int		 penalty_blocked(unsigned int, const struct sockaddr *,
		    int64_t, unsigned int *);
/* How many are remembered. */
unsigned int	 penalty_count(void);
/* The error that its last offence was. */
void		 penalty_blame(unsigned int, const struct sockaddr *, int);
/* How many are blocked now. */
unsigned int	 penalty_active(int64_t);
/*
 * The next source after the one in it, by address, or the first if pi_ss is
 * zero; 0 when there is none.  Anything may happen between two calls.
 */
int		 penalty_next(struct penalty_info *, int64_t);
/* Forgets a source, in every realm, or (NULL) all: how many. */
unsigned int	 penalty_clear(const struct sockaddr *);
/* The source of an address as text: 0, or -1 if it is of another kind. */
int		 penalty_text(const struct sockaddr *, char *, size_t);

#endif /* PENALTY_H */
