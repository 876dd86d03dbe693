/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The resolver asks the C library for the addresses of host names, one after
 * the other, so that the parent, which must not wait, need not.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>

#include <errno.h>
#include <imsg.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "errors.h"
#include "helper.h"
#include "sandbox.h"
#include "securetcp.h"
#include "wire.h"

#define RESOLVER_MEMORY	64	/* MB beyond what it has at the start */
/*
 * How long the C library asks each name server: not so long that the parent
 * takes a resolver that waits for one to be stuck.
 */
#define RESOLVER_OPTIONS	"timeout:2 attempts:2"

static void	 resolve_sandbox(struct imsgbuf *, const struct wire_start *);
static void	 resolve_question(struct imsgbuf *, struct imsg *);
static void	 resolve(const struct wire_resolve *, struct wire_resolved *);
static int	 resolve_is_host(const char *);
static int	 resolve_encode(const struct sockaddr *, uint8_t *);
static void	 resolve_add(const struct sockaddr *, struct wire_resolved *);
static void	 resolve_fail(struct wire_resolved *, int, const char *);

int
main(void)
{
	struct imsgbuf		 imsgbuf;
	struct wire_start	 start;

	helper_start(&imsgbuf, &start);
	resolve_sandbox(&imsgbuf, &start);
	helper_ready(&imsgbuf, sandbox_name());
	helper_serve(&imsgbuf, WIRE_RESOLVE, resolve_question);
}

static void
resolve_sandbox(struct imsgbuf *imsgbuf, const struct wire_start *start)
{
	int	 sandboxed = 1;

	/* While it waits for a name server it does not see its pipe end. */
	if (compat_follow() == -1)
		helper_fatal(imsgbuf, "parent's death: %s", strerror(errno));
	if (setenv("RES_OPTIONS", RESOLVER_OPTIONS, 0) == -1)
		helper_fatal(imsgbuf, "environment: %s", strerror(errno));
	if (lookup_init() == -1) {
		if (errno != ENOSYS || !(start->ws_flags &
		    WIRE_START_OPTIONAL))
			helper_fatal(imsgbuf, "names cannot be looked up in "
			    "a sandbox: %s", strerror(errno));
		sandboxed = 0;
	}
	if (privdrop_limits(start->ws_nofile, 1) == -1)
		helper_fatal(imsgbuf, "limits: %s", strerror(errno));
	helper_bound(imsgbuf, RESOLVER_MEMORY);
	if (sandboxed)
		helper_sandbox(imsgbuf, start, SANDBOX_RESOLVER);
}

/* Answered before the next question, which may take long. */
static void
resolve_question(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct wire_resolve	 question;
	struct wire_resolved	 answer;

	helper_parse(imsgbuf, imsg, &question, sizeof(question));
	resolve(&question, &answer);
	helper_say(imsgbuf, WIRE_RESOLVED, &answer, sizeof(answer));
}

/*
 * Letters, digits and the three others of host names, which no module that
 * the C library loads can take for anything else.
 */
static int
resolve_is_host(const char *host)
{
	static const char	 allowed[] =
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.-_:";

	return (host[0] != '\0' && host[strspn(host, allowed)] == '\0');
}

/* -1: of no family, or an address that nothing can be connected to. */
static int
resolve_encode(const struct sockaddr *sa, uint8_t *out)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(out, 0, WIRE_ADDRESS_LEN);
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		if (sin.sin_addr.s_addr == htonl(INADDR_ANY) ||
		    sin.sin_addr.s_addr == htonl(INADDR_BROADCAST) ||
		    IN_MULTICAST(ntohl(sin.sin_addr.s_addr)))
			return (-1);
		out[0] = 4;
		memcpy(out + 1, &sin.sin_addr, sizeof(sin.sin_addr));
		return (0);
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		/* A link's own says nothing without its interface. */
		if (IN6_IS_ADDR_UNSPECIFIED(&sin6.sin6_addr) ||
		    IN6_IS_ADDR_MULTICAST(&sin6.sin6_addr) ||
		    IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr))
			return (-1);
		out[0] = 6;
		memcpy(out + 1, &sin6.sin6_addr, sizeof(sin6.sin6_addr));
		return (0);
	}
	return (-1);
}

static void
resolve_add(const struct sockaddr *sa, struct wire_resolved *answer)
{
	uint8_t	 address[WIRE_ADDRESS_LEN];
	size_t	 i, len = answer->wrd_addresses_len;

	if (len + sizeof(address) > sizeof(answer->wrd_addresses) ||
	    resolve_encode(sa, address) == -1)
		return;
	for (i = 0; i < len; i += sizeof(address)) {
		if (memcmp(answer->wrd_addresses + i, address,
		    sizeof(address)) == 0)
			return;
	}
	memcpy(answer->wrd_addresses + len, address, sizeof(address));
	answer->wrd_addresses_len = (uint16_t)(len + sizeof(address));
}

static void
resolve_fail(struct wire_resolved *answer, int error, const char *reason)
{
	answer->wrd_error = (uint32_t)(error == ptOk ? ptError : error);
	(void)strlcpy(answer->wrd_reason, reason, sizeof(answer->wrd_reason));
}

/* The C library's order is kept: it knows which addresses are near. */
static void
resolve(const struct wire_resolve *question, struct wire_resolved *answer)
{
	struct addrinfo	 hints, *ai, *list;
	int		 error, saved_errno;

	memset(answer, 0, sizeof(*answer));
	answer->wrd_request = question->wre_request;
	if (!resolve_is_host(question->wre_host)) {
		resolve_fail(answer, ptHostNotFound, "not a host name");
		return;
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	errno = 0;
	if ((error = lookup_name(question->wre_host, &hints, &list)) != 0) {
		saved_errno = errno;
		resolve_fail(answer, securetcp_error_lookup(error),
		    error == EAI_SYSTEM ? strerror(saved_errno) :
		    gai_strerror(error));
		return;
	}
	for (ai = list; ai != NULL; ai = ai->ai_next)
		resolve_add(ai->ai_addr, answer);
	freeaddrinfo(list);
	if (answer->wrd_addresses_len == 0)
		resolve_fail(answer, ptNoData, "no address that can be "
		    "connected to");
}
