/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Calls on purpose, one for each row of a table. */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "probe.h"

void
probe_begin(const char *system)
{
	struct rlimit	 none = { 0, 0 };
	int		 fd, sv[2];

	ATF_REQUIRE(setrlimit(RLIMIT_CORE, &none) == 0);
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    sv) == 0);
	ATF_REQUIRE(dup2(sv[0], PROBE_SOCKET) != -1);
	ATF_REQUIRE(dup2(sv[1], PROBE_OTHER) != -1);
	ATF_REQUIRE((fd = open("probed", O_RDWR | O_CREAT, 0600)) != -1);
	ATF_REQUIRE(dup2(fd, PROBE_FILE) != -1);
	(void)close(fd);
	ATF_REQUIRE((fd = open(".", O_RDONLY | O_DIRECTORY)) != -1);
	ATF_REQUIRE(dup2(fd, PROBE_DIRECTORY) != -1);
	(void)close(fd);
	(void)close(sv[0]);
	(void)close(sv[1]);
	confine_attach(system, "confine.log");
}

static void
row_parse(char *line, struct row *row)
{
	char	*field[4];
	size_t	 i;

	line[strcspn(line, "\n")] = '\0';
	for (i = 0; i < 4; i++) {
		field[i] = line == NULL ? NULL : strsep(&line, "\t");
		ATF_REQUIRE(field[i] != NULL);
	}
	memset(row, 0, sizeof(*row));
	row->r_alone = 1;
	row->r_nr = strtol(field[0], NULL, 10);
	(void)snprintf(row->r_call, sizeof(row->r_call), "%s", field[1]);
	(void)snprintf(row->r_condition, sizeof(row->r_condition), "%s",
	    field[2]);
	(void)snprintf(row->r_rest, sizeof(row->r_rest), "%s", field[3]);
}

size_t
probe_rows(const char *system, struct row *rows, size_t max)
{
	char	 line[256], command[512];
	FILE	*fp;
	size_t	 i, n = 0;

	(void)snprintf(command, sizeof(command), "%s %s", CONFINE, system);
	ATF_REQUIRE((fp = popen(command, "r")) != NULL);
	while (n < max && fgets(line, sizeof(line), fp) != NULL) {
		row_parse(line, &rows[n]);
		for (i = 0; i < n; i++)
			if (rows[i].r_nr == rows[n].r_nr)
				rows[i].r_alone = rows[n].r_alone = 0;
		n++;
	}
	ATF_REQUIRE(pclose(fp) == 0);
	ATF_REQUIRE(n > 100);
	return (n);
}

/* What does not return, or returns twice over one stack. */
int
probe_never(const struct row *row)
{
	switch (row->r_nr) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_restart_syscall:
	case SYS_rt_sigreturn:
	case SYS_rt_sigsuspend:
#if defined(__x86_64__)
	case SYS_vfork:
#endif
		return (1);
	}
	return (0);
}

long
probe_call(const struct row *row, const struct act *acts, int fdarg)
{
	const struct act	*a;
	long			 args[6] = { -1, -1, -1, -1, -1, -1 };
	size_t			 i;

	for (a = acts; !row->r_alone && a->a_condition != NULL; a++)
		if (a->a_nr == row->r_nr &&
		    strcmp(a->a_condition, row->r_condition) == 0)
			break;
	for (i = 0; !row->r_alone && a->a_condition != NULL && i < 6; i++)
		args[i] = (long)a->a_args[i];
	if (!row->r_alone && a->a_condition == NULL)
		_exit(99);
	if (fdarg != -1)
		args[fdarg] = PROBE_SOCKET;
	return (syscall(row->r_nr, args[0], args[1], args[2], args[3],
	    args[4], args[5]));
}

int
probe_run(void (*act)(void *), void *arg)
{
	pid_t	 pid;
	int	 status;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		act(arg);
		_exit(0);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	return (status);
}

int
probe_logged(const char *what, const char *more)
{
	char	 line[1024];
	FILE	*fp;
	int	 found = 0;

	ATF_REQUIRE((fp = fopen("confine.log", "r")) != NULL);
	while (fgets(line, sizeof(line), fp) != NULL)
		if (strstr(line, what) != NULL && strstr(line, more) != NULL)
			found = 1;
	(void)fclose(fp);
	return (found);
}

/* Puts the descriptor into the control data that the message has. */
void
probe_passing(struct msghdr *msg, int fd)
{
	struct cmsghdr	*cmsg;

	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
}

/* A message of one byte with room for a descriptor. */
static struct msghdr *
probe_message(void)
{
	static union {
		char		 u_data[CMSG_SPACE(sizeof(int))];
		struct cmsghdr	 u_align;
	}			 control;
	static char		 byte;
	static struct iovec	 iov = { &byte, 1 };
	static struct msghdr	 msg;

	memset(&control, 0, sizeof(control));
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control.u_data);
	return (&msg);
}

void
probe_send(int s, int fd)
{
	struct msghdr	*msg = probe_message();

	probe_passing(msg, fd);
	if (sendmsg(s, msg, 0) != 1)
		_exit(98);
}

int
probe_receive(int s)
{
	struct msghdr	*msg = probe_message();
	struct cmsghdr	*cmsg;
	int		 fd = -1;

	if (recvmsg(s, msg, 0) != 1)
		_exit(97);
	if ((cmsg = CMSG_FIRSTHDR(msg)) != NULL)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return (fd);
}
