/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <imsg.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"
#include "proc.h"
#include "shipped.h"
#include "shipped_parent.h"
#include "wire.h"

#define DEADLINE	20000	/* milliseconds */

void
parent_spawn(struct parent *parent, const atf_tc_t *tc)
{
	parent->p_pid = shipped_start(tc, parent_helper, &parent->p_pipe,
	    &parent->p_fd, shipped_chroot);
}

void
parent_start(struct parent *parent, const atf_tc_t *tc,
    struct wire_start *start)
{
	if (geteuid() == 0) {
		start->ws_flags |= WIRE_START_DROP;
		start->ws_uid = PARENT_UID;
		start->ws_gid = PARENT_GID;
	}
	parent_spawn(parent, tc);
	parent_send(parent, WIRE_START, -1, start, sizeof(*start));
}

void
parent_send(struct parent *parent, uint32_t type, int fd, const void *payload,
    size_t size)
{
	ATF_REQUIRE(wire_send(&parent->p_pipe, (enum wire_type)type, fd,
	    payload, size) == 0);
	ATF_REQUIRE_MSG(imsgbuf_flush(&parent->p_pipe) == 0, "%s: %s",
	    wire_name(type), strerror(errno));
}

void
parent_send_raw(struct parent *parent, uint32_t type, const uint8_t *bytes,
    size_t size)
{
	ATF_REQUIRE(imsg_compose(&parent->p_pipe, type, 0, 0, -1, bytes,
	    size) == 1);
	ATF_REQUIRE(imsgbuf_flush(&parent->p_pipe) == 0);
}

static void
wait_readable(struct parent *parent)
{
	struct pollfd	 pfd;

	pfd.fd = parent->p_fd;
	pfd.events = POLLIN;
	if (poll(&pfd, 1, DEADLINE) != 1) {
		kill(parent->p_pid, SIGKILL);
		atf_tc_fail("%s says nothing", parent_helper);
	}
}

void
parent_expect(struct parent *parent, uint32_t type, void *payload, size_t size)
{
	struct wire_text	 text;
	struct imsg		 imsg;
	uint32_t		 got;
	int			 n, status;

	while ((n = imsgbuf_get(&parent->p_pipe, &imsg)) == 0) {
		wait_readable(parent);
		if (imsgbuf_read(&parent->p_pipe) == 1)
			continue;
		ATF_REQUIRE(waitpid(parent->p_pid, &status, 0) ==
		    parent->p_pid);
		atf_tc_fail("the pipe ended before %s, status %#x",
		    wire_name(type), (unsigned int)status);
	}
	ATF_REQUIRE(n == 1);
	got = imsg_get_type(&imsg);
	if (got != type && got == WIRE_FATAL &&
	    wire_parse(&imsg, &text, sizeof(text)) == 0)
		atf_tc_fail("FATAL: %s", text.wt_text);
	ATF_REQUIRE_MSG(got == type, "%s instead of %s", wire_name(got),
	    wire_name(type));
	ATF_CHECK_EQ(imsg_get_fd(&imsg), -1);
	ATF_REQUIRE(wire_parse(&imsg, payload, size) == 0);
	imsg_free(&imsg);
}

int
parent_wait(struct parent *parent)
{
	struct pollfd	 pfd;
	char		 buf[256];
	int		 status;

	/* Its end of the pipe is the last thing that goes. */
	do {
		pfd.fd = parent->p_fd;
		pfd.events = POLLIN;
		if (poll(&pfd, 1, DEADLINE) != 1) {
			kill(parent->p_pid, SIGKILL);
			atf_tc_fail("%s does not leave", parent_helper);
		}
	} while (read(parent->p_fd, buf, sizeof(buf)) > 0);
	ATF_REQUIRE(waitpid(parent->p_pid, &status, 0) == parent->p_pid);
	close(parent->p_fd);
	return (status);
}

void
parent_fatal(struct parent *parent, const char *part)
{
	struct wire_text	 text;
	int			 status;

	parent_expect(parent, WIRE_FATAL, &text, sizeof(text));
	ATF_CHECK_MSG(strstr(text.wt_text, part) != NULL, "%s", text.wt_text);
	status = parent_wait(parent);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) ==
	    HELPER_FATAL, "status %#x", (unsigned int)status);
}

void
parent_barred(struct parent *parent, const char *part)
{
	int	 status;

	if (proc_barred_signal == 0) {
		parent_fatal(parent, proc_barred_words == NULL ? part :
		    proc_barred_words);
		return;
	}
	status = parent_wait(parent);
	ATF_CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) ==
	    proc_barred_signal, "status %#x", (unsigned int)status);
}

void
parent_end(struct parent *parent)
{
	int	 status;

	ATF_REQUIRE(shutdown(parent->p_fd, SHUT_WR) == 0);
	status = parent_wait(parent);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == HELPER_PIPE,
	    "status %#x", (unsigned int)status);
}

static void
check_identity(const struct proc_info *pr)
{
	size_t	 i;

	for (i = 0; i < 3; i++) {
		ATF_CHECK_EQ(PARENT_UID, pr->pr_uid[i]);
		ATF_CHECK_EQ(PARENT_GID, pr->pr_gid[i]);
	}
	ATF_CHECK_EQ(1, pr->pr_ngroups);
	ATF_CHECK_EQ(PARENT_GID, pr->pr_groups[0]);
	ATF_CHECK(!pr->pr_capable);
	ATF_CHECK_MSG(pr->pr_sandboxed, "%s", pr->pr_bounds);
}

static void
check_limit(pid_t pid, int resource, unsigned long long want)
{
	unsigned long long	 soft;

	if (proc_limit(pid, resource, &soft) == -1)
		printf("limit %d is not looked at: the system does not tell "
		    "those of others\n", resource);
	else
		ATF_CHECK_EQ_MSG(want, soft, "limit %d: %llu", resource, soft);
}

void
parent_check(const struct parent *parent, const char *title,
    unsigned long long nofile, int services)
{
	struct proc_file	 open[16];
	struct proc_info	 pr;
	size_t			 i, n;

	ATF_REQUIRE_EQ(0, proc_get(parent->p_pid, &pr));
	check_identity(&pr);
	ATF_CHECK_STREQ(title, pr.pr_title);
	check_limit(parent->p_pid, RLIMIT_CORE, 0);
	check_limit(parent->p_pid, RLIMIT_FSIZE, 0);
	check_limit(parent->p_pid, RLIMIT_NPROC, proc_least_nproc);
	check_limit(parent->p_pid, RLIMIT_NOFILE, nofile);
	n = proc_files(parent->p_pid, open, 16);
	ATF_CHECK_EQ(4 + (size_t)services, n);
	for (i = 0; i < n; i++) {
		ATF_CHECK_MSG(i > 3 || open[i].pf_fd == (int)i, "%d is %s",
		    open[i].pf_fd, open[i].pf_name);
		ATF_CHECK_EQ_MSG(open[i].pf_fd < 3 ? PROC_NULL : PROC_SOCKET,
		    open[i].pf_kind, "%d is %s", open[i].pf_fd,
		    open[i].pf_name);
	}
}
