/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* One message: made and queued, or received and looked into. */

#ifndef __OpenBSD__

#include <sys/types.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "imsg.h"
#include "imsg_local.h"

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

/* What of the payload is unread. */
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

#endif /* !__OpenBSD__ */
