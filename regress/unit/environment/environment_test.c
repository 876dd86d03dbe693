/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "securetcpd.h"

static struct wire_run		 wrn;
static struct wire_established	 wh;
static struct sockaddr_storage	 local, peer;

static void	 address(struct sockaddr_storage *, const char *, uint16_t);
static void	 setup(void);
static const char
		*value(const char *);
static void	 check(const char *, const char *);
static void	 make(void);
static void	 stuff(char *, size_t, char);

static void
address(struct sockaddr_storage *ss, const char *text, uint16_t port)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(ss, 0, sizeof(*ss));
	memset(&sin, 0, sizeof(sin));
	memset(&sin6, 0, sizeof(sin6));
	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1) {
		sin.sin_family = AF_INET;
		sin.sin_port = htons(port);
		memcpy(ss, &sin, sizeof(sin));
		return;
	}
	ATF_REQUIRE_EQ(1, inet_pton(AF_INET6, text, &sin6.sin6_addr));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_port = htons(port);
	memcpy(ss, &sin6, sizeof(sin6));
}

static void
setup(void)
{
	memset(&wh, 0, sizeof(wh));
	address(&local, "192.0.2.1", 443);
	address(&peer, "2001:db8::7", 50000);
	(void)strlcpy(wh.wh_version, "TLSv1.3", sizeof(wh.wh_version));
	(void)strlcpy(wh.wh_cipher, "AEAD-AES256-GCM-SHA384",
	    sizeof(wh.wh_cipher));
}

/* Of the one variable of that name, or NULL. */
static const char *
value(const char *name)
{
	const char	*found = NULL, *p = (const char *)wrn.wrn_environment;
	const char	*end = p + wrn.wrn_environment_len;
	size_t		 len = strlen(name);

	for (; p < end; p += strlen(p) + 1) {
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		ATF_REQUIRE(found == NULL);
		found = p + len + 1;
	}
	return (found);
}

static void
check(const char *name, const char *wanted)
{
	const char	*found = value(name);

	if (found == NULL || wanted == NULL) {
		ATF_CHECK_MSG(found == wanted, "%s is %s, not %s", name,
		    found == NULL ? "not there" : found,
		    wanted == NULL ? "left out" : wanted);
		return;
	}
	ATF_CHECK_STREQ(wanted, found);
}

static void
make(void)
{
	ATF_REQUIRE_EQ(0, environment_make(&wrn, 17, &local, &peer, &wh));
	ATF_REQUIRE(wrn.wrn_environment_len > 0);
	ATF_CHECK_EQ('\0',
	    wrn.wrn_environment[wrn.wrn_environment_len - 1]);
}

ATF_TC(plain);
ATF_TC_HEAD(plain, tc)
{
	atf_tc_set_md_var(tc, "descr", "a client without a certificate: who is "
	    "connected and how, and nothing that is not known");
}
ATF_TC_BODY(plain, tc)
{
	static const char	 wanted[] = "PATH=/usr/local/sbin:"
	    "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0PROTO=TLS\0"
	    "SECURETCP_SESSION=17\0TCPLOCALIP=192.0.2.1\0TCPLOCALPORT=443\0"
	    "TCPREMOTEIP=2001:db8::7\0TCPREMOTEPORT=50000\0"
	    "SSL_PROTOCOL=TLSv1.3\0SSL_CIPHER=AEAD-AES256-GCM-SHA384";

	setup();
	/* Without the certificate these are none of its. */
	(void)strlcpy(wh.wh_subject, "CN=nobody", sizeof(wh.wh_subject));
	wh.wh_notafter = 1;
	make();
	ATF_REQUIRE_EQ(sizeof(wanted), wrn.wrn_environment_len);
	ATF_CHECK_EQ(0, memcmp(wanted, wrn.wrn_environment, sizeof(wanted)));
}

ATF_TC(everything);
ATF_TC_HEAD(everything, tc)
{
	atf_tc_set_md_var(tc, "descr", "all that TLS and a certificate can "
	    "tell has its variable");
}
ATF_TC_BODY(everything, tc)
{
	setup();
	address(&local, "::1", 8443);
	address(&peer, "127.0.0.1", 1);
	(void)strlcpy(wh.wh_servername, "www.example.org",
	    sizeof(wh.wh_servername));
	(void)strlcpy(wh.wh_alpn, "http/1.1", sizeof(wh.wh_alpn));
	wh.wh_peer = 1;
	(void)strlcpy(wh.wh_hash, "SHA256:0123", sizeof(wh.wh_hash));
	(void)strlcpy(wh.wh_subject, "O=Example\\, Inc.,CN=joe",
	    sizeof(wh.wh_subject));
	(void)strlcpy(wh.wh_issuer, "CN=Example CA", sizeof(wh.wh_issuer));
	(void)strlcpy(wh.wh_san, "dns:a.example.org\nemail:joe@example.org",
	    sizeof(wh.wh_san));
	wh.wh_notbefore = 1;
	wh.wh_notafter = 1767323045;
	make();
	check("PROTO", "TLS");
	check("TCPLOCALIP", "::1");
	check("TCPLOCALPORT", "8443");
	check("TCPREMOTEIP", "127.0.0.1");
	check("TCPREMOTEPORT", "1");
	check("SSL_TLS_SNI_SERVERNAME", "www.example.org");
	check("SSL_ALPN", "http/1.1");
	check("SSL_PEER_CERT_HASH", "SHA256:0123");
	check("SSL_PEER_CERT_SUBJECT", "O=Example\\, Inc.,CN=joe");
	check("SSL_PEER_CERT_ISSUER", "CN=Example CA");
	check("SSL_PEER_CERT_SAN", "dns:a.example.org,email:joe@example.org");
	check("SSL_PEER_CERT_NOTAFTER", "2026-01-02T03:04:05Z");
	check("SECURETCP_SESSION", "17");
}

ATF_TC(names);
ATF_TC_HEAD(names, tc)
{
	atf_tc_set_md_var(tc, "descr", "a comma or backslash in an alternative "
	    "name cannot be taken for the list's");
}
ATF_TC_BODY(names, tc)
{
	static const struct {
		const char	*lines;
		const char	*list;
	} cases[] = {
		{ "dns:a", "dns:a" },
		{ "dns:a\n", "dns:a" },
		{ "dns:a\ndns:b\nip:::1", "dns:a,dns:b,ip:::1" },
		{ "uri:x,dns:root", "uri:x\\,dns:root" },
		{ "uri:x\\\ndns:b", "uri:x\\\\,dns:b" },
		{ "uri:\\0A,\\", "uri:\\\\0A\\,\\\\" },
	};
	size_t	 i;

	setup();
	wh.wh_peer = 1;
	make();
	check("SSL_PEER_CERT_SAN", NULL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)strlcpy(wh.wh_san, cases[i].lines, sizeof(wh.wh_san));
		make();
		check("SSL_PEER_CERT_SAN", cases[i].list);
	}
	/* Some were left out, or all of them. */
	wh.wh_peer |= WIRE_PEER_NAMES;
	(void)strlcpy(wh.wh_san, "dns:a\ndns:b", sizeof(wh.wh_san));
	make();
	check("SSL_PEER_CERT_SAN", "dns:a,dns:b,...");
	wh.wh_san[0] = '\0';
	make();
	check("SSL_PEER_CERT_SAN", "...");
}

ATF_TC(control);
ATF_TC_HEAD(control, tc)
{
	atf_tc_set_md_var(tc, "descr", "a session that lies can put no control "
	    "character into the environment; other bytes stay as they are");
}
ATF_TC_BODY(control, tc)
{
	size_t	 i;

	setup();
	wh.wh_peer = 1;
	(void)strlcpy(wh.wh_subject, "CN=a\nPATH=/tmp\033[2J\177",
	    sizeof(wh.wh_subject));
	(void)strlcpy(wh.wh_san, "dns:a\tb", sizeof(wh.wh_san));
	(void)strlcpy(wh.wh_alpn, "\303\244\200\377", sizeof(wh.wh_alpn));
	make();
	check("SSL_PEER_CERT_SUBJECT", "CN=a\\0APATH=/tmp\\1B[2J\\7F");
	check("SSL_PEER_CERT_SAN", "dns:a\\09b");
	check("SSL_ALPN", "\303\244\200\377");
	for (i = 0; i < wrn.wrn_environment_len; i++) {
		if (wrn.wrn_environment[i] != '\0')
			ATF_CHECK(wrn.wrn_environment[i] >= ' ');
	}
}

ATF_TC(unknown);
ATF_TC_HEAD(unknown, tc)
{
	atf_tc_set_md_var(tc, "descr", "an unknown address and a date beyond "
	    "all calendars are left out");
}
ATF_TC_BODY(unknown, tc)
{
	setup();
	memset(&local, 0, sizeof(local));
	peer.ss_family = AF_UNIX;
	wh.wh_peer = 1;
	wh.wh_notafter = UINT64_MAX;
	make();
	check("TCPLOCALIP", NULL);
	check("TCPLOCALPORT", NULL);
	check("TCPREMOTEIP", NULL);
	check("TCPREMOTEPORT", NULL);
	check("SSL_PEER_CERT_NOTAFTER", NULL);
	wh.wh_notafter = 253402300799;
	make();
	check("SSL_PEER_CERT_NOTAFTER", "9999-12-31T23:59:59Z");
	wh.wh_notafter++;
	make();
	check("SSL_PEER_CERT_NOTAFTER", NULL);
}

static void
stuff(char *field, size_t size, char c)
{
	memset(field, c, size - 1);
	field[size - 1] = '\0';
}

ATF_TC(bounds);
ATF_TC_HEAD(bounds, tc)
{
	atf_tc_set_md_var(tc, "descr", "the longest of everything fits, with "
	    "each byte of the names escaped; what no honest session can say "
	    "may not, and is refused whole");
}
ATF_TC_BODY(bounds, tc)
{
	setup();
	address(&local, "2001:db8:1111:2222:3333:4444:5555:6666", 65535);
	peer = local;
	stuff(wh.wh_version, sizeof(wh.wh_version), 'v');
	stuff(wh.wh_cipher, sizeof(wh.wh_cipher), 'c');
	stuff(wh.wh_servername, sizeof(wh.wh_servername), 's');
	stuff(wh.wh_alpn, sizeof(wh.wh_alpn), 'a');
	stuff(wh.wh_subject, sizeof(wh.wh_subject), '\\');
	stuff(wh.wh_issuer, sizeof(wh.wh_issuer), ',');
	stuff(wh.wh_hash, sizeof(wh.wh_hash), 'h');
	stuff(wh.wh_san, sizeof(wh.wh_san), ',');
	wh.wh_peer = 1;
	wh.wh_notafter = 253402300799;
	ATF_REQUIRE_EQ(0, environment_make(&wrn, UINT64_MAX, &local, &peer,
	    &wh));
	ATF_CHECK_EQ(2 * (sizeof(wh.wh_san) - 1),
	    strlen(value("SSL_PEER_CERT_SAN")));
	ATF_CHECK_EQ(sizeof(wh.wh_subject) - 1,
	    strlen(value("SSL_PEER_CERT_SUBJECT")));
	stuff(wh.wh_san, sizeof(wh.wh_san), '\001');
	ATF_CHECK_EQ(-1, environment_make(&wrn, UINT64_MAX, &local, &peer,
	    &wh));
	ATF_CHECK(wrn.wrn_environment_len <= sizeof(wrn.wrn_environment));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, plain);
	ATF_TP_ADD_TC(tp, everything);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, control);
	ATF_TP_ADD_TC(tp, unknown);
	ATF_TP_ADD_TC(tp, bounds);
	return (atf_no_error());
}
