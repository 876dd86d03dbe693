/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The shipped launcher.c, up to READY: then it runs nothing, and the first
 * argument of a program is what it does when it is told to.  It is deaf to
 * TERM and KILL.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "rogue.h"
#include "wire.h"

static int	 rogue_words(const char **);
static void	 rogue_take(struct imsgbuf *, struct imsg *);
__attribute__((__noreturn__))
static void	 rogue_serve(struct imsgbuf *);

#define helper_ready(pipe, sandbox)	rogue_serve(pipe)
#define helper_sandbox(pipe, start, role)	((void)(start), (void)(role))
#include "../../../libexec/securetcp-launcher/launcher.c"

/* Of the program that is not run. */
static int	 rogue_errfd = -1, rogue_fd = -1;
static int	 sulking;		/* it answers no more orders */

static int
rogue_words(const char **line)
{
	char	 word[32];

	(void)act_word(line, word, sizeof(word));
	if (strcmp(word, "close") == 0) {
		(void)close(rogue_errfd);
		(void)close(rogue_fd);
	} else if (strcmp(word, "say") == 0) {
		/* And not a newline. */
		if (write(rogue_errfd, *line + 1, strlen(*line + 1)) == -1)
			_exit(98);
		*line += strlen(*line);
	} else if (strcmp(word, "sulk") == 0)
		sulking = 1;
	else if (strcmp(word, "nothing") != 0)
		return (0);
	return (1);
}

static void
rogue_take(struct imsgbuf *pipe, struct imsg *imsg)
{
	static struct wire_run	 wrn;
	const struct runnable	*rn;

	switch (imsg_get_type(imsg)) {
	case WIRE_STDERR:
		rogue_errfd = imsg_get_fd(imsg);
		break;
	case WIRE_RUN:
		rogue_fd = imsg_get_fd(imsg);
		helper_parse(pipe, imsg, &wrn, sizeof(wrn));
		if ((rn = runnable_find(wrn.wrn_index)) == NULL ||
		    rn->rn_argv[1] == NULL)
			_exit(97);
		act_id = wrn.wrn_session;
		act("taken", NULL);
		act(rn->rn_argv[1], rogue_words);
		break;
	case WIRE_TERM:
	case WIRE_KILL:
		if (!sulking)
			act("taken", NULL);
		break;
	}
}

static void
rogue_serve(struct imsgbuf *pipe)
{
	struct imsg	 imsg;

	act("ready none", NULL);
	for (;;) {
		helper_next(pipe, &imsg);
		rogue_take(pipe, &imsg);
		imsg_free(&imsg);
	}
}
