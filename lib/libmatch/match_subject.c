/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Distinguished names in text form.  The same reader takes patterns and
 * subjects apart.  What RFC 4514 wants escaped must be, so that no text can
 * be read in two ways.
 */

#include <sys/types.h>

#include <string.h>
#include <strings.h>

#include "match.h"
#include "match_local.h"
#include "match_types.h"

struct attr {
	const char	*at_type;
	size_t		 at_typelen;
	int		 at_der;	/* was #hex: the bytes of an encoding */
	size_t		 at_len;
	char		 at_value[2 * MATCH_PATTERN];
};

/* Under either name, so that its number means the same. */
#define NAMES(oid, name, alias)	{ name, oid }, { alias, oid },
static const struct attr_name {
	const char	*an_name;
	const char	*an_oid;
} attr_names[] = {
	MATCH_TYPES(NAMES)
};

#define NATTRNAMES	(sizeof(attr_names) / sizeof(attr_names[0]))

static int	 subject_wellformed(const char *);
static int	 subject_has(const char *, const struct attr *);
static int	 attr_next(const char **, struct attr *, int);
static int	 attr_type(const char **, struct attr *);
static size_t	 type_word(const char *);
static size_t	 type_oid(const char *);
static int	 attr_value(const char **, struct attr *, int);
static int	 attr_der(const char **, struct attr *);
static int	 attr_end(char);
static size_t	 attr_escape(const char *, char *);
static void	 attr_put(struct attr *, char, int);
static int	 attr_hex(const char *, char *);
static int	 attr_digit(char);
static void	 attr_oid(struct attr *);
static int	 attr_sametype(const struct attr *, const struct attr *);

int
match_subject_ok(const char *pattern)
{
	return (subject_wellformed(pattern));
}

/* A type that is neither known nor a number is that of no certificate. */
int
match_subject_known(const char *pattern)
{
	struct attr	 at;

	if (!subject_wellformed(pattern))
		return (0);
	while (pattern != NULL) {
		if (attr_next(&pattern, &at, 1) == -1 ||
		    type_oid(at.at_type) < at.at_typelen)
			return (0);
	}
	return (1);
}

int
match_subject(const char *pattern, const char *subject)
{
	struct attr	 want;

	if (!subject_wellformed(pattern) || !subject_wellformed(subject))
		return (0);
	while (pattern != NULL) {
		if (attr_next(&pattern, &want, 1) == -1 ||
		    !subject_has(subject, &want))
			return (0);
	}
	return (1);
}

int
match_subject_value(const char *subject, const char *type, char *buf,
    size_t size)
{
	struct attr	 at, want;
	int		 found = -1;

	if (!subject_wellformed(subject))
		return (-1);
	memset(&want, 0, sizeof(want));
	want.at_type = type;
	want.at_typelen = strlen(type);
	attr_oid(&want);
	while (subject != NULL) {
		if (attr_next(&subject, &at, 0) == -1)
			return (-1);
		if (at.at_der || !attr_sametype(&at, &want))
			continue;
		found = -1;
		if (at.at_len >= size ||
		    memchr(at.at_value, '\0', at.at_len) != NULL)
			continue;
		memcpy(buf, at.at_value, at.at_len);
		buf[at.at_len] = '\0';
		found = 0;
	}
	return (found);
}

static int
subject_wellformed(const char *text)
{
	struct attr	 at;
	size_t		 n = 0;

	if (strnlen(text, MATCH_PATTERN + 1) > MATCH_PATTERN)
		return (0);
	while (text != NULL) {
		if (n++ == MATCH_ATTRIBUTES || attr_next(&text, &at, 1) == -1)
			return (0);
	}
	return (1);
}

static int
subject_has(const char *subject, const struct attr *want)
{
	struct attr	 at;

	while (subject != NULL) {
		if (attr_next(&subject, &at, 0) == -1)
			return (0);
		if (at.at_der != want->at_der || !attr_sametype(&at, want))
			continue;
		if (want->at_der && at.at_len == want->at_len &&
		    memcmp(at.at_value, want->at_value, at.at_len) == 0)
			return (1);
		if (!want->at_der && match_run(want->at_value, want->at_len,
		    at.at_value, at.at_len))
			return (1);
	}
	return (0);
}

/*
 * Takes one attribute of a text that is known to be bounded; the text
 * becomes NULL after the last.  A pattern's value comes as match_run() wants
 * it, a subject's as it is.
 */
static int
attr_next(const char **text, struct attr *at, int pattern)
{
	const char	*p = *text;

	while (*p == ' ')
		p++;
	if (attr_type(&p, at) == -1)
		return (-1);
	at->at_len = 0;
	at->at_der = *p == '#';
	if ((at->at_der ? attr_der(&p, at) : attr_value(&p, at, pattern)) == -1)
		return (-1);
	*text = *p == '\0' ? NULL : p + 1;
	return (0);
}

static int
attr_type(const char **text, struct attr *at)
{
	at->at_type = *text;
	at->at_typelen = type_word(*text);
	if (at->at_typelen == 0)
		at->at_typelen = type_oid(*text);
	if (at->at_typelen == 0 || (*text)[at->at_typelen] != '=')
		return (-1);
	*text += at->at_typelen + 1;
	attr_oid(at);
	return (0);
}

#define LETTER(c)	(((c) >= 'a' && (c) <= 'z') || \
			((c) >= 'A' && (c) <= 'Z'))
#define DIGIT(c)	((c) >= '0' && (c) <= '9')

static size_t
type_word(const char *s)
{
	size_t	 n;

	if (!LETTER(*s))
		return (0);
	for (n = 1; LETTER(s[n]) || DIGIT(s[n]) || s[n] == '-'; n++)
		;
	return (n);
}

/* Two numbers or more, none with a leading zero. */
static size_t
type_oid(const char *s)
{
	size_t	 n = 0, numbers = 0, start;

	for (;;) {
		start = n;
		while (DIGIT(s[n]))
			n++;
		if (n == start || (s[start] == '0' && n - start > 1))
			return (0);
		numbers++;
		if (s[n] != '.')
			return (numbers > 1 ? n : 0);
		n++;
	}
}

static int
attr_value(const char **text, struct attr *at, int pattern)
{
	const char	*p = *text;
	size_t		 n;
	char		 c;

	if (*p == ' ')
		return (-1);
	while (!attr_end(*p)) {
		if (*p == '\\') {
			if ((n = attr_escape(p, &c)) == 0)
				return (-1);
			attr_put(at, c, pattern);
			p += n;
			continue;
		}
		if ((unsigned char)*p < ' ' || *p == 0x7f ||
		    strchr("\"<>;", *p) != NULL ||
		    (*p == ' ' && attr_end(p[1])))
			return (-1);
		attr_put(at, *p++, 0);
	}
	*text = p;
	return (0);
}

static int
attr_der(const char **text, struct attr *at)
{
	const char	*p;
	char		 c;

	for (p = *text + 1; !attr_end(*p); p += 2) {
		if (!attr_hex(p, &c))
			return (-1);
		attr_put(at, c, 0);
	}
	*text = p;
	return (at->at_len == 0 ? -1 : 0);
}

static int
attr_end(char c)
{
	return (c == '\0' || c == ',' || c == '+');
}

/* The length of the escape at p, 0 when it is none. */
static size_t
attr_escape(const char *p, char *c)
{
	if (p[1] == '\0')
		return (0);
	if (strchr("\\,+\"<>;=#* ", p[1]) != NULL) {
		*c = p[1];
		return (2);
	}
	return (attr_hex(p + 1, c) ? 3 : 0);
}

/* Never over the end: a text of MATCH_PATTERN gives two bytes for each. */
static void
attr_put(struct attr *at, char c, int literal)
{
	if (literal && (c == '*' || c == '\\'))
		at->at_value[at->at_len++] = '\\';
	at->at_value[at->at_len++] = c;
}

static int
attr_hex(const char *p, char *c)
{
	int	 high, low;

	if ((high = attr_digit(p[0])) == -1 || (low = attr_digit(p[1])) == -1)
		return (0);
	*c = (char)(high << 4 | low);
	return (1);
}

static int
attr_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

static void
attr_oid(struct attr *at)
{
	size_t	 i;

	for (i = 0; i < NATTRNAMES; i++) {
		if (strlen(attr_names[i].an_name) == at->at_typelen &&
		    strncasecmp(attr_names[i].an_name, at->at_type,
		    at->at_typelen) == 0) {
			at->at_type = attr_names[i].an_oid;
			at->at_typelen = strlen(at->at_type);
			return;
		}
	}
}

static int
attr_sametype(const struct attr *a, const struct attr *b)
{
	return (a->at_typelen == b->at_typelen &&
	    strncasecmp(a->at_type, b->at_type, a->at_typelen) == 0);
}
