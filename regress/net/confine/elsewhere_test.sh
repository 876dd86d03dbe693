# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

atf_test_case confined
confined_head()
{
	atf_set descr "The daemon does nothing that the kernels of OpenBSD \
and FreeBSD would refuse"
}
confined_body()
{
	atf_skip "the stand-in for them traces processes as Linux has it, and \
the real one is here"
}

atf_init_test_cases()
{
	atf_add_test_case confined
}
