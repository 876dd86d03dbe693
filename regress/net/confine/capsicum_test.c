/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The stand-in for FreeBSD: what capsicum(4) and rights(4) say it does. */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "include/capsicum.h"
#include "include/sys/capsicum.h"
#include "include/sys/event.h"
#include "include/sys/procctl.h"
#include "include/sys/procdesc.h"
#include "probe.h"

#define V(n)	((const void *)(intptr_t)(n))
#define S	V(PROBE_SOCKET)
#define D	V(PROBE_DIRECTORY)

static struct flock		 lock;
static struct sockaddr_un	 local = { AF_UNIX, "/nowhere" };
static char			 buf[4096];

static const struct act	 acts[] = {
	{ SYS_sendto, "to an address", { S, buf, V(1), V(0), &local,
	    V(sizeof(local)) } },
	{ SYS_sendto, "", { S, buf, V(1), V(0), V(0), V(0) } },
	{ SYS_fcntl, "F_GETFL, F_SETFL, F_GETOWN, F_SETOWN", { S,
	    V(F_GETFL) } },
	{ SYS_fcntl, "F_GETLK, F_SETLK", { V(PROBE_FILE), V(F_GETLK),
	    &lock } },
	{ SYS_fcntl, "", { S, V(F_GETFD) } },
	{ SYS_mmap, "MAP_ANON", { V(0), V(4096), V(PROT_READ), V(MAP_PRIVATE |
	    MAP_ANONYMOUS), V(-1), V(0) } },
	{ SYS_mmap, "", { V(0), V(4096), V(PROT_READ), V(MAP_PRIVATE),
	    V(PROBE_FILE), V(0) } },
	{ SYS_newfstatat, "by descriptor", { V(PROBE_FILE), "", buf,
	    V(AT_EMPTY_PATH) } },
	{ SYS_newfstatat, "", { D, "probed", buf, V(0) } },
	{ SYS_statx, "by descriptor", { V(PROBE_FILE), "", V(AT_EMPTY_PATH),
	    V(0), buf } },
	{ SYS_statx, "", { D, "probed", V(0), V(0), buf } },
	{ SYS_kill, "another", { V(1), V(0) } },
	{ 0, NULL, { NULL } }
};

/* What a row says. */
struct rule {
	const struct row	*r_row;
	char			 r_mode[8];
	int			 r_fd;
	unsigned long long	 r_rights;
	int			 r_trap;	/* as it is to be tried */
	int			 r_at;		/* AT_FDCWD, or a directory */
};

static void
rule_parse(const struct row *row, struct rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->r_row = row;
	ATF_REQUIRE(sscanf(row->r_rest, "%7s %d %llu", rule->r_mode,
	    &rule->r_fd, &rule->r_rights) == 3);
}

/* A fork(2) with these arguments, and oneself whom the table cannot name. */
static int
unprobed(const struct row *row)
{
	switch (row->r_nr) {
	case SYS_clone:
	case SYS_clone3:
#if defined(__x86_64__)
	case SYS_fork:
#endif
		return (1);
	}
	return (probe_never(row) || strcmp(row->r_condition, "oneself") == 0);
}

static void
act_enter(int trap)
{
	int	 on = PROC_TRAPCAP_CTL_ENABLE;

	if (trap && procctl(P_PID, (id_t)getpid(), PROC_TRAPCAP_CTL, &on) ==
	    -1)
		_exit(90);
	if (cap_enter() == -1)
		_exit(91);
}

/* 1: ECAPMODE, 2: ENOTCAPABLE, 0: neither. */
static void
act_told(long result)
{
	if (result == -1 && errno == ECAPMODE)
		_exit(1);
	if (result == -1 && errno == ENOTCAPABLE)
		_exit(2);
	_exit(0);
}

static void
act_mode(void *arg)
{
	struct rule		*r = arg;
	const struct row	*row = r->r_row;
	int			 fdarg = -1;

	if (strcmp(r->r_mode, "at") == 0 && r->r_at == AT_FDCWD)
		(void)close(PROBE_DIRECTORY);
	else if (strcmp(r->r_mode, "at") == 0)
		fdarg = 0;
	act_enter(r->r_trap);
	if (strcmp(r->r_mode, "at") == 0 && r->r_at == AT_FDCWD)
		act_told(syscall(row->r_nr, AT_FDCWD, "probed", buf, 0, 0,
		    0));
	act_told(probe_call(row, acts, fdarg));
}

static void
act_rights(void *arg)
{
	struct rule	*r = arg;
	cap_rights_t	 rights;

	rights.cr_bits = r->r_rights;
	if (cap_rights_limit(PROBE_SOCKET, &rights) == -1)
		_exit(92);
	act_told(probe_call(r->r_row, acts, r->r_fd));
}

static void
check_status(const struct rule *r, int expected, int status, const char *how)
{
	ATF_CHECK_MSG(status == expected, "%s, %s, %s: status %#x instead of "
	    "%#x", r->r_row->r_call, r->r_row->r_condition, how,
	    (unsigned int)status, (unsigned int)expected);
}

static void
check_mode(struct rule *r)
{
	if (strcmp(r->r_mode, "no") == 0) {
		check_status(r, W_EXITCODE(1, 0), probe_run(act_mode, r),
		    "in capability mode");
		r->r_trap = 1;
		check_status(r, SIGTRAP, probe_run(act_mode, r),
		    "with the trap");
	} else
		check_status(r, 0, probe_run(act_mode, r),
		    "in capability mode");
	if (strcmp(r->r_mode, "at") != 0)
		return;
	r->r_at = AT_FDCWD;
	check_status(r, W_EXITCODE(1, 0), probe_run(act_mode, r),
	    "by a path in capability mode");
}

static void
check_rights(struct rule *r)
{
	struct rule	 less;

	if (r->r_fd == -1)
		return;
	check_status(r, 0, probe_run(act_rights, r), "with its rights");
	less = *r;
	less.r_rights = ~r->r_rights;
	check_status(r, W_EXITCODE(2, 0), probe_run(act_rights, &less),
	    "without them");
}

ATF_TC(rules);
ATF_TC_HEAD(rules, tc)
{
	atf_tc_set_md_var(tc, "descr", "Of each row of the table: capability "
	    "mode has the call or gives ECAPMODE, or SIGTRAP with the trap; "
	    "with the rights of the row it is made, without them it is "
	    "ENOTCAPABLE");
}
ATF_TC_BODY(rules, tc)
{
	static struct row	 rows[512];
	struct rule		 r;
	size_t			 i, n;

	(void)tc;
	probe_begin("capsicum");
	n = probe_rows("capsicum", rows, 512);
	for (i = 0; i < n; i++) {
		if (unprobed(&rows[i]))
			continue;
		rule_parse(&rows[i], &r);
		check_rights(&r);
		check_mode(&r);
	}
}

/* Each of these says by its exit where it went wrong. */
static void
act_fork(void *arg)
{
	int	 status;

	(void)arg;
	act_enter(0);
	switch (fork()) {
	case -1:
		_exit(1);
	case 0:
		if (open("probed", O_RDONLY) != -1 || errno != ECAPMODE)
			_exit(2);
		if (kill(getpid(), 0) == -1)
			_exit(3);
		_exit(0);
	}
	if (wait(&status) == -1 || status != 0)
		_exit(4);
}

static void
act_trap_late(void *arg)
{
	int	 off = PROC_TRAPCAP_CTL_DISABLE;

	(void)arg;
	act_enter(0);
	if (procctl(P_PID, (id_t)getpid(), PROC_TRAPCAP_CTL, &off) != -1 ||
	    errno != ECAPMODE)
		_exit(1);
}

static void
act_trap_rights(void *arg)
{
	cap_rights_t	 rights;

	(void)arg;
	(void)cap_rights_init(&rights, CAP_READ);
	if (cap_rights_limit(PROBE_SOCKET, &rights) == -1)
		_exit(1);
	act_enter(1);
	(void)send(PROBE_SOCKET, buf, 1, 0);
}

ATF_TC(mode);
ATF_TC_HEAD(mode, tc)
{
	atf_tc_set_md_var(tc, "descr", "Capability mode is a child's as well; "
	    "the trap cannot be changed in it, and is for missing rights, "
	    "too");
}
ATF_TC_BODY(mode, tc)
{
	unsigned int	 entered;

	(void)tc;
	probe_begin("capsicum");
	ATF_CHECK(cap_getmode(&entered) == 0 && entered == 0);
	ATF_CHECK_EQ(0, probe_run(act_fork, NULL));
	ATF_CHECK_EQ(0, probe_run(act_trap_late, NULL));
	ATF_CHECK_EQ(SIGTRAP, probe_run(act_trap_rights, NULL));
	ATF_CHECK(probe_logged("sendto", "CAP_WRITE"));
}

static void
act_shrink(void *arg)
{
	static const cap_ioctl_t	 one[] = { FIONREAD };
	static const cap_ioctl_t	 two[] = { FIONREAD, FIONBIO };
	cap_rights_t			 few, more;

	(void)arg;
	(void)cap_rights_init(&few, CAP_READ, CAP_FCNTL, CAP_IOCTL);
	(void)cap_rights_init(&more, CAP_READ, CAP_FCNTL, CAP_IOCTL,
	    CAP_WRITE);
	if (cap_rights_limit(PROBE_SOCKET, &few) == -1 ||
	    cap_rights_limit(PROBE_SOCKET, &more) != -1 ||
	    errno != ENOTCAPABLE)
		_exit(1);
	if (cap_fcntls_limit(PROBE_SOCKET, CAP_FCNTL_GETFL) == -1 ||
	    cap_fcntls_limit(PROBE_SOCKET, CAP_FCNTL_GETFL |
	    CAP_FCNTL_SETFL) != -1 || errno != ENOTCAPABLE)
		_exit(2);
	if (fcntl(PROBE_SOCKET, F_GETFL) == -1 ||
	    fcntl(PROBE_SOCKET, F_SETFL, 0) != -1 || errno != ENOTCAPABLE)
		_exit(3);
	if (cap_ioctls_limit(PROBE_SOCKET, one, 1) == -1 ||
	    cap_ioctls_limit(PROBE_SOCKET, two, 2) != -1 ||
	    errno != ENOTCAPABLE)
		_exit(4);
	if (ioctl(PROBE_SOCKET, FIONREAD, buf) == -1 ||
	    ioctl(PROBE_SOCKET, FIONBIO, buf) != -1 || errno != ENOTCAPABLE)
		_exit(5);
	if (cap_rights_limit(99, &few) != -1 || errno != EBADF)
		_exit(6);
}

/* That the descriptor may be read from and not be written to. */
static void
act_limited(int fd, int where)
{
	if (read(fd, buf, 1) == -1 && errno != EAGAIN)
		_exit(where);
	if (write(fd, buf, 1) != -1 || errno != ENOTCAPABLE)
		_exit(where + 1);
}

static void
act_copies(void *arg)
{
	cap_rights_t	 rights;
	int		 fd, status;

	(void)arg;
	(void)cap_rights_init(&rights, CAP_READ);
	if ((fd = dup(PROBE_SOCKET)) == -1 ||
	    cap_rights_limit(fd, &rights) == -1)
		_exit(1);
	/* Rights are of a descriptor, not of what it is for. */
	if (write(PROBE_SOCKET, buf, 1) != 1)
		_exit(2);
	act_limited(fd, 3);
	act_limited(dup(fd), 5);
	act_limited(dup2(fd, 40), 7);
	act_limited(fcntl(fd, F_DUPFD_CLOEXEC, 0), 9);
	if (fork() == 0) {
		act_limited(fd, 11);
		_exit(0);
	}
	if (wait(&status) == -1 || status != 0)
		_exit(13);
	/* The number has them no longer when it is another's. */
	(void)close(fd);
	if (dup2(PROBE_SOCKET, fd) == -1 || write(fd, buf, 1) != 1)
		_exit(14);
}

static void
act_sent(void *arg)
{
	cap_rights_t	 rights;
	int		 fd;

	(void)arg;
	(void)cap_rights_init(&rights, CAP_READ);
	if ((fd = dup(PROBE_FILE)) == -1 ||
	    cap_rights_limit(fd, &rights) == -1)
		_exit(1);
	/* One that is limited, and the same file's that is not. */
	probe_send(PROBE_SOCKET, fd);
	probe_send(PROBE_SOCKET, PROBE_FILE);
	(void)close(fd);
	if (fork() == 0) {
		act_enter(0);
		act_limited(probe_receive(PROBE_OTHER), 2);
		if (write(probe_receive(PROBE_OTHER), buf, 1) != 1)
			_exit(4);
		_exit(0);
	}
	if (wait(&fd) == -1 || fd != 0)
		_exit(5);
}

/* cat is to read what it may not. */
static void
act_executed(void *arg)
{
	static char	 name[] = "cat";
	static char	*argv[] = { name, NULL }, *envp[] = { NULL };
	cap_rights_t	 rights;

	(void)arg;
	(void)cap_rights_init(&rights, CAP_WRITE, CAP_FSTAT, CAP_SEEK);
	(void)dup2(PROBE_FILE, 0);
	(void)dup2(PROBE_FILE, 2);
	if (cap_rights_limit(0, &rights) == -1)
		_exit(2);
	(void)execve("/bin/cat", argv, envp);
	_exit(3);
}

static void
act_polled(void *arg)
{
	struct pollfd	 pfd[2] = { { PROBE_SOCKET, POLLOUT, 0 },
			    { PROBE_OTHER, POLLOUT, 0 } };
	cap_rights_t	 rights;

	(void)arg;
	(void)cap_rights_init(&rights, CAP_READ);
	if (poll(pfd, 2, 0) != 2 || pfd[0].revents != POLLOUT ||
	    cap_rights_limit(PROBE_OTHER, &rights) == -1)
		_exit(1);
	if (poll(pfd, 2, 0) != 1 || pfd[1].revents != POLLNVAL)
		_exit(2);
}

/* The first line of a file about a process; empty when it has none. */
static void
about(pid_t pid, const char *what, char *line, size_t size)
{
	char	 path[64];
	FILE	*fp;

	line[0] = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, what);
	if ((fp = fopen(path, "r")) == NULL)
		return;
	if (fgets(line, (int)size, fp) == NULL)
		line[0] = '\0';
	(void)fclose(fp);
}

/* Whether it sleeps in poll(2), and is not stopped before it. */
static int
polls(pid_t pid)
{
	char	 line[512], *state;
	long	 nr;

	about(pid, "syscall", line, sizeof(line));
	if (sscanf(line, "%ld", &nr) != 1)
		return (0);
#if defined(__x86_64__)
	if (nr != SYS_poll)
#else
	if (nr != SYS_ppoll)
#endif
		return (0);
	about(pid, "stat", line, sizeof(line));
	state = strrchr(line, ')');
	return (state != NULL && strncmp(state, ") S", 3) == 0);
}

/* The other end goes while it is waited for, and is found gone after that. */
static void
act_hangup(void *arg)
{
	struct pollfd	 pfd = { -1, 0, 0 };
	int		 status, sv[2];

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == -1)
		_exit(1);
	if (fork() == 0) {
		(void)close(sv[0]);
		while (!polls(getppid()))
			continue;
		_exit(0);
	}
	(void)close(sv[1]);
	pfd.fd = sv[0];
	if (poll(&pfd, 1, 500) != 0)
		_exit(2);
	if (wait(&status) == -1 || status != 0)
		_exit(3);
	if (poll(&pfd, 1, -1) != 1 || !(pfd.revents & POLLHUP) ||
	    pfd.fd != sv[0])
		_exit(4);
}

ATF_TC(rights);
ATF_TC_HEAD(rights, tc)
{
	atf_tc_set_md_var(tc, "descr", "Rights only become fewer, and go with "
	    "a descriptor that is copied, inherited, passed or executed "
	    "with; poll(2) says POLLNVAL without the right to watch, and "
	    "does not wake where no event is wanted");
}
ATF_TC_BODY(rights, tc)
{
	(void)tc;
	probe_begin("capsicum");
	/* First, while nothing else has been written to the pair. */
	ATF_CHECK_EQ(0, probe_run(act_sent, NULL));
	ATF_CHECK_EQ(0, probe_run(act_shrink, NULL));
	ATF_CHECK_EQ(0, probe_run(act_copies, NULL));
	ATF_CHECK_EQ(0, probe_run(act_polled, NULL));
	ATF_CHECK_EQ(0, probe_run(act_hangup, NULL));
	ATF_CHECK_EQ(W_EXITCODE(1, 0), probe_run(act_executed, NULL));
	ATF_CHECK(probe_logged("cat", "read: ENOTCAPABLE, CAP_READ"));
}

/* A child that stays until it is killed; its process descriptor. */
static int
stayer(int flags, pid_t *pid)
{
	int	 fd;

	if ((*pid = pdfork(&fd, flags)) == 0) {
		for (;;)
			pause();
	}
	if (*pid == -1)
		_exit(80);
	return (fd);
}

static void
act_descriptor(void *arg)
{
	struct kevent	 kev;
	pid_t		 pid;
	int		 fd, kq;

	(void)arg;
	if ((kq = kqueue()) == -1)
		_exit(1);
	act_enter(0);
	fd = stayer(PD_DAEMON | PD_CLOEXEC, &pid);
	EV_SET(&kev, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, buf);
	if (kevent(kq, &kev, 1, NULL, 0, NULL) == -1)
		_exit(2);
	if (kill(pid, SIGKILL) != -1 || errno != ECAPMODE)
		_exit(3);
	if (pdkill(fd, SIGKILL) == -1)
		_exit(4);
	if (kevent(kq, NULL, 0, &kev, 1, NULL) != 1)
		_exit(5);
	if ((int)kev.ident != fd || kev.udata != buf ||
	    !WIFSIGNALED((int)kev.data) || WTERMSIG((int)kev.data) != SIGKILL)
		_exit(6);
	(void)close(fd);
}

/* Whether a child that is closed is dead; it is killed in the end. */
static void
act_closed(void *arg)
{
	int	*flags = arg, fd;
	pid_t	 pid;
	siginfo_t si;

	fd = stayer(*flags, &pid);
	(void)close(fd);
	if (*flags & PD_DAEMON) {
		if (kill(pid, SIGTERM) == -1)
			_exit(1);
		(void)waitid(P_PID, (id_t)pid, &si, WEXITED);
		_exit(si.si_status == SIGTERM ? 0 : 2);
	}
	(void)waitid(P_PID, (id_t)pid, &si, WEXITED);
	_exit(si.si_status == SIGKILL ? 0 : 3);
}

ATF_TC(descriptor);
ATF_TC_HEAD(descriptor, tc)
{
	atf_tc_set_md_var(tc, "descr", "In capability mode a child is killed "
	    "and heard of by its process descriptor, and not by its number; "
	    "without PD_DAEMON it dies when that is closed");
}
ATF_TC_BODY(descriptor, tc)
{
	int	 flags = 0;

	(void)tc;
	probe_begin("capsicum");
	ATF_CHECK_EQ(0, probe_run(act_descriptor, NULL));
	ATF_CHECK_EQ(0, probe_run(act_closed, &flags));
	flags = PD_DAEMON;
	ATF_CHECK_EQ(0, probe_run(act_closed, &flags));
}

static void
act_limits(void *arg)
{
	struct rlimit	 rl = { 400, 500 };
	struct pollfd	 pfd = { PROBE_SOCKET, POLLOUT, 0 };

	(void)arg;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur != 300 ||
	    rl.rlim_max != 300)
		_exit(1);
	rl.rlim_cur = rl.rlim_max = 0;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1 || poll(&pfd, 1, 0) != 1)
		_exit(2);
	if (socket(AF_UNIX, SOCK_STREAM, 0) != -1 || errno != EMFILE)
		_exit(3);
}

ATF_TC(limits);
ATF_TC_HEAD(limits, tc)
{
	atf_tc_set_md_var(tc, "descr", "A limit that is more than the system "
	    "has is cut without an error; one of no descriptors leaves those "
	    "that are open, and poll(2) of them");
}
ATF_TC_BODY(limits, tc)
{
	(void)tc;
	ATF_REQUIRE(setenv("CONFINE_NOFILE", "300", 1) == 0);
	probe_begin("capsicum");
	ATF_CHECK_EQ(0, probe_run(act_limits, NULL));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rules);
	ATF_TP_ADD_TC(tp, mode);
	ATF_TP_ADD_TC(tp, rights);
	ATF_TP_ADD_TC(tp, descriptor);
	ATF_TP_ADD_TC(tp, limits);
	return (atf_no_error());
}
