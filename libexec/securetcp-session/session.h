/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef SESSION_H
#define SESSION_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define SESSION_MEMORY		32	/* MB beyond what its spawner has */
#define SESSION_NOFILE		16	/* 0-5, and room for one surplus */
#define SESSION_POLLFDS		4	/* an object's, at most */

struct imsgbuf;
struct securetcp;
struct securetcp_config;

/* Settings that spawner and sessions share, all of it public. */
struct session_server {
	struct wire_start		 sv_start;
	struct wire_server		 sv_wire;
	struct securetcp_config		*sv_config;
	unsigned int			 sv_nchains;
	struct wire_match		*sv_matches;	/* server names */
	unsigned int			 sv_nmatches;
	unsigned int			 sv_memory;	/* MB for a session */
};

/*
 * The server name of a ClientHello, before TLS starts.
 *
 * hello_parse() is given all that came from the peer so far, and a struct of
 * zeros at first, in which it keeps how far it has looked.  HELLO_MORE: so far
 * it is the beginning of a hello.  HELLO_DONE: it is complete; he_sni tells
 * whether he_name was sent, which is in lower case, without a dot at its end,
 * and no address; he_odd that it is none by match_servername_ok(), whatever
 * bytes it has.  HELLO_BAD: he_why tells why.  More bytes change neither of the
 * latter two, and from HELLO_MAX bytes on the answer is one of them.  The
 * parser takes what the TLS libraries take.
 */

#define HELLO_HEAD	4		/* of the message */
#define HELLO_BODY	131396		/* as much as OpenSSL takes */
#define HELLO_MAX	((HELLO_HEAD + HELLO_BODY) * 6)	/* a byte a record */

/* he_why for what the TLS library should see and name itself. */
#define HELLO_NOTTLS	"not TLS"

enum hello_result {
	HELLO_MORE,
	HELLO_DONE,
	HELLO_BAD
};

struct hello {
	int		 he_sni;
	int		 he_odd;
	char		 he_name[256];
	const char	*he_why;	/* NULL unless HELLO_BAD */
	size_t		 he_off;	/* of the record to look at next */
	size_t		 he_got;	/* of the message, in those before */
	size_t		 he_need;	/* of it at all; 0: not known yet */
	uint8_t		 he_head[HELLO_HEAD];
};

/* Why a ClientHello that was asked for once more is of no use. */
#define AGAIN_CHANGED	"the server name changed after the first ClientHello"
#define AGAIN_LATE	"the server name came after the first ClientHello"

/* Records of a handshake, as they come in. */
struct again {
	uint8_t			 ag_head[5];
	size_t			 ag_headlen;
	size_t			 ag_left;	/* of the record's body */
	int			 ag_kept;	/* it is of a hello */
	int			 ag_over;	/* no hello comes any more */
	struct hello		 ag_hello;
	uint8_t			 ag_buf[HELLO_MAX];
	size_t			 ag_len;
};

/*
 * The PROXY header, version 1 or 2, that a trusted proxy sends before
 * anything else: whose connection it really is.
 */

#define PROXYIN_BLOCK	4096	/* at most, after the first 16 bytes */
#define PROXYIN_MAX	(16 + PROXYIN_BLOCK)	/* no header is longer */

enum proxyin_result { PROXYIN_MORE, PROXYIN_DONE, PROXYIN_BAD };

struct proxyin {
	size_t		 px_used;	/* DONE: the bytes of the header */
	size_t		 px_more;	/* MORE: at least these are to come */
	/*
	 * AF_INET, AF_INET6, or AF_UNSPEC (LOCAL, UNKNOWN, another family):
	 * the connection's own addresses hold.
	 */
	int		 px_family;
	uint8_t		 px_src[16];	/* network order; IPv4: the first 4 */
	uint8_t		 px_dst[16];
	uint16_t	 px_srcport;	/* host order */
	uint16_t	 px_dstport;
	char		 px_why[128];	/* BAD: in words */
};

/* The facts found before TLS began, where they are wanted. */
struct front {
	int			 fr_heard;	/* the peer has sent some */
	int			 fr_header;	/* PROXY, is awaited */
	int			 fr_errno;	/* of the last read; 0: end */
	int			 fr_looked;	/* at the ClientHello */
	int			 fr_nottls;	/* it was none */
	struct hello		 fr_hello;
	unsigned int		 fr_match;	/* from 1; 0: none fitted */
	const char		*fr_again;	/* what is wrong later on */
};

enum sign_state {
	SIGN_NONE,		/* never asked */
	SIGN_ASKED,
	SIGN_GIVEN,
	SIGN_FAILED		/* s_signreason says why */
};

/* Whether the rules allow the peer. */
enum identity_state {
	IDENTITY_NONE,		/* never asked */
	IDENTITY_ASKED,
	IDENTITY_ALLOWED
};

/* The connection; a process has one. */
struct session_self {
	const struct session_server	*s_server;
	struct imsgbuf		*s_pipe;
	uint64_t		 s_id;

	/* what the object reported */
	struct securetcp	*s_tcp;
	int			 s_connected;
	int			 s_closed;
	struct front		 s_front;
	int			 s_readable;	/* receive is worth a try */
	int			 s_sendable;	/* send is worth a try */
	int			 s_error;
	size_t			 s_unsent;	/* at the error */
	int			 s_late;	/* the close timer ran out */
	int			 s_partial;	/* the backend has a part only */
	int			 s_gone;	/* truncated, and takes nothing */
	char			 s_reason[WIRE_REASON];
	int64_t			 s_deadline;	/* of the handshake */

	/* the one private-key operation */
	enum sign_state		 s_sign;
	int			 s_signerror;
	char			 s_signreason[WIRE_REASON];
	struct wire_signature	 s_signature;

	enum identity_state	 s_identity;

	/* what the parent ordered */
	int			 s_adopted;	/* where TLS is spoken, -1 */
	struct wire_adopt	 s_adopt;
	int			 s_assigned;	/* the object owns that */
	int			 s_backend;	/* the backend's, -1 */
	uint8_t			 s_mode;	/* enum wire_mode, 0: no word */
	int			 s_close;
	int			 s_refused;
	struct wire_refuse	 s_refuse;
};

/* settings.c */
void		 settings_read(struct imsgbuf *, struct session_server *);
/* All of a file, or helper_fatal() by whose and what it is. */
#define CRL_MB			64
#define SETTINGS_FILE_MAX		(CRL_MB * 1024 * 1024)
uint8_t		*settings_bytes(struct imsgbuf *, const char *,
		    const char *, int, size_t, size_t *);

/* inspect.c */
__attribute__((__noreturn__))
void		 inspect_run(struct imsgbuf *, const struct wire_start *);

/* session.c */
__attribute__((__noreturn__))
void		 session_run(const struct session_server *, uint64_t, int);
__attribute__((__noreturn__))
void		 session_done(struct session_self *, int, const char *);
void		 session_ordered(struct session_self *);
void		 pipe_read(struct session_self *);
int		 sign_init(void);
int64_t		 timer_after(uint32_t);
int		 timer_poll(int64_t, int);
const char	*timer_reason(const char *, uint32_t, char *, size_t);

/* hello.c */
enum hello_result hello_parse(const uint8_t *, size_t, struct hello *);
/* Takes a name of so many bytes: NULL, or why it is no hello's. */
const char	*hello_name(const char *, size_t, struct hello *);
const char	*again_watch(struct again *, const struct hello *,
		    const uint8_t *, size_t);

/*
 * proxyin.c: what the bytes from the connection's first one say.  After MORE it
 * is called again with all of them and those that followed; who reads px_more
 * bytes at a time never takes one that belongs to TLS.
 */
enum proxyin_result
		 proxyin_parse(const uint8_t *, size_t, struct proxyin *);

/* front.c */
void		 front_read(struct session_self *);
/* NULL, or why the handshake was not the one that was looked at. */
const char	*front_check(const struct session_self *);

/* relay.c */
__attribute__((__noreturn__))
void		 relay_run(struct session_self *);

#endif /* SESSION_H */
