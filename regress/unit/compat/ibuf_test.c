/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "proc.h"

ATF_TC(wire);
ATF_TC_HEAD(wire, tc)
{
	atf_tc_set_md_var(tc, "descr", "n integers are big-endian, h integers "
	    "in host order, strings padded with zeros");
}
ATF_TC_BODY(wire, tc)
{
	static const unsigned char	 want[] = { 0x01, 0x02, 0x03, 0x04,
	    0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
	    'a', 'b', 0, 0, 0, 0, 0 };
	struct ibuf			*buf;
	uint64_t			 h64 = 0x1122334455667788ULL;
	uint32_t			 h32 = 0x99aabbcc;
	uint16_t			 h16 = 0xddee;
	unsigned char			*p;

	ATF_REQUIRE((buf = ibuf_dynamic(1, 64)) != NULL);
	ATF_REQUIRE_EQ(ibuf_add_n8(buf, 0x01), 0);
	ATF_REQUIRE_EQ(ibuf_add_n16(buf, 0x0203), 0);
	ATF_REQUIRE_EQ(ibuf_add_n32(buf, 0x04050607), 0);
	ATF_REQUIRE_EQ(ibuf_add_n64(buf, 0x08090a0b0c0d0e0fULL), 0);
	ATF_REQUIRE_EQ(ibuf_add_strbuf(buf, "ab", 5), 0);
	ATF_REQUIRE_EQ(ibuf_add_zero(buf, 2), 0);
	ATF_REQUIRE_EQ(ibuf_size(buf), sizeof(want));
	ATF_REQUIRE_EQ(memcmp(ibuf_data(buf), want, sizeof(want)), 0);
	ATF_REQUIRE_EQ(ibuf_add_h16(buf, h16), 0);
	ATF_REQUIRE_EQ(ibuf_add_h32(buf, h32), 0);
	ATF_REQUIRE_EQ(ibuf_add_h64(buf, h64), 0);
	p = ibuf_data(buf);
	ATF_REQUIRE_EQ(memcmp(p + sizeof(want), &h16, 2), 0);
	ATF_REQUIRE_EQ(memcmp(p + sizeof(want) + 2, &h32, 4), 0);
	ATF_REQUIRE_EQ(memcmp(p + sizeof(want) + 6, &h64, 8), 0);
	ibuf_free(buf);
}

ATF_TC(back);
ATF_TC_HEAD(back, tc)
{
	atf_tc_set_md_var(tc, "descr", "every get returns what its add put "
	    "in, and after the last nothing is left");
}
ATF_TC_BODY(back, tc)
{
	struct ibuf	*buf, part;
	uint64_t	 v64;
	uint32_t	 v32;
	uint16_t	 v16;
	uint8_t		 v8;
	char		 str[8], *s;

	ATF_REQUIRE((buf = ibuf_dynamic(0, 128)) != NULL);
	ATF_REQUIRE_EQ(ibuf_add_n8(buf, UINT8_MAX), 0);
	ATF_REQUIRE_EQ(ibuf_add_n16(buf, UINT16_MAX - 1), 0);
	ATF_REQUIRE_EQ(ibuf_add_n32(buf, UINT32_MAX - 2), 0);
	ATF_REQUIRE_EQ(ibuf_add_n64(buf, UINT64_MAX - 3), 0);
	ATF_REQUIRE_EQ(ibuf_add_h16(buf, 4), 0);
	ATF_REQUIRE_EQ(ibuf_add_h32(buf, 5), 0);
	ATF_REQUIRE_EQ(ibuf_add_h64(buf, 6), 0);
	ATF_REQUIRE_EQ(ibuf_add_strbuf(buf, "seven", sizeof(str)), 0);
	ATF_REQUIRE_EQ(ibuf_add(buf, "eight", 5), 0);
	ATF_REQUIRE_EQ(ibuf_add(buf, "skipped", 7), 0);
	ATF_REQUIRE_EQ(ibuf_add(buf, "part", 4), 0);

	ATF_REQUIRE_EQ(ibuf_get_n8(buf, &v8), 0);
	ATF_REQUIRE_EQ(v8, UINT8_MAX);
	ATF_REQUIRE_EQ(ibuf_get_n16(buf, &v16), 0);
	ATF_REQUIRE_EQ(v16, UINT16_MAX - 1);
	ATF_REQUIRE_EQ(ibuf_get_n32(buf, &v32), 0);
	ATF_REQUIRE_EQ(v32, UINT32_MAX - 2);
	ATF_REQUIRE_EQ(ibuf_get_n64(buf, &v64), 0);
	ATF_REQUIRE_EQ(v64, UINT64_MAX - 3);
	ATF_REQUIRE_EQ(ibuf_get_h16(buf, &v16), 0);
	ATF_REQUIRE_EQ(v16, 4);
	ATF_REQUIRE_EQ(ibuf_get_h32(buf, &v32), 0);
	ATF_REQUIRE_EQ(v32, 5);
	ATF_REQUIRE_EQ(ibuf_get_h64(buf, &v64), 0);
	ATF_REQUIRE_EQ(v64, 6);
	ATF_REQUIRE_EQ(ibuf_get_strbuf(buf, str, sizeof(str)), 0);
	ATF_REQUIRE_STREQ(str, "seven");
	ATF_REQUIRE((s = ibuf_get_string(buf, 5)) != NULL);
	ATF_REQUIRE_STREQ(s, "eight");
	free(s);
	ATF_REQUIRE_EQ(ibuf_skip(buf, 7), 0);
	ATF_REQUIRE_EQ(ibuf_get_ibuf(buf, 4, &part), 0);
	ATF_REQUIRE_EQ(ibuf_size(buf), 0);
	ATF_REQUIRE_EQ(ibuf_size(&part), 4);
	ATF_REQUIRE_EQ(memcmp(ibuf_data(&part), "part", 4), 0);
	ATF_REQUIRE_EQ(ibuf_get_n8(buf, &v8), -1);
	ibuf_free(buf);
}

ATF_TC(past_end);
ATF_TC_HEAD(past_end, tc)
{
	atf_tc_set_md_var(tc, "descr", "a get that wants more than is left "
	    "fails with EBADMSG and consumes nothing");
}
ATF_TC_BODY(past_end, tc)
{
	struct ibuf	 buf, part;
	uint64_t	 v64;
	uint32_t	 v32;
	uint16_t	 v16;
	uint8_t		 v8;
	char		 data[] = "abc", str[4];

	ibuf_from_buffer(&buf, data, 1);
	ATF_REQUIRE_EQ(ibuf_get_n16(&buf, &v16), -1);
	ATF_REQUIRE_EQ(errno, EBADMSG);
	ATF_REQUIRE_EQ(ibuf_get_h16(&buf, &v16), -1);
	ibuf_from_buffer(&buf, data, 3);
	errno = 0;
	ATF_REQUIRE_EQ(ibuf_get_n32(&buf, &v32), -1);
	ATF_REQUIRE_EQ(errno, EBADMSG);
	ATF_REQUIRE_EQ(ibuf_get_h32(&buf, &v32), -1);
	ATF_REQUIRE_EQ(ibuf_get_n64(&buf, &v64), -1);
	ATF_REQUIRE_EQ(ibuf_get_h64(&buf, &v64), -1);
	ATF_REQUIRE_EQ(ibuf_get(&buf, str, 4), -1);
	ATF_REQUIRE_EQ(ibuf_skip(&buf, 4), -1);
	ATF_REQUIRE_EQ(ibuf_get_ibuf(&buf, 4, &part), -1);
	ATF_REQUIRE(ibuf_get_string(&buf, 4) == NULL);
	ATF_REQUIRE_EQ(ibuf_get_strbuf(&buf, str, 4), -1);
	ATF_REQUIRE_EQ(errno, EBADMSG);
	ATF_REQUIRE_EQ(ibuf_skip(&buf, SIZE_MAX), -1);
	ATF_REQUIRE_EQ(ibuf_size(&buf), 3);
	ATF_REQUIRE_EQ(ibuf_skip(&buf, 3), 0);
	ATF_REQUIRE_EQ(ibuf_get_n8(&buf, &v8), -1);
	ATF_REQUIRE_EQ(errno, EBADMSG);
}

ATF_TC(limits);
ATF_TC_HEAD(limits, tc)
{
	atf_tc_set_md_var(tc, "descr", "a buffer takes its greatest size and "
	    "not a byte more (ERANGE); values that do not fit and strings "
	    "that are too long are refused");
}
ATF_TC_BODY(limits, tc)
{
	struct ibuf	*buf, ro;
	char		 data[9] = "";

	ATF_REQUIRE((buf = ibuf_dynamic(2, 8)) != NULL);
	ATF_REQUIRE_EQ(ibuf_left(buf), 8);
	ATF_REQUIRE_EQ(ibuf_add(buf, data, 9), -1);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ATF_REQUIRE_EQ(ibuf_size(buf), 0);
	ATF_REQUIRE_EQ(ibuf_add(buf, data, 8), 0);
	ATF_REQUIRE_EQ(ibuf_left(buf), 0);
	ATF_REQUIRE_EQ(ibuf_add_n8(buf, 0), -1);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ATF_REQUIRE(ibuf_reserve(buf, SIZE_MAX) == NULL);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ibuf_free(buf);

	ATF_REQUIRE((buf = ibuf_open(8)) != NULL);
	ATF_REQUIRE_EQ(ibuf_add_n8(buf, 0x100), -1);
	ATF_REQUIRE_EQ(errno, EINVAL);
	ATF_REQUIRE_EQ(ibuf_add_n16(buf, 0x10000), -1);
	ATF_REQUIRE_EQ(ibuf_add_n32(buf, 0x100000000ULL), -1);
	ATF_REQUIRE_EQ(ibuf_add_h16(buf, 0x10000), -1);
	errno = 0;
	ATF_REQUIRE_EQ(ibuf_add_h32(buf, 0x100000000ULL), -1);
	ATF_REQUIRE_EQ(errno, EINVAL);
	ATF_REQUIRE_EQ(ibuf_add_strbuf(buf, "four", 4), -1);
	ATF_REQUIRE_EQ(errno, EOVERFLOW);
	/* OpenBSD leaves there what it has copied until then. */
	if (!proc_base_imsg) {
		ATF_REQUIRE_EQ(ibuf_size(buf), 0);
		ATF_REQUIRE_EQ(ibuf_add_strbuf(buf, "four", 5), 0);
	}
	ibuf_free(buf);

	ATF_REQUIRE(ibuf_dynamic(9, 8) == NULL);
	ATF_REQUIRE_EQ(errno, EINVAL);
	ATF_REQUIRE(ibuf_dynamic(0, 0) == NULL);

	ibuf_from_buffer(&ro, data, sizeof(data));
	ATF_REQUIRE_EQ(ibuf_add(&ro, "x", 1), -1);
}

ATF_TC(unterminated);
ATF_TC_HEAD(unterminated, tc)
{
	atf_tc_set_md_var(tc, "descr", "a string field without NUL fails with "
	    "EOVERFLOW and still leaves a string");
}
ATF_TC_BODY(unterminated, tc)
{
	struct ibuf	 buf;
	char		 data[4] = { 'a', 'b', 'c', 'd' }, str[4];

	ibuf_from_buffer(&buf, data, sizeof(data));
	ATF_REQUIRE_EQ(ibuf_get_strbuf(&buf, str, sizeof(str)), -1);
	ATF_REQUIRE_EQ(errno, EOVERFLOW);
	ATF_REQUIRE_STREQ(str, "abc");
}

ATF_TC(inside);
ATF_TC_HEAD(inside, tc)
{
	atf_tc_set_md_var(tc, "descr", "seek, set and truncate stay inside "
	    "what was added");
}
ATF_TC_BODY(inside, tc)
{
	struct ibuf	*buf;

	ATF_REQUIRE((buf = ibuf_open(8)) != NULL);
	ATF_REQUIRE_EQ(ibuf_add(buf, "abcdef", 6), 0);
	ATF_REQUIRE_EQ(ibuf_set(buf, 4, "XY", 2), 0);
	ATF_REQUIRE_EQ(memcmp(ibuf_data(buf), "abcdXY", 6), 0);
	ATF_REQUIRE_EQ(ibuf_set(buf, 5, "ZZ", 2), -1);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ATF_REQUIRE(ibuf_seek(buf, SIZE_MAX, 2) == NULL);
	ATF_REQUIRE(ibuf_seek(buf, 0, 7) == NULL);
	ATF_REQUIRE_EQ(ibuf_truncate(buf, 2), 0);
	ATF_REQUIRE_EQ(ibuf_size(buf), 2);
	ATF_REQUIRE_EQ(ibuf_truncate(buf, 4), 0);
	ATF_REQUIRE_EQ(memcmp(ibuf_data(buf), "ab\0\0", 4), 0);
	ATF_REQUIRE_EQ(ibuf_truncate(buf, 9), -1);
	ATF_REQUIRE_EQ(ibuf_skip(buf, 1), 0);
	ibuf_rewind(buf);
	ATF_REQUIRE_EQ(ibuf_size(buf), 4);
	ibuf_free(buf);
}

ATF_TC(descriptor);
ATF_TC_HEAD(descriptor, tc)
{
	atf_tc_set_md_var(tc, "descr", "a buffer closes the descriptor it "
	    "holds, and not one that was taken from it");
}
ATF_TC_BODY(descriptor, tc)
{
	struct ibuf	*buf;
	int		 before, fd;

	before = fds_count();
	ATF_REQUIRE((buf = ibuf_open(1)) != NULL);
	ATF_REQUIRE(!ibuf_fd_avail(buf));
	ATF_REQUIRE_EQ(ibuf_fd_get(buf), -1);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	ibuf_fd_set(buf, fd);
	ATF_REQUIRE(ibuf_fd_avail(buf));
	ibuf_free(buf);
	ATF_REQUIRE_EQ(fds_count(), before);

	ATF_REQUIRE((buf = ibuf_open(1)) != NULL);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	ibuf_fd_set(buf, fd);
	ATF_REQUIRE_EQ(ibuf_fd_get(buf), fd);
	ATF_REQUIRE(!ibuf_fd_avail(buf));
	ibuf_free(buf);
	ATF_REQUIRE_EQ(fds_count(), before + 1);
	close(fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, wire);
	ATF_TP_ADD_TC(tp, back);
	ATF_TP_ADD_TC(tp, past_end);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, unterminated);
	ATF_TP_ADD_TC(tp, inside);
	ATF_TP_ADD_TC(tp, descriptor);
	return (atf_no_error());
}
