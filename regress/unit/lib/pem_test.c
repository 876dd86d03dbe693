/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* Texts in PEM form: what is a block, what looks like one, where it is. */

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include "compat.h"
#include "fixture.h"
#include "bundle.h"

#define ONE	"-----BEGIN ONE-----\nAAEC\n-----END ONE-----"
#define TWO	"-----BEGIN TWO-----\nAwQ=\n-----END TWO-----"

static void	 walk(const char *, size_t, char *, size_t);
static void	 expect(const char *, const char *);

/* "LINE:LABEL" or "LINE:!WRONG" of each block. */
static void
walk(const char *text, size_t len, char *buf, size_t size)
{
	struct pem_block	 pb;
	struct pem		 pm;
	char			*copy;
	size_t			 have = 0;

	/* Nothing behind its end is looked at. */
	ATF_REQUIRE((copy = malloc(len + 1)) != NULL);
	memcpy(copy, text, len);
	copy[len] = 'x';
	*buf = '\0';
	stcp_pem_open(&pm, copy, len);
	while (stcp_pem_next(&pm, &pb)) {
		ATF_REQUIRE(pm.pm_at <= pm.pm_end);
		if (pb.pb_wrong == NULL) {
			ATF_CHECK(pb.pb_text >= copy && pb.pb_len <= len);
			ATF_CHECK(pb.pb_bodylen < pb.pb_len);
		}
		have += (size_t)snprintf(buf + have, size - have, "%s%u:%s%s",
		    have == 0 ? "" : " ", pb.pb_line,
		    pb.pb_wrong == NULL ? "" : "!",
		    pb.pb_wrong == NULL ? pb.pb_label : pb.pb_wrong);
		ATF_REQUIRE(have < size);
	}
	free(copy);
}

static void
expect(const char *text, const char *blocks)
{
	char	 buf[1024];

	walk(text, strlen(text), buf, sizeof(buf));
	ATF_CHECK_STREQ_MSG(blocks, buf, "%s", text);
}

CASE(good, "blocks with and without text around them, with every kind of "
    "line end, a byte order mark, and joined without a newline")
{
	expect("", "");
	expect("no block -- at all\n- BEGIN\n--\n---\n", "");
	expect(ONE, "1:ONE");
	expect("text\n\n" ONE "\ntext\n" TWO "\ntext", "3:ONE 7:TWO");
	expect(ONE TWO "\n", "1:ONE 3:TWO");
	expect("\357\273\277" ONE "\n\357\273\277" TWO, "1:ONE 4:TWO");
	expect("-----BEGIN ONE-----\r\nAAEC\r\n-----END ONE-----\r\n" TWO,
	    "1:ONE 4:TWO");
	expect("-----BEGIN A B.2-----  \nAAEC\n-----END A B.2-----\t\n",
	    "1:A B.2");
}

CASE(bad, "what looks like a boundary and is none is told of once, with its "
    "line, and what follows is found")
{
	expect("  -----BEGIN ONE-----\n  AAEC\n  -----END ONE-----\n" TWO,
	    "1:!is indented 4:TWO");
	expect("----BEGIN ONE-----\nAAEC\n-----END ONE-----\n" TWO,
	    "1:!does not begin with five dashes 4:TWO");
	expect("------BEGIN ONE-----\nAAEC\n-----END ONE-----\n" TWO,
	    "1:!does not begin with five dashes 4:TWO");
	expect("----- BEGIN ONE-----\nAAEC\n-----END ONE-----\n" TWO,
	    "1:!does not begin with five dashes 4:TWO");
	expect("-----Begin ONE-----\nAAEC\n-----End ONE-----\n" TWO,
	    "1:!is not in capital letters 4:TWO");
	expect("-----BEGIN -----\nAAEC\n-----END -----\n" TWO,
	    "1:!has no label 4:TWO");
	expect("-----BEGIN ONE----\nAAEC\n-----END ONE-----\n" TWO,
	    "1:!does not end with five dashes 4:TWO");
	expect("-----BEGIN ONE-----AAEC\n-----END ONE-----\n" TWO,
	    "1:!is followed by something in its line 3:TWO");
	expect(ONE "\n-----END ONE-----\n" TWO,
	    "1:ONE 4:!ends a block that has no beginning 5:TWO");
	expect("-----BEGIN ONE-----\nAAEC\n" TWO,
	    "1:!has no end before the next begins 3:TWO");
	expect("-----BEGIN ONE-----\nAAEC\n-----END TWO-----\n" TWO,
	    "1:!ends as another kind than it begins 4:TWO");
	expect("-----BEGIN ONE-----\nAAEC\n-----END ONE---\n" TWO,
	    "1:!has a malformed line at its end 4:TWO");
	expect("-----BEGIN ONE-----\nAAEC\n", "1:!is cut off: it has no end");
	expect("-----BEGIN ONE-----", "1:!is cut off: it has no end");
}

CASE(cut, "a text that ends anywhere has no block more, and says so unless "
    "it ends between two")
{
	static const char	 text[] = ONE "\n" TWO "\n";
	static const size_t	 one = sizeof(ONE) - 1;
	char			 buf[256];
	size_t			 len;

	for (len = 0; len < sizeof(text) - 1; len++) {
		walk(text, len, buf, sizeof(buf));
		if (len >= one)
			ATF_CHECK_MSG(strncmp(buf, "1:ONE", 5) == 0, "%zu: %s",
			    len, buf);
		/* Some dashes or a word more are text still. */
		if ((len > 11 && len < one) || (len > one + 12 &&
		    len < sizeof(text) - 2))
			ATF_CHECK_MSG(strchr(buf, '!') != NULL, "%zu: %s",
			    len, buf);
	}
}

static void
decode(const char *body, const char *bytes, int len)
{
	struct pem_block	 pb;
	uint8_t			 out[64];
	size_t			 n = 0;

	memset(&pb, 0, sizeof(pb));
	pb.pb_body = body;
	pb.pb_bodylen = strlen(body);
	ATF_CHECK_EQ_MSG(len < 0 ? -1 : 0, stcp_pem_decode(&pb, out, &n), "%s",
	    body);
	if (len >= 0) {
		ATF_CHECK_EQ((size_t)len, n);
		ATF_CHECK(memcmp(bytes, out, n) == 0);
	}
}

CASE(base64, "base64: its padding, white space, and what is none")
{
	decode("AAEC", "\0\1\2", 3);
	decode(" AA\r\nEC\n\n", "\0\1\2", 3);
	decode("AAECAwQ=", "\0\1\2\3\4", 5);
	decode("AAECAw==", "\0\1\2\3", 4);
	decode("+/+/", "\373\377\277", 3);
	decode("", "", -1);
	decode("AAE", "", -1);
	decode("AAECA", "", -1);
	decode("A===", "", -1);
	decode("AA=C", "", -1);
	decode("AA==AAEC", "", -1);
	decode("AA-_", "", -1);
	decode("Proc-Type: 4,ENCRYPTED\n\nAAEC", "", -1);
}

CASE(instead, "what a file without blocks seems to be")
{
	ATF_CHECK_STREQ("", stcp_pem_instead("", 0));
	ATF_CHECK_STREQ("", stcp_pem_instead("0\n", 2));
	ATF_CHECK_STREQ("", stcp_pem_instead("0123456", 7));
	ATF_CHECK_STREQ(": it is in DER form, not PEM",
	    stcp_pem_instead("0\202\1\1\2", 5));
	ATF_CHECK_STREQ(": it is in DER form, not PEM",
	    stcp_pem_instead("0\1\1", 3));
	ATF_CHECK_STREQ(": it is text in UTF-16",
	    stcp_pem_instead("\377\376-\0", 4));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, bad);
	ATF_TP_ADD_TC(tp, cut);
	ATF_TP_ADD_TC(tp, base64);
	ATF_TP_ADD_TC(tp, instead);
	return (atf_no_error());
}
