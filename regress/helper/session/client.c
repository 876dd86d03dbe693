/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The two ends of a connection: a TLS client and a plain backend. */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"

static void	 client_wait(struct client *, ssize_t, int64_t);
static void	 backend_wait(struct fake *, int, short, int64_t);
static void	 nonblock(int);

static void
nonblock(int fd)
{
	ATF_REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) != -1);
	ATF_REQUIRE(fcntl(fd, F_SETFD, FD_CLOEXEC) != -1);
}

void
unix_pair(int fd[2])
{
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	nonblock(fd[0]);
	nonblock(fd[1]);
}

void
socket_pair(int fd[2])
{
	socket_pair_sized(fd, 0);
}

/* With a size, the kernel holds little more than that towards fd[0]. */
void
socket_pair_sized(int fd[2], int size)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 l, on = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ATF_REQUIRE((l = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	ATF_REQUIRE_EQ(0, bind(l, (struct sockaddr *)&sin, sizeof(sin)));
	ATF_REQUIRE_EQ(0, listen(l, 1));
	ATF_REQUIRE_EQ(0, getsockname(l, (struct sockaddr *)&sin, &len));
	ATF_REQUIRE((fd[0] = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	if (size != 0)
		ATF_REQUIRE_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF,
		    &size, sizeof(size)));
	ATF_REQUIRE_EQ(0, connect(fd[0], (struct sockaddr *)&sin,
	    sizeof(sin)));
	ATF_REQUIRE((fd[1] = accept(l, NULL, NULL)) != -1);
	(void)close(l);
	if (size != 0)
		ATF_REQUIRE_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF,
		    &size, sizeof(size)));
	ATF_REQUIRE_EQ(0, setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)));
	ATF_REQUIRE_EQ(0, setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)));
	nonblock(fd[0]);
	nonblock(fd[1]);
}

/* A session with its socket, and a client that has said nothing yet. */
void
client_open(struct client *c, struct fake *fk, const char *protocols)
{
	int	 fd[2];

	socket_pair(fd);
	client_open_pair(c, fk, protocols, fd);
}

void
client_open_pair(struct client *c, struct fake *fk, const char *protocols,
    int fd[2])
{
	struct tls_config	*config;
	uint32_t		 versions;

	memset(c, 0, sizeof(*c));
	c->c_fake = fk;
	c->c_session = fake_fork(fk);
	c->c_fd = fd[0];
	fake_adopt(c->c_session, fd[1]);

	ATF_REQUIRE((config = tls_config_new()) != NULL);
	ATF_REQUIRE_EQ(0, tls_config_parse_protocols(&versions, protocols));
	ATF_REQUIRE_EQ(0, tls_config_set_protocols(config, versions));
	tls_config_insecure_noverifycert(config);
	tls_config_insecure_noverifyname(config);
	ATF_REQUIRE((c->c_tls = tls_client()) != NULL);
	ATF_REQUIRE_EQ(0, tls_configure(c->c_tls, config));
	tls_config_free(config);
	ATF_REQUIRE_EQ(0, tls_connect_socket(c->c_tls, c->c_fd,
	    "session.test"));
}

static void
client_wait(struct client *c, ssize_t want, int64_t end)
{
	struct pollfd	 pfd;

	if (fake_now() > end)
		atf_tc_fail("the client waited in vain");
	pfd.fd = c->c_fd;
	pfd.events = want == TLS_WANT_POLLIN ? POLLIN : POLLOUT;
	fake_turn(c->c_fake, &pfd, 1, 100);
}

void
client_handshake(struct client *c)
{
	int64_t	 end = fake_now() + FAKE_PATIENCE;
	int	 n;

	while ((n = tls_handshake(c->c_tls)) == TLS_WANT_POLLIN ||
	    n == TLS_WANT_POLLOUT)
		client_wait(c, n, end);
	if (n != 0)
		atf_tc_fail("handshake: %s", tls_error(c->c_tls));
	FAKE_WAIT(c->c_fake, c->c_session->fs_established);
}

/* As far as it goes without waiting. */
void
client_handshake_step(struct client *c)
{
	int	 n;

	n = tls_handshake(c->c_tls);
	if (n == -1)
		atf_tc_fail("handshake: %s", tls_error(c->c_tls));
}

/* All of it: with a backend over TCP, or with NULL echo. */
void
client_connect(struct client *c, struct fake *fk, int *backend)
{
	int	 fd[2];

	client_open(c, fk, "secure");
	client_handshake(c);
	if (backend == NULL) {
		fake_accept(c->c_session, -1);
		return;
	}
	socket_pair(fd);
	fake_accept(c->c_session, fd[0]);
	*backend = fd[1];
}

/* What went out at once; 0 when nothing did. */
ssize_t
client_write_try(struct client *c, const void *buf, size_t len)
{
	ssize_t	 n;

	n = tls_write(c->c_tls, buf, len);
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT)
		return (0);
	if (n == -1)
		atf_tc_fail("client write: %s", tls_error(c->c_tls));
	return (n);
}

void
client_write(struct client *c, const void *buf, size_t len)
{
	const char	*p = buf;
	int64_t		 end = fake_now() + FAKE_PATIENCE;
	ssize_t		 n;

	while (len > 0) {
		if ((n = client_write_try(c, p, len)) == 0) {
			client_wait(c, TLS_WANT_POLLOUT, end);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

/* At least a byte; 0 at the end, -1 with a reset or an alert. */
ssize_t
client_read_some(struct client *c, void *buf, size_t len)
{
	int64_t	 end = fake_now() + FAKE_PATIENCE;
	ssize_t	 n;

	while ((n = tls_read(c->c_tls, buf, len)) == TLS_WANT_POLLIN ||
	    n == TLS_WANT_POLLOUT)
		client_wait(c, n, end);
	return (n);
}

/* What is there; 0 when nothing is. */
ssize_t
client_read_try(struct client *c, void *buf, size_t len)
{
	ssize_t	 n;

	n = tls_read(c->c_tls, buf, len);
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT)
		return (0);
	if (n <= 0)
		atf_tc_fail("client read: %s", n == 0 ? "end" :
		    tls_error(c->c_tls));
	return (n);
}

void
client_read(struct client *c, void *buf, size_t len)
{
	char	*p = buf;
	ssize_t	 n;

	while (len > 0) {
		if ((n = client_read_some(c, p, len)) <= 0)
			atf_tc_fail("client read: %s", n == 0 ? "end" :
			    tls_error(c->c_tls));
		p += n;
		len -= (size_t)n;
	}
}

void
client_expect(struct client *c, const char *text)
{
	char	 buf[256];
	size_t	 len = strlen(text);

	ATF_REQUIRE(len < sizeof(buf));
	client_read(c, buf, len);
	buf[len] = '\0';
	ATF_CHECK_STREQ(text, buf);
}

/* Half a close: close_notify, and the descriptor stays. */
void
client_shut(struct client *c)
{
	int64_t	 end = fake_now() + FAKE_PATIENCE;
	int	 n;

	while ((n = tls_close(c->c_tls)) == TLS_WANT_POLLIN ||
	    n == TLS_WANT_POLLOUT)
		client_wait(c, n, end);
	ATF_REQUIRE_EQ(0, n);
}

/* True when the next thing is the end. */
int
client_end(struct client *c)
{
	char	 byte;

	return (client_read_some(c, &byte, 1) == 0);
}

/* After the end: that it came without close_notify. */
int
client_truncated(struct client *c)
{
	return (tls_close(c->c_tls) == -1);
}

void
client_close(struct client *c)
{
	tls_free(c->c_tls);
	(void)close(c->c_fd);
	c->c_tls = NULL;
	c->c_fd = -1;
}

static void
backend_wait(struct fake *fk, int fd, short events, int64_t end)
{
	struct pollfd	 pfd;

	if (fake_now() > end)
		atf_tc_fail("the backend waited in vain");
	pfd.fd = fd;
	pfd.events = events;
	fake_turn(fk, &pfd, 1, 100);
}

void
backend_write(struct fake *fk, int fd, const void *buf, size_t len)
{
	const char	*p = buf;
	int64_t		 end = fake_now() + FAKE_PATIENCE;
	ssize_t		 n;

	while (len > 0) {
		if ((n = write(fd, p, len)) == -1) {
			ATF_REQUIRE_EQ(EAGAIN, errno);
			backend_wait(fk, fd, POLLOUT, end);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

/* What went out at once, or is there; 0 when nothing. */
ssize_t
backend_write_try(int fd, const void *buf, size_t len)
{
	ssize_t	 n;

	if ((n = write(fd, buf, len)) == -1) {
		ATF_REQUIRE_EQ(EAGAIN, errno);
		return (0);
	}
	return (n);
}

ssize_t
backend_read_try(int fd, void *buf, size_t len)
{
	ssize_t	 n;

	if ((n = read(fd, buf, len)) == -1) {
		ATF_REQUIRE_EQ(EAGAIN, errno);
		return (0);
	}
	if (n == 0)
		atf_tc_fail("backend read: end");
	return (n);
}

void
backend_read(struct fake *fk, int fd, void *buf, size_t len)
{
	char	*p = buf;
	int64_t	 end = fake_now() + FAKE_PATIENCE;
	ssize_t	 n;

	while (len > 0) {
		if ((n = read(fd, p, len)) == -1) {
			ATF_REQUIRE_EQ(EAGAIN, errno);
			backend_wait(fk, fd, POLLIN, end);
			continue;
		}
		if (n == 0)
			atf_tc_fail("backend read: end");
		p += n;
		len -= (size_t)n;
	}
}

void
backend_expect(struct fake *fk, int fd, const char *text)
{
	char	 buf[256];
	size_t	 len = strlen(text);

	ATF_REQUIRE(len < sizeof(buf));
	backend_read(fk, fd, buf, len);
	buf[len] = '\0';
	ATF_CHECK_STREQ(text, buf);
}

int
backend_end(struct fake *fk, int fd)
{
	int64_t	 end = fake_now() + FAKE_PATIENCE;
	ssize_t	 n;
	char	 byte;

	while ((n = read(fd, &byte, 1)) == -1 && errno == EAGAIN)
		backend_wait(fk, fd, POLLIN, end);
	return (n == 0);
}
