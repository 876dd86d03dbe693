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

#define VALUE_MAX	1024		/* of one value, as it is written ... */
#define BYTES_MAX	2048		/* ... and of one that has the line */

#define DOTS		"..."

/*
 * A line of logfmt.  Keys are constants; values may come from a peer, so that
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

/*
 * A pair whose value has so many bytes at most: what is cut off is whole
 * characters, and dots stand for it, so that what comes later has its room.
 */
static void
line_pair(struct logline *l, const char *key, const char *value, size_t len,
    size_t max)
{
	char	 c[5], text[BYTES_MAX + 1];
	size_t	 i, n, room, used = 0, whole = 0;
	int	 quote;

	room = sizeof(l->ll_buf) - 1 - l->ll_len;
	n = strlen(key) + sizeof(" =\"\"") - 1;
	if (room < n)
		return;
	room = room - n < max ? room - n : max;
	for (i = 0; i < len; i++) {
		(void)vis(c, value[i], VIS_CSTYLE | VIS_OCTAL | VIS_NL |
		    VIS_TAB | VIS_DQ, i + 1 < len ? value[i + 1] : '\0');
		n = strlen(c);
		if (used + n > room)
			break;
		memcpy(text + used, c, n);
		used += n;
		if (used + sizeof(DOTS) - 1 <= room)
			whole = used;
	}
	text[used] = '\0';
	if (i < len) {
		if (room < sizeof(DOTS) - 1)
			return;
		(void)strlcpy(text + whole, DOTS, sizeof(text) - whole);
	}
	quote = wants_quotes(text);
	n = (size_t)snprintf(l->ll_buf + l->ll_len,
	    sizeof(l->ll_buf) - l->ll_len, "%s%s=%s%s%s",
	    l->ll_len == 0 ? "" : " ", key, quote ? "\"" : "", text,
	    quote ? "\"" : "");
	l->ll_len += n;
}

void
line_add(struct logline *l, const char *key, const char *value)
{
	line_pair(l, key, value, strlen(value), VALUE_MAX);
}

/* A value that may take all that is left of the line. */
void
line_add_bytes(struct logline *l, const char *key, const char *value,
    size_t len)
{
	line_pair(l, key, value, len, BYTES_MAX);
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
