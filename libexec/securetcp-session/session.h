/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef SESSION_H
#define SESSION_H

#include <sys/types.h>

#include <stdint.h>

#include "hello.h"
#include "wire.h"

#define SESSION_MEMORY		32	/* MB beyond what its spawner has */
#define SESSION_NOFILE		16	/* 0-5, and room for one surplus */
#define SESSION_POLLFDS		4	/* an object's, at most */

struct imsgbuf;
struct securetcp;
struct securetcp_config;
struct securetcp_handlers;
struct securetcp_signing;

/* What spawner and sessions share, all of it public. */
struct server {
	struct wire_start		 sv_start;
	struct wire_server		 sv_wire;
	struct securetcp_config		*sv_config;
	unsigned int			 sv_nchains;
	struct wire_match		*sv_matches;	/* server names */
	unsigned int			 sv_nmatches;
	unsigned int			 sv_memory;	/* MB for a session */
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

/* What was found out before TLS began, where that is wanted. */
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

/* One connection: there is one of these in a process. */
struct session {
	const struct server	*s_server;
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

/* config.c */
void		 config_read(struct imsgbuf *, struct server *);
/* All of a file, or helper_fatal() by whose and what it is. */
#define CRL_MB			64
#define CONFIG_FILE_MAX		(CRL_MB * 1024 * 1024)
uint8_t		*config_load(struct imsgbuf *, const char *, const char *, int,
		    size_t, size_t *);

/* spawner.c */
__attribute__((__noreturn__))
void		 spawner_run(struct imsgbuf *, const struct server *, int);

/* session.c */
__attribute__((__noreturn__))
void		 session_run(const struct server *, uint64_t, int);
__attribute__((__noreturn__))
void		 session_done(struct session *, int, const char *);
void		 session_ordered(struct session *);
void		 session_title(const struct session *, const char *);

/* again.c */
const char	*again_watch(struct again *, const struct hello *,
		    const uint8_t *, size_t);

/* front.c */
void		 front_read(struct session *);
/* NULL, or why the handshake was not the one that was looked at. */
const char	*front_check(const struct session *);

/* facts.c */
void		 facts_fill(const struct session *,
		    struct wire_established *);
int		 facts_allowed(struct session *);

/* events.c */
extern const struct securetcp_handlers	 events_handlers;

/* pipe.c */
void		 pipe_read(struct session *);
void		 pipe_wait(struct session *);
int		 pipe_await(struct session *, int64_t);
#define PIPE_READABLE	2
int		 pipe_poll(struct session *, int, int64_t);

/* sign.c */
int		 sign_init(void);
void		 sign_session(struct session *);

/* relay.c */
__attribute__((__noreturn__))
void		 relay_run(struct session *);

/* timer.c */
int64_t		 timer_now(void);
int64_t		 timer_after(uint32_t);
int		 timer_poll(int64_t, int);
const char	*timer_reason(const char *, uint32_t, char *, size_t);

#endif /* SESSION_H */
