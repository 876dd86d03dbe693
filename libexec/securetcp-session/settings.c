/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The block, as the parent tells it: settings and files, no key. */

#include <sys/types.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define CHAIN_MAX	(1024 * 1024)
#define CA_MAX		(4 * 1024 * 1024)
#define CRL_MAX		SETTINGS_FILE_MAX
#define LOAD_FIRST	(64 * 1024)
#define MATCHES_MAX	1000

static void	 settings_server(struct imsgbuf *, struct imsg *,
		    struct session_server *);
static void	 settings_message(struct imsgbuf *, struct imsg *,
		    struct session_server *);
static void	 settings_certificate(struct imsgbuf *, struct imsg *,
		    struct session_server *);
static void	 settings_file(struct imsgbuf *, struct imsg *,
		    struct session_server *, size_t,
		    int (*)(struct securetcp_config *, const void *, size_t));
static void	 settings_match(struct imsgbuf *, struct imsg *,
		    struct session_server *);
static void	 settings_prepare(struct imsgbuf *, struct session_server *);

/* SERVER, what belongs to it, SERVER_END; returns with a context prepared. */
void
settings_read(struct imsgbuf *pipe, struct session_server *sv)
{
	struct imsg	 imsg;

	helper_next(pipe, &imsg);
	if (imsg_get_type(&imsg) != WIRE_SERVER)
		helper_fatal(pipe, "spawner: %s where SERVER was expected",
		    wire_name(imsg_get_type(&imsg)));
	settings_server(pipe, &imsg, sv);
	imsg_free(&imsg);
	sv->sv_memory = SESSION_MEMORY;
	for (;;) {
		helper_next(pipe, &imsg);
		if (imsg_get_type(&imsg) == WIRE_SERVER_END)
			break;
		settings_message(pipe, &imsg, sv);
		imsg_free(&imsg);
	}
	imsg_free(&imsg);
	settings_prepare(pipe, sv);
}

static void
settings_message(struct imsgbuf *pipe, struct imsg *imsg,
    struct session_server *sv)
{
	switch (imsg_get_type(imsg)) {
	case WIRE_CA:
		settings_file(pipe, imsg, sv, CA_MAX, securetcp_config_set_ca);
		break;
	case WIRE_CRL:
		settings_file(pipe, imsg, sv, CRL_MAX,
		    securetcp_config_set_crl);
		/* Each check of its signature takes a copy of it. */
		sv->sv_memory = SESSION_MEMORY + CRL_MB;
		break;
	case WIRE_CHAIN:
		settings_certificate(pipe, imsg, sv);
		break;
	case WIRE_STAPLE:
		settings_file(pipe, imsg, sv, SECURETCP_STAPLE,
		    securetcp_config_set_staple);
		break;
	case WIRE_MATCH:
		settings_match(pipe, imsg, sv);
		break;
	default:
		helper_fatal(pipe, "spawner: %s where CHAIN or the like was "
		    "expected", wire_name(imsg_get_type(imsg)));
	}
}

static void
settings_prepare(struct imsgbuf *pipe, struct session_server *sv)
{
	int	 error;

	if (!(sv->sv_wire.wv_flags & WIRE_SERVER_CLIENT) &&
	    sv->sv_nchains == 0)
		helper_fatal(pipe, "server %s: no certificate chain",
		    sv->sv_wire.wv_name);
	if (sv->sv_wire.wv_flags & WIRE_SERVER_CLIENT)
		error = securetcp_config_prepare_client(sv->sv_config);
	else
		error = securetcp_config_prepare(sv->sv_config);
	if (error != ptOk)
		helper_fatal(pipe, "server %s: TLS context: %s",
		    sv->sv_wire.wv_name,
		    securetcp_config_error(sv->sv_config));
}

/* The libraries' values are the wire's by chance only. */
static enum securetcp_authentication
settings_auth(struct imsgbuf *pipe, const struct wire_server *wv)
{
	switch (wv->wv_auth) {
	case WIRE_AUTH_OFF:
		return (SECURETCP_AUTH_OFF);
	case WIRE_AUTH_OPTIONAL:
		/* Whom the rules would deny is refused in the handshake. */
		return (wv->wv_flags & WIRE_SERVER_NONE ?
		    SECURETCP_AUTH_REQUIRED : SECURETCP_AUTH_OPTIONAL);
	case WIRE_AUTH_REQUIRED:
		return (SECURETCP_AUTH_REQUIRED);
	default:
		helper_fatal(pipe, "server %s: client authentication: %u is "
		    "none of its kinds", wv->wv_name, wv->wv_auth);
	}
}

static void
settings_server(struct imsgbuf *pipe, struct imsg *imsg,
    struct session_server *sv)
{
	struct wire_server	*wv = &sv->sv_wire;
	struct securetcp_config	*config;

	helper_parse(pipe, imsg, wv, sizeof(*wv));
	if ((config = securetcp_config_new()) == NULL)
		helper_fatal(pipe, "server %s: TLS configuration: %s",
		    wv->wv_name, strerror(errno));
	sv->sv_config = config;
	if (wv->wv_protocol[0] != '\0' &&
	    securetcp_config_set_protocol(config, wv->wv_protocol) != ptOk)
		helper_fatal(pipe, "server %s: protocol: %s", wv->wv_name,
		    securetcp_config_error(config));
	if (wv->wv_ciphers[0] != '\0' &&
	    securetcp_config_set_ciphers(config, wv->wv_ciphers) != ptOk)
		helper_fatal(pipe, "server %s: ciphers: %s", wv->wv_name,
		    securetcp_config_error(config));
	if (wv->wv_curves[0] != '\0' &&
	    securetcp_config_set_curves(config, wv->wv_curves) != ptOk)
		helper_fatal(pipe, "server %s: curves: %s", wv->wv_name,
		    securetcp_config_error(config));
	if (wv->wv_alpn[0] != '\0' &&
	    securetcp_config_set_alpn(config, wv->wv_alpn) != ptOk)
		helper_fatal(pipe, "server %s: alpn: %s", wv->wv_name,
		    securetcp_config_error(config));
	if (securetcp_config_set_alpn_optional(config,
	    wv->wv_flags & WIRE_SERVER_ALPN) != ptOk)
		helper_fatal(pipe, "server %s: alpn: %s", wv->wv_name,
		    securetcp_config_error(config));
	if (securetcp_config_set_client_authentication(config,
	    settings_auth(pipe, wv)) != ptOk)
		helper_fatal(pipe, "server %s: client authentication: %s",
		    wv->wv_name, securetcp_config_error(config));
}

static const char *
settings_who(const struct session_server *sv, char *buf, size_t size)
{
	(void)snprintf(buf, size, "server %s", sv->sv_wire.wv_name);
	return (buf);
}

/* A whole file, by the setter of what is in it. */
static void
settings_file(struct imsgbuf *pipe, struct imsg *imsg,
    struct session_server *sv, size_t max,
    int (*set)(struct securetcp_config *, const void *, size_t))
{
	const char	*what = wire_name(imsg_get_type(imsg));
	char		 who[WIRE_NAME + 8];
	uint8_t		*buf;
	size_t		 len;
	int		 fd;

	fd = wire_fd(imsg);
	helper_parse(pipe, imsg, NULL, 0);
	if (fd == -1)
		helper_fatal(pipe, "server %s: %s came without its file",
		    sv->sv_wire.wv_name, what);
	buf = settings_bytes(pipe, settings_who(sv, who, sizeof(who)), what, fd,
	    max, &len);
	(void)close(fd);
	if (set(sv->sv_config, buf, len) != ptOk)
		helper_fatal(pipe, "server %s: %s: %s", sv->sv_wire.wv_name,
		    what, securetcp_config_error(sv->sv_config));
	free(buf);
}

static void
settings_match(struct imsgbuf *pipe, struct imsg *imsg,
    struct session_server *sv)
{
	struct wire_match	*wm;

	if (sv->sv_nmatches == MATCHES_MAX)
		helper_fatal(pipe, "server %s: more than %d MATCH",
		    sv->sv_wire.wv_name, MATCHES_MAX);
	wm = reallocarray(sv->sv_matches, sv->sv_nmatches + 1, sizeof(*wm));
	if (wm == NULL)
		helper_fatal(pipe, "server %s: MATCH: %s",
		    sv->sv_wire.wv_name, strerror(errno));
	sv->sv_matches = wm;
	wm += sv->sv_nmatches++;
	helper_parse(pipe, imsg, wm, sizeof(*wm));
	if (wm->wm_selector < WIRE_MATCH_NAME ||
	    wm->wm_selector > WIRE_MATCH_ABSENT)
		helper_fatal(pipe, "server %s: MATCH %u: %u is none of its "
		    "kinds", sv->sv_wire.wv_name, sv->sv_nmatches,
		    wm->wm_selector);
}

static void
settings_certificate(struct imsgbuf *pipe, struct imsg *imsg,
    struct session_server *sv)
{
	struct wire_chain	 wc;
	enum securetcp_keytype	 type;
	const char		*name = sv->sv_wire.wv_name;
	char			 what[32], who[WIRE_NAME + 8];
	uint8_t			 id[SECURETCP_KEYID];
	uint8_t			*pem;
	size_t			 len;
	int			 fd;

	fd = wire_fd(imsg);
	helper_parse(pipe, imsg, &wc, sizeof(wc));
	if (fd == -1)
		helper_fatal(pipe, "server %s: chain %u came without its file",
		    name, wc.wc_index);
	(void)snprintf(what, sizeof(what), "chain %u", wc.wc_index);
	pem = settings_bytes(pipe, settings_who(sv, who, sizeof(who)), what, fd,
	    CHAIN_MAX, &len);
	(void)close(fd);

	if (securetcp_key_id(pem, len, id, &type) != ptOk)
		helper_fatal(pipe, "server %s: chain %u: its first "
		    "certificate is unreadable or neither RSA nor ECDSA",
		    name, wc.wc_index);
	/* Another one would be of no use to anybody. */
	if (memcmp(id, wc.wc_id, sizeof(id)) != 0)
		helper_fatal(pipe, "server %s: chain %u does not belong to "
		    "the key that was loaded", name, wc.wc_index);
	if (securetcp_config_add_certificate(sv->sv_config, pem, len, NULL,
	    0) != ptOk)
		helper_fatal(pipe, "server %s: chain %u: %s", name,
		    wc.wc_index, securetcp_config_error(sv->sv_config));
	sv->sv_nchains++;
	free(pem);
}

/*
 * To be freed.  A checker's sandbox does not let it ask how much there is.
 */
uint8_t *
settings_bytes(struct imsgbuf *pipe, const char *who, const char *what, int fd,
    size_t max, size_t *len)
{
	uint8_t	*buf = NULL, *grown;
	size_t	 have = 0, size = 0;
	ssize_t	 n;

	do {
		size = size == 0 ? LOAD_FIRST : 2 * size;
		if ((grown = realloc(buf, size)) == NULL)
			helper_fatal(pipe, "%s: %s: %s", who, what,
			    strerror(errno));
		buf = grown;
		if ((n = compat_fill(fd, buf, have, size)) == -1)
			helper_fatal(pipe, "%s: %s: read: %s", who, what,
			    strerror(errno));
		have = (size_t)n;
	} while (have == size && have <= max);
	if (have == 0 || have > max)
		helper_fatal(pipe, "%s: %s: %s%zu bytes: must be from 1 to "
		    "%zu", who, what, have == size ? "at least " : "", have,
		    max);
	*len = have;
	return (buf);
}
