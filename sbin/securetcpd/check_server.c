/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* One server or client block: what it says of TLS, and where it leads. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <tls.h>
#include <unistd.h>

#include "conf.h"
#include "securetcp.h"

/* The list has this word, whatever its case. */
static int
protocol_has(const char *list, const char *word)
{
	size_t	 len;

	for (;; list += len + 1) {
		list += strspn(list, " \t");
		len = strcspn(list, ",:");
		if (len == strlen(word) && strncasecmp(list, word, len) == 0)
			return (1);
		if (list[len] == '\0')
			return (0);
	}
}

/*
 * libtls has come to take the names of old versions for TLS 1.2, which would
 * be served to who never asked for it, and refused by who forbade TLS 1.1.
 */
static int
protocol_forbidden(const char *list)
{
	uint32_t	 meant;

	return ((protocol_has(list, "!tlsv1.0") ||
	    protocol_has(list, "!tlsv1.1")) &&
	    tls_config_parse_protocols(&meant, "tlsv1.1") == 0 &&
	    meant == TLS_PROTOCOL_TLSv1_2);
}

/* Signers know the signatures of TLS 1.2 and 1.3, not those before. */
static void
protocol_check(struct server *sv)
{
	const struct conf_place	*at = &sv->sv_protocol_at;
	uint32_t		 known = TLS_PROTOCOL_TLSv1_2 |
				    TLS_PROTOCOL_TLSv1_3;

	if (protocol_forbidden(sv->sv_protocol))
		conf_error(at, "protocol \"%s\": the TLS library would leave "
		    "out TLS 1.2 for \"!tlsv1.0\" or \"!tlsv1.1\", which are "
		    "never spoken", sv->sv_protocol);
	else if (tls_config_parse_protocols(&sv->sv_protocols,
	    sv->sv_protocol) != 0)
		conf_error(at, "protocol \"%s\" is not known to the TLS "
		    "library", sv->sv_protocol);
	else if (sv->sv_protocols & ~known ||
	    protocol_has(sv->sv_protocol, "tlsv1.0") ||
	    protocol_has(sv->sv_protocol, "tlsv1.1"))
		conf_error(at, "protocol \"%s\" stands for versions before "
		    "TLS 1.2, which are not supported", sv->sv_protocol);
	else if (sv->sv_protocols == 0)
		conf_error(at, "protocol \"%s\" leaves no version",
		    sv->sv_protocol);
}

/* As the spawner will do it, so that it is refused here and not there. */
static void
ciphers_check(const struct server *sv)
{
	struct securetcp_config	*config;

	if ((config = securetcp_config_new()) == NULL) {
		conf_error(&sv->sv_place, "the TLS library is unusable");
		return;
	}
	if (securetcp_config_set_ciphers(config, sv->sv_ciphers) != 0)
		conf_error(&sv->sv_ciphers_at, "%s",
		    securetcp_config_error(config));
	if (sv->sv_alpn[0] != '\0' &&
	    securetcp_config_set_alpn(config, sv->sv_alpn) != 0)
		conf_error(&sv->sv_alpn_at, "%s",
		    securetcp_config_error(config));
	if (sv->sv_curves[0] != '\0' &&
	    securetcp_config_set_curves(config, sv->sv_curves) != 0)
		conf_error(&sv->sv_curves_at, "%s",
		    securetcp_config_error(config));
	securetcp_config_free(config);
}

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

/* Nobody would take it for what it is shown as. */
static void
purpose_check(const struct server *sv)
{
	const struct certificate	*ce;
	const struct shown		*sh;

	TAILQ_FOREACH(sh, &sv->sv_certificates, sh_entry) {
		if ((ce = sh->sh_certificate) == NULL)
			continue;
		if (sv->sv_client ? ce->ce_not_clients : ce->ce_not_servers)
			conf_warning(&sh->sh_place, "certificate \"%s\" is "
			    "not for %s by its purpose: it may be refused",
			    ce->ce_name, sv->sv_client ? "clients" :
			    "servers");
	}
}

void
conf_check_server(struct conf *conf, struct server *sv)
{
	struct listen	*li;

	protocol_check(sv);
	ciphers_check(sv);
	TAILQ_FOREACH(li, &sv->sv_listens, li_entry)
		listen_check(conf, li);
	backends_check(sv);
	if (sv->sv_program != NULL)
		program_check(sv->sv_program);
	rules_check(sv);
	purpose_check(sv);
	conf_check_names(sv);
	conf_check_identity(sv);
}
