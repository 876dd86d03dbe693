/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The object as a client, event-driven. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"
#include "wrap.h"

#define CONNECTING	"S(connecting)"
#define UP		"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"
#define NAME		"www.example.org"

static struct pki	 root, leaf;

static struct securetcp_config *settings(void);
static void	 begin(struct fixture *);
static void	 open_up(struct fixture *, int);
static void	 finish(struct fixture *);
static void	 talk(struct fixture *);
static int	 descriptors(void);

static struct securetcp_config *
settings(void)
{
	if (root.p_pkey == NULL) {
		pki_make(&root, NULL, "Root", NULL, PKI_CA);
		pki_make(&leaf, &root, "leaf", "DNS:" NAME ",IP:127.0.0.1,"
		    "IP:::1", 0);
	}
	return (fixture_trusting(root.p_cert, root.p_certlen, NULL));
}

static void
begin(struct fixture *f)
{
	struct securetcp_config	*sc = settings();

	fixture_open(f, sc);
	securetcp_config_free(sc);
}

static void
finish(struct fixture *f)
{
	fixture_close(f);
	pki_free(&leaf);
	pki_free(&root);
}

/* Dialled, and connected. */
static void
open_up(struct fixture *f, int version)
{
	SSL_CTX	*ctx;

	fixture_dial(f);
	ctx = pki_server(&leaf, NULL);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_min_proto_version(ctx, version));
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, version));
	fixture_server(f, ctx);
	fixture_handshake(f);
	fixture_expect(f, UP);
}

/* A word in either direction. */
static void
talk(struct fixture *f)
{
	char	 buf[8];
	size_t	 got;

	object_write(f, "hello", 5);
	ATF_REQUIRE_EQ(5, peer_read(f, buf, 5));
	ATF_CHECK_EQ(0, memcmp(buf, "hello", 5));
	peer_write(f, "there", 5);
	ATF_REQUIRE_EQ(5, object_read(f, buf, 5));
	ATF_CHECK_EQ(0, memcmp(buf, "there", 5));
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_receive(f->f_tcp, buf,
	    sizeof(buf), &got));
}

static int
descriptors(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < 256; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	}
	return (n);
}

CASE(address, "by address, TLS 1.2 and 1.3: connecting before the call "
    "returns, the verdicts, connected; data both ways; addresses and ports")
{
	struct fixture	 f;
	int		 version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		begin(&f);
		open_up(&f, version);
		ATF_CHECK_STREQ(version == TLS1_3_VERSION ? "TLSv1.3" :
		    "TLSv1.2", securetcp_version(f.f_tcp));
		ATF_CHECK(securetcp_cipher(f.f_tcp)[0] != '\0');
		ATF_CHECK_STREQ("127.0.0.1",
		    securetcp_remote_address(f.f_tcp));
		ATF_CHECK_EQ(f.f_port, securetcp_remote_port(f.f_tcp));
		ATF_CHECK_STREQ("127.0.0.1",
		    securetcp_local_address(f.f_tcp));
		ATF_CHECK(securetcp_local_port(f.f_tcp) != 0);
		talk(&f);
		ATF_CHECK_EQ(5, securetcp_bytes_in(f.f_tcp));
		ATF_CHECK_EQ(5, securetcp_bytes_out(f.f_tcp));
		ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		ATF_CHECK_EQ(f.f_port, securetcp_remote_port(f.f_tcp));
		finish(&f);
	}
}

CASE(address6, "by an address of IPv6")
{
	struct fixture	 f;
	uint16_t	 port;
	int		 fd;

	begin(&f);
	fd = fixture_listen("::1", &port);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	ATF_REQUIRE_EQ(ptOk, securetcp_connect(f.f_tcp, "::1", port));
	ATF_REQUIRE((f.f_peer = accept(fd, NULL, NULL)) != -1);
	ATF_REQUIRE_EQ(0, fcntl(f.f_peer, F_SETFL, O_NONBLOCK));
	(void)close(fd);
	fixture_server(&f, pki_server(&leaf, NULL));
	fixture_handshake(&f);
	fixture_expect(&f, UP);
	ATF_CHECK_STREQ("::1", securetcp_remote_address(f.f_tcp));
	ATF_CHECK_EQ(port, securetcp_remote_port(f.f_tcp));
	finish(&f);
}

CASE(descriptor, "on a connected descriptor, with a name")
{
	struct fixture	 f;
	int		 fds[2];

	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_connect_socket(f.f_tcp, -1,
	    NAME));
	fixture_pair(fds);
	f.f_peer = fds[1];
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_connect_socket(f.f_tcp,
	    fds[0], ""));
	ATF_CHECK_EQ(ptOk, securetcp_connect_socket(f.f_tcp, fds[0], NAME));
	ATF_CHECK_STREQ(CONNECTING, f.f_events);
	ATF_CHECK_EQ(fds[0], securetcp_socket(f.f_tcp));
	ATF_CHECK_EQ(ptConnected, securetcp_connect_socket(f.f_tcp, fds[0],
	    NAME));
	fixture_server(&f, pki_server(&leaf, NULL));
	fixture_handshake(&f);
	fixture_expect(&f, UP);
	ATF_CHECK_STREQ(NAME, SSL_get_servername(f.f_ssl,
	    TLSEXT_NAMETYPE_host_name));
	talk(&f);
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	peer_close(&f);
	/* Without one there is nothing to find in the certificate. */
	f.f_events[0] = '\0';
	fixture_pair(fds);
	f.f_peer = fds[1];
	ATF_CHECK_EQ(ptOk, securetcp_connect_socket(f.f_tcp, fds[0], NULL));
	fixture_server(&f, pki_server(&leaf, NULL));
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11101) E(ptAuthentication)" DOWN);
	ATF_CHECK_STREQ("no name of the server is known to look for in its "
	    "certificate", f.f_reason);
	finish(&f);
}

static int
choose(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	(void)ssl;
	(void)arg;
	/* The second of the two. */
	ATF_CHECK_EQ(12, inlen);
	*out = in + 4;
	*outlen = 8;
	return (SSL_TLSEXT_ERR_OK);
}

CASE(offers, "application protocols, a certificate of its own, and the "
    "protocol versions that are offered")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct pki		 own;
	SSL_CTX			*ctx;

	sc = settings();
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_alpn(sc, NULL));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_alpn(sc, ",,"));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_alpn(sc, "h2,http/1.1"));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_protocol(sc, "tlsv1.2"));
	pki_make(&own, &root, "me", NULL, PKI_CLIENT);
	ATF_CHECK_EQ(ptOk, securetcp_config_add_certificate(sc, own.p_cert,
	    own.p_certlen, own.p_private, own.p_privatelen));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	fixture_dial(&f);
	ctx = pki_server(&leaf, &root);
	SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
	fixture_server(&f, ctx);
	fixture_handshake(&f);
	fixture_expect(&f, UP);
	ATF_CHECK_STREQ("http/1.1", securetcp_alpn(f.f_tcp));
	ATF_CHECK_STREQ("TLSv1.2", securetcp_version(f.f_tcp));
	ATF_CHECK_EQ(X509_V_OK, SSL_get_verify_result(f.f_ssl));
	pki_free(&own);
	finish(&f);
}

CASE(own_certificate, "the server wants a certificate and gets none: its "
    "alert; with a key elsewhere and no signer: ptNoCertificate")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	SSL_CTX			*ctx;

	begin(&f);
	fixture_dial(&f);
	ctx = pki_server(&leaf, &root);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx,
	    TLS1_2_VERSION));
	fixture_server(&f, ctx);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11111) E(ptProtocol)" DOWN);
	ATF_CHECK_STREQ("peer's alert: handshake failure", f.f_reason);
	fixture_close(&f);

	sc = settings();
	ATF_CHECK_EQ(ptOk, securetcp_config_add_certificate(sc, leaf.p_cert,
	    leaf.p_certlen, NULL, 0));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_connect(f.f_tcp, "127.0.0.1",
	    1));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK_STREQ("the certificate has no key, and no signer is set",
	    f.f_reason);
	finish(&f);
}

CASE(parameters, "what cannot be: a name when event-driven, no host, no "
    "port, a second connect; nothing changes and no event comes")
{
	struct fixture	 f;

	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_connect(f.f_tcp, "localhost",
	    1));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_connect(f.f_tcp, NULL, 1));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_connect(f.f_tcp, "", 1));
	ATF_CHECK_EQ(ptInvalidParam3, securetcp_connect(f.f_tcp, "127.0.0.1",
	    0));
	ATF_CHECK_STREQ("", f.f_events);
	ATF_CHECK_EQ(SECURETCP_CLOSED, securetcp_state(f.f_tcp));
	open_up(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(ptConnected, securetcp_connect(f.f_tcp, "127.0.0.1",
	    f.f_port));
	ATF_CHECK_EQ(ptConnected, securetcp_set_socket(f.f_tcp, 0));
	talk(&f);
	ATF_CHECK_STREQ(UP, f.f_events);
	finish(&f);
}

CASE(refused, "nobody listens: the error, by dispatch")
{
	struct fixture	 f;
	uint16_t	 port;

	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	(void)close(fixture_listen("127.0.0.1", &port));
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1", port));
	ATF_CHECK_STREQ(CONNECTING, f.f_events);
	fixture_expect(&f, CONNECTING " E(ptConnectionRefused)" DOWN);
	ATF_CHECK_STREQ("connect: Connection refused", f.f_reason);
	ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	finish(&f);
}

CASE(errnos, "each error number a connect can give, from its errno")
{
	static const struct {
		int	 number;
		int	 error;
	} all[] = {
		{ EACCES, ptNoAccess },
		{ ENOPROTOOPT, ptOptionNotSupported },
		{ EADDRINUSE, ptAddressInUse },
		{ EADDRNOTAVAIL, ptAddressNotAvailable },
		{ ENETDOWN, ptNetworkDown },
		{ ENETUNREACH, ptNetworkUnreachable },
		{ ENETRESET, ptNetworkReset },
		{ ECONNABORTED, ptConnectionAborted },
		{ ECONNRESET, ptConnectionReset },
		{ ENOBUFS, ptNoBufferSpace },
		{ ENOMEM, ptNoBufferSpace },
		{ ETIMEDOUT, ptTimeout },
		{ ECONNREFUSED, ptConnectionRefused },
		{ EHOSTUNREACH, ptHostUnreachable },
		{ EPERM, ptError }
	};
	struct fixture	 f;
	char		 want[128], why[128];
	size_t		 i;
	int		 n;

	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	n = descriptors();
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		f.f_events[0] = '\0';
		wrap_connect_errno = all[i].number;
		ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1",
		    9));
		wrap_connect_errno = 0;
		ATF_CHECK_STREQ(CONNECTING, f.f_events);
		(void)snprintf(want, sizeof(want), CONNECTING " E(%s)" DOWN,
		    securetcp_error_name(all[i].error));
		fixture_expect(&f, want);
		(void)snprintf(why, sizeof(why), "connect: %s",
		    strerror(all[i].number));
		ATF_CHECK_STREQ(why, f.f_reason);
		ATF_CHECK_EQ(n, descriptors());
	}
	finish(&f);
}

CASE(local, "the address and port to connect from, also one that is taken "
    "or not ours")
{
	struct fixture	 f;
	uint16_t	 from, port;
	int		 fd;

	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	ATF_CHECK_EQ(ptInvalidProperty, securetcp_set_local(f.f_tcp,
	    "localhost", 0));
	ATF_CHECK_EQ(ptInvalidProperty, securetcp_set_local(f.f_tcp, NULL,
	    1));
	/* Free a moment ago. */
	(void)close(fixture_listen("127.0.0.1", &from));
	ATF_CHECK_EQ(ptOk, securetcp_set_local(f.f_tcp, "127.0.0.1", from));
	open_up(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(from, securetcp_local_port(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);

	f.f_events[0] = '\0';
	fd = fixture_listen("127.0.0.1", &port);
	ATF_CHECK_EQ(ptOk, securetcp_set_local(f.f_tcp, "127.0.0.1", port));
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1", port));
	fixture_expect(&f, CONNECTING " E(ptAddressInUse)" DOWN);
	(void)close(fd);

	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptOk, securetcp_set_local(f.f_tcp, "192.0.2.77", 0));
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1", port));
	fixture_expect(&f, CONNECTING " E(ptAddressNotAvailable)" DOWN);

	ATF_CHECK_EQ(ptOk, securetcp_set_local(f.f_tcp, NULL, 0));
	open_up(&f, TLS1_3_VERSION);
	finish(&f);
}

static void
stranger(const char *says, const char *events, const char *why)
{
	struct fixture	 f;

	uint8_t		 hello[4096];

	begin(&f);
	fixture_dial(&f);
	/* The object's hello is read, so that going is no reset. */
	fixture_turn(&f, POLLIN);
	fixture_readable(f.f_peer);
	ATF_REQUIRE(read(f.f_peer, hello, sizeof(hello)) > 0);
	if (says == NULL)
		peer_close(&f);
	else
		peer_raw(&f, says, strlen(says));
	fixture_expect(&f, events);
	ATF_CHECK_MSG(strstr(f.f_reason, why) != NULL, "%s: %s", events,
	    f.f_reason);
	finish(&f);
}

CASE(strangers, "servers that do not speak TLS, or go without a word: "
    "ptProtocol says what came, ptConnectionAborted that nothing did")
{
	stranger("220 mail.example.org ESMTP\r\n",
	    CONNECTING " E(ptProtocol)" DOWN, "an SMTP or FTP greeting");
	stranger("HTTP/1.1 400 Bad Request\r\n\r\n",
	    CONNECTING " E(ptProtocol)" DOWN, "an HTTP answer");
	stranger("SSH-2.0-OpenSSH_9.9\r\n", CONNECTING " E(ptProtocol)" DOWN,
	    "SSH");
	stranger("+OK ready\r\n", CONNECTING " E(ptProtocol)" DOWN, "POP3");
	stranger("* OK ready\r\n", CONNECTING " E(ptProtocol)" DOWN, "IMAP");
	stranger(NULL, CONNECTING " E(ptConnectionAborted)" DOWN,
	    "without sending anything");
}

CASE(vanishes, "a server that goes after a part of the handshake")
{
	struct fixture	 f;
	char		 part[] = { 22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3 };

	begin(&f);
	fixture_dial(&f);
	fixture_turn(&f, POLLIN);
	peer_raw(&f, part, sizeof(part));
	peer_close(&f);
	fixture_expect(&f, CONNECTING " E(ptConnectionAborted)" DOWN);
	finish(&f);
}

CASE(ends, "after connected: the peer's end with and without close_notify, "
    "its reset, both half-closes")
{
	struct fixture	 f;
	char		 buf[8];
	size_t		 got;

	begin(&f);
	open_up(&f, TLS1_3_VERSION);
	peer_notify(&f);
	fixture_expect(&f, UP DOWN);
	ATF_CHECK(!securetcp_truncated(f.f_tcp));
	peer_close(&f);

	open_up(&f, TLS1_2_VERSION);
	peer_close(&f);
	fixture_expect(&f, UP DOWN);
	ATF_CHECK(securetcp_truncated(f.f_tcp));

	open_up(&f, TLS1_3_VERSION);
	peer_reset(&f);
	fixture_expect(&f, UP " E(ptConnectionReset)" DOWN);

	/* Theirs first: we go on sending. */
	ATF_CHECK_EQ(ptOk, securetcp_set_half_close(f.f_tcp, 1));
	open_up(&f, TLS1_3_VERSION);
	peer_write(&f, "last", 4);
	peer_notify(&f);
	while (f.f_receives == 0)
		fixture_turn(&f, 0);
	ATF_CHECK_EQ(4, object_read(&f, buf, 4));
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, sizeof(buf),
	    &got));
	ATF_CHECK_EQ(0, got);
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	object_write(&f, "still", 5);
	ATF_CHECK_EQ(5, peer_read(&f, buf, 5));
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
	fixture_expect(&f, UP DOWN);
	ATF_CHECK_EQ(0, peer_read(&f, buf, 1));
	peer_close(&f);

	/* Ours first: we go on reading. */
	open_up(&f, TLS1_3_VERSION);
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_EQ(ptNotConnected, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_EQ(0, peer_read(&f, buf, 1));
	ATF_CHECK_STREQ(UP, f.f_events);
	peer_write(&f, "late", 4);
	ATF_CHECK_EQ(4, object_read(&f, buf, 4));
	ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_receive(f.f_tcp, buf,
	    sizeof(buf), &got));
	peer_notify(&f);
	fixture_expect(&f, UP DOWN);
	finish(&f);
}

CASE(options, "no-delay and keep-alive: on the present socket, on the next "
    "one, and where there are none")
{
	struct fixture	 f;
	socklen_t	 len = sizeof(int);
	int		 fds[2], value;

	begin(&f);
	ATF_CHECK_EQ(1, securetcp_no_delay(f.f_tcp));
	ATF_CHECK_EQ(0, securetcp_keep_alive(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_set_keep_alive(f.f_tcp, 1));
	open_up(&f, TLS1_3_VERSION);
	ATF_REQUIRE_EQ(0, getsockopt(securetcp_socket(f.f_tcp), SOL_SOCKET,
	    SO_KEEPALIVE, &value, &len));
	ATF_CHECK(value != 0);
	ATF_REQUIRE_EQ(0, getsockopt(securetcp_socket(f.f_tcp), IPPROTO_TCP,
	    TCP_NODELAY, &value, &len));
	ATF_CHECK(value != 0);
	ATF_CHECK_EQ(ptOk, securetcp_set_no_delay(f.f_tcp, 0));
	ATF_CHECK_EQ(ptOk, securetcp_set_keep_alive(f.f_tcp, 0));
	ATF_CHECK_EQ(0, securetcp_no_delay(f.f_tcp));
	ATF_REQUIRE_EQ(0, getsockopt(securetcp_socket(f.f_tcp), IPPROTO_TCP,
	    TCP_NODELAY, &value, &len));
	ATF_CHECK_EQ(0, value);
	ATF_REQUIRE_EQ(0, getsockopt(securetcp_socket(f.f_tcp), SOL_SOCKET,
	    SO_KEEPALIVE, &value, &len));
	ATF_CHECK_EQ(0, value);
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	peer_close(&f);
	/* TCP is not what it has to be. */
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	f.f_peer = fds[1];
	ATF_REQUIRE_EQ(0, fcntl(f.f_peer, F_SETFL, O_NONBLOCK));
	ATF_CHECK_EQ(ptOk, securetcp_connect_socket(f.f_tcp, fds[0], NAME));
	ATF_CHECK_EQ(ptOptionNotSupported, securetcp_set_no_delay(f.f_tcp,
	    1));
	ATF_CHECK_EQ(0, securetcp_no_delay(f.f_tcp));
	ATF_CHECK_STREQ("", securetcp_remote_address(f.f_tcp));
	ATF_CHECK_EQ(0, securetcp_remote_port(f.f_tcp));
	fixture_server(&f, pki_server(&leaf, NULL));
	f.f_events[0] = '\0';
	fixture_handshake(&f);
	fixture_expect(&f, "A(11111) S(connected)");
	finish(&f);
}

CASE(properties, "the values a property takes, and those it does not")
{
	struct fixture	 f;
	char		 name[300];

	begin(&f);
	ATF_CHECK_EQ(30000, securetcp_timeout(f.f_tcp));
	ATF_CHECK_EQ(ptInvalidProperty, securetcp_set_timeout(f.f_tcp, -1));
	ATF_CHECK_EQ(30000, securetcp_timeout(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 1));
	ATF_CHECK_EQ(1, securetcp_timeout(f.f_tcp));
	ATF_CHECK_EQ(0, securetcp_blocked(f.f_tcp));
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ATF_CHECK_EQ(ptInvalidProperty, securetcp_set_server_name(f.f_tcp,
	    name));
	ATF_CHECK_EQ(ptInvalidProperty, securetcp_set_server_name(f.f_tcp,
	    ""));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_set_receive_limit(f.f_tcp,
	    16383));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_set_send_limit(f.f_tcp, 0));
	ATF_CHECK_EQ(ptOk, securetcp_set_receive_limit(f.f_tcp, 16384));
	ATF_CHECK_STREQ("", securetcp_remote_address(f.f_tcp));
	ATF_CHECK_STREQ("", securetcp_local_address(f.f_tcp));
	ATF_CHECK_EQ(SECURETCP_LIBRARY_VERSION, securetcp_library_version());
	finish(&f);
}

CASE(thousand, "one object, a thousand connections, no descriptor and no "
    "event more or less")
{
	struct fixture	 f;
	int		 i, n = 0;

	begin(&f);
	for (i = 0; i < 1000; i++) {
		open_up(&f, i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
		if (i % 10 == 0)
			talk(&f);
		if (i % 3 == 0) {
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
			fixture_expect(&f, UP DOWN);
		} else if (i % 3 == 1) {
			peer_notify(&f);
			fixture_expect(&f, UP DOWN);
		} else {
			ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
			fixture_expect(&f, UP " E(ptAbort)" DOWN);
		}
		peer_close(&f);
		if (i == 0)
			n = descriptors();
	}
	ATF_CHECK_EQ(n, descriptors());
	finish(&f);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, address);
	ATF_TP_ADD_TC(tp, address6);
	ATF_TP_ADD_TC(tp, descriptor);
	ATF_TP_ADD_TC(tp, offers);
	ATF_TP_ADD_TC(tp, own_certificate);
	ATF_TP_ADD_TC(tp, parameters);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, errnos);
	ATF_TP_ADD_TC(tp, local);
	ATF_TP_ADD_TC(tp, strangers);
	ATF_TP_ADD_TC(tp, vanishes);
	ATF_TP_ADD_TC(tp, ends);
	ATF_TP_ADD_TC(tp, options);
	ATF_TP_ADD_TC(tp, properties);
	ATF_TP_ADD_TC(tp, thousand);
	return (atf_no_error());
}
