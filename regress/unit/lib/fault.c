/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

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

/* And for that which all others get. */
void		*__real_malloc(size_t);
void		*__real_calloc(size_t, size_t);
char		*__real_strdup(const char *);
int		 __real_tls_init(void);
struct tls_config *__real_tls_config_new(void);
struct tls	*__real_tls_client(void);
struct tls	*__real_tls_server(void);
int		 __real_tls_configure(struct tls *, struct tls_config *);
int		 __real_tls_accept_cbs(struct tls *, struct tls **,
		    tls_read_cb, tls_write_cb, void *);
int		 __real_tls_connect_cbs(struct tls *, tls_read_cb,
		    tls_write_cb, void *, const char *);

static int	 fault_fails(void);
static int	 fault_refuses(const char *);

const char		*fault_tls;

static unsigned int	 countdown;
static int		 happened;

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
	return (fault_fails() ? NULL : __real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (fault_fails() ? NULL : __real_calloc(n, size));
}

char *
__wrap_strdup(const char *text)
{
	return (fault_fails() ? NULL : __real_strdup(text));
}

int
__wrap_tls_init(void)
{
	return (fault_refuses("tls_init") ? -1 : __real_tls_init());
}

struct tls_config *
__wrap_tls_config_new(void)
{
	return (fault_refuses("tls_config_new") ? NULL : __real_tls_config_new());
}

struct tls *
__wrap_tls_client(void)
{
	return (fault_refuses("tls_client") ? NULL : __real_tls_client());
}

struct tls *
__wrap_tls_server(void)
{
	return (fault_refuses("tls_server") ? NULL : __real_tls_server());
}

int
__wrap_tls_configure(struct tls *tls, struct tls_config *settings)
{
	return (fault_refuses("tls_configure") ? -1 : __real_tls_configure(tls, settings));
}

int
__wrap_tls_accept_cbs(struct tls *tls, struct tls **one, tls_read_cb in,
    tls_write_cb out, void *arg)
{
	return (fault_refuses("tls_accept_cbs") ? -1 : __real_tls_accept_cbs(tls, one, in,
	    out, arg));
}

int
__wrap_tls_connect_cbs(struct tls *tls, tls_read_cb in, tls_write_cb out,
    void *arg, const char *name)
{
	return (fault_refuses("tls_connect_cbs") ? -1 : __real_tls_connect_cbs(tls, in, out,
	    arg, name));
}
