/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Errors in words for an administrator: from the TLS library's reason numbers,
 * which agree where its texts do not, and from what the peer sent first.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tls.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "compat.h"
#include "object.h"
#include "securetcp.h"

#define CLASSIFY_HEAD		5	/* bytes of a record's head */
#define CLASSIFY_ALERT		21	/* record types */
#define CLASSIFY_HANDSHAKE	22
#define CLASSIFY_ALERT_BASE	1000	/* reasons that stand for alerts */
#define CLASSIFY_FAILURE	40	/* alerts */
#define CLASSIFY_VERSION	70
#define CLASSIFY_INTERNAL	80

/* LibreSSL's, among others for a client without a common group. */
#ifndef SSL_R_UNKNOWN
#define SSL_R_UNKNOWN		-1
#endif

struct stranger {
	const char	*w_start;
	const char	*w_what;
};

struct alert {
	int		 al_number;
	const char	*al_name;
	int		 al_distrust;	/* our certificate will not do */
};

/* Only the first five bytes are read of what is not TLS. */
static const struct stranger	 classify_words[] = {
	{ "GET ", "an HTTP request" },
	{ "POST ", "an HTTP request" },
	{ "HEAD ", "an HTTP request" },
	{ "PUT ", "an HTTP request" },
	{ "OPTIO", "an HTTP request" },
	{ "DELET", "an HTTP request" },
	{ "PATCH", "an HTTP request" },
	{ "TRACE", "an HTTP request" },
	{ "CONNE", "an HTTP proxy request" },
	{ "PRI *", "HTTP/2" },
	{ "SSH-", "SSH" },
	{ "EHLO ", "SMTP" },
	{ "HELO ", "SMTP" },
	{ "PROXY", "a PROXY header" },
	{ "HTTP/", "an HTTP answer" },
	{ "220 ", "an SMTP or FTP greeting" },
	{ "220-", "an SMTP or FTP greeting" },
	{ "+OK", "a POP3 greeting" },
	{ "* OK", "an IMAP greeting" },
	{ "\r\n\r\n", "a PROXY header" }
};

static const struct alert	 classify_alerts[] = {
	{ 0, "close notify", 0 },
	{ 10, "unexpected message", 0 },
	{ 20, "bad record mac", 0 },
	{ 21, "decryption failed", 0 },
	{ 22, "record overflow", 0 },
	{ 30, "decompression failure", 0 },
	{ 40, "handshake failure", 0 },
	{ 41, "no certificate", 0 },
	{ 42, "bad certificate", 1 },
	{ 43, "unsupported certificate", 1 },
	{ 44, "certificate revoked", 1 },
	{ 45, "certificate expired", 1 },
	{ 46, "certificate unknown", 1 },
	{ 47, "illegal parameter", 0 },
	{ 48, "unknown ca", 1 },
	{ 49, "access denied", 0 },
	{ 50, "decode error", 0 },
	{ 51, "decrypt error", 0 },
	{ 60, "export restriction", 0 },
	{ 70, "protocol version", 0 },
	{ 71, "insufficient security", 0 },
	{ 80, "internal error", 0 },
	{ 86, "inappropriate fallback", 0 },
	{ 90, "user canceled", 0 },
	{ 100, "no renegotiation", 0 },
	{ 109, "missing extension", 0 },
	{ 110, "unsupported extension", 0 },
	{ 111, "certificate unobtainable", 1 },
	{ 112, "unrecognized name", 0 },
	{ 113, "bad certificate status response", 1 },
	{ 114, "bad certificate hash value", 1 },
	{ 115, "unknown psk identity", 0 },
	{ 116, "certificate required", 0 },
	{ 120, "no application protocol", 0 }
};

static int	 classify_received(void);
static int	 classify_heard(const struct securetcp *, unsigned long);
static void	 classify_alert(struct securetcp *, int);
static int	 classify_is_tls(const struct securetcp *);
static void	 classify_stranger(struct securetcp *);
static int	 classify_vanished(struct securetcp *);
static const char *classify_offer(const struct securetcp *);
static void	 classify_negotiation(struct securetcp *, unsigned long);
static int	 classify_is_version(const struct securetcp *, unsigned long);
static const char *classify_text(const struct securetcp *, unsigned long);

/*
 * True when the TLS library has no reason of its own: none at all, or the
 * system's error, which LibreSSL adds to what the socket's callbacks met.
 */
int
stcp_classify_silent(void)
{
	unsigned long	 error = ERR_peek_error();

	return (error == 0 || ERR_GET_LIB(error) == ERR_LIB_SYS);
}

int
stcp_classify_handshake(struct securetcp *s, int hook)
{
	unsigned long	 error = ERR_peek_error();
	int		 alert = classify_heard(s, error);

	if (hook) {
		stcp_object_say(s, "the private key's signer gave no usable "
		    "signature");
		return (ptNoCertificate);
	}
	if (s->st_unwanted) {
		stcp_object_say(s, "what the peer sent is not wanted");
		return (ptProtocol);
	}
	if (s->st_noalpn) {
		stcp_object_say(s, "no common application protocol");
		return (ptProtocol);
	}
	if (s->st_firstlen >= CLASSIFY_HEAD && !classify_is_tls(s)) {
		classify_stranger(s);
		return (ptProtocol);
	}
	if (alert != -1) {
		classify_alert(s, alert);
		return (ptProtocol);
	}
	if (s->st_eof || s->st_readerror != 0 ||
	    (s->st_writeerror != 0 && stcp_classify_silent()))
		return (classify_vanished(s));
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) ==
	    SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
		stcp_object_say(s, "the client has sent no certificate");
		return (ptAuthentication);
	}
	classify_negotiation(s, error);
	return (ptProtocol);
}

/* After connected. */
int
stcp_classify_error(struct securetcp *s)
{
	unsigned long	 error = ERR_peek_error();
	int		 alert = classify_heard(s, error);

	if (alert != -1)
		classify_alert(s, alert);
	else
		stcp_object_say(s, "malformed or unexpected TLS from the "
		    "peer: %s", classify_text(s, error));
	return (ptProtocol);
}

/*
 * LibreSSL gives such a reason also to an alert that it sends, but adds the
 * number in words to one that it has received.
 */
#ifdef LIBRESSL_VERSION_NUMBER

static int
classify_received(void)
{
	const char	*data = NULL;
	int		 flags = 0;

	(void)ERR_peek_error_line_data(NULL, NULL, &data, &flags);
	return ((flags & ERR_TXT_STRING) != 0 && data != NULL &&
	    strncmp(data, "SSL alert number", 16) == 0);
}

#else

static int
classify_received(void)
{
	return (1);
}

#endif

/* The peer's; -1: none. */
static int
classify_heard(const struct securetcp *s, unsigned long error)
{
	int	 reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    reason >= CLASSIFY_ALERT_BASE &&
	    reason < CLASSIFY_ALERT_BASE + 256 && classify_received())
		return (reason - CLASSIFY_ALERT_BASE);
	/* LibreSSL does not take one in clear once there are keys. */
	return (s->st_heard == 0 ? -1 : s->st_heard);
}

static void
classify_alert(struct securetcp *s, int number)
{
	size_t	 i;

	for (i = 0; i < nitems(classify_alerts); i++) {
		if (classify_alerts[i].al_number != number)
			continue;
		stcp_object_say(s, "peer's alert: %s",
		    classify_alerts[i].al_name);
		s->st_distrust = classify_alerts[i].al_distrust;
		return;
	}
	stcp_object_say(s, "peer's alert: number %d", number);
}

/* A record of version 3, or a ClientHello in the framing of SSL 2. */
static int
classify_is_tls(const struct securetcp *s)
{
	const uint8_t	*b = s->st_first;

	if (b[0] == CLASSIFY_HANDSHAKE || b[0] == CLASSIFY_ALERT)
		return (b[1] == 3);
	return (0);
}

static void
classify_stranger(struct securetcp *s)
{
	const uint8_t	*b = s->st_first;
	size_t		 i, len;

	for (i = 0; i < nitems(classify_words); i++) {
		len = strlen(classify_words[i].w_start);
		if (memcmp(b, classify_words[i].w_start, len) == 0) {
			stcp_object_say(s, "not TLS: the peer sent %s",
			    classify_words[i].w_what);
			return;
		}
	}
	if ((b[0] & 0x80) != 0 && b[2] == 1) {
		stcp_object_say(s, "the peer offers SSL 2 only, or in its "
		    "framing");
		return;
	}
	/* The length of its first message, and what may stand behind it. */
	if (b[0] == 0 && b[1] == 0 && (memcmp(b, "\0\0\0\010\004",
	    CLASSIFY_HEAD) == 0 || (b[4] == 0 && (b[2] << 8 | b[3]) > 8))) {
		stcp_object_say(s, "not TLS: the peer sent a start of "
		    "PostgreSQL%s", b[4] == 0 ? "" : " (SSLRequest)");
		return;
	}
	if (b[0] == 3 && b[1] == 0) {
		stcp_object_say(s, "not TLS: the peer sent RDP or another TPKT "
		    "protocol");
		return;
	}
	for (i = 0; i < CLASSIFY_HEAD; i++) {
		if (b[i] != '\r' && b[i] != '\n' && b[i] != '\t' &&
		    (b[i] < ' ' || b[i] > '~'))
			break;
	}
	stcp_object_say(s, "not TLS: the peer sent %s beginning with "
	    "%02x %02x %02x %02x %02x",
	    i == CLASSIFY_HEAD ? "plain text" : "something", b[0], b[1], b[2],
	    b[3], b[4]);
}

static int
classify_vanished(struct securetcp *s)
{
	int	 error;

	error = s->st_readerror != 0 ? s->st_readerror : s->st_writeerror;
	if (s->st_firstlen == 0) {
		stcp_object_say(s, "the peer left without sending anything");
		return (ptOk);
	}
	stcp_object_say(s, "the peer left in the middle of the handshake: %s",
	    error == 0 ? "end of file" : strerror(error));
	return (ptConnectionAborted);
}

/* The version field of the ClientHello; NULL for 1.2, which 1.3 says too. */
static const char *
classify_offer(const struct securetcp *s)
{
	const uint8_t	*b = s->st_first;

	if (s->st_firstlen < 11 || b[0] != CLASSIFY_HANDSHAKE || b[5] != 1 ||
	    b[9] != 3)
		return (NULL);
	switch (b[10]) {
	case 0:
		return ("SSL 3");
	case 1:
		return ("TLS 1.0");
	case 2:
		return ("TLS 1.1");
	default:
		return (NULL);
	}
}

static void
classify_negotiation(struct securetcp *s, unsigned long error)
{
	const char	*offer = classify_offer(s);

	if (classify_is_version(s, error)) {
		if (offer != NULL)
			stcp_object_say(s, "no common protocol version: the "
			    "peer offers at most %s", offer);
		else
			stcp_object_say(s, "no common protocol version");
	} else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) == SSL_R_NO_SHARED_CIPHER)
		stcp_object_say(s, "no common cipher suite");
	else if (s->st_alert == CLASSIFY_FAILURE)
		stcp_object_say(s, "nothing acceptable in what the peer "
		    "offers: %s", classify_text(s, error));
	else if (ERR_GET_REASON(error) == SSL_R_UNKNOWN)
		stcp_object_say(s, "malformed or unexpected TLS from the "
		    "peer, or no group in common: the TLS library gives no "
		    "reason");
	else if (s->st_alert == CLASSIFY_INTERNAL)
		stcp_object_say(s, "internal error of the TLS library: %s",
		    classify_text(s, error));
	else
		stcp_object_say(s, "malformed or unexpected TLS from the "
		    "peer: %s", classify_text(s, error));
}

static int
classify_is_version(const struct securetcp *s, unsigned long error)
{
	if (s->st_alert == CLASSIFY_VERSION)
		return (1);
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return (0);
	switch (ERR_GET_REASON(error)) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_VERSION_TOO_LOW:
		return (1);
	default:
		return (0);
	}
}

/* libtls itself looks at certificates, and leaves no number then. */
static const char *
classify_text(const struct securetcp *s, unsigned long error)
{
	const char	*text;

	text = error == 0 ? tls_error(s->st_tls) :
	    ERR_reason_error_string(error);
	return (text == NULL ? "the TLS library gives no reason" : text);
}
