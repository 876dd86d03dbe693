/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Looks for secrets in the memory of other processes:
 *
 *	memfind NEEDLES PID ...
 *
 * NEEDLES is a file (what is looked for never is in an argument) of lines
 * "number NAME HEX", "text NAME HEX".  A text is looked for as it stands, a
 * number in each order in which its bytes may lie as 32-bit or 64-bit words.
 * Any 16 bytes of it that begin at a multiple of 16 are a find, and so is
 * every remnant of 31 bytes.  Output, a line for each:
 *
 *	PID read BYTES		this much memory was looked at
 *	PID gone		it ended meanwhile
 *	PID found NAME FORM	once for each name and form
 *
 * Exit: 0 found, 1 nothing found, 2 something could not be read.
 */

#include <sys/types.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#define WINDOW		(1 << 20)
#define PAGE		4096
#define PIECE		16
#define DISTINCT	6		/* bytes, or it is padding */
#define NAME_MAX_LEN	64
#define BYTES_MAX	4096
#define PIECES_MAX	60000
#define NEEDLES_MAX	4096
#define SLOTS		(1 << 15)

static const char *const forms[] = {
	"bytes", "big", "little", "words32", "words64", "swapped32",
	"swapped64"
};
#define NFORMS	(sizeof(forms) / sizeof(forms[0]))

struct piece {
	unsigned char	 p_bytes[PIECE];
	uint16_t	 p_needle;
	uint8_t		 p_form;
	uint16_t	 p_next;		/* in its slot; 0 ends */
};

static struct piece	 pieces[PIECES_MAX];	/* from 1 */
static size_t		 npieces = 1;
static uint16_t		 slots[SLOTS];
static char		 names[NEEDLES_MAX][NAME_MAX_LEN];
static unsigned char	 found[NEEDLES_MAX][NFORMS];
static size_t		 nneedles;

static unsigned int
slot_of(const unsigned char *bytes)
{
	uint64_t	 n;

	memcpy(&n, bytes, sizeof(n));
	return ((unsigned int)((n * 0x9e3779b97f4a7c15ULL) >> 49));
}

static void
add_piece(const unsigned char *bytes, size_t needle, size_t form)
{
	struct piece	*p = &pieces[npieces];
	size_t		 i, distinct = 0;
	unsigned int	 slot;

	for (i = 0; i < PIECE; i++)
		distinct += memchr(bytes, bytes[i], i) == NULL;
	if (distinct < DISTINCT)
		return;
	if (npieces == PIECES_MAX)
		errx(2, "more than %d pieces", PIECES_MAX);
	memcpy(p->p_bytes, bytes, PIECE);
	p->p_needle = (uint16_t)needle;
	p->p_form = (uint8_t)form;
	slot = slot_of(bytes);
	p->p_next = slots[slot];
	slots[slot] = (uint16_t)npieces++;
}

static void
add_form(const unsigned char *bytes, size_t len, size_t needle, size_t form)
{
	size_t	 i;

	for (i = 0; i + PIECE <= len; i += PIECE)
		add_piece(bytes + i, needle, form);
	if (i != len)
		add_piece(bytes + len - PIECE, needle, form);
}

static void
reverse(unsigned char *bytes, size_t len)
{
	unsigned char	 c;
	size_t		 i;

	for (i = 0; i < len / 2; i++) {
		c = bytes[i];
		bytes[i] = bytes[len - 1 - i];
		bytes[len - 1 - i] = c;
	}
}

static void
reverse_words(unsigned char *bytes, size_t len, size_t word)
{
	size_t	 i;

	for (i = 0; i < len; i += word)
		reverse(bytes + i, word);
}

/* Big-endian, with room for zeros before it to make words whole. */
static void
add_number(const unsigned char *bytes, size_t len, size_t needle)
{
	unsigned char	 words[BYTES_MAX + 8];
	size_t		 pad = (8 - len % 8) % 8;

	memset(words, 0, pad);
	memcpy(words + pad, bytes, len);
	add_form(bytes, len, needle, 1);
	len += pad;
	reverse_words(words, len, 4);
	add_form(words, len, needle, 3);
	reverse_words(words, len, 4);
	reverse_words(words, len, 8);
	add_form(words, len, needle, 4);
	reverse_words(words, len, 8);
	reverse(words, len);
	add_form(words, len, needle, 2);
	reverse_words(words, len, 4);
	add_form(words, len, needle, 5);
	reverse_words(words, len, 4);
	reverse_words(words, len, 8);
	add_form(words, len, needle, 6);
}

static size_t
parse_hex(const char *hex, unsigned char *bytes)
{
	unsigned int	 c;
	size_t		 len = 0;

	for (; *hex != '\0'; hex += 2) {
		if (len == BYTES_MAX || !isxdigit((unsigned char)hex[0]) ||
		    !isxdigit((unsigned char)hex[1]) ||
		    sscanf(hex, "%2x", &c) != 1)
			errx(2, "a needle is not hexadecimal, or too long");
		bytes[len++] = (unsigned char)c;
	}
	return (len);
}

static void
read_needles(const char *path)
{
	static char	 line[2 * BYTES_MAX + 256], hex[sizeof(line)];
	unsigned char	 bytes[BYTES_MAX];
	char		 kind[8];
	FILE		*f;
	size_t		 len;

	if ((f = fopen(path, "r")) == NULL)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (nneedles == NEEDLES_MAX)
			errx(2, "%s: too many needles", path);
		if (sscanf(line, "%7s %63s %8400s", kind, names[nneedles],
		    hex) != 3)
			errx(2, "%s: needle %zu is malformed", path, nneedles);
		if ((len = parse_hex(hex, bytes)) < PIECE)
			errx(2, "%s: needle %s has less than %d bytes", path,
			    names[nneedles], PIECE);
		if (strcmp(kind, "number") == 0)
			add_number(bytes, len, nneedles);
		else if (strcmp(kind, "text") == 0)
			add_form(bytes, len, nneedles, 0);
		else
			errx(2, "%s: needle %s is a %s", path,
			    names[nneedles], kind);
		nneedles++;
	}
	if (ferror(f) || nneedles == 0)
		errx(2, "%s: no needles could be read", path);
	(void)fclose(f);
}

/* Needles of one name (the lines of a file) are one find. */
static void
find(pid_t pid, const struct piece *p)
{
	size_t	 i;

	for (i = 0; i < p->p_needle; i++)
		if (strcmp(names[i], names[p->p_needle]) == 0)
			break;
	if (found[i][p->p_form]++ == 0)
		printf("%d found %s %s\n", (int)pid, names[i],
		    forms[p->p_form]);
	if (found[i][p->p_form] == 0)
		found[i][p->p_form]--;
}

static void
look_window(pid_t pid, const unsigned char *buf, size_t len)
{
	size_t		 i;
	unsigned int	 at;

	for (i = 0; i + PIECE <= len; i++) {
		at = slots[slot_of(buf + i)];
		for (; at != 0; at = pieces[at].p_next)
			if (memcmp(pieces[at].p_bytes, buf + i, PIECE) == 0)
				find(pid, &pieces[at]);
	}
}

static unsigned long long
look_range(const struct mem *m, unsigned long from, unsigned long to)
{
	static unsigned char	 buf[WINDOW];
	unsigned long long	 seen = 0;
	ssize_t			 got;

	while (from < to) {
		got = mem_read(m, buf, to - from < WINDOW ? to - from :
		    WINDOW, from);
		if (got <= 0) {
			/* A page that is not there: past it. */
			from = (from / PAGE + 1) * PAGE;
			continue;
		}
		seen += (unsigned long long)got;
		look_window(m->m_pid, buf, (size_t)got);
		/* What lies across two windows is in the next one. */
		from += (unsigned long)got;
		if (from < to && got > PIECE)
			from -= PIECE - 1;
	}
	return (seen);
}

static void
look_process(pid_t pid)
{
	unsigned long long	 seen = 0;
	struct mem		 m;
	size_t			 i;

	if (pid == getpid())
		errx(2, "this process has what it looks for");
	memset(found, 0, sizeof(found));
	if (mem_open(&m, pid) == -1) {
		if (errno != ENOENT && errno != ESRCH)
			err(2, "memory of %d", (int)pid);
		printf("%d gone\n", (int)pid);
		return;
	}
	for (i = 0; i < m.m_nranges; i++)
		seen += look_range(&m, m.m_ranges[i].mr_from,
		    m.m_ranges[i].mr_to);
	mem_close(&m);
	/* A zombie has no memory. */
	if (seen == 0)
		printf("%d gone\n", (int)pid);
	else
		printf("%d read %llu\n", (int)pid, seen);
}

static int
anything(void)
{
	size_t	 i, j;

	for (i = 0; i < nneedles; i++)
		for (j = 0; j < NFORMS; j++)
			if (found[i][j] != 0)
				return (1);
	return (0);
}

int
main(int argc, char *argv[])
{
	int	 i, any = 0;

	if (argc < 3)
		errx(2, "usage: memfind needles pid ...");
	read_needles(argv[1]);
	for (i = 2; i < argc; i++) {
		look_process((pid_t)atoi(argv[i]));
		any |= anything();
	}
	if (fflush(stdout) == EOF)
		err(2, "stdout");
	return (any ? 0 : 1);
}
