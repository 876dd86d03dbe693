/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CTL_H
#define CTL_H

#include <sys/types.h>

/* What a figure is, and so how it is printed. */
enum kind {
	KIND_TEXT,
	KIND_NUMBER,		/* an id, or a count */
	KIND_BYTES,
	KIND_SECONDS
};

/* What it is in OpenMetrics. */
enum metric {
	METRIC_NONE,
	METRIC_LABEL,		/* of the other figures */
	METRIC_INFO,		/* a label of the record's info */
	METRIC_GAUGE,
	METRIC_COUNTER
};

struct field {
	const char	*fd_key;	/* of the daemon, and of JSON */
	enum kind	 fd_kind;
	const char	*fd_column;	/* heading in a table; NULL: none */
	/* A line that shows one record: "name\tbefore%after" begins it. */
	const char	*fd_phrase;
	enum metric	 fd_metric;
	const char	*fd_help;
};

#define FIELDS_MAX	32

struct view {
	const char		*v_name;	/* "servers" */
	const char		*v_record;	/* "server" */
	int			 v_single;	/* there is but one */
	int			 v_metrics;
	const char		*v_sort;	/* by this key, or NULL; ... */
	int			 v_falling;	/* ... the greatest first */
	const struct field	*v_fields;	/* the last has no key */
};

/* A record: the values of its fields, NULL where there is none. */
struct record {
	char		*r_line;
	const char	*r_values[FIELDS_MAX];
};

struct records {
	struct record	*rs_list;
	size_t		 rs_count;
};

/* ctl.c: what the daemon has to show of these. */
void		 fetch(const struct view *, struct records *);

/* show.c */
const struct view
		*view_find(const char *);
const struct view
		*view_metrics(const struct view *);
char		*value_end(char **);
const char	*record_value(const struct view *, const struct record *,
		    const char *);
const char	*record_text(const struct view *, const struct record *,
		    const char *, char *, size_t);
void		 human_bytes(double, char *, size_t);
void		 record_add(struct records *, const struct view *,
		    const char *);
int		 records_sort(const struct view *, struct records *,
		    const char *);
void		 records_free(struct records *);
void		 show_lines(FILE *, const struct records *);
void		 show_table(const struct view *, const struct records *);
void		 show_record(FILE *, const struct view *,
		    const struct record *);
void		 show_json(const struct view *, const struct records *);
void		 show_event(const char *);
void		 show_metrics(FILE *, int, const struct view *,
		    const struct records *);

/*
 * http.c: reads a request, and returns whether it is for metrics, after an
 * answer if it is for anything else; the answer to it, in the format that is
 * plain or is not.
 */
int		 http_request(int *);
void		 http_metrics(int, const char *, size_t);
void		 http_unavailable(void);

/*
 * top.c: the terminal as a screen, before compat_confine(), and what it was;
 * the latter also without the former.
 */
void		 top_enter(void);
void		 top_leave(void);
int		 top_run(void);

#endif /* CTL_H */
