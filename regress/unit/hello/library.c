/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The TLS library at hand, as a client and as a server, without sockets. */

#include <sys/types.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "library.h"

/* LibreSSL takes no underscore in a name, neither for itself nor of others. */
#ifdef LIBRESSL_VERSION_NUMBER
#define STRANGE	"a-b-c.1.EXAMPLE.Org"
#else
#define STRANGE	"a-b_c.1.EXAMPLE.Org"
#endif

const struct library_kind library_kinds[LIBRARY_KINDS] = {
	{ "TLS 1.2", TLS1_2_VERSION, TLS1_2_VERSION, NULL, 0 },
	{ "TLS 1.2, name", TLS1_2_VERSION, TLS1_2_VERSION,
	    "www.example.org", 0 },
	{ "TLS 1.3", TLS1_3_VERSION, TLS1_3_VERSION, NULL, 0 },
	{ "TLS 1.3, name", TLS1_3_VERSION, TLS1_3_VERSION,
	    "www.example.org", 0 },
	{ "any version, name", 0, 0, STRANGE, 0 },
	{ "any version, two protocols", 0, 0, "www.example.org", 2 },
	{ "any version, many protocols", 0, 0, "www.example.org", 500 },
	{ "any version, many protocols, no name", 0, 0, NULL, 500 },
};

static void	 library_alpn(SSL_CTX *, int);
static int	 library_callback(SSL *, int *, void *);

void
library_hello(const struct library_kind *k, struct bytes *b)
{
	SSL_CTX	*ctx;
	SSL	*ssl;
	BIO	*in, *out;
	char	 name[256];
	int	 n;

	ATF_REQUIRE((ctx = SSL_CTX_new(TLS_client_method())) != NULL);
	if (k->k_min != 0)
		ATF_REQUIRE_EQ(1, SSL_CTX_set_min_proto_version(ctx,
		    k->k_min));
	if (k->k_max != 0)
		ATF_REQUIRE_EQ(1, SSL_CTX_set_max_proto_version(ctx,
		    k->k_max));
	if (k->k_alpn != 0)
		library_alpn(ctx, k->k_alpn);
	ATF_REQUIRE((ssl = SSL_new(ctx)) != NULL);
	if (k->k_name != NULL) {
		/* The macro casts the const away. */
		ATF_REQUIRE(strlcpy(name, k->k_name, sizeof(name)) <
		    sizeof(name));
		ATF_REQUIRE_EQ(1, SSL_set_tlsext_host_name(ssl, name));
	}
	ATF_REQUIRE((in = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE((out = BIO_new(BIO_s_mem())) != NULL);
	SSL_set_bio(ssl, in, out);
	ATF_REQUIRE_EQ(-1, SSL_connect(ssl));
	n = BIO_read(out, b->b_data, (int)sizeof(b->b_data));
	ATF_REQUIRE(n > 0);
	b->b_len = (size_t)n;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* Names of eight bytes. */
static void
library_alpn(SSL_CTX *ctx, int protocols)
{
	static struct bytes	 list;
	int			 i;

	list.b_len = 0;
	for (i = 0; i < protocols; i++) {
		bytes_number(&list, 8, 1);
		bytes_number(&list, 0x70726f74, 4);
		bytes_number(&list, (size_t)i, 4);
	}
	ATF_REQUIRE_EQ(0, SSL_CTX_set_alpn_protos(ctx, list.b_data,
	    (unsigned int)list.b_len));
}

struct asked {
	int		 a_asked;
	char		*a_name;
};

int
library_name(const struct bytes *b, char *name)
{
	static SSL_CTX		*ctx;
	static struct asked	 asked;
	SSL			*ssl;
	BIO			*in, *out;

	if (ctx == NULL) {
		ATF_REQUIRE((ctx = SSL_CTX_new(TLS_server_method())) != NULL);
		SSL_CTX_set_tlsext_servername_callback(ctx, library_callback);
		SSL_CTX_set_tlsext_servername_arg(ctx, &asked);
	}
	*name = '\0';
	asked.a_asked = 0;
	asked.a_name = name;
	ATF_REQUIRE((ssl = SSL_new(ctx)) != NULL);
	ATF_REQUIRE((in = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE((out = BIO_new(BIO_s_mem())) != NULL);
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(ssl, in, out);
	ATF_REQUIRE_EQ((int)b->b_len, BIO_write(in, b->b_data,
	    (int)b->b_len));
	ATF_REQUIRE(SSL_accept(ssl) != 1);
	SSL_free(ssl);
	ERR_clear_error();
	return (asked.a_asked);
}

/* Goes no further than this. */
static int
library_callback(SSL *ssl, int *alert, void *arg)
{
	struct asked	*a = arg;
	const char	*name;

	a->a_asked = 1;
	name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	if (name != NULL)
		ATF_REQUIRE(strlcpy(a->a_name, name, 256) < 256);
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return (SSL_TLSEXT_ERR_ALERT_FATAL);
}
