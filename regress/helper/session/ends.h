/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The end that a session speaks TLS with, by OpenSSL's own interface where
 * libtls hides too much: either role, by bytes as few as wanted.
 */

#ifndef ENDS_H
#define ENDS_H

#include <sys/types.h>

#include <openssl/ssl.h>

#include <stddef.h>
#include <stdint.h>

#include "case.h"
#include "fake.h"
#include "../../unit/lib/pki.h"

struct end {
	struct fake		*e_fake;
	struct fake_session	*e_session;
	int			 e_fd;		/* of this end */
	SSL			*e_ssl;
	int			 e_shaken;	/* the handshake succeeded */
	int			 e_failed;	/* or did not */
	int			 e_ended;	/* nothing comes any more */
	int			 e_alert;	/* the last received, -1 */
	size_t			 e_chunk;	/* bytes at a time, 0: all */
	const uint8_t		*e_prefix;	/* sent before, together */
	size_t			 e_prefixlen;
	void			 (*e_flight)(struct end *);	/* was sent */
	uint8_t			 e_head[5];	/* of the record that comes */
	size_t			 e_headlen;
	size_t			 e_left;	/* bytes of it to come */
	int			 e_clear;	/* it is an alert in the clear */
};

#define EACH_VERSION(v)							\
	for (v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++)

/* A key that the parent signs with, and the certificate made for it. */
void		 end_key(struct key *, const struct pki *);
/* A session that has adopted the other end. */
void		 end_open(struct end *, struct fake *, uint8_t, const char *);
void		 end_tls(struct end *, SSL_CTX *, int);
/* As far as it goes; returns when it is over, or the session is. */
void		 end_shake(struct end *);
void		 end_send(struct end *, const void *, size_t);
void		 end_expect(struct end *, const char *);
/* Everything that comes in the clear, up to the end of it. */
size_t		 end_drain(struct end *, uint8_t *, size_t);
void		 end_close(struct end *);

/* What DONE says, without the session ever having been established. */
void		 end_refused(struct end *, uint32_t, const char *);

#endif /* ENDS_H */
