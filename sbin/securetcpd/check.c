/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Checks that the grammar cannot make: whether the things exist that the
 * configuration names, and are fit for their use.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"

static void	 accounts_check(struct conf *);
static void	 chroot_check(struct conf *);
static void	 directory_check(const struct conf_place *, const char *,
		    const char *);
static void	 control_check(const struct control *);

static int
account_check(const struct conf_place *place, const char *what,
    const char *name)
{
	struct passwd	*pw;

	if (name[0] == '\0')
		return (-1);
	if ((pw = getpwnam(name)) == NULL) {
		conf_error(place, "%s \"%s\" does not exist", what, name);
		return (-1);
	}
	if (pw->pw_uid == 0) {
		conf_error(place, "%s \"%s\" has user id 0", what, name);
		return (-1);
	}
	return (0);
}

/* Only root can become somebody else. */
static void
accounts_check(struct conf *conf)
{
	if (geteuid() != 0)
		return;
	if (account_check(&conf->cf_user_at, "user", conf->cf_user) == -1) {
		/* The checker of the files does not run as root either. */
		(void)strlcpy(conf->cf_user, "nobody", sizeof(conf->cf_user));
		return;
	}
	if (conf->cf_signer_user_set || getpwnam(conf->cf_signer_user) !=
	    NULL) {
		(void)account_check(&conf->cf_signer_user_at, "signer user",
		    conf->cf_signer_user);
		return;
	}
	conf_warning(&conf->cf_signer_user_at, "signer user \"%s\" does not "
	    "exist: signers run as \"%s\"", conf->cf_signer_user,
	    conf->cf_user);
	(void)strlcpy(conf->cf_signer_user, conf->cf_user,
	    sizeof(conf->cf_signer_user));
}

/* The default one is made at start, where the system has none. */
static void
chroot_check(struct conf *conf)
{
	const struct conf_place	*at = &conf->cf_chroot_at;
	struct stat		 root, st;
	unsigned int		 before = conf_errors();

	if (!conf->cf_chroot_set || geteuid() != 0)
		return;
	if (stat(conf->cf_chroot, &st) == -1)
		conf_error(at, "chroot \"%s\": %s", conf->cf_chroot,
		    strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		conf_error(at, "chroot \"%s\" is not a directory",
		    conf->cf_chroot);
	else if (stat("/", &root) == 0 && st.st_dev == root.st_dev &&
	    st.st_ino == root.st_ino)
		conf_error(at, "chroot \"%s\" is the root directory: it would "
		    "lock nobody in", conf->cf_chroot);
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		conf_error(at, "chroot \"%s\" must be root's and writable by "
		    "nobody else", conf->cf_chroot);
	if (conf_errors() == before)
		return;
	/* For whoever reads the files to tell of them, too. */
	(void)strlcpy(conf->cf_chroot, CONF_CHROOT, sizeof(conf->cf_chroot));
	conf->cf_chroot_set = 0;
}

void
conf_check_local(const char *what, const char *path,
    const struct conf_place *place)
{
	char	 type[COMPAT_FSTYPE];

	if (!compat_path_local(path, type, sizeof(type)))
		conf_error(place, "%s \"%s\": on a file system (%s) that "
		    "another host or a process serves, and that could stop "
		    "the daemon", what, path, type);
}

/* Checks that a file can be made there, and removed without waiting. */
static void
directory_check(const struct conf_place *place, const char *what,
    const char *path)
{
	char		 dir[PATH_MAX];
	struct stat	 st;
	char		*slash;

	if (path[0] != '/' ||
	    strlcpy(dir, path, sizeof(dir)) >= sizeof(dir))
		return;
	slash = strrchr(dir, '/');
	if (slash[1] == '\0') {
		conf_error(place, "%s \"%s\" is a directory", what, path);
		return;
	}
	slash[slash == dir ? 1 : 0] = '\0';
	if (stat(dir, &st) == -1)
		conf_error(place, "%s \"%s\": directory \"%s\": %s", what,
		    path, dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		conf_error(place, "%s \"%s\": \"%s\" is not a directory", what,
		    path, dir);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		conf_error(place, "%s \"%s\" is a directory", what, path);
	else
		conf_check_local(what, path, place);
}

static void
control_check(const struct control *co)
{
	directory_check(&co->co_place, "control socket", co->co_path);
	if (co->co_group != NULL && getgrnam(co->co_group) == NULL)
		conf_error(&co->co_place, "group \"%s\" does not exist",
		    co->co_group);
}

void
conf_check(struct conf *conf)
{
	struct control		*co;
	struct certificate	*ce;
	struct server		*sv;

	accounts_check(conf);
	chroot_check(conf);
	directory_check(&conf->cf_pidfile_at, "pidfile", conf->cf_pidfile);
	if (conf->cf_block_most < conf->cf_block_after)
		conf_error(&conf->cf_block_at, "penalties: at most %u seconds "
		    "is less than block after %u", conf->cf_block_most,
		    conf->cf_block_after);
	TAILQ_FOREACH(co, &conf->cf_controls, co_entry)
		control_check(co);
	TAILQ_FOREACH(ce, &conf->cf_certificates, ce_entry)
		conf_check_certificate(ce);
	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry)
		conf_check_server(conf, sv);
}
