/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Calls that block need a peer that goes on by itself: a server in a process
 * of its own, which does the same with each connection.
 */

#ifndef SERVED_H
#define SERVED_H

#include <sys/types.h>

#include <stdint.h>

#include <openssl/ssl.h>

#include "fixture.h"
#include "pki.h"

#define SERVED_CONNECTING	"S(connecting)"
#define SERVED_UP		"S(connecting) A(11111) S(connected)"
#define SERVED_DOWN		" S(closing) S(closed)"
#define SERVED_SHORT		200		/* ms */
#define SERVED_LOTS		(4 * 1024 * 1024)

extern struct pki	 served_root;
extern uint16_t		 served_port;

/* An object that trusts the server; the end of both. */
void		 served_begin(struct fixture *);
void		 served_finish(struct fixture *);
/* What the server does with a connection, and until when it stays. */
void		 served_start(void (*)(SSL *, int));
void		 served_stop(void);
/* Connects to it by name; and that it went well. */
int		 served_dial(struct fixture *);
void		 served_up(struct fixture *, void (*)(SSL *, int));
/* What a script that waits to be told is told. */
void		 served_tell(void);
int64_t		 served_now(void);
/* For handlers: a call blocks, and every other one says so. */
void		 served_blocked(struct fixture *);

/* Scripts; the descriptor is readable when it is time to go. */
void		 script_echo(SSL *, int);
void		 script_nothing(SSL *, int);
void		 script_some(SSL *, int);
void		 script_count(SSL *, int);
void		 script_lines(SSL *, int);
void		 script_end(SSL *, int);
void		 script_reset(SSL *, int);	/* at the first byte */
void		 script_reset_told(SSL *, int);
void		 script_end_told(SSL *, int);

#endif /* SERVED_H */
