/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The object that writes down its events, and its peer. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"

static void	 fixture_note(struct fixture *, const char *, const char *);
static void	 fixture_state(struct securetcp *, enum securetcp_state,
		    void *);
static void	 fixture_error(struct securetcp *, int, const char *, void *);
static void	 fixture_receive(struct securetcp *, void *);
static void	 fixture_send(struct securetcp *, void *);
static void	 fixture_authenticate(struct securetcp *,
		    struct securetcp_verdicts *, void *);
static int	 fixture_ahead(struct fixture *, const char *);
static int	 peer_wait(struct fixture *, int);

static const struct securetcp_handlers	 fixture_handlers = {
	fixture_state, fixture_error, fixture_receive, fixture_send,
	fixture_authenticate
};

static void
fixture_note(struct fixture *f, const char *what, const char *name)
{
	size_t	 len = strlen(f->f_events);

	(void)snprintf(f->f_events + len, sizeof(f->f_events) - len,
	    "%s%s(%s)", len == 0 ? "" : " ", what, name);
	(void)strlcpy(f->f_reason, securetcp_reason(f->f_tcp),
	    sizeof(f->f_reason));
}

static void
fixture_state(struct securetcp *tcp, enum securetcp_state state, void *arg)
{
	struct fixture	*f = arg;

	ATF_CHECK_EQ(state, securetcp_state(tcp));
	if (state == SECURETCP_CLOSED)
		ATF_CHECK_EQ(-1, securetcp_socket(tcp));
	f->f_tcp = tcp;
	fixture_note(f, "S", securetcp_state_name(state));
	if (f->f_on_state != NULL)
		f->f_on_state(f, state);
}

static void
fixture_error(struct securetcp *tcp, int error, const char *text, void *arg)
{
	struct fixture	*f = arg;

	(void)tcp;
	ATF_CHECK_STREQ(securetcp_error_description(error), text);
	f->f_error = error;
	(void)strlcpy(f->f_description, text, sizeof(f->f_description));
	fixture_note(f, "E", securetcp_error_name(error));
	if (f->f_on_error != NULL)
		f->f_on_error(f, error);
}

static void
fixture_receive(struct securetcp *tcp, void *arg)
{
	struct fixture	*f = arg;

	(void)tcp;
	f->f_receives++;
	if (f->f_on_receive != NULL)
		f->f_on_receive(f);
}

static void
fixture_send(struct securetcp *tcp, void *arg)
{
	struct fixture	*f = arg;

	(void)tcp;
	f->f_sends++;
	if (f->f_on_send != NULL)
		f->f_on_send(f);
}

/* The verdicts in their order, and what they come to. */
static void
fixture_authenticate(struct securetcp *tcp, struct securetcp_verdicts *sv,
    void *arg)
{
	struct fixture	*f = arg;
	char		 digits[8];

	f->f_tcp = tcp;
	f->f_judged++;
	ATF_CHECK_EQ(SECURETCP_CONNECTING, securetcp_state(tcp));
	ATF_CHECK_EQ(sv->sv_trusted && sv->sv_date && sv->sv_signature &&
	    sv->sv_name && sv->sv_notrevoked, sv->sv_valid);
	ATF_CHECK_EQ(sv->sv_valid, sv->sv_reason[0] == '\0');
	(void)snprintf(digits, sizeof(digits), "%d%d%d%d%d", sv->sv_trusted,
	    sv->sv_date, sv->sv_signature, sv->sv_name, sv->sv_notrevoked);
	(void)strlcpy(f->f_why, sv->sv_reason, sizeof(f->f_why));
	fixture_note(f, "A", digits);
	if (f->f_on_authenticate != NULL)
		f->f_on_authenticate(f, sv);
}

struct securetcp_config *
fixture_config(const struct key *k, int remote, const char *protocol)
{
	struct securetcp_config	*sc;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	if (protocol != NULL)
		ATF_REQUIRE_EQ(ptOk, securetcp_config_set_protocol(sc,
		    protocol));
	ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_add_certificate(sc,
	    k->k_cert, k->k_certlen, remote ? NULL : k->k_private,
	    remote ? 0 : k->k_privatelen), "%s", securetcp_config_error(sc));
	return (sc);
}

struct securetcp_config *
fixture_trusting(const char *ca, size_t len, const char *crl)
{
	struct securetcp_config	*sc;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, ca, len));
	if (crl != NULL)
		ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_set_crl(sc, crl,
		    strlen(crl)), "%s", securetcp_config_error(sc));
	return (sc);
}

void
fixture_open(struct fixture *f, struct securetcp_config *sc)
{
	memset(f, 0, sizeof(*f));
	f->f_peer = -1;
	f->f_tcp = securetcp_new(sc, &fixture_handlers, f);
	ATF_REQUIRE(f->f_tcp != NULL);
}

void
fixture_p256(struct fixture *f, struct key *k, const char *protocol, int half)
{
	struct securetcp_config	*sc;

	key_make(k, KEY_P256, "test", NULL);
	sc = fixture_config(k, 0, protocol);
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_half_close(f->f_tcp, half));
}

void
fixture_reason(const struct fixture *f, const char *part)
{
	ATF_CHECK_MSG(strstr(f->f_reason, part) != NULL,
	    "reason \"%s\" does not say \"%s\"", f->f_reason, part);
}

void
fixture_close(struct fixture *f)
{
	if (!f->f_gone)
		securetcp_free(f->f_tcp);
	peer_close(f);
}

void
fixture_pair(int fds[2])
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd, one = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
	ATF_REQUIRE_EQ(0, listen(fd, 1));
	ATF_REQUIRE_EQ(0, getsockname(fd, (struct sockaddr *)&sin, &len));
	ATF_REQUIRE((fds[1] = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	ATF_REQUIRE_MSG(connect(fds[1], (struct sockaddr *)&sin, len) == 0,
	    "connect: %s", strerror(errno));
	ATF_REQUIRE_EQ(0, setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one,
	    sizeof(one)));
	ATF_REQUIRE((fds[0] = accept(fd, NULL, NULL)) != -1);
	ATF_REQUIRE_EQ(0, close(fd));
	ATF_REQUIRE_EQ(0, fcntl(fds[1], F_SETFL, O_NONBLOCK));
}

void
fixture_assign(struct fixture *f)
{
	int	 fds[2];

	fixture_pair(fds);
	f->f_peer = fds[1];
	f->f_events[0] = '\0';
	ATF_REQUIRE_EQ(ptOk, securetcp_set_socket(f->f_tcp, fds[0]));
	ATF_CHECK_STREQ("S(connecting)", f->f_events);
	ATF_CHECK_EQ(fds[0], securetcp_socket(f->f_tcp));
}

int
fixture_listen(const char *address, uint16_t *port)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;
	socklen_t		 len;
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	memset(&sin6, 0, sizeof(sin6));
	sin.sin_family = AF_INET;
	sin6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, address, &sin.sin_addr) == 1) {
		len = sizeof(sin);
		ATF_REQUIRE((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1);
		ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&sin, len));
		ATF_REQUIRE_EQ(0, getsockname(fd, (struct sockaddr *)&sin,
		    &len));
		*port = ntohs(sin.sin_port);
	} else {
		len = sizeof(sin6);
		ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, address,
		    &sin6.sin6_addr));
		if ((fd = socket(AF_INET6, SOCK_STREAM, 0)) == -1 ||
		    bind(fd, (struct sockaddr *)&sin6, len) == -1)
			atf_tc_skip("no IPv6 loopback here");
		ATF_REQUIRE_EQ(0, getsockname(fd, (struct sockaddr *)&sin6,
		    &len));
		*port = ntohs(sin6.sin6_port);
	}
	ATF_REQUIRE_EQ(0, listen(fd, 8));
	return (fd);
}

void
fixture_dial(struct fixture *f)
{
	int	 fd, one = 1;

	fd = fixture_listen("127.0.0.1", &f->f_port);
	f->f_events[0] = '\0';
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, 0));
	ATF_REQUIRE_EQ(ptOk, securetcp_connect(f->f_tcp, "127.0.0.1",
	    f->f_port));
	ATF_CHECK_STREQ("S(connecting)", f->f_events);
	ATF_REQUIRE((f->f_peer = accept(fd, NULL, NULL)) != -1);
	ATF_REQUIRE_EQ(0, fcntl(f->f_peer, F_SETFL, O_NONBLOCK));
	ATF_REQUIRE_EQ(0, setsockopt(f->f_peer, IPPROTO_TCP, TCP_NODELAY,
	    &one, sizeof(one)));
	ATF_REQUIRE_EQ(0, close(fd));
}

void
fixture_server(struct fixture *f, SSL_CTX *ctx)
{
	/* The peer's own writes are plain ones. */
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ATF_REQUIRE((f->f_ssl = SSL_new(ctx)) != NULL);
	SSL_CTX_free(ctx);
	SSL_set_mode(f->f_ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ATF_REQUIRE_EQ(1, SSL_set_fd(f->f_ssl, f->f_peer));
	SSL_set_accept_state(f->f_ssl);
}

void
fixture_client(struct fixture *f, int min, int max)
{
	SSL_CTX	*ctx;

	ATF_REQUIRE((ctx = SSL_CTX_new(TLS_client_method())) != NULL);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_min_proto_version(ctx, min));
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, max));
	ATF_REQUIRE((f->f_ssl = SSL_new(ctx)) != NULL);
	SSL_CTX_free(ctx);
	SSL_set_mode(f->f_ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ATF_REQUIRE_EQ(1, SSL_set_fd(f->f_ssl, f->f_peer));
	SSL_set_connect_state(f->f_ssl);
}

/* False: an end or an error, which the caller looks at. */
static int
peer_wait(struct fixture *f, int n)
{
	switch (SSL_get_error(f->f_ssl, n)) {
	case SSL_ERROR_WANT_READ:
		fixture_turn(f, POLLIN);
		return (1);
	case SSL_ERROR_WANT_WRITE:
		fixture_turn(f, POLLOUT);
		return (1);
	default:
		return (0);
	}
}

/* Until the peer has its part and the object is connected or closed. */
void
fixture_handshake(struct fixture *f)
{
	int	 n = 0;

	while (n != 1) {
		ERR_clear_error();
		if ((n = SSL_do_handshake(f->f_ssl)) != 1 && !peer_wait(f, n))
			break;
	}
	while (!f->f_gone && securetcp_state(f->f_tcp) ==
	    SECURETCP_CONNECTING)
		fixture_turn(f, 0);
}

/* Until Authenticate was told: what either side waits for may be on its way. */
void
fixture_judged(struct fixture *f)
{
	while (f->f_judged == 0) {
		ERR_clear_error();
		(void)SSL_do_handshake(f->f_ssl);
		fixture_turn(f, POLLIN);
	}
}

void
fixture_connect(struct fixture *f, int version)
{
	fixture_assign(f);
	fixture_client(f, version, version);
	fixture_handshake(f);
	ATF_REQUIRE_STREQ("S(connecting) S(connected)", f->f_events);
}

void
fixture_turn(struct fixture *f, short events)
{
	struct pollfd	 pfd[2];
	size_t		 nfds = 0;
	int		 n, timeout = -1;

	if (!f->f_gone)
		nfds = securetcp_pollfds(f->f_tcp, pfd, 1, &timeout);
	pfd[nfds].fd = events == 0 ? -1 : f->f_peer;
	pfd[nfds].events = events;
	pfd[nfds].revents = 0;
	n = poll(pfd, (nfds_t)nfds + 1,
	    timeout == -1 ? FIXTURE_PATIENCE : timeout);
	ATF_REQUIRE(n != -1);
	/* Where the library looks again it does so for ever. */
	f->f_idle = n != 0 || timeout == 0 ? 0 : f->f_idle +
	    (timeout == -1 ? FIXTURE_PATIENCE : timeout);
	ATF_REQUIRE_MSG(f->f_idle < FIXTURE_PATIENCE, "%s: nothing happens "
	    "after: %s", f->f_what, f->f_events);
	if (!f->f_gone)
		(void)securetcp_dispatch(f->f_tcp, pfd, nfds);
}

/* True while what was written down is a true beginning of it. */
static int
fixture_ahead(struct fixture *f, const char *events)
{
	size_t	 len = strlen(f->f_events);

	return (len < strlen(events) && strncmp(f->f_events, events,
	    len) == 0);
}

void
fixture_expect(struct fixture *f, const char *events)
{
	while (fixture_ahead(f, events))
		fixture_turn(f, 0);
	ATF_CHECK_STREQ_MSG(events, f->f_events, "%s: %s, not %s (%s)",
	    f->f_what, f->f_events, events, f->f_reason);
}

void
peer_raw(struct fixture *f, const void *buf, size_t len)
{
	ATF_REQUIRE_EQ((ssize_t)len, write(f->f_peer, buf, len));
}

void
peer_write(struct fixture *f, const void *buf, size_t len)
{
	const char	*p = buf;
	int		 n;

	while (len != 0) {
		ERR_clear_error();
		n = SSL_write(f->f_ssl, p, len > 65536 ? 65536 : (int)len);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else
			ATF_REQUIRE(peer_wait(f, n));
	}
}

/* As much as asked for, less at the end. */
size_t
peer_read(struct fixture *f, void *buf, size_t len)
{
	char	*p = buf;
	size_t	 have = 0;
	int	 n;

	while (have < len) {
		ERR_clear_error();
		n = SSL_read(f->f_ssl, p + have, (int)(len - have));
		if (n > 0)
			have += (size_t)n;
		else if (!peer_wait(f, n))
			break;
	}
	return (have);
}

void
peer_notify(struct fixture *f)
{
	int	 n;

	do {
		ERR_clear_error();
		n = SSL_shutdown(f->f_ssl);
	} while (n < 0 && peer_wait(f, n));
}

void
peer_close(struct fixture *f)
{
	SSL_free(f->f_ssl);
	f->f_ssl = NULL;
	if (f->f_peer != -1)
		(void)close(f->f_peer);
	f->f_peer = -1;
}

void
peer_reset(struct fixture *f)
{
	struct linger	 linger = { 1, 0 };

	ATF_REQUIRE_EQ(0, setsockopt(f->f_peer, SOL_SOCKET, SO_LINGER,
	    &linger, sizeof(linger)));
	peer_close(f);
}

/* All of it, however small the queue. */
void
object_write(struct fixture *f, const void *buf, size_t len)
{
	const char	*p = buf;
	size_t		 sent;

	while (len != 0) {
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f->f_tcp, p, len, &sent));
		p += sent;
		len -= sent;
		if (len != 0)
			fixture_turn(f, 0);
	}
}

size_t
object_read(struct fixture *f, void *buf, size_t len)
{
	char	*p = buf;
	size_t	 got, have = 0;
	int	 error;

	while (have < len) {
		error = securetcp_receive(f->f_tcp, p + have, len - have,
		    &got);
		if (error == SECURETCP_AGAIN) {
			fixture_turn(f, 0);
			/* An end that dispatch finds closes the object. */
			if (securetcp_state(f->f_tcp) == SECURETCP_CLOSED &&
			    strstr(f->f_events, "E(") == NULL)
				break;
			continue;
		}
		ATF_REQUIRE_EQ_MSG(ptOk, error, "%s (%s) after: %s",
		    securetcp_error_name(error), securetcp_reason(f->f_tcp),
		    f->f_events);
		if (got == 0)
			break;
		have += got;
	}
	return (have);
}

void
fixture_readable(int fd)
{
	struct pollfd	 pfd;

	pfd.fd = fd;
	pfd.events = POLLIN;
	ATF_REQUIRE_EQ(1, poll(&pfd, 1, FIXTURE_PATIENCE));
}

/* FreeBSD tells a hang-up only to who asks for something. */
void
fixture_hangup(int fd)
{
	struct pollfd	 pfd;

	pfd.fd = fd;
	pfd.events = POLLIN;
	do {
		ATF_REQUIRE_EQ(1, poll(&pfd, 1, FIXTURE_PATIENCE));
	} while ((pfd.revents & (POLLHUP | POLLERR)) == 0);
}

int
fixture_resets(void)
{
	char	 c;
	ssize_t	 n;
	int	 error, fds[2];

	fixture_pair(fds);
	ATF_REQUIRE_EQ(1, write(fds[0], "x", 1));
	/* What comes after the close is reset everywhere. */
	fixture_readable(fds[1]);
	(void)close(fds[1]);
	n = read(fds[0], &c, 1);
	error = errno;
	(void)close(fds[0]);
	return (n == -1 && error == ECONNRESET);
}
