/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Buffers that grow up to a limit, and what goes into them. */

#ifndef __OpenBSD__

#include <sys/types.h>

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "compat.h"

static int	 ibuf_add_value(struct ibuf *, const void *, size_t, uint64_t,
		    uint64_t);

struct ibuf *
ibuf_open(size_t len)
{
	struct ibuf	*buf;

	if ((buf = calloc(1, sizeof(*buf))) == NULL)
		return (NULL);
	if (len > 0 && (buf->ib_data = calloc(1, len)) == NULL) {
		free(buf);
		return (NULL);
	}
	buf->ib_size = buf->ib_max = len;
	buf->ib_fd = -1;
	return (buf);
}

struct ibuf *
ibuf_dynamic(size_t len, size_t max)
{
	struct ibuf	*buf;

	if (max == 0 || max < len) {
		errno = EINVAL;
		return (NULL);
	}
	if ((buf = ibuf_open(len)) != NULL)
		buf->ib_max = max;
	return (buf);
}

void
ibuf_free(struct ibuf *buf)
{
	int	 saved = errno;

	if (buf == NULL)
		return;
	if (buf->ib_max == 0 && buf->ib_data != NULL)
		abort();	/* ibuf_from_buffer(): not ours to free */
	if (buf->ib_fd != -1)
		(void)close(buf->ib_fd);
	freezero(buf->ib_data, buf->ib_size);
	free(buf);
	errno = saved;
}

void *
ibuf_reserve(struct ibuf *buf, size_t len)
{
	unsigned char	*p;
	size_t		 need, size;

	if (buf->ib_max == 0 && (buf->ib_data != NULL || len == 0)) {
		errno = EINVAL;
		return (NULL);
	}
	if (len > buf->ib_max - buf->ib_wpos) {
		errno = ERANGE;
		return (NULL);
	}
	need = buf->ib_wpos + len;
	if (need > buf->ib_size) {
		size = buf->ib_size * 2;
		if (size < need)
			size = need;
		if (size > buf->ib_max)
			size = buf->ib_max;
		if ((p = calloc(1, size)) == NULL)
			return (NULL);
		if (buf->ib_wpos > 0)
			memcpy(p, buf->ib_data, buf->ib_wpos);
		freezero(buf->ib_data, buf->ib_size);
		buf->ib_data = p;
		buf->ib_size = size;
	}
	p = buf->ib_data + buf->ib_wpos;
	buf->ib_wpos = need;
	return (p);
}

int
ibuf_add(struct ibuf *buf, const void *data, size_t len)
{
	void	*p;

	if (len == 0)
		return (0);
	if ((p = ibuf_reserve(buf, len)) == NULL)
		return (-1);
	memcpy(p, data, len);
	return (0);
}

int
ibuf_add_ibuf(struct ibuf *buf, const struct ibuf *from)
{
	return (ibuf_add(buf, ibuf_data(from), ibuf_size(from)));
}

int
ibuf_add_zero(struct ibuf *buf, size_t len)
{
	void	*p;

	if (len == 0)
		return (0);
	if ((p = ibuf_reserve(buf, len)) == NULL)
		return (-1);
	memset(p, 0, len);
	return (0);
}

static int
ibuf_add_value(struct ibuf *buf, const void *data, size_t len, uint64_t value,
    uint64_t greatest)
{
	if (value > greatest) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_add(buf, data, len));
}

int
ibuf_add_n8(struct ibuf *buf, uint64_t value)
{
	uint8_t	 v = (uint8_t)value;

	return (ibuf_add_value(buf, &v, sizeof(v), value, UINT8_MAX));
}

int
ibuf_add_n16(struct ibuf *buf, uint64_t value)
{
	uint16_t	 v = htobe16((uint16_t)value);

	return (ibuf_add_value(buf, &v, sizeof(v), value, UINT16_MAX));
}

int
ibuf_add_n32(struct ibuf *buf, uint64_t value)
{
	uint32_t	 v = htobe32((uint32_t)value);

	return (ibuf_add_value(buf, &v, sizeof(v), value, UINT32_MAX));
}

int
ibuf_add_n64(struct ibuf *buf, uint64_t value)
{
	uint64_t	 v = htobe64(value);

	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_h16(struct ibuf *buf, uint64_t value)
{
	uint16_t	 v = (uint16_t)value;

	return (ibuf_add_value(buf, &v, sizeof(v), value, UINT16_MAX));
}

int
ibuf_add_h32(struct ibuf *buf, uint64_t value)
{
	uint32_t	 v = (uint32_t)value;

	return (ibuf_add_value(buf, &v, sizeof(v), value, UINT32_MAX));
}

int
ibuf_add_h64(struct ibuf *buf, uint64_t value)
{
	return (ibuf_add(buf, &value, sizeof(value)));
}

/* A field of fixed size: the string, its NUL, and zeros. */
int
ibuf_add_strbuf(struct ibuf *buf, const char *str, size_t len)
{
	char	*p;
	size_t	 n;

	if ((n = strlen(str)) >= len) {
		errno = EOVERFLOW;
		return (-1);
	}
	if ((p = ibuf_reserve(buf, len)) == NULL)
		return (-1);
	memcpy(p, str, n);
	memset(p + n, 0, len - n);
	return (0);
}

/* The position counts from the read position, as in ibuf_data(). */
void *
ibuf_seek(struct ibuf *buf, size_t pos, size_t len)
{
	if (pos > ibuf_size(buf) || len > ibuf_size(buf) - pos) {
		errno = ERANGE;
		return (NULL);
	}
	return (buf->ib_data + buf->ib_rpos + pos);
}

int
ibuf_set(struct ibuf *buf, size_t pos, const void *data, size_t len)
{
	void	*p;

	if ((p = ibuf_seek(buf, pos, len)) == NULL)
		return (-1);
	if (len > 0)
		memcpy(p, data, len);
	return (0);
}

size_t
ibuf_left(const struct ibuf *buf)
{
	if (buf->ib_max == 0)
		return (0);
	return (buf->ib_max - buf->ib_wpos);
}

int
ibuf_truncate(struct ibuf *buf, size_t len)
{
	if (ibuf_size(buf) >= len) {
		buf->ib_wpos = buf->ib_rpos + len;
		return (0);
	}
	if (buf->ib_max == 0) {
		errno = ERANGE;
		return (-1);
	}
	return (ibuf_add_zero(buf, len - ibuf_size(buf)));
}

void
ibuf_fd_set(struct ibuf *buf, int fd)
{
	if (buf->ib_fd != -1)
		(void)close(buf->ib_fd);
	buf->ib_fd = fd;
}

/* Reading out of buffers: never past the end, in order. */

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
