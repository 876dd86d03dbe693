/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Whom the kernel ends first when there is no memory left.  Linux has a
 * number for each process, which fork(2) and execve(2) hand on; FreeBSD
 * protects a process, by what procctl(2) says of it and of no descendant;
 * OpenBSD has no such thing.
 */

#include <sys/types.h>
#ifdef __FreeBSD__
#include <sys/procctl.h>
#include <sys/wait.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compat.h"

#if defined(__linux__)

#define SHORTAGE_FILE	"/proc/self/oom_score_adj"
#define SHORTAGE_FIRST	1000
#define SHORTAGE_LAST	(-900)	/* -1000 would be never */

static int	 shortage_was;		/* as whoever started us has it */
static int	 shortage_known;

static int
shortage_read(int *score)
{
	FILE	*fp;
	int	 n;

	if ((fp = fopen(SHORTAGE_FILE, "re")) == NULL)
		return (-1);
	n = fscanf(fp, "%d", score);
	(void)fclose(fp);
	if (n == 1)
		return (0);
	errno = EINVAL;
	return (-1);
}

/* In one write, as the kernel wants it; also between fork and exec. */
static int
shortage_write(int score)
{
	char	 text[16];
	int	 error, fd, len;

	len = snprintf(text, sizeof(text), "%d", score);
	if ((fd = open(SHORTAGE_FILE, O_WRONLY | O_CLOEXEC)) == -1)
		return (-1);
	error = write(fd, text, (size_t)len) == len ? 0 : errno;
	(void)close(fd);
	errno = error;
	return (error == 0 ? 0 : -1);
}

int
compat_shortage(enum compat_shortage which)
{
	if (!shortage_known) {
		if (shortage_read(&shortage_was) == -1)
			return (-1);
		shortage_known = 1;
	}
	switch (which) {
	case COMPAT_SHORTAGE_FIRST:
		return (shortage_write(SHORTAGE_FIRST));
	case COMPAT_SHORTAGE_USUAL:
		return (shortage_write(shortage_was));
	case COMPAT_SHORTAGE_LAST:
		/* An administrator's own word is kept. */
		return (shortage_write(shortage_was != 0 ? shortage_was :
		    SHORTAGE_LAST));
	}
	errno = EINVAL;
	return (-1);
}

#elif defined(__FreeBSD__)

int
compat_shortage(enum compat_shortage which)
{
	int	 how = PPROT_SET;

	if (which != COMPAT_SHORTAGE_LAST)
		return (0);
	return (procctl(P_PID, getpid(), PROC_SPROTECT, &how));
}

#else

int
compat_shortage(enum compat_shortage which)
{
	(void)which;
	return (0);
}

#endif
