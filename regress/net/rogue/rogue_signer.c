/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The shipped signer's signer.c, without a sandbox, which obeys what it is
 * asked to sign when that is an order.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <imsg.h>

#include "helper.h"
#include "rogue.h"
#include "sandbox.h"
#include "signer.h"
#include "wire.h"

static char	 plan[ROGUE_LINE];
static int	 planned = -1;
static size_t	 garbage;	/* bytes to answer with from now on */

/* The plan is carried out where the honest one says READY. */
static const char *
rogue_name(void)
{
	if (planned == 0)
		act(plan, NULL);
	return ("rogue");
}

static int
signer_words(const char **line)
{
	char	 word[32];

	(void)act_word(line, word, sizeof(word));
	if (strcmp(word, "garbage") != 0)
		return (0);
	garbage = (size_t)act_number(line) % WIRE_SIGNMAX;
	return (1);
}

/* An order is obeyed, and then no key has its number. */
static void
rogue_parse(struct imsgbuf *imsgbuf, struct imsg *imsg, void *payload,
    size_t size)
{
	struct wire_sign	*sign = payload;
	char			 line[WIRE_SIGNMAX + 1];

	helper_parse(imsgbuf, imsg, payload, size);
	if (imsg_get_type(imsg) != WIRE_SIGN ||
	    sign->wg_len <= strlen(ROGUE_WORD) || memcmp(sign->wg_data,
	    ROGUE_WORD, strlen(ROGUE_WORD)) != 0)
		return;
	memcpy(line, sign->wg_data, sign->wg_len);
	line[sign->wg_len] = '\0';
	act_id = sign->wg_request;
	act(line + strlen(ROGUE_WORD), signer_words);
	sign->wg_index = UINT32_MAX;
}

static void
rogue_say(struct imsgbuf *imsgbuf, uint32_t type, const void *payload,
    size_t size)
{
	struct wire_signed	 answer;

	if (type == WIRE_SIGNED && garbage != 0) {
		memcpy(&answer, payload, sizeof(answer));
		memset(answer.wn_data, 0x5a, garbage);
		answer.wn_len = (uint16_t)garbage;
		payload = &answer;
	}
	helper_say(imsgbuf, type, payload, size);
}

static void
rogue_start(struct imsgbuf *imsgbuf, struct wire_start *start)
{
	planned = act_plan(plan, sizeof(plan));
	helper_start(imsgbuf, start);
}

#define helper_parse		rogue_parse
#define helper_say		rogue_say
#define helper_start		rogue_start
#define helper_sandbox(pipe, start, role)	((void)(start), (void)(role))
#define sandbox_name		rogue_name
#include "../../../libexec/securetcp-signer/signer.c"
