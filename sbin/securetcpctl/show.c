/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Each figure that the daemon tells, in one table, and the three forms that it
 * is printed in: text, JSON and OpenMetrics.
 */

#include <sys/types.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "ctl.h"

#define PREFIX	"securetcpd"	/* of all metrics */

static const struct field	 summary_fields[] = {
	{ "state", KIND_TEXT, NULL, "state\t%", METRIC_INFO, NULL },
	{ "uptime", KIND_SECONDS, NULL, " for %", METRIC_GAUGE,
	    "Time since the start." },
	{ "pid", KIND_NUMBER, NULL, ", pid %", METRIC_INFO, NULL },
	{ "log", KIND_TEXT, NULL, ", log %", METRIC_INFO, NULL },
	{ "generation", KIND_NUMBER, NULL, ", generation %", METRIC_GAUGE,
	    "Configurations that were used since the start." },
	{ "older", KIND_NUMBER, NULL, " and % older", METRIC_GAUGE,
	    "Generations before that which still have connections." },
	{ "problems", KIND_NUMBER, NULL, "problems\t%", METRIC_GAUGE,
	    "What an administrator should see to." },
	{ "problem", KIND_TEXT, NULL, ": %", METRIC_NONE, NULL },
	{ "servers", KIND_NUMBER, NULL, "servers\t%", METRIC_GAUGE,
	    "Server and client blocks." },
	{ "open", KIND_NUMBER, NULL, ", % open", METRIC_GAUGE,
	    "Those that accept connections." },
	{ "connections", KIND_NUMBER, NULL, "connections\t%", METRIC_GAUGE,
	    "Connections accepted and not closed." },
	{ "limit", KIND_NUMBER, NULL, " of %", METRIC_GAUGE,
	    "The most connections there can be." },
	{ "accepted", KIND_NUMBER, NULL, ", % since the start",
	    METRIC_COUNTER, "Connections that got a session." },
	{ "in", KIND_BYTES, NULL, "traffic\t% in", METRIC_COUNTER,
	    "Plain bytes from the side that speaks TLS." },
	{ "out", KIND_BYTES, NULL, ", % out", METRIC_COUNTER,
	    "Plain bytes to the side that speaks TLS." },
	{ "errors", KIND_NUMBER, NULL, "errors\t%", METRIC_COUNTER,
	    "Connections that failed." },
	{ "minute", KIND_NUMBER, NULL, ", % in the last minute",
	    METRIC_GAUGE, "Errors of the last minute." },
	{ "refused", KIND_NUMBER, NULL, "; refused %", METRIC_COUNTER,
	    "Connections that were closed without a session." },
	{ "blocked", KIND_NUMBER, NULL, "; blocked % sources", METRIC_GAUGE,
	    "Sources that may not connect now." },
	{ "penalties", KIND_NUMBER, NULL, " of % known", METRIC_GAUGE,
	    "Sources with a penalty, past ones included." },
	{ "backends", KIND_NUMBER, NULL, "backends\t%", METRIC_GAUGE,
	    "Backends, and targets of client blocks." },
	{ "down", KIND_NUMBER, NULL, ", % down", METRIC_GAUGE,
	    "Those whose last connection failed." },
	{ "certificates", KIND_NUMBER, NULL, "; % certificates",
	    METRIC_GAUGE, "Certificate blocks." },
	{ "certificate", KIND_TEXT, NULL, "; first \"%\"", METRIC_NONE,
	    NULL },
	{ "expires", KIND_SECONDS, NULL, " expires in %", METRIC_GAUGE,
	    "Time until the first certificate expires." },
	{ "signers", KIND_NUMBER, NULL, "processes\t% signers",
	    METRIC_GAUGE, "Signers there are to be." },
	{ "ready", KIND_NUMBER, NULL, ", % ready", METRIC_GAUGE,
	    "Signers that are ready." },
	{ "idle", KIND_NUMBER, NULL, "; % idle sessions", METRIC_GAUGE,
	    "Sessions that wait for a connection." },
	{ "crashes", KIND_NUMBER, NULL, "; % crashes", METRIC_COUNTER,
	    "Sessions that crashed or broke the rules." },
	{ "descriptors", KIND_NUMBER, NULL, "descriptors\t%", METRIC_GAUGE,
	    "Descriptors that the parent holds." },
	{ "descriptorlimit", KIND_NUMBER, NULL, " of %", METRIC_GAUGE,
	    "Its limit of them." },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 server_fields[] = {
	{ "server", KIND_TEXT, "SERVER", NULL, METRIC_LABEL, NULL },
	{ "mode", KIND_TEXT, "MODE", NULL, METRIC_INFO, NULL },
	{ "state", KIND_TEXT, "STATE", NULL, METRIC_INFO, NULL },
	{ "connections", KIND_NUMBER, "NOW", NULL, METRIC_GAUGE,
	    "Connections accepted and not closed." },
	{ "limit", KIND_NUMBER, "MAX", NULL, METRIC_GAUGE,
	    "The most connections there can be." },
	{ "pending", KIND_NUMBER, "PENDING", NULL, METRIC_GAUGE,
	    "Connections whose handshake is not over." },
	{ "idle", KIND_NUMBER, "IDLE", NULL, METRIC_GAUGE,
	    "Sessions that wait for a connection." },
	{ "generation", KIND_NUMBER, "GEN", NULL, METRIC_GAUGE,
	    "The configuration that new connections have." },
	{ "accepted", KIND_NUMBER, "ACCEPTED", NULL, METRIC_COUNTER,
	    "Connections that got a session." },
	{ "connected", KIND_NUMBER, NULL, NULL, METRIC_COUNTER,
	    "Connections that were connected." },
	{ "closed", KIND_NUMBER, NULL, NULL, METRIC_COUNTER,
	    "Connections that got a session and are closed." },
	{ "refused", KIND_NUMBER, "REFUSED", NULL, METRIC_COUNTER,
	    "Connections that were closed without a session." },
	{ "errors", KIND_NUMBER, "ERRORS", NULL, METRIC_COUNTER,
	    "Connections that failed." },
	{ "minute", KIND_NUMBER, "MINUTE", NULL, METRIC_GAUGE,
	    "Errors of the last minute." },
	{ "crashes", KIND_NUMBER, NULL, NULL, METRIC_COUNTER,
	    "Sessions that crashed or broke the rules." },
	{ "in", KIND_BYTES, "IN", NULL, METRIC_COUNTER,
	    "Plain bytes from the side that speaks TLS." },
	{ "out", KIND_BYTES, "OUT", NULL, METRIC_COUNTER,
	    "Plain bytes to the side that speaks TLS." },
	{ "listen", KIND_TEXT, "LISTEN", NULL, METRIC_INFO, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 backend_fields[] = {
	{ "server", KIND_TEXT, "SERVER", NULL, METRIC_LABEL, NULL },
	{ "backend", KIND_TEXT, "BACKEND", NULL, METRIC_LABEL, NULL },
	{ "state", KIND_TEXT, "STATE", NULL, METRIC_INFO, NULL },
	{ "since", KIND_SECONDS, "SINCE", NULL, METRIC_GAUGE,
	    "Time that the backend has been up or down." },
	{ "connections", KIND_NUMBER, "NOW", NULL, METRIC_GAUGE,
	    "Connections forwarded to it and not closed." },
	{ "forwarded", KIND_NUMBER, "TOTAL", NULL, METRIC_COUNTER,
	    "Connections forwarded to it." },
	{ "failures", KIND_NUMBER, "FAILED", NULL, METRIC_GAUGE,
	    "Failures since it last worked." },
	{ "retry", KIND_SECONDS, "RETRY", NULL, METRIC_GAUGE,
	    "Time until it is preferred again." },
	{ "reason", KIND_TEXT, "REASON", NULL, METRIC_INFO, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 session_fields[] = {
	{ "session", KIND_NUMBER, "SESSION", "session\t%", METRIC_NONE, NULL },
	{ "server", KIND_TEXT, "SERVER", "server\t%", METRIC_NONE, NULL },
	{ "state", KIND_TEXT, "STATE", "state\t%", METRIC_NONE, NULL },
	{ "age", KIND_SECONDS, "AGE", "age\t%", METRIC_NONE, NULL },
	{ "from", KIND_TEXT, "FROM", "from\t%", METRIC_NONE, NULL },
	{ "via", KIND_TEXT, NULL, "via\t%", METRIC_NONE, NULL },
	{ "version", KIND_TEXT, NULL, "version\t%", METRIC_NONE, NULL },
	{ "cipher", KIND_TEXT, NULL, "cipher\t%", METRIC_NONE, NULL },
	{ "alpn", KIND_TEXT, NULL, "alpn\t%", METRIC_NONE, NULL },
	{ "servername", KIND_TEXT, "NAME", "servername\t%", METRIC_NONE,
	    NULL },
	{ "backend", KIND_TEXT, "BACKEND", "backend\t%", METRIC_NONE, NULL },
	{ "received", KIND_BYTES, "RECEIVED", "received\t%", METRIC_NONE,
	    NULL },
	{ "sent", KIND_BYTES, "SENT", "sent\t%", METRIC_NONE, NULL },
	{ "pid", KIND_NUMBER, NULL, "pid\t%", METRIC_NONE, NULL },
	{ "subject", KIND_TEXT, "SUBJECT", "subject\t%", METRIC_NONE, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 error_fields[] = {
	{ "server", KIND_TEXT, "SERVER", NULL, METRIC_LABEL, NULL },
	{ "number", KIND_NUMBER, "NUMBER", NULL, METRIC_LABEL, NULL },
	{ "error", KIND_TEXT, "ERROR", NULL, METRIC_LABEL, NULL },
	{ "count", KIND_NUMBER, "COUNT", NULL, METRIC_COUNTER,
	    "Errors of this number and reason." },
	{ "minute", KIND_NUMBER, "MINUTE", NULL, METRIC_GAUGE,
	    "Those of the last minute." },
	{ "reason", KIND_TEXT, "REASON", NULL, METRIC_LABEL, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 process_fields[] = {
	{ "process", KIND_TEXT, "PROCESS", NULL, METRIC_NONE, NULL },
	{ "name", KIND_TEXT, "NAME", NULL, METRIC_NONE, NULL },
	{ "pid", KIND_NUMBER, "PID", NULL, METRIC_NONE, NULL },
	{ "state", KIND_TEXT, "STATE", NULL, METRIC_NONE, NULL },
	{ "generation", KIND_NUMBER, "GEN", NULL, METRIC_NONE, NULL },
	{ "server", KIND_TEXT, "SERVER", NULL, METRIC_NONE, NULL },
	{ "sandbox", KIND_TEXT, "SANDBOX", NULL, METRIC_NONE, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 penalty_fields[] = {
	{ "source", KIND_TEXT, "SOURCE", NULL, METRIC_NONE, NULL },
	{ "state", KIND_TEXT, "STATE", NULL, METRIC_NONE, NULL },
	{ "left", KIND_SECONDS, "LEFT", NULL, METRIC_NONE, NULL },
	{ "factor", KIND_NUMBER, "FACTOR", NULL, METRIC_NONE, NULL },
	{ "offences", KIND_NUMBER, "OFFENCES", NULL, METRIC_NONE, NULL },
	{ "blocks", KIND_NUMBER, "BLOCKS", NULL, METRIC_NONE, NULL },
	{ "server", KIND_TEXT, "SERVER", NULL, METRIC_NONE, NULL },
	{ "error", KIND_TEXT, "ERROR", NULL, METRIC_NONE, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

static const struct field	 certificate_fields[] = {
	{ "expires", KIND_SECONDS, "EXPIRES", NULL, METRIC_GAUGE,
	    "Time until it expires, or has to be renewed." },
	{ "state", KIND_TEXT, "STATE", NULL, METRIC_INFO, NULL },
	{ "kind", KIND_TEXT, "KIND", NULL, METRIC_LABEL, NULL },
	{ "name", KIND_TEXT, "NAME", NULL, METRIC_LABEL, NULL },
	{ "file", KIND_TEXT, "FILE", NULL, METRIC_LABEL, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

/* The first is all that there is to it, in text. */
static const struct field	 message_fields[] = {
	{ "text", KIND_TEXT, "TEXT", NULL, METRIC_NONE, NULL },
	{ "level", KIND_TEXT, NULL, NULL, METRIC_NONE, NULL },
	{ NULL, KIND_TEXT, NULL, NULL, METRIC_NONE, NULL }
};

/* A file that has no end comes last. */
static const struct view	 views[] = {
	{ "summary", "summary", 1, 1, NULL, 0, summary_fields },
	{ "servers", "server", 0, 1, NULL, 0, server_fields },
	{ "backends", "backend", 0, 1, NULL, 0, backend_fields },
	{ "sessions", "session", 0, 0, NULL, 0, session_fields },
	{ "session", "session", 1, 0, NULL, 0, session_fields },
	{ "errors", "error", 0, 1, "count", 1, error_fields },
	{ "processes", "process", 0, 0, NULL, 0, process_fields },
	{ "penalties", "penalty", 0, 0, "left", 1, penalty_fields },
	{ "certificates", "certificate", 0, 1, "expires", 0,
	    certificate_fields },
	{ "reload", "message", 0, 0, NULL, 0, message_fields },
	{ NULL, NULL, 0, 0, NULL, 0, NULL }
};

const struct view *
view_find(const char *name)
{
	const struct view	*v;

	for (v = views; v->v_name != NULL; v++)
		if (strcmp(v->v_name, name) == 0)
			return (v);
	return (NULL);
}

/* The next of those that are metrics. */
const struct view *
view_metrics(const struct view *v)
{
	for (v = v == NULL ? views : v + 1; v->v_name != NULL; v++)
		if (v->v_metrics)
			return (v);
	return (NULL);
}

static size_t
field_find(const struct view *v, const char *key)
{
	size_t	 i;

	for (i = 0; v->v_fields[i].fd_key != NULL; i++)
		if (strcmp(v->v_fields[i].fd_key, key) == 0)
			break;
	return (i);
}

/*
 * Cuts a value off, without the quotes around it, and without the backslash
 * before those in it; what else is encoded stays.  Returns where the next pair
 * begins.
 */
char *
value_end(char **value)
{
	char	*end, *p = *value;

	if (*p != '"') {
		p += strcspn(p, " ");
	} else {
		*value = end = ++p;
		while (*p != '\0' && *p != '"') {
			if (p[0] == '\\' && p[1] == '"')
				p++;
			else if (p[0] == '\\' && p[1] != '\0')
				*end++ = *p++;
			*end++ = *p++;
		}
		if (*p == '"')
			p++;
		*end = '\0';
	}
	if (*p == ' ')
		*p++ = '\0';
	return (p);
}

/* NULL: it has no value, or there is no such key. */
const char *
record_value(const struct view *v, const struct record *r, const char *key)
{
	size_t	 i = field_find(v, key);

	return (v->v_fields[i].fd_key == NULL ? NULL : r->r_values[i]);
}

/* A line of pairs. */
void
record_add(struct records *rs, const struct view *v, const char *line)
{
	struct record	*r;
	char		*equals, *key, *next, *value;
	size_t		 i;

	r = reallocarray(rs->rs_list, rs->rs_count + 1, sizeof(*r));
	if (r == NULL)
		err(1, NULL);
	rs->rs_list = r;
	r = &rs->rs_list[rs->rs_count++];
	memset(r, 0, sizeof(*r));
	if ((r->r_line = strdup(line)) == NULL)
		err(1, NULL);
	for (key = r->r_line; (equals = strchr(key, '=')) != NULL;
	    key = next) {
		*equals = '\0';
		value = equals + 1;
		next = value_end(&value);
		i = field_find(v, key);
		if (v->v_fields[i].fd_key != NULL)
			r->r_values[i] = value;
	}
}

static size_t	 sort_field;
static int	 sort_text, sort_falling;

/* A record without a value comes last. */
static int
record_cmp(const void *a, const void *b)
{
	const struct record	*ra = a, *rb = b;
	const char		*va, *vb;
	long long		 na, nb;

	va = ra->r_values[sort_field];
	vb = rb->r_values[sort_field];
	if (va == NULL || vb == NULL)
		return ((va == NULL) - (vb == NULL));
	if (sort_text)
		return (strcmp(va, vb));
	na = strtoll(va, NULL, 10);
	nb = strtoll(vb, NULL, 10);
	if (na == nb)
		return (0);
	return ((na < nb) != sort_falling ? -1 : 1);
}

/* By this key, or as the view has it; -1: there is no such key. */
int
records_sort(const struct view *v, struct records *rs, const char *key)
{
	const struct field	*fd;

	sort_field = field_find(v, key != NULL ? key : v->v_sort != NULL ?
	    v->v_sort : v->v_fields[0].fd_key);
	fd = &v->v_fields[sort_field];
	if (fd->fd_key == NULL)
		return (-1);
	sort_text = fd->fd_kind == KIND_TEXT;
	sort_falling = key == NULL ? v->v_falling : fd->fd_kind >= KIND_BYTES;
	if ((key != NULL || v->v_sort != NULL) && rs->rs_count > 1)
		qsort(rs->rs_list, rs->rs_count, sizeof(rs->rs_list[0]),
		    record_cmp);
	return (0);
}

void
records_free(struct records *rs)
{
	size_t	 i;

	for (i = 0; i < rs->rs_count; i++)
		free(rs->rs_list[i].r_line);
	free(rs->rs_list);
	memset(rs, 0, sizeof(*rs));
}

/*
 * Text, for people.
 */

void
human_bytes(double n, char *buf, size_t len)
{
	static const char	 units[] = "BKMGTPE";
	size_t			 i = 0;

	while (n >= 1000 && i < sizeof(units) - 2) {
		n /= 1024;
		i++;
	}
	(void)snprintf(buf, len, i == 0 || n >= 10 ? "%.0f%c" : "%.1f%c", n,
	    units[i]);
}

static void
human_seconds(const char *value, char *buf, size_t len)
{
	const char	*sign = *value == '-' ? "-" : "";
	long long	 n = llabs(strtoll(value, NULL, 10));

	if (n < 60)
		(void)snprintf(buf, len, "%s%llds", sign, n);
	else if (n < 3600)
		(void)snprintf(buf, len, "%s%lldm%02llds", sign, n / 60,
		    n % 60);
	else if (n < 86400)
		(void)snprintf(buf, len, "%s%lldh%02lldm", sign, n / 3600,
		    n / 60 % 60);
	else
		(void)snprintf(buf, len, "%s%lldd%02lldh", sign, n / 86400,
		    n / 3600 % 24);
}

static const char *
human(const struct field *fd, const char *value, char *buf, size_t len)
{
	if (value == NULL)
		return ("-");
	if (fd->fd_kind == KIND_BYTES)
		human_bytes(strtod(value, NULL), buf, len);
	else if (fd->fd_kind == KIND_SECONDS)
		human_seconds(value, buf, len);
	else
		return (value);
	return (buf);
}

/* A value as it is in a table. */
const char *
record_text(const struct view *v, const struct record *r, const char *key,
    char *buf, size_t len)
{
	return (human(&v->v_fields[field_find(v, key)],
	    record_value(v, r, key), buf, len));
}

/* Numbers are on the right; after the last column there is nothing. */
static void
table_cell(const struct field *fd, const char *text, int width)
{
	if (fd->fd_kind != KIND_TEXT)
		printf("%*s", width, text);
	else if (width == 0)
		printf("%s", text);
	else
		printf("%-*s", width, text);
}

static size_t
table_last(const struct view *v)
{
	size_t	 i, last = 0;

	for (i = 0; v->v_fields[i].fd_key != NULL; i++)
		if (v->v_fields[i].fd_column != NULL)
			last = i;
	return (last);
}

static void
table_widths(const struct view *v, const struct records *rs, int *widths)
{
	const struct field	*fd;
	char			 buf[64];
	size_t			 i, j, n;

	for (i = 0; v->v_fields[i].fd_key != NULL; i++) {
		fd = &v->v_fields[i];
		if (fd->fd_column == NULL)
			continue;
		widths[i] = (int)strlen(fd->fd_column);
		for (j = 0; j < rs->rs_count; j++) {
			n = strlen(human(fd, rs->rs_list[j].r_values[i], buf,
			    sizeof(buf)));
			if ((int)n > widths[i])
				widths[i] = (int)n;
		}
	}
	i = table_last(v);
	if (v->v_fields[i].fd_kind == KIND_TEXT)
		widths[i] = 0;
}

static void
table_row(const struct view *v, const struct record *r, const int *widths)
{
	const struct field	*fd;
	const char		*text;
	char			 buf[64];
	size_t			 i;
	int			 first = 1;

	for (i = 0; v->v_fields[i].fd_key != NULL; i++) {
		fd = &v->v_fields[i];
		if (fd->fd_column == NULL)
			continue;
		text = r == NULL ? fd->fd_column : human(fd, r->r_values[i],
		    buf, sizeof(buf));
		if (!first)
			printf("  ");
		table_cell(fd, text, widths[i]);
		first = 0;
	}
	printf("\n");
}

/* The first value of each record. */
void
show_lines(FILE *f, const struct records *rs)
{
	size_t	 i;

	for (i = 0; i < rs->rs_count; i++)
		if (rs->rs_list[i].r_values[0] != NULL)
			fprintf(f, "%s\n", rs->rs_list[i].r_values[0]);
}

void
show_table(const struct view *v, const struct records *rs)
{
	int	 widths[FIELDS_MAX];
	size_t	 i;

	table_widths(v, rs, widths);
	table_row(v, NULL, widths);
	for (i = 0; i < rs->rs_count; i++)
		table_row(v, &rs->rs_list[i], widths);
}

void
show_record(FILE *f, const struct view *v, const struct record *r)
{
	const struct field	*fd;
	const char		*place, *tab;
	char			 buf[64];
	size_t			 i;
	int			 begun = 0;

	for (i = 0; (fd = &v->v_fields[i])->fd_key != NULL; i++) {
		if (r->r_values[i] == NULL || fd->fd_phrase == NULL)
			continue;
		place = fd->fd_phrase;
		if ((tab = strchr(place, '\t')) != NULL) {
			fprintf(f, "%s%-14.*s", begun ? "\n" : "",
			    (int)(tab - place), place);
			place = tab + 1;
			begun = 1;
		}
		tab = strchr(place, '%');
		fprintf(f, "%.*s%s%s", (int)(tab - place), place, human(fd,
		    r->r_values[i], buf, sizeof(buf)), tab + 1);
	}
	fprintf(f, "\n");
}

/*
 * JSON.
 */

/* The same is a label's value in OpenMetrics. */
static void
json_string(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static void
json_record(const struct view *v, const struct record *r)
{
	const struct field	*fd;
	size_t			 i;
	int			 first = 1;

	putchar('{');
	for (i = 0; (fd = &v->v_fields[i])->fd_key != NULL; i++) {
		if (r->r_values[i] == NULL)
			continue;
		printf("%s\"%s\":", first ? "" : ",", fd->fd_key);
		first = 0;
		if (fd->fd_kind == KIND_TEXT)
			json_string(stdout, r->r_values[i]);
		else
			printf("%s", r->r_values[i]);
	}
	putchar('}');
}

void
show_json(const struct view *v, const struct records *rs)
{
	size_t	 i;

	printf("{\"%s\":%s", v->v_single ? v->v_record : v->v_name,
	    v->v_single ? "" : "[");
	for (i = 0; i < rs->rs_count; i++) {
		if (i > 0)
			printf(",\n");
		json_record(v, &rs->rs_list[i]);
	}
	printf("%s}\n", v->v_single ? "" : "]");
}

static int
json_number(const char *key)
{
	static const char *const	 numbers[] = {
		"session", "number", "count", "rule", "line", "in", "out",
		"seconds", "exit", "signal"
	};
	size_t				 i;

	for (i = 0; i < nitems(numbers); i++)
		if (strcmp(numbers[i], key) == 0)
			return (1);
	return (0);
}

/* A line of the log as an object of its own, in a line. */
void
show_event(const char *line)
{
	static const char *const	 kinds[] = {
		"error", "authenticate", "state"
	};
	const char			*kind = "";
	char				*copy, *equals, *key, *next, *value;
	size_t				 i;

	if ((copy = strdup(line)) == NULL)
		err(1, NULL);
	putchar('{');
	for (key = copy; (equals = strchr(key, '=')) != NULL; key = next) {
		*equals = '\0';
		value = equals + 1;
		next = value_end(&value);
		for (i = 0; i < nitems(kinds); i++)
			if (strcmp(key, kinds[i]) == 0)
				kind = kinds[i];
		if (key != copy)
			putchar(',');
		printf("\"%s\":", key);
		if (json_number(key))
			printf("%s", value);
		else
			json_string(stdout, value);
	}
	printf(",\"event\":\"%s\"}\n", kind);
	free(copy);
}

/*
 * OpenMetrics, and the older text format of Prometheus, which has neither units
 * nor infos, and calls the family of a counter what its samples are called.
 */

struct metrics {
	FILE			*mt_file;
	int			 mt_plain;	/* the older format */
	const struct view	*mt_view;
	const struct records	*mt_records;
};

/* "securetcpd_server_in_bytes"; of the summary without that word. */
static void
metric_name(const struct metrics *mt, const struct field *fd, int sample)
{
	const struct view	*v = mt->mt_view;
	const char		*suffix = "";

	fprintf(mt->mt_file, PREFIX "%s%s", v->v_single ? "" : "_",
	    v->v_single ? "" : v->v_record);
	if (fd != NULL)
		fprintf(mt->mt_file, "_%s%s", fd->fd_key,
		    fd->fd_kind == KIND_BYTES ? "_bytes" :
		    fd->fd_kind == KIND_SECONDS ? "_seconds" : "");
	if (sample || mt->mt_plain)
		suffix = fd == NULL ? "_info" :
		    fd->fd_metric == METRIC_COUNTER ? "_total" : "";
	fprintf(mt->mt_file, "%s", suffix);
}

/* The labels of a record, those of its info if that is asked for. */
static void
metric_labels(const struct metrics *mt, const struct record *r, int info)
{
	const struct field	*fd;
	const char		*open = "{";
	size_t			 i;

	for (i = 0; (fd = &mt->mt_view->v_fields[i])->fd_key != NULL; i++) {
		if (r->r_values[i] == NULL || (fd->fd_metric != METRIC_LABEL &&
		    !(info && fd->fd_metric == METRIC_INFO)))
			continue;
		fprintf(mt->mt_file, "%s%s=", open, fd->fd_key);
		json_string(mt->mt_file, r->r_values[i]);
		open = ",";
	}
	if (*open == ',')
		fputc('}', mt->mt_file);
}

static void
metric_line(const struct metrics *mt, const struct field *fd,
    const char *what, const char *text)
{
	fprintf(mt->mt_file, "# %s ", what);
	metric_name(mt, fd, 0);
	fprintf(mt->mt_file, " %s\n", text);
}

static void
metric_head(const struct metrics *mt, const struct field *fd)
{
	metric_line(mt, fd, "TYPE", fd == NULL ? (mt->mt_plain ? "gauge" :
	    "info") : fd->fd_metric == METRIC_GAUGE ? "gauge" : "counter");
	if (fd != NULL && fd->fd_kind >= KIND_BYTES && !mt->mt_plain)
		metric_line(mt, fd, "UNIT", fd->fd_kind == KIND_BYTES ?
		    "bytes" : "seconds");
	metric_line(mt, fd, "HELP", fd == NULL ? "What is not a number." :
	    fd->fd_help);
}

static void
metric_samples(const struct metrics *mt, const struct field *fd, size_t i)
{
	const struct record	*r;
	size_t			 j;

	for (j = 0; j < mt->mt_records->rs_count; j++) {
		r = &mt->mt_records->rs_list[j];
		if (fd != NULL && r->r_values[i] == NULL)
			continue;
		metric_name(mt, fd, 1);
		metric_labels(mt, r, fd == NULL);
		fprintf(mt->mt_file, " %s\n", fd == NULL ? "1" :
		    r->r_values[i]);
	}
}

void
show_metrics(FILE *f, int plain, const struct view *v,
    const struct records *rs)
{
	const struct metrics	 mt = { f, plain, v, rs };
	const struct field	*fd;
	size_t			 i;
	int			 info = 0;

	for (i = 0; (fd = &v->v_fields[i])->fd_key != NULL; i++) {
		info |= fd->fd_metric == METRIC_INFO;
		if (fd->fd_metric < METRIC_GAUGE)
			continue;
		metric_head(&mt, fd);
		metric_samples(&mt, fd, i);
	}
	if (info) {
		metric_head(&mt, NULL);
		metric_samples(&mt, NULL, 0);
	}
}
