/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Files of authorities: their certificates, their lists of revoked
 * certificates, and OCSP responses.
 */

#include <sys/types.h>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "bundle.h"
#include "compat.h"
#include "inspect.h"
#include "wire.h"

static void	 crl_dates(struct inspection *, const struct bundle *);
static void	 crl_signatures(struct inspection *, const struct bundle *);
static void	 response_check(struct inspection *, OCSP_BASICRESP *);
static void	 about_check(struct inspection *, OCSP_SINGLERESP *);
static const char
		*about_wrong(OCSP_SINGLERESP *, X509 *, X509 *);
static const char
		*about_issuer(OCSP_CERTID *, const EVP_MD *, X509 *, X509 *);

/* Kept for a CRL that comes next. */
void
authority_ca(struct inspection *in, const void *buf, size_t len)
{
	in->in_rooted = inspect_bundle(in, &in->in_roots, BUNDLE_CA, buf,
	    len) == 0;
}

void
authority_crl(struct inspection *in, const void *buf, size_t len)
{
	struct bundle	 lists;

	if (inspect_bundle(in, &lists, BUNDLE_CRL, buf, len) == 0) {
		crl_dates(in, &lists);
		if (in->in_rooted)
			crl_signatures(in, &lists);
	}
	stcp_bundle_free(&lists);
}

/* When the first of the lists in use is to be replaced. */
static void
crl_dates(struct inspection *in, const struct bundle *bu)
{
	X509_CRL	*crl;
	char		 date[COMPAT_DATE];
	time_t		 at, first = -1, from;
	unsigned int	 i;

	for (i = 0; i < bu->bu_n; i++) {
		crl = sk_X509_CRL_value(bu->bu_lists, (int)i);
		at = inspect_time(X509_CRL_get0_nextUpdate(crl));
		if (at != -1 && (first == -1 || at < first))
			first = at;
		from = inspect_time(X509_CRL_get0_lastUpdate(crl));
		if (from > time(NULL))
			inspect_warning(in, bu->bu_lines[i], ": the list is "
			    "not valid before %s", compat_date(from, date,
			    sizeof(date)));
	}
	in->in_answer.wck_until = (uint64_t)first;
}

/*
 * Lists of the authorities in the file after "ca" must be signed by them;
 * certificates of those below come with the clients.
 */
static void
crl_signatures(struct inspection *in, const struct bundle *lists)
{
	X509_CRL	*crl;
	X509		*x;
	unsigned int	 i, j, named, signs;

	for (i = 0; i < lists->bu_n; i++) {
		crl = sk_X509_CRL_value(lists->bu_lists, (int)i);
		for (j = named = signs = 0; j < in->in_roots.bu_n; j++) {
			x = sk_X509_value(in->in_roots.bu_certs, (int)j);
			if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
			    X509_get_subject_name(x)) != 0)
				continue;
			named++;
			signs += X509_CRL_verify(crl,
			    X509_get0_pubkey(x)) == 1;
		}
		if (named != 0 && signs == 0)
			inspect_warning(in, lists->bu_lines[i], ": the list "
			    "is not signed by its issuer in the file after "
			    "\"ca\", and does not count");
	}
}

void
authority_staple(struct inspection *in, const void *buf, size_t len)
{
	const unsigned char	*p = buf;
	OCSP_BASICRESP		*basic = NULL;
	OCSP_RESPONSE		*response;

	if ((response = d2i_OCSP_RESPONSE(NULL, &p, (long)len)) == NULL)
		inspect_error(in, 0, ": is not an OCSP response in DER form");
	else if (p != (const unsigned char *)buf + len)
		inspect_error(in, 0, ": something follows the OCSP response");
	else if (OCSP_response_status(response) !=
	    OCSP_RESPONSE_STATUS_SUCCESSFUL ||
	    (basic = OCSP_response_get1_basic(response)) == NULL)
		inspect_error(in, 0, ": the responder answered with an error");
	else
		response_check(in, basic);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}

/* The status of the one certificate it is about. */
static void
response_check(struct inspection *in, OCSP_BASICRESP *basic)
{
	ASN1_GENERALIZEDTIME	*next, *revoked, *this;
	OCSP_SINGLERESP		*single;
	int			 reason, status;

	if (OCSP_resp_count(basic) != 1 ||
	    (single = OCSP_resp_get0(basic, 0)) == NULL) {
		inspect_error(in, 0, ": is not about exactly one certificate");
		return;
	}
	about_check(in, single);
	status = OCSP_single_get0_status(single, &reason, &revoked, &this,
	    &next);
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		inspect_error(in, 0, ": says that the certificate is revoked");
	else if (status != V_OCSP_CERTSTATUS_GOOD)
		inspect_error(in, 0, ": does not say that the certificate is "
		    "good");
	in->in_answer.wck_since = (uint64_t)inspect_time(this);
	in->in_answer.wck_until = (uint64_t)inspect_time(next);
}

/* A chain that cannot be read was reported already. */
static void
about_check(struct inspection *in, OCSP_SINGLERESP *single)
{
	const char	*wrong;

	if (in->in_leaf == NULL)
		return;
	wrong = about_wrong(single, in->in_leaf, in->in_issuer);
	if (wrong != NULL)
		inspect_error(in, 0, ": is not about certificate \"%s\": %s",
		    in->in_asked.wqu_text, wrong);
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

	/* OCSP_id_get0_info() only looks at it, although not declared so. */
	memcpy(&id, &const_id, sizeof(id));
	if (OCSP_id_get0_info(NULL, &object, NULL, &serial, id) != 1)
		return ("it does not say about which it is");
	if (ASN1_INTEGER_cmp(serial, X509_get_serialNumber(leaf)) != 0)
		return ("another serial number");
	md = EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(object)));
	if (md == NULL)
		return ("its issuer is named by an unknown hash");
	return (about_issuer(id, md, leaf, issuer));
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
		return ("the issuer's name cannot be compared");
	if (ASN1_STRING_length(name) != (int)len ||
	    memcmp(ASN1_STRING_get0_data(name), hash, len) != 0)
		return ("another issuer");
	if (issuer == NULL)
		return (NULL);
	if ((own = OCSP_cert_to_id(md, leaf, issuer)) == NULL)
		return ("the issuer's key cannot be compared");
	same = OCSP_id_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	return (same ? NULL : "an issuer of that name with another key");
}
