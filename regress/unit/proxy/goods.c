/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "exact.h"

#define BYTES(s)	(s), sizeof(s) - 1
#define SRC4		"192.0.2.1"
#define DST4		"198.51.100.2"
#define SRC6		"2001:db8::1"
#define DST6		"2001:db8::2"
#define FULL6		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
#define NOWHERE		AF_UNSPEC, NULL, NULL, 0, 0

/* The checksums are from a program apart from this one. */
const struct good	 goods[] = {
	{ "v1 tcp4",
	    BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n"),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v1 tcp4 least",
	    BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"),
	    AF_INET, "0.0.0.0", "0.0.0.0", 0, 0 },
	{ "v1 tcp4 greatest",
	    BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	    AF_INET, "255.255.255.255", "255.255.255.255", 65535, 65535 },
	{ "v1 tcp6",
	    BYTES("PROXY TCP6 2001:db8::1 2001:DB8:0:0::2 50000 443\r\n"),
	    AF_INET6, SRC6, DST6, 50000, 443 },
	{ "v1 tcp6 least",
	    BYTES("PROXY TCP6 :: ::1 1 10\r\n"),
	    AF_INET6, "::", "::1", 1, 10 },
	{ "v1 tcp6 greatest",
	    BYTES("PROXY TCP6 " FULL6 " " FULL6 " 65535 65535\r\n"),
	    AF_INET6, FULL6, FULL6, 65535, 65535 },
	{ "v1 tcp6 zeros in front",
	    BYTES("PROXY TCP6 2001:0db8::0001 2001:0db8::0002 50000 443\r\n"),
	    AF_INET6, SRC6, DST6, 50000, 443 },
	{ "v1 tcp6 both mapped",
	    BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::FFFF:c633:6402 50000 443\r\n"),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v1 tcp6 one mapped",
	    BYTES("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 50000 443\r\n"),
	    AF_INET6, "::ffff:192.0.2.1", DST6, 50000, 443 },
	{ "v1 unknown", BYTES("PROXY UNKNOWN\r\n"), NOWHERE },
	{ "v1 unknown and a space", BYTES("PROXY UNKNOWN \r\n"), NOWHERE },
	{ "v1 unknown greatest",
	    BYTES("PROXY UNKNOWN " FULL6 " " FULL6 " 65535 65535\r\n"),
	    NOWHERE },
	{ "v1 unknown and anything",
	    BYTES("PROXY UNKNOWN \r \n \0\377\n\n\r\r\n"), NOWHERE },
	{ "v2 tcp4", BYTES(SIG "\x21\x11\0\x0c" A4),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v2 tcp6", BYTES(SIG "\x21\x21\0\x24" A6),
	    AF_INET6, SRC6, DST6, 50000, 443 },
	{ "v2 tcp6 both mapped", BYTES(SIG "\x21\x21\0\x24" M6),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v2 tcp4 noop", BYTES(SIG "\x21\x11\0\x0f" A4 "\4\0\0"),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v2 tcp4 checksum",
	    BYTES(SIG "\x21\x11\0\x13" A4 "\3\0\4\xa8\xf4\x07\xb1"),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v2 tcp4 noop checksum alpn", BYTES(SIG "\x21\x11\0\x1d" A4
	    "\4\0\2xx" "\3\0\4\x49\x70\xa7\xda" "\1\0\2h2"),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v2 tcp4 unknown types", BYTES(SIG "\x21\x11\0\x15" A4
	    "\0\0\0" "\377\0\0" "\356\0\0"),
	    AF_INET, SRC4, DST4, 50000, 443 },
	{ "v2 unix", BYTES(SIG "\x21\x31\0\xd8" X108 X108), NOWHERE },
	{ "v2 unix and more",
	    BYTES(SIG "\x21\x31\0\xdd" X108 X108 "\1\0\2h2"), NOWHERE },
	{ "v2 unspec", BYTES(SIG "\x21\0\0\0"), NOWHERE },
	{ "v2 unspec stream", BYTES(SIG "\x21\1\0\0"), NOWHERE },
	{ "v2 unspec and more", BYTES(SIG "\x21\0\0\5" "\1\0\2h2"), NOWHERE },
	{ "v2 local", BYTES(SIG "\x20\0\0\0"), NOWHERE },
	{ "v2 local tcp4", BYTES(SIG "\x20\x11\0\x0c" A4), NOWHERE },
	{ "v2 local datagram", BYTES(SIG "\x20\x12\0\x0c" A4), NOWHERE },
	{ "v2 local any family", BYTES(SIG "\x20\xff\0\0"), NOWHERE },
	{ "v2 local tcp6, short", BYTES(SIG "\x20\x21\0\1x"), NOWHERE },
	{ "v2 local, not TLVs", BYTES(SIG "\x20\0\0\4xxxx"), NOWHERE },
	{ "v2 local checksum",
	    BYTES(SIG "\x20\0\0\7" "\3\0\4\xa9\xb8\x7e\x8f"), NOWHERE },
};

const size_t	 ngoods = sizeof(goods) / sizeof(goods[0]);
