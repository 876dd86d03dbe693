/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* ClientHellos after the first, however they come in. */

#include <sys/types.h>

#include <imsg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include "build.h"
#include "compat.h"
#include "session.h"

#define NAME		"www.example.org"
#define MALFORMED	"another ClientHello that is malformed"

static struct bytes	 stream;
static struct again	 ag;

#define CASE(name, text)						\
ATF_TC(name);								\
ATF_TC_HEAD(name, tc)							\
{									\
	atf_tc_set_md_var(tc, "descr", text);				\
}									\
ATF_TC_BODY(name, tc)

/* Behind what the stream has already, in records of so many bytes. */
static void
say(const char *name, size_t record)
{
	static struct bytes	 ext, message, records;
	struct ext		 e;

	ext.b_len = message.b_len = records.b_len = 0;
	if (name != NULL)
		build_name(&ext, name, strlen(name));
	e.e_type = 0;
	e.e_len = ext.b_len;
	e.e_data = ext.b_data;
	build_message(&message, &e, name != NULL);
	build_records(&records, &message, record);
	bytes_add(&stream, records.b_data, records.b_len);
}

static void
record(uint8_t type, uint8_t first, size_t len)
{
	uint8_t	 head[6] = { type, 3, 3, 0, 0, first };
	size_t	 i;

	head[3] = (uint8_t)(len >> 8);
	head[4] = (uint8_t)len;
	bytes_add(&stream, head, len == 0 ? 5 : 6);
	for (i = 1; i < len; i++)
		bytes_number(&stream, (i + 3) & 0xff, 1);
}

/* So many bytes at a time, each time from memory that has no more of them. */
static const char *
watch(const char *first, size_t chunk)
{
	struct hello	 h;
	const char	*why = NULL;
	uint8_t		*copy;
	size_t		 n, off;

	memset(&ag, 0, sizeof(ag));
	memset(&h, 0, sizeof(h));
	if (first != NULL) {
		h.he_sni = 1;
		(void)strlcpy(h.he_name, first, sizeof(h.he_name));
	}
	for (off = 0; off < stream.b_len && why == NULL; off += n) {
		n = stream.b_len - off < chunk ? stream.b_len - off : chunk;
		ATF_REQUIRE((copy = malloc(n)) != NULL);
		memcpy(copy, stream.b_data + off, n);
		why = again_watch(&ag, &h, copy, n);
		free(copy);
	}
	return (why);
}

/* However it is cut, what comes of it is the same; then the stream is new. */
static void
expect(const char *first, const char *reason)
{
	static const size_t	 chunks[] = { BYTES_MAX, 1, 2, 3, 5, 6, 7, 64,
				    1000, 16389 };
	const char		*why;
	size_t			 i;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		why = watch(first, chunks[i]);
		if (why == NULL)
			why = "none";
		ATF_CHECK_STREQ_MSG(reason == NULL ? "none" : reason, why,
		    "%zu bytes at a time: %s", chunks[i], why);
	}
	stream.b_len = 0;
}

CASE(same, "the same name again, in any letters, is all right, and so is "
    "none")
{
	say(NAME, 16384);
	say(NAME, 16384);
	expect(NAME, NULL);
	say(NAME, 7);
	say("WWW.Example.Org", 1);
	expect(NAME, NULL);
	say(NAME, 100);
	say(NULL, 100);
	expect(NAME, NULL);
	say(NULL, 100);
	say(NULL, 100);
	expect(NULL, NULL);
}

CASE(other, "another name, or one where there was none, is not, whatever "
    "comes before it")
{
	say(NAME, 16384);
	say("secret.example.org", 16384);
	expect(NAME, AGAIN_CHANGED);
	say(NAME, 16384);
	say("secret.example.org", 1);
	expect(NAME, AGAIN_CHANGED);
	say(NULL, 16384);
	say(NAME, 5);
	expect(NULL, AGAIN_LATE);

	/* A library may step over each of these. */
	say(NAME, 16384);
	record(20, 1, 1);
	record(20, 1, 1);
	record(21, 1, 2);
	record(23, 0, 16401);
	record(23, 0, 0);
	say(NAME, 16384);
	say("secret.example.org", 16384);
	expect(NAME, AGAIN_CHANGED);
}

CASE(malformed, "another hello that is none, or is cut up by other records, "
    "is not handed on")
{
	say(NAME, 16384);
	record(22, 1, 40);
	expect(NAME, MALFORMED);
	say(NAME, 16384);
	record(22, 0, 0);
	expect(NAME, MALFORMED);
	say(NAME, 16384);
	record(22, 1, 1);
	record(20, 1, 1);
	expect(NAME, MALFORMED);
}

CASE(others, "what is no hello ends the watch: the messages of a client "
    "that was not asked again, and all that comes after them")
{
	say(NAME, 16384);
	record(22, 16, 70);
	record(20, 1, 1);
	record(22, 1, 40);
	say("secret.example.org", 16384);
	expect(NAME, NULL);
	say(NAME, 16384);
	record(22, 11, 20000);
	expect(NAME, NULL);
	say(NAME, 16384);
	record(23, 1, 16401);
	record(23, 1, 16401);
	expect(NAME, NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, same);
	ATF_TP_ADD_TC(tp, other);
	ATF_TP_ADD_TC(tp, malformed);
	ATF_TP_ADD_TC(tp, others);
	return (atf_no_error());
}
