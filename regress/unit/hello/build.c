/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "build.h"

void
bytes_add(struct bytes *b, const void *data, size_t len)
{
	ATF_REQUIRE(len <= sizeof(b->b_data) - b->b_len);
	if (len != 0)
		memcpy(b->b_data + b->b_len, data, len);
	b->b_len += len;
}

void
bytes_number(struct bytes *b, size_t n, size_t bytes)
{
	uint8_t	 byte;

	while (bytes-- != 0) {
		byte = (uint8_t)(n >> bytes * 8);
		bytes_add(b, &byte, 1);
	}
}

size_t
bytes_begin(struct bytes *b, size_t bytes)
{
	bytes_number(b, 0, bytes);
	return (b->b_len);
}

void
bytes_end(struct bytes *b, size_t start, size_t bytes)
{
	size_t	 end = b->b_len, n = end - start;

	b->b_len = start - bytes;
	bytes_number(b, n, bytes);
	b->b_len = end;
}

void
build_name(struct bytes *b, const void *name, size_t len)
{
	size_t	 list;

	list = bytes_begin(b, 2);
	bytes_number(b, 0, 1);
	bytes_number(b, len, 2);
	bytes_add(b, name, len);
	bytes_end(b, list, 2);
}

void
build_message(struct bytes *b, const struct ext *exts, size_t n)
{
	static const uint8_t	 suites[] = { 0x13, 0x01, 0xc0, 0x2f };
	size_t			 all, i, message;

	b->b_len = 0;
	bytes_number(b, 1, 1);
	message = bytes_begin(b, 3);
	bytes_number(b, 0x0303, 2);
	for (i = 0; i < 32; i++)
		bytes_number(b, i, 1);
	bytes_number(b, 0, 1);
	bytes_number(b, sizeof(suites), 2);
	bytes_add(b, suites, sizeof(suites));
	bytes_number(b, 0x0100, 2);
	all = bytes_begin(b, 2);
	for (i = 0; i < n; i++) {
		bytes_number(b, exts[i].e_type, 2);
		bytes_number(b, exts[i].e_len, 2);
		bytes_add(b, exts[i].e_data, exts[i].e_len);
	}
	bytes_end(b, all, 2);
	bytes_end(b, message, 3);
}

void
build_records(struct bytes *b, const struct bytes *message, size_t size)
{
	size_t	 len, off;

	b->b_len = 0;
	for (off = 0; off < message->b_len; off += len) {
		len = message->b_len - off;
		if (len > size)
			len = size;
		bytes_number(b, 0x160301, 3);
		bytes_number(b, len, 2);
		bytes_add(b, message->b_data + off, len);
	}
}

void
build_hello(struct bytes *b, const struct ext *exts, size_t n)
{
	static struct bytes	 message;

	build_message(&message, exts, n);
	build_records(b, &message, 16384);
}

static size_t
build_u16(const uint8_t *p)
{
	return ((size_t)p[0] << 8 | p[1]);
}

size_t
build_split(const struct bytes *b, struct ext *exts)
{
	const uint8_t	*end = b->b_data + b->b_len, *p;
	size_t		 n = 0;

	p = b->b_data + 5 + 4 + 2 + 32;
	p += 1 + *p;
	p += 2 + build_u16(p);
	p += 1 + *p;
	p += 2;
	while (p < end) {
		ATF_REQUIRE(n < BUILD_EXTS);
		exts[n].e_type = (unsigned int)build_u16(p);
		exts[n].e_len = build_u16(p + 2);
		exts[n].e_data = p + 4;
		p += 4 + exts[n++].e_len;
	}
	ATF_REQUIRE(p == end);
	return (n);
}
