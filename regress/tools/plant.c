/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Has bytes in its memory, once, for memfind to find:
 *
 *	plant heap|stack|data|mmap|shared|freed|bignum|nowhere FILE
 *
 * FILE has them in hexadecimal.  Says "planted" and stays until its standard
 * input ends.
 */

#include <sys/types.h>
#include <sys/mman.h>

#include <openssl/bn.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEN	8192
#define AT	1021		/* where it begins: on no boundary */

static unsigned char	 data[LEN];

/* Byte by byte, so that they are nowhere else. */
static void
put(unsigned char *to, const char *path)
{
	FILE		*f;
	unsigned int	 c;
	size_t		 i = AT;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (i < LEN && fscanf(f, "%2x", &c) == 1)
		to[i++] = (unsigned char)c;
	(void)fclose(f);
}

static BIGNUM *
number(const char *path)
{
	char	 hex[LEN];
	BIGNUM	*bn = NULL;
	FILE	*f;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	if (fgets(hex, sizeof(hex), f) == NULL || BN_hex2bn(&bn, hex) == 0)
		errx(1, "%s: no number", path);
	(void)fclose(f);
	return (bn);
}

/* What nobody reads the compiler would not write. */
static void
keep(const void *p)
{
	__asm__ __volatile__("" : : "r" (p) : "memory");
}

static void *
map(int flags)
{
	void	*p;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_ANON | flags, -1, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	return (p);
}

int
main(int argc, char *argv[])
{
	unsigned char	 stack[LEN], *p, *behind, c;
	const char	*where;

	if (argc != 3)
		errx(1, "usage: plant where file");
	where = argv[1];
	p = malloc(LEN);
	/* Else free would give the memory back. */
	behind = malloc(LEN);
	if (p == NULL || behind == NULL)
		err(1, "malloc");
	if (strcmp(where, "heap") == 0 || strcmp(where, "freed") == 0)
		put(p, argv[2]);
	else if (strcmp(where, "stack") == 0)
		put(stack, argv[2]);
	else if (strcmp(where, "data") == 0)
		put(data, argv[2]);
	else if (strcmp(where, "mmap") == 0)
		put(map(MAP_PRIVATE), argv[2]);
	else if (strcmp(where, "shared") == 0)
		put(map(MAP_SHARED), argv[2]);
	else if (strcmp(where, "bignum") == 0)
		keep(number(argv[2]));
	else if (strcmp(where, "nowhere") != 0)
		errx(1, "plant %s: where?", where);
	keep(p);
	keep(behind);
	keep(stack);
	keep(data);
	if (strcmp(where, "freed") == 0)
		free(p);
	if (write(STDOUT_FILENO, "planted\n", 8) != 8)
		err(1, "stdout");
	while (read(STDIN_FILENO, &c, 1) == 1)
		continue;
	return (0);
}
