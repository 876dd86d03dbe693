/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * "top": the blocks and the connections of a daemon with their rates, on a
 * screen that is made anew every two seconds.  A rate is the difference of two
 * samples.  The daemon counts plain bytes of a block when a connection closes,
 * and the kernel, where it does, TLS bytes of one that is open: the rate of a
 * block is that of the sum, which falls a little when a connection closes.
 */

#include <sys/types.h>

#include <ctype.h>
#include <curses.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "ctl.h"

#define TOP_INTERVAL	2000	/* milliseconds */
#define TOP_LINE	512	/* bytes of a line, whatever the screen has */
#define TOP_SUMMARY	4	/* lines of it, unless there is room for all */
#define TOP_TALL	40	/* lines of a screen with room for it */

struct sample {
	int64_t		 sm_when;
	struct records	 sm_summary;
	struct records	 sm_servers;
	struct records	 sm_sessions;
};

/* A session, and what it has moved since the sample before. */
struct mover {
	const struct record	*mv_record;
	int			 mv_known;
	double			 mv_in;
	double			 mv_out;
};

static const struct view
			*summary, *servers, *sessions;
static struct sample	 now, before;
static SCREEN		*screen;
static int		 row;		/* the next one to be drawn */

void
top_leave(void)
{
	if (screen == NULL)
		return;
	(void)endwin();
	screen = NULL;
}

/* Curses reads what it has to know of the terminal before all is given up. */
void
top_enter(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		errx(1, "top needs a terminal");
	if ((screen = newterm(NULL, stdout, stdin)) == NULL)
		errx(1, "top cannot use this type of terminal");
	(void)atexit(top_leave);
	/* The end of the daemon is an error of write(2), and not ours. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)cbreak();
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)curs_set(0);
	timeout(0);
}

static const char *
server_value(const struct record *r, const char *key)
{
	return (record_value(servers, r, key));
}

static const char *
session_value(const struct record *r, const char *key)
{
	return (record_value(sessions, r, key));
}

static double
number(const char *value)
{
	return (value == NULL ? 0 : strtod(value, NULL));
}

static const char *
text(const char *value)
{
	return (value == NULL ? "-" : value);
}

/* By second; a figure that has fallen has not moved. */
static double
rate(double value, double old)
{
	int64_t	 spent = now.sm_when - before.sm_when;

	return (value <= old || spent <= 0 ? 0 : (value - old) * 1000 /
	    (double)spent);
}

/* Rounded to what fits its column. */
static const char *
rate_text(int known, double value, int bytes, char *buf, size_t len)
{
	if (!known)
		return ("-");
	if (bytes)
		human_bytes(value, buf, len);
	else
		(void)snprintf(buf, len, value < 100 ? "%.1f" : "%.0f", value);
	return (buf);
}

/* No byte of it is for the terminal to obey. */
static void
draw(int bold, const char *line)
{
	const char	*p;
	int		 i;

	if (row >= LINES)
		return;
	(void)move(row++, 0);
	if (bold)
		(void)standout();
	for (p = line, i = 0; *p != '\0' && i < COLS; p++, i++)
		(void)addch(isprint((unsigned char)*p) ?
		    (chtype)(unsigned char)*p : '?');
	for (; bold && i < COLS; i++)
		(void)addch(' ');
	if (bold)
		(void)standend();
}

static void
draw_summary(void)
{
	FILE	*f;
	char	*line, *p, *t = NULL;
	size_t	 len = 0;
	int	 n = LINES < TOP_TALL ? TOP_SUMMARY : LINES;

	if (now.sm_summary.rs_count == 0)
		return;
	if ((f = open_memstream(&t, &len)) == NULL)
		err(1, NULL);
	show_record(f, summary, &now.sm_summary.rs_list[0]);
	if (fclose(f) == EOF)
		err(1, NULL);
	for (p = t; n > 0 && *(line = strsep(&p, "\n")) != '\0'; n--)
		draw(0, line);
	free(t);
	row++;
}

/* All bytes of a block so far, those of open connections as far as known. */
static double
server_bytes(const struct sample *sm, const struct record *r, const char *key,
    const char *session_key)
{
	const struct record	*s;
	const char		*name = text(server_value(r, "server"));
	double			 sum = number(server_value(r, key));
	size_t			 i;

	for (i = 0; i < sm->sm_sessions.rs_count; i++) {
		s = &sm->sm_sessions.rs_list[i];
		if (strcmp(text(session_value(s, "server")), name) == 0)
			sum += number(session_value(s, session_key));
	}
	return (sum);
}

static const struct record *
server_before(const struct record *r)
{
	const struct record	*old;
	size_t			 i;

	for (i = 0; i < before.sm_servers.rs_count; i++) {
		old = &before.sm_servers.rs_list[i];
		if (strcmp(text(server_value(old, "server")),
		    text(server_value(r, "server"))) == 0)
			return (old);
	}
	return (NULL);
}

static void
draw_server(const struct record *r)
{
	const struct record	*old = server_before(r);
	char			 in[16], line[TOP_LINE], out[16], rise[16];
	double			 moved[2] = { 0, 0 }, came = 0;

	if (old != NULL) {
		came = rate(number(server_value(r, "accepted")),
		    number(server_value(old, "accepted")));
		moved[0] = rate(server_bytes(&now, r, "in", "received"),
		    server_bytes(&before, old, "in", "received"));
		moved[1] = rate(server_bytes(&now, r, "out", "sent"),
		    server_bytes(&before, old, "out", "sent"));
	}
	(void)snprintf(line, sizeof(line), "%-15.15s %-8.8s %5.5s %5.5s %5.5s "
	    "%5.5s %7.7s %7.7s %7.7s %7.7s", text(server_value(r, "server")),
	    text(server_value(r, "state")),
	    text(server_value(r, "connections")),
	    text(server_value(r, "limit")), text(server_value(r, "pending")),
	    text(server_value(r, "idle")),
	    rate_text(old != NULL, came, 0, rise, sizeof(rise)),
	    text(server_value(r, "minute")),
	    rate_text(old != NULL, moved[0], 1, in, sizeof(in)),
	    rate_text(old != NULL, moved[1], 1, out, sizeof(out)));
	draw(0, line);
}

/* So many of a list are not shown. */
static void
draw_more(size_t n)
{
	char	 line[TOP_LINE];

	(void)snprintf(line, sizeof(line), "(%zu more)", n);
	draw(0, line);
}

/* How many of the list fit so many rows, of which one tells how many do not. */
static size_t
fitting(size_t n, int rows)
{
	size_t	 room = rows < 1 ? 1 : (size_t)rows;

	return (n <= room ? n : room - 1);
}

static void
draw_servers(void)
{
	const struct records	*rs = &now.sm_servers;
	size_t			 i, n = fitting(rs->rs_count, (LINES - row -
				    3) / 2);

	draw(1, "SERVER          STATE      NOW   MAX  PEND  IDLE  CONN/S "
	    "ERR/MIN    IN/S   OUT/S");
	for (i = 0; i < n; i++)
		draw_server(&rs->rs_list[i]);
	if (n < rs->rs_count)
		draw_more(rs->rs_count - n);
	row++;
}

/* The busiest first, then the oldest. */
static int
mover_cmp(const void *a, const void *b)
{
	const struct mover	*ma = a, *mb = b;
	double			 na = ma->mv_in + ma->mv_out;
	double			 nb = mb->mv_in + mb->mv_out;

	if (na != nb)
		return (na < nb ? 1 : -1);
	return (ma->mv_record < mb->mv_record ? -1 : 1);
}

/* Both samples are in the order of numbers. */
static void
mover_fill(struct mover *mv, const struct record *r, size_t *i)
{
	const struct records	*rs = &before.sm_sessions;
	const struct record	*old;
	double			 id = number(session_value(r, "session"));

	memset(mv, 0, sizeof(*mv));
	mv->mv_record = r;
	while (*i < rs->rs_count && number(session_value(&rs->rs_list[*i],
	    "session")) < id)
		(*i)++;
	if (*i == rs->rs_count || session_value(r, "received") == NULL)
		return;
	old = &rs->rs_list[*i];
	if (number(session_value(old, "session")) != id)
		return;
	mv->mv_known = 1;
	mv->mv_in = rate(number(session_value(r, "received")),
	    number(session_value(old, "received")));
	mv->mv_out = rate(number(session_value(r, "sent")),
	    number(session_value(old, "sent")));
}

/* Whom it is with, by what says most. */
static const char *
session_name(const struct record *r)
{
	const char	*name;

	if ((name = session_value(r, "subject")) == NULL &&
	    (name = session_value(r, "servername")) == NULL)
		name = session_value(r, "backend");
	return (text(name));
}

static void
draw_session(const struct mover *mv, int wide)
{
	const struct record	*r = mv->mv_record;
	char			 age[16], in[16], line[TOP_LINE], out[16];

	(void)snprintf(line, sizeof(line), "%7.7s %-8.8s %-10.10s %6.6s %5.5s "
	    "%5.5s %-*.*s %s", text(session_value(r, "session")),
	    text(session_value(r, "server")), text(session_value(r, "state")),
	    record_text(sessions, r, "age", age, sizeof(age)),
	    rate_text(mv->mv_known, mv->mv_in, 1, in, sizeof(in)),
	    rate_text(mv->mv_known, mv->mv_out, 1, out, sizeof(out)), wide,
	    wide, text(session_value(r, "from")), session_name(r));
	draw(0, line);
}

static void
draw_sessions(void)
{
	const struct records	*rs = &now.sm_sessions;
	struct mover		*list;
	char			 line[TOP_LINE];
	size_t			 i, n, old = 0;
	int			 wide;

	/* A wider screen has room for longer addresses and names. */
	wide = COLS <= 80 ? 21 : COLS >= 132 ? 47 : 21 + (COLS - 80) / 2;
	(void)snprintf(line, sizeof(line), "SESSION SERVER   STATE         AGE"
	    "  IN/S OUT/S %-*s NAME", wide, "FROM");
	draw(1, line);
	if (rs->rs_count == 0)
		return;
	if ((list = calloc(rs->rs_count, sizeof(*list))) == NULL)
		err(1, NULL);
	for (i = 0; i < rs->rs_count; i++)
		mover_fill(&list[i], &rs->rs_list[i], &old);
	qsort(list, rs->rs_count, sizeof(*list), mover_cmp);
	n = fitting(rs->rs_count, LINES - row);
	for (i = 0; i < n; i++)
		draw_session(&list[i], wide);
	if (n < rs->rs_count)
		draw_more(rs->rs_count - n);
	free(list);
}

static void
draw_all(void)
{
	row = 0;
	(void)erase();
	draw_summary();
	draw_servers();
	draw_sessions();
	(void)refresh();
}

static void
sample_take(void)
{
	records_free(&before.sm_summary);
	records_free(&before.sm_servers);
	records_free(&before.sm_sessions);
	before = now;
	memset(&now, 0, sizeof(now));
	now.sm_when = compat_now();
	fetch(summary, &now.sm_summary);
	fetch(servers, &now.sm_servers);
	fetch(sessions, &now.sm_sessions);
}

/* Until the next sample is due; false: it is over. */
static int
pause_keys(void)
{
	struct pollfd	 pfd = { STDIN_FILENO, POLLIN, 0 };
	int64_t		 deadline = now.sm_when + TOP_INTERVAL, left;
	int		 key, n;

	while ((left = deadline - compat_now()) > 0) {
		n = poll(&pfd, 1, left < TOP_INTERVAL ? (int)left :
		    TOP_INTERVAL);
		if (n == -1 && errno != EINTR)
			return (0);
		switch (key = getch()) {
		case 'q':
			return (0);
		case KEY_RESIZE:
			draw_all();
			break;
		case ERR:
			/* The terminal has gone. */
			if (n == 1)
				return (0);
			break;
		default:
			break;
		}
	}
	return (1);
}

int
top_run(void)
{
	summary = view_find("summary");
	servers = view_find("servers");
	sessions = view_find("sessions");
	do {
		sample_take();
		draw_all();
	} while (pause_keys());
	top_leave();
	return (0);
}
