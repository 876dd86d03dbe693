/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The grammar of securetcpd.conf(5).  A statement that makes no sense is
 * skipped to its end, with the block it opens, and parsing goes on: one run
 * shows every error.
 */

%{
#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "lex.h"
#include "take.h"

int		 yylex(void);
int		 yyparse(void);
static void	 yyerror(const char *);

/* What was said in the open block, or at top level. */
#define SEEN_USER		0x00000001
#define SEEN_SIGNER_USER	0x00000002
#define SEEN_CHROOT		0x00000004
#define SEEN_PIDFILE		0x00000008
#define SEEN_LOG		0x00000010
#define SEEN_FACILITY		0x00000020
#define SEEN_SIGNERS		0x00000040
#define SEEN_LIFETIME		0x00000080
#define SEEN_SANDBOX		0x00000100
#define SEEN_CHAIN		0x00000001
#define SEEN_KEY		0x00000002
#define SEEN_LISTEN		0x00000001
#define SEEN_CERTIFICATE	0x00000002
#define SEEN_PROTOCOL		0x00000004
#define SEEN_CIPHERS		0x00000008
#define SEEN_CURVES		0x00000010
#define SEEN_FORWARD		0x00000020
#define SEEN_ECHO		0x00000040
#define SEEN_HANDSHAKE		0x00000080
#define SEEN_IDLE		0x00000100
#define SEEN_BACKEND		0x00000200
#define SEEN_CLOSE		0x00000400
#define SEEN_MAX		0x00000800
#define SEEN_PER_SOURCE		0x00001000
#define SEEN_PENDING		0x00002000
#define SEEN_PREFORK		0x00004000
#define SEEN_GROUP		0x00000001
#define SEEN_RESTRICTED		0x00000002

static struct conf		*conf;
static struct certificate	*certificate;	/* whose block is open */
static struct server		*server;
static struct control		*control;
static struct token		*first;		/* of this statement */
static uint32_t			 seen_global, seen_block, seen_control;
static uint32_t			 tried;	/* seen, or failed to parse */
static char			 value[LEX_TOKEN_MAX];	/* of a macro */

static int	 once(uint32_t *, uint32_t, const struct token *,
		    const char *);
static void	 macro_add(const struct token *);
static void	 certificate_open(const struct token *);
static void	 certificate_close(void);
static void	 server_open(const struct token *);
static void	 server_close(void);
static void	 server_certificate(const struct token *);
static void	 forward_to(const struct token *, const struct token *);
static void	 echo(const struct token *);
static void	 block_abandon(void);
%}

%union {
	struct token	*token;
}

%token <token>	BACKEND BACKLOG CERTIFICATE CHAIN CHROOT CIPHERS CLOSE
%token <token>	CONNECTIONS CONTROL CURVES ECHO FACILITY FORWARD GROUP
%token <token>	HANDSHAKE IDLE INCLUDE KEY LIFETIME LISTEN LOG MAX ON PENDING
%token <token>	PER PIDFILE PORT PREFORK PROTOCOL RESTRICTED SANDBOX SERVER
%token <token>	SIGNER SIGNERS SOCKET SOURCE SPAWNER TIMEOUT TO USER
%token <token>	STRING
%token		END UNSUPPORTED BAD

%%

configuration
	: /* empty */
	| configuration END
	| configuration statement END
	| configuration INCLUDE STRING END {
		lex_include($3);
	}
	| configuration error END {
		block_abandon();
		yyerrok;
	}
	;

statement
	: macro
	| global
	| control
	| certificate
	| server
	;

macro
	: STRING '=' text {
		if (lex_macro_name($1->tk_text))
			lex_macro($1->tk_text, value, 0);
		else
			conf_error(&$1->tk_place, "macro name \"%s\" is not "
			    "made of letters, digits and \"_\"", $1->tk_text);
	}
	;

text
	: STRING {
		value[0] = '\0';
		macro_add($1);
	}
	| text STRING {
		macro_add($2);
	}
	;

global
	: USER STRING {
		conf->cf_user_set = 1;
		conf->cf_user_at = $2->tk_place;
		if (once(&seen_global, SEEN_USER, $1, "user"))
			take_account($2, "user", conf->cf_user);
	}
	| SIGNER USER STRING {
		conf->cf_signer_user_set = 1;
		conf->cf_signer_user_at = $3->tk_place;
		if (once(&seen_global, SEEN_SIGNER_USER, $1, "signer user"))
			take_account($3, "signer user", conf->cf_signer_user);
	}
	| CHROOT STRING {
		conf->cf_chroot_set = 1;
		conf->cf_chroot_at = $2->tk_place;
		if (once(&seen_global, SEEN_CHROOT, $1, "chroot"))
			take_path($2, "chroot", conf->cf_chroot,
			    sizeof(conf->cf_chroot));
	}
	| PIDFILE STRING {
		conf->cf_pidfile_at = $2->tk_place;
		if (once(&seen_global, SEEN_PIDFILE, $1, "pidfile"))
			take_path($2, "pidfile", conf->cf_pidfile,
			    sizeof(conf->cf_pidfile));
	}
	| LOG STRING {
		if (once(&seen_global, SEEN_LOG, $1, "log"))
			take_log(conf, $2);
	}
	| LOG FACILITY STRING {
		if (once(&seen_global, SEEN_FACILITY, $1, "log facility"))
			take_facility(conf, $3);
	}
	| LOG FACILITY USER {
		if (once(&seen_global, SEEN_FACILITY, $1, "log facility"))
			take_facility(conf, $3);
	}
	| SIGNERS STRING {
		if (once(&seen_global, SEEN_SIGNERS, $1, "signers"))
			take_number($2, "signers", CONF_SIGNERS_MAX,
			    &conf->cf_signers);
	}
	| SPAWNER LIFETIME STRING {
		if (once(&seen_global, SEEN_LIFETIME, $1, "spawner lifetime"))
			take_number($3, "spawner lifetime", CONF_LIFETIME_MAX,
			    &conf->cf_lifetime);
	}
	| SANDBOX STRING {
		if (once(&seen_global, SEEN_SANDBOX, $1, "sandbox"))
			take_sandbox(conf, $2);
	}
	;

control
	: CONTROL SOCKET STRING {
		control = take_control(conf, $3);
		seen_control = 0;
	}
	| control GROUP STRING {
		if (once(&seen_control, SEEN_GROUP, $2, "group") &&
		    take_name($3, "group", CONF_ACCOUNT) &&
		    (control->co_group = strdup($3->tk_text)) == NULL)
			err(1, "strdup");
	}
	| control RESTRICTED {
		(void)once(&seen_control, SEEN_RESTRICTED, $2, "restricted");
		control->co_restricted = 1;
	}
	;

certificate
	: certificate_name '{' certificate_body '}' {
		certificate_close();
	}
	;

certificate_name
	: CERTIFICATE STRING {
		certificate_open($2);
	}
	;

certificate_body
	: /* empty */
	| certificate_body END
	| certificate_body certificate_statement END
	| certificate_body error END {
		yyerrok;
	}
	;

certificate_statement
	: CHAIN STRING {
		if (once(&seen_block, SEEN_CHAIN, $1, "chain")) {
			certificate->ce_chain_at = $2->tk_place;
			if ((certificate->ce_chain = strdup($2->tk_text)) ==
			    NULL)
				err(1, "strdup");
		}
	}
	| KEY STRING {
		if (once(&seen_block, SEEN_KEY, $1, "key")) {
			certificate->ce_key_at = $2->tk_place;
			if ((certificate->ce_key = strdup($2->tk_text)) ==
			    NULL)
				err(1, "strdup");
		}
	}
	;

server
	: server_name '{' server_body '}' {
		server_close();
	}
	;

server_name
	: SERVER STRING {
		server_open($2);
	}
	;

/*
 * Where one statement begins with the whole of another one, both have their
 * end in the rule: so every yacc takes only what is right to its end.
 */
server_body
	: /* empty */
	| server_body END
	| server_body server_statement END
	| server_body LISTEN ON STRING PORT STRING END {
		seen_block |= SEEN_LISTEN;
		take_listen(conf, server, $4, $6, NULL);
	}
	| server_body LISTEN ON STRING PORT STRING BACKLOG STRING END {
		seen_block |= SEEN_LISTEN;
		take_listen(conf, server, $4, $6, $8);
	}
	| server_body FORWARD TO STRING END {
		forward_to($4, NULL);
	}
	| server_body FORWARD TO STRING PORT STRING END {
		forward_to($4, $6);
	}
	| server_body error END {
		yyerrok;
	}
	;

server_statement
	: CERTIFICATE STRING {
		server_certificate($2);
	}
	| PROTOCOL STRING {
		server->sv_protocol_at = $2->tk_place;
		if (once(&seen_block, SEEN_PROTOCOL, $1, "protocol"))
			take_copy($2, "protocol", server->sv_protocol,
			    sizeof(server->sv_protocol));
	}
	| CIPHERS STRING {
		server->sv_ciphers_at = $2->tk_place;
		if (once(&seen_block, SEEN_CIPHERS, $1, "ciphers"))
			take_copy($2, "ciphers", server->sv_ciphers,
			    sizeof(server->sv_ciphers));
	}
	| CURVES STRING {
		server->sv_curves_at = $2->tk_place;
		if (once(&seen_block, SEEN_CURVES, $1, "curves"))
			take_copy($2, "curves", server->sv_curves,
			    sizeof(server->sv_curves));
	}
	| ECHO {
		echo($1);
	}
	| TIMEOUT timeouts
	| CONNECTIONS connections
	| PREFORK STRING {
		if (once(&seen_block, SEEN_PREFORK, $1, "prefork"))
			take_number($2, "prefork", CONF_PREFORK_MAX,
			    &server->sv_prefork);
	}
	;

timeouts
	: timeout
	| timeouts timeout
	;

timeout
	: HANDSHAKE STRING {
		if (once(&seen_block, SEEN_HANDSHAKE, $1, "timeout handshake"))
			take_time($2, "timeout handshake", CONF_TIME_MAX,
			    &server->sv_handshake);
	}
	| IDLE STRING {
		if (once(&seen_block, SEEN_IDLE, $1, "timeout idle"))
			take_time($2, "timeout idle", CONF_IDLE_MAX,
			    &server->sv_idle);
	}
	| BACKEND STRING {
		if (once(&seen_block, SEEN_BACKEND, $1, "timeout backend"))
			take_time($2, "timeout backend", CONF_TIME_MAX,
			    &server->sv_backend_timeout);
	}
	| CLOSE STRING {
		if (once(&seen_block, SEEN_CLOSE, $1, "timeout close"))
			take_time($2, "timeout close", CONF_TIME_MAX,
			    &server->sv_close);
	}
	;

connections
	: limit
	| connections limit
	;

limit
	: MAX STRING {
		if (once(&seen_block, SEEN_MAX, $1, "connections max"))
			take_number($2, "connections max", CONF_CONNECTIONS_MAX,
			    &server->sv_max);
	}
	| PER SOURCE STRING {
		if (once(&seen_block, SEEN_PER_SOURCE, $1,
		    "connections per source"))
			take_number($3, "connections per source",
			    CONF_CONNECTIONS_MAX, &server->sv_per_source);
	}
	| PENDING STRING {
		if (once(&seen_block, SEEN_PENDING, $1, "connections pending"))
			take_number($2, "connections pending",
			    CONF_CONNECTIONS_MAX, &server->sv_pending);
	}
	;

%%

struct keyword {
	const char	*k_word;
	int		 k_token;
	const char	*k_usage;	/* of the statement it begins */
};

/* Sorted.  Words that the grammar will have are taken already. */
static const struct keyword keywords[] = {
	{ "absent",		UNSUPPORTED,	NULL },
	{ "allow",		UNSUPPORTED,	NULL },
	{ "alpn",		UNSUPPORTED,	NULL },
	{ "authenticate",	UNSUPPORTED,	NULL },
	{ "authentication",	UNSUPPORTED,	NULL },
	{ "backend",		BACKEND,	NULL },
	{ "backlog",		BACKLOG,	NULL },
	{ "ca",			UNSUPPORTED,	NULL },
	{ "certificate",	CERTIFICATE,	NULL },
	{ "chain",		CHAIN,		"chain FILE" },
	{ "chroot",		CHROOT,		"chroot DIRECTORY" },
	{ "ciphers",		CIPHERS,	"ciphers STRING" },
	{ "client",		UNSUPPORTED,	NULL },
	{ "close",		CLOSE,		NULL },
	{ "connect",		UNSUPPORTED,	NULL },
	{ "connections",	CONNECTIONS,
	    "connections [max N] [per source N] [pending N]" },
	{ "control",		CONTROL,
	    "control socket PATH [group NAME] [restricted]" },
	{ "crl",		UNSUPPORTED,	NULL },
	{ "curves",		CURVES,		"curves STRING" },
	{ "deny",		UNSUPPORTED,	NULL },
	{ "drain",		UNSUPPORTED,	NULL },
	{ "echo",		ECHO,		"echo" },
	{ "execute",		UNSUPPORTED,	NULL },
	{ "facility",		FACILITY,	NULL },
	{ "forward",		FORWARD,
	    "forward to ADDRESS port PORT, or forward to PATH" },
	{ "group",		GROUP,		NULL },
	{ "handshake",		HANDSHAKE,	NULL },
	{ "hash",		UNSUPPORTED,	NULL },
	{ "idle",		IDLE,		NULL },
	{ "include",		INCLUDE,	"include FILE" },
	{ "issuer",		UNSUPPORTED,	NULL },
	{ "key",		KEY,		"key FILE" },
	{ "lifetime",		LIFETIME,	NULL },
	{ "listen",		LISTEN,
	    "listen on ADDRESS port PORT [backlog N]" },
	{ "log",		LOG,
	    "log off|errors|state|verbose, or log facility NAME" },
	{ "match",		UNSUPPORTED,	NULL },
	{ "max",		MAX,		NULL },
	{ "none",		UNSUPPORTED,	NULL },
	{ "ocsp",		UNSUPPORTED,	NULL },
	{ "on",			ON,		NULL },
	{ "pending",		PENDING,	NULL },
	{ "per",		PER,		NULL },
	{ "pidfile",		PIDFILE,	"pidfile FILE" },
	{ "port",		PORT,		NULL },
	{ "prefork",		PREFORK,	"prefork N" },
	{ "protocol",		PROTOCOL,	"protocol STRING" },
	{ "proxies",		UNSUPPORTED,	NULL },
	{ "proxy",		UNSUPPORTED,	NULL },
	{ "refuse",		UNSUPPORTED,	NULL },
	{ "restricted",		RESTRICTED,	NULL },
	{ "san",		UNSUPPORTED,	NULL },
	{ "sandbox",		SANDBOX,	"sandbox required|optional" },
	{ "server",		SERVER,		"server NAME { ... }" },
	{ "servername",		UNSUPPORTED,	NULL },
	{ "signer",		SIGNER,		"signer user NAME" },
	{ "signers",		SIGNERS,	"signers N" },
	{ "socket",		SOCKET,		NULL },
	{ "source",		SOURCE,		NULL },
	{ "spawner",		SPAWNER,	"spawner lifetime N" },
	{ "subject",		UNSUPPORTED,	NULL },
	{ "timeout",		TIMEOUT,
	    "timeout [handshake TIME] [idle TIME] [backend TIME] "
	    "[close TIME]" },
	{ "to",			TO,		NULL },
	{ "trusted",		UNSUPPORTED,	NULL },
	{ "unknown",		UNSUPPORTED,	NULL },
	{ "user",		USER,		"user NAME" },
	{ "with",		UNSUPPORTED,	NULL }
};

static int
keyword_compare(const void *word, const void *k)
{
	return strcmp(word, ((const struct keyword *)k)->k_word);
}

static const struct keyword *
keyword(const struct token *tk)
{
	if (tk == NULL || tk->tk_type != LEX_WORD)
		return NULL;
	return bsearch(tk->tk_text, keywords,
	    sizeof(keywords) / sizeof(keywords[0]), sizeof(keywords[0]),
	    keyword_compare);
}

int
yylex(void)
{
	const struct keyword	*k;
	struct token		*tk;

	tk = lex_next();
	if (tk->tk_first)
		first = tk;
	yylval.token = tk;
	switch (tk->tk_type) {
	case LEX_EOF:
		return 0;
	case LEX_END:
		return END;
	case LEX_OPEN:
		return '{';
	case LEX_CLOSE:
		return '}';
	case LEX_COMMA:
		return ',';
	case LEX_EQUALS:
		return '=';
	case LEX_ERROR:
		return BAD;
	case LEX_QUOTED:
		return STRING;
	case LEX_WORD:
		break;
	}
	return (k = keyword(tk)) != NULL ? k->k_token : STRING;
}

/* A statement that was meant is not missing as well. */
static void
note_tried(void)
{
	const struct keyword	*k;

	if (certificate == NULL && server == NULL)
		return;
	if ((k = keyword(first)) == NULL)
		return;
	if (certificate != NULL && k->k_token == CHAIN)
		tried |= SEEN_CHAIN;
	else if (certificate != NULL && k->k_token == KEY)
		tried |= SEEN_KEY;
	else if (server != NULL && k->k_token == LISTEN)
		tried |= SEEN_LISTEN;
	else if (server != NULL && k->k_token == CERTIFICATE)
		tried |= SEEN_CERTIFICATE;
	else if (server != NULL && (k->k_token == FORWARD ||
	    strcmp(k->k_word, "execute") == 0))
		tried |= SEEN_FORWARD;
}

static int
plain(const struct token *tk)
{
	return (tk->tk_type == LEX_WORD && keyword(tk) == NULL) ||
	    tk->tk_type == LEX_QUOTED;
}

/* At the first token of a statement. */
static void
error_first(const struct token *tk)
{
	char	 buf[LEX_DESCRIBE_MAX];

	if (tk->tk_type == LEX_WORD && lex_before_equals() &&
	    (server != NULL || certificate != NULL))
		conf_error(&tk->tk_place, "macro %s has to be defined at top "
		    "level", lex_describe(tk, buf, sizeof(buf)));
	else if (keyword(tk) != NULL && lex_before_equals())
		conf_error(&tk->tk_place, "%s is a word of the grammar and "
		    "cannot name a macro", lex_describe(tk, buf, sizeof(buf)));
	else if (plain(tk))
		conf_error(&tk->tk_place, "unknown statement %s",
		    lex_describe(tk, buf, sizeof(buf)));
	else if (keyword(tk) != NULL)
		conf_error(&tk->tk_place, "%s is not allowed %s",
		    lex_describe(tk, buf, sizeof(buf)),
		    server != NULL ? "in a server block" :
		    certificate != NULL ? "in a certificate block" :
		    "at top level");
	else
		conf_error(&tk->tk_place, "unexpected %s",
		    lex_describe(tk, buf, sizeof(buf)));
}

static void
error_within(const struct token *tk, const struct token *before)
{
	const struct keyword	*k;
	char			 buf[LEX_DESCRIBE_MAX];
	char			 buf2[LEX_DESCRIBE_MAX];
	const char		*usage = NULL;

	if ((k = keyword(first)) != NULL)
		usage = k->k_usage;
	if (before->tk_type == LEX_EQUALS && keyword(tk) != NULL)
		usage = "a word of the grammar must be quoted";
	conf_error(&tk->tk_place, "unexpected %s after %s%s%s%s",
	    lex_describe(tk, buf, sizeof(buf)),
	    lex_describe(before, buf2, sizeof(buf2)),
	    usage == NULL ? "" : " (", usage == NULL ? "" : usage,
	    usage == NULL ? "" : ")");
}

static void
yyerror(const char *msg)
{
	const struct token	*tk, *before;
	const struct keyword	*k;

	tk = lex_last();
	before = lex_previous();
	note_tried();
	if (strncmp(msg, "syntax error", 12) != 0)
		conf_error(&tk->tk_place, "%s", msg);
	else if (tk->tk_type == LEX_ERROR)
		;	/* the lexer has said it */
	else if ((k = keyword(tk)) != NULL && k->k_token == UNSUPPORTED &&
	    (tk->tk_first ? !lex_before_equals() :
	    before->tk_type != LEX_EQUALS))
		conf_error(&tk->tk_place, "\"%s\" is not yet supported",
		    tk->tk_text);
	else if (tk->tk_first)
		error_first(tk);
	else if (before->tk_first && plain(before))
		error_first(before);
	else if (before->tk_first && tk->tk_type == LEX_EQUALS)
		conf_error(&before->tk_place, "\"%s\" is a word of the "
		    "grammar and cannot name a macro", before->tk_text);
	else
		error_within(tk, before);
	lex_skip();
}

/* True for what is said the first time. */
static int
once(uint32_t *seen, uint32_t bit, const struct token *tk, const char *what)
{
	if (*seen & bit) {
		conf_error(&tk->tk_place, "duplicate \"%s\"", what);
		return 0;
	}
	*seen |= bit;
	return 1;
}

/* The strings of a macro's value are joined by spaces. */
static void
macro_add(const struct token *tk)
{
	size_t	 len;

	if (value[0] != '\0')
		(void)strlcat(value, " ", sizeof(value));
	len = strlcat(value, tk->tk_text, sizeof(value));
	if (len >= sizeof(value))
		conf_error(&tk->tk_place, "value of macro is too long");
}

static void
certificate_open(const struct token *tk)
{
	struct certificate	*other;

	seen_block = tried = 0;
	if (take_name(tk, "certificate", WIRE_NAME) &&
	    (other = certificate_find(conf, tk->tk_text)) != NULL)
		conf_error(&tk->tk_place, "duplicate certificate \"%s\" "
		    "(first on line %d)", tk->tk_text,
		    other->ce_place.cp_line);
	certificate = certificate_new(conf, tk->tk_text, &tk->tk_place);
}

static void
certificate_close(void)
{
	tried |= seen_block;
	if (!(tried & SEEN_CHAIN))
		conf_error(&certificate->ce_place,
		    "certificate \"%s\" has no \"chain\"",
		    certificate->ce_name);
	if (!(tried & SEEN_KEY))
		conf_error(&certificate->ce_place,
		    "certificate \"%s\" has no \"key\"", certificate->ce_name);
	certificate = NULL;
}

static void
server_open(const struct token *tk)
{
	struct server	*other;

	seen_block = tried = 0;
	if (take_name(tk, "server", WIRE_NAME) &&
	    (other = server_find(conf, tk->tk_text)) != NULL)
		conf_error(&tk->tk_place, "duplicate server \"%s\" (first on "
		    "line %d)", tk->tk_text, other->sv_place.cp_line);
	server = server_new(conf, tk->tk_text, &tk->tk_place);
}

static void
server_close(void)
{
	struct server	*sv = server;

	tried |= seen_block;
	if (!(tried & SEEN_LISTEN))
		conf_error(&sv->sv_place, "server \"%s\" has no \"listen on\"",
		    sv->sv_name);
	if (!(tried & SEEN_CERTIFICATE))
		conf_error(&sv->sv_place, "server \"%s\" has no "
		    "\"certificate\"", sv->sv_name);
	if (!(tried & (SEEN_FORWARD | SEEN_ECHO)))
		conf_error(&sv->sv_place, "server \"%s\" has neither "
		    "\"forward to\" nor \"echo\"", sv->sv_name);
	if (sv->sv_prefork > sv->sv_max) {
		if (seen_block & SEEN_PREFORK)
			conf_error(&sv->sv_place, "server \"%s\": prefork %u "
			    "is more than connections max %u", sv->sv_name,
			    sv->sv_prefork, sv->sv_max);
		else
			sv->sv_prefork = sv->sv_max;
	}
	server = NULL;
}

static void
server_certificate(const struct token *tk)
{
	if (seen_block & SEEN_CERTIFICATE) {
		conf_error(&tk->tk_place, "a second certificate of a server "
		    "(\"%s\") is not yet supported", tk->tk_text);
		return;
	}
	seen_block |= SEEN_CERTIFICATE;
	server->sv_certificate_at = tk->tk_place;
	if (take_name(tk, "certificate", sizeof(server->sv_certname)))
		take_copy(tk, "certificate", server->sv_certname,
		    sizeof(server->sv_certname));
}

static void
forward_to(const struct token *address, const struct token *port)
{
	if (seen_block & SEEN_FORWARD) {
		conf_error(&address->tk_place, "a second \"forward to\" "
		    "(\"%s\") is not yet supported", address->tk_text);
		return;
	}
	seen_block |= SEEN_FORWARD;
	if (seen_block & SEEN_ECHO) {
		conf_error(&address->tk_place, "\"forward to\" and \"echo\" "
		    "exclude each other");
		return;
	}
	server->sv_mode = CONF_FORWARD;
	server->sv_forward_at = address->tk_place;
	take_forward(&server->sv_backend, address, port);
}

static void
echo(const struct token *tk)
{
	if (!once(&seen_block, SEEN_ECHO, tk, "echo"))
		return;
	if (seen_block & SEEN_FORWARD) {
		conf_error(&tk->tk_place, "\"echo\" and \"forward to\" "
		    "exclude each other");
		return;
	}
	server->sv_mode = CONF_ECHO;
}

/* A block whose head was wrong is skipped whole. */
static void
block_abandon(void)
{
	certificate = NULL;
	server = NULL;
}

/* Order does not matter: a name may be used before it is defined. */
static void
resolve(void)
{
	struct server	*sv;

	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry) {
		if (sv->sv_certname[0] == '\0')
			continue;
		sv->sv_certificate = certificate_find(conf, sv->sv_certname);
		if (sv->sv_certificate == NULL)
			conf_error(&sv->sv_certificate_at,
			    "certificate \"%s\" is not defined",
			    sv->sv_certname);
	}
}

/* One that is not restricted is always there, to reload by. */
static void
control_default(void)
{
	struct control	*co;

	TAILQ_FOREACH(co, &conf->cf_controls, co_entry)
		if (!co->co_restricted)
			return;
	if ((co = calloc(1, sizeof(*co))) == NULL ||
	    (co->co_path = strdup(CONF_SOCKET)) == NULL)
		err(1, "calloc");
	co->co_place = conf->cf_place;
	TAILQ_INSERT_TAIL(&conf->cf_controls, co, co_entry);
}

struct conf *
conf_parse(const char *file)
{
	struct conf	*done;
	unsigned int	 before;

	before = conf_errors();
	certificate = NULL;
	server = NULL;
	control = NULL;
	first = NULL;
	seen_global = 0;
	conf = conf_new(file);
	if (lex_begin(file) == -1) {
		conf_free(conf);
		conf = NULL;
		return NULL;
	}
	/* Not 0 only when it ran out of memory, which yyerror() has told. */
	(void)yyparse();
	resolve();
	control_default();
	lex_end();
	if (TAILQ_EMPTY(&conf->cf_servers) && conf_errors() == before)
		conf_error(&conf->cf_place, "no server is defined");
	(void)conf_check(conf);
	if (conf_errors() != before) {
		conf_free(conf);
		conf = NULL;
	}
	done = conf;
	conf = NULL;
	return done;
}
