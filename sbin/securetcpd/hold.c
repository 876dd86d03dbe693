/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Descriptors of a session's two connections that stay with the parent.  The
 * parent never reads or writes there: it sees whether anything moves, and can
 * end either connection whatever the session does.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define IDLE_SLACK	5		/* seconds past the session's timer */
#define RESET_LOOKS	10		/* in a second */

struct resetting {
	struct hold		 re_hold;
	struct event		 re_timer;
	unsigned int		 re_left;	/* looks without progress */
	unsigned int		 re_looks;
};

static unsigned int	 resettings;

static void	 resetting_again(struct resetting *);
static void	 resetting_look(int, short, void *);

void
hold_init(struct hold *ho)
{
	ho->ho_fd = -1;
	ho->ho_taken = ho->ho_given = 0;
}

/* Holds a descriptor that a session is about to be given; -1 with errno. */
int
hold_take(struct hold *ho, int fd)
{
	if ((ho->ho_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return (-1);
	env->sd_fds++;
	return (0);
}

/* Has anything moved since this was asked last? */
int
hold_moved(struct hold *ho)
{
	uint64_t	 given, taken;

	if (ho->ho_fd == -1 || compat_moved(ho->ho_fd, &taken, &given) == -1)
		return (0);
	if (taken == ho->ho_taken && given == ho->ho_given)
		return (0);
	ho->ho_taken = taken;
	ho->ho_given = given;
	return (1);
}

/* The session has closed its own, or is to do what it likes with it. */
void
hold_release(struct hold *ho)
{
	if (ho->ho_fd == -1)
		return;
	(void)close(ho->ho_fd);
	ho->ho_fd = -1;
	env->sd_fds--;
}

/*
 * The same with a reset for an end, once the other end has what was written
 * before, or takes nothing of it for so many seconds: a reset throws away
 * what is on its way.  Only TCP has one, and nothing else is waited for.
 */
void
hold_reset(struct hold *ho, unsigned int seconds)
{
	struct linger	 li = { 1, 0 };
	struct resetting *re;

	if (ho->ho_fd == -1)
		return;
	(void)setsockopt(ho->ho_fd, SOL_SOCKET, SO_LINGER, &li, sizeof(li));
	if (seconds == 0 || !compat_unsent(ho->ho_fd) ||
	    (re = calloc(1, sizeof(*re))) == NULL) {
		hold_release(ho);
		return;
	}
	re->re_hold = *ho;
	re->re_looks = re->re_left = seconds * RESET_LOOKS;
	hold_init(ho);
	evtimer_set(&re->re_timer, resetting_look, re);
	resettings++;
	resetting_again(re);
}

static void
resetting_again(struct resetting *re)
{
	struct timeval	 tv = { 0, 1000000 / RESET_LOOKS };

	(void)evtimer_add(&re->re_timer, &tv);
}

static void
resetting_look(int fd, short what, void *arg)
{
	struct resetting	*re = arg;

	(void)fd;
	(void)what;
	if (hold_moved(&re->re_hold))
		re->re_left = re->re_looks;
	if (compat_unsent(re->re_hold.ho_fd) && re->re_left-- > 0) {
		resetting_again(re);
		return;
	}
	hold_release(&re->re_hold);
	free(re);
	resettings--;
	stop_check();
}

/* Are there any that are not over yet? */
int
hold_any(void)
{
	return (resettings != 0);
}

/* The connection ends now, after what was written to it. */
void
hold_end(struct hold *ho)
{
	if (ho->ho_fd != -1)
		(void)shutdown(ho->ho_fd, SHUT_RDWR);
	hold_release(ho);
}

/* The session has the timers of a connection; these are for a deaf one. */
void
hold_watch(struct session *s)
{
	struct server	*sv = s->s_conf;

	if (s->s_phase == PHASE_CLOSING)
		session_set_timer(s, sv->sv_close + 1);
	else if (sv->sv_idle != 0)
		session_set_timer(s, sv->sv_idle + IDLE_SLACK);
}

/* Both timers measure standstill, as the session's own do. */
void
hold_look(struct session *s)
{
	struct server	*sv = s->s_conf;
	char		 reason[64], text[CLOCK_TEXT];
	int		 closing = s->s_phase == PHASE_CLOSING, moved;

	moved = hold_moved(&s->s_outer);
	if (hold_moved(&s->s_inner) || moved) {
		hold_watch(s);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "%s timer, %s",
	    closing ? "close" : "idle", clock_seconds(closing ? sv->sv_close :
	    sv->sv_idle, text, sizeof(text)));
	conn_fail(s, ptTimeout, reason);
}
