/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef SECURETCPD_H
#define SECURETCPD_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/tree.h>

#include <netinet/in.h>

#include <event.h>
#include <imsg.h>
#include <stdint.h>
#include <time.h>

#include "compat.h"
#include "conf.h"
#include "phase.h"
#include "sandbox.h"
#include "securetcp.h"
#include "wire.h"

#define SESSION_QUEUE_MAX	16	/* messages one may leave unread */
#define PROC_QUEUE_MAX		8192
#define FD_RESERVE		32	/* kept free so adoptions can finish */
#define SIGNER_ASKED		2	/* one at work, and the next */
#define SILENT_SECONDS		5	/* until a helper has to say a word */
#define LEAVE_SECONDS		2	/* until a session that lingers dies */
#define CRASH_MAX		8	/* crashes of a server's sessions ... */
#define CRASH_WINDOW		10	/* ... in so many seconds stop it ... */
#define CRASH_PAUSE		10	/* ... for so many */
#define POOL_MAX		256	/* idle sessions of a server, at most */
#define START_SECONDS		30	/* until a helper must be ready */
#define PROC_BACKOFF		30	/* seconds between tries, at most */
#define SOURCE_MAX		1024	/* sources remembered for crashes ... */
#define SOURCE_SECONDS		3600	/* ... for so long */

#define CERTIFICATE_SOON	(14 * 24 * 60 * 60)	/* it is to be renewed */

struct session;
struct generation;

/* Events of connections, which securetcpctl(8) can be told. */
enum event_kind {
	EVENT_STATE = 1,
	EVENT_ERROR = 2,
	EVENT_AUTHENTICATE = 4,
	EVENT_ALL = 7
};

/* The rules' decision about a peer, and which of them has made it. */
struct verdict {
	unsigned int	 vd_rule;	/* from 1; 0: none of them */
	int		 vd_line;	/* of that rule */
	char		 vd_reason[WIRE_REASON];	/* why it is denied */
};

/* The standard error of a program, on its way to the log. */
#define ERRLOG_LINE	512

struct errlog {
	int			 el_fd;		/* -1: all was read */
	struct event		 el_ev;
	struct event		 el_timer;	/* to the end of a second */
	unsigned int		 el_lines;	/* in this second */
	int			 el_paused;	/* until the next one */
	int			 el_ended;	/* the program has ... */
	size_t			 el_left;	/* ... and so much is taken, */
	unsigned int		 el_seconds;	/* for so long already */
	size_t			 el_len;
	char			 el_buf[ERRLOG_LINE + 1];
	uint64_t		 el_session;
	char			 el_server[WIRE_NAME];
	char			 el_from[80];
	void			 (*el_gone)(struct errlog *);
};

/* The parent's own descriptor of a connection; -1: none. */
struct hold {
	int			 ho_fd;
	uint64_t		 ho_taken;	/* as of the last look */
	uint64_t		 ho_given;
};

/* A program at work. */
enum execution_stage {
	EXECUTION_RUNNING,
	EXECUTION_GRACE,	/* its connection has ended: it may leave */
	EXECUTION_TERM,		/* it was told to */
	EXECUTION_KILL
};

struct execution {
	RB_ENTRY(execution)	 ex_node;
	uint64_t		 ex_id;		/* the session's */
	struct session		*ex_session;	/* NULL: closed */
	struct generation	*ex_generation;
	enum execution_stage	 ex_stage;
	struct event		 ex_timer;	/* to the next stage */
	int			 ex_ended;	/* no more comes of it ... */
	int			 ex_told;	/* ... and how is known: */
	uint32_t		 ex_signal;
	uint32_t		 ex_code;
	struct errlog		 ex_errlog;
	struct hold		 ex_hold;	/* it is to see no end */
};

/* A child's pipe as the parent sees it: what it may say, what waits. */
struct child {
	struct imsgbuf		 c_ibuf;
	struct event		 c_ev;
	int			 c_fd;		/* -1: closed */
	short			 c_events;
	enum wire_role		 c_role;
	enum wire_state		 c_state;
	uint64_t		 c_once;
	int64_t			 c_heard;	/* by clock_now() */
	/* Returns NULL, or why it may not say that. */
	const char		*(*c_check)(struct child *, uint32_t, size_t);
	void			 (*c_message)(struct child *, struct imsg *);
	void			 (*c_gone)(struct child *, const char *);
	void			*c_owner;
};

struct post;
struct proc;

/* How one kind of the programs of libexec differs from the others. */
struct proc_kind {
	const char		*pk_name;	/* in titles and in the log */
	const char		*pk_program;
	enum wire_role		 pk_role;
	enum sandbox_role	 pk_loading;	/* its promises before ... */
	enum sandbox_role	 pk_running;	/* ... and after READY */
	enum compat_shortage	 pk_shortage;
	uint8_t			 pk_flags;	/* of its START */
	int			 pk_leads;	/* its forks are found by it */
	int			 pk_executes;	/* what is to inherit nothing */
	unsigned int		 pk_patience;	/* seconds for an answer */
	/* Fills the post again, where each process has its own owner. */
	void			 (*pk_start)(struct post *);
	/* Sends START and what else it has to know; -1 with errno. */
	int			 (*pk_load)(struct proc *);
	/* At READY: NULL, or why that is a violation. */
	const char		*(*pk_fit)(struct proc *);
	void			 (*pk_ready)(struct proc *);
	/* Its other messages: NULL, or why one is a violation. */
	const char		*(*pk_message)(struct proc *, struct imsg *);
	/* Called when it has died, and why.  True: it is to be replaced. */
	int			 (*pk_lost)(struct proc *, const char *);
};

/* A program of libexec and its pipe. */
struct proc {
	TAILQ_ENTRY(proc)	 p_entry;
	const struct proc_kind	*p_kind;
	struct post		*p_post;	/* NULL: nobody's any more */
	void			*p_owner;
	struct child		 p_child;
	pid_t			 p_pid;
	int			 p_ended;	/* and is not reaped yet: */
	int			 p_signal;	/* 0, or what it died of */
	int			 p_code;	/* else its exit code */
	int			 p_used;	/* it was of use */
	struct event		 p_timer;	/* ready, or gone, by then */
	unsigned int		 p_owed;	/* answers, and ... */
	struct event		 p_silent;	/* ... a word by then */
	char			 p_sandbox[WIRE_NAME];	/* once ready */
	char			 p_fatal[WIRE_REASON];
};
TAILQ_HEAD(procs, proc);

/* A place that is always to be filled by a process of that kind. */
struct post {
	const struct proc_kind	*po_kind;
	void			*po_owner;
	struct generation	*po_generation;	/* NULL: of all */
	struct proc		*po_proc;	/* the last one; NULL: died */
	unsigned int		 po_failures;	/* deaths before any use */
	struct event		 po_retry;	/* filled again then */
	char			 po_title[WIRE_NAME];
	char			 po_name[WIRE_NAME + 32];
};

struct signer {
	TAILQ_ENTRY(signer)	 sg_entry;
	struct generation	*sg_generation;
	struct post		 sg_post;
	unsigned int		 sg_keys;	/* answered so far */
	unsigned int		 sg_waiting;	/* signatures asked of it ... */
	uint64_t		 sg_asked[SIGNER_ASKED]; /* ... by whom */
	int			 sg_unfit;	/* the last died of a key */
};
TAILQ_HEAD(signers, signer);

struct spawner {
	TAILQ_ENTRY(spawner)	 sp_entry;
	struct proc		*sp_proc;
	struct service		*sp_service;
	struct edition		*sp_edition;
	unsigned int		 sp_used;	/* connections given to it */
	unsigned int		 sp_sessions;	/* not yet known to be gone */
	int			 sp_retired;	/* forks no more */
	int			 sp_crashed;	/* a session of it crashed */
};
TAILQ_HEAD(spawners, spawner);

TAILQ_HEAD(sessions, session);

/* Among those that are pending. */
struct place {
	TAILQ_ENTRY(place)	 pl_entry;
	struct service		*pl_service;
	struct source		*pl_source;
	uint64_t		 pl_begun;	/* its number: by age */
	struct session		*pl_session;	/* whose it is, or else ... */
	struct visitor		*pl_visitor;
};
TAILQ_HEAD(places, place);

/* A connection without a session. */
struct visitor {
	TAILQ_ENTRY(visitor)	 v_entry;	/* silent or ready, by age */
	struct service		*v_service;
	struct source		*v_source;
	struct place		 v_place;
	struct sockaddr_storage	 v_peer;
	struct event		 v_ev;		/* while it is silent */
	int			 v_fd;
	int			 v_proxy;	/* a PROXY header comes first */
	enum phase		 v_phase;
	int64_t			 v_since;	/* accepted, by clock_now() */
	int64_t			 v_left;	/* once ready: of its timer */
};
TAILQ_HEAD(visitors, visitor);

struct listener {
	TAILQ_ENTRY(listener)	 ln_entry;
	struct service		*ln_service;
	const struct listen	*ln_conf;
	struct listener		*ln_before;	/* of the same address */
	int			 ln_fd;		/* -1: not bound yet */
	struct event		 ln_ev;
	struct event		 ln_retry;	/* tried again then */
	int			 ln_error;	/* of the last try */
	int			 ln_kept;	/* the next one has it */
	int			 ln_polled;
	int			 ln_proxy;	/* expects PROXY headers */
	char			 ln_name[128];
};
TAILQ_HEAD(listeners, listener);

/* Reasons to turn connections away; each is logged once a second at most. */
enum refusal {
	REFUSE_PENALTY,
	REFUSE_TOTAL,
	REFUSE_SOURCE,
	REFUSE_PROXY,
	REFUSE_PENDING,		/* it made room */
	REFUSE_SILENT,		/* the handshake timer */
	REFUSE_MAX
};

struct refused {
	struct service		*rf_service;
	enum refusal		 rf_why;
	struct event		 rf_timer;	/* runs: be quiet */
	unsigned int		 rf_count;	/* since the last line */
	unsigned int		 rf_left;	/* seconds of penalty */
	char			 rf_from[80];
};

/* Errors of one number and reason. */
#define TALLY_REASONS	64	/* of a block; the others are one for each number */
#define TALLY_SLOTS	12	/* of the last minute */

struct count {
	TAILQ_ENTRY(count)	 ct_entry;
	int			 ct_number;
	char			 ct_reason[160];
	uint64_t		 ct_total;
	unsigned int		 ct_recent[TALLY_SLOTS];
	int64_t			 ct_slot;	/* the present one */
};
TAILQ_HEAD(counts, count);

/* Counters of a block since the start. */
struct tally {
	uint64_t		 ta_accepted;	/* by a session */
	uint64_t		 ta_connected;
	uint64_t		 ta_closed;
	uint64_t		 ta_refused;	/* and those without one */
	uint64_t		 ta_errors;
	uint64_t		 ta_crashes;
	uint64_t		 ta_in;
	uint64_t		 ta_out;
	struct counts		 ta_counts;
	unsigned int		 ta_reasons;
};

/* A server block at work; as long as it has its name it is the same. */
struct service {
	TAILQ_ENTRY(service)	 se_entry;
	struct edition		*se_edition;	/* the one that is used */
	struct server		*se_conf;	/* of that */
	unsigned int		 se_number;	/* from 1 */
	int			 se_addresses;	/* local ones are of use */
	struct listeners	 se_listeners;
	struct spawners		 se_spawners;
	struct spawner		*se_spawner;	/* the one that forks now */
	struct sessions		 se_idle;
	RB_HEAD(crowd, source)	 se_crowd;	/* those with handshakes ... */
	unsigned int		 se_crowders;	/* ... are so many */
	unsigned int		 se_idles;
	unsigned int		 se_starting;	/* FORK sent, not answered */
	unsigned int		 se_pendings;
	struct visitors		 se_silent;	/* without a byte ... */
	struct visitors		 se_ready;	/* ... or to be adopted ... */
	unsigned int		 se_visitors;	/* ... are so many */
	struct event		 se_silence;	/* the first is due */
	unsigned int		 se_live;	/* accepted and not closed */
	unsigned int		 se_sessions;	/* processes of it */
	int			 se_leaving;	/* no longer configured */
	unsigned int		 se_target;	/* of the idle pool */
	unsigned int		 se_low;	/* least idle this interval */
	struct event		 se_shrink;
	struct event		 se_hold;	/* runs: fork none */
	unsigned int		 se_unforked;	/* forks failed in a row */
	int64_t			 se_told;	/* of that, the last time ... */
	unsigned int		 se_untold;	/* ... and so many since */
	int64_t			 se_short;	/* one failed, the last time */
	struct refused		 se_refused[REFUSE_MAX];
	time_t			 se_crashes[CRASH_MAX];
	unsigned int		 se_crash;	/* next slot */
	int			 se_paused;	/* by crashes */
	struct event		 se_resume;
	struct tally		 se_tally;
};
TAILQ_HEAD(services, service);

/* A block as one generation has it. */
struct edition {
	TAILQ_ENTRY(edition)	 ed_entry;
	struct generation	*ed_generation;
	struct service		*ed_service;
	struct server		*ed_conf;
	struct post		 ed_post;	/* of its next spawner */
	struct spawner		*ed_spawner;	/* ready, before it is used */
};
TAILQ_HEAD(editions, edition);

/*
 * A configuration that is tried, used, or left to the connections that it was
 * used for, with the helpers that were loaded with it.
 */
enum generation_stage {
	GENERATION_TRIED,
	GENERATION_USED,
	GENERATION_LEFT
};

struct generation {
	TAILQ_ENTRY(generation)	 gn_entry;
	enum generation_stage	 gn_stage;
	unsigned int		 gn_number;	/* from 1; once it is used */
	struct conf		*gn_conf;
	struct editions		 gn_editions;
	struct listeners	 gn_listeners;	/* until it is used */
	struct signers		 gn_signers;
	struct post		 gn_launcher;
	int			 gn_launches;	/* it has need of one */
	unsigned int		 gn_uses;	/* sessions, spawners, programs */
	unsigned int		 gn_handshakes;
	unsigned int		 gn_files;	/* held open */
	unsigned int		 gn_drain;	/* seconds, once it is left */
	struct event		 gn_deadline;	/* of its connections */
};
TAILQ_HEAD(generations, generation);

TAILQ_HEAD(requests, request);

/* An address that connects: its connections, its crashes. */
struct source {
	RB_ENTRY(source)	 so_node;
	TAILQ_ENTRY(source)	 so_entry;	/* with crashes: by the last */
	struct service		*so_service;
	uint8_t			 so_family;
	uint32_t		 so_scope;	/* of a link's address */
	uint8_t			 so_addr[16];
	unsigned int		 so_count;	/* connections */
	unsigned int		 so_held;	/* sessions that point here */
	struct requests		 so_requests;	/* for signatures ... */
	TAILQ_ENTRY(source)	 so_turn;	/* ... if there are any */
	struct places		 so_pending;	/* oldest first */
	unsigned int		 so_pendings;
	unsigned int		 so_silent;	/* of these, without a byte */
	RB_ENTRY(source)	 so_crowd;	/* if there are any */
	unsigned int		 so_crashes;
	time_t			 so_crashed;	/* the last of them */
};

/* Somebody who wants the first answer about a name; its owner's member. */
struct waiter {
	TAILQ_ENTRY(waiter)	 wt_entry;
	struct resolved		*wt_name;	/* NULL: waits for none */
	void			 (*wt_done)(void *);
	void			*wt_arg;
};
TAILQ_HEAD(waiters, waiter);

/* A host name of the configuration, and what is known of it. */
struct resolved {
	TAILQ_ENTRY(resolved)	 rn_entry;
	TAILQ_ENTRY(resolved)	 rn_asked;	/* while it is asked about */
	char			 rn_host[WIRE_HOST];
	unsigned int		 rn_uses;	/* backends of that name */
	uint32_t		 rn_request;	/* 0: not asked about */
	int			 rn_due;	/* to be asked about */
	int			 rn_hurried;	/* in a second at the latest */
	struct event		 rn_timer;	/* due then */
	int			 rn_answered;	/* well or badly */
	uint8_t			 rn_addresses[WIRE_ADDRESSES *
				    WIRE_ADDRESS_LEN];
	size_t			 rn_len;	/* bytes of them */
	int64_t			 rn_learnt;	/* by clock_now() ... */
	int64_t			 rn_told;	/* ... and the last answer */
	int			 rn_error;	/* of the last answer, or 0 */
	char			 rn_reason[WIRE_REASON];
	struct waiters		 rn_waiters;
};
TAILQ_HEAD(resolveds, resolved);

/* orphan.c: a spawner that died before its sessions. */
struct kin {
	LIST_ENTRY(kin)		 k_entry;
	pid_t			 k_spawner;	/* not reaped */
	unsigned int		 k_sessions;
};

struct session {
	RB_ENTRY(session)	 s_node;
	TAILQ_ENTRY(session)	 s_entry;	/* idle or collect */
	struct child		 s_child;
	uint64_t		 s_id;
	struct service		*s_service;
	struct server		*s_conf;	/* as of its generation */
	struct generation	*s_generation;
	struct spawner		*s_spawner;	/* NULL: it died first */
	struct kin		*s_kin;		/* then: it, and its sessions */
	pid_t			 s_pid;		/* as the spawner said */
	enum phase		 s_phase;
	struct sockaddr_storage	 s_peer;	/* as its proxy names it */
	struct sockaddr_storage	 s_local;
	char			 s_from[80];
	char			 s_via[80];	/* the proxy, or "" */
	struct source		*s_source;	/* NULL: never adopted */
	int			 s_proxy;	/* its peer is a proxy so far */
	int64_t			 s_since;	/* accepted, by clock_now() */
	struct event		 s_timer;
	struct place		 s_place;	/* while it is pending */
	struct request		*s_request;	/* waits for a signer */
	struct signer		*s_signer;	/* has its request */
	int			 s_distrust;	/* the peer's of us */
	int			 s_signed;	/* it was given its signature */
	int			 s_kept;	/* and had to wait for it */
	struct wire_established	*s_facts;
	char			*s_told;	/* of them, once connected */
	struct backend		*s_counted;	/* among its connections */
	struct execution	*s_execution;	/* NULL: no program */
	int			 s_plain;	/* of a client block; else -1 */
	struct hold		 s_outer;	/* where TLS is spoken ... */
	struct hold		 s_inner;	/* ... and the other side */
	struct backends		*s_backends;	/* those it may go to ... */
	struct backend		*s_target;	/* ... and the present one */
	struct sockaddr_storage	 s_to;		/* the address of it ... */
	size_t			 s_first;	/* ... from this one on */
	size_t			 s_address;	/* so many were tried ... */
	size_t			 s_addresses;	/* ... of so many */
	struct waiter		 s_waiter;	/* until its name is resolved */
	uint64_t		 s_tried;	/* by their numbers ... */
	uint64_t		 s_busy;	/* ... and to be asked again */
	int			 s_backend;	/* connecting; else -1 */
	int			 s_backend_error;	/* of the last one */
	char			**s_failed;	/* how, of each that did */
	int64_t			 s_backend_until;	/* the timer's */
	struct event		 s_backend_ev;
	uint8_t			*s_header;	/* PROXY, to be written first */
	size_t			 s_headerlen;
	size_t			 s_headeroff;
	int			 s_error;	/* we refused it for this ... */
	char			*s_reason;	/* ... and why */
	int			 s_done;	/* DONE was said: it holds nothing */
	int			 s_probe;	/* reset after the handshake */
	int			 s_partial;	/* no end for the other side */
	uint64_t		 s_in;
	uint64_t		 s_out;
	uint32_t		 s_signal;
	uint32_t		 s_code;
	int			 s_forked;
	int			 s_exited;
	int			 s_deserted;	/* idle, its pipe ended */
	int			 s_ordered;	/* we had it killed */
};

/* -U: has the daemon before this one let go of what it had? */
enum upgrade_stage {
	UPGRADE_NONE,		/* there is none */
	UPGRADE_ASKED,
	UPGRADE_TAKEN
};

/* The daemon. */
struct securetcpd {
	struct generation	*sd_generation;	/* the one that is used */
	struct conf		*sd_conf;	/* of that */
	struct generations	 sd_generations;
	struct services		 sd_services;
	char			 sd_file[PATH_MAX];	/* of the configuration */
	uid_t			 sd_uid;	/* sessions and spawners */
	gid_t			 sd_gid;
	uid_t			 sd_signer_uid;
	gid_t			 sd_signer_gid;
	int			 sd_drop;	/* chroot and change user */
	int			 sd_chrootfd;
	int			 sd_debug;
	int			 sd_verbose;
	int			 sd_check;	/* -n */
	enum upgrade_stage	 sd_upgrade;
	int			 sd_started;
	int			 sd_stopping;
	int			 sd_draining;
	int			 sd_quit;
	int			 sd_status;	/* exit code */
	unsigned int		 sd_errors;	/* keys that do not fit */
	unsigned int		 sd_live;	/* accepted and not closed */
	unsigned int		 sd_fds;	/* sockets and pipes held */
	unsigned int		 sd_nofile;
	int64_t			 sd_since;	/* the start, by clock_now() */
	int			 sd_built;	/* run from the build tree */
	char			 sd_libexec[PATH_MAX];
};
extern struct securetcpd *env;

/* securetcpd.c */
void		 started_check(void);
void		 stop_check(void);
void		 daemon_stop(const char *);
void		 daemon_drain(const char *, unsigned int);
__attribute__((__format__(printf, 1, 2)))
void		 daemon_fail(const char *, ...);

/* paths.c */
void		 paths_libexec(const char *);
void		 paths_file(const char *);
int		 paths_chroot(struct conf *);

/* clock.c */
int64_t		 clock_now(void);
#define CLOCK_TEXT	32
const char	*clock_seconds(unsigned int, char *, size_t);
void		 clock_after(struct event *, int64_t);
void		 clock_start(void);
void		 clock_stop(void);
void		 clock_look(void);
int64_t		 clock_late(void);

/* limits.c */
int		 limits_raise(struct conf *);
void		 limits_show(void);
int		 limits_room(void);
int		 limits_original(void);
unsigned int	 limits_open(const struct conf *);

struct logline {
	char			 ll_buf[4096];
	size_t			 ll_len;
};

/* log.c */
void		 log_init(enum conf_log, int, int);
enum conf_log	 log_level(void);
void		 log_set(enum conf_log);
void		 log_watched(int);
int		 log_wanted(int);
void		 log_close(void);
__attribute__((__format__(printf, 1, 2)))
void		 log_warning(const char *, ...);
__attribute__((__format__(printf, 1, 2)))
void		 log_fatal(const char *, ...);
__attribute__((__format__(printf, 1, 2)))
void		 log_info(const char *, ...);
__attribute__((__format__(printf, 1, 2)))
void		 log_debug(const char *, ...);
void		 log_listen(const struct listener *);
void		 log_process(const char *, const char *, pid_t, const char *);
void		 log_error(const struct session *, int, const char *,
		    const char *);
void		 log_visitor(const struct visitor *, const char *);
void		 log_state(struct session *, const char *);
void		 log_judged(const struct session *, int,
		    const struct verdict *);
void		 log_present(const struct session *, struct logline *);
void		 log_stderr(const struct errlog *, const char *, size_t);
void		 log_stderr_cut(const struct errlog *);
void		 log_refused(struct service *, const char *, int,
		    const char *, unsigned int);
void		 log_server(const struct service *, const char *);
void		 log_update(const char *, const char *, const char *,
		    const struct conf_path *, const char *);
void		 log_crash(const struct session *, const char *,
		    unsigned int);
void		 log_penalty(const struct service *, const char *,
		    const char *);

/* logline.c */
void		 line_start(struct logline *);
void		 line_add(struct logline *, const char *, const char *);
void		 line_add_bytes(struct logline *, const char *, const char *,
		    size_t);
__attribute__((__format__(printf, 3, 4)))
void		 line_addf(struct logline *, const char *, const char *, ...);

/* logwriter.c */
void		 writer_init(int, int);
void		 writer_put(int, const char *);
void		 writer_close(void);

/* generation.c */
struct generation
		*generation_new(struct conf *);
struct generation
		*generation_hold(struct generation *);
void		 generation_release(struct generation *);
int		 generation_tried(const struct generation *);
int		 generation_ready(const struct generation *);
void		 generation_failed(struct generation *, const char *);
void		 generation_use(struct generation *);
void		 generation_leave(struct generation *);
void		 generations_collect(void);
void		 generations_stop(void);

/* reload.c */
unsigned int	 reload_start(const char *);
void		 reload_say(int, const char *);
void		 reload_failed(const char *);
void		 reload_settings(struct conf *);
void		 reload_look(void);
void		 reload_cancel(const char *);

/* child.c */
void		 child_init(struct child *, int, enum wire_role,
		    enum wire_state, void *);
int		 child_send(struct child *, enum wire_type, int, const void *,
		    size_t);
int		 child_send_file(struct child *, enum wire_type, int,
		    const void *, size_t);
void		 child_close(struct child *);
int		 child_pair(int [2]);

/* proc.c */
__attribute__((__format__(printf, 5, 6)))
void		 proc_post(struct post *, const struct proc_kind *, void *,
		    const char *, const char *, ...);
struct proc	*proc_start(struct post *, void *);
void		 proc_failed(struct post *);
int		 proc_begin(struct proc *, uid_t, gid_t, unsigned int);
int		 proc_usable(const struct proc *);
void		 proc_used(struct proc *);
void		 proc_asked(struct proc *);
void		 proc_answered(struct proc *);
void		 proc_order(struct proc *, enum wire_type, uint64_t);
void		 proc_kill(struct proc *, const char *);
void		 proc_close(struct proc *);
void		 proc_stop(struct post *);
void		 proc_bury(pid_t, int);
void		 proc_reap(void);
void		 proc_collect(void);
void		 proc_kill_all(void);
int		 proc_any(void);
struct proc	*proc_after(pid_t);

/* resolver.c */
struct resolved	*resolver_name(const char *);
int		 resolver_wait(struct resolved *, struct waiter *,
		    void (*)(void *), void *);
void		 resolver_cancel(struct waiter *);
void		 resolver_again(struct resolved *);
size_t		 resolver_addresses(const struct resolved *,
		    struct sockaddr_storage *, size_t, in_port_t);
int		 resolver_error(const struct resolved *, const char **);
int		 resolver_ready(void);
void		 resolver_release(struct resolved *);
void		 resolver_stop(void);

/* checker.c */
void		 checker_start(struct generation *, void (*)(void));
int		 checker_busy(void);
void		 checker_stop(void);

/* signer.c */
void		 signers_start(struct generation *, unsigned int);
void		 signers_stop(struct generation *);
unsigned int	 signers_ready(const struct generation *);
int		 signers_all_ready(const struct generation *);
int		 signers_busy(const struct generation *);
void		 signers_serve(void);
int		 request_add(struct session *, const struct certificate *,
		    const struct wire_asksign *);
void		 request_drop(struct session *);

/* pending.c */
void		 pending_add(struct place *, struct service *,
		    struct source *);
void		 pending_pass(struct place *, struct session *);
void		 pending_remove(struct place *);
void		 pending_move(struct session *, struct source *);
void		 pending_make_room(struct service *);
void		 pending_reason(const struct service *, char *, size_t);
int		 pending_greedy(const struct place *);

/* spawner.c */
void		 spawner_init(struct service *);
void		 spawner_post(struct edition *);
void		 spawner_start(struct edition *);
void		 spawner_retire(struct edition *);
void		 spawner_crash(struct spawner *, struct session *);
int		 spawner_fork(struct spawner *, uint64_t, int);
void		 spawner_used(struct spawner *);
void		 spawner_kill(struct spawner *, uint64_t);
void		 spawner_release(struct spawner *);
void		 spawner_stop(struct service *);
void		 pool_fill(struct service *);
void		 pool_hold(struct service *);
void		 pool_unforked(struct service *, int);
void		 pool_forked(struct session *);
struct session	*pool_take(struct service *);
void		 pool_forget(struct session *);

/* service.c */
int		 services_prepare(struct generation *);
void		 services_switch(struct generation *);
void		 services_forget(struct generation *);
void		 service_crashed(struct service *);
struct backend	*service_backend(struct server *, const char *);
int		 service_able(const struct service *);
int		 service_open(const struct service *);
void		 services_fill(void);
void		 services_dismiss(const char *);
void		 services_stop(void);

/* listener.c */
int		 listeners_bind(struct generation *, char *, size_t);
void		 listeners_switch(struct generation *);
void		 listeners_drop(struct generation *);
void		 listeners_queue(void);
void		 listeners_poll(struct service *);
void		 listeners_close(struct service *);
void		 refused_init(struct service *);
void		 refused_add(struct service *, enum refusal,
		    const struct sockaddr_storage *, unsigned int);
void		 refused_stop(struct service *);

/* visitor.c */
void		 visitors_init(struct service *);
int		 visitor_add(struct listener *, int,
		    const struct sockaddr_storage *, struct source *);
void		 visitor_make_room(struct visitor *);
void		 visitors_serve(struct service *);
void		 visitors_rearm(struct service *);
void		 visitors_stop(struct service *, const char *);

/* source.c */
struct source	*source_take(struct service *, const struct sockaddr *,
		    unsigned int);
void		 source_close(struct source *);
void		 source_release(struct source *);
void		 sources_forget(struct service *);
unsigned int	 source_crashed(struct source *);

/* offence.c */
void		 offence_end(const struct session *, int, const char *);
void		 offence_crash(const struct session *, const char *);
void		 offence_signed(struct session *);
void		 offence_amends(const struct session *);
void		 offence_evicted(const struct session *, const char *);
void		 offence_silent(const struct visitor *);
void		 offence_squatter(const struct visitor *);
unsigned int	 offence_realm(const struct session *);
int		 offence_blocked(unsigned int, const struct sockaddr *,
		    unsigned int *);
void		 offence_reason(unsigned int, char *, size_t);

/* session.c */
int		 session_fork(struct spawner *);
struct session	*session_find(uint64_t);
struct session	*session_after(uint64_t);
int		 session_enter(struct session *, enum phase, const char *);
enum securetcp_state
		 session_state(const struct session *);
int		 session_live(const struct session *);
void		 session_forked(struct session *);
void		 session_unforked(struct session *, int);
void		 session_death(const struct session *, char *, size_t);
void		 session_exited(struct session *, uint32_t, uint32_t);
void		 session_orphan(struct spawner *, pid_t);
void		 session_set_timer(struct session *, unsigned int);
void		 session_await(struct session *);
int		 session_leave(struct session *);
void		 session_fatal(struct session *, const char *);
void		 session_gone(struct child *, const char *);
void		 session_dismiss(struct session *);
void		 sessions_signer_lost(struct signer *, const char *);
void		 sessions_stop(const char *, int);
void		 sessions_recount(struct service *);
void		 sessions_dismiss(struct generation *, const char *);
void		 sessions_collect(void);

/* orphan.c: sessions whose spawner died */
void		 orphan_take(struct session *, pid_t);
void		 orphan_end(struct session *);
void		 orphan_release(struct session *);
int		 orphans_of(pid_t);
void		 orphans_end(void);

/* connection.c */
void		 conn_options(int, int, unsigned int);
void		 conn_adopt(struct session *, struct visitor *);
void		 conn_adopt_plain(struct session *, int,
		    const struct sockaddr_storage *, struct source *);
void		 conn_target(struct session *, int);
void		 conn_signed(struct session *, const uint8_t *, size_t);
void		 conn_accept(struct session *, int);
void		 conn_refuse(struct session *, int, const char *);
void		 conn_message(struct child *, struct imsg *);
void		 conn_overdue(struct session *);
void		 conn_make_room(struct session *);
void		 conn_stop(struct session *, const char *);
void		 conn_fail(struct session *, int, const char *);
void		 conn_terminated(struct session *, const char *);
void		 conn_lost(struct session *);
void		 conn_closed(struct session *);

/* hold.c */
void		 hold_init(struct hold *);
int		 hold_take(struct hold *, int);
int		 hold_moved(struct hold *);
void		 hold_release(struct hold *);
void		 hold_end(struct hold *);
void		 hold_reset(struct hold *, unsigned int);
int		 hold_any(void);
void		 hold_watch(struct session *);
void		 hold_look(struct session *);

/* rules.c */
int		 rules_allow(const struct server *,
		    const struct wire_established *, struct verdict *);

/* update.c */
void		 updates_show(struct conf *);
void		 updates_watch(struct conf *);

/* upgrade.c */
const char	*upgrade_give(int, unsigned int);
int		 upgrade_begin(const struct conf *);
int		 upgrade_listener(const struct edition *, const struct listen *);
int		 upgrade_finish(void);

/* backend.c */
void		 backend_connect(struct session *, struct backends *);
void		 backend_cancel(struct session *);

/* target.c: which one is next */
#define TARGET_NAME		(WIRE_HOST + 96)
#define TARGET_UNRESOLVED	"its name is not resolved yet"

enum target {
	TARGET_TRY,		/* s_to is to be connected to */
	TARGET_WAIT,		/* the name of s_target is not resolved */
	TARGET_NONE
};

void		 target_begin(struct session *, struct backends *);
enum target	 target_next(struct session *);
void		 target_busy(struct session *);
int		 target_again(struct session *);
void		 target_useless(struct session *, int, const char *);
void		 target_failed(struct session *, int, const char *);
void		 target_up(const struct session *);
void		 target_forget(struct session *);
const struct timeval *
		 target_share(const struct session *, struct timeval *);
void		 target_reason(const struct session *, char *, size_t);
void		 target_overdue(struct session *, char *, size_t);
const char	*target_name(const struct session *, char *, size_t);
const char	*target_host(const struct session *, char *, size_t);

/* program.c */
void		 launcher_start(struct generation *);
int		 launcher_ready(const struct generation *);
void		 launcher_stop(struct generation *);
void		 execute_stop(void);
void		 execute_start(struct session *);
int		 execute_finish(struct session *, int);
void		 execute_hurry(struct session *);
void		 execute_release(struct session *);

/* environment.c */
int		 environment_make(struct wire_run *, uint64_t,
		    const struct sockaddr_storage *,
		    const struct sockaddr_storage *,
		    const struct wire_established *);

/* tally.c */
void		 tally_init(struct service *);
void		 tally_free(struct service *);
void		 tally_error(struct service *, int, const char *,
		    unsigned int);
void		 tally_refused(struct service *, int, const char *,
		    unsigned int);
void		 tally_state(struct session *, enum securetcp_state);
void		 tally_told(struct session *, const char *);
unsigned int	 count_minute(struct count *);

/* door.c */
void		 doors_open(const struct conf *);
int		 doors_same(const struct conf *);
void		 doors_close(void);

/* control.c */
void		 control_client(int, int);
void		 control_message(unsigned int, int, const char *);
void		 control_reloaded(unsigned int, const char *);
void		 control_stop(void);
void		 control_event(const struct service *, const struct session *,
		    enum event_kind, const char *);

#endif /* SECURETCPD_H */
