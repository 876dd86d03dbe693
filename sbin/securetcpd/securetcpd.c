/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <grp.h>
#include <imsg.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "compat.h"
#include "sandbox.h"
#include "securetcpd.h"

static struct securetcpd	 the_env;
struct securetcpd		*env = &the_env;

static struct event	 ev_chld, ev_term, ev_int, ev_hup, ev_usr1;
static struct event	 ev_deadline;	/* of a drain ... */
static unsigned int	 drain_seconds;	/* ... after so many */
static int		 notify = -1;	/* tells who started us how it went */
static int		 pidfd = -1;

static int		 pidfile_init(struct conf *);

__attribute__((__noreturn__))
static void
usage(void)
{
	fprintf(stderr, "usage: securetcpd [-dnUv] [-D macro=value] "
	    "[-f file]\n");
	exit(1);
}

/* The start, or the check, has failed: said where somebody looks. */
void
daemon_fail(const char *fmt, ...)
{
	va_list	 ap;
	char	 text[1024];

	env->sd_quit = 1;
	env->sd_status = 1;
	/* The grammar's form of the same was printed already. */
	if (env->sd_errors > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!env->sd_debug || env->sd_check)
		fprintf(stderr, "securetcpd: %s\n", text);
	if (!env->sd_check)
		log_fatal("%s", text);
}

/* The daemon must not depend on who started it, and with what open. */
static void
descriptors_init(void)
{
	int	 fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			exit(1);
	} while (fd <= STDERR_FILENO);
	closefrom(STDERR_FILENO + 1);
}

/*
 * A signal that whoever started us has blocked or ignores would never come:
 * neither a stop nor the end of a child.
 */
static void
signals_reset(void)
{
	static const int	 wanted[] = {
		SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1
	};
	sigset_t		 none;
	size_t			 i;

	for (i = 0; i < nitems(wanted); i++)
		(void)signal(wanted[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
nullify(void)
{
	int	 fd, i;

	if ((fd = open("/dev/null", O_RDWR)) == -1)
		return (-1);
	for (i = 0; i <= 2; i++)
		if (fd != i && dup2(fd, i) == -1)
			return (-1);
	if (fd > 2)
		(void)close(fd);
	return (0);
}

/* Takes what the other daemon had: what fails from here on is a warning. */
static int
take_over(void)
{
	if (upgrade_finish() == -1)
		return (-1);
	env->sd_upgrade = UPGRADE_TAKEN;
	(void)pidfile_init(env->sd_conf);
	doors_open(env->sd_conf);
	listeners_queue();
	return (0);
}

/* Everybody is ready: from here on nothing but a signal ends the parent. */
static void
started(void)
{
	struct service	*se;
	struct listener	*ln;

	if (env->sd_upgrade && take_over() == -1)
		return;
	env->sd_started = 1;
	generation_use(env->sd_generation);
	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		TAILQ_FOREACH(ln, &se->se_listeners, ln_entry)
			if (ln->ln_fd != -1)
				log_listen(ln);
	updates_show(env->sd_conf);
	if (!env->sd_debug) {
		if (nullify() == -1)
			log_warning("/dev/null: %s", strerror(errno));
		if (write(notify, "", 1) == -1)
			log_warning("whoever started securetcpd has gone: "
			    "%s", strerror(errno));
		(void)close(notify);
	}
	if (sandbox_enter(SANDBOX_PARENT) == -1 && errno != ENOSYS) {
		daemon_fail("sandbox of the parent: %s", strerror(errno));
		return;
	}
	log_process("parent", "securetcpd", getpid(), sandbox_name());
	log_info("started");
	updates_watch(env->sd_conf);
}

void
started_check(void)
{
	const struct generation	*gn = env->sd_generation;

	if (env->sd_started || env->sd_quit || checker_busy() ||
	    !signers_all_ready(gn) || !resolver_ready())
		return;
	if (env->sd_check) {
		if (env->sd_verbose)
			updates_show(env->sd_conf);
		printf("configuration OK\n");
		env->sd_quit = 1;
		return;
	}
	if (generation_ready(gn))
		started();
}

/* The last connection is gone after a stop or drain was asked for. */
void
stop_check(void)
{
	if ((env->sd_stopping || env->sd_draining) && env->sd_live == 0 &&
	    !hold_any())
		env->sd_quit = 1;
}

static void
pidfile_give_up(void)
{
	if (pidfd != -1)
		pidfile_drop(pidfd, env->sd_conf->cf_pidfile);
	pidfd = -1;
}

static void
stop_listening(void)
{
	struct service	*se;

	TAILQ_FOREACH(se, &env->sd_services, se_entry)
		listeners_close(se);
}

/* The first asks connections to end, the second ends them. */
void
daemon_stop(const char *by)
{
	if (!env->sd_started) {
		env->sd_quit = 1;
		env->sd_status = 1;
		return;
	}
	log_info("%s", by);
	reload_cancel("the daemon stops");
	stop_listening();
	services_dismiss(by);
	sessions_stop(by, env->sd_stopping);
	env->sd_stopping = 1;
	stop_check();
}

static void
on_stop(int sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	daemon_stop(sig == SIGTERM ? "stopped by SIGTERM" :
	    "stopped by SIGINT");
}

/* Connections that are left have had their time. */
static void
drain_deadline(int fd, short what, void *arg)
{
	char	 by[64], text[CLOCK_TEXT];

	(void)fd;
	(void)what;
	(void)arg;
	(void)snprintf(by, sizeof(by), "drain deadline, %s",
	    clock_seconds(drain_seconds, text, sizeof(text)));
	log_info("%s: %u connections are left", by, env->sd_live);
	services_dismiss(by);
	sessions_stop(by, 0);
	stop_check();
}

/* Connections have so many seconds left, or (0) all the time they need. */
static void
drain_within(unsigned int seconds)
{
	drain_seconds = seconds;
	if (env->sd_draining)
		(void)evtimer_del(&ev_deadline);
	evtimer_set(&ev_deadline, drain_deadline, NULL);
	if (seconds > 0)
		clock_after(&ev_deadline, seconds * 1000LL);
}

/* Accepts no more connections; a second call only changes the deadline. */
void
daemon_drain(const char *by, unsigned int seconds)
{
	if (!env->sd_started || env->sd_stopping)
		return;
	log_info("draining by %s: %u connections", by, env->sd_live);
	drain_within(seconds);
	if (!env->sd_draining) {
		env->sd_draining = 1;
		reload_cancel("the daemon drains");
		stop_listening();
		/* Another may start beside what is left of this one. */
		pidfile_give_up();
		doors_close();
	}
	stop_check();
}

static void
on_drain(int sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	if (!env->sd_draining)
		daemon_drain("SIGUSR1", env->sd_conf->cf_drain);
}

static void
on_reload(int sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	(void)arg;
	if (env->sd_stopping || env->sd_draining)
		log_warning("SIGHUP: no reload: the daemon is about to end");
	else
		(void)reload_start("SIGHUP");
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
signals_init(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	/* A log that is too large, or a terminal that stops who writes to it. */
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGTTOU, SIG_IGN);
	signal_set(&ev_chld, SIGCHLD, on_child, NULL);
	signal_set(&ev_term, SIGTERM, on_stop, NULL);
	signal_set(&ev_int, SIGINT, on_stop, NULL);
	signal_set(&ev_hup, SIGHUP, on_reload, NULL);
	signal_set(&ev_usr1, SIGUSR1, on_drain, NULL);
	(void)signal_add(&ev_chld, NULL);
	(void)signal_add(&ev_term, NULL);
	(void)signal_add(&ev_int, NULL);
	(void)signal_add(&ev_hup, NULL);
	(void)signal_add(&ev_usr1, NULL);
}

static int
user_find(const char *name, uid_t *uid, gid_t *gid)
{
	struct passwd	*pw;

	if ((pw = getpwnam(name)) == NULL)
		return (-1);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return (0);
}

/*
 * The users that helpers become; conf_check() has complained already where it
 * must.
 */
static int
users_init(struct conf *cf)
{
	env->sd_uid = env->sd_signer_uid = getuid();
	env->sd_gid = env->sd_signer_gid = getgid();
	env->sd_chrootfd = -1;
	if (geteuid() != 0)
		return (0);
	env->sd_drop = 1;
	if (user_find(cf->cf_user, &env->sd_uid, &env->sd_gid) == -1) {
		warnx("user \"%s\" does not exist", cf->cf_user);
		return (-1);
	}
	if (user_find(cf->cf_signer_user, &env->sd_signer_uid,
	    &env->sd_signer_gid) == -1) {
		env->sd_signer_uid = env->sd_uid;
		env->sd_signer_gid = env->sd_gid;
	}
	if ((env->sd_chrootfd = paths_chroot(cf)) == -1)
		return (-1);
	return (0);
}

/*
 * Into the background.  The starter of the daemon learns how that went: exit 0
 * once it serves, 1 with the reason on stderr.
 */
static int
background(void)
{
	char	 c;
	int	 fds[2];

	if (pipe(fds) == -1 || fcntl(fds[0], F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(fds[1], F_SETFD, FD_CLOEXEC) == -1)
		return (-1);
	switch (fork()) {
	case -1:
		return (-1);
	case 0:
		break;
	default:
		(void)close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 ? 0 : 1);
	}
	(void)close(fds[0]);
	notify = fds[1];
	if (setsid() == -1 || chdir("/") == -1)
		return (-1);
	return (0);
}

/* Lines of the log are not to wait for whoever serves the file. */
static int
stderr_check(void)
{
	char	 type[COMPAT_FSTYPE];

	if (!env->sd_debug || env->sd_check ||
	    compat_fd_local(STDERR_FILENO, type, sizeof(type)))
		return (0);
	warnx("standard error is a file on a file system (%s) that another "
	    "host or a process serves, and that could stop the daemon: put a "
	    "pipe before it", type);
	return (-1);
}

/*
 * With -d only where the configuration asks for a pidfile of its own.  With -U
 * the running daemon may have the pidfile until it drains.
 */
static int
pidfile_init(struct conf *cf)
{
	pid_t	 pid;
	char	 why[PATH_MAX + 128];

	if (pidfd != -1 || (env->sd_debug &&
	    strcmp(cf->cf_pidfile, CONF_PIDFILE) == 0))
		return (0);
	if ((pidfd = pidfile_take(cf->cf_pidfile, &pid)) != -1)
		return (0);
	if (errno == EEXIST && env->sd_upgrade == UPGRADE_ASKED)
		return (0);
	if (errno == EEXIST)
		(void)snprintf(why, sizeof(why), "already running as pid %ld "
		    "(%s)", (long)pid, cf->cf_pidfile);
	else
		(void)snprintf(why, sizeof(why), "pidfile \"%s\": %s",
		    cf->cf_pidfile, strerror(errno));
	if (env->sd_upgrade == UPGRADE_TAKEN)
		log_warning("%s: this daemon has no pidfile", why);
	else
		warnx("%s", why);
	return (-1);
}

static void
run(void)
{
	while (!env->sd_quit) {
		if (event_loop(EVLOOP_ONCE) == -1) {
			daemon_fail("event_loop: %s", strerror(errno));
			break;
		}
		clock_look();
		proc_collect();
		sessions_collect();
		services_fill();
		reload_look();
		generations_collect();
	}
}

/* Every pipe is closed: the helpers leave in a second, as they promised. */
static void
finish(void)
{
	int	 i;

	clock_stop();
	control_stop();
	checker_stop();
	services_stop();
	resolver_stop();
	generations_stop();
	for (i = 0; i < 150; i++) {
		proc_reap();
		proc_collect();
		if (!proc_any())
			break;
		(void)poll(NULL, 0, 10);
	}
	proc_kill_all();
	/* Sessions whose spawner died, and that do not leave. */
	orphans_end();
	pidfile_give_up();
	log_close();
}

static void
say_unprivileged(void)
{
	if (geteuid() == 0)
		return;
	log_warning("started by user id %lu: no chroot, no change of user; "
	    "for development only", (unsigned long)getuid());
}

/* -n: a signer tells whether the keys fit, and goes. */
static void
check_start(void)
{
	if (TAILQ_EMPTY(&env->sd_conf->cf_certificates))
		started_check();
	else
		signers_start(env->sd_generation, 1);
}

static void
serve_start(void)
{
	struct generation	*gn = env->sd_generation;
	struct edition		*ed;
	char			 why[256];

	/* Files that helpers to come will read stay open. */
	gn->gn_files = limits_open(gn->gn_conf);
	env->sd_fds += gn->gn_files;
	if (env->sd_built)
		log_info("run from the build tree, helpers from %s",
		    env->sd_libexec);
	say_unprivileged();
	if (compat_shortage(COMPAT_SHORTAGE_LAST) == -1)
		log_info("when memory is short the parent is as likely to go "
		    "as others: %s", strerror(errno));
	clock_start();
	env->sd_since = clock_now();
	if (env->sd_upgrade && upgrade_begin(env->sd_conf) == -1)
		return;
	doors_open(env->sd_conf);
	if (env->sd_quit || services_prepare(gn) == -1)
		return;
	if (listeners_bind(gn, why, sizeof(why)) == -1) {
		daemon_fail("%s", why);
		return;
	}
	reload_settings(gn->gn_conf);
	services_switch(gn);
	TAILQ_FOREACH(ed, &gn->gn_editions, ed_entry)
		spawner_start(ed);
	if (!env->sd_quit)
		launcher_start(gn);
	if (!env->sd_quit)
		signers_start(gn, gn->gn_conf->cf_signers);
}

/*
 * Everything has been said of the configuration: it is right, and is used.
 * Only now the daemon takes resources for itself.
 */
static void
checked(void)
{
	conf_report();
	if (conf_errors() != 0 || limits_raise(env->sd_conf) == -1 ||
	    (!env->sd_check && pidfile_init(env->sd_conf) == -1)) {
		env->sd_quit = 1;
		env->sd_status = 1;
		return;
	}
	limits_show();
	if (env->sd_check)
		check_start();
	else
		serve_start();
}

static void
options(int argc, char **argv, const char **file)
{
	int	 ch;

	while ((ch = getopt(argc, argv, "dD:f:nUv")) != -1) {
		switch (ch) {
		case 'd':
			env->sd_debug = 1;
			break;
		case 'D':
			if (conf_macro(optarg) == -1)
				errx(1, "-D %s: not of the form name=value",
				    optarg);
			break;
		case 'f':
			*file = optarg;
			break;
		case 'n':
			env->sd_check = 1;
			break;
		case 'U':
			env->sd_upgrade = UPGRADE_ASKED;
			break;
		case 'v':
			env->sd_verbose++;
			break;
		default:
			usage();
		}
	}
	if (argc != optind)
		usage();
}

int
main(int argc, char **argv)
{
	const char	*file = CONF_FILE;
	struct conf	*cf;

	descriptors_init();
	signals_reset();
	options(argc, argv, &file);
	TAILQ_INIT(&env->sd_generations);
	TAILQ_INIT(&env->sd_services);
	paths_libexec(argv[0]);
	if (geteuid() != 0 && !env->sd_debug && !env->sd_check)
		errx(1, "has to be started by root; an ordinary user can try "
		    "it out with -d");
	if (stderr_check() == -1)
		return (1);
	paths_file(file);
	if ((cf = env->sd_conf = conf_parse(file)) == NULL ||
	    users_init(cf) == -1) {
		conf_report();
		return (1);
	}
	if (env->sd_verbose)
		cf->cf_log = CONF_LOG_VERBOSE;
	if (!env->sd_debug && !env->sd_check && background() == -1)
		err(1, "cannot go into the background");
	setproctitle(env->sd_check ? "check" : "parent");
	(void)compat_reaper();
	(void)event_init();
	/* A check has nothing to tell but what is wrong. */
	log_init(env->sd_check ? CONF_LOG_ERRORS : cf->cf_log,
	    env->sd_debug || env->sd_check, cf->cf_facility);
	signals_init();
	if ((env->sd_generation = generation_new(cf)) == NULL)
		err(1, "calloc");
	checker_start(env->sd_generation, checked);
	run();
	finish();
	return (env->sd_status);
}
