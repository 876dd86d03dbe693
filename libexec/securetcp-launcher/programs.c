/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The programs that may be run, by the numbers the parent gave them. */

#include <sys/types.h>

#include <errno.h>
#include <imsg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "helper.h"
#include "launcher.h"
#include "wire.h"

#define PROGRAMS_MAX	4096

static struct runnable	*programs;
static uint32_t		 nprograms;

static const char	*program_check(const struct wire_program *);
static void		 program_groups(struct runnable *,
			    const struct wire_program *);
static void		 program_read(struct imsgbuf *, struct imsg *);
static void		 program_add(struct imsgbuf *,
			    const struct wire_program *);

/* NULL, or what is wrong with it. */
static const char *
program_check(const struct wire_program *wp)
{
	if (wp->wp_index != nprograms || nprograms == PROGRAMS_MAX)
		return ("out of order");
	if (wp->wp_path[0] != '/')
		return ("its path is not absolute");
	if (wp->wp_groups_len % sizeof(uint32_t) != 0)
		return ("half a group");
	if (geteuid() != 0 && wp->wp_uid != getuid())
		return ("another user: only root can become that");
	return (NULL);
}

static void
program_groups(struct runnable *rn, const struct wire_program *wp)
{
	const uint8_t	*p = wp->wp_groups;
	size_t		 left;

	for (left = wp->wp_groups_len; left > 0; left -= 4, p += 4)
		rn->rn_groups[rn->rn_ngroups++] = (gid_t)p[0] << 24 |
		    (gid_t)p[1] << 16 | (gid_t)p[2] << 8 | (gid_t)p[3];
}

static void
program_add(struct imsgbuf *pipe, const struct wire_program *wp)
{
	struct runnable	*rn;
	uint8_t		*arguments;

	rn = reallocarray(programs, nprograms + 1, sizeof(*rn));
	if (rn == NULL)
		goto fail;
	programs = rn;
	rn += nprograms;
	memset(rn, 0, sizeof(*rn));
	if ((rn->rn_path = strdup(wp->wp_path)) == NULL ||
	    (arguments = malloc(sizeof(wp->wp_arguments))) == NULL)
		goto fail;
	memcpy(arguments, wp->wp_arguments, wp->wp_arguments_len);
	rn->rn_argv = strings_split(arguments, wp->wp_arguments_len);
	if (rn->rn_argv == NULL)
		goto fail;
	if (rn->rn_argv[0] == NULL)
		helper_fatal(pipe, "launcher: program %s without the name by "
		    "which it is run", wp->wp_path);
	rn->rn_uid = (uid_t)wp->wp_uid;
	rn->rn_gid = (gid_t)wp->wp_gid;
	program_groups(rn, wp);
	nprograms++;
	return;

fail:
	helper_fatal(pipe, "launcher: program %s: %s", wp->wp_path,
	    strerror(errno));
}

static void
program_read(struct imsgbuf *pipe, struct imsg *imsg)
{
	struct wire_program	 wp;
	const char		*wrong;

	helper_parse(pipe, imsg, &wp, sizeof(wp));
	if ((wrong = program_check(&wp)) != NULL)
		helper_fatal(pipe, "launcher: program %u, %s, as user %u: %s",
		    wp.wp_index, wp.wp_path, wp.wp_uid, wrong);
	program_add(pipe, &wp);
}

void
programs_read(struct imsgbuf *pipe)
{
	struct imsg	 imsg;
	uint32_t	 type;

	for (;;) {
		helper_next(pipe, &imsg);
		type = imsg_get_type(&imsg);
		if (type == WIRE_PROGRAM_END)
			break;
		if (type != WIRE_PROGRAM)
			helper_fatal(pipe, "launcher: %s before PROGRAM_END",
			    wire_name(type));
		program_read(pipe, &imsg);
		imsg_free(&imsg);
	}
	helper_parse(pipe, &imsg, NULL, 0);
	imsg_free(&imsg);
}

const struct runnable *
program_find(uint32_t index)
{
	return (index < nprograms ? &programs[index] : NULL);
}

char **
strings_split(uint8_t *data, size_t len)
{
	char	**strings;
	size_t	  i, n = 0;

	if (len > 0 && data[len - 1] != '\0') {
		errno = EINVAL;
		return (NULL);
	}
	for (i = 0; i < len; i++)
		n += data[i] == '\0';
	if ((strings = calloc(n + 1, sizeof(*strings))) == NULL)
		return (NULL);
	for (i = 0, n = 0; i < len; n++) {
		strings[n] = (char *)data + i;
		i += strlen(strings[n]) + 1;
	}
	return (strings);
}
