/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "ends.h"
#include "securetcp.h"

static void	 end_info(const SSL *, int, int);
static void	 end_records(struct end *, const uint8_t *, size_t);
static void	 end_write(struct end *, const uint8_t *, size_t);
static int	 end_flush(struct end *);
static void	 end_read(struct end *);

void
end_key(struct key *k, const struct pki *p)
{
	enum securetcp_keytype	 type;

	memset(k, 0, sizeof(*k));
	ATF_REQUIRE_EQ(1, EVP_PKEY_up_ref(p->p_pkey));
	k->k_pkey = p->p_pkey;
	k->k_type = WIRE_KEYTYPE_ECDSA;
	ATF_REQUIRE((k->k_pem = malloc(p->p_certlen)) != NULL);
	memcpy(k->k_pem, p->p_cert, p->p_certlen);
	k->k_pemlen = p->p_certlen;
	ATF_REQUIRE_EQ(0, securetcp_key_id(k->k_pem, k->k_pemlen, k->k_id,
	    &type));
}

void
end_open(struct end *e, struct fake *fk, uint8_t flags, const char *name)
{
	struct wire_adopt	 wad;
	int			 fd[2];

	memset(e, 0, sizeof(*e));
	e->e_fake = fk;
	e->e_alert = -1;
	e->e_session = fake_fork(fk);
	socket_pair(fd);
	e->e_fd = fd[0];
	memset(&wad, 0, sizeof(wad));
	wad.wad_flags = flags;
	(void)strlcpy(wad.wad_servername, name == NULL ? "" : name,
	    sizeof(wad.wad_servername));
	fake_order(e->e_session, WIRE_ADOPT, fd[1], &wad, sizeof(wad));
	e->e_session->fs_phase = flags & WIRE_ADOPT_PROXY ? PHASE_HEADER :
	    PHASE_HANDSHAKE;
}

static void
end_info(const SSL *ssl, int where, int value)
{
	struct end	*e = SSL_get_app_data(ssl);

	if (where == SSL_CB_READ_ALERT)
		e->e_alert = value & 0xff;
}

/*
 * An alert that comes in the clear, which LibreSSL does not show to
 * end_info() where TLS 1.3 was offered.
 */
static void
end_records(struct end *e, const uint8_t *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		if (e->e_headlen < sizeof(e->e_head)) {
			e->e_head[e->e_headlen++] = p[i];
			if (e->e_headlen < sizeof(e->e_head))
				continue;
			e->e_left = (size_t)e->e_head[3] << 8 | e->e_head[4];
			e->e_clear = e->e_head[0] == SSL3_RT_ALERT &&
			    e->e_left == 2;
		} else {
			e->e_left--;
			if (e->e_clear && e->e_left == 0)
				e->e_alert = p[i];
		}
		if (e->e_left == 0)
			e->e_headlen = 0;
	}
}

/* The context is the end's from now on. */
void
end_tls(struct end *e, SSL_CTX *ctx, int server)
{
	BIO	*in, *out;

	ATF_REQUIRE((e->e_ssl = SSL_new(ctx)) != NULL);
	SSL_CTX_free(ctx);
	ATF_REQUIRE((in = BIO_new(BIO_s_mem())) != NULL);
	ATF_REQUIRE((out = BIO_new(BIO_s_mem())) != NULL);
	SSL_set_bio(e->e_ssl, in, out);
	SSL_set_app_data(e->e_ssl, e);
	SSL_set_info_callback(e->e_ssl, end_info);
	if (server)
		SSL_set_accept_state(e->e_ssl);
	else
		SSL_set_connect_state(e->e_ssl);
}

static void
end_write(struct end *e, const uint8_t *p, size_t len)
{
	struct pollfd	 pfd;
	size_t		 chunk;
	ssize_t		 n;

	while (len > 0) {
		chunk = e->e_chunk == 0 || e->e_chunk > len ? len : e->e_chunk;
		n = send(e->e_fd, p, chunk, MSG_NOSIGNAL);
		/* It may have refused already, and gone. */
		if (n == -1 && errno != EAGAIN)
			return;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
		pfd.fd = e->e_fd;
		pfd.events = POLLOUT;
		fake_turn(e->e_fake, &pfd, 1, 0);
	}
}

/* True when there was something. */
static int
end_flush(struct end *e)
{
	static uint8_t	 buf[65536];
	size_t		 len = 0;
	int		 n;

	if (BIO_pending(SSL_get_wbio(e->e_ssl)) == 0)
		return (0);
	if (e->e_prefix != NULL) {
		memcpy(buf, e->e_prefix, e->e_prefixlen);
		len = e->e_prefixlen;
		e->e_prefix = NULL;
	}
	n = BIO_read(SSL_get_wbio(e->e_ssl), buf + len,
	    (int)(sizeof(buf) - len));
	ATF_REQUIRE(n > 0);
	end_write(e, buf, len + (size_t)n);
	return (1);
}

static void
end_read(struct end *e)
{
	uint8_t	 buf[16384];
	ssize_t	 n;

	n = recv(e->e_fd, buf, sizeof(buf), 0);
	if (n > 0) {
		end_records(e, buf, (size_t)n);
		ATF_REQUIRE_EQ((int)n, BIO_write(SSL_get_rbio(e->e_ssl), buf,
		    (int)n));
	} else if (n == 0 || errno != EAGAIN)
		e->e_ended = 1;
}

void
end_shake(struct end *e)
{
	int64_t		 deadline = fake_now() + FAKE_PATIENCE;
	struct pollfd	 pfd;
	int		 n;

	while (!e->e_shaken && !e->e_failed) {
		ATF_REQUIRE_MSG(fake_now() < deadline, "no handshake");
		n = SSL_do_handshake(e->e_ssl);
		if (end_flush(e) && e->e_flight != NULL)
			e->e_flight(e);
		if (n == 1) {
			e->e_shaken = 1;
			break;
		}
		if (SSL_get_error(e->e_ssl, n) != SSL_ERROR_WANT_READ ||
		    e->e_ended) {
			e->e_failed = 1;
			break;
		}
		pfd.fd = e->e_fd;
		pfd.events = POLLIN;
		pfd.revents = 0;
		fake_turn(e->e_fake, &pfd, 1, 100);
		if (pfd.revents != 0)
			end_read(e);
	}
	FAKE_WAIT(e->e_fake, e->e_session->fs_established ||
	    e->e_session->fs_done);
}

void
end_send(struct end *e, const void *data, size_t len)
{
	ATF_REQUIRE_EQ((int)len, SSL_write(e->e_ssl, data, (int)len));
	(void)end_flush(e);
}

void
end_expect(struct end *e, const char *text)
{
	int64_t		 deadline = fake_now() + FAKE_PATIENCE;
	struct pollfd	 pfd;
	char		 buf[256];
	size_t		 have = 0, len = strlen(text);
	int		 n;

	ATF_REQUIRE(len < sizeof(buf));
	while (have < len) {
		ATF_REQUIRE_MSG(fake_now() < deadline, "in vain: %s", text);
		n = SSL_read(e->e_ssl, buf + have, (int)(len - have));
		if (n > 0) {
			have += (size_t)n;
			continue;
		}
		ATF_REQUIRE_EQ(SSL_ERROR_WANT_READ, SSL_get_error(e->e_ssl,
		    n));
		ATF_REQUIRE(!e->e_ended);
		pfd.fd = e->e_fd;
		pfd.events = POLLIN;
		pfd.revents = 0;
		fake_turn(e->e_fake, &pfd, 1, 100);
		if (pfd.revents != 0)
			end_read(e);
	}
	buf[have] = '\0';
	ATF_CHECK_STREQ(text, buf);
}

size_t
end_drain(struct end *e, uint8_t *buf, size_t size)
{
	int64_t		 deadline = fake_now() + FAKE_PATIENCE;
	struct pollfd	 pfd;
	size_t		 have = 0;
	ssize_t		 n;

	while (have < size) {
		ATF_REQUIRE_MSG(fake_now() < deadline, "it does not end");
		n = recv(e->e_fd, buf + have, size - have, 0);
		if (n > 0)
			have += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			break;
		pfd.fd = e->e_fd;
		pfd.events = POLLIN;
		fake_turn(e->e_fake, &pfd, 1, 100);
	}
	return (have);
}

void
end_close(struct end *e)
{
	SSL_free(e->e_ssl);
	if (e->e_fd != -1)
		(void)close(e->e_fd);
	e->e_ssl = NULL;
	e->e_fd = -1;
}

void
end_refused(struct end *e, uint32_t error, const char *reason)
{
	struct fake_session	*fs = e->e_session;

	FAKE_WAIT(e->e_fake, fs->fs_done);
	ATF_CHECK_EQ(0, fs->fs_established);
	ATF_CHECK_EQ_MSG(error, fs->fs_result.wd_error, "%u (%s), not %u",
	    fs->fs_result.wd_error, fs->fs_result.wd_reason, error);
	ATF_CHECK_STREQ_MSG(reason, fs->fs_result.wd_reason, "\"%s\", not "
	    "\"%s\"", fs->fs_result.wd_reason, reason);
	FAKE_WAIT(e->e_fake, fs->fs_exited);
	ATF_CHECK_EQ(0, fs->fs_exit.we_signal);
	ATF_CHECK_EQ(0, fs->fs_exit.we_code);
}
