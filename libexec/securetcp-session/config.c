/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The server block, as the parent tells it: settings and chains, no key. */

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
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

static void	 config_server(struct imsgbuf *, struct imsg *,
		    struct server *);
static void	 config_chain(struct imsgbuf *, struct imsg *,
		    struct server *);
static uint8_t	*config_load(struct imsgbuf *, uint32_t, int, size_t *);
static ssize_t	 config_pread(int, uint8_t *, size_t);

/* Reads SERVER, CHAIN..., SERVER_END; returns with a context prepared. */
void
config_read(struct imsgbuf *pipe, struct server *sv)
{
	struct imsg	 imsg;
	uint32_t	 type;
	unsigned int	 chains = 0;

	helper_next(pipe, &imsg);
	if (imsg_get_type(&imsg) != WIRE_SERVER)
		helper_fatal(pipe, "spawner: %s where SERVER was expected",
		    wire_name(imsg_get_type(&imsg)));
	config_server(pipe, &imsg, sv);
	imsg_free(&imsg);

	for (;;) {
		helper_next(pipe, &imsg);
		type = imsg_get_type(&imsg);
		if (type == WIRE_SERVER_END)
			break;
		if (type != WIRE_CHAIN)
			helper_fatal(pipe, "spawner: %s where CHAIN was "
			    "expected", wire_name(type));
		config_chain(pipe, &imsg, sv);
		imsg_free(&imsg);
		chains++;
	}
	imsg_free(&imsg);

	if (chains == 0)
		helper_fatal(pipe, "server %s: no certificate chain",
		    sv->sv_wire.wv_name);
	if (securetcp_config_prepare(sv->sv_config) != ptOk)
		helper_fatal(pipe, "server %s: TLS context: %s",
		    sv->sv_wire.wv_name,
		    securetcp_config_error(sv->sv_config));
}

static void
config_server(struct imsgbuf *pipe, struct imsg *imsg, struct server *sv)
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
}

static void
config_chain(struct imsgbuf *pipe, struct imsg *imsg, struct server *sv)
{
	struct wire_chain	 wc;
	enum securetcp_keytype	 type;
	const char		*name = sv->sv_wire.wv_name;
	uint8_t			 id[SECURETCP_KEYID];
	uint8_t			*pem;
	size_t			 len;
	int			 fd;

	fd = imsg_get_fd(imsg);
	helper_parse(pipe, imsg, &wc, sizeof(wc));
	if (fd == -1)
		helper_fatal(pipe, "server %s: chain %u came without its file",
		    name, wc.wc_index);
	pem = config_load(pipe, wc.wc_index, fd, &len);
	(void)close(fd);

	if (securetcp_key_id(pem, len, id, &type) != ptOk)
		helper_fatal(pipe, "server %s: chain %u: its first "
		    "certificate is unreadable or neither RSA nor ECDSA",
		    name, wc.wc_index);
	/* The file may have been replaced since the key was checked. */
	if (memcmp(id, wc.wc_id, sizeof(id)) != 0)
		helper_fatal(pipe, "server %s: chain %u does not belong to "
		    "the key that was loaded", name, wc.wc_index);
	if (securetcp_config_add_certificate(sv->sv_config, pem, len, NULL,
	    0) != ptOk)
		helper_fatal(pipe, "server %s: chain %u: %s", name,
		    wc.wc_index, securetcp_config_error(sv->sv_config));
	free(pem);
}

static uint8_t *
config_load(struct imsgbuf *pipe, uint32_t chain, int fd, size_t *len)
{
	struct stat	 st;
	uint8_t		*pem;
	ssize_t		 n;

	if (fstat(fd, &st) == -1)
		helper_fatal(pipe, "chain %u: fstat: %s", chain,
		    strerror(errno));
	if (st.st_size <= 0 || st.st_size > CHAIN_MAX)
		helper_fatal(pipe, "chain %u: %lld bytes: must be from 1 "
		    "to %d", chain, (long long)st.st_size, CHAIN_MAX);
	if ((pem = malloc((size_t)st.st_size)) == NULL)
		helper_fatal(pipe, "chain %u: %s", chain, strerror(errno));
	if ((n = config_pread(fd, pem, (size_t)st.st_size)) == -1)
		helper_fatal(pipe, "chain %u: read: %s", chain,
		    strerror(errno));
	*len = (size_t)n;
	return (pem);
}

/* By position: the descriptor's offset is shared with other spawners. */
static ssize_t
config_pread(int fd, uint8_t *buf, size_t size)
{
	size_t	 have = 0;
	ssize_t	 n;

	while (have < size) {
		n = pread(fd, buf + have, size - have, (off_t)have);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (-1);
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return ((ssize_t)have);
}
