/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The shipped settings.c, overheard when it learns the key's identity. */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "rogue.h"
#include "securetcp.h"
#include "wire.h"

uint8_t	 rogue_keyid[WIRE_KEYID];
uint8_t	 rogue_keytype;

static int
overhear(const void *pem, size_t len, uint8_t *id,
    enum securetcp_keytype *type)
{
	int	 error;

	error = securetcp_key_id(pem, len, id, type);
	if (error == ptOk) {
		memcpy(rogue_keyid, id, sizeof(rogue_keyid));
		rogue_keytype = *type == SECURETCP_RSA ? WIRE_KEYTYPE_RSA :
		    WIRE_KEYTYPE_ECDSA;
	}
	return (error);
}

#define securetcp_key_id	overhear
#include "../../../libexec/securetcp-session/settings.c"
