/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the rules of an authenticate block make of a client. */

#include <sys/types.h>
#include <sys/queue.h>

#include <atf-c.h>
#include <event.h>
#include <imsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "case.h"
#include "compat.h"
#include "securetcpd.h"

#define HASH	"SHA256:0123456789abcdef0123456789abcdef0123456789abcdef" \
		"0123456789abcdef"
#define NOBODY	"denied: no rule allows this certificate"
#define NONE	"denied: no rule allows a client without a certificate"
#define SUBJECT	"denied: the certificate's subject cannot be held against " \
		"rules"
#define ISSUER	"denied: the certificate's issuer cannot be held against " \
		"rules"
#define NAMES	"denied: the certificate has names that cannot be held " \
		"against rules"

static struct server		 server;
static struct wire_established	 client;
static int			 line;

static void	 begin(void);
static void	 rule(int, enum conf_subject, const char *);
static void	 check(const char *, const char *);
static void	 allowed(const char *);
static void	 denied(const char *, const char *);

#define ALLOW(kind, pattern)	rule(1, CONF_RULE_##kind, pattern)
#define DENY(kind, pattern)	rule(0, CONF_RULE_##kind, pattern)

/* No rules, and a client with an ordinary certificate. */
static void
begin(void)
{
	struct rule	*ru;

	if (line == 0)
		TAILQ_INIT(&server.sv_rules);
	while ((ru = TAILQ_FIRST(&server.sv_rules)) != NULL) {
		TAILQ_REMOVE(&server.sv_rules, ru, ru_entry);
		free(ru);
	}
	line = 100;
	memset(&client, 0, sizeof(client));
	client.wh_peer = WIRE_PEER_GIVEN;
	(void)strlcpy(client.wh_subject, "O=Example,OU=ops,CN=a.example.org",
	    sizeof(client.wh_subject));
	(void)strlcpy(client.wh_issuer, "O=Example,CN=Client CA",
	    sizeof(client.wh_issuer));
	(void)strlcpy(client.wh_hash, HASH, sizeof(client.wh_hash));
	(void)strlcpy(client.wh_san, "dns:a.example.org\nip:192.0.2.7\n"
	    "email:a@example.org\nuri:spiffe://example.org/a",
	    sizeof(client.wh_san));
}

/* Each on a line of its own, from 101. */
static void
rule(int allow, enum conf_subject subject, const char *pattern)
{
	struct rule	*ru;

	ATF_REQUIRE((ru = calloc(1, sizeof(*ru))) != NULL);
	ru->ru_place.cp_file = "test.conf";
	ru->ru_place.cp_line = ++line;
	ru->ru_allow = allow;
	ru->ru_subject = subject;
	(void)strlcpy(ru->ru_pattern, pattern, sizeof(ru->ru_pattern));
	TAILQ_INSERT_TAIL(&server.sv_rules, ru, ru_entry);
}

/* NULL: it is let in. */
static void
check(const char *what, const char *want)
{
	struct verdict	 vd;
	int		 ok;

	ok = rules_allow(&server, &client, &vd);
	if (want == NULL)
		ATF_CHECK_EQ_MSG(1, ok, "%s: %s", what, vd.vd_reason);
	else {
		ATF_CHECK_EQ_MSG(0, ok, "%s: let in", what);
		ATF_CHECK_STREQ_MSG(want, vd.vd_reason, "%s: %s", what,
		    vd.vd_reason);
	}
}

static void
allowed(const char *what)
{
	check(what, NULL);
}

static void
denied(const char *what, const char *why)
{
	check(what, why);
}

CASE(no_rules, "without a rule everybody is let in, also without a "
    "certificate")
{
	begin();
	allowed("with a certificate");
	client.wh_peer = 0;
	allowed("without");
}

CASE(kinds, "each kind looks at its own part of the certificate, and at no "
    "other")
{
	static const struct {
		enum conf_subject	 kind;
		const char		*fits;
		const char		*not;
	} rows[] = {
		{ CONF_RULE_HASH, HASH, "SHA256:00" },
		{ CONF_RULE_SUBJECT, "CN=a.example.org", "CN=Client CA" },
		{ CONF_RULE_SUBJECT, "CN=*.org,OU=ops", "CN=*.org,OU=dev" },
		{ CONF_RULE_ISSUER, "CN=Client CA", "CN=a.example.org" },
		{ CONF_RULE_SAN, "dns:*.example.org", "dns:Client CA" },
		{ CONF_RULE_SAN, "ip:192.0.2.0/24", "ip:192.0.3.0/24" },
		{ CONF_RULE_SAN, "email:*@example.org", "email:b@example.org" },
		{ CONF_RULE_SAN, "uri:spiffe://example.org/*",
		    "uri:a.example.org" }
	};
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		rule(1, rows[i].kind, rows[i].fits);
		allowed(rows[i].fits);
		begin();
		rule(0, rows[i].kind, rows[i].fits);
		denied(rows[i].fits, "denied by rule 1 (line 101)");
		begin();
		rule(1, rows[i].kind, rows[i].not);
		denied(rows[i].not, NOBODY);
		begin();
		rule(0, rows[i].kind, rows[i].not);
		allowed(rows[i].not);
	}
}

CASE(first, "the first rule that matches decides, whatever follows")
{
	begin();
	ALLOW(SUBJECT, "OU=ops");
	DENY(SUBJECT, "O=Example");
	allowed("allow, then deny");
	begin();
	DENY(SUBJECT, "O=Example");
	ALLOW(SUBJECT, "OU=ops");
	denied("deny, then allow", "denied by rule 1 (line 101)");
	begin();
	ALLOW(SUBJECT, "OU=dev");
	DENY(HASH, "SHA256:00");
	DENY(SAN, "ip:192.0.2.7");
	ALLOW(ISSUER, "CN=Client CA");
	denied("the third", "denied by rule 3 (line 103)");
}

CASE(nothing_matches, "who matches no rule is denied if there is any that "
    "allows, and else let in")
{
	begin();
	DENY(SUBJECT, "OU=dev");
	DENY(HASH, "SHA256:00");
	allowed("denials only");
	client.wh_peer = 0;
	allowed("denials only, no certificate");
	begin();
	DENY(SUBJECT, "OU=dev");
	ALLOW(SUBJECT, "OU=sales");
	denied("one that allows", NOBODY);
	client.wh_peer = 0;
	denied("one that allows, no certificate", NONE);
}

CASE(none, "\"none\" is for clients without a certificate, and nothing else "
    "is")
{
	begin();
	ALLOW(NONE, "");
	denied("a certificate", NOBODY);
	client.wh_peer = 0;
	allowed("none");
	begin();
	DENY(NONE, "");
	allowed("a certificate where none is denied");
	client.wh_peer = 0;
	denied("none denied", "denied by rule 1 (line 101)");

	/* Whatever else is said of a certificate that is not there. */
	begin();
	client.wh_peer = 0;
	ALLOW(SUBJECT, "CN=*");
	ALLOW(ISSUER, "CN=*");
	ALLOW(SAN, "dns:*.example.org");
	ALLOW(HASH, HASH);
	denied("fields without a certificate", NONE);
	begin();
	client.wh_peer = 0;
	ALLOW(HASH, "");
	client.wh_hash[0] = '\0';
	denied("no hash", NONE);
}

CASE(hash_case, "the case of a hash does not count, every digit does")
{
	char	 pattern[] = HASH;

	begin();
	ALLOW(HASH, "sha256:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
	    "0123456789abcdef");
	allowed("another case");
	begin();
	pattern[sizeof(pattern) - 2] = 'e';
	ALLOW(HASH, pattern);
	denied("another digit", NOBODY);
	begin();
	pattern[sizeof(pattern) - 2] = '\0';
	ALLOW(HASH, pattern);
	denied("a digit less", NOBODY);
}

CASE(malformed, "a subject or an issuer that is not one is denied by any "
    "rule about such, also where only others are to be denied")
{
	static const char *const	 texts[] = {
		"CN", "CN=a,", ",CN=a", "=a", "CN=a\\", "CN=a,,O=b", "CN=a\\z",
		"CN=\001", "CN=a\nO=b", "no name at all"
	};
	char	 many[WIRE_SUBJECT];
	size_t	 i, len = 0;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin();
		(void)strlcpy(client.wh_subject, texts[i],
		    sizeof(client.wh_subject));
		allowed(texts[i]);
		DENY(SUBJECT, "CN=evil");
		denied(texts[i], SUBJECT);
		begin();
		(void)strlcpy(client.wh_issuer, texts[i],
		    sizeof(client.wh_issuer));
		ALLOW(HASH, HASH);
		DENY(ISSUER, "CN=evil");
		denied(texts[i], ISSUER);
	}
	/* Too many attributes to be looked at. */
	for (i = 0; i < 100; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len,
		    "%sOU=%zu", i == 0 ? "" : ",", i);
	begin();
	(void)strlcpy(client.wh_subject, many, sizeof(client.wh_subject));
	DENY(SUBJECT, "OU=99");
	denied("a hundred attributes", SUBJECT);
}

CASE(unsaid, "a certificate of which the session could not say all is denied "
    "by any rule about that part, and by no other")
{
	begin();
	client.wh_peer |= WIRE_PEER_NAMES;
	DENY(SUBJECT, "CN=evil");
	ALLOW(HASH, HASH);
	allowed("more names, and no rule about them");
	DENY(SAN, "dns:evil.example");
	denied("more names", NAMES);
	begin();
	client.wh_peer |= WIRE_PEER_LONG;
	DENY(SAN, "dns:evil.example");
	ALLOW(HASH, HASH);
	allowed("a long subject, and no rule about it");
	DENY(SUBJECT, "CN=evil");
	denied("a long subject", SUBJECT);
	begin();
	client.wh_peer |= WIRE_PEER_LONG;
	DENY(ISSUER, "CN=evil");
	denied("a long issuer", ISSUER);
}

CASE(odd_names, "names that are not of their kind are denied by any rule "
    "about names, whichever they are")
{
	static const char *const	 names[] = {
		"dns:a..b", "dns:", "ip:1.2.3", "ip:192.0.2.0/24", "email:a",
		"email:@", "x", "x:y", "\n", "dns:a.example\n\ndns:b.example",
		"DNS:a.example", " dns:a.example", "dns:a b"
	};
	size_t	 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin();
		(void)strlcpy(client.wh_san, names[i], sizeof(client.wh_san));
		DENY(SUBJECT, "CN=evil");
		allowed(names[i]);
		DENY(SAN, "uri:evil:*");
		denied(names[i], NAMES);
	}
	begin();
	client.wh_san[0] = '\0';
	DENY(SAN, "dns:*");
	allowed("no names at all");
}

CASE(empty, "a certificate without a subject matches no rule about one")
{
	begin();
	client.wh_subject[0] = '\0';
	DENY(SUBJECT, "CN=*");
	allowed("to be denied");
	ALLOW(SUBJECT, "CN=*");
	denied("to be allowed", NOBODY);
	ALLOW(ISSUER, "CN=Client CA");
	allowed("by its issuer");
}

CASE(verdict, "the rule that has decided is named, and none where none has")
{
	struct verdict	 vd;

	begin();
	DENY(SAN, "dns:b.example.org");
	ALLOW(SUBJECT, "CN=a.example.org");
	ALLOW(ISSUER, "CN=Client CA");
	ATF_CHECK_EQ(1, rules_allow(&server, &client, &vd));
	ATF_CHECK_EQ(2, vd.vd_rule);
	ATF_CHECK_EQ(102, vd.vd_line);
	ATF_CHECK_STREQ("", vd.vd_reason);
	client.wh_peer = 0;
	ATF_CHECK_EQ(0, rules_allow(&server, &client, &vd));
	ATF_CHECK_EQ(0, vd.vd_rule);
	ATF_CHECK_EQ(0, vd.vd_line);
}

CASE(many, "of a thousand rules the last one decides, in no time")
{
	struct timespec	 a, b;
	struct verdict	 vd;
	char		 pattern[64];
	unsigned int	 i;

	begin();
	memset(client.wh_san, 0, sizeof(client.wh_san));
	for (i = 0; i < 200; i++)
		(void)strlcat(client.wh_san, "dns:aaaaaaaa.example\n",
		    sizeof(client.wh_san));
	for (i = 0; i < CONF_RULES_MAX - 1; i++) {
		(void)snprintf(pattern, sizeof(pattern),
		    "dns:*a*a*a*%u.example", i);
		ALLOW(SAN, pattern);
	}
	DENY(SUBJECT, "CN=a.example.org");
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	ATF_CHECK_EQ(0, rules_allow(&server, &client, &vd));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ATF_CHECK_STREQ("denied by rule 1000 (line 1100)", vd.vd_reason);
	ATF_CHECK_MSG(b.tv_sec - a.tv_sec < 2, "it took long");
}

CASE(longest, "names at their greatest length are looked at whole")
{
	size_t	 len;

	begin();
	memset(client.wh_subject, 'x', sizeof(client.wh_subject) - 1);
	memcpy(client.wh_subject, "O=", 2);
	memcpy(client.wh_subject + sizeof(client.wh_subject) - 1 - 6,
	    ",CN=at", 6);
	len = sizeof(client.wh_san) - 1;
	memset(client.wh_san, 'y', len);
	memcpy(client.wh_san, "uri:", 4);
	memcpy(client.wh_san + len - 7, "\ndns:at", 7);
	DENY(SUBJECT, "CN=at");
	denied("the last attribute", "denied by rule 1 (line 101)");
	begin();
	memset(client.wh_san, 'y', len);
	memcpy(client.wh_san, "uri:", 4);
	memcpy(client.wh_san + len - 7, "\ndns:at", 7);
	DENY(SAN, "dns:at");
	denied("the last name", "denied by rule 1 (line 101)");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, no_rules);
	ATF_TP_ADD_TC(tp, kinds);
	ATF_TP_ADD_TC(tp, first);
	ATF_TP_ADD_TC(tp, nothing_matches);
	ATF_TP_ADD_TC(tp, none);
	ATF_TP_ADD_TC(tp, hash_case);
	ATF_TP_ADD_TC(tp, malformed);
	ATF_TP_ADD_TC(tp, unsaid);
	ATF_TP_ADD_TC(tp, odd_names);
	ATF_TP_ADD_TC(tp, empty);
	ATF_TP_ADD_TC(tp, verdict);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, longest);
	return (atf_no_error());
}
