/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The arguments of statements in server and client blocks. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "match.h"
#include "take.h"

/* Opened by conf_check(), for a helper. */
void
take_file(const struct token *tk, const char *what, struct conf_path *pa)
{
	if (tk->tk_text[0] == '\0') {
		conf_error(&tk->tk_place, "%s \"\" is empty", what);
		return;
	}
	pa->pa_place = tk->tk_place;
	if ((pa->pa_path = strdup(tk->tk_text)) == NULL)
		conf_memory();
}

/* A client may show one certificate. */
void
take_shown(struct server *server, const struct token *tk)
{
	struct shown	*sh;

	TAILQ_FOREACH(sh, &server->sv_certificates, sh_entry)
		if (strcmp(sh->sh_name, tk->tk_text) == 0) {
			conf_error(&tk->tk_place, "duplicate certificate "
			    "\"%s\"", tk->tk_text);
			return;
		}
	if (server->sv_client && !TAILQ_EMPTY(&server->sv_certificates)) {
		conf_error(&tk->tk_place, "certificate \"%s\": a client shows "
		    "one certificate only", tk->tk_text);
		return;
	}
	if ((sh = calloc(1, sizeof(*sh))) == NULL)
		conf_memory();
	sh->sh_place = tk->tk_place;
	TAILQ_INSERT_TAIL(&server->sv_certificates, sh, sh_entry);
	if (take_name(tk, "certificate", sizeof(sh->sh_name)))
		take_copy(tk, "certificate", sh->sh_name,
		    sizeof(sh->sh_name));
}

/* A numeric address to connect to. */
static void
backend_address(struct backend *ba, const char *what,
    const struct token *address, const struct token *port)
{
	const char	*why;
	size_t		 len;

	if ((why = conf_address(address->tk_text, &ba->ba_ss,
	    &ba->ba_len)) != NULL || (why = conf_zone(&ba->ba_ss)) != NULL) {
		conf_error(&address->tk_place, "%s: \"%s\" %s", what,
		    address->tk_text, why);
		return;
	}
	if ((why = conf_port(port->tk_text, &ba->ba_ss)) != NULL) {
		conf_error(&port->tk_place, "port: \"%s\" %s", port->tk_text,
		    why);
		return;
	}
	conf_address_name(&ba->ba_ss, ba->ba_name, sizeof(ba->ba_name));
	len = strlen(ba->ba_name);
	if (strcmp(ba->ba_name + len - 2, ":0") == 0)
		conf_error(&port->tk_place, "%s: nothing listens on port "
		    "\"%s\"", what, port->tk_text);
	if (strncmp(ba->ba_name, "0.0.0.0:", 8) == 0 ||
	    strncmp(ba->ba_name, "[::]:", 5) == 0)
		conf_error(&address->tk_place, "%s: \"%s\" stands for every "
		    "address and is none to connect to", what,
		    address->tk_text);
}

static void
forward_path(struct backend *ba, const struct token *tk)
{
	struct sockaddr_storage	 ss;
	const char		*why;
	socklen_t		 len;

	if (tk->tk_text[0] != '/') {
		if (conf_address(tk->tk_text, &ss, &len) == NULL)
			conf_error(&tk->tk_place, "forward to: \"%s\" needs "
			    "a port", tk->tk_text);
		else
			conf_error(&tk->tk_place, "forward to: \"%s\" is "
			    "neither an address with a port nor the absolute "
			    "path of a unix socket", tk->tk_text);
		return;
	}
	if ((why = conf_unix(tk->tk_text, &ba->ba_ss, &ba->ba_len)) != NULL) {
		conf_error(&tk->tk_place, "forward to: \"%s\" %s", tk->tk_text,
		    why);
		return;
	}
	conf_address_name(&ba->ba_ss, ba->ba_name, sizeof(ba->ba_name));
}

static void
forward_proxy(struct backend *ba, const struct token *tk)
{
	if (strcmp(tk->tk_text, "v1") == 0)
		ba->ba_proxy = CONF_PROXY_V1;
	else if (strcmp(tk->tk_text, "v2") == 0)
		ba->ba_proxy = CONF_PROXY_V2;
	else
		conf_error(&tk->tk_place, "with proxy: unknown version \"%s\" "
		    "(v1, v2)", tk->tk_text);
}

void
take_forward(struct backends *backends, const struct statement *said)
{
	struct backend	*ba, *other;

	ba = backend_new(backends, &said->st_address->tk_place);
	if (said->st_port == NULL)
		forward_path(ba, said->st_address);
	else if (said->st_address->tk_text[0] == '/')
		conf_error(&said->st_port->tk_place, "forward to: unix socket "
		    "\"%s\" has no port", said->st_address->tk_text);
	else
		backend_address(ba, "forward to", said->st_address,
		    said->st_port);
	if (said->st_proxy != NULL)
		forward_proxy(ba, said->st_proxy);
	if (ba->ba_name[0] == '\0')
		return;
	TAILQ_FOREACH(other, backends, ba_entry)
		if (other != ba && strcmp(other->ba_name, ba->ba_name) == 0)
			conf_error(&ba->ba_place, "duplicate \"forward to\" "
			    "%s (first on line %d)", ba->ba_name,
			    other->ba_place.cp_line);
}

static unsigned int
routes_count(const struct server *server)
{
	const struct route	*rt;
	unsigned int		 n = 0;

	TAILQ_FOREACH(rt, &server->sv_routes, rt_entry)
		n++;
	return (n);
}

static enum wire_selector
selector(const struct token *tk)
{
	if (tk->tk_type == LEX_WORD && strcmp(tk->tk_text, "unknown") == 0)
		return (WIRE_MATCH_UNKNOWN);
	if (tk->tk_type == LEX_WORD && strcmp(tk->tk_text, "absent") == 0)
		return (WIRE_MATCH_ABSENT);
	return (WIRE_MATCH_NAME);
}

static struct route *
route_find(struct server *server, enum wire_selector sel, const char *pattern)
{
	struct route	*rt;

	TAILQ_FOREACH(rt, &server->sv_routes, rt_entry)
		if (rt->rt_selector == sel && (sel != WIRE_MATCH_NAME ||
		    strcasecmp(rt->rt_pattern, pattern) == 0))
			return (rt);
	return (NULL);
}

/* A name that ends in a dot is looked up as it is, and known without it. */
static void
hostname_undot(char *name)
{
	size_t	 len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
}

/* The same once more is one more backend. */
void
take_match(struct server *server, const struct statement *said,
    const struct token *tk)
{
	enum wire_selector	 sel = selector(tk);
	struct route		*rt;
	char			 pattern[WIRE_SERVERNAME];

	(void)strlcpy(pattern, tk->tk_text, sizeof(pattern));
	hostname_undot(pattern);
	if (sel == WIRE_MATCH_NAME && (strlen(tk->tk_text) >=
	    sizeof(pattern) || !match_dnsname_ok(pattern))) {
		conf_error(&tk->tk_place, "match servername: \"%s\" is not a "
		    "server name, nor a pattern for one", tk->tk_text);
		return;
	}
	if ((rt = route_find(server, sel, pattern)) != NULL &&
	    (rt->rt_refuse || said->st_refuse)) {
		conf_error(&tk->tk_place, "match servername: \"%s\" was "
		    "decided on before (line %d)", tk->tk_text,
		    rt->rt_place.cp_line);
		return;
	}
	if (rt == NULL) {
		if (routes_count(server) == CONF_MATCHES_MAX) {
			conf_error(&tk->tk_place, "match servername: more "
			    "than %d in a server block", CONF_MATCHES_MAX);
			return;
		}
		rt = route_new(server, &tk->tk_place);
		rt->rt_selector = sel;
		if (sel == WIRE_MATCH_NAME)
			(void)strlcpy(rt->rt_pattern, pattern,
			    sizeof(rt->rt_pattern));
		rt->rt_refuse = said->st_refuse;
	}
	if (!said->st_refuse)
		take_forward(&rt->rt_backends, said);
}

static void
program_arguments(struct program *pr, const struct statement *said)
{
	size_t		 size = 0;
	unsigned int	 i;

	for (i = 0; i < said->st_nwords && i < CONF_ARGUMENTS_MAX; i++) {
		size += strlen(said->st_words[i]->tk_text) + 1;
		pr->pr_argv[i] = strdup(said->st_words[i]->tk_text);
		if (pr->pr_argv[i] == NULL)
			conf_memory();
		pr->pr_argc++;
	}
	if (said->st_nwords > CONF_ARGUMENTS_MAX || size > WIRE_ARGUMENTS)
		conf_error(&pr->pr_place, "execute: more than %d words, or "
		    "than %d bytes, are too many", CONF_ARGUMENTS_MAX,
		    WIRE_ARGUMENTS);
}

static uint32_t
programs_count(const struct conf *conf)
{
	const struct server	*sv;
	uint32_t		 n = 0;

	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry)
		n += sv->sv_program != NULL;
	return (n);
}

void
take_program(struct conf *conf, struct server *server,
    const struct statement *said, const struct token *user)
{
	const struct token	*path = said->st_words[0];
	struct program		*pr;

	if (server->sv_program != NULL)
		return;		/* a duplicate, which was said */
	if ((pr = calloc(1, sizeof(*pr))) == NULL || (pr->pr_argv =
	    calloc(CONF_ARGUMENTS_MAX + 1, sizeof(*pr->pr_argv))) == NULL)
		conf_memory();
	pr->pr_place = pr->pr_user_at = path->tk_place;
	pr->pr_index = programs_count(conf);
	server->sv_program = pr;
	server->sv_mode = CONF_EXECUTE;
	if (path->tk_text[0] != '/')
		conf_error(&path->tk_place, "execute \"%s\" is not an "
		    "absolute path", path->tk_text);
	else if (strlen(path->tk_text) >= WIRE_PATH)
		conf_error(&path->tk_place, "execute \"%.40s...\" is too "
		    "long (%d at most)", path->tk_text, WIRE_PATH - 1);
	program_arguments(pr, said);
	if (user == NULL) {
		conf_error(&path->tk_place, "execute \"%s\": no \"user\" "
		    "says as whom", path->tk_text);
		return;
	}
	pr->pr_user_at = user->tk_place;
	take_account(user, "user", pr->pr_user);
}

void
take_authentication(struct server *server, const struct statement *said,
    const struct token *tk)
{
	if (strcmp(tk->tk_text, "required") == 0)
		server->sv_auth = WIRE_AUTH_REQUIRED;
	else if (strcmp(tk->tk_text, "optional") == 0)
		server->sv_auth = WIRE_AUTH_OPTIONAL;
	else
		conf_error(&tk->tk_place, "unknown word \"%s\" (client "
		    "authentication required|optional)", tk->tk_text);
	if (said->st_ca == NULL)
		conf_error(&tk->tk_place, "client authentication without "
		    "\"ca\": nobody would be trusted");
	else
		take_file(said->st_ca, "ca", &server->sv_ca);
	if (said->st_crl != NULL)
		take_file(said->st_crl, "crl", &server->sv_crl);
}

/* A client block offers; whether that is taken up is the server's to say. */
void
take_alpn(struct server *server, const struct token *word,
    const struct token *tk)
{
	if (strcmp(word->tk_text, "optional") != 0)
		conf_error(&word->tk_place, "unknown word \"%s\" (alpn "
		    "optional)", word->tk_text);
	else if (server->sv_client)
		conf_error(&word->tk_place, "alpn optional is for servers: "
		    "here it is so anyway");
	server->sv_alpn_optional = 1;
	take_copy(tk, "alpn", server->sv_alpn, sizeof(server->sv_alpn));
}

void
take_keepalive(struct server *server, const struct token *tk)
{
	if (strcmp(tk->tk_text, "off") == 0)
		server->sv_keepalive = 0;
	else
		take_time(tk, "keepalive", CONF_KEEPALIVE_MAX,
		    &server->sv_keepalive);
}

void
take_truncation(struct server *server, const struct token *tk)
{
	if (strcmp(tk->tk_text, "reset") == 0)
		server->sv_reset = 1;
	else if (strcmp(tk->tk_text, "end") == 0)
		server->sv_reset = 0;
	else
		conf_error(&tk->tk_place, "truncation: unknown word \"%s\" "
		    "(reset, end)", tk->tk_text);
}

/* As libtls prints it: of the certificate in DER. */
static int
hash_ok(const char *text)
{
	size_t	 i;

	if (strncmp(text, "SHA256:", 7) != 0 || strlen(text) != 7 + 64)
		return (0);
	for (i = 7; text[i] != '\0'; i++)
		if (!isxdigit((unsigned char)text[i]))
			return (0);
	return (1);
}

static const char *
rule_wrong(enum conf_subject subject, const char *text)
{
	switch (subject) {
	case CONF_RULE_HASH:
		return (hash_ok(text) ? NULL : "is not \"SHA256:\" and 64 "
		    "hexadecimal digits");
	case CONF_RULE_SAN:
		return (match_san_ok(text) ? NULL : "is not dns:, ip:, email: "
		    "or uri: and a pattern");
	case CONF_RULE_SUBJECT:
	case CONF_RULE_ISSUER:
		if (!match_subject_ok(text))
			return ("is not of the form "
			    "\"TYPE=pattern,TYPE=pattern\"");
		return (match_subject_known(text) ? NULL : "has a type that is "
		    "not known: by number it is always");
	case CONF_RULE_NONE:
		break;
	}
	return (NULL);
}

void
take_rule(struct server *server, const struct token *verdict,
    enum conf_subject subject, const struct token *tk)
{
	struct rule	*ru;
	const char	*why;
	unsigned int	 n = 0;

	TAILQ_FOREACH(ru, &server->sv_rules, ru_entry)
		n++;
	if (n == CONF_RULES_MAX) {
		conf_error(&verdict->tk_place, "more than %d rules in an "
		    "authenticate block", CONF_RULES_MAX);
		return;
	}
	ru = rule_new(server, &verdict->tk_place);
	ru->ru_allow = strcmp(verdict->tk_text, "allow") == 0;
	ru->ru_subject = subject;
	if (tk == NULL)
		return;
	if ((why = rule_wrong(subject, tk->tk_text)) != NULL)
		conf_error(&tk->tk_place, "%s: \"%s\" %s", verdict->tk_text,
		    tk->tk_text, why);
	else
		take_copy(tk, verdict->tk_text, ru->ru_pattern,
		    sizeof(ru->ru_pattern));
}

/* No pattern, and no address that was mistyped: those end in a number. */
static int
hostname_ok(const char *text)
{
	char		 name[WIRE_HOST];
	const char	*label;

	(void)strlcpy(name, text, sizeof(name));
	hostname_undot(name);
	if (strlen(text) >= sizeof(name) || !match_servername_ok(name))
		return (0);
	label = strrchr(name, '.');
	label = label == NULL ? name : label + 1;
	return (label[strspn(label, "0123456789")] != '\0');
}

static void
connect_port(struct backend *ba, const struct token *port)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in	 sin;
	const char		*why;

	memset(&ss, 0, sizeof(ss));
	ss.ss_family = AF_INET;
	if ((why = conf_port(port->tk_text, &ss)) != NULL) {
		conf_error(&port->tk_place, "port: \"%s\" %s", port->tk_text,
		    why);
		return;
	}
	memcpy(&sin, &ss, sizeof(sin));
	ba->ba_port = ntohs(sin.sin_port);
	if (ba->ba_port == 0)
		conf_error(&port->tk_place, "connect to: nothing listens on "
		    "port \"%s\"", port->tk_text);
}

/* A name is looked up by the resolver, an address needs none. */
void
take_connect(struct server *server, const struct token *host,
    const struct token *port)
{
	struct sockaddr_storage	 ss;
	struct backend		*ba;
	socklen_t		 len;

	ba = backend_new(&server->sv_backends, &host->tk_place);
	if (conf_address(host->tk_text, &ss, &len) == NULL) {
		backend_address(ba, "connect to", host, port);
		return;
	}
	if (!hostname_ok(host->tk_text)) {
		conf_error(&host->tk_place, "connect to: \"%s\" is neither a "
		    "host name nor a numeric address", host->tk_text);
		return;
	}
	take_copy(host, "connect to", ba->ba_host, sizeof(ba->ba_host));
	connect_port(ba, port);
	(void)snprintf(ba->ba_name, sizeof(ba->ba_name), "%s:%u", ba->ba_host,
	    ba->ba_port);
}

/* An address is looked for in the certificate, and not asked for. */
void
take_servername(const struct token *tk, char *buf)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;

	if (strchr(tk->tk_text, '%') != NULL ||
	    (conf_address(tk->tk_text, &ss, &len) != NULL &&
	    !hostname_ok(tk->tk_text)))
		conf_error(&tk->tk_place, "servername \"%s\" is neither a "
		    "host name nor a numeric address", tk->tk_text);
	else {
		take_copy(tk, "servername", buf, WIRE_SERVERNAME);
		hostname_undot(buf);
	}
}
