# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# How many connections there may be, and what becomes of one too many.

. "$(atf_get_srcdir)/common.sh"

# holder NAME [OPTION]...: a client that stays connected until the file
# NAME.leave is there; returns when it is connected.
holder()
{
	_n=$1
	shift
	background "$peer" "$@" connect "127.0.0.1:$port" tls write x \
	    readn 1 touch "$_n.in" until "$_n.leave" shutdown read
	wait_until 20 "$_n to be connected" test -f "$_n.in"
}

# turned_away [OPTION]...: closed before it has got a byte.
turned_away()
{
	"$peer" "$@" connect "127.0.0.1:$port" drain >away.out 2>away.err
	cat away.err
	grep -Eq '^end (eof|Connection reset by peer)$' away.err &&
	    [ ! -s away.out ]
}

served()
{
	[ "$("$peer" "$@" connect "127.0.0.1:$port" tls write served \
	    shutdown read 2>/dev/null)" = served ]
}

scenario total "connections max: one too many is closed at once, with one \
line in the log, and the next is served when one has left"
total_body()
{
	serve echo "connections max 2"
	start
	holder a
	holder b
	turned_away || atf_fail "the third was not turned away"
	wait_log 'ptOperationRefused'
	touch a.leave
	wait_until 20 "room" served
	touch b.leave
	wait_closed 3
	grep ptOperationRefused log | sed 1q >refused
	atf_check -o match:'^server=www from=127\.0\.0\.1:[0-9]+ error=ptOperationRefused number=12019 description="[^"]+" reason=".*connections max 2.*" count=1$' \
	    cat refused
	# Never adopted: no State event at all.
	from=$(sed -n 's/.* from=\([^ ]*\) .*/\1/p' refused)
	atf_check -s exit:1 grep "from=$from state=" log
}

scenario per_source "per source: one address cannot take more than its \
share, and others are served meanwhile"
per_source_body()
{
	need_addresses 127.0.0.2
	serve echo "connections per source 2"
	start
	holder a
	holder b
	turned_away || atf_fail "the third of a source was not turned away"
	served -b 127.0.0.2:0 || atf_fail "another source was not served"
	wait_log 'ptOperationRefused'
	atf_check -o match:'reason=".*per source 2.*"' \
	    grep ptOperationRefused log
	touch a.leave
	wait_until 20 "room" served
	touch b.leave
}

scenario pending "pending: when it is full the oldest handshake makes room, \
so silent clients do not shut honest ones out"
pending_body()
{
	serve echo "connections pending 3"
	start
	for i in 1 2 3 4; do
		background "$peer" connect "127.0.0.1:$port" \
		    raw "\\x16\\x03\\x01\\x02\\x00\\x01" hold
		wait_until 20 "silent client $i" connecting "$i"
	done
	wait_closed 1
	oldest=$(sed -n 's/^server=www session=\([0-9]*\) .*state=connecting/\1/p' \
	    log | sed 1q)
	atf_check -o match:"session=$oldest .*state=closed" \
	    grep state=closed log
	atf_check -o match:"session=$oldest .*error=ptOperationRefused number=12019 .*reason=\".*pending 3.*\"" \
	    grep error= log
	served || atf_fail "an honest client was shut out"
	wait_closed 2
}
connecting() { [ "$(grep -c state=connecting log)" -ge "$1" ]; }

scenario pending_most "pending: it is the source with most handshakes that \
makes room, not the one with the oldest"
pending_most_body()
{
	need_addresses 127.0.0.2 127.0.0.3
	serve echo "connections pending 6"
	start
	half 127.0.0.3 1
	for i in 2 3 4 5 6; do
		half 127.0.0.2 $i
	done
	half 127.0.0.1 7
	wait_closed 1
	atf_check -o match:' from=127\.0\.0\.2:[0-9]+ error=ptOperationRefused' \
	    grep error= log
	half 127.0.0.1 8
	wait_closed 2
	atf_check -s exit:1 grep -E 'from=127\.0\.0\.[13]:[0-9]+ error=' log
}
half()
{
	background "$peer" -b "$1:0" connect "127.0.0.1:$port" \
	    raw "\\x16\\x03\\x01\\x02\\x00\\x01" hold
	wait_until 20 "handshake $2" connecting "$2"
}

# asks SOURCE COUNT TOTAL: so many clients that wait for a signature, and
# then there are so many.
asks()
{
	_i=0
	while [ $_i -lt "$2" ]; do
		background "$peer" -t 60 -b "$1:0" connect "127.0.0.1:$port" \
		    tls write x readn 1 drain
		eval "last=$pid"
		_i=$((_i + 1))
	done
	wait_until 20 "$3 connecting" connecting "$3"
	wait_until 20 "$3 sessions" busy_count "$3" connecting
}

scenario turns "A flood of lone ClientHellos from five sources does not keep \
honest handshakes from being completed: signatures are made by turns" \
    timeout 400
turns_body()
{
	flooders="127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6"
	# shellcheck disable=SC2086
	need_addresses $flooders
	certificate www rsa:4096
	serve echo "connections pending 10"
	echo "signers 1" >>securetcpd.conf
	start
	hello_of
	# As fast as they are disposed of, which is faster than they are signed.
	# shellcheck disable=SC2086
	background "$top/regress/tools/lone" "$port" hello 8 $flooders
	flood=$pid
	wait_until 60 "the flood" connecting 200
	i=0
	completed=0
	while [ $i -lt 10 ]; do
		! served || completed=$((completed + 1))
		i=$((i + 1))
	done
	dead "$flood" && atf_fail "the flood did not last"
	kill "$flood"
	[ $completed -eq 10 ] || atf_fail "$completed of 10 were completed"
	# Nor was the one that signed taken for one that hangs.
	atf_check -s exit:1 grep "does not answer" log
}

scenario patience "A signer is replaced for being silent, and not for the \
number of those who could not wait for it"
patience_body()
{
	need_look
	serve echo "timeout handshake 1"
	echo "signers 1" >>securetcpd.conf
	start
	hello_of
	old=$(signers)
	# Where that takes long it shows nothing, and is tried again.
	for try in 1 2 3 4 5; do
		begin=$(date +%s)
		kill -STOP "$old"
		background "$top/regress/tools/lone" "$port" hello 12 127.0.0.1
		until [ "$(grep -c 'error=ptTimeout' log)" -ge $((try * 10)) ]; do
			[ $(($(date +%s) - begin)) -lt 4 ] || break
			sleep 0.05
		done
		kill -CONT "$old"
		kill "$pid"
		if [ $(($(date +%s) - begin)) -lt 4 ]; then
			wait_until 20 "somebody served by it" served
			atf_check_equal "$old" "$(signers)"
			atf_check -s exit:1 grep "signer 1 terminated" log
			return
		fi
		wait_until 20 "its signer" served
		old=$(signers)
	done
	atf_skip "this machine is too slow for it"
}

scenario left "Whoever leaves takes its request for a signature along"
left_body()
{
	need_look
	serve echo
	echo "signers 1" >>securetcpd.conf
	start
	kill -STOP "$(signers)"
	asks 127.0.0.1 6 6
	sleep 1
	kill -KILL "$last"
	wait_log 'error=ptConnectionAborted .*reason="the peer left in the middle of the handshake: (end of file|Connection reset by peer)"'
	kill -CONT "$(signers)"
	# Where that took long there is another, which the two it had are not
	# served by.
	wait_until 40 "the others" served_or_lost 5
	[ "$(grep -c error=ptConnectionAborted log)" -eq 1 ] ||
	    atf_fail "more than one left"
}
served_or_lost()
{
	[ "$(grep -cE 'state=connected|error=ptError .*signer 1 term' log)" \
	    -ge "$1" ]
}

scenario successor "A spawner that takes over from another makes the pool \
neither empty nor larger" timeout 200
successor_body()
{
	need_look
	serve echo "prefork 4"
	echo "spawner lifetime 5" >>securetcpd.conf
	start
	i=0
	while [ $i -lt 40 ]; do
		served || atf_fail "not served"
		i=$((i + 1))
	done
	most=0
	for i in 1 2 3 4 5 6 7 8 9 10; do
		now=$(sessions | wc -l)
		[ "$now" -le $most ] || most=$now
		sleep 0.2
	done
	echo "$most sessions after $(grep -c process=spawner log) spawners"
	atf_check test "$(grep -c process=spawner log)" -ge 5
	[ $most -le 32 ] || atf_fail "$most sessions"
	wait_until 60 "few sessions" few_sessions 8
	served || atf_fail "not served"
}
few_sessions() { [ "$(sessions | wc -l)" -le "$1" ]; }

scenario flood_of_silence "200 silent connections do not keep an honest one \
from being served" timeout 200
flood_of_silence_body()
{
	serve echo "connections max 400 per source 300 pending 20"
	start
	i=0
	while [ $i -lt 200 ]; do
		background "$peer" connect "127.0.0.1:$port" hold
		i=$((i + 1))
	done
	wait_until 60 "the oldest to have made room" made_room 180
	served || atf_fail "an honest client was shut out"
	# They have no session, and so no State.
	atf_check_equal 1 "$(grep -c state=connecting log)"
}
# made_room COUNT: silent connections, by the lines that count them.
made_room()
{
	[ "$(sed -n 's/^server=www from=.* error=ptOperationRefused .*connections pending .*" count=//p' \
	    log | awk '{ n += $1 } END { print n + 0 }')" -ge "$1" ]
}

scenario rate "A thousand refusals are a few lines with counts, not a \
thousand lines"
rate_body()
{
	serve echo "connections max 1"
	start
	holder a
	begin=$(date +%s)
	i=0
	while [ $i -lt 300 ]; do
		"$peer" connect "127.0.0.1:$port" close 2>/dev/null
		i=$((i + 1))
	done
	touch a.leave
	wait_closed 1
	# One a second, and a few that begin one.
	lines=$(grep -c ptOperationRefused log)
	took=$(($(date +%s) - begin))
	atf_check test "$lines" -lt $((took < 25 ? 30 : took + 5))
	atf_check test "$lines" -gt 0
}

scenario prefork_small "More at once than prefork are all served: nothing \
is accepted that cannot be adopted"
prefork_small_body()
{
	serve echo "prefork 1" \
	    "timeout handshake $((10 * ${RUNATF_SLOW:-1}))"
	start
	i=0
	peers=
	while [ $i -lt 40 ]; do
		"$peer" connect "127.0.0.1:$port" tls write "me $i" \
		    shutdown read >got.$i 2>err.$i &
		peers="$peers $!"
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	wait $peers
	i=0
	while [ $i -lt 40 ]; do
		atf_check -o inline:"me $i" cat got.$i
		i=$((i + 1))
	done
	wait_closed 40
}

idle_sessions() { [ "$(sessions | wc -l)" -eq "$1" ]; }

scenario prefork "prefork sessions are ready before the first connection, \
and as many again when half of them were used"
prefork_body()
{
	need_look
	serve echo "prefork 6"
	start
	wait_until 20 "6 idle sessions" idle_sessions 6
	for i in 1 2 3; do
		served || atf_fail "not served"
	done
	wait_until 20 "6 idle sessions again" idle_sessions 6
}

scenario limits_raised "At start the limit of descriptors is raised to what \
the configuration can need"
limits_raised_body()
{
	case $system in
	Linux)		[ -f /proc/self/limits ] || atf_skip "there is no /proc" ;;
	FreeBSD)	;;
	*)		atf_skip "nothing tells the limits of a process here" ;;
	esac
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 8192 ] ||
	    atf_skip "the hard limit of descriptors here is $(ulimit -Hn)"
	serve echo "connections max 2000"
	start "$as" -n 64:8192
	case $system in
	Linux)	raised=$(awk '/^Max open files/ { print $4 }' \
		    "/proc/$daemon/limits") ;;
	*)	raised=$(procstat rlimit "$daemon" |
		    awk '/openfiles/ { print $4 }') ;;
	esac
	atf_check test "$raised" -ge 2000
}

scenario limits_low "A hard limit that is too low is named: an error for \
root, a warning for an ordinary user"
limits_low_body()
{
	! raises || atf_skip "root may have more than its limit here"
	serve echo "connections max 2000"
	if [ "$(id -u)" -eq 0 ]; then
		launch "$as" -n 64:128
		wait_until 20 "its end" dead "$daemon"
		wait "$daemon"
		atf_check_equal 1 $?
	else
		start "$as" -n 64:128
		atf_check -o match:"warning: .*descriptors" cat log
	fi
	cat log
	atf_check -o match:"can need [0-9]+ descriptors, the limit is 128" \
	    cat log
}

scenario backlog "A backlog that is more than the system allows is warned of \
when it was said"
backlog_body()
{
	certificate www
	listening ""
	atf_check -s exit:1 grep backlog log
	kill -TERM "$daemon"
	wait "$daemon"
	listening "backlog 65535"
	atf_check -o match:"^warning=\"listen on 127.0.0.1:$port: backlog 65535 is more than the [0-9]+ that the system allows \\([a-z.]+ in sysctl\\)\"" \
	    cat log
}
listening()
{
	configure <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0 $1
		certificate "www"
		echo
	}
	CONF
	start
}

# several "STATEMENT"...: four echo servers with them, on one certificate, or
# those of $blocks.
blocks="www one two three"
several()
{
	certificate www
	for _s in $blocks; do
		echo "server \"$_s\" {"
		echo "	listen on 127.0.0.1 port 0"
		echo "	certificate \"www\""
		echo "	echo"
		[ $# -eq 0 ] || printf '	%s\n' "$@"
		echo "}"
	done | configure
}

# under SOFT:HARD: $under starts something with this limit of descriptors; where
# root would raise it again, as an ordinary user.
under()
{
	under="$as -n $1"
	raises || return 0
	chown nobody . www.key www.crt
	under="$under -u nobody"
}

scenario limits_default "Where connections max is not said it follows what \
the system can hold: the log and -n say so, and the lower maximum is in force"
limits_default_body()
{
	several
	printf 'server "said" {\n\tlisten on 127.0.0.1 port 0\n%s\n}\n' \
	    '	certificate "www"; echo; connections max 20' \
	    >>securetcpd.conf
	under 64:400
	# shellcheck disable=SC2086
	atf_check -o inline:"configuration OK\n" \
	    -e match:'^securetcpd: warning: "connections max" of 4 blocks is [0-9]+ instead of 1000, because it was not said and the configuration can need [0-9]+ descriptors, the limit is 400 \(.*\)$' \
	    $under "$securetcpd" -n -f securetcpd.conf
	# shellcheck disable=SC2086
	start $under
	atf_check -o match:'^warning="..connections max.. of 4 blocks is [0-9]+ instead of 1000, because' \
	    cat log
	most=$(sed -n 's/^warning=.* of 4 blocks is \([0-9]*\) .*/\1/p' log)
	echo "at most $most"
	atf_check test "$most" -ge 8 -a "$most" -lt 40
	i=0
	while [ $i -lt "$most" ]; do
		holder h$i
		i=$((i + 1))
	done
	turned_away || atf_fail "one more was not turned away"
	atf_check -o match:"reason=.*connections max $most" \
	    grep ptOperationRefused log
}

scenario limits_eleven "Eleven blocks of which nothing is said start where \
OpenBSD has 1024 descriptors for a daemon, and each serves"
limits_eleven_body()
{
	blocks="www b1 b2 b3 b4 b5 b6 b7 b8 b9 b10"
	several
	under 512:1024
	# shellcheck disable=SC2086
	start $under
	atf_check -o match:'^warning="..connections max.. of 11 blocks is [0-9]+ instead of 1000, because .* the limit is 1024 ' \
	    cat log
	most=$(sed -n 's/^warning=.* of 11 blocks is \([0-9]*\) .*/\1/p' log)
	echo "at most $most"
	atf_check test "$most" -ge 20
	for b in $blocks; do
		atf_check -o inline:served -e ignore "$peer" connect \
		    "127.0.0.1:$(port_of $b)" tls write served shutdown read
	done
	wait_closed 11
	atf_check -s exit:1 grep error= log
	stop_daemon
	atf_check_equal 0 $?
}

scenario limits_said "A maximum that was said and cannot be held is an error, \
which names one that would fit, and that one does fit"
limits_said_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "an ordinary user is only warned"
	! raises || atf_skip "root may have more than its limit here"
	several "connections max 500"
	atf_check -s exit:1 \
	    -e match:'^securetcpd: the configuration can need [0-9]+ descriptors, the limit is 280 \(.*\); "connections max [0-9]+" in every block would fit$' \
	    -e save:err "$as" -n 64:280 "$securetcpd" -n \
	    -f securetcpd.conf
	most=$(sed -n 's/.*"connections max \([0-9]*\)" in.*/\1/p' err)
	several "connections max $((most + 1))"
	atf_check -s exit:1 -e match:"connections max $most\"" \
	    "$as" -n 64:280 "$securetcpd" -n -f securetcpd.conf
	several "connections max $most"
	atf_check -o inline:"configuration OK\n" \
	    "$as" -n 64:280 "$securetcpd" -n -f securetcpd.conf
	# Not even one connection.
	several "connections max 1"
	atf_check -s exit:1 -e match:'the limit is 100 \([^;]*\)$' \
	    "$as" -n 64:100 "$securetcpd" -n -f securetcpd.conf
}

scenario pool_bounded "However connections come and go, a server has no more \
processes than connections max and prefork allow" timeout 120
pool_bounded_body()
{
	serve echo "connections max 6 per source 6" "prefork 3"
	start
	i=0
	peers=
	while [ $i -lt 40 ]; do
		"$peer" connect "127.0.0.1:$port" tls write x shutdown read \
		    >/dev/null 2>&1 &
		peers="$peers $!"
		[ "$(sessions | wc -l)" -le 9 ] ||
		    atf_fail "$(sessions | wc -l) processes"
		i=$((i + 1))
	done
	wait_until 20 "all to leave" idle_only
	[ "$(sessions | wc -l)" -le 9 ] || atf_fail "too many in the end"
	served || atf_fail "not served in the end"
}
idle_only()
{
	for _p in $peers; do
		dead "$_p" || return 1
	done
	[ "$(grep -c state=closed log)" -eq \
	    "$(grep -c state=connecting log)" ]
}

atf_init_test_cases()
{
	add_scenarios
}
