/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* A sender that keeps to no rules, against imsgbuf_read(). */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

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

#define MARK	0x80000000U
#define MANY	8

static void	 start(struct imsgbuf *, int [2]);
static void	 finish(struct imsgbuf *, int [2]);
static size_t	 message(char *, uint32_t, uint32_t, const char *);
static void	 send_fds(int, const void *, size_t, int);

static void
start(struct imsgbuf *imsgbuf, int sv[2])
{
	fds_pair(sv);
	ATF_REQUIRE_EQ(imsgbuf_init(imsgbuf, sv[1]), 0);
	imsgbuf_allow_fdpass(imsgbuf);
}

static void
finish(struct imsgbuf *imsgbuf, int sv[2])
{
	imsgbuf_clear(imsgbuf);
	close(sv[0]);
	close(sv[1]);
}

/* Header and payload as they are on the wire; returns the length. */
static size_t
message(char *data, uint32_t type, uint32_t mark, const char *payload)
{
	uint32_t	 hdr[4];
	size_t		 len = strlen(payload);

	hdr[0] = type;
	hdr[1] = (uint32_t)(sizeof(hdr) + len) | mark;
	hdr[2] = hdr[3] = 0;
	memcpy(data, hdr, sizeof(hdr));
	memcpy(data + sizeof(hdr), payload, len);
	return (sizeof(hdr) + len);
}

/* The data with this many copies of one descriptor, which is then closed. */
static void
send_fds(int s, const void *data, size_t len, int count)
{
	union {
		struct cmsghdr	 hdr;
		char		 data[CMSG_SPACE(MANY * sizeof(int))];
	} control;
	struct cmsghdr	*cmsg;
	struct msghdr	 msg;
	struct iovec	 iov;
	char		 copy[256];
	int		 fd, i;

	ATF_REQUIRE(len <= sizeof(copy) && count <= MANY);
	memcpy(copy, data, len);
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = copy;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	if (count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		for (i = 0; i < count; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd,
			    sizeof(fd));
	}
	ATF_REQUIRE_EQ(sendmsg(s, &msg, 0), (ssize_t)len);
	close(fd);
}

ATF_TC(byte_by_byte);
ATF_TC_HEAD(byte_by_byte, tc)
{
	atf_tc_set_md_var(tc, "descr", "messages that come a byte at a time "
	    "are whole only with their last byte, and their descriptors stay "
	    "with them");
}
ATF_TC_BODY(byte_by_byte, tc)
{
	struct imsgbuf	 imsgbuf;
	struct imsg	 imsg;
	char		 data[64], back[8];
	size_t		 i, len;
	int		 before, fd, round, sv[2];

	if (proc_base_imsg)
		atf_tc_skip("OpenBSD's imsg drops a descriptor that comes "
		    "before its header is whole");
	before = fds_count();
	start(&imsgbuf, sv);
	for (round = 0; round < 4; round++) {
		len = message(data, 7, round % 2 == 0 ? MARK : 0, "payload");
		for (i = 0; i < len; i++) {
			ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 0);
			send_fds(sv[0], data + i, 1, round % 2 == 0 && i == 0);
			ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
		}
		ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
		ATF_REQUIRE_EQ(imsg_get_type(&imsg), 7);
		ATF_REQUIRE_EQ(imsg_get_data(&imsg, back, 7), 0);
		ATF_REQUIRE_EQ(memcmp(back, "payload", 7), 0);
		fd = imsg_get_fd(&imsg);
		ATF_REQUIRE_EQ(fd != -1, round % 2 == 0);
		if (fd != -1)
			close(fd);
		imsg_free(&imsg);
	}
	finish(&imsgbuf, sv);
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(bad_length);
ATF_TC_HEAD(bad_length, tc)
{
	atf_tc_set_md_var(tc, "descr", "a length below the header's or above "
	    "the limit is ERANGE as soon as the header is there, with mark or "
	    "without; what came before it can still be read");
}
ATF_TC_BODY(bad_length, tc)
{
	static const uint32_t	 lengths[] = { 0, 1, 15, MAX_IMSGSIZE + 1,
	    0x7fffffffU, MARK, MARK | 15, MARK | (MAX_IMSGSIZE + 1),
	    UINT32_MAX };
	struct imsgbuf		 imsgbuf;
	struct imsg		 imsg;
	uint32_t		 hdr[4];
	char			 data[64];
	size_t			 i, len;
	int			 before, sv[2];

	before = fds_count();
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		start(&imsgbuf, sv);
		len = message(data, 3, 0, "good");
		hdr[0] = 4;
		hdr[1] = lengths[i];
		hdr[2] = hdr[3] = 0;
		memcpy(data + len, hdr, sizeof(hdr));
		send_fds(sv[0], data, len + sizeof(hdr), (int)(i % 2));
		errno = 0;
		ATF_REQUIRE_EQ_MSG(imsgbuf_read(&imsgbuf), -1, "length %#x",
		    lengths[i]);
		ATF_REQUIRE_EQ(errno, ERANGE);
		ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
		ATF_REQUIRE_EQ(imsg_get_type(&imsg), 3);
		imsg_free(&imsg);
		ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 0);
		finish(&imsgbuf, sv);
	}
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(mark_alone);
ATF_TC_HEAD(mark_alone, tc)
{
	atf_tc_set_md_var(tc, "descr", "a marked message without a descriptor "
	    "is delivered without one, and does not take the next one's");
}
ATF_TC_BODY(mark_alone, tc)
{
	struct imsgbuf	 imsgbuf;
	struct imsg	 imsg;
	char		 data[64];
	size_t		 len;
	int		 fd, sv[2];

	start(&imsgbuf, sv);
	len = message(data, 1, MARK, "");
	send_fds(sv[0], data, len, 0);
	ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
	len = message(data, 2, MARK, "");
	send_fds(sv[0], data, len, 1);
	ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
	ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
	ATF_REQUIRE_EQ(imsg_get_type(&imsg), 1);
	ATF_REQUIRE_EQ(imsg_get_fd(&imsg), -1);
	imsg_free(&imsg);
	ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
	ATF_REQUIRE((fd = imsg_get_fd(&imsg)) != -1);
	close(fd);
	imsg_free(&imsg);
	finish(&imsgbuf, sv);
}

ATF_TC(no_mark);
ATF_TC_HEAD(no_mark, tc)
{
	atf_tc_set_md_var(tc, "descr", "descriptors of messages that do not "
	    "announce one are closed at once, however many are sent");
}
ATF_TC_BODY(no_mark, tc)
{
	struct imsgbuf	 imsgbuf;
	struct imsg	 imsg;
	char		 data[64];
	size_t		 len;
	int		 before, i, sv[2];

	start(&imsgbuf, sv);
	before = fds_count();
	for (i = 0; i < 1000; i++) {
		len = message(data, 1, 0, "none");
		send_fds(sv[0], data, len, 1 + i % MANY);
		ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
		ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
		ATF_REQUIRE_EQ(imsg_get_fd(&imsg), -1);
		imsg_free(&imsg);
		ATF_REQUIRE_EQ(fds_count(), before);
	}
	finish(&imsgbuf, sv);
}

ATF_TC(several);
ATF_TC_HEAD(several, tc)
{
	atf_tc_set_md_var(tc, "descr", "of several descriptors in one message "
	    "at most the first is kept, also when the kernel had to cut the "
	    "list short");
}
ATF_TC_BODY(several, tc)
{
	struct imsgbuf	 imsgbuf;
	struct imsg	 imsg;
	char		 data[64];
	size_t		 len;
	int		 before, count, fd, sv[2];

	start(&imsgbuf, sv);
	before = fds_count();
	for (count = 2; count <= MANY; count++) {
		len = message(data, 1, MARK, "several");
		send_fds(sv[0], data, len, count);
		ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
		ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
		ATF_REQUIRE(fds_count() <= before + 1);
		if ((fd = imsg_get_fd(&imsg)) != -1)
			close(fd);
		imsg_free(&imsg);
		ATF_REQUIRE_EQ(fds_count(), before);
	}
	finish(&imsgbuf, sv);
}

ATF_TC(drip);
ATF_TC_HEAD(drip, tc)
{
	atf_tc_set_md_var(tc, "descr", "a descriptor with every byte of a "
	    "message leaves at most one open");
}
ATF_TC_BODY(drip, tc)
{
	struct imsgbuf	 imsgbuf;
	struct imsg	 imsg;
	char		 data[64];
	size_t		 i, len;
	int		 before, sv[2];

	start(&imsgbuf, sv);
	before = fds_count();
	len = message(data, 1, MARK, "payload");
	for (i = 0; i < len; i++) {
		send_fds(sv[0], data + i, 1, 1);
		ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
		ATF_REQUIRE(fds_count() <= before + 1);
	}
	ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 1);
	imsg_free(&imsg);
	ATF_REQUIRE_EQ(fds_count(), before);
	finish(&imsgbuf, sv);
}

ATF_TC(cut_off);
ATF_TC_HEAD(cut_off, tc)
{
	atf_tc_set_md_var(tc, "descr", "a sender that leaves in the middle of "
	    "a message: read returns 0, no message, nothing leaks");
}
ATF_TC_BODY(cut_off, tc)
{
	struct imsgbuf	 imsgbuf;
	struct imsg	 imsg;
	char		 data[64];
	size_t		 cut, len;
	int		 before, sv[2];

	before = fds_count();
	len = message(data, 1, MARK, "payload");
	for (cut = 1; cut < len; cut++) {
		start(&imsgbuf, sv);
		send_fds(sv[0], data, cut, 1);
		ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 1);
		shutdown(sv[0], SHUT_WR);
		ATF_REQUIRE_EQ(imsgbuf_read(&imsgbuf), 0);
		ATF_REQUIRE_EQ(imsgbuf_get(&imsgbuf, &imsg), 0);
		finish(&imsgbuf, sv);
		ATF_REQUIRE_EQ(fds_count(), before);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, byte_by_byte);
	ATF_TP_ADD_TC(tp, bad_length);
	ATF_TP_ADD_TC(tp, mark_alone);
	ATF_TP_ADD_TC(tp, no_mark);
	ATF_TP_ADD_TC(tp, several);
	ATF_TP_ADD_TC(tp, drip);
	ATF_TP_ADD_TC(tp, cut_off);
	return (atf_no_error());
}
