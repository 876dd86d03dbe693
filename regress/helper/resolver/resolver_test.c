/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The shipped securetcp-resolver, as its parent sees it. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"
#include "dns.h"
#include "proc.h"
#include "securetcp.h"
#include "shipped.h"
#include "shipped_parent.h"
#include "wire.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* The addresses of the last answer, in words and in its order. */
static char	 said[WIRE_ADDRESSES * INET6_ADDRSTRLEN];

const char	 parent_helper[] = "securetcp-resolver";

/* As the daemon's parent begins; READY is awaited. */
static void
started(struct parent *parent, const atf_tc_t *tc, struct wire_ready *ready)
{
	struct wire_start	 start;

	memset(&start, 0, sizeof(start));
	start.ws_nofile = 64;
	start.ws_flags = WIRE_START_FILES;
	strlcpy(start.ws_title, "securetcp-resolver: names",
	    sizeof(start.ws_title));
	parent_start(parent, tc, &start);
	parent_expect(parent, WIRE_READY, ready, sizeof(*ready));
}

static void
ask(struct parent *parent, uint32_t number, const char *host)
{
	struct wire_resolve	 question;

	memset(&question, 0, sizeof(question));
	question.wre_request = number;
	ATF_REQUIRE(strlcpy(question.wre_host, host,
	    sizeof(question.wre_host)) < sizeof(question.wre_host));
	parent_send(parent, WIRE_RESOLVE, -1, &question, sizeof(question));
}

static void
describe(const struct wire_resolved *answer)
{
	const uint8_t	*p;
	char		 text[INET6_ADDRSTRLEN];
	size_t		 i;

	said[0] = '\0';
	ATF_REQUIRE(answer->wrd_addresses_len % WIRE_ADDRESS_LEN == 0);
	for (i = 0; i < answer->wrd_addresses_len; i += WIRE_ADDRESS_LEN) {
		p = answer->wrd_addresses + i;
		ATF_REQUIRE_MSG(*p == 4 || *p == 6, "family %u", *p);
		ATF_REQUIRE(inet_ntop(*p == 4 ? AF_INET : AF_INET6, p + 1,
		    text, sizeof(text)) != NULL);
		if (i > 0)
			strlcat(said, " ", sizeof(said));
		strlcat(said, text, sizeof(said));
	}
}

/* Takes the answer, and holds it against the rules for all answers. */
static uint32_t
answered(struct parent *parent, uint32_t number, char *reason)
{
	struct wire_resolved	 answer;

	parent_expect(parent, WIRE_RESOLVED, &answer, sizeof(answer));
	ATF_CHECK_EQ(answer.wrd_request, number);
	describe(&answer);
	if (answer.wrd_error == 0) {
		ATF_CHECK(answer.wrd_addresses_len > 0);
		ATF_CHECK_STREQ(answer.wrd_reason, "");
	} else {
		ATF_CHECK_EQ(answer.wrd_addresses_len, 0);
		ATF_CHECK(answer.wrd_reason[0] != '\0');
		ATF_CHECK(securetcp_error_name((int)answer.wrd_error) !=
		    NULL);
	}
	if (reason != NULL)
		strlcpy(reason, answer.wrd_reason, WIRE_REASON);
	return (answer.wrd_error);
}

static void
is(struct parent *parent, const char *host, const char *addresses)
{
	static uint32_t	 number;
	char		 reason[WIRE_REASON];
	uint32_t	 error;

	ask(parent, ++number, host);
	error = answered(parent, number, reason);
	ATF_CHECK_MSG(error == 0, "%s: %u %s", host, error, reason);
	ATF_CHECK_MSG(strcmp(said, addresses) == 0, "%s: %s, not %s", host,
	    said, addresses);
}

static void
is_not(struct parent *parent, const char *host, uint32_t want)
{
	static uint32_t	 number = 0xffffff00;
	char		 reason[WIRE_REASON];
	uint32_t	 error;

	ask(parent, ++number, host);
	error = answered(parent, number, reason);
	ATF_CHECK_MSG(error == want, "%s: %u %s, not %u: %s", host, error,
	    reason, want, said);
}

ATF_TC(names);
ATF_TC_HEAD(names, tc)
{
	atf_tc_set_md_var(tc, "descr", "localhost has loopback addresses, a "
	    "numeric address is itself, and a name under .invalid is an "
	    "error in words");
}
ATF_TC_BODY(names, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;
	char			 reason[WIRE_REASON];
	uint32_t		 error;

	started(&parent, tc, &ready);
	is(&parent, "127.0.0.1", "127.0.0.1");
	is(&parent, "192.0.2.7", "192.0.2.7");
	is(&parent, "2001:db8::7", "2001:db8::7");
	ask(&parent, 7, "localhost");
	ATF_CHECK_EQ(answered(&parent, 7, NULL), 0);
	ATF_CHECK_MSG(strcmp(said, "127.0.0.1") == 0 ||
	    strcmp(said, "::1") == 0 || strcmp(said, "::1 127.0.0.1") == 0 ||
	    strcmp(said, "127.0.0.1 ::1") == 0, "%s", said);
	ask(&parent, 8, "name.invalid");
	error = answered(&parent, 8, reason);
	ATF_CHECK_MSG(error >= ptHostNotFound && error <= ptNoData, "%u",
	    error);
	printf("name.invalid: %u %s\n", error, reason);
	parent_end(&parent);
}

ATF_TC(bad_names);
ATF_TC_HEAD(bad_names, tc)
{
	atf_tc_set_md_var(tc, "descr", "What is no host name is told so and "
	    "never looked up, and the resolver goes on");
}
ATF_TC_BODY(bad_names, tc)
{
	static const char *const bad[] = {
		"", " ", "two words", "a\tb", "a\nb", "\001", "caf\303\251",
		"fe80::1%lo", "a/b", "*", "a,b", "\"", "a\177"
	};
	struct wire_ready	 ready;
	struct parent		 parent;
	char			 longest[WIRE_HOST], reason[WIRE_REASON];
	size_t			 i;

	started(&parent, tc, &ready);
	for (i = 0; i < NITEMS(bad); i++) {
		ask(&parent, (uint32_t)i, bad[i]);
		ATF_CHECK_EQ(answered(&parent, (uint32_t)i, reason),
		    ptHostNotFound);
		ATF_CHECK_STREQ(reason, "not a host name");
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ask(&parent, 1, longest);
	ATF_CHECK(answered(&parent, 1, NULL) != 0);
	is(&parent, "127.0.0.1", "127.0.0.1");
	parent_end(&parent);
}

ATF_TC(many_questions);
ATF_TC_HEAD(many_questions, tc)
{
	atf_tc_set_md_var(tc, "descr", "200 questions at once are answered "
	    "in their order");
}
ATF_TC_BODY(many_questions, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;
	char			 host[16];
	uint32_t		 i;

	started(&parent, tc, &ready);
	for (i = 0; i < 200; i++) {
		snprintf(host, sizeof(host), "192.0.2.%u", i);
		ask(&parent, i, host);
	}
	for (i = 0; i < 200; i++) {
		snprintf(host, sizeof(host), "192.0.2.%u", i);
		ATF_CHECK_EQ(answered(&parent, i, NULL), 0);
		ATF_CHECK_STREQ(said, host);
	}
	parent_end(&parent);
}

/* A name server of our own, and files of /etc that lead to it. */
static void
world(pid_t *server)
{
	if (dns_world("127.0.0.1 localhost\n"
	    "192.0.2.80 first.example alias.example\n"
	    "2001:db8::80 first.example\n"
	    "192.0.2.80 first.example\n",
	    "hosts: files dns\n",
	    "nameserver " DNS_ADDRESS "\n") == -1)
		atf_tc_skip("needs files of /etc for this test alone: %s",
		    strerror(errno));
	if (dns_serve(server) == -1)
		atf_tc_skip("%s port 53: %s", DNS_ADDRESS, strerror(errno));
}

ATF_TC(hosts);
ATF_TC_HEAD(hosts, tc)
{
	atf_tc_set_md_var(tc, "descr", "Names and aliases of /etc/hosts are "
	    "found, each address once");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(hosts, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;
	pid_t			 server;

	world(&server);
	started(&parent, tc, &ready);
	is(&parent, "alias.example", "192.0.2.80");
	ask(&parent, 9, "first.example");
	ATF_CHECK_EQ(answered(&parent, 9, NULL), 0);
	ATF_CHECK_MSG(strcmp(said, "192.0.2.80 2001:db8::80") == 0 ||
	    strcmp(said, "2001:db8::80 192.0.2.80") == 0, "%s", said);
	parent_end(&parent);
	kill(server, SIGKILL);
}

ATF_TC(name_server);
ATF_TC_HEAD(name_server, tc)
{
	atf_tc_set_md_var(tc, "descr", "From inside its sandbox it asks a "
	    "name server, by UDP and by TCP; addresses come once each, 16 at "
	    "most, and only those that can be connected to; every failure "
	    "has its number");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(name_server, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;
	struct timespec		 begin, end;
	pid_t			 server;
	size_t			 i, n;

	world(&server);
	started(&parent, tc, &ready);
	ask(&parent, 1, "two.example.org");
	ATF_CHECK_EQ(answered(&parent, 1, NULL), 0);
	ATF_CHECK(strstr(said, "192.0.2.1") != NULL);
	ATF_CHECK(strstr(said, "192.0.2.2") != NULL);
	ATF_CHECK(strstr(said, "2001:db8::1") != NULL);
	ATF_CHECK_EQ(strlen(said), strlen("192.0.2.1 192.0.2.2 2001:db8::1"));
	ask(&parent, 2, "dup.example.org");
	ATF_CHECK_EQ(answered(&parent, 2, NULL), 0);
	ATF_CHECK_MSG(strcmp(said, "192.0.2.1 192.0.2.2") == 0 ||
	    strcmp(said, "192.0.2.2 192.0.2.1") == 0, "%s", said);
	is(&parent, "tcp.example.org", "192.0.2.3");
	ask(&parent, 3, "many.example.org");
	ATF_CHECK_EQ(answered(&parent, 3, NULL), 0);
	for (i = 0, n = 1; said[i] != '\0'; i++)
		n += said[i] == ' ';
	ATF_CHECK_EQ(n, WIRE_ADDRESSES);
	is_not(&parent, "useless.example.org", ptNoData);
	is_not(&parent, "none.example.org", ptNoData);
	is_not(&parent, "nx.example.org", ptHostNotFound);
	is_not(&parent, "fail.example.org", ptTryAgain);
	/* Sooner than the parent would give the resolver up. */
	clock_gettime(CLOCK_MONOTONIC, &begin);
	is_not(&parent, "silent.example.org", ptTryAgain);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ATF_CHECK_MSG(end.tv_sec - begin.tv_sec < 15, "%ld seconds",
	    (long)(end.tv_sec - begin.tv_sec));
	is(&parent, "tcp.example.org", "192.0.2.3");
	parent_end(&parent);
	kill(server, SIGKILL);
}

ATF_TC(parent_dies);
ATF_TC_HEAD(parent_dies, tc)
{
	atf_tc_set_md_var(tc, "descr", "While it waits for a name server that "
	    "is silent it does not outlive its parent");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(parent_dies, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;
	pid_t			 middle, server;
	int			 fds[2], i, status;

	if (proc_no_reaper != NULL)
		atf_tc_skip("%s", proc_no_reaper);
	world(&server);
	ATF_REQUIRE(compat_reaper() == 0);
	ATF_REQUIRE(pipe(fds) == 0);
	ATF_REQUIRE((middle = fork()) != -1);
	if (middle == 0) {
		started(&parent, tc, &ready);
		ask(&parent, 1, "127.0.0.1");
		ask(&parent, 2, "silent.example.org");
		(void)answered(&parent, 1, NULL);
		if (write(fds[1], &parent.p_pid, sizeof(pid_t)) !=
		    (ssize_t)sizeof(pid_t))
			_exit(1);
		/* Time to get from the first answer to the name server. */
		usleep(200000);
		_exit(0);
	}
	ATF_REQUIRE(read(fds[0], &parent.p_pid, sizeof(pid_t)) ==
	    (ssize_t)sizeof(pid_t));
	ATF_REQUIRE(waitpid(middle, &status, 0) == middle);
	ATF_CHECK_EQ(status, 0);
	for (i = 0; i < 100; i++) {
		if (waitpid(parent.p_pid, &status, WNOHANG) == parent.p_pid)
			break;
		usleep(10000);
	}
	ATF_CHECK_MSG(i < 100, "it is still there after a second");
	ATF_CHECK(i == 100 || (WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGKILL));
	kill(server, SIGKILL);
}

ATF_TC(by_hand);
ATF_TC_HEAD(by_hand, tc)
{
	atf_tc_set_md_var(tc, "descr", "Run by hand it says who starts it and "
	    "exits 1");
}
ATF_TC_BODY(by_hand, tc)
{
	shipped_refuses(tc, parent_helper, -1, NULL,
	    "started by securetcpd(8) only");
}

ATF_TC(violations);
ATF_TC_HEAD(violations, tc)
{
	atf_tc_set_md_var(tc, "descr", "What the parent must not say ends the "
	    "resolver with FATAL and exit code 2");
}
ATF_TC_BODY(violations, tc)
{
	static const uint8_t	 short_raw[] = { WIRE_VERSION, 0 };
	static const uint8_t	 other_raw[] = { WIRE_VERSION + 6, 1 };
	struct wire_resolve	 question;
	struct wire_ready	 ready;
	struct wire_id		 id;
	struct parent		 parent;

	memset(&question, 0, sizeof(question));
	memset(&id, 0, sizeof(id));

	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_RESOLVE, -1, &question, sizeof(question));
	parent_fatal(&parent, "RESOLVE instead of START");

	parent_spawn(&parent, tc);
	parent_send_raw(&parent, WIRE_START, other_raw, sizeof(other_raw));
	parent_fatal(&parent, "installed apart?");

	started(&parent, tc, &ready);
	parent_send(&parent, WIRE_FORK, -1, &id, sizeof(id));
	parent_fatal(&parent, "FORK instead of RESOLVE");

	started(&parent, tc, &ready);
	parent_send_raw(&parent, WIRE_RESOLVE, short_raw, sizeof(short_raw));
	parent_fatal(&parent, "RESOLVE: ");
}

ATF_TC(not_root);
ATF_TC_HEAD(not_root, tc)
{
	atf_tc_set_md_var(tc, "descr", "Told to stay root, to become root, or "
	    "given a directory to be locked into, it refuses");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(not_root, tc)
{
	struct wire_start	 start;
	struct parent		 parent;

	memset(&start, 0, sizeof(start));
	start.ws_nofile = 16;
	start.ws_flags = WIRE_START_FILES;
	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_START, -1, &start, sizeof(start));
	parent_fatal(&parent, "asked to keep running as root");

	start.ws_flags |= WIRE_START_DROP;
	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_START, -1, &start, sizeof(start));
	parent_fatal(&parent, "user 0 group 0");

	start.ws_uid = start.ws_gid = PARENT_UID;
	parent_spawn(&parent, tc);
	parent_send(&parent, WIRE_START, open("/dev/null", O_RDONLY), &start,
	    sizeof(start));
	parent_fatal(&parent, "START with a descriptor");
}

ATF_TC(ordinary_user);
ATF_TC_HEAD(ordinary_user, tc)
{
	atf_tc_set_md_var(tc, "descr", "Started by an ordinary user it works, "
	    "sandboxed, without change of user");
	atf_tc_set_md_var(tc, "require.user", "unprivileged");
}
ATF_TC_BODY(ordinary_user, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;

	started(&parent, tc, &ready);
	ATF_CHECK_MSG(strncmp(ready.wr_sandbox, "none", 4) != 0, "%s",
	    ready.wr_sandbox);
	is(&parent, "127.0.0.1", "127.0.0.1");
	parent_end(&parent);
}

ATF_TC(pipe_end);
ATF_TC_HEAD(pipe_end, tc)
{
	atf_tc_set_md_var(tc, "descr", "The end of the pipe ends the resolver "
	    "in every state, with exit code 3");
}
ATF_TC_BODY(pipe_end, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;

	parent_spawn(&parent, tc);
	parent_end(&parent);
	started(&parent, tc, &ready);
	parent_end(&parent);
	started(&parent, tc, &ready);
	is(&parent, "127.0.0.1", "127.0.0.1");
	parent_end(&parent);
}

/* Where it is in the file system and the network. */
static void
check_place(pid_t pid)
{
	struct stat	 mine;

	ATF_REQUIRE(stat("/", &mine) == 0);
	ATF_CHECK_EQ(mine.st_ino, proc_root(pid));
	ATF_CHECK(proc_network(pid));
}

ATF_TC(process);
ATF_TC_HEAD(process, tc)
{
	atf_tc_set_md_var(tc, "descr", "The running resolver is what it was "
	    "told to be: user, group, title, limits, sandbox, descriptors 0 "
	    "to 3 only; it keeps the root directory and the network");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(process, tc)
{
	struct wire_ready	 ready;
	struct parent		 parent;

	proc_need();
	started(&parent, tc, &ready);
	is(&parent, "127.0.0.1", "127.0.0.1");
	ATF_CHECK_MSG(strncmp(ready.wr_sandbox, proc_sandbox,
	    strlen(proc_sandbox)) == 0 &&
	    strstr(ready.wr_sandbox, "netns") == NULL &&
	    strstr(ready.wr_sandbox, "landlock") == NULL, "%s",
	    ready.wr_sandbox);
	parent_check(&parent, "securetcp-resolver: names", 64, proc_services);
	check_place(parent.p_pid);
	parent_end(&parent);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, bad_names);
	ATF_TP_ADD_TC(tp, many_questions);
	ATF_TP_ADD_TC(tp, hosts);
	ATF_TP_ADD_TC(tp, name_server);
	ATF_TP_ADD_TC(tp, parent_dies);
	ATF_TP_ADD_TC(tp, by_hand);
	ATF_TP_ADD_TC(tp, violations);
	ATF_TP_ADD_TC(tp, not_root);
	ATF_TP_ADD_TC(tp, ordinary_user);
	ATF_TP_ADD_TC(tp, pipe_end);
	ATF_TP_ADD_TC(tp, process);
	return (atf_no_error());
}
