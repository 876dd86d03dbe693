/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * What is secret in private keys, as memfind wants it:
 *
 *	needles NAME FILE [NAME FILE] ...
 *
 * For each PEM file its secret numbers (NAME.d, NAME.p ...), the part of its
 * DER that they are in (NAME.der) and the characters of its PEM that encode
 * it (NAME.pem).  What is public (the modulus, the point) is left out: it may
 * be anywhere.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include <sys/types.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE		16		/* memfind looks for no less */
#define LINE		64		/* characters of PEM */
#define NUMBERS_MAX	6

struct number {
	const char	*n_name;
	const BIGNUM	*n_bn;
};

static void
print_hex(const char *kind, const char *name, const char *part,
    const unsigned char *bytes, size_t len)
{
	size_t	 i;

	printf("%s %s.%s ", kind, name, part);
	for (i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static size_t
numbers_of(EVP_PKEY *pkey, struct number *n)
{
	static const char *const	 names[] = {
		"d", "p", "q", "dP", "dQ", "qInv"
	};
	const RSA			*rsa;
	const EC_KEY			*ec;
	size_t				 i;

	if (EVP_PKEY_base_id(pkey) == EVP_PKEY_EC) {
		if ((ec = EVP_PKEY_get0_EC_KEY(pkey)) == NULL)
			errx(1, "no EC key");
		n[0].n_name = names[0];
		n[0].n_bn = EC_KEY_get0_private_key(ec);
		return (1);
	}
	if ((rsa = EVP_PKEY_get0_RSA(pkey)) == NULL)
		errx(1, "neither an RSA nor an EC key");
	RSA_get0_key(rsa, NULL, NULL, &n[0].n_bn);
	RSA_get0_factors(rsa, &n[1].n_bn, &n[2].n_bn);
	RSA_get0_crt_params(rsa, &n[3].n_bn, &n[4].n_bn, &n[5].n_bn);
	for (i = 0; i < NUMBERS_MAX; i++)
		n[i].n_name = names[i];
	return (NUMBERS_MAX);
}

/* The characters from one offset of the DER to another, line by line. */
static void
print_pem(const char *name, const char *path, size_t from, size_t to)
{
	char	 line[256];
	FILE	*f;
	size_t	 at = 0, first, last, len;

	/* A character that encodes a public bit as well is left out. */
	from = (from * 4 + 2) / 3;
	to = to * 4 / 3;
	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		len = strcspn(line, "\n");
		if (line[0] == '-' || len == 0)
			continue;
		if (len > LINE)
			errx(1, "%s: a line of %zu characters", path, len);
		first = from > at ? from - at : 0;
		last = to > at ? to - at : 0;
		if (last > len)
			last = len;
		if (first + PIECE <= last)
			print_hex("text", name, "pem",
			    (unsigned char *)line + first, last - first);
		at += len;
	}
	(void)fclose(f);
}

static void
print_key(const char *name, const char *path)
{
	struct number	 n[NUMBERS_MAX];
	unsigned char	 bytes[1024], *at, *data;
	char		*pemname, *header;
	EVP_PKEY	*pkey;
	FILE		*f;
	long		 dlen;
	size_t		 count, from, i, len, to;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	if (PEM_read(f, &pemname, &header, &data, &dlen) != 1)
		errx(1, "%s: no PEM", path);
	rewind(f);
	if ((pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL)) == NULL)
		errx(1, "%s: no private key", path);
	(void)fclose(f);

	count = numbers_of(pkey, n);
	from = (size_t)dlen;
	to = 0;
	for (i = 0; i < count; i++) {
		if (BN_num_bytes(n[i].n_bn) > (int)sizeof(bytes))
			errx(1, "%s: too large a key", path);
		len = (size_t)BN_bn2bin(n[i].n_bn, bytes);
		print_hex("number", name, n[i].n_name, bytes, len);
		if ((at = memmem(data, (size_t)dlen, bytes, len)) == NULL)
			errx(1, "%s: %s is not in its DER", path, n[i].n_name);
		if ((size_t)(at - data) < from)
			from = (size_t)(at - data);
		if ((size_t)(at - data) + len > to)
			to = (size_t)(at - data) + len;
	}
	print_hex("text", name, "der", data + from, to - from);
	print_pem(name, path, from, to);
}

int
main(int argc, char *argv[])
{
	int	 i;

	if (argc < 3 || argc % 2 == 0)
		errx(1, "usage: needles name file [name file] ...");
	for (i = 1; i < argc; i += 2)
		print_key(argv[i], argv[i + 1]);
	if (fflush(stdout) == EOF)
		err(1, "stdout");
	return (0);
}
