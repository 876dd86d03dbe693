/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

/* Greater than any message: regress/unit/wire compares wire_bounds() with it. */
#define WIRE_MAX	16000

enum wire_kind {
	WIRE_END = 0,
	WIRE_U8,
	WIRE_U16,
	WIRE_U32,
	WIRE_U64,
	WIRE_BYTES,		/* exactly so many */
	WIRE_STRING,		/* in an array, NUL-terminated there */
	WIRE_DATA		/* in an array, its length in another member */
};

struct wire_field {
	enum wire_kind	 wf_kind;
	size_t		 wf_offset;
	size_t		 wf_size;	/* of the array */
	size_t		 wf_length;	/* DATA: where its length is */
};

struct wire_layout {
	const char		*wl_name;
	size_t			 wl_size;	/* of the struct */
	const struct wire_field	*wl_fields;
};

#define SIZE(s, m)	sizeof(((struct s *)0)->m)
#define U8(s, m)	{ WIRE_U8, offsetof(struct s, m), SIZE(s, m), 0 }
#define U16(s, m)	{ WIRE_U16, offsetof(struct s, m), SIZE(s, m), 0 }
#define U32(s, m)	{ WIRE_U32, offsetof(struct s, m), SIZE(s, m), 0 }
#define U64(s, m)	{ WIRE_U64, offsetof(struct s, m), SIZE(s, m), 0 }
#define BYTES(s, m)	{ WIRE_BYTES, offsetof(struct s, m), SIZE(s, m), 0 }
#define STRING(s, m)	{ WIRE_STRING, offsetof(struct s, m), SIZE(s, m), 0 }
#define DATA(s, m, l)	{ WIRE_DATA, offsetof(struct s, m), SIZE(s, m), \
			    offsetof(struct s, l) }
#define END		{ WIRE_END, 0, 0, 0 }

static const struct wire_field wire_none[] = {
	END
};

static const struct wire_field wire_start_fields[] = {
	U32(wire_start, ws_uid),
	U32(wire_start, ws_gid),
	U32(wire_start, ws_nofile),
	U8(wire_start, ws_flags),
	STRING(wire_start, ws_title),
	END
};

static const struct wire_field wire_key_fields[] = {
	U32(wire_key, wk_index),
	END
};

static const struct wire_field wire_keyinfo_fields[] = {
	U32(wire_keyinfo, wi_index),
	U8(wire_keyinfo, wi_type),
	U32(wire_keyinfo, wi_bits),
	BYTES(wire_keyinfo, wi_id),
	END
};

static const struct wire_field wire_keybad_fields[] = {
	U32(wire_keybad, wb_index),
	STRING(wire_keybad, wb_reason),
	END
};

static const struct wire_field wire_sign_fields[] = {
	U64(wire_sign, wg_request),
	U32(wire_sign, wg_index),
	U8(wire_sign, wg_type),
	U8(wire_sign, wg_flags),
	DATA(wire_sign, wg_data, wg_len),
	END
};

static const struct wire_field wire_signed_fields[] = {
	U64(wire_signed, wn_request),
	DATA(wire_signed, wn_data, wn_len),
	END
};

static const struct wire_field wire_unsigned_fields[] = {
	U64(wire_unsigned, wu_request),
	STRING(wire_unsigned, wu_reason),
	END
};

static const struct wire_field wire_server_fields[] = {
	STRING(wire_server, wv_name),
	STRING(wire_server, wv_protocol),
	STRING(wire_server, wv_ciphers),
	STRING(wire_server, wv_curves),
	STRING(wire_server, wv_alpn),
	U8(wire_server, wv_auth),
	U8(wire_server, wv_flags),
	U32(wire_server, wv_handshake),
	U32(wire_server, wv_idle),
	U32(wire_server, wv_close),
	END
};

static const struct wire_field wire_chain_fields[] = {
	U32(wire_chain, wc_index),
	BYTES(wire_chain, wc_id),
	END
};

static const struct wire_field wire_match_fields[] = {
	U8(wire_match, wm_selector),
	U8(wire_match, wm_refuse),
	STRING(wire_match, wm_pattern),
	END
};

static const struct wire_field wire_program_fields[] = {
	U32(wire_program, wp_index),
	U32(wire_program, wp_uid),
	U32(wire_program, wp_gid),
	DATA(wire_program, wp_groups, wp_groups_len),
	STRING(wire_program, wp_path),
	DATA(wire_program, wp_arguments, wp_arguments_len),
	END
};

static const struct wire_field wire_run_fields[] = {
	U64(wire_run, wrn_session),
	U32(wire_run, wrn_index),
	DATA(wire_run, wrn_environment, wrn_environment_len),
	END
};

static const struct wire_field wire_resolve_fields[] = {
	U32(wire_resolve, wre_request),
	STRING(wire_resolve, wre_host),
	END
};

static const struct wire_field wire_resolved_fields[] = {
	U32(wire_resolved, wrd_request),
	U32(wire_resolved, wrd_error),
	STRING(wire_resolved, wrd_reason),
	DATA(wire_resolved, wrd_addresses, wrd_addresses_len),
	END
};

static const struct wire_field wire_id_fields[] = {
	U64(wire_id, wx_session),
	END
};

static const struct wire_field wire_forked_fields[] = {
	U64(wire_forked, wfk_session),
	U32(wire_forked, wfk_pid),
	END
};

static const struct wire_field wire_unforked_fields[] = {
	U64(wire_unforked, wf_session),
	U32(wire_unforked, wf_errno),
	END
};

static const struct wire_field wire_exited_fields[] = {
	U64(wire_exited, we_session),
	U32(wire_exited, we_signal),
	U32(wire_exited, we_code),
	END
};

static const struct wire_field wire_ready_fields[] = {
	STRING(wire_ready, wr_sandbox),
	END
};

static const struct wire_field wire_text_fields[] = {
	STRING(wire_text, wt_text),
	END
};

static const struct wire_field wire_adopt_fields[] = {
	U8(wire_adopt, wad_flags),
	STRING(wire_adopt, wad_servername),
	END
};

static const struct wire_field wire_address_fields[] = {
	U8(wire_address, wdr_family),
	BYTES(wire_address, wdr_src),
	BYTES(wire_address, wdr_dst),
	U16(wire_address, wdr_srcport),
	U16(wire_address, wdr_dstport),
	END
};

static const struct wire_field wire_signature_fields[] = {
	DATA(wire_signature, wl_data, wl_len),
	END
};

static const struct wire_field wire_accept_fields[] = {
	U8(wire_accept, wa_mode),
	END
};

static const struct wire_field wire_refuse_fields[] = {
	U32(wire_refuse, wo_error),
	STRING(wire_refuse, wo_reason),
	END
};

static const struct wire_field wire_asksign_fields[] = {
	BYTES(wire_asksign, wq_id),
	U8(wire_asksign, wq_type),
	DATA(wire_asksign, wq_data, wq_len),
	END
};

static const struct wire_field wire_established_fields[] = {
	STRING(wire_established, wh_version),
	STRING(wire_established, wh_cipher),
	STRING(wire_established, wh_servername),
	STRING(wire_established, wh_alpn),
	U16(wire_established, wh_match),
	U8(wire_established, wh_peer),
	STRING(wire_established, wh_subject),
	STRING(wire_established, wh_issuer),
	STRING(wire_established, wh_hash),
	STRING(wire_established, wh_san),
	U64(wire_established, wh_notbefore),
	U64(wire_established, wh_notafter),
	END
};

static const struct wire_field wire_done_fields[] = {
	U32(wire_done, wd_error),
	U64(wire_done, wd_in),
	U64(wire_done, wd_out),
	U8(wire_done, wd_flags),
	STRING(wire_done, wd_reason),
	END
};

static const struct wire_field wire_question_fields[] = {
	U32(wire_question, wqu_number),
	U8(wire_question, wqu_kind),
	U8(wire_question, wqu_flags),
	STRING(wire_question, wqu_text),
	END
};

static const struct wire_field wire_finding_fields[] = {
	U32(wire_finding, wfi_number),
	U8(wire_finding, wfi_flags),
	U32(wire_finding, wfi_line),
	STRING(wire_finding, wfi_text),
	END
};

static const struct wire_field wire_checked_fields[] = {
	U32(wire_checked, wck_number),
	U8(wire_checked, wck_flags),
	U8(wire_checked, wck_type),
	BYTES(wire_checked, wck_id),
	U64(wire_checked, wck_since),
	U64(wire_checked, wck_until),
	END
};

#define LAYOUT(t, s)	[WIRE_##t] = { #t, sizeof(struct s), s##_fields }
#define EMPTY(t)	[WIRE_##t] = { #t, 0, wire_none }

static const struct wire_layout wire_layouts[WIRE_TYPE_MAX] = {
	LAYOUT(START, wire_start),
	LAYOUT(KEY, wire_key),
	EMPTY(KEYS_END),
	LAYOUT(SIGN, wire_sign),
	LAYOUT(KEYINFO, wire_keyinfo),
	LAYOUT(KEYBAD, wire_keybad),
	LAYOUT(SIGNED, wire_signed),
	LAYOUT(UNSIGNED, wire_unsigned),
	LAYOUT(SERVER, wire_server),
	EMPTY(CA),
	EMPTY(CRL),
	LAYOUT(CHAIN, wire_chain),
	EMPTY(STAPLE),
	LAYOUT(MATCH, wire_match),
	EMPTY(SERVER_END),
	LAYOUT(FORK, wire_id),
	LAYOUT(KILL, wire_id),
	LAYOUT(PROGRAM, wire_program),
	EMPTY(PROGRAM_END),
	LAYOUT(STDERR, wire_id),
	LAYOUT(RUN, wire_run),
	LAYOUT(TERM, wire_id),
	LAYOUT(RESOLVE, wire_resolve),
	LAYOUT(RESOLVED, wire_resolved),
	LAYOUT(FORKED, wire_forked),
	LAYOUT(UNFORKED, wire_unforked),
	LAYOUT(EXITED, wire_exited),
	LAYOUT(READY, wire_ready),
	LAYOUT(FATAL, wire_text),
	LAYOUT(ADOPT, wire_adopt),
	LAYOUT(SIGNATURE, wire_signature),
	LAYOUT(NOSIGNATURE, wire_text),
	LAYOUT(ACCEPT, wire_accept),
	LAYOUT(REFUSE, wire_refuse),
	EMPTY(CLOSE),
	LAYOUT(ADDRESS, wire_address),
	LAYOUT(ASKSIGN, wire_asksign),
	LAYOUT(IDENTITY, wire_established),
	EMPTY(ALLOWED),
	EMPTY(TAKEN),
	LAYOUT(ESTABLISHED, wire_established),
	LAYOUT(DONE, wire_done),
	LAYOUT(CHECK, wire_question),
	LAYOUT(FINDING, wire_finding),
	LAYOUT(CHECKED, wire_checked),
};

static const struct wire_layout *
wire_layout(uint32_t type)
{
	if (type >= WIRE_TYPE_MAX || wire_layouts[type].wl_name == NULL)
		return (NULL);
	return (&wire_layouts[type]);
}

const char *
wire_name(uint32_t type)
{
	const struct wire_layout *layout;

	if ((layout = wire_layout(type)) == NULL)
		return ("unknown");
	return (layout->wl_name);
}

int
wire_bounds(uint32_t type, size_t *min, size_t *max)
{
	const struct wire_layout	*layout;
	const struct wire_field		*f;

	if ((layout = wire_layout(type)) == NULL) {
		errno = EINVAL;
		return (-1);
	}
	*min = *max = 1;
	for (f = layout->wl_fields; f->wf_kind != WIRE_END; f++) {
		switch (f->wf_kind) {
		case WIRE_STRING:
			*min += 2;
			*max += 2 + f->wf_size - 1;
			break;
		case WIRE_DATA:
			*min += 2;
			*max += 2 + f->wf_size;
			break;
		default:
			*min += f->wf_size;
			*max += f->wf_size;
			break;
		}
	}
	return (0);
}

/* Integers go over member by member, so that no cast meets an alignment. */
static uint64_t
wire_load(const uint8_t *p, size_t size)
{
	uint64_t	 n64;
	uint32_t	 n32;
	uint16_t	 n16;

	switch (size) {
	case 1:
		return (*p);
	case 2:
		memcpy(&n16, p, sizeof(n16));
		return (n16);
	case 4:
		memcpy(&n32, p, sizeof(n32));
		return (n32);
	default:
		memcpy(&n64, p, sizeof(n64));
		return (n64);
	}
}

static void
wire_store(uint8_t *p, size_t size, uint64_t n)
{
	uint32_t	 n32 = (uint32_t)n;
	uint16_t	 n16 = (uint16_t)n;

	switch (size) {
	case 1:
		*p = (uint8_t)n;
		break;
	case 2:
		memcpy(p, &n16, sizeof(n16));
		break;
	case 4:
		memcpy(p, &n32, sizeof(n32));
		break;
	default:
		memcpy(p, &n, sizeof(n));
		break;
	}
}

static size_t
wire_put(uint8_t *out, size_t size, uint64_t n)
{
	size_t	 i;

	for (i = 0; i < size; i++)
		out[i] = (uint8_t)(n >> (8 * (size - 1 - i)));
	return (size);
}

static int
wire_get(struct ibuf *in, size_t size, uint64_t *n)
{
	uint8_t	 bytes[8];
	size_t	 i;

	if (ibuf_get(in, bytes, size) == -1)
		return (-1);
	for (*n = 0, i = 0; i < size; i++)
		*n = *n << 8 | bytes[i];
	return (0);
}

/* Returns how many bytes the field took, 0 when its content is illegal. */
static size_t
wire_encode(const struct wire_field *f, const uint8_t *payload, uint8_t *out)
{
	const uint8_t	*member = payload + f->wf_offset;
	size_t		 len;

	switch (f->wf_kind) {
	case WIRE_BYTES:
		len = f->wf_size;
		memcpy(out, member, len);
		return (len);
	case WIRE_STRING:
		len = strnlen((const char *)member, f->wf_size);
		if (len == f->wf_size)
			return (0);
		break;
	case WIRE_DATA:
		len = wire_load(payload + f->wf_length, sizeof(uint16_t));
		if (len > f->wf_size)
			return (0);
		break;
	default:
		return (wire_put(out, f->wf_size,
		    wire_load(member, f->wf_size)));
	}
	wire_put(out, sizeof(uint16_t), len);
	memcpy(out + sizeof(uint16_t), member, len);
	return (sizeof(uint16_t) + len);
}

static int
wire_decode(const struct wire_field *f, struct ibuf *in, uint8_t *payload)
{
	uint8_t		*member = payload + f->wf_offset;
	uint64_t	 n;

	switch (f->wf_kind) {
	case WIRE_BYTES:
		return (ibuf_get(in, member, f->wf_size));
	case WIRE_STRING:
		if (wire_get(in, sizeof(uint16_t), &n) == -1 ||
		    n >= f->wf_size || ibuf_get(in, member, n) == -1 ||
		    memchr(member, '\0', n) != NULL)
			return (-1);
		return (0);
	case WIRE_DATA:
		if (wire_get(in, sizeof(uint16_t), &n) == -1 ||
		    n > f->wf_size || ibuf_get(in, member, n) == -1)
			return (-1);
		wire_store(payload + f->wf_length, sizeof(uint16_t), n);
		return (0);
	default:
		if (wire_get(in, f->wf_size, &n) == -1)
			return (-1);
		wire_store(member, f->wf_size, n);
		return (0);
	}
}

int
wire_send(struct imsgbuf *imsgbuf, enum wire_type type, int fd,
    const void *payload, size_t size)
{
	uint8_t				 out[WIRE_MAX];
	const struct wire_layout	*layout;
	const struct wire_field		*f;
	size_t				 len, n;

	if ((layout = wire_layout(type)) == NULL || size != layout->wl_size ||
	    (payload == NULL) != (size == 0))
		goto invalid;
	out[0] = WIRE_VERSION;
	len = 1;
	for (f = layout->wl_fields; f->wf_kind != WIRE_END; f++) {
		if ((n = wire_encode(f, payload, out + len)) == 0)
			goto invalid;
		len += n;
	}
	if (imsg_compose(imsgbuf, type, 0, 0, fd, out, len) == -1)
		goto fail;
	return (0);

invalid:
	errno = EINVAL;
fail:
	if (fd != -1) {
		int	 saved_errno = errno;

		(void)close(fd);
		errno = saved_errno;
	}
	return (-1);
}

int
wire_fd(struct imsg *imsg)
{
	int	 fd;

	if ((fd = imsg_get_fd(imsg)) == -1)
		return (-1);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

int
wire_parse_version(struct imsg *imsg, void *payload, size_t size,
    unsigned int *version)
{
	const struct wire_layout	*layout;
	const struct wire_field		*f;
	struct ibuf			 in;
	uint64_t			 n;

	layout = wire_layout(imsg_get_type(imsg));
	if (layout == NULL || size != layout->wl_size ||
	    (payload == NULL) != (size == 0)) {
		errno = EINVAL;
		return (-1);
	}
	if (size != 0)
		memset(payload, 0, size);
	if (imsg_get_ibuf(imsg, &in) == -1 || wire_get(&in, 1, &n) == -1)
		goto malformed;
	*version = (unsigned int)n;
	if (n != WIRE_VERSION) {
		errno = EPROTONOSUPPORT;
		return (-1);
	}
	for (f = layout->wl_fields; f->wf_kind != WIRE_END; f++) {
		if (wire_decode(f, &in, payload) == -1)
			goto malformed;
	}
	if (ibuf_size(&in) != 0)
		goto malformed;
	return (0);

malformed:
	/* Half a message must not be used by mistake. */
	if (size != 0)
		memset(payload, 0, size);
	errno = EBADMSG;
	return (-1);
}

int
wire_parse(struct imsg *imsg, void *payload, size_t size)
{
	unsigned int	 version;

	return (wire_parse_version(imsg, payload, size, &version));
}
