/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * FreeBSD's capability mode has no network and no files: there a process of
 * libcasper(3), made before, looks names up.  Elsewhere the C library does.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <stddef.h>

#if defined(__FreeBSD__) && defined(__has_include)
#if __has_include(<casper/cap_dns.h>)
#define LOOKUP_CASPER
#endif
#endif

#ifdef LOOKUP_CASPER
#define WITH_CASPER
#include <sys/nv.h>

#include <libcasper.h>

#include <casper/cap_dns.h>
#endif

#include "compat.h"

#if defined(LOOKUP_CASPER)

static cap_channel_t	*lookup_channel;

int
lookup_init(void)
{
	static const char *const	 types[] = { "NAME2ADDR" };
	cap_channel_t			*casper;
	int				 saved_errno;

	if ((casper = cap_init()) == NULL)
		return (-1);
	lookup_channel = cap_service_open(casper, "system.dns");
	saved_errno = errno;
	cap_close(casper);
	errno = saved_errno;
	if (lookup_channel == NULL)
		return (-1);
	/* No limit on families: what that does to AF_UNSPEC is not said. */
	return (cap_dns_type_limit(lookup_channel, types, 1));
}

int
lookup_name(const char *host, const struct addrinfo *hints,
    struct addrinfo **result)
{
	if (lookup_channel == NULL)
		return (getaddrinfo(host, NULL, hints, result));
	return (cap_getaddrinfo(lookup_channel, host, NULL, hints, result));
}

#else

int
lookup_init(void)
{
#if defined(__FreeBSD__)
	/* A system that was built without libcasper. */
	errno = ENOSYS;
	return (-1);
#elif defined(__linux__)
	struct addrinfo	*result;

	/*
	 * Modules of nsswitch.conf(5) start here rather than inside, without
	 * a question to the network; whether it succeeds does not matter.
	 */
	if (getaddrinfo("localhost", NULL, NULL, &result) == 0)
		freeaddrinfo(result);
	return (0);
#else
	/* pledge(2) wants to see /etc/resolv.conf opened under the promise. */
	return (0);
#endif
}

int
lookup_name(const char *host, const struct addrinfo *hints,
    struct addrinfo **result)
{
	return (getaddrinfo(host, NULL, hints, result));
}

#endif
