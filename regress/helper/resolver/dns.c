/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A name server of our own. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"

#define HEADER		12
#define TYPE_A		1
#define TYPE_AAAA	28
#define MANY		40

static const struct answer {
	const char	*an_label;
	const char	*an_a[5];
	const char	*an_aaaa[3];
} answers[] = {
	{ "two",	{ "192.0.2.1", "192.0.2.2" },	{ "2001:db8::1" } },
	{ "dup",	{ "192.0.2.1", "192.0.2.1", "192.0.2.2",
			    "192.0.2.1" },		{ NULL } },
	{ "useless",	{ "0.0.0.0", "224.0.0.1", "255.255.255.255" },
			{ "ff02::1", "fe80::1" } },
	{ "tcp",	{ "192.0.2.3" },		{ NULL } },
	{ "none",	{ NULL },			{ NULL } },
};

static size_t
put_record(uint8_t *out, uint16_t type, const uint8_t *data, size_t len)
{
	const uint8_t	 fixed[] = {
		0xc0, HEADER, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0,
		(uint8_t)len
	};

	memcpy(out, fixed, sizeof(fixed));
	memcpy(out + sizeof(fixed), data, len);
	return (sizeof(fixed) + len);
}

static size_t
put_records(uint8_t *out, const struct answer *an, uint16_t type,
    unsigned int *n)
{
	const char *const	*p = type == TYPE_A ? an->an_a : an->an_aaaa;
	uint8_t			 data[16];
	size_t			 len = 0;

	if (type != TYPE_A && type != TYPE_AAAA)
		return (0);
	for (; *p != NULL; p++, (*n)++) {
		if (inet_pton(type == TYPE_A ? AF_INET : AF_INET6, *p,
		    data) != 1)
			abort();
		len += put_record(out + len, type, data,
		    type == TYPE_A ? 4 : 16);
	}
	return (len);
}

static size_t
put_many(uint8_t *out, uint16_t type, unsigned int *n)
{
	uint8_t	 data[4] = { 198, 51, 100, 0 };
	size_t	 len = 0;

	if (type != TYPE_A)
		return (0);
	for (; *n < MANY; (*n)++) {
		data[3] = (uint8_t)(*n + 1);
		len += put_record(out + len, type, data, sizeof(data));
	}
	return (len);
}

/* The question's answer; 0: none at all. */
static size_t
answer(const uint8_t *in, size_t inlen, uint8_t *out, int tcp)
{
	const struct answer	*an = NULL;
	char			 label[64];
	uint8_t			 rcode = 0;
	uint16_t		 type;
	unsigned int		 n = 0;
	size_t			 end, i, len;

	for (end = HEADER; end < inlen && in[end] != 0; end += in[end] + 1U)
		;
	if ((end += 5) > inlen || in[HEADER] >= sizeof(label))
		return (0);
	memcpy(label, in + HEADER + 1, in[HEADER]);
	label[in[HEADER]] = '\0';
	type = in[end - 3];
	if (strcmp(label, "silent") == 0)
		return (0);
	memcpy(out, in, end);
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].an_label, label) == 0)
			an = &answers[i];
	len = end;
	if (strcmp(label, "many") == 0)
		len += put_many(out + len, type, &n);
	else if (strcmp(label, "fail") == 0)
		rcode = 2;
	else if (an == NULL)
		rcode = 3;
	else if (strcmp(label, "tcp") == 0 && !tcp)
		rcode = 0;
	else
		len += put_records(out + len, an, type, &n);
	out[2] = 0x81;
	if (strcmp(label, "tcp") == 0 && !tcp)
		out[2] |= 2;		/* truncated: ask again by TCP */
	out[3] = (uint8_t)(0x80 | rcode);
	memset(out + 4, 0, 8);
	out[5] = 1;
	out[7] = (uint8_t)n;
	return (len);
}

static void
serve_udp(int s)
{
	struct sockaddr_in	 sin;
	socklen_t		 sinlen = sizeof(sin);
	uint8_t			 in[512], out[2048];
	ssize_t			 n;
	size_t			 len;

	n = recvfrom(s, in, sizeof(in), 0, (struct sockaddr *)&sin, &sinlen);
	if (n >= HEADER && (len = answer(in, (size_t)n, out, 0)) > 0)
		(void)sendto(s, out, len, 0, (struct sockaddr *)&sin, sinlen);
}

/* All questions of one connection. */
static void
serve_tcp(int s)
{
	uint8_t	 in[514], out[2050];
	size_t	 len, want;
	ssize_t	 n;
	int	 fd;

	if ((fd = accept(s, NULL, NULL)) == -1)
		return;
	for (;;) {
		for (len = 0, want = 2; len < want; len += (size_t)n) {
			n = read(fd, in + len, want - len);
			if (n <= 0)
				goto done;
			if (len + (size_t)n == 2 && want == 2)
				want += (size_t)(in[0] << 8 | in[1]);
			if (want > sizeof(in))
				goto done;
		}
		len = answer(in + 2, want - 2, out + 2, 1);
		out[0] = (uint8_t)(len >> 8);
		out[1] = (uint8_t)len;
		if (write(fd, out, len + 2) != (ssize_t)(len + 2))
			break;
	}
done:
	(void)close(fd);
}

static int
bound(int type)
{
	struct sockaddr_in	 sin;
	int			 on = 1, s;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(53);
	sin.sin_addr.s_addr = inet_addr(DNS_ADDRESS);
	if ((s = socket(AF_INET, type, 0)) == -1)
		return (-1);
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
	    (type == SOCK_DGRAM || listen(s, 8) == 0))
		return (s);
	(void)close(s);
	return (-1);
}

int
dns_serve(pid_t *pid)
{
	struct pollfd	 pfd[2];

	pfd[0].events = pfd[1].events = POLLIN;
	if ((pfd[0].fd = bound(SOCK_DGRAM)) == -1)
		return (-1);
	if ((pfd[1].fd = bound(SOCK_STREAM)) == -1 ||
	    (*pid = fork()) == -1) {
		(void)close(pfd[0].fd);
		return (-1);
	}
	while (*pid == 0 && poll(pfd, 2, 120000) > 0) {
		if (pfd[0].revents != 0)
			serve_udp(pfd[0].fd);
		if (pfd[1].revents != 0)
			serve_tcp(pfd[1].fd);
	}
	if (*pid == 0)
		_exit(0);
	(void)close(pfd[0].fd);
	(void)close(pfd[1].fd);
	return (0);
}
