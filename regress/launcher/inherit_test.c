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

static void	 need_proc(void);
static void	 says(const atf_tc_t *, const char *, const char *);
static void	 own_status(const char *, char *, size_t);

static void
need_proc(void)
{
	if (access("/proc/self/status", R_OK) == -1)
		atf_tc_skip("needs /proc as Linux has it");
}

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
	struct master	 m;
	struct run	*r;
	char		*out;
	int		 i;

	need_proc();
	master_launch(&m, tc);
	master_identify(&m);
	(void)master_shell(&m, "read x");
	(void)master_shell(&m, "ls /proc/$$/fd; exit 0");
	master_loaded(&m);
	for (i = 0; i < 10; i++)
		(void)master_run(&m, 0);
	r = master_run(&m, 1);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("0\n1\n2\n", out);
	free(out);
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

/* "Seccomp:", "NoNewPrivs:" and the like of this process. */
static void
own_status(const char *key, char *line, size_t size)
{
	FILE	*fp;

	ATF_REQUIRE((fp = fopen("/proc/self/status", "r")) != NULL);
	while (fgets(line, (int)size, fp) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0) {
			(void)fclose(fp);
			return;
		}
	}
	atf_tc_fail("no %s in /proc/self/status", key);
}

ATF_TC(unconfined);
ATF_TC_HEAD(unconfined, tc)
{
	atf_tc_set_md_var(tc, "descr", "no seccomp filter, no lost privileges "
	    "and no empty network namespace are inherited from the launcher, "
	    "which has no sandbox on Linux and says so");
}
ATF_TC_BODY(unconfined, tc)
{
	char		 seccomp[64], privs[64], net[64], wanted[512];
	struct master	 m;
	ssize_t		 n;

	need_proc();
	own_status("NoNewPrivs:", privs, sizeof(privs));
	own_status("Seccomp:", seccomp, sizeof(seccomp));
	ATF_REQUIRE((n = readlink("/proc/self/ns/net", net,
	    sizeof(net) - 1)) != -1);
	net[n] = '\0';
	(void)snprintf(wanted, sizeof(wanted), "%s%s%s\n", privs, seccomp,
	    net);
	says(tc, "grep -e ^NoNewPrivs: -e ^Seccomp: /proc/self/status; "
	    "readlink /proc/self/ns/net", wanted);
	master_start(&m, tc, "true");
	ATF_CHECK_STREQ("none", m.m_sandbox);
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
	need_proc();
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	says(tc, "exec grep -e ^SigBlk -e ^SigIgn /proc/self/status",
	    "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

ATF_TC(session);
ATF_TC_HEAD(session, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program leads a session and a "
	    "process group of its own, in the root directory");
}
ATF_TC_BODY(session, tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;
	pid_t		 pid;

	master_start(&m, tc, "pwd; echo $$; read x");
	r = master_run(&m, 0);
	out = master_line(&m, r->r_fd);
	ATF_CHECK_STREQ("/\n", out);
	free(out);
	out = master_line(&m, r->r_fd);
	pid = (pid_t)atoi(out);
	free(out);
	ATF_REQUIRE(pid > 1);
	ATF_CHECK_EQ(pid, getsid(pid));
	ATF_CHECK_EQ(pid, getpgid(pid));
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
