/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"
#include "parent.h"
#include "wire.h"

#define DEADLINE	20000	/* milliseconds */

const char *
parent_binary(const atf_tc_t *tc)
{
	static char	 path[1024];

	snprintf(path, sizeof(path),
	    "%s/../../libexec/securetcp-resolver/securetcp-resolver",
	    atf_tc_get_config_var(tc, "srcdir"));
	return (path);
}

void
parent_spawn(struct parent *parent, const atf_tc_t *tc)
{
	const char	*binary = parent_binary(tc);
	int		 sv[2];

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	ATF_REQUIRE((parent->p_pid = fork()) != -1);
	if (parent->p_pid == 0) {
		if (sv[1] == WIRE_FD)
			fcntl(WIRE_FD, F_SETFD, 0);
		else if (dup2(sv[1], WIRE_FD) == -1)
			_exit(126);
		if (sv[0] != WIRE_FD)
			close(sv[0]);
		execl(binary, "securetcp-resolver", (char *)NULL);
		_exit(127);
	}
	close(sv[1]);
	parent->p_fd = sv[0];
	fcntl(sv[0], F_SETFD, FD_CLOEXEC);
	ATF_REQUIRE(imsgbuf_init(&parent->p_pipe, sv[0]) == 0);
	imsgbuf_allow_fdpass(&parent->p_pipe);
}

void
parent_start(struct parent *parent, const atf_tc_t *tc,
    struct wire_ready *ready)
{
	struct wire_start	 start;

	memset(&start, 0, sizeof(start));
	start.ws_nofile = 64;
	start.ws_flags = WIRE_START_FILES;
	strlcpy(start.ws_title, "securetcp-resolver: names",
	    sizeof(start.ws_title));
	if (geteuid() == 0) {
		start.ws_flags |= WIRE_START_DROP;
		start.ws_uid = PARENT_UID;
		start.ws_gid = PARENT_GID;
	}
	parent_spawn(parent, tc);
	parent_send(parent, WIRE_START, -1, &start, sizeof(start));
	parent_expect(parent, WIRE_READY, ready, sizeof(*ready));
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

static void
wait_readable(struct parent *parent)
{
	struct pollfd	 pfd;

	pfd.fd = parent->p_fd;
	pfd.events = POLLIN;
	if (poll(&pfd, 1, DEADLINE) != 1) {
		kill(parent->p_pid, SIGKILL);
		atf_tc_fail("the resolver says nothing");
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
			atf_tc_fail("the resolver does not leave");
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
parent_end(struct parent *parent)
{
	int	 status;

	ATF_REQUIRE(shutdown(parent->p_fd, SHUT_WR) == 0);
	status = parent_wait(parent);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == HELPER_PIPE,
	    "status %#x", (unsigned int)status);
}
