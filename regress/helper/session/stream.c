/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <string.h>

#include "stream.h"

void
stream_start(struct stream *st)
{
	memset(st, 0, sizeof(*st));
	ATF_REQUIRE((st->st_ctx = EVP_MD_CTX_new()) != NULL);
	ATF_REQUIRE_EQ(1, EVP_DigestInit_ex(st->st_ctx, EVP_sha256(), NULL));
	st->st_seed = 1;
}

void
stream_add(struct stream *st, const void *buf, size_t len)
{
	ATF_REQUIRE_EQ(1, EVP_DigestUpdate(st->st_ctx, buf, len));
	st->st_bytes += len;
}

void
stream_fill(struct stream *st)
{
	size_t	 i;

	for (i = 0; i < sizeof(st->st_buf); i++) {
		st->st_seed = st->st_seed * 1664525 + 1013904223;
		st->st_buf[i] = (uint8_t)(st->st_seed >> 24);
	}
	st->st_left = sizeof(st->st_buf);
}

size_t
stream_sent(struct stream *st, size_t n)
{
	stream_add(st, st->st_buf + sizeof(st->st_buf) - st->st_left, n);
	st->st_left -= n;
	return (n);
}

size_t
stream_client(struct stream *st, struct client *c)
{
	if (st->st_left == 0)
		return (0);
	return (stream_sent(st, (size_t)client_write_try(c, st->st_buf +
	    sizeof(st->st_buf) - st->st_left, st->st_left)));
}

size_t
stream_backend(struct stream *st, int fd)
{
	if (st->st_left == 0)
		return (0);
	return (stream_sent(st, (size_t)backend_write_try(fd, st->st_buf +
	    sizeof(st->st_buf) - st->st_left, st->st_left)));
}

void
stream_equal(struct stream *a, struct stream *b)
{
	unsigned char	 one[EVP_MAX_MD_SIZE], two[EVP_MAX_MD_SIZE];
	unsigned int	 len;

	ATF_CHECK_EQ(a->st_bytes, b->st_bytes);
	ATF_REQUIRE_EQ(1, EVP_DigestFinal_ex(a->st_ctx, one, &len));
	ATF_REQUIRE_EQ(1, EVP_DigestFinal_ex(b->st_ctx, two, &len));
	ATF_CHECK_EQ(0, memcmp(one, two, len));
	EVP_MD_CTX_free(a->st_ctx);
	EVP_MD_CTX_free(b->st_ctx);
}
