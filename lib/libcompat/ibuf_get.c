/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* What comes out of buffers: never past the end, in order. */

#ifndef __OpenBSD__

#include <sys/types.h>

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "imsg.h"

void
ibuf_from_buffer(struct ibuf *buf, void *data, size_t len)
{
	memset(buf, 0, sizeof(*buf));
	buf->ib_data = data;
	buf->ib_size = buf->ib_wpos = len;
	buf->ib_fd = -1;
}

void
ibuf_from_ibuf(struct ibuf *buf, const struct ibuf *from)
{
	ibuf_from_buffer(buf, ibuf_data(from), ibuf_size(from));
}

void *
ibuf_data(const struct ibuf *buf)
{
	if (buf->ib_data == NULL)
		return (NULL);
	return (buf->ib_data + buf->ib_rpos);
}

size_t
ibuf_size(const struct ibuf *buf)
{
	return (buf->ib_wpos - buf->ib_rpos);
}

void
ibuf_rewind(struct ibuf *buf)
{
	buf->ib_rpos = 0;
}

int
ibuf_get(struct ibuf *buf, void *data, size_t len)
{
	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (-1);
	}
	if (len > 0)
		memcpy(data, ibuf_data(buf), len);
	buf->ib_rpos += len;
	return (0);
}

int
ibuf_get_ibuf(struct ibuf *buf, size_t len, struct ibuf *part)
{
	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (-1);
	}
	ibuf_from_buffer(part, ibuf_data(buf), len);
	buf->ib_rpos += len;
	return (0);
}

int
ibuf_get_n8(struct ibuf *buf, uint8_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

int
ibuf_get_n16(struct ibuf *buf, uint16_t *value)
{
	if (ibuf_get(buf, value, sizeof(*value)) == -1)
		return (-1);
	*value = be16toh(*value);
	return (0);
}

int
ibuf_get_n32(struct ibuf *buf, uint32_t *value)
{
	if (ibuf_get(buf, value, sizeof(*value)) == -1)
		return (-1);
	*value = be32toh(*value);
	return (0);
}

int
ibuf_get_n64(struct ibuf *buf, uint64_t *value)
{
	if (ibuf_get(buf, value, sizeof(*value)) == -1)
		return (-1);
	*value = be64toh(*value);
	return (0);
}

int
ibuf_get_h16(struct ibuf *buf, uint16_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

int
ibuf_get_h32(struct ibuf *buf, uint32_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

int
ibuf_get_h64(struct ibuf *buf, uint64_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

/* A string of its own, up to a NUL or the length; the caller frees it. */
char *
ibuf_get_string(struct ibuf *buf, size_t len)
{
	char	*str;

	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (NULL);
	}
	if (len == 0)
		str = strdup("");
	else
		str = strndup(ibuf_data(buf), len);
	if (str != NULL)
		buf->ib_rpos += len;
	return (str);
}

/* The counterpart of ibuf_add_strbuf(): always ends with a NUL. */
int
ibuf_get_strbuf(struct ibuf *buf, char *str, size_t len)
{
	if (len == 0) {
		errno = EINVAL;
		return (-1);
	}
	if (ibuf_get(buf, str, len) == -1)
		return (-1);
	if (str[len - 1] != '\0') {
		str[len - 1] = '\0';
		errno = EOVERFLOW;
		return (-1);
	}
	return (0);
}

int
ibuf_skip(struct ibuf *buf, size_t len)
{
	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (-1);
	}
	buf->ib_rpos += len;
	return (0);
}

int
ibuf_fd_avail(struct ibuf *buf)
{
	return (buf->ib_fd != -1);
}

/* The descriptor is the caller's from then on. */
int
ibuf_fd_get(struct ibuf *buf)
{
	int	 fd = buf->ib_fd;

	buf->ib_fd = -1;
	return (fd);
}

#endif /* !__OpenBSD__ */
