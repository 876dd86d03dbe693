/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONTROL_H
#define CONTROL_H

#include <sys/types.h>

#include <stdint.h>

#include "penalty.h"
#include "securetcpd.h"

/* A "show", which goes on from record to record as its client reads. */
struct report {
	const struct report_kind	*rp_kind;	/* NULL: none */
	uint64_t			 rp_last;	/* told, by its number */
	uint64_t			 rp_part;	/* of the next one's list */
	uint64_t			 rp_session;	/* this one only */
	unsigned int			 rp_server;	/* of this one; 0 all */
	char				 rp_from[80];	/* of this address; "" */
	enum securetcp_state		 rp_state;	/* 0: in any */
	struct penalty_info		 rp_penalty;
};

#define REPORT_UNKNOWN	"this daemon has no such command"
#define REPORT_NOSERVER	"there is no such server"

/*
 * report.c: begins what these words ask for: NULL, or why that is refused.
 * report_next() makes the next record, or returns 0 when there is none left.
 */
const char	*report_begin(struct report *, int, char **);
int		 report_next(struct report *, struct logline *);
/* The number of a block, or 0. */
unsigned int	 report_server(const char *);
/* Names of the log levels, by number. */
#define REPORT_LEVELS	(CONF_LOG_VERBOSE + 1)
extern const char *const report_levels[REPORT_LEVELS];

/* control.c */
void		 record_start(struct logline *, const char *);

#endif /* CONTROL_H */
