/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The protocol between the parent and its children.
 *
 * Every message is an imsg whose payload begins with the protocol version
 * and goes on with the fields of one of the structs below, in the order of
 * its description in wire.c: integers big-endian, strings and data with a
 * 16-bit length before them.  Nothing may be left over.  Children talk to
 * the parent and to nobody else; the parent checks each message with
 * wire_check.c before it looks inside.
 */

#ifndef WIRE_H
#define WIRE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION		3
#define WIRE_FD			3	/* every helper's end of its pipe */

#define WIRE_NAME		64	/* bounds include the NUL */
#define WIRE_OPTION		1024
#define WIRE_REASON		256
#define WIRE_FINDING_TEXT	1024
#define WIRE_SUBJECT		1024
#define WIRE_SAN		4096
#define WIRE_SERVERNAME		256
#define WIRE_ALPN		256
#define WIRE_CIPHER		64
#define WIRE_HASH		128
#define WIRE_KEYID		32	/* SHA-256 of the public key */
#define WIRE_SIGNMAX		1024	/* RSA up to 8192 bits */
#define WIRE_PATH		1024
#define WIRE_ARGUMENTS		4096	/* of a program, each with its NUL */
#define WIRE_ENVIRONMENT	12288
#define WIRE_GROUPS		32
#define WIRE_HOST		256
#define WIRE_ADDRESS_LEN	17	/* family (4 or 6), then 16 bytes */
#define WIRE_ADDRESSES		16	/* of a name that are kept */

struct imsg;
struct imsgbuf;

enum wire_type {
	/* parent to any helper, first: identity */
	WIRE_START = 1,

	/* parent to signer */
	WIRE_KEY,		/* one private key file, as a descriptor */
	WIRE_KEYS_END,		/* no more of them: lock up and answer READY */
	WIRE_SIGN,

	/* signer to parent */
	WIRE_KEYINFO,
	WIRE_KEYBAD,
	WIRE_SIGNED,
	WIRE_UNSIGNED,

	/* parent to spawner */
	WIRE_SERVER,		/* the block's TLS settings */
	WIRE_CHAIN,		/* one certificate chain, as a descriptor */
	WIRE_SERVER_END,	/* no more of them: lock up and answer READY */
	WIRE_FORK,		/* one session, with its end of its pipe */
	WIRE_KILL,		/* a launcher's program as well */

	/* spawner or launcher to parent */
	WIRE_FORKED,
	WIRE_UNFORKED,
	WIRE_EXITED,

	/* helper to parent */
	WIRE_READY,
	WIRE_FATAL,

	/* parent to session */
	WIRE_ADOPT,		/* the socket on which TLS is spoken */
	WIRE_SIGNATURE,
	WIRE_NOSIGNATURE,
	WIRE_ACCEPT,		/* go ahead, with the backend's descriptor */
	WIRE_REFUSE,
	WIRE_CLOSE,		/* end gracefully */

	/* session to parent */
	WIRE_ASKSIGN,
	WIRE_ESTABLISHED,
	WIRE_DONE,

	/* Numbers are in logs: what came later stands behind. */

	/* parent to spawner, before SERVER_END */
	WIRE_CA,		/* trusted roots, as a descriptor */
	WIRE_CRL,		/* revoked certificates, as a descriptor */
	WIRE_STAPLE,		/* the OCSP answer of the chain before it */
	WIRE_MATCH,		/* one rule about server names, in order */

	/* session to parent */
	WIRE_ADDRESS,		/* what the PROXY header said */

	/* parent to launcher */
	WIRE_PROGRAM,		/* what it may run, by a number */
	WIRE_PROGRAM_END,	/* no more of them: lock up and answer READY */
	WIRE_STDERR,		/* descriptor 2 of the program to be run next */
	WIRE_RUN,		/* run one, with its descriptor 0 and 1 */
	WIRE_TERM,

	/* parent to resolver, and its answer */
	WIRE_RESOLVE,
	WIRE_RESOLVED,

	/* session to parent, where there are rules, and its answer */
	WIRE_IDENTITY,		/* the peer's, in the middle of a handshake */
	WIRE_ALLOWED,		/* else: REFUSE */

	/* launcher to parent: a RUN, TERM or KILL was dealt with */
	WIRE_TAKEN,

	/* parent to checker: a file, as a descriptor, or what was said */
	WIRE_CHECK,

	/* checker to parent: what is wrong with it, if anything, and the end */
	WIRE_FINDING,
	WIRE_CHECKED,

	WIRE_TYPE_MAX
};

/* START: flags */
#define WIRE_START_DROP		0x01	/* chroot to ".", change user */
#define WIRE_START_OPTIONAL	0x02	/* run on where no sandbox exists */
#define WIRE_START_ROOT		0x04	/* a launcher: it changes user later */
#define WIRE_START_FILES	0x08	/* a resolver: no chroot */
#define WIRE_START_CHECK	0x10	/* a checker: it serves nobody */

struct wire_start {
	uint32_t	 ws_uid;
	uint32_t	 ws_gid;
	uint32_t	 ws_nofile;	/* RLIMIT_NOFILE to set */
	uint8_t		 ws_flags;
	char		 ws_title[WIRE_NAME];
};

struct wire_key {
	uint32_t	 wk_index;
};

enum wire_keytype {
	WIRE_KEYTYPE_RSA = 1,
	WIRE_KEYTYPE_ECDSA
};

struct wire_keyinfo {
	uint32_t	 wi_index;
	uint8_t		 wi_type;	/* enum wire_keytype */
	uint32_t	 wi_bits;
	uint8_t		 wi_id[WIRE_KEYID];
};

struct wire_keybad {
	uint32_t	 wb_index;
	char		 wb_reason[WIRE_REASON];
};

/* SIGN: flags */
#define WIRE_SIGN_PKCS1		0x01	/* for TLS 1.2: PKCS#1 v1.5 as well */

struct wire_sign {
	uint64_t	 wg_request;
	uint32_t	 wg_index;
	uint8_t		 wg_type;	/* enum wire_keytype */
	uint8_t		 wg_flags;
	uint16_t	 wg_len;
	uint8_t		 wg_data[WIRE_SIGNMAX];
};

struct wire_signed {
	uint64_t	 wn_request;
	uint16_t	 wn_len;
	uint8_t		 wn_data[WIRE_SIGNMAX];
};

struct wire_unsigned {
	uint64_t	 wu_request;
	char		 wu_reason[WIRE_REASON];
};

enum wire_auth {
	WIRE_AUTH_OFF,
	WIRE_AUTH_OPTIONAL,
	WIRE_AUTH_REQUIRED
};

/* SERVER: flags */
#define WIRE_SERVER_CLIENT	0x01	/* a client block: TLS to a target */
#define WIRE_SERVER_ALPN	0x02	/* nothing in common is no matter */
#define WIRE_SERVER_RULES	0x04	/* IDENTITY is asked for ... */
#define WIRE_SERVER_NONE	0x08	/* ... denied without a certificate */
#define WIRE_SERVER_RESET	0x10	/* a bare end is passed on as a reset */

struct wire_server {
	char		 wv_name[WIRE_NAME];
	char		 wv_protocol[WIRE_OPTION];
	char		 wv_ciphers[WIRE_OPTION];
	char		 wv_curves[WIRE_OPTION];
	char		 wv_alpn[WIRE_ALPN];
	uint8_t		 wv_auth;	/* enum wire_auth */
	uint8_t		 wv_flags;
	uint32_t	 wv_handshake;	/* these three in milliseconds */
	uint32_t	 wv_idle;
	uint32_t	 wv_close;
};

struct wire_chain {
	uint32_t	 wc_index;
	uint8_t		 wc_id[WIRE_KEYID];
};

/* MATCH: the first that fits decides */
enum wire_selector {
	WIRE_MATCH_NAME = 1,	/* the pattern */
	WIRE_MATCH_UNKNOWN,	/* a name that no certificate is for */
	WIRE_MATCH_ABSENT	/* no name at all */
};

struct wire_match {
	uint8_t		 wm_selector;	/* enum wire_selector */
	uint8_t		 wm_refuse;
	char		 wm_pattern[WIRE_SERVERNAME];
};

/* FORK, KILL, TERM, STDERR */
struct wire_id {
	uint64_t	 wx_session;
};

struct wire_forked {
	uint64_t	 wfk_session;
	uint32_t	 wfk_pid;	/* believed of a descendant only */
};

struct wire_unforked {
	uint64_t	 wf_session;
	uint32_t	 wf_errno;
};

struct wire_exited {
	uint64_t	 we_session;
	uint32_t	 we_signal;	/* 0, or the signal it died of */
	uint32_t	 we_code;	/* exit code when signal is 0 */
};

/* The first argument is the name by which it is run; each has its NUL. */
struct wire_program {
	uint32_t	 wp_index;
	uint32_t	 wp_uid;
	uint32_t	 wp_gid;
	uint16_t	 wp_groups_len;	/* bytes of what follows */
	uint8_t		 wp_groups[4 * WIRE_GROUPS];	/* big-endian */
	char		 wp_path[WIRE_PATH];
	uint16_t	 wp_arguments_len;
	uint8_t		 wp_arguments[WIRE_ARGUMENTS];
};

/* RUN: "NAME=value" strings, each with its NUL */
struct wire_run {
	uint64_t	 wrn_session;
	uint32_t	 wrn_index;
	uint16_t	 wrn_environment_len;
	uint8_t		 wrn_environment[WIRE_ENVIRONMENT];
};

struct wire_resolve {
	uint32_t	 wre_request;
	char		 wre_host[WIRE_HOST];
};

/* Error 0 and at least one address, or a number of securetcp.h and why. */
struct wire_resolved {
	uint32_t	 wrd_request;
	uint32_t	 wrd_error;
	char		 wrd_reason[WIRE_REASON];
	uint16_t	 wrd_addresses_len;
	uint8_t		 wrd_addresses[WIRE_ADDRESSES * WIRE_ADDRESS_LEN];
};

/* READY: the sandbox in force, "none" where there is none */
struct wire_ready {
	char		 wr_sandbox[WIRE_NAME];
};

/* FATAL, NOSIGNATURE */
struct wire_text {
	char		 wt_text[WIRE_REASON];
};

/* ADOPT: flags */
#define WIRE_ADOPT_PROXY	0x01	/* a PROXY header comes before TLS */

/* The name is for clients: to ask for, and to find in the certificate. */
struct wire_adopt {
	uint8_t		 wad_flags;
	char		 wad_servername[WIRE_SERVERNAME];
};

/* ADDRESS: family 4 or 6, or 0: the connection's own addresses hold */
struct wire_address {
	uint8_t		 wdr_family;
	uint8_t		 wdr_src[16];
	uint8_t		 wdr_dst[16];
	uint16_t	 wdr_srcport;
	uint16_t	 wdr_dstport;
};

/* SIGNATURE */
struct wire_signature {
	uint16_t	 wl_len;
	uint8_t		 wl_data[WIRE_SIGNMAX];
};

enum wire_mode {
	WIRE_MODE_BACKEND = 1,	/* the plain side's descriptor comes along */
	WIRE_MODE_ECHO,
	WIRE_MODE_PROGRAM	/* it does, and a program has the other end */
};

struct wire_accept {
	uint8_t		 wa_mode;	/* enum wire_mode */
};

/* REFUSE: why; the session closes and reports it back in DONE */
struct wire_refuse {
	uint32_t	 wo_error;
	char		 wo_reason[WIRE_REASON];
};

struct wire_asksign {
	uint8_t		 wq_id[WIRE_KEYID];
	uint8_t		 wq_type;	/* enum wire_keytype */
	uint16_t	 wq_len;
	uint8_t		 wq_data[WIRE_SIGNMAX];
};

/* ESTABLISHED: the peer */
#define WIRE_PEER_GIVEN		0x01	/* gave a certificate, but: */
#define WIRE_PEER_NAMES		0x02	/* not all its names are said */
#define WIRE_PEER_LONG		0x04	/* subject or issuer do not fit: "" */

/* IDENTITY as well.  Empty strings: unknown yet, or the peer gave nothing. */
struct wire_established {
	char		 wh_version[WIRE_NAME];
	char		 wh_cipher[WIRE_CIPHER];
	char		 wh_servername[WIRE_SERVERNAME];
	char		 wh_alpn[WIRE_ALPN];
	uint16_t	 wh_match;	/* the MATCH that fitted, from 1; 0 */
	uint8_t		 wh_peer;	/* WIRE_PEER_* */
	char		 wh_subject[WIRE_SUBJECT];
	char		 wh_issuer[WIRE_SUBJECT];
	char		 wh_hash[WIRE_HASH];
	char		 wh_san[WIRE_SAN];	/* "dns:name", a line each */
	uint64_t	 wh_notbefore;
	uint64_t	 wh_notafter;
};

/* DONE: flags */
#define WIRE_DONE_SILENT	0x01	/* the peer left and sent no data */
#define WIRE_DONE_TRUNCATED	0x02	/* it ended without close_notify */
#define WIRE_DONE_LATE		0x04	/* it did not take its end in time */
#define WIRE_DONE_RESET		0x08	/* the other side is to see no end */
#define WIRE_DONE_GONE		0x10	/* truncated, and took nothing more */
#define WIRE_DONE_DISTRUST	0x20	/* its alert: about our certificate */

struct wire_done {
	uint32_t	 wd_error;	/* 0, or a number of securetcp.h */
	uint64_t	 wd_in;		/* plaintext bytes from the peer */
	uint64_t	 wd_out;	/* plaintext bytes to the peer */
	uint8_t		 wd_flags;
	char		 wd_reason[WIRE_REASON];
};

enum wire_check_kind {
	WIRE_CHECK_CHAIN = 1,	/* files, as descriptors */
	WIRE_CHECK_STAPLE,
	WIRE_CHECK_CA,
	WIRE_CHECK_CRL,
	WIRE_CHECK_PROTOCOL,	/* settings, as texts */
	WIRE_CHECK_CIPHERS,
	WIRE_CHECK_CURVES,
	WIRE_CHECK_ALPN,
	WIRE_CHECK_SHOWN	/* the certificate of that name, in a block */
};

/* CHECK: flags */
#define WIRE_CHECK_MORE		0x01	/* goes with the one before it */
#define WIRE_CHECK_STAPLED	0x02	/* CHAIN: a STAPLE is configured */
#define WIRE_CHECK_CLIENT	0x04	/* SHOWN: by a client block */

/* MORE: a CHAIN's STAPLE, a CA's CRL, a further SHOWN of the same block. */
struct wire_question {
	uint32_t	 wqu_number;
	uint8_t		 wqu_kind;	/* enum wire_check_kind */
	uint8_t		 wqu_flags;
	char		 wqu_text[WIRE_OPTION];	/* a setting, or a name */
};

/* FINDING: flags */
#define WIRE_FINDING_ERROR	0x01	/* else a warning */

struct wire_finding {
	uint32_t	 wfi_number;	/* of the CHECK */
	uint8_t		 wfi_flags;
	uint32_t	 wfi_line;	/* of the file; 0: of all of it */
	char		 wfi_text[WIRE_FINDING_TEXT];
};

/* CHECKED: flags, and no time */
#define WIRE_NEVER		UINT64_MAX
#define WIRE_CHECKED_TLS12	0x01	/* PROTOCOL: TLS 1.2 is among them */

/* CHAIN: key and dates of its leaf.  STAPLE, CRL: when the next is due. */
struct wire_checked {
	uint32_t	 wck_number;
	uint8_t		 wck_flags;
	uint8_t		 wck_type;	/* enum wire_keytype, or 0 */
	uint8_t		 wck_id[WIRE_KEYID];
	uint64_t	 wck_since;	/* times; WIRE_NEVER: unknown */
	uint64_t	 wck_until;
};

/* The sender of a message. */
enum wire_role {
	WIRE_SIGNER = 1,
	WIRE_SPAWNER,
	WIRE_LAUNCHER,
	WIRE_RESOLVER,
	WIRE_CHECKER,
	WIRE_SESSION
};

enum wire_state {
	WIRE_LOADING,		/* a helper before READY */
	WIRE_RUNNING		/* and after it */
};

/* The messages that a child may send at a time, as sets of types. */
struct wire_says {
	uint64_t	 wsy_often;
	uint64_t	 wsy_once;	/* once in its life */
};

#define WIRE_SAY(type)		((uint64_t)1 << WIRE_##type)

/*
 * wire.c
 *
 * wire_send() queues one message; the descriptor (-1: none) is its own from
 * the call on and is closed when it fails.  wire_parse() may be called once
 * for a message: it fills in the payload's struct, EPROTONOSUPPORT for
 * another version (named in *version), EBADMSG for anything malformed.
 * Messages without a payload take NULL and 0.  wire_fd() takes the
 * descriptor that came with a message, close-on-exec, or returns -1: not
 * every system's imsg_get_fd(3) sees to that.
 */
int		 wire_send(struct imsgbuf *, enum wire_type, int, const void *,
		    size_t);
int		 wire_fd(struct imsg *);
int		 wire_parse(struct imsg *, void *, size_t);
int		 wire_parse_version(struct imsg *, void *, size_t,
		    unsigned int *);
/* The smallest and the greatest size of a message, its version included. */
int		 wire_bounds(uint32_t, size_t *, size_t *);
const char	*wire_name(uint32_t);

/*
 * wire_check.c: NULL, or why a message of this type and size may not come.
 * The set of what came already starts as 0 and belongs to the child.
 *
 * wire_legal() takes what the child may say now, and all that it may say at
 * any time; the parent's phase.c has that of a session.  wire_check() knows
 * it of a helper.
 */
const char	*wire_legal(const struct wire_says *, uint64_t, uint64_t *,
		    uint32_t, size_t);
const char	*wire_check(enum wire_role, enum wire_state, uint64_t *,
		    uint32_t, size_t);

#endif /* WIRE_H */
