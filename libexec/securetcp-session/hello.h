/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Reads the server name out of a ClientHello before TLS starts.
 *
 * hello_parse() is given all that came from the peer so far, and a struct of
 * zeros at first, in which it keeps how far it has looked.  HELLO_MORE: so
 * far it is the beginning of a hello.  HELLO_DONE: it is complete; he_sni
 * tells whether he_name was sent, which is in lower case, without a dot at
 * its end, and no address; he_odd that it is none by match_servername_ok(),
 * whatever bytes it has.  HELLO_BAD: he_why tells why.  More bytes change
 * neither of the latter two, and from HELLO_MAX bytes on the answer is one of
 * them.  What the TLS libraries take is taken here.
 */

#ifndef HELLO_H
#define HELLO_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define HELLO_HEAD	4		/* of the message */
#define HELLO_BODY	131396		/* as much as OpenSSL takes */
#define HELLO_MAX	((HELLO_HEAD + HELLO_BODY) * 6)	/* a byte a record */

/* he_why for what the TLS library should see and name itself. */
#define HELLO_NOTTLS	"not TLS"

enum hello_result {
	HELLO_MORE,
	HELLO_DONE,
	HELLO_BAD
};

struct hello {
	int		 he_sni;
	int		 he_odd;
	char		 he_name[256];
	const char	*he_why;	/* NULL unless HELLO_BAD */
	size_t		 he_off;	/* of the record to look at next */
	size_t		 he_got;	/* of the message, in those before */
	size_t		 he_need;	/* of it at all; 0: not known yet */
	uint8_t		 he_head[HELLO_HEAD];
};

enum hello_result hello_parse(const uint8_t *, size_t, struct hello *);
/* What comes of a name of so many bytes: NULL, or why it is no hello's. */
const char	*hello_name(const char *, size_t, struct hello *);

#endif /* HELLO_H */
