/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The same of cap_dns(3). */

struct addrinfo;

int		 cap_getaddrinfo(cap_channel_t *, const char *, const char *,
		    const struct addrinfo *, struct addrinfo **);
int		 cap_dns_type_limit(cap_channel_t *, const char *const *,
		    size_t);
