/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What a peer that is refused hears of it and what it has seen by then; and
 * what else is set below libtls.
 */

#include <sys/types.h>

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define CONNECTING	"S(connecting)"
#define DOWN		" S(closing) S(closed)"
#define REFUSED		" E(ptAuthentication)" DOWN
#define UP		CONNECTING " A(11111) S(connected)"
#define NAME		"www.example.org"
#define SAN		"DNS:www.example.org"

#define BAD_CERTIFICATE		42
#define UNSUPPORTED_CERTIFICATE	43
#define CERTIFICATE_REVOKED	44
#define CERTIFICATE_EXPIRED	45
#define CERTIFICATE_UNKNOWN	46
#define UNKNOWN_CA		48
#define HANDSHAKE_FAILURE	40
#define NO_RENEGOTIATION	100
#define NO_APPLICATION_PROTOCOL	120

static struct pki	 root, own;
static struct key	 key;
static int		 heard;		/* the last alert from the object */

#define EACH_VERSION(v)							\
	for ((v) = TLS1_2_VERSION; (v) <= TLS1_3_VERSION; (v)++)

static void
listener(const SSL *ssl, int where, int ret)
{
	(void)ssl;
	if (where & SSL_CB_READ && where & SSL_CB_ALERT)
		heard = ret & 0xff;
}

/* The root; the object's certificate, with its key behind the hook. */
static void
begin(int flags)
{
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&own, &root, "own", SAN, flags);
	memset(&key, 0, sizeof(key));
	key.k_pkey = own.p_pkey;
	memcpy(key.k_cert, own.p_cert, own.p_certlen);
	key.k_certlen = own.p_certlen;
	key_signer();
	key_serve(&key);
	key_signatures = 0;
}

static void
finish(void)
{
	pki_free(&own);
	pki_free(&root);
}

/* And with the object's own certificate. */
static struct securetcp_config *
settings(const char *crl)
{
	struct securetcp_config	*sc;

	sc = fixture_trusting(root.p_cert, root.p_certlen, crl);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc, own.p_cert,
	    own.p_certlen, NULL, 0));
	return (sc);
}

static void
open_with(struct fixture *f, struct securetcp_config *sc)
{
	fixture_open(f, sc);
	securetcp_config_free(sc);
	heard = -1;
}

/* LibreSSL tells nobody of alerts in TLS 1.3, but gives them as reasons. */
static void
overhear(void)
{
	int	 reason = ERR_GET_REASON(ERR_peek_last_error());

	if (heard == -1 && reason > SSL_AD_REASON_OFFSET)
		heard = reason - SSL_AD_REASON_OFFSET;
}

/* Both have done their part; the peer of TLS 1.3 hears what came after. */
static void
meet(struct fixture *f, SSL_CTX *ctx, int version, int accepts)
{
	char	 c;

	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, version));
	SSL_CTX_set_info_callback(ctx, listener);
	fixture_server(f, ctx);
	if (!accepts)
		SSL_set_connect_state(f->f_ssl);
	fixture_handshake(f);
	overhear();
	if (heard == -1 && securetcp_state(f->f_tcp) == SECURETCP_CLOSED)
		(void)peer_read(f, &c, 1);
	overhear();
}

/* The object as a server that wants a certificate, and such a client. */
static void
served(const struct pki *who, const char *crl,
    void (*judge)(struct fixture *, struct securetcp_verdicts *),
    const char *events, int alert)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	int			 version;

	EACH_VERSION(version) {
		sc = settings(crl);
		ATF_REQUIRE_EQ(ptOk,
		    securetcp_config_set_client_authentication(sc,
		    SECURETCP_AUTH_REQUIRED));
		open_with(&f, sc);
		f.f_on_authenticate = judge;
		fixture_assign(&f);
		meet(&f, pki_client(who), version, 0);
		fixture_expect(&f, events);
		ATF_CHECK_EQ_MSG(alert, heard, "%#x %s: alert %d, not %d",
		    version, events, heard, alert);
		fixture_close(&f);
	}
}

static void
refuse(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = 0;
}

static void
clients_of(int flags)
{
	struct pki	 other, who;
	char		 crl[PKI_PEM];

	begin(flags);
	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	pki_make(&who, &root, "good", NULL, flags);
	(void)pki_crl(&root, NULL, 0, crl, sizeof(crl));
	served(&who, crl, NULL, UP, -1);
	served(&who, NULL, refuse, CONNECTING " A(11111)" REFUSED,
	    CERTIFICATE_UNKNOWN);
	(void)pki_crl(&root, &who, 0, crl, sizeof(crl));
	served(&who, crl, NULL, CONNECTING " A(11110)" REFUSED,
	    CERTIFICATE_REVOKED);
	(void)pki_crl(&other, NULL, 0, crl, sizeof(crl));
	served(&who, crl, NULL, CONNECTING " A(11110)" REFUSED,
	    BAD_CERTIFICATE);
	(void)pki_crl(&root, NULL, PKI_EXPIRED, crl, sizeof(crl));
	served(&who, crl, NULL, CONNECTING " A(11110)" REFUSED,
	    BAD_CERTIFICATE);
	pki_free(&who);
	pki_make(&who, &other, "untrusted", NULL, flags);
	served(&who, NULL, NULL, CONNECTING " A(01011)" REFUSED, UNKNOWN_CA);
	pki_free(&who);
	pki_make(&who, NULL, "self", NULL, flags);
	served(&who, NULL, NULL, CONNECTING " A(01111)" REFUSED, UNKNOWN_CA);
	pki_free(&who);
	pki_make(&who, &root, "old", NULL, flags | PKI_EXPIRED);
	served(&who, NULL, NULL, CONNECTING " A(10111)" REFUSED,
	    CERTIFICATE_EXPIRED);
	pki_free(&who);
	pki_make(&who, &root, "early", NULL, flags | PKI_EARLY);
	served(&who, NULL, NULL, CONNECTING " A(10111)" REFUSED,
	    CERTIFICATE_EXPIRED);
	pki_free(&who);
	pki_free(&other);
	finish();
}

CASE(clients_ecdsa, "a client that is refused gets the alert that says why, "
    "in TLS 1.2 and 1.3")
{
	clients_of(0);
}

CASE(clients_rsa, "the same with RSA")
{
	clients_of(PKI_RSA);
}

/*
 * The object as a client, of a server that wants a certificate: what it shows
 * and signs.
 */
static void
served_by(const struct pki *who, const char *name, const char *crl,
    const char *events, int alert)
{
	struct fixture	 f;
	unsigned int	 before;
	X509		*shown;
	int		 version;

	EACH_VERSION(version) {
		before = key_signatures;
		open_with(&f, settings(crl));
		ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp,
		    name));
		fixture_dial(&f);
		meet(&f, pki_server(who, &root), version, 1);
		fixture_expect(&f, events);
		ATF_CHECK_EQ_MSG(alert, heard, "%#x %s: alert %d, not %d",
		    version, events, heard, alert);
		shown = SSL_get_peer_certificate(f.f_ssl);
		ATF_CHECK_EQ(alert == -1, shown != NULL);
		X509_free(shown);
		ATF_CHECK_EQ(alert == -1 ? 1 : 0, key_signatures - before);
		fixture_close(&f);
	}
}

static void
servers_of(int flags)
{
	struct pki	 other, who;
	char		 crl[PKI_PEM];

	begin(flags);
	pki_make(&who, &root, "good", SAN, flags);
	served_by(&who, NAME, NULL, UP, -1);
	served_by(&who, "mail.example.org", NULL, CONNECTING " A(11101)"
	    REFUSED, BAD_CERTIFICATE);
	served_by(&who, "192.0.2.1", NULL, CONNECTING " A(11101)" REFUSED,
	    BAD_CERTIFICATE);
	(void)pki_crl(&root, &who, 0, crl, sizeof(crl));
	served_by(&who, NAME, crl, CONNECTING " A(11110)" REFUSED,
	    CERTIFICATE_REVOKED);
	pki_free(&who);
	pki_make(&other, NULL, "Other", NULL, PKI_CA);
	pki_make(&who, &other, "untrusted", SAN, flags);
	served_by(&who, NAME, NULL, CONNECTING " A(01011)" REFUSED,
	    UNKNOWN_CA);
	pki_free(&who);
	pki_free(&other);
	pki_make(&who, &root, "old", SAN, flags | PKI_EXPIRED);
	served_by(&who, NAME, NULL, CONNECTING " A(10111)" REFUSED,
	    CERTIFICATE_EXPIRED);
	pki_free(&who);
	pki_make(&who, &root, "client", SAN, flags | PKI_CLIENT);
	served_by(&who, NAME, NULL, CONNECTING " A(01111)" REFUSED,
	    UNSUPPORTED_CERTIFICATE);
	pki_free(&who);
	finish();
}

CASE(servers_ecdsa, "a server that is refused gets the alert that says why, "
    "and neither our certificate nor a signature, in TLS 1.2 and 1.3")
{
	servers_of(0);
}

CASE(servers_rsa, "the same with RSA")
{
	servers_of(PKI_RSA);
}

/* The common name counts where no alternative name is a host or address. */
CASE(names, "which names a server's certificate is for: wildcards, addresses, "
    "the common name")
{
	static const struct {
		const char	*cn;
		const char	*san;
		const char	*name;
		int		 good;
	}		 names[] = {
		{ "leaf", "DNS:*.example.org", "www.example.org", 1 },
		{ "leaf", "DNS:*.example.org", "WWW.Example.ORG", 1 },
		{ "leaf", "DNS:*.example.org", "a.www.example.org", 0 },
		{ "leaf", "DNS:*.example.org", "example.org", 0 },
		{ "leaf", "DNS:*.org", "example.org", 0 },
		{ "leaf", "DNS:w*.example.org", "www.example.org", 0 },
		{ "www.example.org", NULL, "www.example.org", 1 },
		{ "www.example.org", "email:a@example.org",
		    "www.example.org", 1 },
		{ "www.example.org", "DNS:mail.example.org",
		    "www.example.org", 0 },
		{ "www.example.org", "IP:192.0.2.1", "www.example.org", 0 },
		{ "192.0.2.1", NULL, "192.0.2.1", 1 },
		{ "192.0.2.1", "DNS:www.example.org", "192.0.2.1", 0 },
		{ "leaf", "DNS:192.0.2.1", "192.0.2.1", 0 },
		{ "leaf", "IP:192.0.2.1", "192.0.2.1", 1 },
		{ "leaf", "IP:2001:db8::1", "2001:db8:0:0::1", 1 },
		{ "leaf", "IP:2001:db8::1", "2001:db8::2", 0 }
	};
	struct pki	 who;
	size_t		 i;

	begin(0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pki_make(&who, &root, names[i].cn, names[i].san, 0);
		served_by(&who, names[i].name, NULL, names[i].good ? UP :
		    CONNECTING " A(11101)" REFUSED, names[i].good ? -1 :
		    BAD_CERTIFICATE);
		pki_free(&who);
	}
	finish();
}

CASE(p521, "certificates on P-521 are good by default, on either side")
{
	struct pki	 who;

	begin(PKI_P521);
	pki_make(&who, &root, "client", SAN, PKI_P521);
	served(&who, NULL, NULL, UP, -1);
	served_by(&who, NAME, NULL, UP, -1);
	pki_free(&who);
	finish();
}

CASE(renegotiation, "a TLS 1.2 server that asks for another handshake gets "
    "no_renegotiation, and no second signature")
{
	struct fixture	 f;
	struct pki	 who;
	char		 c;

	begin(0);
	pki_make(&who, &root, "who", SAN, 0);
	open_with(&f, settings(NULL));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NAME));
	fixture_dial(&f);
	meet(&f, pki_server(&who, &root), TLS1_2_VERSION, 1);
	fixture_expect(&f, UP);
	ATF_CHECK_EQ(1, key_signatures);
	ATF_REQUIRE_EQ(1, SSL_renegotiate(f.f_ssl));
	(void)SSL_do_handshake(f.f_ssl);
	while (heard == -1) {
		fixture_turn(&f, POLLIN);
		(void)SSL_read(f.f_ssl, &c, 1);
	}
	ATF_CHECK_EQ(NO_RENEGOTIATION, heard);
	ATF_CHECK_EQ(1, key_signatures);
	ATF_CHECK_EQ(1, f.f_judged);
	fixture_close(&f);
	pki_free(&who);
	finish();
}

/* As a server that asks for no certificate. */
static void
offers(int flags, const char *algorithms)
{
#ifdef SSL_CTX_set1_sigalgs_list
	struct fixture	 f;
	SSL_CTX		*ctx;

	begin(flags);
	open_with(&f, settings(NULL));
	fixture_assign(&f);
	ctx = pki_client(NULL);
	SSL_CTX_set_security_level(ctx, 0);
	ATF_REQUIRE_EQ(1, SSL_CTX_set1_sigalgs_list(ctx,
	    (void *)(uintptr_t)algorithms));
	meet(&f, ctx, TLS1_2_VERSION, 0);
	fixture_expect(&f, CONNECTING " E(ptProtocol)" DOWN);
	ATF_CHECK_EQ(HANDSHAKE_FAILURE, heard);
	ATF_CHECK_EQ(0, key_signatures);
	fixture_close(&f);
	finish();
#else
	(void)flags;
	atf_tc_skip("this library's clients cannot be told to offer %s",
	    algorithms);
#endif
}

CASE(algorithms, "a client that offers only signatures that a signer cannot "
    "make gets handshake_failure, and the signer is not asked")
{
	offers(0, "ECDSA+SHA224");
	offers(0, "ECDSA+SHA1");
	offers(PKI_RSA, "RSA+SHA224");
	offers(PKI_RSA, "RSA+SHA224:RSA+SHA1");
}

static void
alpn(int optional, const char *offer, size_t len, const char *events,
    int alert, const char *agreed)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	SSL_CTX			*ctx;
	int			 version;

	EACH_VERSION(version) {
		sc = settings(NULL);
		ATF_REQUIRE_EQ(ptOk, securetcp_config_set_alpn(sc,
		    "h2,http/1.1"));
		ATF_REQUIRE_EQ(ptOk, securetcp_config_set_alpn_optional(sc,
		    optional));
		open_with(&f, sc);
		fixture_assign(&f);
		ctx = pki_client(NULL);
		if (len != 0)
			ATF_REQUIRE_EQ(0, SSL_CTX_set_alpn_protos(ctx,
			    (const unsigned char *)offer, (unsigned int)len));
		meet(&f, ctx, version, 0);
		fixture_expect(&f, events);
		ATF_CHECK_EQ(alert, heard);
		ATF_CHECK_STREQ(agreed, securetcp_alpn(f.f_tcp));
		if (alert != -1)
			ATF_CHECK_STREQ("no common application protocol",
			    f.f_reason);
		fixture_close(&f);
	}
}

CASE(protocols, "no application protocol in common: the alert that says so, "
    "or none where that is wanted; a client without any is served")
{
	static const char	 up[] = CONNECTING " S(connected)";
	static const char	 none[] = CONNECTING " E(ptProtocol)" DOWN;
	int			 optional;

	begin(0);
	for (optional = 0; optional < 2; optional++) {
		alpn(optional, "\010http/1.1\002h2", 12, up, -1, "h2");
		alpn(optional, "\002h3\010http/1.1", 12, up, -1, "http/1.1");
		alpn(optional, NULL, 0, up, -1, "");
	}
	alpn(0, "\002h3", 3, none, NO_APPLICATION_PROTOCOL, "");
	alpn(1, "\002h3", 3, up, -1, "");
	finish();
}

/* As far as Authenticate, in the middle of a handshake of TLS 1.2. */
static void
put_off(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = SECURETCP_LATER;
}

CASE(later, "a verdict that was put off comes before the handshake is done: "
    "a bad one ends it, a good one lets it go on; our certificate was shown")
{
	struct fixture	 f;
	struct pki	 who;
	SSL_CTX		*ctx;
	int		 yes;

	begin(0);
	pki_make(&who, &root, "who", SAN, 0);
	for (yes = 0; yes < 2; yes++) {
		open_with(&f, settings(NULL));
		ATF_REQUIRE_EQ(ptOk, securetcp_set_server_name(f.f_tcp,
		    "mail.example.org"));
		f.f_on_authenticate = put_off;
		fixture_dial(&f);
		ctx = pki_server(&who, &root);
		ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx,
		    TLS1_2_VERSION));
		fixture_server(&f, ctx);
		fixture_judged(&f);
		ATF_CHECK_EQ(ptOk, securetcp_verdict(f.f_tcp, yes));
		ATF_CHECK_EQ(ptNotConnected, securetcp_verdict(f.f_tcp, yes));
		if (yes)
			fixture_handshake(&f);
		fixture_expect(&f, yes ? CONNECTING " A(11101) S(connected)" :
		    CONNECTING " A(11101)" REFUSED);
		ATF_CHECK_EQ(1, key_signatures);
		key_signatures = 0;
		fixture_close(&f);
	}
	pki_free(&who);
	finish();
}

static int	 next[2];

/* The connection is replaced while the TLS library is on the stack. */
static void
replace(struct fixture *f, struct securetcp_verdicts *sv)
{
	struct pollfd	 pfd;
	size_t		 n;
	int		 timeout;

	(void)sv;
	if (f->f_judged != 1)
		return;
	ATF_CHECK_EQ(ptNotConnected, securetcp_send(f->f_tcp, "x", 1, &n));
	ATF_CHECK_EQ(ptNotConnected, securetcp_close(f->f_tcp));
	ATF_CHECK_EQ(1, securetcp_peer_names_complete(f->f_tcp));
	ATF_CHECK_STREQ("CN=who", securetcp_peer_subject(f->f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_dispatch(f->f_tcp, NULL, 0));
	ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_set_socket(f->f_tcp, next[0]));
	n = securetcp_pollfds(f->f_tcp, &pfd, 1, &timeout);
	ATF_CHECK_EQ(1, n);
	pfd.revents = 0;
	ATF_CHECK_EQ(ptOk, securetcp_dispatch(f->f_tcp, &pfd, n));
}

CASE(replaced, "Authenticate's handler aborts and assigns the next socket: "
    "the old connection is gone at once, the new one is served")
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct pki		 who;
	SSL			*old;
	int			 fd, version;

	begin(0);
	pki_make(&who, &root, "who", NULL, 0);
	EACH_VERSION(version) {
		sc = settings(NULL);
		ATF_REQUIRE_EQ(ptOk,
		    securetcp_config_set_client_authentication(sc,
		    SECURETCP_AUTH_REQUIRED));
		open_with(&f, sc);
		f.f_on_authenticate = replace;
		fixture_pair(next);
		fixture_assign(&f);
		fd = f.f_peer;
		old = NULL;
		fixture_server(&f, pki_client(&who));
		ATF_REQUIRE_EQ(1, SSL_set_max_proto_version(f.f_ssl,
		    version));
		SSL_set_connect_state(f.f_ssl);
		fixture_judged(&f);
		ATF_CHECK_STREQ(CONNECTING " A(11111) E(ptAbort)" DOWN
		    " " CONNECTING, f.f_events);
		ATF_CHECK_EQ(-1, heard);
		old = f.f_ssl;
		f.f_peer = next[1];
		fixture_server(&f, pki_client(&who));
		SSL_set_connect_state(f.f_ssl);
		fixture_handshake(&f);
		fixture_expect(&f, CONNECTING " A(11111) E(ptAbort)" DOWN
		    " " UP);
		SSL_free(old);
		(void)close(fd);
		fixture_close(&f);
	}
	pki_free(&who);
	finish();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, clients_ecdsa);
	ATF_TP_ADD_TC(tp, clients_rsa);
	ATF_TP_ADD_TC(tp, servers_ecdsa);
	ATF_TP_ADD_TC(tp, servers_rsa);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, p521);
	ATF_TP_ADD_TC(tp, renegotiation);
	ATF_TP_ADD_TC(tp, algorithms);
	ATF_TP_ADD_TC(tp, protocols);
	ATF_TP_ADD_TC(tp, later);
	ATF_TP_ADD_TC(tp, replaced);
	return (atf_no_error());
}
