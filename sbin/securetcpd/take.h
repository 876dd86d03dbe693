/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef TAKE_H
#define TAKE_H

#include "conf.h"
#include "lex.h"

/* The tokens of a statement that has many; NULL for those not said. */
struct statement {
	const struct token	*st_address;	/* or a path, without port */
	const struct token	*st_port;
	const struct token	*st_backlog;
	const struct token	*st_proxy;
	const struct token	*st_required;
	const struct token	*st_ca;
	const struct token	*st_crl;
	const struct token	*st_value;
	int			 st_refuse;
	const struct token	*st_words[CONF_ARGUMENTS_MAX];
	unsigned int		 st_nwords;	/* said, also beyond those */
};

/*
 * Each takes a token and stores what it says, or prints an error that names
 * it and leaves the place as it was.
 */

/* From 1 to a greatest; seconds for times. */
void		 take_number(const struct token *, const char *, unsigned int,
		    unsigned int *);
void		 take_time(const struct token *, const char *, unsigned int,
		    unsigned int *);
void		 take_copy(const struct token *, const char *, char *, size_t);
void		 take_path(const struct token *, const char *, char *, size_t);
/* CONF_ACCOUNT bytes; empty after an error, not to be looked for. */
void		 take_account(const struct token *, const char *, char *);
/* Only looks: true for a name that fits, in length and characters. */
int		 take_name(const struct token *, const char *, size_t);

void		 take_log(struct conf *, const struct token *);
void		 take_facility(struct conf *, const struct token *);
void		 take_sandbox(struct conf *, const struct token *);
struct control	*take_control(struct conf *, const struct token *);
void		 take_key(struct certificate *, const struct token *,
		    const struct token *);
void		 take_off(struct conf *, const struct token *);
void		 take_network(struct networks *, const char *,
		    struct statement *, const struct token *);
void		 take_required(struct statement *, const struct token *);
void		 take_listen(struct conf *, struct server *,
		    const struct statement *);

/* take_server.c */
void		 take_file(const struct token *, const char *,
		    struct conf_path *);
void		 take_shown(struct server *, const struct token *);
void		 take_forward(struct backends *, const struct statement *);
void		 take_match(struct server *, const struct statement *,
		    const struct token *);
void		 take_program(struct conf *, struct server *,
		    const struct statement *, const struct token *);
void		 take_keepalive(struct server *, const struct token *);
void		 take_truncation(struct server *, const struct token *);
void		 take_alpn(struct server *, const struct token *,
		    const struct token *);
void		 take_authentication(struct server *, const struct statement *,
		    const struct token *);
void		 take_rule(struct server *, const struct token *,
		    enum conf_subject, const struct token *);
void		 take_connect(struct server *, const struct token *,
		    const struct token *);
/* WIRE_SERVERNAME bytes */
void		 take_servername(const struct token *, char *);

#endif /* TAKE_H */
