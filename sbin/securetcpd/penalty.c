/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Penalties.  An offence adds its weight, in seconds, to what its source has
 * before it; with penalty_min or more the source is blocked until that has
 * passed.  Each time it is blocked again within PENALTY_MEMORY its weights,
 * and the shortest time it is blocked for, are doubled; PENALTY_DECAY
 * without an offence halves them again.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include <netinet/in.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "penalty.h"

#define MSEC(seconds)	((int64_t)(seconds) * 1000)
#define PENALTY_NET	8		/* bytes of a /64 */
#define PENALTY_LINK	10		/* of fe80::/64: the other bytes */

/*
 * At most 128 bytes, malloc's rounding included: 8 MB when all
 * PENALTY_SOURCES are there, however many addresses there are.  Each is in
 * two trees: by address, and by when the penalty expires, which is the order
 * they are forgotten in.
 */
struct penalty {
	RB_ENTRY(penalty)	 pe_node;
	RB_ENTRY(penalty)	 pe_order;
	int64_t			 pe_expiry;
	int64_t			 pe_last;	/* offence */
	int64_t			 pe_until;	/* the last block lasted */
	unsigned int		 pe_realm;
	uint32_t		 pe_scope;	/* of an address of a link */
	uint8_t			 pe_addr[PENALTY_NET];
	uint8_t			 pe_version;	/* 4, 6, or PENALTY_LINK */
	uint8_t			 pe_blocked;
	uint8_t			 pe_doubled;	/* so often */
	uint16_t		 pe_number;	/* of the last offence's error */
	unsigned int		 pe_offences;
	unsigned int		 pe_blocks;
};

static int	 penalty_cmp(struct penalty *, struct penalty *);
static int	 penalty_order(struct penalty *, struct penalty *);

RB_HEAD(penalties, penalty);
static struct penalties	 penalties = RB_INITIALIZER(&penalties);
RB_PROTOTYPE(penalties, penalty, pe_node, penalty_cmp);
RB_GENERATE(penalties, penalty, pe_node, penalty_cmp)

RB_HEAD(expiries, penalty);
static struct expiries	 expiries = RB_INITIALIZER(&expiries);
RB_PROTOTYPE(expiries, penalty, pe_order, penalty_order);
RB_GENERATE(expiries, penalty, pe_order, penalty_order)

static const struct networks	*exempt, *proxies;
static int			 off;
static unsigned int		 penalty_min = PENALTY_MIN;
static unsigned int		 penalty_max = PENALTY_MAX;
static unsigned int		 npenalties;

static int
penalty_cmp(struct penalty *a, struct penalty *b)
{
	if (a->pe_version != b->pe_version)
		return (a->pe_version < b->pe_version ? -1 : 1);
	if (a->pe_scope != b->pe_scope)
		return (a->pe_scope < b->pe_scope ? -1 : 1);
	if (memcmp(a->pe_addr, b->pe_addr, sizeof(a->pe_addr)) != 0)
		return (memcmp(a->pe_addr, b->pe_addr, sizeof(a->pe_addr)));
	if (a->pe_realm != b->pe_realm)
		return (a->pe_realm < b->pe_realm ? -1 : 1);
	return (0);
}

static int
penalty_order(struct penalty *a, struct penalty *b)
{
	if (a->pe_expiry != b->pe_expiry)
		return (a->pe_expiry < b->pe_expiry ? -1 : 1);
	return (penalty_cmp(a, b));
}

/* -1: it is no such address. */
static int
penalty_key(struct penalty *pe, unsigned int realm, const struct sockaddr *sa)
{
	struct network	 nw;

	memset(pe, 0, sizeof(*pe));
	if (network_source(sa, &nw) == -1)
		return (-1);
	pe->pe_realm = realm;
	pe->pe_version = nw.nw_family == AF_INET ? 4 : 6;
	memcpy(pe->pe_addr, nw.nw_addr, sizeof(pe->pe_addr));
	if (nw.nw_family == AF_INET6 && nw.nw_prefix == 128) {
		pe->pe_version = PENALTY_LINK;
		pe->pe_scope = nw.nw_scope;
		memcpy(pe->pe_addr, nw.nw_addr + PENALTY_NET, PENALTY_NET);
	}
	return (0);
}

static struct penalty *
penalty_find(unsigned int realm, const struct sockaddr *sa)
{
	struct penalty	 key;

	if (penalty_key(&key, realm, sa) == -1)
		return (NULL);
	return (RB_FIND(penalties, &penalties, &key));
}

static void
penalty_free(struct penalty *pe)
{
	(void)RB_REMOVE(penalties, &penalties, pe);
	(void)RB_REMOVE(expiries, &expiries, pe);
	npenalties--;
	free(pe);
}

/* Forgets sources whose past makes no difference any more. */
static void
penalty_forget(int64_t now)
{
	struct penalty	*pe;

	while ((pe = RB_MIN(expiries, &expiries)) != NULL &&
	    now - pe->pe_expiry > MSEC(PENALTY_MEMORY))
		penalty_free(pe);
}

/*
 * NULL: all that are remembered last longer than this one would, or there is
 * no memory.
 */
static struct penalty *
penalty_new(const struct penalty *key, int64_t expiry)
{
	struct penalty	*pe;

	if (npenalties >= PENALTY_SOURCES) {
		pe = RB_MIN(expiries, &expiries);
		if (pe->pe_expiry >= expiry)
			return (NULL);
		penalty_free(pe);
	}
	if ((pe = malloc(sizeof(*pe))) == NULL)
		return (NULL);
	*pe = *key;
	(void)RB_INSERT(penalties, &penalties, pe);
	(void)RB_INSERT(expiries, &expiries, pe);
	npenalties++;
	return (pe);
}

static unsigned int
penalty_left(const struct penalty *pe, int64_t now)
{
	if (pe->pe_expiry <= now)
		return (0);
	return ((unsigned int)((pe->pe_expiry - now + 999) / 1000));
}

static int
penalty_blocks(const struct penalty *pe, int64_t now)
{
	return (pe->pe_blocked && pe->pe_expiry > now);
}

/* The number of times that the weights are doubled now. */
static unsigned int
penalty_doubled(const struct penalty *pe, int64_t now)
{
	int64_t	 good = (now - pe->pe_last) / MSEC(PENALTY_DECAY);

	return (good >= pe->pe_doubled ? 0 : pe->pe_doubled - (uint8_t)good);
}

/* Adds seconds, up to the greatest penalty. */
static void
penalty_extend(struct penalty *pe, int64_t from, unsigned int seconds,
    int64_t now)
{
	int64_t	 expiry = from + MSEC(seconds);

	if (expiry > now + MSEC(penalty_max))
		expiry = now + MSEC(penalty_max);
	if (expiry <= pe->pe_expiry)
		return;
	(void)RB_REMOVE(expiries, &expiries, pe);
	pe->pe_expiry = expiry;
	(void)RB_INSERT(expiries, &expiries, pe);
}

/* The block itself grows: heavier offences only make it begin sooner. */
static void
penalty_block(struct penalty *pe, int64_t now)
{
	if (pe->pe_blocks > 0 && pe->pe_doubled < PENALTY_DOUBLES &&
	    now - pe->pe_until <= MSEC(PENALTY_MEMORY))
		pe->pe_doubled++;
	pe->pe_blocked = 1;
	pe->pe_blocks++;
	penalty_extend(pe, now, penalty_min << pe->pe_doubled, now);
}

void
penalty_exempt(const struct networks *list, const struct networks *trusted)
{
	exempt = list;
	proxies = trusted;
}

void
penalty_settings(int isoff, unsigned int min, unsigned int max)
{
	off = isoff;
	penalty_min = min;
	penalty_max = max;
}

/* Takes seconds off, for a source that is not blocked. */
void
penalty_ease(unsigned int realm, const struct sockaddr *sa,
    unsigned int seconds, int64_t now)
{
	struct penalty	*pe;

	if ((pe = penalty_find(realm, sa)) == NULL || pe->pe_expiry <= now ||
	    penalty_blocks(pe, now))
		return;
	(void)RB_REMOVE(expiries, &expiries, pe);
	pe->pe_expiry -= MSEC(seconds);
	if (pe->pe_expiry < now)
		pe->pe_expiry = now;
	(void)RB_INSERT(expiries, &expiries, pe);
}

static int
penalty_spares(const struct sockaddr *sa)
{
	return (networks_contain(exempt, sa) || networks_contain(proxies, sa));
}

unsigned int
penalty_add(unsigned int realm, const struct sockaddr *sa,
    unsigned int seconds, int64_t now)
{
	struct penalty	 key, *pe;
	int		 begins = 0;

	if (off || seconds == 0 || penalty_key(&key, realm, sa) == -1 ||
	    penalty_spares(sa))
		return (0);
	if (seconds > penalty_max)
		seconds = penalty_max;
	penalty_forget(now);
	key.pe_expiry = now;
	key.pe_last = now;
	if ((pe = RB_FIND(penalties, &penalties, &key)) == NULL &&
	    (pe = penalty_new(&key, now + MSEC(seconds))) == NULL)
		return (0);
	pe->pe_blocked = penalty_blocks(pe, now);
	pe->pe_doubled = penalty_doubled(pe, now);
	pe->pe_last = now;
	pe->pe_offences++;
	penalty_extend(pe, pe->pe_expiry > now ? pe->pe_expiry : now,
	    seconds << pe->pe_doubled, now);
	if (!pe->pe_blocked && pe->pe_expiry - now >= MSEC(penalty_min)) {
		penalty_block(pe, now);
		begins = 1;
	}
	if (pe->pe_blocked)
		pe->pe_until = pe->pe_expiry;
	return (begins ? penalty_left(pe, now) : 0);
}

int
penalty_blocked(unsigned int realm, const struct sockaddr *sa, int64_t now,
    unsigned int *left)
{
	struct penalty	*pe;

	if ((pe = penalty_find(realm, sa)) == NULL ||
	    !penalty_blocks(pe, now) || penalty_spares(sa))
		return (0);
	*left = penalty_left(pe, now);
	return (1);
}

unsigned int
penalty_count(void)
{
	return (npenalties);
}

void
penalty_blame(unsigned int realm, const struct sockaddr *sa, int number)
{
	struct penalty	*pe;

	if ((pe = penalty_find(realm, sa)) != NULL)
		pe->pe_number = (uint16_t)number;
}

unsigned int
penalty_active(int64_t now)
{
	struct penalty	*pe;
	unsigned int	 n = 0;

	RB_FOREACH_REVERSE(pe, expiries, &expiries) {
		if (pe->pe_expiry <= now)
			break;
		if (pe->pe_blocked)
			n++;
	}
	return (n);
}

static void
penalty_sockaddr(const struct penalty *pe, struct sockaddr_storage *ss)
{
	struct sockaddr_in	*sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (pe->pe_version == 4) {
		sin->sin_family = AF_INET;
		memcpy(&sin->sin_addr, pe->pe_addr, 4);
		return;
	}
	sin6->sin6_family = AF_INET6;
	if (pe->pe_version == PENALTY_LINK) {
		sin6->sin6_scope_id = pe->pe_scope;
		sin6->sin6_addr.s6_addr[0] = 0xfe;
		sin6->sin6_addr.s6_addr[1] = 0x80;
		memcpy(sin6->sin6_addr.s6_addr + PENALTY_NET, pe->pe_addr,
		    PENALTY_NET);
	} else
		memcpy(&sin6->sin6_addr, pe->pe_addr, PENALTY_NET);
}

int
penalty_next(struct penalty_info *pi, int64_t now)
{
	struct penalty	 key, *pe;

	penalty_forget(now);
	if (penalty_key(&key, pi->pi_realm,
	    (struct sockaddr *)&pi->pi_ss) == -1)
		pe = RB_MIN(penalties, &penalties);
	else if ((pe = RB_NFIND(penalties, &penalties, &key)) != NULL &&
	    penalty_cmp(pe, &key) == 0)
		pe = RB_NEXT(penalties, &penalties, pe);
	if (pe == NULL)
		return (0);
	penalty_sockaddr(pe, &pi->pi_ss);
	(void)penalty_text((struct sockaddr *)&pi->pi_ss, pi->pi_text,
	    sizeof(pi->pi_text));
	pi->pi_realm = pe->pe_realm;
	pi->pi_left = penalty_left(pe, now);
	pi->pi_blocked = penalty_blocks(pe, now);
	pi->pi_factor = 1U << penalty_doubled(pe, now);
	pi->pi_offences = pe->pe_offences;
	pi->pi_blocks = pe->pe_blocks;
	pi->pi_number = pe->pe_number;
	return (1);
}

unsigned int
penalty_clear(const struct sockaddr *sa)
{
	struct penalty	 key, *next, *pe;
	unsigned int	 n = 0;

	if (sa != NULL && penalty_key(&key, 0, sa) == -1)
		return (0);
	pe = sa == NULL ? RB_MIN(penalties, &penalties) :
	    RB_NFIND(penalties, &penalties, &key);
	for (; pe != NULL; pe = next) {
		next = RB_NEXT(penalties, &penalties, pe);
		if (sa != NULL && (pe->pe_version != key.pe_version ||
		    pe->pe_scope != key.pe_scope ||
		    memcmp(pe->pe_addr, key.pe_addr, PENALTY_NET) != 0))
			break;
		penalty_free(pe);
		n++;
	}
	return (n);
}

int
penalty_text(const struct sockaddr *sa, char *buf, size_t len)
{
	struct sockaddr_storage	 ss;
	struct penalty		 key;
	char			 addr[NI_MAXHOST];

	if (penalty_key(&key, 0, sa) == -1)
		return (-1);
	penalty_sockaddr(&key, &ss);
	if (getnameinfo((const struct sockaddr *)&ss, key.pe_version == 4 ?
	    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), addr,
	    sizeof(addr), NULL, 0, NI_NUMERICHOST) != 0)
		return (-1);
	if (key.pe_version == 4)
		(void)snprintf(buf, len, "%s", addr);
	else
		(void)snprintf(buf, len, "[%s]%s", addr,
		    key.pe_version == PENALTY_LINK ? "" : "/64");
	return (0);
}
