/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef TAKE_H
#define TAKE_H

#include "conf.h"
#include "lex.h"

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
/* Address, port, backlog or NULL. */
void		 take_listen(struct conf *, struct server *,
		    const struct token *, const struct token *,
		    const struct token *);
/* Address and port, or a path and NULL. */
void		 take_forward(struct backend *, const struct token *,
		    const struct token *);

#endif /* TAKE_H */
