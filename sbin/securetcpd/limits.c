/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define BASE_FDS	32		/* libraries, log, resolver, standard */
#define BASE_PROCS	8

/*
 * A connection holds its pipe and, for a moment, its socket or that of its
 * backend; a client block's the plain one until it is connected, and a
 * program's the end of its stderr.
 */
static unsigned long long
limits_connection(const struct server *sv)
{
	return (sv->sv_client || sv->sv_program != NULL ? 3 : 2);
}

static unsigned int
limits_file(const struct conf_path *pa)
{
	return (pa->pa_fd == -1 ? 0 : 1);
}

/* Files that stay open, for helpers to read. */
unsigned int
limits_open(const struct conf *cf)
{
	struct certificate	*ce;
	struct server		*sv;
	unsigned int		 n = 0;

	TAILQ_FOREACH(ce, &cf->cf_certificates, ce_entry)
		n += 2 + limits_file(&ce->ce_ocsp);
	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry)
		n += limits_file(&sv->sv_ca) + limits_file(&sv->sv_crl);
	return (n);
}

/*
 * What the configuration can need at its busiest; spawners exist twice
 * during a change.
 */
static void
limits_need(struct conf *cf, unsigned long long *fds,
    unsigned long long *procs)
{
	struct listen	*li;
	struct server	*sv;

	*fds = BASE_FDS + FD_RESERVE + cf->cf_signers * 2ULL +
	    limits_open(cf);
	*procs = BASE_PROCS + cf->cf_signers;
	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry) {
		TAILQ_FOREACH(li, &sv->sv_listens, li_entry)
			*fds += 1;
		*fds += 4 + sv->sv_max * limits_connection(sv) + POOL_MAX;
		*procs += 2 + sv->sv_max + POOL_MAX;
		if (sv->sv_program != NULL)
			*procs += 1 + sv->sv_max;
	}
}

/* What there was before, for programs that are none of ours. */
static struct rlimit	 original_nofile, original_nproc;

int
limits_original(void)
{
	if (setrlimit(RLIMIT_NOFILE, &original_nofile) == -1)
		return (-1);
	return (setrlimit(RLIMIT_NPROC, &original_nproc));
}

/* 0 when the limit is high enough or could be made so. */
static int
limit_raise(int resource, const char *what, unsigned long long need)
{
	struct rlimit	 rl;

	if (getrlimit(resource, &rl) == -1)
		return (-1);
	if (rl.rlim_cur == RLIM_INFINITY ||
	    (unsigned long long)rl.rlim_cur >= need)
		return (0);
	if (rl.rlim_max != RLIM_INFINITY &&
	    (unsigned long long)rl.rlim_max < need)
		rl.rlim_max = need;
	rl.rlim_cur = need;
	if (setrlimit(resource, &rl) == 0)
		return (0);
	if (getrlimit(resource, &rl) == -1)
		return (-1);
	fprintf(stderr, "securetcpd: %sthe configuration can need %llu %s, "
	    "the limit is %llu (%s)\n", geteuid() == 0 ? "" : "warning: ",
	    need, what, (unsigned long long)rl.rlim_max,
	    compat_limit_hint(resource));
	if (rl.rlim_cur != rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(resource, &rl);
	}
	errno = EPERM;
	return (-1);
}

/*
 * For root too low a limit is an error: it would show under load, at the
 * worst of times.  An ordinary user who tries things out is warned.
 */
int
limits_raise(struct conf *cf)
{
	unsigned long long	 fds, procs;
	struct rlimit		 rl;
	int			 bad = 0;

	if (getrlimit(RLIMIT_NOFILE, &original_nofile) == -1 ||
	    getrlimit(RLIMIT_NPROC, &original_nproc) == -1)
		return (-1);
	limits_need(cf, &fds, &procs);
	if (limit_raise(RLIMIT_NOFILE, "descriptors", fds) == -1)
		bad = 1;
	if (limit_raise(RLIMIT_NPROC, "processes", procs) == -1)
		bad = 1;
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return (-1);
	env->sd_nofile = rl.rlim_cur == RLIM_INFINITY ||
	    rl.rlim_cur > 1 << 30 ? 1 << 30 : rl.rlim_cur;
	return (bad && geteuid() == 0 ? -1 : 0);
}

/* Is there room for one more connection and all those under way? */
int
limits_room(void)
{
	struct service	*se;
	unsigned int	 used = env->sd_fds + BASE_FDS;

	/* Each handshake will want a socket for its backend. */
	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		used += se->se_pendings;
	return (used + FD_RESERVE <= env->sd_nofile);
}
