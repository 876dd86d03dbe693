/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* An object and a partner: which side it is on, and whom it meets. */

#ifndef WORLD_H
#define WORLD_H

#include "fixture.h"
#include "partner.h"

struct world {
	int			 w_server;	/* the object is one */
	enum partner_kind	 w_kind;
	int			 w_version;
};

/* As a server the object wants a certificate: it judges on both sides. */
#define WORLD_CONNECTING	"S(connecting)"
#define WORLD_UP		"S(connecting) A(11111) S(connected)"
#define WORLD_DOWN		" S(closing) S(closed)"

/* Each kind of partner and each version, for these values of w_server. */
#define WORLD_SIDES(w, first, last)					\
	for ((w).w_server = (first); (w).w_server <= (last);		\
	    (w).w_server++)						\
		for ((w).w_kind = partner_first((w).w_server);		\
		    (w).w_kind < PARTNER_COUNT; (w).w_kind++)		\
			for ((w).w_version = TLS1_2_VERSION;		\
			    (w).w_version <= TLS1_3_VERSION;		\
			    (w).w_version++)
#define WORLD_EACH(w)		WORLD_SIDES(w, 0, 1)
#define WORLD_EACH_SERVER(w)	WORLD_SIDES(w, 0, 0)
#define WORLD_EACH_CLIENT(w)	WORLD_SIDES(w, 1, 1)

/* A test of a row of SECURETCP.md. */
#define ROW(name, text)							\
ATF_TC(name);								\
ATF_TC_HEAD(name, tc)							\
{									\
	atf_tc_set_md_var(tc, "descr", text);				\
	atf_tc_set_md_var(tc, "require.progs", "openssl");		\
}									\
ATF_TC_BODY(name, tc)

/* An object that is closed; one that connects; one that is connected. */
void		 world_open(struct fixture *, const struct world *);
void		 world_meet(struct fixture *, struct partner *,
		    const struct world *);
void		 world_up(struct fixture *, struct partner *,
		    const struct world *);
/* The end of both. */
void		 world_down(struct fixture *, struct partner *);
/* The parts of meeting: each returns what the object's call did. */
int		 world_connect(struct fixture *, struct partner *,
		    const struct world *, int);
int		 world_accept(struct fixture *, struct partner *,
		    const struct world *, int);

#endif /* WORLD_H */
