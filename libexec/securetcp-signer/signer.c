/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <errno.h>
#include <imsg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "helper.h"
#include "sandbox.h"
#include "signer.h"
#include "wire.h"

static void	 signer_prepare(struct imsgbuf *, const struct wire_start *);
static void	 signer_send(struct imsgbuf *, enum wire_type, const void *,
		    size_t);
static void	 signer_key(struct imsgbuf *, struct imsg *);
static void	 signer_load(struct imsgbuf *, const struct wire_start *);
static void	 signer_sign(struct imsgbuf *, struct imsg *);

/* Everything a sandbox would forbid later. */
static void
signer_prepare(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	uint8_t	 byte;

	if (privdrop_limits(start->ws_nofile, 1) == -1)
		helper_fatal(imsgbuf, "limits: %s", strerror(errno));
	/* Copies of key material that it makes on the way to a key. */
	if (compat_crypto_wipe() == -1)
		helper_fatal(imsgbuf, "libcrypto's memory: %s",
		    strerror(errno));
	/* A configuration file of the TLS library could load code. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    RAND_bytes(&byte, sizeof(byte)) != 1)
		helper_fatal(imsgbuf, "libcrypto does not start");
	/* After the library's own, and so run before it. */
	if (atexit(keys_free) != 0)
		helper_fatal(imsgbuf, "atexit: %s", strerror(errno));
	helper_bound(imsgbuf, SIGNER_MEMORY);
	helper_sandbox(imsgbuf, start, SANDBOX_SIGNER_LOADING);
}

static void
signer_send(struct imsgbuf *imsgbuf, enum wire_type type, const void *payload,
    size_t size)
{
	if (wire_send(imsgbuf, type, -1, payload, size) == -1)
		helper_fatal(imsgbuf, "%s: %s", wire_name(type),
		    strerror(errno));
	/* Whoever waits for this one does not wait for the others, too. */
	helper_flush(imsgbuf);
}

static void
signer_key(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct wire_key		 key;
	struct wire_keyinfo	 info;
	struct wire_keybad	 bad;
	const char		*reason;
	int			 fd;

	fd = wire_fd(imsg);
	helper_parse(imsgbuf, imsg, &key, sizeof(key));
	if (fd == -1)
		helper_fatal(imsgbuf, "KEY without a descriptor");
	if (key.wk_index >= SIGNER_KEYMAX)
		helper_fatal(imsgbuf, "KEY %u: only %u are possible",
		    key.wk_index, SIGNER_KEYMAX);
	if (keys_known(key.wk_index))
		helper_fatal(imsgbuf, "KEY %u a second time", key.wk_index);

	memset(&info, 0, sizeof(info));
	info.wi_index = key.wk_index;
	if ((reason = keys_load(fd, &info)) == NULL)
		signer_send(imsgbuf, WIRE_KEYINFO, &info, sizeof(info));
	else {
		memset(&bad, 0, sizeof(bad));
		bad.wb_index = key.wk_index;
		strlcpy(bad.wb_reason, reason, sizeof(bad.wb_reason));
		signer_send(imsgbuf, WIRE_KEYBAD, &bad, sizeof(bad));
	}
	close(fd);
}

static void
signer_load(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	struct imsg		 imsg;
	uint32_t		 type;

	for (;;) {
		helper_next(imsgbuf, &imsg);
		type = imsg_get_type(&imsg);
		if (type == WIRE_KEYS_END)
			break;
		if (type != WIRE_KEY)
			helper_fatal(imsgbuf, "%s while loading keys",
			    wire_name(type));
		signer_key(imsgbuf, &imsg);
		imsg_free(&imsg);
	}
	helper_parse(imsgbuf, &imsg, NULL, 0);
	imsg_free(&imsg);

	helper_sandbox(imsgbuf, start, SANDBOX_SIGNER);
	helper_ready(imsgbuf, sandbox_name());
}

static void
signer_sign(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct wire_sign	 sign;
	struct wire_signed	 answer;
	struct wire_unsigned	 refusal;
	const char		*reason;

	helper_parse(imsgbuf, imsg, &sign, sizeof(sign));
	memset(&answer, 0, sizeof(answer));
	answer.wn_request = sign.wg_request;
	if ((reason = keys_sign(&sign, &answer)) == NULL) {
		signer_send(imsgbuf, WIRE_SIGNED, &answer, sizeof(answer));
		return;
	}
	memset(&refusal, 0, sizeof(refusal));
	refusal.wu_request = sign.wg_request;
	strlcpy(refusal.wu_reason, reason, sizeof(refusal.wu_reason));
	signer_send(imsgbuf, WIRE_UNSIGNED, &refusal, sizeof(refusal));
}

int
main(void)
{
	struct imsgbuf		 imsgbuf;
	struct wire_start	 start;
	struct imsg		 imsg;

	helper_start(&imsgbuf, &start);
	signer_prepare(&imsgbuf, &start);
	signer_load(&imsgbuf, &start);
	for (;;) {
		helper_next(&imsgbuf, &imsg);
		if (imsg_get_type(&imsg) != WIRE_SIGN)
			helper_fatal(&imsgbuf, "%s while signing",
			    wire_name(imsg_get_type(&imsg)));
		signer_sign(&imsgbuf, &imsg);
		imsg_free(&imsg);
	}
}
