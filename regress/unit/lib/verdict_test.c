/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Who the peer is: verdicts, the Authenticate event, what comes of it. */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define CONNECTING	"S(connecting)"
#define DOWN		" S(closing) S(closed)"
#define REFUSED		" E(ptAuthentication)" DOWN
#define NAME		"www.example.org"
#define SAN		"DNS:www.example.org"

static struct pki	 root;

static struct securetcp_config *settings(const struct pki *, const char *,
		    size_t);
static void	 meet(struct fixture *, const struct pki *, const char *,
		    const char *);
static void	 client(const struct pki *, const char *, const char *,
		    const char *, const char *);
static void	 good(void);
static void	 bad(int, const char *, const char *);
static void	 server(struct fixture *, enum securetcp_authentication,
		    const struct pki *, int);
static void	 served(enum securetcp_authentication, const struct pki *,
		    const char *, const char *);

/* With the root as CA. */
static struct securetcp_config *
settings(const struct pki *ca, const char *crl, size_t len)
{
	struct securetcp_config	*sc;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, ca->p_cert,
	    ca->p_certlen));
	if (crl != NULL)
		ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_set_crl(sc, crl,
		    len), "%s", securetcp_config_error(sc));
	return (sc);
}

/* The object as a client of this server, as far as it comes. */
static void
meet(struct fixture *f, const struct pki *who, const char *name,
    const char *crl)
{
	struct securetcp_config	*sc;

	sc = settings(&root, crl, crl == NULL ? 0 : strlen(crl));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f->f_tcp, name));
	fixture_dial(f);
	fixture_server(f, pki_server(who, NULL));
}

static void
client(const struct pki *who, const char *name, const char *crl,
    const char *events, const char *why)
{
	struct fixture	 f;

	meet(&f, who, name, crl);
	fixture_handshake(&f);
	fixture_expect(&f, events);
	ATF_CHECK_MSG(strstr(f.f_why, why) != NULL,
	    "%s: \"%s\" does not say \"%s\"", events, f.f_why, why);
	if (strstr(events, "ptAuthentication") != NULL) {
		ATF_CHECK_EQ(ptAuthentication, f.f_error);
		ATF_CHECK_STREQ(f.f_why, f.f_reason);
	}
	fixture_close(&f);
}

static void
good(void)
{
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
}

static void
bad(int flags, const char *events, const char *why)
{
	struct pki	 leaf;

	pki_make(&leaf, &root, "leaf", SAN, flags);
	client(&leaf, NAME, NULL, events, why);
	pki_free(&leaf);
}

CASE(valid, "a server of the CA, by name and by address: all verdicts are "
    "good, connected")
{
	struct pki	 leaf;

	good();
	bad(0, CONNECTING " A(11111) S(connected)", "");
	pki_make(&leaf, &root, "leaf", "IP:127.0.0.1", 0);
	client(&leaf, NULL, NULL, CONNECTING " A(11111) S(connected)", "");
	pki_free(&leaf);
	/* The common name counts where there are no others. */
	pki_make(&leaf, &root, NAME, NULL, 0);
	client(&leaf, NAME, NULL, CONNECTING " A(11111) S(connected)", "");
	pki_free(&leaf);
	pki_free(&root);
}

CASE(untrusted, "a self-signed server, one of another CA, one that may only "
    "be a client: no trusted root")
{
	struct pki	 leaf, other;

	good();
	pki_make(&leaf, NULL, NAME, SAN, 0);
	client(&leaf, NAME, NULL, CONNECTING " A(01111)" REFUSED,
	    "certificate CN=" NAME ": ");
	pki_free(&leaf);
	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	pki_make(&leaf, &other, "leaf", SAN, 0);
	client(&leaf, NAME, NULL, CONNECTING " A(01011)" REFUSED,
	    "certificate CN=leaf: ");
	pki_free(&leaf);
	pki_free(&other);
	bad(PKI_CLIENT, CONNECTING " A(01111)" REFUSED, "purpose");
	pki_free(&root);
}

CASE(dates, "a certificate that has expired, or is not valid yet: the date "
    "alone is wrong")
{
	good();
	bad(PKI_EXPIRED, CONNECTING " A(10111)" REFUSED, "expired");
	bad(PKI_EARLY, CONNECTING " A(10111)" REFUSED, "not valid before ");
	pki_free(&root);
}

CASE(forged, "a certificate that another key has signed: the signature is "
    "wrong, and so there is no trusted root")
{
	good();
	bad(PKI_FORGED, CONNECTING " A(01011)" REFUSED, "certificate CN=");
	pki_free(&root);
}

CASE(names, "a certificate for another name: the name alone is wrong; nor "
    "is the address of a connection a name")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct pki		 leaf;

	good();
	pki_make(&leaf, &root, "leaf", SAN, 0);
	client(&leaf, "mail.example.org", NULL, CONNECTING " A(11101)" REFUSED,
	    "not for mail.example.org");
	client(&leaf, NULL, NULL, CONNECTING " A(11101)" REFUSED,
	    "not for 127.0.0.1");
	/* It does not count where it is not asked for. */
	sc = settings(&root, NULL, 0);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_verify_name(sc, 0));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	fixture_dial(&f);
	fixture_server(&f, pki_server(&leaf, NULL));
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11111) S(connected)");
	fixture_close(&f);
	pki_free(&leaf);
	pki_free(&root);
}

CASE(newer, "of two lists of one issuer the newer counts, in whatever order "
    "they come")
{
	struct pki	 leaf, freed;
	char		 old[PKI_PEM], new[PKI_PEM], both[2 * PKI_PEM];

	good();
	pki_make(&leaf, &root, "leaf", SAN, 0);
	pki_make(&freed, &root, "freed", SAN, 0);
	(void)pki_crl(&root, &freed, PKI_OLDER, old, sizeof(old));
	(void)pki_crl(&root, &leaf, 0, new, sizeof(new));
	(void)snprintf(both, sizeof(both), "%s%s", old, new);
	client(&leaf, NAME, both, CONNECTING " A(11110)" REFUSED, "revoked");
	client(&freed, NAME, both, CONNECTING " A(11111) S(connected)", "");
	(void)snprintf(both, sizeof(both), "%s%s", new, old);
	client(&leaf, NAME, both, CONNECTING " A(11110)" REFUSED, "revoked");
	client(&freed, NAME, both, CONNECTING " A(11111) S(connected)", "");
	pki_free(&freed);
	pki_free(&leaf);
	pki_free(&root);
}

/* Two lists in either order: the one is revoked, the other is let in. */
static void
both_ways(const struct pki *gone, const struct pki *here, const char *a,
    const char *b)
{
	char	 both[2 * PKI_PEM];

	(void)snprintf(both, sizeof(both), "%s%s", a, b);
	client(gone, NAME, both, CONNECTING " A(11110)" REFUSED,
	    "certificate CN=gone: revoked on 20");
	client(here, NAME, both, CONNECTING " A(11111) S(connected)", "");
	(void)snprintf(both, sizeof(both), "%s%s", b, a);
	client(gone, NAME, both, CONNECTING " A(11110)" REFUSED,
	    "certificate CN=gone: revoked on 20");
	client(here, NAME, both, CONNECTING " A(11111) S(connected)", "");
}

CASE(lists, "what any list of the issuer says counts: two of the same date, "
    "one of changes, for some reasons, or of a point; the others do not do "
    "alone")
{
	struct pki	 fake, gone, here;
	char		 both[2 * PKI_PEM], empty[PKI_PEM], list[PKI_PEM];

	good();
	pki_make(&gone, &root, "gone", SAN, 0);
	pki_make(&here, &root, "here", SAN, 0);
	(void)pki_crl(&root, NULL, 0, empty, sizeof(empty));
	(void)pki_crl(&root, &gone, 0, list, sizeof(list));
	both_ways(&gone, &here, empty, list);
	(void)pki_crl(&root, &gone, PKI_CHANGES, list, sizeof(list));
	both_ways(&gone, &here, empty, list);
	client(&gone, NAME, list, CONNECTING " A(11110)" REFUSED, "revoked");
	client(&here, NAME, list, CONNECTING " A(11110)" REFUSED,
	    "the list of revoked certificates of CN=Root does not cover this "
	    "certificate");
	(void)pki_crl(&root, &gone, PKI_REASONS, list, sizeof(list));
	both_ways(&gone, &here, empty, list);
	client(&here, NAME, list, CONNECTING " A(11110)" REFUSED,
	    "the list of revoked certificates of CN=Root does not cover this "
	    "certificate");
	(void)pki_crl(&root, &gone, PKI_POINT, list, sizeof(list));
	client(&gone, NAME, list, CONNECTING " A(11110)" REFUSED, "revoked");
	client(&here, NAME, list, CONNECTING " A(11110)" REFUSED,
	    "the list of revoked certificates of CN=Root does not cover this "
	    "certificate");
	both_ways(&gone, &here, empty, list);
	pki_make(&fake, NULL, "Root", NULL, PKI_CA);
	(void)pki_crl(&fake, &gone, PKI_REASONS, list, sizeof(list));
	/* It has the issuer's name, and is not by it. */
	(void)snprintf(both, sizeof(both), "%s%s", empty, list);
	client(&gone, NAME, both, CONNECTING " A(11111) S(connected)", "");
	pki_free(&fake);
	pki_free(&here);
	pki_free(&gone);
	pki_free(&root);
}

CASE(revoked, "lists of revoked certificates: in it, not in it, a list that "
    "is old or missing")
{
	struct pki	 leaf, late, other;
	char		 crl[PKI_PEM];

	good();
	pki_make(&leaf, &root, "leaf", SAN, 0);
	pki_make(&late, &root, "late", SAN, PKI_EXPIRED);
	(void)pki_crl(&root, NULL, 0, crl, sizeof(crl));
	client(&leaf, NAME, crl, CONNECTING " A(11111) S(connected)", "");
	client(&late, NAME, crl, CONNECTING " A(10111)" REFUSED, "expired");
	(void)pki_crl(&root, &leaf, 0, crl, sizeof(crl));
	client(&leaf, NAME, crl, CONNECTING " A(11110)" REFUSED, "revoked");
	(void)pki_crl(&root, &late, 0, crl, sizeof(crl));
	client(&late, NAME, crl, CONNECTING " A(10110)" REFUSED, "expired");
	(void)pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	client(&leaf, NAME, crl, CONNECTING " A(11110)" REFUSED,
	    "the list of revoked certificates of CN=Root expired on 20");
	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	(void)pki_crl(&other, NULL, 0, crl, sizeof(crl));
	client(&leaf, NAME, crl, CONNECTING " A(11110)" REFUSED,
	    "no list of revoked certificates of CN=Root is known");
	pki_free(&other);
	pki_free(&late);
	pki_free(&leaf);
	pki_free(&root);
}

CASE(chains, "an intermediate authority: with its certificate, without it")
{
	struct pki	 leaf, middle;

	good();
	pki_make(&middle, &root, "Middle", NULL, PKI_CA);
	pki_make(&leaf, &middle, "leaf", SAN, PKI_CHAIN);
	client(&leaf, NAME, NULL, CONNECTING " A(11111) S(connected)", "");
	pki_free(&leaf);
	pki_make(&leaf, &middle, "leaf", SAN, 0);
	client(&leaf, NAME, NULL, CONNECTING " A(01011)" REFUSED,
	    "certificate CN=leaf: ");
	pki_free(&leaf);
	pki_free(&middle);
	/* Who may not sign has signed in vain. */
	pki_make(&middle, &root, "Middle", NULL, 0);
	pki_make(&leaf, &middle, "leaf", SAN, PKI_CHAIN);
	client(&leaf, NAME, NULL, CONNECTING " A(01111)" REFUSED,
	    "certificate CN=");
	pki_free(&leaf);
	pki_free(&middle);
	pki_free(&root);
}

CASE(system_ca, "without a CA it is the system's, which does not know ours")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct pki		 leaf;

	good();
	pki_make(&leaf, &root, "leaf", SAN, 0);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	if (securetcp_config_prepare_client(sc) == ptFile)
		atf_tc_skip("%s", securetcp_config_error(sc));
	/* From now on nothing can be set. */
	ATF_CHECK_EQ(ptOperationRefused, securetcp_config_set_ca(sc,
	    root.p_cert, root.p_certlen));
	/* Nor would it vouch for clients. */
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NAME));
	fixture_dial(&f);
	fixture_server(&f, pki_server(&leaf, NULL));
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(01011)" REFUSED);
	fixture_close(&f);
	pki_free(&leaf);
	pki_free(&root);
}

/* The object as a server, and a client with this certificate or none. */
static void
server(struct fixture *f, enum securetcp_authentication auth,
    const struct pki *who, int version)
{
	struct securetcp_config	*sc;
	struct pki		 own;
	SSL_CTX			*ctx;

	pki_make(&own, &root, "own", SAN, 0);
	sc = settings(&root, NULL, 0);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, own.p_cert,
	    own.p_certlen, own.p_private, own.p_privatelen));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_client_authentication(sc,
	    auth));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	fixture_assign(f);
	ctx = pki_client(who);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, version));
	fixture_server(f, ctx);
	SSL_set_connect_state(f->f_ssl);
	fixture_handshake(f);
	pki_free(&own);
}

static void
served(enum securetcp_authentication auth, const struct pki *who,
    const char *events, const char *reason)
{
	struct fixture	 f;
	int		 version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		server(&f, auth, who, version);
		fixture_expect(&f, events);
		ATF_CHECK_MSG(strstr(f.f_reason, reason) != NULL,
		    "%s: \"%s\" does not say \"%s\"", events, f.f_reason,
		    reason);
		fixture_close(&f);
	}
}

CASE(clients, "client authentication off, optional and required; a client "
    "with a good certificate, a bad one and none; TLS 1.2 and 1.3")
{
	struct pki	 who;

	good();
	served(SECURETCP_AUTH_OFF, NULL, CONNECTING " S(connected)", "");
	served(SECURETCP_AUTH_OPTIONAL, NULL, CONNECTING " S(connected)", "");
	served(SECURETCP_AUTH_REQUIRED, NULL, CONNECTING REFUSED,
	    "no certificate");
	pki_make(&who, &root, "client", NULL, PKI_CLIENT);
	served(SECURETCP_AUTH_OFF, &who, CONNECTING " S(connected)", "");
	served(SECURETCP_AUTH_OPTIONAL, &who,
	    CONNECTING " A(11111) S(connected)", "");
	served(SECURETCP_AUTH_REQUIRED, &who,
	    CONNECTING " A(11111) S(connected)", "");
	pki_free(&who);
	pki_make(&who, &root, "client", NULL, PKI_CLIENT | PKI_EXPIRED);
	served(SECURETCP_AUTH_OPTIONAL, &who, CONNECTING " A(10111)" REFUSED,
	    "certificate CN=client: expired on 20");
	served(SECURETCP_AUTH_REQUIRED, &who, CONNECTING " A(10111)" REFUSED,
	    "certificate CN=client: expired on 20");
	pki_free(&who);
	pki_free(&root);
}

CASE(no_ca, "client authentication without a CA: the socket is refused, by "
    "number and not by event")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct pki		 own;
	int			 fds[2];

	pki_make(&own, NULL, "own", NULL, 0);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, own.p_cert,
	    own.p_certlen, own.p_private, own.p_privatelen));
	ATF_CHECK_EQ(ptInvalidProperty,
	    securetcp_config_set_client_authentication(sc,
	    (enum securetcp_authentication)3));
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_client_authentication(sc,
	    SECURETCP_AUTH_REQUIRED));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	fixture_pair(fds);
	f.f_peer = fds[1];
	ATF_CHECK_EQ(ptInvalidProperty, securetcp_set_socket(f.f_tcp,
	    fds[0]));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK_STREQ("client authentication needs a CA", f.f_reason);
	fixture_close(&f);
	pki_free(&own);
}

static void
accept_it(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = 1;
}

static void
refuse_it(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = 0;
}

static void
put_off(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = SECURETCP_LATER;
}

static void
say_yes(struct fixture *f, struct securetcp_verdicts *sv)
{
	sv->sv_valid = 0;
	ATF_CHECK_EQ(ptOk, securetcp_verdict(f->f_tcp, 1));
}

/* A server whose certificate is for another name, and what decides on it. */
static void
decide(struct fixture *f, const char *name,
    void (*handler)(struct fixture *, struct securetcp_verdicts *))
{
	struct pki	 leaf;

	good();
	pki_make(&leaf, &root, "leaf", SAN, 0);
	meet(f, &leaf, name, NULL);
	f->f_on_authenticate = handler;
	pki_free(&leaf);
	pki_free(&root);
}

CASE(handler_decides, "what the handler leaves decides, whatever was preset")
{
	struct fixture	 f;

	decide(&f, "other.example.org", accept_it);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11101) S(connected)");
	ATF_CHECK_STREQ("", securetcp_reason(f.f_tcp));
	ATF_CHECK_EQ(ptNotConnected, securetcp_verdict(f.f_tcp, 1));
	fixture_close(&f);

	decide(&f, NAME, refuse_it);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11111)" REFUSED);
	ATF_CHECK_STREQ("the peer's certificate: refused by the program",
	    f.f_reason);
	fixture_close(&f);

	decide(&f, "other.example.org", say_yes);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11101) S(connected)");
	fixture_close(&f);
}

CASE(later, "a verdict that is put off: nothing happens until it is given, "
    "then all that does")
{
	struct fixture	 f;
	struct pollfd	 pfd;
	char		 buf[8];
	int		 timeout, yes;

	for (yes = 0; yes < 2; yes++) {
		decide(&f, "other.example.org", put_off);
		fixture_judged(&f);
		(void)SSL_do_handshake(f.f_ssl);
		ATF_CHECK_EQ(SECURETCP_CONNECTING,
		    securetcp_state(f.f_tcp));
		ATF_CHECK_EQ(0, securetcp_pollfds(f.f_tcp, &pfd, 1,
		    &timeout));
		ATF_CHECK_EQ(-1, timeout);
		ATF_CHECK_EQ(ptOk, securetcp_dispatch(f.f_tcp, &pfd, 0));
		ATF_CHECK_STREQ(CONNECTING " A(11101)", f.f_events);
		ATF_CHECK_EQ(ptOk, securetcp_verdict(f.f_tcp, yes));
		if (!yes) {
			fixture_expect(&f, CONNECTING " A(11101)" REFUSED);
			fixture_close(&f);
			continue;
		}
		fixture_expect(&f, CONNECTING " A(11101) S(connected)");
		peer_write(&f, "hello", 5);
		ATF_CHECK_EQ(5, object_read(&f, buf, 5));
		fixture_close(&f);
	}
}

CASE(later_ends, "while a verdict is awaited: abort, free, and a verdict "
    "when there is none to give")
{
	struct fixture	 f;
	int		 freed;

	for (freed = 0; freed < 2; freed++) {
		decide(&f, NAME, put_off);
		ATF_CHECK_EQ(ptNotConnected, securetcp_verdict(f.f_tcp, 1));
		fixture_judged(&f);
		ATF_CHECK_EQ(ptNotConnected, securetcp_close(f.f_tcp));
		if (!freed) {
			ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
			ATF_CHECK_STREQ(CONNECTING " A(11111) E(ptAbort)"
			    DOWN, f.f_events);
			ATF_CHECK_EQ(ptNotConnected,
			    securetcp_verdict(f.f_tcp, 1));
		}
		fixture_close(&f);
	}
}

static void
check_name(const struct fixture *f, size_t i, enum securetcp_name kind,
    const char *text)
{
	enum securetcp_name	 have;
	const char		*name;

	name = securetcp_peer_name(f->f_tcp, i, &have);
	ATF_REQUIRE(name != NULL);
	ATF_CHECK_STREQ(text, name);
	ATF_CHECK_EQ(kind, have);
}

CASE(facts, "what the peer's certificate says: names of every kind, dates, "
    "its chain; nothing for a peer without")
{
	struct fixture	 f;
	struct pki	 leaf;
	const char	*chain;
	time_t		 now = time(NULL);
	size_t		 len;

	good();
	pki_make(&leaf, &root, "leaf", SAN ",DNS:*.example.net,"
	    "IP:192.0.2.1,IP:2001:db8::1,URI:spiffe://example.org/db,"
	    "email:op@example.org,otherName:1.2.3.4;UTF8:ignored,"
	    "DNS:last.example.org", PKI_CHAIN);
	meet(&f, &leaf, NAME, NULL);
	ATF_CHECK_STREQ("", securetcp_peer_subject(f.f_tcp));
	ATF_CHECK(securetcp_peer_chain(f.f_tcp, &len) == NULL);
	ATF_CHECK_EQ(0, len);
	ATF_CHECK(securetcp_peer_name(f.f_tcp, 0, NULL) == NULL);
	fixture_handshake(&f);
	fixture_expect(&f, CONNECTING " A(11111) S(connected)");
	ATF_CHECK_STREQ("CN=leaf", securetcp_peer_subject(f.f_tcp));
	ATF_CHECK_STREQ("CN=Root", securetcp_peer_issuer(f.f_tcp));
	ATF_CHECK_EQ(7 + 64, strlen(securetcp_peer_hash(f.f_tcp)));
	ATF_CHECK_EQ(0, strncmp(securetcp_peer_hash(f.f_tcp), "SHA256:", 7));
	ATF_CHECK(securetcp_peer_notbefore(f.f_tcp) < now);
	ATF_CHECK(securetcp_peer_notafter(f.f_tcp) > now);
	check_name(&f, 0, SECURETCP_NAME_DNS, NAME);
	check_name(&f, 1, SECURETCP_NAME_DNS, "*.example.net");
	check_name(&f, 2, SECURETCP_NAME_ADDRESS, "192.0.2.1");
	check_name(&f, 3, SECURETCP_NAME_ADDRESS, "2001:db8::1");
	check_name(&f, 4, SECURETCP_NAME_URI, "spiffe://example.org/db");
	check_name(&f, 5, SECURETCP_NAME_EMAIL, "op@example.org");
	check_name(&f, 6, SECURETCP_NAME_DNS, "last.example.org");
	ATF_CHECK(securetcp_peer_name(f.f_tcp, 7, NULL) == NULL);
	chain = securetcp_peer_chain(f.f_tcp, &len);
	ATF_REQUIRE(chain != NULL);
	ATF_CHECK_EQ(strlen(chain), len);
	ATF_CHECK_EQ_MSG(0, strcmp(chain, leaf.p_cert), "%s", chain);
	/* They stay until the next connection. */
	ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
	ATF_CHECK_STREQ("CN=leaf", securetcp_peer_subject(f.f_tcp));
	peer_close(&f);
	fixture_dial(&f);
	ATF_CHECK_STREQ("", securetcp_peer_subject(f.f_tcp));
	fixture_close(&f);
	pki_free(&leaf);
	pki_free(&root);
}

CASE(server_facts, "a server knows its client's chain, leaf first")
{
	struct fixture	 f;
	struct pki	 middle, who;
	int		 version;

	good();
	pki_make(&middle, &root, "Middle", NULL, PKI_CA);
	pki_make(&who, &middle, "client", "email:me@example.org",
	    PKI_CLIENT | PKI_CHAIN);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		server(&f, SECURETCP_AUTH_REQUIRED, &who, version);
		fixture_expect(&f, CONNECTING " A(11111) S(connected)");
		ATF_CHECK_STREQ("CN=client",
		    securetcp_peer_subject(f.f_tcp));
		ATF_CHECK_STREQ(who.p_cert, securetcp_peer_chain(f.f_tcp,
		    NULL));
		check_name(&f, 0, SECURETCP_NAME_EMAIL, "me@example.org");
		fixture_close(&f);
	}
	pki_free(&who);
	pki_free(&middle);
	pki_free(&root);
}

CASE(bad_settings, "a CA and lists that cannot be read: said, and nothing "
    "changes")
{
	struct securetcp_config	*sc;
	struct pki		 middle;
	FILE			*fp;
	char			 crl[PKI_PEM];
	size_t			 len;

	good();
	len = pki_crl(&root, NULL, 0, crl, sizeof(crl));
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ca(sc, "x", 1));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ca(sc, NULL, 0));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ca(sc, crl, len));
	ATF_CHECK_STREQ("CA, line 1: X509 CRL does not count here, but in a "
	    "file of its own",
	    securetcp_config_error(sc));
	/* One that is cut off is not taken for its beginning. */
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen / 2));
	ATF_CHECK_STREQ("CA, line 1: CERTIFICATE is cut off: it has no end",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_crl(sc,
	    root.p_cert, root.p_certlen));
	ATF_CHECK_STREQ("CRL holds no list of revoked certificates",
	    securetcp_config_error(sc));
	pki_make(&middle, &root, "Middle", NULL, PKI_CA);
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ca(sc,
	    middle.p_cert, middle.p_certlen));
	ATF_CHECK_STREQ("CA holds no root, which is a certificate signed by "
	    "itself: nobody could be trusted", securetcp_config_error(sc));
	pki_free(&middle);
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_crl(sc, crl,
	    len / 2));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_crl(sc, crl, len));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_crl(sc, crl, len));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ca_file(sc, NULL));
	ATF_CHECK_EQ(ptFile, securetcp_config_set_ca_file(sc, "./none"));
	ATF_CHECK_STREQ("CA ./none: No such file or directory",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptFile, securetcp_config_set_crl_file(sc, "."));
	ATF_CHECK_EQ(ptFile, securetcp_config_add_certificate_file(sc,
	    "./none", NULL));
	ATF_REQUIRE((fp = fopen("root.pem", "w")) != NULL);
	ATF_REQUIRE(fputs(root.p_cert, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
	ATF_REQUIRE((fp = fopen("root.key", "w")) != NULL);
	ATF_REQUIRE(fputs(root.p_private, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_ca_file(sc, "root.pem"));
	ATF_CHECK_EQ(ptFile, securetcp_config_add_certificate_file(sc,
	    "root.pem", "./none"));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_add_certificate_file(
	    sc, "root.pem", "root.pem"));
	ATF_CHECK_EQ(ptOk, securetcp_config_add_certificate_file(sc,
	    "root.pem", "root.key"));
	ATF_CHECK_EQ(ptOk, securetcp_config_prepare_client(sc));
	ATF_CHECK_EQ(ptOk, securetcp_config_prepare(sc));
	securetcp_config_free(sc);
	pki_free(&root);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, valid);
	ATF_TP_ADD_TC(tp, untrusted);
	ATF_TP_ADD_TC(tp, dates);
	ATF_TP_ADD_TC(tp, forged);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, newer);
	ATF_TP_ADD_TC(tp, lists);
	ATF_TP_ADD_TC(tp, revoked);
	ATF_TP_ADD_TC(tp, chains);
	ATF_TP_ADD_TC(tp, system_ca);
	ATF_TP_ADD_TC(tp, clients);
	ATF_TP_ADD_TC(tp, no_ca);
	ATF_TP_ADD_TC(tp, handler_decides);
	ATF_TP_ADD_TC(tp, later);
	ATF_TP_ADD_TC(tp, later_ends);
	ATF_TP_ADD_TC(tp, facts);
	ATF_TP_ADD_TC(tp, server_facts);
	ATF_TP_ADD_TC(tp, bad_settings);
	return (atf_no_error());
}
