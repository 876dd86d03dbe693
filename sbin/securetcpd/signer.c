/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "securetcpd.h"

#define SIGNER_NOFILE	16
#define SIGNER_UNFIT	"unusable key"

static void	 signer_exec(struct signer *);
static void	 signer_message(struct child *, struct imsg *);
static void	 signer_gone(struct helper *, const char *);

static int
signer_load(struct helper *h)
{
	struct certificate	*ce;
	struct wire_key		 wk;
	int			 fd;

	if (helper_begin(h, env->sd_signer_uid, env->sd_signer_gid,
	    SIGNER_NOFILE) == -1)
		return (-1);
	TAILQ_FOREACH(ce, &env->sd_conf->cf_certificates, ce_entry) {
		memset(&wk, 0, sizeof(wk));
		wk.wk_index = ce->ce_index;
		if ((fd = child_file(ce->ce_keyfd)) == -1 ||
		    child_send(&h->h_child, WIRE_KEY, fd, &wk,
		    sizeof(wk)) == -1)
			return (-1);
	}
	return (child_send(&h->h_child, WIRE_KEYS_END, -1, NULL, 0));
}

static void
signer_retry(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	signer_exec(arg);
}

static void
signer_exec(struct signer *sg)
{
	char	 title[16];

	(void)snprintf(title, sizeof(title), "%u", sg->sg_number);
	sg->sg_ready = 0;
	sg->sg_keys = 0;
	sg->sg_waiting = 0;
	sg->sg_used = 0;
	sg->sg_helper = helper_exec("securetcp-signer", "signer", title,
	    WIRE_SIGNER, sg);
	if (sg->sg_helper == NULL) {
		if (!env->sd_started) {
			daemon_fail("signer %u (securetcp-signer in %s): %s",
			    sg->sg_number, env->sd_libexec, strerror(errno));
			return;
		}
		log_warning("signer %u cannot be started: %s", sg->sg_number,
		    strerror(errno));
		sg->sg_failures++;
		helper_later(&sg->sg_timer, sg->sg_failures);
		return;
	}
	sg->sg_helper->h_gone = signer_gone;
	sg->sg_helper->h_child.c_message = signer_message;
	if (signer_load(sg->sg_helper) == -1)
		helper_abandon(sg->sg_helper);
}

void
signers_start(unsigned int n)
{
	struct signer	*sg;
	unsigned int	 i;

	for (i = 1; i <= n; i++) {
		if ((sg = calloc(1, sizeof(*sg))) == NULL) {
			daemon_fail("signer %u: %s", i, strerror(errno));
			return;
		}
		sg->sg_number = i;
		evtimer_set(&sg->sg_timer, signer_retry, sg);
		TAILQ_INSERT_TAIL(&env->sd_signers, sg, sg_entry);
		signer_exec(sg);
	}
}

void
signers_stop(void)
{
	struct signer	*sg;

	while ((sg = TAILQ_FIRST(&env->sd_signers)) != NULL) {
		TAILQ_REMOVE(&env->sd_signers, sg, sg_entry);
		(void)evtimer_del(&sg->sg_timer);
		if (sg->sg_helper != NULL)
			helper_close(sg->sg_helper);
		free(sg);
	}
}

/* One whose pipe has ended is not dead yet, and of no use any more. */
static int
signer_usable(const struct signer *sg)
{
	return (sg->sg_ready && sg->sg_helper->h_child.c_fd != -1);
}

int
signers_ready(void)
{
	struct signer	*sg;

	TAILQ_FOREACH(sg, &env->sd_signers, sg_entry)
		if (signer_usable(sg))
			return (1);
	return (0);
}

int
signers_all_ready(void)
{
	struct signer	*sg;

	TAILQ_FOREACH(sg, &env->sd_signers, sg_entry)
		if (!sg->sg_ready)
			return (0);
	return (1);
}

static struct certificate *
certificate_by_index(uint32_t idx)
{
	struct certificate	*ce;

	TAILQ_FOREACH(ce, &env->sd_conf->cf_certificates, ce_entry)
		if (ce->ce_index == idx)
			return (ce);
	return (NULL);
}

/*
 * A key is of no use, or not the chain's: before the start it is said as the
 * grammar says it.  All signers will find it: the first to do so says it.
 */
static void
key_bad(struct signer *sg, struct certificate *ce, const char *reason)
{
	(void)strlcpy(sg->sg_helper->h_fatal, SIGNER_UNFIT,
	    sizeof(sg->sg_helper->h_fatal));
	if (ce->ce_unfit)
		return;
	ce->ce_unfit = 1;
	if (env->sd_started) {
		log_warning("certificate \"%s\": key \"%s\" was good when it "
		    "was checked and now %s: no signer can be started; those "
		    "that run go on with what they have; a reload or restart "
		    "is due", ce->ce_name, ce->ce_key, reason);
		return;
	}
	conf_error(&ce->ce_key_at, "certificate \"%s\": key \"%s\": %s",
	    ce->ce_name, ce->ce_key, reason);
	env->sd_errors++;
}

/* A signer has them all. */
static void
keys_good(void)
{
	struct certificate	*ce;

	TAILQ_FOREACH(ce, &env->sd_conf->cf_certificates, ce_entry) {
		if (ce->ce_unfit)
			log_warning("certificate \"%s\": key \"%s\" is good "
			    "again", ce->ce_name, ce->ce_key);
		ce->ce_unfit = 0;
	}
}

static unsigned int
certificate_count(void)
{
	struct certificate	*ce;
	unsigned int		 n = 0;

	TAILQ_FOREACH(ce, &env->sd_conf->cf_certificates, ce_entry)
		n++;
	return (n);
}

/* The certificate it speaks of: each is asked about once. */
static struct certificate *
signer_certificate(struct signer *sg, uint32_t idx)
{
	if (++sg->sg_keys > certificate_count())
		return (NULL);
	return (certificate_by_index(idx));
}

static void
signer_keyinfo(struct signer *sg, struct imsg *imsg)
{
	struct certificate	*ce;
	struct wire_keyinfo	 wi;

	if (wire_parse(imsg, &wi, sizeof(wi)) == -1 ||
	    (ce = signer_certificate(sg, wi.wi_index)) == NULL) {
		sg->sg_helper->h_child.c_gone(&sg->sg_helper->h_child,
		    "violation: malformed KEYINFO");
		return;
	}
	if (wi.wi_type != ce->ce_type ||
	    timingsafe_bcmp(wi.wi_id, ce->ce_id, WIRE_KEYID) != 0)
		key_bad(sg, ce, "is not the key of the chain's first "
		    "certificate");
}

static void
signer_keybad(struct signer *sg, struct imsg *imsg)
{
	struct certificate	*ce;
	struct wire_keybad	 wb;

	if (wire_parse(imsg, &wb, sizeof(wb)) == -1 ||
	    (ce = signer_certificate(sg, wb.wb_index)) == NULL) {
		sg->sg_helper->h_child.c_gone(&sg->sg_helper->h_child,
		    "violation: malformed KEYBAD");
		return;
	}
	key_bad(sg, ce, wb.wb_reason);
}

static void
signer_set_ready(struct signer *sg, struct imsg *imsg)
{
	struct helper		*h = sg->sg_helper;
	struct wire_ready	 wr;

	if (wire_parse(imsg, &wr, sizeof(wr)) == -1 ||
	    sg->sg_keys != certificate_count()) {
		h->h_child.c_gone(&h->h_child, "violation: malformed READY");
		return;
	}
	/* With a key it cannot use it must not serve. */
	if (h->h_fatal[0] != '\0') {
		h->h_child.c_gone(&h->h_child, SIGNER_UNFIT);
		return;
	}
	helper_ready(h, wr.wr_sandbox);
	sg->sg_ready = 1;
	keys_good();
	started_check();
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
		helper_answered(sg->sg_helper);
		return (0);
	}
	return (-1);
}

static void
signer_answer(struct signer *sg, uint64_t id, const uint8_t *data, size_t len,
    const char *reason)
{
	struct session	*s;

	if (signer_forget(sg, id) == -1) {
		sg->sg_helper->h_child.c_gone(&sg->sg_helper->h_child,
		    "violation: an answer to what it was not asked");
		return;
	}
	s = session_find(id);
	if (s != NULL && s->s_signer == sg) {
		s->s_signer = NULL;
		if (reason == NULL)
			conn_signed(s, data, len);
		else
			conn_fail(s, ptError, reason);
	}
	signers_serve();
}

static void
signer_message(struct child *c, struct imsg *imsg)
{
	struct helper		*h = c->c_owner;
	struct signer		*sg = h->h_owner;
	struct wire_signed	 wn;
	struct wire_unsigned	 wu;
	char			 text[WIRE_REASON + 32];

	if (sg == NULL)
		return;
	switch (imsg_get_type(imsg)) {
	case WIRE_KEYINFO:
		signer_keyinfo(sg, imsg);
		return;
	case WIRE_KEYBAD:
		signer_keybad(sg, imsg);
		return;
	case WIRE_READY:
		signer_set_ready(sg, imsg);
		return;
	case WIRE_SIGNED:
		if (wire_parse(imsg, &wn, sizeof(wn)) == -1)
			break;
		signer_answer(sg, wn.wn_request, wn.wn_data, wn.wn_len, NULL);
		return;
	case WIRE_UNSIGNED:
		if (wire_parse(imsg, &wu, sizeof(wu)) == -1)
			break;
		(void)snprintf(text, sizeof(text), "the signer refused: %s",
		    wu.wu_reason);
		signer_answer(sg, wu.wu_request, NULL, 0, text);
		return;
	case WIRE_FATAL:
		helper_explain(h, imsg);
		return;
	}
	c->c_gone(c, "violation: malformed message");
}

/*
 * What is wrong with a key file was said, and is not at each try: somebody
 * may put it right.
 */
static void
signer_terminated(struct signer *sg, const char *reason, int unfit)
{
	if (!unfit)
		log_warning("%s; it is replaced", reason);
	else if (!sg->sg_unfit)
		log_warning("%s; it is tried again, at last every %d seconds"
		    "%s", reason, HELPER_BACKOFF, signers_ready() ? "" :
		    "; no signer is left and no connection accepted");
	else
		log_debug("%s, again", reason);
	sg->sg_unfit = unfit;
}

static void
signer_gone(struct helper *h, const char *why)
{
	struct signer	*sg = h->h_owner;
	char		 reason[WIRE_REASON];

	sg->sg_helper = NULL;
	sg->sg_ready = 0;
	(void)snprintf(reason, sizeof(reason), "signer %u terminated: %s",
	    sg->sg_number, why);
	sessions_signer_lost(sg, reason);
	if (!env->sd_started) {
		daemon_fail("%s", reason);
		return;
	}
	signer_terminated(sg, reason, strcmp(why, SIGNER_UNFIT) == 0);
	if (!sg->sg_used)
		sg->sg_failures++;
	helper_later(&sg->sg_timer, sg->sg_failures);
}

/* The least busy one that is ready and has not enough to do. */
static struct signer *
signer_choose(void)
{
	struct signer	*sg, *best = NULL;

	TAILQ_FOREACH(sg, &env->sd_signers, sg_entry)
		if (signer_usable(sg) && sg->sg_waiting < SIGNER_ASKED &&
		    (best == NULL || sg->sg_waiting < best->sg_waiting))
			best = sg;
	return (best);
}

static void
signer_ask(struct signer *sg, struct session *s, const struct wire_sign *wg)
{
	if (child_send(&sg->sg_helper->h_child, WIRE_SIGN, -1, wg,
	    sizeof(*wg)) == -1) {
		conn_fail(s, ptError, "no signer is ready");
		return;
	}
	s->s_signer = sg;
	sg->sg_asked[sg->sg_waiting++] = s->s_id;
	sg->sg_used = 1;
	sg->sg_failures = 0;
	helper_asked(sg->sg_helper);
	/* Taken round robin among equals. */
	TAILQ_REMOVE(&env->sd_signers, sg, sg_entry);
	TAILQ_INSERT_TAIL(&env->sd_signers, sg, sg_entry);
}

/* What waits goes to those that have room. */
void
signers_serve(void)
{
	struct wire_sign	 wg;
	struct signer		*sg;
	struct session		*s;

	while ((sg = signer_choose()) != NULL &&
	    (s = request_next(&wg)) != NULL)
		signer_ask(sg, s, &wg);
}
