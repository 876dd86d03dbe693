/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef STORM_H
#define STORM_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define OPS_MAX		24		/* steps of one connection */
#define RECORD_MAX	16384
#define SEALED_MAX	(RECORD_MAX + 64)	/* with head and tag */
#define HELLO_MAX	2048

/* A step of a connection; they are taken in order. */
enum opcode {
	OP_RAW,		/* bytes below TLS */
	OP_DRIP,	/* the same, one at a time, o_arg ms apart */
	OP_HANDSHAKE,	/* o_arg: version, o_len: ms, then to the end */
	OP_ECHO,	/* o_len bytes, which come back; o_arg: close_notify
			   before they do */
	OP_WRITE,	/* o_len bytes, whatever comes back; o_arg: ms */
	OP_CALL,	/* o_call makes more raw bytes */
	OP_AWAIT,	/* until o_len bytes have come */
	OP_PAUSE,	/* o_arg ms */
	OP_DEAF,	/* nothing is read from here on */
	OP_BYE,		/* close_notify */
	OP_FIN,
	OP_END,		/* reads to the end of the other side */
	OP_RESET,
	OP_CLOSE
};

struct conn;

struct op {
	enum opcode	 o_code;
	size_t		 o_len;
	int		 o_arg;
	uint8_t		*o_data;
	void		(*o_call)(struct conn *, struct op *);
};

struct rng {
	uint64_t	 r_state;
};

struct bytes {
	uint8_t		*b_data;
	size_t		 b_off;
	size_t		 b_len;
	size_t		 b_size;
};

/* Keys of one direction, to make records that no library would. */
struct seal {
	int		 se_version;
	uint8_t		 se_secret[32];
	uint8_t		 se_key[16];
	uint8_t		 se_iv[12];
	uint64_t	 se_seq;
};

struct kind {
	const char	*k_name;
	void		(*k_make)(struct conn *);
	int		 k_good;	/* it must get to its end */
};

struct conn {
	const struct kind	*c_kind;
	unsigned int		 c_index;
	struct rng		 c_rng;
	int			 c_fd;
	int			 c_connecting;
	struct op		 c_ops[OPS_MAX];
	unsigned int		 c_nops;
	unsigned int		 c_op;
	size_t			 c_written;	/* of the present op */
	size_t			 c_read;
	int64_t			 c_until;	/* its pause */
	int64_t			 c_deadline;
	SSL			*c_ssl;
	struct bytes		 c_out;
	size_t			 c_received;
	size_t			 c_sent;	/* passed through TLS */
	int			 c_deaf;
	int			 c_bye;
	int			 c_slow;	/* a byte at a time */
	int			 c_ended;
	const char		*c_why;
	/* What happens to the bytes of the TLS library on their way. */
	size_t			 c_flip;	/* offset + 1 */
	uint8_t			 c_mask;
	size_t			 c_fragment;	/* records before the keys */
	struct bytes		 c_reframe;
	int			 c_keyed;
	struct bytes		*c_record;	/* a copy of all */
	uint8_t			 c_traffic[32];	/* TLS 1.3, from the keylog */
	struct seal		 c_seal;
};

/* storm.c */
__attribute__((__noreturn__))
void		 storm_fail(const struct conn *, const char *);
int64_t		 storm_now(void);
int		 storm_replay(const uint8_t **, size_t *);

/* storm_rng.c */
void		 rng_seed(struct rng *, uint64_t, uint64_t);
uint32_t	 rng_next(struct rng *);
uint32_t	 rng_below(struct rng *, uint32_t);
uint32_t	 rng_between(struct rng *, uint32_t, uint32_t);
void		 rng_fill(struct rng *, uint8_t *, size_t);
void		 bytes_add(struct bytes *, const void *, size_t);
void		 bytes_eat(struct bytes *, size_t);
void		 bytes_free(struct bytes *);

/* storm_conn.c */
void		 conn_init(void);
struct op	*conn_add(struct conn *, enum opcode);
void		 conn_raw(struct conn *, const void *, size_t);
int		 conn_step(struct conn *, int);
short		 conn_events(const struct conn *);
void		 conn_free(struct conn *);

/* storm_hello.c */
size_t		 hello_make(struct rng *, int, uint8_t *);
size_t		 hello_big(struct rng *, uint8_t *, size_t);
size_t		 record_make(uint8_t *, int, int, const void *, size_t);

/* storm_seal.c */
void		 seal_init(struct conn *);
size_t		 seal_record(struct seal *, int, const void *, size_t,
		    uint8_t *);
void		 seal_update(struct seal *);

/* storm_kinds.c, storm_after.c */
extern const struct kind	 kinds_before[];
extern const struct kind	 kinds_after[];

#endif /* STORM_H */
