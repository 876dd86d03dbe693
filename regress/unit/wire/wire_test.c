/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

#define RAW_MAX		16000

union payload {
	struct wire_start	 start;
	struct wire_key		 key;
	struct wire_keyinfo	 keyinfo;
	struct wire_keybad	 keybad;
	struct wire_sign	 sign;
	struct wire_signed	 signature;
	struct wire_unsigned	 refusal;
	struct wire_server	 server;
	struct wire_chain	 chain;
	struct wire_match	 match;
	struct wire_program	 program;
	struct wire_run		 run;
	struct wire_resolve	 resolve;
	struct wire_resolved	 resolved;
	struct wire_adopt	 adopt;
	struct wire_address	 address;
	struct wire_id		 id;
	struct wire_forked	 forked;
	struct wire_unforked	 unforked;
	struct wire_exited	 exited;
	struct wire_ready	 ready;
	struct wire_text	 text;
	struct wire_signature	 given;
	struct wire_accept	 accept;
	struct wire_refuse	 refuse;
	struct wire_asksign	 asksign;
	struct wire_established	 established;
	struct wire_done	 done;
	struct wire_question	 question;
	struct wire_finding	 finding;
	struct wire_checked	 checked;
};

static struct imsgbuf	 left, right;
static int		 sv[2];

static void
open_pipe(void)
{
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	ATF_REQUIRE(imsgbuf_init(&left, sv[0]) == 0);
	ATF_REQUIRE(imsgbuf_init(&right, sv[1]) == 0);
	imsgbuf_allow_fdpass(&left);
	imsgbuf_allow_fdpass(&right);
}

static void
receive(struct imsg *imsg)
{
	int	 n;

	ATF_REQUIRE(imsgbuf_flush(&left) == 0);
	while ((n = imsgbuf_get(&right, imsg)) == 0)
		ATF_REQUIRE(imsgbuf_read(&right) == 1);
	ATF_REQUIRE(n == 1);
}

/* Sends these bytes as they are; what wire_parse() makes of them. */
static int
parse_raw(uint32_t type, const void *raw, size_t len, void *out, size_t size)
{
	struct imsg	 imsg;
	int		 error, n;

	ATF_REQUIRE(imsg_compose(&left, type, 0, 0, -1, raw, len) == 1);
	receive(&imsg);
	n = wire_parse(&imsg, out, size);
	error = errno;
	imsg_free(&imsg);
	errno = error;
	return (n);
}

static int
zero(const void *p, size_t len)
{
	const uint8_t	*byte = p;

	while (len-- > 0) {
		if (*byte++ != 0)
			return (0);
	}
	return (1);
}

static size_t
size_of(uint32_t type)
{
	switch (type) {
	case WIRE_START:
		return (sizeof(struct wire_start));
	case WIRE_KEY:
		return (sizeof(struct wire_key));
	case WIRE_SIGN:
		return (sizeof(struct wire_sign));
	case WIRE_KEYINFO:
		return (sizeof(struct wire_keyinfo));
	case WIRE_KEYBAD:
		return (sizeof(struct wire_keybad));
	case WIRE_SIGNED:
		return (sizeof(struct wire_signed));
	case WIRE_UNSIGNED:
		return (sizeof(struct wire_unsigned));
	case WIRE_SERVER:
		return (sizeof(struct wire_server));
	case WIRE_CHAIN:
		return (sizeof(struct wire_chain));
	case WIRE_MATCH:
		return (sizeof(struct wire_match));
	case WIRE_PROGRAM:
		return (sizeof(struct wire_program));
	case WIRE_RUN:
		return (sizeof(struct wire_run));
	case WIRE_RESOLVE:
		return (sizeof(struct wire_resolve));
	case WIRE_RESOLVED:
		return (sizeof(struct wire_resolved));
	case WIRE_ADOPT:
		return (sizeof(struct wire_adopt));
	case WIRE_ADDRESS:
		return (sizeof(struct wire_address));
	case WIRE_FORK:
	case WIRE_KILL:
	case WIRE_STDERR:
	case WIRE_TERM:
		return (sizeof(struct wire_id));
	case WIRE_FORKED:
		return (sizeof(struct wire_forked));
	case WIRE_UNFORKED:
		return (sizeof(struct wire_unforked));
	case WIRE_EXITED:
		return (sizeof(struct wire_exited));
	case WIRE_READY:
		return (sizeof(struct wire_ready));
	case WIRE_FATAL:
	case WIRE_NOSIGNATURE:
		return (sizeof(struct wire_text));
	case WIRE_SIGNATURE:
		return (sizeof(struct wire_signature));
	case WIRE_ACCEPT:
		return (sizeof(struct wire_accept));
	case WIRE_REFUSE:
		return (sizeof(struct wire_refuse));
	case WIRE_ASKSIGN:
		return (sizeof(struct wire_asksign));
	case WIRE_IDENTITY:
	case WIRE_ESTABLISHED:
		return (sizeof(struct wire_established));
	case WIRE_DONE:
		return (sizeof(struct wire_done));
	case WIRE_CHECK:
		return (sizeof(struct wire_question));
	case WIRE_FINDING:
		return (sizeof(struct wire_finding));
	case WIRE_CHECKED:
		return (sizeof(struct wire_checked));
	default:
		return (0);
	}
}

#define TEXT(m)		memset((m), 'a', sizeof(m) - 1)
#define BYTES(m)	memset((m), 0xb5, sizeof(m))

/* Every field as great as it can be, no byte of an integer like another. */
static void
fill(uint32_t type, union payload *p)
{
	switch (type) {
	case WIRE_START:
		p->start.ws_uid = 0xfedcba98;
		p->start.ws_gid = 0x87654321;
		p->start.ws_nofile = 0xabcdef01;
		p->start.ws_flags = 0xfd;
		TEXT(p->start.ws_title);
		break;
	case WIRE_KEY:
		p->key.wk_index = 0xfedcba98;
		break;
	case WIRE_SIGN:
		p->sign.wg_request = 0xfedcba9876543210;
		p->sign.wg_index = 0x89abcdef;
		p->sign.wg_type = 0xfe;
		p->sign.wg_flags = 0xed;
		p->sign.wg_len = sizeof(p->sign.wg_data);
		BYTES(p->sign.wg_data);
		break;
	case WIRE_KEYINFO:
		p->keyinfo.wi_index = 0xfedcba98;
		p->keyinfo.wi_type = 0xfe;
		p->keyinfo.wi_bits = 0x89abcdef;
		BYTES(p->keyinfo.wi_id);
		break;
	case WIRE_KEYBAD:
		p->keybad.wb_index = 0xfedcba98;
		TEXT(p->keybad.wb_reason);
		break;
	case WIRE_SIGNED:
		p->signature.wn_request = 0xfedcba9876543210;
		p->signature.wn_len = sizeof(p->signature.wn_data);
		BYTES(p->signature.wn_data);
		break;
	case WIRE_UNSIGNED:
		p->refusal.wu_request = 0xfedcba9876543210;
		TEXT(p->refusal.wu_reason);
		break;
	case WIRE_SERVER:
		TEXT(p->server.wv_name);
		TEXT(p->server.wv_protocol);
		TEXT(p->server.wv_ciphers);
		TEXT(p->server.wv_curves);
		TEXT(p->server.wv_alpn);
		p->server.wv_auth = 0xfd;
		p->server.wv_flags = 0xfe;
		p->server.wv_handshake = 0xfedcba98;
		p->server.wv_idle = 0x89abcdef;
		p->server.wv_close = 0xabcdef01;
		break;
	case WIRE_CHAIN:
		p->chain.wc_index = 0xfedcba98;
		BYTES(p->chain.wc_id);
		break;
	case WIRE_MATCH:
		p->match.wm_selector = 0xfd;
		p->match.wm_refuse = 0xfe;
		TEXT(p->match.wm_pattern);
		break;
	case WIRE_PROGRAM:
		p->program.wp_index = 0xfedcba98;
		p->program.wp_uid = 0x89abcdef;
		p->program.wp_gid = 0xabcdef01;
		p->program.wp_groups_len = sizeof(p->program.wp_groups);
		BYTES(p->program.wp_groups);
		TEXT(p->program.wp_path);
		p->program.wp_arguments_len = sizeof(p->program.wp_arguments);
		BYTES(p->program.wp_arguments);
		break;
	case WIRE_RUN:
		p->run.wrn_session = 0xfedcba9876543210;
		p->run.wrn_index = 0x89abcdef;
		p->run.wrn_environment_len = sizeof(p->run.wrn_environment);
		BYTES(p->run.wrn_environment);
		break;
	case WIRE_RESOLVE:
		p->resolve.wre_request = 0xfedcba98;
		TEXT(p->resolve.wre_host);
		break;
	case WIRE_RESOLVED:
		p->resolved.wrd_request = 0xfedcba98;
		p->resolved.wrd_error = 0x89abcdef;
		TEXT(p->resolved.wrd_reason);
		p->resolved.wrd_addresses_len =
		    sizeof(p->resolved.wrd_addresses);
		BYTES(p->resolved.wrd_addresses);
		break;
	case WIRE_ADOPT:
		p->adopt.wad_flags = 0xfe;
		TEXT(p->adopt.wad_servername);
		break;
	case WIRE_ADDRESS:
		p->address.wdr_family = 0xfe;
		BYTES(p->address.wdr_src);
		BYTES(p->address.wdr_dst);
		p->address.wdr_srcport = 0xfedc;
		p->address.wdr_dstport = 0xba98;
		break;
	case WIRE_FORK:
	case WIRE_KILL:
	case WIRE_STDERR:
	case WIRE_TERM:
		p->id.wx_session = 0xfedcba9876543210;
		break;
	case WIRE_FORKED:
		p->forked.wfk_session = 0xfedcba9876543210;
		p->forked.wfk_pid = 0xfedcba98;
		break;
	case WIRE_UNFORKED:
		p->unforked.wf_session = 0xfedcba9876543210;
		p->unforked.wf_errno = 0xfedcba98;
		break;
	case WIRE_EXITED:
		p->exited.we_session = 0xfedcba9876543210;
		p->exited.we_signal = 0xfedcba98;
		p->exited.we_code = 0x89abcdef;
		break;
	case WIRE_READY:
		TEXT(p->ready.wr_sandbox);
		break;
	case WIRE_FATAL:
	case WIRE_NOSIGNATURE:
		TEXT(p->text.wt_text);
		break;
	case WIRE_SIGNATURE:
		p->given.wl_len = sizeof(p->given.wl_data);
		BYTES(p->given.wl_data);
		break;
	case WIRE_ACCEPT:
		p->accept.wa_mode = 0xfe;
		break;
	case WIRE_REFUSE:
		p->refuse.wo_error = 0xfedcba98;
		TEXT(p->refuse.wo_reason);
		break;
	case WIRE_ASKSIGN:
		BYTES(p->asksign.wq_id);
		p->asksign.wq_type = 0xfe;
		p->asksign.wq_len = sizeof(p->asksign.wq_data);
		BYTES(p->asksign.wq_data);
		break;
	case WIRE_IDENTITY:
	case WIRE_ESTABLISHED:
		TEXT(p->established.wh_version);
		TEXT(p->established.wh_cipher);
		TEXT(p->established.wh_servername);
		TEXT(p->established.wh_alpn);
		p->established.wh_match = 0xfedc;
		p->established.wh_peer = 0xfe;
		TEXT(p->established.wh_subject);
		TEXT(p->established.wh_issuer);
		TEXT(p->established.wh_hash);
		TEXT(p->established.wh_san);
		p->established.wh_notbefore = 0xfedcba9876543210;
		p->established.wh_notafter = 0x0123456789abcdef;
		break;
	case WIRE_DONE:
		p->done.wd_error = 0xfedcba98;
		p->done.wd_in = 0xfedcba9876543210;
		p->done.wd_out = 0x0123456789abcdef;
		p->done.wd_flags = 0xfe;
		TEXT(p->done.wd_reason);
		break;
	case WIRE_CHECK:
		p->question.wqu_number = 0xfedcba98;
		p->question.wqu_kind = 0xfd;
		p->question.wqu_flags = 0xfe;
		TEXT(p->question.wqu_text);
		break;
	case WIRE_FINDING:
		p->finding.wfi_number = 0xfedcba98;
		p->finding.wfi_flags = 0xfe;
		p->finding.wfi_line = 0x89abcdef;
		TEXT(p->finding.wfi_text);
		break;
	case WIRE_CHECKED:
		p->checked.wck_number = 0xfedcba98;
		p->checked.wck_flags = 0xfd;
		p->checked.wck_type = 0xfe;
		BYTES(p->checked.wck_id);
		p->checked.wck_since = 0xfedcba9876543210;
		p->checked.wck_until = 0x0123456789abcdef;
		break;
	}
}

/* The bytes of a message with every field at its greatest. */
static size_t
raw_of(uint32_t type, uint8_t *raw)
{
	union payload	 p;
	struct imsg	 imsg;
	size_t		 len;

	memset(&p, 0, sizeof(p));
	fill(type, &p);
	ATF_REQUIRE(wire_send(&left, type, -1,
	    size_of(type) == 0 ? NULL : &p, size_of(type)) == 0);
	receive(&imsg);
	len = imsg_get_len(&imsg);
	ATF_REQUIRE(len <= RAW_MAX);
	ATF_REQUIRE(imsg_get_data(&imsg, raw, len) == 0);
	imsg_free(&imsg);
	return (len);
}

static void
round_trip(uint32_t type, const union payload *p, size_t expect)
{
	union payload	 out;
	struct imsg	 imsg;
	size_t		 size = size_of(type);

	memset(&out, 0xff, sizeof(out));
	ATF_REQUIRE_MSG(wire_send(&left, type, -1, size == 0 ? NULL : p,
	    size) == 0, "%s: %s", wire_name(type), strerror(errno));
	receive(&imsg);
	ATF_CHECK_EQ(imsg_get_type(&imsg), type);
	ATF_CHECK_EQ_MSG(imsg_get_len(&imsg), expect, "%s: %zu, not %zu",
	    wire_name(type), imsg_get_len(&imsg), expect);
	ATF_CHECK_MSG(wire_parse(&imsg, size == 0 ? NULL : &out, size) == 0,
	    "%s: %s", wire_name(type), strerror(errno));
	ATF_CHECK_MSG(memcmp(p, &out, size) == 0, "%s", wire_name(type));
	imsg_free(&imsg);
}

ATF_TC(minimum);
ATF_TC_HEAD(minimum, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every message with all fields zero "
	    "or empty comes over, and is as long as its least size");
}
ATF_TC_BODY(minimum, tc)
{
	union payload	 p;
	size_t		 max, min;
	uint32_t	 type;

	open_pipe();
	memset(&p, 0, sizeof(p));
	for (type = WIRE_START; type < WIRE_TYPE_MAX; type++) {
		ATF_REQUIRE(wire_bounds(type, &min, &max) == 0);
		round_trip(type, &p, min);
	}
}

ATF_TC(maximum);
ATF_TC_HEAD(maximum, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every message with all fields at "
	    "their greatest comes over, is as long as its greatest size and "
	    "fits an imsg");
}
ATF_TC_BODY(maximum, tc)
{
	union payload	 p;
	size_t		 max, min;
	uint32_t	 type;

	open_pipe();
	for (type = WIRE_START; type < WIRE_TYPE_MAX; type++) {
		memset(&p, 0, sizeof(p));
		fill(type, &p);
		ATF_REQUIRE(wire_bounds(type, &min, &max) == 0);
		ATF_CHECK_MSG(max <= RAW_MAX && max <= MAX_IMSGSIZE -
		    IMSG_HEADER_SIZE, "%s: %zu", wire_name(type), max);
		ATF_CHECK_EQ_MSG(min == 1, size_of(type) == 0, "%s",
		    wire_name(type));
		round_trip(type, &p, max);
	}
}

ATF_TC(format);
ATF_TC_HEAD(format, tc)
{
	atf_tc_set_md_var(tc, "descr", "Byte for byte: version, big-endian "
	    "integers, 16-bit lengths before strings and data");
}
ATF_TC_BODY(format, tc)
{
	static const uint8_t	 expect[] = {
		WIRE_VERSION,
		0x00, 0x00, 0x2b, 0x5d,
		0, 0, 0, 0, 0, 0, 0x02, 0x00,
		0, 0, 0, 1, 0, 0, 0x28, 0x00,
		0x02,
		0x00, 0x03, 'e', 'n', 'd'
	};
	struct wire_done	 done;
	struct imsg		 imsg;
	uint8_t			 raw[sizeof(expect)];

	open_pipe();
	memset(&done, 0, sizeof(done));
	done.wd_error = 11101;
	done.wd_in = 512;
	done.wd_out = 0x100002800;
	done.wd_flags = WIRE_DONE_TRUNCATED;
	strlcpy(done.wd_reason, "end", sizeof(done.wd_reason));
	ATF_REQUIRE(wire_send(&left, WIRE_DONE, -1, &done,
	    sizeof(done)) == 0);
	receive(&imsg);
	ATF_REQUIRE_EQ(imsg_get_len(&imsg), sizeof(expect));
	ATF_REQUIRE(imsg_get_data(&imsg, raw, sizeof(raw)) == 0);
	ATF_CHECK(memcmp(raw, expect, sizeof(expect)) == 0);
	imsg_free(&imsg);
}

ATF_TC(truncated);
ATF_TC_HEAD(truncated, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every message cut off after any "
	    "number of bytes is EBADMSG and leaves a zeroed payload");
}
ATF_TC_BODY(truncated, tc)
{
	union payload	 out;
	uint8_t		 raw[RAW_MAX];
	size_t		 len, n, size;
	uint32_t	 type;

	open_pipe();
	for (type = WIRE_START; type < WIRE_TYPE_MAX; type++) {
		size = size_of(type);
		len = raw_of(type, raw);
		for (n = 0; n < len; n++) {
			memset(&out, 0xff, sizeof(out));
			errno = 0;
			ATF_REQUIRE_MSG(parse_raw(type, raw, n,
			    size == 0 ? NULL : &out, size) == -1 &&
			    errno == EBADMSG && zero(&out, size),
			    "%s after %zu of %zu", wire_name(type), n, len);
		}
	}
}

ATF_TC(surplus);
ATF_TC_HEAD(surplus, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every message with one byte too many "
	    "is EBADMSG and leaves a zeroed payload");
}
ATF_TC_BODY(surplus, tc)
{
	union payload	 out;
	uint8_t		 raw[RAW_MAX + 1];
	size_t		 len, size;
	uint32_t	 type;

	open_pipe();
	for (type = WIRE_START; type < WIRE_TYPE_MAX; type++) {
		size = size_of(type);
		len = raw_of(type, raw);
		raw[len] = 0;
		memset(&out, 0xff, sizeof(out));
		errno = 0;
		ATF_CHECK_MSG(parse_raw(type, raw, len + 1,
		    size == 0 ? NULL : &out, size) == -1 &&
		    errno == EBADMSG && zero(&out, size), "%s",
		    wire_name(type));
	}
}

ATF_TC(version);
ATF_TC_HEAD(version, tc)
{
	atf_tc_set_md_var(tc, "descr", "A message of another version is "
	    "EPROTONOSUPPORT, and the version is told");
}
ATF_TC_BODY(version, tc)
{
	union payload	 out;
	struct imsg	 imsg;
	uint8_t		 raw[RAW_MAX];
	size_t		 len, size;
	uint32_t	 type;
	unsigned int	 v, told;

	open_pipe();
	for (type = WIRE_START; type < WIRE_TYPE_MAX; type++) {
		size = size_of(type);
		len = raw_of(type, raw);
		for (v = 0; v < 256; v++) {
			if (v == WIRE_VERSION)
				continue;
			raw[0] = (uint8_t)v;
			ATF_REQUIRE(imsg_compose(&left, type, 0, 0, -1, raw,
			    len) == 1);
			receive(&imsg);
			errno = 0;
			told = WIRE_VERSION;
			ATF_CHECK_MSG(wire_parse_version(&imsg,
			    size == 0 ? NULL : &out, size, &told) == -1 &&
			    errno == EPROTONOSUPPORT && told == v, "%s: %u",
			    wire_name(type), v);
			imsg_free(&imsg);
		}
	}
}

ATF_TC(nul);
ATF_TC_HEAD(nul, tc)
{
	atf_tc_set_md_var(tc, "descr", "A NUL anywhere inside any string is "
	    "EBADMSG");
}
ATF_TC_BODY(nul, tc)
{
	union payload	 out;
	uint8_t		 raw[RAW_MAX];
	size_t		 i, len, size, tried = 0;
	uint32_t	 type;

	open_pipe();
	for (type = WIRE_START; type < WIRE_TYPE_MAX; type++) {
		if ((size = size_of(type)) == 0)
			continue;
		len = raw_of(type, raw);
		for (i = 1; i < len; i++) {
			/* fill() uses this byte in strings only */
			if (raw[i] != 'a')
				continue;
			raw[i] = '\0';
			errno = 0;
			ATF_REQUIRE_MSG(parse_raw(type, raw, len, &out,
			    size) == -1 && errno == EBADMSG, "%s at %zu",
			    wire_name(type), i);
			raw[i] = 'a';
			tried++;
		}
	}
	ATF_CHECK(tried > 5000);
}

ATF_TC(too_long);
ATF_TC_HEAD(too_long, tc)
{
	atf_tc_set_md_var(tc, "descr", "A string without room for its NUL "
	    "and data beyond its array are EBADMSG; the bytes after the "
	    "payload are not touched");
}
ATF_TC_BODY(too_long, tc)
{
	struct {
		union payload	 p;
		uint8_t		 guard[WIRE_SIGNMAX];
	}		 out;
	uint8_t		 raw[RAW_MAX];
	size_t		 n;

	open_pipe();
	memset(&out, 0x5a, sizeof(out));
	for (n = WIRE_NAME; n <= 1024; n++) {
		memset(raw, 'a', sizeof(raw));
		raw[0] = WIRE_VERSION;
		raw[1] = (uint8_t)(n >> 8);
		raw[2] = (uint8_t)n;
		errno = 0;
		ATF_REQUIRE(parse_raw(WIRE_READY, raw, 3 + n, &out.p.ready,
		    sizeof(out.p.ready)) == -1 && errno == EBADMSG);
	}
	for (n = WIRE_SIGNMAX + 1; n <= WIRE_SIGNMAX + 600; n++) {
		raw[1] = (uint8_t)(n >> 8);
		raw[2] = (uint8_t)n;
		errno = 0;
		ATF_REQUIRE(parse_raw(WIRE_SIGNATURE, raw, 3 + n,
		    &out.p.given, sizeof(out.p.given)) == -1 &&
		    errno == EBADMSG);
	}
	for (n = 0; n < sizeof(out.guard); n++)
		ATF_REQUIRE(out.guard[n] == 0x5a);
}

ATF_TC(illegal);
ATF_TC_HEAD(illegal, tc)
{
	atf_tc_set_md_var(tc, "descr", "wire_send() refuses an unterminated "
	    "string, data longer than its array, a payload of the wrong size "
	    "and an unknown type; nothing is queued");
}
ATF_TC_BODY(illegal, tc)
{
	struct wire_ready	 ready;
	struct wire_signature	 given;

	open_pipe();
	memset(&ready, 'a', sizeof(ready));
	memset(&given, 0, sizeof(given));
	given.wl_len = WIRE_SIGNMAX + 1;
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_READY, -1, &ready,
	    sizeof(ready)) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_SIGNATURE, -1, &given,
	    sizeof(given)) == -1);
	given.wl_len = 0;
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_READY, -1, &given,
	    sizeof(given)) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_READY, -1, NULL,
	    0) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_READY, -1, NULL,
	    sizeof(ready)) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_CLOSE, -1, &ready,
	    sizeof(ready)) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_TYPE_MAX, -1, NULL,
	    0) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, (enum wire_type)0, -1, NULL,
	    0) == -1);
	ATF_CHECK_EQ(imsgbuf_queuelen(&left), 0);
}

ATF_TC(wrong_struct);
ATF_TC_HEAD(wrong_struct, tc)
{
	atf_tc_set_md_var(tc, "descr", "wire_parse() into a struct of another "
	    "size, or of an unknown type, is EINVAL");
}
ATF_TC_BODY(wrong_struct, tc)
{
	static const uint8_t	 raw[] = { WIRE_VERSION, 0, 0 };
	union payload		 out;

	open_pipe();
	ATF_CHECK_ERRNO(EINVAL, parse_raw(WIRE_READY, raw, 3, &out.text,
	    sizeof(out.text)) == -1);
	ATF_CHECK_ERRNO(EINVAL, parse_raw(WIRE_READY, raw, 3, NULL, 0) == -1);
	ATF_CHECK_ERRNO(EINVAL, parse_raw(WIRE_TYPE_MAX, raw, 3, NULL,
	    0) == -1);
	ATF_CHECK_ERRNO(EINVAL, parse_raw(77777, raw, 3, NULL, 0) == -1);
}

ATF_TC(descriptor);
ATF_TC_HEAD(descriptor, tc)
{
	atf_tc_set_md_var(tc, "descr", "A descriptor goes with its message, "
	    "and belongs to wire_send() from the call on, also when it fails");
}
ATF_TC_BODY(descriptor, tc)
{
	struct wire_ready	 ready;
	struct imsg		 imsg;
	int			 fd, got, p[2];
	char			 c;

	open_pipe();
	ATF_REQUIRE(pipe(p) == 0);
	ATF_REQUIRE(wire_send(&left, WIRE_CA, p[1], NULL, 0) == 0);
	ATF_REQUIRE(imsgbuf_flush(&left) == 0);
	/* Before the received one may get the same number. */
	ATF_CHECK(fcntl(p[1], F_GETFD) == -1 && errno == EBADF);
	receive(&imsg);
	ATF_REQUIRE((got = imsg_get_fd(&imsg)) != -1);
	ATF_CHECK(wire_parse(&imsg, NULL, 0) == 0);
	imsg_free(&imsg);
	ATF_REQUIRE(write(got, "x", 1) == 1);
	ATF_CHECK(read(p[0], &c, 1) == 1 && c == 'x');

	ATF_REQUIRE((fd = dup(p[0])) != -1);
	memset(&ready, 'a', sizeof(ready));
	ATF_CHECK_ERRNO(EINVAL, wire_send(&left, WIRE_READY, fd, &ready,
	    sizeof(ready)) == -1);
	ATF_CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

ATF_TC(names);
ATF_TC_HEAD(names, tc)
{
	atf_tc_set_md_var(tc, "descr", "Every type has a name of its own, "
	    "and what is none is unknown");
}
ATF_TC_BODY(names, tc)
{
	size_t		 max, min;
	uint32_t	 a, b;

	for (a = WIRE_START; a < WIRE_TYPE_MAX; a++) {
		ATF_CHECK_MSG(strcmp(wire_name(a), "unknown") != 0, "%u", a);
		for (b = a + 1; b < WIRE_TYPE_MAX; b++)
			ATF_CHECK_MSG(strcmp(wire_name(a),
			    wire_name(b)) != 0, "%u %u", a, b);
	}
	ATF_CHECK_STREQ(wire_name(WIRE_ASKSIGN), "ASKSIGN");
	ATF_CHECK_STREQ(wire_name(0), "unknown");
	ATF_CHECK_STREQ(wire_name(WIRE_TYPE_MAX), "unknown");
	ATF_CHECK_STREQ(wire_name(0xffffffff), "unknown");
	ATF_CHECK_ERRNO(EINVAL, wire_bounds(0, &min, &max) == -1);
	ATF_CHECK_ERRNO(EINVAL, wire_bounds(0xffffffff, &min, &max) == -1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, minimum);
	ATF_TP_ADD_TC(tp, maximum);
	ATF_TP_ADD_TC(tp, format);
	ATF_TP_ADD_TC(tp, truncated);
	ATF_TP_ADD_TC(tp, surplus);
	ATF_TP_ADD_TC(tp, version);
	ATF_TP_ADD_TC(tp, nul);
	ATF_TP_ADD_TC(tp, too_long);
	ATF_TP_ADD_TC(tp, illegal);
	ATF_TP_ADD_TC(tp, wrong_struct);
	ATF_TP_ADD_TC(tp, descriptor);
	ATF_TP_ADD_TC(tp, names);
	return (atf_no_error());
}
