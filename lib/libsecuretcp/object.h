/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Declarations that the files of the library share and its users do not see.
 * The archive is linked into programs with names of their own: a function that
 * another file calls is stcp_, then its noun; all else that is global is the
 * interface, securetcp_.
 */

#ifndef OBJECT_H
#define OBJECT_H

#include <sys/types.h>

#include <netinet/in.h>

#include <stddef.h>
#include <stdint.h>

#include "securetcp.h"

#define OBJECT_RECORD		16384	/* greatest plaintext of a record */
#define OBJECT_LIMIT		65536	/* of the queues, by default */
#define OBJECT_LIMITMAX		0x40000000
#define OBJECT_TIMEOUT		30000	/* ms, by default */
#define OBJECT_ADDRESS		(INET6_ADDRSTRLEN + 12)	/* with a scope */
#define OBJECT_FIRST		16	/* bytes kept of what came first */
#define OBJECT_NOTIFY		128	/* a record with our end, and more */
#define OBJECT_REASON		256

struct evp_pkey_st;
struct peer;
struct sockaddr;
struct stack_st_X509;
struct tls;
struct X509_name_st;

/* How the peer's direction ended. */
enum object_end {
	OBJECT_OPEN = 0,
	OBJECT_NOTIFIED,		/* close_notify */
	OBJECT_TRUNCATED,		/* end of file without it */
	OBJECT_FAILED			/* st_endnumber says why */
};

/* The fault of a peer's certificate: the alert tells it, and why. */
enum object_refusal {
	REFUSAL_NONE = 0,
	REFUSAL_CA,			/* leads to no trusted root */
	REFUSAL_DATE,
	REFUSAL_REVOKED,
	REFUSAL_PURPOSE,
	REFUSAL_BAD,			/* its name, a list, all else */
	REFUSAL_DENIED,			/* valid, and refused */
	REFUSAL_MEMORY
};

/* How far connecting has come. */
enum object_phase {
	OBJECT_TCP = 0,
	OBJECT_HANDSHAKE,
	OBJECT_JUDGING,			/* inside st_authenticate */
	OBJECT_WAITING			/* for securetcp_verdict() */
};

struct securetcp {
	struct securetcp_config	*st_config;
	struct securetcp_handlers st_handlers;
	void			*st_arg;
	size_t			 st_limit;
	size_t			 st_inlimit;
	int			 st_half;	/* half-close wanted */
	int			 st_timeout;
	int			 st_nodelay;
	int			 st_keepalive;
	char			*st_askname;	/* set by the program */
	struct sockaddr		*st_from;	/* to connect from */
	socklen_t		 st_fromlen;

	unsigned int		 st_handling;	/* handlers on the stack */
	int			 st_blocking;	/* a call waits by itself */
	int			 st_quiet;	/* it tells of errors itself */
	int			 st_outcome;	/* the last Error, or unsaid */
	unsigned int		 st_holds;	/* calls on the stack */
	int			 st_freed;
	int			 st_inside;	/* the TLS library is running */
	uint64_t		 st_serial;	/* of the connection */

	enum securetcp_state	 st_state;
	int			 st_client;
	enum object_phase	 st_phase;
	int			 st_fd;
	int			 st_connecterror;	/* to be told */
	char			*st_name;	/* the server's, asked for */
	int			 st_verdict;	/* of the program */
	struct peer		*st_peer;	/* its certificate */
	int			 st_judged;	/* Authenticate has come */
	int			 st_refused;	/* the error that is due */
	int			 st_noalpn;	/* no protocol in common */
	struct tls		*st_tls;
	struct tls		*st_running;	/* a handshake is inside it */
	short			 st_readwant;	/* POLLIN, or POLLOUT */
	short			 st_writewant;	/* and for the handshake */

	/* Bytes that the program has read from the socket before. */
	uint8_t			*st_ahead;
	size_t			 st_aheadoff;
	size_t			 st_aheadlen;	/* 0 once all was taken */

	/* The watcher of what the peer says in the handshake. */
	int			(*st_watch)(const void *, size_t, void *);
	void			*st_watcharg;
	int			 st_unwanted;	/* has ended it */

	/* Plaintext that dispatch read and receive has not fetched. */
	uint8_t			*st_in;
	size_t			 st_insize;
	size_t			 st_inoff;
	size_t			 st_inlen;
	int			 st_armed;	/* Receive is due ... */
	size_t			 st_want;	/* ... at this many bytes */
	uint8_t			*st_token;	/* ... or with this in them */
	size_t			 st_tokenlen;
	size_t			 st_scanned;	/* it is not in these */
	int			 st_dry;	/* the last read found none */
	enum object_end		 st_end;
	int			 st_endnumber;

	/* The send queue: a ring of st_outsize bytes. */
	uint8_t			*st_out;
	size_t			 st_outsize;
	size_t			 st_outoff;
	size_t			 st_outlen;
	int			 st_full;	/* Send is due once it fell */
	int			 st_shutdown;	/* our end is wanted ... */
	int			 st_notifying;	/* is written, into this */
	uint8_t			 st_notify[OBJECT_NOTIFY];
	size_t			 st_notifyoff;
	size_t			 st_notifylen;
	int			 st_shut;	/* ... and was sent */
	int			 st_finishing;	/* closed after the flush */
	int			 st_broken;	/* nothing can be written */
	int			 st_unsent;	/* and a send was cut short */
	int			 st_lost;	/* ... in the handshake */
	int			 st_hangup;	/* poll only says that, again */
	int			 st_hard;	/* abort: no last words */

	/* The socket's results, noted by the callbacks. */
	int			 st_eof;
	int			 st_readerror;
	int			 st_writeerror;
	uint8_t			 st_first[OBJECT_FIRST];
	size_t			 st_firstlen;
	int			 st_distrust;	/* by the peer's alert */
	uint8_t			 st_record;	/* type of the last one */
	uint8_t			 st_heard;	/* fatal alert, in clear */
	uint8_t			 st_alert;	/* the one we sent in clear */

	uint64_t		 st_bytesin;
	uint64_t		 st_bytesout;
	char			 st_reason[OBJECT_REASON];
	char			 st_version[16];
	char			 st_cipher[64];
	char			 st_servername[256];
	char			 st_alpn[256];
	char			 st_remote[OBJECT_ADDRESS];
	char			 st_local[OBJECT_ADDRESS];
	uint16_t		 st_remoteport;
	uint16_t		 st_localport;
};

/* A call that blocks. */
struct block {
	const char		*bl_what;
	int64_t			 bl_deadline;
	uint64_t		 bl_serial;
};

/*
 * From the ground up, as in the Makefile: each file calls only those before it,
 * which a test holds.  Functions that need no object are in errors.h, bundle.h
 * (pem.c, bundle.c) and config.h (chain.c, config.c, trust.c).
 */

/* library.c */
int		 stcp_library_start(void);
void		 stcp_memory_wipe(void *, size_t);
void		*stcp_memory_dup(const void *, size_t);
void		 stcp_memory_copy(char *, size_t, const char *);

/* keyid.c */
struct evp_pkey_st
		*stcp_keyid_private(const void *, size_t, char *, size_t);
int		 stcp_keyid_pkey(struct evp_pkey_st *,
		    uint8_t [SECURETCP_KEYID], enum securetcp_keytype *);

/*
 * peer.c: -1 when out of memory.  All of a name, to be freed, NULL when out
 * of memory; what fits of it into more than a few bytes.
 */
int		 stcp_peer_learn(struct securetcp *, struct stack_st_X509 *);
void		 stcp_peer_forget(struct securetcp *);
char		*stcp_name_text(const struct X509_name_st *);
void		 stcp_name_brief(const struct X509_name_st *, char *, size_t);

/* keyhook.c */
int		 stcp_keyhook_ready(void);
unsigned int	 stcp_keyhook_failures(void);
int		 stcp_keyhook_swap(
		    int (*)(const struct securetcp_signing *, void *), void *,
		    int (**)(const struct securetcp_signing *, void *),
		    void **);

/* object.c */
/* False when the connection is no more what it was before. */
int		 stcp_object_same(const struct securetcp *, uint64_t);
void		 stcp_object_hold(struct securetcp *);
void		 stcp_object_release(struct securetcp *);
void		 stcp_object_say(struct securetcp *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
int		 stcp_object_become(struct securetcp *, enum securetcp_state);
void		 stcp_object_connected(struct securetcp *);
void		 stcp_object_disarm(struct securetcp *);
void		 stcp_object_tell(struct securetcp *,
		    void (*)(struct securetcp *, void *));
void		 stcp_object_fail(struct securetcp *, int);
void		 stcp_object_end(struct securetcp *);
int		 stcp_object_sendable(const struct securetcp *);
int		 stcp_object_descriptor(const struct securetcp *, int);
void		 stcp_object_reset(struct securetcp *);
void		 stcp_property_addresses(struct securetcp *);
size_t		 stcp_preload_take(struct securetcp *, void *, size_t);
int		 stcp_preload_due(const struct securetcp *);
void		 stcp_preload_drop(struct securetcp *);

/*
 * classify.c: the number, with the reason set; ptOk for a peer that left
 * without a word.  The flag: the key's hook has failed.
 */
int		 stcp_classify_handshake(struct securetcp *, int);
int		 stcp_classify_error(struct securetcp *);
int		 stcp_classify_silent(void);

/*
 * verify.c: inside the handshake, on the peer's chain, leaf first; and
 * when the handshake is done.
 */
enum object_refusal
		 stcp_authenticate(struct securetcp *, struct stack_st_X509 *);
void		 stcp_authenticate_end(struct securetcp *);

/* ssl.c: 0, or an error that securetcp_config_error() tells. */
int		 stcp_context_accept(struct securetcp_config *, struct tls **,
		    ssize_t (*)(struct tls *, void *, size_t, void *),
		    ssize_t (*)(struct tls *, const void *, size_t, void *),
		    struct securetcp *);
int		 stcp_context_connect(struct securetcp_config *, struct tls **,
		    ssize_t (*)(struct tls *, void *, size_t, void *),
		    ssize_t (*)(struct tls *, const void *, size_t, void *),
		    struct securetcp *, const char *);

/* io.c */
ssize_t		 stcp_io_read(struct tls *, void *, size_t, void *);
ssize_t		 stcp_io_write(struct tls *, const void *, size_t, void *);
void		 stcp_io_note(struct securetcp *, const uint8_t *, size_t);
int		 stcp_io_fill(struct securetcp *);
size_t		 stcp_io_find(struct securetcp *, const uint8_t *, size_t,
		    size_t);
int		 stcp_io_fetch(struct securetcp *, void *, size_t, size_t *);
int		 stcp_io_end_received(struct securetcp *);
void		 stcp_io_closing(struct securetcp *);
void		 stcp_io_arrived(struct securetcp *);
void		 stcp_io_ended(struct securetcp *);
int		 stcp_io_send(struct securetcp *, const void *, size_t,
		    size_t *);
void		 stcp_io_send_direct(struct securetcp *, const uint8_t *,
		    size_t, size_t *);
void		 stcp_io_flush(struct securetcp *);
int		 stcp_io_writing(const struct securetcp *);
void		 stcp_io_finish(struct securetcp *);
void		 stcp_io_broken(struct securetcp *);

/*
 * block.c: is a call to block?  Waiting gives ptOk when the events are there,
 * or what the call is to return: the connection is another one then.
 */
int		 stcp_block_wanted(const struct securetcp *);
void		 stcp_block_enter(struct securetcp *, struct block *,
		    const char *);
void		 stcp_block_leave(struct securetcp *);
int64_t		 stcp_block_now(void);
int		 stcp_block_wait(struct securetcp *, struct block *, short);
int		 stcp_block_gone(const struct securetcp *);
int		 stcp_block_expire(struct securetcp *, const struct block *);

/* connect.c */
void		 stcp_connect_arrived(struct securetcp *);
void		 stcp_connect_handshake(struct securetcp *);

#endif /* OBJECT_H */
