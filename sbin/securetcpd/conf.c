/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The configuration as data: made with its defaults, found in, freed. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "conf.h"

struct filename {
	TAILQ_ENTRY(filename)	 fi_entry;
	char			*fi_name;
};
static TAILQ_HEAD(, filename)	 filenames = TAILQ_HEAD_INITIALIZER(filenames);

/* An error or warning that is not printed yet. */
struct kept {
	TAILQ_ENTRY(kept)	 ke_entry;
	struct conf_place	 ke_place;
	int			 ke_warning;
	char			*ke_text;
};
static TAILQ_HEAD(kepts, kept)	 kepts = TAILQ_HEAD_INITIALIZER(kepts);
static int			 keeping;

jmp_buf				 conf_shortage;
int				 conf_parsing;

static void			 (*output)(int, const char *);
static unsigned int		 errors;

static void	 message(const struct conf_place *, int, const char *,
		    va_list);
static void	 message_print(int, char *);
static void	 message_keep(const struct conf_place *, int, char *);
static int	 place_before(const struct conf_place *,
		    const struct conf_place *);
static unsigned int
		 processors(void);

void
conf_memory(void)
{
	if (conf_parsing)
		longjmp(conf_shortage, 1);
	err(1, "malloc");
}

struct conf *
conf_new(const char *file)
{
	struct conf	*conf;

	if ((conf = calloc(1, sizeof(*conf))) == NULL)
		conf_memory();
	conf->cf_place.cp_file = conf_filename(file);
	conf->cf_user_at = conf->cf_place;
	conf->cf_signer_user_at = conf->cf_place;
	conf->cf_chroot_at = conf->cf_place;
	conf->cf_block_at = conf->cf_place;
	conf->cf_pidfile_at = conf->cf_place;
	(void)strlcpy(conf->cf_user, CONF_USER, sizeof(conf->cf_user));
	(void)strlcpy(conf->cf_signer_user, CONF_SIGNER_USER,
	    sizeof(conf->cf_signer_user));
	(void)strlcpy(conf->cf_chroot, CONF_CHROOT, sizeof(conf->cf_chroot));
	(void)strlcpy(conf->cf_pidfile, CONF_PIDFILE, sizeof(conf->cf_pidfile));
	conf->cf_log = CONF_LOG_STATE;
	conf->cf_facility = LOG_DAEMON;
	conf->cf_signers = processors();
	conf->cf_lifetime = CONF_LIFETIME;
	conf->cf_interval = CONF_INTERVAL;
	TAILQ_INIT(&conf->cf_controls);
	TAILQ_INIT(&conf->cf_trusted);
	TAILQ_INIT(&conf->cf_exempt);
	conf->cf_block_after = CONF_BLOCK_AFTER;
	conf->cf_block_most = CONF_BLOCK_MOST;
	TAILQ_INIT(&conf->cf_certificates);
	TAILQ_INIT(&conf->cf_servers);
	return (conf);
}

static unsigned int
processors(void)
{
	long	 n;

	n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		return (1);
	return (n > CONF_SIGNERS_MAX ? CONF_SIGNERS_MAX : (unsigned int)n);
}

static void
file_close(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

void
conf_close(struct conf *conf)
{
	struct certificate	*ce;
	struct server		*sv;

	TAILQ_FOREACH(ce, &conf->cf_certificates, ce_entry) {
		file_close(&ce->ce_chainfd);
		file_close(&ce->ce_keyfd);
		file_close(&ce->ce_ocsp.pa_fd);
	}
	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry) {
		file_close(&sv->sv_ca.pa_fd);
		file_close(&sv->sv_crl.pa_fd);
	}
}

static void
certificate_free(struct certificate *ce)
{
	free(ce->ce_ocsp.pa_path);
	free(ce->ce_chain);
	free(ce->ce_key);
	free(ce->ce_key_group);
	free(ce);
}

static void
backends_free(struct backends *backends)
{
	struct backend	*ba;

	while ((ba = TAILQ_FIRST(backends)) != NULL) {
		TAILQ_REMOVE(backends, ba, ba_entry);
		free(ba->ba_reason);
		free(ba);
	}
}

static void
program_free(struct program *pr)
{
	unsigned int	 i;

	if (pr == NULL)
		return;
	for (i = 0; i < pr->pr_argc; i++)
		free(pr->pr_argv[i]);
	free(pr->pr_argv);
	free(pr);
}

static void
server_free(struct server *sv)
{
	struct listen	*li;
	struct shown	*sh;
	struct route	*rt;
	struct rule	*ru;

	while ((li = TAILQ_FIRST(&sv->sv_listens)) != NULL) {
		TAILQ_REMOVE(&sv->sv_listens, li, li_entry);
		free(li);
	}
	while ((sh = TAILQ_FIRST(&sv->sv_certificates)) != NULL) {
		TAILQ_REMOVE(&sv->sv_certificates, sh, sh_entry);
		free(sh);
	}
	while ((rt = TAILQ_FIRST(&sv->sv_routes)) != NULL) {
		TAILQ_REMOVE(&sv->sv_routes, rt, rt_entry);
		backends_free(&rt->rt_backends);
		free(rt);
	}
	while ((ru = TAILQ_FIRST(&sv->sv_rules)) != NULL) {
		TAILQ_REMOVE(&sv->sv_rules, ru, ru_entry);
		free(ru);
	}
	backends_free(&sv->sv_backends);
	program_free(sv->sv_program);
	free(sv->sv_ca.pa_path);
	free(sv->sv_crl.pa_path);
	free(sv);
}

static void
networks_free(struct networks *list)
{
	struct network	*nw;

	while ((nw = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, nw, nw_entry);
		free(nw);
	}
}

void
conf_free(struct conf *conf)
{
	struct control		*co;
	struct certificate	*ce;
	struct server		*sv;

	if (conf == NULL)
		return;
	conf_close(conf);
	networks_free(&conf->cf_trusted);
	networks_free(&conf->cf_exempt);
	while ((co = TAILQ_FIRST(&conf->cf_controls)) != NULL) {
		TAILQ_REMOVE(&conf->cf_controls, co, co_entry);
		free(co->co_path);
		free(co->co_group);
		free(co);
	}
	while ((ce = TAILQ_FIRST(&conf->cf_certificates)) != NULL) {
		TAILQ_REMOVE(&conf->cf_certificates, ce, ce_entry);
		certificate_free(ce);
	}
	while ((sv = TAILQ_FIRST(&conf->cf_servers)) != NULL) {
		TAILQ_REMOVE(&conf->cf_servers, sv, sv_entry);
		server_free(sv);
	}
	free(conf);
}

struct certificate *
certificate_new(struct conf *conf, const char *name,
    const struct conf_place *place)
{
	struct certificate	*ce, *last;

	if ((ce = calloc(1, sizeof(*ce))) == NULL)
		conf_memory();
	(void)strlcpy(ce->ce_name, name, sizeof(ce->ce_name));
	ce->ce_place = *place;
	ce->ce_chainfd = -1;
	ce->ce_keyfd = -1;
	ce->ce_ocsp.pa_fd = -1;
	if ((last = TAILQ_LAST(&conf->cf_certificates, certificates)) != NULL)
		ce->ce_index = last->ce_index + 1;
	TAILQ_INSERT_TAIL(&conf->cf_certificates, ce, ce_entry);
	return (ce);
}

struct certificate *
certificate_find(struct conf *conf, const char *name)
{
	struct certificate	*ce;

	TAILQ_FOREACH(ce, &conf->cf_certificates, ce_entry)
		if (strcmp(ce->ce_name, name) == 0)
			return (ce);
	return (NULL);
}

const struct conf_timer conf_timers[] = {
	{ "handshake",	offsetof(struct server, sv_handshake),
	    10,		CONF_TIME_MAX },
	{ "idle",	offsetof(struct server, sv_idle),
	    600,	CONF_IDLE_MAX },
	{ "backend",	offsetof(struct server, sv_backend_timeout),
	    5,		CONF_TIME_MAX },
	{ "close",	offsetof(struct server, sv_close),
	    5,		CONF_TIME_MAX },
	{ NULL,		0,	0,	0 }
};

/* The member of a block that has the seconds of a timer. */
unsigned int *
server_timer(struct server *sv, const struct conf_timer *ct)
{
	return ((unsigned int *)(void *)((char *)sv + ct->ct_offset));
}

struct server *
server_new(struct conf *conf, const char *name, const struct conf_place *place)
{
	const struct conf_timer	*ct;
	struct server		*sv;

	if ((sv = calloc(1, sizeof(*sv))) == NULL)
		conf_memory();
	(void)strlcpy(sv->sv_name, name, sizeof(sv->sv_name));
	sv->sv_place = *place;
	sv->sv_protocol_at = *place;
	sv->sv_ciphers_at = *place;
	sv->sv_curves_at = *place;
	sv->sv_alpn_at = *place;
	sv->sv_authenticate_at = *place;
	sv->sv_ca.pa_place = *place;
	sv->sv_ca.pa_fd = -1;
	sv->sv_crl.pa_fd = -1;
	TAILQ_INIT(&sv->sv_listens);
	TAILQ_INIT(&sv->sv_certificates);
	TAILQ_INIT(&sv->sv_backends);
	TAILQ_INIT(&sv->sv_routes);
	TAILQ_INIT(&sv->sv_rules);
	(void)strlcpy(sv->sv_protocol, "secure", sizeof(sv->sv_protocol));
	(void)strlcpy(sv->sv_ciphers, "secure", sizeof(sv->sv_ciphers));
	for (ct = conf_timers; ct->ct_word != NULL; ct++)
		*server_timer(sv, ct) = ct->ct_default;
	sv->sv_keepalive = CONF_KEEPALIVE;
	sv->sv_max = CONF_MAX;
	sv->sv_per_source = CONF_PER_SOURCE;
	sv->sv_pending = CONF_PENDING;
	sv->sv_prefork = CONF_PREFORK;
	TAILQ_INSERT_TAIL(&conf->cf_servers, sv, sv_entry);
	return (sv);
}

struct server *
server_find(struct conf *conf, const char *name)
{
	struct server	*sv;

	TAILQ_FOREACH(sv, &conf->cf_servers, sv_entry)
		if (strcmp(sv->sv_name, name) == 0)
			return (sv);
	return (NULL);
}

struct backend *
backend_new(struct backends *backends, const struct conf_place *place)
{
	struct backend	*ba, *last;

	if ((ba = calloc(1, sizeof(*ba))) == NULL)
		conf_memory();
	ba->ba_place = *place;
	if ((last = TAILQ_LAST(backends, backends)) != NULL)
		ba->ba_number = last->ba_number + 1;
	if (ba->ba_number == CONF_BACKENDS_MAX)
		conf_error(place, "more than %d backends or targets",
		    CONF_BACKENDS_MAX);
	TAILQ_INSERT_TAIL(backends, ba, ba_entry);
	return (ba);
}

struct route *
route_new(struct server *sv, const struct conf_place *place)
{
	struct route	*rt;

	if ((rt = calloc(1, sizeof(*rt))) == NULL)
		conf_memory();
	rt->rt_place = *place;
	TAILQ_INIT(&rt->rt_backends);
	TAILQ_INSERT_TAIL(&sv->sv_routes, rt, rt_entry);
	return (rt);
}

struct rule *
rule_new(struct server *sv, const struct conf_place *place)
{
	struct rule	*ru;

	if ((ru = calloc(1, sizeof(*ru))) == NULL)
		conf_memory();
	ru->ru_place = *place;
	TAILQ_INSERT_TAIL(&sv->sv_rules, ru, ru_entry);
	return (ru);
}

char *
conf_read(int fd, size_t max, size_t *len)
{
	char	*buf;
	ssize_t	 n;

	if ((buf = malloc(max + 1)) == NULL)
		return (NULL);
	if ((n = compat_fill(fd, buf, 0, max)) == -1) {
		free(buf);
		return (NULL);
	}
	*len = (size_t)n;
	return (buf);
}

const char *
conf_filename(const char *name)
{
	struct filename	*fi;

	TAILQ_FOREACH(fi, &filenames, fi_entry)
		if (strcmp(fi->fi_name, name) == 0)
			return (fi->fi_name);
	if ((fi = malloc(sizeof(*fi))) == NULL ||
	    (fi->fi_name = strdup(name)) == NULL)
		conf_memory();
	TAILQ_INSERT_TAIL(&filenames, fi, fi_entry);
	return (fi->fi_name);
}

/*
 * Names are for the resolver; the short forms of IPv4 addresses that
 * getaddrinfo(3) takes ("127.1", "80") are more often mistakes.
 */
const char *
conf_address(const char *text, struct sockaddr_storage *ss, socklen_t *len)
{
	struct addrinfo		 hints, *res;
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(ss, 0, sizeof(*ss));
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST;
	memset(&sin, 0, sizeof(sin));
	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1)
		hints.ai_family = AF_INET;
	else if (strchr(text, ':') != NULL)
		hints.ai_family = AF_INET6;
	else
		return ("is not a numeric address");
	if (getaddrinfo(text, NULL, &hints, &res) != 0)
		return (strchr(text, '%') == NULL ? "is not a valid address" :
		    "is not a valid address of an interface that is there");
	*len = res->ai_addrlen;
	memcpy(ss, res->ai_addr, res->ai_addrlen);
	freeaddrinfo(res);
	if (ss->ss_family == AF_INET6) {
		memcpy(&sin6, ss, sizeof(sin6));
		if (IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr))
			return ("is an IPv4 address in IPv6 form: write it "
			    "as IPv4");
		if (IN6_IS_ADDR_MULTICAST(&sin6.sin6_addr))
			return ("is a multicast address");
		return (NULL);
	}
	if (IN_MULTICAST(ntohl(sin.sin_addr.s_addr)))
		return ("is a multicast address");
	return (NULL);
}

/* A number, or the name of a TCP service. */
const char *
conf_port(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;
	struct servent		*se;
	const char		*errstr;
	in_port_t		 port;

	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
		port = htons((in_port_t)strtonum(text, 0, 65535, &errstr));
		if (errstr != NULL)
			return ("is not a port (0-65535)");
	} else {
		if ((se = getservbyname(text, "tcp")) == NULL)
			return ("is neither a port number nor a TCP service");
		port = (in_port_t)se->s_port;
	}
	if (ss->ss_family == AF_INET6) {
		memcpy(&sin6, ss, sizeof(sin6));
		sin6.sin6_port = port;
		memcpy(ss, &sin6, sizeof(sin6));
	} else {
		memcpy(&sin, ss, sizeof(sin));
		sin.sin_port = port;
		memcpy(ss, &sin, sizeof(sin));
	}
	return (NULL);
}

const char *
conf_unix(const char *text, struct sockaddr_storage *ss, socklen_t *len)
{
	struct sockaddr_un	 sun;

	if (text[0] != '/')
		return ("is not an absolute path");
	if (sockfile_address(&sun, text) == -1)
		return ("is too long for the path of a unix socket");
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &sun, sizeof(sun));
	*len = sizeof(sun);
	return (NULL);
}

/* NULL, or why an address is of no use: a link-local one without its link. */
const char *
conf_zone(const struct sockaddr_storage *ss)
{
	struct sockaddr_in6	 sin6;

	if (ss->ss_family != AF_INET6)
		return (NULL);
	memcpy(&sin6, ss, sizeof(sin6));
	if (!IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr) || sin6.sin6_scope_id != 0)
		return (NULL);
	return ("is a link-local address without its interface: write it as "
	    "in fe80::1%em0");
}

void
conf_address_name(const struct sockaddr_storage *ss, char *buf, size_t size)
{
	char			 host[NI_MAXHOST], port[NI_MAXSERV];
	struct sockaddr_un	 sun;
	socklen_t		 len;

	if (ss->ss_family == AF_UNIX) {
		memcpy(&sun, ss, sizeof(sun));
		(void)strlcpy(buf, sun.sun_path, size);
		return;
	}
	len = ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
	    sizeof(struct sockaddr_in);
	if (getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)strlcpy(buf, "unknown address", size);
	else if (ss->ss_family == AF_INET6)
		(void)snprintf(buf, size, "[%s]:%s", host, port);
	else
		(void)snprintf(buf, size, "%s:%s", host, port);
}

static void
message_say(int warning, const char *text)
{
	if (output != NULL)
		output(warning, text);
	else
		fprintf(stderr, "%s\n", text);
}

/* An error counts although it is not told. */
static void
message_lost(int warning)
{
	message_say(warning, "a message is lost: no memory");
}

static void
message(const struct conf_place *place, int warning, const char *fmt,
    va_list ap)
{
	char		 where[32] = "";
	char		*what, *whole;

	if (place->cp_line > 0)
		(void)snprintf(where, sizeof(where), ":%d", place->cp_line);
	if (vasprintf(&what, fmt, ap) == -1) {
		message_lost(warning);
		return;
	}
	if (asprintf(&whole, "%s%s: %s%s", place->cp_file, where,
	    warning ? "warning: " : "", what) == -1)
		message_lost(warning);
	else if (keeping)
		message_keep(place, warning, whole);
	else
		message_print(warning, whole);
	free(what);
}

static void
message_print(int warning, char *text)
{
	message_say(warning, text);
	free(text);
}

/* Files in the order in which they were met, lines in theirs. */
static int
place_before(const struct conf_place *a, const struct conf_place *b)
{
	struct filename	*fi;

	if (a->cp_file == b->cp_file)
		return (a->cp_line < b->cp_line);
	TAILQ_FOREACH(fi, &filenames, fi_entry) {
		if (fi->fi_name == a->cp_file)
			return (1);
		if (fi->fi_name == b->cp_file)
			return (0);
	}
	return (0);
}

/* Behind what was said of the same place. */
static void
message_keep(const struct conf_place *place, int warning, char *text)
{
	struct kept	*ke, *new;

	if ((new = malloc(sizeof(*new))) == NULL) {
		message_print(warning, text);
		return;
	}
	new->ke_place = *place;
	new->ke_warning = warning;
	new->ke_text = text;
	TAILQ_FOREACH_REVERSE(ke, &kepts, kepts, ke_entry)
		if (!place_before(place, &ke->ke_place))
			break;
	if (ke == NULL)
		TAILQ_INSERT_HEAD(&kepts, new, ke_entry);
	else
		TAILQ_INSERT_AFTER(&kepts, ke, new, ke_entry);
}

void
conf_keep(void)
{
	keeping = 1;
}

void
conf_report(void)
{
	struct kept	*ke;

	while ((ke = TAILQ_FIRST(&kepts)) != NULL) {
		TAILQ_REMOVE(&kepts, ke, ke_entry);
		message_print(ke->ke_warning, ke->ke_text);
		free(ke);
	}
	keeping = 0;
}

void
conf_error(const struct conf_place *place, const char *fmt, ...)
{
	va_list	 ap;

	errors++;
	va_start(ap, fmt);
	message(place, 0, fmt, ap);
	va_end(ap);
}

void
conf_warning(const struct conf_place *place, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	message(place, 1, fmt, ap);
	va_end(ap);
}

unsigned int
conf_errors(void)
{
	return (errors);
}

void
conf_output(void (*function)(int, const char *))
{
	output = function;
}
