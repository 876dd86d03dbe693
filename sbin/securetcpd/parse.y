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

#include <errno.h>
#include <setjmp.h>
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

/* Statements that were given in the open block, or at top level. */
#define SEEN_USER		0x00000001
#define SEEN_SIGNER_USER	0x00000002
#define SEEN_CHROOT		0x00000004
#define SEEN_PIDFILE		0x00000008
#define SEEN_LOG		0x00000010
#define SEEN_FACILITY		0x00000020
#define SEEN_SIGNERS		0x00000040
#define SEEN_LIFETIME		0x00000080
#define SEEN_SANDBOX		0x00000100
#define SEEN_DRAIN		0x00000200
#define SEEN_INTERVAL		0x00010000
#define SEEN_AFTER		0x00000400
#define SEEN_MOST		0x00000800
#define SEEN_OFF		0x00001000
#define SEEN_CHAIN		0x00000001
#define SEEN_KEY		0x00000002
#define SEEN_OCSP		0x00000004
#define SEEN_LISTEN		0x00000001
#define SEEN_CERTIFICATE	0x00000002
#define SEEN_PROTOCOL		0x00000004
#define SEEN_CIPHERS		0x00000008
#define SEEN_CURVES		0x00000010
#define SEEN_FORWARD		0x00000020
#define SEEN_ECHO		0x00000040
#define SEEN_MAX		0x00000800
#define SEEN_PER_SOURCE		0x00001000
#define SEEN_PENDING		0x00002000
#define SEEN_PREFORK		0x00004000
#define SEEN_ALPN		0x00008000
#define SEEN_AUTHENTICATION	0x00010000
#define SEEN_AUTHENTICATE	0x00020000
#define SEEN_EXECUTE		0x00040000
#define SEEN_CONNECT		0x00080000
#define SEEN_CA			0x00100000
#define SEEN_SERVERNAME		0x00400000
#define SEEN_KEEPALIVE		0x00800000
#define SEEN_TRUNCATION		0x01000000
#define SEEN_GROUP		0x00000001
#define SEEN_RESTRICTED		0x00000002

static struct conf		*conf;
static struct certificate	*certificate;	/* whose block is open */
static struct server		*server;
static struct control		*control;
static int			 ruling;	/* in an authenticate block */
static struct statement		 said;		/* parts of this one */
static struct token		*first;		/* of this statement */
static uint32_t			 seen_global, seen_block, seen_control;
static uint32_t			 tried;	/* seen, or failed to parse */
static uint32_t			 seen_timers;	/* in their order */
static char			 value[LEX_TOKEN_MAX];	/* of a macro */

static int	 once(uint32_t *, uint32_t, const struct token *,
		    const char *);
static void	 macro_add(const struct token *);
static void	 certificate_open(const struct token *);
static void	 certificate_close(void);
static void	 server_open(const struct token *, int);
static void	 server_close(void);
static void	 client_close(void);
static void	 server_file(struct conf_path *, uint32_t,
		    const struct token *, const struct token *);
static void	 server_set_timer(const struct token *, const struct token *);
static void	 purpose(uint32_t, const struct token *);
static void	 block_abandon(void);
%}

%union {
	struct token	*token;
}

%token <token>	AFTER AT BLOCK EXEMPT MOST PENALTIES
%token <token>	ABSENT ALLOW ALPN AUTHENTICATE AUTHENTICATION BACKLOG
%token <token>	CA CERTIFICATE CHAIN CHROOT CIPHERS CLIENT CONNECT
%token <token>	CONNECTIONS CONTROL CRL CURVES DENY DRAIN ECHO EXECUTE FACILITY
%token <token>	FORWARD GROUP HASH INCLUDE ISSUER KEEPALIVE KEY LIFETIME
%token <token>	LISTEN LOG MATCH MAX NONE OCSP ON PENDING PER PIDFILE PORT
%token <token>	PREFORK PROTOCOL PROXIES PROXY REFUSE RESTRICTED SAN SANDBOX
%token <token>	SERVER SERVERNAME SIGNER SIGNERS SOCKET SOURCE SPAWNER SUBJECT
%token <token>	TIMEOUT TO TRUNCATION TRUSTED UNKNOWN USER WITH
%token <token>	INTERVAL RESOLVER
%token <token>	STRING TIMER
%token		END BAD
%type <token>	verdict selector

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
	| trusted
	| penalties
	| certificate
	| server
	| client
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
	| RESOLVER INTERVAL STRING {
		if (once(&seen_global, SEEN_INTERVAL, $1, "resolver interval"))
			take_time($3, "resolver interval", CONF_INTERVAL_MAX,
			    &conf->cf_interval);
	}
	| DRAIN STRING {
		if (once(&seen_global, SEEN_DRAIN, $1, "drain"))
			take_time($2, "drain", CONF_DRAIN_MAX,
			    &conf->cf_drain);
	}
	| SANDBOX STRING {
		if (once(&seen_global, SEEN_SANDBOX, $1, "sandbox"))
			take_sandbox(conf, $2);
	}
	;

/* Commas or newlines between them; said.st_value is the last one. */
trusted
	: trusted_head '{' networks '}'
	;

trusted_head
	: TRUSTED PROXIES {
		said.st_value = NULL;
	}
	;

networks
	: /* empty */
	| networks END {
		said.st_value = NULL;
	}
	| networks ',' {
		said.st_value = NULL;
	}
	| networks STRING {
		take_network(&conf->cf_trusted, "trusted proxies", &said, $2);
	}
	| networks error END {
		said.st_value = NULL;
		yyerrok;
	}
	;

penalties
	: PENALTIES STRING {
		if (once(&seen_global, SEEN_OFF, $1, "penalties"))
			take_off(conf, $2);
	}
	| PENALTIES '{' penalties_lines '}'
	;

penalties_lines
	: /* empty */
	| penalties_lines END
	| penalties_lines penalty END
	| penalties_lines error END {
		yyerrok;
	}
	;

penalty
	: EXEMPT exempted
	| BLOCK AFTER STRING {
		if (once(&seen_global, SEEN_AFTER, $1, "block after"))
			take_time($3, "block after", CONF_BLOCK_MAX,
			    &conf->cf_block_after);
	}
	| AT MOST STRING {
		conf->cf_block_at = $3->tk_place;
		if (once(&seen_global, SEEN_MOST, $1, "at most"))
			take_time($3, "at most", CONF_BLOCK_MAX,
			    &conf->cf_block_most);
	}
	;

exempted
	: STRING {
		said.st_value = NULL;
		take_network(&conf->cf_exempt, "exempt", &said, $1);
	}
	| exempted ',' STRING {
		said.st_value = NULL;
		take_network(&conf->cf_exempt, "exempt", &said, $3);
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
			conf_memory();
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
				conf_memory();
		}
	}
	| KEY STRING {
		if (once(&seen_block, SEEN_KEY, $1, "key"))
			take_key(certificate, $2, NULL);
	}
	| KEY STRING GROUP STRING {
		if (once(&seen_block, SEEN_KEY, $1, "key"))
			take_key(certificate, $2, $4);
	}
	| OCSP STRING {
		if (once(&seen_block, SEEN_OCSP, $1, "ocsp"))
			take_file($2, "ocsp", &certificate->ce_ocsp);
	}
	;

server
	: server_name '{' server_body '}' {
		server_close();
	}
	;

server_name
	: SERVER STRING {
		server_open($2, 0);
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
	| server_body listen listen_options END {
		seen_block |= SEEN_LISTEN;
		take_listen(conf, server, &said);
	}
	| server_body FORWARD TO target with END {
		purpose(SEEN_FORWARD, $2);
		server->sv_mode = CONF_FORWARD;
		take_forward(&server->sv_backends, &said);
	}
	| server_body MATCH SERVERNAME selector FORWARD TO target with END {
		said.st_refuse = 0;
		take_match(server, &said, $4);
	}
	| server_body MATCH SERVERNAME selector REFUSE END {
		said.st_refuse = 1;
		take_match(server, &said, $4);
	}
	| server_body EXECUTE arguments END {
		purpose(SEEN_EXECUTE, $2);
		take_program(conf, server, &said, NULL);
	}
	| server_body EXECUTE arguments USER STRING END {
		purpose(SEEN_EXECUTE, $2);
		take_program(conf, server, &said, $5);
	}
	| server_body CLIENT AUTHENTICATION STRING roots END {
		if (once(&seen_block, SEEN_AUTHENTICATION, $2,
		    "client authentication"))
			take_authentication(server, &said, $4);
	}
	| server_body authenticate '{' rules '}' END {
		ruling = 0;
	}
	| server_body error END {
		ruling = 0;
		yyerrok;
	}
	;

listen
	: LISTEN ON STRING PORT STRING {
		said.st_address = $3;
		said.st_port = $5;
		said.st_backlog = said.st_proxy = said.st_required = NULL;
	}
	;

listen_options
	: /* empty */
	| listen_options BACKLOG STRING {
		if (said.st_backlog != NULL)
			conf_error(&$2->tk_place, "duplicate \"backlog\"");
		said.st_backlog = $3;
	}
	| listen_options PROXY {
		if (said.st_proxy != NULL)
			conf_error(&$2->tk_place, "duplicate \"proxy\"");
		said.st_proxy = $2;
	}
	| listen_options STRING {
		take_required(&said, $2);
	}
	;

target
	: STRING {
		said.st_address = $1;
		said.st_port = NULL;
	}
	| STRING PORT STRING {
		said.st_address = $1;
		said.st_port = $3;
	}
	;

with
	: /* empty */ {
		said.st_proxy = NULL;
	}
	| WITH PROXY STRING {
		said.st_proxy = $3;
	}
	;

selector
	: STRING
	| UNKNOWN
	| ABSENT
	;

arguments
	: STRING {
		said.st_nwords = 0;
		said.st_words[said.st_nwords++] = $1;
	}
	| arguments STRING {
		if (said.st_nwords < CONF_ARGUMENTS_MAX)
			said.st_words[said.st_nwords] = $2;
		said.st_nwords++;
	}
	;

roots
	: /* empty */ {
		said.st_ca = said.st_crl = NULL;
	}
	| roots CA STRING {
		if (said.st_ca != NULL)
			conf_error(&$2->tk_place, "duplicate \"ca\"");
		said.st_ca = $3;
	}
	| roots CRL STRING {
		if (said.st_crl != NULL)
			conf_error(&$2->tk_place, "duplicate \"crl\"");
		said.st_crl = $3;
	}
	;

authenticate
	: AUTHENTICATE {
		(void)once(&seen_block, SEEN_AUTHENTICATE, $1,
		    "authenticate");
		server->sv_authenticate_at = $1->tk_place;
		ruling = 1;
	}
	;

rules
	: /* empty */
	| rules END
	| rules rule END
	| rules error END {
		yyerrok;
	}
	;

rule
	: verdict HASH STRING {
		take_rule(server, $1, CONF_RULE_HASH, $3);
	}
	| verdict SUBJECT STRING {
		take_rule(server, $1, CONF_RULE_SUBJECT, $3);
	}
	| verdict SAN STRING {
		take_rule(server, $1, CONF_RULE_SAN, $3);
	}
	| verdict ISSUER STRING {
		take_rule(server, $1, CONF_RULE_ISSUER, $3);
	}
	| verdict NONE {
		take_rule(server, $1, CONF_RULE_NONE, NULL);
	}
	;

verdict
	: ALLOW
	| DENY
	;

client
	: client_name '{' client_body '}' {
		client_close();
	}
	;

client_name
	: CLIENT STRING {
		server_open($2, 1);
	}
	;

client_body
	: /* empty */
	| client_body END
	| client_body shared_statement END
	| client_body listen listen_options END {
		seen_block |= SEEN_LISTEN;
		take_listen(conf, server, &said);
	}
	| client_body CONNECT TO STRING PORT STRING END {
		seen_block |= SEEN_CONNECT;
		take_connect(server, $4, $6);
	}
	| client_body CA STRING END {
		server_file(&server->sv_ca, SEEN_CA, $2, $3);
	}
	| client_body SERVERNAME STRING END {
		if (once(&seen_block, SEEN_SERVERNAME, $2, "servername"))
			take_servername($3, server->sv_servername);
	}
	| client_body error END {
		yyerrok;
	}
	;

server_statement
	: shared_statement
	| ECHO {
		purpose(SEEN_ECHO, $1);
		server->sv_mode = CONF_ECHO;
	}
	;

/* Statements that servers and clients have in common. */
shared_statement
	: CERTIFICATE STRING {
		seen_block |= SEEN_CERTIFICATE;
		take_shown(server, $2);
	}
	| ALPN STRING {
		server->sv_alpn_at = $2->tk_place;
		if (once(&seen_block, SEEN_ALPN, $1, "alpn"))
			take_copy($2, "alpn", server->sv_alpn,
			    sizeof(server->sv_alpn));
	}
	| ALPN STRING STRING {
		server->sv_alpn_at = $3->tk_place;
		if (once(&seen_block, SEEN_ALPN, $1, "alpn"))
			take_alpn(server, $2, $3);
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
	| TIMEOUT timeouts
	| KEEPALIVE STRING {
		if (once(&seen_block, SEEN_KEEPALIVE, $1, "keepalive"))
			take_keepalive(server, $2);
	}
	| TRUNCATION STRING {
		if (once(&seen_block, SEEN_TRUNCATION, $1, "truncation"))
			take_truncation(server, $2);
	}
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
	: TIMER STRING {
		server_set_timer($1, $2);
	}
	;

connections
	: limit
	| connections limit
	;

limit
	: MAX STRING {
		if (once(&seen_block, SEEN_MAX, $1, "connections max")) {
			take_number($2, "connections max", CONF_CONNECTIONS_MAX,
			    &server->sv_max);
			server->sv_max_said = 1;
		}
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

/* Sorted. */
static const struct keyword keywords[] = {
	{ "absent",		ABSENT,		NULL },
	{ "after",		AFTER,		NULL },
	{ "allow",		ALLOW,
	    "allow hash|subject|san|issuer PATTERN, or allow none" },
	{ "alpn",		ALPN,		"alpn [optional] LIST" },
	{ "at",		AT,		"at most TIME" },
	{ "authenticate",	AUTHENTICATE,	"authenticate { ... }" },
	{ "authentication",	AUTHENTICATION,	NULL },
	{ "backlog",		BACKLOG,	NULL },
	{ "block",		BLOCK,		"block after TIME" },
	{ "ca",			CA,		"ca FILE" },
	{ "certificate",	CERTIFICATE,	NULL },
	{ "chain",		CHAIN,		"chain FILE" },
	{ "chroot",		CHROOT,		"chroot DIRECTORY" },
	{ "ciphers",		CIPHERS,	"ciphers STRING" },
	{ "client",		CLIENT,
	    "client NAME { ... }, or client authentication "
	    "required|optional ca FILE [crl FILE]" },
	{ "connect",		CONNECT,	"connect to HOST port PORT" },
	{ "connections",	CONNECTIONS,
	    "connections [max N] [per source N] [pending N]" },
	{ "control",		CONTROL,
	    "control socket PATH [group NAME] [restricted]" },
	{ "crl",		CRL,		NULL },
	{ "curves",		CURVES,		"curves STRING" },
	{ "deny",		DENY,
	    "deny hash|subject|san|issuer PATTERN, or deny none" },
	{ "drain",		DRAIN,		"drain TIME" },
	{ "echo",		ECHO,		"echo" },
	{ "execute",		EXECUTE,
	    "execute PATH [ARGUMENT ...] user NAME" },
	{ "exempt",		EXEMPT,		"exempt NETWORK, ..." },
	{ "facility",		FACILITY,	NULL },
	{ "forward",		FORWARD,
	    "forward to ADDRESS port PORT [with proxy v1|v2], or "
	    "forward to PATH" },
	{ "group",		GROUP,		NULL },
	{ "hash",		HASH,		NULL },
	{ "include",		INCLUDE,	"include FILE" },
	{ "interval",		INTERVAL,	NULL },
	{ "issuer",		ISSUER,		NULL },
	{ "keepalive",		KEEPALIVE,	"keepalive TIME|off" },
	{ "key",		KEY,		"key FILE [group NAME]" },
	{ "lifetime",		LIFETIME,	NULL },
	{ "listen",		LISTEN,
	    "listen on ADDRESS port PORT [backlog N] [proxy] [required]" },
	{ "log",		LOG,
	    "log off|errors|state|verbose, or log facility NAME" },
	{ "match",		MATCH,
	    "match servername PATTERN|unknown|absent forward to ..., "
	    "or ... refuse" },
	{ "max",		MAX,		NULL },
	{ "most",		MOST,		NULL },
	{ "none",		NONE,		NULL },
	{ "ocsp",		OCSP,		"ocsp FILE" },
	{ "on",			ON,		NULL },
	{ "penalties",		PENALTIES,
	    "penalties off, or penalties { ... }" },
	{ "pending",		PENDING,	NULL },
	{ "per",		PER,		NULL },
	{ "pidfile",		PIDFILE,	"pidfile FILE" },
	{ "port",		PORT,		NULL },
	{ "prefork",		PREFORK,	"prefork N" },
	{ "protocol",		PROTOCOL,	"protocol STRING" },
	{ "proxies",		PROXIES,	NULL },
	{ "proxy",		PROXY,		NULL },
	{ "refuse",		REFUSE,		NULL },
	{ "resolver",		RESOLVER,	"resolver interval TIME" },
	{ "restricted",		RESTRICTED,	NULL },
	{ "san",		SAN,		NULL },
	{ "sandbox",		SANDBOX,	"sandbox required|optional" },
	{ "server",		SERVER,		"server NAME { ... }" },
	{ "servername",		SERVERNAME,	"servername NAME" },
	{ "signer",		SIGNER,		"signer user NAME" },
	{ "signers",		SIGNERS,	"signers N" },
	{ "socket",		SOCKET,		NULL },
	{ "source",		SOURCE,		NULL },
	{ "spawner",		SPAWNER,	"spawner lifetime N" },
	{ "subject",		SUBJECT,	NULL },
	{ "timeout",		TIMEOUT,	"timeout" },
	{ "to",			TO,		NULL },
	{ "truncation",		TRUNCATION,	"truncation reset|end" },
	{ "trusted",		TRUSTED,
	    "trusted proxies { NETWORK, ... }" },
	{ "unknown",		UNKNOWN,	NULL },
	{ "user",		USER,		"user NAME" },
	{ "with",		WITH,		NULL }
};

static int
keyword_compare(const void *word, const void *k)
{
	return (strcmp(word, ((const struct keyword *)k)->k_word));
}

/* Timers are no keywords of their own: conf_timers has their names. */
static const struct conf_timer *
timer(const struct token *tk)
{
	const struct conf_timer	*ct;

	for (ct = conf_timers; ct->ct_word != NULL; ct++)
		if (strcmp(tk->tk_text, ct->ct_word) == 0)
			return (ct);
	return (NULL);
}

static const struct keyword *
keyword(const struct token *tk)
{
	static const struct keyword	 a_timer = { "", TIMER, NULL };

	if (tk == NULL || tk->tk_type != LEX_WORD)
		return (NULL);
	if (timer(tk) != NULL)
		return (&a_timer);
	return (bsearch(tk->tk_text, keywords,
	    nitems(keywords), sizeof(keywords[0]),
	    keyword_compare));
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
		return (0);
	case LEX_END:
		return (END);
	case LEX_OPEN:
		return ('{');
	case LEX_CLOSE:
		return ('}');
	case LEX_COMMA:
		return (',');
	case LEX_EQUALS:
		return ('=');
	case LEX_ERROR:
		return (BAD);
	case LEX_QUOTED:
		return (STRING);
	case LEX_WORD:
		break;
	}
	return ((k = keyword(tk)) != NULL ? k->k_token : STRING);
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
	else if (server != NULL && k->k_token == CLIENT)
		tried |= SEEN_AUTHENTICATION;
	else if (server != NULL && k->k_token == CONNECT)
		tried |= SEEN_CONNECT;
	else if (server != NULL && (k->k_token == FORWARD ||
	    k->k_token == EXECUTE))
		tried |= SEEN_FORWARD;
}

static int
plain(const struct token *tk)
{
	return ((tk->tk_type == LEX_WORD && keyword(tk) == NULL) ||
	    tk->tk_type == LEX_QUOTED);
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
		    ruling ? "in an authenticate block" :
		    server != NULL && server->sv_client ?
		    "in a client block" :
		    server != NULL ? "in a server block" :
		    certificate != NULL ? "in a certificate block" :
		    "at top level");
	else
		conf_error(&tk->tk_place, "unexpected %s",
		    lex_describe(tk, buf, sizeof(buf)));
}

/* The usage of "timeout", with the name of each timer. */
static void
timeout_usage(char *buf, size_t size)
{
	const struct conf_timer	*ct;

	(void)strlcpy(buf, "timeout", size);
	for (ct = conf_timers; ct->ct_word != NULL; ct++) {
		(void)strlcat(buf, " [", size);
		(void)strlcat(buf, ct->ct_word, size);
		(void)strlcat(buf, " TIME]", size);
	}
}

static void
error_within(const struct token *tk, const struct token *before)
{
	const struct keyword	*k;
	char			 buf[LEX_DESCRIBE_MAX];
	char			 buf2[LEX_DESCRIBE_MAX];
	char			 timeout[256];
	const char		*usage = NULL;

	if ((k = keyword(first)) != NULL)
		usage = k->k_usage;
	if (k != NULL && k->k_token == TIMEOUT) {
		timeout_usage(timeout, sizeof(timeout));
		usage = timeout;
	}
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

	tk = lex_last();
	before = lex_previous();
	note_tried();
	if (strncmp(msg, "syntax error", 12) != 0)
		conf_error(&tk->tk_place, "%s", msg);
	else if (tk->tk_type == LEX_ERROR)
		;	/* the lexer has said it */
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
		return (0);
	}
	*seen |= bit;
	return (1);
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

/* Names are in log lines, where nothing else tells the two apart. */
static void
server_open(const struct token *tk, int client)
{
	struct server	*other;

	seen_block = seen_timers = tried = 0;
	if (take_name(tk, client ? "client" : "server", WIRE_NAME) &&
	    (other = server_find(conf, tk->tk_text)) != NULL)
		conf_error(&tk->tk_place, "duplicate %s \"%s\" (first on "
		    "line %d)", client ? "client" : "server", tk->tk_text,
		    other->sv_place.cp_line);
	server = server_new(conf, tk->tk_text, &tk->tk_place);
	server->sv_client = client;
	server->sv_reset = client;
	if (client)
		server->sv_mode = CONF_CONNECT;
}

static void
missing(uint32_t bits, const char *what)
{
	if (!((tried | seen_block) & bits))
		conf_error(&server->sv_place, "%s \"%s\" has %s",
		    server->sv_client ? "client" : "server", server->sv_name,
		    what);
}

static void
prefork_fit(void)
{
	struct server	*sv = server;

	if (sv->sv_prefork <= sv->sv_max)
		return;
	if (seen_block & SEEN_PREFORK)
		conf_error(&sv->sv_place, "%s \"%s\": prefork %u is more "
		    "than connections max %u", sv->sv_client ? "client" :
		    "server", sv->sv_name, sv->sv_prefork, sv->sv_max);
	else
		sv->sv_prefork = sv->sv_max;
}

static void
server_close(void)
{
	missing(SEEN_LISTEN, "no \"listen on\"");
	missing(SEEN_CERTIFICATE, "no \"certificate\"");
	missing(SEEN_FORWARD | SEEN_EXECUTE | SEEN_ECHO,
	    "none of \"forward to\", \"execute\" and \"echo\"");
	if (seen_block & SEEN_AUTHENTICATE &&
	    !((tried | seen_block) & SEEN_AUTHENTICATION))
		conf_error(&server->sv_authenticate_at, "\"authenticate\" "
		    "without \"client authentication\": no client would "
		    "be asked for a certificate");
	prefork_fit();
	server = NULL;
}

static void
client_close(void)
{
	missing(SEEN_LISTEN, "no \"listen on\"");
	missing(SEEN_CONNECT, "no \"connect to\"");
	prefork_fit();
	server = NULL;
}

static void
server_file(struct conf_path *pa, uint32_t bit, const struct token *tk,
    const struct token *file)
{
	if (once(&seen_block, bit, tk, tk->tk_text))
		take_file(file, tk->tk_text, pa);
}

static void
server_set_timer(const struct token *tk, const struct token *seconds)
{
	const struct conf_timer	*ct = timer(tk);
	char			 what[64];

	(void)snprintf(what, sizeof(what), "timeout %s", ct->ct_word);
	if (once(&seen_timers, 1U << (ct - conf_timers), tk, what))
		take_time(seconds, what, ct->ct_most,
		    server_timer(server, ct));
}

/* A connection can go to one place only; there may be many backends. */
static void
purpose(uint32_t bit, const struct token *tk)
{
	static const struct {
		uint32_t	 p_bit;
		const char	*p_word;
	} purposes[] = {
		{ SEEN_FORWARD,	"forward to" },
		{ SEEN_EXECUTE,	"execute" },
		{ SEEN_ECHO,	"echo" }
	};
	const char	*word = "";
	size_t		 i;

	for (i = 0; i < nitems(purposes); i++)
		if (purposes[i].p_bit == bit)
			word = purposes[i].p_word;
	if (seen_block & bit && bit != SEEN_FORWARD)
		conf_error(&tk->tk_place, "duplicate \"%s\"", word);
	for (i = 0; i < nitems(purposes); i++)
		if (purposes[i].p_bit != bit &&
		    seen_block & purposes[i].p_bit)
			conf_error(&tk->tk_place, "\"%s\" and \"%s\" "
			    "exclude each other", word, purposes[i].p_word);
	seen_block |= bit;
}

/* A block whose head was wrong is skipped whole. */
static void
block_abandon(void)
{
	certificate = NULL;
	server = NULL;
	ruling = 0;
}

/* Order does not matter: a name may be used before it is defined. */
static void
resolve(void)
{
	struct server	*sv;
	struct shown	*sh;

	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry) {
		TAILQ_FOREACH(sh, &sv->sv_certificates, sh_entry) {
			if (sh->sh_name[0] == '\0')
				continue;
			sh->sh_certificate = certificate_find(conf,
			    sh->sh_name);
			if (sh->sh_certificate == NULL)
				conf_error(&sh->sh_place, "certificate "
				    "\"%s\" is not defined", sh->sh_name);
		}
	}
}

/* A reload needs a control socket that is not restricted. */
static void
control_default(void)
{
	struct control	*co;

	TAILQ_FOREACH(co, &conf->cf_controls, co_entry)
		if (!co->co_restricted)
			return;
	if ((co = calloc(1, sizeof(*co))) == NULL ||
	    (co->co_path = strdup(CONF_SOCKET)) == NULL)
		conf_memory();
	co->co_place = conf->cf_place;
	TAILQ_INSERT_TAIL(&conf->cf_controls, co, co_entry);
}

/* The part that was parsed is of no use. */
static struct conf *
parse_drop(void)
{
	conf_parsing = 0;
	lex_end();
	conf_free(conf);
	conf = NULL;
	return (NULL);
}

struct conf *
conf_parse(const char *file)
{
	const struct conf_place	 whole = { file, 0 };
	const unsigned int	 before = conf_errors();
	struct conf		*done;

	conf_keep();
	certificate = NULL;
	server = NULL;
	control = NULL;
	first = NULL;
	ruling = 0;
	seen_global = 0;
	conf = NULL;
	if (setjmp(conf_shortage) != 0) {
		conf_error(&whole, "%s", strerror(ENOMEM));
		return (parse_drop());
	}
	conf_parsing = 1;
	conf = conf_new(file);
	if (lex_begin(file) == -1)
		return (parse_drop());
	/* Not 0 only when it ran out of memory, which yyerror() has told. */
	(void)yyparse();
	resolve();
	control_default();
	lex_end();
	if (TAILQ_EMPTY(&conf->cf_servers) && conf_errors() == before)
		conf_error(&conf->cf_place, "no server and no client is "
		    "defined");
	conf_check(conf);
	conf_parsing = 0;
	done = conf;
	conf = NULL;
	return (done);
}
