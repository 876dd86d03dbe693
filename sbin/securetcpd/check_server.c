/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A server or client block: whom it trusts, and where it leads. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"

#define CA_SIZE		(4 * 1024 * 1024)
#define CRL_SIZE	(64 * 1024 * 1024)

/* Where systems have the roots that they trust. */
static const char	*system_roots[] = {
	"/etc/ssl/cert.pem",
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/usr/local/share/certs/ca-root-nss.crt",
	NULL
};

/* A backend may start after us, so its absence is no error. */
static void
backend_check(const struct backend *ba)
{
	struct sockaddr_un	 sun;
	struct stat		 st;

	if (ba->ba_ss.ss_family != AF_UNIX)
		return;
	memcpy(&sun, &ba->ba_ss, sizeof(sun));
	conf_check_local("forward to", sun.sun_path, &ba->ba_place);
	if (stat(sun.sun_path, &st) == -1)
		conf_warning(&ba->ba_place, "forward to \"%s\": %s",
		    sun.sun_path, strerror(errno));
	else if (!S_ISSOCK(st.st_mode))
		conf_error(&ba->ba_place, "forward to \"%s\": not a "
		    "socket", sun.sun_path);
}

static void
backends_check(const struct server *sv)
{
	const struct backend	*ba;
	const struct route	*rt;

	TAILQ_FOREACH(ba, &sv->sv_backends, ba_entry)
		backend_check(ba);
	TAILQ_FOREACH(rt, &sv->sv_routes, rt_entry)
		TAILQ_FOREACH(ba, &rt->rt_backends, ba_entry)
			backend_check(ba);
}

static void
listen_check(const struct conf *conf, const struct listen *li)
{
	if (!li->li_proxy || li->li_len == 0 ||
	    network_loopback((const struct sockaddr *)&li->li_ss) ||
	    !TAILQ_EMPTY(&conf->cf_trusted))
		return;
	conf_error(&li->li_place, "listen on: off loopback \"proxy\" needs "
	    "\"trusted proxies\", or nobody could connect");
}

/* So many groups a process can have, as far as they are asked for here. */
static int
groups_max(void)
{
	long	 n;

	n = sysconf(_SC_NGROUPS_MAX);
	return (n < 1 || n > WIRE_GROUPS ? WIRE_GROUPS : (int)n);
}

/* The accounts of programs; only root can become somebody else. */
static void
program_user(struct program *pr)
{
	struct passwd	*pw;
	int		 i, max = groups_max(), n = max;

	if (pr->pr_user[0] == '\0')
		return;
	if ((pw = getpwnam(pr->pr_user)) == NULL) {
		conf_error(&pr->pr_user_at, "user \"%s\" does not exist",
		    pr->pr_user);
		return;
	}
	if (pw->pw_uid == 0)
		conf_error(&pr->pr_user_at, "user \"%s\" has user id 0",
		    pr->pr_user);
	if (geteuid() != 0 && pw->pw_uid != geteuid())
		conf_error(&pr->pr_user_at, "only root can execute as another "
		    "user than itself (\"%s\")", pr->pr_user);
	pr->pr_uid = pw->pw_uid;
	pr->pr_gid = pw->pw_gid;
	if (getgrouplist(pr->pr_user, pw->pw_gid, pr->pr_groups, &n) == -1) {
		conf_error(&pr->pr_user_at, "user \"%s\" is in more than %d "
		    "groups", pr->pr_user, max);
		return;
	}
	for (i = 0; i < n; i++)
		if (pr->pr_groups[i] == 0 && pw->pw_gid != 0)
			conf_warning(&pr->pr_user_at, "user \"%s\" is in the "
			    "group with id 0", pr->pr_user);
	pr->pr_ngroups = (unsigned int)n;
}

static void
program_check(struct program *pr)
{
	const char	*path;
	struct stat	 st;

	program_user(pr);
	if (pr->pr_argc == 0 || (path = pr->pr_argv[0])[0] != '/')
		return;
	if (stat(path, &st) == -1)
		conf_error(&pr->pr_place, "execute \"%s\": %s", path,
		    strerror(errno));
	else if (!S_ISREG(st.st_mode))
		conf_error(&pr->pr_place, "execute \"%s\" is not a regular "
		    "file", path);
	else if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		conf_error(&pr->pr_place, "execute \"%s\" is not "
		    "executable", path);
	else if (geteuid() == 0 && st.st_uid != 0 && st.st_uid != pr->pr_uid)
		conf_error(&pr->pr_place, "execute \"%s\" is owned neither by "
		    "root nor by the user it is run as", path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		conf_error(&pr->pr_place, "execute \"%s\" is writable by "
		    "%s", path, st.st_mode & S_IWOTH ? "everybody" :
		    "its group");
}

/* An "allow none" that can never match was meant otherwise. */
static void
rules_check(const struct server *sv)
{
	const struct rule	*ru;

	TAILQ_FOREACH(ru, &sv->sv_rules, ru_entry)
		if (ru->ru_subject == CONF_RULE_NONE &&
		    sv->sv_auth == WIRE_AUTH_REQUIRED)
			conf_error(&ru->ru_place, "\"%s none\" where client "
			    "authentication is required never matches",
			    ru->ru_allow ? "allow" : "deny");
}

/* A client without "ca" trusts whom the system trusts. */
static void
roots_find(struct server *sv)
{
	const char	**path = system_roots;

	while (*path != NULL && access(*path, F_OK) == -1)
		path++;
	if ((sv->sv_ca.pa_path = strdup(*path == NULL ? system_roots[0] :
	    *path)) == NULL)
		conf_memory();
	sv->sv_ca.pa_place = sv->sv_place;
}

/* Files by which peers are judged. */
static void
trust_check(struct server *sv)
{
	const char	*what = "ca";

	if (sv->sv_client && sv->sv_ca.pa_path == NULL) {
		roots_find(sv);
		what = "client without \"ca\": the system's";
	}
	if (sv->sv_ca.pa_path != NULL)
		conf_check_path(what, &sv->sv_ca, CA_SIZE);
	if (sv->sv_crl.pa_path != NULL)
		conf_check_path("crl", &sv->sv_crl, CRL_SIZE);
}

void
conf_check_server(struct conf *conf, struct server *sv)
{
	struct listen	*li;

	TAILQ_FOREACH(li, &sv->sv_listens, li_entry)
		listen_check(conf, li);
	backends_check(sv);
	if (sv->sv_program != NULL)
		program_check(sv->sv_program);
	rules_check(sv);
	trust_check(sv);
}
