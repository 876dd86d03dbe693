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
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 10000 * major + 100 * minor + patch: of this header, of the library. */
#define SECURETCP_LIBRARY_VERSION	10000
int		 securetcp_library_version(void);

#define SECURETCP_KEYID		32	/* bytes of a key's identity */
#define SECURETCP_PRELOAD	1048576	/* bytes, at most */
#define SECURETCP_STAPLE	65536	/* bytes, at most */

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
 * receive, fill and search return SECURETCP_AGAIN when there is nothing to
 * read yet.  Where the comments below do not say more: ptNotConnected when
 * the state does not allow the call, ptInvalidParamN for the Nth parameter
 * (4 for those after it too), ptInvalidProperty for the value of a property,
 * ptBlocked from inside the signing hook and from a handler while another
 * call of the object blocks; in these cases nothing has changed.
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
 * Settings that many objects share: protocols, ciphers, certificates.
 * Reference counted: an object keeps its config alive.  Strings and memory
 * given are copied.  After a call that returned non-zero
 * securetcp_config_error() says what was wrong with what, and nothing has
 * changed.  Once the context was built the settings are fixed:
 * ptOperationRefused.  new returns NULL with errno; free accepts NULL.
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
/* The same from two files; a key of NULL lives elsewhere.  ptFile. */
int		 securetcp_config_add_certificate_file(
		    struct securetcp_config *, const char *, const char *);
/*
 * The OCSP response, in DER, for the certificate that was added last, which
 * servers send to clients that ask; it replaces an earlier one.  Whether it
 * speaks of that certificate, and for how long, is not looked at.
 * ptInvalidParam2: none that can be read and has an answer, or longer than
 * SECURETCP_STAPLE; ptNoCertificate: there is no certificate yet.
 */
int		 securetcp_config_set_staple(struct securetcp_config *,
		    const void *, size_t);
/*
 * True when a server asked for this name would choose a certificate that is
 * for it, exactly or by a wildcard, rather than fall back to the default.
 * Addresses are no names here.
 */
int		 securetcp_config_covers(const struct securetcp_config *,
		    const char *);
/* Application protocols, comma-separated: "h2,http/1.1". */
int		 securetcp_config_set_alpn(struct securetcp_config *,
		    const char *);
/*
 * Servers: a client that offers application protocols, but none of these, is
 * refused (default), or goes on without one.
 */
int		 securetcp_config_set_alpn_optional(struct securetcp_config *,
		    int);
/*
 * The certificates that are trusted as roots, in PEM: of servers by clients
 * (default: the system's), of clients by servers (no default).  The lists
 * of revoked certificates, in PEM: with any, each certificate of a chain
 * must be covered by a valid list of its issuer.  A second call replaces
 * what the first one gave.  ptInvalidParam2: unreadable; ptFile: the file is.
 */
int		 securetcp_config_set_ca(struct securetcp_config *,
		    const void *, size_t);
int		 securetcp_config_set_ca_file(struct securetcp_config *,
		    const char *);
int		 securetcp_config_set_crl(struct securetcp_config *,
		    const void *, size_t);
int		 securetcp_config_set_crl_file(struct securetcp_config *,
		    const char *);
/*
 * Servers: is the client asked for a certificate, must it have one?  A
 * certificate that is given has to be valid in either case.  Default off.
 */
enum securetcp_authentication {
	SECURETCP_AUTH_OFF = 0,
	SECURETCP_AUTH_OPTIONAL = 1,
	SECURETCP_AUTH_REQUIRED = 2
};
int		 securetcp_config_set_client_authentication(
		    struct securetcp_config *, enum securetcp_authentication);
/* Clients: does the server's name count?  Default on. */
int		 securetcp_config_set_verify_name(struct securetcp_config *,
		    int);
/*
 * Builds the TLS context now rather than at the first use, so that it can
 * be shared by fork(2): ptNoCertificate, ptNoSecurity, ptInvalidProperty
 * (client authentication without CA).  Where keys live elsewhere the signer
 * must have been set.
 */
int		 securetcp_config_prepare(struct securetcp_config *);
/*
 * The same for clients, which need no certificate: reads the system's CA
 * where none was given, and else no file.  ptFile as well.  Connecting on a
 * descriptor opens nothing after that and securetcp_warm().
 */
int		 securetcp_config_prepare_client(struct securetcp_config *);

/*
 * Makes the TLS library load all it loads lazily (algorithms, strings,
 * random numbers) by handshakes with itself under a throw-away key and a
 * verification of its certificate, for servers and for clients: to be
 * called before a sandbox or a fork(2), and after securetcp_set_signer()
 * where that is used.  ptNoSecurity, ptNoBufferSpace.
 */
int		 securetcp_warm(void);

/*
 * Private keys outside the process.  securetcp_set_signer() installs, once, the
 * TLS library's default RSA and EC methods so that an operation with a key
 * whose private part is absent calls the hook; other keys are not touched.  The
 * hook blocks until it has the signature.  RSA: in is a padded block of modulus
 * size and out takes as much; ECDSA: in is a digest and out takes a DER
 * signature.  The hook returns the signature's length, or -1, which ends the
 * handshake with Error(ptNoCertificate).  The hook may not call methods of the
 * object that shakes hands, but free it.  A later call of
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
 * Is the peer who its certificate says?  Each is 1 or 0.  When trusted is 0
 * the date speaks of the certificates the peer sent, and notrevoked is 1.
 * A client's name is not looked for.
 */
#define SECURETCP_LATER		(-1)

struct securetcp_verdicts {
	int		 sv_trusted;	/* the chain ends in a root of the CA */
	int		 sv_date;	/* all of it is valid today */
	int		 sv_signature;	/* each is signed by the next */
	int		 sv_name;	/* the leaf is for the name asked for */
	int		 sv_notrevoked;
	const char	*sv_reason;	/* "", or what is wrong with which */
	/* In: all of the above.  Out: 1, 0 or SECURETCP_LATER. */
	int		 sv_valid;
};

/*
 * Event handlers; any may be NULL.  They may close, abort or free their own
 * object, and in State(closed) assign the next socket or connect; inside
 * them the timeout is 0.
 *
 * Every change of state is told once and in order.  Error comes before the
 * State(closing) and State(closed) it causes, with the number's description;
 * securetcp_reason() says what happened.
 *
 * st_receive says that receive has something to give, data or the end.  The
 * event is one-shot: armed by connected and again by each receive that returned
 * SECURETCP_AGAIN; in between nothing is read from the peer, and its end is not
 * noticed.  After a fill or search that returned SECURETCP_AGAIN it comes when
 * that can be satisfied, or never will be.  st_send says that the send queue
 * has fallen to half of its limit or less, or that the peer takes no more at
 * all, after a send that could not take everything.  Neither comes while a call
 * blocks.
 *
 * st_authenticate comes between connecting and connected, when the peer gave a
 * certificate: always for clients, for servers that ask for one.  The event
 * comes inside the handshake, so that a peer that is refused gets an alert;
 * that the peer has the certificate's key only connected tells.  The value it
 * leaves in sv_valid decides; on SECURETCP_LATER the handshake goes on, and
 * connected waits for securetcp_verdict() (a connect that blocks cannot: it
 * takes that for 0).  Invalid: Error(ptAuthentication).  Without a handler the
 * preset decides.
 */
struct securetcp_handlers {
	void	(*st_state)(struct securetcp *, enum securetcp_state, void *);
	void	(*st_error)(struct securetcp *, int, const char *, void *);
	void	(*st_receive)(struct securetcp *, void *);
	void	(*st_send)(struct securetcp *, void *);
	void	(*st_authenticate)(struct securetcp *,
		    struct securetcp_verdicts *, void *);
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
 * Greatest number of plaintext bytes gathered for fill and search; default
 * 65536, at least 16384.  ptBlocked while anything is gathered.
 */
int		 securetcp_set_receive_limit(struct securetcp *, size_t);
/*
 * Milliseconds a call may block; default 30000; 0: event-driven, no call
 * blocks.  Assigning a socket sets it to 0.  Where it is greater, connect,
 * send, receive, fill, search, shutdown and close wait by themselves until they
 * are done.  A call that takes longer gives the connection up: State(closing,
 * closed), no Error, and it returns ptTimeout; the object can be used again.
 * When a handler ends the connection under a call that blocks, that returns
 * ptAbort, unless it had its result by then.
 */
int		 securetcp_set_timeout(struct securetcp *, int);
int		 securetcp_timeout(const struct securetcp *);
/* True while a call of the object blocks, for its handlers. */
int		 securetcp_blocked(const struct securetcp *);
/*
 * Options of the socket, for the present one and those to come: no-delay
 * (default on) and keep-alive (default off).  ptOptionNotSupported: the
 * present socket cannot; nothing has changed.
 */
int		 securetcp_set_no_delay(struct securetcp *, int);
int		 securetcp_no_delay(const struct securetcp *);
int		 securetcp_set_keep_alive(struct securetcp *, int);
int		 securetcp_keep_alive(const struct securetcp *);
/*
 * The name that connect sends to the server and looks for in its certificate;
 * NULL, the default: the host given to connect.
 */
int		 securetcp_set_server_name(struct securetcp *, const char *);
/* The numeric address and port to connect from; NULL and 0: any. */
int		 securetcp_set_local(struct securetcp *, const char *,
		    uint16_t);

/*
 * Connects as a client to a host's port.  State(connecting) is delivered
 * before the call returns.
 *
 * Event-driven: the host is a numeric address, else ptInvalidParam2; 0 says
 * that it has begun, and events tell the rest.  Blocking: a name as well.
 * Looking it up is the C library's and not bounded by the timeout.  Its
 * addresses are tried in the order of the C library, by turns of IPv6 and
 * IPv4, each with a head start of a quarter of a second.  0 says connected;
 * a failure's number comes after State(connecting, closing, closed) and
 * without Error.
 *
 * ptConnected: the state is not closed.  ptNoCertificate, ptNoSecurity,
 * ptFile, ptInvalidProperty: as securetcp_config_prepare_client(), after
 * State(connecting, closing, closed).  ptAbort: a handler ended it at once.
 */
int		 securetcp_connect(struct securetcp *, const char *, uint16_t);
/*
 * The same on a connected descriptor, which the object owns from then on,
 * as with securetcp_set_socket(); the name is the server's, or NULL.
 */
int		 securetcp_connect_socket(struct securetcp *, int,
		    const char *);
/*
 * The verdict that st_authenticate has put off, also while the handshake is
 * not done yet; or from inside it.
 */
int		 securetcp_verdict(struct securetcp *, int);

/*
 * Assigns an accepted socket, which the object owns and closes from then
 * on, makes it non-blocking, close-on-exec and without delay, and begins to
 * negotiate as a server.  The timeout becomes 0.  State(connecting) is
 * delivered before the call returns.
 *
 * ptConnected (the state is not closed) and ptInvalidParam2 (no descriptor):
 * the socket stays the caller's.  ptNoCertificate, ptNoSecurity and
 * ptInvalidProperty: as securetcp_config_prepare(); State(connecting,
 * closing, closed) were delivered and no Error.  ptAbort: a handler ended it
 * at once.
 */
int		 securetcp_set_socket(struct securetcp *, int);
/*
 * Bytes that were read already from the socket that is assigned next, by
 * securetcp_set_socket() or securetcp_connect_socket(): the object takes
 * them for the first the peer has sent.  At most SECURETCP_PRELOAD, copied;
 * they replace those of an earlier call and are gone with that connection,
 * or with any other that begins.  ptConnected: the state is not closed.
 */
int		 securetcp_preload(struct securetcp *, const void *, size_t);

/*
 * Has every byte that the peer sends in a handshake shown to a function,
 * preloaded ones too, before the TLS library gets to see it.  The function
 * calls none of the object; unless it returns 0 the connection fails with
 * ptProtocol.  NULL: nobody watches.  ptConnected: the state is not closed.
 */
int		 securetcp_watch(struct securetcp *,
		    int (*)(const void *, size_t, void *), void *);

/*
 * Queues up to the limit and sends what it can; *sent is what was taken,
 * 0 bytes when the queue is full.  ptNotConnected in the wrong state, also
 * after shutdown.  Another number, such as ptConnectionReset: the connection
 * failed in this call and the events were delivered.
 *
 * When the peer no longer takes data but what it has sent before is unread,
 * the failure waits until that is read; what is sent meanwhile is dropped.
 *
 * Blocking: all of it, up to the kernel.
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
/*
 * Exactly this many bytes, or none: SECURETCP_AGAIN, or 0 with *got == 0
 * when the end comes before; what there is stays for receive.
 * ptInvalidParam3 for more than the receive limit.
 */
int		 securetcp_fill(struct securetcp *, void *, size_t, size_t *);
/*
 * Up to a token and with it: *got bytes; else none, as with fill.
 * ptNoBufferSpace: the token does not end within the buffer, or the receive
 * limit.  Bytes that were not taken stay.
 */
int		 securetcp_search(struct securetcp *, void *, size_t,
		    const void *, size_t, size_t *);
/* Ends our direction once the queue is sent: close_notify, end of file. */
int		 securetcp_shutdown(struct securetcp *);
/*
 * Graceful: State(closing) unless there, flush, State(closed), in the call
 * itself when nothing has to wait.  Unread data is dropped.  When the peer
 * takes no more while something is queued, Error comes before State(closed),
 * and a call that blocks returns its number.  ptNotConnected unless
 * connected, or closing with half-close.  How long the flush may take is the
 * caller's to bound, with abort or free.
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
 * Plaintext bytes received and sent since the socket was assigned; queued ones
 * are not sent yet.  These and the following keep their values after closed
 * until the next socket is assigned.
 */
uint64_t	 securetcp_bytes_in(const struct securetcp *);
uint64_t	 securetcp_bytes_out(const struct securetcp *);
/* True when the peer has sent nothing at all, not even garbage. */
int		 securetcp_silent(const struct securetcp *);
/* True when its alert said that our certificate will not do. */
int		 securetcp_distrusted(const struct securetcp *);
/* True when its data ended without close_notify. */
int		 securetcp_truncated(const struct securetcp *);

/* After connected; "" before, and where the peer gave none. */
const char	*securetcp_version(const struct securetcp *);
const char	*securetcp_cipher(const struct securetcp *);
const char	*securetcp_servername(const struct securetcp *);
const char	*securetcp_alpn(const struct securetcp *);

/* Addresses and ports of the socket, numeric; "" and 0 where it has none. */
const char	*securetcp_remote_address(const struct securetcp *);
uint16_t	 securetcp_remote_port(const struct securetcp *);
const char	*securetcp_local_address(const struct securetcp *);
uint16_t	 securetcp_local_port(const struct securetcp *);

/*
 * The peer's certificate, from st_authenticate on; "", 0 and NULL where it
 * gave none.  Subject and issuer are "CN=host.example.org,O=Example", in the
 * certificate's order; in a value a backslash stands before , + " \ < > ; =
 * and what would be lost (a # in front, a space at an end), and before the
 * two hexadecimal digits of a control character or a byte of invalid UTF-8.
 * "+" joins what belongs together; types without a name are numbers.  The
 * hash is that of libtls, "SHA256:" and hexadecimal digits;
 * the chain is PEM, leaf first, of that length.
 */
const char	*securetcp_peer_subject(const struct securetcp *);
const char	*securetcp_peer_issuer(const struct securetcp *);
const char	*securetcp_peer_hash(const struct securetcp *);
time_t		 securetcp_peer_notbefore(const struct securetcp *);
time_t		 securetcp_peer_notafter(const struct securetcp *);
const char	*securetcp_peer_chain(const struct securetcp *, size_t *);
/*
 * Its alternative names, counted from 0, and their kinds; NULL after the
 * last.  Names with control characters in them are left out.
 */
enum securetcp_name {
	SECURETCP_NAME_DNS = 1,
	SECURETCP_NAME_ADDRESS = 2,
	SECURETCP_NAME_URI = 3,
	SECURETCP_NAME_EMAIL = 4
};
const char	*securetcp_peer_name(const struct securetcp *, size_t,
		    enum securetcp_name *);
/*
 * False when it has more of these names than are kept, 256, or some that
 * cannot be read or shown: what is not among them may be in the certificate
 * all the same.
 */
int		 securetcp_peer_names_complete(const struct securetcp *);

#ifdef __cplusplus
}
#endif

#endif /* SECURETCP_H */
