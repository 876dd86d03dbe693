/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Arguments of statements: words into values, each refused by its own name. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "take.h"

static int
digits(const char *str, size_t len)
{
	return (len > 0 && strspn(str, "0123456789") >= len);
}

void
take_number(const struct token *tk, const char *what, unsigned int max,
    unsigned int *n)
{
	const char	*errstr;
	unsigned int	 v;

	if (!digits(tk->tk_text, strlen(tk->tk_text))) {
		conf_error(&tk->tk_place, "%s \"%s\" is not a number", what,
		    tk->tk_text);
		return;
	}
	v = (unsigned int)strtonum(tk->tk_text, 1, max, &errstr);
	if (errstr != NULL)
		conf_error(&tk->tk_place, "%s \"%s\" is out of range (1-%u)",
		    what, tk->tk_text, max);
	else
		*n = v;
}

/* Seconds, or 10s, 5m, 2h. */
void
take_time(const struct token *tk, const char *what, unsigned int max,
    unsigned int *seconds)
{
	char		 buf[16];
	const char	*errstr = NULL;
	size_t		 len;
	unsigned int	 unit = 1;
	long long	 v = 0;

	len = strlen(tk->tk_text);
	if (len > 1 && strchr("smh", tk->tk_text[len - 1]) != NULL) {
		len--;
		if (tk->tk_text[len] == 'm')
			unit = 60;
		else if (tk->tk_text[len] == 'h')
			unit = 3600;
	}
	if (!digits(tk->tk_text, len)) {
		conf_error(&tk->tk_place, "%s \"%s\" is not a time (10, 10s, "
		    "5m, 2h)", what, tk->tk_text);
		return;
	}
	if (len < sizeof(buf)) {
		memcpy(buf, tk->tk_text, len);
		buf[len] = '\0';
		v = strtonum(buf, 1, max, &errstr) * unit;
	}
	if (errstr != NULL || v < 1 || v > max)
		conf_error(&tk->tk_place, "%s \"%s\" is out of range (1-%u "
		    "seconds)", what, tk->tk_text, max);
	else
		*seconds = (unsigned int)v;
}

void
take_copy(const struct token *tk, const char *what, char *buf,
    size_t size)
{
	if (tk->tk_text[0] == '\0')
		conf_error(&tk->tk_place, "%s \"\" is empty", what);
	else if (strlen(tk->tk_text) >= size)
		conf_error(&tk->tk_place, "%s \"%.40s...\" is too long (%zu "
		    "at most)", what, tk->tk_text, size - 1);
	else
		memcpy(buf, tk->tk_text, strlen(tk->tk_text) + 1);
}

/* Names are seen in log lines and process titles, unquoted. */
int
take_name(const struct token *tk, const char *what, size_t size)
{
	static const char	 fit[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";

	if (tk->tk_text[0] == '\0') {
		conf_error(&tk->tk_place, "%s name \"\" is empty", what);
		return (0);
	}
	if (strlen(tk->tk_text) >= size) {
		conf_error(&tk->tk_place, "%s name \"%.40s...\" is too long "
		    "(%zu at most)", what, tk->tk_text, size - 1);
		return (0);
	}
	if (tk->tk_text[0] == '-' ||
	    tk->tk_text[strspn(tk->tk_text, fit)] != '\0') {
		conf_error(&tk->tk_place, "%s name \"%s\" is not made of "
		    "letters, digits, \".\", \"_\" and \"-\"", what,
		    tk->tk_text);
		return (0);
	}
	return (1);
}

void
take_account(const struct token *tk, const char *what, char *buf)
{
	buf[0] = '\0';
	if (take_name(tk, what, CONF_ACCOUNT))
		take_copy(tk, what, buf, CONF_ACCOUNT);
}

void
take_path(const struct token *tk, const char *what, char *buf,
    size_t size)
{
	if (tk->tk_text[0] != '/')
		conf_error(&tk->tk_place, "%s \"%s\" is not an absolute path",
		    what, tk->tk_text);
	else
		take_copy(tk, what, buf, size);
}

void
take_log(struct conf *conf, const struct token *tk)
{
	if (strcmp(tk->tk_text, "off") == 0)
		conf->cf_log = CONF_LOG_OFF;
	else if (strcmp(tk->tk_text, "errors") == 0)
		conf->cf_log = CONF_LOG_ERRORS;
	else if (strcmp(tk->tk_text, "state") == 0)
		conf->cf_log = CONF_LOG_STATE;
	else if (strcmp(tk->tk_text, "verbose") == 0)
		conf->cf_log = CONF_LOG_VERBOSE;
	else
		conf_error(&tk->tk_place, "unknown log level \"%s\" (off, "
		    "errors, state, verbose)", tk->tk_text);
}

void
take_facility(struct conf *conf, const struct token *tk)
{
	static const struct {
		const char	*f_name;
		int		 f_value;
	} facilities[] = {
		{ "auth",	LOG_AUTH },
		{ "authpriv",	LOG_AUTHPRIV },
		{ "cron",	LOG_CRON },
		{ "daemon",	LOG_DAEMON },
		{ "ftp",	LOG_FTP },
		{ "local0",	LOG_LOCAL0 },
		{ "local1",	LOG_LOCAL1 },
		{ "local2",	LOG_LOCAL2 },
		{ "local3",	LOG_LOCAL3 },
		{ "local4",	LOG_LOCAL4 },
		{ "local5",	LOG_LOCAL5 },
		{ "local6",	LOG_LOCAL6 },
		{ "local7",	LOG_LOCAL7 },
		{ "lpr",	LOG_LPR },
		{ "mail",	LOG_MAIL },
		{ "news",	LOG_NEWS },
		{ "syslog",	LOG_SYSLOG },
		{ "user",	LOG_USER },
		{ "uucp",	LOG_UUCP }
	};
	size_t	 i;

	for (i = 0; i < nitems(facilities); i++) {
		if (strcmp(tk->tk_text, facilities[i].f_name) == 0) {
			conf->cf_facility = facilities[i].f_value;
			return;
		}
	}
	conf_error(&tk->tk_place, "unknown log facility \"%s\"", tk->tk_text);
}

void
take_sandbox(struct conf *conf, const struct token *tk)
{
	if (strcmp(tk->tk_text, "required") == 0)
		conf->cf_sandbox_optional = 0;
	else if (strcmp(tk->tk_text, "optional") == 0)
		conf->cf_sandbox_optional = 1;
	else
		conf_error(&tk->tk_place, "unknown word \"%s\" (sandbox "
		    "required|optional)", tk->tk_text);
}

struct control *
take_control(struct conf *conf, const struct token *tk)
{
	struct sockaddr_storage	 ss;
	struct control		*co, *control;
	const char		*why;
	socklen_t		 len;

	if ((why = conf_unix(tk->tk_text, &ss, &len)) != NULL)
		conf_error(&tk->tk_place, "control socket \"%s\" %s",
		    tk->tk_text, why);
	TAILQ_FOREACH(co, &conf->cf_controls, co_entry)
		if (strcmp(co->co_path, tk->tk_text) == 0)
			conf_error(&tk->tk_place, "duplicate control socket "
			    "\"%s\"", tk->tk_text);
	if ((control = calloc(1, sizeof(*control))) == NULL ||
	    (control->co_path = strdup(tk->tk_text)) == NULL)
		conf_memory();
	control->co_place = tk->tk_place;
	TAILQ_INSERT_TAIL(&conf->cf_controls, control, co_entry);
	return (control);
}

void
take_key(struct certificate *ce, const struct token *file,
    const struct token *group)
{
	ce->ce_key_at = file->tk_place;
	if ((ce->ce_key = strdup(file->tk_text)) == NULL)
		conf_memory();
	if (group != NULL && take_name(group, "group", CONF_ACCOUNT) &&
	    (ce->ce_key_group = strdup(group->tk_text)) == NULL)
		conf_memory();
}

/* Where a second socket cannot be bound; port 0 is always another one. */
static void
listen_unique(struct conf *conf, const struct listen *li, const char *name)
{
	struct server	*sv;
	struct listen	*other;
	size_t		 len;

	if ((len = strlen(name)) > 2 && strcmp(name + len - 2, ":0") == 0)
		return;
	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry) {
		TAILQ_FOREACH(other, &sv->sv_listens, li_entry) {
			if (other == li || other->li_len != li->li_len ||
			    memcmp(&other->li_ss, &li->li_ss, li->li_len) != 0)
				continue;
			conf_error(&li->li_place, "server \"%s\" listens on "
			    "%s already (line %d)", sv->sv_name, name,
			    other->li_place.cp_line);
			return;
		}
	}
}

/* No word of the grammar, as others are followed by it in other places. */
void
take_required(struct statement *said, const struct token *tk)
{
	if (strcmp(tk->tk_text, "required") != 0)
		conf_error(&tk->tk_place, "unknown word \"%s\" (listen on "
		    "ADDRESS port PORT [backlog N] [proxy] [required])",
		    tk->tk_text);
	else if (said->st_required != NULL)
		conf_error(&tk->tk_place, "duplicate \"required\"");
	said->st_required = tk;
}

void
take_listen(struct conf *conf, struct server *server,
    const struct statement *said)
{
	const struct token	*address = said->st_address;
	const struct token	*port = said->st_port;
	char			 name[WIRE_REASON];
	struct listen		*li;
	const char		*why;
	unsigned int		 n = CONF_BACKLOG;

	if ((li = calloc(1, sizeof(*li))) == NULL)
		conf_memory();
	li->li_place = address->tk_place;
	li->li_proxy = said->st_proxy != NULL;
	li->li_required = said->st_required != NULL;
	TAILQ_INSERT_TAIL(&server->sv_listens, li, li_entry);
	if (said->st_backlog != NULL)
		take_number(said->st_backlog, "backlog", CONF_BACKLOG_MAX, &n);
	li->li_backlog = (int)n;
	li->li_backlog_said = said->st_backlog != NULL;
	if (li->li_proxy && server->sv_client)
		conf_error(&said->st_proxy->tk_place, "listen on: \"proxy\" "
		    "is for servers: who connects to a client block is "
		    "known");
	if ((why = conf_address(address->tk_text, &li->li_ss,
	    &li->li_len)) != NULL || (why = conf_zone(&li->li_ss)) != NULL) {
		conf_error(&address->tk_place, "listen on: \"%s\" %s",
		    address->tk_text, why);
		return;
	}
	if ((why = conf_port(port->tk_text, &li->li_ss)) != NULL) {
		conf_error(&port->tk_place, "port: \"%s\" %s", port->tk_text,
		    why);
		return;
	}
	conf_address_name(&li->li_ss, name, sizeof(name));
	listen_unique(conf, li, name);
}

void
take_off(struct conf *conf, const struct token *tk)
{
	if (strcmp(tk->tk_text, "off") == 0)
		conf->cf_penalties_off = 1;
	else
		conf_error(&tk->tk_place, "penalties \"%s\" is unknown (off, "
		    "or { ... })", tk->tk_text);
}

void
take_network(struct networks *list, const char *what,
    struct statement *said, const struct token *tk)
{
	struct network	*nw;
	const char	*why;

	if (said->st_value != NULL)
		conf_error(&tk->tk_place, "\"%s\" after \"%s\" without a "
		    "comma or newline between them", tk->tk_text,
		    said->st_value->tk_text);
	said->st_value = tk;
	if ((nw = calloc(1, sizeof(*nw))) == NULL)
		conf_memory();
	if ((why = network_parse(tk->tk_text, nw)) != NULL) {
		conf_error(&tk->tk_place, "%s: \"%s\": %s", what,
		    tk->tk_text, why);
		free(nw);
		return;
	}
	TAILQ_INSERT_TAIL(list, nw, nw_entry);
}
