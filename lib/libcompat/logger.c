/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * syslog(3) waits for a slow syslogd; this does not.  The line goes out as
 * one datagram to syslogd's socket, or by sendsyslog(2) where that is the way.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"

#ifdef __FreeBSD__
#define LOG_SOCKET	"/var/run/log"
#else
#define LOG_SOCKET	"/dev/log"
#endif

static int	 logger_write(int, const char *, size_t);

int
syslog_open(void)
{
#ifdef __OpenBSD__
	/* sendsyslog(2) needs none; the caller still gets one to close. */
	return (open("/dev/null", O_WRONLY | O_CLOEXEC));
#else
	return (syslog_open_path(LOG_SOCKET));
#endif
}

int
syslog_open_path(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd, saved;

	if (sockfile_address(&sun, path) == -1)
		return (-1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

static int
logger_write(int fd, const char *data, size_t len)
{
#ifdef __OpenBSD__
	struct sockaddr_storage	 ss;
	socklen_t		 sslen = sizeof(ss);

	/* A socket is one of syslog_open_path()'s. */
	if (getsockname(fd, (struct sockaddr *)&ss, &sslen) == -1)
		return (sendsyslog(data, len, 0));
#endif
	return (send(fd, data, len, MSG_NOSIGNAL) == -1 ? -1 : 0);
}

int
syslog_send(int fd, int priority, const char *tag, const char *line)
{
	char		 data[SYSLOG_LINE], when[32];
	struct tm	 tm;
	time_t		 now;
	int		 len;

	now = time(NULL);
	if (localtime_r(&now, &tm) == NULL ||
	    strftime(when, sizeof(when), "%b %e %H:%M:%S ", &tm) == 0)
		when[0] = '\0';
#ifdef __OpenBSD__
	when[0] = '\0';		/* syslogd's own clock is used */
#endif
	len = snprintf(data, sizeof(data), "<%d>%s%s[%ld]: %s", priority,
	    when, tag, (long)getpid(), line);
	if (len < 0 || (size_t)len >= sizeof(data)) {
		errno = EMSGSIZE;
		return (-1);
	}
	if (logger_write(fd, data, (size_t)len) == 0)
		return (0);
	/* Full is full, whatever the system calls it. */
	if (errno == ENOBUFS || errno == EWOULDBLOCK)
		errno = EAGAIN;
	return (-1);
}
