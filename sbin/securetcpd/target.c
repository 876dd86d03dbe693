/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The backend, or the target of a client block, that a connection tries next,
 * and the address of a target that has a name: in turn, the next one when one
 * fails, and last one that failed a short while ago.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "securetcpd.h"

#define TARGET_DOWN	10		/* seconds that a failed one is left */
#define TARGET_MORE	24		/* bytes for "; and 63 more" */

static const char *
target_kind(const struct session *s)
{
	return (s->s_conf->sv_client ? "target" : "backend");
}

/* The text of the configuration; a name with the address that is tried. */
const char *
target_name(const struct session *s, char *buf, size_t size)
{
	const struct backend	*ba = s->s_target;
	char			 address[80];

	if (ba->ba_resolved == NULL || s->s_address == 0)
		return (ba->ba_name);
	conf_address_name(&s->s_to, address, sizeof(address));
	(void)snprintf(buf, size, "%s (%s)", ba->ba_name, address);
	return (buf);
}

/*
 * The name that its certificate has to have: without the dot that ends one
 * which is looked up as it is, or the interface of a link-local address.
 */
const char *
target_host(const struct session *s, char *buf, size_t size)
{
	const struct backend	*ba = s->s_target;
	size_t			 len;

	if (s->s_conf->sv_servername[0] != '\0')
		return (s->s_conf->sv_servername);
	if (ba->ba_host[0] != '\0') {
		len = strlcpy(buf, ba->ba_host, size);
		if (len < size && buf[len - 1] == '.')
			buf[len - 1] = '\0';
		return (buf);
	}
	if (getnameinfo((const struct sockaddr *)&ba->ba_ss, ba->ba_len, buf,
	    size, NULL, 0, NI_NUMERICHOST) != 0)
		buf[0] = '\0';
	buf[strcspn(buf, "%")] = '\0';
	return (buf);
}

static int
target_alone(const struct session *s)
{
	return (TAILQ_NEXT(TAILQ_FIRST(s->s_backends), ba_entry) == NULL);
}

static uint64_t
target_bit(const struct backend *ba)
{
	return ((uint64_t)1 << ba->ba_number);
}

/*
 * Targets that are down.  The log has a line when a target fails first and when
 * it works again; if there is only one, each connection has its own error.
 */

/* An address that works is tried first for a while. */
void
target_up(const struct session *s)
{
	struct backend	*ba = s->s_target;
	char		 text[2 * WIRE_REASON];

	if (ba->ba_failures > 0 && !target_alone(s)) {
		(void)snprintf(text, sizeof(text), "%s %s works again",
		    target_kind(s), ba->ba_name);
		log_server(s->s_service, text);
	}
	if (ba->ba_failures > 0)
		ba->ba_since = clock_now();
	ba->ba_failures = 0;
	ba->ba_down = 0;
	if (s->s_address > 1) {
		ba->ba_first = (s->s_first + s->s_address - 1) %
		    s->s_addresses;
		ba->ba_until = clock_now() + TARGET_DOWN * 1000;
	}
}

static void
target_down(const struct session *s, const char *why)
{
	struct backend	*ba = s->s_target;
	char		 text[3 * WIRE_REASON];

	ba->ba_down = clock_now() + TARGET_DOWN * 1000;
	if (ba->ba_failures == 0)
		ba->ba_since = clock_now();
	free(ba->ba_reason);
	ba->ba_reason = strdup(why);
	if (ba->ba_failures++ > 0 || target_alone(s))
		return;
	(void)snprintf(text, sizeof(text), "%s %s down: %s; retry every %d "
	    "seconds", target_kind(s), ba->ba_name, why, TARGET_DOWN);
	log_server(s->s_service, text);
}

/*
 * The choice of the next target.
 */

/* The number of addresses: 0 for a name that is not resolved. */
static size_t
target_addresses(const struct backend *ba, struct sockaddr_storage *ss)
{
	if (ba->ba_resolved != NULL)
		return (resolver_addresses(ba->ba_resolved, ss,
		    WIRE_ADDRESSES, ba->ba_port));
	ss[0] = ba->ba_ss;
	return (1);
}

/* The target that is taken goes to the end of the list. */
static int
target_choose(struct session *s)
{
	struct backend	*ba, *best = NULL;
	int64_t		 now = clock_now();

	TAILQ_FOREACH(ba, s->s_backends, ba_entry) {
		if (s->s_tried & target_bit(ba))
			continue;
		if (ba->ba_down <= now) {
			best = ba;
			break;
		}
		if (best == NULL)
			best = ba;
	}
	if ((s->s_target = best) == NULL)
		return (0);
	s->s_tried |= target_bit(best);
	/* A single connection finds out whether the target works. */
	if (best->ba_failures > 0)
		best->ba_down = now + TARGET_DOWN * 1000;
	TAILQ_REMOVE(s->s_backends, best, ba_entry);
	TAILQ_INSERT_TAIL(s->s_backends, best, ba_entry);
	s->s_address = s->s_addresses = 0;
	s->s_first = best->ba_until > now ? best->ba_first : 0;
	return (1);
}

/* An address may come twice, or never, if the name is resolved meanwhile. */
static int
target_address(struct session *s)
{
	struct sockaddr_storage	 ss[WIRE_ADDRESSES];
	size_t			 n;

	if ((n = target_addresses(s->s_target, ss)) <= s->s_address)
		return (0);
	s->s_to = ss[(s->s_first + s->s_address) % n];
	s->s_address++;
	s->s_addresses = n;
	return (1);
}

void
target_begin(struct session *s, struct backends *backends)
{
	s->s_backends = backends;
	s->s_target = NULL;
	s->s_tried = s->s_busy = 0;
	s->s_backend_until = clock_now() +
	    (int64_t)s->s_conf->sv_backend_timeout * 1000;
}

enum target
target_next(struct session *s)
{
	const char	*why;
	int		 number;

	while (s->s_target != NULL || target_choose(s)) {
		if (target_address(s))
			return (TARGET_TRY);
		if (s->s_address > 0) {
			/* The name has fewer addresses now. */
			s->s_target = NULL;
			continue;
		}
		number = resolver_error(s->s_target->ba_resolved, &why);
		if (number == ptOk)
			return (TARGET_WAIT);
		target_failed(s, number, why);
	}
	return (TARGET_NONE);
}

/* The present target is asked again when all were. */
void
target_busy(struct session *s)
{
	s->s_busy |= target_bit(s->s_target);
}

int
target_again(struct session *s)
{
	if (s->s_busy == 0)
		return (0);
	s->s_tried &= ~s->s_busy;
	s->s_busy = 0;
	return (1);
}

/* The number of targets left when the present one fails. */
static size_t
target_left(const struct session *s)
{
	struct sockaddr_storage	 ss[WIRE_ADDRESSES];
	const struct backend	*ba;
	size_t			 left, n;

	left = s->s_addresses - s->s_address;
	TAILQ_FOREACH(ba, s->s_backends, ba_entry) {
		if (s->s_tried & target_bit(ba))
			continue;
		n = target_addresses(ba, ss);
		left += n == 0 ? 1 : n;
	}
	return (left);
}

/* A silent target has its share of the time if others are left. */
const struct timeval *
target_share(const struct session *s, struct timeval *tv)
{
	int64_t	 ms;
	size_t	 left;

	if ((left = target_left(s)) == 0)
		return (NULL);
	ms = (s->s_backend_until - clock_now()) / ((int64_t)left + 1);
	if (ms < 1)
		ms = 1;
	tv->tv_sec = ms / 1000;
	tv->tv_usec = ms % 1000 * 1000;
	return (tv);
}

/*
 * The failures of all targets, for the error when none is left.
 */

void
target_forget(struct session *s)
{
	unsigned int	 i;

	if (s->s_failed == NULL)
		return;
	for (i = 0; i < CONF_BACKENDS_MAX; i++)
		free(s->s_failed[i]);
	free(s->s_failed);
	s->s_failed = NULL;
}

/* A busy target was asked before; a name is asked at another address. */
static void
target_note(struct session *s, const char *why)
{
	const char	*before = "";
	char		 name[TARGET_NAME], **noted, *text;

	if (s->s_failed == NULL)
		s->s_failed = calloc(CONF_BACKENDS_MAX, sizeof(*s->s_failed));
	if (s->s_failed == NULL)
		return;
	noted = &s->s_failed[s->s_target->ba_number];
	if (*noted != NULL && s->s_target->ba_resolved != NULL)
		before = *noted;
	if (strlen(before) >= WIRE_REASON)
		return;
	if (asprintf(&text, "%s%s%s %s: %s", before, *before == '\0' ? "" :
	    "; ", target_kind(s), target_name(s, name, sizeof(name)),
	    why) == -1)
		return;
	free(*noted);
	*noted = text;
}

/* The next target follows the last address of this one. */
static void
target_leave(struct session *s, int number)
{
	s->s_backend_error = number;
	if (s->s_address >= s->s_addresses)
		s->s_target = NULL;
}

void
target_useless(struct session *s, int number, const char *why)
{
	target_note(s, why);
	target_leave(s, number);
}

/* An address failed: the name may have others by now. */
static void
target_ask(const struct session *s)
{
	if (s->s_target->ba_resolved != NULL && s->s_address > 0)
		resolver_again(s->s_target->ba_resolved);
}

/* The same, and the target is down. */
void
target_failed(struct session *s, int number, const char *why)
{
	target_ask(s);
	target_note(s, why);
	if (s->s_address >= s->s_addresses)
		target_down(s, why);
	target_leave(s, number);
}

/* Appends one failure; -1 if it does not fit. */
static int
target_tell(const char *text, char *buf, size_t size)
{
	size_t	 len = strlen(buf);
	int	 n;

	n = snprintf(buf + len, size - len, "%s%s", len == 0 ? "" : "; ",
	    text);
	if (n > 0 && (size_t)n < size - len)
		return (0);
	buf[len] = '\0';
	return (-1);
}

/* Every target that was tried, in order, and why it failed. */
void
target_reason(const struct session *s, char *buf, size_t size)
{
	unsigned int	 i, left = 0;

	buf[0] = '\0';
	if (s->s_failed == NULL) {
		(void)strlcpy(buf, strerror(ENOMEM), size);
		return;
	}
	for (i = 0; i < CONF_BACKENDS_MAX; i++) {
		if (s->s_failed[i] == NULL)
			continue;
		if (left > 0 || target_tell(s->s_failed[i], buf,
		    size - TARGET_MORE) == -1)
			left++;
	}
	if (left > 0)
		(void)snprintf(buf + strlen(buf), TARGET_MORE, "; and %u "
		    "more", left);
}

/* The reason when the session's timer has run out while it waited. */
void
target_overdue(struct session *s, char *buf, size_t size)
{
	const struct server	*sv = s->s_conf;
	const char		*why;
	char			 name[TARGET_NAME], text[CLOCK_TEXT];
	size_t			 len;

	(void)snprintf(buf, size, "%s timer, %s",
	    s->s_phase == PHASE_TARGET ? "connect" : "backend",
	    clock_seconds(sv->sv_backend_timeout, text, sizeof(text)));
	len = strlen(buf);
	if (s->s_target == NULL && s->s_failed == NULL)
		return;
	(void)strlcat(buf, ": ", size);
	len += 2;
	why = s->s_waiter.wt_name == NULL ? strerror(ETIMEDOUT) :
	    TARGET_UNRESOLVED;
	if (s->s_target != NULL) {
		target_ask(s);
		target_down(s, why);
		if (s->s_failed == NULL && s->s_waiter.wt_name == NULL) {
			(void)snprintf(buf + len, size - len, "%s %s",
			    target_kind(s), target_name(s, name,
			    sizeof(name)));
			return;
		}
		target_note(s, why);
	}
	target_reason(s, buf + len, size - len);
}
