/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef PROXYOUT_H
#define PROXYOUT_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>

/*
 * The PROXY header that tells a backend whose connection it gets.  Every
 * string of struct wire_established and a name of WIRE_SUBJECT fit.
 */

#define PROXYOUT_MAX	2048

/* A string may be NULL or "": not known, not sent. */
struct proxyout {
	/* NULL or not of the Internet: the header says that it is unknown. */
	const struct sockaddr	*po_src;
	const struct sockaddr	*po_dst;
	const char		*po_alpn;
	const char		*po_servername;
	const char		*po_version;	/* of TLS, and so the rest */
	const char		*po_cipher;
	const char		*po_cn;		/* the client certificate's */
	int			 po_verified;	/* there was one, and good */
	int			 po_tls;	/* it is a TLS connection */
};

/*
 * The length of the header in buf; 0 when it does not fit.  If only one address
 * is IPv4, it is sent as IPv6, mapped.
 */
size_t	 proxyout_v1(const struct proxyout *, uint8_t *, size_t);
size_t	 proxyout_v2(const struct proxyout *, uint8_t *, size_t);

#endif /* PROXYOUT_H */
