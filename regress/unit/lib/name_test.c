/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Distinguished names as text, and a peer's names. */

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "fixture.h"
#include "object.h"
#include "pki.h"


#define CN	"2.5.4.3"
#define O	"2.5.4.10"
#define OU	"2.5.4.11"
#define DC	"0.9.2342.19200300.100.1.25"
#define UTF8	V_ASN1_UTF8STRING

struct part {
	const char	*pa_oid;
	int		 pa_type;
	const char	*pa_bytes;
	int		 pa_len;	/* -1: up to the NUL */
	int		 pa_joined;	/* with the one before */
};

struct form {
	struct part	 fo_parts[4];
	const char	*fo_text;
};

/* One attribute and what it is to be. */
static const struct form	 forms[] = {
	{ { { NULL } }, "" },
	{ { { CN, UTF8, "host.ops.example.org", -1, 0 },
	    { O, UTF8, "Example", -1, 0 } },
	    "CN=host.ops.example.org,O=Example" },
	/* In the order of the certificate. */
	{ { { "2.5.4.6", V_ASN1_PRINTABLESTRING, "DE", -1, 0 },
	    { O, V_ASN1_PRINTABLESTRING, "Example", -1, 0 },
	    { OU, UTF8, "Ops", -1, 0 }, { CN, UTF8, "a", -1, 0 } },
	    "C=DE,O=Example,OU=Ops,CN=a" },
	{ { { DC, V_ASN1_IA5STRING, "org", -1, 0 },
	    { DC, V_ASN1_IA5STRING, "example", -1, 0 } },
	    "DC=org,DC=example" },
	/* Joined, at the beginning, in the middle, at the end. */
	{ { { CN, UTF8, "a", -1, 0 }, { OU, UTF8, "b", -1, 1 },
	    { O, UTF8, "c", -1, 0 } }, "CN=a+OU=b,O=c" },
	{ { { O, UTF8, "c", -1, 0 }, { CN, UTF8, "a", -1, 0 },
	    { OU, UTF8, "b", -1, 1 }, { OU, UTF8, "d", -1, 1 } },
	    "O=c,CN=a+OU=b+OU=d" },
	/* Types: with a name and without. */
	{ { { "2.5.4.7", UTF8, "x", -1, 0 }, { "2.5.4.8", UTF8, "x", -1, 0 },
	    { "2.5.4.5", V_ASN1_PRINTABLESTRING, "17", -1, 0 },
	    { "2.5.4.9", UTF8, "x", -1, 0 } },
	    "L=x,ST=x,serialNumber=17,street=x" },
	{ { { "0.9.2342.19200300.100.1.1", UTF8, "me", -1, 0 },
	    { "1.2.840.113549.1.9.1", V_ASN1_IA5STRING, "a@example.org", -1,
	    0 }, { "2.5.4.97", UTF8, "x", -1, 0 },
	    { "1.3.6.1.4.1.311.60.2.1.3", V_ASN1_PRINTABLESTRING, "DE", -1,
	    0 } },
	    "UID=me,emailAddress=a@example.org,organizationIdentifier=x,"
	    "jurisdictionC=DE" },
	{ { { "1.2.3.4.5", UTF8, "x", -1, 0 },
	    { "2.999.18446744073709551615.1", UTF8, "y", -1, 0 } },
	    "1.2.3.4.5=x,2.999.18446744073709551615.1=y" },
	/* Values: none, and all that means something. */
	{ { { CN, UTF8, "", 0, 0 }, { O, UTF8, "", 0, 0 } }, "CN=,O=" },
	{ { { CN, UTF8, "a,b+c\"d\\e<f>g;h=i", -1, 0 } },
	    "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h\\=i" },
	{ { { CN, UTF8, "a,O=Other", -1, 0 } }, "CN=a\\,O\\=Other" },
	{ { { CN, UTF8, "#a#", -1, 0 } }, "CN=\\#a#" },
	{ { { CN, UTF8, " a b ", -1, 0 } }, "CN=\\ a b\\ " },
	{ { { CN, UTF8, " ", -1, 0 } }, "CN=\\ " },
	{ { { CN, UTF8, "   ", -1, 0 } }, "CN=\\  \\ " },
	/* Control characters of every kind. */
	{ { { CN, UTF8, "a\0b\n\t\033\177", 7, 0 } },
	    "CN=a\\00b\\0A\\09\\1B\\7F" },
	{ { { CN, UTF8, "\302\200\302\205\302\237\302\240", 8, 0 } },
	    "CN=\\C2\\80\\C2\\85\\C2\\9F\302\240" },
	/* UTF-8, from two to four bytes. */
	{ { { CN, UTF8, "Gr\303\274\303\237e \342\202\254 \360\237\230\200",
	    -1, 0 } },
	    "CN=Gr\303\274\303\237e \342\202\254 \360\237\230\200" },
	{ { { CN, UTF8, "\337\277\340\240\200\357\277\277\360\220\200\200"
	    "\364\217\277\277", -1, 0 } }, "CN=\337\277\340\240\200\357\277"
	    "\277\360\220\200\200\364\217\277\277" },
	/* Other alphabets become UTF-8. */
	{ { { CN, V_ASN1_T61STRING, "Gr\374n", -1, 0 } }, "CN=Gr\303\274n" },
	{ { { CN, V_ASN1_BMPSTRING, "\0G\0r\0\374\0n \254", 10, 0 } },
	    "CN=Gr\303\274n\342\202\254" },
	{ { { CN, V_ASN1_UNIVERSALSTRING, "\0\0\0G\0\1\366\0", 8, 0 } },
	    "CN=G\360\237\230\200" },
	{ { { CN, V_ASN1_BMPSTRING, "\0a\0,\0\n", 6, 0 } }, "CN=a\\,\\0A" },
	/* Bytes of no UTF-8: alone, cut short, too long, surrogates. */
	{ { { CN, UTF8, "a\200b\377c", -1, 0 } }, "CN=a\\80b\\FFc" },
	{ { { CN, UTF8, "\303", -1, 0 } }, "CN=\\C3" },
	{ { { CN, UTF8, "\342\202a", -1, 0 } }, "CN=\\E2\\82a" },
	{ { { CN, UTF8, "\360\237\230", -1, 0 } }, "CN=\\F0\\9F\\98" },
	{ { { CN, UTF8, "\300\257", -1, 0 } }, "CN=\\C0\\AF" },
	{ { { CN, UTF8, "\340\200\257", -1, 0 } }, "CN=\\E0\\80\\AF" },
	{ { { CN, UTF8, "\360\200\200\257", -1, 0 } },
	    "CN=\\F0\\80\\80\\AF" },
	{ { { CN, UTF8, "\355\240\200", -1, 0 } }, "CN=\\ED\\A0\\80" },
	{ { { CN, UTF8, "\364\220\200\200", -1, 0 } },
	    "CN=\\F4\\90\\80\\80" },
	/* What is no text. */
	{ { { CN, V_ASN1_BIT_STRING, "\001a\377", -1, 0 } },
	    "CN=\\01a\\FF" }
};

static X509_NAME	*compose(const struct part *);
static void		 subject(struct pki *, X509_NAME *, GENERAL_NAMES *);
static void		 meet(struct fixture *, const struct pki *);
static GENERAL_NAMES	*many(int, int, int);
static int		 loads(const struct pki *);
static void		 complete(int, int, int, int, size_t, int);

static X509_NAME *
compose(const struct part *pa)
{
	ASN1_OBJECT	*obj;
	X509_NAME	*name;
	int		 i;

	ATF_REQUIRE((name = X509_NAME_new()) != NULL);
	for (i = 0; i < 4 && pa[i].pa_oid != NULL; i++) {
		ATF_REQUIRE((obj = OBJ_txt2obj(pa[i].pa_oid, 1)) != NULL);
		ATF_REQUIRE_EQ_MSG(1, X509_NAME_add_entry_by_OBJ(name, obj,
		    pa[i].pa_type, (const unsigned char *)pa[i].pa_bytes,
		    pa[i].pa_len == -1 ? (int)strlen(pa[i].pa_bytes) :
		    pa[i].pa_len, -1, pa[i].pa_joined ? -1 : 0), "%s %d",
		    pa[i].pa_oid, pa[i].pa_type);
		ASN1_OBJECT_free(obj);
	}
	return (name);
}

CASE(forms, "the text of names of all kinds, and that of each cut at every "
    "length: whole characters, and a mark that something is missing")
{
	X509_NAME	*name;
	char		 brief[128], *text;
	size_t		 i, len, size;

	for (i = 0; i < nitems(forms); i++) {
		name = compose(forms[i].fo_parts);
		text = stcp_name_text(name);
		ATF_REQUIRE(text != NULL);
		ATF_CHECK_STREQ(forms[i].fo_text, text);
		len = strlen(text);
		for (size = 8; size < sizeof(brief); size++) {
			memset(brief, 'x', sizeof(brief));
			stcp_name_brief(name, brief, size);
			ATF_REQUIRE(memchr(brief, '\0', size) != NULL);
			if (len + 3 < size) {
				ATF_CHECK_STREQ(text, brief);
				continue;
			}
			ATF_CHECK_MSG(strlen(brief) >= 3 && strcmp(brief +
			    strlen(brief) - 3, "...") == 0, "%s", brief);
			brief[strlen(brief) - 3] = '\0';
			ATF_CHECK_EQ(0, strncmp(text, brief, strlen(brief)));
			/* Nothing longer than any character is missing. */
			ATF_CHECK(strlen(brief) + 4 + 32 >= size);
			ATF_CHECK((text[strlen(brief)] & 0xc0) != 0x80);
		}
		free(text);
		X509_NAME_free(name);
	}
}

CASE(large, "a type whose number is larger than any that is of use is shown "
    "by the bytes of its number")
{
	static const unsigned char	 der[] = { 0x06, 0x0c, 0x55, 0x04, 0x84,
	    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
	const unsigned char		*p = der;
	ASN1_OBJECT			*obj;
	X509_NAME			*name;
	char				*text;

	ATF_REQUIRE((name = X509_NAME_new()) != NULL);
	obj = d2i_ASN1_OBJECT(NULL, &p, (long)sizeof(der));
	ATF_REQUIRE(obj != NULL);
	ATF_REQUIRE_EQ(1, X509_NAME_add_entry_by_OBJ(name, obj, UTF8,
	    (const unsigned char *)"x", 1, -1, 0));
	ATF_REQUIRE((text = stcp_name_text(name)) != NULL);
	ATF_CHECK_STREQ("OID550484808080808080808000=x", text);
	free(text);
	ASN1_OBJECT_free(obj);
	X509_NAME_free(name);
}

/* The same certificate with other names. */
static void
subject(struct pki *p, X509_NAME *name, GENERAL_NAMES *names)
{
	BIO	*bio;
	int	 len;

	if (name != NULL)
		ATF_REQUIRE_EQ(1, X509_set_subject_name(p->p_x509, name));
	if (names != NULL)
		ATF_REQUIRE_EQ(1, X509_add1_ext_i2d(p->p_x509,
		    NID_subject_alt_name, names, 0, X509V3_ADD_APPEND));
	ATF_REQUIRE(X509_sign(p->p_x509, p->p_pkey, EVP_sha256()) != 0);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE_EQ(1, PEM_write_bio_X509(bio, p->p_x509));
	len = (int)BIO_pending(bio);
	ATF_REQUIRE(len < PKI_PEM);
	ATF_REQUIRE_EQ(len, BIO_read(bio, p->p_cert, len));
	p->p_cert[len] = '\0';
	p->p_certlen = (size_t)len;
	(void)BIO_free(bio);
}

static void
accept_it(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = 1;
}

/* The object as a client of it; whom it trusts is another. */
static void
meet(struct fixture *f, const struct pki *p)
{
	struct securetcp_config	*sc;
	struct pki		 ca;

	pki_make(&ca, NULL, "ca", NULL, PKI_CA);
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, ca.p_cert,
	    ca.p_certlen));
	pki_free(&ca);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_verify_name(sc, 0));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	f->f_on_authenticate = accept_it;
	fixture_dial(f);
	fixture_server(f, pki_server(p, NULL));
	fixture_handshake(f);
	ATF_REQUIRE_MSG(securetcp_state(f->f_tcp) == SECURETCP_CONNECTED,
	    "%s: %s", f->f_events, f->f_reason);
}

CASE(peer, "subject and issuer of a peer, and of what is wrong with it: the "
    "same form; a subject of any length, all of it")
{
	static const struct part	 parts[4] = {
		{ DC, V_ASN1_IA5STRING, "org", -1, 0 },
		{ O, V_ASN1_T61STRING, "Gr\374n, Ltd.", -1, 0 },
		{ CN, UTF8, "a\nb", -1, 0 }, { OU, UTF8, "ops", -1, 1 }
	};
	static char			 big[3000];
	struct fixture			 f;
	struct part			 part[4];
	struct pki			 issuer, p;
	X509_NAME			*name;
	const char			*text;

	name = compose(parts);
	pki_make(&issuer, NULL, "issuer", NULL, PKI_CA);
	ATF_REQUIRE_EQ(1, X509_set_subject_name(issuer.p_x509, name));
	pki_make(&p, &issuer, "leaf", NULL, 0);
	subject(&p, name, NULL);
	meet(&f, &p);
	ATF_CHECK_STREQ("DC=org,O=Gr\303\274n\\, Ltd.,CN=a\\0Ab+OU=ops",
	    securetcp_peer_subject(f.f_tcp));
	ATF_CHECK_STREQ(securetcp_peer_subject(f.f_tcp),
	    securetcp_peer_issuer(f.f_tcp));
	ATF_CHECK_STREQ("certificate DC=org,O=Gr\303\274n\\, Ltd.,CN=a\\0Ab+"
	    "OU=ops: signed by itself and not trusted", f.f_why);
	fixture_close(&f);
	X509_NAME_free(name);

	memset(big, 'x', sizeof(big) - 1);
	memset(part, 0, sizeof(part));
	part[0].pa_oid = O;
	part[0].pa_type = UTF8;
	part[0].pa_bytes = big;
	part[0].pa_len = -1;
	name = compose(part);
	subject(&p, name, NULL);
	meet(&f, &p);
	text = securetcp_peer_subject(f.f_tcp);
	ATF_CHECK_EQ(0, strncmp(text, "O=", 2));
	ATF_CHECK_STREQ(big, text + 2);
	/* Cut there, so that what was wrong is said too. */
	ATF_CHECK_MSG(strstr(f.f_why, "xxx...: issued by ") != NULL, "%s",
	    f.f_why);
	ATF_CHECK_MSG(strstr(f.f_why, ", which is not trusted") != NULL, "%s",
	    f.f_why);
	fixture_close(&f);
	X509_NAME_free(name);
	pki_free(&p);
	pki_free(&issuer);
}

/* So many hosts, others, and what cannot be shown. */
static GENERAL_NAMES *
many(int hosts, int others, int hidden)
{
	GENERAL_NAMES	*names;
	GENERAL_NAME	*name;
	ASN1_IA5STRING	*text;
	char		 buf[16];
	int		 i, n;

	ATF_REQUIRE((names = sk_GENERAL_NAME_new_null()) != NULL);
	for (i = 0; i < hosts + others + hidden; i++) {
		n = snprintf(buf, sizeof(buf), "%s%d", i < hosts + others ?
		    "a" : "\n", i);
		ATF_REQUIRE((text = ASN1_IA5STRING_new()) != NULL);
		ATF_REQUIRE_EQ(1, ASN1_STRING_set(text, buf, n));
		ATF_REQUIRE((name = GENERAL_NAME_new()) != NULL);
		if (i < hosts || i >= hosts + others)
			GENERAL_NAME_set0_value(name, GEN_DNS, text);
		else {
			ASN1_STRING_free(text);
			GENERAL_NAME_set0_value(name, GEN_RID,
			    OBJ_txt2obj("1.2.3", 1));
		}
		ATF_REQUIRE(sk_GENERAL_NAME_push(names, name) > 0);
	}
	return (names);
}

/* LibreSSL's server does not take one that has an extension twice. */
static int
loads(const struct pki *p)
{
	SSL_CTX	*ctx;
	int	 ok;

	ATF_REQUIRE((ctx = SSL_CTX_new(TLS_server_method())) != NULL);
	ok = SSL_CTX_use_certificate(ctx, p->p_x509) == 1;
	SSL_CTX_free(ctx);
	return (ok);
}

static void
complete(int hosts, int others, int hidden, int again, size_t want, int yes)
{
	GENERAL_NAMES	*names;
	struct fixture	 f;
	struct pki	 p;
	size_t		 n;

	names = many(hosts, others, hidden);
	pki_make(&p, NULL, "leaf", NULL, 0);
	subject(&p, NULL, names);
	if (again)
		subject(&p, NULL, names);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	if (again && !loads(&p)) {
		pki_free(&p);
		return;
	}
	meet(&f, &p);
	for (n = 0; securetcp_peer_name(f.f_tcp, n, NULL) != NULL; n++)
		continue;
	ATF_CHECK_EQ(want, n);
	ATF_CHECK_EQ(yes, securetcp_peer_names_complete(f.f_tcp));
	fixture_close(&f);
	pki_free(&p);
}

CASE(names, "a peer's other names: as many as are kept, and one more, which "
    "is said; what is not kept in any case takes no room")
{
	struct securetcp_config	*sc;
	struct fixture		 f;

	complete(3, 0, 0, 0, 3, 1);
	complete(256, 0, 0, 0, 256, 1);
	complete(257, 0, 0, 0, 256, 0);
	/* What cannot be shown is among them all the same. */
	complete(256, 0, 1, 0, 256, 0);
	complete(3, 300, 0, 0, 3, 1);
	complete(3, 0, 300, 0, 3, 0);
	/* Two such extensions: neither is read. */
	complete(3, 0, 0, 1, 0, 0);

	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	fixture_open(&f, sc);
	securetcp_config_free(sc);
	ATF_CHECK_EQ(1, securetcp_peer_names_complete(f.f_tcp));
	fixture_close(&f);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, forms);
	ATF_TP_ADD_TC(tp, large);
	ATF_TP_ADD_TC(tp, peer);
	ATF_TP_ADD_TC(tp, names);
	return (atf_no_error());
}
