/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef PROBE_H
#define PROBE_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stddef.h>

/* A row of a system's table, as confine prints it. */
struct row {
	long		 r_nr;
	int		 r_alone;	/* the only row of its call */
	char		 r_call[40];
	char		 r_condition[80];
	char		 r_rest[64];
};

/* Arguments by which the condition of a row that is not alone holds. */
struct act {
	long		 a_nr;
	const char	*a_condition;
	const void	*a_args[6];
};

/* Where probes find what they need. */
#define PROBE_SOCKET	10		/* of a pair, non-blocking */
#define PROBE_FILE	11
#define PROBE_DIRECTORY	12
#define PROBE_OTHER	13		/* the pair's other end */

void		 probe_begin(const char *);
size_t		 probe_rows(const char *, struct row *, size_t);
/* Whether a row's call cannot be made to see what comes of it. */
int		 probe_never(const struct row *);
/* The system call of a row, with an argument of its own where it has one. */
long		 probe_call(const struct row *, const struct act *, int);
/* In a child: how it ended, as wait(2) has it. */
int		 probe_run(void (*)(void *), void *);
/* Whether the stand-in's log has a line with both of these. */
int		 probe_logged(const char *, const char *);
void		 probe_passing(struct msghdr *, int);
void		 probe_send(int, int);
int		 probe_receive(int);

#endif /* PROBE_H */
