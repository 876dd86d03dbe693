/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What a program inherits, and that it is nothing else. */

#include <sys/types.h>
#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "master.h"
#include "proc.h"

static void	 says(const atf_tc_t *, const char *, const char *);
static pid_t	 speaks(struct master *, struct run **, const atf_tc_t *,
		    const char *);

/* That the script writes exactly this to its connection. */
static void
says(const atf_tc_t *tc, const char *script, const char *wanted)
{
	struct master	 m;
	struct run	*r;
	char		*out;

	master_start(&m, tc, script);
	r = master_run(&m, 0);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ(wanted, out);
	free(out);
	master_exited(&m, r, 0, 0);
	out = master_read(&m, r->r_errfd);
	ATF_CHECK_STREQ("", out);
	free(out);
	master_stop(&m);
}

/* A program that says its process id and stays; NULL: stay.c. */
static pid_t
speaks(struct master *m, struct run **r, const atf_tc_t *tc,
    const char *script)
{
	char	*out, path[1024];
	pid_t	 pid;

	proc_need();
	(void)snprintf(path, sizeof(path), "exec %s/stay",
	    atf_tc_get_config_var(tc, "srcdir"));
	master_start(m, tc, script == NULL ? path : script);
	*r = master_run(m, 0);
	out = master_line(m, (*r)->r_fd);
	pid = (pid_t)atoi(out);
	free(out);
	ATF_REQUIRE(pid > 1);
	return (pid);
}

ATF_TC(connection);
ATF_TC_HEAD(connection, tc)
{
	atf_tc_set_md_var(tc, "descr", "the connection is the program's 0 and "
	    "1: what comes in goes out, and ends when it ends");
}
ATF_TC_BODY(connection, tc)
{
	struct master	 m;
	struct run	*r;
	char		*argv[2], name[] = "cat", *out;

	argv[0] = name;
	argv[1] = NULL;
	master_launch(&m, tc);
	master_identify(&m);
	(void)master_program(&m, "/bin/cat", argv);
	master_loaded(&m);
	r = master_run(&m, 0);
	ATF_REQUIRE_EQ(6, write(r->r_fd, "hello\n", 6));
	out = master_line(&m, r->r_fd);
	ATF_CHECK_STREQ("hello\n", out);
	free(out);
	ATF_CHECK_EQ(0, r->r_exited);
	master_close(r);
	master_exited(&m, r, 0, 0);
	master_stop(&m);
}

ATF_TC(standard_error);
ATF_TC_HEAD(standard_error, tc)
{
	atf_tc_set_md_var(tc, "descr", "descriptor 2 is the one that came with "
	    "STDERR, and no other program's");
}
ATF_TC_BODY(standard_error, tc)
{
	struct master	 m;
	struct run	*r[2];
	char		*out;
	int		 i;

	master_start(&m, tc, "read x; echo \"$x\" >&2");
	r[0] = master_run(&m, 0);
	r[1] = master_run(&m, 0);
	ATF_REQUIRE_EQ(4, write(r[0]->r_fd, "one\n", 4));
	ATF_REQUIRE_EQ(4, write(r[1]->r_fd, "two\n", 4));
	for (i = 0; i < 2; i++) {
		out = master_read(&m, r[i]->r_errfd);
		ATF_CHECK_STREQ(i == 0 ? "one\n" : "two\n", out);
		free(out);
		out = master_read(&m, r[i]->r_fd);
		ATF_CHECK_STREQ("", out);
		free(out);
	}
	master_stop(&m);
}

ATF_TC(environment);
ATF_TC_HEAD(environment, tc)
{
	atf_tc_set_md_var(tc, "descr", "the environment is exactly what came "
	    "with RUN, also when that is nothing");
}
ATF_TC_BODY(environment, tc)
{
	static const char	 given[] = "PROTO=TLS\0EMPTY=\0"
	    "SSL_PEER_CERT_SUBJECT=O=a b\\,c,CN=x\0LAST=\303\244";
	struct master		 m;
	struct run		*r;
	char			*argv[2], name[] = "env", *out;

	argv[0] = name;
	argv[1] = NULL;
	master_launch(&m, tc);
	master_identify(&m);
	(void)master_program(&m, "/usr/bin/env", argv);
	master_loaded(&m);
	r = master_run_with(&m, 0, given, sizeof(given));
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("PROTO=TLS\nEMPTY=\n"
	    "SSL_PEER_CERT_SUBJECT=O=a b\\,c,CN=x\nLAST=\303\244\n", out);
	free(out);
	r = master_run_with(&m, 0, "", 0);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
	master_exited(&m, r, 0, 0);
	master_stop(&m);
}

ATF_TC(large_environment);
ATF_TC_HEAD(large_environment, tc)
{
	atf_tc_set_md_var(tc, "descr", "the largest environment a message can "
	    "hold arrives whole");
}
ATF_TC_BODY(large_environment, tc)
{
	static char	 given[WIRE_ENVIRONMENT];
	struct master	 m;
	struct run	*r;
	char		*out;

	memset(given, 'x', sizeof(given));
	memcpy(given, "LONG=", 5);
	given[sizeof(given) - 1] = '\0';
	master_start(&m, tc, "echo ${#LONG}");
	r = master_run_with(&m, 0, given, sizeof(given));
	out = master_read(&m, r->r_fd);
	ATF_CHECK_EQ(WIRE_ENVIRONMENT - 6, atoi(out));
	free(out);
	master_stop(&m);
}

ATF_TC(arguments);
ATF_TC_HEAD(arguments, tc)
{
	atf_tc_set_md_var(tc, "descr", "each program gets its own arguments, "
	    "empty ones and spaces included, and its first is its name");
}
ATF_TC_BODY(arguments, tc)
{
	struct master	 m;
	struct run	*r;
	char		*argv[7], name[] = "other-name", option[] = "-c";
	char		 script[] = "printf '%s|' \"$0\" \"$@\"";
	char		 zero[] = "zero", space[] = "a  b", empty[] = "", *out;

	argv[0] = name;
	argv[1] = option;
	argv[2] = script;
	argv[3] = zero;
	argv[4] = empty;
	argv[5] = space;
	argv[6] = NULL;
	master_launch(&m, tc);
	master_identify(&m);
	ATF_CHECK_EQ(0, master_shell(&m, "echo first"));
	ATF_CHECK_EQ(1, master_program(&m, "/bin/sh", argv));
	master_loaded(&m);
	r = master_run(&m, 1);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("zero||a  b|", out);
	free(out);
	r = master_run(&m, 0);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("first\n", out);
	free(out);
	master_stop(&m);
}

ATF_TC(descriptors);
ATF_TC_HEAD(descriptors, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program has descriptors 0, 1 and 2 "
	    "and no other, though others run before and beside it");
}
ATF_TC_BODY(descriptors, tc)
{
	struct proc_file files[16];
	struct master	 m;
	struct run	*r[11];
	char		*out;
	size_t		 j, n;
	pid_t		 pid;
	int		 i, seen = 0;

	pid = speaks(&m, &r[0], tc, "echo $$; read x");
	for (i = 1; i < 11; i++) {
		r[i] = master_run(&m, 0);
		out = master_line(&m, r[i]->r_fd);
		pid = (pid_t)atoi(out);
		free(out);
	}
	ATF_REQUIRE(pid > 1);
	n = proc_files(pid, files, 16);
	ATF_CHECK_EQ(3, n);
	for (j = 0; j < n; j++) {
		ATF_REQUIRE_MSG(files[j].pf_fd >= 0 && files[j].pf_fd <= 2,
		    "%d is %s", files[j].pf_fd, files[j].pf_name);
		seen |= 1 << files[j].pf_fd;
	}
	ATF_CHECK_EQ(7, seen);
	master_stop(&m);
}

ATF_TC(identity);
ATF_TC_HEAD(identity, tc)
{
	atf_tc_set_md_var(tc, "descr", "started by root, each program has the "
	    "user, group and groups it was given and cannot be root again, "
	    "except one whose user is root");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(identity, tc)
{
	static const uint8_t	 groups[] = {
		0, 0, 0x7d, 0x03, 0, 0x01, 0x00, 0x05
	};
	struct wire_program	 wp;
	struct master		 m;
	struct run		*r;
	char			*argv[4], name[] = "sh", option[] = "-c";
	char			 script[] = "echo $(id -u) $(id -ru) $(id -g) "
				    "$(id -rg) $(id -G)";
	char			*out;

	argv[0] = name;
	argv[1] = option;
	argv[2] = script;
	argv[3] = NULL;
	master_launch(&m, tc);
	master_identify(&m);
	master_fill(&wp, "/bin/sh", argv);
	wp.wp_uid = 32001;
	wp.wp_gid = 32002;
	memcpy(wp.wp_groups, groups, sizeof(groups));
	wp.wp_groups_len = sizeof(groups);
	master_send(&m, WIRE_PROGRAM, -1, &wp, sizeof(wp));
	wp.wp_index = 1;
	wp.wp_uid = wp.wp_gid = 0;
	wp.wp_groups_len = 0;
	master_send(&m, WIRE_PROGRAM, -1, &wp, sizeof(wp));
	master_loaded(&m);
	r = master_run(&m, 0);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("32001 32001 32002 32002 32002 32003 65541\n", out);
	free(out);
	r = master_run(&m, 1);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("0 0 0 0 0\n", out);
	free(out);
	master_stop(&m);
}

ATF_TC(limits);
ATF_TC_HEAD(limits, tc)
{
	atf_tc_set_md_var(tc, "descr", "the launcher's own limits, which allow "
	    "no file to be written, are not its programs'");
}
ATF_TC_BODY(limits, tc)
{
	struct rlimit	 rl;
	char		 wanted[128];

	/* One that the launcher has to lower, and one it has to raise. */
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_FSIZE, &rl));
	rl.rlim_cur = 1 << 20;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_FSIZE, &rl));
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = 99;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_CORE, &rl));
	rl.rlim_cur = rl.rlim_max;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_CORE, &rl));
	if (rl.rlim_cur == RLIM_INFINITY)
		(void)snprintf(wanted, sizeof(wanted), "99\nunlimited\n%d\n",
		    (1 << 20) / 512);
	else
		(void)snprintf(wanted, sizeof(wanted), "99\n%llu\n%d\n",
		    (unsigned long long)rl.rlim_cur / 512, (1 << 20) / 512);
	says(tc, "ulimit -n; ulimit -c; ulimit -f", wanted);
}

ATF_TC(unconfined);
ATF_TC_HEAD(unconfined, tc)
{
	atf_tc_set_md_var(tc, "descr", "no seccomp filter, no lost privileges, "
	    "no empty network namespace, no capability mode and no pledge are "
	    "inherited from the launcher, which names its own sandbox");
}
ATF_TC_BODY(unconfined, tc)
{
	struct proc_info	 mine, its;
	struct master		 m;
	struct run		*r;
	pid_t			 pid;

	pid = speaks(&m, &r, tc, NULL);
	ATF_REQUIRE_EQ(0, proc_get(getpid(), &mine));
	ATF_REQUIRE_EQ(0, proc_get(pid, &its));
	ATF_CHECK_STREQ(mine.pr_bounds, its.pr_bounds);
	ATF_CHECK(proc_network(pid));
	ATF_CHECK_STREQ(proc_launcher_sandbox, m.m_sandbox);
	master_stop(&m);
}

ATF_TC(signals);
ATF_TC_HEAD(signals, tc)
{
	atf_tc_set_md_var(tc, "descr", "no signal is blocked or ignored, "
	    "though the launcher ignores some, and so may its parent");
}
ATF_TC_BODY(signals, tc)
{
	struct proc_info	 pr;
	struct master		 m;
	struct run		*r;
	pid_t			 pid;

	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	pid = speaks(&m, &r, tc, NULL);
	ATF_REQUIRE_EQ(0, proc_get(pid, &pr));
	ATF_CHECK(!pr.pr_blocked);
	ATF_CHECK(!pr.pr_ignored);
	master_stop(&m);
}

ATF_TC(session);
ATF_TC_HEAD(session, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program leads a session and a "
	    "process group of its own, in the root directory");
}
ATF_TC_BODY(session, tc)
{
	struct proc_info	 pr;
	struct master		 m;
	struct run		*r;
	char			*out;
	pid_t			 pid;

	pid = speaks(&m, &r, tc, "echo $$; pwd; read x");
	out = master_line(&m, r->r_fd);
	ATF_CHECK_STREQ("/\n", out);
	free(out);
	ATF_REQUIRE_EQ(0, proc_get(pid, &pr));
	ATF_CHECK_EQ(pid, pr.pr_sid);
	ATF_CHECK_EQ(pid, pr.pr_pgid);
	master_stop(&m);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, connection);
	ATF_TP_ADD_TC(tp, standard_error);
	ATF_TP_ADD_TC(tp, environment);
	ATF_TP_ADD_TC(tp, large_environment);
	ATF_TP_ADD_TC(tp, arguments);
	ATF_TP_ADD_TC(tp, descriptors);
	ATF_TP_ADD_TC(tp, identity);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, unconfined);
	ATF_TP_ADD_TC(tp, signals);
	ATF_TP_ADD_TC(tp, session);
	return (atf_no_error());
}
