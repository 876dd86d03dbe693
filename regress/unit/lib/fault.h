/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * Failures of what the library calls, and the library alone: the linker puts
 * these in the place of malloc(3), calloc(3), strdup(3) and libtls' functions
 * where the program's own objects and archives ask for them.
 */

#ifndef FAULT_H
#define FAULT_H

/* Memory: the nth request from now on fails, and no other; 0: none. */
void		 fault_memory(unsigned int);
/* Did one fail? */
int		 fault_happened(void);

/* The function of libtls that fails, each time; NULL: none. */
extern const char	*fault_tls;

#endif /* FAULT_H */
