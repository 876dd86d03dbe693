/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Looks for bytes in the memory of another process, through Linux's /proc:
 *
 *	memfind PID HEX ...
 *
 * Each HEX is looked for as it stands and with its bytes reversed, as a
 * number lies in memory on a little-endian machine.  Exit: 0 found, 1 not
 * found, 2 the memory could not be read.
 */

#include <sys/types.h>

#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW		(1 << 20)
#define PATTERN_MAX	1024

struct pattern {
	unsigned char	 p_bytes[PATTERN_MAX];
	size_t		 p_len;
};

static void
parse_hex(const char *hex, struct pattern *p, struct pattern *reversed)
{
	unsigned int	 c;
	size_t		 i;

	p->p_len = 0;
	for (; *hex != '\0'; hex += 2) {
		if (p->p_len == PATTERN_MAX || sscanf(hex, "%2x", &c) != 1 ||
		    !isxdigit((unsigned char)hex[1]))
			errx(2, "not hexadecimal, or too long: %s", hex);
		p->p_bytes[p->p_len++] = (unsigned char)c;
	}
	/* Less would be found by chance. */
	if (p->p_len < 16)
		errx(2, "a pattern has to have 16 bytes at least");
	reversed->p_len = p->p_len;
	for (i = 0; i < p->p_len; i++)
		reversed->p_bytes[i] = p->p_bytes[p->p_len - 1 - i];
}

static int
look_range(int mem, unsigned long from, unsigned long to,
    const struct pattern *p, int n, unsigned long long *seen)
{
	static unsigned char	 buf[WINDOW];
	ssize_t			 got;
	int			 i;

	while (from < to) {
		got = pread(mem, buf, to - from < WINDOW ? to - from : WINDOW,
		    (off_t)from);
		if (got <= 0)
			return (0);
		*seen += (unsigned long long)got;
		for (i = 0; i < n; i++)
			if (memmem(buf, (size_t)got, p[i].p_bytes,
			    p[i].p_len) != NULL)
				return (1);
		if (got <= PATTERN_MAX)
			return (0);
		/* What lies across two windows is in the next one. */
		from += from + (unsigned long)got >= to ?
		    (unsigned long)got : (unsigned long)got - PATTERN_MAX;
	}
	return (0);
}

int
main(int argc, char *argv[])
{
	struct pattern		*p;
	unsigned long long	 seen = 0;
	unsigned long		 from, to;
	char			 path[64], line[512], mode[8];
	FILE			*maps;
	int			 i, mem, n = 0, found = 0;

	if (argc < 3)
		errx(2, "usage: memfind pid hex ...");
	if ((p = calloc((size_t)argc * 2, sizeof(*p))) == NULL)
		err(2, "calloc");
	for (i = 2; i < argc; i++, n += 2)
		parse_hex(argv[i], &p[n], &p[n + 1]);
	snprintf(path, sizeof(path), "/proc/%s/maps", argv[1]);
	if ((maps = fopen(path, "r")) == NULL)
		err(2, "%s", path);
	snprintf(path, sizeof(path), "/proc/%s/mem", argv[1]);
	if ((mem = open(path, O_RDONLY)) == -1)
		err(2, "%s", path);
	while (!found && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    mode[0] != 'r' || strstr(line, "[v") != NULL)
			continue;
		found = look_range(mem, from, to, p, n, &seen);
	}
	if (seen == 0)
		errx(2, "process %s: no memory could be read", argv[1]);
	printf("%llu bytes looked at\n", seen);
	return (found ? 0 : 1);
}
