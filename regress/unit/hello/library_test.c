/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Hellos of the TLS library at hand, whole and in every sort of pieces. */

#include <sys/types.h>

#include <atf-c.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "library.h"
#include "parse.h"

static struct bytes	 hello, message, records;

static const char *
lower(const char *name)
{
	static char	 buf[256];
	size_t		 i;

	if (name == NULL)
		return (NULL);
	for (i = 0; name[i] != '\0'; i++)
		buf[i] = (char)tolower((unsigned char)name[i]);
	buf[i] = '\0';
	return (buf);
}

/* What the library put into one record, without the record's header. */
static void
strip(void)
{
	ATF_REQUIRE_EQ(hello.b_len - 5, (size_t)hello.b_data[3] << 8 |
	    hello.b_data[4]);
	message.b_len = 0;
	bytes_add(&message, hello.b_data + 5, hello.b_len - 5);
}

ATF_TC_WITHOUT_HEAD(whole);
ATF_TC_BODY(whole, tc)
{
	const struct library_kind	*k;

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		parse_is_done(&hello, lower(k->k_name), k->k_what);
	}
}

ATF_TC_WITHOUT_HEAD(byte_by_byte);
ATF_TC_BODY(byte_by_byte, tc)
{
	const struct library_kind	*k;

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		parse_drip(&hello, lower(k->k_name), k->k_what);
	}
}

/* What follows in a record of its own is none of the parser's business. */
ATF_TC_WITHOUT_HEAD(followed);
ATF_TC_BODY(followed, tc)
{
	const struct library_kind	*k;

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		bytes_number(&hello, 0x140303, 3);
		bytes_number(&hello, 0x000101, 3);
		parse_is_done(&hello, lower(k->k_name), k->k_what);
		hello.b_data[hello.b_len - 6] = 0xff;
		parse_is_done(&hello, lower(k->k_name), k->k_what);
	}
}

ATF_TC_WITHOUT_HEAD(small_records);
ATF_TC_BODY(small_records, tc)
{
	static const size_t		 sizes[] = { 1, 2, 3, 4, 5, 7, 64 };
	const struct library_kind	*k;
	size_t				 i;

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		strip();
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			build_records(&records, &message, sizes[i]);
			if (records.b_len < 4096)
				parse_drip(&records, lower(k->k_name),
				    k->k_what);
			else
				parse_is_done(&records, lower(k->k_name),
				    k->k_what);
		}
	}
}

/* In two records, cut in every place. */
ATF_TC_WITHOUT_HEAD(two_records);
ATF_TC_BODY(two_records, tc)
{
	const struct library_kind	*k;
	size_t				 cut, len;

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		strip();
		for (cut = 1; cut < message.b_len; cut++) {
			records.b_len = 0;
			bytes_number(&records, 0x160301, 3);
			bytes_number(&records, cut, 2);
			bytes_add(&records, message.b_data, cut);
			len = records.b_len;
			parse_is_more(records.b_data, len, k->k_what);
			bytes_number(&records, 0x160303, 3);
			bytes_number(&records, message.b_len - cut, 2);
			parse_is_more(records.b_data, len + 5, k->k_what);
			bytes_add(&records, message.b_data + cut,
			    message.b_len - cut);
			parse_is_more(records.b_data, records.b_len - 1,
			    k->k_what);
			parse_is_done(&records, lower(k->k_name), k->k_what);
		}
	}
}

/* Each of the extensions first, last, and all of them backwards. */
ATF_TC_WITHOUT_HEAD(reordered);
ATF_TC_BODY(reordered, tc)
{
	static const struct ext		 grease[] = {
		{ 0x0a0a, 0, "" }, { 0xfafa, 1, "" }
	};
	const struct library_kind	*k;
	struct ext			 exts[BUILD_EXTS], turned[BUILD_EXTS];
	size_t				 i, j, n;

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		n = build_split(&hello, exts);
		ATF_REQUIRE(n > 2 && n < BUILD_EXTS - 2);
		for (i = 0; i < n; i++) {
			turned[0] = grease[0];
			for (j = 0; j < n; j++)
				turned[j + 1] = exts[(i + j) % n];
			turned[n + 1] = grease[1];
			build_hello(&records, turned, n + 2);
			parse_is_done(&records, lower(k->k_name), k->k_what);
			build_hello(&records, turned + 1, n);
			parse_is_done(&records, lower(k->k_name), k->k_what);
		}
		for (i = 0; i < n; i++)
			turned[i] = exts[n - 1 - i];
		build_hello(&records, turned, n);
		parse_drip(&records, lower(k->k_name), k->k_what);
	}
}

/* The name is seen by both, or by the library not as another one. */
ATF_TC_WITHOUT_HEAD(same_name);
ATF_TC_BODY(same_name, tc)
{
	const struct library_kind	*k;
	char				 name[256];

	for (k = library_kinds; k < library_kinds + LIBRARY_KINDS; k++) {
		library_hello(k, &hello);
		ATF_CHECK_EQ_MSG(1, library_name(&hello, name), "%s",
		    k->k_what);
		ATF_CHECK_STREQ_MSG(k->k_name == NULL ? "" : k->k_name, name,
		    "%s", k->k_what);
	}
}

/*
 * A hello in the manner of SSL 2, which some TLS libraries still take: it
 * can hold no name, so it is harmless to leave it to them.
 */
ATF_TC_WITHOUT_HEAD(sslv2);
ATF_TC_BODY(sslv2, tc)
{
	static const uint8_t	 head[] = {
		0x80, 9 + 6 + 16, 1, 3, 3, 0, 6, 0, 0, 0, 16,
		0, 0xc0, 0x2f, 0, 0, 0xff
	};
	char			 name[256];

	hello.b_len = 0;
	bytes_add(&hello, head, sizeof(head));
	bytes_add(&hello, "0123456789abcdef", 16);
	parse_is_bad(&hello, HELLO_NOTTLS, "SSL 2");
	(void)library_name(&hello, name);
	ATF_CHECK_STREQ("", name);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, whole);
	ATF_TP_ADD_TC(tp, byte_by_byte);
	ATF_TP_ADD_TC(tp, followed);
	ATF_TP_ADD_TC(tp, small_records);
	ATF_TP_ADD_TC(tp, two_records);
	ATF_TP_ADD_TC(tp, reordered);
	ATF_TP_ADD_TC(tp, same_name);
	ATF_TP_ADD_TC(tp, sslv2);
	return (atf_no_error());
}
