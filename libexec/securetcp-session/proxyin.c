/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "match.h"
#include "session.h"

#define V1_MAX		107	/* a line, with its CRLF */
#define V1_LEAST	15	/* "PROXY UNKNOWN\r\n" */
#define V1_FAMILY	6	/* where it begins, after "PROXY " */
#define V1_TCP		11	/* the addresses, after "TCP4 " */
#define V1_UNKNOWN	13	/* what is ignored, after "UNKNOWN" */

#define V2_COMMAND	12	/* offsets, after the signature */
#define V2_FAMILY	13
#define V2_LENGTH	14
#define V2_FIXED	16
#define V2_LOCAL	0x20	/* version and command */
#define V2_PROXY	0x21
#define V2_UNSPEC	0x00	/* family and transport */
#define V2_TCP4		0x11
#define V2_TCP6		0x21
#define V2_STREAM	0x01
#define V2_DGRAM	0x02
#define V2_CRC32C	0x03	/* a type of TLV */

#define CRC32C_POLY	0x82f63b78U	/* Castagnoli's, bits reversed */

static enum proxyin_result	 bad(struct proxyin *, const char *, ...)
				    __attribute__((format(printf, 2, 3)));
static enum proxyin_result	 v1_parse(struct proxyin *, const uint8_t *,
				    size_t);
static enum proxyin_result	 v2_parse(struct proxyin *, const uint8_t *,
				    size_t);

static const uint8_t	 v1_head[] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
static const uint8_t	 v2_head[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
			    0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

static enum proxyin_result
bad(struct proxyin *px, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(px->px_why, sizeof(px->px_why), fmt, ap);
	va_end(ap);
	return (PROXYIN_BAD);
}

static enum proxyin_result
more(struct proxyin *px, size_t n)
{
	px->px_more = n;
	return (PROXYIN_MORE);
}

/* Whether what came so far is that, or may become it. */
static int
begins(const uint8_t *buf, size_t len, const void *what, size_t n)
{
	return (memcmp(buf, what, len < n ? len : n) == 0);
}

static int
is_http(const uint8_t *buf, size_t len)
{
	static const char	*methods[] = { "GET ", "HEAD ", "POST ",
				    "PUT ", "OPTIONS ", "CONNECT ", "PRI " };
	size_t			 i, n;

	for (i = 0; i < nitems(methods); i++) {
		n = strlen(methods[i]);
		if (len >= n && memcmp(buf, methods[i], n) == 0)
			return (1);
	}
	return (0);
}

/* The administrator of the other end wants to know what it sends instead. */
static enum proxyin_result
no_header(struct proxyin *px, const uint8_t *buf, size_t len)
{
	char	 seen[48];
	size_t	 i;

	for (i = 0; i < len && i < 16; i++) {
		if (buf[i] < ' ' || buf[i] > '~')
			break;
	}
	if (buf[0] == 0x16)
		(void)snprintf(seen, sizeof(seen), "a TLS handshake");
	else if (buf[0] >= 0x14 && buf[0] <= 0x17)
		(void)snprintf(seen, sizeof(seen), "a TLS record");
	else if (is_http(buf, len))
		(void)snprintf(seen, sizeof(seen), "an HTTP request");
	else if (i > 0)
		(void)snprintf(seen, sizeof(seen), "\"%.*s\"", (int)i,
		    (const char *)buf);
	else if (len >= 4)
		(void)snprintf(seen, sizeof(seen), "bytes %02x %02x %02x %02x",
		    buf[0], buf[1], buf[2], buf[3]);
	else
		(void)snprintf(seen, sizeof(seen), "a byte %02x", buf[0]);
	return (bad(px, "no PROXY header: %s came where a PROXY header was "
	    "expected", seen));
}

/* A proxy with one kind of socket for both families names IPv4 like this. */
static void
unmap(struct proxyin *px)
{
	if (px->px_family != AF_INET6 || !match_mapped(px->px_src) ||
	    !match_mapped(px->px_dst))
		return;
	px->px_family = AF_INET;
	memcpy(px->px_src, px->px_src + 12, 4);
	memcpy(px->px_dst, px->px_dst + 12, 4);
	memset(px->px_src + 4, 0, 12);
	memset(px->px_dst + 4, 0, 12);
}

enum proxyin_result
proxyin_parse(const uint8_t *buf, size_t len, struct proxyin *px)
{
	memset(px, 0, sizeof(*px));
	px->px_family = AF_UNSPEC;
	if (len == 0)
		return (more(px, V1_LEAST));
	if (begins(buf, len, v1_head, sizeof(v1_head)))
		return (v1_parse(px, buf, len));
	if (begins(buf, len, v2_head, sizeof(v2_head)))
		return (v2_parse(px, buf, len));
	return (no_header(px, buf, len));
}

/*
 * Version 1: a line of text.
 */

static enum proxyin_result
v1_more(struct proxyin *px, const uint8_t *buf, size_t len)
{
	if (len >= V1_MAX)
		return (bad(px, "PROXY v1: no CRLF in its first %d bytes",
		    V1_MAX));
	if (len + 2 < V1_LEAST)
		return (more(px, V1_LEAST - len));
	return (more(px, buf[len - 1] == '\r' ? 1 : 2));
}

static enum proxyin_result
v1_unknown(struct proxyin *px, const uint8_t *buf, size_t len)
{
	size_t	 i, max = len < V1_MAX ? len : V1_MAX;

	if (len > V1_UNKNOWN && buf[V1_UNKNOWN] != ' ' &&
	    !begins(buf + V1_UNKNOWN, len - V1_UNKNOWN, "\r\n", 2))
		return (bad(px, "PROXY v1: neither a space nor CRLF after "
		    "UNKNOWN"));
	for (i = V1_UNKNOWN; i + 1 < max; i++) {
		if (buf[i] == '\r' && buf[i + 1] == '\n') {
			px->px_used = i + 2;
			return (PROXYIN_DONE);
		}
	}
	return (v1_more(px, buf, len));
}

/* No number of a dotted quad begins with a zero: it might mean octal. */
static int
v1_octal(const char *text)
{
	const char	*p, *quad;

	if (strchr(text, '.') == NULL)
		return (0);
	quad = (p = strrchr(text, ':')) == NULL ? text : p + 1;
	for (p = quad; *p != '\0'; p++) {
		if (*p == '0' && (p == quad || p[-1] == '.') &&
		    p[1] >= '0' && p[1] <= '9')
			return (1);
	}
	return (0);
}

static int
v1_address(struct proxyin *px, const char *text, uint8_t *addr)
{
	if (!v1_octal(text) && inet_pton(px->px_family, text, addr) == 1)
		return (0);
	(void)bad(px, "PROXY v1: \"%.48s\" is not an %s address", text,
	    px->px_family == AF_INET ? "IPv4" : "IPv6");
	return (-1);
}

static int
v1_port(struct proxyin *px, const char *text, uint16_t *port)
{
	uint32_t	 n = 0;
	size_t		 i;

	for (i = 0; i < 5 && text[i] >= '0' && text[i] <= '9'; i++)
		n = n * 10 + (uint32_t)(text[i] - '0');
	if (i == 0 || text[i] != '\0' || n > UINT16_MAX ||
	    (text[0] == '0' && i > 1)) {
		(void)bad(px, "PROXY v1: \"%.48s\" is not a port", text);
		return (-1);
	}
	*port = (uint16_t)n;
	return (0);
}

static enum proxyin_result
v1_fields(struct proxyin *px, char *line)
{
	char	*field[4];
	size_t	 i;

	for (i = 0; i < 4; i++) {
		if ((field[i] = strsep(&line, " ")) == NULL)
			return (bad(px, "PROXY v1: %zu fields instead of two "
			    "addresses and two ports", i));
	}
	if (line != NULL)
		return (bad(px, "PROXY v1: more than two addresses and two "
		    "ports"));
	if (v1_address(px, field[0], px->px_src) == -1 ||
	    v1_address(px, field[1], px->px_dst) == -1 ||
	    v1_port(px, field[2], &px->px_srcport) == -1 ||
	    v1_port(px, field[3], &px->px_dstport) == -1)
		return (PROXYIN_BAD);
	unmap(px);
	return (PROXYIN_DONE);
}

static enum proxyin_result
v1_tcp(struct proxyin *px, const uint8_t *buf, size_t len)
{
	char	 line[V1_MAX];
	size_t	 i, max = len < V1_MAX ? len : V1_MAX;

	for (i = V1_TCP; i < max && buf[i] != '\r'; i++) {
		if (buf[i] == '\0' ||
		    strchr(" .:0123456789abcdefABCDEF", buf[i]) == NULL)
			return (bad(px, "PROXY v1: a byte %02x among "
			    "addresses and ports", buf[i]));
	}
	if (i + 1 >= max)
		return (v1_more(px, buf, len));
	if (buf[i + 1] != '\n')
		return (bad(px, "PROXY v1: CR without LF"));
	px->px_used = i + 2;
	memcpy(line, buf + V1_TCP, i - V1_TCP);
	line[i - V1_TCP] = '\0';
	return (v1_fields(px, line));
}

static enum proxyin_result
v1_parse(struct proxyin *px, const uint8_t *buf, size_t len)
{
	const uint8_t	*family = buf + V1_FAMILY;
	size_t		 n;

	if (len <= V1_FAMILY)
		return (v1_more(px, buf, len));
	n = len - V1_FAMILY;
	if (begins(family, n, "UNKNOWN", 7))
		return (v1_unknown(px, buf, len));
	if (!begins(family, n, "TCP4 ", 5) && !begins(family, n, "TCP6 ", 5))
		return (bad(px, "PROXY v1: neither TCP4, TCP6 nor UNKNOWN"));
	if (len <= V1_TCP)
		return (v1_more(px, buf, len));
	px->px_family = family[3] == '4' ? AF_INET : AF_INET6;
	return (v1_tcp(px, buf, len));
}

/*
 * Version 2: 16 bytes, addresses, TLVs.
 */

static uint16_t
get16(const uint8_t *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

static uint32_t
crc32c(uint32_t crc, const uint8_t *p, size_t len)
{
	int	 i;

	while (len-- > 0) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (CRC32C_POLY & (0 - (crc & 1)));
	}
	return (crc);
}

/* The checksum at crc covers the header, with zeros in its own place. */
static int
v2_checksum(const uint8_t *buf, size_t end, size_t crc)
{
	static const uint8_t	 zeros[4];
	uint32_t		 is, want;

	want = (uint32_t)get16(buf + crc) << 16 | get16(buf + crc + 2);
	is = crc32c(UINT32_MAX, buf, crc);
	is = crc32c(is, zeros, sizeof(zeros));
	is = crc32c(is, buf + crc + 4, end - crc - 4);
	return (~is == want);
}

/* NULL when all is TLVs from off to end, else what is wrong. */
static const char *
v2_tlvs(const uint8_t *buf, size_t off, size_t end, size_t *crc)
{
	size_t	 n;

	*crc = 0;
	while (off < end) {
		if (end - off < 3)
			return ("bytes left over after the last TLV");
		n = get16(buf + off + 1);
		if (n > end - off - 3)
			return ("a TLV reaches beyond the header");
		if (buf[off] == V2_CRC32C) {
			if (n != 4)
				return ("a checksum that is not 4 bytes long");
			if (*crc != 0)
				return ("a second checksum");
			*crc = off + 3;
		}
		off += 3 + n;
	}
	return (NULL);
}

/* The length of the addresses of a family. */
static size_t
v2_addrlen(uint8_t family)
{
	switch (family >> 4) {
	case 1:
		return (2 * 4 + 2 * 2);
	case 2:
		return (2 * 16 + 2 * 2);
	case 3:
		return (2 * 108);
	}
	return (0);
}

/* Only where a stream can have come from; or nothing is said about it. */
static int
v2_family(struct proxyin *px, uint8_t family)
{
	if (family == V2_UNSPEC)
		return (0);
	if ((family & 0x0f) == V2_DGRAM)
		(void)bad(px, "PROXY v2: datagrams, on a stream");
	else if ((family & 0x0f) != V2_STREAM)
		(void)bad(px, "PROXY v2: transport %u is not a stream",
		    family & 0x0fU);
	else if (family >> 4 > 3)
		(void)bad(px, "PROXY v2: unknown address family %u",
		    (unsigned int)family >> 4);
	else
		return (0);
	return (-1);
}

static void
v2_addresses(struct proxyin *px, const uint8_t *buf)
{
	const uint8_t	*p = buf + V2_FIXED;
	size_t		 n;

	switch (buf[V2_FAMILY]) {
	case V2_TCP4:
		px->px_family = AF_INET;
		n = 4;
		break;
	case V2_TCP6:
		px->px_family = AF_INET6;
		n = 16;
		break;
	default:
		return;
	}
	memcpy(px->px_src, p, n);
	memcpy(px->px_dst, p + n, n);
	px->px_srcport = get16(p + 2 * n);
	px->px_dstport = get16(p + 2 * n + 2);
	unmap(px);
}

/*
 * The header is whole.  In a LOCAL one nothing has to make sense, but where
 * it does, its checksum has to be right: it might have been another command.
 */
static enum proxyin_result
v2_block(struct proxyin *px, const uint8_t *buf, size_t end)
{
	const char	*why;
	size_t		 crc, off;

	off = V2_FIXED + v2_addrlen(buf[V2_FAMILY]);
	if (off > end)
		off = end;	/* LOCAL: v2_parse() saw to the other */
	why = v2_tlvs(buf, off, end, &crc);
	if (why != NULL && buf[V2_COMMAND] == V2_PROXY)
		return (bad(px, "PROXY v2: %s", why));
	if (why == NULL && crc != 0 && !v2_checksum(buf, end, crc))
		return (bad(px, "PROXY v2: wrong checksum"));
	if (buf[V2_COMMAND] == V2_PROXY)
		v2_addresses(px, buf);
	px->px_used = end;
	return (PROXYIN_DONE);
}

static enum proxyin_result
v2_parse(struct proxyin *px, const uint8_t *buf, size_t len)
{
	size_t	 n;

	if (len > V2_COMMAND && buf[V2_COMMAND] >> 4 != V2_PROXY >> 4)
		return (bad(px, "PROXY v2: version %u in place of 2",
		    (unsigned int)buf[V2_COMMAND] >> 4));
	if (len > V2_COMMAND && buf[V2_COMMAND] > V2_PROXY)
		return (bad(px, "PROXY v2: unknown command %u",
		    buf[V2_COMMAND] & 0x0fU));
	if (len > V2_FAMILY && buf[V2_COMMAND] == V2_PROXY &&
	    v2_family(px, buf[V2_FAMILY]) == -1)
		return (PROXYIN_BAD);
	if (len < V2_FIXED)
		return (more(px, V2_FIXED - len));

	n = get16(buf + V2_LENGTH);
	if (n > PROXYIN_BLOCK)
		return (bad(px, "PROXY v2: %zu bytes are more than %d", n,
		    PROXYIN_BLOCK));
	if (buf[V2_COMMAND] == V2_PROXY && n < v2_addrlen(buf[V2_FAMILY]))
		return (bad(px, "PROXY v2: %zu bytes are too few for its "
		    "addresses", n));
	if (len < V2_FIXED + n)
		return (more(px, V2_FIXED + n - len));
	return (v2_block(px, buf, V2_FIXED + n));
}
