/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The one table of errors: number, name, description, policy. */

#include <sys/types.h>

#include <errno.h>
#include <netdb.h>
#include <stddef.h>

#include "compat.h"
#include "errors.h"
#include "object.h"
#include "securetcp.h"

#define VERBOSE		SECURETCP_LEVEL_VERBOSE
#define STATE		SECURETCP_LEVEL_STATE
#define ERRORS		SECURETCP_LEVEL_ERRORS

/*
 * In rising order: looked up by bisection.  The penalties are in seconds:
 * few for what a broken client does as well as a bad one, more for a refused
 * identity and for a handshake that never ends, many for a session that is
 * dead or does what it may not; one that ends for any other reason is our
 * own fault, which the daemon tells apart.
 */
#define ERROR_TABLE							\
	E(ptOk, 0, VERBOSE,						\
	    "No error.")						\
	E(ptNoAccess, 0, ERRORS,					\
	    "Permission was denied.")					\
	E(ptOptionNotSupported, 0, ERRORS,				\
	    "The socket option is not supported.")			\
	E(ptAddressInUse, 0, ERRORS,					\
	    "The address is already in use.")				\
	E(ptAddressNotAvailable, 0, ERRORS,				\
	    "The address is not available on this machine.")		\
	E(ptNetworkDown, 0, ERRORS,					\
	    "The network is down.")					\
	E(ptNetworkUnreachable, 0, ERRORS,				\
	    "The network is unreachable.")				\
	E(ptNetworkReset, 0, ERRORS,					\
	    "The network dropped the connection.")			\
	E(ptConnectionAborted, 1, ERRORS,				\
	    "The connection was aborted.")				\
	E(ptConnectionReset, 0, ERRORS,					\
	    "The connection was reset by the peer.")			\
	E(ptNoBufferSpace, 0, ERRORS,					\
	    "No memory or buffer space is available.")			\
	E(ptNotConnected, 0, ERRORS,					\
	    "The object is not in a state for this.")			\
	E(ptTimeout, 5, ERRORS,						\
	    "The operation timed out.")					\
	E(ptConnectionRefused, 0, ERRORS,				\
	    "The connection was refused.")				\
	E(ptHostUnreachable, 0, ERRORS,					\
	    "The host is unreachable.")					\
	E(ptNotInitialized, 0, ERRORS,					\
	    "The library is not initialized.")				\
	E(ptHostNotFound, 0, ERRORS,					\
	    "The host was not found.")					\
	E(ptTryAgain, 0, ERRORS,					\
	    "The host could not be looked up at this time.")		\
	E(ptNoRecovery, 0, ERRORS,					\
	    "The host could not be looked up.")				\
	E(ptNoData, 0, ERRORS,						\
	    "The host has no address.")					\
	E(ptError, 90, ERRORS,						\
	    "An unexpected error occurred.")				\
	E(ptProtocol, 2, ERRORS,					\
	    "Security protocol negotiation failed.")			\
	E(ptFile, 0, ERRORS,						\
	    "A file could not be used.")				\
	E(ptAbort, 0, STATE,						\
	    "The connection was aborted by request.")			\
	E(ptInvalidParam1, 0, ERRORS,					\
	    "The first parameter is invalid.")				\
	E(ptInvalidParam2, 0, ERRORS,					\
	    "The second parameter is invalid.")				\
	E(ptInvalidParam3, 0, ERRORS,					\
	    "The third parameter is invalid.")				\
	E(ptInvalidParam4, 0, ERRORS,					\
	    "The fourth parameter is invalid.")				\
	E(ptInvalidProperty, 0, ERRORS,					\
	    "The property's value is invalid.")				\
	E(ptBlocked, 0, ERRORS,						\
	    "Another call of the object is in progress.")		\
	E(ptAuthentication, 5, ERRORS,					\
	    "The client could not be authenticated.")			\
	E(ptCompile, 0, ERRORS,						\
	    "The expression could not be compiled.")			\
	E(ptConnected, 0, ERRORS,					\
	    "The object is already connected.")				\
	E(ptFormatError, 0, ERRORS,					\
	    "The name server could not understand the question.")	\
	E(ptServerError, 0, ERRORS,					\
	    "The name server failed.")					\
	E(ptNotFound, 0, ERRORS,					\
	    "The name does not exist.")					\
	E(ptNotImplemented, 0, ERRORS,					\
	    "The name server does not do this kind of question.")	\
	E(ptOperationRefused, 0, ERRORS,				\
	    "The operation was refused.")				\
	E(ptNoCertificate, 0, ERRORS,					\
	    "There was an error in creating credentials.")		\
	E(ptInvalidMailAddress, 0, ERRORS,				\
	    "The mail address is invalid.")				\
	E(ptNoSecurity, 0, ERRORS,					\
	    "The security library is not usable.")			\
	E(ptSocks4NoAcceptableMethods, 0, ERRORS,			\
	    "SOCKS: no acceptable authentication method.")		\
	E(ptSocks5ServerFailure, 0, ERRORS,				\
	    "SOCKS 5: general server failure.")				\
	E(ptSocks5NoRuleSet, 0, ERRORS,					\
	    "SOCKS 5: not allowed by the rule set.")			\
	E(ptSocks5NetworkUnreachable, 0, ERRORS,			\
	    "SOCKS 5: the network is unreachable.")			\
	E(ptSocks5HostUnreachable, 0, ERRORS,				\
	    "SOCKS 5: the host is unreachable.")			\
	E(ptSocks5ConnectionRefused, 0, ERRORS,				\
	    "SOCKS 5: the connection was refused.")			\
	E(ptSocks5TTLExpired, 0, ERRORS,				\
	    "SOCKS 5: the time to live expired.")			\
	E(ptSocks5CommandNotSupported, 0, ERRORS,			\
	    "SOCKS 5: the command is not supported.")			\
	E(ptSocks5AddressTypeNotSupported, 0, ERRORS,			\
	    "SOCKS 5: the address type is not supported.")		\
	E(ptSocks5AuthFailed, 0, ERRORS,				\
	    "SOCKS 5: authentication failed.")				\
	E(ptSocks4RequestRejected, 0, ERRORS,				\
	    "SOCKS 4: the request was rejected.")			\
	E(ptSocks4NoIdentd, 0, ERRORS,					\
	    "SOCKS 4: the client's identd is unreachable.")		\
	E(ptSocks4DifferentUserID, 0, ERRORS,				\
	    "SOCKS 4: the client's identd names another user.")

struct error {
	int			 e_number;
	const char		*e_name;
	const char		*e_description;
	struct securetcp_policy	 e_policy;
};

struct error_errno {
	int	 ee_errno;
	int	 ee_number;
};

#define E(number, penalty, level, description)				\
	{ number, #number, description, { penalty, level } },
static const struct error	 error_table[] = { ERROR_TABLE };
#undef E

static const struct error_errno	 error_errnos[] = {
	{ 0, ptOk },
	{ EACCES, ptNoAccess },
	{ ENOPROTOOPT, ptOptionNotSupported },
	{ EADDRINUSE, ptAddressInUse },
	{ EADDRNOTAVAIL, ptAddressNotAvailable },
	{ ENETDOWN, ptNetworkDown },
	{ ENETUNREACH, ptNetworkUnreachable },
	{ ENETRESET, ptNetworkReset },
	{ ECONNABORTED, ptConnectionAborted },
	{ ECONNRESET, ptConnectionReset },
	{ EPIPE, ptConnectionReset },
	{ ENOBUFS, ptNoBufferSpace },
	{ ENOMEM, ptNoBufferSpace },
	{ ENOTCONN, ptNotConnected },
	{ ETIMEDOUT, ptTimeout },
	{ ECONNREFUSED, ptConnectionRefused },
	{ EHOSTUNREACH, ptHostUnreachable }
};

static const struct error	*error_find(int);

static const struct error *
error_find(int number)
{
	size_t	 low = 0, high = nitems(error_table), middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (error_table[middle].e_number == number)
			return (&error_table[middle]);
		if (error_table[middle].e_number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return (NULL);
}

const char *
securetcp_error_name(int number)
{
	const struct error	*e = error_find(number);

	return (e == NULL ? NULL : e->e_name);
}

const char *
securetcp_error_description(int number)
{
	const struct error	*e = error_find(number);

	return (e == NULL ? NULL : e->e_description);
}

const struct securetcp_policy *
securetcp_error_policy(int number)
{
	const struct error	*e = error_find(number);

	return (e == NULL ? NULL : &e->e_policy);
}

int
securetcp_error_errno(int error)
{
	size_t	 i;

	for (i = 0; i < nitems(error_errnos); i++) {
		if (error_errnos[i].ee_errno == error)
			return (error_errnos[i].ee_number);
	}
	return (ptError);
}

/* Not every C library has all of these words any more. */
int
securetcp_error_lookup(int error)
{
	switch (error) {
	case 0:
		return (ptOk);
	case EAI_NONAME:
		return (ptHostNotFound);
	case EAI_AGAIN:
		return (ptTryAgain);
	case EAI_FAIL:
		return (ptNoRecovery);
#ifdef EAI_NODATA
	case EAI_NODATA:
		return (ptNoData);
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
		return (ptNoData);
#endif
	case EAI_MEMORY:
		return (ptNoBufferSpace);
	case EAI_SYSTEM:
		return (securetcp_error_errno(errno));
	default:
		return (ptError);
	}
}

int
securetcp_library_version(void)
{
	return (SECURETCP_LIBRARY_VERSION);
}

const char *
securetcp_state_name(enum securetcp_state state)
{
	switch (state) {
	case SECURETCP_CLOSED:
		return ("closed");
	case SECURETCP_CONNECTING:
		return ("connecting");
	case SECURETCP_CONNECTED:
		return ("connected");
	case SECURETCP_CLOSING:
		return ("closing");
	}
	return (NULL);
}
