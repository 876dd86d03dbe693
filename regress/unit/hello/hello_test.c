/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Hellos made by hand: names, broken lengths, bounds. */

#include <sys/types.h>

#include <atf-c.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "parse.h"

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))
#define S(s)		(sizeof(s) - 1), (s)

static struct bytes	 hello, message, name;

static const char	 long253[] =
    "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."
    "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."
    "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."
    "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789."
    "1234567890123";

/* With one server name extension, of this content. */
static void
with_extension(const void *data, size_t len)
{
	struct ext	 ext = { 0, len, data };

	build_hello(&hello, &ext, 1);
}

static void
with_name(const void *data, size_t len)
{
	name.b_len = 0;
	build_name(&name, data, len);
	with_extension(name.b_data, name.b_len);
}

static const struct {
	const char	*g_sent;
	const char	*g_name;
} good[] = {
	{ "www.example.org", "www.example.org" },
	{ "WWW.EXAMPLE.Org", "www.example.org" },
	{ "AZ.az.09", "az.az.09" },
	{ "www.example.org.", "www.example.org" },
	{ "a", "a" },
	{ "a.", "a" },
	{ "-_a-_.b", "-_a-_.b" },
	{ "1", "1" },
	{ "127.1", "127.1" },
	{ "1.2.3.4.5", "1.2.3.4.5" },
	{ "256.2.3.4", "256.2.3.4" },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ long253, long253 },

	/* addresses are not names */
	{ "127.0.0.1", NULL },
	{ "192.0.2.1.", NULL },
	{ "::1", NULL },
	{ "2001:DB8::1", NULL },
	{ "::ffff:192.0.2.1", NULL },
	{ "", NULL },
};

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	size_t	 i;

	for (i = 0; i < NITEMS(good); i++) {
		with_name(good[i].g_sent, strlen(good[i].g_sent));
		parse_drip(&hello, good[i].g_name, good[i].g_sent);
	}
}

#define LONG		"server name too long"

/* OpenSSL takes them: whoever sends one is a client without a match. */
static const struct {
	const char	*o_sent;
	const char	*o_name;
} odd[] = {
	{ ".", "." },
	{ "..", "." },
	{ ".example.org", ".example.org" },
	{ "a..example.org", "a..example.org" },
	{ "example.org..", "example.org." },
	{ "A b", "a b" },
	{ " a", " a" },
	{ "a/b", "a/b" },
	{ "a:443", "a:443" },
	{ "[::1]", "[::1]" },
	{ "*.example.org", "*.example.org" },
	{ "a@b", "a@b" },
	{ "a`b", "a`b" },
	{ "() { :;}; echo pwn", "() { :;}; echo pwn" },
	{ "a[b", "a[b" },
	{ "a\nb", "a\nb" },
	{ "a\177b", "a\177b" },
	{ "a\\b", "a\\b" },
	{ "b\303\274cher.example", "b\303\274cher.example" },
	{ "a\377", "a\377" },
};

ATF_TC_WITHOUT_HEAD(odd_names);
ATF_TC_BODY(odd_names, tc)
{
	size_t	 i;

	for (i = 0; i < NITEMS(odd); i++) {
		with_name(odd[i].o_sent, strlen(odd[i].o_sent));
		parse_is_odd(&hello, odd[i].o_name, odd[i].o_sent);
		parse_is_more(hello.b_data, hello.b_len - 1, odd[i].o_sent);
	}
}

static const struct {
	size_t		 b_len;
	const char	*b_sent;
	const char	*b_why;
} badnames[] = {
	{ S("\0"), "NUL in the server name" },
	{ S("a\0"), "NUL in the server name" },
	{ S("\0a"), "NUL in the server name" },
	{ S("www.example.org\0.evil.org"), "NUL in the server name" },
	{ S("127.0.0.1\0"), "NUL in the server name" },
};

ATF_TC_WITHOUT_HEAD(bad_names);
ATF_TC_BODY(bad_names, tc)
{
	size_t	 i;

	for (i = 0; i < NITEMS(badnames); i++) {
		with_name(badnames[i].b_sent, badnames[i].b_len);
		parse_is_bad(&hello, badnames[i].b_why, badnames[i].b_sent);
		parse_is_more(hello.b_data, hello.b_len - 1,
		    badnames[i].b_sent);
	}
}

/* No byte is legal that is not among those named. */
ATF_TC_WITHOUT_HEAD(characters);
ATF_TC_BODY(characters, tc)
{
	char	 sent[4] = "a?b", want[4] = "a?b";
	int	 c;

	for (c = 1; c < 256; c++) {
		sent[1] = want[1] = (char)c;
		if (c >= 'A' && c <= 'Z')
			want[1] = (char)(c + 32);
		with_name(sent, 3);
		if (memchr("-_.0123456789abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ", c, 65) != NULL)
			parse_is_done(&hello, want, sent);
		else
			parse_is_odd(&hello, sent, sent);
	}
}

ATF_TC_WITHOUT_HEAD(long_names);
ATF_TC_BODY(long_names, tc)
{
	static char	 buf[16000];
	size_t		 len;

	ATF_REQUIRE_EQ(253, strlen(long253));
	memset(buf, 'a', sizeof(buf));
	memcpy(buf, long253, 253);
	for (len = 250; len <= 260; len++) {
		with_name(buf, len);
		buf[len] = '\0';
		if (len <= 253)
			parse_is_done(&hello, buf, "long name");
		else if (len <= 255)
			parse_is_odd(&hello, buf, "long name");
		else
			parse_is_bad(&hello, LONG, "long name");
		memset(buf + 253, 'a', 16);
		memcpy(buf, long253, 253);
	}
	with_name(buf, sizeof(buf));
	parse_is_bad(&hello, LONG, "very long name");
	buf[253] = '.';
	with_name(buf, 254);
	parse_is_done(&hello, long253, "long name with a dot");
	buf[254] = '.';
	with_name(buf, 256);
	parse_is_bad(&hello, LONG, "long name with dots");
}

#define MALFORMED	"malformed server name extension"

static const struct {
	size_t		 b_len;
	const char	*b_data;
	const char	*b_why;
} badexts[] = {
	{ S(""), MALFORMED },
	{ S("\0"), MALFORMED },
	{ S("\0\0"), "empty list of server names" },
	{ S("\0\0\0"), MALFORMED },
	{ S("\0\4\0\0\1"), MALFORMED },
	{ S("\0\5\0\0\1a"), MALFORMED },
	{ S("\0\3\0\0\1a"), MALFORMED },
	{ S("\0\4\0\0\1a\0"), MALFORMED },
	{ S("\0\1\0"), "malformed server name" },
	{ S("\0\2\0\0"), "malformed server name" },
	{ S("\0\4\0\0\2a"), "malformed server name" },
	{ S("\0\4\0\377\377a"), "malformed server name" },
	{ S("\0\4\1\0\1a"), "server name of an unknown type" },
	{ S("\0\4\377\0\1a"), "server name of an unknown type" },
	{ S("\0\10\1\0\1a\0\0\1b"), "server name of an unknown type" },
	{ S("\0\5\0\0\1ab"), "more than one server name" },
	{ S("\0\10\0\0\1a\0\0\1a"), "more than one server name" },
	{ S("\0\10\0\0\1a\0\0\1b"), "more than one server name" },
	{ S("\0\10\0\0\1a\1\0\1b"), "more than one server name" },
	{ S("\0\10\0\0\1a\0\0\2b"), "more than one server name" },
	{ S("a.example.org"), MALFORMED },
};

ATF_TC_WITHOUT_HEAD(bad_extensions);
ATF_TC_BODY(bad_extensions, tc)
{
	char	 what[32];
	size_t	 i;

	for (i = 0; i < NITEMS(badexts); i++) {
		with_extension(badexts[i].b_data, badexts[i].b_len);
		snprintf(what, sizeof(what), "extension %zu", i);
		parse_is_bad(&hello, badexts[i].b_why, what);
	}
}

ATF_TC_WITHOUT_HEAD(second_extension);
ATF_TC_BODY(second_extension, tc)
{
	static const uint8_t	 a[] = { 0, 4, 0, 0, 1, 'a' };
	struct ext		 exts[3] = {
		{ 0, sizeof(a), a }, { 16, 3, "\0\1x" }, { 0, sizeof(a), a }
	};

	build_hello(&hello, exts, 2);
	parse_is_done(&hello, "a", "one");
	build_hello(&hello, exts + 1, 2);
	parse_is_done(&hello, "a", "one, behind another");
	build_hello(&hello, exts, 3);
	parse_is_bad(&hello, "second server name extension", "two");
	exts[1] = exts[0];
	build_hello(&hello, exts, 2);
	parse_is_bad(&hello, "second server name extension", "together");

	/* Also when the first one was only an address. */
	exts[0].e_len = 14;
	exts[0].e_data = "\0\14\0\0\011127.0.0.1";
	build_hello(&hello, exts, 1);
	parse_is_done(&hello, NULL, "address");
	build_hello(&hello, exts, 2);
	parse_is_bad(&hello, "second server name extension", "address");
}

/* Extensions of every type but one are stepped over. */
ATF_TC_WITHOUT_HEAD(unknown_extensions);
ATF_TC_BODY(unknown_extensions, tc)
{
	static const uint8_t	 a[] = { 0, 4, 0, 0, 1, 'a' };
	struct ext		 exts[3];
	unsigned int		 type;

	exts[1].e_type = 0;
	exts[1].e_len = sizeof(a);
	exts[1].e_data = a;
	for (type = 1; type < 65536; type += type < 300 ? 1 : 97) {
		exts[0].e_type = exts[2].e_type = type;
		exts[0].e_len = exts[2].e_len = type % 7;
		exts[0].e_data = exts[2].e_data = "\0\0\0\0\0\0";
		build_hello(&hello, exts, 3);
		parse_is_done(&hello, "a", "unknown type");
		build_hello(&hello, exts, 1);
		parse_is_done(&hello, NULL, "unknown type");
	}
	build_hello(&hello, NULL, 0);
	parse_is_done(&hello, NULL, "no extension");
}

/* Of the session's id, of the suites and so on; their place in build.c. */
#define AT_SESSION	(5 + 4 + 2 + 32)
#define AT_SUITES	(AT_SESSION + 1)
#define AT_COMPRESSION	(AT_SUITES + 2 + 4)
#define AT_EXTS		(AT_COMPRESSION + 2)
#define AT_EXT		(AT_EXTS + 2)

static const struct {
	size_t		 p_at;
	int		 p_byte;
	const char	*p_why;
} patches[] = {
	{ AT_SESSION, 33, "malformed session id" },
	{ AT_SESSION, 255, "malformed session id" },
	{ AT_SUITES + 1, 0, "malformed cipher suites" },
	{ AT_SUITES + 1, 3, "malformed cipher suites" },
	{ AT_SUITES, 1, "malformed cipher suites" },
	{ AT_SUITES, 255, "malformed cipher suites" },
	{ AT_COMPRESSION, 0, "malformed compression methods" },
	{ AT_COMPRESSION, 255, "malformed compression methods" },
	{ AT_EXTS + 1, 0, "something after the extensions" },
	{ AT_EXTS + 1, 9, "something after the extensions" },
	{ AT_EXTS + 1, 11, "malformed extensions" },
	{ AT_EXTS, 255, "malformed extensions" },
	{ AT_EXT + 3, 5, MALFORMED },
	{ AT_EXT + 3, 7, "malformed extension" },
	{ AT_EXT + 2, 255, "malformed extension" },
	{ 0, 20, "not a handshake record" },
	{ 0, 21, "not a handshake record" },
	{ 0, 23, "not a handshake record" },
	{ 0, 24, "not a handshake record" },
	{ 0, 19, HELLO_NOTTLS },
	{ 0, 25, HELLO_NOTTLS },
	{ 0, 0, HELLO_NOTTLS },
	{ 0, 0x80, HELLO_NOTTLS },
	{ 0, 'G', HELLO_NOTTLS },
	{ 1, 2, HELLO_NOTTLS },
	{ 1, 4, HELLO_NOTTLS },
	{ 5, 0, "not a ClientHello" },
	{ 5, 2, "not a ClientHello" },
	{ 5, 11, "not a ClientHello" },
	{ 6, 3, "ClientHello too large" },
	{ 8, 0, "something after the ClientHello in its record" },
};

ATF_TC_WITHOUT_HEAD(patched);
ATF_TC_BODY(patched, tc)
{
	uint8_t	 was;
	char	 what[32];
	size_t	 i;

	with_extension("\0\4\0\0\1a", 6);
	ATF_REQUIRE_EQ(AT_EXT + 4 + 6, hello.b_len);
	parse_is_done(&hello, "a", "as it was");
	for (i = 0; i < NITEMS(patches); i++) {
		was = hello.b_data[patches[i].p_at];
		hello.b_data[patches[i].p_at] = (uint8_t)patches[i].p_byte;
		snprintf(what, sizeof(what), "%d at %zu", patches[i].p_byte,
		    patches[i].p_at);
		parse_is_bad(&hello, patches[i].p_why, what);
		hello.b_data[patches[i].p_at] = was;
	}
}

/* Messages that end early, with headers that say so. */
ATF_TC_WITHOUT_HEAD(shortened);
ATF_TC_BODY(shortened, tc)
{
	static struct bytes	 whole;
	struct hello		 h;
	enum hello_result	 result;
	size_t			 body, len;

	with_extension("\0\4\0\0\1a", 6);
	whole = hello;
	body = whole.b_len - 9;
	for (len = 0; len < body; len++) {
		message.b_len = 0;
		bytes_number(&message, 1, 1);
		bytes_number(&message, len, 3);
		bytes_add(&message, whole.b_data + 9, len);
		build_records(&hello, &message, 16384);
		result = parse(hello.b_data, hello.b_len, &h);
		/* It can do without extensions, but not with half of them. */
		if (len == AT_EXTS - 9) {
			ATF_CHECK_EQ(HELLO_DONE, result);
			ATF_CHECK_EQ(0, h.he_sni);
		} else
			ATF_CHECK_EQ_MSG(HELLO_BAD, result, "%zu", len);
		if (len < AT_SESSION - 9)
			ATF_CHECK_STREQ("ClientHello too short", h.he_why);
		build_records(&hello, &message, 1);
		ATF_CHECK_EQ(result, parse(hello.b_data, hello.b_len, &h));
	}
}

static const struct {
	size_t		 t_len;
	const char	*t_sent;
	const char	*t_why;
} nottls[] = {
	{ S("GET / HTTP/1.1\r\n\r\n"), HELLO_NOTTLS },
	{ S("G"), HELLO_NOTTLS },
	{ S("SSH-2.0-OpenSSH\r\n"), HELLO_NOTTLS },
	{ S("\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10"), HELLO_NOTTLS },
	{ S("\x80"), HELLO_NOTTLS },
	{ S("\0"), HELLO_NOTTLS },
	{ S("\x16\xfe\xff"), HELLO_NOTTLS },
	{ S("\x16\x02"), HELLO_NOTTLS },
	{ S("\x15\x03\x01\0\2\1\0"), "not a handshake record" },
	{ S("\x15"), "not a handshake record" },
	{ S("\x14"), "not a handshake record" },
	{ S("\x16\x03\x01\0\0"), "empty record" },
	{ S("\x16\x03\x01\x40\x01"), "record too large" },
	{ S("\x16\x03\x01\xff\xff"), "record too large" },
	{ S("\x16\x03\x01\0\1\2"), "not a ClientHello" },
	{ S("\x16\x03\x01\0\4\1\3\0\0"), "ClientHello too large" },
	{ S("\x16\x03\x01\0\4\1\2\1\x45"), "ClientHello too large" },
	{ S("\x16\x03\x01\0\1\1\x17"), "not a handshake record" },
	{ S("\x16\x03\x01\0\1\1\x15\x03\x01\0\2\1\0"),
	    "not a handshake record" },
	{ S("\x16\x03\x01\0\1\1\0"), "not a handshake record" },
	{ S("\x16\x03\x01\0\1\1\x16\x02"), "record of an unknown version" },
	{ S("\x16\x03\x01\0\1\1\x16\x03\x01\0\0"), "empty record" },
	{ S("\x16\x03\x01\0\1\1\x16\x03\x01\x40\1"), "record too large" },
};

/* With the last byte it is bad, before it is not, and it stays bad. */
ATF_TC_WITHOUT_HEAD(no_hello);
ATF_TC_BODY(no_hello, tc)
{
	struct hello	 h;
	size_t		 i, len;

	for (i = 0; i < NITEMS(nottls); i++) {
		hello.b_len = 0;
		bytes_add(&hello, nottls[i].t_sent, nottls[i].t_len);
		parse_is_bad(&hello, nottls[i].t_why, nottls[i].t_sent);
		for (len = 0; len < nottls[i].t_len &&
		    parse(hello.b_data, len, &h) == HELLO_MORE; len++)
			;
		for (; len < nottls[i].t_len; len++) {
			ATF_CHECK_EQ(HELLO_BAD, parse(hello.b_data, len, &h));
			ATF_CHECK_STREQ(nottls[i].t_why, h.he_why);
		}
		bytes_number(&hello, 0x16030100, 4);
		parse_is_bad(&hello, nottls[i].t_why, nottls[i].t_sent);
	}
	parse_is_more(hello.b_data, 0, "nothing");
}

/* A hello with this many bytes of body. */
static void
sized(size_t body)
{
	static uint8_t	 zeros[65535];
	struct ext	 exts[4] = {
		{ 21, 0, zeros }, { 22, 0, zeros }, { 23, 0, zeros },
		{ 0, 0, NULL }
	};
	size_t		 i, left;

	name.b_len = 0;
	build_name(&name, "a", 1);
	exts[3].e_data = name.b_data;
	exts[3].e_len = name.b_len;
	build_message(&message, exts, 4);
	left = body - (message.b_len - 4);
	for (i = 0; i < 3; i++) {
		exts[i].e_len = left < 20000 ? left : 20000;
		left -= exts[i].e_len;
	}
	build_message(&message, exts, 4);
	ATF_REQUIRE_EQ(body, message.b_len - 4);
}

#define SIZE	60000	/* extensions have no more room */

ATF_TC_WITHOUT_HEAD(largest);
ATF_TC_BODY(largest, tc)
{
	static const size_t	 records[] = { 16384, 16383, 6000, 250, 4, 1 };
	struct hello		 h;
	size_t			 i;

	for (i = 0; i < NITEMS(records); i++) {
		sized(SIZE);
		build_records(&hello, &message, records[i]);
		parse_is_more(hello.b_data, hello.b_len - 1, "large");
		parse_is_done(&hello, "a", "large");
		bytes_number(&hello, 0, 1);
		parse_is_done(&hello, "a", "large, and a byte");
	}

	/* Something has to follow, for the library as well. */
	sized(SIZE);
	while (message.b_len < HELLO_HEAD + HELLO_BODY)
		bytes_number(&message, 0, 1);
	message.b_data[1] = HELLO_BODY >> 16;
	message.b_data[2] = HELLO_BODY >> 8 & 0xff;
	message.b_data[3] = HELLO_BODY & 0xff;
	build_records(&hello, &message, 1);
	ATF_REQUIRE_EQ(HELLO_MAX, hello.b_len);
	parse_is_more(hello.b_data, HELLO_MAX - 1, "largest");
	parse_is_bad(&hello, "something after the extensions", "largest");

	/* Larger: as soon as it says so. */
	message.b_data[3]++;
	build_records(&hello, &message, 16384);
	parse_is_bad(&hello, "ClientHello too large", "one byte more");
	ATF_CHECK_EQ(HELLO_MORE, parse(hello.b_data, 8, &h));
	ATF_CHECK_EQ(HELLO_BAD, parse(hello.b_data, 9, &h));
}

static double
seconds(void)
{
	struct timespec	 ts;

	ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

/* The dearest way to send what is allowed: a byte a record, one at a time. */
ATF_TC_WITHOUT_HEAD(time_drip);
ATF_TC_BODY(time_drip, tc)
{
	static const size_t	 sizes[] = { 1, 16384 };
	struct hello		 h;
	double			 took;
	size_t			 i, len;

	for (i = 0; i < NITEMS(sizes); i++) {
		sized(SIZE);
		build_records(&hello, &message, sizes[i]);
		memset(&h, 0, sizeof(h));
		took = seconds();
		for (len = 0; len < hello.b_len; len++)
			ATF_REQUIRE_EQ(HELLO_MORE, hello_parse(hello.b_data,
			    len, &h));
		ATF_REQUIRE_EQ(HELLO_DONE, hello_parse(hello.b_data, len,
		    &h));
		took = seconds() - took;
		ATF_CHECK_MSG(took < 4, "%zu bytes by records of %zu: %.3f s",
		    hello.b_len, sizes[i], took);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, odd_names);
	ATF_TP_ADD_TC(tp, bad_names);
	ATF_TP_ADD_TC(tp, characters);
	ATF_TP_ADD_TC(tp, long_names);
	ATF_TP_ADD_TC(tp, bad_extensions);
	ATF_TP_ADD_TC(tp, second_extension);
	ATF_TP_ADD_TC(tp, unknown_extensions);
	ATF_TP_ADD_TC(tp, patched);
	ATF_TP_ADD_TC(tp, shortened);
	ATF_TP_ADD_TC(tp, no_hello);
	ATF_TP_ADD_TC(tp, largest);
	ATF_TP_ADD_TC(tp, time_drip);
	return (atf_no_error());
}
