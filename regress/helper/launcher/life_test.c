/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* How programs begin and end, and that none stays behind. */

#include <sys/types.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "master.h"
#include "proc.h"

#define MANY	200

static void	 cannot(const atf_tc_t *, const char *, const char *);
static size_t	 descriptors_of(pid_t);
static void	 as_nobody(const atf_tc_t *, void (*)(const atf_tc_t *));
static void	 own_programs(const atf_tc_t *);
static void	 no_fork(const atf_tc_t *);

ATF_TC(status);
ATF_TC_HEAD(status, tc)
{
	atf_tc_set_md_var(tc, "descr", "exit code or signal of each program is "
	    "reported, once");
}
ATF_TC_BODY(status, tc)
{
	struct master	 m;
	struct run	*r[3];

	master_launch(&m, tc);
	master_identify(&m);
	(void)master_shell(&m, "exit 0");
	(void)master_shell(&m, "exit 42");
	(void)master_shell(&m, "kill -SEGV $$");
	master_loaded(&m);
	r[0] = master_run(&m, 0);
	r[1] = master_run(&m, 1);
	r[2] = master_run(&m, 2);
	master_exited(&m, r[0], 0, 0);
	master_exited(&m, r[1], 0, 42);
	master_exited(&m, r[2], SIGSEGV, 0);
	master_stop(&m);
}

/* That it ends with 127, having said this and nothing else. */
static void
cannot(const atf_tc_t *tc, const char *path, const char *why)
{
	struct master	 m;
	struct run	*r;
	char		*argv[2], name[] = "name", *out, wanted[256];

	argv[0] = name;
	argv[1] = NULL;
	master_launch(&m, tc);
	master_identify(&m);
	(void)master_program(&m, path, argv);
	master_loaded(&m);
	r = master_run(&m, 0);
	master_exited(&m, r, 0, 127);
	out = master_read(&m, r->r_errfd);
	(void)snprintf(wanted, sizeof(wanted), "%s cannot be run: %s\n", path,
	    why);
	ATF_CHECK_STREQ(wanted, out);
	free(out);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
	master_stop(&m);
}

ATF_TC(not_run);
ATF_TC_HEAD(not_run, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program that is missing, not "
	    "executable or no program ends with 127 after one line that names "
	    "it and why, on standard error and not to the client");
}
ATF_TC_BODY(not_run, tc)
{
	char	 cwd[512], path[640];
	int	 fd;

	cannot(tc, "/nonexistent/program", strerror(ENOENT));
	cannot(tc, "/etc/passwd", strerror(EACCES));
	cannot(tc, "/etc", strerror(EACCES));
	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	(void)snprintf(path, sizeof(path), "%s/garbage", cwd);
	ATF_REQUIRE((fd = open(path, O_WRONLY | O_CREAT, 0755)) != -1);
	ATF_REQUIRE_EQ(8, write(fd, "\001\002\003\004garb", 8));
	(void)close(fd);
	cannot(tc, path, strerror(ENOEXEC));
}

ATF_TC(terminated);
ATF_TC_HEAD(terminated, tc)
{
	atf_tc_set_md_var(tc, "descr", "TERM is SIGTERM for the program it "
	    "names and its children, which may tidy up; others go on");
}
ATF_TC_BODY(terminated, tc)
{
	struct master	 m;
	struct run	*r[2];
	char		*out;

	master_start(&m, tc, "trap 'echo bye; exit 7' TERM; sleep 1000 & "
	    "echo up; wait");
	r[0] = master_run(&m, 0);
	r[1] = master_run(&m, 0);
	free(master_line(&m, r[0]->r_fd));
	free(master_line(&m, r[1]->r_fd));
	master_order(&m, WIRE_TERM, r[0]);
	out = master_read(&m, r[0]->r_fd);
	ATF_CHECK_STREQ("bye\n", out);
	free(out);
	master_exited(&m, r[0], 0, 7);
	/* Twice, and after the end, is once. */
	master_order(&m, WIRE_TERM, r[0]);
	master_order(&m, WIRE_KILL, r[0]);
	ATF_CHECK_EQ(0, r[1]->r_exited);
	master_order(&m, WIRE_TERM, r[1]);
	master_exited(&m, r[1], 0, 7);
	/* Each order was answered, those that came too late as well. */
	MASTER_WAIT(&m, m.m_taken == 6);
	master_stop(&m);
}

ATF_TC(terminated_early);
ATF_TC_HEAD(terminated_early, tc)
{
	atf_tc_set_md_var(tc, "descr", "a TERM that comes together with its "
	    "RUN is not lost, however early it is");
}
ATF_TC_BODY(terminated_early, tc)
{
	struct master	 m;
	struct run	*r[100];
	int		 i;

	(void)master_room();
	master_start(&m, tc, "exec sleep 1000");
	for (i = 0; i < 100; i++) {
		r[i] = master_run(&m, 0);
		master_order(&m, WIRE_TERM, r[i]);
	}
	for (i = 0; i < 100; i++)
		master_exited(&m, r[i], SIGTERM, 0);
	master_stop(&m);
}

ATF_TC(killed);
ATF_TC_HEAD(killed, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program that ignores SIGTERM stays, "
	    "until KILL ends it and its children that hold the connection");
}
ATF_TC_BODY(killed, tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;

	master_start(&m, tc, "trap '' TERM; sleep 1000 & echo up; "
	    "while :; do wait; read x && echo \"$x\"; done");
	r = master_run(&m, 0);
	free(master_line(&m, r->r_fd));
	master_order(&m, WIRE_TERM, r);
	master_turn(&m, 300);
	ATF_CHECK_EQ(0, r->r_exited);
	master_order(&m, WIRE_KILL, r);
	master_exited(&m, r, SIGKILL, 0);
	/* Its child had the connection as well. */
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
	master_stop(&m);
}

ATF_TC(grandchild);
ATF_TC_HEAD(grandchild, tc)
{
	atf_tc_set_md_var(tc, "descr", "when a program ends, what it left "
	    "running with the connection in its group ends too");
}
ATF_TC_BODY(grandchild, tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;

	master_start(&m, tc, "(trap '' TERM HUP; echo ready; sleep 1000) & "
	    "read x; exit 5");
	r = master_run(&m, 0);
	free(master_line(&m, r->r_fd));
	ATF_REQUIRE_EQ(3, write(r->r_fd, "go\n", 3));
	master_exited(&m, r, 0, 5);
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
	out = master_read(&m, r->r_errfd);
	ATF_CHECK_STREQ("", out);
	free(out);
	master_stop(&m);
}

ATF_TC(flood);
ATF_TC_HEAD(flood, tc)
{
	atf_tc_set_md_var(tc, "descr", "a program that floods its standard "
	    "error, which nobody reads, hinders no other and can be killed");
}
ATF_TC_BODY(flood, tc)
{
	struct master	 m;
	struct run	*r, *other;
	char		*out;

	master_launch(&m, tc);
	master_identify(&m);
	(void)master_shell(&m, "echo up; while :; do echo "
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; done");
	(void)master_shell(&m, "echo fine");
	master_loaded(&m);
	r = master_run(&m, 0);
	free(master_line(&m, r->r_fd));
	other = master_run(&m, 1);
	out = master_read(&m, other->r_fd);
	ATF_CHECK_STREQ("fine\n", out);
	free(out);
	master_exited(&m, other, 0, 0);
	master_order(&m, WIRE_KILL, r);
	master_exited(&m, r, SIGKILL, 0);
	master_stop(&m);
}

static size_t
descriptors_of(pid_t pid)
{
	static struct proc_file	 files[PROC_FILES];
	size_t			 all, i, n = 0;

	/* What FreeBSD knows each program by is no connection. */
	all = proc_files(pid, files, PROC_FILES);
	for (i = 0; i < all; i++) {
		if (files[i].pf_kind != PROC_PROCESS)
			n++;
	}
	return (n);
}

ATF_TC(many);
ATF_TC_HEAD(many, tc)
{
	atf_tc_set_md_var(tc, "descr", "200 programs at once, each with its "
	    "own connection, of which the launcher keeps none");
}
ATF_TC_BODY(many, tc)
{
	struct master	 m;
	struct run	*r[MANY];
	char		*out, line[16];
	size_t		 before;
	int		 i, len;

	proc_need();
	(void)master_room();
	master_start(&m, tc, "echo up; read x; echo \"$x\"; read x; exit 3");
	before = descriptors_of(m.m_pid);
	for (i = 0; i < MANY; i++)
		r[i] = master_run(&m, 0);
	for (i = 0; i < MANY; i++)
		free(master_line(&m, r[i]->r_fd));
	/* The last of them may be up before the launcher has let go. */
	MASTER_WAIT(&m, m.m_taken == MANY);
	ATF_CHECK_EQ(before, descriptors_of(m.m_pid));
	for (i = 0; i < MANY; i++) {
		len = snprintf(line, sizeof(line), "line %d\n", i);
		ATF_REQUIRE_EQ(len, write(r[i]->r_fd, line, (size_t)len));
	}
	for (i = 0; i < MANY; i++) {
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		out = master_line(&m, r[i]->r_fd);
		ATF_CHECK_STREQ(line, out);
		free(out);
		ATF_CHECK_EQ(0, r[i]->r_exited);
		master_close(r[i]);
	}
	for (i = 0; i < MANY; i++)
		master_exited(&m, r[i], 0, 3);
	master_stop(&m);
}

ATF_TC(pipe_end);
ATF_TC_HEAD(pipe_end, tc)
{
	atf_tc_set_md_var(tc, "descr", "when the pipe ends all programs get "
	    "SIGTERM, those that stay are killed within seconds, and the "
	    "launcher leaves");
}
ATF_TC_BODY(pipe_end, tc)
{
	struct master	 m;
	struct run	*polite, *deaf;
	char		*out;
	int64_t		 then;
	int		 status;

	master_launch(&m, tc);
	master_identify(&m);
	(void)master_shell(&m, "trap 'echo bye; exit 0' TERM; echo up; "
	    "while :; do read x; sleep 1; done");
	(void)master_shell(&m, "trap '' TERM; echo up; sleep 1000; sleep 1000");
	master_loaded(&m);
	polite = master_run(&m, 0);
	deaf = master_run(&m, 1);
	free(master_line(&m, polite->r_fd));
	free(master_line(&m, deaf->r_fd));
	imsgbuf_clear(&m.m_pipe);
	ATF_REQUIRE_EQ(0, close(m.m_fd));
	m.m_ended = 1;
	then = master_now();
	out = master_read(&m, polite->r_fd);
	ATF_CHECK_STREQ("bye\n", out);
	free(out);
	out = master_read(&m, deaf->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
	ATF_REQUIRE_EQ(m.m_pid, waitpid(m.m_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status));
	ATF_CHECK_EQ(3, WEXITSTATUS(status));
	ATF_CHECK(master_now() - then >= 900);
	ATF_CHECK(master_now() - then < 10000);
}

ATF_TC(launcher_dies);
ATF_TC_HEAD(launcher_dies, tc)
{
	atf_tc_set_md_var(tc, "descr", "programs die with a launcher that is "
	    "killed, where the system can do that");
}
ATF_TC_BODY(launcher_dies, tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;
	int		 status;

	if (proc_no_pdeath != NULL)
		atf_tc_skip("%s", proc_no_pdeath);
	master_start(&m, tc, "trap '' TERM HUP; echo up; read x; sleep 1000");
	r = master_run(&m, 0);
	free(master_line(&m, r->r_fd));
	ATF_REQUIRE_EQ(0, kill(m.m_pid, SIGKILL));
	ATF_REQUIRE_EQ(m.m_pid, waitpid(m.m_pid, &status, 0));
	m.m_ended = 1;
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
}

ATF_TC(fatal_kills);
ATF_TC_HEAD(fatal_kills, tc)
{
	atf_tc_set_md_var(tc, "descr", "a launcher that gives up leaves no "
	    "program behind");
}
ATF_TC_BODY(fatal_kills, tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;

	master_start(&m, tc, "trap '' TERM HUP; sleep 1000 & echo up; wait");
	r = master_run(&m, 0);
	free(master_line(&m, r->r_fd));
	master_send(&m, WIRE_CLOSE, -1, NULL, 0);
	master_fatal(&m, "unexpected CLOSE");
	m.m_ended = 1;
	out = master_read(&m, r->r_fd);
	ATF_CHECK_STREQ("", out);
	free(out);
}

ATF_TC(deaf_parent);
ATF_TC_HEAD(deaf_parent, tc)
{
	atf_tc_set_md_var(tc, "descr", "a parent that takes no answers for a "
	    "while gets every one of them later");
}
ATF_TC_BODY(deaf_parent, tc)
{
	struct master	 m;
	struct run	*r[800];
	int		 i, n = master_room();

	if (n > 800)
		n = 800;
	master_start(&m, tc, "exit 9");
	for (i = 0; i < n; i++) {
		r[i] = master_run(&m, 0);
		master_close(r[i]);
		/* Orders go out, nothing is read. */
		if (imsgbuf_write(&m.m_pipe) == -1)
			ATF_REQUIRE_EQ(EAGAIN, errno);
	}
	for (i = 0; i < n; i++)
		master_exited(&m, r[i], 0, 9);
	master_stop(&m);
}

/* The test itself has to stay root, or it could not tell. */
static void
as_nobody(const atf_tc_t *tc, void (*function)(const atf_tc_t *))
{
	int	 status;
	pid_t	 pid;

	if (geteuid() != 0) {
		function(tc);
		return;
	}
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (setgroups(0, NULL) == -1 || setgid(MASTER_NOBODY) == -1 ||
		    setuid(MASTER_NOBODY) == -1)
			_exit(1);
		function(tc);
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
own_programs(const atf_tc_t *tc)
{
	struct wire_program	 wp;
	struct master		 m;
	struct run		*r;
	char			*argv[2], name[] = "true", *out;

	master_start(&m, tc, "id -u");
	r = master_run(&m, 0);
	out = master_read(&m, r->r_fd);
	if (atoi(out) != (int)getuid() || out[0] == '\0')
		_exit(2);
	free(out);
	MASTER_WAIT(&m, r->r_exited);
	master_stop(&m);

	argv[0] = name;
	argv[1] = NULL;
	master_launch(&m, tc);
	master_identify(&m);
	master_fill(&wp, "/bin/true", argv);
	wp.wp_uid = getuid() + 1;
	master_send(&m, WIRE_PROGRAM, -1, &wp, sizeof(wp));
	MASTER_WAIT(&m, m.m_ended);
	if (strstr(m.m_fatal, "only root can become that") == NULL)
		_exit(3);
}

ATF_TC(ordinary_user);
ATF_TC_HEAD(ordinary_user, tc)
{
	atf_tc_set_md_var(tc, "descr", "started by an ordinary user it runs "
	    "programs as that user, and refuses those of another");
}
ATF_TC_BODY(ordinary_user, tc)
{
	as_nobody(tc, own_programs);
}

static void
no_fork(const atf_tc_t *tc)
{
	struct master	 m;
	struct run	*r;
	char		*out;
	int		 i;

	master_nofork = 1;
	master_launch(&m, tc);
	master_identify(&m);
	(void)master_shell(&m, "true");
	master_loaded(&m);
	for (i = 0; i < 2; i++) {
		r = master_run(&m, 0);
		MASTER_WAIT(&m, r->r_unforked != 0 || r->r_exited);
		if (r->r_unforked != EAGAIN)
			_exit(5);
		out = master_read(&m, r->r_fd);
		if (*out != '\0')
			_exit(6);
		free(out);
	}
	master_stop(&m);
}

ATF_TC(unforked);
ATF_TC_HEAD(unforked, tc)
{
	atf_tc_set_md_var(tc, "descr", "a fork that fails is answered with "
	    "UNFORKED and its errno, the connection is closed, and the "
	    "launcher goes on");
}
ATF_TC_BODY(unforked, tc)
{
	as_nobody(tc, no_fork);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, status);
	ATF_TP_ADD_TC(tp, not_run);
	ATF_TP_ADD_TC(tp, terminated);
	ATF_TP_ADD_TC(tp, terminated_early);
	ATF_TP_ADD_TC(tp, killed);
	ATF_TP_ADD_TC(tp, grandchild);
	ATF_TP_ADD_TC(tp, flood);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, pipe_end);
	ATF_TP_ADD_TC(tp, launcher_dies);
	ATF_TP_ADD_TC(tp, fatal_kills);
	ATF_TP_ADD_TC(tp, deaf_parent);
	ATF_TP_ADD_TC(tp, ordinary_user);
	ATF_TP_ADD_TC(tp, unforked);
	return (atf_no_error());
}
