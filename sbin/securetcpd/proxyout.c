/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proxyout.h"

#define V1_MAX		107	/* a line, with its CRLF */

#define V2_LENGTH	14	/* where it stands: of all after V2_FIXED */
#define V2_FIXED	16
#define V2_LOCAL	0x20	/* version and command */
#define V2_PROXY	0x21
#define V2_UNSPEC	0x00	/* family and transport */
#define V2_TCP4		0x11
#define V2_TCP6		0x21

#define TLV_ALPN	0x01
#define TLV_AUTHORITY	0x02
#define TLV_SSL		0x20
#define TLV_SSL_VERSION	0x21	/* within TLV_SSL */
#define TLV_SSL_CN	0x22
#define TLV_SSL_CIPHER	0x23

#define CLIENT_SSL	0x01	/* the first byte of TLV_SSL */
#define CLIENT_CONN	0x02	/* a certificate, in this connection */
#define CLIENT_SESS	0x04	/* a certificate, in this TLS session */

struct ends {
	int		 e_family;	/* of both; AF_UNSPEC: unknown */
	uint8_t		 e_src[16];
	uint8_t		 e_dst[16];
	uint16_t	 e_srcport;	/* host order */
	uint16_t	 e_dstport;
};

struct out {
	uint8_t		*o_buf;
	size_t		 o_size;
	size_t		 o_len;
	int		 o_full;	/* something did not fit */
};

/*
 * The addresses.
 */

static int
end_get(const struct sockaddr *sa, uint8_t *addr, uint16_t *port)
{
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;

	if (sa == NULL)
		return (AF_UNSPEC);
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		memcpy(addr, &in.sin_addr, 4);
		*port = ntohs(in.sin_port);
		return (AF_INET);
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		memcpy(addr, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
		return (AF_INET6);
	}
	return (AF_UNSPEC);
}

static void
end_map(uint8_t *addr)
{
	memcpy(addr + 12, addr, 4);
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
}

static void
ends_get(struct ends *e, const struct proxyout *po)
{
	int	 dst, src;

	memset(e, 0, sizeof(*e));
	src = end_get(po->po_src, e->e_src, &e->e_srcport);
	dst = end_get(po->po_dst, e->e_dst, &e->e_dstport);
	if (src == AF_UNSPEC || dst == AF_UNSPEC) {
		e->e_family = AF_UNSPEC;
		return;
	}
	e->e_family = src;
	if (src == dst)
		return;
	end_map(src == AF_INET ? e->e_src : e->e_dst);
	e->e_family = AF_INET6;
}

size_t
proxyout_v1(const struct proxyout *po, uint8_t *buf, size_t size)
{
	struct ends	 e;
	char		 dst[INET6_ADDRSTRLEN], src[INET6_ADDRSTRLEN];
	char		 line[V1_MAX + 1];
	int		 n;

	ends_get(&e, po);
	if (e.e_family == AF_UNSPEC)
		n = snprintf(line, sizeof(line), "PROXY UNKNOWN\r\n");
	else if (inet_ntop(e.e_family, e.e_src, src, sizeof(src)) == NULL ||
	    inet_ntop(e.e_family, e.e_dst, dst, sizeof(dst)) == NULL)
		return (0);
	else
		n = snprintf(line, sizeof(line), "PROXY %s %s %s %u %u\r\n",
		    e.e_family == AF_INET ? "TCP4" : "TCP6", src, dst,
		    (unsigned int)e.e_srcport, (unsigned int)e.e_dstport);
	if (n <= 0 || (size_t)n >= sizeof(line) || (size_t)n > size)
		return (0);
	memcpy(buf, line, (size_t)n);
	return ((size_t)n);
}

/*
 * Version 2.
 */

static void
put(struct out *o, const void *data, size_t len)
{
	if (o->o_full || len > o->o_size - o->o_len) {
		o->o_full = 1;
		return;
	}
	memcpy(o->o_buf + o->o_len, data, len);
	o->o_len += len;
}

static void
put8(struct out *o, uint8_t n)
{
	put(o, &n, 1);
}

static void
put16(struct out *o, uint16_t n)
{
	uint8_t	 b[2];

	b[0] = (uint8_t)(n >> 8);
	b[1] = (uint8_t)n;
	put(o, b, sizeof(b));
}

/* The length in the two bytes at off is that of what follows from. */
static void
put_length(struct out *o, size_t off, size_t from)
{
	size_t	 len;

	if (o->o_full)
		return;
	len = o->o_len - from;
	if (len > UINT16_MAX) {
		o->o_full = 1;
		return;
	}
	o->o_buf[off] = (uint8_t)(len >> 8);
	o->o_buf[off + 1] = (uint8_t)len;
}

static int
known(const char *text)
{
	return (text != NULL && text[0] != '\0');
}

static void
put_text(struct out *o, uint8_t type, const char *text)
{
	size_t	 at = o->o_len;

	if (!known(text))
		return;
	put8(o, type);
	put16(o, 0);
	put(o, text, strlen(text));
	put_length(o, at + 1, at + 3);
}

static void
put_ssl(struct out *o, const struct proxyout *po)
{
	size_t	 at = o->o_len;
	uint8_t	 client = CLIENT_SSL;

	if (known(po->po_cn) || po->po_verified)
		client |= CLIENT_CONN | CLIENT_SESS;
	put8(o, TLV_SSL);
	put16(o, 0);
	put8(o, client);
	put16(o, 0);
	put16(o, po->po_verified ? 0 : 1);	/* 32 bits; 0 is success */
	put_text(o, TLV_SSL_VERSION, po->po_version);
	put_text(o, TLV_SSL_CN, po->po_cn);
	put_text(o, TLV_SSL_CIPHER, po->po_cipher);
	put_length(o, at + 1, at + 3);
}

static void
put_ends(struct out *o, const struct ends *e)
{
	size_t	 n = e->e_family == AF_INET ? 4 : 16;

	if (e->e_family == AF_UNSPEC)
		return;
	put(o, e->e_src, n);
	put(o, e->e_dst, n);
	put16(o, e->e_srcport);
	put16(o, e->e_dstport);
}

/*
 * The specification allows PROXY with UNSPEC as well for an unknown
 * connection, but haproxy refuses that; LOCAL has to be accepted.
 */
static void
put_family(struct out *o, int family)
{
	put8(o, family == AF_UNSPEC ? V2_LOCAL : V2_PROXY);
	switch (family) {
	case AF_INET:
		put8(o, V2_TCP4);
		return;
	case AF_INET6:
		put8(o, V2_TCP6);
		return;
	}
	put8(o, V2_UNSPEC);
}

size_t
proxyout_v2(const struct proxyout *po, uint8_t *buf, size_t size)
{
	static const uint8_t	 signature[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00,
				    0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };
	struct ends		 e;
	struct out		 o;

	ends_get(&e, po);
	memset(&o, 0, sizeof(o));
	o.o_buf = buf;
	o.o_size = size;
	put(&o, signature, sizeof(signature));
	put_family(&o, e.e_family);
	put16(&o, 0);
	put_ends(&o, &e);
	put_text(&o, TLV_ALPN, po->po_alpn);
	put_text(&o, TLV_AUTHORITY, po->po_servername);
	if (po->po_tls)
		put_ssl(&o, po);
	put_length(&o, V2_LENGTH, V2_FIXED);
	return (o.o_full ? 0 : o.o_len);
}
