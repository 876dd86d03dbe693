/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* ClientHellos to order, well formed or not. */

#ifndef BUILD_H
#define BUILD_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define BYTES_MAX	1048576
#define BUILD_EXTS	128

struct bytes {
	size_t		 b_len;
	uint8_t		 b_data[BYTES_MAX];
};

struct ext {
	unsigned int	 e_type;
	size_t		 e_len;
	const void	*e_data;
};

void		 bytes_add(struct bytes *, const void *, size_t);
void		 bytes_number(struct bytes *, size_t, size_t);
/* Leaves room for a length of so many bytes; the second one fills it in. */
size_t		 bytes_begin(struct bytes *, size_t);
void		 bytes_end(struct bytes *, size_t, size_t);

/* A server name extension's content, with one name. */
void		 build_name(struct bytes *, const void *, size_t);
/* A message with these extensions, all headers but the record's. */
void		 build_message(struct bytes *, const struct ext *, size_t);
/* The message in records of so many bytes of it, the last one shorter. */
void		 build_records(struct bytes *, const struct bytes *, size_t);
/* Both, in one record. */
void		 build_hello(struct bytes *, const struct ext *, size_t);
/* The extensions of what build_hello() or a TLS library has made. */
size_t		 build_split(const struct bytes *, struct ext *);

#endif /* BUILD_H */
