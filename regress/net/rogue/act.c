/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The words that make a helper misbehave, each one message or one deed. */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "rogue.h"
#include "wire.h"

#define ACT_PAYLOAD	20000
#define ACT_MARK	0x80000000U	/* of imsg's length: with descriptor */

uint64_t	 act_id;
int		 act_other = -1;

static unsigned int	 version = WIRE_VERSION;
static char		 servername[WIRE_SERVERNAME] = "-";
static unsigned int	 ndescriptors;
static int		 marked = 1;

/* A word, 0 at the end of the line. */
int
act_word(const char **line, char *word, size_t size)
{
	const char	*p = *line;
	size_t		 n;

	p += strspn(p, " ");
	n = strcspn(p, " \n");
	if (n >= size)
		n = size - 1;
	memcpy(word, p, n);
	word[n] = '\0';
	*line = p + n;
	return (n > 0);
}

uint64_t
act_number(const char **line)
{
	char	 word[32];

	if (!act_word(line, word, sizeof(word)))
		return (0);
	if (strcmp(word, "me") == 0)
		return (act_id);
	return (strtoull(word, NULL, 0));
}

/* Deaf to everything, and to the end of the pipe. */
void
act_stay(void)
{
	for (;;)
		(void)poll(NULL, 0, -1);
}

/* All of it, also to a full pipe; whoever has no reader any more stays. */
static void
act_write(const void *data, size_t len, int nfds)
{
	union {
		struct cmsghdr	 hdr;
		unsigned char	 data[CMSG_SPACE(8 * sizeof(int))];
	} control;
	const uint8_t	*p = data;
	struct pollfd	 pfd;
	struct msghdr	 msg;
	struct cmsghdr	*cmsg;
	struct iovec	 iov;
	ssize_t		 n;
	int		 fds[8], i;

	while (len > 0) {
		memset(&msg, 0, sizeof(msg));
		memcpy(&iov.iov_base, &p, sizeof(p));
		iov.iov_len = len;
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		if (nfds > 0) {
			for (i = 0; i < nfds; i++)
				fds[i] = act_other;
			memset(&control, 0, sizeof(control));
			msg.msg_control = &control;
			msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
			cmsg = CMSG_FIRSTHDR(&msg);
			cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
		}
		n = sendmsg(WIRE_FD, &msg, MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == ENOBUFS)) {
			pfd.fd = WIRE_FD;
			pfd.events = POLLOUT;
			(void)poll(&pfd, 1, -1);
			continue;
		}
		if (n == -1 && errno != EINTR)
			act_stay();
		if (n > 0) {
			nfds = 0;
			p += n;
			len -= (size_t)n;
		}
	}
}

static size_t
act_header(uint8_t *out, uint32_t type, uint32_t len)
{
	uint32_t	 hdr[4];

	hdr[0] = type;
	hdr[1] = len;
	hdr[2] = 0;
	hdr[3] = (uint32_t)getpid();
	memcpy(out, hdr, sizeof(hdr));
	return (sizeof(hdr));
}

/* The payload without its version. */
void
act_send(uint32_t type, const void *payload, size_t len)
{
	static uint8_t	 out[ACT_PAYLOAD];
	size_t		 n;

	n = act_header(out, type, (uint32_t)(16 + 1 + len) |
	    (ndescriptors > 0 && marked ? ACT_MARK : 0));
	out[n++] = (uint8_t)version;
	memcpy(out + n, payload, len);
	act_write(out, n + len, (int)ndescriptors);
	ndescriptors = 0;
}

/* Of a type, "min", "max" or so many bytes of nothing. */
static void
act_type(const char **line)
{
	static const uint8_t	 zeros[ACT_PAYLOAD];
	uint8_t			 hdr[16];
	uint32_t		 type;
	char			 word[32];
	size_t			 min, max, size;

	type = (uint32_t)act_number(line);
	(void)act_word(line, word, sizeof(word));
	if (wire_bounds(type, &min, &max) == -1)
		min = max = 10;
	if (strcmp(word, "min") == 0)
		size = min;
	else if (strcmp(word, "max") == 0)
		size = max;
	else if (strcmp(word, "less") == 0)
		size = min - 1;
	else if (strcmp(word, "more") == 0)
		size = max + 1;
	else
		size = (size_t)strtoul(word, NULL, 0);
	if (size > 0) {
		act_send(type, zeros, size - 1);
		return;
	}
	/* Not even a version. */
	(void)act_header(hdr, type, sizeof(hdr));
	act_write(hdr, sizeof(hdr), 0);
}

static size_t
put(uint8_t *out, size_t size, uint64_t n)
{
	size_t	 i;

	for (i = 0; i < size; i++)
		out[i] = (uint8_t)(n >> (8 * (size - 1 - i)));
	return (size);
}

/* A string field: "ctrl", "nul", "max", "line" or the word itself. */
static size_t
put_string(uint8_t *out, const char *what, size_t max)
{
	static const char	 line[] = "x\"\nserver=www session=1 "
				    "from=127.0.0.1:1 state=closed\r\n";
	uint8_t			*p = out + 2;
	size_t			 i, len = 0;

	if (strcmp(what, "ctrl") == 0) {
		for (len = 0; len < 255 && len < max; len++)
			p[len] = (uint8_t)(len + 1);
	} else if (strcmp(what, "max") == 0) {
		for (len = 0; len < max; len++)
			p[len] = "\033\233\n\"\\= "[len % 7];
	} else if (strcmp(what, "over") == 0) {
		for (len = 0; len < max + 1; len++)
			p[len] = 'x';
	} else if (strcmp(what, "nul") == 0) {
		memcpy(p, "be\0fore", len = 7);
	} else if (strcmp(what, "line") == 0) {
		memcpy(p, line, len = sizeof(line) - 1 < max ?
		    sizeof(line) - 1 : max);
	} else if (strcmp(what, "-") != 0) {
		for (i = 0; what[i] != '\0' && i < max; i++)
			p[i] = (uint8_t)what[i];
		len = i;
	}
	(void)put(out, 2, len);
	return (2 + len);
}

/* Everything from the match on, after version and cipher of the others. */
static void
act_identity(uint32_t type, const char *other, uint64_t match, uint64_t peer,
    const char *subject, const char *san)
{
	uint8_t	 out[16384];
	size_t	 n = 0;

	n += put_string(out + n, other, WIRE_NAME - 1);
	n += put_string(out + n, other, WIRE_CIPHER - 1);
	n += put_string(out + n, strcmp(other, "over") == 0 ? other :
	    servername, WIRE_SERVERNAME - 1);
	n += put_string(out + n, other, WIRE_ALPN - 1);
	n += put(out + n, 2, match);
	n += put(out + n, 1, peer);
	n += put_string(out + n, subject, WIRE_SUBJECT - 1);
	n += put_string(out + n, subject, WIRE_SUBJECT - 1);
	n += put_string(out + n, other, WIRE_HASH - 1);
	n += put_string(out + n, san, WIRE_SAN - 1);
	n += put(out + n, 8, 0);
	n += put(out + n, 8, 0);
	act_send(type, out, n);
}

static void
act_established(const char **line)
{
	char	 word[64];

	if (!act_word(line, word, sizeof(word)))
		(void)strlcpy(word, "-", sizeof(word));
	act_identity(WIRE_ESTABLISHED, word, 0, 1, word, word);
}

/*
 * claim MATCH PEER SUBJECT NAMES, or identity: in the latter ';' begins a
 * new line
 */
static void
act_claim(uint32_t type, const char **line)
{
	uint64_t	 match, peer;
	char		 subject[256], san[256], *p;

	match = act_number(line);
	peer = act_number(line);
	(void)act_word(line, subject, sizeof(subject));
	(void)act_word(line, san, sizeof(san));
	for (p = san; (p = strchr(p, ';')) != NULL;)
		*p = '\n';
	act_identity(type, "-", match, peer, subject, san);
}

/* address FAMILY: 127.0.0.9 or ::1, port 9, to itself. */
static void
act_address(const char **line)
{
	uint8_t	 end[16] = { 0 }, out[64];
	size_t	 n;

	n = put(out, 1, act_number(line));
	if (out[0] == 6)
		end[15] = 1;
	else
		(void)put(end, 4, 0x7f000009);
	memcpy(out + n, end, sizeof(end));
	n += sizeof(end);
	memcpy(out + n, end, sizeof(end));
	n += sizeof(end);
	n += put(out + n, 2, 9);
	n += put(out + n, 2, 9);
	act_send(WIRE_ADDRESS, out, n);
}

/* done ERROR IN OUT FLAGS TEXT */
static void
act_done(const char **line)
{
	uint8_t	 out[1024];
	char	 word[WIRE_REASON];
	size_t	 n = 0;

	n += put(out + n, 4, act_number(line));
	n += put(out + n, 8, act_number(line));
	n += put(out + n, 8, act_number(line));
	n += put(out + n, 1, act_number(line));
	if (!act_word(line, word, sizeof(word)))
		(void)strlcpy(word, "-", sizeof(word));
	n += put_string(out + n, word, WIRE_REASON - 1);
	act_send(WIRE_DONE, out, n);
}

/* One field, a string. */
static void
act_text(uint32_t type, const char **line, size_t max)
{
	uint8_t	 out[1024];
	char	 word[WIRE_REASON];

	if (!act_word(line, word, sizeof(word)))
		(void)strlcpy(word, "-", sizeof(word));
	act_send(type, out, put_string(out, word, max - 1));
}

/* Numbers of the given sizes, the rest of the line. */
static void
act_numbers(uint32_t type, const char **line, size_t a, size_t b, size_t c)
{
	uint8_t	 out[32];
	size_t	 n = 0;

	n += put(out + n, a, act_number(line));
	n += put(out + n, b, act_number(line));
	n += put(out + n, c, act_number(line));
	act_send(type, out, n);
}

/* signed ID LENGTH: of bytes that are no signature. */
static void
act_signed(const char **line)
{
	uint8_t	 out[4096];
	size_t	 len, n = 0;

	n += put(out + n, 8, act_number(line));
	len = (size_t)act_number(line) % 2048;
	n += put(out + n, 2, len);
	memset(out + n, 0x5a, len);
	act_send(WIRE_SIGNED, out, n + len);
}

/* finding NUMBER FLAGS LINE TEXT */
static void
act_finding(const char **line)
{
	uint8_t	 out[WIRE_FINDING_TEXT + 64];
	char	 word[WIRE_REASON];
	size_t	 n = 0;

	n += put(out + n, 4, act_number(line));
	n += put(out + n, 1, act_number(line));
	n += put(out + n, 4, act_number(line));
	if (!act_word(line, word, sizeof(word)))
		(void)strlcpy(word, "-", sizeof(word));
	n += put_string(out + n, word, WIRE_FINDING_TEXT - 1);
	act_send(WIRE_FINDING, out, n);
}

/* So many about the first question. */
static void
act_findings(uint64_t n)
{
	const char	*line;

	while (n-- > 0) {
		line = "1 0 0 x";
		act_finding(&line);
	}
}

/* checked NUMBER TYPE: all else is zero */
static void
act_checked(const char **line)
{
	uint8_t	 out[64];
	size_t	 n = 0;

	memset(out, 0, sizeof(out));
	n += put(out + n, 4, act_number(line));
	n += put(out + n, 1, 0);
	n += put(out + n, 1, act_number(line));
	act_send(WIRE_CHECKED, out, n + WIRE_KEYID + 8 + 8);
}

/* Headers that promise what does not come, or cannot. */
static void
act_broken(const char *how)
{
	uint8_t	 out[64];
	size_t	 n;

	memset(out, 0, sizeof(out));
	if (strcmp(how, "half") == 0) {
		n = act_header(out, WIRE_DONE, 16 + 24);
		act_write(out, n + 10, 0);
	} else if (strcmp(how, "header") == 0) {
		(void)act_header(out, WIRE_DONE, 16 + 24);
		act_write(out, 7, 0);
	} else if (strcmp(how, "huge") == 0) {
		n = act_header(out, WIRE_DONE, 0x7fffffff);
		act_write(out, n, 0);
	} else {
		n = act_header(out, WIRE_DONE, 3);
		act_write(out, n, 0);
	}
}

/* As fast as it can be taken, for ever, or so many. */
static void
act_flood(const char **line)
{
	uint8_t		 out[24];
	uint64_t	 n;
	uint32_t	 type;
	size_t		 len;

	type = (uint32_t)act_number(line);
	n = act_number(line);
	memset(out, 0, sizeof(out));
	len = act_header(out, type, sizeof(out));
	out[len] = WIRE_VERSION;
	do {
		act_write(out, sizeof(out), 0);
	} while (n == 0 || --n > 0);
}

/* map MEGABYTES: of memory, used; whoever gets them all is not bounded. */
static void
act_map(uint64_t n)
{
	size_t	 size = (size_t)1 << 20;
	void	*p;

	for (; n > 0; n--) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANON, -1, 0);
		if (p == MAP_FAILED)
			return;
		memset(p, 1, size);
	}
	_exit(98);
}

static int
act_common(const char *word, const char **line)
{
	if (strcmp(word, "type") == 0)
		act_type(line);
	else if (strcmp(word, "version") == 0)
		version = (unsigned int)act_number(line);
	else if (strcmp(word, "servername") == 0)
		(void)act_word(line, servername, sizeof(servername));
	else if (strcmp(word, "fds") == 0) {
		ndescriptors = (unsigned int)act_number(line) % 9;
		marked = 1;
	} else if (strcmp(word, "bare") == 0) {
		ndescriptors = 1;
		marked = 0;
	} else if (strcmp(word, "address") == 0)
		act_address(line);
	else if (strcmp(word, "established") == 0)
		act_established(line);
	else if (strcmp(word, "claim") == 0)
		act_claim(WIRE_ESTABLISHED, line);
	else if (strcmp(word, "identity") == 0)
		act_claim(WIRE_IDENTITY, line);
	else if (strcmp(word, "done") == 0)
		act_done(line);
	else if (strcmp(word, "fatal") == 0)
		act_text(WIRE_FATAL, line, WIRE_REASON);
	else if (strcmp(word, "ready") == 0)
		act_text(WIRE_READY, line, WIRE_NAME);
	else if (strcmp(word, "forked") == 0)
		act_numbers(WIRE_FORKED, line, 8, 4, 0);
	else if (strcmp(word, "unforked") == 0)
		act_numbers(WIRE_UNFORKED, line, 8, 4, 0);
	else if (strcmp(word, "exited") == 0)
		act_numbers(WIRE_EXITED, line, 8, 4, 4);
	else if (strcmp(word, "taken") == 0)
		act_send(WIRE_TAKEN, NULL, 0);
	else if (strcmp(word, "finding") == 0)
		act_finding(line);
	else if (strcmp(word, "findings") == 0)
		act_findings(act_number(line));
	else if (strcmp(word, "checked") == 0)
		act_checked(line);
	else if (strcmp(word, "signed") == 0)
		act_signed(line);
	else if (strcmp(word, "half") == 0 || strcmp(word, "header") == 0 ||
	    strcmp(word, "huge") == 0 || strcmp(word, "tiny") == 0)
		act_broken(word);
	else if (strcmp(word, "flood") == 0)
		act_flood(line);
	else if (strcmp(word, "closepipe") == 0)
		(void)close(WIRE_FD);
	else if (strcmp(word, "stay") == 0)
		act_stay();
	else if (strcmp(word, "map") == 0)
		act_map(act_number(line));
	else if (strcmp(word, "exit") == 0)
		_exit((int)act_number(line));
	else if (strcmp(word, "kill") == 0)
		(void)kill(getpid(), (int)act_number(line));
	else
		return (0);
	return (1);
}

/* Does what a line says; own: words of the role, 1 when it was one. */
void
act(const char *line, int (*own)(const char **))
{
	const char	*before;
	char		 word[32];

	if (act_other == -1)
		act_other = dup(STDIN_FILENO);
	for (;;) {
		before = line;
		if (!act_word(&line, word, sizeof(word)))
			return;
		if (act_common(word, &line))
			continue;
		line = before;
		if (own == NULL || !own(&line)) {
			/* A test that says what does not exist must fail. */
			_exit(99);
		}
	}
}

/* The plan for this start; -1: there is none. */
int
act_plan(char *line, size_t size)
{
	const char	*path;
	ssize_t		 n;
	int		 fd;

	if ((path = getenv("ROGUE_PLAN")) == NULL ||
	    (fd = open(path, O_RDONLY)) == -1)
		return (-1);
	n = read(fd, line, size - 1);
	(void)close(fd);
	(void)unlink(path);
	if (n <= 0)
		return (-1);
	line[n] = '\0';
	return (0);
}
