/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Messages, one at a time: made and queued, or received and taken apart. */

#ifndef __OpenBSD__

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"

#define IMSG_FD_MARK	0x80000000U	/* in ih_len */

#define READ_SIZE	65536
#define WRITE_IOVECS	64

union cmsgbuf {
	struct cmsghdr	 hdr;
	unsigned char	 data[CMSG_SPACE(sizeof(int))];
};

static void	 imsgbuf_take_fds(struct imsgbuf *, struct msghdr *);
static void	 imsgbuf_drop_fd(struct imsgbuf *);
static int	 imsgbuf_header(struct imsgbuf *);
static int	 imsgbuf_parse(struct imsgbuf *, const unsigned char *, size_t);
static void	 imsgbuf_sent(struct imsgbuf *, size_t);

uint32_t
imsg_get_type(struct imsg *imsg)
{
	return (imsg->im_hdr.ih_type);
}

uint32_t
imsg_get_id(struct imsg *imsg)
{
	return (imsg->im_hdr.ih_peerid);
}

pid_t
imsg_get_pid(struct imsg *imsg)
{
	return ((pid_t)imsg->im_hdr.ih_pid);
}

/* The length of the unread payload. */
size_t
imsg_get_len(struct imsg *imsg)
{
	return (ibuf_size(imsg->im_buf));
}

int
imsg_get_ibuf(struct imsg *imsg, struct ibuf *part)
{
	if (ibuf_size(imsg->im_buf) == 0) {
		errno = EBADMSG;
		return (-1);
	}
	return (ibuf_get_ibuf(imsg->im_buf, ibuf_size(imsg->im_buf), part));
}

/* All of it, and exactly that long. */
int
imsg_get_data(struct imsg *imsg, void *data, size_t len)
{
	if (len == 0) {
		errno = EINVAL;
		return (-1);
	}
	if (ibuf_size(imsg->im_buf) != len) {
		errno = EBADMSG;
		return (-1);
	}
	return (ibuf_get(imsg->im_buf, data, len));
}

int
imsg_get_buf(struct imsg *imsg, void *data, size_t len)
{
	return (ibuf_get(imsg->im_buf, data, len));
}

int
imsg_get_strbuf(struct imsg *imsg, char *str, size_t len)
{
	return (ibuf_get_strbuf(imsg->im_buf, str, len));
}

int
imsg_get_fd(struct imsg *imsg)
{
	return (ibuf_fd_get(imsg->im_buf));
}

void
imsg_free(struct imsg *imsg)
{
	ibuf_free(imsg->im_buf);
	imsg->im_buf = NULL;
}

struct ibuf *
imsg_create(struct imsgbuf *imsgbuf, uint32_t type, uint32_t id, pid_t pid,
    size_t datalen)
{
	struct imsg_hdr	 hdr;
	struct ibuf	*buf;

	if (datalen > imsgbuf->ms_maxsize - sizeof(hdr)) {
		errno = ERANGE;
		return (NULL);
	}
	memset(&hdr, 0, sizeof(hdr));
	hdr.ih_type = type;
	hdr.ih_peerid = id;
	hdr.ih_pid = (uint32_t)(pid == 0 ? imsgbuf->ms_pid : pid);

	buf = ibuf_dynamic(sizeof(hdr) + datalen, imsgbuf->ms_maxsize);
	if (buf == NULL)
		return (NULL);
	if (ibuf_add(buf, &hdr, sizeof(hdr)) == -1) {
		ibuf_free(buf);
		return (NULL);
	}
	return (buf);
}

/* The message is freed when it has no room: there is no way to go on. */
int
imsg_add(struct ibuf *buf, const void *data, size_t len)
{
	if (ibuf_add(buf, data, len) == -1) {
		ibuf_free(buf);
		return (-1);
	}
	return ((int)len);
}

void
imsg_close(struct imsgbuf *imsgbuf, struct ibuf *buf)
{
	uint32_t	 len = (uint32_t)ibuf_size(buf);

	if (ibuf_fd_avail(buf))
		len |= IMSG_FD_MARK;
	ibuf_set(buf, offsetof(struct imsg_hdr, ih_len), &len, sizeof(len));
	TAILQ_INSERT_TAIL(&imsgbuf->ms_out, buf, ib_entry);
	imsgbuf->ms_queued++;
}

int
imsg_compose(struct imsgbuf *imsgbuf, uint32_t type, uint32_t id, pid_t pid,
    int fd, const void *data, size_t len)
{
	struct ibuf	*buf;

	if (fd != -1 && !imsgbuf->ms_fdpass) {
		errno = EINVAL;
		return (-1);
	}
	if ((buf = imsg_create(imsgbuf, type, id, pid, len)) == NULL)
		return (-1);
	if (imsg_add(buf, data, len) == -1)
		return (-1);
	ibuf_fd_set(buf, fd);
	imsg_close(imsgbuf, buf);
	return (1);
}

int
imsg_composev(struct imsgbuf *imsgbuf, uint32_t type, uint32_t id, pid_t pid,
    int fd, const struct iovec *iov, int iovcnt)
{
	struct ibuf	*buf;
	size_t		 len;
	int		 i;

	if (fd != -1 && !imsgbuf->ms_fdpass) {
		errno = EINVAL;
		return (-1);
	}
	len = 0;
	for (i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len > imsgbuf->ms_maxsize - len) {
			errno = ERANGE;
			return (-1);
		}
		len += iov[i].iov_len;
	}
	if ((buf = imsg_create(imsgbuf, type, id, pid, len)) == NULL)
		return (-1);
	for (i = 0; i < iovcnt; i++)
		if (imsg_add(buf, iov[i].iov_base, iov[i].iov_len) == -1)
			return (-1);
	ibuf_fd_set(buf, fd);
	imsg_close(imsgbuf, buf);
	return (1);
}

/* The payload is taken, with its descriptor, also when this fails. */
int
imsg_compose_ibuf(struct imsgbuf *imsgbuf, uint32_t type, uint32_t id,
    pid_t pid, struct ibuf *payload)
{
	struct ibuf	*buf;

	if (ibuf_fd_avail(payload) && !imsgbuf->ms_fdpass) {
		errno = EINVAL;
		goto fail;
	}
	buf = imsg_create(imsgbuf, type, id, pid, ibuf_size(payload));
	if (buf == NULL)
		goto fail;
	if (ibuf_add_ibuf(buf, payload) == -1) {
		ibuf_free(buf);
		goto fail;
	}
	ibuf_fd_set(buf, ibuf_fd_get(payload));
	ibuf_free(payload);
	imsg_close(imsgbuf, buf);
	return (1);

fail:
	ibuf_free(payload);
	return (-1);
}

/*
 * Messages through a unix stream socket.  A descriptor travels with the
 * first byte of its message, and a message that has one begins a sendmsg(2)
 * of its own; so at the receiver it belongs to the first marked message
 * whose header ends after the descriptor came.
 */

int
imsgbuf_init(struct imsgbuf *imsgbuf, int fd)
{
	memset(imsgbuf, 0, sizeof(*imsgbuf));
	TAILQ_INIT(&imsgbuf->ms_out);
	TAILQ_INIT(&imsgbuf->ms_in);
	imsgbuf->ms_maxsize = MAX_IMSGSIZE;
	imsgbuf->ms_pid = getpid();
	imsgbuf->ms_fd = fd;
	imsgbuf->ms_rfd = -1;
	return (0);
}

void
imsgbuf_allow_fdpass(struct imsgbuf *imsgbuf)
{
	imsgbuf->ms_fdpass = 1;
}

/* The greatest payload: the header is not counted. */
int
imsgbuf_set_maxsize(struct imsgbuf *imsgbuf, uint32_t max)
{
	if (max > UINT32_MAX - sizeof(struct imsg_hdr)) {
		errno = ERANGE;
		return (-1);
	}
	if (((max + sizeof(struct imsg_hdr)) & IMSG_FD_MARK) != 0) {
		errno = EINVAL;
		return (-1);
	}
	imsgbuf->ms_maxsize = max + sizeof(struct imsg_hdr);
	return (0);
}

static void
imsgbuf_drop_fd(struct imsgbuf *imsgbuf)
{
	if (imsgbuf->ms_rfd == -1)
		return;
	(void)close(imsgbuf->ms_rfd);
	imsgbuf->ms_rfd = -1;
}

/* A descriptor may wait for its message; any other that was sent is closed. */
static void
imsgbuf_take_fds(struct imsgbuf *imsgbuf, struct msghdr *msg)
{
	struct cmsghdr	*cmsg;
	size_t		 i, n;
	int		 fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS ||
		    cmsg->cmsg_len < CMSG_LEN(0))
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(fd));
			if (imsgbuf->ms_rfd == -1 && imsgbuf->ms_fdpass)
				imsgbuf->ms_rfd = fd;
			else
				(void)close(fd);
		}
	}
}

/* A header is complete: a buffer for its message, or it is no message. */
static int
imsgbuf_header(struct imsgbuf *imsgbuf)
{
	struct imsg_hdr	*hdr = &imsgbuf->ms_hdr;
	int		 mark;

	mark = (hdr->ih_len & IMSG_FD_MARK) != 0;
	hdr->ih_len &= ~IMSG_FD_MARK;
	if (hdr->ih_len < sizeof(*hdr) || hdr->ih_len > imsgbuf->ms_maxsize) {
		errno = ERANGE;
		return (-1);
	}
	imsgbuf->ms_partial = ibuf_open(hdr->ih_len);
	if (imsgbuf->ms_partial == NULL)
		return (-1);
	if (mark) {
		ibuf_fd_set(imsgbuf->ms_partial, imsgbuf->ms_rfd);
		imsgbuf->ms_rfd = -1;
	}
	return (ibuf_add(imsgbuf->ms_partial, hdr, sizeof(*hdr)));
}

static int
imsgbuf_parse(struct imsgbuf *imsgbuf, const unsigned char *data, size_t len)
{
	unsigned char	*hdr = (unsigned char *)&imsgbuf->ms_hdr;
	struct ibuf	*buf;
	size_t		 n;

	while (len > 0) {
		if (imsgbuf->ms_partial == NULL) {
			n = sizeof(imsgbuf->ms_hdr) - imsgbuf->ms_hdrlen;
			if (n > len)
				n = len;
			memcpy(hdr + imsgbuf->ms_hdrlen, data, n);
			imsgbuf->ms_hdrlen += n;
			data += n;
			len -= n;
			if (imsgbuf->ms_hdrlen < sizeof(imsgbuf->ms_hdr))
				break;
			if (imsgbuf_header(imsgbuf) == -1)
				return (-1);
		}
		buf = imsgbuf->ms_partial;
		n = ibuf_left(buf);
		if (n > len)
			n = len;
		if (ibuf_add(buf, data, n) == -1)
			return (-1);
		data += n;
		len -= n;
		if (ibuf_left(buf) == 0) {
			TAILQ_INSERT_TAIL(&imsgbuf->ms_in, buf, ib_entry);
			imsgbuf->ms_partial = NULL;
			imsgbuf->ms_hdrlen = 0;
		}
	}
	/* Only a header of which a part has come may still claim it. */
	if (imsgbuf->ms_partial != NULL || imsgbuf->ms_hdrlen == 0)
		imsgbuf_drop_fd(imsgbuf);
	return (0);
}

/* 1: read, or nothing there; 0: closed; -1: an error, or no message. */
int
imsgbuf_read(struct imsgbuf *imsgbuf)
{
	unsigned char	 data[READ_SIZE];
	union cmsgbuf	 control;
	struct msghdr	 msg;
	struct iovec	 iov;
	ssize_t		 n;

	iov.iov_base = data;
	iov.iov_len = sizeof(data);
	do {
		memset(&msg, 0, sizeof(msg));
		memset(&control, 0, sizeof(control));
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(imsgbuf->ms_fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN ? 1 : -1);
	imsgbuf_take_fds(imsgbuf, &msg);
	if (n == 0) {
		imsgbuf_drop_fd(imsgbuf);
		return (0);
	}
	if (imsgbuf_parse(imsgbuf, data, (size_t)n) == -1)
		return (-1);
	return (1);
}

int
imsgbuf_get(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	struct ibuf	*buf;

	if ((buf = TAILQ_FIRST(&imsgbuf->ms_in)) == NULL)
		return (0);
	TAILQ_REMOVE(&imsgbuf->ms_in, buf, ib_entry);
	if (ibuf_get(buf, &imsg->im_hdr, sizeof(imsg->im_hdr)) == -1) {
		ibuf_free(buf);
		return (-1);
	}
	imsg->im_buf = buf;
	return (1);
}

/* Takes what was sent from the queue, with the descriptors. */
static void
imsgbuf_sent(struct imsgbuf *imsgbuf, size_t n)
{
	struct ibuf	*buf;
	size_t		 size;

	while ((buf = TAILQ_FIRST(&imsgbuf->ms_out)) != NULL && n > 0) {
		if (ibuf_fd_avail(buf))
			(void)close(ibuf_fd_get(buf));
		if ((size = ibuf_size(buf)) > n) {
			ibuf_skip(buf, n);
			return;
		}
		n -= size;
		TAILQ_REMOVE(&imsgbuf->ms_out, buf, ib_entry);
		imsgbuf->ms_queued--;
		ibuf_free(buf);
	}
}

/*
 * A message without a descriptor goes by send(2): a sandbox may then refuse
 * sendmsg(2), and with it that a descriptor is passed.
 */
static int
imsgbuf_send(struct imsgbuf *imsgbuf)
{
	struct ibuf	*buf;
	size_t		 size;
	ssize_t		 n;

	while ((buf = TAILQ_FIRST(&imsgbuf->ms_out)) != NULL &&
	    !ibuf_fd_avail(buf)) {
		size = ibuf_size(buf);
		do {
			n = send(imsgbuf->ms_fd, ibuf_data(buf), size,
			    MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
		if (n == -1)
			return (errno == EAGAIN || errno == ENOBUFS ? 0 : -1);
		imsgbuf_sent(imsgbuf, (size_t)n);
		if ((size_t)n < size)
			break;
	}
	return (0);
}

/* 0: one pass done, all or a part of it sent, or no room; -1: an error. */
int
imsgbuf_write(struct imsgbuf *imsgbuf)
{
	struct iovec	 iov[WRITE_IOVECS];
	union cmsgbuf	 control;
	struct cmsghdr	*cmsg;
	struct msghdr	 msg;
	struct ibuf	*buf;
	ssize_t		 n;
	int		 fd = -1, i = 0;

	TAILQ_FOREACH(buf, &imsgbuf->ms_out, ib_entry) {
		if (i == WRITE_IOVECS || (i > 0 && ibuf_fd_avail(buf)))
			break;
		if (ibuf_fd_avail(buf))
			fd = buf->ib_fd;
		iov[i].iov_base = ibuf_data(buf);
		iov[i].iov_len = ibuf_size(buf);
		i++;
	}
	if (i == 0)
		return (0);
	if (fd == -1)
		return (imsgbuf_send(imsgbuf));
	if (!imsgbuf->ms_fdpass) {
		errno = EINVAL;
		return (-1);
	}

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = i;
	memset(&control, 0, sizeof(control));
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	do {
		n = sendmsg(imsgbuf->ms_fd, &msg, MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN || errno == ENOBUFS ? 0 : -1);
	imsgbuf_sent(imsgbuf, (size_t)n);
	return (0);
}

int
imsgbuf_flush(struct imsgbuf *imsgbuf)
{
	struct pollfd	 pfd;
	uint32_t	 before;

	while (imsgbuf->ms_queued > 0) {
		before = imsgbuf->ms_queued;
		if (imsgbuf_write(imsgbuf) == -1)
			return (-1);
		if (imsgbuf->ms_queued < before)
			continue;
		pfd.fd = imsgbuf->ms_fd;
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			return (-1);
	}
	return (0);
}

uint32_t
imsgbuf_queuelen(struct imsgbuf *imsgbuf)
{
	return (imsgbuf->ms_queued);
}

/* Frees everything queued, in and out; the socket stays open. */
void
imsgbuf_clear(struct imsgbuf *imsgbuf)
{
	struct ibuf	*buf;

	while ((buf = TAILQ_FIRST(&imsgbuf->ms_out)) != NULL) {
		TAILQ_REMOVE(&imsgbuf->ms_out, buf, ib_entry);
		ibuf_free(buf);
	}
	imsgbuf->ms_queued = 0;
	while ((buf = TAILQ_FIRST(&imsgbuf->ms_in)) != NULL) {
		TAILQ_REMOVE(&imsgbuf->ms_in, buf, ib_entry);
		ibuf_free(buf);
	}
	ibuf_free(imsgbuf->ms_partial);
	imsgbuf->ms_partial = NULL;
	imsgbuf->ms_hdrlen = 0;
	imsgbuf_drop_fd(imsgbuf);
}

#endif /* !__OpenBSD__ */
