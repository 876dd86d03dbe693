/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <string.h>

#include "compat.h"
#include "check_x509.h"
#include "conf.h"

struct check_file {
	const struct conf_place	*cf_place;
	const char		*cf_what;	/* "chain" */
	const char		*cf_path;
};

static void	 check_say(void *, int, unsigned int, const char *);

time_t
check_time(const ASN1_TIME *t)
{
	struct tm	 tm;

	memset(&tm, 0, sizeof(tm));
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	return timegm(&tm);
}

static void
check_say(void *arg, int bad, unsigned int line, const char *text)
{
	const struct check_file	*file = arg;
	void			(*say)(const struct conf_place *,
				    const char *, ...);

	say = bad ? conf_error : conf_warning;
	if (line == 0)
		say(file->cf_place, "%s \"%s\" %s", file->cf_what,
		    file->cf_path, text);
	else
		say(file->cf_place, "%s \"%s\", line %u: %s", file->cf_what,
		    file->cf_path, line, text);
}

int
check_bundle(struct bundle *bu, enum bundle_kind kind, const char *what,
    const char *path, const struct conf_place *place, const void *buf,
    size_t len)
{
	struct check_file	 file;

	file.cf_place = place;
	file.cf_what = what;
	file.cf_path = path;
	memset(bu, 0, sizeof(*bu));
	bu->bu_say = check_say;
	bu->bu_arg = &file;
	return bundle_read(bu, kind, buf, len);
}
