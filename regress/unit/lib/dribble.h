/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A kernel that gives and takes little: recv(2) and send(2) as the library
 * sees them, put in their place by the linker.
 */

#ifndef DRIBBLE_H
#define DRIBBLE_H

#include <sys/types.h>

#include <stddef.h>

extern size_t		 dribble_most;	/* bytes a call; 0: as many as wanted */
extern int		 dribble_errno;	/* of every other call; 0: none */
extern unsigned int	 dribble_full;	/* so many send(2) have to wait */
extern int		 dribble_vanished; /* no send(2) any more: this errno */
extern unsigned int	 dribble_short;	/* calls that gave or took less */
extern unsigned int	 dribble_failed;

#endif /* DRIBBLE_H */
