/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The walk over a text in PEM form (RFC 7468).  Text before, between and
 * after blocks is allowed, as many tools write it.  A line that looks like
 * the boundary of a block and is none is not taken for such text: TLS
 * libraries do that, and drop the block without a word.
 */

#include <sys/types.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "bundle.h"

#define PEM_DASHES	"-----"
#define PEM_NDASHES	(sizeof(PEM_DASHES) - 1)
#define PEM_BOM		"\357\273\277"

enum pem_boundary {
	PEM_NONE,
	PEM_BEGIN,
	PEM_END
};

struct pem_line {
	const char		*pl_text;	/* after a byte order mark */
	const char		*pl_end;	/* the newline, or the last */
	const char		*pl_rest;	/* after the boundary */
	enum pem_boundary	 pl_boundary;
	char			 pl_label[PEM_LABEL];
	const char		*pl_wrong;	/* with the boundary */
};

static void	 pem_line(const struct pem *, struct pem_line *);
static void	 pem_boundary(struct pem_line *);
static const char *pem_label(struct pem_line *, const char *, const char *);
static void	 pem_pass(struct pem *, const struct pem_line *);
static int	 pem_blank(const char *, const char *);
static void	 pem_body(struct pem *, struct pem_block *);
static void	 pem_close(struct pem *, struct pem_block *,
		    const struct pem_line *);
static void	 pem_skip(struct pem *);
static int	 pem_digit(char);

void
stcp_pem_open(struct pem *pm, const void *text, size_t len)
{
	pm->pm_at = text;
	pm->pm_end = pm->pm_at + len;
	pm->pm_line = 1;
}

/* The line at hand, and what it is. */
static void
pem_line(const struct pem *pm, struct pem_line *pl)
{
	const char	*nl;
	size_t		 left = (size_t)(pm->pm_end - pm->pm_at);

	memset(pl, 0, sizeof(*pl));
	nl = memchr(pm->pm_at, '\n', left);
	pl->pl_end = nl == NULL ? pm->pm_end : nl;
	pl->pl_text = pm->pm_at;
	/* Windows writes one, and concatenated files have it inside. */
	if (left >= 3 && memcmp(pm->pm_at, PEM_BOM, 3) == 0)
		pl->pl_text += 3;
	pem_boundary(pl);
}

/* Anything with two dashes or more before "begin" or "end" is meant as one. */
static void
pem_boundary(struct pem_line *pl)
{
	const char	*end = pl->pl_end, *p = pl->pl_text, *dashes;
	const char	*word;

	while (p < end && isspace((unsigned char)*p))
		p++;
	for (dashes = p; p < end && *p == '-'; p++)
		continue;
	if (p - dashes < 2)
		return;
	for (word = p; word < end && *word == ' '; word++)
		continue;
	if (end - word >= 6 && strncasecmp(word, "BEGIN ", 6) == 0)
		pl->pl_boundary = PEM_BEGIN;
	else if (end - word >= 4 && strncasecmp(word, "END ", 4) == 0)
		pl->pl_boundary = PEM_END;
	else
		return;
	if (dashes != pl->pl_text)
		pl->pl_wrong = "is indented";
	else if ((size_t)(p - dashes) != PEM_NDASHES || word != p)
		pl->pl_wrong = "does not begin with five dashes";
	else if (memcmp(word, pl->pl_boundary == PEM_BEGIN ? "BEGIN" : "END",
	    pl->pl_boundary == PEM_BEGIN ? 5 : 3) != 0)
		pl->pl_wrong = "is not in capital letters";
	else
		pl->pl_wrong = pem_label(pl, word +
		    (pl->pl_boundary == PEM_BEGIN ? 6 : 4), end);
}

/* From the label to the end of the line. */
static const char *
pem_label(struct pem_line *pl, const char *p, const char *end)
{
	size_t	 n;

	for (n = 0; p + n < end && p[n] != '-' && isprint((unsigned char)p[n]);
	    n++)
		continue;
	if (n == 0 || n >= sizeof(pl->pl_label))
		return ("has no label");
	memcpy(pl->pl_label, p, n);
	p += n;
	if ((size_t)(end - p) < PEM_NDASHES ||
	    memcmp(p, PEM_DASHES, PEM_NDASHES) != 0)
		return ("does not end with five dashes");
	pl->pl_rest = p + PEM_NDASHES;
	/* Two files were joined, and the first had no newline at its end. */
	if (pl->pl_boundary == PEM_END && end - pl->pl_rest >= 11 &&
	    memcmp(pl->pl_rest, PEM_DASHES "BEGIN ", 11) == 0)
		return (NULL);
	return (pem_blank(pl->pl_rest, end) ? NULL :
	    "is followed by something in its line");
}

static int
pem_blank(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	return (p == end);
}

/* Text behind a boundary in its line counts as a line of its own. */
static void
pem_pass(struct pem *pm, const struct pem_line *pl)
{
	if (pl->pl_rest != NULL && pl->pl_wrong == NULL &&
	    !pem_blank(pl->pl_rest, pl->pl_end)) {
		pm->pm_at = pl->pl_rest;
		return;
	}
	pm->pm_at = pl->pl_end;
	if (pm->pm_at < pm->pm_end) {
		pm->pm_at++;
		pm->pm_line++;
	}
}

int
stcp_pem_next(struct pem *pm, struct pem_block *pb)
{
	struct pem_line	 pl;

	memset(pb, 0, sizeof(*pb));
	for (; pm->pm_at < pm->pm_end; pem_pass(pm, &pl)) {
		pem_line(pm, &pl);
		if (pl.pl_boundary == PEM_NONE)
			continue;
		pb->pb_line = pm->pm_line;
		pb->pb_text = pl.pl_text;
		memcpy(pb->pb_label, pl.pl_label, sizeof(pb->pb_label));
		pb->pb_wrong = pl.pl_wrong;
		pem_pass(pm, &pl);
		if (pl.pl_boundary == PEM_BEGIN && pb->pb_wrong == NULL)
			pem_body(pm, pb);
		else if (pl.pl_boundary == PEM_BEGIN)
			pem_skip(pm);
		else if (pb->pb_wrong == NULL)
			pb->pb_wrong = "ends a block that has no beginning";
		return (1);
	}
	return (0);
}

/* From the line after the beginning to the end, where there is one. */
static void
pem_body(struct pem *pm, struct pem_block *pb)
{
	struct pem_line	 pl;

	pb->pb_body = pm->pm_at;
	while (pm->pm_at < pm->pm_end) {
		pem_line(pm, &pl);
		if (pl.pl_boundary == PEM_BEGIN) {
			pb->pb_wrong = "has no end before the next begins";
			return;
		}
		if (pl.pl_boundary == PEM_END) {
			pem_close(pm, pb, &pl);
			return;
		}
		pem_pass(pm, &pl);
	}
	pb->pb_wrong = "is cut off: it has no end";
}

static void
pem_close(struct pem *pm, struct pem_block *pb, const struct pem_line *pl)
{
	pb->pb_bodylen = (size_t)(pm->pm_at - pb->pb_body);
	pem_pass(pm, pl);
	if (pl->pl_wrong != NULL)
		pb->pb_wrong = "has a malformed line at its end";
	else if (strcmp(pl->pl_label, pb->pb_label) != 0)
		pb->pb_wrong = "ends as another kind than it begins";
	else
		pb->pb_len = (size_t)(pl->pl_rest - pb->pb_text);
}

/* Text behind a malformed beginning is not reported again. */
static void
pem_skip(struct pem *pm)
{
	struct pem_line	 pl;

	for (; pm->pm_at < pm->pm_end; pem_pass(pm, &pl)) {
		pem_line(pm, &pl);
		if (pl.pl_boundary == PEM_BEGIN)
			return;
		if (pl.pl_boundary == PEM_END) {
			pem_pass(pm, &pl);
			return;
		}
	}
}

/* -1: none of base64. */
static int
pem_digit(char c)
{
	static const char	 digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char		*p;

	if (c == '\0' || (p = strchr(digits, c)) == NULL)
		return (-1);
	return ((int)(p - digits));
}

int
stcp_pem_decode(const struct pem_block *pb, uint8_t *out, size_t *len)
{
	uint32_t	 bits = 0;
	size_t		 digits = 0, i, n = 0, pads = 0;
	int		 digit;
	char		 c;

	for (i = 0; i < pb->pb_bodylen; i++) {
		c = pb->pb_body[i];
		if (isspace((unsigned char)c))
			continue;
		digit = pem_digit(c);
		if (c == '=')
			pads++;
		else if (digit == -1 || pads != 0)
			break;
		bits = bits << 6 | (c == '=' ? 0 : (uint32_t)digit);
		if (++digits % 4 != 0)
			continue;
		out[n++] = (uint8_t)(bits >> 16);
		out[n++] = (uint8_t)(bits >> 8);
		out[n++] = (uint8_t)bits;
	}
	if (i < pb->pb_bodylen || digits == 0 || digits % 4 != 0 || pads > 2)
		return (-1);
	*len = n - pads;
	return (0);
}

const char *
stcp_pem_instead(const void *text, size_t len)
{
	const unsigned char	*p = text;

	if (len > 2 && ((p[0] == 0xff && p[1] == 0xfe) ||
	    (p[0] == 0xfe && p[1] == 0xff)))
		return (": it is text in UTF-16");
	/* A DER sequence of that length, or one that says it in more bytes. */
	if (len > 2 && p[0] == 0x30 && (p[1] >= 0x80 || p[1] == len - 2))
		return (": it is in DER form, not PEM");
	return ("");
}
