/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Descriptors of a session's two connections that stay with the parent.  It
 * never reads or writes there: it sees whether anything moves, and can end
 * either connection whatever the session does.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdint.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

void
hold_init(struct hold *ho)
{
	ho->ho_fd = -1;
	ho->ho_taken = ho->ho_given = 0;
}

/* Of a descriptor that a session is about to be given; -1 with errno. */
int
hold_take(struct hold *ho, int fd)
{
	if ((ho->ho_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return (-1);
	env->sd_fds++;
	(void)hold_moved(ho);
	return (0);
}

/* Has anything moved since this was asked last? */
int
hold_moved(struct hold *ho)
{
	uint64_t	 given, taken;

	if (ho->ho_fd == -1 || compat_moved(ho->ho_fd, &taken, &given) == -1)
		return (0);
	if (taken == ho->ho_taken && given == ho->ho_given)
		return (0);
	ho->ho_taken = taken;
	ho->ho_given = given;
	return (1);
}

/* The session has closed its own, or is to do what it likes with it. */
void
hold_release(struct hold *ho)
{
	if (ho->ho_fd == -1)
		return;
	(void)close(ho->ho_fd);
	ho->ho_fd = -1;
	env->sd_fds--;
}

/* The connection ends now, after what was written to it. */
void
hold_end(struct hold *ho)
{
	if (ho->ho_fd != -1)
		(void)shutdown(ho->ho_fd, SHUT_RDWR);
	hold_release(ho);
}
