/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Many objects in one process, clients and servers of each other: each on
 * its own, with one configuration and one store of certificates for all.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define PAIRS		50
#define CONNECTING	"S(connecting)"
#define UP		"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"

X509_STORE	*__wrap_X509_STORE_new(void);
X509_STORE	*__real_X509_STORE_new(void);
int		 __wrap_X509_STORE_add_crl(X509_STORE *, X509_CRL *);
int		 __real_X509_STORE_add_crl(X509_STORE *, X509_CRL *);

static void	 prepare(void);
static void	 turn(void);
static void	 settle(const char *, const char *);
static void	 finish(void);

static struct pki	 root, leaf, own;
/* The even ones are clients, each with the server after it. */
static struct fixture	 all[2 * PAIRS];
static unsigned int	 stores;
static X509_CRL		*list;

X509_STORE *
__wrap_X509_STORE_new(void)
{
	stores++;
	return (__real_X509_STORE_new());
}

int
__wrap_X509_STORE_add_crl(X509_STORE *store, X509_CRL *crl)
{
	list = crl;
	return (__real_X509_STORE_add_crl(store, crl));
}

/* Both sides show a certificate, and look at that of the other. */
static struct securetcp_config *
settings(const struct pki *who, const char *crl)
{
	struct securetcp_config	*sc;

	sc = fixture_trusting(root.p_cert, root.p_certlen, crl);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, who->p_cert,
	    who->p_certlen, who->p_private, who->p_privatelen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_client_authentication(sc,
	    SECURETCP_AUTH_REQUIRED));
	return (sc);
}

static void
prepare(void)
{
	struct securetcp_config	*client, *server;
	struct fixture		*f;
	int			 fds[2], i;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", "DNS:www.example.org", 0);
	pki_make(&own, &root, "client", NULL, PKI_CLIENT);
	client = settings(&own, NULL);
	server = settings(&leaf, NULL);
	for (i = 0; i < 2 * PAIRS; i += 2) {
		f = &all[i];
		fixture_open(f, client);
		fixture_open(f + 1, server);
		(void)snprintf(f->f_what, sizeof(f->f_what), "client %d", i);
		(void)snprintf(f[1].f_what, sizeof(f->f_what), "server %d",
		    i);
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f->f_tcp, 0));
		fixture_pair(fds);
		ATF_REQUIRE_EQ(ptOk, securetcp_set_socket(f[1].f_tcp,
		    fds[0]));
		ATF_REQUIRE_EQ(ptOk, securetcp_connect_socket(f->f_tcp,
		    fds[1], "www.example.org"));
	}
	securetcp_config_free(client);
	securetcp_config_free(server);
}

/* What all of them wait for, at once. */
static void
turn(void)
{
	struct pollfd	 pfd[2 * PAIRS];
	size_t		 n[2 * PAIRS];
	int		 i, timeout, wait = FIXTURE_PATIENCE;

	for (i = 0; i < 2 * PAIRS; i++) {
		pfd[i].fd = -1;
		n[i] = securetcp_pollfds(all[i].f_tcp, &pfd[i], 1, &timeout);
		if (timeout != -1)
			wait = timeout;
	}
	ATF_REQUIRE(poll(pfd, 2 * PAIRS, wait) > 0 || wait == 0);
	for (i = 0; i < 2 * PAIRS; i++)
		(void)securetcp_dispatch(all[i].f_tcp, &pfd[i], n[i]);
}

/* Until this has been written down by all clients, and that by all servers. */
static void
settle(const char *clients, const char *servers)
{
	size_t	 want[2];
	int	 i, waits = 1;

	want[0] = strlen(clients);
	want[1] = strlen(servers);
	while (waits) {
		waits = 0;
		for (i = 0; i < 2 * PAIRS; i++)
			waits |= strlen(all[i].f_events) < want[i % 2];
		if (waits)
			turn();
	}
	for (i = 0; i < 2 * PAIRS; i++)
		ATF_CHECK_STREQ_MSG(i % 2 == 0 ? clients : servers,
		    all[i].f_events, "%s: %s", all[i].f_what,
		    all[i].f_events);
}

static void
finish(void)
{
	int	 i;

	for (i = 0; i < 2 * PAIRS; i++)
		fixture_close(&all[i]);
	pki_free(&own);
	pki_free(&leaf);
	pki_free(&root);
}

ATF_TC(together);
ATF_TC_HEAD(together, tc)
{
	atf_tc_set_md_var(tc, "descr", "fifty clients and their servers, all "
	    "at once: each has its own events and its own data; two stores "
	    "are made for the two configurations, once");
}
ATF_TC_BODY(together, tc)
{
	char	 in[64], out[64];
	size_t	 n;
	int	 i;

	stores = 0;
	prepare();
	settle(UP, UP);
	ATF_CHECK_EQ(2, stores);
	for (i = 0; i < 2 * PAIRS; i++) {
		(void)snprintf(out, sizeof(out), "from %03d", i);
		object_write(&all[i], out, 8);
	}
	for (i = 0; i < 2 * PAIRS; i++) {
		(void)snprintf(out, sizeof(out), "from %03d", i ^ 1);
		ATF_REQUIRE_EQ(8, object_read(&all[i], in, 8));
		ATF_CHECK_EQ(0, memcmp(in, out, 8));
		ATF_CHECK_EQ(8, securetcp_bytes_in(all[i].f_tcp));
		ATF_CHECK_EQ(SECURETCP_AGAIN, securetcp_receive(all[i].f_tcp,
		    in, sizeof(in), &n));
	}
	for (i = 0; i < 2 * PAIRS; i += 2)
		ATF_CHECK_EQ(ptOk, securetcp_close(all[i].f_tcp));
	settle(UP DOWN, UP DOWN);
	finish();
}

/* What ends the others is nothing to the first pair. */
static void
end(struct fixture *f, int how)
{
	switch (how) {
	case 0:
		ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
		ATF_CHECK_STREQ(UP " E(ptAbort)" DOWN, f->f_events);
		break;
	case 1:
		ATF_CHECK_EQ(ptOk, securetcp_close(f->f_tcp));
		break;
	default:
		ATF_REQUIRE_EQ(6, write(securetcp_socket(f->f_tcp), "broken",
		    6));
		break;
	}
}

ATF_TC(apart);
ATF_TC_HEAD(apart, tc)
{
	atf_tc_set_md_var(tc, "descr", "abort, close and garbage on all pairs "
	    "but one: that one goes on, and blocks while it does");
}
ATF_TC_BODY(apart, tc)
{
	static const char *const	 servers[] = {
		UP DOWN, UP DOWN, UP " E(ptProtocol)" DOWN
	};
	char				 buf[8];
	size_t				 n;
	int				 i, more;

	prepare();
	settle(UP, UP);
	for (i = 2; i < 2 * PAIRS; i += 2)
		end(&all[i], i / 2 % 3);
	do {
		turn();
		more = 0;
		for (i = 3; i < 2 * PAIRS; i += 2)
			more |= securetcp_state(all[i].f_tcp) !=
			    SECURETCP_CLOSED;
	} while (more);
	for (i = 3; i < 2 * PAIRS; i += 2)
		ATF_CHECK_STREQ_MSG(servers[i / 2 % 3], all[i].f_events,
		    "%s: %s", all[i].f_what, all[i].f_events);
	ATF_CHECK_STREQ(UP, all[0].f_events);
	ATF_CHECK_STREQ(UP, all[1].f_events);
	/* One blocks, the other one, in the same process, does not. */
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(all[0].f_tcp, 30000));
	object_write(&all[1], "hello", 5);
	ATF_CHECK_EQ(ptOk, securetcp_fill(all[0].f_tcp, buf, 5, &n));
	ATF_REQUIRE_EQ(5, n);
	ATF_CHECK_EQ(0, memcmp(buf, "hello", 5));
	ATF_CHECK_EQ(ptOk, securetcp_send(all[0].f_tcp, "there", 5, &n));
	ATF_CHECK_EQ(5, object_read(&all[1], buf, 5));
	finish();
}

ATF_TC(sorted);
ATF_TC_HEAD(sorted, tc)
{
	atf_tc_set_md_var(tc, "descr", "a list of revoked certificates is in "
	    "order once its configuration is prepared: a process that is "
	    "forked after that has nothing to sort, and nothing to copy for "
	    "it");
}
ATF_TC_BODY(sorted, tc)
{
	struct securetcp_config	*sc;
	char			 crl[PKI_PEM];

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", "DNS:www.example.org", 0);
	(void)pki_crl(&root, &leaf, PKI_LATER, crl, sizeof(crl));
	sc = settings(&leaf, crl);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_prepare(sc));
	ATF_REQUIRE(list != NULL);
	ATF_REQUIRE_EQ(2, sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list)));
	ATF_CHECK(sk_X509_REVOKED_is_sorted(X509_CRL_get_REVOKED(list)));
	securetcp_config_free(sc);
	pki_free(&leaf);
	pki_free(&root);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, together);
	ATF_TP_ADD_TC(tp, apart);
	ATF_TP_ADD_TC(tp, sorted);
	return (atf_no_error());
}
