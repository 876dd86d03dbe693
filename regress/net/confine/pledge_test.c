/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The stand-in for OpenBSD: what pledge(2) and unveil(2) say it does. */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "include/pledge.h"
#include "probe.h"

#define ALL	"stdio rpath wpath cpath dpath tmppath inet mcast fattr " \
	"chown flock unix dns getpw sendfd recvfd tape tty proc exec "	\
	"prot_exec settime ps vminfo id pf route wroute audio video "	\
	"bpf unveil"
#define V(n)	((const void *)(intptr_t)(n))
#define MINUS	V(-1)

static struct flock		 lock;
static struct rlimit		 rlimit;
static struct sockaddr_un	 local = { AF_UNIX, "/nowhere" };
static struct sockaddr_un	 cache = { AF_UNIX, "/var/run/nscd/socket" };
static struct sockaddr_in	 internet;
static char			 buf[4096];
static int			 one = 1;
static socklen_t		 len = sizeof(int);
static uint64_t			 forking[8] = { 0, 0, 0, 0, SIGCHLD };

/* Messages with nothing, with a file's and with a directory's descriptor. */
static union cmsgbuf {
	char		 u_data[CMSG_SPACE(sizeof(int))];
	struct cmsghdr	 u_align;
}				 file_passed, directory_passed;
static struct iovec		 iov = { buf, 1 };
static struct msghdr		 plain = { NULL, 0, &iov, 1, NULL, 0, 0 };
static struct msghdr		 passed = { NULL, 0, &iov, 1, &file_passed,
				    sizeof(file_passed.u_data), 0 };
static struct msghdr		 directory = { NULL, 0, &iov, 1,
				    &directory_passed,
				    sizeof(directory_passed.u_data), 0 };

#define S	V(PROBE_SOCKET)
#define CWD	V(AT_FDCWD)

static const struct act	 acts[] = {
	{ SYS_fcntl, "F_GETLK, F_SETLK", { V(PROBE_FILE), V(F_SETLK), &lock } },
	{ SYS_fcntl, "", { S, V(F_GETFL) } },
	{ SYS_prlimit64, "a limit", { V(0), V(RLIMIT_CORE), &rlimit, V(0) } },
	{ SYS_prlimit64, "", { V(0), V(RLIMIT_CORE), V(0), &rlimit } },
	{ SYS_mmap, "PROT_EXEC", { V(0), V(4096), V(PROT_READ | PROT_EXEC),
	    V(MAP_PRIVATE | MAP_ANONYMOUS), MINUS, V(0) } },
	{ SYS_mmap, "", { V(0), V(4096), V(PROT_READ), V(MAP_PRIVATE |
	    MAP_ANONYMOUS), MINUS, V(0) } },
	{ SYS_mprotect, "PROT_EXEC", { V(0), V(0), V(PROT_EXEC) } },
	{ SYS_mprotect, "", { V(0), V(0), V(PROT_READ) } },
	{ SYS_sendmsg, "a directory's descriptor", { S, &directory, V(0) } },
	{ SYS_sendmsg, "a descriptor", { S, &passed, V(0) } },
	{ SYS_sendmsg, "", { S, &plain, V(0) } },
	{ SYS_sendto, "to an address", { S, buf, V(1), V(0), &local,
	    V(sizeof(local)) } },
	{ SYS_sendto, "", { S, buf, V(1), V(0), V(0), V(0) } },
	{ SYS_ioctl, "FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, isatty(3)",
	    { S, V(FIONREAD), buf } },
	{ SYS_ioctl, "", { S, V(TIOCGWINSZ), buf } },
	{ SYS_getsockopt, "SO_ERROR", { S, V(SOL_SOCKET), V(SO_ERROR), &one,
	    &len } },
	{ SYS_getsockopt, "", { S, V(SOL_SOCKET), V(SO_TYPE), &one, &len } },
	{ SYS_setsockopt, "TCP_NODELAY", { S, V(IPPROTO_TCP),
	    V(TCP_NODELAY), &one, V(sizeof(one)) } },
	{ SYS_setsockopt, "SOL_SOCKET", { S, V(SOL_SOCKET), V(SO_KEEPALIVE),
	    &one, V(sizeof(one)) } },
	{ SYS_setsockopt, "", { S, V(IPPROTO_IP), V(IP_TTL), &one,
	    V(sizeof(one)) } },
	{ SYS_socket, "AF_UNIX", { V(AF_UNIX), V(SOCK_STREAM), V(0) } },
	{ SYS_socket, "AF_INET, AF_INET6", { V(AF_INET), V(SOCK_STREAM),
	    V(0) } },
	{ SYS_socket, "AF_ROUTE", { V(AF_NETLINK), V(SOCK_RAW), V(0) } },
	{ SYS_connect, "the name service's cache of Linux", { S, &cache,
	    V(sizeof(cache)) } },
	{ SYS_connect, "AF_UNIX", { S, &local, V(sizeof(local)) } },
	{ SYS_connect, "AF_INET, AF_INET6", { S, &internet,
	    V(sizeof(internet)) } },
	{ SYS_bind, "AF_UNIX", { S, &local, V(sizeof(local)) } },
	{ SYS_bind, "AF_INET, AF_INET6", { S, &internet,
	    V(sizeof(internet)) } },
	{ SYS_openat, "/dev/null", { CWD, "/dev/null", V(O_RDWR) } },
	{ SYS_openat, "a time zone", { CWD, "/etc/localtime", V(O_RDONLY) } },
	{ SYS_openat, "of the name service", { CWD, "/etc/resolv.conf",
	    V(O_RDONLY) } },
	{ SYS_openat, "O_CREAT", { CWD, "made", V(O_WRONLY | O_CREAT),
	    V(0600) } },
	{ SYS_openat, "to write", { CWD, "probed", V(O_WRONLY) } },
	{ SYS_openat, "to read", { CWD, "probed", V(O_RDONLY) } },
	{ SYS_newfstatat, "", { V(PROBE_FILE), "", buf, V(AT_EMPTY_PATH) } },
	{ SYS_newfstatat, "a time zone", { CWD, "/etc/localtime", buf } },
	{ SYS_newfstatat, "of the name service", { CWD, "/etc/hosts",
	    buf } },
	{ SYS_newfstatat, "of the root, by which Linux's knows a chroot",
	    { CWD, "/", buf } },
	{ SYS_newfstatat, "any", { CWD, "probed", buf } },
	{ SYS_statx, "", { V(PROBE_FILE), "", V(AT_EMPTY_PATH), V(0), buf } },
	{ SYS_statx, "any", { CWD, "probed", V(0), V(0), buf } },
	{ SYS_faccessat, "a time zone", { CWD, "/etc/localtime", V(R_OK) } },
	{ SYS_faccessat, "", { CWD, "probed", V(R_OK) } },
	{ SYS_clone, "", { V(SIGCHLD) } },
	{ SYS_clone3, "", { forking, V(sizeof(forking)) } },
	{ SYS_kill, "oneself", { V(0), V(0) } },
	{ SYS_kill, "another", { V(1), V(0) } },
	{ 0, NULL, { NULL } }
};

/* A probe: with these promises, the call of this row. */
struct probe {
	const struct row	*p_row;
	char			 p_promises[512];
};

static void
probe_row(void *arg)
{
	struct probe	*p = arg;

	if (pledge(p->p_promises, NULL) == -1)
		_exit(96);
	(void)probe_call(p->p_row, acts, -1);
}

/* All promises but the words. */
static void
without(const char *words, char *promises, size_t size)
{
	char	 all[] = ALL, spaced[512], word[64], *next = all, *w;

	promises[0] = '\0';
	(void)snprintf(spaced, sizeof(spaced), " %s ", words);
	while ((w = strsep(&next, " ")) != NULL) {
		(void)snprintf(word, sizeof(word), " %s ", w);
		if (strstr(spaced, word) != NULL)
			continue;
		(void)strncat(promises, w, size - strlen(promises) - 1);
		(void)strncat(promises, " ", size - strlen(promises) - 1);
	}
}

static void
check_kept(struct probe *p, const char *promises)
{
	int	 status;

	(void)snprintf(p->p_promises, sizeof(p->p_promises), "%s", promises);
	status = probe_run(probe_row, p);
	ATF_CHECK_MSG(status == 0, "%s, %s, with \"%s\": status %#x",
	    p->p_row->r_call, p->p_row->r_condition, promises,
	    (unsigned int)status);
}

static void
check_violated(struct probe *p)
{
	int	 status;

	status = probe_run(probe_row, p);
	ATF_CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
	    "%s, %s, without \"%s\": status %#x", p->p_row->r_call,
	    p->p_row->r_condition, p->p_row->r_rest, (unsigned int)status);
	ATF_CHECK_MSG(probe_logged(p->p_row->r_call, ": SIGABRT"),
	    "%s is not in the log", p->p_row->r_call);
}

ATF_TC(rules);
ATF_TC_HEAD(rules, tc)
{
	atf_tc_set_md_var(tc, "descr", "Of each row of the table: with any "
	    "of its promises the call is made, without all of them the "
	    "caller is killed and the log says for what");
}
ATF_TC_BODY(rules, tc)
{
	static struct row	 rows[512];
	struct probe		 p;
	char			*next, *word, words[64];
	size_t			 i, n;

	(void)tc;
	probe_begin("pledge");
	probe_passing(&passed, PROBE_FILE);
	probe_passing(&directory, PROBE_DIRECTORY);
	n = probe_rows("pledge", rows, 512);
	for (i = 0; i < n; i++) {
		/* A thread would need a stack. */
		if (probe_never(&rows[i]) || rows[i].r_call[0] == '(')
			continue;
		p.p_row = &rows[i];
		(void)snprintf(words, sizeof(words), "%s", rows[i].r_rest);
		for (next = words; strcmp(words, "-") != 0 &&
		    (word = strsep(&next, " ")) != NULL;)
			check_kept(&p, word);
		without(rows[i].r_rest, p.p_promises, sizeof(p.p_promises));
		check_violated(&p);
	}
}

static void
act_exit(void *arg)
{
	(void)arg;
	if (pledge("", NULL) == -1)
		_exit(96);
}

static void
act_more(void *arg)
{
	(void)arg;
	if (pledge("stdio rpath", NULL) == -1 ||
	    pledge("stdio", NULL) == -1)
		_exit(1);
	if (pledge("stdio rpath", NULL) != -1 || errno != EPERM)
		_exit(2);
	if (pledge("stdio nonsense", NULL) != -1 || errno != EINVAL)
		_exit(3);
	if (pledge(NULL, NULL) == -1)
		_exit(4);
}

static void
act_forked(void *arg)
{
	int	 status;

	(void)arg;
	if (pledge("stdio proc", NULL) == -1)
		_exit(1);
	switch (fork()) {
	case -1:
		_exit(2);
	case 0:
		(void)open("probed", O_RDONLY);
		_exit(3);
	}
	if (wait(&status) == -1 || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGABRT)
		_exit(4);
}

/* The argument: promises for what is executed. */
static void
act_exec(void *arg)
{
	static char	*argv[] = { NULL, NULL }, *envp[] = { NULL };
	static char	 name[] = "cat";

	argv[0] = name;
	(void)dup2(PROBE_DIRECTORY, 0);
	if (pledge("stdio exec", arg) == -1)
		_exit(1);
	(void)execve("/bin/true", argv, envp);
	_exit(2);
}

ATF_TC(process);
ATF_TC_HEAD(process, tc)
{
	atf_tc_set_md_var(tc, "descr", "Promises only become fewer, survive "
	    "fork(2), and of exec(2) only those that were made for it; "
	    "_exit(2) takes none");
}
ATF_TC_BODY(process, tc)
{
	static char	 stdio[] = "stdio";
	static char	 more[] = "stdio rpath prot_exec";
	int		 status;

	(void)tc;
	probe_begin("pledge");
	ATF_CHECK_EQ(0, probe_run(act_exit, NULL));
	ATF_CHECK_EQ(0, probe_run(act_more, NULL));
	ATF_CHECK_EQ(0, probe_run(act_forked, NULL));
	ATF_CHECK_EQ(0, probe_run(act_exec, NULL));
	ATF_CHECK_EQ(0, probe_run(act_exec, more));
	/* The linker of the program that starts has to open libraries. */
	status = probe_run(act_exec, stdio);
	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
act_receive(void *arg)
{
	const char	*promises = arg;

	if (pledge(promises, NULL) == -1)
		_exit(1);
	if (probe_receive(PROBE_OTHER) == -1)
		_exit(2);
}

ATF_TC(received);
ATF_TC_HEAD(received, tc)
{
	atf_tc_set_md_var(tc, "descr", "A descriptor is received with "
	    "\"recvfd\" alone, and that of a directory not even so");
}
ATF_TC_BODY(received, tc)
{
	static char	 with[] = "stdio recvfd", out[] = "stdio", all[] = ALL;
	int		 status;

	(void)tc;
	probe_begin("pledge");
	probe_send(PROBE_SOCKET, PROBE_FILE);
	ATF_CHECK_EQ(0, probe_run(act_receive, with));
	probe_send(PROBE_SOCKET, PROBE_FILE);
	status = probe_run(act_receive, out);
	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ATF_CHECK(probe_logged("recvmsg", "\"recvfd\""));
	probe_send(PROBE_SOCKET, PROBE_DIRECTORY);
	status = probe_run(act_receive, all);
	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ATF_CHECK(probe_logged("recvmsg", "a directory's descriptor: never"));
}

static void
act_hidden(void *arg)
{
	(void)arg;
	if (unveil("/", "") == -1 || unveil(NULL, NULL) == -1)
		_exit(1);
	if (open("probed", O_RDONLY) != -1 || errno != ENOENT)
		_exit(2);
	if (open("/dev/null", O_RDWR) == -1)
		_exit(3);
	if (unveil("/", "r") != -1 || errno != EPERM)
		_exit(4);
}

static void
act_unveiled(void *arg)
{
	(void)arg;
	if (unveil("/etc", "r") == -1 || unveil(NULL, NULL) == -1)
		_exit(1);
	if (open("/etc/passwd", O_RDONLY) == -1)
		_exit(2);
	if (open("/etc/passwd", O_WRONLY) != -1 || errno != EACCES)
		_exit(3);
	if (open("/proc/self/stat", O_RDONLY) != -1 || errno != ENOENT)
		_exit(4);
}

ATF_TC(unveiled);
ATF_TC_HEAD(unveiled, tc)
{
	atf_tc_set_md_var(tc, "descr", "What unveil(2) does not show is not "
	    "there, what it shows cannot be used otherwise, and after the "
	    "lock nothing more is shown");
}
ATF_TC_BODY(unveiled, tc)
{
	(void)tc;
	probe_begin("pledge");
	ATF_CHECK_EQ(0, probe_run(act_hidden, NULL));
	ATF_CHECK_EQ(0, probe_run(act_unveiled, NULL));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rules);
	ATF_TP_ADD_TC(tp, process);
	ATF_TP_ADD_TC(tp, received);
	ATF_TP_ADD_TC(tp, unveiled);
	return (atf_no_error());
}
