/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/* The parent's resolver.c, whose seconds pass faster. */

#ifndef QUICK_H
#define QUICK_H

#define QUICK_FACTOR	10

/* How often it has set a timer to so many of its own seconds. */
unsigned int	 quick_count(long);
/* How often it has asked. */
unsigned int	 quick_questions(void);

#endif /* QUICK_H */
