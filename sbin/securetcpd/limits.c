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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define BASE_FDS	32		/* libraries, log, resolver, standard */
#define BASE_PROCS	8

enum {
	DESCRIPTORS,			/* of the parent */
	PROCESSES,
	FILES,				/* of the whole system */
	NRESOURCES
};

static char	 lowered[640];		/* what is to be said of that */

/*
 * A connection's pipe, its socket and that of its backend; a program's has
 * the end of its stderr as well.
 */
static unsigned long long
limits_connection(const struct server *sv)
{
	return (sv->sv_program != NULL ? 4 : 3);
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

/* Open files of the whole system: both ends of the pipe, both connections. */
static unsigned long long
limits_files(const struct server *sv)
{
	return (sv->sv_program != NULL ? 7 : 4);
}

/* A default maximum may be lowered, but not below its prefork. */
static unsigned int
limits_max(const struct server *sv, unsigned int most, int said)
{
	if ((sv->sv_max_said && !said) || sv->sv_max <= most)
		return (sv->sv_max);
	return (most < sv->sv_prefork ? sv->sv_prefork : most);
}

/*
 * The need of the configuration at its busiest, if no block has more
 * connections than this; spawners exist twice during a change.  pool.c keeps
 * a block's processes below its maximum and its prefork.
 */
static void
limits_need(const struct conf *cf, unsigned int most, int said,
    unsigned long long need[NRESOURCES])
{
	struct listen		*li;
	struct server		*sv;
	unsigned long long	 max, processes;

	need[DESCRIPTORS] = BASE_FDS + FD_RESERVE + cf->cf_signers * 2ULL +
	    limits_open(cf);
	need[PROCESSES] = BASE_PROCS + cf->cf_signers;
	need[FILES] = need[DESCRIPTORS] + 8 * need[PROCESSES];
	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry) {
		max = limits_max(sv, most, said);
		processes = 2 + max + sv->sv_prefork;
		TAILQ_FOREACH(li, &sv->sv_listens, li_entry)
			need[DESCRIPTORS] += 1;
		need[DESCRIPTORS] += 4 + max * limits_connection(sv) +
		    sv->sv_prefork;
		need[PROCESSES] += processes;
		if (sv->sv_program != NULL)
			need[PROCESSES] += 1 + max;
		need[FILES] += processes * limits_files(sv);
	}
}

/* The limits at the start, for the programs of "execute". */
static struct rlimit	 original_nofile, original_nproc;
static int		 original_known;

static int
limits_remember(void)
{
	if (original_known)
		return (0);
	if (getrlimit(RLIMIT_NOFILE, &original_nofile) == -1 ||
	    getrlimit(RLIMIT_NPROC, &original_nproc) == -1)
		return (-1);
	original_known = 1;
	return (0);
}

/* The system's limit at the start: a promise forbids to ask later. */
static unsigned long long
limits_system(void)
{
	static unsigned long long	 most;

	if (most == 0)
		most = compat_files_max();
	return (most);
}

int
limits_original(void)
{
	if (compat_restore_limit(RLIMIT_NOFILE, &original_nofile) == -1)
		return (-1);
	return (compat_restore_limit(RLIMIT_NPROC, &original_nproc));
}

/*
 * Raises a limit towards what is needed and returns what is in force: the
 * BSDs cut a limit to what their kernel has, and say nothing.
 */
static unsigned long long
limit_raise(int resource, unsigned long long need)
{
	struct rlimit	 rl;
	rlim_t		 hard;

	if (getrlimit(resource, &rl) == -1)
		return (0);
	hard = rl.rlim_max;
	if (rl.rlim_cur != RLIM_INFINITY &&
	    (unsigned long long)rl.rlim_cur < need) {
		rl.rlim_cur = need;
		if (hard != RLIM_INFINITY && (unsigned long long)hard < need)
			rl.rlim_max = need;
		if (setrlimit(resource, &rl) == -1) {
			rl.rlim_cur = rl.rlim_max = hard;
			(void)setrlimit(resource, &rl);
		}
		if (getrlimit(resource, &rl) == -1)
			return (0);
	}
	return (rl.rlim_cur == RLIM_INFINITY ? ULLONG_MAX : rl.rlim_cur);
}

/* The first resource that does not suffice; -1 if all do. */
static int
limits_short(const unsigned long long need[NRESOURCES],
    const unsigned long long have[NRESOURCES])
{
	int	 i;

	for (i = 0; i < NRESOURCES; i++)
		if (need[i] > have[i])
			return (i);
	return (-1);
}

/*
 * The greatest maximum of each block with which the configuration fits, of
 * those that were said as well if the last argument is true; 0 when there is
 * none.
 */
static unsigned int
limits_fit(const struct conf *cf, const unsigned long long have[NRESOURCES],
    int said)
{
	unsigned long long	 need[NRESOURCES];
	unsigned int		 low = 0, high = CONF_CONNECTIONS_MAX, most;

	while (low < high) {
		most = low + (high - low + 1) / 2;
		limits_need(cf, most, said, need);
		if (limits_short(need, have) == -1)
			low = most;
		else
			high = most - 1;
	}
	return (low);
}

/*
 * Blocks with the default maximum get what the system can hold.  A quarter
 * of what the whole system has stays for others.
 */
static int
limits_lower(struct conf *cf, const unsigned long long have[NRESOURCES],
    const char *why)
{
	unsigned long long	 share[NRESOURCES];
	struct server		*sv;
	unsigned int		 most, n = 0;
	int			 i;

	for (i = 0; i < NRESOURCES; i++)
		share[i] = i == DESCRIPTORS ? have[i] : have[i] - have[i] / 4;
	if ((most = limits_fit(cf, share, 0)) == 0 &&
	    (most = limits_fit(cf, have, 0)) == 0)
		return (-1);
	TAILQ_FOREACH(sv, &cf->cf_servers, sv_entry) {
		if (sv->sv_max_said || sv->sv_max <= most)
			continue;
		sv->sv_max = limits_max(sv, most, 0);
		n++;
	}
	(void)snprintf(lowered, sizeof(lowered), "\"connections max\" of %u "
	    "block%s is %u instead of %u, because it was not said and %s", n,
	    n == 1 ? "" : "s", most, CONF_MAX, why);
	return (0);
}

/* Where the other findings are told. */
static void
limits_say(int warning, const char *text)
{
	char	 line[sizeof(lowered) + 16];

	(void)snprintf(line, sizeof(line), "%s%s", warning ? "warning: " : "",
	    text);
	if (env->sd_started)
		reload_say(warning, line);
	else
		fprintf(stderr, "securetcpd: %s\n", line);
}

/*
 * For root too low a limit is an error: it would show under load, at the
 * worst of times.  An ordinary user who tries things out is warned.
 */
static int
limits_refuse(const struct conf *cf,
    const unsigned long long have[NRESOURCES], const char *why)
{
	unsigned int	 most = limits_fit(cf, have, 1);
	char		 text[512], fit[80] = "";

	if (most > 0)
		(void)snprintf(fit, sizeof(fit), "; \"connections max %u\" in "
		    "every block would fit", most);
	(void)snprintf(text, sizeof(text), "%s%s", why, fit);
	limits_say(geteuid() != 0, text);
	return (geteuid() == 0 ? -1 : 0);
}

int
limits_raise(struct conf *cf)
{
	static const char *const	 what[NRESOURCES] = {
		"descriptors", "processes", "open files"
	};
	static const int		 resource[NRESOURCES] = {
		RLIMIT_NOFILE, RLIMIT_NPROC, COMPAT_LIMIT_FILES
	};
	unsigned long long		 need[NRESOURCES], have[NRESOURCES];
	char				 why[384];
	int				 i;

	lowered[0] = '\0';
	if (limits_remember() == -1)
		return (-1);
	limits_need(cf, CONF_CONNECTIONS_MAX, 1, need);
	have[DESCRIPTORS] = limit_raise(RLIMIT_NOFILE, need[DESCRIPTORS]);
	have[PROCESSES] = limit_raise(RLIMIT_NPROC, need[PROCESSES]);
	have[FILES] = limits_system();
	env->sd_nofile = have[DESCRIPTORS] > 1 << 30 ? 1 << 30 :
	    (unsigned int)have[DESCRIPTORS];
	if ((i = limits_short(need, have)) == -1)
		return (0);
	(void)snprintf(why, sizeof(why), "the configuration can need %llu %s, "
	    "the limit is %llu (%s)", need[i], what[i], have[i],
	    compat_limit_hint(resource[i]));
	if (limits_lower(cf, have, why) == 0)
		return (0);
	return (limits_refuse(cf, have, why));
}

/* Logged once there is a log; printed with the other findings of -n. */
void
limits_show(void)
{
	if (lowered[0] == '\0')
		return;
	if (env->sd_check || env->sd_started)
		limits_say(1, lowered);
	else
		log_warning("%s", lowered);
}

/* Is there room for one more connection and all those under way? */
int
limits_room(void)
{
	struct service	*se;
	unsigned int	 used = env->sd_fds + BASE_FDS;

	/*
	 * Each handshake will want a socket for its backend, and what has no
	 * session the pipe of one that is to be forked.
	 */
	TAILQ_FOREACH(se, &env->sd_services, se_entry) {
		used += se->se_pendings;
		if (se->se_visitors > se->se_idles + se->se_starting)
			used += se->se_visitors - se->se_idles -
			    se->se_starting;
	}
	return (used + FD_RESERVE <= env->sd_nofile);
}
