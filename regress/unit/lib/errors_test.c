/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The table of errors is an interface: every line of it. */

#include <sys/types.h>

#include <errno.h>
#include <string.h>

#include <atf-c.h>

#include "errors.h"
#include "securetcp.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

struct line {
	int		 l_number;
	const char	*l_name;
};

struct map {
	int	 m_errno;
	int	 m_number;
};

/* As SECURETCP.md has it, in numbers. */
static const struct line	 lines[] = {
	{ 0, "ptOk" },
	{ 10013, "ptNoAccess" },
	{ 10042, "ptOptionNotSupported" },
	{ 10048, "ptAddressInUse" },
	{ 10049, "ptAddressNotAvailable" },
	{ 10050, "ptNetworkDown" },
	{ 10051, "ptNetworkUnreachable" },
	{ 10052, "ptNetworkReset" },
	{ 10053, "ptConnectionAborted" },
	{ 10054, "ptConnectionReset" },
	{ 10055, "ptNoBufferSpace" },
	{ 10057, "ptNotConnected" },
	{ 10060, "ptTimeout" },
	{ 10061, "ptConnectionRefused" },
	{ 10065, "ptHostUnreachable" },
	{ 10093, "ptNotInitialized" },
	{ 11001, "ptHostNotFound" },
	{ 11002, "ptTryAgain" },
	{ 11003, "ptNoRecovery" },
	{ 11004, "ptNoData" },
	{ 11100, "ptError" },
	{ 11101, "ptProtocol" },
	{ 11102, "ptFile" },
	{ 11103, "ptAbort" },
	{ 12001, "ptInvalidParam1" },
	{ 12002, "ptInvalidParam2" },
	{ 12003, "ptInvalidParam3" },
	{ 12004, "ptInvalidParam4" },
	{ 12009, "ptInvalidProperty" },
	{ 12011, "ptBlocked" },
	{ 12012, "ptAuthentication" },
	{ 12013, "ptCompile" },
	{ 12014, "ptConnected" },
	{ 12015, "ptFormatError" },
	{ 12016, "ptServerError" },
	{ 12017, "ptNotFound" },
	{ 12018, "ptNotImplemented" },
	{ 12019, "ptOperationRefused" },
	{ 12020, "ptNoCertificate" },
	{ 12021, "ptInvalidMailAddress" },
	{ 12022, "ptNoSecurity" },
	{ 12024, "ptSocks4NoAcceptableMethods" },
	{ 12031, "ptSocks5ServerFailure" },
	{ 12032, "ptSocks5NoRuleSet" },
	{ 12033, "ptSocks5NetworkUnreachable" },
	{ 12034, "ptSocks5HostUnreachable" },
	{ 12035, "ptSocks5ConnectionRefused" },
	{ 12036, "ptSocks5TTLExpired" },
	{ 12037, "ptSocks5CommandNotSupported" },
	{ 12038, "ptSocks5AddressTypeNotSupported" },
	{ 12039, "ptSocks5AuthFailed" },
	{ 12091, "ptSocks4RequestRejected" },
	{ 12092, "ptSocks4NoIdentd" },
	{ 12093, "ptSocks4DifferentUserID" }
};

static const struct map	 maps[] = {
	{ 0, 0 },
	{ EACCES, 10013 },
	{ ENOPROTOOPT, 10042 },
	{ EADDRINUSE, 10048 },
	{ EADDRNOTAVAIL, 10049 },
	{ ENETDOWN, 10050 },
	{ ENETUNREACH, 10051 },
	{ ENETRESET, 10052 },
	{ ECONNABORTED, 10053 },
	{ ECONNRESET, 10054 },
	{ EPIPE, 10054 },
	{ ENOBUFS, 10055 },
	{ ENOMEM, 10055 },
	{ ENOTCONN, 10057 },
	{ ETIMEDOUT, 10060 },
	{ ECONNREFUSED, 10061 },
	{ EHOSTUNREACH, 10065 },
	{ EDOM, 11100 },
	{ -1, 11100 }
};

ATF_TC(table);
ATF_TC_HEAD(table, tc)
{
	atf_tc_set_md_var(tc, "descr", "every number has its name, a "
	    "description of its own and a policy; every other number has "
	    "none of them");
}
ATF_TC_BODY(table, tc)
{
	const char	*text;
	size_t		 i, j, known = 0;
	int		 n;

	for (i = 0; i < NITEMS(lines); i++) {
		ATF_CHECK_STREQ(lines[i].l_name,
		    securetcp_error_name(lines[i].l_number));
		text = securetcp_error_description(lines[i].l_number);
		ATF_REQUIRE(text != NULL && strlen(text) > 5);
		ATF_CHECK_EQ('.', text[strlen(text) - 1]);
		for (j = 0; j < i; j++)
			ATF_CHECK(strcmp(text, securetcp_error_description(
			    lines[j].l_number)) != 0);
		ATF_CHECK(securetcp_error_policy(lines[i].l_number) != NULL);
	}
	for (n = -20000; n < 20000; n++) {
		if (securetcp_error_name(n) != NULL) {
			known++;
			continue;
		}
		ATF_CHECK(securetcp_error_description(n) == NULL);
		ATF_CHECK(securetcp_error_policy(n) == NULL);
	}
	ATF_CHECK_EQ(NITEMS(lines), known);
}

ATF_TC(seed);
ATF_TC_HEAD(seed, tc)
{
	atf_tc_set_md_var(tc, "descr", "the descriptions that the component "
	    "model fixes word by word");
}
ATF_TC_BODY(seed, tc)
{
	ATF_CHECK_STREQ("Security protocol negotiation failed.",
	    securetcp_error_description(ptProtocol));
	ATF_CHECK_STREQ("There was an error in creating credentials.",
	    securetcp_error_description(ptNoCertificate));
	ATF_CHECK_STREQ("The client could not be authenticated.",
	    securetcp_error_description(ptAuthentication));
}

ATF_TC(policy);
ATF_TC_HEAD(policy, tc)
{
	atf_tc_set_md_var(tc, "descr", "what the peer did is held against "
	    "its source, what happened to us or was ordered is not");
}
ATF_TC_BODY(policy, tc)
{
	ATF_CHECK(securetcp_error_policy(ptProtocol)->penalty > 0);
	ATF_CHECK(securetcp_error_policy(ptConnectionAborted)->penalty > 0);
	ATF_CHECK(securetcp_error_policy(ptTimeout)->penalty > 0);
	ATF_CHECK(securetcp_error_policy(ptAuthentication)->penalty >
	    securetcp_error_policy(ptProtocol)->penalty);
	ATF_CHECK(securetcp_error_policy(ptError)->penalty >
	    securetcp_error_policy(ptAuthentication)->penalty);
	ATF_CHECK_EQ(0, securetcp_error_policy(ptConnectionRefused)->penalty);
	ATF_CHECK_EQ(0, securetcp_error_policy(ptNoCertificate)->penalty);
	ATF_CHECK_EQ(0, securetcp_error_policy(ptAbort)->penalty);
	ATF_CHECK_EQ(SECURETCP_LEVEL_VERBOSE,
	    securetcp_error_policy(ptOk)->level);
	ATF_CHECK_EQ(SECURETCP_LEVEL_STATE,
	    securetcp_error_policy(ptAbort)->level);
	ATF_CHECK_EQ(SECURETCP_LEVEL_ERRORS,
	    securetcp_error_policy(ptProtocol)->level);
}

ATF_TC(errnos);
ATF_TC_HEAD(errnos, tc)
{
	atf_tc_set_md_var(tc, "descr", "errno values map to their numbers, "
	    "an unlisted one to ptError");
}
ATF_TC_BODY(errnos, tc)
{
	size_t	 i;

	for (i = 0; i < NITEMS(maps); i++)
		ATF_CHECK_EQ(maps[i].m_number,
		    securetcp_error_errno(maps[i].m_errno));
}

ATF_TC(states);
ATF_TC_HEAD(states, tc)
{
	atf_tc_set_md_var(tc, "descr", "the states, their numbers and names");
}
ATF_TC_BODY(states, tc)
{
	ATF_CHECK_STREQ("closed", securetcp_state_name(0));
	ATF_CHECK_STREQ("connecting", securetcp_state_name(1));
	ATF_CHECK_STREQ("connected", securetcp_state_name(2));
	ATF_CHECK_STREQ("closing", securetcp_state_name(3));
	ATF_CHECK(securetcp_state_name(4) == NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, table);
	ATF_TP_ADD_TC(tp, seed);
	ATF_TP_ADD_TC(tp, policy);
	ATF_TP_ADD_TC(tp, errnos);
	ATF_TP_ADD_TC(tp, states);
	return (atf_no_error());
}
