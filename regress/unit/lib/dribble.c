/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stddef.h>

#include <openssl/bio.h>

#include "dribble.h"

/* The linker's names for them. */
ssize_t		 __wrap_recv(int, void *, size_t, int);
ssize_t		 __wrap_send(int, const void *, size_t, int);
ssize_t		 __real_recv(int, void *, size_t, int);
ssize_t		 __real_send(int, const void *, size_t, int);

static int	 dribble_fails(unsigned int *);
static size_t	 dribble_size(size_t);

size_t		 dribble_most;
int		 dribble_errno;
unsigned int	 dribble_full;
int		 dribble_vanished;
unsigned int	 dribble_short;
unsigned int	 dribble_failed;

static int
dribble_fails(unsigned int *calls)
{
	if (dribble_errno == 0 || (*calls)++ % 2 != 0)
		return (0);
	dribble_failed++;
	errno = dribble_errno;
	return (1);
}

static size_t
dribble_size(size_t wanted)
{
	if (dribble_most == 0 || wanted <= dribble_most)
		return (wanted);
	dribble_short++;
	return (dribble_most);
}

ssize_t
__wrap_recv(int fd, void *buf, size_t len, int flags)
{
	static unsigned int	 calls;

	if (dribble_fails(&calls))
		return (-1);
	return (__real_recv(fd, buf, dribble_size(len), flags));
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	static unsigned int	 calls;

	if (dribble_fails(&calls))
		return (-1);
	if (dribble_full != 0) {
		dribble_full--;
		errno = EAGAIN;
		return (-1);
	}
	if (dribble_vanished != 0) {
		/*
		 * LibreSSL leaves an error of the system where a callback
		 * has failed: any will do.
		 */
		(void)BIO_new_file("/nonexistent", "r");
		errno = dribble_vanished;
		return (-1);
	}
	return (__real_send(fd, buf, dribble_size(len), flags));
}
