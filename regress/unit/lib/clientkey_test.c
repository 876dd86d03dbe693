/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A client's own certificate, its key here or behind the signing hook. */

#include <sys/types.h>

#include <string.h>

#include <atf-c.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define CONNECTING	"S(connecting)"
#define UP		"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"

static struct pki	 root, leaf;

static void	 begin(struct key *, enum key_kind);
static void	 finish(struct key *);
static void	 trust(SSL_CTX *, const struct key *);
static void	 object(struct fixture *, const struct key *, int);
static void	 dial(struct fixture *, const struct key *, int);
static void	 works(enum key_kind);
static void	 fails(enum key_kind);

static void
begin(struct key *k, enum key_kind kind)
{
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&leaf, &root, "leaf", "IP:127.0.0.1", 0);
	key_make(k, kind, "me", NULL);
	key_signer();
	key_serve(k);
}

static void
finish(struct key *k)
{
	key_free(k);
	pki_free(&leaf);
	pki_free(&root);
}

/* It must have a certificate, this one. */
static void
trust(SSL_CTX *ctx, const struct key *k)
{
	X509	*x509;
	BIO	*bio;

	bio = BIO_new_mem_buf(k->k_cert, (int)k->k_certlen);
	ATF_REQUIRE(bio != NULL);
	x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	ATF_REQUIRE(x509 != NULL);
	(void)BIO_free(bio);
	ATF_REQUIRE_EQ(1, X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
	    x509));
	X509_free(x509);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void
object(struct fixture *f, const struct key *k, int remote)
{
	struct securetcp_config	*sc;

	sc = fixture_config(k, remote, "secure");
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen));
	ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_prepare_client(sc), "%s",
	    securetcp_config_error(sc));
	fixture_open(f, sc);
	securetcp_config_free(sc);
}

static void
dial(struct fixture *f, const struct key *k, int version)
{
	SSL_CTX	*ctx;

	fixture_dial(f);
	ctx = pki_server(&leaf, NULL);
	trust(ctx, k);
	ATF_REQUIRE_EQ(1, SSL_CTX_set_min_proto_version(ctx, version));
	ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx, version));
	fixture_server(f, ctx);
	fixture_handshake(f);
}

/* The server has checked the signature; data passes after it. */
static void
works(enum key_kind kind)
{
	struct fixture	 f;
	struct key	 k;
	X509		*x509;
	char		 buf[5];
	unsigned int	 before;
	int		 remote, version;

	begin(&k, kind);
	for (remote = 0; remote < 2; remote++) {
		object(&f, &k, remote);
		for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION;
		    version++) {
			before = key_signatures;
			dial(&f, &k, version);
			fixture_expect(&f, UP);
			ATF_CHECK_EQ(before + (unsigned int)remote,
			    key_signatures);
			ATF_CHECK_EQ(X509_V_OK, SSL_get_verify_result(
			    f.f_ssl));
			x509 = SSL_get_peer_certificate(f.f_ssl);
			ATF_REQUIRE(x509 != NULL);
			ATF_CHECK_EQ(1, X509_check_private_key(x509,
			    k.k_pkey));
			X509_free(x509);
			object_write(&f, "hello", 5);
			ATF_REQUIRE_EQ(5, peer_read(&f, buf, 5));
			ATF_CHECK_EQ(0, memcmp(buf, "hello", 5));
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
			fixture_expect(&f, UP DOWN);
			peer_close(&f);
		}
		fixture_close(&f);
	}
	finish(&k);
}

/* Then the next connection of the same object, which is well. */
static void
fails(enum key_kind kind)
{
	struct fixture	 f;
	struct key	 k;
	int		 version;

	begin(&k, kind);
	object(&f, &k, 1);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		key_refuse = 1;
		dial(&f, &k, version);
		fixture_expect(&f, CONNECTING " A(11111) E(ptNoCertificate)"
		    DOWN);
		ATF_CHECK_STREQ("the private key's signer gave no usable "
		    "signature", f.f_reason);
		ATF_CHECK(!SSL_is_init_finished(f.f_ssl));
		peer_close(&f);
		key_refuse = 0;
		dial(&f, &k, version);
		fixture_expect(&f, UP);
		ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
		peer_close(&f);
	}
	fixture_close(&f);
	finish(&k);
}

ATF_TC(rsa);
ATF_TC_HEAD(rsa, tc)
{
	atf_tc_set_md_var(tc, "descr", "RSA, TLS 1.2 and 1.3, key here and "
	    "behind the hook: a server that requires a certificate takes "
	    "it, after one signature");
}
ATF_TC_BODY(rsa, tc)
{
	works(KEY_RSA2048);
}

ATF_TC(ecdsa);
ATF_TC_HEAD(ecdsa, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with ECDSA P-256 and P-384");
}
ATF_TC_BODY(ecdsa, tc)
{
	works(KEY_P256);
	works(KEY_P384);
}

ATF_TC(rsa_fails);
ATF_TC_HEAD(rsa_fails, tc)
{
	atf_tc_set_md_var(tc, "descr", "RSA: a hook that gives no signature "
	    "ends the handshake with ptNoCertificate, and the next one works");
}
ATF_TC_BODY(rsa_fails, tc)
{
	fails(KEY_RSA2048);
}

ATF_TC(ecdsa_fails);
ATF_TC_HEAD(ecdsa_fails, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with ECDSA P-256");
}
ATF_TC_BODY(ecdsa_fails, tc)
{
	fails(KEY_P256);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rsa);
	ATF_TP_ADD_TC(tp, ecdsa);
	ATF_TP_ADD_TC(tp, rsa_fails);
	ATF_TP_ADD_TC(tp, ecdsa_fails);
	return (atf_no_error());
}
