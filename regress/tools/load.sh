# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Read after daemon/common.sh: honest connections beside what a test does,
# and what must be as it was when it has done that.

load=$top/regress/tools/load

# load_start NAME SERVER [-n 4 ...]: connections whose every byte is checked.
# A machine that is given more time has less to do: the load is not to be all
# that it can.
load_start()
{
	_name=$1
	_port=$(port_of "$2")
	shift 2
	rm -f "$_name.stop" "$_name.ready"
	"$load" -p $((20 * ${RUNATF_SLOW:-1})) -t $((280 * ${RUNATF_SLOW:-1})) \
	    -r "$_name.ready" -u "$_name.stop" "$@" \
	    "127.0.0.1:$_port" </dev/null >"$_name.load" 2>&1 &
	_pid=$!
	echo $_pid >>pids
	eval "load_$_name=$_pid"
	wait_until 60 "load $_name" test -f "$_name.ready"
}

# load_stop NAME [LOST]: nothing is wrong, and exactly so many were lost.
load_stop()
{
	touch "$1.stop"
	eval "_pid=\$load_$1"
	wait_until 60 "load $1 to end" dead "$_pid"
	cat "$1.load"
	grep -q " lost ${2:-0} wrong 0 rounds [1-9]" "$1.load" || {
		show_log
		atf_fail "load $1: other than ${2:-0} lost, 0 wrong"
	}
}

# The checker of every log: each socket ends once.  With $proxy, some came by
# way of one.
check_once()
{
	awk -v "proxy=${proxy:-0}" -f "$top/regress/tools/once.awk" log \
	    >once.out || {
		cat once.out
		show_log
		atf_fail "not every socket ended exactly once"
	}
	# Nothing but printable lines, whatever anybody sent.
	LC_ALL=C grep -n '[^ -~]' log && atf_fail "raw bytes in the log"
	return 0
}

# Of the parent's descriptors, one belongs to each session there is, and one
# more to each that is connected to its echo or, two in all, to a backend.
spare_fds()
{
	echo $(($(fds_of "$daemon") - $(sessions | wc -l) -
	    ${held:-1} * $(busy connected | wc -l)))
}

# measure: what settled is to be found again.
measure()
{
	wait_until 20 "no zombie" no_zombie
	fds_before=$(spare_fds)
	rss_before=$(resident_of "$daemon")
}
same_fds() { [ "$(spare_fds)" -eq "$fds_before" ]; }

# measured [KIB]: the descriptors as before, memory too, no zombie.
measured()
{
	wait_until 40 "as many descriptors as before, $fds_before" same_fds
	wait_until 20 "no zombie" no_zombie
	_now=$(resident_of "$daemon")
	echo "resident before $rss_before kB, now $_now kB"
	[ -n "$sanitized" ] || [ $((_now - rss_before)) -le "${1:-1024}" ] ||
	    atf_fail "the parent has grown"
}

no_zombie()
{
	for _z in $(children "$daemon") $(sessions); do
		zombie "$_z" && return 1
	done
	return 0
}

# stop_clean: SIGTERM, exit 0, no complaint of a sanitizer, sockets ended.
stop_clean()
{
	stop_daemon
	_status=$?
	if grep -E 'Sanitizer|runtime error' log; then
		tail -n 100 log
		atf_fail "a sanitizer complains"
	fi
	atf_check_equal 0 $_status
	check_once
}
