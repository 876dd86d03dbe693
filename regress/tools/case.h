/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

#ifndef CASE_H
#define CASE_H

#include <atf-c.h>

/* A test that needs nothing but to say what must hold; its body follows. */
#define CASE(name, text)						\
ATF_TC(name);								\
ATF_TC_HEAD(name, tc)							\
{									\
	atf_tc_set_md_var(tc, "descr", text);				\
}									\
ATF_TC_BODY(name, tc)

#endif /* CASE_H */
