/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "helper.h"
#include "sandbox.h"
#include "wire.h"

#define HELPER_FAREWELL		2000	/* milliseconds for a FATAL */

static void	 helper_pipe(struct imsgbuf *);
static void	 helper_refuse(void);
static void	 helper_descriptors(void);
static void	 helper_signals(void);
static void	 helper_title(const char *);
static void	 helper_identity(struct imsgbuf *, const struct wire_start *);

/*
 * A person who runs a helper by hand has no socket as descriptor 3.  The
 * parent limited the rights of the pipe: reading is among them, asking for
 * its name or type is not.
 */
static void
helper_refuse(void)
{
	char	 c;

	if (recv(WIRE_FD, &c, 1, MSG_PEEK | MSG_DONTWAIT) != -1 ||
	    errno == EAGAIN || errno == ECONNRESET)
		return;
	fprintf(stderr, "%s: started by securetcpd(8) only\n", getprogname());
	exit(HELPER_USAGE);
}

static void
helper_descriptors(void)
{
	int	 fd, null;

	if ((null = open("/dev/null", O_RDWR)) == -1) {
		fprintf(stderr, "%s: /dev/null: %s\n", getprogname(),
		    strerror(errno));
		exit(HELPER_USAGE);
	}
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fd != null && dup2(null, fd) == -1)
			exit(HELPER_USAGE);
	}
	closefrom(WIRE_FD + 1);
}

static void
helper_signals(void)
{
	static const int	 ignored[] = {
		SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1
	};
	struct sigaction	 sa;
	size_t			 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	(void)sigemptyset(&sa.sa_mask);
	for (i = 0; i < nitems(ignored); i++)
		(void)sigaction(ignored[i], &sa, NULL);
}

/*
 * setproctitle(3) puts the program's name in front, so a title of the form
 * "name: rest" becomes both.
 */
static void
helper_title(const char *title)
{
	static char	 name[WIRE_NAME];
	const char	*rest;

	if (title[0] == '\0')
		return;
	if ((rest = strstr(title, ": ")) == NULL) {
		setproctitle("%s", title);
		return;
	}
	memcpy(name, title, (size_t)(rest - title));
	setprogname(name);
	setproctitle("%s", rest + 2);
}

/*
 * The parent starts helpers in the chroot directory: pledge(2) lets nobody
 * pass the descriptor of a directory.
 */
static void
helper_identity(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	/* A launcher's limits are its own to set, and to take back. */
	if (start->ws_flags & WIRE_START_ROOT) {
		if (chdir("/") == -1)
			helper_fatal(imsgbuf, "/: %s", strerror(errno));
		return;
	}
	if (privdrop_limits(start->ws_nofile, 0) == -1)
		helper_fatal(imsgbuf, "limits, %u descriptors, no file, no "
		    "locked memory: %s", start->ws_nofile, strerror(errno));
	if (!(start->ws_flags & WIRE_START_DROP)) {
		if (geteuid() == 0)
			helper_fatal(imsgbuf,
			    "asked to keep running as root: refused");
		return;
	}
	if (privdrop(!(start->ws_flags & WIRE_START_FILES), start->ws_uid,
	    start->ws_gid) == -1)
		helper_fatal(imsgbuf, "chroot or change to user %u group %u: "
		    "%s", start->ws_uid, start->ws_gid, strerror(errno));
}

/* The role, as far as sandbox_prepare() needs to know it. */
static enum sandbox_role
helper_role(const struct wire_start *start)
{
	if (start->ws_flags & WIRE_START_ROOT)
		return (SANDBOX_LAUNCHER);
	if (start->ws_flags & WIRE_START_FILES)
		return (SANDBOX_RESOLVER);
	if (start->ws_flags & WIRE_START_CHECK)
		return (SANDBOX_CHECKER);
	return (SANDBOX_SPAWNER);
}

void
helper_start(struct imsgbuf *imsgbuf, struct wire_start *start)
{
	struct imsg	 imsg;

	helper_refuse();
	helper_signals();
	helper_descriptors();
	if (fcntl(WIRE_FD, F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(WIRE_FD, F_SETFL, O_NONBLOCK) == -1 ||
	    imsgbuf_init(imsgbuf, WIRE_FD) == -1)
		exit(HELPER_PIPE);
	imsgbuf_allow_fdpass(imsgbuf);

	helper_next(imsgbuf, &imsg);
	if (imsg_get_type(&imsg) != WIRE_START)
		helper_fatal(imsgbuf, "%s instead of START",
		    wire_name(imsg_get_type(&imsg)));
	if (imsg_get_fd(&imsg) != -1)
		helper_fatal(imsgbuf, "START with a descriptor");
	helper_parse(imsgbuf, &imsg, start, sizeof(*start));
	imsg_free(&imsg);

	helper_title(start->ws_title);
	if (sandbox_prepare(helper_role(start)) == -1)
		helper_fatal(imsgbuf, "sandbox: %s", strerror(errno));
	helper_identity(imsgbuf, start);
	/* After the user change, which makes Linux forget it. */
	if (compat_nodump() == -1)
		helper_fatal(imsgbuf, "core dumps: %s", strerror(errno));
}

/* Waits until the pipe can be read, or written if something is queued. */
static void
helper_pipe(struct imsgbuf *imsgbuf)
{
	struct pollfd	 pfd;
	int		 n;

	pfd.fd = WIRE_FD;
	pfd.events = POLLIN;
	if (imsgbuf_queuelen(imsgbuf) > 0)
		pfd.events |= POLLOUT;
	if (poll(&pfd, 1, -1) == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return;
		helper_fatal(imsgbuf, "poll: %s", strerror(errno));
	}
	if (pfd.revents & POLLOUT && imsgbuf_write(imsgbuf) == -1)
		exit(HELPER_PIPE);
	if (!(pfd.revents & ~POLLOUT))
		return;
	if ((n = imsgbuf_read(imsgbuf)) == 0)
		exit(HELPER_PIPE);
	if (n == -1) {
		if (errno == ECONNRESET || errno == EPIPE)
			exit(HELPER_PIPE);
		helper_fatal(imsgbuf, "pipe: %s", strerror(errno));
	}
}

void
helper_next(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	int	 n;

	while ((n = imsgbuf_get(imsgbuf, imsg)) == 0)
		helper_pipe(imsgbuf);
	if (n == -1)
		helper_fatal(imsgbuf, "pipe: %s", strerror(errno));
}

void
helper_parse(struct imsgbuf *imsgbuf, struct imsg *imsg, void *payload,
    size_t size)
{
	const char	*name = wire_name(imsg_get_type(imsg));
	unsigned int	 version;

	if (wire_parse_version(imsg, payload, size, &version) == 0)
		return;
	if (errno == EPROTONOSUPPORT)
		helper_fatal(imsgbuf, "%s of protocol version %u from "
		    "securetcpd, this is version %u: installed apart?", name,
		    version, WIRE_VERSION);
	helper_fatal(imsgbuf, "%s: %s", name, strerror(errno));
}

void
helper_serve(struct imsgbuf *imsgbuf, uint32_t type,
    void (*serve)(struct imsgbuf *, struct imsg *))
{
	struct imsg	 imsg;

	for (;;) {
		helper_next(imsgbuf, &imsg);
		if (imsg_get_type(&imsg) != type)
			helper_fatal(imsgbuf, "%s instead of %s",
			    wire_name(imsg_get_type(&imsg)), wire_name(type));
		serve(imsgbuf, &imsg);
		imsg_free(&imsg);
	}
}

void
helper_send(struct imsgbuf *imsgbuf, uint32_t type, const void *payload,
    size_t size)
{
	if (wire_send(imsgbuf, type, -1, payload, size) == -1)
		helper_fatal(imsgbuf, "%s: %s", wire_name(type),
		    strerror(errno));
}

void
helper_say(struct imsgbuf *imsgbuf, uint32_t type, const void *payload,
    size_t size)
{
	helper_send(imsgbuf, type, payload, size);
	helper_flush(imsgbuf);
}

void
helper_flush(struct imsgbuf *imsgbuf)
{
	struct pollfd	 pfd;

	while (imsgbuf_queuelen(imsgbuf) > 0) {
		pfd.fd = WIRE_FD;
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR &&
		    errno != EAGAIN)
			exit(HELPER_PIPE);
		if (imsgbuf_write(imsgbuf) == -1)
			exit(HELPER_PIPE);
	}
}

void
helper_bound(struct imsgbuf *imsgbuf, unsigned int more)
{
	if (compat_bound_memory(more) == -1)
		helper_fatal(imsgbuf, "limit of memory, %u MB more than it "
		    "has: %s", more, strerror(errno));
}

void
helper_sandbox(struct imsgbuf *imsgbuf, const struct wire_start *start,
    int role)
{
	if (sandbox_enter(role) == 0)
		return;
	if (errno == ENOSYS && start->ws_flags & WIRE_START_OPTIONAL)
		return;
	if (errno == ENOSYS)
		helper_fatal(imsgbuf, "sandbox: this kernel has none, and the "
		    "configuration requires one (\"sandbox optional\" runs "
		    "without)");
	helper_fatal(imsgbuf, "sandbox: %s", strerror(errno));
}

void
helper_ready(struct imsgbuf *imsgbuf, const char *sandbox)
{
	struct wire_ready	 ready;

	memset(&ready, 0, sizeof(ready));
	(void)strlcpy(ready.wr_sandbox, sandbox, sizeof(ready.wr_sandbox));
	helper_say(imsgbuf, WIRE_READY, &ready, sizeof(ready));
}

void
helper_fatal(struct imsgbuf *imsgbuf, const char *fmt, ...)
{
	struct wire_text	 text;
	struct pollfd		 pfd;
	int64_t			 end;
	va_list			 ap;

	memset(&text, 0, sizeof(text));
	va_start(ap, fmt);
	(void)vsnprintf(text.wt_text, sizeof(text.wt_text), fmt, ap);
	va_end(ap);
	if (wire_send(imsgbuf, WIRE_FATAL, -1, &text, sizeof(text)) == -1)
		exit(HELPER_FATAL);
	end = compat_now() + HELPER_FAREWELL;
	while (imsgbuf_queuelen(imsgbuf) > 0) {
		pfd.fd = WIRE_FD;
		pfd.events = POLLOUT;
		(void)poll(&pfd, 1, HELPER_FAREWELL);
		if (imsgbuf_write(imsgbuf) == -1 || compat_now() >= end)
			break;
	}
	exit(HELPER_FATAL);
}
