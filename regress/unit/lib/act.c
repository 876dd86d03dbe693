/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <string.h>

#include <atf-c.h>

#include "compat.h"
#include "act.h"
#include "fixture.h"

static void	 act_close(struct fixture *);
static void	 act_abort(struct fixture *);
static void	 act_free(struct fixture *);
static void	 act_step(struct fixture *);
static void	 act_on_state(struct fixture *, enum securetcp_state);
static void	 act_on_error(struct fixture *, int);
static void	 act_on_receive(struct fixture *);
static void	 act_on_send(struct fixture *);
static void	 act_on_authenticate(struct fixture *,
		    struct securetcp_verdicts *);

int			 act_events;
int			 act_done;
enum securetcp_state	 act_state;
char			 act_expected[512];
int			 act_ends;

static enum act		 act;
static int		 when;

void
act_at(struct fixture *f, enum act how, int n)
{
	act = how;
	when = n;
	act_events = act_done = act_ends = 0;
	act_expected[0] = '\0';
	f->f_on_state = act_on_state;
	f->f_on_error = act_on_error;
	f->f_on_receive = act_on_receive;
	f->f_on_send = act_on_send;
	f->f_on_authenticate = act_on_authenticate;
}

static void
act_close(struct fixture *f)
{
	int	 waits;

	if (act_state != SECURETCP_CONNECTED) {
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f->f_tcp));
		return;
	}
	waits = securetcp_send_count(f->f_tcp) != 0;
	ATF_CHECK_EQ(ptOk, securetcp_close(f->f_tcp));
	(void)strlcat(act_expected, " S(closing)", sizeof(act_expected));
	/* What waits is sent before that, unless nothing can be sent. */
	act_ends = securetcp_state(f->f_tcp) == SECURETCP_CLOSED;
	ATF_CHECK(act_ends || waits);
	if (act_ends)
		(void)strlcat(act_expected, " S(closed)",
		    sizeof(act_expected));
}

static void
act_abort(struct fixture *f)
{
	if (act_state != SECURETCP_CLOSED) {
		(void)strlcat(act_expected, " E(ptAbort)",
		    sizeof(act_expected));
		if (act_state != SECURETCP_CLOSING)
			(void)strlcat(act_expected, " S(closing)",
			    sizeof(act_expected));
		(void)strlcat(act_expected, " S(closed)",
		    sizeof(act_expected));
	}
	act_ends = 1;
	ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
	ATF_CHECK_EQ(SECURETCP_CLOSED, securetcp_state(f->f_tcp));
	ATF_CHECK_EQ(-1, securetcp_socket(f->f_tcp));
}

static void
act_free(struct fixture *f)
{
	act_ends = 1;
	f->f_gone = 1;
	securetcp_free(f->f_tcp);
}

static void
act_step(struct fixture *f)
{
	static void	(*const acts[ACT_COUNT])(struct fixture *) = {
		act_close, act_abort, act_free
	};

	/* What the act itself brings about does not count. */
	if (act_done || ++act_events != when)
		return;
	act_done = 1;
	act_state = securetcp_state(f->f_tcp);
	ATF_CHECK_EQ(0, securetcp_timeout(f->f_tcp));
	(void)strlcpy(act_expected, f->f_events, sizeof(act_expected));
	acts[act](f);
	if (act_ends)
		ATF_CHECK_STREQ(act_expected, f->f_events);
}

static void
act_on_state(struct fixture *f, enum securetcp_state state)
{
	(void)state;
	act_step(f);
}

static void
act_on_error(struct fixture *f, int error)
{
	(void)error;
	act_step(f);
}

static void
act_on_receive(struct fixture *f)
{
	char	 buf[64];
	size_t	 n;

	act_step(f);
	while (!f->f_gone && securetcp_receive(f->f_tcp, buf, sizeof(buf),
	    &n) == ptOk && n != 0)
		continue;
}

static void
act_on_send(struct fixture *f)
{
	act_step(f);
}

static void
act_on_authenticate(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)sv;
	act_step(f);
}
