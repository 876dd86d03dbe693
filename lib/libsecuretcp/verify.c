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

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "bundle.h"
#include "config.h"
#include "object.h"
#include "securetcp.h"

#define VERIFY_LEVEL	2	/* at least 112 bits of security */
#define VERIFY_CRL	(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
#define WHY_NAME	100	/* bytes of one: two have to fit */
#define WHY_DATE	96	/* more than any numbers take */
#define WHY_DEPTH	16	/* certificates on the way to a root */

/* A verification on the way. */
struct verify {
	X509_STORE		*ve_store;
	STACK_OF(X509_CRL)	*ve_crls;	/* NULL: none are asked for */
	X509			*ve_leaf;
	STACK_OF(X509)		*ve_chain;	/* all of it, leaf first */
	STACK_OF(X509)		*ve_path;	/* to its root, if any */
	int			 ve_client;	/* so the peer is a server */
	char			*ve_why;
	size_t			 ve_size;
	enum object_refusal	 ve_refusal;	/* of the first failure */
};

static void	 verify_chain(struct verify *, struct securetcp_verdicts *);
static X509	*verify_issuer(struct verify *, X509 *);
static X509	*verify_entry(const struct verify *, X509_REVOKED **);
static int	 verify_hit(X509_CRL *, X509 *, X509 *, X509_REVOKED **);
static void	 verify_verdicts(struct verify *, struct securetcp_verdicts *);
static int	 verify_run(struct verify *, unsigned long);
static int	 verify_revoked(struct verify *, int);
static int	 verify_listed(struct verify *, X509_NAME *);
static int	 verify_signatures(struct verify *);
static int	 verify_signed(struct verify *, X509 *);
static int	 verify_dates(struct verify *);

/* The first failure, in words. */
static void	 why_say(struct verify *, enum object_refusal, const char *,
		    ...) __attribute__((__format__(printf, 3, 4)));
static void	 why_failed(struct verify *, X509_STORE_CTX *);
static void	 why_revoked(struct verify *, X509 *, const X509_REVOKED *);
static void	 why_unlisted(struct verify *, X509_NAME *);
static void	 why_certificate(struct verify *, enum object_refusal, X509 *,
		    const char *);
static void	 why_date(const ASN1_TIME *, char *, size_t);
static void	 why_dated(struct verify *, enum object_refusal, X509 *,
		    const char *, const ASN1_TIME *);
static void	 why_untrusted(struct verify *);
static int	 why_link(struct verify *, X509 *, X509 *);
static void	 why_issuer(struct verify *, X509 *, const char *,
		    const char *);
static int	 why_outdated(X509_CRL *, char [WHY_DATE], char [WHY_DATE]);
static void	 why_list(struct verify *, X509_NAME *, const char *);

static int	 authenticate_judge(struct securetcp *, struct verify *,
		    struct securetcp_verdicts *);
static int	 authenticate_name(struct securetcp *, struct verify *,
		    struct securetcp_verdicts *);
static int	 authenticate_ask(struct securetcp *,
		    struct securetcp_verdicts *);
static void	 authenticate_refuse(struct securetcp *, const char *);

static void
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

	if ((x509 = verify_entry(ve, &entry)) != NULL) {
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
		    stcp_list_kind(crl) <= LIST_SOME &&
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

/*
 * Signatures of all that the peer has sent; an unknown issuer has signed
 * nothing.
 */
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
static X509 *
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

static X509 *
verify_entry(const struct verify *ve, X509_REVOKED **entry)
{
	X509	*issuer, *x509;
	int	 i, j, n = sk_X509_num(ve->ve_path);

	for (i = 0; i < n; i++) {
		x509 = sk_X509_value(ve->ve_path, i);
		issuer = sk_X509_value(ve->ve_path, i + 1 < n ? i + 1 : i);
		for (j = 0; j < sk_X509_CRL_num(ve->ve_crls); j++) {
			if (verify_hit(sk_X509_CRL_value(ve->ve_crls, j),
			    x509, issuer, entry))
				return (x509);
		}
	}
	return (NULL);
}

/* 0: this list does not revoke that certificate. */
static int
verify_hit(X509_CRL *crl, X509 *x509, X509 *issuer,
    X509_REVOKED **entry)
{
	EVP_PKEY	*pkey;
	int		 ok;

	if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
	    X509_get_issuer_name(x509)) != 0 ||
	    X509_CRL_get0_by_cert(crl, entry, x509) != 1 ||
	    X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)) >= 0)
		return (0);
	if ((pkey = X509_get_pubkey(issuer)) == NULL)
		return (0);
	ok = X509_CRL_verify(crl, pkey) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return (ok);
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

/*
 * Why a chain of certificates is not accepted: which certificate or list,
 * of whom, since when.  The words are the same with both TLS libraries,
 * whose numbers for what is found are not.
 */

/* The first has its say. */
static void
why_say(struct verify *ve, enum object_refusal refusal, const char *fmt, ...)
{
	va_list	 ap;

	if (*ve->ve_why != '\0')
		return;
	ve->ve_refusal = refusal;
	va_start(ap, fmt);
	(void)vsnprintf(ve->ve_why, ve->ve_size, fmt, ap);
	va_end(ap);
}

static void
why_failed(struct verify *ve, X509_STORE_CTX *ctx)
{
	X509	*at = X509_STORE_CTX_get_current_cert(ctx);
	int	 error = X509_STORE_CTX_get_error(ctx);

	if (at == NULL)
		at = ve->ve_leaf;
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		why_untrusted(ve);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		why_dated(ve, REFUSAL_DATE, at, "not valid before",
		    X509_get0_notBefore(at));
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		why_dated(ve, REFUSAL_DATE, at, "expired on",
		    X509_get0_notAfter(at));
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		why_certificate(ve, REFUSAL_PURPOSE, at, ve->ve_client ?
		    "its purpose is not that of a server" :
		    "its purpose is not that of a client");
		break;
	case X509_V_ERR_CERT_REVOKED:
		why_revoked(ve, at, NULL);
		break;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		why_unlisted(ve, X509_get_issuer_name(at));
		break;
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
		why_list(ve, X509_get_issuer_name(at), "cannot be used");
		break;
	default:
		why_certificate(ve, REFUSAL_BAD, at,
		    X509_verify_cert_error_string(error));
		break;
	}
}

static void
why_certificate(struct verify *ve, enum object_refusal refusal, X509 *x509,
    const char *what)
{
	char	 name[WHY_NAME];

	stcp_name_brief(X509_get_subject_name(x509), name, sizeof(name));
	why_say(ve, refusal, "certificate %s: %s", name, what);
}

/* Not by strftime(3), which reads the time zone of the system. */
static void
why_date(const ASN1_TIME *when, char *buf, size_t size)
{
	struct tm	 tm;

	if (when == NULL || ASN1_TIME_to_tm(when, &tm) != 1) {
		(void)snprintf(buf, size, "an unreadable date");
		return;
	}
	(void)snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d UTC",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

static void
why_dated(struct verify *ve, enum object_refusal refusal, X509 *x509,
    const char *what, const ASN1_TIME *when)
{
	char	 date[WHY_DATE], text[2 * WHY_DATE];

	why_date(when, date, sizeof(date));
	(void)snprintf(text, sizeof(text), "%s %s", what, date);
	why_certificate(ve, refusal, x509, text);
}

/*
 * The libraries say that in different ways: the chain is walked up here, to
 * the first certificate that leads nowhere.
 */
static void
why_untrusted(struct verify *ve)
{
	X509	*issuer, *x509 = ve->ve_leaf;
	int	 i, more = 1;

	(void)X509_up_ref(x509);
	for (i = 0; i < WHY_DEPTH && more; i++) {
		issuer = verify_issuer(ve, x509);
		more = why_link(ve, x509, issuer);
		X509_free(x509);
		x509 = issuer;
	}
	X509_free(x509);
	why_certificate(ve, REFUSAL_CA, ve->ve_leaf,
	    "the chain to its root is too long");
}

/* True when the walk goes on from there. */
static int
why_link(struct verify *ve, X509 *x509, X509 *issuer)
{
	EVP_PKEY	*pkey;
	int		 ok;

	if (issuer == NULL) {
		why_issuer(ve, x509, "issued by", "which is not trusted");
		return (0);
	}
	pkey = X509_get_pubkey(issuer);
	ok = pkey != NULL && X509_verify(x509, pkey) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (!ok) {
		why_issuer(ve, x509, "its signature is not by", NULL);
		return (0);
	}
	if (issuer != x509)
		return (1);
	why_certificate(ve, REFUSAL_CA, x509,
	    "signed by itself and not trusted");
	return (0);
}

static void
why_issuer(struct verify *ve, X509 *x509, const char *what, const char *more)
{
	char	 issuer[WHY_NAME], name[WHY_NAME];

	stcp_name_brief(X509_get_subject_name(x509), name, sizeof(name));
	stcp_name_brief(X509_get_issuer_name(x509), issuer, sizeof(issuer));
	why_say(ve, REFUSAL_CA, "certificate %s: %s %s%s%s", name, what,
	    issuer, more == NULL ? "" : ", ", more == NULL ? "" : more);
}

static void
why_revoked(struct verify *ve, X509 *x509, const X509_REVOKED *entry)
{
	if (entry == NULL)
		why_certificate(ve, REFUSAL_REVOKED, x509, "revoked");
	else
		why_dated(ve, REFUSAL_REVOKED, x509, "revoked on",
		    X509_REVOKED_get0_revocationDate(entry));
}

/*
 * No list of this issuer is valid today and covers that certificate; the reason
 * names one that was, or will be.
 */
static void
why_unlisted(struct verify *ve, X509_NAME *issuer)
{
	X509_CRL	*crl;
	char		 text[2 * WHY_DATE] = "", past[WHY_DATE] = "";
	char		 future[WHY_DATE] = "";
	int		 i, others = 0;

	for (i = 0; i < sk_X509_CRL_num(ve->ve_crls); i++) {
		crl = sk_X509_CRL_value(ve->ve_crls, i);
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) == 0)
			others += !why_outdated(crl, past, future);
	}
	if (*past != '\0')
		(void)snprintf(text, sizeof(text), "expired on %s", past);
	else if (*future != '\0')
		(void)snprintf(text, sizeof(text), "is not valid before %s",
		    future);
	else if (others != 0)
		(void)snprintf(text, sizeof(text), "does not cover this "
		    "certificate");
	why_list(ve, issuer, text);
}

/*
 * Keeps the last date that has passed, and the first one to come; as text
 * they have the order of time.  False: the list is valid today, or is not
 * about all for which a certificate is revoked.
 */
static int
why_outdated(X509_CRL *crl, char past[WHY_DATE], char future[WHY_DATE])
{
	const ASN1_TIME	*from = X509_CRL_get0_lastUpdate(crl);
	const ASN1_TIME	*to = X509_CRL_get0_nextUpdate(crl);
	char		 date[WHY_DATE];

	if (stcp_list_kind(crl) > LIST_SOME)
		return (0);
	if (X509_cmp_current_time(from) > 0) {
		why_date(from, date, sizeof(date));
		if (*future == '\0' || strcmp(date, future) < 0)
			memcpy(future, date, sizeof(date));
		return (1);
	}
	if (to == NULL || X509_cmp_current_time(to) > 0)
		return (0);
	why_date(to, date, sizeof(date));
	if (strcmp(date, past) > 0)
		memcpy(past, date, sizeof(date));
	return (1);
}

static void
why_list(struct verify *ve, X509_NAME *issuer, const char *what)
{
	char	 name[WHY_NAME];

	stcp_name_brief(issuer, name, sizeof(name));
	if (*what == '\0')
		why_say(ve, REFUSAL_BAD, "no list of revoked certificates of "
		    "%s is known", name);
	else
		why_say(ve, REFUSAL_BAD, "the list of revoked certificates of "
		    "%s %s", name, what);
}

/*
 * Authentication: the verdicts, the event, and what was decided.
 * Authentication takes place inside the handshake, so that a peer that is
 * refused is told so; the peer has not shown yet that it has the key of its
 * certificate.
 */

enum object_refusal
stcp_authenticate(struct securetcp *s, STACK_OF(X509) *chain)
{
	struct securetcp_verdicts	 sv;
	struct verify			 ve;
	char				 why[OBJECT_REASON] = "";

	/* Once; and not of a connection that a handler has ended. */
	if (s->st_phase != OBJECT_HANDSHAKE || s->st_judged)
		return (REFUSAL_DENIED);
	s->st_judged = 1;
	memset(&sv, 0, sizeof(sv));
	memset(&ve, 0, sizeof(ve));
	ve.ve_chain = chain;
	ve.ve_why = why;
	ve.ve_size = sizeof(why);
	if (chain == NULL || stcp_peer_learn(s, chain) == -1 ||
	    authenticate_judge(s, &ve, &sv) == -1) {
		stcp_peer_forget(s);
		stcp_object_say(s, "out of memory for the peer's certificate");
		s->st_refused = ptNoBufferSpace;
		return (REFUSAL_MEMORY);
	}
	if (authenticate_ask(s, &sv))
		return (REFUSAL_NONE);
	return (ve.ve_refusal == REFUSAL_NONE ? REFUSAL_DENIED :
	    ve.ve_refusal);
}

/* -1: out of memory. */
static int
authenticate_judge(struct securetcp *s, struct verify *ve,
    struct securetcp_verdicts *sv)
{
	ve->ve_store = s->st_config->sc_store;
	ve->ve_crls = s->st_config->sc_crls;
	ve->ve_client = s->st_client;
	verify_chain(ve, sv);
	if (authenticate_name(s, ve, sv) == -1)
		return (-1);
	sv->sv_valid = sv->sv_trusted && sv->sv_date && sv->sv_signature &&
	    sv->sv_name && sv->sv_notrevoked;
	sv->sv_reason = ve->ve_why;
	ERR_clear_error();
	return (0);
}

/* In the leaf alone. */
static int
authenticate_name(struct securetcp *s, struct verify *ve,
    struct securetcp_verdicts *sv)
{
	sv->sv_name = 1;
	if (!s->st_client || !s->st_config->sc_verifyname)
		return (0);
	if (s->st_name == NULL) {
		sv->sv_name = 0;
		why_say(ve, REFUSAL_BAD, "no name of the server is known to "
		    "look for in its certificate");
		return (0);
	}
	sv->sv_name = stcp_chain_is_for(ve->ve_leaf, s->st_name);
	if (sv->sv_name == 0)
		why_say(ve, REFUSAL_BAD, "the server's certificate is not for "
		    "%s", s->st_name);
	return (sv->sv_name == -1 ? -1 : 0);
}

/*
 * True when the handshake goes on.  The handler may end the connection, and
 * begin another one: its calls are none from inside the TLS library.
 */
static int
authenticate_ask(struct securetcp *s, struct securetcp_verdicts *sv)
{
	uint64_t	 serial = s->st_serial;

	s->st_phase = OBJECT_JUDGING;
	s->st_verdict = SECURETCP_LATER;
	stcp_object_say(s, "%s", sv->sv_reason);
	if (s->st_handlers.st_authenticate != NULL) {
		s->st_inside = 0;
		s->st_handling++;
		s->st_handlers.st_authenticate(s, sv, s->st_arg);
		s->st_handling--;
		if (!stcp_object_same(s, serial) ||
		    s->st_state != SECURETCP_CONNECTING)
			return (0);
		s->st_inside = 1;
	}
	s->st_phase = OBJECT_HANDSHAKE;
	if (s->st_verdict == SECURETCP_LATER &&
	    sv->sv_valid != SECURETCP_LATER)
		s->st_verdict = sv->sv_valid != 0;
	if (s->st_verdict == SECURETCP_LATER && s->st_blocking) {
		authenticate_refuse(s, "no verdict was given in time");
		return (0);
	}
	if (s->st_verdict == 0)
		authenticate_refuse(s, "refused by the program");
	else if (s->st_verdict == 1)
		s->st_reason[0] = '\0';
	return (s->st_verdict != 0);
}

static void
authenticate_refuse(struct securetcp *s, const char *otherwise)
{
	s->st_refused = ptAuthentication;
	if (s->st_reason[0] == '\0')
		stcp_object_say(s, "the peer's certificate: %s", otherwise);
}

/* The handshake is done; a verdict may be awaited still. */
void
stcp_authenticate_end(struct securetcp *s)
{
	if (!s->st_judged && (s->st_client ||
	    s->st_config->sc_auth == SECURETCP_AUTH_REQUIRED)) {
		stcp_object_say(s, "the %s has sent no certificate",
		    s->st_client ? "server" : "client");
		stcp_object_fail(s, ptAuthentication);
	} else if (s->st_judged && s->st_verdict == SECURETCP_LATER)
		s->st_phase = OBJECT_WAITING;
	else
		stcp_object_connected(s);
}

/*
 * From inside the handler, or later: then the handshake may not be done, and
 * a good verdict waits for its end.
 */
int
securetcp_verdict(struct securetcp *s, int valid)
{
	if (s->st_state != SECURETCP_CONNECTING || !s->st_judged ||
	    (s->st_phase != OBJECT_JUDGING &&
	    s->st_verdict != SECURETCP_LATER))
		return (ptNotConnected);
	if (s->st_inside)
		return (ptBlocked);
	s->st_verdict = valid != 0;
	if (s->st_phase == OBJECT_JUDGING)
		return (ptOk);
	stcp_object_hold(s);
	if (!valid) {
		authenticate_refuse(s, "refused by the program");
		stcp_object_fail(s, ptAuthentication);
	} else {
		s->st_reason[0] = '\0';
		if (s->st_phase == OBJECT_WAITING)
			stcp_object_connected(s);
	}
	stcp_object_release(s);
	return (ptOk);
}
