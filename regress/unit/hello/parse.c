/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

static void	 parse_check(enum hello_result, const struct hello *);

enum hello_result
parse(const uint8_t *buf, size_t len, struct hello *h)
{
	enum hello_result	 result;
	uint8_t			*exact;

	ATF_REQUIRE((exact = malloc(len == 0 ? 1 : len)) != NULL);
	memcpy(exact, buf, len);
	memset(h, 0, sizeof(*h));
	result = hello_parse(exact + (len == 0), len, h);
	free(exact);
	parse_check(result, h);
	ATF_REQUIRE(result != HELLO_MORE || len < HELLO_MAX);
	return (result);
}

static void
parse_check(enum hello_result result, const struct hello *h)
{
	static const char	 legal[] =
				    "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t			 len;

	ATF_REQUIRE_EQ(result == HELLO_BAD, h->he_why != NULL);
	ATF_REQUIRE(result == HELLO_DONE || !h->he_sni);
	len = strnlen(h->he_name, sizeof(h->he_name));
	ATF_REQUIRE(len < sizeof(h->he_name));
	ATF_REQUIRE_EQ(h->he_sni != 0, len != 0);
	if (h->he_odd) {
		ATF_REQUIRE(h->he_sni);
		return;
	}
	ATF_REQUIRE(len <= 253);
	ATF_REQUIRE_EQ(len, strspn(h->he_name, legal));
	if (len != 0)
		ATF_REQUIRE(h->he_name[0] != '.' &&
		    h->he_name[len - 1] != '.' &&
		    strstr(h->he_name, "..") == NULL);
}

void
parse_is_more(const uint8_t *buf, size_t len, const char *what)
{
	struct hello	 h;

	ATF_CHECK_EQ_MSG(HELLO_MORE, parse(buf, len, &h),
	    "%s: %zu bytes: %s", what, len,
	    h.he_why == NULL ? "done" : h.he_why);
}

void
parse_is_done(const struct bytes *b, const char *name, const char *what)
{
	struct hello		 h;
	enum hello_result	 result;

	result = parse(b->b_data, b->b_len, &h);
	ATF_CHECK_EQ_MSG(HELLO_DONE, result, "%s: %s", what,
	    h.he_why == NULL ? "more" : h.he_why);
	ATF_CHECK_EQ_MSG(name != NULL, h.he_sni, "%s: name: %d", what,
	    h.he_sni);
	if (name != NULL)
		ATF_CHECK_STREQ_MSG(name, h.he_name, "%s: %s", what,
		    h.he_name);
	ATF_CHECK_MSG(!h.he_odd, "%s: an odd name", what);
}

void
parse_is_odd(const struct bytes *b, const char *name, const char *what)
{
	struct hello		 h;
	enum hello_result	 result;

	result = parse(b->b_data, b->b_len, &h);
	ATF_CHECK_EQ_MSG(HELLO_DONE, result, "%s: %s", what,
	    h.he_why == NULL ? "more" : h.he_why);
	ATF_CHECK_MSG(h.he_sni && h.he_odd, "%s: %s", what, h.he_name);
	ATF_CHECK_STREQ_MSG(name, h.he_name, "%s: %s", what, h.he_name);
}

void
parse_is_bad(const struct bytes *b, const char *why, const char *what)
{
	struct hello		 h;
	enum hello_result	 result;

	result = parse(b->b_data, b->b_len, &h);
	ATF_CHECK_EQ_MSG(HELLO_BAD, result, "%s: %s", what,
	    result == HELLO_MORE ? "more" : "done");
	if (result == HELLO_BAD)
		ATF_CHECK_STREQ_MSG(why, h.he_why, "%s: %s", what, h.he_why);
}

void
parse_drip(const struct bytes *b, const char *name, const char *what)
{
	size_t	 len;

	for (len = 0; len < b->b_len; len++)
		parse_is_more(b->b_data, len, what);
	parse_is_done(b, name, what);
}
