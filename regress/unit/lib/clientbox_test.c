/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Clients where it matters: in a process that was forked after the
 * preparations, is sandboxed before it has its socket, and dies when it
 * opens a file.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"
#include "sandbox.h"

#define CHILD_OK	0
#define CHILD_STATE	1
#define CHILD_SANDBOX	2
#define CHILD_NONE	3	/* the kernel has no sandbox */
#define CHILD_REFUSED	4	/* the server, by the reason that is wanted */

#define NAME		"www.example.org"
#define SAN		"DNS:www.example.org"

/* What a child is to find. */
struct part {
	struct securetcp_config	*pt_config;
	const char		*pt_name;	/* to ask the server for */
	const char		*pt_why;	/* NULL: it is valid */
};

static struct pki	 root, who;

static void	 rsa_make(struct pki *, struct key *);
static struct securetcp_config *settings(const char *, struct key *, int);
static int	 connected(struct securetcp *);
static int	 talk(const struct part *, int);
static void	 session(const struct part *, int);
static void	 serve(const struct pki *, int, int, int);
static void	 boxed(const struct part *, const struct pki *, int);
static void	 own(enum key_kind, int);

/* A self-signed one with an RSA key, which is its own CA. */
static void
rsa_make(struct pki *p, struct key *k)
{
	key_make(k, KEY_RSA2048, NAME, SAN);
	memset(p, 0, sizeof(*p));
	p->p_pkey = k->k_pkey;
	memcpy(p->p_cert, k->k_cert, k->k_certlen);
	p->p_certlen = k->k_certlen;
}

/* Prepared as a spawner does it; own: a certificate with its key elsewhere. */
static struct securetcp_config *
settings(const char *crl, struct key *own, int remote)
{
	struct securetcp_config	*sc;

	sc = fixture_trusting(root.p_cert, root.p_certlen, crl);
	if (own != NULL)
		ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_add_certificate(sc,
		    own->k_cert, own->k_certlen,
		    remote ? NULL : own->k_private,
		    remote ? 0 : own->k_privatelen), "%s",
		    securetcp_config_error(sc));
	ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_prepare_client(sc), "%s",
	    securetcp_config_error(sc));
	ATF_REQUIRE_EQ(ptOk, securetcp_warm());
	ATF_REQUIRE_EQ(0, key_signatures);
	return (sc);
}

/* A word to the server and back. */
static int
connected(struct securetcp *tcp)
{
	struct pollfd	 pfd;
	size_t		 got, n, sent;
	char		 buf[8];
	int		 error, timeout;

	if (securetcp_send(tcp, "hello", 5, &sent) != ptOk || sent != 5)
		return (CHILD_STATE);
	while ((error = securetcp_fill(tcp, buf, 5, &got)) ==
	    SECURETCP_AGAIN) {
		n = securetcp_pollfds(tcp, &pfd, 1, &timeout);
		if (n == 1 && poll(&pfd, 1, FIXTURE_PATIENCE) != 1)
			return (CHILD_STATE);
		(void)securetcp_dispatch(tcp, &pfd, n);
	}
	if (error != ptOk || got != 5 || memcmp(buf, "HELLO", 5) != 0)
		return (CHILD_STATE);
	return (securetcp_close(tcp) == ptOk ? CHILD_OK : CHILD_STATE);
}

/* In the sandbox. */
static int
talk(const struct part *pt, int fd)
{
	struct securetcp	*tcp;
	struct pollfd		 pfd;
	size_t			 n;
	int			 ok, timeout;

	if ((tcp = securetcp_new(pt->pt_config, NULL, NULL)) == NULL ||
	    securetcp_set_timeout(tcp, 0) != ptOk ||
	    securetcp_connect_socket(tcp, fd, pt->pt_name) != ptOk)
		return (CHILD_STATE);
	while (securetcp_state(tcp) == SECURETCP_CONNECTING) {
		n = securetcp_pollfds(tcp, &pfd, 1, &timeout);
		if (n == 1 && poll(&pfd, 1, FIXTURE_PATIENCE) != 1)
			return (CHILD_STATE);
		(void)securetcp_dispatch(tcp, &pfd, n);
	}
	if (securetcp_state(tcp) == SECURETCP_CONNECTED)
		ok = connected(tcp);
	else
		ok = pt->pt_why != NULL && strstr(securetcp_reason(tcp),
		    pt->pt_why) != NULL ? CHILD_REFUSED : CHILD_STATE;
	securetcp_free(tcp);
	return (ok);
}

/* As a spawner and one of its sessions. */
static void
session(const struct part *pt, int fd)
{
	pid_t	 pid;
	int	 status;

	if (sandbox_enter(SANDBOX_SPAWNER) == -1)
		_exit(errno == ENOSYS ? CHILD_NONE : CHILD_SANDBOX);
	if ((pid = fork()) == 0) {
		if (sandbox_enter(SANDBOX_SESSION) == -1)
			_exit(CHILD_SANDBOX);
		_exit(talk(pt, fd));
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		_exit(CHILD_SANDBOX);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) :
	    100 + WTERMSIG(status));
}

/* The server, which may ask for a certificate; it need not come to pass. */
static void
serve(const struct pki *p, int fd, int version, int ask)
{
	SSL_CTX	*ctx;
	SSL	*ssl;
	X509	*x509;
	char	 buf[5];

	ATF_REQUIRE_EQ(0, fcntl(fd, F_SETFL, 0));
	ctx = pki_server(p, ask ? &who : NULL);
	/* A client that is refused may have gone already. */
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_min_proto_version(ctx, version));
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, version));
	ATF_REQUIRE((ssl = SSL_new(ctx)) != NULL);
	ATF_REQUIRE_EQ(1, SSL_set_fd(ssl, fd));
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, buf, 5) == 5) {
		ATF_CHECK_EQ(0, memcmp(buf, "hello", 5));
		x509 = SSL_get_peer_certificate(ssl);
		ATF_CHECK_EQ(ask, x509 != NULL);
		X509_free(x509);
		ATF_CHECK_EQ(5, SSL_write(ssl, "HELLO", 5));
		(void)SSL_read(ssl, buf, 5);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void
boxed(const struct part *pt, const struct pki *p, int ask)
{
	pid_t	 pid;
	int	 fds[2], status, version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_pair(fds);
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			(void)close(fds[1]);
			session(pt, fds[0]);
		}
		ATF_REQUIRE_EQ(0, close(fds[0]));
		serve(p, fds[1], version, ask);
		ATF_REQUIRE_EQ(0, close(fds[1]));
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		ATF_REQUIRE(WIFEXITED(status));
		if (WEXITSTATUS(status) == CHILD_NONE)
			atf_tc_skip("this kernel has no sandbox");
		ATF_CHECK_EQ_MSG(pt->pt_why == NULL ? CHILD_OK :
		    CHILD_REFUSED, WEXITSTATUS(status), "version %#x, %s: %d",
		    (unsigned int)version, pt->pt_why == NULL ? "valid" :
		    pt->pt_why, WEXITSTATUS(status));
	}
}

CASE(ecdsa, "a server with an ECDSA key, verified with its name, through an "
    "authority on the way, and lists of revoked certificates")
{
	struct pki	 leaf, middle;
	struct part	 pt = { NULL, NAME, NULL };
	char		 crl[2 * PKI_PEM];
	size_t		 len;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&middle, &root, "Middle", NULL, PKI_CA);
	pki_make(&leaf, &middle, "leaf", SAN, PKI_CHAIN);
	pt.pt_config = settings(NULL, NULL, 0);
	boxed(&pt, &leaf, 0);
	securetcp_config_free(pt.pt_config);
	len = pki_crl(&root, NULL, 0, crl, sizeof(crl));
	(void)pki_crl(&middle, NULL, 0, crl + len, sizeof(crl) - len);
	pt.pt_config = settings(crl, NULL, 0);
	boxed(&pt, &leaf, 0);
	securetcp_config_free(pt.pt_config);
	pki_free(&leaf);
	pki_free(&middle);
	pki_free(&root);
}

CASE(rsa, "a server with an RSA key")
{
	struct key	 k;
	struct part	 pt = { NULL, NAME, NULL };

	rsa_make(&root, &k);
	pt.pt_config = settings(NULL, NULL, 0);
	boxed(&pt, &root, 0);
	securetcp_config_free(pt.pt_config);
	key_free(&k);
}

CASE(refused, "servers that are not valid: the reason is found in the "
    "sandbox too, with its dates")
{
	struct pki	 leaf, other;
	struct part	 pt = { NULL, NAME, NULL };
	char		 crl[PKI_PEM];

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", SAN, 0);
	pt.pt_config = settings(NULL, NULL, 0);
	pt.pt_name = "other.example.org";
	pt.pt_why = "the server's certificate is not for other.example.org";
	boxed(&pt, &leaf, 0);
	pt.pt_name = NAME;
	pki_make(&other, NULL, "Other", SAN, 0);
	pt.pt_why = "certificate CN=Other: signed by itself and not trusted";
	boxed(&pt, &other, 0);
	pki_free(&other);
	pki_make(&other, &root, "late", SAN, PKI_EXPIRED);
	pt.pt_why = "certificate CN=late: expired on 20";
	boxed(&pt, &other, 0);
	pki_free(&other);
	securetcp_config_free(pt.pt_config);

	(void)pki_crl(&root, &leaf, 0, crl, sizeof(crl));
	pt.pt_config = settings(crl, NULL, 0);
	pt.pt_why = "certificate CN=leaf: revoked on 20";
	boxed(&pt, &leaf, 0);
	securetcp_config_free(pt.pt_config);
	(void)pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	pt.pt_config = settings(crl, NULL, 0);
	pt.pt_why = "the list of revoked certificates of CN=Root expired on "
	    "20";
	boxed(&pt, &leaf, 0);
	securetcp_config_free(pt.pt_config);
	pki_free(&leaf);
	pki_free(&root);
}

/* The client's own certificate: of this kind, its key here or elsewhere. */
static void
own(enum key_kind kind, int remote)
{
	struct pki	 leaf;
	struct part	 pt = { NULL, NAME, NULL };
	struct key	 k;
	BIO		*bio;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", SAN, 0);
	key_make(&k, kind, "client", NULL);
	ATF_REQUIRE((bio = BIO_new_mem_buf(k.k_cert, (int)k.k_certlen)) !=
	    NULL);
	who.p_x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	ATF_REQUIRE(who.p_x509 != NULL);
	(void)BIO_free(bio);
	if (remote) {
		key_signer();
		key_serve(&k);
	}
	pt.pt_config = settings(NULL, &k, remote);
	boxed(&pt, &leaf, 1);
	securetcp_config_free(pt.pt_config);
	X509_free(who.p_x509);
	key_free(&k);
	pki_free(&leaf);
	pki_free(&root);
}

CASE(own_local, "a client with a certificate of its own, ECDSA and RSA")
{
	own(KEY_P256, 0);
	own(KEY_RSA2048, 0);
}

CASE(own_remote, "the same with its key behind the hook")
{
	own(KEY_P256, 1);
	own(KEY_RSA2048, 1);
}

CASE(no_file, "with a CA nothing is read: preparing a client opens no file, "
    "not even the system's CA")
{
	struct securetcp_config	*sc;
	pid_t			 pid;
	int			 status;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	ATF_REQUIRE_EQ(ptOk, securetcp_warm());
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (sandbox_enter(SANDBOX_SPAWNER) == -1)
			_exit(errno == ENOSYS ? CHILD_NONE : CHILD_SANDBOX);
		_exit(securetcp_config_prepare_client(sc) == ptOk ?
		    CHILD_OK : CHILD_STATE);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_MSG(WIFEXITED(status), "status %#x",
	    (unsigned int)status);
	if (WEXITSTATUS(status) == CHILD_NONE)
		atf_tc_skip("this kernel has no sandbox");
	ATF_CHECK_EQ(CHILD_OK, WEXITSTATUS(status));
	/* Without one it would be: what this case can see. */
	securetcp_config_free(sc);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (sandbox_enter(SANDBOX_SPAWNER) == -1)
			_exit(CHILD_SANDBOX);
		_exit(securetcp_config_prepare_client(sc) == ptOk ?
		    CHILD_OK : CHILD_STATE);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK(!WIFEXITED(status) || WEXITSTATUS(status) == CHILD_STATE);
	securetcp_config_free(sc);
	pki_free(&root);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ecdsa);
	ATF_TP_ADD_TC(tp, rsa);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, own_local);
	ATF_TP_ADD_TC(tp, own_remote);
	ATF_TP_ADD_TC(tp, no_file);
	return (atf_no_error());
}
