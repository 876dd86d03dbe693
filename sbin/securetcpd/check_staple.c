/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * OCSP responses: copied for the spawners, and looked at for what clients
 * would take exception to.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_x509.h"
#include "conf.h"

#define OCSP_SIZE	(16 * 1024)

static void	 about_check(struct certificate *, OCSP_SINGLERESP *);
static const char *about_wrong(OCSP_SINGLERESP *, X509 *, X509 *);
static const char *about_issuer(OCSP_CERTID *, const EVP_MD *, X509 *,
		    X509 *);

/* The first certificate of the chain, and its issuer if that is there. */
static X509 *
chain_leaf(struct certificate *ce, X509 **issuer)
{
	struct bundle	 bu;
	X509		*leaf = NULL, *x;
	char		*buf;
	size_t		 len;
	unsigned int	 i;

	*issuer = NULL;
	if (ce->ce_chainfd == -1 || (buf = conf_check_read("chain",
	    ce->ce_chain, ce->ce_chainfd, &ce->ce_chain_at, CHECK_CHAIN_SIZE,
	    &len)) == NULL)
		return NULL;
	memset(&bu, 0, sizeof(bu));
	if (bundle_read(&bu, BUNDLE_CHAIN, buf, len) == 0) {
		leaf = sk_X509_value(bu.bu_certs, 0);
		(void)X509_up_ref(leaf);
	}
	for (i = 0; leaf != NULL && *issuer == NULL && i < bu.bu_n; i++) {
		x = sk_X509_value(bu.bu_certs, (int)i);
		if (X509_check_issued(x, leaf) == X509_V_OK) {
			(void)X509_up_ref(x);
			*issuer = x;
		}
	}
	bundle_free(&bu);
	free(buf);
	return leaf;
}

static void
about_check(struct certificate *ce, OCSP_SINGLERESP *single)
{
	const char	*wrong;
	X509		*issuer, *leaf;

	/* Of a chain that cannot be read something was said already. */
	if ((leaf = chain_leaf(ce, &issuer)) == NULL)
		return;
	if ((wrong = about_wrong(single, leaf, issuer)) != NULL)
		conf_error(&ce->ce_ocsp.pa_place, "ocsp \"%s\": is not about "
		    "the certificate in \"%s\": %s", ce->ce_ocsp.pa_path,
		    ce->ce_chain, wrong);
	X509_free(issuer);
	X509_free(leaf);
	ERR_clear_error();
}

/* NULL, or in what they differ. */
static const char *
about_wrong(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer)
{
	const OCSP_CERTID	*const_id = OCSP_SINGLERESP_get0_id(single);
	const EVP_MD		*md;
	ASN1_INTEGER		*serial;
	ASN1_OBJECT		*object;
	OCSP_CERTID		*id;

	/* It is only looked at, which the libraries fail to declare. */
	memcpy(&id, &const_id, sizeof(id));
	if (OCSP_id_get0_info(NULL, &object, NULL, &serial, id) != 1)
		return "it does not say about which it is";
	if (ASN1_INTEGER_cmp(serial, X509_get_serialNumber(leaf)) != 0)
		return "another serial number";
	md = EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(object)));
	if (md == NULL)
		return "its issuer is named by an unknown hash";
	return about_issuer(id, md, leaf, issuer);
}

/* By the name, which the leaf has, and by the key, which the issuer has. */
static const char *
about_issuer(OCSP_CERTID *id, const EVP_MD *md, X509 *leaf, X509 *issuer)
{
	ASN1_OCTET_STRING	*name;
	OCSP_CERTID		*own;
	unsigned char		 hash[EVP_MAX_MD_SIZE];
	unsigned int		 len;
	int			 same;

	if (OCSP_id_get0_info(&name, NULL, NULL, NULL, id) != 1 ||
	    X509_NAME_digest(X509_get_issuer_name(leaf), md, hash, &len) != 1)
		return "the issuer's name cannot be compared";
	if (ASN1_STRING_length(name) != (int)len ||
	    memcmp(ASN1_STRING_get0_data(name), hash, len) != 0)
		return "another issuer";
	if (issuer == NULL)
		return NULL;
	if ((own = OCSP_cert_to_id(md, leaf, issuer)) == NULL)
		return "the issuer's key cannot be compared";
	same = OCSP_id_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	return same ? NULL : "an issuer of that name with another key";
}

/* The status of the one certificate it is about. */
static void
response_check(struct certificate *ce, OCSP_BASICRESP *basic)
{
	const struct conf_path	*pa = &ce->ce_ocsp;
	ASN1_GENERALIZEDTIME	*next, *revoked, *this;
	OCSP_SINGLERESP		*single;
	char			 date[64];
	time_t			 since;
	int			 reason, status;

	if (OCSP_resp_count(basic) != 1 ||
	    (single = OCSP_resp_get0(basic, 0)) == NULL) {
		conf_error(&pa->pa_place, "ocsp \"%s\": is not about exactly "
		    "one certificate", pa->pa_path);
		return;
	}
	about_check(ce, single);
	status = OCSP_single_get0_status(single, &reason, &revoked, &this,
	    &next);
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		conf_error(&pa->pa_place, "ocsp \"%s\": says that the "
		    "certificate is revoked", pa->pa_path);
	else if (status != V_OCSP_CERTSTATUS_GOOD)
		conf_error(&pa->pa_place, "ocsp \"%s\": does not say that "
		    "the certificate is good", pa->pa_path);
	since = check_time(this);
	if (since > time(NULL))
		conf_warning(&pa->pa_place, "ocsp \"%s\": is not valid "
		    "before %s", pa->pa_path, conf_check_date(since, date,
		    sizeof(date)));
	ce->ce_ocsp.pa_since = since;
	ce->ce_ocsp.pa_next = check_time(next);
	conf_check_update(pa, "ocsp");
}

void
conf_check_staple(struct certificate *ce)
{
	struct conf_path	*pa = &ce->ce_ocsp;
	OCSP_BASICRESP		*basic = NULL;
	OCSP_RESPONSE		*response;
	const unsigned char	*p;
	struct stat		 st;
	char			*buf;
	size_t			 len;

	pa->pa_fd = conf_check_open("ocsp", pa->pa_path, OCSP_SIZE,
	    &pa->pa_place, &st);
	if (pa->pa_fd == -1 || (buf = conf_check_read("ocsp", pa->pa_path,
	    pa->pa_fd, &pa->pa_place, OCSP_SIZE, &len)) == NULL)
		return;
	conf_check_keep("ocsp", pa->pa_path, &pa->pa_fd, &pa->pa_place,
	    buf, len);
	p = (const unsigned char *)buf;
	if ((response = d2i_OCSP_RESPONSE(NULL, &p, (long)len)) == NULL)
		conf_error(&pa->pa_place, "ocsp \"%s\": is not an OCSP "
		    "response in DER form", pa->pa_path);
	else if (p != (const unsigned char *)buf + len)
		conf_error(&pa->pa_place, "ocsp \"%s\": something follows "
		    "the OCSP response", pa->pa_path);
	else if (OCSP_response_status(response) !=
	    OCSP_RESPONSE_STATUS_SUCCESSFUL ||
	    (basic = OCSP_response_get1_basic(response)) == NULL)
		conf_error(&pa->pa_place, "ocsp \"%s\": the responder "
		    "answered with an error", pa->pa_path);
	else
		response_check(ce, basic);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	free(buf);
}
