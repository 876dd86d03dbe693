/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef PROXY_H
#define PROXY_H

#include <sys/types.h>

#include <stdint.h>

/*
 * The PROXY header, version 1 or 2, that a trusted proxy sends before
 * anything else: whose connection it really is.
 */

#define PROXY_BLOCK	4096	/* at most, after the first 16 bytes */
#define PROXY_MAX	(16 + PROXY_BLOCK)	/* no header is longer */

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy {
	size_t		 px_used;	/* DONE: the bytes of the header */
	size_t		 px_more;	/* MORE: at least these are to come */
	/*
	 * AF_INET, AF_INET6, or AF_UNSPEC (LOCAL, UNKNOWN, another family):
	 * the connection's own addresses hold.
	 */
	int		 px_family;
	uint8_t		 px_src[16];	/* network order; IPv4: the first 4 */
	uint8_t		 px_dst[16];
	uint16_t	 px_srcport;	/* host order */
	uint16_t	 px_dstport;
	char		 px_why[128];	/* BAD: in words */
};

/*
 * What the bytes from the connection's first one say.  After MORE it is called
 * again with all of them and those that followed; who reads px_more bytes at
 * a time never takes one that belongs to TLS.
 */
enum proxy_result	 proxy_parse(const uint8_t *, size_t, struct proxy *);

#endif /* PROXY_H */
