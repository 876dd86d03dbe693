/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What the tests of libsecuretcp share: keys made on the spot, an object
 * that writes down its events, and a peer at the other end of a loopback
 * connection, driven by the same thread so that nothing is left to luck.
 */

#ifndef FIXTURE_H
#define FIXTURE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "case.h"
#include "securetcp.h"

#define FIXTURE_PATIENCE	20000	/* ms without anything: a failure */
#define KEY_PEM			16384

enum key_kind {
	KEY_RSA2048,
	KEY_RSA4096,
	KEY_P256,
	KEY_P384,
	KEY_ED25519
};

struct key {
	EVP_PKEY		*k_pkey;
	char			 k_cert[KEY_PEM];
	size_t			 k_certlen;
	char			 k_private[KEY_PEM];
	size_t			 k_privatelen;
};

struct fixture {
	struct securetcp	*f_tcp;
	int			 f_peer;	/* the other end */
	SSL			*f_ssl;		/* on it */
	char			 f_events[512];
	char			 f_reason[256];	/* at the last event */
	char			 f_description[256];
	int			 f_error;
	unsigned int		 f_receives;
	unsigned int		 f_sends;
	unsigned int		 f_judged;	/* Authenticate events */
	int			 f_gone;	/* the object was freed */
	int			 f_idle;	/* ms without anything */
	/* What else a handler does. */
	void			(*f_on_state)(struct fixture *,
				    enum securetcp_state);
	void			(*f_on_error)(struct fixture *, int);
	void			(*f_on_receive)(struct fixture *);
	void			(*f_on_send)(struct fixture *);
	void			(*f_on_authenticate)(struct fixture *,
				    struct securetcp_verdicts *);
	char			 f_why[512];	/* of the verdicts */
	uint16_t		 f_port;	/* dialled */
	char			 f_what[64];	/* the peer, for messages */
};

/* key.c */
void		 key_make(struct key *, enum key_kind, const char *,
		    const char *);
void		 key_free(struct key *);
/* Installs the signing hook; it answers for the keys added so far. */
void		 key_signer(void);
void		 key_serve(struct key *);
extern unsigned int	 key_signatures;	/* given */
extern int		 key_refuse;		/* the hook fails */

/* fixture.c */
struct securetcp_config
		*fixture_config(const struct key *, int, const char *);
/* For peers of this authority, with its list or none (NULL). */
struct securetcp_config
		*fixture_trusting(const char *, size_t, const char *);
void		 fixture_open(struct fixture *, struct securetcp_config *);
void		 fixture_close(struct fixture *);
/* With a P-256 key of its own; the last is half-close. */
void		 fixture_p256(struct fixture *, struct key *, const char *,
		    int);
/* The reason at the last event says this. */
void		 fixture_reason(const struct fixture *, const char *);
/* A connected loopback pair: the first for the object. */
void		 fixture_pair(int [2]);
/* Loopback need not deliver at once: waits until there is something. */
void		 fixture_readable(int);
/* Waits until the other end of this socket has gone, whatever it has sent. */
void		 fixture_hangup(int);
/* Does the kernel reset what is closed with data unread? */
int		 fixture_resets(void);
void		 fixture_assign(struct fixture *);
/*
 * The object as a client of a listening socket, event-driven, and the peer's
 * end of that connection; a TLS server on it, with this context, which it
 * takes over.
 */
void		 fixture_dial(struct fixture *);
void		 fixture_server(struct fixture *, SSL_CTX *);
int		 fixture_listen(const char *, uint16_t *);
/* A TLS client on f_peer that offers these versions. */
void		 fixture_client(struct fixture *, int, int);
void		 fixture_handshake(struct fixture *);
void		 fixture_judged(struct fixture *);
/* The above in one: a connection that is up. */
void		 fixture_connect(struct fixture *, int);
/*
 * Waits until poll(2) reports on the object or on the peer's socket (for
 * these events, 0: not asked) and dispatches.
 */
void		 fixture_turn(struct fixture *, short);
/* Turns until this, and exactly this, has been written down. */
void		 fixture_expect(struct fixture *, const char *);

/* The peer's side; each turns as needed. */
void		 peer_raw(struct fixture *, const void *, size_t);
void		 peer_write(struct fixture *, const void *, size_t);
size_t		 peer_read(struct fixture *, void *, size_t);
void		 peer_notify(struct fixture *);
void		 peer_close(struct fixture *);
void		 peer_reset(struct fixture *);

/* The object's side. */
void		 object_write(struct fixture *, const void *, size_t);
size_t		 object_read(struct fixture *, void *, size_t);

#endif /* FIXTURE_H */
