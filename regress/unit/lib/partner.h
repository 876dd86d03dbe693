/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Peers that are programs: openssl(1), and tlspeer, which is libtls.  A
 * server sends each line back reversed and ends at the line CLOSE; a client
 * sends what it is told.
 */

#ifndef PARTNER_H
#define PARTNER_H

#include <sys/types.h>

#include <stdint.h>

#include <atf-c.h>

#include "fixture.h"
#include "pki.h"

enum partner_kind {
	PARTNER_OPENSSL,
	PARTNER_LIBTLS,
	PARTNER_COUNT
};

#define PARTNER_WORDS	32

struct partner {
	enum partner_kind	 pa_kind;
	pid_t			 pa_pid;	/* 0: it has gone */
	int			 pa_in;		/* to what it reads */
	int			 pa_out;	/* from what it prints */
	uint16_t		 pa_port;	/* a server's */
	char			 pa_said[65536];
	size_t			 pa_len;
};

/* How a partner is to be, beyond its version; 0: TLS 1.2 and 1.3. */
#define PARTNER_ASKS	0x01	/* server: wants a certificate */
#define PARTNER_SHOWS	0x02	/* client: has a certificate */
#define PARTNER_DOUBTS	0x04	/* client: trusts another CA */
#define PARTNER_SILENT	0x08	/* client: connects, and no more */
#define PARTNER_FORGES	0x10	/* client: has one of another CA */
#define PARTNER_PLAIN	0x20	/* client of openssl: HTTP comes first */

/*
 * Where the programs are; their certificates, which are made here: a root,
 * the leaf of a server (127.0.0.1, localhost) and of a client; another root,
 * which nobody trusts, and its client.
 */
extern struct pki	 partner_root, partner_leaf, partner_own;
extern struct pki	 partner_other, partner_forged;
void		 partner_begin(const atf_tc_t *);
void		 partner_end(void);

void		 partner_server(struct partner *, enum partner_kind, int,
		    int);
void		 partner_client(struct partner *, enum partner_kind, uint16_t,
		    int, int);
/* Tells a client what to send. */
void		 partner_say(struct partner *, const char *);
/* Stops it where it is; ends it there. */
void		 partner_stop(struct partner *);
void		 partner_kill(struct partner *);
const char	*partner_name(enum partner_kind);
/* Is this kind of LibreSSL?  OpenBSD's openssl is. */
int		 partner_libressl(enum partner_kind);
/* The first kind that there is here, for an object that is a server or not. */
enum partner_kind partner_first(int);

#endif /* PARTNER_H */
