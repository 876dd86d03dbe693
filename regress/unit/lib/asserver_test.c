/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The rows of SECURETCP.md that a server can meet on its way to connected,
 * with openssl s_client and libtls as clients.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <poll.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "partner.h"
#include "world.h"

#define CONNECTING	WORLD_CONNECTING
#define DOWN		WORLD_DOWN

static struct partner	 partner;

static void
begin(struct fixture *f, enum securetcp_authentication auth,
    const char *protocol)
{
	struct securetcp_config	*sc;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_protocol(sc, protocol));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc,
	    partner_leaf.p_cert, partner_leaf.p_certlen,
	    partner_leaf.p_private, partner_leaf.p_privatelen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, partner_root.p_cert,
	    partner_root.p_certlen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_client_authentication(sc,
	    auth));
	fixture_open(f, sc);
	securetcp_config_free(sc);
}

/* The events of a client that is like that. */
static void
meets(const struct world *w, enum securetcp_authentication auth,
    const char *protocol, int flags, const char *events, const char *reason)
{
	struct fixture	 f;

	begin(&f, auth, protocol);
	ATF_CHECK_EQ(30000, securetcp_timeout(f.f_tcp));
	ATF_CHECK_EQ(ptOk, world_accept(&f, &partner, w, flags));
	ATF_CHECK_STREQ(CONNECTING, f.f_events);
	ATF_CHECK_EQ(0, securetcp_timeout(f.f_tcp));
	fixture_expect(&f, events);
	fixture_reason(&f, reason);
	world_down(&f, &partner);
}

ROW(well, "all is well: the timeout becomes 0, connecting before the call "
    "returns, connected; with Authenticate where a certificate is given")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w) {
		meets(&w, SECURETCP_AUTH_OFF, "secure", 0, CONNECTING
		    " S(connected)", "");
		meets(&w, SECURETCP_AUTH_OFF, "secure", PARTNER_SHOWS,
		    CONNECTING " S(connected)", "");
		meets(&w, SECURETCP_AUTH_OPTIONAL, "secure", 0, CONNECTING
		    " S(connected)", "");
		meets(&w, SECURETCP_AUTH_OPTIONAL, "secure", PARTNER_SHOWS,
		    CONNECTING " A(11111) S(connected)", "");
		meets(&w, SECURETCP_AUTH_REQUIRED, "secure", PARTNER_SHOWS,
		    CONNECTING " A(11111) S(connected)", "");
	}
	partner_end();
}

ROW(no_common, "no common protocol: ptProtocol, closing, closed")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w)
		meets(&w, SECURETCP_AUTH_OFF, w.w_version == TLS1_2_VERSION ?
		    "tlsv1.3" : "tlsv1.2", 0, CONNECTING " E(ptProtocol)"
		    DOWN, "no common protocol version");
	partner_end();
}

ROW(not_tls, "not TLS at all, but what s_client says to a proxy: "
    "ptProtocol, and the reason says what it was")
{
	struct world	 w;

	partner_begin(tc);
	w.w_server = 1;
	w.w_kind = PARTNER_OPENSSL;
	w.w_version = 0;
	meets(&w, SECURETCP_AUTH_OFF, "secure", PARTNER_PLAIN, CONNECTING
	    " E(ptProtocol)" DOWN, "an HTTP proxy request");
	partner_end();
}

ROW(unauthenticated, "a client that must have a certificate has none, or "
    "one of another CA: ptAuthentication, closing, closed")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w) {
		meets(&w, SECURETCP_AUTH_REQUIRED, "secure", 0, CONNECTING
		    " E(ptAuthentication)" DOWN, "no certificate");
		meets(&w, SECURETCP_AUTH_REQUIRED, "secure", PARTNER_FORGES,
		    CONNECTING " A(01011) E(ptAuthentication)" DOWN,
		    "certificate CN=forged: ");
		meets(&w, SECURETCP_AUTH_OPTIONAL, "secure", PARTNER_FORGES,
		    CONNECTING " A(01011) E(ptAuthentication)" DOWN,
		    "certificate CN=forged: ");
	}
	partner_end();
}

ROW(no_certificate, "no usable own certificate: closing, closed, and "
    "ptNoCertificate from the call; no Error; the client is let go")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct world		 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w) {
		ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
		fixture_open(&f, sc);
		securetcp_config_free(sc);
		ATF_CHECK_EQ(ptNoCertificate, world_accept(&f, &partner, &w,
		    0));
		fixture_expect(&f, CONNECTING DOWN);
		fixture_reason(&f, "no certificate is set");
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		world_down(&f, &partner);
	}
	partner_end();
}

ROW(alert, "a client that does not trust the server says so in the "
    "handshake: ptProtocol, and the reason names the alert")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w)
		meets(&w, SECURETCP_AUTH_OFF, "secure", PARTNER_DOUBTS,
		    CONNECTING " E(ptProtocol)" DOWN,
		    "peer's alert: unknown ca");
	partner_end();
}

ROW(silent, "a client that vanishes and has sent nothing at all: closing, "
    "closed, no Error")
{
	struct fixture	 f;
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w) {
		begin(&f, SECURETCP_AUTH_OFF, "secure");
		ATF_CHECK_EQ(ptOk, world_accept(&f, &partner, &w,
		    PARTNER_SILENT));
		partner_kill(&partner);
		fixture_expect(&f, CONNECTING DOWN);
		fixture_reason(&f, "without sending anything");
		ATF_CHECK(securetcp_silent(f.f_tcp));
		world_down(&f, &partner);
	}
	partner_end();
}

ROW(vanished, "a client that vanishes after its hello: ptConnectionAborted, "
    "closing, closed")
{
	struct fixture	 f;
	struct pollfd	 pfd;
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_CLIENT(w) {
		begin(&f, SECURETCP_AUTH_OFF, "secure");
		ATF_CHECK_EQ(ptOk, world_accept(&f, &partner, &w, 0));
		pfd.fd = securetcp_socket(f.f_tcp);
		pfd.events = POLLIN;
		ATF_REQUIRE_EQ(1, poll(&pfd, 1, FIXTURE_PATIENCE));
		partner_kill(&partner);
		fixture_expect(&f, CONNECTING " E(ptConnectionAborted)"
		    DOWN);
		fixture_reason(&f, "middle of the handshake");
		ATF_CHECK(!securetcp_silent(f.f_tcp));
		world_down(&f, &partner);
	}
	partner_end();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, well);
	ATF_TP_ADD_TC(tp, no_common);
	ATF_TP_ADD_TC(tp, not_tls);
	ATF_TP_ADD_TC(tp, unauthenticated);
	ATF_TP_ADD_TC(tp, no_certificate);
	ATF_TP_ADD_TC(tp, alert);
	ATF_TP_ADD_TC(tp, silent);
	ATF_TP_ADD_TC(tp, vanished);
	return (atf_no_error());
}
