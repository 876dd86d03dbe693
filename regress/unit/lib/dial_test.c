/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Connecting by calls that block: by name, and how it can fail. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fixture.h"
#include "lookup.h"
#include "served.h"
#include "wrap.h"

#define CONNECTING	SERVED_CONNECTING
#define UP		SERVED_UP
#define DOWN		SERVED_DOWN
#define NAME		LOOKUP_NAME
#define SHORT		SERVED_SHORT

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

static int	 seen_blocked;

static void
nosy_state(struct fixture *f, enum securetcp_state state)
{
	(void)state;
	seen_blocked++;
	served_blocked(f);
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

	served_begin(&f);
	served_start(script_echo);
	f.f_on_state = nosy_state;
	f.f_on_authenticate = nosy_verdict;
	ATF_REQUIRE_EQ(ptOk, served_dial(&f));
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
	    served_port));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, "127.0.0.1",
	    served_port));
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(served_port, securetcp_remote_port(f.f_tcp));
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	served_finish(&f);
}

CASE(lookups, "a name that cannot be looked up: each number, also that of "
    "an errno, returned, without Error")
{
	static const struct {
		int	 code;
		int	 number;	/* of errno */
		int	 error;
	} all[] = {
		{ EAI_NONAME, 0, ptHostNotFound },
		{ EAI_AGAIN, 0, ptTryAgain },
		{ EAI_FAIL, 0, ptNoRecovery },
#ifdef EAI_NODATA
		{ EAI_NODATA, 0, ptNoData },
#endif
#ifdef EAI_ADDRFAMILY
		{ EAI_ADDRFAMILY, 0, ptNoData },
#endif
		{ EAI_MEMORY, 0, ptNoBufferSpace },
		{ EAI_FAMILY, 0, ptError },
		{ EAI_SYSTEM, ENOMEM, ptNoBufferSpace },
		{ EAI_SYSTEM, EACCES, ptNoAccess },
		{ EAI_SYSTEM, ENETDOWN, ptNetworkDown },
		{ EAI_SYSTEM, EMFILE, ptError },
		{ 0, 0, ptNoData }
	};
	struct fixture	 f;
	char		 why[256];
	size_t		 i;

	served_begin(&f);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		f.f_events[0] = '\0';
		lookup_error = all[i].code;
		lookup_errno = all[i].number;
		ATF_CHECK_EQ(all[i].error, securetcp_connect(f.f_tcp, NAME,
		    9));
		ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
		(void)snprintf(why, sizeof(why), NAME ": %s",
		    all[i].code == 0 ? "has no address" :
		    all[i].code == EAI_SYSTEM ? strerror(all[i].number) :
		    gai_strerror(all[i].code));
		ATF_CHECK_STREQ(why, f.f_reason);
	}
	served_finish(&f);
}

CASE(fails, "a connect that fails: refused, by every errno; the number is "
    "returned, without Error")
{
	struct fixture	 f;
	uint16_t	 port;

	served_begin(&f);
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
	served_finish(&f);
}

CASE(families, "the addresses of a name are tried by turns of their "
    "families; one that fails makes room at once")
{
	struct fixture	 f;
	uint16_t	 port, port6;
	int		 fd;

	served_begin(&f);
	served_start(script_echo);
	(void)close(fixture_listen("127.0.0.1", &port));
	fd = fixture_listen("::1", &port6);
	(void)close(fd);
	/* Refused by 4, then by 6, then found by 4: not the second of 6. */
	lookup_add("127.0.0.1", port);
	lookup_add("127.0.0.1", served_port);
	lookup_add("::1", port6);
	lookup_add("::1", port6);
	wrap_connects = 0;
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, NAME, 9));
	ATF_CHECK_EQ(3, wrap_connects);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(ptOk, securetcp_close(f.f_tcp));
	/* All fail: the last one's error. */
	lookup_clear();
	lookup_add("::1", port6);
	lookup_add("127.0.0.1", port);
	wrap_connects = 0;
	f.f_events[0] = '\0';
	ATF_CHECK_EQ(ptConnectionRefused, securetcp_connect(f.f_tcp, NAME,
	    9));
	ATF_CHECK_EQ(2, wrap_connects);
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	served_finish(&f);
}

CASE(head_start, "an address that does not answer: the next one starts "
    "a quarter of a second later and wins")
{
	struct fixture	 f;
	uint16_t	 port;
	int64_t		 start;
	int		 clients[4], fd;

	served_begin(&f);
	served_start(script_echo);
	fd = full(&port, clients);
	lookup_add("127.0.0.1", port);
	lookup_add("127.0.0.1", served_port);
	start = served_now();
	ATF_CHECK_EQ(ptOk, securetcp_connect(f.f_tcp, NAME, 9));
	ATF_CHECK(served_now() - start >= 250);
	ATF_CHECK_STREQ(UP, f.f_events);
	ATF_CHECK_EQ(served_port, securetcp_remote_port(f.f_tcp));
	(void)close(fd);
	served_finish(&f);
}

CASE(timeout_connect, "nobody answers a connect: ptTimeout after the "
    "timeout, closing and closed, no Error; the object can be used again")
{
	struct fixture	 f;
	uint16_t	 port;
	int64_t		 start;
	int		 clients[4], fd;

	served_begin(&f);
	fd = full(&port, clients);
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, SHORT));
	start = served_now();
	ATF_CHECK_EQ(ptTimeout, securetcp_connect(f.f_tcp, "127.0.0.1",
	    port));
	ATF_CHECK(served_now() - start >= SHORT);
	ATF_CHECK_STREQ(CONNECTING DOWN, f.f_events);
	ATF_CHECK_STREQ("connect took longer than 200 ms", f.f_reason);
	ATF_CHECK_EQ(-1, securetcp_socket(f.f_tcp));
	ATF_REQUIRE_EQ(ptOk, securetcp_set_timeout(f.f_tcp, 30000));
	served_start(script_echo);
	ATF_CHECK_EQ(ptOk, served_dial(&f));
	ATF_CHECK_STREQ(UP, f.f_events);
	(void)close(fd);
	served_finish(&f);
}

CASE(timeout_handshake, "a server that never says a word: ptTimeout, the "
    "reason names the handshake")
{
	struct fixture	 f;
	uint16_t	 port;
	int		 fd, fds[2];

	served_begin(&f);
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
	served_finish(&f);
}

CASE(handshakes, "a handshake that fails: not TLS, a server that leaves; "
    "the number is returned, without Error")
{
	struct fixture	 f;
	int		 fds[2];

	served_begin(&f);
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
	served_finish(&f);
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

	served_begin(&f);
	served_start(script_echo);
	ATF_CHECK_EQ(ptOk, securetcp_set_server_name(f.f_tcp, "other"));
	ATF_CHECK_EQ(ptAuthentication, served_dial(&f));
	ATF_CHECK_STREQ(CONNECTING " A(11101)" DOWN, f.f_events);
	ATF_CHECK(strstr(f.f_reason, "not for other") != NULL);
	ATF_CHECK_EQ(ptOk, securetcp_set_server_name(f.f_tcp, NULL));
	f.f_on_authenticate = put_off;
	ATF_CHECK_EQ(ptAuthentication, served_dial(&f));
	ATF_CHECK_STREQ(CONNECTING " A(11111)" DOWN, f.f_events);
	ATF_CHECK(strstr(f.f_reason, "no verdict") != NULL);
	served_finish(&f);
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
	return (atf_no_error());
}
