/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The server in a process of its own, and what it can do. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "lookup.h"
#include "pki.h"
#include "served.h"

static void	 served_run(int, int, void (*)(SSL *, int))
		    __attribute__((__noreturn__));
static void	 script_told(void);

struct pki	 served_root;
uint16_t	 served_port;

static struct pki	 leaf;
static pid_t		 pid;
static int		 leash;
static int		 word[2];

void
served_begin(struct fixture *f)
{
	struct securetcp_config	*sc;

	if (served_root.p_pkey == NULL) {
		pki_make(&served_root, NULL, "Root", NULL, PKI_CA);
		pki_make(&leaf, &served_root, "leaf", "DNS:" LOOKUP_NAME
		    ",DNS:localhost,IP:127.0.0.1", 0);
	}
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, served_root.p_cert,
	    served_root.p_certlen));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	lookup_clear();
}

void
served_finish(struct fixture *f)
{
	fixture_close(f);
	served_stop();
	pki_free(&leaf);
	pki_free(&served_root);
}

void
served_start(void (*script)(SSL *, int))
{
	int	 fd, fds[2];

	ATF_REQUIRE_EQ(0, pipe(fds));
	ATF_REQUIRE_EQ(0, pipe(word));
	fd = fixture_listen("127.0.0.1", &served_port);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)close(fds[1]);
		(void)close(word[1]);
		served_run(fd, fds[0], script);
	}
	leash = fds[1];
	(void)close(fd);
	(void)close(fds[0]);
	(void)close(word[0]);
}

/* One connection after the other until the leash is let go. */
static void
served_run(int fd, int end, void (*script)(SSL *, int))
{
	SSL_CTX		*ctx;
	SSL		*ssl;
	struct pollfd	 pfd[2];
	int		 one = 1, s;

	(void)signal(SIGPIPE, SIG_IGN);
	ctx = pki_server(&leaf, NULL);
	for (;;) {
		pfd[0].fd = fd;
		pfd[1].fd = end;
		pfd[0].events = pfd[1].events = POLLIN;
		if (poll(pfd, 2, -1) == -1 || pfd[1].revents != 0) {
			SSL_CTX_free(ctx);
			_exit(0);
		}
		if ((s = accept(fd, NULL, NULL)) == -1)
			_exit(1);
		(void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		ssl = SSL_new(ctx);
		if (ssl != NULL && SSL_set_fd(ssl, s) == 1 &&
		    SSL_accept(ssl) == 1)
			script(ssl, end);
		SSL_free(ssl);
		(void)close(s);
	}
}

void
served_stop(void)
{
	int	 status;

	if (pid == 0)
		return;
	(void)close(leash);
	(void)close(word[1]);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	pid = 0;
}

int
served_dial(struct fixture *f)
{
	f->f_events[0] = '\0';
	lookup_clear();
	lookup_add("127.0.0.1", served_port);
	return (securetcp_connect(f->f_tcp, LOOKUP_NAME, 9));
}

void
served_up(struct fixture *f, void (*script)(SSL *, int))
{
	served_begin(f);
	served_start(script);
	ATF_REQUIRE_EQ_MSG(ptOk, served_dial(f), "%s", f->f_reason);
	ATF_REQUIRE_STREQ(SERVED_UP, f->f_events);
}

void
served_tell(void)
{
	ATF_REQUIRE_EQ(1, write(word[1], "!", 1));
}

int64_t
served_now(void)
{
	struct timespec	 ts;

	ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_MONOTONIC, &ts));
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
served_blocked(struct fixture *f)
{
	struct pollfd	 pfd;
	char		 buf[4];
	size_t		 n;

	memset(&pfd, 0, sizeof(pfd));
	ATF_CHECK_EQ(1, securetcp_blocked(f->f_tcp));
	ATF_CHECK_EQ(0, securetcp_timeout(f->f_tcp));
	ATF_CHECK_EQ(ptBlocked, securetcp_set_timeout(f->f_tcp, 5));
	ATF_CHECK_EQ(ptBlocked, securetcp_connect(f->f_tcp, "127.0.0.1", 1));
	ATF_CHECK_EQ(ptBlocked, securetcp_connect_socket(f->f_tcp, 0, NULL));
	ATF_CHECK_EQ(ptBlocked, securetcp_set_socket(f->f_tcp, 0));
	ATF_CHECK_EQ(ptBlocked, securetcp_send(f->f_tcp, "x", 1, &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_receive(f->f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_fill(f->f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_search(f->f_tcp, buf, 1, "x", 1,
	    &n));
	ATF_CHECK_EQ(ptBlocked, securetcp_shutdown(f->f_tcp));
	ATF_CHECK_EQ(ptBlocked, securetcp_set_send_limit(f->f_tcp, 100));
	ATF_CHECK_EQ(ptBlocked, securetcp_set_receive_limit(f->f_tcp,
	    20000));
	ATF_CHECK_EQ(ptBlocked, securetcp_dispatch(f->f_tcp, &pfd, 0));
}

void
script_echo(SSL *ssl, int end)
{
	char	 buf[16384];
	int	 n;

	(void)end;
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
		if (SSL_write(ssl, buf, n) != n)
			break;
	}
	(void)SSL_shutdown(ssl);
}

/* Neither reads nor ends, until it is time to go or the peer has gone. */
void
script_nothing(SSL *ssl, int end)
{
	struct pollfd	 pfd[2];

	pfd[0].fd = end;
	pfd[0].events = POLLIN;
	pfd[1].fd = SSL_get_fd(ssl);
	pfd[1].events = POLLIN;
	/* FreeBSD tells a hang-up only to who asks for something. */
	while (poll(pfd, 1, 20) == 0) {
		if (poll(pfd + 1, 1, 0) == 1 &&
		    (pfd[1].revents & (POLLHUP | POLLERR)) != 0)
			break;
	}
}

void
script_some(SSL *ssl, int end)
{
	if (SSL_write(ssl, "abc", 3) == 3)
		script_nothing(ssl, end);
}

void
script_count(SSL *ssl, int end)
{
	static char	 buf[16384];
	uint64_t	 count = 0;
	uint32_t	 sum = 0;
	int		 i, n;

	(void)end;
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++)
			sum = sum * 31 + (unsigned char)buf[i];
		count += (uint64_t)n;
	}
	memcpy(buf, &count, sizeof(count));
	memcpy(buf + sizeof(count), &sum, sizeof(sum));
	(void)SSL_write(ssl, buf, sizeof(count) + sizeof(sum));
	(void)SSL_shutdown(ssl);
}

/* Lines in records that end where no line does. */
void
script_lines(SSL *ssl, int end)
{
	static const char *const	 records[] = {
		"fir", "st\r", "\nsecond\r", "\r\nre", "st"
	};
	size_t				 i;

	(void)end;
	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		if (SSL_write(ssl, records[i], (int)strlen(records[i])) <= 0)
			return;
		(void)poll(NULL, 0, 20);
	}
	(void)SSL_shutdown(ssl);
}

void
script_end(SSL *ssl, int end)
{
	(void)end;
	(void)SSL_shutdown(ssl);
}

void
script_reset(SSL *ssl, int end)
{
	struct linger	 linger = { 1, 0 };
	char		 c;

	(void)end;
	(void)SSL_read(ssl, &c, 1);
	(void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
}

/* Until the test says so, or has gone. */
static void
script_told(void)
{
	char	 c;

	if (read(word[0], &c, 1) == -1)
		_exit(1);
}

void
script_reset_told(SSL *ssl, int end)
{
	struct linger	 linger = { 1, 0 };

	(void)end;
	script_told();
	(void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
}

void
script_end_told(SSL *ssl, int end)
{
	script_told();
	(void)SSL_shutdown(ssl);
	script_nothing(ssl, end);
}
