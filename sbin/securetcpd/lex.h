/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef LEX_H
#define LEX_H

#include "conf.h"

#define LEX_TOKEN_MAX		8192		/* bytes of a word or string */
#define LEX_DESCRIBE_MAX	72		/* of a message about it */
#define LEX_FILE_MAX		(1024 * 1024)
#define LEX_INCLUDE_MAX		16		/* files within files */

enum lex_type {
	LEX_EOF,
	LEX_END,	/* of a statement: newline, semicolon, before "}" */
	LEX_WORD,
	LEX_QUOTED,
	LEX_OPEN,	/* { */
	LEX_CLOSE,	/* } */
	LEX_COMMA,
	LEX_EQUALS,
	LEX_ERROR	/* its message was printed */
};

/* Belongs to the lexer and lives until lex_end(). */
struct token {
	SLIST_ENTRY(token)	 tk_entry;
	enum lex_type		 tk_type;
	struct conf_place	 tk_place;
	int			 tk_first;	/* begins a statement */
	char			*tk_text;
};

/* 0, or -1 after an error was printed. */
int		 lex_begin(const char *);
/* Goes on with this file until it ends; its name is the token's. */
void		 lex_include(const struct token *);
void		 lex_end(void);

struct token	*lex_next(void);
/*
 * Gives up the statement of the last token: what follows is its end, with
 * any block it opens left out.
 */
void		 lex_skip(void);
const struct token
		*lex_last(void);
const struct token
		*lex_previous(void);		/* the one before that */
/* True where the last token looks like the name of a macro to be. */
int		 lex_before_equals(void);
/* How a token is called in messages: quoted and cut, or "end of line". */
const char	*lex_describe(const struct token *, char *, size_t);

/* True where a macro may be called so. */
int		 lex_macro_name(const char *);
/* With the flag it outlives lex_end() and is not defined otherwise. */
void		 lex_macro(const char *, const char *, int);

#endif /* LEX_H */
