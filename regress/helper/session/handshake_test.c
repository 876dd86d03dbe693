/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"
#include "securetcp.h"

static void	 handshake(const atf_tc_t *, enum key_kind, const char *,
		    const char *);
static void	 expect_done(struct fake *, struct fake_session *, uint32_t,
		    const char *);

static void
handshake(const atf_tc_t *tc, enum key_kind kind, const char *protocol,
    const char *version)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	key_make(&k, kind);
	fake_start(&fk, tc, &k, NULL);
	client_open(&c, &fk, protocol);
	client_handshake(&c);
	ATF_CHECK_EQ(1, c.c_session->fs_asked);
	ATF_CHECK_STREQ(version, c.c_session->fs_info.wh_version);
	ATF_CHECK(c.c_session->fs_info.wh_cipher[0] != '\0');
	ATF_CHECK_STREQ("session.test", c.c_session->fs_info.wh_servername);
	ATF_CHECK_STREQ("", c.c_session->fs_info.wh_alpn);
	fake_accept(c.c_session, -1);
	client_write(&c, "hello", 5);
	client_expect(&c, "hello");
	client_shut(&c);
	ATF_CHECK(client_end(&c));
	FAKE_WAIT(&fk, c.c_session->fs_done);
	ATF_CHECK_EQ(0, c.c_session->fs_result.wd_error);
	ATF_CHECK_EQ(5, c.c_session->fs_result.wd_in);
	ATF_CHECK_EQ(5, c.c_session->fs_result.wd_out);
	ATF_CHECK_EQ(0, c.c_session->fs_result.wd_flags);
	FAKE_WAIT(&fk, c.c_session->fs_exited);
	ATF_CHECK_EQ(0, c.c_session->fs_exit.we_code);
	ATF_CHECK_EQ(0, c.c_session->fs_exit.we_signal);
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

/* "" for a reason: any, but there must be one; NULL: none. */
static void
expect_done(struct fake *fk, struct fake_session *fs, uint32_t error,
    const char *reason)
{
	FAKE_WAIT(fk, fs->fs_done);
	ATF_CHECK_EQ(error, fs->fs_result.wd_error);
	if (reason == NULL)
		ATF_CHECK_STREQ("", fs->fs_result.wd_reason);
	else if (reason[0] == '\0')
		ATF_CHECK(fs->fs_result.wd_reason[0] != '\0');
	else
		ATF_CHECK_STREQ(reason, fs->fs_result.wd_reason);
	FAKE_WAIT(fk, fs->fs_exited);
	ATF_CHECK_EQ(0, fs->fs_exit.we_signal);
	ATF_CHECK_EQ(0, fs->fs_exit.we_code);
}

ATF_TC(p256_tls13);
ATF_TC_HEAD(p256_tls13, tc)
{
	atf_tc_set_md_var(tc, "descr", "TLS 1.3 with an ECDSA P-256 key that "
	    "only the parent has");
}
ATF_TC_BODY(p256_tls13, tc)
{
	handshake(tc, KEY_P256, "tlsv1.3", "TLSv1.3");
}

ATF_TC(p256_tls12);
ATF_TC_HEAD(p256_tls12, tc)
{
	atf_tc_set_md_var(tc, "descr", "TLS 1.2 with an ECDSA P-256 key that "
	    "only the parent has");
}
ATF_TC_BODY(p256_tls12, tc)
{
	handshake(tc, KEY_P256, "tlsv1.2", "TLSv1.2");
}

ATF_TC(p384_tls13);
ATF_TC_HEAD(p384_tls13, tc)
{
	atf_tc_set_md_var(tc, "descr", "TLS 1.3 with an ECDSA P-384 key that "
	    "only the parent has");
}
ATF_TC_BODY(p384_tls13, tc)
{
	handshake(tc, KEY_P384, "tlsv1.3", "TLSv1.3");
}

ATF_TC(rsa_tls13);
ATF_TC_HEAD(rsa_tls13, tc)
{
	atf_tc_set_md_var(tc, "descr", "TLS 1.3 with an RSA key that only the "
	    "parent has");
}
ATF_TC_BODY(rsa_tls13, tc)
{
	handshake(tc, KEY_RSA2048, "tlsv1.3", "TLSv1.3");
}

ATF_TC(rsa_tls12);
ATF_TC_HEAD(rsa_tls12, tc)
{
	atf_tc_set_md_var(tc, "descr", "TLS 1.2 with an RSA key that only the "
	    "parent has");
}
ATF_TC_BODY(rsa_tls12, tc)
{
	handshake(tc, KEY_RSA2048, "tlsv1.2", "TLSv1.2");
}

ATF_TC(no_signature);
ATF_TC_HEAD(no_signature, tc)
{
	atf_tc_set_md_var(tc, "descr", "NOSIGNATURE fails the handshake with "
	    "ptNoCertificate and the reason it gave");
}
ATF_TC_BODY(no_signature, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	char		 byte;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fk.fk_sign = FAKE_NOSIGN;
	client_open(&c, &fk, "secure");
	ATF_CHECK_EQ(-1, client_read_some(&c, &byte, 1));
	expect_done(&fk, c.c_session, ptNoCertificate,
	    "signer: no such key");
	ATF_CHECK_EQ(0, c.c_session->fs_result.wd_flags);
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(long_signature);
ATF_TC_HEAD(long_signature, tc)
{
	atf_tc_set_md_var(tc, "descr", "a signature longer than the key "
	    "allows fails the handshake and harms nothing");
}
ATF_TC_BODY(long_signature, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fk.fk_sign = FAKE_LONG;
	client_open(&c, &fk, "secure");
	(void)client_end(&c);
	expect_done(&fk, c.c_session, ptNoCertificate,
	    "the signer's answer has an impossible length");
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(sign_deadline);
ATF_TC_HEAD(sign_deadline, tc)
{
	atf_tc_set_md_var(tc, "descr", "a signature that does not come ends "
	    "with the handshake timer");
}
ATF_TC_BODY(sign_deadline, tc)
{
	struct wire_server	 wv;
	struct fake		 fk;
	struct client		 c;
	struct key		 k;

	key_make(&k, KEY_P256);
	fake_defaults(&wv);
	wv.wv_handshake = 1000;
	fake_start(&fk, tc, &k, &wv);
	fk.fk_sign = FAKE_HOLD;
	client_open(&c, &fk, "secure");
	(void)client_end(&c);
	expect_done(&fk, c.c_session, ptTimeout, "handshake timer, 1 second");
	ATF_CHECK_EQ(1, c.c_session->fs_asked);
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(refused_signing);
ATF_TC_HEAD(refused_signing, tc)
{
	atf_tc_set_md_var(tc, "descr", "REFUSE while a signature is awaited "
	    "ends the session with the error and reason it gave");
}
ATF_TC_BODY(refused_signing, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	int64_t		 end = fake_now() + FAKE_PATIENCE;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fk.fk_sign = FAKE_HOLD;
	client_open(&c, &fk, "secure");
	while (!c.c_session->fs_asked && fake_now() < end) {
		client_handshake_step(&c);
		fake_turn(&fk, NULL, 0, 10);
	}
	fake_refuse(c.c_session, ptTimeout, "handshake timer, 10 seconds");
	expect_done(&fk, c.c_session, ptTimeout, "handshake timer, 10 seconds");
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(refused_connecting);
ATF_TC_HEAD(refused_connecting, tc)
{
	atf_tc_set_md_var(tc, "descr", "REFUSE before the peer said a word "
	    "ends the session with the error and reason it gave");
}
ATF_TC_BODY(refused_connecting, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	int			 fd[2];

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	fake_refuse(fs, ptTimeout, "handshake timer, 10 seconds");
	expect_done(&fk, fs, ptTimeout, "handshake timer, 10 seconds");
	ATF_CHECK_EQ(WIRE_DONE_SILENT, fs->fs_result.wd_flags);
	ATF_CHECK(backend_end(&fk, fd[0]));
	(void)close(fd[0]);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(refused_waiting);
ATF_TC_HEAD(refused_waiting, tc)
{
	atf_tc_set_md_var(tc, "descr", "REFUSE after ESTABLISHED closes with "
	    "close_notify and repeats error and reason in DONE");
}
ATF_TC_BODY(refused_waiting, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	client_open(&c, &fk, "secure");
	client_handshake(&c);
	fake_refuse(c.c_session, ptConnectionRefused,
	    "backend 127.0.0.1:80: Connection refused");
	ATF_CHECK(client_end(&c));
	client_shut(&c);
	expect_done(&fk, c.c_session, ptConnectionRefused,
	    "backend 127.0.0.1:80: Connection refused");
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(closed_connecting);
ATF_TC_HEAD(closed_connecting, tc)
{
	atf_tc_set_md_var(tc, "descr", "CLOSE in the handshake is an abort");
}
ATF_TC_BODY(closed_connecting, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	int			 fd[2];

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	fake_close(fs);
	expect_done(&fk, fs, ptAbort, "closed on request");
	(void)close(fd[0]);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(not_tls);
ATF_TC_HEAD(not_tls, tc)
{
	atf_tc_set_md_var(tc, "descr", "plain HTTP is ptProtocol with a "
	    "reason, and was not silent");
}
ATF_TC_BODY(not_tls, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	const char		 get[] = "GET / HTTP/1.0\r\n\r\n";
	int			 fd[2];

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	backend_write(&fk, fd[0], get, strlen(get));
	expect_done(&fk, fs, ptProtocol, "");
	ATF_CHECK_EQ(0, fs->fs_result.wd_flags & WIRE_DONE_SILENT);
	(void)close(fd[0]);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(silent);
ATF_TC_HEAD(silent, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that leaves without a byte is "
	    "no error, and DONE says that it was silent");
}
ATF_TC_BODY(silent, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	int			 fd[2];

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	(void)close(fd[0]);
	FAKE_WAIT(&fk, fs->fs_done);
	ATF_CHECK_EQ(0, fs->fs_result.wd_error);
	ATF_CHECK(fs->fs_result.wd_flags & WIRE_DONE_SILENT);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(half_hello);
ATF_TC_HEAD(half_hello, tc)
{
	atf_tc_set_md_var(tc, "descr", "a peer that leaves in the middle of "
	    "the handshake is ptConnectionAborted");
}
ATF_TC_BODY(half_hello, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	const uint8_t		 hello[] = { 22, 3, 1, 1, 0, 1, 0, 0, 0xfc };
	int			 fd[2];

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	backend_write(&fk, fd[0], hello, sizeof(hello));
	(void)close(fd[0]);
	expect_done(&fk, fs, ptConnectionAborted, "");
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(titles);
ATF_TC_HEAD(titles, tc)
{
	atf_tc_set_md_var(tc, "descr", "the title of a session tells number, "
	    "server and state: idle, connecting, connected");
}
ATF_TC_BODY(titles, tc)
{
	struct fake		 fk;
	struct client		 c;
	struct fake_session	*fs;
	struct key		 k;
	int			 fd[2];

	proc_need();
	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	FAKE_WAIT(&fk, fake_process(&fk, fs, "idle") != 0);
	socket_pair(fd);
	fake_adopt(fs, fd[1]);
	FAKE_WAIT(&fk, fake_process(&fk, fs, "connecting") != 0);
	client_connect(&c, &fk, NULL);
	FAKE_WAIT(&fk, fake_process(&fk, c.c_session, "connected") != 0);
	client_close(&c);
	(void)close(fd[0]);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, p256_tls13);
	ATF_TP_ADD_TC(tp, p256_tls12);
	ATF_TP_ADD_TC(tp, p384_tls13);
	ATF_TP_ADD_TC(tp, rsa_tls13);
	ATF_TP_ADD_TC(tp, rsa_tls12);
	ATF_TP_ADD_TC(tp, no_signature);
	ATF_TP_ADD_TC(tp, long_signature);
	ATF_TP_ADD_TC(tp, sign_deadline);
	ATF_TP_ADD_TC(tp, refused_signing);
	ATF_TP_ADD_TC(tp, refused_connecting);
	ATF_TP_ADD_TC(tp, refused_waiting);
	ATF_TP_ADD_TC(tp, closed_connecting);
	ATF_TP_ADD_TC(tp, not_tls);
	ATF_TP_ADD_TC(tp, silent);
	ATF_TP_ADD_TC(tp, half_hello);
	ATF_TP_ADD_TC(tp, titles);
	return (atf_no_error());
}
