/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The authenticate block: whom of those with a valid certificate, or without
 * one, a server serves.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "match.h"
#include "securetcpd.h"

static int	 rule_matches(const struct rule *,
		    const struct wire_established *);
static const char *rule_unfit(const struct rule *,
		    const struct wire_established *);
static const char *rules_unfit(const struct server *,
		    const struct wire_established *);

static int
rule_matches(const struct rule *ru, const struct wire_established *wh)
{
	if (ru->ru_subject == CONF_RULE_NONE)
		return (!wh->wh_peer);
	if (!wh->wh_peer)
		return (0);
	switch (ru->ru_subject) {
	case CONF_RULE_HASH:
		return (strcasecmp(ru->ru_pattern, wh->wh_hash) == 0);
	case CONF_RULE_SUBJECT:
		return (match_subject(ru->ru_pattern, wh->wh_subject));
	case CONF_RULE_ISSUER:
		return (match_subject(ru->ru_pattern, wh->wh_issuer));
	case CONF_RULE_SAN:
		return (match_san(ru->ru_pattern, wh->wh_san));
	case CONF_RULE_NONE:
		break;
	}
	return (0);
}

/* A name that cannot be compared must not slip past a deny rule. */
static const char *
rule_unfit(const struct rule *ru, const struct wire_established *wh)
{
	switch (ru->ru_subject) {
	case CONF_RULE_SUBJECT:
		if (wh->wh_peer & WIRE_PEER_LONG || (wh->wh_subject[0] !=
		    '\0' && !match_subject_ok(wh->wh_subject)))
			return ("denied: the certificate's subject cannot be "
			    "held against rules");
		break;
	case CONF_RULE_ISSUER:
		if (wh->wh_peer & WIRE_PEER_LONG || (wh->wh_issuer[0] !=
		    '\0' && !match_subject_ok(wh->wh_issuer)))
			return ("denied: the certificate's issuer cannot be "
			    "held against rules");
		break;
	case CONF_RULE_SAN:
		if (wh->wh_peer & WIRE_PEER_NAMES ||
		    !match_san_names_ok(wh->wh_san))
			return ("denied: the certificate has names that "
			    "cannot be held against rules");
		break;
	default:
		break;
	}
	return (NULL);
}

static const char *
rules_unfit(const struct server *sv, const struct wire_established *wh)
{
	const struct rule	*ru;
	const char		*why = NULL;

	if (!wh->wh_peer)
		return (NULL);
	TAILQ_FOREACH(ru, &sv->sv_rules, ru_entry)
		if (why == NULL)
			why = rule_unfit(ru, wh);
	return (why);
}

/* The first that matches decides; false with the reason. */
int
rules_allow(const struct server *sv, const struct wire_established *wh,
    struct verdict *vd)
{
	const struct rule	*ru;
	const char		*why;
	unsigned int		 n = 0;
	int			 allows = 0;

	memset(vd, 0, sizeof(*vd));
	if ((why = rules_unfit(sv, wh)) != NULL) {
		(void)strlcpy(vd->vd_reason, why, sizeof(vd->vd_reason));
		return (0);
	}
	TAILQ_FOREACH(ru, &sv->sv_rules, ru_entry) {
		n++;
		allows |= ru->ru_allow;
		if (!rule_matches(ru, wh))
			continue;
		vd->vd_rule = n;
		vd->vd_line = ru->ru_place.cp_line;
		if (ru->ru_allow)
			return (1);
		(void)snprintf(vd->vd_reason, sizeof(vd->vd_reason),
		    "denied by rule %u (line %d)", n, vd->vd_line);
		return (0);
	}
	if (!allows)
		return (1);
	(void)strlcpy(vd->vd_reason, wh->wh_peer ? "denied: no rule allows "
	    "this certificate" : "denied: no rule allows a client without a "
	    "certificate", sizeof(vd->vd_reason));
	return (0);
}
