/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Helpers that break the rules on request, to be run under the shipped
 * parent.  They are built from the shipped helpers' own sources and behave
 * as those do, without a sandbox, until somebody orders otherwise:
 *
 *	a client whose first bytes are "ROGUE ", then lines of words for its
 *	session, for an idle one ("idle: ...") or for the spawner
 *	("spawner: ..."); each line obeyed is answered by "ok";
 *	a session that asks for a signature of "ROGUE ..." ("ask: ...");
 *	the file that $ROGUE_PLAN names, taken away when it was read; systems
 *	do not tell a program where it lies, so a script does.
 */

#ifndef ROGUE_H
#define ROGUE_H

#include <stddef.h>
#include <stdint.h>

#define ROGUE_WORD	"ROGUE "
#define ROGUE_LINE	512

/* Seen by the spawner and all its sessions. */
struct rogue_orders {
	char		 ro_spawner[ROGUE_LINE];
	char		 ro_idle[ROGUE_LINE];
	volatile int	 ro_spawner_set;	/* 1: waits to be obeyed */
	volatile int	 ro_idle_set;
	uint64_t	 ro_id;			/* of who ordered it */
};
extern struct rogue_orders	*rogue_orders;

/* act.c: what all of them can do; words end in a newline or a NUL */
extern uint64_t	 act_id;	/* what the word "me" stands for */
extern int	 act_other;	/* a descriptor to be sent, -1: /dev/null */
void		 act(const char *, int (*)(const char **));
int		 act_word(const char **, char *, size_t);
uint64_t	 act_number(const char **);
void		 act_send(uint32_t, const void *, size_t);
void		 act_stay(void);
int		 act_plan(char *, size_t);

/* honest_settings.c */
extern uint8_t	 rogue_keyid[];
extern uint8_t	 rogue_keytype;

/* rogue.c */
int		 rogue_obey(volatile int *, const char *);

#endif /* ROGUE_H */
