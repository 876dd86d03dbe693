/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* CHECK, FINDING, CHECKED: questions in turn, each with its answer. */

#include <sys/types.h>

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tls.h>
#include <unistd.h>

#include <openssl/err.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "inspect.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"

#define INSPECT_MEMORY	1024	/* MB: a list of 64 MB, read and parsed */
#define INSPECT_MOST	100	/* findings of one file that are said */

static void	 inspect_next(struct inspection *);
static void	 inspect_forget(struct inspection *);
static void	 inspect_finding(struct inspection *, int, unsigned int,
		    const char *);
static void	 inspect_rest(struct inspection *);
static void	 inspect_answer(struct inspection *, int);
static void	 inspect_file(struct inspection *, int,
		    void (*)(struct inspection *, const void *, size_t));
static void	 inspect_protocol(struct inspection *);
static void	 inspect_setting(struct inspection *,
		    int (*)(struct securetcp_config *, const char *));

/*
 * Nothing is read before the sandbox is closed.  What a library would do
 * once, and there no more, is done here.
 */
void
inspect_run(struct imsgbuf *pipe, const struct wire_start *start)
{
	static struct inspection	 inspection;
	struct inspection		*in = &inspection;

	if (securetcp_warm() != ptOk)
		helper_fatal(pipe, "checker: TLS library: it cannot shake "
		    "hands with itself");
	tzset();
	if (privdrop_limits(start->ws_nofile, 1) == -1)
		helper_fatal(pipe, "checker: limits: %s", strerror(errno));
	helper_bound(pipe, INSPECT_MEMORY);
	helper_sandbox(pipe, start, SANDBOX_CHECKER);
	helper_ready(pipe, sandbox_name());
	in->in_pipe = pipe;
	TAILQ_INIT(&in->in_chains);
	TAILQ_INIT(&in->in_shown);
	for (;;)
		inspect_next(in);
}

static void
inspect_next(struct inspection *in)
{
	struct imsg	 imsg;
	int		 fd;

	helper_next(in->in_pipe, &imsg);
	if (imsg_get_type(&imsg) != WIRE_CHECK)
		helper_fatal(in->in_pipe, "checker: %s where CHECK was "
		    "expected", wire_name(imsg_get_type(&imsg)));
	fd = wire_fd(&imsg);
	helper_parse(in->in_pipe, &imsg, &in->in_asked, sizeof(in->in_asked));
	imsg_free(&imsg);
	if (!(in->in_asked.wqu_flags & WIRE_CHECK_MORE))
		inspect_forget(in);
	memset(&in->in_answer, 0, sizeof(in->in_answer));
	in->in_answer.wck_number = in->in_asked.wqu_number;
	in->in_answer.wck_since = in->in_answer.wck_until = WIRE_NEVER;
	in->in_findings = in->in_unsaid = 0;
	in->in_unsaid_bad = 0;
	inspect_answer(in, fd);
	ERR_clear_error();
	if (fd != -1)
		(void)close(fd);
	inspect_rest(in);
	if (wire_send(in->in_pipe, WIRE_CHECKED, -1, &in->in_answer,
	    sizeof(in->in_answer)) == -1)
		helper_fatal(in->in_pipe, "CHECKED: %s", strerror(errno));
	helper_flush(in->in_pipe);
}

/* What only a question that goes with the one before it is to see. */
static void
inspect_forget(struct inspection *in)
{
	TAILQ_INIT(&in->in_shown);
	X509_free(in->in_leaf);
	X509_free(in->in_issuer);
	in->in_leaf = in->in_issuer = NULL;
	bundle_free(&in->in_roots);
	memset(&in->in_roots, 0, sizeof(in->in_roots));
	in->in_rooted = 0;
}

static void
inspect_answer(struct inspection *in, int fd)
{
	switch (in->in_asked.wqu_kind) {
	case WIRE_CHECK_CHAIN:
		inspect_file(in, fd, inspect_chain);
		break;
	case WIRE_CHECK_STAPLE:
		inspect_file(in, fd, inspect_staple);
		break;
	case WIRE_CHECK_CA:
		inspect_file(in, fd, inspect_ca);
		break;
	case WIRE_CHECK_CRL:
		inspect_file(in, fd, inspect_crl);
		break;
	case WIRE_CHECK_PROTOCOL:
		inspect_protocol(in);
		break;
	case WIRE_CHECK_CIPHERS:
		inspect_setting(in, securetcp_config_set_ciphers);
		break;
	case WIRE_CHECK_CURVES:
		inspect_setting(in, securetcp_config_set_curves);
		break;
	case WIRE_CHECK_ALPN:
		inspect_setting(in, securetcp_config_set_alpn);
		break;
	case WIRE_CHECK_SHOWN:
		inspect_shown(in);
		break;
	default:
		helper_fatal(in->in_pipe, "checker: CHECK of an unknown kind "
		    "(%u)", in->in_asked.wqu_kind);
	}
}

static void
inspect_file(struct inspection *in, int fd,
    void (*inspect)(struct inspection *, const void *, size_t))
{
	uint8_t	*buf;
	size_t	 len;

	if (fd == -1)
		helper_fatal(in->in_pipe, "checker: CHECK %u came without its "
		    "file", in->in_asked.wqu_number);
	buf = config_load(in->in_pipe, "checker", "CHECK", fd, CONFIG_FILE_MAX,
	    &len);
	inspect(in, buf, len);
	free(buf);
}

static void
inspect_finding(struct inspection *in, int bad, unsigned int line,
    const char *text)
{
	struct wire_finding	 wfi;

	memset(&wfi, 0, sizeof(wfi));
	wfi.wfi_number = in->in_asked.wqu_number;
	wfi.wfi_flags = bad ? WIRE_FINDING_ERROR : 0;
	wfi.wfi_line = line;
	(void)strlcpy(wfi.wfi_text, text, sizeof(wfi.wfi_text));
	if (wire_send(in->in_pipe, WIRE_FINDING, -1, &wfi, sizeof(wfi)) == -1)
		helper_fatal(in->in_pipe, "FINDING: %s", strerror(errno));
}

/* A file of rubbish is wrong in every line: that is not said of each. */
static void
inspect_rest(struct inspection *in)
{
	char	 text[64];

	if (in->in_unsaid == 0)
		return;
	(void)snprintf(text, sizeof(text), ": and %u more, which are not "
	    "shown", in->in_unsaid);
	inspect_finding(in, in->in_unsaid_bad, 0, text);
}

static void
inspect_say(struct inspection *in, int bad, unsigned int line,
    const char *fmt, va_list ap)
{
	char	 text[WIRE_FINDING_TEXT];

	if (in->in_findings == INSPECT_MOST) {
		in->in_unsaid++;
		in->in_unsaid_bad |= bad;
		return;
	}
	in->in_findings++;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	inspect_finding(in, bad, line, text);
}

void
inspect_error(struct inspection *in, unsigned int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	inspect_say(in, 1, line, fmt, ap);
	va_end(ap);
}

void
inspect_warning(struct inspection *in, unsigned int line, const char *fmt,
    ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	inspect_say(in, 0, line, fmt, ap);
	va_end(ap);
}

/* What reads a file says of a line what it is, and of the file what it does. */
static void
inspect_told(void *arg, int bad, unsigned int line, const char *text)
{
	const char	*colon = line == 0 ? "" : ":";

	if (bad)
		inspect_error(arg, line, "%s %s", colon, text);
	else
		inspect_warning(arg, line, "%s %s", colon, text);
}

int
inspect_bundle(struct inspection *in, struct bundle *bu,
    enum bundle_kind kind, const void *buf, size_t len)
{
	memset(bu, 0, sizeof(*bu));
	bu->bu_say = inspect_told;
	bu->bu_arg = in;
	return (bundle_read(bu, kind, buf, len));
}

time_t
inspect_time(const ASN1_TIME *t)
{
	struct tm	 tm;

	memset(&tm, 0, sizeof(tm));
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return (-1);
	return (timegm(&tm));
}

const char *
inspect_date(time_t when, char *buf, size_t size)
{
	struct tm	*tm;

	if ((tm = gmtime(&when)) == NULL ||
	    strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", tm) == 0)
		(void)strlcpy(buf, "an impossible date", size);
	return (buf);
}

/* The list has this word, whatever its case. */
static int
protocol_has(const char *list, const char *word)
{
	size_t	 len;

	for (;; list += len + 1) {
		list += strspn(list, " \t");
		len = strcspn(list, ",:");
		if (len == strlen(word) && strncasecmp(list, word, len) == 0)
			return (1);
		if (list[len] == '\0')
			return (0);
	}
}

/*
 * libtls has come to take the names of old versions for TLS 1.2, which would
 * be served to who never asked for it, and refused by who forbade TLS 1.1.
 */
static int
protocol_forbidden(const char *list)
{
	uint32_t	 meant;

	return ((protocol_has(list, "!tlsv1.0") ||
	    protocol_has(list, "!tlsv1.1")) &&
	    tls_config_parse_protocols(&meant, "tlsv1.1") == 0 &&
	    meant == TLS_PROTOCOL_TLSv1_2);
}

/* Signers know the signatures of TLS 1.2 and 1.3, not those before. */
static void
inspect_protocol(struct inspection *in)
{
	const char	*list = in->in_asked.wqu_text;
	uint32_t	 known = TLS_PROTOCOL_TLSv1_2 | TLS_PROTOCOL_TLSv1_3;
	uint32_t	 meant;

	if (protocol_forbidden(list))
		inspect_error(in, 0, ": the TLS library would leave out "
		    "TLS 1.2 for \"!tlsv1.0\" or \"!tlsv1.1\", which are "
		    "never spoken");
	else if (tls_config_parse_protocols(&meant, list) != 0)
		inspect_error(in, 0, " is not known to the TLS library");
	else if (meant & ~known || protocol_has(list, "tlsv1.0") ||
	    protocol_has(list, "tlsv1.1"))
		inspect_error(in, 0, " stands for versions before TLS 1.2, "
		    "which are not supported");
	else if (meant == 0)
		inspect_error(in, 0, " leaves no version");
	else if (meant & TLS_PROTOCOL_TLSv1_2)
		in->in_answer.wck_flags |= WIRE_CHECKED_TLS12;
}

/* As the spawner will do it, so that it is refused here and not there. */
static void
inspect_setting(struct inspection *in,
    int (*set)(struct securetcp_config *, const char *))
{
	struct securetcp_config	*config;

	if ((config = securetcp_config_new()) == NULL)
		helper_fatal(in->in_pipe, "checker: TLS configuration: %s",
		    strerror(errno));
	if (set(config, in->in_asked.wqu_text) != ptOk)
		inspect_error(in, 0, "%s", securetcp_config_error(config));
	securetcp_config_free(config);
}
