/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The environment of a program: who has connected to what, and what TLS is
 * spoken.  Most of it is what a session claims, so that nothing of it is
 * taken for text before it is known to be.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "securetcpd.h"

#define ENVIRONMENT_PATH						\
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LAST_SECOND	253402300799	/* of the year 9999 */

static int	 add_byte(struct wire_run *, int);
static int	 add_name(struct wire_run *, const char *);
static int	 add_escaped(struct wire_run *, uint8_t);
static int	 add(struct wire_run *, const char *, const char *);
static int	 addf(struct wire_run *, const char *, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
static int	 add_address(struct wire_run *, const char *,
		    const struct sockaddr_storage *);
static int	 add_names(struct wire_run *, const char *, const char *, int);
static int	 add_time(struct wire_run *, const char *, uint64_t);
static int	 add_certificate(struct wire_run *,
		    const struct wire_established *);

static int
add_byte(struct wire_run *wrn, int byte)
{
	if (wrn->wrn_environment_len == sizeof(wrn->wrn_environment))
		return (-1);
	wrn->wrn_environment[wrn->wrn_environment_len++] = (uint8_t)byte;
	return (0);
}

/* Control characters have no business here: an honest session sends none. */
static int
add_escaped(struct wire_run *wrn, uint8_t byte)
{
	static const char	 hex[] = "0123456789ABCDEF";

	if (byte >= ' ' && byte != 0x7f)
		return (add_byte(wrn, byte));
	if (add_byte(wrn, '\\') == -1 || add_byte(wrn, hex[byte >> 4]) == -1)
		return (-1);
	return (add_byte(wrn, hex[byte & 0xf]));
}

static int
add_name(struct wire_run *wrn, const char *name)
{
	while (*name != '\0')
		if (add_byte(wrn, *name++) == -1)
			return (-1);
	return (add_byte(wrn, '='));
}

/* A variable without a value is left out. */
static int
add(struct wire_run *wrn, const char *name, const char *value)
{
	if (*value == '\0')
		return (0);
	if (add_name(wrn, name) == -1)
		return (-1);
	while (*value != '\0')
		if (add_escaped(wrn, (uint8_t)*value++) == -1)
			return (-1);
	return (add_byte(wrn, '\0'));
}

static int
addf(struct wire_run *wrn, const char *name, const char *fmt, ...)
{
	va_list	 ap;
	char	 value[64];

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return (add(wrn, name, value));
}

/* TCPLOCALIP and TCPLOCALPORT, or the same with REMOTE. */
static int
add_address(struct wire_run *wrn, const char *name,
    const struct sockaddr_storage *ss)
{
	char		 host[NI_MAXHOST], port[NI_MAXSERV], variable[32];
	socklen_t	 len;

	switch (ss->ss_family) {
	case AF_INET:
		len = sizeof(struct sockaddr_in);
		break;
	case AF_INET6:
		len = sizeof(struct sockaddr_in6);
		break;
	default:
		return (0);
	}
	if (getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return (0);
	(void)snprintf(variable, sizeof(variable), "%sIP", name);
	if (add(wrn, variable, host) == -1)
		return (-1);
	(void)snprintf(variable, sizeof(variable), "%sPORT", name);
	return (add(wrn, variable, port));
}

/*
 * A name a line becomes a list with commas; one in a name gets a backslash.
 * Dots at its end stand for those that are left out.
 */
static int
add_names(struct wire_run *wrn, const char *name, const char *lines, int cut)
{
	static const char	 dots[] = "...";
	size_t			 i;

	if (*lines == '\0' && !cut)
		return (0);
	if (add_name(wrn, name) == -1)
		return (-1);
	for (i = 0; lines[i] != '\0'; i++) {
		if (lines[i] == '\n') {
			if (lines[i + 1] != '\0' && add_byte(wrn, ',') == -1)
				return (-1);
			continue;
		}
		if ((lines[i] == ',' || lines[i] == '\\') &&
		    add_byte(wrn, '\\') == -1)
			return (-1);
		if (add_escaped(wrn, (uint8_t)lines[i]) == -1)
			return (-1);
	}
	if (cut && i > 0 && add_byte(wrn, ',') == -1)
		return (-1);
	for (i = 0; cut && dots[i] != '\0'; i++)
		if (add_byte(wrn, dots[i]) == -1)
			return (-1);
	return (add_byte(wrn, '\0'));
}

static int
add_time(struct wire_run *wrn, const char *name, uint64_t when)
{
	struct tm	 tm;
	time_t		 t = (time_t)when;
	char		 text[32];

	if (when > LAST_SECOND || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return (0);
	return (add(wrn, name, text));
}

static int
add_certificate(struct wire_run *wrn, const struct wire_established *wh)
{
	if (!wh->wh_peer)
		return (0);
	if (add(wrn, "SSL_PEER_CERT_HASH", wh->wh_hash) == -1 ||
	    add(wrn, "SSL_PEER_CERT_SUBJECT", wh->wh_subject) == -1 ||
	    add(wrn, "SSL_PEER_CERT_ISSUER", wh->wh_issuer) == -1 ||
	    add_names(wrn, "SSL_PEER_CERT_SAN", wh->wh_san,
	    wh->wh_peer & WIRE_PEER_NAMES) == -1)
		return (-1);
	return (add_time(wrn, "SSL_PEER_CERT_NOTAFTER", wh->wh_notafter));
}

/*
 * Fills in the environment of the RUN: 0, or -1 when there is no room for
 * it, which what an honest session can say always has.  The addresses are
 * the local one and the peer's, and are left out where their family is not
 * IP's; so is every variable that has no value.
 */
int
environment_make(struct wire_run *wrn, uint64_t session,
    const struct sockaddr_storage *local, const struct sockaddr_storage *peer,
    const struct wire_established *wh)
{
	wrn->wrn_environment_len = 0;
	if (add(wrn, "PATH", ENVIRONMENT_PATH) == -1 ||
	    add(wrn, "PROTO", "TLS") == -1 ||
	    addf(wrn, "SECURETCP_SESSION", "%llu",
	    (unsigned long long)session) == -1 ||
	    add_address(wrn, "TCPLOCAL", local) == -1 ||
	    add_address(wrn, "TCPREMOTE", peer) == -1 ||
	    add(wrn, "SSL_PROTOCOL", wh->wh_version) == -1 ||
	    add(wrn, "SSL_CIPHER", wh->wh_cipher) == -1 ||
	    add(wrn, "SSL_TLS_SNI_SERVERNAME", wh->wh_servername) == -1 ||
	    add(wrn, "SSL_ALPN", wh->wh_alpn) == -1)
		return (-1);
	return (add_certificate(wrn, wh));
}
