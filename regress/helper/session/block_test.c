/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What a spawner is told of names, clients and responses before it is ready.
 * Whatever it cannot use ends it, with a reason that says which: a server
 * that was asked to look at certificates must not run without.
 */

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "ends.h"
#include "fake.h"

static struct pki		 root, www;
static struct key		 key;
static struct wire_server	 wv;
static struct fake		 fk;
static char			 crl[PKI_PEM];
static size_t			 crllen;

static void	 make(void);
static void	 begin(const atf_tc_t *);
static void	 large(const atf_tc_t *, enum wire_type, size_t, const char *);

static void
make(void)
{
	pki_make(&root, NULL, "Root", NULL, PKI_CA);
	pki_make(&www, &root, "www", "DNS:www.example.org", 0);
	end_key(&key, &www);
	crllen = pki_crl(&root, NULL, 0, crl, sizeof(crl));
	fake_defaults(&wv);
}

/* SERVER and its chain. */
static void
begin(const atf_tc_t *tc)
{
	if (key.k_pem == NULL)
		make();
	block_begin(&fk, tc, &key, &wv);
	block_chain(&fk);
}

CASE(all, "all of it together, in the order of the parent, makes it ready")
{
	make();
	wv.wv_auth = WIRE_AUTH_REQUIRED;
	(void)strlcpy(wv.wv_alpn, "h2,http/1.1", sizeof(wv.wv_alpn));
	block_begin(&fk, tc, &key, &wv);
	block_file(&fk, WIRE_CA, root.p_cert, root.p_certlen);
	block_file(&fk, WIRE_CRL, crl, crllen);
	block_chain(&fk);
	block_match(&fk, WIRE_MATCH_NAME, 0, "*.example.org");
	block_match(&fk, WIRE_MATCH_UNKNOWN, 1, "");
	block_match(&fk, WIRE_MATCH_ABSENT, 1, "");
	block_end(&fk);
	fake_stop(&fk);
}

CASE(no_ca, "client authentication without CA is fatal, required or optional")
{
	uint8_t	 auth;

	make();
	for (auth = WIRE_AUTH_OPTIONAL; auth <= WIRE_AUTH_REQUIRED; auth++) {
		wv.wv_auth = auth;
		begin(tc);
		block_fails(&fk, "client authentication needs a CA");
	}
}

CASE(bad_auth, "a kind of client authentication that there is not is fatal, "
    "not off")
{
	make();
	wv.wv_auth = 3;
	begin(tc);
	block_fails(&fk, "server www: client authentication: 3 is none");
}

CASE(bad_alpn, "protocols that the TLS library does not take are fatal")
{
	make();
	(void)strlcpy(wv.wv_alpn, "h2,,http/1.1", sizeof(wv.wv_alpn));
	begin(tc);
	block_fails(&fk, "server www: alpn: ");
}

CASE(files, "CA, CRL and STAPLE without their file, with an empty one or "
    "with something else in it are fatal, and FATAL names which")
{
	static const struct {
		enum wire_type	 type;
		const char	*data;
		const char	*fatal;
	} rows[] = {
		{ WIRE_CA, NULL, "server www: CA came without its file" },
		{ WIRE_CRL, NULL, "server www: CRL came without its file" },
		{ WIRE_STAPLE, NULL,
		    "server www: STAPLE came without its file" },
		{ WIRE_CA, "", "server www: CA: 0 bytes" },
		{ WIRE_CRL, "", "server www: CRL: 0 bytes" },
		{ WIRE_STAPLE, "", "server www: STAPLE: 0 bytes" },
		{ WIRE_CA, "junk\n", "server www: CA: " },
		{ WIRE_CRL, "junk\n", "server www: CRL: " },
		{ WIRE_STAPLE, "junk\n", "server www: STAPLE: " }
	};
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(tc);
		block_file(&fk, rows[i].type, rows[i].data,
		    rows[i].data == NULL ? 0 : strlen(rows[i].data));
		block_fails(&fk, rows[i].fatal);
	}
}

CASE(mixed_up, "a CRL for a CA, a CA for a CRL, and one that ends in the "
    "middle are fatal")
{
	begin(tc);
	block_file(&fk, WIRE_CA, crl, crllen);
	block_fails(&fk, "server www: CA: ");
	begin(tc);
	block_file(&fk, WIRE_CRL, root.p_cert, root.p_certlen);
	block_fails(&fk, "server www: CRL: ");
	begin(tc);
	block_file(&fk, WIRE_CA, root.p_cert, root.p_certlen / 2);
	block_fails(&fk, "server www: CA: ");
}

static void
large(const atf_tc_t *tc, enum wire_type type, size_t len, const char *fatal)
{
	char	*data;

	ATF_REQUIRE((data = malloc(len)) != NULL);
	memset(data, '\n', len);
	memcpy(data, root.p_cert, root.p_certlen);
	begin(tc);
	block_file(&fk, type, data, len);
	block_fails(&fk, fatal);
	free(data);
}

CASE(too_large, "a CA of more than 4 MiB and a response of more than 64 KiB "
    "are fatal")
{
	make();
	large(tc, WIRE_CA, 4 * 1024 * 1024 + 1, "server www: CA: 4194305 ");
	large(tc, WIRE_STAPLE, 64 * 1024 + 1, "server www: STAPLE: 65537 ");
}

CASE(bundle, "a CA of half a megabyte is taken")
{
	char	*data;
	size_t	 len = 0;

	make();
	wv.wv_auth = WIRE_AUTH_OPTIONAL;
	ATF_REQUIRE((data = malloc(512 * 1024 + PKI_PEM)) != NULL);
	while (len < 512 * 1024) {
		memcpy(data + len, root.p_cert, root.p_certlen);
		len += root.p_certlen;
	}
	begin(tc);
	block_file(&fk, WIRE_CA, data, len);
	block_end(&fk);
	fake_stop(&fk);
	free(data);
}

CASE(staple_first, "a STAPLE before any CHAIN is fatal")
{
	make();
	block_begin(&fk, tc, &key, &wv);
	block_file(&fk, WIRE_STAPLE, root.p_cert, root.p_certlen);
	block_fails(&fk, "server www: STAPLE: ");
}

CASE(order, "what belongs to a block is fatal before SERVER, and SERVER a "
    "second time, and what is for sessions")
{
	static const enum wire_type	 types[] = {
		WIRE_CA, WIRE_CRL, WIRE_STAPLE, WIRE_MATCH, WIRE_CHAIN
	};
	char	 fatal[64];
	size_t	 i;

	make();
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fake_launch(&fk, tc, &key);
		fake_identify(&fk);
		block_bare(&fk, types[i]);
		(void)snprintf(fatal, sizeof(fatal), "%s where SERVER was "
		    "expected", wire_name(types[i]));
		block_fails(&fk, fatal);
	}
	begin(tc);
	ATF_REQUIRE_EQ(0, wire_send(&fk.fk_pipe, WIRE_SERVER, -1, &wv,
	    sizeof(wv)));
	block_fails(&fk, "SERVER where CHAIN or the like was expected");
	begin(tc);
	ATF_REQUIRE_EQ(0, wire_send(&fk.fk_pipe, WIRE_CLOSE, -1, NULL, 0));
	block_fails(&fk, "CLOSE where CHAIN or the like was expected");
}

CASE(late, "nothing of it is taken once it is ready")
{
	begin(tc);
	block_end(&fk);
	block_file(&fk, WIRE_CA, root.p_cert, root.p_certlen);
	FAKE_WAIT(&fk, fk.fk_ended);
	ATF_CHECK_STREQ("spawner: unexpected CA", fk.fk_fatal);
}

CASE(matches, "a thousand MATCH are taken, one more is fatal, as is one of "
    "no kind or without its fields")
{
	int	 i;

	begin(tc);
	for (i = 0; i < 1000; i++)
		block_match(&fk, WIRE_MATCH_NAME, 0, "*.example.org");
	block_end(&fk);
	fake_stop(&fk);
	begin(tc);
	for (i = 0; i < 1001; i++)
		block_match(&fk, WIRE_MATCH_NAME, 0, "*.example.org");
	block_fails(&fk, "server www: more than 1000 MATCH");
	for (i = 0; i < 5; i += 4) {
		begin(tc);
		block_match(&fk, (uint8_t)i, 1, "*");
		block_fails(&fk, "server www: MATCH 1: ");
	}
	begin(tc);
	block_bare(&fk, WIRE_MATCH);
	block_fails(&fk, "MATCH: ");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, all);
	ATF_TP_ADD_TC(tp, no_ca);
	ATF_TP_ADD_TC(tp, bad_auth);
	ATF_TP_ADD_TC(tp, bad_alpn);
	ATF_TP_ADD_TC(tp, files);
	ATF_TP_ADD_TC(tp, mixed_up);
	ATF_TP_ADD_TC(tp, too_large);
	ATF_TP_ADD_TC(tp, bundle);
	ATF_TP_ADD_TC(tp, staple_first);
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, late);
	ATF_TP_ADD_TC(tp, matches);
	return (atf_no_error());
}
