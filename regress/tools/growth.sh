# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# What the tests share that send very many clients: that each of them ends
# as it should by the log, and that nothing grows.

. "$(atf_get_srcdir)/../../net/daemon/common.sh"

storm=$top/regress/tools/storm
outcomes=$top/regress/tools/outcomes
states=$top/regress/tools/states.awk
prefork=8			# idle sessions of a server

descriptors() { fds_of "$1"; }
resident() { resident_of "$1"; }
zombies()
{
	for _z in $(children "$daemon") $(sessions); do
		zombie "$_z" && echo "$_z"
	done
}
no_zombies() { [ -z "$(zombies)" ]; }

# Every adopted socket has been closed; the log says so.
all_closed()
{
	[ "$(grep -c 'state=connecting$' log)" -eq \
	    "$(grep -c 'state=closed' log)" ]
}

# Every session there is waits for its connection.
all_idle()
{
	for _w in $(sessions); do
		case $(title "$_w" 2>/dev/null) in
		*" idle")	;;
		*)		return 1 ;;
		esac
	done
}

# calm: the same at four looks in a row.  A session that is being forked has
# a pipe and is not there yet, for longest where all of it is in valgrind.
calm()
{
	# shellcheck disable=SC2046
	_now="$(descriptors "$daemon") $(count $(sessions))"
	if [ "$_now" = "$_last" ]; then
		_looks=$((_looks + 1))
	else
		_looks=1
	fi
	_last=$_now
	[ $_looks -ge 4 ]
}
calm_down()
{
	poll=0.5
	_last=
	wait_until 60 "nothing to change" calm
	poll=0.05
}

# Silent connections have no session, and are counted once a second.
all_counted()
{
	[ ! -f manifest ] || [ "$(sed -n 's/.*: nothing was sent" count=//p' \
	    log | awk '{ n += $1 } END { print n + 0 }')" -ge \
	    "$(grep -c '	silent$' manifest)" ]
}

# settle: nothing is under way any more.
settle()
{
	poll=0.5
	wait_until 60 "all that is silent to be counted" all_counted
	wait_until 60 "all sockets to be closed" all_closed
	wait_until 60 "all sessions to be idle" all_idle
	wait_until 20 "no zombie" no_zombies
	poll=0.05
}

# The idle pool grew with the load and shrinks by itself, step by step.
pool_back() { [ "$(count $(sessions))" -le "$1" ]; }

# measure FILE: what must not grow, one line for each process: descriptors,
# without the pipes of idle sessions in the parent, and resident memory.
measure()
{
	# shellcheck disable=SC2046
	echo "parent $(($(descriptors "$daemon") - $(count $(sessions))))" \
	    "$(resident "$daemon")" >"$1"
	for _m in $(signers) $(spawners); do
		echo "$(title "$_m" | sed 's/ *$//;s/ /-/g')" \
		    "$(descriptors "$_m") $(resident "$_m")" >>"$1"
	done
	sort -o "$1" "$1"
}

# within BEFORE AFTER: descriptors equal, memory within 1 MiB.
within()
{
	[ "$(join "$1" "$2" | wc -l)" -eq "$(wc -l <"$1")" ] &&
	    [ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ] &&
	    [ -z "$(join "$1" "$2" |
	    awk '$2 != $4 || $5 > $3 + 1024 { print }')" ]
}
measured_within() { measure "$2" && within "$1" "$2"; }

# unchanged BEFORE: measured again, in the file after.  A session that is
# being forked has a pipe and is not yet there, so it may take a moment.
unchanged()
{
	_until=$(($(date +%s) + 20))
	until measured_within "$1" after; do
		if [ "$(date +%s)" -gt $_until ]; then
			cat "$1" after
			atf_fail "descriptors or memory are not as before"
		fi
		sleep "$poll"
	done
	echo "process, descriptors and KiB before, and after:"
	join "$1" after
}

# judge [AWK-OPTION]...: the log by the manifest.
judge()
{
	[ ! -f warm ] || cat warm >>manifest
	awk "$@" -f "$states" "$outcomes" manifest log >judged
	_judged=$?
	cat judged
	rm -f warm
	[ $_judged -eq 0 ] || atf_fail "the log is not as it should be"
}

# storm ARGUMENT...: the manifest is in the file of that name.
storm()
{
	"$storm" -o manifest "$@" || {
		tail -n 20 log
		atf_fail "storm failed"
	}
}

# warm ADDRESS...: what a crowd makes the parent allocate for good (idle pools
# of their greatest size) is there before it is measured; what each
# connection would leave behind, is not.
warm()
{
	storm -c 300 -i 1000000 "$1" http:1000
	mv manifest warm
	settle
}

# endure BEHAVIOUR:COUNT...: on one echo server, and nothing grows by it.
endure()
{
	need_look
	need_sources
	serve echo "prefork $prefork" "timeout handshake ${handshake:-10}" \
	    "connections max 1000 per source 64 pending 400"
	# One spawner for all of it: what it leaks is seen.
	echo "spawner lifetime 1000000" >>securetcpd.conf
	start
	warm "127.0.0.1:$port"
	measure before
	who=$(spawners)
	# shellcheck disable=SC2086
	storm ${storm_options:--c 24} "127.0.0.1:$port" "$@"
	settle
	judge
	unchanged before
	atf_check_equal "$who" "$(spawners)"
	served || atf_fail "an honest client is not served any more"
}
served()
{
	[ "$("$peer" connect "127.0.0.1:$port" tls write served shutdown \
	    read 2>/dev/null)" = served ]
}
