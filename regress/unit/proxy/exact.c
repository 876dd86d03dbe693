/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"

const char	*__asan_default_options(void);

/* atf-c never frees its lists, and nothing under test allocates. */
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

static void
check(enum proxyin_result r, size_t len, const struct proxyin *px)
{
	ATF_REQUIRE(memchr(px->px_why, '\0', sizeof(px->px_why)) != NULL);
	ATF_REQUIRE(px->px_family == AF_UNSPEC || px->px_family == AF_INET ||
	    px->px_family == AF_INET6);
	switch (r) {
	case PROXYIN_MORE:
		ATF_REQUIRE(px->px_more > 0);
		ATF_REQUIRE(len + px->px_more <= PROXYIN_MAX);
		ATF_REQUIRE(px->px_why[0] == '\0');
		return;
	case PROXYIN_DONE:
		ATF_REQUIRE(px->px_used > 0 && px->px_used <= len);
		ATF_REQUIRE(px->px_used <= PROXYIN_MAX);
		ATF_REQUIRE(px->px_why[0] == '\0');
		return;
	case PROXYIN_BAD:
		ATF_REQUIRE(px->px_why[0] != '\0');
		return;
	}
	atf_tc_fail("result %d", (int)r);
}

enum proxyin_result
parse(const void *bytes, size_t len, struct proxyin *px)
{
	enum proxyin_result	 r;
	uint8_t			*buf;

	ATF_REQUIRE((buf = malloc(len == 0 ? 1 : len)) != NULL);
	memcpy(buf, bytes, len);
	memset(px, 0xa5, sizeof(*px));
	r = proxyin_parse(buf, len, px);
	check(r, len, px);
	ATF_REQUIRE(memcmp(buf, bytes, len) == 0);
	free(buf);
	return (r);
}
