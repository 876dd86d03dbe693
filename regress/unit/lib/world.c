/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "partner.h"
#include "pki.h"
#include "world.h"

void
world_open(struct fixture *f, const struct world *w)
{
	struct securetcp_config	*sc;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, partner_root.p_cert,
	    partner_root.p_certlen));
	if (w->w_server) {
		ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc,
		    partner_leaf.p_cert, partner_leaf.p_certlen,
		    partner_leaf.p_private, partner_leaf.p_privatelen));
		ATF_REQUIRE_EQ(ptOk,
		    securetcp_config_set_client_authentication(sc,
		    SECURETCP_AUTH_REQUIRED));
	}
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, 0));
	(void)snprintf(f->f_what, sizeof(f->f_what), "%s with %s, TLS 1.%d",
	    w->w_server ? "server" : "client", partner_name(w->w_kind),
	    w->w_version == TLS1_2_VERSION ? 2 : 3);
}

int
world_connect(struct fixture *f, struct partner *p, const struct world *w,
    int flags)
{
	partner_server(p, w->w_kind, w->w_version, flags);
	return (securetcp_connect(f->f_tcp, "127.0.0.1", p->pa_port));
}

int
world_accept(struct fixture *f, struct partner *p, const struct world *w,
    int flags)
{
	struct pollfd	 pfd;
	uint16_t	 port;
	int		 fd, s;

	fd = fixture_listen("127.0.0.1", &port);
	partner_client(p, w->w_kind, port, w->w_version, flags);
	pfd.fd = fd;
	pfd.events = POLLIN;
	ATF_REQUIRE_EQ_MSG(1, poll(&pfd, 1, FIXTURE_PATIENCE),
	    "%s: nobody connects", f->f_what);
	ATF_REQUIRE((s = accept(fd, NULL, NULL)) != -1);
	ATF_REQUIRE_EQ(0, close(fd));
	return (securetcp_set_socket(f->f_tcp, s));
}

/* A handler may end it at once. */
void
world_meet(struct fixture *f, struct partner *p, const struct world *w)
{
	int	 error;

	error = w->w_server ? world_accept(f, p, w, PARTNER_SHOWS) :
	    world_connect(f, p, w, 0);
	if (f->f_gone || securetcp_state(f->f_tcp) == SECURETCP_CLOSED)
		ATF_CHECK_EQ(ptAbort, error);
	else {
		ATF_CHECK_EQ(ptOk, error);
		ATF_CHECK_STREQ(WORLD_CONNECTING, f->f_events);
	}
}

void
world_up(struct fixture *f, struct partner *p, const struct world *w)
{
	world_open(f, w);
	world_meet(f, p, w);
	fixture_expect(f, WORLD_UP);
}

void
world_down(struct fixture *f, struct partner *p)
{
	fixture_close(f);
	partner_kill(p);
}
