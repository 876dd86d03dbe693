/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Hellos damaged in every byte and at random: never a read out of bounds,
 * never an answer that more bytes would change, and never another name than
 * the TLS library reads.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "library.h"
#include "parse.h"

#define ROUNDS		200000
#define LIBRARY_ROUNDS	10000
#define SHORT		600	/* a hello that is worth every byte's damage */

static struct bytes	 hellos[LIBRARY_KINDS + 1], damaged, message;

static uint32_t
number(uint32_t bound)
{
	static uint64_t	 state = 0x2545f4914f6cdd1d;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return ((uint32_t)(state >> 32) % bound);
}

static void
hellos_make(void)
{
	static const uint8_t	 name[] = { 0, 6, 0, 0, 3, 'a', '.', 'b' };
	static const struct ext	 exts[] = {
		{ 0x0a0a, 0, "" }, { 0, sizeof(name), name },
		{ 16, 5, "\0\3\2h2" }
	};
	size_t			 i;

	for (i = 0; i < LIBRARY_KINDS; i++)
		library_hello(&library_kinds[i], &hellos[i]);
	build_hello(&hellos[i], exts, 3);
}

/* The answer, which every longer beginning has to repeat. */
static enum hello_result
stable(const struct bytes *b)
{
	struct hello		 h, h2;
	enum hello_result	 result, result2;
	size_t			 cut;

	result = parse(b->b_data, b->b_len, &h);
	if (b->b_len == 0)
		return (result);
	cut = number((uint32_t)b->b_len);
	result2 = parse(b->b_data, cut, &h2);
	if (result2 == HELLO_MORE)
		return (result);
	ATF_REQUIRE_EQ(result2, result);
	ATF_REQUIRE_EQ(h2.he_sni, h.he_sni);
	ATF_REQUIRE_STREQ(h2.he_name, h.he_name);
	ATF_REQUIRE(h2.he_why == h.he_why);
	return (result);
}

/* What the library takes for the name, the parser does not overlook. */
static int
agrees(const struct bytes *b)
{
	struct hello		 h;
	struct in6_addr		 addr;
	enum hello_result	 result;
	char			 name[256];
	size_t			 len;

	result = parse(b->b_data, b->b_len, &h);
	if (!library_name(b, name))
		return (0);
	/* It has read a hello: this is no time to wait for more of it. */
	ATF_REQUIRE(result != HELLO_MORE);
	if (result == HELLO_BAD) {
		/* This reason lets it through to the library. */
		ATF_REQUIRE(strcmp(h.he_why, HELLO_NOTTLS) != 0 ||
		    *name == '\0');
		return (0);
	}
	len = strlen(name);
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	if (h.he_sni)
		ATF_REQUIRE_EQ_MSG(0, strcasecmp(h.he_name, name),
		    "%s, the library: %s", h.he_name, name);
	else
		ATF_REQUIRE_MSG(*name == '\0' ||
		    inet_pton(AF_INET, name, &addr) == 1 ||
		    inet_pton(AF_INET6, name, &addr) == 1,
		    "no name, the library: %s", name);
	return (1);
}

/* Another byte, one less, one more, or some of it twice. */
static void
damage(struct bytes *b)
{
	size_t	 at, n;

	if (b->b_len == 0)
		return;
	at = number((uint32_t)b->b_len);
	/* The beginning has most of the lengths. */
	if (number(3) == 0 && b->b_len > 64)
		at = number(64);
	switch (number(8)) {
	case 0:
		b->b_len = at;
		break;
	case 1:
		b->b_len--;
		memmove(b->b_data + at, b->b_data + at + 1, b->b_len - at);
		break;
	case 2:
		memmove(b->b_data + at + 1, b->b_data + at, b->b_len - at);
		b->b_data[at] = (uint8_t)number(256);
		b->b_len++;
		break;
	case 3:
		n = number((uint32_t)(b->b_len - at) + 1);
		memmove(b->b_data + at + n, b->b_data + at, b->b_len - at);
		b->b_len += n;
		break;
	case 4:
		b->b_data[at] ^= (uint8_t)(1 << number(8));
		break;
	case 5:
		b->b_data[at] += number(2) ? 1 : 255;
		break;
	case 6:
		b->b_data[at] = number(2) ? 0 : 255;
		break;
	default:
		b->b_data[at] = (uint8_t)number(256);
		break;
	}
}

static void
copy(struct bytes *to, const struct bytes *from, size_t skip)
{
	to->b_len = 0;
	bytes_add(to, from->b_data + skip, from->b_len - skip);
}

/* Makes a message out of what may be none, with the right header. */
static void
reframe(void)
{
	size_t	 n;

	copy(&message, &damaged, 5);
	if (message.b_len >= 4) {
		n = message.b_len - 4;
		message.b_data[1] = (uint8_t)(n >> 16);
		message.b_data[2] = (uint8_t)(n >> 8);
		message.b_data[3] = (uint8_t)n;
	}
	build_records(&damaged, &message, number(4) == 0 ? 1 + number(64) :
	    16384);
}

static void
damaged_hello(void)
{
	size_t	 i, n;

	do
		i = number(LIBRARY_KINDS + 1);
	while (hellos[i].b_len > SHORT && number(8) != 0);
	copy(&damaged, &hellos[i], 0);
	for (n = 1 + number(4); n != 0; n--)
		damage(&damaged);
	/* Else a wrong length would be most of what is ever found. */
	if (damaged.b_len > 5 && number(2))
		reframe();
}

ATF_TC_WITHOUT_HEAD(truncated);
ATF_TC_BODY(truncated, tc)
{
	size_t	 i, len;

	hellos_make();
	for (i = 0; i <= LIBRARY_KINDS; i++) {
		for (len = 0; len < hellos[i].b_len; len++)
			parse_is_more(hellos[i].b_data, len, "truncated");
	}
}

/* Every byte of it, every value. */
ATF_TC_WITHOUT_HEAD(every_byte);
ATF_TC_BODY(every_byte, tc)
{
	struct hello	 h;
	size_t		 at, i, tried = 0;
	int		 byte;

	hellos_make();
	for (i = 0; i <= LIBRARY_KINDS; i++) {
		if (hellos[i].b_len > SHORT)
			continue;
		tried++;
		copy(&damaged, &hellos[i], 0);
		for (at = 0; at < damaged.b_len; at++) {
			for (byte = 0; byte < 256; byte++) {
				damaged.b_data[at] = (uint8_t)byte;
				(void)parse(damaged.b_data, damaged.b_len, &h);
			}
			damaged.b_data[at] = hellos[i].b_data[at];
		}
	}
	ATF_CHECK(tried > 2);
}

ATF_TC_WITHOUT_HEAD(random);
ATF_TC_BODY(random, tc)
{
	size_t	 i, results[3] = { 0, 0, 0 };

	hellos_make();
	for (i = 0; i < ROUNDS; i++) {
		damaged_hello();
		results[stable(&damaged)]++;
	}
	/* Not all for the same reason. */
	for (i = 0; i < 3; i++)
		ATF_CHECK_MSG(results[i] > ROUNDS / 20, "%zu: %zu", i,
		    results[i]);
}

ATF_TC_WITHOUT_HEAD(noise);
ATF_TC_BODY(noise, tc)
{
	size_t	 i, j;

	for (i = 0; i < ROUNDS / 4; i++) {
		damaged.b_len = 0;
		bytes_number(&damaged, 0x160301, 3);
		for (j = number(64); j != 0; j--)
			bytes_number(&damaged, number(number(2) ? 2 : 256), 1);
		if (number(2) && damaged.b_len > 5)
			reframe();
		(void)stable(&damaged);
	}
}

ATF_TC_WITHOUT_HEAD(library);
ATF_TC_BODY(library, tc)
{
	size_t	 agreed = 0, i;

	hellos_make();
	for (i = 0; i < LIBRARY_ROUNDS; i++) {
		damaged_hello();
		agreed += (size_t)agrees(&damaged);
	}
	/* Enough of them were still read by both. */
	ATF_CHECK_MSG(agreed > LIBRARY_ROUNDS / 20, "%zu", agreed);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, every_byte);
	ATF_TP_ADD_TC(tp, random);
	ATF_TP_ADD_TC(tp, noise);
	ATF_TP_ADD_TC(tp, library);
	return (atf_no_error());
}
