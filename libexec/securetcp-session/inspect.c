/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A checker: it reads the files of a configuration in the sandbox, before
 * anything is served, and reports what is wrong with them.  CHECK, FINDING,
 * CHECKED: questions in turn, each with its answer.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <tls.h>
#include <unistd.h>

#include <imsg.h>

#include "bundle.h"
#include "compat.h"
#include "config.h"
#include "helper.h"
#include "inspect.h"
#include "object.h"
#include "sandbox.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define INSPECT_MEMORY	1024	/* MB: a list of 64 MB, read and parsed */
#define INSPECT_MOST	100	/* findings of one file that are said */

#define CHAIN_LENGTH	32		/* certificates */
#define RSA_LEAST	2048		/* bits */
#define RSA_MOST	8192
#define TLS_FEATURE	"1.3.6.1.5.5.7.1.24"
#define STATUS_REQUEST	5	/* the TLS extension, RFC 6066 */
#define EXPIRES_SOON	(14 * 24 * 60 * 60)

static void	 inspect_question(struct imsgbuf *, struct imsg *);
static void	 inspect_forget(struct inspection *);
static void	 inspect_finding(struct inspection *, int, unsigned int,
		    const char *);
static void	 inspect_rest(struct inspection *);
static void	 inspect_answer(struct inspection *, int);
static void	 inspect_file(struct inspection *, int,
		    void (*)(struct inspection *, const void *, size_t));
static void	 inspect_protocol(struct inspection *);
static void	 inspect_setting(struct inspection *,
		    int (*)(struct securetcp_config *, const char *));

static void	 inspect_chain(struct inspection *, const void *, size_t);
static int	 leaf_check(struct inspection *, X509 *);
static int	 curve_check(struct inspection *, const X509_ALGOR *);
static void	 leaf_facts(struct inspection *, X509 *);
static int	 staple_demanded(struct inspection *, X509 *);
static void	 leaf_keep(struct inspection *, const struct bundle *);
static void	 names_keep(struct inspection *, const struct bundle *);
static void	 links_check(struct inspection *, const struct bundle *);
static void	 last_check(struct inspection *, const struct bundle *, X509 *);
static int	 issuer_offered(X509 *);
static void	 dates_check(struct inspection *, unsigned int, X509 *);
static int	 name_cmp(const void *, const void *);
static void	 pair_check(struct inspection *, const struct inspected *,
		    const struct inspected *);
static void	 inspect_shown(struct inspection *);

static struct inspection	 inspection;

/*
 * Nothing is read before the sandbox is closed.  Work that a library does once,
 * and could not do inside, is done here.
 */
void
inspect_run(struct imsgbuf *pipe, const struct wire_start *start)
{
	struct inspection	*in = &inspection;

	if (securetcp_warm() != ptOk)
		helper_fatal(pipe, "checker: TLS library: it cannot shake "
		    "hands with itself");
	tzset();
	if (privdrop_limits(start->ws_nofile, 1) == -1)
		helper_fatal(pipe, "checker: limits: %s", strerror(errno));
	helper_bound(pipe, INSPECT_MEMORY);
	helper_sandbox(pipe, start, SANDBOX_CHECKER);
	helper_ready(pipe, sandbox_name());
	in->in_pipe = pipe;
	TAILQ_INIT(&in->in_chains);
	TAILQ_INIT(&in->in_shown);
	helper_serve(pipe, WIRE_CHECK, inspect_question);
}

static void
inspect_question(struct imsgbuf *pipe, struct imsg *imsg)
{
	struct inspection	*in = &inspection;
	int			 fd;

	fd = wire_fd(imsg);
	helper_parse(pipe, imsg, &in->in_asked, sizeof(in->in_asked));
	if (!(in->in_asked.wqu_flags & WIRE_CHECK_MORE))
		inspect_forget(in);
	memset(&in->in_answer, 0, sizeof(in->in_answer));
	in->in_answer.wck_number = in->in_asked.wqu_number;
	in->in_answer.wck_since = in->in_answer.wck_until = WIRE_NEVER;
	in->in_findings = in->in_unsaid = 0;
	in->in_unsaid_bad = 0;
	inspect_answer(in, fd);
	ERR_clear_error();
	if (fd != -1)
		(void)close(fd);
	inspect_rest(in);
	helper_say(pipe, WIRE_CHECKED, &in->in_answer, sizeof(in->in_answer));
}

/* Forgets what only a question that goes with the one before it may see. */
static void
inspect_forget(struct inspection *in)
{
	TAILQ_INIT(&in->in_shown);
	X509_free(in->in_leaf);
	X509_free(in->in_issuer);
	in->in_leaf = in->in_issuer = NULL;
	stcp_bundle_free(&in->in_roots);
	memset(&in->in_roots, 0, sizeof(in->in_roots));
	in->in_rooted = 0;
}

static void
inspect_answer(struct inspection *in, int fd)
{
	switch (in->in_asked.wqu_kind) {
	case WIRE_CHECK_CHAIN:
		inspect_file(in, fd, inspect_chain);
		break;
	case WIRE_CHECK_STAPLE:
		inspect_file(in, fd, authority_staple);
		break;
	case WIRE_CHECK_CA:
		inspect_file(in, fd, authority_ca);
		break;
	case WIRE_CHECK_CRL:
		inspect_file(in, fd, authority_crl);
		break;
	case WIRE_CHECK_PROTOCOL:
		inspect_protocol(in);
		break;
	case WIRE_CHECK_CIPHERS:
		inspect_setting(in, securetcp_config_set_ciphers);
		break;
	case WIRE_CHECK_CURVES:
		inspect_setting(in, securetcp_config_set_curves);
		break;
	case WIRE_CHECK_ALPN:
		inspect_setting(in, securetcp_config_set_alpn);
		break;
	case WIRE_CHECK_SHOWN:
		inspect_shown(in);
		break;
	default:
		helper_fatal(in->in_pipe, "checker: CHECK of an unknown kind "
		    "(%u)", in->in_asked.wqu_kind);
	}
}

static void
inspect_file(struct inspection *in, int fd,
    void (*inspect)(struct inspection *, const void *, size_t))
{
	uint8_t	*buf;
	size_t	 len;

	if (fd == -1)
		helper_fatal(in->in_pipe, "checker: CHECK %u came without its "
		    "file", in->in_asked.wqu_number);
	buf = settings_bytes(in->in_pipe, "checker", "CHECK", fd,
	    SETTINGS_FILE_MAX, &len);
	inspect(in, buf, len);
	free(buf);
}

static void
inspect_finding(struct inspection *in, int bad, unsigned int line,
    const char *text)
{
	struct wire_finding	 wfi;

	memset(&wfi, 0, sizeof(wfi));
	wfi.wfi_number = in->in_asked.wqu_number;
	wfi.wfi_flags = bad ? WIRE_FINDING_ERROR : 0;
	wfi.wfi_line = line;
	(void)strlcpy(wfi.wfi_text, text, sizeof(wfi.wfi_text));
	helper_send(in->in_pipe, WIRE_FINDING, &wfi, sizeof(wfi));
}

/* A file of rubbish is wrong in every line: that is not said of each. */
static void
inspect_rest(struct inspection *in)
{
	char	 text[64];

	if (in->in_unsaid == 0)
		return;
	(void)snprintf(text, sizeof(text), ": and %u more, which are not "
	    "shown", in->in_unsaid);
	inspect_finding(in, in->in_unsaid_bad, 0, text);
}

static void
inspect_say(struct inspection *in, int bad, unsigned int line,
    const char *fmt, va_list ap)
{
	char	 text[WIRE_FINDING_TEXT];

	if (in->in_findings == INSPECT_MOST) {
		in->in_unsaid++;
		in->in_unsaid_bad |= bad;
		return;
	}
	in->in_findings++;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	inspect_finding(in, bad, line, text);
}

void
inspect_error(struct inspection *in, unsigned int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	inspect_say(in, 1, line, fmt, ap);
	va_end(ap);
}

void
inspect_warning(struct inspection *in, unsigned int line, const char *fmt,
    ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	inspect_say(in, 0, line, fmt, ap);
	va_end(ap);
}

/* The reader of a file says what a line is, and what the file does. */
static void
inspect_told(void *arg, int bad, unsigned int line, const char *text)
{
	const char	*colon = line == 0 ? "" : ":";

	if (bad)
		inspect_error(arg, line, "%s %s", colon, text);
	else
		inspect_warning(arg, line, "%s %s", colon, text);
}

int
inspect_bundle(struct inspection *in, struct bundle *bu,
    enum bundle_kind kind, const void *buf, size_t len)
{
	memset(bu, 0, sizeof(*bu));
	bu->bu_say = inspect_told;
	bu->bu_arg = in;
	return (stcp_bundle_read(bu, kind, buf, len));
}

time_t
inspect_time(const ASN1_TIME *t)
{
	struct tm	 tm;

	memset(&tm, 0, sizeof(tm));
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return (-1);
	return (timegm(&tm));
}

/* The list has this word, whatever its case. */
static int
protocol_has(const char *list, const char *word)
{
	size_t	 len;

	for (;; list += len + 1) {
		list += strspn(list, " \t");
		len = strcspn(list, ",:");
		if (len == strlen(word) && strncasecmp(list, word, len) == 0)
			return (1);
		if (list[len] == '\0')
			return (0);
	}
}

/*
 * libtls has come to take the names of old versions for TLS 1.2, which would
 * be served to who never asked for it, and refused by who forbade TLS 1.1.
 */
static int
protocol_forbidden(const char *list)
{
	uint32_t	 meant;

	return ((protocol_has(list, "!tlsv1.0") ||
	    protocol_has(list, "!tlsv1.1")) &&
	    tls_config_parse_protocols(&meant, "tlsv1.1") == 0 &&
	    meant == TLS_PROTOCOL_TLSv1_2);
}

/* Signers know the signatures of TLS 1.2 and 1.3, not those before. */
static void
inspect_protocol(struct inspection *in)
{
	const char	*list = in->in_asked.wqu_text;
	uint32_t	 known = TLS_PROTOCOL_TLSv1_2 | TLS_PROTOCOL_TLSv1_3;
	uint32_t	 meant;

	if (protocol_forbidden(list))
		inspect_error(in, 0, ": the TLS library would leave out "
		    "TLS 1.2 for \"!tlsv1.0\" or \"!tlsv1.1\", which are "
		    "never spoken");
	else if (tls_config_parse_protocols(&meant, list) != 0)
		inspect_error(in, 0, " is not known to the TLS library");
	else if (meant & ~known || protocol_has(list, "tlsv1.0") ||
	    protocol_has(list, "tlsv1.1"))
		inspect_error(in, 0, " stands for versions before TLS 1.2, "
		    "which are not supported");
	else if (meant == 0)
		inspect_error(in, 0, " leaves no version");
	else if (meant & TLS_PROTOCOL_TLSv1_2)
		in->in_answer.wck_flags |= WIRE_CHECKED_TLS12;
}

/* As the spawner will do it, so that it is refused here and not there. */
static void
inspect_setting(struct inspection *in,
    int (*set)(struct securetcp_config *, const char *))
{
	struct securetcp_config	*config;

	if ((config = securetcp_config_new()) == NULL)
		helper_fatal(in->in_pipe, "checker: TLS configuration: %s",
		    strerror(errno));
	if (set(config, in->in_asked.wqu_text) != ptOk)
		inspect_error(in, 0, "%s", securetcp_config_error(config));
	securetcp_config_free(config);
}

/*
 * A certificate and its chain: whether the key is one that can be served,
 * whether clients will follow the chain, and what its names are for.
 */

static void
inspect_chain(struct inspection *in, const void *buf, size_t len)
{
	struct bundle	 bu;
	X509		*leaf;

	if (inspect_bundle(in, &bu, BUNDLE_CHAIN, buf, len) == 0) {
		leaf_keep(in, &bu);
		leaf = sk_X509_value(bu.bu_certs, 0);
		if (leaf_check(in, leaf) == 0) {
			leaf_facts(in, leaf);
			names_keep(in, &bu);
			links_check(in, &bu);
		}
	}
	stcp_bundle_free(&bu);
}

/*
 * Accepts the keys that the TLS library can sign with from outside, at a length
 * it takes.
 */
static int
leaf_check(struct inspection *in, X509 *x)
{
	ASN1_OBJECT	*object;
	X509_ALGOR	*algorithm;
	EVP_PKEY	*key;
	const char	*name;
	int		 bits;

	if (X509_PUBKEY_get0_param(&object, NULL, NULL, &algorithm,
	    X509_get_X509_PUBKEY(x)) != 1 ||
	    (key = X509_get0_pubkey(x)) == NULL) {
		inspect_error(in, 0, ": the public key cannot be read");
		return (-1);
	}
	switch (OBJ_obj2nid(object)) {
	case NID_rsaEncryption:
		bits = EVP_PKEY_bits(key);
		if (bits >= RSA_LEAST && bits <= RSA_MOST)
			return (0);
		inspect_error(in, 0, ": RSA key of %d bits (%d to %d are "
		    "supported)", bits, RSA_LEAST, RSA_MOST);
		return (-1);
	case NID_X9_62_id_ecPublicKey:
		return (curve_check(in, algorithm));
	}
	name = OBJ_obj2nid(object) == NID_ED25519 ? "Ed25519" :
	    OBJ_nid2ln(OBJ_obj2nid(object));
	inspect_error(in, 0, ": unsupported key type %s: the TLS library "
	    "signs from outside with RSA and ECDSA only",
	    name == NULL ? "unknown" : name);
	return (-1);
}

static int
curve_check(struct inspection *in, const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT	*curve;
	const void		*param;
	const char		*name;
	int			 type;

	X509_ALGOR_get0(NULL, &type, &param, algorithm);
	if (type != V_ASN1_OBJECT) {
		inspect_error(in, 0, ": ECDSA key on a curve without a name");
		return (-1);
	}
	curve = param;
	switch (OBJ_obj2nid(curve)) {
	case NID_X9_62_prime256v1:
	case NID_secp384r1:
	case NID_secp521r1:
		return (0);
	}
	name = OBJ_nid2sn(OBJ_obj2nid(curve));
	inspect_error(in, 0, ": unsupported curve %s (P-256, P-384 and P-521 "
	    "are supported)", name == NULL ? "unknown" : name);
	return (-1);
}

/* Tells the parent the certificate's key, and when it expires. */
static void
leaf_facts(struct inspection *in, X509 *x)
{
	enum securetcp_keytype	 type;

	if (stcp_keyid_pkey(X509_get0_pubkey(x), in->in_answer.wck_id,
	    &type) != ptOk) {
		inspect_error(in, 0, ": the public key cannot be read");
		return;
	}
	in->in_answer.wck_type = type == SECURETCP_RSA ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA;
	in->in_answer.wck_since =
	    (uint64_t)inspect_time(X509_get0_notBefore(x));
	in->in_answer.wck_until =
	    (uint64_t)inspect_time(X509_get0_notAfter(x));
	if (!(in->in_asked.wqu_flags & WIRE_CHECK_STAPLED) &&
	    staple_demanded(in, x))
		inspect_warning(in, 0, ": the certificate demands an OCSP "
		    "response, and there is no \"ocsp\": clients may refuse "
		    "it");
}

/* A sequence of small numbers (RFC 7633), one of which stands for it. */
static int
staple_demanded(struct inspection *in, X509 *x)
{
	const unsigned char	*p;
	ASN1_OBJECT		*object;
	ASN1_OCTET_STRING	*data;
	int			 at, found = 0, i, len;

	if ((object = OBJ_txt2obj(TLS_FEATURE, 1)) == NULL)
		helper_fatal(in->in_pipe, "checker: out of memory");
	if ((at = X509_get_ext_by_OBJ(x, object, -1)) != -1) {
		data = X509_EXTENSION_get_data(X509_get_ext(x, at));
		p = ASN1_STRING_get0_data(data);
		len = ASN1_STRING_length(data);
		for (i = 2; i + 2 < len && p[i] == V_ASN1_INTEGER;
		    i += 2 + p[i + 1])
			found |= p[i + 1] == 1 && p[i + 2] == STATUS_REQUEST;
	}
	ASN1_OBJECT_free(object);
	return (found);
}

/* The first certificate, and its issuer if that is there, for a STAPLE. */
static void
leaf_keep(struct inspection *in, const struct bundle *bu)
{
	X509		*x;
	unsigned int	 i;

	in->in_leaf = sk_X509_value(bu->bu_certs, 0);
	(void)X509_up_ref(in->in_leaf);
	for (i = 0; in->in_issuer == NULL && i < bu->bu_n; i++) {
		x = sk_X509_value(bu->bu_certs, (int)i);
		if (X509_check_issued(x, in->in_leaf) != X509_V_OK)
			continue;
		(void)X509_up_ref(x);
		in->in_issuer = x;
	}
}

static int
name_cmp(const void *a, const void *b)
{
	const char	*const *x = a, *const *y = b;

	return (strcasecmp(*x, *y));
}

static void
names_keep(struct inspection *in, const struct bundle *bu)
{
	struct inspected	*id;
	X509			*leaf = sk_X509_value(bu->bu_certs, 0);

	if ((id = calloc(1, sizeof(*id))) == NULL ||
	    (id->id_chain = stcp_chain_new(bu->bu_certs, NULL, 0)) == NULL)
		helper_fatal(in->in_pipe, "checker: names of a certificate: "
		    "%s", strerror(ENOMEM));
	(void)strlcpy(id->id_name, in->in_asked.wqu_text, sizeof(id->id_name));
	qsort(id->id_chain->ch_names, id->id_chain->ch_nnames,
	    sizeof(*id->id_chain->ch_names), name_cmp);
	id->id_not_servers = X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER,
	    0) != 1;
	id->id_not_clients = X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT,
	    0) != 1;
	TAILQ_INSERT_TAIL(&in->in_chains, id, id_entry);
}

/* From the leaf on, each is to be issued by the next. */
static void
links_check(struct inspection *in, const struct bundle *bu)
{
	X509		*next, *x;
	unsigned int	 i;

	if (bu->bu_n > CHAIN_LENGTH) {
		inspect_error(in, 0, " holds more than %d certificates",
		    CHAIN_LENGTH);
		return;
	}
	for (i = 0; i < bu->bu_n; i++) {
		x = sk_X509_value(bu->bu_certs, (int)i);
		dates_check(in, i + 1, x);
		if (i + 1 == bu->bu_n) {
			last_check(in, bu, x);
			return;
		}
		next = sk_X509_value(bu->bu_certs, (int)i + 1);
		if (X509_check_issued(next, x) != X509_V_OK)
			inspect_warning(in, bu->bu_lines[i + 1],
			    ": certificate %u does not issue certificate %u",
			    i + 2, i + 1);
		else if (X509_verify(x, X509_get0_pubkey(next)) != 1)
			inspect_warning(in, bu->bu_lines[i + 1],
			    ": certificate %u has not signed certificate %u: "
			    "it only has its issuer's name", i + 2, i + 1);
	}
}

/*
 * Where the chain ends: at a root, or at what a root is known to have issued.
 * A certificate that says where to get that of its issuer is not issued by a
 * root that clients know.
 */
static void
last_check(struct inspection *in, const struct bundle *bu, X509 *x)
{
	unsigned int	 line = bu->bu_lines[bu->bu_n - 1];

	if (X509_NAME_entry_count(X509_get_issuer_name(x)) == 0)
		inspect_warning(in, line, ": the chain leads nowhere: "
		    "certificate %u names no issuer", bu->bu_n);
	else if (X509_check_issued(x, x) == X509_V_OK) {
		if (X509_verify(x, X509_get0_pubkey(x)) != 1)
			inspect_warning(in, line, ": the chain leads nowhere: "
			    "certificate %u names itself as its issuer and is "
			    "not signed by itself", bu->bu_n);
	} else if (bu->bu_n == 1 && issuer_offered(x))
		inspect_warning(in, 0, " holds only the certificate, which "
		    "says where to get that of its issuer: clients may lack "
		    "it");
}

/* Has it an address for the certificate of its issuer? */
static int
issuer_offered(X509 *x)
{
	AUTHORITY_INFO_ACCESS	*access;
	int			 found = 0, i;

	access = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
	for (i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++)
		found |= OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access,
		    i)->method) == NID_ad_ca_issuers;
	AUTHORITY_INFO_ACCESS_free(access);
	return (found);
}

/* The parent, which learns the leaf's, speaks of these by itself. */
static void
dates_check(struct inspection *in, unsigned int n, X509 *x)
{
	char	 date[COMPAT_DATE];
	time_t	 from, now = time(NULL), to;

	from = inspect_time(X509_get0_notBefore(x));
	to = inspect_time(X509_get0_notAfter(x));
	if (from == -1 || to == -1)
		inspect_error(in, 0, ": the dates of certificate %u cannot "
		    "be read", n);
	if (from == -1 || to == -1 || n == 1)
		return;
	if (from > now)
		inspect_warning(in, 0, ": certificate %u is not valid before "
		    "%s", n, compat_date(from, date, sizeof(date)));
	if (to < now)
		inspect_warning(in, 0, ": certificate %u expired on %s", n,
		    compat_date(to, date, sizeof(date)));
	else if (to - now < EXPIRES_SOON)
		inspect_warning(in, 0, ": certificate %u expires on %s", n,
		    compat_date(to, date, sizeof(date)));
}

/*
 * The first name of the later one that the earlier one has, too.  Wildcards
 * may overlap: exact names come before them.
 */
static void
pair_check(struct inspection *in, const struct inspected *earlier,
    const struct inspected *later)
{
	const struct chain	*a = earlier->id_chain, *b = later->id_chain;
	size_t			 i;

	for (i = 0; i < b->ch_nnames; i++) {
		if (b->ch_names[i][0] == '*' ||
		    bsearch(&b->ch_names[i], a->ch_names, a->ch_nnames,
		    sizeof(*a->ch_names), name_cmp) == NULL)
			continue;
		inspect_warning(in, 0, " is for \"%s\" as is \"%s\": one of "
		    "them is never shown for that name", b->ch_names[i],
		    earlier->id_name);
		return;
	}
}

/*
 * A block shows this certificate: nobody may take it for what it is shown as,
 * and of two for the same name the TLS library only ever shows one.  A
 * certificate that could not be read was reported already.
 */
static void
inspect_shown(struct inspection *in)
{
	struct inspected	*earlier, *id;
	int			 client, unfit;

	TAILQ_FOREACH(id, &in->in_chains, id_entry)
		if (strcmp(id->id_name, in->in_asked.wqu_text) == 0)
			break;
	if (id == NULL)
		return;
	client = in->in_asked.wqu_flags & WIRE_CHECK_CLIENT;
	unfit = client ? id->id_not_clients : id->id_not_servers;
	if (unfit)
		inspect_warning(in, 0, " is not for %s by its purpose: it may "
		    "be refused", client ? "clients" : "servers");
	TAILQ_FOREACH(earlier, &in->in_shown, id_shown)
		pair_check(in, earlier, id);
	TAILQ_INSERT_TAIL(&in->in_shown, id, id_shown);
}
