/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * A launcher that runs nothing: the first argument of a program is what it
 * does when it is told to.  It is deaf to TERM and KILL.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

#include "compat.h"
#include "helper.h"
#include "launcher.h"
#include "rogue.h"
#include "wire.h"

static int	 errfd = -1, fd = -1;	/* of the program that is not run */
static int	 sulking;		/* it answers no more orders */

static int	 launcher_words(const char **);
static void	 launcher_take(struct imsgbuf *, struct imsg *);

static int
launcher_words(const char **line)
{
	char	 word[32];

	(void)act_word(line, word, sizeof(word));
	if (strcmp(word, "close") == 0) {
		(void)close(errfd);
		(void)close(fd);
	} else if (strcmp(word, "say") == 0) {
		/* And not a newline. */
		if (write(errfd, *line + 1, strlen(*line + 1)) == -1)
			_exit(98);
		*line += strlen(*line);
	} else if (strcmp(word, "sulk") == 0)
		sulking = 1;
	else if (strcmp(word, "nothing") != 0)
		return (0);
	return (1);
}

static void
launcher_take(struct imsgbuf *pipe, struct imsg *imsg)
{
	static struct wire_run	 wrn;
	const struct runnable	*rn;

	switch (imsg_get_type(imsg)) {
	case WIRE_STDERR:
		errfd = imsg_get_fd(imsg);
		break;
	case WIRE_RUN:
		fd = imsg_get_fd(imsg);
		helper_parse(pipe, imsg, &wrn, sizeof(wrn));
		if ((rn = program_find(wrn.wrn_index)) == NULL ||
		    rn->rn_argv[1] == NULL)
			_exit(97);
		act_id = wrn.wrn_session;
		act("taken", NULL);
		act(rn->rn_argv[1], launcher_words);
		break;
	case WIRE_TERM:
	case WIRE_KILL:
		if (!sulking)
			act("taken", NULL);
		break;
	}
}

int
main(void)
{
	static struct imsgbuf	 pipe;
	struct wire_start	 start;
	struct imsg		 imsg;

	helper_start(&pipe, &start);
	programs_read(&pipe);
	act("ready none", NULL);
	for (;;) {
		helper_next(&pipe, &imsg);
		launcher_take(&pipe, &imsg);
		imsg_free(&imsg);
	}
}
