/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * -U: a daemon takes the listeners of a running one over.  It asks for them on
 * that one's control socket when its own configuration is right, starts with
 * them, and only then tells the other one to drain: whatever fails before, the
 * other one serves as if nothing had been asked.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define UPGRADE_SECONDS	10		/* for each answer */
#define UPGRADE_LINE	512

/* One that the other daemon has passed; -1: it is used already. */
struct heirloom {
	TAILQ_ENTRY(heirloom)	 hl_entry;
	int			 hl_fd;
	char			 hl_name[WIRE_NAME + 160];
};

static TAILQ_HEAD(, heirloom)	 heirlooms = TAILQ_HEAD_INITIALIZER(heirlooms);
static int			 other = -1;	/* the other daemon */
static char			 from[PATH_MAX];	/* its socket */

/* What both daemons call a listener: as it was said, and in which block. */
static void
upgrade_name(const char *server, const struct listen *li, char *buf,
    size_t size)
{
	char	 address[128];

	conf_address_name(&li->li_ss, address, sizeof(address));
	(void)snprintf(buf, size, "%s %s", address, server);
}

/*
 * The side of the one that runs.
 */

/* A line and a descriptor, which whoever asked must be ready to take. */
static int
upgrade_pass(int fd, const struct listener *ln)
{
	union {
		struct cmsghdr	 hdr;
		unsigned char	 data[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct cmsghdr	*cmsg;
	struct msghdr	 msg;
	struct iovec	 iov;
	char		 line[UPGRADE_LINE], name[WIRE_NAME + 160];
	int		 n;

	upgrade_name(ln->ln_service->se_conf->sv_name, ln->ln_conf, name,
	    sizeof(name));
	n = snprintf(line, sizeof(line), "listener %s\n", name);
	memset(&control, 0, sizeof(control));
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = line;
	iov.iov_len = (size_t)n;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.data;
	msg.msg_controllen = sizeof(control.data);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(cmsg), &ln->ln_fd, sizeof(int));
	return (sendmsg(fd, &msg, 0) == n ? 0 : -1);
}

/* The n-th listener, from 0, or NULL. */
static const struct listener *
upgrade_nth(unsigned int n)
{
	const struct listener	*ln;
	const struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		TAILQ_FOREACH(ln, &se->se_listeners, ln_entry)
			if (ln->ln_fd != -1 && n-- == 0)
				return (ln);
	return (NULL);
}

/*
 * Passes one listener, as the socket has no room for many, to root only, or to
 * the daemon's user where that is not root: NULL, or why not.
 */
const char *
upgrade_give(int fd, unsigned int n)
{
	const struct listener	*ln;
	uid_t			 uid;
	gid_t			 gid;

	if (getpeereid(fd, &uid, &gid) == -1)
		return (strerror(errno));
	if (uid != 0 && uid != geteuid())
		return ("only root may take the listeners over");
	if ((ln = upgrade_nth(n)) != NULL && upgrade_pass(fd, ln) == -1)
		return (strerror(errno));
	return (NULL);
}

/*
 * The side of the one that starts.
 */

static int
upgrade_failed(const char *what)
{
	daemon_fail("-U: %s: %s", from, what);
	return (-1);
}

static int
upgrade_say(const char *line)
{
	size_t	 len = strlen(line);

	if (send(other, line, len, MSG_NOSIGNAL) != (ssize_t)len)
		return (upgrade_failed(strerror(errno)));
	return (0);
}

/* A byte, and the descriptor that came with it or -1. */
static ssize_t
upgrade_read(char *c, int *fd)
{
	union {
		struct cmsghdr	 hdr;
		unsigned char	 data[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct cmsghdr	*cmsg;
	struct msghdr	 msg;
	struct iovec	 iov;
	ssize_t		 n;

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = c;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.data;
	msg.msg_controllen = sizeof(control.data);
	*fd = -1;
	do
		n = recvmsg(other, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (n);
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
		(void)fcntl(*fd, F_SETFD, FD_CLOEXEC);
	}
	return (n);
}

/* The next line, with its descriptor or -1; -1 after the failure was said. */
static int
upgrade_line(char *line, size_t size, int *fd)
{
	ssize_t	 n;
	size_t	 len = 0;
	int	 got;

	*fd = -1;
	while (len < size) {
		if ((n = upgrade_read(&line[len], &got)) <= 0)
			return (upgrade_failed(n == 0 ? "the running daemon "
			    "has closed the connection" : errno == EAGAIN ?
			    "the running daemon does not answer" :
			    strerror(errno)));
		if (got != -1 && *fd == -1)
			*fd = got;
		if (line[len] == '\n') {
			line[len] = '\0';
			return (0);
		}
		len++;
	}
	return (upgrade_failed("an answer without end"));
}

/* What else it may say is a refusal. */
static int
upgrade_done(const char *line)
{
	char	 why[UPGRADE_LINE + 32];

	if (strcmp(line, "done") == 0)
		return (0);
	(void)snprintf(why, sizeof(why), "the running daemon says \"%.*s\"",
	    UPGRADE_LINE, line);
	return (upgrade_failed(why));
}

static int
upgrade_keep(const char *name, int fd)
{
	struct heirloom	*hl;

	if ((hl = calloc(1, sizeof(*hl))) == NULL)
		return (upgrade_failed(strerror(errno)));
	hl->hl_fd = fd;
	(void)strlcpy(hl->hl_name, name, sizeof(hl->hl_name));
	TAILQ_INSERT_TAIL(&heirlooms, hl, hl_entry);
	return (0);
}

static int
upgrade_connect(const struct conf *cf)
{
	const struct control	*co;
	struct sockaddr_un	 sun;
	struct timeval		 tv = { UPGRADE_SECONDS, 0 };

	TAILQ_FOREACH(co, &cf->cf_controls, co_entry)
		if (!co->co_restricted)
			break;
	if (co == NULL) {
		daemon_fail("-U: the configuration has no control socket that "
		    "is not restricted");
		return (-1);
	}
	(void)strlcpy(from, co->co_path, sizeof(from));
	if (sockfile_address(&sun, from) == -1 ||
	    (other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1 ||
	    setsockopt(other, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1 ||
	    connect(other, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return (upgrade_failed(strerror(errno)));
	return (0);
}

/* 1: the n-th listener is there; 0: there are so many; -1: that failed. */
static int
upgrade_ask(unsigned int n)
{
	char	 line[UPGRADE_LINE];
	int	 fd;

	(void)snprintf(line, sizeof(line), "takeover\t%u\n", n);
	if (upgrade_say(line) == -1 ||
	    upgrade_line(line, sizeof(line), &fd) == -1)
		return (-1);
	if (strncmp(line, "listener ", 9) != 0)
		return (upgrade_done(line));
	if (fd == -1)
		return (upgrade_failed("a listener without its descriptor"));
	if (upgrade_keep(line + 9, fd) == -1 ||
	    upgrade_line(line, sizeof(line), &fd) == -1 ||
	    upgrade_done(line) == -1)
		return (-1);
	return (1);
}

/* Asks for what it has; it goes on as before.  -1 when that fails. */
int
upgrade_begin(const struct conf *cf)
{
	unsigned int	 n = 0;
	int		 more;

	if (upgrade_connect(cf) == -1)
		return (-1);
	do
		more = upgrade_ask(n++);
	while (more == 1);
	return (more);
}

/* The socket that listens as was said there, or -1. */
int
upgrade_listener(const struct edition *ed, const struct listen *li)
{
	struct heirloom	*hl;
	char		 name[WIRE_NAME + 160];
	size_t		 len;
	int		 fd;

	upgrade_name(ed->ed_conf->sv_name, li, name, sizeof(name));
	/* An address may be another block's now, but for the kernel's choice. */
	len = strcspn(name, " ");
	TAILQ_FOREACH(hl, &heirlooms, hl_entry) {
		if (hl->hl_fd == -1 || strncmp(hl->hl_name, name, len + 1) != 0)
			continue;
		if (strncmp(name + len - 2, ":0", 2) == 0 &&
		    strcmp(hl->hl_name, name) != 0)
			continue;
		fd = hl->hl_fd;
		hl->hl_fd = -1;
		return (fd);
	}
	return (-1);
}

/*
 * This daemon serves: the other one is to drain, and gives its pidfile and its
 * control sockets up.  -1: it does not, and goes on beside this one.
 */
int
upgrade_finish(void)
{
	struct heirloom	*hl;
	char		 line[UPGRADE_LINE];
	int		 fd;

	while ((hl = TAILQ_FIRST(&heirlooms)) != NULL) {
		TAILQ_REMOVE(&heirlooms, hl, hl_entry);
		if (hl->hl_fd != -1)
			(void)close(hl->hl_fd);
		free(hl);
	}
	if (upgrade_say("drain\n") == -1 ||
	    upgrade_line(line, sizeof(line), &fd) == -1 ||
	    upgrade_done(line) == -1)
		return (-1);
	(void)close(other);
	other = -1;
	return (0);
}
