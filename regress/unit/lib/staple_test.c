/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* OCSP responses that go with certificates. */

#include <sys/types.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"

#define UP	"S(connecting) S(connected)"

struct staple {
	uint8_t	*sp_der;
	size_t	 sp_len;
};

static struct pki	 root;

static void	 respond(struct staple *, const struct pki *, int);
static void	 add(struct securetcp_config *, const struct pki *, int);
static void	 check(struct securetcp_config *, const char *,
		    const struct staple *);

/* What the root says of one of its certificates. */
static void
respond(struct staple *sp, const struct pki *who, int status)
{
	ASN1_TIME	*last, *next;
	OCSP_BASICRESP	*basic = NULL;
	OCSP_CERTID	*id;
	OCSP_RESPONSE	*response;
	int		 len;

	if (status == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		ATF_REQUIRE((basic = OCSP_BASICRESP_new()) != NULL);
		ATF_REQUIRE((id = OCSP_cert_to_id(EVP_sha1(), who->p_x509,
		    root.p_x509)) != NULL);
		ATF_REQUIRE((last = X509_gmtime_adj(NULL, -60)) != NULL);
		ATF_REQUIRE((next = X509_gmtime_adj(NULL, 3600)) != NULL);
		ATF_REQUIRE(OCSP_basic_add1_status(basic, id,
		    V_OCSP_CERTSTATUS_GOOD, 0, NULL, last, next) != NULL);
		ATF_REQUIRE_EQ(1, OCSP_basic_sign(basic, root.p_x509,
		    root.p_pkey, EVP_sha256(), NULL, 0));
		ASN1_TIME_free(last);
		ASN1_TIME_free(next);
		OCSP_CERTID_free(id);
	}
	response = OCSP_response_create(status, basic);
	ATF_REQUIRE(response != NULL);
	sp->sp_der = NULL;
	ATF_REQUIRE((len = i2d_OCSP_RESPONSE(response, &sp->sp_der)) > 0);
	sp->sp_len = (size_t)len;
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
}

static void
add(struct securetcp_config *sc, const struct pki *p, int remote)
{
	ATF_REQUIRE_EQ_MSG(ptOk, securetcp_config_add_certificate(sc,
	    p->p_cert, p->p_certlen, remote ? NULL : p->p_private,
	    remote ? 0 : p->p_privatelen), "%s", securetcp_config_error(sc));
}

/* A client that asks for a name and for the status of its certificate. */
static void
check(struct securetcp_config *sc, const char *name, const struct staple *want)
{
	const unsigned char	*have;
	struct fixture		 f;
	char			 asked[256];
	long			 len;
	int			 version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		fixture_open(&f, sc);
		fixture_assign(&f);
		fixture_client(&f, version, version);
		ATF_REQUIRE_EQ(1, SSL_set_tlsext_status_type(f.f_ssl,
		    TLSEXT_STATUSTYPE_ocsp));
		if (name != NULL) {
			(void)strlcpy(asked, name, sizeof(asked));
			ATF_REQUIRE_EQ(1, SSL_set_tlsext_host_name(f.f_ssl,
			    asked));
		}
		fixture_handshake(&f);
		ATF_REQUIRE_STREQ_MSG(UP, f.f_events, "%s", f.f_reason);
		len = SSL_get_tlsext_status_ocsp_resp(f.f_ssl, &have);
		if (want == NULL)
			ATF_CHECK(len <= 0);
		else {
			ATF_REQUIRE_EQ_MSG((long)want->sp_len, len,
			    "for %s, version %#x", name == NULL ? "none" :
			    name, (unsigned int)version);
			ATF_CHECK_EQ(0, memcmp(want->sp_der, have,
			    want->sp_len));
		}
		/* Who does not ask gets it all the same: a connection. */
		ATF_CHECK_EQ(ptOk, securetcp_abort(f.f_tcp));
		peer_close(&f);
		fixture_connect(&f, version);
		fixture_close(&f);
	}
}

CASE(single, "of the only certificate: it arrives as it was given, the last "
    "one where several were; without any the client gets none")
{
	struct securetcp_config	*sc;
	struct staple		 one, two;
	struct pki		 p;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&p, &root, "www", "DNS:www.example.org", 0);
	respond(&one, &p, OCSP_RESPONSE_STATUS_SUCCESSFUL);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	add(sc, &p, 0);
	check(sc, NULL, NULL);
	ATF_CHECK_EQ(ptOperationRefused, securetcp_config_set_staple(sc,
	    one.sp_der, one.sp_len));
	securetcp_config_free(sc);

	pki_free(&root);
	pki_make(&root, NULL, "Another", NULL, PKI_CA);
	respond(&two, &p, OCSP_RESPONSE_STATUS_SUCCESSFUL);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	add(sc, &p, 0);
	ATF_CHECK_EQ(ptOk, securetcp_config_set_staple(sc, one.sp_der,
	    one.sp_len));
	ATF_CHECK_EQ(ptOk, securetcp_config_set_staple(sc, two.sp_der,
	    two.sp_len));
	check(sc, NULL, &two);
	securetcp_config_free(sc);
	OPENSSL_free(one.sp_der);
	OPENSSL_free(two.sp_der);
	pki_free(&p);
	pki_free(&root);
}

/* Each name with what belongs to it. */
static void
several(struct securetcp_config *sc, struct pki p[3], int remote)
{
	struct staple	 first, wild;

	respond(&first, &p[0], OCSP_RESPONSE_STATUS_SUCCESSFUL);
	respond(&wild, &p[1], OCSP_RESPONSE_STATUS_SUCCESSFUL);
	add(sc, &p[0], remote);
	ATF_CHECK_EQ(ptOk, securetcp_config_set_staple(sc, first.sp_der,
	    first.sp_len));
	add(sc, &p[1], remote);
	ATF_CHECK_EQ(ptOk, securetcp_config_set_staple(sc, wild.sp_der,
	    wild.sp_len));
	add(sc, &p[2], remote);
	check(sc, NULL, &first);
	check(sc, "first.example.org", &first);
	check(sc, "unknown.example.net", &first);
	check(sc, "any.example.org", &wild);
	check(sc, "none.example.org", NULL);
	OPENSSL_free(first.sp_der);
	OPENSSL_free(wild.sp_der);
}

CASE(names, "of several certificates, with keys here and elsewhere: the "
    "default's by name and without, a further one's by name, none of one "
    "that has none")
{
	static struct key	 keys[3];
	struct securetcp_config	*sc;
	struct pki		 p[3];
	int			 i, remote;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&p[0], &root, "first", "DNS:first.example.org", 0);
	pki_make(&p[1], &root, "wild", "DNS:*.example.org", 0);
	pki_make(&p[2], &root, "none", "DNS:none.example.org", 0);
	for (remote = 0; remote < 2; remote++) {
		ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
		several(sc, p, remote);
		securetcp_config_free(sc);
		for (i = 0; i < 3 && !remote; i++) {
			keys[i].k_pkey = p[i].p_pkey;
			memcpy(keys[i].k_cert, p[i].p_cert, p[i].p_certlen);
			keys[i].k_certlen = p[i].p_certlen;
			key_serve(&keys[i]);
		}
		key_signer();
	}
	for (i = 0; i < 3; i++)
		pki_free(&p[i]);
	pki_free(&root);
}

static void
refused(struct securetcp_config *sc, const void *der, size_t len,
    const char *why)
{
	ATF_CHECK_EQ(ptInvalidParam2, securetcp_config_set_staple(sc, der,
	    len));
	ATF_CHECK_STREQ(why, securetcp_config_error(sc));
}

CASE(refusals, "what is no OCSP response, is one cut short, is followed by "
    "something, or says nothing: refused, and the earlier one stays")
{
	struct securetcp_config	*sc;
	struct staple		 later, one;
	struct pki		 p;
	uint8_t			*big;
	size_t			 len;

	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&p, &root, "www", NULL, 0);
	respond(&one, &p, OCSP_RESPONSE_STATUS_SUCCESSFUL);
	respond(&later, &p, OCSP_RESPONSE_STATUS_TRYLATER);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_CHECK_EQ(ptNoCertificate, securetcp_config_set_staple(sc,
	    one.sp_der, one.sp_len));
	ATF_CHECK_STREQ("OCSP response: there is no certificate yet",
	    securetcp_config_error(sc));
	add(sc, &p, 0);
	ATF_CHECK_EQ(ptOk, securetcp_config_set_staple(sc, one.sp_der,
	    one.sp_len));
	refused(sc, NULL, 0, "OCSP response: nothing given");
	refused(sc, one.sp_der, 0, "OCSP response: nothing given");
	refused(sc, p.p_cert, p.p_certlen, "OCSP response: it cannot be read");
	for (len = 1; len < one.sp_len; len++)
		refused(sc, one.sp_der, len,
		    "OCSP response: it cannot be read");
	refused(sc, later.sp_der, later.sp_len,
	    "OCSP response: it says that there is no answer");
	ATF_REQUIRE((big = calloc(1, SECURETCP_STAPLE + 1)) != NULL);
	memcpy(big, one.sp_der, one.sp_len);
	refused(sc, big, one.sp_len + 1, "OCSP response: something follows "
	    "it");
	refused(sc, big, SECURETCP_STAPLE + 1, "OCSP response: it is too "
	    "long");
	free(big);
	check(sc, NULL, &one);
	securetcp_config_free(sc);
	OPENSSL_free(one.sp_der);
	OPENSSL_free(later.sp_der);
	pki_free(&p);
	pki_free(&root);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, single);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, refusals);
	return (atf_no_error());
}
