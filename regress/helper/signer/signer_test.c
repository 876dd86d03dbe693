/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The shipped securetcp-signer, as its parent sees it. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocks.h"
#include "mem.h"
#include "proc.h"
#include "shipped.h"
#include "shipped_parent.h"
#include "wire.h"

const char	 parent_helper[] = "securetcp-signer";

/* As the daemon's parent begins: for root with chroot. */
static void
started(struct parent *parent, const atf_tc_t *tc)
{
	struct wire_start	 start;

	memset(&start, 0, sizeof(start));
	start.ws_nofile = 16;
	strlcpy(start.ws_title, "securetcp-signer: 1", sizeof(start.ws_title));
	parent_start(parent, tc, &start);
}

static void
write_key(const char *path, EVP_PKEY *pkey, const char *passphrase)
{
	unsigned char	 secret[32];
	size_t		 len = 0;
	FILE		*fp;

	/* LibreSSL would have it writable. */
	if (passphrase != NULL) {
		len = strlen(passphrase);
		ATF_REQUIRE(len < sizeof(secret));
		memcpy(secret, passphrase, len);
	}
	ATF_REQUIRE((fp = fopen(path, "w")) != NULL);
	ATF_REQUIRE(PEM_write_PrivateKey(fp, pkey,
	    passphrase == NULL ? NULL : EVP_aes_128_cbc(),
	    passphrase == NULL ? NULL : secret, (int)len, NULL, NULL) == 1);
	ATF_REQUIRE(fclose(fp) == 0);
}

static void
write_text(const char *path, const char *text, size_t len)
{
	FILE	*fp;

	ATF_REQUIRE((fp = fopen(path, "w")) != NULL);
	ATF_REQUIRE(fwrite(text, 1, len, fp) == len);
	ATF_REQUIRE(fclose(fp) == 0);
}

static void
send_key(struct parent *parent, uint32_t index, const char *path)
{
	struct wire_key	 key;
	int		 fd;

	memset(&key, 0, sizeof(key));
	key.wk_index = index;
	ATF_REQUIRE((fd = open(path, O_RDONLY)) != -1);
	parent_send(parent, WIRE_KEY, fd, &key, sizeof(key));
}

/* Gives a key and demands that it is taken; checks its identity. */
static void
load(struct parent *parent, uint32_t index, const char *path, EVP_PKEY *pkey)
{
	struct wire_keyinfo	 info;
	unsigned char		*der = NULL;
	uint8_t			 id[WIRE_KEYID];
	int			 len;

	send_key(parent, index, path);
	parent_expect(parent, WIRE_KEYINFO, &info, sizeof(info));
	ATF_CHECK_EQ(info.wi_index, index);
	ATF_CHECK_EQ(info.wi_bits, (uint32_t)EVP_PKEY_bits(pkey));
	ATF_CHECK_EQ(info.wi_type, EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA ?
	    WIRE_KEYTYPE_RSA : WIRE_KEYTYPE_ECDSA);
	ATF_REQUIRE((len = i2d_PublicKey(pkey, &der)) > 0);
	ATF_REQUIRE(EVP_Digest(der, (size_t)len, id, NULL, EVP_sha256(),
	    NULL) == 1);
	OPENSSL_free(der);
	ATF_CHECK(memcmp(info.wi_id, id, sizeof(id)) == 0);
}

static void
bad(struct parent *parent, uint32_t index, const char *path,
    const char *reason)
{
	struct wire_keybad	 keybad;

	send_key(parent, index, path);
	parent_expect(parent, WIRE_KEYBAD, &keybad, sizeof(keybad));
	ATF_CHECK_EQ(keybad.wb_index, index);
	ATF_CHECK_MSG(strcmp(keybad.wb_reason, reason) == 0, "%s: %s", path,
	    keybad.wb_reason);
}

static void
run(struct parent *parent, char *sandbox, size_t size)
{
	struct wire_ready	 ready;

	parent_send(parent, WIRE_KEYS_END, -1, NULL, 0);
	parent_expect(parent, WIRE_READY, &ready, sizeof(ready));
	if (sandbox != NULL)
		strlcpy(sandbox, ready.wr_sandbox, size);
}

static uint64_t	 request = 0xfedcba9876543210;
static uint8_t	 asking = WIRE_SIGN_PKCS1;	/* the flags of SIGN */

static void
ask(struct parent *parent, uint32_t index, uint8_t type, const uint8_t *data,
    size_t len)
{
	struct wire_sign	 sign;

	memset(&sign, 0, sizeof(sign));
	sign.wg_request = ++request;
	sign.wg_index = index;
	sign.wg_type = type;
	sign.wg_flags = asking;
	ATF_REQUIRE(len <= sizeof(sign.wg_data));
	sign.wg_len = (uint16_t)len;
	memcpy(sign.wg_data, data, len);
	parent_send(parent, WIRE_SIGN, -1, &sign, sizeof(sign));
}

static void
signs(struct parent *parent, uint32_t index, uint8_t type,
    const uint8_t *data, size_t len, struct wire_signed *answer)
{
	ask(parent, index, type, data, len);
	parent_expect(parent, WIRE_SIGNED, answer, sizeof(*answer));
	ATF_CHECK_EQ(answer->wn_request, request);
}

static void
refuses(struct parent *parent, uint32_t index, uint8_t type,
    const uint8_t *data, size_t len, const char *reason)
{
	struct wire_unsigned	 answer;

	ask(parent, index, type, data, len);
	parent_expect(parent, WIRE_UNSIGNED, &answer, sizeof(answer));
	ATF_CHECK_EQ(answer.wu_request, request);
	ATF_CHECK_MSG(strcmp(answer.wu_reason, reason) == 0, "%s, not %s",
	    answer.wu_reason, reason);
}

ATF_TC(signatures);
ATF_TC_HEAD(signatures, tc)
{
	atf_tc_set_md_var(tc, "descr", "RSA-2048, RSA-4096, P-256, P-384 and "
	    "P-521: every signature a handshake needs verifies with the "
	    "public key");
}
ATF_TC_BODY(signatures, tc)
{
	static const EVP_MD *(*const mds[])(void) = {
		EVP_sha256, EVP_sha384, EVP_sha512
	};
	static const int	 paddings[] = {
		RSA_PKCS1_PSS_PADDING, RSA_PKCS1_PADDING
	};
	EVP_PKEY		*keys[5];
	struct wire_signed	 answer;
	struct parent		 parent;
	uint8_t			 block[BLOCK_MAX];
	size_t			 i, len, m, p;
	char			 path[16];

	keys[0] = block_rsa(2048);
	keys[1] = block_rsa(4096);
	keys[2] = block_ec(NID_X9_62_prime256v1);
	keys[3] = block_ec(NID_secp384r1);
	keys[4] = block_ec(NID_secp521r1);
	started(&parent, tc);
	for (i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%zu.key", i);
		write_key(path, keys[i], NULL);
		load(&parent, (uint32_t)i * 7, path, keys[i]);
	}
	run(&parent, NULL, 0);
	for (i = 0; i < 2; i++)
	for (m = 0; m < 3; m++)
	for (p = 0; p < 2; p++) {
		len = block_padded(keys[i], mds[m](), paddings[p],
		    EVP_MD_size(mds[m]()), block);
		signs(&parent, (uint32_t)i * 7, WIRE_KEYTYPE_RSA, block, len,
		    &answer);
		ATF_CHECK_MSG(block_verify(keys[i], mds[m](), paddings[p],
		    answer.wn_data, answer.wn_len), "%zu %zu %zu", i, m, p);
	}
	for (i = 2; i < 5; i++)
	for (m = 0; m < 3; m++) {
		len = block_digest(mds[m](), block);
		signs(&parent, (uint32_t)i * 7, WIRE_KEYTYPE_ECDSA, block,
		    len, &answer);
		ATF_CHECK_MSG(block_verify(keys[i], mds[m](), 0,
		    answer.wn_data, answer.wn_len), "%zu %zu", i, m);
	}
	parent_end(&parent);
}

ATF_TC(refusals);
ATF_TC_HEAD(refusals, tc)
{
	atf_tc_set_md_var(tc, "descr", "What has not the shape of a handshake "
	    "signature is refused with its reason, and the signer goes on");
}
ATF_TC_BODY(refusals, tc)
{
	static const char	 shape[] =
	    "not the block of a handshake signature";
	struct wire_signed	 answer;
	struct parent		 parent;
	EVP_PKEY		*rsa = block_rsa(2048);
	EVP_PKEY		*ec = block_ec(NID_X9_62_prime256v1);
	uint8_t			 block[BLOCK_MAX], good[BLOCK_MAX];
	size_t			 len, n;

	memset(good, 0, sizeof(good));
	write_key("rsa.key", rsa, NULL);
	write_key("ec.key", ec, NULL);
	started(&parent, tc);
	load(&parent, 0, "rsa.key", rsa);
	load(&parent, 1, "rsa.key", rsa);
	load(&parent, 2, "ec.key", ec);
	run(&parent, NULL, 0);

	len = block_padded(rsa, EVP_sha256(), RSA_PKCS1_PSS_PADDING, 32, good);
	/* lengths */
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, good, 0,
	    "block and modulus differ in length");
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, good, len - 1,
	    "block and modulus differ in length");
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, good, len + 1,
	    "block and modulus differ in length");
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, good, BLOCK_MAX,
	    "block and modulus differ in length");
	/* salts, digests */
	n = block_padded(rsa, EVP_sha256(), RSA_PKCS1_PSS_PADDING, 20, block);
	refuses(&parent, 1, WIRE_KEYTYPE_RSA, block, n, shape);
	n = block_padded(rsa, EVP_sha1(), RSA_PKCS1_PSS_PADDING, 20, block);
	refuses(&parent, 1, WIRE_KEYTYPE_RSA, block, n, shape);
	n = block_padded(rsa, EVP_sha1(), RSA_PKCS1_PADDING, 0, block);
	refuses(&parent, 1, WIRE_KEYTYPE_RSA, block, n, shape);
	n = block_padded(rsa, EVP_md5_sha1(), RSA_PKCS1_PADDING, 0, block);
	refuses(&parent, 1, WIRE_KEYTYPE_RSA, block, n, shape);
	/* zeros, trailer alone, not below the modulus */
	memcpy(block, good, len);
	block[100] ^= 0x10;
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, block, len, shape);
	arc4random_buf(block, len);
	block[0] &= 0x7f;
	block[len - 1] = 0xbc;
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, block, len, shape);
	memset(block, 0xff, len);
	refuses(&parent, 0, WIRE_KEYTYPE_RSA, block, len, shape);
	/* somebody's ciphertext */
	memset(block, 0, len);
	block[1] = 0x42;
	n = block_raw_public(rsa, block, len, block);
	block[0] &= 0x7f;
	refuses(&parent, 1, WIRE_KEYTYPE_RSA, block, n, shape);
	/* PKCS#1 where it is not enabled, by request: one key has both */
	n = block_padded(rsa, EVP_sha256(), RSA_PKCS1_PADDING, 0, block);
	asking = 0;
	refuses(&parent, 1, WIRE_KEYTYPE_RSA, block, n,
	    "PKCS#1 v1.5 where TLS 1.2 is not enabled");
	asking = WIRE_SIGN_PKCS1;
	signs(&parent, 1, WIRE_KEYTYPE_RSA, block, n, &answer);
	/* keys */
	refuses(&parent, 3, WIRE_KEYTYPE_RSA, good, len, "no such key");
	refuses(&parent, 0xffffffff, WIRE_KEYTYPE_RSA, good, len,
	    "no such key");
	refuses(&parent, 0, WIRE_KEYTYPE_ECDSA, good, 32,
	    "key of another type");
	refuses(&parent, 2, WIRE_KEYTYPE_RSA, good, len,
	    "key of another type");
	refuses(&parent, 0, 0, good, len, "key of another type");
	/* digests */
	for (n = 0; n <= 96; n++) {
		if (n != 32 && n != 48 && n != 64)
			refuses(&parent, 2, WIRE_KEYTYPE_ECDSA, good, n,
			    "not as long as a SHA-256, SHA-384 or SHA-512 "
			    "digest");
	}
	/* none the worse for it */
	signs(&parent, 0, WIRE_KEYTYPE_RSA, good, len, &answer);
	ATF_CHECK(block_verify(rsa, EVP_sha256(), RSA_PKCS1_PSS_PADDING,
	    answer.wn_data, answer.wn_len));
	parent_end(&parent);
}

/* Each of its own kind, in place of number 10. */
static void
several(struct parent *parent, EVP_PKEY *ec)
{
	static const char	 openssh[] = "-----BEGIN OPENSSH PRIVATE KEY---"
				    "--\nAAAA\n-----END OPENSSH PRIVATE KEY-"
				    "----\n";
	static const char	 indented[] = "  -----BEGIN PRIVATE KEY-----\n"
				    "  AAAA\n  -----END PRIVATE KEY-----\n";
	static const char	 zero[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n"
				    "-----END PRIVATE KEY-----\n";
	static const char	 der[] = "\x30\x81\x87\x02\x01\x00";
	FILE			*fp;

	write_text("openssh.key", openssh, sizeof(openssh) - 1);
	bad(parent, 10, "openssh.key", "is in OpenSSH's own form; "
	    "\"ssh-keygen -p -m PEM\" changes it");
	write_text("indented.key", indented, sizeof(indented) - 1);
	bad(parent, 10, "indented.key", "is malformed: the boundary of a "
	    "block in line 1 is indented");
	write_text("zero.key", zero, sizeof(zero) - 1);
	bad(parent, 10, "zero.key", "cannot be parsed: the PRIVATE KEY in "
	    "line 1");
	write_text("der.key", der, sizeof(der) - 1);
	bad(parent, 10, "der.key", "has no private key in PEM form: it is in "
	    "DER form, not PEM");
	ATF_REQUIRE((fp = fopen("two.key", "w")) != NULL);
	ATF_REQUIRE(PEM_write_PrivateKey(fp, ec, NULL, NULL, 0, NULL, NULL) ==
	    1);
	ATF_REQUIRE(PEM_write_PrivateKey(fp, ec, NULL, NULL, 0, NULL, NULL) ==
	    1);
	fclose(fp);
	bad(parent, 10, "two.key", "has more than one private key, in line 1 "
	    "and line 7");
}

ATF_TC(bad_keys);
ATF_TC_HEAD(bad_keys, tc)
{
	atf_tc_set_md_var(tc, "descr", "Key files that cannot be used are "
	    "KEYBAD, each with its reason, and good ones still load");
}
ATF_TC_BODY(bad_keys, tc)
{
	static const char	 none[] = "has no private key in PEM form";
	struct parent		 parent;
	struct stat		 sb;
	EVP_PKEY_CTX		*ctx;
	EVP_PKEY		*key, *ec = block_ec(NID_secp384r1);
	char			*big;
	FILE			*fp;

	started(&parent, tc);
	write_key("encrypted.key", ec, "secret");
	bad(&parent, 1, "encrypted.key", "is encrypted");
	key = NULL;
	ATF_REQUIRE((ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL)) !=
	    NULL);
	ATF_REQUIRE(EVP_PKEY_keygen_init(ctx) == 1);
	ATF_REQUIRE(EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	write_key("ed25519.key", key, NULL);
	bad(&parent, 2, "ed25519.key", "is neither an RSA nor an ECDSA key");
	write_key("curve.key", block_ec(NID_secp256k1), NULL);
	bad(&parent, 3, "curve.key",
	    "is on a curve other than P-256, P-384 and P-521");
	write_key("short.key", block_rsa(768), NULL);
	bad(&parent, 4, "short.key", "is an RSA key of less than 1024 or more "
	    "than 8192 bits");
	write_text("garbage.key", "this is no key\n", 15);
	bad(&parent, 5, "garbage.key", none);
	write_text("empty.key", "", 0);
	bad(&parent, 6, "empty.key", "is empty");
	ATF_REQUIRE((fp = fopen("public.key", "w")) != NULL);
	ATF_REQUIRE(PEM_write_PUBKEY(fp, ec) == 1);
	fclose(fp);
	bad(&parent, 7, "public.key", "has no private key, but this: PUBLIC "
	    "KEY");
	ATF_REQUIRE((big = calloc(1, 65537)) != NULL);
	memset(big, '\n', 65537);
	write_text("big.key", big, 65537);
	bad(&parent, 8, "big.key", "is larger than 64 KiB");
	free(big);
	if (proc_takes_directory)
		bad(&parent, 9, ".", "cannot be read: Is a directory");
	/* cut off in the middle */
	write_key("good.key", ec, NULL);
	write_key("cut.key", ec, NULL);
	ATF_REQUIRE(stat("cut.key", &sb) == 0);
	ATF_REQUIRE(truncate("cut.key", sb.st_size / 2) == 0);
	bad(&parent, 10, "cut.key", "is malformed: PRIVATE KEY in line 1 is "
	    "cut off: it has no end");
	several(&parent, ec);
	/* the index of a bad one is free again */
	load(&parent, 10, "good.key", ec);
	run(&parent, NULL, 0);
	parent_end(&parent);
}

ATF_TC(offset);
ATF_TC_HEAD(offset, tc)
{
	atf_tc_set_md_var(tc, "descr", "A key file is read from its beginning "
	    "whatever the offset, which is left where it is");
}
ATF_TC_BODY(offset, tc)
{
	struct wire_keyinfo	 info;
	struct wire_key		 key;
	struct parent		 parent;
	off_t			 end;
	int			 fd, given;

	write_key("good.key", block_ec(NID_X9_62_prime256v1), NULL);
	ATF_REQUIRE((fd = open("good.key", O_RDONLY)) != -1);
	ATF_REQUIRE((end = lseek(fd, 0, SEEK_END)) > 0);
	started(&parent, tc);
	memset(&key, 0, sizeof(key));
	ATF_REQUIRE((given = dup(fd)) != -1);
	parent_send(&parent, WIRE_KEY, given, &key, sizeof(key));
	parent_expect(&parent, WIRE_KEYINFO, &info, sizeof(info));
	ATF_CHECK_EQ(lseek(fd, 0, SEEK_CUR), end);
	parent_end(&parent);
}

ATF_TC(by_hand);
ATF_TC_HEAD(by_hand, tc)
{
	atf_tc_set_md_var(tc, "descr", "Run by hand, without descriptor 3 or "
	    "with a file, a pipe or an Internet socket there, it says so and "
	    "exits 1");
}
ATF_TC_BODY(by_hand, tc)
{
	int	 fds[4], i, p[2];

	ATF_REQUIRE(pipe(p) == 0);
	fds[0] = -1;
	ATF_REQUIRE((fds[1] = open("/dev/null", O_RDWR)) != -1);
	fds[2] = p[0];
	ATF_REQUIRE((fds[3] = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	for (i = 0; i < 4; i++)
		shipped_refuses(tc, parent_helper, fds[i], NULL,
		    "started by securetcpd(8) only");
}

ATF_TC(violations);
ATF_TC_HEAD(violations, tc)
{
	atf_tc_set_md_var(tc, "descr", "What the parent must not say ends the "
	    "signer with FATAL and exit code 2");
}
ATF_TC_BODY(violations, tc)
{
	struct wire_key		 key;
	struct wire_keyinfo	 info;
	struct wire_sign	 sign;
	struct wire_start	 start;
	struct parent		 parent;
	static const uint8_t	 short_raw[] = { WIRE_VERSION, 0 };

	memset(&key, 0, sizeof(key));
	memset(&sign, 0, sizeof(sign));
	memset(&start, 0, sizeof(start));
	write_key("ec.key", block_ec(NID_X9_62_prime256v1), NULL);

	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_KEYS_END, -1, NULL, 0);
	parent_fatal(&parent, "KEYS_END instead of START");

	started(&parent, tc);
	parent_send(&parent, WIRE_SIGN, -1, &sign, sizeof(sign));
	parent_fatal(&parent, "SIGN while loading keys");

	started(&parent, tc);
	parent_send(&parent, WIRE_KEY, -1, &key, sizeof(key));
	parent_fatal(&parent, "KEY without a descriptor");

	started(&parent, tc);
	send_key(&parent, 0x10000, "ec.key");
	parent_fatal(&parent, "KEY 65536: only 65536 are possible");

	started(&parent, tc);
	send_key(&parent, 5, "ec.key");
	parent_expect(&parent, WIRE_KEYINFO, &info, sizeof(info));
	send_key(&parent, 5, "ec.key");
	parent_fatal(&parent, "KEY 5 a second time");

	started(&parent, tc);
	run(&parent, NULL, 0);
	send_key(&parent, 1, "ec.key");
	parent_barred(&parent, "KEY instead of SIGN");

	started(&parent, tc);
	run(&parent, NULL, 0);
	parent_send_raw(&parent, WIRE_SIGN, short_raw, sizeof(short_raw));
	parent_fatal(&parent, "SIGN: ");
}

ATF_TC(version);
ATF_TC_HEAD(version, tc)
{
	atf_tc_set_md_var(tc, "descr", "A START of another protocol version "
	    "is FATAL, with both versions named");
}
ATF_TC_BODY(version, tc)
{
	static const uint8_t	 raw[] = { WIRE_VERSION + 6, 1, 2, 3 };
	struct parent		 parent;
	char			 ours[64];

	parent_spawn(&parent, tc);
	parent_send_raw(&parent, WIRE_START, raw, sizeof(raw));
	snprintf(ours, sizeof(ours), "version %d from securetcpd, this is "
	    "version %d", WIRE_VERSION + 6, WIRE_VERSION);
	parent_fatal(&parent, ours);
}

static void
in_root(void)
{
	if (chdir("/") == -1)
		_exit(125);
}

ATF_TC(not_root);
ATF_TC_HEAD(not_root, tc)
{
	atf_tc_set_md_var(tc, "descr", "Told to stay root, to become root, or "
	    "to be locked into the root directory, it refuses");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(not_root, tc)
{
	struct wire_start	 start;
	struct parent		 parent;

	memset(&start, 0, sizeof(start));
	start.ws_nofile = 16;
	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_START, -1, &start, sizeof(start));
	parent_fatal(&parent, "asked to keep running as root");

	start.ws_flags = WIRE_START_DROP;
	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_START, -1, &start, sizeof(start));
	parent_fatal(&parent, "user 0 group 0");

	start.ws_uid = start.ws_gid = PARENT_UID;
	parent.p_pid = shipped_start(tc, parent_helper, &parent.p_pipe,
	    &parent.p_fd, in_root);
	parent_send(&parent, WIRE_START, -1, &start, sizeof(start));
	parent_fatal(&parent, "chroot or change to user");

	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_START, open("/dev/null", O_RDONLY), &start,
	    sizeof(start));
	parent_fatal(&parent, "START with a descriptor");
}

ATF_TC(ordinary_user);
ATF_TC_HEAD(ordinary_user, tc)
{
	atf_tc_set_md_var(tc, "descr", "Started by an ordinary user it works, "
	    "sandboxed, without chroot and change of user");
	atf_tc_set_md_var(tc, "require.user", "unprivileged");
}
ATF_TC_BODY(ordinary_user, tc)
{
	EVP_PKEY		*ec = block_ec(NID_X9_62_prime256v1);
	struct wire_signed	 answer;
	struct parent		 parent;
	uint8_t			 digest[64];
	char			 sandbox[WIRE_NAME];
	size_t			 len;

	write_key("ec.key", ec, NULL);
	started(&parent, tc);
	load(&parent, 0, "ec.key", ec);
	run(&parent, sandbox, sizeof(sandbox));
	ATF_CHECK_MSG(strncmp(sandbox, "none", 4) != 0, "%s", sandbox);
	len = block_digest(EVP_sha256(), digest);
	signs(&parent, 0, WIRE_KEYTYPE_ECDSA, digest, len, &answer);
	ATF_CHECK(block_verify(ec, EVP_sha256(), 0, answer.wn_data,
	    answer.wn_len));
	parent_end(&parent);
}

ATF_TC(pipe_end);
ATF_TC_HEAD(pipe_end, tc)
{
	atf_tc_set_md_var(tc, "descr", "The end of the pipe ends the signer "
	    "in every state, with exit code 3");
}
ATF_TC_BODY(pipe_end, tc)
{
	struct parent	 parent;

	parent_spawn(&parent, tc);
	parent_end(&parent);
	started(&parent, tc);
	parent_end(&parent);
	started(&parent, tc);
	run(&parent, NULL, 0);
	parent_end(&parent);
}

ATF_TC(process);
ATF_TC_HEAD(process, tc)
{
	atf_tc_set_md_var(tc, "descr", "The running signer is what it was "
	    "told to be: user, group, root directory, title, sandbox, and "
	    "descriptors 0 to 3 only");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(process, tc)
{
	EVP_PKEY	*ec = block_ec(NID_X9_62_prime256v1);
	struct parent	 parent;
	struct stat	 empty;
	char		 sandbox[WIRE_NAME];

	proc_need();
	write_key("ec.key", ec, NULL);
	started(&parent, tc);
	load(&parent, 0, "ec.key", ec);
	run(&parent, sandbox, sizeof(sandbox));
	ATF_CHECK_MSG(strncmp(sandbox, proc_sandbox,
	    strlen(proc_sandbox)) == 0, "%s", sandbox);
	parent_check(&parent, "securetcp-signer: 1", proc_nofile(16), 0);
	ATF_REQUIRE(stat("chroot", &empty) == 0);
	ATF_REQUIRE_EQ(empty.st_ino, proc_root(parent.p_pid));
	parent_end(&parent);
}

ATF_TC(key_file_gone);
ATF_TC_HEAD(key_file_gone, tc)
{
	atf_tc_set_md_var(tc, "descr", "The text of a key file is not in the "
	    "signer's memory any more once the key is loaded");
	atf_tc_set_md_var(tc, "require.user", "root");
}

/* A sanitizer's shadow is larger than any memory. */
#define MAPPING_MAX	((unsigned long)1 << 28)

/* Every writable mapping of the process is searched. */
static int
search_memory(pid_t pid, const char *needle, size_t len, size_t *searched)
{
	struct mem_range	*mr;
	struct mem		 m;
	size_t			 i;
	char			*buf;
	ssize_t			 n;
	int			 found = 0;

	*searched = 0;
	if (mem_open(&m, pid) == -1)
		return (-1);
	for (i = 0; i < m.m_nranges; i++) {
		mr = &m.m_ranges[i];
		if (!mr->mr_data || mr->mr_to - mr->mr_from > MAPPING_MAX)
			continue;
		ATF_REQUIRE((buf = malloc(mr->mr_to - mr->mr_from)) != NULL);
		n = mem_read(&m, buf, mr->mr_to - mr->mr_from, mr->mr_from);
		if (n > 0) {
			*searched += (size_t)n;
			if (memmem(buf, (size_t)n, needle, len) != NULL)
				found = 1;
		}
		free(buf);
	}
	mem_close(&m);
	return (found);
}

/*
 * By a child: OpenBSD gives init a process that was traced by its own
 * parent.
 */
static int
in_memory(pid_t pid, const char *needle, size_t len, size_t *searched)
{
	struct {
		int	 found;
		int	 error;
		size_t	 searched;
	}		 result;
	pid_t		 child;
	int		 p[2], status;

	ATF_REQUIRE(pipe(p) == 0);
	ATF_REQUIRE((child = fork()) != -1);
	if (child == 0) {
		result.found = search_memory(pid, needle, len,
		    &result.searched);
		result.error = errno;
		_exit(write(p[1], &result, sizeof(result)) !=
		    (ssize_t)sizeof(result));
	}
	close(p[1]);
	ATF_REQUIRE(read(p[0], &result, sizeof(result)) ==
	    (ssize_t)sizeof(result));
	close(p[0]);
	ATF_REQUIRE(waitpid(child, &status, 0) == child);
	ATF_REQUIRE_MSG(status == 0, "status %#x", (unsigned int)status);
	if (result.found == -1 && (result.error == EACCES ||
	    result.error == EPERM))
		atf_tc_skip("needs the right to read other processes' memory");
	ATF_REQUIRE_MSG(result.found != -1, "memory: %s",
	    strerror(result.error));
	*searched = result.searched;
	return (result.found);
}

ATF_TC_BODY(key_file_gone, tc)
{
	EVP_PKEY	*rsa = block_rsa(2048);
	struct parent	 parent;
	char		 text[8192], *line;
	size_t		 searched;
	FILE		*fp;

	write_key("rsa.key", rsa, NULL);
	ATF_REQUIRE((fp = fopen("rsa.key", "r")) != NULL);
	text[fread(text, 1, sizeof(text) - 1, fp)] = '\0';
	fclose(fp);
	/* A line from the middle, where the private numbers are. */
	ATF_REQUIRE((line = strchr(text + strlen(text) / 2, '\n')) != NULL);
	line++;
	started(&parent, tc);
	/* It finds what is there: the title is. */
	load(&parent, 0, "rsa.key", rsa);
	ATF_CHECK(in_memory(parent.p_pid, "securetcp-signer: 1", 19,
	    &searched));
	ATF_CHECK(!in_memory(parent.p_pid, line, 32, &searched));
	run(&parent, NULL, 0);
	ATF_CHECK(!in_memory(parent.p_pid, line, 32, &searched));
	ATF_CHECK_MSG(searched > 100000, "%zu", searched);
	parent_end(&parent);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, signatures);
	ATF_TP_ADD_TC(tp, refusals);
	ATF_TP_ADD_TC(tp, bad_keys);
	ATF_TP_ADD_TC(tp, offset);
	ATF_TP_ADD_TC(tp, by_hand);
	ATF_TP_ADD_TC(tp, violations);
	ATF_TP_ADD_TC(tp, version);
	ATF_TP_ADD_TC(tp, not_root);
	ATF_TP_ADD_TC(tp, ordinary_user);
	ATF_TP_ADD_TC(tp, pipe_end);
	ATF_TP_ADD_TC(tp, process);
	ATF_TP_ADD_TC(tp, key_file_gone);
	return (atf_no_error());
}
