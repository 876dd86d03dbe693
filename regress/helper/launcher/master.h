/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A parent for the shipped securetcp-launcher: it says what may be run, has
 * it run, and holds the other ends of what the programs inherit.
 */

#ifndef MASTER_H
#define MASTER_H

#include <sys/types.h>

#include <atf-c.h>
#include <imsg.h>
#include <stdint.h>

#include "wire.h"

#define MASTER_RUNS	1024
#define MASTER_PATIENCE	20000	/* milliseconds until a wait has failed */
#define MASTER_NOBODY	65534

/* One program, as its session would see it. */
struct run {
	uint64_t		 r_session;
	int			 r_fd;		/* its 0 and 1, -1: closed */
	int			 r_errfd;	/* its 2 */
	uint32_t		 r_unforked;	/* errno */
	int			 r_exited;
	struct wire_exited	 r_exit;
};

struct master {
	pid_t			 m_pid;
	int			 m_fd;
	struct imsgbuf		 m_pipe;
	uint64_t		 m_once;
	int			 m_ready;
	int			 m_ended;
	char			 m_sandbox[WIRE_NAME];
	char			 m_fatal[WIRE_REASON];
	unsigned int		 m_orders;	/* given ... */
	unsigned int		 m_taken;	/* ... and answered */
	uint32_t		 m_nprograms;
	size_t			 m_nruns;
	struct run		*m_runs[MASTER_RUNS];
};

/* Turns until the condition holds; no wait is without an end. */
#define MASTER_WAIT(m, condition)					\
	do {								\
		int64_t	 master_end = master_now() + MASTER_PATIENCE;	\
									\
		while (!(condition)) {					\
			if (master_now() > master_end)			\
				atf_tc_fail("%s:%d: in vain waited "	\
				    "for: %s", __FILE__, __LINE__,	\
				    #condition);			\
			master_turn(m, 100);				\
		}							\
	} while (0)

/* master.c */
extern int	 master_nofork;	/* start the launcher with no forks allowed */
/* As many descriptors as this user may have. */
int		 master_room(void);
void		 master_launch(struct master *, const atf_tc_t *);
void		 master_identify(struct master *);
void		 master_send(struct master *, enum wire_type, int,
		    const void *, size_t);
void		 master_fill(struct wire_program *, const char *,
		    char *const *);
uint32_t	 master_program(struct master *, const char *, char *const *);
uint32_t	 master_shell(struct master *, const char *);
void		 master_loaded(struct master *);
void		 master_start(struct master *, const atf_tc_t *, const char *);
void		 master_stop(struct master *);
void		 master_fatal(struct master *, const char *);
struct run	*master_run(struct master *, uint32_t);
struct run	*master_run_with(struct master *, uint32_t, const void *,
		    size_t);
void		 master_order(struct master *, enum wire_type,
		    const struct run *);
void		 master_turn(struct master *, int);
int64_t		 master_now(void);
/* What comes until the end, or the newline, as a string for free(3). */
char		*master_read(struct master *, int);
char		*master_line(struct master *, int);
void		 master_exited(struct master *, const struct run *,
		    unsigned int, unsigned int);
void		 master_close(struct run *);

#endif /* MASTER_H */
