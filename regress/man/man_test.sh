# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

top=$(cd "$(atf_get_srcdir)/../.." && pwd)

atf_test_case lint
lint_head()
{
	atf_set descr "mandoc finds nothing to say about any manual"
	atf_set require.progs mandoc
}
lint_body()
{
	atf_check -o not-empty ls "$top"/man/*.[1-9]
	atf_check mandoc -Tlint -W style "$top"/man/*.[1-9]
}

# names FILE: what an error table has, "number name" a line.
atf_test_case errors
errors_head()
{
	atf_set descr "The error table of securetcpd(8) is that of securetcp.h"
}
errors_body()
{
	sed -n 's/^	\(pt[A-Za-z0-9]*\) = \([0-9]*\),*$/\2 \1/p' \
	    "$top/lib/libsecuretcp/securetcp.h" | sort >header
	atf_check -o not-empty cat header
	sed -n 's/^\.It \([0-9][0-9]*\) Ta \(pt[A-Za-z0-9]*\).*$/\1 \2/p' \
	    "$top/man/securetcpd.8" | sort >manual
	atf_check -o file:header cat manual
}

atf_test_case options
options_head()
{
	atf_set descr "securetcpd(8) describes each option its usage line has"
}
options_body()
{
	"$top/sbin/securetcpd/securetcpd" -h 2>usage >/dev/null
	atf_check -o match:"^usage: securetcpd " cat usage
	for o in d n v D f; do
		atf_check -o match:"-[a-zA-Z]*$o" cat usage
		atf_check -o match:"^\\.It Fl $o" cat "$top/man/securetcpd.8"
	done
}

atf_init_test_cases()
{
	atf_add_test_case lint
	atf_add_test_case errors
	atf_add_test_case options
}
