/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The contents of a configuration, for the files that make it. */

#ifndef CONFIG_H
#define CONFIG_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "bundle.h"
#include "securetcp.h"

struct tls;
struct tls_config;

struct chain {
	TAILQ_ENTRY(chain)	 ch_entry;
	uint8_t			*ch_pem;
	size_t			 ch_len;
	uint8_t			*ch_key;	/* NULL: lives elsewhere */
	size_t			 ch_keylen;
	char			**ch_names;	/* of servers, it is for */
	size_t			 ch_nnames;
	int			 ch_common;	/* they are the common name */
	int			 ch_wildcard;	/* one of these has one */
	int			 ch_added;	/* to libtls' list */
	uint8_t			*ch_staple;	/* an OCSP response, or NULL */
	size_t			 ch_staplelen;
};
TAILQ_HEAD(chains, chain);

struct securetcp_config {
	unsigned int		 sc_refs;
	struct chains		 sc_chains;
	unsigned int		 sc_nchains;
	struct tls_config	*sc_settings;
	struct tls		*sc_tls;	/* once prepared */
	struct tls_config	*sc_client;	/* the same for clients */
	int			 sc_clientready;
	unsigned char		*sc_alpn;	/* as in the extension */
	unsigned int		 sc_alpnlen;
	int			 sc_alpnoptional;
	enum securetcp_authentication sc_auth;
	int			 sc_verifyname;
	STACK_OF(X509)		*sc_cas;
	int			 sc_system;	/* they are the system's */
	STACK_OF(X509_CRL)	*sc_crls;
	X509_STORE		*sc_store;	/* of these, once prepared */
	char			 sc_error[512];
};

/* chain.c */
struct chain	*stcp_chain_new(STACK_OF(X509) *, const void *, size_t);
void		 stcp_chain_free(struct chain *);
int		 stcp_chain_covers(const struct chain *, const char *);
/* True when it is for this host or address, -1 when out of memory. */
int		 stcp_chain_is_for(X509 *, const char *);
/* Would the first be shown for a name that only the second has exactly? */
int		 stcp_chain_shadows(const struct chain *, const struct chain *);
const char	*stcp_chain_response(const void *, size_t);

/* config.c */
void		 stcp_config_hold(struct securetcp_config *);
void		 stcp_config_say(struct securetcp_config *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
int		 stcp_config_open(struct securetcp_config *);
int		 stcp_config_read(struct securetcp_config *, const char *,
		    struct bundle *, enum bundle_kind, const void *, size_t);

/* trust.c */
int		 stcp_trust_store(struct securetcp_config *);

#endif /* CONFIG_H */
