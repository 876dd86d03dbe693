/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * No session tickets.  With OpenSSL below it, libtls sends two of them in
 * every TLS 1.3 handshake, for sessions that it will not resume.  A client
 * that only sends never reads them, and when it closes, its kernel takes
 * unread data for a reset and throws away what was still on its way to us:
 * the end of an upload.
 *
 * libtls keeps its SSL to itself, but OpenSSL shows each new one to whoever
 * asked for room in it.  Ours are those made while we accept; a program's
 * own are not touched.  LibreSSL sends no tickets.
 */

#include <sys/types.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "object.h"
#include "securetcp.h"

#ifdef LIBRESSL_VERSION_NUMBER

int
tickets_library(void)
{
	return (ptOk);
}

void
tickets_accepting(int on)
{
	(void)on;
}

#else

static void	 tickets_new(void *, void *, CRYPTO_EX_DATA *, int, long,
		    void *);

static int	 tickets_ours;

int
tickets_library(void)
{
	if (SSL_get_ex_new_index(0, NULL, tickets_new, NULL, NULL) == -1)
		return (ptNoSecurity);
	return (ptOk);
}

/* Around the making of a connection. */
void
tickets_accepting(int on)
{
	tickets_ours = on;
}

static void
tickets_new(void *parent, void *ptr, CRYPTO_EX_DATA *data, int i, long argl,
    void *argp)
{
	(void)ptr;
	(void)data;
	(void)i;
	(void)argl;
	(void)argp;
	if (tickets_ours)
		(void)SSL_set_num_tickets(parent, 0);
}

#endif
