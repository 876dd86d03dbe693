/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Roots and lists of revoked certificates: copied for the spawners, which
 * read them again, and looked at for what is wrong already.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tls.h>

#include "check_x509.h"
#include "conf.h"

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

/* Opens it, and reads it as the spawner will. */
static int
roots_check(struct bundle *bu, enum bundle_kind kind, const char *what,
    struct conf_path *pa, size_t max)
{
	struct stat	 st;
	char		*buf;
	size_t		 len;
	int		 bad;

	memset(bu, 0, sizeof(*bu));
	pa->pa_fd = conf_check_open(what, pa->pa_path, (off_t)max,
	    &pa->pa_place, &st);
	if (pa->pa_fd == -1 || (buf = conf_check_read(what, pa->pa_path,
	    pa->pa_fd, &pa->pa_place, (size_t)st.st_size, &len)) == NULL)
		return -1;
	conf_check_keep(what, pa->pa_path, &pa->pa_fd, &pa->pa_place,
	    buf, len);
	bad = check_bundle(bu, kind, what, pa->pa_path, &pa->pa_place, buf,
	    len);
	free(buf);
	return bad;
}

/* When the first of the lists in use is to be replaced. */
static void
crl_dates(struct conf_path *pa, const struct bundle *bu)
{
	X509_CRL	*crl;
	char		 date[64];
	time_t		 at, from;
	unsigned int	 i;

	pa->pa_next = -1;
	for (i = 0; i < bu->bu_n; i++) {
		crl = sk_X509_CRL_value(bu->bu_lists, (int)i);
		at = check_time(X509_CRL_get0_nextUpdate(crl));
		if (at != -1 && (pa->pa_next == -1 || at < pa->pa_next))
			pa->pa_next = at;
		from = check_time(X509_CRL_get0_lastUpdate(crl));
		if (from > time(NULL))
			conf_warning(&pa->pa_place, "crl \"%s\", line %u: "
			    "the list is not valid before %s", pa->pa_path,
			    bu->bu_lines[i], conf_check_date(from, date,
			    sizeof(date)));
	}
	conf_check_update(pa, "crl");
}

/*
 * Those of the authorities in the file after "ca" are to be signed by them;
 * those of the ones below come with the clients.
 */
static void
crl_signatures(struct conf_path *pa, const struct bundle *lists,
    const struct bundle *roots)
{
	X509_CRL	*crl;
	X509		*x;
	unsigned int	 i, j, named, signs;

	for (i = 0; i < lists->bu_n; i++) {
		crl = sk_X509_CRL_value(lists->bu_lists, (int)i);
		for (j = named = signs = 0; j < roots->bu_n; j++) {
			x = sk_X509_value(roots->bu_certs, (int)j);
			if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
			    X509_get_subject_name(x)) != 0)
				continue;
			named++;
			signs += X509_CRL_verify(crl,
			    X509_get0_pubkey(x)) == 1;
		}
		if (named != 0 && signs == 0)
			conf_warning(&pa->pa_place, "crl \"%s\", line %u: "
			    "the list is not signed by its issuer in the "
			    "file after \"ca\", and does not count",
			    pa->pa_path, lists->bu_lines[i]);
	}
	ERR_clear_error();
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
	struct bundle	 lists, roots;
	int		 known = 0;

	memset(&roots, 0, sizeof(roots));
	if (sv->sv_client && sv->sv_ca.pa_path == NULL) {
		system_roots(sv);
		what = "client without \"ca\": the system's";
	}
	if (sv->sv_ca.pa_path != NULL)
		known = roots_check(&roots, BUNDLE_CA, what, &sv->sv_ca,
		    CA_SIZE) == 0;
	if (sv->sv_crl.pa_path != NULL) {
		if (roots_check(&lists, BUNDLE_CRL, "crl", &sv->sv_crl,
		    CRL_SIZE) == 0) {
			crl_dates(&sv->sv_crl, &lists);
			if (known)
				crl_signatures(&sv->sv_crl, &lists, &roots);
		}
		bundle_free(&lists);
	}
	bundle_free(&roots);
}
