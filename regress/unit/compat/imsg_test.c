/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Two imsgbufs that both keep to the rules. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <imsg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "proc.h"

struct pair {
	struct imsgbuf	 pa_a;
	struct imsgbuf	 pa_b;
	int		 pa_sv[2];
};

static void	 pair_open(struct pair *, int);
static void	 pair_close(struct pair *);
static void	 want_imsg(struct imsgbuf *, struct imsg *);

static void
pair_open(struct pair *p, int fdpass)
{
	fds_pair(p->pa_sv);
	ATF_REQUIRE_EQ(imsgbuf_init(&p->pa_a, p->pa_sv[0]), 0);
	ATF_REQUIRE_EQ(imsgbuf_init(&p->pa_b, p->pa_sv[1]), 0);
	if (fdpass) {
		imsgbuf_allow_fdpass(&p->pa_a);
		imsgbuf_allow_fdpass(&p->pa_b);
	}
}

static void
pair_close(struct pair *p)
{
	imsgbuf_clear(&p->pa_a);
	imsgbuf_clear(&p->pa_b);
	close(p->pa_sv[0]);
	close(p->pa_sv[1]);
}

static void
want_imsg(struct imsgbuf *imsgbuf, struct imsg *imsg)
{
	int	 n;

	if ((n = imsgbuf_get(imsgbuf, imsg)) == 0) {
		ATF_REQUIRE_EQ(imsgbuf_read(imsgbuf), 1);
		n = imsgbuf_get(imsgbuf, imsg);
	}
	ATF_REQUIRE_EQ(n, 1);
}

ATF_TC(round_trip);
ATF_TC_HEAD(round_trip, tc)
{
	atf_tc_set_md_var(tc, "descr", "type, id, pid and payload arrive as "
	    "they were composed, in order, and pid 0 stands for one's own");
}
ATF_TC_BODY(round_trip, tc)
{
	struct pair	 p;
	struct imsg	 imsg;
	struct iovec	 iov[2];
	struct ibuf	*buf, part;
	char		 data[8], one[] = "one", two[] = "two";
	int		 before = fds_count();

	pair_open(&p, 0);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 2, 3, -1, "four", 5), 1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 5, 6, 0, -1, NULL, 0), 1);
	iov[0].iov_base = one;
	iov[0].iov_len = 3;
	iov[1].iov_base = two;
	iov[1].iov_len = 3;
	ATF_REQUIRE_EQ(imsg_composev(&p.pa_a, 7, 0, 0, -1, iov, 2), 1);
	ATF_REQUIRE((buf = ibuf_open(4)) != NULL);
	ATF_REQUIRE_EQ(ibuf_add_n32(buf, 42), 0);
	ATF_REQUIRE_EQ(imsg_compose_ibuf(&p.pa_a, 8, 0, 0, buf), 1);
	ATF_REQUIRE((buf = imsg_create(&p.pa_a, 9, 0, 0, 1)) != NULL);
	ATF_REQUIRE_EQ(imsg_add(buf, "grown", 6), 6);
	imsg_close(&p.pa_a, buf);
	/* OpenBSD counts the header of imsg_compose_ibuf() apart. */
	ATF_REQUIRE_EQ(imsgbuf_queuelen(&p.pa_a), 5 + proc_base_imsg);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	ATF_REQUIRE_EQ(imsgbuf_queuelen(&p.pa_a), 0);

	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsg_get_type(&imsg), 1);
	ATF_REQUIRE_EQ(imsg_get_id(&imsg), 2);
	ATF_REQUIRE_EQ(imsg_get_pid(&imsg), 3);
	ATF_REQUIRE_EQ(imsg_get_len(&imsg), 5);
	ATF_REQUIRE_EQ(imsg_get_fd(&imsg), -1);
	ATF_REQUIRE_EQ(imsg_get_data(&imsg, data, 4), -1);
	ATF_REQUIRE_EQ(errno, EBADMSG);
	ATF_REQUIRE_EQ(imsg_get_data(&imsg, data, 6), -1);
	ATF_REQUIRE_EQ(imsg_get_data(&imsg, data, 5), 0);
	ATF_REQUIRE_STREQ(data, "four");
	imsg_free(&imsg);

	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsg_get_type(&imsg), 5);
	ATF_REQUIRE_EQ(imsg_get_pid(&imsg), getpid());
	ATF_REQUIRE_EQ(imsg_get_len(&imsg), 0);
	ATF_REQUIRE_EQ(imsg_get_ibuf(&imsg, &part), -1);
	imsg_free(&imsg);

	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsg_get_buf(&imsg, data, 2), 0);
	ATF_REQUIRE_EQ(imsg_get_len(&imsg), 4);
	ATF_REQUIRE_EQ(imsg_get_ibuf(&imsg, &part), 0);
	ATF_REQUIRE_EQ(ibuf_size(&part), 4);
	ATF_REQUIRE_EQ(memcmp(ibuf_data(&part), "etwo", 4), 0);
	imsg_free(&imsg);

	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsg_get_type(&imsg), 8);
	ATF_REQUIRE_EQ(imsg_get_buf(&imsg, data, 4), 0);
	ATF_REQUIRE_EQ(memcmp(data, "\0\0\0\x2a", 4), 0);
	imsg_free(&imsg);

	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsg_get_strbuf(&imsg, data, 6), 0);
	ATF_REQUIRE_STREQ(data, "grown");
	imsg_free(&imsg);
	ATF_REQUIRE_EQ(imsgbuf_get(&p.pa_b, &imsg), 0);

	pair_close(&p);
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(format);
ATF_TC_HEAD(format, tc)
{
	atf_tc_set_md_var(tc, "descr", "a message on the wire is OpenBSD's: "
	    "type, length with header, id and pid in host order, the length's "
	    "top bit set when a descriptor comes with it");
}
ATF_TC_BODY(format, tc)
{
	struct pair	 p;
	uint32_t	 hdr[4];
	char		 data[32];
	int		 fd;

	pair_open(&p, 1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 11, 12, 13, -1, "xyz", 3), 1);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	ATF_REQUIRE_EQ(read(p.pa_sv[1], data, sizeof(data)), 19);
	memcpy(hdr, data, sizeof(hdr));
	ATF_REQUIRE_EQ(hdr[0], 11);
	ATF_REQUIRE_EQ(hdr[1], 19);
	ATF_REQUIRE_EQ(hdr[2], 12);
	ATF_REQUIRE_EQ(hdr[3], 13);
	ATF_REQUIRE_EQ(memcmp(data + 16, "xyz", 3), 0);

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, fd, NULL, 0), 1);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	ATF_REQUIRE_EQ(read(p.pa_sv[1], hdr, sizeof(hdr)), 16);
	ATF_REQUIRE_EQ(hdr[1], 0x80000010U);
	pair_close(&p);
}

ATF_TC(descriptor);
ATF_TC_HEAD(descriptor, tc)
{
	atf_tc_set_md_var(tc, "descr", "a descriptor arrives with its own "
	    "message among others, close-on-exec, given out once; the "
	    "sender's copy is closed and nothing leaks");
}
ATF_TC_BODY(descriptor, tc)
{
	struct pair	 p;
	struct imsg	 imsg;
	int		 before, i, fd, null, zero;

	before = fds_count();
	pair_open(&p, 1);
	ATF_REQUIRE((null = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE((zero = open("/dev/zero", O_RDONLY)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 0, 0, 0, -1, "a", 1), 1);
	ATF_REQUIRE((fd = dup(null)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, fd, "bb", 2), 1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 2, 0, 0, -1, "c", 1), 1);
	ATF_REQUIRE((fd = dup(zero)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 3, 0, 0, fd, NULL, 0), 1);
	ATF_REQUIRE((fd = dup(null)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 4, 0, 0, fd, NULL, 0), 1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 5, 0, 0, -1, "d", 1), 1);
	ATF_REQUIRE_EQ(fds_count(), before + 7);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	ATF_REQUIRE_EQ(fds_count(), before + 4);

	for (i = 0; i < 6; i++) {
		want_imsg(&p.pa_b, &imsg);
		ATF_REQUIRE_EQ(imsg_get_type(&imsg), (uint32_t)i);
		fd = imsg_get_fd(&imsg);
		if (i == 1 || i == 3 || i == 4) {
			ATF_REQUIRE(fd != -1);
			ATF_REQUIRE_EQ(fds_same(fd, null), i != 3);
			/* The product sets it where OpenBSD does not. */
			ATF_REQUIRE(proc_base_imsg ||
			    fcntl(fd, F_GETFD) & FD_CLOEXEC);
			ATF_REQUIRE_EQ(imsg_get_fd(&imsg), -1);
			close(fd);
		} else
			ATF_REQUIRE_EQ(fd, -1);
		imsg_free(&imsg);
	}
	pair_close(&p);
	close(null);
	close(zero);
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(unclaimed);
ATF_TC_HEAD(unclaimed, tc)
{
	atf_tc_set_md_var(tc, "descr", "descriptors nobody asked for are "
	    "closed: in a freed message, in a cleared imsgbuf on either side");
}
ATF_TC_BODY(unclaimed, tc)
{
	struct pair	 p;
	struct imsg	 imsg;
	int		 before, i, fd;

	before = fds_count();
	pair_open(&p, 1);
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
		ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, fd, "x", 1), 1);
		if (i < 2)
			ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	}
	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsgbuf_read(&p.pa_b), 1);
	ATF_REQUIRE_EQ(fds_count(), before + 2 + 3);
	imsg_free(&imsg);
	ATF_REQUIRE_EQ(fds_count(), before + 2 + 2);
	pair_close(&p);
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(not_allowed);
ATF_TC_HEAD(not_allowed, tc)
{
	atf_tc_set_md_var(tc, "descr", "without imsgbuf_allow_fdpass() a "
	    "descriptor is neither sent, and stays the caller's, nor taken");
}
ATF_TC_BODY(not_allowed, tc)
{
	struct pair	 p;
	struct imsg	 imsg;
	struct ibuf	*buf;
	int		 before, fd;

	if (proc_base_imsg)
		atf_tc_skip("OpenBSD's imsg refuses it at writing only, and "
		    "may not be used after a clear");
	before = fds_count();
	pair_open(&p, 0);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, fd, NULL, 0), -1);
	ATF_REQUIRE_EQ(errno, EINVAL);
	ATF_REQUIRE(fcntl(fd, F_GETFD) != -1);
	ATF_REQUIRE_EQ(imsgbuf_queuelen(&p.pa_a), 0);
	ATF_REQUIRE((buf = imsg_create(&p.pa_a, 1, 0, 0, 0)) != NULL);
	ibuf_fd_set(buf, fd);
	imsg_close(&p.pa_a, buf);
	ATF_REQUIRE_EQ(imsgbuf_write(&p.pa_a), -1);
	ATF_REQUIRE_EQ(errno, EINVAL);
	imsgbuf_clear(&p.pa_a);
	ATF_REQUIRE_EQ(fds_count(), before + 2);

	imsgbuf_allow_fdpass(&p.pa_a);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 7, 0, 0, fd, NULL, 0), 1);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	want_imsg(&p.pa_b, &imsg);
	ATF_REQUIRE_EQ(imsg_get_type(&imsg), 7);
	ATF_REQUIRE_EQ(imsg_get_fd(&imsg), -1);
	imsg_free(&imsg);
	pair_close(&p);
	ATF_REQUIRE_EQ(fds_count(), before);
}

ATF_TC(too_large);
ATF_TC_HEAD(too_large, tc)
{
	atf_tc_set_md_var(tc, "descr", "a message of the greatest size goes "
	    "through; one byte more is refused with ERANGE, at composing, and "
	    "at reading where the reader's limit is lower");
}
ATF_TC_BODY(too_large, tc)
{
	static char	 data[MAX_IMSGSIZE];
	struct pair	 p;
	struct imsg	 imsg;
	size_t		 max = MAX_IMSGSIZE - IMSG_HEADER_SIZE;
	int		 n = 0;

	pair_open(&p, 0);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, -1, data, max + 1), -1);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, -1, data, SIZE_MAX), -1);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, -1, data, max), 1);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	while (n == 0) {
		ATF_REQUIRE_EQ(imsgbuf_read(&p.pa_b), 1);
		n = imsgbuf_get(&p.pa_b, &imsg);
	}
	ATF_REQUIRE_EQ(n, 1);
	ATF_REQUIRE_EQ(imsg_get_len(&imsg), max);
	imsg_free(&imsg);

	ATF_REQUIRE_EQ(imsgbuf_set_maxsize(&p.pa_b, 100), 0);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, -1, data, 100), 1);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	want_imsg(&p.pa_b, &imsg);
	imsg_free(&imsg);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, 1, 0, 0, -1, data, 101), 1);
	ATF_REQUIRE_EQ(imsgbuf_flush(&p.pa_a), 0);
	ATF_REQUIRE_EQ(imsgbuf_read(&p.pa_b), -1);
	ATF_REQUIRE_EQ(errno, ERANGE);
	ATF_REQUIRE_EQ(imsgbuf_set_maxsize(&p.pa_b, 0x80000000U), -1);
	ATF_REQUIRE_EQ(imsgbuf_set_maxsize(&p.pa_b, UINT32_MAX), -1);
	pair_close(&p);
}

ATF_TC(empty_and_closed);
ATF_TC_HEAD(empty_and_closed, tc)
{
	atf_tc_set_md_var(tc, "descr", "read returns 1 when there is nothing, "
	    "0 when the other side is closed; write to a closed one is -1");
}
ATF_TC_BODY(empty_and_closed, tc)
{
	struct pair	 p;
	struct imsg	 imsg;

	(void)signal(SIGPIPE, SIG_IGN);
	pair_open(&p, 1);
	ATF_REQUIRE_EQ(imsgbuf_read(&p.pa_b), 1);
	ATF_REQUIRE_EQ(imsgbuf_get(&p.pa_b, &imsg), 0);
	ATF_REQUIRE_EQ(imsgbuf_write(&p.pa_b), 0);
	close(p.pa_sv[0]);
	ATF_REQUIRE_EQ(imsgbuf_read(&p.pa_b), 0);
	ATF_REQUIRE_EQ(imsg_compose(&p.pa_b, 1, 0, 0, -1, NULL, 0), 1);
	ATF_REQUIRE_EQ(imsgbuf_write(&p.pa_b), -1);
	ATF_REQUIRE_EQ(errno, EPIPE);
	imsgbuf_clear(&p.pa_b);
	close(p.pa_sv[1]);
}

ATF_TC(full);
ATF_TC_HEAD(full, tc)
{
	atf_tc_set_md_var(tc, "descr", "write to a full socket returns 0 and "
	    "keeps the rest; flush waits for a slow reader; all arrives, "
	    "descriptors with their messages");
}
ATF_TC_BODY(full, tc)
{
	static char	 data[8192];
	struct pair	 p;
	struct imsg	 imsg;
	uint32_t	 before;
	int		 fd, i, n, status;
	pid_t		 pid;

	pair_open(&p, 1);
	for (i = 0; i < 200; i++) {
		fd = i % 10 == 0 ? open("/dev/null", O_RDONLY) : -1;
		memset(data, i, sizeof(data));
		ATF_REQUIRE_EQ(imsg_compose(&p.pa_a, (uint32_t)i, 0, 0, fd,
		    data, sizeof(data)), 1);
	}
	do {
		before = imsgbuf_queuelen(&p.pa_a);
		ATF_REQUIRE_EQ(imsgbuf_write(&p.pa_a), 0);
	} while (imsgbuf_queuelen(&p.pa_a) < before);
	ATF_REQUIRE(before > 0);

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (imsgbuf_flush(&p.pa_a) != 0)
			_exit(1);
		_exit(imsgbuf_queuelen(&p.pa_a) != 0);
	}
	imsgbuf_clear(&p.pa_a);
	for (i = 0; i < 200; i++) {
		while ((n = imsgbuf_get(&p.pa_b, &imsg)) == 0)
			ATF_REQUIRE_EQ(imsgbuf_read(&p.pa_b), 1);
		ATF_REQUIRE_EQ(n, 1);
		ATF_REQUIRE_EQ(imsg_get_type(&imsg), (uint32_t)i);
		ATF_REQUIRE_EQ(imsg_get_len(&imsg), sizeof(data));
		ATF_REQUIRE_EQ(imsg_get_buf(&imsg, data, sizeof(data)), 0);
		ATF_REQUIRE_EQ(data[0], (char)i);
		ATF_REQUIRE_EQ(data[sizeof(data) - 1], (char)i);
		fd = imsg_get_fd(&imsg);
		ATF_REQUIRE_EQ(fd != -1, i % 10 == 0);
		if (fd != -1)
			close(fd);
		imsg_free(&imsg);
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_REQUIRE_EQ(status, 0);
	pair_close(&p);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, round_trip);
	ATF_TP_ADD_TC(tp, format);
	ATF_TP_ADD_TC(tp, descriptor);
	ATF_TP_ADD_TC(tp, unclaimed);
	ATF_TP_ADD_TC(tp, not_allowed);
	ATF_TP_ADD_TC(tp, too_large);
	ATF_TP_ADD_TC(tp, empty_and_closed);
	ATF_TP_ADD_TC(tp, full);
	return (atf_no_error());
}
