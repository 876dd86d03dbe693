/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef STREAM_H
#define STREAM_H

#include <sys/types.h>

#include <openssl/evp.h>

#include <stddef.h>
#include <stdint.h>

#include "fake.h"

#define STREAM_CHUNK	16384

/* A run of bytes that does not repeat soon, and what became of it. */
struct stream {
	EVP_MD_CTX	*st_ctx;
	uint32_t	 st_seed;
	uint64_t	 st_bytes;
	size_t		 st_left;	/* of st_buf, to be sent */
	uint8_t		 st_buf[STREAM_CHUNK];
};

void		 stream_start(struct stream *);
void		 stream_add(struct stream *, const void *, size_t);
void		 stream_fill(struct stream *);
/* So much of the chunk has gone. */
size_t		 stream_sent(struct stream *, size_t);
/* That both have seen the same; the end of them. */
void		 stream_equal(struct stream *, struct stream *);
/* The rest of the chunk, as far as it goes: TLS wants the same bytes. */
size_t		 stream_client(struct stream *, struct client *);
size_t		 stream_backend(struct stream *, int);

#endif /* STREAM_H */
