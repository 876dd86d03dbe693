/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The shipped session.c, unless the client begins with an order. */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "helper.h"
#include "rogue.h"
#include "session.h"

__attribute__((__noreturn__))
void		 honest_session_run(const struct session_server *, uint64_t,
		    int);

/* What a session does to the parent is the question here, not what it may. */
#define helper_sandbox(pipe, start, role)	((void)(role))
#define session_run	honest_session_run
#include "../../../libexec/securetcp-session/session.c"
#undef session_run

static struct session_self	*rogue;

/* One message of the parent's, whatever it says. */
static void
rogue_receive(void)
{
	struct pollfd	 pfd;
	struct imsg	 imsg;

	while (imsgbuf_get(rogue->s_pipe, &imsg) != 1) {
		pfd.fd = WIRE_FD;
		pfd.events = POLLIN;
		if (poll(&pfd, 1, -1) == -1 ||
		    imsgbuf_read(rogue->s_pipe) != 1)
			act_stay();
	}
	imsg_free(&imsg);
}

static void
rogue_ask(const uint8_t *id, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t	 out[2048];

	memcpy(out, id, WIRE_KEYID);
	out[WIRE_KEYID] = type;
	out[WIRE_KEYID + 1] = (uint8_t)(len >> 8);
	out[WIRE_KEYID + 2] = (uint8_t)len;
	memcpy(out + WIRE_KEYID + 3, data, len);
	act_send(WIRE_ASKSIGN, out, WIRE_KEYID + 3 + len);
}

/* A digest, or a block with PSS's trailer and nothing else of it. */
static void
rogue_ask_length(const uint8_t *id, uint8_t type, size_t len)
{
	uint8_t	 data[1536];

	len %= sizeof(data);
	memset(data, 0x5a, sizeof(data));
	data[0] = 0;
	if (len > 0)
		data[len - 1] = 0xbc;
	rogue_ask(id, type, data, len);
}

/* The rest of the line is for somebody else. */
static void
rogue_order(const char **line, char *order, volatile int *set)
{
	while (*set)
		(void)poll(NULL, 0, 5);
	(void)snprintf(order, ROGUE_LINE, "%.*s", (int)strcspn(*line, "\n"),
	    *line);
	*line += strcspn(*line, "\n");
	rogue_orders->ro_id = act_id;
	__sync_synchronize();
	*set = 1;
	while (*set)
		(void)poll(NULL, 0, 5);
}

static void
rogue_ask_text(const char **line)
{
	uint8_t	 data[WIRE_SIGNMAX];
	size_t	 n;

	n = (size_t)snprintf((char *)data, sizeof(data), ROGUE_WORD "%.*s",
	    (int)strcspn(*line, "\n"), *line);
	*line += strcspn(*line, "\n");
	rogue_ask(rogue_keyid, rogue_keytype, data, n + 1);
}

static int
session_words(const char **line)
{
	uint8_t		 id[WIRE_KEYID];
	char		 word[2 * WIRE_KEYID + 1];
	unsigned int	 byte;
	size_t		 i;

	(void)act_word(line, word, sizeof(word));
	if (strcmp(word, "receive") == 0)
		rogue_receive();
	else if (strcmp(word, "ask") == 0)
		rogue_ask_length(rogue_keyid, rogue_keytype,
		    (size_t)act_number(line));
	else if (strcmp(word, "asktype") == 0)
		rogue_ask_length(rogue_keyid, 3 - rogue_keytype, 32);
	else if (strcmp(word, "askid") == 0) {
		(void)act_word(line, word, sizeof(word));
		for (i = 0; i < sizeof(id); i++) {
			if (sscanf(word + 2 * i, "%2x", &byte) != 1)
				return (0);
			id[i] = (uint8_t)byte;
		}
		rogue_ask_length(id, rogue_keytype, 32);
	} else if (strcmp(word, "ask:") == 0)
		rogue_ask_text(line);
	else if (strcmp(word, "idle:") == 0)
		rogue_order(line, rogue_orders->ro_idle,
		    &rogue_orders->ro_idle_set);
	else if (strcmp(word, "spawner:") == 0)
		rogue_order(line, rogue_orders->ro_spawner,
		    &rogue_orders->ro_spawner_set);
	else
		return (0);
	return (1);
}

static void
rogue_idle(struct session_self *s)
{
	struct pollfd	 pfd;

	while (s->s_adopted == -1) {
		if (rogue_obey(&rogue_orders->ro_idle_set,
		    rogue_orders->ro_idle))
			act_stay();
		pfd.fd = WIRE_FD;
		pfd.events = POLLIN;
		if (poll(&pfd, 1, 20) == 1)
			pipe_read(s);
	}
}

/* What a client says first, when that is an order; else nothing is taken. */
static int
rogue_wanted(struct session_self *s)
{
	struct pollfd	 pfd[2];
	char		 buf[sizeof(ROGUE_WORD) - 1];
	ssize_t		 n;

	pfd[0].fd = WIRE_FD;
	pfd[1].fd = s->s_adopted;
	pfd[0].events = pfd[1].events = POLLIN;
	pfd[0].revents = pfd[1].revents = 0;
	if (poll(pfd, 2, -1) == -1 || pfd[0].revents != 0)
		return (0);
	n = recv(s->s_adopted, buf, sizeof(buf), MSG_PEEK);
	if (n != (ssize_t)sizeof(buf) || memcmp(buf, ROGUE_WORD, sizeof(buf)))
		return (0);
	(void)recv(s->s_adopted, buf, sizeof(buf), 0);
	return (1);
}

static void
rogue_line(int fd, char *line, size_t size)
{
	size_t	 n = 0;

	(void)fcntl(fd, F_SETFL, 0);
	do {
		/* Whoever gave the orders has gone. */
		if (n + 2 >= size || recv(fd, line + n, 1, 0) != 1)
			_exit(0);
	} while (line[n++] != '\n');
	line[n] = '\0';
}

void
session_run(const struct session_server *sv, uint64_t id, int fd)
{
	static struct session_self	 session;
	struct session_self		*s = &session;
	char			 line[ROGUE_LINE];

	session_start(s, sv, id, fd);
	rogue_idle(s);
	if (rogue_wanted(s)) {
		rogue = s;
		act_id = id;
		act_other = dup(s->s_adopted);
		for (;;) {
			rogue_line(s->s_adopted, line, sizeof(line));
			act(line, session_words);
			(void)send(s->s_adopted, "ok\n", 3, MSG_NOSIGNAL);
		}
	}
	session_adopt(s);
	session_handshake(s);
	session_established(s);
	session_wait(s);
	relay_run(s);
}
