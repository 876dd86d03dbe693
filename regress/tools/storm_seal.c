/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Records after the handshake, well encrypted whatever is in them: TLS 1.3
 * with AES_128_GCM_SHA256 from the client's traffic secret, TLS 1.2 with the
 * same cipher from the master secret.
 */

#include <sys/types.h>

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include "storm.h"

#define TAG	16

static void
hmac(const uint8_t *key, size_t keylen, const uint8_t *data, size_t len,
    uint8_t out[32])
{
	unsigned int	 n = 32;

	if (HMAC(EVP_sha256(), key, (int)keylen, data, len, out, &n) == NULL)
		storm_fail(NULL, "HMAC");
}

/* HKDF-Expand-Label of RFC 8446 for what one block of the hash gives. */
static void
expand(const uint8_t secret[32], const char *label, uint8_t *out, size_t len)
{
	uint8_t	 info[64], block[32];
	size_t	 n = 0, l = strlen(label);

	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)(6 + l);
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, l);
	n += 6 + l;
	info[n++] = 0;
	info[n++] = 1;
	hmac(secret, 32, info, n, block);
	memcpy(out, block, len);
}

static void
seal_keys(struct seal *se)
{
	expand(se->se_secret, "key", se->se_key, sizeof(se->se_key));
	expand(se->se_secret, "iv", se->se_iv, sizeof(se->se_iv));
	se->se_seq = 0;
}

/* The keys that come after a KeyUpdate. */
void
seal_update(struct seal *se)
{
	uint8_t	 next[32];

	expand(se->se_secret, "traffic upd", next, sizeof(next));
	memcpy(se->se_secret, next, sizeof(next));
	seal_keys(se);
}

/* The key block of RFC 5246: the first 40 bytes are all that is needed. */
static void
seal_keys12(struct conn *c)
{
	static const char	 label[] = "key expansion";
	struct seal		*se = &c->c_seal;
	uint8_t			 seed[13 + 64], master[48], block[64];
	uint8_t			 a[32 + sizeof(seed)];
	size_t			 n;

	n = SSL_SESSION_get_master_key(SSL_get_session(c->c_ssl), master,
	    sizeof(master));
	memcpy(seed, label, 13);
	(void)SSL_get_server_random(c->c_ssl, seed + 13, 32);
	(void)SSL_get_client_random(c->c_ssl, seed + 45, 32);
	hmac(master, n, seed, sizeof(seed), a);
	memcpy(a + 32, seed, sizeof(seed));
	hmac(master, n, a, sizeof(a), block);
	hmac(master, n, a, 32, a);
	memcpy(a + 32, seed, sizeof(seed));
	hmac(master, n, a, sizeof(a), block + 32);
	memcpy(se->se_key, block, 16);
	memcpy(se->se_iv, block + 32, 4);
	/* Finished was record number 0. */
	se->se_seq = 1;
}

/* To be called when the handshake is done and nothing else was sent. */
void
seal_init(struct conn *c)
{
	struct seal	*se = &c->c_seal;

	se->se_version = SSL_version(c->c_ssl);
	if (se->se_version != TLS1_3_VERSION) {
		seal_keys12(c);
		return;
	}
	memcpy(se->se_secret, c->c_traffic, sizeof(se->se_secret));
	seal_keys(se);
}

static void
gcm(const struct seal *se, const uint8_t nonce[12], const uint8_t *aad,
    size_t aadlen, const uint8_t *data, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX	*ctx;
	int		 n;

	if ((ctx = EVP_CIPHER_CTX_new()) == NULL ||
	    EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, se->se_key,
	    nonce) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aadlen) != 1 ||
	    EVP_EncryptUpdate(ctx, out, &n, data, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, out + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG,
	    out + len) != 1)
		storm_fail(NULL, "AES-GCM");
	EVP_CIPHER_CTX_free(ctx);
}

static void
head(uint8_t *out, int type, size_t len)
{
	out[0] = (uint8_t)type;
	out[1] = out[2] = 3;
	out[3] = (uint8_t)(len >> 8);
	out[4] = (uint8_t)len;
}

/* One record of at most RECORD_MAX bytes; its length. */
size_t
seal_record(struct seal *se, int type, const void *data, size_t len,
    uint8_t *out)
{
	uint8_t	 inner[RECORD_MAX + 1], nonce[12], aad[13];
	uint8_t	 seq[8];
	int	 i;

	for (i = 0; i < 8; i++)
		seq[i] = (uint8_t)(se->se_seq >> (56 - 8 * i));
	se->se_seq++;
	memcpy(nonce, se->se_iv, 12);
	if (se->se_version != TLS1_3_VERSION) {
		memcpy(nonce + 4, seq, 8);
		memcpy(aad, seq, 8);
		head(aad + 8, type, len);
		head(out, type, 8 + len + TAG);
		memcpy(out + 5, seq, 8);
		gcm(se, nonce, aad, 13, data, len, out + 13);
		return (13 + len + TAG);
	}
	for (i = 0; i < 8; i++)
		nonce[4 + i] ^= seq[i];
	memcpy(inner, data, len);
	inner[len] = (uint8_t)type;
	head(out, 23, len + 1 + TAG);
	gcm(se, nonce, out, 5, inner, len + 1, out + 5);
	return (5 + len + 1 + TAG);
}
