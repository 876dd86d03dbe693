/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Roots and lists of revoked certificates: opened for the spawners, which
 * read them again, and looked at for what is wrong already.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tls.h>

#include "check_x509.h"
#include "conf.h"
#include "securetcp.h"

#define CA_SIZE		(4 * 1024 * 1024)
#define CRL_SIZE	(64 * 1024 * 1024)
#define UPDATE_SOON	(24 * 60 * 60)

void
conf_check_update(const struct conf_path *pa, const char *what)
{
	char	 date[64];
	time_t	 next = pa->pa_next, now = time(NULL);

	if (next == -1)
		return;
	(void)conf_check_date(next, date, sizeof(date));
	if (next < now)
		conf_warning(&pa->pa_place, "%s \"%s\": expired: its next "
		    "update was due on %s", what, pa->pa_path, date);
	else if (next - now < UPDATE_SOON)
		conf_warning(&pa->pa_place, "%s \"%s\": its next update is "
		    "due on %s", what, pa->pa_path, date);
}

/* By the library that the spawner will use. */
static void
roots_check(struct server *sv, const char *what, struct conf_path *pa,
    size_t max, int (*set)(struct securetcp_config *, const void *, size_t))
{
	struct securetcp_config	*config;
	struct stat		 st;
	char			*buf;
	size_t			 len;

	pa->pa_fd = conf_check_open(what, pa->pa_path, (off_t)max,
	    &pa->pa_place, &st);
	if (pa->pa_fd == -1 || (buf = conf_check_read(what, pa->pa_path,
	    pa->pa_fd, &pa->pa_place, (size_t)st.st_size, &len)) == NULL)
		return;
	if ((config = securetcp_config_new()) == NULL)
		conf_error(&sv->sv_place, "the TLS library is unusable");
	else if (set(config, buf, len) != 0)
		conf_error(&pa->pa_place, "%s \"%s\": %s", what, pa->pa_path,
		    securetcp_config_error(config));
	securetcp_config_free(config);
	free(buf);
}

/* When the first of the lists in the file is to be replaced. */
static void
crl_dates(struct conf_path *pa)
{
	X509_CRL	*crl;
	struct stat	 st;
	BIO		*bio;
	time_t		 at, next = -1;
	char		*buf;
	size_t		 len;

	if (fstat(pa->pa_fd, &st) == -1 || (buf = conf_check_read("crl",
	    pa->pa_path, pa->pa_fd, &pa->pa_place, (size_t)st.st_size,
	    &len)) == NULL)
		return;
	if ((bio = BIO_new_mem_buf(buf, (int)len)) == NULL)
		err(1, "BIO_new_mem_buf");
	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, check_no_password,
	    NULL)) != NULL) {
		at = check_time(X509_CRL_get0_nextUpdate(crl));
		if (at != -1 && (next == -1 || at < next))
			next = at;
		X509_CRL_free(crl);
	}
	BIO_free(bio);
	ERR_clear_error();
	free(buf);
	pa->pa_next = next;
	conf_check_update(pa, "crl");
}

/* A client without "ca" trusts whom the system trusts. */
static void
system_roots(struct server *sv)
{
	const char	*path = tls_default_ca_cert_file();

	if (path == NULL || (sv->sv_ca.pa_path = strdup(path)) == NULL)
		err(1, "the system's CA");
	sv->sv_ca.pa_place = sv->sv_place;
}

void
conf_check_identity(struct server *sv)
{
	const char	*what = "ca";
	unsigned int	 before;

	if (sv->sv_client && sv->sv_ca.pa_path == NULL) {
		system_roots(sv);
		what = "client without \"ca\": the system's";
	}
	if (sv->sv_ca.pa_path != NULL)
		roots_check(sv, what, &sv->sv_ca, CA_SIZE,
		    securetcp_config_set_ca);
	if (sv->sv_crl.pa_path == NULL)
		return;
	before = conf_errors();
	roots_check(sv, "crl", &sv->sv_crl, CRL_SIZE,
	    securetcp_config_set_crl);
	if (conf_errors() == before)
		crl_dates(&sv->sv_crl);
}
