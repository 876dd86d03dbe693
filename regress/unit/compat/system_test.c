/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The rest of compat.h. */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
#include <syslog.h>
#include <unistd.h>

#include "case.h"
#include "compat.h"
#include "fds.h"
#include "proc.h"

static int	 log_listen(const char *);
static void	 read_file(const char *, char *, size_t);

/* A syslogd of our own. */
static int
log_listen(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	ATF_REQUIRE((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) !=
	    -1);
	ATF_REQUIRE_EQ(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return (fd);
}

static void
read_file(const char *path, char *data, size_t size)
{
	ssize_t	 n;
	int	 fd;

	ATF_REQUIRE((fd = open(path, O_RDONLY)) != -1);
	ATF_REQUIRE((n = read(fd, data, size - 1)) != -1);
	data[n] = '\0';
	close(fd);
}

ATF_TC(log_line);
ATF_TC_HEAD(log_line, tc)
{
	atf_tc_set_md_var(tc, "descr", "a line arrives as one datagram with "
	    "priority, tag and pid; one that is too long is EMSGSIZE");
}
ATF_TC_BODY(log_line, tc)
{
	static char	 line[SYSLOG_LINE + 1];
	char		 data[SYSLOG_LINE], want[128];
	ssize_t		 n;
	int		 fd, server;

	server = log_listen("log");
	ATF_REQUIRE((fd = syslog_open_path("log")) != -1);
	ATF_REQUIRE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ATF_REQUIRE_EQ(syslog_send(fd, LOG_DAEMON | LOG_INFO, "securetcpd",
	    "server=www session=17 state=connecting"), 0);
	ATF_REQUIRE((n = recv(server, data, sizeof(data) - 1, 0)) > 0);
	data[n] = '\0';
	ATF_REQUIRE_EQ(strncmp(data, "<30>", 4), 0);
	snprintf(want, sizeof(want), "securetcpd[%ld]: server=www session=17 "
	    "state=connecting", (long)getpid());
	ATF_REQUIRE((size_t)n >= strlen(want));
	ATF_REQUIRE_STREQ(data + (size_t)n - strlen(want), want);

	memset(line, 'x', sizeof(line) - 1);
	ATF_REQUIRE_EQ(syslog_send(fd, LOG_DAEMON | LOG_INFO, "t", line), -1);
	ATF_REQUIRE_EQ(errno, EMSGSIZE);
	ATF_REQUIRE_EQ(recv(server, data, sizeof(data), 0), -1);
	close(fd);
	close(server);
}

ATF_TC(log_full);
ATF_TC_HEAD(log_full, tc)
{
	atf_tc_set_md_var(tc, "descr", "a syslogd that does not read costs "
	    "EAGAIN and no waiting, and lines go through again when it does");
	atf_tc_set_md_var(tc, "timeout", "30");
}
ATF_TC_BODY(log_full, tc)
{
	char	 data[SYSLOG_LINE];
	int	 fd, i, n = 0, server;

	server = log_listen("log");
	ATF_REQUIRE((fd = syslog_open_path("log")) != -1);
	for (i = 0; i < 100000 && n == 0; i++)
		n = syslog_send(fd, LOG_DAEMON | LOG_INFO, "t", "line");
	ATF_REQUIRE_EQ(n, -1);
	ATF_REQUIRE_EQ(errno, EAGAIN);
	while (recv(server, data, sizeof(data), 0) > 0)
		;
	ATF_REQUIRE_EQ(syslog_send(fd, LOG_DAEMON | LOG_INFO, "t", "line"), 0);
	close(fd);
	close(server);
}

ATF_TC(log_gone);
ATF_TC_HEAD(log_gone, tc)
{
	atf_tc_set_md_var(tc, "descr", "no syslogd is an error at opening; one "
	    "that went away an error other than EAGAIN at sending; opening "
	    "again finds the new one; a long path is refused");
}
ATF_TC_BODY(log_gone, tc)
{
	char	 path[300];
	int	 before, fd, server;

	before = fds_count();
	ATF_REQUIRE_EQ(syslog_open_path("log"), -1);
	ATF_REQUIRE_EQ(errno, ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ATF_REQUIRE_EQ(syslog_open_path(path), -1);
	ATF_REQUIRE_EQ(errno, ENAMETOOLONG);
	server = log_listen("log");
	ATF_REQUIRE((fd = syslog_open_path("log")) != -1);
	close(server);
	ATF_REQUIRE_EQ(syslog_send(fd, LOG_DAEMON | LOG_INFO, "t", "x"), -1);
	ATF_REQUIRE(errno != EAGAIN);
	close(fd);
	ATF_REQUIRE_EQ(syslog_open_path("log"), -1);
	ATF_REQUIRE_EQ(errno, ECONNREFUSED);
	ATF_REQUIRE_EQ(unlink("log"), 0);
	server = log_listen("log");
	ATF_REQUIRE((fd = syslog_open_path("log")) != -1);
	ATF_REQUIRE_EQ(syslog_send(fd, LOG_DAEMON | LOG_INFO, "t", "x"), 0);
	close(fd);
	close(server);
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(pidfile);
ATF_TC_HEAD(pidfile, tc)
{
	atf_tc_set_md_var(tc, "descr", "the file holds the pid while its "
	    "process runs, a second process is told that pid, and a file left "
	    "by a dead one is taken over");
}
ATF_TC_BODY(pidfile, tc)
{
	struct stat	 st;
	char		 data[64], want[64];
	pid_t		 pid, running;
	int		 fd, status;

	ATF_REQUIRE((fd = pidfile_take("pid", &running)) != -1);
	ATF_REQUIRE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	snprintf(want, sizeof(want), "%ld\n", (long)getpid());
	read_file("pid", data, sizeof(data));
	ATF_REQUIRE_STREQ(data, want);
	ATF_REQUIRE_EQ(stat("pid", &st), 0);
	ATF_REQUIRE_EQ(st.st_mode & 07777, 0600);

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		close(fd);
		if (pidfile_take("pid", &running) != -1)
			_exit(1);
		if (errno != EEXIST || running != getppid())
			_exit(2);
		_exit(0);
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_REQUIRE_EQ(status, 0);
	read_file("pid", data, sizeof(data));
	ATF_REQUIRE_STREQ(data, want);

	pidfile_drop(fd, "pid");
	ATF_REQUIRE(access("pid", F_OK) == -1 ||
	    (stat("pid", &st) == 0 && st.st_size == 0));

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(pidfile_take("pid", &running) == -1);
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_REQUIRE_EQ(status, 0);
	ATF_REQUIRE_EQ(chmod("pid", 0644), 0);
	ATF_REQUIRE((fd = pidfile_take("pid", &running)) != -1);
	read_file("pid", data, sizeof(data));
	ATF_REQUIRE_STREQ(data, want);
	ATF_REQUIRE_EQ(fstat(fd, &st), 0);
	ATF_REQUIRE_EQ(st.st_mode & 07777, 0600);
	pidfile_drop(fd, "pid");

	ATF_REQUIRE_EQ(symlink("elsewhere", "link"), 0);
	ATF_REQUIRE_EQ(pidfile_take("link", &running), -1);
	ATF_REQUIRE_EQ(access("elsewhere", F_OK), -1);
	ATF_REQUIRE_EQ(pidfile_take("no/such/directory", &running), -1);
	ATF_REQUIRE_EQ(errno, ENOENT);
}

ATF_TC(descriptors);
ATF_TC_HEAD(descriptors, tc)
{
	atf_tc_set_md_var(tc, "descr", "closefrom() closes from its number up "
	    "and nothing below; getdtablecount() counts what is open");
}
ATF_TC_BODY(descriptors, tc)
{
	int	 fd, low, high;

	ATF_REQUIRE_EQ(getdtablecount(), fds_count());
	ATF_REQUIRE((low = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE_EQ(getdtablecount(), fds_count());
	ATF_REQUIRE((fd = fcntl(low, F_DUPFD, low + 20)) >= low + 20);
	/* OpenBSD lets an ordinary shell have 128. */
	ATF_REQUIRE((high = fcntl(low, F_DUPFD, 100)) >= 100);
	closefrom(low + 1);
	ATF_REQUIRE(fcntl(low, F_GETFD) != -1);
	ATF_REQUIRE_EQ(fcntl(fd, F_GETFD), -1);
	ATF_REQUIRE_EQ(fcntl(high, F_GETFD), -1);
	close(low);
}

ATF_TC(compare);
ATF_TC_HEAD(compare, tc)
{
	atf_tc_set_md_var(tc, "descr", "timingsafe_bcmp() is 0 for equal "
	    "memory and only for that; freezero() takes NULL");
}
ATF_TC_BODY(compare, tc)
{
	ATF_REQUIRE_EQ(timingsafe_bcmp("abcd", "abcd", 4), 0);
	ATF_REQUIRE(timingsafe_bcmp("abcd", "abce", 4) != 0);
	ATF_REQUIRE(timingsafe_bcmp("abcd", "Abcd", 4) != 0);
	ATF_REQUIRE_EQ(timingsafe_bcmp("abcd", "abce", 3), 0);
	ATF_REQUIRE_EQ(timingsafe_bcmp("a", "b", 0), 0);
	freezero(NULL, 0);
	freezero(malloc(16), 16);
}

ATF_TC(hints);
ATF_TC_HEAD(hints, tc)
{
	atf_tc_set_md_var(tc, "descr", "every limit has a hint; the two that "
	    "matter have their own");
}
ATF_TC_BODY(hints, tc)
{
	const char	*nofile, *nproc, *other;

	nofile = compat_limit_hint(RLIMIT_NOFILE);
	nproc = compat_limit_hint(RLIMIT_NPROC);
	other = compat_limit_hint(RLIMIT_CORE);
	ATF_REQUIRE(nofile != NULL && nproc != NULL && other != NULL);
	ATF_REQUIRE(strcmp(nofile, nproc) != 0);
	ATF_REQUIRE(strcmp(nofile, other) != 0);
}

ATF_TC(reaper);
ATF_TC_HEAD(reaper, tc)
{
	atf_tc_set_md_var(tc, "descr", "after compat_reaper() a grandchild "
	    "whose parent died becomes our child, where the system can do so");
}
ATF_TC_BODY(reaper, tc)
{
	pid_t	 grandchild, pid;
	int	 p[2], status;

	if (proc_no_reaper != NULL)
		atf_tc_skip("%s", proc_no_reaper);
	ATF_REQUIRE_EQ(compat_reaper(), 0);
	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if ((pid = fork()) == 0)
			_exit(7);
		_exit(write(p[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_REQUIRE_EQ(status, 0);
	ATF_REQUIRE_EQ(read(p[0], &grandchild, sizeof(grandchild)),
	    sizeof(grandchild));
	ATF_REQUIRE_EQ(waitpid(grandchild, &status, 0), grandchild);
	ATF_REQUIRE_EQ(WEXITSTATUS(status), 7);
}

ATF_TC(nodump);
ATF_TC_HEAD(nodump, tc)
{
	atf_tc_set_md_var(tc, "descr", "compat_nodump() succeeds, and where "
	    "the system has such a thing other processes of the same user "
	    "cannot look into this one any more");
}
ATF_TC_BODY(nodump, tc)
{
	pid_t	 pid;
	int	 p[2], status;
	char	 c;

	if (getuid() == 0) {
		proc_need();
		ATF_REQUIRE_EQ(pipe(p), 0);
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			if (setuid(65534) == -1 || compat_nodump() == -1)
				_exit(1);
			/* It is looked at until it is killed. */
			if (write(p[1], "x", 1) != 1)
				_exit(2);
			for (;;)
				(void)pause();
		}
		ATF_REQUIRE_EQ(close(p[1]), 0);
		ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
		ATF_CHECK(proc_hidden(pid) != 0);
		ATF_REQUIRE_EQ(kill(pid, SIGKILL), 0);
		ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	}
	ATF_REQUIRE_EQ(compat_nodump(), 0);
}

ATF_TC(snapshot);
ATF_TC_HEAD(snapshot, tc)
{
	atf_tc_set_md_var(tc, "descr", "a snapshot is read by position, is of "
	    "a regular file, and cannot be written to");
}
ATF_TC_BODY(snapshot, tc)
{
	static char	 large[3 * 1024 * 1024 + 7];
	char		 data[16];
	struct stat	 st;
	int		 fd;

	memset(large, 'x', sizeof(large));
	memcpy(large + sizeof(large) - 4, "last", 4);
	ATF_REQUIRE((fd = compat_snapshot(large, sizeof(large))) != -1);
	ATF_REQUIRE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ATF_REQUIRE_EQ(fstat(fd, &st), 0);
	ATF_REQUIRE(S_ISREG(st.st_mode));
	ATF_REQUIRE_EQ(st.st_size, (off_t)sizeof(large));
	memset(large, 'y', sizeof(large));
	ATF_REQUIRE_EQ(pread(fd, data, sizeof(data), (off_t)sizeof(large) -
	    5), 5);
	ATF_REQUIRE_EQ(memcmp(data, "xlast", 5), 0);
	ATF_REQUIRE_EQ(pwrite(fd, "z", 1, 0), -1);
	ATF_REQUIRE_EQ(ftruncate(fd, 0), -1);
	ATF_REQUIRE_EQ(close(fd), 0);
}

CASE(fill, "a file is read to its end or to the size of the buffer, behind "
    "what is there, whatever the offset of the descriptor")
{
	char	 buf[8];
	int	 fd, pfd[2];

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	ATF_CHECK_EQ(0, compat_fill(fd, buf, 0, sizeof(buf)));
	ATF_REQUIRE_EQ(5, write(fd, "abcde", 5));
	memset(buf, '.', sizeof(buf));
	ATF_CHECK_EQ(3, compat_fill(fd, buf, 0, 3));
	ATF_CHECK_EQ(0, memcmp(buf, "abc.....", sizeof(buf)));
	ATF_CHECK_EQ(5, compat_fill(fd, buf, 3, sizeof(buf)));
	ATF_CHECK_EQ(0, memcmp(buf, "abcde...", sizeof(buf)));
	ATF_CHECK_EQ(5, compat_fill(fd, buf, 5, 5));
	ATF_CHECK_EQ(5, lseek(fd, 0, SEEK_CUR));
	ATF_REQUIRE_EQ(0, pipe(pfd));
	ATF_CHECK_EQ(-1, compat_fill(pfd[0], buf, 0, sizeof(buf)));
	ATF_CHECK_EQ(ESPIPE, errno);
}

/* What another host serves is in the daemon's backend test. */
ATF_TC(local);
ATF_TC_HEAD(local, tc)
{
	atf_tc_set_md_var(tc, "descr", "a file here is local, and so is what "
	    "is not there, cannot be looked at, or leads nowhere");
}
ATF_TC_BODY(local, tc)
{
	static const char	*paths[] = {
		"/", "//", "/etc/passwd", "/etc/passwd/", "/dev/null",
		"/nonexistent/a/b", "/nonexistent/", "", "round", "next",
		"nowhere", "nowhere/else"
	};
	char			 type[COMPAT_FSTYPE], at[512], path[1024];
	size_t			 i;
	int			 fd;

	ATF_REQUIRE(getcwd(at, sizeof(at)) != NULL);
	ATF_REQUIRE_EQ(symlink("next", "round"), 0);
	ATF_REQUIRE_EQ(symlink("./round", "next"), 0);
	ATF_REQUIRE_EQ(symlink("/nonexistent/a", "nowhere"), 0);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ATF_CHECK_MSG(compat_path_local(paths[i], type,
		    sizeof(type)), "%s: %s", paths[i], type);
		snprintf(path, sizeof(path), "%s/%s", at, paths[i]);
		ATF_CHECK_MSG(compat_path_local(path, type, sizeof(type)),
		    "%s: %s", path, type);
	}
	ATF_REQUIRE((fd = open("log", O_RDWR | O_CREAT, 0600)) != -1);
	ATF_CHECK(compat_fd_local(fd, type, sizeof(type)));
	close(fd);
	ATF_CHECK(compat_fd_local(fd, type, sizeof(type)));
}

/* How many MB can be had, and written to. */
static int
bound_map(void)
{
	size_t	 size = (size_t)1 << 20;
	char	*p;
	int	 n;

	for (n = 0; n < 256; n++) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANON, -1, 0);
		if (p == MAP_FAILED)
			return (errno == ENOMEM ? n : -1);
		memset(p, n, size);
	}
	return (n);
}

static int
bound_child(void)
{
	int	 n, status;
	pid_t	 pid;

	if (compat_bound_memory(16) == -1)
		return (1);
	/* It is a forked child's as well, which begins with what there is. */
	if ((pid = fork()) == -1)
		return (2);
	if (pid == 0) {
		n = bound_map();
		_exit(n >= 14 && n <= 18 ? 0 : n < 0 ? 255 : n);
	}
	if (waitpid(pid, &status, 0) != pid)
		return (3);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return (4);
	/* Lower than what there is to be had, and so obeyed. */
	if (compat_bound_memory(100) == -1)
		return (5);
	n = bound_map();
	return (n >= 14 && n <= 18 ? 0 : 6);
}

ATF_TC(bound);
ATF_TC_HEAD(bound, tc)
{
	atf_tc_set_md_var(tc, "descr", "a process can map as much more as it "
	    "was allowed, within a unit or two, and so can what it forks; the "
	    "limit cannot be raised again");
}
ATF_TC_BODY(bound, tc)
{
	pid_t	 pid;
	int	 status;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(65534) == -1)
			_exit(99);
		_exit(bound_child());
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_REQUIRE(WIFEXITED(status));
	ATF_REQUIRE_EQ(WEXITSTATUS(status), 0);
}

/* A process that holds the descriptor and does nothing. */
static pid_t
descendant_stays(int fd)
{
	pid_t	 pid;

	if ((pid = fork()) != 0)
		return (pid);
	closefrom(fd + 1);
	for (;;)
		(void)poll(NULL, 0, -1);
}

/* So many that descend from a child of ours; the child, and their pids. */
static pid_t
descendants(int held, pid_t *pids, size_t n)
{
	size_t	 i;
	pid_t	 pid;
	int	 told[2];

	ATF_REQUIRE(pipe(told) == 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (compat_lead() == -1)
			_exit(1);
		for (i = 0; i < n; i++) {
			pid = descendant_stays(held);
			if (write(told[1], &pid, sizeof(pid)) !=
			    (ssize_t)sizeof(pid))
				_exit(2);
		}
		(void)descendant_stays(held);
		for (;;)
			(void)poll(NULL, 0, -1);
	}
	for (i = 0; i < n; i++)
		ATF_REQUIRE_EQ(read(told[0], &pids[i], sizeof(pids[i])),
		    (ssize_t)sizeof(pids[i]));
	close(told[0]);
	close(told[1]);
	return (pid);
}

ATF_TC(descend);
ATF_TC_HEAD(descend, tc)
{
	atf_tc_set_md_var(tc, "descr", "of a child, dead or alive, those that "
	    "descend from it are killed by a pid that was told, and nobody "
	    "else is; then all that are left");
}
ATF_TC_BODY(descend, tc)
{
	siginfo_t	 si;
	pid_t		 child, pids[2], other, none[2];
	char		 c;
	int		 held[2], still[2];

	ATF_REQUIRE_EQ(compat_reaper(), 0);
	ATF_REQUIRE(pipe(still) == 0);
	other = descendants(still[1], none, 1);
	close(still[1]);
	ATF_REQUIRE(fcntl(still[0], F_SETFL, O_NONBLOCK) == 0);
	ATF_REQUIRE(pipe(held) == 0);
	child = descendants(held[1], pids, 2);
	close(held[1]);

	ATF_CHECK_EQ(compat_kill_descendant(child, other), -1);
	ATF_CHECK_EQ(errno, ESRCH);
	ATF_CHECK_EQ(compat_kill_descendant(child, none[0]), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, child), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, getpid()), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, 1), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, 0), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, -1), -1);
	ATF_CHECK_EQ(compat_kill_descendant(1, pids[0]), -1);
	ATF_CHECK_EQ(compat_kill_descendant(0, pids[0]), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, pids[0]), 0);

	/* Dead and not reaped. */
	ATF_REQUIRE_EQ(kill(child, SIGKILL), 0);
	ATF_REQUIRE_EQ(waitid(P_PID, (id_t)child, &si, WEXITED | WNOWAIT), 0);
	ATF_CHECK_EQ(compat_kill_descendant(child, none[0]), -1);
	ATF_CHECK_EQ(compat_kill_descendant(child, pids[1]), 0);
	compat_kill_descendants(child);
	ATF_CHECK_EQ(read(held[0], &c, 1), 0);
	ATF_REQUIRE_EQ(waitpid(child, NULL, 0), child);
	compat_kill_descendants(child);

	/* Whoever is none of them is there. */
	ATF_CHECK_EQ(read(still[0], &c, 1), -1);
	ATF_CHECK_EQ(errno, EAGAIN);
	compat_kill_descendants(other);
	(void)kill(other, SIGKILL);
	ATF_REQUIRE_EQ(waitpid(other, NULL, 0), other);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, bound);
	ATF_TP_ADD_TC(tp, descend);
	ATF_TP_ADD_TC(tp, local);
	ATF_TP_ADD_TC(tp, log_line);
	ATF_TP_ADD_TC(tp, log_full);
	ATF_TP_ADD_TC(tp, log_gone);
	ATF_TP_ADD_TC(tp, pidfile);
	ATF_TP_ADD_TC(tp, snapshot);
	ATF_TP_ADD_TC(tp, fill);
	ATF_TP_ADD_TC(tp, descriptors);
	ATF_TP_ADD_TC(tp, compare);
	ATF_TP_ADD_TC(tp, hints);
	ATF_TP_ADD_TC(tp, reaper);
	ATF_TP_ADD_TC(tp, nodump);
	return (atf_no_error());
}
