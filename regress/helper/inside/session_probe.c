/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The shipped spawner and session, whose objects this is linked with, but
 * that at three places a probe runs instead of what should:
 *
 * - in place of the handshake, when the client does not begin with a TLS
 *   record but with a line "NAME [PID]" in plain text;
 * - in place of the relay, when the client says that line through TLS;
 * - in a spawner whose server is called "spawner.NAME", when it has reaped a
 *   session that had a connection.
 *
 * A client is answered the session's number in a line, then "ok" or what it
 * was instead; a spawner tells the parent.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "../../unit/sandbox/probe.h"
#include "compat.h"
#include "helper.h"
#include "ops.h"
#include "procs.h"
#include "securetcp.h"
#include "session.h"
#include "wire.h"

#define LINE		128
#define TLS_RECORD	0x16	/* its first byte in a handshake */
#define PREFIX		"spawner."

struct securetcp	*__real_securetcp_new(struct securetcp_config *,
			    const struct securetcp_handlers *, void *);
struct securetcp	*__wrap_securetcp_new(struct securetcp_config *,
			    const struct securetcp_handlers *, void *);
int			 __real_securetcp_set_socket(struct securetcp *, int);
int			 __wrap_securetcp_set_socket(struct securetcp *, int);
void			 __wrap_relay_run(struct session_self *);
int			 __real_procs_init(void);
int			 __wrap_procs_init(void);
int			 __real_procs_reap(pid_t *, int *);
int			 __wrap_procs_reap(pid_t *, int *);
void			 __real_settings_read(struct imsgbuf *,
			    struct session_server *);
void			 __wrap_settings_read(struct imsgbuf *,
			    struct session_server *);

static const struct op	*parse(struct session_self *, char *);
static void		 await(int, short);

static struct session_self		*session;
static const struct session_server	*server;
static struct imsgbuf		*spawner_pipe;
static pid_t			 parent;

static void
await(int fd, short events)
{
	struct pollfd	 pfd;

	pfd.fd = fd;
	pfd.events = events;
	pfd.revents = 0;
	if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
		helper_fatal(session->s_pipe, "probe: poll: %s",
		    strerror(errno));
}

/* "NAME [PID]": what it will find, too. */
static const struct op *
parse(struct session_self *s, char *line)
{
	const struct op	*op;
	char		*pid;

	line[strcspn(line, "\n")] = '\0';
	if ((pid = strchr(line, ' ')) != NULL) {
		*pid++ = '\0';
		probe_stopped = atoi(pid);
	}
	if ((op = ops_find(line)) == NULL)
		helper_fatal(s->s_pipe, "probe: what is %s?", line);
	/* What works is tried on a connection, the rest on what is there. */
	probe_pipe = op->op_works & OPS_SESSION ? probe_tcp : WIRE_FD;
	probe_file = STDIN_FILENO;
	return (op);
}

struct securetcp *
__wrap_securetcp_new(struct securetcp_config *config,
    const struct securetcp_handlers *handlers, void *arg)
{
	session = arg;
	return (__real_securetcp_new(config, handlers, arg));
}

/* Byte by byte: what comes after the line is for the probe. */
static void
plain_line(int fd, char *line, size_t size)
{
	size_t	 n = 0;

	while (n + 1 < size && (n == 0 || line[n - 1] != '\n')) {
		switch (read(fd, line + n, 1)) {
		case 0:
			helper_fatal(session->s_pipe, "probe: no line");
		case 1:
			n++;
			break;
		default:
			await(fd, POLLIN);
		}
	}
	line[n] = '\0';
}

static void
plain_say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		helper_fatal(session->s_pipe, "probe: no answer");
}

int
__wrap_securetcp_set_socket(struct securetcp *tcp, int fd)
{
	const struct op	*op;
	const char	*result;
	char		 line[LINE];
	uint8_t		 first = 0;

	await(fd, POLLIN);
	if (recv(fd, &first, 1, MSG_PEEK) != 1 || first == TLS_RECORD)
		return (__real_securetcp_set_socket(tcp, fd));
	plain_line(fd, line, sizeof(line));
	probe_tcp = fd;
	op = parse(session, line);
	snprintf(line, sizeof(line), "%llu\n",
	    (unsigned long long)session->s_id);
	plain_say(fd, line);
	result = ops_run(op);
	/* Data left unread would make the end a reset. */
	while (read(fd, line, sizeof(line)) > 0)
		continue;
	plain_say(fd, result);
	return (ptAbort);
}

static void
tls_wait(struct session_self *s)
{
	struct pollfd	 pfd[SESSION_POLLFDS];
	size_t		 n;
	int		 timeout;

	n = securetcp_pollfds(s->s_tcp, pfd, SESSION_POLLFDS, &timeout);
	if (poll(pfd, (nfds_t)n, timeout) == -1 && errno != EINTR)
		helper_fatal(s->s_pipe, "probe: poll: %s", strerror(errno));
	(void)securetcp_dispatch(s->s_tcp, pfd, n);
}

static void
tls_line(struct session_self *s, char *line, size_t size)
{
	size_t	 got, n = 0;
	int	 error;

	while (n == 0 || line[n - 1] != '\n') {
		error = securetcp_receive(s->s_tcp, line + n, size - 1 - n,
		    &got);
		if (error == SECURETCP_AGAIN) {
			tls_wait(s);
			continue;
		}
		if (error != 0 || got == 0)
			session_done(s, error, "probe: no line");
		n += got;
	}
	line[n] = '\0';
}

static void
tls_say(struct session_self *s, const char *text)
{
	size_t	 sent;

	if (securetcp_send(s->s_tcp, text, strlen(text), &sent) != 0 ||
	    sent != strlen(text))
		session_done(s, ptError, "probe: no answer");
	while (securetcp_send_count(s->s_tcp) > 0)
		tls_wait(s);
}

void
__wrap_relay_run(struct session_self *s)
{
	const struct op	*op;
	char		 line[LINE];

	tls_line(s, line, sizeof(line));
	probe_tcp = s->s_backend;
	op = parse(s, line);
	snprintf(line, sizeof(line), "%llu\n", (unsigned long long)s->s_id);
	tls_say(s, line);
	if (op->op_works & OPS_SESSION)
		await(s->s_backend, POLLIN);
	tls_say(s, ops_run(op));
	session_done(s, ptAbort, "probe");
}

/* Before the sandbox. */
int
__wrap_procs_init(void)
{
	parent = getppid();
	return (__real_procs_init());
}

void
__wrap_settings_read(struct imsgbuf *pipe, struct session_server *sv)
{
	spawner_pipe = pipe;
	server = sv;
	__real_settings_read(pipe, sv);
}

/* Sessions that never had a connection end in another way. */
int
__wrap_procs_reap(pid_t *pid, int *status)
{
	const struct op	*op;
	const char	*name = server->sv_wire.wv_name;
	int		 n;

	n = __real_procs_reap(pid, status);
	if (n != 1 || !WIFEXITED(*status) ||
	    WEXITSTATUS(*status) != HELPER_OK ||
	    strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return (n);
	if ((op = ops_find(name + strlen(PREFIX))) == NULL)
		helper_fatal(spawner_pipe, "probe: what is %s?", name);
	probe_tcp = probe_pipe = WIRE_FD;
	probe_file = STDIN_FILENO;
	probe_stopped = parent;
	helper_fatal(spawner_pipe, "probe %s: %s", op->op_name, ops_run(op));
}
