/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Keys of every kind, here and elsewhere; certificates and settings. */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "compat.h"
#include "fixture.h"

#define UP	"S(connecting) S(connected)"
#define DOWN	" S(closing) S(closed)"

/* A client of LibreSSL cannot choose what it offers. */
#ifdef SSL_set1_sigalgs_list
#define OFFER(ssl, list)	SSL_set1_sigalgs_list(ssl, list)
#else
#define OFFER(ssl, list)	1
#endif

static void	 exchange(struct key *, int, int, char *);
static void	 each(enum key_kind);
static struct securetcp_config *both(const struct key *);
static void	 asked(struct securetcp_config *, char *,
		    const struct key *);

/* A connection that proves its key: the client checks the signature. */
static void
exchange(struct key *k, int remote, int version, char *sigalgs)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	X509			*x509;
	unsigned int		 before;
	char			 buf[5];

	sc = fixture_config(k, remote, "secure");
	ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_prepare(sc), "%s",
	    securetcp_config_error(sc));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	before = key_signatures;
	fixture_assign(&f);
	fixture_client(&f, version, version);
	if (sigalgs != NULL)
		ATF_REQUIRE(OFFER(f.f_ssl, sigalgs) == 1);
	fixture_handshake(&f);
	ATF_CHECK_STREQ_MSG(UP, f.f_events, "%s: %s", f.f_events, f.f_reason);
	ATF_CHECK_EQ(remote ? before + 1 : before, key_signatures);
	object_write(&f, "hello", 5);
	ATF_CHECK_EQ(5, peer_read(&f, buf, 5));
	ATF_REQUIRE((x509 = SSL_get_peer_certificate(f.f_ssl)) != NULL);
	ATF_CHECK_EQ(1, X509_check_private_key(x509, k->k_pkey));
	X509_free(x509);
	fixture_close(&f);
}

static void
each(enum key_kind kind)
{
	struct key	 k;
	int		 version;

	key_make(&k, kind, "test", NULL);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		exchange(&k, 0, version, NULL);
	key_signer();
	key_serve(&k);
	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		exchange(&k, 0, version, NULL);
		exchange(&k, 1, version, NULL);
	}
	if (kind == KEY_RSA2048 || kind == KEY_RSA4096) {
		exchange(&k, 1, TLS1_2_VERSION, "RSA+SHA256");
		exchange(&k, 1, TLS1_2_VERSION, "RSA+SHA512");
		exchange(&k, 1, TLS1_2_VERSION, "RSA-PSS+SHA384");
		exchange(&k, 1, TLS1_3_VERSION, "RSA-PSS+SHA256");
		exchange(&k, 1, TLS1_3_VERSION, "RSA-PSS+SHA512");
	}
	key_free(&k);
}

ATF_TC(rsa2048);
ATF_TC_HEAD(rsa2048, tc)
{
	atf_tc_set_md_var(tc, "descr", "RSA 2048: TLS 1.2 and 1.3, key here "
	    "and elsewhere, PSS and PKCS#1, one signature a handshake");
}
ATF_TC_BODY(rsa2048, tc)
{
	each(KEY_RSA2048);
}

ATF_TC(rsa4096);
ATF_TC_HEAD(rsa4096, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with RSA 4096");
}
ATF_TC_BODY(rsa4096, tc)
{
	each(KEY_RSA4096);
}

ATF_TC(p256);
ATF_TC_HEAD(p256, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with ECDSA P-256");
}
ATF_TC_BODY(p256, tc)
{
	each(KEY_P256);
}

ATF_TC(p384);
ATF_TC_HEAD(p384, tc)
{
	atf_tc_set_md_var(tc, "descr", "the same with ECDSA P-384");
}
ATF_TC_BODY(p384, tc)
{
	each(KEY_P384);
}

ATF_TC(refused);
ATF_TC_HEAD(refused, tc)
{
	atf_tc_set_md_var(tc, "descr", "a signer that gives no signature "
	    "ends the handshake with ptNoCertificate, and the next one works");
}
ATF_TC_BODY(refused, tc)
{
	static const enum key_kind	 kinds[] = { KEY_P256, KEY_RSA2048 };
	struct securetcp_config		*sc;
	struct fixture			 f;
	struct key			 k[2];
	size_t				 i;
	int				 version;

	key_signer();
	for (i = 0; i < 2; i++) {
		key_make(&k[i], kinds[i], "test", NULL);
		key_serve(&k[i]);
		sc = fixture_config(&k[i], 1, NULL);
		fixture_open(&f, sc);
		securetcp_config_free(sc);
		for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION;
		    version++) {
			key_refuse = 1;
			fixture_assign(&f);
			fixture_client(&f, version, version);
			fixture_handshake(&f);
			ATF_CHECK_STREQ("S(connecting) E(ptNoCertificate)"
			    DOWN, f.f_events);
			ATF_CHECK(strstr(f.f_reason, "signer") != NULL);
			peer_close(&f);
			key_refuse = 0;
			fixture_connect(&f, version);
			ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
			peer_close(&f);
		}
		fixture_close(&f);
	}
	key_free(&k[0]);
	key_free(&k[1]);
}

ATF_TC(untouched);
ATF_TC_HEAD(untouched, tc)
{
	atf_tc_set_md_var(tc, "descr", "with the hook installed, twice even, "
	    "the program's own keys sign and decrypt as before");
}
ATF_TC_BODY(untouched, tc)
{
	static const unsigned char	 text[] = "text";
	static const enum key_kind	 kinds[] = { KEY_RSA2048, KEY_P384 };
	unsigned char			 sig[1024], out[1024];
	struct key			 k;
	EVP_MD_CTX			*md;
	EVP_PKEY_CTX			*ctx;
	size_t				 i, len, outlen;

	key_signer();
	key_signer();
	for (i = 0; i < 2; i++) {
		key_make(&k, kinds[i], "test", NULL);
		ATF_REQUIRE((md = EVP_MD_CTX_new()) != NULL);
		len = sizeof(sig);
		ATF_CHECK_EQ(1, EVP_DigestSignInit(md, NULL, EVP_sha256(),
		    NULL, k.k_pkey));
		ATF_CHECK_EQ(1, EVP_DigestSign(md, sig, &len, text,
		    sizeof(text)));
		EVP_MD_CTX_free(md);
		ATF_REQUIRE((md = EVP_MD_CTX_new()) != NULL);
		ATF_CHECK_EQ(1, EVP_DigestVerifyInit(md, NULL, EVP_sha256(),
		    NULL, k.k_pkey));
		ATF_CHECK_EQ(1, EVP_DigestVerify(md, sig, len, text,
		    sizeof(text)));
		EVP_MD_CTX_free(md);
		if (kinds[i] == KEY_RSA2048) {
			ctx = EVP_PKEY_CTX_new(k.k_pkey, NULL);
			ATF_REQUIRE(ctx != NULL);
			len = sizeof(sig);
			outlen = sizeof(out);
			ATF_CHECK_EQ(1, EVP_PKEY_encrypt_init(ctx));
			ATF_CHECK_EQ(1, EVP_PKEY_encrypt(ctx, sig, &len, text,
			    sizeof(text)));
			ATF_CHECK_EQ(1, EVP_PKEY_decrypt_init(ctx));
			ATF_CHECK_EQ(1, EVP_PKEY_decrypt(ctx, out, &outlen,
			    sig, len));
			ATF_CHECK_EQ(sizeof(text), outlen);
			EVP_PKEY_CTX_free(ctx);
		}
		key_free(&k);
	}
	ATF_CHECK_EQ(0, key_signatures);
	ATF_CHECK_EQ(ptInvalidParam1, securetcp_set_signer(NULL, NULL));
}

ATF_TC(identity);
ATF_TC_HEAD(identity, tc)
{
	atf_tc_set_md_var(tc, "descr", "a key's identity: SHA-256 over its "
	    "public half, of the first certificate of a chain");
}
ATF_TC_BODY(identity, tc)
{
	char			 chain[2 * KEY_PEM];
	struct key		 k[2];
	enum securetcp_keytype	 type;
	unsigned char		*der = NULL;
	uint8_t			 id[SECURETCP_KEYID], want[SECURETCP_KEYID];
	int			 i, len;

	key_make(&k[0], KEY_RSA2048, "a", NULL);
	key_make(&k[1], KEY_P256, "b", NULL);
	for (i = 0; i < 2; i++) {
		len = i2d_PublicKey(k[i].k_pkey, &der);
		ATF_REQUIRE(len > 0);
		/* DER, SEQUENCE; a point, uncompressed. */
		ATF_CHECK_EQ(i == 0 ? 0x30 : 0x04, der[0]);
		ATF_REQUIRE_EQ(1, EVP_Digest(der, (size_t)len, want, NULL,
		    EVP_sha256(), NULL));
		OPENSSL_free(der);
		der = NULL;
		(void)strlcpy(chain, k[i].k_cert, sizeof(chain));
		(void)strlcat(chain, k[1 - i].k_cert, sizeof(chain));
		ATF_CHECK_EQ(ptOk, securetcp_key_id(chain, strlen(chain), id,
		    &type));
		ATF_CHECK_EQ(i == 0 ? SECURETCP_RSA : SECURETCP_ECDSA, type);
		ATF_CHECK_EQ(0, memcmp(id, want, sizeof(id)));
		key_free(&k[i]);
	}
	key_make(&k[0], KEY_ED25519, "c", NULL);
	ATF_CHECK_EQ(ptNoCertificate, securetcp_key_id(k[0].k_cert,
	    k[0].k_certlen, id, &type));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_key_id("nothing", 7, id,
	    &type));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_key_id("", 0, id, &type));
	ATF_CHECK_EQ(ptInvalidParam1, securetcp_key_id(NULL, 0, id, &type));
	key_free(&k[0]);
}

ATF_TC(bad_certificates);
ATF_TC_HEAD(bad_certificates, tc)
{
	atf_tc_set_md_var(tc, "descr", "unusable certificates and keys are "
	    "refused with a reason, and nothing has changed");
}
ATF_TC_BODY(bad_certificates, tc)
{
	struct securetcp_config	*sc;
	struct key		 a, b, ed;

	key_make(&a, KEY_P256, "a", NULL);
	key_make(&b, KEY_P256, "b", NULL);
	key_make(&ed, KEY_ED25519, "ed", NULL);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);

	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_add_certificate(sc,
	    NULL, 0, NULL, 0));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_add_certificate(sc,
	    "junk", 4, NULL, 0));
	ATF_CHECK_STREQ("certificate holds no certificate",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_add_certificate(sc,
	    ed.k_cert, ed.k_certlen, NULL, 0));
	ATF_CHECK_STREQ("certificate: its key is neither RSA nor ECDSA",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_add_certificate(sc,
	    a.k_cert, a.k_certlen, "junk", 4));
	ATF_CHECK_STREQ("certificate: its key has no private key in PEM form",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_add_certificate(sc,
	    a.k_cert, a.k_certlen, b.k_private, b.k_privatelen));
	ATF_CHECK_STREQ("certificate: the key belongs to another one",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_prepare(sc));
	ATF_CHECK_STREQ("no certificate is set", securetcp_config_error(sc));

	ATF_CHECK_EQ(ptOk, securetcp_config_add_certificate(sc, a.k_cert,
	    a.k_certlen, a.k_private, a.k_privatelen));
	ATF_CHECK_EQ(ptInvalidParam4, securetcp_config_add_certificate(sc,
	    b.k_cert, b.k_certlen, NULL, 0));
	ATF_CHECK_EQ(ptOk, securetcp_config_prepare(sc));
	ATF_CHECK_EQ(ptOk, securetcp_config_prepare(sc));
	ATF_CHECK_EQ(ptOperationRefused, securetcp_config_add_certificate(sc,
	    b.k_cert, b.k_certlen, b.k_private, b.k_privatelen));
	ATF_CHECK_EQ(ptOperationRefused, securetcp_config_set_protocol(sc,
	    "secure"));
	securetcp_config_free(sc);
	securetcp_config_free(NULL);
	key_free(&a);
	key_free(&b);
	key_free(&ed);
}

ATF_TC(settings);
ATF_TC_HEAD(settings, tc)
{
	atf_tc_set_md_var(tc, "descr", "protocol, ciphers and curves take "
	    "effect; what is unknown is refused by name");
}
ATF_TC_BODY(settings, tc)
{
	struct securetcp_config	*sc;
	struct fixture		 f;
	struct key		 k;

	key_make(&k, KEY_P256, "a", NULL);
	sc = fixture_config(&k, 0, NULL);
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_protocol(sc,
	    "tlsv9"));
	ATF_CHECK_STREQ("protocol \"tlsv9\" is not known",
	    securetcp_config_error(sc));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ciphers(sc,
	    "NONSENSE"));
	ATF_CHECK(strstr(securetcp_config_error(sc), "NONSENSE") != NULL);
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ciphers(sc, ""));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_ciphers(sc,
	    "kRSA"));
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_curves(sc,
	    "P-256,P-000"));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_protocol(sc, "tlsv1.2"));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_ciphers(sc,
	    "ECDHE-ECDSA-CHACHA20-POLY1305"));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_curves(sc, "P-384"));
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	fixture_assign(&f);
	fixture_client(&f, TLS1_2_VERSION, TLS1_3_VERSION);
	fixture_handshake(&f);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_STREQ("TLSv1.2", securetcp_version(f.f_tcp));
	ATF_CHECK_STREQ("ECDHE-ECDSA-CHACHA20-POLY1305",
	    securetcp_cipher(f.f_tcp));
	peer_close(&f);
	fixture_expect(&f, UP DOWN);

	/* A client without that curve. */
	fixture_assign(&f);
	fixture_client(&f, TLS1_2_VERSION, TLS1_2_VERSION);
	ATF_REQUIRE(SSL_set1_groups_list(f.f_ssl, "P-256") == 1);
	fixture_handshake(&f);
	ATF_CHECK_STREQ("S(connecting) E(ptProtocol)" DOWN, f.f_events);
	fixture_close(&f);
	key_free(&k);
}

/* default.example, *.example.org before www.example.org. */
static struct securetcp_config *
both(const struct key *k)
{
	struct securetcp_config	*sc;
	int			 i;

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(ptOk, securetcp_config_add_certificate(sc,
		    k[i].k_cert, k[i].k_certlen, NULL, 0));
	return (sc);
}

static void
asked(struct securetcp_config *sc, char *name, const struct key *want)
{
	struct fixture	 f;
	X509		*x509;

	fixture_open(&f, sc);
	fixture_assign(&f);
	fixture_client(&f, TLS1_2_VERSION, TLS1_3_VERSION);
	if (name != NULL)
		ATF_REQUIRE(SSL_set_tlsext_host_name(f.f_ssl, name) == 1);
	fixture_handshake(&f);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_STREQ(name == NULL ? "" : name,
	    securetcp_servername(f.f_tcp));
	ATF_REQUIRE((x509 = SSL_get_peer_certificate(f.f_ssl)) != NULL);
	ATF_CHECK_EQ_MSG(1, X509_check_private_key(x509, want->k_pkey),
	    "wrong certificate for %s", name == NULL ? "no name" : name);
	X509_free(x509);
	fixture_close(&f);
}

ATF_TC(names);
ATF_TC_HEAD(names, tc)
{
	atf_tc_set_md_var(tc, "descr", "several certificates: by server "
	    "name, exact before wildcard, the first for everything else");
}
ATF_TC_BODY(names, tc)
{
	struct securetcp_config	*sc;
	struct key		 k[3];
	int			 i;

	key_make(&k[0], KEY_P256, "default", "DNS:default.example");
	key_make(&k[1], KEY_P256, "wild", "DNS:*.example.org");
	key_make(&k[2], KEY_RSA2048, "www", "DNS:www.example.org");
	key_signer();
	for (i = 0; i < 3; i++)
		key_serve(&k[i]);
	sc = both(k);
	asked(sc, NULL, &k[0]);
	asked(sc, "default.example", &k[0]);
	asked(sc, "elsewhere.example", &k[0]);
	asked(sc, "www.example.org", &k[2]);
	asked(sc, "api.example.org", &k[1]);
	securetcp_config_free(sc);
	for (i = 0; i < 3; i++)
		key_free(&k[i]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rsa2048);
	ATF_TP_ADD_TC(tp, rsa4096);
	ATF_TP_ADD_TC(tp, p256);
	ATF_TP_ADD_TC(tp, p384);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, untouched);
	ATF_TP_ADD_TC(tp, identity);
	ATF_TP_ADD_TC(tp, bad_certificates);
	ATF_TP_ADD_TC(tp, settings);
	ATF_TP_ADD_TC(tp, names);
	return (atf_no_error());
}
