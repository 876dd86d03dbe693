/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The part of FreeBSD's header that rights(4) and the daemon make use of. */

#ifndef CONFINE_SYS_CAPSICUM_H
#define CONFINE_SYS_CAPSICUM_H

#include <stddef.h>
#include <stdint.h>

#define CAP_READ		(1ULL << 0)
#define CAP_WRITE		(1ULL << 1)
#define CAP_SEEK		(1ULL << 2)
#define CAP_FSTAT		(1ULL << 3)
#define CAP_FCNTL		(1ULL << 4)
#define CAP_IOCTL		(1ULL << 5)
#define CAP_EVENT		(1ULL << 6)
#define CAP_ACCEPT		(1ULL << 7)
#define CAP_BIND		(1ULL << 8)
#define CAP_CONNECT		(1ULL << 9)
#define CAP_LISTEN		(1ULL << 10)
#define CAP_SHUTDOWN		(1ULL << 11)
#define CAP_GETPEERNAME		(1ULL << 12)
#define CAP_GETSOCKNAME		(1ULL << 13)
#define CAP_GETSOCKOPT		(1ULL << 14)
#define CAP_SETSOCKOPT		(1ULL << 15)
#define CAP_FTRUNCATE		(1ULL << 16)
#define CAP_FSYNC		(1ULL << 17)
#define CAP_FLOCK		(1ULL << 18)
#define CAP_FCHMOD		(1ULL << 19)
#define CAP_FCHOWN		(1ULL << 20)
#define CAP_FCHDIR		(1ULL << 21)
#define CAP_LOOKUP		(1ULL << 22)
#define CAP_MMAP		(1ULL << 23)
#define CAP_PDKILL		(1ULL << 24)
#define CAP_PDWAIT		(1ULL << 25)
#define CAP_KQUEUE_CHANGE	(1ULL << 26)
#define CAP_KQUEUE_EVENT	(1ULL << 27)
#define CAP_KQUEUE		(CAP_KQUEUE_CHANGE | CAP_KQUEUE_EVENT)
#define CAP_PREAD		(CAP_READ | CAP_SEEK)
#define CAP_PWRITE		(CAP_WRITE | CAP_SEEK)
#define CAP_RECV		CAP_READ
#define CAP_SEND		CAP_WRITE

#define CAP_FCNTL_GETFL		(1U << 3)
#define CAP_FCNTL_SETFL		(1U << 4)
#define CAP_FCNTL_GETOWN	(1U << 5)
#define CAP_FCNTL_SETOWN	(1U << 6)

typedef struct {
	uint64_t	 cr_bits;
} cap_rights_t;
typedef unsigned long	 cap_ioctl_t;

cap_rights_t	*confine_rights(cap_rights_t *, ...);
#define cap_rights_init(...)	confine_rights(__VA_ARGS__, 0ULL)

int	 cap_enter(void);
int	 cap_getmode(unsigned int *);
int	 cap_rights_limit(int, const cap_rights_t *);
int	 cap_fcntls_limit(int, uint32_t);
int	 cap_ioctls_limit(int, const cap_ioctl_t *, size_t);

#endif /* CONFINE_SYS_CAPSICUM_H */
