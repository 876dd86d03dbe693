/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the launcher does not take, from its parent or from a person. */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "master.h"
#include "shipped.h"

static void	 refuses(const atf_tc_t *, const struct wire_program *,
		    const char *);
static void	 usual(struct wire_program *);
static int	 some_fd(void);
static void	 send_id(struct master *, enum wire_type, int, uint64_t);
static void	 send_run(struct master *, int, uint64_t, uint32_t,
		    const char *, size_t);
static void	 ready(struct master *, const atf_tc_t *);

ATF_TC(by_hand);
ATF_TC_HEAD(by_hand, tc)
{
	atf_tc_set_md_var(tc, "descr", "without its pipe as descriptor 3, or "
	    "with an argument, the program says who runs it and exits with 1");
}
ATF_TC_BODY(by_hand, tc)
{
	static const char	 name[] = "securetcp-launcher";

	shipped_refuses(tc, name, -1, NULL, "started by securetcpd(8) only");
	shipped_refuses(tc, name, -1, "-n",
	    "takes no arguments: it is run by securetcpd(8)");
}

static void
usual(struct wire_program *wp)
{
	char	*argv[2], name[] = "cat";

	argv[0] = name;
	argv[1] = NULL;
	master_fill(wp, "/bin/cat", argv);
}

/* That the program is refused, and the launcher with it. */
static void
refuses(const atf_tc_t *tc, const struct wire_program *wp, const char *why)
{
	struct master	 m;

	master_launch(&m, tc);
	master_identify(&m);
	master_send(&m, WIRE_PROGRAM, -1, wp, sizeof(*wp));
	master_send(&m, WIRE_PROGRAM_END, -1, NULL, 0);
	master_fatal(&m, why);
	ATF_CHECK_EQ(0, m.m_ready);
}

ATF_TC(programs);
ATF_TC_HEAD(programs, tc)
{
	atf_tc_set_md_var(tc, "descr", "programs that cannot be run as they "
	    "are described end the launcher before it is ready");
}
ATF_TC_BODY(programs, tc)
{
	struct wire_program	 wp;

	usual(&wp);
	wp.wp_index = 1;
	refuses(tc, &wp, "program 1, /bin/cat");
	usual(&wp);
	(void)strlcpy(wp.wp_path, "bin/cat", sizeof(wp.wp_path));
	refuses(tc, &wp, "not absolute");
	usual(&wp);
	wp.wp_path[0] = '\0';
	refuses(tc, &wp, "not absolute");
	usual(&wp);
	wp.wp_arguments_len = 0;
	refuses(tc, &wp, "without the name");
	usual(&wp);
	wp.wp_arguments_len--;
	refuses(tc, &wp, "Invalid argument");
	usual(&wp);
	wp.wp_groups_len = 5;
	refuses(tc, &wp, "half a group");
}

ATF_TC(early);
ATF_TC_HEAD(early, tc)
{
	atf_tc_set_md_var(tc, "descr", "nothing is run before PROGRAM_END, and "
	    "no program is added after it");
}
ATF_TC_BODY(early, tc)
{
	struct wire_program	 wp;
	struct master		 m;

	usual(&wp);
	master_launch(&m, tc);
	master_identify(&m);
	master_send(&m, WIRE_PROGRAM, -1, &wp, sizeof(wp));
	send_run(&m, some_fd(), 17, 0, "", 0);
	master_fatal(&m, "RUN before PROGRAM_END");
	ready(&m, tc);
	wp.wp_index = 1;
	master_send(&m, WIRE_PROGRAM, -1, &wp, sizeof(wp));
	master_fatal(&m, "unexpected PROGRAM");
}

/* An end of a socket whose other end nobody has. */
static int
some_fd(void)
{
	int	 sv[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	(void)close(sv[0]);
	return (sv[1]);
}

static void
send_id(struct master *m, enum wire_type type, int fd, uint64_t session)
{
	struct wire_id	 wx;

	memset(&wx, 0, sizeof(wx));
	wx.wx_session = session;
	master_send(m, type, fd, &wx, sizeof(wx));
}

static void
send_run(struct master *m, int fd, uint64_t session, uint32_t index,
    const char *environment, size_t len)
{
	static struct wire_run	 wrn;

	memset(&wrn, 0, sizeof(wrn));
	wrn.wrn_session = session;
	wrn.wrn_index = index;
	wrn.wrn_environment_len = (uint16_t)len;
	memcpy(wrn.wrn_environment, environment, len);
	master_send(m, WIRE_RUN, fd, &wrn, sizeof(wrn));
}

static void
ready(struct master *m, const atf_tc_t *tc)
{
	master_start(m, tc, "read x");
}

ATF_TC(orders);
ATF_TC_HEAD(orders, tc)
{
	atf_tc_set_md_var(tc, "descr", "orders that are incomplete, out of "
	    "order or about no program end the launcher with a message");
}
ATF_TC_BODY(orders, tc)
{
	struct master	 m;

	ready(&m, tc);
	send_id(&m, WIRE_STDERR, -1, 17);
	master_fatal(&m, "session 17: STDERR came without a descriptor");

	ready(&m, tc);
	send_id(&m, WIRE_STDERR, some_fd(), 17);
	send_id(&m, WIRE_STDERR, some_fd(), 18);
	master_fatal(&m, "session 17: STDERR without a RUN behind it");

	ready(&m, tc);
	send_run(&m, some_fd(), 17, 0, "", 0);
	master_fatal(&m, "session 17: RUN without STDERR before it");

	ready(&m, tc);
	send_id(&m, WIRE_STDERR, some_fd(), 17);
	send_run(&m, some_fd(), 18, 0, "", 0);
	master_fatal(&m, "session 18: RUN without STDERR before it");

	ready(&m, tc);
	send_id(&m, WIRE_STDERR, some_fd(), 17);
	send_run(&m, -1, 17, 0, "", 0);
	master_fatal(&m, "session 17: RUN came without its connection");

	ready(&m, tc);
	send_id(&m, WIRE_STDERR, some_fd(), 17);
	send_run(&m, some_fd(), 17, 1, "", 0);
	master_fatal(&m, "session 17: there is no program 1");

	ready(&m, tc);
	send_id(&m, WIRE_STDERR, some_fd(), 17);
	send_run(&m, some_fd(), 17, 0, "A=b", 3);
	master_fatal(&m, "session 17: malformed environment");

	ready(&m, tc);
	send_id(&m, WIRE_FORK, some_fd(), 17);
	master_fatal(&m, "unexpected FORK");
}

ATF_TC(twice);
ATF_TC_HEAD(twice, tc)
{
	atf_tc_set_md_var(tc, "descr", "a second program for a session that "
	    "has one ends the launcher, and both programs with it");
}
ATF_TC_BODY(twice, tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;

	master_start(&m, tc, "trap '' TERM; echo up; sleep 1000; sleep 1000");
	r = master_run(&m, 0);
	free(master_line(&m, r->r_fd));
	send_id(&m, WIRE_STDERR, some_fd(), r->r_session);
	send_run(&m, some_fd(), r->r_session, 0, "", 0);
	master_fatal(&m, "has a program already");
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
}

ATF_TC(stay_root);
ATF_TC_HEAD(stay_root, tc)
{
	atf_tc_set_md_var(tc, "descr", "without the flag of a launcher it does "
	    "not keep running as root");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(stay_root, tc)
{
	struct wire_start	 ws;
	struct master		 m;

	memset(&ws, 0, sizeof(ws));
	ws.ws_nofile = 64;
	master_launch(&m, tc);
	master_send(&m, WIRE_START, -1, &ws, sizeof(ws));
	master_fatal(&m, "asked to keep running as root: refused");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, by_hand);
	ATF_TP_ADD_TC(tp, programs);
	ATF_TP_ADD_TC(tp, early);
	ATF_TP_ADD_TC(tp, orders);
	ATF_TP_ADD_TC(tp, twice);
	ATF_TP_ADD_TC(tp, stay_root);
	return (atf_no_error());
}
