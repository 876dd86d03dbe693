/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Sessions whose spawner died: live ones go on, and nobody else would end the
 * process of one that does not leave.  The dead spawner is not reaped before
 * the last of them is gone, so that the kernel knows them by its number, and a
 * pid that the spawner told while it lived is killed if it is one of them.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdlib.h>

#include "compat.h"
#include "securetcpd.h"

static LIST_HEAD(, kin)	 kins = LIST_HEAD_INITIALIZER(kins);

static struct kin *
orphan_kin(pid_t spawner)
{
	struct kin	*k;

	LIST_FOREACH(k, &kins, k_entry)
		if (k->k_spawner == spawner)
			break;
	return (k);
}

/* Without memory it is left to itself until the daemon ends. */
void
orphan_take(struct session *s, pid_t spawner)
{
	struct kin	*k;

	if ((k = orphan_kin(spawner)) == NULL) {
		if ((k = calloc(1, sizeof(*k))) == NULL)
			return;
		k->k_spawner = spawner;
		LIST_INSERT_HEAD(&kins, k, k_entry);
	}
	k->k_sessions++;
	s->s_kin = k;
}

/* The session had its time to leave. */
void
orphan_end(struct session *s)
{
	if (s->s_kin == NULL || s->s_exited)
		return;
	s->s_exited = 1;
	if (compat_kill_descendant(s->s_kin->k_spawner, s->s_pid) == 0)
		log_warning("server \"%s\": session %llu, whose spawner died, "
		    "did not leave: killed", s->s_conf->sv_name,
		    (unsigned long long)s->s_id);
}

/* The session is forgotten; with the last one its spawner is. */
void
orphan_release(struct session *s)
{
	struct kin	*k;

	if ((k = s->s_kin) == NULL || --k->k_sessions > 0)
		return;
	LIST_REMOVE(k, k_entry);
	proc_bury(k->k_spawner, 1);
	free(k);
}

/* Is this a dead spawner that is not to be reaped? */
int
orphans_of(pid_t pid)
{
	return (orphan_kin(pid) != NULL);
}

void
orphans_end(void)
{
	struct kin	*k;

	LIST_FOREACH(k, &kins, k_entry)
		compat_kill_descendants(k->k_spawner);
}
