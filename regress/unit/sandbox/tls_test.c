/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A whole connection of libsecuretcp inside a session's sandbox: what the
 * TLS library needs there is allowed.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <atf-c.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "sandbox.h"
#include "securetcp.h"

#define MESSAGE		"through the sandbox"

static char	 chain_pem[8192], key_pem[8192];
static size_t	 chain_len, key_len;

static EVP_PKEY *
make_key(int rsa)
{
	EVP_PKEY_CTX	*ctx;
	EVP_PKEY	*pkey = NULL;

	ctx = EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	ATF_REQUIRE(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
	if (rsa)
		ATF_REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	else
		ATF_REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
		    NID_X9_62_prime256v1) == 1);
	ATF_REQUIRE(EVP_PKEY_keygen(ctx, &pkey) == 1);
	EVP_PKEY_CTX_free(ctx);
	return (pkey);
}

static size_t
pem_text(BIO *bio, char *out, size_t size)
{
	int	 n = BIO_read(bio, out, (int)size);

	ATF_REQUIRE(n > 0 && (size_t)n < size);
	BIO_free(bio);
	return ((size_t)n);
}

static void
make_pair(int rsa)
{
	EVP_PKEY	*pkey = make_key(rsa);
	X509_NAME	*name;
	X509		*x509;
	BIO		*bio;

	ATF_REQUIRE((x509 = X509_new()) != NULL);
	ATF_REQUIRE(X509_set_version(x509, 2) == 1);
	ATF_REQUIRE(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -60);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	ATF_REQUIRE((name = X509_NAME_new()) != NULL);
	ATF_REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"localhost", -1, -1, 0) == 1);
	ATF_REQUIRE(X509_set_subject_name(x509, name) == 1);
	ATF_REQUIRE(X509_set_issuer_name(x509, name) == 1);
	ATF_REQUIRE(X509_set_pubkey(x509, pkey) == 1);
	ATF_REQUIRE(X509_sign(x509, pkey, EVP_sha256()) != 0);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE(PEM_write_bio_X509(bio, x509) == 1);
	chain_len = pem_text(bio, chain_pem, sizeof(chain_pem));
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL,
	    NULL) == 1);
	key_len = pem_text(bio, key_pem, sizeof(key_pem));
	X509_NAME_free(name);
	X509_free(x509);
	EVP_PKEY_free(pkey);
}

static void
echo(struct securetcp *object, void *arg)
{
	char	 buf[256];
	size_t	 got, sent;

	(void)arg;
	while (securetcp_receive(object, buf, sizeof(buf), &got) == 0 &&
	    got > 0)
		(void)securetcp_send(object, buf, got, &sent);
}

/* The session: from its sandbox to the end of the connection. */
static int
serve(struct securetcp_config *config, int fd)
{
	static const struct securetcp_handlers	 handlers = {
		.st_receive = echo
	};
	struct securetcp			*object;
	struct pollfd				 pfd;
	size_t					 n;
	int					 timeout;

	if (sandbox_enter(SANDBOX_SESSION) == -1)
		return (10);
	if ((object = securetcp_new(config, &handlers, NULL)) == NULL ||
	    securetcp_set_half_close(object, 1) != 0 ||
	    securetcp_set_socket(object, fd) != 0)
		return (11);
	if (sandbox_enter(SANDBOX_RELAY) == -1)
		return (12);
	while (securetcp_state(object) == SECURETCP_CONNECTING ||
	    securetcp_state(object) == SECURETCP_CONNECTED) {
		n = securetcp_pollfds(object, &pfd, 1, &timeout);
		(void)poll(&pfd, (nfds_t)n, timeout);
		(void)securetcp_dispatch(object, &pfd, n);
	}
	(void)securetcp_close(object);
	n = securetcp_bytes_in(object) == strlen(MESSAGE) ? 0 : 13;
	securetcp_free(object);
	return ((int)n);
}

/* The spawner: public preparation, sandbox, one session. */
static int
spawn(const char *protocol, int fd)
{
	struct securetcp_config	*config;
	int			 status;
	pid_t			 pid;

	signal(SIGPIPE, SIG_IGN);
	if ((config = securetcp_config_new()) == NULL ||
	    securetcp_config_set_protocol(config, protocol) != 0 ||
	    securetcp_config_add_certificate(config, chain_pem, chain_len,
	    key_pem, key_len) != 0 || securetcp_config_prepare(config) != 0 ||
	    securetcp_warm() != 0)
		return (20);
	if (sandbox_enter(SANDBOX_SPAWNER) == -1)
		return (21);
	if ((pid = fork()) == -1)
		return (22);
	if (pid == 0)
		_exit(serve(config, fd));
	close(fd);
	if (waitpid(pid, &status, 0) != pid)
		return (23);
	return (WIFSIGNALED(status) ? 100 + WTERMSIG(status) :
	    WEXITSTATUS(status));
}

static void
talk(const char *protocol, int fd, const char *version)
{
	struct tls_config	*config;
	struct tls		*tls;
	char			 buf[sizeof(MESSAGE)];
	uint32_t		 protocols;
	size_t			 off;
	ssize_t			 n;

	ATF_REQUIRE((config = tls_config_new()) != NULL);
	ATF_REQUIRE(tls_config_parse_protocols(&protocols, protocol) == 0);
	ATF_REQUIRE(tls_config_set_protocols(config, protocols) == 0);
	tls_config_insecure_noverifycert(config);
	tls_config_insecure_noverifyname(config);
	ATF_REQUIRE((tls = tls_client()) != NULL);
	ATF_REQUIRE(tls_configure(tls, config) == 0);
	ATF_REQUIRE(tls_connect_socket(tls, fd, "localhost") == 0);
	ATF_REQUIRE_MSG(tls_handshake(tls) == 0, "%s", tls_error(tls));
	ATF_CHECK_STREQ(tls_conn_version(tls), version);
	ATF_REQUIRE(tls_write(tls, MESSAGE, strlen(MESSAGE)) ==
	    (ssize_t)strlen(MESSAGE));
	for (off = 0; off < strlen(MESSAGE); off += (size_t)n) {
		/* A session ticket makes it return with nothing. */
		while ((n = tls_read(tls, buf + off, strlen(MESSAGE) - off)) ==
		    TLS_WANT_POLLIN)
			continue;
		ATF_REQUIRE_MSG(n > 0, "%s", tls_error(tls));
	}
	ATF_CHECK(memcmp(buf, MESSAGE, strlen(MESSAGE)) == 0);
	(void)tls_close(tls);
	tls_free(tls);
	tls_config_free(config);
	close(fd);
}

static void
connection(int rsa, const char *protocol, const char *version)
{
	int	 status, sv[2];
	pid_t	 pid;

	make_pair(rsa);
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		close(sv[0]);
		_exit(spawn(protocol, sv[1]));
	}
	close(sv[1]);
	signal(SIGPIPE, SIG_IGN);
	talk(protocol, sv[0], version);
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_CHECK_MSG(status == 0, "%s: status %#x", protocol,
	    (unsigned int)status);
}

ATF_TC(rsa);
ATF_TC_HEAD(rsa, tc)
{
	atf_tc_set_md_var(tc, "descr", "TLS 1.2 and 1.3 with an RSA key, from "
	    "handshake to close, inside a session's sandbox");
}
ATF_TC_BODY(rsa, tc)
{
	connection(1, "tlsv1.2", "TLSv1.2");
	connection(1, "tlsv1.3", "TLSv1.3");
}

ATF_TC(ecdsa);
ATF_TC_HEAD(ecdsa, tc)
{
	atf_tc_set_md_var(tc, "descr", "The same with an ECDSA key");
}
ATF_TC_BODY(ecdsa, tc)
{
	connection(0, "tlsv1.2", "TLSv1.2");
	connection(0, "tlsv1.3", "TLSv1.3");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rsa);
	ATF_TP_ADD_TC(tp, ecdsa);
	return (atf_no_error());
}
