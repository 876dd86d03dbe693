/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What a configuration is given by the name of a file. */

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "object.h"
#include "securetcp.h"

#define FILE_MAX	(64 * 1024 * 1024)	/* bytes: a large CRL */

static int	 file_fetch(struct securetcp_config *, const char *,
		    const char *, int, void **, size_t *);
static int	 file_apply(struct securetcp_config *, const char *,
		    const char *, int (*)(struct securetcp_config *,
		    const void *, size_t));

int
file_read(struct securetcp_config *sc, const char *what, const char *path,
    void **buf, size_t *len)
{
	int	 error, fd;

	/* A FIFO without a writer is not waited for. */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1) {
		config_say(sc, "%s %s: %s", what, path, strerror(errno));
		return (ptFile);
	}
	error = file_fetch(sc, what, path, fd, buf, len);
	(void)close(fd);
	return (error);
}

static int
file_fetch(struct securetcp_config *sc, const char *what, const char *path,
    int fd, void **buf, size_t *len)
{
	struct stat	 st;
	uint8_t		*p;
	size_t		 have = 0, size;
	ssize_t		 n = 1;

	if (fstat(fd, &st) == -1) {
		config_say(sc, "%s %s: %s", what, path, strerror(errno));
		return (ptFile);
	}
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX) {
		config_say(sc, "%s %s: not a file of 1 to %d bytes", what,
		    path, FILE_MAX);
		return (ptFile);
	}
	size = (size_t)st.st_size;
	if ((p = malloc(size)) == NULL) {
		config_say(sc, "%s %s: out of memory", what, path);
		return (ptNoBufferSpace);
	}
	while (have < size && n > 0) {
		if ((n = read(fd, p + have, size - have)) > 0)
			have += (size_t)n;
	}
	if (n == -1) {
		config_say(sc, "%s %s: %s", what, path, strerror(errno));
		memory_wipe(p, size);
		return (ptFile);
	}
	*buf = p;
	*len = have;
	return (ptOk);
}

static int
file_apply(struct securetcp_config *sc, const char *what, const char *path,
    int (*set)(struct securetcp_config *, const void *, size_t))
{
	void	*buf;
	size_t	 len;
	int	 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (path == NULL) {
		config_say(sc, "%s: no file given", what);
		return (ptInvalidParam2);
	}
	if ((error = file_read(sc, what, path, &buf, &len)) != ptOk)
		return (error);
	error = set(sc, buf, len);
	memory_wipe(buf, len);
	return (error);
}

int
securetcp_config_set_ca_file(struct securetcp_config *sc, const char *path)
{
	return (file_apply(sc, "CA", path, securetcp_config_set_ca));
}

int
securetcp_config_set_crl_file(struct securetcp_config *sc, const char *path)
{
	return (file_apply(sc, "CRL", path, securetcp_config_set_crl));
}

int
securetcp_config_add_certificate_file(struct securetcp_config *sc,
    const char *certfile, const char *keyfile)
{
	void	*cert, *key = NULL;
	size_t	 certlen, keylen = 0;
	int	 error;

	if ((error = config_open(sc)) != ptOk)
		return (error);
	if (certfile == NULL) {
		config_say(sc, "certificate: no file given");
		return (ptInvalidParam2);
	}
	error = file_read(sc, "certificate", certfile, &cert, &certlen);
	if (error != ptOk)
		return (error);
	if (keyfile != NULL)
		error = file_read(sc, "key", keyfile, &key, &keylen);
	if (error == ptOk)
		error = securetcp_config_add_certificate(sc, cert, certlen,
		    key, keylen);
	memory_wipe(cert, certlen);
	memory_wipe(key, keylen);
	return (error);
}
