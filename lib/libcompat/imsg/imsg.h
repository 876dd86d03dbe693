/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Messages between processes over a unix stream socket: the part of
 * OpenBSD 7.8's imsg_init(3) and ibuf_add(3) that this tree uses, for systems
 * without it.  The functions behave as described there, and the format on
 * the wire is the same.  The members of the structs are nobody's business
 * but libcompat's.  Where it differs:
 *
 * - a received descriptor is close-on-exec;
 * - imsgbuf_flush() waits in poll(2) when the socket is full;
 * - composing a message with a descriptor on an imsgbuf that was not told
 *   imsgbuf_allow_fdpass() fails with EINVAL, and the descriptor stays the
 *   caller's, rather than being lost on the way;
 * - no SIGPIPE.
 */

#ifndef IMSG_H
#define IMSG_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#define IMSG_HEADER_SIZE	sizeof(struct imsg_hdr)
#define MAX_IMSGSIZE		16384

struct iovec;

struct ibuf {
	TAILQ_ENTRY(ibuf)	 ib_entry;
	unsigned char		*ib_data;
	size_t			 ib_size;	/* allocated */
	size_t			 ib_max;	/* greatest; 0: read only */
	size_t			 ib_wpos;
	size_t			 ib_rpos;
	int			 ib_fd;
};
TAILQ_HEAD(ibufqueue, ibuf);

struct imsg_hdr {
	uint32_t		 ih_type;
	uint32_t		 ih_len;	/* with header; top bit: a fd */
	uint32_t		 ih_peerid;
	uint32_t		 ih_pid;
};

struct imsg {
	struct imsg_hdr		 im_hdr;
	struct ibuf		*im_buf;
};

struct imsgbuf {
	struct ibufqueue	 ms_out;
	struct ibufqueue	 ms_in;		/* whole messages */
	struct ibuf		*ms_partial;	/* message being received */
	struct imsg_hdr		 ms_hdr;	/* its header, or a part */
	size_t			 ms_hdrlen;
	uint32_t		 ms_queued;
	uint32_t		 ms_maxsize;
	pid_t			 ms_pid;
	int			 ms_fd;
	int			 ms_rfd;	/* received, no message yet */
	int			 ms_fdpass;
};

/* ibuf.c: buffers that are written */
struct ibuf	*ibuf_open(size_t);
struct ibuf	*ibuf_dynamic(size_t, size_t);
void		 ibuf_free(struct ibuf *);
int		 ibuf_add(struct ibuf *, const void *, size_t);
int		 ibuf_add_ibuf(struct ibuf *, const struct ibuf *);
int		 ibuf_add_zero(struct ibuf *, size_t);
int		 ibuf_add_n8(struct ibuf *, uint64_t);
int		 ibuf_add_n16(struct ibuf *, uint64_t);
int		 ibuf_add_n32(struct ibuf *, uint64_t);
int		 ibuf_add_n64(struct ibuf *, uint64_t);
int		 ibuf_add_h16(struct ibuf *, uint64_t);
int		 ibuf_add_h32(struct ibuf *, uint64_t);
int		 ibuf_add_h64(struct ibuf *, uint64_t);
int		 ibuf_add_strbuf(struct ibuf *, const char *, size_t);
void		*ibuf_reserve(struct ibuf *, size_t);
void		*ibuf_seek(struct ibuf *, size_t, size_t);
int		 ibuf_set(struct ibuf *, size_t, const void *, size_t);
size_t		 ibuf_left(const struct ibuf *);
int		 ibuf_truncate(struct ibuf *, size_t);
void		 ibuf_fd_set(struct ibuf *, int);

/* ibuf.c: buffers that are read */
void		 ibuf_from_buffer(struct ibuf *, void *, size_t);
void		 ibuf_from_ibuf(struct ibuf *, const struct ibuf *);
void		*ibuf_data(const struct ibuf *);
size_t		 ibuf_size(const struct ibuf *);
void		 ibuf_rewind(struct ibuf *);
int		 ibuf_get(struct ibuf *, void *, size_t);
int		 ibuf_get_ibuf(struct ibuf *, size_t, struct ibuf *);
int		 ibuf_get_n8(struct ibuf *, uint8_t *);
int		 ibuf_get_n16(struct ibuf *, uint16_t *);
int		 ibuf_get_n32(struct ibuf *, uint32_t *);
int		 ibuf_get_n64(struct ibuf *, uint64_t *);
int		 ibuf_get_h16(struct ibuf *, uint16_t *);
int		 ibuf_get_h32(struct ibuf *, uint32_t *);
int		 ibuf_get_h64(struct ibuf *, uint64_t *);
char		*ibuf_get_string(struct ibuf *, size_t);
int		 ibuf_get_strbuf(struct ibuf *, char *, size_t);
int		 ibuf_skip(struct ibuf *, size_t);
int		 ibuf_fd_avail(struct ibuf *);
int		 ibuf_fd_get(struct ibuf *);

/* imsg.c: the socket */
int		 imsgbuf_init(struct imsgbuf *, int);
void		 imsgbuf_allow_fdpass(struct imsgbuf *);
int		 imsgbuf_set_maxsize(struct imsgbuf *, uint32_t);
int		 imsgbuf_read(struct imsgbuf *);
int		 imsgbuf_write(struct imsgbuf *);
int		 imsgbuf_flush(struct imsgbuf *);
void		 imsgbuf_clear(struct imsgbuf *);
uint32_t	 imsgbuf_queuelen(struct imsgbuf *);
int		 imsgbuf_get(struct imsgbuf *, struct imsg *);

/* imsg.c: one message */
uint32_t	 imsg_get_type(struct imsg *);
uint32_t	 imsg_get_id(struct imsg *);
pid_t		 imsg_get_pid(struct imsg *);
size_t		 imsg_get_len(struct imsg *);
int		 imsg_get_ibuf(struct imsg *, struct ibuf *);
int		 imsg_get_data(struct imsg *, void *, size_t);
int		 imsg_get_buf(struct imsg *, void *, size_t);
int		 imsg_get_strbuf(struct imsg *, char *, size_t);
int		 imsg_get_fd(struct imsg *);
void		 imsg_free(struct imsg *);
int		 imsg_compose(struct imsgbuf *, uint32_t, uint32_t, pid_t, int,
		    const void *, size_t);
int		 imsg_composev(struct imsgbuf *, uint32_t, uint32_t, pid_t,
		    int, const struct iovec *, int);
int		 imsg_compose_ibuf(struct imsgbuf *, uint32_t, uint32_t,
		    pid_t, struct ibuf *);
struct ibuf	*imsg_create(struct imsgbuf *, uint32_t, uint32_t, pid_t,
		    size_t);
int		 imsg_add(struct ibuf *, const void *, size_t);
void		 imsg_close(struct imsgbuf *, struct ibuf *);

#endif /* IMSG_H */
