/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef MATCH_LOCAL_H
#define MATCH_LOCAL_H

#include <sys/types.h>

#include <stddef.h>

/* match_value.c: what may hold a NUL; the pattern as match_value() has it. */
int		 match_run(const char *, size_t, const char *, size_t);
int		 match_run_ok(const char *, size_t);

/* match_dnsname.c */
int		 match_labels(const char *, size_t, const char *, size_t);
int		 match_labels_ok(const char *, size_t);

#endif /* MATCH_LOCAL_H */
