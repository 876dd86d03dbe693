/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * For programs that are always built with the address sanitizer and test
 * what allocates nothing: atf-c never frees its list of cases, which is a
 * failure for who runs them without mk/lsan.supp.
 */

int	 __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return (1);
}
