/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Connections that never get a session: the log hears of each reason once a
 * second, with a count.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <string.h>

#include "securetcpd.h"

/* The number of the error; its reason is in the buffer. */
static int
refused_reason(const struct refused *rf, char *buf, size_t len)
{
	const struct server	*sv = rf->rf_service->se_conf;
	char			 text[CLOCK_TEXT];

	switch (rf->rf_why) {
	case REFUSE_PENALTY:
		offence_reason(rf->rf_left, buf, len);
		break;
	case REFUSE_TOTAL:
		(void)snprintf(buf, len, "connections max %u", sv->sv_max);
		break;
	case REFUSE_PROXY:
		(void)strlcpy(buf, "a PROXY header is taken from trusted "
		    "proxies only", len);
		return (ptProtocol);
	case REFUSE_PENDING:
		pending_reason(rf->rf_service, buf, len);
		break;
	case REFUSE_SILENT:
		(void)snprintf(buf, len, "handshake timer, %s: nothing was "
		    "sent", clock_seconds(sv->sv_handshake, text,
		    sizeof(text)));
		return (ptTimeout);
	default:
		(void)snprintf(buf, len, "connections per source %u",
		    sv->sv_per_source);
		break;
	}
	return (ptOperationRefused);
}

static void
refused_log(struct refused *rf)
{
	struct timeval	 tv = { 1, 0 };
	char		 reason[128];
	int		 number;

	number = refused_reason(rf, reason, sizeof(reason));
	log_refused(rf->rf_service, rf->rf_from, number, reason,
	    rf->rf_count);
	rf->rf_count = 0;
	(void)evtimer_add(&rf->rf_timer, &tv);
}

static void
refused_later(int fd, short what, void *arg)
{
	struct refused	*rf = arg;

	(void)fd;
	(void)what;
	if (rf->rf_count > 0)
		refused_log(rf);
}

void
refused_init(struct service *se)
{
	struct refused	*rf;
	int		 i;

	for (i = 0; i < REFUSE_MAX; i++) {
		rf = &se->se_refused[i];
		rf->rf_service = se;
		rf->rf_why = i;
		evtimer_set(&rf->rf_timer, refused_later, rf);
	}
}

/* One more; those that are penalised are so for so many seconds. */
void
refused_add(struct service *se, enum refusal why,
    const struct sockaddr_storage *ss, unsigned int left)
{
	struct refused	*rf = &se->se_refused[why];

	rf->rf_count++;
	rf->rf_left = left;
	conf_address_name(ss, rf->rf_from, sizeof(rf->rf_from));
	if (!evtimer_pending(&rf->rf_timer, NULL))
		refused_log(rf);
}

/* What was not told yet is told now. */
void
refused_stop(struct service *se)
{
	struct refused	*rf;
	int		 i;

	for (i = 0; i < REFUSE_MAX; i++) {
		rf = &se->se_refused[i];
		if (rf->rf_count > 0)
			refused_log(rf);
		(void)evtimer_del(&rf->rf_timer);
	}
}
