/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Data: the socket's callbacks, reading ahead and receive, the send queue,
 * and what the ends of either direction mean.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include <openssl/err.h>

#include "object.h"
#include "securetcp.h"

#define MINIMUM(a, b)	((a) < (b) ? (a) : (b))

static void	 io_heard(struct securetcp *, const uint8_t *, size_t, size_t);
static int	 io_wanted(struct securetcp *, const void *, size_t);
static ssize_t	 io_keep(struct securetcp *, const void *, size_t);
static ssize_t	 io_out(struct securetcp *, const void *, size_t);
static ssize_t	 io_pull(struct securetcp *, void *, size_t);
static void	 io_truncated(struct securetcp *);
static void	 io_lost(struct securetcp *);
static void	 io_read_failed(struct securetcp *);
static int	 io_ready(struct securetcp *);
static int	 io_room(struct securetcp *);
static ssize_t	 io_push(struct securetcp *, const void *, size_t);
static int	 io_queue(struct securetcp *, const uint8_t *, size_t,
		    size_t *);
static int	 io_flush_queue(struct securetcp *);
static int	 io_flush_notify(struct securetcp *);
static void	 io_write_failed(struct securetcp *);

/*
 * The TLS library's reads.  A bare end of file and an error look alike to
 * its caller: they are noted here, as is what the peer said first.
 */
ssize_t
stcp_io_read(struct tls *tls, void *buf, size_t len, void *arg)
{
	struct securetcp	*s = arg;
	ssize_t			 n;

	/* A handler has ended the connection of this one. */
	if (tls != s->st_tls)
		return (-1);
	if ((n = (ssize_t)stcp_preload_take(s, buf, len)) == 0) {
		do {
			n = recv(s->st_fd, buf, len, 0);
		} while (n == -1 && errno == EINTR);
		if (n > 0)
			stcp_io_note(s, buf, (size_t)n);
	}
	if (n > 0 && !io_wanted(s, buf, (size_t)n))
		return (-1);
	if (n > 0) {
		io_heard(s, buf, (size_t)n, len);
		return (n);
	}
	if (n == 0) {
		s->st_eof = 1;
		/*
		 * OpenSSL 3 answers a bare end of file with an alert and
		 * writes no more; but the other half may go on.
		 */
		return (s->st_state == SECURETCP_CONNECTING ? 0 :
		    TLS_WANT_POLLIN);
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return (TLS_WANT_POLLIN);
	s->st_readerror = errno;
	return (-1);
}

/*
 * Both libraries read the head of a record, 5 bytes, first; an alert in clear
 * are two more.
 */
static void
io_heard(struct securetcp *s, const uint8_t *buf, size_t n, size_t len)
{
	if (len == 5)
		s->st_record = buf[0];
	else if (s->st_record == 21 && n == 2 && len == 2 && buf[0] == 2)
		s->st_heard = buf[1];
}

/* The watcher of the handshake may have seen enough of it. */
static int
io_wanted(struct securetcp *s, const void *buf, size_t n)
{
	if (s->st_watch == NULL || s->st_state != SECURETCP_CONNECTING ||
	    s->st_watch(buf, n, s->st_watcharg) == 0)
		return (1);
	s->st_unwanted = 1;
	return (0);
}

/* Keeps the first bytes from the peer. */
void
stcp_io_note(struct securetcp *s, const uint8_t *buf, size_t n)
{
	size_t	 room = sizeof(s->st_first) - s->st_firstlen;

	if (room != 0) {
		memcpy(s->st_first + s->st_firstlen, buf, MINIMUM(n, room));
		s->st_firstlen += MINIMUM(n, room);
	}
}

/* Never SIGPIPE: whose signals they are, a library does not know. */
ssize_t
stcp_io_write(struct tls *tls, const void *buf, size_t len, void *arg)
{
	struct securetcp	*s = arg;
	const uint8_t		*b = buf;
	ssize_t			 n;

	if (tls != s->st_tls)
		return (-1);
	if (s->st_notifying)
		return (io_keep(s, buf, len));
	/* Nothing overtakes our end. */
	if (s->st_notifyoff != s->st_notifylen)
		return (TLS_WANT_POLLOUT);
	/* The alert that the library sends names its reason best. */
	if (len == 7 && b[0] == 21 && s->st_state == SECURETCP_CONNECTING)
		s->st_alert = b[6];
	n = io_out(s, buf, len);
	/*
	 * A peer that has left may have said why: what cannot be written in
	 * the handshake is dropped, so that the library goes on to read.
	 */
	if (n == -1 && s->st_state == SECURETCP_CONNECTING &&
	    (s->st_writeerror == EPIPE || s->st_writeerror == ECONNRESET)) {
		s->st_lost = 1;
		n = (ssize_t)len;
	}
	return (n);
}

/*
 * LibreSSL reads when it is asked once more to send our end, and throws away
 * what it reads, though the peer may go on: so it is asked once, and what it
 * writes is kept here until the socket takes it.
 */
static ssize_t
io_keep(struct securetcp *s, const void *buf, size_t len)
{
	if (len > sizeof(s->st_notify) - s->st_notifylen)
		return (-1);
	memcpy(s->st_notify + s->st_notifylen, buf, len);
	s->st_notifylen += len;
	return ((ssize_t)len);
}

static ssize_t
io_out(struct securetcp *s, const void *buf, size_t len)
{
	ssize_t	 n;

	do {
		n = send(s->st_fd, buf, len, MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	if (n >= 0)
		return (n);
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return (TLS_WANT_POLLOUT);
	s->st_writeerror = errno;
	return (-1);
}

/*
 * Reads once from the TLS library: the bytes read, or 0 for nothing now or an
 * end, which st_end and st_dry tell apart.
 */
static ssize_t
io_pull(struct securetcp *s, void *buf, size_t len)
{
	ssize_t	 n;

	s->st_dry = 0;
	n = tls_read(s->st_tls, buf, len);
	if (n > 0) {
		s->st_bytesin += (uint64_t)n;
		return (n);
	}
	if (n == TLS_WANT_POLLIN && s->st_eof)
		n = 0;
	switch (n) {
	case 0:
		if (s->st_eof)
			io_truncated(s);
		else
			s->st_end = OBJECT_NOTIFIED;
		break;
	case TLS_WANT_POLLIN:
		s->st_readwant = POLLIN;
		s->st_dry = 1;
		break;
	case TLS_WANT_POLLOUT:
		s->st_readwant = POLLOUT;
		s->st_dry = 1;
		break;
	default:
		io_read_failed(s);
		break;
	}
	ERR_clear_error();
	return (0);
}

static void
io_truncated(struct securetcp *s)
{
	s->st_end = OBJECT_TRUNCATED;
	/* A system tells of a reset once: it has told whoever sent. */
	if (s->st_broken && (s->st_outlen != 0 || s->st_unsent)) {
		io_lost(s);
		return;
	}
	stcp_object_say(s, "truncated: the peer's data ended without "
	    "close_notify");
}

static void
io_lost(struct securetcp *s)
{
	stcp_object_say(s, "peer: connection reset before everything was sent");
}

static void
io_read_failed(struct securetcp *s)
{
	int	 error = s->st_readerror;

	/* An end in the middle of a record is one all the same. */
	if (error == 0 && s->st_eof) {
		io_truncated(s);
		return;
	}
	s->st_end = OBJECT_FAILED;
	/* The library's own word counts more than its failure to send it. */
	if (error == 0 && stcp_classify_silent())
		error = s->st_writeerror;
	if (error == 0) {
		s->st_endnumber = stcp_classify_error(s);
		return;
	}
	/*
	 * Once all that was to be said has been, a reset takes nothing away
	 * but the rest of what the peer did not say.
	 */
	if (s->st_shut && s->st_outlen == 0) {
		s->st_end = OBJECT_TRUNCATED;
		stcp_object_say(s, "truncated: %s", strerror(error));
		return;
	}
	s->st_endnumber = securetcp_error_errno(error);
	stcp_object_say(s, "peer: %s", strerror(error));
}

/* Room for what is wanted at once, a record in any case. */
static int
io_room(struct securetcp *s)
{
	uint8_t	*in;
	size_t	 size = OBJECT_RECORD;

	if (s->st_want > size)
		size = s->st_want;
	if (s->st_insize >= size) {
		if (s->st_inoff != 0 && s->st_inlen != 0)
			memmove(s->st_in, s->st_in + s->st_inoff,
			    s->st_inlen);
		s->st_inoff = 0;
		return (0);
	}
	if ((in = malloc(size)) == NULL)
		return (-1);
	if (s->st_inlen != 0)
		memcpy(in, s->st_in + s->st_inoff, s->st_inlen);
	stcp_memory_wipe(s->st_in, s->st_insize);
	s->st_in = in;
	s->st_insize = size;
	s->st_inoff = 0;
	return (0);
}

/* Reads ahead as much as there is and fits; -1 when out of memory. */
int
stcp_io_fill(struct securetcp *s)
{
	size_t	 used;
	ssize_t	 n;

	if (io_room(s) == -1)
		return (-1);
	while (s->st_end == OBJECT_OPEN) {
		used = s->st_inoff + s->st_inlen;
		if (used == s->st_insize)
			break;
		n = io_pull(s, s->st_in + used, s->st_insize - used);
		if (n == 0)
			break;
		s->st_inlen += (size_t)n;
	}
	return (0);
}

/*
 * Where a token ends among the first bytes that wait, 0 when it does not.
 * Bytes that were searched before are not searched again: a peer may send byte
 * by byte.
 */
size_t
stcp_io_find(struct securetcp *s, const uint8_t *token, size_t len, size_t max)
{
	const uint8_t	*p = s->st_in + s->st_inoff;
	size_t		 i = 0, n = s->st_inlen < max ? s->st_inlen : max;

	if (s->st_token == NULL || s->st_tokenlen != len ||
	    memcmp(s->st_token, token, len) != 0)
		s->st_scanned = 0;
	if (s->st_scanned >= len)
		i = s->st_scanned - len + 1;
	for (; i + len <= n; i++) {
		if (p[i] == token[0] && memcmp(p + i, token, len) == 0)
			return (i + len);
	}
	s->st_scanned = n;
	return (0);
}

/* Is an armed Receive due?  Data or an end is there. */
static int
io_ready(struct securetcp *s)
{
	if (s->st_want == 0 || s->st_inlen >= s->st_want)
		return (1);
	return (s->st_token != NULL && stcp_io_find(s, s->st_token,
	    s->st_tokenlen, s->st_want) != 0);
}

/* Tells what stcp_io_fill() found. */
void
stcp_io_arrived(struct securetcp *s)
{
	uint64_t	 serial = s->st_serial;

	if (s->st_inlen == 0) {
		if (s->st_end != OBJECT_OPEN)
			stcp_io_ended(s);
		return;
	}
	stcp_io_closing(s);
	if (!stcp_object_same(s, serial) || s->st_finishing || !s->st_armed)
		return;
	if (s->st_end == OBJECT_OPEN && !io_ready(s))
		return;
	stcp_object_disarm(s);
	stcp_object_tell(s, s->st_handlers.st_receive);
}

/*
 * The peer has ended while data is unread.  A failure waits until what came
 * before it is read.
 */
void
stcp_io_closing(struct securetcp *s)
{
	if ((s->st_end == OBJECT_NOTIFIED || s->st_end == OBJECT_TRUNCATED) &&
	    s->st_state == SECURETCP_CONNECTED)
		(void)stcp_object_become(s, SECURETCP_CLOSING);
}

/* The peer's direction has ended and everything in it was read. */
void
stcp_io_ended(struct securetcp *s)
{
	uint64_t	 serial = s->st_serial;

	if (s->st_end == OBJECT_FAILED) {
		stcp_object_fail(s, s->st_endnumber);
		return;
	}
	/* A close_notify without half-close wants no more from us. */
	if (s->st_broken && (s->st_outlen != 0 || s->st_unsent) &&
	    (s->st_half || s->st_end != OBJECT_NOTIFIED)) {
		io_lost(s);
		stcp_object_fail(s, ptConnectionReset);
		return;
	}
	if (s->st_broken || (s->st_half && s->st_shut)) {
		stcp_object_end(s);
		return;
	}
	if (!s->st_half) {
		stcp_io_finish(s);
		return;
	}
	if (s->st_state == SECURETCP_CONNECTED &&
	    !stcp_object_become(s, SECURETCP_CLOSING))
		return;
	/* So that it is read: a receive that gives the end. */
	if (!stcp_object_same(s, serial) || !s->st_armed)
		return;
	stcp_object_disarm(s);
	stcp_object_tell(s, s->st_handlers.st_receive);
}

int
stcp_io_fetch(struct securetcp *s, void *buf, size_t size, size_t *got)
{
	ssize_t	 n;

	if (s->st_inlen != 0) {
		*got = MINIMUM(size, s->st_inlen);
		memcpy(buf, s->st_in + s->st_inoff, *got);
		s->st_inoff += *got;
		s->st_inlen -= *got;
		s->st_scanned = 0;
		return (ptOk);
	}
	if (s->st_end != OBJECT_OPEN)
		return (stcp_io_end_received(s));
	/* Dispatch has asked just now: asking again would be in vain. */
	if (!s->st_dry) {
		n = io_pull(s, buf, MINIMUM(size, OBJECT_RECORD));
		if (n > 0) {
			*got = (size_t)n;
			return (ptOk);
		}
		if (s->st_end != OBJECT_OPEN)
			return (stcp_io_end_received(s));
	}
	stcp_object_disarm(s);
	s->st_dry = 0;
	s->st_armed = 1;
	return (SECURETCP_AGAIN);
}

/* A receive that meets the end is told of it, with no event of its own. */
int
stcp_io_end_received(struct securetcp *s)
{
	int	 error = ptOk;

	if (s->st_end == OBJECT_FAILED)
		error = s->st_endnumber;
	stcp_object_disarm(s);
	stcp_io_ended(s);
	return (error);
}

/*
 * Writes a record to the TLS library: the bytes taken, 0 if it has to wait.
 * The library then wants the same bytes again, and perhaps more after them;
 * both libraries accept that they moved.
 */
static ssize_t
io_push(struct securetcp *s, const void *buf, size_t len)
{
	ssize_t	 n;

	n = tls_write(s->st_tls, buf, len);
	if (n > 0) {
		s->st_bytesout += (uint64_t)n;
		return (n);
	}
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT) {
		s->st_writewant = n == TLS_WANT_POLLIN ? POLLIN : POLLOUT;
		return (0);
	}
	io_write_failed(s);
	ERR_clear_error();
	return (-1);
}

static void
io_write_failed(struct securetcp *s)
{
	s->st_broken = 1;
	if (s->st_writeerror != 0)
		stcp_object_say(s, "peer: %s", strerror(s->st_writeerror));
	else
		(void)stcp_classify_error(s);
}

int
stcp_io_send(struct securetcp *s, const void *buf, size_t len, size_t *sent)
{
	uint64_t	 serial = s->st_serial;
	size_t		 taken = 0;
	int		 broken, error = ptOk;

	broken = s->st_broken;
	if (s->st_outlen == 0 && !s->st_broken)
		stcp_io_send_direct(s, buf, len, &taken);
	/*
	 * When it broke in this call the rest is queued, in vain but
	 * counted as unsent; more than that is dropped, or who waits for
	 * room would never read what the failure waits for.
	 */
	if (!broken)
		error = io_queue(s, buf, len, &taken);
	if (s->st_broken)
		taken = len;
	*sent = taken;
	s->st_full = taken != len;
	if (error != ptOk) {
		stcp_object_say(s, "out of memory for the send queue");
		stcp_object_fail(s, error);
	} else if (!broken && s->st_broken) {
		stcp_io_broken(s);
		if (!stcp_object_same(s, serial))
			error = ptConnectionReset;
	}
	return (error);
}

void
stcp_io_send_direct(struct securetcp *s, const uint8_t *buf, size_t len,
    size_t *taken)
{
	size_t	 chunk;
	ssize_t	 n;

	while (*taken < len) {
		/* Bytes that the library holds back must fit into the queue. */
		chunk = MINIMUM(len - *taken,
		    MINIMUM(s->st_limit, OBJECT_RECORD));
		if ((n = io_push(s, buf + *taken, chunk)) <= 0)
			break;
		*taken += (size_t)n;
	}
}

/* Appends what fits of the rest to the ring. */
static int
io_queue(struct securetcp *s, const uint8_t *buf, size_t len, size_t *taken)
{
	size_t	 end, part, room;

	if (*taken == len)
		return (ptOk);
	if (s->st_out == NULL) {
		if ((s->st_out = malloc(s->st_limit)) == NULL)
			return (ptNoBufferSpace);
		s->st_outsize = s->st_limit;
		s->st_outoff = 0;
	}
	/* Bytes that the library holds back lie in one piece. */
	if (s->st_outlen == 0)
		s->st_outoff = 0;
	while (*taken < len && s->st_outlen < s->st_outsize) {
		end = s->st_outoff + s->st_outlen;
		if (end >= s->st_outsize) {
			end -= s->st_outsize;
			room = s->st_outoff - end;
		} else
			room = s->st_outsize - end;
		part = MINIMUM(room, len - *taken);
		memcpy(s->st_out + end, buf + *taken, part);
		s->st_outlen += part;
		*taken += part;
	}
	return (ptOk);
}

/*
 * Sends what waits: the queue, then our end where it is wanted, then, in
 * a graceful close, nothing more.
 */
void
stcp_io_flush(struct securetcp *s)
{
	uint64_t	 serial = s->st_serial;

	if (!s->st_broken && (!io_flush_queue(s) || !io_flush_notify(s))) {
		if (s->st_broken)
			stcp_io_broken(s);
		return;
	}
	if (s->st_finishing) {
		stcp_object_end(s);
		return;
	}
	/* Ours was the last end that was missing, and theirs is read. */
	if (s->st_shut && s->st_end != OBJECT_OPEN && s->st_inlen == 0) {
		stcp_io_ended(s);
		return;
	}
	if (!s->st_full || s->st_broken || s->st_outlen > s->st_limit / 2 ||
	    !stcp_object_same(s, serial))
		return;
	s->st_full = 0;
	stcp_object_tell(s, s->st_handlers.st_send);
}

/* Does anything wait to be sent? */
int
stcp_io_writing(const struct securetcp *s)
{
	if (s->st_broken)
		return (0);
	return (s->st_outlen != 0 ||
	    ((s->st_shutdown || s->st_finishing) && !s->st_shut));
}

/* True when the flush may go on; Send is due at half already. */
static int
io_flush_queue(struct securetcp *s)
{
	size_t	 chunk;
	ssize_t	 n;

	while (s->st_outlen != 0) {
		chunk = MINIMUM(s->st_outlen, s->st_outsize - s->st_outoff);
		n = io_push(s, s->st_out + s->st_outoff,
		    MINIMUM(chunk, OBJECT_RECORD));
		if (n == -1)
			return (0);
		if (n == 0)
			return (!s->st_finishing && !s->st_shutdown);
		s->st_outoff += (size_t)n;
		s->st_outlen -= (size_t)n;
		if (s->st_outoff == s->st_outsize)
			s->st_outoff = 0;
	}
	return (1);
}

/* True when there is no end of ours to be sent, or it was. */
static int
io_flush_notify(struct securetcp *s)
{
	ssize_t	 n;

	if (s->st_outlen != 0 || s->st_shut ||
	    (!s->st_shutdown && !s->st_finishing))
		return (1);
	if (s->st_notifylen == 0) {
		s->st_notifying = 1;
		(void)tls_close(s->st_tls);
		s->st_notifying = 0;
		ERR_clear_error();
	}
	while (s->st_notifyoff != s->st_notifylen) {
		n = io_out(s, s->st_notify + s->st_notifyoff,
		    s->st_notifylen - s->st_notifyoff);
		if (n == TLS_WANT_POLLOUT) {
			s->st_writewant = POLLOUT;
			return (0);
		}
		if (n <= 0)
			break;
		s->st_notifyoff += (size_t)n;
	}
	/*
	 * The alert is the last thing sent: a peer that does not hear it has
	 * heard all the data.
	 */
	s->st_notifyoff = s->st_notifylen = 0;
	s->st_shut = 1;
	(void)shutdown(s->st_fd, SHUT_WR);
	return (1);
}

/* S(closing) unless there; flush; S(closed). */
void
stcp_io_finish(struct securetcp *s)
{
	if (s->st_state != SECURETCP_CLOSING &&
	    !stcp_object_become(s, SECURETCP_CLOSING))
		return;
	if (s->st_finishing)
		return;
	s->st_finishing = 1;
	stcp_io_flush(s);
}

/*
 * Nothing can be written any more.  Bytes that the peer sent before that are
 * not lost: they are read first, and its end tells what the failure means.
 */
void
stcp_io_broken(struct securetcp *s)
{
	uint64_t	 serial = s->st_serial;
	int		 error;

	s->st_broken = 1;
	if (s->st_finishing && s->st_outlen == 0) {
		stcp_object_end(s);
		return;
	}
	/*
	 * Bytes that were queued before a close, and are lost, are reported as
	 * well.
	 */
	if (s->st_finishing || stcp_io_fill(s) == -1 ||
	    (s->st_inlen == 0 && s->st_end == OBJECT_OPEN)) {
		error = s->st_writeerror == 0 ? ptProtocol :
		    securetcp_error_errno(s->st_writeerror);
		stcp_object_fail(s, error);
		return;
	}
	s->st_hangup = 1;
	stcp_io_arrived(s);
	if (!s->st_full || !stcp_object_same(s, serial))
		return;
	s->st_full = 0;
	stcp_object_tell(s, s->st_handlers.st_send);
}
