/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Functions that one of the three systems lacks or has in its own way, so that
 * no other code asks where it runs.
 */

#ifndef COMPAT_H
#define COMPAT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* The default chroot; what is not in the system's hierarchy is made. */
#ifdef __linux__
#define COMPAT_CHROOT		"/run/securetcpd"
#else
#define COMPAT_CHROOT		"/var/empty"
#endif

/*
 * libbsd's closefrom() reads /proc, which neither a chroot nor a seccomp
 * filter leaves there.
 */
#ifdef __linux__
#define closefrom(fd)		compat_closefrom(fd)
void		 compat_closefrom(int);
int		 timingsafe_bcmp(const void *, const void *, size_t);
int		 getdtablecount(void);
#endif

#ifdef __FreeBSD__
void		 freezero(void *, size_t);
int		 getdtablecount(void);
#endif

/*
 * FreeBSD's poll(2) does not wake for the hang-up of a descriptor of which
 * no event is wanted, although it reports one that is there already.
 * compat_poll() is poll(2) that looks again every COMPAT_POLL_AGAIN
 * milliseconds; the number is -1 where the system wakes by itself.
 */
#ifdef __FreeBSD__
#define COMPAT_POLL_AGAIN	500
struct pollfd;
int		 compat_poll(struct pollfd *, unsigned int, int);
#else
#define COMPAT_POLL_AGAIN	(-1)
#define compat_poll(pfd, n, timeout)	poll(pfd, n, timeout)
#endif

/* self.c: milliseconds of the clock that never goes back. */
int64_t		 compat_now(void);
/* self.c: a date in words, into a buffer of COMPAT_DATE bytes, or more. */
#define COMPAT_DATE		64

const char	*compat_date(time_t, char *, size_t);

/* self.c: those that return an int return 0, or -1 with errno. */

/* Orphaned descendants become children of this process, where possible. */
int		 compat_reaper(void);
/*
 * procs.c: what descends from a child of ours that was not reaped, also when
 * it is dead.  The child calls compat_lead() before it forks, and this process
 * compat_reaper().  A pid that somebody has told is killed only if the kernel
 * says that it is such a descendant: else, and when it has ended, -1 with
 * ESRCH.  The last one kills them all, and the child.
 */
int		 compat_lead(void);
int		 compat_kill_descendant(pid_t, pid_t);
void		 compat_kill_descendants(pid_t);
/* No core dump, no debugger, also from a process of the same user. */
int		 compat_nodump(void);
/*
 * From here on nothing but what is open already, for a program that talks to
 * the daemon; on Linux nothing.  With a terminal whose modes it can change, if
 * that is asked for.  A helper enters a sandbox of its own.
 */
int		 compat_confine(int);
/*
 * Programs executed from here on have no memory that is writable and executable
 * at once, where the system does not see to that for all.
 */
void		 compat_nowx(void);
/*
 * Dies with its parent, where the system has such a thing: not on OpenBSD,
 * and not after pdfork(2) on FreeBSD, where the descriptor does it.
 */
int		 compat_follow(void);
/*
 * In a session of its own, as root: nobody is logged in there.  Where the
 * system keeps a name with a session it would be that of who has started us.
 */
void		 compat_nologin(void);
/*
 * Which knob an administrator turns for a RLIMIT_* or COMPAT_LIMIT_FILES, in
 * the words of the system it runs on; never NULL.
 */
#define COMPAT_LIMIT_FILES	(-1)

const char	*compat_limit_hint(int);
/* How many files the whole system can have open; ULLONG_MAX: no bound. */
unsigned long long
		 compat_files_max(void);
/* The number to which listen(2) cuts a greater backlog; INT_MAX if unknown. */
int		 compat_backlog_max(void);
#if defined(__linux__)
#define COMPAT_BACKLOG_HINT	"net.core.somaxconn in sysctl"
#elif defined(__FreeBSD__)
#define COMPAT_BACKLOG_HINT	"kern.ipc.soacceptqueue in sysctl"
#else
#define COMPAT_BACKLOG_HINT	"kern.somaxconn in sysctl"
#endif
/*
 * As setrlimit(2) to what getrlimit(2) said before.  Where the system has
 * cut the hard limit meanwhile an ordinary user gets what is left of it.
 */
struct rlimit;

int		 compat_restore_limit(int, const struct rlimit *);

/*
 * self.c: from here on this process, and what it forks, can map so many MB
 * more than it has now; -1 with errno, ERANGE when the limit is another one
 * than was set.
 */
int		 compat_bound_memory(unsigned int);

/*
 * self.c: when memory is short this process, and what it forks, is to go
 * first, last, or when it would have without a word of ours.  The first call
 * remembers how that was; -1 with errno, as root only where it cannot be.
 */
enum compat_shortage {
	COMPAT_SHORTAGE_FIRST,
	COMPAT_SHORTAGE_USUAL,
	COMPAT_SHORTAGE_LAST
};

int		 compat_shortage(enum compat_shortage);

/*
 * lookup.c: host names in a process that will be sandboxed.  lookup_init()
 * comes before the sandbox and before fork is forbidden, and readies what
 * lookup_name(), else like getaddrinfo(3) without a service, needs inside.
 * -1 with errno; ENOSYS: names can be looked up without a sandbox only.
 */
struct addrinfo;

int		 lookup_init(void);
int		 lookup_name(const char *, const struct addrinfo *,
		    struct addrinfo **);

/*
 * local.c: false, with the name of the file system's type, where opening or
 * removing the file, or connecting to it, could wait for another host or for
 * a process; whatever its path comes by counts, and what is on the file system
 * of the root directory does not.  The path is absolute; what is not there, or
 * cannot be looked at, is taken for local.  A descriptor of anything but a
 * regular file is local.
 */
#define COMPAT_FSTYPE		32

int		 compat_path_local(const char *, char *, size_t);
int		 compat_fd_local(int, char *, size_t);

/*
 * descriptors.c: two numbers that change when the other end of a TCP connection
 * has acknowledged bytes, and when bytes from it have arrived; as the kernel
 * counts them, whatever process reads and writes there.  -1 with errno where
 * the system does not tell.  Not after pledge(2) without "inet": a session asks
 * sandbox_taken().
 */
int		 compat_moved(int, uint64_t *, uint64_t *);
/*
 * The same as numbers of bytes, received and sent, where the system counts
 * them; else -1 with ENOTSUP.
 */
int		 compat_bytes(int, uint64_t *, uint64_t *);
/* Does the kernel hold bytes of TCP that the other end has not acknowledged? */
int		 compat_unsent(int);
/*
 * Probes of a connection on which nothing moves begin after so many seconds,
 * or, where the system knows one time for all, after that; 0: none.
 */
void		 compat_keepalive(int, unsigned int);

/*
 * cryptomem.c: from here on libcrypto clears all memory it frees.  To be
 * called before it has allocated any; -1 with errno when it is too late.
 */
int		 compat_crypto_wipe(void);

/*
 * file.c: writes the pid into the file, which its owner alone can read, as
 * whoever can open it can lock it, and returns a descriptor that holds a lock
 * on it; -1 with errno.  EEXIST: a running process has it, with that pid in
 * *running (0 when unreadable).  The lock is taken before the file is touched.
 */
int		 pidfile_take(const char *, pid_t *);
/* Removes the file, or empties it where the promises do not allow that. */
void		 pidfile_drop(int, const char *);

struct sockaddr_un;

/*
 * file.c: a descriptor that listens on this socket, which has that mode
 * and, unless it is -1, that group; -1 with errno.  The socket of a process
 * that is gone is replaced.  EADDRINUSE: somebody listens there; ENOTSOCK: the
 * file is no socket.
 */
int		 sockfile_take(const char *, mode_t, gid_t);
/* The address of a socket with that path; -1 with errno if it is too long. */
int		 sockfile_address(struct sockaddr_un *, const char *);
/* Removes the socket, or leaves it where the promises do not allow that. */
void		 sockfile_drop(int, const char *);

/*
 * file.c: reads on behind the bytes of a file that a buffer has already, up
 * to its size or the end of the file, and returns how many it has then; -1
 * with errno.  By position: an offset is shared with whoever else was given
 * the descriptor.
 */
ssize_t		 compat_fill(int, void *, size_t, size_t);
/*
 * file.c: a descriptor from which these bytes can be read, by position,
 * whatever becomes of the file they are from; -1 with errno.
 */
int		 compat_snapshot(const void *, size_t);

/*
 * logger.c: syslog that never waits.  syslog_open() returns a descriptor, or
 * -1 with errno (no syslogd: ENOENT, ECONNREFUSED).  syslog_send() returns 0,
 * or -1: EAGAIN when it would have to wait, EMSGSIZE for a line over
 * SYSLOG_LINE; after any other error close the descriptor and open again.
 * The priority includes the facility.
 */
#define SYSLOG_LINE		8192

int		 syslog_open(void);
int		 syslog_open_path(const char *);
int		 syslog_send(int, int, const char *, const char *);

#endif /* COMPAT_H */
