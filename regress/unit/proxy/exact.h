/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef EXACT_H
#define EXACT_H

#include "session.h"

/* exact.c: proxyin_parse() on a buffer that ends where the bytes do. */
enum proxyin_result	 parse(const void *, size_t, struct proxyin *);

/* goods.c: headers as they should be, of every kind. */
#define SIG	"\r\n\r\n\0\r\nQUIT\n"
#define A4	"\300\0\2\1" "\306\063\144\2" "\303\120" "\001\273"
#define A6	"\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\1" \
		"\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\2" \
		"\303\120" "\001\273"
#define M6	"\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1" \
		"\0\0\0\0\0\0\0\0\0\0\377\377\306\063\144\2" \
		"\303\120" "\001\273"
#define X108	"/var/run/x.sock\0" X16 X16 X16 X16 X16 "xxxxxxxxxxxx"
#define X16	"xxxxxxxxxxxxxxxx"

struct good {
	const char	*g_name;
	const char	*g_bytes;
	size_t		 g_len;
	int		 g_family;
	const char	*g_src;
	const char	*g_dst;
	uint16_t	 g_srcport;
	uint16_t	 g_dstport;
};

extern const struct good	 goods[];
extern const size_t		 ngoods;

#endif /* EXACT_H */
