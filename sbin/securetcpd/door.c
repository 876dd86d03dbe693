/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The control sockets, as files: who may connect there, and which daemon has
 * them.  Those who have connected are in control.c.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <grp.h>
#include <imsg.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "securetcpd.h"

#define DOOR_PAUSE	1000	/* milliseconds, when descriptors are out */

struct door {
	TAILQ_ENTRY(door)	 dr_entry;
	char			*dr_path;
	char			*dr_group;	/* NULL: the default */
	int			 dr_restricted;
	int			 dr_fd;
	struct event		 dr_ev;
	struct event		 dr_again;	/* when descriptors are out */
};

static TAILQ_HEAD(, door)	 doors = TAILQ_HEAD_INITIALIZER(doors);

static void
door_again(int fd, short what, void *arg)
{
	struct door	*dr = arg;

	(void)fd;
	(void)what;
	(void)event_add(&dr->dr_ev, NULL);
}

static void
door_accept(int fd, short what, void *arg)
{
	struct door	*dr = arg;
	int		 client;

	(void)what;
	client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client != -1) {
		control_client(client, dr->dr_restricted);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	(void)event_del(&dr->dr_ev);
	clock_after(&dr->dr_again, DOOR_PAUSE);
}

/* May connect: the members of the group, else root; or, for a look, all. */
static int
door_open(const struct control *co)
{
	struct group	*gr = NULL;
	mode_t		 mode = co->co_restricted ? 0666 : 0600;
	gid_t		 gid = (gid_t)-1;

	if (co->co_group != NULL) {
		if ((gr = getgrnam(co->co_group)) == NULL) {
			errno = EINVAL;
			return (-1);
		}
		mode = 0660;
		gid = gr->gr_gid;
	}
	return (sockfile_take(co->co_path, mode, gid));
}

static const char *
door_error(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ("another daemon is listening there");
	case ENOTSOCK:
		return ("there is a file that is no socket");
	default:
		return (strerror(error));
	}
}

/* With -d only those that the configuration asks for, as with the pidfile. */
static int
door_wanted(const struct control *co)
{
	return (!env->sd_debug || strcmp(co->co_path, CONF_SOCKET) != 0);
}

static void
door_free(struct door *dr)
{
	free(dr->dr_path);
	free(dr->dr_group);
	free(dr);
}

/* A reload keeps a door, and not the configuration.  NULL with errno. */
static struct door *
door_new(const struct control *co)
{
	struct door	*dr;
	int		 error;

	if ((dr = calloc(1, sizeof(*dr))) == NULL)
		return (NULL);
	dr->dr_restricted = co->co_restricted;
	if ((dr->dr_path = strdup(co->co_path)) != NULL &&
	    (co->co_group == NULL ||
	    (dr->dr_group = strdup(co->co_group)) != NULL) &&
	    (dr->dr_fd = door_open(co)) != -1)
		return (dr);
	error = errno;
	door_free(dr);
	errno = error;
	return (NULL);
}

static int
door_same(const struct door *dr, const struct control *co)
{
	if (strcmp(dr->dr_path, co->co_path) != 0 ||
	    dr->dr_restricted != co->co_restricted ||
	    (dr->dr_group == NULL) != (co->co_group == NULL))
		return (0);
	return (co->co_group == NULL ||
	    strcmp(dr->dr_group, co->co_group) == 0);
}

/* Is that socket open already? */
static int
door_has(const struct control *co)
{
	const struct door	*dr;

	TAILQ_FOREACH(dr, &doors, dr_entry)
		if (door_same(dr, co))
			return (1);
	return (0);
}

/* Are they the ones of this configuration? */
int
doors_same(const struct conf *cf)
{
	const struct control	*co;
	const struct door	*dr;
	unsigned int		 n = 0;

	TAILQ_FOREACH(co, &cf->cf_controls, co_entry) {
		if (!door_wanted(co))
			continue;
		if (!door_has(co))
			return (0);
		n++;
	}
	TAILQ_FOREACH(dr, &doors, dr_entry)
		n--;
	return (n == 0);
}

/*
 * A socket of the running daemon can be opened when that drains.  A daemon that
 * has taken over goes on without.
 */
static void
door_missing(const struct control *co, int error)
{
	if (env->sd_upgrade == UPGRADE_ASKED && error == EADDRINUSE)
		return;
	if (env->sd_upgrade == UPGRADE_TAKEN)
		log_warning("control socket \"%s\": %s: this daemon goes on "
		    "without it", co->co_path, door_error(error));
	else
		daemon_fail("control socket \"%s\": %s", co->co_path,
		    door_error(error));
}

/* Opens those that are not open yet. */
void
doors_open(const struct conf *cf)
{
	const struct control	*co;
	struct door		*dr;

	TAILQ_FOREACH(co, &cf->cf_controls, co_entry) {
		if (!door_wanted(co) || door_has(co))
			continue;
		if ((dr = door_new(co)) == NULL) {
			door_missing(co, errno);
			continue;
		}
		TAILQ_INSERT_TAIL(&doors, dr, dr_entry);
		event_set(&dr->dr_ev, dr->dr_fd, EV_READ | EV_PERSIST,
		    door_accept, dr);
		evtimer_set(&dr->dr_again, door_again, dr);
		(void)event_add(&dr->dr_ev, NULL);
	}
}

/* Another daemon may have them now; those who are connected stay. */
void
doors_close(void)
{
	struct door	*dr;

	while ((dr = TAILQ_FIRST(&doors)) != NULL) {
		TAILQ_REMOVE(&doors, dr, dr_entry);
		(void)event_del(&dr->dr_ev);
		(void)evtimer_del(&dr->dr_again);
		sockfile_drop(dr->dr_fd, dr->dr_path);
		door_free(dr);
	}
}
