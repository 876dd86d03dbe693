/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CONF_H
#define CONF_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <limits.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include "compat.h"
#include "network.h"
#include "penalty.h"
#include "wire.h"

#define CONF_FILE		"/etc/securetcpd.conf"
#define CONF_PIDFILE		"/var/run/securetcpd.pid"
#define CONF_SOCKET		"/var/run/securetcpd.sock"
#define CONF_USER		"_securetcp"
#define CONF_SIGNER_USER	"_securetcpk"
#define CONF_CHROOT		COMPAT_CHROOT
#define CONF_LIFETIME		1024
#define CONF_INTERVAL		60	/* seconds between look-ups */
#define CONF_BACKLOG		512
#define CONF_KEEPALIVE		60
#define CONF_MAX		1000
#define CONF_PER_SOURCE		64
#define CONF_PENDING		200
#define CONF_PREFORK		8
#define CONF_BLOCK_AFTER	PENALTY_MIN
#define CONF_BLOCK_MOST		PENALTY_MAX

/* Bounds of what may be said; names with NUL, numbers from 1. */
#define CONF_ACCOUNT		64	/* of a user's or group's name */
#define CONF_SIGNERS_MAX	64
#define CONF_LIFETIME_MAX	1000000
#define CONF_INTERVAL_MAX	86400
#define CONF_BACKLOG_MAX	65535
#define CONF_TIME_MAX		3600	/* of timers but idle */
#define CONF_KEEPALIVE_MAX	7200
#define CONF_IDLE_MAX		604800
#define CONF_CONNECTIONS_MAX	100000
#define CONF_PREFORK_MAX	256
#define CONF_DRAIN_MAX		604800
#define CONF_BLOCK_MAX		86400	/* of both times of penalties */
#define CONF_ARGUMENTS_MAX	64	/* of a program, itself included */
#define CONF_MATCHES_MAX	1000	/* of a server block */
#define CONF_RULES_MAX		1000
#define CONF_BACKENDS_MAX	64	/* that one connection can try */

enum conf_log {
	CONF_LOG_OFF,
	CONF_LOG_ERRORS,
	CONF_LOG_STATE,
	CONF_LOG_VERBOSE
};

enum conf_mode {
	CONF_FORWARD,
	CONF_ECHO,
	CONF_EXECUTE,
	CONF_CONNECT			/* a client block */
};

enum conf_proxy {
	CONF_PROXY_NONE,
	CONF_PROXY_V1,
	CONF_PROXY_V2
};

/* A place in the configuration, for messages. */
struct conf_place {
	const char		*cp_file;
	int			 cp_line;
};

/* A file that is checked by conf_check(), for the helpers to pread(2). */
struct conf_path {
	const char		*pa_what;	/* "ca", "crl", "ocsp" */
	char			*pa_path;	/* NULL: not said */
	struct conf_place	 pa_place;
	int			 pa_fd;		/* of a copy */
	time_t			 pa_since;	/* OCSP: its age */
	time_t			 pa_next;	/* CRL, OCSP: next update, -1 */
	int			 pa_expired;	/* and it was warned of */
};

struct certificate {
	TAILQ_ENTRY(certificate) ce_entry;
	struct conf_place	 ce_place;
	struct conf_place	 ce_chain_at;
	struct conf_place	 ce_key_at;
	char			 ce_name[WIRE_NAME];
	char			*ce_chain;	/* paths */
	char			*ce_key;
	char			*ce_key_group;	/* may read it; or NULL */
	struct conf_path	 ce_ocsp;
	uint32_t		 ce_index;	/* in the configuration */
	int			 ce_chainfd;	/* of a copy, for pread */
	int			 ce_keyfd;	/* of the file itself */
	uint8_t			 ce_id[WIRE_KEYID];
	enum wire_keytype	 ce_type;
	time_t			 ce_notbefore;
	time_t			 ce_notafter;
	int			 ce_unfit;	/* its key: a signer has said so */
};
TAILQ_HEAD(certificates, certificate);

struct listen {
	TAILQ_ENTRY(listen)	 li_entry;
	struct conf_place	 li_place;
	struct sockaddr_storage	 li_ss;
	socklen_t		 li_len;
	int			 li_backlog;
	int			 li_backlog_said;
	int			 li_proxy;	/* expects a PROXY header */
	int			 li_required;	/* its address is */
};
TAILQ_HEAD(listens, listen);

/* A backend of a server block, or a target of a client block. */
struct backend {
	TAILQ_ENTRY(backend)	 ba_entry;
	struct conf_place	 ba_place;
	struct sockaddr_storage	 ba_ss;		/* TCP or unix */
	socklen_t		 ba_len;
	char			 ba_host[WIRE_HOST];	/* a name, or "" */
	in_port_t		 ba_port;	/* of a name, in host order */
	char			 ba_name[WIRE_HOST + 8]; /* for the log */
	enum conf_proxy		 ba_proxy;	/* with a PROXY header */
	unsigned int		 ba_number;	/* among its like, from 0 */
	int64_t			 ba_down;	/* left out until then, or 0 */
	unsigned int		 ba_failures;	/* since it last worked */
	int64_t			 ba_since;	/* up or down; 0: the start */
	char			*ba_reason;	/* of the last failure */
	unsigned int		 ba_live;	/* connections now ... */
	uint64_t		 ba_total;	/* ... and since the start */
	struct resolved		*ba_resolved;	/* a name's addresses */
	size_t			 ba_first;	/* the one to begin with ... */
	int64_t			 ba_until;	/* ... until then, or 0 */
};
TAILQ_HEAD(backends, backend);

/* "match servername": the first that fits; NAME has a pattern. */
struct route {
	TAILQ_ENTRY(route)	 rt_entry;
	struct conf_place	 rt_place;
	enum wire_selector	 rt_selector;
	char			 rt_pattern[WIRE_SERVERNAME];
	int			 rt_refuse;
	struct backends		 rt_backends;	/* else to these */
};
TAILQ_HEAD(routes, route);

/* A rule of an authenticate block. */
enum conf_subject {
	CONF_RULE_HASH,
	CONF_RULE_SUBJECT,
	CONF_RULE_SAN,
	CONF_RULE_ISSUER,
	CONF_RULE_NONE			/* no certificate */
};

struct rule {
	TAILQ_ENTRY(rule)	 ru_entry;
	struct conf_place	 ru_place;
	int			 ru_allow;
	enum conf_subject	 ru_subject;
	char			 ru_pattern[WIRE_SUBJECT];
};
TAILQ_HEAD(rules, rule);

/* The program of "execute". */
struct program {
	struct conf_place	 pr_place;
	struct conf_place	 pr_user_at;
	char			**pr_argv;	/* [0]: its path; then NULL */
	unsigned int		 pr_argc;
	char			 pr_user[CONF_ACCOUNT];
	uint32_t		 pr_index;	/* in the configuration */
	uid_t			 pr_uid;	/* these by conf_check() */
	gid_t			 pr_gid;
	gid_t			 pr_groups[WIRE_GROUPS];
	unsigned int		 pr_ngroups;
};

/* A server's certificates: the first is the default. */
struct shown {
	TAILQ_ENTRY(shown)	 sh_entry;
	struct conf_place	 sh_place;
	char			 sh_name[WIRE_NAME];
	struct certificate	*sh_certificate;
};
TAILQ_HEAD(showns, shown);

/* A server block, or a client block. */
struct server {
	TAILQ_ENTRY(server)	 sv_entry;
	struct conf_place	 sv_place;
	char			 sv_name[WIRE_NAME];
	int			 sv_client;
	struct listens		 sv_listens;
	struct showns		 sv_certificates;
	struct conf_place	 sv_protocol_at;
	struct conf_place	 sv_ciphers_at;
	struct conf_place	 sv_curves_at;
	struct conf_place	 sv_alpn_at;
	struct conf_place	 sv_authenticate_at;
	char			 sv_protocol[WIRE_OPTION];	/* "secure" */
	char			 sv_ciphers[WIRE_OPTION];	/* "secure" */
	char			 sv_curves[WIRE_OPTION];	/* "" default */
	char			 sv_alpn[WIRE_ALPN];		/* "" none */
	int			 sv_alpn_optional;
	int			 sv_tls12;	/* it is among the protocols */
	enum wire_auth		 sv_auth;
	struct conf_path	 sv_ca;
	struct conf_path	 sv_crl;
	struct rules		 sv_rules;
	enum conf_mode		 sv_mode;
	struct backends		 sv_backends;	/* a client's: targets */
	struct routes		 sv_routes;
	struct program		*sv_program;
	char			 sv_servername[WIRE_SERVERNAME];
	unsigned int		 sv_handshake;	/* conf_timers, in seconds */
	unsigned int		 sv_idle;
	unsigned int		 sv_backend_timeout;
	unsigned int		 sv_close;
	unsigned int		 sv_keepalive;	/* 0: off */
	int			 sv_reset;	/* for a bare end */
	unsigned int		 sv_max;
	int			 sv_max_said;
	unsigned int		 sv_per_source;
	unsigned int		 sv_pending;
	unsigned int		 sv_prefork;
};
TAILQ_HEAD(servers, server);

/* A timer that "timeout" sets, in seconds; the last one has no word. */
struct conf_timer {
	const char		*ct_word;
	size_t			 ct_offset;	/* in struct server */
	unsigned int		 ct_default;
	unsigned int		 ct_most;
};
extern const struct conf_timer	 conf_timers[];

struct control {
	TAILQ_ENTRY(control)	 co_entry;
	struct conf_place	 co_place;
	char			*co_path;
	char			*co_group;	/* NULL: the default */
	int			 co_restricted;
};
TAILQ_HEAD(controls, control);

struct conf {
	struct conf_place	 cf_place;	/* the whole file */
	char			 cf_user[CONF_ACCOUNT];
	struct conf_place	 cf_user_at;
	int			 cf_user_set;		/* said, not default */
	char			 cf_signer_user[CONF_ACCOUNT];
	struct conf_place	 cf_signer_user_at;
	int			 cf_signer_user_set;
	char			 cf_chroot[PATH_MAX];
	struct conf_place	 cf_chroot_at;
	int			 cf_chroot_set;
	char			 cf_pidfile[PATH_MAX];
	struct conf_place	 cf_pidfile_at;
	struct controls		 cf_controls;
	enum conf_log		 cf_log;
	int			 cf_facility;
	unsigned int		 cf_signers;
	unsigned int		 cf_lifetime;
	unsigned int		 cf_interval;	/* seconds, of the resolver */
	int			 cf_sandbox_optional;
	unsigned int		 cf_drain;	/* seconds; 0: no deadline */
	struct networks		 cf_trusted;	/* proxies */
	struct networks		 cf_exempt;	/* from penalties */
	int			 cf_penalties_off;
	unsigned int		 cf_block_after;	/* seconds */
	unsigned int		 cf_block_most;
	struct conf_place	 cf_block_at;
	struct certificates	 cf_certificates;
	struct servers		 cf_servers;
};

/*
 * parse.y: the configuration of a file, read and looked at by conf_check();
 * NULL: it cannot be opened.  Errors are kept for conf_report(): until that has
 * found no error, it is for a checker and for nothing else.
 */
struct conf	*conf_parse(const char *);
/* -D name=value: outlives every parse; -1 when it is not of that form. */
int		 conf_macro(char *);

/*
 * check.c: whether the things are there that the configuration names: accounts,
 * paths, files by their owners, modes and sizes, which are opened.  A checker
 * tells what is in the files, and a signer whether a key fits its chain.  Where
 * the default signer user does not exist conf_check() makes that the user.
 */
void		 conf_check(struct conf *);
/* An error where the parent would wait for others to get at the file. */
void		 conf_check_local(const char *, const char *,
		    const struct conf_place *);
/* check_cert.c: the part of it that concerns one certificate block. */
void		 conf_check_certificate(struct certificate *);
/* check_server.c: that which concerns one server or client block. */
void		 conf_check_server(struct conf *, struct server *);
/*
 * check_file.c: the descriptor of a regular file that is neither empty nor
 * larger than that, with its status; -1 after an error.  Copy: that of a
 * copy of so many bytes at most, in place of the other, or -1 after an
 * error.  Path: opens and copies one.
 */
struct stat;
int		 conf_check_open(const char *, const char *, off_t,
		    const struct conf_place *, struct stat *);
int		 conf_check_copy(const char *, const char *, int, size_t,
		    const struct conf_place *);
void		 conf_check_path(const char *, struct conf_path *, size_t);

/*
 * conf.c: there is no memory, which ends a parse and, where there is none, the
 * program: a daemon that serves does not die of a reload.
 */
extern jmp_buf	 conf_shortage;
extern int	 conf_parsing;
__attribute__((__noreturn__))
void		 conf_memory(void);
struct conf	*conf_new(const char *);
void		 conf_free(struct conf *);
/* No helper is to read its files any more. */
void		 conf_close(struct conf *);
struct certificate
		*certificate_new(struct conf *, const char *,
		    const struct conf_place *);
struct certificate
		*certificate_find(struct conf *, const char *);
struct server	*server_new(struct conf *, const char *,
		    const struct conf_place *);
struct server	*server_find(struct conf *, const char *);
unsigned int	*server_timer(struct server *, const struct conf_timer *);
struct backend	*backend_new(struct backends *, const struct conf_place *);
struct route	*route_new(struct server *, const struct conf_place *);
struct rule	*rule_new(struct server *, const struct conf_place *);
/* At most so many bytes of a file, to be freed; NULL with errno. */
char		*conf_read(int, size_t, size_t *);
/* A name for good: places outlive the configuration they tell of. */
const char	*conf_filename(const char *);
/* Numeric address and port into a sockaddr: 0, or what is wrong with it. */
const char	*conf_address(const char *, struct sockaddr_storage *,
		    socklen_t *);
const char	*conf_zone(const struct sockaddr_storage *);
const char	*conf_port(const char *, struct sockaddr_storage *);
const char	*conf_unix(const char *, struct sockaddr_storage *,
		    socklen_t *);
/* "[::1]:443", "/path" */
void		 conf_address_name(const struct sockaddr_storage *, char *,
		    size_t);

/*
 * "file:line: message", an error or, with its word, a warning: printed to
 * stderr, or to where conf_output() said.  From conf_parse() to conf_report()
 * they are kept, and then printed in the order of their places.
 * conf_errors() counts the errors since the program began.
 */
__attribute__((__format__(printf, 2, 3)))
void		 conf_error(const struct conf_place *, const char *, ...);
__attribute__((__format__(printf, 2, 3)))
void		 conf_warning(const struct conf_place *, const char *, ...);
void		 conf_keep(void);
void		 conf_report(void);
unsigned int	 conf_errors(void);
/* The text comes without newline; the flag says that it is a warning. */
void		 conf_output(void (*)(int, const char *));

#endif /* CONF_H */
