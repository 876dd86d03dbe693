/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Counters for securetcpctl(8): connections, bytes and errors of each block
 * since the start.  Errors are kept by number and reason, and because a peer
 * has a say in some reasons, only TALLY_REASONS of them in each block.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdlib.h>
#include <string.h>

#include "securetcpd.h"

#define TALLY_OTHERS	"other reasons"
#define TALLY_BLOCKED	"penalised for "
#define TALLY_SLOT	(60000 / TALLY_SLOTS)	/* milliseconds */

void
tally_init(struct service *se)
{
	TAILQ_INIT(&se->se_tally.ta_counts);
}

void
tally_free(struct service *se)
{
	struct count	*ct;

	while ((ct = TAILQ_FIRST(&se->se_tally.ta_counts)) != NULL) {
		TAILQ_REMOVE(&se->se_tally.ta_counts, ct, ct_entry);
		free(ct);
	}
}

/* The last minute is that of the slots which are not older. */
static void
count_age(struct count *ct)
{
	int64_t	 slot = clock_now() / TALLY_SLOT;

	if (slot - ct->ct_slot > TALLY_SLOTS)
		ct->ct_slot = slot - TALLY_SLOTS;
	while (ct->ct_slot < slot)
		ct->ct_recent[++ct->ct_slot % TALLY_SLOTS] = 0;
}

unsigned int
count_minute(struct count *ct)
{
	unsigned int	 i, n = 0;

	count_age(ct);
	for (i = 0; i < TALLY_SLOTS; i++)
		n += ct->ct_recent[i];
	return (n);
}

static struct count *
count_new(struct tally *ta, int number, const char *reason)
{
	struct count	*ct;

	if ((ct = calloc(1, sizeof(*ct))) == NULL)
		return (NULL);
	ct->ct_number = number;
	(void)strlcpy(ct->ct_reason, reason, sizeof(ct->ct_reason));
	ct->ct_slot = clock_now() / TALLY_SLOT;
	TAILQ_INSERT_TAIL(&ta->ta_counts, ct, ct_entry);
	ta->ta_reasons++;
	return (ct);
}

static struct count *
count_find(struct tally *ta, int number, const char *reason)
{
	struct count	*ct;

	TAILQ_FOREACH(ct, &ta->ta_counts, ct_entry)
		if (ct->ct_number == number && strncmp(ct->ct_reason, reason,
		    sizeof(ct->ct_reason) - 1) == 0)
			return (ct);
	if (ta->ta_reasons < TALLY_REASONS)
		return (count_new(ta, number, reason));
	if (strcmp(reason, TALLY_OTHERS) != 0)
		return (count_find(ta, number, TALLY_OTHERS));
	/* An entry for each number, bounded only by the table of errors. */
	return (count_new(ta, number, reason));
}

void
tally_error(struct service *se, int number, const char *reason,
    unsigned int n)
{
	struct count	*ct;

	se->se_tally.ta_errors += n;
	if (reason == NULL)
		reason = "";
	/* However long: else each second would be a reason of its own. */
	if (strncmp(reason, TALLY_BLOCKED, sizeof(TALLY_BLOCKED) - 1) == 0)
		reason = "penalised";
	if ((ct = count_find(&se->se_tally, number, reason)) == NULL)
		return;
	count_age(ct);
	ct->ct_total += n;
	ct->ct_recent[ct->ct_slot % TALLY_SLOTS] += n;
}

/* Connections that no session has had. */
void
tally_refused(struct service *se, int number, const char *reason,
    unsigned int n)
{
	se->se_tally.ta_refused += n;
	tally_error(se, number, reason, n);
}

/* A connection of before a reload is shown with the backends of after it. */
static struct backend *
tally_backend(const struct session *s)
{
	struct server	*now = s->s_service->se_conf;

	if (s->s_target == NULL || s->s_conf == now)
		return (s->s_target);
	return (service_backend(now, s->s_target->ba_name));
}

static void
tally_connected(struct session *s)
{
	s->s_service->se_tally.ta_connected++;
	if ((s->s_counted = tally_backend(s)) == NULL)
		return;
	s->s_counted->ba_live++;
	s->s_counted->ba_total++;
}

static void
tally_closed(struct session *s)
{
	struct tally	*ta = &s->s_service->se_tally;

	free(s->s_told);
	s->s_told = NULL;
	if (s->s_counted != NULL)
		s->s_counted->ba_live--;
	s->s_counted = NULL;
	ta->ta_closed++;
	ta->ta_in += s->s_in;
	ta->ta_out += s->s_out;
}

/* Pairs of the log about a connection, kept for as long as it is shown. */
void
tally_told(struct session *s, const char *facts)
{
	s->s_told = strdup(facts);
}

void
tally_state(struct session *s, enum securetcp_state state)
{
	switch (state) {
	case SECURETCP_CONNECTING:
		s->s_service->se_tally.ta_accepted++;
		break;
	case SECURETCP_CONNECTED:
		tally_connected(s);
		break;
	case SECURETCP_CLOSED:
		tally_closed(s);
		break;
	default:
		break;
	}
}
