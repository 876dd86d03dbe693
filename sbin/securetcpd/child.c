/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The pipe of a child process, a helper or a session: messages and its end. */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox.h"
#include "securetcpd.h"

static void	 child_dispatch(int, short, void *);

/*
 * Both ends non-blocking, close-on-exec and with the rights of a pipe; [0]
 * stays with the parent.
 */
int
child_pair(int sv[2])
{
	int	 error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    sv) == -1)
		return (-1);
	if (sandbox_rights(sv[0], SANDBOX_USE_PIPE) == 0 &&
	    sandbox_rights(sv[1], SANDBOX_USE_PIPE) == 0)
		return (0);
	error = errno;
	(void)close(sv[0]);
	(void)close(sv[1]);
	errno = error;
	return (-1);
}

static void
child_watch(struct child *c)
{
	short	 events = EV_READ | EV_PERSIST;

	if (imsgbuf_queuelen(&c->c_ibuf) > 0)
		events |= EV_WRITE;
	if (events == c->c_events)
		return;
	if (c->c_events != 0)
		(void)event_del(&c->c_ev);
	event_set(&c->c_ev, c->c_fd, events, child_dispatch, c);
	(void)event_add(&c->c_ev, NULL);
	c->c_events = events;
}

static const char *
child_check_helper(struct child *c, uint32_t type, size_t len)
{
	return (wire_check(c->c_role, c->c_state, &c->c_once, type, len));
}

/* Takes over the descriptor. */
void
child_init(struct child *c, int fd, enum wire_role role, enum wire_state state,
    void *owner)
{
	memset(c, 0, sizeof(*c));
	c->c_fd = fd;
	c->c_role = role;
	c->c_state = state;
	c->c_check = child_check_helper;
	c->c_owner = owner;
	if (imsgbuf_init(&c->c_ibuf, fd) == -1) {
		/* The caller sees a pipe that ended at once. */
		(void)close(fd);
		c->c_fd = -1;
		return;
	}
	imsgbuf_allow_fdpass(&c->c_ibuf);
	env->sd_fds++;
	child_watch(c);
}

void
child_close(struct child *c)
{
	if (c->c_fd == -1)
		return;
	if (c->c_events != 0)
		(void)event_del(&c->c_ev);
	c->c_events = 0;
	imsgbuf_clear(&c->c_ibuf);
	(void)close(c->c_fd);
	c->c_fd = -1;
	env->sd_fds--;
}

/*
 * Queues a message and writes what the pipe takes now.  Owns the descriptor
 * from the call on.  -1: no memory, or the child does not read; its c_gone
 * has not been called: the caller sees to that.  A child that has left is
 * no error here: it may have said why, and the end of its pipe will come.
 */
int
child_send(struct child *c, enum wire_type type, int fd, const void *payload,
    size_t len)
{
	if (c->c_fd == -1) {
		if (fd != -1)
			(void)close(fd);
		errno = EPIPE;
		return (-1);
	}
	if (imsgbuf_queuelen(&c->c_ibuf) >= (c->c_role == WIRE_SESSION ?
	    SESSION_QUEUE_MAX : PROC_QUEUE_MAX)) {
		if (fd != -1)
			(void)close(fd);
		errno = ENOBUFS;
		return (-1);
	}
	if (wire_send(&c->c_ibuf, type, fd, payload, len) == -1)
		return (-1);
	if (imsgbuf_write(&c->c_ibuf) == -1 && errno != EPIPE &&
	    errno != ECONNRESET)
		return (-1);
	child_watch(c);
	return (0);
}

/* The same with a file, which the child may read and nothing else. */
int
child_send_file(struct child *c, enum wire_type type, int file,
    const void *payload, size_t len)
{
	int	 error, fd;

	if ((fd = fcntl(file, F_DUPFD_CLOEXEC, 0)) == -1)
		return (-1);
	if (sandbox_rights(fd, SANDBOX_USE_FILE) == 0)
		return (child_send(c, type, fd, payload, len));
	error = errno;
	(void)close(fd);
	errno = error;
	return (-1);
}

/* Checks a message before anybody looks inside it. */
static const char *
child_check(struct child *c, struct imsg *imsg)
{
	int	 fd;

	if ((fd = imsg_get_fd(imsg)) != -1) {
		(void)close(fd);
		return ("a descriptor was sent");
	}
	return (c->c_check(c, imsg_get_type(imsg), imsg_get_len(imsg)));
}

static void
child_messages(struct child *c)
{
	char		 text[WIRE_REASON];
	const char	*reason;
	struct imsg	 imsg;
	int		 n;

	while (c->c_fd != -1) {
		if ((n = imsgbuf_get(&c->c_ibuf, &imsg)) == 0)
			return;
		if (n == -1) {
			c->c_gone(c, "violation: malformed message");
			return;
		}
		if ((reason = child_check(c, &imsg)) != NULL) {
			(void)snprintf(text, sizeof(text),
			    "violation: message %s (%u): %s",
			    wire_name(imsg_get_type(&imsg)),
			    imsg_get_type(&imsg), reason);
			imsg_free(&imsg);
			c->c_gone(c, text);
			return;
		}
		c->c_message(c, &imsg);
		imsg_free(&imsg);
	}
}

static void
child_dispatch(int fd, short what, void *arg)
{
	struct child	*c = arg;
	int		 n = 1;

	(void)fd;
	if (what & EV_WRITE) {
		/* A failed write: what it said last may still be read. */
		if (imsgbuf_write(&c->c_ibuf) == -1 && errno != EPIPE &&
		    errno != ECONNRESET) {
			c->c_gone(c, NULL);
			return;
		}
	}
	if (what & EV_READ) {
		n = imsgbuf_read(&c->c_ibuf);
		if (n == -1 && (errno == ECONNRESET || errno == EPIPE))
			n = 0;
		if (n == -1) {
			c->c_gone(c, "violation: malformed message");
			return;
		}
		c->c_heard = clock_now();
		child_messages(c);
	}
	if (c->c_fd == -1)
		return;
	if (n == 0) {
		c->c_gone(c, NULL);
		return;
	}
	child_watch(c);
}
