/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The parent's side, resolver.c, over a resolver that does what a file says
 * (rogue_resolver), and over the shipped one.  Its seconds are QUICK_FACTOR
 * times as fast as ours.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <errno.h>
#include <event.h>
#include <imsg.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "quick.h"
#include "securetcpd.h"

#define DEADLINE	60	/* seconds of ours for anything to happen */
#define USER		32001

static struct securetcpd	 the_env;
static struct conf		 the_conf;
struct securetcpd		*env = &the_env;

static char		 logged[65536];
static unsigned int	 started, failed;
static struct event	 ev_chld, ev_deadline;

static void
note(const char *fmt, va_list ap)
{
	size_t	 len = strlen(logged);

	vsnprintf(logged + len, sizeof(logged) - len, fmt, ap);
	strlcat(logged, "\n", sizeof(logged));
}

/* What resolver.c and proc.c want of the daemon. */
/* Only a launcher has it called. */
int
limits_original(void)
{
	abort();
}

void
log_warning(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	note(fmt, ap);
	va_end(ap);
}

void
daemon_fail(const char *fmt, ...)
{
	va_list	 ap;

	failed++;
	va_start(ap, fmt);
	note(fmt, ap);
	va_end(ap);
}

void
log_process(const char *kind, const char *name, pid_t pid,
    const char *sandbox)
{
	char	 text[256];

	(void)pid;
	snprintf(text, sizeof(text), "process=%s name=%s sandbox=%s\n", kind,
	    name, sandbox);
	strlcat(logged, text, sizeof(logged));
}

/* The resolver is of no generation. */
int
generation_tried(const struct generation *gn)
{
	(void)gn;
	return (0);
}

void
generation_failed(struct generation *gn, const char *why)
{
	(void)gn;
	daemon_fail("%s", why);
}

void
started_check(void)
{
	started++;
	env->sd_started = 1;
}

static void
on_child(int sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	proc_reap();
}

static void
on_deadline(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	proc_kill_all();
	atf_tc_fail("nothing happens; so far:\n%s", logged);
}

/* The directory of helpers, with that program as the resolver. */
static void
begin(const atf_tc_t *tc, const char *program)
{
	char	 path[1024];

	ATF_REQUIRE(mkdir("libexec", 0755) == 0);
	if (program != NULL) {
		snprintf(path, sizeof(path), "%s/%s",
		    atf_tc_get_config_var(tc, "srcdir"), program);
		ATF_REQUIRE(symlink(path, "libexec/securetcp-resolver") == 0);
	}
	ATF_REQUIRE(getcwd(path, sizeof(path)) != NULL);
	snprintf(env->sd_libexec, sizeof(env->sd_libexec), "%s/libexec",
	    path);
	the_conf.cf_interval = CONF_INTERVAL;
	env->sd_conf = &the_conf;
	env->sd_chrootfd = -1;
	env->sd_drop = geteuid() == 0;
	env->sd_uid = env->sd_drop ? USER : geteuid();
	env->sd_gid = env->sd_drop ? USER : getegid();
	/* As securetcpd does: not every system's imsg keeps it away. */
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ATF_REQUIRE(event_init() != NULL);
	signal_set(&ev_chld, SIGCHLD, on_child, NULL);
	(void)signal_add(&ev_chld, NULL);
	evtimer_set(&ev_deadline, on_deadline, NULL);
}

static void
turn(void)
{
	ATF_REQUIRE(event_loop(EVLOOP_ONCE) != -1);
	proc_collect();
}

static void
deadline(void)
{
	struct timeval	 tv = { DEADLINE, 0 };

	(void)evtimer_add(&ev_deadline, &tv);
}

/* Until the log has it that many times. */
static unsigned int
times(const char *text)
{
	const char	*p = logged;
	unsigned int	 n;

	for (n = 0; (p = strstr(p, text)) != NULL; n++)
		p += strlen(text);
	return (n);
}

static void
until(const char *text, unsigned int n)
{
	deadline();
	while (times(text) < n)
		turn();
	(void)evtimer_del(&ev_deadline);
}

/* What the resolver is to do when it is asked about the host. */
static void
tell(const char *host, const char *words)
{
	char	 path[WIRE_HOST + 8], temporary[] = "tell.XXXXXX";
	int	 fd;

	snprintf(path, sizeof(path), "name.%s", host);
	ATF_REQUIRE((fd = mkstemp(temporary)) != -1);
	ATF_REQUIRE(write(fd, words, strlen(words)) ==
	    (ssize_t)strlen(words));
	ATF_REQUIRE(fchmod(fd, 0644) == 0);
	close(fd);
	ATF_REQUIRE(rename(temporary, path) == 0);
}

/* Its addresses in words, with their port. */
static const char *
known(const struct resolved *rn, size_t max)
{
	static char		 text[2048];
	struct sockaddr_storage	 ss[WIRE_ADDRESSES];
	struct sockaddr_in	*sin;
	struct sockaddr_in6	*sin6;
	char			 one[INET6_ADDRSTRLEN];
	size_t			 i, len, n;

	text[0] = '\0';
	n = resolver_addresses(rn, ss, max, 4711);
	ATF_REQUIRE(n <= max);
	for (i = 0; i < n; i++) {
		sin = (struct sockaddr_in *)&ss[i];
		sin6 = (struct sockaddr_in6 *)&ss[i];
		ATF_REQUIRE(inet_ntop(ss[i].ss_family,
		    ss[i].ss_family == AF_INET ? (void *)&sin->sin_addr :
		    (void *)&sin6->sin6_addr, one, sizeof(one)) != NULL);
		ATF_CHECK_EQ(ntohs(ss[i].ss_family == AF_INET ?
		    sin->sin_port : sin6->sin6_port), 4711);
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s",
		    i > 0 ? " " : "", one);
	}
	return (text);
}

static void
knows(const struct resolved *rn, const char *addresses)
{
	ATF_CHECK_STREQ(known(rn, WIRE_ADDRESSES), addresses);
}

static void
learns(const struct resolved *rn, const char *addresses)
{
	deadline();
	while (strcmp(known(rn, WIRE_ADDRESSES), addresses) != 0)
		turn();
	(void)evtimer_del(&ev_deadline);
}

static struct resolved *
name(const char *host)
{
	struct resolved	*rn;

	ATF_REQUIRE((rn = resolver_name(host)) != NULL);
	return (rn);
}

static void
count(void *arg)
{
	++*(unsigned int *)arg;
}

static void
await(struct resolved *rn)
{
	struct waiter	 wt;
	unsigned int	 called = 0;

	if (!resolver_wait(rn, &wt, count, &called))
		return;
	deadline();
	while (!called)
		turn();
	(void)evtimer_del(&ev_deadline);
	ATF_CHECK_EQ(called, 1);
}

/* Every process leaves, and nothing of ours is left in the loop. */
static void
finish(void)
{
	resolver_stop();
	deadline();
	while (proc_any())
		turn();
	(void)evtimer_del(&ev_deadline);
	(void)signal_del(&ev_chld);
	ATF_CHECK_EQ(env->sd_fds, 0);
	ATF_CHECK_EQ(event_loop(EVLOOP_NONBLOCK), 1);
}

CASE(learns, "Addresses are known as they were answered, in order, with the "
    "port, not more than fit; who waits is told once, who comes later need "
    "not wait; without a name there is no resolver")
{
	struct waiter	 wt;
	struct resolved	*one, *two;
	char		 longest[WIRE_HOST + 1];
	unsigned int	 called = 0;

	begin(tc, "rogue_resolver");
	ATF_CHECK(resolver_ready());
	ATF_CHECK(!proc_any());
	tell("one.example", "answer 192.0.2.1 2001:db8::1 192.0.2.2\n");
	tell("two.example", "answer ::1\n");
	one = name("one.example");
	two = name("two.example");
	ATF_CHECK(!resolver_ready());
	ATF_CHECK_EQ(name("ONE.example"), one);
	ATF_CHECK(one != two);
	knows(one, "");
	ATF_CHECK_EQ(resolver_wait(one, &wt, count, &called), 1);
	await(two);
	ATF_CHECK(resolver_ready());
	ATF_CHECK_EQ(started, 1);
	ATF_CHECK_EQ(called, 1);
	knows(one, "192.0.2.1 2001:db8::1 192.0.2.2");
	knows(two, "::1");
	ATF_CHECK_STREQ(known(one, 2), "192.0.2.1 2001:db8::1");
	ATF_CHECK_STREQ(known(one, 0), "");
	ATF_CHECK_EQ(resolver_wait(one, &wt, count, &called), 0);
	/* One that comes later is asked about at once. */
	tell("late.example", "answer 192.0.2.3\n");
	learns(name("late.example"), "192.0.2.3");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ATF_CHECK_EQ(resolver_name(longest), NULL);
	ATF_CHECK_EQ(resolver_name(""), NULL);
	ATF_CHECK_STREQ(logged,
	    "process=resolver name=names sandbox=rogue\n");
	finish();
	ATF_CHECK_EQ(called, 1);
}

CASE(refreshes, "A name is asked about again after 60 seconds, and what is "
    "new replaces what is old")
{
	struct resolved	*rn;

	begin(tc, "rogue_resolver");
	tell("a.example", "answer 192.0.2.1\n");
	rn = name("a.example");
	await(rn);
	knows(rn, "192.0.2.1");
	ATF_CHECK_EQ(quick_count(60), 1);
	tell("a.example", "answer 192.0.2.2 192.0.2.3\n");
	learns(rn, "192.0.2.2 192.0.2.3");
	tell("a.example", "answer 2001:db8::4\n");
	learns(rn, "2001:db8::4");
	ATF_CHECK_EQ(quick_count(60), 3);
	ATF_CHECK_EQ(quick_count(30), 0);
	ATF_CHECK_EQ(quick_questions(), 3);
	ATF_CHECK_STREQ(logged,
	    "process=resolver name=names sandbox=rogue\n");
	finish();
}

CASE(again, "When an address was of no use the name is asked about within a "
    "second, and once however many say so")
{
	struct resolved	*rn;

	begin(tc, "rogue_resolver");
	the_conf.cf_interval = CONF_INTERVAL_MAX;
	tell("a.example", "answer 192.0.2.1\n");
	rn = name("a.example");
	await(rn);
	knows(rn, "192.0.2.1");
	ATF_CHECK_EQ(quick_count(60), 0);
	tell("a.example", "answer 192.0.2.2\n");
	resolver_again(rn);
	resolver_again(rn);
	resolver_again(rn);
	learns(rn, "192.0.2.2");
	ATF_CHECK_EQ(quick_count(1), 1);
	/* Long after the answer, at once. */
	rn->rn_told -= 1000;
	tell("a.example", "answer 192.0.2.3\n");
	resolver_again(rn);
	resolver_again(rn);
	learns(rn, "192.0.2.3");
	ATF_CHECK_EQ(quick_count(1), 1);
	ATF_CHECK_EQ(quick_questions(), 3);
	finish();
}

CASE(fails, "A name that cannot be resolved has its number and words; it is "
    "asked about again after 30 seconds; the log says so once, and once when "
    "it is resolved")
{
	struct resolved	*rn;
	const char	*reason;
	unsigned int	 before;

	begin(tc, "rogue_resolver");
	tell("a.example", "failure 11001 absent\n");
	rn = name("a.example");
	ATF_CHECK_EQ(resolver_error(rn, &reason), 0);
	await(rn);
	knows(rn, "");
	ATF_CHECK_EQ(resolver_error(rn, &reason), ptHostNotFound);
	ATF_CHECK_STREQ(reason, "absent");
	/* Two more tries, and other words: nothing new for the log. */
	tell("a.example", "failure 11002 later\n");
	before = quick_count(30);
	deadline();
	while (quick_count(30) < before + 2)
		turn();
	ATF_CHECK_EQ(resolver_error(rn, &reason), ptTryAgain);
	ATF_CHECK_STREQ(reason, "later");
	tell("a.example", "answer 192.0.2.1\n");
	learns(rn, "192.0.2.1");
	ATF_CHECK_EQ(resolver_error(rn, &reason), 0);
	ATF_CHECK_STREQ(reason, "");
	ATF_CHECK_STREQ(logged,
	    "process=resolver name=names sandbox=rogue\n"
	    "host \"a.example\" cannot be resolved: absent\n"
	    "host \"a.example\" is resolved now\n");
	finish();
}

CASE(keeps, "When a refresh fails the old addresses stay in use, which the "
    "log says once, until there are new ones")
{
	struct resolved	*rn;
	const char	*reason;
	unsigned int	 before;

	begin(tc, "rogue_resolver");
	tell("a.example", "answer 192.0.2.1\n");
	rn = name("a.example");
	await(rn);
	tell("a.example", "failure 11003 broken\n");
	until("stay in use", 1);
	knows(rn, "192.0.2.1");
	ATF_CHECK_EQ(resolver_error(rn, &reason), ptNoRecovery);
	before = quick_count(30);
	deadline();
	while (quick_count(30) < before + 2)
		turn();
	knows(rn, "192.0.2.1");
	tell("a.example", "answer 192.0.2.2\n");
	learns(rn, "192.0.2.2");
	ATF_CHECK_EQ(times("\n"), 3);
	ATF_CHECK_EQ(times("host \"a.example\" cannot be resolved: broken; "
	    "its addresses of "), 1);
	ATF_CHECK_EQ(times("host \"a.example\" is resolved now\n"), 1);
	finish();
}

static struct waiter	 waiters[3];
static unsigned int	 waited[3];

/* The first to be called goes, and takes the second with it. */
static void
cancels(void *arg)
{
	count(arg);
	resolver_cancel(&waiters[1]);
	memset(&waiters[0], 0xff, sizeof(waiters[0]));
}

CASE(cancel, "Who no longer waits is not called, also when another one that "
    "is called sees to that; one that is called may vanish")
{
	struct resolved	*rn;
	struct waiter	 wt;
	unsigned int	 called = 0;

	begin(tc, "rogue_resolver");
	tell("a.example", "answer 192.0.2.1\n");
	rn = name("a.example");
	ATF_CHECK(resolver_wait(rn, &waiters[0], cancels, &waited[0]));
	ATF_CHECK(resolver_wait(rn, &waiters[1], count, &waited[1]));
	ATF_CHECK(resolver_wait(rn, &wt, count, &called));
	ATF_CHECK(resolver_wait(rn, &waiters[2], count, &waited[2]));
	resolver_cancel(&wt);
	resolver_cancel(&wt);
	await(rn);
	ATF_CHECK_EQ(waited[0], 1);
	ATF_CHECK_EQ(waited[1], 0);
	ATF_CHECK_EQ(waited[2], 1);
	ATF_CHECK_EQ(called, 0);
	memset(&wt, 0, sizeof(wt));
	resolver_cancel(&wt);
	finish();
}

CASE(silent, "A resolver that does not answer within 30 seconds is replaced: "
    "the name it was at has failed, those behind it are asked about anew")
{
	struct resolved	*first, *hung, *later;
	const char	*reason;

	begin(tc, "rogue_resolver");
	tell("a.example", "answer 192.0.2.1\n");
	tell("b.example", "stay\n");
	tell("c.example", "answer 192.0.2.3\n");
	first = name("a.example");
	hung = name("b.example");
	later = name("c.example");
	await(hung);
	ATF_CHECK_EQ(resolver_error(hung, &reason), ptTryAgain);
	ATF_CHECK_STREQ(reason, "resolver terminated: does not answer");
	knows(first, "192.0.2.1");
	knows(later, "");
	await(later);
	knows(later, "192.0.2.3");
	tell("b.example", "answer 192.0.2.2\n");
	learns(hung, "192.0.2.2");
	ATF_CHECK_STREQ(logged,
	    "process=resolver name=names sandbox=rogue\n"
	    "resolver terminated: does not answer; it is replaced\n"
	    "host \"b.example\" cannot be resolved: resolver terminated: does "
	    "not answer\n"
	    "process=resolver name=names sandbox=rogue\n"
	    "host \"b.example\" is resolved now\n");
	finish();
}

CASE(violations, "A resolver that breaks the rules is killed and replaced, "
    "the log says why, and what is known stays so")
{
#define RAW	"resolved me 0 - "
	static const struct {
		const char	*words;
		const char	*why;
	} all[] = {
		{ "resolved 77777 0 - 192.0.2.9",
		    "violation: an answer to what it was not asked" },
		{ RAW, "violation: malformed RESOLVED" },
		{ RAW "family", "violation: malformed RESOLVED" },
		{ RAW "padded", "violation: malformed RESOLVED" },
		{ RAW "half", "violation: malformed RESOLVED" },
		{ RAW "192.0.2.9 half", "violation: malformed RESOLVED" },
		{ RAW "many", "violation: malformed RESOLVED" },
		{ "resolved me 0 words 192.0.2.9",
		    "violation: malformed RESOLVED" },
		{ "resolved me 11001 -", "violation: malformed RESOLVED" },
		{ "resolved me 11001 words 192.0.2.9",
		    "violation: malformed RESOLVED" },
		{ "resolved me 11009 words", "violation: malformed "
		    "RESOLVED" },
		{ "resolved me 0xffffffff words", "violation: malformed "
		    "RESOLVED" },
		{ "version 9 " RAW "192.0.2.9",
		    "violation: malformed RESOLVED" },
		{ "fds 1 " RAW "192.0.2.9",
		    "violation: message RESOLVED (39): a descriptor was "
		    "sent" },
		{ "type 39 less", "violation: message RESOLVED (39): wrong "
		    "size" },
		{ "type 39 more", "violation: message RESOLVED (39): wrong "
		    "size" },
		{ "type 38 min", "violation: message RESOLVE (38): unknown "
		    "message" },
		{ "type 5 min", "violation: message KEYINFO (5): unknown "
		    "message" },
		{ "ready again", "violation: message READY (17): a second "
		    "time" },
		{ "huge", "violation: malformed message" },
		{ "tiny", "violation: malformed message" },
		{ "flood 39", "violation: message RESOLVED (39): wrong "
		    "size" },
		{ "fatal words", "words" },
		{ "exit 4", "exit code 4" },
		{ "kill 11", "killed by signal 11 (Segmentation fault)" },
		{ "closepipe stay", "its pipe ended and it did not leave" },
	};
	struct resolved	*bad, *good;
	char		 host[32], text[WIRE_REASON];
	const char	*reason;
	size_t		 i;

	begin(tc, "rogue_resolver");
	ATF_REQUIRE_EQ(WIRE_RESOLVED, 39);
	tell("good.example", "answer 192.0.2.1\n");
	good = name("good.example");
	await(good);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		logged[0] = '\0';
		snprintf(host, sizeof(host), "bad%zu.example", i);
		tell(host, all[i].words);
		bad = name(host);
		await(bad);
		knows(bad, "");
		ATF_CHECK_EQ(resolver_error(bad, &reason), ptTryAgain);
		snprintf(text, sizeof(text), "resolver terminated: %s",
		    all[i].why);
		ATF_CHECK_MSG(strcmp(reason, text) == 0, "%s: %s",
		    all[i].words, reason);
		snprintf(text, sizeof(text), "resolver terminated: %s; it is "
		    "replaced\n", all[i].why);
		ATF_CHECK_MSG(strstr(logged, text) != NULL, "%s: %s",
		    all[i].words, logged);
		knows(good, "192.0.2.1");
		/* So that it is honest when its turn comes again. */
		tell(host, "answer 192.0.2.7");
		until("process=resolver", 1);
	}
	finish();
}

CASE(twice, "A second answer to one question is a violation: the first one "
    "holds")
{
	struct resolved	*rn;
	const char	*reason;

	begin(tc, "rogue_resolver");
	tell("a.example", "resolved me 0 - 192.0.2.1");
	rn = name("a.example");
	await(rn);
	tell("a.example", "answer 192.0.2.2");
	until("resolver terminated: violation: an answer to what it was not "
	    "asked; it is replaced\n", 1);
	ATF_CHECK_EQ(resolver_error(rn, &reason), 0);
	knows(rn, "192.0.2.1");
	learns(rn, "192.0.2.2");
	finish();
}

/* What the next one to start does before it is ready. */
static void
plan(const char *words)
{
	FILE	*fp;

	ATF_REQUIRE((fp = fopen("libexec/plan", "w")) != NULL);
	fputs(words, fp);
	ATF_REQUIRE(fclose(fp) == 0);
}

/* The resolver, told where its plan is. */
static void
script(const atf_tc_t *tc)
{
	FILE	*fp;

	ATF_REQUIRE((fp = fopen("libexec/securetcp-resolver", "w")) != NULL);
	(void)fprintf(fp, "#!/bin/sh\nROGUE_PLAN=%s/plan\n"
	    "export ROGUE_PLAN\nexec %s/rogue_resolver\n", env->sd_libexec,
	    atf_tc_get_config_var(tc, "srcdir"));
	ATF_REQUIRE(fchmod(fileno(fp), 0755) == 0);
	ATF_REQUIRE(fclose(fp) == 0);
}

CASE(early, "A resolver that answers before it is ready, or never is, ends "
    "the start; later it is replaced")
{
	struct resolved	*rn;

	begin(tc, NULL);
	script(tc);
	plan("type 39 min\n");
	tell("a.example", "answer 192.0.2.1\n");
	rn = name("a.example");
	deadline();
	while (failed == 0)
		turn();
	ATF_CHECK_STREQ(logged, "resolver terminated: violation: message "
	    "RESOLVED (39): not in this state\n");
	ATF_CHECK(!resolver_ready());
	resolver_stop();

	logged[0] = '\0';
	env->sd_started = 1;
	plan("exit 9\n");
	rn = name("a.example");
	learns(rn, "192.0.2.1");
	ATF_CHECK_STREQ(logged,
	    "resolver terminated: exit code 9; it is replaced\n"
	    "process=resolver name=names sandbox=rogue\n");
	ATF_CHECK_EQ(failed, 1);
	finish();
}

CASE(missing, "Without the program the start fails and says which; later it "
    "is tried again ever more slowly, until it is there")
{
	struct resolved	*rn;
	char		 path[1024], text[PATH_MAX + 128];

	begin(tc, NULL);
	(void)name("a.example");
	ATF_CHECK_EQ(failed, 1);
	snprintf(text, sizeof(text), "resolver (securetcp-resolver in %s): "
	    "No such file or directory\n", env->sd_libexec);
	ATF_CHECK_STREQ(logged, text);
	resolver_stop();

	env->sd_started = 1;
	tell("a.example", "answer 192.0.2.1\n");
	rn = name("a.example");
	until("resolver terminated: its program cannot be executed; it is "
	    "replaced\n", 4);
	ATF_CHECK_EQ(quick_count(1), 1);
	ATF_CHECK_EQ(quick_count(2), 1);
	ATF_CHECK_EQ(quick_count(3), 1);
	ATF_CHECK_EQ(failed, 1);
	snprintf(path, sizeof(path), "%s/rogue_resolver",
	    atf_tc_get_config_var(tc, "srcdir"));
	ATF_REQUIRE(symlink(path, "libexec/securetcp-resolver") == 0);
	learns(rn, "192.0.2.1");
	finish();
}

CASE(stop, "After a stop nobody is called, every process leaves and nothing "
    "is kept, also in the middle of a question")
{
	struct resolved	*rn;
	struct waiter	 wt;
	unsigned int	 called = 0;

	begin(tc, "rogue_resolver");
	tell("a.example", "answer 192.0.2.1\n");
	tell("b.example", "stay\n");
	await(name("a.example"));
	rn = name("b.example");
	ATF_CHECK(resolver_wait(rn, &wt, count, &called));
	finish();
	ATF_CHECK_EQ(called, 0);
	ATF_CHECK_EQ(wt.wt_name, NULL);
	ATF_CHECK(resolver_ready());
}

CASE(shipped, "The shipped resolver, as another user and in its sandbox, "
    "finds localhost, and a name under .invalid not")
{
	struct resolved	*rn;
	const char	*reason;

	begin(tc, "../../../libexec/securetcp-resolver/securetcp-resolver");
	rn = name("localhost");
	await(rn);
	ATF_CHECK_MSG(strstr(known(rn, 16), "127.0.0.1") != NULL ||
	    strstr(known(rn, 16), "::1") != NULL, "%s", known(rn, 16));
	ATF_CHECK_EQ(times("process=resolver name=names sandbox="), 1);
	ATF_CHECK_EQ(times("sandbox=none"), 0);
	rn = name("name.invalid");
	await(rn);
	knows(rn, "");
	ATF_CHECK(resolver_error(rn, &reason) != 0);
	ATF_CHECK(*reason != '\0');
	ATF_CHECK_EQ(times("host \"name.invalid\" cannot be resolved: "), 1);
	finish();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, learns);
	ATF_TP_ADD_TC(tp, refreshes);
	ATF_TP_ADD_TC(tp, again);
	ATF_TP_ADD_TC(tp, fails);
	ATF_TP_ADD_TC(tp, keeps);
	ATF_TP_ADD_TC(tp, cancel);
	ATF_TP_ADD_TC(tp, silent);
	ATF_TP_ADD_TC(tp, violations);
	ATF_TP_ADD_TC(tp, twice);
	ATF_TP_ADD_TC(tp, early);
	ATF_TP_ADD_TC(tp, missing);
	ATF_TP_ADD_TC(tp, stop);
	ATF_TP_ADD_TC(tp, shipped);
	return (atf_no_error());
}
