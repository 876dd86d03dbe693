/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The shipped resolver.c, without a sandbox, which knows no names but
 * what the file "name.HOST" in its directory says of them:
 *
 *	answer ADDRESS...
 *	failure NUMBER WORD
 *	resolved REQUEST ERROR REASON ADDRESS...	at once, and once more
 *	... and the words of ../../net/rogue/act.c, which come before the answer
 *
 * An ADDRESS may also be "padded", "family", "half", or "many".
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "rogue.h"
#include "sandbox.h"
#include "securetcp.h"
#include "wire.h"

static struct wire_resolved	*rogue_answer;
static char			 rogue_plan[ROGUE_LINE];
static int			 rogue_planned = -1;

/* One address, or several that are none. */
static size_t
rogue_address(const char *word, uint8_t *out)
{
	size_t	 i;

	memset(out, 0, WIRE_ADDRESS_LEN);
	if (inet_pton(AF_INET, word, out + 1) == 1) {
		out[0] = 4;
		return (WIRE_ADDRESS_LEN);
	}
	if (inet_pton(AF_INET6, word, out + 1) == 1) {
		out[0] = 6;
		return (WIRE_ADDRESS_LEN);
	}
	out[0] = 4;
	if (strcmp(word, "padded") == 0)
		out[16] = 1;
	else if (strcmp(word, "family") == 0)
		out[0] = 5;
	else if (strcmp(word, "half") == 0)
		return (WIRE_ADDRESS_LEN - 1);
	else if (strcmp(word, "many") == 0) {
		for (i = 1; i <= WIRE_ADDRESSES; i++)
			memcpy(out + i * WIRE_ADDRESS_LEN, out,
			    WIRE_ADDRESS_LEN);
		return ((WIRE_ADDRESSES + 1) * WIRE_ADDRESS_LEN);
	} else
		_exit(99);
	return (WIRE_ADDRESS_LEN);
}

static size_t
rogue_addresses(const char **line, uint8_t *out)
{
	char	 word[64];
	size_t	 len = 0;

	while (act_word(line, word, sizeof(word)))
		len += rogue_address(word, out + len);
	return (len);
}

static size_t
rogue_put(uint8_t *out, size_t size, uint64_t n)
{
	size_t	 i;

	for (i = 0; i < size; i++)
		out[i] = (uint8_t)(n >> (8 * (size - 1 - i)));
	return (size);
}

static void
rogue_resolved(const char **line)
{
	uint8_t	 out[2048], addresses[1024];
	char	 word[WIRE_REASON];
	size_t	 len, n = 0;

	n += rogue_put(out + n, 4, act_number(line));
	n += rogue_put(out + n, 4, act_number(line));
	(void)act_word(line, word, sizeof(word));
	len = strcmp(word, "-") == 0 ? 0 : strlen(word);
	n += rogue_put(out + n, 2, len);
	memcpy(out + n, word, len);
	n += len;
	len = rogue_addresses(line, addresses);
	n += rogue_put(out + n, 2, len);
	memcpy(out + n, addresses, len);
	act_send(WIRE_RESOLVED, out, n + len);
}

static int
rogue_words(const char **line)
{
	uint8_t	 addresses[1024];
	char	 word[32];
	size_t	 len;

	(void)act_word(line, word, sizeof(word));
	if (strcmp(word, "resolved") == 0)
		rogue_resolved(line);
	else if (strcmp(word, "answer") == 0) {
		len = rogue_addresses(line, addresses);
		if (len > sizeof(rogue_answer->wrd_addresses))
			_exit(99);
		memcpy(rogue_answer->wrd_addresses, addresses, len);
		rogue_answer->wrd_addresses_len = (uint16_t)len;
		rogue_answer->wrd_error = 0;
		rogue_answer->wrd_reason[0] = '\0';
	} else if (strcmp(word, "failure") == 0) {
		rogue_answer->wrd_error = (uint32_t)act_number(line);
		(void)act_word(line, rogue_answer->wrd_reason,
		    sizeof(rogue_answer->wrd_reason));
	} else
		return (0);
	return (1);
}

/* What the file says is done in the order of its words. */
static void
rogue_resolve(const struct wire_resolve *question,
    struct wire_resolved *answer)
{
	char	 line[ROGUE_LINE], path[WIRE_HOST + 8];
	ssize_t	 n;
	int	 fd;

	memset(answer, 0, sizeof(*answer));
	answer->wrd_request = question->wre_request;
	answer->wrd_error = ptHostNotFound;
	(void)strlcpy(answer->wrd_reason, "no file",
	    sizeof(answer->wrd_reason));
	(void)snprintf(path, sizeof(path), "name.%s", question->wre_host);
	if ((fd = open(path, O_RDONLY)) == -1)
		return;
	if ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		rogue_answer = answer;
		act_id = question->wre_request;
		act(line, rogue_words);
	}
	(void)close(fd);
}

/* The plan is carried out where the honest one says READY. */
static const char *
rogue_name(void)
{
	if (rogue_planned == 0)
		act(rogue_plan, NULL);
	return ("rogue");
}

/* Read while it may still remove the file. */
static void
rogue_start(struct imsgbuf *imsgbuf, struct wire_start *start)
{
	rogue_planned = act_plan(rogue_plan, sizeof(rogue_plan));
	helper_start(imsgbuf, start);
}

__attribute__((__noreturn__))
static void
rogue_serve(struct imsgbuf *imsgbuf, uint32_t type,
    void (*honest)(struct imsgbuf *, struct imsg *))
{
	struct imsg		 imsg;
	struct wire_resolve	 question;
	struct wire_resolved	 answer;

	(void)type;
	(void)honest;
	for (;;) {
		helper_next(imsgbuf, &imsg);
		helper_parse(imsgbuf, &imsg, &question, sizeof(question));
		imsg_free(&imsg);
		rogue_resolve(&question, &answer);
		helper_say(imsgbuf, WIRE_RESOLVED, &answer, sizeof(answer));
	}
}

#define helper_sandbox(pipe, start, role)	((void)(start), (void)(role))
#define helper_serve		rogue_serve
#define helper_start		rogue_start
#define sandbox_name		rogue_name
#include "../../../libexec/securetcp-resolver/resolver.c"
