/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * As much of HTTP as a scrape of Prometheus needs: one request on standard
 * input, one answer on standard output.  Whoever is to be kept out was kept
 * out by the server block, before this program was started for the connection.
 */

#include <sys/types.h>

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "compat.h"
#include "ctl.h"

#define HTTP_REQUEST	8192	/* bytes of a request without a body */
#define HTTP_DEADLINE	5000	/* milliseconds until all of it has come */

#define TYPE_OPEN	"application/openmetrics-text"
#define TYPE_PLAIN	"text/plain"

static int	 asked;		/* the request was read */
static int	 head;		/* HEAD: without the body */

static void
http_answer(const char *status, const char *type, const char *more,
    const char *body, size_t len)
{
	printf("HTTP/1.1 %s\r\nContent-Type: %s; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n%s\r\n", status, type,
	    len, more);
	if (!head)
		(void)fwrite(body, 1, len, stdout);
	(void)fflush(stdout);
}

/* Always false: there is nothing more to be said. */
static int
http_refuse(const char *status, const char *more)
{
	char	 body[64];
	int	 n;

	n = snprintf(body, sizeof(body), "%s\n", status);
	http_answer(status, TYPE_PLAIN, more, body, (size_t)n);
	return (0);
}

/* An empty line ends the request; its lines may end without CR. */
static int
request_whole(const char *text)
{
	return (strstr(text, "\n\r\n") != NULL || strstr(text, "\n\n") !=
	    NULL);
}

/* Returns NULL, or the status of a request that does not come. */
static const char *
request_read(char *text, size_t size)
{
	struct pollfd	 pfd = { STDIN_FILENO, POLLIN, 0 };
	int64_t		 deadline = compat_now() + HTTP_DEADLINE, left;
	size_t		 len = 0;
	ssize_t		 n;

	do {
		if (len == size - 1)
			return ("431 Request Header Fields Too Large");
		if ((left = deadline - compat_now()) < 0)
			left = 0;
		n = poll(&pfd, 1, (int)left);
		if (n == 0)
			return ("408 Request Timeout");
		if (n == 1)
			n = read(STDIN_FILENO, text + len, size - 1 - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || memchr(text + len, '\0', (size_t)n) != NULL)
			return ("400 Bad Request");
		len += (size_t)n;
		text[len] = '\0';
	} while (!request_whole(text));
	return (NULL);
}

/* "1", "0.25": in thousandths. */
static int
accept_quality(const char *text)
{
	int	 n = 0, scale;

	if (*text != '0')
		return (1000);
	if (*++text != '.')
		return (0);
	for (scale = 100; scale > 0 && isdigit((unsigned char)*++text);
	    scale /= 10)
		n += (*text - '0') * scale;
	return (n);
}

/* Takes a type; of its parameters only the quality counts. */
static void
accept_type(char *type, int *open, int *plain)
{
	char	*p;
	int	 q = 1000;

	type += strspn(type, " \t");
	p = type + strcspn(type, "; \t");
	while (*p != '\0') {
		*p++ = '\0';
		p += strspn(p, "; \t");
		if (strncasecmp(p, "q=", 2) == 0)
			q = accept_quality(p + 2);
		p += strcspn(p, "; \t");
	}
	if (strcasecmp(type, TYPE_OPEN) == 0 && q > *open)
		*open = q;
	else if (strcasecmp(type, TYPE_PLAIN) == 0 && q > *plain)
		*plain = q;
}

/* Is the older format wanted?  The newer one goes to those who know it. */
static int
accept_plain(char *fields)
{
	char	*line, *type;
	int	 open = 0, plain = 0;

	while ((line = strsep(&fields, "\r\n")) != NULL) {
		if (strncasecmp(line, "accept:", 7) != 0)
			continue;
		line += 7;
		while ((type = strsep(&line, ",")) != NULL)
			accept_type(type, &open, &plain);
	}
	return (open == 0 || open < plain);
}

int
http_request(int *plain)
{
	static char	 text[HTTP_REQUEST];
	char		*fields = text, *line, *method, *target;
	const char	*status;

	asked = 1;
	if ((status = request_read(text, sizeof(text))) != NULL)
		return (http_refuse(status, ""));
	line = strsep(&fields, "\r\n");
	method = strsep(&line, " ");
	target = strsep(&line, " ");
	if (line == NULL || strncmp(line, "HTTP/1.", 7) != 0 ||
	    *target != '/')
		return (http_refuse("400 Bad Request", ""));
	head = strcmp(method, "HEAD") == 0;
	if (!head && strcmp(method, "GET") != 0)
		return (http_refuse("405 Method Not Allowed",
		    "Allow: GET, HEAD\r\n"));
	target[strcspn(target, "?")] = '\0';
	if (strcmp(target, "/") != 0 && strcmp(target, "/metrics") != 0)
		return (http_refuse("404 Not Found", ""));
	*plain = accept_plain(fields);
	return (1);
}

void
http_metrics(int plain, const char *body, size_t len)
{
	http_answer("200 OK", plain ? TYPE_PLAIN "; version=0.0.4" :
	    TYPE_OPEN "; version=1.0.0", "", body, len);
}

/* The daemon does not answer, perhaps before anybody has asked. */
void
http_unavailable(void)
{
	int	 plain;

	if (asked || http_request(&plain))
		(void)http_refuse("503 Service Unavailable", "");
}
