/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Runs a command as another user or under another limit of descriptors: no
 * two systems have the same programs for that.
 *
 *	as [-is] [-n soft[:hard]] [-u user] command [argument ...]
 *
 * -i gives SIGINT its default action back, which a shell without job control
 * ignores in the background; -s makes a session of its own.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <err.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((__noreturn__))
static void
usage(void)
{
	fprintf(stderr, "usage: as [-is] [-n soft[:hard]] [-u user] command "
	    "[argument ...]\n");
	exit(2);
}

static void
limit(const char *text)
{
	const char	*hard;
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = strtoul(text, NULL, 10);
	if ((hard = strchr(text, ':')) != NULL)
		rl.rlim_max = strtoul(hard + 1, NULL, 10);
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit %s", text);
}

static void
become(const char *user)
{
	struct passwd	*pw;

	if ((pw = getpwnam(user)) == NULL)
		errx(1, "%s: no such user", user);
	if (setgroups(1, &pw->pw_gid) == -1 || setgid(pw->pw_gid) == -1 ||
	    setuid(pw->pw_uid) == -1)
		err(1, "%s", user);
}

int
main(int argc, char *argv[])
{
	const char	*user = NULL;
	int		 ch;

	/* Not by getopt(3): some would take options of the command's. */
	while (argc > 1 && argv[1][0] == '-') {
		ch = argv[1][1];
		if (ch == '\0' || argv[1][2] != '\0' ||
		    ((ch == 'n' || ch == 'u') && argc < 4))
			usage();
		argc--;
		argv++;
		switch (ch) {
		case 'i':
			signal(SIGINT, SIG_DFL);
			continue;
		case 's':
			if (setsid() == -1)
				err(1, "setsid");
			continue;
		case 'n':
			limit(argv[1]);
			break;
		case 'u':
			user = argv[1];
			break;
		default:
			usage();
		}
		argc--;
		argv++;
	}
	if (argc < 2)
		usage();
	/* The last thing to be done: a hard limit is root's to raise. */
	if (user != NULL)
		become(user);
	execvp(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
