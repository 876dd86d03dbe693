/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <vis.h>

#include "securetcpd.h"

#define VALUE_MAX	1024		/* of one value, before escaping */

/*
 * One line of logfmt.  Keys are ours; values may come from anywhere, so
 * each is escaped and, where a reader could misparse it, quoted.
 */
void
line_start(struct logline *l)
{
	l->ll_len = 0;
	l->ll_buf[0] = '\0';
}

static int
wants_quotes(const char *s)
{
	if (*s == '\0')
		return (1);
	return (s[strcspn(s, " \"=\\")] != '\0');
}

void
line_add(struct logline *l, const char *key, const char *value)
{
	line_add_bytes(l, key, value, strlen(value));
}

void
line_add_bytes(struct logline *l, const char *key, const char *value,
    size_t len)
{
	char	 escaped[4 * VALUE_MAX + 1];
	size_t	 room = sizeof(l->ll_buf) - l->ll_len;
	int	 n, quote;

	if (len > VALUE_MAX)
		len = VALUE_MAX;
	strvisx(escaped, value, len, VIS_CSTYLE | VIS_OCTAL | VIS_NL |
	    VIS_TAB | VIS_DQ);
	quote = wants_quotes(escaped);
	n = snprintf(l->ll_buf + l->ll_len, room, "%s%s=%s%s%s",
	    l->ll_len == 0 ? "" : " ", key, quote ? "\"" : "", escaped,
	    quote ? "\"" : "");
	/* A pair that does not fit is left out whole: no broken quoting. */
	if (n < 0 || (size_t)n >= room) {
		l->ll_buf[l->ll_len] = '\0';
		return;
	}
	l->ll_len += n;
}

void
line_addf(struct logline *l, const char *key, const char *fmt, ...)
{
	char	 value[VALUE_MAX];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	line_add(l, key, value);
}
