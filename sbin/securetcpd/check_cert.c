/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The files of one certificate block.  The key file stays open for the
 * signers to read, and not a byte of it is read here; of the others there
 * are copies, which a checker and the spawners read.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "conf.h"

#define CHAIN_SIZE	(1024 * 1024)
#define KEY_SIZE	(64 * 1024)
#define OCSP_SIZE	(16 * 1024)

static void	 key_open(struct certificate *, struct stat *);

/* A group that was named may read it, and nothing else. */
static int
key_shared(const struct certificate *ce, const struct stat *st)
{
	struct group	*gr;

	if (ce->ce_key_group == NULL ||
	    (st->st_mode & (S_IRWXG | S_IRWXO)) != S_IRGRP)
		return (0);
	if ((gr = getgrnam(ce->ce_key_group)) == NULL)
		conf_error(&ce->ce_key_at, "group \"%s\" does not exist",
		    ce->ce_key_group);
	else if (gr->gr_gid != st->st_gid)
		conf_error(&ce->ce_key_at, "key \"%s\" is readable by the "
		    "group with id %u, which is not \"%s\"", ce->ce_key,
		    (unsigned int)st->st_gid, ce->ce_key_group);
	return (1);
}

static void
key_open(struct certificate *ce, struct stat *st)
{
	const struct conf_place	*at = &ce->ce_key_at;
	unsigned int		 before = conf_errors();
	int			 fd;

	if ((fd = conf_check_open("key", ce->ce_key, KEY_SIZE, at, st)) == -1)
		return;
	if (st->st_uid != 0 && st->st_uid != getuid())
		conf_error(at, "key \"%s\" belongs to user id %u, neither "
		    "root nor who runs this", ce->ce_key,
		    (unsigned int)st->st_uid);
	else if (key_shared(ce, st))
		;	/* what is wrong with that was said */
	else if (st->st_mode & (S_IRGRP | S_IROTH))
		conf_error(at, "key \"%s\" is readable by group or others "
		    "(mode %04o)%s", ce->ce_key,
		    (unsigned int)(st->st_mode & 07777),
		    (st->st_mode & (S_IRWXG | S_IRWXO)) == S_IRGRP ? ": "
		    "only a \"group\" that is named after it may read it" :
		    "");
	else if (st->st_mode & (S_IRWXG | S_IRWXO))
		conf_error(at, "key \"%s\" is open to group or others (mode "
		    "%04o)", ce->ce_key,
		    (unsigned int)(st->st_mode & 07777));
	if (conf_errors() == before)
		ce->ce_keyfd = fd;
	else
		(void)close(fd);
}

static void
chain_open(struct certificate *ce, const struct stat *keyst)
{
	struct stat	 st;
	int		 fd;

	fd = conf_check_open("chain", ce->ce_chain, CHAIN_SIZE,
	    &ce->ce_chain_at, &st);
	if (fd == -1)
		return;
	if (keyst != NULL && st.st_dev == keyst->st_dev &&
	    st.st_ino == keyst->st_ino) {
		conf_error(&ce->ce_chain_at, "chain \"%s\" and key \"%s\" "
		    "are the same file", ce->ce_chain, ce->ce_key);
		(void)close(fd);
		return;
	}
	ce->ce_chainfd = conf_check_copy("chain", ce->ce_chain, fd,
	    CHAIN_SIZE, &ce->ce_chain_at);
}

void
conf_check_certificate(struct certificate *ce)
{
	struct stat	 st;
	int		 known;

	if (ce->ce_key != NULL)
		key_open(ce, &st);
	/* A key file that is refused must not be read as a chain either. */
	known = ce->ce_key != NULL && stat(ce->ce_key, &st) == 0;
	if (ce->ce_keyfd != -1)
		known = fstat(ce->ce_keyfd, &st) == 0;
	if (ce->ce_chain != NULL)
		chain_open(ce, known ? &st : NULL);
	if (ce->ce_ocsp.pa_path != NULL)
		conf_check_path("ocsp", &ce->ce_ocsp, OCSP_SIZE);
}
