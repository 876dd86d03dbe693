/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"
#include "shipped.h"

static void	 become_nobody(void);
static void	 serve_once(const atf_tc_t *);
static void	 expect_fatal(struct fake *, const char *);

ATF_TC(ready);
ATF_TC_HEAD(ready, tc)
{
	atf_tc_set_md_var(tc, "descr", "READY comes once the server block is "
	    "loaded, and names the sandbox in force");
}
ATF_TC_BODY(ready, tc)
{
	struct fake	 fk;
	struct key	 k;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	ATF_CHECK(fk.fk_sandbox[0] != '\0');
	ATF_CHECK(strcmp(fk.fk_sandbox, "none") != 0);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(by_hand);
ATF_TC_HEAD(by_hand, tc)
{
	atf_tc_set_md_var(tc, "descr", "without its pipe as descriptor 3 the "
	    "program says who runs it and exits with 1");
}
ATF_TC_BODY(by_hand, tc)
{
	shipped_refuses(tc, "securetcp-session", -1, NULL,
	    "started by securetcpd(8) only");
}

/* The spawner's last words, and that they are its last. */
static void
expect_fatal(struct fake *fk, const char *text)
{
	int	 status;

	FAKE_WAIT(fk, fk->fk_ended);
	ATF_CHECK_EQ(0, fk->fk_ready);
	if (strstr(fk->fk_fatal, text) == NULL)
		atf_tc_fail_nonfatal("\"%s\" is not in: %s", text,
		    fk->fk_fatal);
	ATF_REQUIRE_EQ(fk->fk_pid, waitpid(fk->fk_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status));
	ATF_CHECK_EQ(2, WEXITSTATUS(status));
	imsgbuf_clear(&fk->fk_pipe);
	(void)close(fk->fk_fd);
}

ATF_TC(bad_chain);
ATF_TC_HEAD(bad_chain, tc)
{
	atf_tc_set_md_var(tc, "descr", "a chain that is unreadable is fatal, "
	    "and FATAL names server and chain");
}
ATF_TC_BODY(bad_chain, tc)
{
	struct wire_server	 wv;
	struct fake		 fk;
	struct key		 k;
	const char		 junk[] = "this is no certificate\n";

	key_make(&k, KEY_P256);
	fake_defaults(&wv);
	fake_launch(&fk, tc, &k);
	fake_identify(&fk);
	fake_configure(&fk, &wv, junk, strlen(junk));
	expect_fatal(&fk, "server www: chain 0");
	key_free(&k);
}

ATF_TC(other_chain);
ATF_TC_HEAD(other_chain, tc)
{
	atf_tc_set_md_var(tc, "descr", "a chain that is not the key's, as "
	    "after the file was replaced, is fatal");
}
ATF_TC_BODY(other_chain, tc)
{
	struct wire_server	 wv;
	struct fake		 fk;
	struct key		 k, other;

	key_make(&k, KEY_P256);
	key_make(&other, KEY_P256);
	fake_defaults(&wv);
	fake_launch(&fk, tc, &k);
	fake_identify(&fk);
	fake_configure(&fk, &wv, other.k_pem, other.k_pemlen);
	expect_fatal(&fk, "does not belong to the key");
	key_free(&k);
	key_free(&other);
}

ATF_TC(large_chain);
ATF_TC_HEAD(large_chain, tc)
{
	atf_tc_set_md_var(tc, "descr", "a chain of more than 1 MiB is fatal");
}
ATF_TC_BODY(large_chain, tc)
{
	struct wire_server	 wv;
	struct fake		 fk;
	struct key		 k;
	size_t			 len = 1024 * 1024 + 1;
	char			*pem;

	key_make(&k, KEY_P256);
	ATF_REQUIRE((pem = malloc(len)) != NULL);
	memset(pem, '\n', len);
	memcpy(pem, k.k_pem, k.k_pemlen);
	fake_defaults(&wv);
	fake_launch(&fk, tc, &k);
	fake_identify(&fk);
	fake_configure(&fk, &wv, pem, len);
	expect_fatal(&fk, "1048577 bytes");
	free(pem);
	key_free(&k);
}

ATF_TC(bad_protocol);
ATF_TC_HEAD(bad_protocol, tc)
{
	atf_tc_set_md_var(tc, "descr", "a protocol the TLS library does not "
	    "know is fatal, and FATAL says so");
}
ATF_TC_BODY(bad_protocol, tc)
{
	struct wire_server	 wv;
	struct fake		 fk;
	struct key		 k;

	key_make(&k, KEY_P256);
	fake_defaults(&wv);
	(void)strlcpy(wv.wv_protocol, "sslv2", sizeof(wv.wv_protocol));
	fake_launch(&fk, tc, &k);
	fake_identify(&fk);
	fake_configure(&fk, &wv, k.k_pem, k.k_pemlen);
	expect_fatal(&fk, "server www: protocol");
	key_free(&k);
}

ATF_TC(no_chain);
ATF_TC_HEAD(no_chain, tc)
{
	atf_tc_set_md_var(tc, "descr", "SERVER_END without a chain is fatal");
}
ATF_TC_BODY(no_chain, tc)
{
	struct wire_server	 wv;
	struct fake		 fk;
	struct key		 k;

	key_make(&k, KEY_P256);
	fake_defaults(&wv);
	fake_launch(&fk, tc, &k);
	fake_identify(&fk);
	ATF_REQUIRE_EQ(0, wire_send(&fk.fk_pipe, WIRE_SERVER, -1, &wv,
	    sizeof(wv)));
	ATF_REQUIRE_EQ(0, wire_send(&fk.fk_pipe, WIRE_SERVER_END, -1, NULL,
	    0));
	expect_fatal(&fk, "no certificate chain");
	key_free(&k);
}

ATF_TC(out_of_order);
ATF_TC_HEAD(out_of_order, tc)
{
	atf_tc_set_md_var(tc, "descr", "FORK before SERVER is fatal");
}
ATF_TC_BODY(out_of_order, tc)
{
	struct fake	 fk;
	struct key	 k;

	key_make(&k, KEY_P256);
	fake_launch(&fk, tc, &k);
	fake_identify(&fk);
	(void)fake_fork_nowait(&fk);
	expect_fatal(&fk, "FORK where SERVER was expected");
	key_free(&k);
}

ATF_TC(exits);
ATF_TC_HEAD(exits, tc)
{
	atf_tc_set_md_var(tc, "descr", "100 sessions are forked and, when "
	    "told to end, each is reported once with code 0");
}
ATF_TC_BODY(exits, tc)
{
	struct fake	 fk;
	struct key	 k;
	size_t		 i;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	for (i = 0; i < 100; i++)
		(void)fake_fork_nowait(&fk);
	for (i = 0; i < 100; i++)
		FAKE_WAIT(&fk, fk.fk_sessions[i]->fs_forked);
	for (i = 0; i < 100; i++)
		fake_close(fk.fk_sessions[i]);
	for (i = 0; i < 100; i++) {
		FAKE_WAIT(&fk, fk.fk_sessions[i]->fs_exited);
		ATF_CHECK_EQ(0, fk.fk_sessions[i]->fs_exit.we_signal);
		ATF_CHECK_EQ(0, fk.fk_sessions[i]->fs_exit.we_code);
	}
	ATF_CHECK_EQ(0, fk.fk_stray);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(kill);
ATF_TC_HEAD(kill, tc)
{
	atf_tc_set_md_var(tc, "descr", "KILL ends the named session by "
	    "signal 9 and no other; a number unknown or gone is no error");
}
ATF_TC_BODY(kill, tc)
{
	struct fake		 fk;
	struct fake_session	*fs, *other;
	struct key		 k;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	other = fake_fork(&fk);
	fake_kill(&fk, 4711);
	fake_kill(&fk, fs->fs_id);
	FAKE_WAIT(&fk, fs->fs_exited);
	ATF_CHECK_EQ(SIGKILL, fs->fs_exit.we_signal);
	fake_kill(&fk, fs->fs_id);
	fake_close(other);
	FAKE_WAIT(&fk, other->fs_exited);
	ATF_CHECK_EQ(0, other->fs_exit.we_signal);
	ATF_CHECK_EQ(0, fk.fk_stray);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(crash);
ATF_TC_HEAD(crash, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session that dies of SIGSEGV is "
	    "reported with the signal at once, without the batch's delay, "
	    "and the spawner goes on");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(crash, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	int64_t			 start, took, least = INT64_MAX;
	pid_t			 pid;
	int			 i;

	proc_need();
	/* A sanitizer would make an exit of it. */
	ATF_REQUIRE_EQ(0, setenv("ASAN_OPTIONS", "handle_segv=0", 1));
	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	/* One may be late on a busy machine; a batch makes all of them so. */
	for (i = 0; i < 5; i++) {
		fs = fake_fork(&fk);
		FAKE_WAIT(&fk, (pid = fake_process(&fk, fs, "idle")) != 0);
		start = fake_now();
		ATF_REQUIRE_EQ(0, kill(pid, SIGSEGV));
		FAKE_WAIT(&fk, fs->fs_exited);
		ATF_CHECK_EQ(SIGSEGV, fs->fs_exit.we_signal);
		if ((took = fake_now() - start) < least)
			least = took;
	}
	ATF_CHECK(least < 150);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(signals);
ATF_TC_HEAD(signals, tc)
{
	atf_tc_set_md_var(tc, "descr", "SIGHUP, SIGINT and SIGTERM are the "
	    "parent's affair: a session works on after them");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(signals, tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;
	pid_t		 pid;

	proc_need();
	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	client_connect(&c, &fk, NULL);
	FAKE_WAIT(&fk, (pid = fake_process(&fk, c.c_session,
	    "connected")) != 0);
	ATF_REQUIRE_EQ(0, kill(pid, SIGHUP));
	ATF_REQUIRE_EQ(0, kill(pid, SIGINT));
	ATF_REQUIRE_EQ(0, kill(pid, SIGTERM));
	ATF_REQUIRE_EQ(0, kill(fk.fk_pid, SIGTERM));
	client_write(&c, "still here", 10);
	client_expect(&c, "still here");
	client_close(&c);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(descriptors);
ATF_TC_HEAD(descriptors, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session holds 0, 1 and 2 "
	    "(/dev/null), its pipe as 3, its client and its backend, and "
	    "two sessions share none of these but /dev/null");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(descriptors, tc)
{
	struct fake	 fk;
	struct client	 c[2];
	struct key	 k;
	struct proc_file files[2][16], *pf;
	int		 backend[2];
	size_t		 i, j, n[2], seen;
	pid_t		 pid;

	proc_need();
	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	for (i = 0; i < 2; i++) {
		client_connect(&c[i], &fk, &backend[i]);
		client_write(&c[i], "x", 1);
		backend_expect(&fk, backend[i], "x");
	}
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE((pid = fake_process(&fk, c[i].c_session,
		    "connected")) != 0);
		n[i] = proc_files(pid, files[i], 16);
		ATF_CHECK_EQ(6, n[i]);
		for (seen = 0, j = 0; j < n[i]; j++) {
			pf = &files[i][j];
			ATF_CHECK_EQ_MSG(pf->pf_fd <= 2 ? PROC_NULL :
			    PROC_SOCKET, pf->pf_kind, "%d is %s", pf->pf_fd,
			    pf->pf_name);
			ATF_REQUIRE(pf->pf_fd >= 0 && pf->pf_fd <= 5);
			seen |= (size_t)1 << pf->pf_fd;
		}
		ATF_CHECK_EQ(0x3f, seen);
	}
	for (i = 0; i < n[0]; i++) {
		for (j = 0; j < n[1]; j++) {
			if (files[0][i].pf_fd > 2 && files[1][j].pf_fd > 2)
				ATF_CHECK(strcmp(files[0][i].pf_name,
				    files[1][j].pf_name) != 0);
		}
	}
	for (i = 0; i < 2; i++) {
		client_close(&c[i]);
		(void)close(backend[i]);
	}
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(idle_descriptors);
ATF_TC_HEAD(idle_descriptors, tc)
{
	atf_tc_set_md_var(tc, "descr", "an idle session, also one forked "
	    "beside 50 others, holds 0 to 3 and nothing else");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(idle_descriptors, tc)
{
	struct fake		 fk;
	struct fake_session	*fs = NULL;
	struct key		 k;
	struct proc_file	 files[16];
	pid_t			 pid;
	int			 i;

	proc_need();
	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	for (i = 0; i < 51; i++)
		fs = fake_fork_nowait(&fk);
	FAKE_WAIT(&fk, fs->fs_forked);
	FAKE_WAIT(&fk, (pid = fake_process(&fk, fs, "idle")) != 0);
	ATF_CHECK_EQ(4, proc_files(pid, files, 16));
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(locked);
ATF_TC_HEAD(locked, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session started by root has nobody's "
	    "user and group id, no privileges and its sandbox: on Linux "
	    "no_new_privs and a seccomp filter, capability mode, a pledge");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(locked, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	struct proc_info	 pr;
	pid_t			 pid;
	int			 i;

	proc_need();
	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	fs = fake_fork(&fk);
	FAKE_WAIT(&fk, (pid = fake_process(&fk, fs, "idle")) != 0);
	ATF_REQUIRE_EQ(0, proc_get(pid, &pr));
	for (i = 0; i < 3; i++) {
		ATF_CHECK_EQ(FAKE_NOBODY, pr.pr_uid[i]);
		ATF_CHECK_EQ(FAKE_NOBODY, pr.pr_gid[i]);
	}
	ATF_CHECK_MSG(pr.pr_sandboxed, "%s", pr.pr_bounds);
	ATF_CHECK(!pr.pr_capable);
	fake_stop(&fk);
	key_free(&k);
}

static void
become_nobody(void)
{
	if (setgroups(0, NULL) == -1 || setgid(FAKE_NOBODY) == -1 ||
	    setuid(FAKE_NOBODY) == -1)
		_exit(1);
}

static void
serve_once(const atf_tc_t *tc)
{
	struct fake	 fk;
	struct client	 c;
	struct key	 k;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	ATF_CHECK(strcmp(fk.fk_sandbox, "none") != 0);
	client_connect(&c, &fk, NULL);
	client_write(&c, "hello", 5);
	client_expect(&c, "hello");
	client_close(&c);
	FAKE_WAIT(&fk, c.c_session->fs_done);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(ordinary_user);
ATF_TC_HEAD(ordinary_user, tc)
{
	atf_tc_set_md_var(tc, "descr", "started by an ordinary user, without "
	    "chroot and change of user, it serves all the same");
}
ATF_TC_BODY(ordinary_user, tc)
{
	int	 status;
	pid_t	 pid;

	if (geteuid() != 0) {
		serve_once(tc);
		return;
	}
	/* The test itself has to stay root, or it could not tell. */
	ATF_REQUIRE_EQ(0, chmod(".", 0777));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		become_nobody();
		serve_once(tc);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

ATF_TC(deaf_parent);
ATF_TC_HEAD(deaf_parent, tc)
{
	atf_tc_set_md_var(tc, "descr", "a parent that takes no answers for a "
	    "while gets every one of them later");
}
ATF_TC_BODY(deaf_parent, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	size_t			 i;

	key_make(&k, KEY_P256);
	fake_start(&fk, tc, &k, NULL);
	for (i = 0; i < 200; i++) {
		fs = fake_fork_nowait(&fk);
		fake_close(fs);
		/* Orders go out, nothing is read. */
		ATF_REQUIRE_EQ(0, imsgbuf_flush(&fk.fk_pipe));
		(void)imsgbuf_write(&fs->fs_pipe);
	}
	for (i = 0; i < 200; i++)
		FAKE_WAIT(&fk, fk.fk_sessions[i]->fs_exited);
	ATF_CHECK_EQ(0, fk.fk_stray);
	fake_stop(&fk);
	key_free(&k);
}

ATF_TC(unforked);
ATF_TC_HEAD(unforked, tc)
{
	atf_tc_set_md_var(tc, "descr", "a fork that fails is answered with "
	    "UNFORKED and its errno, and the spawner goes on");
}
ATF_TC_BODY(unforked, tc)
{
	struct fake		 fk;
	struct fake_session	*fs;
	struct key		 k;
	int			 i;

	key_make(&k, KEY_P256);
	fake_nofork = 1;
	fake_start(&fk, tc, &k, NULL);
	for (i = 0; i < 2; i++) {
		fs = fake_fork_nowait(&fk);
		FAKE_WAIT(&fk, fs->fs_unforked != 0);
		ATF_CHECK_EQ(EAGAIN, fs->fs_unforked);
		ATF_CHECK_EQ(0, fs->fs_forked);
		FAKE_WAIT(&fk, fs->fs_ended);
	}
	fake_stop(&fk);
	key_free(&k);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ready);
	ATF_TP_ADD_TC(tp, by_hand);
	ATF_TP_ADD_TC(tp, bad_chain);
	ATF_TP_ADD_TC(tp, other_chain);
	ATF_TP_ADD_TC(tp, large_chain);
	ATF_TP_ADD_TC(tp, bad_protocol);
	ATF_TP_ADD_TC(tp, no_chain);
	ATF_TP_ADD_TC(tp, out_of_order);
	ATF_TP_ADD_TC(tp, exits);
	ATF_TP_ADD_TC(tp, kill);
	ATF_TP_ADD_TC(tp, crash);
	ATF_TP_ADD_TC(tp, signals);
	ATF_TP_ADD_TC(tp, descriptors);
	ATF_TP_ADD_TC(tp, idle_descriptors);
	ATF_TP_ADD_TC(tp, locked);
	ATF_TP_ADD_TC(tp, ordinary_user);
	ATF_TP_ADD_TC(tp, deaf_parent);
	ATF_TP_ADD_TC(tp, unforked);
	return (atf_no_error());
}
