/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Short reads and writes, of every length, with EAGAIN and EINTR in between. */

#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "dribble.h"
#include "fixture.h"
#include "pki.h"
#include "served.h"

#define CONNECTING	"S(connecting)"
#define SERVER_UP	"S(connecting) S(connected)"
#define CLIENT_UP	"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"
#define DATA		3000
#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* A record's head has five bytes, an alert's record seven. */
static const size_t	 sizes[] = { 1, 2, 3, 4, 5, 6, 7, 64, 1000 };
static const int	 errnos[] = { 0, EAGAIN, EINTR };

static struct pki	 root, leaf;
static char		 out[20000], in[20000];

static void
begin(struct fixture *f)
{
	struct securetcp_config	*sc;
	size_t			 i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (char)('a' + (i * 7 + i / 26) % 25);
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", "IP:127.0.0.1", 0);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, leaf.p_cert,
	    leaf.p_certlen, leaf.p_private, leaf.p_privatelen));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_half_close(f->f_tcp, 1));
}

static void
finish(struct fixture *f)
{
	fixture_close(f);
	pki_free(&leaf);
	pki_free(&root);
}

static void
up(struct fixture *f, int client, int version)
{
	SSL_CTX	*ctx;

	if (client) {
		fixture_dial(f);
		ctx = pki_server(&leaf, NULL);
		ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx,
		    version));
		fixture_server(f, ctx);
	} else {
		fixture_assign(f);
		fixture_client(f, version, version);
	}
	fixture_handshake(f);
	fixture_expect(f, client ? CLIENT_UP : SERVER_UP);
	ATF_CHECK_STREQ(version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2",
	    securetcp_version(f->f_tcp));
}

/* All there is to do, in both directions, up to both ends. */
static void
converse(struct fixture *f, int client)
{
	size_t	 n;
	int	 error;

	memset(in, 0, sizeof(in));
	peer_write(f, out, DATA);
	ATF_REQUIRE_EQ(DATA, object_read(f, in, DATA));
	ATF_CHECK_EQ(0, memcmp(in, out, DATA));
	memset(in, 0, sizeof(in));
	object_write(f, out, DATA);
	ATF_REQUIRE_EQ(DATA, peer_read(f, in, DATA));
	ATF_CHECK_EQ(0, memcmp(in, out, DATA));
	peer_write(f, "a line\r", 7);
	peer_write(f, "\nand the rest", 13);
	while ((error = securetcp_search(f->f_tcp, in, sizeof(in), "\r\n", 2,
	    &n)) == SECURETCP_AGAIN)
		fixture_turn(f, 0);
	ATF_CHECK_EQ(ptOk, error);
	ATF_REQUIRE_EQ(8, n);
	ATF_CHECK_EQ(0, memcmp(in, "a line\r\n", 8));
	while ((error = securetcp_fill(f->f_tcp, in, 12, &n)) ==
	    SECURETCP_AGAIN)
		fixture_turn(f, 0);
	ATF_CHECK_EQ(ptOk, error);
	ATF_REQUIRE_EQ(12, n);
	ATF_CHECK_EQ(0, memcmp(in, "and the rest", 12));
	ATF_CHECK_EQ(DATA + 20, securetcp_bytes_in(f->f_tcp));
	ATF_CHECK_EQ(DATA, securetcp_bytes_out(f->f_tcp));
	peer_notify(f);
	ATF_CHECK_EQ(0, object_read(f, in, 1));
	object_write(f, out, DATA);
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f->f_tcp));
	ATF_REQUIRE_EQ(DATA, peer_read(f, in, sizeof(in)));
	ATF_CHECK_EQ(0, memcmp(in, out, DATA));
	ATF_CHECK(SSL_get_shutdown(f->f_ssl) & SSL_RECEIVED_SHUTDOWN);
	ATF_CHECK(!securetcp_truncated(f->f_tcp));
	if (client)
		fixture_expect(f, CLIENT_UP DOWN);
	else
		fixture_expect(f, SERVER_UP DOWN);
}

static void
every(int client)
{
	struct fixture	 f;
	size_t		 i, j;
	int		 version;

	begin(&f);
	for (i = 0; i < NITEMS(sizes); i++) {
		for (j = 0; j < NITEMS(errnos); j++) {
			dribble_most = sizes[i];
			dribble_errno = errnos[j];
			dribble_short = dribble_failed = 0;
			for (version = TLS1_2_VERSION; version <=
			    TLS1_3_VERSION; version++) {
				up(&f, client, version);
				converse(&f, client);
				peer_close(&f);
			}
			ATF_CHECK(dribble_short > 10);
			ATF_CHECK(errnos[j] == 0 || dribble_failed > 10);
		}
	}
	dribble_most = 0;
	dribble_errno = 0;
	finish(&f);
}

CASE(server, "a server, TLS 1.2 and 1.3: handshake, data, search, fill and "
    "both ends go through whole, and the events are the same")
{
	every(0);
}

CASE(client, "the same as a client")
{
	every(1);
}

CASE(ours_first, "our end has to wait, and goes out in pieces, while the peer "
    "goes on: what it says is read whole")
{
	struct fixture	 f;
	size_t		 i, n;
	int		 error, version;

	begin(&f);
	for (i = 0; i < NITEMS(sizes); i++) {
		for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION;
		    version++) {
			up(&f, 0, version);
			dribble_most = sizes[i];
			dribble_full = 1;
			ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
			ATF_CHECK_EQ(0, dribble_full);
			peer_write(&f, out, DATA);
			fixture_readable(securetcp_socket(f.f_tcp));
			/* Sends before it reads. */
			fixture_turn(&f, 0);
			memset(in, 0, sizeof(in));
			ATF_REQUIRE_EQ(DATA, object_read(&f, in, DATA));
			ATF_CHECK_EQ(0, memcmp(in, out, DATA));
			ATF_CHECK_EQ(0, peer_read(&f, in, 1));
			peer_notify(&f);
			/* It is here, or dispatch meets it. */
			error = securetcp_receive(f.f_tcp, in, 1, &n);
			ATF_CHECK(error == ptOk || error == SECURETCP_AGAIN);
			ATF_CHECK_EQ(0, n);
			fixture_expect(&f, SERVER_UP DOWN);
			peer_close(&f);
			dribble_most = 0;
		}
	}
	finish(&f);
}

CASE(vanished, "a peer that vanishes while the object shakes hands is no "
    "malformed TLS, whatever the library leaves of the system's error")
{
	static const int	 gone[] = { EPIPE, ECONNRESET };
	struct fixture		 f;
	size_t			 i;
	int			 version;

	begin(&f);
	for (i = 0; i < NITEMS(gone); i++) {
		for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION;
		    version++) {
			fixture_assign(&f);
			fixture_client(&f, version, version);
			dribble_vanished = gone[i];
			fixture_handshake(&f);
			dribble_vanished = 0;
			fixture_expect(&f, CONNECTING
			    " E(ptConnectionAborted)" DOWN);
			fixture_reason(&f, strerror(gone[i]));
			peer_close(&f);
		}
	}
	finish(&f);
}

CASE(failures, "what goes wrong is the same too: a stranger, an alert, an "
    "end in the middle of a record")
{
	struct fixture	 f;
	size_t		 i, j;

	begin(&f);
	for (i = 0; i < NITEMS(sizes); i++) {
		for (j = 0; j < NITEMS(errnos); j++) {
			dribble_most = sizes[i];
			dribble_errno = errnos[j];
			fixture_assign(&f);
			peer_raw(&f, "GET / HTTP/1.1\r\n\r\n", 18);
			fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
			fixture_reason(&f, "an HTTP request");
			peer_close(&f);

			fixture_assign(&f);
			fixture_client(&f, TLS1_3_VERSION, TLS1_3_VERSION);
			SSL_set_verify(f.f_ssl, SSL_VERIFY_PEER, NULL);
			fixture_handshake(&f);
			fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
			fixture_reason(&f, "peer's alert: unknown ca");
			peer_close(&f);

			up(&f, 0, TLS1_3_VERSION);
			peer_raw(&f, "\x17\x03\x03\x00\x40half", 9);
			peer_close(&f);
			fixture_expect(&f, SERVER_UP " S(closing)");
			fixture_reason(&f, "truncated");
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
			fixture_expect(&f, SERVER_UP DOWN);
		}
	}
	dribble_most = 0;
	dribble_errno = 0;
	finish(&f);
}

CASE(blocking, "calls that block: connect, send, fill, search, close")
{
	struct fixture	 f;
	size_t		 i, j, n;

	memset(out, 'x', sizeof(out));
	served_begin(&f);
	served_start(script_echo);
	for (i = 0; i < NITEMS(sizes); i++) {
		for (j = 0; j < NITEMS(errnos); j++) {
			dribble_most = sizes[i];
			dribble_errno = errnos[j];
			ATF_REQUIRE_EQ(ptOk, served_dial(&f));
			ATF_CHECK_STREQ(SERVED_UP, f.f_events);
			ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, out, DATA,
			    &n));
			ATF_CHECK_EQ(DATA, n);
			ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, in, DATA,
			    &n));
			ATF_REQUIRE_EQ(DATA, n);
			ATF_CHECK_EQ(0, memcmp(in, out, DATA));
			ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, "abc;d",
			    5, &n));
			ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, in,
			    sizeof(in), ";", 1, &n));
			ATF_CHECK_EQ(4, n);
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
			ATF_CHECK_STREQ(SERVED_UP SERVED_DOWN, f.f_events);
		}
	}
	dribble_most = 0;
	dribble_errno = 0;
	served_finish(&f);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, server);
	ATF_TP_ADD_TC(tp, client);
	ATF_TP_ADD_TC(tp, ours_first);
	ATF_TP_ADD_TC(tp, vanished);
	ATF_TP_ADD_TC(tp, failures);
	ATF_TP_ADD_TC(tp, blocking);
	return (atf_no_error());
}
