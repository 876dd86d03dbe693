# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

top=$(cd "$(atf_get_srcdir)/../.." && pwd)

# placeholder NAME SECTION: a manual of a system that is not this one.
placeholder()
{
	mkdir -p "manuals/man$2"
	printf '.Dd January 1, 2026\n.Dt %s %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n' \
	    "$1" "$2" "$1" "$1" >"manuals/man$2/$1.$2"
}

atf_test_case lint
lint_head()
{
	atf_set descr "mandoc -W style finds nothing to say about any manual, \
and each one referred to is ours or known to be one of these systems"
	atf_set require.progs "mandoc makewhatis"
}
lint_body()
{
	atf_check -o not-empty ls "$top"/man/*.[1-9]
	for m in "$top"/man/*.[1-9]; do
		mkdir -p "manuals/man${m##*.}"
		cp "$m" "manuals/man${m##*.}"
	done
	# Whether a host has the manuals of others is not what is tested.
	for m in openssl.1 pledge.2 poll.2 ps.1 syslog.3 syslogd.8 \
	    tls_config_set_protocols.3 tls_init.3 vis.3; do
		placeholder "${m%.*}" "${m##*.}"
	done
	makewhatis "$PWD/manuals"
	for m in "$top"/man/*.[1-9]; do
		atf_check env MANPATH="$PWD/manuals" mandoc -Tlint -W style \
		    "$m"
	done
}

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
