/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Offences of peers.  Their weights are in the table of errors; this file
 * decides what the table cannot know: when, whose fault, and which timer.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdio.h>

#include "errors.h"
#include "penalty.h"
#include "securetcpd.h"

#define OFFENCE_VAIN	2		/* seconds, for a signature in vain */
#define OFFENCE_PENDING	1000		/* milliseconds of a handshake */
#define OFFENCE_SLOW	10000		/* milliseconds after we were slow */
#define OFFENCE_SILENT	8		/* connections, at the same time */

/*
 * Behind a proxy the address is what the proxy says, and anybody on this
 * machine can be one: that counts for this server only.
 */
unsigned int
offence_realm(const struct session *s)
{
	return (s->s_via[0] == '\0' ? 0 : s->s_service->se_number);
}

/* Once for a block: when it begins. */
static void
offence_told(const struct service *se, unsigned int realm,
    const struct sockaddr *sa, unsigned int weight, int number,
    const char *reason)
{
	char		 from[80], text[2 * WIRE_REASON];
	unsigned int	 seconds;

	seconds = penalty_add(realm, sa, weight, clock_now());
	penalty_blame(realm, sa, number);
	if (seconds == 0 || penalty_text(sa, from, sizeof(from)) == -1)
		return;
	(void)snprintf(text, sizeof(text), "penalised for %u seconds: %s%s%s",
	    seconds, number == ptError ? "session terminated" :
	    securetcp_error_name(number),
	    reason == NULL || *reason == '\0' ? "" : ": ",
	    reason == NULL ? "" : reason);
	log_penalty(se, from, text);
}

static void
offence_add(const struct session *s, unsigned int weight, int number,
    const char *reason)
{
	/*
	 * A proxy is trusted, also one of this machine that nobody named; and
	 * in a client block it is the target that TLS is spoken with.
	 */
	if (s->s_proxy || s->s_conf->sv_client)
		return;
	offence_told(s->s_service, offence_realm(s),
	    (const struct sockaddr *)&s->s_peer, weight, number, reason);
}

/*
 * Was the daemon itself slow while it had a connection since then, or shortly
 * before, when that waited to be accepted?
 */
static int
offence_slow(const struct service *se, int64_t since)
{
	int64_t	 late = clock_late();

	if (se->se_short > late)
		late = se->se_short;
	return (late != 0 && since < late + OFFENCE_SLOW);
}

/* Is its peer expected to speak? */
static int
offence_handshake(const struct session *s)
{
	return (s->s_phase == PHASE_HEADER || s->s_phase == PHASE_HANDSHAKE);
}

static int
offence_ours(const struct session *s)
{
	return (offence_slow(s->s_service, s->s_since));
}

/* A session has its signature: notes whether that took too long. */
void
offence_signed(struct session *s)
{
	s->s_signed = 1;
	s->s_kept = clock_now() - s->s_since >= OFFENCE_PENDING;
}

/* A handshake that was completed makes up for one that was not. */
void
offence_amends(const struct session *s)
{
	penalty_ease(offence_realm(s), (const struct sockaddr *)&s->s_peer,
	    securetcp_error_policy(ptProtocol)->penalty, clock_now());
}

/* Leaving in the middle of a handshake: 0 if the signature took too long. */
static unsigned int
offence_left(const struct session *s)
{
	if (!offence_handshake(s) || s->s_kept)
		return (0);
	if ((s->s_request != NULL || s->s_signer != NULL) &&
	    clock_now() - s->s_since >= OFFENCE_PENDING)
		return (0);
	return (s->s_signed || s->s_signer != NULL ? OFFENCE_VAIN :
	    securetcp_error_policy(ptConnectionAborted)->penalty);
}

/* In seconds; called before the session's end changes what is known of it. */
static unsigned int
offence_weight(const struct session *s, int number)
{
	const struct securetcp_policy	*po = securetcp_error_policy(number);

	switch (number) {
	case ptError:
		/* Ours, or a crash: that has a call of its own. */
		return (0);
	case ptTimeout:
		/* A peer that waits for our signature is not late. */
		if (!offence_handshake(s) || s->s_signer != NULL ||
		    s->s_request != NULL || offence_ours(s))
			return (0);
		break;
	case ptConnectionAborted:
		return (offence_ours(s) ? 0 : offence_left(s));
	case ptProtocol:
		/* Which certificate we show is not the peer's doing. */
		if (s->s_distrust)
			return (0);
		break;
	case ptAuthentication:
		if (session_state(s) != SECURETCP_CONNECTING)
			return (0);
		break;
	}
	return (po == NULL ? 0 : po->penalty);
}

void
offence_end(const struct session *s, int number, const char *reason)
{
	unsigned int	 weight;

	if ((weight = offence_weight(s, number)) > 0)
		offence_add(s, weight, number, reason);
}

/*
 * A session made room for another.  Making room is an offence of a source with
 * more than its share, if it had a signature, or has kept the place for longer
 * than a handshake needs: a source that keeps all places filled would never
 * meet the handshake timer.
 */
void
offence_evicted(const struct session *s, const char *reason)
{
	unsigned int	 weight;

	if (!offence_handshake(s) || !pending_greedy(&s->s_place) ||
	    offence_ours(s))
		return;
	if (s->s_signed || s->s_signer != NULL)
		weight = OFFENCE_VAIN;
	else if (s->s_request != NULL)
		weight = securetcp_error_policy(ptConnectionAborted)->penalty;
	else if (clock_now() - s->s_since >= OFFENCE_PENDING)
		weight = securetcp_error_policy(ptTimeout)->penalty;
	else
		return;
	offence_add(s, weight, ptOperationRefused, reason);
}

/* Silence: a few connections that are opened in advance do no harm. */
static void
offence_visitor(const struct visitor *v, int number, const char *reason)
{
	if (v->v_proxy || v->v_source->so_silent <= OFFENCE_SILENT ||
	    offence_slow(v->v_service, v->v_since))
		return;
	offence_told(v->v_service, 0, (const struct sockaddr *)&v->v_peer,
	    securetcp_error_policy(ptTimeout)->penalty, number, reason);
}

/* The handshake timer has ended it. */
void
offence_silent(const struct visitor *v)
{
	offence_visitor(v, ptTimeout, "too many connections on which nothing "
	    "was sent");
}

/* A silent visitor made room after it had kept its place for too long. */
void
offence_squatter(const struct visitor *v)
{
	if (v->v_phase == PHASE_SILENT && pending_greedy(&v->v_place) &&
	    clock_now() - v->v_since >= OFFENCE_PENDING)
		offence_visitor(v, ptOperationRefused, "connections on which "
		    "nothing was sent had to make room");
}

/* A session that crashed, or broke the rules, was attacked by its peer. */
void
offence_crash(const struct session *s, const char *text)
{
	offence_add(s, securetcp_error_policy(ptError)->penalty, ptError,
	    text);
}

void
offence_reason(unsigned int left, char *buf, size_t len)
{
	(void)snprintf(buf, len, "penalised for %u more second%s", left,
	    left == 1 ? "" : "s");
}

int
offence_blocked(unsigned int realm, const struct sockaddr *sa,
    unsigned int *left)
{
	return (penalty_blocked(realm, sa, clock_now(), left));
}
