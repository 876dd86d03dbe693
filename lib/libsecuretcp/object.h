/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What the files of the library share and its users do not see. */

#ifndef OBJECT_H
#define OBJECT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "securetcp.h"

#define OBJECT_RECORD		16384	/* greatest plaintext of a record */
#define OBJECT_LIMIT		65536	/* of the send queue, by default */
#define OBJECT_FIRST		16	/* bytes kept of what came first */
#define OBJECT_REASON		256

struct evp_pkey_st;
struct tls;
struct tls_config;
struct x509_st;

/* How the peer's direction ended. */
enum object_end {
	OBJECT_OPEN = 0,
	OBJECT_NOTIFIED,		/* close_notify */
	OBJECT_TRUNCATED,		/* end of file without it */
	OBJECT_FAILED			/* st_endnumber says why */
};

struct securetcp {
	struct securetcp_config	*st_config;
	struct securetcp_handlers st_handlers;
	void			*st_arg;
	size_t			 st_limit;
	int			 st_half;	/* half-close wanted */

	unsigned int		 st_holds;	/* calls on the stack */
	int			 st_freed;
	int			 st_inside;	/* the TLS library is running */
	uint64_t		 st_serial;	/* of the connection */

	enum securetcp_state	 st_state;
	int			 st_fd;
	struct tls		*st_tls;
	short			 st_readwant;	/* POLLIN, or POLLOUT */
	short			 st_writewant;	/* and for the handshake */

	/* Plaintext that dispatch read and receive has not fetched. */
	uint8_t			*st_in;
	size_t			 st_inoff;
	size_t			 st_inlen;
	int			 st_armed;	/* Receive is due */
	int			 st_dry;	/* the last read found nothing */
	enum object_end		 st_end;
	int			 st_endnumber;

	/* The send queue: a ring of st_outsize bytes. */
	uint8_t			*st_out;
	size_t			 st_outsize;
	size_t			 st_outoff;
	size_t			 st_outlen;
	int			 st_full;	/* Send is due once it fell */
	int			 st_shutdown;	/* our end is wanted ... */
	int			 st_shut;	/* ... and was sent */
	int			 st_finishing;	/* closed after the flush */
	int			 st_broken;	/* nothing can be written */
	int			 st_hangup;	/* poll only says that, again */
	int			 st_hard;	/* abort: no last words */

	/* What the socket said, noted by the callbacks. */
	int			 st_eof;
	int			 st_readerror;
	int			 st_writeerror;
	uint8_t			 st_first[OBJECT_FIRST];
	size_t			 st_firstlen;
	uint8_t			 st_record;	/* type of the last one */
	uint8_t			 st_alert;	/* the one we sent in clear */

	uint64_t		 st_bytesin;
	uint64_t		 st_bytesout;
	char			 st_reason[OBJECT_REASON];
	char			 st_version[16];
	char			 st_cipher[64];
	char			 st_servername[256];
	char			 st_alpn[256];
};

/* config.c */
int		 config_library(void);
void		 config_hold(struct securetcp_config *);
int		 config_accept(struct securetcp_config *, struct tls **,
		    ssize_t (*)(struct tls *, void *, size_t, void *),
		    ssize_t (*)(struct tls *, const void *, size_t, void *),
		    void *);
/* Exported by both libraries, declared by neither. */
void		 tls_config_use_fake_private_key(struct tls_config *);

/* object.c: false when the connection is no more what it was before. */
int		 object_same(const struct securetcp *, uint64_t);
void		 object_hold(struct securetcp *);
void		 object_release(struct securetcp *);
void		 object_say(struct securetcp *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
int		 object_become(struct securetcp *, enum securetcp_state);
void		 object_fail(struct securetcp *, int);
void		 object_end(struct securetcp *);
int		 object_sendable(const struct securetcp *);

/* io.c */
ssize_t		 io_read(struct tls *, void *, size_t, void *);
ssize_t		 io_write(struct tls *, const void *, size_t, void *);
int		 io_fill(struct securetcp *);
void		 io_arrived(struct securetcp *);
void		 io_ended(struct securetcp *);
void		 io_flush(struct securetcp *);
void		 io_broken(struct securetcp *);
void		 io_finish(struct securetcp *);

/*
 * classify.c: the number, with the reason set; ptOk for a peer that left
 * without a word.  The flag: the key's hook has failed.
 */
int		 classify_handshake(struct securetcp *, int);
int		 classify_error(struct securetcp *);

/* tickets.c */
int		 tickets_library(void);
void		 tickets_accepting(int);

/* keyhook.c */
int		 keyhook_ready(void);
unsigned int	 keyhook_failures(void);
int		 keyhook_swap(int (*)(const struct securetcp_signing *, void *),
		    void *, int (**)(const struct securetcp_signing *, void *),
		    void **);

/* keyid.c */
struct x509_st	*keyid_leaf(const void *, size_t);
struct evp_pkey_st
		*keyid_private(const void *, size_t);
int		 keyid_pkey(struct evp_pkey_st *, uint8_t [SECURETCP_KEYID],
		    enum securetcp_keytype *);

#endif /* OBJECT_H */
