/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Reads the server name out of a ClientHello before TLS starts.
 *
 * hello_parse() is given all that came from the peer so far and looks at
 * nothing but that.  HELLO_MORE: so far it is the beginning of a hello.
 * HELLO_DONE: it is complete; he_sni tells whether he_name was sent, which
 * is in lower case, without a dot at its end, at most 253 bytes of letters,
 * digits, '-', '_' and '.', and no address.  HELLO_BAD: he_why tells why.
 * More bytes change neither of the latter two, and from HELLO_MAX bytes on
 * the answer is one of them.
 */

#ifndef HELLO_H
#define HELLO_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define HELLO_BODY	16384		/* of the message, at most */
#define HELLO_MAX	(HELLO_BODY + 4 + 2 * 5)	/* with all headers */

/* he_why for what the TLS library should see and name itself. */
#define HELLO_NOTTLS	"not TLS"

enum hello_result {
	HELLO_MORE,
	HELLO_DONE,
	HELLO_BAD
};

struct hello {
	int		 he_sni;
	char		 he_name[256];
	const char	*he_why;	/* NULL unless HELLO_BAD */
};

enum hello_result hello_parse(const uint8_t *, size_t, struct hello *);

#endif /* HELLO_H */
