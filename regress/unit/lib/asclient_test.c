/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The rows of SECURETCP.md that a client can meet on its way to connected,
 * event-driven and blocking, with openssl s_server and libtls as servers.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "partner.h"
#include "world.h"

#define CONNECTING	WORLD_CONNECTING
#define UP		WORLD_UP
#define DOWN		WORLD_DOWN

static struct partner	 partner;

/* An object like world_open()'s, with what more its configuration says. */
static struct securetcp_config *
settings(const struct pki *ca)
{
	return (fixture_trusting(ca->p_cert, ca->p_certlen, NULL));
}

static void
begin(struct fixture *f, struct securetcp_config *sc, int timeout)
{
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, timeout));
}

/*
 * Connects in both ways: by events these come, blocking those, with this
 * number from the call.
 */
static void
both(const struct world *w, struct securetcp_config *(*make)(void),
    const char *name, int flags, const char *events, int error,
    const char *blocking, const char *reason)
{
	struct fixture	 f;

	begin(&f, make(), 0);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, name));
	ATF_CHECK_EQ(ptOk, world_connect(&f, &partner, w, flags));
	ATF_CHECK_STREQ(CONNECTING, f.f_events);
	fixture_expect(&f, events);
	fixture_reason(&f, reason);
	world_down(&f, &partner);

	begin(&f, make(), 30000);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, name));
	ATF_CHECK_EQ(error, world_connect(&f, &partner, w, flags));
	fixture_expect(&f, blocking);
	fixture_reason(&f, reason);
	if (error != ptOk)
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	world_down(&f, &partner);
}

static struct securetcp_config *
plain(void)
{
	return (settings(&partner_root));
}

ROW(well, "all is well: connecting before the call returns, Authenticate, "
    "connected; blocking, the call returns then")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w)
		both(&w, plain, NULL, 0, UP, ptOk, UP, "");
	partner_end();
}

ROW(refused, "nobody listens any more: by event Error, closing, closed; "
    "blocking no Error, and the number")
{
	struct fixture	 f;
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w) {
		partner_server(&partner, w.w_kind, w.w_version, 0);
		partner_kill(&partner);
		begin(&f, plain(), 0);
		ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1",
		    partner.pa_port));
		fixture_expect(&f, CONNECTING " E(ptConnectionRefused)"
		    DOWN);
		f.f_events[0] = '\0';
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
		ATF_CHECK_EQ(ptConnectionRefused, securetcp_connect(f.f_tcp,
		    "127.0.0.1", partner.pa_port));
		fixture_expect(&f, CONNECTING DOWN);
		fixture_close(&f);
	}
	partner_end();
}

static struct securetcp_config *
only12(void)
{
	struct securetcp_config	*sc = plain();

	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_protocol(sc, "tlsv1.2"));
	return (sc);
}

static struct securetcp_config *
only13(void)
{
	struct securetcp_config	*sc = plain();

	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_protocol(sc, "tlsv1.3"));
	return (sc);
}

ROW(no_common, "no common protocol: ptProtocol, and the reason is the "
    "server's alert")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w)
		both(&w, w.w_version == TLS1_2_VERSION ? only13 : only12,
		    NULL, 0, CONNECTING " E(ptProtocol)" DOWN, ptProtocol,
		    CONNECTING DOWN, "peer's alert: protocol version");
	partner_end();
}

static struct securetcp_config *
distrust(void)
{
	return (settings(&partner_other));
}

ROW(unverified, "a server with another name, or of another CA: "
    "ptAuthentication")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w) {
		both(&w, plain, "other", 0, CONNECTING
		    " A(11101) E(ptAuthentication)" DOWN, ptAuthentication,
		    CONNECTING " A(11101)" DOWN, "not for other");
		both(&w, distrust, NULL, 0, CONNECTING
		    " A(01011) E(ptAuthentication)" DOWN, ptAuthentication,
		    CONNECTING " A(01011)" DOWN, "certificate CN=leaf: ");
	}
	partner_end();
}

ROW(no_certificate, "own credentials that cannot be used: closing, closed "
    "and ptNoCertificate, no Error, in both ways")
{
	struct fixture		 f;
	struct securetcp_config	*sc;
	struct world		 w;
	int			 timeout;

	partner_begin(tc);
	WORLD_EACH_SERVER(w) {
		for (timeout = 0; timeout <= 30000; timeout += 30000) {
			sc = plain();
			ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(
			    sc, partner_own.p_cert, partner_own.p_certlen,
			    NULL, 0));
			begin(&f, sc, timeout);
			ATF_CHECK_EQ(ptNoCertificate, world_connect(&f,
			    &partner, &w, PARTNER_ASKS));
			fixture_expect(&f, CONNECTING DOWN);
			fixture_reason(&f, "no signer is set");
			world_down(&f, &partner);
		}
	}
	partner_end();
}

/*
 * A server that is not content with what it got says so in the handshake of
 * TLS 1.2, and after it in that of TLS 1.3.  It was judged before.
 */
static void
unwelcome(const struct world *w, struct securetcp_config *(*make)(void),
    const char *alert12, const char *alert13)
{
	struct fixture	 f;
	char		 c;
	size_t		 n;

	if (w->w_version == TLS1_2_VERSION) {
		both(w, make, NULL, PARTNER_ASKS, CONNECTING
		    " A(11111) E(ptProtocol)" DOWN, ptProtocol, CONNECTING
		    " A(11111)" DOWN, alert12);
		return;
	}
	begin(&f, make(), 0);
	ATF_CHECK_EQ(ptOk, world_connect(&f, &partner, w, PARTNER_ASKS));
	fixture_expect(&f, UP " E(ptProtocol)" DOWN);
	fixture_reason(&f, alert13);
	world_down(&f, &partner);

	begin(&f, make(), 30000);
	ATF_CHECK_EQ(ptOk, world_connect(&f, &partner, w, PARTNER_ASKS));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptProtocol, securetcp_receive(f.f_tcp, &c, 1, &n));
	fixture_expect(&f, UP " E(ptProtocol)" DOWN);
	fixture_reason(&f, alert13);
	world_down(&f, &partner);
}

static struct securetcp_config *
forged(void)
{
	struct securetcp_config	*sc = plain();

	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc,
	    partner_forged.p_cert, partner_forged.p_certlen,
	    partner_forged.p_private, partner_forged.p_privatelen));
	return (sc);
}

static struct securetcp_config *
own(void)
{
	struct securetcp_config	*sc = plain();

	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc,
	    partner_own.p_cert, partner_own.p_certlen, partner_own.p_private,
	    partner_own.p_privatelen));
	return (sc);
}

ROW(asked, "a server that wants a certificate: none, one of another CA, "
    "one that is good")
{
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w) {
		unwelcome(&w, plain, "peer's alert: handshake failure",
		    "peer's alert: certificate required");
		unwelcome(&w, forged, "peer's alert: unknown ca",
		    "peer's alert: unknown ca");
		both(&w, own, NULL, PARTNER_ASKS, UP, ptOk, UP, "");
	}
	partner_end();
}

static struct securetcp_config *
elsewhere(void)
{
	struct securetcp_config	*sc = plain();

	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc,
	    partner_own.p_cert, partner_own.p_certlen, NULL, 0));
	return (sc);
}

ROW(asked_hook, "the same with the key behind the signing hook: one "
    "signature and connected; a hook that fails: ptNoCertificate")
{
	struct world	 w;
	struct key	 k;
	unsigned int	 before;

	partner_begin(tc);
	memset(&k, 0, sizeof(k));
	k.k_pkey = partner_own.p_pkey;
	memcpy(k.k_cert, partner_own.p_cert, partner_own.p_certlen);
	k.k_certlen = partner_own.p_certlen;
	key_signer();
	key_serve(&k);
	WORLD_EACH_SERVER(w) {
		before = key_signatures;
		both(&w, elsewhere, NULL, PARTNER_ASKS, UP, ptOk, UP, "");
		ATF_CHECK_EQ(before + 2, key_signatures);
		/* It is not asked where the server does not ask. */
		both(&w, elsewhere, NULL, 0, UP, ptOk, UP, "");
		ATF_CHECK_EQ(before + 2, key_signatures);
		key_refuse = 1;
		both(&w, elsewhere, NULL, PARTNER_ASKS, CONNECTING
		    " A(11111) E(ptNoCertificate)" DOWN, ptNoCertificate,
		    CONNECTING " A(11111)" DOWN,
		    "signer gave no usable signature");
		key_refuse = 0;
	}
	partner_end();
}

/*
 * The first half of what a server answers to the object's hello, carried
 * over by us: nobody is faster than he should be.
 */
static void
half_answer(struct fixture *f, const struct world *w)
{
	struct sockaddr_in	 sin;
	struct pollfd		 pfd;
	char			 buf[16384];
	ssize_t			 n;
	int			 fds[2], s;

	partner_server(&partner, w->w_kind, w->w_version, 0);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(partner.pa_port);
	ATF_REQUIRE((s = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	ATF_REQUIRE_EQ(0, connect(s, (struct sockaddr *)&sin, sizeof(sin)));
	fixture_pair(fds);
	f->f_peer = fds[1];
	ATF_CHECK_EQ(ptOk, securetcp_connect_socket(f->f_tcp, fds[0],
	    "localhost"));
	fixture_turn(f, 0);
	fixture_readable(fds[1]);
	ATF_REQUIRE((n = read(fds[1], buf, sizeof(buf))) > 0);
	ATF_REQUIRE_EQ(n, write(s, buf, (size_t)n));
	pfd.fd = s;
	pfd.events = POLLIN;
	ATF_REQUIRE_EQ(1, poll(&pfd, 1, FIXTURE_PATIENCE));
	ATF_REQUIRE((n = read(s, buf, sizeof(buf))) > 1);
	ATF_REQUIRE_EQ(n / 2, write(fds[1], buf, (size_t)n / 2));
	(void)close(s);
	partner_kill(&partner);
	peer_close(f);
}

ROW(vanished, "the server dies before it has said anything, and in the "
    "middle of the handshake: ptConnectionAborted")
{
	struct fixture	 f;
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w) {
		begin(&f, plain(), 0);
		partner_server(&partner, w.w_kind, w.w_version, 0);
		partner_stop(&partner);
		ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1",
		    partner.pa_port));
		/* Connected to its kernel; our hello is there. */
		fixture_turn(&f, 0);
		partner_kill(&partner);
		fixture_expect(&f, CONNECTING " E(ptConnectionAborted)"
		    DOWN);
		fixture_reason(&f, "without sending anything");
		fixture_close(&f);

		begin(&f, plain(), 0);
		half_answer(&f, &w);
		fixture_expect(&f, CONNECTING " E(ptConnectionAborted)"
		    DOWN);
		fixture_reason(&f, "middle of the handshake");
		fixture_close(&f);
	}
	partner_end();
}

ROW(timeout, "a server that says nothing in time: closing, closed and "
    "ptTimeout, no Error; the object can be used again")
{
	struct fixture	 f;
	struct world	 w;

	partner_begin(tc);
	WORLD_EACH_SERVER(w) {
		begin(&f, plain(), 500);
		partner_server(&partner, w.w_kind, w.w_version, 0);
		partner_stop(&partner);
		ATF_CHECK_EQ(ptTimeout, securetcp_connect(f.f_tcp,
		    "127.0.0.1", partner.pa_port));
		fixture_expect(&f, CONNECTING DOWN);
		fixture_reason(&f, "the handshake took longer than 500 ms");
		partner_kill(&partner);
		f.f_events[0] = '\0';
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
		ATF_CHECK_EQ(ptOk, world_connect(&f, &partner, &w, 0));
		fixture_expect(&f, UP);
		world_down(&f, &partner);
	}
	partner_end();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, well);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, no_common);
	ATF_TP_ADD_TC(tp, unverified);
	ATF_TP_ADD_TC(tp, no_certificate);
	ATF_TP_ADD_TC(tp, asked);
	ATF_TP_ADD_TC(tp, asked_hook);
	ATF_TP_ADD_TC(tp, vanished);
	ATF_TP_ADD_TC(tp, timeout);
	return (atf_no_error());
}
