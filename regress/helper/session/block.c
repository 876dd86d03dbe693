/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "fake.h"

#define BLOCK_QUEUE	64	/* messages, until they are sent */

static int	 block_open(const void *, size_t);
static void	 block_send(struct fake *, enum wire_type, int, const void *,
		    size_t);

/* The offset stays at the end: it must be read by position. */
static int
block_open(const void *data, size_t len)
{
	int	 fd;

	ATF_REQUIRE((fd = open("block.file", O_RDWR | O_CREAT | O_TRUNC,
	    0644)) != -1);
	ATF_REQUIRE_EQ(0, unlink("block.file"));
	if (len > 0)
		ATF_REQUIRE_EQ((ssize_t)len, write(fd, data, len));
	return (fd);
}

static void
block_send(struct fake *fk, enum wire_type type, int fd, const void *payload,
    size_t size)
{
	ATF_REQUIRE_EQ(0, wire_send(&fk->fk_pipe, type, fd, payload, size));
	while (imsgbuf_queuelen(&fk->fk_pipe) > BLOCK_QUEUE && !fk->fk_ended)
		fake_turn(fk, NULL, 0, 100);
}

void
block_begin(struct fake *fk, const atf_tc_t *tc, struct key *k,
    const struct wire_server *wv)
{
	fake_launch(fk, tc, k);
	fake_identify(fk);
	block_send(fk, WIRE_SERVER, -1, wv, sizeof(*wv));
}

void
block_chain(struct fake *fk)
{
	struct wire_chain	 wc;

	memset(&wc, 0, sizeof(wc));
	memcpy(wc.wc_id, fk->fk_key->k_id, sizeof(wc.wc_id));
	block_send(fk, WIRE_CHAIN, block_open(fk->fk_key->k_pem,
	    fk->fk_key->k_pemlen), &wc, sizeof(wc));
}

/* With its version and nothing else. */
void
block_bare(struct fake *fk, enum wire_type type)
{
	uint8_t	 version = WIRE_VERSION;

	ATF_REQUIRE_EQ(1, imsg_compose(&fk->fk_pipe, type, 0, 0, -1, &version,
	    sizeof(version)));
}

/* NULL: without the file. */
void
block_file(struct fake *fk, enum wire_type type, const void *data, size_t len)
{
	block_send(fk, type, data == NULL ? -1 : block_open(data, len), NULL,
	    0);
}

void
block_match(struct fake *fk, uint8_t selector, uint8_t refuse,
    const char *pattern)
{
	struct wire_match	 wm;

	memset(&wm, 0, sizeof(wm));
	wm.wm_selector = selector;
	wm.wm_refuse = refuse;
	(void)strlcpy(wm.wm_pattern, pattern, sizeof(wm.wm_pattern));
	block_send(fk, WIRE_MATCH, -1, &wm, sizeof(wm));
}

void
block_end(struct fake *fk)
{
	block_send(fk, WIRE_SERVER_END, -1, NULL, 0);
	FAKE_WAIT(fk, fk->fk_ready || fk->fk_ended);
	if (!fk->fk_ready)
		atf_tc_fail("no spawner: %s", fk->fk_fatal);
}

void
block_fails(struct fake *fk, const char *text)
{
	int	 status;

	if (!fk->fk_ended)
		block_send(fk, WIRE_SERVER_END, -1, NULL, 0);
	FAKE_WAIT(fk, fk->fk_ended);
	ATF_CHECK_EQ(0, fk->fk_ready);
	if (strstr(fk->fk_fatal, text) == NULL)
		atf_tc_fail_nonfatal("\"%s\" is not in: %s", text,
		    fk->fk_fatal);
	ATF_REQUIRE_EQ(fk->fk_pid, waitpid(fk->fk_pid, &status, 0));
	ATF_CHECK(WIFEXITED(status));
	ATF_CHECK_EQ(2, WEXITSTATUS(status));
	imsgbuf_clear(&fk->fk_pipe);
	(void)close(fk->fk_fd);
}
