/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Requests for signatures.  They wait here until a signer has room, those of
 * each source in a queue of its own, and the sources take turns: however
 * many one of them has, the others wait for one of it.  A session that ends
 * takes its request along.
 */

#include <sys/types.h>

#include <event.h>
#include <imsg.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "securetcpd.h"

struct request {
	TAILQ_ENTRY(request)	 rq_entry;
	struct session		*rq_session;
	struct wire_sign	 rq_sign;
};

/* Those with requests: the first one is served next. */
static TAILQ_HEAD(, source)	 turns = TAILQ_HEAD_INITIALIZER(turns);

int
request_add(struct session *s, const struct certificate *ce,
    const struct wire_asksign *wq)
{
	struct source		*so = s->s_source;
	struct request		*rq;
	struct wire_sign	*wg;

	if ((rq = calloc(1, sizeof(*rq))) == NULL)
		return (-1);
	wg = &rq->rq_sign;
	wg->wg_request = s->s_id;
	wg->wg_index = ce->ce_index;
	wg->wg_type = wq->wq_type;
	/* PKCS#1 v1.5 exists in TLS 1.2 only: where the block allows that. */
	if (s->s_service->se_conf->sv_protocols & TLS_PROTOCOL_TLSv1_2)
		wg->wg_flags = WIRE_SIGN_PKCS1;
	wg->wg_len = wq->wq_len;
	memcpy(wg->wg_data, wq->wq_data, wq->wq_len);
	rq->rq_session = s;
	s->s_request = rq;
	if (TAILQ_EMPTY(&so->so_requests))
		TAILQ_INSERT_TAIL(&turns, so, so_turn);
	TAILQ_INSERT_TAIL(&so->so_requests, rq, rq_entry);
	return (0);
}

/* For one that does not wait, too. */
void
request_drop(struct session *s)
{
	struct source	*so = s->s_source;

	if (s->s_request == NULL)
		return;
	TAILQ_REMOVE(&so->so_requests, s->s_request, rq_entry);
	if (TAILQ_EMPTY(&so->so_requests))
		TAILQ_REMOVE(&turns, so, so_turn);
	free(s->s_request);
	s->s_request = NULL;
}

/* Whose turn it is, with what is to be signed; NULL when nobody waits. */
struct session *
request_next(struct wire_sign *wg)
{
	struct session	*s;
	struct source	*so;
	struct request	*rq;

	if ((so = TAILQ_FIRST(&turns)) == NULL)
		return (NULL);
	rq = TAILQ_FIRST(&so->so_requests);
	s = rq->rq_session;
	*wg = rq->rq_sign;
	request_drop(s);
	if (!TAILQ_EMPTY(&so->so_requests)) {
		TAILQ_REMOVE(&turns, so, so_turn);
		TAILQ_INSERT_TAIL(&turns, so, so_turn);
	}
	return (s);
}
