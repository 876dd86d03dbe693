/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The programs of libexec as they are shipped, started by a test. */

#ifndef SHIPPED_H
#define SHIPPED_H

#include <sys/types.h>

#include <atf-c.h>
#include <imsg.h>

const char	*shipped_path(const atf_tc_t *, const char *);
/*
 * Runs the program with its end of the pipe as descriptor 3, once the
 * function (or NULL) has been called in it, and says nothing to it yet.
 */
pid_t		 shipped_start(const atf_tc_t *, const char *,
		    struct imsgbuf *, int *, void (*)(void));
/* For shipped_start(): into "chroot", as the parent starts what it locks in. */
void		 shipped_chroot(void);
/*
 * That with this as descriptor 3 (-1: closed) and this argument (or NULL) it
 * says nothing but the words that follow its name, and exits with 1.
 */
void		 shipped_refuses(const atf_tc_t *, const char *, int,
		    const char *, const char *);

#endif /* SHIPPED_H */
