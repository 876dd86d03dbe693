/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Calls that block, against a server in a process of its own. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "pki.h"
#include "wrap.h"

#define CONNECTING	"S(connecting)"
#define UP		"S(connecting) A(11111) S(connected)"
#define DOWN		" S(closing) S(closed)"
#define NAME		"www.example.org"
#define SHORT		200		/* ms */
#define LOTS		(4 * 1024 * 1024)

#define CASE(name, text)						\
ATF_TC(name);								\
ATF_TC_HEAD(name, tc)							\
{									\
	atf_tc_set_md_var(tc, "descr", text);				\
}									\
ATF_TC_BODY(name, tc)

/* The server: what it does with a connection, and until when it stays. */
struct server {
	pid_t		 s_pid;
	uint16_t	 s_port;
	int		 s_leash;
};

static struct pki	 root, leaf;
static struct server	 server;

/* What the name is looked up to. */
static struct addrinfo	 list[4];
static struct sockaddr_in  list4[4];
static struct sockaddr_in6 list6[4];
static size_t		 nlist;
static int		 lookup_error;

static void	 begin(struct fixture *);
static void	 finish(struct fixture *);
static void	 serve(void (*)(SSL *, int));
static void	 dismiss(void);
static void	 add(const char *, uint16_t);
static int	 dial(struct fixture *);
static void	 up(struct fixture *, void (*)(SSL *, int));
static int64_t	 now(void);
static int	 full(uint16_t *, int [4]);

/* NAME alone is made up. */
int
getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
	static int	(*real)(const char *, const char *,
			    const struct addrinfo *, struct addrinfo **);
	size_t		 i;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (host == NULL || strcmp(host, NAME) != 0 ||
	    (hints->ai_flags & AI_NUMERICHOST) != 0)
		return (real(host, service, hints, res));
	if (lookup_error != 0)
		return (lookup_error);
	for (i = 0; i + 1 < nlist; i++)
		list[i].ai_next = &list[i + 1];
	*res = nlist == 0 ? NULL : list;
	return (0);
}

void
freeaddrinfo(struct addrinfo *ai)
{
	static void	(*real)(struct addrinfo *);

	if (ai == NULL || (ai >= list && ai < list + 4))
		return;
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
	real(ai);
}

static void
add(const char *address, uint16_t port)
{
	struct addrinfo	*ai = &list[nlist];

	memset(ai, 0, sizeof(*ai));
	ai->ai_socktype = SOCK_STREAM;
	if (inet_pton(AF_INET, address, &list4[nlist].sin_addr) == 1) {
		list4[nlist].sin_family = ai->ai_family = AF_INET;
		list4[nlist].sin_port = htons(port);
		ai->ai_addr = (struct sockaddr *)&list4[nlist];
		ai->ai_addrlen = sizeof(list4[0]);
	} else {
		ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, address,
		    &list6[nlist].sin6_addr));
		list6[nlist].sin6_family = ai->ai_family = AF_INET6;
		list6[nlist].sin6_port = htons(port);
		ai->ai_addr = (struct sockaddr *)&list6[nlist];
		ai->ai_addrlen = sizeof(list6[0]);
	}
	nlist++;
}

static void
begin(struct fixture *f)
{
	struct securetcp_config	*sc;

	if (root.p_pkey == NULL) {
		pki_make(&root, NULL, "Root", NULL, PKI_CA);
		pki_make(&leaf, &root, "leaf", "DNS:" NAME ",DNS:localhost,"
		    "IP:127.0.0.1", 0);
	}
	ATF_REQUIRE((sc = securetcp_config_new()) != NULL);
	ATF_REQUIRE_EQ(ptOk, securetcp_config_set_ca(sc, root.p_cert,
	    root.p_certlen));
	fixture_open(f, sc);
	securetcp_config_free(sc);
	nlist = 0;
	lookup_error = 0;
}

static void
finish(struct fixture *f)
{
	fixture_close(f);
	dismiss();
	pki_free(&leaf);
	pki_free(&root);
}

/* One connection after the other until the leash is let go. */
static void
serve(void (*script)(SSL *, int))
{
	SSL_CTX		*ctx;
	SSL		*ssl;
	struct pollfd	 pfd[2];
	int		 fd, fds[2], one = 1, s;

	ATF_REQUIRE_EQ(0, pipe(fds));
	fd = fixture_listen("127.0.0.1", &server.s_port);
	ATF_REQUIRE((server.s_pid = fork()) != -1);
	server.s_leash = fds[1];
	if (server.s_pid != 0) {
		(void)close(fd);
		(void)close(fds[0]);
		return;
	}
	(void)close(fds[1]);
	(void)signal(SIGPIPE, SIG_IGN);
	ctx = pki_server(&leaf, NULL);
	for (;;) {
		pfd[0].fd = fd;
		pfd[1].fd = fds[0];
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
			script(ssl, fds[0]);
		SSL_free(ssl);
		(void)close(s);
	}
}

static void
dismiss(void)
{
	int	 status;

	if (server.s_pid == 0)
		return;
	(void)close(server.s_leash);
	ATF_REQUIRE_EQ(server.s_pid, waitpid(server.s_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	server.s_pid = 0;
}

static int
dial(struct fixture *f)
{
	f->f_events[0] = '\0';
	nlist = 0;
	add("127.0.0.1", server.s_port);
	return (securetcp_connect(f->f_tcp, NAME, 9));
}

static void
up(struct fixture *f, void (*script)(SSL *, int))
{
	begin(f);
	serve(script);
	ATF_REQUIRE_EQ_MSG(ptOk, dial(f), "%s", f->f_reason);
	ATF_REQUIRE_STREQ(UP, f->f_events);
}

static int64_t
now(void)
{
	struct timespec	 ts;

	ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_MONOTONIC, &ts));
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* A listening socket that answers no more. */
static int
full(uint16_t *port, int clients[4])
{
	struct sockaddr_in	 sin;
	struct pollfd		 pfd;
	int			 fd, i;

	fd = fixture_listen("127.0.0.1", port);
	ATF_REQUIRE_EQ(0, listen(fd, 0));
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(*port);
	for (i = 0; i < 4; i++) {
		ATF_REQUIRE((clients[i] = socket(AF_INET, SOCK_STREAM,
		    0)) != -1);
		ATF_REQUIRE_EQ(0, fcntl(clients[i], F_SETFL, O_NONBLOCK));
		(void)connect(clients[i], (struct sockaddr *)&sin,
		    sizeof(sin));
		pfd.fd = clients[i];
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, 300) == 0)
			return (fd);
	}
	atf_tc_skip("a full backlog answers all the same here");
	return (-1);
}

/* What servers do. */

static void
do_echo(SSL *ssl, int leash)
{
	char	 buf[16384];
	int	 n;

	(void)leash;
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
		if (SSL_write(ssl, buf, n) != n)
			break;
	}
	(void)SSL_shutdown(ssl);
}

/* Neither reads nor ends, until the leash is let go or the peer has gone. */
static void
do_nothing(SSL *ssl, int leash)
{
	struct pollfd	 pfd[2];

	pfd[0].fd = leash;
	pfd[0].events = POLLIN;
	pfd[1].fd = SSL_get_fd(ssl);
	pfd[1].events = 0;
	(void)poll(pfd, 2, -1);
}

static void
do_some(SSL *ssl, int leash)
{
	if (SSL_write(ssl, "abc", 3) == 3)
		do_nothing(ssl, leash);
}

static void
do_count(SSL *ssl, int leash)
{
	static char	 buf[16384];
	uint64_t	 count = 0;
	uint32_t	 sum = 0;
	int		 i, n;

	(void)leash;
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
static void
do_lines(SSL *ssl, int leash)
{
	static const char *const	 records[] = {
		"fir", "st\r", "\nsecond\r", "\r\nre", "st"
	};
	size_t				 i;

	(void)leash;
	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		if (SSL_write(ssl, records[i], (int)strlen(records[i])) <= 0)
			return;
		(void)poll(NULL, 0, 20);
	}
	(void)SSL_shutdown(ssl);
}

static void
do_end(SSL *ssl, int leash)
{
	(void)leash;
	(void)SSL_shutdown(ssl);
}

static void
do_reset(SSL *ssl, int leash)
{
	struct linger	 linger = { 1, 0 };
	char		 c;

	(void)leash;
	(void)SSL_read(ssl, &c, 1);
	(void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
}

/* Cases: connecting. */

static int	 seen_blocked;

static void
nosy_state(struct fixture *f, enum securetcp_state state)
{
	struct pollfd	 pfd;
	char		 buf[4];
	size_t		 n;

	(void)state;
	memset(&pfd, 0, sizeof(pfd));
	seen_blocked++;
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

static void
nosy_verdict(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)sv;
	nosy_state(f, SECURETCP_CONNECTING);
}

CASE(by_name, "connect by name: the same events, then the call returns; "
    "from its handlers all else gets ptBlocked; then data")
{
	struct fixture	 f;
	char		 buf[8];
	size_t		 n;

	begin(&f);
	serve(do_echo);
	f.f_on_state = nosy_state;
	f.f_on_authenticate = nosy_verdict;
	ATF_REQUIRE_EQ(ptOk, dial(&f));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(3, seen_blocked);
	ATF_CHECK_EQ(0, securetcp_blocked(f.f_tcp));
	ATF_CHECK_EQ(30000, securetcp_timeout(f.f_tcp));
	f.f_on_state = NULL;
	ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, "hello", 5, &n));
	ATF_CHECK_EQ(5, n);
	ATF_CHECK_EQ(0, securetcp_send_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 5, &n));
	ATF_CHECK_EQ(5, n);
	ATF_CHECK_EQ(0, memcmp(buf, "hello", 5));
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	ATF_CHECK_EQ(0, f.f_receives + f.f_sends);
	/* By a name of this host, and by address. */
	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "localhost",
	    server.s_port));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1",
	    server.s_port));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(server.s_port, securetcp_remote_port(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	finish(&f);
}

CASE(lookups, "a name that cannot be looked up: each number, returned, "
    "without Error")
{
	static const struct {
		int	 code;
		int	 error;
	} all[] = {
		{ EAI_NONAME, ptHostNotFound },
		{ EAI_AGAIN, ptTryAgain },
		{ EAI_FAIL, ptNoRecovery },
#ifdef EAI_NODATA
		{ EAI_NODATA, ptNoData },
#endif
		{ EAI_MEMORY, ptNoBufferSpace },
		{ EAI_FAMILY, ptError },
		{ 0, ptNoData }
	};
	struct fixture	 f;
	size_t		 i;

	begin(&f);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		f.f_events[0] = '\0';
		lookup_error = all[i].code;
		ATF_CHECK_EQ(all[i].error, securetcp_connect(f.f_tcp, NAME,
		    9));
		ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
		ATF_CHECK(strncmp(NAME ": ", f.f_reason,
		    strlen(NAME ": ")) == 0);
	}
	finish(&f);
}

CASE(fails, "a connect that fails: refused, by every errno; the number is "
    "returned, without Error")
{
	struct fixture	 f;
	uint16_t	 port;

	begin(&f);
	(void)close(fixture_listen("127.0.0.1", &port));
	ATF_CHECK_EQ(ptConnectionRefused, securetcp_connect(f.f_tcp,
	    "127.0.0.1", port));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK(strstr(f.f_reason, "Connection refused") != NULL);
	ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	wrap_connect_errno = EHOSTUNREACH;
	ATF_CHECK_EQ(ptHostUnreachable, securetcp_connect(f.f_tcp,
	    "127.0.0.1", port));
	wrap_connect_errno = ENETUNREACH;
	ATF_CHECK_EQ(ptNetworkUnreachable, securetcp_connect(f.f_tcp,
	    "127.0.0.1", port));
	wrap_connect_errno = 0;
	ATF_CHECK_STREQ(CONNECTING DOWN " " CONNECTING DOWN " " CONNECTING
	    DOWN, f.f_events);
	finish(&f);
}

CASE(families, "the addresses of a name are tried by turns of their "
    "families; one that fails makes room at once")
{
	struct fixture	 f;
	uint16_t	 port, port6;
	int		 fd;

	begin(&f);
	serve(do_echo);
	(void)close(fixture_listen("127.0.0.1", &port));
	fd = fixture_listen("::1", &port6);
	(void)close(fd);
	/* Refused by 4, then by 6, then found by 4: not the second of 6. */
	add("127.0.0.1", port);
	add("127.0.0.1", server.s_port);
	add("::1", port6);
	add("::1", port6);
	wrap_connects = 0;
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, NAME, 9));
	ATF_CHECK_EQ(3, wrap_connects);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	/* All fail: the last one's error. */
	nlist = 0;
	add("::1", port6);
	add("127.0.0.1", port);
	wrap_connects = 0;
	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptConnectionRefused, securetcp_connect(f.f_tcp, NAME,
	    9));
	ATF_CHECK_EQ(2, wrap_connects);
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	finish(&f);
}

CASE(head_start, "an address that does not answer: the next one starts "
    "a quarter of a second later and wins")
{
	struct fixture	 f;
	uint16_t	 port;
	int64_t		 start;
	int		 clients[4], fd;

	begin(&f);
	serve(do_echo);
	fd = full(&port, clients);
	add("127.0.0.1", port);
	add("127.0.0.1", server.s_port);
	start = now();
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, NAME, 9));
	ATF_CHECK(now() - start >= 250);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(server.s_port, securetcp_remote_port(f.f_tcp));
	(void)close(fd);
	finish(&f);
}

CASE(timeout_connect, "nobody answers a connect: ptTimeout after the "
    "timeout, closing and closed, no Error; the object can be used again")
{
	struct fixture	 f;
	uint16_t	 port;
	int64_t		 start;
	int		 clients[4], fd;

	begin(&f);
	fd = full(&port, clients);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
	start = now();
	ATF_CHECK_EQ(ptTimeout, securetcp_connect(f.f_tcp, "127.0.0.1",
	    port));
	ATF_CHECK(now() - start >= SHORT);
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK_STREQ("connect took longer than 200 ms", f.f_reason);
	ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
	serve(do_echo);
	ATF_CHECK_EQ(ptOk, dial(&f));
	ATF_CHECK_STREQ(UP, f.f_events);
	(void)close(fd);
	finish(&f);
}

CASE(timeout_handshake, "a server that never says a word: ptTimeout, the "
    "reason names the handshake")
{
	struct fixture	 f;
	uint16_t	 port;
	int		 fd, fds[2];

	begin(&f);
	fd = fixture_listen("127.0.0.1", &port);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
	ATF_CHECK_EQ(ptTimeout, securetcp_connect(f.f_tcp, "127.0.0.1",
	    port));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK_STREQ("the handshake took longer than 200 ms", f.f_reason);
	(void)close(fd);
	f.f_events[0] = '\0';
	fixture_pair(fds);
	f.f_peer = fds[1];
	ATF_CHECK_EQ(ptTimeout, securetcp_connect_socket(f.f_tcp, fds[0],
	    NAME));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	finish(&f);
}

CASE(handshakes, "a handshake that fails: not TLS, a server that leaves; "
    "the number is returned, without Error")
{
	struct fixture	 f;
	int		 fds[2];

	begin(&f);
	fixture_pair(fds);
	f.f_peer = fds[1];
	peer_raw(&f, "220 hello\r\n", 11);
	ATF_CHECK_EQ(ptProtocol, securetcp_connect_socket(f.f_tcp, fds[0],
	    NAME));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK(strstr(f.f_reason, "greeting") != NULL);
	peer_close(&f);
	f.f_events[0] = '\0';
	fixture_pair(fds);
	(void)close(fds[1]);
	ATF_CHECK_EQ(ptConnectionAborted, securetcp_connect_socket(f.f_tcp,
	    fds[0], NAME));
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	finish(&f);
}

static void
put_off(struct fixture *f, struct securetcp_verdicts *sv)
{
	(void)f;
	sv->sv_valid = SECURETCP_LATER;
}

CASE(unverified, "a server that is not who it should be: ptAuthentication, "
    "without Error; so is a verdict that is put off")
{
	struct fixture	 f;

	begin(&f);
	serve(do_echo);
	ATF_CHECK_EQ(ptOk, securetcp_set_server_name(f.f_tcp, "other"));
	ATF_CHECK_EQ(ptAuthentication, dial(&f));
	ATF_CHECK_STREQ(CONNECTING " A(11101)" DOWN, f.f_events);
	ATF_CHECK(strstr(f.f_reason, "not for other") != NULL);
	ATF_CHECK_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NULL));
	f.f_on_authenticate = put_off;
	ATF_CHECK_EQ(ptAuthentication, dial(&f));
	ATF_CHECK_STREQ(CONNECTING " A(11111)" DOWN, f.f_events);
	ATF_CHECK(strstr(f.f_reason, "no verdict") != NULL);
	finish(&f);
}

/* Cases: data. */

static void
late(const char *what, void (*script)(SSL *, int),
    int (*call)(struct securetcp *, size_t *))
{
	struct fixture	 f;
	int64_t		 start;
	char		 why[64];
	size_t		 n;
	int		 again;

	begin(&f);
	for (again = 0; again < 2; again++) {
		serve(script);
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
		ATF_REQUIRE_EQ(ptOk, dial(&f));
		ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
		start = now();
		ATF_CHECK_EQ(ptTimeout, call(f.f_tcp, &n));
		ATF_CHECK(now() - start >= SHORT);
		ATF_CHECK_STREQ(UP DOWN, f.f_events);
		(void)snprintf(why, sizeof(why), "%s took longer than 200 ms",
		    what);
		ATF_CHECK_STREQ(why, f.f_reason);
		ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
		dismiss();
	}
	finish(&f);
}

static char	 big[LOTS];

static int
call_receive(struct securetcp *tcp, size_t *n)
{
	return (securetcp_receive(tcp, big, 1, n));
}

static int
call_fill(struct securetcp *tcp, size_t *n)
{
	return (securetcp_fill(tcp, big, 4, n));
}

static int
call_search(struct securetcp *tcp, size_t *n)
{
	return (securetcp_search(tcp, big, 100, "d", 1, n));
}

/* More than both kernels hold. */
static int
call_send(struct securetcp *tcp, size_t *n)
{
	int	 error;

	do
		error = securetcp_send(tcp, big, sizeof(big), n);
	while (error == ptOk);
	ATF_CHECK(*n < sizeof(big));
	return (error);
}

CASE(timeout_receive, "nothing to receive in time: ptTimeout, no Error; the "
    "object can be used again")
{
	late("receive", do_nothing, call_receive);
}

CASE(timeout_fill, "less than asked for in time: the same")
{
	late("fill", do_some, call_fill);
}

CASE(timeout_search, "no token in time: the same")
{
	late("search", do_some, call_search);
}

CASE(timeout_send, "a peer that takes nothing: the same")
{
	late("send", do_nothing, call_send);
}

CASE(send_all, "send takes all of it, however much, and shutdown lets the "
    "peer see the end")
{
	struct fixture	 f;
	uint64_t	 count;
	uint32_t	 sum = 0, theirs;
	size_t		 i, n;
	char		 buf[32];

	for (i = 0; i < sizeof(big); i++) {
		big[i] = (char)(i * 7 + i / 255);
		sum = sum * 31 + (unsigned char)big[i];
	}
	up(&f, do_count);
	ATF_CHECK_EQ(ptOk, securetcp_set_half_close(f.f_tcp, 1));
	ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, big, sizeof(big), &n));
	ATF_CHECK_EQ(sizeof(big), n);
	ATF_CHECK_EQ(0, securetcp_send_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_shutdown(f.f_tcp));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 12, &n));
	ATF_REQUIRE_EQ(12, n);
	memcpy(&count, buf, sizeof(count));
	memcpy(&theirs, buf + sizeof(count), sizeof(theirs));
	ATF_CHECK_EQ(sizeof(big), count);
	ATF_CHECK_EQ(sum, theirs);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	ATF_CHECK_EQ(sizeof(big), securetcp_bytes_out(f.f_tcp));
	finish(&f);
}

CASE(lines, "search up to a token that records split, fill, and the end "
    "that comes before what was asked for")
{
	struct fixture	 f;
	char		 buf[64];
	size_t		 n;

	up(&f, do_lines);
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n", 2, &n));
	ATF_REQUIRE_EQ(7, n);
	ATF_CHECK_EQ(0, memcmp(buf, "first\r\n", 7));
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 3, &n));
	ATF_REQUIRE_EQ(3, n);
	ATF_CHECK_EQ(0, memcmp(buf, "sec", 3));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n", 2, &n));
	ATF_REQUIRE_EQ(6, n);
	ATF_CHECK_EQ(0, memcmp(buf, "ond\r\r\n", 6));
	ATF_CHECK_EQ(ptOk, securetcp_search(f.f_tcp, buf, sizeof(buf),
	    "\r\n", 2, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	ATF_CHECK_EQ(4, securetcp_receive_count(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 5, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, sizeof(buf), &n));
	ATF_REQUIRE_EQ(4, n);
	ATF_CHECK_EQ(0, memcmp(buf, "rest", 4));
	ATF_CHECK_STREQ(UP " S(closing)", f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, sizeof(buf), &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	ATF_CHECK_EQ(ptNotConnected, securetcp_receive(f.f_tcp, buf, 1, &n));
	finish(&f);
}

CASE(ends, "the peer's end and its reset under a receive that waits")
{
	struct fixture	 f;
	char		 buf[4];
	size_t		 n;

	up(&f, do_end);
	ATF_CHECK_EQ(ptOk, securetcp_receive(f.f_tcp, buf, 1, &n));
	ATF_CHECK_EQ(0, n);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	finish(&f);

	up(&f, do_reset);
	ATF_CHECK_EQ(ptOk, securetcp_send(f.f_tcp, "x", 1, &n));
	ATF_CHECK_EQ(ptConnectionReset, securetcp_receive(f.f_tcp, buf, 1,
	    &n));
	ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
	finish(&f);
}

CASE(sigpipe, "a send to a peer that has gone: its number, and no signal")
{
	struct fixture	 f;
	size_t		 n;
	int		 error;

	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	up(&f, do_reset);
	do
		error = securetcp_send(f.f_tcp, big, sizeof(big), &n);
	while (error == ptOk);
	ATF_CHECK_EQ(ptConnectionReset, error);
	ATF_CHECK_STREQ(UP " E(ptConnectionReset)" DOWN, f.f_events);
	finish(&f);
}

static volatile sig_atomic_t	 alarms;

static void
on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

CASE(interrupted, "signals of the program do not end a call that waits")
{
	struct itimerval	 it;
	struct sigaction	 sa;
	struct fixture		 f;
	size_t			 n;

	up(&f, do_nothing);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_alarm;
	ATF_REQUIRE_EQ(0, sigaction(SIGALRM, &sa, NULL));
	memset(&it, 0, sizeof(it));
	it.it_interval.tv_usec = it.it_value.tv_usec = 20000;
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &it, NULL));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
	ATF_CHECK_EQ(ptTimeout, call_receive(f.f_tcp, &n));
	memset(&it, 0, sizeof(it));
	ATF_REQUIRE_EQ(0, setitimer(ITIMER_REAL, &it, NULL));
	ATF_CHECK(alarms > 1);
	ATF_CHECK_STREQ(UP DOWN, f.f_events);
	finish(&f);
}

/* Cases: handlers that end what blocks. */

static enum securetcp_state	 when;
static void			(*what)(struct fixture *);

static void
on_state(struct fixture *f, enum securetcp_state state)
{
	if (state == when && what != NULL)
		what(f);
}

static void
do_free(struct fixture *f)
{
	f->f_gone = 1;
	securetcp_free(f->f_tcp);
}

static void
do_abort(struct fixture *f)
{
	what = NULL;
	ATF_CHECK_EQ(ptOk, securetcp_abort(f->f_tcp));
}

static void
do_close(struct fixture *f)
{
	what = NULL;
	ATF_CHECK_EQ(ptOk, securetcp_close(f->f_tcp));
}

static void
ended(enum securetcp_state state, void (*how)(struct fixture *),
    const char *events)
{
	struct fixture	 f;

	begin(&f);
	serve(do_echo);
	when = state;
	what = how;
	f.f_on_state = on_state;
	ATF_CHECK_EQ(ptAbort, dial(&f));
	ATF_CHECK_STREQ(events, f.f_events);
	finish(&f);
}

CASE(handlers, "a handler that frees, aborts or closes under a connect that "
    "blocks: ptAbort")
{
	ended(SECURETCP_CONNECTING, do_free, CONNECTING);
	ended(SECURETCP_CONNECTED, do_free, UP);
	ended(SECURETCP_CONNECTING, do_abort, CONNECTING " E(ptAbort)" DOWN);
	ended(SECURETCP_CONNECTED, do_abort, UP " E(ptAbort)" DOWN);
	ended(SECURETCP_CONNECTED, do_close, UP DOWN);
}

static void
under_receive(enum securetcp_state state, void (*how)(struct fixture *),
    int error, const char *events)
{
	struct fixture	 f;
	size_t		 n;

	up(&f, do_end);
	when = state;
	what = how;
	f.f_on_state = on_state;
	ATF_CHECK_EQ(error, call_receive(f.f_tcp, &n));
	ATF_CHECK_STREQ(events, f.f_events);
	ATF_CHECK_EQ(0, n);
	finish(&f);
}

CASE(handlers_receive, "a handler that frees or aborts under a receive that "
    "blocks and meets the end")
{
	under_receive(SECURETCP_CLOSING, do_free, ptOk, UP " S(closing)");
	under_receive(SECURETCP_CLOSED, do_free, ptOk, UP DOWN);
	under_receive(SECURETCP_CLOSING, do_abort, ptOk,
	    UP " S(closing) E(ptAbort) S(closed)");
	under_receive(SECURETCP_CLOSED, do_abort, ptOk, UP DOWN);
}

CASE(thousand, "a thousand connections that block, on one object")
{
	struct fixture	 f;
	char		 buf[4];
	size_t		 n;
	int		 i;

	begin(&f);
	serve(do_echo);
	for (i = 0; i < 1000; i++) {
		ATF_REQUIRE_EQ(ptOk, dial(&f));
		ATF_REQUIRE_EQ(ptOk, securetcp_send(f.f_tcp, "ab", 2, &n));
		ATF_REQUIRE_EQ(ptOk, securetcp_fill(f.f_tcp, buf, 2, &n));
		ATF_REQUIRE_EQ(2, n);
		ATF_REQUIRE_EQ(ptOk, securetcp_close(f.f_tcp));
		ATF_REQUIRE_STREQ(UP DOWN, f.f_events);
	}
	finish(&f);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, by_name);
	ATF_TP_ADD_TC(tp, lookups);
	ATF_TP_ADD_TC(tp, fails);
	ATF_TP_ADD_TC(tp, families);
	ATF_TP_ADD_TC(tp, head_start);
	ATF_TP_ADD_TC(tp, timeout_connect);
	ATF_TP_ADD_TC(tp, timeout_handshake);
	ATF_TP_ADD_TC(tp, handshakes);
	ATF_TP_ADD_TC(tp, unverified);
	ATF_TP_ADD_TC(tp, timeout_receive);
	ATF_TP_ADD_TC(tp, timeout_fill);
	ATF_TP_ADD_TC(tp, timeout_search);
	ATF_TP_ADD_TC(tp, timeout_send);
	ATF_TP_ADD_TC(tp, send_all);
	ATF_TP_ADD_TC(tp, lines);
	ATF_TP_ADD_TC(tp, ends);
	ATF_TP_ADD_TC(tp, sigpipe);
	ATF_TP_ADD_TC(tp, interrupted);
	ATF_TP_ADD_TC(tp, handlers);
	ATF_TP_ADD_TC(tp, handlers_receive);
	ATF_TP_ADD_TC(tp, thousand);
	return (atf_no_error());
}
