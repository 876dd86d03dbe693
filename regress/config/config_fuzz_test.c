/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The grammar against files that went wrong at random places. */

#include <sys/types.h>

#include <atf-c.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conf.h"

#define ROUNDS		4000
#define TEXT_MAX	65536
#define FUZZED		"fuzzed.conf"
#define INCLUDED	"included.conf"

static const char	*scraps[] = {
	"{", "}", "\n", ";", "\\\n", "\"", "'", "$", "#", "=", ",", "\\",
	"$a", "a = \"b\"\n", "b = \"$a\"\n", "c = '{'\n", "d = '}'\n$d",
	"e = '#'\n$e", "f = \"include '" INCLUDED "';\"\n$f",
	"g = '\"'\n$g", "h = '\\\\'\n$h\n", "include \"" INCLUDED "\"\n",
	"include \"" FUZZED "\"\n", "server \"x\" {", "certificate y {",
	"client \"z\" {\n", "alpn", "listen on :: port 0", "echo\n",
	"999999999999999999999h", "\xff", "\001"
};
static unsigned long	 messages;
static unsigned int	 errors_told;

static void
count(int warning, const char *text)
{
	ATF_REQUIRE(strchr(text, '\n') == NULL);
	messages++;
	errors_told += !warning;
}

/* The same numbers on every system, so that a failure can be repeated. */
static unsigned int
pick(unsigned int below)
{
	static uint32_t	 state = 20261123;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return below == 0 ? 0 : state % below;
}

static size_t
slurp(const char *path, char *text)
{
	ssize_t	 n;
	int	 fd;

	ATF_REQUIRE((fd = open(path, O_RDONLY)) != -1);
	ATF_REQUIRE((n = read(fd, text, TEXT_MAX / 2)) != -1);
	close(fd);
	return (size_t)n;
}

static void
spill(const char *path, const char *text, size_t len)
{
	int	 fd;

	ATF_REQUIRE((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) !=
	    -1);
	ATF_REQUIRE(write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static size_t
mutate(char *text, size_t len)
{
	const char	*scrap;
	size_t		 at, n;

	at = pick((unsigned int)len + 1);
	switch (pick(4)) {
	case 0:
		if (at < len)
			text[at] = (char)pick(256);
		return len;
	case 1:
		n = pick(20);
		if (n > len - at)
			n = len - at;
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	case 2:
		return pick(8) == 0 ? at : len;
	}
	scrap = scraps[pick(sizeof(scraps) / sizeof(scraps[0]))];
	n = strlen(scrap);
	if (len + n > TEXT_MAX)
		return len;
	memmove(text + at + n, text + at, len - at);
	memcpy(text + at, scrap, n);
	return len + n;
}

/* How many errors a file has that never changes. */
static unsigned int
steady(void)
{
	struct conf	*conf;
	unsigned int	 before;

	spill("steady.conf", "bogus\n$x\nlog {\n", 15);
	before = conf_errors();
	ATF_REQUIRE((conf = conf_parse("steady.conf")) != NULL);
	conf_report();
	conf_free(conf);
	return conf_errors() - before;
}

ATF_TC(mutations);
ATF_TC_HEAD(mutations, tc)
{
	atf_tc_set_md_var(tc, "descr", "Files with random damage end in "
	    "errors, each of which is told, or in none, and leave neither "
	    "descriptors nor any trace in the next parse");
}
ATF_TC_BODY(mutations, tc)
{
	static char	 text[TEXT_MAX];
	char		 pattern[1024];
	struct conf	*conf;
	glob_t		 files;
	size_t		 len;
	unsigned int	 before, errors, i, j;
	int		 fds;

	(void)snprintf(pattern, sizeof(pattern), "%s/*.in",
	    atf_tc_get_config_var(tc, "srcdir"));
	ATF_REQUIRE_EQ(0, glob(pattern, 0, NULL, &files));
	ATF_REQUIRE(files.gl_pathc > 100);
	conf_output(count);
	spill(INCLUDED, "a = \"b\"\n", 8);
	errors = steady();
	ATF_REQUIRE(errors >= 3);
	fds = getdtablecount();
	for (i = 0; i < ROUNDS; i++) {
		len = slurp(files.gl_pathv[pick((unsigned int)
		    files.gl_pathc)], text);
		for (j = pick(12); j > 0; j--)
			len = mutate(text, len);
		spill(pick(8) == 0 ? INCLUDED : FUZZED, text, len);
		before = conf_errors();
		conf = conf_parse(access(FUZZED, F_OK) == 0 ? FUZZED :
		    INCLUDED);
		ATF_REQUIRE_MSG(conf != NULL, "round %u: no configuration",
		    i);
		errors_told = 0;
		conf_report();
		ATF_REQUIRE_EQ_MSG(errors_told, conf_errors() - before,
		    "round %u: %u errors told of %u", i, errors_told,
		    conf_errors() - before);
		conf_free(conf);
	}
	ATF_REQUIRE_EQ(errors, steady());
	ATF_REQUIRE_EQ(fds, getdtablecount());
	ATF_REQUIRE(messages > ROUNDS);
	globfree(&files);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, mutations);
	return atf_no_error();
}
