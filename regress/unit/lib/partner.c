/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Peers that are programs. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "partner.h"
#include "pki.h"

#ifdef LIBRESSL_VERSION_NUMBER
#define PARTNER_IS_LIBRESSL	1
#else
#define PARTNER_IS_LIBRESSL	0
#endif

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* Of a command: it needs all of the first flags and none of the others. */
struct word {
	int		 wo_flag;
	int		 wo_not;
	const char	*wo_word;
};

struct words {
	const char	*w_word[PARTNER_WORDS];
	size_t		 w_count;
};

static void	 partner_write(const char *, const char *);
static void	 partner_word(struct words *, const char *);
static void	 partner_words(struct words *, const struct word *, size_t,
		    int);
static void	 partner_hear(struct partner *, const char *, const char *);
static void	 partner_run(struct partner *, struct words *);
static void	 partner_version(struct words *, enum partner_kind, int);

struct pki	 partner_root, partner_leaf, partner_own;
struct pki	 partner_other, partner_forged;

static char	 partner_tool[1024];

static void
partner_write(const char *path, const char *text)
{
	FILE	*fp;

	ATF_REQUIRE((fp = fopen(path, "w")) != NULL);
	ATF_REQUIRE(fputs(text, fp) >= 0);
	ATF_REQUIRE_EQ(0, fclose(fp));
}

void
partner_begin(const atf_tc_t *tc)
{
	/* A partner that has gone is no reason to go. */
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	(void)snprintf(partner_tool, sizeof(partner_tool), "%s/tlspeer",
	    atf_tc_get_config_var(tc, "srcdir"));
	pki_make(&partner_root, NULL, "Root", NULL, PKI_CA);
	pki_make(&partner_leaf, &partner_root, "leaf",
	    "DNS:localhost,IP:127.0.0.1", 0);
	pki_make(&partner_own, &partner_root, "client", NULL, PKI_CLIENT);
	pki_make(&partner_other, NULL, "Other", NULL, PKI_CA);
	pki_make(&partner_forged, &partner_other, "forged", NULL, PKI_CLIENT);
	partner_write("root.pem", partner_root.p_cert);
	partner_write("leaf.pem", partner_leaf.p_cert);
	partner_write("leaf.key", partner_leaf.p_private);
	partner_write("own.pem", partner_own.p_cert);
	partner_write("own.key", partner_own.p_private);
	partner_write("other.pem", partner_other.p_cert);
	partner_write("forged.pem", partner_forged.p_cert);
	partner_write("forged.key", partner_forged.p_private);
}

void
partner_end(void)
{
	pki_free(&partner_forged);
	pki_free(&partner_other);
	pki_free(&partner_own);
	pki_free(&partner_leaf);
	pki_free(&partner_root);
}

const char *
partner_name(enum partner_kind kind)
{
	return (kind == PARTNER_OPENSSL ? "openssl" : "libtls");
}

int
partner_libressl(enum partner_kind kind)
{
	static char	 said[64];
	ssize_t		 n;
	pid_t		 pid;
	int		 p[2];

	if (kind == PARTNER_LIBTLS)
		return (PARTNER_IS_LIBRESSL);
	if (*said != '\0')
		return (strncmp(said, "LibreSSL", 8) == 0);
	ATF_REQUIRE_EQ(0, pipe(p));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (dup2(p[1], STDOUT_FILENO) == -1)
			_exit(127);
		(void)execlp("openssl", "openssl", "version", (char *)NULL);
		_exit(127);
	}
	(void)close(p[1]);
	n = read(p[0], said, sizeof(said) - 1);
	ATF_REQUIRE_MSG(n > 0, "openssl says no version");
	(void)close(p[0]);
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	return (strncmp(said, "LibreSSL", 8) == 0);
}

/* LibreSSL's s_server neither answers nor tells which port is free. */
enum partner_kind
partner_first(int server)
{
	if (!server && partner_libressl(PARTNER_OPENSSL))
		return (PARTNER_LIBTLS);
	return (PARTNER_OPENSSL);
}

/* The last one is NULL already. */
static void
partner_word(struct words *w, const char *word)
{
	ATF_REQUIRE(w->w_count + 1 < PARTNER_WORDS);
	w->w_word[w->w_count++] = word;
}

static void
partner_version(struct words *w, enum partner_kind kind, int version)
{
	if (version == 0)
		return;
	if (kind == PARTNER_LIBTLS) {
		partner_word(w, "-p");
		partner_word(w, version == TLS1_2_VERSION ? "tlsv1.2" :
		    "tlsv1.3");
	} else
		partner_word(w, version == TLS1_2_VERSION ? "-tls1_2" :
		    "-tls1_3");
}

static void
partner_run(struct partner *p, struct words *w)
{
	int	 in[2], out[2];

	ATF_REQUIRE_EQ(0, pipe(in));
	ATF_REQUIRE_EQ(0, pipe(out));
	ATF_REQUIRE((p->pa_pid = fork()) != -1);
	if (p->pa_pid == 0) {
		if (dup2(in[0], STDIN_FILENO) == -1 ||
		    dup2(out[1], STDOUT_FILENO) == -1 ||
		    dup2(out[1], STDERR_FILENO) == -1)
			_exit(127);
		/* An object's socket is not its to keep. */
		closefrom(STDERR_FILENO + 1);
		(void)execvp(w->w_word[0], (char *const *)(uintptr_t)
		    w->w_word);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	p->pa_in = in[1];
	p->pa_out = out[0];
}

/* The words of the table that these flags and this kind of partner need. */
static void
partner_words(struct words *w, const struct word *words, size_t n, int flags)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		if ((words[i].wo_flag & ~flags) == 0 &&
		    (words[i].wo_not & flags) == 0)
			partner_word(w, words[i].wo_word);
	}
}

void
partner_server(struct partner *p, enum partner_kind kind, int version,
    int flags)
{
	static const struct word	 openssl[] = {
		{ 0, 0, "openssl" }, { 0, 0, "s_server" }, { 0, 0, "-rev" },
		{ 0, 0, "-accept" }, { 0, 0, "127.0.0.1:0" },
		{ 0, 0, "-naccept" }, { 0, 0, "1" },
		{ 0, 0, "-cert" }, { 0, 0, "leaf.pem" },
		{ 0, 0, "-key" }, { 0, 0, "leaf.key" },
		{ PARTNER_ASKS, 0, "-Verify" }, { PARTNER_ASKS, 0, "1" },
		{ PARTNER_ASKS, 0, "-verify_return_error" },
		{ PARTNER_ASKS, 0, "-CAfile" }, { PARTNER_ASKS, 0, "root.pem" }
	};
	static const struct word	 libtls[] = {
		{ 0, 0, partner_tool },
		{ 0, 0, "-c" }, { 0, 0, "leaf.pem" },
		{ 0, 0, "-k" }, { 0, 0, "leaf.key" },
		{ PARTNER_ASKS, 0, "-C" }, { PARTNER_ASKS, 0, "root.pem" }
	};
	struct words			 w;
	const char			*port;

	memset(p, 0, sizeof(*p));
	memset(&w, 0, sizeof(w));
	p->pa_kind = kind;
	if (kind == PARTNER_LIBTLS)
		partner_words(&w, libtls, NITEMS(libtls), flags);
	else
		partner_words(&w, openssl, NITEMS(openssl), flags);
	partner_version(&w, kind, version);
	partner_run(p, &w);
	partner_hear(p, "ACCEPT", "\n");
	ATF_REQUIRE_MSG((port = strstr(p->pa_said, "ACCEPT 127.0.0.1:")) !=
	    NULL, "%s does not tell its port: %s", partner_name(kind),
	    p->pa_said);
	p->pa_port = (uint16_t)atoi(port + strlen("ACCEPT 127.0.0.1:"));
	ATF_REQUIRE(p->pa_port != 0);
}

void
partner_client(struct partner *p, enum partner_kind kind, uint16_t port,
    int version, int flags)
{
	char				 number[16], place[32];
	/* The second of s_client hides much, the third lets Q work then. */
	const struct word		 openssl[] = {
		{ 0, 0, "openssl" }, { 0, 0, "s_client" }, { 0, 0, "-quiet" },
		{ 0, 0, "-no_ign_eof" },
		{ PARTNER_PLAIN, 0, "-proxy" }, { PARTNER_PLAIN, 0, place },
		{ 0, 0, "-connect" }, { 0, 0, place },
		{ 0, 0, "-servername" }, { 0, 0, "localhost" },
		{ 0, 0, "-verify" }, { 0, 0, "3" },
		{ 0, 0, "-verify_return_error" }, { 0, 0, "-CAfile" },
		{ 0, PARTNER_DOUBTS, "root.pem" },
		{ PARTNER_DOUBTS, 0, "other.pem" },
		{ PARTNER_SHOWS, 0, "-cert" }, { PARTNER_SHOWS, 0, "own.pem" },
		{ PARTNER_SHOWS, 0, "-key" }, { PARTNER_SHOWS, 0, "own.key" },
		{ PARTNER_FORGES, 0, "-cert" },
		{ PARTNER_FORGES, 0, "forged.pem" },
		{ PARTNER_FORGES, 0, "-key" },
		{ PARTNER_FORGES, 0, "forged.key" },
		/* It waits for a greeting. */
		{ PARTNER_SILENT, 0, "-starttls" },
		{ PARTNER_SILENT, 0, "smtp" }
	};
	const struct word		 libtls[] = {
		{ 0, 0, partner_tool }, { 0, 0, "-P" }, { 0, 0, number },
		{ 0, 0, "-C" }, { 0, PARTNER_DOUBTS, "root.pem" },
		{ PARTNER_DOUBTS, 0, "other.pem" },
		{ PARTNER_SHOWS, 0, "-c" }, { PARTNER_SHOWS, 0, "own.pem" },
		{ PARTNER_SHOWS, 0, "-k" }, { PARTNER_SHOWS, 0, "own.key" },
		{ PARTNER_FORGES, 0, "-c" },
		{ PARTNER_FORGES, 0, "forged.pem" },
		{ PARTNER_FORGES, 0, "-k" },
		{ PARTNER_FORGES, 0, "forged.key" },
		{ PARTNER_SILENT, 0, "-s" }
	};
	struct words			 w;

	(void)snprintf(number, sizeof(number), "%u", (unsigned int)port);
	(void)snprintf(place, sizeof(place), "127.0.0.1:%s", number);
	memset(p, 0, sizeof(*p));
	memset(&w, 0, sizeof(w));
	p->pa_kind = kind;
	if (kind == PARTNER_LIBTLS)
		partner_words(&w, libtls, NITEMS(libtls), flags);
	else
		partner_words(&w, openssl, NITEMS(openssl), flags);
	partner_version(&w, kind, version);
	partner_run(p, &w);
}

void
partner_say(struct partner *p, const char *text)
{
	ATF_REQUIRE_EQ((ssize_t)strlen(text), write(p->pa_in, text,
	    strlen(text)));
}

/* Until it has printed one thing and, after that, the other. */
static void
partner_hear(struct partner *p, const char *first, const char *then)
{
	struct pollfd	 pfd;
	const char	*at;
	ssize_t		 n;

	while ((at = strstr(p->pa_said, first)) == NULL ||
	    strstr(at, then) == NULL) {
		pfd.fd = p->pa_out;
		pfd.events = POLLIN;
		ATF_REQUIRE_EQ_MSG(1, poll(&pfd, 1, FIXTURE_PATIENCE),
		    "%s does not say %s: %s", partner_name(p->pa_kind), first,
		    p->pa_said);
		n = read(p->pa_out, p->pa_said + p->pa_len,
		    sizeof(p->pa_said) - 1 - p->pa_len);
		ATF_REQUIRE_MSG(n > 0, "%s has not said %s but: %s",
		    partner_name(p->pa_kind), first, p->pa_said);
		p->pa_len += (size_t)n;
		p->pa_said[p->pa_len] = '\0';
	}
}

void
partner_stop(struct partner *p)
{
	int	 status;

	ATF_REQUIRE_EQ(0, kill(p->pa_pid, SIGSTOP));
	ATF_REQUIRE_EQ(p->pa_pid, waitpid(p->pa_pid, &status, WUNTRACED));
	ATF_REQUIRE(WIFSTOPPED(status));
}

void
partner_kill(struct partner *p)
{
	if (p->pa_pid == 0)
		return;
	ATF_REQUIRE_EQ(0, kill(p->pa_pid, SIGKILL));
	ATF_REQUIRE_EQ(p->pa_pid, waitpid(p->pa_pid, NULL, 0));
	p->pa_pid = 0;
	(void)close(p->pa_in);
	(void)close(p->pa_out);
}
