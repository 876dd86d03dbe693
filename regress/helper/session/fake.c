/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"
#include "securetcp.h"
#include "shipped.h"

static void	 fake_prepare(void);
static void	 fake_spawner(struct fake *);
static void	 fake_spawner_message(struct fake *, struct imsg *);
static struct fake_session
		*fake_find(struct fake *, uint64_t);
static void	 fake_session(struct fake *, struct fake_session *);
static void	 fake_session_message(struct fake *, struct fake_session *,
		    struct imsg *);
static void	 fake_answer(struct fake *, struct fake_session *);
static void	 fake_judge(struct fake *, struct fake_session *);

int	 fake_nofork;

int64_t
fake_now(void)
{
	struct timespec	 ts;

	ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_MONOTONIC, &ts));
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Milliseconds until a wait has failed; for more of them see mk/runatf.sh. */
int64_t
fake_patience(void)
{
	const char	*slow = getenv("RUNATF_SLOW");

	return (slow != NULL && atoi(slow) > 1 ? 20000 * (int64_t)atoi(slow) :
	    20000);
}

void
fake_defaults(struct wire_server *wv)
{
	memset(wv, 0, sizeof(*wv));
	(void)strlcpy(wv->wv_name, "www", sizeof(wv->wv_name));
	(void)strlcpy(wv->wv_protocol, "secure", sizeof(wv->wv_protocol));
	(void)strlcpy(wv->wv_ciphers, "secure", sizeof(wv->wv_ciphers));
	wv->wv_handshake = 10000;
	wv->wv_idle = 60000;
	wv->wv_close = 5000;
}

static void
fake_prepare(void)
{
	struct rlimit	 rl;

	rl.rlim_cur = rl.rlim_max = 0;
	shipped_chroot();
	if (fake_nofork && setrlimit(RLIMIT_NPROC, &rl) == -1)
		_exit(125);
}

/* The process, with nothing said to it yet. */
void
fake_launch(struct fake *fk, const atf_tc_t *tc, struct key *k)
{
	struct rlimit	 rl;

	/* OpenBSD lets an ordinary shell have 128 descriptors. */
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	memset(fk, 0, sizeof(*fk));
	fk->fk_tc = tc;
	fk->fk_key = k;
	fk->fk_next = 17;
	fk->fk_pid = shipped_start(tc, "securetcp-session", &fk->fk_pipe,
	    &fk->fk_fd, fake_prepare);
	ATF_REQUIRE(fcntl(fk->fk_fd, F_SETFL, O_NONBLOCK) != -1);
}

/* Root gives itself up, as the parent does; anyone else stays who he is. */
void
fake_identify(struct fake *fk)
{
	struct wire_start	 ws;

	memset(&ws, 0, sizeof(ws));
	ws.ws_nofile = 256;
	(void)strlcpy(ws.ws_title, "securetcp-spawner: www",
	    sizeof(ws.ws_title));
	if (geteuid() == 0) {
		ws.ws_flags |= WIRE_START_DROP;
		ws.ws_uid = ws.ws_gid = FAKE_NOBODY;
	}
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, WIRE_START, -1, &ws,
	    sizeof(ws)));
}

void
fake_configure(struct fake *fk, const struct wire_server *wv,
    const char *pem, size_t len)
{
	struct wire_chain	 wc;
	int			 fd;

	ATF_REQUIRE((fd = open("chain.pem", O_RDWR | O_CREAT | O_TRUNC,
	    0644)) != -1);
	/* The offset stays at the end: it must be read by position. */
	ATF_REQUIRE_EQ((ssize_t)len, write(fd, pem, len));
	memset(&wc, 0, sizeof(wc));
	memcpy(wc.wc_id, fk->fk_key->k_id, sizeof(wc.wc_id));
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, WIRE_SERVER, -1, wv,
	    sizeof(*wv)));
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, WIRE_CHAIN, fd, &wc,
	    sizeof(wc)));
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, WIRE_SERVER_END, -1, NULL,
	    0));
}

/* A spawner that is ready; NULL for the usual server block. */
void
fake_start(struct fake *fk, const atf_tc_t *tc, struct key *k,
    const struct wire_server *wv)
{
	struct wire_server	 usual;

	if (wv == NULL) {
		fake_defaults(&usual);
		wv = &usual;
	}
	fake_launch(fk, tc, k);
	fake_identify(fk);
	fake_configure(fk, wv, k->k_pem, k->k_pemlen);
	FAKE_WAIT(fk, fk->fk_ready || fk->fk_ended);
	if (!fk->fk_ready)
		atf_tc_fail("no spawner: %s", fk->fk_fatal);
}

/* Ends the pipe and everything with it; it has to leave of its own. */
void
fake_stop(struct fake *fk)
{
	int	 status;
	size_t	 i;

	for (i = 0; i < fk->fk_nsessions; i++) {
		fake_hangup(fk->fk_sessions[i]);
		free(fk->fk_sessions[i]);
	}
	fk->fk_nsessions = 0;
	imsgbuf_clear(&fk->fk_pipe);
	(void)close(fk->fk_fd);
	ATF_REQUIRE_EQ(fk->fk_pid, waitpid(fk->fk_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status));
}

struct fake_session *
fake_fork_nowait(struct fake *fk)
{
	struct fake_session	*fs;
	struct wire_id		 wx;
	int			 sv[2];

	ATF_REQUIRE(fk->fk_nsessions < FAKE_SESSIONS);
	ATF_REQUIRE((fs = calloc(1, sizeof(*fs))) != NULL);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ATF_REQUIRE(fcntl(sv[0], F_SETFL, O_NONBLOCK) != -1);
	ATF_REQUIRE(fcntl(sv[1], F_SETFL, O_NONBLOCK) != -1);
	ATF_REQUIRE(fcntl(sv[0], F_SETFD, FD_CLOEXEC) != -1);
	fs->fs_id = fk->fk_next++;
	fs->fs_fd = sv[0];
	fs->fs_phase = PHASE_IDLE;
	ATF_REQUIRE_EQ(0, imsgbuf_init(&fs->fs_pipe, fs->fs_fd));
	imsgbuf_allow_fdpass(&fs->fs_pipe);
	fk->fk_sessions[fk->fk_nsessions++] = fs;
	memset(&wx, 0, sizeof(wx));
	wx.wx_session = fs->fs_id;
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, WIRE_FORK, sv[1], &wx,
	    sizeof(wx)));
	return (fs);
}

struct fake_session *
fake_fork(struct fake *fk)
{
	struct fake_session	*fs;

	fs = fake_fork_nowait(fk);
	FAKE_WAIT(fk, fs->fs_forked);
	return (fs);
}

void
fake_order(struct fake_session *fs, enum wire_type type, int fd,
    const void *payload, size_t size)
{
	ATF_REQUIRE_EQ(0, wire_send(&fs->fs_pipe, type, fd, payload, size));
}

void
fake_adopt(struct fake_session *fs, int fd)
{
	struct wire_adopt	 wad;

	memset(&wad, 0, sizeof(wad));
	fake_order(fs, WIRE_ADOPT, fd, &wad, sizeof(wad));
	fs->fs_phase = PHASE_HANDSHAKE;
}

/* With a descriptor the relay, without one echo. */
void
fake_accept(struct fake_session *fs, int fd)
{
	struct wire_accept	 wa;

	memset(&wa, 0, sizeof(wa));
	wa.wa_mode = fd == -1 ? WIRE_MODE_ECHO : WIRE_MODE_BACKEND;
	fake_order(fs, WIRE_ACCEPT, fd, &wa, sizeof(wa));
	fs->fs_phase = PHASE_CONNECTED;
}

void
fake_refuse(struct fake_session *fs, uint32_t error, const char *reason)
{
	struct wire_refuse	 wo;

	memset(&wo, 0, sizeof(wo));
	wo.wo_error = error;
	(void)strlcpy(wo.wo_reason, reason, sizeof(wo.wo_reason));
	fake_order(fs, WIRE_REFUSE, -1, &wo, sizeof(wo));
}

void
fake_close(struct fake_session *fs)
{
	fake_order(fs, WIRE_CLOSE, -1, NULL, 0);
}

void
fake_kill(struct fake *fk, uint64_t id)
{
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = id;
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, WIRE_KILL, -1, &wx,
	    sizeof(wx)));
}

void
fake_hangup(struct fake_session *fs)
{
	if (fs->fs_fd == -1)
		return;
	imsgbuf_clear(&fs->fs_pipe);
	(void)close(fs->fs_fd);
	fs->fs_fd = -1;
}

/*
 * Whose child it is tells this test's session 17 from that of another test.
 */
pid_t
fake_process(const struct fake *fk, const struct fake_session *fs,
    const char *state)
{
	char	 title[128];

	(void)snprintf(title, sizeof(title), "securetcp-session: %llu www%s%s",
	    (unsigned long long)fs->fs_id, state == NULL ? "" : " ",
	    state == NULL ? "" : state);
	return (proc_child(fk->fk_pid, title, state != NULL));
}

/* One poll over all pipes and what the caller wants to know of. */
void
fake_turn(struct fake *fk, struct pollfd *extra, nfds_t nextra, int timeout)
{
	static struct pollfd	 pfd[1 + FAKE_SESSIONS + 4];
	struct fake_session	*fs;
	nfds_t			 i, n = fk->fk_nsessions;

	ATF_REQUIRE(nextra <= 4);
	pfd[0].fd = fk->fk_ended ? -1 : fk->fk_fd;
	pfd[0].events = POLLIN;
	if (imsgbuf_queuelen(&fk->fk_pipe) > 0)
		pfd[0].events |= POLLOUT;
	for (i = 0; i < n; i++) {
		fs = fk->fk_sessions[i];
		pfd[1 + i].fd = fs->fs_ended ? -1 : fs->fs_fd;
		pfd[1 + i].events = POLLIN;
		/* Of one that was cleared nothing may be asked. */
		if (fs->fs_fd != -1 && imsgbuf_queuelen(&fs->fs_pipe) > 0)
			pfd[1 + i].events |= POLLOUT;
	}
	for (i = 0; i < nextra; i++)
		pfd[1 + n + i] = extra[i];
	for (i = 0; i < 1 + n + nextra; i++)
		pfd[i].revents = 0;
	if (poll(pfd, 1 + n + nextra, timeout) == -1) {
		ATF_REQUIRE_EQ(EINTR, errno);
		return;
	}
	for (i = 0; i < nextra; i++)
		extra[i].revents = pfd[1 + n + i].revents;
	if (pfd[0].revents & POLLOUT)
		(void)imsgbuf_write(&fk->fk_pipe);
	if (pfd[0].revents & ~POLLOUT)
		fake_spawner(fk);
	for (i = 0; i < n; i++) {
		fs = fk->fk_sessions[i];
		/* It may be gone: its EXITED will tell. */
		if (pfd[1 + i].revents & POLLOUT)
			(void)imsgbuf_write(&fs->fs_pipe);
		if (pfd[1 + i].revents & ~POLLOUT)
			fake_session(fk, fs);
	}
}

static void
fake_spawner(struct fake *fk)
{
	struct imsg	 imsg;
	int		 n;

	if (imsgbuf_read(&fk->fk_pipe) != 1)
		fk->fk_ended = 1;
	while ((n = imsgbuf_get(&fk->fk_pipe, &imsg)) == 1) {
		fake_spawner_message(fk, &imsg);
		imsg_free(&imsg);
	}
	ATF_REQUIRE_EQ(0, n);
}

static void
fake_spawner_message(struct fake *fk, struct imsg *imsg)
{
	struct fake_session	*fs;
	struct wire_ready	 wr;
	struct wire_text	 wt;
	struct wire_exited	 we;
	struct wire_unforked	 wf;
	struct wire_forked	 wfk;
	const char		*wrong;

	wrong = wire_check(WIRE_SPAWNER, fk->fk_ready ? WIRE_RUNNING :
	    WIRE_LOADING, &fk->fk_once, imsg_get_type(imsg),
	    imsg_get_len(imsg));
	if (wrong != NULL)
		atf_tc_fail("spawner: %s: %s", wire_name(imsg_get_type(imsg)),
		    wrong);
	ATF_REQUIRE_EQ(-1, imsg_get_fd(imsg));
	switch (imsg_get_type(imsg)) {
	case WIRE_READY:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wr, sizeof(wr)));
		(void)strlcpy(fk->fk_sandbox, wr.wr_sandbox,
		    sizeof(fk->fk_sandbox));
		fk->fk_ready = 1;
		break;
	case WIRE_FATAL:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wt, sizeof(wt)));
		(void)strlcpy(fk->fk_fatal, wt.wt_text, sizeof(fk->fk_fatal));
		break;
	case WIRE_FORKED:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wfk, sizeof(wfk)));
		ATF_CHECK(wfk.wfk_pid > 1);
		if ((fs = fake_find(fk, wfk.wfk_session)) != NULL) {
			ATF_CHECK_EQ(0, fs->fs_forked);
			fs->fs_forked = 1;
		}
		break;
	case WIRE_UNFORKED:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &wf, sizeof(wf)));
		if ((fs = fake_find(fk, wf.wf_session)) != NULL) {
			ATF_CHECK_EQ(0, fs->fs_forked);
			fs->fs_unforked = wf.wf_errno;
		}
		break;
	case WIRE_EXITED:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &we, sizeof(we)));
		if ((fs = fake_find(fk, we.we_session)) != NULL) {
			ATF_CHECK_EQ(1, fs->fs_forked);
			ATF_CHECK_EQ(0, fs->fs_exited);
			fs->fs_exit = we;
			fs->fs_exited = 1;
		}
		break;
	default:
		atf_tc_fail("spawner: unexpected %s",
		    wire_name(imsg_get_type(imsg)));
	}
}

static struct fake_session *
fake_find(struct fake *fk, uint64_t id)
{
	size_t	 i;

	for (i = 0; i < fk->fk_nsessions; i++) {
		if (fk->fk_sessions[i]->fs_id == id)
			return (fk->fk_sessions[i]);
	}
	fk->fk_stray++;
	return (NULL);
}

static void
fake_session(struct fake *fk, struct fake_session *fs)
{
	struct imsg	 imsg;
	int		 n;

	if (imsgbuf_read(&fs->fs_pipe) != 1)
		fs->fs_ended = 1;
	while ((n = imsgbuf_get(&fs->fs_pipe, &imsg)) == 1) {
		fake_session_message(fk, fs, &imsg);
		imsg_free(&imsg);
	}
	ATF_REQUIRE_EQ(0, n);
}

static void
fake_session_message(struct fake *fk, struct fake_session *fs,
    struct imsg *imsg)
{
	const char	*wrong;
	uint32_t	 type = imsg_get_type(imsg);

	wrong = phase_check(fs->fs_phase, &fs->fs_once, type,
	    imsg_get_len(imsg));
	if (wrong != NULL)
		atf_tc_fail("session %llu: %s: %s",
		    (unsigned long long)fs->fs_id, wire_name(type), wrong);
	ATF_REQUIRE_EQ(-1, imsg_get_fd(imsg));
	switch (type) {
	case WIRE_ASKSIGN:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &fs->fs_ask,
		    sizeof(fs->fs_ask)));
		fs->fs_asked = 1;
		fake_answer(fk, fs);
		break;
	case WIRE_ADDRESS:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &fs->fs_address,
		    sizeof(fs->fs_address)));
		fs->fs_addressed = 1;
		fs->fs_phase = PHASE_HANDSHAKE;
		break;
	case WIRE_IDENTITY:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &fs->fs_identity,
		    sizeof(fs->fs_identity)));
		fs->fs_identified = 1;
		fake_judge(fk, fs);
		break;
	case WIRE_ESTABLISHED:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &fs->fs_info,
		    sizeof(fs->fs_info)));
		fs->fs_established = 1;
		fs->fs_phase = PHASE_BACKEND;
		break;
	case WIRE_DONE:
		ATF_REQUIRE_EQ(0, wire_parse(imsg, &fs->fs_result,
		    sizeof(fs->fs_result)));
		fs->fs_done = 1;
		fs->fs_phase = PHASE_ENDING;
		break;
	default:
		atf_tc_fail("session %llu: unexpected %s",
		    (unsigned long long)fs->fs_id, wire_name(type));
	}
}

static void
fake_judge(struct fake *fk, struct fake_session *fs)
{
	switch (fk->fk_rules) {
	case FAKE_ALLOW:
		fake_order(fs, WIRE_ALLOWED, -1, NULL, 0);
		break;
	case FAKE_DENY:
		fs->fs_phase = PHASE_REFUSED;
		fake_refuse(fs, ptAuthentication, "denied by rule 1 (line 2)");
		break;
	case FAKE_END:
		fake_close(fs);
		break;
	case FAKE_THINK:
		break;
	}
}

static void
fake_answer(struct fake *fk, struct fake_session *fs)
{
	struct wire_signature	 wl;
	struct wire_text	 wt;

	switch (fk->fk_sign) {
	case FAKE_SIGN:
		key_sign(fk->fk_key, &fs->fs_ask, &wl);
		fake_order(fs, WIRE_SIGNATURE, -1, &wl, sizeof(wl));
		break;
	case FAKE_NOSIGN:
		memset(&wt, 0, sizeof(wt));
		(void)strlcpy(wt.wt_text, "signer: no such key",
		    sizeof(wt.wt_text));
		fake_order(fs, WIRE_NOSIGNATURE, -1, &wt, sizeof(wt));
		break;
	case FAKE_LONG:
		memset(&wl, 0x5a, sizeof(wl));
		wl.wl_len = WIRE_SIGNMAX;
		fake_order(fs, WIRE_SIGNATURE, -1, &wl, sizeof(wl));
		break;
	case FAKE_HOLD:
		break;
	}
}
