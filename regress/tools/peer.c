/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The other end of a connection, for the tests: a client or a backend that
 * does exactly what its arguments say, in their order, then leaves.
 *
 *	peer connect ADDRESS command ...
 *	peer accept ADDRESS command ...
 *	peer bind ADDRESS		takes the port and refuses everybody
 *	peer full ADDRESS		listens, and has no room for anybody
 *	peer full ADDRESS FILE command ...
 *					until FILE is there; then as accept
 *
 * ADDRESS is 127.0.0.1:8443, [::1]:8443, [fe80::1%em0]:8443 or /a/path.  What
 * ordinary clients hide (half-closes, resets, silence, drops) is a command
 * here.  A TLS server has -s NAME, for NAME.crt and NAME.key, and tells which
 * name it was asked for; with -C cafile it demands a certificate of its
 * client.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#ifndef POLLRDHUP
#include <netinet/tcp_fsm.h>
#endif

#ifdef TCP_CORK
#define PEER_CORK	TCP_CORK
#else
#define PEER_CORK	TCP_NOPUSH
#endif

#define CHUNK		16384
#define SIP		16384	/* bytes, once in ... */
#define SIP_MS		50	/* ... so many milliseconds */

static int		 sock = -1;
static int		 corked;
static SSL		*ssl;
static const char	*cafile;
static const char	*countfile;
static const char	*servername;		/* of our files, as a server */
static int		 room;			/* to receive, when not 0 */
static int		 sipping;
static unsigned int	 seconds = 60;

__attribute__((__noreturn__))
static void
usage(void)
{
	fprintf(stderr, "usage: peer [-k] [-b source] [-C cafile] "
	    "[-c countfile] [-p portfile]\n"
	    "\t[-r bytes] [-s name] [-t seconds]\n"
	    "\tconnect|accept|bind|full address command ...\n"
	    "commands: tls[=1.2|=1.3] raw TEXT urgent TEXT write TEXT "
	    "send FILE\n"
	    "\tdrip FILE both FILE flood BYTES read readn BYTES sip drain hold "
	    "shutdown\n"
	    "\tfin bye reset close cork until FILE touch FILE\n");
	exit(2);
}

__attribute__((__noreturn__))
static void
fail_tls(const char *what)
{
	unsigned long	 e;

	e = ERR_get_error();
	errx(1, "%s: %s", what, e == 0 ? strerror(errno) :
	    ERR_reason_error_string(e) != NULL ?
	    ERR_reason_error_string(e) : "unknown TLS error");
}

static void
write_file(const char *path, const char *text)
{
	char	 tmp[1024];
	FILE	*f;

	/* Renamed into place: no reader sees half of it, nor two of them. */
	snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", path, (long)getpid());
	if ((f = fopen(tmp, "w")) == NULL)
		err(1, "%s", tmp);
	if (fputs(text, f) == EOF || fclose(f) == EOF)
		err(1, "%s", tmp);
	if (rename(tmp, path) == -1)
		err(1, "%s", path);
}

static socklen_t
parse_address(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_un	*un = (struct sockaddr_un *)ss;
	struct sockaddr_in	*in = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)ss;
	char			 host[256], *port, *zone;

	memset(ss, 0, sizeof(*ss));
	if (*text == '/') {
		un->sun_family = AF_UNIX;
		if (strlen(text) >= sizeof(un->sun_path))
			errx(1, "%s: too long for a unix socket", text);
		strcpy(un->sun_path, text);
		return (sizeof(*un));
	}
	if (snprintf(host, sizeof(host), "%s", text) >= (int)sizeof(host) ||
	    (port = strrchr(host, ':')) == NULL)
		errx(1, "%s: not an address with a port", text);
	*port++ = '\0';
	if (*host == '[') {
		host[strlen(host) - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)atoi(port));
		if ((zone = strchr(host, '%')) != NULL) {
			*zone++ = '\0';
			in6->sin6_scope_id = if_nametoindex(zone);
		}
		if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
			errx(1, "%s: not an IPv6 address", text);
		return (sizeof(*in6));
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		errx(1, "%s: not an IPv4 address", text);
	return (sizeof(*in));
}

static void
report_port(int fd, const char *path)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	uint16_t		 port;
	char			 text[32];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(1, "getsockname");
	port = ss.ss_family == AF_INET6 ?
	    ((struct sockaddr_in6 *)&ss)->sin6_port :
	    ((struct sockaddr_in *)&ss)->sin_port;
	snprintf(text, sizeof(text), "%u\n", (unsigned int)ntohs(port));
	write_file(path, text);
}

static void
do_connect(const char *address, const char *source)
{
	struct sockaddr_storage	 ss, from;
	socklen_t		 len, fromlen;
	int			 on = 1;

	len = parse_address(address, &ss);
	if ((sock = socket(ss.ss_family, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (room != 0 && setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room,
	    sizeof(room)) == -1)
		err(1, "SO_RCVBUF");
	if (source != NULL) {
		fromlen = parse_address(source, &from);
		if (bind(sock, (struct sockaddr *)&from, fromlen) == -1)
			err(1, "bind %s", source);
	}
	if (connect(sock, (struct sockaddr *)&ss, len) == -1)
		err(1, "connect %s", address);
	if (ss.ss_family != AF_UNIX)
		(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
}

static int
do_bind(const char *address)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 fd;

	len = parse_address(address, &ss);
	if ((fd = socket(ss.ss_family, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (ss.ss_family == AF_UNIX)
		(void)unlink(address);
	if (bind(fd, (struct sockaddr *)&ss, len) == -1)
		err(1, "bind %s", address);
	return (fd);
}

/* Connects to itself until the kernel takes no more. */
static void
fill(int fd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	struct pollfd		 pfd;

	if (listen(fd, 0) == -1)
		err(1, "listen");
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(1, "getsockname");
	do {
		pfd.events = POLLOUT;
		pfd.fd = socket(ss.ss_family, SOCK_STREAM, 0);
		if (pfd.fd == -1 || fcntl(pfd.fd, F_SETFL, O_NONBLOCK) == -1)
			err(1, "socket");
		if (connect(pfd.fd, (struct sockaddr *)&ss, len) == -1 &&
		    errno == EAGAIN)
			return;
	} while (poll(&pfd, 1, 300) == 1);
}

__attribute__((__noreturn__))
static void
do_nothing(void)
{
	for (;;)
		(void)pause();
}

/* With keep, every connection is served by a child of its own, for ever. */
static void
do_accept(int fd, int keep)
{
	for (;;) {
		if ((sock = accept(fd, NULL, NULL)) == -1)
			err(1, "accept");
		if (!keep)
			break;
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			(void)close(fd);
			(void)alarm(seconds);
			return;
		}
		(void)close(sock);
	}
	(void)close(fd);
}

/* As a server: our certificate, and whether it asks for the client's. */
static void
tls_server(SSL_CTX *ctx)
{
	char	 path[1024];

	snprintf(path, sizeof(path), "%s.crt", servername);
	if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1)
		fail_tls(path);
	snprintf(path, sizeof(path), "%s.key", servername);
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
		fail_tls(path);
}

/*
 * Sends the ClientHello with what was held back for it.  Linux would send it
 * after 200 ms, the BSDs never.
 */
static void
tls_uncork(void)
{
	int	 flags, off = 0;

	if ((flags = fcntl(sock, F_GETFL)) == -1 ||
	    fcntl(sock, F_SETFL, flags | O_NONBLOCK) == -1)
		err(1, "fcntl");
	(void)SSL_connect(ssl);
	if (fcntl(sock, F_SETFL, flags) == -1)
		err(1, "fcntl");
	if (setsockopt(sock, IPPROTO_TCP, PEER_CORK, &off, sizeof(off)) == -1)
		err(1, "uncork");
	corked = 0;
}

static void
tls_negotiate(void)
{
	const char	*name;
	int		 ok;

	if (corked)
		tls_uncork();
	ERR_clear_error();
	errno = 0;
	ok = servername == NULL ? SSL_connect(ssl) : SSL_accept(ssl);
	if (servername != NULL) {
		name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		fprintf(stderr, "asked for %s\n", name == NULL ? "no name" :
		    name);
	}
	if (ok != 1)
		fail_tls("handshake");
}

static void
cmd_tls(const char *version)
{
	SSL_CTX	*ctx;
	int	 v = 0;

	ctx = SSL_CTX_new(servername == NULL ? TLS_client_method() :
	    TLS_server_method());
	if (ctx == NULL)
		fail_tls("SSL_CTX_new");
	if (strcmp(version, "1.2") == 0)
		v = TLS1_2_VERSION;
	else if (strcmp(version, "1.3") == 0)
		v = TLS1_3_VERSION;
	else if (*version != '\0')
		usage();
	if (v != 0 && (SSL_CTX_set_min_proto_version(ctx, v) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, v) != 1))
		fail_tls("protocol version");
	if (cafile != NULL) {
		if (SSL_CTX_load_verify_locations(ctx, cafile, NULL) != 1)
			fail_tls(cafile);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
		    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	if (servername != NULL)
		tls_server(ctx);
	if ((ssl = SSL_new(ctx)) == NULL || SSL_set_fd(ssl, sock) != 1)
		fail_tls("SSL_new");
	tls_negotiate();
	SSL_CTX_free(ctx);
}

/* -1 when the other end is gone. */
static int
put(const char *buf, size_t len)
{
	ssize_t	 n;
	int	 w;

	while (len > 0) {
		if (ssl != NULL) {
			ERR_clear_error();
			if ((w = SSL_write(ssl, buf, (int)len)) <= 0)
				return (-1);
			n = w;
		} else if ((n = write(sock, buf, len)) == -1) {
			if (errno == EINTR)
				continue;
			return (-1);
		}
		buf += n;
		len -= (size_t)n;
	}
	return (0);
}

static void
must_put(const char *buf, size_t len)
{
	if (put(buf, len) == -1)
		errx(1, "write: the other end is gone");
}

/* Bytes, 0 at the end, with *how saying what kind of end it was. */
static size_t
get(char *buf, size_t len, const char **how)
{
	ssize_t	 n;
	int	 r, e;

	*how = "eof";
	if (ssl == NULL) {
		while ((n = read(sock, buf, len)) == -1 && errno == EINTR)
			continue;
		if (n == -1)
			*how = errno == ECONNRESET ? "reset" : "error";
		return (n == -1 ? 0 : (size_t)n);
	}
	ERR_clear_error();
	errno = 0;
	if ((r = SSL_read(ssl, buf, (int)len)) > 0)
		return ((size_t)r);
	e = SSL_get_error(ssl, r);
	if (e == SSL_ERROR_ZERO_RETURN)
		*how = "close_notify";
	else if (errno == ECONNRESET)
		*how = "reset";
	else if (e == SSL_ERROR_SSL &&
	    strstr(ERR_reason_error_string(ERR_peek_error()), "alert") != NULL)
		*how = "alert";
	return (0);
}

/* Below TLS; with MSG_OOB the last byte is urgent. */
static void
cmd_raw(const char *text, int flags)
{
	char	 buf[8192];
	size_t	 len = 0;
	unsigned int	 c;

	while (*text != '\0' && len < sizeof(buf)) {
		if (sscanf(text, "\\x%2x", &c) == 1) {
			buf[len++] = (char)c;
			text += 4;
		} else
			buf[len++] = *text++;
	}
	if (send(sock, buf, len, flags) != (ssize_t)len)
		err(1, "raw");
}

static void
cmd_send(const char *path, size_t chunk)
{
	char	 buf[CHUNK];
	FILE	*f;
	size_t	 n;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while ((n = fread(buf, 1, chunk, f)) > 0)
		must_put(buf, n);
	(void)fclose(f);
}

static void
cmd_flood(const char *text)
{
	char			 buf[CHUNK], count[32];
	unsigned long long	 want, sent = 0;
	size_t			 n;

	want = strtoull(text, NULL, 10);
	memset(buf, 'x', sizeof(buf));
	while (want == 0 || sent < want) {
		n = sizeof(buf);
		if (want != 0 && want - sent < n)
			n = (size_t)(want - sent);
		if (put(buf, n) == -1)
			break;
		sent += n;
		if (countfile != NULL) {
			snprintf(count, sizeof(count), "%llu\n", sent);
			write_file(countfile, count);
		}
	}
	fprintf(stderr, "flood %llu\n", sent);
}

static void
cmd_read(unsigned long long want)
{
	char		 buf[CHUNK];
	const char	*how;
	size_t		 n, ask;

	while (want > 0) {
		ask = want < sizeof(buf) ? (size_t)want : sizeof(buf);
		if (sipping) {
			ask = SIP;
			(void)poll(NULL, 0, SIP_MS);
		}
		if ((n = get(buf, ask, &how)) == 0)
			break;
		if (fwrite(buf, 1, n, stdout) != n)
			err(1, "stdout");
		/* Who waits for it looks into the file. */
		if (fflush(stdout) == EOF)
			err(1, "stdout");
		want -= n;
	}
	if (want == 0)
		how = "enough";
	fprintf(stderr, "end %s\n", how);
}

/* Everything below TLS, thrown away, to the end. */
static void
cmd_drain(void)
{
	char	 buf[CHUNK];
	ssize_t	 n;

	while ((n = read(sock, buf, sizeof(buf))) > 0 ||
	    (n == -1 && errno == EINTR))
		continue;
	fprintf(stderr, "end %s\n", n == 0 ? "eof" : strerror(errno));
}

static void
cmd_shutdown(void)
{
	if (ssl != NULL) {
		if (SSL_shutdown(ssl) < 0)
			fail_tls("shutdown");
	} else if (shutdown(sock, SHUT_WR) == -1)
		err(1, "shutdown");
}

/* Sends of a file what can be sent now; 0 once its end was sent. */
static int
both_send(FILE *f, struct pollfd *pfd)
{
	static char	 buf[CHUNK];
	static size_t	 off, len;
	int		 e, w;

	if (off == len) {
		off = 0;
		if ((len = fread(buf, 1, sizeof(buf), f)) == 0) {
			cmd_shutdown();
			return (0);
		}
	}
	ERR_clear_error();
	if ((w = SSL_write(ssl, buf + off, (int)(len - off))) > 0)
		off += (size_t)w;
	else if ((e = SSL_get_error(ssl, w)) == SSL_ERROR_WANT_READ)
		return (1);
	else if (e != SSL_ERROR_WANT_WRITE)
		fail_tls("both");
	pfd->events |= POLLOUT;
	return (1);
}

/* One process: two of them cannot share the state of TLS. */
static void
both_tls(FILE *f)
{
	struct pollfd	 pfd;
	char		 buf[CHUNK];
	const char	*how;
	size_t		 n;
	int		 more = 1;

	if (fcntl(sock, F_SETFL, O_NONBLOCK) == -1)
		err(1, "both");
	(void)SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	pfd.fd = sock;
	for (;;) {
		pfd.events = POLLIN;
		if (more)
			more = both_send(f, &pfd);
		if ((n = get(buf, sizeof(buf), &how)) > 0) {
			if (fwrite(buf, 1, n, stdout) != n)
				err(1, "stdout");
		} else if (!SSL_want_read(ssl) || SSL_get_shutdown(ssl) &
		    SSL_RECEIVED_SHUTDOWN)
			break;
		else if (poll(&pfd, 1, -1) == -1)
			err(1, "poll");
	}
	fprintf(stderr, "end %s\n", how);
}

/* Sends a file and its end while it reads, neither waiting for the other. */
static void
cmd_both(const char *path)
{
	FILE	*f;

	if (ssl != NULL) {
		if ((f = fopen(path, "r")) == NULL)
			err(1, "%s", path);
		both_tls(f);
		(void)fclose(f);
		return;
	}
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		cmd_send(path, CHUNK);
		cmd_shutdown();
		_exit(0);
	}
	cmd_read(UINT64_MAX);
}

#ifdef POLLRDHUP
static int
other_left(void)
{
	struct pollfd	 pfd;

	pfd.fd = sock;
	pfd.events = POLLRDHUP;
	return (poll(&pfd, 1, -1));
}
#else
/* Behind data that is not read, poll(2) of OpenBSD tells of no half-close. */
static int
other_left(void)
{
	struct tcp_info	 info;
	struct pollfd	 pfd;
	socklen_t	 len = sizeof(info);
	int		 n;

	pfd.fd = sock;
	pfd.events = 0;
	if ((n = poll(&pfd, 1, 50)) != 0 ||
	    getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return (n);
	switch (info.tcpi_state) {
	case TCPS_ESTABLISHED:
	case TCPS_FIN_WAIT_1:
	case TCPS_FIN_WAIT_2:
		return (0);
	}
	return (1);
}
#endif

/* Reads nothing, and waits for the other end to leave. */
static void
cmd_hold(void)
{
	int	 n;

	while ((n = other_left()) != 1)
		if (n == -1 && errno != EINTR)
			err(1, "poll");
	fprintf(stderr, "left\n");
}

static void
cmd_until(const char *path)
{
	while (access(path, F_OK) == -1)
		(void)poll(NULL, 0, 10);
}

/* Data from here on shares a packet with the ClientHello, if it fits. */
static void
cmd_cork(void)
{
	int	 on = 1;

	if (setsockopt(sock, IPPROTO_TCP, PEER_CORK, &on, sizeof(on)) == -1)
		err(1, "cork");
	corked = 1;
}

static void
cmd_reset(void)
{
	struct linger	 l = { 1, 0 };

	if (setsockopt(sock, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == -1)
		err(1, "SO_LINGER");
	(void)close(sock);
}

/* 1 when the command took an argument. */
static int
command(const char *name, const char *arg)
{
	if (strncmp(name, "tls", 3) == 0 && (name[3] == '\0' ||
	    name[3] == '='))
		cmd_tls(name[3] == '=' ? name + 4 : "");
	else if (strcmp(name, "read") == 0)
		cmd_read(UINT64_MAX);
	else if (strcmp(name, "sip") == 0) {
		sipping = 1;
		cmd_read(UINT64_MAX);
	} else if (strcmp(name, "drain") == 0)
		cmd_drain();
	else if (strcmp(name, "hold") == 0)
		cmd_hold();
	else if (strcmp(name, "shutdown") == 0)
		cmd_shutdown();
	else if (strcmp(name, "fin") == 0) {
		if (shutdown(sock, SHUT_WR) == -1)
			err(1, "shutdown");
	} else if (strcmp(name, "bye") == 0) {
		cmd_shutdown();
		cmd_read(UINT64_MAX);
	} else if (strcmp(name, "reset") == 0)
		cmd_reset();
	else if (strcmp(name, "close") == 0)
		(void)close(sock);
	else if (strcmp(name, "cork") == 0)
		cmd_cork();
	else if (arg == NULL)
		usage();
	else {
		if (strcmp(name, "raw") == 0)
			cmd_raw(arg, 0);
		else if (strcmp(name, "urgent") == 0)
			cmd_raw(arg, MSG_OOB);
		else if (strcmp(name, "write") == 0)
			must_put(arg, strlen(arg));
		else if (strcmp(name, "send") == 0)
			cmd_send(arg, CHUNK);
		else if (strcmp(name, "drip") == 0)
			cmd_send(arg, 1);
		else if (strcmp(name, "both") == 0)
			cmd_both(arg);
		else if (strcmp(name, "flood") == 0)
			cmd_flood(arg);
		else if (strcmp(name, "readn") == 0)
			cmd_read(strtoull(arg, NULL, 10));
		else if (strcmp(name, "until") == 0)
			cmd_until(arg);
		else if (strcmp(name, "touch") == 0)
			write_file(arg, "");
		else
			usage();
		return (1);
	}
	return (0);
}

int
main(int argc, char *argv[])
{
	const char	*portfile = NULL, *slow, *source = NULL;
	int		 ch, fd, i, keep = 0;

	while ((ch = getopt(argc, argv, "+b:C:c:kp:r:s:t:")) != -1) {
		switch (ch) {
		case 'b':
			source = optarg;
			break;
		case 'C':
			cafile = optarg;
			break;
		case 'c':
			countfile = optarg;
			break;
		case 'k':
			keep = 1;
			break;
		case 'p':
			portfile = optarg;
			break;
		case 'r':
			room = atoi(optarg);
			break;
		case 's':
			servername = optarg;
			break;
		case 't':
			seconds = (unsigned int)atoi(optarg);
			break;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 2)
		usage();
	/* A slow machine has more, see mk/runatf.sh. */
	if ((slow = getenv("RUNATF_SLOW")) != NULL && atoi(slow) > 1)
		seconds *= (unsigned int)atoi(slow);
	/* A test that hangs ends here, by SIGALRM, rather than nowhere. */
	(void)alarm(seconds);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		err(1, "signal");
	if (strcmp(argv[0], "connect") == 0)
		do_connect(argv[1], source);
	else {
		fd = do_bind(argv[1]);
		if (strcmp(argv[0], "full") == 0)
			fill(fd);
		else if (strcmp(argv[0], "accept") == 0) {
			if (listen(fd, 128) == -1)
				err(1, "listen");
		} else if (strcmp(argv[0], "bind") != 0)
			usage();
		if (portfile != NULL)
			report_port(fd, portfile);
		if (strcmp(argv[0], "full") == 0 && argc > 2) {
			cmd_until(argv[2]);
			argc--;
			argv++;
		} else if (strcmp(argv[0], "accept") != 0)
			do_nothing();
		do_accept(fd, keep);
	}
	for (i = 2; i < argc; i++)
		i += command(argv[i], i + 1 < argc ? argv[i + 1] : NULL);
	return (0);
}
