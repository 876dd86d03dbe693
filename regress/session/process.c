/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

/*
 * The session's process, 0 for none.  Whose child it is tells this test's
 * session 17 from that of another test.
 */
pid_t
proc_session(const struct fake *fk, const struct fake_session *fs,
    const char *state)
{
	struct dirent	*entry;
	DIR		*dir;
	char		 title[128], line[256];
	pid_t		 found = 0, pid;

	(void)snprintf(title, sizeof(title), "securetcp-session: %llu www%s%s",
	    (unsigned long long)fs->fs_id, state == NULL ? "" : " ",
	    state == NULL ? "" : state);
	ATF_REQUIRE((dir = opendir("/proc")) != NULL);
	while (found == 0 && (entry = readdir(dir)) != NULL) {
		if ((pid = (pid_t)atoi(entry->d_name)) <= 0 ||
		    proc_status(pid, "PPid") != (long)fk->fk_pid ||
		    proc_try(pid, "cmdline", line, sizeof(line)) == -1)
			continue;
		if (state == NULL ? strncmp(line, title, strlen(title)) == 0 :
		    strcmp(line, title) == 0)
			found = pid;
	}
	(void)closedir(dir);
	return (found);
}
