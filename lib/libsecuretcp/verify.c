/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The verdicts on a chain of certificates.  Each is found by a verification
 * that leaves the others out, so that they do not hide one another and both
 * TLS libraries agree.
 */

#include <sys/types.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "list.h"
#include "object.h"
#include "securetcp.h"
#include "verify.h"

#define VERIFY_LEVEL	2	/* at least 112 bits of security */
#define VERIFY_CRL	(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)

static void	 verify_verdicts(struct verify *, struct securetcp_verdicts *);
static int	 verify_run(struct verify *, unsigned long);
static int	 verify_revoked(struct verify *, int);
static int	 verify_listed(struct verify *, X509_NAME *);
static int	 verify_signatures(struct verify *);
static int	 verify_signed(struct verify *, X509 *);
static int	 verify_dates(struct verify *);

void
verify_chain(struct verify *ve, struct securetcp_verdicts *sv)
{
	ve->ve_leaf = sk_X509_value(ve->ve_chain, 0);
	verify_verdicts(ve, sv);
	sk_X509_pop_free(ve->ve_path, X509_free);
	ve->ve_path = NULL;
}

static void
verify_verdicts(struct verify *ve, struct securetcp_verdicts *sv)
{
	sv->sv_notrevoked = 1;
	sv->sv_trusted = verify_run(ve, X509_V_FLAG_NO_CHECK_TIME);
	sv->sv_signature = sv->sv_trusted || verify_signatures(ve);
	if (!sv->sv_trusted) {
		sv->sv_date = verify_dates(ve);
		return;
	}
	sv->sv_date = verify_run(ve, 0);
	if (ve->ve_crls != NULL)
		sv->sv_notrevoked = !verify_revoked(ve, sv->sv_date);
}

/*
 * Where the dates of the certificates must not count, the libraries do not
 * look at those of the lists either.
 */
static int
verify_revoked(struct verify *ve, int dated)
{
	X509_NAME	*issuer;
	X509_REVOKED	*entry;
	X509		*x509;
	int		 i;

	if ((x509 = list_revoked(ve, &entry)) != NULL) {
		why_revoked(ve, x509, entry);
		return (1);
	}
	if (dated)
		return (!verify_run(ve, VERIFY_CRL));
	if (!verify_run(ve, VERIFY_CRL | X509_V_FLAG_NO_CHECK_TIME))
		return (1);
	for (i = 0; i < sk_X509_num(ve->ve_chain); i++) {
		issuer = X509_get_issuer_name(sk_X509_value(ve->ve_chain, i));
		if (!verify_listed(ve, issuer)) {
			why_unlisted(ve, issuer);
			return (1);
		}
	}
	return (0);
}

/* Is there a list of this issuer that is valid today? */
static int
verify_listed(struct verify *ve, X509_NAME *issuer)
{
	const ASN1_TIME	*next;
	X509_CRL	*crl;
	int		 i;

	for (i = 0; i < sk_X509_CRL_num(ve->ve_crls); i++) {
		crl = sk_X509_CRL_value(ve->ve_crls, i);
		next = X509_CRL_get0_nextUpdate(crl);
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) == 0 &&
		    list_kind(crl) <= LIST_SOME &&
		    X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)) < 0 &&
		    (next == NULL || X509_cmp_current_time(next) > 0))
			return (1);
	}
	return (0);
}

static int
verify_run(struct verify *ve, unsigned long flags)
{
	X509_STORE_CTX	*ctx;
	int		 ok = 0;

	if ((ctx = X509_STORE_CTX_new()) == NULL) {
		why_say(ve, REFUSAL_MEMORY, "out of memory for the peer's "
		    "certificate");
		return (0);
	}
	if (X509_STORE_CTX_init(ctx, ve->ve_store, ve->ve_leaf,
	    ve->ve_chain) == 1 &&
	    X509_STORE_CTX_set_purpose(ctx, ve->ve_client ?
	    X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT) == 1) {
		X509_VERIFY_PARAM_set_auth_level(
		    X509_STORE_CTX_get0_param(ctx), VERIFY_LEVEL);
		X509_STORE_CTX_set_flags(ctx, flags);
		ok = X509_verify_cert(ctx) == 1 &&
		    X509_STORE_CTX_get_error(ctx) == X509_V_OK;
	}
	if (!ok)
		why_failed(ve, ctx);
	else if (ve->ve_path == NULL)
		ve->ve_path = X509_STORE_CTX_get1_chain(ctx);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return (ok);
}

/* Of all that the peer has sent; an unknown issuer has signed nothing. */
static int
verify_signatures(struct verify *ve)
{
	int	 i;

	for (i = 0; i < sk_X509_num(ve->ve_chain); i++) {
		if (!verify_signed(ve, sk_X509_value(ve->ve_chain, i)))
			return (0);
	}
	return (1);
}

static int
verify_signed(struct verify *ve, X509 *x509)
{
	EVP_PKEY	*pkey = NULL;
	X509		*issuer;
	int		 ok = 0;

	if ((issuer = verify_issuer(ve, x509)) != NULL &&
	    (pkey = X509_get_pubkey(issuer)) != NULL)
		ok = X509_verify(x509, pkey) == 1;
	EVP_PKEY_free(pkey);
	X509_free(issuer);
	ERR_clear_error();
	return (ok);
}

/* Itself, the peer's others, the store's; the caller frees it. */
X509 *
verify_issuer(struct verify *ve, X509 *x509)
{
	X509_STORE_CTX	*ctx;
	X509		*issuer = NULL, *other;
	int		 i;

	if (X509_check_issued(x509, x509) == X509_V_OK) {
		(void)X509_up_ref(x509);
		return (x509);
	}
	for (i = 0; i < sk_X509_num(ve->ve_chain); i++) {
		other = sk_X509_value(ve->ve_chain, i);
		if (X509_check_issued(other, x509) == X509_V_OK) {
			(void)X509_up_ref(other);
			return (other);
		}
	}
	if ((ctx = X509_STORE_CTX_new()) == NULL)
		return (NULL);
	if (X509_STORE_CTX_init(ctx, ve->ve_store, NULL, NULL) != 1 ||
	    X509_STORE_CTX_get1_issuer(&issuer, ctx, x509) != 1)
		issuer = NULL;
	X509_STORE_CTX_free(ctx);
	return (issuer);
}

static int
verify_dates(struct verify *ve)
{
	X509	*x509;
	int	 i;

	for (i = 0; i < sk_X509_num(ve->ve_chain); i++) {
		x509 = sk_X509_value(ve->ve_chain, i);
		if (X509_cmp_current_time(X509_get0_notBefore(x509)) >= 0 ||
		    X509_cmp_current_time(X509_get0_notAfter(x509)) <= 0)
			return (0);
	}
	return (1);
}
