/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Control sockets.  A client sends a line: the words of a command, separated
 * by tabs.  The answer is lines of which each begins with a word: records,
 * "event" and "dropped", then "done", or "refused" with a reason; what follows
 * the word is as in the log.  Another line may be sent after that.
 *
 * A client can neither stop nor grow the daemon: what it may say and what may
 * wait for it is bounded, a table is made as fast as it is read, and one that
 * does neither read nor write is closed.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "penalty.h"
#include "securetcpd.h"

#define CONTROL_CLIENTS	8	/* on sockets of a kind; the oldest goes */
#define CONTROL_LINE	512	/* bytes of a command */
#define CONTROL_WORDS	8
#define CONTROL_OUT	65536	/* bytes that may wait for a client ... */
#define CONTROL_ROOM	8448	/* ... and those that two lines may need */
#define CONTROL_SECONDS	10	/* until a client has to read, or to write */

struct client {
	TAILQ_ENTRY(client)	 cl_entry;
	int			 cl_fd;
	int			 cl_restricted;
	int			 cl_closing;	/* when all is written */
	unsigned int		 cl_successor;	/* has this generation's sockets */
	struct event		 cl_read;
	struct event		 cl_write;
	struct event		 cl_timer;
	struct report		 cl_report;
	unsigned int		 cl_reload;	/* waits for this one, or 0 */
	unsigned int		 cl_monitor;	/* kinds of events, or 0 */
	unsigned int		 cl_dropped;	/* not yet told */
	unsigned int		 cl_server;	/* of this block; 0: of all */
	uint64_t		 cl_session;	/* of this one; 0: of all */
	size_t			 cl_inlen;
	size_t			 cl_outlen;
	size_t			 cl_written;
	char			 cl_in[CONTROL_LINE];
	char			 cl_out[CONTROL_OUT];
};

/* The commands and their functions, which return NULL, or why they refuse. */
struct order {
	const char	*or_name;
	int		 or_restricted;		/* everybody may */
	const char	*(*or_run)(struct client *, int, char **);
};

static const char	*order_abort(struct client *, int, char **);
static const char	*order_clear(struct client *, int, char **);
static const char	*order_close(struct client *, int, char **);
static const char	*order_drain(struct client *, int, char **);
static const char	*order_log(struct client *, int, char **);
static const char	*order_monitor(struct client *, int, char **);
static const char	*order_reload(struct client *, int, char **);
static const char	*order_show(struct client *, int, char **);
static const char	*order_stop(struct client *, int, char **);
static const char	*order_takeover(struct client *, int, char **);
static const char	*order_trace(struct client *, int, char **);

static const struct order	 orders[] = {
	{ "abort",	0,	order_abort },
	{ "clear",	0,	order_clear },
	{ "close",	0,	order_close },
	{ "drain",	0,	order_drain },
	{ "log",	0,	order_log },
	{ "monitor",	1,	order_monitor },
	{ "reload",	0,	order_reload },
	{ "show",	1,	order_show },
	{ "stop",	0,	order_stop },
	{ "takeover",	0,	order_takeover },
	{ "trace",	0,	order_trace },
};

static TAILQ_HEAD(clients, client)
				 clients = TAILQ_HEAD_INITIALIZER(clients);

static unsigned int	 monitors;

static void	 client_write(int, short, void *);

static void
client_close(struct client *cl)
{
	if (cl->cl_monitor != 0 && --monitors == 0)
		log_watched(0);
	TAILQ_REMOVE(&clients, cl, cl_entry);
	(void)event_del(&cl->cl_read);
	(void)event_del(&cl->cl_write);
	(void)evtimer_del(&cl->cl_timer);
	(void)close(cl->cl_fd);
	env->sd_fds--;
	free(cl);
}

static void
client_late(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_close(arg);
}

/* Does it wait for what will come, with nothing more to say? */
static int
client_listens(const struct client *cl)
{
	return (cl->cl_monitor != 0 || cl->cl_reload != 0);
}

/* Events may be few, and one that monitors may be slow. */
static void
client_patience(struct client *cl)
{
	if (client_listens(cl) || cl->cl_successor != 0)
		(void)evtimer_del(&cl->cl_timer);
	else
		clock_after(&cl->cl_timer, CONTROL_SECONDS * 1000LL);
}

/* The buffer has room for a line whenever one is made. */
static void
client_put(struct client *cl, const char *line)
{
	int	 n;

	n = snprintf(cl->cl_out + cl->cl_outlen,
	    sizeof(cl->cl_out) - cl->cl_outlen, "%s\n", line);
	if (n > 0 && (size_t)n < sizeof(cl->cl_out) - cl->cl_outlen)
		cl->cl_outlen += (size_t)n;
}

static int
client_room(const struct client *cl)
{
	return (sizeof(cl->cl_out) - cl->cl_outlen >= CONTROL_ROOM);
}

/* More of a table, as far as there is room for it. */
static void
client_fill(struct client *cl)
{
	struct logline	 l;

	while (cl->cl_report.rp_kind != NULL && client_room(cl)) {
		if (report_next(&cl->cl_report, &l)) {
			client_put(cl, l.ll_buf);
			continue;
		}
		cl->cl_report.rp_kind = NULL;
		client_put(cl, "done");
	}
}

/* Takes what was written out of the buffer; -1: the client has gone. */
static int
client_flush(struct client *cl)
{
	ssize_t	 n;

	while (cl->cl_written < cl->cl_outlen) {
		n = send(cl->cl_fd, cl->cl_out + cl->cl_written,
		    cl->cl_outlen - cl->cl_written, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		if (n <= 0)
			return (-1);
		cl->cl_written += (size_t)n;
		client_patience(cl);
	}
	cl->cl_outlen -= cl->cl_written;
	memmove(cl->cl_out, cl->cl_out + cl->cl_written, cl->cl_outlen);
	cl->cl_written = 0;
	return (0);
}

/* Writes one buffer at a time, so that others have their turn. */
static void
client_serve(struct client *cl)
{
	client_fill(cl);
	if (client_flush(cl) == -1) {
		client_close(cl);
		return;
	}
	if (cl->cl_outlen == 0 && cl->cl_report.rp_kind == NULL &&
	    cl->cl_closing) {
		client_close(cl);
		return;
	}
	if (cl->cl_outlen > 0 || cl->cl_report.rp_kind != NULL)
		(void)event_add(&cl->cl_write, NULL);
	if (client_listens(cl) || !event_pending(&cl->cl_write, EV_WRITE,
	    NULL))
		(void)event_add(&cl->cl_read, NULL);
}

static void
client_write(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_serve(arg);
}

/* The first word of a line of an answer. */
void
record_start(struct logline *l, const char *word)
{
	line_start(l);
	l->ll_len = strlcpy(l->ll_buf, word, sizeof(l->ll_buf));
}

/* A line is written when the loop comes round, and never from here. */
static void
client_tell(struct client *cl, const char *line)
{
	struct logline	 l;

	if (!client_room(cl)) {
		cl->cl_dropped++;
		return;
	}
	if (cl->cl_dropped > 0) {
		record_start(&l, "dropped");
		line_addf(&l, "count", "%u", cl->cl_dropped);
		client_put(cl, l.ll_buf);
		cl->cl_dropped = 0;
	}
	client_put(cl, line);
	(void)event_add(&cl->cl_write, NULL);
}

static void
client_event(struct client *cl, const char *text)
{
	struct logline	 l;

	record_start(&l, "event ");
	(void)strlcat(l.ll_buf, text, sizeof(l.ll_buf));
	client_tell(cl, l.ll_buf);
}

static void
client_refuse(struct client *cl, const char *why)
{
	struct logline	 l;

	record_start(&l, "refused");
	line_add(&l, "reason", why);
	client_put(cl, l.ll_buf);
}

static const char *
order_show(struct client *cl, int argc, char **argv)
{
	return (report_begin(&cl->cl_report, argc, argv));
}

static void
client_monitor(struct client *cl, unsigned int kinds)
{
	cl->cl_monitor = kinds;
	if (monitors++ == 0)
		log_watched(1);
}

/* "server NAME" and kinds, in any order. */
static const char *
order_monitor(struct client *cl, int argc, char **argv)
{
	unsigned int	 kinds = 0;
	int		 i;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "state") == 0)
			kinds |= EVENT_STATE;
		else if (strcmp(argv[i], "error") == 0)
			kinds |= EVENT_ERROR;
		else if (strcmp(argv[i], "authenticate") == 0)
			kinds |= EVENT_AUTHENTICATE;
		else if (strcmp(argv[i], "server") == 0 && i + 1 < argc) {
			cl->cl_server = report_server(argv[++i]);
			if (cl->cl_server == 0)
				return (REPORT_NOSERVER);
		} else
			return (REPORT_UNKNOWN);
	}
	client_monitor(cl, kinds != 0 ? kinds : EVENT_ALL);
	return (NULL);
}

/* Sets *s to a live connection. */
static const char *
order_session(struct session **s, int argc, char **argv)
{
	const char	*why;

	if (argc != 1)
		return (REPORT_UNKNOWN);
	*s = session_find((uint64_t)strtonum(argv[0], 1, INT64_MAX, &why));
	if (why != NULL || *s == NULL || !session_live(*s))
		return ("no connection has that number");
	return (NULL);
}

/* Shows the state of a session, and its events until it is closed. */
static const char *
order_trace(struct client *cl, int argc, char **argv)
{
	struct logline	 l;
	struct session	*s;
	const char	*why;

	if ((why = order_session(&s, argc, argv)) != NULL)
		return (why);
	cl->cl_session = s->s_id;
	client_monitor(cl, EVENT_ALL);
	log_present(s, &l);
	client_event(cl, l.ll_buf);
	return (NULL);
}

static const char *
order_close(struct client *cl, int argc, char **argv)
{
	struct session	*s;
	const char	*why;

	(void)cl;
	if ((why = order_session(&s, argc, argv)) == NULL)
		conn_stop(s, "closed by securetcpctl");
	return (why);
}

static const char *
order_abort(struct client *cl, int argc, char **argv)
{
	struct session	*s;
	const char	*why;

	(void)cl;
	if ((why = order_session(&s, argc, argv)) != NULL)
		return (why);
	if (s->s_phase == PHASE_ENDING)
		execute_hurry(s);
	else
		conn_fail(s, ptAbort, "aborted by securetcpctl");
	return (NULL);
}

static const char *
order_log(struct client *cl, int argc, char **argv)
{
	size_t	 i;

	(void)cl;
	for (i = 0; argc == 1 && i < REPORT_LEVELS; i++)
		if (strcmp(argv[0], report_levels[i]) == 0) {
			log_set((enum conf_log)i);
			return (NULL);
		}
	return (REPORT_UNKNOWN);
}

/* "penalties", and whose. */
static const char *
order_clear(struct client *cl, int argc, char **argv)
{
	struct sockaddr_storage	 ss;
	struct logline		 l;
	socklen_t		 len;
	unsigned int		 n;

	if (argc < 1 || argc > 2 || strcmp(argv[0], "penalties") != 0)
		return (REPORT_UNKNOWN);
	if (argc == 1) {
		n = penalty_clear(NULL);
	} else {
		if (conf_address(argv[1], &ss, &len) != NULL)
			return ("that is no numeric address");
		if ((n = penalty_clear((struct sockaddr *)&ss)) == 0)
			return ("that source has no penalty");
	}
	record_start(&l, "cleared");
	line_addf(&l, "count", "%u", n);
	client_put(cl, l.ll_buf);
	return (NULL);
}

/* Drains with the configured deadline, or with so many seconds; 0: none. */
static const char *
order_drain(struct client *cl, int argc, char **argv)
{
	static int	 succeeded;
	const char	*why = NULL;
	unsigned int	 seconds = env->sd_conf->cf_drain;

	if (argc > 1)
		return (REPORT_UNKNOWN);
	if (argc == 1)
		seconds = (unsigned int)strtonum(argv[0], 0, CONF_DRAIN_MAX,
		    &why);
	if (why != NULL)
		return ("that is no number of seconds up to a week");
	if (!env->sd_started || env->sd_stopping)
		return ("the daemon is starting or stopping");
	/* Two may have asked for the listeners: the first to drain has them. */
	if (cl->cl_successor != 0 && succeeded)
		return ("another daemon has taken over");
	succeeded |= cl->cl_successor != 0;
	daemon_drain(cl->cl_successor != 0 ? "the daemon that takes over" :
	    "securetcpctl", seconds);
	return (NULL);
}

/*
 * Passes the next daemon a listener, by its number.  That daemon tells this one
 * to drain when it serves.
 */
static const char *
order_takeover(struct client *cl, int argc, char **argv)
{
	const char	*why;
	unsigned int	 n, now = env->sd_generation->gn_number;

	if (argc != 1)
		return (REPORT_UNKNOWN);
	n = (unsigned int)strtonum(argv[0], 0, UINT_MAX, &why);
	if (why != NULL)
		return (REPORT_UNKNOWN);
	if (!env->sd_started || env->sd_stopping || env->sd_draining)
		return ("the daemon is starting, or about to end");
	if (n > 0 && cl->cl_successor != now)
		return ("the configuration was read again meanwhile");
	if ((why = upgrade_give(cl->cl_fd, n)) == NULL)
		cl->cl_successor = now;
	return (why);
}

static const char *
order_stop(struct client *cl, int argc, char **argv)
{
	(void)cl;
	(void)argv;
	if (argc != 0)
		return (REPORT_UNKNOWN);
	daemon_stop("stopped by securetcpctl");
	return (NULL);
}

/*
 * Events: what the log has of connections, whatever is written of it.
 */

/* Is the event one of those that it is to have? */
static int
client_wants(const struct client *cl, const struct service *se,
    const struct session *s, enum event_kind kind)
{
	if ((cl->cl_monitor & kind) == 0)
		return (0);
	if (cl->cl_session != 0)
		return (s != NULL && s->s_id == cl->cl_session);
	return (cl->cl_server == 0 || cl->cl_server == se->se_number);
}

/* The session is NULL for a connection that has none. */
void
control_event(const struct service *se, const struct session *s,
    enum event_kind kind, const char *text)
{
	struct client	*cl;

	if (monitors == 0)
		return;
	TAILQ_FOREACH(cl, &clients, cl_entry) {
		if (!client_wants(cl, se, s, kind))
			continue;
		client_event(cl, text);
		if (cl->cl_session != 0 && !session_live(s)) {
			/* The buffer has room: two lines are kept free. */
			client_put(cl, "done");
			cl->cl_closing = 1;
		}
	}
}

/*
 * Reloads.
 */

/* The answer comes when it is over. */
static const char *
order_reload(struct client *cl, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return (REPORT_UNKNOWN);
	if (!env->sd_started)
		return ("the daemon has not started yet");
	if (env->sd_stopping || env->sd_draining)
		return ("the daemon is about to end");
	cl->cl_reload = reload_start("securetcpctl");
	return (NULL);
}

/* A client that waits for a later reload does not hear of this one. */
void
control_message(unsigned int reload, int warning, const char *text)
{
	struct client	*cl;
	struct logline	 l;

	record_start(&l, "message");
	line_add(&l, "level", warning ? "warning" : "error");
	line_add(&l, "text", text);
	TAILQ_FOREACH(cl, &clients, cl_entry)
		if (cl->cl_reload != 0 && cl->cl_reload <= reload)
			client_tell(cl, l.ll_buf);
}

/* Counts the messages for which there was no room. */
static void
client_unsaid(struct client *cl)
{
	struct logline	 l;
	char		 text[64];

	(void)snprintf(text, sizeof(text), "%u more messages are in the log",
	    cl->cl_dropped);
	cl->cl_dropped = 0;
	record_start(&l, "message");
	line_add(&l, "level", "warning");
	line_add(&l, "text", text);
	client_put(cl, l.ll_buf);
}

/* A reload has ended: NULL, or why it was refused. */
void
control_reloaded(unsigned int reload, const char *why)
{
	struct client	*cl;

	TAILQ_FOREACH(cl, &clients, cl_entry) {
		if (cl->cl_reload == 0 || cl->cl_reload > reload)
			continue;
		cl->cl_reload = 0;
		if (cl->cl_dropped > 0)
			client_unsaid(cl);
		if (why != NULL)
			client_refuse(cl, why);
		else
			client_put(cl, "done");
		client_patience(cl);
		(void)event_add(&cl->cl_write, NULL);
	}
}

/* A line of tabs and words. */
static void
client_order(struct client *cl, char *line)
{
	char		*argv[CONTROL_WORDS];
	const char	*why;
	size_t		 i;
	int		 argc = 0;

	while (argc < CONTROL_WORDS && (argv[argc] = strsep(&line, "\t")) !=
	    NULL)
		argc++;
	for (i = 0; i < nitems(orders); i++)
		if (strcmp(argv[0], orders[i].or_name) == 0)
			break;
	if (i == nitems(orders) || line != NULL)
		why = REPORT_UNKNOWN;
	else if (cl->cl_restricted && !orders[i].or_restricted)
		why = "this is a restricted socket";
	else
		why = orders[i].or_run(cl, argc - 1, argv + 1);
	if (why != NULL)
		client_refuse(cl, why);
	else if (cl->cl_report.rp_kind == NULL && !client_listens(cl))
		client_put(cl, "done");
}

/* The next command waits until this one is answered. */
static void
client_read(int fd, short what, void *arg)
{
	struct client	*cl = arg;
	char		*newline;
	size_t		 len;
	ssize_t		 n;

	(void)what;
	n = recv(fd, cl->cl_in + cl->cl_inlen, sizeof(cl->cl_in) -
	    cl->cl_inlen, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		(void)event_add(&cl->cl_read, NULL);
		return;
	}
	if (n <= 0 || client_listens(cl)) {
		client_close(cl);
		return;
	}
	cl->cl_inlen += (size_t)n;
	newline = memchr(cl->cl_in, '\n', cl->cl_inlen);
	if (newline == NULL && cl->cl_inlen < sizeof(cl->cl_in)) {
		(void)event_add(&cl->cl_read, NULL);
		return;
	}
	if (newline == NULL || memchr(cl->cl_in, '\0', cl->cl_inlen) != NULL) {
		client_refuse(cl, "that is no command");
		cl->cl_closing = 1;
	} else {
		*newline = '\0';
		client_order(cl, cl->cl_in);
		len = (size_t)(newline + 1 - cl->cl_in);
		cl->cl_inlen -= len;
		memmove(cl->cl_in, cl->cl_in + len, cl->cl_inlen);
		/*
		 * A client that sends several lines at once does not wait for
		 * answers.
		 */
		cl->cl_closing = cl->cl_inlen > 0;
	}
	client_patience(cl);
	client_serve(cl);
}

/* Clients of the restricted socket can shut out only each other. */
static void
client_limit(int restricted)
{
	struct client	*cl, *oldest = NULL;
	unsigned int	 n = 0;

	TAILQ_FOREACH(cl, &clients, cl_entry) {
		if (cl->cl_restricted != restricted)
			continue;
		if (oldest == NULL)
			oldest = cl;
		n++;
	}
	if (n >= CONTROL_CLIENTS)
		client_close(oldest);
}

/* Takes a connection to a control socket over. */
void
control_client(int fd, int restricted)
{
	struct client	*cl;

	client_limit(restricted);
	if ((cl = calloc(1, sizeof(*cl))) == NULL) {
		(void)close(fd);
		return;
	}
	cl->cl_fd = fd;
	cl->cl_restricted = restricted;
	env->sd_fds++;
	event_set(&cl->cl_read, fd, EV_READ, client_read, cl);
	event_set(&cl->cl_write, fd, EV_WRITE, client_write, cl);
	evtimer_set(&cl->cl_timer, client_late, cl);
	TAILQ_INSERT_TAIL(&clients, cl, cl_entry);
	client_patience(cl);
	(void)event_add(&cl->cl_read, NULL);
}

void
control_stop(void)
{
	struct client	*cl;

	doors_close();
	while ((cl = TAILQ_FIRST(&clients)) != NULL) {
		(void)client_flush(cl);
		client_close(cl);
	}
}
