/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef SECURETCP_H
#define SECURETCP_H

#include <sys/types.h>

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SECURETCP_KEYID		32	/* bytes of a key's identity */

struct securetcp;
struct securetcp_config;

enum securetcp_state {
	SECURETCP_CLOSED = 0,
	SECURETCP_CONNECTING = 1,
	SECURETCP_CONNECTED = 2,
	SECURETCP_CLOSING = 3
};

/*
 * Results.  Every call that can fail returns 0 or one of these numbers;
 * receive returns SECURETCP_AGAIN when there is nothing to read yet.  Where
 * the comments below do not say more: ptNotConnected when the state does
 * not allow the call, ptInvalidParamN for the Nth parameter, ptBlocked from
 * inside the signing hook; in these cases nothing has changed.
 *
 * Objects and configurations belong to one thread.  The library changes no
 * signal and needs none changed: it never raises SIGPIPE.
 */
#define SECURETCP_AGAIN		(-1)

enum securetcp_error {
	ptOk = 0,
	ptNoAccess = 10013,
	ptOptionNotSupported = 10042,
	ptAddressInUse = 10048,
	ptAddressNotAvailable = 10049,
	ptNetworkDown = 10050,
	ptNetworkUnreachable = 10051,
	ptNetworkReset = 10052,
	ptConnectionAborted = 10053,
	ptConnectionReset = 10054,
	ptNoBufferSpace = 10055,
	ptNotConnected = 10057,
	ptTimeout = 10060,
	ptConnectionRefused = 10061,
	ptHostUnreachable = 10065,
	ptNotInitialized = 10093,
	ptHostNotFound = 11001,
	ptTryAgain = 11002,
	ptNoRecovery = 11003,
	ptNoData = 11004,
	ptError = 11100,
	ptProtocol = 11101,
	ptFile = 11102,
	ptAbort = 11103,
	ptInvalidParam1 = 12001,
	ptInvalidParam2 = 12002,
	ptInvalidParam3 = 12003,
	ptInvalidParam4 = 12004,
	ptInvalidProperty = 12009,
	ptBlocked = 12011,
	ptAuthentication = 12012,
	ptCompile = 12013,
	ptConnected = 12014,
	ptFormatError = 12015,
	ptServerError = 12016,
	ptNotFound = 12017,
	ptNotImplemented = 12018,
	ptOperationRefused = 12019,
	ptNoCertificate = 12020,
	ptInvalidMailAddress = 12021,
	ptNoSecurity = 12022,
	ptSocks4NoAcceptableMethods = 12024,
	ptSocks5ServerFailure = 12031,
	ptSocks5NoRuleSet = 12032,
	ptSocks5NetworkUnreachable = 12033,
	ptSocks5HostUnreachable = 12034,
	ptSocks5ConnectionRefused = 12035,
	ptSocks5TTLExpired = 12036,
	ptSocks5CommandNotSupported = 12037,
	ptSocks5AddressTypeNotSupported = 12038,
	ptSocks5AuthFailed = 12039,
	ptSocks4RequestRejected = 12091,
	ptSocks4NoIdentd = 12092,
	ptSocks4DifferentUserID = 12093
};

/* "ptProtocol"; the fixed description; NULL for an unknown number. */
const char	*securetcp_error_name(int);
const char	*securetcp_error_description(int);
/* The number that stands for an errno value; ptError for an unlisted one. */
int		 securetcp_error_errno(int);
const char	*securetcp_state_name(enum securetcp_state);

/*
 * What many objects share: protocols, ciphers, certificates.  Reference
 * counted: an object keeps its config alive.  Strings and memory given are
 * copied.  After a call that returned non-zero securetcp_config_error()
 * says what was wrong with what, and nothing has changed.  Once the context
 * was built the settings are fixed: ptOperationRefused.  new returns NULL
 * with errno; free accepts NULL.
 */
struct securetcp_config
		*securetcp_config_new(void);
void		 securetcp_config_free(struct securetcp_config *);
const char	*securetcp_config_error(const struct securetcp_config *);
/* libtls strings: "secure", "tlsv1.2,tlsv1.3". */
int		 securetcp_config_set_protocol(struct securetcp_config *,
		    const char *);
/*
 * A libtls word or an OpenSSL cipher list, for TLS 1.2.  Suites without
 * authentication, without encryption or with RSA key transport are never
 * used, whatever the list says: the last would need a decryption.
 */
int		 securetcp_config_set_ciphers(struct securetcp_config *,
		    const char *);
/* A comma-separated list: "X25519,P-256". */
int		 securetcp_config_set_curves(struct securetcp_config *,
		    const char *);
/*
 * Adds a PEM chain, leaf first, and its PEM key; without a key (NULL, 0) it
 * lives elsewhere and the hook of securetcp_set_signer() is asked, for all
 * certificates or for none.  The first is the default; the others are chosen
 * by server name, exact names before wildcards.  ptNoCertificate: unreadable,
 * neither RSA nor ECDSA, or the key of another certificate.
 */
int		 securetcp_config_add_certificate(struct securetcp_config *,
		    const void *, size_t, const void *, size_t);
/*
 * Builds the TLS context now rather than at the first use, so that it can
 * be shared by fork(2): ptNoCertificate, ptNoSecurity.  Where keys live
 * elsewhere the signer must have been set.
 */
int		 securetcp_config_prepare(struct securetcp_config *);

/*
 * Makes the TLS library load all it loads lazily (algorithms, strings,
 * random numbers) by handshakes with itself under a throw-away key: to be
 * called before a sandbox or a fork(2), and after securetcp_set_signer()
 * where that is used.  ptNoSecurity, ptNoBufferSpace.
 */
int		 securetcp_warm(void);

/*
 * Private keys outside the process.  securetcp_set_signer() installs, once,
 * the TLS library's default RSA and EC methods so that an operation with a
 * key whose private part is absent calls the hook; other keys are not
 * touched.  The hook blocks until it has the signature.  RSA: in is a
 * padded block of modulus size and out takes as much; ECDSA: in is a digest
 * and out takes a DER signature.  It returns the signature's length, or -1,
 * which ends the handshake with Error(ptNoCertificate).  It may not call
 * methods of the object that shakes hands, but free it.  A later call of
 * securetcp_set_signer() replaces the hook.
 */
enum securetcp_keytype {
	SECURETCP_RSA = 1,
	SECURETCP_ECDSA = 2
};

struct securetcp_signing {
	uint8_t			 ss_id[SECURETCP_KEYID];
	enum securetcp_keytype	 ss_type;
	const uint8_t		*ss_in;
	size_t			 ss_inlen;
	uint8_t			*ss_out;
	size_t			 ss_outsize;
};

int		 securetcp_set_signer(
		    int (*)(const struct securetcp_signing *, void *), void *);
/*
 * The identity by which a signer knows a key: SHA-256 over the public key
 * (PKCS#1 RSAPublicKey, or the EC point) of the first certificate of a PEM
 * chain.  0, or ptNoCertificate when it is unreadable or neither RSA nor
 * ECDSA.
 */
int		 securetcp_key_id(const void *, size_t,
		    uint8_t [SECURETCP_KEYID], enum securetcp_keytype *);

/*
 * Event handlers; any may be NULL.  They may close, abort or free their own
 * object, and in State(closed) assign the next socket.
 *
 * Every change of state is told once and in order.  Error comes before the
 * State(closing) and State(closed) it causes, with the number's description;
 * securetcp_reason() says what happened.
 *
 * st_receive says that receive has something to give, data or the end.  It
 * is one-shot: armed by connected and again by each receive that returned
 * SECURETCP_AGAIN; in between nothing is read from the peer, and its end is
 * not noticed.  st_send says that the send queue has fallen to half of its
 * limit or less, or that the peer takes no more at all, after a send that
 * could not take everything.
 */
struct securetcp_handlers {
	void	(*st_state)(struct securetcp *, enum securetcp_state, void *);
	void	(*st_error)(struct securetcp *, int, const char *, void *);
	void	(*st_receive)(struct securetcp *, void *);
	void	(*st_send)(struct securetcp *, void *);
};

struct securetcp
		*securetcp_new(struct securetcp_config *,
		    const struct securetcp_handlers *, void *);
/* Abort without events; legal from inside any handler; accepts NULL. */
void		 securetcp_free(struct securetcp *);

enum securetcp_state
		 securetcp_state(const struct securetcp *);
/* The descriptor, -1 when nothing is allocated. */
int		 securetcp_socket(const struct securetcp *);
/* Why the last error or closing happened; "" when there is nothing to say. */
const char	*securetcp_reason(const struct securetcp *);

/*
 * Half-close: the peer's end does not end our direction.  Default off.
 *
 * off	the peer's end: State(closing); what it sent stays readable; when all
 *	was read the queue and our end are sent; State(closed).
 * on	the peer's end: State(closing); data stays readable and send legal;
 *	State(closed) when our end was sent too, by shutdown or close, and
 *	the peer's direction was read to its end, which close does not await.
 */
int		 securetcp_set_half_close(struct securetcp *, int);
/*
 * Greatest number of plaintext bytes queued for sending; default 65536.
 * ptBlocked while anything is queued.
 */
int		 securetcp_set_send_limit(struct securetcp *, size_t);

/*
 * Assigns an accepted socket, which the object owns and closes from then
 * on, makes it non-blocking, close-on-exec and without delay, and begins to
 * negotiate as a server.  State(connecting) is delivered before the call
 * returns.
 *
 * ptConnected (the state is not closed) and ptInvalidParam2 (no descriptor):
 * the socket stays the caller's.  ptNoCertificate and ptNoSecurity: the
 * credentials or the library are unusable; State(connecting, closing,
 * closed) were delivered and no Error.  ptAbort: a handler ended it at once.
 */
int		 securetcp_set_socket(struct securetcp *, int);

/*
 * Queues up to the limit and sends what it can; *sent is what was taken,
 * 0 bytes when the queue is full.  ptNotConnected in the wrong state, also
 * after shutdown.  Another number, such as ptConnectionReset: the connection
 * failed in this call and the events were delivered.
 *
 * When the peer no longer takes data but what it has sent before is unread,
 * the failure waits until that is read; what is sent meanwhile is dropped.
 */
int		 securetcp_send(struct securetcp *, const void *, size_t,
		    size_t *);
/*
 * 0 with *got > 0; 0 with *got == 0 at the end; or SECURETCP_AGAIN.  The
 * call that meets the end or a failure delivers the events of that, and
 * returns a failure's number.  Call it until it gives SECURETCP_AGAIN or the
 * end.  ptNotConnected also after close.
 */
int		 securetcp_receive(struct securetcp *, void *, size_t,
		    size_t *);
/* Ends our direction once the queue is sent: close_notify, end of file. */
int		 securetcp_shutdown(struct securetcp *);
/*
 * Graceful: State(closing) unless there, flush, State(closed), in the call
 * itself when nothing has to wait.  Unread data is dropped.  ptNotConnected
 * unless connected, or closing with half-close.  How long the flush may
 * take is the caller's to bound, with abort or free.
 */
int		 securetcp_close(struct securetcp *);
/*
 * Hard: Error(ptAbort), State(closing) unless there, State(closed) before it
 * returns; no close_notify.  When closed: 0 and no event.
 */
int		 securetcp_abort(struct securetcp *);

/*
 * Waiting.  securetcp_pollfds() fills at most the given number of pollfds
 * and sets *timeout to the milliseconds after which dispatch must be called
 * anyway (-1: never); it returns how many it filled, one at most now.  After
 * poll(2), also when that timed out, securetcp_dispatch() takes them back
 * and delivers what happened.  Zero pollfds and -1: nothing is waited for
 * until a method is called.
 */
size_t		 securetcp_pollfds(struct securetcp *, struct pollfd *, size_t,
		    int *);
int		 securetcp_dispatch(struct securetcp *, const struct pollfd *,
		    size_t);

/*
 * Plaintext bytes that wait for receive, and for the socket; what the kernel
 * or the TLS library holds is not counted.
 */
size_t		 securetcp_receive_count(const struct securetcp *);
size_t		 securetcp_send_count(const struct securetcp *);
/*
 * Plaintext bytes received and sent since the socket was assigned; queued
 * ones are not sent yet.  These and what follows keep their values after
 * closed until the next socket is assigned.
 */
uint64_t	 securetcp_bytes_in(const struct securetcp *);
uint64_t	 securetcp_bytes_out(const struct securetcp *);
/* True when the peer has sent nothing at all, not even garbage. */
int		 securetcp_silent(const struct securetcp *);
/* True when its data ended without close_notify. */
int		 securetcp_truncated(const struct securetcp *);

/* After connected; "" before, and where the peer gave none. */
const char	*securetcp_version(const struct securetcp *);
const char	*securetcp_cipher(const struct securetcp *);
const char	*securetcp_servername(const struct securetcp *);
const char	*securetcp_alpn(const struct securetcp *);

#ifdef __cplusplus
}
#endif

#endif /* SECURETCP_H */
