/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Out of memory at each single place, a TLS library that does not work, no
 * descriptor left: the number, the events, and that all goes on afterwards.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fault.h"
#include "fixture.h"
#include "pki.h"

#define CONNECTING	"S(connecting)"
#define UP		"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"
#define MEMORY		" E(ptNoBufferSpace)" DOWN
#define NAME		"www.example.org"

static struct pki	 root, leaf;
static char		 big[1024 * 1024];

/* What is linked statically would be refused memory as well. */
static void
apart(void)
{
	struct tls_config	*tc;
	int			 same;

	fault_memory(1);
	tc = tls_config_new();
	same = fault_happened();
	fault_memory(0);
	tls_config_free(tc);
	if (same)
		atf_tc_skip("needs a TLS library that is linked dynamically");
}

static void
certificates(void)
{
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", "DNS:" NAME ",IP:127.0.0.1,"
	    "URI:spiffe://example.org/x,email:op@example.org", 0);
}

static void
no_certificates(void)
{
	pki_free(&leaf);
	pki_free(&root);
}

static void
begin(struct fixture *f)
{
	struct securetcp_config	*sc;

	certificates();
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, leaf.p_cert,
	    leaf.p_certlen, leaf.p_private, leaf.p_privatelen));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, 0));
}

static void
finish(struct fixture *f)
{
	fixture_close(f);
	no_certificates();
}

static void
dial(struct fixture *f)
{
	fixture_dial(f);
	fixture_server(f, pki_server(&leaf, NULL));
}

static void
up(struct fixture *f)
{
	dial(f);
	fixture_handshake(f);
	fixture_expect(f, UP);
}

/* Each request for memory of such a call fails in turn, then none. */
#define EACH_MEMORY(n, call, good, bad)					\
	for (n = 1;; n++) {						\
		fault_memory(n);					\
		error = (call);						\
		if (!fault_happened())					\
			break;						\
		fault_memory(0);					\
		ATF_CHECK_EQ(bad, error);				\
	}								\
	fault_memory(0);						\
	ATF_CHECK_EQ(good, error);					\
	ATF_CHECK(n > 1)

CASE(objects, "an object and a configuration: NULL and ENOMEM")
{
	struct securetcp_config	*sc;
	struct securetcp	*tcp;

	apart();
	fault_memory(1);
	errno = 0;
	ATF_CHECK(securetcp_config_new() == NULL);
	ATF_CHECK_EQ(ENOMEM, errno);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	fault_memory(1);
	errno = 0;
	ATF_CHECK(securetcp_new(sc, NULL, NULL) == NULL);
	ATF_CHECK_EQ(ENOMEM, errno);
	ATF_REQUIRE((tcp = securetcp_new(sc, NULL, NULL)) != NULL);
	securetcp_free(tcp);
	securetcp_config_free(sc);
}

CASE(settings, "certificates from memory and from files, a CA from a file: "
    "ptNoBufferSpace, said, and the same call works afterwards")
{
	struct securetcp_config	*sc;
	FILE			*fp;
	unsigned int		 n;
	int			 error;

	apart();
	certificates();
	ATF_REQUIRE((fp = fopen("cert.pem", "w")) != NULL);
	ATF_REQUIRE(fputs(leaf.p_cert, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
	ATF_REQUIRE((fp = fopen("root.pem", "w")) != NULL);
	ATF_REQUIRE(fputs(root.p_cert, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
	ATF_REQUIRE((fp = fopen("key.pem", "w")) != NULL);
	ATF_REQUIRE(fputs(leaf.p_private, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	EACH_MEMORY(n, securetcp_config_add_certificate(sc, leaf.p_cert,
	    leaf.p_certlen, leaf.p_private, leaf.p_privatelen), ptOk,
	    ptNoBufferSpace);
	ATF_CHECK_STREQ("certificate: out of memory",
	    securetcp_config_error(sc));
	EACH_MEMORY(n, securetcp_config_add_certificate_file(sc, "cert.pem",
	    "key.pem"), ptOk, ptNoBufferSpace);
	EACH_MEMORY(n, securetcp_config_set_ca_file(sc, "root.pem"), ptOk,
	    ptNoBufferSpace);
	ATF_CHECK_STREQ("CA root.pem: out of memory",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptOk, securetcp_config_prepare(sc));
	securetcp_config_free(sc);
	no_certificates();
}

CASE(properties, "the properties that are copied: ptNoBufferSpace, and the "
    "old value stays")
{
	struct fixture	 f;
	unsigned int	 n;
	int		 error;

	apart();
	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NAME));
	fault_memory(1);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_set_server_name(f.f_tcp,
	    "other"));
	EACH_MEMORY(n, securetcp_set_local(f.f_tcp, "127.0.0.1", 0), ptOk,
	    ptNoBufferSpace);
	/* It is NAME that is looked for still. */
	up(&f);
	ATF_CHECK_STREQ(NAME, SSL_get_servername(f.f_ssl,
	    TLSEXT_NAMETYPE_host_name));
	finish(&f);
}

CASE(connect, "connect, in all its ways: ptNoBufferSpace, no event, and a "
    "descriptor stays the caller's")
{
	struct fixture	 f;
	int		 fds[2];

	apart();
	begin(&f);
	fault_memory(1);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_connect(f.f_tcp, "127.0.0.1",
	    1));
	fixture_pair(fds);
	fault_memory(1);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_connect_socket(f.f_tcp,
	    fds[0], NAME));
	ATF_CHECK(fcntl(fds[0], F_GETFD) != -1);
	(void)close(fds[0]);
	(void)close(fds[1]);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 1000));
	fault_memory(1);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_connect(f.f_tcp, "localhost",
	    1));
	ATF_CHECK_STREQ("", f.f_events);
	ATF_CHECK_EQ(SECURETCP_CLOSED, securetcp_state(f.f_tcp));
	up(&f);
	finish(&f);
}

CASE(certificate, "what the peer's certificate says, each piece of it: "
    "ptNoBufferSpace, closing, closed; then connected")
{
	struct fixture	 f;
	unsigned int	 n;
	int		 happened;

	apart();
	begin(&f);
	for (n = 1;; n++) {
		dial(&f);
		fault_memory(n);
		fixture_handshake(&f);
		happened = fault_happened();
		fault_memory(0);
		fixture_expect(&f, happened ? CONNECTING MEMORY : UP);
		if (!happened)
			break;
		ATF_CHECK_STREQ("out of memory for the peer's certificate",
		    f.f_reason);
		ATF_CHECK_STREQ("", securetcp_peer_subject(f.f_tcp));
		peer_close(&f);
	}
	/*
	 * Itself, subject, issuer, hash, chain, names and four of these; to
	 * compare the name: where names are kept, those of hosts.
	 */
	ATF_CHECK_EQ_MSG(14, n, "%u", n);
	ATF_CHECK(securetcp_peer_name(f.f_tcp, 3, NULL) != NULL);
	finish(&f);
}

CASE(queue, "the send queue: ptNoBufferSpace from send, after its events")
{
	struct fixture	 f;
	size_t		 n;
	int		 error;

	apart();
	begin(&f);
	up(&f);
	fault_memory(1);
	do
		error = securetcp_send(f.f_tcp, big, sizeof(big), &n);
	while (error == ptOk);
	ATF_CHECK(fault_happened());
	ATF_CHECK_EQ(ptNoBufferSpace, error);
	fixture_expect(&f, UP MEMORY);
	ATF_CHECK_STREQ("out of memory for the send queue", f.f_reason);
	peer_close(&f);
	up(&f);
	finish(&f);
}

CASE(reading, "room for what dispatch reads: ptNoBufferSpace by Error")
{
	struct fixture	 f;
	char		 buf[8];

	apart();
	begin(&f);
	up(&f);
	peer_write(&f, "hello", 5);
	fault_memory(1);
	fixture_expect(&f, UP MEMORY);
	ATF_CHECK_STREQ("out of memory for reading", f.f_reason);
	peer_close(&f);
	up(&f);
	peer_write(&f, "hello", 5);
	ATF_CHECK_EQ(5, object_read(&f, buf, 5));
	finish(&f);
}

CASE(gather, "fill and search: ptNoBufferSpace from the call, and nothing "
    "has changed")
{
	struct fixture	 f;
	unsigned int	 n;
	size_t		 got;
	int		 error;

	apart();
	begin(&f);
	up(&f);
	EACH_MEMORY(n, securetcp_fill(f.f_tcp, big, 20000, &got),
	    SECURETCP_AGAIN, ptNoBufferSpace);
	EACH_MEMORY(n, securetcp_search(f.f_tcp, big, 40000, "token", 5,
	    &got), SECURETCP_AGAIN, ptNoBufferSpace);
	ATF_CHECK_STREQ(UP, f.f_events);
	peer_write(&f, "a token", 7);
	while ((error = securetcp_search(f.f_tcp, big, 40000, "token", 5,
	    &got)) == SECURETCP_AGAIN)
		fixture_turn(&f, 0);
	ATF_CHECK_EQ(ptOk, error);
	ATF_CHECK_EQ(7, got);
	finish(&f);
}

CASE(blocking, "calls that block: connect, whose handshake fails of it, "
    "returns the number without Error")
{
	struct fixture	 f;
	int		 fds[2];
	pid_t		 pid;

	apart();
	begin(&f);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
	fixture_pair(fds);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		SSL	*ssl = SSL_new(pki_server(&leaf, NULL));

		(void)fcntl(fds[1], F_SETFL, 0);
		(void)SSL_set_fd(ssl, fds[1]);
		(void)SSL_accept(ssl);
		_exit(0);
	}
	(void)close(fds[1]);
	/* After the name. */
	fault_memory(2);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_connect_socket(f.f_tcp,
	    fds[0], NAME));
	fixture_expect(&f, CONNECTING DOWN);
	ATF_CHECK_STREQ("out of memory for the peer's certificate",
	    f.f_reason);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	finish(&f);
}

CASE(warm, "the warm-up: ptNoBufferSpace, then it works")
{
	apart();
	fault_memory(1);
	ATF_CHECK_EQ(ptNoBufferSpace, securetcp_warm());
	ATF_CHECK_EQ(ptOk, securetcp_warm());
}

static int
no_signature(const struct securetcp_signing *ss, void *arg)
{
	(void)ss;
	(void)arg;
	return (-1);
}

CASE(library, "a TLS library that cannot be initialised: ptNoSecurity, no "
    "configuration; once it can, all is well")
{
	struct securetcp_config	*sc;

	fault_tls = "tls_init";
	errno = 0;
	ATF_CHECK(securetcp_config_new() == NULL);
	ATF_CHECK_EQ(ENOSYS, errno);
	ATF_CHECK_EQ(ptNoSecurity, securetcp_warm());
	ATF_CHECK_EQ(ptNoSecurity, securetcp_set_signer(no_signature, NULL));
	fault_tls = "tls_config_new";
	errno = 0;
	ATF_CHECK(securetcp_config_new() == NULL);
	ATF_CHECK_EQ(ENOMEM, errno);
	ATF_CHECK_EQ(ptNoSecurity, securetcp_warm());
	fault_tls = NULL;
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_CHECK_EQ(ptOk, securetcp_warm());
	securetcp_config_free(sc);
}

/* The object's call fails like that, and works afterwards. */
static void
refuses(const char *function, int client, int error, const char *reason)
{
	struct fixture	 f;
	int		 fds[2];

	begin(&f);
	fixture_pair(fds);
	fault_tls = function;
	ATF_CHECK_EQ_MSG(error, client ? securetcp_connect_socket(f.f_tcp,
	    fds[0], NAME) : securetcp_set_socket(f.f_tcp, fds[0]), "%s",
	    function);
	fault_tls = NULL;
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	fixture_reason(&f, reason);
	ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	ATF_CHECK_EQ(-1, fcntl(fds[0], F_GETFD));
	(void)close(fds[1]);
	if (client)
		up(&f);
	else {
		fixture_assign(&f);
		fixture_client(&f, TLS1_2_VERSION, TLS1_3_VERSION);
		fixture_handshake(&f);
		fixture_expect(&f, CONNECTING " S(connected)");
	}
	finish(&f);
}

CASE(security, "a TLS library that makes no context or no connection: "
    "ptNoSecurity, closing, closed, no Error; a context that it does not "
    "configure as a server: ptNoCertificate")
{
	refuses("tls_client", 1, ptNoSecurity, "TLS context");
	refuses("tls_configure", 1, ptNoSecurity, "TLS context");
	refuses("tls_connect_cbs", 1, ptNoSecurity, "TLS connection");
	refuses("tls_server", 0, ptNoSecurity, "TLS context");
	refuses("tls_configure", 0, ptNoCertificate, "TLS context");
	refuses("tls_accept_cbs", 0, ptNoSecurity, "TLS connection");
}

CASE(descriptors, "no descriptor left to connect with: ptError, and the "
    "reason is errno's; event-driven no event, blocking no Error")
{
	struct rlimit	 few, old;
	struct fixture	 f;

	begin(&f);
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	few = old;
	few.rlim_cur = 0;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	ATF_CHECK_EQ(ptError, securetcp_connect(f.f_tcp, "127.0.0.1", 1));
	ATF_CHECK_STREQ("", f.f_events);
	ATF_CHECK(strstr(securetcp_reason(f.f_tcp), strerror(EMFILE)) !=
	    NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 1000));
	ATF_CHECK_EQ(ptError, securetcp_connect(f.f_tcp, "127.0.0.1", 1));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	fixture_reason(&f, strerror(EMFILE));
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 0));
	up(&f);
	finish(&f);
}

CASE(closed_by_others, "a descriptor that the program closes behind the "
    "object's back: ptError, closing, closed")
{
	struct fixture	 f;

	begin(&f);
	up(&f);
	ATF_REQUIRE_EQ(0, close(securetcp_socket(f.f_tcp)));
	fixture_expect(&f, UP " E(ptError)" DOWN);
	ATF_CHECK_STREQ("the socket's descriptor was closed by others",
	    f.f_reason);
	peer_close(&f);
	up(&f);
	finish(&f);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, objects);
	ATF_TP_ADD_TC(tp, settings);
	ATF_TP_ADD_TC(tp, properties);
	ATF_TP_ADD_TC(tp, connect);
	ATF_TP_ADD_TC(tp, certificate);
	ATF_TP_ADD_TC(tp, queue);
	ATF_TP_ADD_TC(tp, reading);
	ATF_TP_ADD_TC(tp, gather);
	ATF_TP_ADD_TC(tp, blocking);
	ATF_TP_ADD_TC(tp, warm);
	ATF_TP_ADD_TC(tp, library);
	ATF_TP_ADD_TC(tp, security);
	ATF_TP_ADD_TC(tp, descriptors);
	ATF_TP_ADD_TC(tp, closed_by_others);
	return (atf_no_error());
}
