/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A checker at work, for the files that look into those of a configuration. */

#ifndef INSPECT_H
#define INSPECT_H

#include <sys/types.h>
#include <sys/queue.h>

#include <openssl/x509.h>

#include <stddef.h>
#include <time.h>

#include "bundle.h"
#include "wire.h"

struct chain;
struct imsgbuf;

/* A certificate whose chain was read: for SHOWN. */
struct inspected {
	TAILQ_ENTRY(inspected)	 id_entry;
	TAILQ_ENTRY(inspected)	 id_shown;	/* by the block at hand */
	char			 id_name[WIRE_NAME];
	struct chain		*id_chain;	/* its names are sorted */
	int			 id_not_servers;	/* by its purpose */
	int			 id_not_clients;
};
TAILQ_HEAD(inspecteds, inspected);

/* The question at hand, and what it needs of those before. */
struct inspection {
	struct imsgbuf		*in_pipe;
	struct wire_question	 in_asked;
	struct wire_checked	 in_answer;
	unsigned int		 in_findings;	/* said of this question */
	unsigned int		 in_unsaid;	/* and these are not ... */
	int			 in_unsaid_bad;	/* ... one is an error */
	struct inspecteds	 in_chains;
	struct inspecteds	 in_shown;
	X509			*in_leaf;	/* of the chain before */
	X509			*in_issuer;	/* NULL: not in it */
	struct bundle		 in_roots;	/* of the CA before */
	int			 in_rooted;
};

/*
 * inspect.c: a finding's text goes on where the parent has named the file, and
 * begins with a blank or a colon.  Line 0: about all of the file.
 */
__attribute__((__format__(printf, 3, 4)))
void		 inspect_error(struct inspection *, unsigned int,
		    const char *, ...);
__attribute__((__format__(printf, 3, 4)))
void		 inspect_warning(struct inspection *, unsigned int,
		    const char *, ...);
/* Parses a file; the bundle is to be freed in any case; -1: refused. */
int		 inspect_bundle(struct inspection *, struct bundle *,
		    enum bundle_kind, const void *, size_t);
/* -1: there is none, or it cannot be read. */
time_t		 inspect_time(const ASN1_TIME *);

/* authority.c */
void		 authority_ca(struct inspection *, const void *, size_t);
void		 authority_crl(struct inspection *, const void *, size_t);
void		 authority_staple(struct inspection *, const void *, size_t);

#endif /* INSPECT_H */
