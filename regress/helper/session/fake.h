/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A parent for the shipped securetcp-session to serve: the test process
 * starts it, gives it sessions, sockets and backends, signs for it, and
 * plays peer and backend, all in one thread around one poll(2).
 */

#ifndef FAKE_H
#define FAKE_H

#include <sys/types.h>

#include <atf-c.h>
#include <imsg.h>
#include <poll.h>
#include <stdint.h>

#include "phase.h"
#include "proc.h"
#include "wire.h"

#define FAKE_SESSIONS	256
#define FAKE_PATIENCE	fake_patience()
#define FAKE_NOBODY	65534

struct tls;

enum key_kind {
	KEY_P256,
	KEY_P384,
	KEY_RSA2048
};

struct key {
	void		*k_pkey;
	uint8_t		 k_id[WIRE_KEYID];
	uint8_t		 k_type;	/* enum wire_keytype */
	char		*k_pem;		/* its certificate */
	size_t		 k_pemlen;
};

enum fake_sign {
	FAKE_SIGN,		/* answer as a signer would */
	FAKE_NOSIGN,		/* refuse, with a reason */
	FAKE_LONG,		/* answer with more than there is room for */
	FAKE_HOLD		/* say nothing */
};

enum fake_rules {
	FAKE_ALLOW,
	FAKE_DENY,
	FAKE_END,		/* order the session to end */
	FAKE_THINK		/* say nothing */
};

struct fake_session {
	uint64_t		 fs_id;
	int			 fs_fd;		/* its pipe, -1: we ended it */
	struct imsgbuf		 fs_pipe;
	enum phase		 fs_phase;	/* for phase_check() */
	uint64_t		 fs_once;
	int			 fs_forked;
	uint32_t		 fs_unforked;	/* errno */
	int			 fs_asked;
	int			 fs_addressed;
	int			 fs_identified;
	int			 fs_established;
	int			 fs_done;
	int			 fs_ended;	/* it ended its pipe */
	int			 fs_exited;
	struct wire_asksign	 fs_ask;
	struct wire_address	 fs_address;
	struct wire_established	 fs_identity;
	struct wire_established	 fs_info;
	struct wire_done	 fs_result;
	struct wire_exited	 fs_exit;
};

struct fake {
	const atf_tc_t		*fk_tc;
	struct key		*fk_key;
	enum fake_sign		 fk_sign;
	enum fake_rules		 fk_rules;
	pid_t			 fk_pid;
	int			 fk_fd;
	struct imsgbuf		 fk_pipe;
	uint64_t		 fk_once;
	int			 fk_ready;
	int			 fk_ended;
	char			 fk_sandbox[WIRE_NAME];
	char			 fk_fatal[WIRE_REASON];
	uint64_t		 fk_next;
	size_t			 fk_nsessions;
	struct fake_session	*fk_sessions[FAKE_SESSIONS];
	size_t			 fk_stray;	/* ids nobody asked about */
};

/* Turns until the condition holds; no wait is without an end. */
#define FAKE_WAIT(fk, condition)					\
	do {								\
		int64_t	 fake_end = fake_now() + FAKE_PATIENCE;		\
									\
		while (!(condition)) {					\
			if (fake_now() > fake_end)			\
				atf_tc_fail("%s:%d: in vain waited "	\
				    "for: %s", __FILE__, __LINE__,	\
				    #condition);			\
			fake_turn(fk, NULL, 0, 100);			\
		}							\
	} while (0)

/* fake.c */
extern int	 fake_nofork;	/* start the spawner with no forks allowed */
void		 fake_launch(struct fake *, const atf_tc_t *, struct key *);
void		 fake_identify(struct fake *);
void		 fake_configure(struct fake *, const struct wire_server *,
		    const char *, size_t);
void		 fake_start(struct fake *, const atf_tc_t *, struct key *,
		    const struct wire_server *);
void		 fake_stop(struct fake *);
struct fake_session
		*fake_fork(struct fake *);
struct fake_session
		*fake_fork_nowait(struct fake *);
void		 fake_order(struct fake_session *, enum wire_type, int,
		    const void *, size_t);
void		 fake_adopt(struct fake_session *, int);
void		 fake_accept(struct fake_session *, int);
void		 fake_refuse(struct fake_session *, uint32_t, const char *);
void		 fake_close(struct fake_session *);
void		 fake_kill(struct fake *, uint64_t);
void		 fake_hangup(struct fake_session *);
void		 fake_turn(struct fake *, struct pollfd *, nfds_t, int);
int64_t		 fake_now(void);
int64_t		 fake_patience(void);
void		 fake_defaults(struct wire_server *);
/* The session's process, 0 for none; its state NULL: whichever. */
pid_t		 fake_process(const struct fake *, const struct fake_session *,
		    const char *);

/* block.c: a server block, message by message */
void		 block_begin(struct fake *, const atf_tc_t *, struct key *,
		    const struct wire_server *);
void		 block_chain(struct fake *);
void		 block_file(struct fake *, enum wire_type, const void *,
		    size_t);
void		 block_match(struct fake *, uint8_t, uint8_t, const char *);
void		 block_bare(struct fake *, enum wire_type);
/* SERVER_END, and it is ready; or it says that, and leaves. */
void		 block_end(struct fake *);
void		 block_fails(struct fake *, const char *);

/* key.c */
void		 key_make(struct key *, enum key_kind);
void		 key_sign(struct key *, const struct wire_asksign *,
		    struct wire_signature *);
void		 key_free(struct key *);

/* client.c */
struct client {
	struct fake		*c_fake;
	struct fake_session	*c_session;
	struct tls		*c_tls;
	int			 c_fd;
};

void		 socket_pair(int [2]);	/* TCP over loopback, non-blocking */
void		 socket_pair_sized(int [2], int);
void		 unix_pair(int [2]);	/* non-blocking */
void		 client_open(struct client *, struct fake *, const char *);
void		 client_open_pair(struct client *, struct fake *, const char *,
		    int [2]);
void		 client_handshake(struct client *);
void		 client_handshake_step(struct client *);
void		 client_connect(struct client *, struct fake *, int *);
void		 client_write(struct client *, const void *, size_t);
void		 client_read(struct client *, void *, size_t);
ssize_t		 client_read_some(struct client *, void *, size_t);
ssize_t		 client_read_try(struct client *, void *, size_t);
ssize_t		 client_write_try(struct client *, const void *, size_t);
void		 client_shut(struct client *);
int		 client_end(struct client *);
int		 client_truncated(struct client *);
void		 client_close(struct client *);
void		 client_expect(struct client *, const char *);
void		 backend_write(struct fake *, int, const void *, size_t);
void		 backend_read(struct fake *, int, void *, size_t);
int		 backend_end(struct fake *, int);
ssize_t		 backend_write_try(int, const void *, size_t);
ssize_t		 backend_read_try(int, void *, size_t);
void		 backend_expect(struct fake *, int, const char *);

#endif /* FAKE_H */
