/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The signers, whose keys are tried before they are of use, and the requests
 * for signatures that wait for them.
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "securetcpd.h"

#define SIGNER_NOFILE	16
#define SIGNER_UNFIT	"unusable key"

static int		 signer_load(struct proc *);
static const char	*signer_fit(struct proc *);
static void		 signer_ready(struct proc *);
static const char	*signer_message(struct proc *, struct imsg *);
static int		 signer_lost(struct proc *, const char *);

static const struct proc_kind signer_kind = {
	.pk_name = "signer",
	.pk_program = "securetcp-signer",
	.pk_role = WIRE_SIGNER,
	.pk_loading = SANDBOX_SIGNER_LOADING,
	.pk_running = SANDBOX_SIGNER,
	.pk_shortage = COMPAT_SHORTAGE_LAST,
	.pk_patience = SILENT_SECONDS,
	.pk_load = signer_load,
	.pk_fit = signer_fit,
	.pk_ready = signer_ready,
	.pk_message = signer_message,
	.pk_lost = signer_lost
};

static int
signer_load(struct proc *p)
{
	struct signer		*sg = p->p_owner;
	struct certificate	*ce;
	struct wire_key		 wk;

	sg->sg_keys = 0;
	sg->sg_waiting = 0;
	if (proc_begin(p, env->sd_signer_uid, env->sd_signer_gid,
	    SIGNER_NOFILE) == -1)
		return (-1);
	TAILQ_FOREACH(ce, &sg->sg_generation->gn_conf->cf_certificates,
	    ce_entry) {
		memset(&wk, 0, sizeof(wk));
		wk.wk_index = ce->ce_index;
		if (child_send_file(&p->p_child, WIRE_KEY, ce->ce_keyfd, &wk,
		    sizeof(wk)) == -1)
			return (-1);
	}
	return (child_send(&p->p_child, WIRE_KEYS_END, -1, NULL, 0));
}

void
signers_start(struct generation *gn, unsigned int n)
{
	struct signer	*sg;
	unsigned int	 i;
	char		 title[16];

	for (i = 1; i <= n; i++) {
		if ((sg = calloc(1, sizeof(*sg))) == NULL) {
			generation_failed(gn, "no memory for a signer");
			return;
		}
		sg->sg_generation = gn;
		(void)snprintf(title, sizeof(title), "%u", i);
		proc_post(&sg->sg_post, &signer_kind, sg, title, "signer %u",
		    i);
		sg->sg_post.po_generation = gn;
		TAILQ_INSERT_TAIL(&gn->gn_signers, sg, sg_entry);
		(void)proc_start(&sg->sg_post, sg);
	}
}

void
signers_stop(struct generation *gn)
{
	struct signer	*sg;

	while ((sg = TAILQ_FIRST(&gn->gn_signers)) != NULL) {
		TAILQ_REMOVE(&gn->gn_signers, sg, sg_entry);
		proc_stop(&sg->sg_post);
		free(sg);
	}
}

/* How many there are to serve. */
unsigned int
signers_ready(const struct generation *gn)
{
	struct signer	*sg;
	unsigned int	 n = 0;

	TAILQ_FOREACH(sg, &gn->gn_signers, sg_entry)
		if (proc_usable(sg->sg_post.po_proc))
			n++;
	return (n);
}

int
signers_all_ready(const struct generation *gn)
{
	struct signer	*sg;

	TAILQ_FOREACH(sg, &gn->gn_signers, sg_entry)
		if (!proc_usable(sg->sg_post.po_proc))
			return (0);
	return (1);
}

/* Is there an answer to come? */
int
signers_busy(const struct generation *gn)
{
	struct signer	*sg;

	TAILQ_FOREACH(sg, &gn->gn_signers, sg_entry)
		if (sg->sg_waiting > 0)
			return (1);
	return (0);
}

static struct certificate *
certificate_by_index(const struct signer *sg, uint32_t idx)
{
	struct certificate	*ce;

	TAILQ_FOREACH(ce, &sg->sg_generation->gn_conf->cf_certificates,
	    ce_entry)
		if (ce->ce_index == idx)
			return (ce);
	return (NULL);
}

/*
 * A key is of no use, or not the chain's: before it is used that is said as
 * the grammar says it.  All signers will find it: the first to do so says it.
 */
static void
key_bad(struct proc *p, struct certificate *ce, const char *reason)
{
	const struct signer	*sg = p->p_owner;

	(void)strlcpy(p->p_fatal, SIGNER_UNFIT, sizeof(p->p_fatal));
	if (ce->ce_unfit)
		return;
	ce->ce_unfit = 1;
	if (!generation_tried(sg->sg_generation)) {
		log_warning("certificate \"%s\": key \"%s\" was good when it "
		    "was checked and now %s: no signer can be started; those "
		    "that run go on with what they have; a reload or restart "
		    "is due", ce->ce_name, ce->ce_key, reason);
		return;
	}
	conf_error(&ce->ce_key_at, "certificate \"%s\": key \"%s\": %s",
	    ce->ce_name, ce->ce_key, reason);
	if (!env->sd_started)
		env->sd_errors++;
}

/* A signer has them all. */
static void
keys_good(const struct signer *sg)
{
	struct certificate	*ce;

	TAILQ_FOREACH(ce, &sg->sg_generation->gn_conf->cf_certificates,
	    ce_entry) {
		if (ce->ce_unfit)
			log_warning("certificate \"%s\": key \"%s\" is good "
			    "again", ce->ce_name, ce->ce_key);
		ce->ce_unfit = 0;
	}
}

static unsigned int
certificate_count(const struct signer *sg)
{
	struct certificate	*ce;
	unsigned int		 n = 0;

	TAILQ_FOREACH(ce, &sg->sg_generation->gn_conf->cf_certificates,
	    ce_entry)
		n++;
	return (n);
}

/* The certificate it speaks of: each is asked about once. */
static struct certificate *
signer_certificate(struct proc *p, uint32_t idx)
{
	struct signer	*sg = p->p_owner;

	if (++sg->sg_keys > certificate_count(sg))
		return (NULL);
	return (certificate_by_index(sg, idx));
}

static const char *
signer_keyinfo(struct proc *p, struct imsg *imsg)
{
	struct certificate	*ce;
	struct wire_keyinfo	 wi;

	if (wire_parse(imsg, &wi, sizeof(wi)) == -1 ||
	    (ce = signer_certificate(p, wi.wi_index)) == NULL)
		return ("malformed KEYINFO");
	if (wi.wi_type != ce->ce_type ||
	    timingsafe_bcmp(wi.wi_id, ce->ce_id, WIRE_KEYID) != 0)
		key_bad(p, ce, "is not the key of the chain's first "
		    "certificate");
	return (NULL);
}

static const char *
signer_keybad(struct proc *p, struct imsg *imsg)
{
	struct certificate	*ce;
	struct wire_keybad	 wb;

	if (wire_parse(imsg, &wb, sizeof(wb)) == -1 ||
	    (ce = signer_certificate(p, wb.wb_index)) == NULL)
		return ("malformed KEYBAD");
	key_bad(p, ce, wb.wb_reason);
	return (NULL);
}

static const char *
signer_fit(struct proc *p)
{
	const struct signer	*sg = p->p_owner;

	return (sg->sg_keys == certificate_count(sg) ? NULL :
	    "malformed READY");
}

static void
signer_ready(struct proc *p)
{
	keys_good(p->p_owner);
	signers_serve();
}

/* The request's number is the session's: each has one signature in all. */
static int
signer_forget(struct signer *sg, uint64_t id)
{
	unsigned int	 i;

	for (i = 0; i < sg->sg_waiting; i++) {
		if (sg->sg_asked[i] != id)
			continue;
		sg->sg_asked[i] = sg->sg_asked[--sg->sg_waiting];
		proc_answered(sg->sg_post.po_proc);
		return (0);
	}
	return (-1);
}

static const char *
signer_answer(struct signer *sg, uint64_t id, const uint8_t *data, size_t len,
    const char *reason)
{
	struct session	*s;

	if (signer_forget(sg, id) == -1)
		return ("an answer to what it was not asked");
	s = session_find(id);
	if (s != NULL && s->s_signer == sg) {
		s->s_signer = NULL;
		if (reason == NULL)
			conn_signed(s, data, len);
		else
			conn_fail(s, ptError, reason);
	}
	signers_serve();
	return (NULL);
}

static const char *
signer_message(struct proc *p, struct imsg *imsg)
{
	struct signer		*sg = p->p_owner;
	struct wire_signed	 wn;
	struct wire_unsigned	 wu;
	char			 text[WIRE_REASON + 32];

	switch (imsg_get_type(imsg)) {
	case WIRE_KEYINFO:
		return (signer_keyinfo(p, imsg));
	case WIRE_KEYBAD:
		return (signer_keybad(p, imsg));
	case WIRE_SIGNED:
		if (wire_parse(imsg, &wn, sizeof(wn)) == -1)
			break;
		return (signer_answer(sg, wn.wn_request, wn.wn_data,
		    wn.wn_len, NULL));
	case WIRE_UNSIGNED:
		if (wire_parse(imsg, &wu, sizeof(wu)) == -1)
			break;
		(void)snprintf(text, sizeof(text), "the signer refused: %s",
		    wu.wu_reason);
		return (signer_answer(sg, wu.wu_request, NULL, 0, text));
	}
	return ("malformed message");
}

/*
 * A fault of a key file was logged once, and is not at each try: the
 * administrator may put it right.
 */
static void
signer_terminated(struct signer *sg, const char *reason, int unfit)
{
	if (!unfit)
		log_warning("%s; it is replaced", reason);
	else if (!sg->sg_unfit)
		log_warning("%s; it is tried again, at last every %d seconds"
		    "%s", reason, PROC_BACKOFF,
		    signers_ready(sg->sg_generation) ? "" :
		    "; no signer is left and no connection accepted");
	else
		log_debug("%s, again", reason);
	sg->sg_unfit = unfit;
}

static int
signer_lost(struct proc *p, const char *reason)
{
	struct signer	*sg = p->p_owner;

	sessions_signer_lost(sg, reason);
	if (!generation_tried(sg->sg_generation))
		signer_terminated(sg, reason,
		    strcmp(p->p_fatal, SIGNER_UNFIT) == 0);
	return (1);
}

/*
 * Requests for signatures.  Requests wait here until a signer has room, those
 * of each source in a queue of its own, and the sources take turns: however
 * many one of them has, the others wait for one of it.  A session that ends
 * takes its request along.
 */
struct request {
	TAILQ_ENTRY(request)	 rq_entry;
	struct session		*rq_session;
	struct wire_sign	 rq_sign;
};

/* Sources with requests: the first one is served next. */
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
	if (s->s_conf->sv_tls12)
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

/* The least busy one that is ready and has not enough to do. */
static struct signer *
signer_choose(const struct generation *gn)
{
	struct signer	*sg, *best = NULL;

	TAILQ_FOREACH(sg, &gn->gn_signers, sg_entry)
		if (proc_usable(sg->sg_post.po_proc) &&
		    sg->sg_waiting < SIGNER_ASKED && (best == NULL ||
		    sg->sg_waiting < best->sg_waiting))
			best = sg;
	return (best);
}

/*
 * Finds the next request for a signer that has room: its session, what is to be
 * signed and by whom; NULL if there is none.
 */
static struct session *
request_next(struct wire_sign *wg, struct signer **sg)
{
	struct session	*s;
	struct source	*so;
	struct request	*rq;

	TAILQ_FOREACH(so, &turns, so_turn) {
		rq = TAILQ_FIRST(&so->so_requests);
		s = rq->rq_session;
		if ((*sg = signer_choose(s->s_generation)) != NULL)
			break;
	}
	if (so == NULL)
		return (NULL);
	*wg = rq->rq_sign;
	request_drop(s);
	if (!TAILQ_EMPTY(&so->so_requests)) {
		TAILQ_REMOVE(&turns, so, so_turn);
		TAILQ_INSERT_TAIL(&turns, so, so_turn);
	}
	return (s);
}

static void
signer_ask(struct signer *sg, struct session *s, const struct wire_sign *wg)
{
	struct proc	*p = sg->sg_post.po_proc;

	if (child_send(&p->p_child, WIRE_SIGN, -1, wg, sizeof(*wg)) == -1) {
		conn_fail(s, ptError, "no signer is ready");
		return;
	}
	s->s_signer = sg;
	sg->sg_asked[sg->sg_waiting++] = s->s_id;
	proc_used(p);
	proc_asked(p);
	/* Taken round robin among equals. */
	TAILQ_REMOVE(&sg->sg_generation->gn_signers, sg, sg_entry);
	TAILQ_INSERT_TAIL(&sg->sg_generation->gn_signers, sg, sg_entry);
}

/* Sends waiting requests to signers that have room. */
void
signers_serve(void)
{
	struct wire_sign	 wg;
	struct signer		*sg;
	struct session		*s;

	while ((s = request_next(&wg, &sg)) != NULL)
		signer_ask(sg, s, &wg);
}
