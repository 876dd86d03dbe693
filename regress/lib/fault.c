/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "fault.h"

/* The linker's names for them. */
void		*__wrap_malloc(size_t);
void		*__wrap_calloc(size_t, size_t);
char		*__wrap_strdup(const char *);
int		 __wrap_tls_init(void);
struct tls_config *__wrap_tls_config_new(void);
struct tls	*__wrap_tls_client(void);
struct tls	*__wrap_tls_server(void);
int		 __wrap_tls_configure(struct tls *, struct tls_config *);
int		 __wrap_tls_accept_cbs(struct tls *, struct tls **,
		    tls_read_cb, tls_write_cb, void *);
int		 __wrap_tls_connect_cbs(struct tls *, tls_read_cb,
		    tls_write_cb, void *, const char *);

static int	 fault_fails(void);
static int	 fault_refuses(const char *);

const char		*fault_tls;

static unsigned int	 countdown;
static int		 happened;

/* That which all others get. */
#define REAL(function, type, args)					\
	static type	(*real) args;					\
									\
	if (real == NULL)						\
		*(void **)&real = dlsym(RTLD_DEFAULT, function)

void
fault_memory(unsigned int nth)
{
	countdown = nth;
	happened = 0;
}

int
fault_happened(void)
{
	return (happened);
}

static int
fault_fails(void)
{
	if (countdown == 0 || --countdown != 0)
		return (0);
	happened = 1;
	errno = ENOMEM;
	return (1);
}

static int
fault_refuses(const char *function)
{
	return (fault_tls != NULL && strcmp(fault_tls, function) == 0);
}

void *
__wrap_malloc(size_t size)
{
	REAL("malloc", void *, (size_t));

	return (fault_fails() ? NULL : real(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	REAL("calloc", void *, (size_t, size_t));

	return (fault_fails() ? NULL : real(n, size));
}

char *
__wrap_strdup(const char *text)
{
	REAL("strdup", char *, (const char *));

	return (fault_fails() ? NULL : real(text));
}

int
__wrap_tls_init(void)
{
	REAL("tls_init", int, (void));

	return (fault_refuses("tls_init") ? -1 : real());
}

struct tls_config *
__wrap_tls_config_new(void)
{
	REAL("tls_config_new", struct tls_config *, (void));

	return (fault_refuses("tls_config_new") ? NULL : real());
}

struct tls *
__wrap_tls_client(void)
{
	REAL("tls_client", struct tls *, (void));

	return (fault_refuses("tls_client") ? NULL : real());
}

struct tls *
__wrap_tls_server(void)
{
	REAL("tls_server", struct tls *, (void));

	return (fault_refuses("tls_server") ? NULL : real());
}

int
__wrap_tls_configure(struct tls *tls, struct tls_config *settings)
{
	REAL("tls_configure", int, (struct tls *, struct tls_config *));

	return (fault_refuses("tls_configure") ? -1 : real(tls, settings));
}

int
__wrap_tls_accept_cbs(struct tls *tls, struct tls **one, tls_read_cb in,
    tls_write_cb out, void *arg)
{
	REAL("tls_accept_cbs", int, (struct tls *, struct tls **,
	    tls_read_cb, tls_write_cb, void *));

	return (fault_refuses("tls_accept_cbs") ? -1 : real(tls, one, in,
	    out, arg));
}

int
__wrap_tls_connect_cbs(struct tls *tls, tls_read_cb in, tls_write_cb out,
    void *arg, const char *name)
{
	REAL("tls_connect_cbs", int, (struct tls *, tls_read_cb,
	    tls_write_cb, void *, const char *));

	return (fault_refuses("tls_connect_cbs") ? -1 : real(tls, in, out,
	    arg, name));
}
