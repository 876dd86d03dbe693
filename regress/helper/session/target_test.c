/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Sessions of a client block: TLS to a target, which has to be who it was
 * asked to be.  Where it is not there is no ESTABLISHED, and so no plain
 * side that anything could be read from.
 */

#include <sys/types.h>

#include <openssl/ssl.h>

#include <string.h>

#include "compat.h"
#include "ends.h"
#include "fake.h"
#include "securetcp.h"

#define NAME	"www.example.org"

static struct pki	 root, own;
static struct key	 key;
static struct fake	 fk;

static void	 begin(const atf_tc_t *, int);
static void	 finish(void);
static void	 target(struct end *, const struct pki *, const struct pki *,
		    const char *, int);
static void	 trusted(const struct pki *, const char *, const char *);
static void	 rejected(const struct pki *, const char *, const char *);

/* A block that trusts the root; with or without a certificate. */
static void
begin(const atf_tc_t *tc, int certificate)
{
	struct wire_server	 wv;

	fake_defaults(&wv);
	wv.wv_flags = WIRE_SERVER_CLIENT;
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&own, &root, "me", NULL, PKI_CLIENT);
	end_key(&key, &own);
	block_begin(&fk, tc, &key, &wv);
	block_file(&fk, WIRE_CA, root.p_cert, root.p_certlen);
	if (certificate)
		block_chain(&fk);
	block_end(&fk);
}

static void
finish(void)
{
	fake_stop(&fk);
	key_free(&key);
	pki_free(&own);
	pki_free(&root);
}

/* A session, with a target that shows this and asks for clients of that. */
static void
target(struct end *e, const struct pki *p, const struct pki *ca,
    const char *name, int version)
{
	end_open(e, &fk, 0, name);
	end_tls(e, pki_server(p, ca), 1);
	ATF_REQUIRE_EQ(1, SSL_set_max_proto_version(e->e_ssl, version));
	end_shake(e);
}

static void
trusted(const struct pki *p, const char *name, const char *subject)
{
	struct fake_session	*fs;
	struct end		 e;
	int			 version;

	EACH_VERSION(version) {
		target(&e, p, NULL, name, version);
		fs = e.e_session;
		ATF_REQUIRE_MSG(fs->fs_established, "%s",
		    fs->fs_result.wd_reason);
		ATF_CHECK(e.e_shaken);
		ATF_CHECK_EQ(0, fs->fs_asked);
		ATF_CHECK_EQ(1, fs->fs_info.wh_peer);
		ATF_CHECK_STREQ(subject, fs->fs_info.wh_subject);
		ATF_CHECK_STREQ(version == TLS1_2_VERSION ? "TLSv1.2" :
		    "TLSv1.3", fs->fs_info.wh_version);
		fake_accept(fs, -1);
		end_send(&e, "hello", 5);
		end_expect(&e, "hello");
		end_close(&e);
	}
}

static void
rejected(const struct pki *p, const char *name, const char *reason)
{
	struct end	 e;
	char		*utc;
	int		 version;

	EACH_VERSION(version) {
		target(&e, p, NULL, name, version);
		FAKE_WAIT(&fk, e.e_session->fs_done);
		utc = strstr(e.e_session->fs_result.wd_reason, " UTC");
		if (utc != NULL)
			memcpy(utc - 19, "DATE", 5);
		end_refused(&e, ptAuthentication, reason);
		end_close(&e);
	}
}

CASE(good, "a target whose certificate is valid for the name is established, "
    "and bytes go both ways")
{
	struct pki	 p;

	begin(tc, 0);
	pki_make(&p, &root, "target", "DNS:" NAME, 0);
	trusted(&p, NAME, "CN=target");
	pki_free(&p);
	pki_make(&p, &root, "wild", "DNS:*.example.org", 0);
	trusted(&p, NAME, "CN=wild");
	pki_free(&p);
	pki_make(&p, &root, "address", "IP:127.0.0.1", 0);
	trusted(&p, "127.0.0.1", "CN=address");
	pki_free(&p);
	finish();
}

CASE(asks_for_name, "the name is asked for in the ClientHello, an address "
    "is not")
{
	const char	*asked;
	struct pki	 p;
	struct end	 e;

	begin(tc, 0);
	pki_make(&p, &root, "target", "DNS:" NAME ",IP:127.0.0.1", 0);
	target(&e, &p, NULL, NAME, TLS1_3_VERSION);
	ATF_CHECK(e.e_session->fs_established);
	asked = SSL_get_servername(e.e_ssl, TLSEXT_NAMETYPE_host_name);
	ATF_REQUIRE(asked != NULL);
	ATF_CHECK_STREQ(NAME, asked);
	end_close(&e);
	target(&e, &p, NULL, "127.0.0.1", TLS1_3_VERSION);
	ATF_CHECK(e.e_session->fs_established);
	ATF_CHECK(SSL_get_servername(e.e_ssl, TLSEXT_NAMETYPE_host_name) ==
	    NULL);
	end_close(&e);
	pki_free(&p);
	finish();
}

CASE(wrong_name, "a certificate for another name is not established")
{
	struct pki	 p;

	begin(tc, 0);
	pki_make(&p, &root, "other", "DNS:other.example.org", 0);
	rejected(&p, NAME, "the server's certificate is not for " NAME);
	pki_free(&p);
	/* The common name does not count beside others. */
	pki_make(&p, &root, NAME, "DNS:other.example.org", 0);
	rejected(&p, NAME, "the server's certificate is not for " NAME);
	pki_free(&p);
	pki_make(&p, &root, "address", "IP:127.0.0.2", 0);
	rejected(&p, "127.0.0.1", "the server's certificate is not for "
	    "127.0.0.1");
	pki_free(&p);
	finish();
}

CASE(no_name, "without a name to look for nobody is established")
{
	struct pki	 p;
	struct end	 e;

	begin(tc, 0);
	pki_make(&p, &root, "target", "DNS:" NAME, 0);
	target(&e, &p, NULL, "", TLS1_3_VERSION);
	end_refused(&e, ptInvalidParam3, "");
	end_close(&e);
	pki_free(&p);
	finish();
}

CASE(untrusted, "a certificate of a stranger's, or signed by itself, or not "
    "by whom it says, is not established")
{
	struct pki	 p, stranger;

	begin(tc, 0);
	pki_make(&stranger, NULL, "Stranger", NULL, PKI_CA);
	pki_make(&p, &stranger, "alien", "DNS:" NAME, 0);
	rejected(&p, NAME, "certificate CN=alien: issued by CN=Stranger, "
	    "which is not trusted");
	pki_free(&p);
	pki_free(&stranger);
	pki_make(&p, NULL, "self", "DNS:" NAME, 0);
	rejected(&p, NAME, "certificate CN=self: signed by itself and not "
	    "trusted");
	pki_free(&p);
	pki_make(&p, &root, "forged", "DNS:" NAME, PKI_FORGED);
	rejected(&p, NAME, "certificate CN=forged: its signature is not by "
	    "CN=Root");
	pki_free(&p);
	finish();
}

CASE(dates, "a certificate that has expired, or is not valid yet, is not "
    "established")
{
	struct pki	 p;

	begin(tc, 0);
	pki_make(&p, &root, "old", "DNS:" NAME, PKI_EXPIRED);
	rejected(&p, NAME, "certificate CN=old: expired on DATE");
	pki_free(&p);
	pki_make(&p, &root, "early", "DNS:" NAME, PKI_EARLY);
	rejected(&p, NAME, "certificate CN=early: not valid before DATE");
	pki_free(&p);
	finish();
}

CASE(purpose, "a certificate that is for clients only is not established")
{
	struct pki	 p;

	begin(tc, 0);
	pki_make(&p, &root, "client", "DNS:" NAME, PKI_CLIENT);
	rejected(&p, NAME, "certificate CN=client: its purpose is not that of "
	    "a server");
	pki_free(&p);
	finish();
}

CASE(certificate, "a target that asks for a certificate is shown ours, with "
    "one signature; a session without one sees the alert")
{
	struct fake_session	*fs;
	struct pki		 p;
	struct end		 e;
	X509			*shown;
	int			 version;

	begin(tc, 1);
	pki_make(&p, &root, "target", "DNS:" NAME, 0);
	EACH_VERSION(version) {
		target(&e, &p, &root, NAME, version);
		fs = e.e_session;
		ATF_REQUIRE_MSG(fs->fs_established, "%s",
		    fs->fs_result.wd_reason);
		ATF_CHECK_EQ(1, fs->fs_asked);
		ATF_REQUIRE((shown = SSL_get_peer_certificate(e.e_ssl)) !=
		    NULL);
		ATF_CHECK_EQ(0, X509_cmp(shown, own.p_x509));
		X509_free(shown);
		fake_accept(fs, -1);
		end_send(&e, "hello", 5);
		end_expect(&e, "hello");
		end_close(&e);
		/* Who does not ask is shown nothing. */
		target(&e, &p, NULL, NAME, version);
		ATF_CHECK(e.e_session->fs_established);
		ATF_CHECK_EQ(0, e.e_session->fs_asked);
		end_close(&e);
	}
	pki_free(&p);
	finish();
	begin(tc, 0);
	pki_make(&p, &root, "target", "DNS:" NAME, 0);
	target(&e, &p, &root, NAME, TLS1_2_VERSION);
	ATF_CHECK(e.e_failed);
	FAKE_WAIT(&fk, e.e_session->fs_done);
	ATF_CHECK_EQ(0, e.e_session->fs_established);
	ATF_CHECK_EQ_MSG(ptProtocol, e.e_session->fs_result.wd_error, "%s",
	    e.e_session->fs_result.wd_reason);
	end_close(&e);
	pki_free(&p);
	finish();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, asks_for_name);
	ATF_TP_ADD_TC(tp, wrong_name);
	ATF_TP_ADD_TC(tp, no_name);
	ATF_TP_ADD_TC(tp, untrusted);
	ATF_TP_ADD_TC(tp, dates);
	ATF_TP_ADD_TC(tp, purpose);
	ATF_TP_ADD_TC(tp, certificate);
	return (atf_no_error());
}
