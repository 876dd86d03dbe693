/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A checker, a process in a sandbox, reads the files that a configuration names
 * and tries its TLS settings.  The parent asks it one question after the other,
 * and prints its answers as it prints those of the grammar.
 */

#include <sys/types.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vis.h>

#include "compat.h"
#include "sandbox.h"
#include "securetcpd.h"

#define CHECKER_NOFILE	16
#define CHECKER_SECONDS	30	/* for one file: a large one takes a while */
#define CHECKER_MOST	128	/* findings about one: it says no more */
#define CHECKER_UNASKED	"an answer to what it was not asked"
#define UPDATE_SOON		(24 * 60 * 60)

struct question {
	TAILQ_ENTRY(question)	 qu_entry;
	struct wire_question	 qu_wire;
	int			 qu_fd;		/* of a file, or -1 */
	const struct conf_place	*qu_place;
	const char		*qu_what;	/* NULL: the answer says it */
	const char		*qu_name;
	struct certificate	*qu_certificate;	/* CHAIN */
	struct conf_path	*qu_path;		/* STAPLE, CRL */
	struct server		*qu_server;		/* PROTOCOL */
	unsigned int		 qu_findings;
	unsigned int		 qu_errors;
};

static TAILQ_HEAD(, question)	 questions = TAILQ_HEAD_INITIALIZER(questions);
static struct post		 checker;
static int			 checking;
static int			 unasked;	/* for lack of memory */
static void			 (*checker_done)(void);

static int		 checker_load(struct proc *);
static void		 checker_next(struct proc *);
static const char	*checker_message(struct proc *, struct imsg *);
static int		 checker_lost(struct proc *, const char *);

static const struct proc_kind checker_kind = {
	.pk_name = "checker",
	.pk_program = "securetcp-session",
	.pk_role = WIRE_CHECKER,
	.pk_loading = SANDBOX_CHECKER,
	.pk_running = SANDBOX_CHECKER,
	.pk_shortage = COMPAT_SHORTAGE_USUAL,
	.pk_flags = WIRE_START_CHECK,
	.pk_patience = CHECKER_SECONDS,
	.pk_load = checker_load,
	.pk_ready = checker_next,
	.pk_message = checker_message,
	.pk_lost = checker_lost
};

static struct question *
question_add(enum wire_check_kind kind, const struct conf_place *place,
    const char *what, const char *name)
{
	static uint32_t		 number;
	static struct question	 none;
	struct question		*qu;

	/* The caller writes to it. */
	if ((qu = calloc(1, sizeof(*qu))) == NULL) {
		unasked = 1;
		return (&none);
	}
	qu->qu_wire.wqu_number = ++number;
	qu->qu_wire.wqu_kind = kind;
	qu->qu_fd = -1;
	qu->qu_place = place;
	qu->qu_what = what;
	qu->qu_name = name;
	TAILQ_INSERT_TAIL(&questions, qu, qu_entry);
	return (qu);
}

static struct question *
question_path(enum wire_check_kind kind, struct conf_path *pa, int more)
{
	struct question	*qu;

	if (pa->pa_fd == -1)
		return (NULL);
	qu = question_add(kind, &pa->pa_place, pa->pa_what, pa->pa_path);
	qu->qu_fd = pa->pa_fd;
	qu->qu_path = pa;
	if (more)
		qu->qu_wire.wqu_flags = WIRE_CHECK_MORE;
	return (qu);
}

static struct question *
question_text(enum wire_check_kind kind, const struct conf_place *place,
    const char *what, const char *text)
{
	struct question	*qu = question_add(kind, place, what, text);

	(void)strlcpy(qu->qu_wire.wqu_text, text, sizeof(qu->qu_wire.wqu_text));
	return (qu);
}

static void
certificate_ask(struct certificate *ce)
{
	struct question	*qu;

	if (ce->ce_chainfd != -1) {
		qu = question_add(WIRE_CHECK_CHAIN, &ce->ce_chain_at, "chain",
		    ce->ce_chain);
		qu->qu_fd = ce->ce_chainfd;
		qu->qu_certificate = ce;
		if (ce->ce_ocsp.pa_path != NULL)
			qu->qu_wire.wqu_flags = WIRE_CHECK_STAPLED;
		(void)strlcpy(qu->qu_wire.wqu_text, ce->ce_name,
		    sizeof(qu->qu_wire.wqu_text));
	}
	qu = question_path(WIRE_CHECK_STAPLE, &ce->ce_ocsp,
	    ce->ce_chainfd != -1);
	if (qu != NULL)
		(void)strlcpy(qu->qu_wire.wqu_text, ce->ce_name,
		    sizeof(qu->qu_wire.wqu_text));
}

static void
server_ask(struct server *sv)
{
	const struct shown	*sh;
	struct question		*qu;
	uint8_t			 flags = sv->sv_client ? WIRE_CHECK_CLIENT : 0;

	question_text(WIRE_CHECK_PROTOCOL, &sv->sv_protocol_at, "protocol",
	    sv->sv_protocol)->qu_server = sv;
	(void)question_text(WIRE_CHECK_CIPHERS, &sv->sv_ciphers_at, NULL,
	    sv->sv_ciphers);
	if (sv->sv_alpn[0] != '\0')
		(void)question_text(WIRE_CHECK_ALPN, &sv->sv_alpn_at, NULL,
		    sv->sv_alpn);
	if (sv->sv_curves[0] != '\0')
		(void)question_text(WIRE_CHECK_CURVES, &sv->sv_curves_at, NULL,
		    sv->sv_curves);
	(void)question_path(WIRE_CHECK_CA, &sv->sv_ca, 0);
	(void)question_path(WIRE_CHECK_CRL, &sv->sv_crl,
	    sv->sv_ca.pa_fd != -1);
	TAILQ_FOREACH(sh, &sv->sv_certificates, sh_entry) {
		if (sh->sh_certificate == NULL)
			continue;
		qu = question_text(WIRE_CHECK_SHOWN, &sh->sh_place,
		    "certificate", sh->sh_name);
		qu->qu_wire.wqu_flags = flags;
		flags |= WIRE_CHECK_MORE;
	}
}

static int
checker_load(struct proc *p)
{
	return (proc_begin(p, env->sd_uid, env->sd_gid, CHECKER_NOFILE));
}

/* The next question, or all is known. */
static void
checker_next(struct proc *p)
{
	struct question	*qu;
	int		 bad;

	if ((qu = TAILQ_FIRST(&questions)) == NULL) {
		checker_stop();
		checker_done();
		return;
	}
	if (qu->qu_fd != -1)
		bad = child_send_file(&p->p_child, WIRE_CHECK, qu->qu_fd,
		    &qu->qu_wire, sizeof(qu->qu_wire));
	else
		bad = child_send(&p->p_child, WIRE_CHECK, -1, &qu->qu_wire,
		    sizeof(qu->qu_wire));
	if (bad == -1)
		proc_kill(p, "cannot be asked");
	else
		proc_asked(p);
}

/*
 * Asks about all there is in the configuration of a generation, and calls
 * back when everything has been said; if that is not possible the generation
 * fails.
 */
void
checker_start(struct generation *gn, void (*done)(void))
{
	struct certificate	*ce;
	struct server		*sv;

	checker_done = done;
	checking = 1;
	unasked = 0;
	TAILQ_FOREACH(ce, &gn->gn_conf->cf_certificates, ce_entry)
		certificate_ask(ce);
	TAILQ_FOREACH(sv, &gn->gn_conf->cf_servers, sv_entry)
		server_ask(sv);
	proc_post(&checker, &checker_kind, NULL, "configuration",
	    "checker of the configuration");
	checker.po_generation = gn;
	if (unasked)
		generation_failed(gn, strerror(ENOMEM));
	(void)proc_start(&checker, NULL);
}

/* Is anything not known yet? */
int
checker_busy(void)
{
	return (!TAILQ_EMPTY(&questions));
}

void
checker_stop(void)
{
	struct question	*qu;

	while ((qu = TAILQ_FIRST(&questions)) != NULL) {
		TAILQ_REMOVE(&questions, qu, qu_entry);
		free(qu);
	}
	if (checking)
		proc_stop(&checker);
	checking = 0;
}

/* Findings that came before are printed, too. */
static int
checker_lost(struct proc *p, const char *reason)
{
	(void)p;
	(void)reason;
	conf_report();
	return (0);
}

/* The question it is about; it has one at a time. */
static struct question *
checker_asked(const struct proc *p, uint32_t number)
{
	struct question	*qu = TAILQ_FIRST(&questions);

	return (qu != NULL && p->p_owed != 0 &&
	    qu->qu_wire.wqu_number == number ? qu : NULL);
}

/* Its words come from files of anybody's making. */
static const char *
checker_finding(struct proc *p, const struct wire_finding *wfi)
{
	void		(*say)(const struct conf_place *, const char *, ...);
	struct question	*qu;
	char		 line[32] = "", text[4 * WIRE_FINDING_TEXT + 1];

	if ((qu = checker_asked(p, wfi->wfi_number)) == NULL)
		return (CHECKER_UNASKED);
	if (++qu->qu_findings > CHECKER_MOST)
		return ("too many findings");
	(void)strvis(text, wfi->wfi_text, VIS_CSTYLE | VIS_OCTAL | VIS_NL |
	    VIS_TAB | VIS_NOSLASH);
	if (wfi->wfi_line != 0)
		(void)snprintf(line, sizeof(line), ", line %u", wfi->wfi_line);
	say = conf_warning;
	if (wfi->wfi_flags & WIRE_FINDING_ERROR) {
		say = conf_error;
		qu->qu_errors++;
	}
	if (qu->qu_what == NULL)
		say(qu->qu_place, "%s", text);
	else
		say(qu->qu_place, "%s \"%s\"%s%s", qu->qu_what, qu->qu_name,
		    line, text);
	return (NULL);
}

static void
certificate_dates(const struct certificate *ce)
{
	const struct conf_place	*at = &ce->ce_chain_at;
	char			 date[COMPAT_DATE];
	time_t			 now = time(NULL);

	if (ce->ce_notbefore > now)
		conf_warning(at, "certificate \"%s\" is not valid before %s",
		    ce->ce_name, compat_date(ce->ce_notbefore, date,
		    sizeof(date)));
	(void)compat_date(ce->ce_notafter, date, sizeof(date));
	if (ce->ce_notafter < now)
		conf_warning(at, "certificate \"%s\" expired on %s",
		    ce->ce_name, date);
	else if (ce->ce_notafter - now < CERTIFICATE_SOON)
		conf_warning(at, "certificate \"%s\" expires on %s",
		    ce->ce_name, date);
}

static int
certificate_learn(struct certificate *ce, const struct wire_checked *wck)
{
	if (wck->wck_type != WIRE_KEYTYPE_RSA &&
	    wck->wck_type != WIRE_KEYTYPE_ECDSA)
		return (-1);
	ce->ce_type = wck->wck_type;
	memcpy(ce->ce_id, wck->wck_id, sizeof(ce->ce_id));
	ce->ce_notbefore = (time_t)wck->wck_since;
	ce->ce_notafter = (time_t)wck->wck_until;
	certificate_dates(ce);
	return (0);
}

static void
path_learn(struct conf_path *pa, const struct wire_checked *wck)
{
	char	 date[COMPAT_DATE];
	time_t	 now = time(NULL);

	pa->pa_since = (time_t)wck->wck_since;
	pa->pa_next = (time_t)wck->wck_until;
	if (pa->pa_since > now)
		conf_warning(&pa->pa_place, "%s \"%s\": is not valid before "
		    "%s", pa->pa_what, pa->pa_path, compat_date(pa->pa_since,
		    date, sizeof(date)));
	if (pa->pa_next == -1)
		return;
	(void)compat_date(pa->pa_next, date, sizeof(date));
	if (pa->pa_next < now)
		conf_warning(&pa->pa_place, "%s \"%s\": expired: its next "
		    "update was due on %s", pa->pa_what, pa->pa_path, date);
	else if (pa->pa_next - now < UPDATE_SOON)
		conf_warning(&pa->pa_place, "%s \"%s\": its next update is "
		    "due on %s", pa->pa_what, pa->pa_path, date);
}

/* Nothing more about that question. */
static const char *
checker_checked(struct proc *p, const struct wire_checked *wck)
{
	struct question	*qu;

	if ((qu = checker_asked(p, wck->wck_number)) == NULL)
		return (CHECKER_UNASKED);
	if (qu->qu_path != NULL)
		path_learn(qu->qu_path, wck);
	if (qu->qu_certificate != NULL && qu->qu_errors == 0 &&
	    certificate_learn(qu->qu_certificate, wck) == -1)
		return ("malformed CHECKED");
	if (qu->qu_server != NULL)
		qu->qu_server->sv_tls12 = (wck->wck_flags &
		    WIRE_CHECKED_TLS12) != 0;
	proc_answered(p);
	TAILQ_REMOVE(&questions, qu, qu_entry);
	free(qu);
	checker_next(p);
	return (NULL);
}

static const char *
checker_message(struct proc *p, struct imsg *imsg)
{
	struct wire_finding	 wfi;
	struct wire_checked	 wck;

	switch (imsg_get_type(imsg)) {
	case WIRE_FINDING:
		if (wire_parse(imsg, &wfi, sizeof(wfi)) == -1)
			break;
		return (checker_finding(p, &wfi));
	case WIRE_CHECKED:
		if (wire_parse(imsg, &wck, sizeof(wck)) == -1)
			break;
		return (checker_checked(p, &wck));
	}
	return ("malformed message");
}
