/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The lexical level of the configuration: files within files, macros, words,
 * strings, and where a statement ends.  Keywords are the grammar's.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lex.h"

/* Text being read: a file, or the value of a macro on top of it. */
struct input {
	SLIST_ENTRY(input)	 in_entry;
	char			*in_text;
	size_t			 in_len;
	size_t			 in_pos;
	int			 in_macro;
	struct conf_place	 in_place;
	dev_t			 in_dev;
	ino_t			 in_ino;
	unsigned int		 in_depth;	/* blocks open around it */
};

struct macro {
	SLIST_ENTRY(macro)	 ma_entry;
	char			*ma_name;
	char			*ma_value;
	int			 ma_lasting;
};

static SLIST_HEAD(, input)	 inputs = SLIST_HEAD_INITIALIZER(inputs);
static SLIST_HEAD(, macro)	 macros = SLIST_HEAD_INITIALIZER(macros);
static SLIST_HEAD(, token)	 tokens = SLIST_HEAD_INITIALIZER(tokens);
static struct token		*last, *previous, *pending;
static struct conf_place	 here;	/* where the current token begins */
static struct conf_place	 block;	/* where the open block begins */
static unsigned int		 depth;	/* blocks open */
static int			 skipping;
static unsigned int		 skip_depth;
static char			 text[LEX_TOKEN_MAX];

static void	 lex_error(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
static struct token
		*token_new(enum lex_type, const char *);
static void	 input_push(char *, size_t);
static void	 input_pop(void);
static struct input
		*input_file(void);
static const char
		*input_check(const struct stat *);
static int	 input_open(const char *, const char **);
static int	 get_raw(void);
static int	 get(void);
static void	 unget(int);
static int	 word_char(int);
static int	 expand(void);
static struct macro
		*macro_find(const char *);
static int	 text_add(size_t *, int);
static struct token
		*scan(void);
static struct token
		*scan_end(void);
static struct token
		*scan_word(int);
static struct token
		*scan_string(int);
static struct token
		*scan_skip(void);

static void
lex_error(const char *fmt, ...)
{
	va_list	 ap;
	char	*msg;

	if (skipping)
		return;
	va_start(ap, fmt);
	if (vasprintf(&msg, fmt, ap) == -1)
		conf_memory();
	va_end(ap);
	conf_error(&here, "%s", msg);
	free(msg);
}

static struct token *
token_new(enum lex_type type, const char *str)
{
	struct token	*tk;

	if ((tk = calloc(1, sizeof(*tk))) == NULL ||
	    (tk->tk_text = strdup(str)) == NULL)
		conf_memory();
	tk->tk_type = type;
	tk->tk_place = here;
	SLIST_INSERT_HEAD(&tokens, tk, tk_entry);
	return (tk);
}

static void
input_push(char *str, size_t len)
{
	struct input	*in;

	if ((in = calloc(1, sizeof(*in))) == NULL)
		conf_memory();
	in->in_text = str;
	in->in_len = len;
	in->in_depth = depth;
	SLIST_INSERT_HEAD(&inputs, in, in_entry);
}

static void
input_pop(void)
{
	struct input	*in;

	in = SLIST_FIRST(&inputs);
	SLIST_REMOVE_HEAD(&inputs, in_entry);
	free(in->in_text);
	free(in);
}

static struct input *
input_file(void)
{
	struct input	*in;

	SLIST_FOREACH(in, &inputs, in_entry)
		if (!in->in_macro)
			return (in);
	return (NULL);
}

/* Root obeys this file, so that nobody else may be able to write to it. */
static const char *
input_check(const struct stat *st)
{
	struct input	*in;
	unsigned int	 files = 0;

	if (!S_ISREG(st->st_mode))
		return ("not a regular file");
	if (geteuid() == 0 && st->st_uid != 0)
		return ("owned by somebody else than root");
	if (geteuid() == 0 && (st->st_mode & S_IWOTH))
		return ("writable by everybody");
	if (geteuid() == 0 && (st->st_mode & S_IWGRP))
		return ("writable by its group");
	if (st->st_size > LEX_FILE_MAX)
		return ("larger than a megabyte");
	SLIST_FOREACH(in, &inputs, in_entry) {
		if (in->in_macro)
			continue;
		if (in->in_dev == st->st_dev && in->in_ino == st->st_ino)
			return ("it includes itself");
		if (++files >= LEX_INCLUDE_MAX)
			return ("too many files within files");
	}
	return (NULL);
}

static int
input_open(const char *name, const char **why)
{
	struct stat	 st;
	struct input	*in;
	char		*buf = NULL;
	size_t		 len = 0;
	int		 fd;

	/* Not to hang on a fifo; what it is is asked of what was opened. */
	if ((fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, &st) == -1) {
		*why = strerror(errno);
		if (fd != -1)
			(void)close(fd);
		return (-1);
	}
	if ((*why = input_check(&st)) == NULL &&
	    (buf = conf_read(fd, (size_t)st.st_size, &len)) == NULL)
		*why = strerror(errno);
	(void)close(fd);
	if (*why != NULL)
		return (-1);
	input_push(buf, len);
	in = SLIST_FIRST(&inputs);
	in->in_place.cp_file = conf_filename(name);
	in->in_place.cp_line = 1;
	in->in_dev = st.st_dev;
	in->in_ino = st.st_ino;
	return (0);
}

int
lex_begin(const char *file)
{
	const char	*why;

	lex_end();
	here.cp_file = conf_filename(file);
	here.cp_line = 0;
	if (input_open(file, &why) == -1) {
		lex_error("%s", why);
		return (-1);
	}
	return (0);
}

void
lex_include(const struct token *tk)
{
	const char	*why;

	if (input_open(tk->tk_text, &why) == -1)
		conf_error(&tk->tk_place, "include \"%s\": %s", tk->tk_text,
		    why);
}

void
lex_end(void)
{
	struct token	*tk;
	struct macro	*ma, *next;

	while (!SLIST_EMPTY(&inputs))
		input_pop();
	while ((tk = SLIST_FIRST(&tokens)) != NULL) {
		SLIST_REMOVE_HEAD(&tokens, tk_entry);
		free(tk->tk_text);
		free(tk);
	}
	for (ma = SLIST_FIRST(&macros); ma != NULL; ma = next) {
		next = SLIST_NEXT(ma, ma_entry);
		if (ma->ma_lasting)
			continue;
		SLIST_REMOVE(&macros, ma, macro, ma_entry);
		free(ma->ma_name);
		free(ma->ma_value);
		free(ma);
	}
	last = previous = pending = NULL;
	depth = 0;
	skipping = 0;
}

/* EOF at the end of a file, which scan_end() leaves; macros just end. */
static int
get_raw(void)
{
	struct input	*in;
	int		 c;

	while ((in = SLIST_FIRST(&inputs)) != NULL) {
		if (in->in_pos < in->in_len) {
			c = (unsigned char)in->in_text[in->in_pos++];
			if (c == '\n')
				in->in_place.cp_line++;
			return (c);
		}
		if (!in->in_macro)
			break;
		input_pop();
	}
	return (EOF);
}

/* Gives back what the last get() took. */
static void
unget(int c)
{
	struct input	*in;

	if (c == EOF)
		return;
	in = SLIST_FIRST(&inputs);
	in->in_pos--;
	if (c == '\n')
		in->in_place.cp_line--;
}

/* Joins continued lines.  Both characters are of one file, or none. */
static int
get(void)
{
	struct input	*in;
	int		 c;

	while ((c = get_raw()) == '\\') {
		in = SLIST_FIRST(&inputs);
		if (in->in_pos >= in->in_len ||
		    in->in_text[in->in_pos] != '\n')
			break;
		(void)get_raw();
	}
	return (c);
}

static int
word_char(int c)
{
	return (c > ' ' && c < 0x7f && strchr("\"'{},;=#$\\", c) == NULL);
}

static int
text_add(size_t *len, int c)
{
	if (*len + 1 >= sizeof(text))
		return (-1);
	text[(*len)++] = (char)c;
	text[*len] = '\0';
	return (0);
}

static struct macro *
macro_find(const char *name)
{
	struct macro	*ma;

	SLIST_FOREACH(ma, &macros, ma_entry)
		if (strcmp(ma->ma_name, name) == 0)
			return (ma);
	return (NULL);
}

int
lex_macro_name(const char *name)
{
	const char	*p;

	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return (0);
	for (p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			return (0);
	return (1);
}

void
lex_macro(const char *name, const char *value, int lasting)
{
	struct macro	*ma;

	if ((ma = macro_find(name)) == NULL) {
		if ((ma = calloc(1, sizeof(*ma))) == NULL ||
		    (ma->ma_name = strdup(name)) == NULL)
			conf_memory();
		SLIST_INSERT_HEAD(&macros, ma, ma_entry);
	} else if (ma->ma_lasting && !lasting)
		return;
	else
		free(ma->ma_value);
	if ((ma->ma_value = strdup(value)) == NULL)
		conf_memory();
	ma->ma_lasting = lasting;
}

int
conf_macro(char *arg)
{
	char	*value;
	int	 ok;

	if ((value = strchr(arg, '=')) == NULL)
		return (-1);
	*value = '\0';
	if ((ok = lex_macro_name(arg)))
		lex_macro(arg, value + 1, 1);
	*value = '=';
	return (ok ? 0 : -1);
}

/* After "$": puts the macro's value in the place of its name. */
static int
expand(void)
{
	char		 name[128];
	struct macro	*ma;
	struct input	*in;
	char		*value;
	size_t		 len = 0;
	int		 c, nested;

	in = SLIST_FIRST(&inputs);
	nested = in != NULL && in->in_macro;
	while ((c = get_raw()) != EOF && (isalnum(c) || c == '_')) {
		if (len < sizeof(name) - 1)
			name[len++] = (char)c;
	}
	unget(c);
	name[len] = '\0';
	if (len == 0) {
		lex_error("\"$\" without the name of a macro");
		return (-1);
	}
	if (nested) {
		lex_error("macro \"%s\" within the value of a macro", name);
		return (-1);
	}
	if ((ma = macro_find(name)) == NULL) {
		lex_error("macro \"%s\" is not defined", name);
		return (-1);
	}
	if ((value = strdup(ma->ma_value)) == NULL)
		conf_memory();
	input_push(value, strlen(value));
	SLIST_FIRST(&inputs)->in_macro = 1;
	return (0);
}

/* At the end of a file: ends its statement, its block, then itself. */
static struct token *
scan_end(void)
{
	struct input	*in;

	in = SLIST_FIRST(&inputs);
	if (in == NULL || skipping)
		return (token_new(LEX_EOF, ""));
	if (last != NULL && last->tk_type != LEX_END)
		return (token_new(LEX_END, ""));
	if (depth > in->in_depth) {
		conf_error(&block, "\"{\" is never closed");
		return (token_new(LEX_CLOSE, "}"));
	}
	input_pop();
	return (NULL);
}

static struct token *
scan_word(int c)
{
	size_t	 len = 0;
	int	 over = 0;

	text[0] = '\0';
	for (; c != EOF; c = get()) {
		if (c == '$') {
			if (expand() == -1)
				return (token_new(LEX_ERROR, "$"));
			continue;
		}
		if (!word_char(c))
			break;
		if (text_add(&len, c) == -1)
			over = 1;
	}
	unget(c);
	if (over) {
		lex_error("word is too long");
		return (token_new(LEX_ERROR, ""));
	}
	/* A macro's value was empty, or began with something else. */
	if (len == 0)
		return (NULL);
	return (token_new(LEX_WORD, text));
}

/* In strings macros mean nothing and backslashes quote. */
static struct token *
scan_string(int quote)
{
	const char	*why = NULL;
	char		 escape[] = "unknown escape \\? in string";
	size_t		 len = 0;
	int		 c;

	text[0] = '\0';
	while ((c = get_raw()) != quote) {
		if (c == '\\') {
			if ((c = get_raw()) == '\n')
				continue;
			if (why == NULL && c > ' ' && c < 0x7f &&
			    strchr("\"'\\", c) == NULL) {
				*strchr(escape, '?') = (char)c;
				why = escape;
			}
		}
		if (c == '\n' || c == EOF) {
			unget(c);
			why = "string has no end";
			break;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			why = "control character in string";
		else if (text_add(&len, c) == -1)
			why = "string is too long";
	}
	if (why != NULL) {
		lex_error("%s: %c%.40s%s", why, quote, text,
		    len > 40 ? "..." : "");
		return (token_new(LEX_ERROR, text));
	}
	return (token_new(LEX_QUOTED, text));
}

static struct token *
scan(void)
{
	struct input	*in;
	struct token	*tk;
	int		 c;

	for (;;) {
		while ((c = get()) == ' ' || c == '\t')
			;
		if (c == '#') {
			while ((c = get()) != '\n' && c != EOF)
				;
		}
		unget(c);
		if ((in = input_file()) != NULL)
			here = in->in_place;
		switch (c = get()) {
		case EOF:
			if ((tk = scan_end()) != NULL)
				return (tk);
			continue;
		case '\n':
			return (token_new(LEX_END, "\n"));
		case ';':
			return (token_new(LEX_END, ";"));
		case '{':
			return (token_new(LEX_OPEN, "{"));
		case '}':
			return (token_new(LEX_CLOSE, "}"));
		case ',':
			return (token_new(LEX_COMMA, ","));
		case '=':
			return (token_new(LEX_EQUALS, "="));
		case '"':
		case '\'':
			return (scan_string(c));
		}
		if (c == '$' || word_char(c)) {
			if ((tk = scan_word(c)) != NULL)
				return (tk);
			continue;
		}
		if (c > ' ' && c < 0x7f)
			lex_error("unexpected character \"%c\"", c);
		else
			lex_error("unexpected character 0x%02x", c);
		return (token_new(LEX_ERROR, ""));
	}
}

static struct token *
scan_skip(void)
{
	struct conf_place	 opened = block;
	struct token		*tk;
	unsigned int		 level = skip_depth;

	for (;;) {
		if ((tk = pending) != NULL)
			pending = NULL;
		else
			tk = scan();
		switch (tk->tk_type) {
		case LEX_EOF:
			if (level > 0)
				conf_error(&opened, "\"{\" is never closed");
			skipping = 0;
			return (token_new(LEX_END, ""));
		case LEX_END:
			if (level > 0)
				break;
			skipping = 0;
			return (tk);
		case LEX_OPEN:
			if (level++ == 0)
				opened = tk->tk_place;
			break;
		case LEX_CLOSE:
			if (level > 0) {
				level--;
				break;
			}
			pending = tk;
			skipping = 0;
			return (token_new(LEX_END, "}"));
		default:
			break;
		}
	}
}

void
lex_skip(void)
{
	if (last == NULL || last->tk_type == LEX_END ||
	    last->tk_type == LEX_EOF)
		return;
	skipping = 1;
	skip_depth = 0;
	if (last->tk_type == LEX_OPEN) {
		depth--;
		skip_depth = 1;
	}
}

struct token *
lex_next(void)
{
	struct token	*tk;
	int		 ended;

	ended = last == NULL || last->tk_type == LEX_END;
	if (skipping)
		tk = scan_skip();
	else if ((tk = pending) != NULL)
		pending = NULL;
	else
		tk = scan();
	/* The last statement of a block needs no end of its own. */
	if (tk->tk_type == LEX_CLOSE && !ended &&
	    last->tk_type != LEX_OPEN) {
		pending = tk;
		tk = token_new(LEX_END, "}");
	}
	if (tk->tk_type == LEX_OPEN && depth++ == 0)
		block = tk->tk_place;
	if (tk->tk_type == LEX_CLOSE && depth > 0)
		depth--;
	tk->tk_first = ended || last->tk_type == LEX_OPEN;
	previous = last;
	last = tk;
	return (tk);
}

const struct token *
lex_last(void)
{
	return (last);
}

const struct token *
lex_previous(void)
{
	return (previous);
}

/* Looks ahead, on this line only. */
int
lex_before_equals(void)
{
	const struct input	*in;
	size_t			 i;

	if ((in = SLIST_FIRST(&inputs)) == NULL)
		return (0);
	for (i = in->in_pos; i < in->in_len; i++)
		if (in->in_text[i] != ' ' && in->in_text[i] != '\t')
			return (in->in_text[i] == '=');
	return (0);
}

const char *
lex_describe(const struct token *tk, char *buf, size_t size)
{
	if (tk->tk_type == LEX_EOF)
		return ("end of file");
	if (tk->tk_type == LEX_END && tk->tk_text[0] != ';' &&
	    tk->tk_text[0] != '}')
		return ("end of line");
	(void)snprintf(buf, size, "\"%.60s%s\"", tk->tk_text,
	    strlen(tk->tk_text) > 60 ? "..." : "");
	return (buf);
}
