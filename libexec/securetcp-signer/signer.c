/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The signer holds private keys, answers nobody but the parent, and signs
 * only what has the shape of a TLS handshake signature.  All functions that
 * return a string return NULL, or a constant or static reason in words.
 *
 * LibreSSL and OpenSSL have in common the functions that OpenSSL 3 calls
 * deprecated: this file alone uses them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <errno.h>
#include <imsg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "helper.h"
#include "object.h"
#include "sandbox.h"
#include "securetcp.h"
#include "signer.h"
#include "wire.h"

#define SIGNER_FILEMAX	65536	/* bytes of a key file */
#define SIGNER_MEMORY	128	/* MB, for keys and work */
#define SIGNER_KEYMAX	65536	/* index of a key, not included */

/* Either an RSA key, with its modulus as it stands in a block, or an EC key. */
struct key {
	RSA		*k_rsa;
	EC_KEY		*k_ec;
	unsigned int	 k_bits;
	uint8_t		 k_modulus[SIGNER_RSAMAX / 8];
};

static struct key	**keys;		/* by index, NULL where there is none */
static size_t		  nkeys;

static void	 signer_prepare(struct imsgbuf *, const struct wire_start *);
static void	 signer_keys(struct imsgbuf *, const struct wire_start *);
static void	 signer_key(struct imsgbuf *, struct imsg *);
static void	 signer_sign(struct imsgbuf *, struct imsg *);

static int	 keys_known(uint32_t);
static const char	*keys_load(int, struct wire_keyinfo *);
static const char	*keys_sign(const struct wire_sign *,
			    struct wire_signed *);
static void		 keys_free(void);
static const char	*keys_read(int, char **, size_t *);
static const char	*keys_import(struct key *, EVP_PKEY *,
			    uint8_t [WIRE_KEYID]);
static const char	*keys_import_rsa(struct key *);
static const char	*keys_import_ec(struct key *);
static int		 keys_try_rsa(struct key *);
static const char	*keys_add(struct key *, uint32_t);
static void		 key_free(struct key *);
static const char	*key_sign_rsa(struct key *, const struct wire_sign *,
			    struct wire_signed *);
static const char	*key_sign_ec(struct key *, const struct wire_sign *,
			    struct wire_signed *);

int
main(void)
{
	struct imsgbuf		 imsgbuf;
	struct wire_start	 start;

	helper_start(&imsgbuf, &start);
	signer_prepare(&imsgbuf, &start);
	signer_keys(&imsgbuf, &start);
	helper_serve(&imsgbuf, WIRE_SIGN, signer_sign);
}

/* Everything a sandbox would forbid later. */
static void
signer_prepare(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	uint8_t	 byte;

	if (privdrop_limits(start->ws_nofile, 1) == -1)
		helper_fatal(imsgbuf, "limits: %s", strerror(errno));
	/* Copies of key material that it makes on the way to a key. */
	if (compat_crypto_wipe() == -1)
		helper_fatal(imsgbuf, "libcrypto's memory: %s",
		    strerror(errno));
	/* A configuration file of the TLS library could load code. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    RAND_bytes(&byte, sizeof(byte)) != 1)
		helper_fatal(imsgbuf, "libcrypto does not start");
	/* After the library's own, and so run before it. */
	if (atexit(keys_free) != 0)
		helper_fatal(imsgbuf, "atexit: %s", strerror(errno));
	helper_bound(imsgbuf, SIGNER_MEMORY);
	helper_sandbox(imsgbuf, start, SANDBOX_SIGNER_LOADING);
}

static void
signer_key(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct wire_key		 key;
	struct wire_keyinfo	 info;
	struct wire_keybad	 bad;
	const char		*reason;
	int			 fd;

	fd = wire_fd(imsg);
	helper_parse(imsgbuf, imsg, &key, sizeof(key));
	if (fd == -1)
		helper_fatal(imsgbuf, "KEY without a descriptor");
	if (key.wk_index >= SIGNER_KEYMAX)
		helper_fatal(imsgbuf, "KEY %u: only %u are possible",
		    key.wk_index, SIGNER_KEYMAX);
	if (keys_known(key.wk_index))
		helper_fatal(imsgbuf, "KEY %u a second time", key.wk_index);

	memset(&info, 0, sizeof(info));
	info.wi_index = key.wk_index;
	if ((reason = keys_load(fd, &info)) == NULL)
		helper_say(imsgbuf, WIRE_KEYINFO, &info, sizeof(info));
	else {
		memset(&bad, 0, sizeof(bad));
		bad.wb_index = key.wk_index;
		(void)strlcpy(bad.wb_reason, reason, sizeof(bad.wb_reason));
		helper_say(imsgbuf, WIRE_KEYBAD, &bad, sizeof(bad));
	}
	(void)close(fd);
}

static void
signer_keys(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	struct imsg		 imsg;
	uint32_t		 type;

	for (;;) {
		helper_next(imsgbuf, &imsg);
		type = imsg_get_type(&imsg);
		if (type == WIRE_KEYS_END)
			break;
		if (type != WIRE_KEY)
			helper_fatal(imsgbuf, "%s while loading keys",
			    wire_name(type));
		signer_key(imsgbuf, &imsg);
		imsg_free(&imsg);
	}
	helper_parse(imsgbuf, &imsg, NULL, 0);
	imsg_free(&imsg);

	helper_sandbox(imsgbuf, start, SANDBOX_SIGNER);
	helper_ready(imsgbuf, sandbox_name());
}

static void
signer_sign(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct wire_sign	 sign;
	struct wire_signed	 answer;
	struct wire_unsigned	 refusal;
	const char		*reason;

	helper_parse(imsgbuf, imsg, &sign, sizeof(sign));
	memset(&answer, 0, sizeof(answer));
	answer.wn_request = sign.wg_request;
	if ((reason = keys_sign(&sign, &answer)) == NULL) {
		helper_say(imsgbuf, WIRE_SIGNED, &answer, sizeof(answer));
		return;
	}
	memset(&refusal, 0, sizeof(refusal));
	refusal.wu_request = sign.wg_request;
	(void)strlcpy(refusal.wu_reason, reason, sizeof(refusal.wu_reason));
	helper_say(imsgbuf, WIRE_UNSIGNED, &refusal, sizeof(refusal));
}

static int
keys_known(uint32_t index)
{
	return (index < nkeys && keys[index] != NULL);
}

static const char *
keys_read(int fd, char **out, size_t *outlen)
{
	static char	 reason[WIRE_REASON];
	const char	*wrong = NULL;
	char		*buf;
	ssize_t		 len;

	if ((buf = malloc(SIGNER_FILEMAX + 1)) == NULL)
		return ("cannot be read: no memory");
	len = compat_fill(fd, buf, 0, SIGNER_FILEMAX + 1);
	if (len == -1) {
		(void)snprintf(reason, sizeof(reason), "cannot be read: %s",
		    strerror(errno));
		wrong = reason;
	} else if (len == 0)
		wrong = "is empty";
	else if (len > SIGNER_FILEMAX)
		wrong = "is larger than 64 KiB";
	if (wrong != NULL) {
		freezero(buf, SIGNER_FILEMAX + 1);
		return (wrong);
	}
	*out = buf;
	*outlen = (size_t)len;
	return (NULL);
}

static const char *
keys_import_rsa(struct key *key)
{
	const BIGNUM	*n;
	size_t		 len;
	int		 bits = RSA_bits(key->k_rsa);

	if (bits < SIGNER_RSAMIN || bits > SIGNER_RSAMAX)
		return ("is an RSA key of less than 1024 or more than 8192 "
		    "bits");
	RSA_get0_key(key->k_rsa, &n, NULL, NULL);
	len = (size_t)RSA_size(key->k_rsa);
	if (len > sizeof(key->k_modulus) ||
	    BN_bn2bin(n, key->k_modulus) != (int)len)
		return ("is an RSA key with a damaged modulus");
	key->k_bits = (unsigned int)bits;
	/* Already the default, but nothing less will do. */
	if (RSA_blinding_on(key->k_rsa, NULL) != 1)
		return ("is an RSA key that cannot be blinded");
	return (NULL);
}

static const char *
keys_import_ec(struct key *key)
{
	const EC_GROUP	*group = EC_KEY_get0_group(key->k_ec);

	switch (EC_GROUP_get_curve_name(group)) {
	case NID_X9_62_prime256v1:
		key->k_bits = 256;
		break;
	case NID_secp384r1:
		key->k_bits = 384;
		break;
	case NID_secp521r1:
		key->k_bits = 521;
		break;
	default:
		return ("is on a curve other than P-256, P-384 and P-521");
	}
	if (EC_KEY_check_key(key->k_ec) != 1)
		return ("is damaged: public and private part differ");
	return (NULL);
}

/* A damaged RSA key shows when what it signs is not what was asked. */
static int
keys_try_rsa(struct key *key)
{
	uint8_t	 in[SIGNER_RSAMAX / 8], out[SIGNER_RSAMAX / 8];
	int	 len = RSA_size(key->k_rsa);

	memset(in, 0x55, sizeof(in));
	in[0] = 0;
	return (RSA_private_encrypt(len, in, out, key->k_rsa,
	    RSA_NO_PADDING) == len &&
	    RSA_public_decrypt(len, out, out, key->k_rsa,
	    RSA_NO_PADDING) == len && memcmp(in, out, (size_t)len) == 0);
}

/* The identity is computed where the sessions' side computes it. */
static const char *
keys_import(struct key *key, EVP_PKEY *pkey, uint8_t id[WIRE_KEYID])
{
	enum securetcp_keytype	 type;
	const char		*reason;

	if (stcp_keyid_pkey(pkey, id, &type) != ptOk)
		return ("is neither an RSA nor an ECDSA key");
	if (type == SECURETCP_ECDSA) {
		if ((key->k_ec = EVP_PKEY_get1_EC_KEY(pkey)) == NULL)
			return ("is a damaged ECDSA key");
		return (keys_import_ec(key));
	}
	if ((key->k_rsa = EVP_PKEY_get1_RSA(pkey)) == NULL)
		return ("is a damaged RSA key");
	if ((reason = keys_import_rsa(key)) != NULL)
		return (reason);
	return (keys_try_rsa(key) ? NULL :
	    "is damaged: public and private part differ");
}

static const char *
keys_add(struct key *key, uint32_t index)
{
	struct key	**grown;

	if (index >= nkeys) {
		grown = reallocarray(keys, (size_t)index + 1, sizeof(*keys));
		if (grown == NULL)
			return ("cannot be kept: no memory");
		keys = grown;
		memset(&keys[nkeys], 0, (index + 1 - nkeys) * sizeof(*keys));
		nkeys = (size_t)index + 1;
	}
	keys[index] = key;
	return (NULL);
}

static const char *
keys_load(int fd, struct wire_keyinfo *info)
{
	static char	 why[WIRE_REASON];
	struct key	*key;
	EVP_PKEY	*pkey;
	const char	*reason;
	char		*buf;
	size_t		 len;

	if ((reason = keys_read(fd, &buf, &len)) != NULL)
		return (reason);
	pkey = stcp_keyid_private(buf, len, why, sizeof(why));
	freezero(buf, SIGNER_FILEMAX + 1);
	if (pkey == NULL)
		return (why);
	if ((key = calloc(1, sizeof(*key))) == NULL) {
		EVP_PKEY_free(pkey);
		return ("cannot be kept: no memory");
	}
	reason = keys_import(key, pkey, info->wi_id);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (reason == NULL)
		reason = keys_add(key, info->wi_index);
	if (reason != NULL) {
		key_free(key);
		return (reason);
	}
	info->wi_type = key->k_rsa != NULL ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA;
	info->wi_bits = key->k_bits;
	return (NULL);
}

static const char *
key_sign_rsa(struct key *key, const struct wire_sign *sign,
    struct wire_signed *answer)
{
	const char	*reason;
	int		 n;

	reason = shape_rsa(sign->wg_data, sign->wg_len, key->k_bits,
	    sign->wg_flags & WIRE_SIGN_PKCS1);
	if (reason != NULL)
		return (reason);
	if (memcmp(sign->wg_data, key->k_modulus, sign->wg_len) >= 0)
		return ("block not below the modulus");
	n = RSA_private_encrypt(sign->wg_len, sign->wg_data, answer->wn_data,
	    key->k_rsa, RSA_NO_PADDING);
	if (n <= 0 || (size_t)n > sizeof(answer->wn_data))
		return ("RSA operation failed");
	answer->wn_len = (uint16_t)n;
	return (NULL);
}

static const char *
key_sign_ec(struct key *key, const struct wire_sign *sign,
    struct wire_signed *answer)
{
	const char	*reason;
	unsigned int	 n;

	if ((reason = shape_ecdsa(sign->wg_len)) != NULL)
		return (reason);
	if (ECDSA_size(key->k_ec) > (int)sizeof(answer->wn_data) ||
	    ECDSA_sign(0, sign->wg_data, sign->wg_len, answer->wn_data, &n,
	    key->k_ec) != 1)
		return ("ECDSA operation failed");
	answer->wn_len = (uint16_t)n;
	return (NULL);
}

static const char *
keys_sign(const struct wire_sign *sign, struct wire_signed *answer)
{
	struct key	*key;
	const char	*reason;

	if (!keys_known(sign->wg_index))
		return ("no such key");
	key = keys[sign->wg_index];
	if (sign->wg_type != (key->k_rsa != NULL ? WIRE_KEYTYPE_RSA :
	    WIRE_KEYTYPE_ECDSA))
		return ("key of another type");
	reason = key->k_rsa != NULL ? key_sign_rsa(key, sign, answer) :
	    key_sign_ec(key, sign, answer);
	ERR_clear_error();
	return (reason);
}

/* Both kinds are cleared by the library when they are freed. */
static void
key_free(struct key *key)
{
	if (key == NULL)
		return;
	RSA_free(key->k_rsa);
	EC_KEY_free(key->k_ec);
	freezero(key, sizeof(*key));
}

static void
keys_free(void)
{
	size_t	 i;

	for (i = 0; i < nkeys; i++)
		key_free(keys[i]);
	free(keys);
	keys = NULL;
	nkeys = 0;
}
