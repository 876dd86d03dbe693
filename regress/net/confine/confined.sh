# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The end-to-end tests of net/daemon and net/deaths, by the daemon that
# is built for $kernel over the stand-in for its kernel: what a case says must
# hold there as well, and nothing may be done that the kernel would refuse.
# $program is one of those test programs, $cases are those of its cases that
# are run.  The Makefile says which, and puts the three lines before this.

_here=$(atf_get_srcdir)
_area=$_here/../daemon
atf_get_srcdir() { echo "$_area"; }

case $program in
deaths)	. "$_here/../deaths/deaths_test.sh" ;;
world)	. "$_here/world.sh" ;;
*)	. "$_area/${program}_test.sh" ;;
esac

securetcpd=$top/regress/net/confine/$kernel/sbin/securetcpd/securetcpd

# The log of the stand-in is where the daemon was started.
unviolated()
{
	for _l in $(find . -name confine.log); do
		echo "--- the log of the stand-in, $_l:"
		cat "$_l"
		if grep -q violation "$_l"; then
			show_log
			atf_fail "the kernel would have refused something"
		fi
	done
	[ -n "$(find . -name confine.log)" ] ||
	    atf_fail "the stand-in was not at work"
}

# To look into processes that have changed their user takes the same of the
# tracer as of a test.
confined()
{
	[ "$(id -u)" -ne 0 ] || need_ptrace
	"$1"_body
	unviolated
}

# What fails may have failed for a violation, which says more.
confined_cleanup()
{
	for _l in $(find . -name confine.log); do
		grep violation "$_l"
	done
	"$1"_cleanup
}

for _c in $cases; do
	atf_test_case "confined_$_c" cleanup
	eval "confined_${_c}_head() { ${_c}_head; }"
	eval "confined_${_c}_body() { confined $_c; }"
	eval "confined_${_c}_cleanup() { confined_cleanup $_c; }"
done

atf_init_test_cases()
{
	for _c in $cases; do
		atf_add_test_case "confined_$_c"
	done
}
