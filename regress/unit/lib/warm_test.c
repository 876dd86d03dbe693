/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The warm-up, seen from where it matters: a process forked afterwards that
 * is sandboxed before its connection, and dies when it opens a file.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "sandbox.h"

#define CHILD_OK	0
#define CHILD_STATE	1
#define CHILD_SANDBOX	2
#define CHILD_NONE	3	/* the kernel has no sandbox */

static int	 serve(struct securetcp_config *, int);
static int	 echo(struct securetcp *);
static void	 session(struct securetcp_config *, int);
static int	 client(int, int);
static void	 sandboxed(enum key_kind, int);

/* An echo without ceremony, in the child. */
static int
serve(struct securetcp_config *sc, int fd)
{
	struct securetcp	*tcp;
	struct pollfd		 pfd;
	size_t			 n;
	int			 timeout;

	if ((tcp = securetcp_new(sc, NULL, NULL)) == NULL ||
	    securetcp_set_socket(tcp, fd) != ptOk)
		return (CHILD_STATE);
	while (securetcp_state(tcp) != SECURETCP_CLOSED) {
		if (securetcp_state(tcp) == SECURETCP_CONNECTED &&
		    echo(tcp) == -1)
			break;
		n = securetcp_pollfds(tcp, &pfd, 1, &timeout);
		if (n == 1 && poll(&pfd, 1, FIXTURE_PATIENCE) != 1)
			return (CHILD_STATE);
		(void)securetcp_dispatch(tcp, &pfd, n);
	}
	n = securetcp_bytes_in(tcp);
	securetcp_free(tcp);
	return (n == 5 ? CHILD_OK : CHILD_STATE);
}

static int
echo(struct securetcp *tcp)
{
	char	 buf[64];
	size_t	 got, sent;

	while (securetcp_receive(tcp, buf, sizeof(buf), &got) == ptOk) {
		if (got == 0)
			return (-1);
		if (securetcp_send(tcp, buf, got, &sent) != ptOk)
			return (-1);
	}
	return (0);
}

/* As a spawner and one of its sessions. */
static void
session(struct securetcp_config *sc, int fd)
{
	pid_t	 pid;
	int	 status;

	if (sandbox_enter(SANDBOX_SPAWNER) == -1)
		_exit(errno == ENOSYS ? CHILD_NONE : CHILD_SANDBOX);
	if ((pid = fork()) == 0) {
		if (sandbox_enter(SANDBOX_SESSION) == -1)
			_exit(CHILD_SANDBOX);
		_exit(serve(sc, fd));
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		_exit(CHILD_SANDBOX);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) :
	    100 + WTERMSIG(status));
}

static int
client(int fd, int version)
{
	SSL_CTX	*ctx;
	SSL	*ssl;
	char	 buf[5];
	int	 ok;

	ATF_REQUIRE_EQ(0, fcntl(fd, F_SETFL, 0));
	ATF_REQUIRE((ctx = SSL_CTX_new(TLS_client_method())) != NULL);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_min_proto_version(ctx, version));
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, version));
	ATF_REQUIRE((ssl = SSL_new(ctx)) != NULL);
	ATF_REQUIRE_EQ(1, SSL_set_fd(ssl, fd));
	ok = SSL_connect(ssl) == 1 && SSL_write(ssl, "hello", 5) == 5 &&
	    SSL_read(ssl, buf, 5) == 5 && memcmp(buf, "hello", 5) == 0;
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (ok);
}

static void
sandboxed(enum key_kind kind, int remote)
{
	struct securetcp_config	*sc;
	struct key		 k;
	pid_t			 pid;
	int			 fds[2], ok, status, version;

	key_make(&k, kind, "test", NULL);
	if (remote) {
		key_signer();
		key_serve(&k);
	}
	sc = fixture_config(&k, remote, "secure");
	ATF_REQUIRE_EQ(ptOk, securetcp_config_prepare(sc));
	ATF_REQUIRE_EQ(ptOk, securetcp_warm());
	/* The warm-up's hook was its own. */
	ATF_CHECK_EQ(0, key_signatures);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_pair(fds);
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			(void)close(fds[1]);
			session(sc, fds[0]);
		}
		ATF_REQUIRE_EQ(0, close(fds[0]));
		ok = client(fds[1], version);
		ATF_REQUIRE_EQ(0, close(fds[1]));
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_REQUIRE(WIFEXITED(status));
		if (WEXITSTATUS(status) == CHILD_NONE)
			atf_tc_skip("this kernel has no sandbox");
		ATF_CHECK_EQ(CHILD_OK, WEXITSTATUS(status));
		ATF_CHECK(ok);
	}
	securetcp_config_free(sc);
	key_free(&k);
}

ATF_TC(ecdsa_local);
ATF_TC_HEAD(ecdsa_local, tc)
{
	atf_tc_set_md_var(tc, "descr", "after the warm-up a forked and "
	    "sandboxed process completes a connection: ECDSA, own key");
}
ATF_TC_BODY(ecdsa_local, tc)
{
	sandboxed(KEY_P256, 0);
}

ATF_TC(ecdsa_remote);
ATF_TC_HEAD(ecdsa_remote, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with the key elsewhere");
}
ATF_TC_BODY(ecdsa_remote, tc)
{
	sandboxed(KEY_P384, 1);
}

ATF_TC(rsa_local);
ATF_TC_HEAD(rsa_local, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with RSA, own key");
}
ATF_TC_BODY(rsa_local, tc)
{
	sandboxed(KEY_RSA2048, 0);
}

ATF_TC(rsa_remote);
ATF_TC_HEAD(rsa_remote, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with RSA, the key elsewhere");
}
ATF_TC_BODY(rsa_remote, tc)
{
	sandboxed(KEY_RSA2048, 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ecdsa_local);
	ATF_TP_ADD_TC(tp, ecdsa_remote);
	ATF_TP_ADD_TC(tp, rsa_local);
	ATF_TP_ADD_TC(tp, rsa_remote);
	return (atf_no_error());
}
