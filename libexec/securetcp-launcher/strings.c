/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#include <sys/types.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "launcher.h"

char **
strings_split(uint8_t *data, size_t len)
{
	char	**strings;
	size_t	  i, n = 0;

	if (len > 0 && data[len - 1] != '\0') {
		errno = EINVAL;
		return (NULL);
	}
	for (i = 0; i < len; i++)
		n += data[i] == '\0';
	if ((strings = calloc(n + 1, sizeof(*strings))) == NULL)
		return (NULL);
	for (i = 0, n = 0; i < len; n++) {
		strings[n] = (char *)data + i;
		i += strlen(strings[n]) + 1;
	}
	return (strings);
}
