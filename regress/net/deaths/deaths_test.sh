# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Deaths under load: what died is replaced, the connection concerned ends
# with its Error and its two states, and every other one goes on, each byte
# of it compared.  The checker of the log runs at the end of every case.

. "$(atf_get_srcdir)/../daemon/common.sh"
. "$(atf_get_srcdir)/../../tools/load.sh"

# two [STATEMENT]...: servers www and other, both echo, STATEMENTs for www;
# $signers of them.
two()
{
	need_look
	need_addresses 127.0.0.2 127.0.0.3
	{
		echo "signers ${signers:-1}"
		for _s in www other; do
			echo "server \"$_s\" {"
			echo "	listen on 127.0.0.1 port 0"
			echo "	certificate \"www\""
			echo "	echo; connections max 200 per source 200"
			[ $_s = other ] || printf '	%s\n' "$@"
			echo "}"
		done
	} | configure
	start
}
# www at rest and coming anew, other the same.
load_all()
{
	load_start still www -n 6
	load_start anew www -n 2 -c 3
	load_start other other -n 3 -c 5
}

served()
{
	[ "$("$peer" -t 20 connect "127.0.0.1:$(port_of "${1:-www}")" tls \
	    write served shutdown read 2>/dev/null)" = served ]
}
signers_() { titled "$daemon" securetcp-signer:; }
spawner_of() { titled "$daemon" "securetcp-spawner: $1"; }
# The one whose sessions wait for work; others may be there still, with live
# sessions of before.
current()
{
	for _w in $(spawner_of "$1"); do
		if children_titled "$_w" | grep -q ' idle$'; then
			echo "$_w"
			return
		fi
	done
}
# All of them may be at work between two looks.
now_current() { wait_until 20 "idle sessions" found_current; }
found_current()
{
	old=$(current www)
	[ -n "$old" ]
}
replaced()
{
	_s=$(current "$1")
	[ -n "$_s" ] && [ "$_s" != "$2" ]
}
only() { [ "$(spawner_of "$1" | wc -l)" -eq 1 ]; }
# A server's sessions: PIDs of those in the given state.
in_state()
{
	for _w in $(spawner_of "$1"); do
		children_titled "$_w" |
		    sed -n "s/^\([0-9]*\) .* $1 $2\$/\1/p"
	done
}
all_dead()
{
	for _a in "$@"; do
		dead "$_a" || return 1
	done
}
# client [SOURCE]: one that stays, and sees its end; its session is number
# $n and process $victim.
client()
{
	_from=${1:-127.0.0.3}
	_had=$(connected_from "$_from" | wc -l)
	"$peer" -t 110 -b "$_from:0" connect "127.0.0.1:$(port_of www)" tls \
	    write hello readn 5 drain >/dev/null 2>&1 &
	echo $! >>pids
	wait_until 20 "one more connected" one_more
	n=$(connected_from "$_from" | tail -n 1)
	wait_until 20 "its process" victim_found
}
connected_from()
{
	sed -n "s/^server=www session=\([0-9]*\) from=$1:[0-9]* state=connected .*/\1/p" log
}
one_more() { [ "$(connected_from "$_from" | wc -l)" -gt "$_had" ]; }
victim_found()
{
	victim=
	for _v in $(in_state www connected); do
		case $(title "$_v") in
		"securetcp-session: $n www "*)	victim=$_v ;;
		esac
	done
	[ -n "$victim" ]
}
crashes() { grep -c 'warning="a session crashed: ' log; }

# died NUMBER SIGNAL: the events of the session that was killed.
died()
{
	wait_log "^server=www session=$1 from=[^ ]* state=closed"
	grep "^server=www session=$1 from=" log | sed -E -e 's/^.* from=[^ ]* //' \
	    -e 's/ version=.*//; s/(in|out|seconds)=.*/N/' >happened
	printf '%s\n' state=connecting state=connected \
	    "error=ptError number=11100 description=\"session terminated\" reason=\"killed by signal $2\"" \
	    state=closing "state=closed N" >expected
	diff -u expected happened || atf_fail "session $1 did not end as it has to"
}

scenario session_killed "A session killed under load ends with Error ptError \
and its two states, and no other connection loses a byte" timeout 200
session_killed_body()
{
	two
	load_all
	client
	measure
	now_current
	kill -KILL "$victim"
	died "$n" "9 (Killed)"
	wait_until 20 "another spawner" replaced www "$old"
	load_stop still
	load_stop anew
	load_stop other
	stop_clean
}

# places PID: where program, library, heap and stack begin.  (OpenBSD tells
# that nobody; whether sessions are where their spawner is matters as much
# there, and is what it does by itself.)
can_see_places() { [ "$system" = Linux ]; }
places()
{
	for _m in securetcp-session libc.so '[heap]' '[stack]'; do
		grep -F -m 1 -- "$_m" "/proc/$1/maps" | cut -d - -f 1
	done
}

scenario crash "A session that crashes takes its spawner and the idle \
sessions along: other processes, at other addresses, take their place, and \
the source is counted" timeout 200
crash_body()
{
	two
	load_all
	for i in 1 2; do
		client
			now_current
		idle=$(in_state www idle)
		if can_see_places; then
			places "$old" >old
			atf_check test "$(wc -l <old)" -eq 4
		fi
		kill -SEGV "$victim"
		died "$n" "11 (Segmentation fault)"
		wait_log "^server=www warning=\"a session crashed: killed by signal 11 .Segmentation fault.: its spawner and the idle sessions are replaced\" session=$n from=127.0.0.3:[0-9]+ crashes=$i\$"
		wait_until 20 "another spawner" replaced www "$old"
		wait_until 20 "service" served
		was=$old
		now_current
		new=$old
		old=$was
		if can_see_places; then
			places "$new" >new
			places "$(idle_of "$new")" >idle.new
			# A session is where its spawner is, and both are
			# elsewhere.
			grep -qxFf old new && atf_fail "the addresses of before"
			diff -u new idle.new ||
			    atf_fail "an idle one elsewhere"
		fi
		wait_until 20 "the idle ones of before to leave" none_idle
	done
	# Another source begins at one.
	client 127.0.0.2
	kill -SEGV "$victim"
	wait_log "session=$n from=127.0.0.2:[0-9]+ crashes=1\$"
	load_stop still
	load_stop anew
	load_stop other
	wait_until 20 "service" served
	# Of a spawner whose last session has ended nothing stays.
	wait_until 20 "one spawner" only www
	stop_clean
}

# The last of a spawner's idle sessions: not the next to be used.
idle_of()
{
	for _c in $(children "$1"); do
		case $(title "$_c" 2>/dev/null) in
		*" idle")	_last=$_c ;;
		esac
	done
	echo "$_last"
}
# One or another may have got a connection before it was let go.
none_idle()
{
	for _p in $idle; do
		case $(title "$_p" 2>/dev/null) in
		*" idle")	return 1 ;;
		esac
	done
}

scenario spawner_killed "A spawner killed under load is replaced, and no \
connection is lost, old or new" timeout 200
spawner_killed_body()
{
	two
	load_all
	measure
	for i in 1 2 3; do
		now_current
		kill -KILL "$old"
		wait_until 30 "another spawner" replaced www "$old"
		wait_until 20 "service" served
	done
	load_stop still
	load_stop anew
	load_stop other
	wait_until 20 "as many lines" eval \
	    '[ $(grep -c "signal 9 .Killed.; it is replaced" log) -eq 3 ]'
	atf_check -s exit:1 grep error= log
	stop_clean
}

scenario signer_killed "A signer killed under load is replaced: handshakes \
that waited for it end with Error ptError, nothing else is lost" timeout 200
signer_killed_body()
{
	two
	load_start still www -n 6
	load_start other other -n 3
	old=$(signers_)
	# So that somebody waits for it for certain.
	kill -STOP "$old"
	for i in 1 2 3; do
		"$peer" connect "127.0.0.1:$(port_of www)" tls drain \
		    >/dev/null 2>&1 &
		echo $! >>pids
	done
	wait_until 20 "three more connecting" eval \
	    '[ $(grep -c state=connecting log) -eq 12 ]'
	kill -KILL "$old"
	# Two at most had been given to it; who waits is served by the next.
	wait_until 40 "each to end or to be connected" eval \
	    '[ $(grep -cE "state=connected|error=ptError" log) -ge 12 ]'
	lost=$(grep -cE 'error=ptError number=11100 .*reason="signer 1 terminated: killed by signal 9 .Killed."' log)
	echo "$lost of 3 were lost"
	[ "$lost" -le 2 ] || atf_fail "$lost were lost"
	wait_until 20 "service" served
	load_stop still
	load_stop other
	atf_check -o match:'signer 1 terminated: killed by signal 9 .Killed.; it is replaced' \
	    cat log
	stop_clean
}

scenario parent_killed "When the parent is killed under load, every process \
is gone within a second, and the ports are free" timeout 200
parent_killed_body()
{
	two
	load_all
	other_port=$(port_of other)
	all=$(family)
	atf_check test "$(echo "$all" | wc -w)" -ge 15
	kill -KILL "$daemon"
	begin=$(milliseconds)
	# shellcheck disable=SC2086
	wait_until 5 "every process to leave" all_dead $all
	ms=$(($(milliseconds) - begin))
	echo "all gone after $ms ms"
	# Two looks at the processes are in it.
	[ $ms -lt $((1200 * ${RUNATF_SLOW:-1})) ] || atf_fail "it took $ms ms"
	for l in still anew other; do
		touch $l.stop
	done
	for p in "$port" "$other_port"; do
		atf_check -s exit:1 -e match:"Connection refused" "$peer" \
		    connect "127.0.0.1:$p" hold
	done
	# The dead one's pidfile is in nobody's way, and nor is its port.
	awk -v port="$port" '!done { done = sub(/port 0/, "port " port) }
	    { print }' securetcpd.conf >c
	mv c securetcpd.conf
	start
	served || atf_fail "not served by the next one"
	stop_clean
}

scenario orphan_stopped "A stopped session whose spawner is dead does not \
outlive the daemon" timeout 60
orphan_stopped_body()
{
	case $(uname -s) in
	Linux)	[ -r "/proc/self/task/$$/children" ] ||
		    atf_skip "this kernel does not tell who is whose child" ;;
	FreeBSD) ;;
	*)	atf_skip "orphans are children of init here" ;;
	esac
	two
	client
	kill -STOP "$victim"
	now_current
	kill -KILL "$old"
	wait_until 30 "another spawner" replaced www "$old"
	kill -TERM "$daemon"
	wait "$daemon"
	atf_check_equal 0 $?
	wait_until 5 "the stopped session to end" dead "$victim"
}

pausing='^server=www warning="8 crashes within 10 seconds: not accepting for 10 seconds"$'
again='^server=www warning="accepting again"$'

scenario crash_flood "Seven crashes are borne; the eighth within ten seconds \
pauses the server, which says so, keeps its live connections, and serves \
again by itself; another server notices nothing" timeout 200
crash_flood_body()
{
	two "prefork 24"
	load_start still www -n 4
	load_start other other -n 3 -c 3
	victims=
	i=0
	while [ $i -lt 8 ]; do
		client
		victims="$victims $victim"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	kill -SEGV ${victims% *}
	wait_until 20 "seven crashes" eval '[ $(crashes) -eq 7 ]'
	wait_until 20 "service after seven" served
	in_log "$pausing" && atf_fail "paused too early"
	kill -SEGV "$victim"
	wait_log "$pausing"
	"$peer" -t 60 connect "127.0.0.1:$(port_of www)" tls write queued \
	    shutdown read >queued 2>/dev/null &
	queued=$!
	echo $queued >>pids
	served other || atf_fail "the other server has paused, too"
	wait_log "$again"
	# Nobody was let in between the two lines, and the queue was kept.
	atf_check_equal 0 "$(sed -n '/8 crashes within/,/accepting again/p' log |
	    grep -c '^server=www .*state=connecting')"
	wait_until 20 "the queued one" dead $queued
	atf_check -o inline:queued cat queued
	wait_until 20 "service" served
	load_stop still
	load_stop other
	atf_check_equal 8 "$(crashes)"
	atf_check -o match:'crashes=8$' cat log
	stop_clean
}

scenario idle_flood "Idle sessions that crash pause the server as well: it \
does not fork for ever, and serves again by itself" timeout 200
idle_flood_body()
{
	two "prefork 12"
	load_start still www -n 3
	load_start other other -n 2 -c 3
	# As fast as they come, until it has had enough.
	wait_until 60 "a pause" kill_idle
	n=$(crashes)
	wait_until 8 "no idle session" nobody_idle
	# And none is forked until the pause is over.
	while ! in_log "$again"; do
		nobody_idle || in_log "$again" || atf_fail "one was forked"
		sleep "$poll"
	done
	atf_check_equal 0 "$(sed -n '/8 crashes within/,$p' log |
	    grep -c '^server=www .*state=connecting')"
	wait_log "$again"
	wait_until 20 "service" served
	# Those of one pool may all be hit before the parent knows of one.
	echo "$n crashes until the pause"
	[ "$n" -le 32 ] || atf_fail "$n crashes"
	load_stop still
	load_stop other
	stop_clean
}
nobody_idle() { [ -z "$(in_state www idle)" ]; }
kill_idle()
{
	in_log "$pausing" && return 0
	# shellcheck disable=SC2046
	kill -SEGV $(in_state www idle)
	in_log "$pausing"
}

scenario spawner_stopped "A spawner that hangs is replaced; its live sessions \
and the other server go on meanwhile" timeout 250
spawner_stopped_body()
{
	two "prefork 4"
	load_start still www -n 4
	load_start other other -n 3 -c 3
	measure
	now_current
	kill -STOP "$old"
	# Those that are ready serve, and then nobody is let in.
	for i in 1 2 3 4; do
		"$peer" -t 90 connect "127.0.0.1:$(port_of www)" tls write x \
		    shutdown read >/dev/null 2>&1 &
		echo $! >>pids
	done
	served other || atf_fail "the other server hangs as well"
	wait_until 60 "the spawner to be replaced" in_log \
	    'warning="spawner of server ."www." terminated: does not answer; it is replaced"'
	wait_until 20 "another spawner" replaced www "$old"
	wait_until 20 "service" served
	dead "$old" || atf_fail "the one that hung is still there"
	load_stop still
	load_stop other
	stop_clean
}

scenario spawner_mute "A spawner that hangs after it was replaced is killed, \
when a session it should kill does not go" timeout 250
spawner_mute_body()
{
	two "prefork 4"
	load_start other other -n 2
	client
	held=$victim
	client
	now_current
	kill -SEGV "$victim"
	wait_until 20 "another spawner" replaced www "$old"
	# Only its last session keeps it, and neither of them will move.
	kill -STOP "$held"
	kill -STOP "$old"
	kill -KILL "$(peer_of_held)"
	served || atf_fail "not served"
	kill -CONT "$held"
	wait_until 60 "the old spawner to be killed" dead "$old"
	wait_until 20 "its end to be told" in_log \
	    'spawner of server ."www." terminated: does not answer"'
	load_stop other
	stop_clean
}
# The first of the two clients.
peer_of_held() { grep -v "^$daemon\$" pids | sed -n 2p; }

scenario signer_stopped "A signer that hangs is replaced; another signer \
serves, and live connections go on, meanwhile" timeout 200
signer_stopped_body()
{
	two "timeout handshake 1"
	# Nobody honest is to shake hands with www within its one second.
	load_start still other -n 4
	load_start other other -n 2
	old=$(signers_)
	kill -STOP "$old"
	i=0
	while [ $i -lt 8 ]; do
		"$peer" connect "127.0.0.1:$(port_of www)" tls drain \
		    >/dev/null 2>&1 &
		echo $! >>pids
		i=$((i + 1))
	done
	wait_log 'warning="signer 1 terminated: does not answer; it is replaced"' 40
	# On a slow machine the last ones come to its successor.
	wait_until 40 "an end of each handshake" eight_shaken
	[ "$late" -ge 1 ] || atf_fail "none waited for it in vain"
	wait_until 20 "service" served
	served other || atf_fail "other is not served"
	dead "$old" || atf_fail "the one that hung is still there"
	load_stop still
	load_stop other
	stop_clean
}

eight_shaken()
{
	late=$(grep -c 'error=ptTimeout .*reason="handshake timer, 1 second"' log)
	[ $((late + $(grep -c '^server=www .* state=connected' log))) -ge 8 ]
}

scenario one_of_two_signers "Of two signers one hangs: the other one serves" \
    timeout 200
one_of_two_signers_body()
{
	signers=2
	two "timeout handshake 3"
	load_start still www -n 3
	old=$(signers_ | sed 1q)
	kill -STOP "$old"
	well=0
	i=0
	while [ $i -lt 20 ]; do
		served && well=$((well + 1))
		i=$((i + 1))
	done
	echo "$well of 20 were served"
	# One waits for it; from then on it is the busier of the two.
	[ $well -ge 19 ] || atf_fail "$well of 20 were served"
	load_stop still
	kill -CONT "$old"
	stop_clean
}

atf_init_test_cases()
{
	add_scenarios
}
