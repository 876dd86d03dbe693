/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "ctl.h"

#define CTL_SOCKET	"/var/run/securetcpd.sock"
#define CTL_DRAIN_MAX	604800		/* seconds */
#define CTL_REFUSED	1		/* exit codes */
#define CTL_USAGE	2
#define CTL_UNREACHED	3

struct command {
	const char	*cm_word;
	const char	*cm_what;	/* the second word, or NULL */
	const char	*cm_arguments;	/* for its usage line */
	int		 cm_least;	/* so many words, and at most ... */
	int		 cm_most;	/* ... so many */
	int		 (*cm_run)(const struct command *, int, char **);
};

static int	 run_clear(const struct command *, int, char **);
static int	 run_drain(const struct command *, int, char **);
static int	 run_log(const struct command *, int, char **);
static int	 run_metrics(const struct command *, int, char **);
static int	 run_monitor(const struct command *, int, char **);
static int	 run_order(const struct command *, int, char **);
static int	 run_reload(const struct command *, int, char **);
static int	 run_show(const struct command *, int, char **);
static int	 run_top(const struct command *, int, char **);

static const struct command	 commands[] = {
	{ "abort", NULL, "id", 1, 1, run_order },
	{ "clear", "penalties", "[address]", 0, 1, run_clear },
	{ "close", NULL, "id", 1, 1, run_order },
	{ "drain", NULL, "[time]", 0, 1, run_drain },
	{ "log", NULL, "off|errors|state|verbose", 1, 1, run_log },
	{ "monitor", NULL, "[server name] [state] [error] [authenticate]",
	    0, 5, run_monitor },
	{ "reload", NULL, "", 0, 0, run_reload },
	{ "show", "backends", "", 0, 0, run_show },
	{ "show", "certificates", "", 0, 0, run_show },
	{ "show", "errors", "", 0, 0, run_show },
	{ "show", "metrics", "", 0, 0, run_metrics },
	{ "show", "penalties", "", 0, 0, run_show },
	{ "show", "processes", "", 0, 0, run_show },
	{ "show", "servers", "", 0, 0, run_show },
	{ "show", "session", "id", 1, 1, run_show },
	{ "show", "sessions",
	    "[server name] [from address] [state state] [sort key]", 0, 8,
	    run_show },
	{ "show", "summary", "", 0, 0, run_show },
	{ "stop", NULL, "", 0, 0, run_order },
	{ "top", NULL, "", 0, 0, run_top },
	{ "trace", NULL, "id", 1, 1, run_monitor },
};
#define NCOMMANDS	nitems(commands)

static const char	*path = CTL_SOCKET;
static FILE		*daemon_in, *daemon_out;
static int		 json;
static int		 web;		/* standard input is of HTTP */
static int		 lenient;	/* what it refuses is told later: */
static char		*refused;

static void
usage_line(const struct command *cm, const char *before)
{
	fprintf(stderr, "%ssecuretcpctl %s[-s socket] %s%s%s%s%s\n", before,
	    cm->cm_run == run_metrics ? "[-H] " : cm->cm_run == run_top ? "" :
	    "[-j] ", cm->cm_word,
	    cm->cm_what == NULL ? "" : " ",
	    cm->cm_what == NULL ? "" : cm->cm_what,
	    *cm->cm_arguments == '\0' ? "" : " ", cm->cm_arguments);
}

__attribute__((__noreturn__))
static void
usage(void)
{
	size_t	 i;

	for (i = 0; i < NCOMMANDS; i++)
		usage_line(&commands[i], i == 0 ? "usage: " : "       ");
	exit(CTL_USAGE);
}

__attribute__((__noreturn__))
static void
misused(const struct command *cm)
{
	usage_line(cm, "usage: ");
	exit(CTL_USAGE);
}

/* Is this word, cut short perhaps, meant by that? */
static int
means(const char *name, const char *word)
{
	return (strncmp(name, word, strlen(word)) == 0);
}

/* The word of a command: the second if the first is given already. */
static const char *
command_word(const struct command *cm, const char *first)
{
	if (first == NULL)
		return (cm->cm_word);
	return (strcmp(cm->cm_word, first) == 0 ? cm->cm_what : NULL);
}

/* What the word, which may be a beginning of it, stands for. */
static const char *
find_word(const char *first, const char *word)
{
	const char	*found = NULL, *name;
	size_t		 i;

	for (i = 0; i < NCOMMANDS; i++) {
		name = command_word(&commands[i], first);
		if (name == NULL || !means(name, word))
			continue;
		if (strcmp(name, word) == 0)
			return (name);
		if (found != NULL && strcmp(found, name) != 0) {
			fprintf(stderr, "securetcpctl: \"%s\" is ambiguous: "
			    "%s or %s\n", word, found, name);
			exit(CTL_USAGE);
		}
		found = name;
	}
	if (found == NULL) {
		fprintf(stderr, "securetcpctl: unknown command \"%s%s%s\"\n",
		    first == NULL ? "" : first, first == NULL ? "" : " ",
		    word);
		usage();
	}
	return (found);
}

static const struct command *
find_command(int *argc, char ***argv)
{
	const struct command	*cm;
	const char		*first, *second = NULL;

	if (*argc == 0)
		usage();
	first = find_word(NULL, **argv);
	for (cm = commands; strcmp(cm->cm_word, first) != 0; cm++)
		continue;
	(*argc)--;
	(*argv)++;
	if (cm->cm_what == NULL)
		return (cm);
	if (*argc == 0) {
		fprintf(stderr, "securetcpctl: %s what?\n", first);
		usage();
	}
	second = find_word(first, **argv);
	while (strcmp(cm->cm_word, first) != 0 ||
	    strcmp(cm->cm_what, second) != 0)
		cm++;
	(*argc)--;
	(*argv)++;
	return (cm);
}

/* The daemon cannot be asked, or says that it may not. */
__attribute__((__noreturn__, __format__(printf, 2, 3)))
static void
fail(int code, const char *fmt, ...)
{
	va_list	 ap;

	if (web)
		http_unavailable();
	top_leave();
	va_start(ap, fmt);
	verrx(code, fmt, ap);
}

static void
reach(const struct command *cm)
{
	struct sockaddr_un	 sun;
	int			 fd;

	if (sockfile_address(&sun, path) == -1)
		fail(CTL_UNREACHED, "%s: too long for the path of a socket",
		    path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		fail(CTL_UNREACHED, "cannot reach securetcpd at %s: %s", path,
		    strerror(errno));
	if ((daemon_in = fdopen(fd, "r")) == NULL ||
	    (fd = dup(fd)) == -1 ||
	    (daemon_out = fdopen(fd, "w")) == NULL)
		fail(CTL_UNREACHED, "%s", strerror(errno));
	if (cm->cm_run == run_top)
		top_enter();
	if (compat_confine(cm->cm_run == run_top) == -1)
		fail(CTL_UNREACHED, "compat_confine: %s", strerror(errno));
}

static void
ask(const char *word, const char *what, int argc, char **argv)
{
	int	 i;

	fprintf(daemon_out, "%s", word);
	if (what != NULL)
		fprintf(daemon_out, "\t%s", what);
	for (i = 0; i < argc; i++)
		fprintf(daemon_out, "\t%s", argv[i]);
	fprintf(daemon_out, "\n");
	if (fflush(daemon_out) == EOF)
		fail(CTL_UNREACHED, "%s: %s", path, strerror(errno));
}

/* The next line, or NULL after "done". */
static char *
answer(void)
{
	static char	*line;
	static size_t	 size;
	ssize_t		 n;

	if ((n = getline(&line, &size, daemon_in)) == -1)
		fail(CTL_UNREACHED, "securetcpd has closed the connection");
	line[n - 1] = '\0';
	if (strcmp(line, "done") == 0)
		return (NULL);
	if (strncmp(line, "refused reason=", 15) == 0) {
		refused = line + 15;
		(void)value_end(&refused);
		if (!lenient)
			fail(CTL_REFUSED, "%s", refused);
		return (NULL);
	}
	return (line);
}

static void
collect(const struct view *v, struct records *rs)
{
	const char	*line;
	size_t		 len = strlen(v->v_record);

	while ((line = answer()) != NULL)
		if (strncmp(line, v->v_record, len) == 0 && line[len] == ' ')
			record_add(rs, v, line + len + 1);
}

void
fetch(const struct view *v, struct records *rs)
{
	ask("show", v->v_name, 0, NULL);
	collect(v, rs);
	(void)records_sort(v, rs, NULL);
}

/* "sort KEY" is not for the daemon: takes it out of the words. */
static const char *
take_sort(int *argc, char **argv)
{
	const char	*key;
	int		 i;

	for (i = 0; i + 1 < *argc; i += 2)
		if (strcmp(argv[i], "sort") == 0)
			break;
	if (i + 1 >= *argc)
		return (NULL);
	key = argv[i + 1];
	for (*argc -= 2; i < *argc; i++)
		argv[i] = argv[i + 2];
	return (key);
}

static int
run_show(const struct command *cm, int argc, char **argv)
{
	const struct view	*v = view_find(cm->cm_what);
	const char		*key = take_sort(&argc, argv);
	struct records		 rs = { NULL, 0 };

	/* A key that there is not is no question for the daemon. */
	if (records_sort(v, &rs, key) == -1) {
		fprintf(stderr, "securetcpctl: sort %s: %s have no such key\n",
		    key, v->v_name);
		misused(cm);
	}
	ask(cm->cm_word, cm->cm_what, argc, argv);
	collect(v, &rs);
	(void)records_sort(v, &rs, key);
	if (json)
		show_json(v, &rs);
	else if (v->v_single && rs.rs_count > 0)
		show_record(stdout, v, &rs.rs_list[0]);
	else
		show_table(v, &rs);
	records_free(&rs);
	return (0);
}

/* All of it is there before the first byte of an answer by HTTP. */
static int
run_metrics(const struct command *cm, int argc, char **argv)
{
	const struct view	*v;
	struct records		 rs = { NULL, 0 };
	FILE			*f;
	char			*text = NULL;
	size_t			 len = 0;
	int			 plain = 0;

	if (web && !http_request(&plain))
		return (CTL_REFUSED);
	if ((f = open_memstream(&text, &len)) == NULL)
		err(CTL_REFUSED, NULL);
	for (v = NULL; (v = view_metrics(v)) != NULL; records_free(&rs)) {
		fetch(v, &rs);
		show_metrics(f, plain, v, &rs);
	}
	if (!plain)
		fprintf(f, "# EOF\n");
	if (fclose(f) == EOF)
		err(CTL_REFUSED, NULL);
	if (web)
		http_metrics(plain, text, len);
	else
		(void)fwrite(text, 1, len, stdout);
	free(text);
	return (0);
}

/*
 * What the daemon has to say of the configuration comes first, as securetcpd
 * -n says it, and then whether it is used.
 */
static int
run_reload(const struct command *cm, int argc, char **argv)
{
	const struct view	*v = view_find(cm->cm_word);
	struct records		 rs = { NULL, 0 };

	lenient = 1;
	ask(cm->cm_word, NULL, argc, argv);
	collect(v, &rs);
	if (json)
		show_json(v, &rs);
	else
		show_lines(stderr, &rs);
	records_free(&rs);
	if (refused != NULL)
		errx(CTL_REFUSED, "nothing has changed: %s", refused);
	return (0);
}

/* What is answered with nothing but that it is done. */
static int
run_order(const struct command *cm, int argc, char **argv)
{
	ask(cm->cm_word, cm->cm_what, argc, argv);
	while (answer() != NULL)
		continue;
	return (0);
}

/* The whole of what is cut short, or NULL if it is none of these words. */
static const char *
choose(const char *const *words, const char *word)
{
	const char	*found = NULL;

	for (; *words != NULL; words++)
		if (means(*words, word)) {
			if (found != NULL)
				return (NULL);
			found = *words;
		}
	return (found);
}

static int
run_log(const struct command *cm, int argc, char **argv)
{
	static const char *const	 levels[] = {
		"off", "errors", "state", "verbose", NULL
	};
	const char			*level;
	char				 word[16];

	if ((level = choose(levels, argv[0])) == NULL)
		misused(cm);
	(void)strlcpy(word, level, sizeof(word));
	argv[0] = word;
	return (run_order(cm, argc, argv));
}

/* "90", "10m": in seconds. */
static int
run_drain(const struct command *cm, int argc, char **argv)
{
	static const char	 units[] = "smh";
	const char		*errstr, *unit;
	char			 text[16];
	long long		 n, scale = 1;
	size_t			 len;

	if (argc == 0)
		return (run_order(cm, argc, argv));
	len = strlen(argv[0]);
	unit = len == 0 ? NULL : strchr(units, argv[0][len - 1]);
	if (unit != NULL) {
		argv[0][len - 1] = '\0';
		scale = *unit == 'h' ? 3600 : *unit == 'm' ? 60 : 1;
	}
	n = strtonum(argv[0], 0, CTL_DRAIN_MAX / scale, &errstr);
	if (errstr != NULL)
		errx(CTL_USAGE, "drain: the time is %s: seconds, or 90s, 5m, "
		    "2h; a week at most", errstr);
	(void)snprintf(text, sizeof(text), "%lld", n * scale);
	argv[0] = text;
	return (run_order(cm, argc, argv));
}

static int
run_clear(const struct command *cm, int argc, char **argv)
{
	const char	*count, *line;

	ask(cm->cm_word, cm->cm_what, argc, argv);
	while ((line = answer()) != NULL) {
		if ((count = strchr(line, '=')) == NULL)
			continue;
		if (json)
			printf("{\"cleared\":%s}\n", count + 1);
		else
			printf("%s cleared\n", count + 1);
	}
	return (0);
}

/* Until it is interrupted, or what it is about ends. */
static int
run_monitor(const struct command *cm, int argc, char **argv)
{
	const char	*line;

	ask(cm->cm_word, NULL, argc, argv);
	while ((line = answer()) != NULL) {
		if (strncmp(line, "event ", 6) == 0) {
			if (json)
				show_event(line + 6);
			else
				printf("%s\n", line + 6);
		} else if (strncmp(line, "dropped count=", 14) == 0)
			printf(json ? "{\"event\":\"dropped\",\"count\":"
			    "%s}\n" : "dropped=%s\n", line + 14);
		if (fflush(stdout) == EOF)
			err(CTL_REFUSED, "standard output");
	}
	return (0);
}

static int
run_top(const struct command *cm, int argc, char **argv)
{
	(void)cm;
	(void)argc;
	(void)argv;
	return (top_run());
}

int
main(int argc, char **argv)
{
	const struct command	*cm;
	int			 ch, status;

	while ((ch = getopt(argc, argv, "Hjs:")) != -1) {
		switch (ch) {
		case 'H':
			web = 1;
			break;
		case 'j':
			json = 1;
			break;
		case 's':
			path = optarg;
			break;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	cm = find_command(&argc, &argv);
	if (argc < cm->cm_least || argc > cm->cm_most ||
	    (cm->cm_run == run_metrics ? json : web) ||
	    (cm->cm_run == run_top && json))
		misused(cm);
	reach(cm);
	status = cm->cm_run(cm, argc, argv);
	if (fflush(stdout) == EOF)
		err(CTL_REFUSED, "standard output");
	return (status);
}
